//! Reading what an Ingress exposes: `exposed_service`, `exposed_port`, `exposed_hostname` and `ingress`.

use std::collections::BTreeMap;

use super::container::ReadContainer;
use super::grammar::{HOSTNAME, INGRESS_PATH, OBJECT_NAME};
use super::metadata::annotations;
use super::reader::{Fields, Keys, Reader, Value, shortened};
use super::suggest::nearest;
use crate::definition::diagnostic::Severity;
use crate::definition::service::{Exposure, PathType, Port, Protocol};
use crate::definition::yaml::Resolved;

const INGRESS_KEYS: Keys = &[
    &["path"],
    &["pathType"],
    &["className"],
    &["tlsSecret"],
    &["annotations"],
];
const PATH_TYPES: [(&str, PathType); 3] = [
    ("Prefix", PathType::Prefix),
    ("Exact", PathType::Exact),
    ("ImplementationSpecific", PathType::ImplementationSpecific),
];

/// Reads the exposure, matched with the containers and their ports.
pub(super) fn exposure(
    reader: &mut Reader<'_>,
    top: &Fields,
    containers: &[ReadContainer],
) -> Option<Exposure> {
    let host = top
        .get("exposed_hostname")
        .map(|v| reader.ruled(v, &HOSTNAME));
    let mut exposure = Exposure {
        container: String::new(),
        port: 0,
        host: host.flatten(),
        path: None,
        path_type: PathType::default(),
        class_name: None,
        tls_secret: None,
        annotations: BTreeMap::new(),
    };
    if let Some(value) = top.get("ingress") {
        ingress(reader, value, &mut exposure);
    }
    let Some(service) = top.get("exposed_service") else {
        without_service(reader, top, containers);
        return None;
    };
    let container = exposed_container(reader, service, containers)?;
    exposure.container.clone_from(&container.container.name);
    exposure.port = exposed_port(reader, top, service, container)?;
    Some(exposure)
}

fn ingress(reader: &mut Reader<'_>, value: Value, exposure: &mut Exposure) {
    let wanted = "a map, such as `{path: /web, className: nginx}`";
    let Some(fields) = reader.mapping(value, INGRESS_KEYS, wanted) else {
        return;
    };
    exposure.path = fields
        .get("path")
        .and_then(|v| reader.ruled(v, &INGRESS_PATH));
    exposure.path_type = fields
        .get("pathType")
        .and_then(|v| reader.choice(v, &PATH_TYPES))
        .unwrap_or_default();
    exposure.class_name = fields
        .get("className")
        .and_then(|v| reader.ruled(v, &OBJECT_NAME));
    exposure.tls_secret = fields
        .get("tlsSecret")
        .and_then(|v| reader.ruled(v, &OBJECT_NAME));
    exposure.annotations = fields
        .get("annotations")
        .map(|v| annotations(reader, v))
        .unwrap_or_default();
}

/// The other keys of an exposure do nothing without a container to expose.
fn without_service(reader: &mut Reader<'_>, top: &Fields, containers: &[ReadContainer]) {
    let given = ["exposed_port", "exposed_hostname", "ingress"]
        .into_iter()
        .find_map(|key| top.get(key));
    let Some(value) = given.filter(|_| !reader.is_partial) else {
        return;
    };
    let names: Vec<_> = containers
        .iter()
        .filter(|c| !c.ports.is_empty())
        .map(|c| c.container.name.as_str())
        .collect();
    let spot = reader.key_spot(value);
    let key = reader.name(value);
    let allowed = if names.is_empty() {
        "none has a port yet".to_owned()
    } else {
        names.join(", ")
    };
    reader.error_at(
        &spot,
        format!("`{key}` needs `exposed_service`, the name of a container with a port: {allowed}"),
    );
}

fn exposed_container<'c>(
    reader: &mut Reader<'_>,
    value: Value,
    containers: &'c [ReadContainer],
) -> Option<&'c ReadContainer> {
    let name = reader.text(value, "the name of a container")?;
    if let Some(container) = containers.iter().find(|c| c.container.name == name) {
        return Some(container);
    }
    if reader.is_partial {
        return None;
    }
    let names: Vec<_> = containers
        .iter()
        .map(|c| c.container.name.as_str())
        .filter(|n| !n.is_empty())
        .collect();
    let message = format!(
        "no container is named `{}`; there are {}",
        shortened(&name),
        names.join(", ")
    );
    match nearest(&name, names) {
        Some(near) => reader.report_with(Severity::Error, value, message, near.to_owned()),
        None => reader.error(value, message),
    }
    None
}

/// Finds the Service's port that is exposed: by number, by name, or the only one.
fn exposed_port(
    reader: &mut Reader<'_>,
    top: &Fields,
    service: Value,
    container: &ReadContainer,
) -> Option<u16> {
    let ports: Vec<&Port> = container.container.ports.iter().collect();
    let Some(value) = top.get("exposed_port") else {
        return only_port(reader, service, &ports);
    };
    let wanted = "a port of the exposed container, by `port` or by name";
    let scalar = reader.scalar(value, wanted)?;
    let found = if scalar.resolved == Resolved::Text {
        if scalar.text.bytes().all(|b| b.is_ascii_digit()) {
            // A quoted number is reported as such.
            reader.integer(value, 1, 65535)?;
        }
        ports
            .iter()
            .find(|p| p.name.as_deref() == Some(&scalar.text))
    } else {
        let number = reader.integer(value, 1, 65535)?;
        ports.iter().find(|p| i64::from(p.port) == number)
    };
    match found {
        Some(port) if port.protocol == Protocol::Tcp => Some(port.port),
        Some(_) => {
            reader.error(value, "an Ingress exposes only TCP ports".to_owned());
            None
        }
        None => {
            no_such_port(reader, value, &scalar.text, container);
            None
        }
    }
}

fn only_port(reader: &mut Reader<'_>, service: Value, ports: &[&Port]) -> Option<u16> {
    match ports {
        [only] => return Some(only.port),
        [] => reader.missing(
            service,
            "the exposed container",
            "ports",
            "at least one port that can be exposed",
        ),
        _ => reader.missing(
            service,
            "an exposed container with several ports",
            "exposed_port",
            &listed(ports),
        ),
    }
    None
}

fn no_such_port(reader: &mut Reader<'_>, value: Value, text: &str, container: &ReadContainer) {
    if reader.is_partial {
        return;
    }
    let ports: Vec<&Port> = container.container.ports.iter().collect();
    let name = &container.container.name;
    let allowed = if ports.is_empty() {
        "it has none".to_owned()
    } else {
        format!("it has {}", listed(&ports))
    };
    let message = format!(
        "the container `{name}` has no port `{}`; {allowed}",
        shortened(text)
    );
    // Most likely the container's port was written instead of the Service's, or there is only one.
    let meant =
        ports
            .iter()
            .find(|p| p.target_port.to_string() == text)
            .or(match ports.as_slice() {
                [only] => Some(only),
                _ => None,
            });
    match meant {
        Some(port) => reader.report_with(Severity::Error, value, message, port.port.to_string()),
        None => reader.error(value, message),
    }
}

fn listed(ports: &[&Port]) -> String {
    let ports: Vec<_> = ports
        .iter()
        .map(|p| match &p.name {
            Some(name) => format!("{} ({name})", p.port),
            None => p.port.to_string(),
        })
        .collect();
    ports.join(", ")
}
