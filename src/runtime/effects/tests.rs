//! Operations and connections under the runner: guarded, awaited, forgotten.

use std::path::Path;
use std::sync::mpsc::channel;

use serde_json::json;
use tokio::sync::mpsc;

use super::*;
use crate::app::panes::editor::preview::PreviewOf;
use crate::app::{DefinitionOrigin, DeploySource, Origin};
use crate::cluster::mock::{self, Reply};
use crate::config::Settings;
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::editor::Revision;
use crate::engine::plan::Change;
use crate::engine::plan::{TeardownPlan, VolumeChoice};
use crate::engine::preview::Against;
use crate::engine::progress::Step;
use crate::guard::Guard;
use crate::rehearsal::{self, RehearsalOptions};
use crate::service::summary::InstanceKey;
use crate::service::watch::Scope;

/// Returns a runner that keeps its files in a directory, and what it answers.
fn runner_in(
    dir: &Path,
    connect: crate::runtime::Connector,
) -> (Runner, mpsc::UnboundedReceiver<Msg>) {
    let (messages, told) = mpsc::unbounded_channel();
    (
        Runner::new(Start::in_dir(dir, connect), messages).unwrap(),
        told,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connection_that_was_given_up_never_stands_for_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let ((begun, has_begun), (go_on, waits)) = (channel(), channel());
    let waits = Mutex::new((begun, waits));
    // The first connection comes about at a moment where nothing can stop it any more; the second never does.
    let connect: crate::runtime::Connector = Arc::new(move |context| {
        if context.as_deref() == Some("second") {
            return Box::pin(std::future::pending()) as _;
        }
        let (begun, waits) = &*waits.lock().unwrap();
        begun.send(()).unwrap();
        waits.recv().unwrap();
        Box::pin(async { Ok(mock::cluster(|_| Reply::Silence).0) }) as _
    });
    let (mut runner, mut told) = runner_in(dir.path(), connect);
    let connect = |epoch, context: &str| Effect::Connect {
        epoch: Epoch(epoch),
        context: Some(context.to_owned()),
        after: Duration::ZERO,
    };
    runner.run(connect(1, "first"));
    has_begun.recv().unwrap();
    runner.run(connect(2, "second"));
    go_on.send(()).unwrap();
    let msg = told.recv().await.unwrap();
    assert!(
        matches!(
            msg,
            Msg::Connected {
                epoch: Epoch(1),
                ..
            }
        ),
        "{msg:?}"
    );
    assert!(runner.cluster().is_err());
}

/// Operations of which each ends before the next begins are held one at a time.
#[tokio::test]
async fn operation_that_has_ended_is_held_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let connect: crate::runtime::Connector = Arc::new(|_| Box::pin(std::future::pending()) as _);
    let (mut runner, mut told) = runner_in(dir.path(), connect);
    let instance = InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: "web".parse().unwrap(),
    };
    for n in 1..=5 {
        let why = Failure::new(FailureKind::Invalid, "as a test wants it");
        let plan = TeardownPlan::refused(&instance, VolumeChoice::Keep, why);
        runner.run(Effect::RunTeardown {
            op: OpId(n),
            plan: Box::new(plan),
            takes_over: false,
        });
        assert!(runner.stops.contains_key(&OpId(n)));
        assert_eq!((runner.stops.len(), runner.operations.len()), (1, 1), "{n}");
        let msg = told.recv().await.unwrap();
        assert!(matches!(msg, Msg::Finished { op, .. } if op == OpId(n)));
        // What it answered comes a moment before its end.
        while runner.stops[&OpId(n)].is_shared() {
            tokio::task::yield_now().await;
        }
    }
}

/// What was sent is let finish, and what takes longer is asked to stop between two steps rather than cut off.
#[tokio::test]
async fn operations_are_awaited_at_the_end_and_then_asked_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let connect: crate::runtime::Connector = Arc::new(|_| Box::pin(std::future::pending()) as _);
    let (mut runner, mut told) = runner_in(dir.path(), connect);
    // However busy the machine is, no more goes by than is waited for.
    tokio::time::pause();
    let stop = runner.stops.entry(OpId(1)).or_default().clone();
    for (takes, sentence) in [(50, "finished"), (0, "stopped")] {
        let (messages, stop) = (runner.messages.clone(), stop.clone());
        runner.operations.spawn(async move {
            match takes {
                0 => {
                    while !stop.is_asked() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
                takes => tokio::time::sleep(Duration::from_millis(takes)).await,
            }
            // A step that was begun is done.
            tokio::time::sleep(Duration::from_millis(5)).await;
            drop(messages.send(Msg::TaskFailed(sentence.to_owned())));
        });
    }
    runner.finish(Duration::from_millis(900)).await;
    for expected in ["finished", "stopped"] {
        let msg = told.try_recv();
        assert!(
            matches!(&msg, Ok(Msg::TaskFailed(sentence)) if sentence == expected),
            "{expected}: {msg:?}"
        );
    }
}

/// Behind one address there is another cluster than the one that the plan was shown of.
#[tokio::test]
async fn operation_is_not_begun_on_another_cluster_than_the_one_connected_to() {
    let dir = tempfile::tempdir().unwrap();
    let uid = Arc::new(Mutex::new("5f0c"));
    let of_now = Arc::clone(&uid);
    let (cluster, log) = mock::cluster(move |_| {
        let metadata = json!({"name": "kube-system", "uid": *of_now.lock().unwrap()});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        Reply::json(200, namespace)
    });
    let connect: crate::runtime::Connector = Arc::new(move |_| {
        let cluster = cluster.clone();
        Box::pin(async move { Ok(cluster) }) as _
    });
    let (mut runner, mut told) = runner_in(dir.path(), connect);
    runner.run(Effect::Connect {
        epoch: Epoch(1),
        context: None,
        after: Duration::ZERO,
    });
    while !matches!(told.recv().await, Some(Msg::ClusterIdentified { .. })) {}
    *uid.lock().unwrap() = "77e1";
    let instance = InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: "web".parse().unwrap(),
    };
    let why = Failure::new(FailureKind::Invalid, "as a test wants it");
    let plan = TeardownPlan::refused(&instance, VolumeChoice::Keep, why);
    runner.run(Effect::RunTeardown {
        op: OpId(1),
        plan: Box::new(plan),
        takes_over: false,
    });
    let Some(Msg::Finished { outcome, .. }) = told.recv().await else {
        panic!("the operation ends");
    };
    let [(Step::Claim, failure)] = outcome.failed.as_slice() else {
        panic!("{outcome:?}");
    };
    assert!(
        failure.summary.contains("is another cluster now"),
        "{failure}"
    );
    let is_read = |seen: &mock::Seen| seen.method == http::Method::GET;
    assert!(log.lock().unwrap().iter().all(is_read));
}

#[tokio::test]
async fn without_a_cluster_an_edit_is_compared_with_what_was_applied_not_with_what_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    let options = RehearsalOptions {
        settings: Settings::default(),
        namespace: None,
        holder: "ann@host/1".to_owned(),
        state_file: None,
        has_examples: false,
        guard: Guard::default(),
    };
    let rehearsal = rehearsal::start(&options).await.unwrap();
    let cluster = rehearsal.cluster().clone();
    let connect: crate::runtime::Connector = Arc::new(move |_| {
        let cluster = cluster.clone();
        Box::pin(async move { Ok(cluster) }) as _
    });
    let (mut runner, mut told) = runner_in(dir.path(), connect);
    let name: InstanceId = "web".parse().unwrap();
    let text =
        |tag: &str| format!("replicas: 0\ncontainers:\n  - name: web\n    image: nginx:{tag}\n");
    let origin = |tag: &str| DefinitionOrigin {
        id: name.clone(),
        name: name.clone(),
        namespace: None,
        text: Some(text(tag).as_str().into()),
    };
    runner.start.catalogue.create(&name, &text("1.28")).unwrap();
    runner.run(Effect::Connect {
        epoch: Epoch(1),
        context: None,
        after: Duration::ZERO,
    });
    while !matches!(told.recv().await, Some(Msg::ClusterIdentified { .. })) {}
    let source = DeploySource::of(Origin::Definition(origin("1.27")));
    runner.run(Effect::PlanDeploy {
        op: OpId(2),
        source: source.clone(),
    });
    let plan = loop {
        if let Some(Msg::DeployPlanned { result, .. }) = told.recv().await {
            break result.unwrap();
        }
    };
    runner.run(Effect::RunDeploy {
        op: OpId(3),
        source,
        plan,
        force_conflicts: false,
    });
    loop {
        if let Some(Msg::Finished { outcome, .. }) = told.recv().await {
            assert!(outcome.is_complete(), "{outcome:?}");
            break;
        }
    }
    runner.run(Effect::PreviewDeploy {
        editor: OpId(1),
        revision: Revision(1),
        origin: origin("1.28"),
        schemas: Default::default(),
        of: PreviewOf::Local,
    });
    let preview = loop {
        if let Some(Msg::Previewed { result, .. }) = told.recv().await {
            break result.unwrap();
        }
    };
    let Against::Applied { revision: 1, .. } = preview.against else {
        panic!("{:?}", preview.against);
    };
    let changes: Vec<_> = preview.objects.iter().map(|it| it.change).collect();
    assert_eq!(changes, [Change::Update]);
}

/// What is protected is not offered for a teardown because a server failed once.
#[tokio::test]
async fn protection_is_asked_for_until_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let connect: crate::runtime::Connector = Arc::new(|_| Box::pin(std::future::pending()) as _);
    let (mut runner, mut told) = runner_in(dir.path(), connect);
    let is_well = Arc::new(Mutex::new(false));
    let of_server = Arc::clone(&is_well);
    let (has_failed, mut failed) = mpsc::unbounded_channel();
    let (cluster, _) = mock::cluster(move |_| {
        if !*of_server.lock().unwrap() {
            let _ = has_failed.send(());
            return Reply::json(500, json!({"kind": "Status", "code": 500}));
        }
        let annotations = json!({naming::ANNOTATION_PROTECTED: "true"});
        let metadata = json!({"name": "team-a", "annotations": annotations});
        Reply::json(
            200,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}),
        )
    });
    tokio::time::pause();
    let scope = Scope::Namespace("team-a".parse().unwrap());
    runner.ask_protection(Epoch(1), cluster, scope);
    failed.recv().await.unwrap();
    *is_well.lock().unwrap() = true;
    let Some(Msg::ProtectionTold { protection, .. }) = told.recv().await else {
        panic!("it is told");
    };
    assert!(protection.covers("team-a"));
}

/// A read-only context keeps nobody from looking: what a deploy would change is planned, and only not carried out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn difference_is_planned_where_nothing_may_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let options = RehearsalOptions {
        settings: Settings::default(),
        namespace: None,
        holder: "ann@host/1".to_owned(),
        state_file: None,
        has_examples: false,
        guard: Guard::default(),
    };
    let rehearsal = rehearsal::start(&options).await.unwrap();
    let guard = Guard {
        is_read_only: true,
        is_protected: false,
    };
    let cluster = rehearsal.cluster().guarded(guard);
    let connect: crate::runtime::Connector = Arc::new(move |_| {
        let cluster = cluster.clone();
        Box::pin(async move { Ok(cluster) }) as _
    });
    let (mut runner, mut told) = runner_in(dir.path(), connect);
    let text = "containers:\n  - name: web\n    image: nginx:1.27\n";
    let name: InstanceId = "web".parse().unwrap();
    runner.start.catalogue.create(&name, text).unwrap();
    runner.run(Effect::Connect {
        epoch: Epoch(1),
        context: None,
        after: Duration::ZERO,
    });
    while !matches!(told.recv().await, Some(Msg::Connected { .. })) {}
    let origin = DefinitionOrigin {
        id: name.clone(),
        name,
        namespace: None,
        text: None,
    };
    runner.run(Effect::PlanDeploy {
        op: OpId(2),
        source: DeploySource::of(Origin::Definition(origin)),
    });
    let planned = loop {
        if let Some(Msg::DeployPlanned { result, .. }) = told.recv().await {
            break result.unwrap();
        }
    };
    assert_eq!(planned.deploy().refusals, []);
}
