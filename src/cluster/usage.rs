//! What is used of processor, memory and claims, where somebody measures it: one request a look, none is held open.

use serde::Deserialize;

use super::discovery::is_url_word;
use super::project::{clean, or_default};
use super::request::{JSON, form_urlencoded, unreadable};
use super::{Access, Cluster, Selector, reply};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::failure::{Failure, FailureKind};
use crate::service::quantity;
use crate::service::summary::InstanceKey;
use crate::service::usage::{ClaimUsage, PodUsage};

#[derive(Debug, Deserialize)]
struct List {
    #[serde(default, deserialize_with = "or_default")]
    items: Vec<PodMetrics>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodMetrics {
    metadata: Name,
    timestamp: Option<jiff::Timestamp>,
    #[serde(deserialize_with = "or_default")]
    containers: Vec<ContainerMetrics>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Name {
    name: String,
    namespace: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerMetrics {
    usage: Used,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Used {
    cpu: String,
    memory: String,
}

/// What a kubelet tells of its node, as far as it is about claims.
#[derive(Debug, Deserialize)]
struct Summary {
    #[serde(default, deserialize_with = "or_default")]
    pods: Vec<PodStats>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodStats {
    #[serde(deserialize_with = "or_default")]
    volume: Vec<VolumeStats>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VolumeStats {
    pvc_ref: Option<Name>,
    used_bytes: Option<u64>,
    capacity_bytes: Option<u64>,
}

impl Cluster {
    /// Returns what the pods of an instance use, as `metrics.k8s.io` tells it.
    ///
    /// # Errors
    /// It is not served (`NotFound`), may not be read, or does not answer.
    pub async fn pod_usage(&self, instance: &InstanceKey) -> Result<Vec<PodUsage>, Failure> {
        let doing = format!("read the metrics of {instance}");
        let selector = Selector::instance(&instance.id).to_string();
        let query = form_urlencoded(&[("labelSelector", &selector)]);
        let namespace = &instance.namespace;
        let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods?{query}");
        let list: List = self.look(&doing, path).await?;
        let usage = list.items.into_iter().map(|pod| PodUsage {
            pod: clean(pod.metadata.name),
            at: pod.timestamp,
            cpu: sum(&pod.containers, |used| quantity::nanocores(&used.cpu)),
            memory: sum(&pod.containers, |used| {
                u64::try_from(quantity::bytes(&used.memory)?).ok()
            }),
        });
        Ok(usage.collect())
    }

    /// Tells whether this user may ask the kubelets what is used of claims.
    ///
    /// # Errors
    /// The server refuses the question, or does not answer.
    pub async fn may_ask_kubelets(&self) -> Result<bool, Failure> {
        let access = Access {
            verb: "get",
            kind: GroupKind::new("", "Node"),
            subresource: Some("proxy"),
            namespace: None,
            name: None,
        };
        Ok(self.can(&[access]).await?.first() == Some(&true))
    }

    /// Returns what is used of the claims of a namespace that these nodes have mounted, as their kubelets tell it.
    ///
    /// # Errors
    /// No node tells.
    pub async fn claim_usage(
        &self,
        namespace: &Namespace,
        nodes: &[String],
    ) -> Result<Vec<ClaimUsage>, Failure> {
        let (mut usage, mut failed) = (Vec::<ClaimUsage>::new(), None);
        let mut has_answer = false;
        for node in nodes.iter().filter(|node| is_url_word(node)) {
            let doing = format!("ask node {node} what is used of claims");
            let path = format!("/api/v1/nodes/{node}/proxy/stats/summary");
            match self.look::<Summary>(&doing, path).await {
                Ok(summary) => {
                    has_answer = true;
                    usage.extend(claims(summary, namespace));
                }
                Err(failure) => failed = Some(failure),
            }
        }
        // One that several pods of several nodes mount is told by each.
        usage.sort_by(|a, b| a.claim.cmp(&b.claim));
        usage.dedup_by(|a, b| a.claim == b.claim);
        match failed {
            Some(failure) if !has_answer => Err(failure),
            _ => Ok(usage),
        }
    }

    async fn look<T: for<'de> Deserialize<'de>>(
        &self,
        doing: &str,
        path: String,
    ) -> Result<T, Failure> {
        let answer = self.read(doing, path, JSON).await?;
        if answer.status != http::StatusCode::OK {
            let failure = reply::failure(doing, answer.status, &answer.body);
            // NB: who does not serve a group at all answers in plain text, if at all.
            return Err(match answer.status {
                http::StatusCode::NOT_FOUND => Failure {
                    kind: FailureKind::NotFound,
                    ..failure
                },
                _ => failure,
            });
        }
        serde_json::from_slice(&answer.body).map_err(|_| unreadable(doing))
    }
}

fn sum(containers: &[ContainerMetrics], part: impl Fn(&Used) -> Option<u64>) -> u64 {
    let parts = containers.iter().filter_map(|it| part(&it.usage));
    parts.fold(0, u64::saturating_add)
}

fn claims(summary: Summary, namespace: &Namespace) -> impl Iterator<Item = ClaimUsage> {
    let volumes = summary.pods.into_iter().flat_map(|pod| pod.volume);
    volumes.filter_map(move |volume| {
        let of = volume
            .pvc_ref
            .filter(|it| it.namespace == namespace.as_str())?;
        Some(ClaimUsage {
            claim: clean(of.name),
            used: volume.used_bytes?,
            capacity: volume.capacity_bytes?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::mock::{Reply, cluster as mock};

    fn web() -> InstanceKey {
        InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "web".parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn usage_of_pods_is_one_list_by_their_labels() {
        let (cluster, log) = mock(|_| {
            Reply::json(
                200,
                serde_json::json!({"kind": "PodMetricsList", "items": [
                    {"metadata": {"name": "web-0"}, "timestamp": "2026-01-01T00:00:00Z", "containers": [
                        {"name": "main", "usage": {"cpu": "1500000n", "memory": "2Mi"}},
                        {"name": "helper", "usage": {"cpu": "2m", "memory": "1048576"}},
                    ]},
                    {"metadata": {"name": "web-1"}, "containers": null},
                ]}),
            )
        });
        let usage = cluster.pod_usage(&web()).await.unwrap();
        let told: Vec<_> = usage
            .iter()
            .map(|it| (it.pod.as_str(), it.cpu, it.memory))
            .collect();
        assert_eq!(told, [("web-0", 3_500_000, 3 << 20), ("web-1", 0, 0)]);
        let log = log.lock().unwrap();
        let uris: Vec<_> = log.iter().map(|seen| seen.uri.as_str()).collect();
        assert!(
            matches!(uris[..], [uri] if uri.starts_with("/apis/metrics.k8s.io/v1beta1/namespaces/team-a/pods?labelSelector=")),
            "{uris:?}"
        );
    }

    #[tokio::test]
    async fn metrics_that_nobody_serves_are_not_there() {
        let (cluster, _) = mock(|_| Reply::json(404, "404 page not found\n"));
        let failure = cluster.pod_usage(&web()).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NotFound);
    }

    #[tokio::test]
    async fn claims_of_the_namespace_are_told_by_the_nodes_that_answer() {
        let (cluster, _) = mock(|seen| {
            if seen.uri.contains("/node-2/") {
                return Reply::status(403, "no");
            }
            let claim = |name: &str, namespace: &str, used: u64| serde_json::json!({"usedBytes": used, "capacityBytes": 100, "pvcRef": {"name": name, "namespace": namespace}});
            Reply::json(
                200,
                serde_json::json!({"node": {}, "pods": [
                    {"volume": [claim("data-web-0", "team-a", 7), {"usedBytes": 1}]},
                    {"volume": [claim("data-web-0", "team-a", 7), claim("data-x", "team-b", 1)]},
                ]}),
            )
        });
        let namespace = &web().namespace;
        let nodes = ["node-1", "node-2", "../secrets"].map(str::to_owned);
        let usage = cluster.claim_usage(namespace, &nodes).await.unwrap();
        let expected = ClaimUsage {
            claim: "data-web-0".to_owned(),
            used: 7,
            capacity: 100,
        };
        assert_eq!(usage, [expected]);
        let refused = cluster.claim_usage(namespace, &nodes[1..2]).await;
        assert_eq!(refused.unwrap_err().kind, FailureKind::Forbidden);
    }
}
