//! Deployments: one ReplicaSet a template, moved to the wanted one step by step.
//!
//! A reconcile finds the ReplicaSets ([`replica_sets`]), decides how many pods each should have ([`rollout`]) and
//! tells how it goes ([`status`]). It makes at most one kind of move a turn; the change that this makes calls it again.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{annotation, count, int, is_deleting, name, text};
use super::ownership::claim;
use super::view::{Key, View};
use super::write::{Decision, Note, Write};

use replica_sets::{DESIRED_REPLICAS, MAX_REPLICAS, ReplicaSets};
use rollout::Limits;

mod replica_sets;
mod rollout;
mod status;

#[cfg(test)]
mod tests;

/// Who Deployment events come from.
pub const COMPONENT: &str = "deployment-controller";

/// Decides what one Deployment needs.
pub fn reconcile(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(deployment) = view.get(Kind::Deployment, key) else {
        return Decision::nothing();
    };
    let claimed = claim(view, Kind::ReplicaSet, deployment, |_| true);
    if !claimed.writes.is_empty() {
        return Decision::of(claimed.writes);
    }
    let sets = ReplicaSets::sort(deployment, &claimed.owned);
    let moves = if is_deleting(deployment) {
        Vec::new()
    } else {
        next_moves(view, deployment, &sets)
    };
    // What was scaled or made shows in the next turn's counts; telling the status from the old ones is what the real
    // controller does too, and it is what makes observedGeneration current at once.
    let mut decision = status::report(deployment, &sets, now);
    decision.writes.splice(0..0, moves);
    decision
}

/// Returns the next writes to ReplicaSets: none when all is as it should be.
fn next_moves(view: &View, deployment: &Value, sets: &ReplicaSets<'_>) -> Vec<Write> {
    if super::object::flag(deployment, "/spec/paused") || is_scaling(deployment, sets) {
        let scaling = rollout::scale(deployment, sets);
        return scaling_writes(deployment, &scaling);
    }
    if text(deployment, "/spec/strategy/type") == "Recreate" {
        return recreate(view, deployment, sets);
    }
    roll(deployment, sets)
}

/// Returns whether somebody changed the number of replicas since the ReplicaSets were last scaled.
fn is_scaling(deployment: &Value, sets: &ReplicaSets<'_>) -> bool {
    let wanted = int(deployment, "/spec/replicas").unwrap_or(1);
    sets.active().any(|set| {
        annotation(set, DESIRED_REPLICAS).is_some_and(|desired| desired != wanted.to_string())
    })
}

fn roll(deployment: &Value, sets: &ReplicaSets<'_>) -> Vec<Write> {
    let Some(new) = sets.new else {
        return sets.create_new(deployment);
    };
    let bookkeeping = sets.sync_revision(deployment, new);
    if !bookkeeping.is_empty() {
        return bookkeeping;
    }
    let scaled = scaling_writes(deployment, &rollout::roll_new(deployment, sets));
    if !scaled.is_empty() {
        return scaled;
    }
    let scaled = scaling_writes(deployment, &rollout::roll_old(deployment, sets));
    if !scaled.is_empty() {
        return scaled;
    }
    if status::is_complete(deployment, sets) {
        sets.prune_history(deployment)
    } else {
        Vec::new()
    }
}

fn recreate(view: &View, deployment: &Value, sets: &ReplicaSets<'_>) -> Vec<Write> {
    let old: Vec<Scaling<'_>> = sets
        .old
        .iter()
        .filter(|set| count(set, "/spec/replicas") > 0)
        .map(|set| Scaling { set, to: 0 })
        .collect();
    if !old.is_empty() {
        return scaling_writes(deployment, &old);
    }
    let is_running = |pod: &Value| !super::pods::is_finished(pod);
    if sets
        .old
        .iter()
        .any(|set| view.controlled(Kind::Pod, set).any(is_running))
    {
        return Vec::new();
    }
    let Some(new) = sets.new else {
        return sets.create_new(deployment);
    };
    let bookkeeping = sets.sync_revision(deployment, new);
    if !bookkeeping.is_empty() {
        return bookkeeping;
    }
    let wanted = int(deployment, "/spec/replicas").unwrap_or(1);
    let scaled = scaling_writes(
        deployment,
        &[Scaling {
            set: new,
            to: wanted,
        }],
    );
    if scaled.is_empty() && status::is_complete(deployment, sets) {
        return sets.prune_history(deployment);
    }
    scaled
}

/// A ReplicaSet and the number of pods that it should have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scaling<'a> {
    pub(super) set: &'a Value,
    pub(super) to: i64,
}

/// Returns the writes that scale; a set that has its number and its annotations needs none.
fn scaling_writes(deployment: &Value, scalings: &[Scaling<'_>]) -> Vec<Write> {
    let limits = Limits::of(deployment);
    let desired = limits.replicas.to_string();
    let most = limits.most().to_string();
    let mut writes = Vec::new();
    for Scaling { set, to } in scalings {
        let from = count(set, "/spec/replicas");
        let is_noted = annotation(set, DESIRED_REPLICAS) == Some(&desired)
            && annotation(set, MAX_REPLICAS) == Some(&most);
        if from == *to && is_noted {
            continue;
        }
        writes.push(Write::update(set, |set| {
            set["spec"]["replicas"] = json!(to);
            set["metadata"]["annotations"][DESIRED_REPLICAS] = json!(desired);
            set["metadata"]["annotations"][MAX_REPLICAS] = json!(most);
        }));
        if from != *to {
            let direction = if from < *to { "up" } else { "down" };
            let message = format!(
                "Scaled {direction} replica set {} from {from} to {to}",
                name(set)
            );
            writes.push(Write::Event(Note::normal(
                COMPONENT,
                deployment,
                "ScalingReplicaSet",
                message,
            )));
        }
    }
    writes
}
