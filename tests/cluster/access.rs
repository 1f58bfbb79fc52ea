//! Who may do what, and what a refusal says.

use http::Method;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ask};
use crate::objects::config_map;

pub(crate) async fn a_stranger_is_forbidden_to_look(cluster: Cluster) {
    let path = cluster.path("Pod");
    let refusal = ask(&cluster.nobody, Method::GET, &path, None)
        .await
        .unwrap_err();
    let message = format!(
        "pods is forbidden: User \"nobody\" cannot list resource \"pods\" in API group \"\" in the namespace \"{}\"",
        cluster.namespace
    );
    refusal.check(403, "Forbidden", &message);
    assert_eq!(refusal.about, "pods/");
}

pub(crate) async fn a_viewer_may_not_even_rehearse_a_write(cluster: Cluster) {
    let object = config_map("settings", json!({"a": "1"}));
    let answer = cluster
        .apply_with(&cluster.viewer, "bowline/web", &object, "&dryRun=All")
        .await;
    let words = "User \"viewer\" cannot patch resource \"configmaps\"";
    answer.value().unwrap_err().check(403, "Forbidden", words);
    let path = format!("{}/settings", cluster.path("ConfigMap"));
    let refusal = ask(&cluster.viewer, Method::GET, &path, None)
        .await
        .unwrap_err();
    refusal.check(404, "NotFound", "configmaps \"settings\" not found");
}

pub(crate) async fn a_viewer_may_not_read_what_belongs_to_the_cluster(cluster: Cluster) {
    for (kind, plural) in [
        ("PersistentVolume", "persistentvolumes"),
        ("StorageClass", "storageclasses"),
        ("Node", "nodes"),
        ("Secret", "secrets"),
    ] {
        let path = cluster.path(kind);
        let refusal = ask(&cluster.viewer, Method::GET, &path, None)
            .await
            .unwrap_err();
        refusal.check(
            403,
            "Forbidden",
            &format!("cannot list resource \"{plural}\""),
        );
    }
}

fn question(namespace: &str, verb: &str) -> Value {
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "namespace": namespace, "verb": verb, "group": "apps", "resource": "deployments",
        }},
    })
}

pub(crate) async fn access_reviews_answer_for_the_one_who_asks(cluster: Cluster) {
    let path = cluster.path("SelfSubjectAccessReview");
    let mut allowed = Vec::new();
    for client in [&cluster.admin, &cluster.viewer, &cluster.nobody] {
        for verb in ["list", "patch"] {
            let question = question(&cluster.namespace, verb);
            let review = ask(client, Method::POST, &path, Some(&question))
                .await
                .unwrap();
            allowed.push(review["status"]["allowed"].as_bool().unwrap());
        }
    }
    assert_eq!(allowed, [true, true, true, false, false, false]);
}

pub(crate) async fn rules_reviews_list_what_is_allowed(cluster: Cluster) {
    let question = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": cluster.namespace},
    });
    let path = cluster.path("SelfSubjectRulesReview");
    let mut can_list_pods = Vec::new();
    for client in [&cluster.admin, &cluster.viewer, &cluster.nobody] {
        let review = ask(client, Method::POST, &path, Some(&question))
            .await
            .unwrap();
        assert_eq!(review["status"]["incomplete"], json!(false));
        let rules = review["status"]["resourceRules"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let holds = |rule: &Value, key: &str, wanted: &str| {
            rule[key]
                .as_array()
                .into_iter()
                .flatten()
                .any(|word| word == "*" || word == wanted)
        };
        can_list_pods.push(rules.iter().any(|rule| {
            holds(rule, "verbs", "list")
                && holds(rule, "apiGroups", "")
                && holds(rule, "resources", "pods")
        }));
    }
    assert_eq!(can_list_pods, [true, true, false]);
}
