//! CronJobs on the stage, whose clock begins at midnight.

use serde_json::{Value, json};

use crate::controllers::kind::Kind;
use crate::controllers::object::{condition_is_true, name};
use crate::controllers::stage::Stage;

const MINUTE: i64 = 60_000;

fn cron_job(image: &str, more: Value) -> Value {
    let mut cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"namespace": "n", "name": "tick"},
        "spec": {"schedule": "*/5 * * * *", "jobTemplate": {"metadata": {"labels": {"app": "tick"}},
            "spec": {"template": {"spec": {"restartPolicy": "Never",
                "containers": [{"name": "tick", "image": image}]}}}}}});
    for (key, value) in more.as_object().unwrap() {
        cron["spec"][key] = value.clone();
    }
    cron
}

/// The Jobs by the number in their names, those that ended marked.
fn jobs(stage: &Stage) -> Vec<String> {
    let first = 1_767_225_600 / 60;
    let told = |job: &Value| {
        let number: i64 = name(job).rsplit('-').next().unwrap().parse().unwrap();
        let mark = match (
            condition_is_true(job, "Complete"),
            condition_is_true(job, "Failed"),
        ) {
            (true, _) => " complete",
            (_, true) => " failed",
            _ => "",
        };
        format!("{}{mark}", number - first)
    };
    stage.all(Kind::Job).iter().map(told).collect()
}

fn status(stage: &Stage) -> Value {
    stage.get(Kind::CronJob, "tick")["status"].clone()
}

#[test]
fn a_job_is_made_when_it_is_due() {
    let mut stage = Stage::new();
    stage.create(cron_job("tick:1", json!({})));
    stage.advance(5 * MINUTE - 1);
    assert_eq!((jobs(&stage), status(&stage)), (vec![], json!({})));
    stage.advance(1);
    assert_eq!(jobs(&stage), ["5"]);
    assert_eq!(
        status(&stage)["active"][0]["name"],
        name(&stage.all(Kind::Job)[0])
    );
    assert_eq!(status(&stage)["lastScheduleTime"], "2026-01-01T00:05:00Z");
    stage.advance(MINUTE);
    assert_eq!(jobs(&stage), ["5 complete"]);
    assert_eq!(status(&stage).get("active"), None);
    assert!(status(&stage)["lastSuccessfulTime"].is_string());
    assert_eq!(stage.each(Kind::Job, "/metadata/labels/app"), ["tick"]);
    let said = stage.events();
    assert!(
        said.iter()
            .any(|it| it.starts_with("SawCompletedJob tick: Saw completed job: tick-"))
    );
}

#[test]
fn only_the_last_jobs_are_kept() {
    let mut stage = Stage::new();
    stage.create(cron_job("tick:1", json!({"successfulJobsHistoryLimit": 2})));
    stage.advance(21 * MINUTE);
    assert_eq!(jobs(&stage), ["15 complete", "20 complete"]);
}

#[test]
fn what_is_suspended_makes_none() {
    let mut stage = Stage::new();
    stage.create(cron_job(
        "tick:1",
        json!({"suspend": true, "startingDeadlineSeconds": 30}),
    ));
    stage.advance(11 * MINUTE);
    assert_eq!(jobs(&stage), [""; 0]);
    stage.edit(Kind::CronJob, "tick", |cron| {
        cron["spec"]["suspend"] = json!(false)
    });
    stage.advance(MINUTE);
    assert_eq!(jobs(&stage), [""; 0]);
    stage.advance(3 * MINUTE);
    assert_eq!(jobs(&stage), ["15"]);
}

/// The Jobs never end, for their image is missing.
fn check_policy(policy: &str, expected: &[&str]) {
    let mut stage = Stage::new();
    stage.create(cron_job(
        "tick:missing",
        json!({"concurrencyPolicy": policy}),
    ));
    stage.advance(11 * MINUTE);
    assert_eq!(jobs(&stage), expected, "{policy}");
}

#[test]
fn the_policy_says_what_becomes_of_a_job_that_still_runs() {
    check_policy("Allow", &["5", "10"]);
    check_policy("Forbid", &["5"]);
    check_policy("Replace", &["10"]);
}
