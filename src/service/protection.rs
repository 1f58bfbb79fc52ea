//! Where all that runs is protected, whatever the records say: in some namespaces, or in the whole context. Plain data.

use std::collections::BTreeSet;

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
    fn namespaces_are_protected_that_say_so_or_all_of_a_context() {
        let some = Protection::of(["prod".to_owned()]);
        assert!(some.covers("prod") && !some.covers("dev"));
        assert!(Protection::everywhere().covers("dev"));
        assert!(!Protection::default().covers("prod"));
    }
}
