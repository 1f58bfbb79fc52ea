//! Jobs on the stage: from the first pod to their end.

use serde_json::{Value, json};

use crate::controllers::kind::Kind;
use crate::controllers::object::{condition, is_deleting, items, text};
use crate::controllers::stage::Stage;

/// A Job of pods of an image, with more in its spec.
fn job(image: &str, more: Value) -> Value {
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"namespace": "n", "name": "load"},
        "spec": {"template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "load", "image": image}]}}}});
    for (key, value) in more.as_object().unwrap() {
        job["spec"][key] = value.clone();
    }
    job
}

fn status(stage: &Stage) -> Value {
    stage.get(Kind::Job, "load")["status"].clone()
}

fn conditions(stage: &Stage) -> Vec<String> {
    let job = stage.get(Kind::Job, "load");
    let told = |it: &Value| {
        format!(
            "{} {} {}",
            text(it, "/type"),
            text(it, "/status"),
            text(it, "/reason")
        )
    };
    items(&job, "/status/conditions").iter().map(told).collect()
}

fn phases(stage: &Stage) -> Vec<String> {
    let pods = stage.all(Kind::Pod);
    pods.iter()
        .map(|pod| text(pod, "/status/phase").to_owned())
        .collect()
}

#[test]
fn a_job_is_complete_once_enough_pods_succeeded() {
    let mut stage = Stage::new();
    stage.create(job("load:1", json!({"completions": 3, "parallelism": 2})));
    stage.settle();
    assert_eq!(phases(&stage), ["Pending", "Pending"]);
    assert_eq!(
        status(&stage),
        json!({"active": 2, "ready": 0, "terminating": 0,
        "startTime": "2026-01-01T00:00:00Z", "uncountedTerminatedPods": {}})
    );
    stage.advance(20_000);
    assert_eq!(phases(&stage), ["Succeeded"; 3]);
    let mut told = status(&stage);
    let end = told["completionTime"].take();
    assert_eq!(
        told["conditions"].take()[0]["message"],
        "Reached expected number of succeeded pods"
    );
    assert_eq!(
        told,
        json!({"succeeded": 3, "ready": 0, "terminating": 0, "conditions": null,
        "completionTime": null, "startTime": "2026-01-01T00:00:00Z", "uncountedTerminatedPods": {}})
    );
    assert!(end.is_string());
    assert_eq!(
        conditions(&stage),
        [
            "SuccessCriteriaMet True CompletionsReached",
            "Complete True CompletionsReached"
        ]
    );
    assert!(
        stage
            .events()
            .contains(&"Completed load: Job completed".to_owned())
    );
    assert!(
        stage
            .each(Kind::Pod, "/metadata/finalizers")
            .iter()
            .all(Value::is_null)
    );
    assert!(stage.is_at_rest());
}

#[test]
fn a_job_backs_off_and_gives_up_after_too_many_failures() {
    let mut stage = Stage::new();
    stage.create(job("load:crash", json!({"backoffLimit": 1})));
    stage.advance(9_000);
    assert_eq!(
        (phases(&stage), &status(&stage)["failed"]),
        (vec!["Failed".to_owned()], &json!(1))
    );
    stage.advance(30_000);
    assert_eq!(phases(&stage), ["Failed", "Failed"]);
    assert_eq!(
        conditions(&stage),
        [
            "FailureTarget True BackoffLimitExceeded",
            "Failed True BackoffLimitExceeded"
        ]
    );
    assert_eq!(status(&stage)["failed"], 2);
    let said = "BackoffLimitExceeded load: Job has reached the specified backoff limit";
    assert!(stage.events().contains(&said.to_owned()));
}

#[test]
fn containers_that_start_again_count_towards_the_limit() {
    let mut stage = Stage::new();
    let mut job = job("load:crash", json!({"backoffLimit": 1}));
    job["spec"]["template"]["spec"]["restartPolicy"] = json!("OnFailure");
    stage.create(job);
    stage.advance(60_000);
    assert_eq!(
        conditions(&stage),
        [
            "FailureTarget True BackoffLimitExceeded",
            "Failed True BackoffLimitExceeded"
        ]
    );
    assert_eq!(phases(&stage), [""; 0]);
}

#[test]
fn a_job_that_takes_too_long_fails_and_its_pods_go() {
    let mut stage = Stage::new();
    stage.create(job("load:missing", json!({"activeDeadlineSeconds": 5})));
    stage.advance(4_900);
    assert_eq!(conditions(&stage), [""; 0]);
    stage.advance(2_000);
    assert_eq!(
        conditions(&stage),
        [
            "FailureTarget True DeadlineExceeded",
            "Failed True DeadlineExceeded"
        ]
    );
    assert_eq!(phases(&stage), [""; 0]);
}

#[test]
fn a_suspended_job_has_no_pods_and_goes_on_later() {
    let mut stage = Stage::new();
    stage.create(job("load:slow", json!({"suspend": true})));
    stage.settle();
    assert_eq!(
        (phases(&stage), conditions(&stage)),
        (vec![], vec!["Suspended True JobSuspended".to_owned()])
    );
    stage.edit(Kind::Job, "load", |job| {
        job["spec"]["suspend"] = json!(false)
    });
    stage.settle();
    assert_eq!(
        (phases(&stage), conditions(&stage)),
        (
            vec!["Pending".to_owned()],
            vec!["Suspended False JobResumed".to_owned()]
        )
    );
    stage.edit(Kind::Job, "load", |job| {
        job["spec"]["suspend"] = json!(true)
    });
    stage.advance(5_000);
    assert_eq!(
        (phases(&stage), status(&stage)["failed"].clone()),
        (vec![], Value::Null)
    );
}

#[test]
fn pods_of_an_indexed_job_are_numbered() {
    let mut stage = Stage::new();
    stage.create(job(
        "load:1",
        json!({"completions": 3, "parallelism": 3, "completionMode": "Indexed"}),
    ));
    stage.settle();
    let hosts = stage.each(Kind::Pod, "/spec/hostname");
    assert_eq!(hosts, ["load-0", "load-1", "load-2"]);
    stage.advance(20_000);
    assert_eq!(status(&stage)["completedIndexes"], "0-2");
    assert!(condition(&stage.get(Kind::Job, "load"), "Complete").is_some());
}

#[test]
fn what_is_deleted_leaves_nothing_behind() {
    let mut stage = Stage::new();
    stage.create(job("load:slow", json!({})));
    stage.advance(1_000);
    stage.delete(Kind::Job, "load");
    stage.advance(10_000);
    assert_eq!(phases(&stage), [""; 0]);
    stage.create(job("load:1", json!({"ttlSecondsAfterFinished": 5})));
    stage.advance(4_000);
    assert!(!is_deleting(&stage.get(Kind::Job, "load")));
    stage.advance(10_000);
    assert_eq!(
        (stage.find(Kind::Job, "load"), phases(&stage)),
        (None, vec![])
    );
}
