//! `ApplySets` of other tools: found with what they contain, taken into definitions.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bowline::cluster::{Cluster as Engine, Identity};
use bowline::definition::object::Object;
use bowline::definition::policy::Policy;
use bowline::engine::import::{Import, ImportRequest, Origin, import};
use bowline::engine::plan::DeployPlan;
use bowline::engine::remedy::{Remedies, Remedy};
use bowline::engine::sets::{ApplySet, ForeignSets, SetChange, compare_set, find_set, list_sets};
use bowline::failure::{Failure, FailureKind};
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::batch::job;
use crate::cluster::{Cluster, ask};
use crate::engine::stage::{Stage, WEB};
use crate::objects::{claim, config_map, deployment, service};

fn engine(cluster: &Cluster) -> Engine {
    let namespace = cluster.namespace.parse().unwrap();
    Engine::new(cluster.admin.clone(), Identity::default(), namespace)
}

/// The ID of a set whose parent is a ConfigMap, as kubectl computes it.
fn set_id(cluster: &Cluster, name: &str) -> String {
    let hash = Sha256::digest(format!("{name}.{}.ConfigMap.", cluster.namespace));
    format!("applyset-{}-v1", BASE64_URL_SAFE_NO_PAD.encode(hash))
}

fn member(mut object: Value, id: &str) -> Value {
    object["metadata"]["labels"]["applyset.kubernetes.io/part-of"] = json!(id);
    object
}

/// A set as `kubectl apply --applyset` leaves it.
async fn make_set(cluster: &Cluster, name: &str) -> String {
    let id = set_id(cluster, name);
    let mut parent = config_map(name, json!({}));
    parent["metadata"]["labels"] = json!({"applyset.kubernetes.io/id": id});
    parent["metadata"]["annotations"] = json!({
        "applyset.kubernetes.io/tooling": "kubectl/v1.36",
        "applyset.kubernetes.io/contains-group-kinds": "ConfigMap,Deployment.apps,Service",
        "applyset.kubernetes.io/additional-namespaces": "",
    });
    cluster.create(&parent).await.unwrap();
    for object in [
        config_map("settings", json!({"LEVEL": "info"})),
        service("shop", json!([{"name": "http", "port": 80}])),
        deployment("shop", "nginx:missing", 1),
    ] {
        cluster.create(&member(object, &id)).await.unwrap();
    }
    id
}

fn request(cluster: &Cluster, origin: Origin) -> ImportRequest {
    ImportRequest {
        origin,
        namespace: cluster.namespace.parse().unwrap(),
        name: "shop".parse().unwrap(),
        policy: Policy::default(),
        keeps_node_ports: false,
    }
}

async fn taken(cluster: &Cluster, origin: Origin) -> Result<Import, Failure> {
    import(&engine(cluster), &request(cluster, origin)).await
}

fn names(import: &Import) -> Vec<String> {
    import
        .objects
        .iter()
        .map(|object| object.key.to_string())
        .collect()
}

fn left(import: &Import) -> Vec<String> {
    import
        .left
        .iter()
        .map(|(key, why)| format!("{key}: {why}"))
        .collect()
}

pub(crate) async fn sets_of_any_tool_are_listed_with_their_members(cluster: Cluster) {
    let id = make_set(&cluster, "kubectl-set").await;
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let here = cluster.namespace.parse().unwrap();
    let found = list_sets(&engine(&cluster), Some(&here)).await.unwrap();
    let shown: Vec<_> = found
        .sets
        .iter()
        .map(|set| {
            (
                set.parent.to_string(),
                set.tooling.as_str(),
                set.is_ours(),
                set.members.len(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("ConfigMap/bowline-web".to_owned(), "bowline/v1", true, 3),
            (
                "ConfigMap/kubectl-set".to_owned(),
                "kubectl/v1.36",
                false,
                3
            ),
        ]
    );
    let theirs = &found.sets[1];
    assert_eq!(theirs.id, id);
    let members: Vec<_> = theirs
        .members
        .iter()
        .map(|member| {
            (
                member.key.to_string(),
                member.standing.as_ref().is_some_and(|it| !it.is_ready),
            )
        })
        .collect();
    assert_eq!(
        members,
        [
            ("ConfigMap/settings".to_owned(), false),
            ("Service/shop".to_owned(), false),
            ("Deployment/shop".to_owned(), true),
        ]
    );
    let everywhere = list_sets(&engine(&cluster), None).await.unwrap();
    assert!(everywhere.sets.iter().any(|set| set.id == id));
    let missing = find_set(&engine(&cluster), &here, &"nothing".parse().unwrap()).await;
    assert_eq!(missing.unwrap_err().kind, FailureKind::NotFound);
}

pub(crate) async fn a_set_of_another_tool_becomes_manifests(cluster: Cluster) {
    make_set(&cluster, "kubectl-set").await;
    let origin = Origin::Set("configmap/kubectl-set".parse().unwrap());
    let import = taken(&cluster, origin).await.unwrap();
    assert_eq!(
        names(&import),
        ["ConfigMap/settings", "Service/shop", "Deployment/shop"]
    );
    assert_eq!(left(&import), [""; 0]);
    let service = &import.objects[1].json;
    assert_eq!(service["metadata"], json!({"name": "shop"}));
    assert_eq!(service["spec"]["clusterIP"], Value::Null);
    let deployment = &import.objects[2].json;
    assert_eq!(deployment["status"], Value::Null);
    let pod = &deployment["spec"]["template"]["spec"];
    let fields: Vec<_> = pod.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["containers"], "{pod}");
}

pub(crate) async fn what_others_make_and_secrets_are_left_with_a_reason(cluster: Cluster) {
    let labelled = |mut object: Value| {
        object["metadata"]["labels"]["team"] = json!("a");
        object
    };
    let mut set = crate::objects::stateful_set_with_claim("db", 1, "1Gi");
    set["metadata"]["labels"]["team"] = json!("a");
    set["spec"]["template"]["metadata"]["labels"]["team"] = json!("a");
    set["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"] = json!({"team": "a"});
    let template = set["spec"]["volumeClaimTemplates"][0]["metadata"]["name"].clone();
    cluster.create(&set).await.unwrap();
    let claim_name = format!("{}-db-0", template.as_str().unwrap());
    cluster
        .until("PersistentVolumeClaim", &claim_name, |it| {
            it["status"]["phase"] == "Bound"
        })
        .await;
    cluster
        .until("Pod", "db-0", |it| it["status"]["phase"] == "Running")
        .await;
    cluster
        .create(&labelled(claim("own", "1Gi")))
        .await
        .unwrap();
    let root = "kube-root-ca.crt";
    cluster.until("ConfigMap", root, |_| true).await;
    let label = json!({"metadata": {"labels": {"team": "a"}}});
    cluster.merge("ConfigMap", root, &label).await.unwrap();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"k": "hunter2"}});
    cluster.create(&labelled(secret)).await.unwrap();
    cluster
        .create(&config_map("other", json!({})))
        .await
        .unwrap();
    let import = taken(&cluster, Origin::Labels("team=a".parse().unwrap()))
        .await
        .unwrap();
    assert_eq!(
        names(&import),
        ["PersistentVolumeClaim/own", "StatefulSet/db"]
    );
    assert_eq!(import.objects[0].json["spec"]["volumeName"], Value::Null);
    let secrets: Vec<_> = import.secrets.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(secrets, ["token"]);
    assert_eq!(
        left(&import),
        [
            format!("ConfigMap/{root}: the cluster makes it in every namespace"),
            format!("PersistentVolumeClaim/{claim_name}: a StatefulSet makes it"),
            "Pod/db-0: StatefulSet/db makes it".to_owned(),
        ]
    );
    assert!(!import.text("x").contains("hunter2"));
    let none = taken(&cluster, Origin::Labels("team=nobody".parse().unwrap())).await;
    assert_eq!(none.unwrap_err().kind, FailureKind::NotFound);
}

pub(crate) async fn a_job_is_taken_without_what_its_server_gave_it(cluster: Cluster) {
    let made = job("load", "load:slow", json!({"parallelism": 2}));
    cluster.create(&made).await.unwrap();
    let import = taken(&cluster, Origin::Labels("app=x".parse().unwrap()));
    let text = import.await.unwrap().text("x");
    let stage = Stage::new(&cluster);
    let plan = stage.plan_adopt("shop", &text).await;
    assert!(stage.run_adopt(&plan).await.is_complete());
    let plan = stage.plan("shop", &text).await;
    let ways: Vec<Remedy> = plan.offers.iter().map(|offer| offer.remedy).collect();
    assert_eq!(ways, [Remedy::Recreate], "{plan:?}");
    let recreate = stage.agreeing(Remedies::default().with(Remedy::Recreate));
    let outcome = recreate.deploy("shop", &text).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    // Another one gets marks of its own.
    let other = text.replace("name: load", "name: other");
    let outcome = stage.deploy("other", &other).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    for name in ["load", "other"] {
        let live = cluster.get("Job", name).await.unwrap();
        let labels = &live["spec"]["template"]["metadata"]["labels"];
        let own = &live["metadata"]["uid"];
        assert_eq!(&labels["batch.kubernetes.io/controller-uid"], own, "{live}");
        assert_eq!(labels["app"], "x");
    }
}

pub(crate) async fn a_kind_of_a_set_that_is_gone_is_said_and_the_rest_taken(cluster: Cluster) {
    make_set(&cluster, "kubectl-set").await;
    let kinds = "ConfigMap,Deployment.apps,Service,Gizmo.gone.example.com";
    let patch = json!({"metadata": {"annotations": {"applyset.kubernetes.io/contains-group-kinds": kinds}}});
    let patched = cluster.merge("ConfigMap", "kubectl-set", &patch).await;
    patched.unwrap();
    let origin = Origin::Set("configmap/kubectl-set".parse().unwrap());
    let import = taken(&cluster, origin).await.unwrap();
    assert_eq!(
        names(&import),
        ["ConfigMap/settings", "Service/shop", "Deployment/shop"]
    );
    assert_eq!(
        import.warnings[0],
        "not all that the set names is there: the server has no kind Gizmo in gone.example.com"
    );
}

/// A kind that says it may be a parent, of this case alone.
async fn define_parent_kind(cluster: &Cluster, kind: &str, scope: &str) -> String {
    let group = format!("{}.sets.example.com", cluster.namespace);
    let plural = format!("{}s", kind.to_lowercase());
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{plural}.{group}"),
            "labels": {"applyset.kubernetes.io/is-parent-type": "true"},
        },
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List")},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    });
    cluster.define(&definition).await;
    group
}

/// A set whose parent is of a custom kind, with two members; returns its ID.
async fn make_custom_set(cluster: &Cluster, group: &str) -> String {
    let namespace = &cluster.namespace;
    let hash = Sha256::digest(format!("shop.{namespace}.Bundle.{group}"));
    let id = format!("applyset-{}-v1", BASE64_URL_SAFE_NO_PAD.encode(hash));
    let parent = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Bundle",
        "metadata": {
            "name": "shop", "labels": {"applyset.kubernetes.io/id": id},
            "annotations": {"applyset.kubernetes.io/tooling": "bundler/v2",
                "applyset.kubernetes.io/contains-group-kinds": "ConfigMap,Service"},
        },
    });
    let path = format!("/apis/{group}/v1/namespaces/{namespace}/bundles");
    ask(&cluster.admin, Method::POST, &path, Some(&parent))
        .await
        .unwrap();
    for object in [
        config_map("settings", json!({"LEVEL": "info"})),
        service("shop", json!([{"name": "http", "port": 80}])),
    ] {
        cluster.create(&member(object, &id)).await.unwrap();
    }
    id
}

pub(crate) async fn a_parent_may_be_of_a_custom_kind(cluster: Cluster) {
    let group = define_parent_kind(&cluster, "Bundle", "Namespaced").await;
    let id = make_custom_set(&cluster, &group).await;
    let here = cluster.namespace.parse().unwrap();
    let found = list_sets(&engine(&cluster), Some(&here)).await.unwrap();
    let shown: Vec<_> = (found.sets.iter())
        .map(|set| {
            (
                set.parent.to_string(),
                set.tooling.as_str(),
                set.members.len(),
            )
        })
        .collect();
    assert_eq!(shown, [("Bundle/shop".to_owned(), "bundler/v2", 2)]);
    assert_eq!(found.sets[0].id, id);
    for name in [
        "shop".to_owned(),
        "bundle/shop".to_owned(),
        format!("bundles.{group}/shop"),
    ] {
        let name = name.parse().unwrap();
        let (set, _) = find_set(&engine(&cluster), &here, &name).await.unwrap();
        assert_eq!(set.id, id, "{name}");
    }
    // What its tool would do: change one member, and prune the other.
    let (set, _) = find_set(&engine(&cluster), &here, &"bundle/shop".parse().unwrap())
        .await
        .unwrap();
    let objects =
        vec![Object::from_json(config_map("settings", json!({"LEVEL": "debug"}))).unwrap()];
    let differences = compare_set(&engine(&cluster), &set, objects).await.unwrap();
    let told: Vec<_> = (differences.iter())
        .map(|it| (it.key.to_string(), it.change))
        .collect();
    let expected = [
        ("ConfigMap/settings".to_owned(), SetChange::Update),
        ("Service/shop".to_owned(), SetChange::Prune),
    ];
    assert_eq!(told, expected);
    let key = Stage::new(&cluster).key("shop");
    let engine = engine(&cluster);
    let refusal = ForeignSets::of(&engine).refusal(&key).await;
    let told = refusal.unwrap().summary;
    assert!(
        told.starts_with(
            "the ApplySet Bundle/shop is of bundler/v2: `bowline import shop --set bundle/shop"
        ),
        "{told}"
    );
}

/// A server that applies as `kubectl` writes the copy that `kubectl apply` keeps anew.
pub(crate) async fn what_kubectl_keeps_for_itself_is_no_difference(cluster: Cluster) {
    let id = make_set(&cluster, "kubectl-set").await;
    let last = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"LEVEL": "info"},
        "metadata": {"annotations": {}, "labels": {}, "name": "settings"}});
    let kept = json!({"metadata": {"annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": last.to_string(),
    }}});
    cluster
        .merge_as("kubectl-client-side-apply", "ConfigMap", "settings", &kept)
        .await
        .unwrap();
    let here = cluster.namespace.parse().unwrap();
    let name = "configmap/kubectl-set".parse().unwrap();
    let (set, _) = find_set(&engine(&cluster), &here, &name).await.unwrap();
    assert_eq!(set.id, id);
    let objects = [
        config_map("settings", json!({"LEVEL": "info"})),
        service("shop", json!([{"name": "http", "port": 80}])),
        deployment("shop", "nginx:missing", 1),
    ];
    let objects = objects.map(|it| Object::from_json(it).unwrap()).into();
    let differences = compare_set(&engine(&cluster), &set, objects).await;
    assert_eq!(differences.unwrap(), []);
}

pub(crate) async fn a_parent_of_the_cluster_is_listed_where_its_members_are(cluster: Cluster) {
    let group = define_parent_kind(&cluster, "Fleet", "Cluster").await;
    let namespace = &cluster.namespace;
    let hash = Sha256::digest(format!("all..Fleet.{group}"));
    let id = format!("applyset-{}-v1", BASE64_URL_SAFE_NO_PAD.encode(hash));
    let parent = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Fleet",
        "metadata": {
            "name": "all", "labels": {"applyset.kubernetes.io/id": id},
            "annotations": {"applyset.kubernetes.io/tooling": "fleeter/v1",
                "applyset.kubernetes.io/contains-group-kinds": "ConfigMap,PriorityClass.scheduling.k8s.io",
                "applyset.kubernetes.io/additional-namespaces": namespace},
        },
    });
    let path = format!("/apis/{group}/v1/fleets");
    ask(&cluster.admin, Method::POST, &path, Some(&parent))
        .await
        .unwrap();
    let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": {"name": format!("of-{namespace}"), "labels": {}}, "value": 3});
    for object in [config_map("settings", json!({})), class] {
        cluster.create(&member(object, &id)).await.unwrap();
    }
    let members = |sets: &[ApplySet]| -> Vec<String> {
        let set = sets.iter().find(|set| set.id == id);
        let members = set.into_iter().flat_map(|set| &set.members);
        members.map(|member| member.key.to_string()).collect()
    };
    let expected = [
        "ConfigMap/settings".to_owned(),
        format!("PriorityClass/of-{namespace}"),
    ];
    let here = namespace.parse().unwrap();
    let found = list_sets(&engine(&cluster), Some(&here)).await.unwrap();
    assert_eq!(members(&found.sets), expected);
    let everywhere = list_sets(&engine(&cluster), None).await.unwrap();
    assert_eq!(members(&everywhere.sets), expected);
    let other = "default".parse().unwrap();
    let elsewhere = list_sets(&engine(&cluster), Some(&other)).await.unwrap();
    assert_eq!(members(&elsewhere.sets), [""; 0]);
}

pub(crate) async fn a_refusal_names_the_parent_of_the_set_that_has_an_object(cluster: Cluster) {
    let id = make_set(&cluster, "kubectl-set").await;
    let stage = Stage::new(&cluster);
    let text =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {LEVEL: debug}\n";
    let refusals = |plan: DeployPlan| -> Vec<String> {
        let refusals = plan.refusals.into_iter();
        refusals.map(|refusal| refusal.summary).collect()
    };
    let namespace = &cluster.namespace;
    let told = |of: &str, place: &str| {
        format!(
            "ConfigMap/settings exists already, and it belongs to the ApplySet {of}; `bowline adopt web -n {place}` takes it over"
        )
    };
    let parent = format!("ConfigMap kubectl-set in namespace {namespace}, kept by kubectl/v1.36");
    let plan = stage.plan("web", text).await;
    assert_eq!(refusals(plan), [told(&parent, namespace)]);
    let adoption = stage.plan_adopt("web", text).await;
    let named = format!("the ApplySet {id} is {parent}");
    assert_eq!(adoption.warnings, [named]);
    // In another namespace, whose objects the set has too.
    let elsewhere = format!("{namespace}-more");
    let place = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere}});
    cluster.create(&place).await.unwrap();
    let mut object = member(config_map("settings", json!({})), &id);
    object["metadata"]["namespace"] = json!(elsewhere);
    let path = format!("/api/v1/namespaces/{elsewhere}/configmaps");
    ask(&cluster.admin, Method::POST, &path, Some(&object))
        .await
        .unwrap();
    let plan = stage.in_namespace(&elsewhere).plan("web", text).await;
    assert_eq!(refusals(plan), [told(&parent, &elsewhere)]);
    // Where the parent is gone, its ID is all that is known.
    cluster
        .delete("ConfigMap", "kubectl-set", json!({}))
        .await
        .unwrap();
    cluster.until_gone("ConfigMap", "kubectl-set").await;
    let plan = stage.plan("web", text).await;
    assert_eq!(refusals(plan), [told(&id, namespace)]);
}
