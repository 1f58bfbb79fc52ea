//! The cluster that is named without a kubeconfig: flags over environment over settings, each value with what it was given by.

use std::path::PathBuf;

use super::args::{Global, SERVER, TOKEN};
use super::output;
use crate::cluster::{DirectCluster, Given};
use crate::config::{self, Paths, Settings};
use crate::secret::SecretValue;

/// Returns the cluster; none where no server is named, or a kubeconfig is asked for by hand.
pub(super) fn cluster(
    global: &Global,
    settings: &Settings,
    paths: &Paths,
) -> Option<DirectCluster> {
    let file = global.config_file(paths);
    let of_file = &settings.cluster;
    let in_file = |key: &str| format!("{}: cluster.{key}", file.display());
    let asks_for_kubeconfig = global.kubeconfig.is_some() || global.context.is_some();
    let server = match (&global.server, &of_file.server) {
        (Some(url), _) => given(url.clone(), "--server".to_owned()),
        (None, Some(url)) if !asks_for_kubeconfig => given(url.clone(), in_file("server")),
        (None, _) => return None,
    };
    // What the file says of its own server is not shown to another one, nor is how the environment logs in to its own.
    let counts = global.server.is_none();
    let own = variable(SERVER).or_else(|| of_file.server.clone());
    let is_another =
        global.is_server_by_hand && own.is_some_and(|own| !is_same(&own, &server.value));
    let mut left_out: Vec<String> = Vec::new();
    let mut login = |id: &'static str, file: &Option<PathBuf>| {
        let is_left_out = is_another && global.login_of_environment.contains(&id);
        if is_left_out && file.is_some() {
            left_out.push(format!("BOWLINE_{}", id.to_uppercase()));
        }
        file.clone().filter(|_| !is_left_out)
    };
    let client_certificate = login("client_certificate", &global.client_certificate);
    let client_key = login("client_key", &global.client_key);
    let by_token_file = login("token_file", &global.token_file);
    let mut of_environment = variable(TOKEN);
    if is_another && of_environment.take().is_some() {
        left_out.push(TOKEN.to_owned());
    }
    if !left_out.is_empty() && by_token_file.is_none() && client_certificate.is_none() {
        output::say(format!(
            "note: {} of the environment is not for the server that --server names, and is not sent to it; --token-file or \
             --client-certificate say how to log in to that one",
            left_out.join(", ")
        ));
    }
    let path = |flag: &str, by_hand: &Option<PathBuf>, key: &str, set: &Option<PathBuf>| match (
        by_hand, set,
    ) {
        (Some(path), _) => Some(given(
            shown(std::path::absolute(path).ok()?),
            flag.to_owned(),
        )),
        (None, Some(path)) if counts => {
            Some(given(shown(config::settled(path, file)), in_file(key)))
        }
        (None, _) => None,
    };
    let certificate_authority = path(
        "--certificate-authority",
        &global.certificate_authority,
        "certificate_authority",
        &of_file.certificate_authority,
    );
    let data = of_file.certificate_authority_data.clone();
    let data = data.filter(|_| counts && global.certificate_authority.is_none());
    let token_file = path(
        "--token-file",
        &by_token_file,
        "token_file",
        &of_file.token_file,
    );
    let of_environment = of_environment.filter(|_| by_token_file.is_none());
    let token = match (&of_environment, &of_file.token) {
        (Some(token), _) => Some((token, TOKEN.to_owned())),
        (None, Some(token)) if counts && by_token_file.is_none() => {
            Some((&token.0, in_file("token")))
        }
        (None, _) => None,
    };
    Some(DirectCluster {
        server,
        certificate_authority,
        certificate_authority_data: data
            .map(|data| given(data, in_file("certificate_authority_data"))),
        client_certificate: path(
            "--client-certificate",
            &client_certificate,
            "client_certificate",
            &of_file.client_certificate,
        ),
        client_key: path(
            "--client-key",
            &client_key,
            "client_key",
            &of_file.client_key,
        ),
        // A token of the environment is stronger than a file of the settings.
        token_file: token_file.filter(|_| of_environment.is_none()),
        token: token.map(|(token, key)| Given {
            value: SecretValue::new(token.clone()),
            key,
        }),
    })
}

/// Returns what a variable of the environment says, an empty one as none.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Tells whether two URLs name one server. One that is written differently counts as another: at worst it is said once more
/// how to log in.
fn is_same(one: &str, other: &str) -> bool {
    let bare = |url: &str| url.trim().trim_end_matches('/').to_ascii_lowercase();
    bare(one) == bare(other)
}

fn given(value: String, key: String) -> Given {
    Given { value, key }
}

fn shown(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}
