//! What others change in live objects: noticed in the overview, named field by field, and set back.

use bowline::catalogue::Digest;
use bowline::engine::adjust::{AdjustOptions, Adjustment, plan_adjustment, run_adjustment};
use bowline::engine::plan::{Change, Progress, Step};
use bowline::service::drift::Drift;
use bowline::service::watch::Scope;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::engine::stage::{Fault, Stage, WEB, changes};

/// It leaves the number of replicas open.
fn open() -> String {
    WEB.replace("replicas: 2\n", "")
}

impl Stage<'_> {
    /// Returns what the overview says of an instance whose definition in the catalogue is `text`.
    async fn drift(&self, id: &str, text: &str) -> Option<Drift> {
        let scope = Scope::Namespace(self.engine().namespace().clone());
        let mut fleet = self
            .engine()
            .snapshot(&scope, Timestamp::now())
            .await
            .unwrap();
        let hash = Digest::of(text.as_bytes()).as_str().to_owned();
        fleet.set_definitions([(id.parse().unwrap(), hash)], Timestamp::now());
        fleet.get(&self.key(id)).unwrap().drift()
    }

    async fn adjust_web(&self, adjustment: Adjustment) {
        let plan = plan_adjustment(self.engine(), &self.key("web"), adjustment)
            .await
            .unwrap();
        let options = AdjustOptions {
            holder: "tester@here 3".to_owned(),
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        let outcome = run_adjustment(self.engine(), &plan, &options, &|_| {}).await;
        assert!(outcome.is_complete(), "{outcome:?}");
    }

    async fn deploy_forced(&self, id: &str, text: &str) {
        let plan = self.plan(id, text).await;
        let outcome = self.run_forced(id, text, &plan).await;
        assert!(outcome.is_complete(), "{outcome:?}");
    }
}

fn image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}})
}

/// Changes a workload as `kubectl edit` does.
async fn edit(cluster: &Cluster, patch: &Value) {
    cluster
        .strategic_as("kubectl-edit", "Deployment", "web", patch)
        .await
        .unwrap();
}

/// Returns the managers of the number of replicas, each with its operation.
fn managers(workload: &Value) -> Vec<String> {
    let entries = workload["metadata"]["managedFields"].as_array().unwrap();
    let owning = entries
        .iter()
        .filter(|entry| !entry["fieldsV1"]["f:spec"]["f:replicas"].is_null());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut managers: Vec<String> = owning
        .map(|entry| format!("{} {}", text(&entry["manager"]), text(&entry["operation"])))
        .collect();
    managers.sort();
    managers
}

pub(crate) async fn an_overview_tells_what_was_changed_until_it_is_set_back(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    stage.wait("web").await;
    assert_eq!(stage.drift("web", WEB).await, Some(Drift::InSync));
    edit(&cluster, &image("nginx:1.28")).await;
    assert_eq!(stage.drift("web", WEB).await, Some(Drift::Changed));
    let edited = WEB.replace("info", "debug");
    assert_eq!(
        stage.drift("web", &edited).await,
        Some(Drift::EditedAndChanged)
    );
    stage.deploy_forced("web", WEB).await;
    assert_eq!(stage.drift("web", WEB).await, Some(Drift::InSync));
    let web = cluster.get("Deployment", "web").await.unwrap();
    let container = &web["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "nginx:1.27");
}

pub(crate) async fn a_field_that_was_only_removed_shows_too(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let before = stage.drift("web", WEB).await;
    assert_eq!(before, Some(Drift::InSync));
    let env = json!([{"name": "LEVEL", "$patch": "delete"}]);
    let containers = json!([{"name": "web", "env": env}]);
    edit(
        &cluster,
        &json!({"spec": {"template": {"spec": {"containers": containers}}}}),
    )
    .await;
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(
        web["spec"]["template"]["spec"]["containers"][0]["env"],
        Value::Null
    );
    assert_eq!(stage.drift("web", WEB).await, Some(Drift::Changed));
    assert!(stage.deploy("web", WEB).await.is_complete());
    assert_eq!(stage.drift("web", WEB).await, Some(Drift::InSync));
}

pub(crate) async fn a_scale_and_a_restart_are_no_change_where_they_may_be(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    stage.adjust_web(Adjustment::Restart).await;
    assert_eq!(stage.drift("web", WEB).await, Some(Drift::InSync));
    // The definition sets the number.
    stage.adjust_web(Adjustment::Scale(3)).await;
    assert_eq!(stage.drift("web", WEB).await, Some(Drift::Changed));
    let saved = WEB.replace("replicas: 2", "replicas: 3");
    assert!(stage.deploy("web", &saved).await.is_complete());
    assert_eq!(stage.drift("web", &saved).await, Some(Drift::InSync));
    let number = json!({"spec": {"replicas": 5}});
    cluster
        .merge_as("kubectl", "Deployment", "web/scale", &number)
        .await
        .unwrap();
    assert_eq!(stage.drift("web", &saved).await, Some(Drift::Changed));

    assert!(stage.deploy("web", &open()).await.is_complete());
    assert_eq!(stage.drift("web", &open()).await, Some(Drift::InSync));
    let number = json!({"spec": {"replicas": 4}});
    cluster
        .merge_as("kubectl", "Deployment", "web/scale", &number)
        .await
        .unwrap();
    stage.adjust_web(Adjustment::Scale(1)).await;
    assert_eq!(stage.drift("web", &open()).await, Some(Drift::InSync));
}

pub(crate) async fn a_workload_that_somebody_deleted_is_a_change(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    cluster
        .delete(
            "Deployment",
            "web",
            json!({"propagationPolicy": "Background"}),
        )
        .await
        .unwrap();
    cluster.until_gone("Deployment", "web").await;
    assert_eq!(stage.drift("web", WEB).await, Some(Drift::Changed));
    stage.deploy("web", WEB).await;
    assert_eq!(stage.drift("web", WEB).await, Some(Drift::InSync));
}

pub(crate) async fn a_number_that_leaves_the_definition_stays_as_it_is(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let five = WEB.replace("replicas: 2", "replicas: 5");
    stage.deploy("web", &five).await;
    let plan = stage.plan("web", &open()).await;
    assert!(changes(&plan).contains(&"Update Deployment/web".to_owned()));
    let web = plan
        .objects
        .iter()
        .find(|it| it.key.kind == "Deployment")
        .unwrap();
    let note = "its 5 replicas stay, and belong to `scale` from now on";
    assert_eq!((web.note.as_deref(), web.difference.len()), (Some(note), 0));
    assert!(stage.run("web", &open(), &plan).await.is_complete());
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["spec"]["replicas"], 5);
    assert_eq!(managers(&web), ["bowline-scale/web Apply"]);
    assert!(stage.plan("web", &open()).await.is_noop());

    // What scales it afterwards is in nobody's way, and a definition may set it again.
    stage.adjust_web(Adjustment::Scale(3)).await;
    let newer = open().replace("nginx:1.27", "nginx:1.28");
    assert!(stage.deploy("web", &newer).await.is_complete());
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["spec"]["replicas"], 3);
    assert_eq!(managers(&web), ["bowline-scale/web Update"]);
    let plan = stage.plan("web", &five).await;
    assert_eq!(plan.conflicts, []);
    assert!(stage.run("web", &five, &plan).await.is_complete());
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["spec"]["replicas"], 5);
}

pub(crate) async fn a_handover_that_is_cut_off_is_finished(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let five = WEB.replace("replicas: 2", "replicas: 5");
    stage.deploy("web", &five).await;
    // The first write of the workload is the handover; its answer does not come.
    let fault = Fault::after(Method::PATCH, "deployments/web", StatusCode::BAD_GATEWAY);
    let behind = stage.with(fault);
    let plan = behind.plan("web", &open()).await;
    assert!(behind.run("web", &open(), &plan).await.is_complete());
    assert_eq!(behind.n_writes(), 2);
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["spec"]["replicas"], 5);
    assert_eq!(managers(&web), ["bowline-scale/web Apply"]);

    // Cut off between the handover and the apply.
    assert!(stage.deploy("web", &five).await.is_complete());
    let plan = stage.plan("web", &open()).await;
    let is_begun = |progress: &Progress| matches!(progress, Progress::Started(Step::Apply(key)) if key.kind == "Deployment");
    stage.run_until("web", &open(), &plan, is_begun).await;
    let handed = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 5},
    });
    cluster.apply("bowline-scale/web", &handed).await.unwrap();
    let plan = stage.plan("web", &open()).await;
    assert!(stage.run("web", &open(), &plan).await.is_complete());
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["spec"]["replicas"], 5);
    assert_eq!(managers(&web), ["bowline-scale/web Apply"]);
}

pub(crate) async fn what_others_set_to_the_wanted_value_becomes_ours(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    edit(&cluster, &image("nginx:1.28")).await;
    let before = cluster.get("Deployment", "web").await.unwrap();
    let same = WEB.replace("nginx:1.27", "nginx:1.28");
    let plan = stage.plan("web", &same).await;
    let web = plan
        .objects
        .iter()
        .find(|it| it.key.kind == "Deployment")
        .unwrap();
    let note = "nothing of it changes; what others set in it becomes bowline's";
    assert_eq!(
        (web.change, web.note.as_deref()),
        (Change::Update, Some(note))
    );
    assert_eq!((plan.conflicts.len(), web.difference.len()), (0, 0));
    assert!(stage.run("web", &same, &plan).await.is_complete());
    let after = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(after["spec"], before["spec"]);
    assert_eq!(
        after["metadata"]["generation"],
        before["metadata"]["generation"]
    );
    assert_eq!(stage.drift("web", &same).await, Some(Drift::InSync));
    assert!(stage.plan("web", &same).await.is_noop());
}
