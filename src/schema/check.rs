//! Checking YAML against schemas: every fault at once, each with its place.
//!
//! It reads nodes as the checks of the service definition do, under the same budgets, so that any text at all gives an answer
//! within bounded time. What a schema does not forbid passes: the server has the last word.

mod documents;
mod list;
mod scalar;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use regex::Regex;

use super::view::{Schema, Shape};
use crate::definition::check::reader::{Reader, Value, shortened};
use crate::definition::check::suggest::nearest;
use crate::definition::diagnostic::{Fix, Severity};
use crate::definition::yaml::MAX_DEPTH;
use crate::names;

#[cfg(test)]
use documents::check;
pub use documents::check_documents;
pub(crate) use documents::check_tree;
pub(super) use scalar::words;

/// Most fields that a sentence lists.
const LISTED: usize = 16;
/// What the server puts in, or what an embedded object has though its schema does not say so.
const OBJECT_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Checks a whole object, whose values are no secrets unless its kind says so.
pub(crate) fn walk_object(reader: &mut Reader<'_>, value: Value, schema: Schema<'_>) {
    let mut kinds = schema.kinds().iter();
    let mut walker = Walker {
        is_secret_object: kinds.any(|of| of.group.is_empty() && of.kind.as_ref() == "Secret"),
        ..Walker::default()
    };
    walker.value(reader, value, schema, 0);
}

/// Checks a value against a schema.
#[cfg(test)]
fn walk(reader: &mut Reader<'_>, value: Value, schema: Schema<'_>) {
    Walker::default().value(reader, value, schema, 0);
}

/// One walk over a value.
#[derive(Default)]
struct Walker {
    /// Compiled once each; none where it is no expression that is understood here.
    patterns: HashMap<Box<str>, Option<Regex>>,
    /// Whether the object at the top is a Secret.
    is_secret_object: bool,
    /// Whether values may be shown in sentences.
    is_hushed: bool,
}

impl Walker {
    fn value(&mut self, reader: &mut Reader<'_>, value: Value, schema: Schema<'_>, depth: usize) {
        // An anchor may contain its own alias, and some schemas contain themselves.
        if depth > MAX_DEPTH {
            return;
        }
        if reader.is_null(value) && schema.is_nullable() {
            return;
        }
        match schema.shape() {
            Shape::Any => self.anything(reader, value, schema, depth),
            Shape::Text => self.text(reader, value, schema),
            Shape::Integer => self.integer(reader, value, schema),
            Shape::Number => self.number(reader, value, schema),
            Shape::Boolean => {
                reader.boolean(value);
            }
            Shape::IntOrText => self.int_or_text(reader, value, schema),
            Shape::Quantity => self.quantity(reader, value),
            Shape::List(items) => self.list(reader, value, schema, items, depth),
            Shape::Map(values) => self.map(reader, value, values, depth),
            Shape::Object => self.object(reader, value, schema, depth),
        }
    }

    /// Nothing is known of what is inside, perhaps that it is a map or a list.
    fn anything(
        &mut self,
        reader: &mut Reader<'_>,
        value: Value,
        schema: Schema<'_>,
        depth: usize,
    ) {
        let is_null = reader.is_null(value);
        let alternatives: Vec<Schema<'_>> = schema.alternatives().collect();
        if !alternatives.is_empty() {
            self.one_of(reader, value, &alternatives, depth);
            return;
        }
        if schema.is_some_map() && !reader.is_mapping(value) && !is_null {
            reader.wrong_type(value, "a map");
        } else if schema.is_some_list() && reader.is_scalar(value) && !is_null {
            reader.wrong_type(value, "a list");
        }
    }

    /// Checks against the alternative of the value's own type.
    fn one_of(
        &mut self,
        reader: &mut Reader<'_>,
        value: Value,
        alternatives: &[Schema<'_>],
        depth: usize,
    ) {
        let fits = |one: &&Schema<'_>| match one.shape() {
            Shape::List(_) => !reader.is_scalar(value) && !reader.is_mapping(value),
            Shape::Object | Shape::Map(_) => reader.is_mapping(value),
            Shape::Any => true,
            _ => reader.is_scalar(value),
        };
        match alternatives
            .iter()
            .filter(fits)
            .collect::<Vec<_>>()
            .as_slice()
        {
            [only] => self.value(reader, value, **only, depth + 1),
            [] => {
                let wanted: Vec<String> = alternatives.iter().map(|one| wanted(*one)).collect();
                reader.wrong_type(value, &wanted.join(" or "));
            }
            // Several of one type differ in what they hold, which is the server's to tell.
            _ => {}
        }
    }

    fn map(&mut self, reader: &mut Reader<'_>, value: Value, values: Schema<'_>, depth: usize) {
        let wanted = match values.shape() {
            Shape::Text => "a map of texts",
            _ => "a map",
        };
        for (_, child) in reader.pairs(value, wanted).unwrap_or_default() {
            if reader.is_null(child) && !matches!(values.shape(), Shape::Text) {
                continue;
            }
            self.value(reader, child, values, depth + 1);
        }
    }

    fn object(&mut self, reader: &mut Reader<'_>, value: Value, schema: Schema<'_>, depth: usize) {
        let Some(fields) = reader.pairs(value, "a map") else {
            return;
        };
        let mut given: Vec<&str> = Vec::new();
        for (key, child) in &fields {
            let Some(of) = schema.value_of(key) else {
                let is_known = schema.is_embedded() && OBJECT_FIELDS.contains(&key.as_str());
                if !schema.keeps_unknown() && !is_known {
                    unknown_field(reader, *child, key, schema);
                }
                continue;
            };
            // To the server a field without a value is one that is not there.
            if reader.is_null(*child) {
                continue;
            }
            given.push(key);
            let was_hushed = self.is_hushed;
            self.is_hushed |= depth == 0 && self.is_secret_object && is_data(key);
            self.value(reader, *child, of, depth + 1);
            self.is_hushed = was_hushed;
        }
        for name in schema.required() {
            let of = schema.property(name);
            let is_given = given.iter().any(|key| {
                *key == name || of.is_some_and(|of| of.aliases().iter().any(|a| **a == **key))
            });
            if !is_given
                && !reader.misspells_unknown(value, name, |key| schema.property(key).is_some())
            {
                missing(reader, value, name, of);
            }
        }
    }
}

/// The fields of a Secret that hold its values.
fn is_data(key: &str) -> bool {
    matches!(key, "data" | "stringData")
}

fn unknown_field(reader: &mut Reader<'_>, child: Value, key: &str, schema: Schema<'_>) {
    if reader.faults.is_full() {
        reader.faults.drop_one(Severity::Error);
        return;
    }
    let known: Vec<&str> = schema.properties().map(|(name, _)| name).collect();
    let near = nearest(key, known.iter().copied());
    let shown = shortened(key);
    let message = match near {
        Some(near) => format!("`{shown}` is not a key here; did you mean `{near}`?"),
        None => format!(
            "`{shown}` is not a key here; allowed are {}",
            names::first(&known, LISTED)
        ),
    };
    let spot = reader.key_spot(child);
    let fix = near.map(|near| Fix {
        title: format!("did you mean `{near}`?"),
        bytes: spot.span.bytes.clone(),
        replacement: near.to_owned(),
    });
    reader.faults.add(Severity::Error, spot, message, fix);
}

fn missing(reader: &mut Reader<'_>, map: Value, name: &str, of: Option<Schema<'_>>) {
    let what = format!("`{}`", reader.name(map));
    let allowed = of.map_or_else(|| "a value".to_owned(), |of| wanted(of));
    reader.missing(map, &what, name, &allowed);
}

/// Says in a few words what a value must be.
fn wanted(schema: Schema<'_>) -> String {
    let allowed = schema.allowed();
    if !allowed.is_empty() {
        return format!("one of {}", words(allowed).join(", "));
    }
    match schema.shape() {
        Shape::Any if schema.is_some_map() => "a map".to_owned(),
        Shape::Any if schema.is_some_list() => "a list".to_owned(),
        Shape::Any => "a value".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Integer => scalar::whole_number(schema.node()),
        Shape::Number => "a number".to_owned(),
        Shape::Boolean => "true or false".to_owned(),
        Shape::IntOrText => "a whole number or text".to_owned(),
        Shape::Quantity => "a quantity, such as 500m or 2Gi".to_owned(),
        Shape::List(_) => "a list".to_owned(),
        Shape::Map(_) | Shape::Object => "a map".to_owned(),
    }
}
