//! What every object must have, whatever its kind: apiVersion, kind, a name; and what none may have.

use serde_json::{Map, Value as Json};

use super::super::fault::Spot;
use super::super::grammar::is_dns_subdomain;
use super::super::metadata::refuse_owner_mark;
use super::super::reader::{Reader, Value, shortened};
use super::super::suggest::nearest;
use super::{Draft, values};
use crate::definition::id::is_dns_label;
use crate::definition::lists::{ItemKind, MAX_LISTS, is_list};
use crate::definition::manifest::Manifest;
use crate::definition::naming;
use crate::definition::object::Object;
use crate::definition::service::MAX_REPLICAS;

const MAX_LABEL: usize = 63;
/// Groups whose names may hold capitals and colons.
const FREE_NAMES: &str = "rbac.authorization.k8s.io";
/// What the server sets; texts that were read from one have them.
const OF_SERVER: [&str; 9] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
    "initializers",
];

/// Reads one document, or one item of a list.
pub(super) fn read(reader: &mut Reader<'_>, top: Value, document: usize, drafts: &mut Vec<Draft>) {
    read_at(reader, top, At { document, depth: 0 }, None, drafts);
}

/// Where an object stands.
#[derive(Clone, Copy)]
struct At {
    document: usize,
    /// In how many lists.
    depth: usize,
}

fn read_at(
    reader: &mut Reader<'_>,
    top: Value,
    place: At,
    list: Option<&ItemKind>,
    drafts: &mut Vec<Draft>,
) {
    if !reader.is_mapping(top) {
        if !reader.is_partial {
            let message = "an object must be a map with `apiVersion`, `kind` and `metadata`";
            reader.error(top, message.to_owned());
        }
        return;
    }
    let Some(pairs) = reader.pairs(top, "a map") else {
        return;
    };
    let find = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| *value)
    };
    let says_nothing = find("apiVersion").is_none() && find("kind").is_none();
    let of_list = list.filter(|_| says_nothing);
    let kind = match of_list {
        Some(of) => Some(of.kind.clone()),
        None => required_text(reader, top, &pairs, "kind", "such as `Deployment`"),
    };
    if let (Some(kind), Some(items)) = (&kind, find("items"))
        && is_list(kind)
    {
        if let Some(of) = kind_of_items(reader, find("apiVersion"), find("kind"), kind) {
            unfold(reader, items, place, of.as_ref(), drafts);
        }
        return;
    }
    let api_version = match of_list {
        Some(of) => Some(of.api_version.clone()),
        None => required_text(reader, top, &pairs, "apiVersion", "such as `apps/v1`"),
    };
    if let (Some(text), Some(at)) = (&api_version, find("apiVersion"))
        && !is_api_version(text)
    {
        refuse_api_version(reader, at, text);
        return;
    }
    if let (Some(text), Some(at)) = (&kind, find("kind"))
        && !is_kind(text)
    {
        refuse_kind(reader, at, text);
        return;
    }
    let named = metadata(reader, top, find("metadata"), api_version.as_deref());
    let mut json = Map::new();
    if let Some(of) = of_list {
        json.insert("apiVersion".to_owned(), of.api_version.clone().into());
        json.insert("kind".to_owned(), of.kind.clone().into());
    }
    for (key, value) in &pairs {
        let value = values::json(reader, *value);
        json.insert(key.clone(), value);
    }
    let (Some(_), Some(_), Some(namespace)) = (api_version, kind, named) else {
        return;
    };
    let mut json = Json::Object(json);
    drop_what_the_server_sets(reader, find("metadata"), find("status"), &mut json);
    let Some(object) = Object::from_json(json) else {
        return;
    };
    refuse_secret_values(reader, &object, find);
    warn_of_replicas(reader, &object, find("spec"));
    let at = reader.spot(top);
    drafts.push(Draft {
        manifest: Manifest {
            object,
            document: place.document,
            span: at.span.clone(),
        },
        at,
        namespace,
    });
}

fn unfold(
    reader: &mut Reader<'_>,
    items: Value,
    place: At,
    of: Option<&ItemKind>,
    drafts: &mut Vec<Draft>,
) {
    if place.depth >= MAX_LISTS {
        reader.error(items, "lists of objects are nested too deeply".to_owned());
        return;
    }
    let inside = At {
        depth: place.depth + 1,
        ..place
    };
    for item in reader.items(items, "a list of objects").unwrap_or_default() {
        read_at(reader, item, inside, of, drafts);
    }
}

/// Returns what a list says of items that do not say it themselves, if anything; nothing where what it says is illegal, which
/// is reported where it stands and not once for each item.
fn kind_of_items(
    reader: &mut Reader<'_>,
    api_version: Option<Value>,
    kind_at: Option<Value>,
    kind: &str,
) -> Option<Option<ItemKind>> {
    let version = api_version.and_then(|at| reader.written_text(at));
    let Some(of) = ItemKind::of(version, kind) else {
        return Some(None);
    };
    if let Some(at) = api_version.filter(|_| !is_api_version(&of.api_version)) {
        refuse_api_version(reader, at, &of.api_version);
        return None;
    }
    if let Some(at) = kind_at.filter(|_| !is_kind(&of.kind)) {
        refuse_kind(reader, at, kind);
        return None;
    }
    Some(Some(of))
}

fn refuse_api_version(reader: &mut Reader<'_>, at: Value, text: &str) {
    let message = format!(
        "`apiVersion` cannot be `{}`; allowed is a version such as `v1`, or a group and a version such as `apps/v1`",
        shortened(text)
    );
    reader.error(at, message);
}

fn refuse_kind(reader: &mut Reader<'_>, at: Value, text: &str) {
    let message = format!(
        "`kind` cannot be `{}`; allowed are letters and digits, such as `Deployment`",
        shortened(text)
    );
    reader.error(at, message);
}

/// Reads a text that every object has; a missing one is reported with the key that was probably meant.
fn required_text(
    reader: &mut Reader<'_>,
    top: Value,
    pairs: &[(String, Value)],
    key: &str,
    allowed: &str,
) -> Option<String> {
    if let Some((_, value)) = pairs.iter().find(|(name, _)| name == key) {
        return reader.plain_text(*value, allowed);
    }
    let names = pairs.iter().map(|(name, _)| name.as_str());
    match nearest(key, names) {
        Some(near) => {
            let (_, value) = pairs.iter().find(|(name, _)| name == near)?;
            let near = near.to_owned();
            reader.misspelt_key(*value, &near, key);
        }
        None => reader.missing(top, "an object", key, allowed),
    }
    None
}

/// Checks `metadata`; returns where the namespace stands, or nothing if the object has no usable name.
fn metadata(
    reader: &mut Reader<'_>,
    top: Value,
    metadata: Option<Value>,
    api_version: Option<&str>,
) -> Option<Option<Spot>> {
    let Some(metadata) = metadata else {
        reader.missing(top, "an object", "metadata", "at least `{name: web}`");
        return None;
    };
    let pairs = reader.quiet_pairs(metadata)?;
    let find = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| *value)
    };
    if let Some(at) = find("generateName") {
        let message = "`generateName` makes another object with every apply; give it a `name`";
        reader.error(at, message.to_owned());
        return None;
    }
    if let Some(at) = find("ownerReferences") {
        let message = "`ownerReferences` are not allowed: objects belong to their instance";
        reader.error(at, message.to_owned());
    }
    labels(reader, find("labels"));
    annotations(reader, find("annotations"));
    let namespace = match find("namespace").filter(|value| !reader.is_null(*value)) {
        Some(at) => {
            let text = reader.plain_text(at, "the name of a namespace")?;
            if !is_dns_label(&text, MAX_LABEL) {
                let allowed = "lower-case letters, digits and hyphens, at most 63";
                let message = reader.refusal(at, &text, allowed);
                reader.error(at, message);
                return None;
            }
            Some(reader.spot(at))
        }
        None => None,
    };
    let Some(at) = find("name") else {
        reader.missing(metadata, "`metadata`", "name", "such as `web`");
        return None;
    };
    let name = reader.plain_text(at, "a name such as `web`")?;
    let is_free = api_version.is_some_and(|text| text.split('/').next() == Some(FREE_NAMES));
    if !(is_dns_subdomain(&name) || is_free && is_path_segment(&name)) {
        let allowed = "lower-case letters, digits, hyphens and dots, at most 253";
        let message = reader.refusal(at, &name, allowed);
        reader.error(at, message);
        return None;
    }
    Some(namespace)
}

fn labels(reader: &mut Reader<'_>, labels: Option<Value>) {
    let Some(labels) = labels.filter(|labels| !reader.is_null(*labels)) else {
        return;
    };
    for (key, value) in reader.quiet_pairs(labels).unwrap_or_default() {
        let is_sets = key == naming::LABEL_PART_OF || key == naming::LABEL_APPLYSET_ID;
        if is_sets {
            let message =
                format!("the label `{key}` says which set an object is in: bowline sets it");
            reader.error(value, message);
        } else if !is_owner_mark(reader, &key, value) && !reader.is_null(value) {
            reader.plain_text(value, "text");
        }
    }
}

/// Refuses the mark of another deployer where it stands; tells whether it is one.
fn is_owner_mark(reader: &mut Reader<'_>, key: &str, value: Value) -> bool {
    let spot = reader.key_spot(value);
    refuse_owner_mark(reader, key, &spot)
}

fn annotations(reader: &mut Reader<'_>, annotations: Option<Value>) {
    let Some(annotations) = annotations.filter(|it| !reader.is_null(*it)) else {
        return;
    };
    for (key, value) in reader.quiet_pairs(annotations).unwrap_or_default() {
        let is_own = key.starts_with(naming::ANNOTATION_PREFIX);
        if is_own && key != naming::ANNOTATION_PROTECTED {
            let message = format!(
                "`{}` is bowline's own; of its annotations only `{}` may be set",
                shortened(&key),
                naming::ANNOTATION_PROTECTED
            );
            reader.error(value, message);
        } else if !is_owner_mark(reader, &key, value) && !reader.is_null(value) {
            reader.plain_text(value, "text");
        }
    }
}

/// Leaves out what only a server sets, so that an object that was read from one can be applied.
fn drop_what_the_server_sets(
    reader: &mut Reader<'_>,
    metadata: Option<Value>,
    status: Option<Value>,
    json: &mut Json,
) {
    let mut dropped = Vec::new();
    if let Some(map) = json["metadata"].as_object_mut() {
        for key in OF_SERVER {
            if map.remove(key).is_some_and(|value| !value.is_null()) {
                dropped.push(key);
            }
        }
        if let Some(annotations) = map.get_mut("annotations").and_then(Json::as_object_mut)
            && annotations.remove(naming::LAST_APPLIED).is_some()
        {
            dropped.push(naming::LAST_APPLIED);
        }
    }
    if let (Some(at), false) = (metadata, dropped.is_empty()) {
        let message = format!(
            "{} {} the server's and left out here",
            dropped.join(", "),
            if dropped.len() == 1 { "is" } else { "are" }
        );
        reader.warn(at, message);
    }
    let removed = json.as_object_mut().and_then(|map| map.remove("status"));
    let says_something = removed.is_some_and(|status| !status.is_null());
    if let (Some(at), true) = (status, says_something) {
        reader.warn(at, "`status` is the server's and left out here".to_owned());
    }
}

/// A definition is kept as text, in the cluster and on this machine: a value in it would be no secret.
fn refuse_secret_values(
    reader: &mut Reader<'_>,
    object: &Object,
    find: impl Fn(&str) -> Option<Value>,
) {
    if object.key.kind != "Secret" || !object.key.group.is_empty() {
        return;
    }
    let annotations = find("metadata").and_then(|it| reader.child(it, "annotations"));
    if let Some(at) = annotations.and_then(|it| reader.child(it, naming::LAST_APPLIED)) {
        let spot = reader.key_spot(at);
        let message = "it holds the values that `kubectl apply` wrote last, and the values of a Secret never stand in a \
                       definition, which is kept as text: leave it out";
        reader.error_at(&spot, message.to_owned());
    }
    for key in ["data", "stringData"] {
        let at = find(key);
        let holds_any = object.json[key]
            .as_object()
            .is_some_and(|map| !map.is_empty());
        if let (Some(at), true) = (at, holds_any) {
            let message = "the values of a Secret never stand in a definition, which is kept as text: leave them out (those that \
                           are in the cluster stay), and set them with `kubectl create secret` or a service definition's `secrets`";
            reader.error(at, message.to_owned());
        }
    }
}

/// Warns of more replicas than a service definition may want: what is deployed with them cannot be scaled to that number.
fn warn_of_replicas(reader: &mut Reader<'_>, object: &Object, spec: Option<Value>) {
    let replicas = object.json["spec"]["replicas"].as_u64();
    let is_many = replicas.is_some_and(|it| it > MAX_REPLICAS.into());
    if let Some(at) = spec.and_then(|spec| reader.child(spec, "replicas"))
        && object.key.group == "apps"
        && is_many
    {
        let message = format!("more than {MAX_REPLICAS} replicas: `scale` sets no more than that");
        reader.warn(at, message);
    }
}

fn is_api_version(text: &str) -> bool {
    let (group, version) = text.split_once('/').unwrap_or(("", text));
    let is_group = group.is_empty() && !text.contains('/') || is_dns_subdomain(group);
    is_group && is_dns_label(version, MAX_LABEL)
}

fn is_kind(text: &str) -> bool {
    text.len() <= MAX_LABEL
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Tells whether a name can stand in a URL's path: what the server asks of names of roles.
fn is_path_segment(name: &str) -> bool {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'_');
    !matches!(name, "" | "." | "..") && name.len() <= 253 && name.bytes().all(is_legal)
}
