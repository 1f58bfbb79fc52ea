use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-01-01T00:01:00Z";

fn set(spec: Value) -> Value {
    let mut set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"namespace": "n", "name": "db", "uid": "set", "generation": 1},
        "spec": {"replicas": 3, "serviceName": "db-headless", "selector": {"matchLabels": {"app": "db"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, "template": template("new")},
        "status": {"currentRevision": "db-old"}});
    for (field, value) in spec.as_object().unwrap() {
        set["spec"][field.as_str()] = value.clone();
    }
    set
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": image}]}})
}

fn owned(mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!("n");
    object["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db",
        "uid": "set", "controller": true, "blockOwnerDeletion": true}]);
    object
}

fn revision(name: &str, number: i64) -> Value {
    let mut template = template(name);
    template["$patch"] = json!("replace");
    owned(
        json!({"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": format!("db-{name}")},
        "data": {"spec": {"template": template}}, "revision": number}),
    )
}

fn pod(ordinal: i64, revision: &str, is_ready: bool) -> Value {
    let name = format!("db-{ordinal}");
    owned(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "uid": name, "labels": {"app": "db", "statefulset.kubernetes.io/pod-name": name,
            "controller-revision-hash": format!("db-{revision}")}},
        "status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": if is_ready { "True" } else { "False" }}]}}))
}

/// The pods that the set makes (`+`) and lets go (`-`) in one turn, with their revisions.
fn check(spec: Value, pods: Vec<Value>, expected: &[&str]) {
    let mut objects = vec![set(spec), revision("old", 1), revision("new", 2)];
    objects.extend(pods);
    let decision = reconcile(
        &View::from_objects(objects),
        &Key::new("n", "db"),
        NOW.parse().unwrap(),
    );
    let moves: Vec<String> = decision
        .writes
        .iter()
        .filter_map(|write| match write {
            Write::Create(pod) => Some(format!(
                "+{} {}",
                name(pod),
                label(pod, REVISION_HASH).unwrap_or_default()
            )),
            Write::Delete { key, .. } => Some(format!("-{}", key.name)),
            _ => None,
        })
        .collect();
    assert_eq!(moves, expected);
}

#[test]
fn no_turn_makes_more_than_a_burst() {
    let spec = json!({"podManagementPolicy": "Parallel", "replicas": 2_000_000_000});
    let made: Vec<_> = (0..500).map(|n| format!("+db-{n} db-new")).collect();
    let made: Vec<_> = made.iter().map(String::as_str).collect();
    check(spec, vec![], &made);
    check(json!({"replicas": 2_000_000_000}), vec![], &made[..1]);
}

#[test]
fn ordinals_are_made_in_order_or_all_at_once() {
    check(json!({}), vec![], &["+db-0 db-new"]);
    check(json!({}), vec![pod(0, "new", false)], &[]);
    check(json!({}), vec![pod(0, "new", true)], &["+db-1 db-new"]);
    let parallel = json!({"podManagementPolicy": "Parallel"});
    check(
        parallel,
        vec![pod(1, "new", false)],
        &["+db-0 db-new", "+db-2 db-new"],
    );
    check(
        json!({"ordinals": {"start": 5}, "replicas": 1}),
        vec![],
        &["+db-5 db-new"],
    );
}

#[test]
fn a_rollout_goes_from_the_top_one_by_one_down_to_its_partition() {
    let all = |revisions: [&str; 3]| {
        (0..3)
            .zip(revisions)
            .map(|(ordinal, revision)| pod(ordinal, revision, true))
            .collect::<Vec<_>>()
    };
    check(json!({}), all(["old", "old", "old"]), &["-db-2"]);
    check(json!({}), all(["old", "old", "new"]), &["-db-1"]);
    check(json!({}), all(["new", "new", "new"]), &[]);
    let partition =
        json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}});
    check(partition.clone(), all(["old", "old", "new"]), &[]);
    check(
        partition,
        vec![pod(0, "old", true), pod(2, "new", true)],
        &["+db-1 db-old"],
    );
    check(
        json!({"updateStrategy": {"type": "OnDelete"}}),
        all(["old", "old", "old"]),
        &[],
    );
}

#[test]
fn an_ordinal_that_is_not_ready_stops_a_rollout_even_to_what_would_mend_it() {
    check(
        json!({}),
        vec![
            pod(0, "old", true),
            pod(1, "old", true),
            pod(2, "broken", false),
        ],
        &[],
    );
}

#[test]
fn surplus_ordinals_go_from_the_top_one_by_one() {
    let three = vec![
        pod(0, "new", true),
        pod(1, "new", true),
        pod(2, "new", true),
    ];
    check(json!({"replicas": 1}), three.clone(), &["-db-2"]);
    check(
        json!({"replicas": 1, "podManagementPolicy": "Parallel"}),
        three,
        &["-db-2", "-db-1"],
    );
    check(
        json!({"replicas": 1}),
        vec![pod(0, "new", false), pod(1, "new", true)],
        &[],
    );
}

#[test]
fn finished_pods_are_replaced_and_strangers_left_alone() {
    let mut failed = pod(0, "new", false);
    failed["status"]["phase"] = json!("Failed");
    check(json!({}), vec![failed], &["-db-0"]);
    let mut stranger = pod(0, "new", true);
    stranger["metadata"]["name"] = json!("db-extra");
    stranger["metadata"]["ownerReferences"] = json!([]);
    check(json!({"replicas": 1}), vec![stranger], &["+db-0 db-new"]);
}

#[test]
fn a_pod_has_its_own_name_its_service_and_its_claims() {
    let templates = json!([{"metadata": {"name": "data"}, "spec": {}}]);
    let set = set(json!({"volumeClaimTemplates": templates}));
    let mut template = template("new");
    template["spec"]["volumes"] =
        json!([{"name": "data", "emptyDir": {}}, {"name": "conf", "configMap": {"name": "c"}}]);
    let pod = pods::build(&set, &template, "db-new", 1);
    assert_eq!(
        pod["metadata"]["labels"],
        json!({"app": "db", "apps.kubernetes.io/pod-index": "1", "controller-revision-hash": "db-new",
            "statefulset.kubernetes.io/pod-name": "db-1"})
    );
    assert_eq!(
        pod["spec"],
        json!({"containers": [{"name": "db", "image": "new"}], "hostname": "db-1", "subdomain": "db-headless", "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}},
            {"name": "conf", "configMap": {"name": "c"}}]})
    );
}

#[test]
fn a_set_that_was_made_anew_adopts_the_history_of_the_one_before() {
    let mut orphan = revision("new", 1);
    orphan["metadata"]["labels"] = json!({"app": "db"});
    orphan["metadata"]["ownerReferences"] = json!([]);
    let set = set(json!({}));
    let view = View::from_objects([set.clone(), orphan.clone()]);
    let decision = reconcile(&view, &Key::of(&set), NOW.parse().unwrap());
    let [Write::Update(adopted)] = decision.writes.as_slice() else {
        panic!("{:?}", decision.writes)
    };
    assert_eq!(adopted["metadata"]["ownerReferences"][0]["uid"], "set");
}
