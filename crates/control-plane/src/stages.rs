//! How the simulated nodes treat pods: the stages that kwok takes them through.
//!
//! An image whose tag contains `missing` is never pulled, one with `crash` crashes and is restarted a few times, one with
//! `slow` becomes ready late; every other pod is ready as soon as it is scheduled.

use serde_json::{Value, json};

const POD_STATUS: &str = include_str!("pod-status.tmpl");
const NODE_STATUS: &str = include_str!("node-status.tmpl");

/// How long a `slow` container takes to become ready, and a `crash` one to crash again.
const LATER_MS: u64 = 2000;

/// Returns the configuration of the nodes, as the documents of one file. `log` is what every container has logged.
pub(crate) fn config(log: &std::path::Path) -> String {
    let mut documents = vec![
        node("node-initialize", "NotIn", 0),
        // Nobody judges a node by it; it keeps the condition's time from growing very old.
        node("node-heartbeat", "In", 300_000),
        start(),
        start_without_image(),
        become_ready_late(),
        crash_again(),
        complete_job(),
        stage(
            "pod-delete",
            "Pod",
            vec![exists(".metadata.deletionTimestamp")],
            0,
            vec![json!({"delete": true})],
        ),
    ];
    documents.push(json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "all"},
        "spec": {"logs": [{"logsFile": log, "follow": true}]},
    }));
    // A command in a container is run on this machine, by whoever runs the tests.
    documents.push(json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterExec",
        "metadata": {"name": "all"},
        "spec": {"execs": [{"local": {"workDir": "/"}}]},
    }));
    // Every port gives back what it gets.
    documents.push(json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterPortForward",
        "metadata": {"name": "all"},
        "spec": {"forwards": [{"command": ["cat"]}]},
    }));
    let documents: Vec<String> = documents.iter().map(Value::to_string).collect();
    documents.join("\n---\n")
}

fn stage(name: &str, kind: &str, selector: Vec<Value>, delay_ms: u64, steps: Vec<Value>) -> Value {
    json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": selector},
            "delay": {"durationMilliseconds": delay_ms},
            "steps": steps,
        },
    })
}

fn patch_status(template: &str) -> Value {
    json!({"patch": {"subresource": "status", "root": "status", "template": template}})
}

fn warning(reason: &str, message: &str) -> Value {
    json!({"event": {"type": "Warning", "reason": reason, "message": message}})
}

fn exists(path: &str) -> Value {
    json!({"key": path, "operator": "Exists"})
}

fn missing(path: &str) -> Value {
    json!({"key": path, "operator": "DoesNotExist"})
}

fn is(expression: &str, value: &str) -> Value {
    json!({"key": expression, "operator": "In", "values": [value]})
}

/// An image whose tag contains `word`; the same pattern as in the template.
fn has_image(word: &str, yes: bool) -> Value {
    is(
        &format!("any(.spec.containers[]; .image | test(\":[^/]*{word}\"))"),
        if yes { "true" } else { "false" },
    )
}

fn node(name: &str, ready: &str, delay_ms: u64) -> Value {
    let selector = json!({
        "key": ".status.conditions.[] | select(.type == \"Ready\") | .status",
        "operator": ready,
        "values": ["True"],
    });
    stage(
        name,
        "Node",
        vec![selector],
        delay_ms,
        vec![patch_status(NODE_STATUS)],
    )
}

fn living(mut selector: Vec<Value>) -> Vec<Value> {
    selector.push(missing(".metadata.deletionTimestamp"));
    selector
}

fn start() -> Value {
    let selector = living(vec![
        missing(".status.startTime"),
        has_image("missing", false),
    ]);
    stage(
        "pod-start",
        "Pod",
        selector,
        0,
        vec![patch_status(POD_STATUS)],
    )
}

fn start_without_image() -> Value {
    let selector = living(vec![
        missing(".status.startTime"),
        has_image("missing", true),
    ]);
    let steps = vec![
        patch_status(POD_STATUS),
        warning("Failed", "Failed to pull image: not found"),
        warning("Failed", "Error: ErrImagePull"),
        warning("BackOff", "Back-off pulling image"),
    ];
    stage("pod-start-without-image", "Pod", selector, 0, steps)
}

fn become_ready_late() -> Value {
    let selector = living(vec![
        exists(".status.startTime"),
        is(
            "any(.status.containerStatuses[]?; (.image | test(\":[^/]*slow\")) and .ready == false)",
            "true",
        ),
        has_image("missing", false),
    ]);
    stage(
        "pod-become-ready-late",
        "Pod",
        selector,
        LATER_MS,
        vec![patch_status(POD_STATUS)],
    )
}

fn crash_again() -> Value {
    let selector = living(vec![
        has_image("crash", true),
        // A few times: no test wants more, and a cluster at rest is to be at rest.
        is(
            "[.status.containerStatuses[]?.restartCount] | max | . != null and . < 5",
            "true",
        ),
    ]);
    let steps = vec![
        patch_status(POD_STATUS),
        warning("BackOff", "Back-off restarting failed container"),
    ];
    stage("pod-crash-again", "Pod", selector, LATER_MS, steps)
}

fn complete_job() -> Value {
    let selector = living(vec![
        is(".status.phase", "Running"),
        is(".metadata.ownerReferences.[].kind", "Job"),
    ]);
    let template = r#"
{{ $now := Now }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: {{ .image | Quote }}
  ready: false
  started: false
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ $now | Quote }}
      finishedAt: {{ $now | Quote }}
{{ end }}
phase: Succeeded
"#;
    stage(
        "pod-complete",
        "Pod",
        selector,
        LATER_MS,
        vec![patch_status(template)],
    )
}
