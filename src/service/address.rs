//! Where an instance is reached: its Services and Ingresses as addresses, the best first. Pure.
//!
//! What the cluster does not tell stands in angle brackets, as kubectl has it: `<node>:30080`, `<pending>:80`.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::summary::InstanceKey;

const NODE: &str = "<node>";
const PENDING: &str = "<pending>";

/// A Service or an Ingress of an instance, as far as it tells where the instance is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The instance it belongs to.
    pub instance: InstanceKey,
    /// Name of the object.
    pub name: String,
    /// How it leads there.
    pub means: Means,
}

/// How a route leads to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// A Service.
    Service {
        /// `spec.type`.
        kind: ServiceKind,
        /// Its ports; none for a headless one, which has no address.
        ports: Vec<ServicePort>,
        /// Addresses and names of its load balancer.
        balancers: Vec<String>,
    },
    /// An Ingress.
    Ingress {
        /// Hosts and paths that it routes.
        paths: Vec<HostPath>,
        /// The hosts of each entry of `spec.tls`; an entry without any covers all.
        tls: Vec<Vec<String>>,
        /// Addresses and names of its controller.
        balancers: Vec<String>,
    },
}

/// The type of a Service that has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceKind {
    /// Reached within the cluster.
    ClusterIp,
    /// Reached by a port of every node.
    NodePort,
    /// Reached by a load balancer.
    LoadBalancer,
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// `port`.
    pub port: u16,
    /// `nodePort`, once it is given.
    pub node_port: Option<u16>,
    /// `protocol`.
    pub protocol: String,
}

/// What a rule of an Ingress routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPath {
    /// The host; none stands for every one.
    pub host: Option<String>,
    /// The path.
    pub path: String,
}

/// An address of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// What leads there.
    pub kind: AddressKind,
    /// The object that does, as `Kind/name`.
    pub object: String,
    /// The URL of an Ingress, and host and port of a Service.
    pub address: String,
    /// Whether the cluster has not given it yet.
    pub pending: bool,
}

/// What leads to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum AddressKind {
    /// A host and a path of an Ingress.
    Ingress,
    /// A load balancer.
    LoadBalancer,
    /// A port of every node.
    NodePort,
    /// The name of a Service within the cluster.
    #[serde(rename = "ClusterIP")]
    ClusterIp,
}

impl Address {
    /// Tells whether somebody outside can open it as it stands.
    pub fn is_usable(&self) -> bool {
        let is_whole = !self.pending && !self.address.contains(['<', '*']);
        is_whole && self.kind != AddressKind::ClusterIp
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

/// Returns the addresses of an instance, the best first. Names within the cluster are told only where nothing leads there from
/// outside. `node` is the address of any node.
pub fn addresses<'a>(
    routes: impl IntoIterator<Item = &'a Route>,
    node: Option<&str>,
) -> Vec<Address> {
    let mut all: Vec<Address> = routes
        .into_iter()
        .flat_map(|route| of_route(route, node.unwrap_or(NODE)))
        .collect();
    if all.iter().any(|it| it.kind != AddressKind::ClusterIp) {
        all.retain(|it| it.kind != AddressKind::ClusterIp);
    }
    all.sort_by(|a, b| (a.pending, a.kind, &a.object).cmp(&(b.pending, b.kind, &b.object)));
    let mut told = BTreeSet::new();
    all.retain(|it| told.insert(it.address.clone()));
    all
}

fn of_route(route: &Route, node: &str) -> Vec<Address> {
    match &route.means {
        Means::Service {
            kind,
            ports,
            balancers,
        } => ports
            .iter()
            .flat_map(|port| of_port(route, *kind, port, balancers, node))
            .collect(),
        Means::Ingress {
            paths,
            tls,
            balancers,
        } => paths
            .iter()
            .flat_map(|path| of_path(route, path, tls, balancers))
            .collect(),
    }
}

fn of_port(
    route: &Route,
    kind: ServiceKind,
    port: &ServicePort,
    balancers: &[String],
    node: &str,
) -> Vec<Address> {
    let (name, namespace) = (&route.name, &route.instance.namespace);
    let protocol = match port.protocol.as_str() {
        "TCP" | "" => String::new(),
        other => format!("/{other}"),
    };
    let address = |kind, host: &str, port: u16| Address {
        kind,
        object: format!("Service/{name}"),
        address: format!("{}:{port}{protocol}", bracketed(host)),
        pending: host == PENDING,
    };
    let on_nodes = || {
        let node_port = port.node_port;
        node_port.map(|port| address(AddressKind::NodePort, node, port))
    };
    match kind {
        ServiceKind::ClusterIp => {
            let host = format!("{name}.{namespace}.svc");
            vec![address(AddressKind::ClusterIp, &host, port.port)]
        }
        ServiceKind::NodePort => on_nodes().into_iter().collect(),
        // Until it is there, the ports of the nodes lead on.
        ServiceKind::LoadBalancer if balancers.is_empty() => {
            let balancer = address(AddressKind::LoadBalancer, PENDING, port.port);
            on_nodes().into_iter().chain([balancer]).collect()
        }
        ServiceKind::LoadBalancer => balancers
            .iter()
            .map(|host| address(AddressKind::LoadBalancer, host, port.port))
            .collect(),
    }
}

fn of_path(
    route: &Route,
    HostPath { host, path }: &HostPath,
    tls: &[Vec<String>],
    balancers: &[String],
) -> Vec<Address> {
    let covers = |hosts: &Vec<String>| {
        let mut known = hosts.iter();
        hosts.is_empty()
            || host
                .as_ref()
                .is_some_and(|host| known.any(|it| covers_host(it, host)))
    };
    let scheme = if tls.iter().any(covers) {
        "https"
    } else {
        "http"
    };
    let path = if path == "/" { "" } else { path };
    let address = |host: &str| Address {
        kind: AddressKind::Ingress,
        object: format!("Ingress/{}", route.name),
        address: format!("{scheme}://{}{path}", bracketed(host)),
        pending: host == PENDING,
    };
    match host {
        Some(host) => vec![address(host)],
        // Without a host it is reached wherever its controller listens.
        None if balancers.is_empty() => vec![address(PENDING)],
        None => balancers.iter().map(|host| address(host)).collect(),
    }
}

/// Tells whether a host of a certificate, which may be `*.example.com`, covers a host.
fn covers_host(covering: &str, host: &str) -> bool {
    let below = |suffix: &str| {
        let label = host.strip_suffix(suffix)?.strip_suffix('.')?;
        Some(!label.is_empty() && !label.contains('.'))
    };
    let wild = covering.strip_prefix("*.");
    covering == host || wild.and_then(below).unwrap_or(false)
}

/// Returns a host as it stands before a port: IPv6 in brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, means: Means) -> Route {
        Route {
            instance: InstanceKey {
                namespace: "team-a".parse().unwrap(),
                id: "web".parse().unwrap(),
            },
            name: name.to_owned(),
            means,
        }
    }

    fn service(kind: ServiceKind, ports: &[(u16, Option<u16>, &str)], balancers: &[&str]) -> Route {
        let port = |(port, node_port, protocol): &(u16, Option<u16>, &str)| ServicePort {
            port: *port,
            node_port: *node_port,
            protocol: (*protocol).to_owned(),
        };
        let means = Means::Service {
            kind,
            ports: ports.iter().map(port).collect(),
            balancers: balancers.iter().map(|it| (*it).to_owned()).collect(),
        };
        route("web", means)
    }

    fn ingress(paths: &[(Option<&str>, &str)], tls: &[&[&str]], balancers: &[&str]) -> Route {
        let owned = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let path = |(host, path): &(Option<&str>, &str)| HostPath {
            host: host.map(str::to_owned),
            path: (*path).to_owned(),
        };
        let means = Means::Ingress {
            paths: paths.iter().map(path).collect(),
            tls: tls.iter().map(|hosts| owned(hosts)).collect(),
            balancers: owned(balancers),
        };
        route("web", means)
    }

    fn check(routes: &[Route], node: Option<&str>, expected: &[&str]) {
        let found: Vec<String> = addresses(routes, node)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_type_of_service_has_its_address() {
        let inside = service(
            ServiceKind::ClusterIp,
            &[(80, None, "TCP"), (53, None, "UDP")],
            &[],
        );
        check(
            &[inside],
            None,
            &["web.team-a.svc:80", "web.team-a.svc:53/UDP"],
        );
        let on_nodes = service(ServiceKind::NodePort, &[(80, Some(30080), "TCP")], &[]);
        check(std::slice::from_ref(&on_nodes), None, &["<node>:30080"]);
        check(
            std::slice::from_ref(&on_nodes),
            Some("192.0.2.7"),
            &["192.0.2.7:30080"],
        );
        check(&[on_nodes], Some("2001:db8::7"), &["[2001:db8::7]:30080"]);
        let balanced = |balancers: &[&str]| {
            service(
                ServiceKind::LoadBalancer,
                &[(80, Some(30080), "TCP")],
                balancers,
            )
        };
        check(&[balanced(&[])], None, &["<node>:30080", "<pending>:80"]);
        check(&[balanced(&["203.0.113.5"])], None, &["203.0.113.5:80"]);
        check(
            &[balanced(&["lb.example.com"])],
            None,
            &["lb.example.com:80"],
        );
        check(&[service(ServiceKind::ClusterIp, &[], &[])], None, &[]);
    }

    #[test]
    fn an_ingress_is_a_url_and_comes_first() {
        let host = Some("web.example.com");
        let inside = || service(ServiceKind::ClusterIp, &[(80, None, "TCP")], &[]);
        check(
            &[inside(), ingress(&[(host, "/")], &[], &[])],
            None,
            &["http://web.example.com"],
        );
        check(
            &[ingress(&[(host, "/web")], &[&["web.example.com"]], &[])],
            None,
            &["https://web.example.com/web"],
        );
        check(
            &[ingress(
                &[(host, "/"), (Some("a.b.example.com"), "/")],
                &[&["*.example.com"]],
                &[],
            )],
            None,
            &["https://web.example.com", "http://a.b.example.com"],
        );
        check(
            &[ingress(&[(None, "/web")], &[&[]], &["203.0.113.5"])],
            None,
            &["https://203.0.113.5/web"],
        );
        check(
            &[ingress(&[(None, "/web")], &[], &[]), inside()],
            None,
            &["http://<pending>/web"],
        );
    }

    #[test]
    fn only_what_can_be_opened_from_outside_is_usable() {
        let is_usable = |route: Route| addresses(&[route], None)[0].is_usable();
        let port = [(80, Some(30080), "TCP")];
        assert!(is_usable(ingress(
            &[(Some("web.example.com"), "/")],
            &[],
            &[]
        )));
        assert!(is_usable(service(
            ServiceKind::LoadBalancer,
            &port,
            &["203.0.113.5"]
        )));
        assert!(!is_usable(service(ServiceKind::NodePort, &port, &[])));
        assert!(!is_usable(service(ServiceKind::ClusterIp, &port, &[])));
        assert!(!is_usable(ingress(
            &[(Some("*.example.com"), "/")],
            &[],
            &[]
        )));
    }
}
