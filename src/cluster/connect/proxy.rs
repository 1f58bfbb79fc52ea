//! Whether a cluster is reached through a proxy: the kubeconfig's, else the environment's, but for `NO_PROXY`.

use std::net::IpAddr;

use http::Uri;

use super::kubeconfig::Chosen;
use crate::failure::{Failure, FailureKind};

/// Returns the proxy of a cluster. One that the kubeconfig names is always used, as with kubectl.
pub(super) fn of_cluster(chosen: &Chosen) -> Result<Option<Uri>, Failure> {
    chosen_for(chosen, |variable| std::env::var(variable).ok())
}

fn chosen_for(
    chosen: &Chosen,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Option<Uri>, Failure> {
    let named = chosen.cluster.proxy_url.as_deref();
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        let file = chosen.cluster_file.display();
        let key = format!(
            "{file}: clusters[{}].cluster.proxy-url",
            chosen.cluster_name
        );
        return parse(named, &key).map(Some);
    }
    let variables = match chosen.server.scheme_str() {
        Some("http") => ["HTTP_PROXY", "http_proxy"],
        _ => ["HTTPS_PROXY", "https_proxy"],
    };
    let Some((variable, proxy)) = first_set(&variables, &environment) else {
        return Ok(None);
    };
    let exceptions = first_set(&["NO_PROXY", "no_proxy"], &environment);
    let exceptions = exceptions.map_or(String::new(), |(_, list)| list);
    if is_excepted(&chosen.server, &exceptions) {
        return Ok(None);
    }
    parse(&proxy, variable).map(Some)
}

fn first_set<'a>(
    variables: &[&'a str],
    environment: &impl Fn(&str) -> Option<String>,
) -> Option<(&'a str, String)> {
    variables.iter().find_map(|variable| {
        let value = environment(variable)?;
        (!value.is_empty()).then_some((*variable, value))
    })
}

/// The value is not quoted: it may hold a password.
fn parse(proxy: &str, key: &str) -> Result<Uri, Failure> {
    let with_scheme = match proxy.contains("://") {
        true => proxy.to_owned(),
        false => format!("http://{proxy}"),
    };
    let uri: Option<Uri> = with_scheme.parse().ok();
    let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https" | "socks5")));
    uri.ok_or_else(|| {
        let summary = format!("{key} is no URL of a proxy (http, https or socks5)");
        Failure::new(FailureKind::Invalid, summary)
    })
}

/// Tells whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Tells whether `NO_PROXY` excepts a server, by the rules of Go's client, which kubectl follows: `*`, host names with
/// their subdomains, `.domain` for subdomains only, addresses, networks, each with an optional port. This machine is never
/// reached through a proxy.
fn is_excepted(server: &Uri, exceptions: &str) -> bool {
    let host = server.host().unwrap_or_default();
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_ascii_lowercase();
    let default_port = if server.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    let port = server.port_u16().unwrap_or(default_port);
    is_loopback(&host)
        || exceptions
            .split(',')
            .map(|exception| exception.trim().to_ascii_lowercase())
            .any(|exception| matches(&exception, &host, port))
}

fn matches(exception: &str, host: &str, port: u16) -> bool {
    if exception.is_empty() {
        return false;
    }
    if exception == "*" {
        return true;
    }
    let address: Option<IpAddr> = host.parse().ok();
    if let Some((network, bits)) = exception.split_once('/') {
        let network: Option<IpAddr> = network.parse().ok();
        let bits: Option<u32> = bits.parse().ok();
        return matches!((network, bits, address), (Some(network), Some(bits), Some(address))
            if is_within(address, network, bits));
    }
    let (name, of_port) = split_port(exception);
    if of_port.is_some_and(|of_port| of_port != port) {
        return false;
    }
    if let Some(address) = address {
        return name.parse() == Ok(address);
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(domain) => is_subdomain(host, domain),
        None => host == name || is_subdomain(host, name),
    }
}

fn is_subdomain(host: &str, domain: &str) -> bool {
    let rest = host.strip_suffix(domain);
    rest.is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

fn split_port(exception: &str) -> (&str, Option<u16>) {
    if let Some(bracketed) = exception.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']').unwrap_or((bracketed, ""));
        return (
            address,
            rest.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    match exception.split_once(':') {
        Some((name, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (exception, None),
        },
        _ => (exception, None),
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::connect::kubeconfig::Kubeconfigs;

    fn check(server: &str, exceptions: &str, expected: bool) {
        let server: Uri = server.parse().unwrap();
        assert_eq!(
            is_excepted(&server, exceptions),
            expected,
            "{server} by {exceptions:?}"
        );
    }

    /// Checks the proxy of a cluster whose entry and environment are given.
    fn check_chosen(cluster: &str, environment: &[(&str, &str)], expected: Option<&str>) {
        let text = format!(
            "{{current-context: d, contexts: [{{name: d, context: {{cluster: c}}}}], \
             clusters: [{{name: c, cluster: {{{cluster}}}}}]}}"
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let read = Kubeconfigs::read(&[file.path().to_owned()], true).unwrap();
        let chosen = read.choose(None).unwrap();
        let value = |variable: &str| {
            let mut set = environment.iter().filter(|(name, _)| *name == variable);
            set.next().map(|(_, value)| (*value).to_owned())
        };
        let proxy = chosen_for(&chosen, value).unwrap();
        let proxy = proxy.map(|proxy| proxy.to_string());
        assert_eq!(proxy.as_deref(), expected, "{cluster} {environment:?}");
    }

    /// The client's own loader compares `NO_PROXY` with the proxy, and sends even loopback through one.
    #[test]
    fn proxy_is_compared_with_the_cluster_and_never_stands_before_this_machine() {
        let https = "server: 'https://k8s.example.com:6443'";
        let proxy = ("HTTPS_PROXY", "http://p:3128");
        check_chosen(https, &[proxy], Some("http://p:3128/"));
        check_chosen(https, &[proxy, ("NO_PROXY", "example.com")], None);
        check_chosen(https, &[proxy, ("NO_PROXY", "p")], Some("http://p:3128/"));
        check_chosen("server: 'https://127.0.0.1:6443'", &[proxy], None);
        check_chosen("server: 'http://k8s.example.com'", &[proxy], None);
        let named = format!("{https}, proxy-url: 'socks5://q:1080'");
        let all = [proxy, ("NO_PROXY", "*")];
        check_chosen(&named, &all, Some("socks5://q:1080/"));
    }

    #[test]
    fn no_proxy_is_read_as_kubectl_reads_it() {
        check("https://k8s.example.com", "", false);
        check("https://k8s.example.com", "*", true);
        check("https://k8s.example.com", "example.com", true);
        check("https://k8s.example.com", " .Example.com ,other", true);
        check("https://example.com", ".example.com", false);
        check("https://badexample.com", "example.com", false);
        check("https://k8s.example.com:6443", "k8s.example.com:6443", true);
        check("https://k8s.example.com:6443", "k8s.example.com:443", false);
        check("https://10.1.2.3:6443", "10.0.0.0/8", true);
        check("https://10.1.2.3", "10.1.2.3", true);
        check("https://10.1.2.3", "10.1.2.30", false);
        check("https://11.1.2.3", "10.0.0.0/8,0.0.0.0/33", false);
        check("https://11.1.2.3", "0.0.0.0/0", true);
        check("https://[fd00::1]:6443", "fd00::/8", true);
        check("https://[fd00::1]:6443", "[fd00::1]:6443", true);
        check("https://127.0.0.1:6443", "", true);
        check("https://localhost", "", true);
        check("https://[::1]", "", true);
    }
}
