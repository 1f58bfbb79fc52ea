//! Where all that runs is protected, whatever the records say: in some namespaces, or in the whole context; and why an ID is
//! typed before anything is changed. Plain data.

use std::collections::BTreeSet;

/// Why the ID of an instance is typed before it is changed, whatever the flags say; the weightier reason is the greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caution {
    /// Nothing wants it.
    #[default]
    None,
    /// The server's certificate is not verified.
    Unverified,
    /// The instance is protected, or all that is where it is.
    Protected,
}

impl Caution {
    /// Returns that of a server.
    pub fn of_server(is_insecure: bool) -> Self {
        match is_insecure {
            true => Self::Unverified,
            false => Self::None,
        }
    }

    /// Returns the weightiest of several.
    pub fn of_all(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().max().unwrap_or_default()
    }

    /// Takes in whether something that is changed is protected.
    pub fn protect_if(&mut self, is_protected: bool) {
        if is_protected {
            *self = Self::Protected;
        }
    }

    /// Tells whether something is protected.
    pub fn is_protected(self) -> bool {
        self == Self::Protected
    }

    /// Returns why the ID is typed, as a word; none where it is not.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Unverified => Some("server not verified"),
            Self::Protected => Some("protected"),
        }
    }

    /// Says why the ID is typed, within a sentence.
    pub fn reason(self, of: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::Unverified => Some(
                "the server's certificate is not verified, so it may be another server".to_owned(),
            ),
            Self::Protected => Some(format!("{of} is protected")),
        }
    }

    /// Says why the ID is typed, as a sentence.
    pub fn sentence(self, of: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::Unverified => Some(
                "The server's certificate is not verified: it may be another server.".to_owned(),
            ),
            Self::Protected => Some(format!("{of} is protected.")),
        }
    }

    /// Tells whether the ID is typed.
    pub fn wants_id(self) -> bool {
        self != Self::None
    }
}

/// Where IDs are typed before anything is taken down or changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protection {
    is_everywhere: bool,
    namespaces: BTreeSet<String>,
}

impl Protection {
    /// Returns the protection of everything.
    pub fn everywhere() -> Self {
        Self {
            is_everywhere: true,
            namespaces: BTreeSet::new(),
        }
    }

    /// Returns the protection of some namespaces.
    pub fn of(namespaces: impl IntoIterator<Item = String>) -> Self {
        Self {
            is_everywhere: false,
            namespaces: namespaces.into_iter().collect(),
        }
    }

    /// Tells whether all in a namespace is protected.
    pub fn covers(&self, namespace: &str) -> bool {
        self.is_everywhere || self.namespaces.contains(namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_protected_weighs_more_than_a_server_that_is_not_verified() {
        let mut caution = Caution::of_server(true);
        assert!(caution.wants_id() && !caution.is_protected());
        caution.protect_if(false);
        assert_eq!(caution, Caution::Unverified);
        caution.protect_if(true);
        assert_eq!(caution.reason("web").as_deref(), Some("web is protected"));
        assert_eq!(Caution::of_server(false).word(), None);
    }

    #[test]
    fn namespaces_are_protected_that_say_so_or_all_of_a_context() {
        let some = Protection::of(["prod".to_owned()]);
        assert!(some.covers("prod") && !some.covers("dev"));
        assert!(Protection::everywhere().covers("dev"));
        assert!(!Protection::default().covers("prod"));
    }
}
