//! What clients meet beside single objects: discovery, schemas, pages, scale, logs, custom kinds.
//!
//! What bowline itself relies on is asserted of the sandbox and of a real control plane alike by the program's own suite; here
//! stands the rest of what everyday clients ask for.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use bowline_sandbox::{Clock, Sandbox, SandboxOptions, ShiftedClock};
use futures::AsyncBufReadExt;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};

struct Api {
    sandbox: Sandbox,
    client: kube::Client,
}

impl Api {
    async fn new() -> Api {
        let sandbox = Sandbox::start(SandboxOptions {
            watch_history: 50,
            ..SandboxOptions::default()
        })
        .await
        .unwrap();
        Api {
            client: sandbox.client("admin"),
            sandbox,
        }
    }

    async fn send(&self, request: Request<Vec<u8>>) -> (StatusCode, String) {
        let response = self.client.send(request.map(Body::from)).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &Value,
    ) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type);
        let (status, text) = self.send(request.body(body.into_bytes()).unwrap()).await;
        (
            status.as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    async fn get(&self, path: &str) -> Value {
        let (status, value) = self
            .ask(Method::GET, path, "application/json", &Value::Null)
            .await;
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    async fn create(&self, path: &str, object: &Value) -> Value {
        let (status, value) = self
            .ask(Method::POST, path, "application/json", object)
            .await;
        assert_eq!(status, 201, "{path}: {value}");
        value
    }
}

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
}

fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "main", "image": "nginx:1"}]}},
    }})
}

#[tokio::test]
async fn kinds_are_discovered_in_both_forms() {
    let api = Api::new().await;
    let old = api.get("/apis/apps/v1").await;
    let names: Vec<&str> = old["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"deployments") && names.contains(&"deployments/scale"),
        "{names:?}"
    );

    let request = Request::get("/apis")
        .header(
            "accept",
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
        )
        .body(Vec::new());
    let (_, text) = api.send(request.unwrap()).await;
    let aggregated: Value = serde_json::from_str(&text).unwrap();
    let apps = aggregated["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|group| group["metadata"]["name"] == "apps")
        .unwrap();
    let kinds = apps["versions"][0]["resources"].as_array().unwrap();
    let deployments = kinds
        .iter()
        .find(|kind| kind["resource"] == "deployments")
        .unwrap();
    assert_eq!(
        (
            &deployments["scope"],
            &deployments["responseKind"]["kind"],
            &deployments["shortNames"]
        ),
        (
            &json!("Namespaced"),
            &json!("Deployment"),
            &json!(["deploy"])
        )
    );
}

/// kubectl validates on the server only where a kind's patch is documented to take `fieldValidation`.
#[tokio::test]
async fn schemas_tell_which_parameters_a_kind_understands() {
    let api = Api::new().await;
    let index = api.get("/openapi/v3").await;
    let url = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
        .as_str()
        .unwrap();
    let document = api.get(url).await;
    let paths = document["paths"].as_object().unwrap();
    let patch = paths
        .values()
        .map(|path| &path["patch"])
        .find(|patch| patch["x-kubernetes-group-version-kind"]["kind"] == "Deployment")
        .unwrap();
    let parameters: Vec<&str> = patch["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert!(
        parameters.contains(&"fieldValidation") && parameters.contains(&"dryRun"),
        "{parameters:?}"
    );
    let schema = &document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"];
    assert_eq!(
        schema["x-kubernetes-group-version-kind"][0]["kind"],
        "Deployment"
    );
    assert!(
        schema["properties"]["spec"]["description"]
            .as_str()
            .unwrap()
            .contains("Deployment")
    );
}

#[tokio::test]
async fn a_page_from_too_long_ago_is_refused() {
    let api = Api::new().await;
    for name in ["a", "b", "c"] {
        api.create(CONFIG_MAPS, &config_map(name)).await;
    }
    let page = api.get(&format!("{CONFIG_MAPS}?limit=1")).await;
    let token = page["metadata"]["continue"].as_str().unwrap().to_owned();
    assert_eq!(
        api.get(&format!("{CONFIG_MAPS}?limit=1&continue={token}"))
            .await["items"][0]["metadata"]["name"],
        "b"
    );
    for n in 0..60 {
        api.create(CONFIG_MAPS, &config_map(&format!("more-{n}")))
            .await;
    }
    let path = format!("{CONFIG_MAPS}?limit=1&continue={token}");
    let (status, refusal) = api
        .ask(Method::GET, &path, "application/json", &Value::Null)
        .await;
    assert_eq!((status, &refusal["reason"]), (410, &json!("Expired")));
    let (status, _) = api
        .ask(
            Method::GET,
            &format!("{CONFIG_MAPS}?continue=nonsense"),
            "application/json",
            &Value::Null,
        )
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_workload_is_scaled_through_its_scale() {
    let api = Api::new().await;
    api.create(DEPLOYMENTS, &deployment("web")).await;
    let path = format!("{DEPLOYMENTS}/web/scale");
    let mut scale = api.get(&path).await;
    assert_eq!(
        (&scale["kind"], &scale["status"]["selector"]),
        (&json!("Scale"), &json!("app=web"))
    );
    scale["spec"]["replicas"] = json!(3);
    let (status, scaled) = api
        .ask(Method::PUT, &path, "application/json", &scale)
        .await;
    assert_eq!((status, &scaled["spec"]["replicas"]), (200, &json!(3)));
    let merge = json!({"spec": {"replicas": 2}});
    api.ask(Method::PATCH, &path, "application/merge-patch+json", &merge)
        .await;
    assert_eq!(
        api.get(&format!("{DEPLOYMENTS}/web")).await["spec"]["replicas"],
        2
    );
    let (status, _) = api
        .ask(Method::PUT, &path, "application/json", &scale)
        .await;
    assert_eq!(status, 409, "its version is an old one");
}

#[tokio::test]
async fn deletions_hold_to_their_options() {
    let api = Api::new().await;
    api.create(CONFIG_MAPS, &config_map("a")).await;
    let path = format!("{CONFIG_MAPS}/a");
    let (status, _) = api
        .ask(
            Method::DELETE,
            &format!("{path}?dryRun=All"),
            "application/json",
            &Value::Null,
        )
        .await;
    assert_eq!(status, 200);
    let wrong = json!({"preconditions": {"resourceVersion": "1"}});
    assert_eq!(
        api.ask(Method::DELETE, &path, "application/json", &wrong)
            .await
            .0,
        409
    );
    let unknown = json!({"propagationPolicy": "Sideways"});
    assert_eq!(
        api.ask(Method::DELETE, &path, "application/json", &unknown)
            .await
            .0,
        422
    );
    let (status, answer) = api
        .ask(Method::DELETE, &path, "application/json", &Value::Null)
        .await;
    assert_eq!(
        (status, &answer["status"], &answer["details"]["name"]),
        (200, &json!("Success"), &json!("a"))
    );
    assert_eq!(
        api.ask(Method::DELETE, &path, "application/json", &Value::Null)
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn a_declared_kind_is_served_and_printed_until_it_is_withdrawn() {
    let api = Api::new().await;
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.example.org"},
        "spec": {
            "group": "example.org", "scope": "Namespaced", "names": {"kind": "Boat", "plural": "boats"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "additionalPrinterColumns": [{"name": "Length", "type": "integer", "jsonPath": ".spec.length"}],
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "required": ["length"], "properties": {"length": {"type": "integer"}}}}}}}],
        },
    });
    api.create(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        &definition,
    )
    .await;
    let boats = "/apis/example.org/v1/namespaces/default/boats";
    let boat = |spec: Value| json!({"apiVersion": "example.org/v1", "kind": "Boat", "metadata": {"name": "jolly"}, "spec": spec});
    let (status, refusal) = api
        .ask(Method::POST, boats, "application/json", &boat(json!({})))
        .await;
    assert_eq!(
        (status, &refusal["details"]["causes"][0]["field"]),
        (422, &json!("spec.length"))
    );
    api.create(boats, &boat(json!({"length": 7}))).await;
    let request = Request::get(boats)
        .header("accept", "application/json;as=Table;g=meta.k8s.io;v=v1")
        .body(Vec::new());
    let (_, text) = api.send(request.unwrap()).await;
    let table: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(table["rows"][0]["cells"], json!(["jolly", 7]));

    let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boats.example.org";
    api.ask(Method::DELETE, definition, "application/json", &Value::Null)
        .await;
    assert_eq!(
        api.ask(Method::GET, boats, "application/json", &Value::Null)
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn logs_are_told_by_their_last_lines_and_followed() {
    let clock = ShiftedClock::behind(Duration::from_secs(3600));
    let options = SandboxOptions {
        clock: Clock::Shifted(clock.clone()),
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let api = Api {
        client: sandbox.client("admin"),
        sandbox,
    };
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "main", "image": "nginx:1"}]}});
    api.create("/api/v1/namespaces/default/pods", &pod).await;
    let path = "/api/v1/namespaces/default/pods/web/log";
    let (status, refusal) = api
        .ask(Method::GET, path, "application/json", &Value::Null)
        .await;
    assert_eq!(status, 400, "it has not started: {refusal}");
    api.sandbox.play(&clock, Duration::from_secs(600)).await;

    let (_, all) = api.send(Request::get(path).body(Vec::new()).unwrap()).await;
    let (_, tail) = api
        .send(
            Request::get(format!("{path}?tailLines=2"))
                .body(Vec::new())
                .unwrap(),
        )
        .await;
    let last: Vec<&str> = all.lines().rev().take(2).collect();
    assert_eq!(tail.lines().rev().collect::<Vec<_>>(), last);

    let follow = Request::get(format!("{path}?tailLines=0&follow=true"))
        .body(Vec::new())
        .unwrap();
    let mut lines = api.client.request_stream(follow).await.unwrap();
    let mut line = String::new();
    let (read, ()) = tokio::join!(
        lines.read_line(&mut line),
        api.sandbox.play(&clock, Duration::from_secs(60))
    );
    assert!(read.unwrap() > 0 && !all.contains(line.trim()), "{line}");
    let wrong = format!("{path}?container=other");
    assert_eq!(
        api.ask(Method::GET, &wrong, "application/json", &Value::Null)
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn protobuf_is_refused_with_what_is_understood() {
    let api = Api::new().await;
    let (status, refusal) = api
        .ask(
            Method::POST,
            CONFIG_MAPS,
            "application/vnd.kubernetes.protobuf",
            &json!("k8s"),
        )
        .await;
    assert_eq!(
        (status, &refusal["reason"]),
        (415, &json!("UnsupportedMediaType"))
    );
    assert!(
        refusal["message"]
            .as_str()
            .unwrap()
            .contains("application/json, application/yaml")
    );
}

#[tokio::test]
async fn what_is_no_object_is_refused() {
    let api = Api::new().await;
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let applied = format!("{CONFIG_MAPS}/settings?fieldManager=t");
    let (plain, apply) = ("application/json", "application/apply-patch+yaml");
    for body in [json!("text"), json!([]), json!(7)] {
        for (method, path, content_type) in [
            (Method::POST, CONFIG_MAPS, plain),
            (Method::POST, reviews, plain),
            (Method::PATCH, &applied, apply),
        ] {
            let (status, refusal) = api.ask(method, path, content_type, &body).await;
            assert_eq!(
                (status, &refusal["reason"]),
                (400, &json!("BadRequest")),
                "{path} {body}"
            );
        }
    }
    api.create(CONFIG_MAPS, &config_map("settings")).await;
}

#[tokio::test]
async fn a_part_of_an_object_is_never_created_nor_deleted_nor_is_a_log_written() {
    let api = Api::new().await;
    api.create(DEPLOYMENTS, &deployment("web")).await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "main", "image": "nginx:1"}]}});
    let pods = "/api/v1/namespaces/default/pods";
    api.create(pods, &pod).await;
    let (plain, merge) = ("application/json", "application/merge-patch+json");
    for (method, path, content_type) in [
        (Method::DELETE, format!("{DEPLOYMENTS}/web/status"), plain),
        (Method::DELETE, format!("{DEPLOYMENTS}/web/scale"), plain),
        (Method::PUT, format!("{pods}/p/log"), plain),
        (Method::PATCH, format!("{pods}/p/log"), merge),
        (Method::DELETE, format!("{pods}/p/log"), plain),
    ] {
        let (status, refusal) = api.ask(method, &path, content_type, &json!({})).await;
        assert_eq!(
            (status, &refusal["reason"]),
            (405, &json!("MethodNotAllowed")),
            "{path}"
        );
    }
    api.get(&format!("{DEPLOYMENTS}/web")).await;
}

#[tokio::test]
async fn objects_of_a_withdrawn_kind_are_deleted_to_their_watchers() {
    let api = Api::new().await;
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}]},
    });
    api.create(definitions, &definition).await;
    let gadgets = "/apis/example.com/v1/namespaces/default/gadgets";
    let gadget =
        json!({"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "one"}});
    api.create(gadgets, &gadget).await;
    let watch = Request::get(format!("{gadgets}?watch=true&timeoutSeconds=5"));
    let watch = watch.body(Vec::new()).unwrap();
    let mut events = api.client.request_stream(watch).await.unwrap().lines();
    let mut types = Vec::new();
    for n in 0..2 {
        let event: Value = match futures::StreamExt::next(&mut events).await {
            Some(line) => serde_json::from_str(&line.unwrap()).unwrap(),
            None => break,
        };
        types.push(event["type"].clone());
        if n == 0 {
            let path = format!("{definitions}/gadgets.example.com");
            api.ask(Method::DELETE, &path, "application/json", &Value::Null)
                .await;
        }
    }
    assert_eq!(types, ["ADDED", "DELETED"]);
}

/// A sandbox whose clock a test moves, with a pod of one image that has been running for ten minutes.
async fn ten_minutes_with(image: &str) -> (Api, ShiftedClock) {
    let clock = ShiftedClock::behind(Duration::from_secs(3600));
    let options = SandboxOptions {
        clock: Clock::Shifted(clock.clone()),
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let api = Api {
        client: sandbox.client("admin"),
        sandbox,
    };
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "main", "image": image}]}});
    api.create("/api/v1/namespaces/default/pods", &pod).await;
    api.sandbox.play(&clock, Duration::from_secs(600)).await;
    (api, clock)
}

#[tokio::test]
async fn logs_begin_where_they_are_asked_to() {
    let (api, _) = ten_minutes_with("nginx:1").await;
    let path = "/api/v1/namespaces/default/pods/web/log";
    let lines = async |query: &str| {
        let request = Request::get(format!("{path}?{query}")).body(Vec::new());
        let (status, text) = api.send(request.unwrap()).await;
        assert_eq!(status, 200, "{query}: {text}");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let all = lines("timestamps=true").await;
    let stamp = |line: &str| line.split_once(' ').unwrap().0.to_owned();
    let middle = stamp(&all[all.len() / 2]);
    let later: Vec<String> = all
        .iter()
        .filter(|line| stamp(line) >= middle)
        .cloned()
        .collect();
    assert_eq!(
        lines(&format!("timestamps=true&sinceTime={middle}")).await,
        later
    );
    assert_eq!(lines("timestamps=true&sinceSeconds=100000").await, all);
    assert_eq!(
        lines("sinceTime=2999-01-01T00:00:00Z").await,
        [] as [&str; 0]
    );
    let wrong = format!("{path}?previous=true");
    let (status, refusal) = api
        .ask(Method::GET, &wrong, "application/json", &Value::Null)
        .await;
    let sentence = "previous terminated container \"main\" in pod \"web\" not found";
    assert_eq!((status, &refusal["message"]), (400, &json!(sentence)));
}

#[tokio::test]
async fn a_followed_log_has_every_line_and_ends_with_its_container() {
    let (api, _) = ten_minutes_with("nginx:1").await;
    let follow = "/api/v1/namespaces/default/pods/web/log?tailLines=0&follow=true";
    let follow = Request::get(follow).body(Vec::new()).unwrap();
    let mut lines = api.client.request_stream(follow).await.unwrap().lines();
    // All at one instant, and some before anybody has begun to read.
    let store = api.sandbox.store();
    for n in 0..20 {
        store.append_log(("default", "web", "main"), None, &format!("said {n}"));
    }
    let mut said = Vec::new();
    while said.len() < 20 {
        let line = futures::StreamExt::next(&mut lines).await.unwrap().unwrap();
        said.extend(line.starts_with("said").then_some(line));
    }
    let expected: Vec<String> = (0..20).map(|n| format!("said {n}")).collect();
    assert_eq!(said, expected);
    store.append_log(("default", "web", "main"), None, "said last");
    store
        .update_status("kubelet", "Pod", "default", "web", |pod| {
            pod["status"]["containerStatuses"][0]["state"] = json!({"terminated": {"exitCode": 1}});
        })
        .unwrap();
    let rest = async {
        let mut rest = Vec::new();
        while let Some(line) = futures::StreamExt::next(&mut lines).await {
            rest.push(line.unwrap());
        }
        rest
    };
    let rest = tokio::time::timeout(Duration::from_secs(10), rest).await;
    assert!(rest.unwrap().contains(&"said last".to_owned()));
}

#[tokio::test]
async fn a_log_is_that_of_one_run() {
    let (api, _) = ten_minutes_with("app:crash").await;
    let path = "/api/v1/namespaces/default/pods/web/log";
    let mut runs = Vec::new();
    for query in ["", "previous=true"] {
        let request = Request::get(format!("{path}?{query}")).body(Vec::new());
        let (status, text) = api.send(request.unwrap()).await;
        assert_eq!(status, 200, "{text}");
        assert_eq!(text.matches("starting").count(), 1, "{query}: {text}");
        runs.push(text);
    }
    assert!(runs[1].contains("FATAL"), "{runs:#?}");
}
