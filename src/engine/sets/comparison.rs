//! What applying some objects as a set would change: against the set's live members, by the server's own verdict.
//!
//! Nothing is written: the server is asked to apply each object for the verdict only, under the name of whoever applied it
//! before, so that fields that left count too.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::{AT_ONCE, ApplySet, cluster_scoped};
use crate::cluster::{ApplyOptions, Cluster};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::engine::difference::difference;
use crate::engine::metadata::Metadata;
use crate::engine::plan::DiffLine;
use crate::failure::{Failure, FailureKind};

/// Who applies what nobody has applied yet.
const NOBODY: &str = "kubectl";

/// What would become of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetChange {
    /// It would be made.
    Create,
    /// It would be changed.
    Update,
    /// It is a member that is not among the objects: the set's tool would delete it.
    Prune,
}

/// An object that would not stay as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct SetDifference {
    /// What identifies it.
    pub key: ObjectKey,
    /// What would become of it.
    pub change: SetChange,
    /// The difference, line by line.
    pub lines: Vec<DiffLine>,
}

/// Compares objects with the members of a set, sorted by key.
///
/// # Errors
/// A kind is not served or may not be listed, or the server refuses an object.
pub async fn compare_set(
    cluster: &Cluster,
    set: &ApplySet,
    objects: Vec<Object>,
) -> Result<Vec<SetDifference>, Failure> {
    let scoped = cluster_scoped(&cluster.resources().await?);
    let wanted: BTreeMap<ObjectKey, Object> = objects
        .into_iter()
        .filter_map(|object| placed(object, set, &scoped))
        .map(|object| (object.key.clone(), object))
        .collect();
    let members = members(cluster, set, &scoped).await?;
    let verdicts = stream::iter(wanted.values())
        .map(async |object| verdict(cluster, object, &members).await)
        .buffered(AT_ONCE);
    let mut differences: Vec<SetDifference> = Vec::new();
    for verdict in verdicts.collect::<Vec<_>>().await {
        differences.extend(verdict?);
    }
    let is_wanted = |key: &ObjectKey| wanted.keys().any(|other| is_same(key, other));
    for (key, live) in members.iter().filter(|(key, _)| !is_wanted(key)) {
        differences.push(SetDifference {
            key: key.clone(),
            change: SetChange::Prune,
            lines: difference(Some(&live.json), None),
        });
    }
    differences.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(differences)
}

/// Tells whether two keys are of one object, at whichever version it is written.
fn is_same(a: &ObjectKey, b: &ObjectKey) -> bool {
    GroupKind::of(a) == GroupKind::of(b) && a.namespace == b.namespace && a.name == b.name
}

/// Puts an object where the set's tool would: into the parent's namespace, and into the set.
fn placed(object: Object, set: &ApplySet, scoped: &BTreeSet<GroupKind>) -> Option<Object> {
    let mut json = object.json;
    let is_placed = object.key.namespace.is_some() || scoped.contains(&GroupKind::of(&object.key));
    if !is_placed {
        json["metadata"]["namespace"] = json!(set.parent.namespace);
    }
    if !json["metadata"]["labels"].is_object() {
        json["metadata"]["labels"] = json!({});
    }
    json["metadata"]["labels"][naming::LABEL_PART_OF] = json!(set.id);
    Object::from_json(json)
}

/// Lists the members in full, one list for each kind and namespace.
async fn members(
    cluster: &Cluster,
    set: &ApplySet,
    scoped: &BTreeSet<GroupKind>,
) -> Result<BTreeMap<ObjectKey, Object>, Failure> {
    let mut lists: Vec<(&GroupKind, Option<Namespace>)> = Vec::new();
    for kind in &set.kinds {
        let places = set.places(kind, scoped);
        lists.extend(places.into_iter().map(|place| (kind, place)));
    }
    let selector = set.selector();
    let lists = stream::iter(lists)
        .map(|(kind, namespace)| {
            let selector = &selector;
            async move { cluster.list(kind, namespace.as_ref(), selector).await }
        })
        .buffered(AT_ONCE);
    let mut members = BTreeMap::new();
    for list in lists.collect::<Vec<_>>().await {
        members.extend(list?.into_iter().map(|object| (object.key.clone(), object)));
    }
    Ok(members)
}

/// Asks the server what an apply would make of an object; none if it would change nothing.
async fn verdict(
    cluster: &Cluster,
    object: &Object,
    members: &BTreeMap<ObjectKey, Object>,
) -> Result<Option<SetDifference>, Failure> {
    let member = members
        .iter()
        .find(|(key, _)| is_same(key, &object.key))
        .map(|(_, live)| live.clone());
    // What is not a member yet may be there all the same.
    let live = match member {
        Some(live) => Some(live),
        None => cluster.get(&object.key).await?,
    };
    let manager = live.as_ref().and_then(applier).unwrap_or(NOBODY).to_owned();
    let options = ApplyOptions {
        field_manager: manager,
        dry_run: true,
        force: true,
    };
    let applied = match cluster.apply(object, &options).await {
        Ok(written) => written.object,
        // Its kind or namespace may come with the other objects.
        Err(failure) if failure.kind == FailureKind::NotFound && live.is_none() => object.clone(),
        Err(failure) => return Err(failure),
    };
    let before = live.as_ref().map(|it| without_bookkeeping(&it.json));
    let lines = difference(before.as_ref(), Some(&without_bookkeeping(&applied.json)));
    let change = match live {
        Some(_) => SetChange::Update,
        None => SetChange::Create,
    };
    let key = object.key.clone();
    Ok((!lines.is_empty()).then_some(SetDifference { key, change, lines }))
}

/// Returns an object without the copy of itself that `kubectl apply` keeps in it: a server that applies as `kubectl` writes that
/// anew in its own words.
fn without_bookkeeping(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    if let Some(metadata) = metadata
        && let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
    {
        annotations.remove(naming::LAST_APPLIED);
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    object
}

/// Returns who applied an object, as the server remembers it.
fn applier(live: &Object) -> Option<&str> {
    if Metadata::of(live).is_being_deleted() {
        return None;
    }
    let entries: &Vec<Value> = live.json["metadata"]["managedFields"].as_array()?;
    let mut appliers = entries.iter().filter(|entry| {
        entry["operation"] == "Apply"
            && entry["subresource"].as_str().unwrap_or_default().is_empty()
    });
    appliers.next()?["manager"].as_str()
}
