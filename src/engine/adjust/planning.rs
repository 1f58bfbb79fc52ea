//! The plan of a scale or a restart: which workloads, how, and why not.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::workload::{replicas, without_restart};
use super::{
    AdjustPlan, Adjustment, MAX_REPLICAS, Means, PlannedWorkload, WorkloadChoice, WorkloadName,
    autoscalers, claims, n_replicas, owned,
};
use crate::cluster::{Access, ApplyOptions, Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::engine::difference::normalized;
use crate::engine::looks::Looks;
use crate::engine::metadata::Metadata;
use crate::engine::operation;
use crate::engine::ownership::{self, COPIED, Owner};
use crate::engine::plan::FieldConflict;
use crate::engine::policy::out_of_policy;
use crate::engine::preflight::{self, access_to, refused};
use crate::engine::record::{self, Record};
use crate::engine::rehearse::{field_conflicts, is_own_scaling};
use crate::engine::retention;
use crate::engine::routes;
use crate::failure::{Failure, FailureKind};
use crate::service::advice;
use crate::service::drift::AppliedWorkload;
use crate::service::managed::RESTARTED_AT;
use crate::service::summary::InstanceKey;

/// Plans a scale or a restart, of one workload alone where one is chosen.
///
/// # Errors
/// The cluster cannot be reached, or does not let the workloads be read.
pub async fn plan_adjustment(
    cluster: &Cluster,
    instance: &InstanceKey,
    adjustment: Adjustment,
    only: Option<&WorkloadName>,
) -> Result<AdjustPlan, Failure> {
    plan_rest(cluster, instance, adjustment, only, None).await
}

/// As [`plan_adjustment`], of a restart that was begun at a time: what was marked with it is left out.
///
/// # Errors
/// As [`plan_adjustment`].
pub(in crate::engine) async fn plan_rest(
    cluster: &Cluster,
    instance: &InstanceKey,
    adjustment: Adjustment,
    only: Option<&WorkloadName>,
    begun: Option<Timestamp>,
) -> Result<AdjustPlan, Failure> {
    let mut plan = AdjustPlan::new(instance, adjustment, only, begun);
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
    plan.caution = preflight::caution(cluster, instance.namespace.as_str()).await?;
    plan.caution.protect_if(record.is_protected());
    if let Err(refusal) = is_idle(&record, instance, cluster.now()) {
        plan.refusals.push(refusal);
        return Ok(plan);
    }
    plan.warnings
        .extend(operation::noted(&record, cluster.now()));
    let planner = Planner {
        cluster,
        instance,
        record: &record,
        applied: record.applied(),
    };
    planner.fill(&mut plan).await?;
    Ok(plan)
}

/// Refuses while a deploy or a teardown is noted: it would write over what is adjusted, and one that was interrupted needs
/// its own note to be finished by.
pub(in crate::engine) fn is_idle(
    record: &Record,
    instance: &InstanceKey,
    now: Timestamp,
) -> Result<(), Failure> {
    is_idle_but_for(
        record,
        (instance, now),
        &["scale", "restart", routes::OPERATION],
    )
}

/// As [`is_idle`], with other kinds of operations that are over in a moment, or taken over: nothing of them is left to be
/// finished that the new one does not see.
pub(in crate::engine) fn is_idle_but_for(
    record: &Record,
    (instance, now): (&InstanceKey, Timestamp),
    passing: &[&str],
) -> Result<(), Failure> {
    if record.is_being_deleted() {
        return Err(refused(format!("{instance} is being deleted")));
    }
    let Some(noted) = record.operation() else {
        return Ok(());
    };
    let kind = serde_json::from_str::<Value>(noted).unwrap_or_default();
    if kind["kind"]
        .as_str()
        .is_some_and(|it| passing.contains(&it))
    {
        return Ok(());
    }
    let who = operation::describe(noted, now);
    if !operation::rests(noted) {
        return Err(refused(format!("{instance} is busy: {who}")));
    }
    let resume = advice::command("resume", instance);
    let ways = match kind["kind"] == "teardown" {
        true => format!("{resume} or {}", advice::command("delete", instance)),
        false => resume,
    };
    let ways = record.noted().unwrap_or_default().goes_on(&ways);
    Err(refused(format!(
        "{instance} stands half way: {who}; {ways}"
    )))
}

struct Planner<'a> {
    cluster: &'a Cluster,
    instance: &'a InstanceKey,
    record: &'a Record,
    /// What the last deploy left of the workloads.
    applied: Vec<AppliedWorkload>,
}

impl Planner<'_> {
    async fn fill(&self, plan: &mut AdjustPlan) -> Result<(), Failure> {
        let found = match self.find(plan.adjustment).await {
            Ok(found) => found,
            Err(failure) => {
                let accesses = self.foreseen(plan.adjustment);
                let namespace = &self.instance.namespace;
                return Err(preflight::unplanned(self.cluster, failure, accesses, namespace).await);
            }
        };
        let found = self.without_strangers(plan, found);
        let Some(found) = self.choose(plan, found) else {
            return Ok(());
        };
        let ours = self.sort_out(plan, found);
        if !plan.refusals.is_empty() {
            return Ok(());
        }
        for live in &ours {
            let is_protected = match &live.key.namespace {
                Some(other) if *other != self.instance.namespace.as_str() => {
                    preflight::is_protected(self.cluster, other).await?
                }
                Some(_) | None => false,
            };
            plan.caution.protect_if(is_protected);
        }
        let planned = ours.iter();
        plan.workloads = planned
            .filter_map(|live| self.planned(plan, live))
            .collect();
        let missing = preflight::forbidden(self.cluster, self.accesses(plan)).await?;
        let namespace = self.instance.namespace.as_str();
        let refusal = preflight::forbidden_refusal(&missing, namespace);
        plan.refusals.extend(refusal);
        plan.refusals.extend(self.cluster.bars_running());
        for live in &ours {
            self.judge(plan, live).await?;
        }
        Ok(())
    }

    /// Returns the namespaces of its set, its own first.
    fn namespaces(&self) -> Vec<Namespace> {
        let others = self.record.extent().namespaces;
        let others = others.iter().filter_map(|it| it.parse().ok());
        std::iter::once(self.instance.namespace.clone())
            .chain(others)
            .collect()
    }

    /// Returns what is needed as far as the record knows what was applied, before anything of it was read.
    fn foreseen(&self, adjustment: Adjustment) -> BTreeSet<Access> {
        let kinds = self.record.extent().kinds;
        let kinds = kinds.into_iter().filter(|kind| adjustment.reaches(kind));
        let lists = kinds.flat_map(|kind| {
            let places = self.namespaces().into_iter();
            places.map(move |namespace| Access {
                verb: "list",
                kind: kind.clone(),
                subresource: None,
                namespace: Some(namespace.to_string()),
                name: None,
            })
        });
        let applied = self.applied.iter().flat_map(|applied| {
            let kind = GroupKind::new("apps", applied.kind.as_str());
            let is_meant = adjustment.reaches(&kind);
            let key = self.key(&kind, &applied.name);
            let by_number =
                matches!(adjustment, Adjustment::Scale(_)) && applied.replicas.is_none();
            let patch = Access {
                subresource: by_number.then_some("scale"),
                ..access_to("patch", &key)
            };
            [access_to("get", &key), patch]
                .into_iter()
                .filter(move |_| is_meant)
        });
        let of_record = access_to("patch", &record::key(self.instance));
        lists.chain(applied).chain([of_record]).collect()
    }

    /// Finds the workloads of the set by their labels, and what bears the name of one that was applied in its place.
    async fn find(&self, adjustment: Adjustment) -> Result<Vec<Object>, Failure> {
        let selector = Selector::instance(&self.instance.id);
        let set = naming::instance_applyset_id(&self.instance.id, &self.instance.namespace);
        let (extent, namespaces) = (self.record.extent(), self.namespaces());
        let kinds = extent.kinds.iter().filter(|kind| adjustment.reaches(kind));
        let mut found: Vec<Object> = Vec::new();
        for kind in kinds {
            for namespace in &namespaces {
                let listed = self.cluster.list(kind, Some(namespace), &selector).await?;
                let is_own = *namespace == self.instance.namespace;
                // Elsewhere another instance may have the same ID.
                let is_meant = |live: &Object| {
                    is_own || Metadata::of(live).label(naming::LABEL_PART_OF) == Some(&set)
                };
                found.extend(listed.into_iter().filter(is_no_part).filter(is_meant));
            }
        }
        for applied in &self.applied {
            let is_there = |live: &Object| self.is_of(live, applied);
            let kind = GroupKind::new("apps", applied.kind.as_str());
            if adjustment.reaches(&kind) && !found.iter().any(is_there) {
                found.extend(self.cluster.get(&self.key(&kind, &applied.name)).await?);
            }
        }
        Ok(found)
    }

    /// Leaves out what bears the labels alone, such as a copy that somebody made: neither did the instance write it, nor was
    /// anything of its name applied. Where there is nothing else the plan refuses it.
    fn without_strangers(&self, plan: &mut AdjustPlan, found: Vec<Object>) -> Vec<Object> {
        let set = naming::instance_applyset_id(&self.instance.id, &self.instance.namespace);
        let is_named = |live: &Object| {
            ownership::is_written_by_us(live, &self.instance.id, &set)
                || self.applied.iter().any(|applied| self.is_of(live, applied))
        };
        let (named, strangers): (Vec<Object>, Vec<Object>) = found.into_iter().partition(is_named);
        if named.is_empty() {
            return strangers;
        }
        let left = strangers
            .iter()
            .map(|live| format!("{} is left: {COPIED}", live.key));
        plan.warnings.extend(left);
        named
    }

    fn key(&self, kind: &GroupKind, name: &str) -> ObjectKey {
        ObjectKey {
            group: kind.group.clone(),
            version: "v1".to_owned(),
            kind: kind.kind.clone(),
            namespace: Some(self.instance.namespace.to_string()),
            name: name.to_owned(),
        }
    }

    /// Returns the workloads that are meant; none where that cannot be known, which the plan then refuses.
    fn choose(&self, plan: &mut AdjustPlan, found: Vec<Object>) -> Option<Vec<Object>> {
        let id = &self.instance.id;
        let own = self.instance.namespace.as_str();
        let choices = |found: &[Object]| -> Vec<WorkloadChoice> {
            let choices = found.iter().filter_map(|live| {
                Some(WorkloadChoice {
                    name: WorkloadName::of(&live.key, own)?,
                    replicas: replicas(live),
                })
            });
            choices.collect()
        };
        if found.is_empty() {
            let verb = plan.adjustment.verb();
            let kinds = plan.adjustment.kinds().join(", ");
            let summary =
                format!("{id} has no workload that {verb} can change: it changes {kinds}");
            plan.refusals.push(refused(summary));
            return None;
        }
        let Some(only) = plan.only.clone() else {
            if found.len() == 1 || plan.adjustment == Adjustment::Restart {
                return Some(found);
            }
            plan.choices = choices(&found);
            plan.refusals.push(Failure {
                detail: "choose one with --workload KIND/NAME".to_owned(),
                ..refused(format!(
                    "{id} has several workloads, and one number cannot be meant for all: {}",
                    listed(&plan.choices)
                ))
            });
            return None;
        };
        let all = choices(&found);
        let chosen: Vec<Object> = found
            .into_iter()
            .filter(|live| only.means(&live.key))
            .collect();
        match chosen.len() {
            1 => return Some(chosen),
            0 => {
                let summary = format!("{id} has no {only}: it has {}", listed(&all));
                let failure = Failure::new(FailureKind::Invalid, summary);
                plan.refusals.push(failure);
            }
            _ => plan.refusals.push(refused(format!(
                "{id} has several workloads of the name {only}: {}",
                listed(&choices(&chosen))
            ))),
        }
        plan.choices = all;
        None
    }

    /// Refuses what is not ours or goes, and returns the rest.
    fn sort_out(&self, plan: &mut AdjustPlan, found: Vec<Object>) -> Vec<Object> {
        let id = &self.instance.id;
        let own = &self.instance.namespace;
        let set = naming::instance_applyset_id(id, own);
        let mut ours = Vec::new();
        for live in found {
            let why = match ownership::owner(&live, id, &set) {
                Owner::Other(other) => format!("it belongs to {other}"),
                Owner::Nobody => "it was not made by bowline".to_owned(),
                Owner::Ours if !ownership::is_written_by_us(&live, id, &set) => COPIED.to_owned(),
                Owner::Ours if Metadata::of(&live).is_being_deleted() => {
                    "it is being deleted".to_owned()
                }
                Owner::Ours => match out_of_policy(self.cluster.policy(), own, &live.key) {
                    Some(why) => why,
                    None => {
                        ours.push(live);
                        continue;
                    }
                },
            };
            let refusal = refused(format!("{} is not changed: {why}", live.key));
            plan.refusals.push(refusal);
        }
        ours
    }

    fn planned(&self, plan: &AdjustPlan, live: &Object) -> Option<PlannedWorkload> {
        let replicas = replicas(live);
        let manager = naming::field_manager(&self.instance.id);
        let is_set = self.number_of(live).is_some() || owned::applies_replicas(live, &manager);
        let is_applied = owned::applied_fields(live, &manager).is_some();
        let means = match plan.adjustment {
            Adjustment::Restart if plan.begun.is_some_and(|at| is_marked(live, at)) => return None,
            Adjustment::Restart => Means::Annotate,
            Adjustment::Scale(to) if to == replicas => return None,
            Adjustment::Scale(_) if is_set && is_applied => Means::Apply,
            Adjustment::Scale(_) => Means::Scale,
        };
        Some(PlannedWorkload {
            key: live.key.clone(),
            uid: Metadata::of(live).uid().to_owned(),
            replicas,
            means,
        })
    }

    /// Returns the number that the definition sets, as the last deploy noted it.
    fn number_of(&self, live: &Object) -> Option<u32> {
        let mut applied = self.applied.iter();
        applied.find(|applied| self.is_of(live, applied))?.replicas
    }

    fn is_of(&self, live: &Object, applied: &AppliedWorkload) -> bool {
        live.key.kind == applied.kind.as_str()
            && live.key.name == applied.name
            && live.key.namespace.as_deref() == Some(self.instance.namespace.as_str())
    }

    /// Returns what carrying it out needs.
    fn accesses(&self, plan: &AdjustPlan) -> BTreeSet<Access> {
        let mut accesses = BTreeSet::new();
        for workload in &plan.workloads {
            accesses.insert(access_to("patch", &record::key(self.instance)));
            accesses.insert(access_to("get", &workload.key));
            let patch = access_to("patch", &workload.key);
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
                plan.warnings.extend(without_restart(live));
                return Ok(());
            }
        };
        let found = claims::look(self.cluster, self.instance, live, workload.replicas, to).await?;
        plan.warnings.extend(found.warnings);
        plan.refusals.extend(found.refusals);
        if !found.lost.is_empty() {
            plan.n_lost += found.lost.len();
            plan.warnings
                .push(retention::goes_with_pods(&live.key, &found.lost));
        }
        plan.warnings.extend(self.set_back(&workload, live, to));
        let autoscalers = autoscalers::warnings(self.cluster, live, to).await?;
        plan.warnings.extend(autoscalers);
        if !plan.refusals.is_empty() {
            return Ok(());
        }
        match workload.means {
            Means::Apply => match self.rehearse(&live.key, to).await? {
                Ok(conflicts) => plan.conflicts.extend(conflicts),
                Err(refusal) => plan.refusals.push(refusal),
            },
            Means::Scale => {
                let conflicts = owned::foreign_scalers(live, &self.instance.id);
                plan.conflicts.extend(conflicts);
            }
            Means::Annotate => {}
        }
        Ok(())
    }

    /// Says what the next deploy does to the number.
    fn set_back(&self, workload: &PlannedWorkload, live: &Object, to: u32) -> Option<String> {
        let set = match self.number_of(live) {
            Some(set) if set == to => return None,
            Some(set) => format!(
                "the definition sets {} of {}: the next deploy goes back to {set}",
                n_replicas(set),
                live.key
            ),
            None if workload.means == Means::Apply => format!(
                "the definition sets the replicas of {}: the next deploy sets them back unless it says {to} too",
                live.key
            ),
            None => return None,
        };
        Some(format!(
            "{set}; {} takes {to} into the definition, and one that leaves the number out keeps it",
            advice::command("pull", self.instance)
        ))
    }

    /// Asks the server what applying the workload with another number would do: nothing else may change. Returns the
    /// conflicts that it meets; the inner error is why it cannot be done.
    async fn rehearse(
        &self,
        key: &ObjectKey,
        to: u32,
    ) -> Result<Result<Vec<FieldConflict>, Failure>, Failure> {
        let manager = naming::field_manager(&self.instance.id);
        let mut looks = Looks::default();
        while looks.again().await {
            let live = self.cluster.get(key).await?;
            let Some((live, body)) = live.and_then(|live| {
                let body = with_replicas(&live, &manager, to)?;
                Some((live, body))
            }) else {
                break;
            };
            match self.rehearse_once(&live, &body, &manager).await {
                Err(failure) if failure.is_unanswered() => return Err(failure),
                // Changed between the look and the rehearsal.
                Err(failure) if failure.kind == FailureKind::Conflict => {}
                result => return Ok(result),
            }
        }
        Ok(Err(refused(format!("{key} is changed all the time"))))
    }

    async fn rehearse_once(
        &self,
        live: &Object,
        body: &Object,
        manager: &str,
    ) -> Result<Vec<FieldConflict>, Failure> {
        let options = ApplyOptions {
            field_manager: manager.to_owned(),
            dry_run: true,
            force: false,
        };
        let mut conflicts = Vec::new();
        let written = match self.cluster.apply(body, &options).await {
            Err(failure) => {
                conflicts = field_conflicts(&body.key, Some(live), &failure);
                if conflicts.is_empty() {
                    return Err(failure);
                }
                let forced = ApplyOptions {
                    force: true,
                    ..options
                };
                self.cluster.apply(body, &forced).await?
            }
            Ok(written) => written,
        };
        conflicts.retain(|conflict| !is_own_scaling(conflict, manager));
        if is_same_otherwise(&live.json, &written.object.json) {
            return Ok(conflicts);
        }
        Err(refused(format!(
            "applying {} again would change more than the number of replicas: deploy it instead",
            body.key
        )))
    }
}

fn listed(choices: &[WorkloadChoice]) -> String {
    let names: Vec<String> = choices.iter().map(|it| it.name.to_string()).collect();
    names.join(", ")
}

/// Tells whether it is a workload by itself: one that another object controls bears its labels too.
fn is_no_part(live: &Object) -> bool {
    Metadata::of(live).owners().is_empty()
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

/// Tells whether a workload bears the mark of a restart at a time.
pub(super) fn is_marked(live: &Object, at: Timestamp) -> bool {
    live.json["spec"]["template"]["metadata"]["annotations"][RESTARTED_AT] == at.to_string()
}
