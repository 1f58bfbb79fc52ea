//! The kinds that are served: the built-in table, and what CustomResourceDefinitions add to it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::schema::{Schema, Typed};

/// A served kind.
#[derive(Debug, Clone)]
pub struct Resource {
    /// API group; empty for core.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural, as in paths.
    pub plural: String,
    /// Singular, as kubectl accepts it.
    pub singular: String,
    /// Short names, as kubectl accepts them.
    pub short_names: Vec<String>,
    /// Categories such as `all`.
    pub categories: Vec<String>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// `status`, `scale`, `log`, `exec`, `portforward`.
    pub subresources: Vec<String>,
    /// Whether it came from a CustomResourceDefinition.
    pub custom: bool,
    /// The structure of a custom kind; built-in ones have theirs in [`Schema::built_in`].
    pub schema: Option<Arc<Schema>>,
}

impl Resource {
    /// Returns `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Returns the structure of its objects.
    pub fn typed(&self) -> Option<Typed<'_>> {
        let schema = self.schema.as_deref().unwrap_or_else(|| Schema::built_in());
        schema.kind(&self.api_version(), &self.kind)
    }

    /// Returns an object in this version. A custom kind is stored in the version that it was written in, and its versions differ in
    /// nothing but their names: no definition is converted by a webhook here.
    pub fn in_version<'o>(&self, object: &'o Value) -> Cow<'o, Value> {
        let version = self.api_version();
        if !self.custom || object["apiVersion"] == *version {
            return Cow::Borrowed(object);
        }
        let mut object = object.clone();
        object["apiVersion"] = json!(version);
        Cow::Owned(object)
    }

    /// Returns whether `name` is among the subresources.
    pub fn has_subresource(&self, name: &str) -> bool {
        self.subresources.iter().any(|s| s == name)
    }
}

/// The built-in kinds: group/version, kind, plural, short names, namespaced, in category `all`, subresources.
#[rustfmt::skip]
const BUILT_IN: &[(&str, &str, &str, &str, bool, bool, &str)] = &[
    ("v1", "ConfigMap", "configmaps", "cm", true, false, ""),
    ("v1", "Endpoints", "endpoints", "ep", true, false, ""),
    ("v1", "Event", "events", "ev", true, false, ""),
    ("v1", "Namespace", "namespaces", "ns", false, false, "status"),
    ("v1", "Node", "nodes", "no", false, false, "status"),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", "pvc", true, false, "status"),
    ("v1", "PersistentVolume", "persistentvolumes", "pv", false, false, "status"),
    ("v1", "Pod", "pods", "po", true, true, "status log exec portforward"),
    ("v1", "Secret", "secrets", "", true, false, ""),
    ("v1", "ServiceAccount", "serviceaccounts", "sa", true, false, ""),
    ("v1", "Service", "services", "svc", true, true, "status"),
    ("v1", "ResourceQuota", "resourcequotas", "quota", true, false, "status"),
    ("v1", "LimitRange", "limitranges", "limits", true, false, ""),
    ("apps/v1", "ControllerRevision", "controllerrevisions", "", true, false, ""),
    ("apps/v1", "DaemonSet", "daemonsets", "ds", true, true, "status"),
    ("apps/v1", "Deployment", "deployments", "deploy", true, true, "status scale"),
    ("apps/v1", "ReplicaSet", "replicasets", "rs", true, true, "status scale"),
    ("apps/v1", "StatefulSet", "statefulsets", "sts", true, true, "status scale"),
    ("batch/v1", "CronJob", "cronjobs", "cj", true, true, "status"),
    ("batch/v1", "Job", "jobs", "", true, true, "status"),
    ("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", true, true, "status"),
    ("networking.k8s.io/v1", "Ingress", "ingresses", "ing", true, false, "status"),
    ("networking.k8s.io/v1", "IngressClass", "ingressclasses", "", false, false, ""),
    ("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", "netpol", true, false, ""),
    ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", "", true, false, ""),
    ("node.k8s.io/v1", "RuntimeClass", "runtimeclasses", "", false, false, ""),
    ("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", "pc", false, false, ""),
    ("storage.k8s.io/v1", "StorageClass", "storageclasses", "sc", false, false, ""),
    ("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb", true, false, "status"),
    ("coordination.k8s.io/v1", "Lease", "leases", "", true, false, ""),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", "", true, false, ""),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", "", true, false, ""),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", "", false, false, ""),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", "", false, false, ""),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", "crd crds", false, false, "status"),
];

/// Returns the methods that a subresource takes.
pub fn methods_of(subresource: &str) -> &'static [&'static str] {
    match subresource {
        "log" => &["GET"],
        "exec" | "portforward" => &["GET", "POST"],
        _ => &["GET", "PATCH", "PUT"],
    }
}

/// Kinds that can only be created, never stored, by group and plural: what the one who asks may do, and who that is.
pub const REVIEWS: &[(&str, &str, &str)] = &[
    (
        "authentication.k8s.io",
        "selfsubjectreviews",
        "SelfSubjectReview",
    ),
    (
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
    ),
    (
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
    ),
];

/// All served kinds, by group and plural.
#[derive(Debug, Clone)]
pub struct Registry {
    by_path: BTreeMap<(String, String), Arc<Resource>>,
    /// Further versions that a kind is served in.
    further: BTreeMap<(String, String), Vec<Arc<Resource>>>,
}

impl Default for Registry {
    fn default() -> Self {
        let mut registry = Registry {
            by_path: BTreeMap::new(),
            further: BTreeMap::new(),
        };
        for &(api_version, kind, plural, short, namespaced, all, subresources) in BUILT_IN {
            let (group, version) = split_api_version(api_version);
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
            registry.insert(Resource {
                group: group.into(),
                version: version.into(),
                kind: kind.into(),
                plural: plural.into(),
                singular: kind.to_lowercase(),
                short_names: words(short),
                categories: words(if all { "all" } else { "" }),
                namespaced,
                subresources: words(subresources),
                custom: false,
                schema: None,
            });
        }
        registry
    }
}

impl Registry {
    /// Adds or replaces a kind.
    pub fn insert(&mut self, resource: Resource) {
        self.by_path.insert(
            (resource.group.clone(), resource.plural.clone()),
            Arc::new(resource),
        );
    }

    /// Adds or replaces a kind in all versions that it is served in, the one that stands for it first.
    pub fn insert_versions(&mut self, versions: Vec<Resource>) {
        let mut versions = versions.into_iter();
        let Some(first) = versions.next() else {
            return;
        };
        let path = (first.group.clone(), first.plural.clone());
        self.insert(first);
        self.further.insert(path, versions.map(Arc::new).collect());
    }

    /// Takes a custom kind out again.
    pub fn remove(&mut self, group: &str, plural: &str) -> Option<Arc<Resource>> {
        let path = (group.to_owned(), plural.to_owned());
        self.further.remove(&path);
        self.by_path.remove(&path)
    }

    /// Returns the kind served under a path.
    pub fn by_path(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        let path = (group.to_owned(), plural.to_owned());
        let further = self.further.get(&path).into_iter().flatten();
        let mut versions = self.by_path.get(&path).into_iter().chain(further);
        versions.find(|r| r.version == version)
    }

    /// Returns all kinds, each in all of its versions.
    pub fn versions(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.iter().chain(self.further.values().flatten())
    }

    /// Returns the kind of a group.
    pub fn by_group_kind(&self, group: &str, kind: &str) -> Option<&Arc<Resource>> {
        self.by_path
            .values()
            .find(|r| r.group == group && r.kind == kind)
    }

    /// Returns the kind called `kind`, or `Kind.group` where the bare name would not say which.
    pub fn by_kind(&self, kind: &str) -> Option<&Arc<Resource>> {
        match kind.split_once('.') {
            Some((kind, group)) => self.by_group_kind(group, kind),
            None => self.by_path.values().find(|r| r.kind == kind),
        }
    }

    /// Returns all kinds, ordered by group and plural.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.by_path.values()
    }
}

/// Returns group and version of `apps/v1` or `v1`.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}
