//! Manifests as a definition: Kubernetes objects of any kind, as a text writes them.
//!
//! The objects keep their own names; what the instance adds (labels, its namespace) is added when they are rendered. Nothing
//! is substituted in them: scripts hold dollars.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::diagnostic::Span;
use super::id::Namespace;
use super::naming;
use super::object::{GroupKind, Object};

const CRD_GROUP: &str = "apiextensions.k8s.io";
const CRD: &str = "CustomResourceDefinition";

/// One object of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The object as it was written, its namespace included only where the text names one.
    pub object: Object,
    /// The document that it stands in, from 1; items of a `List` share one.
    pub document: usize,
    /// Where it starts: its first line.
    pub span: Span,
}

/// The objects of a text, in the order written, with every `List` unfolded.
#[derive(Debug, Clone, PartialEq)]
pub struct ManifestSet {
    /// The objects, at least one.
    pub manifests: Vec<Manifest>,
    /// The text that was read.
    pub(super) source: Arc<str>,
}

impl ManifestSet {
    pub(super) fn new(manifests: Vec<Manifest>) -> Self {
        Self {
            manifests,
            source: Arc::from(""),
        }
    }

    pub(super) fn with_source(self, text: &str) -> Self {
        Self {
            source: text.into(),
            ..self
        }
    }

    /// Returns the text that was read.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the groups and versions of the objects, as they are written.
    pub fn api_versions(&self) -> BTreeSet<String> {
        let objects = self.manifests.iter().map(|manifest| &manifest.object.json);
        let versions = objects.filter_map(|json| json["apiVersion"].as_str());
        versions.map(str::to_owned).collect()
    }

    /// Returns the kinds that definitions in the text itself bring along.
    pub fn defined_kinds(&self) -> Scopes {
        let mut scopes = Scopes::default();
        for manifest in &self.manifests {
            if let Some((kind, is_namespaced)) = defined_kind(&manifest.object) {
                scopes.insert(kind, is_namespaced);
            }
        }
        scopes
    }

    /// Returns the namespace that every object in it names; none where one names none, or where they differ. Objects that
    /// are known to be in no namespace are not asked.
    pub fn namespace(&self) -> Option<Namespace> {
        let scopes = Scopes::built_in().with(self.defined_kinds());
        let asked = self.manifests.iter().filter(|manifest| {
            let kind = GroupKind::of(&manifest.object.key);
            scopes.is_namespaced(&kind) != Some(false)
        });
        let mut names = asked.map(|manifest| manifest.object.key.namespace.as_deref());
        let first = names.next()??;
        names
            .all(|name| name == Some(first))
            .then(|| first.parse().ok())
            .flatten()
    }

    /// Returns the image of the first container of its first workload.
    pub fn image(&self) -> Option<&str> {
        let pointers = [
            "/spec/template/spec/containers/0/image",
            "/spec/jobTemplate/spec/template/spec/containers/0/image",
            "/spec/containers/0/image",
        ];
        self.manifests.iter().find_map(|manifest| {
            let json = &manifest.object.json;
            pointers
                .iter()
                .find_map(|pointer| json.pointer(pointer)?.as_str())
        })
    }

    /// Tells whether one of its objects says that it is protected, and so the whole instance.
    pub fn is_protected(&self) -> bool {
        let pointer = |object: &Object| {
            object.json["metadata"]["annotations"][naming::ANNOTATION_PROTECTED] == "true"
        };
        self.manifests
            .iter()
            .any(|manifest| pointer(&manifest.object))
    }

    /// Returns the labels that every object bears alike: what holds of all of them holds of the instance.
    pub fn common_labels(&self) -> BTreeMap<String, String> {
        let labels_of = |manifest: &Manifest| -> BTreeMap<String, String> {
            let labels = manifest.object.json["metadata"]["labels"].as_object();
            let texts = labels.into_iter().flatten();
            texts
                .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
                .collect()
        };
        let mut all = self.manifests.iter().map(labels_of);
        let first = all.next().unwrap_or_default();
        all.fold(first, |mut common, labels| {
            common.retain(|key, value| labels.get(key) == Some(value));
            common
        })
    }
}

/// Returns the kind that a `CustomResourceDefinition` defines, and whether its objects live in namespaces.
pub fn defined_kind(object: &Object) -> Option<(GroupKind, bool)> {
    if !is_definition_of_kind(&GroupKind::of(&object.key)) {
        return None;
    }
    let spec = &object.json["spec"];
    let kind = GroupKind::new(spec["group"].as_str()?, spec["names"]["kind"].as_str()?);
    Some((kind, spec["scope"] != "Cluster"))
}

/// Tells whether objects of this kind define further kinds.
pub fn is_definition_of_kind(kind: &GroupKind) -> bool {
    kind.group == CRD_GROUP && kind.kind == CRD
}

/// Tells whether a kind is none of Kubernetes' own.
pub fn is_custom(kind: &GroupKind) -> bool {
    let is_known = |(group, _): &(&str, &[&str])| *group == kind.group;
    !BUILT_IN_GROUPS.contains(&kind.group.as_str()) && !CLUSTER_SCOPED.iter().any(is_known)
}

/// Which kinds live in namespaces, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scopes(BTreeMap<GroupKind, bool>);

/// Kinds of every server that are in no namespace, by group.
const CLUSTER_SCOPED: [(&str, &[&str]); 14] = [
    (
        "",
        &["Namespace", "Node", "PersistentVolume", "ComponentStatus"],
    ),
    ("apiextensions.k8s.io", &[CRD]),
    ("apiregistration.k8s.io", &["APIService"]),
    (
        "admissionregistration.k8s.io",
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    (
        "certificates.k8s.io",
        &["CertificateSigningRequest", "ClusterTrustBundle"],
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        &["FlowSchema", "PriorityLevelConfiguration"],
    ),
    (
        "networking.k8s.io",
        &["IPAddress", "IngressClass", "ServiceCIDR"],
    ),
    ("node.k8s.io", &["RuntimeClass"]),
    (
        "rbac.authorization.k8s.io",
        &["ClusterRole", "ClusterRoleBinding"],
    ),
    ("resource.k8s.io", &["DeviceClass", "ResourceSlice"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    (
        "storage.k8s.io",
        &[
            "CSIDriver",
            "CSINode",
            "StorageClass",
            "VolumeAttachment",
            "VolumeAttributesClass",
        ],
    ),
    ("storagemigration.k8s.io", &["StorageVersionMigration"]),
    ("internal.apiserver.k8s.io", &["StorageVersion"]),
];

/// Groups of every server whose other kinds all live in namespaces.
const BUILT_IN_GROUPS: [&str; 12] = [
    "",
    "apps",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
];

impl Scopes {
    /// Returns what is known without asking a cluster.
    pub fn built_in() -> Self {
        let kinds = CLUSTER_SCOPED
            .iter()
            .flat_map(|(group, kinds)| kinds.iter().map(|kind| GroupKind::new(group, kind)));
        Self(kinds.map(|kind| (kind, false)).collect())
    }

    /// Adds what is known of a kind.
    pub fn insert(&mut self, kind: GroupKind, is_namespaced: bool) {
        self.0.insert(kind, is_namespaced);
    }

    /// Returns the same with what is known elsewhere, which wins.
    pub fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Tells whether it is said of a kind itself where its objects live.
    pub fn knows(&self, kind: &GroupKind) -> bool {
        self.0.contains_key(kind)
    }

    /// Tells whether objects of a kind live in namespaces; none where nobody knows.
    pub fn is_namespaced(&self, kind: &GroupKind) -> Option<bool> {
        let known = self.0.get(kind).copied();
        known.or_else(|| {
            BUILT_IN_GROUPS
                .contains(&kind.group.as_str())
                .then_some(true)
        })
    }
}
