//! What could be written at a place: keys that are not there yet, values, names; the likeliest first.

use ropey::Rope;
use serde_json::Value;

use super::place::{Place, Slot, Style};
use super::{Item, Known, kinds, names};
use crate::definition::yaml::{is_plain_safe, quoted};
use crate::schema::{Schema, Shape, Step};

/// Most items of a list.
const MAX_ITEMS: usize = 200;

/// How a new line goes on below a key.
#[derive(Debug, Clone, Copy)]
struct Writing {
    style: Style,
    /// Spaces of a level.
    unit: usize,
    /// Whether a dash must be written first.
    needs_dash: bool,
    /// Whether the word is followed by its colon already.
    has_colon: bool,
    /// Whether the word began with a quote.
    is_quoted: bool,
}

/// Returns the items for a place.
pub(super) fn items(rope: &Rope, place: &Place, known: &Known, unit: usize) -> Vec<Item> {
    let written = rope.byte_slice(place.before.clone()).to_string();
    let word = written.trim_start_matches(['"', '\'']);
    let kind = kinds::of_document(rope, place.document);
    let mut items = match (place.slot, kinds::identity(place)) {
        (Slot::Value, Some(key)) => kinds::values(key, &kind, known),
        _ => of_schema(rope, place, known, &kind, unit),
    };
    items.retain_mut(|item| {
        item.rank = rank(word, &item.label);
        item.rank.is_some()
    });
    // The more of a label is typed already, the likelier it is the one that is meant; without a word the schema's order says.
    let left = |item: &Item| match word.is_empty() {
        true => 0,
        false => item.label.chars().count(),
    };
    items.sort_by_key(|item| (item.rank, !item.is_required, left(item)));
    items.truncate(MAX_ITEMS);
    items
}

fn of_schema(
    rope: &Rope,
    place: &Place,
    known: &Known,
    kind: &kinds::DocumentKind,
    unit: usize,
) -> Vec<Item> {
    let Some(top) = kinds::schema(kind, known) else {
        return Vec::new();
    };
    let Some(mut schema) = top.at(&place.path) else {
        return Vec::new();
    };
    let is_under_list = place.slot == Slot::Key && place.path.0.last() != Some(&Step::Item);
    let mut needs_dash = false;
    if let (true, Shape::List(inner)) = (is_under_list, schema.shape()) {
        (schema, needs_dash) = (inner, true);
    }
    let next = rope.byte_slice(place.typed.end..).chars().next();
    let first = rope.byte_slice(place.before.clone()).chars().next();
    let writing = Writing {
        style: place.style,
        unit,
        needs_dash,
        has_colon: next == Some(':'),
        is_quoted: matches!(first, Some('"' | '\'')),
    };
    let has_fields = schema.properties().next().is_some();
    if let (Slot::Key, Shape::Map(value)) = (place.slot, schema.shape()) {
        return map_keys(&known.keys_for(&place.path), value, place, writing);
    }
    if place.slot == Slot::Key && has_fields {
        return keys(schema, place, writing);
    }
    let byte = place.before.end;
    let mut items = values(schema, place, writing);
    let of_text = names::names(rope, byte, &place.path);
    let of_cluster = known.names_for(&place.path);
    items.extend(
        of_text
            .iter()
            .map(String::as_str)
            .chain(of_cluster)
            .map(|name| value_item(name.to_owned(), schema, place, writing)),
    );
    let mut seen = std::collections::HashSet::new();
    items.retain(|item| seen.insert(item.label.clone()));
    items
}

/// Returns the fields that are not there yet, those that are required and missing as one where several are.
fn keys(schema: Schema<'_>, place: &Place, writing: Writing) -> Vec<Item> {
    let required: Vec<&str> = schema.required().collect();
    let is_there = |name: &str, field: &Schema<'_>| {
        let named = |key: &str| place.siblings.iter().any(|sibling| sibling == key);
        named(name) || field.aliases().iter().any(|alias| named(alias))
    };
    let mut items = Vec::new();
    let is_missing = |name: &&&str| {
        let field = schema.property(name);
        field.is_some_and(|field| !is_there(name, &field))
    };
    let missing: Vec<&str> = required.iter().filter(is_missing).copied().collect();
    if place.typed.is_empty() && missing.len() > 1 {
        items.push(all_required(schema, &missing, writing));
    }
    items.extend(
        schema
            .properties()
            .filter(|(name, field)| !is_there(name, field))
            .map(|(name, field)| Item {
                label: name.to_owned(),
                insert: format!("{}{}", writing.dash(), writing.key(name, field)),
                cursor: None,
                blanks: Vec::new(),
                type_name: field.type_name(),
                text: field.description().map(str::to_owned),
                is_required: required.contains(&name),
                rank: None,
            }),
    );
    items
}

/// Returns the keys of a map that are known from elsewhere than its schema, and are not there yet.
fn map_keys(names: &[&str], value: Schema<'_>, place: &Place, writing: Writing) -> Vec<Item> {
    let is_missing = |name: &&&str| !place.siblings.iter().any(|sibling| sibling == **name);
    let item = |name: &&str| Item {
        label: (*name).to_owned(),
        insert: format!("{}{}", writing.dash(), writing.key(name, value)),
        type_name: value.type_name(),
        text: value.description().map(str::to_owned),
        ..Item::default()
    };
    names.iter().filter(is_missing).map(item).collect()
}

fn all_required(schema: Schema<'_>, required: &[&str], writing: Writing) -> Item {
    let between = match writing.style {
        Style::Flow => ", ".to_owned(),
        Style::Block { .. } => format!("\n{}", " ".repeat(writing.column())),
    };
    let fields: Vec<String> = required
        .iter()
        .filter_map(|name| Some(writing.key(name, schema.property(name)?)))
        .collect();
    let mut insert = writing.dash().to_owned();
    let mut blanks = Vec::new();
    for (n, field) in fields.iter().enumerate() {
        if n > 0 {
            insert.push_str(&between);
        }
        insert.push_str(field);
        blanks.push(insert.len());
    }
    // The cursor comes to the first of the values.
    let cursor = (!blanks.is_empty()).then(|| blanks.remove(0));
    Item {
        label: required.join(", "),
        insert,
        cursor,
        blanks,
        type_name: "all that must be there".to_owned(),
        text: schema.description().map(str::to_owned),
        is_required: true,
        rank: None,
    }
}

fn values(schema: Schema<'_>, place: &Place, writing: Writing) -> Vec<Item> {
    let allowed = schema.allowed().iter();
    let mut texts: Vec<String> = allowed.filter_map(text_of).collect();
    if let (true, Shape::Boolean) = (texts.is_empty(), schema.shape()) {
        texts = vec!["true".to_owned(), "false".to_owned()];
    }
    let default = schema.default().and_then(text_of);
    if let Some(default) = default.clone().filter(|default| !texts.contains(default)) {
        texts.push(default);
    }
    texts
        .into_iter()
        .map(|text| {
            let is_default = default.as_ref() == Some(&text);
            let item = value_item(text, schema, place, writing);
            Item {
                type_name: if is_default { "default" } else { "" }.to_owned(),
                ..item
            }
        })
        .collect()
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn value_item(text: String, schema: Schema<'_>, place: &Place, writing: Writing) -> Item {
    let is_text = matches!(schema.shape(), Shape::Text);
    let needs_quotes = is_text && (writing.is_quoted || !is_plain_safe(&text));
    let written = match needs_quotes {
        true => quoted(&text),
        false => text.clone(),
    };
    // A colon needs a space behind it.
    let space = match place.slot == Slot::Value && place.needs_space {
        true => " ",
        false => "",
    };
    Item {
        label: text,
        insert: format!("{space}{}{written}", writing.dash()),
        cursor: None,
        blanks: Vec::new(),
        type_name: String::new(),
        text: schema.description().map(str::to_owned),
        is_required: false,
        rank: None,
    }
}

impl Writing {
    fn dash(&self) -> &'static str {
        if self.needs_dash { "- " } else { "" }
    }

    /// Returns the column of the keys.
    fn column(&self) -> usize {
        match self.style {
            Style::Flow => 0,
            Style::Block { column, .. } if self.needs_dash => column + 2,
            Style::Block { column, .. } => column,
        }
    }

    /// Returns a key with what leads to its value.
    fn key(&self, name: &str, field: Schema<'_>) -> String {
        let name = match self.is_quoted || !is_plain_safe(name) {
            true => quoted(name),
            false => name.to_owned(),
        };
        if self.has_colon {
            return name;
        }
        let below = format!("\n{}", " ".repeat(self.column() + self.unit));
        let is_block = self.style != Style::Flow;
        match field.shape() {
            Shape::List(_) if is_block => format!("{name}:{below}- "),
            Shape::Object | Shape::Map(_) if is_block => format!("{name}:{below}"),
            _ => format!("{name}: "),
        }
    }
}

/// Returns how well a word fits a label, the best first: its beginning, a part of it, its letters in order.
fn rank(word: &str, label: &str) -> Option<u8> {
    let (word, label) = (word.to_lowercase(), label.to_lowercase());
    if label.starts_with(&word) {
        return Some(0);
    }
    if label.contains(&word) {
        return Some(1);
    }
    let mut letters = label.chars();
    word.chars()
        .all(|c| letters.any(|letter| letter == c))
        .then_some(2)
}
