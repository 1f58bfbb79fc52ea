//! What a person may do in a context beyond what the server allows: a guard against slips, set by hand.

use std::collections::BTreeMap;

/// What holds in a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Guard {
    /// Whether nothing may be written.
    pub is_read_only: bool,
    /// Whether what takes something away or disturbs it needs the ID typed, as with protected instances.
    pub is_protected: bool,
}

/// What holds in which context.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guards {
    /// By the name of the context.
    pub by_context: BTreeMap<String, Guard>,
    /// Whether nothing may be written in any.
    pub is_read_only: bool,
}

impl Guards {
    /// Returns what holds in a context.
    pub fn of(&self, context: &str) -> Guard {
        let own = self.by_context.get(context).copied().unwrap_or_default();
        Guard {
            is_read_only: own.is_read_only || self.is_read_only,
            ..own
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_are_those_of_the_context_and_a_flag_makes_all_read_only() {
        let prod = Guard {
            is_read_only: false,
            is_protected: true,
        };
        let mut guards = Guards {
            by_context: [("prod".to_owned(), prod)].into(),
            is_read_only: false,
        };
        assert_eq!(
            (guards.of("prod"), guards.of("dev")),
            (prod, Guard::default())
        );
        guards.is_read_only = true;
        let read_only = Guard {
            is_read_only: true,
            is_protected: true,
        };
        assert_eq!(guards.of("prod"), read_only);
        assert!(guards.of("dev").is_read_only);
    }
}
