//! What the editor completes from, asked of the cluster: names of what is there, and schemas of its kinds.
//!
//! All of it is a help and nothing more: what may not be listed, or is not answered, is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;

use super::Runner;
use crate::app::{Epoch, Learnt, Msg};
use crate::cluster::{Cluster, GroupKind, SchemaCache, Selector};
use crate::completion::{Known, Named};
use crate::definition::id::Namespace;
use crate::schema::ClusterSchemas;

/// Most names of a kind that are offered.
const MAX_NAMES: usize = 1000;

impl Runner {
    /// Asks for names in a namespace where that is wanted, and for the schemas of groups and versions.
    pub(super) fn learn(
        &self,
        epoch: Epoch,
        namespace: Option<Namespace>,
        api_versions: Vec<String>,
    ) {
        // Reading the built-in schemas takes longer than a key may.
        tokio::task::spawn_blocking(Known::warm_up);
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        let cache = SchemaCache::of(&self.start.cache);
        tokio::spawn(async move {
            let Ok(cluster) = cluster else {
                return;
            };
            let names = match &namespace {
                Some(namespace) => names(&cluster, namespace).await,
                None => BTreeMap::new(),
            };
            let documents = documents(&cluster, &api_versions, &cache).await;
            let learnt = Learnt {
                namespace,
                names,
                documents,
            };
            drop(messages.send(Msg::Learnt { epoch, learnt }));
        });
    }
}

/// Group and kind of what names are listed of.
const LISTED: [(Named, &str, &str); 9] = [
    (Named::Namespace, "", "Namespace"),
    (Named::StorageClass, "storage.k8s.io", "StorageClass"),
    (Named::IngressClass, "networking.k8s.io", "IngressClass"),
    (Named::PriorityClass, "scheduling.k8s.io", "PriorityClass"),
    (Named::RuntimeClass, "node.k8s.io", "RuntimeClass"),
    (Named::Secret, "", "Secret"),
    (Named::ConfigMap, "", "ConfigMap"),
    (Named::Claim, "", "PersistentVolumeClaim"),
    (Named::ServiceAccount, "", "ServiceAccount"),
];

async fn names(cluster: &Cluster, namespace: &Namespace) -> BTreeMap<Named, Vec<String>> {
    let list = async |(named, group, kind): (Named, &str, &str)| {
        let kind = GroupKind::new(group, kind);
        let namespace = named.is_namespaced().then_some(namespace);
        let listed = cluster
            .list_metadata(&kind, namespace, &Selector::everything())
            .await;
        let listed = listed.unwrap_or_default();
        let found = listed.iter().take(MAX_NAMES);
        (named, found.map(|object| object.key.name.clone()).collect())
    };
    let listed = join_all(LISTED.map(list));
    // Nodes are large, and what is smaller need not wait for them.
    let (listed, devices) = tokio::join!(listed, cluster.node_devices());
    let mut names: BTreeMap<Named, Vec<String>> = listed.into_iter().collect();
    let devices = devices.unwrap_or_default();
    names.insert(Named::Device, devices.into_iter().collect());
    names
}

async fn documents(
    cluster: &Cluster,
    api_versions: &[String],
    cache: &SchemaCache,
) -> ClusterSchemas {
    let mut documents = Vec::new();
    if api_versions.is_empty() {
        return ClusterSchemas::default();
    }
    let Ok(index) = cluster.open_api().await else {
        return ClusterSchemas::default();
    };
    for api_version in api_versions {
        if let Ok(Some(document)) = cluster.schemas(&index, api_version, Some(cache)).await {
            documents.push((api_version.clone(), Arc::new(document)));
        }
    }
    documents.into_iter().collect()
}
