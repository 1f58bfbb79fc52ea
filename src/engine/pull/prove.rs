//! Proving that a new text says what is in the cluster, and says nothing else anew. Pure.

use serde_json::Value;

use crate::definition::check::same_quantity;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::engine::drift::fieldset::down_wanted;
use crate::service::drift::{FieldChange, FieldPath, Step};

/// What a new text is to reach.
pub(super) struct Proof<'a> {
    pub key: &'a ObjectKey,
    pub fields: &'a [&'a FieldChange],
}

impl Proof<'_> {
    /// Tells whether objects have the values that are there.
    pub fn is_reached(&self, objects: &[Object]) -> bool {
        let Some(object) = objects.iter().find(|object| self.is_it(&object.key)) else {
            return false;
        };
        self.fields.iter().all(|field| {
            let mut steps = field.path.0.iter();
            let said = steps.try_fold(&object.json, |at, step| down_wanted(at, step));
            match (&field.live, said) {
                (None, said) => said.is_none(),
                (Some(live), Some(said)) => says(said, live),
                (Some(_), None) => false,
            }
        })
    }

    fn is_it(&self, key: &ObjectKey) -> bool {
        let is_named = GroupKind::of(key) == GroupKind::of(self.key) && key.name == self.key.name;
        is_named && key.namespace == self.key.namespace
    }

    /// Makes sure that exactly the fields have changed.
    ///
    /// # Errors
    /// They have not, or something else has: a sentence.
    pub fn check(&self, before: &[Object], after: &[Object]) -> Result<(), String> {
        if !self.is_reached(after) {
            return Err("the definition has no way to say exactly this".to_owned());
        }
        let mut others = Vec::new();
        for new in after {
            let old = before.iter().find(|old| old.key == new.key);
            let old = old.map_or(&Value::Null, |old| &old.json);
            let mut path = Vec::new();
            differing(old, &new.json, &mut path, &mut |path| {
                if !self.is_meant(&new.key, path) {
                    others.push(format!("{} {}", new.key, FieldPath(path.to_vec())));
                }
            });
        }
        let is_gone = |old: &&Object| !after.iter().any(|new| new.key == old.key);
        others.extend(before.iter().filter(is_gone).map(|old| old.key.to_string()));
        match others.first() {
            None => Ok(()),
            Some(other) => Err(format!(
                "the definition says {other} by the same words, which would change too"
            )),
        }
    }

    /// Tells whether a field may change with what is pulled.
    fn is_meant(&self, key: &ObjectKey, path: &[Step]) -> bool {
        let names: Vec<&str> = path
            .iter()
            .map(|step| match step {
                Step::Field(name) => name.as_str(),
                Step::Item(_) | Step::Value(_) => "",
            })
            .collect();
        // Pods roll when what they read changes.
        if names.last() == Some(&naming::ANNOTATION_CONFIG_CHECKSUM) {
            return true;
        }
        self.fields.iter().any(|field| {
            let wanted: Vec<Option<&str>> = field.path.fields().collect();
            let begins = names.len() >= wanted.len()
                && wanted
                    .iter()
                    .zip(&names)
                    .all(|(wanted, name)| wanted.unwrap_or("") == *name);
            let begins_within = wanted.len() > names.len()
                && names
                    .iter()
                    .zip(&wanted)
                    .all(|(name, wanted)| wanted.unwrap_or("") == *name);
            if self.is_it(key) && (begins || begins_within) {
                return true;
            }
            // A definition's labels and annotations are on all objects.
            let common = |name: &str| matches!(name, "labels" | "annotations");
            match (wanted.as_slice(), names.as_slice()) {
                ([.., Some(map), Some(name)], [.., on, same]) => {
                    common(map) && map == on && name == same
                }
                _ => false,
            }
        })
    }
}

/// Tells whether rendered words say what is there, in which the server filled in what was left out.
fn says(said: &Value, live: &Value) -> bool {
    match (said, live) {
        (Value::Object(said), Value::Object(live)) => said
            .iter()
            .all(|(key, said)| live.get(key).is_some_and(|live| says(said, live))),
        (Value::Array(said), Value::Array(live)) => {
            said.len() == live.len() && said.iter().zip(live).all(|(said, live)| says(said, live))
        }
        (said, live) => said == live || same_quantity(said, live),
    }
}

/// Finds where two values differ; items of lists are told apart by their position, and not named.
fn differing(old: &Value, new: &Value, path: &mut Vec<Step>, found: &mut dyn FnMut(&[Step])) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                path.push(Step::Field(key.clone()));
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or_default()
                };
                differing(&of(old), &of(new), path, found);
                path.pop();
            }
        }
        (Value::Array(old), Value::Array(new)) if named(old) && named(new) => {
            let names: std::collections::BTreeSet<&str> = old
                .iter()
                .chain(new)
                .filter_map(|item| item["name"].as_str())
                .collect();
            for name in names {
                let of = |items: &[Value]| {
                    items
                        .iter()
                        .find(|item| item["name"] == name)
                        .cloned()
                        .unwrap_or_default()
                };
                path.push(Step::Item(vec![("name".to_owned(), Value::from(name))]));
                differing(&of(old), &of(new), path, found);
                path.pop();
            }
        }
        (old, new) if old != new => found(path),
        _ => {}
    }
}

fn named(items: &[Value]) -> bool {
    items.iter().all(|item| item["name"].is_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_said_may_leave_out_what_the_server_fills_in() {
        let check = |said: Value, live: Value, expected: bool| {
            assert_eq!(says(&said, &live), expected, "{said}")
        };
        check(
            json!({"port": 80}),
            json!({"port": 80, "protocol": "TCP"}),
            true,
        );
        check(json!({"cpu": "1000m"}), json!({"cpu": "1"}), true);
        check(json!({"a": 1, "b": 2}), json!({"a": 1}), false);
        check(json!(["a"]), json!(["a", "b"]), false);
    }
}
