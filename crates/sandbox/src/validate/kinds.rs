//! What the built-in kinds demand of their fields.

use std::net::IpAddr;

use base64::Engine;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::pods::{pod_spec, pod_spec_with, port_number};
use super::{Faults, is_dns_subdomain, items, labels, map_len};
use crate::controllers::Schedule;
use crate::quantity::milli;
use crate::resources::Resource;
use crate::selector::selects;

/// The most bytes that a ConfigMap or Secret may hold.
const DATA_LIMIT: usize = 1024 * 1024;

/// Finds what is wrong with an object of a built-in kind.
pub(super) fn check(resource: &Resource, object: &Value, faults: &mut Faults) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "ConfigMap") => data(object, faults),
        ("", "Secret") => secret(object, faults),
        ("", "Pod") => pod_spec(&object["spec"], "spec", faults),
        ("", "Service") => service(object, faults),
        ("", "PersistentVolumeClaim") => claim_spec(&object["spec"], "spec", faults),
        ("", "ResourceQuota") => quota(&object["spec"], faults),
        ("apps", kind @ ("Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")) => {
            workload(object, faults);
            if kind == "Deployment" {
                strategy(&object["spec"]["strategy"], faults);
            }
        }
        ("batch", "Job") => job_pods(&object["spec"]["template"]["spec"], "spec", faults),
        ("batch", "CronJob") => cron_job(&object["spec"], faults),
        ("networking.k8s.io", "Ingress") => ingress(object, faults),
        ("policy", "PodDisruptionBudget") => disruption_budget(&object["spec"], faults),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(&object["spec"], faults),
        _ => {}
    }
}

/// What quotas limit by names without a domain; those of these that are numbers of objects come first.
const LIMITED: &[&str] = &[
    "pods",
    "services",
    "services.nodeports",
    "services.loadbalancers",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

fn quota(spec: &Value, faults: &mut Faults) {
    for (name, amount) in spec["hard"].as_object().into_iter().flatten() {
        let field = format!("spec.hard[{name}]");
        let at = LIMITED.iter().position(|known| known == name);
        let is_of_pages = name
            .trim_start_matches("requests.")
            .starts_with("hugepages-");
        if at.is_none() && !is_of_pages && !name.contains('/') {
            for why in [
                "must be a standard resource type or fully qualified",
                "must be a standard resource for quota",
            ] {
                faults.invalid(&field, &json!(name), why);
            }
        }
        let milli = quantity_of(amount).unwrap_or_default();
        if milli < 0 {
            let why = "must be greater than or equal to 0";
            faults.invalid(&field, amount, why);
        } else if at.is_some_and(|at| at < 9) && milli % 1000 != 0 {
            faults.invalid(&field, amount, "must be an integer");
        }
    }
}

fn data(object: &Value, faults: &mut Faults) {
    let decoded = |text: &str| {
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_or(text.len(), |bytes| bytes.len())
    };
    let n_bytes = map_len(object["data"].as_object(), str::len)
        + map_len(object["binaryData"].as_object(), decoded);
    if n_bytes > DATA_LIMIT {
        faults.too_long("[]", DATA_LIMIT);
    }
    for list in ["data", "binaryData"] {
        data_keys(object, list, faults);
    }
}

fn secret(object: &Value, faults: &mut Faults) {
    let decoded = |text: &str| {
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_or(text.len(), |bytes| bytes.len())
    };
    if map_len(object["data"].as_object(), decoded) > DATA_LIMIT {
        faults.too_long("data", DATA_LIMIT);
    }
    data_keys(object, "data", faults);
}

fn data_keys(object: &Value, list: &str, faults: &mut Faults) {
    for (key, _) in object[list].as_object().into_iter().flatten() {
        let is_legal = key.len() <= 253
            && !key.is_empty()
            && key != "."
            && key != ".."
            && key
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !is_legal {
            let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                       'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
            faults.invalid(format!("{list}[{key}]"), &json!(key), why);
        }
    }
}

fn workload(object: &Value, faults: &mut Faults) {
    let spec = &object["spec"];
    if spec["selector"]
        .as_object()
        .is_none_or(|selector| selector.is_empty())
    {
        faults.required("spec.selector", "");
    }
    let own = &spec["template"]["metadata"]["labels"];
    labels(own, "spec.template.labels", faults);
    if !selects(Some(&spec["selector"]), own.as_object()) {
        faults.invalid(
            "spec.template.metadata.labels",
            own,
            "`selector` does not match template `labels`",
        );
    }
    if let Some(replicas) = spec["replicas"].as_i64().filter(|replicas| *replicas < 0) {
        faults.invalid(
            "spec.replicas",
            &json!(replicas),
            "must be greater than or equal to 0",
        );
    }
    for (at, template) in items(spec, "/volumeClaimTemplates").iter().enumerate() {
        claim_spec(
            &template["spec"],
            &format!("spec.volumeClaimTemplates[{at}].spec"),
            faults,
        );
    }
    let claims: Vec<&Value> = items(spec, "/volumeClaimTemplates")
        .iter()
        .map(|claim| &claim["metadata"]["name"])
        .collect();
    pod_spec_with(
        &spec["template"]["spec"],
        "spec.template.spec",
        &claims,
        faults,
    );
    let policy = &spec["template"]["spec"]["restartPolicy"];
    if policy != "Always" {
        let field = "spec.template.spec.restartPolicy";
        faults.unsupported(field, policy, "\"Always\"");
    }
}

fn strategy(strategy: &Value, faults: &mut Faults) {
    let rolling = &strategy["rollingUpdate"];
    if strategy["type"] == "Recreate" && !rolling.is_null() {
        let why = "may not be specified when strategy `type` is 'Recreate'";
        return faults.forbidden("spec.strategy.rollingUpdate", why);
    }
    let is_none = |count: &Value| count == 0 || count == "0%";
    if is_none(&rolling["maxSurge"]) && is_none(&rolling["maxUnavailable"]) {
        let field = "spec.strategy.rollingUpdate.maxUnavailable";
        let why = "may not be 0 when `maxSurge` is 0";
        faults.invalid(field, &rolling["maxUnavailable"], why);
    }
}

fn disruption_budget(spec: &Value, faults: &mut Faults) {
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        let why = "minAvailable and maxUnavailable cannot be both set";
        faults.invalid("spec", spec, why);
    }
}

fn autoscaler(spec: &Value, faults: &mut Faults) {
    let most = spec["maxReplicas"].as_i64().unwrap_or_default();
    let mut too_few = |why| faults.invalid("spec.maxReplicas", &spec["maxReplicas"], why);
    if most < 1 {
        too_few("must be greater than 0");
    }
    if most < spec["minReplicas"].as_i64().unwrap_or(1) {
        too_few("must be greater than or equal to `minReplicas`");
    }
}

/// Pods of Jobs end.
fn job_pods(spec: &Value, path: &str, faults: &mut Faults) {
    pod_spec(spec, &format!("{path}.template.spec"), faults);
    if spec["restartPolicy"] == "Always" {
        let why = r#"valid values: "OnFailure", "Never""#;
        faults.required(format!("{path}.template.spec.restartPolicy"), why);
    }
}

fn cron_job(spec: &Value, faults: &mut Faults) {
    let schedule = spec["schedule"].as_str().unwrap_or_default();
    if schedule.is_empty() {
        faults.required("spec.schedule", "");
    } else if let Err(why) = Schedule::parse(schedule) {
        faults.invalid("spec.schedule", &spec["schedule"], &why);
    }
    if let Some(zone) = spec["timeZone"]
        .as_str()
        .filter(|zone| TimeZone::get(zone).is_err())
    {
        let why = format!("unknown time zone {zone}");
        faults.invalid("spec.timeZone", &spec["timeZone"], &why);
    }
    let template = &spec["jobTemplate"]["spec"];
    job_pods(
        &template["template"]["spec"],
        "spec.jobTemplate.spec",
        faults,
    );
}

pub(super) fn quantity_of(quantity: &Value) -> Option<i128> {
    match quantity {
        Value::String(text) => milli(text),
        Value::Number(number) => milli(&number.to_string()),
        _ => None,
    }
}

fn service(object: &Value, faults: &mut Faults) {
    let spec = &object["spec"];
    let ports = items(spec, "/ports");
    if ports.is_empty() && spec["clusterIP"] != "None" && spec["type"] != "ExternalName" {
        faults.required("spec.ports", "");
    }
    let mut names = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        let field = |name: &str| format!("spec.ports[{at}].{name}");
        match port["name"].as_str().unwrap_or_default() {
            "" if ports.len() > 1 => faults.required(field("name"), ""),
            "" => {}
            name if names.contains(&name) => {
                faults.add(
                    "FieldValueDuplicate",
                    field("name"),
                    format!("Duplicate value: \"{name}\""),
                );
            }
            name => names.push(name),
        }
        port_number(&port["port"], &field("port"), faults);
    }
}

fn claim_spec(spec: &Value, path: &str, faults: &mut Faults) {
    if items(spec, "/accessModes").is_empty() {
        faults.required(
            format!("{path}.accessModes"),
            "at least 1 access mode is required",
        );
    }
    let size = &spec["resources"]["requests"]["storage"];
    if size.is_null() {
        faults.required(format!("{path}.resources[storage]"), "");
    } else if quantity_of(size).is_none_or(|size| size <= 0) {
        faults.invalid(
            format!("{path}.resources[storage]"),
            size,
            "must be greater than zero",
        );
    }
}

fn ingress(object: &Value, faults: &mut Faults) {
    let spec = &object["spec"];
    if items(spec, "/rules").is_empty() && spec.get("defaultBackend").is_none() {
        let why = "either `defaultBackend` or `rules` must be specified";
        faults.invalid("spec", spec, why);
    }
    for (at, rule) in items(spec, "/rules").iter().enumerate() {
        let host = rule["host"].as_str().unwrap_or_default();
        let field = format!("spec.rules[{at}].host");
        if host.parse::<IpAddr>().is_ok() {
            faults.invalid(
                field,
                &rule["host"],
                "must be a DNS name, not an IP address",
            );
        } else if !host.is_empty() && !is_dns_subdomain(host.strip_prefix("*.").unwrap_or(host)) {
            let why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
                       start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                       '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
            faults.invalid(field, &rule["host"], why);
        }
        for (at_path, path) in items(rule, "/http/paths").iter().enumerate() {
            ingress_path(
                path,
                &format!("spec.rules[{at}].http.paths[{at_path}]"),
                faults,
            );
        }
    }
}

fn ingress_path(path: &Value, place: &str, faults: &mut Faults) {
    let Some(kind) = path["pathType"].as_str() else {
        return faults.required(format!("{place}.pathType"), "pathType must be specified");
    };
    let text = path["path"].as_str().unwrap_or_default();
    let field = format!("{place}.path");
    if kind != "ImplementationSpecific" && !text.starts_with('/') {
        return faults.invalid(field, &path["path"], "must be an absolute path");
    }
    for wrong in ["//", "/./", "/../", "%2f", "%2F"] {
        if text.contains(wrong) {
            return faults.invalid(field, &path["path"], &format!("must not contain '{wrong}'"));
        }
    }
    for wrong in ["/..", "/."] {
        if text.ends_with(wrong) {
            return faults.invalid(field, &path["path"], &format!("cannot end with '{wrong}'"));
        }
    }
}
