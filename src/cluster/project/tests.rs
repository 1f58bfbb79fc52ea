use serde_json::{Value, json};

use super::*;
use crate::cluster::kinds;
use crate::service::drift::AppliedWorkload;
use crate::service::summary::{
    Blocked, Claim, Container, ContainerState, Deletion, Event, ObjectRow, Pod, Record, Workload,
    WorkloadKind,
};
use crate::service::usage::Amounts;

/// Adds what every object of an instance has.
fn object(name: &str, mut rest: Value) -> Value {
    let metadata = json!({
        "name": name, "namespace": "team-a", "uid": "u1", "resourceVersion": "5", "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web"},
    });
    let own = rest
        .get_mut("metadata")
        .map(Value::take)
        .unwrap_or_default();
    rest["metadata"] = metadata;
    merge(&mut rest["metadata"], own);
    rest
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, from) => *into = from,
    }
}

fn read<P: Project>(group: &str, kind: &str, object: Value) -> Option<P::Item> {
    let object: P = serde_json::from_str(&object.to_string()).unwrap();
    object.into_item(kinds::known(group, kind))
}

fn time() -> jiff::Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn instance() -> crate::service::summary::InstanceKey {
    crate::service::summary::InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: "web".parse().unwrap(),
    }
}

#[test]
fn deployment_is_read() {
    let live = object(
        "web",
        json!({
            "metadata": {"deletionTimestamp": "2026-01-01T00:00:09Z", "finalizers": ["foregroundDeletion", "x\u{1b}[2J"]},
            "spec": {"replicas": 3, "template": {"spec": {"containers": [{"image": "a"}, {"image": "b\u{202e}"}]}}},
            "status": {"observedGeneration": 1, "replicas": 4, "updatedReplicas": 2, "readyReplicas": 1, "availableReplicas": -1,
                "conditions": [
                    {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "m"},
                    {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"},
                ]},
        }),
    );
    let expected = Workload {
        instance: instance(),
        kind: WorkloadKind::Deployment,
        name: "web".to_owned(),
        uid: "u1".to_owned(),
        created: time(),
        deletion: Some(Deletion {
            since: "2026-01-01T00:00:09Z".parse().unwrap(),
            finalizers: vec!["foregroundDeletion".to_owned(), "x␛".to_owned()],
        }),
        generation: 2,
        observed_generation: 1,
        wanted: 3,
        replicas: 4,
        updated: 2,
        held_back: 0,
        ready: 1,
        available: 0,
        images: vec!["a".to_owned(), "b\u{fffd}".to_owned()],
        revision: None,
        has_deadline: false,
        blocked: Some(Blocked {
            reason: "ProgressDeadlineExceeded".to_owned(),
            message: "late".to_owned(),
            has_given_up: true,
        }),
        is_suspended: false,
        owned: None,
        has_foreign: false,
    };
    assert_eq!(
        read::<WorkloadObject>("apps", "Deployment", live),
        Some(expected)
    );
}

#[test]
fn it_is_known_of_objects_whether_others_set_their_fields() {
    let entry = |manager: &str, operation: &str, fields: Value| json!({"manager": manager, "operation": operation, "fieldsV1": fields});
    let check = |theirs: Value, has_foreign: bool| {
        let ours = entry("bowline/web", "Apply", json!({"f:spec": {"f:paused": {}}}));
        let fields = json!([ours, entry("kubectl-edit", "Update", theirs)]);
        let live = object("web", json!({"metadata": {"managedFields": fields}}));
        let workload = read::<WorkloadObject>("apps", "Deployment", live.clone()).unwrap();
        assert!(workload.owned.is_some());
        let row = read::<MetaObject>("", "Service", live).unwrap();
        assert_eq!(
            (workload.has_foreign, row.has_foreign),
            (has_foreign, has_foreign)
        );
    };
    check(json!({"f:spec": {"f:paused": {}}}), false);
    check(json!({"f:spec": {"f:minReadySeconds": {}}}), true);
}

#[test]
fn controller_that_gave_up_is_known_behind_whatever_condition_is_told() {
    let late =
        json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"});
    let refused = json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"});
    let blocked = |conditions: &[&Value]| {
        let live = object("web", json!({"status": {"conditions": conditions}}));
        let workload = read::<WorkloadObject>("apps", "Deployment", live).unwrap();
        workload.blocked.map(|b| (b.reason, b.has_given_up))
    };
    let told = |reason: &str, has_given_up| Some((reason.to_owned(), has_given_up));
    assert_eq!(blocked(&[&refused, &late]), told("FailedCreate", true));
    assert_eq!(
        blocked(&[&late, &refused]),
        told("ProgressDeadlineExceeded", true)
    );
    assert_eq!(blocked(&[&refused]), told("FailedCreate", false));
    assert_eq!(blocked(&[]), None);
}

fn updated(status: Value) -> u32 {
    let live = object("web", json!({"spec": {"replicas": 3}, "status": status}));
    read::<WorkloadObject>("apps", "StatefulSet", live)
        .unwrap()
        .updated
}

#[test]
fn updated_pods_of_a_stateful_set_are_those_of_the_wanted_revision() {
    // While it rolls, currentReplicas counts the old revision.
    let rolling = json!({"currentReplicas": 2, "updatedReplicas": 1, "currentRevision": "a", "updateRevision": "b"});
    assert_eq!(updated(rolling), 1);
    let begins = json!({"currentReplicas": 3, "currentRevision": "a", "updateRevision": "b"});
    assert_eq!(updated(begins), 0);
    let settled = json!({"currentReplicas": 3, "currentRevision": "a", "updateRevision": "a"});
    assert_eq!(updated(settled), 3);
}

#[test]
fn pods_that_an_update_strategy_holds_back_are_counted() {
    let check = |strategy: Value, expected: u32| {
        let live = object(
            "web",
            json!({"spec": {"replicas": 3, "updateStrategy": strategy}}),
        );
        let set = read::<WorkloadObject>("apps", "StatefulSet", live.clone()).unwrap();
        assert_eq!(set.to_update(), expected, "{strategy}");
        let agent = read::<BatchObject>("apps", "DaemonSet", live).unwrap();
        assert_eq!(agent.held_back, set.held_back, "{strategy}");
    };
    check(Value::Null, 3);
    check(json!({"type": "RollingUpdate", "rollingUpdate": null}), 3);
    check(
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}),
        1,
    );
    check(json!({"rollingUpdate": {"partition": 9}}), 0);
    check(json!({"type": "OnDelete"}), 0);
}

#[test]
fn objects_without_status_or_with_nulls_are_read() {
    let bare = object(
        "web",
        json!({"spec": {"template": {"spec": {"containers": null}}}, "status": null}),
    );
    let workload = read::<WorkloadObject>("apps", "Deployment", bare).unwrap();
    assert_eq!(
        (workload.wanted, workload.ready, workload.images.len()),
        (1, 0, 0)
    );
    let bare = object(
        "web",
        json!({"spec": {"containers": null}, "status": {"conditions": null, "containerStatuses": null}}),
    );
    assert!(
        read::<PodObject>("", "Pod", bare)
            .unwrap()
            .containers
            .is_empty()
    );
    let bare = object("web", json!({"spec": {"accessModes": null}, "status": {}}));
    assert!(read::<ClaimObject>("", "PersistentVolumeClaim", bare).is_some());
}

#[test]
fn claim_is_read() {
    let live = object(
        "data-web-0",
        json!({
            "spec": {"accessModes": ["ReadWriteOnce", "ReadWriteMany", "Strange"], "storageClassName": "fast",
                "volumeName": "pv-1", "resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": "Bound", "capacity": {"storage": "2Gi"}},
        }),
    );
    let expected = Claim {
        instance: instance(),
        name: "data-web-0".to_owned(),
        uid: "u1".to_owned(),
        created: time(),
        deletion: None,
        phase: "Bound".to_owned(),
        requested: "1Gi".to_owned(),
        capacity: Some("2Gi".to_owned()),
        storage_class: Some("fast".to_owned()),
        volume: Some("pv-1".to_owned()),
        access_modes: vec!["RWO", "RWX", "?"],
        growth: None,
        is_member: false,
    };
    assert_eq!(
        read::<ClaimObject>("", "PersistentVolumeClaim", live),
        Some(expected)
    );
}

#[test]
fn quantities_may_be_numbers() {
    let live = object(
        "data-web-0",
        json!({"spec": {"resources": {"requests": {"storage": 1000}}}, "status": {"capacity": {"storage": 2.5e3}}}),
    );
    let claim = read::<ClaimObject>("", "PersistentVolumeClaim", live).unwrap();
    let sizes = (claim.requested.as_str(), claim.capacity.as_deref());
    assert_eq!(sizes, ("1000", Some("2500.0")));
    let live = object(
        "web-1",
        json!({"spec": {"containers": [{"name": "c", "resources": {
            "requests": {"cpu": 0.5, "memory": true}, "limits": {"cpu": 1, "memory": 1024},
        }}]}}),
    );
    let pod = read::<PodObject>("", "Pod", live).unwrap();
    let amounts = |cpu, memory| Amounts { cpu, memory };
    let container = &pod.containers[0];
    assert_eq!(container.requests, amounts(Some(500_000_000), None));
    assert_eq!(container.limits, amounts(Some(1_000_000_000), Some(1024)));
}

#[test]
fn record_is_read_from_its_metadata() {
    let operation = r#"{"kind":"deploy","step":"apply\u001b[2J","holder":"jane","heartbeat":"2026-01-01T00:00:00Z"}"#;
    let annotations = json!({
        "applyset.kubernetes.io/contains-group-kinds": "ConfigMap,Deployment.apps,Service",
        "bowline.dev/display-name": "My \u{202e}shop",
        "bowline.dev/expires": "8h",
        "bowline.dev/adopted": "true",
        "bowline.dev/protected": "true",
        "bowline.dev/operation": operation,
        "bowline.dev/revision": "7",
        "bowline.dev/definition-sha256": "aa",
        "bowline.dev/applied-fields": r#"{"Deployment/web":{"fields":"ff","replicas":2}}"#,
    });
    let labels =
        json!({"applyset.kubernetes.io/id": "applyset-x-v1", "app.kubernetes.io/name": "shop"});
    let live = object(
        "bowline-web",
        json!({"metadata": {"labels": labels, "annotations": annotations}}),
    );
    let expected = Record {
        instance: instance(),
        uid: "u1".to_owned(),
        name: "bowline-web".to_owned(),
        created: time(),
        deletion: None,
        definition: "shop".parse().unwrap(),
        display_name: Some("My \u{fffd}shop".to_owned()),
        revision: Some(7),
        definition_hash: Some("aa".to_owned()),
        applied: vec![AppliedWorkload {
            kind: WorkloadKind::Deployment,
            name: "web".to_owned(),
            fields: 0xff,
            replicas: Some(2),
        }],
        has_workload: true,
        other_kinds: Vec::new(),
        elsewhere: Vec::new(),
        is_adopted: true,
        is_protected: true,
        expires: Some("2026-01-01T08:00:00Z".parse().unwrap()),
        operation: Some(crate::service::operation::Operation {
            kind: "deploy".to_owned(),
            step: "apply␛".to_owned(),
            holder: "jane".to_owned(),
            heartbeat: time(),
            ..crate::service::operation::Operation::default()
        }),
    };
    assert_eq!(
        read::<RecordObject>("", "ConfigMap", live.clone()),
        Some(expected)
    );
    // A ConfigMap of another name is no record, whatever it bears.
    let mut forged = live;
    forged["metadata"]["name"] = json!("bowline-other");
    assert_eq!(read::<RecordObject>("", "ConfigMap", forged), None);
}

#[test]
fn malformed_annotations_are_as_good_as_none() {
    let annotations = json!({"bowline.dev/operation": "{", "bowline.dev/revision": "-1", "bowline.dev/expires": "soon"});
    let labels = json!({"applyset.kubernetes.io/id": "x", "app.kubernetes.io/name": "../shop"});
    let live = object(
        "bowline-web",
        json!({"metadata": {"labels": labels, "annotations": annotations}}),
    );
    let record = read::<RecordObject>("", "ConfigMap", live).unwrap();
    assert_eq!(
        (record.operation, record.revision, record.expires),
        (None, None, None)
    );
    assert_eq!(record.definition.as_str(), "web");
}

#[test]
fn event_is_read_from_either_form() {
    let involved = json!({"kind": "Pod", "name": "web-0", "uid": "p1"});
    let event = |rest: Value| {
        let mut event = json!({
            "metadata": {"name": "web-0.1", "namespace": "team-a", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "involvedObject": involved, "type": "Warning", "reason": "BackOff", "message": "again\u{1b}[31m",
        });
        merge(&mut event, rest);
        read::<EventObject>("", "Event", event).unwrap()
    };
    let expected = Event {
        namespace: "team-a".parse().unwrap(),
        name: "web-0.1".to_owned(),
        object_kind: "Pod".to_owned(),
        object_name: "web-0".to_owned(),
        object_uid: "p1".to_owned(),
        is_warning: true,
        reason: "BackOff".to_owned(),
        message: "again␛".to_owned(),
        count: 4,
        last_seen: "2026-01-01T00:00:07Z".parse().unwrap(),
        source: "kubelet".to_owned(),
    };
    let old = json!({"count": 4, "lastTimestamp": "2026-01-01T00:00:07Z", "source": {"component": "kubelet"}});
    assert_eq!(event(old), expected);
    let new = json!({
        "lastTimestamp": null, "eventTime": "2026-01-01T00:00:01.000000Z", "reportingComponent": "kubelet",
        "series": {"count": 4, "lastObservedTime": "2026-01-01T00:00:07.000000Z"}, "source": {},
    });
    assert_eq!(event(new), expected);
    let bare = event(json!({}));
    assert_eq!((bare.count, bare.last_seen), (1, time()));
}

#[test]
fn any_object_is_a_row_and_may_be_more() {
    let owners = json!([
        {"kind": "Node", "name": "n"},
        {"kind": "ReplicaSet", "name": "web-1", "controller": true},
    ]);
    let live = object(
        "web-1-x",
        json!({
            "metadata": {"ownerReferences": owners, "labels": {"applyset.kubernetes.io/part-of": "s"}},
            "spec": {}, "status": {"phase": "Running"},
        }),
    );
    let (pod, row) = read::<Both<PodObject>>("", "Pod", live).unwrap();
    let expected = ObjectRow {
        instance: instance(),
        key: crate::definition::object::ObjectKey {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some("team-a".to_owned()),
            name: "web-1-x".to_owned(),
        },
        uid: "u1".to_owned(),
        created: time(),
        deletion: None,
        has_foreign: false,
        set: Some("s".to_owned()),
        owner: Some("ReplicaSet/web-1".to_owned()),
        standing: None,
    };
    assert_eq!((pod.phase.as_str(), row), ("Running", expected));
    let (record, _) =
        read::<ConfigMapObject>("", "ConfigMap", object("web-config", json!({}))).unwrap();
    assert_eq!(record, None);
}

fn pod(status: Value) -> Pod {
    let spec = json!({
        "nodeName": "node-1",
        "initContainers": [{"name": "i1", "image": "i"}, {"name": "i2", "image": "i", "restartPolicy": "Always"}],
        "containers": [{"name": "c1", "image": "a"}, {"name": "c2", "image": "b"}],
    });
    read::<PodObject>(
        "",
        "Pod",
        object("web-0", json!({"spec": spec, "status": status})),
    )
    .unwrap()
}

fn status(name: &str, state: Value) -> Value {
    json!({"name": name, "ready": state.get("running").is_some(), "restartCount": 1, "state": state})
}

#[test]
fn reason_of_a_pod_is_what_kubectl_prints() {
    let running = || json!({"running": {"startedAt": "2026-01-01T00:00:00Z"}});
    let waiting = |reason: &str| json!({"waiting": {"reason": reason, "message": "why"}});
    let ended = |reason: &str, code: i32, signal: i32| json!({"terminated": {"reason": reason, "exitCode": code, "signal": signal}});
    let main = |first: Value, second: Value| {
        json!({
            "phase": "Running", "containerStatuses": [status("c1", first), status("c2", second)],
        })
    };
    let init = |state: Value| {
        json!({
            "phase": "Pending", "initContainerStatuses": [status("i1", state)],
            "containerStatuses": [status("c1", waiting("PodInitializing"))],
        })
    };
    let check = |status: Value, reason: Option<&str>, message: Option<&str>| {
        let pod = pod(status.clone());
        assert_eq!(
            (pod.reason.as_deref(), pod.message.as_deref()),
            (reason, message),
            "{status}"
        );
    };
    check(main(running(), running()), None, None);
    check(
        main(running(), waiting("CrashLoopBackOff")),
        Some("CrashLoopBackOff"),
        Some("why"),
    );
    check(
        main(ended("OOMKilled", 137, 0), waiting("x")),
        Some("OOMKilled"),
        None,
    );
    check(main(ended("", 3, 0), running()), Some("ExitCode:3"), None);
    check(main(ended("", 0, 9), running()), Some("Signal:9"), None);
    check(
        main(ended("Completed", 0, 0), running()),
        Some("NotReady"),
        None,
    );
    check(
        main(ended("Completed", 0, 0), ended("Completed", 0, 0)),
        Some("Completed"),
        None,
    );
    check(init(running()), Some("Init:0/2"), None);
    check(
        init(waiting("ImagePullBackOff")),
        Some("Init:ImagePullBackOff"),
        Some("why"),
    );
    check(init(waiting("PodInitializing")), Some("Init:0/2"), None);
    check(init(ended("Error", 1, 0)), Some("Init:Error"), None);
    check(
        init(ended("Completed", 0, 0)),
        Some("PodInitializing"),
        Some("why"),
    );
    let sidecar = json!({"name": "i2", "started": true, "state": running()});
    let with_sidecar = json!({
        "phase": "Running", "initContainerStatuses": [status("i1", ended("Completed", 0, 0)), sidecar],
        "containerStatuses": [status("c1", running())],
    });
    check(with_sidecar, None, None);
    check(
        json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}),
        Some("Evicted"),
        Some("low on memory"),
    );
    check(json!({"phase": "Pending"}), None, None);
    let unscheduled = json!({"phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node\u{1b}[2J",
        "lastTransitionTime": "2026-01-01T00:00:05Z",
    }]});
    check(unscheduled.clone(), Some("Unschedulable"), Some("no node␛"));
    assert_eq!(
        pod(unscheduled).unschedulable_since,
        Some("2026-01-01T00:00:05Z".parse().unwrap())
    );
    let unready = json!({"phase": "Running", "conditions": [
        {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:07Z"}]});
    assert_eq!(
        pod(unready).ready_changed,
        Some("2026-01-01T00:00:07Z".parse().unwrap())
    );
}

#[test]
fn a_deployment_judges_its_rollout_by_its_own_deadline_until_it_is_complete() {
    let check = |status: &str, reason: &str, expected: bool| {
        let condition = json!({"type": "Progressing", "status": status, "reason": reason});
        let live = object("web", json!({"status": {"conditions": [condition]}}));
        let got: Workload = read::<WorkloadObject>("apps", "Deployment", live).unwrap();
        assert_eq!(got.has_deadline, expected, "{reason}");
    };
    check("True", "ReplicaSetUpdated", true);
    check("True", "NewReplicaSetAvailable", false);
    check("False", "ProgressDeadlineExceeded", false);
}

/// Every text of a hostile object, escape sequences and bidi marks in all of them.
#[test]
fn no_text_reaches_a_summary_raw() {
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}\u{7}\r";
    let metadata = json!({
        "name": evil, "uid": evil, "resourceVersion": "1", "finalizers": [evil], "deletionTimestamp": "2026-01-01T00:00:00Z",
        "ownerReferences": [{"kind": evil, "name": evil, "controller": true}],
        "labels": {"pod-template-hash": evil},
        "annotations": {"bowline.dev/definition-sha256": evil, "bowline.dev/display-name": evil},
    });
    let container = json!({"name": evil, "image": evil});
    let state = json!({"waiting": {"reason": evil, "message": evil}});
    let pod = object(
        "x",
        json!({
            "metadata": metadata,
            "spec": {"nodeName": evil, "containers": [container]},
            "status": {"phase": evil, "reason": evil, "message": evil, "containerStatuses": [{"name": evil, "state": state}]},
        }),
    );
    let workload = object(
        "x",
        json!({
            "metadata": metadata,
            "spec": {"template": {"spec": {"containers": [container]}}},
            "status": {"updateRevision": evil, "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": evil, "message": evil}]},
        }),
    );
    let claim = object(
        "x",
        json!({
            "metadata": metadata,
            "spec": {"storageClassName": evil, "volumeName": evil, "accessModes": [evil], "resources": {"requests": {"storage": evil}}},
            "status": {"phase": evil, "capacity": {"storage": evil}},
        }),
    );
    let event = json!({
        "metadata": {"name": evil, "namespace": "team-a"}, "involvedObject": {"kind": evil, "name": evil, "uid": evil},
        "type": evil, "reason": evil, "message": evil, "reportingComponent": evil,
    });
    let told = [
        format!("{:?}", read::<Both<PodObject>>("", "Pod", pod).unwrap()),
        format!(
            "{:?}",
            read::<WorkloadObject>("apps", "Deployment", workload).unwrap()
        ),
        format!(
            "{:?}",
            read::<ClaimObject>("", "PersistentVolumeClaim", claim).unwrap()
        ),
        format!("{:?}", read::<EventObject>("", "Event", event).unwrap()),
    ];
    // Debug shows control characters as escapes.
    for raw in [
        "\\u{1b}",
        "\\u{9b}",
        "\\u{202e}",
        "\\u{7}",
        "\\r",
        "\u{202e}",
    ] {
        assert!(
            told.iter().all(|told| !told.contains(raw)),
            "{raw}: {told:?}"
        );
    }
}

#[test]
fn containers_are_read_in_the_order_of_the_spec() {
    let live = pod(json!({
        "phase": "Running",
        "containerStatuses": [
            {"name": "c2", "ready": false, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "m"}}},
            {"name": "c1", "ready": true, "started": true, "restartCount": 0, "state": {"running": {}}},
        ],
        "initContainerStatuses": [{"name": "i1", "state": {"terminated": {"reason": "Completed", "exitCode": 0}}}],
    }));
    let container = |name: &str, image: &str, state| Container {
        name: name.to_owned(),
        init: name.starts_with('i'),
        image: image.to_owned(),
        ready: name == "c1",
        started: name == "c1",
        restarts: if name == "c2" { 4 } else { 0 },
        state,
        last_end: None,
        requests: Default::default(),
        limits: Default::default(),
    };
    let waiting = |reason: &str, message: &str| ContainerState::Waiting {
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    let completed = ContainerState::Terminated {
        reason: "Completed".to_owned(),
        exit_code: 0,
    };
    let expected = [
        container("i1", "i", completed),
        container("i2", "i", waiting("", "")),
        container("c1", "a", ContainerState::Running),
        container("c2", "b", waiting("CrashLoopBackOff", "m")),
    ];
    assert_eq!(live.containers, expected);
}

#[test]
fn daemons_and_runs_are_read_in_their_own_words() {
    let read = |group: &str, kind: &str, more: Value| {
        read::<BatchObject>(group, kind, object("web", more))
    };
    let counts = |it: &Workload| [it.wanted, it.replicas, it.updated, it.ready, it.available];
    let template = json!({"spec": {"containers": [{"image": "a"}]}});
    let agent = read("apps", "DaemonSet", json!({"spec": {"template": template}, "status": {
        "desiredNumberScheduled": 5, "currentNumberScheduled": 4, "updatedNumberScheduled": 3, "numberReady": 2,
        "numberAvailable": 1, "observedGeneration": 1}})).unwrap();
    assert_eq!(
        (agent.kind, counts(&agent)),
        (WorkloadKind::DaemonSet, [5, 4, 3, 2, 1])
    );
    assert_eq!(
        (agent.images.as_slice(), agent.observed_generation),
        (["a".to_owned()].as_slice(), 1)
    );

    let failed = json!({"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "late\u{1b}"});
    let load = read(
        "batch",
        "Job",
        json!({"spec": {"completions": 3, "suspend": true},
        "status": {"succeeded": 2, "conditions": [failed]}}),
    )
    .unwrap();
    assert_eq!((counts(&load), load.is_suspended), ([3, 2, 3, 2, 2], true));
    let status = json!({"status": {"active": 1}, "spec": {"completions": 3}});
    let running = read("batch", "Job", status).unwrap();
    assert_eq!(counts(&running), [3, 3, 3, 0, 0]);
    let blocked = load.blocked.unwrap();
    assert_eq!(
        (blocked.reason.as_str(), blocked.message.as_str()),
        ("DeadlineExceeded", "late␛")
    );

    let tick = read(
        "batch",
        "CronJob",
        json!({"spec": {"jobTemplate": {"spec": {"template": template}}},
        "status": {"active": [{"name": "tick-1"}]}}),
    )
    .unwrap();
    assert_eq!((counts(&tick), tick.images), ([0; 5], vec!["a".to_owned()]));
    // What a CronJob made is no workload of the instance, but a row.
    let owners = json!([{"kind": "CronJob", "name": "tick", "controller": true}]);
    let made = object("tick-1", json!({"metadata": {"ownerReferences": owners}}));
    let (workload, row) = self::read::<WithRow<BatchObject>>("batch", "Job", made).unwrap();
    assert_eq!(
        (workload, row.owner.as_deref()),
        (None, Some("CronJob/tick"))
    );
}
