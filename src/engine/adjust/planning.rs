//! The plan of a scale or a restart: which workloads, how, and why not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{AdjustPlan, Adjustment, MAX_REPLICAS, Means, PlannedWorkload, claims, owned};
use crate::cluster::{Access, ApplyOptions, Cluster, Selector};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::engine::difference::normalized;
use crate::engine::metadata::Metadata;
use crate::engine::operation;
use crate::engine::ownership::{self, Owner};
use crate::engine::preflight::{self, refused};
use crate::engine::record::{self, Record};
use crate::engine::rehearse::field_conflicts;
use crate::engine::routes;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

/// How often a workload is looked at that others change between the look and the rehearsal.
const LOOKS: usize = 3;
const WORKLOADS: [&str; 2] = ["Deployment", "StatefulSet"];

/// Plans a scale or a restart.
///
/// # Errors
/// The cluster cannot be reached, or does not let the workloads be read.
pub async fn plan_adjustment(
    cluster: &Cluster,
    instance: &InstanceKey,
    adjustment: Adjustment,
) -> Result<AdjustPlan, Failure> {
    let mut plan = AdjustPlan {
        instance: instance.clone(),
        adjustment,
        is_protected: false,
        workloads: Vec::new(),
        warnings: Vec::new(),
        refusals: Vec::new(),
    };
    if let Adjustment::Scale(to) = adjustment
        && to > MAX_REPLICAS
    {
        let summary = format!("{to} replicas are too many: at most {MAX_REPLICAS} are allowed");
        let failure = Failure::new(FailureKind::Invalid, summary);
        plan.refusals.push(failure);
        return Ok(plan);
    }
    let record = match record::read(cluster, instance).await {
        Ok(record) => record,
        Err(failure) if failure.kind == FailureKind::Refused => {
            plan.refusals.push(failure);
            return Ok(plan);
        }
        Err(failure) => return Err(failure),
    };
    let Some(record) = record else {
        plan.refusals.push(instance.not_there());
        return Ok(plan);
    };
    plan.is_protected = record.is_protected()
        || preflight::is_protected(cluster, instance.namespace.as_str()).await?;
    if let Err(refusal) = is_idle(&record, instance) {
        plan.refusals.push(refusal);
        return Ok(plan);
    }
    if let Some(operation) = record.operation() {
        plan.warnings.push(operation::describe(operation));
    }
    let planner = Planner { cluster, instance };
    planner.fill(&mut plan, &record).await?;
    Ok(plan)
}

/// Refuses while a deploy or a teardown is noted: it would write over what is adjusted, and one that was interrupted needs
/// its own note to be finished by.
pub(in crate::engine) fn is_idle(record: &Record, instance: &InstanceKey) -> Result<(), Failure> {
    if record.is_being_deleted() {
        return Err(refused(format!("{instance} is being deleted")));
    }
    let Some(noted) = record.operation() else {
        return Ok(());
    };
    let kind = serde_json::from_str::<Value>(noted).unwrap_or_default();
    if matches!(
        kind["kind"].as_str(),
        Some("scale" | "restart" | routes::OPERATION)
    ) {
        // Such a one is over in a moment, or is taken over: nothing of it is left to be finished.
        return Ok(());
    }
    let who = operation::describe(noted);
    Err(refused(format!("{instance} is busy: {who}")))
}

struct Planner<'a> {
    cluster: &'a Cluster,
    instance: &'a InstanceKey,
}

impl Planner<'_> {
    async fn fill(&self, plan: &mut AdjustPlan, record: &Record) -> Result<(), Failure> {
        let found = self.find(record).await?;
        let ours = self.sort_out(plan, found);
        if !plan.refusals.is_empty() {
            return Ok(());
        }
        let id = &self.instance.id;
        match (ours.as_slice(), plan.adjustment) {
            ([], _) => {
                plan.refusals.push(refused(format!("{id} has no workload")));
                return Ok(());
            }
            ([_, _, ..], Adjustment::Scale(_)) => {
                let names: Vec<String> = ours.iter().map(|live| live.key.to_string()).collect();
                let names = names.join(", ");
                plan.refusals.push(refused(format!(
                    "{id} has several workloads, and one number cannot be meant for all: {names}"
                )));
                return Ok(());
            }
            _ => {}
        }
        plan.workloads = ours
            .iter()
            .filter_map(|live| self.planned(plan.adjustment, live))
            .collect();
        let missing = preflight::forbidden(self.cluster, self.accesses(plan)).await?;
        let namespace = self.instance.namespace.as_str();
        let refusal = preflight::forbidden_refusal(&missing, namespace);
        plan.refusals.extend(refusal);
        for live in &ours {
            self.judge(plan, live).await?;
        }
        Ok(())
    }

    /// Finds the workloads of the set by their labels, and what bears the name of the workload in their place.
    async fn find(&self, record: &Record) -> Result<Vec<Object>, Failure> {
        let selector = Selector::instance(&self.instance.id);
        let namespace = Some(&self.instance.namespace);
        let kinds = record.kinds().into_iter().filter(is_workload);
        let mut found = Vec::new();
        for kind in kinds {
            let listed = self.cluster.list(&kind, namespace, &selector).await?;
            if listed.is_empty() {
                found.extend(self.cluster.get(&self.key(&kind)).await?);
            }
            found.extend(listed);
        }
        Ok(found)
    }

    fn key(&self, kind: &GroupKind) -> ObjectKey {
        ObjectKey {
            group: kind.group.clone(),
            version: "v1".to_owned(),
            kind: kind.kind.clone(),
            namespace: Some(self.instance.namespace.to_string()),
            name: naming::workload(&self.instance.id),
        }
    }

    /// Refuses what is not ours or goes, and returns the rest.
    fn sort_out(&self, plan: &mut AdjustPlan, found: Vec<Object>) -> Vec<Object> {
        let id = &self.instance.id;
        let set = naming::instance_applyset_id(id, &self.instance.namespace);
        let mut ours = Vec::new();
        for live in found {
            let why = match ownership::owner(&live, id, &set) {
                Owner::Other(other) => format!("it belongs to {other}"),
                Owner::Nobody => "it was not made by bowline".to_owned(),
                Owner::Ours if !ownership::is_written_by_us(&live, id, &set) => {
                    "it bears the labels, but bowline did not write it".to_owned()
                }
                Owner::Ours if Metadata::of(&live).is_being_deleted() => {
                    "it is being deleted".to_owned()
                }
                Owner::Ours => {
                    ours.push(live);
                    continue;
                }
            };
            let refusal = refused(format!("{} is not changed: {why}", live.key));
            plan.refusals.push(refusal);
        }
        ours
    }

    fn planned(&self, adjustment: Adjustment, live: &Object) -> Option<PlannedWorkload> {
        let replicas = replicas(live);
        let manager = naming::field_manager(&self.instance.id);
        let means = match adjustment {
            Adjustment::Restart => Means::Annotate,
            Adjustment::Scale(to) if to == replicas => return None,
            Adjustment::Scale(_) if owned::applies_replicas(live, &manager) => Means::Apply,
            Adjustment::Scale(_) => Means::Scale,
        };
        Some(PlannedWorkload {
            key: live.key.clone(),
            uid: Metadata::of(live).uid().to_owned(),
            replicas,
            means,
        })
    }

    /// Returns what carrying it out needs.
    fn accesses(&self, plan: &AdjustPlan) -> BTreeSet<Access> {
        let access = |verb, kind: GroupKind| Access {
            verb,
            kind,
            subresource: None,
            namespace: Some(self.instance.namespace.to_string()),
        };
        let mut accesses = BTreeSet::new();
        for workload in &plan.workloads {
            accesses.insert(access("patch", GroupKind::new("", "ConfigMap")));
            accesses.insert(access("get", GroupKind::of(&workload.key)));
            let patch = access("patch", GroupKind::of(&workload.key));
            accesses.insert(match workload.means {
                Means::Scale => Access {
                    subresource: Some("scale"),
                    ..patch
                },
                Means::Apply | Means::Annotate => patch,
            });
        }
        accesses
    }

    /// Says what the person should know of the change of one workload, and why it cannot be done.
    async fn judge(&self, plan: &mut AdjustPlan, live: &Object) -> Result<(), Failure> {
        let mut workloads = plan.workloads.iter();
        let Some(workload) = workloads.find(|it| it.key == live.key).cloned() else {
            return Ok(());
        };
        let to = match plan.adjustment {
            Adjustment::Scale(to) => to,
            Adjustment::Restart => {
                if live.json["spec"]["paused"] == true {
                    let summary = format!("{} is paused: nothing would restart", live.key);
                    plan.refusals.push(refused(summary));
                }
                return Ok(());
            }
        };
        let found = claims::look(self.cluster, self.instance, live, workload.replicas, to).await?;
        plan.warnings.extend(found.warnings);
        plan.refusals.extend(found.refusals);
        match workload.means {
            Means::Apply => {
                plan.warnings.push(format!(
                    "the definition sets the number of replicas: the next deploy sets it back unless it says {to} too"
                ));
                if plan.refusals.is_empty() {
                    plan.refusals.extend(self.rehearse(&live.key, to).await?);
                }
            }
            Means::Scale if is_autoscaled(live) => plan
                .warnings
                .push("an autoscaler sets the number of replicas, and may set it again".to_owned()),
            Means::Scale | Means::Annotate => {}
        }
        Ok(())
    }

    /// Asks the server what applying the workload with another number would do: nothing else may change.
    async fn rehearse(&self, key: &ObjectKey, to: u32) -> Result<Option<Failure>, Failure> {
        let manager = naming::field_manager(&self.instance.id);
        let options = ApplyOptions {
            field_manager: manager.clone(),
            dry_run: true,
            force: false,
        };
        for _ in 0..LOOKS {
            let live = self.cluster.get(key).await?;
            let Some((live, body)) = live.and_then(|live| {
                let body = with_replicas(&live, &manager, to)?;
                Some((live, body))
            }) else {
                break;
            };
            match self.cluster.apply(&body, &options).await {
                Ok(written) if is_same_otherwise(&live.json, &written.object.json) => {
                    return Ok(None);
                }
                Ok(_) => {
                    let summary = format!(
                        "applying {key} again would change more than the number of replicas: deploy it instead"
                    );
                    return Ok(Some(refused(summary)));
                }
                Err(failure) if failure.kind == FailureKind::Unreachable => return Err(failure),
                // Changed between the look and the rehearsal.
                Err(failure)
                    if failure.kind == FailureKind::Conflict
                        && field_conflicts(key, &failure).is_empty() => {}
                Err(failure) => return Ok(Some(failure)),
            }
        }
        Ok(Some(refused(format!("{key} is changed all the time"))))
    }
}

/// Returns what the instance applied of a workload, with another number of replicas.
pub(super) fn with_replicas(live: &Object, manager: &str, to: u32) -> Option<Object> {
    let mut body = owned::applied_by(live, manager)?;
    body.json["spec"]["replicas"] = json!(to);
    Some(body)
}

fn is_same_otherwise(before: &Value, after: &Value) -> bool {
    let rest = |object: &Value| {
        let mut rest = normalized(object);
        rest["spec"]["replicas"] = Value::Null;
        rest
    };
    rest(before) == rest(after)
}

fn is_autoscaled(live: &Object) -> bool {
    let scalers = owned::scalers(live);
    scalers.iter().any(|manager| {
        matches!(
            *manager,
            "kube-controller-manager" | "horizontal-pod-autoscaler"
        )
    })
}

fn is_workload(kind: &GroupKind) -> bool {
    kind.group == "apps" && WORKLOADS.contains(&kind.kind.as_str())
}

/// Returns how many replicas a workload wants.
pub(super) fn replicas(live: &Object) -> u32 {
    let wanted = live.json["spec"]["replicas"].as_u64();
    wanted.map_or(1, |wanted| u32::try_from(wanted).unwrap_or(u32::MAX))
}
