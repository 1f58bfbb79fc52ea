//! Sizes as Kubernetes writes them (`2Gi`, `500M`, `1e3`), added up and shown again.

const UNITS: [(&str, u128); 12] = [
    ("Ei", 1 << 60),
    ("Pi", 1 << 50),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("E", 1_000_000_000_000_000_000),
    ("P", 1_000_000_000_000_000),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("k", 1_000),
];
const N_BINARY_UNITS: usize = 6;

/// Returns a quantity in bytes, rounded up to a whole one; none if it is no size.
pub fn bytes(quantity: &str) -> Option<u128> {
    let quantity = quantity.trim();
    let unit = UNITS
        .iter()
        .find_map(|(suffix, unit)| Some((quantity.strip_suffix(suffix)?, *unit)));
    let (number, unit) = unit.unwrap_or((quantity, 1));
    if let Ok(whole) = number.parse::<u128>() {
        return whole.checked_mul(unit);
    }
    let number: f64 = number.parse().ok().filter(|n: &f64| n.is_finite())?;
    // A float saturates, and sizes are shown to one decimal only.
    (number >= 0.0).then(|| (number * unit as f64).ceil() as u128)
}

/// Returns bytes in the largest binary unit that leaves at least one: `10Gi`, `1.5Gi`, `512Mi`, `0`.
pub fn show_bytes(bytes: u128) -> String {
    let unit = UNITS[..N_BINARY_UNITS]
        .iter()
        .find(|(_, unit)| bytes >= *unit);
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
        check("", None, "");
        check("-1Gi", None, "");
        check("NaN", None, "");
        check("big", None, "");
    }
}
