//! The metadata of an object, as far as it is used.

use jiff::Timestamp;
use serde::Deserialize;

use super::{clean, cleaned, or_default};
use crate::definition::naming;
use crate::service::managed::ManagedFields;
use crate::service::summary::{Deletion, InstanceKey};
use crate::service::watch::ItemKey;

/// `metadata` of an object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cluster) struct Meta {
    #[serde(deserialize_with = "cleaned")]
    pub name: String,
    pub namespace: String,
    #[serde(deserialize_with = "cleaned")]
    pub uid: String,
    pub resource_version: String,
    pub generation: i64,
    pub creation_timestamp: Option<Timestamp>,
    pub deletion_timestamp: Option<Timestamp>,
    #[serde(deserialize_with = "or_default")]
    pub finalizers: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub labels: Labels,
    #[serde(deserialize_with = "or_default")]
    pub annotations: Annotations,
    #[serde(deserialize_with = "or_default")]
    pub owner_references: Vec<Owner>,
    pub managed_fields: ManagedFields,
}

/// The labels that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct Labels {
    #[serde(rename = "app.kubernetes.io/managed-by")]
    managed_by: Option<String>,
    #[serde(rename = "app.kubernetes.io/instance")]
    instance: Option<String>,
    #[serde(rename = "app.kubernetes.io/name")]
    pub name: Option<String>,
    #[serde(rename = "applyset.kubernetes.io/part-of")]
    pub part_of: Option<String>,
    #[serde(rename = "applyset.kubernetes.io/id")]
    pub applyset_id: Option<String>,
    #[serde(rename = "pod-template-hash")]
    pub pod_template_hash: Option<String>,
    #[serde(rename = "controller-revision-hash")]
    pub controller_revision_hash: Option<String>,
}

/// The annotations that are used.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct Annotations {
    #[serde(rename = "k8s.io/initial-events-end")]
    pub initial_events_end: Option<String>,
    #[serde(rename = "applyset.kubernetes.io/contains-group-kinds")]
    pub kinds: Option<String>,
    #[serde(rename = "applyset.kubernetes.io/additional-namespaces")]
    pub namespaces: Option<String>,
    #[serde(rename = "bowline.dev/display-name")]
    pub display_name: Option<String>,
    #[serde(rename = "bowline.dev/expires")]
    pub expires: Option<String>,
    #[serde(rename = "bowline.dev/adopted")]
    pub adopted: Option<String>,
    #[serde(rename = "bowline.dev/protected")]
    pub protected: Option<String>,
    #[serde(rename = "bowline.dev/operation")]
    pub operation: Option<String>,
    #[serde(rename = "bowline.dev/revision")]
    pub revision: Option<String>,
    #[serde(rename = "bowline.dev/definition-sha256")]
    pub definition_hash: Option<String>,
    #[serde(rename = "bowline.dev/applied-fields")]
    pub applied: Option<String>,
}

/// An owner reference.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct Owner {
    kind: String,
    name: String,
    controller: bool,
}

impl Meta {
    /// Returns the instance that the labels name; none if it is not bowline's, or the labels are no legal names.
    pub fn instance(&self) -> Option<InstanceKey> {
        if self.labels.managed_by.as_deref() != Some(naming::MANAGED_BY) {
            return None;
        }
        Some(InstanceKey {
            namespace: self.namespace.parse().ok()?,
            id: self.labels.instance.as_deref()?.parse().ok()?,
        })
    }

    /// Returns what identifies the object among those of its kind.
    pub fn key(&self) -> Option<ItemKey> {
        Some(ItemKey {
            namespace: self.namespace.parse().ok()?,
            name: self.name.clone(),
        })
    }

    pub fn created(&self) -> Timestamp {
        self.creation_timestamp.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    pub fn deletion(&self) -> Option<Deletion> {
        let finalizers = self.finalizers.iter().cloned().map(clean);
        Some(Deletion {
            since: self.deletion_timestamp?,
            finalizers: finalizers.collect(),
        })
    }

    /// Returns the owner that controls the object, as `Kind/name`.
    pub fn controller(&self) -> Option<String> {
        let owner = self
            .owner_references
            .iter()
            .find(|owner| owner.controller)?;
        Some(clean(format!("{}/{}", owner.kind, owner.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in the derived decoders cannot be taken from constants; this holds the two together.
    #[test]
    fn decoded_names_are_those_that_are_written() {
        let meta = serde_json::json!({
            "name": "bowline-web",
            "namespace": "team-a",
            "labels": {
                naming::LABEL_MANAGED_BY: naming::MANAGED_BY,
                naming::LABEL_INSTANCE: "web",
                naming::LABEL_NAME: "n",
                naming::LABEL_PART_OF: "p",
                naming::LABEL_APPLYSET_ID: "a",
            },
            "annotations": {
                naming::ANNOTATION_APPLYSET_KINDS: "k",
                naming::ANNOTATION_APPLYSET_NAMESPACES: "s",
                naming::ANNOTATION_DISPLAY_NAME: "d",
                naming::ANNOTATION_EXPIRES: "e",
                naming::ANNOTATION_PROTECTED: "x",
                naming::ANNOTATION_OPERATION: "o",
                naming::ANNOTATION_REVISION: "r",
                naming::ANNOTATION_DEFINITION_HASH: "h",
                naming::ANNOTATION_APPLIED_FIELDS: "f",
            },
        });
        let meta: Meta = serde_json::from_value(meta).unwrap();
        assert_eq!(meta.instance().unwrap().to_string(), "team-a/web");
        let (labels, annotations) = (meta.labels, meta.annotations);
        let read = [
            labels.name,
            labels.part_of,
            labels.applyset_id,
            annotations.kinds,
            annotations.namespaces,
            annotations.display_name,
            annotations.expires,
            annotations.protected,
            annotations.operation,
            annotations.revision,
            annotations.definition_hash,
            annotations.applied,
        ];
        let read: Vec<_> = read.into_iter().map(Option::unwrap_or_default).collect();
        assert_eq!(read.concat(), "npaksdexorhf");
    }

    #[test]
    fn foreign_and_illegal_labels_name_no_instance() {
        for (managed_by, instance) in [
            ("Helm", "web"),
            ("bowline", "../web"),
            ("bowline", "web,env!=prod"),
            ("bowline", ""),
        ] {
            let meta = serde_json::json!({
                "namespace": "team-a",
                "labels": {naming::LABEL_MANAGED_BY: managed_by, naming::LABEL_INSTANCE: instance},
            });
            let meta: Meta = serde_json::from_value(meta).unwrap();
            assert_eq!(meta.instance(), None, "{managed_by} {instance}");
        }
    }
}
