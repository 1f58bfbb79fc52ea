//! Credential plugins (client.authentication.k8s.io): run by bowline itself, so that they cannot hang it, write over its
//! screen, or outlive it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::agreed::{self, Agreements};
use super::child::{Group, Outcome, outcome};
use super::kubeconfig::Chosen;
use super::tls;
use crate::failure::{Failure, FailureKind};
use crate::text;

/// How long a plugin may take that asks nobody.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long one may take that asks a person.
const INTERACTIVE_DEADLINE: Duration = Duration::from_secs(300);

const VERSIONS: [&str; 2] = [
    "client.authentication.k8s.io/v1",
    "client.authentication.k8s.io/v1beta1",
];

/// Which credential plugins may be run.
#[derive(Debug, Clone, Default)]
pub enum ExecPolicy {
    /// All that the kubeconfigs name.
    #[default]
    All,
    /// Those whose command, as the kubeconfig writes it or as it was found, is in the list.
    Only(Vec<String>),
    /// Those of the list, and those that the person agrees to.
    Ask(Vec<String>, Agreements),
}

/// A plugin of a user's entry, ready to run.
#[derive(Debug, Clone)]
pub(super) struct Plugin {
    /// `users[NAME].user.exec`, with the file.
    key: String,
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    version: String,
    mode: ExecInteractiveMode,
    cluster: Option<Value>,
    install_hint: Option<String>,
}

/// What a plugin gave. It is never shown.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credential {
    pub token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Timestamp>,
}

impl Credential {
    /// Tells whether it is over by then.
    pub fn ends_by(&self, then: Timestamp) -> bool {
        self.expiration_timestamp.is_some_and(|end| end <= then)
    }

    /// Returns the client certificate as kubeconfigs hold it.
    pub fn certificate_base64(&self) -> Option<String> {
        self.client_certificate_data
            .as_ref()
            .map(|pem| STANDARD.encode(pem))
    }

    /// Returns the client key as kubeconfigs hold it.
    pub fn key_base64(&self) -> Option<String> {
        self.client_key_data
            .as_ref()
            .map(|pem| STANDARD.encode(pem))
    }
}

/// A login that failed while a request was on its way; the failure is found again behind the client's own error.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(in crate::cluster) struct LoginError(pub Failure);

/// A plugin's output.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    api_version: String,
    status: Option<Credential>,
}

impl Plugin {
    /// Takes the plugin out of a user's entry, if there is one and the policy lets it run.
    pub fn of(
        chosen: &mut Chosen,
        policy: &ExecPolicy,
        may_ask: bool,
    ) -> Result<Option<Self>, Failure> {
        let Some(exec) = chosen.user.exec.take() else {
            return Ok(None);
        };
        let file = chosen.user_file.display();
        let key = format!("{file}: users[{}].user.exec", chosen.user_name);
        let invalid = |what: &str| Failure::new(FailureKind::Invalid, format!("{key}{what}"));
        let command = exec.command.clone().filter(|command| !command.is_empty());
        let command = command.ok_or_else(|| invalid(".command is not set"))?;
        let version = exec.api_version.clone().unwrap_or_default();
        if !VERSIONS.contains(&version.as_str()) {
            return Err(invalid(&format!(
                ".apiVersion: use {}",
                VERSIONS.join(" or ")
            )));
        }
        let program = find(&command, &chosen.user_file).ok_or_else(|| {
            let hint = exec.install_hint.as_deref().map_or(String::new(), |hint| {
                format!("; {}", text::clean(hint.trim()))
            });
            invalid(&format!(".command {command:?} is not there{hint}"))
        })?;
        if !chosen.is_user_trusted {
            let summary = format!(
                "{key} names a command, and the file belongs to another user: it is not run"
            );
            return Err(Failure::new(FailureKind::Refused, summary));
        }
        let args = exec.args.clone().unwrap_or_default();
        let env = environment(&exec);
        let program_text = program.display().to_string();
        let asked = agreed::Command {
            key: &key,
            program: &program_text,
            args: &args,
            env: &env,
        };
        permit(policy, &command, &asked, may_ask)?;
        let cluster = exec.provide_cluster_info.then(|| cluster_info(chosen));
        Ok(Some(Self {
            program,
            args,
            env,
            version,
            mode: exec
                .interactive_mode
                .clone()
                .unwrap_or(ExecInteractiveMode::IfAvailable),
            cluster: cluster.transpose()?,
            install_hint: exec.install_hint,
            key,
        }))
    }

    /// Runs the plugin once. It may ask the person only if `may_ask`, that is while the terminal is not the dashboard's.
    pub async fn run(&self, may_ask: bool) -> Result<Credential, Failure> {
        let asks = may_ask && self.mode != ExecInteractiveMode::Never;
        if self.mode == ExecInteractiveMode::Always && !asks {
            let what = "the login needs an answer at the terminal: log in with another client, or start again";
            return Err(self.failed(what, ""));
        }
        let mut child = self.spawn(asks)?;
        let group = (!asks).then(|| Group::of(&child)).flatten();
        let deadline = if asks { INTERACTIVE_DEADLINE } else { DEADLINE };
        let ended = tokio::time::timeout(deadline, outcome(&mut child, asks)).await;
        if ended.is_err() {
            // Awaited, so that no dead child is left behind.
            let _ = child.start_kill();
        }
        drop(group);
        let Ok(outcome) = ended else {
            let _ = child.wait().await;
            let seconds = deadline.as_secs();
            return Err(self.failed(&format!("it did not end within {seconds} s"), ""));
        };
        let outcome = outcome.map_err(|error| self.failed(&error.to_string(), ""))?;
        if !outcome.status.success() {
            return Err(self.failed(&outcome.status.to_string(), &outcome.stderr));
        }
        self.credential(&outcome)
    }

    fn spawn(&self, asks: bool) -> Result<Child, Failure> {
        let info = json!({
            "apiVersion": self.version,
            "kind": "ExecCredential",
            "spec": match &self.cluster {
                Some(cluster) => json!({"interactive": asks, "cluster": cluster}),
                None => json!({"interactive": asks}),
            },
        });
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("KUBERNETES_EXEC_INFO", info.to_string())
            .stdin(if asks {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if !asks {
            // One that asks must stay in the foreground to be allowed to read the terminal.
            command.process_group(0);
        }
        command.spawn().map_err(|error| {
            let hint = self.install_hint.as_deref().unwrap_or_default();
            self.failed(&error.to_string(), hint)
        })
    }

    fn credential(&self, outcome: &Outcome) -> Result<Credential, Failure> {
        if outcome.is_cut {
            return Err(self.failed("it wrote more than 1 MiB", ""));
        }
        // NB: the output is never quoted, it holds the credential.
        let parsed: Option<ExecCredential> = serde_json::from_slice(&outcome.stdout).ok();
        let parsed = parsed.ok_or_else(|| {
            self.failed("its output is no ExecCredential in JSON", &outcome.stderr)
        })?;
        if parsed.api_version != self.version {
            let what = format!("its output is not of apiVersion {}", self.version);
            return Err(self.failed(&what, ""));
        }
        let credential = parsed
            .status
            .filter(|status| status.token.is_some() || status.client_certificate_data.is_some());
        let credential = credential
            .ok_or_else(|| self.failed("it gave neither token nor certificate", &outcome.stderr))?;
        if credential.client_certificate_data.is_some() != credential.client_key_data.is_some() {
            return Err(self.failed("it gave a certificate or a key without the other", ""));
        }
        Ok(credential)
    }

    fn failed(&self, what: &str, stderr: &str) -> Failure {
        let program = self.program.display().to_string();
        let program = text::clean(&program);
        let what = text::clean(what);
        let summary = format!("login failed: {program} ({}): {what}", self.key);
        Failure {
            detail: stderr.to_owned(),
            ..Failure::new(FailureKind::Login, summary)
        }
    }
}

/// Finds a command as kubectl does: a path relative to the kubeconfig's directory, else a name on PATH; never in the
/// current directory.
fn find(command: &str, kubeconfig: &Path) -> Option<PathBuf> {
    let is_executable = |path: &PathBuf| {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(path);
        metadata.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    if command.contains('/') {
        let directory = kubeconfig.parent().unwrap_or(Path::new(""));
        let path = std::path::absolute(directory.join(command)).ok()?;
        return Some(path).filter(is_executable);
    }
    let path = std::env::var_os("PATH")?;
    let mut directories = std::env::split_paths(&path).filter(|path| path.is_absolute());
    directories.find_map(|directory| Some(directory.join(command)).filter(is_executable))
}

fn permit(
    policy: &ExecPolicy,
    written: &str,
    command: &agreed::Command<'_>,
    may_ask: bool,
) -> Result<(), Failure> {
    let is_in = |list: &[String]| {
        let is_it = |allowed: &String| allowed == written || allowed == command.program;
        list.iter().any(is_it)
    };
    let key = command.key;
    let refuse = |why: &str| {
        let summary = format!("{key}.command {written:?} may not be run: {why}");
        Err(Failure::new(FailureKind::Refused, summary))
    };
    match policy {
        ExecPolicy::All => Ok(()),
        ExecPolicy::Only(list) | ExecPolicy::Ask(list, _) if is_in(list) => Ok(()),
        ExecPolicy::Only(_) => refuse("the settings do not allow it"),
        ExecPolicy::Ask(_, agreements) => match agreements.allow(command, may_ask) {
            Ok(true) => Ok(()),
            Ok(false) => refuse(
                "nobody agreed to it here yet; agree to it once by `bowline ls` on a terminal, or name it in the \
                 settings under [login] as allowed",
            ),
            Err(error) => {
                let file = agreements.file.display();
                let summary =
                    format!("cannot look up in {file} whether {written:?} may be run: {error}");
                Err(Failure::new(FailureKind::Disk, summary))
            }
        },
    }
}

fn environment(exec: &ExecConfig) -> Vec<(String, String)> {
    let pairs = exec.env.iter().flatten();
    let pairs =
        pairs.filter_map(|pair| Some((pair.get("name")?.clone(), pair.get("value")?.clone())));
    pairs.collect()
}

/// The cluster, for plugins that ask for it (`provideClusterInfo`). They are given the authority itself, wherever it stands.
fn cluster_info(chosen: &Chosen) -> Result<Value, Failure> {
    let cluster = &chosen.cluster;
    let mut info = json!({"server": chosen.server.to_string()});
    let authority = tls::authority_base64(chosen)?;
    let optional = [
        ("tls-server-name", cluster.tls_server_name.as_deref()),
        ("proxy-url", cluster.proxy_url.as_deref()),
        ("certificate-authority-data", authority.as_deref()),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            info[key] = value.into();
        }
    }
    if chosen.is_insecure {
        info["insecure-skip-tls-verify"] = true.into();
    }
    let extensions = cluster.extensions.iter().flatten();
    let mut extensions =
        extensions.filter(|named| named.name == "client.authentication.k8s.io/exec");
    if let Some(named) = extensions.next() {
        info["config"] = named.extension.clone();
    }
    Ok(info)
}
