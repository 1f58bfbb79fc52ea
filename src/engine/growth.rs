//! Growing claims in place: asked of the server beforehand by a dry run, for what a class allows may not be readable; then one
//! patch a claim. A claim is never asked to become smaller.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::apply::is_outdated;
use super::frozen::{self, Resize};
use super::lasting;
use super::looks::Looks;
use super::metadata::Metadata;
use super::ownership::{self, Owner};
use super::remedy::PlannedGrowth;
use crate::cluster::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object};
use crate::failure::{Failure, FailureKind};
use crate::service::quantity;
use crate::service::summary::InstanceKey;

const STORAGE: &str = "/spec/resources/requests/storage";

/// Plans the growth of the instance's claims of a `StatefulSet`'s templates; the inner error is why one of them cannot grow.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn plan(
    cluster: &Cluster,
    instance: &InstanceKey,
    (set, claims): (&Object, &[Object]),
    growths: &[Resize],
) -> Result<Result<Vec<PlannedGrowth>, Failure>, Failure> {
    let mut planned = Vec::new();
    for claim in claims {
        let template = lasting::template_of(&claim.key, set);
        let mut growths = growths.iter();
        let growth = growths.find(|it| template.is_some() && it.template.as_deref() == template);
        let Some(growth) = growth else {
            continue;
        };
        let from = requested(claim);
        if quantity::compare(from, &growth.to) != Some(Ordering::Less) {
            continue;
        }
        let growth = PlannedGrowth {
            claim: claim.key.clone(),
            uid: claim.uid().unwrap_or_default().to_owned(),
            from: from.to_owned(),
            to: growth.to.clone(),
        };
        if let Err(failure) = rehearse(cluster, instance, &growth).await {
            if failure.kind == FailureKind::Unreachable {
                return Err(failure);
            }
            if !frozen::is_growth_refused(&failure) {
                return Ok(Err(failure));
            }
            let class = claim.json["spec"]["storageClassName"].as_str();
            let class = class.filter(|class| !class.is_empty());
            return Ok(Err(frozen::cannot_grow(&claim.key, class, &growth.to)));
        }
        planned.push(growth);
    }
    Ok(Ok(planned))
}

/// Lists the claims of an instance that stand in one of these namespaces, whole: their sizes matter.
///
/// # Errors
/// The cluster cannot be reached, or does not let claims be listed.
pub(super) async fn claims(
    cluster: &Cluster,
    instance: &InstanceKey,
    namespaces: &BTreeSet<&str>,
) -> Result<Vec<Object>, Failure> {
    let kind = GroupKind::new("", "PersistentVolumeClaim");
    let selector = Selector::instance(&instance.id);
    let applyset = naming::instance_applyset_id(&instance.id, &instance.namespace);
    let namespaces: Vec<Namespace> = namespaces.iter().filter_map(|it| it.parse().ok()).collect();
    let mut all = Vec::new();
    for namespace in &namespaces {
        all.extend(cluster.list(&kind, Some(namespace), &selector).await?);
    }
    all.retain(|claim| ownership::owner(claim, &instance.id, &applyset) == Owner::Ours);
    Ok(all)
}

fn requested(claim: &Object) -> &str {
    let size = claim.json.pointer(STORAGE).and_then(Value::as_str);
    size.unwrap_or_default()
}

async fn rehearse(
    cluster: &Cluster,
    instance: &InstanceKey,
    growth: &PlannedGrowth,
) -> Result<(), Failure> {
    let manager = naming::field_manager(&instance.id);
    let patch = patch(growth);
    let asked = cluster.rehearse_merge_patch(&growth.claim, &patch, &manager);
    asked.await.map(|_| ())
}

fn patch(growth: &PlannedGrowth) -> Value {
    json!({
        "metadata": {"uid": growth.uid},
        "spec": {"resources": {"requests": {"storage": growth.to}}},
    })
}

/// Asks for more storage for a claim. What asks for as much already is left as it is.
///
/// # Errors
/// The claim was deleted or made again, the server refuses, or nobody can say whether it was done.
pub(super) async fn grow(
    cluster: &Cluster,
    instance: &InstanceKey,
    growth: &PlannedGrowth,
) -> Result<(), Failure> {
    let manager = naming::field_manager(&instance.id);
    let mut last = None;
    let mut looks = Looks::default();
    while looks.again().await {
        let live = match (cluster.get(&growth.claim).await, last.take()) {
            (Ok(live), _) => live,
            // What happened to the change that was sent is still the question.
            (Err(_), Some(failure)) | (Err(failure), None) => return Err(failure),
        };
        let Some(live) = live.filter(|live| Metadata::of(live).uid() == growth.uid) else {
            let summary = format!("{} was deleted or made again meanwhile", growth.claim);
            return Err(Failure::new(FailureKind::Conflict, summary));
        };
        let order = quantity::compare(requested(&live), &growth.to);
        if order.is_some_and(Ordering::is_ge) {
            return Ok(());
        }
        let mut patch = patch(growth);
        patch["metadata"]["resourceVersion"] = json!(Metadata::of(&live).resource_version());
        match cluster
            .merge_patch(&growth.claim, &patch, &manager, None)
            .await
        {
            Ok(_) => return Ok(()),
            Err(failure) if is_outdated(&failure) || failure.kind == FailureKind::Unreachable => {
                last = Some(failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    let summary = format!("{} is changed all the time", growth.claim);
    Err(last.unwrap_or_else(|| Failure::new(FailureKind::Conflict, summary)))
}
