//! How long things take: starts, ends, pauses after failures; and how Go writes such times.

/// From the last step of a pull to a process.
pub const START_MS: i64 = 120;
/// How long an image that crashes runs.
pub const CRASH_AFTER_MS: i64 = 900;
/// How long an init container works.
pub const INIT_MS: i64 = 350;
/// How long a container works that is not to run for ever.
pub const JOB_MS: i64 = 1_500;
/// How long a fault is shown as itself before it shows as a back-off.
pub const FAULT_SHOWN_MS: i64 = 600;
/// The first back-off, doubled each time.
pub const FIRST_BACK_OFF_S: i64 = 10;
/// The longest back-off.
pub const LONGEST_BACK_OFF_S: i64 = 300;

/// Returns the nth back-off: ten seconds, doubled each time, five minutes at most.
pub fn back_off_s(nth: u32) -> i64 {
    FIRST_BACK_OFF_S
        .saturating_mul(1i64 << (nth.saturating_sub(1)).min(30))
        .min(LONGEST_BACK_OFF_S)
}

/// Returns whole seconds as Go writes a duration.
pub fn go_duration_s(total: i64) -> String {
    match (total / 60, total % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

/// Returns milliseconds as Go writes a duration.
pub fn go_duration_ms(total: i128) -> String {
    match (total / 1000, total % 1000) {
        (0, milliseconds) => format!("{milliseconds}ms"),
        (seconds, milliseconds) => {
            let fraction = format!("{milliseconds:03}");
            let fraction = fraction.trim_end_matches('0');
            let point = if fraction.is_empty() { "" } else { "." };
            format!("{seconds}{point}{fraction}s")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_offs_double_up_to_five_minutes() {
        assert_eq!(
            (1..=7)
                .map(back_off_s)
                .map(go_duration_s)
                .collect::<Vec<_>>(),
            ["10s", "20s", "40s", "1m20s", "2m40s", "5m0s", "5m0s"]
        );
        assert_eq!(back_off_s(4_000_000), 300);
    }

    #[test]
    fn durations_read_as_go_writes_them() {
        assert_eq!(
            [412, 1_000, 1_230, 61_005].map(go_duration_ms),
            ["412ms", "1s", "1.23s", "61.005s"]
        );
    }
}
