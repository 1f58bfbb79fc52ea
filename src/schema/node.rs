//! A schema as it is written in OpenAPI v3: the parts that say anything about Kubernetes' objects.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A schema as it is written; references are not followed here.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Node {
    /// The definition that this one is, by its full reference.
    #[serde(rename = "$ref")]
    pub reference: Option<Box<str>>,
    /// Definitions that hold together: servers wrap a reference so, to put a text or a default beside it.
    pub all_of: Vec<Node>,
    /// Definitions of which one holds.
    pub one_of: Vec<Node>,
    /// Definitions of which any holds.
    pub any_of: Vec<Node>,
    /// The type: `string`, `integer`, `number`, `boolean`, `array` or `object`.
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
    /// What sort of text or number it is.
    pub format: Option<Box<str>>,
    /// What it is for.
    pub description: Option<Box<str>>,
    /// The fields of a map, in the order in which they were declared.
    pub properties: Properties,
    /// The fields that must be there.
    pub required: Vec<Box<str>>,
    /// What the items of a list are.
    pub items: Option<Box<Node>>,
    /// What the values of a map with free keys are.
    pub additional_properties: Option<Additional>,
    /// The only values that are allowed.
    #[serde(rename = "enum")]
    pub allowed: Vec<Value>,
    /// The value that holds where none is given.
    pub default: Option<Value>,
    /// Whether `null` is a value.
    pub nullable: bool,
    /// The smallest number.
    pub minimum: Option<f64>,
    /// The largest number.
    pub maximum: Option<f64>,
    /// Whether the smallest number is itself too small.
    pub exclusive_minimum: bool,
    /// Whether the largest number is itself too large.
    pub exclusive_maximum: bool,
    /// The fewest characters of a text.
    pub min_length: Option<u64>,
    /// The most characters of a text.
    pub max_length: Option<u64>,
    /// The fewest items of a list.
    pub min_items: Option<u64>,
    /// The most items of a list.
    pub max_items: Option<u64>,
    /// A regular expression that a text must match somewhere.
    pub pattern: Option<Box<str>>,
    /// Whether undeclared fields are kept.
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    pub keeps_unknown: bool,
    /// Whether it is a number or a text.
    #[serde(rename = "x-kubernetes-int-or-string")]
    pub is_int_or_text: bool,
    /// Whether it is a whole object with `apiVersion`, `kind` and `metadata`.
    #[serde(rename = "x-kubernetes-embedded-resource")]
    pub is_embedded: bool,
    /// How the items of a list are told apart: `atomic`, `set` or `map`.
    #[serde(rename = "x-kubernetes-list-type")]
    pub list_type: Option<Box<str>>,
    /// The fields by which the items of a list are told apart.
    #[serde(rename = "x-kubernetes-list-map-keys")]
    pub list_map_keys: Vec<Box<str>>,
    /// The kinds that this is the schema of.
    #[serde(rename = "x-kubernetes-group-version-kind")]
    pub kinds: Vec<GroupVersionKind>,
    /// Other names of a field of the service definition.
    #[serde(rename = "x-bowline-aliases")]
    pub aliases: Vec<Box<str>>,
}

/// A kind as documents name it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GroupVersionKind {
    /// API group, empty for the core group.
    pub group: Box<str>,
    /// Version.
    pub version: Box<str>,
    /// Kind.
    pub kind: Box<str>,
}

/// What a map with free keys holds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Additional {
    /// Anything, or nothing.
    Any(bool),
    /// Values of a schema.
    Of(Box<Node>),
}

/// Fields by name, in the order in which they were declared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Properties(Vec<(Box<str>, Node)>);

impl Properties {
    /// Returns a field.
    pub fn get(&self, name: &str) -> Option<&Node> {
        let found = self.0.iter().find(|(known, _)| **known == *name);
        found.map(|(_, node)| node)
    }

    /// Returns the fields in the order in which they were declared.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.0.iter().map(|(name, node)| (name.as_ref(), node))
    }

    /// Returns the fields, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Node)> {
        self.0.iter_mut().map(|(name, node)| (&**name, node))
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Properties;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut fields = Vec::with_capacity(map.size_hint().unwrap_or_default());
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Properties(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
