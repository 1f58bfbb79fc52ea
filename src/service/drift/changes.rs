//! What others changed in the objects of an instance, field by field: where, what was applied, what is there, and who set it.
//!
//! Values of Secrets are masked before they come here.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::definition::field_path;
use crate::definition::object::ObjectKey;
use crate::text;

/// What stands for a value of a Secret.
pub const MASK: &str = "***";
/// Most characters that are shown of a value.
const MAX_VALUE: usize = 60;

/// All that others changed in an instance.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// The objects that are not as they were applied.
    pub objects: Vec<ObjectChange>,
    /// What could not be compared, as sentences: a kind that may not be listed, a revision that is damaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

impl Changes {
    /// Tells whether nothing that could be compared is changed.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Returns the objects with only such fields, and without those that are there and have none.
    pub fn part(&self, is_meant: impl Fn(&FieldChange) -> bool) -> Vec<ObjectChange> {
        let objects = self.objects.iter().map(|object| ObjectChange {
            fields: object
                .fields
                .iter()
                .filter(|it| is_meant(it))
                .cloned()
                .collect(),
            ..object.clone()
        });
        objects
            .filter(|object| object.presence != Presence::There || !object.fields.is_empty())
            .collect()
    }
}

/// An object that is not as it was applied.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectChange {
    /// What identifies it.
    #[serde(rename = "object", serialize_with = "as_text")]
    pub key: ObjectKey,
    /// How it is there at all.
    pub presence: Presence,
    /// The fields that differ; none of one that is missing.
    pub fields: Vec<FieldChange>,
}

/// How an object that was applied is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Presence {
    /// It is there.
    There,
    /// Somebody deleted it.
    Missing,
    /// Somebody deleted it, and it is not gone yet.
    Terminating,
}

/// A field that is not as it was applied.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Where it is.
    #[serde(rename = "field", serialize_with = "as_text")]
    pub path: FieldPath,
    /// What was applied; none if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Value>,
    /// What is there; none if it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Value>,
    /// Who set it; nobody is known of a field that was removed.
    pub managers: Vec<Setter>,
}

impl FieldChange {
    /// Returns who set it, and when the last of them wrote any of its fields.
    pub fn setters(&self) -> (String, Option<Timestamp>) {
        let names: Vec<&str> = self.managers.iter().map(|it| it.manager.as_str()).collect();
        let at = self.managers.iter().filter_map(|setter| setter.at).max();
        (names.join(", "), at)
    }
}

/// Writes a value on one short line, safe for a terminal.
pub fn short_value(value: &Value) -> String {
    let text = match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        value => value.to_string(),
    };
    let text = text::clean(&text);
    if text.chars().count() <= MAX_VALUE {
        return text.into_owned();
    }
    let start: String = text.chars().take(MAX_VALUE - 1).collect();
    format!("{start}…")
}

/// Who set a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Setter {
    /// The field manager, with the subresource that it wrote to.
    pub manager: String,
    /// When it last wrote any of its fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// The path of a field, written as servers write it, `.spec.template.spec.containers[name="web"].image`, but for names with dots:
/// `.metadata.labels["app.kubernetes.io/name"]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldPath(pub Vec<Step>);

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A field of an object.
    Field(String),
    /// The item of a list with these values at its keys.
    Item(Vec<(String, Value)>),
    /// The item of a list that is this value.
    Value(Value),
}

impl FieldPath {
    /// Returns the name of each step that is a field, none for items.
    pub fn fields(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::Item(_) | Step::Value(_) => None,
        })
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Field(name) => f.write_str(&field_path::named(name))?,
                Step::Item(keys) => {
                    let keys: Vec<String> = keys
                        .iter()
                        .map(|(key, value)| format!("{key}={value}"))
                        .collect();
                    write!(f, "[{}]", keys.join(","))?;
                }
                Step::Value(value) => write!(f, "[={value}]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Setter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.manager)
    }
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_tells_a_name_with_dots_from_several() {
        let field = |name: &str| Step::Field(name.to_owned());
        let item = Step::Item(vec![("name".to_owned(), json!("web"))]);
        let check = |steps: Vec<Step>, expected| assert_eq!(FieldPath(steps).to_string(), expected);
        check(
            vec![field("spec"), field("containers"), item, field("image")],
            ".spec.containers[name=\"web\"].image",
        );
        check(
            vec![field("metadata"), field("labels"), field("a.b/c")],
            ".metadata.labels[\"a.b/c\"]",
        );
        check(
            vec![field("data"), field("a\"]"), field("b")],
            ".data[\"a\\\"]\"].b",
        );
    }
}
