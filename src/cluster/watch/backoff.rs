//! When a watch is tried again: soon at first, then ever later, never all at the same moment.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(800);
const LONGEST: Duration = Duration::from_secs(30);
/// A watch that lasted this long was well; what goes wrong after it is a new trouble.
const WELL_AFTER: Duration = Duration::from_secs(10);

/// Waits that double from 0.8 s to 30 s.
#[derive(Debug, Default)]
pub(in crate::cluster) struct Backoff {
    n_failures: u32,
}

impl Backoff {
    /// Takes note of a failure after a watch that lasted so long, and returns how long to wait.
    pub fn after_failure(&mut self, lasted: Duration) -> Duration {
        if lasted >= WELL_AFTER {
            self.n_failures = 0;
        }
        let doubled = FIRST.saturating_mul(1 << self.n_failures.min(6));
        self.n_failures = self.n_failures.saturating_add(1);
        let doubled = doubled.min(LONGEST);
        // Within the bounds, not cut off at them: else half of all clients would come at the very same moment.
        let (least, most) = (
            doubled.mul_f64(0.75).max(FIRST),
            doubled.mul_f64(1.25).min(LONGEST),
        );
        least + (most - least).mul_f64(random_fraction())
    }

    /// Returns how many failures came in a row.
    pub fn n_failures(&self) -> u32 {
        self.n_failures
    }

    /// Forgets the failures.
    pub fn reset(&mut self) {
        self.n_failures = 0;
    }
}

/// Returns a duration up to a quarter shorter or longer, so that many clients spread after an outage.
pub(super) fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(0.75 + 0.5 * random_fraction())
}

/// Returns a number from 0 to 1. The standard library's hash keys are random enough to spread clients.
pub(super) fn random_fraction() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 32) as f64 / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_the_first_to_the_longest() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..9)
            .map(|_| backoff.after_failure(Duration::ZERO))
            .collect();
        for (idx, wait) in waits.iter().enumerate() {
            let plain = FIRST.mul_f64(f64::from(1 << idx.min(6))).min(LONGEST);
            assert!(*wait >= plain.mul_f64(0.75).max(FIRST), "{idx}: {wait:?}");
            assert!(*wait <= plain.mul_f64(1.25).min(LONGEST), "{idx}: {wait:?}");
        }
    }

    #[test]
    fn a_watch_that_was_well_begins_anew() {
        let mut backoff = Backoff::default();
        for _ in 0..6 {
            backoff.after_failure(Duration::ZERO);
        }
        assert!(backoff.after_failure(WELL_AFTER) <= FIRST.mul_f64(1.25));
    }

    #[test]
    fn jitter_spreads() {
        let waits: std::collections::BTreeSet<_> = (0..50).map(|_| jittered(LONGEST)).collect();
        let spread = *waits.last().unwrap() - *waits.first().unwrap();
        assert!(spread > Duration::from_secs(5), "{spread:?}");
    }
}
