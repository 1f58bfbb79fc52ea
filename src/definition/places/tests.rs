use serde_json::json;

use super::*;
use crate::definition::check::{CheckContext, check};
use crate::definition::render::{RenderContext, render};

const SHOP: &str = "\
# The shop.
replicas: 2
labels: {tier: web}
containers:
  - name: side
    image: sidecar:1
    ports: [{name: metrics, port: 9000}]
  - name: web
    image: shop:1
    ports:
      - {name: http, port: 80, targetPort: 8080, nodePort: 30080}
    env:
      - {name: TOKEN, fromSecret: token}
    cpu: 2
    resources: {requests: {memory: 1Gi}}
    volumeMounts:
      - {name: data, mountPath: /data}
      - {name: conf, mountPath: /etc/shop}
    probes:
      ready: {http: /ready, port: http, period: 5s}
volumes:
  - name: conf
    config: {a.ini: x}
  - name: data
    size: 1Gi
    storageClass: fast
service: {type: NodePort}
exposed_service: web
exposed_port: 80
exposedHostname: shop.example.com
ingress: {path: /shop}
secrets:
  token: {env: TOKEN}
config: {LEVEL: info}
";

fn object(text: &str, kind: &str, name: &str) -> Value {
    let context = RenderContext::new("shop".parse().unwrap(), "team-a".parse().unwrap());
    let checked = check(text, &CheckContext::default());
    let definition = checked
        .definition
        .unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    let objects = render(&definition, &context).unwrap().objects;
    let found = objects
        .into_iter()
        .find(|object| object.key.kind == kind && object.key.name == name);
    found.unwrap_or_else(|| panic!("no {kind}/{name}")).json
}

/// What stands at the place that is found, after its path.
fn found(text: &str, object: &Value, field: &str) -> Option<String> {
    let place = place_of(text, object, field)?;
    let line = text.lines().nth(place.span.start.line - 1).unwrap();
    let marked = &text[place.span.bytes.clone()];
    assert_eq!(
        line.chars()
            .skip(place.span.start.column - 1)
            .take(marked.chars().count())
            .collect::<String>(),
        marked
    );
    Some(format!("{}: {marked}", place.path))
}

#[test]
fn fields_of_every_object_are_found_in_the_service_definition() {
    let check = |(kind, name): (&str, &str), field: &str, expected: &str| {
        let found = found(SHOP, &object(SHOP, kind, name), field);
        assert_eq!(
            found.as_deref().unwrap_or_default(),
            expected,
            "{kind} {field}"
        );
    };
    let set = ("StatefulSet", "shop");
    check(set, "spec.replicas", "replicas: 2");
    check(set, "metadata.labels.tier", "labels.tier: web");
    check(set, "metadata.labels", "labels: labels");
    check(
        set,
        "spec.template.spec.containers[1].image",
        "containers[1].image: shop:1",
    );
    check(
        set,
        ".spec.template.spec.containers[name=\"web\"].image",
        "containers[1].image: shop:1",
    );
    check(
        set,
        "spec.template.spec.containers[1].ports[0].containerPort",
        "containers[1].ports[0].targetPort: 8080",
    );
    check(
        set,
        "spec.template.spec.containers[0].ports[0].containerPort",
        "containers[0].ports[0].port: 9000",
    );
    check(
        set,
        "spec.template.spec.containers[1].env[0].valueFrom.secretKeyRef.key",
        "containers[1].env[0].fromSecret: token",
    );
    check(
        set,
        "spec.template.spec.containers[1].resources.limits[cpu]",
        "containers[1].cpu: 2",
    );
    check(
        set,
        "spec.template.spec.containers[1].resources.requests",
        "containers[1].resources.requests: requests",
    );
    check(
        set,
        "spec.template.spec.containers[1].volumeMounts[1].mountPath",
        "containers[1].volumeMounts[1].mountPath: /etc/shop",
    );
    check(
        set,
        "spec.template.spec.containers[1].readinessProbe.periodSeconds",
        "containers[1].probes.ready.period: 5s",
    );
    check(
        set,
        "spec.template.spec.containers[1].workingDir",
        "containers[1]: name: web",
    );
    check(
        set,
        "spec.template.spec.volumes[0].configMap.name",
        "volumes[0].config: config",
    );
    check(
        set,
        "spec.volumeClaimTemplates[0].spec.resources.requests[storage]",
        "volumes[1].size: 1Gi",
    );
    check(
        set,
        "spec.volumeClaimTemplates[0].spec.storageClassName",
        "volumes[1].storageClass: fast",
    );
    let service = ("Service", "shop");
    check(
        service,
        "spec.ports[1].nodePort",
        "containers[1].ports[0].nodePort: 30080",
    );
    check(
        service,
        ".spec.ports[port=80,protocol=\"TCP\"].nodePort",
        "containers[1].ports[0].nodePort: 30080",
    );
    check(service, "spec.type", "service.type: NodePort");
    let ingress = ("Ingress", "shop");
    check(
        ingress,
        "spec.rules[0].host",
        "exposedHostname: shop.example.com",
    );
    check(
        ingress,
        "spec.rules[0].http.paths[0].path",
        "ingress.path: /shop",
    );
    check(
        ingress,
        "spec.rules[0].http.paths[0].pathType",
        "ingress: ingress",
    );
    check(
        ("ConfigMap", "shop-config"),
        "data[LEVEL]",
        "config.LEVEL: info",
    );
    check(
        ("ConfigMap", "shop-files-conf"),
        "data[a.ini]",
        "volumes[0].config.a.ini: x",
    );
    check(
        ("ConfigMap", "shop-files-conf"),
        r#".data["a.ini"]"#,
        "volumes[0].config.a.ini: x",
    );
    // Nothing of it was written.
    check(set, "spec.serviceName", "");
    check(set, "metadata.name", "");
    check(set, "", "");
}

#[test]
fn fields_of_manifests_are_found_in_their_document() {
    let text = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
kind: List
items:
  - kind: Deployment
    metadata: {name: web}
    spec:
      template: {spec: {containers: [{name: web, image: x}]}}
  - kind: Deployment
    metadata: {name: db}
    spec:
      replicas: two
---
apiVersion: apps/v1
kind: DeploymentList
items:
- metadata: {name: typed}
  spec: {replicas: three}
---
kind: List
items:
- kind: DeploymentList
  items:
  - metadata: {name: nested}
    spec: {replicas: four}
";
    let check = |name: &str, field: &str, expected: Option<&str>| {
        let object =
            json!({"kind": "Deployment", "metadata": {"name": name}, "spec": {"replicas": 2}});
        assert_eq!(
            found(text, &object, field).as_deref(),
            expected,
            "{name} {field}"
        );
    };
    check("db", ".spec.replicas", Some("spec.replicas: two"));
    check(
        "web",
        "spec.template.spec.containers[0].image",
        Some("spec.template.spec.containers[0].image: x"),
    );
    check("web", "spec.replicas", Some("spec: spec"));
    check("typed", "spec.replicas", Some("spec.replicas: three"));
    check("nested", "spec.replicas", Some("spec.replicas: four"));
    check("none", "spec.replicas", None);
    let map = json!({"kind": "ConfigMap", "metadata": {"name": "made-of-parameters"}});
    assert_eq!(
        found(text, &map, "metadata.name").as_deref(),
        Some("metadata.name: a")
    );
}

#[test]
fn paths_that_cannot_be_read_lead_as_far_as_they_can() {
    let object = object(SHOP, "StatefulSet", "shop");
    for field in [
        "[",
        ".",
        "spec.",
        "spec.template.spec.containers[",
        "spec.template.spec.containers[x=",
        "]]",
        "..",
        "\u{1b}[2J",
    ] {
        let _ = place_of(SHOP, &object, field);
        let _ = place_of("", &object, field);
        let _ = place_of("kind: [", &object, field);
    }
    assert_eq!(place_of("", &object, "spec.replicas"), None);
}
