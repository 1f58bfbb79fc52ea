//! What is measured, what nodes have left, and what a user may do with pods: told as far as a server tells it.

use bowline::failure::FailureKind;

use crate::cluster::Cluster;
use crate::engine::stage::{Stage, WEB};

/// NB: a control plane alone has no metrics, which is no failure of anybody's.
pub(crate) async fn usage_is_told_by_pod_where_anybody_measures(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    assert!(stage.wait("web").await.is_complete());
    match stage.engine().pod_usage(&stage.key("web")).await {
        Ok(usage) => {
            let mut told: Vec<_> = usage.iter().map(|it| it.pod.as_str()).collect();
            told.sort_unstable();
            let pods = stage.engine().pods(&stage.key("web")).await.unwrap();
            let mut names: Vec<_> = pods.iter().map(|pod| pod.name.as_str()).collect();
            names.sort_unstable();
            assert_eq!(told, names);
            assert!(
                usage
                    .iter()
                    .all(|it| it.cpu > 0 && it.memory > 0 && it.at.is_some())
            );
        }
        Err(failure) => assert_eq!(failure.kind, FailureKind::NotFound, "{failure:?}"),
    }
}

pub(crate) async fn nodes_are_told_with_what_is_asked_for_to_who_may_see_them(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", WEB).await;
    assert!(stage.wait("web").await.is_complete());
    let nodes = stage.engine().node_capacities().await.unwrap();
    assert!(nodes.iter().any(|it| it.node.is_ready), "{nodes:?}");
    let n_pods = |it: &bowline::service::capacity::NodeCapacity| {
        it.requested.as_ref().map_or(0, |(n_pods, _)| *n_pods)
    };
    assert!(nodes.iter().map(n_pods).sum::<u64>() >= 1, "{nodes:?}");
    let refused = stage.viewer().engine().node_capacities().await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Forbidden);
}

pub(crate) async fn rights_to_pods_are_told_before_they_are_needed(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let namespace = stage.key("web").namespace;
    let rights = stage.engine().pod_rights(&namespace).await.unwrap();
    assert!(rights.may_exec && rights.may_forward);
    let viewer = stage.viewer();
    let rights = viewer.engine().pod_rights(&namespace).await.unwrap();
    assert!(!rights.may_exec && !rights.may_forward);
    assert!(!viewer.engine().may_ask_kubelets().await.unwrap());
}
