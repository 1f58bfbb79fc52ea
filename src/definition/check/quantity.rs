//! Kubernetes quantities and our durations: texts that mean numbers.

use std::time::Duration;

/// Tells whether two values are the same quantity, however they are written: `1000m` and `1`.
pub(crate) fn same_quantity(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    let meaning = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => nanos(text),
        serde_json::Value::Number(number) => nanos(&number.to_string()),
        _ => None,
    };
    meaning(one).is_some_and(|one| meaning(other) == Some(one))
}

/// Billionths of one.
pub(crate) const NANOS: u128 = 1_000_000_000;

/// Returns what a quantity means in billionths, rounded down; none if it is no quantity.
pub(crate) fn nanos(text: &str) -> Option<u128> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits_end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || whole.len() > 20 {
        return None;
    }
    let fraction = &fraction[..fraction.len().min(9)];
    let padded = format!("{whole}{fraction:0<9}");
    let number: u128 = padded.parse().ok()?;
    scaled(number, suffix)
}

fn scaled(number: u128, suffix: &str) -> Option<u128> {
    let power = |base: u128, exponent: u32| base.checked_pow(exponent);
    let factor = match suffix {
        "n" => return Some(number / 1_000_000_000),
        "u" => return Some(number / 1_000_000),
        "m" => return Some(number / 1000),
        "" => 1,
        "k" => power(10, 3)?,
        "M" => power(10, 6)?,
        "G" => power(10, 9)?,
        "T" => power(10, 12)?,
        "P" => power(10, 15)?,
        "E" => power(10, 18)?,
        "Ki" => power(1024, 1)?,
        "Mi" => power(1024, 2)?,
        "Gi" => power(1024, 3)?,
        "Ti" => power(1024, 4)?,
        "Pi" => power(1024, 5)?,
        "Ei" => power(1024, 6)?,
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = power(10, exponent.unsigned_abs());
            if exponent < 0 {
                return Some(power.map_or(0, |divisor| number / divisor));
            }
            power?
        }
    };
    number.checked_mul(factor)
}

/// The quantity that a text most likely means: `200mb`, `4 GB`, `1gi`.
pub(super) fn meant(text: &str) -> Option<String> {
    let text = text.trim();
    let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits_end);
    let unit = match unit.trim_start().to_ascii_lowercase().as_str() {
        "kb" | "ki" | "kib" => "Ki",
        "mb" | "mi" | "mib" => "Mi",
        "g" | "gb" | "gi" | "gib" => "Gi",
        "t" | "tb" | "ti" | "tib" => "Ti",
        _ => return None,
    };
    let meant = format!("{number}{unit}");
    nanos(&meant).map(|_| meant)
}

/// Reads a duration such as `8h`, `1h30m` or `7d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits_end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits_end);
        let unit = tail.chars().next()?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 24 * 3600,
            'w' => 7 * 24 * 3600,
            _ => return None,
        };
        let part = number.parse::<u64>().ok()?.checked_mul(factor)?;
        seconds = seconds.checked_add(part)?;
        rest = &tail[1..];
    }
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_compare_across_suffixes() {
        let equal = [
            ("1", "1000m"),
            ("0.5", "500m"),
            ("1Gi", "1024Mi"),
            ("1k", "1e3"),
            ("1m", "1E-3"),
            ("5Gi", "+5Gi"),
            ("1.5Gi", "1536Mi"),
            (".5", "500m"),
        ];
        for (a, b) in equal {
            assert_eq!(nanos(a), nanos(b), "{a} and {b}");
            assert!(nanos(a).is_some(), "{a}");
        }
        assert!(nanos("200Mi") < nanos("1G"));
        for text in [
            "",
            ".",
            "1.2.3",
            "-1",
            "1gb",
            "x",
            "1 Gi",
            "1e",
            "1e999",
            "99999999999999999999999",
        ] {
            assert_eq!(nanos(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        let cases = [
            ("8h", Some(8 * 3600)),
            ("1h30m", Some(5400)),
            ("7d", Some(7 * 86400)),
            ("10s", Some(10)),
            ("2w", Some(14 * 86400)),
        ];
        for (text, seconds) in cases {
            assert_eq!(duration(text).map(|d| d.as_secs()), seconds, "{text}");
        }
        for text in [
            "",
            "8",
            "h",
            "8 h",
            "-1h",
            "1.5h",
            "8x",
            "99999999999999999999h",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
