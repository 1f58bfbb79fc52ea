//! Certificates that a kubeconfig names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::kubeconfig::Chosen;
use crate::failure::{Failure, FailureKind};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Returns the certificate authorities of a cluster, in DER; none leaves them to the operating system.
pub(super) fn root_certificates(chosen: &Chosen) -> Result<Option<Vec<Vec<u8>>>, Failure> {
    let Some((key, pem)) = authority(chosen)? else {
        return Ok(None);
    };
    match certificates(&String::from_utf8_lossy(&pem)) {
        Some(certificates) if !certificates.is_empty() => Ok(Some(certificates)),
        _ => {
            let summary = format!("{key} holds no certificate");
            Err(Failure::new(FailureKind::Invalid, summary))
        }
    }
}

/// Returns the certificate authority of a cluster in base64, as kubeconfigs hold it, wherever it stands.
pub(super) fn authority_base64(chosen: &Chosen) -> Result<Option<String>, Failure> {
    let authority = authority(chosen)?;
    Ok(authority.map(|(_, pem)| STANDARD.encode(pem)))
}

/// Returns where the certificate authority of a cluster stands, and what stands there: data comes before a file.
fn authority(chosen: &Chosen) -> Result<Option<(String, Vec<u8>)>, Failure> {
    let at = |key: &str| chosen.cluster_key(key);
    let data = chosen.cluster.certificate_authority_data.as_deref();
    match (
        data.filter(|data| !data.is_empty()),
        &chosen.cluster.certificate_authority,
    ) {
        (Some(data), _) => {
            let key = at("certificate-authority-data");
            let pem = STANDARD
                .decode(data.split_ascii_whitespace().collect::<String>())
                .map_err(|_| Failure::new(FailureKind::Invalid, format!("{key} is no base64")))?;
            Ok(Some((key, pem)))
        }
        (None, Some(path)) => {
            let key = at("certificate-authority");
            let pem = std::fs::read(path).map_err(|error| {
                let summary = format!("{key}: cannot read {path}: {error}");
                Failure::new(FailureKind::Disk, summary)
            })?;
            Ok(Some((key, pem)))
        }
        (None, None) => Ok(None),
    }
}

/// Returns the certificates of a PEM text; none if one of them is malformed.
fn certificates(pem: &str) -> Option<Vec<Vec<u8>>> {
    let mut certificates = Vec::new();
    for block in pem.split(BEGIN).skip(1) {
        let (body, _) = block.split_once(END)?;
        let body: String = body.split_ascii_whitespace().collect();
        certificates.push(STANDARD.decode(body).ok()?);
    }
    Some(certificates)
}
