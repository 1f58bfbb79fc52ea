//! A cluster that is named without a kubeconfig: by settings, environment and flags. It becomes a kubeconfig of one context, so
//! that all rules for those hold for it too; faults name the setting or the flag.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::kubeconfig::{Kubeconfigs, Labels, invalid};
use crate::failure::{Failure, FailureKind};
use crate::secret::SecretValue;

/// The name of its context, cluster and user.
const NAME: &str = "direct";

/// A value, and what it was given by: `config.toml: cluster.server`, `--server`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given<T = String> {
    /// The value.
    pub value: T,
    /// What it was given by.
    pub key: String,
}

/// A cluster and how to log in there. Files are absolute paths, read anew when the login is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectCluster {
    /// URL of the API server.
    pub server: Given,
    /// File of the certificate authority; without one the system's count.
    pub certificate_authority: Option<Given>,
    /// The same in base64.
    pub certificate_authority_data: Option<Given>,
    /// File of the client certificate.
    pub client_certificate: Option<Given>,
    /// File of its key.
    pub client_key: Option<Given>,
    /// File of a token.
    pub token_file: Option<Given>,
    /// A token.
    pub token: Option<Given<SecretValue>>,
}

impl DirectCluster {
    /// Returns the kubeconfig that says the same.
    pub(super) fn kubeconfigs(&self) -> Result<Kubeconfigs, Failure> {
        self.check_pairs()?;
        for file in self.files() {
            check_file(file)?;
        }
        let value = |given: &Option<Given>| given.as_ref().map(|given| given.value.clone());
        let token = match &self.token {
            Some(given) => Some(text(given)?),
            None => None,
        };
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": NAME,
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
            "clusters": [{"name": NAME, "cluster": {
                "server": self.server.value,
                "certificate-authority": value(&self.certificate_authority),
                "certificate-authority-data": value(&self.certificate_authority_data),
            }}],
            "users": [{"name": NAME, "user": {
                "client-certificate": value(&self.client_certificate),
                "client-key": value(&self.client_key),
                "tokenFile": value(&self.token_file),
                "token": token,
            }}],
        });
        let config = serde_json::from_value(config);
        let config = config.map_err(|_| invalid(format!("{} is malformed", self.server.key)))?;
        Ok(Kubeconfigs::made(config, self.labels()))
    }

    fn labels(&self) -> Labels {
        let key = |given: &Option<Given>| given.as_ref().map(|given| given.key.clone());
        let labels = [
            ("server", Some(self.server.key.clone())),
            ("certificate-authority", key(&self.certificate_authority)),
            (
                "certificate-authority-data",
                key(&self.certificate_authority_data),
            ),
        ];
        let labels = labels.into_iter();
        labels
            .filter_map(|(key, label)| Some((key, label?)))
            .collect::<BTreeMap<_, _>>()
    }

    fn files(&self) -> impl Iterator<Item = &Given> {
        let files = [
            &self.certificate_authority,
            &self.client_certificate,
            &self.client_key,
            &self.token_file,
        ];
        files.into_iter().flatten()
    }

    /// Refuses what is there twice, and what is half there.
    fn check_pairs(&self) -> Result<(), Failure> {
        let twice = |one: &str, other: &str| {
            let summary = format!("{one} and {other} say the same: leave one of them out");
            Err(invalid(summary))
        };
        if let (Some(file), Some(data)) = (
            &self.certificate_authority,
            &self.certificate_authority_data,
        ) {
            return twice(&file.key, &data.key);
        }
        if let (Some(file), Some(token)) = (&self.token_file, &self.token) {
            return twice(&file.key, &token.key);
        }
        match (&self.client_certificate, &self.client_key) {
            (Some(certificate), None) => Err(invalid(format!(
                "{} is of no use without its key: name the client key too",
                certificate.key
            ))),
            (None, Some(key)) => Err(invalid(format!(
                "{} is of no use without its certificate: name the client certificate too",
                key.key
            ))),
            _ => Ok(()),
        }
    }
}

fn check_file(given: &Given) -> Result<(), Failure> {
    let Given { value, key } = given;
    match fs::read(value) {
        Ok(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => {
            Err(invalid(format!("{key}: {value} is empty")))
        }
        Ok(_) => Ok(()),
        Err(error) => {
            let summary = format!("{key}: cannot read {value}: {error}");
            Err(Failure::new(FailureKind::Disk, summary))
        }
    }
}

/// NB: the token is not quoted.
fn text(given: &Given<SecretValue>) -> Result<String, Failure> {
    let token = std::str::from_utf8(given.value.expose()).unwrap_or_default();
    let token = token.trim();
    let is_legal = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    match is_legal {
        true => Ok(token.to_owned()),
        false => Err(invalid(format!("{} is no token", given.key))),
    }
}
