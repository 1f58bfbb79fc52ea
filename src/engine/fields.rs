//! Finding and removing the fields that a server names in conflicts, see [`field_path`](crate::definition::field_path). Pure.

use serde_json::Value;

use crate::definition::field_path::{Selector, key_of, quoted};

/// Removes a field from an object. Returns whether it was there.
pub(super) fn remove(object: &mut Value, path: &str) -> bool {
    match (object, path.chars().next()) {
        (Value::Object(map), Some('.')) => {
            let rest = &path[1..];
            let Some(key) = key_of(map, rest).cloned() else {
                return false;
            };
            match &rest[key.len()..] {
                "" => map.remove(&key).is_some(),
                below => map.get_mut(&key).is_some_and(|value| remove(value, below)),
            }
        }
        (Value::Object(map), Some('[')) => match quoted(&path[1..]) {
            Some((key, "")) => map.remove(&key).is_some(),
            Some((key, below)) => map.get_mut(&key).is_some_and(|value| remove(value, below)),
            None => false,
        },
        (Value::Array(items), Some('[')) => {
            let Some((selector, below)) = Selector::read(&path[1..]) else {
                return false;
            };
            let Some(idx) = items.iter().position(|item| selector.picks(item)) else {
                return false;
            };
            if below.is_empty() {
                items.remove(idx);
                return true;
            }
            remove(&mut items[idx], below)
        }
        _ => false,
    }
}

/// Returns the value of a field of an object; none where it is not there.
pub(super) fn value<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    match (object, path.chars().next()) {
        (value, None) => Some(value),
        (Value::Object(map), Some('.')) => {
            let rest = &path[1..];
            let key = key_of(map, rest)?;
            value(&map[key], &rest[key.len()..])
        }
        (Value::Object(map), Some('[')) => {
            let (key, below) = quoted(&path[1..])?;
            value(map.get(&key)?, below)
        }
        (Value::Array(items), Some('[')) => {
            let (selector, below) = Selector::read(&path[1..])?;
            let item = items.iter().find(|item| selector.picks(item))?;
            value(item, below)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_found_as_the_server_names_them() {
        let check = |path: &str, before: Value, after: Option<Value>| {
            let mut object = before.clone();
            let was_there = remove(&mut object, path);
            assert_eq!(
                was_there,
                !path.is_empty() && value(&before, path).is_some(),
                "{path}"
            );
            assert_eq!(was_there.then_some(object), after, "{path}");
        };
        check(
            ".a.b",
            json!({"a": {"b": 1, "c": 2}}),
            Some(json!({"a": {"c": 2}})),
        );
        check(".a.b", json!({"a": {"c": 2}}), None);
        check(".a", json!({"ab": 1}), None);
        let annotations = json!({"annotations": {"a": "1", "a.b/c": "2"}});
        for path in [".annotations.a.b/c", r#".annotations["a.b/c"]"#] {
            check(
                path,
                annotations.clone(),
                Some(json!({"annotations": {"a": "1"}})),
            );
        }
        check(
            r#".m["a.b"].c"#,
            json!({"m": {"a.b": {"c": 1, "d": 2}}}),
            Some(json!({"m": {"a.b": {"d": 2}}})),
        );
        check(r#".annotations["a.b"]"#, annotations, None);
        let ports = json!({"p": [{"port": 80, "protocol": "TCP", "n": 1}, {"port": 80, "protocol": "UDP"}]});
        check(
            ".p[port=80,protocol=\"TCP\"].n",
            ports.clone(),
            Some(json!({"p": [{"port": 80, "protocol": "TCP"}, {"port": 80, "protocol": "UDP"}]})),
        );
        check(
            ".p[port=80,protocol=\"UDP\"]",
            ports.clone(),
            Some(json!({"p": [{"port": 80, "protocol": "TCP", "n": 1}]})),
        );
        check(".p[port=81].n", ports, None);
        check(
            ".f[=\"x\"]",
            json!({"f": ["w", "x"]}),
            Some(json!({"f": ["w"]})),
        );
        check(
            ".c[name=\"a]=,\"].i",
            json!({"c": [{"name": "a]=,", "i": 1}]}),
            Some(json!({"c": [{"name": "a]=,"}]})),
        );
        for hostile in [
            "",
            "x",
            ".",
            "[",
            ".p[",
            ".p[port",
            ".p[port=",
            ".p[port=80",
            ".p[port=80]x",
        ] {
            check(hostile, json!({"p": [{"port": 80}]}), None);
        }
    }
}
