//! Claims and volumes: how they are made, bound, kept and bound again.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{claim, stateful_set_with_claim};

const CLAIM: &str = "PersistentVolumeClaim";
const FOREGROUND: &str = "Foreground";

fn is_bound(claim: &Value) -> bool {
    claim["status"]["phase"] == "Bound"
}

fn size(claim: &Value) -> &str {
    claim["status"]["capacity"]["storage"].as_str().unwrap()
}

async fn delete_set(cluster: &Cluster, name: &str) {
    cluster
        .delete(
            "StatefulSet",
            name,
            json!({"propagationPolicy": FOREGROUND}),
        )
        .await
        .unwrap();
    cluster.until_gone("StatefulSet", name).await;
}

pub(crate) async fn claims_from_templates_bind_and_carry_the_templates_labels_only(
    cluster: Cluster,
) {
    let mut set = stateful_set_with_claim("db", 2, "1Gi");
    set["metadata"]["labels"] = json!({"applyset.kubernetes.io/part-of": "x"});
    cluster.apply("bowline/db", &set).await.unwrap();
    for name in ["data-db-0", "data-db-1"] {
        let claim = cluster.until(CLAIM, name, is_bound).await;
        assert_eq!(
            claim["metadata"]["labels"],
            // The controller adds the selector's labels to the template's; nothing of the set itself comes along.
            json!({"app": "db", "app.kubernetes.io/instance": "db"})
        );
        assert_eq!(claim["metadata"]["ownerReferences"], Value::Null);
        assert_eq!(size(&claim), "1Gi");
        assert_eq!(claim["spec"]["storageClassName"], "standard");
    }
}

pub(crate) async fn claims_of_a_set_that_deletes_them_are_owned_until_it_retains_them(
    cluster: Cluster,
) {
    let mut set = stateful_set_with_claim("db", 1, "1Gi");
    set["spec"]["persistentVolumeClaimRetentionPolicy"] =
        json!({"whenDeleted": "Delete", "whenScaled": "Retain"});
    cluster.apply("bowline/db", &set).await.unwrap();
    let owned = cluster
        .until(CLAIM, "data-db-0", |claim| {
            claim["metadata"]["ownerReferences"].is_array()
        })
        .await;
    assert_eq!(
        owned["metadata"]["ownerReferences"][0]["kind"],
        "StatefulSet"
    );
    let retain =
        json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}});
    cluster.merge("StatefulSet", "db", &retain).await.unwrap();
    let is_free =
        |claim: &Value| !claim.is_null() && claim["metadata"]["ownerReferences"].is_null();
    cluster.until(CLAIM, "data-db-0", is_free).await;
    delete_set(&cluster, "db").await;
    let kept = cluster.until(CLAIM, "data-db-0", is_bound).await;
    assert_eq!(kept["metadata"]["uid"], owned["metadata"]["uid"]);
}

pub(crate) async fn a_claim_in_use_stays_until_its_pod_is_gone(cluster: Cluster) {
    cluster
        .apply("bowline/db", &stateful_set_with_claim("db", 1, "1Gi"))
        .await
        .unwrap();
    cluster
        .until("StatefulSet", "db", |db| db["status"]["readyReplicas"] == 1)
        .await;
    let held = cluster.delete(CLAIM, "data-db-0", json!({})).await.unwrap();
    assert_eq!(
        held["metadata"]["finalizers"],
        json!(["kubernetes.io/pvc-protection"])
    );
    let before = cluster.get(CLAIM, "data-db-0").await.unwrap();
    assert!(before["metadata"]["deletionTimestamp"].is_string());
    delete_set(&cluster, "db").await;
    cluster.until_gone(CLAIM, "data-db-0").await;
}

pub(crate) async fn a_kept_claim_is_bound_again_as_it_was(cluster: Cluster) {
    cluster
        .apply("bowline/db", &stateful_set_with_claim("db", 1, "1Gi"))
        .await
        .unwrap();
    let first = cluster.until(CLAIM, "data-db-0", is_bound).await;
    delete_set(&cluster, "db").await;
    cluster
        .apply("bowline/db", &stateful_set_with_claim("db", 1, "5Gi"))
        .await
        .unwrap();
    cluster
        .until("StatefulSet", "db", |db| db["status"]["readyReplicas"] == 1)
        .await;
    let second = cluster.get(CLAIM, "data-db-0").await.unwrap();
    assert_eq!(
        (&second["metadata"]["uid"], size(&second)),
        (&first["metadata"]["uid"], "1Gi")
    );
    let pod = cluster.get("Pod", "db-0").await.unwrap();
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let mounted = volumes
        .iter()
        .find(|volume| volume["name"] == "data")
        .unwrap();
    assert_eq!(mounted["persistentVolumeClaim"]["claimName"], "data-db-0");
}

/// Creates a claim and returns it once bound.
async fn bound_claim(cluster: &Cluster, name: &str) -> Value {
    cluster.create(&claim(name, "1Gi")).await.unwrap();
    cluster.until(CLAIM, name, is_bound).await
}

fn volume_of(claim: &Value) -> &str {
    claim["spec"]["volumeName"].as_str().unwrap()
}

pub(crate) async fn a_deleted_claim_takes_its_volume_along(cluster: Cluster) {
    let claim = bound_claim(&cluster, "data").await;
    let volume = cluster
        .get("PersistentVolume", volume_of(&claim))
        .await
        .unwrap();
    assert_eq!(volume["spec"]["persistentVolumeReclaimPolicy"], "Delete");
    assert_eq!(volume["spec"]["claimRef"]["uid"], claim["metadata"]["uid"]);
    cluster.delete(CLAIM, "data", json!({})).await.unwrap();
    cluster.until_gone(CLAIM, "data").await;
    cluster
        .until_gone("PersistentVolume", volume_of(&claim))
        .await;
}

pub(crate) async fn a_retained_volume_is_bound_again_once_it_is_released(cluster: Cluster) {
    let first = bound_claim(&cluster, "data").await;
    let volume = volume_of(&first);
    let retain = json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}});
    cluster
        .merge("PersistentVolume", volume, &retain)
        .await
        .unwrap();
    cluster.delete(CLAIM, "data", json!({})).await.unwrap();
    cluster
        .until("PersistentVolume", volume, |volume| {
            volume["status"]["phase"] == "Released"
        })
        .await;

    let release = json!({"spec": {"claimRef": {"uid": null, "resourceVersion": null}}});
    cluster
        .merge("PersistentVolume", volume, &release)
        .await
        .unwrap();
    cluster
        .until("PersistentVolume", volume, |volume| {
            volume["status"]["phase"] == "Available"
        })
        .await;
    let second = bound_claim(&cluster, "data").await;
    assert_eq!(volume_of(&second), volume);
    assert_ne!(second["metadata"]["uid"], first["metadata"]["uid"]);
    let volume = cluster.get("PersistentVolume", volume).await.unwrap();
    assert_eq!(volume["spec"]["persistentVolumeReclaimPolicy"], "Retain");
}

pub(crate) async fn a_claim_of_an_unknown_class_stays_pending_and_an_event_says_why(
    cluster: Cluster,
) {
    let mut object = claim("data", "1Gi");
    object["spec"]["storageClassName"] = json!("no-such-class");
    let created = cluster.create(&object).await.unwrap();
    let uid = created["metadata"]["uid"].as_str().unwrap();
    let about = format!(
        "fieldSelector=involvedObject.kind%3D{CLAIM},involvedObject.name%3Ddata,involvedObject.uid%3D{uid}"
    );
    let events = cluster
        .until_all("Event", &about, |events| !events.is_empty())
        .await;
    let said = (
        &events[0]["type"],
        &events[0]["reason"],
        &events[0]["message"],
    );
    let message = json!("storageclass.storage.k8s.io \"no-such-class\" not found");
    assert_eq!(
        said,
        (&json!("Warning"), &json!("ProvisioningFailed"), &message)
    );
    assert_eq!(
        cluster.get(CLAIM, "data").await.unwrap()["status"],
        json!({"phase": "Pending"})
    );
}
