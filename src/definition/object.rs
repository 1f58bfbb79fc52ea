//! A Kubernetes object as bowline handles it: a key that identifies it and the JSON that was written or read.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kind of claims.
pub const CLAIM: &str = "PersistentVolumeClaim";

/// A kind of object: API group (empty for the core group) and kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKind {
    /// API group, empty for the core group.
    pub group: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
}

impl GroupKind {
    /// Returns the kind of that group.
    pub fn new(group: &str, kind: &str) -> Self {
        Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
        }
    }

    /// Returns the kind of an object.
    pub fn of(key: &ObjectKey) -> Self {
        Self::new(&key.group, &key.kind)
    }
}

/// What identifies an object: API group, version, kind, namespace (none when cluster-scoped) and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectKey {
    /// API group, empty for the core group.
    pub group: String,
    /// API version without the group, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Namespace; none for a cluster-scoped object.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectKey {
    /// Returns the `apiVersion` of the object: `apps/v1`, or `v1` in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Shows kind and name beside what is in `namespace`: with its own where that is another one.
    pub fn seen_from(&self, namespace: &str) -> String {
        match &self.namespace {
            Some(own) if own != namespace => format!("{self} in {own}"),
            _ => self.to_string(),
        }
    }
}

/// Shows kind and name as kubectl does: `Deployment/web`.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// An object: its key and its whole JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// What identifies it.
    pub key: ObjectKey,
    /// The JSON document, `apiVersion`, `kind` and `metadata` included.
    pub json: Value,
}

impl Object {
    /// Reads the key out of a JSON document; none if `apiVersion`, `kind` or `metadata.name` is missing.
    pub fn from_json(json: Value) -> Option<Self> {
        let api_version = json.get("apiVersion")?.as_str()?;
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let metadata = json.get("metadata")?;
        let key = ObjectKey {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: json.get("kind")?.as_str()?.to_owned(),
            namespace: metadata
                .get("namespace")
                .and_then(Value::as_str)
                .map(str::to_owned),
            name: metadata.get("name")?.as_str()?.to_owned(),
        };
        Some(Self { key, json })
    }

    /// Returns `metadata.uid` of a live object.
    pub fn uid(&self) -> Option<&str> {
        self.json.pointer("/metadata/uid").and_then(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(namespace: Option<&str>, expected: &str) {
        let key = ObjectKey {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            namespace: namespace.map(str::to_owned),
            name: "m1".to_owned(),
        };
        assert_eq!(key.seen_from("team-a"), expected);
    }

    #[test]
    fn a_namespace_is_named_where_it_is_another_one() {
        check(Some("team-a"), "ConfigMap/m1");
        check(Some("team-b"), "ConfigMap/m1 in team-b");
        check(None, "ConfigMap/m1");
    }
}
