//! Pods as rows: how many containers are ready, and the one word that says how the pod is.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::text::{age, duration, or_none, plain};

/// What the containers of a pod come to.
struct Summary {
    reason: String,
    n_ready: usize,
    n_restarts: i64,
    last_restart: Option<Timestamp>,
}

pub(super) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let summary = summary(pod);
    let n_containers = list(&pod["spec"], "containers").len();
    let restarts = match summary.last_restart {
        Some(at) if summary.n_restarts > 0 => format!(
            "{} ({} ago)",
            summary.n_restarts,
            duration(now.duration_since(at))
        ),
        _ => summary.n_restarts.to_string(),
    };
    let first_ip = or_none(plain(&pod["status"]["podIP"]));
    vec![
        pod["metadata"]["name"].clone(),
        json!(format!("{}/{n_containers}", summary.n_ready)),
        json!(summary.reason),
        json!(restarts),
        age(pod, now),
        json!(first_ip),
        json!(or_none(plain(&pod["spec"]["nodeName"]))),
        json!(or_none(plain(&pod["status"]["nominatedNodeName"]))),
        json!("<none>"),
    ]
}

fn list<'a>(object: &'a Value, key: &str) -> &'a [Value] {
    object[key]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn summary(pod: &Value) -> Summary {
    let status = &pod["status"];
    let reason = if status["reason"].is_string() {
        &status["reason"]
    } else {
        &status["phase"]
    };
    let mut summary = Summary {
        reason: plain(reason),
        n_ready: 0,
        n_restarts: 0,
        last_restart: None,
    };
    let is_initializing = initialize(pod, &mut summary);
    if !is_initializing || is_true(pod, "Initialized") {
        run(pod, &mut summary);
    }
    let has_ended = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed"));
    if !pod["metadata"]["deletionTimestamp"].is_null() && !has_ended {
        summary.reason = "Terminating".into();
    }
    summary
}

/// Takes the init containers in; returns whether one is not done.
fn initialize(pod: &Value, summary: &mut Summary) -> bool {
    let n_init = list(&pod["spec"], "initContainers").len();
    for (at, container) in list(&pod["status"], "initContainerStatuses")
        .iter()
        .enumerate()
    {
        restarted(container, summary);
        let (terminated, waiting) = (
            &container["state"]["terminated"],
            &container["state"]["waiting"],
        );
        if terminated["exitCode"] == 0 {
            continue;
        }
        let waits_for = waiting["reason"]
            .as_str()
            .filter(|reason| !matches!(*reason, "" | "PodInitializing"));
        summary.reason = if terminated.is_object() {
            format!("Init:{}", ended(terminated))
        } else if let Some(reason) = waits_for {
            format!("Init:{reason}")
        } else {
            format!("Init:{at}/{n_init}")
        };
        return true;
    }
    false
}

fn run(pod: &Value, summary: &mut Summary) {
    // The restarts of init containers that are done do not count.
    summary.n_restarts = 0;
    let mut is_any_running = false;
    for container in list(&pod["status"], "containerStatuses").iter().rev() {
        restarted(container, summary);
        let state = &container["state"];
        if let Some(reason) = state["waiting"]["reason"]
            .as_str()
            .filter(|reason| !reason.is_empty())
        {
            summary.reason = reason.to_owned();
        } else if state["terminated"].is_object() {
            summary.reason = ended(&state["terminated"]);
        } else if container["ready"] == true && state["running"].is_object() {
            is_any_running = true;
            summary.n_ready += 1;
        }
    }
    if summary.reason == "Completed" && is_any_running {
        summary.reason = if is_true(pod, "Ready") {
            "Running"
        } else {
            "NotReady"
        }
        .into();
    }
}

fn restarted(container: &Value, summary: &mut Summary) {
    summary.n_restarts += container["restartCount"].as_i64().unwrap_or(0);
    let ended = container["lastState"]["terminated"]["finishedAt"]
        .as_str()
        .and_then(|text| text.parse().ok());
    summary.last_restart = summary.last_restart.max(ended);
}

fn ended(terminated: &Value) -> String {
    match terminated["reason"].as_str() {
        Some(reason) if !reason.is_empty() => reason.to_owned(),
        _ if terminated["signal"].as_i64().unwrap_or(0) != 0 => {
            format!("Signal:{}", terminated["signal"])
        }
        _ => format!("ExitCode:{}", terminated["exitCode"]),
    }
}

fn is_true(pod: &Value, condition: &str) -> bool {
    list(&pod["status"], "conditions")
        .iter()
        .any(|c| c["type"] == condition && c["status"] == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: Value, deletion: Value, expected: &[&str]) {
        let containers = json!([{"name": "a"}, {"name": "b"}]);
        let pod = json!({"metadata": {"name": "p", "deletionTimestamp": deletion},
            "spec": {"containers": containers, "initContainers": [{"name": "i"}]}, "status": status});
        let now = "2026-01-01T01:00:00Z".parse().unwrap();
        let cells: Vec<String> = cells(&pod, now)[1..4].iter().map(plain).collect();
        assert_eq!(cells, expected, "{pod}");
    }

    #[test]
    fn one_word_says_how_a_pod_is() {
        let running = |ready: bool| json!({"ready": ready, "state": {"running": {}}});
        check(
            json!({"phase": "Pending"}),
            Value::Null,
            &["0/2", "Pending", "0"],
        );
        let both = json!({"phase": "Running", "containerStatuses": [running(true), running(true)]});
        check(both.clone(), Value::Null, &["2/2", "Running", "0"]);
        check(
            both,
            json!("2026-01-01T00:00:00Z"),
            &["2/2", "Terminating", "0"],
        );
        let crashing = json!({"restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"finishedAt": "2026-01-01T00:57:00Z"}}});
        let status = json!({"phase": "Running", "containerStatuses": [crashing, running(true)]});
        check(
            status,
            Value::Null,
            &["1/2", "CrashLoopBackOff", "3 (3m ago)"],
        );
        let init =
            json!({"phase": "Pending", "initContainerStatuses": [{"state": {"running": {}}}]});
        check(init, Value::Null, &["0/2", "Init:0/1", "0"]);
        let failed = json!({"phase": "Pending", "initContainerStatuses": [{"state": {"terminated": {"exitCode": 2}}}]});
        check(failed, Value::Null, &["0/2", "Init:ExitCode:2", "0"]);
    }
}
