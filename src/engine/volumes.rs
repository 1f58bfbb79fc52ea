//! The volumes behind claims: read where they may be read, set to Retain before a claim goes, freed for it when it comes back.
//!
//! A volume is never touched unless its claimRef names the very claim that it is about, and deleted only where it was retained
//! and somebody releases it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::apply::{self, is_outdated};
use super::looks::Looks;
use super::metadata::{Metadata, cluster_key};
use super::plan::{PlannedRelease, PlannedRetention};
use crate::cluster::{Access, Cluster, Deleted, Propagation, Selector};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

pub(super) const VOLUME: &str = "PersistentVolume";
/// Volumes that are read one by one: a cluster may have thousands of others.
const FEW: usize = 4;
/// Longest value of a label.
const MAX_LABEL: usize = 63;
/// Volumes by name; those that are not there are left out.
pub(super) type Volumes = BTreeMap<String, Object>;

/// Reads volumes by their names; none where this user may not.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn read(
    cluster: &Cluster,
    names: &BTreeSet<String>,
) -> Result<Option<Volumes>, Failure> {
    let read = if names.len() > FEW {
        list(cluster, &Selector::everything()).await
    } else {
        let mut read = Ok(Vec::new());
        for name in names {
            match (&mut read, cluster.get(&cluster_key(VOLUME, name)).await) {
                (Ok(all), Ok(volume)) => all.extend(volume),
                (read, Err(failure)) => *read = Err(failure),
                (Err(_), _) => break,
            }
        }
        read
    };
    match read {
        Ok(volumes) => {
            let named = volumes.into_iter().map(|it| (it.key.name.clone(), it));
            Ok(Some(
                named.filter(|(name, _)| names.contains(name)).collect(),
            ))
        }
        Err(failure) if failure.kind == FailureKind::Forbidden => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn list(cluster: &Cluster, selector: &Selector) -> Result<Vec<Object>, Failure> {
    let kind = GroupKind::new("", VOLUME);
    cluster.list(&kind, None, selector).await
}

/// Reads volumes by their names, and those that were retained; none of what this user may not. Both are of one list where many
/// are named.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn read_and_retained(
    cluster: &Cluster,
    names: &BTreeSet<String>,
) -> Result<(Option<Volumes>, Option<Vec<Object>>), Failure> {
    if names.len() <= FEW {
        let named = read(cluster, names).await?;
        return match list(cluster, &Selector::managed()).await {
            Err(failure) if failure.kind == FailureKind::Forbidden => Ok((named, None)),
            ours => Ok((named, Some(ours?))),
        };
    }
    let all = match list(cluster, &Selector::everything()).await {
        Err(failure) if failure.kind == FailureKind::Forbidden => return Ok((None, None)),
        all => all?,
    };
    let is_ours = |volume: &&Object| {
        Metadata::of(volume).label(naming::LABEL_MANAGED_BY) == Some(naming::MANAGED_BY)
    };
    let ours = all.iter().filter(is_ours).cloned().collect();
    let named = all.into_iter().map(|it| (it.key.name.clone(), it));
    let named = named.filter(|(name, _)| names.contains(name)).collect();
    Ok((Some(named), Some(ours)))
}

/// Lists the volumes that a selector finds; nothing where this user may not.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn list_retained(
    cluster: &Cluster,
    selector: &Selector,
) -> Result<Option<Vec<Object>>, Failure> {
    match list(cluster, selector).await {
        Err(failure) if failure.kind == FailureKind::Forbidden => Ok(None),
        listed => listed.map(Some),
    }
}

/// As [`list_retained`], where it is as if there were none that this user may not list.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn retained(
    cluster: &Cluster,
    selector: &Selector,
) -> Result<Vec<Object>, Failure> {
    Ok(list_retained(cluster, selector).await?.unwrap_or_default())
}

/// Returns the text at a place of a volume; empty without one.
pub(super) fn text<'a>(object: &'a Object, pointer: &str) -> &'a str {
    let value = object.json.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_default()
}

/// Returns the reclaim policy of a volume.
pub(super) fn reclaim_policy(volume: &Object) -> Option<&str> {
    let policy = text(volume, "/spec/persistentVolumeReclaimPolicy");
    (!policy.is_empty()).then_some(policy)
}

/// Tells whether a volume is bound to the claim of this uid.
pub(super) fn is_of(volume: &Object, claim_uid: &str) -> bool {
    !claim_uid.is_empty() && text(volume, "/spec/claimRef/uid") == claim_uid
}

/// What retaining a volume needs.
pub(super) fn accesses() -> [Access; 2] {
    ["get", "patch"].map(|verb| Access {
        verb,
        kind: GroupKind::new("", VOLUME),
        subresource: None,
        namespace: None,
        name: None,
    })
}

/// Sets a volume to Retain, with labels by which a later deploy of the ID finds it. Returns whether that was needed.
///
/// # Errors
/// It is not the volume that was planned any more, the server refuses, or nobody can say whether it was done.
pub(super) async fn retain(
    cluster: &Cluster,
    instance: &InstanceKey,
    planned: &PlannedRetention,
) -> Result<bool, Failure> {
    let labels = labels(instance, &planned.claim.name);
    let is_wanted =
        |volume: &Object| reclaim_policy(volume) == Some("Retain") && bears(volume, &labels);
    let retained = change(cluster, instance, planned, is_wanted, |volume| {
        let mut patch = json!({
            "metadata": {
                "uid": planned.uid,
                "resourceVersion": Metadata::of(volume).resource_version(),
                "labels": labels,
            },
            "spec": {"persistentVolumeReclaimPolicy": "Retain"},
        });
        // What a release goes back to. What was retained by others before stays theirs.
        if reclaim_policy(volume) == Some(naming::RECLAIM_DELETE) {
            patch["metadata"]["annotations"] =
                json!({naming::ANNOTATION_RECLAIM_POLICY: naming::RECLAIM_DELETE});
        }
        patch
    });
    retained.await?.ok_or_else(|| not_its_volume(planned))
}

/// Releases a retained volume: sets it back to the policy under which its storage goes with it, or deletes it alone.
///
/// # Errors
/// A claim has it again, the server refuses, or nobody can say whether it was done.
pub(super) async fn release(
    cluster: &Cluster,
    instance: &InstanceKey,
    planned: &PlannedRelease,
) -> Result<Deleted, Failure> {
    let PlannedRelease { of, is_reclaimed } = planned;
    let live = cluster.get(&of.volume).await?;
    let Some(live) = live.filter(|live| Metadata::of(live).uid() == of.uid) else {
        return Ok(Deleted::Gone);
    };
    if !is_of(&live, &of.claim_uid) || text(&live, "/status/phase") == "Bound" {
        let summary = format!("{} is in use by now", of.volume);
        return Err(Failure::new(FailureKind::Conflict, summary));
    }
    if !is_reclaimed {
        return apply::delete(cluster, &of.volume, &of.uid, Propagation::Background).await;
    }
    let is_wanted = |volume: &Object| reclaim_policy(volume) == Some(naming::RECLAIM_DELETE);
    let back = |volume: &Object| {
        json!({
            "metadata": {"uid": of.uid, "resourceVersion": Metadata::of(volume).resource_version()},
            "spec": {"persistentVolumeReclaimPolicy": naming::RECLAIM_DELETE},
        })
    };
    // NB: who made the storage frees it and deletes the volume: deleted by hand it would take the way to its storage along.
    let changed = change(cluster, instance, of, is_wanted, back).await?;
    Ok(changed.map_or(Deleted::Gone, |_| Deleted::Accepted))
}

/// Labels of a volume that was retained of a claim.
fn labels<'a>(instance: &'a InstanceKey, claim: &'a str) -> BTreeMap<&'static str, &'a str> {
    let mut labels = BTreeMap::from([
        (naming::LABEL_MANAGED_BY, naming::MANAGED_BY),
        (naming::LABEL_INSTANCE, instance.id.as_str()),
        (naming::LABEL_VOLUME_NAMESPACE, instance.namespace.as_str()),
    ]);
    if claim.len() <= MAX_LABEL {
        labels.insert(naming::LABEL_VOLUME_CLAIM, claim);
    }
    labels
}

/// Tells whether a volume bears the labels by which it is found as retained from a claim of an instance.
pub(super) fn is_labelled(volume: &Object, instance: &InstanceKey, claim: &str) -> bool {
    bears(volume, &labels(instance, claim))
}

fn bears(volume: &Object, labels: &BTreeMap<&str, &str>) -> bool {
    let metadata = Metadata::of(volume);
    let mut labels = labels.iter();
    labels.all(|(key, value)| metadata.label(key) == Some(value))
}

fn not_its_volume(planned: &PlannedRetention) -> Failure {
    let PlannedRetention { volume, claim, .. } = planned;
    let summary = format!("{volume} is not the volume of {claim} any more");
    Failure::new(FailureKind::Conflict, summary)
}

/// Changes a volume until it is as wanted, looking each time before anything is sent. Returns whether that was needed; none
/// where the volume is not there any more.
async fn change(
    cluster: &Cluster,
    instance: &InstanceKey,
    planned: &PlannedRetention,
    is_wanted: impl Fn(&Object) -> bool,
    patch: impl Fn(&Object) -> Value,
) -> Result<Option<bool>, Failure> {
    let manager = naming::field_manager(&instance.id);
    // It was changed, went, or nobody can say.
    let is_looked_at = |failure: &Failure| {
        let kinds = [FailureKind::Unreachable, FailureKind::NotFound];
        is_outdated(failure) || kinds.contains(&failure.kind)
    };
    let (mut last, mut was_sent) = (None, false);
    let mut looks = Looks::default();
    while looks.again().await {
        let live = match (cluster.get(&planned.volume).await, last.take()) {
            (Ok(live), _) => live,
            // What happened to the change that was sent is still the question.
            (Err(_), Some(failure)) => return Err(failure),
            (Err(failure), None) => return Err(failure),
        };
        let Some(live) = live.filter(|live| Metadata::of(live).uid() == planned.uid) else {
            return Ok(None);
        };
        if !is_of(&live, &planned.claim_uid) {
            return Err(not_its_volume(planned));
        }
        if is_wanted(&live) {
            return Ok(Some(was_sent));
        }
        was_sent = true;
        let sent = cluster
            .merge_patch(&planned.volume, &patch(&live), &manager, None)
            .await;
        match sent {
            Ok(_) => return Ok(Some(true)),
            Err(failure) if is_looked_at(&failure) => last = Some(failure),
            Err(failure) => return Err(failure),
        }
    }
    let summary = format!("{} is changed all the time", planned.volume);
    Err(last.unwrap_or_else(|| Failure::new(FailureKind::Conflict, summary)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::Method;

    use super::*;
    use crate::cluster::mock::{self, Reply};

    fn volume() -> Value {
        json!({
            "apiVersion": "v1", "kind": VOLUME, "metadata": {"name": "pv-1", "uid": "v", "resourceVersion": "7"},
            "spec": {"persistentVolumeReclaimPolicy": "Retain", "claimRef": {"uid": "c"}}, "status": {"phase": "Released"},
        })
    }

    fn planned(is_reclaimed: bool) -> PlannedRelease {
        let claim = "PersistentVolumeClaim";
        PlannedRelease {
            of: PlannedRetention {
                volume: cluster_key(VOLUME, "pv-1"),
                uid: "v".to_owned(),
                claim: super::super::metadata::core_key(claim, "team-a", "data-db-0"),
                claim_uid: "c".to_owned(),
            },
            is_reclaimed,
        }
    }

    fn instance() -> InstanceKey {
        InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "db".parse().unwrap(),
        }
    }

    /// Whoever made the storage may free it at any moment of a release that an earlier one began.
    #[tokio::test]
    async fn a_volume_that_goes_while_it_is_released_is_gone() {
        for n_looks in 1..=2 {
            let (body, n_asked) = (volume(), AtomicUsize::new(0));
            let (cluster, _) =
                mock::cluster(
                    move |_| match n_asked.fetch_add(1, Ordering::Relaxed) < n_looks {
                        true => Reply::json(200, &body),
                        false => Reply::status(404, "persistentvolumes \"pv-1\" not found"),
                    },
                );
            let released = release(&cluster, &instance(), &planned(true)).await;
            assert_eq!(released.unwrap(), Deleted::Gone, "after {n_looks} looks");
        }
    }

    /// Sends nothing but looks where the volume is so by now.
    async fn check_left(over: Value, expected: Result<Deleted, &str>) {
        for is_reclaimed in [true, false] {
            let mut live = volume();
            json_patch::merge(&mut live, &over);
            let (cluster, log) = mock::cluster(move |_| Reply::json(200, &live));
            let released = release(&cluster, &instance(), &planned(is_reclaimed)).await;
            let released = released.map_err(|failure| failure.summary);
            assert_eq!(released, expected.map_err(str::to_owned), "{over}");
            let log = log.lock().unwrap();
            let only_looked = log.iter().all(|seen| seen.method == Method::GET);
            assert!(only_looked, "{over}: {log:?}");
        }
    }

    #[tokio::test]
    async fn a_volume_that_somebody_has_by_now_is_not_released() {
        let in_use = Err("PersistentVolume/pv-1 is in use by now");
        check_left(json!({"status": {"phase": "Bound"}}), in_use).await;
        check_left(json!({"spec": {"claimRef": {"uid": "another"}}}), in_use).await;
        check_left(json!({"spec": {"claimRef": null}}), in_use).await;
        check_left(json!({"metadata": {"uid": "another"}}), Ok(Deleted::Gone)).await;
    }
}
