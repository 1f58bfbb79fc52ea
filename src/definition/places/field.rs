//! Paths of fields as servers write them, as steps into an object.

use serde_json::Value;

use crate::definition::field_path::{Selector, key_of, quoted};

/// A step from a value to one in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Reads `spec.ports[0].name`, `.spec.ports[port=80,protocol="TCP"].name`, `data[a.b]`, `metadata.annotations.a.b/c`,
/// `.metadata.annotations["a.b/c"]`.
///
/// Servers do not quote names, so that one with a dot in it is only told by what is there. It ends where it cannot be read.
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
    let len = match at.as_object().and_then(|map| key_of(map, rest)) {
        Some(key) => key.len(),
        None => rest.find(['.', '[']).unwrap_or(rest.len()),
    };
    let (key, behind) = rest.split_at(len);
    (!key.is_empty()).then(|| (Step::Key(key.to_owned()), behind))
}

/// Reads what stands behind an opening bracket: a number, the values by which an item is known, or a key.
fn in_brackets<'p>(at: &Value, rest: &'p str) -> Option<(Step, &'p str)> {
    if let Some(items) = at.as_array()
        && let Some((selector, behind)) = Selector::read(rest)
    {
        let idx = items.iter().position(|item| selector.picks(item))?;
        return Some((Step::Index(idx), behind));
    }
    if let Some((key, behind)) = quoted(rest) {
        return Some((Step::Key(key), behind));
    }
    let (word, behind) = rest.split_once(']')?;
    let step = match word.parse() {
        Ok(idx) if !at.is_object() => Step::Index(idx),
        _ => Step::Key(word.to_owned()),
    };
    Some((step, behind))
}
