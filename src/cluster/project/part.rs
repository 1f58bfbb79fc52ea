//! Objects of any other kind that an instance is made of: their rows, with how each is doing as far as it says so itself.

use serde::Deserialize;
use serde_json::Value;

use super::Meta;
use crate::cluster::kinds::Resource;
use crate::definition::object::ObjectKey;
use crate::service::standing::{Told, standing};
use crate::service::summary::{InstanceKey, ObjectRow, Standing};

/// An object of any kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct PartObject {
    pub metadata: Meta,
    spec: Value,
    status: Value,
}

impl PartObject {
    /// Returns its row, if it is a member of the set.
    pub fn into_row(
        self,
        resource: &Resource,
        instance: &InstanceKey,
        set: &str,
    ) -> Option<ObjectRow> {
        let metadata = &self.metadata;
        let is_member = metadata.labels.part_of.as_deref() == Some(set);
        let is_here = metadata.namespace == instance.namespace.as_str();
        // What is in no namespace may be another instance's of the same ID.
        if !is_member && !is_here {
            return None;
        }
        Some(ObjectRow {
            key: ObjectKey {
                group: resource.group.to_string(),
                version: resource.version.to_string(),
                kind: resource.kind.to_string(),
                namespace: Some(metadata.namespace.clone()).filter(|it| !it.is_empty()),
                name: metadata.name.clone(),
            },
            instance: instance.clone(),
            uid: metadata.uid.clone(),
            created: metadata.created(),
            deletion: metadata.deletion(),
            set: metadata.labels.part_of.clone(),
            owner: metadata.controller(),
            has_foreign: metadata.managed_fields.has_foreign(&instance.id),
            standing: Some(self.standing(resource)),
        })
    }

    /// An object that says nothing is there, and that is all.
    fn standing(&self, resource: &Resource) -> Standing {
        let told = Told {
            group: &resource.group,
            kind: &resource.kind,
            generation: self.metadata.generation,
            spec: &self.spec,
            status: &self.status,
        };
        standing(&told).unwrap_or_else(Standing::ready)
    }
}
