//! The claims of a StatefulSet's ordinals: made once, bound again by later pods, owned only where the retention
//! policy asks for it.

use serde_json::{Value, json};

use crate::controllers::kind::Kind;
use crate::controllers::object::{
    controller_reference, flag, items, map, name, namespace, text, uid,
};
use crate::controllers::view::View;
use crate::controllers::write::{Note, Write};

use super::COMPONENT;

/// Returns the name of an ordinal's claim.
pub fn claim_name(set: &Value, template: &Value, ordinal: i64) -> String {
    format!("{}-{}-{ordinal}", name(template), name(set))
}

/// Returns whether a claim of this name is one of the set's.
pub fn is_template_claim(set: &Value, claim: &str) -> bool {
    pod_of(set, claim).is_some()
}

/// Returns the name of the pod that a claim of the set is for.
pub fn pod_of(set: &Value, claim: &str) -> Option<String> {
    let templates = items(set, "/spec/volumeClaimTemplates").iter();
    let mut pods = templates.filter_map(|template| {
        let pod = claim.strip_prefix(name(template))?.strip_prefix('-')?;
        let ordinal = pod.strip_prefix(name(set))?.strip_prefix('-')?;
        ordinal.parse::<u32>().ok().map(|_| pod.to_owned())
    });
    pods.next()
}

/// Returns the writes that make the claims which an ordinal lacks. A claim that is there is taken as it is, whatever
/// its size, labels or origin.
pub fn create_missing(view: &View, set: &Value, pod: &Value, ordinal: i64) -> Vec<Write> {
    let mut writes = Vec::new();
    for template in items(set, "/spec/volumeClaimTemplates") {
        let claim_name = claim_name(set, template, ordinal);
        if view
            .find(Kind::PersistentVolumeClaim, namespace(set), &claim_name)
            .is_some()
        {
            continue;
        }
        let message = format!(
            "Create Claim {claim_name} Pod {} in StatefulSet {} success",
            name(pod),
            name(set)
        );
        writes.push(Write::Create(build(set, template, claim_name)));
        writes.push(Write::Event(Note::normal(
            COMPONENT,
            set,
            "SuccessfulCreate",
            message,
        )));
    }
    writes
}

fn build(set: &Value, template: &Value, claim_name: String) -> Value {
    let mut claim = template.clone();
    claim["apiVersion"] = json!(Kind::PersistentVolumeClaim.api_version());
    claim["kind"] = json!(Kind::PersistentVolumeClaim.kind());
    claim["metadata"]["name"] = json!(claim_name);
    claim["metadata"]["namespace"] = json!(namespace(set));
    for (key, value) in map(set, "/spec/selector/matchLabels").into_iter().flatten() {
        claim["metadata"]["labels"][key.as_str()] = value.clone();
    }
    if policy(set).when_deleted {
        claim["metadata"]["ownerReferences"] = json!([controller_reference(set)]);
    }
    claim
}

/// What the retention policy deletes.
#[derive(Debug, Clone, Copy)]
struct Policy {
    when_deleted: bool,
    when_scaled: bool,
}

fn policy(set: &Value) -> Policy {
    let deletes = |field: &str| {
        text(
            set,
            &format!("/spec/persistentVolumeClaimRetentionPolicy/{field}"),
        ) == "Delete"
    };
    Policy {
        when_deleted: deletes("whenDeleted"),
        when_scaled: deletes("whenScaled"),
    }
}

/// Returns the writes that make the owners of an ordinal's claims what the policy asks for: the set while the ordinal is
/// wanted, the pod once it is scaled away, nobody where claims are retained.
pub fn fix_owners(
    view: &View,
    set: &Value,
    pod: &Value,
    ordinal: i64,
    is_wanted: bool,
) -> Vec<Write> {
    let mut writes = Vec::new();
    for template in items(set, "/spec/volumeClaimTemplates") {
        let claim_name = claim_name(set, template, ordinal);
        let Some(claim) = view.find(Kind::PersistentVolumeClaim, namespace(set), &claim_name)
        else {
            continue;
        };
        if is_owned_by_earlier(claim, set) || is_owned_by_earlier(claim, pod) {
            // Left for garbage collection: its owner bore the same name but is gone.
            continue;
        }
        let owners = wanted_owners(claim, set, pod, is_wanted);
        if owners != items(claim, "/metadata/ownerReferences") {
            writes.push(Write::update(claim, |claim| {
                if owners.is_empty()
                    && let Some(metadata) = claim["metadata"].as_object_mut()
                {
                    metadata.remove("ownerReferences");
                } else {
                    claim["metadata"]["ownerReferences"] = json!(owners);
                }
            }));
        }
    }
    writes
}

fn wanted_owners(claim: &Value, set: &Value, pod: &Value, is_wanted: bool) -> Vec<Value> {
    let policy = policy(set);
    let is_ours = |owner: &&Value| is_reference_to(owner, set) || is_reference_to(owner, pod);
    let mut owners: Vec<Value> = items(claim, "/metadata/ownerReferences")
        .iter()
        .filter(|owner| !is_ours(owner))
        .cloned()
        .collect();
    if owners.iter().any(|owner| flag(owner, "/controller")) {
        return owners;
    }
    let is_owned_by_pod = policy.when_scaled && !is_wanted;
    if is_owned_by_pod {
        owners.push(controller_reference(pod));
    } else if policy.when_deleted {
        owners.push(controller_reference(set));
    }
    owners
}

fn is_reference_to(owner: &Value, object: &Value) -> bool {
    text(owner, "/kind") == text(object, "/kind") && text(owner, "/name") == name(object)
}

fn is_owned_by_earlier(claim: &Value, object: &Value) -> bool {
    !uid(object).is_empty()
        && items(claim, "/metadata/ownerReferences")
            .iter()
            .any(|owner| is_reference_to(owner, object) && text(owner, "/uid") != uid(object))
}

/// Returns whether an ordinal's claim still waits for the garbage collection of its former pod.
pub fn is_stale(view: &View, set: &Value, pod: &Value, ordinal: i64) -> bool {
    policy(set).when_scaled
        && items(set, "/spec/volumeClaimTemplates")
            .iter()
            .any(|template| {
                let claim_name = claim_name(set, template, ordinal);
                let claim = view.find(Kind::PersistentVolumeClaim, namespace(set), &claim_name);
                claim.is_some_and(|claim| {
                    items(claim, "/metadata/ownerReferences")
                        .iter()
                        .any(|owner| is_reference_to(owner, pod))
                })
            })
}

#[cfg(test)]
mod tests {
    use super::super::pods;
    use super::*;

    fn set(when_deleted: &str, when_scaled: &str) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"namespace": "n", "name": "db", "uid": "set"},
            "spec": {"selector": {"matchLabels": {"app": "db"}},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": when_deleted, "whenScaled": when_scaled},
                "volumeClaimTemplates": [{"metadata": {"name": "data", "labels": {"tier": "x"}}, "spec": {}}]}})
    }

    fn owners_after(set: &Value, owners: Value, is_wanted: bool) -> Vec<Value> {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n", "name": "db-0", "uid": "pod"}});
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"namespace": "n", "name": "data-db-0", "ownerReferences": owners}});
        let view = View::from_objects([claim.clone()]);
        let writes = fix_owners(&view, set, &pod, 0, is_wanted);
        match writes.as_slice() {
            [] => items(&claim, "/metadata/ownerReferences").to_vec(),
            [Write::Update(claim)] => items(claim, "/metadata/ownerReferences").to_vec(),
            other => panic!("{other:?}"),
        }
        .iter()
        .map(|owner| owner["uid"].clone())
        .collect()
    }

    #[test]
    fn owners_follow_the_retention_policy() {
        let by_set = json!([controller_reference(&set("Delete", "Retain"))]);
        assert_eq!(
            owners_after(&set("Retain", "Retain"), by_set.clone(), true),
            Vec::<Value>::new()
        );
        assert_eq!(
            owners_after(&set("Delete", "Retain"), json!([]), true),
            ["set"]
        );
        assert_eq!(
            owners_after(&set("Delete", "Retain"), by_set.clone(), false),
            ["set"]
        );
        assert_eq!(
            owners_after(&set("Retain", "Delete"), json!([]), true),
            Vec::<Value>::new()
        );
        assert_eq!(
            owners_after(&set("Delete", "Delete"), by_set.clone(), false),
            ["pod"]
        );
        let earlier =
            json!([{"kind": "StatefulSet", "name": "db", "uid": "gone", "controller": true}]);
        assert_eq!(
            owners_after(&set("Retain", "Retain"), earlier, true),
            ["gone"]
        );
    }

    #[test]
    fn a_claim_carries_the_labels_of_its_template_and_of_the_selector() {
        let set = set("Delete", "Retain");
        let claim = build(
            &set,
            &set["spec"]["volumeClaimTemplates"][0],
            "data-db-0".to_owned(),
        );
        assert_eq!(
            claim,
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {
                "name": "data-db-0", "namespace": "n", "labels": {"tier": "x", "app": "db"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "set",
                    "controller": true, "blockOwnerDeletion": true}]},
                "spec": {}})
        );
        assert!(is_template_claim(&set, "data-db-12") && !is_template_claim(&set, "data-db-x"));
        assert_eq!(
            pods::ordinal(&set, &json!({"metadata": {"name": "db-07"}})),
            None
        );
    }
}
