//! Quotas of a namespace: what they refuse and in which words, and how a deploy that meets one is told and finished.

use bowline::engine::progress::{Outcome, Step};
use http::Method;
use serde_json::{Value, json};

use crate::cluster::{Cause, Cluster, Refusal, ask, until_found};
use crate::engine::stage::{DB, Stage, WEB};
use crate::objects::{claim, config_map, service};

const QUOTA: &str = "ResourceQuota";

/// Its claim is made by the deploy itself.
const SHARED: &str = "
workload: Deployment
containers:
  - name: web
    image: nginx:1.27
    ports: [{name: http, port: 80}]
    volumeMounts: [{name: data, mountPath: /data}]
volumes: [{name: data, size: 1Gi}]
";

/// Makes a quota called `team`, or changes it, and returns once it is in force: something is counted.
async fn limit(case: &Cluster, hard: Value) {
    let quota = json!({"apiVersion": "v1", "kind": QUOTA, "metadata": {"name": "team"}, "spec": {"hard": hard}});
    case.apply("tester", &quota).await.unwrap();
    let is_counted = |quota: &Value| {
        let names = |map: &Value| {
            map.as_object()
                .map(|map| map.keys().cloned().collect::<Vec<_>>())
        };
        quota["status"]["hard"] == quota["spec"]["hard"]
            && names(&quota["status"]["used"]) == names(&quota["spec"]["hard"])
    };
    case.until(QUOTA, "team", is_counted).await;
}

async fn rehearse(case: &Cluster, object: &Value) -> Result<Value, Refusal> {
    let kind = object["kind"].as_str().unwrap();
    let path = format!("{}?dryRun=All", case.path(kind));
    ask(&case.admin, Method::POST, &path, Some(object)).await
}

/// Rehearses a creation until it is refused or let through, as is wanted: what admission goes by follows the quota's
/// status a moment later, and can be seen by nothing else.
async fn until_rehearsed(case: &Cluster, object: &Value, is_wanted: bool) -> String {
    let what = format!("a rehearsal whose success is {is_wanted}: {object}");
    until_found(&what, async || match rehearse(case, object).await {
        Ok(_) => is_wanted.then(String::new),
        Err(refusal) => {
            assert_eq!((refusal.code, refusal.reason.as_str()), (403, "Forbidden"));
            (!is_wanted).then_some(refusal.message)
        }
    })
    .await
}

/// Makes a quota that leaves room for something, once one that leaves none was seen to be in force.
async fn limit_from(case: &Cluster, none: Value, some: Value, probe: &Value) {
    limit(case, none).await;
    until_rehearsed(case, probe, false).await;
    limit(case, some).await;
    until_rehearsed(case, probe, true).await;
}

async fn until_used(case: &Cluster, used: Value) {
    case.until(QUOTA, "team", |quota| quota["status"]["used"] == used)
        .await;
}

fn pod(name: &str, resources: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "web", "image": "nginx", "resources": resources}]}})
}

pub(crate) async fn what_is_more_than_a_quota_is_refused_with_how_much(case: Cluster) {
    limit(
        &case,
        json!({"configmaps": "2", "count/deployments.apps": "0", "services": "1", "services.nodeports": "0",
            "pods": "1", "requests.cpu": "1", "limits.memory": "1Gi", "persistentvolumeclaims": "2",
            "requests.storage": "1536Mi"}),
    )
    .await;
    let refused = async |object: &Value, expected: &str| {
        assert_eq!(until_rehearsed(&case, object, false).await, expected);
    };
    refused(
        &claim("data", "2Gi"),
        "persistentvolumeclaims \"data\" is forbidden: exceeded quota: team, requested: requests.storage=2Gi, used: \
         requests.storage=0, limited: requests.storage=1536Mi",
    )
    .await;
    refused(
        &pod("a", json!({"limits": {"memory": "1Gi"}})),
        "pods \"a\" is forbidden: failed quota: team: must specify requests.cpu for: web",
    )
    .await;
    refused(
        &pod("a", json!({})),
        "pods \"a\" is forbidden: failed quota: team: must specify limits.memory for: web; requests.cpu for: web",
    )
    .await;
    let greedy = json!({"requests": {"cpu": "1500m"}, "limits": {"memory": "2Gi"}});
    refused(
        &pod("a", greedy),
        "pods \"a\" is forbidden: exceeded quota: team, requested: limits.memory=2Gi,requests.cpu=1500m, used: \
         limits.memory=0,requests.cpu=0, limited: limits.memory=1Gi,requests.cpu=1",
    )
    .await;
    refused(
        &crate::objects::deployment("web", "nginx", 1),
        "deployments.apps \"web\" is forbidden: exceeded quota: team, requested: count/deployments.apps=1, used: \
         count/deployments.apps=0, limited: count/deployments.apps=0",
    )
    .await;
    // A rehearsal used nothing; the namespace has a ConfigMap of its own.
    case.create(&config_map("a", json!({}))).await.unwrap();
    let refusal = case.create(&config_map("b", json!({}))).await.unwrap_err();
    assert_eq!(
        refusal.message,
        "configmaps \"b\" is forbidden: exceeded quota: team, requested: configmaps=1, used: configmaps=2, limited: \
         configmaps=2"
    );
    // An apply makes it too; one that is there already needs nothing more.
    let applied = case.apply("tester", &config_map("b", json!({}))).await;
    applied
        .unwrap_err()
        .check(403, "Forbidden", "exceeded quota: team");
    case.apply("tester", &config_map("a", json!({"k": "v"})))
        .await
        .unwrap();
}

pub(crate) async fn what_is_used_follows_what_comes_grows_and_goes(case: Cluster) {
    limit(
        &case,
        json!({"secrets": "2", "services": "2", "services.nodeports": "1", "pods": "1", "count/pods": "2",
            "requests.cpu": "2", "requests.storage": "3Gi"}),
    )
    .await;
    let used =
        |pods: &str, all_pods: &str, cpu: &str, services: &str, ports: &str, storage: &str| {
            json!({"secrets": "0", "services": services, "services.nodeports": ports, "pods": pods,
            "count/pods": all_pods, "requests.cpu": cpu, "requests.storage": storage})
        };
    until_used(&case, used("0", "0", "0", "0", "0", "0")).await;
    until_rehearsed(&case, &pod("a", json!({})), false).await;
    case.create(&pod("a", json!({"requests": {"cpu": "1500m"}})))
        .await
        .unwrap();
    case.create(&service(
        "web",
        json!([{"name": "a", "port": 80}, {"name": "b", "port": 81}]),
    ))
    .await
    .unwrap();
    case.create(&claim("data", "1Gi")).await.unwrap();
    until_used(&case, used("1", "1", "1500m", "1", "0", "1Gi")).await;
    let node_port = json!({"spec": {"type": "NodePort"}});
    let refusal = case.merge("Service", "web", &node_port).await.unwrap_err();
    assert_eq!(
        refusal.message,
        "services \"web\" is forbidden: exceeded quota: team, requested: services.nodeports=2, used: \
         services.nodeports=0, limited: services.nodeports=1"
    );
    // What goes is free again.
    let at_once = json!({"gracePeriodSeconds": 0});
    case.delete("Pod", "a", at_once).await.unwrap();
    case.delete("Service", "web", json!({})).await.unwrap();
    until_used(&case, used("0", "0", "0", "0", "0", "1Gi")).await;
    let other = pod("b", json!({"requests": {"cpu": "2"}}));
    until_rehearsed(&case, &other, true).await;
}

pub(crate) async fn a_quota_of_what_there_is_not_is_refused(case: Cluster) {
    let quota = |hard: Value| json!({"apiVersion": "v1", "kind": QUOTA, "metadata": {"name": "team"}, "spec": {"hard": hard}});
    let check = async |name: &str, amount: &str, whys: &[&str]| {
        let refusal = case
            .create(&quota(json!({name: amount})))
            .await
            .unwrap_err();
        let field = format!("spec.hard[{name}]");
        refusal.check(422, "Invalid", &field);
        let causes: Vec<(&str, &str)> = refusal
            .causes
            .iter()
            .map(|Cause(_, field, message)| (field.as_str(), message.as_str()))
            .collect();
        let expected: Vec<(&str, &str)> = whys.iter().map(|why| (field.as_str(), *why)).collect();
        assert_eq!(causes, expected);
    };
    check(
        "nonsense",
        "1",
        &[
            "Invalid value: \"nonsense\": must be a standard resource type or fully qualified",
            "Invalid value: \"nonsense\": must be a standard resource for quota",
        ],
    )
    .await;
    let why = "Invalid value: \"1500m\": must be an integer";
    check("pods", "1500m", &[why]).await;
    let why = "Invalid value: \"-1\": must be greater than or equal to 0";
    check("cpu", "-1", &[why]).await;
}

pub(crate) async fn pods_that_a_quota_keeps_away_are_told_and_come_when_it_is_raised(
    case: Cluster,
) {
    let stage = Stage::new(&case);
    limit_from(
        &case,
        json!({"pods": "0"}),
        json!({"pods": "1"}),
        &pod("probe", json!({})),
    )
    .await;
    let outcome = stage.deploy("web", WEB).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let told = "Failing: Deployment/web cannot create pods: quota team is used up: pods: 1 of 1 used, 1 more asked for";
    stage.until_told("web", |reason| reason == told).await;
    limit(&case, json!({"pods": "3"})).await;
    let outcome = stage.wait("web").await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

pub(crate) async fn what_a_quota_wants_to_be_stated_is_told(case: Cluster) {
    let stage = Stage::new(&case);
    limit(&case, json!({"limits.memory": "4Gi", "requests.cpu": "1"})).await;
    until_rehearsed(&case, &pod("probe", json!({})), false).await;
    let outcome = stage.deploy("web", WEB).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let told = "Failing: Deployment/web cannot create pods: quota team wants limits.memory for: web; requests.cpu for: \
                web to be set";
    stage.until_told("web", |reason| reason == told).await;
}

pub(crate) async fn a_claim_of_a_set_that_a_quota_refuses_is_told(case: Cluster) {
    let stage = Stage::new(&case);
    limit(&case, json!({"requests.storage": "512Mi"})).await;
    until_rehearsed(&case, &claim("probe", "1Gi"), false).await;
    let outcome = stage.deploy("db", DB).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let told = "Failing: StatefulSet/db cannot create pods: claim data-db-0: quota team leaves too little: requests.storage: 0 \
                of 512Mi used, 1Gi more asked for";
    stage.until_told("db", |reason| reason == told).await;
    limit(&case, json!({"requests.storage": "2Gi"})).await;
    let outcome = stage.wait("db").await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

/// Returns what was done, what failed with why, and what was not tried.
fn shown(outcome: &Outcome) -> (Vec<String>, Vec<String>, Vec<String>) {
    let name = |step: &Step| step.to_string();
    (
        outcome.done.iter().map(name).collect(),
        outcome
            .failed
            .iter()
            .map(|(step, why)| format!("{step}: {why}"))
            .collect(),
        outcome
            .not_tried
            .iter()
            .map(|(step, why)| format!("{step}: {why}"))
            .collect(),
    )
}

pub(crate) async fn a_deploy_that_meets_a_quota_half_way_is_finished_when_it_is_raised(
    case: Cluster,
) {
    let stage = Stage::new(&case);
    // There is one ConfigMap in every namespace; record and revision are two more. Each alone would pass.
    let (few, probe) = (json!({"configmaps": "1"}), config_map("probe", json!({})));
    limit_from(&case, few, json!({"configmaps": "3"}), &probe).await;
    let plan = stage.plan("web", WEB).await;
    let outcome = stage.run("web", WEB, &plan).await;
    let texts = |list: &[&str]| {
        list.iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        shown(&outcome),
        (
            texts(&[
                "claim the operation",
                "write revision 1",
                "apply Service/web"
            ]),
            texts(&[
                "apply ConfigMap/web-config: cannot apply ConfigMap/web-config: configmaps \"web-config\" is forbidden: \
                 exceeded quota: team, requested: configmaps=1, used: configmaps=3, limited: configmaps=3"
            ]),
            texts(&[
                "apply Deployment/web: it needs ConfigMap/web-config",
                "settle the record: not all objects could be applied"
            ]),
        )
    );
    limit(&case, json!({"configmaps": "9"})).await;
    until_rehearsed(&case, &probe, true).await;
    let outcome = stage.deploy("web", WEB).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("web").await.is_complete());
    assert_eq!(stage.revisions("web").await, ["bowline-web.r1"]);
}

pub(crate) async fn what_a_quota_has_no_room_for_is_told_in_the_plan(case: Cluster) {
    let stage = Stage::new(&case);
    limit(&case, json!({"requests.storage": "512Mi", "services": "0"})).await;
    until_rehearsed(&case, &claim("probe", "1Gi"), false).await;
    let plan = stage.plan("web", SHARED).await;
    let refusals: Vec<(&str, Option<usize>)> = plan
        .refusals
        .iter()
        .map(|refusal| {
            let place = refusal.causes[0].place.as_ref();
            (
                refusal.summary.as_str(),
                place.map(|place| place.span.start.line),
            )
        })
        .collect();
    assert_eq!(
        refusals,
        [
            (
                "cannot apply PersistentVolumeClaim/web-data-data: persistentvolumeclaims \"web-data-data\" is forbidden: \
                 exceeded quota: team, requested: requests.storage=1Gi, used: requests.storage=0, limited: \
                 requests.storage=512Mi",
                Some(8)
            ),
            (
                "cannot apply Service/web: services \"web\" is forbidden: exceeded quota: team, requested: services=1, \
                 used: services=0, limited: services=0",
                Some(6)
            ),
        ]
    );
    // Nothing of it is begun.
    let outcome = stage.run("web", SHARED, &plan).await;
    assert_eq!(outcome.done, [], "{outcome:?}");
    assert!(!outcome.is_complete(), "{outcome:?}");
    assert!(stage.revisions("web").await.is_empty());
}
