//! How one would connect, in words that hold no secret: nothing is sent, no plugin is run, no credential is read but to
//! tell of what sort it is.

use std::borrow::Cow;

use serde::Serialize;

use super::kubeconfig::{self, Chosen, KubeconfigFile, Kubeconfigs};
use super::{ConnectOptions, harmless, proxy};
use crate::cluster::Identity;
use crate::failure::Failure;
use crate::text;

/// How one would connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// Name of the context.
    pub context: String,
    /// Name of its cluster.
    pub cluster: String,
    /// Name of its user; empty where no context names one.
    pub user: String,
    /// The user that the server is told to take this one for.
    pub acts_as: Option<String>,
    /// URL of the server, without user and password.
    pub server: String,
    /// Whether the server's certificate is verified.
    pub is_verified: bool,
    /// Sorts of credentials: `token`, `client certificate`, `plugin aws`.
    pub credentials: Vec<String>,
    /// URL of the proxy, without user and password.
    pub proxy: Option<String>,
}

impl Description {
    /// Describes a connection that no kubeconfig describes.
    pub fn of_identity(identity: &Identity) -> Self {
        Self {
            context: identity.context.clone(),
            cluster: identity.cluster.clone(),
            user: identity.user.clone(),
            acts_as: None,
            server: identity.server.clone(),
            is_verified: !identity.is_insecure,
            // Without kubeconfig only a pod has an address to go to; the sandbox has none.
            credentials: match identity.server.is_empty() {
                true => Vec::new(),
                false => vec!["service account".to_owned()],
            },
            proxy: None,
        }
    }
}

/// Describes the connection of a context; none where a pod's service account is used.
///
/// # Errors
/// A kubeconfig is missing, malformed or unsafe, or a context names what is not there.
pub fn describe(options: &ConnectOptions) -> Result<Option<Description>, Failure> {
    let described = Kubeconfigs::of(options).and_then(|read| {
        let Some(read) = read else { return Ok(None) };
        let mut described = of(&read.choose(options.context.as_deref())?)?;
        if options.direct.is_some() {
            // The name stands for an entry that nobody wrote.
            described.user.clear();
        }
        let acts_as = options.as_user.as_deref().map(text::clean);
        described.acts_as = acts_as.map(Cow::into_owned).or(described.acts_as);
        Ok(Some(described))
    });
    described.map_err(harmless)
}

/// Returns the files that count as kubeconfigs, in their order, each with how it is.
pub fn kubeconfig_files(options: &ConnectOptions) -> Vec<KubeconfigFile> {
    match options.direct {
        Some(_) => Vec::new(),
        None => kubeconfig::files(options.kubeconfig.as_deref()),
    }
}

fn of(chosen: &Chosen) -> Result<Description, Failure> {
    let word = |text: &str| text::clean(text).into_owned();
    let proxy = proxy::of_cluster(chosen)?;
    Ok(Description {
        context: word(&chosen.context),
        cluster: word(&chosen.cluster_name),
        user: word(&chosen.user_name),
        acts_as: chosen.user.impersonate.as_deref().map(word),
        server: kubeconfig::harmless_url(&chosen.server.to_string()),
        is_verified: !chosen.is_insecure,
        credentials: credentials(chosen),
        proxy: proxy.map(|proxy| kubeconfig::harmless_url(&proxy.to_string())),
    })
}

/// NB: of a plugin only the command is told; its arguments and its environment may be secrets.
fn credentials(chosen: &Chosen) -> Vec<String> {
    let user = &chosen.user;
    let has_certificate =
        user.client_certificate.is_some() || user.client_certificate_data.is_some();
    let sorts = [
        (has_certificate, "client certificate"),
        (user.token_file.is_some(), "token file"),
        (user.token.is_some(), "token"),
        (user.username.is_some(), "user name and password"),
        (user.auth_provider.is_some(), "auth provider"),
    ];
    let mut credentials: Vec<String> = sorts
        .into_iter()
        .filter(|(is_there, _)| *is_there)
        .map(|(_, sort)| sort.to_owned())
        .collect();
    if let Some(plugin) = &user.exec {
        let command = plugin.command.as_deref().unwrap_or("without a command");
        credentials.push(format!("plugin {}", text::clean(command)));
    }
    credentials
}

#[cfg(test)]
mod tests {
    use crate::cluster::connect::kubeconfig::harmless_url;

    #[test]
    fn urls_are_told_without_user_password_and_query() {
        let check = |url: &str, expected: &str| assert_eq!(harmless_url(url), expected, "{url}");
        check("https://10.0.0.1:6443/k8s", "https://10.0.0.1:6443/k8s");
        check("https://me:pass@host/p?token=x", "https://host/p");
        check("https://me:p/a@s@host", "https://host");
        check("me:pass@host", "host");
        check("https://me:pa ss@ho st#x", "https://ho st");
        check("", "");
    }
}
