//! Teardowns: the fate table, and carrying it out.

mod planning;
mod running;

use std::time::Duration;

use super::operation::Meeting;

pub use planning::plan_teardown;
pub(super) use planning::{
    may_retain, plan_retentions, policies, read_volumes, warn_of_lasting_volumes,
};
pub use running::{VOLUME_RELEASE, run_teardown};

/// How a teardown is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeardownOptions {
    /// How long to wait until everything is gone; none only asks for the deletions.
    pub wait: Option<Duration>,
    /// Who tears down: user, host and process.
    pub holder: String,
    /// What to do where somebody else's operation is noted.
    pub meeting: Meeting,
}
