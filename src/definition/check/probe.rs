//! Reading probes.

use super::grammar::URL_PATH;
use super::quantity::duration;
use super::reader::{Fields, Keys, Reader, Value};
use super::suggest::nearest;
use crate::definition::diagnostic::Severity;
use crate::definition::service::{Port, PortRef, Probe, ProbeCheck, Probes};
use crate::definition::yaml::Resolved;

const PROBES_KEYS: Keys = &[&["ready"], &["live"], &["startup"]];
const PROBE_KEYS: Keys = &[
    &["http"],
    &["tcp"],
    &["exec"],
    &["port"],
    &["initialDelay"],
    &["period"],
    &["timeout"],
    &["failures"],
];
const CHECKS: &str = "exactly one of `http: /path`, `tcp: PORT` and `exec: [COMMAND]`";

/// Reads `probes` of a container with these ports.
pub(super) fn probes(reader: &mut Reader<'_>, value: Value, ports: &[Port]) -> Probes {
    let Some(fields) = reader.mapping(value, PROBES_KEYS, "a map of `ready`, `live` and `startup`")
    else {
        return Probes::default();
    };
    let mut read = |key| fields.get(key).and_then(|v| probe(reader, v, ports));
    Probes {
        ready: read("ready"),
        live: read("live"),
        startup: read("startup"),
    }
}

fn probe(reader: &mut Reader<'_>, value: Value, ports: &[Port]) -> Option<Probe> {
    let fields = reader.mapping(
        value,
        PROBE_KEYS,
        "a probe, such as `{http: /ready, port: http}`",
    )?;
    let check = probe_check(reader, &fields, ports);
    let mut seconds = |key, min| fields.get(key).and_then(|v| seconds(reader, v, min));
    let initial_delay = seconds("initialDelay", 0);
    let period = seconds("period", 1);
    let timeout = seconds("timeout", 1);
    let failures = fields
        .get("failures")
        .and_then(|v| reader.integer(v, 1, 1000));
    Some(Probe {
        check: check?,
        initial_delay,
        period,
        timeout,
        failures: failures.and_then(|n| u32::try_from(n).ok()),
    })
}

fn probe_check(reader: &mut Reader<'_>, fields: &Fields, ports: &[Port]) -> Option<ProbeCheck> {
    let given: Vec<&str> = ["http", "tcp", "exec"]
        .into_iter()
        .filter(|key| fields.get(key).is_some())
        .collect();
    if let [_, second, ..] = given.as_slice() {
        let at = fields.get(second).unwrap_or(fields.at);
        let spot = reader.key_spot(at);
        reader.error_at(&spot, format!("a probe has {CHECKS}"));
        return None;
    }
    if let Some(port) = fields
        .get("port")
        .filter(|_| !given.contains(&"http") && !given.is_empty())
    {
        let spot = reader.key_spot(port);
        reader.error_at(
            &spot,
            "`port` is allowed only beside `http`; for TCP write `tcp: PORT`".to_owned(),
        );
    }
    if let Some(http) = fields.get("http") {
        let path = reader.ruled(http, &URL_PATH);
        let port = match fields.get("port") {
            Some(port) => port_ref(reader, port, ports),
            None => only_port(reader, fields, ports),
        };
        return Some(ProbeCheck::Http {
            path: path?,
            port: port?,
        });
    }
    if let Some(tcp) = fields.get("tcp") {
        return port_ref(reader, tcp, ports).map(ProbeCheck::Tcp);
    }
    if let Some(exec) = fields.get("exec") {
        let command = reader.texts(exec)?;
        if command.is_empty() && !reader.is_partial {
            reader.error(
                exec,
                "`exec` must have at least a command, such as `[pg_isready]`".to_owned(),
            );
        }
        return Some(ProbeCheck::Exec(command));
    }
    if !reader.is_partial {
        reader.error(fields.at, format!("a probe needs {CHECKS}"));
    }
    None
}

/// The port of an HTTP probe that names none: the container's, if it has only one.
fn only_port(reader: &mut Reader<'_>, fields: &Fields, ports: &[Port]) -> Option<PortRef> {
    match ports {
        [only] => Some(PortRef::Number(only.target_port)),
        _ => {
            reader.missing(
                fields.at,
                "an HTTP probe",
                "port",
                "a port's number, or its name in this container",
            );
            None
        }
    }
}

/// Reads a port by number or by a name that this container has.
fn port_ref(reader: &mut Reader<'_>, value: Value, ports: &[Port]) -> Option<PortRef> {
    let wanted = "a port's number from 1 to 65535, or its name in this container";
    let scalar = reader.scalar(value, wanted)?;
    if scalar.resolved != Resolved::Text {
        let number = reader.integer(value, 1, 65535)?;
        return u16::try_from(number).ok().map(PortRef::Number);
    }
    let names: Vec<&str> = ports.iter().filter_map(|p| p.name.as_deref()).collect();
    if names.contains(&scalar.text.as_str()) {
        return Some(PortRef::Name(scalar.text));
    }
    if reader.is_partial {
        return None;
    }
    let message = format!(
        "no port of this container is named `{}`; allowed is {wanted}",
        super::reader::shortened(&scalar.text)
    );
    match nearest(&scalar.text, names) {
        Some(near) => reader.report_with(Severity::Error, value, message, near.to_owned()),
        None => reader.error(value, message),
    }
    None
}

/// Reads a duration in whole seconds, such as `10s`.
fn seconds(reader: &mut Reader<'_>, value: Value, min: u64) -> Option<u32> {
    /// A day: beyond it nothing is meant seriously.
    const MAX: u64 = 86_400;
    let wanted = "a duration such as 10s or 2m, at most a day";
    let scalar = reader.scalar(value, wanted)?;
    if let Resolved::Int(number) = scalar.resolved {
        let message = format!("`{}` must be {wanted}, with its unit", reader.name(value));
        reader.report_with(Severity::Error, value, message, format!("{number}s"));
        return None;
    }
    let seconds = duration(&scalar.text).map(|d| d.as_secs());
    match seconds.filter(|seconds| (min..=MAX).contains(seconds)) {
        Some(seconds) => u32::try_from(seconds).ok(),
        None => {
            let message = reader.refusal(value, &scalar.text, wanted);
            reader.error(value, message);
            None
        }
    }
}
