//! Reading the environment of a container.

use std::collections::{BTreeSet, HashMap};

use super::grammar::{DATA_KEY, ENV_NAME, OBJECT_NAME};
use super::reader::{Fields, Keys, Reader, Value, shortened};
use super::suggest::nearest;
use crate::definition::diagnostic::Severity;
use crate::definition::service::{EnvValue, EnvVar, KeyRef};

const KEYS: Keys = &[&["name"], &["value"], &["fromSecret"], &["fromConfig"]];
const REF_KEYS: Keys = &[&["name"], &["key"]];

/// The keys of the service's own `secrets` and `config`; none where they are not known for certain.
#[derive(Default)]
pub(super) struct OwnKeys {
    pub(super) secrets: Option<BTreeSet<String>>,
    pub(super) config: Option<BTreeSet<String>>,
}

/// Reads `env`.
pub(super) fn env(reader: &mut Reader<'_>, value: Value, own: &OwnKeys) -> Vec<EnvVar> {
    let items = reader.items(
        value,
        "a list of variables, such as `- {name: MODE, value: \"x\"}`",
    );
    let mut line_of: HashMap<String, usize> = HashMap::new();
    let mut vars = Vec::new();
    for item in items.unwrap_or_default() {
        let Some(fields) = reader.mapping(
            item,
            KEYS,
            "a variable, such as `{name: MODE, value: \"x\"}`",
        ) else {
            continue;
        };
        let value = env_value(reader, &fields, own);
        let Some(name_value) = fields.get("name") else {
            reader.missing(item, "a variable", "name", ENV_NAME.allowed);
            continue;
        };
        let Some(name) = reader.ruled(name_value, &ENV_NAME) else {
            continue;
        };
        let line = reader.spot(name_value).span.start.line;
        if let Some(first) = line_of.insert(name.clone(), line) {
            reader.error(
                name_value,
                format!("the variable `{name}` was set already on line {first}; names must differ"),
            );
        }
        vars.extend(value.map(|value| EnvVar { name, value }));
    }
    vars
}

fn env_value(reader: &mut Reader<'_>, fields: &Fields, own: &OwnKeys) -> Option<EnvValue> {
    let sources = ["value", "fromSecret", "fromConfig"];
    let given: Vec<&str> = sources
        .into_iter()
        .filter(|key| fields.get(key).is_some())
        .collect();
    if let [first, second, ..] = given.as_slice() {
        let spot = reader.key_spot(fields.get(second).unwrap_or(fields.at));
        reader.error_at(
            &spot,
            format!("a variable has either `{first}` or `{second}`, not both"),
        );
        return None;
    }
    if let Some(value) = fields.get("fromSecret") {
        return from(
            reader,
            value,
            own.secrets.as_ref(),
            "secrets",
            EnvValue::OwnSecret,
            EnvValue::Secret,
        );
    }
    if let Some(value) = fields.get("fromConfig") {
        return from(
            reader,
            value,
            own.config.as_ref(),
            "config",
            EnvValue::OwnConfig,
            EnvValue::ConfigMap,
        );
    }
    match fields.get("value") {
        // As for the server, a variable without a value is empty.
        None => Some(EnvValue::Literal(String::new())),
        Some(value) if reader.is_null(value) => Some(EnvValue::Literal(String::new())),
        Some(value) => reader.text(value, "text").map(EnvValue::Literal),
    }
}

/// Reads a key of the service's own `secrets` or `config`, or `{name, key}` of an existing object.
fn from(
    reader: &mut Reader<'_>,
    value: Value,
    known: Option<&BTreeSet<String>>,
    section: &str,
    own: fn(String) -> EnvValue,
    existing: fn(KeyRef) -> EnvValue,
) -> Option<EnvValue> {
    if !reader.is_scalar(value) {
        return key_ref(reader, value, section).map(existing);
    }
    let key = reader.text(
        value,
        &format!("a key of `{section}`, or `{{name: OBJECT, key: KEY}}`"),
    )?;
    let Some(known) = known.filter(|known| !known.contains(&key)) else {
        return Some(own(key));
    };
    let shown = shortened(&key);
    let near = nearest(&key, known.iter().map(String::as_str));
    let message = if known.is_empty() {
        format!(
            "`{shown}` is no key of `{section}`; add it there, or write `{{name: OBJECT, key: {shown}}}` for an existing object"
        )
    } else {
        let allowed: Vec<_> = known.iter().take(10).map(String::as_str).collect();
        format!(
            "`{shown}` is no key of `{section}`; it has {}",
            allowed.join(", ")
        )
    };
    match near {
        Some(near) => reader.report_with(Severity::Error, value, message, near.to_owned()),
        None => reader.error(value, message),
    }
    None
}

fn key_ref(reader: &mut Reader<'_>, value: Value, section: &str) -> Option<KeyRef> {
    let wanted = format!("a key of `{section}`, or `{{name: OBJECT, key: KEY}}`");
    let fields = reader.mapping(value, REF_KEYS, &wanted)?;
    let mut part = |key, rule: &super::grammar::Rule| match fields.get(key) {
        Some(value) => reader.ruled(value, rule),
        None => {
            reader.missing(
                value,
                "a reference to an existing object",
                key,
                rule.allowed,
            );
            None
        }
    };
    let name = part("name", &OBJECT_NAME);
    let key = part("key", &DATA_KEY);
    Some(KeyRef {
        name: name?,
        key: key?,
    })
}
