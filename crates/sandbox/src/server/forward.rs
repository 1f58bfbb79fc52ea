//! Connections to the ports of pods. Nothing listens in a simulated container: a port that it names answers HTTP with one
//! sentence that says so, and gives back whatever is no HTTP.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::sync::mpsc;

use super::channels::{self, Channels};
use super::exec::{Watched, must, pod};
use super::{Answer, Ask, Server};
use crate::request::Target;
use crate::status::Status;

/// Longest head of a request that is waited for.
const MAX_HEAD: usize = 64 * 1024;

pub(super) fn answer(server: &Server, ask: &Ask, target: &Target) -> Result<Answer, Status> {
    must(ask, target)?;
    let (namespace, pod, object) = pod(server, target)?;
    let ports = ask.query.all("ports");
    let ports = ports.iter().flat_map(|ports| ports.split(','));
    let ports: Vec<u16> = ports
        .map(|port| port.parse().ok().filter(|port| *port > 0))
        .collect::<Option<_>>()
        .filter(|ports: &Vec<u16>| !ports.is_empty())
        .ok_or_else(|| Status::bad_request("query parameter \"ports\" is required"))?;
    let watched = Watched {
        store: server.store.clone(),
        namespace,
        pod,
        uid: object["metadata"]["uid"].clone(),
    };
    let ports = ports.into_iter().map(|port| Port::of(&object, port));
    let ports: Vec<Port> = ports.collect();
    channels::open(ask, &["v4.channel.k8s.io"], move |channels| async move {
        tokio::select! {
            () = serve(&watched, ports, channels) => {}
            () = watched.gone() => {}
        }
    })
}

/// A port of a pod, and what was received there.
struct Port {
    number: u16,
    /// The container that names it.
    container: Option<String>,
    received: BytesMut,
    is_http: Option<bool>,
}

impl Port {
    fn of(pod: &Value, number: u16) -> Self {
        let mut containers = pod["spec"]["containers"].as_array().into_iter().flatten();
        let names_it = |container: &&Value| {
            let mut ports = container["ports"].as_array().into_iter().flatten();
            ports.any(|port| port["containerPort"] == number)
        };
        let container = containers.find(names_it);
        let container = container.and_then(|container| container["name"].as_str());
        Self {
            number,
            container: container.map(str::to_owned),
            received: BytesMut::new(),
            is_http: None,
        }
    }

    /// Takes what was sent and returns what is answered.
    fn answer(&mut self, bytes: &Bytes, pod: &str) -> Vec<Bytes> {
        self.received.extend_from_slice(bytes);
        if !*self.is_http.get_or_insert_with(|| is_method(bytes)) {
            return vec![self.received.split().freeze()];
        }
        let mut answers = Vec::new();
        while let Some(len) = request_len(&self.received) {
            let request = self.received.split_to(len);
            answers.push(self.page(&request, pod));
        }
        if self.received.len() > MAX_HEAD {
            self.received.clear();
        }
        answers
    }

    fn page(&self, request: &[u8], pod: &str) -> Bytes {
        let first = String::from_utf8_lossy(request);
        let first = first.lines().next().unwrap_or_default();
        let mut words = first.split(' ');
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or("/"),
        );
        let container = self.container.as_deref().unwrap_or_default();
        let body = format!(
            "simulated by the sandbox: {method} {path} to port {} of container {container} in pod {pod}\n",
            self.number
        );
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let shown = if method == "HEAD" { "" } else { body.as_str() };
        Bytes::from(head + shown)
    }
}

async fn serve(watched: &Watched, mut ports: Vec<Port>, channels: Channels) {
    let Channels {
        mut incoming,
        outgoing,
    } = channels;
    if greet(watched, &ports, &outgoing).await.is_none() {
        return;
    }
    let mut by_channel: BTreeMap<u8, usize> = BTreeMap::new();
    for idx in 0..ports.len() {
        by_channel.insert(data_channel(idx), idx);
    }
    while let Some((channel, bytes)) = incoming.recv().await {
        let Some(port) = by_channel.get(&channel).map(|idx| &mut ports[*idx]) else {
            continue;
        };
        if port.container.is_none() {
            continue;
        }
        for answer in port.answer(&bytes, &watched.pod) {
            if outgoing.send((channel, answer)).await.is_err() {
                return;
            }
        }
    }
}

/// Sends what comes first on every channel, and why a port cannot be reached.
async fn greet(
    watched: &Watched,
    ports: &[Port],
    outgoing: &mpsc::Sender<(u8, Bytes)>,
) -> Option<()> {
    for (idx, port) in ports.iter().enumerate() {
        let number = Bytes::copy_from_slice(&port.number.to_le_bytes());
        let (data, error) = (data_channel(idx), data_channel(idx) + 1);
        outgoing.send((data, number.clone())).await.ok()?;
        outgoing.send((error, number)).await.ok()?;
    }
    for (idx, port) in ports.iter().enumerate() {
        if port.container.is_some() {
            continue;
        }
        let (number, pod) = (port.number, &watched.pod);
        let uid = watched.uid.as_str().unwrap_or_default();
        let why = format!(
            "error forwarding port {number} to pod {pod}, uid : {uid}: failed to connect to localhost:{number} inside \
             namespace: dial tcp4 127.0.0.1:{number}: connect: connection refused"
        );
        outgoing
            .send((data_channel(idx) + 1, Bytes::from(why)))
            .await
            .ok()?;
        // The real one lets go of the connection, too.
        if ports.len() == 1 {
            return None;
        }
    }
    Some(())
}

fn data_channel(idx: usize) -> u8 {
    u8::try_from(2 * idx).unwrap_or(u8::MAX - 1)
}

/// Tells whether bytes begin as a request of HTTP/1 does.
fn is_method(bytes: &[u8]) -> bool {
    let word = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
    (3..=7).contains(&word.len()) && word.iter().all(u8::is_ascii_uppercase)
}

/// Returns how long the first request is, once it is there whole.
fn request_len(bytes: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    let head = bytes.windows(END.len()).position(|window| window == END)? + END.len();
    let text = String::from_utf8_lossy(&bytes[..head]);
    let mut lines = text.lines();
    let body = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length
            .then(|| value.trim().parse::<usize>().ok())
            .flatten()
    });
    let whole = head.checked_add(body.unwrap_or(0))?;
    (bytes.len() >= whole).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port() -> Port {
        let pod = serde_json::json!({"spec": {"containers": [{"name": "web", "ports": [{"containerPort": 80}]}]}});
        Port::of(&pod, 80)
    }

    #[test]
    fn http_is_answered_once_a_request_is_whole_and_the_rest_comes_back() {
        let mut port_80 = port();
        let answer = |port: &mut Port, text: &'static str| {
            let answers = port.answer(&Bytes::from_static(text.as_bytes()), "web-0");
            let answers = answers
                .iter()
                .map(|it| String::from_utf8_lossy(it).into_owned());
            answers.collect::<Vec<_>>()
        };
        assert!(
            answer(
                &mut port_80,
                "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\n"
            )
            .is_empty()
        );
        let answers = answer(&mut port_80, "xyzGET /b HTTP/1.1\r\n\r\n");
        let ends = answers
            .iter()
            .map(|it| it.split("\r\n\r\n").nth(1).unwrap());
        assert_eq!(
            ends.collect::<Vec<_>>(),
            [
                "simulated by the sandbox: POST /a to port 80 of container web in pod web-0\n",
                "simulated by the sandbox: GET /b to port 80 of container web in pod web-0\n"
            ]
        );
        assert_eq!(answer(&mut port(), "\0hello"), ["\0hello"]);
    }
}
