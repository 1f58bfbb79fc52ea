//! What a command answers: what changed, what to put on the clipboard, what to tell the user.

use std::fmt;

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Whether the text is another now: it wants to be checked and kept.
    pub changed: bool,
    /// What the clipboard of the terminal should hold now.
    pub clipboard: Option<String>,
    /// What the user should be told.
    pub notice: Option<Notice>,
}

/// Something to tell the user about a command that could not do what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// There is no step to take back.
    NothingToUndo,
    /// There is no step to do again.
    NothingToRedo,
    /// The text that is searched does not occur.
    NotFound,
    /// Nothing was searched yet.
    NothingSearched,
    /// The regular expression that is searched is not complete.
    BrokenExpression,
    /// So many matches were replaced.
    Replaced(usize),
    /// No problem is known.
    NoProblem,
    /// The checker offers no change for the problem here.
    NoFix,
    /// The text would be larger than a definition may be.
    TooLarge,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Replaced(n) = self {
            let plural = if *n == 1 { "match" } else { "matches" };
            return write!(f, "Replaced {n} {plural}.");
        }
        f.write_str(match self {
            Self::NothingToUndo => "Nothing to undo.",
            Self::NothingToRedo => "Nothing to redo.",
            Self::NotFound => "Not found.",
            Self::NothingSearched => "Nothing was searched yet.",
            Self::BrokenExpression => "This is no regular expression yet.",
            Self::Replaced(_) => "Replaced.",
            Self::NoProblem => "No problems.",
            Self::NoFix => "No change is known that mends this.",
            Self::TooLarge => "Too large: a definition holds at most 4 MiB.",
        })
    }
}

/// Returns the outcome of a command that could only tell something.
pub(super) fn notice(notice: Notice) -> Outcome {
    Outcome {
        notice: Some(notice),
        ..Outcome::default()
    }
}
