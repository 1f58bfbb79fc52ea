//! Instances with objects in namespaces beside their own, where the configuration allows it: they are seen as the rest is.

use bowline::definition::policy::Policy;
use bowline::engine::drift::changes;
use bowline::engine::remedy::Remedies;
use bowline::engine::rollback::Surroundings;
use bowline::service::detail::Detail;
use bowline::service::drift::Presence;
use bowline::service::health::State;
use bowline::service::watch::Scope;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ask, send};
use crate::engine::stage::Stage;
use crate::objects::{config_map, deployment};

/// Makes a namespace beside that of the case, and what is allowed there.
async fn beside(cluster: &Cluster) -> (String, Policy) {
    let other = format!("{}-b", cluster.namespace);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}});
    cluster.create(&namespace).await.unwrap();
    let policy = Policy {
        allow_cluster_scoped: false,
        allow_namespaces: vec![other.parse().unwrap()],
    };
    (other, policy)
}

async fn away(cluster: &Cluster, namespace: &str) {
    let path = format!("{}/{namespace}", cluster.path("Namespace"));
    ask(&cluster.admin, Method::DELETE, &path, None)
        .await
        .unwrap();
}

/// A config here, and the workload there.
fn text(other: &str) -> String {
    let mut far = deployment("front", "nginx:1.27", 2);
    far["metadata"]["namespace"] = json!(other);
    format!("{}\n---\n{far}\n", config_map("here", json!({"a": "1"})))
}

async fn detail(stage: &Stage<'_>, id: &str) -> Detail {
    let detail = stage.engine().snapshot_instance(&stage.key(id)).await;
    detail.unwrap().unwrap()
}

fn state(detail: &Detail) -> (State, Option<String>) {
    let health = detail.health(Timestamp::now());
    (health.state, health.reason)
}

async fn patch(cluster: &Cluster, namespace: &str, patch: &Value) {
    let path = cluster.path_in(namespace, "Deployment");
    let path = format!("{path}/front?fieldManager=kubectl-edit");
    let body = patch.to_string();
    let content_type = "application/merge-patch+json";
    let answer = send(&cluster.admin, Method::PATCH, &path, content_type, body).await;
    answer.value().unwrap();
}

pub(crate) async fn what_is_in_another_namespace_tells_how_an_instance_is_doing(cluster: Cluster) {
    let (other, policy) = beside(&cluster).await;
    let stage = Stage::new(&cluster).under(policy);
    assert!(stage.deploy("far", &text(&other)).await.is_complete());
    let waited = stage.wait("far").await;
    assert!(waited.is_complete(), "{waited:?}");
    let seen = detail(&stage, "far").await;
    assert_eq!(state(&seen), (State::Ready, None));
    let names: Vec<(&str, &str)> = seen
        .workloads()
        .iter()
        .map(|it| (it.instance.namespace.as_str(), it.name.as_str()))
        .collect();
    assert_eq!(names, [(other.as_str(), "front")]);
    assert_eq!(seen.pods().len(), 2);
    let rows = seen.objects().iter();
    let members: Vec<String> = rows
        .filter(|row| row.is_member)
        .map(|row| format!("{} {}", row.key, row.key.namespace.as_deref().unwrap()))
        .collect();
    let expected = [
        format!("ConfigMap/here {}", cluster.namespace),
        format!("Deployment/front {other}"),
    ];
    assert_eq!(members, expected);
    assert_eq!(seen.is_changed(), Some(false));

    // An overview reads one namespace, and claims nothing of what it does not read.
    let scope = Scope::Namespace(stage.key("far").namespace);
    let fleet = stage.engine().snapshot(&scope, Timestamp::now()).await;
    let fleet = fleet.unwrap();
    let health = fleet.get(&stage.key("far")).unwrap().health();
    assert_eq!(health.state, State::Unknown, "{health:?}");
    assert!(health.reason.as_ref().unwrap().contains(&other));

    let path = format!("{}/front", cluster.path_in(&other, "Deployment"));
    ask(&cluster.admin, Method::DELETE, &path, None)
        .await
        .unwrap();
    let missing = (
        State::Failing,
        Some("the workload is missing: somebody deleted it".to_owned()),
    );
    loop {
        let seen = detail(&stage, "far").await;
        // A controller may still take the pods away.
        if seen.workloads().is_empty() {
            assert_eq!(state(&seen), missing);
            break;
        }
    }
    away(&cluster, &other).await;
}

pub(crate) async fn what_others_change_in_another_namespace_is_named(cluster: Cluster) {
    let (other, policy) = beside(&cluster).await;
    let stage = Stage::new(&cluster).under(policy);
    assert!(stage.deploy("far", &text(&other)).await.is_complete());
    let surroundings = Surroundings {
        ingress_host: None,
        gpus: std::collections::BTreeMap::new(),
        yields: false,
        remedies: Remedies::default(),
        message: None,
        holder: "tester@here 5".to_owned(),
    };
    let found = async || {
        let far = stage.key("far");
        let found = changes(stage.engine(), &far, &surroundings);
        let found = found.await.unwrap();
        assert_eq!(found.remarks, [""; 0]);
        found.objects
    };
    assert_eq!(found().await, []);
    let edit = json!({"spec": {"minReadySeconds": 2}});
    patch(&cluster, &other, &edit).await;
    let objects = found().await;
    let [front] = objects.as_slice() else {
        panic!("{objects:?}")
    };
    assert_eq!(front.key.namespace.as_deref(), Some(other.as_str()));
    assert_eq!(front.presence, Presence::There);
    assert_eq!(front.fields[0].path.to_string(), ".spec.minReadySeconds");
    assert_eq!(front.fields[0].managers[0].manager, "kubectl-edit");
    assert_eq!(detail(&stage, "far").await.is_changed(), Some(true));

    let path = format!("{}/front", cluster.path_in(&other, "Deployment"));
    let options = json!({"propagationPolicy": "Background"});
    ask(&cluster.admin, Method::DELETE, &path, Some(&options))
        .await
        .unwrap();
    let objects = found().await;
    assert_eq!(objects[0].presence, Presence::Missing, "{objects:?}");
    away(&cluster, &other).await;
}
