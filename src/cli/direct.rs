//! The cluster that is named without a kubeconfig: flags over environment over settings, each value with what it was given by.

use std::path::PathBuf;

use super::args::{Global, TOKEN};
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
    // What the file says of its own server is not shown to another one.
    let counts = global.server.is_none();
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
        &global.token_file,
        "token_file",
        &of_file.token_file,
    );
    let of_environment = global.token_of_environment();
    let of_environment = of_environment.filter(|_| global.token_file.is_none());
    let token = match (&of_environment, &of_file.token) {
        (Some(token), _) => Some((token, TOKEN.to_owned())),
        (None, Some(token)) if counts && global.token_file.is_none() => {
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
            &global.client_certificate,
            "client_certificate",
            &of_file.client_certificate,
        ),
        client_key: path(
            "--client-key",
            &global.client_key,
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

fn given(value: String, key: String) -> Given {
    Given { value, key }
}

fn shown(path: PathBuf) -> String {
    path.to_string_lossy().into_owned()
}
