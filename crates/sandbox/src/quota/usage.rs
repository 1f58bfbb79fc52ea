//! What an object uses, by the names that quotas have for it, and what a quota demands to be stated.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::quantity::Quantity;
use crate::resources::Resource;

use super::Amounts;

/// What pods are limited by, besides their number.
const POD_NAMES: &[&str] = &[
    "pods",
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];
/// A quota of these wants every container of a pod to say how much it needs.
const TO_BE_STATED: &[&str] = &[
    "cpu",
    "memory",
    "requests.cpu",
    "requests.memory",
    "limits.cpu",
    "limits.memory",
];
/// Between a class's name and what of its claims is limited.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";
/// Kinds whose number has a name of its own beside `count/…`.
const COUNTED_BY_NAME: &[&str] = &[
    "configmaps",
    "resourcequotas",
    "replicationcontrollers",
    "secrets",
];

/// Returns whether a quota of this name is about objects of this kind.
pub(crate) fn concerns(resource: &Resource, name: &str) -> bool {
    if name == count_name(resource) {
        return true;
    }
    if !resource.group.is_empty() {
        return false;
    }
    match resource.plural.as_str() {
        "pods" => {
            let rest = name.strip_prefix("requests.");
            POD_NAMES.contains(&name)
                || rest.unwrap_or(name).starts_with("hugepages-")
                || rest.is_some_and(is_extended)
        }
        "services" => matches!(
            name,
            "services" | "services.nodeports" | "services.loadbalancers"
        ),
        "persistentvolumeclaims" => {
            let of_any = name.split_once(OF_CLASS).map_or(name, |(_, rest)| rest);
            matches!(of_any, "persistentvolumeclaims" | "requests.storage")
        }
        plural => name == plural && COUNTED_BY_NAME.contains(&plural),
    }
}

/// Returns what an object uses.
pub(super) fn usage(resource: &Resource, object: &Value, now: Timestamp) -> Amounts {
    let mut used = Amounts::from([(count_name(resource), Quantity::whole(1))]);
    if !resource.group.is_empty() {
        return used;
    }
    match resource.plural.as_str() {
        "pods" => pod(object, now, &mut used),
        "services" => service(&object["spec"], &mut used),
        "persistentvolumeclaims" => claim(object, &mut used),
        plural if COUNTED_BY_NAME.contains(&plural) => {
            used.insert(plural.to_owned(), Quantity::whole(1));
        }
        _ => {}
    }
    used
}

/// Returns what a quota of these names wants to be stated and which containers do not state it, in the API's words.
pub(super) fn missing(resource: &Resource, object: &Value, names: &[&str]) -> Option<String> {
    let spec = &object["spec"];
    if !resource.group.is_empty() || resource.plural != "pods" || is_stated_for_the_pod(spec) {
        return None;
    }
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for container in containers(spec).chain(init_containers(spec)) {
        let stated = computed(
            &of(&container["resources"]["requests"]),
            &of(&container["resources"]["limits"]),
        );
        let name = container["name"].as_str().unwrap_or_default();
        for wanted in names.iter().filter(|name| TO_BE_STATED.contains(name)) {
            if !stated.contains_key(*wanted) {
                missing.entry(wanted).or_default().insert(name);
            }
        }
    }
    let sentence = |(what, of): (&str, BTreeSet<&str>)| {
        let of: Vec<&str> = of.into_iter().collect();
        format!("{what} for: {}", of.join(","))
    };
    let sentences: Vec<String> = missing.into_iter().map(sentence).collect();
    (!sentences.is_empty()).then(|| sentences.join("; "))
}

fn count_name(resource: &Resource) -> String {
    match resource.group.as_str() {
        "" => format!("count/{}", resource.plural),
        group => format!("count/{}.{group}", resource.plural),
    }
}

/// Resources that some vendor added to nodes, such as GPUs.
fn is_extended(name: &str) -> bool {
    let domain = name.split_once('/').map(|(domain, _)| domain);
    domain.is_some_and(|domain| domain != "kubernetes.io" && !domain.ends_with(".kubernetes.io"))
}

/// A pod that has ended, or should have by now, is only counted.
fn pod(pod: &Value, now: Timestamp, used: &mut Amounts) {
    let has_ended = matches!(
        pod["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    );
    if has_ended || is_overdue(&pod["metadata"], now) {
        return;
    }
    let requests = needs(&pod["spec"], "requests");
    let limits = needs(&pod["spec"], "limits");
    used.insert("pods".to_owned(), Quantity::whole(1));
    used.extend(computed(&requests, &limits));
}

fn is_overdue(metadata: &Value, now: Timestamp) -> bool {
    let time: Option<Timestamp> = metadata["deletionTimestamp"]
        .as_str()
        .and_then(|text| text.parse().ok());
    let grace = metadata["deletionGracePeriodSeconds"].as_i64();
    time.zip(grace).is_some_and(|(time, grace)| {
        let end = time.saturating_add(SignedDuration::from_secs(grace));
        end.is_ok_and(|end| now > end)
    })
}

/// Returns what a pod needs: its containers together, or the most that one of those needs which run before, and what it
/// needs itself.
fn needs(spec: &Value, which: &str) -> Amounts {
    let mut sum = Amounts::new();
    for container in containers(spec) {
        add(&mut sum, &of(&container["resources"][which]));
    }
    let (mut beside, mut most) = (Amounts::new(), Amounts::new());
    for container in init_containers(spec) {
        let own = of(&container["resources"][which]);
        let mut at_once = beside.clone();
        add(&mut at_once, &own);
        if container["restartPolicy"] == "Always" {
            // It goes on beside all that come after it.
            add(&mut sum, &own);
            beside = at_once.clone();
        }
        raise(&mut most, &at_once);
    }
    raise(&mut sum, &most);
    let whole = of(&spec["resources"][which]);
    sum.extend(whole.into_iter().filter(|(name, _)| is_for_pods(name)));
    for (name, amount) in of(&spec["overhead"]) {
        let is_limited = sum.get(&name).is_some_and(|limit| limit.milli != 0);
        if which == "requests" || is_limited {
            add(&mut sum, &Amounts::from([(name, amount)]));
        }
    }
    sum
}

/// What may be stated for a pod as a whole.
fn is_for_pods(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

fn is_stated_for_the_pod(spec: &Value) -> bool {
    ["requests", "limits"]
        .into_iter()
        .flat_map(|which| of(&spec["resources"][which]))
        .any(|(name, _)| is_for_pods(&name))
}

/// Returns requests and limits under the names that quotas have for them.
fn computed(requests: &Amounts, limits: &Amounts) -> Amounts {
    let mut used = Amounts::new();
    for (name, amount) in requests {
        let has_short_name = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage")
            || name.starts_with("hugepages-");
        if has_short_name {
            used.insert(name.clone(), *amount);
        }
        if has_short_name || is_extended(name) {
            used.insert(format!("requests.{name}"), *amount);
        }
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(amount) = limits.get(name) {
            used.insert(format!("limits.{name}"), *amount);
        }
    }
    used
}

fn service(spec: &Value, used: &mut Amounts) {
    let ports: &[Value] = spec["ports"].as_array().map_or(&[], Vec::as_slice);
    let chosen = ports
        .iter()
        .filter(|port| port["nodePort"].as_u64().is_some_and(|number| number != 0));
    let (node_ports, balancers) = match spec["type"].as_str() {
        Some("NodePort") => (ports.len(), 0),
        Some("LoadBalancer") if spec["allocateLoadBalancerNodePorts"] == false => {
            (chosen.count(), 1)
        }
        Some("LoadBalancer") => (ports.len(), 1),
        _ => (0, 0),
    };
    for (name, number) in [
        ("services", 1),
        ("services.nodeports", node_ports),
        ("services.loadbalancers", balancers),
    ] {
        used.insert(name.to_owned(), Quantity::whole(number));
    }
}

fn claim(claim: &Value, used: &mut Amounts) {
    let requested = Quantity::of(&claim["spec"]["resources"]["requests"]["storage"]);
    let allocated = Quantity::of(&claim["status"]["allocatedResources"]["storage"]);
    let storage = match (requested, allocated) {
        (Some(requested), Some(allocated)) if allocated.milli > requested.milli => Some(allocated),
        (requested, _) => requested,
    };
    let mut amounts = vec![("persistentvolumeclaims", Quantity::whole(1))];
    amounts.extend(storage.map(|storage| ("requests.storage", storage.rounded_up())));
    let class = claim["spec"]["storageClassName"]
        .as_str()
        .unwrap_or_default();
    for (name, amount) in amounts {
        used.insert(name.to_owned(), amount);
        if !class.is_empty() {
            used.insert(format!("{class}{OF_CLASS}{name}"), amount);
        }
    }
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    spec["containers"].as_array().into_iter().flatten()
}

fn init_containers(spec: &Value) -> impl Iterator<Item = &Value> {
    spec["initContainers"].as_array().into_iter().flatten()
}

fn of(map: &Value) -> Amounts {
    super::amounts(map)
}

fn add(sum: &mut Amounts, more: &Amounts) {
    for (name, amount) in more {
        let before = sum.get(name).copied().unwrap_or_default();
        sum.insert(name.clone(), before.plus(*amount));
    }
}

fn raise(most: &mut Amounts, others: &Amounts) {
    for (name, amount) in others {
        let before = most.get(name);
        if before.is_none_or(|before| before.milli < amount.milli) {
            most.insert(name.clone(), *amount);
        }
    }
}
