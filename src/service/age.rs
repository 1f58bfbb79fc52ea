//! Ages as kubectl prints them, and when such a text changes next.

use std::time::Duration;

use jiff::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// Returns a duration as kubectl prints ages: `45s`, `3m20s`, `2h5m`, `4d`.
pub fn show(age: Duration) -> String {
    let seconds = age.as_secs();
    let pair = |large: u64, large_sign: char, small: u64, small_sign: char| {
        let rest = seconds % large / small;
        if rest == 0 {
            format!("{}{large_sign}", seconds / large)
        } else {
            format!("{}{large_sign}{rest}{small_sign}", seconds / large)
        }
    };
    match seconds {
        ..120 => format!("{seconds}s"),
        120..600 => pair(MINUTE, 'm', 1, 's'),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => pair(HOUR, 'h', MINUTE, 'm'),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => pair(DAY, 'd', HOUR, 'h'),
        _ if seconds < 2 * YEAR => format!("{}d", seconds / DAY),
        _ if seconds < 8 * YEAR => pair(YEAR, 'y', DAY, 'd'),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// Returns the age at `now` of what began at `from`; what lies ahead of a clock that is behind is 0 old.
pub fn since(from: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(from)).unwrap_or_default()
}

/// Returns how long the text of an age stays as it is.
pub fn until_change(age: Duration) -> Duration {
    let unit = match age.as_secs() {
        ..600 => 1,
        600..28_800 => MINUTE,
        28_800..691_200 => HOUR,
        _ => DAY,
    };
    let unit = Duration::from_secs(unit);
    unit - Duration::from_nanos((age.as_nanos() % unit.as_nanos()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_those_of_kubectl() {
        let check = |seconds: u64, expected: &str| {
            assert_eq!(show(Duration::from_secs(seconds)), expected, "{seconds}");
        };
        check(0, "0s");
        check(119, "119s");
        check(120, "2m");
        check(200, "3m20s");
        check(600, "10m");
        check(10_799, "179m");
        check(3 * HOUR, "3h");
        check(3 * HOUR + 300, "3h5m");
        check(8 * HOUR + 300, "8h");
        check(47 * HOUR, "47h");
        check(2 * DAY + 3 * HOUR, "2d3h");
        check(9 * DAY, "9d");
        check(3 * YEAR + DAY, "3y1d");
        check(9 * YEAR, "9y");
    }

    #[test]
    fn a_text_changes_when_it_is_said_to() {
        for millis in [
            0,
            999,
            119_500,
            599_999,
            600_000,
            10_799_000,
            28_900_000,
            691_200_001,
        ] {
            let age = Duration::from_millis(millis);
            let next = age + until_change(age);
            assert_ne!(show(age), show(next), "{age:?}");
            let before = next - Duration::from_nanos(1);
            assert_eq!(show(age), show(before), "{age:?}");
        }
    }

    #[test]
    fn a_clock_that_is_behind_makes_nothing_negative() {
        let from = Timestamp::from_second(1000).unwrap();
        assert_eq!(
            since(from, Timestamp::from_second(10).unwrap()),
            Duration::ZERO
        );
    }
}
