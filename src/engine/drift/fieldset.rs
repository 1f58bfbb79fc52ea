//! Sets of fields as servers write them in `managedFields`: `f:` names a field, `k:` and `v:` an item of a list. Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::service::drift::{FieldPath, Step};

/// Returns the entries of an object's `managedFields` that are not about its status.
pub(in crate::engine) fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    let entries = object["metadata"]["managedFields"].as_array();
    let entries = entries.into_iter().flatten();
    entries.filter(|entry| entry["subresource"] != "status")
}

/// Returns the names of the fields that anybody owns below a top field.
pub(super) fn keys_of(object: &Value, top: &str) -> BTreeSet<String> {
    let sets = entries(object).filter_map(|entry| entry["fieldsV1"][top].as_object());
    sets.flat_map(Map::keys)
        .filter_map(|name| name.strip_prefix("f:"))
        .map(str::to_owned)
        .collect()
}

/// Returns the members of a set of fields; none of one that names a field as a whole.
pub(super) fn members(set: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let members = set.as_object().into_iter().flatten();
    members.filter(|(name, _)| *name != ".")
}

/// Tells whether a set names its field as a whole: a scalar, or what is only ever replaced as one.
pub(super) fn is_whole(set: &Value) -> bool {
    members(set).next().is_none()
}

/// Returns the step that the name of a member stands for; none if it is not known.
pub(in crate::engine) fn step(name: &str) -> Option<Step> {
    if let Some(name) = name.strip_prefix("f:") {
        return Some(Step::Field(name.to_owned()));
    }
    if let Some(keys) = name.strip_prefix("k:") {
        let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
        return Some(Step::Item(keys.into_iter().collect()));
    }
    let value = name.strip_prefix("v:")?;
    serde_json::from_str(value).ok().map(Step::Value)
}

/// Goes a step down a value that is there.
pub(super) fn down<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    match step {
        Step::Field(name) => value.get(name),
        Step::Item(keys) => value.as_array()?.iter().find(|item| is_item(item, keys)),
        Step::Value(wanted) => value.as_array()?.iter().find(|item| *item == wanted),
    }
}

/// Goes a step down a value that was asked for, in which what has a default may be left out.
pub(in crate::engine) fn down_wanted<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    let Step::Item(keys) = step else {
        return down(value, step);
    };
    let may_be = |item: &Value| {
        let says_something = keys.iter().any(|(key, _)| item.get(key).is_some());
        let agrees = |(key, value): &(String, Value)| item.get(key).is_none_or(|it| it == value);
        says_something && keys.iter().all(agrees)
    };
    let items = value.as_array()?;
    items
        .iter()
        .find(|item| is_item(item, keys))
        .or_else(|| items.iter().find(|item| may_be(item)))
}

/// Tells whether a value that was asked for has something at a place.
pub(in crate::engine) fn says(wanted: &Value, path: &FieldPath) -> bool {
    let mut steps = path.0.iter();
    steps
        .try_fold(wanted, |value, step| down_wanted(value, step))
        .is_some()
}

fn is_item(item: &Value, keys: &[(String, Value)]) -> bool {
    keys.iter().all(|(key, value)| item.get(key) == Some(value))
}
