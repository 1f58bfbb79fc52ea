//! The objects of the cases, as small as the API takes them.

use serde_json::{Value, json};

pub(crate) fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// A ConfigMap with one label.
pub(crate) fn labelled(name: &str, key: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {key: value}}})
}

/// What every workload here shares: `app=<name>` selects pods of one container called `main`.
fn workload(kind: &str, name: &str, image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    })
}

pub(crate) fn deployment(name: &str, image: &str, replicas: u32) -> Value {
    workload("Deployment", name, image, replicas)
}

pub(crate) fn stateful_set(name: &str, image: &str, replicas: u32) -> Value {
    let mut object = workload("StatefulSet", name, image, replicas);
    object["spec"]["serviceName"] = json!(name);
    object
}

/// A StatefulSet whose pods each mount a claim `data` of this size.
pub(crate) fn stateful_set_with_claim(name: &str, replicas: u32, size: &str) -> Value {
    let mut object = stateful_set(name, "db:1", replicas);
    object["spec"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data", "labels": {"app.kubernetes.io/instance": name}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
    }]);
    object["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "data", "mountPath": "/data"}]);
    object
}

pub(crate) fn claim(name: &str, size: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
    })
}

pub(crate) fn service(name: &str, ports: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports},
    })
}

pub(crate) fn ingress(name: &str, host: &str, path: &str) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {"rules": [{"host": host, "http": {"paths": [{
            "path": path,
            "pathType": "Prefix",
            "backend": {"service": {"name": name, "port": {"number": 80}}},
        }]}}]},
    })
}

/// Returns the object with one more metadata field.
pub(crate) fn with_metadata(mut object: Value, key: &str, value: Value) -> Value {
    object["metadata"][key] = value;
    object
}
