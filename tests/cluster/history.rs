//! What is kept of an instance's past, and going back to it.

use std::collections::BTreeMap;

use bowline::definition::Definition;
use bowline::engine::adjust::Adjustment;
use bowline::engine::deploy::{DeployRequest, RunOptions, plan_deploy, run_deploy};
use bowline::engine::history::{Revision, compare, history, kept_revision};
use bowline::engine::operation::Meeting;
use bowline::engine::plan::{DiffSide, TeardownPlan, VolumeChoice, sums};
use bowline::engine::progress::{Outcome, Progress, Step};
use bowline::engine::remedy::{Remedies, Remedy};
use bowline::engine::restore::{
    Remains, RestorePlan, RestoreRequest, plan_restore, remains, run_restore,
};
use bowline::engine::rollback::{
    RollbackPlan, RollbackRequest, Surroundings, plan_rollback, run_rollback,
};
use bowline::failure::{Failure, FailureKind};
use bowline::secret::{SecretValue, SecretValues};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::engine::stage::{Stage, WEB, changes, cut_off};
use crate::objects::{config_map, deployment};

/// Returns a definition that could be a stranger's: nothing of it may get lost or be tidied up.
fn commented(text: &str) -> String {
    format!("# why it is so, ünïcode and all\r\n{text}\n\n# end")
}

pub(crate) async fn revisions_tell_who_when_and_why_and_keep_the_text_to_the_byte(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    let (engine, web) = (stage.engine(), stage.key("web"));
    let first = commented(WEB);
    assert!(stage.deploy("web", &first).await.is_complete());
    assert!(stage.deploy("web", WEB).await.is_complete());
    let history = history(engine, &web).await.unwrap();
    assert_eq!((history.current, &history.instance), (Some(2), &web));
    let [old, new] = history.revisions.as_slice() else {
        panic!("{history:?}")
    };
    assert!(old.applied_at.unwrap() <= new.applied_at.unwrap());
    let expected = Revision {
        number: 1,
        definition: Some("web".parse().unwrap()),
        applied_at: old.applied_at,
        applied_by: Some("tester@here 1".to_owned()),
        applied_as: stage.engine().known_as().await.unwrap(),
        cause: Some("because".to_owned()),
        parameters: Default::default(),
        damage: None,
    };
    assert_eq!(old, &expected);

    let kept = kept_revision(engine, &web, 1).await.unwrap();
    assert_eq!((kept.text, kept.revision), (first, expected));
    let missing = kept_revision(engine, &web, 3).await.unwrap_err();
    assert_eq!(missing.kind, FailureKind::NotFound);
    // Whoever may look sees the same.
    let viewer = stage.viewer();
    let seen = kept_revision(viewer.engine(), &web, 2).await.unwrap();
    assert_eq!(seen.text, WEB);
}

pub(crate) async fn two_revisions_are_compared_line_by_line(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let (engine, web) = (stage.engine(), stage.key("web"));
    for image in ["nginx:1.27", "nginx:1.28", "nginx:1.29"] {
        let text = WEB.replace("nginx:1.27", image);
        assert!(stage.deploy("web", &text).await.is_complete());
    }
    let web = &web;
    let changed = |from, to| async move {
        let comparison = compare(engine, web, from, to).await.unwrap();
        let lines = comparison.text.iter();
        let changed = lines.filter(|line| matches!(line.side, DiffSide::Old | DiffSide::New));
        let changed: Vec<String> = changed.map(|line| line.text.trim().to_owned()).collect();
        (comparison.to, changed)
    };
    let image = |tag| format!("image: nginx:{tag}");
    assert_eq!(
        changed(1, None).await,
        (3, vec![image("1.27"), image("1.29")])
    );
    assert_eq!(
        changed(2, Some(1)).await,
        (1, vec![image("1.28"), image("1.27")])
    );
    assert!(compare(engine, web, 3, None).await.unwrap().is_empty());
    let missing = compare(engine, web, 1, Some(9)).await.unwrap_err();
    assert_eq!(missing.kind, FailureKind::NotFound);
}

pub(crate) async fn a_damaged_revision_is_named_and_hides_no_other(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let (engine, web) = (stage.engine(), stage.key("web"));
    assert!(stage.deploy("web", WEB).await.is_complete());
    let mut forged = config_map("bowline-web.r2", json!({"parameters.json": "{}"}));
    forged["metadata"]["labels"] = json!({
        "app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web",
    });
    forged["binaryData"] = json!({"definition.yaml.gz": "aGVsbG8="});
    cluster.create(&forged).await.unwrap();
    let history = history(engine, &web).await.unwrap();
    let damages: Vec<_> = history
        .revisions
        .iter()
        .map(|revision| (revision.number, revision.damage.is_some()))
        .collect();
    assert_eq!(damages, [(1, false), (2, true)]);
    let failure = kept_revision(engine, &web, 2).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    let named = "is damaged: its definition.yaml.gz cannot be unpacked";
    assert!(failure.summary.contains(named), "{failure}");

    // What only has the name is nobody's revision.
    let stranger = config_map("bowline-web.r3", json!({}));
    cluster.create(&stranger).await.unwrap();
    let failure = kept_revision(engine, &web, 3).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);
}

pub(crate) async fn what_was_never_deployed_has_no_history(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let failure = history(stage.engine(), &stage.key("web"))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    let nobody = stage.nobody();
    let failure = history(nobody.engine(), &stage.key("web"))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Forbidden);
}

/// One pod, which a broken revision leaves hanging.
const DB: &str = "
workload: StatefulSet
containers:
  - {name: db, image: 'postgres:16'}
replicas: 1
";

pub(crate) fn to(stage: &Stage<'_>, id: &str, revision: Option<u32>) -> RollbackRequest {
    RollbackRequest {
        instance: stage.key(id),
        to: revision,
        surroundings: surroundings(),
    }
}

fn surroundings() -> Surroundings {
    Surroundings {
        ingress_host: None,
        gpus: BTreeMap::new(),
        yields: false,
        remedies: Remedies::default(),
        message: None,
        holder: "tester@here 3".to_owned(),
    }
}

fn no_secrets(_: &Definition) -> Result<SecretValues, Failure> {
    Ok(SecretValues::default())
}

async fn plan_rollback_to(stage: &Stage<'_>, id: &str, revision: Option<u32>) -> RollbackPlan {
    let (engine, wish) = (stage.engine().clone(), to(stage, id, revision));
    // Spawned, as a dashboard does.
    let planned = tokio::spawn(async move { plan_rollback(&engine, &wish, &no_secrets).await });
    planned.await.unwrap().unwrap()
}

async fn run(stage: &Stage<'_>, plan: &RollbackPlan) -> Outcome {
    run_rollback(stage.engine(), plan, RunOptions::default(), &|_| {}).await
}

/// Deploys what works and then what does not, until a pod hangs.
async fn break_down(stage: &Stage<'_>, cluster: &Cluster, id: &str) {
    assert!(stage.deploy(id, DB).await.is_complete());
    let waited = stage.wait(id).await;
    assert!(waited.is_complete(), "{waited:?}");
    let broken = DB.replace("postgres:16", "postgres:missing");
    assert!(stage.deploy(id, &broken).await.is_complete());
    cluster
        .until("Pod", &format!("{id}-0"), |pod| {
            waiting_reason(pod) == "ImagePullBackOff"
        })
        .await;
}

fn waiting_reason(pod: &Value) -> &str {
    let reason = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
    reason.as_str().unwrap_or_default()
}

fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    let value = &object["metadata"]["annotations"][key];
    value.as_str().unwrap_or_default()
}

pub(crate) async fn a_rollback_is_a_new_revision_of_the_old_text(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let first = commented(WEB);
    let second = WEB.replace("nginx:1.27", "nginx:1.28");
    assert!(stage.deploy("web", &first).await.is_complete());
    assert!(stage.deploy("web", &second).await.is_complete());
    let plan = plan_rollback_to(&stage, "web", None).await;
    assert_eq!((plan.target, plan.deploy.revision), (1, 3));
    assert!(plan.hanging.is_empty() && !plan.is_noop());
    let expected = [
        "Unchanged ConfigMap/web-config",
        "Unchanged Service/web",
        "Update Deployment/web",
    ];
    assert_eq!(changes(&plan.deploy), expected);
    let outcome = run(&stage, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("web").await.is_complete());

    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    assert_eq!(annotation(&record, "bowline.dev/revision"), "3");
    let cause = annotation(&record, "kubernetes.io/change-cause");
    assert_eq!(cause, "rollback to r1");
    let kept = kept_revision(stage.engine(), &stage.key("web"), 3)
        .await
        .unwrap();
    assert_eq!(kept.text, first);
    let deployment = cluster.get("Deployment", "web").await.unwrap();
    let image = &deployment["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "nginx:1.27");

    // What is there already is not written again.
    let again = plan_rollback_to(&stage, "web", Some(1)).await;
    assert!(again.is_noop(), "{again:?}");
    let before = stage.versions().await;
    assert_eq!(run(&stage, &again).await, Outcome::default());
    assert_eq!(stage.versions().await, before);
    assert_eq!(plan_rollback_to(&stage, "web", None).await.target, 2);
}

pub(crate) async fn a_rollback_that_leaves_all_to_others_makes_no_revision(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    assert!(stage.deploy("web", WEB).await.is_complete());
    let second = WEB.replace("nginx:1.27", "nginx:1.28");
    assert!(stage.deploy("web", &second).await.is_complete());
    let theirs = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "web", "image": "nginx:1.29"},
    ]}}}});
    let edited = cluster.strategic_as("kubectl-edit", "Deployment", "web", &theirs);
    edited.await.unwrap();
    let mut wish = to(&stage, "web", Some(1));
    let taking = plan_rollback(stage.engine(), &wish, &no_secrets).await;
    assert_eq!(taking.unwrap().deploy.conflicts.len(), 1);
    wish.surroundings.yields = true;
    let plan = plan_rollback(stage.engine(), &wish, &no_secrets).await;
    let plan = plan.unwrap();
    assert!(plan.is_noop() && plan.deploy.yielded.len() == 1, "{plan:?}");
    assert_eq!(plan.deploy.revision, 2);
    assert_eq!(
        plan.deploy.warnings,
        [
            "nothing is rolled back: all that r1 has otherwise belongs to others, and is left to them"
        ]
    );
    assert_eq!(run(&stage, &plan).await, Outcome::default());
    assert_eq!(stage.revisions("web").await.len(), 2);
}

pub(crate) async fn a_rollback_tells_that_values_of_secrets_stay(cluster: Cluster) {
    let text = "
workload: Deployment
containers:
  - {name: web, image: 'nginx:1.27', env: [{name: TOKEN, fromSecret: token}]}
secrets: {token: {prompt: Token}}
";
    let values = |token: &str| SecretValues {
        own: [("token".to_owned(), SecretValue::new(token))].into(),
        ..SecretValues::default()
    };
    let stage = Stage::new(&cluster).with_secrets(values("first"));
    stage.deploy("web", text).await;
    let second = text.replace("nginx:1.27", "nginx:1.28");
    stage.deploy("web", &second).await;
    let plan = plan_rollback_to(&stage, "web", None).await;
    assert_eq!(plan.deploy.warnings, [""; 0]);
    let stage = stage.with_secrets(values("second"));
    stage.deploy("web", &second).await;
    let plan = plan_rollback_to(&stage, "web", Some(1)).await;
    assert_eq!(
        plan.deploy.warnings,
        ["the values of its secrets are not rolled back: no revision keeps them"]
    );
    assert_eq!(changes(&plan.deploy)[0], "Unchanged Secret/web-secret");
}

/// Who rolls back in another shell than the one that deployed means the revision, not what that shell's variables hold.
pub(crate) async fn a_rollback_keeps_the_values_that_the_cluster_has(cluster: Cluster) {
    let text = "
workload: Deployment
containers:
  - {name: web, image: 'nginx:1.27', env: [{name: TOKEN, fromSecret: token}]}
secrets: {token: {env: TOKEN}, salt: {prompt: Salt}}
";
    let values = |token: &str, salt: &str| SecretValues {
        own: [("token", token), ("salt", salt)]
            .map(|(key, value)| (key.to_owned(), SecretValue::new(value)))
            .into(),
        ..SecretValues::default()
    };
    let stage = Stage::new(&cluster).with_secrets(values("first", "sodium"));
    stage.deploy("web", text).await;
    let second = text.replace("nginx:1.27", "nginx:1.28");
    stage.deploy("web", &second).await;
    let by_now = |_: &Definition| Ok(values("another", "sodium"));
    let mut wish = to(&stage, "web", None);
    let plan = plan_rollback(stage.engine(), &wish, &by_now).await.unwrap();
    assert_eq!(changes(&plan.deploy)[0], "Unchanged Secret/web-secret");
    assert_eq!(
        plan.deploy.warnings,
        [
            "the secret token keeps the value that it has in the cluster: that of its source is another by now, and is not taken unasked"
        ]
    );
    let offers: Vec<_> = plan.deploy.offers.iter().map(|it| it.remedy).collect();
    assert_eq!(offers, [Remedy::RotateSecrets]);
    // What a person typed was meant.
    let typed = |_: &Definition| Ok(values("first", "typed"));
    let asked = plan_rollback(stage.engine(), &wish, &typed).await.unwrap();
    assert_eq!(changes(&asked.deploy)[0], "Update Secret/web-secret");
    wish.surroundings.remedies.rotate_secrets = true;
    let rotated = plan_rollback(stage.engine(), &wish, &by_now).await.unwrap();
    assert_eq!(changes(&rotated.deploy)[0], "Update Secret/web-secret");
    assert_eq!(rotated.deploy.offers, []);

    let secret = async || {
        let secret = cluster.get("Secret", "web-secret").await.unwrap();
        secret["data"].clone()
    };
    let before = secret().await;
    assert!(run(&stage, &plan).await.is_complete());
    assert_eq!(secret().await, before);
}

pub(crate) async fn what_is_protected_is_not_rolled_back_by_habit(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let second = WEB.replace("nginx:1.27", "nginx:1.28");
    assert!(stage.deploy("web", WEB).await.is_complete());
    assert!(stage.deploy("web", &second).await.is_complete());
    assert!(
        !plan_rollback_to(&stage, "web", None)
            .await
            .caution
            .is_protected()
    );
    let protected = format!("{second}protected: true\n");
    assert!(stage.deploy("web", &protected).await.is_complete());
    assert!(
        plan_rollback_to(&stage, "web", Some(1))
            .await
            .caution
            .is_protected()
    );
}

pub(crate) async fn a_rollback_frees_the_pods_that_hang(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    break_down(&stage, &cluster, "db").await;
    let stuck = cluster.get("Pod", "db-0").await.unwrap();
    let plan = plan_rollback_to(&stage, "db", None).await;
    let [hanging] = plan.hanging.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(hanging.key.to_string(), "Pod/db-0");
    let told = sums(&plan.deploy, plan.hanging.len());
    assert!(told.contains("1 to delete"), "{told}");
    assert_eq!(stuck["metadata"]["uid"], hanging.uid);
    assert_eq!(hanging.reason.as_deref(), Some("ImagePullBackOff"));
    let outcome = run(&stage, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(
        outcome.done.contains(&Step::Delete(hanging.key.clone())),
        "{outcome:?}"
    );
    let waited = stage.wait("db").await;
    assert!(waited.is_complete(), "{waited:?}");
}

pub(crate) async fn a_rollback_frees_the_pods_of_every_set(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let set = |name: &str| {
        format!(
            "
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}}}
spec:
  serviceName: {name}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: db, image: 'postgres:16'}}]}}
"
        )
    };
    let good = format!("{}---{}", set("aa"), set("bb"));
    assert!(stage.deploy("two", &good).await.is_complete());
    let waited = stage.wait("two").await;
    assert!(waited.is_complete(), "{waited:?}");
    let bad = set("bb").replace("postgres:16", "postgres:missing");
    let bad = format!("{}---{bad}", set("aa"));
    assert!(stage.deploy("two", &bad).await.is_complete());
    cluster
        .until("Pod", "bb-0", |pod| {
            waiting_reason(pod) == "ImagePullBackOff"
        })
        .await;
    let plan = plan_rollback_to(&stage, "two", None).await;
    let hanging = plan.hanging.iter().map(|pod| pod.key.to_string());
    assert_eq!(hanging.collect::<Vec<_>>(), ["Pod/bb-0"]);
    let outcome = run(&stage, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let waited = stage.wait("two").await;
    assert!(waited.is_complete(), "{waited:?}");
}

pub(crate) async fn a_pod_that_hangs_is_freed_though_nothing_else_is_left_to_do(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    break_down(&stage, &cluster, "db").await;
    // A deploy writes what is wanted, and leaves the pod where it hangs.
    assert!(stage.deploy("db", DB).await.is_complete());
    let plan = plan_rollback_to(&stage, "db", Some(3)).await;
    assert_eq!(
        (
            plan.deploy.is_noop(),
            plan.is_noop(),
            plan.hanging.len(),
            plan.deploy.revision
        ),
        (true, false, 1, 3)
    );
    let outcome = run(&stage, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let waited = stage.wait("db").await;
    assert!(waited.is_complete(), "{waited:?}");
    let record = cluster.get("ConfigMap", "bowline-db").await.unwrap();
    assert_eq!(annotation(&record, "bowline.dev/operation"), "");
}

/// Cut off at each step, and run again.
pub(crate) async fn a_rollback_that_is_cut_off_is_finished_by_a_second_one(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let is_claimed: fn(&Progress) -> bool = |fact| matches!(fact, Progress::Done(Step::Claim, _));
    let is_kept: fn(&Progress) -> bool =
        |fact| matches!(fact, Progress::Done(Step::Revision(3), _));
    let is_applied: fn(&Progress) -> bool =
        |fact| matches!(fact, Progress::Done(Step::Apply(_), _));
    let is_freed: fn(&Progress) -> bool = |fact| matches!(fact, Progress::Done(Step::Delete(_), _));
    let cuts = [
        ("claimed", is_claimed),
        ("kept", is_kept),
        ("applied", is_applied),
        ("freed", is_freed),
    ];
    let all = cuts.map(|(id, is_enough)| cut_off_and_run_again(&stage, &cluster, id, is_enough));
    futures::future::join_all(all).await;
}

async fn cut_off_and_run_again(
    stage: &Stage<'_>,
    cluster: &Cluster,
    id: &str,
    is_enough: fn(&Progress) -> bool,
) {
    break_down(stage, cluster, id).await;
    let plan = plan_rollback_to(stage, id, None).await;
    let (engine, cut) = (stage.engine().clone(), plan.clone());
    cut_off(is_enough, |report| async move {
        run_rollback(&engine, &cut, RunOptions::default(), &*report).await
    })
    .await;
    let name = format!("bowline-{id}");
    let record = cluster.get("ConfigMap", &name).await.unwrap();
    let operation = annotation(&record, "bowline.dev/operation");
    assert!(operation.contains(r#""kind":"rollback""#), "{operation}");
    assert_eq!(annotation(&record, "bowline.dev/revision"), "2", "{id}");

    let again = plan_rollback_to(stage, id, None).await;
    assert_eq!((again.target, again.deploy.revision), (1, 3), "{id}");
    let outcome = run(stage, &again).await;
    assert!(outcome.is_complete(), "{id}: {outcome:?}");
    let waited = stage.wait(id).await;
    assert!(waited.is_complete(), "{id}: {waited:?}");
    let record = cluster.get("ConfigMap", &name).await.unwrap();
    assert_eq!(annotation(&record, "bowline.dev/operation"), "", "{id}");
    assert_eq!(annotation(&record, "bowline.dev/revision"), "3", "{id}");
    let expected = [1, 2, 3].map(|n| format!("{name}.r{n}"));
    assert_eq!(stage.revisions(id).await, expected);
}

/// Returns the text of `web` with an image of this tag.
fn of(tag: &str) -> String {
    WEB.replace("nginx:1.27", &format!("nginx:{tag}"))
}

async fn two_revisions(stage: &Stage<'_>) {
    for tag in ["1.27", "1.28"] {
        assert!(stage.deploy("web", &of(tag)).await.is_complete());
    }
}

fn is_applied(fact: &Progress) -> bool {
    matches!(fact, Progress::Done(Step::Apply(_), _))
}

/// Cuts the deploy of a third one off once something of it is applied.
async fn third_is_left_half_done(stage: &Stage<'_>) {
    let third = of("1.29");
    let plan = stage.plan("web", &third).await;
    stage.run_until("web", &third, &plan, is_applied).await;
}

pub(crate) async fn a_rollback_after_an_interrupted_deploy_goes_to_what_was_there_before(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    two_revisions(&stage).await;
    third_is_left_half_done(&stage).await;
    let told = history(stage.engine(), &stage.key("web")).await.unwrap();
    assert_eq!((told.current, told.revisions.len()), (Some(2), 3));
    let plan = plan_rollback_to(&stage, "web", None).await;
    assert_eq!((plan.target, plan.deploy.revision), (2, 4));
    let outcome = run(&stage, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let web = cluster.get("Deployment", "web").await.unwrap();
    let image = &web["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "nginx:1.28");
}

/// With words of one's own for why, and after the note of the first one went.
pub(crate) async fn a_rollback_that_was_left_half_done_goes_where_it_was_going_when_it_is_given_again(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    two_revisions(&stage).await;
    let mut wish = to(&stage, "web", None);
    wish.surroundings.message = Some("incident 42".to_owned());
    let planned = async || {
        let plan = plan_rollback(stage.engine(), &wish, &no_secrets).await;
        plan.unwrap()
    };
    let (engine, cut) = (stage.engine().clone(), planned().await);
    assert_eq!((cut.target, cut.deploy.revision), (1, 3));
    cut_off(is_applied, |report| async move {
        run_rollback(&engine, &cut, RunOptions::default(), &*report).await
    })
    .await;
    let over = json!({"metadata": {"annotations": {"bowline.dev/operation": null}}});
    let ended = cluster.merge("ConfigMap", "bowline-web", &over);
    ended.await.unwrap();
    let again = planned().await;
    assert_eq!((again.target, again.deploy.revision), (1, 3));
    let outcome = run(&stage, &again).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let kept = kept_revision(stage.engine(), &stage.key("web"), 3).await;
    assert_eq!(kept.unwrap().revision.cause.as_deref(), Some("incident 42"));
}

pub(crate) async fn a_rollback_goes_to_no_revision_that_was_never_finished(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    two_revisions(&stage).await;
    third_is_left_half_done(&stage).await;
    assert!(stage.deploy("web", &of("1.30")).await.is_complete());
    let told = history(stage.engine(), &stage.key("web")).await.unwrap();
    assert_eq!((told.current, told.revisions.len()), (Some(4), 4));
    assert_eq!(told.unfinished, [3].into());
    assert_eq!(plan_rollback_to(&stage, "web", None).await.target, 2);
}

pub(crate) async fn an_unchanged_deploy_takes_a_note_away_and_makes_no_revision(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    assert!(stage.deploy("web", WEB).await.is_complete());
    let left = json!({"kind": "scale", "step": "scale Deployment/web", "holder": "ann@bastion/7",
        "heartbeat": "2026-01-01T00:00:00Z", "replicas": 3});
    let note = json!({"metadata": {"annotations": {"bowline.dev/operation": left.to_string()}}});
    let noted = cluster.merge("ConfigMap", "bowline-web", &note);
    noted.await.unwrap();
    let plan = stage.plan("web", WEB).await;
    assert!(plan.is_unchanged() && !plan.is_noop(), "{plan:?}");
    assert_eq!(plan.revision, 1);
    let (request, options) = (stage.request("web", WEB), taking_over());
    let outcome = run_deploy(stage.engine(), &request, &plan, options, &|_| {}).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.plan("web", WEB).await.is_noop());
    assert_eq!(stage.revisions("web").await, ["bowline-web.r1"]);
}

fn taking_over() -> RunOptions {
    RunOptions {
        meeting: Meeting::TakeOver,
        ..RunOptions::default()
    }
}

pub(crate) async fn who_finishes_what_was_left_half_done_is_told_with_why(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    two_revisions(&stage).await;
    third_is_left_half_done(&stage).await;
    let options = taking_over();
    let finish = async |message: Option<&str>, tag: &str| {
        let request = DeployRequest {
            message: message.map(str::to_owned),
            holder: "bob@bastion 8".to_owned(),
            ..stage.request("web", &of(tag))
        };
        let plan = plan_deploy(stage.engine(), &request).await.unwrap();
        let outcome = run_deploy(stage.engine(), &request, &plan, options, &|_| {}).await;
        assert!(outcome.is_complete(), "{outcome:?}");
        let kept = kept_revision(stage.engine(), &stage.key("web"), plan.revision).await;
        let told = kept.unwrap().revision;
        (told.number, told.applied_by, told.cause)
    };
    let by_bob = Some("bob@bastion 8".to_owned());
    let told = finish(Some("now it works"), "1.29").await;
    assert_eq!(told, (3, by_bob.clone(), Some("now it works".to_owned())));
    // Without a word of why, the first one's stays.
    let fourth = of("1.30");
    let plan = stage.plan("web", &fourth).await;
    stage.run_until("web", &fourth, &plan, is_applied).await;
    let told = finish(None, "1.30").await;
    assert_eq!(told, (4, by_bob, Some("because".to_owned())));
}

pub(crate) async fn what_cannot_be_gone_back_to_is_said_before_anything_is_written(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    let failure = |id: &'static str, revision| {
        let wish = to(&stage, id, revision);
        let engine = stage.engine();
        async move { plan_rollback(engine, &wish, &no_secrets).await.unwrap_err() }
    };
    assert_eq!(failure("web", None).await.kind, FailureKind::NotFound);
    assert!(stage.deploy("web", WEB).await.is_complete());
    let alone = failure("web", None).await;
    assert!(alone.summary.contains("before r1"), "{alone}");
    assert_eq!(failure("web", Some(7)).await.kind, FailureKind::NotFound);

    assert!(stage.deploy("web", &commented(WEB)).await.is_complete());
    let forged = json!({"metadata": {"annotations": {"bowline.dev/definition-sha256": "0"}}});
    cluster
        .merge("ConfigMap", "bowline-web.r1", &forged)
        .await
        .unwrap();
    let damaged = failure("web", None).await;
    assert_eq!(damaged.kind, FailureKind::Invalid);
    assert!(damaged.summary.contains("is damaged"), "{damaged}");

    // Whoever may only look gets the plan, and why it cannot run.
    let viewer = stage.viewer();
    let wish = to(&viewer, "web", Some(2));
    let plan = plan_rollback(viewer.engine(), &wish, &no_secrets)
        .await
        .unwrap();
    assert_eq!(plan.deploy.refusals[0].kind, FailureKind::Forbidden);
    assert!(stage.wait("web").await.is_complete());
    let before = stage.versions().await;
    let outcome = run(&viewer, &plan).await;
    assert_eq!(outcome.failed[0].1.kind, FailureKind::Forbidden);
    assert_eq!(stage.versions().await, before);
}

/// A claim, a config and a pod for each.
const WITH_CLAIM: &str = "
# the only copy of this text
containers:
  - name: db
    image: postgres:16
    ports: [{name: sql, port: 5432}]
    env: [{name: LEVEL, fromConfig: LEVEL}, {name: WORD, fromSecret: word}]
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
config: {LEVEL: info}
secrets: {word: {env: BOWLINE_TEST_WORD}}
replicas: 1
";

fn restore_of(remains: &Remains) -> RestoreRequest {
    RestoreRequest {
        instance: remains.instance.clone(),
        revision: remains.revision,
        definition: remains.definition.clone(),
        text: remains.text.clone(),
        parameters: remains.parameters.clone(),
        objects: remains.objects.clone(),
        surroundings: surroundings(),
    }
}

async fn plan_restore_of(stage: &Stage<'_>, remains: &Remains) -> RestorePlan {
    let (engine, wish) = (stage.engine().clone(), restore_of(remains));
    let planned = tokio::spawn(async move { plan_restore(&engine, &wish, &|_| Ok(word())).await });
    planned.await.unwrap().unwrap()
}

async fn put_back(stage: &Stage<'_>, plan: &RestorePlan) -> Outcome {
    run_restore(stage.engine(), plan, RunOptions::default(), &|_| {}).await
}

async fn remains_of(stage: &Stage<'_>, plan: &TeardownPlan) -> Option<Remains> {
    let (engine, plan) = (stage.engine().clone(), plan.clone());
    let read = tokio::spawn(async move { remains(&engine, &plan).await });
    read.await.unwrap().unwrap()
}

fn word() -> SecretValues {
    let word = ("word".to_owned(), SecretValue::new("canary"));
    SecretValues {
        own: BTreeMap::from([word]),
        ..SecretValues::default()
    }
}

pub(crate) async fn what_was_taken_down_is_put_back_with_its_claims(cluster: Cluster) {
    let stage = Stage::new(&cluster).with_secrets(word());
    assert!(stage.deploy("db", WITH_CLAIM).await.is_complete());
    assert!(stage.wait("db").await.is_complete());
    let claim = || cluster.get("PersistentVolumeClaim", "data-db-0");
    let before = claim().await.unwrap();
    let plan = stage.plan_teardown("db", VolumeChoice::Keep).await;
    let remains = remains_of(&stage, &plan).await.unwrap();
    assert_eq!(
        (remains.text.as_str(), remains.revision),
        (WITH_CLAIM, Some(1))
    );
    let mut kinds: Vec<&str> = remains
        .objects
        .iter()
        .map(|object| object["kind"].as_str().unwrap())
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, ["ConfigMap", "Service", "StatefulSet"]);
    assert!(!format!("{remains:?}").contains("canary"), "{remains:?}");
    assert!(stage.run_teardown(&plan).await.is_complete());

    let plan = plan_restore_of(&stage, &remains).await;
    let remark = "claim data-db-0 is there already and is used as it is".to_owned();
    assert!(plan.deploy.warnings.contains(&remark), "{plan:?}");
    assert_eq!(told_of_loss(&plan), [""; 0]);
    let outcome = put_back(&stage, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let waited = stage.wait("db").await;
    assert!(waited.is_complete(), "{waited:?}");
    let after = claim().await.unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    let record = cluster.get("ConfigMap", "bowline-db").await.unwrap();
    let cause = annotation(&record, "kubernetes.io/change-cause");
    assert_eq!(cause, "restore of r1");
    // A second one has nothing left to do.
    let again = plan_restore_of(&stage, &remains).await;
    assert!(again.deploy.is_noop(), "{again:?}");
}

pub(crate) async fn what_was_scaled_and_taken_down_has_its_number_again(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let text = "containers: [{name: web, image: nginx}]\n";
    for (number, note) in [(3, "its 3 replicas stay"), (0, "it stays stopped")] {
        assert!(stage.deploy("web", text).await.is_complete());
        stage.adjust("web", Adjustment::Scale(number)).await;
        let plan = stage.plan_teardown("web", VolumeChoice::Keep).await;
        let remains = remains_of(&stage, &plan).await.unwrap();
        assert!(stage.run_teardown(&plan).await.is_complete());
        cluster.until_gone("Deployment", "web").await;

        let plan = plan_restore_of(&stage, &remains).await;
        let mut notes = plan.deploy.objects.iter().filter_map(|it| it.note.clone());
        assert!(notes.any(|it| it == note), "{plan:?}");
        let outcome = put_back(&stage, &plan).await;
        assert!(outcome.is_complete(), "{outcome:?}");
        let live = cluster.get("Deployment", "web").await.unwrap();
        assert_eq!(live["spec"]["replicas"], number);
        // It is open still: whoever scales it now is not set back by the next deploy.
        stage.adjust("web", Adjustment::Scale(2)).await;
        let again = plan_restore_of(&stage, &remains).await;
        assert!(again.deploy.is_noop(), "{again:?}");
        assert!(
            stage
                .teardown("web", VolumeChoice::Keep)
                .await
                .is_complete()
        );
        cluster.until_gone("Deployment", "web").await;
    }
}

/// A set that was scaled has a claim for each of its replicas: those get their volumes back with it.
pub(crate) async fn what_was_scaled_is_put_back_with_the_volumes_of_all_its_replicas(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster).with_secrets(word());
    let text = WITH_CLAIM.replace("replicas: 1\n", "");
    assert!(stage.deploy("db", &text).await.is_complete());
    stage.adjust("db", Adjustment::Scale(2)).await;
    let is_bound = |claim: &Value| claim["status"]["phase"] == "Bound";
    let claims = ["data-db-0", "data-db-1"];
    for claim in claims {
        cluster
            .until("PersistentVolumeClaim", claim, is_bound)
            .await;
    }
    let plan = stage.plan_teardown("db", VolumeChoice::Retain).await;
    let remains = remains_of(&stage, &plan).await.unwrap();
    assert!(stage.run_teardown(&plan).await.is_complete());
    for claim in claims {
        cluster.until_gone("PersistentVolumeClaim", claim).await;
    }
    let plan = plan_restore_of(&stage, &remains).await;
    let binds = plan.deploy.storage.binds.iter();
    let mut bound: Vec<&str> = binds.map(|it| it.claim.as_str()).collect();
    bound.sort_unstable();
    assert_eq!(bound, claims, "{plan:?}");
    assert_eq!(told_of_loss(&plan), [""; 0]);
}

/// A set takes claims for its own by their names alone: for as many pods as it is made with, not for those of its text.
pub(crate) async fn the_claims_of_all_replicas_that_are_put_back_are_looked_at(cluster: Cluster) {
    let stage = Stage::new(&cluster).with_secrets(word());
    let text = WITH_CLAIM.replace("replicas: 1\n", "");
    let replaced = async |claim: &str| {
        let deleted = cluster.delete("PersistentVolumeClaim", claim, json!({}));
        deleted.await.unwrap();
        cluster.until_gone("PersistentVolumeClaim", claim).await;
        let made = cluster.create(&crate::objects::claim(claim, "1Gi")).await;
        made.unwrap();
    };
    for (id, number) in [("db", 2), ("still", 0)] {
        assert!(stage.deploy(id, &text).await.is_complete());
        assert!(stage.wait(id).await.is_complete());
        stage.adjust(id, Adjustment::Scale(number)).await;
        let claims = [0, 1].map(|nth| format!("data-{id}-{nth}"));
        let there = &claims[..number.max(1) as usize];
        for claim in there {
            let is_there = |claim: &Value| !claim.is_null();
            cluster
                .until("PersistentVolumeClaim", claim, is_there)
                .await;
        }
        let plan = stage.plan_teardown(id, VolumeChoice::Keep).await;
        let remains = remains_of(&stage, &plan).await.unwrap();
        assert!(stage.run_teardown(&plan).await.is_complete());
        cluster.until_gone("StatefulSet", id).await;
        for nth in 0..number {
            cluster.until_gone("Pod", &format!("{id}-{nth}")).await;
        }

        let plan = plan_restore_of(&stage, &remains).await;
        let is_told = |claim: &String| {
            let remark = format!("claim {claim} is there already and is used as it is");
            plan.deploy.warnings.contains(&remark)
        };
        let told = claims.iter().filter(|claim| is_told(claim)).count();
        assert_eq!(told, number as usize, "{plan:?}");

        let last = there.last().unwrap();
        replaced(last).await;
        let plan = plan_restore_of(&stage, &remains).await;
        let said: Vec<String> = plan
            .deploy
            .refusals
            .iter()
            .map(ToString::to_string)
            .collect();
        // An adoption goes by the text, and would not find it.
        let refusal =
            format!("PersistentVolumeClaim/{last} exists already, and it was not made by bowline");
        let expected = if number == 0 { vec![] } else { vec![refusal] };
        assert_eq!(said, expected, "{plan:?}");
    }
}

pub(crate) async fn what_was_taken_down_is_put_back_with_retained_volumes(cluster: Cluster) {
    let stage = Stage::new(&cluster).with_secrets(word());
    assert!(stage.deploy("db", WITH_CLAIM).await.is_complete());
    assert!(stage.wait("db").await.is_complete());
    let volume = async || {
        let claim = cluster.get("PersistentVolumeClaim", "data-db-0").await;
        claim.unwrap()["spec"]["volumeName"].clone()
    };
    let before = volume().await;
    let plan = stage.plan_teardown("db", VolumeChoice::Retain).await;
    let remains = remains_of(&stage, &plan).await.unwrap();
    assert!(stage.run_teardown(&plan).await.is_complete());
    cluster
        .until_gone("PersistentVolumeClaim", "data-db-0")
        .await;

    let plan = plan_restore_of(&stage, &remains).await;
    let bound: Vec<_> = plan
        .deploy
        .storage
        .binds
        .iter()
        .map(|it| &it.volume)
        .collect();
    assert_eq!(bound.len(), 1, "{plan:?}");
    assert_eq!(told_of_loss(&plan), [""; 0]);
    assert!(put_back(&stage, &plan).await.is_complete());
    assert!(stage.wait("db").await.is_complete());
    assert_eq!(volume().await, before);
}

pub(crate) async fn data_that_was_deleted_is_said_not_to_come_back(cluster: Cluster) {
    let stage = Stage::new(&cluster).with_secrets(word());
    assert!(stage.deploy("db", WITH_CLAIM).await.is_complete());
    assert!(stage.wait("db").await.is_complete());
    let plan = stage.plan_teardown("db", VolumeChoice::Delete).await;
    let remains = remains_of(&stage, &plan).await.unwrap();
    assert!(stage.run_teardown(&plan).await.is_complete());
    cluster
        .until_gone("PersistentVolumeClaim", "data-db-0")
        .await;

    let plan = plan_restore_of(&stage, &remains).await;
    assert_eq!(told_of_loss(&plan), [LOST]);
    assert!(put_back(&stage, &plan).await.is_complete());
    assert!(stage.wait("db").await.is_complete());
    let plan = plan_restore_of(&stage, &remains).await;
    assert_eq!(told_of_loss(&plan), [""; 0]);
}

const LOST: &str =
    "claim data-db-0 is made anew with an empty volume: the data it held does not come back";

fn told_of_loss(plan: &RestorePlan) -> Vec<&str> {
    let warnings = plan.deploy.warnings.iter().map(String::as_str);
    warnings.filter(|it| it.contains("made anew")).collect()
}

pub(crate) async fn what_was_deployed_since_is_not_written_over(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    assert!(stage.deploy("web", WEB).await.is_complete());
    let plan = stage.plan_teardown("web", VolumeChoice::Keep).await;
    let remains = remains_of(&stage, &plan).await.unwrap();
    assert!(stage.run_teardown(&plan).await.is_complete());
    assert!(stage.deploy("web", &commented(WEB)).await.is_complete());
    assert!(stage.wait("web").await.is_complete());
    let before = stage.versions().await;
    let plan = plan_restore_of(&stage, &remains).await;
    assert_eq!(plan.deploy.refusals[0].kind, FailureKind::Refused);
    let outcome = put_back(&stage, &plan).await;
    assert_eq!(outcome.failed[0].0, Step::Claim);
    assert_eq!(stage.versions().await, before);
}

/// Nothing else knows how they were: no revision has a text.
pub(crate) async fn what_was_only_adopted_is_put_back_as_it_was(cluster: Cluster) {
    let config = config_map("settings", json!({"level": "info"}));
    let theirs = deployment("front", "nginx:1.27", 1);
    for object in [&config, &theirs] {
        cluster.create(object).await.unwrap();
    }
    let stage = Stage::new(&cluster);
    let text = format!("{config}\n---\n{theirs}\n");
    let plan = stage.plan_adopt("shop", &text).await;
    assert!(stage.run_adopt(&plan).await.is_complete());
    let plan = stage.plan_teardown("shop", VolumeChoice::Keep).await;
    assert!(
        plan.warnings
            .iter()
            .any(|it| it.contains("adopted and never deployed")),
        "{plan:?}"
    );
    let remains = remains_of(&stage, &plan).await.unwrap();
    assert_eq!((remains.revision, remains.objects.len()), (None, 2));
    for servers in [
        "uid",
        "resourceVersion",
        "status",
        "bowline.dev",
        "managed-by",
    ] {
        assert!(
            !remains.text.contains(servers),
            "{servers}: {}",
            remains.text
        );
    }
    assert!(stage.run_teardown(&plan).await.is_complete());
    assert!(cluster.get("ConfigMap", "settings").await.is_err());

    let plan = plan_restore_of(&stage, &remains).await;
    assert_eq!(plan.deploy.refusals, []);
    let options = RunOptions::default();
    let outcome = run_restore(stage.engine(), &plan, options, &|_| {}).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("shop").await.is_complete());
    let again = cluster.get("ConfigMap", "settings").await.unwrap();
    assert_eq!(again["data"], json!({"level": "info"}));
    let again = cluster.get("Deployment", "front").await.unwrap();
    let image = &again["spec"]["template"]["spec"]["containers"][0]["image"];
    assert_eq!(image, "nginx:1.27");
}

/// Values of Secrets are in no copy, and no revision has them either.
pub(crate) async fn what_was_only_adopted_goes_without_a_copy_only_where_that_is_wanted(
    cluster: Cluster,
) {
    let token = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"},
        "stringData": {"token": "canary"}});
    cluster.create(&token).await.unwrap();
    let stage = Stage::new(&cluster);
    let text = "{apiVersion: v1, kind: Secret, metadata: {name: token}}\n";
    let plan = stage.plan_adopt("shop", text).await;
    assert!(stage.run_adopt(&plan).await.is_complete());
    let plan = stage.plan_teardown("shop", VolumeChoice::Keep).await;
    let (engine, of) = (stage.engine().clone(), plan.clone());
    let read = tokio::spawn(async move { remains(&engine, &of).await });
    let failure = read.await.unwrap().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.summary.contains("only Secrets go"), "{failure}");

    // One that was begun is finished by whoever comes next.
    let held = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    cluster.merge("Secret", "token", &held).await.unwrap();
    let is_held = |reason: &str| reason == "Secret/token is held by example.com/hold";
    stage
        .teardown_until_told("shop", VolumeChoice::Keep, is_held)
        .await;
    let plan = stage.plan_teardown("shop", VolumeChoice::Keep).await;
    assert_eq!(remains_of(&stage, &plan).await, None);
    let let_go = json!({"metadata": {"finalizers": null}});
    cluster.merge("Secret", "token", &let_go).await.unwrap();
}

pub(crate) async fn what_never_came_to_its_end_leaves_nothing_to_put_back(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan("web", WEB).await;
    let is_kept = |fact: &Progress| matches!(fact, Progress::Done(Step::Revision(_), _));
    stage.run_until("web", WEB, &plan, is_kept).await;
    let plan = stage.plan_teardown("web", VolumeChoice::Keep).await;
    assert_eq!(remains_of(&stage, &plan).await, None);
}

/// The teardown is cut off, and so is the restore.
pub(crate) async fn a_teardown_that_was_cut_off_is_put_back_whole(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    assert!(stage.deploy("web", WEB).await.is_complete());
    let plan = stage.plan_teardown("web", VolumeChoice::Keep).await;
    let remains = remains_of(&stage, &plan).await.unwrap();
    let is_deleted = |fact: &Progress| matches!(fact, Progress::Done(Step::Delete(_), _));
    stage.run_teardown_until(&plan, is_deleted).await;

    let plan = plan_restore_of(&stage, &remains).await;
    let (engine, cut) = (stage.engine().clone(), plan.clone());
    let is_applied = |fact: &Progress| matches!(fact, Progress::Done(Step::Apply(_), _));
    cut_off(is_applied, |report| async move {
        run_restore(&engine, &cut, RunOptions::default(), &*report).await
    })
    .await;
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    let operation = annotation(&record, "bowline.dev/operation");
    assert!(operation.contains(r#""kind":"restore""#), "{operation}");

    let plan = plan_restore_of(&stage, &remains).await;
    let outcome = put_back(&stage, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let waited = stage.wait("web").await;
    assert!(waited.is_complete(), "{waited:?}");
    assert!(stage.plan("web", WEB).await.is_noop());
}
