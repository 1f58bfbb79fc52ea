//! PersistentVolumeClaims as [`Claim`]s.

use serde::Deserialize;

use super::{Meta, Project, Quantity, clean, clean_some, or_default};
use crate::cluster::kinds::Resource;
use crate::service::summary::{Claim, Growth};

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
    storage: Option<Quantity>,
}

impl Storage {
    fn size(self) -> Option<String> {
        clean_some(self.storage.map(|it| it.0))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: String,
    #[serde(deserialize_with = "or_default")]
    capacity: Storage,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<Condition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    r#type: String,
    status: String,
    message: Option<String>,
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
            is_member: metadata.labels.part_of.is_some(),
            created: metadata.created(),
            deletion: metadata.deletion(),
            name: metadata.name,
            uid: metadata.uid,
            phase: clean(status.phase),
            requested: spec.resources.requests.size().unwrap_or_default(),
            capacity: status.capacity.size(),
            storage_class: clean_some(spec.storage_class_name),
            volume: clean_some(spec.volume_name),
            access_modes: spec
                .access_modes
                .iter()
                .map(|mode| short_mode(mode))
                .collect(),
            growth: growth(status.conditions),
        })
    }
}

/// Returns what tells most of a claim's growth: a failure first, then how far it is.
fn growth(conditions: Vec<Condition>) -> Option<Growth> {
    let holding = conditions.into_iter().filter(|it| it.status == "True");
    let told = holding.filter_map(|it| match it.r#type.as_str() {
        "ControllerResizeError" | "NodeResizeError" => {
            Some(Growth::Failed(clean_some(it.message).unwrap_or_default()))
        }
        "FileSystemResizePending" => Some(Growth::FileSystem),
        "Resizing" => Some(Growth::Volume),
        _ => None,
    });
    told.max_by_key(|growth| match growth {
        Growth::Volume => 0,
        Growth::FileSystem => 1,
        Growth::Failed(_) => 2,
    })
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
