//! Carrying out a scale or a restart, under the operation that the record holds.

use jiff::Timestamp;
use serde_json::json;

use super::owned::foreign_scalers;
use super::planning::{is_idle, is_marked, with_replicas};
use super::workload::replicas;
use super::{AdjustOptions, AdjustPlan, Adjustment, Means, PlannedWorkload, n_replicas};
use crate::cluster::{ApplyOptions, Cluster, Written};
use crate::definition::naming;
use crate::definition::object::Object;
use crate::engine::agreed;
use crate::engine::apply::is_outdated;
use crate::engine::deploy::Report;
use crate::engine::journal::Journal;
use crate::engine::looks::Looks;
use crate::engine::metadata::Metadata;
use crate::engine::one_by_one::OneByOne;
use crate::engine::operation::{self, Intent, Lease, Shown};
use crate::engine::plan::{FieldConflict, unshown};
use crate::engine::progress::{Outcome, Step};
use crate::engine::record;
use crate::engine::rehearse::{field_conflicts, is_own_scaling};
use crate::failure::{Failure, FailureKind};
use crate::service::managed::RESTARTED_AT;
use crate::service::operation::Aim;

/// Carries out a plan that was shown. Of several workloads it goes on past one that fails.
pub async fn run_adjustment(
    cluster: &Cluster,
    plan: &AdjustPlan,
    options: &AdjustOptions,
    report: Report<'_>,
) -> Outcome {
    let mut journal = Journal::new(report);
    if plan.refusals.is_empty() && plan.is_noop() {
        return journal.into_outcome();
    }
    let lease = match begin(cluster, plan, options, &mut journal).await {
        Ok(lease) => lease,
        Err(failure) => {
            let keys = plan.workloads.iter().map(|workload| workload.key.clone());
            return journal.not_begun(failure, keys.map(Step::Apply));
        }
    };
    let run = Run {
        cluster,
        plan,
        options,
        lease: &lease,
    };
    lease.through(run.carry_out(&mut journal)).await;
    journal.into_outcome()
}

async fn begin<'a>(
    cluster: &'a Cluster,
    plan: &AdjustPlan,
    options: &AdjustOptions,
    journal: &mut Journal<'_>,
) -> Result<Lease<'a>, Failure> {
    let obstacles = plan.obstacles(options.takes_conflicts);
    if let Some(obstacle) = obstacles.into_iter().next() {
        return Err(obstacle);
    }
    let record = record::read(cluster, &plan.instance).await?;
    let record = record.ok_or_else(|| plan.instance.not_there())?;
    is_idle(&record, &plan.instance, cluster.now())?;
    let intent = Intent {
        kind: plan.adjustment.verb(),
        instance: &plan.instance,
        holder: &options.holder,
        aim: Aim {
            replicas: match plan.adjustment {
                Adjustment::Scale(to) => Some(to),
                Adjustment::Restart => None,
            },
            restarted_at: match plan.adjustment {
                Adjustment::Scale(_) => None,
                Adjustment::Restart => Some(at(plan, options)),
            },
            workload: plan.only.as_ref().map(ToString::to_string),
            taken: agreed::digests(agreed::taken(options.takes_conflicts, &plan.conflicts)),
            ..Aim::default()
        },
        n_steps: plan.workloads.len(),
        meeting: options.meeting,
        shown: Shown::Anything,
    };
    let lease = operation::claim(cluster, &intent, None, journal).await?;
    lease.ok_or_else(|| plan.instance.not_there())
}

/// Returns the time that a restart is marked with: one that goes on is the same restart.
fn at(plan: &AdjustPlan, options: &AdjustOptions) -> Timestamp {
    plan.begun.unwrap_or(options.at)
}

struct Run<'a> {
    cluster: &'a Cluster,
    plan: &'a AdjustPlan,
    options: &'a AdjustOptions,
    lease: &'a Lease<'a>,
}

impl Run<'_> {
    async fn carry_out(&self, journal: &mut Journal<'_>) {
        let adjustment = self.plan.adjustment;
        let mut changes = OneByOne::new(self.lease);
        for workload in &self.plan.workloads {
            let step = Step::Apply(workload.key.clone());
            let doing = format!("{} {}", adjustment.verb(), workload.key);
            if !changes.may_begin(&step, &doing, journal).await {
                continue;
            }
            let written = self.write(workload).await.map(|warnings| {
                let remark = match adjustment {
                    Adjustment::Scale(to) => format!("{} → {}", workload.replicas, n_replicas(to)),
                    Adjustment::Restart => "its pods are replaced".to_owned(),
                };
                Some([vec![remark], warnings].concat().join("; "))
            });
            journal.ended(step, written);
        }
    }

    /// Writes what was shown onto what was seen; when no answer comes, looks before anything is sent again.
    async fn write(&self, workload: &PlannedWorkload) -> Result<Vec<String>, Failure> {
        let mut unanswered: Option<Failure> = None;
        let mut looks = Looks::default();
        while looks.again().await {
            let live = self.cluster.get(&workload.key).await;
            let live = live.map_err(|failure| unanswered.clone().unwrap_or(failure))?;
            let live = live.filter(|live| Metadata::of(live).uid() == workload.uid);
            let live =
                live.ok_or_else(|| conflict(workload, "it was deleted or made again meanwhile"))?;
            if Metadata::of(&live).is_being_deleted() {
                return Err(conflict(workload, "it is being deleted"));
            }
            if unanswered.is_some() && self.has_arrived(&live) {
                return Ok(Vec::new());
            }
            if matches!(self.plan.adjustment, Adjustment::Scale(_))
                && replicas(&live) != workload.replicas
            {
                let why = "the number of replicas was changed meanwhile: plan again";
                return Err(conflict(workload, why));
            }
            match self.send(workload, &live).await {
                Ok(written) if Metadata::of(&written.object).is_being_deleted() => {
                    return Err(conflict(workload, "it is being deleted"));
                }
                Ok(written) => return Ok(written.warnings),
                Err(failure) if is_outdated(&failure) => {}
                Err(failure) if failure.kind == FailureKind::Unreachable => {
                    unanswered = Some(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(unanswered.unwrap_or_else(|| conflict(workload, "it is changed all the time")))
    }

    async fn send(&self, workload: &PlannedWorkload, live: &Object) -> Result<Written, Failure> {
        let id = &self.plan.instance.id;
        let version = Metadata::of(live).resource_version();
        match (workload.means, self.plan.adjustment) {
            (Means::Apply, Adjustment::Scale(to)) => self.apply(workload, live, to).await,
            (_, Adjustment::Scale(to)) => {
                self.may_take(&foreign_scalers(live, id))?;
                // NB: the version stands for the uid too: no two objects ever have the same.
                let patch =
                    json!({"metadata": {"resourceVersion": version}, "spec": {"replicas": to}});
                let manager = naming::scale_field_manager(id);
                self.cluster
                    .merge_patch(&workload.key, &patch, &manager, Some("scale"))
                    .await
            }
            (_, Adjustment::Restart) => {
                let annotations = json!({RESTARTED_AT: at(self.plan, self.options).to_string()});
                let patch = json!({
                    "metadata": {"uid": workload.uid, "resourceVersion": version},
                    "spec": {"template": {"metadata": {"annotations": annotations}}},
                });
                let manager = naming::restart_field_manager(id);
                self.cluster
                    .merge_patch(&workload.key, &patch, &manager, None)
                    .await
            }
        }
    }

    /// Applies what the instance applied, with another number. Fields of others are taken only as shown: what it met at the
    /// version that it names is what the forced one, of the same version, takes.
    async fn apply(
        &self,
        workload: &PlannedWorkload,
        live: &Object,
        to: u32,
    ) -> Result<Written, Failure> {
        let manager = naming::field_manager(&self.plan.instance.id);
        let body = with_replicas(live, &manager, to);
        let body =
            body.ok_or_else(|| conflict(workload, "it is not applied by bowline any more"))?;
        let options = ApplyOptions {
            field_manager: manager,
            dry_run: false,
            force: false,
        };
        let failure = match self.cluster.apply(&body, &options).await {
            Err(failure) => failure,
            written => return written,
        };
        let mut met = field_conflicts(&body.key, Some(live), &failure);
        if met.is_empty() {
            return Err(failure);
        }
        met.retain(|conflict| !is_own_scaling(conflict, &options.field_manager));
        self.may_take(&met)?;
        let forced = ApplyOptions {
            force: true,
            ..options
        };
        self.cluster.apply(&body, &forced).await
    }

    /// Makes sure that only what was shown is taken from others.
    fn may_take(&self, met: &[FieldConflict]) -> Result<(), Failure> {
        let shown = agreed::taken(self.options.takes_conflicts, &self.plan.conflicts);
        match met.iter().find_map(|met| unshown(met, shown)) {
            None => Ok(()),
            Some(new) => Err(new),
        }
    }

    /// Tells whether a write that was not answered was carried out.
    fn has_arrived(&self, live: &Object) -> bool {
        match self.plan.adjustment {
            Adjustment::Scale(to) => replicas(live) == to,
            Adjustment::Restart => is_marked(live, at(self.plan, self.options)),
        }
    }
}

fn conflict(workload: &PlannedWorkload, why: &str) -> Failure {
    let summary = format!("{} is not changed: {why}", workload.key);
    Failure::new(FailureKind::Conflict, summary)
}
