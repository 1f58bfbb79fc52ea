//! Values to YAML text, for people and for `-o yaml`.

use std::iter;

use serde_json::{Map, Value};

use super::scalar::quoted;
use crate::text;

/// Writes one value as a YAML document, without a leading `---`. Keys stand in the order of the value. What a reader would not
/// see, or a terminal would obey, stands as an escape in double quotes: the same value comes back.
pub fn to_yaml(value: &Value) -> String {
    let yaml = written(value);
    if !is_hidden(&yaml) {
        return yaml;
    }
    // NB: the encoder escapes control characters alone, so another word stands in for such a text until all is written.
    let mut word = "hidden".to_owned();
    while yaml.contains(&word) {
        word.push('-');
    }
    let mut hidden = Vec::new();
    let mut yaml = written(&without_hidden(value, &word, &mut hidden));
    for (n, text) in hidden.iter().enumerate() {
        yaml = yaml.replace(&stand_in(&word, n), &escaped(text));
    }
    yaml
}

fn stand_in(word: &str, n: usize) -> String {
    format!("{word}{n}.")
}

/// Returns a value with a word in the place of each text that is not what it looks like; those go to `hidden`.
fn without_hidden(value: &Value, word: &str, hidden: &mut Vec<String>) -> Value {
    match value {
        Value::String(text) => Value::String(seen(text, word, hidden)),
        Value::Array(items) => {
            let items = items.iter();
            Value::Array(items.map(|it| without_hidden(it, word, hidden)).collect())
        }
        Value::Object(fields) => {
            let mut map = Map::new();
            for (key, item) in fields {
                let key = seen(key, word, hidden);
                map.insert(key, without_hidden(item, word, hidden));
            }
            Value::Object(map)
        }
        other => other.clone(),
    }
}

fn seen(text: &str, word: &str, hidden: &mut Vec<String>) -> String {
    if !is_hidden(text) {
        return text.to_owned();
    }
    hidden.push(text.to_owned());
    stand_in(word, hidden.len() - 1)
}

/// Tells whether a text has characters that nobody sees. Line ends and tabs are seen.
fn is_hidden(text: &str) -> bool {
    let mut pieces = text.split(['\n', '\r', '\t']);
    pieces.any(|piece| text::clean(piece) != piece)
}

fn escaped(text: &str) -> String {
    let escape = |c: char| match (text::mark_for(c), u32::from(c)) {
        (None, _) => iter::once(c).collect::<String>(),
        (Some(_), code @ ..=0xffff) => format!("\\u{code:04x}"),
        (Some(_), code) => format!("\\U{code:08x}"),
    };
    quoted(text).chars().map(escape).collect()
}

fn written(value: &Value) -> String {
    // A long text stays on its line: folding an image's name over several would only puzzle.
    let options = serde_yaml::ser_options! { folded_wrap_chars: usize::MAX };
    let mut text = serde_yaml::to_string_with_options(value, options)
        .expect("a JSON value can always be written as YAML");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Writes several values as documents separated by `---`.
pub fn to_yaml_documents<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let texts: Vec<String> = values.into_iter().map(to_yaml).collect();
    texts.join("---\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::definition::yaml::documents;

    #[test]
    fn what_nobody_sees_is_escaped_and_comes_back() {
        let check = |value: Value, expected: &str| {
            let yaml = to_yaml(&value);
            assert_eq!(yaml, expected);
            assert_eq!(documents(&yaml).unwrap(), [value]);
        };
        check(
            json!({"a": "x\u{202e}y\u{e0041}", "hidden0.": "b"}),
            "a: \"x\\u202ey\\U000e0041\"\nhidden0.: b\n",
        );
        check(
            json!({"\u{200e}k": ["z\u{9b}"]}),
            "\"\\u200ek\":\n- \"z\\u009b\"\n",
        );
        let lines = json!({"conf": "one ❤️\n\ttwo\n"});
        check(lines, "conf: |\n  one ❤️\n  \ttwo\n");
    }
}
