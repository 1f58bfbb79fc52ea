//! What nodes have to give, and what their pods have asked for: processor, memory, GPUs. Pure.

use std::collections::BTreeMap;

use super::usage::Amounts;

/// Devices by the name of their resource, such as `nvidia.com/gpu`.
pub type Devices = BTreeMap<String, u64>;

/// A node, as far as it tells what there is room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Whether it says that it is ready.
    pub is_ready: bool,
    /// Whether new pods are kept away.
    pub is_cordoned: bool,
    /// What pods may have of it.
    pub allocatable: Amounts,
    /// How many pods it takes.
    pub max_pods: u64,
    /// Its devices.
    pub devices: Devices,
}

/// What a pod has asked for, on the node that it is on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// The node.
    pub node: String,
    /// Processor and memory.
    pub amounts: Amounts,
    /// Devices.
    pub devices: Devices,
}

impl Asked {
    /// Adds what is asked for beside it.
    pub fn add(&mut self, other: &Self) {
        self.amounts.cpu = plus(self.amounts.cpu, other.amounts.cpu);
        self.amounts.memory = plus(self.amounts.memory, other.amounts.memory);
        for (name, n) in &other.devices {
            let total = self.devices.entry(name.clone()).or_default();
            *total = total.saturating_add(*n);
        }
    }

    /// Raises each amount to what is asked for at another time, where that is more.
    pub fn raise_to(&mut self, other: &Self) {
        self.amounts.cpu = self.amounts.cpu.max(other.amounts.cpu);
        self.amounts.memory = self.amounts.memory.max(other.amounts.memory);
        for (name, n) in &other.devices {
            let total = self.devices.entry(name.clone()).or_default();
            *total = (*total).max(*n);
        }
    }
}

/// A node and what is asked for on it; none where the pods may not be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCapacity {
    /// The node.
    pub node: Node,
    /// What its pods ask for together, with how many there are.
    pub requested: Option<(u64, Asked)>,
}

/// Tells whether a resource is a device: it has a vendor's name before the slash. What Kubernetes itself counts, such as huge
/// pages, has none or its own.
pub fn is_device(resource: &str) -> bool {
    resource.split_once('/').is_some_and(|(vendor, _)| {
        vendor.contains('.') && vendor != "kubernetes.io" && !vendor.ends_with(".kubernetes.io")
    })
}

/// Adds up what pods ask for, by node; nodes in the order of their names.
pub fn capacities(mut nodes: Vec<Node>, asked: Option<Vec<Asked>>) -> Vec<NodeCapacity> {
    let mut by_node: BTreeMap<String, (u64, Asked)> = BTreeMap::new();
    let is_known = asked.is_some();
    for pod in asked.unwrap_or_default() {
        let (n_pods, sum) = by_node.entry(pod.node.clone()).or_default();
        *n_pods += 1;
        sum.add(&pod);
    }
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    let capacity = |node: Node| {
        let requested = by_node.remove(&node.name).unwrap_or_default();
        NodeCapacity {
            node,
            requested: is_known.then_some(requested),
        }
    };
    nodes.into_iter().map(capacity).collect()
}

/// Adds two amounts of which nothing may be said.
fn plus(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> Node {
        Node {
            name: name.to_owned(),
            is_ready: true,
            is_cordoned: false,
            allocatable: Amounts::default(),
            max_pods: 110,
            devices: Devices::from([("nvidia.com/gpu".to_owned(), 4)]),
        }
    }

    fn asked(node: &str, cpu: Option<u64>, gpus: u64) -> Asked {
        Asked {
            node: node.to_owned(),
            amounts: Amounts { cpu, memory: None },
            devices: Devices::from([("nvidia.com/gpu".to_owned(), gpus)]),
        }
    }

    #[test]
    fn pods_are_added_up_on_their_nodes() {
        let pods = vec![
            asked("b", Some(1), 1),
            asked("b", None, 2),
            asked("gone", Some(9), 9),
        ];
        let sums: Vec<_> = capacities(vec![node("b"), node("a")], Some(pods))
            .into_iter()
            .map(|it| {
                let (n_pods, sum) = it.requested.unwrap();
                let gpus = sum.devices.get("nvidia.com/gpu").copied();
                (it.node.name, n_pods, sum.amounts.cpu, gpus)
            })
            .collect();
        let expected = [
            ("a".to_owned(), 0, None, None),
            ("b".to_owned(), 2, Some(1), Some(3)),
        ];
        assert_eq!(sums, expected);
        let unknown = capacities(vec![node("a")], None);
        assert_eq!(unknown[0].requested, None);
    }

    #[test]
    fn devices_have_a_vendor() {
        for device in ["nvidia.com/gpu", "amd.com/gpu", "nvidia.com/mig-1g.10gb"] {
            assert!(is_device(device), "{device}");
        }
        for other in [
            "cpu",
            "hugepages-2Mi",
            "attachable-volumes.kubernetes.io/x",
            "kubernetes.io/batch",
            "pods",
        ] {
            assert!(!is_device(other), "{other}");
        }
    }
}
