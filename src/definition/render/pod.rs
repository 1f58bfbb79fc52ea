//! The pod template: containers, their environment, probes and mounts, and the pod's volumes.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use super::metadata::Renderer;
use super::service_port_names;
use crate::definition::naming;
use crate::definition::service::{
    Container, EnvValue, EnvVar, KeyRef, PortRef, Probe, ProbeCheck, PullSecret, Resources, Volume,
    VolumeMount, VolumeSource,
};

impl Renderer<'_> {
    pub(super) fn pod_template(&self) -> Value {
        let mut metadata = json!({"labels": self.template_labels()});
        let mut annotations = self.definition.annotations.clone();
        if let Some(checksum) = self.config_checksum() {
            annotations.insert(naming::ANNOTATION_CONFIG_CHECKSUM.to_owned(), checksum);
        }
        if let Some(revision) = self.secret_revision() {
            let name = naming::ANNOTATION_SECRET_REVISION.to_owned();
            annotations.insert(name, revision.to_string());
        }
        if !annotations.is_empty() {
            metadata["annotations"] = json!(annotations);
        }
        json!({"metadata": metadata, "spec": self.pod_spec()})
    }

    fn pod_spec(&self) -> Value {
        let all: Vec<&Container> = self.definition.containers.iter().collect();
        let port_names: HashSet<String> = service_port_names(&all).into_iter().collect();
        let containers = |list: &[Container]| -> Vec<Value> {
            list.iter()
                .map(|c| self.container(c, &port_names))
                .collect()
        };
        let volumes: Vec<Value> = self
            .definition
            .volumes
            .iter()
            .filter_map(|v| self.pod_volume(v))
            .collect();
        let pull_secret = self
            .definition
            .pull_secret
            .as_ref()
            .map(|secret| match secret {
                PullSecret::Existing(name) => name.clone(),
                PullSecret::Credentials { .. } => naming::pull_secret(&self.context.id),
            });
        let mut spec = Map::new();
        set(
            &mut spec,
            "initContainers",
            containers(&self.definition.init_containers),
        );
        set(
            &mut spec,
            "containers",
            containers(&self.definition.containers),
        );
        set(&mut spec, "volumes", volumes);
        set(
            &mut spec,
            "imagePullSecrets",
            pull_secret
                .into_iter()
                .map(|name| json!({"name": name}))
                .collect(),
        );
        Value::Object(spec)
    }

    fn container(&self, container: &Container, port_names: &HashSet<String>) -> Value {
        let mut json = Map::new();
        json.insert("name".to_owned(), json!(container.name));
        json.insert("image".to_owned(), json!(container.image));
        for (key, words) in [("command", &container.command), ("args", &container.args)] {
            if let Some(words) = words {
                json.insert(key.to_owned(), json!(words));
            }
        }
        set(&mut json, "ports", container_ports(container, port_names));
        set(
            &mut json,
            "env",
            container.env.iter().map(|var| self.env_var(var)).collect(),
        );
        if container.resources != Resources::default() {
            json.insert("resources".to_owned(), resources(&container.resources));
        }
        set(
            &mut json,
            "volumeMounts",
            container.volume_mounts.iter().map(volume_mount).collect(),
        );
        let probes = &container.probes;
        let probes = [
            ("readinessProbe", &probes.ready),
            ("livenessProbe", &probes.live),
            ("startupProbe", &probes.startup),
        ];
        for (key, read) in probes {
            if let Some(read) = read {
                json.insert(key.to_owned(), probe(read, container));
            }
        }
        Value::Object(json)
    }

    fn env_var(&self, var: &EnvVar) -> Value {
        let id = &self.context.id;
        let reference = |source: &str, name: &str, key: &str| json!({"name": var.name, "valueFrom": {source: {"name": name, "key": key}}});
        match &var.value {
            // The server drops an empty value; leaving it out keeps an unchanged apply unchanged.
            EnvValue::Literal(text) if text.is_empty() => json!({"name": var.name}),
            EnvValue::Literal(text) => json!({"name": var.name, "value": text}),
            EnvValue::OwnSecret(key) => reference("secretKeyRef", &naming::secret(id), key),
            EnvValue::OwnConfig(key) => reference("configMapKeyRef", &naming::config(id), key),
            EnvValue::Secret(KeyRef { name, key }) => reference("secretKeyRef", name, key),
            EnvValue::ConfigMap(KeyRef { name, key }) => reference("configMapKeyRef", name, key),
        }
    }

    /// A volume of the pod; none for one that the `StatefulSet` adds itself from a claim template.
    fn pod_volume(&self, volume: &Volume) -> Option<Value> {
        let id = &self.context.id;
        let (key, source) = match &volume.source {
            VolumeSource::Claim(_) if !self.definition.is_shared(volume) => return None,
            VolumeSource::Claim(_) => (
                "persistentVolumeClaim",
                json!({"claimName": naming::shared_claim(id, &volume.name)}),
            ),
            VolumeSource::EmptyDir {
                size_limit,
                in_memory,
            } => ("emptyDir", empty_dir(size_limit.as_deref(), *in_memory)),
            VolumeSource::ExistingClaim(name) => {
                ("persistentVolumeClaim", json!({"claimName": name}))
            }
            VolumeSource::Files(_) => (
                "configMap",
                json!({"name": naming::files(id, &volume.name)}),
            ),
            VolumeSource::Secret(name) => ("secret", json!({"secretName": name})),
        };
        Some(json!({"name": volume.name, key: source}))
    }
}

/// Sets a list that is not empty: an empty one is what the server takes for left out.
fn set(map: &mut Map<String, Value>, key: &str, items: Vec<Value>) {
    if !items.is_empty() {
        map.insert(key.to_owned(), Value::Array(items));
    }
}

/// The ports of a container under names that are unique in the pod: where the Service's name is another, because two
/// containers name a port alike, the port has none.
fn container_ports(container: &Container, service_names: &HashSet<String>) -> Vec<Value> {
    let ports = container.ports.iter().map(|port| {
        let mut json =
            json!({"containerPort": port.target_port, "protocol": port.protocol.as_str()});
        if let Some(name) = port
            .name
            .as_ref()
            .filter(|name| service_names.contains(*name))
        {
            json["name"] = json!(name);
        }
        json
    });
    ports.collect()
}

fn resources(resources: &Resources) -> Value {
    let lists = [
        ("requests", &resources.requests),
        ("limits", &resources.limits),
    ];
    let given: BTreeMap<_, _> = lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .collect();
    json!(given)
}

fn volume_mount(mount: &VolumeMount) -> Value {
    let mut json = json!({"name": mount.name, "mountPath": mount.mount_path});
    if mount.read_only {
        json["readOnly"] = json!(true);
    }
    if let Some(path) = &mount.sub_path {
        json["subPath"] = json!(path);
    }
    json
}

fn probe(probe: &Probe, container: &Container) -> Value {
    let mut json = match &probe.check {
        ProbeCheck::Http { path, port } => {
            json!({"httpGet": {"path": path, "port": port_number(port, container)}})
        }
        ProbeCheck::Tcp(port) => json!({"tcpSocket": {"port": port_number(port, container)}}),
        ProbeCheck::Exec(command) => json!({"exec": {"command": command}}),
    };
    let numbers = [
        ("initialDelaySeconds", probe.initial_delay),
        ("periodSeconds", probe.period),
        ("timeoutSeconds", probe.timeout),
        ("failureThreshold", probe.failures),
    ];
    for (key, number) in numbers {
        if let Some(number) = number {
            json[key] = json!(number);
        }
    }
    json
}

/// By number: a name that two containers share would mean the first one's.
fn port_number(port: &PortRef, container: &Container) -> u16 {
    match port {
        PortRef::Number(number) => *number,
        PortRef::Name(name) => {
            let named = container
                .ports
                .iter()
                .find(|port| port.name.as_ref() == Some(name));
            named
                .map(|port| port.target_port)
                .expect("a checked probe names a port of its container")
        }
    }
}

fn empty_dir(size_limit: Option<&str>, in_memory: bool) -> Value {
    let mut json = json!({});
    if let Some(limit) = size_limit {
        json["sizeLimit"] = json!(limit);
    }
    if in_memory {
        json["medium"] = json!("Memory");
    }
    json
}
