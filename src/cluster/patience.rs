//! How an operation rides an outage out: for how long its reads go on where nothing answers, and that they do, for whoever tells
//! of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// For how long an outage is ridden out; clones tell of the same one.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    pub outage: Duration,
    /// Until when the present one is; none where there is none.
    ridden: Arc<watch::Sender<Option<Timestamp>>>,
}

/// Tells until when an outage is ridden out, and none once it is over.
#[derive(Debug, Clone)]
pub struct Outages(watch::Receiver<Option<Timestamp>>);

impl Default for Outages {
    /// Returns what never tells of any.
    fn default() -> Self {
        Self(watch::channel(None).1)
    }
}

impl Outages {
    /// Waits until there is news; for ever where there never is any.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Returns what is news since the last time; none where nothing is.
    pub fn news(&mut self) -> Option<Option<Timestamp>> {
        let is_new = self.0.has_changed().unwrap_or_default();
        is_new.then(|| *self.0.borrow_and_update())
    }
}

impl Patience {
    pub fn of(outage: Duration) -> Self {
        Self {
            outage,
            ridden: Arc::default(),
        }
    }

    /// Takes note that reads are tried again until then; of one outage it is told once.
    pub fn ride(&self, until: Timestamp) {
        let begin =
            |ridden: &mut Option<Timestamp>| ridden.is_none() && ridden.replace(until).is_none();
        self.ridden.send_if_modified(begin);
    }

    /// Takes note that something was answered.
    pub fn end(&self) {
        self.ridden
            .send_if_modified(|ridden| ridden.take().is_some());
    }

    /// Returns what tells of outages from now on.
    pub fn outages(&self) -> Outages {
        Outages(self.ridden.subscribe())
    }
}
