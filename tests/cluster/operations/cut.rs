//! A connection that breaks at a write, as when the program is killed: the write does not leave, or its answer does not come.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bowline::cluster::{Cluster as Engine, Identity};
use http::request::Parts;
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tokio::sync::Notify;

use super::writes::{OPERATION, Writes};
use crate::engine::stage::Stage;

/// Where a run is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before the write of this number reaches the server.
    Before(usize),
    /// After the server has done it, before the answer comes.
    After(usize),
}

impl Moment {
    pub(crate) fn number(self) -> usize {
        match self {
            Self::Before(number) | Self::After(number) => number,
        }
    }

    /// Returns every moment of a run with so many writes.
    pub(crate) fn all(n_writes: usize) -> Vec<Self> {
        let moments = (0..n_writes).flat_map(|number| [Self::Before(number), Self::After(number)]);
        moments.collect()
    }

    /// Returns a name for it, as a part of an ID.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Before(number) => format!("k{number:02}b"),
            Self::After(number) => format!("k{number:02}a"),
        }
    }
}

/// A client that counts its writes, and never gets any answer from the moment on at which it is killed.
pub(crate) struct Cut {
    pub(crate) client: Client,
    writes: Arc<Mutex<Writes>>,
    killed: Arc<Notify>,
    is_over: Arc<AtomicBool>,
}

impl Cut {
    pub(crate) fn at(client: Client, moment: Option<Moment>) -> Self {
        let (writes, killed) = (Arc::<Mutex<Writes>>::default(), Arc::new(Notify::new()));
        let is_over = Arc::<AtomicBool>::default();
        let (count, kill, over) = (writes.clone(), killed.clone(), is_over.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (client, kill) = (client.clone(), kill.clone());
            let (count, over) = (count.clone(), over.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let number = count
                    .lock()
                    .unwrap()
                    .number(&parts.method, &parts.uri, &body);
                let ends = ends_operation(&parts, &body);
                let request = Request::from_parts(parts, Body::from(body));
                let met = moment.filter(|moment| number == Some(moment.number()));
                match met {
                    None => return client.send(request).await,
                    Some(Moment::Before(_)) => {}
                    Some(Moment::After(_)) => {
                        drop(client.send(request).await);
                        over.store(ends, Ordering::SeqCst);
                    }
                }
                kill.notify_one();
                std::future::pending().await
            }
        });
        Self {
            client: Client::new(service, "default"),
            writes,
            killed,
            is_over,
        }
    }

    /// Returns the engine over this connection.
    pub(crate) fn engine(&self, stage: &Stage<'_>) -> Engine {
        let namespace = stage.engine().namespace().clone();
        Engine::new(self.client.clone(), Identity::default(), namespace)
    }

    /// Runs something until it is killed; none then.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.killed.notified() => None,
            done = work => Some(done),
        }
    }

    pub(crate) fn n_writes(&self) -> usize {
        self.writes.lock().unwrap().count()
    }

    /// Tells whether the write at which it was killed had ended the operation.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

/// Tells whether a write takes the operation out of the record, or the record away.
fn ends_operation(parts: &Parts, body: &[u8]) -> bool {
    let name = parts.uri.path().rsplit('/').next().unwrap_or_default();
    let is_record = name.starts_with("bowline-") && !name.contains('.');
    let clears = || {
        let patch: Value = serde_json::from_slice(body).unwrap_or_default();
        patch.pointer(OPERATION).is_some_and(Value::is_null)
    };
    is_record && (parts.method == Method::DELETE || clears())
}
