//! How the API writes times.

use jiff::Timestamp;

/// Returns an instant as `metav1.Time` writes it: whole seconds.
pub fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns an instant as `metav1.MicroTime` writes it.
pub fn micros(at: Timestamp) -> String {
    format!("{at:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_api_writes_them() {
        let at: Timestamp = "2026-11-21T07:06:10.5180961Z".parse().unwrap();
        assert_eq!(seconds(at), "2026-11-21T07:06:10Z");
        assert_eq!(micros(at), "2026-11-21T07:06:10.518096Z");
    }
}
