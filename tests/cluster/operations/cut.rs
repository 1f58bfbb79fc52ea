//! A connection that breaks at a write, as when the program is killed: the write does not leave, or its answer does not come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bowline::cluster::{Cluster as Engine, Identity};
use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use tokio::sync::Notify;

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
    fn number(self) -> usize {
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
    n_writes: Arc<AtomicUsize>,
    killed: Arc<Notify>,
}

impl Cut {
    pub(crate) fn at(client: Client, moment: Option<Moment>) -> Self {
        let (n_writes, killed) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (count, kill) = (n_writes.clone(), killed.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (client, kill) = (client.clone(), kill.clone());
            let number = is_write(&request).then(|| count.fetch_add(1, Ordering::SeqCst));
            async move {
                let met = moment.filter(|moment| number == Some(moment.number()));
                match met {
                    None => return client.send(request).await,
                    Some(Moment::Before(_)) => {}
                    Some(Moment::After(_)) => drop(client.send(request).await),
                }
                kill.notify_one();
                std::future::pending().await
            }
        });
        Self {
            client: Client::new(service, "default"),
            n_writes,
            killed,
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
        self.n_writes.load(Ordering::SeqCst)
    }
}

/// Tells whether a request changes something: neither reads, nor dry runs, nor questions for permissions do.
fn is_write(request: &Request<Body>) -> bool {
    let uri = request.uri();
    let is_rehearsal = uri.query().unwrap_or_default().contains("dryRun");
    let is_question = uri.path().contains("/selfsubject");
    request.method() != Method::GET && !is_rehearsal && !is_question
}
