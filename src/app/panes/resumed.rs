//! What goes on that somebody left half done: how it was begun, and how it is gone on with.

/// How a plan goes on that finishes what is noted in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resumed {
    /// Whether it is taken over at once from somebody else who is at it.
    pub takes_over: bool,
    /// Whether the fields of others that the plan shows were taken when it was begun.
    pub takes_conflicts: bool,
}

impl Resumed {
    /// Returns the command that does the same.
    pub(in crate::app) fn command(self, id: &str, is_protected: bool) -> String {
        let over = if self.takes_over { " --take-over" } else { "" };
        let confirm = match is_protected {
            true => format!(" --confirm {id}"),
            false => String::new(),
        };
        format!("resume {id}{over}{confirm}")
    }
}
