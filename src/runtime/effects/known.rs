//! What the editor completes from, asked of the cluster: names of what is there, and schemas of its kinds.
//!
//! All of it is a help and nothing more: what may not be listed, or is not answered, is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

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

async fn names(cluster: &Cluster, namespace: &Namespace) -> BTreeMap<Named, Vec<String>> {
    let kinds = [
        (Named::Namespace, GroupKind::new("", "Namespace"), None),
        (
            Named::StorageClass,
            GroupKind::new("storage.k8s.io", "StorageClass"),
            None,
        ),
        (Named::Secret, GroupKind::new("", "Secret"), Some(namespace)),
        (
            Named::ConfigMap,
            GroupKind::new("", "ConfigMap"),
            Some(namespace),
        ),
        (
            Named::Claim,
            GroupKind::new("", "PersistentVolumeClaim"),
            Some(namespace),
        ),
    ];
    let listed = async {
        let mut names = BTreeMap::new();
        for (named, kind, namespace) in kinds {
            let listed = cluster
                .list_metadata(&kind, namespace, &Selector::everything())
                .await;
            let listed = listed.unwrap_or_default();
            let found = listed
                .iter()
                .take(MAX_NAMES)
                .map(|object| object.key.name.clone());
            names.insert(named, found.collect());
        }
        names
    };
    // Nodes are large, and what is smaller need not wait for them.
    let (mut names, devices) = tokio::join!(listed, cluster.node_devices());
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
