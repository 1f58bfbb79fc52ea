//! Looks into Kubernetes objects held as JSON: names, labels, owners, conditions, times.
//!
//! The controllers read fields that may be absent at any depth; these functions give the API's own default for
//! "absent" (empty text, zero, no items) so that a reconcile reads as the rule it implements. Nothing here writes.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

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

/// Returns `instant` as `metav1.Time` writes it: whole seconds.
pub fn seconds(instant: Timestamp) -> String {
    format!("{instant:.0}")
}

/// Returns `instant` as `metav1.MicroTime` writes it.
pub fn micros(instant: Timestamp) -> String {
    format!("{instant:.6}")
}

/// Returns the instant `milliseconds` after `instant`.
pub fn after(instant: Timestamp, milliseconds: i64) -> Timestamp {
    instant
        .saturating_add(SignedDuration::from_millis(milliseconds))
        .unwrap_or(Timestamp::MAX)
}

/// Returns whether a label selector (`matchLabels` and `matchExpressions`) selects `labels`. An absent selector
/// selects nothing, an empty one everything.
pub fn selects(selector: Option<&Value>, labels: Option<&Map<String, Value>>) -> bool {
    let Some(selector) = selector.filter(|selector| selector.is_object()) else {
        return false;
    };
    let value_of = |key: &str| {
        labels
            .and_then(|labels| labels.get(key))
            .and_then(Value::as_str)
    };
    let equal = map(selector, "/matchLabels")
        .into_iter()
        .flatten()
        .all(|(key, wanted)| value_of(key).is_some_and(|value| Some(value) == wanted.as_str()));
    equal
        && items(selector, "/matchExpressions")
            .iter()
            .all(|term| meets(term, value_of(text(term, "/key"))))
}

/// Returns whether `object` is selected by `spec.selector` of `owner`.
pub fn is_selected_by(object: &Value, owner: &Value) -> bool {
    selects(
        owner.pointer("/spec/selector"),
        map(object, "/metadata/labels"),
    )
}

/// Returns whether one selector requirement is met by a label's value.
pub fn meets(requirement: &Value, value: Option<&str>) -> bool {
    let among = |value: &str| {
        items(requirement, "/values")
            .iter()
            .any(|allowed| allowed == value)
    };
    match text(requirement, "/operator") {
        "In" => value.is_some_and(among),
        "NotIn" => !value.is_some_and(among),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check_selects(selector: Value, labels: Value, expected: bool) {
        assert_eq!(
            selects(Some(&selector), labels.as_object()),
            expected,
            "{selector} on {labels}"
        );
    }

    #[test]
    fn selectors_need_every_term() {
        let labels = json!({"app": "web", "tier": "front"});
        check_selects(json!({}), labels.clone(), true);
        check_selects(json!({"matchLabels": {"app": "web"}}), labels.clone(), true);
        check_selects(
            json!({"matchLabels": {"app": "web", "tier": "back"}}),
            labels.clone(),
            false,
        );
        let expression = |operator, values| json!({"matchExpressions": [{"key": "app", "operator": operator, "values": values}]});
        check_selects(expression("In", json!(["db", "web"])), labels.clone(), true);
        check_selects(expression("NotIn", json!(["db"])), labels.clone(), true);
        check_selects(expression("Exists", json!([])), labels.clone(), true);
        check_selects(expression("DoesNotExist", json!([])), labels, false);
        assert!(!selects(None, None), "an absent selector selects nothing");
    }

    #[test]
    fn times_are_written_as_the_api_writes_them() {
        let instant: Timestamp = "2026-11-21T07:06:10.5180961Z".parse().unwrap();
        assert_eq!(seconds(instant), "2026-11-21T07:06:10Z");
        assert_eq!(micros(instant), "2026-11-21T07:06:10.518096Z");
    }
}
