//! Pods that hang: a `StatefulSet` waits until each of its pods is ready before it replaces it, so that one which never gets
//! ready keeps even the revision away that would mend it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::HangingPod;
use crate::cluster::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::object::{GroupKind, Object};
use crate::engine::journal::Journal;
use crate::engine::metadata::Metadata;
use crate::engine::plan::{Change, DeployPlan, PlannedObject};
use crate::engine::preflight;
use crate::engine::rehearse::RESTARTS;
use crate::failure::{Failure, FailureKind};
use crate::text;

/// Label of a pod: the revision of the `StatefulSet` that it was made by.
const REVISION_LABEL: &str = "controller-revision-hash";
/// How long the controller may take to see what was written.
const NOTICE_DEADLINE: Duration = Duration::from_secs(30);
const NOTICE_PAUSE: Duration = Duration::from_millis(200);
const UNLISTED: &str =
    "this user may not list pods: those that hang on the revision that is left stay";

/// Finds the pods that will hang, and adds to the plan why they could not be deleted.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn find(
    cluster: &Cluster,
    plan: &mut DeployPlan,
) -> Result<Vec<HangingPod>, Failure> {
    let is_set = |planned: &&PlannedObject| {
        planned.key.kind == "StatefulSet"
            && matches!(planned.change, Change::Update | Change::Unchanged)
            && planned.live_uid.is_some()
    };
    let mut pods: BTreeMap<Namespace, Vec<Object>> = BTreeMap::new();
    let mut found = Vec::new();
    let sets: Vec<PlannedObject> = plan.objects.iter().filter(is_set).cloned().collect();
    for planned in sets {
        let namespace = planned.key.namespace.as_deref();
        let Some(namespace) = namespace.and_then(|it| it.parse::<Namespace>().ok()) else {
            continue;
        };
        let Some(set) = cluster.get(&planned.key).await? else {
            continue;
        };
        let pods = match pods.entry(namespace) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => match list(cluster, plan, unknown.key()).await {
                Ok(pods) => unknown.insert(pods),
                Err(failure) if failure.kind == FailureKind::Forbidden => {
                    plan.warnings.push(UNLISTED.to_owned());
                    return Ok(Vec::new());
                }
                Err(failure) => return Err(failure),
            },
        };
        let replaces_pods = planned.note.as_deref() == Some(RESTARTS);
        found.extend(hanging(&set, pods, replaces_pods));
    }
    let accesses = found.iter().flat_map(|pod: &HangingPod| {
        let access = |verb| preflight::access_to(verb, &pod.key);
        ["get", "delete"].map(access)
    });
    let missing = preflight::forbidden(cluster, accesses.collect()).await?;
    let namespace = plan.instance.namespace.as_str();
    plan.refusals
        .extend(preflight::forbidden_refusal(&missing, namespace));
    Ok(found)
}

async fn list(
    cluster: &Cluster,
    plan: &DeployPlan,
    namespace: &Namespace,
) -> Result<Vec<Object>, Failure> {
    let (kind, selector) = (
        GroupKind::new("", "Pod"),
        Selector::instance(&plan.instance.id),
    );
    cluster.list(&kind, Some(namespace), &selector).await
}

/// Returns the pods of a set that are not ready and of the revision that is left: the one that the set wants, if the plan
/// replaces its pods or the controller did not yet see that it wants another; else any other.
fn hanging(set: &Object, pods: &[Object], replaces_pods: bool) -> Vec<HangingPod> {
    let set_uid = Metadata::of(set).uid();
    let wanted = wanted_revision(set);
    let is_left = |pod: &Object| {
        let is_wanted = Metadata::of(pod).label(REVISION_LABEL) == wanted;
        is_wanted == (replaces_pods || !has_noticed(set))
    };
    let is_hanging = |pod: &&Object| {
        let metadata = Metadata::of(pod);
        metadata.owners().iter().any(|owner| owner.uid == set_uid)
            && !metadata.is_being_deleted()
            && !is_ready(pod)
            && is_left(pod)
    };
    let pods = pods.iter().filter(is_hanging);
    pods.map(|pod| HangingPod {
        key: pod.key.clone(),
        uid: Metadata::of(pod).uid().to_owned(),
        reason: reason(pod),
        set: set.key.clone(),
        set_uid: set_uid.to_owned(),
    })
    .collect()
}

/// Returns the revision that the pods of a set should have, as far as its controller knows.
fn wanted_revision(set: &Object) -> Option<&str> {
    set.json.pointer("/status/updateRevision")?.as_str()
}

/// Tells whether the controller has seen what the set says.
fn has_noticed(set: &Object) -> bool {
    let number = |pointer| set.json.pointer(pointer).and_then(Value::as_i64);
    number("/status/observedGeneration") >= number("/metadata/generation")
}

fn is_ready(pod: &Object) -> bool {
    let conditions = pod.json["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Returns why a pod is not ready: the first reason that a container waits for.
fn reason(pod: &Object) -> Option<String> {
    let statuses = ["initContainerStatuses", "containerStatuses"];
    let mut containers = statuses
        .iter()
        .filter_map(|field| pod.json["status"][*field].as_array())
        .flatten();
    let reason = containers.find_map(|status| status["state"]["waiting"]["reason"].as_str());
    Some(text::clean(reason?).into_owned())
}

/// Looks whether a pod still hangs once its set wants another revision than the pod's; if not, returns why.
///
/// # Errors
/// The controller does not see what was written, or the cluster cannot be reached.
pub(in crate::engine) async fn spared(
    cluster: &Cluster,
    pod: &HangingPod,
    journal: &mut Journal<'_>,
) -> Result<Option<&'static str>, Failure> {
    let Some(set) = noticed(cluster, pod, journal).await? else {
        return Ok(Some("its StatefulSet was deleted or made again"));
    };
    let live = cluster.get(&pod.key).await?;
    let live = live.filter(|live| Metadata::of(live).uid() == pod.uid);
    let Some(live) = live.filter(|live| !Metadata::of(live).is_being_deleted()) else {
        return Ok(Some("it is gone already"));
    };
    if is_ready(&live) {
        return Ok(Some("it got ready"));
    }
    let is_wanted = Metadata::of(&live).label(REVISION_LABEL) == wanted_revision(&set);
    Ok(is_wanted.then_some("it is of the revision that is wanted"))
}

/// Waits until the controller has seen what its set says: before that it would make the same pod again.
async fn noticed(
    cluster: &Cluster,
    pod: &HangingPod,
    journal: &mut Journal<'_>,
) -> Result<Option<Object>, Failure> {
    let deadline = Instant::now() + NOTICE_DEADLINE;
    loop {
        let set = cluster.get(&pod.set).await?;
        let Some(set) = set.filter(|set| Metadata::of(set).uid() == pod.set_uid) else {
            return Ok(None);
        };
        if has_noticed(&set) {
            return Ok(Some(set));
        }
        if Instant::now() >= deadline {
            let summary = format!("the controller does not take notice of {}", pod.set);
            return Err(Failure::new(FailureKind::Conflict, summary));
        }
        journal.waiting(&format!("the controller takes notice of {}", pod.set));
        sleep(NOTICE_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(observed: i64) -> Object {
        Object::from_json(json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": "team-a", "uid": "set", "generation": 3},
            "status": {"observedGeneration": observed, "currentRevision": "db-old", "updateRevision": "db-new"},
        }))
        .unwrap()
    }

    fn pod(name: &str, revision: &str, ready: &str) -> Object {
        Object::from_json(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name, "namespace": "team-a", "uid": name,
                "labels": {REVISION_LABEL: revision},
                "ownerReferences": [{"kind": "StatefulSet", "name": "db", "uid": "set"}],
            },
            "status": {
                "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
        }))
        .unwrap()
    }

    fn check(pods: &[Object], observed: i64, replaces_pods: bool, expected: &[&str]) {
        let found = hanging(&set(observed), pods, replaces_pods);
        let names: Vec<&str> = found.iter().map(|pod| pod.key.name.as_str()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn only_what_is_not_ready_on_the_revision_that_is_left_hangs() {
        let pods = [
            pod("ready-old", "db-old", "True"),
            pod("ready-new", "db-new", "True"),
            pod("old", "db-old", "False"),
            pod("new", "db-new", "False"),
        ];
        check(&pods, 3, true, &["new"]);
        // The rollback is written already, and the pod hangs on what was before.
        check(&pods, 3, false, &["old"]);
        // It is written, and the controller does not know yet.
        check(&pods, 2, false, &["new"]);
    }

    #[test]
    fn pods_of_others_and_those_that_go_do_not_hang() {
        let mut going = pod("going", "db-new", "False");
        going.json["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let mut by_hand = pod("by-hand", "db-new", "False");
        by_hand.json["metadata"]["ownerReferences"] = json!([]);
        check(&[going, by_hand], 3, true, &[]);
        let found = hanging(&set(3), &[pod("db-0", "db-new", "False")], true);
        assert_eq!(found[0].reason.as_deref(), Some("ImagePullBackOff"));
    }
}
