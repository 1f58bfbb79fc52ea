//! The kinds that bowline reads and writes, with what a URL needs to know of each.

use crate::failure::{Failure, FailureKind};

/// What a URL needs to know of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resource {
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub is_namespaced: bool,
}

impl Resource {
    /// Returns the path of the collection: all of a namespace, or of the whole cluster.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() {
            "/api".to_owned()
        } else {
            format!("/apis/{}", self.group)
        };
        match namespace.filter(|_| self.is_namespaced) {
            Some(namespace) => format!(
                "{root}/{}/namespaces/{namespace}/{}",
                self.version, self.plural
            ),
            None => format!("{root}/{}/{}", self.version, self.plural),
        }
    }
}

const fn namespaced(group: &'static str, kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        group,
        version: "v1",
        kind,
        plural,
        is_namespaced: true,
    }
}

const fn cluster_scoped(group: &'static str, kind: &'static str, plural: &'static str) -> Resource {
    Resource {
        group,
        version: "v1",
        kind,
        plural,
        is_namespaced: false,
    }
}

/// All are served as v1 by every supported server, so that no discovery is needed before the first row.
const RESOURCES: [Resource; 17] = [
    namespaced("", "ConfigMap", "configmaps"),
    namespaced("", "Secret", "secrets"),
    namespaced("", "Service", "services"),
    namespaced("", "ServiceAccount", "serviceaccounts"),
    namespaced("", "PersistentVolumeClaim", "persistentvolumeclaims"),
    namespaced("", "Pod", "pods"),
    namespaced("", "Event", "events"),
    namespaced("apps", "Deployment", "deployments"),
    namespaced("apps", "StatefulSet", "statefulsets"),
    namespaced("apps", "ReplicaSet", "replicasets"),
    namespaced("apps", "ControllerRevision", "controllerrevisions"),
    namespaced("networking.k8s.io", "Ingress", "ingresses"),
    namespaced("discovery.k8s.io", "EndpointSlice", "endpointslices"),
    cluster_scoped("", "Namespace", "namespaces"),
    cluster_scoped("", "Node", "nodes"),
    cluster_scoped("", "PersistentVolume", "persistentvolumes"),
    cluster_scoped("storage.k8s.io", "StorageClass", "storageclasses"),
];

/// Returns what a URL needs to know of a kind of the table above.
pub(super) fn known(group: &str, kind: &str) -> &'static Resource {
    let found = RESOURCES
        .iter()
        .find(|resource| resource.group == group && resource.kind == kind);
    found.expect("the kind is in the table")
}

/// Returns what a URL needs to know of a kind.
///
/// # Errors
/// The kind is none of those bowline knows.
pub(super) fn resource(group: &str, kind: &str) -> Result<&'static Resource, Failure> {
    let found = RESOURCES
        .iter()
        .find(|resource| resource.group == group && resource.kind == kind);
    found.ok_or_else(|| {
        let group = if group.is_empty() {
            "the core group"
        } else {
            group
        };
        Failure::new(
            FailureKind::NotFound,
            format!("kind {kind} of {group} is not supported"),
        )
    })
}
