//! Whose number of replicas it is, and which workload is meant: scales where others own the number, or where a definition has
//! several workloads.

use bowline::definition::policy::Policy;
use bowline::engine::adjust::Adjustment;
use bowline::engine::plan::DeployPlan;
use bowline::engine::progress::Step;
use bowline::failure::FailureKind;
use http::Method;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ask};
use crate::engine::stage::{Stage, claiming_set};
use crate::live::{managers, refusals};
use crate::objects::{claim, deployment, stateful_set};

const CLAIM: &str = "PersistentVolumeClaim";
const OPEN: &str = "
workload: Deployment
containers:
  - {name: web, image: 'nginx:1.27'}
";

fn set() -> String {
    format!("{OPEN}replicas: 2\n")
}

/// Sets the number in the workload itself, as an editor does.
async fn edit(cluster: &Cluster, replicas: u32) {
    let patch = json!({"spec": {"replicas": replicas}});
    let edited = cluster.merge_as("kubectl-edit", "Deployment", "web", &patch);
    edited.await.unwrap();
}

/// Applies the number alone, as another tool that owns nothing else.
async fn apply(cluster: &Cluster, manager: &str, replicas: u32) {
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                        "spec": {"replicas": replicas}});
    cluster.apply(manager, &object).await.unwrap();
}

async fn web(cluster: &Cluster) -> Value {
    cluster.get("Deployment", "web").await.unwrap()
}

pub(crate) async fn a_number_that_others_set_is_taken_only_where_that_is_wanted(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", OPEN).await;
    edit(&cluster, 5).await;
    let plan = stage.plan_adjustment("web", Adjustment::Scale(3)).await;
    let [conflict] = plan.conflicts.as_slice() else {
        panic!("{plan:?}")
    };
    assert_eq!(conflict.field, ".spec.replicas");
    assert_eq!(
        conflict.message,
        "conflict with \"kubectl-edit\" using apps/v1"
    );
    assert_eq!(refusals(&plan), [""; 0]);

    let outcome = stage.run_adjustment(&plan).await;
    let [(Step::Claim, failure)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.kind, FailureKind::Conflict);
    assert_eq!(web(&cluster).await["spec"]["replicas"], 5);

    let yielding = plan.clone().yielding();
    assert!(yielding.is_noop() && yielding.obstacles(false).is_empty());
    assert_eq!(yielding.yielded, plan.conflicts);

    let outcome = stage.run_adjustment_with(&plan, true).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let web = web(&cluster).await;
    assert_eq!(web["spec"]["replicas"], 3);
    assert_eq!(managers(&web), ["bowline-scale/web Update"]);
    // It is ours from then on.
    stage.adjust("web", Adjustment::Scale(1)).await;
}

pub(crate) async fn a_number_that_others_set_too_is_taken_only_where_that_is_wanted(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", &set()).await;
    apply(&cluster, "other", 2).await;
    let both = ["bowline/web Apply", "other Apply"];
    assert_eq!(managers(&web(&cluster).await), both);
    let plan = stage.plan_adjustment("web", Adjustment::Scale(4)).await;
    assert_eq!(refusals(&plan), [""; 0]);
    assert_eq!(plan.conflicts[0].message, "conflict with \"other\"");
    assert!(!stage.run_adjustment(&plan).await.is_complete());
    assert_eq!(managers(&web(&cluster).await), both);
    let outcome = stage.run_adjustment_with(&plan, true).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let web = web(&cluster).await;
    assert_eq!(web["spec"]["replicas"], 4);
    assert_eq!(managers(&web), ["bowline/web Apply"]);
}

pub(crate) async fn a_number_that_somebody_sets_meanwhile_is_not_taken(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    for (text, number) in [(OPEN.to_owned(), 1), (set(), 2)] {
        assert!(stage.deploy("web", &text).await.is_complete());
        let plan = stage.plan_adjustment("web", Adjustment::Scale(4)).await;
        assert_eq!(plan.conflicts, []);
        // The same number, so that nothing but its owner is new.
        apply(&cluster, "other", number).await;
        let outcome = stage.run_adjustment_with(&plan, true).await;
        let [(Step::Apply(_), failure)] = outcome.failed.as_slice() else {
            panic!("{outcome:?}")
        };
        assert_eq!(failure.kind, FailureKind::Conflict);
        assert!(
            failure.summary.contains("was not shown: .spec.replicas"),
            "{failure}"
        );
        assert_eq!(web(&cluster).await["spec"]["replicas"], number);
        let nothing =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}});
        cluster.apply("other", &nothing).await.unwrap();
    }
}

pub(crate) async fn an_autoscaler_is_named(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", OPEN).await;
    let autoscaler = |name: &str, target: &str| {
        json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name},
            "spec": {
                "minReplicas": 1, "maxReplicas": 5,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
                "metrics": [{"type": "Resource", "resource": {
                    "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80},
                }}],
            },
        })
    };
    let path = format!(
        "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
        cluster.namespace
    );
    for (name, target) in [("its", "web"), ("of-another", "api")] {
        let object = autoscaler(name, target);
        let made = ask(&cluster.admin, Method::POST, &path, Some(&object));
        made.await.unwrap();
    }
    let plan = stage.plan_adjustment("web", Adjustment::Scale(3)).await;
    assert_eq!(
        plan.warnings,
        [
            "HorizontalPodAutoscaler/its sets the replicas of Deployment/web (from 1 to 5): it will set another number than 3 \
             again as it sees fit"
        ]
    );
    let plan = stage.plan_adjustment("web", Adjustment::Scale(0)).await;
    assert!(plan.warnings[0].contains("stands still while there are 0"));
}

/// Two that can be scaled, and what they are called.
fn pair() -> String {
    let mut front = deployment("front", "nginx:1.27", 1);
    front["spec"].as_object_mut().unwrap().remove("replicas");
    let back = stateful_set("back", "nginx:1.27", 2);
    format!("{front}\n---\n{back}\n")
}

pub(crate) async fn one_of_several_workloads_is_scaled_as_it_is_named(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    assert!(stage.deploy("shop", &pair()).await.is_complete());
    assert!(stage.wait("shop").await.is_complete());
    let plan = stage.plan_adjustment("shop", Adjustment::Scale(3)).await;
    assert_eq!(
        refusals(&plan),
        [
            "shop has several workloads, and one number cannot be meant for all: Deployment/front, StatefulSet/back"
        ]
    );
    let choices: Vec<_> = plan
        .choices
        .iter()
        .map(|choice| (choice.name.to_string(), choice.replicas))
        .collect();
    assert_eq!(
        choices,
        [
            ("Deployment/front".to_owned(), 1),
            ("StatefulSet/back".to_owned(), 2)
        ]
    );
    let scale = |name| stage.plan_adjustment_of("shop", Adjustment::Scale(3), Some(name));
    let plan = scale("deployment/nothing").await;
    assert_eq!(
        refusals(&plan),
        ["shop has no Deployment/nothing: it has Deployment/front, StatefulSet/back"]
    );

    let plan = scale("deploy/front").await;
    assert_eq!(plan.warnings, [""; 0]);
    assert!(stage.run_adjustment(&plan).await.is_complete());
    let plan = scale("sts/back").await;
    assert!(
        plan.warnings[0].starts_with("the definition sets 2 replicas of StatefulSet/back"),
        "{plan:?}"
    );
    assert!(stage.run_adjustment(&plan).await.is_complete());
    let front = cluster.get("Deployment", "front").await.unwrap();
    let back = cluster.get("StatefulSet", "back").await.unwrap();
    let numbers = [&front["spec"]["replicas"], &back["spec"]["replicas"]];
    assert_eq!(numbers, [3, 3]);
    assert!(stage.wait("shop").await.is_complete());

    // All of them at once, or one.
    let restarted = async |kind, name| {
        let live = cluster.get(kind, name).await.unwrap();
        let annotations = &live["spec"]["template"]["metadata"]["annotations"];
        annotations["kubectl.kubernetes.io/restartedAt"].is_string()
    };
    let plan = stage
        .plan_adjustment_of("shop", Adjustment::Restart, Some("statefulset/back"))
        .await;
    assert!(stage.run_adjustment(&plan).await.is_complete());
    assert!(restarted("StatefulSet", "back").await);
    assert!(!restarted("Deployment", "front").await);
    let plan = stage.plan_adjustment("shop", Adjustment::Restart).await;
    assert_eq!(plan.workloads.len(), 2);

    let alone = "{apiVersion: v1, kind: ConfigMap, metadata: {name: alone}}\n";
    assert!(stage.deploy("alone", alone).await.is_complete());
    let plan = stage.plan_adjustment("alone", Adjustment::Scale(1)).await;
    assert_eq!(
        refusals(&plan),
        [
            "alone has no workload that scale can change: it changes Deployment, StatefulSet, ReplicaSet"
        ]
    );
}

pub(crate) async fn workloads_in_other_namespaces_are_scaled_where_that_is_allowed(
    cluster: Cluster,
) {
    let other = format!("{}-b", cluster.namespace);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}});
    cluster.create(&namespace).await.unwrap();
    let stage = Stage::new(&cluster).under(Policy {
        allow_cluster_scoped: false,
        allow_namespaces: vec![other.parse().unwrap()],
    });
    let mut far = deployment("front", "nginx:1.27", 1);
    far["metadata"]["namespace"] = json!(other);
    let near = deployment("front", "nginx:1.27", 1);
    let text = format!("{near}\n---\n{far}\n");
    let outcome = stage.deploy("shop", &text).await;
    assert!(outcome.is_complete(), "{outcome:?}");

    let scale = async |stage: &Stage<'_>, name: &str| {
        let name = (!name.is_empty()).then_some(name);
        let scale = Adjustment::Scale(0);
        stage.plan_adjustment_of("shop", scale, name).await
    };
    let there = format!("{other}/Deployment/front");
    let plan = scale(&stage, "deployment/front").await;
    let several = format!(
        "shop has several workloads of the name Deployment/front: Deployment/front, {there}"
    );
    assert_eq!(refusals(&plan), [several.as_str()]);
    let plan = scale(&Stage::new(&cluster), &there).await;
    let told = refusals(&plan);
    assert!(
        told[0].contains("which is not among [policy] allow_namespaces"),
        "{told:?}"
    );
    let plan = scale(&stage, &there).await;
    let outcome = stage.run_adjustment(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let path = format!("{}/front", cluster.path_in(&other, "Deployment"));
    let live = ask(&cluster.admin, Method::GET, &path, None).await.unwrap();
    assert_eq!(live["spec"]["replicas"], 0);
    let here = cluster.get("Deployment", "front").await.unwrap();
    assert_eq!(here["spec"]["replicas"], 1);
    let path = format!("{}/{other}", cluster.path("Namespace"));
    ask(&cluster.admin, Method::DELETE, &path, None)
        .await
        .unwrap();
}

pub(crate) async fn a_copy_that_bears_the_labels_is_named_and_left(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", OPEN).await;
    let mut copy = deployment("web-copy", "nginx:1.27", 1);
    copy["metadata"]["labels"] = web(&cluster).await["metadata"]["labels"].clone();
    cluster.create(&copy).await.unwrap();
    let left = "Deployment/web-copy is left: it bears the labels, but bowline did not write it";
    for adjustment in [Adjustment::Scale(2), Adjustment::Restart] {
        let plan = stage.plan_adjustment("web", adjustment).await;
        assert_eq!(refusals(&plan), [""; 0]);
        assert_eq!(plan.warnings, [left]);
        let outcome = stage.run_adjustment(&plan).await;
        assert!(outcome.is_complete(), "{outcome:?}");
    }
    assert_eq!(web(&cluster).await["spec"]["replicas"], 2);
    let copy = cluster.get("Deployment", "web-copy").await.unwrap();
    assert_eq!(copy["spec"]["replicas"], 1);
    // Where the copy is all there is, it is not taken for the instance's own.
    let gone = cluster.delete("Deployment", "web", json!({})).await;
    gone.unwrap();
    cluster.until_gone("Deployment", "web").await;
    let plan = stage.plan_adjustment("web", Adjustment::Restart).await;
    assert_eq!(
        refusals(&plan),
        ["Deployment/web-copy is not changed: it bears the labels, but bowline did not write it"]
    );
}

pub(crate) async fn a_number_that_was_set_outlives_a_change_of_kind(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", OPEN).await;
    stage.adjust("web", Adjustment::Scale(3)).await;
    let other = OPEN.replace("Deployment", "StatefulSet");
    let plan = stage.plan("web", &other).await;
    let note = |plan: &DeployPlan| {
        let mut objects = plan.objects.iter();
        let set = objects.find(|it| it.key.kind == "StatefulSet").unwrap();
        set.note.clone()
    };
    assert_eq!(note(&plan).as_deref(), Some("its 3 replicas stay"));
    let outcome = stage.run("web", &other, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let set = cluster.get("StatefulSet", "web").await.unwrap();
    assert_eq!(set["spec"]["replicas"], 3);
    assert_eq!(managers(&set), ["bowline-scale/web Apply"]);
    assert!(stage.plan("web", &other).await.is_noop());
    // What was stopped stays so.
    stage.adjust("web", Adjustment::Scale(0)).await;
    let plan = stage.plan("web", OPEN).await;
    let outcome = stage.run("web", OPEN, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert_eq!(web(&cluster).await["spec"]["replicas"], 0);
}

/// Returns a set of a definition that takes claims away with their pods.
fn losing(replicas: u32) -> String {
    let spec = "spec:\n  persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}\n  ordinals: {start: 5}\n";
    claiming_set(replicas).replacen("spec:\n", spec, 1)
}

pub(crate) async fn claims_that_go_with_their_pods_are_told_before(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    assert!(stage.deploy("db", &losing(3)).await.is_complete());
    assert!(stage.wait("db").await.is_complete());
    let told = "StatefulSet/db deletes claims with the pods that it scales away (whenScaled: Delete), \
                and their data goes too: data-db-6, data-db-7";
    let plan = stage.plan_adjustment("db", Adjustment::Scale(1)).await;
    assert!(plan.warnings.iter().any(|it| it == told), "{plan:?}");
    assert_eq!(plan.n_lost, 2);
    let plan = stage.plan_adjustment("db", Adjustment::Scale(4)).await;
    assert_eq!(plan.n_lost, 0);
    // A deploy does the same, and says so.
    let plan = stage.plan("db", &losing(1)).await;
    assert!(plan.warnings.iter().any(|it| it == told), "{plan:?}");
    let plan = stage.plan("db", &losing(3)).await;
    assert!(plan.is_noop() && plan.warnings.is_empty(), "{plan:?}");
}

pub(crate) async fn claims_to_come_are_counted_from_the_first_ordinal(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let text = losing(1);
    cluster.create(&claim("data-db-5", "1Gi")).await.unwrap();
    let plan = stage.plan("db", &text).await;
    assert!(
        plan.refusals[0]
            .summary
            .contains("data-db-5 exists already"),
        "{plan:?}"
    );
    cluster.delete(CLAIM, "data-db-5", json!({})).await.unwrap();
    cluster.until_gone(CLAIM, "data-db-5").await;
    assert!(stage.deploy("db", &text).await.is_complete());

    cluster.create(&claim("data-db-6", "1Gi")).await.unwrap();
    let plan = stage.plan_adjustment("db", Adjustment::Scale(2)).await;
    let expected = "claim data-db-6 exists already, and it was not made by bowline";
    assert_eq!(refusals(&plan), [expected]);
}
