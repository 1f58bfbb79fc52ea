//! Carrying out the plan of an instance's routes, under the operation that the record holds.

use super::backing::Backing;
use super::planning::Seen;
use super::{OPERATION, PlannedRoute, RouteOptions, RoutePlan};
use crate::cluster::{Cluster, Deleted, Propagation};
use crate::definition::naming;
use crate::engine::adjust::is_idle;
use crate::engine::agreed;
use crate::engine::apply::{self, Target};
use crate::engine::deploy::Report;
use crate::engine::journal::Journal;
use crate::engine::metadata::Metadata;
use crate::engine::one_by_one::OneByOne;
use crate::engine::operation::{self, Intent, Lease, Shown};
use crate::engine::ownership;
use crate::engine::plan::Change;
use crate::engine::progress::{Outcome, Step};
use crate::engine::record;
use crate::failure::{Failure, FailureKind};
use crate::service::operation::Aim;
use futures::FutureExt;

/// Carries out a plan that was shown. It goes on past a route that fails.
pub async fn run_routes(
    cluster: &Cluster,
    plan: &RoutePlan,
    options: &RouteOptions,
    report: Report<'_>,
) -> Outcome {
    let mut journal = Journal::new(report);
    if plan.refusals.is_empty() && plan.is_noop() {
        return journal.into_outcome();
    }
    let lease = match begin(cluster, plan, options, &mut journal).await {
        Ok(lease) => lease,
        Err(failure) => return journal.not_begun(failure, plan.changes().map(step_of)),
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
    plan: &RoutePlan,
    options: &RouteOptions,
    journal: &mut Journal<'_>,
) -> Result<Lease<'a>, Failure> {
    let instance = &plan.instance;
    let obstacles = plan.obstacles(options.takes_conflicts);
    if let Some(obstacle) = obstacles.into_iter().next() {
        return Err(obstacle);
    }
    let record = record::read(cluster, instance).await?;
    let record = record.ok_or_else(|| instance.not_there())?;
    is_idle(&record, instance, cluster.now())?;
    let intent = Intent {
        kind: OPERATION,
        instance,
        holder: &options.holder,
        aim: Aim {
            taken: agreed::digests(agreed::taken(options.takes_conflicts, &plan.conflicts)),
            ingress_host: plan.ingress_host.clone(),
            ..Aim::default()
        },
        n_steps: plan.changes().count(),
        meeting: options.meeting,
        shown: Shown::Anything,
    };
    let lease = operation::claim(cluster, &intent, None, journal).await?;
    let lease = lease.ok_or_else(|| instance.not_there())?;
    // Looked at again now that nobody else can deploy.
    let record = record::read(cluster, instance).await?;
    if record.is_none_or(|record| record.revision() != plan.revision) {
        let _ = lease.end(record::Change::default()).await;
        let why = "it was deployed meanwhile: plan again";
        return Err(conflict(format!(
            "the routes of {instance} are not changed: {why}"
        )));
    }
    Ok(lease)
}

struct Run<'a> {
    cluster: &'a Cluster,
    plan: &'a RoutePlan,
    options: &'a RouteOptions,
    lease: &'a Lease<'a>,
}

impl Run<'_> {
    async fn carry_out(&self, journal: &mut Journal<'_>) {
        let mut changes = OneByOne::new(self.lease);
        for route in self.plan.changes() {
            let step = step_of(route);
            let key = &route.object.key;
            let doing = match route.wanted {
                Some(_) => format!("apply {key}"),
                None => format!("delete {key}"),
            };
            if !changes.may_begin(&step, &doing, journal).await {
                continue;
            }
            let changed = self.change(route, journal).await;
            let remark =
                |warnings: Vec<String>| (!warnings.is_empty()).then(|| warnings.join("; "));
            journal.ended(step, changed.map(remark));
        }
    }

    async fn change(
        &self,
        route: &PlannedRoute,
        journal: &mut Journal<'_>,
    ) -> Result<Vec<String>, Failure> {
        let Some(wanted) = &route.wanted else {
            return self.delete(route, journal).await.map(|()| Vec::new());
        };
        let manager = naming::field_manager(&self.plan.instance.id);
        let target = match &route.object.live_uid {
            Some(uid) => Target::Seen(uid),
            None => Target::Absent,
        };
        let taken = agreed::taken(self.options.takes_conflicts, &self.plan.conflicts);
        let taken = taken.iter().filter(|met| met.key == wanted.key);
        let taken: Vec<_> = taken.cloned().collect();
        let hold = || self.lease.hold().boxed();
        let onto = (target, taken.as_slice());
        let written = apply::apply(self.cluster, &hold, &manager, wanted, onto).await?;
        Ok(written.warnings)
    }

    /// Deletes what was seen, if it still leads nowhere: what it routes to may have come back since.
    async fn delete(&self, route: &PlannedRoute, journal: &mut Journal<'_>) -> Result<(), Failure> {
        let key = &route.object.key;
        let uid = route.object.live_uid.as_deref().unwrap_or_default();
        let live = self.cluster.get(key).await?;
        let Some(live) = live.filter(|live| live.uid() == Some(uid)) else {
            return Ok(());
        };
        let instance = &self.plan.instance;
        let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
        if !ownership::is_written_by_us(&live, &instance.id, &set) {
            return Err(conflict(format!(
                "{key} is not deleted: it changed hands meanwhile"
            )));
        }
        if route.is_rendered {
            let seen = Seen::read(self.cluster, [instance]).await?;
            if !matches!(seen.backing(&live), Backing::Nowhere(_)) {
                let why = "it leads somewhere again: plan again";
                return Err(conflict(format!("{key} is not deleted: {why}")));
            }
        }
        let deleted = apply::delete(self.cluster, key, uid, Propagation::Background).await?;
        if deleted == Deleted::Accepted
            && let Some(live) = self.cluster.get(key).await?
        {
            let finalizers = Metadata::of(&live).holding_finalizers().join(", ");
            if !finalizers.is_empty() {
                journal.pending(format!("{key} is held by {finalizers}"));
            }
        }
        Ok(())
    }
}

fn step_of(route: &PlannedRoute) -> Step {
    let key = route.object.key.clone();
    match route.object.change {
        Change::Delete => Step::Delete(key),
        Change::Create | Change::Update | Change::Unchanged | Change::Keep | Change::Recreate => {
            Step::Apply(key)
        }
    }
}

fn conflict(summary: String) -> Failure {
    Failure::new(FailureKind::Conflict, summary)
}
