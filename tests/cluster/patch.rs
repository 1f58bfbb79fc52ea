//! Merge and JSON patches: how an operation is claimed, and how nothing is brought back to life.

use serde_json::json;

use crate::cluster::Cluster;
use crate::objects::config_map;

pub(crate) async fn a_merge_patch_with_a_stale_resource_version_conflicts(cluster: Cluster) {
    let created = cluster
        .create(&config_map("record", json!({"a": "1"})))
        .await
        .unwrap();
    cluster
        .merge("ConfigMap", "record", &json!({"data": {"a": "2"}}))
        .await
        .unwrap();
    let stale = json!({"metadata": {"resourceVersion": created["metadata"]["resourceVersion"]}, "data": {"a": "3"}});
    let refusal = cluster
        .merge("ConfigMap", "record", &stale)
        .await
        .unwrap_err();
    refusal.check(409, "Conflict", "the object has been modified");
    assert_eq!(refusal.causes, []);
    assert_eq!(refusal.about, "configmaps/record");
}

pub(crate) async fn a_merge_patch_of_a_missing_object_creates_nothing(cluster: Cluster) {
    let refusal = cluster
        .merge("ConfigMap", "record", &json!({"data": {"a": "1"}}))
        .await
        .unwrap_err();
    refusal.check(404, "NotFound", "configmaps \"record\" not found");
}

pub(crate) async fn a_patched_annotation_survives_a_later_apply(cluster: Cluster) {
    let record = config_map("record", json!({"revision": "1"}));
    cluster.apply("bowline/web", &record).await.unwrap();
    let operation = json!({"metadata": {"annotations": {"bowline.dev/operation": "{}"}}});
    cluster
        .merge_as("bowline/web", "ConfigMap", "record", &operation)
        .await
        .unwrap();
    let applied = cluster
        .apply(
            "bowline/web",
            &config_map("record", json!({"revision": "2"})),
        )
        .await
        .unwrap();
    assert_eq!(
        (&applied["data"], &applied["metadata"]["annotations"]),
        (
            &json!({"revision": "2"}),
            &json!({"bowline.dev/operation": "{}"})
        )
    );
}

pub(crate) async fn of_two_claims_with_one_resource_version_one_wins(cluster: Cluster) {
    let record = cluster
        .create(&config_map("record", json!({})))
        .await
        .unwrap();
    let claim = |holder: &str| {
        json!({"metadata": {
            "resourceVersion": record["metadata"]["resourceVersion"],
            "annotations": {"bowline.dev/operation": holder},
        }})
    };
    let (one, two) = (claim("one"), claim("two"));
    let claims = futures::join!(
        cluster.merge("ConfigMap", "record", &one),
        cluster.merge("ConfigMap", "record", &two)
    );
    let codes = [&claims.0, &claims.1]
        .map(|claim| claim.as_ref().map_or_else(|refusal| refusal.code, |_| 200));
    assert!(codes == [200, 409] || codes == [409, 200], "{codes:?}");
}

pub(crate) async fn a_json_patch_whose_test_fails_changes_nothing(cluster: Cluster) {
    let created = cluster
        .create(&config_map("record", json!({"a": "1"})))
        .await
        .unwrap();
    let patch = json!([
        {"op": "test", "path": "/data/a", "value": "2"},
        {"op": "replace", "path": "/data/a", "value": "3"},
    ]);
    let refusal = cluster
        .json_patch("ConfigMap", "record", &patch)
        .await
        .unwrap_err();
    assert_eq!(refusal.code, 422, "{refusal:?}");
    assert_eq!(cluster.get("ConfigMap", "record").await.unwrap(), created);
}
