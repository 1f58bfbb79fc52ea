//! Which port of a pod is meant: by its number or name, of the Service or of a container.

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::cluster::{Cluster, Selector};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object};
use crate::failure::{Failure, FailureKind};
use crate::service::forward::{ForwardRequest, OF_A_POD, OfferedPort, RemotePort};
use crate::service::summary::InstanceKey;
use crate::text;

impl Cluster {
    /// Returns the Services and pods of an instance; it has pods, or that is told.
    async fn services_and_pods(
        &self,
        instance: &InstanceKey,
    ) -> Result<(Vec<Object>, Vec<Object>), Failure> {
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
        Ok((services, pods))
    }

    /// Returns the pods' ports that are meant, in the order of the request.
    pub(super) async fn remote_ports(&self, request: &ForwardRequest) -> Result<Vec<u16>, Failure> {
        let instance = &request.instance;
        let (services, pods) = self.services_and_pods(instance).await?;
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

impl Cluster {
    /// Returns the ports of an instance that could be forwarded, each with a free one of this machine: those of its Service,
    /// else those that its containers declare.
    ///
    /// # Errors
    /// It has no pods, or they may not be read.
    pub async fn offered_ports(&self, instance: &InstanceKey) -> Result<Vec<OfferedPort>, Failure> {
        let (services, pods) = match self.services_and_pods(instance).await {
            Err(failure) if failure.kind == FailureKind::NotFound => {
                let there = self.elsewhere(instance).await;
                let there = there.first().ok_or(failure)?;
                self.services_and_pods(there).await?
            }
            found => found?,
        };
        let name = naming::workload(&instance.id);
        let service = services.iter().find(|service| service.key.name == name);
        let mut offered = offered(service, &pods);
        for port in &mut offered {
            port.local = free_port(port.port);
        }
        Ok(offered)
    }
}

/// Returns the ports that a Service has, else those of the first pod's containers.
fn offered(service: Option<&Object>, pods: &[Object]) -> Vec<OfferedPort> {
    let port = |value: &Value, key: &str, container: Option<&str>| {
        let clean = |text: &str| crate::text::clean(text).into_owned();
        // What is not TCP cannot be forwarded.
        let is_tcp = value["protocol"].as_str().is_none_or(|it| it == "TCP");
        let port = u16::try_from(value[key].as_u64()?).ok()?;
        is_tcp.then(|| OfferedPort {
            port,
            name: value["name"].as_str().map(clean),
            container: container.map(clean),
            local: port,
        })
    };
    let of_service = list(service.map(|service| &service.json), &["spec", "ports"]);
    let of_service: Vec<_> = of_service.filter_map(|it| port(it, "port", None)).collect();
    if !of_service.is_empty() {
        return of_service;
    }
    let containers = list(pods.first().map(|pod| &pod.json), &["spec", "containers"]);
    containers
        .flat_map(|container| {
            let ports = list(Some(container), &["ports"]);
            ports.filter_map(|it| port(it, "containerPort", container["name"].as_str()))
        })
        .collect()
}

/// Returns a port of this machine that is free: the same, 8000 above where that one needs rights, or any.
fn free_port(wanted: u16) -> u16 {
    let first = match wanted {
        1024.. => wanted,
        below => below + 8000,
    };
    let bound = [first, 0].into_iter().find_map(|port| {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
        Some(listener.local_addr().ok()?.port())
    });
    bound.unwrap_or(0)
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
        Ok(_) => OF_A_POD,
        Err(_) => "",
    };
    let summary = text::clean(&format!("there is no port {asked}; {there}{hint}")).into_owned();
    Failure::new(FailureKind::NotFound, summary)
}
