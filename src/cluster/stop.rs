//! What a person wishes of an operation that is under way: to stop, heeded between two steps, for what was sent is never cut
//! off; and not to wait for who holds it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// A wish that whoever carries something out looks at before each step; clones are the same wish.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Wishes>);

#[derive(Debug, Default)]
struct Wishes {
    stops: AtomicBool,
    takes_over: Mutex<Option<TakeOver>>,
}

/// Whose operation is taken over without waiting for a sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeOver {
    /// Anybody's: a person says that the holder is gone.
    Anyone,
    /// That of who still has not beaten since this beat: it was seen to stand still long enough.
    SilentSince(Timestamp),
}

impl Stop {
    /// Asks to stop.
    pub fn ask(&self) {
        self.0.stops.store(true, Ordering::Relaxed);
    }

    /// Tells whether anybody else holds the same wish: whoever carries something out drops it at the end.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Tells whether somebody asked to stop.
    pub fn is_asked(&self) -> bool {
        self.0.stops.load(Ordering::Relaxed)
    }

    /// Asks to take over what somebody else holds.
    pub fn take_over(&self, whose: TakeOver) {
        let wish = self.0.takes_over.lock();
        *wish.unwrap_or_else(PoisonError::into_inner) = Some(whose);
    }

    /// Tells whether what beat last then is to be taken over; none where nobody can read when that was.
    pub fn takes_over(&self, beat: Option<Timestamp>) -> bool {
        let wish = self.0.takes_over.lock();
        match *wish.unwrap_or_else(PoisonError::into_inner) {
            None => false,
            Some(TakeOver::Anyone) => true,
            Some(TakeOver::SilentSince(seen)) => beat == Some(seen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_did_not_beat_since_is_taken_over_unless_a_person_says_so() {
        let at = |second| Timestamp::from_second(second).ok();
        let stop = Stop::default();
        assert!(!stop.takes_over(at(1)));
        stop.take_over(TakeOver::SilentSince(Timestamp::from_second(1).unwrap()));
        let of = |stop: &Stop| [at(1), at(2), None].map(|beat| stop.takes_over(beat));
        assert_eq!(of(&stop), [true, false, false]);
        stop.take_over(TakeOver::Anyone);
        assert_eq!(of(&stop), [true, true, true]);
        assert!(!stop.is_asked());
    }
}
