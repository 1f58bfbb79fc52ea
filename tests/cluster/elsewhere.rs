//! Instances with objects in namespaces beside their own, where the configuration allows it: they are seen as the rest is.

use bowline::definition::policy::Policy;
use bowline::engine::drift::changes;
use bowline::engine::plan::{Fate, VolumeChoice};
use bowline::engine::remedy::Remedies;
use bowline::engine::rollback::{Surroundings, plan_rollback};
use bowline::failure::FailureKind;
use bowline::secret::SecretValues;
use bowline::service::detail::Detail;
use bowline::service::drift::Presence;
use bowline::service::forward::{ForwardEvent, ForwardRequest};
use bowline::service::health::State;
use bowline::service::watch::Scope;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ask, send};
use crate::engine::stage::{self, DB, Stage, claiming_set};
use crate::history::to;
use crate::objects::{claim, config_map, deployment, service, stateful_set_with_claim};

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
        .filter(|row| row.is_member())
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
    let fleet = stage.engine().snapshot(&scope).await;
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

pub(crate) async fn pods_in_another_namespace_are_reached_by_both_names(cluster: Cluster) {
    let (other, policy) = beside(&cluster).await;
    let stage = Stage::new(&cluster).under(policy);
    assert!(stage.deploy("far", &text(&other)).await.is_complete());
    assert!(stage.wait("far").await.is_complete());
    let (engine, key) = (stage.engine(), stage.key("far"));
    let pods = engine.all_pods(&key).await.unwrap();
    assert_eq!(pods.len(), 2, "{pods:?}");
    let (label, container) = engine.exec_place(&key, None, None).await.unwrap();
    let (namespace, name) = label.split_once('/').unwrap();
    assert_eq!(namespace, other);
    let again = engine.exec_place(&key, Some(&label), None).await;
    assert_eq!(again.unwrap(), (label.clone(), container));
    // Its name alone is one of a pod in the instance's own namespace.
    let failure = engine.exec_place(&key, Some(name), None).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert!(failure.summary.contains(&label), "{failure:?}");

    let request = ForwardRequest {
        instance: key.clone(),
        pod: Some(label.clone()),
        ports: vec![":80".parse().unwrap()],
        addresses: Vec::new(),
    };
    let mut forwards = engine.forward(&request).await.unwrap();
    let chosen = loop {
        if let ForwardEvent::Pod(pod) = forwards.next().await.unwrap() {
            break pod;
        }
    };
    assert_eq!(chosen, name);
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

/// A Deployment whose image cannot be pulled and a StatefulSet with a claim, and the same again for another instance of the
/// same ID, whose own namespace it is.
pub(crate) async fn what_another_instance_of_the_same_id_has_there_is_not_its_own(
    cluster: Cluster,
) {
    let (other, policy) = beside(&cluster).await;
    let here = Stage::new(&cluster);
    let there = here.in_namespace(&other);
    let mut text_here = text(&other);
    let mut far_db = stateful_set_with_claim("far-db", 1, "1Gi");
    far_db["metadata"]["namespace"] = json!(other);
    text_here.push_str(&format!("---\n{far_db}\n"));
    let text_there = format!(
        "{}\n---\n{}\n---\n{}\n",
        deployment("near", "nginx:1.27", 1),
        stateful_set_with_claim("db", 1, "1Gi"),
        service("near", json!([{"port": 80}])),
    );
    assert!(there.deploy("far", &text_there).await.is_complete());
    assert!(there.wait("far").await.is_complete());
    let here = here.under(policy);
    assert!(here.deploy("far", &text_here).await.is_complete());
    assert!(here.wait("far").await.is_complete());

    let check = async |stage: &Stage<'_>, pods: &[&str], claims: &[&str]| {
        let seen = detail(stage, "far").await;
        let names = seen.pods().iter().map(|pod| pod.name.clone());
        let of = |name: &str| {
            let workload = pods.iter().find(|it| name.starts_with(&format!("{it}-")));
            workload.map_or(name.to_owned(), |it| (*it).to_owned())
        };
        let mut workloads: Vec<String> = names.map(|name| of(&name)).collect();
        workloads.dedup();
        assert_eq!(workloads, pods);
        let names: Vec<&str> = seen.claims().iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, claims);
        assert_eq!(state(&seen), (State::Ready, None));
    };
    check(&here, &["far-db", "front"], &["data-far-db-0"]).await;
    check(&there, &["db", "near"], &["data-db-0"]).await;
    away(&cluster, &other).await;
}

/// Each of the two has a set with a claim in the namespace of the second, whose names differ by what comes before.
pub(crate) async fn a_teardown_takes_no_claims_of_another_instance_of_the_same_id(
    cluster: Cluster,
) {
    let (other, policy) = beside(&cluster).await;
    let there = Stage::new(&cluster).in_namespace(&other);
    let here = Stage::new(&cluster).under(policy);
    let set = |name: &str| {
        let text =
            claiming_set(1).replace("name: db}", &format!("name: {name}, namespace: {other}}}"));
        text.replace("app: db", &format!("app: {name}"))
    };
    for (stage, name) in [(&there, "db"), (&here, "far-db")] {
        let outcome = stage.deploy("far", &set(name)).await;
        assert!(outcome.is_complete(), "{outcome:?}");
        let outcome = stage.wait("far").await;
        assert!(outcome.is_complete(), "{outcome:?}");
    }
    let claims = [(&here, "data-far-db-0"), (&there, "data-db-0")];
    for (stage, claim) in claims {
        let plan = stage.plan_teardown("far", VolumeChoice::Delete).await;
        let going = plan.rows.iter().filter(|row| row.fate == Fate::Deleted);
        let going = going.filter(|row| row.claim.is_some());
        let names: Vec<&str> = going.map(|row| row.key.name.as_str()).collect();
        assert_eq!(names, [claim], "{:?}", plan.rows);
    }
    let there_is = async |name: &str| {
        let path = cluster.path_in(&other, "PersistentVolumeClaim");
        let path = format!("{path}/{name}");
        let claim = ask(&cluster.admin, Method::GET, &path, None).await;
        claim.is_ok_and(|claim| claim["metadata"]["deletionTimestamp"].is_null())
    };
    let outcome = there.teardown("far", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(!there_is("data-db-0").await && there_is("data-far-db-0").await);
    let outcome = here.teardown("far", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(!there_is("data-far-db-0").await);
    away(&cluster, &other).await;
}

async fn annotate(cluster: &Cluster, namespace: &str, value: Option<&str>) {
    let patch = json!({"metadata": {"annotations": {"bowline.dev/protected": value}}});
    cluster.merge("Namespace", namespace, &patch).await.unwrap();
}

pub(crate) async fn a_protected_namespace_of_a_member_protects_its_teardown(cluster: Cluster) {
    let (other, policy) = beside(&cluster).await;
    let stage = Stage::new(&cluster).under(policy);
    assert!(stage.deploy("far", &text(&other)).await.is_complete());
    let is_protected = async || {
        let plan = stage.plan_teardown("far", VolumeChoice::Keep).await;
        plan.caution.is_protected()
    };
    assert!(!is_protected().await);
    annotate(&cluster, &other, Some("true")).await;
    assert!(is_protected().await);
    away(&cluster, &other).await;
}

pub(crate) async fn a_protected_namespace_of_a_member_protects_its_rollback(cluster: Cluster) {
    let (other, policy) = beside(&cluster).await;
    let stage = Stage::new(&cluster).under(policy);
    let first = text(&other);
    assert!(stage.deploy("far", &first).await.is_complete());
    let is_protected = async || {
        let wish = to(&stage, "far", Some(1));
        let plan = plan_rollback(stage.engine(), &wish, &|_| Ok(SecretValues::default())).await;
        plan.unwrap().caution.is_protected()
    };
    // Only here is something to be changed, whatever is said there.
    let here = first.replacen("\"1\"", "\"2\"", 1);
    assert!(stage.deploy("far", &here).await.is_complete());
    annotate(&cluster, &other, Some("true")).await;
    assert!(!is_protected().await);
    let there = here.replace("nginx:1.27", "nginx:1.28");
    assert!(stage.deploy("far", &there).await.is_complete());
    assert!(is_protected().await);
    annotate(&cluster, &other, None).await;
    assert!(!is_protected().await);
    away(&cluster, &other).await;
}

/// Returns a namespace and a stage that may make it.
fn home(cluster: &Cluster) -> (String, Value, Stage<'_>) {
    let other = format!("{}-b", cluster.namespace);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}});
    let policy = Policy {
        allow_cluster_scoped: true,
        allow_namespaces: vec![other.parse().unwrap()],
    };
    (other, namespace, Stage::new(cluster).under(policy))
}

pub(crate) async fn what_others_have_in_a_namespace_that_goes_is_counted_and_guarded(
    cluster: Cluster,
) {
    let (other, namespace, stage) = home(&cluster);
    let here = config_map("here", json!({}));
    let both = format!("{here}\n---\n{namespace}");
    assert!(stage.deploy("plat", &both).await.is_complete());
    let plan = stage.plan_teardown("plat", VolumeChoice::Keep).await;
    assert_eq!((plan.n_strangers, plan.caution.is_protected()), (0, false));

    let there = Stage::new(&cluster).in_namespace(&other);
    let text = format!("protected: true\n{DB}");
    assert!(there.deploy("vault", &text).await.is_complete());
    assert!(there.wait("vault").await.is_complete());
    let plan = stage.plan_teardown("plat", VolumeChoice::Keep).await;
    assert_eq!((plan.n_strangers, plan.caution.is_protected()), (2, true));
    let told = "2 that are not of this instance are there now, instance vault, claim data-vault-0";
    assert!(
        plan.warnings.iter().any(|it| it.ends_with(told)),
        "{plan:?}"
    );
    // Nobody types an ID in a deploy: it stays.
    let plan = stage.plan("plat", &here.to_string()).await;
    assert_eq!(stage::changes(&plan), ["Unchanged ConfigMap/here"]);
    let told = format!(
        "Namespace/{other} left the definition and stays: it is protected, or a protected instance is in it"
    );
    assert!(plan.warnings.contains(&told), "{plan:?}");
    away(&cluster, &other).await;
}

pub(crate) async fn a_namespace_stays_while_claims_that_are_kept_are_in_it(cluster: Cluster) {
    let (other, namespace, stage) = home(&cluster);
    let here = config_map("here", json!({}));
    let mut far = claim("homedata", "1Gi");
    far["metadata"]["namespace"] = json!(other);
    let all = format!("{here}\n---\n{namespace}\n---\n{far}");
    assert!(stage.deploy("plat", &all).await.is_complete());
    let plan = stage.plan("plat", &here.to_string()).await;
    assert_eq!(
        stage::changes(&plan),
        [
            "Unchanged ConfigMap/here",
            "Keep PersistentVolumeClaim/homedata"
        ]
    );
    let told =
        format!("Namespace/{other} left the definition and stays: claims that are kept are in it");
    assert!(plan.warnings.contains(&told), "{plan:?}");
    let outcome = stage.run("plat", &here.to_string(), &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let path = format!(
        "{}/homedata",
        cluster.path_in(&other, "PersistentVolumeClaim")
    );
    let kept = ask(&cluster.admin, Method::GET, &path, None).await.unwrap();
    assert_eq!(kept["metadata"]["deletionTimestamp"], Value::Null);
    away(&cluster, &other).await;
}

pub(crate) async fn claims_that_are_kept_outlast_every_teardown_that_keeps_them(cluster: Cluster) {
    let (other, namespace, stage) = home(&cluster);
    let mut far = claim("homedata", "1Gi");
    far["metadata"]["namespace"] = json!(other);
    let here = config_map("here", json!({}));
    let all = format!("{here}\n---\n{namespace}\n---\n{far}");
    assert!(stage.deploy("plat", &all).await.is_complete());
    let path = format!(
        "{}/homedata",
        cluster.path_in(&other, "PersistentVolumeClaim")
    );
    let read = || ask(&cluster.admin, Method::GET, &path, None);
    let told = format!(
        "Namespace/{other} is left, as claims that are kept are in it: `--volumes delete` takes them along"
    );
    for _ in 0..2 {
        let plan = stage.plan_teardown("plat", VolumeChoice::Keep).await;
        assert!(!plan.is_barred && plan.n_strangers == 0, "{plan:?}");
        let is_told = |it: &String| it.contains(&told);
        assert!(plan.warnings.iter().any(is_told), "{plan:?}");
        let outcome = stage.run_teardown(&plan).await;
        assert!(outcome.is_complete(), "{outcome:?}");
        let kept = read().await.unwrap();
        assert_eq!(kept["metadata"]["deletionTimestamp"], Value::Null);
    }
    let plan = stage.plan_teardown("plat", VolumeChoice::Delete).await;
    assert!(!plan.leaves_instance(), "{plan:?}");
    assert!(stage.run_teardown(&plan).await.is_complete());
}
