//! Reading `secrets` and `pullSecret`. A value that stands in the text is refused, and never repeated in a sentence.

use std::collections::BTreeMap;

use super::grammar::{ENV_NAME, NON_EMPTY, OBJECT_NAME, REGISTRY};
use super::metadata::data_key;
use super::reader::{Keys, Reader, Value};
use crate::definition::service::{PullSecret, SecretSource};

const SOURCE_KEYS: Keys = &[&["env"], &["file"], &["prompt"]];
const PULL_KEYS: Keys = &[&["registry"], &["username"], &["password"]];
const SOURCE: &str = "one of `{env: NAME}`, `{file: ./path}` and `{prompt: \"Question\"}`";

/// Reads `secrets`.
pub(super) fn secrets(reader: &mut Reader<'_>, value: Value) -> BTreeMap<String, SecretSource> {
    let mut secrets = BTreeMap::new();
    let wanted = "a map from the secret's keys to where their values come from";
    for (key, child) in reader.pairs(value, wanted).unwrap_or_default() {
        data_key(reader, &key, child);
        if let Some(source) = source(reader, child) {
            secrets.insert(key, source);
        }
    }
    secrets
}

fn source(reader: &mut Reader<'_>, value: Value) -> Option<SecretSource> {
    if reader.is_scalar(value) && !reader.is_null(value) {
        let name = reader.name(value);
        reader.error(
            value,
            format!("the value of `{name}` must not stand in a definition; give {SOURCE}"),
        );
        return None;
    }
    let fields = reader.mapping(value, SOURCE_KEYS, SOURCE)?;
    let given: Vec<Value> = SOURCE_KEYS
        .iter()
        .filter_map(|group| fields.get(group[0]))
        .collect();
    if given.len() != 1 {
        let name = reader.name(value);
        if !given.is_empty() || !reader.is_partial {
            reader.error(value, format!("`{name}` must be exactly {SOURCE}"));
        }
        return None;
    }
    if let Some(env) = fields.get("env") {
        return reader.ruled(env, &ENV_NAME).map(SecretSource::Env);
    }
    if let Some(file) = fields.get("file") {
        return reader.ruled(file, &NON_EMPTY).map(SecretSource::File);
    }
    let prompt = fields.get("prompt")?;
    reader.ruled(prompt, &NON_EMPTY).map(SecretSource::Prompt)
}

/// Reads `pullSecret`: the name of an existing Secret, or credentials.
pub(super) fn pull_secret(reader: &mut Reader<'_>, value: Value) -> Option<PullSecret> {
    if reader.is_scalar(value) {
        return reader.ruled(value, &OBJECT_NAME).map(PullSecret::Existing);
    }
    let wanted =
        "the name of an existing Secret, or `{registry: …, username: …, password: {env: NAME}}`";
    let fields = reader.mapping(value, PULL_KEYS, wanted)?;
    for (key, allowed) in [
        ("registry", REGISTRY.allowed),
        ("username", "the user's name"),
        ("password", SOURCE),
    ] {
        if fields.get(key).is_none() {
            reader.missing(value, "a pull secret", key, allowed);
        }
    }
    let registry = fields
        .get("registry")
        .and_then(|v| reader.ruled(v, &REGISTRY));
    let username = fields
        .get("username")
        .and_then(|v| reader.ruled(v, &NON_EMPTY));
    let password = fields.get("password").and_then(|v| source(reader, v));
    Some(PullSecret::Credentials {
        registry: registry?,
        username: username?,
        password: password?,
    })
}
