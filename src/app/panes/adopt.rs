//! The plan of an adoption: what changes hands, and whose it is so far.

use crate::app::effect::DeploySource;
use crate::app::msg::OpId;
use crate::engine::adopt::AdoptPlan;
use crate::failure::Failure;

/// The plan of an adoption.
#[derive(Debug, Clone, PartialEq)]
pub struct AdoptPane {
    /// The plan that was asked for last: earlier answers are stale.
    pub op: OpId,
    /// The definition that what exists already is adopted for.
    pub source: DeploySource,
    /// Its plan, or why there is none; none of both while the cluster is asked.
    pub plan: Option<Result<Box<AdoptPlan>, Failure>>,
    /// The first line that is shown.
    pub scroll: usize,
}

impl AdoptPane {
    /// Returns a pane that awaits its plan.
    pub fn new(op: OpId, source: DeploySource) -> Self {
        Self {
            op,
            source,
            plan: None,
            scroll: 0,
        }
    }

    /// Returns the plan, once it is there.
    pub fn ready(&self) -> Option<&AdoptPlan> {
        match &self.plan {
            Some(Ok(plan)) => Some(plan),
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
            Some(Ok(plan)) if !plan.refusals.is_empty() => Err("refused: see the reasons above"),
            Some(Ok(plan)) if plan.rows.is_empty() => Err("nothing is to be adopted"),
            Some(Ok(_)) => Ok(()),
        }
    }
}
