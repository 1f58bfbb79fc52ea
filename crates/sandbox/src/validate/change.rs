//! Fields that can never change, or only under conditions.

use serde_json::{Value, json};

use super::Faults;
use super::kinds::quantity_of;
use crate::resources::Resource;

/// What may change in a StatefulSet's spec.
const STATEFUL_SET: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// Finds what a change may not touch.
pub(super) fn check(resource: &Resource, live: &Value, object: &Value, faults: &mut Faults) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "ConfigMap" | "Secret") => frozen_data(resource, live, object, faults),
        ("", "Pod") => pod(live, object, faults),
        ("", "Service") => service(live, object, faults),
        ("", "PersistentVolumeClaim") => claim(live, object, faults),
        ("", "ResourceQuota") => {
            let scopes = &object["spec"]["scopes"];
            if &live["spec"]["scopes"] != scopes {
                faults.invalid("spec.scopes", scopes, "field is immutable");
            }
        }
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => {
            let selector = &object["spec"]["selector"];
            if &live["spec"]["selector"] != selector {
                faults.invalid("spec.selector", selector, "field is immutable");
            }
        }
        ("apps", "StatefulSet") => stateful_set(live, object, faults),
        ("batch", "Job") => {
            for field in ["selector", "template", "completions"] {
                if live["spec"][field] != object["spec"][field] {
                    faults.invalid(
                        format!("spec.{field}"),
                        &object["spec"][field],
                        "field is immutable",
                    );
                }
            }
        }
        ("storage.k8s.io", "StorageClass") => {
            for field in [
                "provisioner",
                "reclaimPolicy",
                "volumeBindingMode",
                "parameters",
            ] {
                if live[field] != object[field] {
                    faults.forbidden(field, "updates to this field are forbidden.");
                }
            }
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            if live["value"] != object["value"] {
                faults.forbidden("value", "may not be changed in an update.");
            }
            if live["preemptionPolicy"] != object["preemptionPolicy"] {
                let policy = &object["preemptionPolicy"];
                faults.invalid("preemptionPolicy", policy, "field is immutable");
            }
        }
        ("node.k8s.io", "RuntimeClass") if live["handler"] != object["handler"] => {
            faults.invalid("handler", &object["handler"], "field is immutable");
        }
        _ => {}
    }
}

fn frozen_data(resource: &Resource, live: &Value, object: &Value, faults: &mut Faults) {
    if resource.kind == "Secret" && live["type"] != object["type"] {
        faults.invalid("type", &object["type"], "field is immutable");
    }
    if live["immutable"] != true {
        return;
    }
    if object["immutable"] != true {
        faults.forbidden("immutable", "field is immutable when `immutable` is set");
    }
    for field in ["data", "binaryData"] {
        if live[field] != object[field] {
            faults.forbidden(field, "field is immutable when `immutable` is set");
        }
    }
}

/// Binding fills in the node of a pod that has none; images and tolerations may change, nothing else.
fn pod(live: &Value, object: &Value, faults: &mut Faults) {
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        if !spec.is_object() {
            return spec;
        }
        for list in ["containers", "initContainers"] {
            for container in spec[list].as_array_mut().into_iter().flatten() {
                container["image"] = Value::Null;
            }
        }
        for field in [
            "activeDeadlineSeconds",
            "terminationGracePeriodSeconds",
            "tolerations",
        ] {
            spec[field] = Value::Null;
        }
        if live["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
            spec["nodeName"] = Value::Null;
        }
        spec
    };
    if fixed(live) != fixed(object) {
        let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
                   `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
                   tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        faults.forbidden("spec", why);
    }
}

fn service(live: &Value, object: &Value, faults: &mut Faults) {
    let address = |service: &Value| {
        service["spec"]["clusterIP"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let (before, after) = (address(live), address(object));
    let has_address = |service: &Value| service["spec"]["type"] != "ExternalName";
    if has_address(live) && has_address(object) && !before.is_empty() && before != after {
        faults.invalid(
            "spec.clusterIPs[0]",
            &json!([after]),
            "may not change once set",
        );
    }
}

fn claim(live: &Value, object: &Value, faults: &mut Faults) {
    let size = |claim: &Value| quantity_of(&claim["spec"]["resources"]["requests"]["storage"]);
    let capacity = quantity_of(&live["status"]["capacity"]["storage"]);
    if size(object) < size(live) && size(object) < capacity {
        faults.forbidden(
            "spec.resources.requests.storage",
            "field can not be less than status.capacity",
        );
        return;
    }
    let is_bound = live["status"]["phase"] == "Bound";
    let fixed = |claim: &Value| {
        let mut spec = claim["spec"].clone();
        if !spec.is_object() {
            return spec;
        }
        if is_bound {
            spec["resources"]["requests"] = Value::Null;
        }
        for field in ["volumeName", "storageClassName"] {
            if live["spec"][field].as_str().is_none_or(str::is_empty) {
                spec[field] = Value::Null;
            }
        }
        spec
    };
    if fixed(live) != fixed(object) {
        let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        faults.forbidden("spec", why);
    }
}

fn stateful_set(live: &Value, object: &Value, faults: &mut Faults) {
    let fixed = |set: &Value| {
        let mut spec = set["spec"].as_object().cloned().unwrap_or_default();
        spec.retain(|field, _| !STATEFUL_SET.contains(&field.as_str()));
        // The status of a claim template is never anybody's wish.
        for claim in spec
            .get_mut("volumeClaimTemplates")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            claim["status"] = Value::Null;
        }
        spec
    };
    if fixed(live) != fixed(object) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
                   'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        faults.forbidden("spec", why);
    }
}
