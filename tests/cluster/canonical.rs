//! Values that can be written in several ways are stored in one: quantities, and bytes.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::{deployment, service};

const NO_QUANTITY: &str = "quantities must match the regular expression";

/// A Deployment without pods that asks for these amounts.
fn asking(name: &str, resources: Value) -> Value {
    let mut object = deployment(name, "nginx:1", 0);
    object["spec"]["template"]["spec"]["containers"][0]["resources"] = resources;
    object
}

fn resources(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]["containers"][0]["resources"]
}

pub(crate) async fn quantities_have_one_form(cluster: Cluster) {
    let written = json!({"limits": {"cpu": 1, "memory": "1024Mi"}, "requests": {"cpu": "0.5", "memory": "0.1Gi"}});
    let stored = json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "107374182400m"}});
    let object = asking("created", written.clone());
    let created = cluster.create(&object).await.unwrap();
    assert_eq!(resources(&created), &stored);
    let object = asking("applied", written);
    let applied = cluster.apply("bowline/web", &object).await.unwrap();
    assert_eq!(resources(&applied), &stored);
    let again = cluster.apply("bowline/web", &object).await.unwrap();
    // Controllers write its status meanwhile.
    let generation = |object: &Value| object["metadata"]["generation"].clone();
    assert_eq!(resources(&again), &stored);
    assert_eq!(
        generation(&again),
        generation(&applied),
        "nothing is another"
    );

    let at = "/spec/template/spec/containers/0/resources";
    let patch = json!([{"op": "add", "path": at, "value": {"limits": {"cpu": "1000m", "memory": "1.3Gi"}}}]);
    let patched = cluster.json_patch("Deployment", "created", &patch);
    let expected = json!({"limits": {"cpu": "1", "memory": "1395864371200m"}});
    assert_eq!(resources(&patched.await.unwrap()), &expected);
}

pub(crate) async fn a_quantity_that_is_written_otherwise_conflicts(cluster: Cluster) {
    let object = |cpu: &str| asking("web", json!({"limits": {"cpu": cpu}}));
    cluster
        .apply("bowline/web", &object("1000m"))
        .await
        .unwrap();
    let refusal = cluster.apply("other", &object("1000m")).await.unwrap_err();
    refusal.check(409, "Conflict", "resources.limits.cpu");
    cluster.apply("other", &object("1")).await.unwrap();
}

pub(crate) async fn what_is_no_quantity_is_refused(cluster: Cluster) {
    for wrong in [json!("1Gx"), json!(""), json!(true)] {
        let object = asking("web", json!({"limits": {"memory": wrong}}));
        let refusal = cluster.create(&object).await.unwrap_err();
        refusal.check(400, "BadRequest", NO_QUANTITY);
        let refusal = cluster.apply("bowline/web", &object).await.unwrap_err();
        refusal.check(500, "", NO_QUANTITY);
        refusal.check(500, "", "failed to convert new object (");
    }
}

pub(crate) async fn bytes_are_base64(cluster: Cluster) {
    let secret = |name: &str, text: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"a": text}});
    let created = cluster.create(&secret("created", "M\nQ==\n")).await;
    assert_eq!(created.unwrap()["data"], json!({"a": "MQ=="}));
    let applied = cluster
        .apply("bowline/web", &secret("applied", "MQ==\n"))
        .await;
    assert_eq!(applied.unwrap()["data"], json!({"a": "MQ=="}));

    let plain = secret("plain", "%%");
    let why = "illegal base64 data at input byte 0";
    let refusal = cluster.create(&plain).await.unwrap_err();
    refusal.check(400, "BadRequest", why);
    let refusal = cluster.apply("bowline/web", &plain).await.unwrap_err();
    refusal.check(500, "", why);
    let binary = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plain"}, "binaryData": {"a": "%%"}});
    let refusal = cluster.create(&binary).await.unwrap_err();
    refusal.check(400, "BadRequest", why);
}

pub(crate) async fn a_node_port_goes_with_the_type_that_has_it(cluster: Cluster) {
    let mut web = service("web", json!([{"port": 80}]));
    web["spec"]["type"] = json!("NodePort");
    let made = cluster.create(&web).await.unwrap();
    let node_port = |service: &Value| service["spec"]["ports"][0]["nodePort"].clone();
    assert!(node_port(&made).as_u64().is_some(), "{made}");
    let spec = |spec: Value| json!({"spec": spec});
    let internal = spec(json!({"type": "ClusterIP"}));
    let internal = cluster.merge("Service", "web", &internal).await.unwrap();
    assert_eq!(node_port(&internal), Value::Null);
    let again = spec(json!({"ports": [{"port": 80, "nodePort": node_port(&made)}]}));
    let refusal = cluster.merge("Service", "web", &again).await.unwrap_err();
    refusal.check(422, "Invalid", "may not be used when `type` is 'ClusterIP'");
}
