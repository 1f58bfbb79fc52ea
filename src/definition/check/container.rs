//! Reading containers.

use std::collections::BTreeMap;

use super::env::{OwnKeys, env};
use super::fault::Spot;
use super::grammar::{CONTAINER_OR_VOLUME_NAME, IMAGE};
use super::mount::{Volumes, mounts};
use super::port::{ReadPort, ports};
use super::probe::probes;
use super::reader::{Fields, Keys, Reader, Value};
use super::resources::resources;
use crate::definition::service::{Container, Port, Probes};

const KEYS: Keys = &[
    &["name"],
    &["image"],
    &["command"],
    &["args"],
    &["ports"],
    &["env", "environment"],
    &["resources"],
    &["cpu"],
    &["memory"],
    &["gpu"],
    &["gpuCount"],
    &["volumeMounts"],
    &["probes"],
];

/// Tells whether containers have a key.
pub(super) fn has_key(name: &str) -> bool {
    KEYS.iter().any(|group| group.contains(&name))
}

/// A container with the places that later checks point to.
pub(super) struct ReadContainer {
    pub(super) container: Container,
    pub(super) name_spot: Option<Spot>,
    pub(super) ports: Vec<ReadPort>,
}

/// What containers refer to.
pub(super) struct Surroundings<'a> {
    pub(super) volumes: Volumes,
    pub(super) own: OwnKeys,
    pub(super) gpus: &'a BTreeMap<String, String>,
}

/// Whether containers run with the service or before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Main,
    Init,
}

/// Reads `containers` or `initContainers`.
pub(super) fn containers(
    reader: &mut Reader<'_>,
    value: Value,
    role: Role,
    around: &mut Surroundings<'_>,
) -> Vec<ReadContainer> {
    let items = reader.items(
        value,
        "a list of containers, such as `- {name: web, image: nginx}`",
    );
    let is_empty = items.as_ref().is_some_and(Vec::is_empty);
    if is_empty && role == Role::Main && !reader.is_partial {
        reader.error(
            value,
            "`containers` must have at least one container, such as `- {name: web, image: nginx}`"
                .to_owned(),
        );
    }
    items
        .unwrap_or_default()
        .into_iter()
        .filter_map(|item| container(reader, item, role, around))
        .collect()
}

fn container(
    reader: &mut Reader<'_>,
    item: Value,
    role: Role,
    around: &mut Surroundings<'_>,
) -> Option<ReadContainer> {
    let fields = reader.mapping(
        item,
        KEYS,
        "a container, such as `{name: web, image: nginx}`",
    )?;
    let name_spot = fields.get("name").map(|v| reader.spot(v));
    let name = required(reader, &fields, "name", &CONTAINER_OR_VOLUME_NAME);
    let image = required(reader, &fields, "image", &IMAGE);
    let command = fields.get("command").and_then(|v| reader.texts(v));
    let args = fields.get("args").and_then(|v| reader.texts(v));
    let (ports, probes) = match role {
        Role::Main => ports_and_probes(reader, &fields),
        Role::Init => {
            refuse_ports_and_probes(reader, &fields);
            (Vec::new(), Probes::default())
        }
    };
    let env = fields
        .get("env")
        .map(|v| env(reader, v, &around.own))
        .unwrap_or_default();
    let resources = resources(reader, &fields, around.gpus);
    let volume_mounts = fields
        .get("volumeMounts")
        .map(|v| mounts(reader, v, &mut around.volumes))
        .unwrap_or_default();
    Some(ReadContainer {
        container: Container {
            // Without these the definition is refused; the checks that follow skip what is empty.
            name: name.unwrap_or_default(),
            image: image.unwrap_or_default(),
            command,
            args,
            ports: ports.iter().map(|p| p.port.clone()).collect(),
            env,
            resources,
            volume_mounts,
            probes,
        },
        name_spot,
        ports,
    })
}

fn required(
    reader: &mut Reader<'_>,
    fields: &Fields,
    key: &str,
    rule: &super::grammar::Rule,
) -> Option<String> {
    match fields.get(key) {
        Some(value) => reader.ruled(value, rule),
        None => {
            reader.missing(fields.at, "a container", key, rule.allowed);
            None
        }
    }
}

fn ports_and_probes(reader: &mut Reader<'_>, fields: &Fields) -> (Vec<ReadPort>, Probes) {
    let read = fields
        .get("ports")
        .map(|v| ports(reader, v))
        .unwrap_or_default();
    let plain: Vec<Port> = read.iter().map(|p| p.port.clone()).collect();
    let probes = fields
        .get("probes")
        .map(|v| probes(reader, v, &plain))
        .unwrap_or_default();
    (read, probes)
}

fn refuse_ports_and_probes(reader: &mut Reader<'_>, fields: &Fields) {
    for key in ["ports", "probes"] {
        if let Some(value) = fields.get(key) {
            let spot = reader.key_spot(value);
            reader.error_at(
                &spot,
                format!(
                    "`{key}` is not allowed in `initContainers`: they end before the service runs"
                ),
            );
        }
    }
}
