//! Tests of rendering: a golden definition with every key, and one fact at a time.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::definition::check::check;
use crate::definition::naming;
use crate::definition::template::TEMPLATES;
use crate::definition::yaml::to_yaml_documents;

const EVERY_KEY: &str = include_str!("../../../tests/fixtures/definition/every-key.yaml");
const GOLDEN: &str = "tests/fixtures/definition/every-key.rendered.yaml";

fn context(id: &str) -> RenderContext {
    RenderContext {
        definition_name: "every-key".parse().unwrap(),
        ingress_host: Some("apps.example.com".to_owned()),
        ..RenderContext::new(id.parse().unwrap(), "team-a".parse().unwrap())
    }
}

fn definition(text: &str) -> Definition {
    let checked = check(text, &CheckContext::default());
    checked
        .definition
        .unwrap_or_else(|| panic!("{text}\n{:#?}", checked.diagnostics))
}

fn render_as(text: &str, context: &RenderContext) -> Rendered {
    render(&definition(text), context).unwrap_or_else(|faults| panic!("{text}\n{faults:#?}"))
}

/// Renders under the ID `web` in `team-a`.
fn rendered(text: &str) -> Rendered {
    render_as(text, &context("web"))
}

fn yaml(rendered: &Rendered) -> String {
    to_yaml_documents(rendered.objects.iter().map(|o| &o.json))
}

fn object<'r>(rendered: &'r Rendered, kind: &str, name: &str) -> &'r Value {
    let found = rendered
        .objects
        .iter()
        .find(|o| o.key.kind == kind && o.key.name == name);
    &found
        .unwrap_or_else(|| panic!("no {kind}/{name} in\n{}", yaml(rendered)))
        .json
}

fn names(rendered: &Rendered) -> Vec<String> {
    rendered.objects.iter().map(|o| o.key.to_string()).collect()
}

/// A web service of one container; `more` are further lines at the top.
fn web(more: &str) -> String {
    format!(
        "containers:\n  - {{name: nginx, image: nginx, ports: [{{name: http, port: 80}}]}}\n{more}"
    )
}

#[test]
fn every_key_renders_to_the_golden_objects() {
    let text = yaml(&rendered(EVERY_KEY));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    if std::env::var_os("BOWLINE_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    assert!(
        text == golden,
        "{GOLDEN} differs; if that is meant, run again with BOWLINE_UPDATE_GOLDEN=1\n{text}"
    );
}

#[test]
fn objects_come_in_the_order_of_their_dependencies() {
    let order = [
        "ConfigMap/web-config",
        "ConfigMap/web-files-conf",
        "PersistentVolumeClaim/web-data-assets",
        "Service/web",
        "Service/web-headless",
        "StatefulSet/web",
        "Ingress/web",
    ];
    assert_eq!(names(&rendered(EVERY_KEY)), order);
}

#[test]
fn compact_form_deploys_as_it_stands() {
    let text = "
containers: [{name: nginx, image: \"nginx:latest\", ports: [{name: default, port: 80}], gpu: nvidia/gpu,
  environment: [{name: A, value: b}], volumeMounts: [{name: mydata, mountPath: /mydata, readOnly: true, type: ReadWriteOnce}]}]
volumes: [{name: mydata, size: 1Gi}]
exposedService: nginx
exposedPort: 80
";
    let rendered = rendered(text);
    let kinds = [
        "Service/web",
        "Service/web-headless",
        "StatefulSet/web",
        "Ingress/web",
    ];
    assert_eq!(names(&rendered), kinds);
    let container =
        &object(&rendered, "StatefulSet", "web")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(
        container["resources"],
        json!({"limits": {"nvidia.com/gpu": "1"}})
    );
    assert_eq!(
        container["volumeMounts"],
        json!([{"name": "mydata", "mountPath": "/mydata", "readOnly": true}])
    );
}

#[test]
fn every_object_of_the_set_carries_its_labels_and_selectors_only_what_never_changes() {
    let rendered = rendered(EVERY_KEY);
    for object in &rendered.objects {
        let labels = &object.json["metadata"]["labels"];
        assert_eq!(
            labels[naming::LABEL_MANAGED_BY],
            "bowline",
            "{}",
            object.key
        );
        assert_eq!(labels[naming::LABEL_INSTANCE], "web", "{}", object.key);
        assert_eq!(labels[naming::LABEL_NAME], "every-key", "{}", object.key);
        assert_eq!(labels["tier"], "web", "{}", object.key);
        let set = naming::applyset_id("bowline-web", "team-a", "ConfigMap", "");
        assert_eq!(
            labels[naming::LABEL_PART_OF],
            set.as_str(),
            "{}",
            object.key
        );
        assert_eq!(
            object.key.namespace.as_deref(),
            Some("team-a"),
            "{}",
            object.key
        );
    }
    let fixed = json!({naming::LABEL_MANAGED_BY: "bowline", naming::LABEL_INSTANCE: "web"});
    let workload = object(&rendered, "StatefulSet", "web");
    assert_eq!(workload["spec"]["selector"]["matchLabels"], fixed);
    assert_eq!(
        workload["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"],
        fixed
    );
    assert_eq!(
        object(&rendered, "Service", "web")["spec"]["selector"],
        fixed
    );
    let pod = &workload["spec"]["template"]["metadata"]["labels"];
    assert_eq!(
        (&pod[naming::LABEL_PART_OF], &pod[naming::LABEL_NAME]),
        (&Value::Null, &json!("every-key"))
    );
}

#[test]
fn one_definition_renders_under_many_ids() {
    let text = web("exposed_service: nginx\nconfig: {SELF: \"$id.${namespace}\"}\n");
    for id in ["web", "other"] {
        let rendered = render_as(&text, &context(id));
        let config = object(&rendered, "ConfigMap", &format!("{id}-config"));
        assert_eq!(config["data"], json!({"SELF": format!("{id}.team-a")}));
    }
}

#[test]
fn set_parameters_win_over_defaults() {
    let text = "containers: [{name: a, image: \"nginx:${tag}\"}]\nreplicas: ${n}\nparameters: {tag: \"1.27\", n: 2}\n";
    let set = RenderContext {
        parameters: BTreeMap::from([
            ("tag".to_owned(), "1.28".to_owned()),
            ("n".to_owned(), "3".to_owned()),
        ]),
        ..context("web")
    };
    for (context, image, replicas) in [(context("web"), "nginx:1.27", 2), (set, "nginx:1.28", 3)] {
        let rendered = render_as(text, &context);
        let spec = &object(&rendered, "Deployment", "web")["spec"];
        assert_eq!(
            (
                &spec["template"]["spec"]["containers"][0]["image"],
                &spec["replicas"]
            ),
            (&json!(image), &json!(replicas))
        );
    }
}

#[test]
fn faults_of_this_id_and_these_parameters_are_returned_with_their_place() {
    let text = "containers: [{name: a, image: \"nginx:${tag}\", volumeMounts: [{name: postgres-data, mountPath: /d}]}]\n\
                volumes: [{name: postgres-data, size: 1Gi}]\nparameters: {tag: latest}\n";
    let definition = definition(text);
    let long: InstanceId = "a".repeat(50).parse().unwrap();
    let context = RenderContext {
        parameters: BTreeMap::from([("tag".to_owned(), "not a tag".to_owned())]),
        ..RenderContext::new(long, "default".parse().unwrap())
    };
    let faults = render(&definition, &context).unwrap_err();
    let paths: Vec<_> = faults
        .iter()
        .map(|f| (f.path.as_str(), f.span.start.line))
        .collect();
    assert_eq!(paths, [("containers[0].image", 1), ("volumes[0].name", 2)]);
}

#[test]
fn replicas_are_rendered_only_if_set() {
    let replicas = |text: &str, context: &RenderContext| {
        object(&render_as(text, context), "Deployment", "web")["spec"]["replicas"].clone()
    };
    let scaled = RenderContext {
        replicas: Some(5),
        ..context("web")
    };
    assert_eq!(replicas(&web(""), &context("web")), Value::Null);
    assert_eq!(replicas(&web("replicas: 0\n"), &context("web")), json!(0));
    assert_eq!(replicas(&web("replicas: 2\n"), &scaled), json!(5));
}

#[test]
fn scaling_cannot_share_an_exclusive_claim() {
    let text = "containers: [{name: a, image: b, volumeMounts: [{name: d, mountPath: /d}]}]\n\
                volumes: [{name: d, size: 1Gi, shared: true}]\n";
    let scaled = RenderContext {
        replicas: Some(2),
        ..context("web")
    };
    assert!(render(&definition(text), &context("web")).is_ok());
    let faults = render(&definition(text), &scaled).unwrap_err();
    assert!(
        faults[0].message.contains("2 replicas cannot share"),
        "{faults:#?}"
    );
}

#[test]
fn workload_kind_follows_the_volumes() {
    let volume = "containers: [{name: a, image: b, volumeMounts: [{name: d, mountPath: /d}]}]\nvolumes: [{name: d, size: 1Gi}]\n";
    assert_eq!(
        names(&rendered(&web(""))),
        ["Service/web", "Deployment/web"]
    );
    // A headless Service may have no ports; an ordinary one may not.
    assert_eq!(
        names(&rendered(volume)),
        ["Service/web-headless", "StatefulSet/web"]
    );
    let as_deployment = rendered(&format!("{volume}workload: Deployment\n"));
    assert_eq!(
        names(&as_deployment),
        ["PersistentVolumeClaim/web-data-d", "Deployment/web"]
    );
    let spec = &object(&as_deployment, "Deployment", "web")["spec"];
    assert_eq!(
        spec["strategy"]["rollingUpdate"],
        json!({"maxSurge": 0, "maxUnavailable": 1})
    );
    let volumes = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "web-data-d"}}]);
    assert_eq!(spec["template"]["spec"]["volumes"], volumes);
}

#[test]
fn ingress_has_a_path_of_its_own_only_on_a_shared_host() {
    let check = |more: &str, host: Option<&str>, expected: (Value, &str)| {
        let context = RenderContext {
            ingress_host: host.map(str::to_owned),
            ..context("web")
        };
        let rendered = render_as(
            &web(&format!("exposed_service: nginx\nexposed_port: 80\n{more}")),
            &context,
        );
        let rule = &object(&rendered, "Ingress", "web")["spec"]["rules"][0];
        let path = &rule["http"]["paths"][0]["path"];
        assert_eq!(
            (rule["host"].clone(), path.as_str().unwrap()),
            expected,
            "{more}"
        );
        assert_eq!(
            rendered.warnings.len(),
            usize::from(expected.0.is_null()),
            "{:?}",
            rendered.warnings
        );
    };
    let shared = Some("apps.example.com");
    check(
        "exposed_hostname: web.example.com\n",
        shared,
        (json!("web.example.com"), "/"),
    );
    check("", shared, (json!("apps.example.com"), "/web"));
    check("", None, (Value::Null, "/web"));
    check(
        "ingress: {path: /x}\n",
        shared,
        (json!("apps.example.com"), "/x"),
    );
}

#[test]
fn pods_roll_when_config_changes_and_only_then() {
    let checksum = |text: &str| {
        let rendered = rendered(text);
        let template = &object(&rendered, "Deployment", "web")["spec"]["template"];
        template["metadata"]["annotations"][naming::ANNOTATION_CONFIG_CHECKSUM].clone()
    };
    let config =
        |level: &str, more: &str| web(&format!("config: {{LEVEL: {level}, B: x}}\n{more}"));
    assert_eq!(checksum(&web("")), Value::Null);
    assert_eq!(
        checksum(&config("info", "")),
        checksum(&config("info", "labels: {a: b}\n"))
    );
    assert_ne!(
        checksum(&config("info", "")),
        checksum(&config("debug", ""))
    );
}

#[test]
fn two_containers_may_name_their_ports_alike() {
    let text = "containers:
  - {name: a, image: i, ports: [{name: http, port: 80}, {name: m, port: 81}], probes: {ready: {http: /, port: http}}}
  - {name: b, image: i, ports: [{name: http, port: 90, targetPort: 9090}], probes: {ready: {tcp: http}}}
";
    let rendered = rendered(text);
    let service = &object(&rendered, "Service", "web")["spec"]["ports"];
    let ports: Vec<_> = service
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["name"].clone(), p["targetPort"].clone()))
        .collect();
    assert_eq!(
        ports,
        [
            (json!("a-http"), json!(80)),
            (json!("m"), json!(81)),
            (json!("b-http"), json!(9090))
        ]
    );
    let containers =
        &object(&rendered, "Deployment", "web")["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[0]["ports"][0].get("name"), None);
    assert_eq!(containers[0]["ports"][1]["name"], "m");
    assert_eq!(containers[1]["readinessProbe"]["tcpSocket"]["port"], 9090);
}

#[test]
fn secrets_are_referenced_and_never_rendered() {
    let rendered = rendered(EVERY_KEY);
    assert!(rendered.objects.iter().all(|o| o.key.kind != "Secret"));
    let pod = &object(&rendered, "StatefulSet", "web")["spec"]["template"]["spec"];
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "web-pull"}]));
    assert_eq!(rendered.warnings.len(), 2, "{:?}", rendered.warnings);
}

#[test]
fn templates_render() {
    for template in TEMPLATES {
        let id: InstanceId = template.name.parse().unwrap();
        let rendered = render_as(
            template.text,
            &RenderContext::new(id, "default".parse().unwrap()),
        );
        assert_eq!(rendered.warnings, Vec::<String>::new(), "{}", template.name);
        assert!(!rendered.objects.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn same_input_gives_the_same_bytes(id in "[a-z][a-z0-9]{0,9}", host in proptest::option::of("[a-z]{1,9}")) {
        let context = RenderContext { ingress_host: host, ..context(&id) };
        let once = render(&definition(EVERY_KEY), &context).map(|r| yaml(&r));
        let again = render(&definition(EVERY_KEY), &context).map(|r| yaml(&r));
        prop_assert!(once.is_ok());
        prop_assert_eq!(once, again);
    }
}

const POLICY: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: inner}
spec:
  podSelector: {matchLabels: {app.kubernetes.io/instance: chart}}
  ingress:
    - from:
        - podSelector: {matchLabels: {app.kubernetes.io/instance: ingress-nginx, app.kubernetes.io/managed-by: Helm}}
        - podSelector:
            matchExpressions:
              - {key: app.kubernetes.io/instance, operator: In, values: [chart, other]}
              - {key: app.kubernetes.io/instance, operator: NotIn, values: [chart]}
";

#[test]
fn selectors_of_what_the_set_makes_follow_and_those_of_others_stay() {
    let text = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: front}}
spec:
  selector: {{matchLabels: {{app.kubernetes.io/instance: chart}}}}
  template:
    metadata: {{labels: {{app.kubernetes.io/instance: chart}}}}
    spec: {{containers: [{{name: web, image: 'nginx:1.27'}}]}}
---
{POLICY}---
apiVersion: v1
kind: Service
metadata: {{name: front}}
spec: {{selector: {{app.kubernetes.io/instance: chart}}, ports: [{{port: 80}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: theirs, labels: {{app.kubernetes.io/instance: postgres}}}}
spec: {{selector: {{app.kubernetes.io/instance: postgres}}, ports: [{{port: 80}}]}}
"
    );
    let rendered = rendered(&text);
    let instance = "app.kubernetes.io/instance";
    let deployment = object(&rendered, "Deployment", "front");
    assert_eq!(
        deployment["spec"]["selector"]["matchLabels"][instance],
        "web"
    );
    let policy = &object(&rendered, "NetworkPolicy", "inner")["spec"];
    assert_eq!(policy["podSelector"]["matchLabels"][instance], "web");
    let from = &policy["ingress"][0]["from"];
    let theirs = json!({instance: "ingress-nginx", "app.kubernetes.io/managed-by": "Helm"});
    assert_eq!(from[0]["podSelector"]["matchLabels"], theirs);
    let expressions = &from[1]["podSelector"]["matchExpressions"];
    assert_eq!(expressions[0]["values"], json!(["web", "other"]));
    assert_eq!(expressions[1]["values"], json!(["web"]));
    for (name, of) in [("front", "web"), ("theirs", "postgres")] {
        let service = object(&rendered, "Service", name);
        assert_eq!(service["spec"]["selector"], json!({instance: of}));
    }
}

#[test]
fn nothing_is_put_into_what_has_no_selector() {
    let external = "apiVersion: v1\nkind: Service\nmetadata: {name: db}\nspec: {type: ExternalName, externalName: db.example.com}\n";
    let rendered = rendered(external);
    let spec = &object(&rendered, "Service", "db")["spec"];
    assert_eq!(
        *spec,
        json!({"type": "ExternalName", "externalName": "db.example.com"})
    );
    let strange = "apiVersion: v2\nkind: Service\nmetadata: {name: db}\nspec: hello\n";
    let strange = render_as(strange, &context("web"));
    assert_eq!(object(&strange, "Service", "db")["spec"], "hello");
}

#[test]
fn an_object_that_names_the_namespace_of_the_instance_is_the_one_that_does_not() {
    let of = |metadata: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\n");
    let text = format!(
        "{}---\n{}",
        of("{name: a}"),
        of("{name: a, namespace: team-a}")
    );
    let faults = render(&definition(&text), &context("web")).unwrap_err();
    let [fault] = faults.try_into().unwrap();
    assert_eq!(
        fault.message,
        "ConfigMap/a of namespace team-a stands in this text a second time"
    );
    assert_eq!(fault.span.start.line, 5);
}
