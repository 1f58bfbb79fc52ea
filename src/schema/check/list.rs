//! Checking lists: their items, their length, and that no two items are one to the server.

use std::collections::HashMap;

use super::Walker;
use crate::definition::check::reader::{Reader, Value, shortened};
use crate::definition::yaml::Resolved;
use crate::schema::view::{ListKind, Schema};

impl Walker {
    pub(super) fn list(
        &mut self,
        reader: &mut Reader<'_>,
        value: Value,
        schema: Schema<'_>,
        items: Schema<'_>,
        depth: usize,
    ) {
        let Some(values) = reader.items(value, "a list") else {
            return;
        };
        for item in &values {
            self.value(reader, *item, items, depth + 1);
        }
        let node = schema.node();
        let n_items = values.len() as u64;
        if node.max_items.is_some_and(|max| n_items > max) {
            let max = node.max_items.unwrap_or_default();
            let message = format!(
                "`{}` has {n_items} items, at most {max} are allowed",
                reader.name(value)
            );
            reader.error(value, message);
        }
        if node.min_items.is_some_and(|min| n_items < min) && !reader.is_partial {
            let min = node.min_items.unwrap_or_default();
            let message = format!(
                "`{}` has {n_items} items, at least {min} are needed",
                reader.name(value)
            );
            reader.error(value, message);
        }
        match schema.list_kind() {
            ListKind::Atomic => {}
            ListKind::Set => repeated_values(reader, &values),
            ListKind::Keyed(keys) => repeated_keys(reader, &values, items, keys),
        }
    }
}

fn repeated_values(reader: &mut Reader<'_>, values: &[Value]) {
    let mut line_of: HashMap<String, usize> = HashMap::new();
    for value in values {
        let Some(text) = reader.written_text(*value) else {
            continue;
        };
        let line = reader.spot(*value).span.start.line;
        if let Some(first) = line_of.insert(text.to_owned(), line) {
            let message = format!(
                "`{}` stands already on line {first}; items must differ",
                shortened(text)
            );
            reader.error(*value, message);
        }
    }
}

/// The server refuses two items that agree in all key fields, whatever else they hold.
fn repeated_keys(reader: &mut Reader<'_>, values: &[Value], items: Schema<'_>, keys: &[Box<str>]) {
    let mut line_of: HashMap<Vec<String>, usize> = HashMap::new();
    for value in values {
        let Some(found) = key_values(reader, *value, items, keys) else {
            continue;
        };
        let line = reader.spot(*value).span.start.line;
        let pairs: Vec<String> = keys
            .iter()
            .zip(&found)
            .map(|(key, text)| format!("{key} {}", shortened(text)))
            .collect();
        if let Some(first) = line_of.insert(found, line) {
            let message = format!(
                "an item with {} stands already on line {first}; items must differ in that",
                pairs.join(" and ")
            );
            reader.error(*value, message);
        }
    }
}

/// Returns the values of the key fields; none where one is missing and nothing stands in for it.
fn key_values(
    reader: &Reader<'_>,
    item: Value,
    items: Schema<'_>,
    keys: &[Box<str>],
) -> Option<Vec<String>> {
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let text = match reader.scalar_of(item, key) {
            Some((text, resolved)) if resolved != Resolved::Null => text.to_owned(),
            _ => items.property(key)?.default()?.as_str()?.to_owned(),
        };
        found.push(text);
    }
    Some(found)
}
