//! The two backends, and how a case is run on one of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bowline_control_plane::{ControlPlane, User};
use bowline_sandbox::{Rule, Sandbox, SandboxOptions};
use kube::Client;

use crate::cluster::Cluster;

/// What the suite runs against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sandbox,
    ControlPlane,
}

/// A case that is not done by then hangs: far more than any needs on a busy machine.
const CASE_DEADLINE: Duration = Duration::from_secs(300);

/// How far a watch may lag behind in the sandbox: small enough that a case can outrun it.
pub(crate) const WATCH_HISTORY: usize = 256;

/// Runs one case on one backend.
pub(crate) fn run<F>(backend: Backend, case: impl FnOnce(Cluster) -> F)
where
    F: Future<Output = ()>,
{
    if backend == Backend::ControlPlane && control_plane().is_none() {
        return;
    }
    match backend {
        Backend::Sandbox => drive(in_sandbox(), case),
        Backend::ControlPlane => drive(in_control_plane(), case),
    }
}

fn drive<F>(cluster: impl Future<Output = Cluster>, case: impl FnOnce(Cluster) -> F)
where
    F: Future<Output = ()>,
{
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            tokio::time::timeout(CASE_DEADLINE, case(cluster.await))
                .await
                .expect("the case did not end in time");
        });
}

/// Runs one case on a cluster of its own, where it changes what belongs to all namespaces.
pub(crate) fn run_alone<F>(backend: Backend, case: impl FnOnce(Cluster) -> F)
where
    F: Future<Output = ()>,
{
    match backend {
        Backend::Sandbox => run(backend, case),
        Backend::ControlPlane => {
            let Some(binaries) = bowline_control_plane::built("a case on its own cluster") else {
                return;
            };
            let own = ControlPlane::start_from(&binaries).unwrap();
            drive(in_one(&own), case);
        }
    }
}

fn fresh_namespace() -> String {
    static N_NAMESPACES: AtomicUsize = AtomicUsize::new(1);
    format!("case-{}", N_NAMESPACES.fetch_add(1, Ordering::Relaxed))
}

/// The control plane that all cases of this process share; `None` if there is none and none is required.
fn control_plane() -> Option<&'static ControlPlane> {
    bowline_control_plane::shared("the suite")
}

async fn in_control_plane() -> Cluster {
    in_one(control_plane().expect("it was there before the runtime")).await
}

async fn in_one(control_plane: &ControlPlane) -> Cluster {
    let client = |user| control_plane.client(user).unwrap();
    let cluster = Cluster {
        admin: client(User::Admin),
        viewer: client(User::Viewer),
        nobody: client(User::Nobody),
        namespace: fresh_namespace(),
    };
    cluster.create_namespace().await;
    cluster
}

async fn in_sandbox() -> Cluster {
    let namespace = fresh_namespace();
    let options = SandboxOptions {
        namespaces: vec![namespace.clone()],
        users: vec![
            bowline_sandbox::User::admin(User::Admin.name()),
            bowline_sandbox::User::with_rules(User::Viewer.name(), view()),
            bowline_sandbox::User::without_rights(User::Nobody.name()),
        ],
        watch_history: WATCH_HISTORY,
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let client = |user: User| -> Client { sandbox.client(user.name()) };
    Cluster {
        admin: client(User::Admin),
        viewer: client(User::Viewer),
        nobody: client(User::Nobody),
        namespace,
    }
}

/// The part of the cluster role `view` that concerns the kinds that the sandbox serves.
fn view() -> Vec<Rule> {
    let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let rule = |group: &str, resources: &[&str]| Rule {
        // Every namespace, though not the objects that belong to none: those are no part of the resources below.
        namespaces: list(&["*"]),
        groups: list(&[group]),
        resources: list(resources),
        verbs: list(&["get", "list", "watch"]),
    };
    vec![
        rule(
            "",
            &[
                "configmaps",
                "endpoints",
                "events",
                "namespaces",
                "persistentvolumeclaims",
                "pods",
                "pods/log",
                "replicationcontrollers",
                "serviceaccounts",
                "services",
            ],
        ),
        rule(
            "apps",
            &[
                "deployments",
                "deployments/scale",
                "replicasets",
                "statefulsets",
                "statefulsets/scale",
                "daemonsets",
            ],
        ),
        rule("batch", &["jobs", "cronjobs"]),
        rule("networking.k8s.io", &["ingresses", "networkpolicies"]),
        rule("discovery.k8s.io", &["endpointslices"]),
    ]
}
