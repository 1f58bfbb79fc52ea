//! The kinds that bowline reads and writes, with what a URL needs to know of each.

use std::borrow::Cow;

/// What a URL needs to know of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: Cow<'static, str>,
    /// The version that the server prefers.
    pub version: Cow<'static, str>,
    /// Kind, such as `Deployment`.
    pub kind: Cow<'static, str>,
    /// Name in URLs, such as `deployments`.
    pub plural: Cow<'static, str>,
    /// Short names, such as `deploy`, as discovery tells them; none of kinds that every server has.
    pub short_names: Vec<String>,
    /// Whether its objects live in namespaces.
    pub is_namespaced: bool,
}

impl Resource {
    /// Returns the path of the collection: all of a namespace, or of the whole cluster.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = match self.group.as_ref() {
            "" => "/api".to_owned(),
            group => format!("/apis/{group}"),
        };
        let (version, plural) = (&self.version, &self.plural);
        match namespace.filter(|_| self.is_namespaced) {
            Some(namespace) => format!("{root}/{version}/namespaces/{namespace}/{plural}"),
            None => format!("{root}/{version}/{plural}"),
        }
    }

    /// Returns `apiVersion` of its objects.
    pub fn api_version(&self) -> String {
        match self.group.as_ref() {
            "" => self.version.to_string(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Returns the same kind at another version.
    pub fn at_version(mut self, version: &str) -> Self {
        if self.version != version {
            self.version = Cow::Owned(version.to_owned());
        }
        self
    }
}

const fn built_in(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    is_namespaced: bool,
) -> Resource {
    Resource {
        group: Cow::Borrowed(group),
        version: Cow::Borrowed("v1"),
        kind: Cow::Borrowed(kind),
        plural: Cow::Borrowed(plural),
        short_names: Vec::new(),
        is_namespaced,
    }
}

/// All are served as v1 by every supported server, so that no discovery is needed before the first row.
static BUILT_IN: [Resource; 20] = [
    built_in("", "ConfigMap", "configmaps", true),
    built_in("", "Secret", "secrets", true),
    built_in("", "Service", "services", true),
    built_in("", "ServiceAccount", "serviceaccounts", true),
    built_in("", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    built_in("", "Pod", "pods", true),
    built_in("", "Event", "events", true),
    built_in("apps", "Deployment", "deployments", true),
    built_in("apps", "StatefulSet", "statefulsets", true),
    built_in("apps", "DaemonSet", "daemonsets", true),
    built_in("batch", "Job", "jobs", true),
    built_in("batch", "CronJob", "cronjobs", true),
    built_in("apps", "ReplicaSet", "replicasets", true),
    built_in("apps", "ControllerRevision", "controllerrevisions", true),
    built_in("networking.k8s.io", "Ingress", "ingresses", true),
    built_in("discovery.k8s.io", "EndpointSlice", "endpointslices", true),
    built_in("", "Namespace", "namespaces", false),
    built_in("", "Node", "nodes", false),
    built_in("", "PersistentVolume", "persistentvolumes", false),
    built_in("storage.k8s.io", "StorageClass", "storageclasses", false),
];

/// Returns a kind that every server has; none if it is not one of them.
pub(super) fn find(group: &str, kind: &str) -> Option<&'static Resource> {
    BUILT_IN
        .iter()
        .find(|resource| resource.group == group && resource.kind == kind)
}

/// Returns a kind of the table above.
pub(super) fn known(group: &str, kind: &str) -> &'static Resource {
    find(group, kind).expect("the kind is in the table")
}
