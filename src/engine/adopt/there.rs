//! What is there under the names that an adoption looks at: one list a kind and namespace where there are several, and of what
//! holds but data the metadata alone, so that no value of a Secret is read.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use crate::cluster::{Cluster, Selector};
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::engine::lasting;
use crate::engine::live::Live;
use crate::engine::preflight::CLAIM;
use crate::failure::{Failure, FailureKind};

/// Requests that are sent at once.
const AT_ONCE: usize = 4;

/// Returns what is there of these, by the names that were asked for.
///
/// # Errors
/// The cluster cannot be reached, or one of them may not be read.
pub(super) async fn there(
    cluster: &Cluster,
    keys: &[ObjectKey],
) -> Result<BTreeMap<ObjectKey, Object>, Failure> {
    // What the next deploy removes stands in no metadata; the fields of these two have names of their own.
    let is_bare = |kind: &GroupKind| {
        kind.group.is_empty() && matches!(kind.kind.as_str(), "ConfigMap" | "Secret")
    };
    let listed = Live::of_anybody(cluster, keys, |kind| !is_bare(kind)).await?;
    let reads = stream::iter(keys.to_vec()).map(|key| {
        let listed = &listed;
        async move {
            let live = match listed.get(&key) {
                // Fields are owned at a version: those of another one cannot be compared.
                Some(live) if live.key.version == key.version => Some(live.clone()),
                None if listed.has_listed(&key) => None,
                _ => one(cluster, &key).await?,
            };
            Ok(live.map(|live| (key, live)))
        }
    });
    let reads: Vec<Result<_, Failure>> = reads.buffered(AT_ONCE).collect().await;
    reads.into_iter().filter_map(Result::transpose).collect()
}

/// Returns the claims that live sets made, by their names: those of more pods than the definition asks for too.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn claims_of_sets(
    cluster: &Cluster,
    there: &BTreeMap<ObjectKey, Object>,
) -> Result<BTreeMap<ObjectKey, Object>, Failure> {
    let mut found = BTreeMap::new();
    let sets: Vec<&Object> = (there.values())
        .filter(|live| live.key.kind == "StatefulSet" && lasting::has_templates(live))
        .collect();
    let namespaces: BTreeSet<&str> = (sets.iter())
        .filter_map(|set| set.key.namespace.as_deref())
        .collect();
    for namespace in namespaces.into_iter().filter_map(|it| it.parse().ok()) {
        let kind = GroupKind::new("", CLAIM);
        let everything = Selector::everything();
        let listed = cluster.list_metadata(&kind, Some(&namespace), &everything);
        let claims = match listed.await {
            // Those that the definition asks for are read one by one.
            Err(failure) if failure.kind == FailureKind::Forbidden => continue,
            claims => claims?,
        };
        for claim in claims {
            let is_made = |set: &&Object| lasting::template_of(&claim.key, set).is_some();
            if sets.iter().any(is_made) && !there.contains_key(&claim.key) {
                found.insert(claim.key.clone(), claim);
            }
        }
    }
    Ok(found)
}

async fn one(cluster: &Cluster, key: &ObjectKey) -> Result<Option<Object>, Failure> {
    match cluster.get(key).await {
        // Of a kind that comes with the definition nothing is there yet.
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        live => live,
    }
}
