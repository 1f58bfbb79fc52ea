//! Connecting: from a kubeconfig as kubectl reads it, or from within a pod, to a [`Cluster`].
//!
//! Nothing is asked of the server here: a cluster that is away is no reason not to start. Credential plugins do run, because
//! only now may they ask something of the person.

mod agreed;
mod child;
mod described;
mod direct;
mod exec;
mod kubeconfig;
mod proxy;
mod tls;
mod transport;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kube::config::AuthInfo;
use serde_json::json;

use super::{Cluster, Identity};
use crate::audit::Audit;
use crate::definition::id::Namespace;
use crate::definition::policy::Policy;
use crate::failure::{Failure, FailureKind};
use crate::guard::Guards;
use crate::text;

pub use agreed::Agreements;
pub use described::{Description, describe, kubeconfig_files};
pub use direct::{DirectCluster, Given};
pub use exec::ExecPolicy;
pub(super) use exec::LoginError;
pub use kubeconfig::ContextSummary;
use kubeconfig::{Chosen, Kubeconfigs};

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Where a pod's service account has its namespace.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// What to connect to, and as whom.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The only kubeconfig to read; else `$KUBECONFIG`, `~/.kube/config`, or the pod that this runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The cluster that is named without a kubeconfig; then none is read.
    pub direct: Option<DirectCluster>,
    /// The context; else the current one.
    pub context: Option<String>,
    /// The namespace; else the context's, else `default`.
    pub namespace: Option<Namespace>,
    /// Act as this user (`--as`).
    pub as_user: Option<String>,
    /// Act as a member of these groups (`--as-group`).
    pub as_groups: Vec<String>,
    /// Whether a credential plugin may ask the person at the terminal: never once the screen is the dashboard's.
    pub interactive_login: bool,
    /// Which credential plugins may be run.
    pub exec_policy: ExecPolicy,
    /// What manifests may touch beside their own namespace.
    pub policy: Policy,
    /// Takes a line for each write.
    pub audit: Option<Arc<Audit>>,
    /// What holds in which context.
    pub guards: Guards,
}

/// Connects to the cluster of a context. Must be called within a runtime.
///
/// # Errors
/// The kubeconfig is missing, malformed or unsafe, or the login failed: the text names the file and the key.
pub async fn connect(options: &ConnectOptions) -> Result<Cluster, Failure> {
    let cluster = open(options).await.map_err(harmless)?;
    let cluster = cluster.with_policy(options.policy.clone());
    let guard = options.guards.of(&cluster.identity().context);
    let cluster = cluster.guarded(guard);
    Ok(cluster.audited(options.audit.clone()))
}

/// Names in a kubeconfig are whatever its writer wanted.
fn harmless(failure: Failure) -> Failure {
    Failure {
        summary: text::clean(&failure.summary).into_owned(),
        ..failure
    }
}

async fn open(options: &ConnectOptions) -> Result<Cluster, Failure> {
    if options.as_user.is_none() && !options.as_groups.is_empty() {
        let summary = "--as-group needs --as: groups are those of a user";
        return Err(Failure::new(FailureKind::Invalid, summary));
    }
    let kubeconfigs = Kubeconfigs::of(options)?;
    let Some(kubeconfigs) = kubeconfigs else {
        return connect_in_cluster(options).await;
    };
    let mut chosen = kubeconfigs.choose(options.context.as_deref())?;
    impersonate(&mut chosen.user, options);
    let namespace = match &options.namespace {
        Some(namespace) => namespace.clone(),
        None => chosen.namespace.clone().unwrap_or_default(),
    };
    let identity = Identity {
        context: text::clean(&chosen.context).into_owned(),
        cluster: text::clean(&chosen.cluster_name).into_owned(),
        server: kubeconfig::harmless_url(&chosen.server.to_string()),
        user: text::clean(options.as_user.as_ref().unwrap_or(&chosen.user_name)).into_owned(),
        is_insecure: chosen.is_insecure,
        has_context: options.direct.is_none(),
    };
    refuse_contradiction(&chosen)?;
    refuse_legacy_command(&chosen)?;
    refuse_open_credentials(&chosen, chosen.user.exec.is_some())?;
    let may_ask = options.interactive_login;
    let plugin = exec::Plugin::of(&mut chosen, &options.exec_policy, may_ask)?;
    let reload = plugin.is_none().then(|| reload(options, &chosen.context));
    let config = config(chosen)?;
    let client = transport::open(config, plugin, reload, may_ask).await?;
    Ok(Cluster::new(client, identity, namespace))
}

/// Returns the contexts of the kubeconfigs, in their order; none within a pod.
///
/// # Errors
/// A kubeconfig is malformed or unsafe: the text names the file.
pub fn contexts(options: &ConnectOptions) -> Result<Vec<ContextSummary>, Failure> {
    let kubeconfigs = Kubeconfigs::of(options).map_err(harmless)?;
    Ok(kubeconfigs.map_or_else(Vec::new, |kubeconfigs| kubeconfigs.summaries()))
}

/// Looks whether what is to be connected to is there and complete, without asking anybody. Kubeconfigs that name no current
/// context are fine: one can be chosen later.
///
/// # Errors
/// A kubeconfig is missing, malformed or unsafe, or a context names what is not there: the text names the file and the key.
pub fn check(options: &ConnectOptions) -> Result<(), Failure> {
    let Some(kubeconfigs) = Kubeconfigs::of(options).map_err(harmless)? else {
        return Ok(());
    };
    if options.context.is_none() && !kubeconfigs.has_current_context() {
        return Ok(());
    }
    let chosen = kubeconfigs.choose(options.context.as_deref());
    chosen.map(drop).map_err(harmless)
}

/// Tells whether a login by a credential plugin comes first, which may ask something of the person.
pub fn asks_for_login(options: &ConnectOptions) -> bool {
    let kubeconfigs = Kubeconfigs::of(options);
    let chosen = kubeconfigs.map(|read| read.map(|read| read.choose(options.context.as_deref())));
    matches!(chosen, Ok(Some(Ok(chosen))) if chosen.user.exec.is_some())
}

async fn connect_in_cluster(options: &ConnectOptions) -> Result<Cluster, Failure> {
    if options.context.is_some() {
        let summary = "there is no kubeconfig, and so no context to choose";
        return Err(Failure::new(FailureKind::NotFound, summary));
    }
    let mut config = kube::Config::incluster().map_err(|error| {
        let summary = format!("cannot read the service account of this pod: {error}");
        Failure::new(FailureKind::Disk, summary)
    })?;
    settle(&mut config);
    impersonate(&mut config.auth_info, options);
    let of_pod = std::fs::read_to_string(POD_NAMESPACE).unwrap_or_default();
    let namespace = match &options.namespace {
        Some(namespace) => namespace.clone(),
        None => of_pod.trim().parse().unwrap_or_default(),
    };
    let identity = Identity {
        context: "in-cluster".to_owned(),
        cluster: "in-cluster".to_owned(),
        server: config.cluster_url.to_string(),
        user: "service account".to_owned(),
        is_insecure: false,
        has_context: false,
    };
    // The token is a file, which a new client reads again.
    let reload: transport::Reload = Box::new(|present| Ok(Some(present.clone())));
    let client = transport::open(config, None, Some(reload), false).await?;
    Ok(Cluster::new(client, identity, namespace))
}

/// Returns how the same context is read again once its login is refused: tokens and certificates are renewed by others.
/// What was chosen at the start stays chosen: a kubeconfig that changes never leads a session to another server.
fn reload(options: &ConnectOptions, context: &str) -> transport::Reload {
    let options = ConnectOptions {
        context: Some(context.to_owned()),
        ..options.clone()
    };
    Box::new(move |present| {
        let read = Kubeconfigs::of(&options);
        let Ok(Some(Ok(mut chosen))) =
            read.map(|read| read.map(|read| read.choose(options.context.as_deref())))
        else {
            // The refused login says more than a file that is just being written.
            return Ok(None);
        };
        impersonate(&mut chosen.user, &options);
        let (context, file) = (chosen.context.clone(), chosen.user_file.clone());
        let follows = chosen.user.exec.is_none()
            && refuse_contradiction(&chosen).is_ok()
            && refuse_legacy_command(&chosen).is_ok()
            && refuse_open_credentials(&chosen, false).is_ok();
        let config = config(chosen)?;
        if !follows || !leads_to_the_same(&config, present) {
            let summary = format!(
                "{}: context {context} changed and leads elsewhere now: choose it again to follow it",
                file.display()
            );
            return Err(Failure::new(FailureKind::Refused, summary));
        }
        let is_new = has_files(&config.auth_info) || shown(&config) != shown(present);
        Ok(is_new.then_some(config))
    })
}

fn leads_to_the_same(config: &kube::Config, present: &kube::Config) -> bool {
    config.cluster_url == present.cluster_url
        && config.root_cert == present.root_cert
        && config.accept_invalid_certs == present.accept_invalid_certs
        && config.tls_server_name == present.tls_server_name
}

/// Tells whether credentials stand in files of their own, which may have changed where their names have not.
fn has_files(user: &AuthInfo) -> bool {
    user.token_file.is_some() || user.client_certificate.is_some() || user.client_key.is_some()
}

/// Returns the credentials so that they can be compared.
fn shown(config: &kube::Config) -> Option<serde_json::Value> {
    serde_json::to_value(&config.auth_info).ok()
}

fn impersonate(user: &mut AuthInfo, options: &ConnectOptions) {
    if let Some(as_user) = &options.as_user {
        user.impersonate = Some(as_user.clone());
        // What else the kubeconfig names belongs to another user.
        user.impersonate_groups = None;
        user.impersonate_uid = None;
        user.impersonate_user_extra = None;
    }
    if !options.as_groups.is_empty() {
        user.impersonate_groups = Some(options.as_groups.clone());
    }
}

/// Refuses to verify a server and not to verify it, as kubectl does: whoever named an authority meant it to count.
fn refuse_contradiction(chosen: &Chosen) -> Result<(), Failure> {
    let is_set = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let cluster = &chosen.cluster;
    let names_authority =
        is_set(&cluster.certificate_authority) || is_set(&cluster.certificate_authority_data);
    if !chosen.is_insecure || !names_authority {
        return Ok(());
    }
    let summary = format!(
        "{}: clusters[{}].cluster has insecure-skip-tls-verify beside a certificate authority: leave one of them out",
        chosen.cluster_file.display(),
        chosen.cluster_name
    );
    Err(Failure::new(FailureKind::Invalid, summary))
}

/// Refuses the command of a legacy `auth-provider`: the client would run it itself, past every rule for plugins.
fn refuse_legacy_command(chosen: &Chosen) -> Result<(), Failure> {
    let provider = chosen.user.auth_provider.as_ref();
    if !provider.is_some_and(|provider| provider.config.contains_key("cmd-path")) {
        return Ok(());
    }
    let summary = format!(
        "{}: users[{}].user.auth-provider names a command (cmd-path), which is not run: use exec in its place",
        chosen.user_file.display(),
        chosen.user_name
    );
    Err(Failure::new(FailureKind::Refused, summary))
}

/// Refuses to send credentials where anybody on the way can read them.
fn refuse_open_credentials(chosen: &Chosen, has_plugin: bool) -> Result<(), Failure> {
    let user = &chosen.user;
    let has_credentials = has_plugin
        || user.token.is_some()
        || user.token_file.is_some()
        || user.password.is_some()
        || user.auth_provider.is_some();
    let is_open = chosen.server.scheme_str() == Some("http");
    let host = chosen.server.host().unwrap_or_default();
    if is_open && has_credentials && !proxy::is_loopback(host) {
        let summary = format!(
            "{} is plain http and not on this machine: credentials are not sent there",
            chosen.cluster_key("server")
        );
        return Err(Failure::new(FailureKind::Refused, summary));
    }
    Ok(())
}

/// Returns the client's configuration. It is put together here, since the client's own loader reads proxy variables of the
/// environment in ways that kubectl does not.
fn config(chosen: Chosen) -> Result<kube::Config, Failure> {
    let mut config = kube::Config::new(chosen.server.clone());
    config.root_cert = tls::root_certificates(&chosen)?;
    config.accept_invalid_certs = chosen.is_insecure;
    config.tls_server_name = chosen.cluster.tls_server_name.clone();
    config.disable_compression = chosen.cluster.disable_compression.unwrap_or(false);
    config.proxy_url = proxy::of_cluster(&chosen)?;
    config.auth_info = with_trimmed_token(chosen.user);
    settle(&mut config);
    Ok(config)
}

/// Returns a user's entry whose token has no white space about it, as kubectl reads it: one that a person wrote into a file
/// ends with a line end. NB: the client would send it as it is; only then is it read here, since the client reads the files
/// of others again by itself.
fn with_trimmed_token(mut user: AuthInfo) -> AuthInfo {
    let path = user.token_file.as_deref().filter(|_| user.exec.is_none());
    let text = path.and_then(|path| std::fs::read_to_string(path).ok());
    let Some(text) = text.filter(|text| text.trim() != text && !text.trim().is_empty()) else {
        return user;
    };
    let made: AuthInfo = serde_json::from_value(json!({"token": text.trim()})).unwrap_or_default();
    (user.token, user.token_file) = (made.token, None);
    user
}

/// Sets what is the same for every cluster.
fn settle(config: &mut kube::Config) {
    // NB: the client's own retries repeat writes too, and hide an outage for half a minute.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_DEADLINE);
    // Watches are quiet for long; every request has a deadline of its own.
    config.read_timeout = None;
}

/// Returns a user's entry with a plugin's credential in place of the plugin.
fn with_credential(mut user: AuthInfo, credential: &exec::Credential) -> AuthInfo {
    // Tokens are of a type that only the client's own decoder makes.
    let made: AuthInfo = serde_json::from_value(json!({
        "token": credential.token,
        "client-key-data": credential.key_base64(),
    }))
    .unwrap_or_default();
    user.exec = None;
    if credential.token.is_some() {
        user.token = made.token;
        user.token_file = None;
    }
    if let Some(certificate) = credential.certificate_base64() {
        user.client_certificate_data = Some(certificate);
        user.client_key_data = made.client_key_data;
        (user.client_certificate, user.client_key) = (None, None);
    }
    user
}

#[cfg(test)]
mod tests;
