//! The ReplicaSets of a Deployment: which one has the wanted template, which are history, and how they are numbered.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::controllers::kind::Kind;
use crate::controllers::object::{
    annotation, controller_reference, count, int, is_deleting, map, name, namespace, time,
};
use crate::controllers::pods::{TEMPLATE_HASH, is_same_template, template_hash};
use crate::controllers::write::{Note, Write};

use super::COMPONENT;
use super::rollout::{self, Limits};

/// The annotation that numbers templates, on the Deployment and its ReplicaSets.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The annotation that keeps the numbers a template had before.
pub const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// The annotation with the replicas that the Deployment asked for when the set was last scaled.
pub const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// The annotation with the most pods that the Deployment allowed then.
pub const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";

/// Annotations of a Deployment that its ReplicaSets do not inherit.
const NOT_INHERITED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// The ReplicaSets of one Deployment.
#[derive(Debug)]
pub struct ReplicaSets<'a> {
    /// The one with the wanted template.
    pub new: Option<&'a Value>,
    /// All others, oldest first.
    pub old: Vec<&'a Value>,
}

impl<'a> ReplicaSets<'a> {
    /// Tells the wanted set from the others. Of several with the wanted template the oldest is it.
    pub fn sort(deployment: &Value, owned: &[&'a Value]) -> ReplicaSets<'a> {
        let mut sets = owned.to_vec();
        sets.sort_by_key(|set| {
            (
                time(set, "/metadata/creationTimestamp"),
                name(set).to_owned(),
            )
        });
        let template = &deployment["spec"]["template"];
        let new = sets
            .iter()
            .position(|set| is_same_template(&set["spec"]["template"], template));
        let new = new.map(|idx| sets.remove(idx));
        ReplicaSets { new, old: sets }
    }

    /// Returns every set, the wanted one last.
    pub fn all(&self) -> impl Iterator<Item = &'a Value> {
        self.old.iter().copied().chain(self.new)
    }

    /// Returns the sets that should have pods.
    pub fn active(&self) -> impl Iterator<Item = &'a Value> {
        self.all().filter(|set| count(set, "/spec/replicas") > 0)
    }

    /// Returns the number of pods that all sets together should have.
    pub fn total_wanted(&self) -> i64 {
        self.all().map(|set| count(set, "/spec/replicas")).sum()
    }

    /// Returns the sum of a count in the status of all sets.
    pub fn total(&self, pointer: &str) -> i64 {
        self.all().map(|set| count(set, pointer)).sum()
    }

    fn next_revision(&self) -> i64 {
        self.old
            .iter()
            .map(|set| revision(set))
            .max()
            .unwrap_or_default()
            + 1
    }

    /// Returns the writes that make the ReplicaSet of the wanted template.
    pub fn create_new(&self, deployment: &Value) -> Vec<Write> {
        let limits = Limits::of(deployment);
        let replicas = rollout::new_set_size(deployment, self.total_wanted(), 0);
        let mut template = deployment["spec"]["template"].clone();
        let hash = template_hash(&template, count(deployment, "/status/collisionCount"));
        template["metadata"]["labels"][TEMPLATE_HASH] = json!(hash);
        let mut selector = deployment["spec"]["selector"].clone();
        selector["matchLabels"][TEMPLATE_HASH] = json!(hash);
        let set_name = format!("{}-{hash}", name(deployment));
        let mut annotations = inherited(deployment);
        annotations.insert(REVISION.to_owned(), json!(self.next_revision().to_string()));
        annotations.insert(
            DESIRED_REPLICAS.to_owned(),
            json!(limits.replicas.to_string()),
        );
        annotations.insert(MAX_REPLICAS.to_owned(), json!(limits.most().to_string()));
        let mut set = json!({
            "apiVersion": Kind::ReplicaSet.api_version(),
            "kind": Kind::ReplicaSet.kind(),
            "metadata": {
                "name": set_name,
                "namespace": namespace(deployment),
                "labels": template["metadata"]["labels"],
                "annotations": annotations,
                "ownerReferences": [controller_reference(deployment)],
            },
            "spec": {"replicas": replicas, "selector": selector, "template": template},
        });
        if let Some(seconds) = int(deployment, "/spec/minReadySeconds") {
            set["spec"]["minReadySeconds"] = json!(seconds);
        }
        let mut writes = vec![Write::Create(set)];
        if replicas > 0 {
            let message = format!("Scaled up replica set {set_name} from 0 to {replicas}");
            writes.push(Write::Event(Note::normal(
                COMPONENT,
                deployment,
                "ScalingReplicaSet",
                message,
            )));
        }
        writes
    }

    /// Returns the writes that keep the wanted set's revision, annotations and minReadySeconds in step with the
    /// Deployment's, and the Deployment's revision with it.
    pub fn sync_revision(&self, deployment: &Value, new: &Value) -> Vec<Write> {
        let mut synced = new.clone();
        let wanted = self.next_revision().max(revision(new));
        let mut annotations = map(new, "/metadata/annotations")
            .cloned()
            .unwrap_or_default();
        annotations.extend(inherited(deployment));
        if wanted > revision(new) {
            if let Some(before) = annotation(new, REVISION) {
                let mut history = annotation(new, REVISION_HISTORY)
                    .unwrap_or_default()
                    .to_owned();
                if !history.is_empty() {
                    history.push(',');
                }
                history.push_str(before);
                annotations.insert(REVISION_HISTORY.to_owned(), json!(history));
            }
            annotations.insert(REVISION.to_owned(), json!(wanted.to_string()));
        }
        synced["metadata"]["annotations"] = Value::Object(annotations);
        let min_ready_seconds = count(deployment, "/spec/minReadySeconds");
        if min_ready_seconds != count(new, "/spec/minReadySeconds") {
            synced["spec"]["minReadySeconds"] = json!(min_ready_seconds);
        }
        let mut writes = Vec::new();
        if synced != *new {
            writes.push(Write::Update(synced));
        }
        if annotation(deployment, REVISION) != Some(&wanted.to_string()) {
            writes.push(Write::update(deployment, |deployment| {
                deployment["metadata"]["annotations"][REVISION] = json!(wanted.to_string());
            }));
        }
        writes
    }

    /// Returns the deletions of history beyond `revisionHistoryLimit`: empty old sets, lowest revision first.
    pub fn prune_history(&self, deployment: &Value) -> Vec<Write> {
        let limit = usize::try_from(int(deployment, "/spec/revisionHistoryLimit").unwrap_or(10))
            .unwrap_or(usize::MAX);
        let mut history: Vec<&Value> = self
            .old
            .iter()
            .copied()
            .filter(|set| !is_deleting(set))
            .collect();
        history.sort_by_key(|set| revision(set));
        let surplus = history.len().saturating_sub(limit);
        let is_spent = |set: &&&Value| {
            count(set, "/spec/replicas") == 0
                && count(set, "/status/replicas") == 0
                && count(set, "/metadata/generation") <= count(set, "/status/observedGeneration")
        };
        history
            .iter()
            .take(surplus)
            .filter(is_spent)
            .map(|set| Write::delete(Kind::ReplicaSet, set))
            .collect()
    }
}

/// Returns the number of a set's template.
pub fn revision(set: &Value) -> i64 {
    annotation(set, REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

fn inherited(deployment: &Value) -> Map<String, Value> {
    let mut annotations = map(deployment, "/metadata/annotations")
        .cloned()
        .unwrap_or_default();
    let own: BTreeSet<&str> = NOT_INHERITED.into_iter().collect();
    annotations.retain(|key, _| !own.contains(key.as_str()));
    annotations
}
