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
    let told = |pod: &PodMounts| match pod.has_ended {
        true => format!("{} (ended)", pod.pod),
        false => pod.pod.clone(),
    };
    let holds = |pod: &&PodMounts| pod.holds(&claim.name);
    beside(claim, mounts).filter(holds).map(told).collect()
}

/// Returns the pods that are in the namespace of a claim.
fn beside<'a>(claim: &ObjectKey, mounts: &'a [PodMounts]) -> impl Iterator<Item = &'a PodMounts> {
    let is_beside = |pod: &&PodMounts| claim.namespace.as_deref() == Some(pod.namespace.as_str());
    mounts.iter().filter(is_beside)
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
    let sentences = claims
        .into_iter()
        .flat_map(|claim| [held(claim, &mounts), awaited(claim, &mounts)]);
    let sentences: Vec<String> = sentences.flatten().collect();
    plan.warnings.extend(sentences);
    Ok(())
}

/// Says which pods hold a claim that goes.
fn held(claim: &ObjectKey, mounts: &[PodMounts]) -> Option<String> {
    let pods = holders(claim, mounts);
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
}

/// Says which pods are to use a claim that goes, and have no node yet: they do not hold it.
fn awaited(claim: &ObjectKey, mounts: &[PodMounts]) -> Option<String> {
    let pods = beside(claim, mounts).filter(|pod| pod.waits_with(&claim.name));
    let pods: Vec<&str> = pods.map(|pod| pod.pod.as_str()).collect();
    let told = pods.join(", ");
    match pods.len() {
        0 => None,
        1 => Some(format!(
            "pod {told} has no node yet and is to use {claim} too: it never starts without it"
        )),
        _ => Some(format!(
            "pods {told} have no node yet and are to use {claim} too: they never start without it"
        )),
    }
}
