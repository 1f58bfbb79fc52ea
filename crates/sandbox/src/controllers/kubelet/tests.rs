use serde_json::{Value, json};

use super::*;

fn pod(status: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n", "name": "p", "uid": "u", "generation": 1},
        "spec": {"nodeName": "node-2", "restartPolicy": "Always", "containers": [{"name": "web", "image": "nginx:1"}]},
        "status": status})
}

fn look(kubelet: &mut Kubelet, pod: &Value, at: &str) -> Decision {
    kubelet.reconcile(
        &View::from_objects([pod.clone()]),
        &Key::of(pod),
        at.parse().unwrap(),
    )
}

fn with_status(mut pod: Value, decision: &Decision) -> Value {
    let status = decision.writes.iter().find_map(|write| match write {
        Write::Status { status, .. } => Some(status),
        _ => None,
    });
    if let Some(status) = status {
        pod["status"] = status.clone();
    }
    pod
}

#[test]
fn the_first_status_is_the_whole_one_of_a_pod_whose_containers_are_being_made() {
    let scheduled = pod(json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}));
    let decision = look(&mut Kubelet::default(), &scheduled, "2026-01-01T00:00:01Z");
    let stamp = "2026-01-01T00:00:01Z";
    let no = |kind: &str| {
        json!({"type": kind, "status": "False", "lastProbeTime": null, "lastTransitionTime": stamp,
        "observedGeneration": 1})
    };
    let unready = |kind: &str| {
        let mut condition = no(kind);
        condition["reason"] = json!("ContainersNotReady");
        condition["message"] = json!("containers with unready status: [web]");
        condition
    };
    assert_eq!(
        decision.writes,
        vec![Write::status(
            Kind::Pod,
            &scheduled,
            json!({"phase": "Pending", "qosClass": "BestEffort", "observedGeneration": 1, "startTime": stamp,
                "hostIP": "192.168.49.3", "hostIPs": [{"ip": "192.168.49.3"}],
                "conditions": [
                    no("PodReadyToStartContainers"),
                    {"type": "Initialized", "status": "True", "lastProbeTime": null, "lastTransitionTime": stamp,
                        "observedGeneration": 1},
                    unready("Ready"),
                    unready("ContainersReady"),
                    {"type": "PodScheduled", "status": "True", "lastProbeTime": null,
                        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}],
                "containerStatuses": [{"name": "web", "image": "nginx:1", "imageID": "", "ready": false, "started": false,
                    "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {}}]})
        )]
    );
}

#[test]
fn a_leap_of_the_clock_leaves_the_history_of_a_creep() {
    let told = |steps: &[&str]| {
        let mut kubelet = Kubelet::default();
        let mut current = pod(json!({}));
        current["spec"]["containers"][0]["image"] = json!("nginx:crash");
        for at in steps {
            let decision = look(&mut kubelet, &current, at);
            current = with_status(current, &decision);
        }
        current["status"]["containerStatuses"].clone()
    };
    let mut creep: Vec<String> = (0..350)
        .map(|tenth| format!("2026-01-01T00:00:{:02}.{}Z", tenth / 10, tenth % 10))
        .collect();
    creep.push("2026-01-01T00:00:35Z".to_owned());
    let creep: Vec<&str> = creep.iter().map(String::as_str).collect();
    let leap = [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.1Z",
        "2026-01-01T00:00:35Z",
    ];
    assert_eq!(told(&leap), told(&creep));
}

#[test]
fn a_new_kubelet_goes_on_where_the_status_says() {
    let mut kubelet = Kubelet::default();
    let mut running = pod(json!({"phase": "Pending"}));
    for at in [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:01Z",
        "2026-01-01T00:00:02Z",
        "2026-01-01T00:00:03Z",
    ] {
        let decision = look(&mut kubelet, &running, at);
        running = with_status(running, &decision);
    }
    assert_eq!(text(&running, "/status/phase"), "Running");
    let mut heir = Kubelet::default();
    look(&mut heir, &running, "2026-01-01T01:00:00Z");
    assert_eq!(
        look(&mut heir, &running, "2026-01-01T01:00:01Z").writes,
        vec![]
    );
}

#[test]
fn a_pod_that_goes_stops_its_containers_before_it_is_removed() {
    let mut kubelet = Kubelet::default();
    let mut running = pod(json!({}));
    for at in [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:01Z",
        "2026-01-01T00:00:02Z",
    ] {
        let decision = look(&mut kubelet, &running, at);
        running = with_status(running, &decision);
    }
    running["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:33Z");
    running["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    let asked = look(&mut kubelet, &running, "2026-01-01T00:00:03Z");
    let [Write::Event(note)] = asked.writes.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (note.reason, note.message.as_str()),
        ("Killing", "Stopping container web")
    );
    assert_eq!(text(&note.involved, "/fieldPath"), "spec.containers{web}");
    let at = asked.wake_at.unwrap().to_string();
    let done = look(&mut kubelet, &running, &at);
    let [
        Write::Status { status, .. },
        Write::Delete {
            grace_seconds: Some(0),
            ..
        },
    ] = done.writes.as_slice()
    else {
        panic!("{done:?}")
    };
    assert_eq!(
        text(status, "/containerStatuses/0/state/terminated/reason"),
        "Completed"
    );
}

#[test]
fn a_pod_without_a_place_goes_at_once() {
    let mut unplaced = pod(json!({}));
    unplaced["spec"]["nodeName"] = json!("");
    unplaced["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(
        look(&mut Kubelet::default(), &unplaced, "2026-01-01T00:00:00Z").writes,
        vec![removal(&unplaced)]
    );
}

#[test]
fn a_pod_that_finalizers_keep_is_left_alone() {
    let mut held = pod(json!({"phase": "Running"}));
    held["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    held["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    assert_eq!(
        look(&mut Kubelet::default(), &held, "2026-01-01T00:00:01Z"),
        Decision::nothing()
    );
}
