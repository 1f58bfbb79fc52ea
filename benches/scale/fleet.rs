//! 500 instances of 20 pods, rendered from a definition and recorded as the program records them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use bowline::definition::check::{CheckContext, check};
use bowline::definition::id::{InstanceId, Namespace};
use bowline::definition::naming;
use bowline::definition::render::{RenderContext, render};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

pub(crate) const NAMESPACE: &str = "scale";
pub(crate) const N_INSTANCES: usize = 500;
pub(crate) const N_PODS_EACH: usize = 20;

/// How many instances are written at the same time.
const N_AT_ONCE: usize = 8;

const DEFINITION: &str = "\
name: A service of many
replicas: 20
containers:
  - name: main
    image: registry.example.com/team/service:1.27.3
    args: [serve, --listen=0.0.0.0:8080]
    env:
      - {name: MODE, value: steady}
      - {name: SELF, value: \"$id in ${namespace}\"}
    resources:
      requests: {cpu: 10m, memory: 16Mi}
      limits: {cpu: 100m, memory: 64Mi}
    probes:
      ready: {http: /ready, port: 8080}
      live: {http: /live, port: 8080}
";

/// Tells whether everything was created before.
pub(crate) async fn exists(client: &Client) -> Result<bool> {
    let api: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    Ok(api.get_opt(NAMESPACE).await?.is_some())
}

/// Creates everything and returns how long it took until every pod was ready.
pub(crate) async fn create(client: &Client) -> Result<Duration> {
    let start = Instant::now();
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    post(client, "/api/v1/namespaces", &namespace).await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    while accounts.get_opt("default").await?.is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    futures::stream::iter(1..=N_INSTANCES)
        .map(|number| create_instance(client, number))
        .buffer_unordered(N_AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    until_ready(client).await?;
    Ok(start.elapsed())
}

async fn create_instance(client: &Client, number: usize) -> Result<()> {
    let id: InstanceId = format!("service-{number:03}")
        .parse()
        .map_err(|error| anyhow!("{error}"))?;
    let namespace: Namespace = NAMESPACE.parse().map_err(|error| anyhow!("{error}"))?;
    let checked = check(DEFINITION, &CheckContext::default());
    let definition = checked
        .definition
        .with_context(|| format!("the definition is faulty: {:?}", checked.diagnostics))?;
    let context = RenderContext::new(id.clone(), namespace.clone());
    let rendered = render(&definition, &context).map_err(|faults| anyhow!("{faults:?}"))?;

    let records = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
    post(client, &records, &record(&id, &namespace)).await?;
    for object in &rendered.objects {
        let (root, plural) = match object.key.kind.as_str() {
            "Deployment" => ("apis/apps/v1", "deployments"),
            "Service" => ("api/v1", "services"),
            kind => return Err(anyhow!("the definition renders a {kind}")),
        };
        post(
            client,
            &format!("/{root}/namespaces/{NAMESPACE}/{plural}"),
            &object.json,
        )
        .await?;
    }
    Ok(())
}

fn record(id: &InstanceId, namespace: &Namespace) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": naming::record(id),
            "labels": {
                naming::LABEL_MANAGED_BY: naming::MANAGED_BY,
                naming::LABEL_INSTANCE: id.as_str(),
                naming::LABEL_NAME: id.as_str(),
                naming::LABEL_APPLYSET_ID: naming::instance_applyset_id(id, namespace),
            },
            "annotations": {
                naming::ANNOTATION_APPLYSET_TOOLING: naming::APPLYSET_TOOLING,
                naming::ANNOTATION_APPLYSET_KINDS: "Deployment.apps",
                naming::ANNOTATION_REVISION: "1",
            },
        },
    })
}

async fn post(client: &Client, path: &str, object: &Value) -> Result<()> {
    let request = http::Request::post(path)
        .header("content-type", "application/json")
        .body(serde_json::to_vec(object)?)?;
    client
        .request::<Value>(request)
        .await
        .with_context(|| format!("creating at {path}"))?;
    Ok(())
}

async fn until_ready(client: &Client) -> Result<()> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), NAMESPACE);
    loop {
        let list = api.list(&ListParams::default()).await?;
        let ready = list
            .items
            .iter()
            .filter_map(|deployment| deployment.status.as_ref()?.ready_replicas);
        if ready.sum::<i32>() as usize == N_INSTANCES * N_PODS_EACH {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Whether the screen counts every instance as ready, which it can only do with all ready counts right.
pub(crate) fn all_are_shown(screen: &vt100::Screen) -> bool {
    let text = screen.contents();
    text.contains(&format!("{N_INSTANCES} services"))
        && text.contains(&format!("{N_INSTANCES} ready"))
}

/// A pod of the first instance on the screen, which restarts, or becomes unready and ready again.
pub(crate) struct ChangingPod {
    api: Api<Pod>,
    name: String,
    containers: Value,
    is_ready: bool,
}

impl ChangingPod {
    pub(crate) async fn of_first_instance(client: &Client) -> Result<Self> {
        let api: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
        let selector = format!("{}=service-001", naming::LABEL_INSTANCE);
        let pods = api.list(&ListParams::default().labels(&selector)).await?;
        let pod = pods
            .items
            .first()
            .context("the first instance has no pods")?;
        let status = pod.status.as_ref().context("the pod has no status")?;
        let containers = serde_json::to_value(&status.container_statuses)?;
        let name = pod.name_any();
        Ok(ChangingPod {
            api,
            name,
            containers,
            is_ready: true,
        })
    }

    /// Counts a restart as a kubelet does, from which nothing else follows.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        for container in self.containers.as_array_mut().into_iter().flatten() {
            let n_restarts = container["restartCount"].as_u64().unwrap_or_default();
            container["restartCount"] = json!(n_restarts + 1);
        }
        self.patch(json!({"containerStatuses": self.containers}))
            .await
    }

    /// Changes the readiness as a kubelet does; the controllers make more of it.
    pub(crate) async fn toggle(&mut self) -> Result<()> {
        self.is_ready = !self.is_ready;
        let status = if self.is_ready { "True" } else { "False" };
        let conditions: Vec<Value> = ["Ready", "ContainersReady"]
            .map(|kind| json!({"type": kind, "status": status}))
            .to_vec();
        for container in self.containers.as_array_mut().into_iter().flatten() {
            container["ready"] = json!(self.is_ready);
        }
        self.patch(json!({"conditions": conditions, "containerStatuses": self.containers}))
            .await
    }

    async fn patch(&self, status: Value) -> Result<()> {
        let patch = Patch::Strategic(json!({"status": status}));
        self.api
            .patch_status(&self.name, &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }
}
