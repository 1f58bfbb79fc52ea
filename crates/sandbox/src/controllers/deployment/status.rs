//! What a Deployment says of itself: counts, `Available`, `Progressing` with its deadline, `ReplicaFailure`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::controllers::kind::Kind;
use crate::controllers::object::{
    after, annotation, condition, count, int, items, map, name, put_count, seconds, text, time,
};
use crate::controllers::write::{Decision, Write};

use super::replica_sets::{REVISION, ReplicaSets};
use super::rollout::Limits;

/// The counts of a Deployment's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

impl Counts {
    fn of(sets: &ReplicaSets<'_>) -> Counts {
        Counts {
            replicas: sets.total("/status/replicas"),
            updated: sets.new.map_or(0, |new| count(new, "/status/replicas")),
            ready: sets.total("/status/readyReplicas"),
            available: sets.total("/status/availableReplicas"),
        }
    }

    fn told_by(deployment: &Value) -> Counts {
        Counts {
            replicas: count(deployment, "/status/replicas"),
            updated: count(deployment, "/status/updatedReplicas"),
            ready: count(deployment, "/status/readyReplicas"),
            available: count(deployment, "/status/availableReplicas"),
        }
    }

    fn is_complete(self, wanted: i64) -> bool {
        self.updated == wanted && self.replicas == wanted && self.available == wanted
    }

    fn is_progress_since(self, before: Counts) -> bool {
        self.updated > before.updated
            || self.replicas - self.updated < before.replicas - before.updated
            || self.ready > before.ready
            || self.available > before.available
    }
}

/// Returns whether all pods are of the wanted template, available, and no others are left.
pub fn is_complete(deployment: &Value, sets: &ReplicaSets<'_>) -> bool {
    Counts::of(sets).is_complete(int(deployment, "/spec/replicas").unwrap_or(1))
}

/// Returns the write of the status, if it changed, and when the progress deadline is over.
pub fn report(deployment: &Value, sets: &ReplicaSets<'_>, now: Timestamp) -> Decision {
    let mut decision = Decision::nothing();
    let counts = Counts::of(sets);
    let mut conditions = items(deployment, "/status/conditions").to_vec();
    set_condition(&mut conditions, availability(deployment, counts), now);
    progress(deployment, sets, counts, &mut conditions, now);
    match replica_failure(sets) {
        Some(failure) => set_condition(&mut conditions, failure, now),
        None => conditions.retain(|condition| text(condition, "/type") != "ReplicaFailure"),
    }
    if let Some(deadline) = deadline_of(deployment, &conditions) {
        decision.wake(deadline);
    }
    let before = map(deployment, "/status").cloned().unwrap_or_default();
    let status = with_counts(before.clone(), deployment, sets, counts, conditions);
    if status != before {
        decision.write(Write::status(
            Kind::Deployment,
            deployment,
            Value::Object(status),
        ));
    }
    decision
}

fn with_counts(
    mut status: Map<String, Value>,
    deployment: &Value,
    sets: &ReplicaSets<'_>,
    counts: Counts,
    conditions: Vec<Value>,
) -> Map<String, Value> {
    put_count(
        &mut status,
        "observedGeneration",
        count(deployment, "/metadata/generation"),
    );
    put_count(&mut status, "replicas", counts.replicas);
    put_count(&mut status, "updatedReplicas", counts.updated);
    put_count(&mut status, "readyReplicas", counts.ready);
    put_count(&mut status, "availableReplicas", counts.available);
    let wanted_by_sets = sets.total_wanted();
    put_count(
        &mut status,
        "unavailableReplicas",
        (wanted_by_sets - counts.available).max(0),
    );
    status.insert(
        "terminatingReplicas".to_owned(),
        sets.total("/status/terminatingReplicas").into(),
    );
    status.insert("conditions".to_owned(), Value::Array(conditions));
    status
}

fn availability(deployment: &Value, counts: Counts) -> Value {
    if counts.available >= Limits::of(deployment).least() {
        fact(
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.".to_owned(),
        )
    } else {
        let message = "Deployment does not have minimum availability.".to_owned();
        fact("Available", "False", "MinimumReplicasUnavailable", message)
    }
}

/// Sets `Progressing`: complete, moving, or over its deadline. A finished rollout stays finished whatever its pods do.
fn progress(
    deployment: &Value,
    sets: &ReplicaSets<'_>,
    counts: Counts,
    conditions: &mut Vec<Value>,
    now: Timestamp,
) {
    if progress_deadline(deployment).is_none() {
        conditions.retain(|condition| text(condition, "/type") != "Progressing");
        return;
    }
    let current = conditions
        .iter()
        .find(|condition| text(condition, "/type") == "Progressing")
        .cloned();
    let reason = current
        .as_ref()
        .map_or("", |current| text(current, "/reason"))
        .to_owned();
    if super::super::object::flag(deployment, "/spec/paused") {
        if reason != "ProgressDeadlineExceeded" && reason != "DeploymentPaused" {
            set_condition(
                conditions,
                fact(
                    "Progressing",
                    "Unknown",
                    "DeploymentPaused",
                    "Deployment is paused".to_owned(),
                ),
                now,
            );
        }
        return;
    }
    if reason == "DeploymentPaused" {
        set_condition(
            conditions,
            fact(
                "Progressing",
                "Unknown",
                "DeploymentResumed",
                "Deployment is resumed".to_owned(),
            ),
            now,
        );
    }
    let subject = match sets.new {
        Some(new) => format!("ReplicaSet \"{}\"", name(new)),
        None => format!("Deployment \"{}\"", name(deployment)),
    };
    if counts.replicas == counts.updated
        && reason == "NewReplicaSetAvailable"
        && !is_new_rollout(deployment, sets)
    {
        return;
    }
    if counts.is_complete(int(deployment, "/spec/replicas").unwrap_or(1)) && sets.new.is_some() {
        let message = format!("{subject} has successfully progressed.");
        set_condition(
            conditions,
            fact("Progressing", "True", "NewReplicaSetAvailable", message),
            now,
        );
    } else if counts.is_progress_since(Counts::told_by(deployment)) {
        let message = format!("{subject} is progressing.");
        renew_condition(
            conditions,
            fact("Progressing", "True", "ReplicaSetUpdated", message),
            now,
        );
    } else if current.is_none() || is_new_rollout(deployment, sets) {
        // A set that was just made, or taken out of history again, starts the deadline afresh.
        let (reason, message) = match sets.new {
            Some(_) => (
                "FoundNewReplicaSet",
                format!("Found new replica set \"{}\"", sets.new.map_or("", name)),
            ),
            None => (
                "NewReplicaSetCreated",
                format!("Created new replica set \"{}\"", new_set_name(deployment)),
            ),
        };
        renew_condition(
            conditions,
            fact("Progressing", "True", reason, message),
            now,
        );
    } else if deadline_of(deployment, conditions).is_some_and(|deadline| deadline <= now) {
        let message = format!("{subject} has timed out progressing.");
        set_condition(
            conditions,
            fact("Progressing", "False", "ProgressDeadlineExceeded", message),
            now,
        );
    }
}

/// Returns whether the wanted set is another than the one that the Deployment's revision counts.
fn is_new_rollout(deployment: &Value, sets: &ReplicaSets<'_>) -> bool {
    match sets.new {
        Some(new) => annotation(new, REVISION) != annotation(deployment, REVISION),
        None => true,
    }
}

fn new_set_name(deployment: &Value) -> String {
    let template = &deployment["spec"]["template"];
    let hash = crate::controllers::pods::template_hash(
        template,
        count(deployment, "/status/collisionCount"),
    );
    format!("{}-{hash}", name(deployment))
}

fn replica_failure(sets: &ReplicaSets<'_>) -> Option<Value> {
    let failure = |set: &Value| condition(set, "ReplicaFailure").cloned();
    let found = sets
        .new
        .and_then(failure)
        .or_else(|| sets.old.iter().find_map(|set| failure(set)))?;
    Some(fact(
        "ReplicaFailure",
        text(&found, "/status"),
        text(&found, "/reason"),
        text(&found, "/message").to_owned(),
    ))
}

fn progress_deadline(deployment: &Value) -> Option<i64> {
    int(deployment, "/spec/progressDeadlineSeconds")
        .filter(|seconds| *seconds != i64::from(i32::MAX))
}

/// Returns when a rollout that is under way is judged stuck.
fn deadline_of(deployment: &Value, conditions: &[Value]) -> Option<Timestamp> {
    let allowed = progress_deadline(deployment)?;
    let progressing = conditions
        .iter()
        .find(|condition| text(condition, "/type") == "Progressing")?;
    let is_settled = matches!(
        text(progressing, "/reason"),
        "NewReplicaSetAvailable" | "ProgressDeadlineExceeded" | "DeploymentPaused"
    );
    // Times are kept in whole seconds, so the deadline is over only with the next one.
    (!is_settled).then(|| {
        after(
            time(progressing, "/lastUpdateTime").unwrap_or_default(),
            (allowed + 1) * 1000,
        )
    })
}

fn fact(kind: &str, status: &str, reason: &str, message: String) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message})
}

/// Sets a condition unless it says the same already.
fn set_condition(conditions: &mut Vec<Value>, fact: Value, now: Timestamp) {
    let current = conditions
        .iter()
        .find(|condition| condition["type"] == fact["type"]);
    if current.is_some_and(|current| {
        current["status"] == fact["status"] && current["reason"] == fact["reason"]
    }) {
        return;
    }
    renew_condition(conditions, fact, now);
}

/// Sets a condition with a new update time.
fn renew_condition(conditions: &mut Vec<Value>, mut fact: Value, now: Timestamp) {
    let current = conditions
        .iter()
        .find(|condition| condition["type"] == fact["type"]);
    let transition = current
        .filter(|current| current["status"] == fact["status"])
        .map_or_else(
            || json!(seconds(now)),
            |current| current["lastTransitionTime"].clone(),
        );
    fact["lastTransitionTime"] = transition;
    fact["lastUpdateTime"] = json!(seconds(now));
    conditions.retain(|condition| condition["type"] != fact["type"]);
    conditions.push(fact);
}
