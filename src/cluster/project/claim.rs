//! PersistentVolumeClaims as [`Claim`]s.

use serde::Deserialize;

use super::{Meta, Project, clean, clean_some, or_default};
use crate::cluster::kinds::Resource;
use crate::service::summary::Claim;

/// A PersistentVolumeClaim.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct ClaimObject {
    metadata: Meta,
    spec: Spec,
    #[serde(deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    access_modes: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    resources: Resources,
    storage_class_name: Option<String>,
    volume_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    #[serde(deserialize_with = "or_default")]
    requests: Storage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Storage {
    storage: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: String,
    #[serde(deserialize_with = "or_default")]
    capacity: Storage,
}

impl Project for ClaimObject {
    type Item = Claim;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_item(self, _: &Resource) -> Option<Claim> {
        let Self {
            metadata,
            spec,
            status,
        } = self;
        Some(Claim {
            instance: metadata.instance()?,
            created: metadata.created(),
            deletion: metadata.deletion(),
            name: metadata.name,
            uid: metadata.uid,
            phase: clean(status.phase),
            requested: clean_some(spec.resources.requests.storage).unwrap_or_default(),
            capacity: clean_some(status.capacity.storage),
            storage_class: clean_some(spec.storage_class_name),
            volume: clean_some(spec.volume_name),
            access_modes: spec
                .access_modes
                .iter()
                .map(|mode| short_mode(mode))
                .collect(),
        })
    }
}

fn short_mode(mode: &str) -> &'static str {
    match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        _ => "?",
    }
}
