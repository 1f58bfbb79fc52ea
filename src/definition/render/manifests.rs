//! Manifests under an ID: each object as it was written, with a namespace, the instance's labels, and in the right order.
//!
//! Only metadata is changed, and selectors where they select what the set itself makes by labels that every object of the
//! instance bears: they would select nothing otherwise. What selects the objects of others stays as it is.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{RenderContext, Rendered};
use crate::definition::check::{cluster_scoped, other_namespace};
use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::definition::manifest::{Manifest, ManifestSet, Scopes};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::definition::order;

/// Labels that every object bears, whatever its manifest says.
const FIXED: [&str; 2] = [naming::LABEL_MANAGED_BY, naming::LABEL_INSTANCE];

/// Groups whose kinds select pods.
const SELECT_PODS: [&str; 5] = ["", "apps", "batch", "networking.k8s.io", "policy"];

/// Renders manifests.
pub(super) fn render(
    set: &ManifestSet,
    context: &RenderContext,
) -> Result<Rendered, Vec<Diagnostic>> {
    let renderer = Renderer {
        context,
        scopes: Scopes::built_in()
            .with(set.defined_kinds())
            .with(context.scopes.clone()),
        borne: Borne::of(set),
    };
    let mut faults = Vec::new();
    let mut objects = Vec::with_capacity(set.manifests.len());
    let mut warnings = Vec::new();
    for manifest in &set.manifests {
        match renderer.object(manifest, &mut warnings) {
            Ok(object) => objects.push(object),
            Err(fault) => faults.push(*fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let repeated = repeated(set, &objects);
    if !repeated.is_empty() {
        return Err(repeated);
    }
    // NB: a stable sort, so that the order of the text decides among equals.
    objects.sort_by_key(|object| order::apply_rank(&object.key));
    Ok(Rendered { objects, warnings })
}

/// Returns a fault for each object that stands in a text twice, now that the namespace of each is known: where one of them
/// names it and the other does not, only that tells.
fn repeated(set: &ManifestSet, objects: &[Object]) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    let pairs = set.manifests.iter().zip(objects);
    let again = pairs.filter(|(_, object)| {
        let ObjectKey {
            namespace, name, ..
        } = &object.key;
        !seen.insert((GroupKind::of(&object.key), namespace, name))
    });
    let told = again.map(|(manifest, object)| {
        let ObjectKey { kind, name, .. } = &object.key;
        let place = object.key.namespace.as_ref();
        let place = place.map_or_else(String::new, |it| format!(" of namespace {it}"));
        *fault(
            manifest,
            format!("{kind}/{name}{place} stands in this text a second time"),
        )
    });
    told.collect()
}

struct Renderer<'a> {
    context: &'a RenderContext,
    scopes: Scopes,
    borne: Borne<'a>,
}

/// The values that what a set makes bears of each label that is fixed for it: what selects one of these selects what the set
/// makes.
struct Borne<'a> {
    /// Of pods.
    pods: [HashSet<&'a str>; 2],
    /// Of anything, pods too.
    all: [HashSet<&'a str>; 2],
}

impl<'a> Borne<'a> {
    fn of(set: &'a ManifestSet) -> Self {
        let (mut pods, mut all) = (Vec::new(), Vec::new());
        for object in set.manifests.iter().map(|it| &it.object) {
            let own = object.json.pointer("/metadata/labels");
            let of_pods = templates(&object.key).iter();
            let of_pods =
                of_pods.filter_map(|at| object.json.pointer(&format!("{at}/metadata/labels")));
            pods.extend(of_pods);
            pods.extend(own.filter(|_| GroupKind::of(&object.key) == GroupKind::new("", "Pod")));
            all.extend(own);
        }
        all.extend(&pods);
        Self {
            pods: values(&pods),
            all: values(&all),
        }
    }

    /// Returns what the selectors of a kind are about: those of Kubernetes' own kinds select pods, but for those of volumes.
    fn by(&self, key: &ObjectKey) -> &[HashSet<&'a str>; 2] {
        let selects_pods =
            SELECT_PODS.contains(&key.group.as_str()) && key.kind != "PersistentVolumeClaim";
        match selects_pods {
            true => &self.pods,
            false => &self.all,
        }
    }
}

/// Returns the values of each fixed label.
fn values<'a>(labels: &[&'a Value]) -> [HashSet<&'a str>; 2] {
    FIXED.map(|key| {
        let values = labels.iter().filter_map(|labels| labels[key].as_str());
        values.collect()
    })
}

/// Returns where the templates of pods, and of what makes pods, are in an object.
fn templates(key: &ObjectKey) -> &'static [&'static str] {
    match (key.group.as_str(), key.kind.as_str()) {
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job")
        | ("", "ReplicationController") => &["/spec/template"],
        ("batch", "CronJob") => &["/spec/jobTemplate", "/spec/jobTemplate/spec/template"],
        _ => &[],
    }
}

impl Renderer<'_> {
    fn object(
        &self,
        manifest: &Manifest,
        warnings: &mut Vec<String>,
    ) -> Result<Object, Box<Diagnostic>> {
        let mut json = manifest.object.json.clone();
        let key = &manifest.object.key;
        match self.namespace(manifest, warnings)? {
            Some(namespace) => json["metadata"]["namespace"] = json!(namespace),
            None => drop(
                json["metadata"]
                    .as_object_mut()
                    .and_then(|metadata| metadata.remove("namespace")),
            ),
        }
        self.reselect(&mut json, key);
        self.label(&mut json["metadata"], true);
        self.label_templates(&mut json, key);
        Ok(Object::from_json(json).expect("it is an object with a few more labels"))
    }

    /// Returns the namespace that an object goes to; none for one that is in no namespace.
    fn namespace(
        &self,
        manifest: &Manifest,
        warnings: &mut Vec<String>,
    ) -> Result<Option<String>, Box<Diagnostic>> {
        let key = &manifest.object.key;
        let policy = &self.context.policy;
        let own = &self.context.namespace;
        let is_namespaced = self.scopes.is_namespaced(&GroupKind::of(key));
        if is_namespaced == Some(false) {
            if policy.allow_cluster_scoped {
                return Ok(None);
            }
            return Err(fault(manifest, cluster_scoped(key)));
        }
        if is_namespaced.is_none() {
            let warning = format!(
                "only a cluster knows whether {} objects are in namespaces: {own} stands where none is given",
                key.kind
            );
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        match &key.namespace {
            None => Ok(Some(own.to_string())),
            Some(namespace) if policy.allows_namespace(own, namespace) => {
                Ok(Some(namespace.clone()))
            }
            Some(namespace) => Err(fault(manifest, other_namespace(key, namespace, own))),
        }
    }

    /// Adds the labels of the instance. A name that a manifest gives itself stays: its own selectors tell by it.
    fn label(&self, metadata: &mut Value, is_member: bool) {
        let labels = labels_of(metadata);
        labels
            .entry(naming::LABEL_NAME)
            .or_insert_with(|| json!(self.context.definition_name.as_str()));
        self.fix(labels);
        if is_member {
            let set = naming::instance_applyset_id(&self.context.id, &self.context.namespace);
            labels.insert(naming::LABEL_PART_OF.to_owned(), json!(set));
        }
    }

    fn fix(&self, labels: &mut Map<String, Value>) {
        for key in FIXED {
            labels.insert(key.to_owned(), json!(fixed(key, self.context.id.as_str())));
        }
    }

    /// Pods, and jobs that are made on a schedule, are no members of the set; claims can never change their labels, so that
    /// they get only those that never change either.
    fn label_templates(&self, json: &mut Value, key: &ObjectKey) {
        for pointer in templates(key) {
            if let Some(template) = json.pointer_mut(pointer).filter(|it| it.is_object()) {
                self.label(&mut template["metadata"], false);
            }
        }
        if key.kind != "StatefulSet" {
            return;
        }
        let claims = json.pointer_mut("/spec/volumeClaimTemplates");
        let claims = claims.and_then(Value::as_array_mut).into_iter().flatten();
        for claim in claims.filter(|claim| claim.is_object()) {
            self.fix(labels_of(&mut claim["metadata"]));
        }
    }

    /// Lets selectors find what they found before the fixed labels were set.
    fn reselect(&self, json: &mut Value, key: &ObjectKey) {
        let reselecting = Reselecting {
            id: self.context.id.as_str(),
            borne: self.borne.by(key),
        };
        let is_plain = matches!(key.kind.as_str(), "Service" | "ReplicationController");
        if is_plain
            && key.group.is_empty()
            && let Some(selector) = json.pointer_mut("/spec/selector")
        {
            reselecting.map(selector);
        }
        reselecting.within(json);
    }
}

/// The selectors of one object.
struct Reselecting<'a> {
    id: &'a str,
    borne: &'a [HashSet<&'a str>; 2],
}

impl Reselecting<'_> {
    fn within(&self, json: &mut Value) {
        match json {
            Value::Object(map) => {
                for (key, value) in map {
                    match key.as_str() {
                        "matchLabels" => self.map(value),
                        "matchExpressions" => self.expressions(value),
                        // What a person stores is theirs, whatever it looks like.
                        "data" | "annotations" => {}
                        _ => self.within(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.within(item)),
            _ => {}
        }
    }

    fn map(&self, selector: &mut Value) {
        for (at, key) in FIXED.into_iter().enumerate() {
            let value = selector.as_object_mut().and_then(|map| map.get_mut(key));
            if let Some(value) = value {
                self.value(at, value);
            }
        }
    }

    fn expressions(&self, expressions: &mut Value) {
        for expression in expressions.as_array_mut().into_iter().flatten() {
            let key = expression["key"].as_str().unwrap_or_default();
            let Some(at) = FIXED.iter().position(|fixed| *fixed == key) else {
                continue;
            };
            let values = expression.get_mut("values").and_then(Value::as_array_mut);
            if let Some(values) = values {
                values.iter_mut().for_each(|it| self.value(at, it));
                values.dedup();
            }
        }
    }

    /// Changes a value of the fixed label at a place, where the set bears it.
    fn value(&self, at: usize, value: &mut Value) {
        let is_borne = value.as_str().is_some_and(|it| self.borne[at].contains(it));
        if is_borne {
            *value = json!(fixed(FIXED[at], self.id));
        }
    }
}

/// Returns the value of a fixed label in an instance.
fn fixed<'a>(key: &str, id: &'a str) -> &'a str {
    match key == naming::LABEL_MANAGED_BY {
        true => naming::MANAGED_BY,
        false => id,
    }
}

/// Returns the labels of some metadata, made where there are none.
fn labels_of(metadata: &mut Value) -> &mut Map<String, Value> {
    if !metadata.is_object() {
        *metadata = json!({});
    }
    let labels = &mut metadata["labels"];
    if !labels.is_object() {
        *labels = json!({});
    }
    labels.as_object_mut().expect("it was just made one")
}

fn fault(manifest: &Manifest, message: String) -> Box<Diagnostic> {
    Box::new(Diagnostic {
        severity: Severity::Error,
        path: String::new(),
        span: manifest.span.clone(),
        message,
        fix: None,
    })
}
