//! Operations that are asked to stop: what was being written is finished, what comes after it is not tried, nobody holds the
//! instance any more, and the same again comes to the end.

use std::time::Duration;

use bowline::cluster::{Cluster as Engine, Stop};
use bowline::engine::deploy::{RunOptions, run_deploy};
use bowline::engine::plan::VolumeChoice;
use bowline::engine::progress::{Outcome, Progress, Step};
use bowline::engine::teardown::run_teardown;
use bowline::engine::wait::wait_ready;
use bowline::service::operation::Operation;
use serde_json::Value;

use super::walk::FIRST;
use crate::cluster::Cluster;
use crate::engine::stage::{Stage, options};

/// Why a step is not tried then.
const NOT_TRIED: &str = "stopped before it, as was asked";

/// Asks to stop once a step that is told so was done.
fn asking(stop: &Stop, after: &'static str) -> impl Fn(Progress) + Send + Sync + use<> {
    let stop = stop.clone();
    move |progress| {
        if matches!(&progress, Progress::Done(step, _) if name(step).starts_with(after)) {
            stop.ask();
        }
    }
}

fn name(step: &Step) -> String {
    match step {
        Step::Apply(key) => format!("apply {}", key.kind),
        Step::Delete(key) => format!("delete {}", key.kind),
        step => format!("{step:?}"),
    }
}

fn heeding(stage: &Stage<'_>) -> (Engine, Stop) {
    let stop = Stop::default();
    (stage.engine().heeding(stop.clone()), stop)
}

/// Returns what was done, and what was not tried because somebody asked.
fn parts(outcome: &Outcome) -> (Vec<String>, Vec<String>) {
    assert_eq!(outcome.failed, [], "{outcome:?}");
    let (left, why): (Vec<_>, Vec<_>) = outcome.not_tried.iter().cloned().unzip();
    assert!(why.iter().all(|why| why == NOT_TRIED), "{outcome:?}");
    (
        outcome.done.iter().map(name).collect(),
        left.iter().map(name).collect(),
    )
}

async fn annotation(cluster: &Cluster, id: &str) -> Value {
    let record = cluster.get("ConfigMap", &format!("bowline-{id}")).await;
    record.unwrap()["metadata"]["annotations"]["bowline.dev/operation"].clone()
}

async fn is_free(cluster: &Cluster, id: &str) -> bool {
    annotation(cluster, id).await.is_null()
}

async fn noted(cluster: &Cluster, id: &str) -> Operation {
    let annotation = annotation(cluster, id).await;
    serde_json::from_str(annotation.as_str().unwrap()).unwrap()
}

pub(crate) async fn a_deploy_stops_between_two_steps_and_the_same_again_finishes_it(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan("web", FIRST).await;
    let (engine, stop) = heeding(&stage);
    let (request, options) = (stage.request("web", FIRST), RunOptions::default());
    let report = asking(&stop, "apply ConfigMap");
    let outcome = run_deploy(&engine, &request, &plan, options, &report).await;
    let (done, left) = parts(&outcome);
    assert!(done.contains(&"apply ConfigMap".to_owned()), "{done:?}");
    assert!(left.contains(&"apply Deployment".to_owned()), "{left:?}");
    assert_eq!(left.last().map(String::as_str), Some("Record"), "{left:?}");
    assert!(cluster.get("ConfigMap", "web-config").await.is_ok());
    assert!(cluster.get("Deployment", "web").await.is_err());
    assert!(is_free(&cluster, "web").await);
    // One that was asked before it began writes nothing at all.
    let before = stage.n_writes();
    let plan = stage.plan("web", FIRST).await;
    let outcome = run_deploy(&engine, &request, &plan, RunOptions::default(), &|_| {}).await;
    let (done, left) = parts(&outcome);
    assert_eq!((done.len(), left[0].as_str()), (0, "Claim"), "{left:?}");
    assert_eq!(stage.n_writes(), before);
    assert!(stage.deploy("web", FIRST).await.is_complete());
    assert!(stage.plan("web", FIRST).await.is_noop());
    // Nothing is waited for any longer than it is wanted.
    let (key, long) = (stage.key("web"), Duration::from_secs(600));
    let waited = wait_ready(&engine, &key, long, &|_| {}).await;
    assert!(
        waited.is_complete() || waited.pending.len() == 1,
        "{waited:?}"
    );
}

pub(crate) async fn a_teardown_stops_between_two_steps_and_the_same_again_finishes_it(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    assert!(stage.deploy("web", FIRST).await.is_complete());
    let plan = stage.plan_teardown("web", VolumeChoice::Keep).await;
    let (engine, stop) = heeding(&stage);
    let report = asking(&stop, "delete Deployment");
    let options = options(Duration::from_secs(60));
    let outcome = run_teardown(&engine, &plan, &options, &report).await;
    let (done, left) = parts(&outcome);
    assert!(done.contains(&"delete Deployment".to_owned()), "{done:?}");
    assert!(left.contains(&"delete ConfigMap".to_owned()), "{left:?}");
    assert_eq!(left.last().map(String::as_str), Some("Record"), "{left:?}");
    assert!(cluster.get("ConfigMap", "web-config").await.is_ok());
    // Half of it is gone: that is told to all, and nobody waits for who let go of it.
    assert!(noted(&cluster, "web").await.rests);
    let outcome = stage.teardown("web", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let record = cluster.get("ConfigMap", "bowline-web").await;
    assert!(record.is_err(), "{record:?}");
}
