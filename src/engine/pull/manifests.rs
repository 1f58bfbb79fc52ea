//! Where manifests say a field of their objects: in the same place. Pure.

use serde_json::Value;

use crate::definition::lists;
use crate::definition::manifest::{Manifest, ManifestSet};
use crate::definition::object::{GroupKind, ObjectKey};
use crate::definition::yaml::documents;
use crate::definition::yaml::edit::{Edit, PathStep};
use crate::engine::drift::fieldset::down_wanted;
use crate::service::drift::{FieldChange, Step};

const ELSEWHERE: &str = "the definition has no such object";

/// Returns the manifest of an object: the one that names its namespace, else the one that leaves it to the instance.
fn find<'a>(set: &'a ManifestSet, key: &ObjectKey) -> Result<&'a Manifest, String> {
    let is_in = |namespace: Option<&String>| {
        set.manifests.iter().find(|manifest| {
            let own = &manifest.object.key;
            let is_named = GroupKind::of(own) == GroupKind::of(key) && own.name == key.name;
            is_named && own.namespace.as_ref() == namespace
        })
    };
    is_in(key.namespace.as_ref())
        .or_else(|| is_in(None))
        .ok_or_else(|| ELSEWHERE.to_owned())
}

/// Returns which document of the text an object stands in, counted without empty ones.
///
/// # Errors
/// There is no such object.
pub(super) fn document(set: &ManifestSet, key: &ObjectKey) -> Result<usize, String> {
    let manifest = find(set, key)?;
    place(set, manifest).map(|(document, _)| document)
}

/// Returns the edits that pull fields into the object that they are of.
///
/// # Errors
/// There is no such object or place.
pub(super) fn edits(
    set: &ManifestSet,
    key: &ObjectKey,
    fields: &[&FieldChange],
) -> Result<Vec<Edit>, String> {
    let manifest = find(set, key)?;
    let (document, start) = place(set, manifest)?;
    let documents = documents(set.source()).map_err(|error| error.to_string())?;
    let mut top = documents.get(document).ok_or(ELSEWHERE)?;
    for step in &start {
        top = match step {
            PathStep::Key(key) => top.get(key),
            PathStep::Index(idx) => top.get(*idx),
        }
        .ok_or(ELSEWHERE)?;
    }
    let edit = |field: &&FieldChange| {
        let path = [start.clone(), path(top, &field.path.0)?].concat();
        let value = field.live.clone();
        Ok(Edit { path, value })
    };
    fields.iter().map(edit).collect()
}

/// Returns the document of a manifest, and the way to it in a `List`.
fn place(set: &ManifestSet, manifest: &Manifest) -> Result<(usize, Vec<PathStep>), String> {
    let documents = documents(set.source()).map_err(|error| error.to_string())?;
    let key = &manifest.object.key;
    let is_named = |value: &Value| {
        value["kind"] == *key.kind
            && value["metadata"]["name"] == *key.name
            && value["apiVersion"] == key.api_version()
    };
    let is_it = |value: &Value| {
        is_named(value) && value["metadata"]["namespace"].as_str() == key.namespace.as_deref()
    };
    let find = |is_it: &dyn Fn(&Value) -> bool| {
        let mut places = documents.iter().enumerate();
        places.find_map(|(idx, document)| Some((idx, way_to(document, is_it)?)))
    };
    // A namespace may be put together of parameters.
    find(&is_it)
        .or_else(|| find(&is_named))
        .ok_or_else(|| ELSEWHERE.to_owned())
}

/// Returns the way to an object: none is needed to a document, through `items` it leads to what a list holds.
fn way_to(object: &Value, is_it: &dyn Fn(&Value) -> bool) -> Option<Vec<PathStep>> {
    if is_it(object) {
        return Some(Vec::new());
    }
    let items = lists::items(object)?;
    let mut ways = items.iter().enumerate();
    ways.find_map(|(item, object)| {
        let start = [PathStep::Key("items".to_owned()), PathStep::Index(item)];
        Some([&start[..], &way_to(object, is_it)?].concat())
    })
}

/// Returns where a field stands in an object as it was written.
fn path(object: &Value, steps: &[Step]) -> Result<Vec<PathStep>, String> {
    let (mut at, mut path) = (Some(object), Vec::new());
    for (n, step) in steps.iter().enumerate() {
        let next = at.and_then(|at| down_wanted(at, step));
        let place = match step {
            Step::Field(name) => PathStep::Key(name.clone()),
            Step::Item(_) | Step::Value(_) => {
                let items = at.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let position =
                    next.and_then(|next| items.iter().position(|item| std::ptr::eq(item, next)));
                match position {
                    Some(idx) => PathStep::Index(idx),
                    None if n + 1 == steps.len() => PathStep::Index(items.len()),
                    None => return Err("the definition has no such item: what it needs is more than one field tells".to_owned()),
                }
            }
        };
        path.push(place);
        at = next;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::definition::Definition;
    use crate::definition::check::{CheckContext, check};

    /// Of two objects of one name, each is the one of its namespace.
    #[test]
    fn objects_are_told_apart_by_their_namespaces() {
        let text = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: shared, namespace: team-b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shared}
";
        let checked = check(text, &CheckContext::default());
        let Some(Definition::Manifests(set)) = checked.definition else {
            panic!("{:?}", checked.diagnostics);
        };
        let document = |namespace: &str| {
            let mut key = set.manifests[1].object.key.clone();
            key.namespace = Some(namespace.to_owned());
            document(&set, &key)
        };
        assert_eq!(document("team-b"), Ok(0));
        assert_eq!(document("team-a"), Ok(1));
    }

    #[test]
    fn objects_are_found_in_lists_that_say_what_their_items_are() {
        let key = |index: usize| [PathStep::Key("items".to_owned()), PathStep::Index(index)];
        let is_it = |value: &Value| value["kind"] == "Pod" && value["metadata"]["name"] == "b";
        let pods = json!({"apiVersion": "v1", "kind": "PodList", "items": [
            {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]});
        assert_eq!(way_to(&pods["items"][1], &is_it), None);
        assert_eq!(way_to(&pods, &is_it), Some(key(1).into()));
        let nested = json!({"kind": "List", "items": [{"kind": "List", "items": []}, {}, pods]});
        assert_eq!(way_to(&nested, &is_it), Some([key(2), key(1)].concat()));
    }
}
