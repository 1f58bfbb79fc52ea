//! Commands in containers: a session whose input and output are values, for whoever has a terminal.
//!
//! The connection is asked for once and never again, for a command may not be run twice. Input and output do not wait for
//! each other, so that neither a command that reads nothing nor a reader that is slow holds the other side up.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::discovery::is_url_word;
use super::reply::Status;
use super::request::form_urlencoded;
use super::socket::{Received, Socket, SocketSink, SocketStream, pings};
use super::{Access, Cluster, kinds};
use crate::definition::id::Namespace;
use crate::definition::object::{GroupKind, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::pod_choice;
use crate::service::rights::PodRights;
use crate::service::summary::{InstanceKey, Pod};
use crate::text;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;
/// Says that the channel in its message has ended.
const END_OF_CHANNEL: u8 = 255;
/// Annotation of a pod: the container that is meant where none is named.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
/// Output that is still on its way once the command has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// A connection that has said nothing for so long, though it was asked, is gone.
const LONGEST_QUIET: Duration = Duration::from_secs(60);
/// So many bytes of input fit into any pipe: a command that does not read them does not keep the server from answering.
const HARMLESS_INPUT: usize = 4096;

/// The shell that is best of those that most images have, as a command.
pub const SHELL: [&str; 3] = [
    "sh",
    "-c",
    "command -v bash >/dev/null && exec bash || exec sh",
];

/// What is run, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// The pod's namespace.
    pub namespace: Namespace,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Whether it gets input.
    pub has_stdin: bool,
    /// Whether it gets a terminal; then its errors come in its output.
    pub is_tty: bool,
}

/// What a command is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecInput {
    /// Bytes of standard input.
    Bytes(Bytes),
    /// The end of standard input.
    End,
    /// The terminal has this size now.
    Resized {
        /// Width in cells.
        columns: u16,
        /// Height in cells.
        rows: u16,
    },
}

/// What a command says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecOutput {
    /// Bytes of standard output.
    Stdout(Bytes),
    /// Bytes of standard error.
    Stderr(Bytes),
}

/// NB: a WebSocket begins with a GET. Servers want `get` for that, newer ones `create` as well, as for a POST.
const VERBS: [&str; 2] = ["get", "create"];

/// A command that runs. Dropping it closes the connection, which ends what waits for its input.
pub struct ExecSession {
    socket: Socket,
    doing: String,
}

impl std::fmt::Debug for ExecSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecSession")
            .field("doing", &self.doing)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Chooses where a command is run, the pod called as [`pod_choice::label`] does: the pod that is named, else the one that does best; the container that is named, else
    /// the one that the pod names, else the first.
    ///
    /// # Errors
    /// There is no such pod or container, it does not run, or the server does not let pods be read.
    pub async fn exec_place(
        &self,
        instance: &InstanceKey,
        pod: Option<&str>,
        container: Option<&str>,
    ) -> Result<(String, String), Failure> {
        let pods = self.all_pods(instance).await?;
        let pod = pod_choice::running(&pods, pod, instance)?;
        let named = match container {
            Some(named) => Some(named.to_owned()),
            None => self.default_container(pod).await?,
        };
        let container = pod_choice::container(pod, named.as_deref())?;
        let label = pod_choice::label(pod, &instance.namespace);
        Ok((label, container.to_owned()))
    }

    async fn default_container(&self, pod: &Pod) -> Result<Option<String>, Failure> {
        if pod.containers.iter().filter(|it| !it.init).count() < 2 {
            return Ok(None);
        }
        let key = ObjectKey {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some(pod.instance.namespace.to_string()),
            name: pod.name.clone(),
        };
        let object = self.get(&key).await?;
        let named = object.and_then(|pod| {
            let annotations = pod.json.get("metadata")?.get("annotations")?;
            Some(annotations.get(DEFAULT_CONTAINER)?.as_str()?.to_owned())
        });
        // One that names no container is a mistake of its writer, as kubectl has it.
        Ok(named.filter(|named| pod.containers.iter().any(|it| it.name == *named)))
    }

    /// Begins to run a command.
    ///
    /// # Errors
    /// The connection is read-only, as nobody knows what a command writes. The server refuses, or has not answered after the
    /// deadline: then nobody knows whether the command runs.
    pub async fn exec(&self, request: &ExecRequest) -> Result<ExecSession, Failure> {
        if let Some(refusal) = self.read_only() {
            return Err(refusal);
        }
        let doing = format!("run a command in {}/{}", request.pod, request.container);
        let pods = kinds::known("", "Pod").path(Some(request.namespace.as_str()));
        if !is_url_word(&request.pod) {
            let summary = format!("cannot {doing}: that is no name of a pod");
            return Err(Failure::new(FailureKind::Invalid, summary));
        }
        let yes = |is_wanted: bool| if is_wanted { "true" } else { "false" };
        let mut query = vec![
            ("container", request.container.as_str()),
            ("stdin", yes(request.has_stdin)),
            ("stdout", "true"),
            ("stderr", yes(!request.is_tty)),
            ("tty", yes(request.is_tty)),
        ];
        query.extend(
            request
                .command
                .iter()
                .map(|word| ("command", word.as_str())),
        );
        let query = form_urlencoded(&query);
        let path = format!("{pods}/{}/exec?{query}", request.pod);
        match self.open_socket(&doing, path).await {
            Ok(socket) => Ok(ExecSession { socket, doing }),
            Err(failure) => {
                let place = (&request.namespace, request.pod.as_str());
                Err(self.told("exec", place, failure).await)
            }
        }
    }

    /// Tells what this user may do with the pods of a namespace, beside looking at them, or with those of certain names.
    ///
    /// # Errors
    /// The server refuses the question, or does not answer.
    pub async fn pod_rights(&self, namespace: &Namespace) -> Result<PodRights, Failure> {
        let parts = ["exec", "portforward"];
        let accesses: Vec<Access> = parts
            .iter()
            .flat_map(|part| both(part, namespace, None))
            .collect();
        let allowed = self.can_to_some(&accesses).await?;
        // As before a forward: one of both verbs may be enough for this server.
        let may = |nth: usize| allowed.iter().skip(2 * nth).take(2).any(|allowed| *allowed);
        Ok(PodRights {
            may_exec: may(0),
            may_forward: may(1),
        })
    }

    /// Says which permissions are missing where a connection to a pod was forbidden.
    pub(super) async fn told(
        &self,
        subresource: &'static str,
        (namespace, pod): (&Namespace, &str),
        failure: Failure,
    ) -> Failure {
        if failure.kind != FailureKind::Forbidden {
            return failure;
        }
        let missing = self.missing(subresource, namespace, Some(pod)).await;
        match missing.is_empty() {
            true => failure,
            false => Failure {
                summary: refused(&missing, subresource, namespace),
                detail: failure.summary,
                ..failure
            },
        }
    }

    /// Asks whether connections to a pod may be allowed, before anything is said to be open. Which verbs are enough is known to
    /// the server alone; it decides when it is asked for a connection, as where it does not answer the question.
    ///
    /// # Errors
    /// They are not, whatever the server wants: which permissions are missing.
    pub(super) async fn check_may_connect(
        &self,
        subresource: &'static str,
        namespace: &Namespace,
        pod: Option<&str>,
    ) -> Result<(), Failure> {
        let missing = self.missing(subresource, namespace, pod).await;
        match missing.len() < VERBS.len() {
            true => Ok(()),
            false => {
                let summary = refused(&missing, subresource, namespace);
                Err(Failure::new(FailureKind::Forbidden, summary))
            }
        }
    }

    /// Returns the verbs that are plainly not allowed to a pod; where none is named, to any.
    async fn missing(
        &self,
        subresource: &'static str,
        namespace: &Namespace,
        pod: Option<&str>,
    ) -> Vec<&'static str> {
        let mut missing = Vec::new();
        for access in both(subresource, namespace, pod) {
            if let Ok(false) = self.may_one(&access).await {
                missing.push(access.verb);
            }
        }
        missing
    }
}

fn refused(missing: &[&str], subresource: &str, namespace: &Namespace) -> String {
    let verbs = missing.join(" and ");
    format!("this user may not {verbs} pods/{subresource} in {namespace}")
}

fn both(subresource: &'static str, namespace: &Namespace, pod: Option<&str>) -> [Access; 2] {
    VERBS.map(|verb| Access {
        verb,
        kind: GroupKind::new("", "Pod"),
        subresource: Some(subresource),
        namespace: Some(namespace.to_string()),
        name: pod.map(str::to_owned),
    })
}

impl ExecSession {
    /// Runs the session to the end of the command and returns its exit code. Input is taken as long as there is some; output
    /// that nobody takes is dropped.
    ///
    /// # Errors
    /// The command could not be run, or the connection broke off before it ended.
    pub async fn run(
        self,
        input: mpsc::Receiver<ExecInput>,
        output: mpsc::Sender<ExecOutput>,
    ) -> Result<i32, Failure> {
        let Self { socket, doing } = self;
        let Socket {
            mut to,
            from,
            can_end_channels,
        } = socket;
        let (said, heard) = tokio::sync::watch::channel(0);
        let code = tokio::select! {
            code = listen(from, &output, heard, &doing) => code,
            failure = speak(&mut to, input, &said, can_end_channels, &doing) => Err(failure),
        };
        to.close().await;
        code
    }
}

/// Sends what is given; returns only if that cannot be done. `said` counts the bytes of input.
async fn speak(
    to: &mut SocketSink,
    mut input: mpsc::Receiver<ExecInput>,
    said: &tokio::sync::watch::Sender<usize>,
    can_end_channels: bool,
    doing: &str,
) -> Failure {
    let mut pings = pings();
    let mut has_more = true;
    loop {
        let sent = tokio::select! {
            _ = pings.tick() => to.ping().await,
            given = input.recv(), if has_more => match given {
                None => {
                    has_more = false;
                    Ok(())
                }
                Some(ExecInput::Bytes(bytes)) => {
                    said.send_modify(|n_bytes| *n_bytes += bytes.len());
                    to.send(STDIN, &bytes).await
                }
                Some(ExecInput::End) if can_end_channels => to.send(END_OF_CHANNEL, &[STDIN]).await,
                Some(ExecInput::End) => return cannot_end(doing),
                Some(ExecInput::Resized { columns, rows }) => {
                    let size = json!({"Width": columns, "Height": rows}).to_string();
                    to.send(RESIZE, size.as_bytes()).await
                }
            },
        };
        if sent.is_err() {
            // What the server still says tells more, or that the connection is gone.
            return std::future::pending().await;
        }
    }
}

/// NB: with v4 only the whole connection can be ended, and what the command says then is lost.
fn cannot_end(doing: &str) -> Failure {
    let summary = format!(
        "cannot {doing}: the server cannot be told where standard input ends (v5.channel.k8s.io: Kubernetes 1.30 or newer)"
    );
    Failure::new(FailureKind::Refused, summary)
}

/// Hands out what the server sends, to the end of the command.
async fn listen(
    mut from: SocketStream,
    output: &mpsc::Sender<ExecOutput>,
    said: tokio::sync::watch::Receiver<usize>,
    doing: &str,
) -> Result<i32, Failure> {
    let mut n_answered = 0;
    let mut last = Instant::now();
    let broken = |why: &str| {
        let summary =
            format!("cannot go on to {doing}: {why}; whether the command still runs is not known");
        Err(Failure::new(FailureKind::Unreachable, summary))
    };
    loop {
        let Ok(received) = timeout(LONGEST_QUIET, from.next()).await else {
            // Input that the command does not read may stand before the question.
            if *said.borrow() - n_answered <= HARMLESS_INPUT {
                return broken("the connection is dead");
            }
            tracing::debug!(quiet = ?last.elapsed(), "no answer behind unread input");
            continue;
        };
        (n_answered, last) = (*said.borrow(), Instant::now());
        match received {
            Received::Bytes(STATUS, bytes) if !bytes.is_empty() => {
                drop(timeout(LAST_WORDS, rest(&mut from, output)).await);
                return ended(&bytes, doing);
            }
            Received::Bytes(channel, bytes) => say(output, channel, bytes).await,
            Received::Alive => {}
            Received::Closed => return broken("the server closed the connection"),
            Received::Broken(why) => return broken(&format!("the connection broke off: {why}")),
        }
    }
}

async fn rest(from: &mut SocketStream, output: &mpsc::Sender<ExecOutput>) {
    loop {
        match from.next().await {
            Received::Bytes(channel, bytes) => say(output, channel, bytes).await,
            Received::Alive => {}
            Received::Closed | Received::Broken(_) => return,
        }
    }
}

async fn say(output: &mpsc::Sender<ExecOutput>, channel: u8, bytes: Bytes) {
    let said = match channel {
        // Servers begin with an empty message on each channel.
        _ if bytes.is_empty() => return,
        STDOUT => ExecOutput::Stdout(bytes),
        STDERR => ExecOutput::Stderr(bytes),
        _ => return,
    };
    drop(output.send(said).await);
}

fn ended(status: &[u8], doing: &str) -> Result<i32, Failure> {
    let Ok(ended) = serde_json::from_slice::<Status>(status) else {
        return Err(super::request::unreadable(doing));
    };
    if ended.status == "Success" {
        return Ok(0);
    }
    let mut causes = ended.details.causes.iter();
    let code = causes.find(|cause| cause.reason == "ExitCode");
    if let Some(code) = code.and_then(|cause| cause.message.parse().ok())
        && ended.reason == "NonZeroExitCode"
    {
        return Ok(code);
    }
    let message = text::clean(&ended.message).into_owned();
    let kind = match ended.message.contains("not found") {
        true => FailureKind::NotFound,
        false => FailureKind::Invalid,
    };
    Err(Failure::new(kind, format!("cannot {doing}: {message}")))
}
