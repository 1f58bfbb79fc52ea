//! Operations that survive: each is killed at every write, before it leaves and after it is done. Another client sees what was
//! left, resumes it, and comes to the state that an undisturbed run comes to.

mod cut;

use std::collections::BTreeMap;
use std::time::Duration;

use bowline::cluster::{Cluster as Engine, Identity};
use bowline::definition::Definition;
use bowline::engine::deploy::{RunOptions, run_deploy};
use bowline::engine::operation::{Meeting, is_busy};
use bowline::engine::plan::{Outcome, VolumeChoice};
use bowline::engine::remedy::Remedies;
use bowline::engine::resume::{ResumePlan, ResumeRequest, Surroundings, plan_resume, run_clear};
use bowline::engine::rollback::{RollbackPlan, RollbackRequest, plan_rollback, run_rollback};
use bowline::engine::teardown::{TeardownOptions, run_teardown};
use bowline::engine::turn::{Turn, wait_turn};
use bowline::failure::{Failure, FailureKind};
use bowline::secret::{SecretValue, SecretValues};
use bowline::service::operation::Operation;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::cluster::{Cluster, name_of};
use crate::engine::stage::Stage;
use cut::{Cut, Moment};

/// How many walks go at once.
const AT_ONCE: usize = 6;

/// A config, a claim and a Service, all of which are written.
const FIRST: &str = "
workload: Deployment
replicas: 1
containers:
  - name: web
    image: nginx:1.27
    ports: [{name: http, port: 80}]
    env: [{name: LEVEL, fromConfig: LEVEL}]
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
config: {LEVEL: info}
";

/// The config leaves, and the claim; the rest changes.
const SECOND: &str = "
workload: Deployment
replicas: 1
containers:
  - name: web
    image: nginx:1.28
    ports: [{name: http, port: 80}]
";

/// One with a claim for each pod.
const DB: &str = "
replicas: 1
containers:
  - name: db
    image: postgres:16
    ports: [{name: sql, port: 5432}]
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
";

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    Create,
    Update,
    Rollback,
    Teardown(VolumeChoice),
}

pub(crate) async fn a_first_deploy_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Create).await;
}

pub(crate) async fn an_update_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Update).await;
}

pub(crate) async fn a_rollback_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Rollback).await;
}

pub(crate) async fn a_teardown_that_keeps_claims_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Teardown(VolumeChoice::Keep)).await;
}

pub(crate) async fn a_teardown_that_deletes_claims_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Teardown(VolumeChoice::Delete)).await;
}

pub(crate) async fn a_teardown_that_retains_volumes_survives_at_every_write(cluster: Cluster) {
    walk(&cluster, Walk::Teardown(VolumeChoice::Retain)).await;
}

/// Runs an operation undisturbed, then once for each moment at which it can be killed.
async fn walk(cluster: &Cluster, walk: Walk) {
    let stage = Stage::new(cluster);
    let whole = Cut::at(cluster.admin.clone(), None);
    walk.prepare(&stage, "whole").await;
    let outcome = walk.run(&whole, &stage, "whole").await.unwrap();
    assert!(outcome.is_complete(), "{outcome:?}");
    let expected = settled(cluster, "whole").await;
    let n_writes = whole.n_writes();
    assert!(n_writes >= 6, "{n_writes} writes are no walk");
    let walks = stream::iter(Moment::all(n_writes))
        .map(|moment| walk.survives(cluster, moment, n_writes, &expected));
    walks.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

impl Walk {
    /// Brings an instance to where the operation begins.
    async fn prepare(self, stage: &Stage<'_>, id: &str) {
        let texts: &[&str] = match self {
            Self::Create => &[],
            Self::Update => &[FIRST],
            Self::Rollback => &[FIRST, SECOND],
            Self::Teardown(_) => &[DB],
        };
        for text in texts {
            let outcome = stage.deploy(id, text).await;
            assert!(outcome.is_complete(), "{outcome:?}");
        }
        if matches!(self, Self::Teardown(_)) {
            // Its claim is there and bound.
            assert!(stage.wait(id).await.is_complete());
        }
    }

    /// Plans as anybody does, and runs over a connection that may be cut; none if it was.
    async fn run(self, cut: &Cut, stage: &Stage<'_>, id: &str) -> Option<Outcome> {
        let engine = Engine::new(
            cut.client.clone(),
            Identity::default(),
            stage.engine().namespace().clone(),
        );
        let options = RunOptions::default();
        match self {
            Self::Create | Self::Update => {
                let text = self.text();
                let (plan, request) = (stage.plan(id, text).await, stage.request(id, text));
                let run = run_deploy(&engine, &request, &plan, options, &|_| {});
                cut.run(run).await
            }
            Self::Rollback => {
                let plan = plan_back(stage, id).await;
                let run = run_rollback(&engine, &plan, options, &|_| {});
                cut.run(run).await
            }
            Self::Teardown(volumes) => {
                let plan = stage.plan_teardown(id, volumes).await;
                let run =
                    async { run_teardown(&engine, &plan, &teardown_options(), &|_| {}).await };
                cut.run(run).await
            }
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Create => FIRST,
            _ => SECOND,
        }
    }

    /// Kills it at a moment, and lets another client finish.
    async fn survives(self, cluster: &Cluster, moment: Moment, n_writes: usize, whole: &str) {
        let (stage, id) = (Stage::new(cluster), &moment.name());
        self.prepare(&stage, id).await;
        let cut = Cut::at(cluster.admin.clone(), Some(moment));
        let ended = self.run(&cut, &stage, id).await;
        assert!(ended.is_none(), "{moment:?}: {ended:?}");

        let left = noted(&stage, id).await;
        let is_over = moment == Moment::After(n_writes - 1);
        let is_begun = moment != Moment::Before(0);
        if !is_over {
            assert_eq!(left.is_some(), is_begun, "{moment:?}: {left:?}");
        }
        if let Some(left) = left.filter(|_| !is_over) {
            assert_eq!((left.kind.as_str(), left.holder.as_str()), self.noted());
            assert!(left.number <= left.of, "{left:?}");
            resume(&stage, id).await;
        }
        // What was begun and resumed is done; what never began is begun by the same command again.
        self.again(&stage, id).await;
        assert_eq!(settled(cluster, id).await, whole, "{moment:?}");
        assert_eq!(noted(&stage, id).await, None, "{moment:?}");
        self.is_finished(&stage, id).await;
    }

    /// What others see of it.
    fn noted(self) -> (&'static str, &'static str) {
        match self {
            Self::Create | Self::Update => ("deploy", "tester@here 1"),
            Self::Rollback => ("rollback", "bob@bastion/8"),
            Self::Teardown(_) => ("teardown", "ann@bastion/7"),
        }
    }

    /// Gives the same command again.
    async fn again(self, stage: &Stage<'_>, id: &str) {
        let outcome = match self {
            Self::Create | Self::Update => stage.deploy(id, self.text()).await,
            Self::Rollback if revision(stage, id).await == Some(3) => return,
            Self::Rollback => {
                let plan = plan_back(stage, id).await;
                run_rollback(stage.engine(), &plan, RunOptions::default(), &|_| {}).await
            }
            Self::Teardown(volumes) => stage.teardown(id, volumes).await,
        };
        assert!(outcome.is_complete(), "{id}: {outcome:?}");
    }

    /// Nothing is left to be done, and nothing lies about.
    async fn is_finished(self, stage: &Stage<'_>, id: &str) {
        let claim = format!("PersistentVolumeClaim/data-{id}-0");
        match self {
            Self::Create | Self::Update => {
                assert!(stage.plan(id, self.text()).await.is_noop(), "{id}");
            }
            Self::Rollback => assert!(stage.plan(id, FIRST).await.is_noop(), "{id}"),
            Self::Teardown(VolumeChoice::Keep) => stage.until_nothing_is_left(id, &[&claim]).await,
            Self::Teardown(_) => stage.until_nothing_is_left(id, &[]).await,
        }
    }
}

async fn plan_back(stage: &Stage<'_>, id: &str) -> RollbackPlan {
    let wish = RollbackRequest {
        instance: stage.key(id),
        to: Some(1),
        surroundings: surroundings(),
    };
    plan_rollback(stage.engine(), &wish, &no_secrets)
        .await
        .unwrap()
}

fn surroundings() -> Surroundings {
    Surroundings {
        ingress_host: None,
        gpus: BTreeMap::new(),
        yields: false,
        remedies: Remedies::default(),
        message: None,
        holder: "bob@bastion/8".to_owned(),
    }
}

fn no_secrets(_: &Definition) -> Result<SecretValues, Failure> {
    Ok(SecretValues::default())
}

fn teardown_options() -> TeardownOptions {
    TeardownOptions {
        wait: Some(Duration::from_secs(40)),
        holder: "ann@bastion/7".to_owned(),
        meeting: Meeting::TakeOver,
    }
}

async fn plan(stage: &Stage<'_>, id: &str) -> Result<ResumePlan, Failure> {
    let wish = ResumeRequest {
        instance: stage.key(id),
        surroundings: surroundings(),
    };
    let engine = stage.engine().clone();
    // Spawned, as a dashboard does.
    let planned = tokio::spawn(async move { plan_resume(&engine, &wish, &no_secrets).await });
    planned.await.unwrap()
}

/// Resumes what is noted, as another client that has nothing but the cluster. That its holder is gone is known here.
async fn resume(stage: &Stage<'_>, id: &str) {
    let options = RunOptions {
        meeting: Meeting::TakeOver,
        ..RunOptions::default()
    };
    let engine = stage.engine();
    let outcome = match plan(stage, id).await.unwrap() {
        ResumePlan::Deploy { request, plan } => {
            run_deploy(engine, &request, &plan, options, &|_| {}).await
        }
        ResumePlan::Rollback(plan) => run_rollback(engine, &plan, options, &|_| {}).await,
        ResumePlan::Teardown(plan) => {
            run_teardown(engine, &plan, &teardown_options(), &|_| {}).await
        }
        ResumePlan::Clear(plan) => {
            run_clear(engine, &plan, options, "bob@bastion/8", &|_| {}).await
        }
    };
    assert!(outcome.is_complete(), "{id}: {outcome:?}");
}

/// Returns the operation that others see on an instance.
async fn noted(stage: &Stage<'_>, id: &str) -> Option<Operation> {
    let detail = stage
        .engine()
        .snapshot_instance(&stage.key(id))
        .await
        .unwrap();
    detail?.record()?.operation.clone()
}

async fn revision(stage: &Stage<'_>, id: &str) -> Option<u32> {
    let detail = stage
        .engine()
        .snapshot_instance(&stage.key(id))
        .await
        .unwrap();
    detail?.record()?.revision
}

/// Returns the state of an instance, once what was deleted is gone.
async fn settled(cluster: &Cluster, id: &str) -> String {
    loop {
        let (state, n_going) = state(cluster, id).await;
        if n_going == 0 {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Returns all that an instance consists of, as far as it depends on neither its ID nor the time, and how many objects go.
async fn state(cluster: &Cluster, id: &str) -> (String, usize) {
    let (mut state, mut n_going) = (String::new(), 0);
    for kind in [
        "ConfigMap",
        "Secret",
        "PersistentVolumeClaim",
        "Service",
        "Deployment",
        "StatefulSet",
    ] {
        let mut objects = cluster
            .list(kind, &format!("app.kubernetes.io/instance={id}"))
            .await;
        objects.sort_by_key(|object| name_of(object).to_owned());
        for object in &objects {
            n_going += usize::from(object["metadata"]["deletionTimestamp"].is_string());
            let text = told(kind, object).to_string();
            state.push_str(&text.replace(id, "ID"));
            state.push('\n');
        }
    }
    (state, n_going)
}

fn told(kind: &str, object: &Value) -> Value {
    let metadata = &object["metadata"];
    let mut annotations = metadata["annotations"].clone();
    let mut labels = metadata["labels"].clone();
    let volatile = [
        "bowline.dev/applied-at",
        "bowline.dev/applied-by",
        "kubernetes.io/change-cause",
        "deployment.kubernetes.io/revision",
    ];
    for key in volatile {
        annotations.as_object_mut().map(|all| all.remove(key));
    }
    for set in [
        "applyset.kubernetes.io/part-of",
        "applyset.kubernetes.io/id",
    ] {
        if let Some(label) = labels.get_mut(set) {
            *label = json!("set");
        }
    }
    // A claim's are those of who binds it.
    if kind == "PersistentVolumeClaim" || annotations == json!({}) {
        annotations = Value::Null;
    }
    let spec = &object["spec"];
    let mut template = spec["template"].clone();
    if let Some(sum) = template.pointer_mut("/metadata/annotations/bowline.dev~1config-checksum") {
        *sum = json!("sum");
    }
    json!([
        kind,
        metadata["name"],
        labels,
        annotations,
        object["data"],
        object["binaryData"],
        template,
        spec["ports"],
        spec["resources"],
        spec["replicas"],
    ])
}

pub(crate) async fn a_teardown_goes_on_with_the_choice_that_was_made(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let walk = Walk::Teardown(VolumeChoice::Delete);
    walk.prepare(&stage, "db").await;
    let cut = Cut::at(cluster.admin.clone(), Some(Moment::After(1)));
    assert!(walk.run(&cut, &stage, "db").await.is_none());
    let ResumePlan::Teardown(plan) = plan(&stage, "db").await.unwrap() else {
        panic!("it is a teardown")
    };
    assert_eq!(plan.volumes, VolumeChoice::Delete);
}

pub(crate) async fn values_that_are_nowhere_keep_a_deploy_from_being_resumed(cluster: Cluster) {
    const NEEDY: &str = "
containers:
  - name: web
    image: nginx:1.27
    env: [{name: TOKEN, fromSecret: token}]
secrets: {token: {env: BOWLINE_NO_SUCH_VARIABLE}}
";
    let stage = Stage::new(&cluster);
    let with_value = stage.with_secrets(values("token", "s3cret"));
    let (plan_of, request) = (
        with_value.plan("web", NEEDY).await,
        with_value.request("web", NEEDY),
    );
    let killed = |moment| {
        let cut = Cut::at(cluster.admin.clone(), Some(moment));
        let engine = Engine::new(
            cut.client.clone(),
            Identity::default(),
            stage.engine().namespace().clone(),
        );
        let (plan, request) = (plan_of.clone(), request.clone());
        async move {
            let options = RunOptions {
                meeting: Meeting::TakeOver,
                ..RunOptions::default()
            };
            let run = run_deploy(&engine, &request, &plan, options, &|_| {});
            assert!(cut.run(run).await.is_none());
        }
    };
    // The revision is written, the Secret is not: nobody else has the value.
    killed(Moment::After(2)).await;
    let ResumePlan::Deploy { plan: refused, .. } = plan(&stage, "web").await.unwrap() else {
        panic!("it is a deploy")
    };
    let [refusal] = refused.refusals.as_slice() else {
        panic!("{refused:?}")
    };
    assert!(refusal.summary.contains("token"), "{refusal}");
    // Once the Secret is there its value is kept.
    killed(Moment::After(4)).await;
    resume(&stage, "web").await;
    let secret = cluster.get("Secret", "web-secret").await.unwrap();
    assert_eq!(secret["data"]["token"], "czNjcmV0");
}

fn values(key: &str, value: &str) -> SecretValues {
    let own = [(key.to_owned(), SecretValue::new(value))];
    SecretValues {
        own: own.into(),
        ..SecretValues::default()
    }
}

pub(crate) async fn what_is_not_under_way_is_not_resumed(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let failure = plan(&stage, "web").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    stage.deploy("web", SECOND).await;
    let failure = plan(&stage, "web").await.unwrap_err();
    assert!(
        failure.summary.contains("nothing is under way"),
        "{failure}"
    );
    // What another version noted says too little.
    let noted = json!({"kind": "transmute", "step": "begins", "holder": "eve@there/1",
                       "heartbeat": "2026-01-01T00:00:00Z"});
    note(&cluster, Some(&noted)).await;
    let failure = plan(&stage, "web").await.unwrap_err();
    assert!(failure.summary.contains("a transmute of"), "{failure}");
    // One deploy more takes it over.
    let request = stage.request("web", FIRST);
    let options = RunOptions {
        meeting: Meeting::TakeOver,
        ..RunOptions::default()
    };
    let first = stage.plan("web", FIRST).await;
    let outcome = run_deploy(stage.engine(), &request, &first, options, &|_| {}).await;
    assert!(outcome.is_complete(), "{outcome:?}");
}

async fn note(cluster: &Cluster, operation: Option<&Value>) {
    let text = operation.map(Value::to_string);
    let patch = json!({"metadata": {"annotations": {"bowline.dev/operation": text}}});
    cluster
        .merge("ConfigMap", "bowline-web", &patch)
        .await
        .unwrap();
}

pub(crate) async fn who_was_taken_over_stops_and_the_second_comes_to_the_end(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let plan = stage.plan("web", SECOND).await;
    // The first lives, and stands at a write that takes its time.
    let slow = Cut::at(cluster.admin.clone(), Some(Moment::Before(3)));
    assert!(Walk::Update.run(&slow, &stage, "web").await.is_none());
    let request = stage.request("web", SECOND);
    let options = RunOptions {
        meeting: Meeting::TakeOver,
        ..RunOptions::default()
    };
    let outcome = run_deploy(stage.engine(), &request, &plan, options, &|_| {}).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.plan("web", SECOND).await.is_noop());
}

pub(crate) async fn the_second_is_told_who_is_at_it_and_gets_its_turn(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let beat = |n: u32| {
        json!({"kind": "deploy", "step": "apply Deployment/web", "holder": "ann@bastion/7", "number": 3, "of": 6,
               "revision": 2, "started": "2026-01-01T00:00:00Z", "heartbeat": format!("2026-01-01T00:00:00.{n:06}Z")})
    };
    note(&cluster, Some(&beat(0))).await;
    let (engine, key) = (stage.engine().clone(), stage.key("web"));
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let queue = tokio::spawn(async move {
        let report = move |progress| drop(sender.send(progress));
        wait_turn(&engine, &key, Duration::from_secs(40), &report).await
    });
    let first = told.recv().await.unwrap();
    let words = "ann@bastion/7 runs a deploy of r2: step 3 of 6: apply Deployment/web";
    assert!(format!("{first:?}").contains(words), "{first:?}");

    // Whoever does not wait is refused with the same words.
    let request = stage.request("web", SECOND);
    let plan = stage.plan("web", SECOND).await;
    let run = run_deploy(
        stage.engine(),
        &request,
        &plan,
        RunOptions::default(),
        &|_| {},
    );
    let beats = async {
        for n in 1.. {
            note(&cluster, Some(&beat(n))).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let outcome = tokio::select! {
        outcome = run => outcome,
        () = beats => unreachable!(),
    };
    assert!(is_busy(&outcome), "{outcome:?}");
    assert!(outcome.failed[0].1.summary.contains(words), "{outcome:?}");

    note(&cluster, None).await;
    assert_eq!(queue.await.unwrap().unwrap(), Turn::Free);
}

pub(crate) async fn a_wait_for_ones_turn_is_bounded(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    stage.deploy("web", FIRST).await;
    let noted = json!({"kind": "teardown", "step": "begins", "holder": "ann@bastion/7",
                       "heartbeat": "2026-01-01T00:00:00Z"});
    note(&cluster, Some(&noted)).await;
    let within = Duration::from_millis(1500);
    let turn = wait_turn(stage.engine(), &stage.key("web"), within, &|_| {}).await;
    let Ok(Turn::TimedOut(sentence)) = turn else {
        panic!("{turn:?}")
    };
    assert!(
        sentence.contains("ann@bastion/7 runs a teardown"),
        "{sentence}"
    );
}
