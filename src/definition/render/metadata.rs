//! What every object of an instance carries: name, namespace, labels, annotations.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::RenderContext;
use crate::definition::naming;
use crate::definition::object::Object;
use crate::definition::service::ServiceDefinition;

/// Renders one definition under one context.
pub(super) struct Renderer<'a> {
    pub(super) definition: &'a ServiceDefinition,
    pub(super) context: &'a RenderContext,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(definition: &'a ServiceDefinition, context: &'a RenderContext) -> Self {
        Self {
            definition,
            context,
        }
    }

    /// Makes an object of the set. `body` holds what stands beside `metadata`.
    pub(super) fn object(&self, api_version: &str, kind: &str, name: &str, body: Value) -> Object {
        self.object_annotated(api_version, kind, name, body, BTreeMap::new())
    }

    /// Makes an object of the set with annotations beyond the definition's.
    pub(super) fn object_annotated(
        &self,
        api_version: &str,
        kind: &str,
        name: &str,
        body: Value,
        more: BTreeMap<String, String>,
    ) -> Object {
        let mut annotations = self.definition.annotations.clone();
        annotations.extend(more);
        let mut metadata = json!({
            "name": name,
            "namespace": self.context.namespace.as_str(),
            "labels": self.labels(),
        });
        if !annotations.is_empty() {
            metadata["annotations"] = json!(annotations);
        }
        let mut json = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata});
        if let (Value::Object(json), Value::Object(body)) = (&mut json, body) {
            json.extend(body);
        }
        Object::from_json(json).expect("apiVersion, kind and name were just written")
    }

    /// The labels of every object of the set.
    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.template_labels();
        let set = naming::instance_applyset_id(&self.context.id, &self.context.namespace);
        labels.insert(naming::LABEL_PART_OF.to_owned(), set);
        labels
    }

    /// The labels of pod templates: never `part-of`, for pods are no members of the set.
    pub(super) fn template_labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.definition.labels.clone();
        labels.extend(self.selector());
        labels.insert(
            naming::LABEL_NAME.to_owned(),
            self.context.definition_name.to_string(),
        );
        labels
    }

    /// The labels by which pods are selected, and the only ones of claim templates: they can never change.
    pub(super) fn selector(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (
                naming::LABEL_MANAGED_BY.to_owned(),
                naming::MANAGED_BY.to_owned(),
            ),
            (
                naming::LABEL_INSTANCE.to_owned(),
                self.context.id.to_string(),
            ),
        ])
    }
}
