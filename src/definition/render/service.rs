//! Services: one with every port, and a headless one for a `StatefulSet`.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::metadata::Renderer;
use crate::definition::naming;
use crate::definition::object::Object;
use crate::definition::service::{Container, Port, Protocol, RenderedWorkload};

impl Renderer<'_> {
    pub(super) fn services(&self) -> Vec<Object> {
        let id = &self.context.id;
        let mut services = Vec::new();
        // A Service without ports is refused, except a headless one.
        if self.has_ports() {
            let spec = json!({
                "type": self.definition.service_type.as_str(),
                "selector": self.selector(),
                "ports": self.service_ports(true),
            });
            services.push(self.object(
                "v1",
                "Service",
                &naming::workload(id),
                json!({"spec": spec}),
            ));
        }
        if self.definition.workload_kind() == RenderedWorkload::StatefulSet {
            let mut spec = json!({"clusterIP": "None", "selector": self.selector()});
            if self.has_ports() {
                spec["ports"] = json!(self.service_ports(false));
            }
            services.push(self.object(
                "v1",
                "Service",
                &naming::headless(id),
                json!({"spec": spec}),
            ));
        }
        services
    }

    fn has_ports(&self) -> bool {
        self.definition
            .containers
            .iter()
            .any(|c| !c.ports.is_empty())
    }

    fn service_ports(&self, with_node_ports: bool) -> Vec<Value> {
        let containers: Vec<&Container> = self.definition.containers.iter().collect();
        let names = service_port_names(&containers);
        let ports = containers.iter().flat_map(|c| &c.ports);
        ports
            .zip(names)
            .map(|(port, name)| {
                let mut json = json!({
                    "name": name,
                    "port": port.port,
                    // By number: names of ports are unique within a container only.
                    "targetPort": port.target_port,
                    "protocol": port.protocol.as_str(),
                });
                if let Some(node_port) = port.node_port.filter(|_| with_node_ports) {
                    json["nodePort"] = json!(node_port);
                }
                json
            })
            .collect()
    }
}

/// Returns the name of each port in the Service, in the order of containers and ports: its own, or `<container>-<port>` where
/// two containers name one alike. A port without a name is called after its number.
pub(in crate::definition) fn service_port_names(containers: &[&Container]) -> Vec<String> {
    let mut n_containers: HashMap<String, usize> = HashMap::new();
    for container in containers {
        let mut own: Vec<String> = container.ports.iter().map(own_name).collect();
        own.sort();
        own.dedup();
        for name in own {
            *n_containers.entry(name).or_default() += 1;
        }
    }
    let mut names = Vec::new();
    for container in containers {
        for port in &container.ports {
            let own = own_name(port);
            let is_alike = n_containers.get(&own).is_some_and(|n| *n > 1);
            names.push(if is_alike {
                format!("{}-{own}", container.name)
            } else {
                own
            });
        }
    }
    names
}

fn own_name(port: &Port) -> String {
    match (&port.name, port.protocol) {
        (Some(name), _) => name.clone(),
        (None, Protocol::Tcp) => format!("port-{}", port.port),
        (None, other) => format!("port-{}-{}", port.port, other.as_str().to_ascii_lowercase()),
    }
}
