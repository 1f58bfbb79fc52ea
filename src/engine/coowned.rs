//! Fields that several managers own at once: who they are, and what is left of one set without another. Pure.
//!
//! A value that two managers applied alike belongs to both. Neither removes it alone, and neither changes it without a conflict.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::drift::fieldset;
use crate::definition::id::InstanceId;
use crate::definition::object::Object;
use crate::service::drift::FieldPath;
use crate::service::managed::is_own_manager;

/// Mark of a set that it names its own place too.
const ITSELF: &str = ".";

/// Returns the fields of a set that another does not name.
pub(super) fn minus(fields: &Map<String, Value>, less: &Map<String, Value>) -> Map<String, Value> {
    part(fields, less, false)
}

/// Returns the fields that both sets name.
pub(super) fn meet(fields: &Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    part(fields, other, true)
}

/// Returns the fields of a set that another names, or those that it does not.
fn part(
    fields: &Map<String, Value>,
    other: &Map<String, Value>,
    wants_named: bool,
) -> Map<String, Value> {
    let empty = Map::new();
    let mut kept = Map::new();
    for (name, below) in fields {
        let below = below.as_object().unwrap_or(&empty);
        let of_other = other.get(name).map(|it| it.as_object().unwrap_or(&empty));
        if name == ITSELF || below.is_empty() {
            // The place itself, which the other names with all its fields or by the mark.
            let is_named = match name.as_str() {
                ITSELF => names_itself(other),
                _ => of_other.is_some_and(names_itself),
            };
            if is_named == wants_named {
                kept.insert(name.clone(), Value::Object(Map::new()));
            }
            continue;
        }
        let rest = part(below, of_other.unwrap_or(&empty), wants_named);
        let rest = match of_other {
            None if !wants_named => below.clone(),
            Some(_) => rest,
            None => Map::new(),
        };
        if !rest.is_empty() {
            kept.insert(name.clone(), Value::Object(rest));
        }
    }
    kept
}

fn names_itself(fields: &Map<String, Value>) -> bool {
    fields.is_empty() || fields.contains_key(ITSELF)
}

/// Returns the managers beside the instance's own that own any of these fields.
pub(super) fn owners(
    live: &Object,
    id: &InstanceId,
    fields: &Map<String, Value>,
) -> BTreeSet<String> {
    let entries = fieldset::entries(&live.json);
    let named = entries.filter_map(|entry| {
        let manager = entry["manager"].as_str()?;
        let owned = entry["fieldsV1"].as_object()?;
        let is_owner = !is_own_manager(manager, id) && !meet(owned, fields).is_empty();
        is_owner.then(|| manager.to_owned())
    });
    named.collect()
}

/// Returns the fields of a set that managers beside the instance's own own, too.
pub(super) fn owned_by_others(
    live: &Object,
    id: &InstanceId,
    fields: &Map<String, Value>,
) -> Vec<FieldPath> {
    let mut left = fields.clone();
    for entry in fieldset::entries(&live.json) {
        let manager = entry["manager"].as_str().unwrap_or_default();
        if let (false, Some(owned)) = (is_own_manager(manager, id), entry["fieldsV1"].as_object()) {
            left = minus(&left, owned);
        }
    }
    paths(&minus(fields, &left))
}

/// Returns the places that a set names; one with fields of its own stands for them.
fn paths(fields: &Map<String, Value>) -> Vec<FieldPath> {
    let mut found = Vec::new();
    collect(fields, &mut FieldPath::default(), &mut found);
    found
}

fn collect(fields: &Map<String, Value>, path: &mut FieldPath, found: &mut Vec<FieldPath>) {
    for (name, below) in fields {
        let Some(step) = fieldset::step(name) else {
            continue;
        };
        path.0.push(step);
        match below.as_object() {
            Some(below) if !names_itself(below) => collect(below, path, found),
            _ => found.push(path.clone()),
        }
        path.0.pop();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(json: Value) -> Map<String, Value> {
        json.as_object().unwrap().clone()
    }

    fn check(one: Value, other: Value, left: Value, both: Value) {
        let (one, other) = (set(one), set(other));
        assert_eq!(Value::Object(minus(&one, &other)), left);
        assert_eq!(Value::Object(meet(&one, &other)), both);
    }

    #[test]
    fn sets_are_parted_field_by_field() {
        let one = json!({"f:spec": {"f:replicas": {}, "f:paused": {}}});
        let other = json!({"f:spec": {"f:replicas": {}}});
        check(
            one.clone(),
            other.clone(),
            json!({"f:spec": {"f:paused": {}}}),
            other.clone(),
        );
        check(one.clone(), one.clone(), json!({}), one.clone());
        check(one.clone(), json!({}), one.clone(), json!({}));
        check(other.clone(), one, json!({}), other);
    }

    #[test]
    fn an_item_and_its_fields_are_parted_apart() {
        let item = |fields: Value| json!({"f:env": {"k:{\"name\":\"A\"}": fields}});
        let whole = item(json!({".": {}, "f:name": {}, "f:value": {}}));
        // Who owns a field of it alone does not own the item.
        check(
            whole.clone(),
            item(json!({"f:value": {}})),
            item(json!({".": {}, "f:name": {}})),
            item(json!({"f:value": {}})),
        );
        check(
            item(json!({"f:value": {}})),
            whole,
            json!({}),
            item(json!({"f:value": {}})),
        );
        // A map as a whole, and one of its members.
        check(
            json!({"f:selector": {}}),
            json!({"f:selector": {"f:app": {}}}),
            json!({"f:selector": {}}),
            json!({}),
        );
    }

    #[test]
    fn owners_of_a_field_are_named_with_where_it_is() {
        let live = Object::from_json(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "web", "managedFields": [
                {"manager": "bowline/web", "operation": "Apply", "fieldsV1": {"f:data": {"f:A": {}, "f:B": {}}}},
                {"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:data": {"f:A": {}}}},
                {"manager": "argocd", "operation": "Apply", "fieldsV1": {"f:data": {"f:C": {}}}},
            ]},
        }));
        let (live, id) = (live.unwrap(), "web".parse().unwrap());
        let fields = set(json!({"f:data": {"f:A": {}, "f:B": {}}}));
        assert_eq!(owners(&live, &id, &fields), ["kubectl".to_owned()].into());
        let shared = owned_by_others(&live, &id, &fields);
        let shared: Vec<String> = shared.iter().map(FieldPath::to_string).collect();
        assert_eq!(shared, [".data.A"]);
    }
}
