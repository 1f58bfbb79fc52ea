//! Adoption: what other tools made becomes an instance's own, down to the fields that it must be able to remove.

use bowline::engine::plan::VolumeChoice;
use bowline::engine::progress::Step;
use bowline::engine::remedy::Remedy;
use bowline::failure::FailureKind;
use bowline::service::health::State;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::engine::stage::{Stage, changes, claiming_set};
use crate::objects::{claim, config_map, deployment, service};

/// Makes a `ConfigMap` of the name that the web's would have.
const WEB: &str = "
containers:
  - {name: web, image: 'nginx:1.27', ports: [{name: http, port: 80}]}
config: {LEVEL: info}
";

/// What Helm would have left.
fn of_helm(mut object: Value) -> Value {
    object["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "Helm"});
    object["metadata"]["annotations"] = json!({
        "meta.helm.sh/release-name": "shop",
        "meta.helm.sh/release-namespace": "team",
        "team": "a",
    });
    object
}

pub(crate) async fn what_others_made_is_refused_until_it_is_adopted(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let theirs = config_map("web-config", json!({"LEVEL": "debug", "OLD": "1"}));
    cluster.create(&of_helm(theirs)).await.unwrap();
    let plan = stage.plan("web", WEB).await;
    let told = &plan.refusals[0].summary;
    assert!(
        told.contains("ConfigMap/web-config exists already, and it belongs to Helm release shop"),
        "{told}"
    );

    let plan = stage.plan_adopt("web", WEB).await;
    let rows: Vec<_> = plan
        .rows
        .iter()
        .map(|row| {
            (
                row.key.to_string(),
                row.owner.as_deref(),
                row.managers.len(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [(
            "ConfigMap/web-config".to_owned(),
            Some("Helm release shop"),
            1
        )]
    );
    let outcome = stage.run_adopt(&plan).await;
    let [Step::Adopt(key)] = outcome.done.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(key.name, "web-config");
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(live["data"], json!({"LEVEL": "debug", "OLD": "1"}));
    assert_eq!(live["metadata"]["annotations"], json!({"team": "a"}));
    assert!(stage.plan_adopt("web", WEB).await.rows.is_empty());
    // No deploy of it is amiss: it is as it was found.
    let engine = stage.engine();
    let seen = engine.snapshot_instance(&stage.key("web")).await.unwrap();
    let health = seen.unwrap().health(engine.now());
    assert_eq!((health.state, health.reason), (State::Ready, None));

    // The next deploy removes what the definition does not have, though another tool wrote it.
    let plan = stage.plan("web", WEB).await;
    assert_eq!(
        changes(&plan),
        [
            "Update ConfigMap/web-config",
            "Create Service/web",
            "Create Deployment/web"
        ]
    );
    let outcome = stage.run("web", WEB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(live["data"], json!({"LEVEL": "info"}));
    assert!(stage.plan("web", WEB).await.is_noop());
    let outcome = stage.teardown("web", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("web", &[]).await;
}

pub(crate) async fn fields_that_an_editor_added_go_after_adoption(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let more = json!({"data": {"EXTRA": "1"}});
    cluster
        .merge_as("kubectl-edit", "ConfigMap", "web-config", &more)
        .await
        .unwrap();
    // It is nobody's business until somebody says so.
    assert!(stage.plan("web", WEB).await.is_noop());
    let plan = stage.plan_adopt("web", WEB).await;
    let row = plan
        .rows
        .iter()
        .find(|row| row.key.kind == "ConfigMap")
        .unwrap();
    assert_eq!(row.owner, None);
    assert!(row.managers.contains("kubectl-edit"), "{row:?}");
    assert!(stage.run_adopt(&plan).await.is_complete());
    stage.deploy("web", WEB).await;
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(live["data"], json!({"LEVEL": "info"}));
}

/// Applies a part of the web's config, as another tool that applies on the server.
async fn apply_beside(cluster: &Cluster, data: Value) {
    let beside = config_map("web-config", data);
    cluster.apply("kubectl", &beside).await.unwrap();
}

/// Returns the keys of the web's config that a manager owns.
async fn keys_of(cluster: &Cluster, manager: &str) -> Vec<String> {
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    let theirs = entries.iter().filter(|entry| entry["manager"] == manager);
    let keys = theirs.flat_map(|entry| entry["fieldsV1"]["f:data"].as_object());
    let keys = keys.flat_map(|data| data.keys().filter_map(|key| key.strip_prefix("f:")));
    keys.map(str::to_owned).collect()
}

pub(crate) async fn what_is_owned_together_becomes_the_instances_alone(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    apply_beside(&cluster, json!({"LEVEL": "info", "EXTRA": "1"})).await;
    let plan = stage.plan_adopt("web", WEB).await;
    let [row] = plan.rows.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(row.belonging(), "fields shared with kubectl");
    let outcome = stage.run_adopt(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(keys_of(&cluster, "bowline/web").await, ["LEVEL"]);
    assert_eq!(keys_of(&cluster, "kubectl").await, ["EXTRA"]);
    assert!(stage.plan_adopt("web", WEB).await.rows.is_empty());

    // What leaves the definition goes, and nobody is asked about a change of it.
    let changed = WEB.replace("info", "debug");
    let plan = stage.plan("web", &changed).await;
    assert_eq!(
        (plan.conflicts.as_slice(), plan.warnings.len()),
        ([].as_slice(), 0)
    );
    assert!(stage.run("web", &changed, &plan).await.is_complete());
    let other = WEB.replace("LEVEL: info", "MODE: a");
    assert!(stage.deploy("web", &other).await.is_complete());
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(live["data"], json!({"MODE": "a", "EXTRA": "1"}));
}

pub(crate) async fn what_left_the_definition_and_others_own_stays_as_is_said(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    apply_beside(&cluster, json!({"LEVEL": "info", "MODE": "a"})).await;
    // Equal values belong to both from then on.
    let both = WEB.replace("LEVEL: info", "LEVEL: info, MODE: a");
    let plan = stage.plan("web", &both).await;
    let config = &plan.objects[0];
    assert_eq!(config.key.kind, "ConfigMap");
    assert_eq!(
        config.note.as_deref(),
        Some("nothing of it changes; what kubectl set in it becomes bowline's too")
    );
    assert!(stage.run("web", &both, &plan).await.is_complete());
    assert_eq!(keys_of(&cluster, "kubectl").await, ["LEVEL", "MODE"]);

    let plan = stage.plan("web", WEB).await;
    assert_eq!(
        plan.warnings,
        [format!(
            ".data.MODE of ConfigMap/web-config left the definition and stays, as kubectl set it too: `bowline adopt web -n {}` \
             before this deploy lets it go",
            cluster.namespace
        )]
    );
    let adoption = stage.plan_adopt("web", WEB).await;
    assert!(stage.run_adopt(&adoption).await.is_complete());
    let plan = stage.plan("web", WEB).await;
    assert_eq!(plan.warnings, [""; 0]);
    assert!(stage.run("web", WEB, &plan).await.is_complete());
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(live["data"], json!({"LEVEL": "info"}));
}

pub(crate) async fn pods_that_the_next_deploy_replaces_are_said(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let web = deployment("shop", "nginx:1.27", 1);
    cluster.create(&web).await.unwrap();
    let text = web.to_string();
    let plan = stage.plan_adopt("shop", &text).await;
    assert_eq!(
        plan.warnings,
        [
            "the next deploy labels the pods of Deployment/shop as the instance's, which replaces them once"
        ]
    );
    assert!(stage.run_adopt(&plan).await.is_complete());
    let plan = stage.plan("shop", &text).await;
    assert_eq!(
        plan.objects[0].note.as_deref(),
        Some("its pods are replaced")
    );
}

pub(crate) async fn a_workload_that_selects_by_other_labels_is_said_to_be_made_anew(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    cluster
        .create(&deployment("web", "nginx:1.27", 1))
        .await
        .unwrap();
    let plan = stage.plan_adopt("web", WEB).await;
    assert_eq!(
        plan.warnings,
        [
            "the definition selects the pods of Deployment/web by other labels, and a selector never changes: the next deploy \
             needs --recreate, which deletes it with its pods and makes both anew",
            "the next deploy removes from Deployment/web what the definition does not have: .spec.replicas, \
             .spec.template.metadata.labels.app, .spec.template.spec.containers[name=\"main\"].image, \
             .spec.template.spec.containers[name=\"main\"].name"
        ]
    );
    assert!(stage.run_adopt(&plan).await.is_complete());
    let plan = stage.plan("web", WEB).await;
    let ways: Vec<Remedy> = plan.offers.iter().map(|offer| offer.remedy).collect();
    assert_eq!((plan.refusals.len(), ways), (1, vec![Remedy::Recreate]));
}

pub(crate) async fn an_object_that_changed_hands_meanwhile_is_left_alone(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let theirs = config_map("web-config", json!({"LEVEL": "debug"}));
    cluster.create(&of_helm(theirs)).await.unwrap();
    let plan = stage.plan_adopt("web", WEB).await;
    let other = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "other"}}});
    cluster
        .merge("ConfigMap", "web-config", &other)
        .await
        .unwrap();
    let outcome = stage.run_adopt(&plan).await;
    assert_eq!(outcome.failed[0].1.kind, FailureKind::Conflict);
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(
        live["metadata"]["labels"],
        json!({"app.kubernetes.io/managed-by": "Helm"})
    );
}

pub(crate) async fn what_another_instance_or_controller_has_is_not_adopted(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let mut of_other = service("web", json!([{"name": "http", "port": 80}]));
    of_other["metadata"]["labels"] = json!({
        "app.kubernetes.io/managed-by": "bowline",
        "app.kubernetes.io/instance": "other",
    });
    cluster.create(&of_other).await.unwrap();
    let owner = cluster
        .create(&config_map("owner", json!({})))
        .await
        .unwrap();
    let mut owned = config_map("web-config", json!({}));
    owned["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap",
        "name": "owner", "uid": owner["metadata"]["uid"]}]);
    cluster.create(&owned).await.unwrap();
    let plan = stage.plan_adopt("web", WEB).await;
    let told: Vec<_> = plan
        .refusals
        .iter()
        .map(|one| one.summary.as_str())
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("belongs to ConfigMap/owner"), "{told:?}");
    assert!(told[1].contains("belongs to instance other"), "{told:?}");
    let outcome = stage.run_adopt(&plan).await;
    assert!(outcome.done.is_empty(), "{outcome:?}");
}

pub(crate) async fn who_may_not_write_is_told_before(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let theirs = config_map("web-config", json!({"LEVEL": "debug"}));
    cluster.create(&of_helm(theirs)).await.unwrap();
    let plan = stage.viewer().plan_adopt("web", WEB).await;
    assert_eq!(plan.refusals[0].kind, FailureKind::Forbidden);
}

pub(crate) async fn a_claim_that_a_set_would_take_is_adopted_with_its_data(cluster: Cluster) {
    let db = "
containers:
  - {name: db, image: 'postgres:16', volumeMounts: [{name: data, mountPath: /data}]}
volumes: [{name: data, size: 1Gi}]
";
    let stage = Stage::new(&cluster);
    let claim = cluster.create(&claim("data-db-0", "1Gi")).await.unwrap();
    assert_eq!(stage.plan("db", db).await.refusals.len(), 1);
    let plan = stage.plan_adopt("db", db).await;
    assert!(stage.run_adopt(&plan).await.is_complete());
    assert!(stage.deploy("db", db).await.is_complete());
    assert!(stage.wait("db").await.is_complete());
    let live = cluster
        .get("PersistentVolumeClaim", "data-db-0")
        .await
        .unwrap();
    assert_eq!(live["metadata"]["uid"], claim["metadata"]["uid"]);
    assert!(stage.plan_adopt("db", db).await.rows.is_empty());
    let outcome = stage.teardown("db", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("db", &[]).await;
}

pub(crate) async fn a_set_with_claim_templates_is_deployed_after_adoption_and_never_made_anew(
    cluster: Cluster,
) {
    let text = &claiming_set(2);
    let stage = Stage::new(&cluster);
    let set = &bowline::definition::yaml::documents(text).unwrap()[0];
    let uid = cluster.create(set).await.unwrap()["metadata"]["uid"].clone();
    let claim = |n: usize| format!("data-db-{n}");
    for n in 0..2 {
        cluster
            .until("PersistentVolumeClaim", &claim(n), |claim| !claim.is_null())
            .await;
    }
    let plan = stage.plan_adopt("db", text).await;
    let rows: Vec<String> = plan.rows.iter().map(|row| row.key.to_string()).collect();
    let claims = [
        "PersistentVolumeClaim/data-db-0",
        "PersistentVolumeClaim/data-db-1",
    ];
    assert_eq!(rows, [&["StatefulSet/db"], &claims[..]].concat());
    let told = "the claim templates of StatefulSet/db keep the labels that they have";
    assert!(plan.warnings.iter().any(|it| it.contains(told)), "{plan:?}");
    assert!(stage.run_adopt(&plan).await.is_complete());

    let plan = stage.plan("db", text).await;
    assert_eq!(
        (&plan.refusals, changes(&plan)),
        (&vec![], vec!["Update StatefulSet/db".to_owned()])
    );
    let outcome = stage.run("db", text, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("db").await.is_complete());
    assert!(stage.plan("db", text).await.is_noop());
    assert_eq!(stage.changes("db").await.objects, []);
    let live = cluster.get("StatefulSet", "db").await.unwrap();
    assert_eq!(live["metadata"]["uid"], uid);

    // What it makes later bears other labels: it is named until it is taken over too.
    let more = text.replace("replicas: 2", "replicas: 3");
    assert!(stage.deploy("db", &more).await.is_complete());
    assert!(stage.wait("db").await.is_complete());
    let told = "claims that do not bear the labels of this instance and stay: data-db-2;";
    let plan = stage.plan_teardown("db", VolumeChoice::Delete).await;
    assert!(plan.warnings.iter().any(|it| it.contains(told)), "{plan:?}");
    // However many the definition asks for.
    let plan = stage.plan_adopt("db", text).await;
    let rows: Vec<String> = plan.rows.iter().map(|row| row.key.to_string()).collect();
    assert_eq!(rows, ["PersistentVolumeClaim/data-db-2"]);
    assert!(stage.run_adopt(&plan).await.is_complete());
    assert!(stage.plan("db", &more).await.is_noop());
    let outcome = stage.teardown("db", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("db", &[]).await;
    cluster
        .until_gone("PersistentVolumeClaim", "data-db-2")
        .await;
}

pub(crate) async fn claims_that_belong_to_their_set_are_adopted_with_it(cluster: Cluster) {
    let policy = "persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}";
    let text = claiming_set(1).replace("serviceName: db", &format!("serviceName: db\n  {policy}"));
    let stage = Stage::new(&cluster);
    let set = &bowline::definition::yaml::documents(&text).unwrap()[0];
    cluster.create(set).await.unwrap();
    cluster
        .until("PersistentVolumeClaim", "data-db-0", |claim| {
            claim["metadata"]["ownerReferences"].is_array()
        })
        .await;
    let plan = stage.plan_adopt("db", &text).await;
    let rows: Vec<String> = plan.rows.iter().map(|row| row.key.to_string()).collect();
    assert_eq!(plan.refusals, []);
    assert_eq!(rows, ["StatefulSet/db", "PersistentVolumeClaim/data-db-0"]);
    let outcome = stage.run_adopt(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let outcome = stage.deploy("db", &text).await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

/// What a set makes that others wrote bears other labels than the instance's, and no choice is about it.
pub(crate) async fn claims_without_labels_outlive_a_set_that_would_take_them(cluster: Cluster) {
    let text = &claiming_set(0);
    let stage = Stage::new(&cluster);
    let set = &bowline::definition::yaml::documents(text).unwrap()[0];
    cluster.create(set).await.unwrap();
    let plan = stage.plan_adopt("db", text).await;
    assert!(stage.run_adopt(&plan).await.is_complete());
    let policy = "replicas: 1\n  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}";
    let text = &text.replace("replicas: 0", policy);
    assert!(stage.deploy("db", text).await.is_complete());
    assert!(stage.wait("db").await.is_complete());
    let is_owned = |claim: &Value| claim["metadata"]["ownerReferences"].is_array();
    let claim = "PersistentVolumeClaim";
    let before = cluster.until(claim, "data-db-0", is_owned).await;
    let outcome = stage.teardown("db", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("db", &[]).await;
    let after = cluster.get(claim, "data-db-0").await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    let free = json!({"ownerReferences": null, "deletionTimestamp": null});
    for (key, expected) in free.as_object().unwrap() {
        assert_eq!(after["metadata"][key], *expected, "{after}");
    }
}
