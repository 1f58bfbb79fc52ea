//! Looks into Kubernetes objects held as JSON: names, labels, owners, conditions, times.
//!
//! The controllers read fields that may be absent at any depth; these functions give the API's own default for
//! "absent" (empty text, zero, no items) so that a reconcile reads as the rule it implements. Nothing here writes.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

pub use crate::selector::meets;
use crate::selector::selects;
pub use crate::time::{micros, seconds};

/// Returns the text at `pointer`, or the empty text.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Returns the whole number at `pointer`.
pub fn int(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// Returns the whole number at `pointer`, zero where it is absent.
pub fn count(object: &Value, pointer: &str) -> i64 {
    int(object, pointer).unwrap_or_default()
}

/// Returns the truth at `pointer`, false where it is absent.
pub fn flag(object: &Value, pointer: &str) -> bool {
    object
        .pointer(pointer)
        .and_then(Value::as_bool)
        .unwrap_or_default()
}

/// Returns the items of the list at `pointer`.
pub fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Returns the map at `pointer`.
pub fn map<'a>(object: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    object.pointer(pointer).and_then(Value::as_object)
}

/// Returns `metadata.name`.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// Returns `metadata.namespace`.
pub fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// Returns `metadata.uid`.
pub fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// Returns the value of an annotation.
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    map(object, "/metadata/annotations")?.get(key)?.as_str()
}

/// Returns the value of a label.
pub fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    map(object, "/metadata/labels")?.get(key)?.as_str()
}

/// Returns whether the object is on its way out.
pub fn is_deleting(object: &Value) -> bool {
    object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|stamp| !stamp.is_null())
}

/// Returns whether the object carries `finalizer`.
pub fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    items(object, "/metadata/finalizers")
        .iter()
        .any(|held| held == finalizer)
}

/// Returns the owner reference that is marked as controller.
pub fn controller_of(object: &Value) -> Option<&Value> {
    items(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| flag(owner, "/controller"))
}

/// Returns the reference that makes `owner` the controller of what carries it.
pub fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text(owner, "/apiVersion"),
        "blockOwnerDeletion": true,
        "controller": true,
        "kind": text(owner, "/kind"),
        "name": name(owner),
        "uid": uid(owner),
    })
}

/// Returns the condition of the given type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == kind)
}

/// Returns whether the condition of the given type is `True`.
pub fn condition_is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, "/status") == "True")
}

/// Returns the instant at `pointer`.
pub fn time(object: &Value, pointer: &str) -> Option<Timestamp> {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
}

/// Returns the instant `milliseconds` after `instant`.
pub fn after(instant: Timestamp, milliseconds: i64) -> Timestamp {
    instant
        .saturating_add(SignedDuration::from_millis(milliseconds))
        .unwrap_or(Timestamp::MAX)
}

/// Returns whether `object` is selected by `spec.selector` of `owner`.
pub fn is_selected_by(object: &Value, owner: &Value) -> bool {
    selects(
        owner.pointer("/spec/selector"),
        map(object, "/metadata/labels"),
    )
}

/// Returns the item of a list that bears the given name.
pub fn named<'a>(list: &'a [Value], wanted: &str) -> Option<&'a Value> {
    list.iter().find(|item| text(item, "/name") == wanted)
}

/// Puts a count into a status the way the API writes it: zero is left out.
pub fn put_count(status: &mut Map<String, Value>, field: &str, n: i64) {
    match n {
        0 => status.remove(field),
        n => status.insert(field.to_owned(), n.into()),
    };
}
