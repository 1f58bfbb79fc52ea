//! What keeps claims from going with their `StatefulSet`: its retention policy, and the owner references that follow from it.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::binding;
use super::journal::Journal;
use super::metadata::Metadata;
use super::operation::Lease;
use crate::cluster::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::names;
use crate::service::summary::InstanceKey;

/// How long the owner references of claims may take to go once their workload retains them.
const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);
/// The field of a `StatefulSet` that says which claims go with it or its pods.
pub(super) const POLICY: &str = "persistentVolumeClaimRetentionPolicy";
/// Most claims that are named.
const NAMED: usize = 5;

/// A `StatefulSet` that is about to be deleted while its claims are to stay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaver<'a> {
    pub instance: &'a InstanceKey,
    pub key: &'a ObjectKey,
    pub uid: &'a str,
}

/// Sets the claim retention of a `StatefulSet` to Retain, and waits until its claims have no owner any more. One that is gone
/// already took along what it would.
///
/// # Errors
/// The server refuses, nobody can say, or the claims are not let go of.
pub(super) async fn keep_claims(
    cluster: &Cluster,
    set: Leaver<'_>,
    lease: Option<&Lease<'_>>,
    journal: &mut Journal<'_>,
) -> Result<(), Failure> {
    let live = cluster.get(set.key).await?;
    let Some(live) = live.filter(|live| Metadata::of(live).uid() == set.uid) else {
        return Ok(());
    };
    let takes_claims = takes_claims(&live);
    if takes_claims {
        if let Some(lease) = lease {
            lease
                .step(&format!("keep the claims of {}", set.key))
                .await?;
        }
        let policy = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
        let patch = json!({
            "metadata": {"uid": set.uid},
            "spec": {POLICY: policy},
        });
        let manager = naming::field_manager(&set.instance.id);
        // Sent again by the next run if nobody knows whether it arrived: it says the same at any time.
        cluster.merge_patch(set.key, &patch, &manager, None).await?;
    }
    match wait_for_freedom(cluster, set, journal).await {
        // It retained them all along: there is nothing that anybody would have to look for.
        Err(failure) if failure.kind == FailureKind::Forbidden && !takes_claims => Ok(()),
        freed => freed,
    }
}

/// Tells whether claims go with a live `StatefulSet`, or with its pods.
pub(super) fn takes_claims(set: &Object) -> bool {
    let policy = &set.json["spec"][POLICY];
    let retains = |key: &str| matches!(policy[key].as_str(), None | Some("Retain"));
    !(retains("whenDeleted") && retains("whenScaled"))
}

/// Returns the claims of a live `StatefulSet` that go when it is scaled down.
pub(super) fn scaled_away(set: &Object, from: u32, to: u32) -> Vec<String> {
    let policy = &set.json["spec"][POLICY];
    if policy["whenScaled"] != "Delete" {
        return Vec::new();
    }
    let (before, after) = (binding::ordinals(set, from), binding::ordinals(set, to));
    binding::claim_names(set, after.end..before.end).collect()
}

/// Says that claims go with the pods that a `StatefulSet` has too many.
pub(super) fn goes_with_pods(set: &ObjectKey, claims: &[String]) -> String {
    let claims = names::first(claims, NAMED);
    format!(
        "{set} deletes claims with the pods that it scales away (whenScaled: Delete), and their data goes too: {claims}"
    )
}

/// Waits until no claim is owned by a set, whatever labels it bears.
async fn wait_for_freedom(
    cluster: &Cluster,
    set: Leaver<'_>,
    journal: &mut Journal<'_>,
) -> Result<(), Failure> {
    let deadline = Instant::now() + DEADLINE;
    let kind = GroupKind::new("", CLAIM);
    // What an adopted set made since bears no label of the instance.
    let everything = Selector::everything();
    let own = &set.instance.namespace;
    let other: Option<Namespace> = set.key.namespace.as_ref().and_then(|it| it.parse().ok());
    let namespace = other.as_ref().unwrap_or(own);
    loop {
        let listed = cluster.list_metadata(&kind, Some(namespace), &everything);
        let claims = listed.await?;
        let is_owned = |claim: &&Object| {
            let owners = Metadata::of(claim).owners();
            owners.iter().any(|owner| owner.uid == set.uid)
        };
        let Some(owned) = claims.iter().find(is_owned) else {
            return Ok(());
        };
        if Instant::now() >= deadline {
            let summary = format!("{} is still owned by {}", owned.key, set.key);
            return Err(Failure::new(FailureKind::Conflict, summary));
        }
        journal.waiting(&format!("{} lets go of {}", set.key, owned.key));
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::Method;

    use super::*;
    use crate::cluster::mock::{self, Reply};

    /// The controller takes its owner references away some time after the policy was changed: a set that goes before takes
    /// the claims along.
    #[tokio::test(start_paused = true)]
    async fn a_set_lets_go_of_its_claims_before_it_may_go() {
        let (n_lists, n_owned) = (AtomicUsize::new(0), 3);
        let (cluster, log) = mock::cluster(move |seen| {
            if seen.uri.contains("/statefulsets/db") {
                return Reply::json(
                    200,
                    json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
                        "metadata": {"name": "db", "namespace": "team-a", "uid": "s"},
                        "spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}}),
                );
            }
            let is_owned = n_lists.fetch_add(1, Ordering::Relaxed) < n_owned;
            let owners = match is_owned {
                true => json!([{"kind": "StatefulSet", "name": "db", "uid": "s"}]),
                false => json!([]),
            };
            let metadata = json!({"name": "data-db-0", "namespace": "team-a", "uid": "c", "ownerReferences": owners});
            Reply::json(
                200,
                json!({"kind": "List", "items": [{"metadata": metadata}]}),
            )
        });
        let instance = InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "db".parse().unwrap(),
        };
        let key = ObjectKey {
            group: "apps".to_owned(),
            ..crate::engine::metadata::core_key("StatefulSet", "team-a", "db")
        };
        let set = Leaver {
            instance: &instance,
            key: &key,
            uid: "s",
        };
        let mut journal = Journal::new(&|_| {});
        keep_claims(&cluster, set, None, &mut journal)
            .await
            .unwrap();
        let log = log.lock().unwrap();
        let patches: Vec<&str> = (log.iter())
            .filter(|seen| seen.method == Method::PATCH)
            .map(|seen| seen.body.as_str())
            .collect();
        let [patch] = patches.as_slice() else {
            panic!("{log:?}");
        };
        assert!(patch.contains(r#""whenDeleted":"Retain""#), "{patch}");
        let lists = log
            .iter()
            .filter(|seen| seen.uri.contains("/persistentvolumeclaims"));
        let lists: Vec<&str> = lists.map(|seen| seen.uri.as_str()).collect();
        assert_eq!(lists.len(), n_owned + 1);
        // Claims that an adopted set made bear no label of ours, and would go with it all the same.
        assert!(!lists[0].contains("instance"), "{lists:?}");
    }

    #[test]
    fn claims_go_with_the_pods_that_are_scaled_away_where_the_set_says_so() {
        let set = |when_scaled: &str| {
            let json = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
                "spec": {"ordinals": {"start": 5}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
                    "persistentVolumeClaimRetentionPolicy": {"whenScaled": when_scaled}}});
            Object::from_json(json).unwrap()
        };
        assert_eq!(scaled_away(&set("Retain"), 3, 1), [""; 0]);
        assert_eq!(
            scaled_away(&set("Delete"), 3, 1),
            ["data-db-6", "data-db-7"]
        );
        assert_eq!(scaled_away(&set("Delete"), 1, 3), [""; 0]);
    }
}
