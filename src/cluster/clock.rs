//! The server's clock: how far it is ahead of ours, by the `Date` of its answers. Times in objects are the server's, and so
//! ages are told by its clock; ours may be hours off, or jump.

use std::sync::atomic::{AtomicI64, Ordering};

use http::{HeaderMap, header};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

/// What is no difference, in seconds: a header tells whole seconds, and is some time on its way.
const NEGLIGIBLE: i64 = 5;

/// How far the server's clock is ahead of ours.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    seconds: AtomicI64,
}

impl ServerClock {
    /// Takes in what an answer says; one that says nothing changes nothing.
    pub fn learn(&self, headers: &HeaderMap, now: Timestamp) {
        let date = headers.get(header::DATE).and_then(|it| it.to_str().ok());
        let Some(date) = date.and_then(|it| DateTimeParser::new().parse_timestamp(it).ok()) else {
            return;
        };
        let ahead = date.duration_since(now).as_secs();
        let ahead = if ahead.abs() <= NEGLIGIBLE { 0 } else { ahead };
        self.seconds.store(ahead, Ordering::Relaxed);
    }

    /// Returns what the server's clock shows when ours shows `now`.
    pub fn at(&self, now: Timestamp) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.seconds.load(Ordering::Relaxed));
        now.checked_add(ahead).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_by_the_servers_clock_whatever_ours_shows() {
        let clock = ServerClock::default();
        let told: Timestamp = "2026-03-04T10:00:00Z".parse().unwrap();
        let check = |date: Option<&str>, ours: &str, expected: &str| {
            let mut headers = HeaderMap::new();
            if let Some(date) = date {
                headers.insert(header::DATE, date.parse().unwrap());
            }
            let [ours, expected] = [ours, expected].map(|it| it.parse::<Timestamp>().unwrap());
            clock.learn(&headers, ours);
            assert_eq!(clock.at(ours), expected, "{date:?}");
        };
        let date = Some("Wed, 04 Mar 2026 10:00:00 GMT");
        check(None, "2026-03-04T10:00:00Z", "2026-03-04T10:00:00Z");
        check(date, "2026-03-04T09:00:00Z", "2026-03-04T10:00:00Z");
        check(date, "2026-03-04T11:30:00Z", "2026-03-04T10:00:00Z");
        // What cannot be read changes nothing, and a clock that jumped is followed.
        check(Some("soon"), "2026-03-04T11:30:01Z", "2026-03-04T10:00:01Z");
        check(date, "2036-03-04T10:00:00Z", "2026-03-04T10:00:00Z");
        // The way of an answer is no difference of clocks.
        check(date, "2026-03-04T10:00:04Z", "2026-03-04T10:00:04Z");
        assert_eq!(clock.at(told), told);
    }
}
