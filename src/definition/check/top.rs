//! Reading the top of a service definition: its own keys, and the order in which its parts are read and matched.

use std::collections::{BTreeMap, BTreeSet};

use super::Scene;
use super::container::{ReadContainer, Role, Surroundings, containers};
use super::cross;
use super::env::OwnKeys;
use super::exposure::exposure;
use super::fault::Spot;
use super::grammar::{CLUSTER_UID, DISPLAY_NAME, is_parameter_name};
use super::metadata::{annotations, config_data, labels};
use super::mount::Volumes;
use super::quantity::duration;
use super::reader::{Fields, Keys, Reader, Value, shortened};
use super::secret::{pull_secret, secrets};
use super::substitute::RESERVED;
use super::suggest::nearest;
use super::volume::volumes;
use crate::definition::diagnostic::Severity;
use crate::definition::id::Namespace;
use crate::definition::service::{
    Lifetime, MAX_REPLICAS, RenderedWorkload, ServiceDefinition, ServiceType, default_workload_kind,
};

pub(super) const KEYS: Keys = &[
    &["name"],
    &["namespace"],
    &["replicas"],
    &["workload"],
    &["protected"],
    &["expires"],
    &["cluster"],
    &["labels"],
    &["annotations"],
    &["containers"],
    &["initContainers"],
    &["volumes"],
    &["service"],
    &["exposed_service", "exposedService"],
    &["exposed_port", "exposedPort"],
    &["exposed_hostname", "exposedHostname"],
    &["ingress"],
    &["secrets"],
    &["pullSecret"],
    &["config"],
    &["parameters"],
    &["restartPolicy"],
];
const WORKLOADS: [(&str, RenderedWorkload); 2] = [
    ("Deployment", RenderedWorkload::Deployment),
    ("StatefulSet", RenderedWorkload::StatefulSet),
];
const SERVICE_KEYS: Keys = &[&["type"]];
const SERVICE_TYPES: [(&str, ServiceType); 3] = [
    ("ClusterIP", ServiceType::ClusterIp),
    ("NodePort", ServiceType::NodePort),
    ("LoadBalancer", ServiceType::LoadBalancer),
];

/// Reads a definition whose top is a map. What it returns is whole only if no error was reported.
pub(super) fn definition(
    reader: &mut Reader<'_>,
    fields: &Fields,
    scene: &Scene<'_>,
) -> ServiceDefinition {
    let namespace = scope(reader, fields, scene);
    let secrets = fields
        .get("secrets")
        .map(|v| secrets(reader, v))
        .unwrap_or_default();
    let config = fields
        .get("config")
        .map(|v| config_data(reader, v, "a map of texts, such as `{LEVEL: info}`"))
        .unwrap_or_default();
    let workload = fields.get("workload").map(|v| reader.choice(v, &WORKLOADS));
    let replicas = fields
        .get("replicas")
        .and_then(|v| reader.integer(v, 0, MAX_REPLICAS.into()));
    let replicas = scene
        .replicas
        .or_else(|| replicas.and_then(|n| u32::try_from(n).ok()));
    let service_type = fields.get("service").map(|v| service_type(reader, v));
    let mut around = surroundings(reader, fields, scene, secrets.keys(), config.keys());
    let mains = fields
        .get("containers")
        .map(|v| containers(reader, v, Role::Main, &mut around))
        .unwrap_or_default();
    let inits = fields
        .get("initContainers")
        .map(|v| containers(reader, v, Role::Init, &mut around))
        .unwrap_or_default();
    let exposure = exposure(reader, fields, &mains);
    let pull_secret = fields
        .get("pullSecret")
        .and_then(|v| pull_secret(reader, v));
    refuse_restart_policy(reader, fields);
    let mut definition = ServiceDefinition {
        display_name: fields
            .get("name")
            .and_then(|v| reader.ruled(v, &DISPLAY_NAME)),
        namespace,
        replicas,
        workload: workload.flatten(),
        protected: fields
            .get("protected")
            .and_then(|v| reader.boolean(v))
            .unwrap_or(false),
        expires: fields.get("expires").and_then(|v| lifetime(reader, v)),
        cluster: fields
            .get("cluster")
            .and_then(|v| reader.ruled(v, &CLUSTER_UID)),
        labels: fields
            .get("labels")
            .map(|v| labels(reader, v))
            .unwrap_or_default(),
        annotations: fields
            .get("annotations")
            .map(|v| annotations(reader, v))
            .unwrap_or_default(),
        containers: Vec::new(),
        init_containers: Vec::new(),
        volumes: Vec::new(),
        service_type: service_type.flatten().unwrap_or_default(),
        exposure,
        secrets,
        pull_secret,
        config,
        parameters: reader.scope.parameters.clone(),
        source: "".into(),
    };
    let has_type = service_type.is_none() || service_type.flatten().is_some();
    let read = Read {
        mains,
        inits,
        around,
    };
    match_parts(reader, fields, scene, &mut definition, read, has_type);
    definition
}

/// The parts that were read with their places, before they are matched.
struct Read<'a> {
    mains: Vec<ReadContainer>,
    inits: Vec<ReadContainer>,
    around: Surroundings<'a>,
}

/// Runs the checks that look at several parts at once, and puts the parts into the definition.
fn match_parts(
    reader: &mut Reader<'_>,
    fields: &Fields,
    scene: &Scene<'_>,
    definition: &mut ServiceDefinition,
    mut read: Read<'_>,
    has_type: bool,
) {
    for volume in &mut read.around.volumes.list {
        let given = volume.given_mode;
        if let (Some(mode), Some(claim)) = (given, volume.claim_mut()) {
            claim.access_mode = mode;
        }
    }
    let list = read.around.volumes.list;
    let plain: Vec<_> = list.iter().map(|v| v.volume.clone()).collect();
    let kind = definition
        .workload
        .unwrap_or_else(|| default_workload_kind(&plain));
    cross::container_names(
        reader,
        &read.mains.iter().chain(&read.inits).collect::<Vec<_>>(),
    );
    cross::volume_names(reader, &list);
    cross::ports(
        reader,
        &read.mains,
        has_type.then_some(definition.service_type),
    );
    if !reader.is_partial {
        cross::unused_volumes(reader, &list);
        cross::shared_claims(reader, &list, kind, definition.replicas);
        warn_of_service_without_ports(reader, fields, &read.mains);
    }
    if let Some(id) = &scene.context.id {
        cross::derived_names(reader, &list, kind, definition.replicas, id);
    }
    definition.volumes = plain;
    definition.containers = read.mains.into_iter().map(|c| c.container).collect();
    definition.init_containers = read.inits.into_iter().map(|c| c.container).collect();
}

/// Sets what is substituted, and returns the definition's namespace.
fn scope(reader: &mut Reader<'_>, fields: &Fields, scene: &Scene<'_>) -> Option<Namespace> {
    reader.scope.id = scene
        .context
        .id
        .as_ref()
        .map_or_else(|| "id".to_owned(), ToString::to_string);
    let session = scene.namespace.or(scene.context.namespace.as_ref());
    reader.scope.namespace = session.map_or_else(|| "default".to_owned(), ToString::to_string);
    reader.scope.is_of_defaults = true;
    let defaults = fields
        .get("parameters")
        .map(|v| parameters(reader, v))
        .unwrap_or_default();
    reader.scope.is_of_defaults = false;
    reader.scope.parameters = defaults;
    reader
        .scope
        .parameters
        .extend(scene.context.parameters.clone());
    let namespace = fields.get("namespace").and_then(|v| namespace(reader, v));
    if let Some(namespace) = namespace.as_ref().filter(|_| scene.namespace.is_none()) {
        reader.scope.namespace = namespace.to_string();
    }
    namespace
}

fn parameters(reader: &mut Reader<'_>, value: Value) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    for (key, child) in reader
        .pairs(value, "a map from parameters to their defaults")
        .unwrap_or_default()
    {
        let spot = reader.key_spot(child);
        if RESERVED.contains(&key.as_str()) {
            reader.error_at(
                &spot,
                format!("`{key}` is always defined; give the parameter another name"),
            );
        } else if !is_parameter_name(&key) {
            let shown = shortened(&key);
            reader.error_at(
                &spot,
                format!("`{shown}` is no parameter name; use letters, digits, `_` and `-`, starting with a letter or `_`"),
            );
        }
        // A default of any scalar type stands for the text that was written.
        if let Some(scalar) = reader.scalar(child, "text or a number") {
            parameters.insert(key, scalar.text);
        }
    }
    parameters
}

/// Parameters that were set by hand must be declared or used: a misspelt one would silently do nothing.
pub(super) fn unknown_set_parameters(reader: &mut Reader<'_>, fields: &Fields, scene: &Scene<'_>) {
    if reader.is_partial {
        return;
    }
    let declared: Vec<&str> = fields
        .get("parameters")
        .into_iter()
        .flat_map(|v| reader.key_names(v))
        .collect();
    let used = reader
        .referenced
        .iter()
        .copied()
        .filter(|name| !RESERVED.contains(name));
    let known: BTreeSet<&str> = declared.into_iter().chain(used).collect();
    for name in scene
        .context
        .parameters
        .keys()
        .filter(|name| !known.contains(name.as_str()))
    {
        let shown = shortened(name);
        let message = match nearest(name, known.iter().copied()) {
            Some(near) => format!(
                "the parameter `{shown}` was set, but the definition has none of that name; did you mean `{near}`?"
            ),
            None if known.is_empty() => {
                format!("the parameter `{shown}` was set, but the definition has no parameters")
            }
            None => {
                let known: Vec<_> = known.iter().copied().collect();
                format!(
                    "the parameter `{shown}` was set, but the definition has only {}",
                    known.join(", ")
                )
            }
        };
        let spot = fields
            .get("parameters")
            .map_or_else(|| reader.spot(fields.at), |v| reader.key_spot(v));
        let spot = Spot {
            path: "parameters".to_owned(),
            ..spot
        };
        reader.error_at(&spot, message);
    }
}

fn namespace(reader: &mut Reader<'_>, value: Value) -> Option<Namespace> {
    let wanted = "lower-case letters, digits and `-`, starting and ending with a letter or digit, at most 63 characters";
    let text = reader.text(value, wanted)?;
    let namespace = text.parse().ok();
    if namespace.is_none() {
        let message = reader.refusal(value, &text, wanted);
        reader.error(value, message);
    }
    namespace
}

fn lifetime(reader: &mut Reader<'_>, value: Value) -> Option<Lifetime> {
    /// Ten years.
    const MAX_SECONDS: u64 = 10 * 365 * 24 * 3600;
    let wanted = "a duration such as 30m, 8h, 7d or 1h30m, at most 10 years";
    let text = reader.text(value, wanted)?;
    match duration(&text).filter(|d| (1..=MAX_SECONDS).contains(&d.as_secs())) {
        Some(duration) => Some(Lifetime { text, duration }),
        None => {
            let message = reader.refusal(value, &text, wanted);
            reader.error(value, message);
            None
        }
    }
}

/// Reads `service`; none if its type could not be read.
fn service_type(reader: &mut Reader<'_>, value: Value) -> Option<ServiceType> {
    let fields = reader.mapping(value, SERVICE_KEYS, "a map, such as `{type: ClusterIP}`")?;
    match fields.get("type") {
        Some(value) => reader.choice(value, &SERVICE_TYPES),
        None => Some(ServiceType::default()),
    }
}

fn surroundings<'a, 'k>(
    reader: &mut Reader<'_>,
    fields: &Fields,
    scene: &Scene<'a>,
    secrets: impl Iterator<Item = &'k String>,
    config: impl Iterator<Item = &'k String>,
) -> Surroundings<'a> {
    // Where a section has keys that could not be read, a reference to one of them is no fault of its own.
    let n_pairs = |key| {
        fields
            .get(key)
            .and_then(|v| reader.is_mapping(v).then(|| reader.count_entries(v)))
            .unwrap_or(0)
    };
    let (n_secrets, n_config) = (n_pairs("secrets"), n_pairs("config"));
    let is_partial = reader.is_partial;
    let known = |keys: BTreeSet<String>, n_written: usize| {
        (!is_partial && keys.len() == n_written).then_some(keys)
    };
    let own = OwnKeys {
        secrets: known(secrets.cloned().collect(), n_secrets),
        config: known(config.cloned().collect(), n_config),
    };
    let value = fields.get("volumes");
    let list = value.map(|v| volumes(reader, v)).unwrap_or_default();
    let n_written = value.map_or(0, |v| reader.count_entries(v));
    let is_complete = !reader.is_partial && list.len() == n_written;
    Surroundings {
        volumes: Volumes::new(list, is_complete),
        own,
        gpus: &scene.context.gpus,
    }
}

fn refuse_restart_policy(reader: &mut Reader<'_>, fields: &Fields) {
    let Some(value) = fields.get("restartPolicy") else {
        return;
    };
    let wanted = "Always: Deployment and StatefulSet refuse any other policy";
    if let Some(text) = reader.text(value, wanted)
        && text != "Always"
    {
        let message = format!("`restartPolicy` must be {wanted}");
        reader.report_with(Severity::Error, value, message, "Always".to_owned());
    }
}

fn warn_of_service_without_ports(
    reader: &mut Reader<'_>,
    fields: &Fields,
    containers: &[ReadContainer],
) {
    if let Some(value) = fields.get("service")
        && containers.iter().all(|c| c.container.ports.is_empty())
    {
        let spot = reader.key_spot(value);
        let message = "no container has a port, so no Service is made; add `ports` to a container, or remove `service`".to_owned();
        reader.faults.add(Severity::Warning, spot, message, None);
    }
}
