//! What the API refuses, and where its refusals mislead.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::cluster::{Cause, Cluster, Refusal, ask, send};
use crate::objects::{
    claim, config_map, deployment, ingress, labelled, service, stateful_set, with_metadata,
};

pub(crate) async fn a_rehearsal_in_a_missing_namespace_finds_no_namespace(cluster: Cluster) {
    let object = config_map("settings", json!({"a": "1"}));
    let path = format!(
        "{}/settings?fieldManager=bowline%2Fweb&dryRun=All",
        cluster.path_in("no-such-namespace", "ConfigMap")
    );
    let content_type = "application/apply-patch+yaml";
    let answer = send(
        &cluster.admin,
        Method::PATCH,
        &path,
        content_type,
        object.to_string(),
    )
    .await;
    answer.value().unwrap_err().check(
        404,
        "NotFound",
        "namespaces \"no-such-namespace\" not found",
    );
}

pub(crate) async fn a_kind_that_is_not_served_is_a_text_not_a_status(cluster: Cluster) {
    let path = format!(
        "/apis/example.org/v1/namespaces/{}/widgets",
        cluster.namespace
    );
    let answer = send(
        &cluster.admin,
        Method::GET,
        &path,
        "application/json",
        String::new(),
    )
    .await;
    let content_type = answer.headers["content-type"].to_str().unwrap().to_owned();
    assert_eq!(
        (
            answer.status.as_u16(),
            content_type.split(';').next().unwrap(),
            answer.text.as_str()
        ),
        (404, "text/plain", "404 page not found\n")
    );
}

/// The storage alone knows it, behind validation and admission.
pub(crate) async fn that_a_name_is_taken_is_known_last(cluster: Cluster) {
    let object = config_map("settings", json!({"a": "1"}));
    cluster.create(&object).await.unwrap();
    let taken = "configmaps \"settings\" already exists";
    let refusal = cluster.create(&object).await.unwrap_err();
    refusal.check(409, "AlreadyExists", taken);
    let invalid = labelled("settings", "team", "no sentence");
    let refusal = cluster.create(&invalid).await.unwrap_err();
    refusal.check(422, "Invalid", "metadata.labels");
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"},
        "spec": {"hard": {"configmaps": "1"}}});
    cluster.create(&quota).await.unwrap();
    // It is in force once it is counted and admission has heard of that, which can be seen by nothing else.
    let refusal = loop {
        match cluster.create(&object).await.unwrap_err() {
            refusal if refusal.code == 409 => tokio::time::sleep(Duration::from_millis(20)).await,
            refusal => break refusal,
        }
    };
    refusal.check(403, "Forbidden", "exceeded quota: team");
}

/// Asserts that applying this is invalid for these fields, and returns the refusal.
async fn check_invalid(cluster: &Cluster, object: Value, fields: &[&str]) -> Refusal {
    let refusal = cluster.apply("bowline/web", &object).await.unwrap_err();
    assert_eq!(
        (refusal.code, refusal.reason.as_str()),
        (422, "Invalid"),
        "{refusal:?}"
    );
    assert_eq!(refusal.fields(), fields, "{refusal:?}");
    refusal
}

pub(crate) async fn a_stateful_sets_frozen_fields_are_refused_under_spec_alone(cluster: Cluster) {
    cluster
        .apply("bowline/web", &stateful_set("db", "db:1", 0))
        .await
        .unwrap();
    let mut changed = stateful_set("db", "db:1", 0);
    changed["spec"]["podManagementPolicy"] = json!("Parallel");
    let refusal = check_invalid(&cluster, changed.clone(), &["spec"]).await;
    assert_eq!(refusal.causes[0].0, "FieldValueForbidden");
    assert!(
        refusal.message.contains(
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        ),
        "{refusal:?}"
    );
    let rehearsed = cluster
        .apply_with(&cluster.admin, "bowline/web", &changed, "&dryRun=All")
        .await;
    assert_eq!(
        rehearsed.value().unwrap_err(),
        refusal,
        "a dry-run says the same"
    );
}

pub(crate) async fn a_selector_can_never_change(cluster: Cluster) {
    cluster
        .apply("bowline/web", &deployment("web", "nginx:1", 0))
        .await
        .unwrap();
    let mut changed = deployment("web", "nginx:1", 0);
    let labels = json!({"app": "web", "tier": "x"});
    changed["spec"]["selector"]["matchLabels"] = labels.clone();
    changed["spec"]["template"]["metadata"]["labels"] = labels;
    let refusal = check_invalid(&cluster, changed, &["spec.selector"]).await;
    assert!(
        refusal.message.contains("field is immutable"),
        "{refusal:?}"
    );
}

pub(crate) async fn a_selector_must_match_its_template(cluster: Cluster) {
    let mut object = deployment("web", "nginx:1", 0);
    object["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    let refusal = check_invalid(&cluster, object, &["spec.template.metadata.labels"]).await;
    assert!(
        refusal
            .message
            .contains("`selector` does not match template `labels`"),
        "{refusal:?}"
    );
}

pub(crate) async fn what_pods_may_not_say_is_refused(cluster: Cluster) {
    let check = async |below: &str, value: Value, field: &str, words: &str| {
        let mut object = deployment("web", "nginx:1", 0);
        let spec = &mut object["spec"]["template"]["spec"];
        spec["initContainers"] = json!([{"name": "first", "image": "nginx:1"}]);
        let (parent, key) = below.rsplit_once('/').unwrap();
        spec.pointer_mut(parent).unwrap()[key] = value;
        let field = format!("spec.template.spec.{field}");
        let refusal = check_invalid(&cluster, object, &[&field]).await;
        assert!(refusal.message.contains(words), "{refusal:?}");
    };
    let words = r#"Unsupported value: "Never": supported values: "Always""#;
    check("/restartPolicy", json!("Never"), "restartPolicy", words).await;
    check(
        "/containers/0/livenessProbe",
        json!({"periodSeconds": 5}),
        "containers[0].livenessProbe",
        "must specify a handler type",
    )
    .await;
    check(
        "/containers/0/livenessProbe",
        json!({"tcpSocket": {"port": 80}, "httpGet": {"port": 80, "path": "/"}}),
        "containers[0].livenessProbe.tcpSocket",
        "may not specify more than 1 handler type",
    )
    .await;
    check(
        "/initContainers/0/readinessProbe",
        json!({"tcpSocket": {"port": 80}}),
        "initContainers[0].readinessProbe",
        "may not be set for init containers without restartPolicy=Always",
    )
    .await;
    for (name, words) in [
        ("sixteen-letters1", "must be no more than 15 "),
        ("Http", "must contain only alpha-numeric characters"),
        ("80", "must contain at least one letter"),
        ("a--b", "must not contain consecutive hyphens"),
        ("http-", "must not begin or end with a hyphen"),
    ] {
        let ports = json!([{"name": name, "containerPort": 80}]);
        let field = "containers[0].ports[0].name";
        check("/containers/0/ports", ports, field, words).await;
    }
    check(
        "/containers/0/env",
        json!([{"name": "A=B", "value": "1"}]),
        "containers[0].env[0].name",
        "printable ASCII characters other than '='",
    )
    .await;
    check(
        "/volumes",
        json!([{"name": "v", "emptyDir": {}, "configMap": {"name": "c"}}]),
        "volumes[0].configMap",
        "may not specify more than 1 volume type",
    )
    .await;
}

pub(crate) async fn how_a_deployment_may_not_roll_is_refused(cluster: Cluster) {
    let rolling = |strategy: Value| {
        let mut object = deployment("web", "nginx:1", 0);
        object["spec"]["strategy"] = strategy;
        object
    };
    for none in [json!(0), json!("0%")] {
        let bounds = json!({"maxSurge": 0, "maxUnavailable": none});
        let object = rolling(json!({"rollingUpdate": bounds}));
        let field = "spec.strategy.rollingUpdate.maxUnavailable";
        let refusal = check_invalid(&cluster, object, &[field]).await;
        let words = "may not be 0 when `maxSurge` is 0";
        assert!(refusal.message.contains(words), "{refusal:?}");
    }
    let field = "spec.strategy.rollingUpdate";
    let recreated = json!({"type": "Recreate"});
    let mut both = recreated.clone();
    both["rollingUpdate"] = json!({"maxSurge": 1});
    let refusal = check_invalid(&cluster, rolling(both), &[field]).await;
    let words = "may not be specified when strategy `type` is 'Recreate'";
    assert!(refusal.message.contains(words), "{refusal:?}");
    // The bounds that the server filled in stay, as they are nobody's.
    cluster
        .apply("bowline/web", &deployment("web", "nginx:1", 0))
        .await
        .unwrap();
    check_invalid(&cluster, rolling(recreated), &[field]).await;
}

pub(crate) async fn bounds_that_exclude_each_other_are_refused(cluster: Cluster) {
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}});
    let refusal = check_invalid(&cluster, budget, &["spec"]).await;
    let words = "minAvailable and maxUnavailable cannot be both set";
    assert!(refusal.message.contains(words), "{refusal:?}");
    let scaler = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"minReplicas": 3, "maxReplicas": 2,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
    let refusal = check_invalid(&cluster, scaler, &["spec.maxReplicas"]).await;
    let words = "must be greater than or equal to `minReplicas`";
    assert!(refusal.message.contains(words), "{refusal:?}");
}

pub(crate) async fn a_cluster_ip_can_never_change(cluster: Cluster) {
    let object = service("web", json!([{"port": 80}]));
    cluster.apply("bowline/web", &object).await.unwrap();
    let mut headless = object;
    headless["spec"]["clusterIP"] = json!("None");
    let refusal = check_invalid(&cluster, headless, &["spec.clusterIPs[0]"]).await;
    assert!(
        refusal.message.contains("may not change once set"),
        "{refusal:?}"
    );
}

pub(crate) async fn a_claim_never_shrinks_nor_grows_without_its_classs_leave(cluster: Cluster) {
    cluster
        .apply("bowline/web", &claim("data", "2Gi"))
        .await
        .unwrap();
    cluster
        .until("PersistentVolumeClaim", "data", |claim| {
            claim["status"]["phase"] == "Bound"
        })
        .await;
    let refusal = check_invalid(
        &cluster,
        claim("data", "1Gi"),
        &["spec.resources.requests.storage"],
    )
    .await;
    assert!(
        refusal
            .message
            .contains("field can not be less than status.capacity"),
        "{refusal:?}"
    );
    let refusal = cluster
        .apply("bowline/web", &claim("data", "3Gi"))
        .await
        .unwrap_err();
    let words = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
    refusal.check(403, "Forbidden", words);
}

pub(crate) async fn a_terminating_namespace_forbids_with_its_own_cause(cluster: Cluster) {
    let held = with_metadata(
        config_map("held", json!({})),
        "finalizers",
        json!(["bowline.dev/hold"]),
    );
    cluster.create(&held).await.unwrap();
    cluster
        .delete("Namespace", &cluster.namespace, json!({}))
        .await
        .unwrap();
    let refusal = cluster
        .apply("bowline/web", &config_map("late", json!({})))
        .await
        .unwrap_err();
    refusal.check(403, "Forbidden", "because it is being terminated");
    let message = format!("namespace {} is being terminated", cluster.namespace);
    let cause = Cause(
        "NamespaceTerminating".into(),
        "metadata.namespace".into(),
        message,
    );
    assert_eq!(refusal.causes, [cause]);
    cluster
        .merge(
            "ConfigMap",
            "held",
            &json!({"metadata": {"finalizers": null}}),
        )
        .await
        .unwrap();
    cluster.until_gone("Namespace", &cluster.namespace).await;
}

pub(crate) async fn a_config_map_ends_at_one_mebibyte(cluster: Cluster) {
    const LIMIT: usize = 1_048_576;
    // The keys do not count, and the bytes of binaryData count decoded.
    let text = "x".repeat(LIMIT / 2);
    let binary = |n_bytes: usize| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(vec![0; n_bytes])
    };
    let object = |n_bytes: usize| {
        let mut object = config_map("large", json!({"text": text}));
        object["binaryData"] = json!({"archive": binary(n_bytes)});
        object
    };
    let refusal = cluster.create(&object(LIMIT / 2 + 1)).await.unwrap_err();
    refusal.check(422, "Invalid", "may not be more than 1048576 bytes");
    cluster
        .create(&object(LIMIT / 2))
        .await
        .expect("exactly the limit is allowed");
}

pub(crate) async fn a_body_ends_at_three_mebibytes(cluster: Cluster) {
    let object = config_map("large", json!({"text": "x".repeat(3 * 1024 * 1024)}));
    let refusal = cluster.apply("bowline/web", &object).await.unwrap_err();
    refusal.check(413, "RequestEntityTooLarge", "limit is 3145728");
}

pub(crate) async fn annotations_end_at_256_kibibytes(cluster: Cluster) {
    let object = |n_bytes: usize| {
        with_metadata(
            config_map("noted", json!({})),
            "annotations",
            json!({"n": "x".repeat(n_bytes)}),
        )
    };
    let refusal = check_invalid(&cluster, object(262_144), &["metadata.annotations"]).await;
    assert!(
        refusal
            .message
            .contains("may not be more than 262144 bytes"),
        "{refusal:?}"
    );
    cluster
        .apply("bowline/web", &object(262_143))
        .await
        .expect("the key is one byte of the limit");
}

pub(crate) async fn a_label_value_is_no_sentence(cluster: Cluster) {
    check_invalid(
        &cluster,
        labelled("named", "name", "My NGINX Service"),
        &["metadata.labels"],
    )
    .await;
    check_invalid(
        &cluster,
        labelled("named", "at", "2026-01-01T00:00:00Z"),
        &["metadata.labels"],
    )
    .await;
}

pub(crate) async fn several_ports_need_names(cluster: Cluster) {
    let object = service("web", json!([{"port": 80}, {"port": 81}]));
    check_invalid(
        &cluster,
        object,
        &["spec.ports[0].name", "spec.ports[1].name"],
    )
    .await;
}

pub(crate) async fn a_cluster_ip_service_needs_a_port(cluster: Cluster) {
    let mut object = service("web", json!([]));
    check_invalid(&cluster, object.clone(), &["spec.ports"]).await;
    object["spec"]["clusterIP"] = json!("None");
    cluster
        .apply("bowline/web", &object)
        .await
        .expect("a headless one needs none");
}

pub(crate) async fn an_ingress_host_is_a_plain_lowercase_name(cluster: Cluster) {
    let host = "spec.rules[0].host";
    for wrong in ["Web.example.com", "web.example.com:80", "127.0.0.1"] {
        check_invalid(&cluster, ingress("web", wrong, "/"), &[host]).await;
    }
    let path = "spec.rules[0].http.paths[0].path";
    for wrong in ["/a//b", "/a/../b"] {
        check_invalid(&cluster, ingress("web", "web.example.com", wrong), &[path]).await;
    }
    let mut untyped = ingress("web", "web.example.com", "/");
    let paths = &mut untyped["spec"]["rules"][0]["http"]["paths"][0];
    paths.as_object_mut().unwrap().remove("pathType");
    check_invalid(&cluster, untyped, &["spec.rules[0].http.paths[0].pathType"]).await;
    cluster
        .apply("bowline/web", &ingress("web", "web.example.com", "/web"))
        .await
        .unwrap();
}

pub(crate) async fn an_immutable_config_map_stays_as_it_is(cluster: Cluster) {
    let mut revision = config_map("web.r1", json!({"text": "1"}));
    revision["immutable"] = json!(true);
    cluster.apply("bowline/web", &revision).await.unwrap();
    let change = json!({"data": {"text": "2"}});
    let path = format!("{}/web.r1", cluster.path("ConfigMap"));
    let answer = send(
        &cluster.admin,
        Method::PATCH,
        &path,
        "application/merge-patch+json",
        change.to_string(),
    )
    .await;
    let refusal = answer.value().unwrap_err();
    refusal.check(422, "Invalid", "field is immutable when `immutable` is set");
    assert_eq!(refusal.fields(), ["data"]);
    ask(&cluster.admin, Method::DELETE, &path, None)
        .await
        .expect("it can be deleted");
}

pub(crate) async fn a_version_is_a_number(cluster: Cluster) {
    let list = async |query: &str| {
        let path = format!("{}?{query}", cluster.path("ConfigMap"));
        ask(&cluster.admin, Method::GET, &path, None).await
    };
    let refusal = list("resourceVersion=abc").await.unwrap_err();
    let words = "Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax";
    refusal.check(400, "BadRequest", words);
    list("resourceVersion=&continue=").await.unwrap();
}
