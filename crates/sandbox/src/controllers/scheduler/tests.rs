use super::*;

fn node(name: &str, allocatable: Value) -> Value {
    let mut allocatable = allocatable;
    allocatable["pods"] = json!("110");
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "status": {"allocatable": allocatable}})
}

fn pod(name: &str, node: &str, requests: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n", "name": name, "uid": name, "generation": 1},
        "spec": {"nodeName": node, "containers": [{"resources": {"requests": requests}}]}})
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// The node that the pod `p` gets, or why it gets none.
fn place(objects: Vec<Value>) -> Result<String, String> {
    let view = View::from_objects(objects);
    let decision = reconcile(&view, &Key::new("n", "p"), now());
    match decision.writes.as_slice() {
        [
            Write::Bind { node, .. },
            Write::Status { .. },
            Write::Event(note),
        ] => {
            assert_eq!(note.message, format!("Successfully assigned n/p to {node}"));
            Ok(node.clone())
        }
        [Write::Status { status, .. }, Write::Event(note)] => {
            assert_eq!(text(status, "/conditions/0/message"), note.message);
            assert_eq!(
                (note.reason, text(status, "/conditions/0/reason")),
                ("FailedScheduling", "Unschedulable")
            );
            Err(note.message.clone())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn refusals_are_summed_up_in_the_real_words() {
    let mut cordoned = node("n3", json!({"cpu": "4"}));
    cordoned["spec"]["unschedulable"] = json!(true);
    let mut tainted = node("n1", json!({"cpu": "4"}));
    tainted["spec"]["taints"] =
        json!([{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]);
    let wanting = pod("p", "", json!({"cpu": "10", "memory": "100Gi"}));
    let nodes = vec![
        tainted,
        node("n2", json!({"cpu": "4", "memory": "8Gi"})),
        cordoned,
    ];
    let mut objects = nodes.clone();
    objects.push(wanting);
    assert_eq!(
        place(objects),
        Err("0/3 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) had untolerated taint(s), \
             1 node(s) were unschedulable. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption \
             is not helpful for scheduling."
            .to_owned())
    );
    let mut objects = nodes;
    objects.extend([
        pod("p", "", json!({"cpu": "3900m"})),
        pod("other", "n2", json!({"cpu": "3900m"})),
    ]);
    assert_eq!(
        place(objects),
        Err("0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were \
             unschedulable. no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims \
             found for incoming pod, 2 Preemption is not helpful for scheduling."
            .to_owned())
    );
    assert_eq!(
        place(vec![pod("p", "", json!({}))]),
        Err("no nodes available to schedule pods".to_owned())
    );
}

#[test]
fn pods_go_where_they_fit_and_spread() {
    let nodes = || {
        vec![
            node("a", json!({"cpu": "4"})),
            node("b", json!({"cpu": "4"})),
            node("g", json!({"cpu": "8", "nvidia.com/gpu": "2"})),
        ]
    };
    let with = |more: Vec<Value>| nodes().into_iter().chain(more).collect::<Vec<_>>();
    assert_eq!(
        place(with(vec![pod("p", "", json!({"cpu": "1"}))])),
        Ok("a".to_owned())
    );
    assert_eq!(
        place(with(vec![pod("p", "", json!({"nvidia.com/gpu": 1}))])),
        Ok("g".to_owned())
    );
    let busy = pod("busy", "a", json!({"cpu": "2"}));
    assert_eq!(
        place(with(vec![busy, pod("p", "", json!({"cpu": "1"}))])),
        Ok("b".to_owned())
    );
    let mut selective = pod("p", "", json!({}));
    selective["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": "g"});
    assert_eq!(place(with(vec![selective])), Ok("g".to_owned()));
}

#[test]
fn the_same_refusal_is_told_once() {
    let mut wanting = pod("p", "", json!({"cpu": "1"}));
    let view = View::from_objects([wanting.clone()]);
    let first = reconcile(&view, &Key::new("n", "p"), now());
    let Write::Status { status, .. } = &first.writes[0] else {
        panic!()
    };
    wanting["status"] = status.clone();
    assert_eq!(
        reconcile(&View::from_objects([wanting]), &Key::new("n", "p"), now()),
        Decision::nothing()
    );
}

#[test]
fn a_claim_that_waits_for_its_consumer_is_told_the_node_first() {
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "late"},
        "volumeBindingMode": "WaitForFirstConsumer"});
    let claim = |annotations: Value, phase: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"namespace": "n", "name": "c", "annotations": annotations},
        "spec": {"storageClassName": "late"}, "status": {"phase": phase}})
    };
    let mut user = pod("p", "", json!({}));
    user["spec"]["volumes"] = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
    let look = |claim: Value| {
        let view = View::from_objects([class.clone(), node("a", json!({})), user.clone(), claim]);
        reconcile(&view, &Key::new("n", "p"), now()).writes
    };
    let told = claim(json!({SELECTED_NODE: "a"}), "Pending");
    assert_eq!(
        look(claim(json!({}), "Pending")),
        vec![Write::Update(told.clone())]
    );
    assert_eq!(look(told), vec![]);
    assert!(matches!(
        look(claim(json!({SELECTED_NODE: "a"}), "Bound")).as_slice(),
        [Write::Bind { .. }, ..]
    ));
}

#[test]
fn a_claim_for_one_pod_only_keeps_a_second_one_waiting() {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"namespace": "n", "name": "c"},
        "spec": {"accessModes": ["ReadWriteOncePod"]}, "status": {"phase": "Bound"}});
    let mounting = |mut pod: Value| {
        pod["spec"]["volumes"] =
            json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
        pod
    };
    let refused = place(vec![
        claim,
        node("a", json!({})),
        mounting(pod("first", "a", json!({}))),
        mounting(pod("p", "", json!({}))),
    ]);
    let reason = "1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by \
                  another pod";
    assert!(refused.is_err_and(|message| message.contains(reason)));
}
