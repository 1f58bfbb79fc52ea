//! What others change in live objects: noticed in the overview, named field by field, and set back.

use bowline::catalogue::Digest;
use bowline::editor::merge::Merge;
use bowline::engine::adjust::{AdjustOptions, Adjustment, plan_adjustment, run_adjustment};
use bowline::engine::drift::changes as changes_of;
use bowline::engine::operation::Meeting;
use bowline::engine::plan::Change;
use bowline::engine::progress::{Progress, Step};
use bowline::engine::pull::live_text;
use bowline::engine::remedy::Remedies;
use bowline::engine::rollback::Surroundings;
use bowline::secret::{SecretValue, SecretValues};
use bowline::service::drift::{Changes, Drift};
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
        let mut fleet = self.engine().snapshot(&scope).await.unwrap();
        let hash = Digest::of(text.as_bytes()).as_str().to_owned();
        fleet.set_definitions([(id.parse().unwrap(), hash)], Timestamp::now());
        fleet.get(&self.key(id)).unwrap().drift()
    }

    pub(crate) async fn changes(&self, id: &str) -> Changes {
        changes_of(self.engine(), &self.key(id), &surroundings())
            .await
            .unwrap()
    }

    async fn adjust_web(&self, adjustment: Adjustment) {
        let plan = plan_adjustment(self.engine(), &self.key("web"), adjustment, None)
            .await
            .unwrap();
        let options = AdjustOptions {
            holder: "tester@here 3".to_owned(),
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            takes_conflicts: true,
            meeting: Meeting::Judge,
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

fn surroundings() -> Surroundings {
    Surroundings {
        ingress_host: None,
        gpus: std::collections::BTreeMap::new(),
        yields: false,
        remedies: Remedies::default(),
        message: None,
        holder: "tester@here 4".to_owned(),
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

/// What was applied and what others made of it differ in their lines alone: a text that was edited since can be merged.
pub(crate) async fn what_others_changed_is_a_text_that_can_be_merged(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    stage.wait("web").await;
    let (key, name) = (stage.key("web"), "web".parse().unwrap());
    let surroundings = surroundings();
    let live = live_text(stage.engine(), &key, &name, &surroundings);
    let before = live.await.unwrap();
    assert_eq!(
        (before.applied.as_str(), before.plan.text.as_str()),
        (WEB, WEB)
    );
    edit(&cluster, &image("nginx:1.28")).await;
    let live = live_text(stage.engine(), &key, &name, &surroundings);
    let live = live.await.unwrap();
    assert_eq!(live.applied, WEB);
    let mine = WEB.replace("info", "debug");
    let merged = Merge::new(Some(&live.applied), &mine, &live.plan.text);
    let expected = mine.replace("nginx:1.27", "nginx:1.28");
    assert_eq!(merged.text(), Some(expected));
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
    let expected = "Deployment/web .spec.replicas: 2 → 3 by bowline/web (scale)";
    assert_eq!(shown(&stage.changes("web").await), [expected]);
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
    let note = "nothing of it changes; what kubectl-edit set in it becomes bowline's too";
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

/// Shows changes as lines: `Object path: wanted → live by manager`.
fn shown(changes: &Changes) -> Vec<String> {
    let text = |value: &Option<Value>| value.as_ref().map_or("—".to_owned(), Value::to_string);
    let mut lines = Vec::new();
    for object in &changes.objects {
        let key = &object.key;
        if object.fields.is_empty() {
            lines.push(format!("{key} {:?}", object.presence));
        }
        for field in &object.fields {
            let managers: Vec<&str> = field
                .managers
                .iter()
                .map(|it| it.manager.as_str())
                .collect();
            for setter in &field.managers {
                // What is written through the scale subresource bears no time.
                let has_time =
                    !setter.manager.ends_with("(scale)") || setter.manager.starts_with("bowline/");
                assert_eq!(setter.at.is_some(), has_time, "{field:?}");
            }
            let (wanted, live, managers) =
                (text(&field.wanted), text(&field.live), managers.join(", "));
            lines.push(format!(
                "{key} {}: {wanted} → {live} by {managers}",
                field.path
            ));
        }
    }
    lines
}

pub(crate) async fn changes_are_named_with_field_value_and_manager(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let text = format!(
        "{WEB}labels: {{tier: front}}\nexposed_service: web\nexposed_hostname: web.example.com\n"
    );
    stage.deploy("web", &text).await;
    stage.wait("web").await;
    assert_eq!(stage.changes("web").await, Changes::default());

    let env = json!([{"name": "EXTRA", "value": "1"}, {"name": "LEVEL", "$patch": "delete"}]);
    let container = json!({"name": "web", "image": "nginx:1.28", "env": env});
    edit(
        &cluster,
        &json!({"spec": {"template": {"spec": {"containers": [container]}}}}),
    )
    .await;
    let number = json!({"spec": {"replicas": 3}});
    cluster
        .merge_as("kubectl", "Deployment", "web/scale", &number)
        .await
        .unwrap();
    let data = json!({"data": {"LEVEL": "debug", "MORE": "x"}});
    cluster
        .merge_as("kubectl-edit", "ConfigMap", "web-config", &data)
        .await
        .unwrap();
    let labels = json!({"metadata": {"labels": {"tier": "back"}, "annotations": {"noted-by": "a controller"}}});
    cluster
        .merge_as("kubectl-label", "Ingress", "web", &labels)
        .await
        .unwrap();
    cluster.delete("Service", "web", json!({})).await.unwrap();
    stage.adjust_web(Adjustment::Restart).await;
    let of_container = "Deployment/web .spec.template.spec.containers[name=\"web\"]";
    let level =
        r#"{"name":"LEVEL","valueFrom":{"configMapKeyRef":{"key":"LEVEL","name":"web-config"}}}"#;
    let mut expected = [
        "ConfigMap/web-config .data.LEVEL: \"info\" → \"debug\" by kubectl-edit".to_owned(),
        "ConfigMap/web-config .data.MORE: — → \"x\" by kubectl-edit".to_owned(),
        "Service/web Missing".to_owned(),
        "Deployment/web .spec.replicas: 2 → 3 by kubectl (scale)".to_owned(),
        format!("{of_container}.image: \"nginx:1.27\" → \"nginx:1.28\" by kubectl-edit"),
        format!("{of_container}.env[name=\"LEVEL\"]: {level} → — by "),
        format!(
            "{of_container}.env[name=\"EXTRA\"]: — → {{\"name\":\"EXTRA\",\"value\":\"1\"}} by kubectl-edit"
        ),
        "Ingress/web .metadata.labels.tier: \"front\" → \"back\" by kubectl-label".to_owned(),
    ];
    let changes = stage.changes("web").await;
    let mut found = shown(&changes);
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(changes.remarks, [""; 0]);
    // A deploy sets back what it applied, and takes nothing away that it never did.
    stage.deploy_forced("web", &text).await;
    let left = shown(&stage.changes("web").await);
    let extra = [
        "ConfigMap/web-config .data.MORE: — → \"x\" by kubectl-edit".to_owned(),
        format!(
            "{of_container}.env[name=\"EXTRA\"]: — → {{\"name\":\"EXTRA\",\"value\":\"1\"}} by kubectl-edit"
        ),
    ];
    assert_eq!(left, extra);
}

pub(crate) async fn a_value_of_a_secret_is_never_named(cluster: Cluster) {
    let canary = "canary-of-the-token";
    let text =
        format!("{WEB}secrets: {{token: {{env: BOWLINE_TEST_TOKEN}}, salt: {{prompt: Salt}}}}\n");
    let own = [("token", canary), ("salt", "sodium")];
    let own = own.map(|(key, value)| (key.to_owned(), SecretValue::new(value)));
    let values = SecretValues {
        own: own.into(),
        ..SecretValues::default()
    };
    let stage = Stage::new(&cluster).with_secrets(values);
    stage.deploy("web", &text).await;
    assert_eq!(stage.changes("web").await, Changes::default());
    let stolen = "c3RvbGVu";
    let data = json!({"data": {"token": stolen, "salt": null, "other": stolen}});
    cluster
        .merge_as("kubectl-edit", "Secret", "web-secret", &data)
        .await
        .unwrap();
    let changes = stage.changes("web").await;
    let expected = [
        "Secret/web-secret .data.salt: \"***\" → — by ",
        "Secret/web-secret .data.token: \"***\" → \"***\" by kubectl-edit",
        "Secret/web-secret .data.other: — → \"***\" by kubectl-edit",
    ];
    assert_eq!(shown(&changes), expected);
    let all = format!("{changes:?}");
    assert!(!all.contains(canary) && !all.contains(stolen) && !all.contains("stolen"));
}

pub(crate) async fn who_may_only_look_sees_what_may_be_compared(cluster: Cluster) {
    let text = format!("{WEB}secrets: {{token: {{prompt: Token}}}}\n");
    let values = SecretValues {
        own: [("token".to_owned(), SecretValue::new("x"))].into(),
        ..SecretValues::default()
    };
    let stage = Stage::new(&cluster).with_secrets(values);
    stage.deploy("web", &text).await;
    edit(&cluster, &image("nginx:1.28")).await;
    let changes = stage.viewer().changes("web").await;
    assert_eq!(shown(&changes).len(), 1);
    assert!(
        changes.remarks[0].starts_with("Secret objects are not compared"),
        "{changes:?}"
    );
}

pub(crate) async fn what_controllers_make_of_an_object_is_no_change(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    // An EndpointSlice bears all labels of its Service.
    let detail = loop {
        let detail = stage.engine().snapshot_instance(&stage.key("web")).await;
        let detail = detail.unwrap().unwrap();
        let mut rows = detail.objects().iter();
        if rows.any(|row| row.key.kind == "EndpointSlice" && row.is_member() && row.has_foreign) {
            break detail;
        }
    };
    assert_eq!(detail.is_changed(), Some(false));
    edit(&cluster, &image("nginx:1.28")).await;
    let detail = stage.engine().snapshot_instance(&stage.key("web")).await;
    assert_eq!(detail.unwrap().unwrap().is_changed(), Some(true));
}

pub(crate) async fn a_pull_of_config_says_that_its_deploy_replaces_pods(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let replaces_pods = async || {
        let key = stage.key("web");
        let pulled = live_text(stage.engine(), &key, &key.id, &surroundings()).await;
        let plan = pulled.unwrap().plan;
        let rehearsed = stage.plan("web", &plan.text).await;
        let mut notes = rehearsed.objects.iter().filter_map(|it| it.note.as_deref());
        let is_so = notes.any(|note| note == "its pods are replaced");
        (plan.replaces_pods, is_so)
    };
    edit(&cluster, &image("nginx:1.28")).await;
    assert_eq!(replaces_pods().await, (false, false));
    let level = json!({"data": {"LEVEL": "debug"}});
    cluster
        .strategic_as("kubectl-patch", "ConfigMap", "web-config", &level)
        .await
        .unwrap();
    assert_eq!(replaces_pods().await, (true, true));
}
