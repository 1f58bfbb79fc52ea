//! The grammars of names and values in Kubernetes, as predicates, each with the sentence that says what is allowed.

use crate::definition::id::is_dns_label;

/// A predicate and what it allows.
pub(crate) struct Rule {
    pub(crate) holds: fn(&str) -> bool,
    pub(crate) allowed: &'static str,
}

pub(super) const CONTAINER_OR_VOLUME_NAME: Rule = Rule {
    holds: |text| is_dns_label(text, 63),
    allowed: "lower-case letters, digits and `-`, starting and ending with a letter or digit, at most 63 characters",
};

pub(super) const OBJECT_NAME: Rule = Rule {
    holds: is_dns_subdomain,
    allowed: "lower-case letters, digits, `-` and `.`, starting and ending with a letter or digit, at most 253 characters",
};

pub(super) const PORT_NAME: Rule = Rule {
    holds: is_port_name,
    allowed: "lower-case letters, digits and single `-`, with at least one letter, at most 15 characters",
};

pub(super) const ENV_NAME: Rule = Rule {
    holds: is_env_name,
    allowed: "letters, digits, `_`, `.` and `-`, not starting with a digit",
};

pub(super) const DATA_KEY: Rule = Rule {
    holds: is_data_key,
    allowed: "letters, digits, `_`, `.` and `-`, at most 253 characters, not starting with `..`",
};

pub(super) const LABEL_VALUE: Rule = Rule {
    holds: is_label_value,
    allowed: "letters, digits, `-`, `_` and `.`, starting and ending with a letter or digit, at most 63 characters",
};

pub(super) const IMAGE: Rule = Rule {
    holds: is_image,
    allowed: "an image such as `nginx:1.27` or `registry.example.com/team/app@sha256:…`, the repository in lower case",
};

pub(crate) const HOSTNAME: Rule = Rule {
    holds: is_hostname,
    allowed: "a host name such as `web.example.com`, in lower case, without scheme, port or path, and no IP address",
};

pub(super) const MOUNT_PATH: Rule = Rule {
    holds: |text| text.starts_with('/') && !text.contains(':') && !has_control(text),
    allowed: "an absolute path without `:`, such as `/data`",
};

pub(super) const SUB_PATH: Rule = Rule {
    holds: |text| {
        !text.is_empty() && !text.starts_with('/') && !has_dot_dot(text) && !has_control(text)
    },
    allowed: "a path inside the volume, not starting with `/` and without `..`",
};

pub(super) const URL_PATH: Rule = Rule {
    holds: |text| {
        text.starts_with('/') && !text.contains(char::is_whitespace) && !has_control(text)
    },
    allowed: "a path that starts with `/`, without spaces",
};

pub(super) const INGRESS_PATH: Rule = Rule {
    holds: is_ingress_path,
    allowed: "a path that starts with `/`, without spaces, `//`, `/./`, `/../` or an encoded `/`",
};

pub(super) const SIZE: Rule = Rule {
    holds: is_size,
    allowed: "1 to 999 followed by Mi, Gi or Ti, such as `10Gi`",
};

pub(super) const CLUSTER_UID: Rule = Rule {
    holds: is_uid,
    allowed: "the uid of the namespace kube-system: 32 hexadecimal digits in groups of 8-4-4-4-12",
};

pub(super) const REGISTRY: Rule = Rule {
    holds: |text| {
        !text.is_empty()
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
    },
    allowed: "the registry's host, such as `registry.example.com`",
};

pub(super) const NON_EMPTY: Rule = Rule {
    holds: |text| !text.is_empty() && !has_control(text),
    allowed: "text on one line, not empty",
};

pub(super) const DISPLAY_NAME: Rule = Rule {
    holds: |text| !text.trim().is_empty() && text.chars().count() <= 200 && !has_control(text),
    allowed: "text on one line, at most 200 characters",
};

fn has_control(text: &str) -> bool {
    text.contains(char::is_control)
}

fn has_dot_dot(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

/// RFC 1123 subdomain.
pub(super) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|part| is_dns_label(part, 253))
}

/// IANA service name.
fn is_port_name(text: &str) -> bool {
    is_dns_label(text, 15)
        && !text.contains("--")
        && text.contains(|c: char| c.is_ascii_lowercase())
}

fn is_env_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !text.is_empty()
        && text.chars().all(legal)
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !matches!(text, "." | "..")
        && !text.starts_with("..")
}

/// A key of a `ConfigMap` or Secret; it becomes a file name in volumes.
pub(super) fn is_data_key(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !text.is_empty()
        && text.len() <= 253
        && text.chars().all(legal)
        && text != "."
        && !text.starts_with("..")
}

/// A label value, or the name part of a label key where it is not empty.
fn is_label_value(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let is_end = |c: char| c.is_ascii_alphanumeric();
    text.is_empty()
        || (text.len() <= 63
            && text.chars().all(legal)
            && text.starts_with(is_end)
            && text.ends_with(is_end))
}

/// A key of a label, an annotation or a resource: `name` or `prefix/name`.
pub(super) fn is_qualified_name(text: &str) -> bool {
    let (prefix_is_legal, name) = match text.split_once('/') {
        Some((prefix, name)) => (is_dns_subdomain(prefix), name),
        None => (true, text),
    };
    prefix_is_legal && !name.is_empty() && is_label_value(name)
}

/// The grammar of image references: `[host[:port]/]path[:tag][@digest]`.
fn is_image(text: &str) -> bool {
    let (rest, digest_is_legal) = match text.split_once('@') {
        Some((rest, digest)) => (rest, is_digest(digest)),
        None => (text, true),
    };
    // A colon after the last slash starts a tag; one before it belongs to a port.
    let name_start = rest.rfind('/').map_or(0, |i| i + 1);
    let (path, tag_is_legal) = match rest[name_start..].split_once(':') {
        Some((name, tag)) => (&rest[..name_start + name.len()], is_tag(tag)),
        None => (rest, true),
    };
    let mut parts = path.split('/').peekable();
    let first_is_host = path.contains('/')
        && parts
            .peek()
            .is_some_and(|p| p.contains(['.', ':']) || *p == "localhost");
    if first_is_host && !parts.next().is_some_and(is_registry_host) {
        return false;
    }
    digest_is_legal && tag_is_legal && path.len() <= 255 && parts.all(is_image_path_part)
}

fn is_registry_host(text: &str) -> bool {
    let legal =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    !text.is_empty()
        && text.chars().all(legal)
        && !text.starts_with(['.', '-'])
        && !text.ends_with(':')
}

fn is_image_path_part(text: &str) -> bool {
    let legal =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.chars().all(legal) && text.starts_with(is_end) && text.ends_with(is_end)
}

fn is_tag(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    !text.is_empty()
        && text.len() <= 128
        && text.chars().all(legal)
        && !text.starts_with(['.', '-'])
}

fn is_digest(text: &str) -> bool {
    let Some((algorithm, hex)) = text.split_once(':') else {
        return false;
    };
    !algorithm.is_empty() && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A host of an Ingress, a leading wildcard label included.
fn is_hostname(text: &str) -> bool {
    let host = text.strip_prefix("*.").unwrap_or(text);
    is_dns_subdomain(host)
        && host.parse::<std::net::IpAddr>().is_err()
        && host.split('.').all(|part| part.len() <= 63)
}

fn is_ingress_path(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let forbidden = ["//", "/./", "/../", "%2f"];
    (URL_PATH.holds)(text)
        && !forbidden.iter().any(|f| lower.contains(f))
        && !text.ends_with("/.")
        && !text.ends_with("/..")
}

fn is_size(text: &str) -> bool {
    let Some(number) = ["Mi", "Gi", "Ti"]
        .iter()
        .find_map(|unit| text.strip_suffix(unit))
    else {
        return false;
    };
    !number.is_empty()
        && number.len() <= 3
        && number.bytes().all(|b| b.is_ascii_digit())
        && !number.starts_with('0')
}

/// The size that a text most likely means: `10G`, `10 GB`, `10gi` are `10Gi`.
pub(super) fn meant_size(text: &str) -> Option<String> {
    let text = text.trim();
    let n_digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(n_digits);
    let unit = match unit
        .trim_start()
        .chars()
        .next()
        .map(|c| c.to_ascii_lowercase())
    {
        Some('m') => "Mi",
        Some('g') | None => "Gi",
        Some('t') => "Ti",
        _ => return None,
    };
    let size = format!("{number}{unit}");
    is_size(&size).then_some(size)
}

fn is_uid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_hexdigit());
    groups.len() == 5
        && groups
            .iter()
            .zip([8, 4, 4, 4, 12])
            .all(|(part, len)| part.len() == len && is_hex(part))
}

/// The name of a parameter: the word between `${` and `}`.
pub(super) fn is_parameter_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: &Rule, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(
                (rule.holds)(text),
                "{text:?} should be allowed: {}",
                rule.allowed
            );
        }
        for text in bad {
            assert!(
                !(rule.holds)(text),
                "{text:?} should be refused: {}",
                rule.allowed
            );
        }
    }

    #[test]
    fn grammars() {
        check(
            &IMAGE,
            &[
                "nginx",
                "nginx:1.27",
                "quay.io/jupyter/pytorch-notebook:cuda12-latest",
                "localhost:5000/a/b",
                "r.example.com:5000/a_b/c:V1",
                "Registry.Example.com/a",
                "a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "a:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            ],
            &[
                "",
                "nginx:",
                "Nginx",
                "a b",
                "a:",
                "/a",
                "a/",
                "a//b",
                "a@sha256:xyz",
                "a:.b",
                "nginx:${tag}",
                "http://a/b",
            ],
        );
        check(
            &HOSTNAME,
            &["web.example.com", "a", "*.example.com"],
            &[
                "",
                "Web.example.com",
                "a:80",
                "http://a",
                "10.0.0.1",
                "a/b",
                "a..b",
            ],
        );
        check(
            &PORT_NAME,
            &["http", "a-1", "p123456789-tcp"],
            &["", "80", "http--x", "-a", "HTTP", "a-very-long-port-name"],
        );
        check(
            &SIZE,
            &["1Mi", "999Ti", "10Gi"],
            &[
                "", "0Gi", "01Gi", "1000Gi", "10G", "10", "10Gx", "1.5Gi", "-1Gi", " 1Gi",
            ],
        );
        check(&MOUNT_PATH, &["/", "/data"], &["", "data", "/a:b", "./x"]);
        check(&SUB_PATH, &["a", "a/b", "..a"], &["", "/a", "..", "a/../b"]);
        check(
            &INGRESS_PATH,
            &["/", "/web", "/a.b/c"],
            &["", "web", "//", "/a//b", "/a/../b", "/..", "/a%2fb", "/a b"],
        );
        check(
            &LABEL_VALUE,
            &["", "web", "A.b_c-1"],
            &["-a", "a-", "a b", "a/b", "2026-01-01T00:00:00Z"],
        );
        check(
            &ENV_NAME,
            &["A", "_a", "a.b-c"],
            &["", "1A", "A B", "A=B", ".."],
        );
        check(
            &DATA_KEY,
            &["a", "app.ini", ".x", "1"],
            &["", ".", "..", "..x", "a/b", "a b"],
        );
        check(
            &CLUSTER_UID,
            &["5f0c2c1e-0000-4000-8000-0123456789ab"],
            &["", "kube-system", "5f0c2c1e-…"],
        );
        check(
            &OBJECT_NAME,
            &["a", "a.b", "1-a"],
            &["", "A", "a..b", "a-", "a_b", "a/b"],
        );
    }

    #[test]
    fn qualified_names() {
        for text in ["tier", "example.com/tier", "nvidia.com/mig-1g.10gb"] {
            assert!(is_qualified_name(text), "{text}");
        }
        for text in ["", "/a", "a/", "a/b/c", "Example.com/x", "a b"] {
            assert!(!is_qualified_name(text), "{text}");
        }
    }

    #[test]
    fn meant_sizes() {
        for (text, expected) in [
            ("10G", Some("10Gi")),
            ("10 GB", Some("10Gi")),
            ("5gi", Some("5Gi")),
            ("10Gx", Some("10Gi")),
            ("10", Some("10Gi")),
            ("512m", Some("512Mi")),
            ("x", None),
            ("5000Gi", None),
            ("1.5Gi", None),
        ] {
            assert_eq!(meant_size(text).as_deref(), expected, "{text}");
        }
    }
}
