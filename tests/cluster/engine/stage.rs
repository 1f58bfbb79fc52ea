//! What a case of the engine needs: requests from texts, runs that can be cut off, faults on the way to the server.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bowline::cluster::{Cluster as Engine, Identity, Stop};
use bowline::definition::check::{CheckContext, check};
use bowline::definition::policy::Policy;
use bowline::engine::adopt::{AdoptOptions, AdoptPlan, plan_adopt, run_adopt};
use bowline::engine::deploy::{DeployRequest, Report, RunOptions, plan_deploy, run_deploy};
use bowline::engine::operation::Meeting;
use bowline::engine::plan::{DeployPlan, TeardownPlan, VolumeChoice};
use bowline::engine::progress::{Outcome, Progress};
use bowline::engine::remedy::Remedies;
use bowline::engine::teardown::{TeardownOptions, plan_teardown, run_teardown};
use bowline::engine::wait::wait_ready;
use bowline::failure::Failure;
use bowline::secret::SecretValues;
use bowline::service::summary::InstanceKey;
use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::cluster::{Cluster, DEADLINE, name_of};

/// A service with a config.
pub(crate) const WEB: &str = "
containers:
  - name: web
    image: nginx:1.27
    ports: [{name: http, port: 80}]
    env: [{name: LEVEL, fromConfig: LEVEL}]
config: {LEVEL: info}
replicas: 2
";

/// A service with a claim for each replica.
pub(crate) const DB: &str = "
containers:
  - name: db
    image: postgres:16
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
";

/// Returns the text of a StatefulSet with so many replicas and a claim for each.
pub(crate) fn claiming_set(replicas: u32) -> String {
    format!(
        "
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db}}
spec:
  serviceName: db
  replicas: {replicas}
  selector: {{matchLabels: {{app: db}}}}
  template:
    metadata: {{labels: {{app: db}}}}
    spec:
      containers: [{{name: db, image: 'postgres:16', volumeMounts: [{{name: data, mountPath: /data}}]}}]
  volumeClaimTemplates:
    - metadata: {{name: data}}
      spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
"
    )
}

/// Returns the text of a Deployment whose pods are so.
pub(crate) fn deployment(name: &str, pod: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {pod}
"
    )
}

/// Kinds among which nothing may be left behind.
const KINDS: [&str; 10] = [
    "ConfigMap",
    "Deployment",
    "EndpointSlice",
    "Ingress",
    "PersistentVolumeClaim",
    "Pod",
    "ReplicaSet",
    "Secret",
    "Service",
    "StatefulSet",
];

/// The engine in the namespace of a case.
pub(crate) struct Stage<'a> {
    case: &'a Cluster,
    engine: Engine,
    client: Client,
    secrets: SecretValues,
    yields: bool,
    remedies: Remedies,
    n_writes: Arc<AtomicUsize>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(case: &'a Cluster) -> Self {
        Self::of(case, case.admin.clone(), &case.namespace)
    }

    fn of(case: &'a Cluster, client: Client, namespace: &str) -> Self {
        Self {
            case,
            engine: Engine::new(
                client.clone(),
                Identity::default(),
                namespace.parse().unwrap(),
            ),
            client,
            secrets: SecretValues::default(),
            yields: false,
            remedies: Remedies::default(),
            n_writes: Arc::default(),
        }
    }

    /// Returns the same stage where this is allowed.
    pub(crate) fn under(self, policy: Policy) -> Self {
        Self {
            engine: self.engine.with_policy(policy),
            ..self
        }
    }

    /// Returns the same stage where others keep what is theirs.
    pub(crate) fn yielding(&self) -> Self {
        Self {
            yields: true,
            ..Self::of(self.case, self.client.clone(), &self.case.namespace)
        }
    }

    /// Returns the same stage where this was agreed to.
    pub(crate) fn agreeing(&self, remedies: Remedies) -> Self {
        Self {
            remedies,
            ..Self::of(self.case, self.client.clone(), &self.case.namespace)
        }
    }

    /// Returns the same stage where these values are found.
    pub(crate) fn with_secrets(&self, secrets: SecretValues) -> Self {
        Self {
            secrets,
            ..Self::of(self.case, self.client.clone(), &self.case.namespace)
        }
    }

    pub(crate) fn viewer(&self) -> Self {
        Self::of(self.case, self.case.viewer.clone(), &self.case.namespace)
    }

    pub(crate) fn nobody(&self) -> Self {
        Self::of(self.case, self.case.nobody.clone(), &self.case.namespace)
    }

    pub(crate) fn in_namespace(&self, namespace: &str) -> Self {
        Self::of(self.case, self.client.clone(), namespace)
    }

    /// Returns the same stage behind a fault.
    pub(crate) fn with(&self, fault: Fault) -> Self {
        let n_writes = Arc::new(AtomicUsize::new(0));
        let client = fault.before_client(self.client.clone(), n_writes.clone());
        Self {
            n_writes,
            ..Self::of(self.case, client, &self.case.namespace)
        }
    }

    /// Returns how many writes met the fault's method and path.
    pub(crate) fn n_writes(&self) -> usize {
        self.n_writes.load(Ordering::SeqCst)
    }

    pub(crate) fn case(&self) -> &'a Cluster {
        self.case
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn key(&self, id: &str) -> InstanceKey {
        InstanceKey {
            namespace: self.engine.namespace().clone(),
            id: id.parse().unwrap(),
        }
    }

    pub(crate) fn request(&self, id: &str, text: &str) -> DeployRequest {
        let checked = check(text, &self.check_context());
        let faults = checked.diagnostics;
        DeployRequest {
            definition: checked.definition.unwrap_or_else(|| panic!("{faults:?}")),
            text: text.to_owned(),
            name: id.parse().unwrap(),
            id: id.parse().unwrap(),
            namespace: self.engine.namespace().clone(),
            parameters: BTreeMap::new(),
            ingress_host: None,
            gpus: BTreeMap::new(),
            secrets: self.secrets.clone(),
            yields: self.yields,
            remedies: self.remedies,
            message: Some("because".to_owned()),
            holder: "tester@here 1".to_owned(),
        }
    }

    fn check_context(&self) -> CheckContext {
        CheckContext {
            policy: self.engine.policy().clone(),
            ..CheckContext::default()
        }
    }

    pub(crate) async fn plan_request(&self, request: DeployRequest) -> DeployPlan {
        plan_deploy(&self.engine, &request).await.unwrap()
    }

    pub(crate) async fn try_plan(&self, id: &str, text: &str) -> Result<DeployPlan, Failure> {
        let (engine, request) = (self.engine.clone(), self.request(id, text));
        // Spawned, as the dashboard does.
        let planned = tokio::spawn(async move { plan_deploy(&engine, &request).await });
        planned.await.unwrap()
    }

    pub(crate) async fn plan(&self, id: &str, text: &str) -> DeployPlan {
        self.try_plan(id, text).await.unwrap()
    }

    pub(crate) async fn plan_adopt(&self, id: &str, text: &str) -> AdoptPlan {
        plan_adopt(&self.engine, &self.request(id, text))
            .await
            .unwrap()
    }

    pub(crate) async fn run_adopt(&self, plan: &AdoptPlan) -> Outcome {
        let options = AdoptOptions {
            holder: "ann@bastion/7".to_owned(),
            meeting: Meeting::Judge,
        };
        run_adopt(&self.engine, plan, &options, &|_| {}).await
    }

    pub(crate) async fn run(&self, id: &str, text: &str, plan: &DeployPlan) -> Outcome {
        self.run_with(id, text, plan, RunOptions::default()).await
    }

    pub(crate) async fn run_forced(&self, id: &str, text: &str, plan: &DeployPlan) -> Outcome {
        let options = RunOptions {
            force_conflicts: true,
            ..RunOptions::default()
        };
        self.run_with(id, text, plan, options).await
    }

    async fn run_with(
        &self,
        id: &str,
        text: &str,
        plan: &DeployPlan,
        options: RunOptions,
    ) -> Outcome {
        let request = self.request(id, text);
        run_deploy(&self.engine, &request, plan, options, &|_| {}).await
    }

    /// Plans and runs.
    pub(crate) async fn deploy(&self, id: &str, text: &str) -> Outcome {
        let plan = self.plan(id, text).await;
        self.run(id, text, &plan).await
    }

    /// Runs until a fact is reported, and is then cut off as a killed program is.
    pub(crate) async fn run_until(
        &self,
        id: &str,
        text: &str,
        plan: &DeployPlan,
        is_enough: impl Fn(&Progress) -> bool + Send + Sync + 'static,
    ) {
        let (request, engine, plan) = (self.request(id, text), self.engine.clone(), plan.clone());
        cut_off(is_enough, |report| async move {
            run_deploy(&engine, &request, &plan, RunOptions::default(), &*report).await
        })
        .await;
    }

    pub(crate) async fn wait(&self, id: &str) -> Outcome {
        self.wait_for(id, DEADLINE).await
    }

    pub(crate) async fn wait_for(&self, id: &str, deadline: Duration) -> Outcome {
        let (engine, key) = (self.engine.clone(), self.key(id));
        let waited =
            tokio::spawn(async move { wait_ready(&engine, &key, deadline, &|_| {}).await });
        waited.await.unwrap()
    }

    /// Waits for an instance that does not get ready until this is told of it.
    pub(crate) async fn until_told(&self, id: &str, is_it: impl Fn(&str) -> bool + Sync) {
        let key = self.key(id);
        self.stopping_at(&is_it, async |engine, report| {
            wait_ready(&engine, &key, DEADLINE, report).await
        })
        .await;
    }

    /// Takes an instance down that does not go until this is told of it.
    pub(crate) async fn teardown_until_told(
        &self,
        id: &str,
        volumes: VolumeChoice,
        is_it: impl Fn(&str) -> bool + Sync,
    ) -> Outcome {
        let plan = self.plan_teardown(id, volumes).await;
        self.stopping_at(&is_it, async |engine, report| {
            run_teardown(&engine, &plan, &options(DEADLINE), report).await
        })
        .await
    }

    /// Runs what waits in vain, and stops it once it says why; what is never said is a fault.
    async fn stopping_at(
        &self,
        is_it: &(impl Fn(&str) -> bool + Sync),
        run: impl AsyncFnOnce(Engine, Report<'_>) -> Outcome,
    ) -> Outcome {
        let (stop, said) = (Stop::default(), Mutex::new(Vec::new()));
        let report = |progress| {
            if let Progress::Waiting(reason) = progress {
                if is_it(&reason) {
                    stop.ask();
                }
                said.lock().unwrap().push(reason);
            }
        };
        let outcome = run(self.engine.heeding(stop.clone()), &report).await;
        assert!(stop.is_asked(), "{outcome:?} after {said:?}");
        outcome
    }

    pub(crate) async fn try_plan_teardown(
        &self,
        id: &str,
        volumes: VolumeChoice,
    ) -> Result<TeardownPlan, Failure> {
        let (engine, key) = (self.engine.clone(), self.key(id));
        let planned = tokio::spawn(async move { plan_teardown(&engine, &key, volumes).await });
        planned.await.unwrap()
    }

    pub(crate) async fn plan_teardown(&self, id: &str, volumes: VolumeChoice) -> TeardownPlan {
        self.try_plan_teardown(id, volumes).await.unwrap()
    }

    pub(crate) async fn run_teardown(&self, plan: &TeardownPlan) -> Outcome {
        run_teardown(&self.engine, plan, &options(DEADLINE), &|_| {}).await
    }

    pub(crate) async fn teardown(&self, id: &str, volumes: VolumeChoice) -> Outcome {
        self.teardown_within(id, volumes, DEADLINE).await
    }

    pub(crate) async fn teardown_within(
        &self,
        id: &str,
        volumes: VolumeChoice,
        wait: Duration,
    ) -> Outcome {
        let plan = self.plan_teardown(id, volumes).await;
        run_teardown(&self.engine, &plan, &options(wait), &|_| {}).await
    }

    pub(crate) async fn run_teardown_until(
        &self,
        plan: &TeardownPlan,
        is_enough: impl Fn(&Progress) -> bool + Send + Sync + 'static,
    ) {
        let (engine, plan) = (self.engine.clone(), plan.clone());
        cut_off(is_enough, |report| async move {
            run_teardown(&engine, &plan, &options(DEADLINE), &*report).await
        })
        .await;
    }

    /// Returns kind, name and resourceVersion of everything that the engine writes.
    pub(crate) async fn versions(&self) -> Vec<String> {
        let mut versions = Vec::new();
        for kind in [
            "ConfigMap",
            "Service",
            "Deployment",
            "StatefulSet",
            "PersistentVolumeClaim",
        ] {
            for object in self.case.list(kind, "").await {
                let version = &object["metadata"]["resourceVersion"];
                versions.push(format!("{kind}/{} {version}", name_of(&object)));
            }
        }
        versions
    }

    /// Returns the names of the revisions of an instance, sorted.
    pub(crate) async fn revisions(&self, id: &str) -> Vec<String> {
        let objects = self
            .case
            .list("ConfigMap", &format!("app.kubernetes.io/instance={id}"))
            .await;
        let names = objects.iter().map(|object| name_of(object).to_owned());
        let mut names: Vec<String> = names.filter(|name| name.contains(".r")).collect();
        names.sort();
        names
    }

    /// Waits until nothing bears the instance's label but these, each as `Kind/name`.
    pub(crate) async fn until_nothing_is_left(&self, id: &str, but: &[&str]) {
        let selector = format!("labelSelector=app.kubernetes.io/instance%3D{id}");
        for kind in KINDS {
            let expected: Vec<&str> = but
                .iter()
                .filter_map(|left| left.strip_prefix(kind)?.strip_prefix('/'))
                .collect();
            self.case
                .until_all(kind, &selector, |objects| {
                    let names: Vec<&str> = objects.iter().map(name_of).collect();
                    names == expected
                })
                .await;
        }
    }
}

pub(crate) fn options(wait: Duration) -> TeardownOptions {
    TeardownOptions {
        wait: Some(wait),
        holder: "tester@here 2".to_owned(),
        meeting: Meeting::default(),
    }
}

/// Returns the changes of a plan, each as `Change Kind/name`.
pub(crate) fn changes(plan: &DeployPlan) -> Vec<String> {
    let objects = plan.objects.iter();
    objects
        .map(|object| format!("{:?} {}", object.change, object.key))
        .collect()
}

/// Runs an operation until it reports what is enough, and ends it right there: not a step further.
pub(crate) async fn cut_off<F>(
    is_enough: impl Fn(&Progress) -> bool + Send + Sync + 'static,
    operation: impl FnOnce(Box<dyn Fn(Progress) + Send + Sync>) -> F,
) where
    F: Future<Output = Outcome> + Send + 'static,
{
    let report = Box::new(move |progress| {
        if is_enough(&progress) {
            // Unwinds the operation as a crash would, without a word.
            std::panic::resume_unwind(Box::new(()));
        }
    });
    match tokio::spawn(operation(report)).await {
        Ok(outcome) => panic!("it ended before that: {outcome:?}"),
        Err(error) => assert!(error.into_panic().is::<()>(), "it broke down by itself"),
    }
}

type Deed = Box<dyn Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What happens to the first write of a method whose path ends so.
pub(crate) struct Fault {
    method: Method,
    path: &'static str,
    /// Whether dry runs are meant, instead of writes.
    of_rehearsals: bool,
    what: What,
}

enum What {
    /// Something is done by somebody else before it.
    Before(Deed),
    /// It is carried out, and answered with this.
    After(StatusCode),
    /// It is answered with this, and not carried out.
    Instead(StatusCode),
}

impl Fault {
    pub(crate) fn before(
        method: Method,
        path: &'static str,
        deed: impl Fn() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + 'static,
    ) -> Self {
        let what = What::Before(Box::new(deed));
        Self {
            method,
            path,
            of_rehearsals: false,
            what,
        }
    }

    /// Lets the fault strike the first dry run instead of the first write.
    pub(crate) fn of_rehearsals(self) -> Self {
        Self {
            of_rehearsals: true,
            ..self
        }
    }

    pub(crate) fn after(method: Method, path: &'static str, status: StatusCode) -> Self {
        let what = What::After(status);
        Self {
            method,
            path,
            of_rehearsals: false,
            what,
        }
    }

    pub(crate) fn instead(method: Method, path: &'static str, status: StatusCode) -> Self {
        let what = What::Instead(status);
        Self {
            method,
            path,
            of_rehearsals: false,
            what,
        }
    }

    fn meets(&self, request: &Request<Body>) -> bool {
        let query = request.uri().query().unwrap_or_default();
        request.method() == self.method
            && request.uri().path().ends_with(self.path)
            && query.contains("dryRun") == self.of_rehearsals
    }

    fn before_client(self, client: Client, n_writes: Arc<AtomicUsize>) -> Client {
        let (fault, has_struck) = (Arc::new(self), Arc::new(AtomicBool::new(false)));
        let service = tower::service_fn(move |request: Request<Body>| {
            let (fault, has_struck) = (fault.clone(), has_struck.clone());
            let (client, n_writes) = (client.clone(), n_writes.clone());
            async move {
                if !fault.meets(&request) {
                    return client.send(request).await;
                }
                n_writes.fetch_add(1, Ordering::SeqCst);
                if has_struck.swap(true, Ordering::SeqCst) {
                    return client.send(request).await;
                }
                match &fault.what {
                    What::Before(deed) => {
                        deed().await;
                        client.send(request).await
                    }
                    What::After(status) => {
                        client.send(request).await?;
                        Ok(refusal(*status))
                    }
                    What::Instead(status) => Ok(refusal(*status)),
                }
            }
        });
        Client::new(service, "default")
    }
}

fn refusal(status: StatusCode) -> Response<Body> {
    let body: Value = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": "a fault of the test", "code": status.as_u16()});
    Response::builder()
        .status(status)
        .body(Body::from(body.to_string().into_bytes()))
        .unwrap()
}
