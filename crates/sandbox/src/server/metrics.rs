//! What pods and claims use: simulated, as `metrics.k8s.io` and the kubelets tell it. Nothing runs here, so that it is worked
//! out from what is asked for and from the clock: the same figures whoever asks, new ones every quarter of a minute.
//!
//! NB: the group is not among those that discovery lists, since it has no objects.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::controllers::fnv1a_32;
use crate::quantity::milli;
use crate::selector::LabelSelector;
use crate::status::Status;

use super::{Answer, Ask, Server, json};

/// How long figures stay.
const WINDOW_S: i64 = 15;
/// What a container uses that asks for nothing: thousandths of a core, and bytes.
const IDLE: (i128, i128) = (40, 48 << 20);
/// How long a wave of work takes, in windows.
const WAVE: f64 = 13.0;

/// Answers a list of what the pods of a namespace use.
pub(super) fn pods(server: &Server, ask: &Ask, namespace: &str) -> Result<Answer, Status> {
    if !ask
        .user
        .may("list", "metrics.k8s.io", "pods", Some(namespace))
    {
        let why = format!(
            "User \"{}\" cannot list resource \"pods\" in API group \"metrics.k8s.io\" in the namespace \"{namespace}\"",
            ask.user.name
        );
        return Err(Status::forbidden("metrics.k8s.io", "pods", "", &why));
    }
    let labels = LabelSelector::parse(ask.query.get("labelSelector").unwrap_or_default())?;
    let at = window(server.store.now());
    let pods = server.store.list("Pod", Some(namespace));
    let running = pods
        .iter()
        .filter(|pod| labels.matches(pod) && pod["status"]["phase"] == "Running");
    let items: Vec<Value> = running
        .map(|pod| {
            let metadata = json!({"name": pod["metadata"]["name"], "namespace": namespace,
                "labels": pod["metadata"]["labels"], "creationTimestamp": at.to_string()});
            json!({"metadata": metadata, "timestamp": at.to_string(), "window": format!("{WINDOW_S}s"),
                "containers": containers(pod, at)})
        })
        .collect();
    let list = json!({"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items});
    Ok(json(StatusCode::OK, &list))
}

/// Answers what a kubelet tells of its node.
pub(super) fn summary(server: &Server, ask: &Ask, node: &str) -> Result<Answer, Status> {
    if !ask.user.may("get", "", "nodes/proxy", None) {
        let why = format!(
            "User \"{}\" cannot get resource \"nodes/proxy\" in API group \"\" at the cluster scope",
            ask.user.name
        );
        return Err(Status::forbidden("", "nodes", node, &why));
    }
    if server.store.get("Node", "", node).is_none() {
        return Err(Status::not_found("", "nodes", node));
    }
    let at = window(server.store.now());
    let pods = server.store.list("Pod", None);
    let here = pods.iter().filter(|pod| pod["spec"]["nodeName"] == node);
    let pods: Vec<Value> = here
        .map(|pod| {
            let metadata = &pod["metadata"];
            let reference = json!({"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]});
            json!({"podRef": reference, "volume": volumes(server, pod, at)})
        })
        .collect();
    let summary = json!({"node": {"nodeName": node}, "pods": pods});
    Ok(json(StatusCode::OK, &summary))
}

fn window(now: Timestamp) -> Timestamp {
    let second = now.as_second().div_euclid(WINDOW_S) * WINDOW_S;
    Timestamp::from_second(second).unwrap_or(now)
}

fn containers(pod: &Value, at: Timestamp) -> Vec<Value> {
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    containers
        .map(|container| {
            let name = container["name"].as_str().unwrap_or_default();
            let asked = |what: &str, idle: i128, unit: i128| {
                let resources = &container["resources"];
                let part = |part: &str| resources[part][what].as_str().and_then(milli);
                part("requests").or_else(|| part("limits")).map_or(idle, |it| it / unit)
            };
            let key = format!("{uid} {name}");
            let cpu = asked("cpu", IDLE.0, 1) as f64 * (0.15 + 0.6 * wave(&key, at));
            let memory = asked("memory", IDLE.1, 1000) as f64 * (0.45 + 0.2 * wave(&key, at));
            let (cpu, memory) = ((cpu * 1e6) as u64, (memory / 1024.0) as u64);
            json!({"name": name, "usage": {"cpu": format!("{cpu}n"), "memory": format!("{memory}Ki")}})
        })
        .collect()
}

/// Returns something between 0 and 1 that goes up and down.
fn wave(key: &str, at: Timestamp) -> f64 {
    let phase = f64::from(fnv1a_32(key.as_bytes()) % 1000) / 1000.0;
    let window = at.as_second().div_euclid(WINDOW_S);
    let roll = fnv1a_32(format!("{key} {window}").as_bytes()) % 1000;
    let turn = std::f64::consts::TAU * (window as f64 / WAVE + phase);
    (0.4 + 0.4 * turn.sin() + f64::from(roll) / 5000.0).clamp(0.0, 1.0)
}

fn volumes(server: &Server, pod: &Value, at: Timestamp) -> Vec<Value> {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes
        .filter_map(|volume| {
            let claim = volume["persistentVolumeClaim"]["claimName"].as_str()?;
            let object = server
                .store
                .get("PersistentVolumeClaim", namespace, claim)?;
            let capacity = object["status"]["capacity"]["storage"]
                .as_str()
                .and_then(milli)?
                / 1000;
            let roll = f64::from(fnv1a_32(claim.as_bytes()) % 60) / 100.0;
            let used = capacity as f64 * (0.1 + roll + 0.01 * wave(claim, at));
            let (used, capacity) = (used as u64, u64::try_from(capacity).ok()?);
            Some(
                json!({"name": volume["name"], "usedBytes": used, "capacityBytes": capacity,
                "availableBytes": capacity.saturating_sub(used),
                "pvcRef": {"name": claim, "namespace": namespace}}),
            )
        })
        .collect()
}
