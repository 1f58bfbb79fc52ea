//! What leaves the set: members that the definition does not make any more. Pure.
//!
//! A claim is never among those that are deleted: it becomes kept.

use super::metadata::Metadata;
use super::ownership;
use crate::definition::id::InstanceId;
use crate::definition::manifest::{is_custom, is_definition_of_kind};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::definition::order::is_workload;

/// What becomes of a member that left the definition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Leaving<'a> {
    /// It is deleted.
    Deleted(&'a Object),
    /// A claim: it is taken out of the set and kept.
    Kept(&'a Object),
    /// It bears the labels, but was not written by this instance.
    NotOurs(&'a Object),
}

impl Leaving<'_> {
    /// Returns the namespace that would be deleted, with all that is in it; none for anything else.
    pub fn namespace(&self) -> Option<&ObjectKey> {
        let Self::Deleted(object) = self else {
            return None;
        };
        (GroupKind::of(&object.key) == GroupKind::new("", "Namespace")).then_some(&object.key)
    }
}

/// Returns the members that left, in the order in which they are dealt with.
pub(super) fn leaving<'a>(
    live: &'a [Object],
    wanted: &[ObjectKey],
    id: &InstanceId,
    set: &str,
) -> Vec<Leaving<'a>> {
    let is_wanted = |object: &Object| {
        wanted.iter().any(|key| {
            GroupKind::of(key) == GroupKind::of(&object.key)
                && key.name == object.key.name
                && key.namespace == object.key.namespace
        })
    };
    let is_member = |object: &&Object| {
        Metadata::of(object).label(naming::LABEL_PART_OF) == Some(set) && !is_wanted(object)
    };
    let mut members: Vec<&Object> = live
        .iter()
        .filter(is_member)
        .filter(|object| !Metadata::of(object).is_being_deleted())
        .collect();
    members.sort_by_key(|object| (removal_rank(&object.key), &object.key));
    members
        .into_iter()
        .map(|object| {
            if !ownership::is_written_by_us(object, id, set) {
                Leaving::NotOurs(object)
            } else if object.key.kind == "PersistentVolumeClaim" {
                Leaving::Kept(object)
            } else {
                Leaving::Deleted(object)
            }
        })
        .collect()
}

/// Returns when an object is deleted among others: what uses goes before what is used, and objects before what defines them.
pub(super) fn removal_rank(key: &ObjectKey) -> u8 {
    let kind = GroupKind::of(key);
    match key.kind.as_str() {
        // Requests pass through them to pods that go.
        _ if goes_through_pods(&kind) => 0,
        _ if is_custom(&kind) => 1,
        "Pod" => 4,
        "ReplicaSet" | "ControllerRevision" => 3,
        _ if is_workload(&kind) => 2,
        "PersistentVolumeClaim" => 5,
        "Ingress" => 6,
        "Service" => 7,
        "EndpointSlice" => 8,
        "ConfigMap" | "Secret" => 10,
        "ServiceAccount" | "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding" => 11,
        "Namespace" => 12,
        _ if is_definition_of_kind(&kind) => 13,
        _ => 9,
    }
}

/// Tells whether objects of a kind go before the workloads: what runs in the pods may have to let go of them.
pub(super) fn goes_first(key: &ObjectKey) -> bool {
    removal_rank(key) < 2
}

/// Tells whether objects of a kind go after all others: they take along what is left in them.
pub(super) fn goes_last(key: &ObjectKey) -> bool {
    removal_rank(key) > 11
}

fn goes_through_pods(kind: &GroupKind) -> bool {
    matches!(
        kind.group.as_str(),
        "admissionregistration.k8s.io" | "apiregistration.k8s.io"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SET: &str = "applyset-ours-v1";

    fn live(kind: &str, name: &str, part_of: Option<&str>, manager: &str) -> Object {
        let mut json = json!({
            "apiVersion": if kind == "Deployment" { "apps/v1" } else { "v1" }, "kind": kind,
            "metadata": {
                "name": name,
                "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web"},
                "managedFields": [{"manager": manager, "operation": "Apply"}],
            },
        });
        if let Some(set) = part_of {
            json["metadata"]["labels"][naming::LABEL_PART_OF] = json!(set);
        }
        Object::from_json(json).unwrap()
    }

    #[test]
    fn members_that_left_go_and_claims_stay() {
        let ours = "bowline/web";
        let all = [
            live("ConfigMap", "web-config", Some(SET), ours),
            live("Service", "web", Some(SET), ours),
            live("Deployment", "web", Some(SET), ours),
            live("PersistentVolumeClaim", "web-data-old", Some(SET), ours),
            live(
                "PersistentVolumeClaim",
                "data-web-0",
                None,
                "kube-controller-manager",
            ),
            live("ConfigMap", "copied", Some(SET), "kubectl"),
            live("ConfigMap", "taken", Some("applyset-theirs-v1"), ours),
        ];
        let wanted = [all[1].key.clone()];
        let id = "web".parse().unwrap();
        assert_eq!(
            leaving(&all, &wanted, &id, SET),
            [
                Leaving::Deleted(&all[2]),
                Leaving::Kept(&all[3]),
                Leaving::NotOurs(&all[5]),
                Leaving::Deleted(&all[0]),
            ]
        );
    }
}
