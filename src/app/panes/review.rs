//! The review of a deploy: what would happen to each object, the difference of the selected one, what speaks against it.

use crate::app::effect::DeploySource;
use crate::app::msg::OpId;
use crate::engine::plan::DeployPlan;
use crate::failure::Failure;

/// How far the plan is.
#[derive(Debug, Clone, PartialEq)]
pub enum ReviewPhase {
    /// The cluster is asked.
    Planning,
    /// It is there.
    Planned(Box<DeployPlan>),
    /// It could not be made.
    Failed(Failure),
}

/// The review of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewPane {
    /// The plan that was asked for last: earlier answers are stale.
    pub op: OpId,
    /// What is to be deployed.
    pub source: DeploySource,
    /// How far the plan is.
    pub phase: ReviewPhase,
    /// Which object is selected.
    pub selected: usize,
    /// The first line of its difference that is shown.
    pub scroll: usize,
}

impl ReviewPane {
    /// Returns a review that awaits its plan.
    pub fn new(op: OpId, source: DeploySource) -> Self {
        Self {
            op,
            source,
            phase: ReviewPhase::Planning,
            selected: 0,
            scroll: 0,
        }
    }

    /// Returns the plan, once it is there.
    pub fn plan(&self) -> Option<&DeployPlan> {
        match &self.phase {
            ReviewPhase::Planned(plan) => Some(plan),
            ReviewPhase::Planning | ReviewPhase::Failed(_) => None,
        }
    }

    /// Takes the plan; the first object that changes is selected.
    pub(in crate::app) fn on_planned(&mut self, result: Result<Box<DeployPlan>, Failure>) {
        self.phase = match result {
            Ok(plan) => {
                let first = plan
                    .objects
                    .iter()
                    .position(|object| !object.difference.is_empty());
                self.selected = first.unwrap_or(0);
                ReviewPhase::Planned(plan)
            }
            Err(failure) => ReviewPhase::Failed(failure),
        };
        self.scroll = 0;
    }

    pub(in crate::app) fn move_by(&mut self, rows: isize) {
        let last = self
            .plan()
            .map_or(0, |plan| plan.objects.len().saturating_sub(1));
        let selected = self.selected.saturating_add_signed(rows).min(last);
        if selected != self.selected {
            (self.selected, self.scroll) = (selected, 0);
        }
    }

    pub(in crate::app) fn scroll_by(&mut self, lines: isize) {
        let plan = self.plan();
        let object = plan.and_then(|plan| plan.objects.get(self.selected));
        let last = object.map_or(0, |object| object.difference.len().saturating_sub(1));
        self.scroll = self.scroll.saturating_add_signed(lines).min(last);
    }
}
