//! Sizes and numbers of processors as Kubernetes writes them (`2Gi`, `1395864371200m`, `1e3`), compared, added up and shown
//! again.

use std::cmp::Ordering;

use crate::definition::check::{NANOS, nanos};

const UNITS: [(&str, u128); 6] = [
    ("Ei", 1 << 60),
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
];

/// Returns a quantity in bytes, rounded up to a whole one; none if it is no size.
pub fn bytes(quantity: &str) -> Option<u128> {
    Some(nanos(quantity)?.div_ceil(NANOS))
}

/// Compares two sizes; none where one of them is no size.
pub fn compare(one: &str, other: &str) -> Option<Ordering> {
    Some(nanos(one)?.cmp(&nanos(other)?))
}

/// Returns a number of processors in billionths of a core: `250m`, `0.5`, `3894123n`; none if it is none.
pub fn nanocores(quantity: &str) -> Option<u64> {
    // No machine has more than fit.
    Some(u64::try_from(nanos(quantity)?).unwrap_or(u64::MAX))
}

/// Returns billionths of a core as thousandths, rounded up as `kubectl top` does: `120m`.
pub fn show_nanocores(nanocores: u64) -> String {
    format!("{}m", nanocores.div_ceil(1_000_000))
}

/// Returns billionths of a core as cores where they are whole ones, else as thousandths: `8`, `3500m`.
pub fn show_cores(nanocores: u64) -> String {
    match nanocores % 1_000_000_000 {
        0 => (nanocores / 1_000_000_000).to_string(),
        _ => show_nanocores(nanocores),
    }
}

/// Returns bytes in the largest binary unit that leaves at least one: `10Gi`, `1.5Gi`, `512Mi`, `0`.
pub fn show_bytes(bytes: u128) -> String {
    let unit = UNITS.iter().find(|(_, unit)| bytes >= *unit);
    let Some((suffix, unit)) = unit else {
        return bytes.to_string();
    };
    let tenths = bytes.saturating_mul(10) / unit;
    match tenths % 10 {
        0 => format!("{}{suffix}", tenths / 10),
        tenth => format!("{}.{tenth}{suffix}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(quantity: &str, in_bytes: Option<u128>, shown: &str) {
        assert_eq!(bytes(quantity), in_bytes, "{quantity}");
        if let Some(bytes) = in_bytes {
            assert_eq!(show_bytes(bytes), shown, "{quantity}");
        }
    }

    #[test]
    fn sizes_are_read_and_shown() {
        check("2Gi", Some(2 << 30), "2Gi");
        check("1536Mi", Some(1536 << 20), "1.5Gi");
        check("1.5Gi", Some(1536 << 20), "1.5Gi");
        check("500M", Some(500_000_000), "476.8Mi");
        check("1e3", Some(1000), "1000");
        check("0", Some(0), "0");
        check("999Ti", Some(999 << 40), "999Ti");
        // What a server makes of 1.3Gi and 0.1Gi.
        check("1395864371200m", bytes("1.3Gi"), "1.3Gi");
        check("1395864371200m", Some(1_395_864_372), "1.3Gi");
        check("107374182400m", Some(107_374_183), "102.4Mi");
        check("2147483648000000u", Some(2 << 30), "2Gi");
        check("1n", Some(1), "1");
        check("", None, "");
        check("-1Gi", None, "");
        check("NaN", None, "");
        check("big", None, "");
    }

    #[test]
    fn sizes_are_compared_however_they_are_written() {
        let check = |one: &str, other: &str, expected| {
            assert_eq!(compare(one, other), expected, "{one} and {other}");
        };
        check("1395864371200m", "1.3Gi", Some(Ordering::Equal));
        check("1395864371200m", "1Gi", Some(Ordering::Greater));
        check("1Gi", "1.3Gi", Some(Ordering::Less));
        check("", "1Gi", None);
        check("1Gi", "large", None);
    }

    #[test]
    fn processors_are_read_and_shown() {
        let check = |quantity: &str, expected: Option<u64>, shown: &str| {
            let read = nanocores(quantity);
            assert_eq!(read, expected, "{quantity}");
            assert_eq!(read.map(show_nanocores).unwrap_or_default(), shown);
        };
        check("250m", Some(250_000_000), "250m");
        check("2", Some(2_000_000_000), "2000m");
        check("0.1", Some(100_000_000), "100m");
        check("3894123n", Some(3_894_123), "4m");
        check("12u", Some(12_000), "1m");
        check("0", Some(0), "0m");
        check("", None, "");
        check("-1", None, "");
        check("inf", None, "");
        assert_eq!(show_cores(8_000_000_000), "8");
        assert_eq!(show_cores(3_500_000_000), "3500m");
        assert_eq!(show_cores(0), "0");
    }
}
