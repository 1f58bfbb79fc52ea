//! What is done to instances that run: scales and restarts, on the engine that the command line calls.

use bowline::engine::adjust::{
    AdjustOptions, AdjustPlan, Adjustment, Means, WorkloadName, plan_adjustment, run_adjustment,
};
use bowline::engine::deploy::{RunOptions, plan_deploy, run_deploy};
use bowline::engine::expiry::expired;
use bowline::engine::operation::Meeting;
use bowline::engine::plan::Change;
use bowline::engine::progress::{Outcome, Step};
use bowline::engine::selection::select;
use bowline::failure::FailureKind;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::cluster::{Cluster, name_of};
use crate::engine::stage::{DB, Fault, Stage, WEB, changes};
use crate::objects::service;

/// It leaves the number of replicas open.
const OPEN: &str = "
containers:
  - name: web
    image: nginx:1.27
    ports: [{name: http, port: 80}]
    env: [{name: LEVEL, fromConfig: LEVEL}]
    probes: {ready: {http: /ready, port: http}}
config: {LEVEL: info}
";

/// One claim for all pods.
const SHARED: &str = "
workload: Deployment
containers:
  - name: web
    image: nginx:1.27
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
";

impl Stage<'_> {
    pub(crate) async fn plan_adjustment(&self, id: &str, adjustment: Adjustment) -> AdjustPlan {
        self.plan_adjustment_of(id, adjustment, None).await
    }

    /// Plans for one workload.
    pub(crate) async fn plan_adjustment_of(
        &self,
        id: &str,
        adjustment: Adjustment,
        only: Option<&str>,
    ) -> AdjustPlan {
        let (engine, key) = (self.engine().clone(), self.key(id));
        let only: Option<WorkloadName> = only.map(|name| name.parse().unwrap());
        // Spawned, as the dashboard does.
        let planned =
            tokio::spawn(
                async move { plan_adjustment(&engine, &key, adjustment, only.as_ref()).await },
            );
        planned.await.unwrap().unwrap()
    }

    pub(crate) async fn run_adjustment(&self, plan: &AdjustPlan) -> Outcome {
        self.run_adjustment_with(plan, false).await
    }

    pub(crate) async fn run_adjustment_with(
        &self,
        plan: &AdjustPlan,
        takes_conflicts: bool,
    ) -> Outcome {
        let options = AdjustOptions {
            holder: "tester@here 3".to_owned(),
            at: "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap(),
            meeting: Meeting::Judge,
            takes_conflicts,
        };
        run_adjustment(self.engine(), plan, &options, &|_| {}).await
    }

    pub(crate) async fn adjust(&self, id: &str, adjustment: Adjustment) -> AdjustPlan {
        let plan = self.plan_adjustment(id, adjustment).await;
        assert_eq!(plan.refusals, []);
        let outcome = self.run_adjustment(&plan).await;
        assert!(outcome.is_complete(), "{outcome:?}");
        plan
    }
}

/// Returns the managers of the number of replicas, each with its operation.
pub(crate) fn managers(workload: &Value) -> Vec<String> {
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

/// Returns the sentences of why a plan cannot run.
pub(crate) fn refusals(plan: &AdjustPlan) -> Vec<&str> {
    let refusals = plan.refusals.iter();
    refusals.map(|refusal| refusal.summary.as_str()).collect()
}

async fn operation(cluster: &Cluster, id: &str) -> Value {
    let record = cluster.get("ConfigMap", &format!("bowline-{id}")).await;
    record.unwrap()["metadata"]["annotations"]["bowline.dev/operation"].clone()
}

pub(crate) async fn a_number_that_is_open_belongs_to_scale_and_a_deploy_keeps_it(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", OPEN).await;
    let plan = stage.adjust("web", Adjustment::Scale(3)).await;
    assert_eq!(plan.warnings, [""; 0]);
    assert_eq!(
        (plan.workloads[0].replicas, plan.workloads[0].means),
        (1, Means::Scale)
    );
    assert!(stage.wait("web").await.is_complete());
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["status"]["readyReplicas"], 3);
    // NB: a server does not track the scale of a number that nobody owned.
    assert_eq!(managers(&web), [""; 0]);
    assert_eq!(operation(&cluster, "web").await, Value::Null);
    assert!(stage.plan("web", OPEN).await.is_noop());

    let newer = OPEN.replace("nginx:1.27", "nginx:1.28");
    assert!(stage.deploy("web", &newer).await.is_complete());
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["spec"]["replicas"], 3);

    let same = stage.plan_adjustment("web", Adjustment::Scale(3)).await;
    assert!(same.is_noop() && same.refusals.is_empty(), "{same:?}");
    assert!(stage.wait("web").await.is_complete());
    let before = stage.versions().await;
    assert_eq!(stage.run_adjustment(&same).await, Outcome::default());
    assert_eq!(stage.versions().await, before);
}

pub(crate) async fn a_number_that_is_set_shows_in_the_next_plan_and_changes_nothing_else(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    let text = format!("{OPEN}replicas: 2\nlabels: {{tier: front}}\n");
    stage.deploy("web", &text).await;
    let before = cluster.get("Deployment", "web").await.unwrap();
    let plan = stage.adjust("web", Adjustment::Scale(4)).await;
    assert_eq!(plan.workloads[0].means, Means::Apply);
    assert_eq!(
        plan.warnings,
        [format!(
            "the definition sets 2 replicas of Deployment/web: the next deploy goes back to 2; `bowline pull web -n {}` takes 4 \
             into the definition, and one that leaves the number out keeps it",
            cluster.namespace
        )]
    );
    let after = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(managers(&after), ["bowline/web Apply"]);
    let fields = |object: &Value| {
        let entries = object["metadata"]["managedFields"].as_array().unwrap();
        let ours = entries.iter().find(|it| it["manager"] == "bowline/web");
        ours.unwrap()["fieldsV1"].clone()
    };
    assert_eq!(fields(&after), fields(&before));
    let mut expected = before["spec"].clone();
    expected["replicas"] = json!(4);
    assert_eq!(after["spec"], expected);

    // It is shown, not hidden; and a definition that says the same is in agreement.
    let plan = stage.plan("web", &text).await;
    assert!(changes(&plan).contains(&"Update Deployment/web".to_owned()));
    assert_eq!(plan.conflicts, []);
    let same = text.replace("replicas: 2", "replicas: 4");
    let agreed = stage.plan("web", &same).await;
    assert!(
        agreed
            .objects
            .iter()
            .all(|it| it.change == Change::Unchanged),
        "{agreed:?}"
    );
    assert!(stage.run("web", &text, &plan).await.is_complete());
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["spec"]["replicas"], 2);
}

pub(crate) async fn a_definition_that_begins_to_set_the_number_takes_it_from_scale(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", OPEN).await;
    stage.adjust("web", Adjustment::Scale(3)).await;
    let text = format!("{OPEN}replicas: 2\n");
    takes_back(&stage, &text).await;

    // Somebody else scaled what the definition sets, and we scaled after them, as they were asked about.
    let theirs = json!({"spec": {"replicas": 5}});
    cluster
        .merge_as("kubectl", "Deployment", "web/scale", &theirs)
        .await
        .unwrap();
    assert_eq!(stage.plan("web", &text).await.conflicts.len(), 1);
    let plan = stage.plan_adjustment("web", Adjustment::Scale(4)).await;
    assert_eq!(
        (plan.workloads[0].means, plan.conflicts.len()),
        (Means::Apply, 1)
    );
    assert!(stage.run_adjustment_with(&plan, true).await.is_complete());
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(managers(&web), ["bowline/web Apply"]);
    takes_back(&stage, &text).await;
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["spec"]["replicas"], 2);
    assert_eq!(managers(&web), ["bowline/web Apply"]);
}

/// Deploys: the number is set back as the plan shows, and nobody is asked.
async fn takes_back(stage: &Stage<'_>, text: &str) {
    let plan = stage.plan("web", text).await;
    assert_eq!((plan.conflicts.len(), plan.refusals.len()), (0, 0));
    assert!(changes(&plan).contains(&"Update Deployment/web".to_owned()));
    let outcome = stage.run("web", text, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

pub(crate) async fn an_instance_without_replicas_is_stopped(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("db", DB).await;
    assert!(stage.wait("db").await.is_complete());
    stage.adjust("db", Adjustment::Scale(0)).await;
    assert!(stage.wait("db").await.is_complete());
    cluster
        .until_all(
            "Pod",
            "labelSelector=app.kubernetes.io/instance%3Ddb",
            |pods| pods.is_empty(),
        )
        .await;
    // Its claim waits for the pod to come back.
    let plan = stage.adjust("db", Adjustment::Scale(1)).await;
    assert_eq!(
        plan.warnings,
        ["claim data-db-0 is there already and is used as it is"]
    );
    assert!(stage.wait("db").await.is_complete());
    let db = cluster.get("StatefulSet", "db").await.unwrap();
    assert_eq!(db["status"]["readyReplicas"], 1);
}

pub(crate) async fn a_restart_replaces_the_pods_and_a_deploy_keeps_it(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    assert!(stage.wait("web").await.is_complete());
    let query = "labelSelector=app.kubernetes.io/instance%3Dweb";
    let before = cluster.until_all("Pod", query, |pods| pods.len() == 2);
    let before: Vec<String> = before
        .await
        .iter()
        .map(|it| name_of(it).to_owned())
        .collect();
    stage.adjust("web", Adjustment::Restart).await;
    cluster
        .until_all("Pod", query, |pods| {
            let is_new = |pod: &Value| !before.iter().any(|name| name == name_of(pod));
            pods.len() == 2 && pods.iter().all(is_new)
        })
        .await;
    let restarted_at = |web: &Value| {
        let annotations = &web["spec"]["template"]["metadata"]["annotations"];
        annotations["kubectl.kubernetes.io/restartedAt"].clone()
    };
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(restarted_at(&web), "2026-01-01T00:00:00Z");
    assert!(stage.plan("web", WEB).await.is_noop());
    let newer = WEB.replace("nginx:1.27", "nginx:1.28");
    assert!(stage.deploy("web", &newer).await.is_complete());
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(restarted_at(&web), "2026-01-01T00:00:00Z");
}

pub(crate) async fn a_deploy_that_runs_is_not_disturbed(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    stage.wait("web").await;
    let shown = stage.plan_adjustment("web", Adjustment::Restart).await;
    let noted = json!({"kind": "deploy", "step": "apply Service/web", "holder": "ann@bastion/7",
                       "heartbeat": "2026-01-01T00:00:00Z"});
    let patch = json!({"metadata": {"annotations": {"bowline.dev/operation": noted.to_string()}}});
    cluster
        .merge("ConfigMap", "bowline-web", &patch)
        .await
        .unwrap();
    let before = stage.versions().await;
    let plan = stage.plan_adjustment("web", Adjustment::Scale(3)).await;
    let expected = format!(
        "{}/web is busy: ann@bastion/7 runs a deploy: apply Service/web",
        cluster.namespace
    );
    let [refusal] = plan.refusals.as_slice() else {
        panic!("{plan:?}")
    };
    assert!(refusal.summary.starts_with(&expected), "{refusal}");
    let outcome = stage.run_adjustment(&shown).await;
    let [(Step::Claim, failure)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.summary.starts_with(&expected), "{failure}");
    assert_eq!(stage.versions().await, before);
}

pub(crate) async fn what_is_not_of_the_instance_is_not_adjusted(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan_adjustment("web", Adjustment::Restart).await;
    let expected = format!(
        "there is no instance web in namespace {}",
        cluster.namespace
    );
    assert_eq!(refusals(&plan), [expected.as_str()]);
    assert_eq!(plan.refusals[0].kind, FailureKind::NotFound);

    stage.deploy("web", WEB).await;
    let mark = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "shop"}}});
    cluster.merge("Deployment", "web", &mark).await.unwrap();
    stage.wait("web").await;
    let before = stage.versions().await;
    for adjustment in [Adjustment::Restart, Adjustment::Scale(3)] {
        let plan = stage.plan_adjustment("web", adjustment).await;
        assert_eq!(
            refusals(&plan),
            ["Deployment/web is not changed: it belongs to Helm release shop"]
        );
        assert!(!stage.run_adjustment(&plan).await.is_complete());
    }
    assert_eq!(stage.versions().await, before);
}

pub(crate) async fn what_was_changed_after_the_plan_is_not_overwritten(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", OPEN).await;
    let scale = stage.plan_adjustment("web", Adjustment::Scale(3)).await;
    let restart = stage.plan_adjustment("web", Adjustment::Restart).await;
    let check = |outcome: &Outcome, words: &str| {
        let [(Step::Apply(_), failure)] = outcome.failed.as_slice() else {
            panic!("{outcome:?}")
        };
        assert_eq!(failure.kind, FailureKind::Conflict);
        assert!(failure.summary.contains(words), "{failure:?}");
    };
    cluster
        .merge_as(
            "kubectl",
            "Deployment",
            "web/scale",
            &json!({"spec": {"replicas": 2}}),
        )
        .await
        .unwrap();
    check(&stage.run_adjustment(&scale).await, "plan again");
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["spec"]["replicas"], 2);

    let options = json!({"propagationPolicy": "Background"});
    cluster.delete("Deployment", "web", options).await.unwrap();
    cluster.until_gone("Deployment", "web").await;
    assert!(stage.deploy("web", OPEN).await.is_complete());
    check(&stage.run_adjustment(&restart).await, "made again");
    assert_eq!(operation(&cluster, "web").await, Value::Null);
}

pub(crate) async fn an_adjustment_without_an_answer_is_looked_for(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", OPEN).await;
    for (adjustment, path) in [
        (Adjustment::Restart, "/deployments/web"),
        (Adjustment::Scale(2), "/deployments/web/scale"),
    ] {
        let fault = Fault::after(Method::PATCH, path, StatusCode::GATEWAY_TIMEOUT);
        let faulty = stage.with(fault);
        // Nothing changes meanwhile, or a write would be refused as outdated, and sent again.
        assert!(stage.wait("web").await.is_complete());
        let plan = faulty.plan_adjustment("web", adjustment).await;
        let outcome = faulty.run_adjustment(&plan).await;
        assert!(outcome.is_complete(), "{outcome:?}");
        assert_eq!(faulty.n_writes(), 1, "{adjustment:?}");
    }
    let lost = Fault::instead(
        Method::PATCH,
        "/deployments/web/scale",
        StatusCode::GATEWAY_TIMEOUT,
    );
    let faulty = stage.with(lost);
    assert!(stage.wait("web").await.is_complete());
    let plan = faulty.plan_adjustment("web", Adjustment::Scale(4)).await;
    assert!(faulty.run_adjustment(&plan).await.is_complete());
    assert_eq!(faulty.n_writes(), 2);
    let web = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(web["spec"]["replicas"], 4);
}

pub(crate) async fn claims_of_others_stop_a_set_from_growing(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("db", DB).await;
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-db-1"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    cluster.create(&claim).await.unwrap();
    let plan = stage.plan_adjustment("db", Adjustment::Scale(2)).await;
    assert_eq!(
        refusals(&plan),
        ["claim data-db-1 exists already, and it was not made by bowline"]
    );
    let down = stage.plan_adjustment("db", Adjustment::Scale(0)).await;
    assert_eq!(refusals(&down), [""; 0]);
}

pub(crate) async fn replicas_do_not_share_what_one_node_mounts(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", SHARED).await;
    let plan = stage.plan_adjustment("web", Adjustment::Scale(2)).await;
    assert_eq!(
        refusals(&plan),
        ["2 replicas of Deployment/web cannot share claim web-data-data, which is ReadWriteOnce"]
    );
}

pub(crate) async fn a_viewer_may_not_adjust(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    stage.wait("web").await;
    let before = stage.versions().await;
    let viewer = stage.viewer();
    for adjustment in [Adjustment::Restart, Adjustment::Scale(3)] {
        let plan = viewer.plan_adjustment("web", adjustment).await;
        assert!(
            plan.refusals
                .iter()
                .any(|it| it.kind == FailureKind::Forbidden
                    && it.summary.contains("patch ConfigMap, Deployment")),
            "{plan:?}"
        );
        assert!(!viewer.run_adjustment(&plan).await.is_complete());
    }
    assert_eq!(stage.versions().await, before);
}

pub(crate) async fn selectors_choose_by_the_labels_of_the_definition(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    for (id, labels) in [
        ("front", "{tier: web, example.com/team: a}"),
        ("api", "{tier: web}"),
        ("db", "{tier: data}"),
        ("bare", "{}"),
    ] {
        let text = format!("{OPEN}labels: {labels}\n");
        assert!(stage.deploy(id, &text).await.is_complete());
    }
    for (selector, expected) in [
        ("tier=web", &["api", "front"][..]),
        ("tier == data", &["db"]),
        ("tier!=web", &["bare", "db"]),
        ("tier in (web, data)", &["api", "db", "front"]),
        ("tier notin (data)", &["api", "bare", "front"]),
        ("tier", &["api", "db", "front"]),
        ("!tier", &["bare"]),
        ("tier=web,!example.com/team", &["api"]),
        ("app.kubernetes.io/instance=db", &["db"]),
        ("app.kubernetes.io/name notin (api,db)", &["bare", "front"]),
        ("tier=none", &[]),
    ] {
        assert_eq!(chosen(&stage, selector).await, expected, "{selector}");
    }
}

pub(crate) async fn a_label_that_leaves_the_definition_chooses_no_longer(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let labelled = format!("{OPEN}labels: {{tier: web, zone: a}}\n");
    stage.deploy("web", &labelled).await;
    assert!(stage.plan("web", &labelled).await.is_noop());
    // What somebody else put there is theirs.
    let theirs = json!({"metadata": {"labels": {"watched": "yes"}}});
    cluster
        .merge("ConfigMap", "bowline-web", &theirs)
        .await
        .unwrap();
    let fewer = format!("{OPEN}labels: {{tier: web}}\n");
    assert!(stage.deploy("web", &fewer).await.is_complete());
    assert_eq!(chosen(&stage, "tier=web,!zone,watched").await, ["web"]);
    assert!(stage.plan("web", &fewer).await.is_noop());
}

async fn chosen(stage: &Stage<'_>, selector: &str) -> Vec<String> {
    let namespace = Some(stage.engine().namespace());
    let chosen = select(stage.engine(), namespace, &selector.parse().unwrap()).await;
    let chosen = chosen.unwrap();
    chosen.iter().map(|key| key.id.to_string()).collect()
}

pub(crate) async fn an_instance_expires_counted_from_its_first_apply(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", &format!("{OPEN}expires: 8h\n")).await;
    stage.deploy("short", &format!("{OPEN}expires: 1h\n")).await;
    stage.deploy("ever", OPEN).await;
    let record = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    let created = record["metadata"]["creationTimestamp"].as_str().unwrap();
    let created: Timestamp = created.parse().unwrap();
    let at = |hours: i64, seconds: i64| created + SignedDuration::from_secs(hours * 3600 + seconds);
    let check = async |now: Timestamp, ids: &[&str]| {
        let namespace = Some(stage.engine().namespace());
        let (expired, _) = expired(stage.engine(), namespace, || now).await.unwrap();
        let found: Vec<&str> = expired.iter().map(|it| it.instance.id.as_str()).collect();
        assert_eq!(found, ids, "{now}");
    };
    check(created, &[]).await;
    check(at(8, -1), &["short"]).await;
    check(at(8, 0), &["short", "web"]).await;
    // A later deploy does not begin the time anew.
    let newer = format!("{OPEN}expires: 9h\nlabels: {{tier: web}}\n");
    assert!(stage.deploy("web", &newer).await.is_complete());
    check(at(9, -1), &["short"]).await;
    check(at(9, 0), &["short", "web"]).await;
    assert!(stage.deploy("web", OPEN).await.is_complete());
    check(at(99, 0), &["short"]).await;
}

pub(crate) async fn one_definition_runs_several_times_and_a_free_id_is_offered(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let deploy = async |id: &str, name: &str| {
        let mut request = stage.request(id, OPEN);
        request.name = name.parse().unwrap();
        let plan = plan_deploy(stage.engine(), &request).await.unwrap();
        let options = RunOptions::default();
        let outcome = run_deploy(stage.engine(), &request, &plan, options, &|_| {}).await;
        (plan, outcome)
    };
    for id in ["web", "web-2"] {
        let (plan, outcome) = deploy(id, "web").await;
        assert_eq!(plan.warnings, [""; 0]);
        assert!(outcome.is_complete(), "{outcome:?}");
    }
    let of_web = chosen(&stage, "app.kubernetes.io/name=web").await;
    assert_eq!(of_web, ["web", "web-2"]);
    let mut request = stage.request("web", OPEN);
    request.name = "shop".parse().unwrap();
    let plan = plan_deploy(stage.engine(), &request).await.unwrap();
    assert_eq!(
        plan.warnings,
        ["web is an instance of web so far, and becomes one of shop; the ID web-3 is free"]
    );
    assert_eq!(plan.replaces.as_deref(), Some("web"));

    cluster
        .create(&service("api", json!([{"port": 80}])))
        .await
        .unwrap();
    let (plan, _) = deploy("api", "api").await;
    assert_eq!(plan.refusals.len(), 1);
    assert_eq!(plan.refusals[0].detail, "the ID api-2 is free");
}
