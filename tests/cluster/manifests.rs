//! Manifests as a definition: objects of any kind, custom ones included, in the right order, and no further than allowed.

use std::collections::BTreeSet;
use std::time::Duration;

use bowline::definition::check::CheckContext;
use bowline::definition::diagnostic::Diagnostic;
use bowline::definition::policy::Policy;
use bowline::engine::adjust::Adjustment;
use bowline::engine::deploy::{RunOptions, run_deploy};
use bowline::engine::online::{CheckedOnline, check_online};
use bowline::engine::plan::{Change, DiffSide, Fate, VolumeChoice};
use bowline::engine::progress::Step;
use bowline::engine::remedy::{Remedies, Remedy};
use bowline::service::health::State;
use bowline::service::watch::{Delta, WatchEvent};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use crate::cluster::{Cluster, ask, send, until_found};
use crate::engine::stage::{Fault, Stage, changes, claiming_set, deployment};

/// A kind that no other case has: definitions are the whole cluster's.
fn definition(cluster: &Cluster) -> String {
    let group = group(cluster);
    format!(
        "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [size]
              properties:
                size: {{type: integer}}
                colour: {{type: string}}
"
    )
}

fn group(cluster: &Cluster) -> String {
    format!("{}.example.com", cluster.namespace)
}

fn widget(cluster: &Cluster, name: &str, size: u32) -> String {
    let group = group(cluster);
    format!(
        "apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: {name}}}\nspec: {{size: {size}}}\n"
    )
}

const CONFIG: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {script: 'echo $HOME ${USER} $$'}
";

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: frontend, labels: {app.kubernetes.io/name: front}}
spec:
  replicas: 1
  selector: {matchLabels: {app.kubernetes.io/name: front, app.kubernetes.io/instance: chart}}
  template:
    metadata: {labels: {app.kubernetes.io/name: front, app.kubernetes.io/instance: chart}}
    spec:
      containers:
        - {name: web, image: 'nginx:1.27', envFrom: [{configMapRef: {name: settings}}]}
";

fn everything() -> Policy {
    Policy {
        allow_cluster_scoped: true,
        allow_namespaces: Vec::new(),
    }
}

fn documents(parts: &[&str]) -> String {
    parts.join("\n---\n")
}

async fn widgets(cluster: &Cluster) -> Vec<Value> {
    let path = format!(
        "/apis/{}/v1/namespaces/{}/widgets",
        group(cluster),
        cluster.namespace
    );
    let list = ask(&cluster.admin, Method::GET, &path, None).await;
    list.map_or_else(
        |_| Vec::new(),
        |list| list["items"].as_array().cloned().unwrap_or_default(),
    )
}

pub(crate) async fn a_kind_and_its_objects_come_and_go_together(cluster: Cluster) {
    let stage = Stage::new(&cluster).under(everything());
    // Written in the wrong order on purpose.
    let text = documents(&[
        &widget(&cluster, "big", 3),
        WEB,
        CONFIG,
        &definition(&cluster),
    ]);
    let plan = stage.plan("shop", &text).await;
    assert_eq!(plan.refusals, []);
    let name = format!("widgets.{}", group(&cluster));
    assert_eq!(
        changes(&plan),
        [
            &*format!("Create CustomResourceDefinition/{name}"),
            "Create ConfigMap/settings",
            "Create Deployment/frontend",
            "Create Widget/big",
        ]
    );
    assert_eq!(
        plan.objects[3].note.as_deref(),
        Some("not rehearsed: its kind comes with this definition")
    );
    let outcome = stage.run("shop", &text, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let outcome = stage.wait("shop").await;
    assert!(outcome.is_complete(), "{outcome:?}");

    let live = cluster.get("ConfigMap", "settings").await.unwrap();
    assert_eq!(live["data"], json!({"script": "echo $HOME ${USER} $$"}));
    let labels = &live["metadata"]["labels"];
    assert_eq!(labels["app.kubernetes.io/managed-by"], "bowline");
    assert_eq!(labels["app.kubernetes.io/instance"], "shop");
    assert_eq!(labels["app.kubernetes.io/name"], "shop");
    let big = &widgets(&cluster).await[0];
    assert_eq!(
        big["metadata"]["labels"]["applyset.kubernetes.io/part-of"],
        labels["applyset.kubernetes.io/part-of"]
    );
    let web = cluster.get("Deployment", "frontend").await.unwrap();
    let template = &web["spec"]["template"]["metadata"]["labels"];
    // The name tells the parts of a set from each other, the instance is the same for all of them.
    let expected = json!({
        "app.kubernetes.io/name": "front", "app.kubernetes.io/instance": "shop",
        "app.kubernetes.io/managed-by": "bowline",
    });
    assert_eq!(template, &expected);
    assert_eq!(
        web["spec"]["selector"]["matchLabels"],
        json!({"app.kubernetes.io/name": "front", "app.kubernetes.io/instance": "shop"})
    );
    assert!(stage.plan("shop", &text).await.is_noop());

    let plan = stage.plan_teardown("shop", VolumeChoice::Keep).await;
    assert_eq!(plan.refusals, []);
    assert!(
        plan.warnings
            .iter()
            .any(|it| it.contains("every object of its kind")),
        "{:?}",
        plan.warnings
    );
    let outcome = stage.run_teardown(&plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let deleted: Vec<String> = outcome
        .done
        .iter()
        .filter_map(|step| match step {
            Step::Delete(key) => Some(key.kind.clone()),
            _ => None,
        })
        .collect();
    let at = |kind: &str| deleted.iter().position(|it| it == kind).unwrap();
    assert!(at("Widget") < at("Deployment") && at("Deployment") < at("CustomResourceDefinition"));
    stage.until_nothing_is_left("shop", &[]).await;
    assert!(widgets(&cluster).await.is_empty());
}

pub(crate) async fn pods_that_a_partition_holds_back_are_not_awaited(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    for strategy in [
        "{type: RollingUpdate, rollingUpdate: {partition: 2}}",
        "{type: OnDelete}",
    ] {
        let text = |image: &str| {
            format!(
                "
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: part}}
spec:
  replicas: 3
  serviceName: part
  updateStrategy: {strategy}
  selector: {{matchLabels: {{app: part}}}}
  template:
    metadata: {{labels: {{app: part}}}}
    spec: {{containers: [{{name: main, image: '{image}'}}]}}
"
            )
        };
        for image in ["nginx:1.27", "nginx:1.28"] {
            assert!(stage.deploy("part", &text(image)).await.is_complete());
            let outcome = stage.wait("part").await;
            assert!(outcome.is_complete(), "{strategy} {image}: {outcome:?}");
        }
        let pods = cluster.list("Pod", "app=part").await;
        let new = pods
            .iter()
            .filter(|pod| pod["spec"]["containers"][0]["image"] == "nginx:1.28");
        let is_on_delete = strategy.contains("OnDelete");
        assert_eq!(new.count(), usize::from(!is_on_delete), "{strategy}");
        stage.teardown("part", VolumeChoice::Keep).await;
        stage.until_nothing_is_left("part", &[]).await;
    }
}

pub(crate) async fn events_about_objects_with_names_of_their_own_are_watched(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let text = documents(&[WEB, CONFIG]);
    assert!(stage.deploy("shop", &text).await.is_complete());
    let (sender, mut reported) = unbounded_channel();
    let sink = move |event| drop(sender.send(event));
    let _watch = stage
        .engine()
        .watch_instance(&stage.key("shop"), Duration::ZERO, sink);
    let mut awaited = BTreeSet::from(["Deployment frontend", "Pod frontend-"]);
    while !awaited.is_empty() {
        let Some(WatchEvent::Events(deltas)) = reported.recv().await else {
            continue;
        };
        for delta in deltas {
            let events = match delta {
                Delta::Reset(all) => all,
                Delta::Applied(event) => vec![event],
                Delta::Removed(_) => Vec::new(),
            };
            for event in events {
                let about = format!("{} {}", event.object_kind, event.object_name);
                awaited.retain(|wanted| !about.starts_with(wanted));
            }
        }
    }
}

pub(crate) async fn workloads_stay_while_objects_are_held_that_they_may_have_to_let_go_of(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster).under(everything());
    let text = documents(&[
        &widget(&cluster, "big", 3),
        WEB,
        CONFIG,
        &definition(&cluster),
    ]);
    let outcome = stage.deploy("shop", &text).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let (group, home) = (group(&cluster), &cluster.namespace);
    let path = format!("/apis/{group}/v1/namespaces/{home}/widgets/big");
    let set_finalizers = async |finalizers: Value| {
        let body = json!({"metadata": {"finalizers": finalizers}}).to_string();
        let content_type = "application/merge-patch+json";
        let answer = send(&cluster.admin, Method::PATCH, &path, content_type, body).await;
        answer.value().unwrap();
    };
    set_finalizers(json!(["example.com/hold"])).await;
    let outcome = stage
        .teardown_within("shop", VolumeChoice::Keep, Duration::from_secs(3))
        .await;
    let held = "Widget/big is held by example.com/hold";
    assert_eq!(outcome.pending, [held]);
    let is_web = |step: &Step| matches!(step, Step::Delete(key) if key.kind == "Deployment");
    let (_, why) = outcome
        .not_tried
        .iter()
        .find(|(step, _)| is_web(step))
        .unwrap();
    let told = format!("{held}, and what runs here may have to let go of it");
    assert_eq!(*why, told);
    let live = cluster.get("Deployment", "frontend").await.unwrap();
    assert_eq!(live["metadata"]["deletionTimestamp"], Value::Null);

    set_finalizers(Value::Null).await;
    let outcome = stage.teardown("shop", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("shop", &[]).await;
}

pub(crate) async fn objects_of_others_that_go_with_their_kind_are_counted(cluster: Cluster) {
    let stage = Stage::new(&cluster).under(everything());
    let text = documents(&[&definition(&cluster), &widget(&cluster, "own", 1)]);
    assert!(stage.deploy("shop", &text).await.is_complete());
    let told = async || {
        let plan = stage.plan_teardown("shop", VolumeChoice::Keep).await;
        let mut warnings = plan.warnings.iter();
        let warning = warnings.find(|it| it.contains("every object of its kind"));
        let counted = warning.and_then(|it| it.rsplit_once(": "));
        (counted.map(|it| it.1.to_owned()), plan.n_strangers)
    };
    let none = Some("there is none now but its own".to_owned());
    assert_eq!(told().await, (none, 0));
    let (group, home) = (group(&cluster), &cluster.namespace);
    let path = format!("/apis/{group}/v1/namespaces/{home}/widgets");
    let stranger = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Widget",
        "metadata": {"name": "theirs"}, "spec": {"size": 2},
    });
    ask(&cluster.admin, Method::POST, &path, Some(&stranger))
        .await
        .unwrap();
    let one = format!("1 that is not of this instance is there now, {home}/theirs");
    assert_eq!(told().await, (Some(one), 1));
    // Who may not list them cannot know whose go.
    let forbidden = Fault::instead(Method::GET, "/v1/widgets", StatusCode::FORBIDDEN);
    let blind = stage.with(forbidden).under(everything());
    let plan = blind.plan_teardown("shop", VolumeChoice::Keep).await;
    assert_eq!((plan.n_strangers, plan.hides_strangers), (0, true));
    let unseen = "Objects that are not of this instance may go along: this user may not list them.";
    assert_eq!(plan.strangers().as_deref(), Some(unseen));
    // The same is said where the definition of the kind leaves the text.
    let plan = stage.plan("shop", CONFIG).await;
    let is_told = |it: &String| it.ends_with(&format!("{home}/theirs"));
    assert!(plan.warnings.iter().any(is_told), "{:?}", plan.warnings);
}

/// What others wrote into the old one goes with it.
pub(crate) async fn what_is_made_anew_is_compared_with_what_will_be_there(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let pod = "{containers: [{name: main, image: 'nginx:1.27'}]}";
    let text = deployment("web", pod);
    assert!(stage.deploy("web", &text).await.is_complete());
    let foreign = json!({"metadata": {"labels": {"theirs": "label"}},
        "spec": {"template": {"metadata": {"annotations": {"theirs": "too"}}}}});
    cluster.merge("Deployment", "web", &foreign).await.unwrap();
    let text = text.replace("app: web", "part: front");
    let anew = stage.agreeing(Remedies::default().with(Remedy::Recreate));
    let plan = anew.plan("web", &text).await;
    assert_eq!(plan.refusals, []);
    assert_eq!(changes(&plan), ["Recreate Deployment/web"]);
    let with = |side: DiffSide| -> Vec<&str> {
        let lines = plan.objects[0].difference.iter();
        let of_side = lines.filter(|line| line.side == side);
        of_side.map(|line| line.text.trim()).collect()
    };
    let (old, new, both) = (
        with(DiffSide::Old),
        with(DiffSide::New),
        with(DiffSide::Both),
    );
    for going in ["theirs: label", "theirs: too", "app: web"] {
        assert!(old.contains(&going), "{going}: {old:?}");
        assert!(!new.contains(&going) && !both.contains(&going), "{going}");
    }
    assert!(new.contains(&"part: front"), "{new:?}");
    // What the server fills in stays, and so it is no difference.
    let is_default = |line: &&str| line.contains("terminationGracePeriodSeconds");
    assert!(!old.iter().any(is_default), "{old:?}");
    let names = old.iter().chain(&new);
    assert!(!names.clone().any(|line| line.contains("-anew")), "{new:?}");
}

pub(crate) async fn what_is_made_anew_is_made_however_little_time_is_given(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let pod = "{containers: [{name: main, image: 'nginx:1.27'}]}";
    let text = deployment("web", pod);
    assert!(stage.deploy("web", &text).await.is_complete());
    let text = text.replace("app: web", "part: front");
    let anew = stage.agreeing(Remedies::default().with(Remedy::Recreate));
    let (request, plan) = (anew.request("web", &text), anew.plan("web", &text).await);
    let options = RunOptions {
        gone_within: Some(Duration::ZERO),
        ..RunOptions::default()
    };
    let outcome = run_deploy(anew.engine(), &request, &plan, options, &|_| {}).await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

pub(crate) async fn what_left_the_text_is_pruned_and_a_list_is_unfolded(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let first = "
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {a: '1'}}
---
apiVersion: v1
kind: ConfigMapList
items:
  - {metadata: {name: two}, data: {a: '1'}}
";
    let outcome = stage.deploy("pair", first).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("pair").await.is_complete());
    let second = "{apiVersion: v1, kind: ConfigMap, metadata: {name: two}, data: {a: '2'}}\n";
    let plan = stage.plan("pair", second).await;
    assert_eq!(
        changes(&plan),
        ["Update ConfigMap/two", "Delete ConfigMap/one"]
    );
    let outcome = stage.run("pair", second, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    cluster.until_gone("ConfigMap", "one").await;

    // The same names under another ID belong to the first.
    let plan = stage.plan("other", second).await;
    assert!(
        plan.refusals[0]
            .summary
            .contains("it belongs to instance pair"),
        "{:?}",
        plan.refusals
    );
    let outcome = stage.teardown("pair", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("pair", &[]).await;
}

pub(crate) async fn another_namespace_is_refused_unless_it_is_allowed(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let other = format!("{}-b", cluster.namespace);
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}});
    cluster.create(&namespace).await.unwrap();
    let there = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: there, namespace: {other}}}, data: {{a: '1'}}}}\n"
    );
    let here = "{apiVersion: v1, kind: ConfigMap, metadata: {name: here}}\n";
    let text = documents(&[here, &there]);
    let plan = stage.plan("far", &text).await;
    let told = &plan.refusals[0].summary;
    assert!(
        told.contains("ConfigMap/there is for namespace") && told.contains("line 4"),
        "{told}"
    );

    let allowed = Stage::new(&cluster).under(Policy {
        allow_cluster_scoped: false,
        allow_namespaces: vec![other.parse().unwrap()],
    });
    let outcome = allowed.deploy("far", &text).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let record = cluster.get("ConfigMap", "bowline-far").await.unwrap();
    let namespaces =
        &record["metadata"]["annotations"]["applyset.kubernetes.io/additional-namespaces"];
    assert_eq!(namespaces, &json!(other));
    let path = format!("{}/there", cluster.path_in(&other, "ConfigMap"));
    ask(&cluster.admin, Method::GET, &path, None).await.unwrap();
    assert!(allowed.plan("far", &text).await.is_noop());

    // Without the leave it is neither pruned nor torn down, and the record goes on naming it.
    let plan = stage.plan("far", here).await;
    assert!(
        plan.warnings
            .iter()
            .any(|it| it.contains("ConfigMap/there left the definition and stays")),
        "{:?}",
        plan.warnings
    );
    let plan = stage.plan_teardown("far", VolumeChoice::Keep).await;
    let fates: Vec<(String, bool)> = plan
        .rows
        .iter()
        .map(|row| (row.key.to_string(), row.fate == Fate::Deleted))
        .collect();
    assert!(
        fates.contains(&("ConfigMap/there".to_owned(), false)),
        "{fates:?}"
    );
    assert!(
        fates.contains(&("ConfigMap/bowline-far".to_owned(), false)),
        "{fates:?}"
    );

    let plan = allowed.plan("far", here).await;
    assert!(
        plan.objects
            .iter()
            .any(|it| it.change == Change::Delete && it.key.name == "there"),
        "{:?}",
        changes(&plan)
    );
    let outcome = allowed.teardown("far", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    allowed.until_nothing_is_left("far", &[]).await;
    let gone = ask(&cluster.admin, Method::GET, &path, None).await;
    assert!(gone.is_err(), "{gone:?}");
    let path = format!("{}/{other}", cluster.path("Namespace"));
    ask(&cluster.admin, Method::DELETE, &path, None)
        .await
        .unwrap();
}

/// What may not be deleted stays, and what is left of the instance does not pass for all of it.
pub(crate) async fn a_teardown_that_leaves_what_it_may_not_delete_stays_noted(cluster: Cluster) {
    let role = format!("{}:left", cluster.namespace);
    let text = documents(&[
        &format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: '{role}'}}, rules: []}}"
        ),
        CONFIG,
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: half}}",
    ]);
    let stage = Stage::new(&cluster);
    let allowed = Stage::new(&cluster).under(everything());
    assert!(allowed.deploy("half", &text).await.is_complete());
    let plan = stage.plan_teardown("half", VolumeChoice::Keep).await;
    let why = format!(
        "not everything of its set may be deleted: ClusterRole/{role} is left, as it is in no namespace, and [policy] \
         allow_cluster_scoped is not set"
    );
    let noted = format!("the record stays, with a note of a teardown that is not finished: {why}");
    let is_told = plan.warnings.iter().any(|it| it.starts_with(&noted));
    assert!(is_told, "{:?}", plan.warnings);
    // Two reasons make one warning.
    let unlisted = Fault::instead(Method::GET, "/serviceaccounts", StatusCode::FORBIDDEN);
    let plan = stage
        .with(unlisted)
        .plan_teardown("half", VolumeChoice::Keep)
        .await;
    let mut told = plan.warnings.clone();
    told.retain(|it| it.starts_with("the record stays"));
    let both = format!("not everything of its set could be listed, and {why};");
    assert!(told.len() == 1 && told[0].contains(&both), "{told:?}");
    let health = async || health(&stage, "half").await;
    for _ in 0..2 {
        stage.teardown("half", VolumeChoice::Keep).await;
        let (state, reason) = health().await;
        assert_eq!(state, State::Interrupted, "{reason}");
        assert!(reason.ends_with(&why), "{reason}");
        // Its own user may go on with it as often as they like: nothing more goes.
        let plan = stage.plan_adjustment("half", Adjustment::Restart).await;
        let told = plan.refusals[0].summary.clone();
        let ways = format!(
            "who may do the rest goes on with it by `bowline resume half -n {0}` or `bowline delete half -n {0}`",
            cluster.namespace
        );
        assert!(told.ends_with(&ways), "{told}");
    }
    // A deploy makes it whole again, and a teardown that may delete all of it leaves nothing.
    assert!(allowed.deploy("half", &text).await.is_complete());
    assert_eq!(health().await.0, State::Ready);
    stage.teardown("half", VolumeChoice::Keep).await;
    let outcome = allowed.teardown("half", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    allowed.until_nothing_is_left("half", &[]).await;
}

/// Returns what is told of an instance's health.
async fn health(stage: &Stage<'_>, id: &str) -> (State, String) {
    let detail = stage.engine().snapshot_instance(&stage.key(id)).await;
    let health = detail.unwrap().unwrap().health(Timestamp::now());
    (health.state, health.reason.unwrap_or_default())
}

/// Nor does what is left of it where a second run comes no further, be it another teardown or a deploy.
pub(crate) async fn a_teardown_that_is_denied_again_stays_noted(cluster: Cluster) {
    let config =
        |name: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}");
    let text = documents(&[&config("duo-a"), &config("duo-b")]);
    let stage = Stage::new(&cluster);
    assert!(stage.deploy("duo", &text).await.is_complete());
    for _ in 0..2 {
        let denied = Fault::instead(Method::DELETE, "/configmaps/duo-b", StatusCode::FORBIDDEN);
        let denied = stage.with(denied);
        let outcome = denied.teardown("duo", VolumeChoice::Keep).await;
        assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
        let (state, reason) = health(&stage, "duo").await;
        assert_eq!(state, State::Interrupted, "{reason}");
    }
    let denied = Fault::instead(Method::PATCH, "/configmaps/duo-a", StatusCode::FORBIDDEN);
    let outcome = stage.with(denied).deploy("duo", &text).await;
    assert_eq!(outcome.failed.len(), 1, "{outcome:?}");
    let (state, reason) = health(&stage, "duo").await;
    assert_eq!(state, State::Interrupted, "{reason}");
    assert!(stage.deploy("duo", &text).await.is_complete());
    assert_eq!(health(&stage, "duo").await.0, State::Ready);
    let outcome = stage.teardown("duo", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("duo", &[]).await;
}

pub(crate) async fn cluster_scope_is_refused_unless_it_is_allowed(cluster: Cluster) {
    let text = documents(&[
        &format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: '{}:reader'}}, rules: []}}",
            cluster.namespace
        ),
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader}}",
    ]);
    let stage = Stage::new(&cluster);
    let allowed = Stage::new(&cluster).under(everything());
    let outcome = allowed.deploy("roles", &text).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let request = allowed.request("roles", &text);
    let plan = stage.plan_request(request).await;
    let told = &plan.refusals[0].summary;
    assert!(
        told.contains("is in no namespace") && told.contains("allow_cluster_scoped"),
        "{told}"
    );
    let plan = stage.plan_teardown("roles", VolumeChoice::Keep).await;
    let role = plan
        .rows
        .iter()
        .find(|row| row.key.kind == "ClusterRole")
        .unwrap();
    assert!(matches!(&role.fate, Fate::Left(why) if why.contains("allow_cluster_scoped")));

    let outcome = allowed.teardown("roles", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    allowed.until_nothing_is_left("roles", &[]).await;
    let path = format!(
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/{}:reader",
        cluster.namespace
    );
    assert!(ask(&cluster.admin, Method::GET, &path, None).await.is_err());
}

pub(crate) async fn a_kind_that_is_not_served_is_named_with_its_line(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let text = documents(&[
        CONFIG,
        "{apiVersion: apps/v1, kind: Deploymint, metadata: {name: web}}",
        "{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: web}}",
    ]);
    let plan = stage.plan("odd", &text).await;
    let told: Vec<&str> = plan.refusals.iter().map(|it| it.summary.as_str()).collect();
    assert_eq!(
        told,
        [
            "line 8: the cluster serves no apps/v1 Deploymint; it serves apps/v1 Deployment",
            "line 10: the cluster serves no apps/v1beta1 Deployment; it serves apps/v1 Deployment",
        ]
    );
    let outcome = stage.run("odd", &text, &plan).await;
    assert!(outcome.done.is_empty(), "{outcome:?}");
    assert!(
        cluster
            .list("ConfigMap", "app.kubernetes.io/instance=odd")
            .await
            .is_empty()
    );
}

pub(crate) async fn claims_of_any_set_are_kept_and_bound_again(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let text = &claiming_set(1);
    let outcome = stage.deploy("store", text).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let outcome = stage.wait("store").await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let claim = cluster
        .get("PersistentVolumeClaim", "data-db-0")
        .await
        .unwrap();
    let outcome = stage.teardown("store", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage
        .until_nothing_is_left("store", &["PersistentVolumeClaim/data-db-0"])
        .await;

    let plan = stage.plan("store", text).await;
    assert!(
        plan.warnings
            .iter()
            .any(|it| it.contains("data-db-0 is there already")),
        "{:?}",
        plan.warnings
    );
    assert!(stage.run("store", text, &plan).await.is_complete());
    assert!(stage.wait("store").await.is_complete());
    let again = cluster
        .get("PersistentVolumeClaim", "data-db-0")
        .await
        .unwrap();
    assert_eq!(again["metadata"]["uid"], claim["metadata"]["uid"]);
    let outcome = stage.teardown("store", VolumeChoice::Delete).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("store", &[]).await;
}

/// Shows faults as `3:8 error: message`.
fn shown(faults: &[Diagnostic]) -> Vec<String> {
    let line = |fault: &Diagnostic| {
        let start = fault.span.start;
        format!(
            "{}:{} {}: {}",
            start.line, start.column, fault.severity, fault.message
        )
    };
    faults.iter().map(line).collect()
}

async fn check_on(stage: &Stage<'_>, text: &str) -> CheckedOnline {
    let context = CheckContext {
        policy: stage.engine().policy().clone(),
        ..CheckContext::default()
    };
    check_online(stage.engine(), text, context, None).await
}

pub(crate) async fn custom_objects_are_checked_by_the_schema_of_their_definition(cluster: Cluster) {
    let stage = Stage::new(&cluster).under(everything());
    let outcome = stage.deploy("kinds", &definition(&cluster)).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let faulty = "size: large, color: red";
    let text = documents(&[
        CONFIG,
        &widget(&cluster, "big", 3).replace("size: 3", faulty),
    ]);
    // A server tells of a new kind a moment after it takes objects of it, and publishes its schema a moment later.
    let online = until_found("the schema of Widget", async || {
        let online = check_on(&stage, &text).await;
        let unknown = |fault: &Diagnostic| {
            let not_yet = ["no schema of Widget", "the cluster serves no"];
            not_yet.iter().any(|words| fault.message.starts_with(words))
        };
        (!online.checked.diagnostics.iter().any(unknown)).then_some(online)
    })
    .await;
    assert_eq!(
        shown(&online.checked.diagnostics),
        [
            "11:14 error: `size` must be a whole number, not text",
            "11:21 error: `color` is not a key here; did you mean `colour`?",
        ]
    );
    assert_eq!((online.remark, online.checked.definition), (None, None));
    let right = widget(&cluster, "big", 3);
    let online = check_on(&stage, &right).await;
    assert_eq!(shown(&online.checked.diagnostics), [""; 0]);
    assert!(online.checked.definition.is_some());
    let outcome = stage.teardown("kinds", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("kinds", &[]).await;
}

pub(crate) async fn a_misspelt_field_is_refused_by_the_server_too(cluster: Cluster) {
    let stage = Stage::new(&cluster).under(everything());
    let outcome = stage.deploy("kinds", &definition(&cluster)).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    // Nothing but the cluster knows the kind here, and a server that is not asked to be strict drops the field.
    let later = Stage::new(&cluster).under(everything());
    let text = widget(&cluster, "one", 3).replace("size: 3", "size: 3, colur: red");
    let plan = later.plan("one", &text).await;
    let told = plan.refusals.iter().map(|refusal| format!("{refusal:?}"));
    let told: Vec<String> = told.collect();
    assert!(
        told.iter().any(|refusal| refusal.contains("colur")),
        "{told:?}"
    );
    assert_eq!(widgets(&cluster).await, [Value::Null; 0]);
    let outcome = stage.teardown("kinds", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

pub(crate) async fn schemas_that_cannot_be_read_leave_the_built_in_ones(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let text = WEB.replace("replicas", "replica");
    let expected = ["6:3 error: `replica` is not a key here; did you mean `replicas`?"];
    for path in ["/openapi/v3", "/openapi/v3/apis/apps/v1"] {
        let refused = stage.with(Fault::instead(Method::GET, path, StatusCode::FORBIDDEN));
        let online = check_on(&refused, &text).await;
        assert_eq!(shown(&online.checked.diagnostics), expected);
        let remark = online.remark.unwrap();
        let start =
            "the schemas of the cluster cannot be read, and those that are built in were used: ";
        assert!(remark.starts_with(start), "{remark}");
    }
    let online = check_on(&stage, &text).await;
    assert_eq!(shown(&online.checked.diagnostics), expected);
    assert_eq!(online.remark, None);
}
