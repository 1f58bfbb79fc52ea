//! Whether an operation waits: for its end, for its turn; or takes its turn.

use std::time::Duration;

use clap::{Arg, ArgAction, Args};

use super::values::duration;
use crate::engine::operation::Meeting;

/// Whether and how long an operation waits, and what it does where somebody else is at it.
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
    /// Take over at once from somebody else who is at it, who stops before the next step [default: once it stands still]
    #[arg(long)]
    pub take_over: bool,
}

impl Waiting {
    /// Tells whether the end is waited for.
    pub fn waits(&self) -> bool {
        self.wait.unwrap_or(true)
    }

    /// Tells whether others are waited for before it begins. Whoever takes over waits for nobody.
    pub fn queues(&self) -> bool {
        self.wait == Some(true) && !self.take_over
    }

    /// Returns what is done where somebody else is at it.
    pub fn meeting(&self) -> Meeting {
        match (self.take_over, self.timeout) {
            (true, _) => Meeting::TakeOver,
            (false, Some(timeout)) => Meeting::JudgeWithin(timeout),
            (false, None) => Meeting::Judge,
        }
    }
}

/// Returns the flag of a command whose end is there as soon as all is written.
pub(super) fn in_turn(wait: Arg) -> Arg {
    wait.help("Wait until nobody else works on the instance, and plan then")
}

pub(super) fn in_turn_within(timeout: Arg) -> Arg {
    timeout.help("How long to wait for others, such as 90s or 5m [default: the settings']")
}
