//! Claims and volumes over the life of instances: retained, bound again, kept, released, grown.

use bowline::engine::claims::{ClaimList, list_claims, plan_release};
use bowline::engine::plan::{Fate, Outcome, Progress, Step, TeardownPlan, VolumeChoice};
use bowline::service::claim_use::ClaimState;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::engine::stage::Stage;

const CLAIM: &str = "PersistentVolumeClaim";
const VOLUME: &str = "PersistentVolume";

/// A service with a claim for each replica.
const DB: &str = "
containers:
  - name: db
    image: postgres:16
    volumeMounts: [{name: data, mountPath: /data}]
volumes: [{name: data, size: 1Gi}]
";

/// The same without its claims.
const STATELESS: &str = "
containers:
  - name: db
    image: postgres:16
";

async fn deployed(stage: &Stage<'_>, id: &str, text: &str) {
    let outcome = stage.deploy(id, text).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let outcome = stage.wait(id).await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

fn volume_of(claim: &Value) -> String {
    claim["spec"]["volumeName"].as_str().unwrap().to_owned()
}

async fn claims_of(stage: &Stage<'_>) -> ClaimList {
    let (engine, namespace) = (stage.engine().clone(), stage.engine().namespace().clone());
    // Spawned, as the dashboard does.
    let listed = tokio::spawn(async move { list_claims(&engine, Some(&namespace)).await });
    listed.await.unwrap().unwrap()
}

/// Returns name, state and users of each claim.
fn shown(list: &ClaimList) -> Vec<(&str, ClaimState, Vec<&str>)> {
    let claims = list.claims.iter();
    claims
        .map(|listed| {
            let used_by = listed.used_by.iter().map(String::as_str).collect();
            (listed.claim.name.as_str(), listed.state, used_by)
        })
        .collect()
}

/// Returns the names of what a plan deletes.
fn deleted(plan: &TeardownPlan) -> Vec<&str> {
    let rows = plan.rows.iter().filter(|row| row.fate == Fate::Deleted);
    rows.map(|row| row.key.name.as_str()).collect()
}

fn done(outcome: &Outcome) -> Vec<String> {
    outcome
        .done
        .iter()
        .map(|step| format!("{step:?}"))
        .collect()
}

fn is_retained(step: &Step) -> bool {
    matches!(step, Step::Retain(_))
}

pub(crate) async fn volumes_that_are_retained_outlive_their_claims(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let volume = volume_of(&case.get(CLAIM, "data-db-0").await.unwrap());
    let plan = stage.plan_teardown("db", VolumeChoice::Retain).await;
    assert_eq!(plan.refusals, []);
    let retained: Vec<&str> = plan
        .retentions
        .iter()
        .map(|it| it.volume.name.as_str())
        .collect();
    assert_eq!(retained, [volume.as_str()]);
    assert!(
        !plan.rows.iter().any(|row| row.destroys_data()),
        "{:?}",
        plan.rows
    );
    let outcome = stage.run_teardown(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(
        is_retained(&outcome.done[1]),
        "first of all: {:?}",
        done(&outcome)
    );
    stage.until_nothing_is_left("db", &[]).await;
    let live = case
        .until(VOLUME, &volume, |volume| {
            volume["status"]["phase"] == "Released"
        })
        .await;
    assert_eq!(live["spec"]["persistentVolumeReclaimPolicy"], "Retain");
    assert_eq!(
        live["metadata"]["labels"],
        json!({
            "app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "db",
            "bowline.dev/namespace": case.namespace, "bowline.dev/claim": "data-db-0",
        })
    );
    let list = claims_of(&stage).await;
    assert_eq!(shown(&list), []);
    let retained: Vec<(&str, &str)> = list
        .retained
        .iter()
        .map(|it| (it.volume.as_str(), it.claim.as_str()))
        .collect();
    assert_eq!(retained, [(volume.as_str(), "data-db-0")]);
}

pub(crate) async fn a_retaining_teardown_that_was_cut_off_is_finished_by_a_second_run(
    case: Cluster,
) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let volume = volume_of(&case.get(CLAIM, "data-db-0").await.unwrap());
    let plan = stage.plan_teardown("db", VolumeChoice::Retain).await;
    let is_enough =
        |progress: &Progress| matches!(progress, Progress::Done(step, _) if is_retained(step));
    stage.run_teardown_until(&plan, is_enough).await;
    let outcome = stage.teardown("db", VolumeChoice::Retain).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("db", &[]).await;
    case.until(VOLUME, &volume, |volume| {
        volume["status"]["phase"] == "Released"
    })
    .await;
}

pub(crate) async fn who_may_not_change_volumes_is_told_before_anything_is_deleted(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let plan = stage
        .viewer()
        .plan_teardown("db", VolumeChoice::Retain)
        .await;
    let refusals: Vec<&str> = plan.refusals.iter().map(|it| it.summary.as_str()).collect();
    assert!(
        refusals
            .iter()
            .any(|it| it.contains("may not read and change volumes")),
        "{refusals:?}"
    );
    let outcome = stage.viewer().run_teardown(&plan).await;
    assert_eq!(outcome.done, []);
}

pub(crate) async fn a_volume_that_is_not_the_claims_is_not_retained(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let mut plan = stage.plan_teardown("db", VolumeChoice::Retain).await;
    // The claim that was planned is not the one that the volume is bound to.
    plan.retentions[0].claim_uid = "another".to_owned();
    let outcome = stage.run_teardown(&plan).await;
    let failed: Vec<&str> = outcome
        .failed
        .iter()
        .map(|(_, it)| it.summary.as_str())
        .collect();
    assert!(failed[0].contains("is not the volume of"), "{failed:?}");
    let claim = case.get(CLAIM, "data-db-0").await.unwrap();
    assert_eq!(claim["metadata"]["deletionTimestamp"], Value::Null);
    let volume = case.get(VOLUME, &volume_of(&claim)).await.unwrap();
    assert_eq!(volume["spec"]["persistentVolumeReclaimPolicy"], "Delete");
    assert!(case.get("StatefulSet", "db").await.is_ok());
}

pub(crate) async fn claims_are_listed_with_their_users_and_kept_ones_among_them(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let used = claims_of(&stage).await;
    assert_eq!(
        shown(&used),
        [("data-db-0", ClaimState::InUse, vec!["db-0"])]
    );
    assert_eq!(used.claims[0].reclaim_policy.as_deref(), Some("Delete"));
    let outcome = stage.teardown("db", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let kept = claims_of(&stage).await;
    assert_eq!(shown(&kept), [("data-db-0", ClaimState::Kept, vec![])]);
    // Who may not read volumes sees the rest.
    let list = claims_of(&stage.viewer()).await;
    assert_eq!(
        (shown(&list), &list.claims[0].reclaim_policy),
        (shown(&kept), &None)
    );
    assert_eq!(list.warnings.len(), 1, "{:?}", list.warnings);
}

pub(crate) async fn only_kept_claims_are_released(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let plan = plan_release(stage.engine(), &stage.key("db"), VolumeChoice::Delete)
        .await
        .unwrap();
    assert_eq!(deleted(&plan), [""; 0], "{:?}", plan.rows);
    assert_eq!(stage.run_teardown(&plan).await, Outcome::default());

    let outcome = stage.teardown("db", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let volume = volume_of(&case.get(CLAIM, "data-db-0").await.unwrap());
    // What is deployed since is left alone, though it bears the same ID.
    deployed(&stage, "db", STATELESS).await;
    let plan = plan_release(stage.engine(), &stage.key("db"), VolumeChoice::Delete)
        .await
        .unwrap();
    assert_eq!(deleted(&plan), ["data-db-0"]);
    assert!(plan.rows[0].destroys_data());
    let outcome = stage.run_teardown(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    case.until_gone(CLAIM, "data-db-0").await;
    case.until_gone(VOLUME, &volume).await;
    assert!(stage.wait("db").await.is_complete());
    let plan = stage.plan("db", STATELESS).await;
    assert!(plan.is_noop(), "{plan:?}");
}

pub(crate) async fn a_kept_claim_that_somebodys_pod_uses_is_not_released(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    stage.teardown("db", VolumeChoice::Keep).await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "rescue"},
        "spec": {
            "containers": [{"name": "c", "image": "busybox:1",
                "volumeMounts": [{"name": "d", "mountPath": "/d"}]}],
            "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data-db-0"}}],
        },
    });
    case.create(&pod).await.unwrap();
    let list = claims_of(&stage).await;
    assert_eq!(
        shown(&list),
        [("data-db-0", ClaimState::InUse, vec!["rescue"])]
    );
    let plan = plan_release(stage.engine(), &stage.key("db"), VolumeChoice::Delete)
        .await
        .unwrap();
    assert_eq!(
        plan.rows[0].fate,
        Fate::Left("pod rescue uses it".to_owned())
    );
}

pub(crate) async fn a_claim_that_was_made_again_meanwhile_is_not_released(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    stage.teardown("db", VolumeChoice::Keep).await;
    let plan = plan_release(stage.engine(), &stage.key("db"), VolumeChoice::Delete)
        .await
        .unwrap();
    let outcome = stage.teardown("db", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    deployed(&stage, "db", DB).await;
    let outcome = stage.run_teardown(&plan).await;
    assert!(!outcome.is_complete(), "{outcome:?}");
    let claim = case.get(CLAIM, "data-db-0").await.unwrap();
    assert_eq!(claim["metadata"]["deletionTimestamp"], Value::Null);
}
