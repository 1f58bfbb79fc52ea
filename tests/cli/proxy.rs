//! What stands between the program and the cluster: it counts writes, and at one of them it holds everything up, so that the
//! program can be killed there, or refuses it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;

use crate::program::{Ended, Run};
use crate::world::World;
use crate::writes::Writes;
use rustix::process::Signal;

/// A program that did not reach the write by then hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the proxy does to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trick {
    /// Nothing.
    None,
    /// The write of this number never reaches the server, and nothing is answered any more.
    Before(usize),
    /// The write of this number is done, and nothing is answered any more.
    After(usize),
    /// The first write to a path that ends so never reaches the server, and nothing is answered any more.
    At(&'static str),
    /// Deletions of a path that ends so are refused.
    Refuse(&'static str),
    /// Nothing is listed but what is in a namespace.
    Narrow,
}

/// A way to the cluster of a case, open until it is dropped.
pub(crate) struct Proxy {
    kubeconfig: PathBuf,
    writes: Arc<Mutex<Writes>>,
    reads: Arc<Mutex<Vec<Read>>>,
    trick: Arc<Mutex<Trick>>,
    reached: mpsc::Receiver<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Way {
    client: Client,
    trick: Arc<Mutex<Trick>>,
    writes: Arc<Mutex<Writes>>,
    reads: Arc<Mutex<Vec<Read>>>,
    reached: mpsc::Sender<()>,
}

/// A request that changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Read {
    pub(crate) path: String,
    pub(crate) query: String,
    /// What form of an answer is asked for: metadata alone is another thing than the whole.
    pub(crate) accept: String,
}

impl Proxy {
    pub(crate) fn to(world: &World, trick: Trick) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let text = format!(
            "current-context: proxy\n\
             contexts: [{{name: proxy, context: {{cluster: proxy, user: nobody}}}}]\n\
             clusters: [{{name: proxy, cluster: {{server: \"http://{address}\"}}}}]\n\
             users: [{{name: nobody, user: {{}}}}]\n"
        );
        let kubeconfig = world
            .home
            .write(&format!("{}.kubeconfig", address.port()), text);
        let (sender, reached) = mpsc::channel();
        let way = Way {
            client: world.admin.clone(),
            trick: Arc::new(Mutex::new(trick)),
            writes: Arc::default(),
            reads: Arc::default(),
            reached: sender,
        };
        let (writes, reads) = (way.writes.clone(), way.reads.clone());
        let trick = way.trick.clone();
        let task = world.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            // All connections end with the proxy.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let way = way.clone();
                let service = service_fn(move |request| way.clone().pass(request));
                let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(serving.await) });
            }
        });
        Self {
            kubeconfig,
            writes,
            reads,
            trick,
            reached,
            task,
        }
    }

    /// Does this from now on, and counts from none.
    pub(crate) fn play(&self, trick: Trick) {
        *self.trick.lock().unwrap() = trick;
        *self.writes.lock().unwrap() = Writes::default();
    }

    pub(crate) fn n_writes(&self) -> usize {
        self.writes.lock().unwrap().count()
    }

    /// Returns what was read, in the order in which it was asked for.
    pub(crate) fn reads(&self) -> Vec<Read> {
        self.reads.lock().unwrap().clone()
    }

    /// Returns the program as it goes this way.
    pub(crate) fn bowline(&self, world: &World, args: &[&str]) -> Run {
        let run = world.home.bowline(args);
        run.env("KUBECONFIG", &self.kubeconfig)
            .env("BOWLINE_NAMESPACE", &world.namespace)
    }

    pub(crate) fn run(&self, world: &World, args: &[&str]) -> Ended {
        self.bowline(world, args).end()
    }

    /// Starts the program, and kills it where the trick holds it up: it has no time for a last word.
    #[track_caller]
    pub(crate) fn kill(&self, world: &World, args: &[&str]) {
        let running = self.bowline(world, args).follow();
        let reached = self.reached.recv_timeout(PATIENCE);
        running.signal(Signal::KILL);
        let (code, stderr) = running.end();
        assert!(reached.is_ok(), "{:?} was not reached:\n{stderr}", args);
        assert_eq!(code, None, "{stderr}");
    }
}

impl Way {
    async fn pass(self, request: Request<Incoming>) -> Result<Response<Body>, kube::Error> {
        let (parts, body) = request.into_parts();
        let body: Bytes = body.collect().await.unwrap().to_bytes();
        let path = parts.uri.path().to_owned();
        if parts.method == Method::GET {
            let accept = parts.headers.get(header::ACCEPT);
            let accept = accept.and_then(|it| it.to_str().ok()).unwrap_or_default();
            self.reads.lock().unwrap().push(Read {
                path: path.clone(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                accept: accept.to_owned(),
            });
        }
        let number = self
            .writes
            .lock()
            .unwrap()
            .number(&parts.method, &parts.uri, &body);
        let mut onward = Request::builder()
            .method(&parts.method)
            .uri(parts.uri.path_and_query().unwrap().as_str());
        for name in [header::ACCEPT, header::CONTENT_TYPE] {
            if let Some(value) = parts.headers.get(&name) {
                onward = onward.header(name, value);
            }
        }
        let onward = onward.body(Body::from(body)).unwrap();
        let trick = *self.trick.lock().unwrap();
        match trick {
            Trick::Refuse(end) if parts.method == Method::DELETE && path.ends_with(end) => {
                return Ok(refusal());
            }
            Trick::Narrow if parts.method == Method::GET && is_everywhere(&path) => {
                return Ok(refusal());
            }
            Trick::Before(at) if number == Some(at) => {}
            Trick::At(end) if number.is_some() && path.ends_with(end) => {}
            Trick::After(at) if number == Some(at) => drop(self.client.send(onward).await),
            _ => return self.client.send(onward).await,
        }
        let _ = self.reached.send(());
        std::future::pending().await
    }
}

/// Tells whether a path is that of all objects of a kind, in whatever namespace.
fn is_everywhere(path: &str) -> bool {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    matches!(segments[..], ["api", _, _] | ["apis", _, _, _])
}

fn refusal() -> Response<Body> {
    let body = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "message": "a fault of the test", "reason": "Forbidden", "code": 403});
    Response::builder()
        .status(StatusCode::FORBIDDEN)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string().into_bytes()))
        .unwrap()
}
