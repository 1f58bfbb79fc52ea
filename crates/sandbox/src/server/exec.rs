//! Commands in containers. No container runs here, so that it is a simulated shell that carries them out.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::channels::{self, Channels};
use super::logs::{chosen_container, status_of};
use super::{Answer, Ask, Server};
use crate::request::Target;
use crate::shell::{Place, Shell, Size, Terminal};
use crate::status::Status;
use crate::store::Store;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
/// Says that the channel in its message has ended; only in v5.
const CLOSE: u8 = 255;
/// The exit code of what was killed.
const KILLED: i32 = 137;

pub(super) fn answer(server: &Server, ask: &Ask, target: &Target) -> Result<Answer, Status> {
    must(ask, target)?;
    let query = &ask.query;
    let streams = ["stdin", "stdout", "stderr"].map(|name| query.flag(name));
    if streams == [false; 3] {
        return Err(invalid(
            "you must specify at least one of stdin, stdout, stderr",
        ));
    }
    let command: Vec<String> = query
        .all("command")
        .into_iter()
        .map(str::to_owned)
        .collect();
    if command.is_empty() {
        return Err(invalid(
            "you must specify at least 1 command for the container",
        ));
    }
    let (namespace, pod, object) = pod(server, target)?;
    let container = match ask.query.get("container") {
        None => sole_container(&object)?,
        asked => chosen_container(&object, asked)?,
    };
    let status = status_of(&object, &container);
    if status.is_none_or(|status| status["state"].get("running").is_none()) {
        let why = format!("unable to upgrade connection: container not found (\"{container}\")");
        return Err(internal(&why));
    }
    let watched = Watched {
        store: server.store.clone(),
        namespace,
        pod,
        uid: object["metadata"]["uid"].clone(),
    };
    let place = place(&object, &container);
    let [has_stdin, _, has_stderr] = streams;
    let is_tty = query.flag("tty");
    channels::open(
        ask,
        &["v5.channel.k8s.io", "v4.channel.k8s.io"],
        move |channels| async move {
            let has_stderr = has_stderr && !is_tty;
            run(
                watched,
                place,
                command,
                (has_stdin, has_stderr, is_tty),
                channels,
            )
            .await;
        },
    )
}

/// Refuses what the user may not do. NB: a WebSocket begins with a GET, for which servers want both verbs.
pub(super) fn must(ask: &Ask, target: &Target) -> Result<(), Status> {
    if ask.method == http::Method::GET {
        ask.must("get", target)?;
    }
    ask.must("create", target)
}

/// Returns the pod of a request, with its namespace and name.
pub(super) fn pod(
    server: &Server,
    target: &Target,
) -> Result<(String, String, Arc<Value>), Status> {
    let namespace = target.namespace.clone().unwrap_or_default();
    let name = target.name.clone().unwrap_or_default();
    let object = server.store.get("Pod", &namespace, &name);
    let object = object.ok_or_else(|| Status::not_found("", "pods", &name))?;
    if object["spec"]["nodeName"].as_str().is_none() {
        return Err(Status::bad_request(format!(
            "pod {name} does not have a host assigned"
        )));
    }
    Ok((namespace, name, object))
}

/// NB: unlike for logs, init containers do not count where none is named.
fn sole_container(pod: &Value) -> Result<String, Status> {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let names: Vec<&str> = containers.filter_map(|it| it["name"].as_str()).collect();
    match names.as_slice() {
        [one] => Ok((*one).to_owned()),
        _ => Err(Status::bad_request(format!(
            "a container name must be specified for pod {}, choose one of: [{}]",
            pod["metadata"]["name"].as_str().unwrap_or_default(),
            names.join(" ")
        ))),
    }
}

fn invalid(why: &str) -> Status {
    Status::bad_request(why)
}

pub(super) fn internal(why: &str) -> Status {
    Status::new(
        500,
        "InternalError",
        format!("Internal error occurred: {why}"),
    )
}

/// What a command in a container finds there.
fn place(pod: &Value, container: &str) -> Place {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = word(&pod["metadata"]["name"]);
    let mut env = vec![
        ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
        ("HOSTNAME".to_owned(), name.clone()),
    ];
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut named = containers.filter(|it| it["name"] == container);
    let of_container = named.next().and_then(|it| it["env"].as_array());
    for variable in of_container.into_iter().flatten() {
        // Values from elsewhere are not looked up.
        if let Some(value) = variable["value"].as_str() {
            env.push((word(&variable["name"]), value.to_owned()));
        }
    }
    Place {
        env,
        host: name,
        container: container.to_owned(),
    }
}

/// A pod whose end is the end of all that runs in it.
pub(super) struct Watched {
    pub(super) store: Store,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) uid: Value,
}

impl Watched {
    /// Waits until the pod is gone.
    pub(super) async fn gone(&self) {
        let mut changes = self.store.subscribe();
        loop {
            let pod = self.store.get("Pod", &self.namespace, &self.pod);
            if pod.is_none_or(|pod| pod["metadata"]["uid"] != self.uid) {
                return;
            }
            // One who is behind looks at what there is now, too.
            drop(changes.recv().await);
        }
    }
}

async fn run(
    watched: Watched,
    place: Place,
    command: Vec<String>,
    (has_stdin, has_stderr, is_tty): (bool, bool, bool),
    channels: Channels,
) {
    let Channels { incoming, outgoing } = channels;
    let (keys, stdin) = mpsc::channel(1);
    let (resized, size) = watch::channel(Size::default());
    let terminal = Terminal {
        stdin,
        stdout: (STDOUT, outgoing.clone()),
        stderr: (if has_stderr { STDERR } else { STDOUT }, outgoing.clone()),
        size,
        is_tty,
    };
    let keys = has_stdin.then_some(keys);
    let code = tokio::select! {
        code = Shell::new(place, terminal).run(&command) => code,
        () = watched.gone() => KILLED,
        () = feed(incoming, keys, resized) => return,
    };
    let status = Bytes::from(ended(code).to_string());
    drop(outgoing.send((STATUS, status)).await);
}

/// Hands on what comes from the client; ends with the connection.
async fn feed(
    mut incoming: mpsc::Receiver<(u8, Bytes)>,
    mut keys: Option<mpsc::Sender<Bytes>>,
    resized: watch::Sender<Size>,
) {
    while let Some((channel, bytes)) = incoming.recv().await {
        match channel {
            STDIN => {
                if let Some(keys) = &keys {
                    drop(keys.send(bytes).await);
                }
            }
            CLOSE if bytes.first() == Some(&STDIN) => keys = None,
            RESIZE => {
                let size: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                let side = |name: &str| size[name].as_u64().unwrap_or_default();
                resized.send_replace(Size {
                    columns: side("Width"),
                    rows: side("Height"),
                });
            }
            _ => {}
        }
    }
}

fn ended(code: i32) -> Value {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({
        "metadata": {},
        "status": "Failure",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
}
