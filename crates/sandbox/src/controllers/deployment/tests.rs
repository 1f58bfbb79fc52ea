use serde_json::{Value, json};

use super::*;
use crate::controllers::object::items;

fn deployment(replicas: i64, surge: Value, unavailable: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "n", "name": "web", "uid": "d", "generation": 1,
            "annotations": {"deployment.kubernetes.io/revision": "2"}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
            "template": template("new")}})
}

fn template(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": image}]}})
}

/// A ReplicaSet with this many pods asked for and this many available.
fn set(image: &str, wanted: i64, available: i64) -> Value {
    let most = 13;
    let revision = if image == "new" { "2" } else { "1" };
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"namespace": "n", "name": format!("web-{image}"), "uid": image, "labels": {"app": "web"},
            "generation": 1, "creationTimestamp": format!("2026-01-01T00:00:0{}Z", image.len()),
            "annotations": {"deployment.kubernetes.io/revision": revision,
                "deployment.kubernetes.io/desired-replicas": "10",
                "deployment.kubernetes.io/max-replicas": most.to_string()},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d",
                "controller": true, "blockOwnerDeletion": true}]},
        "spec": {"replicas": wanted, "selector": {"matchLabels": {"app": "web"}}, "template": template(image)},
        "status": {"replicas": wanted, "availableReplicas": available, "readyReplicas": available,
            "observedGeneration": 1}})
}

#[test]
fn percentages_round_so_that_a_rollout_moves() {
    let check = |replicas, surge: Value, unavailable: Value, expected: (i64, i64)| {
        let limits = Limits::of(&deployment(replicas, surge, unavailable));
        assert_eq!(
            (limits.max_surge, limits.max_unavailable),
            expected,
            "of {replicas}"
        );
    };
    check(10, json!("25%"), json!("25%"), (3, 2));
    check(1, json!("25%"), json!("25%"), (1, 0));
    check(4, json!(0), json!("10%"), (0, 1));
    check(2, json!(1), json!(5), (1, 2));
    check(0, json!("25%"), json!("25%"), (0, 1));
}

fn check_sizes(scalings: Vec<Scaling<'_>>, expected: &[(&str, i64)]) {
    let sizes: Vec<(&str, i64)> = scalings
        .iter()
        .map(|scaling| (name(scaling.set), scaling.to))
        .collect();
    assert_eq!(sizes, expected);
}

#[test]
fn a_rollout_grows_into_its_surge_and_shrinks_what_others_stand_in_for() {
    let web = deployment(10, json!(3), json!(2));
    let check =
        |old: (i64, i64), new: (i64, i64), grown: &[(&str, i64)], shrunk: &[(&str, i64)]| {
            let (old, new) = (set("o", old.0, old.1), set("new", new.0, new.1));
            let owned = [&old, &new];
            let sets = ReplicaSets::sort(&web, &owned);
            check_sizes(rollout::roll_new(&web, &sets), grown);
            check_sizes(rollout::roll_old(&web, &sets), shrunk);
        };
    check((10, 10), (0, 0), &[("web-new", 3)], &[("web-o", 8)]);
    check((8, 8), (5, 0), &[], &[]);
    check((8, 8), (5, 3), &[], &[("web-o", 5)]);
    check((10, 4), (3, 0), &[], &[("web-o", 8)]);
    check((0, 0), (10, 10), &[], &[]);
    check((2, 2), (12, 10), &[("web-new", 10)], &[("web-o", 0)]);
}

#[test]
fn a_scaled_deployment_keeps_the_proportions_of_its_rollout() {
    let check = |replicas: i64, expected: &[(&str, i64)]| {
        let web = deployment(replicas, json!(3), json!(2));
        let (old, new) = (set("o", 8, 8), set("new", 5, 1));
        let owned = [&old, &new];
        check_sizes(
            rollout::scale(&web, &ReplicaSets::sort(&web, &owned)),
            expected,
        );
    };
    check(20, &[("web-o", 14), ("web-new", 9)]);
    check(5, &[("web-o", 5), ("web-new", 3)]);
    check(0, &[("web-o", 0), ("web-new", 0)]);
}

#[test]
fn a_single_set_takes_all_of_a_new_number() {
    let web = deployment(12, json!(3), json!(2));
    let (old, new) = (set("o", 0, 0), set("new", 10, 10));
    let owned = [&old, &new];
    check_sizes(
        rollout::scale(&web, &ReplicaSets::sort(&web, &owned)),
        &[("web-new", 12)],
    );
}

#[test]
fn the_first_turn_makes_the_replica_set_and_says_so() {
    let mut web = deployment(2, json!("25%"), json!("25%"));
    web["metadata"]["annotations"] =
        json!({"team": "a", "kubectl.kubernetes.io/last-applied-configuration": "{}"});
    web["spec"]["progressDeadlineSeconds"] = json!(600);
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let decision = reconcile(
        &View::from_objects([web.clone()]),
        &Key::new("n", "web"),
        now,
    );
    let hash = crate::controllers::pods::template_hash(&web["spec"]["template"], 0);
    let set_name = format!("web-{hash}");
    let labels = json!({"app": "web", "pod-template-hash": hash});
    let mut labelled = template("new");
    labelled["metadata"]["labels"] = labels.clone();
    let stamp = "2026-01-01T00:00:00Z";
    assert_eq!(
        decision.writes,
        vec![
            Write::Create(json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
                "metadata": {"name": set_name, "namespace": "n", "labels": labels,
                    "annotations": {"team": "a", "deployment.kubernetes.io/revision": "1",
                        "deployment.kubernetes.io/desired-replicas": "2", "deployment.kubernetes.io/max-replicas": "3"},
                    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d",
                        "controller": true, "blockOwnerDeletion": true}]},
                "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": labelled}})),
            Write::Event(Note::normal(
                COMPONENT,
                &web,
                "ScalingReplicaSet",
                format!("Scaled up replica set {set_name} from 0 to 2")
            )),
            Write::status(
                Kind::Deployment,
                &web,
                json!({"observedGeneration": 1, "terminatingReplicas": 0, "conditions": [
                    {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable",
                        "message": "Deployment does not have minimum availability.",
                        "lastTransitionTime": stamp, "lastUpdateTime": stamp},
                    {"type": "Progressing", "status": "True", "reason": "NewReplicaSetCreated",
                        "message": format!("Created new replica set \"{set_name}\""),
                        "lastTransitionTime": stamp, "lastUpdateTime": stamp}]})
            ),
        ]
    );
    assert_eq!(
        decision.wake_at.map(|at| at.to_string()).as_deref(),
        Some("2026-01-01T00:10:01Z")
    );
}

#[test]
fn history_beyond_the_limit_is_pruned_oldest_first() {
    let mut web = deployment(1, json!(1), json!(0));
    web["spec"]["revisionHistoryLimit"] = json!(1);
    let old: Vec<Value> = ["a", "bb", "ccc"]
        .iter()
        .map(|image| set(image, 0, 0))
        .collect();
    let mut busy = set("busy", 0, 0);
    busy["status"]["replicas"] = json!(1);
    busy["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!("0");
    let owned: Vec<&Value> = old.iter().chain([&busy]).collect();
    let pruned = ReplicaSets::sort(&web, &owned).prune_history(&web);
    assert_eq!(
        pruned,
        vec![
            Write::delete(Kind::ReplicaSet, &old[0]),
            Write::delete(Kind::ReplicaSet, &old[1])
        ],
        "one too many has pods left and waits"
    );
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    let mut web = deployment(10, json!(3), json!(2));
    web["spec"]["paused"] = json!(true);
    web["spec"]["progressDeadlineSeconds"] = json!(600);
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let old = set("o", 10, 10);
    let decision = reconcile(&View::from_objects([web, old]), &Key::new("n", "web"), now);
    let [Write::Status { status, .. }] = decision.writes.as_slice() else {
        panic!("{decision:?}")
    };
    let reasons: Vec<&Value> = items(status, "/conditions")
        .iter()
        .map(|condition| &condition["reason"])
        .collect();
    assert_eq!(reasons, ["MinimumReplicasAvailable", "DeploymentPaused"]);
    assert_eq!(decision.wake_at, None);
}

#[test]
fn a_set_that_cannot_make_pods_shows_in_the_deployment() {
    let web = deployment(1, json!(1), json!(0));
    let mut new = set("new", 1, 0);
    new["status"]["conditions"] = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        "message": "exceeded quota", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let decision = status::report(&web, &ReplicaSets::sort(&web, &[&new]), now);
    let [Write::Status { status, .. }] = decision.writes.as_slice() else {
        panic!("{decision:?}")
    };
    let failure = items(status, "/conditions").last().unwrap();
    assert_eq!(
        (text(failure, "/type"), text(failure, "/message")),
        ("ReplicaFailure", "exceeded quota")
    );
}
