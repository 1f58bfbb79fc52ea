//! Changes of an instance that do not depend on each other, made one after another under its operation: a scale, a restart,
//! routes.

use super::journal::Journal;
use super::operation::{Lease, NOT_HELD};
use super::progress::Step;

/// Goes on past a change that fails, but not past the loss of the operation.
pub(super) struct OneByOne<'a> {
    lease: &'a Lease<'a>,
    is_lost: bool,
}

impl<'a> OneByOne<'a> {
    pub fn new(lease: &'a Lease<'a>) -> Self {
        Self {
            lease,
            is_lost: false,
        }
    }

    /// Notes in the record what is done next; tells whether it may be.
    pub async fn may_begin(&mut self, step: &Step, doing: &str, journal: &mut Journal<'_>) -> bool {
        if self.is_lost {
            journal.not_tried(step.clone(), NOT_HELD);
            return false;
        }
        if let Some(why) = self.lease.stopped() {
            journal.not_tried(step.clone(), why);
            return false;
        }
        journal.started(step);
        if let Err(failure) = self.lease.step(doing).await {
            journal.failed(step.clone(), failure);
            self.is_lost = true;
        }
        !self.is_lost
    }
}
