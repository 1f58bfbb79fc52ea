//! Checking single values: their type, with what YAML makes of them explained, and what the schema allows of them.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use regex::{Regex, RegexBuilder};
use serde_json::Value as Json;

use super::Walker;
use crate::definition::check::reader::{Reader, Scalar, Value, shortened};
use crate::definition::check::resources;
use crate::definition::check::suggest::nearest;
use crate::definition::diagnostic::Severity;
use crate::definition::yaml::{Resolved, Style, resolve};
use crate::schema::node::Node;
use crate::schema::view::Schema;

/// Largest compiled pattern, in bytes: it comes from a cluster.
const MAX_PATTERN: usize = 256 * 1024;

impl Walker {
    pub(super) fn text(&mut self, reader: &mut Reader<'_>, value: Value, schema: Schema<'_>) {
        let wanted = super::wanted(schema);
        let text = if self.is_hushed {
            self.secret_text(reader, value, &wanted)
        } else {
            reader.text(value, &wanted)
        };
        let Some(text) = text else {
            return;
        };
        if schema.node().format.as_deref() == Some("byte") {
            self.base64(reader, value, &text);
            return;
        }
        if !allows(reader, value, &text, schema) {
            return;
        }
        self.length(reader, value, &text, schema.node());
        self.pattern(reader, value, &text, schema.node());
    }

    /// Reads text whose value must not stand in a sentence.
    fn secret_text(&self, reader: &mut Reader<'_>, value: Value, wanted: &str) -> Option<String> {
        let scalar = reader.scalar(value, wanted)?;
        match scalar.resolved {
            Resolved::Text => Some(scalar.text),
            _ if scalar.is_substituted => Some(scalar.text),
            Resolved::Null => Some(String::new()),
            other => {
                let message = format!(
                    "`{}` must be text, but YAML reads it as {}; put it in quotes",
                    reader.name(value),
                    other.noun()
                );
                reader.error(value, message);
                None
            }
        }
    }

    fn base64(&self, reader: &mut Reader<'_>, value: Value, text: &str) {
        // As the server reads it: line breaks do not count.
        let text: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
        if BASE64_STANDARD.decode(&text).is_err() {
            let hint = match self.is_secret_object {
                true => "; plain text goes under `stringData`",
                false => "",
            };
            let message = format!("`{}` must be base64{hint}", reader.name(value));
            reader.error(value, message);
        }
    }

    fn length(&self, reader: &mut Reader<'_>, value: Value, text: &str, node: &Node) {
        let n_chars = text.chars().count() as u64;
        let message = match (node.min_length, node.max_length) {
            (Some(1), _) if n_chars == 0 => "must not be empty".to_owned(),
            (Some(min), _) if n_chars < min => {
                format!("has {n_chars} characters, at least {min} are needed")
            }
            (_, Some(max)) if n_chars > max => {
                format!("has {n_chars} characters, at most {max} are allowed")
            }
            _ => return,
        };
        let name = reader.name(value);
        reader.error(value, format!("`{name}` {message}"));
    }

    fn pattern(&mut self, reader: &mut Reader<'_>, value: Value, text: &str, node: &Node) {
        let Some(pattern) = &node.pattern else {
            return;
        };
        let compiled = self.patterns.entry(pattern.clone());
        let compiled = compiled.or_insert_with(|| compile(pattern));
        if compiled.as_ref().is_some_and(|regex| !regex.is_match(text)) {
            let allowed = format!("what matches {}", shortened(pattern));
            let message = if self.is_hushed {
                format!(
                    "`{}` does not match {}",
                    reader.name(value),
                    shortened(pattern)
                )
            } else {
                reader.refusal(value, text, &allowed)
            };
            reader.error(value, message);
        }
    }

    pub(super) fn integer(&mut self, reader: &mut Reader<'_>, value: Value, schema: Schema<'_>) {
        let node = schema.node();
        let wanted = whole_number(node);
        let Some(scalar) = reader.scalar(value, &wanted) else {
            return;
        };
        let Some(number) = whole(&scalar) else {
            reader.not_an_integer(value, &scalar, &wanted);
            return;
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "bounds are small, and rounding is monotonic"
        )]
        let is_in_range = in_range(number as f64, node);
        let fits = node.format.as_deref() != Some("int32") || i32::try_from(number).is_ok();
        if !is_in_range || !fits {
            let message = format!("`{}` must be {wanted}, not {number}", reader.name(value));
            reader.error(value, message);
            return;
        }
        let is_meant = scalar.is_substituted || number.to_string() == scalar.text;
        // File modes are written in octal everywhere, and mean it.
        let is_mode = reader.name(value).to_ascii_lowercase().ends_with("mode");
        if !is_meant && !is_mode {
            let message = format!(
                "YAML reads `{}` as the number {number}; write {number}",
                shortened(&scalar.text)
            );
            reader.report_with(Severity::Warning, value, message, number.to_string());
        }
    }

    pub(super) fn number(&mut self, reader: &mut Reader<'_>, value: Value, schema: Schema<'_>) {
        let Some(scalar) = reader.scalar(value, "a number") else {
            return;
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "bounds are small, and rounding is monotonic"
        )]
        let number = match scalar.resolved {
            Resolved::Int(number) => number as f64,
            Resolved::Float(number) => number,
            _ => return reader.not_an_integer(value, &scalar, "a number"),
        };
        if !in_range(number, schema.node()) {
            let message = format!(
                "`{}` must be a number{}, not {}",
                reader.name(value),
                range(schema.node()),
                shortened(&scalar.text)
            );
            reader.error(value, message);
        }
    }

    pub(super) fn int_or_text(
        &mut self,
        reader: &mut Reader<'_>,
        value: Value,
        schema: Schema<'_>,
    ) {
        let wanted = "a whole number or text";
        let Some(scalar) = reader.scalar(value, wanted) else {
            return;
        };
        let is_quoted_number = scalar.style == Style::Quoted
            && !scalar.is_substituted
            && matches!(resolve(&scalar.text), Resolved::Int(_));
        match scalar.resolved {
            Resolved::Int(_) => {}
            // A quantity, in the way custom kinds write it: their pattern has the last word.
            _ if schema.node().pattern.is_some() => {
                self.pattern(reader, value, &scalar.text, schema.node());
            }
            Resolved::Text if is_quoted_number => {
                let message = format!(
                    "`{}` is text here because of the quotes, and a number is meant; write {}",
                    reader.name(value),
                    scalar.text
                );
                reader.report_with(Severity::Warning, value, message, scalar.text);
            }
            Resolved::Text => {}
            Resolved::Null | Resolved::Bool(_) | Resolved::Float(_) => {
                reader.wrong_type(value, wanted);
            }
        }
    }

    pub(super) fn quantity(&mut self, reader: &mut Reader<'_>, value: Value) {
        resources::quantity(reader, value);
    }
}

/// Tells whether a text is one of those that are allowed, and reports it if not.
fn allows(reader: &mut Reader<'_>, value: Value, text: &str, schema: Schema<'_>) -> bool {
    let allowed = schema.allowed();
    let is_default = text.is_empty() && schema.default().is_some();
    if allowed.is_empty() || is_default || allowed.iter().any(|one| one == text) {
        return true;
    }
    let words = words(allowed);
    let message = format!(
        "`{}` cannot be `{}`; allowed are {}",
        reader.name(value),
        shortened(text),
        words.join(", ")
    );
    match nearest(text, words.iter().map(String::as_str)) {
        Some(near) => reader.report_with(Severity::Error, value, message, near.to_owned()),
        None => reader.error(value, message),
    }
    false
}

/// Writes allowed values as they stand in YAML.
pub(in crate::schema) fn words(allowed: &[Json]) -> Vec<String> {
    let word = |value: &Json| match value {
        Json::String(text) if text.is_empty() => "\"\"".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    allowed.iter().map(word).collect()
}

/// Says which whole numbers are allowed.
pub(super) fn whole_number(node: &Node) -> String {
    format!("a whole number{}", range(node))
}

fn range(node: &Node) -> String {
    match (node.minimum, node.maximum) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(", at least {min}"),
        (None, Some(max)) => format!(", at most {max}"),
        (None, None) => String::new(),
    }
}

fn in_range(number: f64, node: &Node) -> bool {
    let is_large = node.minimum.is_none_or(|min| match node.exclusive_minimum {
        true => number > min,
        false => number >= min,
    });
    let is_small = node.maximum.is_none_or(|max| match node.exclusive_maximum {
        true => number < max,
        false => number <= max,
    });
    is_large && is_small
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "only whole floats of small size are converted"
)]
fn whole(scalar: &Scalar) -> Option<i64> {
    match scalar.resolved {
        Resolved::Int(number) => Some(number),
        Resolved::Float(float) if float.fract() == 0.0 && float.abs() < 1e15 => Some(float as i64),
        _ => None,
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    let regex = RegexBuilder::new(pattern).size_limit(MAX_PATTERN).build();
    regex.ok()
}
