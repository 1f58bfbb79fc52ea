//! What a cluster has before anybody asks for anything: three nodes, two storage classes, and the priorities of its own pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::status::Status;
use crate::store::Store;

use super::object::{name, seconds, text};

/// The provisioner of the seeded storage classes.
const PROVISIONER: &str = "disk.csi.sandbox.local";

/// Puts the seeds into a store that has none; what is there under their names stays.
pub fn plant(store: &Store) -> Result<(), Status> {
    for object in objects(store.now()) {
        let kind = text(&object, "/kind").to_owned();
        let seed = name(&object).to_owned();
        if store.get(&kind, "", &seed).is_some() {
            continue;
        }
        let status = object.get("status").cloned();
        store.create("kubelet", object)?;
        if let Some(status) = status {
            store.update_status("kubelet", &kind, "", &seed, |node| node["status"] = status)?;
        }
    }
    Ok(())
}

/// Returns the objects that a new cluster has; those with a status are to be stored with it.
pub(super) fn objects(now: Timestamp) -> Vec<Value> {
    vec![
        node(1, "4", "8Gi", None, now),
        node(2, "4", "8Gi", None, now),
        node(3, "4", "8Gi", Some("2"), now),
        storage_class("standard", true, "Immediate"),
        storage_class("fast", false, "WaitForFirstConsumer"),
        priority_class("system-cluster-critical", 2_000_000_000),
        priority_class("system-node-critical", 2_000_001_000),
    ]
}

fn node(number: u8, cpu: &str, memory: &str, gpus: Option<&str>, now: Timestamp) -> Value {
    let name = format!("node-{number}");
    let stamp = seconds(now);
    let mut capacity = json!({
        "cpu": cpu,
        "ephemeral-storage": "100Gi",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": memory,
        "pods": "110",
    });
    if let Some(gpus) = gpus {
        capacity["nvidia.com/gpu"] = json!(gpus);
    }
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "lastHeartbeatTime": stamp,
            "lastTransitionTime": stamp,
            "message": message,
            "reason": reason,
            "status": status,
            "type": kind,
        })
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
            },
        },
        "spec": {
            "podCIDR": format!("10.244.{}.0/24", number - 1),
            "podCIDRs": [format!("10.244.{}.0/24", number - 1)],
        },
        "status": {
            "addresses": [
                {"address": super::kubelet::host_ip(&name), "type": "InternalIP"},
                {"address": name, "type": "Hostname"},
            ],
            "allocatable": capacity,
            "capacity": capacity,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "containerd://2.1.4",
                "kernelVersion": "6.12.0",
                "kubeProxyVersion": "",
                "kubeletVersion": "v1.36.3",
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "Sandbox",
                "systemUUID": "",
            },
        },
    })
}

fn priority_class(name: &str, value: u32) -> Value {
    json!({
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        "description": "Used for system critical pods.",
    })
}

fn storage_class(name: &str, is_default: bool, binding_mode: &str) -> Value {
    let mut class = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": binding_mode,
        "allowVolumeExpansion": !is_default,
    });
    if is_default {
        class["metadata"]["annotations"] =
            json!({"storageclass.kubernetes.io/is-default-class": "true"});
    }
    class
}
