//! Keys, certificates, tokens and kubeconfigs of one control plane, written into its directory.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use serde_json::json;

use crate::control_plane::{StartError, User};

/// The administrator's certificate, another way to be who the token is.
pub(crate) const CLIENT_CERTIFICATE: &str = "client.crt";
pub(crate) const CLIENT_KEY: &str = "client.key";

/// Paths of what was written.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub authority: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub service_account_key: PathBuf,
    pub service_account_public_key: PathBuf,
    pub tokens: PathBuf,
}

impl Credentials {
    /// Makes everything anew. One certificate serves both the API server and the nodes.
    pub(crate) fn write(directory: &Path) -> Result<Self, StartError> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate()?;
        let authority = params.self_signed(&authority_key)?;
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?
            .signed_by(&key, &issuer)?;
        let client_key = KeyPair::generate()?;
        let client = client().signed_by(&client_key, &issuer)?;
        let service_account_key = KeyPair::generate()?;

        let write = |name: &str, text: String| -> Result<PathBuf, StartError> {
            let path = directory.join(name);
            fs::write(&path, text).map_err(StartError::Directory)?;
            Ok(path)
        };
        write(CLIENT_CERTIFICATE, client.pem())?;
        write(CLIENT_KEY, client_key.serialize_pem())?;
        Ok(Credentials {
            authority: write("ca.crt", authority.pem())?,
            certificate: write("server.crt", certificate.pem())?,
            key: write("server.key", key.serialize_pem())?,
            service_account_key: write("service-account.key", service_account_key.serialize_pem())?,
            service_account_public_key: write(
                "service-account.pub",
                service_account_key.public_key_pem(),
            )?,
            tokens: write("tokens.csv", tokens())?,
        })
    }

    /// Writes a kubeconfig for `user`, the way the usual tools write one, and returns its path.
    pub(crate) fn write_kubeconfig(&self, user: User, server: &str) -> Result<PathBuf, StartError> {
        let authority = fs::read(&self.authority).map_err(StartError::Directory)?;
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "control-plane", "cluster": {
                "server": server,
                "certificate-authority-data": STANDARD.encode(authority),
            }}],
            "users": [{"name": user.name(), "user": {"token": user.token()}}],
            "contexts": [{"name": "control-plane", "context": {"cluster": "control-plane", "user": user.name()}}],
            "current-context": "control-plane",
        });
        let path = self
            .tokens
            .with_file_name(format!("{}.kubeconfig", user.name()));
        let text = serde_json::to_string_pretty(&kubeconfig).expect("a value of strings");
        fs::write(&path, text).map_err(StartError::Directory)?;
        Ok(path)
    }
}

/// Servers take the common name for the user and organisations for groups.
fn client() -> CertificateParams {
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, User::Admin.name());
    name.push(DnType::OrganizationName, "system:masters");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn tokens() -> String {
    User::ALL
        .map(|user| {
            let group = match user {
                User::Admin => ",\"system:masters\"",
                User::Viewer | User::Nobody => "",
            };
            format!("{},{},{}{group}\n", user.token(), user.name(), user.name())
        })
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_admin_is_in_a_group() {
        assert_eq!(
            tokens(),
            "admin-token,admin,admin,\"system:masters\"\nviewer-token,viewer,viewer\nnobody-token,nobody,nobody\n"
        );
    }
}
