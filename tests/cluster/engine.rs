//! Deploys, waits and teardowns as a person runs them, on the engine that the dashboard and the command line call.

pub(crate) mod stage;

use std::time::Duration;

use bowline::engine::adjust::{Adjustment, plan_adjustment};
use bowline::engine::deploy::{RunOptions, run_deploy};
use bowline::engine::plan::{Change, DataFate, DiffSide, Fate, VolumeChoice};
use bowline::engine::progress::{Outcome, Progress, Step};
use bowline::engine::routes::plan_routes;
use bowline::engine::teardown::run_teardown;
use bowline::failure::FailureKind;
use bowline::service::health::State;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::cluster::{Cluster, DEADLINE, name_of};
use crate::objects::{claim, config_map, service, stateful_set_with_claim, with_metadata};
use stage::{Fault, Stage, WEB, changes};

/// One with a claim for each pod.
const DB: &str = "
containers:
  - name: db
    image: postgres:16
    ports: [{name: sql, port: 5432}]
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
replicas: 1
";

/// Its pods share one claim.
const SHARED: &str = "
workload: Deployment
containers:
  - name: web
    image: nginx:1.27
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
";

const WITHOUT_VOLUME: &str = "
workload: Deployment
containers:
  - {name: web, image: nginx:1.27}
";

fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["annotations"][key]
        .as_str()
        .unwrap_or_default()
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap()
}

pub(crate) async fn a_deploy_makes_a_ready_instance(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan("web", WEB).await;
    let expected = [
        "Create ConfigMap/web-config",
        "Create Service/web",
        "Create Deployment/web",
    ];
    assert_eq!(changes(&plan), expected);
    assert_eq!((plan.revision, plan.is_noop()), (1, false));
    let outcome = stage.run("web", WEB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("web").await.is_complete());

    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    let kinds = "applyset.kubernetes.io/contains-group-kinds";
    assert_eq!(
        annotation(&record, kinds),
        "ConfigMap,Deployment.apps,Service"
    );
    assert_eq!(
        annotation(&record, "applyset.kubernetes.io/tooling"),
        "bowline/v1"
    );
    assert_eq!(annotation(&record, "bowline.dev/revision"), "1");
    assert_eq!(annotation(&record, "bowline.dev/operation"), "");
    assert_eq!(annotation(&record, "kubernetes.io/change-cause"), "because");
    assert_eq!(
        annotation(&record, "bowline.dev/applied-by"),
        "tester@here 1"
    );
    let revision = cluster.get("ConfigMap", "bowline-web.r1").await.unwrap();
    assert_eq!(revision["immutable"], json!(true));
    let set = record["metadata"]["labels"]["applyset.kubernetes.io/id"]
        .as_str()
        .unwrap();
    let members = cluster
        .list(
            "Deployment",
            &format!("applyset.kubernetes.io/part-of={set}"),
        )
        .await;
    assert_eq!(members.len(), 1);
}

pub(crate) async fn an_unchanged_deploy_writes_nothing(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    stage.wait("web").await;
    let before = stage.versions().await;
    let plan = stage.plan("web", WEB).await;
    assert!(plan.is_noop(), "{plan:?}");
    assert_eq!(plan.revision, 1);
    let outcome = stage.run("web", WEB, &plan).await;
    assert_eq!(outcome, bowline::engine::progress::Outcome::default());
    assert_eq!(stage.versions().await, before);
}

pub(crate) async fn a_change_of_layout_alone_becomes_a_revision(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let commented = format!("# why it is so\n{WEB}");
    let plan = stage.plan("web", &commented).await;
    assert_eq!((plan.revision, plan.is_noop()), (2, false));
    assert!(
        plan.objects
            .iter()
            .all(|object| object.change == Change::Unchanged)
    );
    stage.run("web", &commented, &plan).await;
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    assert_eq!(annotation(&record, "bowline.dev/revision"), "2");
    assert!(stage.plan("web", &commented).await.is_noop());
}

pub(crate) async fn an_update_changes_what_differs_and_prunes_what_left(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let service = cluster.get("Service", "web").await.unwrap();
    let changed = WEB
        .replace("nginx:1.27", "nginx:1.28")
        .replace("config: {LEVEL: info}", "")
        .replace("env: [{name: LEVEL, fromConfig: LEVEL}]", "");
    let plan = stage.plan("web", &changed).await;
    let expected = [
        "Unchanged Service/web",
        "Update Deployment/web",
        "Delete ConfigMap/web-config",
    ];
    assert_eq!(changes(&plan), expected);
    let lines: Vec<&str> = plan.objects[1]
        .difference
        .iter()
        .map(|line| line.text.trim())
        .collect();
    assert!(
        lines.contains(&"image: nginx:1.27") && lines.contains(&"- image: nginx:1.28"),
        "{lines:?}"
    );
    let outcome = stage.run("web", &changed, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("web").await.is_complete());
    cluster.until_gone("ConfigMap", "web-config").await;
    assert_eq!(cluster.get("Service", "web").await.unwrap(), service);
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    let kinds = "applyset.kubernetes.io/contains-group-kinds";
    assert_eq!(annotation(&record, kinds), "Deployment.apps,Service");
}

pub(crate) async fn a_claim_that_leaves_is_kept_and_used_again(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", SHARED).await;
    let before = cluster
        .get("PersistentVolumeClaim", "web-data-data")
        .await
        .unwrap();
    let outcome = stage.deploy("web", WITHOUT_VOLUME).await;
    let kept = |step: &Step| matches!(step, Step::Keep(key) if key.name == "web-data-data");
    assert!(outcome.done.iter().any(kept), "{outcome:?}");
    let after = cluster
        .get("PersistentVolumeClaim", "web-data-data")
        .await
        .unwrap();
    assert_eq!(uid(&after), uid(&before));
    assert_eq!(
        after["metadata"]["labels"]["applyset.kubernetes.io/part-of"],
        Value::Null
    );
    assert!(stage.plan("web", WITHOUT_VOLUME).await.is_noop());

    let plan = stage.plan("web", SHARED).await;
    assert!(
        changes(&plan).contains(&"Update PersistentVolumeClaim/web-data-data".to_owned()),
        "{plan:?}"
    );
    assert!(stage.run("web", SHARED, &plan).await.is_complete());
    let again = cluster
        .get("PersistentVolumeClaim", "web-data-data")
        .await
        .unwrap();
    assert_eq!(uid(&again), uid(&before));
}

pub(crate) async fn a_wait_in_vain_says_why(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage
        .deploy("web", &WEB.replace("nginx:1.27", "nginx:missing"))
        .await;
    let is_told = |reason: &str| reason.contains("Failing") && reason.contains("ImagePull");
    stage.until_told("web", is_told).await;
    let outcome = stage.wait_for("web", Duration::from_secs(6)).await;
    let [reason] = outcome.pending.as_slice() else {
        panic!("{outcome:?}")
    };
    assert!(is_told(reason), "{reason}");
}

pub(crate) async fn a_teardown_that_keeps_volumes_leaves_the_claims_alone(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("db", DB).await;
    assert!(stage.wait("db").await.is_complete());
    let before = cluster
        .get("PersistentVolumeClaim", "data-db-0")
        .await
        .unwrap();
    let plan = stage.plan_teardown("db", VolumeChoice::Keep).await;
    let claim = plan.rows.iter().find(|row| row.claim.is_some()).unwrap();
    assert_eq!(claim.fate, Fate::Kept("volumes are kept".to_owned()));
    assert_eq!(claim.claim.as_ref().unwrap().data, DataFate::Retained);
    let outcome = stage.run_teardown(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage
        .until_nothing_is_left("db", &["PersistentVolumeClaim/data-db-0"])
        .await;

    // A new deploy of the same ID binds it again.
    let plan = stage.plan("db", DB).await;
    let remark = "claim data-db-0 is there already and is used as it is".to_owned();
    assert!(plan.warnings.contains(&remark), "{plan:?}");
    stage.run("db", DB, &plan).await;
    assert!(stage.wait("db").await.is_complete());
    let after = cluster
        .get("PersistentVolumeClaim", "data-db-0")
        .await
        .unwrap();
    assert_eq!(uid(&after), uid(&before));
    assert_eq!(after["spec"]["volumeName"], before["spec"]["volumeName"]);
}

pub(crate) async fn a_teardown_that_deletes_volumes_destroys_the_data(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("db", DB).await;
    assert!(stage.wait("db").await.is_complete());
    let claim = cluster
        .get("PersistentVolumeClaim", "data-db-0")
        .await
        .unwrap();
    let plan = stage.plan_teardown("db", VolumeChoice::Delete).await;
    let row = plan.rows.iter().find(|row| row.claim.is_some()).unwrap();
    let fate = row.claim.as_ref().unwrap();
    assert_eq!(
        (&row.fate, fate.data),
        (&Fate::Deleted, DataFate::Destroyed)
    );
    assert_eq!(
        (fate.size.as_str(), fate.reclaim_policy.as_deref()),
        ("1Gi", Some("Delete"))
    );
    let outcome = stage.run_teardown(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("db", &[]).await;
    cluster
        .until_gone(
            "PersistentVolume",
            claim["spec"]["volumeName"].as_str().unwrap(),
        )
        .await;
    // A second run has nothing to do.
    let again = stage.plan_teardown("db", VolumeChoice::Delete).await;
    assert!(again.rows.is_empty(), "{again:?}");
    assert!(stage.run_teardown(&again).await.is_complete());
}

pub(crate) async fn claims_that_would_go_with_their_set_are_freed_before_it_goes(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("db", DB).await;
    assert!(stage.wait("db").await.is_complete());
    let policy =
        json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}});
    cluster.merge("StatefulSet", "db", &policy).await.unwrap();
    cluster
        .until("PersistentVolumeClaim", "data-db-0", |claim| {
            claim["metadata"]["ownerReferences"].is_array()
        })
        .await;
    let outcome = stage.teardown("db", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage
        .until_nothing_is_left("db", &["PersistentVolumeClaim/data-db-0"])
        .await;
}

/// Returns an object as an operator makes it for a member of `pg`: it bears the labels of that, and goes with it.
async fn of_operator(cluster: &Cluster, mut object: Value) -> Value {
    let owner = cluster.get("ConfigMap", "pg").await.unwrap();
    let reference =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "pg", "uid": uid(&owner)});
    object["metadata"]["ownerReferences"] = json!([reference]);
    object["metadata"]["labels"] = labels_of_pg();
    cluster.create(&object).await.unwrap()
}

fn labels_of_pg() -> Value {
    json!({"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "pg"})
}

pub(crate) async fn claims_of_a_set_that_goes_with_its_owner_are_freed_before_it_goes(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    stage
        .deploy("pg", &config_map("pg", json!({})).to_string())
        .await;
    let mut set = stateful_set_with_claim("db", 1, "1Gi");
    set["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"] = labels_of_pg();
    set["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({"whenDeleted": "Delete"});
    of_operator(&cluster, set).await;
    let is_owned = |claim: &Value| claim["metadata"]["ownerReferences"].is_array();
    cluster
        .until("PersistentVolumeClaim", "data-db-0", is_owned)
        .await;
    let plan = stage.plan_teardown("pg", VolumeChoice::Keep).await;
    let set = plan.rows.iter().find(|row| row.key.kind == "StatefulSet");
    let along = Fate::GarbageCollected("ConfigMap/pg".to_owned());
    assert_eq!(set.unwrap().fate, along);
    let outcome = stage.run_teardown(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage
        .until_nothing_is_left("pg", &["PersistentVolumeClaim/data-db-0"])
        .await;
}

pub(crate) async fn nothing_is_deleted_where_a_kept_claim_would_go_with_it(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage
        .deploy("pg", &config_map("pg", json!({})).to_string())
        .await;
    of_operator(&cluster, claim("data-pg-0", "1Gi")).await;
    let outcome = stage.teardown("pg", VolumeChoice::Keep).await;
    let [(Step::Keep(key), failure)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(key.name, "data-pg-0");
    let told = "PersistentVolumeClaim/data-pg-0 would go with ConfigMap/pg, which owns it";
    assert_eq!(failure.summary, told);
    let owner = cluster.get("ConfigMap", "pg").await.unwrap();
    assert_eq!(owner["metadata"]["deletionTimestamp"], Value::Null);
}

pub(crate) async fn pods_go_with_the_cron_job_behind_their_job(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let pod =
        json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox:1"}]});
    let cron_job = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "pg"},
        "spec": {"schedule": "0 0 1 1 *", "suspend": true, "jobTemplate": {"spec": {"template": {"spec": pod}}}}});
    assert!(
        stage
            .deploy("pg", &cron_job.to_string())
            .await
            .is_complete()
    );
    let owned_by = |kind: &str, owner: &Value| json!([{"apiVersion": "batch/v1", "kind": kind, "name": name_of(owner), "uid": uid(owner)}]);
    let live = cluster.get("CronJob", "pg").await.unwrap();
    let job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "pg-1", "labels": labels_of_pg(), "ownerReferences": owned_by("CronJob", &live)},
        "spec": {"suspend": true, "template": {"spec": pod}}});
    let job = cluster.create(&job).await.unwrap();
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": pod,
        "metadata": {"name": "pg-1-a", "labels": labels_of_pg(), "ownerReferences": owned_by("Job", &job)}});
    cluster.create(&pod).await.unwrap();
    let plan = stage.plan_teardown("pg", VolumeChoice::Keep).await;
    let along: Vec<(String, &Fate)> = plan
        .rows
        .iter()
        .filter(|row| matches!(row.key.kind.as_str(), "Job" | "Pod"))
        .map(|row| (row.key.to_string(), &row.fate))
        .collect();
    let with = |owner: &str| Fate::GarbageCollected(owner.to_owned());
    assert_eq!(
        along,
        [
            ("Job/pg-1".to_owned(), &with("CronJob/pg")),
            ("Pod/pg-1-a".to_owned(), &with("Job/pg-1")),
        ]
    );
}

pub(crate) async fn an_interrupted_teardown_is_finished_by_a_second_run(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("db", DB).await;
    assert!(stage.wait("db").await.is_complete());
    let plan = stage.plan_teardown("db", VolumeChoice::Delete).await;
    let is_first_deletion =
        |progress: &Progress| matches!(progress, Progress::Done(Step::Delete(_), _));
    stage.run_teardown_until(&plan, is_first_deletion).await;
    let record = cluster.get("ConfigMap", "bowline-db").await.unwrap();
    assert!(annotation(&record, "bowline.dev/operation").contains("teardown"));

    let outcome = stage.teardown("db", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("db", &[]).await;
}

pub(crate) async fn an_interrupted_deploy_is_taken_over_and_finished(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let is_first_apply =
        |progress: &Progress| matches!(progress, Progress::Done(Step::Apply(_), _));
    let plan = stage.plan("web", WEB).await;
    stage.run_until("web", WEB, &plan, is_first_apply).await;
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    assert_eq!(annotation(&record, "bowline.dev/revision"), "");

    let plan = stage.plan("web", WEB).await;
    assert_eq!(plan.revision, 1);
    let outcome = stage.run("web", WEB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.plan("web", WEB).await.is_noop());
    let revisions = stage.revisions("web").await;
    assert_eq!(revisions, ["bowline-web.r1"]);
}

pub(crate) async fn an_operation_that_beats_is_left_alone(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let beat = |n: u32| {
        let operation = json!({"kind": "deploy", "step": "apply Deployment/web", "holder": "ann@bastion 7",
            "heartbeat": format!("2026-01-01T00:00:{n:02}Z")});
        json!({"metadata": {"annotations": {"bowline.dev/operation": operation.to_string()}}})
    };
    cluster
        .merge("ConfigMap", "bowline-web", &beat(0))
        .await
        .unwrap();
    let changed = WEB.replace("nginx:1.27", "nginx:1.28");
    let plan = stage.plan("web", &changed).await;
    assert!(
        plan.warnings
            .iter()
            .any(|warning| warning.contains("ann@bastion 7")),
        "{plan:?}"
    );
    let run = stage.run("web", &changed, &plan);
    let beats = async {
        for n in 1..60 {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let _ = cluster.merge("ConfigMap", "bowline-web", &beat(n)).await;
        }
        panic!("it was never noticed");
    };
    let outcome = tokio::select! {
        outcome = run => outcome,
        () = beats => unreachable!(),
    };
    let [(Step::Claim, failure)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(
        failure.summary.contains("ann@bastion 7 runs a deploy"),
        "{failure}"
    );
    assert_eq!(outcome.not_tried.len(), 1);
    let deployment = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(
        deployment["spec"]["template"]["spec"]["containers"][0]["image"],
        "nginx:1.27"
    );
}

pub(crate) async fn an_operation_that_was_taken_over_stops_its_holder(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let changed = WEB.replace("nginx:1.27", "nginx:1.28");
    let plan = stage.plan("web", &changed).await;
    // As soon as the deployment is about to be written, another holder stands in the record.
    let theirs = json!({"metadata": {"annotations": {"bowline.dev/operation":
        r#"{"kind":"teardown","step":"begins","holder":"bob@bastion 8","heartbeat":"2026-01-01T00:00:00Z"}"#}}});
    let fault = Fault::before(Method::POST, "/configmaps", {
        let cluster = cluster.clone();
        move || {
            let (cluster, theirs) = (cluster.clone(), theirs.clone());
            Box::pin(async move {
                cluster
                    .merge("ConfigMap", "bowline-web", &theirs)
                    .await
                    .unwrap();
            })
        }
    });
    let outcome = stage.with(fault).run("web", &changed, &plan).await;
    let lost = |(_, failure): &(Step, bowline::failure::Failure)| {
        failure.summary.contains("bob@bastion 8")
    };
    assert!(outcome.failed.iter().any(lost), "{outcome:?}");
    let deployment = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(
        deployment["spec"]["template"]["spec"]["containers"][0]["image"],
        "nginx:1.27"
    );
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    assert!(annotation(&record, "bowline.dev/operation").contains("bob@bastion 8"));
}

pub(crate) async fn a_conflict_is_shown_and_taken_only_as_shown(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let edited = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:edited"}]}}}});
    cluster.force("kubectl-edit", &edited).await.unwrap();
    let plan = stage.plan("web", WEB).await;
    let [conflict] = plan.conflicts.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(
        conflict.field,
        r#".spec.template.spec.containers[name="web"].image"#
    );
    assert!(conflict.message.contains("kubectl-edit"), "{conflict:?}");
    let outcome = stage.run("web", WEB, &plan).await;
    assert_eq!(outcome.failed[0].1.kind, FailureKind::Conflict);

    // Meanwhile another field is taken: that one was never shown.
    let more = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 5}});
    cluster.force("scaler", &more).await.unwrap();
    let outcome = stage.run_forced("web", WEB, &plan).await;
    let unseen = |(_, failure): &(Step, bowline::failure::Failure)| {
        failure.summary.contains("was not shown")
    };
    assert!(outcome.failed.iter().any(unseen), "{outcome:?}");

    let plan = stage.plan("web", WEB).await;
    assert_eq!(plan.conflicts.len(), 2, "{plan:?}");
    let outcome = stage.run_forced("web", WEB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let deployment = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(deployment["spec"]["replicas"], json!(2));
    assert_eq!(
        deployment["spec"]["template"]["spec"]["containers"][0]["image"],
        "nginx:1.27"
    );
}

pub(crate) async fn a_value_that_was_changed_after_it_was_shown_is_not_taken(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let edit = async |image: &str| {
        let edited = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}});
        cluster.force("kubectl-edit", &edited).await.unwrap();
    };
    edit("nginx:edited").await;
    let shown = stage.plan("web", WEB).await;
    // Back as it was shown, what was agreed to holds.
    edit("nginx:again").await;
    edit("nginx:edited").await;
    let outcome = stage.run_forced("web", WEB, &shown).await;
    assert!(outcome.is_complete(), "{outcome:?}");

    edit("nginx:edited").await;
    let shown = stage.plan("web", WEB).await;
    edit("nginx:again").await;
    let outcome = stage.run_forced("web", WEB, &shown).await;
    let is_told = |(_, failure): &(Step, bowline::failure::Failure)| {
        failure.summary.contains("another value now than was shown")
    };
    assert!(outcome.failed.iter().any(is_told), "{outcome:?}");
    let deployment = cluster.get("Deployment", "web").await.unwrap();
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "nginx:again");
}

pub(crate) async fn what_was_made_again_since_its_conflict_was_shown_is_not_taken(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let edited = json!({"data": {"LEVEL": "debug"}});
    let edit = async || {
        let theirs = config_map("web-config", edited["data"].clone());
        cluster.force("kubectl-edit", &theirs).await.unwrap();
    };
    edit().await;
    let shown = stage.plan("web", WEB).await;
    assert_eq!(shown.conflicts.len(), 1, "{shown:?}");
    cluster
        .delete("ConfigMap", "web-config", json!({}))
        .await
        .unwrap();
    // The same field of the same manager with the same value, of another object.
    edit().await;
    let outcome = stage.run_forced("web", WEB, &shown).await;
    let failed: Vec<&str> = (outcome.failed.iter())
        .map(|(_, failure)| failure.summary.as_str())
        .collect();
    assert_eq!(
        failed,
        ["ConfigMap/web-config was deleted or made again meanwhile"]
    );
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(live["data"], edited["data"]);
}

pub(crate) async fn what_is_taken_between_the_look_and_the_write_is_not_taken_back(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let theirs = |field: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": field});
    let image = json!({"containers": [{"name": "web", "image": "nginx:edited"}]});
    let edited = theirs(json!({"template": {"spec": image}}));
    cluster.force("kubectl-edit", &edited).await.unwrap();
    let shown = stage.plan("web", WEB).await;
    // The dry run met what was shown; now somebody takes another field.
    let scaled = theirs(json!({"replicas": 5}));
    let fault = Fault::before(Method::PATCH, "/deployments/web", {
        let cluster = cluster.clone();
        move || {
            let (cluster, scaled) = (cluster.clone(), scaled.clone());
            Box::pin(async move {
                cluster.force("scaler", &scaled).await.unwrap();
            })
        }
    });
    let outcome = stage.with(fault).run_forced("web", WEB, &shown).await;
    let is_told = |(_, failure): &(Step, bowline::failure::Failure)| {
        failure.summary.contains("was not shown")
    };
    assert!(outcome.failed.iter().any(is_told), "{outcome:?}");
    let live = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(live["spec"]["replicas"], json!(5));
}

pub(crate) async fn a_change_that_goes_with_its_object_is_not_told_to_be_done(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let changed = WEB.replace("LEVEL: info", "LEVEL: debug");
    let plan = stage.plan("web", &changed).await;
    let hold = |finalizers: Value| json!({"metadata": {"finalizers": finalizers}});
    let held = hold(json!(["example.com/hold"]));
    cluster
        .merge("ConfigMap", "web-config", &held)
        .await
        .unwrap();
    cluster
        .delete("ConfigMap", "web-config", json!({}))
        .await
        .unwrap();
    let outcome = stage.run("web", &changed, &plan).await;
    let failed: Vec<&str> = (outcome.failed.iter())
        .map(|(_, failure)| failure.summary.as_str())
        .collect();
    assert_eq!(failed, ["ConfigMap/web-config is being deleted"]);
    // Once it is gone a second run makes it again.
    let released = hold(Value::Null);
    cluster
        .merge("ConfigMap", "web-config", &released)
        .await
        .unwrap();
    cluster.until_gone("ConfigMap", "web-config").await;
    assert!(stage.deploy("web", &changed).await.is_complete());
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(live["data"], json!({"LEVEL": "debug"}));
}

pub(crate) async fn a_deletion_that_is_refused_keeps_no_other_from_being_tried(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let refused = Fault::instead(Method::DELETE, "/services/web", StatusCode::FORBIDDEN);
    let behind = stage.with(refused);
    let outcome = behind.teardown("web", VolumeChoice::Keep).await;
    let [(Step::Delete(key), _)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}");
    };
    assert_eq!(key.name, "web");
    let is_config = |step: &Step| matches!(step, Step::Delete(key) if key.name == "web-config");
    assert!(outcome.done.iter().any(is_config), "{outcome:?}");
    // The record leads the next run to what is left.
    assert_eq!(outcome.not_tried[0].0, Step::Record, "{outcome:?}");
    let outcome = stage.teardown("web", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("web", &[]).await;
}

pub(crate) async fn a_viewer_sees_the_difference_and_may_not_run_it(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let changed = WEB.replace("nginx:1.27", "nginx:1.28");
    let plan = stage.viewer().plan("web", &changed).await;
    assert_eq!(plan.refusals[0].kind, FailureKind::Forbidden);
    assert!(
        plan.warnings
            .iter()
            .any(|warning| warning.contains("computed here")),
        "{plan:?}"
    );
    let expected = [
        "Unchanged ConfigMap/web-config",
        "Unchanged Service/web",
        "Update Deployment/web",
    ];
    assert_eq!(changes(&plan), expected);
    let outcome = stage.viewer().run("web", &changed, &plan).await;
    assert_eq!(outcome.failed[0].1.kind, FailureKind::Forbidden);
    let plan = stage
        .viewer()
        .plan_teardown("web", VolumeChoice::Keep)
        .await;
    assert_eq!(plan.refusals[0].kind, FailureKind::Forbidden);
    let outcome = stage.viewer().run_teardown(&plan).await;
    assert_eq!(outcome.done, []);
    cluster.get("Deployment", "web").await.unwrap();
}

pub(crate) async fn a_stranger_is_told_what_is_forbidden(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    // All at once, though not even what is there may be read.
    let plan = stage.nobody().plan("web", WEB).await;
    let all = "ConfigMap, Service, Deployment";
    let expected = format!(
        "this user may not do all that is needed in namespace {}: create {all}; delete ConfigMap; get {all}; patch {all}",
        cluster.namespace
    );
    let said: Vec<String> = plan.refusals.iter().map(ToString::to_string).collect();
    assert_eq!((said, changes(&plan)), (vec![expected], vec![]));
    assert_eq!(plan.refusals[0].kind, FailureKind::Forbidden);
    let failure = stage
        .nobody()
        .try_plan_teardown("web", VolumeChoice::Keep)
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Forbidden);
}

pub(crate) async fn what_may_not_be_read_is_named_with_all_that_is_missing_besides(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let (web, here) = (stage.key("web"), &cluster.namespace);
    let missing = format!("this user may not do all that is needed in namespace {here}: ");
    for adjustment in [Adjustment::Restart, Adjustment::Scale(9)] {
        let lists = Fault::instead(Method::GET, "/deployments", StatusCode::FORBIDDEN);
        let viewer = stage.viewer().with(lists);
        let planned = plan_adjustment(viewer.engine(), &web, adjustment, None).await;
        let failure = planned.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Forbidden);
        let patches = format!("{missing}patch ConfigMap, Deployment");
        assert_eq!(failure.summary, patches);
    }
    let nobody = stage.nobody();
    let planned = plan_routes(nobody.engine(), &[web], &nobody.surroundings(None)).await;
    assert_eq!(
        planned.unwrap_err().summary,
        format!("{missing}list Service, Ingress; patch ConfigMap, Ingress")
    );
}

pub(crate) async fn what_another_owner_marked_since_names_the_way_back(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let mark = json!({"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}});
    cluster
        .strategic_as("kustomize-controller", "Service", "web", &mark)
        .await
        .unwrap();
    let plan = stage.plan("web", WEB).await;
    let said: Vec<String> = plan.refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [format!(
            "Service/web exists already, and it belongs to Flux kustomization apps; `bowline adopt web -n {}` takes it over",
            cluster.namespace
        )]
    );
    assert_eq!(stage.plan_adopt("web", WEB).await.rows.len(), 1);
}

pub(crate) async fn names_of_others_are_refused_before_anything_is_written(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let helm = with_metadata(
        service("web", json!([{"port": 80}])),
        "annotations",
        json!({"meta.helm.sh/release-name": "shop"}),
    );
    cluster.create(&helm).await.unwrap();
    let plan = stage.plan("web", WEB).await;
    let said: Vec<String> = plan.refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [format!(
            "Service/web exists already, and it belongs to Helm release shop; `bowline adopt web -n {}` takes it over",
            cluster.namespace
        )]
    );
    let outcome = stage.run("web", WEB, &plan).await;
    assert_eq!(outcome.done, []);
    assert!(cluster.get("ConfigMap", "bowline-web").await.is_err());

    // A StatefulSet would take over a claim of that name, whoever made it.
    cluster
        .create(&crate::objects::claim("data-db-0", "1Gi"))
        .await
        .unwrap();
    let plan = stage.plan("db", DB).await;
    let said: Vec<String> = plan.refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [format!(
            "PersistentVolumeClaim/data-db-0 exists already, and it was not made by bowline; `bowline adopt db -n {}` takes it over",
            cluster.namespace
        )]
    );

    // So would the claims of another instance whose name meets them.
    stage.deploy("x-db", DB).await;
    cluster
        .until("PersistentVolumeClaim", "data-x-db-0", |claim| {
            !claim.is_null()
        })
        .await;
    let other = DB.replace("name: data", "name: data-x");
    cluster
        .delete("PersistentVolumeClaim", "data-db-0", json!({}))
        .await
        .unwrap();
    cluster
        .until_gone("PersistentVolumeClaim", "data-db-0")
        .await;
    let plan = stage.plan("db", &other).await;
    let said: Vec<String> = plan.refusals.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["PersistentVolumeClaim/data-x-db-0 exists already, and it belongs to instance x-db"]
    );
}

/// The controller copies the annotation to what it makes, and leaves it there.
pub(crate) async fn a_protection_that_was_lifted_is_lifted_for_teardowns_too(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let protected = format!("{WEB}protected: true\n");
    assert!(stage.deploy("web", &protected).await.is_complete());
    assert!(stage.wait("web").await.is_complete());
    assert!(
        stage
            .plan_teardown("web", VolumeChoice::Keep)
            .await
            .caution
            .is_protected()
    );
    assert!(stage.deploy("web", WEB).await.is_complete());
    let copies = cluster.list("ReplicaSet", "").await;
    let is_copied = |set: &Value| set["metadata"]["annotations"]["bowline.dev/protected"] == "true";
    assert!(copies.iter().any(is_copied), "{copies:?}");
    assert!(
        !stage
            .plan_teardown("web", VolumeChoice::Keep)
            .await
            .caution
            .is_protected()
    );
}

pub(crate) async fn a_missing_namespace_is_said(cluster: Cluster) {
    let stage = Stage::new(&cluster).in_namespace("nowhere");
    let plan = stage.plan("web", WEB).await;
    let said: Vec<String> = plan.refusals.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["namespace nowhere does not exist"]);
}

pub(crate) async fn a_field_that_can_never_change_is_refused_beforehand(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("db", DB).await;
    let plan = stage.plan("db", &DB.replace("1Gi", "2Gi")).await;
    let [refusal] = plan.refusals.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(refusal.kind, FailureKind::Refused);
    assert!(refusal.detail.contains("--recreate"), "{refusal:?}");
}

pub(crate) async fn a_late_write_does_not_bring_back_what_was_deleted(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let changed = WEB.replace("nginx:1.27", "nginx:1.28");
    let plan = stage.plan("web", &changed).await;
    cluster
        .delete("Deployment", "web", json!({}))
        .await
        .unwrap();
    cluster.until_gone("Deployment", "web").await;
    let outcome = stage.run("web", &changed, &plan).await;
    let [(Step::Apply(key), failure)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (key.name.as_str(), failure.kind),
        ("web", FailureKind::Conflict)
    );
    assert!(
        failure
            .summary
            .contains("was deleted or made again meanwhile"),
        "{failure}"
    );
    assert!(cluster.get("Deployment", "web").await.is_err());
    // The next run makes it again, knowingly.
    assert!(stage.deploy("web", &changed).await.is_complete());
    cluster.get("Deployment", "web").await.unwrap();
}

pub(crate) async fn what_was_created_meanwhile_is_not_taken_over(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan("web", WEB).await;
    let theirs = config_map("web-config", json!({"theirs": "1"}));
    cluster.create(&theirs).await.unwrap();
    let outcome = stage.run("web", WEB, &plan).await;
    let failed: Vec<String> = outcome
        .failed
        .iter()
        .map(|(_, failure)| failure.summary.clone())
        .collect();
    assert_eq!(
        failed,
        ["ConfigMap/web-config was created by somebody else meanwhile"]
    );
    // The Service does not need it; the pods would.
    let not_tried: Vec<&str> = outcome
        .not_tried
        .iter()
        .map(|(_, why)| why.as_str())
        .collect();
    assert_eq!(
        not_tried,
        [
            "it needs ConfigMap/web-config",
            "not all objects could be applied"
        ]
    );
    cluster.get("Service", "web").await.unwrap();
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(live["data"], json!({"theirs": "1"}));
}

pub(crate) async fn a_write_without_an_answer_is_looked_for_and_not_sent_again(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan("web", WEB).await;
    let fault = Fault::after(
        Method::PATCH,
        "/deployments/web",
        StatusCode::GATEWAY_TIMEOUT,
    );
    let stage = stage.with(fault);
    let outcome = stage.run("web", WEB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(stage.n_writes(), 1);
    assert!(stage.wait("web").await.is_complete());
}

pub(crate) async fn a_stranger_behind_a_write_without_an_answer_is_not_taken_over(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan("web", WEB).await;
    let theirs = config_map("web-config", json!({"theirs": "1"}));
    cluster.create(&theirs).await.unwrap();
    let fault = Fault::instead(
        Method::PATCH,
        "/configmaps/web-config",
        StatusCode::GATEWAY_TIMEOUT,
    );
    let outcome = stage.with(fault).run("web", WEB, &plan).await;
    let failed = outcome.failed.iter();
    let failed: Vec<&str> = failed
        .map(|(_, failure)| failure.summary.as_str())
        .collect();
    assert_eq!(
        failed,
        ["ConfigMap/web-config was deleted or made again meanwhile"]
    );
    let live = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(live["data"], json!({"theirs": "1"}));
    assert_eq!(live["metadata"]["labels"], Value::Null);
}

pub(crate) async fn a_claim_without_an_answer_is_looked_for(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan("web", WEB).await;
    let fault = Fault::after(Method::POST, "/configmaps", StatusCode::GATEWAY_TIMEOUT);
    let stage = stage.with(fault);
    let outcome = stage.run("web", WEB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(stage.revisions("web").await, ["bowline-web.r1"]);
    let plan = stage.plan("web", WEB).await;
    assert!(plan.is_noop(), "{plan:?}");
}

pub(crate) async fn a_change_of_the_record_without_an_answer_is_looked_for(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan("web", WEB).await;
    let fault = Fault::after(
        Method::PATCH,
        "/configmaps/bowline-web",
        StatusCode::GATEWAY_TIMEOUT,
    );
    let outcome = stage.with(fault).run("web", WEB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.plan("web", WEB).await.is_noop());
}

pub(crate) async fn a_record_being_deleted_is_waited_for(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let changed = WEB.replace("nginx:1.27", "nginx:1.28");
    let hold = |finalizers: Value| json!({"metadata": {"finalizers": finalizers}});
    let held = hold(json!(["example.com/hold"]));
    let old = cluster.merge("ConfigMap", "bowline-web", &held).await;
    let going = cluster.delete("ConfigMap", "bowline-web", json!({}));
    going.await.unwrap();
    // What is planned before that is of an instance that is taken down.
    let plan = stage.plan("web", &changed).await;
    let (request, waits) = (stage.request("web", &changed), Notify::new());
    let report = |progress| {
        if matches!(progress, Progress::Waiting(_)) {
            waits.notify_one();
        }
    };
    let run = run_deploy(
        stage.engine(),
        &request,
        &plan,
        RunOptions::default(),
        &report,
    );
    let release = async {
        waits.notified().await;
        let free = hold(Value::Null);
        let released = cluster.merge("ConfigMap", "bowline-web", &free).await;
        released.unwrap();
        std::future::pending().await
    };
    let outcome = tokio::select! {
        outcome = run => outcome,
        outcome = release => outcome,
    };
    assert!(outcome.is_complete(), "{outcome:?}");
    let new = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    assert_ne!(uid(&new), uid(&old.unwrap()));
}

pub(crate) async fn a_refused_write_stops_only_what_needs_it(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan("web", WEB).await;
    let fault = Fault::instead(
        Method::PATCH,
        "/services/web",
        StatusCode::UNPROCESSABLE_ENTITY,
    );
    let outcome = stage.with(fault).run("web", WEB, &plan).await;
    assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
    let [(Step::Record, _)] = outcome.not_tried.as_slice() else {
        panic!("{outcome:?}")
    };
    cluster.get("Deployment", "web").await.unwrap();
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    assert_eq!(annotation(&record, "bowline.dev/operation"), "");
    // The second run finishes the first, under the same revision.
    let plan = stage.plan("web", WEB).await;
    assert_eq!(plan.revision, 1);
    assert!(stage.run("web", WEB, &plan).await.is_complete());
    assert!(stage.plan("web", WEB).await.is_noop());
}

/// Whoever finishes an interrupted deploy needs its text.
pub(crate) async fn nothing_is_applied_without_its_revision(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let changed = WEB.replace("nginx:1.27", "nginx:1.28");
    let image = async || {
        let live = cluster.get("Deployment", "web").await.unwrap();
        live["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    let fault = Fault::after(Method::POST, "/configmaps", StatusCode::FORBIDDEN);
    let plan = stage.plan("web", &changed).await;
    let outcome = stage.with(fault).run("web", &changed, &plan).await;
    let stopped = |outcome: &Outcome| {
        let [(Step::Revision(2), failure)] = outcome.failed.as_slice() else {
            panic!("{outcome:?}")
        };
        let why = "the revision could not be written";
        let mut reasons = outcome.not_tried.iter().map(|(_, why)| why.as_str());
        assert!(reasons.all(|it| it == why), "{outcome:?}");
        assert_eq!(outcome.not_tried.len(), 2, "{outcome:?}");
        failure.kind
    };
    assert_eq!(stopped(&outcome), FailureKind::Forbidden);
    assert_eq!(image().await, "nginx:1.27");
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    assert_eq!(annotation(&record, "bowline.dev/operation"), "");

    // It is there by now. What somebody made of it since is not what was shown.
    let plan = stage.plan("web", &changed).await;
    assert_eq!(plan.revision, 2);
    let left = cluster.get("ConfigMap", "bowline-web.r2").await.unwrap();
    let hash = "bowline.dev/definition-sha256";
    assert_ne!(annotation(&left, hash), "");
    let owners = |owners: &Value| json!({"metadata": {"ownerReferences": owners}});
    let text = |hash_of: &str| json!({"metadata": {"annotations": {hash: hash_of}}});
    let changes = [
        (
            owners(&Value::Null),
            owners(&left["metadata"]["ownerReferences"]),
        ),
        (text("other"), text(annotation(&left, hash))),
    ];
    for (change, back) in changes {
        let merge = async |patch: &Value| {
            let changed = cluster.merge("ConfigMap", "bowline-web.r2", patch).await;
            changed.unwrap();
        };
        let plan = stage.plan("web", &changed).await;
        merge(&change).await;
        let outcome = stage.run("web", &changed, &plan).await;
        assert_eq!(stopped(&outcome), FailureKind::Conflict, "{change}");
        assert_eq!(image().await, "nginx:1.27");
        merge(&back).await;
    }
    let plan = stage.plan("web", &changed).await;
    let outcome = stage.run("web", &changed, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(image().await, "nginx:1.28");
    let revisions = stage.revisions("web").await;
    assert_eq!(revisions, ["bowline-web.r1", "bowline-web.r2"]);
}

pub(crate) async fn the_last_ten_revisions_are_kept(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    for n in 1..=12 {
        let text = format!("# {n}\n{WITHOUT_VOLUME}");
        assert!(stage.deploy("web", &text).await.is_complete());
    }
    let mut expected: Vec<String> = (3..=12).map(|n| format!("bowline-web.r{n}")).collect();
    expected.sort();
    assert_eq!(stage.revisions("web").await, expected);
}

pub(crate) async fn a_finalizer_that_holds_is_named_and_the_second_run_finishes(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    cluster
        .merge("ConfigMap", "web-config", &hold)
        .await
        .unwrap();
    let held = "ConfigMap/web-config is held by example.com/hold";
    let outcome = stage
        .teardown_until_told("web", VolumeChoice::Keep, |reason| reason == held)
        .await;
    assert_eq!(outcome.pending, [held]);
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    let noted = annotation(&record, "bowline.dev/operation");
    assert!(noted.contains("\"rests\":true"), "{noted}");
    // Nobody is at it: whoever wants something else is told how it is finished.
    let plan = stage.plan_adjustment("web", Adjustment::Restart).await;
    let told = &plan.refusals[0].summary;
    let here = &cluster.namespace;
    for words in [
        format!("{here}/web stands half way: "),
        " left a teardown half done: ".to_owned(),
        format!("`bowline resume web -n {here}` or `bowline delete web -n {here}` goes on with it"),
    ] {
        assert!(told.contains(&words), "{words}: {told}");
    }
    let release = json!({"metadata": {"finalizers": null}});
    cluster
        .merge("ConfigMap", "web-config", &release)
        .await
        .unwrap();
    let outcome = stage.teardown("web", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("web", &[]).await;
}

pub(crate) async fn a_teardown_leaves_what_only_bears_the_labels(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let deployment = cluster.get("Deployment", "web").await.unwrap();
    let copied = with_metadata(
        config_map("copied", json!({"a": "1"})),
        "labels",
        deployment["metadata"]["labels"].clone(),
    );
    cluster.create(&copied).await.unwrap();
    let plan = stage.plan("web", WEB).await;
    assert!(plan.is_noop(), "{plan:?}");
    assert!(
        stage
            .teardown("web", VolumeChoice::Keep)
            .await
            .is_complete()
    );
    stage
        .until_nothing_is_left("web", &["ConfigMap/copied"])
        .await;
}

pub(crate) async fn what_others_change_meanwhile_is_no_part_of_the_plan(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let fault = Fault::before(Method::PATCH, "/deployments/web", {
        let cluster = cluster.clone();
        move || {
            let cluster = cluster.clone();
            Box::pin(async move {
                let note = json!({"metadata": {"annotations": {"example.org/note": "1"}}});
                let noted = cluster.merge("Deployment", "web", &note).await;
                noted.unwrap();
            })
        }
    });
    let stage = stage.with(fault.of_rehearsals());
    let plan = stage.plan("web", WEB).await;
    assert!(plan.is_noop(), "{plan:?}");
}

pub(crate) async fn an_object_being_deleted_is_waited_for(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    let old = cluster
        .merge("ConfigMap", "web-config", &hold)
        .await
        .unwrap();
    cluster
        .delete("ConfigMap", "web-config", json!({}))
        .await
        .unwrap();
    let plan = stage.plan("web", WEB).await;
    assert_eq!(changes(&plan)[0], "Create ConfigMap/web-config");
    let release = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let release = json!({"metadata": {"finalizers": null}});
        cluster
            .merge("ConfigMap", "web-config", &release)
            .await
            .unwrap();
    };
    let (outcome, ()) = tokio::join!(stage.run("web", WEB, &plan), release);
    assert!(outcome.is_complete(), "{outcome:?}");
    let new = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_ne!(uid(&new), uid(&old));
}

pub(crate) async fn a_deployment_that_becomes_a_stateful_set_is_replaced(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WITHOUT_VOLUME).await;
    let other = WITHOUT_VOLUME.replace("Deployment", "StatefulSet");
    let plan = stage.plan("web", &other).await;
    let expected = [
        "Create Service/web-headless",
        "Create StatefulSet/web",
        "Delete Deployment/web",
    ];
    assert_eq!(changes(&plan), expected);
    assert!(stage.run("web", &other, &plan).await.is_complete());
    // What goes is waited for, and is no failure.
    let waited = stage.wait("web").await;
    assert!(waited.is_complete(), "{waited:?}");
    cluster.until_gone("Deployment", "web").await;
}

pub(crate) async fn a_teardown_of_what_was_deployed_again_meanwhile_is_not_begun(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WITHOUT_VOLUME).await;
    let plan = stage.plan_teardown("web", VolumeChoice::Keep).await;
    stage.deploy("web", WEB).await;
    let outcome = stage.run_teardown(&plan).await;
    let [(Step::Claim, failure)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert!(failure.summary.contains("plan again"), "{failure}");
    assert_eq!(outcome.done, []);
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    assert_eq!(annotation(&record, "bowline.dev/operation"), "");
    let outcome = stage.teardown("web", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("web", &[]).await;
}

pub(crate) async fn a_workload_that_holds_is_named_once(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WITHOUT_VOLUME).await;
    let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    cluster.merge("Deployment", "web", &hold).await.unwrap();
    let outcome = stage
        .teardown_within("web", VolumeChoice::Keep, Duration::from_secs(3))
        .await;
    let held = outcome
        .pending
        .iter()
        .filter(|pending| pending.starts_with("Deployment/web is held by example.com/hold"));
    assert_eq!(held.count(), 1, "{outcome:?}");
    // Who looks later is told that it came to no end, and of whom; whoever goes on waits for nobody.
    let shown = stage.plan_teardown("web", VolumeChoice::Keep).await;
    let told =
        "tester@here 2 left a teardown half done: step 2 of 3: stopped waiting for Deployment/web";
    let mut warnings = shown.warnings.iter();
    assert!(warnings.any(|it| it.starts_with(told)), "{shown:?}");
    let detail = stage.engine().snapshot_instance(&stage.key("web")).await;
    let health = detail.unwrap().unwrap().health(jiff::Timestamp::now());
    let told =
        "teardown by tester@here 2 stands still at step 2 of 3: stopped waiting for Deployment/web";
    assert_eq!(
        (health.state, health.reason.as_deref()),
        (State::Interrupted, Some(told))
    );
    let release = json!({"metadata": {"finalizers": null}});
    cluster.merge("Deployment", "web", &release).await.unwrap();
    let report = |progress| assert!(!matches!(progress, Progress::Listening(_)), "{progress:?}");
    let options = stage::options(DEADLINE);
    let outcome = run_teardown(stage.engine(), &shown, &options, &report).await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

pub(crate) async fn a_kind_that_may_not_be_listed_is_left_to_others(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let unlisted = || Fault::instead(Method::GET, "/services", StatusCode::FORBIDDEN);
    stage.deploy("web", WEB).await;
    let blind = stage.with(unlisted());
    let plan = blind.plan("web", WITHOUT_VOLUME).await;
    let outcome = blind.run("web", WITHOUT_VOLUME, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    // Whoever may list it finds it by the record.
    let plan = stage.plan("web", WITHOUT_VOLUME).await;
    assert_eq!(
        changes(&plan),
        ["Unchanged Deployment/web", "Delete Service/web"]
    );

    let blind = stage.with(unlisted());
    let plan = blind.plan_teardown("web", VolumeChoice::Keep).await;
    assert!(blind.run_teardown(&plan).await.is_complete(), "{plan:?}");
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    // What is left is no whole instance: the teardown stays noted, and whoever may list it goes on at once.
    let noted: Value = serde_json::from_str(annotation(&record, "bowline.dev/operation")).unwrap();
    assert_eq!(
        (&noted["kind"], &noted["rests"]),
        (&json!("teardown"), &json!(true))
    );
    assert_eq!(noted["step"], "not everything of its set could be listed");
    cluster.get("Service", "web").await.unwrap();
    let outcome = stage.teardown("web", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("web", &[]).await;
}

pub(crate) async fn fields_of_others_are_left_to_them_where_that_is_wanted(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let theirs = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "web", "image": "nginx:theirs"}]}}}});
    cluster.force("their-tool", &theirs).await.unwrap();
    let changed = WEB.replace("LEVEL: info", "LEVEL: debug");
    let stage = stage.yielding();
    let plan = stage.plan("web", &changed).await;
    let mut yielded: Vec<_> = plan.yielded.iter().map(|one| one.field.as_str()).collect();
    yielded.sort_unstable();
    let expected = [
        ".spec.replicas",
        r#".spec.template.spec.containers[name="web"].image"#,
    ];
    assert_eq!(
        (yielded.as_slice(), plan.conflicts.len()),
        (&expected[..], 0)
    );
    // What is left to others is no part of the difference.
    let shows = |word: &str| {
        let lines = plan.objects.iter().flat_map(|object| &object.difference);
        lines
            .filter(|line| line.side != DiffSide::Both)
            .any(|line| line.text.contains(word))
    };
    assert!(
        shows("debug") && !shows("replicas") && !shows("nginx"),
        "{plan:?}"
    );
    let outcome = stage.run("web", &changed, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let deployment = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(deployment["spec"]["replicas"], json!(3));
    assert_eq!(
        deployment["spec"]["template"]["spec"]["containers"][0]["image"],
        "nginx:theirs"
    );
    let config = cluster.get("ConfigMap", "web-config").await.unwrap();
    assert_eq!(config["data"]["LEVEL"], "debug");
    assert!(stage.plan("web", &changed).await.is_noop());
}
