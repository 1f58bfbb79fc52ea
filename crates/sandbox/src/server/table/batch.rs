//! DaemonSets, Jobs and CronJobs as rows: how many of how many, and how far they are.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::text::{age, count, duration, or_none, plain, since};
use super::{containers, name, number, pairs, selector};

pub(super) fn daemon_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let [names, images] = containers(&spec["template"]);
    let mut cells = vec![name(object)];
    for field in [
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    ] {
        cells.push(json!(number(&status[field]).to_string()));
    }
    let nodes = or_none(pairs(&spec["template"]["spec"]["nodeSelector"]));
    cells.extend([
        json!(nodes),
        age(object, now),
        names,
        images,
        selector(object),
    ]);
    cells
}

pub(super) fn job(object: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &object["spec"];
    let [names, images] = containers(&spec["template"]);
    let done = number(&object["status"]["succeeded"]);
    let parallelism = number(&spec["parallelism"]);
    let completions = match spec["completions"].as_i64() {
        Some(wanted) => format!("{done}/{wanted}"),
        None if parallelism > 1 => format!("{done}/1 of {parallelism}"),
        None => format!("{done}/1"),
    };
    vec![
        name(object),
        json!(state(object)),
        json!(completions),
        json!(runtime(&object["status"], now)),
        age(object, now),
        names,
        images,
        selector(object),
    ]
}

fn state(job: &Value) -> &'static str {
    let conditions = job["status"]["conditions"].as_array();
    let holds = |kind: &str| {
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|it| it["type"] == kind && it["status"] == "True")
    };
    if holds("Complete") {
        "Complete"
    } else if holds("Failed") {
        "Failed"
    } else if !job["metadata"]["deletionTimestamp"].is_null() {
        "Terminating"
    } else if holds("Suspended") {
        "Suspended"
    } else if holds("FailureTarget") {
        "FailureTarget"
    } else if holds("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

/// A Job that failed has no time at which it was complete, and goes on being counted.
fn runtime(status: &Value, now: Timestamp) -> String {
    let time = |key: &str| status[key].as_str()?.parse::<Timestamp>().ok();
    let end = time("completionTime").unwrap_or(now);
    time("startTime").map_or_else(String::new, |start| duration(end.duration_since(start)))
}

pub(super) fn cron_job(object: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let template = &spec["jobTemplate"]["spec"];
    let [names, images] = containers(&template["template"]);
    let last = match status["lastScheduleTime"].is_string() {
        true => since(Some(&status["lastScheduleTime"]), now),
        false => "<none>".to_owned(),
    };
    let is_suspended = match &spec["suspend"] {
        Value::Bool(true) => "True",
        Value::Bool(false) => "False",
        _ => "<unset>",
    };
    vec![
        name(object),
        spec["schedule"].clone(),
        json!(or_none(plain(&spec["timeZone"]))),
        json!(is_suspended),
        json!(count(&status["active"]).to_string()),
        json!(last),
        age(object, now),
        names,
        images,
        json!(or_none(pairs(&template["selector"]["matchLabels"]))),
    ]
}
