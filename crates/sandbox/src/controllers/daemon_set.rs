//! DaemonSets: one pod on each node that will have one, replaced node by node when the template changes.
//!
//! The scheduler places the pods; each is bound to its node by an affinity that only that node meets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{count, is_deleting, items, label, name, namespace, text, time, uid};
use super::ownership::{adoptions, claim};
use super::pods::{
    Availability, availability, from_template, generated_name, is_finished, tolerates, wants_node,
};
use super::revisions::{REVISION_HASH, Revisions};
use super::view::{Key, View};
use super::write::{Decision, Note, Write};

mod rollout;
mod status;

/// Who DaemonSet events come from.
pub const COMPONENT: &str = "daemonset-controller";

/// What a daemon bears of a node, whatever its template says.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// Decides what one DaemonSet needs.
pub fn reconcile(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(set) = view.get(Kind::DaemonSet, key) else {
        return Decision::nothing();
    };
    let claimed = claim(view, Kind::Pod, set, |_| true);
    if !claimed.writes.is_empty() {
        return Decision::of(claimed.writes);
    }
    let adoptions = adoptions(view, Kind::ControllerRevision, set);
    if !adoptions.is_empty() {
        return Decision::of(adoptions);
    }
    let revisions = Revisions::of(view, set);
    if !revisions.writes.is_empty() {
        return Decision::of(revisions.writes);
    }
    let hash = hash_of(view, set, revisions.update_name());
    let turn = Turn {
        view,
        set,
        nodes: placed(view, &claimed.owned),
        hash,
        now,
    };
    let mut decision = Decision::nothing();
    if !is_deleting(set) {
        decision.writes = turn.manage();
        if decision.writes.is_empty() {
            decision.writes = turn.roll(&mut decision.wake_at);
        }
    }
    turn.report(&mut decision);
    if decision.writes.is_empty() && !is_deleting(set) {
        decision.writes = revisions.prune(set, &claimed.owned);
    }
    decision
}

/// Decides what to say when a pod of the set could not be made.
pub fn refused(view: &View, key: &Key, reason: &str) -> Vec<Write> {
    let set = view.get(Kind::DaemonSet, key);
    let said = |set| {
        let message = format!("Error creating: {reason}");
        Write::Event(Note::warning(COMPONENT, set, "FailedCreate", message))
    };
    set.map(said).into_iter().collect()
}

/// Returns the hash that the pods of a revision bear.
fn hash_of(view: &View, set: &Value, revision: &str) -> String {
    let revision = view.find(Kind::ControllerRevision, namespace(set), revision);
    let hash = revision.and_then(|revision| label(revision, REVISION_HASH));
    hash.unwrap_or_default().to_owned()
}

/// Returns the pods by the node that they are on or bound for, the oldest first.
fn placed<'a>(view: &'a View, pods: &[&'a Value]) -> BTreeMap<&'a str, Vec<&'a Value>> {
    let mut nodes: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for node in view.all(Kind::Node) {
        nodes.insert(name(node), Vec::new());
    }
    for pod in pods {
        if let Some(node) = node_of(pod) {
            nodes.entry(node).or_default().push(pod);
        }
    }
    for pods in nodes.values_mut() {
        pods.sort_by_key(|pod| time(pod, "/metadata/creationTimestamp"));
    }
    nodes
}

/// Returns the node that a daemon is on, or bound for.
fn node_of(pod: &Value) -> Option<&str> {
    let node = text(pod, "/spec/nodeName");
    if !node.is_empty() {
        return Some(node);
    }
    let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let mut fields = items(pod, terms)
        .iter()
        .flat_map(|term| items(term, "/matchFields"));
    let field = fields.find(|field| text(field, "/key") == "metadata.name")?;
    items(field, "/values").first()?.as_str()
}

/// One look at one set.
struct Turn<'a> {
    view: &'a View,
    set: &'a Value,
    nodes: BTreeMap<&'a str, Vec<&'a Value>>,
    /// The hash of the newest template.
    hash: String,
    now: Timestamp,
}

/// Whether a daemon belongs on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Belongs {
    should_run: bool,
    /// What is there may stay.
    may_stay: bool,
}

impl Turn<'_> {
    /// Makes pods where they are missing, and takes those away that ended, or are where none belongs.
    fn manage(&self) -> Vec<Write> {
        let mut writes = Vec::new();
        for (node, pods) in &self.nodes {
            let Belongs {
                should_run,
                may_stay,
            } = self.belongs(node);
            let (ended, alive): (Vec<&Value>, Vec<&Value>) =
                pods.iter().partition(|pod| is_finished(pod));
            for pod in ended.iter().filter(|pod| !is_deleting(pod)) {
                writes.extend(self.clear_away(pod, node));
            }
            if should_run && pods.is_empty() {
                writes.extend(self.create(node));
            } else if !may_stay {
                let staying = alive.iter().filter(|pod| !is_deleting(pod));
                writes.extend(staying.flat_map(|pod| self.delete(pod)));
            } else if should_run {
                writes.extend(self.surplus(&alive).flat_map(|pod| self.delete(pod)));
            }
        }
        writes
    }

    /// Of several of one template on a node the oldest stays.
    fn surplus<'p>(&self, alive: &[&'p Value]) -> impl Iterator<Item = &'p Value> + use<'p> {
        let hash = self.hash.clone();
        let staying = alive.iter().copied().filter(|pod| !is_deleting(pod));
        let (new, old): (Vec<&Value>, Vec<&Value>) =
            staying.partition(|pod| label(pod, REVISION_HASH) == Some(&hash));
        new.into_iter().skip(1).chain(old.into_iter().skip(1))
    }

    fn belongs(&self, node_name: &str) -> Belongs {
        let nowhere = Belongs {
            should_run: false,
            may_stay: false,
        };
        let Some(node) = self.view.find(Kind::Node, "", node_name) else {
            return nowhere;
        };
        let fixed = text(self.set, "/spec/template/spec/nodeName");
        let pod = self.pod_for(node_name);
        if !fixed.is_empty() && fixed != node_name || !wants_node(&pod, node) {
            return nowhere;
        }
        let repels = |effect: &str| {
            let mut taints = items(node, "/spec/taints").iter();
            taints.any(|taint| text(taint, "/effect") == effect && !tolerates(&pod, taint))
        };
        let may_stay = !repels("NoExecute");
        Belongs {
            should_run: may_stay && !repels("NoSchedule"),
            may_stay,
        }
    }

    fn create(&self, node: &str) -> [Write; 2] {
        let mut pod = self.pod_for(node);
        let prefix = format!("{}-", name(self.set));
        let seed = format!("{} {node} {} {}", uid(self.set), self.hash, self.now);
        let pod_name = generated_name(self.view, namespace(self.set), &prefix, &seed);
        pod["metadata"]["name"] = json!(pod_name);
        pod["metadata"]["generateName"] = json!(prefix);
        let message = format!("Created pod: {pod_name}");
        let note = Note::normal(COMPONENT, self.set, "SuccessfulCreate", message);
        [Write::Create(pod), Write::Event(note)]
    }

    fn delete(&self, pod: &Value) -> [Write; 2] {
        let message = format!("Deleted pod: {}", name(pod));
        let note = Note::normal(COMPONENT, self.set, "SuccessfulDelete", message);
        [Write::delete(Kind::Pod, pod), Write::Event(note)]
    }

    /// Takes a pod away that ended, so that another can be made.
    fn clear_away(&self, pod: &Value, node: &str) -> Vec<Write> {
        let (place, pod_name) = (namespace(pod), name(pod));
        let note = match text(pod, "/status/phase") {
            "Failed" => Note::warning(
                COMPONENT,
                self.set,
                "FailedDaemonPod",
                format!(
                    "Found failed daemon pod {place}/{pod_name} on node {node}, will try to kill it"
                ),
            ),
            _ => Note::normal(
                COMPONENT,
                self.set,
                "SucceededDaemonPod",
                format!(
                    "Found succeeded daemon pod {place}/{pod_name} on node {node}, will try to delete it"
                ),
            ),
        };
        let mut writes = vec![Write::Event(note)];
        writes.extend(self.delete(pod));
        writes
    }

    /// Returns the pod for a node, without a name.
    fn pod_for(&self, node: &str) -> Value {
        let mut pod = from_template(&self.set["spec"]["template"], self.set);
        pod["metadata"]["labels"][REVISION_HASH] = json!(self.hash);
        let mut tolerations = items(&pod, "/spec/tolerations").to_vec();
        for (key, effect) in TOLERATED {
            let toleration = json!({"effect": effect, "key": key, "operator": "Exists"});
            if !tolerations.contains(&toleration) {
                tolerations.push(toleration);
            }
        }
        pod["spec"]["tolerations"] = json!(tolerations);
        bind_to(&mut pod, node);
        pod
    }

    fn is_available(&self, pod: &Value) -> Availability {
        let seconds = count(self.set, "/spec/minReadySeconds");
        match is_deleting(pod) {
            true => Availability::NotReady,
            false => availability(pod, seconds, self.now),
        }
    }
}

/// Lets a pod run on one node only, whatever else its affinity demands.
fn bind_to(pod: &mut Value, node: &str) {
    let field = json!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
    let required = &mut pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = required["nodeSelectorTerms"].as_array_mut();
    match terms.filter(|terms| !terms.is_empty()) {
        Some(terms) => terms
            .iter_mut()
            .for_each(|term| term["matchFields"] = field.clone()),
        None => required["nodeSelectorTerms"] = json!([{"matchFields": field}]),
    }
}

#[cfg(test)]
mod tests;
