//! Reading the metadata of live objects: labels, annotations, owners, managers. Pure.

use serde_json::Value;

use crate::definition::object::{Object, ObjectKey};

/// The metadata of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metadata<'a>(&'a Value);

/// An entry of `ownerReferences`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnerReference {
    pub kind: String,
    pub name: String,
    pub uid: String,
    /// Whether it is the controller that made the object.
    pub is_controller: bool,
}

impl<'a> Metadata<'a> {
    pub fn of(object: &'a Object) -> Self {
        Self(&object.json["metadata"])
    }

    pub fn label(self, key: &str) -> Option<&'a str> {
        self.0["labels"][key].as_str()
    }

    pub fn annotation(self, key: &str) -> Option<&'a str> {
        self.0["annotations"][key].as_str()
    }

    pub fn uid(self) -> &'a str {
        self.0["uid"].as_str().unwrap_or_default()
    }

    pub fn resource_version(self) -> &'a str {
        self.0["resourceVersion"].as_str().unwrap_or_default()
    }

    pub fn is_being_deleted(self) -> bool {
        self.0["deletionTimestamp"].is_string()
    }

    /// Returns the finalizers that hold it; the garbage collector's own only order its work.
    pub fn holding_finalizers(self) -> Vec<&'a str> {
        let all = self.0["finalizers"].as_array().into_iter().flatten();
        all.filter_map(Value::as_str)
            .filter(|finalizer| !matches!(*finalizer, "foregroundDeletion" | "orphan"))
            .collect()
    }

    pub fn owners(self) -> Vec<OwnerReference> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = self.0["ownerReferences"].as_array().into_iter().flatten();
        all.map(|owner| OwnerReference {
            kind: text(&owner["kind"]),
            name: text(&owner["name"]),
            uid: text(&owner["uid"]),
            is_controller: owner["controller"] == true,
        })
        .collect()
    }

    /// Tells whether a field manager owns any of its fields.
    pub fn has_manager(self, manager: &str) -> bool {
        let entries = self.0["managedFields"].as_array().into_iter().flatten();
        entries
            .filter_map(|entry| entry["manager"].as_str())
            .any(|name| name == manager)
    }
}

/// Returns the key of a core object that is in no namespace.
pub(super) fn cluster_key(kind: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}

/// Returns the key of a core object of a namespace.
pub(super) fn core_key(kind: &str, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
    }
}
