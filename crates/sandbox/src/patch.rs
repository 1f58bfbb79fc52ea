//! The three kinds of patch that change what is there: JSON patch, JSON merge patch, strategic merge patch.
//!
//! Pure: a document and a patch in, the patched document out. Server-side apply is no patch in this sense; it is
//! [`crate::apply`].

use serde_json::{Map, Value};

use crate::schema::{Type, Typed};
use crate::status::Status;

/// Applies RFC 6902 operations, all or none.
pub fn json(document: &Value, patch: Value) -> Result<Value, Status> {
    let operations: json_patch::Patch = serde_json::from_value(patch)
        .map_err(|e| Status::bad_request(format!("error decoding patch: {e}")))?;
    let mut patched = document.clone();
    json_patch::patch(&mut patched, &operations).map_err(|e| {
        let message =
            format!("the server rejected our request due to an error in our request: {e}");
        Status::new(422, "Invalid", message)
    })?;
    Ok(patched)
}

/// Applies an RFC 7386 merge patch.
pub fn merge(document: &Value, patch: &Value) -> Value {
    let mut merged = document.clone();
    json_patch::merge(&mut merged, patch);
    merged
}

/// Applies a strategic merge patch: a merge patch in which lists merge by key where the kind's schema says so.
pub fn strategic(of: Typed<'_>, document: &Value, patch: &Value) -> Result<Value, Status> {
    if !patch.is_object() {
        return Err(Status::bad_request(
            "error decoding patch: it is not an object",
        ));
    }
    Ok(merge_value(of, document, patch).unwrap_or(Value::Null))
}

/// Returns what `patch` makes of `live`; `None` where it deletes it.
fn merge_value(of: Typed<'_>, live: &Value, patch: &Value) -> Option<Value> {
    match patch {
        Value::Null => None,
        Value::Object(patch) => merge_map(of, live, patch),
        Value::Array(items) => Some(merge_list(of, live, items)),
        other => Some(other.clone()),
    }
}

fn merge_map(of: Typed<'_>, live: &Value, patch: &Map<String, Value>) -> Option<Value> {
    let nothing = Map::new();
    let mut out = match patch.get("$patch").and_then(Value::as_str) {
        Some("delete") => return None,
        Some("replace") => nothing,
        _ => live.as_object().cloned().unwrap_or_default(),
    };
    if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
        out.retain(|key, _| kept.iter().any(|k| k == key));
    }
    for (key, value) in patch {
        if key == "$patch" || key == "$retainKeys" || key.starts_with("$setElementOrder/") {
            continue;
        }
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().cloned().unwrap_or_default();
            if let Some(items) = out.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        let below = of.key(key).unwrap_or(of);
        match merge_value(below, out.get(key).unwrap_or(&Value::Null), value) {
            Some(merged) => drop(out.insert(key.clone(), merged)),
            None => drop(out.remove(key)),
        }
    }
    for (key, order) in patch {
        if let Some(list) = key.strip_prefix("$setElementOrder/")
            && let Some(items) = out.get_mut(list).and_then(Value::as_array_mut)
        {
            sort(
                of.key(list).unwrap_or(of),
                items,
                order.as_array().map(Vec::as_slice).unwrap_or_default(),
            );
        }
    }
    Some(Value::Object(out))
}

fn merge_list(of: Typed<'_>, live: &Value, patch: &[Value]) -> Value {
    let (key, is_merged) = match of.get() {
        Type::List {
            patch_key,
            is_merged,
            ..
        } => (patch_key.as_deref(), *is_merged),
        _ => (None, false),
    };
    let is_directive = |item: &Value, word: &str| {
        item.get("$patch")
            .is_some_and(|directive| directive == word)
    };
    let is_replaced = patch.iter().any(|item| {
        is_directive(item, "replace") && item.as_object().is_some_and(|i| i.len() == 1)
    });
    let new = || {
        patch
            .iter()
            .filter(|item| item.get("$patch").is_none_or(|d| d == "merge"))
            .cloned()
    };
    if !is_merged || is_replaced {
        return new().collect();
    }
    let mut out = live.as_array().cloned().unwrap_or_default();
    let Some(key) = key else {
        out.extend(new().filter(|item| !live.as_array().is_some_and(|live| live.contains(item))));
        return Value::Array(out);
    };
    for item in patch {
        let at = out
            .iter()
            .position(|old| old.get(key).is_some() && old.get(key) == item.get(key));
        match (
            at,
            merge_value(of.item(), at.map_or(&Value::Null, |at| &out[at]), item),
        ) {
            (Some(at), Some(merged)) => out[at] = merged,
            (Some(at), None) => drop(out.remove(at)),
            (None, Some(merged)) => out.push(merged),
            (None, None) => {}
        }
    }
    Value::Array(out)
}

/// Puts the items that `order` names into that order; the others stay behind the item that they stood behind.
fn sort(of: Typed<'_>, items: &mut [Value], order: &[Value]) {
    let key = match of.get() {
        Type::List { patch_key, .. } => patch_key.as_deref(),
        _ => None,
    };
    let is_same = |item: &Value, wanted: &Value| match key {
        Some(key) => item.get(key).is_some() && item.get(key) == wanted.get(key),
        None => item == wanted,
    };
    let mut last = 0;
    let places: Vec<usize> = items
        .iter()
        .map(|item| {
            last = order
                .iter()
                .position(|wanted| is_same(item, wanted))
                .unwrap_or(last);
            last
        })
        .collect();
    let mut sorted: Vec<(usize, Value)> = places.into_iter().zip(items.iter().cloned()).collect();
    sorted.sort_by_key(|(place, _)| *place);
    for (item, (_, value)) in items.iter_mut().zip(sorted) {
        *item = value;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schema;

    fn check(live: Value, patch: Value, expected: Value) {
        let of = Schema::built_in()
            .kind("apps/v1", "Deployment")
            .unwrap()
            .key("spec")
            .unwrap();
        let of = of.key("template").unwrap().key("spec").unwrap();
        assert_eq!(strategic(of, &live, &patch).unwrap(), expected, "{patch}");
    }

    #[test]
    fn lists_merge_by_key_where_the_schema_says_so() {
        let live =
            json!({"containers": [{"name": "a", "image": "x:1", "args": ["1"]}, {"name": "b"}]});
        check(
            live.clone(),
            json!({"containers": [{"name": "a", "image": "x:2", "args": ["2", "3"]}, {"name": "c"}]}),
            json!({"containers": [{"name": "a", "image": "x:2", "args": ["2", "3"]}, {"name": "b"}, {"name": "c"}]}),
        );
        check(
            live.clone(),
            json!({"containers": [{"name": "a", "$patch": "delete"}]}),
            json!({"containers": [{"name": "b"}]}),
        );
        check(
            live.clone(),
            json!({"containers": [{"$patch": "replace"}, {"name": "z"}]}),
            json!({"containers": [{"name": "z"}]}),
        );
        check(
            live,
            json!({"containers": [{"name": "c"}], "$setElementOrder/containers": [{"name": "b"}, {"name": "c"}, {"name": "a"}]}),
            json!({"containers": [{"name": "b"}, {"name": "c"}, {"name": "a", "image": "x:1", "args": ["1"]}]}),
        );
    }

    #[test]
    fn nulls_delete_and_a_failed_test_changes_nothing() {
        check(
            json!({"nodeName": "n", "hostname": "h"}),
            json!({"nodeName": null}),
            json!({"hostname": "h"}),
        );
        let document = json!({"a": 1, "b": 2});
        let patch =
            json!([{"op": "remove", "path": "/b"}, {"op": "test", "path": "/a", "value": 2}]);
        assert_eq!(super::json(&document, patch).unwrap_err().code, 422);
    }
}
