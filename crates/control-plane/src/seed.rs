//! What every control plane starts with: nodes, a storage class, and what its users may do.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::control_plane::User;

const N_NODES: usize = 3;

/// Creates it all and returns when the nodes take pods.
pub(crate) async fn seed(client: &Client) -> Result<(), kube::Error> {
    create(
        client,
        "storage.k8s.io",
        "v1",
        "StorageClass",
        storage_class(),
    )
    .await?;
    create(
        client,
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        viewer_binding(),
    )
    .await?;
    for node_idx in 1..=N_NODES {
        create(client, "", "v1", "Node", node(node_idx)).await?;
    }
    wait_for_nodes(client).await
}

async fn create(
    client: &Client,
    group: &str,
    version: &str,
    kind: &str,
    object: Value,
) -> Result<(), kube::Error> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let object: DynamicObject = serde_json::from_value(object).map_err(kube::Error::SerdeError)?;
    Api::<DynamicObject>::all_with(client.clone(), &resource)
        .create(&PostParams::default(), &object)
        .await
        .map(|_| ())
}

/// Waits until the nodes are ready, and so without the taint that keeps pods away.
async fn wait_for_nodes(client: &Client) -> Result<(), kube::Error> {
    let api: Api<Node> = Api::all(client.clone());
    loop {
        let nodes = api.list(&ListParams::default()).await?;
        let is_ready = |node: &Node| {
            let ready = node
                .status
                .iter()
                .flat_map(|status| status.conditions.iter().flatten())
                .any(|condition| condition.type_ == "Ready" && condition.status == "True");
            let tainted = node
                .spec
                .iter()
                .any(|spec| spec.taints.iter().flatten().next().is_some());
            ready && !tainted
        };
        if nodes.items.iter().filter(|node| is_ready(node)).count() == N_NODES {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The default class: claims are really provisioned, bound and reclaimed, and cannot grow.
fn storage_class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/host-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    })
}

fn viewer_binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "viewer"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": User::Viewer.name()}],
    })
}

/// A node with room for thousands of pods, and a few GPUs.
fn node(node_idx: usize) -> Value {
    let name = format!("node-{node_idx}");
    let resources = json!({
        "cpu": "1000",
        "memory": "4Ti",
        "ephemeral-storage": "10Ti",
        "pods": "10000",
        "nvidia.com/gpu": "4",
    });
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
        },
        "status": {"allocatable": resources, "capacity": resources},
    })
}
