//! Plans and outcomes as JSON, for scripts. Names of fields are part of the command line's contract.

use serde_json::{Value, json};

use super::args::Report;
use super::review::diff_line;
use super::{Exit, output};
use crate::definition::object::ObjectKey;
use crate::engine::adjust::{AdjustPlan, Adjustment};
use crate::engine::history::{Comparison, History, KeptRevision, Revision};
use crate::engine::plan::{
    Change, ClaimFate, DataFate, DeployPlan, DiffLine, Fate, FateRow, FieldConflict, PlannedObject,
    TeardownPlan, TeardownScope, VolumeChoice,
};
use crate::engine::progress::{Outcome, Step};
use crate::engine::remedy::{Offer, StoragePlan};
use crate::engine::rollback::RollbackPlan;
use crate::engine::routes::{self, RoutePlan};
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

/// Ends a command with what it tells as data, where somebody asked for JSON. A reader that went away changes nothing of how it
/// ended.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn end(report: Report, told: &Value, exit: Exit) -> anyhow::Result<Exit> {
    if report == Report::Text {
        return Ok(exit);
    }
    output::print_last(&output::json(told)?)?;
    Ok(exit)
}

/// Returns a deploy's plan, with how it ended where it was carried out.
pub(super) fn deploy(plan: &DeployPlan, outcome: Option<&Outcome>) -> Value {
    with_outcome(
        json!({
            "id": plan.instance.id,
            "namespace": plan.instance.namespace,
            "revision": plan.revision,
            "unchanged": plan.refusals.is_empty() && plan.is_unchanged(),
            "objects": plan.objects.iter().map(of_planned).collect::<Vec<_>>(),
            "warnings": plan.warnings,
            "conflicts": of_conflicts(&plan.conflicts),
            "takesConflicts": plan.takes_conflicts,
            "yielded": of_conflicts(&plan.yielded),
            "replaces": plan.replaces,
            "refusals": plan.refusals.iter().map(of_failure).collect::<Vec<_>>(),
            "options": plan.offers.iter().map(of_offer).collect::<Vec<_>>(),
            "storage": of_storage(&plan.storage),
        }),
        outcome,
    )
}

fn of_conflicts(conflicts: &[FieldConflict]) -> Vec<Value> {
    let field = |conflict: &FieldConflict| {
        let mut value = of_key(&conflict.key);
        value["field"] = json!(conflict.field);
        value["message"] = json!(conflict.message);
        value
    };
    conflicts.iter().map(field).collect()
}

fn of_offer(offer: &Offer) -> Value {
    json!({"flag": offer.remedy.flag(), "does": offer.sentence})
}

fn of_storage(storage: &StoragePlan) -> Value {
    let binds = storage
        .binds
        .iter()
        .map(|bind| json!({"volume": bind.volume.name, "claim": bind.claim, "size": bind.size}));
    let growths = storage
        .growths
        .iter()
        .map(|growth| json!({"claim": growth.claim.name, "from": growth.from, "to": growth.to}));
    json!({"binds": binds.collect::<Vec<_>>(), "growths": growths.collect::<Vec<_>>()})
}

/// Returns a rollback's plan, with how it ended where it was carried out.
pub(super) fn rollback(plan: &RollbackPlan, outcome: Option<&Outcome>) -> Value {
    let pods = plan.hanging.iter().map(|pod| {
        let mut value = of_key(&pod.key);
        value["uid"] = json!(pod.uid);
        value["reason"] = json!(pod.reason);
        value
    });
    let mut value = deploy(&plan.deploy, outcome);
    value["to"] = json!(plan.target);
    value["unchanged"] = json!(plan.deploy.refusals.is_empty() && plan.is_noop());
    value["pods"] = pods.collect();
    value["protected"] = json!(plan.caution.is_protected());
    value
}

/// Returns a teardown's plan, with how it ended where it was carried out.
pub(super) fn teardown(plan: &TeardownPlan, outcome: Option<&Outcome>) -> Value {
    let volumes = match plan.volumes {
        VolumeChoice::Keep => "keep",
        VolumeChoice::Delete => "delete",
        VolumeChoice::Retain => "retain",
    };
    with_outcome(
        json!({
            "id": plan.instance.id,
            "namespace": plan.instance.namespace,
            "volumes": volumes,
            "scope": match plan.scope {
                TeardownScope::Instance => "instance",
                TeardownScope::KeptClaims => "kept-claims",
                TeardownScope::RetainedVolumes => "retained-volumes",
            },
            "reclaims": plan
                .releases
                .iter()
                .filter(|it| it.is_reclaimed)
                .map(|it| &it.of.volume.name)
                .collect::<Vec<_>>(),
            "retains": plan.retentions.iter().map(|it| &it.volume.name).collect::<Vec<_>>(),
            "protected": plan.caution.is_protected(),
            "objects": plan.rows.iter().map(of_row).collect::<Vec<_>>(),
            "warnings": plan.warnings,
            "refusals": plan.refusals.iter().map(of_failure).collect::<Vec<_>>(),
        }),
        outcome,
    )
}

/// Returns the revisions of an instance.
pub(super) fn history(history: &History) -> Value {
    let revisions = history.revisions.iter().map(|revision| {
        let mut value = of_revision(revision);
        value["current"] = json!(history.current == Some(revision.number));
        value["unfinished"] = json!(history.unfinished.contains(&revision.number));
        value
    });
    json!({
        "id": history.instance.id,
        "namespace": history.instance.namespace,
        "current": history.current,
        "revisions": revisions.collect::<Vec<_>>(),
    })
}

/// Returns a revision with its text.
pub(super) fn kept_revision(instance: &InstanceKey, kept: &KeptRevision) -> Value {
    let mut value = of_revision(&kept.revision);
    value["id"] = json!(instance.id);
    value["namespace"] = json!(instance.namespace);
    value["text"] = json!(kept.text);
    value
}

/// Returns what differs between two revisions.
pub(super) fn comparison(instance: &InstanceKey, comparison: &Comparison) -> Value {
    let lines = |lines: &[DiffLine]| lines.iter().map(diff_line).collect::<Vec<_>>();
    json!({
        "id": instance.id,
        "namespace": instance.namespace,
        "from": comparison.from,
        "to": comparison.to,
        "same": comparison.is_empty(),
        "difference": lines(&comparison.text),
        "parameters": lines(&comparison.parameters),
    })
}

fn of_revision(revision: &Revision) -> Value {
    let mut value = json!({
        "revision": revision.number,
        "definition": revision.definition,
        "appliedAt": revision.applied_at,
        "appliedBy": revision.applied_by,
        "appliedAs": revision.applied_as,
        "cause": revision.cause,
        "parameters": revision.parameters,
    });
    if let Some(damage) = &revision.damage {
        value["damage"] = json!(damage);
    }
    value
}

/// Returns the plan of a scale or a restart, with how it ended where it was carried out.
pub(super) fn adjustment(plan: &AdjustPlan, outcome: Option<&Outcome>) -> Value {
    let workloads = plan.workloads.iter().map(|workload| {
        let mut value = of_key(&workload.key);
        value["uid"] = json!(workload.uid);
        value["replicas"] = json!(workload.replicas);
        value
    });
    let mut value = json!({
        "id": plan.instance.id,
        "namespace": plan.instance.namespace,
        "operation": plan.adjustment.verb(),
        "protected": plan.caution.is_protected(),
        "unchanged": plan.refusals.is_empty() && plan.is_noop(),
        "objects": workloads.collect::<Vec<_>>(),
        "conflicts": of_conflicts(&plan.conflicts),
        "yielded": of_conflicts(&plan.yielded),
        "warnings": plan.warnings,
        "refusals": plan.refusals.iter().map(of_failure).collect::<Vec<_>>(),
    });
    if let Adjustment::Scale(to) = plan.adjustment {
        value["wantedReplicas"] = json!(to);
    }
    with_outcome(value, outcome)
}

/// Returns the plan of an instance's routes, with how it ended where it was carried out.
pub(super) fn routes(plan: &RoutePlan, outcome: Option<&Outcome>) -> Value {
    let objects = plan.routes.iter().map(|route| of_planned(&route.object));
    with_outcome(
        json!({
            "id": plan.instance.id,
            "namespace": plan.instance.namespace,
            "operation": routes::OPERATION,
            "revision": plan.revision,
            "protected": plan.caution.is_protected(),
            "unchanged": plan.refusals.is_empty() && plan.is_noop(),
            "objects": objects.collect::<Vec<_>>(),
            "conflicts": of_conflicts(&plan.conflicts),
            "warnings": plan.warnings,
            "refusals": plan.refusals.iter().map(of_failure).collect::<Vec<_>>(),
        }),
        outcome,
    )
}

fn with_outcome(mut plan: Value, outcome: Option<&Outcome>) -> Value {
    if let Some(outcome) = outcome {
        plan["outcome"] = of_outcome(outcome);
    }
    plan
}

pub(super) fn of_outcome(outcome: &Outcome) -> Value {
    let failed = outcome.failed.iter().map(|(step, failure)| {
        let mut value = of_step(step);
        value["failure"] = of_failure(failure);
        value
    });
    let not_tried = outcome.not_tried.iter().map(|(step, why)| {
        let mut value = of_step(step);
        value["reason"] = json!(why);
        value
    });
    json!({
        "complete": outcome.is_complete(),
        "done": outcome.done.iter().map(of_step).collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
        "notTried": not_tried.collect::<Vec<_>>(),
        "pending": outcome.pending,
    })
}

fn of_planned(object: &PlannedObject) -> Value {
    let mut value = of_key(&object.key);
    value["change"] = json!(match object.change {
        Change::Create => "create",
        Change::Update => "update",
        Change::Unchanged | Change::Keep => "keep",
        Change::Recreate => "recreate",
        Change::Delete => "delete",
    });
    if let Some(note) = &object.note {
        value["note"] = json!(note);
    }
    value["difference"] = object.difference.iter().map(diff_line).collect();
    value
}

fn of_row(row: &FateRow) -> Value {
    let mut value = of_key(&row.key);
    let (fate, why) = match &row.fate {
        Fate::Deleted => ("deleted", None),
        Fate::Kept(why) => ("kept", Some(why)),
        Fate::GarbageCollected(owner) => ("garbage-collected", Some(owner)),
        Fate::Left(why) => ("left", Some(why)),
    };
    value["uid"] = json!(row.uid);
    value["fate"] = json!(fate);
    if let Some(why) = why {
        value["reason"] = json!(why);
    }
    if row.destroys_values() {
        value["values"] = json!("destroyed");
    }
    if let Some(claim) = &row.claim {
        value["claim"] = of_claim(claim);
    }
    value
}

fn of_claim(claim: &ClaimFate) -> Value {
    json!({
        "size": claim.size,
        "volume": claim.volume,
        "retainedFrom": claim.retained_from,
        "reclaimPolicy": claim.reclaim_policy,
        "data": match claim.data {
            DataFate::Destroyed => "destroyed",
            DataFate::Retained => "retained",
            DataFate::Nothing => "none",
            DataFate::Unknown => "unknown",
        },
    })
}

fn of_step(step: &Step) -> Value {
    let (name, key) = match step {
        Step::Claim => ("claim", None),
        Step::Revision(number) => return json!({"step": "revision", "revision": number}),
        Step::Adopt(key) => ("adopt", Some(key)),
        Step::Retain(key) => ("retain", Some(key)),
        Step::Bind(key) => ("bind", Some(key)),
        Step::Grow(key) => ("grow", Some(key)),
        Step::Apply(key) => ("apply", Some(key)),
        Step::Delete(key) => ("delete", Some(key)),
        Step::Keep(key) => ("keep", Some(key)),
        Step::Record => ("record", None),
        Step::Ready => ("ready", None),
        Step::Gone(key) => ("gone", Some(key)),
    };
    let mut value = key.map_or_else(|| json!({}), of_key);
    value["step"] = json!(name);
    value
}

pub(super) fn of_failure(failure: &Failure) -> Value {
    let causes = failure.causes.iter().map(
        |cause| json!({"field": cause.field, "reason": cause.reason, "message": cause.message}),
    );
    json!({
        "kind": format!("{:?}", failure.kind),
        "message": failure.summary,
        "causes": causes.collect::<Vec<_>>(),
    })
}

pub(super) fn of_key(key: &ObjectKey) -> Value {
    let version = match key.group.as_str() {
        "" => key.version.clone(),
        group => format!("{group}/{}", key.version),
    };
    json!({"apiVersion": version, "kind": key.kind, "name": key.name, "namespace": key.namespace})
}
