//! `ApplySets` of other tools: found with what they contain, taken into definitions.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bowline::cluster::{Cluster as Engine, Identity};
use bowline::definition::policy::Policy;
use bowline::engine::import::{Import, ImportRequest, Origin, import};
use bowline::engine::sets::{find_set, list_sets};
use bowline::failure::{Failure, FailureKind};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cluster::Cluster;
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
            format!("PersistentVolumeClaim/{claim_name}: a StatefulSet makes it"),
            "Pod/db-0: StatefulSet/db makes it".to_owned(),
        ]
    );
    assert!(!import.text("x").contains("hunter2"));
    let none = taken(&cluster, Origin::Labels("team=nobody".parse().unwrap())).await;
    assert_eq!(none.unwrap_err().kind, FailureKind::NotFound);
}
