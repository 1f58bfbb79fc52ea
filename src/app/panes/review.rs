//! The review of a deploy: what would happen to each object, the difference of the selected one, what speaks against it.

use crate::app::effect::{DeploySource, ReviewedPlan};
use crate::app::msg::OpId;
use crate::engine::plan::DeployPlan;
use crate::engine::remedy::Offer;
use crate::failure::Failure;

/// How far the plan is.
#[derive(Debug, Clone, PartialEq)]
pub enum ReviewPhase {
    /// The cluster is asked.
    Planning,
    /// It is there.
    Planned(Box<ReviewedPlan>),
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
    /// Whether it was only asked what would change: then secrets are asked for no sooner than it is confirmed.
    pub is_difference: bool,
    /// Secrets that a person is still to be asked for.
    pub questions: Vec<String>,
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
            is_difference: false,
            questions: Vec::new(),
            selected: 0,
            scroll: 0,
        }
    }

    /// Returns the plan, once it is there.
    pub fn plan(&self) -> Option<&DeployPlan> {
        self.reviewed().map(ReviewedPlan::deploy)
    }

    /// Returns the plan with what it was made of, once it is there.
    pub fn reviewed(&self) -> Option<&ReviewedPlan> {
        match &self.phase {
            ReviewPhase::Planned(plan) => Some(plan),
            ReviewPhase::Planning | ReviewPhase::Failed(_) => None,
        }
    }

    /// Returns what the plan offers and was not agreed to yet.
    pub fn open_offers(&self) -> Vec<&Offer> {
        let offers = self.plan().map_or(&[][..], |plan| &plan.offers);
        let agreed = self.source.remedies;
        offers
            .iter()
            .filter(|offer| !agreed.has(offer.remedy))
            .collect()
    }

    /// Returns the next secret that a person has to be asked for.
    pub fn next_question(&self) -> Option<&str> {
        self.questions.first().map(String::as_str)
    }

    /// Takes the plan; the first object that changes is selected.
    pub(in crate::app) fn on_planned(&mut self, result: Result<Box<ReviewedPlan>, Failure>) {
        self.phase = match result {
            Ok(plan) => {
                let first = plan
                    .deploy()
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
