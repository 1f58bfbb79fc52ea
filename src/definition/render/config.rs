//! `ConfigMaps`: the definition's `config`, and the files of volumes.

use std::collections::BTreeMap;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::metadata::Renderer;
use crate::definition::naming;
use crate::definition::object::Object;
use crate::definition::service::VolumeSource;

impl Renderer<'_> {
    pub(super) fn config_maps(&self) -> Vec<Object> {
        let data = self.config_data();
        data.into_iter()
            .map(|(name, data)| self.object("v1", "ConfigMap", &name, json!({"data": data})))
            .collect()
    }

    /// The name and data of each `ConfigMap`, in order.
    fn config_data(&self) -> Vec<(String, &BTreeMap<String, String>)> {
        let id = &self.context.id;
        let mut all = Vec::new();
        if !self.definition.config.is_empty() {
            all.push((naming::config(id), &self.definition.config));
        }
        for volume in &self.definition.volumes {
            if let VolumeSource::Files(files) = &volume.source {
                all.push((naming::files(id, &volume.name), files));
            }
        }
        all
    }

    /// A digest of all that pods read from `ConfigMaps`: environment is read only when a pod starts, so pods must be
    /// replaced when it changes.
    pub(super) fn config_checksum(&self) -> Option<String> {
        let data = self.config_data();
        if data.is_empty() {
            return None;
        }
        let text = serde_json::to_vec(&data).expect("maps of texts can always be written as JSON");
        let digest = Sha256::digest(text);
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
