//! Time as the sandbox sees it: the machine's clock, or one that a test moves by hand.
//!
//! Everything in this crate that reads a time or waits asks a [`Clock`]; nothing calls the system's clock directly, so
//! that a test decides when a back-off or a grace period is over.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A source of time; cheap to clone, all clones move together.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The machine's clock and tokio's timers.
    #[default]
    Real,
    /// A clock that stands still until [`ManualClock::advance`] is called.
    Manual(ManualClock),
}

impl Clock {
    /// Returns the present instant.
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::Real => Timestamp::now(),
            Clock::Manual(manual) => *manual.now.borrow(),
        }
    }

    /// Waits until `deadline` has come.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        match self {
            Clock::Real => {
                let wait = deadline.duration_since(Timestamp::now());
                if let Ok(wait) = Duration::try_from(wait) {
                    tokio::time::sleep(wait).await;
                }
            }
            Clock::Manual(manual) => {
                let mut now = manual.now.subscribe();
                // The sender lives in `self`, so waiting can only end by time passing.
                let _ = now.wait_for(|now| *now >= deadline).await;
            }
        }
    }

    /// Waits for `duration` by this clock.
    pub async fn sleep(&self, duration: Duration) {
        let deadline =
            self.now() + SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        self.sleep_until(deadline).await;
    }
}

/// A clock that only moves when told to.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: Arc<watch::Sender<Timestamp>>,
}

impl ManualClock {
    /// Returns a clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        ManualClock {
            now: Arc::new(watch::Sender::new(start)),
        }
    }

    /// Moves the clock forward and wakes whoever waited for a time that has now come.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.now
            .send_modify(|now| *now = now.saturating_add(by).unwrap_or(Timestamp::MAX));
    }
}
