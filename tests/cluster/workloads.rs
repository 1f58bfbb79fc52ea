//! What the controllers and nodes make of workloads, healthy and not.

use serde_json::{Value, json};

use crate::cluster::{Cluster, name_of};
use crate::objects::{deployment, service, stateful_set};

/// Returns the status of a condition, `Null` if the object has none such.
fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind)
        .unwrap_or(&Value::Null)
}

fn waiting_reason(pod: &Value) -> &Value {
    &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
}

/// Waits until the one pod of a workload is as wanted.
async fn until_pod(cluster: &Cluster, app: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let selector = format!("labelSelector=app%3D{app}");
    let pods = cluster
        .until_all("Pod", &selector, |pods| {
            pods.len() == 1 && is_wanted(&pods[0])
        })
        .await;
    pods.into_iter().next().unwrap()
}

pub(crate) async fn a_deployment_becomes_ready(cluster: Cluster) {
    let created = cluster
        .create(&deployment("web", "nginx:1", 2))
        .await
        .unwrap();
    let is_available = |web: &Value| {
        web["status"]["availableReplicas"] == 2
            && condition(web, "Progressing")["reason"] == "NewReplicaSetAvailable"
    };
    let ready = cluster.until("Deployment", "web", is_available).await;
    for count in [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
    ] {
        assert_eq!(ready["status"][count], 2, "{count}");
    }
    assert_eq!(
        ready["status"]["observedGeneration"],
        created["metadata"]["generation"]
    );
    assert_eq!(condition(&ready, "Available")["status"], "True");

    let sets = cluster.list("ReplicaSet", "app=web").await;
    assert_eq!(sets.len(), 1);
    assert_eq!(
        sets[0]["metadata"]["ownerReferences"][0]["uid"],
        created["metadata"]["uid"]
    );
    for pod in cluster.list("Pod", "app=web").await {
        assert_eq!(
            pod["metadata"]["ownerReferences"][0]["uid"],
            sets[0]["metadata"]["uid"]
        );
        assert!(name_of(&pod).starts_with(&format!("{}-", name_of(&sets[0]))));
        assert_eq!(
            (&pod["status"]["phase"], &condition(&pod, "Ready")["status"]),
            (&json!("Running"), &json!("True"))
        );
        let container = &pod["status"]["containerStatuses"][0];
        assert_eq!(
            (&container["ready"], &container["started"]),
            (&json!(true), &json!(true))
        );
    }
}

pub(crate) async fn a_stateful_set_starts_its_pods_in_order(cluster: Cluster) {
    cluster
        .create(&stateful_set("db", "db:1", 3))
        .await
        .unwrap();
    let is_ready =
        |db: &Value| db["status"]["readyReplicas"] == 3 && db["status"]["currentReplicas"] == 3;
    let ready = cluster.until("StatefulSet", "db", is_ready).await;
    assert_eq!(
        ready["status"]["currentRevision"],
        ready["status"]["updateRevision"]
    );
    let pods = cluster.list("Pod", "app=db").await;
    let names: Vec<&str> = pods.iter().map(name_of).collect();
    assert_eq!(names, ["db-0", "db-1", "db-2"]);
    let became_ready: Vec<&str> = pods
        .iter()
        .map(|pod| {
            condition(pod, "Ready")["lastTransitionTime"]
                .as_str()
                .unwrap()
        })
        .collect();
    assert!(became_ready.is_sorted(), "{became_ready:?}");
    for pod in &pods {
        assert_eq!(
            pod["metadata"]["labels"]["controller-revision-hash"],
            ready["status"]["updateRevision"]
        );
    }
}

pub(crate) async fn a_missing_image_backs_off(cluster: Cluster) {
    cluster
        .create(&deployment("web", "nginx:missing", 1))
        .await
        .unwrap();
    let pod = until_pod(&cluster, "web", |pod| {
        waiting_reason(pod) == "ImagePullBackOff"
    })
    .await;
    assert_eq!(
        (&pod["status"]["phase"], &condition(&pod, "Ready")["status"]),
        (&json!("Pending"), &json!("False"))
    );
    let message = pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"]
        .as_str()
        .unwrap();
    assert!(message.contains("nginx:missing"), "{message}");
    let web = cluster
        .until("Deployment", "web", |web| {
            web["status"]["unavailableReplicas"] == 1
        })
        .await;
    assert_eq!(
        condition(&web, "Available")["reason"],
        "MinimumReplicasUnavailable"
    );
    let uid = pod["metadata"]["uid"].as_str().unwrap();
    let about = format!("fieldSelector=type%3DWarning,involvedObject.uid%3D{uid}");
    cluster
        .until_all("Event", &about, |events| {
            events.iter().any(|event| event["reason"] == "Failed")
        })
        .await;
}

pub(crate) async fn a_crashing_container_is_restarted(cluster: Cluster) {
    cluster
        .create(&deployment("web", "nginx:crash", 1))
        .await
        .unwrap();
    let is_crashing = |pod: &Value| {
        waiting_reason(pod) == "CrashLoopBackOff"
            && pod["status"]["containerStatuses"][0]["restartCount"] != 0
    };
    let pod = until_pod(&cluster, "web", is_crashing).await;
    assert_eq!(pod["status"]["phase"], "Running");
    let container = &pod["status"]["containerStatuses"][0];
    assert_eq!(
        (
            &container["ready"],
            &container["lastState"]["terminated"]["exitCode"]
        ),
        (&json!(false), &json!(1))
    );
}

pub(crate) async fn a_slow_container_becomes_ready_later(cluster: Cluster) {
    let mut object = deployment("web", "nginx:slow", 1);
    object["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] =
        json!({"httpGet": {"path": "/", "port": 80}});
    cluster.create(&object).await.unwrap();
    let is_starting = |pod: &Value| {
        pod["status"]["phase"] == "Running" && condition(pod, "Ready")["status"] == "False"
    };
    until_pod(&cluster, "web", is_starting).await;
    until_pod(&cluster, "web", |pod| {
        condition(pod, "Ready")["status"] == "True"
    })
    .await;
    cluster
        .until("Deployment", "web", |web| {
            web["status"]["readyReplicas"] == 1
        })
        .await;
}

pub(crate) async fn a_pod_that_fits_nowhere_is_unschedulable(cluster: Cluster) {
    let mut object = deployment("web", "nginx:1", 1);
    object["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "1000000"}});
    cluster.create(&object).await.unwrap();
    let pod = until_pod(&cluster, "web", |pod| {
        condition(pod, "PodScheduled")["status"] == "False"
    })
    .await;
    let scheduled = condition(&pod, "PodScheduled");
    assert_eq!(
        (&pod["status"]["phase"], &scheduled["reason"]),
        (&json!("Pending"), &json!("Unschedulable"))
    );
    assert!(
        scheduled["message"]
            .as_str()
            .unwrap()
            .contains("Insufficient cpu"),
        "{scheduled}"
    );
}

pub(crate) async fn a_rollout_without_progress_says_so(cluster: Cluster) {
    let mut object = deployment("web", "nginx:missing", 1);
    object["spec"]["progressDeadlineSeconds"] = json!(1);
    cluster.create(&object).await.unwrap();
    let is_late =
        |web: &Value| condition(web, "Progressing")["reason"] == "ProgressDeadlineExceeded";
    let web = cluster.until("Deployment", "web", is_late).await;
    assert_eq!(condition(&web, "Progressing")["status"], "False");
}

pub(crate) async fn a_new_image_replaces_the_pods(cluster: Cluster) {
    cluster
        .apply("bowline/web", &deployment("web", "nginx:1", 2))
        .await
        .unwrap();
    cluster
        .until("Deployment", "web", |web| {
            web["status"]["readyReplicas"] == 2
        })
        .await;
    let applied = cluster
        .apply("bowline/web", &deployment("web", "nginx:2", 2))
        .await
        .unwrap();
    let generation = applied["metadata"]["generation"].clone();
    assert_eq!(generation, 2);
    let is_done = |web: &Value| {
        let status = &web["status"];
        status["observedGeneration"] == generation
            && status["updatedReplicas"] == 2
            && status["availableReplicas"] == 2
            && status["replicas"] == 2
    };
    cluster.until("Deployment", "web", is_done).await;
    let is_new = |pods: &[Value]| {
        pods.len() == 2
            && pods
                .iter()
                .all(|pod| pod["spec"]["containers"][0]["image"] == "nginx:2")
    };
    cluster
        .until_all("Pod", "labelSelector=app%3Dweb", is_new)
        .await;
    assert_eq!(
        cluster.list("ReplicaSet", "app=web").await.len(),
        2,
        "the old one stays for a rollback"
    );
}

pub(crate) async fn a_deployment_scaled_to_nothing_has_no_pods(cluster: Cluster) {
    cluster
        .create(&deployment("web", "nginx:1", 2))
        .await
        .unwrap();
    cluster
        .until("Deployment", "web", |web| {
            web["status"]["readyReplicas"] == 2
        })
        .await;
    cluster
        .merge_as(
            "bowline-scale/web",
            "Deployment",
            "web/scale",
            &json!({"spec": {"replicas": 0}}),
        )
        .await
        .unwrap();
    cluster
        .until_all("Pod", "labelSelector=app%3Dweb", <[Value]>::is_empty)
        .await;
    let is_stopped =
        |web: &Value| web["spec"]["replicas"] == 0 && web["status"].get("replicas").is_none();
    cluster.until("Deployment", "web", is_stopped).await;
}

pub(crate) async fn a_stateful_set_stays_stuck_on_a_broken_revision(cluster: Cluster) {
    cluster
        .apply("bowline/db", &stateful_set("db", "db:1", 2))
        .await
        .unwrap();
    cluster
        .until("StatefulSet", "db", |db| db["status"]["readyReplicas"] == 2)
        .await;
    cluster
        .apply("bowline/db", &stateful_set("db", "db:missing", 2))
        .await
        .unwrap();
    cluster
        .until("Pod", "db-1", |pod| {
            waiting_reason(pod) == "ImagePullBackOff"
        })
        .await;
    let rolling = cluster
        .until("StatefulSet", "db", |db| {
            db["status"]["updatedReplicas"] == 1
        })
        .await;
    assert_eq!(
        rolling["status"]["currentReplicas"], 1,
        "it counts the old revision"
    );

    let back = cluster
        .apply("bowline/db", &stateful_set("db", "db:1", 2))
        .await
        .unwrap();
    let generation = back["metadata"]["generation"].clone();
    cluster
        .until("StatefulSet", "db", |db| {
            db["status"]["observedGeneration"] == generation
        })
        .await;
    let stuck = cluster.get("Pod", "db-1").await.unwrap();
    assert_eq!(waiting_reason(&stuck), "ImagePullBackOff");
    assert_eq!(
        stuck["metadata"].get("deletionTimestamp"),
        None,
        "nobody replaces it"
    );
    cluster.delete("Pod", "db-1", json!({})).await.unwrap();
    cluster
        .until("StatefulSet", "db", |db| db["status"]["readyReplicas"] == 2)
        .await;
}

pub(crate) async fn a_service_finds_the_ready_pods(cluster: Cluster) {
    cluster
        .create(&deployment("web", "nginx:1", 2))
        .await
        .unwrap();
    cluster
        .create(&service(
            "web",
            json!([{"name": "http", "port": 80, "targetPort": 8080}]),
        ))
        .await
        .unwrap();
    let selector = "labelSelector=kubernetes.io%2Fservice-name%3Dweb";
    let is_complete = |slices: &[Value]| {
        let endpoints = slices
            .iter()
            .flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
        endpoints
            .filter(|endpoint| endpoint["conditions"]["ready"] == true)
            .count()
            == 2
    };
    let slices = cluster
        .until_all("EndpointSlice", selector, is_complete)
        .await;
    assert_eq!(
        slices[0]["ports"],
        json!([{"name": "http", "port": 8080, "protocol": "TCP"}])
    );
}
