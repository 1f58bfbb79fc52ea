//! The record: the ConfigMap in the cluster that says what an instance is, an `ApplySet` parent. Reading and writing it as
//! JSON is pure; the operation that runs is claimed and stepped elsewhere, in one place.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::deploy::DeployRequest;
use super::metadata::{Metadata, core_key};
use super::ownership::{self, Owner};
use super::revision::Finished;
use crate::cluster::Cluster;
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::drift::{self, AppliedWorkload};
use crate::service::operation::Operation;
use crate::service::summary::InstanceKey;

/// A record as it was read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    object: Object,
}

/// Where the members of a set may be: what an `ApplySet` parent says for those who look for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub kinds: BTreeSet<GroupKind>,
    /// Namespaces beside the record's own.
    pub namespaces: BTreeSet<String>,
}

impl Extent {
    /// Returns where these objects of an instance of the namespace `own` are.
    pub fn of(objects: &[Object], own: &Namespace) -> Self {
        let namespaces = objects.iter().filter_map(|it| it.key.namespace.clone());
        Self {
            kinds: objects.iter().map(|it| GroupKind::of(&it.key)).collect(),
            namespaces: namespaces.filter(|it| it != own.as_str()).collect(),
        }
    }

    /// Returns both together.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            kinds: &self.kinds | &other.kinds,
            namespaces: &self.namespaces | &other.namespaces,
        }
    }

    fn annotations(&self) -> [(&'static str, String); 2] {
        let namespaces: Vec<&str> = self.namespaces.iter().map(String::as_str).collect();
        [
            (naming::ANNOTATION_APPLYSET_KINDS, kinds_text(&self.kinds)),
            (naming::ANNOTATION_APPLYSET_NAMESPACES, namespaces.join(",")),
        ]
    }
}

/// What a record says once a deploy has come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub definition: String,
    pub revision: u32,
    pub text_hash: String,
    pub extent: Extent,
    pub display_name: Option<String>,
    pub expires: Option<String>,
    pub is_protected: bool,
    /// The definition's labels, by which selectors choose the instance.
    pub labels: BTreeMap<String, String>,
}

/// Who changes something, why and when, for people to read later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authorship {
    pub cause: Option<String>,
    /// The revision that it goes back to, where it is a rollback.
    pub rollback_to: Option<u32>,
    pub holder: String,
    /// As whom the server knows them; none where it does not say.
    pub user: Option<String>,
    pub at: jiff::Timestamp,
}

/// Returns the key of an instance's record.
pub(super) fn key(instance: &InstanceKey) -> ObjectKey {
    core_key(
        "ConfigMap",
        instance.namespace.as_str(),
        &naming::record(&instance.id),
    )
}

/// Reads the record of an instance; none if there is none.
///
/// # Errors
/// It cannot be read, or the ConfigMap of that name is no record of this instance.
pub(super) async fn read(
    cluster: &Cluster,
    instance: &InstanceKey,
) -> Result<Option<Record>, Failure> {
    let object = cluster.get(&key(instance)).await?;
    object
        .map(|object| Record::of(object, instance))
        .transpose()
}

impl Record {
    /// Takes a ConfigMap as the record of an instance.
    ///
    /// # Errors
    /// It belongs to somebody else, or to another tool's `ApplySet`.
    pub fn of(object: Object, instance: &InstanceKey) -> Result<Self, Failure> {
        let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
        let metadata = Metadata::of(&object);
        let refuse = |why: String| {
            let summary = format!("{} is not the record of {instance}: {why}", object.key);
            Err(Failure::new(FailureKind::Refused, summary))
        };
        match ownership::owner(&object, &instance.id, &set) {
            Owner::Ours => {}
            Owner::Other(other) => return refuse(format!("it belongs to {other}")),
            Owner::Nobody => return refuse("it bears none of its labels".to_owned()),
        }
        if metadata.label(naming::LABEL_APPLYSET_ID) != Some(set.as_str()) {
            return refuse("it bears no or another ApplySet ID".to_owned());
        }
        let tooling = metadata
            .annotation(naming::ANNOTATION_APPLYSET_TOOLING)
            .unwrap_or_default();
        let tool = naming::APPLYSET_TOOLING
            .split('/')
            .next()
            .unwrap_or_default();
        if tooling.split('/').next() != Some(tool) {
            return refuse(format!("its ApplySet is managed by {tooling:?}"));
        }
        Ok(Self { object })
    }

    fn metadata(&self) -> Metadata<'_> {
        Metadata::of(&self.object)
    }

    pub fn into_object(self) -> Object {
        self.object
    }

    pub fn uid(&self) -> &str {
        self.metadata().uid()
    }

    pub fn resource_version(&self) -> &str {
        self.metadata().resource_version()
    }

    /// Returns the name of the definition that it was deployed from.
    pub fn definition(&self) -> Option<&str> {
        self.metadata().label(naming::LABEL_NAME)
    }

    /// Returns the name by which commands name its definition: the ID's own where it bears none.
    pub fn definition_of(&self, instance: &InstanceKey) -> InstanceId {
        let name = self.definition().and_then(|name| name.parse().ok());
        name.unwrap_or_else(|| instance.id.clone())
    }

    /// Returns the digest of the text that was applied last.
    pub fn definition_hash(&self) -> Option<&str> {
        self.metadata()
            .annotation(naming::ANNOTATION_DEFINITION_HASH)
    }

    pub fn is_being_deleted(&self) -> bool {
        self.metadata().is_being_deleted()
    }

    pub fn is_protected(&self) -> bool {
        self.metadata().annotation(naming::ANNOTATION_PROTECTED) == Some("true")
    }

    /// Tells whether its objects were there before it, and were handed over to it.
    pub fn is_adopted(&self) -> bool {
        self.metadata().annotation(naming::ANNOTATION_ADOPTED) == Some("true")
    }

    /// Returns the current revision; none before the first deploy came to its end.
    pub fn revision(&self) -> Option<u32> {
        self.metadata()
            .annotation(naming::ANNOTATION_REVISION)?
            .parse()
            .ok()
    }

    /// Returns which revisions were the current one: numbers between them are of deploys that came to no end.
    pub fn finished(&self) -> Finished {
        let key = naming::ANNOTATION_FINISHED_REVISIONS;
        let noted = self.metadata().annotation(key).map(Finished::parse);
        let noted = noted.unwrap_or_default();
        match self.revision() {
            Some(current) => noted.and(current),
            None => noted,
        }
    }

    /// Returns what tells whether it was changed since: its version, and while an operation is noted all but the beats, which
    /// change nothing that a plan was made of.
    pub fn seen(&self) -> String {
        let Some(operation) = self.noted() else {
            return self.resource_version().to_owned();
        };
        let mut metadata = self.object.json["metadata"].clone();
        let still = Operation {
            heartbeat: jiff::Timestamp::UNIX_EPOCH,
            ..operation
        };
        metadata["annotations"][naming::ANNOTATION_OPERATION] = json!(still);
        let rest = ["uid", "labels", "annotations"].map(|key| &metadata[key]);
        super::revision::text_hash(&json!(rest).to_string())
    }

    /// Returns the operation that runs; none where there is none, or nothing that could be read.
    pub fn noted(&self) -> Option<Operation> {
        serde_json::from_str(self.operation()?).ok()
    }

    /// Returns the operation that runs, as it stands there.
    pub fn operation(&self) -> Option<&str> {
        self.metadata().annotation(naming::ANNOTATION_OPERATION)
    }

    /// Returns the kinds that the set may hold.
    pub fn kinds(&self) -> BTreeSet<GroupKind> {
        let text = self
            .metadata()
            .annotation(naming::ANNOTATION_APPLYSET_KINDS)
            .unwrap_or_default();
        parse_kinds(text)
    }

    /// Returns where the members of the set may be.
    pub fn extent(&self) -> Extent {
        let key = naming::ANNOTATION_APPLYSET_NAMESPACES;
        let text = self.metadata().annotation(key).unwrap_or_default();
        let names = text.split(',').map(str::trim).filter(|it| !it.is_empty());
        Extent {
            kinds: self.kinds(),
            namespaces: names.map(str::to_owned).collect(),
        }
    }

    /// Returns what the last deploy left of the workloads.
    pub fn applied(&self) -> Vec<AppliedWorkload> {
        let text = self
            .metadata()
            .annotation(naming::ANNOTATION_APPLIED_FIELDS);
        drift::from_annotation(text.unwrap_or_default())
    }

    /// Returns the keys of the definition's labels that it bears.
    fn label_keys(&self) -> impl Iterator<Item = &str> {
        let keys = self.metadata().annotation(naming::ANNOTATION_LABELS);
        keys.unwrap_or_default()
            .split(',')
            .filter(|key| !key.is_empty())
    }

    /// Tells whether it says exactly this, whatever operation it notes.
    pub fn is_exact(&self, facts: &Facts) -> bool {
        let metadata = self.metadata();
        let annotations = facts.annotations();
        let holds = |(key, value): (&String, &Value)| metadata.annotation(key) == value.as_str();
        metadata.label(naming::LABEL_NAME) == Some(&facts.definition)
            && annotations.iter().all(holds)
            && facts
                .labels
                .iter()
                .all(|(key, value)| metadata.label(key) == Some(value))
    }
}

impl Facts {
    /// Returns what a deploy of this request writes in the end.
    pub fn of(request: &DeployRequest, revision: u32, extent: Extent) -> Self {
        let definition = &request.definition;
        Self {
            definition: request.name.to_string(),
            revision,
            text_hash: super::revision::text_hash(&request.text),
            extent,
            display_name: definition.display_name().map(str::to_owned),
            expires: definition.expires().map(str::to_owned),
            is_protected: definition.is_protected(),
            labels: definition_labels(definition.labels()),
        }
    }

    /// Returns the annotations that say it; null for what is not to be there.
    fn annotations(&self) -> Map<String, Value> {
        let revision = self.revision.to_string();
        let label_keys: Vec<&str> = self.labels.keys().map(String::as_str).collect();
        let label_keys = label_keys.join(",");
        let pairs = [
            (
                naming::ANNOTATION_APPLYSET_TOOLING,
                Some(naming::APPLYSET_TOOLING),
            ),
            (naming::ANNOTATION_REVISION, Some(&*revision)),
            (naming::ANNOTATION_DEFINITION_HASH, Some(&*self.text_hash)),
            (
                naming::ANNOTATION_DISPLAY_NAME,
                self.display_name.as_deref(),
            ),
            (naming::ANNOTATION_EXPIRES, self.expires.as_deref()),
            (
                naming::ANNOTATION_PROTECTED,
                self.is_protected.then_some("true"),
            ),
            (
                naming::ANNOTATION_LABELS,
                Some(&*label_keys).filter(|keys| !keys.is_empty()),
            ),
        ]
        .map(|(key, value)| (key.to_owned(), json!(value)));
        let extent = self.extent.annotations();
        let extent = extent.map(|(key, value)| (key.to_owned(), json!(value)));
        pairs.into_iter().chain(extent).collect()
    }

    /// Returns which revisions were the current one, once this is.
    pub fn finished(&self, before: Option<&Record>) -> Finished {
        let before = before.map(Record::finished).unwrap_or_default();
        before.and(self.revision)
    }

    /// Returns the change of labels and annotations that ends a deploy. Labels that the definition had `before` go with it.
    pub fn final_change(&self, authorship: &Authorship, before: Option<&Record>) -> Change {
        let mut annotations = self.annotations();
        annotations.extend(authorship.annotations());
        let key = naming::ANNOTATION_FINISHED_REVISIONS.to_owned();
        annotations.insert(key, json!(self.finished(before).to_string()));
        let gone = before.into_iter().flat_map(Record::label_keys);
        let mut labels: Map<String, Value> =
            gone.map(|key| (key.to_owned(), Value::Null)).collect();
        let own = self.labels.iter();
        labels.extend(own.map(|(key, value)| (key.clone(), json!(value))));
        labels.insert(naming::LABEL_NAME.to_owned(), json!(self.definition));
        Change {
            labels,
            annotations,
        }
    }
}

/// Returns the labels of a definition that do not say what a record is: those are the record's own.
fn definition_labels(mut labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let own = [
        naming::LABEL_MANAGED_BY,
        naming::LABEL_INSTANCE,
        naming::LABEL_NAME,
        naming::LABEL_PART_OF,
        naming::LABEL_APPLYSET_ID,
    ];
    labels.retain(|key, _| !own.contains(&key.as_str()));
    labels
}

impl Authorship {
    pub fn annotations(&self) -> Map<String, Value> {
        let rollback_to = self.rollback_to.map(|number| number.to_string());
        let pairs = [
            (naming::ANNOTATION_CHANGE_CAUSE, json!(self.cause)),
            (naming::ANNOTATION_ROLLBACK_TO, json!(rollback_to)),
            (naming::ANNOTATION_APPLIED_BY, json!(self.holder)),
            (naming::ANNOTATION_APPLIED_AS, json!(self.user)),
            (naming::ANNOTATION_APPLIED_AT, json!(self.at.to_string())),
        ];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value));
        pairs.into_iter().collect()
    }
}

/// A change of a record's labels and annotations, null taking one away.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Change {
    pub labels: Map<String, Value>,
    pub annotations: Map<String, Value>,
}

impl Change {
    /// Tells whether a record's annotations are as the change leaves them.
    pub fn is_in(&self, metadata: Metadata<'_>) -> bool {
        let mut annotations = self.annotations.iter();
        annotations.all(|(key, value)| metadata.annotation(key) == value.as_str())
    }

    /// Returns the change that lets the set reach this far.
    pub fn widen(extent: &Extent) -> Self {
        let annotations = extent.annotations();
        let annotations = annotations.map(|(key, value)| (key.to_owned(), json!(value)));
        Self {
            labels: Map::new(),
            annotations: Map::from_iter(annotations),
        }
    }
}

/// Returns the first record of an instance, its operation included. `is_adopted` says of its objects that they were there
/// before any deploy.
pub(super) fn first(
    instance: &InstanceKey,
    definition: &str,
    extent: &Extent,
    operation: &str,
    is_adopted: bool,
) -> Object {
    let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
    let [(kinds, kinds_text), (namespaces, namespaces_text)] = extent.annotations();
    let mut json = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": naming::record(&instance.id),
            "namespace": instance.namespace.as_str(),
            "labels": {
                naming::LABEL_MANAGED_BY: naming::MANAGED_BY,
                naming::LABEL_INSTANCE: instance.id.as_str(),
                naming::LABEL_NAME: definition,
                naming::LABEL_APPLYSET_ID: set,
            },
            "annotations": {
                naming::ANNOTATION_APPLYSET_TOOLING: naming::APPLYSET_TOOLING,
                kinds: kinds_text,
                namespaces: namespaces_text,
                naming::ANNOTATION_OPERATION: operation,
            },
        },
    });
    if is_adopted {
        json["metadata"]["annotations"][naming::ANNOTATION_ADOPTED] = json!("true");
    }
    Object::from_json(json).expect("apiVersion, kind and name were just written")
}

/// Returns kinds as an `ApplySet` parent lists them: `ConfigMap,Deployment.apps`, sorted.
fn kinds_text(kinds: &BTreeSet<GroupKind>) -> String {
    let mut texts: Vec<String> = kinds
        .iter()
        .map(|kind| match kind.group.as_str() {
            "" => kind.kind.clone(),
            group => format!("{}.{group}", kind.kind),
        })
        .collect();
    texts.sort();
    texts.join(",")
}

fn parse_kinds(text: &str) -> BTreeSet<GroupKind> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (kind, group) = part.split_once('.').unwrap_or((part, ""));
            GroupKind::new(group, kind)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> InstanceKey {
        InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "web".parse().unwrap(),
        }
    }

    fn kinds() -> BTreeSet<GroupKind> {
        BTreeSet::from([
            GroupKind::new("", "Service"),
            GroupKind::new("apps", "Deployment"),
            GroupKind::new("networking.k8s.io", "Ingress"),
        ])
    }

    fn extent() -> Extent {
        Extent {
            kinds: kinds(),
            namespaces: ["jobs", "monitoring"].map(str::to_owned).into(),
        }
    }

    fn facts() -> Facts {
        Facts {
            definition: "shop".to_owned(),
            revision: 3,
            text_hash: "abc".to_owned(),
            extent: extent(),
            display_name: Some("My shop".to_owned()),
            expires: None,
            is_protected: true,
            labels: BTreeMap::from([("tier".to_owned(), "web".to_owned())]),
        }
    }

    #[test]
    fn kinds_are_listed_as_kubectl_lists_them() {
        let text = "Deployment.apps,Ingress.networking.k8s.io,Service";
        assert_eq!(kinds_text(&kinds()), text);
        assert_eq!(parse_kinds(text), kinds());
        assert_eq!(parse_kinds(""), BTreeSet::new());
    }

    #[test]
    fn the_first_record_is_an_apply_set_parent_with_its_operation() {
        let first = first(&instance(), "shop", &extent(), "{}", false);
        let record = Record::of(first, &instance()).unwrap();
        assert_eq!(record.extent(), extent());
        assert_eq!((record.operation(), record.revision()), (Some("{}"), None));
        assert!(!record.is_exact(&facts()));
    }

    #[test]
    fn a_record_is_exact_when_it_says_all() {
        let mut object = first(&instance(), "shop", &extent(), "{}", false);
        let authorship = Authorship {
            cause: None,
            rollback_to: None,
            holder: "a@b".to_owned(),
            user: None,
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        let change = facts().final_change(&authorship, None);
        for (key, value) in change.labels {
            object.json["metadata"]["labels"][key] = value;
        }
        for (key, value) in change.annotations {
            object.json["metadata"]["annotations"][key] = value;
        }
        object.json["metadata"]["annotations"][naming::ANNOTATION_OPERATION] = Value::Null;
        let record = Record::of(object, &instance()).unwrap();
        assert!(record.is_exact(&facts()));
        assert!(record.is_protected());
        let other = Facts {
            text_hash: "def".to_owned(),
            ..facts()
        };
        assert!(!record.is_exact(&other));
        let relabelled = Facts {
            labels: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
            ..facts()
        };
        assert!(!record.is_exact(&relabelled));
        // A label that left the definition leaves the record, too.
        let labels = relabelled.final_change(&authorship, Some(&record)).labels;
        assert_eq!(
            Value::Object(labels),
            json!({"app.kubernetes.io/name": "shop", "team": "a", "tier": null})
        );
        // The next deploy tells which revisions were before it, and one that stays at its number leaves that as it is.
        let finished = |revision| {
            let facts = Facts {
                revision,
                ..facts()
            };
            let mut change = facts.final_change(&authorship, Some(&record));
            change
                .annotations
                .remove(naming::ANNOTATION_FINISHED_REVISIONS)
        };
        assert_eq!(finished(5), Some(json!("3,5")));
        assert_eq!(finished(3), Some(json!("3")));
        let unprotected = Facts {
            is_protected: false,
            ..facts()
        };
        assert!(!record.is_exact(&unprotected));
    }

    #[test]
    fn a_config_map_of_somebody_else_is_no_record() {
        let mut object = first(&instance(), "shop", &extent(), "{}", false);
        object.json["metadata"]["annotations"][naming::ANNOTATION_APPLYSET_TOOLING] =
            json!("kubectl/v1");
        let failure = Record::of(object, &instance()).unwrap_err();
        assert_eq!(
            failure.summary,
            "ConfigMap/bowline-web is not the record of team-a/web: its ApplySet is managed by \"kubectl/v1\""
        );
        let mut object = first(&instance(), "shop", &extent(), "{}", false);
        object.json["metadata"]["labels"] = json!({});
        assert!(Record::of(object, &instance()).is_err());
    }
}
