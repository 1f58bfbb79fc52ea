//! A pod's status, told from the machines of its containers.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::controllers::object::{count, items, map, seconds, text};
use crate::controllers::pods::with_condition;

use super::PodRun;
use super::container::ContainerRun;

/// Returns the whole status of a pod.
pub fn of_pod(pod: &Value, run: &PodRun, now: Timestamp) -> Value {
    let mut status: Map<String, Value> = map(pod, "/status").cloned().unwrap_or_default();
    let phase = phase(pod, run);
    status.insert(
        "conditions".to_owned(),
        Value::Array(conditions(pod, run, phase, now)),
    );
    status.insert("phase".to_owned(), json!(phase));
    status.insert("qosClass".to_owned(), json!(qos_class(pod)));
    status.insert("observedGeneration".to_owned(), json!(generation(pod)));
    if !status.contains_key("startTime") {
        status.insert("startTime".to_owned(), json!(seconds(now)));
    }
    let host = host_ip(text(pod, "/spec/nodeName"));
    status.insert("hostIP".to_owned(), json!(host));
    status.insert("hostIPs".to_owned(), json!([{"ip": host}]));
    if let Some(ip) = &run.ip {
        status.insert("podIP".to_owned(), json!(ip));
        status.insert("podIPs".to_owned(), json!([{"ip": ip}]));
    }
    let mut put = |field: &str, specs: &str, runs: &[ContainerRun]| {
        if !runs.is_empty() {
            let specs = items(pod, specs);
            let statuses = runs
                .iter()
                .zip(specs)
                .map(|(run, spec)| run.status(pod, spec, now))
                .collect();
            status.insert(field.to_owned(), Value::Array(statuses));
        }
    };
    put("initContainerStatuses", "/spec/initContainers", &run.init);
    put("containerStatuses", "/spec/containers", &run.main);
    Value::Object(status)
}

fn generation(pod: &Value) -> i64 {
    count(pod, "/metadata/generation").max(1)
}

/// Returns the address of a node; nodes are numbered in their names.
pub fn host_ip(node: &str) -> String {
    let digits: String = node
        .chars()
        .rev()
        .take_while(char::is_ascii_digit)
        .collect();
    let number: u8 = digits
        .chars()
        .rev()
        .collect::<String>()
        .parse()
        .unwrap_or(1);
    format!("192.168.49.{}", number.saturating_add(1))
}

fn phase(pod: &Value, run: &PodRun) -> &'static str {
    if run.init.iter().any(ContainerRun::has_failed) {
        return "Failed";
    }
    if run
        .init
        .iter()
        .any(|container| !container.lets_next_start() && !container.has_succeeded())
    {
        return "Pending";
    }
    if run.main.iter().any(ContainerRun::was_never_started) {
        return "Pending";
    }
    let is_over = |container: &ContainerRun| container.has_succeeded() || container.has_failed();
    // A pod on its way out whose containers were to run for ever stays Running to the end.
    if !run.main.iter().all(is_over) || text(pod, "/spec/restartPolicy") == "Always" {
        return "Running";
    }
    if run.main.iter().any(ContainerRun::has_failed) {
        "Failed"
    } else {
        "Succeeded"
    }
}

fn conditions(pod: &Value, run: &PodRun, phase: &str, now: Timestamp) -> Vec<Value> {
    let generation = generation(pod);
    let names = |runs: &[&ContainerRun]| {
        runs.iter()
            .map(|run| run.name.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let incomplete: Vec<&ContainerRun> = run
        .init
        .iter()
        .filter(|container| !container.lets_next_start())
        .collect();
    let sidecars = run.init.iter().filter(|container| container.is_running());
    let unready: Vec<&ContainerRun> = sidecars
        .chain(&run.main)
        .filter(|container| !container.is_ready(now))
        .collect();
    let observed = || json!({"observedGeneration": generation});
    let because = |reason: &str, message: Option<String>| {
        let mut extra = observed();
        extra["reason"] = json!(reason);
        if let Some(message) = message {
            extra["message"] = json!(message);
        }
        extra
    };
    let initialized = if incomplete.is_empty() || phase == "Succeeded" {
        observed()
    } else {
        let message = format!(
            "containers with incomplete status: [{}]",
            names(&incomplete)
        );
        because("ContainersNotInitialized", Some(message))
    };
    let ready = if phase == "Succeeded" {
        because("PodCompleted", None)
    } else if unready.is_empty() {
        observed()
    } else {
        because(
            "ContainersNotReady",
            Some(format!(
                "containers with unready status: [{}]",
                names(&unready)
            )),
        )
    };
    let is_initialized = incomplete.is_empty();
    let is_ready = phase == "Running" && unready.is_empty() && is_initialized;
    let facts = [
        (
            "PodReadyToStartContainers",
            run.ip.is_some() && phase != "Succeeded",
            observed(),
        ),
        ("Initialized", is_initialized, initialized),
        ("Ready", is_ready, ready.clone()),
        ("ContainersReady", is_ready, ready),
        ("PodScheduled", true, observed()),
    ];
    let before = items(pod, "/status/conditions");
    let ours = |condition: &&Value| {
        facts
            .iter()
            .any(|(kind, ..)| text(condition, "/type") == *kind)
    };
    let told: Vec<Value> = before.iter().filter(ours).cloned().collect();
    let set = facts.iter().fold(told, |set, (kind, is_true, extra)| {
        with_condition(&set, kind, *is_true, extra.clone(), now)
    });
    let rank = |condition: &Value| {
        facts
            .iter()
            .position(|(kind, ..)| text(condition, "/type") == *kind)
    };
    let mut ordered = set;
    ordered.sort_by_key(rank);
    ordered.extend(before.iter().filter(|condition| !ours(condition)).cloned());
    ordered
}

/// Returns the quality-of-service class: what is guaranteed, bounded, or left to luck.
fn qos_class(pod: &Value) -> &'static str {
    let containers = || {
        items(pod, "/spec/containers")
            .iter()
            .chain(items(pod, "/spec/initContainers"))
    };
    let amount = |container: &Value, kind: &str, resource: &str| {
        container
            .pointer(&format!("/resources/{kind}/{resource}"))
            .cloned()
    };
    let names_any = |container: &Value| {
        ["requests", "limits"].iter().any(|kind| {
            ["cpu", "memory"]
                .iter()
                .any(|of| amount(container, kind, of).is_some())
        })
    };
    if !containers().any(names_any) {
        return "BestEffort";
    }
    let is_guaranteed = |container: &Value| {
        ["cpu", "memory"].iter().all(|of| {
            let limit = amount(container, "limits", of);
            let request = amount(container, "requests", of);
            limit.is_some() && (request.is_none() || request == limit)
        })
    };
    if containers().all(is_guaranteed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_of_service_follows_requests_and_limits() {
        let check = |resources: Value, expected: &str| {
            assert_eq!(
                qos_class(&json!({"spec": {"containers": [{"resources": resources}]}})),
                expected
            );
        };
        check(json!({}), "BestEffort");
        check(json!({"requests": {"cpu": "1"}}), "Burstable");
        check(
            json!({"limits": {"cpu": "1", "memory": "1Gi"}}),
            "Guaranteed",
        );
        check(
            json!({"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}}),
            "Burstable",
        );
    }

    #[test]
    fn nodes_have_addresses_of_their_number() {
        assert_eq!(
            [host_ip("node-1"), host_ip("node-12"), host_ip("odd")],
            ["192.168.49.2", "192.168.49.13", "192.168.49.2"]
        );
    }
}
