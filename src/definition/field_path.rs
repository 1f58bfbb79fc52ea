//! The notation in which servers name fields: `.spec.ports[port=80,protocol="TCP"].nodePort`.
//!
//! It is that of structured-merge-diff's `fieldpath`: names are not quoted, so that one with a dot in it is only told by what
//! is there. We write such a name in brackets, `.metadata.labels["app.kubernetes.io/name"]`, and read both.

use serde_json::{Map, Value};

/// Returns the key that a path goes on with: the longest of those that are there.
pub(crate) fn key_of<'m>(map: &'m Map<String, Value>, rest: &str) -> Option<&'m String> {
    let ends_there = |key: &&String| {
        let behind = rest.strip_prefix(key.as_str());
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(['.', '[']))
    };
    map.keys().filter(ends_there).max_by_key(|key| key.len())
}

/// Reads what stands behind an opening bracket as the name of a field: `"a.b/c"]`; returns what is behind it too.
pub(crate) fn quoted(rest: &str) -> Option<(String, &str)> {
    let mut names = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    let name = names.next()?.ok()?;
    let behind = rest[names.byte_offset()..].strip_prefix(']')?;
    Some((name, behind))
}

/// Writes the name of a field as a step of a path, in brackets where it could be taken for several steps.
pub(crate) fn named(name: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '.' | '[' | ']' | '"' | '=');
    match !name.is_empty() && name.chars().all(is_plain) {
        true => format!(".{name}"),
        false => format!("[{}]", Value::from(name)),
    }
}

/// Which item of a list is meant: the one with these values at its keys. An empty key stands for the item itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Selector(Vec<(String, Value)>);

impl Selector {
    /// Reads what stands behind an opening bracket: `name="web"]`, `port=80,protocol="TCP"]` or `="x"]`; returns what is behind
    /// it too.
    pub(crate) fn read(mut rest: &str) -> Option<(Self, &str)> {
        let mut keys = Vec::new();
        loop {
            let (key, behind) = rest.split_once('=')?;
            let mut values = serde_json::Deserializer::from_str(behind).into_iter::<Value>();
            let value = values.next()?.ok()?;
            let behind = &behind[values.byte_offset()..];
            keys.push((key.to_owned(), value));
            match behind.strip_prefix(',') {
                Some(next) => rest = next,
                None => return Some((Self(keys), behind.strip_prefix(']')?)),
            }
        }
    }

    /// Tells whether an item is the one that is meant.
    pub(crate) fn picks(&self, item: &Value) -> bool {
        self.0.iter().all(|(key, value)| match key.as_str() {
            "" => item == value,
            key => item.get(key) == Some(value),
        })
    }
}
