//! The release of volumes that a teardown retained: planned here, carried out and reported as any teardown is.
//!
//! What was set to Retain goes back to the policy that it had before, so that whoever made the storage frees it; what had no
//! other policy is only deleted, and its storage stays. A volume that a claim holds, or could get any moment, is never released.

use std::collections::BTreeSet;

use super::claims;
use super::metadata::{Metadata, core_key};
use super::plan::{
    ClaimFate, DataFate, Fate, FateRow, PlannedRelease, PlannedRetention, TeardownPlan,
    TeardownScope, VolumeChoice,
};
use super::preflight::{self, refused};
use super::volumes;
use crate::cluster::{Cluster, Selector};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object};
use crate::failure::{Failure, FailureKind};
use crate::service::retained::RetainedVolume;
use crate::service::summary::InstanceKey;
use crate::text;

const COPIED: &str = "it bears the labels, but bowline did not retain it";

/// Plans the release of the volumes that were retained of an instance: what becomes of each, and of its data. `run_teardown`
/// carries it out. Where some are `named` no other is touched.
///
/// # Errors
/// The cluster cannot be reached, or does not let volumes be listed.
pub async fn plan_volume_release(
    cluster: &Cluster,
    instance: &InstanceKey,
    choice: VolumeChoice,
    named: &BTreeSet<String>,
) -> Result<TeardownPlan, Failure> {
    let scope = TeardownScope::RetainedVolumes;
    let (mut plan, _) = claims::begin(cluster, instance, scope, choice).await?;
    plan.named.clone_from(named);
    if choice == VolumeChoice::Keep {
        plan.refusals.push(refused(
            "retained volumes are released by deleting them: with their data (delete) or without it (retain)",
        ));
        return Ok(plan);
    }
    let kind = GroupKind::new("", volumes::VOLUME);
    let selector = Selector::retained(&instance.id, &instance.namespace);
    let mut found = cluster.list(&kind, None, &selector).await?;
    found.sort_by(|a, b| a.key.cmp(&b.key));
    let mut known = BTreeSet::new();
    for volume in &found {
        let told = RetainedVolume::of(&volume.json);
        let told = told.filter(|it| it.instance == *instance && it.is_unclaimed());
        let Some(told) = told else {
            continue;
        };
        known.insert(volume.key.name.as_str());
        if named.is_empty() || named.contains(&volume.key.name) {
            add(&mut plan, volume, &told);
        }
    }
    say_unknown(&mut plan, &known);
    let accesses: BTreeSet<_> = plan
        .releases
        .iter()
        .flat_map(|release| {
            let verb = match release.is_reclaimed {
                true => "patch",
                false => "delete",
            };
            [verb, "get"].map(|verb| preflight::access_to(verb, &release.of.volume))
        })
        .collect();
    let missing = preflight::forbidden(cluster, accesses).await?;
    let refusal = preflight::forbidden_refusal(&missing, instance.namespace.as_str());
    plan.refusals.extend(refusal);
    plan.refusals.extend(cluster.bars_running());
    Ok(plan)
}

/// Says which of the volumes that were named are none: refused where that is so of all, as a second run does what is left.
fn say_unknown(plan: &mut TeardownPlan, known: &BTreeSet<&str>) {
    let is_unknown = |name: &&String| !known.contains(name.as_str());
    let unknown: Vec<&str> = (plan.named.iter().filter(is_unknown))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        return;
    }
    let known: Vec<&str> = known.iter().copied().collect();
    let there = match known.is_empty() {
        true => "none is".to_owned(),
        false => format!("retained are {}", known.join(", ")),
    };
    let InstanceKey { namespace, id } = &plan.instance;
    let names = unknown.join(", ");
    let told = format!("no volume {names} of {id} in namespace {namespace} is retained: {there}");
    let told = text::clean(&told).into_owned();
    match unknown.len() == plan.named.len() {
        true => plan
            .refusals
            .push(Failure::new(FailureKind::NotFound, told)),
        false => plan.warnings.push(told),
    }
}

/// Says what becomes of a volume.
fn add(plan: &mut TeardownPlan, volume: &Object, told: &RetainedVolume) {
    let fate = fate(volume, told);
    let goes = fate == Fate::Deleted;
    let is_reclaimed = goes && plan.volumes == VolumeChoice::Delete && told.goes_with_data();
    let uid = Metadata::of(volume).uid().to_owned();
    if goes && !is_reclaimed {
        let key = &volume.key;
        plan.warnings.push(format!(
            "{key} goes and its storage stays{}: nothing in the cluster leads to it any more",
            place_of(volume)
        ));
    }
    if goes {
        let namespace = volumes::text(volume, "/spec/claimRef/namespace");
        plan.releases.push(PlannedRelease {
            of: PlannedRetention {
                volume: volume.key.clone(),
                uid: uid.clone(),
                claim: core_key("PersistentVolumeClaim", namespace, &told.claim),
                claim_uid: volumes::text(volume, "/spec/claimRef/uid").to_owned(),
            },
            is_reclaimed,
        });
    }
    plan.rows.push(FateRow {
        key: volume.key.clone(),
        uid,
        fate,
        leaves_claims: false,
        claim: Some(ClaimFate {
            size: told.size.clone(),
            volume: None,
            retained_from: Some(told.claim.clone()),
            reclaim_policy: match is_reclaimed {
                true => Some(naming::RECLAIM_DELETE.to_owned()),
                false => told.reclaim_policy.clone(),
            },
            data: match is_reclaimed {
                true => DataFate::Destroyed,
                false => DataFate::Retained,
            },
        }),
    });
}

/// Labels are copied easily: what is released was written by the instance, and its claim is the one that they name.
fn fate(volume: &Object, told: &RetainedVolume) -> Fate {
    let metadata = Metadata::of(volume);
    let id = &told.instance.id;
    let is_written = metadata.has_manager(&naming::field_manager(id));
    let named = metadata.label(naming::LABEL_VOLUME_CLAIM);
    if !is_written || named.is_some_and(|named| named != told.claim) {
        return Fate::Left(COPIED.to_owned());
    }
    match told.phase.as_str() {
        "Available" => Fate::Left(format!(
            "it is free for claim {}, which a deploy of {id} makes",
            told.claim
        )),
        _ => Fate::Deleted,
    }
}

/// Says where the storage of a volume is, where that can be told in a word.
fn place_of(volume: &Object) -> String {
    let at = |pointer: &str| volumes::text(volume, pointer);
    let place = match (
        at("/spec/csi/volumeHandle"),
        at("/spec/hostPath/path"),
        at("/spec/nfs/path"),
    ) {
        ("", "", "") => return String::new(),
        ("", "", path) => format!("{}:{path}", at("/spec/nfs/server")),
        ("", path, _) => path.to_owned(),
        (handle, ..) => format!("{handle} of {}", at("/spec/csi/driver")),
    };
    format!(" ({})", text::clean(&place))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Judges a released volume of `data-db-0` where this is laid over it.
    fn check(over: &Value, expected: &str) {
        let mut volume = json!({
            "apiVersion": "v1", "kind": volumes::VOLUME,
            "metadata": {
                "name": "pv-1",
                "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "db",
                    "bowline.dev/namespace": "team-a", "bowline.dev/claim": "data-db-0"},
                "managedFields": [{"manager": "bowline/db", "operation": "Update"}],
            },
            "spec": {"claimRef": {"namespace": "team-a", "name": "data-db-0", "uid": "c"}},
            "status": {"phase": "Released"},
        });
        json_patch::merge(&mut volume, over);
        let told = RetainedVolume::of(&volume).unwrap();
        let fate = match fate(&Object::from_json(volume).unwrap(), &told) {
            Fate::Left(why) => why,
            other => format!("{other:?}"),
        };
        assert_eq!(fate, expected, "{over}");
    }

    #[test]
    fn only_what_the_instance_retained_and_nobody_could_get_is_released() {
        check(&json!({}), "Deleted");
        check(&json!({"status": {"phase": "Failed"}}), "Deleted");
        check(
            &json!({"status": {"phase": "Available"}}),
            "it is free for claim data-db-0, which a deploy of db makes",
        );
        let by_another = json!([{"manager": "kubectl", "operation": "Update"}]);
        check(&json!({"metadata": {"managedFields": by_another}}), COPIED);
        // It was given to another claim since.
        let other = json!({"claimRef": {"name": "data-api-0"}});
        check(&json!({"spec": other}), COPIED);
        // A name that is too long for a label is told by the claim alone.
        let labels = json!({"bowline.dev/claim": null});
        check(&json!({"metadata": {"labels": labels}}), "Deleted");
    }
}
