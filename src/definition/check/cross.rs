//! Checks that look at several parts of a definition at once: names that meet, ports that meet, claims that cannot be shared.

use std::collections::{HashMap, HashSet};

use super::container::ReadContainer;
use super::fault::Spot;
use super::reader::Reader;
use super::volume::ReadVolume;
use crate::definition::diagnostic::Severity;
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::service::{AccessMode, RenderedWorkload, ServiceType, VolumeSource};

/// Names of containers are unique, those of init containers included.
pub(super) fn container_names(reader: &mut Reader<'_>, containers: &[&ReadContainer]) {
    let named = containers
        .iter()
        .filter_map(|c| Some((c.container.name.as_str(), c.name_spot.as_ref()?)));
    unique(
        reader,
        named.filter(|(name, _)| !name.is_empty()),
        "container",
    );
}

/// Names of volumes are unique.
pub(super) fn volume_names(reader: &mut Reader<'_>, volumes: &[ReadVolume]) {
    unique(
        reader,
        volumes
            .iter()
            .map(|v| (v.volume.name.as_str(), &v.name_spot)),
        "volume",
    );
}

fn unique<'a>(
    reader: &mut Reader<'_>,
    named: impl Iterator<Item = (&'a str, &'a Spot)>,
    what: &str,
) {
    let mut line_of: HashMap<&str, usize> = HashMap::new();
    for (name, spot) in named {
        if let Some(line) = line_of.insert(name, spot.span.start.line) {
            reader.error_at(
                spot,
                format!("another {what} is named `{name}` on line {line}; names must differ"),
            );
        }
    }
}

/// A volume that nobody mounts is made, and paid for, in vain.
pub(super) fn unused_volumes(reader: &mut Reader<'_>, volumes: &[ReadVolume]) {
    let mounted: HashSet<&str> = volumes
        .iter()
        .filter(|v| v.is_mounted)
        .map(|v| v.volume.name.as_str())
        .collect();
    for volume in volumes {
        let name = &volume.volume.name;
        if !mounted.contains(name.as_str()) {
            let message = format!(
                "no container mounts the volume `{name}`; add it to `volumeMounts`, or remove it"
            );
            let spot = volume.name_spot.clone();
            reader.faults.add(Severity::Warning, spot, message, None);
        }
    }
}

/// All containers of a pod share one network, and all ports share one Service.
pub(super) fn ports(
    reader: &mut Reader<'_>,
    containers: &[ReadContainer],
    service_type: Option<ServiceType>,
) {
    let mut target_line: HashMap<_, usize> = HashMap::new();
    let mut port_line: HashMap<_, usize> = HashMap::new();
    let mut node_line: HashMap<_, usize> = HashMap::new();
    for read in containers.iter().flat_map(|c| &c.ports) {
        let port = &read.port;
        let protocol = port.protocol;
        let target = (port.target_port, protocol);
        if let Some(line) = target_line.insert(target, read.target_spot.span.start.line) {
            let message = format!(
                "port {} ({}) of the pod is taken already on line {line}; give each container's port another number",
                target.0,
                protocol.as_str()
            );
            reader.error_at(&read.target_spot, message);
        } else if let Some(line) = port_line.get(&(port.port, protocol)) {
            let message = format!(
                "port {} ({}) of the Service is taken already on line {line}; give another `port`, and this one as `targetPort`",
                port.port,
                protocol.as_str()
            );
            reader.error_at(&read.port_spot, message);
        }
        port_line.insert((port.port, protocol), read.port_spot.span.start.line);
        if let (Some(node), Some(spot)) = (port.node_port, &read.node_spot)
            && let Some(line) = node_line.insert((node, protocol), spot.span.start.line)
        {
            reader.error_at(
                spot,
                format!("nodePort {node} is taken already on line {line}; give another one"),
            );
        }
    }
    node_ports_need_type(reader, containers, service_type);
    service_port_names(reader, containers);
}

fn node_ports_need_type(
    reader: &mut Reader<'_>,
    containers: &[ReadContainer],
    service_type: Option<ServiceType>,
) {
    // A type that could not be read has been reported itself.
    if !matches!(
        service_type,
        Some(ServiceType::ClusterIp | ServiceType::LoadBalancer)
    ) || reader.is_partial
    {
        return;
    }
    for spot in containers
        .iter()
        .flat_map(|c| &c.ports)
        .filter_map(|p| p.node_spot.as_ref())
    {
        reader.error_at(
            spot,
            "nodePort is allowed only with `service: {type: NodePort}`".to_owned(),
        );
    }
}

/// Names of the Service's ports are legal and unique, those with a container's name before them included.
fn service_port_names(reader: &mut Reader<'_>, containers: &[ReadContainer]) {
    let plain: Vec<_> = containers.iter().map(|c| &c.container).collect();
    let names = crate::definition::render::service_port_names(&plain);
    let reads = containers.iter().enumerate();
    let reads = reads.flat_map(|(at, c)| c.ports.iter().map(move |read| (at, read)));
    // The line of the first, and the container that gives it this name itself.
    let mut first_of: HashMap<&str, (usize, Option<usize>)> = HashMap::new();
    for ((at, read), name) in reads.zip(&names) {
        let spot = read.name_spot.as_ref().unwrap_or(&read.port_spot);
        if name.len() > naming::MAX_DERIVED_NAME_LEN {
            reader.error_at(spot, too_long("Service port", name));
        }
        let own = (read.port.name.as_deref() == Some(name)).then_some(at);
        // A name that stands twice in one container is reported there.
        if let Some((line, of_first)) = first_of.insert(name, (spot.span.start.line, own))
            && (own.is_none() || own != of_first)
        {
            reader.error_at(spot, format!("the Service's port would be named `{name}`, as the one on line {line}; rename one of them"));
        }
    }
}

/// A claim that only one node or pod can hold cannot serve several replicas.
pub(super) fn shared_claims(
    reader: &mut Reader<'_>,
    volumes: &[ReadVolume],
    kind: RenderedWorkload,
    replicas: Option<u32>,
) {
    let Some(replicas) = replicas.filter(|n| *n > 1) else {
        return;
    };
    for volume in volumes {
        let VolumeSource::Claim(claim) = &volume.volume.source else {
            continue;
        };
        let is_shared = claim.shared || kind == RenderedWorkload::Deployment;
        if !is_shared || !claim.access_mode.is_exclusive() {
            continue;
        }
        let holder = match claim.access_mode {
            AccessMode::ReadWriteOncePod => "one pod",
            _ => "one node",
        };
        let message = format!(
            "{replicas} replicas cannot share the volume `{}`: {} lets only {holder} hold it; use `accessMode: ReadWriteMany`, \
             one replica, or a StatefulSet without `shared`, which gives each replica a volume of its own",
            volume.volume.name,
            claim.access_mode.as_str()
        );
        reader.error_at(&volume.name_spot, message);
    }
}

/// Names derived from the ID stay legal, and no two claims of the instance meet.
pub(super) fn derived_names(
    reader: &mut Reader<'_>,
    volumes: &[ReadVolume],
    kind: RenderedWorkload,
    replicas: Option<u32>,
    id: &InstanceId,
) {
    let last_ordinal = replicas.unwrap_or(1).saturating_sub(1);
    let mut shared_names: Vec<(String, &Spot)> = Vec::new();
    let mut template_prefixes: HashSet<String> = HashSet::new();
    for volume in volumes {
        let name = &volume.volume.name;
        let (what, derived) = match &volume.volume.source {
            VolumeSource::Files(_) => ("ConfigMap", naming::files(id, name)),
            VolumeSource::Claim(claim) if claim.shared || kind == RenderedWorkload::Deployment => {
                let derived = naming::shared_claim(id, name);
                shared_names.push((derived.clone(), &volume.name_spot));
                ("claim", derived)
            }
            VolumeSource::Claim(_) => {
                template_prefixes.insert(format!("{name}-{id}-"));
                ("claim", naming::template_claim(name, id, last_ordinal))
            }
            _ => continue,
        };
        if derived.len() > naming::MAX_DERIVED_NAME_LEN {
            reader.error_at(&volume.name_spot, too_long(what, &derived));
        }
    }
    for (name, spot) in shared_names {
        // A template's claim is named as its prefix and a number.
        let prefix = name.trim_end_matches(|c: char| c.is_ascii_digit());
        if prefix.len() < name.len() && template_prefixes.contains(prefix) {
            reader.error_at(
                spot,
                format!("the claim `{name}` would also be that of a replica; rename the volume"),
            );
        }
    }
}

fn too_long(what: &str, name: &str) -> String {
    format!(
        "the {what} would be named `{name}`, which has {} characters, at most {} are allowed; use a shorter name",
        name.len(),
        naming::MAX_DERIVED_NAME_LEN
    )
}
