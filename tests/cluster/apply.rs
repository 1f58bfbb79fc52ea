//! Server-side apply: who owns which field, what a conflict says, what is refused.

use serde_json::{Value, json};

use crate::cluster::{Cause, Cluster, Refusal};
use crate::objects::{claim, config_map, deployment, labelled, service, with_metadata};

const LABEL: &str = "app.kubernetes.io/instance";

pub(crate) async fn a_manager_for_each_instance_protects_it_from_the_others(cluster: Cluster) {
    cluster
        .apply("bowline/web", &labelled("shared", LABEL, "web"))
        .await
        .unwrap();
    let refusal = cluster
        .apply("bowline/other", &labelled("shared", LABEL, "other"))
        .await
        .unwrap_err();
    let expected = Refusal {
        code: 409,
        reason: "Conflict".into(),
        message: format!(
            "Apply failed with 1 conflict: conflict with \"bowline/web\": .metadata.labels.{LABEL}"
        ),
        causes: vec![Cause(
            "FieldManagerConflict".into(),
            format!(".metadata.labels.{LABEL}"),
            "conflict with \"bowline/web\"".into(),
        )],
        about: "/".into(),
    };
    assert_eq!(refusal, expected);
}

pub(crate) async fn one_manager_for_all_would_take_the_object_over(cluster: Cluster) {
    cluster
        .apply("bowline", &labelled("shared", LABEL, "web"))
        .await
        .unwrap();
    let taken = cluster
        .apply("bowline", &labelled("shared", LABEL, "other"))
        .await
        .unwrap();
    assert_eq!(taken["metadata"]["labels"], json!({LABEL: "other"}));
}

pub(crate) async fn what_a_manager_leaves_out_is_removed(cluster: Cluster) {
    let record = with_metadata(
        config_map("record", json!({"revision": "1"})),
        "annotations",
        json!({"note": "x"}),
    );
    cluster.apply("bowline/web", &record).await.unwrap();
    let heartbeat = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "record", "annotations": {"heartbeat": "1"}},
    });
    let applied = cluster.apply("bowline/web", &heartbeat).await.unwrap();
    assert_eq!(
        (&applied["data"], &applied["metadata"]["annotations"]),
        (&Value::Null, &json!({"heartbeat": "1"}))
    );
}

pub(crate) async fn a_stale_resource_version_conflicts_even_if_nothing_changes(cluster: Cluster) {
    let object = config_map("settings", json!({"a": "1"}));
    let created = cluster.apply("bowline/web", &object).await.unwrap();
    cluster
        .merge("ConfigMap", "settings", &json!({"data": {"b": "2"}}))
        .await
        .unwrap();
    let stale = with_metadata(
        object,
        "resourceVersion",
        created["metadata"]["resourceVersion"].clone(),
    );
    let refusal = cluster.apply("bowline/web", &stale).await.unwrap_err();
    refusal.check(
        409,
        "Conflict",
        "the object has been modified; please apply your changes to the latest version",
    );
    assert_eq!(refusal.causes, []);
}

pub(crate) async fn a_resource_version_does_not_keep_a_deleted_object_dead(cluster: Cluster) {
    let object = config_map("settings", json!({"a": "1"}));
    let created = cluster.apply("bowline/web", &object).await.unwrap();
    cluster
        .delete("ConfigMap", "settings", json!({}))
        .await
        .unwrap();
    let late = with_metadata(
        object,
        "resourceVersion",
        created["metadata"]["resourceVersion"].clone(),
    );
    let resurrected = cluster.apply("bowline/web", &late).await.unwrap();
    assert_ne!(resurrected["metadata"]["uid"], created["metadata"]["uid"]);
}

pub(crate) async fn a_uid_keeps_a_deleted_object_dead(cluster: Cluster) {
    let object = config_map("settings", json!({"a": "1"}));
    let created = cluster.apply("bowline/web", &object).await.unwrap();
    cluster
        .delete("ConfigMap", "settings", json!({}))
        .await
        .unwrap();
    let late = with_metadata(object, "uid", created["metadata"]["uid"].clone());
    let refusal = cluster.apply("bowline/web", &late).await.unwrap_err();
    refusal.check(
        409,
        "Conflict",
        "uid mismatch: the provided object specified uid ",
    );
    refusal.check(409, "Conflict", ", and no existing object was found");
}

pub(crate) async fn a_uid_refuses_an_object_that_was_made_again(cluster: Cluster) {
    let object = config_map("settings", json!({"a": "1"}));
    let first = cluster.apply("bowline/web", &object).await.unwrap();
    cluster
        .delete("ConfigMap", "settings", json!({}))
        .await
        .unwrap();
    cluster.apply("bowline/web", &object).await.unwrap();
    let late = with_metadata(object, "uid", first["metadata"]["uid"].clone());
    let refusal = cluster.apply("bowline/web", &late).await.unwrap_err();
    refusal.check(422, "Invalid", "field is immutable");
    assert!(
        refusal
            .fields()
            .iter()
            .all(|field| *field == "metadata.uid"),
        "{refusal:?}"
    );
}

pub(crate) async fn a_conflict_names_the_field_and_its_manager(cluster: Cluster) {
    cluster
        .apply("bowline/web", &deployment("web", "nginx:1", 1))
        .await
        .unwrap();
    let edit = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "nginx:2"}]);
    cluster
        .json_patch("Deployment", "web", &edit)
        .await
        .unwrap();
    let refusal = cluster
        .apply("bowline/web", &deployment("web", "nginx:3", 1))
        .await
        .unwrap_err();
    refusal.check(409, "Conflict", "Apply failed with 1 conflict");
    let field = ".spec.template.spec.containers[name=\"main\"].image";
    let message = "conflict with \"tester\" using apps/v1";
    assert_eq!(
        refusal.causes,
        [Cause(
            "FieldManagerConflict".into(),
            field.into(),
            message.into()
        )]
    );
}

pub(crate) async fn a_conflict_over_a_scaled_workload_names_the_subresource(cluster: Cluster) {
    cluster
        .apply("bowline/web", &deployment("web", "nginx:1", 1))
        .await
        .unwrap();
    cluster
        .merge_as(
            "kubectl",
            "Deployment",
            "web/scale",
            &json!({"spec": {"replicas": 2}}),
        )
        .await
        .unwrap();
    let refusal = cluster
        .apply("bowline/web", &deployment("web", "nginx:1", 3))
        .await
        .unwrap_err();
    let message = "conflict with \"kubectl\" with subresource \"scale\" using apps/v1";
    assert_eq!(
        refusal.causes,
        [Cause(
            "FieldManagerConflict".into(),
            ".spec.replicas".into(),
            message.into()
        )]
    );
}

pub(crate) async fn our_own_scaling_conflicts_with_ourselves(cluster: Cluster) {
    cluster
        .apply("bowline/web", &deployment("web", "nginx:1", 1))
        .await
        .unwrap();
    cluster
        .merge_as(
            "bowline/web",
            "Deployment",
            "web/scale",
            &json!({"spec": {"replicas": 2}}),
        )
        .await
        .unwrap();
    let refusal = cluster
        .apply("bowline/web", &deployment("web", "nginx:1", 3))
        .await
        .unwrap_err();
    refusal.check(
        409,
        "Conflict",
        "conflict with \"bowline/web\" with subresource \"scale\"",
    );
}

/// The environment of the first container, as name and value.
fn env(object: &Value) -> Vec<(&str, &str)> {
    let env = object["spec"]["template"]["spec"]["containers"][0]["env"].as_array();
    env.into_iter()
        .flatten()
        .map(|pair| {
            (
                pair["name"].as_str().unwrap(),
                pair["value"].as_str().unwrap(),
            )
        })
        .collect()
}

fn with_env(mut deployment: Value, env: Value) -> Value {
    deployment["spec"]["template"]["spec"]["containers"][0]["env"] = env;
    deployment
}

pub(crate) async fn force_takes_fields_but_leaves_what_others_added(cluster: Cluster) {
    let ours = |level: &str| {
        with_env(
            deployment("web", "nginx:1", 0),
            json!([{"name": "LEVEL", "value": level}]),
        )
    };
    cluster.apply("bowline/web", &ours("info")).await.unwrap();
    let edit = json!([
        {"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": "debug"},
        {"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "EXTRA", "value": "1"}},
    ]);
    cluster
        .json_patch("Deployment", "web", &edit)
        .await
        .unwrap();
    let forced = cluster.force("bowline/web", &ours("warn")).await.unwrap();
    assert_eq!(env(&forced), [("LEVEL", "warn"), ("EXTRA", "1")]);
    cluster
        .apply("bowline/web", &ours("error"))
        .await
        .expect("the field is ours again");
}

pub(crate) async fn equal_values_are_owned_together(cluster: Cluster) {
    let object = labelled("shared", "tier", "web");
    cluster.apply("one", &object).await.unwrap();
    cluster
        .apply("two", &object)
        .await
        .expect("an equal value is no conflict");
    let without = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}});
    let still = cluster.apply("one", &without).await.unwrap();
    assert_eq!(
        still["metadata"]["labels"],
        json!({"tier": "web"}),
        "the other owner still wants it"
    );
    let gone = cluster.apply("two", &without).await.unwrap();
    assert_eq!(gone["metadata"]["labels"], Value::Null);
}

pub(crate) async fn fields_of_client_side_apply_stay_until_their_ownership_is_migrated(
    cluster: Cluster,
) {
    const THEIRS: &str = "kubectl-client-side-apply";
    let path = format!("{}?fieldManager={THEIRS}", cluster.path("ConfigMap"));
    let object = with_metadata(
        config_map("settings", json!({"kept": "1", "dropped": "1"})),
        "annotations",
        json!({"kubectl.kubernetes.io/last-applied-configuration": "{}"}),
    );
    crate::cluster::ask(&cluster.admin, http::Method::POST, &path, Some(&object))
        .await
        .unwrap();

    let ours = config_map("settings", json!({"kept": "1"}));
    let applied = cluster.apply("bowline/web", &ours).await.unwrap();
    assert_eq!(
        applied["data"],
        json!({"kept": "1", "dropped": "1"}),
        "it is theirs as well"
    );

    let entries = applied["metadata"]["managedFields"].as_array().unwrap();
    let entry_idx = entries
        .iter()
        .position(|entry| entry["manager"] == THEIRS)
        .unwrap();
    let ours_idx = entries
        .iter()
        .position(|entry| entry["manager"] == "bowline/web")
        .unwrap();
    let migration = json!([
        {"op": "test", "path": format!("/metadata/managedFields/{entry_idx}/manager"), "value": THEIRS},
        {"op": "replace", "path": format!("/metadata/managedFields/{entry_idx}/manager"), "value": "bowline/web"},
        {"op": "replace", "path": format!("/metadata/managedFields/{entry_idx}/operation"), "value": "Apply"},
        {"op": "remove", "path": format!("/metadata/managedFields/{ours_idx}")},
        {"op": "remove", "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": applied["metadata"]["resourceVersion"]},
    ]);
    cluster
        .json_patch("ConfigMap", "settings", &migration)
        .await
        .unwrap();
    let applied = cluster.apply("bowline/web", &ours).await.unwrap();
    assert_eq!(applied["data"], json!({"kept": "1"}));
}

/// Asserts that a deployment changed like this is refused as not fitting the schema.
async fn check_schema_refusal(cluster: &Cluster, path: &str, value: Value, words: &str) {
    let mut object = deployment("web", "nginx:1", 1);
    let (parent, key) = path.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[key] = value;
    let refusal = cluster.apply("bowline/web", &object).await.unwrap_err();
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (500, ""),
        "{refusal:?}"
    );
    assert_eq!(refusal.causes, []);
    assert!(
        refusal
            .message
            .starts_with("failed to create typed patch object ("),
        "{refusal:?}"
    );
    assert!(refusal.message.contains(words), "{refusal:?}");
}

pub(crate) async fn an_unknown_field_is_a_server_error_that_means_invalid(cluster: Cluster) {
    let words = ".spec.prts: field not declared in schema";
    check_schema_refusal(&cluster, "/spec/prts", json!(1), words).await;
}

pub(crate) async fn a_field_of_the_wrong_type_is_a_server_error_that_means_invalid(
    cluster: Cluster,
) {
    let words = ".spec.replicas: expected numeric (int or float), got string";
    check_schema_refusal(&cluster, "/spec/replicas", json!("two"), words).await;
}

pub(crate) async fn a_duplicate_list_key_is_a_server_error_that_means_invalid(cluster: Cluster) {
    let twice = json!([{"name": "main", "image": "a", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}]);
    let words = "duplicate entries for key [name=\"A\"]";
    check_schema_refusal(&cluster, "/spec/template/spec/containers", twice, words).await;
}

/// Asserts what the one who created an object owns of it.
async fn check_owned(cluster: &Cluster, object: Value, expected: Value) {
    let created = cluster.create(&object).await.unwrap();
    let entries = created["metadata"]["managedFields"].as_array().unwrap();
    let owned: Vec<&Value> = entries.iter().map(|entry| &entry["fieldsV1"]).collect();
    assert_eq!(owned, [&expected]);
}

pub(crate) async fn what_admission_adds_is_nobodys(cluster: Cluster) {
    let of_claim = json!({"f:spec": {
        "f:accessModes": {}, "f:resources": {"f:requests": {".": {}, "f:storage": {}}}, "f:volumeMode": {},
    }});
    check_owned(&cluster, claim("data", "1Gi"), of_claim).await;

    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"},
        "spec": {"containers": [{"name": "main", "image": "nginx:1"}]}});
    let of_pod = json!({"f:spec": {
        "f:containers": {"k:{\"name\":\"main\"}": {
            ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {}, "f:resources": {},
            "f:terminationMessagePath": {}, "f:terminationMessagePolicy": {},
        }},
        "f:dnsPolicy": {}, "f:enableServiceLinks": {}, "f:restartPolicy": {}, "f:schedulerName": {},
        "f:securityContext": {}, "f:terminationGracePeriodSeconds": {},
    }});
    check_owned(&cluster, pod, of_pod).await;

    let of_service = json!({"f:spec": {
        "f:internalTrafficPolicy": {},
        "f:ports": {".": {}, "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}}},
        "f:selector": {}, "f:sessionAffinity": {}, "f:type": {},
    }});
    check_owned(&cluster, service("web", json!([{"port": 80}])), of_service).await;
}

pub(crate) async fn applying_the_same_again_changes_nothing(cluster: Cluster) {
    let object = config_map("settings", json!({"a": "1"}));
    let first = cluster.apply("bowline/web", &object).await.unwrap();
    let second = cluster.apply("bowline/web", &object).await.unwrap();
    assert_eq!(first, second);
}

pub(crate) async fn applying_to_a_terminating_object_is_accepted_and_lost(cluster: Cluster) {
    let object = config_map("held", json!({"a": "1"}));
    let held = with_metadata(object.clone(), "finalizers", json!(["bowline.dev/hold"]));
    cluster.create(&held).await.unwrap();
    cluster
        .delete("ConfigMap", "held", json!({}))
        .await
        .unwrap();
    let answer = cluster
        .apply_with(
            &cluster.admin,
            "bowline/web",
            &config_map("held", json!({"b": "2"})),
            "",
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
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

pub(crate) async fn a_secret_loses_keys_that_are_left_out_but_never_those_of_string_data(
    cluster: Cluster,
) {
    let secret = |field: &str, data: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("by-{}", field.to_lowercase())}, field: data});
    cluster
        .apply(
            "bowline/web",
            &secret("data", json!({"a": "MQ==", "b": "Mg=="})),
        )
        .await
        .unwrap();
    let applied = cluster
        .apply("bowline/web", &secret("data", json!({"a": "MQ=="})))
        .await
        .unwrap();
    assert_eq!(applied["data"], json!({"a": "MQ=="}));
    cluster
        .apply(
            "bowline/web",
            &secret("stringData", json!({"a": "1", "b": "2"})),
        )
        .await
        .unwrap();
    let applied = cluster
        .apply("bowline/web", &secret("stringData", json!({"a": "1"})))
        .await
        .unwrap();
    assert_eq!(applied["data"], json!({"a": "MQ==", "b": "Mg=="}));
}

pub(crate) async fn a_dry_run_stores_nothing(cluster: Cluster) {
    let object = deployment("web", "nginx:1", 1);
    let answer = cluster
        .apply_with(&cluster.admin, "bowline/web", &object, "&dryRun=All")
        .await;
    let rehearsed = answer.value().unwrap();
    assert_eq!(
        rehearsed["spec"]["strategy"]["type"], "RollingUpdate",
        "the defaults show"
    );
    let refusal = cluster.get("Deployment", "web").await.unwrap_err();
    refusal.check(404, "NotFound", "deployments.apps \"web\" not found");
}
