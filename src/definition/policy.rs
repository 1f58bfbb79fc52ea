//! What manifests may touch beside their own namespace: plain settings, so that checking and rendering can refuse.

use serde::{Deserialize, Serialize};

use super::id::Namespace;

/// `[policy]`: what manifests may touch beside their own namespace. Nothing, unless it says so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether objects that are in no namespace may be made, changed and deleted.
    pub allow_cluster_scoped: bool,
    /// Namespaces in which objects may be made beside the instance's own.
    pub allow_namespaces: Vec<Namespace>,
}

impl Policy {
    /// Tells whether an instance of the namespace `own` may hold objects in `namespace`.
    pub fn allows_namespace(&self, own: &Namespace, namespace: &str) -> bool {
        let mut allowed = std::iter::once(own).chain(&self.allow_namespaces);
        allowed.any(|allowed| allowed.as_str() == namespace)
    }
}
