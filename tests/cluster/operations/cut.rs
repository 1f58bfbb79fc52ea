//! A connection that breaks at a write, as when the program is killed: the write does not leave, or its answer does not come.

use std::sync::{Arc, Mutex};

use bowline::cluster::{Cluster as Engine, Identity};
use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use tokio::sync::Notify;

use super::writes::Writes;
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
    writes: Arc<Mutex<Writes>>,
    killed: Arc<Notify>,
}

impl Cut {
    pub(crate) fn at(client: Client, moment: Option<Moment>) -> Self {
        let (writes, killed) = (Arc::<Mutex<Writes>>::default(), Arc::new(Notify::new()));
        let (count, kill) = (writes.clone(), killed.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (client, kill, count) = (client.clone(), kill.clone(), count.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let number = count
                    .lock()
                    .unwrap()
                    .number(&parts.method, &parts.uri, &body);
                let request = Request::from_parts(parts, Body::from(body));
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
            writes,
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
        self.writes.lock().unwrap().count()
    }
}
