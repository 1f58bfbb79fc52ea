//! The names that cross every border: instance IDs and namespaces, parsed once and then trusted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest ID, so that every name derived from it is legal in Kubernetes.
pub const MAX_ID_LEN: usize = 50;
/// Longest RFC 1123 label, the grammar of a namespace.
const MAX_LABEL_LEN: usize = 63;

/// The name of an instance, and of a definition in the catalogue: `[a-z]([-a-z0-9]*[a-z0-9])?`, at most 50 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(String);

impl InstanceId {
    /// Returns the ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a namespace: an RFC 1123 label, at most 63 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(String);

impl Namespace {
    /// Returns the namespace as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The namespace of a context that names none.
impl Default for Namespace {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

/// Why a text is no [`InstanceId`] or [`Namespace`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not allowed: {rule}")]
pub struct NameError {
    what: &'static str,
    text: String,
    rule: &'static str,
}

impl FromStr for InstanceId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let starts_with_letter = text.starts_with(|c: char| c.is_ascii_lowercase());
        if starts_with_letter && is_dns_label(text, MAX_ID_LEN) {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError {
            what: "ID",
            text: shortened(text),
            rule: "use lower-case letters, digits and '-', starting with a letter and ending with a letter or digit, at \
                   most 50 characters",
        })
    }
}

impl FromStr for Namespace {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if is_dns_label(text, MAX_LABEL_LEN) {
            return Ok(Self(text.to_owned()));
        }
        Err(NameError {
            what: "namespace",
            text: shortened(text),
            rule: "use lower-case letters, digits and '-', starting and ending with a letter or digit, at most 63 characters",
        })
    }
}

/// Tells whether `text` is an RFC 1123 label of at most `max_len` characters.
pub fn is_dns_label(text: &str, max_len: usize) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty()
        && text.len() <= max_len
        && text.bytes().all(legal)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Cuts hostile input short before it is shown in an error.
fn shortened(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

macro_rules! text_newtype {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

text_newtype!(InstanceId);
text_newtype!(Namespace);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_grammar_refuses_what_could_leave_a_file_url_or_label() {
        let long = "a".repeat(51);
        let hostile = [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a%2fb",
            "a\0b",
            "CON",
            "-a",
            "a-",
            "1a",
            "a_b",
            "a.b",
            "a b",
            "a?dryRun=All",
            "a#b",
            "a,env!=prod",
            "ａ",
            "a\u{2024}b",
            &long,
        ];
        for text in hostile {
            assert!(text.parse::<InstanceId>().is_err(), "{text:?} was accepted");
        }
        for text in ["a", "web", "orders-db", "a1", &"a".repeat(50)] {
            assert_eq!(text.parse::<InstanceId>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn namespace_may_start_with_a_digit_and_hold_63_characters() {
        assert!("1st".parse::<Namespace>().is_ok());
        assert!("a".repeat(63).parse::<Namespace>().is_ok());
        for text in ["", "a".repeat(64).as_str(), "ns/../kube-system", "a?x", "A"] {
            assert!(text.parse::<Namespace>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn error_says_what_is_allowed_and_stays_short() {
        let error = "A"
            .repeat(300)
            .parse::<InstanceId>()
            .unwrap_err()
            .to_string();
        assert!(error.contains("lower-case letters"), "{error}");
        assert!(error.len() < 300, "{error}");
    }
}
