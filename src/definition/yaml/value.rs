//! Text to JSON values, with the dialect that kubectl reads and with budgets against hostile text.

use serde_json::{Number, Value};
use serde_yaml::options::DuplicateKeyPolicy;

/// Most bytes of a text that is read at all.
pub const MAX_TEXT_BYTES: usize = 4 << 20;
/// Most documents in one text.
pub const MAX_DOCUMENTS: usize = 200;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 128;

/// Why a text cannot be read as values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is larger than bowline reads.
    #[error("reading YAML: the text has {0} bytes, at most {MAX_TEXT_BYTES} are allowed")]
    TooLarge(usize),
    /// It is no YAML, or goes over a budget.
    #[error("reading YAML: {0}")]
    Syntax(String),
}

/// Reads every document of a text; empty documents are left out. Numbers, booleans and octals are read as kubectl reads
/// them, and whole floats (`1e3`) become integers as kubectl sends them.
pub fn documents(text: &str) -> Result<Vec<Value>, ReadError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(ReadError::TooLarge(text.len()));
    }
    let values: Vec<Value> = serde_yaml::from_multiple_with_options(text, options())
        .map_err(|error| ReadError::Syntax(error.to_string()))?;
    let values = values.into_iter().filter(|value| !value.is_null());
    let values: Vec<Value> = values.map(with_whole_numbers).collect();
    match values.len() {
        ..=MAX_DOCUMENTS => Ok(values),
        n => Err(ReadError::Syntax(format!(
            "it has {n} documents, at most {MAX_DOCUMENTS} are allowed"
        ))),
    }
}

fn options() -> serde_yaml::Options {
    let mut options = serde_yaml::Options::default();
    options.legacy_octal_numbers = true;
    options.emit_comments = false; // Else a hundred comment lines in a row are refused.
    options.duplicate_keys = DuplicateKeyPolicy::Error;
    if let Some(budget) = options.budget.as_mut() {
        budget.max_depth = MAX_DEPTH;
        // Those that hold nothing do not count; they only have to end somewhere.
        budget.max_documents = 10 * MAX_DOCUMENTS;
        budget.max_total_scalar_bytes = 16 << 20;
    }
    options
}

/// Turns `8.0` into `8`: a Kubernetes server refuses a fraction where it wants an integer.
fn with_whole_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(number)),
        Value::Array(items) => items.into_iter().map(with_whole_numbers).collect(),
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| (key, with_whole_numbers(value)))
                .collect(),
        ),
        other => other,
    }
}

fn whole(number: Number) -> Number {
    /// Beyond this a float no longer tells neighbouring integers apart.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= EXACT =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole and within the exact range"
            )]
            Number::from(float as i64)
        }
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_read_as_kubectl_reads_them() {
        let check = |text: &str, expected: &[Value]| {
            assert_eq!(documents(text).as_deref(), Ok(expected), "{text}")
        };
        check("mode: 0644\n", &[json!({"mode": 420})]);
        check(
            "a: 1e3\nb: 08\nc: 1.5\n",
            &[json!({"a": 1000, "b": 8, "c": 1.5})],
        );
        check("a: yes\nb: \"yes\"\n", &[json!({"a": true, "b": "yes"})]);
        check("---\n# nothing\n---\na: 1\n---\n", &[json!({"a": 1})]);
        let most = "--- a\n".repeat(MAX_DOCUMENTS) + "---\n# nothing\n---\n";
        check(&most, &vec![json!("a"); MAX_DOCUMENTS]);
        check(
            &format!("{}a: 1\n", "# comment\n".repeat(500)),
            &[json!({"a": 1})],
        );
    }

    #[test]
    fn hostile_text_is_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let aliases = vec![format!("*a{}", i - 1); 9].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
        }
        let texts = [
            bomb,
            "[".repeat(100_000),
            "--- a\n".repeat(MAX_DOCUMENTS + 1),
            "---\n".repeat(20 * MAX_DOCUMENTS),
            "a: 1\na: 2\n".to_owned(),
            "x".repeat(MAX_TEXT_BYTES + 1),
            format!(
                "s: &s {}\nl: [{}]\n",
                "x".repeat(100_000),
                vec!["*s"; 20_000].join(", ")
            ),
        ];
        for text in texts {
            let shown: String = text.chars().take(40).collect();
            assert!(documents(&text).is_err(), "{shown} was accepted");
        }
    }
}
