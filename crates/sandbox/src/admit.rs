//! What admission and allocation give to objects, from what else is in the cluster: addresses, ports, classes, finalizers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::quantity::milli;
use crate::resources::Resource;
use crate::status::{Cause, Status};
use crate::store::Inner;

/// The class that claims without one get bears this annotation.
const IS_DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
/// The node ports that are given out.
const NODE_PORTS: std::ops::RangeInclusive<u64> = 30_000..=32_767;

/// Completes a new object.
pub(crate) fn on_create(
    inner: &Inner,
    resource: &Resource,
    object: &mut Value,
) -> Result<(), Status> {
    if (resource.group.as_str(), resource.kind.as_str()) == ("batch", "Job") {
        job(object);
    }
    if !resource.group.is_empty() {
        return Ok(());
    }
    match resource.kind.as_str() {
        "Namespace" => {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            Ok(())
        }
        "Pod" => {
            priority(inner, object)?;
            runtime(inner, object)?;
            pod(object);
            Ok(())
        }
        "PersistentVolumeClaim" => {
            claim(inner, object);
            Ok(())
        }
        "PersistentVolume" => {
            hold(object, "kubernetes.io/pv-protection");
            Ok(())
        }
        "Service" => service(inner, object, None),
        _ => Ok(()),
    }
}

/// Completes a changed object.
pub(crate) fn on_update(
    inner: &Inner,
    resource: &Resource,
    live: &Value,
    object: &mut Value,
) -> Result<(), Status> {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Service") => {
            // What was allocated stays where a client leaves it out.
            for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if object["spec"].get(key).is_none()
                    && object["spec"]["type"] != "ExternalName"
                    && let Some(value) = live["spec"].get(key)
                {
                    object["spec"][key] = value.clone();
                }
            }
            service(inner, object, Some(live))
        }
        ("", "PersistentVolumeClaim") => resize(inner, resource, live, object),
        _ => Ok(()),
    }
}

fn hold(object: &mut Value, finalizer: &str) {
    let list = object["metadata"]["finalizers"].as_array();
    let mut finalizers: Vec<Value> = list.into_iter().flatten().cloned().collect();
    if !finalizers.iter().any(|held| held == finalizer) {
        finalizers.push(json!(finalizer));
    }
    object["metadata"]["finalizers"] = json!(finalizers);
}

/// The pods of a Job are told by its uid, so that no other Job's are taken for its own.
fn job(object: &mut Value) {
    if object["spec"]["manualSelector"] == true {
        return;
    }
    let (uid, name) = (
        object["metadata"]["uid"].clone(),
        object["metadata"]["name"].clone(),
    );
    let labels = &mut object["spec"]["template"]["metadata"]["labels"];
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        labels[key] = value.clone();
    }
    object["spec"]["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"] = uid;
}

/// A pod gets the priority of its class; one that names none gets that of the default class.
fn priority(inner: &Inner, object: &mut Value) -> Result<(), Status> {
    let class = match class_name(object, "priorityClassName") {
        Some(named) => {
            let missing = || format!("no PriorityClass with name {named} was found");
            let class = find(inner, "scheduling.k8s.io", "priorityclasses", &named);
            Some(class.ok_or_else(|| refused(object, &missing()))?)
        }
        None => {
            let mut classes = all(inner, "scheduling.k8s.io", "priorityclasses");
            classes.find(|class| class["globalDefault"] == true)
        }
    };
    if let Some(class) = class {
        let spec = &mut object["spec"];
        spec["priorityClassName"] = class["metadata"]["name"].clone();
        spec["priority"] = class["value"].clone();
        put(spec, "preemptionPolicy", class["preemptionPolicy"].clone());
    }
    Ok(())
}

/// A pod without a node that could run it as it asks is refused, not left waiting.
fn runtime(inner: &Inner, object: &Value) -> Result<(), Status> {
    match class_name(object, "runtimeClassName") {
        Some(named) if find(inner, "node.k8s.io", "runtimeclasses", &named).is_none() => {
            let why = format!("pod rejected: RuntimeClass \"{named}\" not found");
            Err(refused(object, &why))
        }
        _ => Ok(()),
    }
}

fn class_name(object: &Value, field: &str) -> Option<String> {
    let name = object["spec"][field].as_str();
    name.filter(|name| !name.is_empty()).map(str::to_owned)
}

fn refused(pod: &Value, why: &str) -> Status {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    Status::forbidden("", "pods", name, why)
}

fn all<'a>(inner: &'a Inner, group: &str, plural: &str) -> impl Iterator<Item = &'a Value> {
    let objects = inner.objects.get(&(group.to_owned(), plural.to_owned()));
    let objects = objects.into_iter().flat_map(|objects| objects.values());
    objects.map(|object| &**object)
}

fn find<'a>(inner: &'a Inner, group: &str, plural: &str, name: &str) -> Option<&'a Value> {
    all(inner, group, plural).find(|object| object["metadata"]["name"] == name)
}

fn pod(object: &mut Value) {
    let spec = &mut object["spec"];
    for (key, value) in [
        ("serviceAccountName", json!("default")),
        ("serviceAccount", json!("default")),
        ("preemptionPolicy", json!("PreemptLowerPriority")),
        ("priority", json!(0)),
    ] {
        if spec.get(key).is_none() {
            spec[key] = value;
        }
    }
    let tolerates = |spec: &Value, key: &str| {
        spec["tolerations"]
            .as_array()
            .is_some_and(|list| list.iter().any(|toleration| toleration["key"] == key))
    };
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        if !tolerates(spec, key) {
            let list = spec["tolerations"].as_array();
            let mut tolerations: Vec<Value> = list.into_iter().flatten().cloned().collect();
            tolerations.push(json!({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300}));
            spec["tolerations"] = json!(tolerations);
        }
    }
}

fn claim(inner: &Inner, object: &mut Value) {
    hold(object, "kubernetes.io/pvc-protection");
    if object["spec"].get("storageClassName").is_some() {
        return;
    }
    let classes = inner
        .objects
        .get(&("storage.k8s.io".to_owned(), "storageclasses".to_owned()));
    let mut defaults = classes
        .into_iter()
        .flat_map(|classes| classes.values())
        .filter(|class| class["metadata"]["annotations"][IS_DEFAULT_CLASS] == "true");
    if let Some(class) = defaults.next() {
        object["spec"]["storageClassName"] = class["metadata"]["name"].clone();
    }
}

/// Growing a bound claim needs a class that allows it.
fn resize(inner: &Inner, resource: &Resource, live: &Value, object: &Value) -> Result<(), Status> {
    let size = |object: &Value| {
        milli(
            object["spec"]["resources"]["requests"]["storage"]
                .as_str()
                .unwrap_or_default(),
        )
    };
    if size(object) <= size(live) {
        return Ok(());
    }
    let class = live["spec"]["storageClassName"]
        .as_str()
        .unwrap_or_default();
    let classes = inner
        .objects
        .get(&("storage.k8s.io".to_owned(), "storageclasses".to_owned()));
    let class = classes.and_then(|classes| classes.get(&(String::new(), class.to_owned())));
    if class.is_some_and(|class| class["allowVolumeExpansion"] == true) {
        return Ok(());
    }
    let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
    let name = live["metadata"]["name"].as_str().unwrap_or_default();
    Err(Status::forbidden("", &resource.plural, name, why))
}

fn service(inner: &Inner, object: &mut Value, live: Option<&Value>) -> Result<(), Status> {
    if object["spec"]["type"] == "ExternalName" {
        return Ok(());
    }
    let others = others(inner, object);
    addresses(&others, object);
    put(&mut object["spec"], "ipFamilies", json!(["IPv4"]));
    put(&mut object["spec"], "ipFamilyPolicy", json!("SingleStack"));
    node_ports(&others, object, live)
}

fn put(map: &mut Value, key: &str, value: Value) {
    if map.get(key).is_none() {
        map[key] = value;
    }
}

fn others<'a>(inner: &'a Inner, object: &Value) -> Vec<&'a Value> {
    let services = inner.objects.get(&(String::new(), "services".to_owned()));
    let is_self = |other: &Value| {
        other["metadata"]["name"] == object["metadata"]["name"]
            && other["metadata"]["namespace"] == object["metadata"]["namespace"]
    };
    let all = services.into_iter().flat_map(|services| services.values());
    all.map(|service| &**service)
        .filter(|service| !is_self(service))
        .collect()
}

fn addresses(others: &[&Value], object: &mut Value) {
    let spec = &mut object["spec"];
    if spec.get("clusterIP").is_none_or(|ip| ip == "") {
        let used: BTreeSet<&str> = others
            .iter()
            .filter_map(|other| other["spec"]["clusterIP"].as_str())
            .collect();
        let free = (10_u32..4094)
            .map(|n| format!("10.0.{}.{}", n / 256, n % 256))
            .find(|ip| !used.contains(ip.as_str()));
        spec["clusterIP"] = json!(free.unwrap_or_default());
    }
    if spec.get("clusterIPs").is_none() {
        spec["clusterIPs"] = json!([spec["clusterIP"]]);
    }
}

fn node_ports(others: &[&Value], object: &mut Value, live: Option<&Value>) -> Result<(), Status> {
    let wants = object["spec"]["type"] == "NodePort"
        || (object["spec"]["type"] == "LoadBalancer"
            && object["spec"]["allocateLoadBalancerNodePorts"] != false);
    let is_internal = object["spec"]["type"] == "ClusterIP";
    let ports = |service: &Value| {
        service["spec"]["ports"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let mut used: BTreeSet<u64> = others
        .iter()
        .flat_map(|other| ports(other))
        .filter_map(|port| port["nodePort"].as_u64())
        .collect();
    let before = live.map(ports).unwrap_or_default();
    let name = object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut causes = Vec::new();
    for (at, port) in object["spec"]["ports"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let known = before
            .iter()
            .find(|old| old["port"] == port["port"] && old["protocol"] == port["protocol"]);
        let wanted = port["nodePort"]
            .as_u64()
            .or_else(|| known.and_then(|old| old["nodePort"].as_u64()));
        let mut refuse = |reason: &'static str, message: String| {
            causes.push(Cause {
                reason,
                message,
                field: format!("spec.ports[{at}].nodePort"),
            });
        };
        match wanted {
            // What it had as another type goes with that; what is new is wrong.
            Some(number) if is_internal && known.is_some_and(|old| old["nodePort"] == number) => {
                port.as_object_mut().map(|port| port.remove("nodePort"));
            }
            Some(_) if is_internal => refuse(
                "FieldValueForbidden",
                "Forbidden: may not be used when `type` is 'ClusterIP'".to_owned(),
            ),
            Some(number) if !NODE_PORTS.contains(&number) && wants => {
                refuse(
                    "FieldValueInvalid",
                    format!(
                        "Invalid value: {number}: provided port is not in the valid range. The range of valid ports is 30000-32767"
                    ),
                );
            }
            Some(number) if used.contains(&number) => {
                refuse(
                    "FieldValueInvalid",
                    format!("Invalid value: {number}: provided port is already allocated"),
                );
            }
            Some(number) if wants => {
                port["nodePort"] = json!(number);
                used.insert(number);
            }
            None if wants => {
                let free = NODE_PORTS.clone().find(|number| !used.contains(number));
                used.extend(free);
                port["nodePort"] = json!(free);
            }
            _ => {}
        }
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid("", "Service", &name, &causes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_a_node_port_goes_with_the_type_that_had_it() {
        let service = |kind: &str, number: Option<u64>| {
            let mut port = json!({"port": 80, "protocol": "TCP"});
            if let Some(number) = number {
                port["nodePort"] = json!(number);
            }
            json!({"metadata": {"name": "web"}, "spec": {"type": kind, "ports": [port]}})
        };
        let check = |live: Option<Value>, wanted: Option<u64>, expected: Result<(), u16>| {
            let mut object = service("ClusterIP", wanted);
            let checked = node_ports(&[], &mut object, live.as_ref());
            assert_eq!(checked.map_err(|status| status.code), expected);
            let is_kept = expected.is_ok() && object["spec"]["ports"][0].get("nodePort").is_some();
            assert!(!is_kept, "{object}");
        };
        let live = || Some(service("NodePort", Some(30000)));
        check(live(), Some(30000), Ok(()));
        check(live(), None, Ok(()));
        check(live(), Some(30001), Err(422));
        check(None, Some(30000), Err(422));
        check(None, None, Ok(()));
    }
}
