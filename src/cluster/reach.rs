//! Whether the server can be reached: what waits for its next try because of an outage learns here that something else was
//! answered, and need not wait to the end.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// What is known of it, for all that uses a connection.
#[derive(Debug, Default)]
pub(super) struct Reach {
    is_lost: AtomicBool,
    back: watch::Sender<()>,
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
