//! How the API writes times.

use jiff::Timestamp;

/// Returns `2026-01-01T00:00:00Z`.
pub fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
