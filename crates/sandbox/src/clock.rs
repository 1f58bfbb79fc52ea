//! Time as the sandbox sees it: the machine's clock, the same clock shifted, or one that a test moves by hand.
//!
//! Whatever the cluster tells of time or waits for asks a [`Clock`], so that a test decides when a back-off or a grace period
//! is over. Only what concerns the clients' connections and the state file goes by the machine's own time.

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
    /// The machine's clock shifted into the past, so that a history can be played before anybody looks.
    Shifted(ShiftedClock),
    /// A clock that stands still until [`ManualClock::advance`] is called.
    Manual(ManualClock),
}

impl Clock {
    /// Returns the present instant.
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::Real => Timestamp::now(),
            Clock::Shifted(shifted) => shifted.now(),
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
            Clock::Shifted(shifted) => shifted.sleep_until(deadline).await,
            Clock::Manual(manual) => {
                let mut now = manual.now.subscribe();
                // The sender lives in `self`, so waiting can only end by time passing.
                let _ = now.wait_for(|now| *now >= deadline).await;
            }
        }
    }

    /// Waits until `deadline` has come; for ever if there is none.
    pub async fn sleep_until_due(&self, deadline: Option<Timestamp>) {
        match deadline {
            Some(deadline) => self.sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    }
}

/// The machine's clock, some time behind; it can catch up in jumps, never go back.
#[derive(Debug, Clone)]
pub struct ShiftedClock {
    lag: Arc<watch::Sender<SignedDuration>>,
}

impl ShiftedClock {
    /// Returns a clock that is `lag` behind the machine's.
    pub fn behind(lag: Duration) -> Self {
        let lag = SignedDuration::try_from(lag).unwrap_or(SignedDuration::MAX);
        ShiftedClock {
            lag: Arc::new(watch::Sender::new(lag)),
        }
    }

    /// Jumps forward, at most to the machine's time, and wakes whoever waited for a time that has now come.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.lag.send_modify(|lag| {
            *lag = lag.saturating_sub(by).max(SignedDuration::ZERO);
        });
    }

    /// Returns how far it is behind the machine's clock.
    pub fn lag(&self) -> SignedDuration {
        *self.lag.borrow()
    }

    fn now(&self) -> Timestamp {
        let lag = self.lag();
        Timestamp::now()
            .saturating_sub(lag)
            .unwrap_or(Timestamp::MIN)
    }

    async fn sleep_until(&self, deadline: Timestamp) {
        let mut lag = self.lag.subscribe();
        loop {
            lag.mark_unchanged();
            let Ok(wait) = Duration::try_from(deadline.duration_since(self.now())) else {
                return;
            };
            if wait.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => return,
                // The sender lives in `self`, so this only ends by a jump.
                _ = lag.changed() => {}
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_jump_ends_a_sleep_and_never_passes_the_present() {
        let shifted = ShiftedClock::behind(Duration::from_secs(3600));
        let clock = Clock::Shifted(shifted.clone());
        let deadline = clock.now() + SignedDuration::from_secs(600);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(deadline).await }
        });
        tokio::task::yield_now().await;
        assert!(clock.now() < Timestamp::now() - SignedDuration::from_secs(3599));
        shifted.advance(Duration::from_secs(7200));
        sleeper.await.unwrap();
        assert!(clock.now() <= Timestamp::now());
        assert!(clock.now() > Timestamp::now() - SignedDuration::from_secs(60));
    }
}
