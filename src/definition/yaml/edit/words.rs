//! Values as they are written in a text: plain where that is read back, in the quotes of what stood there before, or as `{…}`.

use serde_json::Value;

use crate::definition::yaml::{Resolved, quoted, resolve};

/// The quotes of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// None where it can do without.
    Plain,
    /// `'…'`.
    Single,
    /// `"…"`.
    Double,
}

/// Writes a scalar.
pub(super) fn scalar(value: &Value, quotes: Quotes) -> String {
    let Value::String(text) = value else {
        return value.to_string();
    };
    let is_printable = !text.chars().any(char::is_control);
    match quotes {
        Quotes::Single if is_printable => format!("'{}'", text.replace('\'', "''")),
        Quotes::Plain if is_plain(text) => text.clone(),
        _ => quoted(text),
    }
}

/// Tells whether a text is most likely read back as it is without quotes; what is written is read again in any case.
fn is_plain(text: &str) -> bool {
    let starts_well =
        text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '.' | '$' | '('));
    let is_one_word = |c: char| {
        !c.is_control()
            && !matches!(
                c,
                ',' | '[' | ']' | '{' | '}' | '"' | '\'' | '#' | '&' | '*'
            )
    };
    starts_well
        && !text.ends_with([' ', ':'])
        && text.chars().all(is_one_word)
        && !text.contains(": ")
        && resolve(text) == Resolved::Text
}

/// Writes a value on one line: maps as `{…}`, lists as `[…]`.
pub(super) fn flow(value: &Value, is_quoting: bool) -> String {
    let quotes = if is_quoting {
        Quotes::Double
    } else {
        Quotes::Plain
    };
    match value {
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| entry(key, &flow(value, is_quoting)));
            let entries: Vec<String> = entries.collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| flow(item, is_quoting)).collect();
            format!("[{}]", items.join(", "))
        }
        scalar => self::scalar(scalar, quotes),
    }
}

/// Writes a key with its value.
pub(super) fn entry(key: &str, value: &str) -> String {
    let key = scalar(&Value::from(key), Quotes::Plain);
    format!("{key}: {value}")
}

/// Writes a value as lines without indentation; deeper ones are indented by `step`.
pub(super) fn block(value: &Value, step: usize, is_quoting: bool) -> Vec<String> {
    let deeper = |lines: Vec<String>| {
        lines
            .into_iter()
            .map(move |line| format!("{:step$}{line}", ""))
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut lines = Vec::new();
            for (key, value) in map {
                match value {
                    Value::Object(_) | Value::Array(_) if is_long(value) => {
                        lines.push(entry(key, "").trim_end().to_owned());
                        lines.extend(deeper(block(value, step, is_quoting)));
                    }
                    value => lines.push(entry(key, &flow(value, is_quoting))),
                }
            }
            lines
        }
        Value::Array(items) if !items.is_empty() => {
            let line = |item: &Value| format!("- {}", flow(item, is_quoting));
            items.iter().map(line).collect()
        }
        value => vec![flow(value, is_quoting)],
    }
}

/// Most characters of a map or list on one line.
const MAX_FLOW: usize = 80;

/// Tells whether a map or list is too long for one line.
pub(super) fn is_long(value: &Value) -> bool {
    let is_filled = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    is_filled && flow(value, false).chars().count() > MAX_FLOW
}
