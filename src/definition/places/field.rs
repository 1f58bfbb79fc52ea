//! Paths of fields as servers write them, as steps into an object.

use serde_json::Value;

/// A step from a value to one in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Reads `spec.ports[0].name`, `.spec.ports[port=80,protocol="TCP"].name`, `data[a.b]`, `metadata.annotations.a.b/c`.
///
/// Names are not quoted, so that one with a dot in it is only told by what is there. It ends where it cannot be read.
pub(super) fn steps(object: &Value, path: &str) -> Vec<Step> {
    let (mut steps, mut at, mut rest) = (Vec::new(), object, path.trim());
    while !rest.is_empty() {
        let step = match rest.strip_prefix('[') {
            Some(bracket) => in_brackets(at, bracket),
            None => word(at, rest.strip_prefix('.').unwrap_or(rest)),
        };
        let Some((step, behind)) = step else {
            break;
        };
        at = match &step {
            Step::Key(key) => &at[key],
            Step::Index(idx) => &at[*idx],
        };
        steps.push(step);
        rest = behind;
    }
    steps
}

fn word<'p>(at: &Value, rest: &'p str) -> Option<(Step, &'p str)> {
    let ends_there = |key: &&String| {
        let behind = rest.strip_prefix(key.as_str());
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with(['.', '[']))
    };
    let known = at.as_object().and_then(|map| {
        let fitting = map.keys().filter(ends_there);
        fitting.max_by_key(|key| key.len())
    });
    let len = match known {
        Some(key) => key.len(),
        None => rest.find(['.', '[']).unwrap_or(rest.len()),
    };
    let (key, behind) = rest.split_at(len);
    (!key.is_empty()).then(|| (Step::Key(key.to_owned()), behind))
}

/// Reads what stands behind an opening bracket: a number, the values by which an item is known, or a key.
fn in_brackets<'p>(at: &Value, rest: &'p str) -> Option<(Step, &'p str)> {
    if let Some(items) = at.as_array()
        && let Some((keys, behind)) = selector(rest)
    {
        let picks = |item: &Value| {
            keys.iter().all(|(key, value)| match key.as_str() {
                "" => item == value,
                key => item.get(key) == Some(value),
            })
        };
        return Some((Step::Index(items.iter().position(picks)?), behind));
    }
    let (word, behind) = rest.split_once(']')?;
    let step = match word.parse() {
        Ok(idx) if !at.is_object() => Step::Index(idx),
        _ => Step::Key(word.trim_matches('"').to_owned()),
    };
    Some((step, behind))
}

/// Reads `name="web"]`, `port=80,protocol="TCP"]` or `="x"]`; returns what is behind it too.
fn selector(mut rest: &str) -> Option<(Vec<(String, Value)>, &str)> {
    let mut keys = Vec::new();
    loop {
        let (key, behind) = rest.split_once('=')?;
        let mut values = serde_json::Deserializer::from_str(behind).into_iter::<Value>();
        let value = values.next()?.ok()?;
        let behind = &behind[values.byte_offset()..];
        keys.push((key.to_owned(), value));
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Some((keys, behind.strip_prefix(']')?)),
        }
    }
}
