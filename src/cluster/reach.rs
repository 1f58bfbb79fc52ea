//! Whether the server can be reached: what waits for its next try because of an outage learns here that something else was
//! answered, and need not wait to the end. And since when nothing was answered, by which an operation judges how long it rides
//! an outage out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

/// What is known of it, for all that uses a connection.
#[derive(Debug, Default)]
pub(super) struct Reach {
    is_lost: AtomicBool,
    back: watch::Sender<()>,
    /// When the first of the requests was sent that were not answered since the last answer.
    silent_since: Mutex<Option<Instant>>,
}

impl Reach {
    /// Takes note that something was not answered.
    pub fn lose(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
    }

    /// Takes note that something was answered: whoever waits tries again, if there was an outage.
    pub fn regain(&self) {
        if self.is_lost.swap(false, Ordering::Relaxed) {
            self.back.send_replace(());
        }
    }

    /// Takes note of how a request ended that was sent then: whether anything answered.
    pub fn note(&self, sent: Instant, is_answered: bool) {
        let mut since = self
            .silent_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *since = match (is_answered, *since) {
            (true, _) => None,
            (false, since) => since.or(Some(sent)),
        };
    }

    /// Returns since when nothing is answered; none where the last request was.
    pub fn silent_since(&self) -> Option<Instant> {
        *self
            .silent_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Has whoever waits try again, as somebody asks for it.
    pub fn try_now(&self) {
        self.back.send_replace(());
    }

    /// Returns what ends once one of these happens from now on.
    pub fn back(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut back = self.back.subscribe();
        async move {
            if back.changed().await.is_err() {
                // Nobody is left who could tell.
                std::future::pending().await
            }
        }
    }
}
