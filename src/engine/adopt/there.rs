//! What is there under the names that an adoption looks at, by one list a kind and namespace where there are several: in full
//! where its fields are compared, else the metadata alone. So no data of a Secret is read.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};

use crate::cluster::Cluster;
use crate::definition::object::{Object, ObjectKey};
use crate::engine::live::Live;
use crate::engine::{lasting, made_claims};
use crate::failure::{Failure, FailureKind};

/// Requests that are sent at once.
const AT_ONCE: usize = 4;

/// Returns what is there of these, by the names that were asked for; of what is not wanted in full, the metadata.
///
/// # Errors
/// The cluster cannot be reached, or one of them may not be read.
pub(super) async fn there(
    cluster: &Cluster,
    keys: &[ObjectKey],
    in_full: impl Fn(&ObjectKey) -> bool,
) -> Result<BTreeMap<ObjectKey, Object>, Failure> {
    let (whole, bare): (Vec<&ObjectKey>, Vec<&ObjectKey>) =
        keys.iter().partition(|key| in_full(key));
    let whole = &Live::of_anybody(cluster, whole, true).await?;
    let bare = &Live::of_anybody(cluster, bare, false).await?;
    let keys: Vec<(bool, ObjectKey)> = keys.iter().map(|key| (in_full(key), key.clone())).collect();
    let reads = stream::iter(keys).map(|(in_full, key)| {
        let listed = if in_full { whole } else { bare };
        async move {
            let live = match listed.get(&key) {
                // Fields are owned at a version: those of another one cannot be compared.
                Some(live) if live.key.version == key.version => Some(live.clone()),
                None if listed.has_listed(&key) => None,
                _ => one(cluster, &key, in_full).await?,
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
    let sets = there.values();
    let sets = sets.filter(|live| live.key.kind == "StatefulSet" && lasting::has_templates(live));
    let made = made_claims::look(cluster, sets.collect()).await?;
    // Those that the definition asks for are known already.
    let more = made.into_iter().map(|(_, claim)| claim);
    let more = more.filter(|claim| !there.contains_key(&claim.key));
    Ok(more.map(|claim| (claim.key.clone(), claim)).collect())
}

async fn one(cluster: &Cluster, key: &ObjectKey, in_full: bool) -> Result<Option<Object>, Failure> {
    let live = match in_full {
        true => cluster.get(key).await,
        false => cluster.get_metadata(key).await,
    };
    match live {
        // Of a kind that comes with the definition nothing is there yet.
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        live => live,
    }
}
