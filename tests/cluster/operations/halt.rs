//! A client that stands still in the middle of what it does, as a process that is stopped or a machine that sleeps.

use std::sync::Arc;
use std::time::Duration;

use bowline::cluster::{Cluster as Engine, Identity};
use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use tokio::sync::watch;

use crate::engine::stage::Stage;

/// For a process that stands still no time goes by in which it could give up.
const LONG: Duration = Duration::from_secs(120);

/// Whether it stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    NotYet,
    Still,
    Over,
}

/// A connection on which nothing moves from the first answer to a certain write on, until it is told to go on.
pub(crate) struct Halt {
    client: Client,
    stand: Arc<watch::Sender<Stand>>,
}

impl Halt {
    /// Stands still after the first write to a path that holds `part`.
    pub(crate) fn after(part: &'static str, client: Client) -> Self {
        let stand = Arc::new(watch::Sender::new(Stand::NotYet));
        let of_service = stand.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (client, stand) = (client.clone(), of_service.clone());
            async move {
                let is_rehearsal = request.uri().query().unwrap_or_default().contains("dryRun");
                let is_write = request.method() != Method::GET && !is_rehearsal;
                let is_it = is_write && request.uri().path().contains(part);
                moves(&stand).await;
                let answer = client.send(request).await;
                if is_it {
                    let falls_asleep = |stand: &mut Stand| {
                        let is_first = *stand == Stand::NotYet;
                        if is_first {
                            *stand = Stand::Still;
                        }
                        is_first
                    };
                    stand.send_if_modified(falls_asleep);
                }
                moves(&stand).await;
                answer
            }
        });
        Self {
            client: Client::new(service, "default"),
            stand,
        }
    }

    /// Returns the engine over this connection.
    pub(crate) fn engine(&self, stage: &Stage<'_>) -> Engine {
        let namespace = stage.engine().namespace().clone();
        Engine::new(self.client.clone(), Identity::default(), namespace).with_deadline(LONG)
    }

    /// Waits until it stands still.
    pub(crate) async fn halted(&self) {
        let mut stand = self.stand.subscribe();
        let halted = stand.wait_for(|stand| *stand == Stand::Still);
        halted.await.expect("it is held here");
    }

    pub(crate) fn go_on(&self) {
        self.stand.send_replace(Stand::Over);
    }
}

async fn moves(stand: &watch::Sender<Stand>) {
    let mut stand = stand.subscribe();
    let moving = stand.wait_for(|stand| *stand != Stand::Still);
    drop(moving.await);
}
