//! What containers say: a few plausible lines at start and before a crash.

use jiff::Timestamp;
use serde_json::Value;

use crate::controllers::object::{items, seconds, text};

/// Returns what a container says when it starts.
pub fn at_start(image: &str, container: &str, spec: &Value, at: Timestamp) -> Vec<String> {
    let stamp = seconds(at);
    let mut lines = vec![format!("{stamp} INFO  {container}: starting ({image})")];
    for port in items(spec, "/ports") {
        let number = port.get("containerPort").cloned().unwrap_or_default();
        let protocol = match text(port, "/protocol") {
            "" => "TCP",
            protocol => protocol,
        };
        lines.push(format!(
            "{stamp} INFO  {container}: listening on 0.0.0.0:{number} ({protocol})"
        ));
    }
    for mount in items(spec, "/volumeMounts") {
        let path = text(mount, "/mountPath");
        if !path.starts_with("/var/run/secrets/") {
            lines.push(format!("{stamp} INFO  {container}: found {path}"));
        }
    }
    lines.push(format!("{stamp} INFO  {container}: ready"));
    lines
}

/// Returns what a container says before it crashes.
pub fn at_crash(at: Timestamp) -> Vec<String> {
    let stamp = seconds(at);
    vec![
        format!("{stamp} ERROR connection to the configured backend refused"),
        format!("{stamp} FATAL giving up, exit status 1"),
    ]
}
