//! The number of replicas that a definition leaves open: it stays as it is, also where another workload takes the place of the
//! one that has it. One that it stops to set belongs to `scale` from then on.
//!
//! A field that its only owner leaves out is removed, and a server puts its default in the place of this one: a running
//! service of five would have one pod. So the manager of `scale` applies the number that is there before ours leaves it out,
//! as kubectl's documentation advises for handing the number over to an autoscaler. A run that is cut off in between leaves two
//! owners of one value, which the next run finds as it found one.

use serde_json::{Value, json};

use super::adjust::owned::applies_replicas;
use super::apply::is_outdated;
use super::looks::Looks;
use super::metadata::Metadata;
use crate::cluster::{ApplyOptions, Cluster};
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::operation::KeptReplicas;

/// Workloads whose number of replicas is a field that everybody may set.
const COUNTED: [&str; 3] = ["Deployment", "StatefulSet", "ReplicaSet"];

fn is_counted(key: &ObjectKey) -> bool {
    key.group == "apps" && COUNTED.contains(&key.kind.as_str())
}

/// Tells whether an object is a workload that leaves its number of replicas open.
pub(super) fn is_open(wanted: &Object) -> bool {
    is_counted(&wanted.key) && wanted.json["spec"]["replicas"].is_null()
}

/// Returns the number that a manager gives up by applying an object: it applied one before, and leaves it open now.
pub(super) fn given_up(live: &Object, wanted: &Object, manager: &str) -> Option<u64> {
    if !is_open(wanted) || !applies_replicas(live, manager) {
        return None;
    }
    live.json["spec"]["replicas"].as_u64()
}

/// Returns the number that a workload has again which is made in the place of `live`, where that leaves it open. A server
/// begins with one by itself.
pub(super) fn kept(live: &Object, wanted: &Object) -> Option<KeptReplicas> {
    if !is_open(wanted) || !is_counted(&live.key) {
        return None;
    }
    let number = live.json["spec"]["replicas"].as_u64()?;
    let replicas = u32::try_from(number).ok().filter(|it| *it != 1)?;
    let key = wanted.key.clone();
    Some(KeptReplicas { key, replicas })
}

/// Returns a workload that is made with the number that it takes over, where there is one.
pub(super) fn with_kept(wanted: &Object, kept: Option<&KeptReplicas>) -> Object {
    let mut made = wanted.clone();
    if let Some(kept) = kept {
        made.json["spec"]["replicas"] = json!(kept.replicas);
    }
    made
}

/// Says that a number stays.
pub(super) fn stays(kept: &KeptReplicas) -> String {
    match kept.replicas {
        0 => "it stays stopped".to_owned(),
        number => format!("its {number} replicas stay"),
    }
}

/// Lets `scale` own the number of replicas that is there, if applying `wanted` would give it up.
///
/// # Errors
/// The server refuses, or the workload is changed all the time.
pub(super) async fn hand_over(
    cluster: &Cluster,
    id: &InstanceId,
    wanted: &Object,
    uid: &str,
) -> Result<(), Failure> {
    let manager = naming::field_manager(id);
    let mut looks = Looks::default();
    while looks.again().await {
        let live = cluster.get(&wanted.key).await?;
        // What is gone is found out by the apply that follows.
        let Some(live) = live.filter(|live| Metadata::of(live).uid() == uid) else {
            return Ok(());
        };
        let Some(number) = given_up(&live, wanted, &manager) else {
            return Ok(());
        };
        let options = ApplyOptions {
            field_manager: naming::scale_field_manager(id),
            dry_run: false,
            // The number is the one that is there, so that nobody can mind.
            force: false,
        };
        match cluster.apply(&number_alone(&live, number), &options).await {
            Err(failure) if is_outdated(&failure) => {}
            // Whether it arrived is seen by looking again.
            Err(failure) if failure.kind == FailureKind::Unreachable => {
                let again = cluster.get(&live.key).await.map_err(|_| failure.clone())?;
                if again.is_some_and(|live| applies_replicas(&live, &options.field_manager)) {
                    return Ok(());
                }
            }
            result => return result.map(drop),
        }
    }
    Err(never_still(&wanted.key))
}

/// Returns an object that says the number and nothing else, of the very state that was seen.
fn number_alone(live: &Object, number: u64) -> Object {
    let seen = &live.json["metadata"];
    let mut metadata = json!({});
    for key in ["name", "namespace", "uid", "resourceVersion"] {
        metadata[key] = seen[key].clone();
    }
    let json: Value = json!({
        "apiVersion": live.json["apiVersion"],
        "kind": live.json["kind"],
        "metadata": metadata,
        "spec": {"replicas": number},
    });
    Object::from_json(json).expect("apiVersion, kind and name are those of a live object")
}

fn never_still(key: &ObjectKey) -> Failure {
    let summary =
        format!("{key} is changed all the time: its number of replicas is not handed over");
    Failure::new(FailureKind::Conflict, summary)
}
