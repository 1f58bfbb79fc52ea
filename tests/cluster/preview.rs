//! What a text would change, found while it is typed.

use bowline::definition::diagnostic::{Diagnostic, Severity};
use bowline::engine::plan::Change;
use bowline::engine::preview::{Against, Preview, preview};
use http::{Method, StatusCode};
use serde_json::json;

use crate::cluster::Cluster;
use crate::engine::stage::{DB, Fault, Stage, WEB};

impl Stage<'_> {
    async fn preview(&self, id: &str, text: &str) -> Preview {
        preview(self.engine(), self.request(id, text))
            .await
            .unwrap()
    }
}

/// Returns where each fault stands and whether it is an error.
fn places(preview: &Preview) -> Vec<(&str, usize, bool)> {
    let faults = preview.faults.iter();
    faults
        .map(|fault: &Diagnostic| {
            let is_error = fault.severity == Severity::Error;
            (fault.path.as_str(), fault.span.start.line, is_error)
        })
        .collect()
}

/// Nobody waits for the routes of a whole cluster at each pause in typing.
pub(crate) async fn routes_of_others_are_looked_for_in_the_plan_and_not_before(cluster: Cluster) {
    let exposed = format!("{WEB}exposed_service: web\nexposed_hostname: web.example.com\n");
    let of_cluster = Fault::instead(Method::GET, "/v1/ingresses", StatusCode::FORBIDDEN);
    let stage = Stage::new(&cluster).with(of_cluster);
    stage.preview("web", &exposed).await;
    assert_eq!(stage.n_writes(), 0);
    stage.plan("web", &exposed).await;
    assert_eq!(stage.n_writes(), 1);
}

pub(crate) async fn a_text_is_rehearsed_and_nothing_is_written(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let before = cluster.get("Deployment", "web").await.unwrap();
    let records = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    let edited = WEB.replace("nginx:1.27", "nginx:1.28");
    let found = stage.preview("web", &edited).await;
    assert_eq!(found.against, Against::DryRun);
    let changed: Vec<_> = (found.objects.iter())
        .filter(|object| object.change != Change::Unchanged)
        .map(|object| (object.key.kind.as_str(), object.change))
        .collect();
    assert_eq!(changed, [("Deployment", Change::Update)]);
    assert_eq!(places(&found), []);
    // Controllers write its status meanwhile, so that its version says nothing.
    let after = cluster.get("Deployment", "web").await.unwrap();
    assert_eq!(
        before["metadata"]["generation"],
        after["metadata"]["generation"]
    );
    let kept = cluster.get("ConfigMap", "bowline-web").await.unwrap();
    assert_eq!(
        records["metadata"]["resourceVersion"],
        kept["metadata"]["resourceVersion"]
    );
}

pub(crate) async fn a_field_of_others_is_told_at_its_line_with_who_set_it_to_what(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let scaled = json!({"spec": {"replicas": 5}});
    cluster
        .merge_as("kubectl-edit", "Deployment", "web", &scaled)
        .await
        .unwrap();
    let found = stage.preview("web", WEB).await;
    assert_eq!(places(&found), [("replicas", 8, false)]);
    let message = &found.faults[0].message;
    for words in [
        "kubectl-edit set .spec.replicas",
        "to 5",
        "take it over or leave it",
    ] {
        assert!(message.contains(words), "{words} is not in {message}");
    }
}

pub(crate) async fn what_can_never_be_changed_is_told_at_its_line_with_the_options(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    stage.deploy("db", DB).await;
    let shrunk = DB.replace("1Gi", "512Mi");
    let found = stage.preview("db", &shrunk).await;
    assert_eq!(places(&found), [("volumes[0].size", 7, true)]);
    assert!(
        found.faults[0].message.contains("claims never shrink"),
        "{:?}",
        found.faults
    );
    // What grows has options, or a reason why not.
    let grown = DB.replace("1Gi", "2Gi");
    let found = stage.preview("db", &grown).await;
    assert_eq!(found.faults.len(), 1, "{:?}", found.faults);
    assert!(
        found.faults[0].message.contains("recreate"),
        "{:?}",
        found.faults
    );
}

pub(crate) async fn secrets_are_neither_read_nor_missed(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let text = format!("{WEB}secrets: {{token: {{env: CARGO_PKG_NAME}}}}\n");
    let found = stage.preview("web", &text).await;
    assert_eq!(found.refusals, []);
    assert_eq!(places(&found), []);
    let all = format!("{found:?}");
    assert!(
        all.contains("web-secret") && !all.contains("Ym93bGluZQ"),
        "{all}"
    );
}

pub(crate) async fn who_may_only_look_sees_what_is_computed_here(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    let edited = WEB.replace("nginx:1.27", "nginx:1.28");
    let found = stage.viewer().preview("web", &edited).await;
    assert_eq!(found.against, Against::Live);
    let change = |kind: &str| {
        let mut objects = found.objects.iter();
        let object = objects.find(|object| object.key.kind == kind);
        object.map(|object| object.change)
    };
    assert_eq!(change("Deployment"), Some(Change::Update));
}
