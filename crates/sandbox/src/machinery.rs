//! The machinery of a running cluster: controllers and garbage collector in one task that sleeps while there is nothing to do.
//!
//! It says when it rests and what is due next, so that a history can be played: leap to what is due, let it be done, leap on.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::controllers::driver::Controllers;
use crate::garbage::Collector;
use crate::store::Store;

/// Controllers and garbage collector of one store.
#[derive(Debug)]
pub(crate) struct Machinery {
    store: Store,
    controllers: Controllers,
    collector: Collector,
    rest: Arc<Rest>,
}

/// When the machinery last came to rest, for those who wait for it.
#[derive(Debug)]
pub(crate) struct Rest {
    state: watch::Sender<RestState>,
    nudge: Notify,
}

#[derive(Debug, Clone, Copy)]
struct RestState {
    /// Everything that was due by then is done.
    at: Timestamp,
    /// Every change up to this revision is taken in.
    revision: u64,
    due: Option<Timestamp>,
}

impl Machinery {
    /// Returns the machinery of `store`, which has seen what is in it and done nothing yet.
    pub(crate) fn new(store: Store) -> Machinery {
        let state = RestState {
            at: Timestamp::MIN,
            revision: 0,
            due: None,
        };
        Machinery {
            controllers: Controllers::new(store.clone()),
            collector: Collector::new(store.clone()),
            rest: Arc::new(Rest {
                state: watch::Sender::new(state),
                nudge: Notify::new(),
            }),
            store,
        }
    }

    pub(crate) fn rest(&self) -> Arc<Rest> {
        self.rest.clone()
    }

    /// Does everything that is to be done by now; returns when something is due next.
    pub(crate) fn turn(&mut self) -> Option<Timestamp> {
        loop {
            let revision = self.store.revision();
            let due = self.controllers.turn();
            self.collector.turn();
            if self.store.revision() == revision {
                return due;
            }
        }
    }

    /// Runs until its task is aborted; at rest it waits for a change or a due time, nothing else.
    pub(crate) async fn run(mut self) {
        loop {
            let mut changes = self.store.subscribe();
            let (at, revision) = (self.store.now(), self.store.revision());
            let due = self.turn();
            self.rest
                .state
                .send_replace(RestState { at, revision, due });
            let clock = self.store.clock().clone();
            tokio::select! {
                () = clock.sleep_until_due(due) => {}
                _ = changes.recv() => {}
                () = self.rest.nudge.notified() => {}
            }
        }
    }
}

impl Rest {
    /// Waits until everything is done that is due by now and follows from what was written; returns what is due next.
    pub(crate) async fn wait(&self, store: &Store) -> Option<Timestamp> {
        let mut state = self.state.subscribe();
        loop {
            let now = store.now();
            self.nudge.notify_one();
            let Ok(rest) = state
                .wait_for(|rest| rest.at >= now)
                .await
                .map(|rest| *rest)
            else {
                return None;
            };
            if rest.revision == store.revision() {
                return rest.due;
            }
        }
    }
}
