use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::cluster::mock::{self, Reply, Seen};
use crate::service::health::State;

fn object(name: &str, instance: &str, rest: Value) -> Value {
    let mut object = rest;
    object["metadata"] = json!({
        "name": name, "namespace": "team-a", "uid": name, "resourceVersion": "1",
        "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": instance},
    });
    object
}

/// A cluster with a StatefulSet of one pod whose claim is unbound.
fn answer(seen: &Seen) -> Reply {
    let path = seen.uri.split('?').next().unwrap();
    let items = match path.rsplit('/').next().unwrap() {
        "statefulsets" => vec![object(
            "db",
            "db",
            json!({"spec": {"replicas": 1}, "status": {"replicas": 1, "updatedReplicas": 1}}),
        )],
        "persistentvolumeclaims" => vec![object(
            "data-db-0",
            "db",
            json!({"spec": {}, "status": {"phase": "Pending"}}),
        )],
        "pods" if seen.uri.contains("includeObject=None") => {
            let row = json!({"cells": ["db-0", "0/1", "Pending", "0", "1h", "<none>", "<none>"], "object": null});
            return Reply::json(
                200,
                json!({"kind": "Table", "metadata": {"resourceVersion": "1"}, "rows": [row]}),
            );
        }
        "pods" => vec![object(
            "db-0",
            "db",
            json!({"spec": {"containers": []}, "status": {"phase": "Pending"}}),
        )],
        "events" => vec![json!({
            "metadata": {"name": "e", "namespace": "team-a"},
            "involvedObject": {"kind": "PersistentVolumeClaim", "name": "data-db-0"},
            "type": "Warning", "reason": "ProvisioningFailed", "message": "no class",
        })],
        "secrets" => return Reply::status(403, "secrets is forbidden"),
        _ => Vec::new(),
    };
    Reply::json(
        200,
        json!({"metadata": {"resourceVersion": "1"}, "items": items}),
    )
}

#[tokio::test]
async fn one_look_shows_what_the_watches_would() {
    let (cluster, _) = mock::cluster(answer);
    for scope in [Scope::All, Scope::Namespace("team-a".parse().unwrap())] {
        let fleet = cluster.snapshot(&scope).await.unwrap();
        let shown: Vec<_> = fleet
            .instances()
            .map(|i| {
                (
                    i.key().to_string(),
                    i.health().reason.clone().unwrap(),
                    i.pods().total,
                )
            })
            .collect();
        let reason = "claim data-db-0 is not bound: its provisioner failed: no class".to_owned();
        assert_eq!(shown, [("team-a/db".to_owned(), reason, 1)]);
        assert!(fleet.is_complete());
    }
}

/// How old a pod is does not tell since when it is not ready, and nobody looked on.
#[tokio::test]
async fn one_look_sees_that_a_workload_gets_nowhere() {
    let check = async |unready_since: Timestamp, state: State| {
        let (cluster, _) = mock::cluster(move |seen| {
            let path = seen.uri.split('?').next().unwrap();
            match path.rsplit('/').next().unwrap() {
                "persistentvolumeclaims" | "events" => {
                    Reply::json(200, json!({"metadata": {}, "items": []}))
                }
                "pods" if seen.uri.contains("includeObject=None") => {
                    let cells = json!(["db-0", "0/1", "Running", "0", "3d", "10.0.0.1", "node-1"]);
                    let rows = json!([{"cells": cells, "object": null}]);
                    let table = json!({"kind": "Table", "metadata": {}, "rows": rows});
                    Reply::json(200, table)
                }
                "pods" => {
                    let ready = json!({"type": "Ready", "status": "False", "lastTransitionTime": unready_since.to_string()});
                    let mut pod = object(
                        "db-0",
                        "db",
                        json!({"spec": {"containers": []}, "status": {"phase": "Running", "conditions": [ready]}}),
                    );
                    pod["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
                    Reply::json(200, json!({"metadata": {}, "items": [pod]}))
                }
                _ => answer(seen),
            }
        });
        let fleet = cluster.snapshot(&Scope::All).await.unwrap();
        let states: Vec<_> = fleet.instances().map(|it| it.state()).collect();
        assert_eq!(states, [state], "{unready_since}");
    };
    let now = Timestamp::now();
    check(now - SignedDuration::from_mins(9), State::Rolling).await;
    check(now - SignedDuration::from_mins(11), State::Failing).await;
}

#[tokio::test]
async fn one_look_at_an_instance_goes_on_past_what_is_forbidden() {
    let (cluster, _) = mock::cluster(answer);
    let key = |id: &str| InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: id.parse().unwrap(),
    };
    let detail = cluster
        .snapshot_instance(&key("db"))
        .await
        .unwrap()
        .unwrap();
    let objects: Vec<_> = detail
        .objects()
        .iter()
        .map(|row| row.key.to_string())
        .collect();
    assert_eq!(
        objects,
        [
            "PersistentVolumeClaim/data-db-0",
            "Pod/db-0",
            "StatefulSet/db"
        ]
    );
    assert_eq!(
        (
            detail.pods().len(),
            detail.events().len(),
            detail.forbidden().count()
        ),
        (1, 1, 1)
    );
    assert!(detail.is_complete());
}

#[tokio::test]
async fn what_is_not_there_is_told_from_what_may_not_be_seen() {
    let (empty, _) = mock::cluster(|_| Reply::json(200, json!({"metadata": {}, "items": []})));
    let key = InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: "db".parse().unwrap(),
    };
    assert_eq!(empty.snapshot_instance(&key).await, Ok(None));
    assert!(empty.snapshot(&Scope::All).await.is_ok());
    let (closed, _) = mock::cluster(|_| Reply::status(403, "no"));
    assert_eq!(
        closed.snapshot_instance(&key).await.unwrap_err().kind,
        FailureKind::Forbidden
    );
    let failure = closed.snapshot(&Scope::All).await.unwrap_err();
    let expected = Failure {
        detail: "cannot list records: no".to_owned(),
        ..Failure::new(
            FailureKind::Forbidden,
            "this user may list services neither in all namespaces nor in default: choose one with -n",
        )
    };
    assert_eq!(failure, expected);
    let one = Scope::Namespace("team-a".parse().unwrap());
    let failure = closed.snapshot(&one).await.unwrap_err();
    assert_eq!(failure.summary, "cannot list records: no");
}

#[tokio::test]
async fn one_look_at_all_namespaces_falls_back_to_those_that_may_be_listed() {
    for may_list_namespaces in [true, false] {
        let (cluster, _) = mock::cluster(move |seen| {
            let path = seen.uri.split('?').next().unwrap();
            match path {
                "/api/v1/namespaces" if may_list_namespaces => {
                    let name = |name: &str| json!({"metadata": {"name": name}});
                    let items = json!([name("hidden"), name("team-a"), name("team-b")]);
                    Reply::json(200, json!({"metadata": {}, "items": items}))
                }
                path if !path.contains("/namespaces/") => Reply::status(403, "it is forbidden"),
                path if path.contains("/hidden/") => Reply::status(403, "it is forbidden"),
                path if path.contains("/team-b/statefulsets") => {
                    let mut other = object("db", "db", json!({"spec": {"replicas": 1}}));
                    other["metadata"]["namespace"] = json!("team-b");
                    let items = json!([other]);
                    Reply::json(200, json!({"metadata": {}, "items": items}))
                }
                path if path.contains("/team-b/") => {
                    Reply::json(200, json!({"metadata": {}, "items": []}))
                }
                _ => answer(seen),
            }
        });
        let cluster = cluster.with_namespace("team-a".parse().unwrap());
        let fleet = cluster.snapshot(&Scope::All);
        let fleet = fleet.await.unwrap();
        let seen: Vec<_> = fleet.instances().map(|it| it.key().to_string()).collect();
        let forbidden: Vec<_> = fleet.forbidden().map(|(topic, _)| topic.clone()).collect();
        let expected = match may_list_namespaces {
            true => vec!["team-a/db", "team-b/db"],
            false => vec!["team-a/db"],
        };
        assert_eq!(
            (seen, forbidden),
            (
                expected.into_iter().map(str::to_owned).collect(),
                vec![Topic::Elsewhere]
            )
        );
    }
}

/// A watch of each namespace costs connections, one look does not.
#[tokio::test]
async fn one_look_falls_back_to_as_many_namespaces_as_there_are() {
    let (cluster, _) = mock::cluster(|seen| {
        let path = seen.uri.split('?').next().unwrap();
        let items = match path {
            "/api/v1/namespaces" => (0..40)
                .map(|n| json!({"metadata": {"name": format!("team-{n:02}")}}))
                .collect(),
            path if !path.contains("/namespaces/") => return Reply::status(403, "it is forbidden"),
            path if path.ends_with("/team-39/statefulsets") => {
                let mut last = object("db", "db", json!({"spec": {"replicas": 1}}));
                last["metadata"]["namespace"] = json!("team-39");
                vec![last]
            }
            _ => Vec::new(),
        };
        Reply::json(200, json!({"metadata": {}, "items": items}))
    });
    let fleet = cluster.snapshot(&Scope::All).await.unwrap();
    let seen: Vec<_> = fleet.instances().map(|it| it.key().to_string()).collect();
    assert_eq!(seen, ["team-39/db"]);
}
