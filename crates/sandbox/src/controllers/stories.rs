//! Whole stories on the stage: rollouts, faults, volumes, endings.

use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{condition, count, is_deleting, items, label, name, text};
use super::stage::Stage;

fn container(image: &str) -> Value {
    json!({"name": "web", "image": image})
}

fn deployment(name: &str, replicas: i64, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "n", "name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"restartPolicy": "Always", "containers": [container(image)]}}}})
}

fn set_image(workload: &mut Value, image: &str) {
    workload["spec"]["template"]["spec"]["containers"][0]["image"] = json!(image);
}

fn phases(stage: &Stage) -> Vec<String> {
    let told = |pod: Value| {
        let waiting = pod
            .pointer("/status/containerStatuses/0/state/waiting/reason")
            .and_then(Value::as_str);
        waiting.unwrap_or(text(&pod, "/status/phase")).to_owned()
    };
    stage.all(Kind::Pod).into_iter().map(told).collect()
}

fn told<'a>(object: &'a Value, kind: &str) -> (&'a str, &'a str) {
    let found = condition(object, kind).unwrap_or(&Value::Null);
    (text(found, "/status"), text(found, "/reason"))
}

#[test]
fn a_deployment_becomes_running_pods_within_a_second_and_a_half() {
    let mut stage = Stage::new();
    stage.create(deployment("web", 2, "nginx:1.27"));
    stage.settle();
    assert_eq!(phases(&stage), ["ContainerCreating", "ContainerCreating"]);
    stage.advance(1_500);
    assert_eq!(phases(&stage), ["Running", "Running"]);
    let web = stage.get(Kind::Deployment, "web");
    assert_eq!(
        told(&web, "Available"),
        ("True", "MinimumReplicasAvailable")
    );
    assert_eq!(
        told(&web, "Progressing"),
        ("True", "NewReplicaSetAvailable")
    );
    let mut status = web["status"].clone();
    status.as_object_mut().unwrap().remove("conditions");
    assert_eq!(
        status,
        json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
            "terminatingReplicas": 0})
    );
    assert_eq!(
        web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "1"
    );
    let events = stage.events();
    let set = name(&stage.all(Kind::ReplicaSet)[0]).to_owned();
    assert!(
        events.contains(&format!(
            "ScalingReplicaSet web: Scaled up replica set {set} from 0 to 2"
        )),
        "{events:#?}"
    );
    assert!(stage.is_at_rest());
}

#[test]
fn a_rollout_replaces_pods_within_its_limits_and_can_be_undone() {
    let mut stage = Stage::new();
    stage.create(deployment("web", 4, "nginx:1"));
    stage.advance(3_000);
    stage.events();
    stage.edit(Kind::Deployment, "web", |web| set_image(web, "nginx:2"));
    let mut fewest_ready = 4;
    let mut most_pods = 4;
    for _ in 0..100 {
        stage.advance(50);
        let web = stage.get(Kind::Deployment, "web");
        fewest_ready = fewest_ready.min(count(&web, "/status/readyReplicas"));
        let active = stage
            .all(Kind::Pod)
            .into_iter()
            .filter(|pod| !is_deleting(pod))
            .count();
        most_pods = most_pods.max(active);
    }
    assert_eq!((fewest_ready, most_pods), (3, 5));
    assert_eq!(images(&stage), ["nginx:2"; 4]);
    assert_eq!(stage.each(Kind::ReplicaSet, "/spec/replicas").len(), 2);

    stage.edit(Kind::Deployment, "web", |web| set_image(web, "nginx:1"));
    stage.advance(5_000);
    assert_eq!(images(&stage), ["nginx:1"; 4]);
    let web = stage.get(Kind::Deployment, "web");
    assert_eq!(
        web["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "3"
    );
    let of_first = "deployment.kubernetes.io/revision-history";
    let histories: Vec<Value> = stage
        .all(Kind::ReplicaSet)
        .iter()
        .map(|set| set["metadata"]["annotations"][of_first].clone())
        .collect();
    assert!(histories.contains(&json!("1")), "{histories:?}");
    assert_eq!(count(&web, "/status/observedGeneration"), 3);
}

fn images(stage: &Stage) -> Vec<String> {
    let image = |pod: Value| text(&pod, "/spec/containers/0/image").to_owned();
    stage.all(Kind::Pod).into_iter().map(image).collect()
}

#[test]
fn a_rollout_and_its_undoing_are_told_as_a_real_control_plane_tells_them() {
    let mut stage = Stage::new();
    stage.create(deployment("web", 2, "nginx:1"));
    stage.advance(3_000);
    let first = name(&stage.all(Kind::ReplicaSet)[0]).to_owned();
    stage.edit(Kind::Deployment, "web", |web| set_image(web, "nginx:2"));
    stage.advance(3_000);
    stage.edit(Kind::Deployment, "web", |web| set_image(web, "nginx:1"));
    stage.advance(3_000);
    stage.edit(Kind::Deployment, "web", |web| {
        web["spec"]["replicas"] = json!(1)
    });
    stage.advance(3_000);
    let told: Vec<String> = stage
        .events()
        .iter()
        .filter_map(|event| event.strip_prefix("ScalingReplicaSet web: Scaled "))
        .map(|event| {
            let (direction, rest) = event.split_once(" replica set ").unwrap();
            let (set, sizes) = rest.split_once(" from ").unwrap();
            format!(
                "{} {direction} {sizes}",
                if set == first { "first" } else { "second" }
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "first up 0 to 2",
            "second up 0 to 1",
            "first down 2 to 1",
            "second up 1 to 2",
            "first down 1 to 0",
            "first up 0 to 1",
            "second down 2 to 1",
            "first up 1 to 2",
            "second down 1 to 0",
            "first down 2 to 1",
        ]
    );
    let annotations = |set: &Value| {
        [
            "desired-replicas",
            "max-replicas",
            "revision",
            "revision-history",
        ]
        .map(|key| {
            set["metadata"]["annotations"][format!("deployment.kubernetes.io/{key}")].clone()
        })
    };
    let (firsts, seconds): (Vec<Value>, Vec<Value>) = stage
        .all(Kind::ReplicaSet)
        .into_iter()
        .partition(|set| name(set) == first);
    assert_eq!(
        annotations(&firsts[0]),
        [json!("1"), json!("2"), json!("3"), json!("1")]
    );
    assert_eq!(
        annotations(&seconds[0]),
        [json!("2"), json!("3"), json!("2"), Value::Null]
    );
}

#[test]
fn a_rollout_to_a_missing_image_stops_at_its_deadline_and_keeps_the_old_pods() {
    let mut stage = Stage::new();
    stage.create(deployment("web", 2, "nginx:1"));
    stage.advance(3_000);
    stage.edit(Kind::Deployment, "web", |web| {
        set_image(web, "nginx:missing")
    });
    stage.advance(600);
    let mut shown = phases(&stage);
    shown.sort();
    assert_eq!(shown, ["ErrImagePull", "Running", "Running"]);
    stage.advance(2_000);
    shown = phases(&stage);
    shown.sort();
    assert_eq!(shown, ["ImagePullBackOff", "Running", "Running"]);
    assert_eq!(
        told(&stage.get(Kind::Deployment, "web"), "Progressing"),
        ("True", "ReplicaSetUpdated")
    );
    stage.advance(602_000);
    let web = stage.get(Kind::Deployment, "web");
    assert_eq!(
        told(&web, "Progressing"),
        ("False", "ProgressDeadlineExceeded")
    );
    assert_eq!(
        told(&web, "Available"),
        ("True", "MinimumReplicasAvailable")
    );
    let events = stage.events();
    let fault = "docker.io/library/nginx:missing: not found";
    assert!(
        events
            .iter()
            .any(|event| event.starts_with("Failed web-") && event.ends_with(fault)),
        "{events:#?}"
    );
    let pulls = events
        .iter()
        .filter(|event| event.ends_with("Pulling image \"nginx:missing\""))
        .count();
    assert_eq!(pulls, 6, "after 10, 20, 40, 80, 160 and then 300 seconds");
    stage.edit(Kind::Deployment, "web", |web| set_image(web, "nginx:1"));
    stage.advance(3_000);
    assert_eq!(images(&stage), ["nginx:1"; 2]);
    assert_eq!(
        told(&stage.get(Kind::Deployment, "web"), "Progressing"),
        ("True", "NewReplicaSetAvailable")
    );
}

#[test]
fn a_crashing_container_is_restarted_after_growing_pauses() {
    let mut stage = Stage::new();
    stage.create(deployment("web", 1, "nginx:crash"));
    stage.advance(1_300);
    assert_eq!(phases(&stage), ["Running"]);
    stage.advance(500);
    let ended = stage.each(
        Kind::Pod,
        "/status/containerStatuses/0/state/terminated/reason",
    );
    assert_eq!(ended, [json!("Error")]);
    stage.advance(3_000);
    assert_eq!(phases(&stage), ["CrashLoopBackOff"]);
    let pod = &stage.all(Kind::Pod)[0];
    let status = &pod["status"]["containerStatuses"][0];
    assert_eq!(count(status, "/restartCount"), 1);
    assert_eq!(text(status, "/lastState/terminated/reason"), "Error");
    assert_eq!(count(status, "/lastState/terminated/exitCode"), 1);
    let message = format!(
        "back-off 10s restarting failed container=web pod={}_n({})",
        name(pod),
        text(pod, "/metadata/uid")
    );
    assert_eq!(text(status, "/state/waiting/message"), message);
    assert_eq!(text(pod, "/status/phase"), "Running");
    stage.advance(40_000);
    let restarts = stage.each(Kind::Pod, "/status/containerStatuses/0/restartCount");
    assert_eq!(
        restarts,
        [json!(3)],
        "at once, after 10 and after 20 seconds"
    );
    let logs = stage.logs();
    assert_eq!(
        logs.iter().filter(|line| line.contains("FATAL")).count(),
        4,
        "{logs:#?}"
    );
    let web = stage.get(Kind::Deployment, "web");
    assert_eq!(
        told(&web, "Available"),
        ("False", "MinimumReplicasUnavailable")
    );
}

#[test]
fn a_pod_that_fits_nowhere_says_why_and_runs_once_there_is_room() {
    let mut stage = Stage::new();
    let with_gpus = |name: &str, gpus: i64| {
        let mut web = deployment(name, 1, "cuda:12");
        web["spec"]["template"]["spec"]["containers"][0]["resources"] =
            json!({"limits": {"nvidia.com/gpu": gpus}});
        web
    };
    stage.create(with_gpus("first", 2));
    stage.advance(2_000);
    stage.events();
    stage.create(with_gpus("second", 1));
    stage.create(with_gpus("third", 3));
    stage.advance(1_000);
    let message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: \
                   0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful \
                   for scheduling.";
    let pods = stage.all(Kind::Pod);
    let second = pods
        .iter()
        .find(|pod| label(pod, "app") == Some("second"))
        .unwrap();
    assert_eq!(told(second, "PodScheduled"), ("False", "Unschedulable"));
    assert_eq!(
        text(condition(second, "PodScheduled").unwrap(), "/message"),
        message
    );
    let events = stage.events();
    assert!(
        events.contains(&format!("FailedScheduling {}: {message}", name(second))),
        "{events:#?}"
    );
    stage.delete(Kind::Deployment, "first");
    stage.advance(3_000);
    let mut shown = phases(&stage);
    shown.sort();
    assert_eq!(shown, ["Pending", "Running"]);
}

fn stateful_set(replicas: i64, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"namespace": "n", "name": "db"},
        "spec": {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "template": {"metadata": {"labels": {"app": "db"}},
                "spec": {"restartPolicy": "Always", "containers": [container(image)]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}}]}})
}

fn names(stage: &Stage, kind: Kind) -> Vec<String> {
    stage
        .all(kind)
        .iter()
        .filter(|object| text(object, "/metadata/namespace") == "n")
        .map(|object| name(object).to_owned())
        .collect()
}

#[test]
fn a_stateful_set_comes_up_in_order_with_bound_claims_and_keeps_them() {
    let mut stage = Stage::new();
    stage.create(stateful_set(2, "pg:16"));
    stage.advance(600);
    assert_eq!(names(&stage, Kind::Pod), ["db-0"]);
    stage.advance(4_000);
    assert_eq!(phases(&stage), ["Running", "Running"]);
    assert_eq!(
        names(&stage, Kind::PersistentVolumeClaim),
        ["data-db-0", "data-db-1"]
    );
    let claim = stage.get(Kind::PersistentVolumeClaim, "data-db-0");
    let claim_uid = text(&claim, "/metadata/uid").to_owned();
    assert_eq!(
        claim["status"],
        json!({"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}})
    );
    assert_eq!(text(&claim, "/spec/storageClassName"), "standard");
    assert_eq!(
        stage.each(Kind::PersistentVolume, "/status/phase"),
        ["Bound", "Bound"]
    );
    let db = stage.get(Kind::StatefulSet, "db");
    let revision = text(&db, "/status/updateRevision").to_owned();
    assert_eq!(
        db["status"],
        json!({"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "availableReplicas": 2, "currentReplicas": 2,
            "updatedReplicas": 2, "currentRevision": revision, "updateRevision": revision, "collisionCount": 0})
    );
    let events = stage.events();
    for said in [
        "SuccessfulCreate db: Create Claim data-db-0 Pod db-0 in StatefulSet db success",
        "SuccessfulCreate db: Create Pod db-0 in StatefulSet db successful",
    ] {
        assert!(events.contains(&said.to_owned()), "{events:#?}");
    }

    stage.edit(Kind::StatefulSet, "db", |db| {
        db["spec"]["replicas"] = json!(1)
    });
    stage.advance(3_000);
    assert_eq!(names(&stage, Kind::Pod), ["db-0"]);
    assert_eq!(
        names(&stage, Kind::PersistentVolumeClaim),
        ["data-db-0", "data-db-1"]
    );

    stage.delete(Kind::StatefulSet, "db");
    stage.advance(3_000);
    assert_eq!(names(&stage, Kind::Pod), Vec::<String>::new());
    stage.create(stateful_set(1, "pg:16"));
    stage.advance(3_000);
    let again = stage.get(Kind::PersistentVolumeClaim, "data-db-0");
    assert_eq!(
        (text(&again, "/metadata/uid"), phases(&stage)),
        (claim_uid.as_str(), vec!["Running".to_owned()])
    );
}

#[test]
fn owners_of_claims_come_and_go_with_the_retention_policy() {
    let mut stage = Stage::new();
    let mut db = stateful_set(1, "pg:16");
    db["spec"]["persistentVolumeClaimRetentionPolicy"] =
        json!({"whenDeleted": "Delete", "whenScaled": "Retain"});
    stage.create(db);
    stage.advance(3_000);
    let owners = |stage: &Stage| {
        items(
            &stage.get(Kind::PersistentVolumeClaim, "data-db-0"),
            "/metadata/ownerReferences",
        )
        .len()
    };
    assert_eq!(owners(&stage), 1);
    let policy = |when_deleted: &'static str| {
        move |db: &mut Value| {
            db["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] = json!(when_deleted)
        }
    };
    stage.edit(Kind::StatefulSet, "db", policy("Retain"));
    stage.advance(10);
    assert_eq!(owners(&stage), 0);
    stage.edit(Kind::StatefulSet, "db", policy("Delete"));
    stage.advance(10);
    stage.delete(Kind::StatefulSet, "db");
    stage.advance(10);
    let claim = stage.get(Kind::PersistentVolumeClaim, "data-db-0");
    assert!(
        is_deleting(&claim),
        "held by its protection while the pod stops"
    );
    assert_eq!(
        claim["metadata"]["finalizers"],
        json!(["kubernetes.io/pvc-protection"])
    );
    stage.advance(3_000);
    assert_eq!(
        names(&stage, Kind::PersistentVolumeClaim),
        Vec::<String>::new()
    );
    assert_eq!(stage.all(Kind::PersistentVolume), Vec::<Value>::new());
    assert!(stage.is_at_rest());
}

#[test]
fn a_stateful_set_stuck_on_a_broken_revision_stays_stuck_until_its_pod_is_deleted() {
    let mut stage = Stage::new();
    stage.create(stateful_set(2, "pg:16"));
    stage.advance(6_000);
    stage.edit(Kind::StatefulSet, "db", |db| set_image(db, "pg:missing"));
    stage.advance(5_000);
    assert_eq!(
        phases(&stage),
        ["Running", "ImagePullBackOff"],
        "the highest ordinal goes first"
    );
    let db = stage.get(Kind::StatefulSet, "db");
    assert_eq!(
        (
            count(&db, "/status/currentReplicas"),
            count(&db, "/status/updatedReplicas")
        ),
        (1, 1)
    );
    stage.edit(Kind::StatefulSet, "db", |db| set_image(db, "pg:16"));
    stage.advance(20_000);
    assert_eq!(phases(&stage), ["Running", "ImagePullBackOff"]);
    stage.delete(Kind::Pod, "db-1");
    stage.advance(5_000);
    assert_eq!(
        (phases(&stage), images(&stage)),
        (vec!["Running".to_owned(); 2], vec!["pg:16".to_owned(); 2])
    );
    let db = stage.get(Kind::StatefulSet, "db");
    assert_eq!(
        text(&db, "/status/currentRevision"),
        text(&db, "/status/updateRevision")
    );
    let numbers = stage.each(Kind::ControllerRevision, "/revision");
    assert_eq!(
        numbers.len(),
        2,
        "the first template is known again, under a new number"
    );
    assert!(numbers.contains(&json!(3)), "{numbers:?}");
}

fn claim(name: &str, class: Option<&str>, size: &str) -> Value {
    let mut claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"namespace": "n", "name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}});
    if let Some(class) = class {
        claim["spec"]["storageClassName"] = json!(class);
    }
    claim
}

fn pod_with(claim: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n", "name": "user"},
        "spec": {"restartPolicy": "Always", "containers": [container("app:1")],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": claim}}]}})
}

#[test]
fn claims_say_what_they_wait_for() {
    let mut stage = Stage::new();
    stage.create(claim("lost", Some("nowhere"), "1Gi"));
    stage.create(claim("late", Some("fast"), "1Gi"));
    stage.advance(2_000);
    let phase = |stage: &Stage, name| {
        text(
            &stage.get(Kind::PersistentVolumeClaim, name),
            "/status/phase",
        )
        .to_owned()
    };
    assert_eq!(
        (phase(&stage, "lost"), phase(&stage, "late")),
        ("Pending".to_owned(), "Pending".to_owned())
    );
    let mut events = stage.events();
    events.sort();
    assert_eq!(
        events,
        [
            "ProvisioningFailed lost: storageclass.storage.k8s.io \"nowhere\" not found",
            "WaitForFirstConsumer late: waiting for first consumer to be created before binding",
        ]
    );
    assert!(stage.is_at_rest(), "nobody asks again and again");

    stage.create(pod_with("late"));
    stage.advance(3_000);
    assert_eq!(
        (phase(&stage, "late"), phases(&stage)),
        ("Bound".to_owned(), vec!["Running".to_owned()])
    );
    stage.delete(Kind::PersistentVolumeClaim, "late");
    stage.advance(2_000);
    assert!(
        is_deleting(&stage.get(Kind::PersistentVolumeClaim, "late")),
        "a pod uses it"
    );
    stage.delete(Kind::Pod, "user");
    stage.advance(2_000);
    assert_eq!(stage.find(Kind::PersistentVolumeClaim, "late"), None);
}

#[test]
fn a_pod_with_an_unbound_claim_is_not_placed() {
    let mut stage = Stage::new();
    stage.create(claim("lost", Some("nowhere"), "1Gi"));
    stage.create(pod_with("lost"));
    stage.advance(1_000);
    let message = |stage: &Stage| {
        let pod = stage.get(Kind::Pod, "user");
        condition(&pod, "PodScheduled").map(|condition| text(condition, "/message").to_owned())
    };
    let unbound =
        "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
    assert_eq!(message(&stage).as_deref(), Some(unbound));
    stage.delete(Kind::PersistentVolumeClaim, "lost");
    stage.advance(1_000);
    let missing = "0/3 nodes are available: persistentvolumeclaim \"lost\" not found. not found";
    assert_eq!(message(&stage).as_deref(), Some(missing));
}

#[test]
fn a_retained_volume_can_be_bound_again() {
    let mut stage = Stage::new();
    stage.create(claim("data", None, "2Gi"));
    stage.advance(2_000);
    let volume = text(
        &stage.get(Kind::PersistentVolumeClaim, "data"),
        "/spec/volumeName",
    )
    .to_owned();
    let policy =
        |volume: &mut Value| volume["spec"]["persistentVolumeReclaimPolicy"] = json!("Retain");
    stage.edit(Kind::PersistentVolume, &volume, policy);
    stage.delete(Kind::PersistentVolumeClaim, "data");
    stage.advance(2_000);
    assert_eq!(
        text(&stage.get(Kind::PersistentVolume, &volume), "/status/phase"),
        "Released"
    );
    stage.edit(Kind::PersistentVolume, &volume, |volume| {
        let claim_ref = volume["spec"]["claimRef"].as_object_mut().unwrap();
        claim_ref.remove("uid");
        claim_ref.remove("resourceVersion");
    });
    stage.advance(100);
    assert_eq!(
        text(&stage.get(Kind::PersistentVolume, &volume), "/status/phase"),
        "Available"
    );
    stage.create(claim("data", None, "1Gi"));
    stage.advance(100);
    let data = stage.get(Kind::PersistentVolumeClaim, "data");
    assert_eq!(
        (
            text(&data, "/spec/volumeName"),
            text(&data, "/status/phase")
        ),
        (volume.as_str(), "Bound")
    );
    assert_eq!(text(&data, "/status/capacity/storage"), "2Gi");
}

#[test]
fn a_bound_claim_grows_where_its_class_allows_it() {
    let mut stage = Stage::new();
    stage.create(claim("data", Some("fast"), "1Gi"));
    stage.create(pod_with("data"));
    stage.advance(2_000);
    let grow = |claim: &mut Value| claim["spec"]["resources"]["requests"]["storage"] = json!("3Gi");
    stage.edit(Kind::PersistentVolumeClaim, "data", grow);
    stage.advance(100);
    let data = stage.get(Kind::PersistentVolumeClaim, "data");
    assert_eq!(
        (
            text(&data, "/status/capacity/storage"),
            told(&data, "Resizing").0
        ),
        ("1Gi", "True")
    );
    stage.advance(2_000);
    let data = stage.get(Kind::PersistentVolumeClaim, "data");
    assert_eq!(
        (
            text(&data, "/status/capacity/storage"),
            data["status"].get("conditions")
        ),
        ("3Gi", None)
    );
    assert_eq!(
        stage.each(Kind::PersistentVolume, "/spec/capacity/storage"),
        [json!("3Gi")]
    );
}

#[test]
fn scaling_down_keeps_the_pods_that_serve() {
    let mut stage = Stage::new();
    stage.create(deployment("web", 2, "nginx:1"));
    stage.advance(3_000);
    let serving = names(&stage, Kind::Pod);
    stage.edit(Kind::Deployment, "web", |web| {
        web["spec"]["replicas"] = json!(4)
    });
    stage.advance(200);
    assert_eq!(stage.all(Kind::Pod).len(), 4);
    stage.edit(Kind::Deployment, "web", |web| {
        web["spec"]["replicas"] = json!(2)
    });
    stage.advance(3_000);
    assert_eq!(
        names(&stage, Kind::Pod),
        serving,
        "those that were not ready went"
    );
    stage.edit(Kind::Deployment, "web", |web| {
        web["spec"]["replicas"] = json!(0)
    });
    stage.advance(3_000);
    assert_eq!(names(&stage, Kind::Pod), Vec::<String>::new());
    let web = stage.get(Kind::Deployment, "web");
    assert_eq!(
        told(&web, "Available"),
        ("True", "MinimumReplicasAvailable")
    );
    assert!(stage.is_at_rest());
}

#[test]
fn a_deployment_that_recreates_never_has_pods_of_two_templates() {
    let mut stage = Stage::new();
    let mut web = deployment("web", 2, "nginx:1");
    web["spec"]["strategy"] = json!({"type": "Recreate"});
    stage.create(web);
    stage.advance(3_000);
    stage.edit(Kind::Deployment, "web", |web| set_image(web, "nginx:2"));
    for _ in 0..60 {
        stage.advance(50);
        let mut images = images(&stage);
        images.dedup();
        assert!(images.len() < 2, "{images:?}");
    }
    assert_eq!(
        (images(&stage), phases(&stage)),
        (vec!["nginx:2".to_owned(); 2], vec!["Running".to_owned(); 2])
    );
}

#[test]
fn a_container_waits_for_the_config_it_names() {
    let mut stage = Stage::new();
    let mut web = deployment("web", 1, "nginx:1");
    web["spec"]["template"]["spec"]["containers"][0]["env"] = json!([{"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "LEVEL"}}}]);
    stage.create(web);
    stage.advance(2_000);
    assert_eq!(phases(&stage), ["CreateContainerConfigError"]);
    stage.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "n", "name": "conf"},
        "data": {"LEVEL": "info"}}));
    stage.advance(1_000);
    assert_eq!(phases(&stage), ["Running"]);
}

#[test]
fn probes_delay_readiness_and_slow_images_take_their_time() {
    let mut stage = Stage::new();
    let mut web = deployment("web", 1, "nginx:1");
    web["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] =
        json!({"httpGet": {"path": "/", "port": 80}, "initialDelaySeconds": 5});
    stage.create(web);
    stage.create(deployment("lazy", 1, "app:slow"));
    stage.advance(2_000);
    let ready = |stage: &Stage| stage.each(Kind::Pod, "/status/containerStatuses/0/ready");
    assert_eq!(
        (phases(&stage), ready(&stage)),
        (
            vec!["ContainerCreating".to_owned(), "Running".to_owned()],
            vec![json!(false); 2]
        )
    );
    stage.advance(5_000);
    assert_eq!(
        (phases(&stage), ready(&stage)),
        (vec!["Running".to_owned(); 2], vec![json!(true); 2])
    );
}

#[test]
fn init_containers_run_one_after_the_other_before_the_rest() {
    let mut stage = Stage::new();
    let mut web = deployment("web", 1, "nginx:1");
    web["spec"]["template"]["spec"]["initContainers"] =
        json!([{"name": "first", "image": "init:1"}, {"name": "second", "image": "init:1"}]);
    stage.create(web);
    stage.advance(800);
    let pod = stage.all(Kind::Pod).remove(0);
    assert_eq!(
        told(&pod, "Initialized"),
        ("False", "ContainersNotInitialized")
    );
    assert_eq!(
        text(&pod, "/status/containerStatuses/0/state/waiting/reason"),
        "PodInitializing"
    );
    stage.advance(4_000);
    let pod = stage.all(Kind::Pod).remove(0);
    assert_eq!(
        (
            text(&pod, "/status/phase"),
            told(&pod, "Ready").0,
            told(&pod, "Initialized").0
        ),
        ("Running", "True", "True")
    );
    let reasons: Vec<&str> = items(&pod, "/status/initContainerStatuses")
        .iter()
        .map(|status| text(status, "/state/terminated/reason"))
        .collect();
    assert_eq!(reasons, ["Completed", "Completed"]);
}

#[test]
fn a_service_follows_its_pods() {
    let mut stage = Stage::new();
    stage.create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "n", "name": "web"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}));
    let mut web = deployment("web", 1, "nginx:1");
    web["spec"]["template"]["spec"]["containers"][0]["ports"] =
        json!([{"name": "http", "containerPort": 8080}]);
    stage.create(web);
    stage.advance(3_000);
    let endpoints = stage.get(Kind::Endpoints, "web");
    let ip = stage.each(Kind::Pod, "/status/podIP").remove(0);
    assert_eq!(endpoints["subsets"][0]["addresses"][0]["ip"], ip);
    assert_eq!(
        endpoints["subsets"][0]["ports"],
        json!([{"name": "http", "port": 8080, "protocol": "TCP"}])
    );
    let slices = stage.all(Kind::EndpointSlice);
    assert_eq!(
        slices[0]["endpoints"][0]["conditions"],
        json!({"ready": true, "serving": true, "terminating": false})
    );
    assert_eq!(
        text(
            &stage.get(Kind::Service, "web"),
            "/status/loadBalancer/ingress/0/ip"
        ),
        "127.0.0.2"
    );
    stage.edit(Kind::Deployment, "web", |web| {
        web["spec"]["replicas"] = json!(0)
    });
    stage.advance(3_000);
    assert_eq!(
        stage
            .get(Kind::Endpoints, "web")
            .get("subsets")
            .unwrap_or(&Value::Null),
        &Value::Null
    );
    stage.delete(Kind::Service, "web");
    stage.advance(100);
    assert_eq!(
        (stage.all(Kind::Endpoints), stage.all(Kind::EndpointSlice)),
        (vec![], vec![])
    );
}

#[test]
fn a_service_may_publish_pods_before_they_are_ready() {
    let mut stage = Stage::new();
    let service = |name: &str, publishes: bool| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "n", "name": name},
        "spec": {"clusterIP": "None", "selector": {"app": "db"}, "publishNotReadyAddresses": publishes}})
    };
    stage.create(service("early", true));
    stage.create(service("late", false));
    stage.create(stateful_set(1, "pg:slow"));
    stage.edit(Kind::StatefulSet, "db", |db| {
        db["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] =
            json!({"tcpSocket": {"port": 5432}});
    });
    // How long the image is pulled differs from pod to pod; ready it is seconds after that.
    let is_running = (0..100).any(|_| {
        stage.advance(100);
        phases(&stage) == ["Running"]
    });
    assert!(is_running);
    let fields = |name| {
        stage.get(Kind::Endpoints, name)["subsets"][0]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (fields("early"), fields("late")),
        (
            vec!["addresses".to_owned()],
            vec!["notReadyAddresses".to_owned()]
        )
    );
}

#[test]
fn a_namespace_is_furnished_and_emptied() {
    let mut stage = Stage::new();
    assert_eq!(names(&stage, Kind::ServiceAccount), ["default"]);
    assert_eq!(names(&stage, Kind::ConfigMap), ["kube-root-ca.crt"]);
    stage.create(deployment("web", 1, "nginx:1"));
    stage.create(stateful_set(1, "pg:16"));
    stage.advance(3_000);
    stage.delete(Kind::Namespace, "n");
    stage.advance(100);
    let namespace = stage.get(Kind::Namespace, "n");
    assert_eq!(
        told(&namespace, "NamespaceContentRemaining"),
        ("True", "SomeResourcesRemain")
    );
    stage.advance(3_000);
    assert_eq!(stage.find(Kind::Namespace, "n"), None);
    assert_eq!(
        (stage.all(Kind::Pod), stage.all(Kind::PersistentVolume)),
        (vec![], vec![])
    );
}

#[test]
fn a_pod_that_is_not_to_run_for_ever_completes() {
    let mut stage = Stage::new();
    let job = |name: &str, image: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n", "name": name},
        "spec": {"restartPolicy": "Never", "containers": [container(image)]}})
    };
    stage.create(job("good", "job:1"));
    stage.create(job("poor", "job:crash"));
    stage.advance(4_000);
    assert_eq!(
        stage.each(Kind::Pod, "/status/phase"),
        ["Succeeded", "Failed"]
    );
    assert_eq!(
        told(&stage.get(Kind::Pod, "good"), "Ready"),
        ("False", "PodCompleted")
    );
    assert!(stage.is_at_rest());
}
