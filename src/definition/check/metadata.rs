//! Reading labels, annotations and other maps of texts.

use std::collections::BTreeMap;

use super::fault::Spot;
use super::grammar::{DATA_KEY, LABEL_VALUE, Rule, is_data_key, is_qualified_name};
use super::reader::{Reader, Value, shortened};
use crate::definition::naming;

/// Most bytes of all annotations of an object.
const MAX_ANNOTATION_BYTES: usize = 262_144;
/// Most bytes of all data of a `ConfigMap`.
const MAX_CONFIG_MAP_BYTES: usize = 1_048_576;
const QUALIFIED_NAME: &str =
    "`name` or `domain/name`, of letters, digits, `-`, `_` and `.`, the name at most 63 characters";

/// Reads labels: legal keys and values, none of those that bowline sets itself.
pub(super) fn labels(reader: &mut Reader<'_>, value: Value) -> BTreeMap<String, String> {
    let read = |reader: &mut Reader<'_>, value| reader.ruled(value, &LABEL_VALUE);
    text_map(reader, value, "a map of labels", read)
}

/// Reads annotations: legal keys, any text.
pub(super) fn annotations(reader: &mut Reader<'_>, value: Value) -> BTreeMap<String, String> {
    let read = |reader: &mut Reader<'_>, value| reader.text(value, "text");
    let annotations = text_map(reader, value, "a map of annotations", read);
    let n_bytes: usize = annotations
        .iter()
        .map(|(key, text)| key.len() + text.len())
        .sum();
    if n_bytes > MAX_ANNOTATION_BYTES {
        reader.error(
            value,
            format!("annotations have {n_bytes} bytes together, at most {MAX_ANNOTATION_BYTES} are allowed"),
        );
    }
    annotations
}

fn text_map(
    reader: &mut Reader<'_>,
    value: Value,
    wanted: &str,
    read: impl Fn(&mut Reader<'_>, Value) -> Option<String>,
) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for (key, child) in reader.pairs(value, wanted).unwrap_or_default() {
        let spot = reader.key_spot(child);
        if !is_qualified_name(&key) {
            reader.error_at(
                &spot,
                format!(
                    "the key `{}` is not allowed; write {QUALIFIED_NAME}",
                    shortened(&key)
                ),
            );
        } else if is_reserved(&key) {
            reader.error_at(
                &spot,
                format!("`{key}` is set by bowline itself; use a key of your own"),
            );
        } else {
            refuse_owner_mark(reader, &key, &spot);
        }
        if let Some(text) = read(reader, child) {
            map.insert(key, text);
        }
    }
    map
}

/// What another deployer marked as its own is refused by the next deploy, and left by a teardown: it must not be made. Tells
/// whether the key is such a mark.
pub(super) fn refuse_owner_mark(reader: &mut Reader<'_>, key: &str, at: &Spot) -> bool {
    let mark = naming::OWNER_MARKS.iter().find(|(mark, _)| *mark == key);
    if let Some((_, owner)) = mark {
        let message = format!("`{key}` says that the object belongs to a {owner}; leave it out");
        reader.error_at(at, message);
    }
    mark.is_some()
}

fn is_reserved(key: &str) -> bool {
    let own = [
        naming::LABEL_MANAGED_BY,
        naming::LABEL_INSTANCE,
        naming::LABEL_NAME,
    ];
    own.contains(&key)
        || key.starts_with(naming::ANNOTATION_PREFIX)
        || key.starts_with("applyset.kubernetes.io/")
        || key == naming::LAST_APPLIED
}

/// Reads the data of a `ConfigMap`: `config`, or the files of a volume.
pub(super) fn config_data(
    reader: &mut Reader<'_>,
    value: Value,
    wanted: &str,
) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for (key, child) in reader.pairs(value, wanted).unwrap_or_default() {
        data_key(reader, &key, child);
        if let Some(text) = reader.text(child, "text; put numbers and words such as `no` in quotes")
        {
            map.insert(key, text);
        }
    }
    let n_bytes: usize = map.iter().map(|(key, text)| key.len() + text.len()).sum();
    if n_bytes > MAX_CONFIG_MAP_BYTES {
        let name = reader.name(value);
        reader.error(
            value,
            format!("`{name}` has {n_bytes} bytes, at most {MAX_CONFIG_MAP_BYTES} are allowed in a ConfigMap"),
        );
    }
    map
}

/// Reports a key that no `ConfigMap` or Secret can have.
pub(super) fn data_key(reader: &mut Reader<'_>, key: &str, child: Value) {
    if !is_data_key(key) {
        let Rule { allowed, .. } = DATA_KEY;
        let spot = reader.key_spot(child);
        reader.error_at(
            &spot,
            format!(
                "the key `{}` is not allowed; allowed are {allowed}",
                shortened(key)
            ),
        );
    }
}
