//! ReplicaSets: keep as many pods as asked for, choosing with care which one to let go.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::object::{
    annotation, condition, controller_of, count, int, is_deleting, items, label, map, name,
    namespace, put_count, seconds, text, time, uid,
};
use super::ownership::claim;
use super::pods::{
    Availability, BURST, availability, from_template, generated_name, is_active, is_finished,
    is_ready,
};
use super::view::{Key, View};
use super::write::{Decision, Note, Write};

/// Who ReplicaSet events come from.
pub const COMPONENT: &str = "replicaset-controller";

/// Decides what one ReplicaSet needs.
pub fn reconcile(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(set) = view.get(Kind::ReplicaSet, key) else {
        return Decision::nothing();
    };
    let claimed = claim(view, Kind::Pod, set, |_| true);
    if !claimed.writes.is_empty() {
        return Decision::of(claimed.writes);
    }
    let active: Vec<&Value> = claimed
        .owned
        .iter()
        .copied()
        .filter(|pod| is_active(pod))
        .collect();
    let mut decision = status(set, &claimed.owned, &active, now);
    if !is_deleting(set) {
        decision
            .writes
            .splice(0..0, manage(view, set, &active, now));
    }
    decision
}

/// Decides what to say when a pod of the set could not be made.
pub fn refused(view: &View, key: &Key, reason: &str, now: Timestamp) -> Vec<Write> {
    let Some(set) = view.get(Kind::ReplicaSet, key) else {
        return Vec::new();
    };
    let note = Note::warning(
        COMPONENT,
        set,
        "FailedCreate",
        format!("Error creating: {reason}"),
    );
    let status = failing_status(set, reason, now);
    let mut writes = vec![Write::Event(note)];
    if set.get("status") != Some(&status) {
        writes.push(Write::status(Kind::ReplicaSet, set, status));
    }
    writes
}

/// Returns the creations and deletions that bring a set to its number.
fn manage(view: &View, set: &Value, active: &[&Value], now: Timestamp) -> Vec<Write> {
    let wanted = usize::try_from(int(set, "/spec/replicas").unwrap_or(1)).unwrap_or_default();
    let mut writes = Vec::new();
    for nth in active.len()..wanted.min(active.len() + BURST) {
        let pod = new_pod(view, set, nth, now);
        let message = format!("Created pod: {}", name(&pod));
        writes.push(Write::Create(pod));
        writes.push(Write::Event(Note::normal(
            COMPONENT,
            set,
            "SuccessfulCreate",
            message,
        )));
    }
    for pod in least_worth(view, set, active, active.len().saturating_sub(wanted)) {
        writes.push(Write::delete(Kind::Pod, pod));
        let message = format!("Deleted pod: {}", name(pod));
        writes.push(Write::Event(Note::normal(
            COMPONENT,
            set,
            "SuccessfulDelete",
            message,
        )));
    }
    writes
}

/// Returns the `n` pods that go first. A set is looked at whenever one of its pods changes: none is weighed where none goes.
fn least_worth<'a>(view: &View, set: &Value, active: &[&'a Value], n: usize) -> Vec<&'a Value> {
    if n == 0 {
        return Vec::new();
    }
    let crowds = crowds(view, set);
    let mut by_worth = active.to_vec();
    by_worth.sort_by_cached_key(|pod| {
        let crowding = crowds.get(text(pod, "/spec/nodeName"));
        Worth::of(pod, crowding.copied().unwrap_or_default())
    });
    by_worth.truncate(n);
    by_worth
}

fn new_pod(view: &View, set: &Value, nth: usize, now: Timestamp) -> Value {
    let mut pod = from_template(&set["spec"]["template"], set);
    let prefix = format!("{}-", name(set));
    let seed = format!("{} {now} {nth}", uid(set));
    pod["metadata"]["name"] = json!(generated_name(view, namespace(set), &prefix, &seed));
    pod["metadata"]["generateName"] = json!(prefix);
    pod
}

/// How much a pod is worth keeping; the least worth goes first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Worth {
    is_assigned: bool,
    phase: u8,
    is_ready: bool,
    deletion_cost: i64,
    crowding: std::cmp::Reverse<usize>,
    ready_for: std::cmp::Reverse<Timestamp>,
    restarts: std::cmp::Reverse<i64>,
    age: std::cmp::Reverse<Timestamp>,
}

impl Worth {
    fn of(pod: &Value, crowding: usize) -> Worth {
        let since = |ready: &Value| time(ready, "/lastTransitionTime");
        Worth {
            is_assigned: !text(pod, "/spec/nodeName").is_empty(),
            phase: match text(pod, "/status/phase") {
                "Running" => 2,
                "Unknown" => 1,
                _ => 0,
            },
            is_ready: is_ready(pod),
            deletion_cost: annotation(pod, "controller.kubernetes.io/pod-deletion-cost")
                .and_then(|cost| cost.parse().ok())
                .unwrap_or_default(),
            crowding: std::cmp::Reverse(crowding),
            ready_for: std::cmp::Reverse(
                condition(pod, "Ready")
                    .and_then(since)
                    .unwrap_or(Timestamp::MAX),
            ),
            restarts: std::cmp::Reverse(
                items(pod, "/status/containerStatuses")
                    .iter()
                    .map(|status| count(status, "/restartCount"))
                    .sum(),
            ),
            age: std::cmp::Reverse(
                time(pod, "/metadata/creationTimestamp").unwrap_or(Timestamp::MAX),
            ),
        }
    }
}

/// Counts the active pods of a workload on each node, those of the set's siblings included.
fn crowds<'a>(view: &'a View, set: &Value) -> BTreeMap<&'a str, usize> {
    let siblings = controller_of(set).map(|owner| text(owner, "/uid"));
    let pods = view
        .list(Kind::ReplicaSet, namespace(set))
        .filter(|other| {
            uid(other) == uid(set)
                || siblings.is_some()
                    && controller_of(other).map(|owner| text(owner, "/uid")) == siblings
        })
        .flat_map(|sibling| view.controlled(Kind::Pod, sibling))
        .filter(|pod| is_active(pod));
    let mut crowds = BTreeMap::new();
    for pod in pods {
        *crowds.entry(text(pod, "/spec/nodeName")).or_default() += 1;
    }
    crowds
}

/// Returns the write of the set's status, if it changed, and when a pod becomes available by age.
fn status(set: &Value, pods: &[&Value], active: &[&Value], now: Timestamp) -> Decision {
    let mut decision = Decision::nothing();
    let min_ready_seconds = count(set, "/spec/minReadySeconds");
    let template_labels = map(set, "/spec/template/metadata/labels");
    let (mut labelled, mut ready, mut available) = (0, 0, 0);
    for pod in active {
        let carries =
            |(key, value): (&String, &Value)| label(pod, key).is_some_and(|found| value == found);
        labelled += i64::from(template_labels.into_iter().flatten().all(carries));
        ready += i64::from(is_ready(pod));
        match availability(pod, min_ready_seconds, now) {
            Availability::NotReady => {}
            Availability::From(at) => decision.wake(at),
            Availability::Available => available += 1,
        }
    }
    let before = map(set, "/status").cloned().unwrap_or_default();
    let mut status: Map<String, Value> = before.clone();
    status.insert("replicas".to_owned(), active.len().into());
    put_count(&mut status, "fullyLabeledReplicas", labelled);
    put_count(&mut status, "readyReplicas", ready);
    put_count(&mut status, "availableReplicas", available);
    let terminating = pods
        .iter()
        .filter(|pod| is_deleting(pod) && !is_finished(pod))
        .count();
    status.insert("terminatingReplicas".to_owned(), terminating.into());
    put_count(
        &mut status,
        "observedGeneration",
        count(set, "/metadata/generation"),
    );
    if i64::try_from(active.len()).is_ok_and(|n| n >= int(set, "/spec/replicas").unwrap_or(1)) {
        status.remove("conditions");
    }
    if status != before {
        decision.write(Write::status(Kind::ReplicaSet, set, Value::Object(status)));
    }
    decision
}

/// Returns the status that says that pods cannot be made. What it said first it goes on to say.
fn failing_status(set: &Value, message: &str, now: Timestamp) -> Value {
    let mut status = set
        .get("status")
        .cloned()
        .unwrap_or_else(|| json!({"replicas": 0}));
    if condition(set, "ReplicaFailure").is_none() {
        status["conditions"] = json!([{
            "lastTransitionTime": seconds(now),
            "message": message,
            "reason": "FailedCreate",
            "status": "True",
            "type": "ReplicaFailure",
        }]);
    }
    status
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn set(replicas: usize) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": "n", "name": "web", "uid": "1"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}}})
    }

    fn pod(name: &str, node: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": {"nodeName": node},
            "metadata": {"namespace": "n", "name": name, "labels": {"app": "web"}, "ownerReferences": [{"uid": "1", "controller": true}]}})
    }

    /// Returns the names of the pods that go.
    fn deleted(view: &View) -> Vec<String> {
        let decision = reconcile(view, &Key::new("n", "web"), Timestamp::UNIX_EPOCH);
        let name = |write| match write {
            Write::Delete { key, .. } => Some(key.name),
            _ => None,
        };
        decision.writes.into_iter().filter_map(name).collect()
    }

    #[test]
    fn no_turn_makes_more_than_a_burst() {
        let view = View::from_objects([set(2_000_000_000)]);
        let decision = reconcile(&view, &Key::new("n", "web"), Timestamp::UNIX_EPOCH);
        let is_new = |write: &&Write| matches!(write, Write::Create(_));
        assert_eq!(decision.writes.iter().filter(is_new).count(), BURST);
    }

    #[test]
    fn the_pod_of_the_fullest_node_goes_first() {
        let pods = [pod("a", "one"), pod("b", "two"), pod("c", "two")];
        let view = |replicas| View::from_objects(pods.iter().cloned().chain([set(replicas)]));
        assert_eq!(deleted(&view(3)), [""; 0]);
        assert_eq!(deleted(&view(2)), ["b"]);
    }

    /// A sync must stay far from the square of the pods, as each change of a pod brings one: this takes a moment, not minutes.
    #[test]
    fn thousands_of_pods_are_weighed_at_once() {
        let pods = (0..5000).map(|n| pod(&format!("p{n}"), &format!("node-{}", n % 3)));
        let view = View::from_objects(pods.chain([set(4999)]));
        let begun = Instant::now();
        assert_eq!(deleted(&view).len(), 1);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
