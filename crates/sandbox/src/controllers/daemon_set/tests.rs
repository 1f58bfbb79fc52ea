//! DaemonSets on the stage: a pod on each node, and how it is replaced.

use serde_json::{Value, json};

use crate::controllers::kind::Kind;
use crate::controllers::object::{items, text};
use crate::controllers::stage::Stage;

fn daemon_set(image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"namespace": "n", "name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}},
            "template": {"metadata": {"labels": {"app": "agent"}},
                "spec": {"containers": [{"name": "agent", "image": image}]}}}})
}

fn status(stage: &Stage) -> Value {
    stage.get(Kind::DaemonSet, "agent")["status"].clone()
}

/// Where which image runs.
fn places(stage: &Stage) -> Vec<String> {
    let pods = stage.all(Kind::Pod);
    let place = |pod: &Value| {
        format!(
            "{} {}",
            text(pod, "/spec/nodeName"),
            text(pod, "/spec/containers/0/image")
        )
    };
    let mut places: Vec<String> = pods.iter().map(place).collect();
    places.sort();
    places
}

fn all(image: &str) -> Vec<String> {
    (1..=3).map(|node| format!("node-{node} {image}")).collect()
}

#[test]
fn each_node_has_one_pod() {
    let mut stage = Stage::new();
    stage.create(daemon_set("agent:1"));
    stage.advance(3_000);
    assert_eq!(places(&stage), all("agent:1"));
    assert_eq!(
        status(&stage),
        json!({"currentNumberScheduled": 3, "desiredNumberScheduled": 3, "numberAvailable": 3,
        "numberMisscheduled": 0, "numberReady": 3, "observedGeneration": 1, "updatedNumberScheduled": 3})
    );
    assert!(stage.is_at_rest());
}

#[test]
fn only_nodes_that_fit_have_one() {
    let mut stage = Stage::new();
    let mut set = daemon_set("agent:1");
    set["spec"]["template"]["spec"]["nodeSelector"] = json!({"kubernetes.io/hostname": "node-2"});
    stage.create(set);
    stage.advance(3_000);
    assert_eq!(places(&stage), ["node-2 agent:1"]);
    assert_eq!(status(&stage)["desiredNumberScheduled"], 1);
    // One that is closed to others is open to a daemon; one that repels all is not.
    stage.edit(Kind::Node, "node-2", |node| {
        node["spec"]["unschedulable"] = json!(true)
    });
    let pod = text(&stage.all(Kind::Pod)[0], "/metadata/name").to_owned();
    stage.delete(Kind::Pod, &pod);
    stage.advance(5_000);
    assert_eq!(places(&stage), ["node-2 agent:1"]);
    stage.edit(Kind::Node, "node-2", |node| {
        node["spec"]["taints"] = json!([{"key": "gone", "effect": "NoExecute"}]);
    });
    stage.advance(5_000);
    assert_eq!(places(&stage), [""; 0]);
    assert_eq!(status(&stage)["desiredNumberScheduled"], 0);
}

fn change_image(stage: &mut Stage, image: &str) {
    stage.edit(Kind::DaemonSet, "agent", |set| {
        set["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
    });
}

#[test]
fn a_new_template_replaces_one_node_at_a_time() {
    let mut stage = Stage::new();
    stage.create(daemon_set("agent:1"));
    stage.advance(3_000);
    change_image(&mut stage, "agent:missing");
    stage.advance(20_000);
    let n_old = places(&stage)
        .iter()
        .filter(|place| place.ends_with("agent:1"))
        .count();
    assert_eq!(n_old, 2);
    let told = status(&stage);
    assert_eq!(
        (
            &told["updatedNumberScheduled"],
            &told["numberReady"],
            &told["numberUnavailable"]
        ),
        (&json!(1), &json!(2), &json!(1))
    );
    change_image(&mut stage, "agent:2");
    stage.advance(20_000);
    assert_eq!(places(&stage), all("agent:2"));
    assert_eq!(status(&stage)["numberAvailable"], 3);
    let revisions = stage.each(Kind::ControllerRevision, "/revision");
    assert_eq!(revisions.len(), 3);
}

#[test]
fn with_a_surge_new_pods_come_before_old_ones_go() {
    let mut stage = Stage::new();
    let mut set = daemon_set("agent:1");
    set["spec"]["updateStrategy"] =
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    stage.create(set);
    stage.advance(3_000);
    change_image(&mut stage, "agent:missing");
    stage.advance(10_000);
    assert_eq!(places(&stage).len(), 4);
    assert_eq!(status(&stage)["numberReady"], 3);
    change_image(&mut stage, "agent:2");
    stage.advance(30_000);
    assert_eq!(places(&stage), all("agent:2"));
}

#[test]
fn deleting_it_deletes_its_pods() {
    let mut stage = Stage::new();
    stage.create(daemon_set("agent:1"));
    stage.advance(3_000);
    stage.delete(Kind::DaemonSet, "agent");
    stage.advance(5_000);
    assert_eq!(places(&stage), [""; 0]);
    assert!(items(&json!(stage.all(Kind::ControllerRevision)), "").is_empty());
}
