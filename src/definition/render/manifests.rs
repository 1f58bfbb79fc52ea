//! Manifests under an ID: each object as it was written, with a namespace, the instance's labels, and in the right order.
//!
//! Only metadata is changed, and selectors where they select by the labels that every object of the instance bears: they
//! would select nothing otherwise.

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
    // NB: a stable sort, so that the order of the text decides among equals.
    objects.sort_by_key(|object| order::apply_rank(&object.key));
    Ok(Rendered { objects, warnings })
}

struct Renderer<'a> {
    context: &'a RenderContext,
    scopes: Scopes,
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
            labels.insert(key.to_owned(), json!(self.fixed(key)));
        }
    }

    fn fixed(&self, key: &str) -> &str {
        if key == naming::LABEL_MANAGED_BY {
            naming::MANAGED_BY
        } else {
            self.context.id.as_str()
        }
    }

    /// Pods, and jobs that are made on a schedule, are no members of the set; claims can never change their labels, so that
    /// they get only those that never change either.
    fn label_templates(&self, json: &mut Value, key: &ObjectKey) {
        let pointers: &[&str] = match (key.group.as_str(), key.kind.as_str()) {
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
            | ("batch", "Job")
            | ("", "ReplicationController") => &["/spec/template"],
            ("batch", "CronJob") => &["/spec/jobTemplate", "/spec/jobTemplate/spec/template"],
            _ => &[],
        };
        for pointer in pointers {
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
        let is_plain = matches!(key.kind.as_str(), "Service" | "ReplicationController");
        if is_plain && key.group.is_empty() {
            self.reselect_map(&mut json["spec"]["selector"]);
        }
        self.reselect_within(json);
    }

    fn reselect_within(&self, json: &mut Value) {
        match json {
            Value::Object(map) => {
                for (key, value) in map {
                    match key.as_str() {
                        "matchLabels" => self.reselect_map(value),
                        "matchExpressions" => self.reselect_expressions(value),
                        // What a person stores is theirs, whatever it looks like.
                        "data" | "annotations" => {}
                        _ => self.reselect_within(value),
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.reselect_within(item);
                }
            }
            _ => {}
        }
    }

    fn reselect_map(&self, selector: &mut Value) {
        for key in FIXED {
            if let Some(value) = selector.as_object_mut().and_then(|map| map.get_mut(key)) {
                *value = json!(self.fixed(key));
            }
        }
    }

    fn reselect_expressions(&self, expressions: &mut Value) {
        for expression in expressions.as_array_mut().into_iter().flatten() {
            let key = expression["key"].as_str().unwrap_or_default();
            let fixed = FIXED.into_iter().find(|fixed| *fixed == key);
            if let (Some(fixed), "In") =
                (fixed, expression["operator"].as_str().unwrap_or_default())
            {
                expression["values"] = json!([self.fixed(fixed)]);
            }
        }
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
