//! What the nodes have to give and what is asked for on them: two lists, read when somebody looks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::project::{Quantity, clean, or_default};
use super::request::{JSON, form_urlencoded, unreadable};
use super::{Cluster, kinds};
use crate::failure::{Failure, FailureKind};
use crate::service::capacity::{Asked, Devices, Node, NodeCapacity, capacities, is_device};
use crate::service::quantity;
use crate::service::usage::Amounts;

/// Pods that hold what they asked for: those that ended do not.
const HOLDING: &str = "status.phase!=Succeeded,status.phase!=Failed";

#[derive(Debug, Deserialize)]
#[serde(bound = "T: serde::de::DeserializeOwned")]
struct Page<T> {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(default, deserialize_with = "or_default")]
    items: Vec<T>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PageMeta {
    r#continue: Option<String>,
}

type Quantities = BTreeMap<String, Quantity>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NodeObject {
    metadata: Name,
    spec: NodeSpec,
    status: NodeStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Name {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NodeSpec {
    unschedulable: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NodeStatus {
    #[serde(deserialize_with = "or_default")]
    allocatable: Quantities,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<Condition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    r#type: String,
    status: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodObject {
    spec: PodSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "or_default")]
    init_containers: Vec<ContainerSpec>,
    /// What the pod asks for as a whole.
    #[serde(deserialize_with = "or_default")]
    resources: Resources,
    /// What the runtime of its class takes beside its containers.
    #[serde(deserialize_with = "or_default")]
    overhead: Quantities,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerSpec {
    /// `Always` makes an init container a sidecar.
    restart_policy: Option<String>,
    #[serde(deserialize_with = "or_default")]
    resources: Resources,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    #[serde(deserialize_with = "or_default")]
    requests: Quantities,
}

impl Cluster {
    /// Returns what each node has to give, and what is asked for on it where this user may see all pods.
    ///
    /// # Errors
    /// The nodes may not be listed, or the server does not answer.
    pub async fn node_capacities(&self) -> Result<Vec<NodeCapacity>, Failure> {
        let nodes = self.read_all("list nodes", "Node", "").await?;
        let nodes = nodes.into_iter().map(node).collect();
        let query = form_urlencoded(&[("fieldSelector", HOLDING)]);
        let pods = match self
            .read_all("list the pods of all namespaces", "Pod", &query)
            .await
        {
            Ok(pods) => Some(pods.into_iter().filter_map(asked).collect()),
            Err(failure) if failure.kind == FailureKind::Forbidden => None,
            Err(failure) => return Err(failure),
        };
        Ok(capacities(nodes, pods))
    }

    /// Returns the resources that devices of the nodes are counted by; of a large cluster those of its first page of nodes.
    ///
    /// # Errors
    /// The nodes may not be listed, or the server does not answer.
    pub async fn node_devices(&self) -> Result<BTreeSet<String>, Failure> {
        let path = kinds::known("", "Node").path(None);
        let doing = "list nodes";
        let nodes = self.read_pages(doing, &path, "", JSON, |body| {
            let page: Page<NodeObject> =
                serde_json::from_slice(body).map_err(|_| unreadable(doing))?;
            Ok((page.items, None))
        });
        let nodes = nodes.await?.into_iter();
        let names = nodes.flat_map(|node| node.status.allocatable.into_keys());
        Ok(names.filter(|name| is_device(name)).map(clean).collect())
    }

    async fn read_all<T: serde::de::DeserializeOwned>(
        &self,
        doing: &str,
        kind: &str,
        query: &str,
    ) -> Result<Vec<T>, Failure> {
        let path = kinds::known("", kind).path(None);
        self.read_pages(doing, &path, query, JSON, |body| {
            let page: Page<T> = serde_json::from_slice(body).map_err(|_| unreadable(doing))?;
            Ok((page.items, page.metadata.r#continue))
        })
        .await
    }
}

/// Returns how many there are; a number of bytes, pods or devices is a quantity, as `10k`.
fn number(quantity: &str) -> Option<u64> {
    u64::try_from(quantity::bytes(quantity)?).ok()
}

fn node(object: NodeObject) -> Node {
    let NodeObject {
        metadata,
        spec,
        status,
    } = object;
    let mut conditions = status.conditions.iter();
    let max_pods = status.allocatable.get("pods");
    Node {
        name: clean(metadata.name),
        is_ready: conditions.any(|it| it.r#type == "Ready" && it.status == "True"),
        is_cordoned: spec.unschedulable,
        allocatable: amounts(&status.allocatable),
        max_pods: max_pods.and_then(|it| number(&it.0)).unwrap_or(0),
        devices: devices(&status.allocatable),
    }
}

/// Returns what the scheduler reserves for a pod: what its containers ask for together, or what the greediest init container
/// does with the sidecars before it, unless the pod says so as a whole; and what its runtime takes beside that.
fn asked(pod: PodObject) -> Option<Asked> {
    let spec = pod.spec;
    let node = clean(spec.node_name?);
    let (mut sum, mut most) = (Asked::default(), Asked::default());
    for container in &spec.init_containers {
        let own = needs(&container.resources.requests);
        let mut beside_sidecars = sum.clone();
        beside_sidecars.add(&own);
        most.raise_to(&beside_sidecars);
        if container.restart_policy.as_deref() == Some("Always") {
            sum = beside_sidecars;
        }
    }
    for container in &spec.containers {
        sum.add(&needs(&container.resources.requests));
    }
    sum.raise_to(&most);
    let whole = amounts(&spec.resources.requests);
    sum.amounts.cpu = whole.cpu.or(sum.amounts.cpu);
    sum.amounts.memory = whole.memory.or(sum.amounts.memory);
    sum.add(&needs(&spec.overhead));
    Some(Asked { node, ..sum })
}

fn needs(quantities: &Quantities) -> Asked {
    Asked {
        node: String::new(),
        amounts: amounts(quantities),
        devices: devices(quantities),
    }
}

fn amounts(quantities: &Quantities) -> Amounts {
    let amount = |name: &str| quantities.get(name).map(|it| it.0.as_str());
    Amounts {
        cpu: amount("cpu").and_then(quantity::nanocores),
        memory: amount("memory").and_then(number),
    }
}

fn devices(quantities: &Quantities) -> Devices {
    let devices = quantities.iter().filter(|(name, _)| is_device(name));
    devices
        .filter_map(|(name, n)| Some((clean(name.clone()), number(&n.0)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::mock::{Reply, cluster};

    fn nodes() -> Value {
        json!({"items": [{"metadata": {"name": "node-1"}, "spec": {"unschedulable": true}, "status": {
            "allocatable": {"cpu": "3500m", "memory": "1Gi", "pods": "10k", "nvidia.com/gpu": "4", "hugepages-2Mi": "0"},
            "conditions": [{"type": "Ready", "status": "True"}]}}]})
    }

    #[tokio::test]
    async fn pods_hold_what_they_asked_for() {
        let (cluster, _) = cluster(|seen| {
            if seen.uri.starts_with("/api/v1/nodes") {
                return Reply::json(200, nodes());
            }
            assert!(seen.uri.contains("Succeeded"), "{}", seen.uri);
            let asks = |cpu: &str, gpus: &str| json!({"resources": {"requests": {"cpu": cpu, "nvidia.com/gpu": gpus}}});
            let sidecar =
                json!({"restartPolicy": "Always", "resources": {"requests": {"memory": 5}}});
            Reply::json(
                200,
                json!({"metadata": {}, "items": [
                    {"spec": {"nodeName": "node-1", "containers": [asks("1", "1"), asks("500m", "1")],
                        "initContainers": [asks("2", "1"), sidecar]}},
                    {"spec": {"containers": [asks("9", "9")]}},
                    {"spec": {"nodeName": "node-1", "containers": [{"resources": null}]}},
                ]}),
            )
        });
        let found = cluster.node_capacities().await.unwrap();
        let [NodeCapacity { node, requested }] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(
            (node.is_ready, node.is_cordoned, node.max_pods),
            (true, true, 10_000)
        );
        assert_eq!(node.allocatable.cpu, Some(3_500_000_000));
        assert_eq!(
            node.devices,
            Devices::from([("nvidia.com/gpu".to_owned(), 4)])
        );
        let (n_pods, asked) = requested.as_ref().unwrap();
        let gpus = asked.devices.get("nvidia.com/gpu").copied();
        assert_eq!(
            (*n_pods, asked.amounts.cpu, asked.amounts.memory, gpus),
            (2, Some(2_000_000_000), Some(5), Some(2))
        );
    }

    #[test]
    fn a_pod_asks_for_what_the_scheduler_reserves() {
        let check = |spec: Value, cpu: u64, memory: Option<u64>| {
            let mut pod = json!({"spec": spec});
            pod["spec"]["nodeName"] = json!("node-1");
            let asked = asked(serde_json::from_value(pod).unwrap()).unwrap();
            let expected = (Some(cpu * 1_000_000), memory);
            assert_eq!((asked.amounts.cpu, asked.amounts.memory), expected);
        };
        let asks = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
        let sidecar =
            |cpu: &str| json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}});
        let pod = |containers: Value, init: Value| json!({"containers": containers, "initContainers": init});
        check(pod(json!([asks("1"), asks("500m")]), json!([])), 1500, None);
        check(pod(json!([asks("500m")]), json!([asks("2")])), 2000, None);
        // An init container runs beside the sidecars that were declared before it.
        let before = json!([sidecar("1"), asks("2")]);
        check(pod(json!([asks("500m")]), before), 3000, None);
        let after = json!([asks("2"), sidecar("1")]);
        check(pod(json!([asks("500m")]), after), 2000, None);
        let mut whole = pod(json!([asks("500m")]), json!([]));
        whole["resources"] = json!({"requests": {"cpu": "3", "memory": "107374182400m"}});
        check(whole.clone(), 3000, Some(107_374_183));
        whole["overhead"] = json!({"cpu": "250m", "memory": "1"});
        check(whole, 3250, Some(107_374_184));
    }

    #[tokio::test]
    async fn who_may_not_see_all_pods_sees_the_nodes() {
        let (cluster, _) = cluster(|seen| match seen.uri.starts_with("/api/v1/nodes") {
            true => Reply::json(200, nodes()),
            false => Reply::status(403, "no"),
        });
        let found = cluster.node_capacities().await.unwrap();
        assert_eq!(found[0].requested, None);
    }
}
