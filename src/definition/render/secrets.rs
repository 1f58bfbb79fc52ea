//! Secrets: only what the caller composed, whose values this renderer never reads itself.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::metadata::Renderer;
use crate::definition::naming;
use crate::definition::object::Object;
use crate::secret::SecretValue;

/// A Secret to be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretContent {
    /// Its name.
    pub name: String,
    /// Its `type`.
    pub kind: &'static str,
    /// Its `data`, not encoded.
    pub data: BTreeMap<String, SecretValue>,
    /// How often its values have changed, where pods must be replaced for it.
    pub revision: Option<u32>,
    /// The version of the live Secret from which values were taken over; none if none were.
    pub version: Option<String>,
}

impl Renderer<'_> {
    pub(super) fn secrets(&self) -> Vec<Object> {
        self.context
            .secrets
            .iter()
            .map(|s| self.secret(s))
            .collect()
    }

    fn secret(&self, secret: &SecretContent) -> Object {
        let data: BTreeMap<&String, String> = secret
            .data
            .iter()
            .map(|(key, value)| (key, STANDARD.encode(value.expose())))
            .collect();
        let revision = secret.revision.map(|number| {
            let name = naming::ANNOTATION_SECRET_REVISION.to_owned();
            (name, number.to_string())
        });
        let body = json!({"type": secret.kind, "data": data});
        let annotations = revision.into_iter().collect();
        let mut object = self.object_annotated("v1", "Secret", &secret.name, body, annotations);
        if let Some(version) = &secret.version {
            object.json["metadata"]["resourceVersion"] = json!(version);
        }
        object
    }

    /// Returns what changes in pods when a value changes: environment is read only when a pod starts. A count says nothing of
    /// the values, as a digest of a short one would.
    pub(super) fn secret_revision(&self) -> Option<u32> {
        self.context
            .secrets
            .iter()
            .find_map(|secret| secret.revision)
    }
}
