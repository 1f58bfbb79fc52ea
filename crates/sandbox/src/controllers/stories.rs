//! Whole stories on the stage: rollouts, faults, volumes, endings.

use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{condition, count, is_deleting, items, label, name, text};
use super::stage::Stage;

fn container(image: &str) -> Value {
    json!({"name": "web", "image": image})
}

fn deployment(name: &str, replicas: i64, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "n", "name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"restartPolicy": "Always", "containers": [container(image)]}}}})
}

fn set_image(workload: &mut Value, image: &str) {
    workload["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
}

fn phases(stage: &Stage) -> Vec<String> {
    let told = |pod: Value| {
        let waiting = pod
            .pointer("/status/containerStatuses/0/state/waiting/reason")
            .and_then(Value::as_str);
        waiting.unwrap_or(text(&pod, "/status/phase")).to_owned()
    };
    stage.all(Kind::Pod).into_iter().map(told).collect()
}

fn told<'a>(object: &'a Value, kind: &str) -> (&'a str, &'a str) {
    let found = condition(object, kind).unwrap_or(&Value::Null);
    (text(found, "/status"), text(found, "/reason"))
}

#[test]
fn a_deployment_becomes_running_pods_within_a_second_and_a_half() {
    let mut stage = Stage::new();
    stage.create(deployment("web", 2, "nginx:1.27"));
    stage.settle();
    assert_eq!(phases(&stage), ["ContainerCreating", "ContainerCreating"]);
    stage.advance(1_500);
    assert_eq!(phases(&stage), ["Running", "Running"]);
    let web = stage.get(Kind::Deployment, "web");
    assert_eq!(
        told(&web, "Available"),
        ("True", "MinimumReplicasAvailable")
    );
    assert_eq!(
        told(&web, "Progressing"),
        ("True", "NewReplicaSetAvailable")
    );
    let mut status = web["status"].clone();
    status.as_object_mut().unwrap().remove("conditions");
    assert_eq!(
        status,
        json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
            "terminatingReplicas": 0})
    );
    assert_eq!(
        web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "1"
    );
    let events = stage.events();
    let set = name(&stage.all(Kind::ReplicaSet)[0]).to_owned();
    assert!(
        events.contains(&format!(
            "ScalingReplicaSet web: Scaled up replica set {set} from 0 to 2"
        )),
        "{events:#?}"
    );
    assert!(stage.is_at_rest());
}
