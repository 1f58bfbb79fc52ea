//! Deleting: preconditions, propagation, finalizers.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{config_map, deployment, stateful_set, with_metadata};

pub(crate) async fn a_wrong_uid_deletes_nothing(cluster: Cluster) {
    let created = cluster
        .create(&config_map("settings", json!({})))
        .await
        .unwrap();
    let wrong = json!({"preconditions": {"uid": "00000000-0000-0000-0000-000000000000"}});
    let refusal = cluster
        .delete("ConfigMap", "settings", wrong)
        .await
        .unwrap_err();
    refusal.check(409, "Conflict", "the UID in the precondition");
    let right = json!({"preconditions": {"uid": created["metadata"]["uid"]}});
    cluster
        .delete("ConfigMap", "settings", right)
        .await
        .unwrap();
    cluster
        .get("ConfigMap", "settings")
        .await
        .unwrap_err()
        .check(404, "NotFound", "");
}

pub(crate) async fn a_missing_object_is_not_found(cluster: Cluster) {
    let refusal = cluster
        .delete("StatefulSet", "db", json!({}))
        .await
        .unwrap_err();
    refusal.check(404, "NotFound", "statefulsets.apps \"db\" not found");
    assert_eq!(refusal.about, "statefulsets/db");
}

pub(crate) async fn foreground_deletion_ends_with_the_workload(cluster: Cluster) {
    cluster
        .create(&deployment("web", "nginx:1", 2))
        .await
        .unwrap();
    cluster
        .create(&stateful_set("db", "db:1", 2))
        .await
        .unwrap();
    cluster
        .until("Deployment", "web", |web| {
            web["status"]["readyReplicas"] == 2
        })
        .await;
    cluster
        .until("StatefulSet", "db", |db| db["status"]["readyReplicas"] == 2)
        .await;
    for (kind, name) in [("Deployment", "web"), ("StatefulSet", "db")] {
        let answer = cluster
            .delete(kind, name, json!({"propagationPolicy": "Foreground"}))
            .await
            .unwrap();
        assert_eq!(
            answer["metadata"]["finalizers"],
            json!(["foregroundDeletion"])
        );
        assert!(answer["metadata"]["deletionTimestamp"].is_string());
        cluster.until_gone(kind, name).await;
        assert_eq!(
            cluster.list("Pod", &format!("app={name}")).await,
            [] as [Value; 0],
            "the pods go first"
        );
        assert_eq!(
            cluster.list("ReplicaSet", &format!("app={name}")).await,
            [] as [Value; 0]
        );
    }
}

pub(crate) async fn background_deletion_collects_what_is_owned(cluster: Cluster) {
    cluster
        .create(&deployment("web", "nginx:1", 2))
        .await
        .unwrap();
    cluster
        .until("Deployment", "web", |web| {
            web["status"]["readyReplicas"] == 2
        })
        .await;
    cluster
        .delete(
            "Deployment",
            "web",
            json!({"propagationPolicy": "Background"}),
        )
        .await
        .unwrap();
    cluster
        .get("Deployment", "web")
        .await
        .unwrap_err()
        .check(404, "NotFound", "");
    cluster
        .until_all("Pod", "labelSelector=app%3Dweb", <[Value]>::is_empty)
        .await;
    cluster
        .until_all("ReplicaSet", "labelSelector=app%3Dweb", <[Value]>::is_empty)
        .await;
}

pub(crate) async fn a_finalizer_holds_an_object(cluster: Cluster) {
    let held = with_metadata(
        config_map("held", json!({"a": "1"})),
        "finalizers",
        json!(["bowline.dev/hold"]),
    );
    cluster.create(&held).await.unwrap();
    let answer = cluster
        .delete("ConfigMap", "held", json!({}))
        .await
        .unwrap();
    assert!(
        answer["metadata"]["deletionTimestamp"].is_string(),
        "the object itself is the answer: {answer}"
    );
    let again = cluster
        .delete("ConfigMap", "held", json!({}))
        .await
        .unwrap();
    assert_eq!(
        again["metadata"]["deletionTimestamp"],
        answer["metadata"]["deletionTimestamp"]
    );
    cluster
        .merge(
            "ConfigMap",
            "held",
            &json!({"metadata": {"finalizers": null}}),
        )
        .await
        .unwrap();
    cluster.until_gone("ConfigMap", "held").await;
}

pub(crate) async fn a_records_revisions_go_with_it(cluster: Cluster) {
    let record = cluster
        .create(&config_map("bowline-web", json!({})))
        .await
        .unwrap();
    let owner = json!([{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "bowline-web", "uid": record["metadata"]["uid"],
    }]);
    let mut revision = with_metadata(
        config_map("bowline-web.r1", json!({})),
        "ownerReferences",
        owner,
    );
    revision["immutable"] = json!(true);
    cluster.create(&revision).await.unwrap();
    cluster
        .delete("ConfigMap", "bowline-web", json!({}))
        .await
        .unwrap();
    cluster.until_gone("ConfigMap", "bowline-web.r1").await;
}
