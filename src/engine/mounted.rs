//! Claims that are to be gone, and the pods that hold them: the server keeps a claim until the last pod that mounts it on a node
//! has gone, which does not go by itself where it has run to its end.

use std::collections::BTreeSet;

use super::plan::{FateRow, TeardownPlan};
use crate::cluster::Cluster;
use crate::definition::id::Namespace;
use crate::definition::object::{CLAIM, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::claim_use::PodMounts;

/// Returns what the pods mount where these claims are: one list a namespace, and nothing of one whose pods may not be listed.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn look(
    cluster: &Cluster,
    claims: impl Iterator<Item = &ObjectKey>,
) -> Result<Vec<PodMounts>, Failure> {
    let places = claims.filter_map(|claim| claim.namespace.as_deref()?.parse().ok());
    let places: BTreeSet<Namespace> = places.collect();
    let mut found = Vec::new();
    for namespace in places {
        match cluster.pod_mounts(Some(&namespace)).await {
            Ok(mounts) => found.extend(mounts),
            Err(failure) if failure.kind == FailureKind::Forbidden => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(found)
}

/// Returns the pods that hold a claim, as they are told.
pub(super) fn holders(claim: &ObjectKey, mounts: &[PodMounts]) -> Vec<String> {
    let namespace = claim.namespace.as_deref();
    let holds =
        |pod: &&PodMounts| namespace == Some(pod.namespace.as_str()) && pod.holds(&claim.name);
    let told = |pod: &PodMounts| match pod.has_ended {
        true => format!("{} (ended)", pod.pod),
        false => pod.pod.clone(),
    };
    mounts.iter().filter(holds).map(told).collect()
}

/// Warns of the pods that use claims which go, and do not go themselves.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn warn_of_strangers(
    cluster: &Cluster,
    plan: &mut TeardownPlan,
) -> Result<(), Failure> {
    let is_claim = |row: &&FateRow| row.key.kind == CLAIM && row.goes();
    let claims: Vec<&ObjectKey> = plan
        .rows
        .iter()
        .filter(is_claim)
        .map(|it| &it.key)
        .collect();
    if claims.is_empty() {
        return Ok(());
    }
    let mut mounts = look(cluster, claims.iter().copied()).await?;
    mounts.retain(|pod| {
        let is_it = |row: &FateRow| {
            row.key.kind == "Pod"
                && row.key.name == pod.pod
                && row.key.namespace.as_deref() == Some(pod.namespace.as_str())
        };
        !plan.rows.iter().any(|row| is_it(row) && row.goes())
    });
    let sentences = claims.into_iter().filter_map(|claim| {
        let pods = holders(claim, &mounts);
        let told = pods.join(", ");
        match pods.len() {
            0 => None,
            1 => Some(format!(
                "pod {told} uses {claim} too and is not deleted: the claim is not gone before that pod is"
            )),
            _ => Some(format!(
                "pods {told} use {claim} too and are not deleted: the claim is not gone before those pods are"
            )),
        }
    });
    let sentences: Vec<String> = sentences.collect();
    plan.warnings.extend(sentences);
    Ok(())
}
