//! Classes that a definition names: what the server makes of a name that is not there, and what a plan says of it.

use bowline::definition::policy::Policy;
use http::Method;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ask};
use crate::engine::stage::{Stage, deployment};

const POD: &str = "{priorityClassName: no-such-priority, runtimeClassName: no-such-runtime, \
                   containers: [{name: web, image: nginx}]}";

const BESIDE: &str = "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  ingressClassName: no-such-ingress
  defaultBackend: {service: {name: web, port: {number: 80}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {storageClassName: no-such-storage, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";

fn web() -> String {
    deployment("web", POD) + BESIDE
}

/// Returns what a plan says of classes, without those that there are: other cases make some meanwhile.
fn told(warnings: &[String]) -> Vec<String> {
    let of_classes = warnings.iter().filter(|it| it.contains("Class"));
    let cut = of_classes.map(|warning| {
        let (before, after) = warning.split_once(" (there ").unwrap();
        format!("{before}{}", after.split_once(')').unwrap().1)
    });
    cut.collect()
}

pub(crate) async fn a_class_that_is_not_there_is_told_in_the_plan(case: Cluster) {
    let stage = Stage::new(&case);
    let plan = stage.plan("web", &web()).await;
    assert_eq!(plan.refusals, []);
    let missing = |of: &str, class: &str, then: &str| {
        format!("{of} names {class}, which the cluster does not have: {then}")
    };
    let expected = [
        missing(
            "Deployment/web",
            "PriorityClass no-such-priority",
            "the server refuses its pods",
        ),
        missing(
            "Deployment/web",
            "RuntimeClass no-such-runtime",
            "the server refuses its pods",
        ),
        missing(
            "Ingress/web",
            "IngressClass no-such-ingress",
            "nothing serves it unless a controller goes by the name alone",
        ),
        missing(
            "PersistentVolumeClaim/data",
            "StorageClass no-such-storage",
            "its claims stay Pending unless free volumes of that class fit",
        ),
    ];
    let mut warned = told(&plan.warnings);
    warned.sort();
    assert_eq!(warned, expected);
    let names = |kind: &str, name: &str| {
        let its = |it: &&String| it.contains(kind);
        plan.warnings.iter().find(its).unwrap().contains(name)
    };
    assert!(names(
        "PriorityClass",
        "system-cluster-critical, system-node-critical"
    ));
    assert!(names("StorageClass", "standard"), "{:?}", plan.warnings);
    // What was said comes true: all is taken, and no pod comes.
    let outcome = stage.run("web", &web(), &plan).await;
    assert!(outcome.failed.is_empty(), "{outcome:?}");
    let refused = case
        .until("Deployment", "web", |live| !failure(live).is_empty())
        .await;
    let why = "is forbidden: no PriorityClass with name no-such-priority was found";
    assert!(failure(&refused).contains(why), "{refused}");
    let is_told = |reason: &str| reason.contains("no-such-priority");
    stage.until_told("web", is_told).await;
    // A claim that is there already is not told of again.
    let again = stage.plan("web", &web()).await;
    assert_eq!(told(&again.warnings), expected[..3]);
}

/// Returns why a Deployment cannot make pods.
fn failure(deployment: &Value) -> String {
    let conditions = deployment["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let failure = conditions.find(|it| it["type"] == "ReplicaFailure");
    let message = failure.and_then(|it| it["message"].as_str());
    message.unwrap_or_default().to_owned()
}

pub(crate) async fn a_class_that_comes_along_or_may_not_be_listed_is_not_missed(case: Cluster) {
    let name = format!("late-{}", case.namespace);
    let text = format!(
        "{}---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {{name: {name}}}\nvalue: 7\n",
        web()
            .replace("no-such-priority", &name)
            .replace("runtimeClassName: no-such-runtime, ", "")
    );
    let stage = Stage::new(&case).under(Policy {
        allow_cluster_scoped: true,
        allow_namespaces: Vec::new(),
    });
    let plan = stage.plan("web", &text).await;
    let warned = told(&plan.warnings);
    assert!(
        !warned.iter().any(|it| it.contains("PriorityClass")),
        "{warned:?}"
    );
    let outcome = stage.run("web", &text, &plan).await;
    assert!(outcome.failed.is_empty(), "{outcome:?}");
    let pods = case
        .until_all("Pod", "labelSelector=app%3Dweb", |pods| !pods.is_empty())
        .await;
    assert_eq!(pods[0]["spec"]["priority"], json!(7));
    let seen = Stage::new(&case).viewer().plan("other", &web()).await;
    assert_eq!(told(&seen.warnings), [""; 0]);
}

pub(crate) async fn a_pod_of_a_class_that_is_not_there_is_refused(case: Cluster) {
    for (field, why) in [
        (
            "priorityClassName",
            "pods \"lone\" is forbidden: no PriorityClass with name nowhere was found",
        ),
        (
            "runtimeClassName",
            "pods \"lone\" is forbidden: pod rejected: RuntimeClass \"nowhere\" not found",
        ),
    ] {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "lone"},
            "spec": {field: "nowhere", "containers": [{"name": "a", "image": "a"}]}});
        let path = case.path("Pod");
        let refusal = ask(&case.admin, Method::POST, &path, Some(&pod)).await;
        refusal.unwrap_err().check(403, "Forbidden", why);
    }
}

pub(crate) async fn a_claim_without_a_class_waits_where_no_class_is_the_default(case: Cluster) {
    let path = "/apis/storage.k8s.io/v1/storageclasses";
    let classes = ask(&case.admin, Method::GET, path, None).await.unwrap();
    for class in classes["items"].as_array().unwrap() {
        let path = format!("{path}/{}", class["metadata"]["name"].as_str().unwrap());
        ask(&case.admin, Method::DELETE, &path, None).await.unwrap();
    }
    let db = "
containers:
  - {name: db, image: 'postgres:16', volumeMounts: [{name: data, mountPath: /data}]}
volumes: [{name: data, size: 1Gi}]
";
    let stage = Stage::new(&case);
    let plan = stage.plan("db", db).await;
    let told = "StatefulSet/db names no StorageClass, and the cluster has no default one (there is none): its claims stay \
                Pending unless free volumes without a class fit";
    assert!(
        plan.warnings.iter().any(|it| it == told),
        "{:?}",
        plan.warnings
    );
    let outcome = stage.run("db", db, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    // What was said comes true, and is said again of what is there.
    let of_claim = "fieldSelector=involvedObject.name%3Ddata-db-0";
    let events = case
        .until_all("Event", of_claim, |events| !events.is_empty())
        .await;
    let message = "no persistent volumes available for this claim and no storage class is set";
    assert_eq!(
        (&events[0]["reason"], &events[0]["message"]),
        (&json!("FailedBinding"), &json!(message))
    );
    let claim = case
        .get("PersistentVolumeClaim", "data-db-0")
        .await
        .unwrap();
    assert_eq!(claim["status"]["phase"], "Pending");
    assert_eq!(claim["spec"]["storageClassName"], Value::Null);
    let why = "it names no class, there is no default one, and no free volume fits";
    stage.until_told("db", |reason| reason.contains(why)).await;

    // A class that is the default from now on gives the claim a volume after all.
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "late", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": classes["items"][0]["provisioner"]});
    ask(&case.admin, Method::POST, path, Some(&class))
        .await
        .unwrap();
    case.until("PersistentVolumeClaim", "data-db-0", |claim| {
        claim["status"]["phase"] == "Bound"
    })
    .await;
    assert!(stage.wait("db").await.is_complete());
    let claim = case
        .get("PersistentVolumeClaim", "data-db-0")
        .await
        .unwrap();
    assert_eq!(claim["spec"]["storageClassName"], "late");
}
