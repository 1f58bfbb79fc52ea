//! Services: which pods stand behind one, and the address of a load balancer.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::object::{
    controller_reference, flag, is_deleting, items, map, name, namespace, text, uid,
};
use super::pods::{fnv1a_32, is_finished, is_ready, safe_encode};
use super::view::{Key, View};
use super::write::{Decision, Note, Write};
use crate::selector::selects;

/// Who load balancer events come from.
const COMPONENT: &str = "service-controller";

/// Decides what one Service needs: endpoints in both forms, and an address if it asks for a load balancer.
pub fn reconcile(view: &View, key: &Key) -> Decision {
    let Some(service) = view
        .get(Kind::Service, key)
        .filter(|service| !is_deleting(service))
    else {
        // Slices go with their owner; the older form bears the Service's name and no owner.
        let orphan = view
            .get(Kind::Endpoints, key)
            .filter(|endpoints| !is_deleting(endpoints));
        return Decision::of(
            orphan
                .map(|orphan| Write::delete(Kind::Endpoints, orphan))
                .into_iter()
                .collect(),
        );
    };
    let mut decision = Decision::nothing();
    if map(service, "/spec/selector").is_some_and(|selector| !selector.is_empty()) {
        let backends = backends(view, service);
        decision
            .writes
            .extend(endpoints_write(view, service, &backends));
        decision
            .writes
            .extend(slice_write(view, service, &backends));
    }
    if text(service, "/spec/type") == "LoadBalancer" {
        decision.writes.extend(balance(view, service));
    }
    decision
}

/// One pod behind a Service.
struct Backend<'a> {
    pod: &'a Value,
    is_ready: bool,
}

fn backends<'a>(view: &'a View, service: &'a Value) -> Vec<Backend<'a>> {
    let selector = json!({"matchLabels": service["spec"]["selector"]});
    let is_published = |pod: &Value| {
        let counts_anyway = flag(service, "/spec/publishNotReadyAddresses");
        counts_anyway || is_ready(pod) && !is_deleting(pod)
    };
    view.list(Kind::Pod, namespace(service))
        .filter(|pod| selects(Some(&selector), map(pod, "/metadata/labels")))
        .filter(|pod| !text(pod, "/status/podIP").is_empty() && !is_finished(pod))
        .map(|pod| Backend {
            pod,
            is_ready: is_published(pod),
        })
        .collect()
}

/// Returns the port that a Service's target means on a pod.
fn target_port(port: &Value, pod: Option<&Value>) -> Option<Value> {
    match port.get("targetPort") {
        Some(Value::String(wanted)) => items(pod?, "/spec/containers")
            .iter()
            .flat_map(|container| items(container, "/ports"))
            .find(|found| text(found, "/name") == wanted)
            .map(|found| found["containerPort"].clone()),
        Some(number) => Some(number.clone()),
        None => port.get("port").cloned(),
    }
}

fn ports(service: &Value, pod: Option<&Value>) -> Vec<Value> {
    items(service, "/spec/ports")
        .iter()
        .filter_map(|port| {
            let mut shown = Map::new();
            if let Some(name) = port.get("name") {
                shown.insert("name".to_owned(), name.clone());
            }
            shown.insert("port".to_owned(), target_port(port, pod)?);
            shown.insert(
                "protocol".to_owned(),
                port.get("protocol")
                    .cloned()
                    .unwrap_or_else(|| json!("TCP")),
            );
            Some(Value::Object(shown))
        })
        .collect()
}

fn target_reference(pod: &Value) -> Value {
    json!({"kind": "Pod", "name": name(pod), "namespace": namespace(pod), "uid": uid(pod)})
}

fn endpoints_write(view: &View, service: &Value, backends: &[Backend<'_>]) -> Option<Write> {
    let address = |backend: &Backend<'_>| {
        json!({
            "ip": text(backend.pod, "/status/podIP"),
            "nodeName": text(backend.pod, "/spec/nodeName"),
            "targetRef": target_reference(backend.pod),
        })
    };
    let list = |wanted: bool| -> Vec<Value> {
        backends
            .iter()
            .filter(|backend| backend.is_ready == wanted)
            .map(address)
            .collect()
    };
    let mut subset = Map::new();
    for (field, addresses) in [
        ("addresses", list(true)),
        ("notReadyAddresses", list(false)),
    ] {
        if !addresses.is_empty() {
            subset.insert(field.to_owned(), Value::Array(addresses));
        }
    }
    let ports = ports(service, backends.first().map(|backend| backend.pod));
    if !ports.is_empty() {
        subset.insert("ports".to_owned(), Value::Array(ports));
    }
    let subsets = if backends.is_empty() {
        Value::Null
    } else {
        json!([subset])
    };
    let mut endpoints = json!({
        "apiVersion": Kind::Endpoints.api_version(),
        "kind": Kind::Endpoints.kind(),
        "metadata": {
            "name": name(service),
            "namespace": namespace(service),
            "labels": {"endpoints.kubernetes.io/managed-by": "endpoint-controller"},
        },
    });
    if !subsets.is_null() {
        endpoints["subsets"] = subsets.clone();
    }
    match view.get(Kind::Endpoints, &Key::of(service)) {
        None => Some(Write::Create(endpoints)),
        Some(found) if found.get("subsets").unwrap_or(&Value::Null) == &subsets => None,
        Some(found) => Some(Write::update(found, |found| found["subsets"] = subsets)),
    }
}

fn slice_write(view: &View, service: &Value, backends: &[Backend<'_>]) -> Option<Write> {
    let endpoint = |backend: &Backend<'_>| {
        json!({
            "addresses": [text(backend.pod, "/status/podIP")],
            "conditions": {
                "ready": backend.is_ready,
                "serving": is_ready(backend.pod),
                "terminating": is_deleting(backend.pod),
            },
            "nodeName": text(backend.pod, "/spec/nodeName"),
            "targetRef": target_reference(backend.pod),
        })
    };
    let endpoints: Vec<Value> = backends.iter().map(endpoint).collect();
    let ports = ports(service, backends.first().map(|backend| backend.pod));
    if let Some(found) = view.controlled(Kind::EndpointSlice, service).next() {
        let is_same = items(found, "/endpoints") == endpoints && items(found, "/ports") == ports;
        return (!is_same).then(|| {
            Write::update(found, |found| {
                found["endpoints"] = json!(endpoints);
                found["ports"] = json!(ports);
            })
        });
    }
    let suffix = safe_encode(&format!(
        "{:05}",
        fnv1a_32(uid(service).as_bytes()) % 100_000
    ));
    let mut labels: BTreeMap<String, Value> = map(service, "/metadata/labels")
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    labels.insert(
        "endpointslice.kubernetes.io/managed-by".to_owned(),
        json!("endpointslice-controller.k8s.io"),
    );
    labels.insert(
        "kubernetes.io/service-name".to_owned(),
        json!(name(service)),
    );
    if text(service, "/spec/clusterIP") == "None" {
        labels.insert("service.kubernetes.io/headless".to_owned(), json!(""));
    }
    Some(Write::Create(json!({
        "apiVersion": Kind::EndpointSlice.api_version(),
        "kind": Kind::EndpointSlice.kind(),
        "metadata": {
            "name": format!("{}-{suffix}", name(service)),
            "generateName": format!("{}-", name(service)),
            "namespace": namespace(service),
            "labels": labels,
            "ownerReferences": [controller_reference(service)],
        },
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    })))
}

/// Gives a Service that asks for a load balancer a loopback address of its own.
fn balance(view: &View, service: &Value) -> Vec<Write> {
    if !items(service, "/status/loadBalancer/ingress").is_empty() {
        return Vec::new();
    }
    let taken: Vec<&str> = view
        .all(Kind::Service)
        .flat_map(|other| items(other, "/status/loadBalancer/ingress"))
        .map(|ingress| text(ingress, "/ip"))
        .collect();
    let address = |host: u8| format!("127.0.0.{host}");
    let Some(ip) = (2..=254)
        .map(address)
        .find(|ip| !taken.contains(&ip.as_str()))
    else {
        return Vec::new();
    };
    let mut status = service.get("status").cloned().unwrap_or_else(|| json!({}));
    status["loadBalancer"] = json!({"ingress": [{"ip": ip, "ipMode": "VIP"}]});
    vec![
        Write::Event(Note::normal(
            COMPONENT,
            service,
            "EnsuringLoadBalancer",
            "Ensuring load balancer".to_owned(),
        )),
        Write::status(Kind::Service, service, status),
        Write::Event(Note::normal(
            COMPONENT,
            service,
            "EnsuredLoadBalancer",
            "Ensured load balancer".to_owned(),
        )),
    ]
}

/// All of a pod that a Service goes by: another change of it concerns none.
#[derive(Debug, PartialEq)]
pub struct Standing<'a> {
    labels: Option<&'a Map<String, Value>>,
    ports: Vec<&'a [Value]>,
    ip: &'a str,
    node: &'a str,
    is_ready: bool,
    is_finished: bool,
    is_deleting: bool,
}

/// Returns what a Service would see of a pod.
pub fn standing(pod: &Value) -> Standing<'_> {
    let containers = items(pod, "/spec/containers").iter();
    Standing {
        labels: map(pod, "/metadata/labels"),
        ports: containers.map(|it| items(it, "/ports")).collect(),
        ip: text(pod, "/status/podIP"),
        node: text(pod, "/spec/nodeName"),
        is_ready: is_ready(pod),
        is_finished: is_finished(pod),
        is_deleting: is_deleting(pod),
    }
}

/// Returns the Services that select a pod with these labels.
pub fn selecting<'a>(view: &'a View, pod: &'a Value) -> impl Iterator<Item = Key> + 'a {
    let labels = map(pod, "/metadata/labels");
    view.list(Kind::Service, namespace(pod))
        .filter(move |service| {
            let selector = map(service, "/spec/selector").filter(|selector| !selector.is_empty());
            selector.is_some_and(|selector| {
                selector
                    .iter()
                    .all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
            })
        })
        .map(Key::of)
}
