//! What a pull writes into a definition: the difference of the text, and what is left out with the reasons.

use crate::app::msg::{OpId, PlannedPull};
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

/// The plan of a pull.
#[derive(Debug, Clone, PartialEq)]
pub struct PullPane {
    /// The plan that was asked for last: earlier answers are stale.
    pub op: OpId,
    /// Whose changes.
    pub key: InstanceKey,
    /// The plan, or why there is none; none of both while the cluster is asked.
    pub plan: Option<Result<Box<PlannedPull>, Failure>>,
    /// The first line that is shown.
    pub scroll: usize,
}

impl PullPane {
    /// Returns a pane that awaits its plan.
    pub fn new(op: OpId, key: InstanceKey) -> Self {
        Self {
            op,
            key,
            plan: None,
            scroll: 0,
        }
    }

    /// Returns the plan, once it is there.
    pub fn ready(&self) -> Option<&PlannedPull> {
        match &self.plan {
            Some(Ok(planned)) => Some(planned),
            Some(Err(_)) | None => None,
        }
    }

    /// Tells whether it can be confirmed.
    ///
    /// # Errors
    /// Why not.
    pub fn confirmable(&self) -> Result<(), &'static str> {
        match &self.plan {
            None => Err("the plan is not there yet"),
            Some(Err(_)) => Err("there is no plan: plan anew"),
            Some(Ok(planned)) if planned.plan.is_noop() => {
                Err("the definition would stay as it is")
            }
            Some(Ok(_)) => Ok(()),
        }
    }
}
