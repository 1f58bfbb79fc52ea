//! What becomes of Jobs, DaemonSets and CronJobs: their pods, their numbers, their end.

use serde_json::{Value, json};

use bowline::cluster::{Cluster as Engine, Identity, Selector};
use bowline::definition::object::GroupKind;
use bowline::service::health::State;
use bowline::service::watch::Scope;

use crate::cluster::{Cluster, name_of};
use crate::engine::stage::Stage;

fn pods(image: &str) -> Value {
    json!({"metadata": {"labels": {"app": "x"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}})
}

pub(crate) fn job(name: &str, image: &str, more: Value) -> Value {
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "labels": {"app": "x"}},
        "spec": {"template": pods(image)}});
    for (key, value) in more.as_object().unwrap() {
        job["spec"][key] = value.clone();
    }
    job
}

pub(crate) fn daemon_set(name: &str, image: &str) -> Value {
    let mut template = pods(image);
    template["spec"]["restartPolicy"] = json!("Always");
    json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "labels": {"app": "x"}},
        "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": template}})
}

pub(crate) fn cron_job(name: &str, schedule: &str, image: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name, "labels": {"app": "x"}},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": {"template": pods(image)}}}})
}

/// Returns types, states and reasons of the conditions.
fn conditions(object: &Value) -> Vec<String> {
    let told = |it: &Value| {
        let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", text("type"), text("status"), text("reason"))
    };
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().map(told).collect()
}

fn has(object: &Value, condition: &str) -> bool {
    conditions(object)
        .iter()
        .any(|it| it.starts_with(&format!("{condition} True")))
}

/// Returns what is printed of a kind, by the names of the columns.
async fn printed(cluster: &Cluster, group: &str, kind: &str) -> Vec<(String, String)> {
    let here = cluster.namespace.parse().unwrap();
    let engine = Engine::new(
        cluster.admin.clone(),
        Identity::default(),
        cluster.namespace.parse().unwrap(),
    );
    let selector = Selector::asked(&"app=x".parse().unwrap());
    let kind = GroupKind::new(group, kind);
    let table = engine.printed(&kind, Some(&here), &selector).await.unwrap();
    let names = table
        .columns
        .iter()
        .filter(|it| !it.is_wide)
        .map(|it| it.name.clone());
    let cells = table.rows[0].cells.iter().cloned();
    let all = names.zip(cells);
    all.filter(|(name, _)| !matches!(name.as_str(), "AGE" | "DURATION" | "LAST SCHEDULE"))
        .collect()
}

fn check_printed(printed: &[(String, String)], expected: &[(&str, &str)]) {
    let printed: Vec<(&str, &str)> = printed
        .iter()
        .map(|(name, cell)| (name.as_str(), cell.as_str()))
        .collect();
    assert_eq!(printed, expected);
}

pub(crate) async fn a_job_counts_its_runs_and_is_complete(cluster: Cluster) {
    let made = job(
        "load",
        "load:1",
        json!({"completions": 2, "parallelism": 1}),
    );
    let created = cluster.create(&made).await.unwrap();
    let uid = &created["metadata"]["uid"];
    let selector = &created["spec"]["selector"]["matchLabels"];
    assert_eq!(
        selector,
        &json!({"batch.kubernetes.io/controller-uid": uid})
    );
    let labels = &created["spec"]["template"]["metadata"]["labels"];
    assert_eq!(labels["batch.kubernetes.io/job-name"], "load");
    assert_eq!(
        (
            &created["spec"]["backoffLimit"],
            &created["spec"]["completionMode"]
        ),
        (&json!(6), &json!("NonIndexed"))
    );

    let done = cluster
        .until("Job", "load", |job| has(job, "Complete"))
        .await;
    assert_eq!(
        conditions(&done),
        [
            "SuccessCriteriaMet True CompletionsReached",
            "Complete True CompletionsReached"
        ]
    );
    let status = &done["status"];
    assert_eq!(
        (&status["succeeded"], &status["ready"], &status["active"]),
        (&json!(2), &json!(0), &Value::Null)
    );
    assert_eq!(status["uncountedTerminatedPods"], json!({}));
    assert!(status["completionTime"].is_string() && status["startTime"].is_string());
    let pods = cluster
        .list("Pod", "batch.kubernetes.io/job-name=load")
        .await;
    assert_eq!(pods.len(), 2);
    for pod in pods {
        assert!(name_of(&pod).starts_with("load-"));
        let owner = &pod["metadata"]["ownerReferences"][0];
        assert_eq!((&owner["kind"], &owner["uid"]), (&json!("Job"), uid));
        assert_eq!(
            (&pod["status"]["phase"], &pod["metadata"]["finalizers"]),
            (&json!("Succeeded"), &Value::Null)
        );
    }
    let told = printed(&cluster, "batch", "Job").await;
    check_printed(
        &told,
        &[
            ("NAME", "load"),
            ("STATUS", "Complete"),
            ("COMPLETIONS", "2/2"),
        ],
    );
}

pub(crate) async fn a_job_that_takes_too_long_fails_and_says_why(cluster: Cluster) {
    let made = job("load", "load:missing", json!({"activeDeadlineSeconds": 1}));
    cluster.create(&made).await.unwrap();
    let failed = cluster.until("Job", "load", |job| has(job, "Failed")).await;
    assert_eq!(
        conditions(&failed),
        [
            "FailureTarget True DeadlineExceeded",
            "Failed True DeadlineExceeded"
        ]
    );
    assert_eq!(
        failed["status"]["conditions"][1]["message"],
        "Job was active longer than specified deadline"
    );
    let nobody = |pods: &[Value]| pods.is_empty();
    cluster
        .until_all("Pod", "labelSelector=app%3Dx", nobody)
        .await;
    let told = printed(&cluster, "batch", "Job").await;
    check_printed(
        &told,
        &[
            ("NAME", "load"),
            ("STATUS", "Failed"),
            ("COMPLETIONS", "0/1"),
        ],
    );
}

pub(crate) async fn a_suspended_job_waits_and_what_is_deleted_is_gone(cluster: Cluster) {
    let made = job("load", "load:missing", json!({"suspend": true}));
    cluster.create(&made).await.unwrap();
    let suspended = cluster
        .until("Job", "load", |job| has(job, "Suspended"))
        .await;
    assert_eq!(conditions(&suspended), ["Suspended True JobSuspended"]);
    assert_eq!(cluster.list("Pod", "app=x").await, [Value::Null; 0]);
    let resume = json!({"spec": {"suspend": false}});
    cluster.merge("Job", "load", &resume).await.unwrap();
    let resumed = cluster
        .until("Job", "load", |job| job["status"]["active"] == 1)
        .await;
    assert_eq!(conditions(&resumed), ["Suspended False JobResumed"]);
    let options = json!({"propagationPolicy": "Foreground"});
    cluster.delete("Job", "load", options).await.unwrap();
    cluster.until_gone("Job", "load").await;
    assert_eq!(cluster.list("Pod", "app=x").await, [Value::Null; 0]);
}

pub(crate) async fn pods_that_never_end_and_schedules_that_are_none_are_refused(cluster: Cluster) {
    let mut made = job("load", "load:1", json!({}));
    made["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
    let refusal = cluster.create(&made).await.unwrap_err();
    refusal.check(422, "Invalid", r#"valid values: "OnFailure", "Never""#);
    assert_eq!(refusal.fields(), ["spec.template.spec.restartPolicy"]);
    let refusal = cluster
        .create(&cron_job("tick", "every day", "tick:1"))
        .await
        .unwrap_err();
    refusal.check(
        422,
        "Invalid",
        "expected exactly 5 fields, found 2: [every day]",
    );
    assert_eq!(refusal.fields(), ["spec.schedule"]);
}

pub(crate) async fn a_daemon_set_has_a_pod_on_each_node_and_replaces_them(cluster: Cluster) {
    let n_nodes = cluster.list("Node", "").await.len();
    cluster
        .create(&daemon_set("agent", "agent:1"))
        .await
        .unwrap();
    let all = json!(n_nodes);
    let is_up = |set: &Value| set["status"]["numberAvailable"] == all;
    let up = cluster.until("DaemonSet", "agent", is_up).await;
    let mut status = up["status"].clone();
    status.as_object_mut().unwrap().remove("collisionCount");
    let expected = json!({"currentNumberScheduled": all, "desiredNumberScheduled": all, "numberAvailable": all,
        "numberMisscheduled": 0, "numberReady": all, "observedGeneration": 1, "updatedNumberScheduled": all});
    assert_eq!(status, expected);
    let pods = cluster.list("Pod", "app=x").await;
    let mut nodes: Vec<&str> = pods
        .iter()
        .map(|pod| pod["spec"]["nodeName"].as_str().unwrap())
        .collect();
    nodes.sort_unstable();
    nodes.dedup();
    assert_eq!(nodes.len(), n_nodes);
    let told = printed(&cluster, "apps", "DaemonSet").await;
    let n = n_nodes.to_string();
    check_printed(
        &told,
        &[
            ("NAME", "agent"),
            ("DESIRED", &n),
            ("CURRENT", &n),
            ("READY", &n),
            ("UP-TO-DATE", &n),
            ("AVAILABLE", &n),
            ("NODE SELECTOR", "<none>"),
        ],
    );

    let hash = |pod: &Value| pod["metadata"]["labels"]["controller-revision-hash"].clone();
    let before = hash(&pods[0]);
    assert!(before.is_string());
    let change = json!({"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}});
    cluster.merge("DaemonSet", "agent", &change).await.unwrap();
    let is_over = |set: &Value| {
        let status = &set["status"];
        status["observedGeneration"] == 2
            && status["updatedNumberScheduled"] == all
            && status["numberAvailable"] == all
    };
    cluster.until("DaemonSet", "agent", is_over).await;
    let is_new =
        |pods: &[Value]| pods.len() == n_nodes && pods.iter().all(|pod| hash(pod) != before);
    cluster
        .until_all("Pod", "labelSelector=app%3Dx", is_new)
        .await;
}

pub(crate) async fn a_cron_job_makes_jobs_keeps_the_last_and_stops_when_suspended(
    cluster: Cluster,
) {
    let mut made = cron_job("tick", "@every 1s", "tick:1");
    made["spec"]["successfulJobsHistoryLimit"] = json!(1);
    let created = cluster.create(&made).await.unwrap();
    assert_eq!(
        (
            &created["spec"]["concurrencyPolicy"],
            &created["spec"]["failedJobsHistoryLimit"]
        ),
        (&json!("Allow"), &json!(1))
    );
    let told = printed(&cluster, "batch", "CronJob").await;
    check_printed(
        &told[..4],
        &[
            ("NAME", "tick"),
            ("SCHEDULE", "@every 1s"),
            ("TIMEZONE", "<none>"),
            ("SUSPEND", "False"),
        ],
    );
    cluster
        .until("CronJob", "tick", |cron| {
            cron["status"]["lastSuccessfulTime"].is_string()
        })
        .await;
    let suspend = json!({"spec": {"suspend": true}});
    let suspended = cluster.merge("CronJob", "tick", &suspend).await.unwrap();
    let is_its =
        |job: &Value| job["metadata"]["ownerReferences"][0]["uid"] == suspended["metadata"]["uid"];
    let is_last = |jobs: &[Value]| {
        let jobs: Vec<&Value> = jobs.iter().filter(|job| is_its(job)).collect();
        jobs.len() == 1 && has(jobs[0], "Complete")
    };
    let jobs = cluster.until_all("Job", "", is_last).await;
    let scheduled =
        &jobs[0]["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    assert!(scheduled.is_string() && name_of(&jobs[0]).starts_with("tick-"));
    let is_idle = |cron: &Value| cron["status"]["active"].is_null();
    let idle = cluster.until("CronJob", "tick", is_idle).await;
    assert!(idle["status"]["lastScheduleTime"].is_string());
}

/// What the list and the open instance tell of one made of manifests.
pub(crate) async fn instances_of_jobs_and_daemons_are_counted_and_judged(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let n_nodes = u32::try_from(cluster.list("Node", "").await.len()).unwrap();
    for (id, object) in [
        ("agent", daemon_set("agent", "agent:1")),
        ("load", job("load", "load:1", json!({"completions": 2}))),
        (
            "late",
            job("late", "load:missing", json!({"activeDeadlineSeconds": 1})),
        ),
        ("tick", cron_job("tick", "0 0 1 1 *", "tick:1")),
        ("off", job("off", "load:1", json!({"suspend": true}))),
    ] {
        let deployed = stage.deploy(id, &format!("{object}\n")).await;
        assert!(deployed.is_complete(), "{deployed:?}");
    }
    for id in ["agent", "load", "tick"] {
        let waited = stage.wait(id).await;
        assert!(waited.is_complete(), "{waited:?}");
    }
    cluster.until("Job", "late", |job| has(job, "Failed")).await;
    let scope = Scope::Namespace(stage.key("load").namespace);
    let now = stage.engine().now();
    let fleet = stage.engine().snapshot(&scope).await.unwrap();
    let late = "Job/late: DeadlineExceeded: Job was active longer than specified deadline";
    for (id, state, reason, counts) in [
        ("agent", State::Ready, None, (n_nodes, n_nodes)),
        ("load", State::Ready, None, (2, 2)),
        ("late", State::Failing, Some(late), (0, 1)),
        ("tick", State::Ready, None, (0, 0)),
        ("off", State::Stopped, None, (0, 1)),
    ] {
        let instance = fleet.get(&stage.key(id)).unwrap();
        let health = instance.health();
        assert_eq!(
            (health.state, health.reason.as_deref()),
            (state, reason),
            "{id}"
        );
        assert_eq!((instance.ready(), instance.wanted()), counts, "{id}");
        let detail = stage.engine().snapshot_instance(&stage.key(id)).await;
        let detail = detail.unwrap().unwrap();
        assert_eq!(detail.health(now), *health, "{id}");
        assert_eq!(detail.workloads().len(), 1, "{id}");
        assert_eq!(detail.is_changed(), Some(false), "{id}");
    }
}
