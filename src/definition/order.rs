//! The order among objects of any kind: what is used comes before what uses it, and goes after it.

use super::manifest::is_definition_of_kind;
use super::object::{GroupKind, ObjectKey};

/// Returns when an object is applied among others, the lowest first: kinds, namespaces, what is referred to, Services,
/// workloads, and then everything else, which may need all of these.
pub fn apply_rank(key: &ObjectKey) -> u8 {
    let kind = GroupKind::of(key);
    if is_definition_of_kind(&kind) {
        return 0;
    }
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace") => 1,
        ("scheduling.k8s.io", _)
        | ("storage.k8s.io", _)
        | ("node.k8s.io", _)
        | ("networking.k8s.io", "IngressClass" | "NetworkPolicy")
        | ("", "PersistentVolume" | "ResourceQuota" | "LimitRange") => 2,
        ("", "ServiceAccount") => 3,
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => 4,
        ("rbac.authorization.k8s.io", _) => 5,
        ("", "ConfigMap" | "Secret" | "PersistentVolumeClaim") => 6,
        ("", "Service") => 7,
        ("apps", _) | ("batch", _) | ("", "Pod" | "ReplicationController") => 8,
        // From here on requests pass through them: what answers them must be there.
        ("admissionregistration.k8s.io", _) | ("apiregistration.k8s.io", _) => 10,
        _ => 9,
    }
}

/// Tells whether pods come of objects of this kind.
pub fn is_workload(kind: &GroupKind) -> bool {
    matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        (
            "apps",
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"
        ) | ("batch", "Job" | "CronJob")
            | ("", "ReplicationController")
    )
}
