//! Forwarded ports as values: what is asked for, what there is to choose, what happens, how much went through. Pure.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::failure::Failure;
use crate::service::summary::InstanceKey;

/// Ports that are spoken to in HTTP over TLS, as a rule.
const HTTPS: [u16; 2] = [443, 8443];
/// Ports of well-known protocols that no browser speaks.
const NOT_HTTP: [u16; 14] = [
    21, 22, 25, 53, 389, 636, 1433, 1521, 3306, 5432, 5672, 6379, 9092, 27017,
];

/// What a refusal of a port ends with on the command line; elsewhere a pod is chosen otherwise.
pub const OF_A_POD: &str = "; with --pod any port of a pod can be named";

/// What is forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardRequest {
    /// The instance whose pods are reached.
    pub instance: InstanceKey,
    /// Only this pod of it; else whichever is ready.
    pub pod: Option<String>,
    /// Addresses of this machine to listen on; none means this machine only.
    pub addresses: Vec<IpAddr>,
    /// The ports.
    pub ports: Vec<PortSpec>,
}

/// A listener, and the port of the pod that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarded {
    /// Where it listens.
    pub local: SocketAddr,
    /// The pod's port.
    pub remote: u16,
}

/// What happens while ports are forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardEvent {
    /// Connections go to this pod now.
    Pod(String),
    /// There is no pod that they could go to: they wait.
    NoPod,
    /// A connection came and was led to a pod.
    Opened {
        /// Where it came in.
        local: SocketAddr,
    },
    /// One connection failed.
    Failed {
        /// Where it came in.
        local: SocketAddr,
        /// Why.
        failure: Failure,
    },
    /// The watch of the pods was lost, and is tried again.
    Lost(Failure),
    /// It is back.
    Back,
    /// Pods may not be watched any more.
    Forbidden(Failure),
}

/// A port of this machine and one of an instance, as `[LOCAL:]REMOTE` writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    /// The local one; 0 takes a free one, none the same as the remote one.
    pub local: Option<u16>,
    /// The remote one.
    pub remote: RemotePort,
}

/// A port of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemotePort {
    /// By number: the Service's, else a container's.
    Number(u16),
    /// By name, likewise.
    Name(String),
}

/// Writes it as it is read.
impl fmt::Display for PortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local {
            Some(0) => f.write_str(":")?,
            Some(local) => write!(f, "{local}:")?,
            None => {}
        }
        self.remote.fmt(f)
    }
}

impl FromStr for PortSpec {
    type Err = String;

    /// Reads `80`, `http`, `8080:80`, `8080:http`, `:80`, `0:80`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (local, remote) = match text.split_once(':') {
            None => (None, text),
            Some(("", remote)) => (Some(0), remote),
            Some((local, remote)) => {
                let local = local.parse().map_err(|_| {
                    format!(
                        "{local:?} is no local port: write [LOCAL:]REMOTE, LOCAL from 0 to 65535"
                    )
                })?;
                (Some(local), remote)
            }
        };
        Ok(Self {
            local,
            remote: remote_port(remote)?,
        })
    }
}

fn remote_port(text: &str) -> Result<RemotePort, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        let number = text.parse().ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| format!("{text} is no port: they are 1 to 65535"));
        return number.map(RemotePort::Number);
    }
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match !text.is_empty() && text.len() <= 63 && text.bytes().all(is_legal) {
        true => Ok(RemotePort::Name(text.to_owned())),
        false => Err(format!(
            "{text:?} is no port: write a number or a name, as in 8080:http"
        )),
    }
}

/// Shows the port as it is written.
impl fmt::Display for RemotePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// A port of an instance that could be forwarded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OfferedPort {
    /// Its number: the Service's, else a container's.
    pub port: u16,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// The container that it is of; none for the Service's.
    pub container: Option<String>,
    /// A port of this machine that is free for it.
    pub local: u16,
}

/// What went through forwarded ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Connections that are open.
    pub n_open: u64,
    /// Connections that there were, those included.
    pub n_connections: u64,
    /// Bytes that went to the pods.
    pub n_sent: u64,
    /// Bytes that came back.
    pub n_received: u64,
}

impl Forwarded {
    /// Returns what opens it: a URL, or host and port where the remote port is of another protocol.
    pub fn url(&self) -> String {
        // Who listens everywhere is reached here.
        let host = match self.local.ip() {
            ip if ip.is_unspecified() || ip == IpAddr::from([127, 0, 0, 1]) => {
                "127.0.0.1".to_owned()
            }
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let place = format!("{host}:{}", self.local.port());
        match self.remote {
            port if HTTPS.contains(&port) => format!("https://{place}"),
            port if NOT_HTTP.contains(&port) => place,
            _ => format!("http://{place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_ports_are_opened_by_what_they_speak() {
        let check = |local: &str, remote: u16, expected: &str| {
            let local = local.parse().unwrap();
            assert_eq!(Forwarded { local, remote }.url(), expected);
        };
        check("127.0.0.1:8080", 80, "http://127.0.0.1:8080");
        check("[::1]:8080", 80, "http://[::1]:8080");
        check("0.0.0.0:9000", 8443, "https://127.0.0.1:9000");
        check("10.0.0.1:5432", 5432, "10.0.0.1:5432");
    }
}
