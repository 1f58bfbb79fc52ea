//! How cells are written.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Returns the text of a value; nothing for null.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn texts(list: &Value) -> impl Iterator<Item = String> {
    list.as_array().into_iter().flatten().map(plain)
}

pub(super) fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

pub(super) fn or_none(text: String) -> String {
    if text.is_empty() {
        "<none>".to_owned()
    } else {
        text
    }
}

/// Returns how many keys or items there are.
pub(super) fn count(value: &Value) -> usize {
    value.as_object().map_or_else(
        || value.as_array().map_or(0, Vec::len),
        serde_json::Map::len,
    )
}

/// Returns the age of an object.
pub(super) fn age(object: &Value, now: Timestamp) -> Value {
    json!(since(Some(&object["metadata"]["creationTimestamp"]), now))
}

/// Returns how long ago a time was.
pub(super) fn since(time: Option<&Value>, now: Timestamp) -> String {
    let time: Option<Timestamp> = time
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok());
    time.map_or_else(
        || "<unknown>".to_owned(),
        |time| duration(now.duration_since(time)),
    )
}

/// Returns a duration in the two units that matter, as kubectl prints ages.
pub(super) fn duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{small_unit}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_the_units_that_matter() {
        let check = |seconds: i64, expected: &str| {
            assert_eq!(duration(SignedDuration::from_secs(seconds)), expected)
        };
        check(-3, "0s");
        check(119, "119s");
        check(120, "2m");
        check(125, "2m5s");
        check(3600, "60m");
        check(3 * 3600 + 60, "3h1m");
        check(9 * 3600, "9h");
        check(2 * 86_400, "2d");
        check(3 * 86_400 + 3600, "3d1h");
        check(30 * 86_400, "30d");
        check(800 * 86_400, "2y70d");
    }
}
