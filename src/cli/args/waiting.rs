//! Whether an operation waits: for its end, for its turn.

use std::time::Duration;

use clap::{ArgAction, Args};

use super::values::duration;
use crate::engine::operation::Meeting;

/// Whether and how long an operation waits.
#[derive(Debug, Clone, Args)]
pub struct Waiting {
    /// Wait for the end: ready after a deploy or a change, gone after a delete [default: true]. Where it is given, wait also
    /// until nobody else works on the instance, and plan then
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL")]
    pub wait: Option<bool>,
    /// How long to wait, such as 90s or 5m [default: the settings']
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub timeout: Option<Duration>,
}

impl Waiting {
    /// Tells whether the end is waited for.
    pub fn waits(&self) -> bool {
        self.wait.unwrap_or(true)
    }

    /// Tells whether others are waited for before it begins.
    pub fn queues(&self) -> bool {
        self.wait == Some(true)
    }

    /// Returns what is done where somebody else is at it.
    pub(super) fn meeting(&self, takes_over: bool) -> Meeting {
        match (takes_over, self.timeout) {
            (true, _) => Meeting::TakeOver,
            (false, Some(timeout)) => Meeting::JudgeWithin(timeout),
            (false, None) => Meeting::Judge,
        }
    }
}
