//! Values to YAML text, for people and for `-o yaml`.

use serde_json::Value;

/// Writes one value as a YAML document, without a leading `---`. Keys stand in the order of the value.
pub fn to_yaml(value: &Value) -> String {
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
