//! Paths of fields as the server writes them in conflicts: `.spec.ports[port=80,protocol="TCP"].nodePort`. Pure.
//!
//! The server's own notation, of structured-merge-diff's `fieldpath`: names are not quoted, so that one with a dot in it is
//! only told by what is there.

use serde_json::{Map, Value};

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
        (Value::Array(items), Some('[')) => {
            let Some((selector, below)) = selector(path) else {
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
        (Value::Array(items), Some('[')) => {
            let (selector, below) = selector(path)?;
            let item = items.iter().find(|item| selector.picks(item))?;
            value(item, below)
        }
        _ => None,
    }
}

/// Returns the key that a path goes on with: the longest of those that are there.
fn key_of<'m>(map: &'m Map<String, Value>, rest: &str) -> Option<&'m String> {
    let ends_there = |key: &&String| {
        let behind = rest.strip_prefix(key.as_str());
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(['.', '[']))
    };
    map.keys().filter(ends_there).max_by_key(|key| key.len())
}

/// Which item of a list is meant.
#[derive(Debug, PartialEq)]
enum Selector {
    /// The one with these values at its keys.
    Keys(Vec<(String, Value)>),
    /// The one that is this value.
    Itself(Value),
}

impl Selector {
    fn picks(&self, item: &Value) -> bool {
        match self {
            Self::Keys(keys) => keys.iter().all(|(key, value)| item.get(key) == Some(value)),
            Self::Itself(value) => item == value,
        }
    }
}

/// Reads `[name="web"]`, `[port=80,protocol="TCP"]` or `[="x"]` at the beginning of a path; returns what is behind it too.
fn selector(path: &str) -> Option<(Selector, &str)> {
    let mut rest = path.strip_prefix('[')?;
    let mut keys = Vec::new();
    loop {
        let (key, behind) = rest.split_once('=')?;
        let mut values = serde_json::Deserializer::from_str(behind).into_iter::<Value>();
        let value = values.next()?.ok()?;
        let behind = &behind[values.byte_offset()..];
        keys.push((key.to_owned(), value));
        if let Some(next) = behind.strip_prefix(',') {
            rest = next;
            continue;
        }
        let behind = behind.strip_prefix(']')?;
        let selector = match keys.as_slice() {
            [(key, value)] if key.is_empty() => Selector::Itself(value.clone()),
            _ => Selector::Keys(keys),
        };
        return Some((selector, behind));
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
        check(
            ".annotations.a.b/c",
            annotations,
            Some(json!({"annotations": {"a": "1"}})),
        );
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
