//! Volumes that a teardown retained, offered to a new deploy of the ID and bound again where that was agreed to.
//!
//! A volume is freed only for the claim that its claimRef names: whatever labels it bears, no other claim can get it.

use std::cmp::Ordering;
use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::adjust::{MAX_REPLICAS, n_replicas};
use super::apply::is_outdated;
use super::journal::Journal;
use super::metadata::Metadata;
use super::preflight::refused;
use super::remedy::{Binding, Offer, PlannedBind, Remedy, StoragePlan};
use super::volumes::{self, text};
use crate::cluster::{Cluster, Selector};
use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::quantity;
use crate::service::summary::InstanceKey;

/// How often a volume is looked at that others change meanwhile, as its controller does.
const MAX_LOOKS: usize = 5;
/// How long a volume may take to become free.
const FREE_DEADLINE: Duration = Duration::from_secs(30);
const FREE_PAUSE: Duration = Duration::from_millis(100);
const UNLISTED: &str = "this user may not list volumes, so nobody can say which were retained: without --bind-retained its claims get \
                        new, empty volumes";
/// The phase of a volume whose claim is gone.
const RELEASED: &str = "Released";

/// A claim that a deploy would make.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ClaimToCome {
    /// The object that it comes of: itself, or its `StatefulSet`.
    pub of: ObjectKey,
    /// None for the instance's own.
    pub namespace: Option<String>,
    pub name: String,
    pub spec: Value,
}

/// Returns the claims that rendered objects would make: those that stand on their own, and one for each replica and template.
pub(super) fn claims_to_come(rendered: &[Object]) -> Vec<ClaimToCome> {
    let mut claims = Vec::new();
    for object in rendered {
        match object.key.kind.as_str() {
            "PersistentVolumeClaim" => claims.push(ClaimToCome {
                of: object.key.clone(),
                namespace: object.key.namespace.clone(),
                name: object.key.name.clone(),
                spec: object.json["spec"].clone(),
            }),
            "StatefulSet" => claims.extend(claims_of_set(object)),
            _ => {}
        }
    }
    claims
}

fn claims_of_set(set: &Object) -> impl Iterator<Item = ClaimToCome> {
    named_claims(set, ordinals(set, n_pods(set))).map(|(name, template)| ClaimToCome {
        of: set.key.clone(),
        namespace: set.key.namespace.clone(),
        name,
        spec: template["spec"].clone(),
    })
}

/// Returns the names of the claims that a set makes for the pods of these numbers.
pub(super) fn claim_names(set: &Object, ordinals: Range<u32>) -> impl Iterator<Item = String> {
    named_claims(set, ordinals).map(|(name, _)| name)
}

/// Returns the name of each such claim, with its template.
fn named_claims(set: &Object, ordinals: Range<u32>) -> impl Iterator<Item = (String, &Value)> {
    let templates = set.json["spec"]["volumeClaimTemplates"].as_array();
    templates.into_iter().flatten().flat_map(move |template| {
        let volume = template["metadata"]["name"].as_str().unwrap_or_default();
        let name = move |ordinal| format!("{volume}-{}-{ordinal}", set.key.name);
        ordinals
            .clone()
            .map(move |ordinal| (name(ordinal), template))
    })
}

/// What was found out about retained volumes.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub storage: StoragePlan,
    pub offers: Vec<Offer>,
    pub warnings: Vec<String>,
    pub refusals: Vec<Failure>,
}

/// What retained volumes are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// What is rendered, with all replicas of its sets.
    pub rendered: &'a [Object],
    /// The claims of it that are not there yet.
    pub claims: &'a [ClaimToCome],
    /// The class of claims that name none, where it is known.
    pub default_class: Option<&'a str>,
    pub binding: Binding,
}

/// Looks for retained volumes of claims that are to come, and plans to bind them if that was agreed to. Those of replicas that
/// a set does not have are told.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn look(
    cluster: &Cluster,
    instance: &InstanceKey,
    wanted: Wanted<'_>,
) -> Result<Found, Failure> {
    let Wanted {
        claims, binding, ..
    } = wanted;
    let is_agreed = binding != Binding::Offered;
    let mut found = Found::default();
    found.storage.fresh = claims.iter().map(|claim| claim.name.clone()).collect();
    if claims.is_empty() {
        return Ok(found);
    }
    let selector = Selector::retained(&instance.id, &instance.namespace);
    let retained = volumes::list_retained(cluster, &selector).await?;
    if retained.is_none() && binding == Binding::All {
        let failure = Failure::new(FailureKind::Forbidden, UNLISTED);
        found.refusals.push(failure);
    }
    let retained = retained.unwrap_or_default();
    let own = instance.namespace.as_str();
    let mut unfit = Vec::new();
    let lasting = |volume: &&Object| !Metadata::of(volume).is_being_deleted();
    for volume in retained.iter().filter(lasting) {
        let is_its = |claim: &&ClaimToCome| {
            is_from(
                volume,
                claim.namespace.as_deref().unwrap_or(own),
                &claim.name,
            )
        };
        let Some(claim) = claims.iter().find(is_its) else {
            let mut sets = wanted.rendered.iter();
            let left = sets.find_map(|set| of_no_replica(volume, set, own));
            found.warnings.extend(left);
            continue;
        };
        let (name, size) = (&volume.key.name, text(volume, "/spec/capacity/storage"));
        let (claim_name, key) = (&claim.name, &volume.key);
        let fit = fit(volume, &claim.spec, wanted.default_class);
        let is_served = !found.storage.fresh.contains(claim_name);
        if fit == Fit::IsFree || (fit == Fit::Fits && is_agreed) {
            found.storage.fresh.retain(|name| name != claim_name);
        }
        match fit {
            Fit::Fits if is_agreed && is_served => found.warnings.push(format!(
                "{key} ({size}) stays retained: claim {claim_name} is bound to another one"
            )),
            Fit::Fits if is_agreed => found.storage.binds.push(PlannedBind {
                volume: key.clone(),
                uid: volume.uid().unwrap_or_default().to_owned(),
                namespace: text(volume, "/spec/claimRef/namespace").to_owned(),
                claim: claim_name.clone(),
                size: size.to_owned(),
            }),
            Fit::Fits => found.offers.push(Offer {
                remedy: Remedy::BindRetained,
                sentence: format!(
                    "binds {name} ({size}), retained from claim {claim_name}, again; without it the claim gets a new, empty volume"
                ),
            }),
            Fit::IsFree => found
                .warnings
                .push(format!("{key} ({size}) is bound again to claim {claim_name}")),
            Fit::Not(why) => {
                let sentence = format!(
                    "{key} is retained from claim {claim_name} and cannot be bound again: {why}"
                );
                unfit.push((claim_name.clone(), sentence));
            }
        }
    }
    for (claim_name, sentence) in unfit {
        // Where another of its volumes fits, the claim has what it is to have.
        let is_served = !found.storage.fresh.contains(&claim_name);
        if is_served || binding != Binding::All {
            found.warnings.push(sentence);
            continue;
        }
        found.refusals.push(Failure {
            detail: format!(
                "let the definition ask for what it has, or do without --bind-retained: claim {claim_name} gets a new, empty \
                 volume then"
            ),
            ..refused(sentence)
        });
    }
    Ok(found)
}

/// Says that a retained volume is of a replica that a set does not have; none where it is not.
fn of_no_replica(volume: &Object, set: &Object, own: &str) -> Option<String> {
    let claim = text(volume, "/spec/claimRef/name");
    let place = set.key.namespace.as_deref().unwrap_or(own);
    let is_from_set = set.key.kind == "StatefulSet" && is_from(volume, place, claim);
    let is_left = is_from_set && text(volume, "/status/phase") == RELEASED;
    let ordinal = naming::claim_ordinal(claim, &set.key.name).filter(|_| is_left)?;
    let n_pods = n_pods(set);
    let nth = ordinal.checked_sub(first_ordinal(set))?;
    if nth < n_pods {
        return None;
    }
    let [replicas, needed] = [n_pods, nth.saturating_add(1)].map(n_replicas);
    let size = text(volume, "/spec/capacity/storage");
    Some(format!(
        "{} ({size}) stays retained: it is of claim {claim}, and {} has {replicas}; a deploy with {needed} can bind it again, \
         a scale gives that pod a new, empty volume",
        volume.key, set.key,
    ))
}

/// Returns the numbers of the pods of a set that has so many. No more are looked at than a definition may want: each is named.
pub(super) fn ordinals(set: &Object, n_pods: u32) -> Range<u32> {
    let first = first_ordinal(set);
    first..first.saturating_add(n_pods.min(MAX_REPLICAS))
}

/// Returns how many pods a set wants.
pub(super) fn n_pods(set: &Object) -> u32 {
    number(&set.json["spec"]["replicas"]).unwrap_or(1)
}

fn first_ordinal(set: &Object) -> u32 {
    number(&set.json["spec"]["ordinals"]["start"]).unwrap_or(0)
}

fn number(value: &Value) -> Option<u32> {
    Some(u32::try_from(value.as_u64()?).unwrap_or(u32::MAX))
}

/// What a volume that was retained is to a claim of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fit {
    /// It can be bound again.
    Fits,
    /// It is free for the claim already.
    IsFree,
    /// It cannot be bound, with why.
    Not(String),
}

/// Returns whether a retained volume can be bound again by a claim of this specification.
fn fit(volume: &Object, claim: &Value, default_class: Option<&str>) -> Fit {
    let size = text(volume, "/spec/capacity/storage");
    let wanted = claim
        .pointer("/resources/requests/storage")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if quantity::compare(size, wanted) == Some(Ordering::Less) {
        return Fit::Not(format!("it has {size}, and {wanted} is asked for"));
    }
    let has_mode = |mode: &Value| {
        let modes = volume.json.pointer("/spec/accessModes");
        modes
            .and_then(Value::as_array)
            .is_some_and(|all| all.contains(mode))
    };
    let modes = claim["accessModes"].as_array().into_iter().flatten();
    if let Some(mode) = modes.filter(|mode| !has_mode(mode)).find_map(Value::as_str) {
        return Fit::Not(format!("it cannot be mounted {mode}"));
    }
    let class = text(volume, "/spec/storageClassName");
    // Without a class the cluster's default one is meant, where it is known.
    if let Some(wanted) = claim["storageClassName"].as_str().or(default_class)
        && wanted != class
    {
        return Fit::Not(format!(
            "it is of class {class:?}, and {wanted:?} is asked for"
        ));
    }
    match (
        text(volume, "/spec/claimRef/uid"),
        text(volume, "/status/phase"),
    ) {
        ("", _) => Fit::IsFree,
        (_, RELEASED) => Fit::Fits,
        (_, phase) => Fit::Not(format!("it is {}", phase.to_lowercase())),
    }
}

/// Says of the retained volumes of claims that are made anew that these do not get them.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn passed_over(
    cluster: &Cluster,
    instance: &InstanceKey,
    claims: &[ObjectKey],
) -> Result<Vec<String>, Failure> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let selector = Selector::retained(&instance.id, &instance.namespace);
    let retained = volumes::retained(cluster, &selector).await?;
    let is_left = |volume: &&Object| {
        let is_lasting = !Metadata::of(volume).is_being_deleted();
        is_lasting && text(volume, "/status/phase") == RELEASED
    };
    let is_of = |volume: &Object, claim: &ObjectKey| {
        let namespace = claim.namespace.as_deref().unwrap_or_default();
        is_from(volume, namespace, &claim.name)
    };
    let told = retained.iter().filter(is_left).filter_map(|volume| {
        let claim = claims.iter().find(|claim| is_of(volume, claim))?;
        let size = text(volume, "/spec/capacity/storage");
        Some(format!(
            "{} ({size}) is retained from claim {}, which gets a new, empty volume: a deploy of that many replicas \
             with --bind-retained gives it back",
            volume.key, claim.name
        ))
    });
    Ok(told.collect())
}

/// Frees a retained volume for the claim that its claimRef names, and waits until a claim of that name would get it.
///
/// # Errors
/// It was bound by somebody else meanwhile, the server refuses, or nobody can say whether it was done.
pub(super) async fn free(
    cluster: &Cluster,
    instance: &InstanceKey,
    planned: &PlannedBind,
    journal: &mut Journal<'_>,
) -> Result<(), Failure> {
    let manager = naming::field_manager(&instance.id);
    let deadline = Instant::now() + FREE_DEADLINE;
    let mut n_sent = 0;
    loop {
        let live = cluster.get(&planned.volume).await?;
        let live = live.filter(|live| {
            Metadata::of(live).uid() == planned.uid
                && is_from(live, &planned.namespace, &planned.claim)
        });
        let Some(live) = live else {
            let summary = format!("{} is not there any more as it was planned", planned.volume);
            return Err(Failure::new(FailureKind::Conflict, summary));
        };
        let phase = text(&live, "/status/phase");
        match (text(&live, "/spec/claimRef/uid").is_empty(), phase) {
            (true, "Available") => return Ok(()),
            (true, _) => {}
            (false, RELEASED) if n_sent < MAX_LOOKS => {
                n_sent += 1;
                let patch = json!({
                    "metadata": {"uid": planned.uid, "resourceVersion": Metadata::of(&live).resource_version()},
                    "spec": {"claimRef": {"uid": null, "resourceVersion": null}},
                });
                match cluster
                    .merge_patch(&planned.volume, &patch, &manager, None)
                    .await
                {
                    Ok(_) => continue,
                    // Looked at again before anything is sent again.
                    Err(failure)
                        if is_outdated(&failure) || failure.kind == FailureKind::Unreachable => {}
                    Err(failure) => return Err(failure),
                }
            }
            (false, _) => {
                let summary = format!("{} is in use by now", planned.volume);
                return Err(Failure::new(FailureKind::Conflict, summary));
            }
        }
        if Instant::now() >= deadline {
            let summary = format!("{} does not become free", planned.volume);
            return Err(Failure::new(FailureKind::Conflict, summary));
        }
        journal.waiting(&format!("{} becomes free", planned.volume));
        sleep(FREE_PAUSE).await;
    }
}

/// Tells whether a volume is from a claim: its claimRef says so, whatever its labels say.
fn is_from(volume: &Object, namespace: &str, claim: &str) -> bool {
    text(volume, "/spec/claimRef/namespace") == namespace
        && text(volume, "/spec/claimRef/name") == claim
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(volume: Value, claim: Value, expected: Fit) {
        let mut json = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv-1"},
            "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "storageClassName": "standard",
                "claimRef": {"namespace": "team-a", "name": "data-db-0", "uid": "old"}},
            "status": {"phase": "Released"}});
        json_patch::merge(&mut json, &volume);
        let mut spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        json_patch::merge(&mut spec, &claim);
        let volume = Object::from_json(json).unwrap();
        assert_eq!(fit(&volume, &spec, Some("standard")), expected);
    }

    fn not(why: &str) -> Fit {
        Fit::Not(why.to_owned())
    }

    #[test]
    fn a_retained_volume_is_offered_to_a_claim_that_it_fits() {
        check(json!({}), json!({}), Fit::Fits);
        check(
            json!({"spec": {"claimRef": {"uid": null}}, "status": {"phase": "Available"}}),
            json!({}),
            Fit::IsFree,
        );
        let larger = json!({"resources": {"requests": {"storage": "2Gi"}}});
        check(json!({}), larger, not("it has 1Gi, and 2Gi is asked for"));
        let shared = json!({"accessModes": ["ReadWriteMany"]});
        check(json!({}), shared, not("it cannot be mounted ReadWriteMany"));
        let fast = json!({"storageClassName": "fast"});
        check(
            json!({}),
            fast,
            not("it is of class \"standard\", and \"fast\" is asked for"),
        );
        // The claim names no class, and the default one is another by now.
        let slow = json!({"spec": {"storageClassName": "slow"}});
        check(
            slow,
            json!({}),
            not("it is of class \"slow\", and \"standard\" is asked for"),
        );
        check(
            json!({"status": {"phase": "Bound"}}),
            json!({}),
            not("it is bound"),
        );
    }

    #[test]
    fn every_replica_has_a_claim_of_each_template() {
        let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
            "spec": {"replicas": 2, "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"a": 1}}]}});
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "own"}, "spec": {}});
        let rendered = [set, claim].map(|json| Object::from_json(json).unwrap());
        let claims = claims_to_come(&rendered);
        let names: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
        assert_eq!(names, ["data-db-0", "data-db-1", "own"]);
    }

    fn set_of(replicas: u64, start: u64) -> Object {
        let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": "team-a"},
            "spec": {"replicas": replicas, "ordinals": {"start": start},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}]}});
        Object::from_json(set).unwrap()
    }

    #[test]
    fn pods_are_counted_from_the_number_that_a_set_begins_with() {
        let claims = claims_to_come(&[set_of(2, 5)]);
        let names: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
        assert_eq!(names, ["data-db-5", "data-db-6"]);
    }

    #[test]
    fn a_number_that_nobody_can_mean_costs_no_more_than_the_largest() {
        for replicas in [3_000_000, u64::from(u32::MAX) + 1] {
            assert_eq!(claims_to_come(&[set_of(replicas, 0)]).len(), 1000);
        }
        let last = claims_to_come(&[set_of(2, u64::MAX)]);
        assert_eq!(last.len(), 0);
    }

    #[test]
    fn a_volume_of_a_replica_that_is_not_wanted_says_how_many_are_needed() {
        let told = |ordinal: u32, set: &Object| {
            let claim = json!({"namespace": "team-a", "name": format!("data-db-{ordinal}")});
            let json = json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pv-1"},
                "spec": {"claimRef": claim, "capacity": {"storage": "1Gi"}}, "status": {"phase": "Released"}});
            of_no_replica(&Object::from_json(json).unwrap(), set, "team-a")
        };
        let set = set_of(2, 5);
        assert_eq!(told(6, &set), None);
        // Below its first pod: no number of replicas reaches it.
        assert_eq!(told(4, &set), None);
        let sentence = told(7, &set).unwrap();
        assert!(
            sentence.contains("has 2 replicas; a deploy with 3 replicas"),
            "{sentence}"
        );
        let sentence = told(u32::MAX, &set_of(1, 0)).unwrap();
        assert!(
            sentence.contains(&format!("a deploy with {} replicas", u32::MAX)),
            "{sentence}"
        );
    }
}
