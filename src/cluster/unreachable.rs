//! Why a request had no answer, in words of what is to be mended: what the client's libraries say is for those who know them.

use std::error::Error;

use tower::BoxError;

use crate::text;

/// What the libraries say, and what it means. NB: only the text of an error within an I/O error can be had.
const MEANINGS: [(&str, &str); 18] = [
    // What the connector says of a server that takes no connection in time.
    ("deadline has elapsed", "the server does not answer"),
    (
        "invalid peer certificate: UnknownIssuer",
        "the server's certificate is signed by itself, or by an authority that is not known here: name it as \
         certificate-authority, in the kubeconfig or by the flag",
    ),
    (
        "invalid peer certificate: CaUsedAsEndEntity",
        "the server's certificate is signed by itself, as that of an authority: the server needs one of its own",
    ),
    (
        "invalid peer certificate: certificate expired",
        "the server's certificate has expired",
    ),
    (
        "invalid peer certificate: certificate not valid yet",
        "the server's certificate is not valid yet: one of the clocks is wrong",
    ),
    (
        "invalid peer certificate: BadSignature",
        "the server's certificate is signed by another authority of the same name than the one that is known here: \
         name it as certificate-authority, in the kubeconfig or by the flag",
    ),
    (
        "received fatal alert: CertificateExpired",
        "the server says that the client certificate has expired: log in again",
    ),
    (
        "received fatal alert: CertificateRequired",
        "the server wants a client certificate, and the kubeconfig has none",
    ),
    (
        "received fatal alert: UnknownCA",
        "the server does not know the authority of the client certificate",
    ),
    (
        "received fatal alert: BadCertificate",
        "the server does not take the client certificate",
    ),
    (
        "received fatal alert: DecryptError",
        "the server does not take the client certificate",
    ),
    (
        "received fatal alert: ProtocolVersion",
        "the server speaks no version of TLS that is safe: 1.2 or later is needed",
    ),
    (
        "peer is incompatible",
        "the server speaks no version of TLS that is safe: 1.2 or later is needed",
    ),
    (
        "received fatal alert: HandshakeFailure",
        "the server and this program have no cipher of TLS in common",
    ),
    (
        "received corrupt message",
        "the server does not speak TLS there: is it http, or another port?",
    ),
    (
        "tunnel error: proxy authorization required",
        "the proxy wants a login: user and password stand in its URL",
    ),
    (
        "tunnel error: unsuccessful",
        "the proxy does not connect to the server",
    ),
    (
        "SOCKS error: failed to create underlying connection",
        "the proxy does not answer",
    ),
];
/// Before the names in what is said of a certificate for another name.
const OTHER_NAME: &str = "invalid peer certificate: certificate not valid for name ";
/// Before those that it is for.
const ONLY_FOR: &str = " only valid for ";
/// So many of these are told.
const MAX_NAMES: usize = 3;

/// What went wrong behind a proxy, or at it.
#[derive(Debug, thiserror::Error)]
#[error("through the proxy {proxy}")]
pub(super) struct ThroughProxy {
    /// Its URL, without a login.
    pub proxy: String,
    #[source]
    pub source: BoxError,
}

/// Returns the URL of a proxy as it may be shown: it may hold a password.
pub(super) fn shown(proxy: &http::Uri) -> String {
    let authority = proxy.authority().map_or("", |it| it.as_str());
    let place = authority.rsplit('@').next().unwrap_or_default();
    let scheme = proxy.scheme_str().unwrap_or("http");
    text::clean(&format!("{scheme}://{place}")).into_owned()
}

/// Says why there was no answer: the innermost cause, which the client's own text hides, and the proxy on the way.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let (mut innermost, mut proxy) = (error, None);
    loop {
        if let Some(through) = innermost.downcast_ref::<ThroughProxy>() {
            proxy = Some(&through.proxy);
        }
        match innermost.source() {
            Some(source) => innermost = source,
            None => break,
        }
    }
    let reason = meaning(&innermost.to_string());
    match proxy {
        Some(proxy) => format!("{reason} (through the proxy {proxy})"),
        None => reason,
    }
}

fn meaning(told: &str) -> String {
    if let Some(names) = told.strip_prefix(OTHER_NAME) {
        let names = text::clean(&valid_names(names)).into_owned();
        return format!(
            "the server's certificate is not for {names}: the kubeconfig's tls-server-name says which name is expected"
        );
    }
    let mut meanings = MEANINGS.iter();
    match meanings.find(|(start, _)| told.starts_with(start)) {
        Some((_, meaning)) => (*meaning).to_owned(),
        None => text::clean(told).into_owned(),
    }
}

/// Returns what a certificate is for and what it is not for, without the names that are one too many for a line: those of a
/// server may be dozens.
fn valid_names(told: &str) -> String {
    let told = told.replace("; certificate is", ", it is");
    let Some((expected, names)) = told.split_once(ONLY_FOR) else {
        return told;
    };
    let names: Vec<&str> = names.split(", ").flat_map(|it| it.split(" or ")).collect();
    let named: Vec<&str> = names.iter().take(MAX_NAMES).map(|it| bare(it)).collect();
    let (named, n_more) = (named.join(", "), names.len().saturating_sub(MAX_NAMES));
    match n_more {
        0 => format!("{expected}{ONLY_FOR}{named}"),
        n => format!("{expected}{ONLY_FOR}{named} and {n} more"),
    }
}

/// Returns a name of a certificate without the word of its kind: `DnsName("kubernetes")`, `IpAddress(10.96.0.1)`.
fn bare(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, it)| it.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_of_the_names_of_a_certificate_are_told() {
        let of = |names: &str| {
            meaning(&format!(
                "{OTHER_NAME}\"api.example.com\"; certificate is {names}"
            ))
        };
        let check = |names: &str, expected: &str| {
            let told = of(names);
            let start = format!(
                "the server's certificate is not for \"api.example.com\", it is {expected}: the"
            );
            assert!(told.starts_with(&start), "{told}");
        };
        check(
            "only valid for DnsName(\"kubernetes\")",
            "only valid for kubernetes",
        );
        check(
            "only valid for DnsName(\"kubernetes\"), IpAddress(10.96.0.1) or IpAddress(::1)",
            "only valid for kubernetes, 10.96.0.1, ::1",
        );
        check(
            "only valid for DnsName(\"a\"), DnsName(\"b\"), DnsName(\"c\"), DnsName(\"d\") or DnsName(\"e\")",
            "only valid for a, b, c and 2 more",
        );
        let none = "not valid for any names (according to its subjectAltName extension)";
        check(none, none);
    }
}
