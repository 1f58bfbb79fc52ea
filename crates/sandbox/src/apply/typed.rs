//! Walks values by their type: validating, listing fields, comparing, merging, removing.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fieldset::{FieldSet, Literal, Step, path_text};
use crate::schema::{ListKind, Scalar, Type, Typed};

/// What a value is, as far as ownership is concerned.
enum Shape<'a> {
    /// Owned as one.
    Leaf,
    /// Owned by key.
    Map,
    /// Owned by item.
    List(&'a ListKind),
}

fn shape<'a>(of: Typed<'a>, value: &Value) -> Shape<'a> {
    match (value, of.get()) {
        (Value::Object(_), _) if !of.is_atomic_map() => Shape::Map,
        (Value::Array(_), Type::List { kind, .. }) if *kind != ListKind::Atomic => {
            Shape::List(kind)
        }
        _ => Shape::Leaf,
    }
}

/// Returns the step to an item of a list; missing key fields have their default.
pub fn step_of(list: Typed<'_>, kind: &ListKind, item: &Value) -> Result<Step, String> {
    let ListKind::Keyed(keys) = kind else {
        return Ok(Step::Item(Literal::new(item)));
    };
    let mut found = Vec::with_capacity(keys.len());
    let mut has_any = false;
    for key in keys {
        let default = || {
            list.item()
                .field(key)
                .and_then(|field| field.default.as_ref())
        };
        has_any |= item.get(key).is_some();
        match item.get(key).or_else(default) {
            Some(value) => found.push((key.clone(), Literal::new(value))),
            None => {
                return Err(format!(
                    "associative list with keys has an element that omits key field \"{key}\" (and doesn't have default value)"
                ));
            }
        }
    }
    if !has_any {
        return Err("associative list with keys may not have empty elements".into());
    }
    found.sort();
    Ok(Step::Key(found))
}

/// Returns what does not fit the type, each with its path.
pub fn faults(of: Typed<'_>, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    find_faults(of, value, &mut Vec::new(), &mut faults);
    faults
}

fn find_faults(of: Typed<'_>, value: &Value, path: &mut Vec<Step>, faults: &mut Vec<String>) {
    let mut fault = |path: &[Step], what: &str| {
        let path = path_text(path);
        faults.push(if path.is_empty() {
            what.to_owned()
        } else {
            format!("{path}: {what}")
        });
    };
    match (of.get(), value) {
        (Type::Any, _) | (_, Value::Null) => {}
        (Type::Scalar(scalar), _) => {
            if let Some(what) = scalar_fault(*scalar, value) {
                fault(path, &what);
            }
        }
        (Type::Map { .. } | Type::Struct(_), Value::Object(map)) => {
            for (key, item) in map {
                path.push(Step::Field(key.clone()));
                match of.key(key) {
                    Some(below) => find_faults(below, item, path, faults),
                    None => {
                        faults.push(format!("{}: field not declared in schema", path_text(path)))
                    }
                }
                path.pop();
            }
        }
        (Type::List { kind, .. }, Value::Array(items)) => {
            let mut seen = Vec::new();
            for (at, item) in items.iter().enumerate() {
                let step = match kind {
                    ListKind::Atomic => Step::Index(at),
                    kind => match step_of(of, kind, item) {
                        Ok(step) => step,
                        Err(what) => {
                            faults.push(format!("{}: element {at}: {what}", path_text(path)));
                            continue;
                        }
                    },
                };
                if seen.contains(&step) {
                    faults.push(format!(
                        "{}: duplicate entries for key {step}",
                        path_text(path)
                    ));
                    continue;
                }
                seen.push(step.clone());
                path.push(step);
                find_faults(of.item(), item, path, faults);
                path.pop();
            }
        }
        (Type::List { .. }, other) => {
            fault(path, &format!("expected list, got {}", go_value(other)))
        }
        (_, other) => fault(path, &format!("expected map, got {}", go_value(other))),
    }
}

fn scalar_fault(scalar: Scalar, value: &Value) -> Option<String> {
    match (scalar, value) {
        (Scalar::Text, Value::String(_))
        | (Scalar::Number, Value::Number(_))
        | (Scalar::Boolean, Value::Bool(_))
        | (Scalar::Either, Value::String(_) | Value::Number(_))
        | (Scalar::Bytes, Value::String(_))
        | (Scalar::Quantity, Value::String(_) | Value::Number(_) | Value::Bool(_)) => None,
        (Scalar::Number, other) => Some(format!(
            "expected numeric (int or float), got {}",
            go_type(other)
        )),
        (Scalar::Boolean, other) => Some(format!("expected boolean, got {}", go_value(other))),
        (_, other) => Some(format!("expected string, got {}", go_value(other))),
    }
}

/// The real server prints its own types here, and clients have learnt to read them.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn go_value(value: &Value) -> String {
    format!("&value.valueUnstructured{{Value:{value}}}")
}

/// Returns the paths of a value.
pub fn to_set(of: Typed<'_>, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    collect(of, value, &mut Vec::new(), &mut set);
    set
}

fn collect(of: Typed<'_>, value: &Value, path: &mut Vec<Step>, set: &mut FieldSet) {
    match (shape(of, value), value) {
        (Shape::Map, Value::Object(map)) => {
            for (key, item) in map {
                path.push(Step::Field(key.clone()));
                collect(of.key(key).unwrap_or(of), item, path, set);
                let is_empty = item.is_null() || item.as_object().is_some_and(Map::is_empty);
                if is_empty || of.field(key).is_none() {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (Shape::List(kind), Value::Array(items)) => {
            for item in items {
                let Ok(step) = step_of(of, kind, item) else {
                    continue;
                };
                path.push(step);
                collect(of.item(), item, path, set);
                set.insert(path);
                path.pop();
            }
        }
        _ => set.insert(path),
    }
}

/// What changed from one value to another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Paths that are no longer there.
    pub removed: FieldSet,
    /// Paths whose value is another.
    pub modified: FieldSet,
    /// Paths that are new.
    pub added: FieldSet,
}

/// Returns the object of the type that says nothing: only the parts that each one has, empty.
pub fn blank(of: Typed<'_>) -> Value {
    match of.get() {
        Type::List { .. } => Value::Array(Vec::new()),
        Type::Struct(fields) => {
            let parts = fields.fields.iter();
            parts
                .filter(|(_, field)| field.is_always_there)
                .map(|(key, field)| (key.clone(), blank(of.at(field.of))))
                .collect()
        }
        _ => Value::Object(Map::new()),
    }
}

/// Returns what changed.
pub fn compare(of: Typed<'_>, before: &Value, after: &Value) -> Comparison {
    let mut out = Comparison::default();
    compare_at(of, Some(before), Some(after), &mut Vec::new(), &mut out);
    out
}

fn compare_at(
    of: Typed<'_>,
    before: Option<&Value>,
    after: Option<&Value>,
    path: &mut Vec<Step>,
    out: &mut Comparison,
) {
    if let (Some(before), Some(after)) = (before, after)
        && before == after
    {
        return;
    }
    let Some(sample) = after.or(before) else {
        return;
    };
    let is_empty = |value: Option<&Value>| match value {
        None => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    let same_shape = before.is_none_or(|b| {
        after.is_none_or(|a| (b.is_object() && a.is_object()) || (b.is_array() && a.is_array()))
    });
    let shape = shape(of, sample);
    if (is_empty(before) && is_empty(after)) || !same_shape || matches!(shape, Shape::Leaf) {
        match (before, after) {
            (None, _) => out.added.insert(path),
            (_, None) => out.removed.insert(path),
            _ => out.modified.insert(path),
        }
        return;
    }
    match shape {
        Shape::Map => {
            let (b, a) = (
                before.and_then(Value::as_object),
                after.and_then(Value::as_object),
            );
            let only_after = a
                .into_iter()
                .flatten()
                .filter(|(key, _)| b.is_none_or(|b| !b.contains_key(*key)));
            let keys = b
                .into_iter()
                .flatten()
                .chain(only_after)
                .map(|(key, _)| key);
            for key in keys {
                path.push(Step::Field(key.clone()));
                let below = of.key(key).unwrap_or(of);
                compare_at(
                    below,
                    b.and_then(|b| b.get(key)),
                    a.and_then(|a| a.get(key)),
                    path,
                    out,
                );
                path.pop();
            }
        }
        Shape::List(kind) => {
            let (b, a) = (index(of, kind, before), index(of, kind, after));
            let steps = b
                .keys()
                .chain(a.keys().filter(|step| !b.contains_key(*step)));
            for step in steps {
                path.push(step.clone());
                compare_at(
                    of.item(),
                    b.get(step).copied(),
                    a.get(step).copied(),
                    path,
                    out,
                );
                path.pop();
            }
        }
        Shape::Leaf => {}
    }
    if before.is_none() {
        out.added.insert(path);
    } else if after.is_none() {
        out.removed.insert(path);
    }
}

fn index<'v>(of: Typed<'_>, kind: &ListKind, list: Option<&'v Value>) -> BTreeMap<Step, &'v Value> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items
        .filter_map(|item| Some((step_of(of, kind, item).ok()?, item)))
        .collect()
}

/// Returns `live` with `applied` laid over it.
pub fn merge(of: Typed<'_>, live: &Value, applied: &Value) -> Value {
    match (shape(of, applied), live, applied) {
        (Shape::Map, Value::Object(live), Value::Object(applied)) => {
            let mut out = live.clone();
            for (key, value) in applied {
                let merged = match live.get(key) {
                    Some(old) => merge(of.key(key).unwrap_or(of), old, value),
                    None => value.clone(),
                };
                out.insert(key.clone(), merged);
            }
            Value::Object(out)
        }
        (Shape::List(kind), Value::Array(live), Value::Array(applied)) => {
            merge_lists(of, kind, live, applied)
        }
        _ => applied.clone(),
    }
}

/// Items keep the applied order; items that only the live list has keep their place among those that both have.
fn merge_lists(of: Typed<'_>, kind: &ListKind, live: &[Value], applied: &[Value]) -> Value {
    let steps = |items: &[Value]| -> Vec<Option<Step>> {
        items
            .iter()
            .map(|item| step_of(of, kind, item).ok())
            .collect()
    };
    let (live_steps, applied_steps) = (steps(live), steps(applied));
    let find = |step: &Option<Step>| live_steps.iter().position(|s| s == step && s.is_some());
    let merged = |at: usize| match find(&applied_steps[at]) {
        Some(old) => merge(of.item(), &live[old], &applied[at]),
        None => applied[at].clone(),
    };
    let shared: Vec<usize> = (0..applied.len())
        .filter(|at| find(&applied_steps[*at]).is_some())
        .collect();
    let mut next_shared = shared.iter().copied();
    let mut awaited = next_shared.next();
    let mut out = Vec::with_capacity(live.len() + applied.len());
    let (mut l, mut r) = (0, 0);
    while l < live.len() || r < applied.len() {
        if l < live.len() {
            let in_applied = applied_steps
                .iter()
                .position(|s| *s == live_steps[l] && s.is_some());
            match in_applied {
                None => {
                    out.push(live[l].clone());
                    l += 1;
                    continue;
                }
                // Taken already, or it comes later in the applied order.
                Some(at) if at < r || awaited.is_some_and(|awaited| awaited != at) => {
                    l += 1;
                    continue;
                }
                Some(at) if at == r => {
                    out.push(merged(r));
                    l += 1;
                    r += 1;
                    awaited = next_shared.next();
                    continue;
                }
                Some(_) => {}
            }
        }
        if r < applied.len() {
            out.push(merged(r));
            if awaited == Some(r) {
                awaited = next_shared.next();
            }
            r += 1;
        }
    }
    Value::Array(out)
}

/// Returns the value without the paths in `set`; `None` when nothing is left of it.
pub fn remove(of: Typed<'_>, value: &Value, set: &FieldSet) -> Option<Value> {
    match (shape(of, value), value) {
        (Shape::Map, Value::Object(map)) => {
            let mut out = Map::new();
            for (key, item) in map {
                let step = Step::Field(key.clone());
                if set.has(&step) {
                    continue;
                }
                let kept = match set.below(&step) {
                    Some(below) => remove(of.key(key).unwrap_or(of), item, below),
                    None => Some(item.clone()),
                };
                if let Some(kept) = kept {
                    out.insert(key.clone(), kept);
                }
            }
            (!out.is_empty()).then_some(Value::Object(out))
        }
        (Shape::List(kind), Value::Array(items)) => {
            let mut out = Vec::new();
            for item in items {
                let Ok(step) = step_of(of, kind, item) else {
                    continue;
                };
                if set.has(&step) {
                    continue;
                }
                out.extend(match set.below(&step) {
                    Some(below) => remove(of.item(), item, below),
                    None => Some(item.clone()),
                });
            }
            (!out.is_empty()).then_some(Value::Array(out))
        }
        _ => Some(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schema;

    fn containers() -> Typed<'static> {
        let pod = Schema::built_in().kind("v1", "Pod").unwrap();
        pod.key("spec")
            .and_then(|spec| spec.key("containers"))
            .unwrap()
    }

    #[test]
    fn lists_keep_the_applied_order_and_foreign_items_their_place() {
        let check = |live: &[&str], applied: &[&str], expected: &[&str]| {
            let list = |names: &[&str]| {
                json!(
                    names
                        .iter()
                        .map(|name| json!({"name": name}))
                        .collect::<Vec<_>>()
                )
            };
            let merged = merge(containers(), &list(live), &list(applied));
            assert_eq!(merged, list(expected), "{live:?} {applied:?}");
        };
        check(&["a", "b"], &["a", "b"], &["a", "b"]);
        check(&["a", "b"], &["b", "a"], &["b", "a"]);
        check(&["a", "x", "b"], &["a", "b"], &["a", "x", "b"]);
        check(&["a", "x"], &["n", "a"], &["n", "a", "x"]);
        check(&["x"], &["a"], &["x", "a"]);
        check(&["a", "b", "c"], &["c", "a", "b"], &["c", "a", "b"]);
        check(&[], &["a"], &["a"]);
    }

    #[test]
    fn items_are_found_by_keys_with_defaults() {
        let ports = containers().item().key("ports").unwrap();
        let before = json!([{"containerPort": 80, "protocol": "TCP"}]);
        let after = json!([{"containerPort": 80, "name": "http"}]);
        let merged = merge(ports, &before, &after);
        assert_eq!(
            merged,
            json!([{"containerPort": 80, "protocol": "TCP", "name": "http"}])
        );
    }

    #[test]
    fn faults_name_their_path() {
        let check = |container: Value, expected: &[&str]| {
            assert_eq!(faults(containers(), &json!([container])), expected);
        };
        check(json!({"name": "a", "image": "x"}), &[]);
        check(
            json!({"name": "a", "imge": "x"}),
            &["[name=\"a\"].imge: field not declared in schema"],
        );
        check(
            json!({"name": "a", "env": [{"name": "A"}, {"name": "A"}]}),
            &["[name=\"a\"].env: duplicate entries for key [name=\"A\"]"],
        );
        check(
            json!({"name": "a", "ports": [{"containerPort": "80"}]}),
            &[
                "[name=\"a\"].ports[containerPort=\"80\",protocol=\"TCP\"].containerPort: expected numeric (int or float), got \
               string",
            ],
        );
    }

    #[test]
    fn comparisons_name_whole_new_items_and_changed_leaves() {
        let before = json!([{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]);
        let after = json!([{"name": "a", "image": "2"}, {"name": "c", "image": "1"}]);
        let got = compare(containers(), &before, &after);
        let item = |name: &str| format!("k:{{\"name\":\"{name}\"}}");
        assert_eq!(got.modified.to_value(), json!({item("a"): {"f:image": {}}}));
        assert_eq!(
            got.added.to_value(),
            json!({item("c"): {".": {}, "f:image": {}, "f:name": {}}})
        );
        assert_eq!(
            got.removed.to_value(),
            json!({item("b"): {".": {}, "f:image": {}, "f:name": {}}})
        );
    }

    #[test]
    fn removing_everything_below_removes_the_parent() {
        let value = json!([{"name": "a", "env": [{"name": "A", "value": "1"}]}]);
        let item = "k:{\"name\":\"a\"}";
        let env = "k:{\"name\":\"A\"}";
        let set = FieldSet::from_value(
            &json!({item: {"f:env": {env: {".": {}, "f:name": {}, "f:value": {}}}}}),
        );
        assert_eq!(
            remove(containers(), &value, &set),
            Some(json!([{"name": "a"}]))
        );
    }
}
