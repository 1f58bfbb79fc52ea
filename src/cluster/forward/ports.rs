//! Which port of a pod is meant: by its number or name, of the Service or of a container.

use std::str::FromStr;

use serde_json::Value;

use super::ForwardRequest;
use crate::cluster::{Cluster, Selector};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object};
use crate::failure::{Failure, FailureKind};
use crate::text;

/// A port of this machine and one of an instance, as `[LOCAL:]REMOTE` writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    /// The local one; 0 takes a free one, none the same as the remote one.
    pub local: Option<u16>,
    /// The remote one.
    pub remote: RemotePort,
}

/// A port of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemotePort {
    /// By number: the Service's, else a container's.
    Number(u16),
    /// By name, likewise.
    Name(String),
}

impl FromStr for PortSpec {
    type Err = String;

    /// Reads `80`, `http`, `8080:80`, `8080:http`, `:80`, `0:80`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (local, remote) = match text.split_once(':') {
            None => (None, text),
            Some(("", remote)) => (Some(0), remote),
            Some((local, remote)) => {
                let local = local.parse().map_err(|_| {
                    format!(
                        "{local:?} is no local port: write [LOCAL:]REMOTE, LOCAL from 0 to 65535"
                    )
                })?;
                (Some(local), remote)
            }
        };
        Ok(Self {
            local,
            remote: remote_port(remote)?,
        })
    }
}

fn remote_port(text: &str) -> Result<RemotePort, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        let number = text.parse().ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| format!("{text} is no port: they are 1 to 65535"));
        return number.map(RemotePort::Number);
    }
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match !text.is_empty() && text.len() <= 63 && text.bytes().all(is_legal) {
        true => Ok(RemotePort::Name(text.to_owned())),
        false => Err(format!(
            "{text:?} is no port: write a number or a name, as in 8080:http"
        )),
    }
}

impl Cluster {
    /// Returns the pods' ports that are meant, in the order of the request.
    pub(super) async fn remote_ports(&self, request: &ForwardRequest) -> Result<Vec<u16>, Failure> {
        let instance = &request.instance;
        let selector = Selector::instance(&instance.id);
        let list = |kind: &str| {
            let kind = GroupKind::new("", kind);
            let selector = &selector;
            async move { self.list(&kind, Some(&instance.namespace), selector).await }
        };
        let (services, pods) = futures::try_join!(
            async {
                match list("Service").await {
                    // Who may not look at Services names the ports of containers.
                    Err(failure) if failure.kind == FailureKind::Forbidden => Ok(Vec::new()),
                    listed => listed,
                }
            },
            list("Pod"),
        )?;
        if pods.is_empty() {
            let summary = format!("{} has no pods", instance.id);
            return Err(Failure::new(FailureKind::NotFound, summary));
        }
        let name = naming::workload(&instance.id);
        let service = services.iter().find(|service| service.key.name == name);
        let ports = request.ports.iter();
        ports
            .map(|spec| match (&spec.remote, &request.pod) {
                // Of a pod that is named any port may be meant: a container need not name those that it listens on.
                (RemotePort::Number(number), Some(_)) => {
                    let known = resolve(&spec.remote, service, &pods);
                    Ok(known.unwrap_or(*number))
                }
                _ => resolve(&spec.remote, service, &pods),
            })
            .collect()
    }
}

/// Returns the pod's port that is meant.
pub(super) fn resolve(
    remote: &RemotePort,
    service: Option<&Object>,
    pods: &[Object],
) -> Result<u16, Failure> {
    let mut of_service = list(service.map(|service| &service.json), &["spec", "ports"]);
    let is_meant = |port: &&Value| match remote {
        RemotePort::Number(number) => port["port"] == *number,
        RemotePort::Name(name) => port["name"] == *name,
    };
    let target = of_service
        .find(is_meant)
        .map(|port| match &port["targetPort"] {
            Value::Null => port["port"].clone(),
            target => target.clone(),
        });
    match (target, remote) {
        (Some(Value::String(name)), _) => {
            by_name(&name, pods).ok_or_else(|| unknown(&name, service, pods))
        }
        (Some(number), _) if number.is_u64() => Ok(number
            .as_u64()
            .and_then(|it| u16::try_from(it).ok())
            .unwrap_or(0)),
        (_, RemotePort::Number(number)) => match takes(*number, service, pods) {
            true => Ok(*number),
            false => Err(unknown(&number.to_string(), service, pods)),
        },
        (_, RemotePort::Name(name)) => {
            by_name(name, pods).ok_or_else(|| unknown(name, service, pods))
        }
    }
}

fn by_name(name: &str, pods: &[Object]) -> Option<u16> {
    let mut ports = container_ports(pods);
    let port = ports.find(|port| port["name"] == *name)?;
    u16::try_from(port["containerPort"].as_u64()?).ok()
}

fn container_ports(pods: &[Object]) -> impl Iterator<Item = &Value> {
    let containers = pods
        .iter()
        .flat_map(|pod| list(Some(&pod.json), &["spec", "containers"]));
    containers.flat_map(|container| list(Some(container), &["ports"]))
}

/// Tells whether containers take a port; of those that name none at all nobody can say.
fn takes(number: u16, service: Option<&Object>, pods: &[Object]) -> bool {
    let mut ports = container_ports(pods).peekable();
    let names_none = ports.peek().is_none() && service.is_none();
    names_none || ports.any(|port| port["containerPort"] == number)
}

fn list<'v>(value: Option<&'v Value>, path: &[&str]) -> impl Iterator<Item = &'v Value> {
    let found = value.and_then(|value| path.iter().try_fold(value, |value, key| value.get(key)));
    found.and_then(Value::as_array).into_iter().flatten()
}

fn unknown(asked: &str, service: Option<&Object>, pods: &[Object]) -> Failure {
    let shown = |number: &Value, port: &Value| match port["name"].as_str() {
        Some(name) => format!("{name} ({number})"),
        None => number.to_string(),
    };
    let of_service = list(service.map(|service| &service.json), &["spec", "ports"]);
    let mut there: Vec<String> = of_service.map(|port| shown(&port["port"], port)).collect();
    there.extend(container_ports(pods).map(|port| shown(&port["containerPort"], port)));
    there.sort_unstable();
    there.dedup();
    let there = match there.is_empty() {
        true => "it names none".to_owned(),
        false => format!("there are: {}", there.join(", ")),
    };
    let hint = match asked.parse::<u16>() {
        Ok(_) => "; with --pod any port of a pod can be named",
        Err(_) => "",
    };
    let summary = text::clean(&format!("there is no port {asked}; {there}{hint}")).into_owned();
    Failure::new(FailureKind::NotFound, summary)
}
