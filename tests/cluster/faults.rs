//! What changes behind the engine's back: the text after it was shown, the cluster behind the name, the namespace.

use std::sync::{Arc, Mutex};

use bowline::engine::deploy::{RunOptions, run_deploy};
use bowline::engine::progress::Step;
use bowline::failure::FailureKind;
use bowline::service::fleet::Fleet;
use bowline::service::watch::Scope;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::Notify;

use crate::cluster::{Cluster, DEADLINE};
use crate::engine::stage::{Stage, WEB};

pub(crate) async fn what_is_run_is_what_was_shown(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let shown = stage.plan("web", WEB).await;
    // Somebody writes to the file between the plan and its confirmation.
    let planted = WEB.replace("nginx:1.27", "miner:1");
    let outcome = stage.run("web", &planted, &shown).await;
    let [(Step::Claim, failure)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.summary.contains("plan again"), "{failure}");
    assert_eq!(outcome.done, []);
    // Nor under another ID or in another namespace than it was planned for.
    let (mut other_id, mut other_place) = (stage.request("web", WEB), stage.request("web", WEB));
    other_id.id = "other".parse().unwrap();
    other_place.namespace = "default".parse().unwrap();
    for request in [other_id, other_place] {
        let run = run_deploy(
            stage.engine(),
            &request,
            &shown,
            RunOptions::default(),
            &|_| {},
        );
        assert_eq!(run.await.done, []);
    }
    assert_eq!(
        stage
            .versions()
            .await
            .iter()
            .filter(|it| it.contains("/web "))
            .count(),
        0
    );
}

pub(crate) async fn a_definition_for_another_cluster_is_refused(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let of_another = format!("{WEB}cluster: 00000000-0000-4000-8000-000000000000\n");
    let plan = stage.plan("web", &of_another).await;
    let [refusal] = plan.refusals.as_slice() else {
        panic!("{plan:?}");
    };
    let own = cluster.get("Namespace", "kube-system").await.unwrap();
    let own = own["metadata"]["uid"].as_str().unwrap().to_owned();
    let both = [
        "for the cluster 00000000-0000-4000-8000-000000000000",
        own.as_str(),
    ];
    assert!(
        both.iter().all(|part| refusal.summary.contains(part)),
        "{refusal}"
    );
    let outcome = stage.run("web", &of_another, &plan).await;
    assert_eq!((outcome.done, outcome.failed.len()), (Vec::new(), 1));
    let of_this = format!("{WEB}cluster: {own}\n");
    assert_eq!(stage.plan("web", &of_this).await.refusals, []);
    // Nobody can tell which one it is who may not look.
    let plan = stage.nobody().plan("web", &of_this).await;
    let sentence = "this user may not read namespace kube-system";
    let says = |refusal: &bowline::failure::Failure| refusal.summary.contains(sentence);
    assert!(plan.refusals.iter().any(says), "{:?}", plan.refusals);
}

pub(crate) async fn a_namespace_that_goes_and_comes_again_is_followed(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let (fleet, news) = (Arc::new(Mutex::new(Fleet::new())), Arc::new(Notify::new()));
    let (shown, told) = (fleet.clone(), news.clone());
    let scope = Scope::Namespace(cluster.namespace.parse().unwrap());
    let watch = stage.engine().watch_overview(scope, move |event| {
        shown.lock().unwrap().apply(event, Timestamp::now());
        told.notify_one();
    });
    let uids = || -> Vec<String> {
        let fleet = fleet.lock().unwrap();
        let records = fleet.instances().filter_map(|instance| instance.record());
        records.map(|record| record.uid.clone()).collect()
    };
    let until = async |n_instances: usize| {
        let so_many = async {
            while uids().len() != n_instances {
                news.notified().await;
            }
        };
        let shown = tokio::time::timeout(DEADLINE, so_many).await;
        shown.unwrap_or_else(|_| panic!("never {n_instances} shown: {:?}", uids()));
        uids()
    };
    assert!(stage.deploy("web", WEB).await.failed.is_empty());
    let first = until(1).await;
    cluster
        .delete("Namespace", &cluster.namespace, json!({}))
        .await
        .unwrap();
    cluster.until_gone("Namespace", &cluster.namespace).await;
    until(0).await;
    cluster.create_namespace().await;
    assert!(stage.deploy("web", WEB).await.failed.is_empty());
    let second = until(1).await;
    assert_ne!(first, second);
    drop(watch);
}
