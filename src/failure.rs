//! A failure as a value: what the user is told when something that was asked for did not work.
//!
//! Made at the borders (`cluster`, `catalogue`, `engine`), carried in messages, shown by `ui` and `cli`. Its texts are
//! already free of secrets and of control characters.

use std::fmt;

use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::definition::places::Place;

/// What sort of failure it is: decides what is offered next and the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The object, file or kind does not exist.
    NotFound,
    /// Somebody else owns a field, or changed the object meanwhile.
    Conflict,
    /// The server does not allow it.
    Forbidden,
    /// The login is missing, has expired or failed: what the user may do is not known.
    Login,
    /// What was sent is not acceptable; sending it again cannot help.
    Invalid,
    /// The server could not be reached, did not answer in time, or answered that it is overloaded.
    Unreachable,
    /// Refused by bowline itself before anything was sent: ownership, protection, wrong cluster.
    Refused,
    /// It was asked for in a way that cannot work: an argument names nothing, or a question cannot be put to anybody.
    Usage,
    /// A file could not be read or written.
    Disk,
}

/// One cause of a refusal, as a server states it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cause {
    /// Path of the field in the object, as the server writes it; empty if it names none.
    pub field: String,
    /// Machine-readable reason, such as `FieldManagerConflict`; empty if it gives none.
    pub reason: String,
    /// The sentence.
    pub message: String,
    /// Where in the definition the field comes from, where that is known.
    pub place: Option<Place>,
}

/// Why something that was asked for did not work.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Failure {
    /// What sort of failure it is.
    pub kind: FailureKind,
    /// One line: what was being done to what, and why it failed.
    pub summary: String,
    /// More lines, where there is more to say; may be empty.
    pub detail: String,
    /// The server's causes, field by field.
    pub causes: Vec<Cause>,
}

impl Failure {
    /// Returns a failure with a summary only.
    pub fn new(kind: FailureKind, summary: impl Into<String>) -> Self {
        Self {
            kind,
            summary: summary.into(),
            detail: String::new(),
            causes: Vec::new(),
        }
    }

    /// Tells whether nothing was learned of what was asked about: neither that it is not there nor that it may not be seen.
    pub fn is_unanswered(&self) -> bool {
        matches!(self.kind, FailureKind::Unreachable | FailureKind::Login)
    }

    /// Tells whether the server does not have this user do it, so that the same again is as useless.
    pub fn is_denied(&self) -> bool {
        matches!(self.kind, FailureKind::Forbidden | FailureKind::Login)
    }

    /// Returns the causes that a place in the definition is known for, as its faults.
    pub fn faults(&self) -> impl Iterator<Item = Diagnostic> {
        self.causes.iter().filter_map(|cause| {
            let Place { path, span } = cause.place.clone()?;
            Some(Diagnostic {
                severity: Severity::Error,
                path,
                span,
                message: format!("the server refuses it: {}", cause.message),
                fix: None,
            })
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

impl std::error::Error for Failure {}
