//! What pods demand of their fields, whatever kind makes them.

use serde_json::Value;

use super::kinds::quantity_of;
use super::{Faults, is_dns_label, items};

const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

/// What a probe may do, in the order in which a server looks.
const HANDLERS: [&str; 4] = ["exec", "httpGet", "tcpSocket", "grpc"];

/// What a volume may be, in the order in which a server looks.
const SOURCES: [&str; 11] = [
    "emptyDir",
    "hostPath",
    "secret",
    "nfs",
    "persistentVolumeClaim",
    "downwardAPI",
    "configMap",
    "projected",
    "csi",
    "ephemeral",
    "image",
];

pub(super) fn pod_spec(spec: &Value, path: &str, faults: &mut Faults) {
    pod_spec_with(spec, path, &[], faults);
}

/// `claims` are the volumes that a StatefulSet's templates add.
pub(super) fn pod_spec_with(spec: &Value, path: &str, claims: &[&Value], faults: &mut Faults) {
    if items(spec, "/containers").is_empty() {
        faults.required(format!("{path}.containers"), "");
    }
    let volumes: Vec<&Value> = items(spec, "/volumes")
        .iter()
        .map(|volume| &volume["name"])
        .chain(claims.iter().copied())
        .collect();
    for (at, volume) in items(spec, "/volumes").iter().enumerate() {
        volume_sources(volume, &format!("{path}.volumes[{at}]"), faults);
    }
    let mut names: Vec<&Value> = Vec::new();
    for list in ["initContainers", "containers"] {
        for (at, container) in items(spec, &format!("/{list}")).iter().enumerate() {
            let path = format!("{path}.{list}[{at}]");
            if names.contains(&&container["name"]) {
                faults.add(
                    "FieldValueDuplicate",
                    format!("{path}.name"),
                    format!("Duplicate value: {}", container["name"]),
                );
            }
            names.push(&container["name"]);
            container_faults(container, &path, &volumes, faults);
            if list == "initContainers" && container["restartPolicy"] != "Always" {
                lifeless(container, &path, faults);
            }
        }
    }
}

fn container_faults(container: &Value, path: &str, volumes: &[&Value], faults: &mut Faults) {
    let name = container["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        faults.required(format!("{path}.name"), "");
    } else if !is_dns_label(name) {
        let why = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end \
                   with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
                   '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
        faults.invalid(format!("{path}.name"), &container["name"], why);
    }
    if container["image"].as_str().is_none_or(str::is_empty) {
        faults.required(format!("{path}.image"), "");
    }
    for (at, port) in items(container, "/ports").iter().enumerate() {
        let field = |name: &str| format!("{path}.ports[{at}].{name}");
        port_number(&port["containerPort"], &field("containerPort"), faults);
        port_name(&port["name"], &field("name"), faults);
    }
    for (at, variable) in items(container, "/env").iter().enumerate() {
        env_name(&variable["name"], &format!("{path}.env[{at}].name"), faults);
    }
    for probe in PROBES {
        probe_handler(&container[probe], &format!("{path}.{probe}"), faults);
    }
    for (at, mount) in items(container, "/volumeMounts").iter().enumerate() {
        if !volumes.contains(&&mount["name"]) {
            let field = format!("{path}.volumeMounts[{at}].name");
            faults.add(
                "FieldValueNotFound",
                field,
                format!("Not found: {}", mount["name"]),
            );
        }
    }
    resources(&container["resources"], path, faults);
}

fn resources(resources: &Value, path: &str, faults: &mut Faults) {
    for (name, request) in resources["requests"].as_object().into_iter().flatten() {
        let limit = &resources["limits"][name];
        let size = |quantity: &Value| quantity_of(quantity);
        if let (Some(wanted), Some(most)) = (size(request), size(limit))
            && wanted > most
        {
            let why = format!(
                "must be less than or equal to {name} limit of {}",
                limit.as_str().unwrap_or_default()
            );
            faults.invalid(format!("{path}.resources.requests"), request, &why);
        }
    }
}

/// Only a container that goes on running is looked after.
fn lifeless(container: &Value, path: &str, faults: &mut Faults) {
    for field in ["lifecycle"].into_iter().chain(PROBES) {
        if !container[field].is_null() {
            let why = "may not be set for init containers without restartPolicy=Always";
            faults.forbidden(format!("{path}.{field}"), why);
        }
    }
}

fn probe_handler(probe: &Value, path: &str, faults: &mut Faults) {
    let mut handlers = HANDLERS
        .iter()
        .filter(|handler| !probe[**handler].is_null());
    if !probe.is_null() && handlers.next().is_none() {
        faults.required(path, "must specify a handler type");
    }
    for another in handlers {
        let why = "may not specify more than 1 handler type";
        faults.forbidden(format!("{path}.{another}"), why);
    }
}

/// One without any source has become an empty directory by then.
fn volume_sources(volume: &Value, path: &str, faults: &mut Faults) {
    let sources = SOURCES.iter().filter(|source| !volume[**source].is_null());
    for another in sources.skip(1) {
        let why = "may not specify more than 1 volume type";
        faults.forbidden(format!("{path}.{another}"), why);
    }
}

fn env_name(name: &Value, field: &str, faults: &mut Faults) {
    let text = name.as_str().unwrap_or_default();
    if text.is_empty() {
        faults.required(field, "");
    } else if !text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'=') {
        let why = "a valid environment variable name must consist only of printable ASCII characters other than '='";
        faults.invalid(field, name, why);
    }
}

fn port_name(name: &Value, field: &str, faults: &mut Faults) {
    let Some(text) = name.as_str().filter(|text| !text.is_empty()) else {
        return;
    };
    let is_letter = |b: u8| b.is_ascii_lowercase();
    let is_known = |b: u8| is_letter(b) || b.is_ascii_digit() || b == b'-';
    for (is_wrong, why) in [
        (text.len() > 15, "must be no more than 15 characters"),
        (
            !text.bytes().all(is_known),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (
            !text.bytes().any(is_letter),
            "must contain at least one letter (a-z)",
        ),
        (text.contains("--"), "must not contain consecutive hyphens"),
        (
            text.starts_with('-') || text.ends_with('-'),
            "must not begin or end with a hyphen",
        ),
    ] {
        if is_wrong {
            faults.invalid(field, name, why);
        }
    }
}

pub(super) fn port_number(value: &Value, field: &str, faults: &mut Faults) {
    match value.as_i64() {
        None => faults.required(field, ""),
        Some(1..=65535) => {}
        Some(_) => faults.invalid(field, value, "must be between 1 and 65535, inclusive"),
    }
}
