//! Services and Ingresses as [`Route`]s.

use serde::Deserialize;

use super::{Meta, Project, clean, clean_some, or_default};
use crate::cluster::kinds::Resource;
use crate::service::address::{HostPath, Means, Route, ServiceKind, ServicePort};

/// A Service.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct ServiceObject {
    metadata: Meta,
    spec: ServiceSpec,
    #[serde(deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServiceSpec {
    r#type: String,
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<String>,
    #[serde(deserialize_with = "or_default")]
    ports: Vec<Port>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Port {
    port: u16,
    node_port: u16,
    protocol: String,
}

/// The status of both, as far as it is alike.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    #[serde(deserialize_with = "or_default")]
    load_balancer: LoadBalancer,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LoadBalancer {
    #[serde(deserialize_with = "or_default")]
    ingress: Vec<Balancer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Balancer {
    ip: Option<String>,
    hostname: Option<String>,
}

/// An Ingress.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct IngressObject {
    metadata: Meta,
    spec: IngressSpec,
    #[serde(deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IngressSpec {
    #[serde(deserialize_with = "or_default")]
    rules: Vec<Rule>,
    #[serde(deserialize_with = "or_default")]
    tls: Vec<Tls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rule {
    host: Option<String>,
    #[serde(deserialize_with = "or_default")]
    http: Http,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Http {
    #[serde(deserialize_with = "or_default")]
    paths: Vec<Path>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Path {
    path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tls {
    #[serde(deserialize_with = "or_default")]
    hosts: Vec<String>,
}

impl Project for ServiceObject {
    type Item = Route;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_item(self, _: &Resource) -> Option<Route> {
        let Self {
            metadata,
            spec,
            status,
        } = self;
        let kind = match spec.r#type.as_str() {
            "NodePort" => ServiceKind::NodePort,
            "LoadBalancer" => ServiceKind::LoadBalancer,
            _ => ServiceKind::ClusterIp,
        };
        // A headless one only names its pods, and an external one leads elsewhere.
        let has_address =
            spec.r#type != "ExternalName" && spec.cluster_ip.as_deref() != Some("None");
        let ports = spec.ports.into_iter().filter(|_| has_address);
        let ports = ports.map(|port| ServicePort {
            port: port.port,
            node_port: Some(port.node_port).filter(|port| *port != 0),
            protocol: clean(port.protocol),
        });
        Some(Route {
            instance: metadata.instance()?,
            name: metadata.name,
            means: Means::Service {
                kind,
                ports: ports.collect(),
                balancers: balancers(status),
            },
        })
    }
}

impl Project for IngressObject {
    type Item = Route;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_item(self, _: &Resource) -> Option<Route> {
        let Self {
            metadata,
            spec,
            status,
        } = self;
        let paths = spec.rules.into_iter().flat_map(|rule| {
            let host = clean_some(rule.host);
            let paths = rule.http.paths.into_iter();
            paths.map(move |path| HostPath {
                host: host.clone(),
                path: clean(path.path),
            })
        });
        let hosts = |tls: Tls| tls.hosts.into_iter().map(clean).collect();
        Some(Route {
            instance: metadata.instance()?,
            name: metadata.name,
            means: Means::Ingress {
                paths: paths.collect(),
                tls: spec.tls.into_iter().map(hosts).collect(),
                balancers: balancers(status),
            },
        })
    }
}

fn balancers(status: Status) -> Vec<String> {
    let known = status.load_balancer.ingress.into_iter();
    known
        .filter_map(|it| clean_some(it.ip).or(clean_some(it.hostname)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::kinds;
    use crate::service::address::addresses;

    fn check<P: Project<Item = Route>>(kind: (&str, &str), content: Value, expected: &[&str]) {
        let mut json = content;
        json["metadata"] = json!({"name": "web", "namespace": "team-a", "labels": {
            "app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web",
        }});
        let object: P = serde_json::from_value(json).unwrap();
        let route = object.into_item(kinds::known(kind.0, kind.1)).unwrap();
        let found: Vec<String> = addresses([&route], None)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn services_are_read() {
        let check =
            |json, expected: &[&str]| check::<ServiceObject>(("", "Service"), json, expected);
        let ports = json!([{"port": 80, "nodePort": 30080, "protocol": "TCP"}]);
        check(
            json!({"spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "ports": ports}}),
            &["<node>:30080"],
        );
        let status = json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.5"}, {"hostname": "lb\u{1b}[2J.example.com"}]}});
        check(
            json!({"spec": {"type": "LoadBalancer", "ports": ports}, "status": status}),
            &["203.0.113.5:80", "lb␛.example.com:80"],
        );
        check(
            json!({"spec": {"type": "ClusterIP", "clusterIP": "None", "ports": ports}}),
            &[],
        );
        check(
            json!({"spec": {"type": "ExternalName", "externalName": "x", "ports": null}}),
            &[],
        );
    }

    #[test]
    fn ingresses_are_read() {
        let check = |json, expected: &[&str]| {
            check::<IngressObject>(("networking.k8s.io", "Ingress"), json, expected)
        };
        let rules = json!([{"host": "web.example.com", "http": {"paths": [{"path": "/a"}, {"path": "/b"}]}}]);
        check(
            json!({"spec": {"rules": rules, "tls": [{"hosts": ["web.example.com"]}]}}),
            &["https://web.example.com/a", "https://web.example.com/b"],
        );
        let status = json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.5"}]}});
        check(
            json!({"spec": {"rules": [{"http": {"paths": [{"path": "/web"}]}}]}, "status": status}),
            &["http://203.0.113.5/web"],
        );
        check(json!({"spec": {"rules": null, "defaultBackend": {}}}), &[]);
    }
}
