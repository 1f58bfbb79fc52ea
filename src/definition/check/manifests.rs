//! Checking manifests: Kubernetes objects of any kind, as one or many documents.
//!
//! What every object must have is looked at here, with its place; what a kind makes of the rest is its schema's.

mod object;
mod values;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::json;

use super::Scene;
use super::fault::Spot;
use super::reader::{Reader, Value, shortened};
use crate::definition::id::Namespace;
use crate::definition::manifest::{Manifest, ManifestSet, Scopes, defined_kind};
use crate::definition::object::{GroupKind, ObjectKey};
use crate::schema::Document;

/// An object with the places that may have to be named once all are read.
struct Draft {
    manifest: Manifest,
    at: Spot,
    /// Where its namespace stands, if it names one.
    namespace: Option<Spot>,
}

/// Tells whether the documents of a text are Kubernetes objects.
pub(super) fn are_meant(reader: &Reader<'_>, tops: &[(usize, Value)]) -> bool {
    let is_service = tops
        .first()
        .is_some_and(|(_, top)| reader.has_key(*top, "containers"));
    let is_object = |(_, top): &(usize, Value)| {
        reader.has_key(*top, "kind") || reader.has_key(*top, "apiVersion")
    };
    !is_service && tops.iter().any(is_object)
}

/// Reads the documents of a text; those that are empty count, but are not among `tops`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    tops: &[(usize, Value)],
    scene: &Scene<'_>,
) -> Option<ManifestSet> {
    reader.scope.is_verbatim = true;
    refuse_parameters(reader, tops, scene);
    let mut drafts = Vec::new();
    for (document, top) in tops {
        object::read(reader, *top, *document, &mut drafts);
    }
    if drafts.is_empty() {
        // An object that has faults is no reason to say that there is none.
        let is_silent = reader.is_partial || !reader.faults.is_empty();
        if let (Some((_, top)), false) = (tops.first(), is_silent) {
            reader.error(*top, "there is no object in this text".to_owned());
        }
        return None;
    }
    refuse_repeated(reader, &drafts);
    let manifests = drafts.iter().map(|draft| draft.manifest.clone()).collect();
    let set = ManifestSet::new(manifests);
    refuse_scopes(reader, &drafts, &set, scene);
    Some(set)
}

/// Returns the schemas of the kinds that a text brings itself, where they can be read.
pub(super) fn schemas_of(set: Option<&ManifestSet>) -> Option<Document> {
    let definitions = set.into_iter().flat_map(|set| &set.manifests);
    let mut schemas = serde_json::Map::new();
    for definition in definitions.map(|manifest| &manifest.object) {
        let Some((kind, _)) = defined_kind(definition) else {
            continue;
        };
        let versions = definition.json["spec"]["versions"].as_array();
        for version in versions.into_iter().flatten() {
            let mut schema = version["schema"]["openAPIV3Schema"].clone();
            let (Some(name), true) = (version["name"].as_str(), schema.is_object()) else {
                continue;
            };
            // What every object has stands in no schema of a definition. A half-typed one may hold anything.
            if schema["properties"].is_null() {
                schema["properties"] = json!({});
            }
            let Some(properties) = schema["properties"].as_object_mut() else {
                continue;
            };
            for field in ["apiVersion", "kind", "metadata"] {
                properties.insert(field.to_owned(), json!({}));
            }
            schema["x-kubernetes-group-version-kind"] =
                json!([{"group": kind.group, "version": name, "kind": kind.kind}]);
            schemas.insert(format!("{}/{name} {}", kind.group, kind.kind), schema);
        }
    }
    let document = json!({"components": {"schemas": schemas}}).to_string();
    Document::from_open_api(document.as_bytes()).ok()
}

/// Nothing is substituted in manifests, so that a parameter would silently do nothing.
fn refuse_parameters(reader: &mut Reader<'_>, tops: &[(usize, Value)], scene: &Scene<'_>) {
    let (Some((_, top)), Some(name)) = (tops.first(), scene.context.parameters.keys().next())
    else {
        return;
    };
    let message = format!(
        "the parameter `{}` was set, but manifests have no parameters: nothing is substituted in them",
        shortened(name)
    );
    reader.error(*top, message);
}

fn refuse_repeated(reader: &mut Reader<'_>, drafts: &[Draft]) {
    let mut seen: HashMap<(GroupKind, Option<&str>, &str), &Draft> = HashMap::new();
    for draft in drafts {
        let key = &draft.manifest.object.key;
        let identity = (
            GroupKind::of(key),
            key.namespace.as_deref(),
            key.name.as_str(),
        );
        match seen.get(&identity) {
            Some(first) => {
                let message = format!(
                    "{} stands here a second time; it is on line {} already",
                    shown(key),
                    first.at.span.start.line
                );
                reader.error_at(&draft.at, message);
            }
            None => drop(seen.insert(identity, draft)),
        }
    }
}

/// Refuses what is not the instance's own to touch, as far as it is known without a cluster.
fn refuse_scopes(reader: &mut Reader<'_>, drafts: &[Draft], set: &ManifestSet, scene: &Scene<'_>) {
    let scopes = Scopes::built_in().with(set.defined_kinds());
    let policy = &scene.context.policy;
    let session = scene.namespace.or(scene.context.namespace.as_ref());
    let own: Option<Namespace> = set.namespace().or_else(|| session.cloned());
    for draft in drafts {
        let key = &draft.manifest.object.key;
        let is_namespaced = scopes.is_namespaced(&GroupKind::of(key));
        if is_namespaced == Some(false) {
            if !policy.allow_cluster_scoped {
                reader.error_at(&draft.at, cluster_scoped(key));
            }
            continue;
        }
        let (Some(namespace), Some(at), Some(own)) = (&key.namespace, &draft.namespace, &own)
        else {
            continue;
        };
        if !policy.allows_namespace(own, namespace) {
            reader.error_at(at, other_namespace(key, namespace, own));
        }
    }
}

/// Says why an object that is in no namespace is refused.
pub(in crate::definition) fn cluster_scoped(key: &ObjectKey) -> String {
    format!(
        "{} is in no namespace; such objects need `allow_cluster_scoped = true` under [policy] in the configuration",
        shown(key)
    )
}

/// Says why an object of another namespace is refused.
pub(in crate::definition) fn other_namespace(
    key: &ObjectKey,
    namespace: &str,
    own: &Namespace,
) -> String {
    format!(
        "{} is for namespace {}, and the instance is in {own}; others need `allow_namespaces` under [policy] in the \
         configuration",
        shown(key),
        shortened(namespace)
    )
}

fn shown(key: &ObjectKey) -> String {
    shortened(&key.to_string())
}
