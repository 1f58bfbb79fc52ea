//! A relay between the program and the API server that adds changes of pods to what the server tells of them.
//!
//! The server could not write a thousand pods a second beside the program on the same processors, and need not: what is
//! measured is the program. All requests go through to the server; only in watches of pods there are further changes between
//! the server's, each a pod with another number of restarts, as after a write of a kubelet: its printed row where a Table was
//! asked for, else the whole of it.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::{AsyncBufReadExt, Stream, StreamExt};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::fleet;

type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// Where a change has its own version and its own number of restarts.
const VERSION: &str = "the-version";
const RESTARTS: &str = "the-restarts";
/// Where a printed pod has its number of restarts: behind its name, how many containers are ready, and its status.
const RESTARTS_CELL: usize = 3;

/// A Table, whose rows bear no more than what is printed.
const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";

/// A pod as lines of watches, written once: a change only fills in what differs.
struct ChangingPod {
    instance: String,
    /// The whole pod.
    line: String,
    /// Its row of a Table.
    row: String,
}

impl ChangingPod {
    /// `cells` is what is printed of it.
    fn of(mut pod: Value, mut cells: Value) -> Self {
        cells[RESTARTS_CELL] = json!(RESTARTS);
        let row = json!({
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": VERSION},
            "columnDefinitions": null,
            "rows": [{"cells": cells, "object": null}],
        });
        pod["apiVersion"] = json!("v1");
        pod["kind"] = json!("Pod");
        pod["metadata"]["resourceVersion"] = json!(VERSION);
        let containers = pod["status"]["containerStatuses"].as_array_mut();
        for container in containers.into_iter().flatten() {
            container["restartCount"] = json!(RESTARTS);
        }
        let instance = &pod["metadata"]["labels"]["app.kubernetes.io/instance"];
        Self {
            instance: instance.as_str().unwrap_or_default().to_owned(),
            line: json!({"type": "MODIFIED", "object": pod}).to_string() + "\n",
            row: json!({"type": "MODIFIED", "object": row}).to_string() + "\n",
        }
    }

    fn changed(&self, version: u64, n_restarts: u64, as_row: bool) -> Bytes {
        let version = version.to_string();
        let changed = match as_row {
            true => {
                let restarts = format!("{n_restarts} (1s ago)");
                self.row
                    .replace(VERSION, &version)
                    .replace(RESTARTS, &restarts)
            }
            false => {
                let line = self.line.replace(VERSION, &version);
                // A number, not a string that holds one.
                let restarts = format!("\"{RESTARTS}\"");
                line.replace(&restarts, &n_restarts.to_string())
            }
        };
        Bytes::from(changed)
    }

    /// Whether the labels that a query names are the pod's. The program asks for those of one instance or for all.
    fn is_asked_for(&self, query: &str) -> bool {
        !query.contains("app.kubernetes.io%2Finstance%3D")
            || query.contains(&format!("app.kubernetes.io%2Finstance%3D{}", self.instance))
    }
}

/// Changes of pods at a steady pace for whoever watches them, from when it is told to begin until it is dropped.
pub(crate) struct Storm {
    relay: Arc<Relay>,
    begins: watch::Sender<bool>,
    kubeconfig: PathBuf,
    _tasks: JoinSet<()>,
}

struct Relay {
    client: Client,
    pods: Vec<ChangingPod>,
    /// Of the list: what is told later has a higher one.
    version: u64,
    /// How many changes a second.
    rate: u64,
    begun: watch::Receiver<bool>,
    n_changes: AtomicU64,
}

impl Storm {
    /// Listens, and writes a kubeconfig into `folder` that leads to it.
    pub(crate) async fn ready(client: Client, rate: u64, folder: &Path) -> Result<Self> {
        let path = format!("/api/v1/namespaces/{}/pods", fleet::NAMESPACE);
        let mut list: Value = client
            .request(Request::get(&path).body(Vec::new())?)
            .await?;
        let version = list["metadata"]["resourceVersion"].as_str();
        let version = version.and_then(|it| it.parse().ok());
        let version = version.context("the list of pods has no version")?;
        let Some(Value::Array(pods)) = list.get_mut("items").map(Value::take) else {
            anyhow::bail!("the list of pods has no items");
        };
        let printed =
            Request::get(path + "?includeObject=None").header(http::header::ACCEPT, TABLE);
        let mut table: Value = client.request(printed.body(Vec::new())?).await?;
        let Some(Value::Array(rows)) = table.get_mut("rows").map(Value::take) else {
            anyhow::bail!("the printed pods have no rows");
        };
        // Both lists are in the order of names.
        let rows = rows.into_iter().map(|mut row| row["cells"].take());
        let (begins, begun) = watch::channel(false);
        let relay = Arc::new(Relay {
            client,
            pods: pods
                .into_iter()
                .zip(rows)
                .map(|(pod, cells)| ChangingPod::of(pod, cells))
                .collect(),
            version,
            rate,
            begun,
            n_changes: AtomicU64::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let kubeconfig = folder.join("kubeconfig");
        std::fs::write(
            &kubeconfig,
            kubeconfig_for(&listener.local_addr()?.to_string()),
        )?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, relay.clone()));
        Ok(Self {
            relay,
            begins,
            kubeconfig,
            _tasks: tasks,
        })
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    pub(crate) fn begin(&self) {
        self.begins.send_replace(true);
    }

    /// How many changes were told so far, to all who watch together.
    pub(crate) fn n_changes(&self) -> u64 {
        self.relay.n_changes.load(Ordering::Relaxed)
    }
}

fn kubeconfig_for(address: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "storm",
        "clusters": [{"name": "storm", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "storm", "user": {}}],
        "contexts": [{"name": "storm", "context": {"cluster": "storm", "user": "storm"}}],
    })
    .to_string()
}

async fn accept(listener: TcpListener, relay: Arc<Relay>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let relay = relay.clone();
        let service = hyper::service::service_fn(move |request| {
            let relay = relay.clone();
            async move { Ok::<_, Infallible>(relay.answer(request).await) }
        });
        connections.spawn(
            hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

impl Relay {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        let uri = request.uri();
        let is_storm = uri.path().ends_with("/pods")
            && uri.query().is_some_and(|query| query.contains("watch=1"));
        let answer = match is_storm {
            true => self.watch(request).await,
            false => self.pass(request).await,
        };
        answer.unwrap_or_else(|error| {
            let body = Full::new(Bytes::from(format!("{error:#}")));
            let mut answer = Response::new(body.map_err(|never| match never {}).boxed_unsync());
            *answer.status_mut() = StatusCode::BAD_GATEWAY;
            answer
        })
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Answer> {
        let (mut head, body) = request.into_parts();
        head.headers.remove(http::header::HOST);
        let body = body.collect().await?.to_bytes();
        let request = Request::from_parts(head, Body::from(body));
        let (mut head, body) = self.client.send(request).await?.into_parts();
        head.headers.remove(http::header::TRANSFER_ENCODING);
        let body = body.map_err(std::io::Error::other).boxed_unsync();
        Ok(Response::from_parts(head, body))
    }

    /// The server's own changes, and between them those of the storm.
    async fn watch(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer> {
        let selector = request.uri().query().unwrap_or_default().to_owned();
        let (mut head, _) = request.into_parts();
        head.headers.remove(http::header::HOST);
        let accepts = head.headers.get(http::header::ACCEPT);
        let as_rows = accepts.is_some_and(|it| it.as_bytes().starts_with(TABLE.as_bytes()));
        let request = Request::from_parts(head, Vec::new());
        let lines = self.client.request_stream(request).await?.lines();
        let told = lines.map(|line| line.map(|line| Bytes::from(line + "\n")));
        let told = futures::stream::select(told, self.storm(&selector, as_rows).map(Ok));
        let body = StreamBody::new(told.map(|line| line.map(Frame::data)));
        let mut answer = Response::new(body.boxed_unsync());
        let json = http::HeaderValue::from_static("application/json");
        answer
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, json);
        Ok(answer)
    }

    /// Changes of the pods that a watch asked for, as lines of its answer. Each is of another pod.
    fn storm(self: Arc<Self>, query: &str, as_rows: bool) -> impl Stream<Item = Bytes> + use<> {
        let pods: Vec<usize> = (0..self.pods.len())
            .filter(|idx| self.pods[*idx].is_asked_for(query))
            .collect();
        let share = self.rate * pods.len() as u64 / self.pods.len().max(1) as u64;
        let mut begun = self.begun.clone();
        let start = async move {
            let _ = begun.wait_for(|begun| *begun).await;
            let mut pace = interval(Duration::from_secs(1) / share.max(1) as u32);
            // What a busy machine was late with comes at once.
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            pace
        };
        futures::stream::once(start).flat_map(move |pace| {
            let (relay, pods) = (self.clone(), pods.clone());
            futures::stream::unfold((pace, 0), move |(mut pace, n)| {
                let (relay, pods) = (relay.clone(), pods.clone());
                async move {
                    pace.tick().await;
                    // A stride that meets every pod before it meets one again.
                    let pod = pods.get(n * 7_919 % pods.len().max(1))?;
                    let line = relay.change(*pod, as_rows);
                    Some((line, (pace, n + 1)))
                }
            })
        })
    }

    /// The next change of a pod: its containers have restarted once more than at any change before.
    fn change(&self, pod: usize, as_row: bool) -> Bytes {
        let n = self.n_changes.fetch_add(1, Ordering::Relaxed) + 1;
        self.pods[pod].changed(self.version + n, n % 90_000, as_row)
    }
}
