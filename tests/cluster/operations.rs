//! Operations that survive: each is killed at every write, before it leaves and after it is done. Another client sees what was
//! left, resumes it, and comes to the state that an undisturbed run comes to.

mod cut;
mod halt;
mod resuming;
mod state;
mod stopping;
mod walk;
#[path = "../shared/writes.rs"]
mod writes;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bowline::cluster::TakeOver;
use bowline::engine::deploy::{RunOptions, run_deploy};
use bowline::engine::operation::{ABANDONED_AFTER, Meeting, is_busy, is_lost, is_outdated};
use bowline::engine::plan::VolumeChoice;
use bowline::engine::progress::{Progress, Step};
use bowline::engine::resume::ResumePlan;
use bowline::engine::teardown::{TeardownOptions, run_teardown};
use bowline::engine::turn::{Turn, wait_turn};
use bowline::failure::FailureKind;
use bowline::secret::{SecretValue, SecretValues};
use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::cluster::{Cluster, DEADLINE};
use crate::engine::stage::{Fault, Stage, options};
use cut::{Cut, Moment};
use halt::Halt;
use resuming::{plan, resume};
pub(crate) use stopping::*;
use walk::{FIRST, SECOND, Walk, made_by_helm, until_phases, walk};

pub(crate) async fn a_first_deploy_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Create).await;
}

pub(crate) async fn an_update_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Update).await;
}

pub(crate) async fn a_rollback_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Rollback).await;
}

pub(crate) async fn a_teardown_that_keeps_claims_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Teardown(VolumeChoice::Keep)).await;
}

pub(crate) async fn a_teardown_that_deletes_claims_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Teardown(VolumeChoice::Delete)).await;
}

pub(crate) async fn a_teardown_that_retains_volumes_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Teardown(VolumeChoice::Retain)).await;
}

pub(crate) async fn a_growth_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Grow).await;
}

pub(crate) async fn a_workload_that_is_made_anew_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Recreate).await;
}

pub(crate) async fn volumes_that_are_bound_again_survive_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::BindAgain).await;
}

pub(crate) async fn a_restore_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Restore).await;
}

pub(crate) async fn a_release_of_kept_claims_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::ReleaseClaims).await;
}

pub(crate) async fn a_release_of_retained_volumes_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Release { is_named: false }).await;
}

pub(crate) async fn a_release_of_one_retained_volume_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Release { is_named: true }).await;
}

/// Without an instance there is no record that could tell of it: the same command again finds what is left by the labels.
pub(crate) async fn a_release_of_what_was_taken_down_is_finished_by_a_second_run(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let walk = Walk::Release { is_named: false };
    let finished = async |moment: Moment| {
        let id = &moment.name();
        Box::pin(walk.prepare(&stage, id)).await;
        let taken = stage.teardown(id, VolumeChoice::Delete).await;
        assert!(taken.is_complete(), "{taken:?}");
        let cut = Cut::at(cluster.admin.clone(), Some(moment));
        assert!(Box::pin(walk.run(&cut, &stage, id)).await.is_none());
        let record = cluster.get("ConfigMap", &format!("bowline-{id}")).await;
        record.unwrap_err().check(404, "NotFound", "not found");
        let whole = Cut::at(cluster.admin.clone(), None);
        let outcome = Box::pin(walk.run(&whole, &stage, id)).await.unwrap();
        assert!(outcome.is_complete(), "{moment:?}: {outcome:?}");
        until_phases(&cluster, id, &[]).await;
    };
    let moments = [Moment::Before(0), Moment::After(0), Moment::After(1)];
    join_all(moments.map(finished)).await;
}

pub(crate) async fn fields_that_are_taken_survive_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Force).await;
}

pub(crate) async fn a_scale_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Scale).await;
}

pub(crate) async fn a_restart_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Restart).await;
}

pub(crate) async fn a_change_of_routes_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Routes).await;
}

pub(crate) async fn an_adoption_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Adopt).await;
}

pub(crate) async fn an_adoption_of_what_was_edited_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::AdoptEdited).await;
}

/// What changed hands since was never shown to whoever agreed to it.
pub(crate) async fn only_what_was_shown_is_handed_over_by_who_goes_on(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    made_by_helm(&cluster, "web").await;
    let cut = Cut::at(cluster.admin.clone(), Some(Moment::After(0)));
    assert!(
        Box::pin(Walk::Adopt.run(&cut, &stage, "web"))
            .await
            .is_none()
    );
    let other = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "other"}}});
    cluster.merge("Service", "web", &other).await.unwrap();
    let ResumePlan::Adopt(rest) = plan(&stage, "web").await.unwrap() else {
        panic!("it is an adoption")
    };
    let rows: Vec<String> = rest.rows.iter().map(|row| row.key.to_string()).collect();
    assert_eq!(rows, ["ConfigMap/web-config"]);
    let left = "Service/web is left as it is: it was changed after it was shown";
    assert!(rest.warnings[0].starts_with(left), "{:?}", rest.warnings);
    resume(&stage, "web").await;
    let service = cluster.get("Service", "web").await.unwrap();
    assert_eq!(
        service["metadata"]["labels"]["app.kubernetes.io/managed-by"],
        "Helm"
    );
}

pub(crate) async fn an_adoption_does_not_write_over_what_a_deploy_left(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let noted = json!({"kind": "deploy", "step": "begins", "holder": "ann@bastion/7",
                       "heartbeat": "2026-01-01T00:00:00Z", "revision": 2});
    note(&cluster, Some(&noted)).await;
    let more = json!({"data": {"EXTRA": "1"}});
    let edited = cluster.merge_as("kubectl-edit", "ConfigMap", "web-config", &more);
    edited.await.unwrap();
    let plan = stage.plan_adopt("web", FIRST).await;
    let [refusal] = plan.refusals.as_slice() else {
        panic!("{plan:?}")
    };
    assert!(
        refusal
            .summary
            .contains("web is busy: ann@bastion/7 runs a deploy of r2"),
        "{refusal}"
    );
    let outcome = stage.run_adopt(&plan).await;
    assert_eq!((outcome.done.len(), outcome.not_tried.len()), (0, 1));
}

/// A record without anything to record would be an instance of nothing.
pub(crate) async fn an_adoption_that_nothing_came_of_leaves_no_record(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    made_by_helm(&cluster, "web").await;
    let plan = stage.plan_adopt("web", FIRST).await;
    for (kind, name) in [("ConfigMap", "web-config"), ("Service", "web")] {
        cluster.delete(kind, name, json!({})).await.unwrap();
    }
    made_by_helm(&cluster, "web").await;
    let outcome = stage.run_adopt(&plan).await;
    assert_eq!((outcome.done.len(), outcome.failed.len()), (0, 2));
    assert!(cluster.get("ConfigMap", "bowline-web").await.is_err());
}

/// What was agreed to for a run is noted with it; whoever agreed to nothing is offered it and refused.
pub(crate) async fn a_deploy_goes_on_with_what_was_agreed_to(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    Walk::Grow.stock(&cluster).await;
    for (walk, flag) in [
        (Walk::Grow, "--grow-volumes"),
        (Walk::Recreate, "--recreate"),
        (Walk::BindAgain, "--bind-retained"),
        (Walk::Force, "--force-conflicts"),
    ] {
        let id = walk.name();
        Box::pin(walk.prepare(&stage, id)).await;
        // The text is written, and nothing else yet.
        let cut = Cut::at(cluster.admin.clone(), Some(Moment::After(2)));
        assert!(Box::pin(walk.run(&cut, &stage, id)).await.is_none());
        let ResumePlan::Deploy { plan, .. } = plan(&stage, id).await.unwrap() else {
            panic!("it is a deploy")
        };
        assert_eq!(plan.refusals, [], "{flag}");
        let told = format!("it was begun with {flag}, and goes on so");
        assert!(plan.warnings.contains(&told), "{:?}", plan.warnings);
        assert_eq!(plan.takes_conflicts, walk == Walk::Force);
        // Nobody else agreed to it.
        let alone = stage.plan(id, &walk.text(&cluster)).await;
        let is_asked = !alone.offers.is_empty() || !alone.conflicts.is_empty();
        assert!(is_asked, "{flag}: {alone:?}");
    }
}

/// A field that another took meanwhile was never shown.
pub(crate) async fn only_fields_that_were_shown_are_taken_by_who_goes_on(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    Box::pin(Walk::Force.prepare(&stage, "web")).await;
    let cut = Cut::at(cluster.admin.clone(), Some(Moment::After(2)));
    assert!(
        Box::pin(Walk::Force.run(&cut, &stage, "web"))
            .await
            .is_none()
    );
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:1.30"}]}}}});
    cluster
        .strategic_as("another", "Deployment", "web", &image)
        .await
        .unwrap();
    let ResumePlan::Deploy { request, plan } = plan(&stage, "web").await.unwrap() else {
        panic!("it is a deploy")
    };
    assert_eq!((plan.conflicts.len(), plan.takes_conflicts), (1, false));
    let options = RunOptions {
        meeting: Meeting::TakeOver,
        ..RunOptions::default()
    };
    let outcome = run_deploy(stage.engine(), &request, &plan, options, &|_| {}).await;
    assert_eq!(outcome.done, []);
    let web = cluster.get("Deployment", "web").await.unwrap();
    let container = &web["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "nginx:1.30");
}

pub(crate) async fn a_teardown_goes_on_with_the_choice_that_was_made(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let walk = Walk::Teardown(VolumeChoice::Delete);
    Box::pin(walk.prepare(&stage, "db")).await;
    let cut = Cut::at(cluster.admin.clone(), Some(Moment::After(1)));
    assert!(Box::pin(walk.run(&cut, &stage, "db")).await.is_none());
    let ResumePlan::Teardown(plan) = plan(&stage, "db").await.unwrap() else {
        panic!("it is a teardown")
    };
    assert_eq!(plan.volumes, VolumeChoice::Delete);
}

pub(crate) async fn values_that_are_nowhere_keep_a_deploy_from_being_resumed(cluster: Cluster) {
    const NEEDY: &str = "
containers:
  - name: web
    image: nginx:1.27
    env: [{name: TOKEN, fromSecret: token}]
secrets: {token: {env: BOWLINE_NO_SUCH_VARIABLE}}
";
    let stage = Stage::new(&cluster);
    let with_value = stage.with_secrets(values("token", "s3cret"));
    let (plan_of, request) = (
        with_value.plan("web", NEEDY).await,
        with_value.request("web", NEEDY),
    );
    let killed = |moment| {
        let cut = Cut::at(cluster.admin.clone(), Some(moment));
        let engine = cut.engine(&stage);
        let (plan, request) = (plan_of.clone(), request.clone());
        async move {
            let options = RunOptions {
                meeting: Meeting::TakeOver,
                ..RunOptions::default()
            };
            let run = run_deploy(&engine, &request, &plan, options, &|_| {});
            assert!(cut.run(run).await.is_none());
        }
    };
    // The revision is written, the Secret is not: nobody else has the value.
    killed(Moment::After(2)).await;
    let ResumePlan::Deploy { plan: refused, .. } = plan(&stage, "web").await.unwrap() else {
        panic!("it is a deploy")
    };
    let [refusal] = refused.refusals.as_slice() else {
        panic!("{refused:?}")
    };
    assert!(refusal.summary.contains("token"), "{refusal}");
    // Once the Secret is there its value is kept. Before it the revision that was left is signed by who goes on with it.
    killed(Moment::After(5)).await;
    resume(&stage, "web").await;
    let secret = cluster.get("Secret", "web-secret").await.unwrap();
    assert_eq!(secret["data"]["token"], "czNjcmV0");
}

fn values(key: &str, value: &str) -> SecretValues {
    let own = [(key.to_owned(), SecretValue::new(value))];
    SecretValues {
        own: own.into(),
        ..SecretValues::default()
    }
}

pub(crate) async fn what_is_not_under_way_is_not_resumed(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let failure = plan(&stage, "web").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    stage.deploy("web", SECOND).await;
    let failure = plan(&stage, "web").await.unwrap_err();
    assert!(
        failure.summary.contains("nothing is under way"),
        "{failure}"
    );
    // What another version noted says too little.
    let noted = json!({"kind": "transmute", "step": "begins", "holder": "eve@there/1",
                       "heartbeat": "2026-01-01T00:00:00Z"});
    note(&cluster, Some(&noted)).await;
    let failure = plan(&stage, "web").await.unwrap_err();
    assert!(failure.summary.contains("a transmute of"), "{failure}");
    // One deploy more takes it over.
    let request = stage.request("web", FIRST);
    let options = RunOptions {
        meeting: Meeting::TakeOver,
        ..RunOptions::default()
    };
    let first = stage.plan("web", FIRST).await;
    let outcome = run_deploy(stage.engine(), &request, &first, options, &|_| {}).await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

async fn note(cluster: &Cluster, operation: Option<&Value>) {
    let text = operation.map(Value::to_string);
    let patch = json!({"metadata": {"annotations": {"bowline.dev/operation": text}}});
    cluster
        .merge("ConfigMap", "bowline-web", &patch)
        .await
        .unwrap();
}

pub(crate) async fn who_was_taken_over_stops_and_the_second_comes_to_the_end(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let plan = stage.plan("web", SECOND).await;
    // The first lives, and stands at a write that takes its time.
    let slow = Cut::at(cluster.admin.clone(), Some(Moment::Before(3)));
    assert!(
        Box::pin(Walk::Update.run(&slow, &stage, "web"))
            .await
            .is_none()
    );
    let request = stage.request("web", SECOND);
    let options = RunOptions {
        meeting: Meeting::TakeOver,
        ..RunOptions::default()
    };
    let outcome = run_deploy(stage.engine(), &request, &plan, options, &|_| {}).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.plan("web", SECOND).await.is_noop());
}

/// As a machine that sleeps in the middle of many objects, and wakes when somebody else has come to the end.
pub(crate) async fn who_stood_still_writes_nothing_over_who_took_over(cluster: Cluster) {
    const N_OBJECTS: usize = 16;
    let text = |value: &str| -> String {
        let object = |n| {
            format!(
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: part-{n:02}}}\ndata: {{of: {value}}}\n"
            )
        };
        (0..N_OBJECTS).map(object).collect()
    };
    let stage = Stage::new(&cluster);
    stage.deploy("web", &text("none")).await;
    let halt = Halt::after("configmaps/part-", cluster.admin.clone());
    let (first, plan) = (halt.engine(&stage), stage.plan("web", &text("first")).await);
    let request = stage.request("web", &text("first"));
    let sleeper = tokio::spawn(async move {
        run_deploy(&first, &request, &plan, RunOptions::default(), &|_| {}).await
    });
    halt.halted().await;

    let outcome = stage.deploy("web", &text("second")).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    halt.go_on();
    let outcome = sleeper.await.unwrap();
    assert!(is_lost(&outcome), "{outcome:?}");
    // What was on its way arrives.
    let n_left = outcome.done.len();
    assert!((1..N_OBJECTS / 2).contains(&n_left), "{outcome:?}");
    let mut values = Vec::new();
    for n in 0..N_OBJECTS {
        let part = cluster.get("ConfigMap", &format!("part-{n:02}")).await;
        values.push(part.unwrap()["data"]["of"].clone());
    }
    let n_first = values.iter().filter(|it| *it == "first").count();
    assert!(n_first <= n_left, "{values:?}");
}

/// The first lives, and stands at a write that takes its time; the second is told so, and does not wait for it.
pub(crate) async fn who_takes_over_while_a_beat_is_awaited_begins_at_once(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let plan = stage.plan("web", SECOND).await;
    let (stands, goes_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = Fault::before(Method::POST, "/configmaps", {
        let (stands, goes_on) = (stands.clone(), goes_on.clone());
        move || {
            let (stands, goes_on) = (stands.clone(), goes_on.clone());
            Box::pin(async move {
                stands.notify_one();
                goes_on.notified().await;
            })
        }
    });
    let first = stage.with(slow);
    let second = async {
        stands.notified().await;
        let text = SECOND.replace("nginx:1.28", "nginx:1.29");
        let (plan, request) = (stage.plan("web", &text).await, stage.request("web", &text));
        let (heard, claimed) = (Mutex::new(Vec::new()), Mutex::new(None));
        let report = |progress| match progress {
            Progress::Listening(sentence) => {
                heard.lock().unwrap().push((sentence, Instant::now()));
                stage.engine().stop().take_over(TakeOver::Anyone);
            }
            Progress::Done(Step::Claim, _) => *claimed.lock().unwrap() = Some(Instant::now()),
            _ => {}
        };
        let options = RunOptions::default();
        let outcome = run_deploy(stage.engine(), &request, &plan, options, &report).await;
        assert!(outcome.is_complete(), "{outcome:?}");
        let heard = heard.into_inner().unwrap();
        let [(sentence, listened)] = heard.as_slice() else {
            panic!("{heard:?}")
        };
        let words = "for a beat of tester@here 1, then takes over";
        assert!(sentence.contains(words), "{sentence}");
        let took = claimed.into_inner().unwrap().unwrap() - *listened;
        assert!(took < ABANDONED_AFTER, "{took:?}");
        goes_on.notify_one();
        text
    };
    let (of_first, text) = tokio::join!(first.run("web", SECOND, &plan), second);
    assert_eq!(of_first.done, [Step::Claim], "{of_first:?}");
    assert!(!of_first.failed.is_empty(), "{of_first:?}");
    assert!(stage.plan("web", &text).await.is_noop());
    assert_eq!(resuming::noted(&stage, "web").await, None);
}

pub(crate) async fn the_second_is_told_who_is_at_it_and_gets_its_turn(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let beat = |n: u32| {
        json!({"kind": "deploy", "step": "apply Deployment/web", "holder": "ann@bastion/7", "number": 3, "of": 6,
               "revision": 2, "started": "2026-01-01T00:00:00Z", "heartbeat": format!("2026-01-01T00:00:00.{n:06}Z")})
    };
    note(&cluster, Some(&beat(0))).await;
    let (engine, key) = (stage.engine().clone(), stage.key("web"));
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let queue = tokio::spawn(async move {
        let report = move |progress| drop(sender.send(progress));
        wait_turn(&engine, &key, DEADLINE, &report).await
    });
    let first = told.recv().await.unwrap();
    let words = "ann@bastion/7 runs a deploy of r2: step 3 of 6: apply Deployment/web";
    assert!(format!("{first:?}").contains(words), "{first:?}");

    // Whoever does not wait is refused with the same words.
    let request = stage.request("web", SECOND);
    let plan = stage.plan("web", SECOND).await;
    let run = run_deploy(
        stage.engine(),
        &request,
        &plan,
        RunOptions::default(),
        &|_| {},
    );
    let beats = async {
        for n in 1.. {
            note(&cluster, Some(&beat(n))).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let outcome = tokio::select! {
        outcome = run => outcome,
        () = beats => unreachable!(),
    };
    assert!(is_busy(&outcome), "{outcome:?}");
    assert!(outcome.failed[0].1.summary.contains(words), "{outcome:?}");

    note(&cluster, None).await;
    assert_eq!(queue.await.unwrap().unwrap(), Turn::Free);
}

/// What was planned of an instance is nothing to begin another one with: the teardown that came between was wanted too.
pub(crate) async fn what_was_taken_down_since_is_not_deployed_by_an_older_plan(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let request = stage.request("web", SECOND);
    let plan = stage.plan("web", SECOND).await;
    let ended = stage.teardown("web", VolumeChoice::Keep).await;
    assert!(ended.is_complete(), "{ended:?}");
    let run = async || {
        let options = RunOptions::default();
        run_deploy(stage.engine(), &request, &plan, options, &|_| {}).await
    };
    let words = "was taken down after it was planned: plan again";
    let outcome = run().await;
    assert!(outcome.failed[0].1.summary.contains(words), "{outcome:?}");
    assert!(cluster.get("ConfigMap", "bowline-web").await.is_err());
    // Nor is another one of the ID, which somebody began meanwhile.
    stage.deploy("web", FIRST).await;
    let outcome = run().await;
    assert!(outcome.failed[0].1.summary.contains(words), "{outcome:?}");
    assert_eq!(stage.revisions("web").await.len(), 1);
}

/// Of two who planned the same at once, the later one has nothing left to do that it was asked about.
pub(crate) async fn a_plan_that_another_deploy_overtook_is_not_carried_out(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    for text in [FIRST, SECOND] {
        let plans = [stage.plan("web", text).await, stage.plan("web", text).await];
        let outcome = stage.run("web", text, &plans[0]).await;
        assert!(outcome.is_complete(), "{outcome:?}");
        let written = cluster.get("ConfigMap", "bowline-web").await.unwrap();
        let outcome = stage.run("web", text, &plans[1]).await;
        assert!(is_outdated(&outcome), "{outcome:?}");
        let words = "was changed after it was planned: plan again";
        assert!(outcome.failed[0].1.summary.contains(words), "{outcome:?}");
        assert_eq!(outcome.done, []);
        let kept = cluster.get("ConfigMap", "bowline-web").await.unwrap();
        assert_eq!(kept, written);
        assert!(stage.plan("web", text).await.is_noop());
    }
}

pub(crate) async fn a_wait_for_ones_turn_is_bounded(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let noted = json!({"kind": "teardown", "step": "begins", "holder": "ann@bastion/7",
                       "heartbeat": "2026-01-01T00:00:00Z"});
    note(&cluster, Some(&noted)).await;
    let within = Duration::from_millis(1500);
    let turn = wait_turn(stage.engine(), &stage.key("web"), within, &|_| {}).await;
    let Ok(Turn::TimedOut(sentence)) = turn else {
        panic!("{turn:?}")
    };
    assert!(
        sentence.contains("ann@bastion/7 runs a teardown"),
        "{sentence}"
    );
}

/// No time means one look: who is at it is told, and where nobody is nobody is waited for.
pub(crate) async fn who_has_no_time_looks_once(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let turn = async || {
        let key = stage.key("web");
        let turn = wait_turn(stage.engine(), &key, Duration::ZERO, &|_| {}).await;
        turn.unwrap()
    };
    assert_eq!(turn().await, Turn::Free);
    let noted = json!({"kind": "teardown", "step": "begins", "holder": "ann@bastion/7",
                       "heartbeat": "2026-01-01T00:00:00Z"});
    note(&cluster, Some(&noted)).await;
    let Turn::TimedOut(sentence) = turn().await else {
        panic!("somebody is at it")
    };
    assert!(
        sentence.starts_with("ann@bastion/7 runs a teardown"),
        "{sentence}"
    );
}

/// What somebody began after a teardown was planned was never shown, whether its holder lives or not: it is not written over.
pub(crate) async fn a_teardown_leaves_what_was_begun_after_its_plan(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let plan = stage.plan_teardown("web", VolumeChoice::Keep).await;
    let noted = json!({"kind": "deploy", "step": "begins", "holder": "ann@bastion/7",
                       "heartbeat": "2026-01-01T00:00:00Z"});
    note(&cluster, Some(&noted)).await;
    let run = async |meeting: Meeting| {
        let options = TeardownOptions {
            meeting,
            ..options(DEADLINE)
        };
        let outcome = run_teardown(stage.engine(), &plan, &options, &|_| {}).await;
        assert_eq!(outcome.done, []);
        let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
        let there = &record["metadata"]["annotations"]["bowline.dev/operation"];
        assert_eq!(*there, noted.to_string());
        outcome
    };
    let outcome = run(Meeting::Judge).await;
    assert!(is_busy(&outcome), "{outcome:?}");
    let outcome = run(Meeting::TakeOver).await;
    let failure = &outcome.failed[0].1;
    assert_eq!(failure.kind, FailureKind::Conflict);
    let told = "was changed after it was planned: plan again; ann@bastion/7 runs a deploy: begins";
    assert!(failure.summary.contains(told), "{failure}");
    // Once it is shown it is taken over.
    let plan = stage.plan_teardown("web", VolumeChoice::Keep).await;
    let options = TeardownOptions {
        meeting: Meeting::TakeOver,
        ..options(DEADLINE)
    };
    let outcome = run_teardown(stage.engine(), &plan, &options, &|_| {}).await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

pub(crate) async fn nobody_waits_for_an_instance_that_is_not_there(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let within = Duration::from_secs(20);
    let turn = wait_turn(stage.engine(), &stage.key("web"), within, &|_| {}).await;
    assert_eq!(turn, Ok(Turn::Free));
}
