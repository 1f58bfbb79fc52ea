//! From a field of a rendered object to the keys of a service definition: rendering, read backwards.

use serde_json::Value;

use super::field::Step;
use super::{Seg, Text};
use crate::definition::yaml::NodeId;
use Seg::{Index, Key, Named};

type Path<'a> = Vec<Seg<'a>>;

/// Returns where a field may come from, the most likely first.
pub(super) fn paths<'a>(
    text: &'a Text<'_>,
    top: NodeId,
    object: &'a Value,
    steps: &'a [Step],
) -> Vec<Path<'a>> {
    let steps: Vec<Seg<'a>> = steps.iter().map(Seg::of).collect();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    match (
        object["kind"].as_str().unwrap_or_default(),
        steps.as_slice(),
    ) {
        ("Ingress", [Key("metadata"), rest @ ..]) => {
            let own = metadata(rest);
            let of_ingress = join(&[Key("ingress")], own.clone());
            [own, of_ingress].concat()
        }
        (_, [Key("metadata"), rest @ ..]) => metadata(rest),
        ("Deployment" | "StatefulSet", [Key("spec"), rest @ ..]) => workload(object, rest),
        ("Service", [Key("spec"), rest @ ..]) => service(text, top, rest),
        ("Ingress", [Key("spec"), rest @ ..]) => ingress(rest),
        ("PersistentVolumeClaim", [Key("spec"), rest @ ..]) => {
            let volume = text.volume_at_end_of(top, name);
            volume
                .map(|volume| join(&[Key("volumes"), Named(volume)], claim(rest)))
                .unwrap_or_default()
        }
        ("ConfigMap", [Key("data" | "binaryData"), rest @ ..]) => {
            match text.volume_at_end_of(top, name) {
                Some(volume) if name.contains("-files-") => {
                    vec![concat(
                        &[Key("volumes"), Named(volume), Key("config")],
                        rest,
                    )]
                }
                _ => vec![concat(&[Key("config")], rest)],
            }
        }
        ("Secret", [Key("data" | "stringData"), rest @ ..]) if !name.ends_with("-pull") => {
            vec![concat(&[Key("secrets")], rest)]
        }
        ("Secret", _) => vec![vec![Key("pullSecret")]],
        _ => Vec::new(),
    }
}

fn metadata<'a>(rest: &[Seg<'a>]) -> Vec<Path<'a>> {
    match rest {
        [Key("labels" | "annotations"), ..] => vec![rest.to_vec()],
        _ => Vec::new(),
    }
}

fn workload<'a>(object: &'a Value, rest: &[Seg<'a>]) -> Vec<Path<'a>> {
    match rest {
        [Key("replicas"), ..] => vec![vec![Key("replicas")]],
        [Key("template"), Key("metadata"), rest @ ..] => metadata(rest),
        [Key("template"), Key("spec"), rest @ ..] => pod(object, rest),
        [Key("volumeClaimTemplates"), Index(idx), rest @ ..] => {
            let template = &object["spec"]["volumeClaimTemplates"][idx];
            let rest = match rest {
                [Key("spec"), rest @ ..] => claim(rest),
                _ => vec![Vec::new()],
            };
            join(&[Key("volumes"), Named(name_of(template))], rest)
        }
        [Key("volumeClaimTemplates"), ..] => vec![vec![Key("volumes")]],
        _ => Vec::new(),
    }
}

fn pod<'a>(object: &'a Value, rest: &[Seg<'a>]) -> Vec<Path<'a>> {
    match rest {
        [
            list @ Key("containers" | "initContainers"),
            idx @ Index(_),
            rest @ ..,
        ] => join(&[*list, *idx], container(rest)),
        [Key("containers" | "initContainers" | "volumes"), ..] if rest.len() == 1 => {
            vec![rest.to_vec()]
        }
        [Key("volumes"), Index(idx), rest @ ..] => {
            let volume = &object["spec"]["template"]["spec"]["volumes"][idx]["name"];
            join(
                &[Key("volumes"), Named(volume.as_str().unwrap_or_default())],
                source(rest),
            )
        }
        [Key("imagePullSecrets"), ..] => vec![vec![Key("pullSecret")]],
        [Key("restartPolicy"), ..] => vec![vec![Key("restartPolicy")]],
        _ => Vec::new(),
    }
}

fn container<'a>(rest: &[Seg<'a>]) -> Vec<Path<'a>> {
    match rest {
        [Key("ports"), idx, Key("containerPort"), ..] => vec![
            vec![Key("ports"), *idx, Key("targetPort")],
            vec![Key("ports"), *idx, Key("port")],
        ],
        [Key("env"), rest @ ..] => {
            let rest = match rest {
                [idx, Key("valueFrom"), Key("secretKeyRef"), rest @ ..] => {
                    concat(&[*idx, Key("fromSecret")], rest)
                }
                [idx, Key("valueFrom"), Key("configMapKeyRef"), rest @ ..] => {
                    concat(&[*idx, Key("fromConfig")], rest)
                }
                rest => rest.to_vec(),
            };
            vec![
                concat(&[Key("env")], &rest),
                concat(&[Key("environment")], &rest),
            ]
        }
        [Key("resources"), list, Key(resource), ..] => {
            let short = match *resource {
                short @ ("cpu" | "memory") => short,
                _ => "gpu",
            };
            vec![
                vec![Key("resources"), *list, Key(resource)],
                vec![Key(short)],
            ]
        }
        [Key("resources"), ..] => {
            vec![
                rest.to_vec(),
                vec![Key("cpu")],
                vec![Key("memory")],
                vec![Key("gpu")],
            ]
        }
        [Key("readinessProbe"), rest @ ..] => probe("ready", rest),
        [Key("livenessProbe"), rest @ ..] => probe("live", rest),
        [Key("startupProbe"), rest @ ..] => probe("startup", rest),
        rest => vec![rest.to_vec()],
    }
}

fn probe<'a>(name: &'a str, rest: &[Seg<'a>]) -> Vec<Path<'a>> {
    let key = match rest {
        [Key("httpGet"), Key("port"), ..] => "port",
        [Key("httpGet"), ..] => "http",
        [Key("tcpSocket"), ..] => "tcp",
        [Key("exec"), ..] => "exec",
        [Key("initialDelaySeconds"), ..] => "initialDelay",
        [Key("periodSeconds"), ..] => "period",
        [Key("timeoutSeconds"), ..] => "timeout",
        [Key("failureThreshold"), ..] => "failures",
        _ => "",
    };
    vec![vec![Key("probes"), Key(name), Key(key)]]
}

/// What a volume of the pod is made of.
fn source<'a>(rest: &[Seg<'a>]) -> Vec<Path<'a>> {
    match rest {
        [Key("persistentVolumeClaim"), ..] => vec![vec![Key("existingClaim")], vec![Key("size")]],
        [Key("configMap"), ..] => vec![vec![Key("config")]],
        [Key("secret"), ..] => vec![vec![Key("secret")]],
        rest => vec![rest.to_vec()],
    }
}

fn claim<'a>(rest: &[Seg<'a>]) -> Vec<Path<'a>> {
    match rest {
        [Key("resources"), ..] => vec![vec![Key("size")]],
        [Key("storageClassName"), ..] => vec![vec![Key("storageClass")]],
        [Key("accessModes"), ..] => vec![vec![Key("accessMode")], vec![Key("type")]],
        _ => vec![Vec::new()],
    }
}

fn service<'a>(text: &Text<'_>, top: NodeId, rest: &[Seg<'a>]) -> Vec<Path<'a>> {
    match rest {
        [Key("ports"), Index(idx), rest @ ..] => {
            let Some((container, port)) = text.port(top, *idx) else {
                return Vec::new();
            };
            let at = [
                Key("containers"),
                Index(container),
                Key("ports"),
                Index(port),
            ];
            vec![concat(&at, rest), concat(&at, &[Key("port")])]
        }
        [Key("type"), ..] => vec![vec![Key("service"), Key("type")]],
        _ => Vec::new(),
    }
}

fn ingress<'a>(rest: &[Seg<'a>]) -> Vec<Path<'a>> {
    let of_ingress = |key| {
        vec![
            vec![Key("ingress"), Key(key)],
            vec![Key("ingress")],
            vec![Key("exposed_service")],
        ]
    };
    match rest {
        [Key("rules"), Index(_), Key("host"), ..] => {
            vec![vec![Key("exposed_hostname")], vec![Key("exposed_service")]]
        }
        [Key("rules"), .., Key("pathType")] => of_ingress("pathType"),
        [Key("rules"), .., Key("path")] => of_ingress("path"),
        [Key("rules"), .., Key("port" | "number")] => vec![vec![Key("exposed_port")]],
        [Key("tls"), ..] => of_ingress("tlsSecret"),
        [Key("ingressClassName"), ..] => of_ingress("className"),
        _ => vec![vec![Key("exposed_service")]],
    }
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn concat<'a>(first: &[Seg<'a>], rest: &[Seg<'a>]) -> Path<'a> {
    [first, rest].concat()
}

fn join<'a>(first: &[Seg<'a>], all: Vec<Path<'a>>) -> Vec<Path<'a>> {
    all.iter().map(|rest| concat(first, rest)).collect()
}

impl Text<'_> {
    /// Returns the volume whose name an object's name ends in, which is derived from it.
    fn volume_at_end_of(&self, top: NodeId, name: &str) -> Option<&str> {
        let volumes = self.tree.get(top, "volumes")?;
        let volumes = self.tree.items(volumes).iter();
        let names = volumes.filter_map(|volume| self.tree.scalar_at(*volume, "name"));
        let fitting = names.filter(|own| {
            let before = name.strip_suffix(own);
            before.is_some_and(|before| before.ends_with("-data-") || before.ends_with("-files-"))
        });
        fitting.max_by_key(|own| own.len())
    }

    /// Returns the container and the port in it that made the Service's port of that number.
    fn port(&self, top: NodeId, mut idx: usize) -> Option<(usize, usize)> {
        let containers = self.tree.get(top, "containers")?;
        for (container, node) in self.tree.items(containers).iter().enumerate() {
            let ports = self
                .tree
                .get(*node, "ports")
                .map_or(0, |ports| self.tree.items(ports).len());
            if idx < ports {
                return Some((container, idx));
            }
            idx -= ports;
        }
        None
    }
}
