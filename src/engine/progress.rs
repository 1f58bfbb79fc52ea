//! What a running operation reports: its steps, what becomes of each, and how it ended.

use std::fmt;

use crate::definition::object::ObjectKey;
use crate::failure::Failure;

/// A fact about a running operation, in the order in which they happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// A step has begun.
    Started(Step),
    /// A step is done; the text says what was found or done, where that is worth a word.
    Done(Step, Option<String>),
    /// A step failed; the operation goes on with what does not depend on it.
    Failed(Step, Failure),
    /// A step was not tried, with the reason.
    NotTried(Step, String),
    /// A wait goes on: one sentence that says for what.
    Waiting(String),
    /// Whoever holds the instance is given time to show that they live: one sentence that says who, and until when.
    Listening(String),
}

/// A step of a running operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Claiming the operation in the record.
    Claim,
    /// Writing the revision.
    Revision(u32),
    /// Handing an object over to the instance.
    Adopt(ObjectKey),
    /// Setting a volume to Retain.
    Retain(ObjectKey),
    /// Freeing a retained volume for the claim that it was bound to before.
    Bind(ObjectKey),
    /// Asking for more storage for a claim.
    Grow(ObjectKey),
    /// Writing an object.
    Apply(ObjectKey),
    /// Deleting an object.
    Delete(ObjectKey),
    /// Keeping an object: taking it out of the set.
    Keep(ObjectKey),
    /// Making the record exact, or deleting it.
    Record,
    /// Waiting until the instance is ready.
    Ready,
    /// Waiting until an object is gone.
    Gone(ObjectKey),
}

impl Step {
    /// Says what was done.
    pub fn done(&self) -> String {
        match self {
            Self::Claim => "operation claimed".to_owned(),
            Self::Revision(number) => format!("revision {number} written"),
            Self::Adopt(key) => format!("{key} adopted"),
            Self::Retain(key) => format!("{key} set to Retain"),
            Self::Bind(key) => format!("{key} free for its claim"),
            Self::Grow(key) => format!("{key} asks for more"),
            Self::Apply(key) => format!("{key} applied"),
            Self::Delete(key) => format!("{key} deleted"),
            Self::Keep(key) => format!("{key} kept"),
            Self::Record => "record settled".to_owned(),
            Self::Ready => "ready".to_owned(),
            Self::Gone(key) => format!("{key} gone"),
        }
    }
}

impl fmt::Display for Step {
    /// Says what is to be done.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim => f.write_str("claim the operation"),
            Self::Revision(number) => write!(f, "write revision {number}"),
            Self::Adopt(key) => write!(f, "adopt {key}"),
            Self::Retain(key) => write!(f, "set {key} to Retain"),
            Self::Bind(key) => write!(f, "free {key} for its claim"),
            Self::Grow(key) => write!(f, "grow {key}"),
            Self::Apply(key) => write!(f, "apply {key}"),
            Self::Delete(key) => write!(f, "delete {key}"),
            Self::Keep(key) => write!(f, "keep {key}"),
            Self::Record => f.write_str("settle the record"),
            Self::Ready => f.write_str("wait until it is ready"),
            Self::Gone(key) => write!(f, "wait until {key} is gone"),
        }
    }
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Steps that were done.
    pub done: Vec<Step>,
    /// Steps that failed, with why.
    pub failed: Vec<(Step, Failure)>,
    /// Steps that were not tried, with why.
    pub not_tried: Vec<(Step, String)>,
    /// What was accepted and is not finished yet: objects that finalizers hold, or an instance that is not ready, with why.
    pub pending: Vec<String>,
}

impl Outcome {
    /// Takes in how a later part of the same operation ended.
    pub fn absorb(&mut self, later: Self) {
        self.done.extend(later.done);
        self.failed.extend(later.failed);
        self.not_tried.extend(later.not_tried);
        self.pending.extend(later.pending);
    }

    /// Tells whether everything was done and nothing is pending.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.not_tried.is_empty() && self.pending.is_empty()
    }
}
