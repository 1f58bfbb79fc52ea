//! The history of the templates of a StatefulSet or DaemonSet: ControllerRevisions, equal templates sharing one.

use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::object::{controller_reference, count, int, label, map, name, namespace, text};
use super::pods::{is_same_template, template_hash};
use super::view::View;
use super::write::Write;

/// The label with the revision of a pod's template: a StatefulSet's pods bear its name, a DaemonSet's its hash.
pub const REVISION_HASH: &str = "controller-revision-hash";

/// The label with the hash of a StatefulSet's revision. A DaemonSet's bears the same label as its pods.
const HASH: &str = "controller.kubernetes.io/hash";

/// The revisions of one set: the one that it rolls to, the one that it rolls from.
#[derive(Debug)]
pub struct Revisions<'a> {
    /// All of them, lowest number first.
    history: Vec<&'a Value>,
    update: Option<&'a Value>,
    current: Option<&'a Value>,
    /// What must be written before the set is looked at: a new revision, or a new number for one.
    pub writes: Vec<Write>,
}

impl<'a> Revisions<'a> {
    /// Finds the revisions of `set`.
    pub fn of(view: &'a View, set: &'a Value) -> Revisions<'a> {
        let mut history: Vec<&Value> = view.controlled(Kind::ControllerRevision, set).collect();
        history.sort_by_key(|revision| count(revision, "/revision"));
        let last = history
            .last()
            .map_or(0, |revision| count(revision, "/revision"));
        let template = &set["spec"]["template"];
        let update = history
            .iter()
            .rev()
            .copied()
            .find(|revision| is_same_template(&template_of(revision), template));
        let writes = match update {
            None => vec![Write::Create(build(set, last + 1))],
            Some(update) if count(update, "/revision") < last => {
                vec![Write::update(update, |update| {
                    update["revision"] = json!(last + 1)
                })]
            }
            Some(_) => Vec::new(),
        };
        let current_name = text(set, "/status/currentRevision");
        let current = history
            .iter()
            .copied()
            .find(|revision| name(revision) == current_name)
            .or(update);
        Revisions {
            history,
            update,
            current,
            writes,
        }
    }

    /// Returns template and name of the revision that the set rolls to.
    pub fn update(&self) -> (&'a Value, &'a str) {
        template_and_name(self.update)
    }

    /// Returns template and name of the revision that the set rolls from.
    pub fn current(&self) -> (&'a Value, &'a str) {
        template_and_name(self.current)
    }

    /// Returns the name of the revision that the set rolls to.
    pub fn update_name(&self) -> &'a str {
        self.update().1
    }

    /// Returns the deletions of revisions beyond `revisionHistoryLimit` that no pod is made of.
    pub fn prune(&self, set: &Value, pods: &[&Value]) -> Vec<Write> {
        let limit = usize::try_from(int(set, "/spec/revisionHistoryLimit").unwrap_or(10))
            .unwrap_or(usize::MAX);
        let is_live = |revision: &&&Value| {
            name(revision) == self.update().1
                || name(revision) == self.current().1
                || pods
                    .iter()
                    .any(|pod| label(pod, REVISION_HASH) == Some(mark_of(revision)))
        };
        let spent: Vec<&&Value> = self
            .history
            .iter()
            .filter(|revision| !is_live(revision))
            .collect();
        let surplus = spent.len().saturating_sub(limit);
        spent
            .into_iter()
            .take(surplus)
            .map(|revision| Write::delete(Kind::ControllerRevision, revision))
            .collect()
    }
}

/// Returns what the pods of a revision bear of it.
fn mark_of(revision: &Value) -> &str {
    label(revision, REVISION_HASH).unwrap_or_else(|| name(revision))
}

fn template_and_name(revision: Option<&Value>) -> (&Value, &str) {
    revision.map_or((&Value::Null, ""), |revision| {
        (&revision["data"]["spec"]["template"], name(revision))
    })
}

fn template_of(revision: &Value) -> Value {
    let mut template = revision["data"]["spec"]["template"].clone();
    if let Some(fields) = template.as_object_mut() {
        fields.remove("$patch");
    }
    template
}

fn build(set: &Value, number: i64) -> Value {
    let hash = template_hash(
        &set["spec"]["template"],
        count(set, "/status/collisionCount"),
    );
    let mut template = set["spec"]["template"].clone();
    template["$patch"] = json!("replace");
    let mut labels: Map<String, Value> = map(set, "/spec/template/metadata/labels")
        .cloned()
        .unwrap_or_default();
    let label = match text(set, "/kind") {
        "DaemonSet" => REVISION_HASH,
        _ => HASH,
    };
    labels.insert(label.to_owned(), json!(hash));
    let annotations = map(set, "/metadata/annotations")
        .cloned()
        .unwrap_or_default();
    json!({
        "apiVersion": Kind::ControllerRevision.api_version(),
        "kind": Kind::ControllerRevision.kind(),
        "metadata": {
            "name": format!("{}-{hash}", name(set)),
            "namespace": namespace(set),
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [controller_reference(set)],
        },
        "data": {"spec": {"template": template}},
        "revision": number,
    })
}
