//! Objects as rows of a table, with the columns that `kubectl get` prints.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::resources::Resource;
use crate::store::Store;

use text::{age, count, joined, or_none, plain, since, texts};

mod batch;
mod custom;
mod pod;
mod text;

/// A column: name, and whether it is shown only with `-o wide`.
type Column = (&'static str, bool);
type Cells = fn(&Value, Timestamp) -> Vec<Value>;

/// Prints the objects of one kind.
#[derive(Debug, Clone)]
pub(super) struct Printer {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    BuiltIn(&'static [Column], Cells),
    Custom(Arc<custom::Columns>),
}

impl Printer {
    /// Returns the printer of a kind; a custom kind's columns are in its definition.
    pub(super) fn of(store: &Store, resource: &Resource) -> Printer {
        let kind = if resource.custom {
            Kind::Custom(Arc::new(custom::Columns::of(store, resource)))
        } else {
            let (columns, cells) = built_in(&resource.group, &resource.kind);
            Kind::BuiltIn(columns, cells)
        };
        Printer { kind }
    }

    pub(super) fn columns(&self) -> Value {
        match &self.kind {
            Kind::Custom(columns) => columns.definitions(),
            Kind::BuiltIn(columns, _) => columns
                .iter()
                .map(|(name, is_wide)| {
                    let format = if *name == "Name" { "name" } else { "" };
                    json!({"name": name, "type": "string", "format": format, "description": "",
                        "priority": i32::from(*is_wide)})
                })
                .collect(),
        }
    }

    pub(super) fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        match &self.kind {
            Kind::Custom(columns) => columns.cells(object, now),
            Kind::BuiltIn(_, cells) => cells(object, now),
        }
    }
}

macro_rules! columns {
    ($($name:literal)* $(; $($wide:literal)*)?) => { &[$(($name, false),)* $($(($wide, true),)*)?] };
}

fn built_in(group: &str, kind: &str) -> (&'static [Column], Cells) {
    match (group, kind) {
        ("", "Pod") => (
            columns!["Name" "Ready" "Status" "Restarts" "Age"; "IP" "Node" "Nominated Node" "Readiness Gates"],
            pod::cells,
        ),
        ("", "ConfigMap") => (columns!["Name" "Data" "Age"], config_map),
        ("", "Secret") => (columns!["Name" "Type" "Data" "Age"], secret),
        ("", "ResourceQuota") => (columns!["Name" "Request" "Limit" "Age"], quota),
        ("", "Service") => (
            columns!["Name" "Type" "Cluster-IP" "External-IP" "Port(s)" "Age"; "Selector"],
            service,
        ),
        ("", "Endpoints") => (columns!["Name" "Endpoints" "Age"], endpoints),
        ("", "Namespace") => (columns!["Name" "Status" "Age"], namespace),
        ("", "Node") => (
            columns!["Name" "Status" "Roles" "Age" "Version"; "Internal-IP" "External-IP" "OS-Image" "Kernel-Version"
                "Container-Runtime"],
            node,
        ),
        ("", "PersistentVolumeClaim") => (
            columns!["Name" "Status" "Volume" "Capacity" "Access Modes" "StorageClass" "VolumeAttributesClass" "Age";
                "VolumeMode"],
            claim,
        ),
        ("", "PersistentVolume") => (
            columns!["Name" "Capacity" "Access Modes" "Reclaim Policy" "Status" "Claim" "StorageClass"
                "VolumeAttributesClass" "Reason" "Age"; "VolumeMode"],
            volume,
        ),
        ("", "Event") => {
            const EVENT: &[Column] = &[
                ("Last Seen", false),
                ("Type", false),
                ("Reason", false),
                ("Object", false),
                ("Subobject", true),
                ("Source", true),
                ("Message", false),
                ("First Seen", true),
                ("Count", true),
                ("Name", true),
            ];
            (EVENT, event)
        }
        ("apps", "Deployment") => (
            columns!["Name" "Ready" "Up-to-date" "Available" "Age"; "Containers" "Images" "Selector"],
            deployment,
        ),
        ("apps", "ReplicaSet") => (
            columns!["Name" "Desired" "Current" "Ready" "Age"; "Containers" "Images" "Selector"],
            replica_set,
        ),
        ("apps", "StatefulSet") => (
            columns!["Name" "Ready" "Age"; "Containers" "Images"],
            stateful_set,
        ),
        ("apps", "DaemonSet") => (
            columns!["Name" "Desired" "Current" "Ready" "Up-to-date" "Available" "Node Selector" "Age";
                "Containers" "Images" "Selector"],
            batch::daemon_set,
        ),
        ("batch", "Job") => (
            columns!["Name" "Status" "Completions" "Duration" "Age"; "Containers" "Images" "Selector"],
            batch::job,
        ),
        ("batch", "CronJob") => (
            columns!["Name" "Schedule" "Timezone" "Suspend" "Active" "Last Schedule" "Age";
                "Containers" "Images" "Selector"],
            batch::cron_job,
        ),
        ("apps", "ControllerRevision") => {
            (columns!["Name" "Controller" "Revision" "Age"], revision)
        }
        ("networking.k8s.io", "Ingress") => (
            columns!["Name" "Class" "Hosts" "Address" "Ports" "Age"],
            ingress,
        ),
        ("networking.k8s.io", "IngressClass") => (
            columns!["Name" "Controller" "Parameters" "Age"],
            ingress_class,
        ),
        ("scheduling.k8s.io", "PriorityClass") => (
            columns!["Name" "Value" "Global-Default" "Age" "PreemptionPolicy"],
            priority_class,
        ),
        ("node.k8s.io", "RuntimeClass") => (columns!["Name" "Handler" "Age"], runtime_class),
        ("discovery.k8s.io", "EndpointSlice") => (
            columns!["Name" "AddressType" "Ports" "Endpoints" "Age"],
            endpoint_slice,
        ),
        ("storage.k8s.io", "StorageClass") => (
            columns!["Name" "Provisioner" "ReclaimPolicy" "VolumeBindingMode" "AllowVolumeExpansion" "Age"],
            storage_class,
        ),
        ("apiextensions.k8s.io", _) => (columns!["Name" "Created At"], definition),
        _ => (columns!["Name" "Age"], |object, now| {
            vec![name(object), age(object, now)]
        }),
    }
}

fn name(object: &Value) -> Value {
    object["metadata"]["name"].clone()
}

fn config_map(object: &Value, now: Timestamp) -> Vec<Value> {
    let n_keys = count(&object["data"]) + count(&object["binaryData"]);
    vec![name(object), json!(n_keys.to_string()), age(object, now)]
}

fn quota(object: &Value, now: Timestamp) -> Vec<Value> {
    let status = &object["status"];
    let hard = status["hard"].as_object().into_iter().flatten();
    let used = |name: &str| match &status["used"][name] {
        Value::Null => "0".to_owned(),
        used => plain(used),
    };
    let (limits, requests): (Vec<_>, Vec<_>) = hard
        .map(|(name, hard)| (name, format!("{name}: {}/{}", used(name), plain(hard))))
        .partition(|(name, _)| name.starts_with("limits."));
    let cell = |list: Vec<(&String, String)>| {
        let texts: Vec<String> = list.into_iter().map(|(_, text)| text).collect();
        json!(texts.join(", "))
    };
    vec![name(object), cell(requests), cell(limits), age(object, now)]
}

fn secret(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        object["type"].clone(),
        json!(count(&object["data"]).to_string()),
        age(object, now),
    ]
}

fn service(object: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &object["spec"];
    let ports = spec["ports"].as_array().into_iter().flatten().map(|port| {
        let node_port = port["nodePort"]
            .as_u64()
            .map(|number| format!(":{number}"))
            .unwrap_or_default();
        format!("{}{node_port}/{}", port["port"], plain(&port["protocol"]))
    });
    let external = match plain(&spec["type"]).as_str() {
        "ExternalName" => plain(&spec["externalName"]),
        "LoadBalancer" => {
            let given = object["status"]["loadBalancer"]["ingress"]
                .as_array()
                .into_iter()
                .flatten();
            let given = joined(given.map(|to| {
                plain(if to["ip"].is_null() {
                    &to["hostname"]
                } else {
                    &to["ip"]
                })
            }));
            if given.is_empty() {
                "<pending>".to_owned()
            } else {
                given
            }
        }
        _ => or_none(joined(texts(&spec["externalIPs"]))),
    };
    vec![
        name(object),
        spec["type"].clone(),
        json!(or_none(plain(&spec["clusterIP"]))),
        json!(external),
        json!(or_none(joined(ports))),
        age(object, now),
        json!(or_none(pairs(&spec["selector"]))),
    ]
}

fn pairs(map: &Value) -> String {
    joined(
        map.as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| format!("{key}={}", plain(value))),
    )
}

fn endpoints(object: &Value, now: Timestamp) -> Vec<Value> {
    let all = object["subsets"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|subset| {
            let ports: Vec<String> = subset["ports"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|port| port["port"].to_string())
                .collect();
            let addresses: Vec<String> = subset["addresses"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|address| plain(&address["ip"]))
                .collect();
            addresses.into_iter().flat_map(move |address| {
                let ports = ports.clone();
                ports
                    .into_iter()
                    .map(move |port| format!("{address}:{port}"))
            })
        });
    vec![
        name(object),
        json!(or_none(few(all.collect()))),
        age(object, now),
    ]
}

/// Returns the first three, and how many more there are.
fn few(all: Vec<String>) -> String {
    match all.len() {
        0..=3 => all.join(","),
        n => format!("{} + {} more...", all[..3].join(","), n - 3),
    }
}

fn endpoint_slice(object: &Value, now: Timestamp) -> Vec<Value> {
    let ports = object["ports"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|port| port["port"].to_string());
    let addresses = object["endpoints"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|endpoint| texts(&endpoint["addresses"]));
    vec![
        name(object),
        object["addressType"].clone(),
        json!(if object["ports"].is_array() {
            joined(ports)
        } else {
            "<unset>".into()
        }),
        json!(if object["endpoints"].is_array() {
            few(addresses.collect())
        } else {
            "<unset>".into()
        }),
        age(object, now),
    ]
}

fn namespace(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        object["status"]["phase"].clone(),
        age(object, now),
    ]
}

fn node(object: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let ready = status["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "Ready");
    let mut state = match ready.map(|condition| &condition["status"]) {
        Some(value) if value == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if spec["unschedulable"] == true {
        state += ",SchedulingDisabled";
    }
    let address = |kind: &str| {
        let found = status["addresses"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|address| address["type"] == kind);
        or_none(
            found
                .map(|address| plain(&address["address"]))
                .unwrap_or_default(),
        )
    };
    let roles = object["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten();
    let roles = roles.filter_map(|(key, _)| {
        key.strip_prefix("node-role.kubernetes.io/")
            .map(str::to_owned)
    });
    let info = &status["nodeInfo"];
    vec![
        name(object),
        json!(state),
        json!(or_none(joined(roles))),
        age(object, now),
        info["kubeletVersion"].clone(),
        json!(address("InternalIP")),
        json!(address("ExternalIP")),
        info["osImage"].clone(),
        info["kernelVersion"].clone(),
        info["containerRuntimeVersion"].clone(),
    ]
}

fn access_modes(modes: &Value) -> String {
    joined(texts(modes).map(|mode| match mode.as_str() {
        "ReadWriteOnce" => "RWO".to_owned(),
        "ReadOnlyMany" => "ROX".to_owned(),
        "ReadWriteMany" => "RWX".to_owned(),
        "ReadWriteOncePod" => "RWOP".to_owned(),
        _ => mode,
    }))
}

/// A claim shows size and modes of its volume once it has one.
fn claim(object: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let is_going = !object["metadata"]["deletionTimestamp"].is_null();
    let is_bound = !plain(&spec["volumeName"]).is_empty();
    let bound = |text: String| json!(if is_bound { text } else { String::new() });
    vec![
        name(object),
        json!(if is_going {
            "Terminating".into()
        } else {
            plain(&status["phase"])
        }),
        json!(plain(&spec["volumeName"])),
        bound(plain(&status["capacity"]["storage"])),
        bound(access_modes(&status["accessModes"])),
        json!(plain(&spec["storageClassName"])),
        json!("<unset>"),
        age(object, now),
        json!(plain(&spec["volumeMode"])),
    ]
}

fn volume(object: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let is_going = !object["metadata"]["deletionTimestamp"].is_null();
    let claim = &spec["claimRef"];
    let claim = if claim.is_object() {
        format!("{}/{}", plain(&claim["namespace"]), plain(&claim["name"]))
    } else {
        String::new()
    };
    vec![
        name(object),
        json!(plain(&spec["capacity"]["storage"])),
        json!(access_modes(&spec["accessModes"])),
        spec["persistentVolumeReclaimPolicy"].clone(),
        json!(if is_going {
            "Terminating".into()
        } else {
            plain(&status["phase"])
        }),
        json!(claim),
        json!(plain(&spec["storageClassName"])),
        json!("<unset>"),
        json!(plain(&status["reason"])),
        age(object, now),
        json!(plain(&spec["volumeMode"])),
    ]
}

fn event(object: &Value, now: Timestamp) -> Vec<Value> {
    let stamp = |keys: &[&str]| {
        keys.iter()
            .map(|key| &object[*key])
            .find(|value| value.is_string())
    };
    let last = stamp(&["lastTimestamp", "eventTime", "firstTimestamp"]);
    let first = stamp(&["firstTimestamp", "eventTime"]);
    let involved = &object["involvedObject"];
    let source = if object["source"]["component"].is_string() {
        joined(
            [&object["source"]["component"], &object["source"]["host"]]
                .into_iter()
                .filter(|v| v.is_string())
                .map(plain),
        )
    } else {
        plain(&object["reportingComponent"])
    };
    vec![
        json!(since(last, now)),
        object["type"].clone(),
        object["reason"].clone(),
        json!(format!(
            "{}/{}",
            plain(&involved["kind"]).to_lowercase(),
            plain(&involved["name"])
        )),
        json!(plain(&involved["fieldPath"])),
        json!(source.replace(',', ", ")),
        json!(plain(&object["message"]).trim()),
        json!(since(first, now)),
        json!(object["count"].as_i64().unwrap_or(1)),
        name(object),
    ]
}

fn containers(template: &Value) -> [Value; 2] {
    let of = |key: &str| {
        joined(
            template["spec"]["containers"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|c| plain(&c[key])),
        )
    };
    [json!(of("name")), json!(of("image"))]
}

fn selector(object: &Value) -> Value {
    json!(or_none(pairs(&object["spec"]["selector"]["matchLabels"])))
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn deployment(object: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let [names, images] = containers(&spec["template"]);
    vec![
        name(object),
        json!(format!(
            "{}/{}",
            number(&status["readyReplicas"]),
            number(&spec["replicas"])
        )),
        json!(number(&status["updatedReplicas"]).to_string()),
        json!(number(&status["availableReplicas"]).to_string()),
        age(object, now),
        names,
        images,
        selector(object),
    ]
}

fn replica_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let [names, images] = containers(&spec["template"]);
    vec![
        name(object),
        json!(number(&spec["replicas"]).to_string()),
        json!(number(&status["replicas"]).to_string()),
        json!(number(&status["readyReplicas"]).to_string()),
        age(object, now),
        names,
        images,
        selector(object),
    ]
}

fn stateful_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let [names, images] = containers(&spec["template"]);
    let ready = format!(
        "{}/{}",
        number(&status["readyReplicas"]),
        number(&spec["replicas"])
    );
    vec![name(object), json!(ready), age(object, now), names, images]
}

fn revision(object: &Value, now: Timestamp) -> Vec<Value> {
    let owners = object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten();
    let owner = owners
        .clone()
        .find(|owner| owner["controller"] == true)
        .map(|owner| {
            let group = plain(&owner["apiVersion"])
                .split_once('/')
                .map(|(group, _)| format!(".{group}"))
                .unwrap_or_default();
            format!(
                "{}{group}/{}",
                plain(&owner["kind"]).to_lowercase(),
                plain(&owner["name"])
            )
        });
    vec![
        name(object),
        json!(or_none(owner.unwrap_or_default())),
        json!(object["revision"].to_string()),
        age(object, now),
    ]
}

fn ingress(object: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &object["spec"];
    let hosts = joined(
        spec["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|rule| plain(&rule["host"]))
            .filter(|h| !h.is_empty()),
    );
    let addresses = object["status"]["loadBalancer"]["ingress"]
        .as_array()
        .into_iter()
        .flatten();
    let addresses = joined(addresses.map(|to| {
        plain(if to["ip"].is_null() {
            &to["hostname"]
        } else {
            &to["ip"]
        })
    }));
    let ports = if count(&spec["tls"]) > 0 {
        "80, 443"
    } else {
        "80"
    };
    vec![
        name(object),
        json!(or_none(plain(&spec["ingressClassName"]))),
        json!(if hosts.is_empty() {
            "*".to_owned()
        } else {
            hosts
        }),
        json!(addresses),
        json!(ports),
        age(object, now),
    ]
}

fn storage_class(object: &Value, now: Timestamp) -> Vec<Value> {
    let is_default =
        object["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true";
    let shown = format!(
        "{}{}",
        plain(&object["metadata"]["name"]),
        if is_default { " (default)" } else { "" }
    );
    vec![
        json!(shown),
        object["provisioner"].clone(),
        object["reclaimPolicy"].clone(),
        object["volumeBindingMode"].clone(),
        json!((object["allowVolumeExpansion"] == true).to_string()),
        age(object, now),
    ]
}

fn ingress_class(object: &Value, now: Timestamp) -> Vec<Value> {
    let of = &object["spec"]["parameters"];
    let kind = match of["apiGroup"].as_str() {
        Some(group) => format!("{}.{group}", plain(&of["kind"])),
        None => plain(&of["kind"]),
    };
    let parameters = match of.is_object() {
        true => format!("{kind}/{}", plain(&of["name"])),
        false => "<none>".to_owned(),
    };
    let controller = object["spec"]["controller"].clone();
    vec![
        name(object),
        controller,
        json!(parameters),
        age(object, now),
    ]
}

fn priority_class(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        object["value"].clone(),
        json!(object["globalDefault"] == true),
        age(object, now),
        object["preemptionPolicy"].clone(),
    ]
}

fn runtime_class(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![name(object), object["handler"].clone(), age(object, now)]
}

fn definition(object: &Value, _: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        object["metadata"]["creationTimestamp"].clone(),
    ]
}
