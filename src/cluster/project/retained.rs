//! PersistentVolumes as [`RetainedVolume`]s. There are few: they are read whole.

use serde::Deserialize;
use serde_json::Value;

use super::{Meta, Project};
use crate::cluster::kinds::Resource;
use crate::service::retained::RetainedVolume;

/// A PersistentVolume that bears our labels.
#[derive(Debug, Deserialize)]
#[serde(from = "Value")]
pub(in crate::cluster) struct RetainedObject {
    metadata: Meta,
    volume: Option<RetainedVolume>,
}

impl From<Value> for RetainedObject {
    fn from(json: Value) -> Self {
        let volume = RetainedVolume::of(&json);
        let mut metadata = Meta::deserialize(&json["metadata"]).unwrap_or_default();
        // It is in no namespace; what it is told apart by is where it is from.
        if let Some(volume) = &volume {
            metadata.namespace = volume.instance.namespace.to_string();
        }
        Self { metadata, volume }
    }
}

impl Project for RetainedObject {
    type Item = RetainedVolume;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_item(self, _: &Resource) -> Option<RetainedVolume> {
        self.volume
    }
}
