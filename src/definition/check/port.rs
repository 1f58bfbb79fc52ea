//! Reading the ports of a container.

use std::collections::HashMap;

use super::fault::Spot;
use super::grammar::PORT_NAME;
use super::reader::{Keys, Reader, Value};
use crate::definition::service::{Port, Protocol};

const KEYS: Keys = &[
    &["name"],
    &["port"],
    &["targetPort"],
    &["nodePort"],
    &["protocol"],
];
const PROTOCOLS: [(&str, Protocol); 3] = [
    ("TCP", Protocol::Tcp),
    ("UDP", Protocol::Udp),
    ("SCTP", Protocol::Sctp),
];

/// A port with the places that later checks point to.
pub(super) struct ReadPort {
    pub(super) port: Port,
    pub(super) name_spot: Option<Spot>,
    pub(super) port_spot: Spot,
    pub(super) target_spot: Spot,
    pub(super) node_spot: Option<Spot>,
}

/// Reads `ports`.
pub(super) fn ports(reader: &mut Reader<'_>, value: Value) -> Vec<ReadPort> {
    let items = reader.items(value, "a list of ports, such as `- {name: http, port: 80}`");
    let ports: Vec<_> = items
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| port(reader, item))
        .collect();
    let mut first_of: HashMap<&str, usize> = HashMap::new();
    for port in &ports {
        let (Some(name), Some(spot)) = (port.port.name.as_deref(), &port.name_spot) else {
            continue;
        };
        if let Some(line) = first_of.insert(name, spot.span.start.line) {
            reader.error_at(spot, format!("another port of this container is named `{name}` on line {line}; names must differ"));
        }
    }
    ports
}

fn port(reader: &mut Reader<'_>, item: Value) -> Option<ReadPort> {
    let fields = reader.mapping(item, KEYS, "a port, such as `{name: http, port: 80}`")?;
    let name = fields.get("name");
    let name_spot = name.map(|v| reader.spot(v));
    let name = name.and_then(|v| reader.ruled(v, &PORT_NAME));
    let protocol = fields
        .get("protocol")
        .and_then(|v| reader.choice(v, &PROTOCOLS));
    let target = fields.get("targetPort");
    let target_port = target.and_then(|v| number(reader, v));
    let node = fields.get("nodePort");
    let node_spot = node.map(|v| reader.spot(v));
    let node_port = node.and_then(|v| node_port(reader, v));
    let Some(value) = fields.get("port") else {
        reader.missing(item, "a port", "port", "a number from 1 to 65535");
        return None;
    };
    let port_spot = reader.spot(value);
    let port = number(reader, value)?;
    Some(ReadPort {
        port: Port {
            name,
            port,
            target_port: target_port.unwrap_or(port),
            node_port,
            protocol: protocol.unwrap_or(Protocol::Tcp),
        },
        name_spot,
        target_spot: target.map_or_else(|| port_spot.clone(), |v| reader.spot(v)),
        port_spot,
        node_spot,
    })
}

fn number(reader: &mut Reader<'_>, value: Value) -> Option<u16> {
    let number = reader.integer(value, 1, 65535)?;
    u16::try_from(number).ok()
}

fn node_port(reader: &mut Reader<'_>, value: Value) -> Option<u16> {
    let port = number(reader, value)?;
    if !(30000..=32767).contains(&port) {
        reader.warn(
            value,
            format!("nodePort {port} lies outside 30000 to 32767, the range of a cluster with default settings"),
        );
    }
    Some(port)
}
