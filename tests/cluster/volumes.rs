//! Claims and volumes over the life of instances: retained, bound again, kept, released, grown.

use std::time::Duration;

use bowline::engine::adjust::Adjustment;
use bowline::engine::claims::{ClaimList, list_claims, plan_release};
use bowline::engine::deploy::RunOptions;
use bowline::engine::drift::changes;
use bowline::engine::operation::Meeting;
use bowline::engine::plan::{DeployPlan, Fate, TeardownPlan, VolumeChoice};
use bowline::engine::progress::{Outcome, Progress, Step};
use bowline::engine::remedy::{Remedies, Remedy};
use bowline::engine::resume::{ResumePlan, ResumeRequest, plan_resume};
use bowline::engine::retained::plan_volume_release;
use bowline::engine::rollback::{plan_rollback, run_rollback};
use bowline::engine::teardown::{TeardownOptions, run_teardown};
use bowline::engine::wait::wait_ready;
use bowline::failure::FailureKind;
use bowline::service::claim_use::ClaimState;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::batch::job;
use crate::cluster::{Cluster, DEADLINE, ask, name_of};
use crate::engine::stage::{DB, Fault, Stage, claiming_set, deployment, options};
use crate::objects::claim;

const CLAIM: &str = "PersistentVolumeClaim";
const VOLUME: &str = "PersistentVolume";

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

pub(crate) async fn a_claim_that_is_a_part_of_what_runs_is_not_released(case: Cluster) {
    let stage = Stage::new(&case);
    // Nothing mounts it that anybody lists.
    let text = claim("backups", "1Gi").to_string();
    assert!(stage.deploy("db", &text).await.is_complete());
    let is_kept = async || {
        let list = claims_of(&stage).await;
        list.claims[0].state == ClaimState::Kept
    };
    case.until(CLAIM, "backups", |claim| {
        claim["status"]["phase"].is_string()
    })
    .await;
    assert!(!is_kept().await);
    let plan = plan_release(stage.engine(), &stage.key("db"), VolumeChoice::Delete)
        .await
        .unwrap();
    let part = Fate::Left("it is a part of the instance".to_owned());
    assert_eq!(plan.rows[0].fate, part);
    assert_eq!(deleted(&plan), [""; 0]);

    let outcome = stage.teardown("db", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(is_kept().await);
    let plan = plan_release(stage.engine(), &stage.key("db"), VolumeChoice::Delete)
        .await
        .unwrap();
    assert_eq!(deleted(&plan), ["backups"]);
}

pub(crate) async fn a_kept_claim_that_somebodys_pod_uses_is_not_released(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    stage.teardown("db", VolumeChoice::Keep).await;
    case.create(&rescue("data-db-0")).await.unwrap();
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

pub(crate) async fn a_release_is_not_told_to_be_done_where_a_claim_is_used_meanwhile(
    case: Cluster,
) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    stage.teardown("db", VolumeChoice::Keep).await;
    deployed(&stage, "db", STATELESS).await;
    let plan = plan_release(stage.engine(), &stage.key("db"), VolumeChoice::Delete)
        .await
        .unwrap();
    let is_enough = |progress: &Progress| matches!(progress, Progress::Done(Step::Claim, _));
    stage.run_teardown_until(&plan, is_enough).await;
    case.create(&rescue("data-db-0")).await.unwrap();
    let plan = plan_what_is_left(&stage).await;
    let ResumePlan::Clear(plan) = plan else {
        panic!("{plan:?}")
    };
    let why = "PersistentVolumeClaim/data-db-0 stays: pod rescue uses it";
    assert_eq!(plan.why, why);
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

/// Makes a class whose claims may grow, and returns its name.
async fn growing_class(case: &Cluster) -> String {
    let name = format!("growing-{}", case.namespace);
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
        "provisioner": "kubernetes.io/host-path", "allowVolumeExpansion": true,
    });
    case.create(&class).await.unwrap();
    name
}

/// A service of two replicas with a claim each, of a class and a size.
fn sized(class: &str, size: &str) -> String {
    format!(
        "
containers:
  - name: db
    image: postgres:16
    volumeMounts: [{{name: data, mountPath: /data}}]
volumes: [{{name: data, size: {size}, storageClass: {class}}}]
replicas: 2
"
    )
}

fn grow() -> Remedies {
    Remedies::default().with(Remedy::GrowVolumes)
}

fn recreate() -> Remedies {
    Remedies::default().with(Remedy::Recreate)
}

fn remedies(plan: &DeployPlan) -> Vec<Remedy> {
    plan.offers.iter().map(|offer| offer.remedy).collect()
}

fn refusals(plan: &DeployPlan) -> Vec<&str> {
    plan.refusals.iter().map(|it| it.summary.as_str()).collect()
}

async fn uids(case: &Cluster, kind: &str) -> Vec<String> {
    let objects = case.list(kind, "app.kubernetes.io/instance=db").await;
    let uid = |object: &Value| object["metadata"]["uid"].as_str().unwrap().to_owned();
    objects.iter().map(uid).collect()
}

async fn requests(case: &Cluster) -> Vec<String> {
    let claims = case.list(CLAIM, "app.kubernetes.io/instance=db").await;
    let size = |claim: &Value| {
        let size = &claim["spec"]["resources"]["requests"]["storage"];
        size.as_str().unwrap().to_owned()
    };
    claims.iter().map(size).collect()
}

fn template_size(set: &Value) -> &Value {
    &set["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]
}

pub(crate) async fn retained_volumes_are_offered_and_bound_again(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let volume = volume_of(&case.get(CLAIM, "data-db-0").await.unwrap());
    let outcome = stage.teardown("db", VolumeChoice::Retain).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    case.until(VOLUME, &volume, |volume| {
        volume["status"]["phase"] == "Released"
    })
    .await;

    let plan = stage.plan("db", DB).await;
    assert_eq!(plan.refusals, []);
    assert_eq!(remedies(&plan), [Remedy::BindRetained]);
    assert!(
        plan.offers[0].sentence.contains(&volume),
        "{:?}",
        plan.offers
    );
    // Another instance is not offered it.
    assert_eq!(remedies(&stage.plan("other", DB).await), []);
    // Nor is a claim that wants more than it has.
    let larger = stage.plan("db", &DB.replace("1Gi", "2Gi")).await;
    assert_eq!(remedies(&larger), []);
    assert!(
        larger
            .warnings
            .iter()
            .any(|it| it.contains("cannot be bound again")),
        "{:?}",
        larger.warnings
    );

    let binding = stage.agreeing(Remedies::default().with(Remedy::BindRetained));
    // Who asked for it gets no empty volume instead.
    let larger = binding.plan("db", &DB.replace("1Gi", "2Gi")).await;
    let told = format!(
        "PersistentVolume/{volume} is retained from claim data-db-0 and cannot be bound again: it has 1Gi, and 2Gi is asked for"
    );
    assert_eq!(larger.refusals[0].summary, told);
    assert_eq!(larger.refusals[0].kind, FailureKind::Refused);
    let forbidden = Fault::instead(Method::GET, "/persistentvolumes", StatusCode::FORBIDDEN);
    let blind = stage.with(forbidden);
    let plan = blind.plan_request(binding.request("db", DB)).await;
    let told = "this user may not list volumes, so nobody can say which were retained";
    let mut refusals = plan.refusals.iter();
    assert!(refusals.any(|it| it.summary.starts_with(told)), "{plan:?}");
    // What had begun goes on without them.
    let begun = Remedies {
        pass_over: true,
        ..Remedies::default().with(Remedy::BindRetained)
    };
    let begun = stage.agreeing(begun);
    let larger = begun.plan("db", &DB.replace("1Gi", "2Gi")).await;
    assert_eq!(larger.refusals, []);

    let plan = binding.plan("db", DB).await;
    let bound: Vec<&str> = plan
        .storage
        .binds
        .iter()
        .map(|it| it.claim.as_str())
        .collect();
    assert_eq!((remedies(&plan), bound), (vec![], vec!["data-db-0"]));
    let outcome = binding.run("db", DB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let outcome = stage.wait("db").await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(
        volume_of(&case.get(CLAIM, "data-db-0").await.unwrap()),
        volume
    );
    assert!(stage.plan("db", DB).await.is_noop());
    assert_eq!(claims_of(&stage).await.retained, []);
}

pub(crate) async fn of_two_volumes_of_a_claim_one_that_fits_is_bound(case: Cluster) {
    let stage = Stage::new(&case);
    let larger = DB.replace("1Gi", "2Gi");
    let small = retained(&stage).await;
    let large = retained_of(&stage, &larger).await;
    let binding = stage.agreeing(Remedies::default().with(Remedy::BindRetained));
    let bound = |plan: &DeployPlan| -> Vec<String> {
        let binds = plan.storage.binds.iter();
        binds.map(|it| it.volume.name.clone()).collect()
    };
    // Where both fit, the claim gets one, and the other is named.
    let both = binding.plan("db", DB).await;
    let [one] = &bound(&both)[..] else {
        panic!("{both:?}")
    };
    let other = if *one == small { &large } else { &small };
    let named = format!("PersistentVolume/{other} ");
    let left = "stays retained: claim data-db-0 is bound to another one";
    let mut warnings = both.warnings.iter();
    assert!(warnings.any(|it| it.starts_with(&named) && it.ends_with(left)));

    // What does not fit stands in nobody's way.
    let plan = binding.plan("db", &larger).await;
    assert_eq!(
        (&plan.refusals, bound(&plan)),
        (&vec![], vec![large.clone()])
    );
    let unfit = format!(
        "PersistentVolume/{small} is retained from claim data-db-0 and cannot be bound again: it has 1Gi, and 2Gi is asked for"
    );
    assert!(plan.warnings.contains(&unfit), "{:?}", plan.warnings);
    let outcome = binding.run("db", &larger, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("db").await.is_complete());
    let claim = case.get(CLAIM, "data-db-0").await.unwrap();
    assert_eq!(volume_of(&claim), large);
}

/// A scale adds replicas with new volumes, a definition of fewer leaves some of the retained ones: neither goes unsaid.
pub(crate) async fn volumes_of_replicas_that_are_not_there_are_told(case: Cluster) {
    let stage = Stage::new(&case);
    let two = DB.replacen("containers:", "replicas: 2\ncontainers:", 1);
    deployed(&stage, "db", &two).await;
    let first = volume_of(&case.get(CLAIM, "data-db-0").await.unwrap());
    let second = volume_of(&case.get(CLAIM, "data-db-1").await.unwrap());
    let outcome = stage.teardown("db", VolumeChoice::Retain).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    for volume in [&first, &second] {
        let is_released = |volume: &Value| volume["status"]["phase"] == "Released";
        case.until(VOLUME, volume, is_released).await;
    }

    let binding = stage.agreeing(Remedies::default().with(Remedy::BindRetained));
    let plan = binding.plan("db", DB).await;
    assert_eq!(plan.storage.binds.len(), 1);
    let left = format!(
        "PersistentVolume/{second} (1Gi) stays retained: it is of claim data-db-1, and StatefulSet/db has 1 replica; \
         a deploy with 2 replicas can bind it again, a scale gives that pod a new, empty volume"
    );
    assert_eq!(plan.warnings, [left]);
    let outcome = binding.run("db", DB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("db").await.is_complete());

    let plan = stage.plan_adjustment("db", Adjustment::Scale(2)).await;
    let passed_over = format!(
        "PersistentVolume/{second} (1Gi) is retained from claim data-db-1, which gets a new, empty volume: \
         a deploy of that many replicas with --bind-retained gives it back"
    );
    assert!(plan.warnings.contains(&passed_over), "{:?}", plan.warnings);

    // What was bound again keeps its policy: data that was to go stays, and that is said.
    let plan = stage.plan_teardown("db", VolumeChoice::Delete).await;
    let namespace = &stage.key("db").namespace;
    let stays = format!(
        "PersistentVolume/{first} of claim data-db-0 stays with its data, as its reclaim policy is Retain; \
         `bowline delete --retained db -n {namespace}` frees it afterwards"
    );
    assert!(plan.warnings.contains(&stays), "{:?}", plan.warnings);
}

/// Plans the release of what was retained of `db`, as the dashboard does.
async fn volume_release(stage: &Stage<'_>, choice: VolumeChoice) -> TeardownPlan {
    named_release(stage, choice, &[]).await
}

/// Plans the release of these volumes of `db` alone.
async fn named_release(stage: &Stage<'_>, choice: VolumeChoice, named: &[&str]) -> TeardownPlan {
    let (engine, key) = (stage.engine().clone(), stage.key("db"));
    let named = named.iter().map(|it| (*it).to_owned()).collect();
    let planned =
        tokio::spawn(async move { plan_volume_release(&engine, &key, choice, &named).await });
    planned.await.unwrap().unwrap()
}

/// Deploys `db`, takes it down so that its volume is retained, and returns that.
async fn retained(stage: &Stage<'_>) -> String {
    retained_of(stage, DB).await
}

async fn retained_of(stage: &Stage<'_>, text: &str) -> String {
    deployed(stage, "db", text).await;
    let case = stage.case();
    let volume = volume_of(&case.get(CLAIM, "data-db-0").await.unwrap());
    let outcome = stage.teardown("db", VolumeChoice::Retain).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let is_released = |volume: &Value| volume["status"]["phase"] == "Released";
    case.until(VOLUME, &volume, is_released).await;
    volume
}

pub(crate) async fn a_retained_volume_is_released_with_its_data(case: Cluster) {
    let stage = Stage::new(&case);
    let volume = retained(&stage).await;
    let list = claims_of(&stage).await;
    let listed = &list.retained[0];
    assert_eq!(
        (&*listed.volume, &*listed.claim, listed.goes_with_data()),
        (&*volume, "data-db-0", true)
    );
    // One that runs by now under the same ID loses nothing.
    deployed(&stage, "db", DB).await;
    let own = volume_of(&case.get(CLAIM, "data-db-0").await.unwrap());
    let plan = volume_release(&stage, VolumeChoice::Delete).await;
    assert_eq!((deleted(&plan), &plan.refusals), (vec![&*volume], &vec![]));
    assert!(plan.rows[0].destroys_data(), "{:?}", plan.rows);
    let outcome = stage.run_teardown(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    case.until_gone(VOLUME, &volume).await;
    assert_eq!(claims_of(&stage).await.retained, []);
    assert!(stage.wait("db").await.is_complete());
    assert!(stage.plan("db", DB).await.is_noop());
    assert!(case.get(VOLUME, &own).await.is_ok());
    // A second run finds nothing that is left to do.
    let plan = volume_release(&stage, VolumeChoice::Delete).await;
    assert_eq!(plan.rows, []);
}

pub(crate) async fn a_retained_volume_is_given_up_without_its_data(case: Cluster) {
    let stage = Stage::new(&case);
    let volume = retained(&stage).await;
    let plan = volume_release(&stage, VolumeChoice::Retain).await;
    assert_eq!(deleted(&plan), [&*volume]);
    assert!(!plan.rows[0].destroys_data(), "{:?}", plan.rows);
    assert!(
        plan.warnings[0].contains("its storage stays"),
        "{:?}",
        plan.warnings
    );
    assert!(plan.releases.iter().all(|it| !it.is_reclaimed));
    let outcome = stage.run_teardown(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    case.until_gone(VOLUME, &volume).await;
    // What is retained already is not kept once more.
    let plan = volume_release(&stage, VolumeChoice::Keep).await;
    assert_eq!(plan.refusals.len(), 1, "{plan:?}");
}

pub(crate) async fn a_volume_that_a_claim_has_again_is_not_released(case: Cluster) {
    let stage = Stage::new(&case);
    let volume = retained(&stage).await;
    let plan = volume_release(&stage, VolumeChoice::Delete).await;
    let binding = stage.agreeing(Remedies::default().with(Remedy::BindRetained));
    deployed(&binding, "db", DB).await;
    assert_eq!(
        volume_of(&case.get(CLAIM, "data-db-0").await.unwrap()),
        volume
    );
    for choice in [VolumeChoice::Delete, VolumeChoice::Retain] {
        let late = TeardownPlan {
            volumes: choice,
            record_version: volume_release(&stage, choice).await.record_version,
            ..plan.clone()
        };
        let outcome = stage.run_teardown(&late).await;
        assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
    }
    let live = case.get(VOLUME, &volume).await.unwrap();
    assert_eq!(
        (
            &live["metadata"]["deletionTimestamp"],
            &live["spec"]["persistentVolumeReclaimPolicy"]
        ),
        (&Value::Null, &json!("Retain"))
    );
    // It bears the labels on, and is none that is left over.
    assert_eq!(volume_release(&stage, VolumeChoice::Delete).await.rows, []);
    assert_eq!(claims_of(&stage).await.retained, []);
}

pub(crate) async fn a_volume_that_only_bears_the_labels_is_not_released(case: Cluster) {
    let stage = Stage::new(&case);
    let name = format!("copied-{}", case.namespace);
    let copied = json!({
        "apiVersion": "v1", "kind": VOLUME,
        "metadata": {"name": name, "labels": {
            "app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "db",
            "bowline.dev/namespace": case.namespace, "bowline.dev/claim": "data-db-0"},
            "annotations": {"bowline.dev/reclaim-policy": "Delete"}},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "standard",
            "hostPath": {"path": "/tmp/none"},
            "claimRef": {"namespace": case.namespace, "name": "data-db-0", "uid": "1"}},
    });
    case.create(&copied).await.unwrap();
    case.until(VOLUME, &name, |it| it["status"]["phase"] == "Released")
        .await;
    let plan = volume_release(&stage, VolumeChoice::Delete).await;
    let left = Fate::Left("it bears the labels, but bowline did not retain it".to_owned());
    assert_eq!(plan.rows[0].fate, left);
    assert_eq!(stage.run_teardown(&plan).await, Outcome::default());
    // Who may not see volumes is told so.
    let key = stage.key("db");
    let (engine, all) = (stage.viewer(), Default::default());
    let refused = plan_volume_release(engine.engine(), &key, VolumeChoice::Delete, &all).await;
    assert_eq!(refused.unwrap_err().kind, FailureKind::Forbidden);
}

pub(crate) async fn a_bound_again_volume_survives_a_deploy_that_is_cut_off(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let volume = volume_of(&case.get(CLAIM, "data-db-0").await.unwrap());
    stage.teardown("db", VolumeChoice::Retain).await;
    case.until(VOLUME, &volume, |volume| {
        volume["status"]["phase"] == "Released"
    })
    .await;
    let binding = stage.agreeing(Remedies::default().with(Remedy::BindRetained));
    let plan = binding.plan("db", DB).await;
    let is_enough = |progress: &Progress| matches!(progress, Progress::Done(Step::Bind(_), _));
    binding.run_until("db", DB, &plan, is_enough).await;
    // The second run need not be told: the volume is free for nobody else.
    deployed(&stage, "db", DB).await;
    assert_eq!(
        volume_of(&case.get(CLAIM, "data-db-0").await.unwrap()),
        volume
    );
}

pub(crate) async fn claims_and_their_template_grow_together_while_the_pods_go_on(case: Cluster) {
    let stage = Stage::new(&case);
    let class = growing_class(&case).await;
    deployed(&stage, "db", &sized(&class, "1Gi")).await;
    let pods = uids(&case, "Pod").await;
    let text = sized(&class, "2Gi");
    let plan = stage.plan("db", &text).await;
    assert_eq!(remedies(&plan), [Remedy::GrowVolumes, Remedy::Recreate]);
    let [refusal] = plan.refusals.as_slice() else {
        panic!("{plan:?}")
    };
    assert!(refusal.detail.contains("--grow-volumes"), "{refusal:?}");
    assert!(!stage.run("db", &text, &plan).await.is_complete());

    let growing = stage.agreeing(grow());
    let plan = growing.plan("db", &text).await;
    assert_eq!(refusals(&plan), [""; 0]);
    assert_eq!(plan.storage.growths.len(), 2);
    let outcome = growing.run("db", &text, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let outcome = stage.wait("db").await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(requests(&case).await, ["2Gi", "2Gi"]);
    let set = case.get("StatefulSet", "db").await.unwrap();
    assert_eq!(*template_size(&set), "2Gi");
    assert_eq!(uids(&case, "Pod").await, pods);
    let pod = case.get("Pod", "db-0").await.unwrap();
    assert_eq!(
        pod["metadata"]["ownerReferences"][0]["uid"],
        set["metadata"]["uid"]
    );
    assert!(stage.plan("db", &text).await.is_noop());
}

pub(crate) async fn what_grows_keeps_the_number_that_was_set(case: Cluster) {
    let stage = Stage::new(&case);
    let class = growing_class(&case).await;
    let open = |size: &str| sized(&class, size).replace("replicas: 2\n", "");
    deployed(&stage, "db", &open("1Gi")).await;
    stage.adjust("db", Adjustment::Scale(3)).await;
    let outcome = stage.wait("db").await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let pods = uids(&case, "Pod").await;
    let (growing, text) = (stage.agreeing(grow()), open("2Gi"));
    let plan = growing.plan("db", &text).await;
    let mut notes = plan.objects.iter().filter_map(|it| it.note.as_deref());
    let told = "made anew: its pods go on running and are adopted; its 3 replicas stay";
    assert!(notes.any(|note| note == told), "{plan:?}");
    let outcome = growing.run("db", &text, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let outcome = stage.wait("db").await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(uids(&case, "Pod").await, pods);
    assert!(stage.plan("db", &text).await.is_noop());
}

pub(crate) async fn a_growth_that_is_cut_off_is_finished_by_a_second_run(case: Cluster) {
    let stage = Stage::new(&case);
    let class = growing_class(&case).await;
    deployed(&stage, "db", &sized(&class, "1Gi")).await;
    let pods = uids(&case, "Pod").await;
    let (text, growing) = (sized(&class, "2Gi"), stage.agreeing(grow()));
    let plan = growing.plan("db", &text).await;
    let is_enough = |progress: &Progress| matches!(progress, Progress::Done(Step::Grow(_), _));
    growing.run_until("db", &text, &plan, is_enough).await;
    let plan = growing.plan("db", &text).await;
    assert_eq!(plan.storage.growths.len(), 1, "{:?}", plan.storage);
    // The set is gone, its pods run on, and the next one adopts them.
    case.delete("StatefulSet", "db", json!({"propagationPolicy": "Orphan"}))
        .await
        .unwrap();
    case.until_gone("StatefulSet", "db").await;
    let plan = growing.plan("db", &text).await;
    let outcome = growing.run("db", &text, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("db").await.is_complete());
    assert_eq!(uids(&case, "Pod").await, pods);
}

pub(crate) async fn claims_of_a_class_that_does_not_allow_it_never_grow(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let text = DB.replace("1Gi", "2Gi");
    let plan = stage.agreeing(grow()).plan("db", &text).await;
    assert_eq!(
        refusals(&plan),
        [
            "PersistentVolumeClaim/data-db-0 cannot grow to 2Gi: its class standard does not allow claims to grow"
        ]
    );
    // Nor is it offered.
    assert_eq!(remedies(&stage.plan("db", &text).await), [Remedy::Recreate]);
}

pub(crate) async fn claims_never_shrink_and_a_rollback_says_so(case: Cluster) {
    let stage = Stage::new(&case);
    let class = growing_class(&case).await;
    let (small, large) = (sized(&class, "1Gi"), sized(&class, "2Gi"));
    deployed(&stage, "db", &small).await;
    deployed(&stage.agreeing(grow()), "db", &large).await;
    let plan = stage.plan("db", &small).await;
    assert_eq!(
        refusals(&plan),
        ["claims never shrink: volume data of StatefulSet/db has 2Gi, and 1Gi is asked for"]
    );
    assert_eq!(remedies(&plan), []);

    let wish = crate::history::to(&stage, "db", Some(1));
    let no_secrets = |_: &_| Ok(bowline::secret::SecretValues::default());
    let plan = plan_rollback(stage.engine(), &wish, &no_secrets)
        .await
        .unwrap();
    assert_eq!(plan.deploy.refusals, []);
    assert!(
        plan.deploy
            .warnings
            .iter()
            .any(|it| it.contains("stays at 2Gi")),
        "{:?}",
        plan.deploy.warnings
    );
    let outcome = run_rollback(stage.engine(), &plan, RunOptions::default(), &|_| {}).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(requests(&case).await, ["2Gi", "2Gi"]);
    // What was rolled back to is what is applied: deploying it again changes nothing.
    let again = stage.plan("db", &small).await;
    assert!(again.is_noop(), "{again:?}");
}

pub(crate) async fn what_can_never_change_is_made_anew_with_its_claims(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let (claims, pods) = (uids(&case, CLAIM).await, uids(&case, "Pod").await);
    // Its claims would go with it, were they not let go of first.
    let policy =
        json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}});
    case.merge("StatefulSet", "db", &policy).await.unwrap();
    case.until(CLAIM, "data-db-0", |claim| {
        claim["metadata"]["ownerReferences"].is_array()
    })
    .await;
    let text = DB
        .replace(
            "mountPath: /data}",
            "mountPath: /data}, {name: log, mountPath: /log}",
        )
        .replace("size: 1Gi}", "size: 1Gi}\n  - {name: log, size: 1Gi}");
    let plan = stage.plan("db", &text).await;
    assert_eq!(remedies(&plan), [Remedy::Recreate]);
    assert!(
        plan.refusals[0].detail.contains("--recreate"),
        "{:?}",
        plan.refusals
    );
    let anew = stage.agreeing(recreate());
    let plan = anew.plan("db", &text).await;
    assert_eq!(refusals(&plan), [""; 0]);
    let outcome = anew.run("db", &text, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let outcome = stage.wait("db").await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let names = case.list(CLAIM, "app.kubernetes.io/instance=db").await;
    let names: Vec<&str> = names.iter().map(crate::cluster::name_of).collect();
    assert_eq!(names, ["data-db-0", "log-db-0"]);
    assert_eq!(uids(&case, CLAIM).await[0], claims[0]);
    assert_ne!(uids(&case, "Pod").await, pods);
    assert!(stage.plan("db", &text).await.is_noop());
}

pub(crate) async fn a_set_that_leaves_the_definition_leaves_its_claims_behind(case: Cluster) {
    let stage = Stage::new(&case);
    let policy = "persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Delete}";
    let set = claiming_set(1).replace("serviceName: db", &format!("serviceName: db\n  {policy}"));
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: db-config}\n";
    deployed(&stage, "db", &format!("{config}---{set}")).await;
    case.until(CLAIM, "data-db-0", |claim| {
        claim["metadata"]["ownerReferences"].is_array()
    })
    .await;
    let claims = uids(&case, CLAIM).await;
    let outcome = stage.deploy("db", config).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    case.until_gone("StatefulSet", "db").await;
    let claim = case.get(CLAIM, "data-db-0").await.unwrap();
    assert_eq!(claim["metadata"]["deletionTimestamp"], Value::Null);
    assert_eq!(uids(&case, CLAIM).await, claims);
}

pub(crate) async fn what_could_not_be_made_again_is_not_deleted(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let text = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: another
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: something-else}}
    spec: {containers: [{name: db, image: 'postgres:16'}]}
";
    let plan = stage.agreeing(recreate()).plan("db", text).await;
    assert_eq!(plan.refusals.len(), 1, "{:?}", plan.refusals);
    let outcome = stage.agreeing(recreate()).run("db", text, &plan).await;
    assert_eq!(outcome.done, []);
    assert!(case.get("StatefulSet", "db").await.is_ok());
}

pub(crate) async fn a_claim_that_waits_says_why_in_words(case: Cluster) {
    let stage = Stage::new(&case);
    let text = DB.replace("size: 1Gi", "size: 1Gi, storageClass: no-such-class");
    stage.deploy("db", &text).await;
    case.until_all(
        "Event",
        "fieldSelector=involvedObject.name%3Ddata-db-0",
        |events| !events.is_empty(),
    )
    .await;
    let list = claims_of(&stage).await;
    assert_eq!(
        (list.claims[0].state, list.claims[0].reason.as_deref()),
        (ClaimState::Pending, Some("there is no class no-such-class"))
    );
    let told = "claim data-db-0 is not bound: there is no class no-such-class";
    stage.until_told("db", |reason| reason.contains(told)).await;
}

pub(crate) async fn a_claim_that_waits_for_a_pod_says_so(case: Cluster) {
    let stage = Stage::new(&case);
    let name = format!("late-{}", case.namespace);
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
        "provisioner": "kubernetes.io/host-path", "volumeBindingMode": "WaitForFirstConsumer",
    });
    case.create(&class).await.unwrap();
    let claim = json!({
        "apiVersion": "v1", "kind": CLAIM,
        "metadata": {"name": "data-db-0", "labels":
            {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "db"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": name,
            "resources": {"requests": {"storage": "1Gi"}}},
    });
    case.create(&claim).await.unwrap();
    case.until(CLAIM, "data-db-0", |claim| {
        claim["status"]["phase"] == "Pending"
    })
    .await;
    let list = claims_of(&stage).await;
    let reason = list.claims[0].reason.as_deref();
    assert_eq!(reason, Some("it waits for a pod that uses it"));
}

pub(crate) async fn our_labels_on_what_belongs_to_the_cluster_delete_nothing(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let ours = json!({"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "db",
        "bowline.dev/namespace": case.namespace, "bowline.dev/claim": "data-db-0",
        "applyset.kubernetes.io/part-of": "x"});
    let labels = json!({"metadata": {"labels": ours}});
    let volume = volume_of(&case.get(CLAIM, "data-db-0").await.unwrap());
    case.merge(VOLUME, &volume, &labels).await.unwrap();
    case.merge("Namespace", &case.namespace, &labels)
        .await
        .unwrap();
    // A volume of somebody else's that bears our labels, and looks as if it were to be bound again.
    let name = format!("foreign-{}", case.namespace);
    let foreign = json!({
        "apiVersion": "v1", "kind": VOLUME, "metadata": {"name": name, "labels": ours},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "standard",
            "hostPath": {"path": "/tmp/none"},
            "claimRef": {"namespace": "elsewhere", "name": "data-db-0", "uid": "1"}},
    });
    case.create(&foreign).await.unwrap();
    let plan = stage.plan_teardown("db", VolumeChoice::Keep).await;
    let is_of_cluster = |row: &bowline::engine::plan::FateRow| row.key.namespace.is_none();
    assert!(!plan.rows.iter().any(is_of_cluster), "{:?}", plan.rows);
    let outcome = stage.run_teardown(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let namespace = case.get("Namespace", &case.namespace).await.unwrap();
    assert_eq!(namespace["metadata"]["deletionTimestamp"], Value::Null);
    for volume in [&volume, &name] {
        let live = case.get(VOLUME, volume).await.unwrap();
        assert_eq!(live["metadata"]["deletionTimestamp"], Value::Null);
    }
    let plan = stage
        .agreeing(Remedies::default().with(Remedy::BindRetained))
        .plan("db", DB)
        .await;
    assert_eq!((remedies(&plan), plan.storage.binds), (vec![], vec![]));
}

pub(crate) async fn a_claim_that_somebodys_pod_holds_is_pending_and_named(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    case.create(&rescue("data-db-0")).await.unwrap();
    case.until("Pod", "rescue", |pod| pod["status"]["phase"] == "Running")
        .await;
    let plan = stage.plan_teardown("db", VolumeChoice::Delete).await;
    let warned = "pod rescue uses PersistentVolumeClaim/data-db-0 too and is not deleted: the claim is not gone before that pod is";
    assert!(
        plan.warnings.iter().any(|it| it == warned),
        "{:?}",
        plan.warnings
    );
    let kept = stage.plan_teardown("db", VolumeChoice::Keep).await;
    assert!(!kept.warnings.iter().any(|it| it == warned));
    let held = "PersistentVolumeClaim/data-db-0 is held by kubernetes.io/pvc-protection: pod rescue uses it";
    let outcome = stage
        .teardown_until_told("db", VolumeChoice::Delete, |reason| {
            held.starts_with(reason)
        })
        .await;
    assert_eq!(outcome.pending, [held]);
    assert!(outcome.failed.is_empty(), "{outcome:?}");
    // The record stays, and leads the next run to what is left.
    assert!(case.get("ConfigMap", "bowline-db").await.is_ok());
    let now = json!({"gracePeriodSeconds": 0});
    case.delete("Pod", "rescue", now).await.unwrap();
    let outcome = stage.teardown("db", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("db", &[]).await;
}

pub(crate) async fn a_claim_is_held_by_a_pod_that_has_ended_and_by_none_without_a_node(
    case: Cluster,
) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let dump = dumped(&case, "data-db-0").await;
    let mut stuck = rescue("data-db-0");
    stuck["metadata"]["name"] = json!("stuck");
    stuck["spec"]["nodeSelector"] = json!({"example.com/none": "such"});
    case.create(&stuck).await.unwrap();
    let plan = stage.plan_teardown("db", VolumeChoice::Delete).await;
    let warned = |pod: &str| {
        format!(
            "pod {pod} (ended) uses PersistentVolumeClaim/data-db-0 too and is not deleted: the claim is not gone before that pod is"
        )
    };
    let of_pods = |warnings: &[String]| -> Vec<String> {
        let of_pods = |it: &&String| it.contains("use");
        warnings.iter().filter(of_pods).cloned().collect()
    };
    let awaited = "pod stuck has no node yet and is to use PersistentVolumeClaim/data-db-0 too: it never starts without it";
    assert_eq!(of_pods(&plan.warnings), [warned(&dump), awaited.to_owned()]);
    let held = format!(
        "PersistentVolumeClaim/data-db-0 is held by kubernetes.io/pvc-protection: pod {dump} (ended) uses it"
    );
    let outcome = stage
        .teardown_until_told("db", VolumeChoice::Delete, |reason| reason == held)
        .await;
    assert_eq!(outcome.pending, [held]);
    let with_pods = json!({"propagationPolicy": "Foreground"});
    case.delete("Job", "dump", with_pods).await.unwrap();
    // The one without a node is there still.
    let outcome = stage.teardown("db", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    case.until_gone(CLAIM, "data-db-0").await;
    let now = json!({"gracePeriodSeconds": 0});
    case.delete("Pod", "stuck", now).await.unwrap();

    // A kept claim that such a pod mounts is released with the same warning.
    deployed(&stage, "db", DB).await;
    stage.teardown("db", VolumeChoice::Keep).await;
    case.until_gone("Job", "dump").await;
    let dump = dumped(&case, "data-db-0").await;
    let plan = plan_release(stage.engine(), &stage.key("db"), VolumeChoice::Delete)
        .await
        .unwrap();
    assert_eq!(plan.rows[0].fate, Fate::Deleted);
    assert_eq!(of_pods(&plan.warnings), [warned(&dump)]);
}

/// Returns the name of the pod of a Job that ran to its end and mounts a claim.
async fn dumped(case: &Cluster, claim: &str) -> String {
    let mut job = job("dump", "dump:1", json!({}));
    let pod = &mut job["spec"]["template"]["spec"];
    pod["volumes"] = rescue(claim)["spec"]["volumes"].clone();
    case.create(&job).await.unwrap();
    let is_over = |pods: &[Value]| matches!(pods, [pod] if pod["status"]["phase"] == "Succeeded");
    let pods = case
        .until_all(
            "Pod",
            "labelSelector=batch.kubernetes.io%2Fjob-name%3Ddump",
            is_over,
        )
        .await;
    name_of(&pods[0]).to_owned()
}

pub(crate) async fn claims_are_not_deleted_while_a_pod_that_has_them_does_not_go(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let hold = |finalizers: Value| json!({"metadata": {"finalizers": finalizers}});
    let held = hold(json!(["example.com/hold"]));
    case.merge("Pod", "db-0", &held).await.unwrap();
    let wait = Duration::from_secs(2);
    let outcome = stage
        .teardown_within("db", VolumeChoice::Delete, wait)
        .await;
    let why = "Pod/db-0 is held by example.com/hold, and may use it";
    let is_left = |(step, reason): &(Step, String)| {
        matches!(step, Step::Delete(key) if key.kind == CLAIM) && reason == why
    };
    assert!(outcome.not_tried.iter().any(is_left), "{outcome:?}");
    let claim = case.get(CLAIM, "data-db-0").await.unwrap();
    assert_eq!(claim["metadata"]["deletionTimestamp"], Value::Null);
    case.merge("Pod", "db-0", &hold(Value::Null)).await.unwrap();
    let outcome = stage.teardown("db", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("db", &[]).await;
}

pub(crate) async fn nothing_is_deleted_where_a_claim_cannot_be_kept(case: Cluster) {
    let stage = Stage::new(&case);
    let shared = DB.replace("\ncontainers", "\nworkload: Deployment\ncontainers");
    deployed(&stage, "db", &shared).await;
    let claims = case.list(CLAIM, "").await;
    let [claim] = claims.as_slice() else {
        panic!("{claims:?}");
    };
    assert_eq!(name_of(claim), "db-data-data");
    let path = "/persistentvolumeclaims/db-data-data";
    let fault = Fault::instead(Method::PATCH, path, StatusCode::FORBIDDEN);
    let behind = stage.with(fault);
    let outcome = behind.teardown("db", VolumeChoice::Keep).await;
    let [(Step::Keep(key), _)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        (key.name.as_str(), &outcome.done[..]),
        ("db-data-data", &[Step::Claim][..])
    );
    let live = case.get("Deployment", "db").await.unwrap();
    assert_eq!(live["metadata"]["deletionTimestamp"], Value::Null);
    let outcome = stage.teardown("db", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage
        .until_nothing_is_left("db", &["PersistentVolumeClaim/db-data-data"])
        .await;
}

/// A pod of somebody's that mounts a claim.
fn rescue(claim: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "rescue"},
        "spec": {
            "containers": [{"name": "c", "image": "busybox:1",
                "volumeMounts": [{"name": "d", "mountPath": "/d"}]}],
            "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": claim}}],
        },
    })
}

pub(crate) async fn one_id_in_two_namespaces_is_two_instances(case: Cluster) {
    let other = Cluster {
        namespace: format!("{}-b", case.namespace),
        ..case.clone()
    };
    other.create_namespace().await;
    let (here, there) = (Stage::new(&case), Stage::new(&other));
    deployed(&here, "db", DB).await;
    deployed(&there, "db", DB).await;
    let outcome = here.teardown("db", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    here.until_nothing_is_left("db", &[]).await;
    let outcome = there.wait("db").await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(there.plan("db", DB).await.is_noop());
    // A volume that was retained there is not offered here.
    let outcome = there.teardown("db", VolumeChoice::Retain).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(remedies(&here.plan("db", DB).await), []);
    assert_eq!(
        remedies(&there.plan("db", DB).await),
        [Remedy::BindRetained]
    );
}

pub(crate) async fn claims_that_a_change_of_kind_leaves_are_named_and_kept(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let plan = stage.plan("db", STATELESS).await;
    let kept =
        "PersistentVolumeClaim/data-db-0 is kept with its data, and nothing uses it any more";
    assert!(
        plan.warnings.iter().any(|it| it.starts_with(kept)),
        "{:?}",
        plan.warnings
    );
    assert!(stage.run("db", STATELESS, &plan).await.is_complete());
    case.until_gone("Pod", "db-0").await;
    // As long as the set is there, going as it is, it still has the claim.
    case.until_gone("StatefulSet", "db").await;
    let list = claims_of(&stage).await;
    assert_eq!(shown(&list), [("data-db-0", ClaimState::Kept, vec![])]);
}

/// Returns what an instance differs in from what was applied, as `object field`.
async fn differences(stage: &Stage<'_>) -> Vec<String> {
    let surroundings = crate::history::to(stage, "db", None).surroundings;
    let key = stage.key("db");
    let found = changes(stage.engine(), &key, &surroundings).await.unwrap();
    let fields = found.objects.iter().flat_map(|object| {
        let fields = object.fields.iter();
        fields.map(|field| format!("{} {}", object.key, field.path))
    });
    fields.collect()
}

pub(crate) async fn what_claims_keep_is_said_and_stays_in_sight(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    assert_eq!(differences(&stage).await, [""; 0]);
    let text = DB.replace("size: 1Gi", "size: 2Gi, storageClass: another");
    let anew = stage.agreeing(recreate());
    let plan = anew.plan("db", &text).await;
    assert_eq!(refusals(&plan), [""; 0]);
    let size = "claim data-db-0 stays at 1Gi, though the definition says 2Gi: PersistentVolumeClaim/data-db-0 cannot grow to 2Gi: its class standard does not allow claims to grow; keep the size, or move the data to a volume of a class that allows it";
    let class = "claim data-db-0 stays of class standard, though the definition says another: it was made so, and the class of a claim can never be changed";
    let says =
        |plan: &DeployPlan, words: &str| plan.warnings.iter().any(|it| it.starts_with(words));
    assert!(
        says(&plan, size) && says(&plan, class),
        "{:?}",
        plan.warnings
    );
    // What cannot be done is not offered.
    assert_eq!(remedies(&plan), []);
    let outcome = anew.run("db", &text, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("db").await.is_complete());
    // It lasts, and is told by whoever looks.
    let plan = stage.plan("db", &text).await;
    assert!(
        plan.is_noop() && says(&plan, size) && says(&plan, class),
        "{plan:?}"
    );
    let claim = "PersistentVolumeClaim/data-db-0";
    assert_eq!(
        differences(&stage).await,
        [
            format!("{claim} .spec.resources.requests.storage"),
            format!("{claim} .spec.storageClassName"),
        ]
    );
}

pub(crate) async fn a_template_that_no_claim_followed_takes_its_old_size_again(case: Cluster) {
    let stage = Stage::new(&case);
    deployed(&stage, "db", DB).await;
    let anew = stage.agreeing(recreate());
    let larger = DB.replace("size: 1Gi", "size: 2Gi");
    let plan = anew.plan("db", &larger).await;
    let outcome = anew.run("db", &larger, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    // One that some claims follow never shrinks; no claim is larger than what is asked for here.
    let plan = stage
        .plan("db", &DB.replace("size: 1Gi", "size: 512Mi"))
        .await;
    let refused =
        "claims never shrink: volume data of StatefulSet/db has 2Gi, and 512Mi is asked for";
    assert_eq!(refusals(&plan), [refused]);
    let plan = stage.plan("db", DB).await;
    assert_eq!(remedies(&plan), [Remedy::Recreate], "{plan:?}");
    let plan = anew.plan("db", DB).await;
    let outcome = anew.run("db", DB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(differences(&stage).await, [""; 0]);
    assert_eq!(requests(&case).await, ["1Gi"]);
}

pub(crate) async fn claims_that_stayed_small_grow_once_that_is_agreed_to(case: Cluster) {
    let stage = Stage::new(&case);
    let class = growing_class(&case).await;
    deployed(&stage, "db", &sized(&class, "1Gi")).await;
    let text = sized(&class, "2Gi");
    let anew = stage.agreeing(recreate());
    let plan = anew.plan("db", &text).await;
    let stays = "claims data-db-0, data-db-1 stay at 1Gi, though the definition says 2Gi: --grow-volumes grows them too";
    assert!(
        plan.warnings.iter().any(|it| it == stays),
        "{:?}",
        plan.warnings
    );
    assert!(anew.run("db", &text, &plan).await.is_complete());
    assert_eq!(requests(&case).await, ["1Gi", "1Gi"]);
    // The template says so already; only the claims do not.
    let plan = stage.plan("db", &text).await;
    assert_eq!(
        (plan.is_noop(), remedies(&plan)),
        (true, vec![Remedy::GrowVolumes])
    );
    let growing = stage.agreeing(grow());
    let plan = growing.plan("db", &text).await;
    assert_eq!(
        (plan.storage.growths.len(), plan.storage.orphaned.len()),
        (2, 0)
    );
    let outcome = growing.run("db", &text, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(requests(&case).await, ["2Gi", "2Gi"]);
    assert_eq!(differences(&stage).await, [""; 0]);
    assert!(stage.plan("db", &text).await.is_noop());
}

/// A real server writes 1.3Gi as 1395864371200m.
pub(crate) async fn a_size_is_the_same_however_the_server_writes_it(case: Cluster) {
    let stage = Stage::new(&case);
    let class = growing_class(&case).await;
    let text = claiming_set(2).replace("1Gi", "1.3Gi").replace(
        "{accessModes",
        &format!("{{storageClassName: {class}, accessModes"),
    );
    deployed(&stage, "db", &text).await;
    stage.teardown("db", VolumeChoice::Keep).await;
    let claims = [
        "PersistentVolumeClaim/data-db-0",
        "PersistentVolumeClaim/data-db-1",
    ];
    stage.until_nothing_is_left("db", &claims).await;
    let plan = stage.plan("db", &text).await;
    assert_eq!(refusals(&plan), [""; 0]);
    assert_eq!(remedies(&plan), []);
    let told = plan.warnings.iter().find(|it| it.contains("stay"));
    assert_eq!(told, None);
    let plan = stage.agreeing(grow()).plan("db", &text).await;
    assert_eq!(plan.storage.growths, []);
}

pub(crate) async fn what_grows_is_ready_once_it_has_grown(case: Cluster) {
    let stage = Stage::new(&case);
    let class = growing_class(&case).await;
    deployed(&stage, "db", &sized(&class, "1Gi")).await;
    let text = sized(&class, "2Gi");
    let growing = stage.agreeing(grow());
    let plan = growing.plan("db", &text).await;
    assert!(growing.run("db", &text, &plan).await.is_complete());
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (engine, key) = (stage.engine().clone(), stage.key("db"));
    let waited = tokio::spawn(async move {
        let report = move |progress| drop(sender.send(progress));
        wait_ready(&engine, &key, DEADLINE, &report).await
    });
    let outcome = waited.await.unwrap();
    assert!(outcome.is_complete(), "{outcome:?}");
    let mut remark = None;
    while let Ok(progress) = told.try_recv() {
        if let Progress::Done(Step::Ready, said) = progress {
            remark = said;
        }
    }
    let claims = case.list(CLAIM, "app.kubernetes.io/instance=db").await;
    let has_grown = |claim: &Value| claim["status"]["capacity"]["storage"] == "2Gi";
    // Where nothing grows volumes at all that is said, and not waited for.
    let nobody =
        "claim data-db-0 has 1Gi of the 2Gi that it asks for, and nobody tells that they grow it";
    match remark {
        None => assert!(claims.iter().all(has_grown), "{claims:?}"),
        Some(remark) => assert_eq!(remark, nobody),
    }
}

/// A volume in a zone that has no node, and a claim that is bound to it.
async fn volume_in_no_zone(case: &Cluster) {
    let name = format!("far-{}", case.namespace);
    let term = json!({"matchExpressions": [
        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["nowhere"]},
    ]});
    let volume = json!({
        "apiVersion": "v1", "kind": VOLUME, "metadata": {"name": name},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Delete", "storageClassName": name,
            "hostPath": {"path": "/tmp/none"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}},
    });
    let claim = json!({
        "apiVersion": "v1", "kind": CLAIM, "metadata": {"name": "far"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": name, "volumeName": name,
            "resources": {"requests": {"storage": "1Gi"}}},
    });
    for object in [volume, claim] {
        case.create(&object).await.unwrap();
    }
    case.until(CLAIM, "far", |claim| claim["status"]["phase"] == "Bound")
        .await;
}

pub(crate) async fn a_volume_that_no_node_is_near_is_told_with_what_to_do(case: Cluster) {
    volume_in_no_zone(&case).await;
    let stage = Stage::new(&case);
    let pod = "{containers: [{name: web, image: nginx, volumeMounts: [{name: far, mountPath: /far}]}], \
               volumes: [{name: far, persistentVolumeClaim: {claimName: far}}]}";
    stage.deploy("web", &deployment("web", pod)).await;
    let n_nodes = case.list("Node", "").await.len();
    let expected = format!(
        "none of {n_nodes} nodes fits: {n_nodes} its volume is in another zone or on another node; make room where its volume \
         is, or, if the data may go, let it have a new claim"
    );
    stage
        .until_told("web", |reason| reason.contains(&expected))
        .await;
}

pub(crate) async fn only_the_retained_volumes_that_are_named_are_released(case: Cluster) {
    let stage = Stage::new(&case);
    let text = format!("{DB}replicas: 2\n");
    deployed(&stage, "db", &text).await;
    let mut volumes = Vec::new();
    for claim in ["data-db-0", "data-db-1"] {
        volumes.push(volume_of(&case.get(CLAIM, claim).await.unwrap()));
    }
    let outcome = stage.teardown("db", VolumeChoice::Retain).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    for volume in &volumes {
        case.until(VOLUME, volume, |it| it["status"]["phase"] == "Released")
            .await;
    }
    // It runs again, so that its record tells of the release.
    deployed(&stage, "db", &text).await;
    let choice = VolumeChoice::Delete;
    let (first, second) = (volumes[0].as_str(), volumes[1].as_str());
    let unknown = named_release(&stage, choice, &["nothing"]).await;
    let mut sorted = [first, second];
    sorted.sort_unstable();
    let told = format!(
        "no volume nothing of db in namespace {} is retained: retained are {}",
        case.namespace,
        sorted.join(", ")
    );
    assert_eq!(unknown.refusals[0].summary, told);
    assert_eq!(unknown.rows, []);
    let plan = named_release(&stage, choice, &[second]).await;
    assert_eq!((deleted(&plan), &plan.refusals), (vec![second], &vec![]));
    // Who goes on with one that was cut off is bound by the names, too.
    let is_enough = |progress: &Progress| matches!(progress, Progress::Done(Step::Claim, _));
    stage.run_teardown_until(&plan, is_enough).await;
    let rest = resumed(&stage).await;
    assert_eq!((deleted(&rest), &rest.refusals), (vec![second], &vec![]));
    let options = TeardownOptions {
        meeting: Meeting::TakeOver,
        ..options(DEADLINE)
    };
    let outcome = run_teardown(stage.engine(), &rest, &options, &|_| {}).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    case.until_gone(VOLUME, second).await;
    let live = case.get(VOLUME, first).await.unwrap();
    assert_eq!(live["metadata"]["deletionTimestamp"], Value::Null);
    // What is gone by now is no reason to leave the rest.
    let plan = named_release(&stage, choice, &[first, second]).await;
    assert_eq!((deleted(&plan), &plan.refusals), (vec![first], &vec![]));
    assert!(plan.warnings[0].contains(second), "{:?}", plan.warnings);
}

async fn resumed(stage: &Stage<'_>) -> TeardownPlan {
    match plan_what_is_left(stage).await {
        ResumePlan::Teardown(plan) => *plan,
        other => panic!("{other:?}"),
    }
}

/// Plans what is left of the operation that was cut off on `db`.
async fn plan_what_is_left(stage: &Stage<'_>) -> ResumePlan {
    let wish = ResumeRequest {
        instance: stage.key("db"),
        surroundings: crate::history::to(stage, "db", None).surroundings,
    };
    let none = |_: &_| Ok(bowline::secret::SecretValues::default());
    plan_resume(stage.engine(), &wish, &none).await.unwrap()
}

/// Makes a volume by hand for the claim of `db`, deploys that and takes it down so that the volume is retained. Returns its
/// name; `annotations` say who made its storage.
async fn made_and_retained(stage: &Stage<'_>, annotations: Value) -> String {
    let case = stage.case();
    let name = format!("by-hand-{}", case.namespace);
    let volume = json!({
        "apiVersion": "v1", "kind": VOLUME, "metadata": {"name": name, "annotations": annotations},
        "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "storageClassName": "standard",
            "persistentVolumeReclaimPolicy": "Delete", "hostPath": {"path": "/srv/by-hand"},
            "claimRef": {"namespace": case.namespace, "name": "data-db-0"}},
    });
    case.create(&volume).await.unwrap();
    assert_eq!(retained(stage).await, name);
    name
}

pub(crate) async fn a_volume_that_cannot_be_freed_ends_the_wait_and_says_why(case: Cluster) {
    let stage = Stage::new(&case);
    let volume = made_and_retained(&stage, json!({})).await;
    let plan = volume_release(&stage, VolumeChoice::Delete).await;
    assert_eq!((deleted(&plan), &plan.refusals), (vec![&*volume], &vec![]));
    // Nobody waits until the end of time for what is given up.
    let patient = options(std::time::Duration::from_secs(100_000));
    let outcome = run_teardown(stage.engine(), &plan, &patient, &|_| {}).await;
    let told = format!(
        "PersistentVolume/{volume} cannot be freed: host_path deleter only supports /tmp/.+ but received provided \
         /srv/by-hand"
    );
    assert_eq!((&outcome.failed, &outcome.pending), (&vec![], &vec![told]));
    // It can be given up with its storage left as it is.
    let plan = volume_release(&stage, VolumeChoice::Retain).await;
    let outcome = stage.run_teardown(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    case.until_gone(VOLUME, &volume).await;
}

pub(crate) async fn what_is_said_of_a_volume_that_is_not_freed_is_told(case: Cluster) {
    let stage = Stage::new(&case);
    let maker = json!({"pv.kubernetes.io/provisioned-by": "example.com/disks"});
    let volume = made_and_retained(&stage, maker).await;
    let live = case.get(VOLUME, &volume).await.unwrap();
    let event = |name: &str, kind: &str, message: &str| {
        json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("{volume}.{name}"), "namespace": "default"},
            "involvedObject": {"kind": VOLUME, "name": volume, "uid": live["metadata"]["uid"]},
            "type": kind, "reason": "VolumeFailedDelete", "message": message,
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z"})
    };
    for event in [
        event("1", "Warning", "the disk is attached to node-1"),
        event("2", "Normal", "trying"),
    ] {
        let path = case.path_in("default", "Event");
        ask(&case.admin, Method::POST, &path, Some(&event))
            .await
            .unwrap();
    }
    let plan = volume_release(&stage, VolumeChoice::Delete).await;
    let short = options(std::time::Duration::from_secs(1));
    let outcome = run_teardown(stage.engine(), &plan, &short, &|_| {}).await;
    let told =
        format!("PersistentVolume/{volume} is not freed yet: the disk is attached to node-1");
    assert_eq!((&outcome.failed, &outcome.pending), (&vec![], &vec![told]));
    // Whoever made it frees it later.
    case.delete(VOLUME, &volume, json!({})).await.unwrap();
    case.until_gone(VOLUME, &volume).await;
}
