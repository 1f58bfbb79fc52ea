//! The review of a deploy: what would happen to each object, the difference of the selected one, what speaks against it.

use crate::app::effect::{DeploySource, ReviewedPlan};
use crate::app::msg::OpId;
use crate::engine::plan::DeployPlan;
use crate::engine::remedy::Offer;
use crate::failure::Failure;
use crate::secret::SecretQuestion;

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
    /// Secrets that a person may still be asked for.
    pub questions: Vec<SecretQuestion>,
    /// Whether a person is asked for those too that the cluster has a value of.
    pub asks_all: bool,
    /// Which object is selected.
    pub selected: usize,
    /// The first line of its difference that is shown.
    pub scroll: usize,
    /// The plan before other values of parameters were tried: it comes back where there is none with those.
    pub(in crate::app) former: Option<Box<ReviewPane>>,
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
            asks_all: false,
            selected: 0,
            scroll: 0,
            former: None,
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

    /// Tells whether the plan is there and would change nothing.
    pub fn changes_nothing(&self) -> bool {
        let plan = self.reviewed();
        plan.is_some_and(|plan| plan.is_noop() && plan.deploy().conflicts.is_empty())
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

    /// Returns the next secret that a person has to be asked for: one that the cluster has no value of, unless others are to be
    /// given.
    pub fn next_question(&self) -> Option<&SecretQuestion> {
        let mut open = self.questions.iter();
        open.find(|it| self.asks_all || self.is_unanswered(it))
    }

    /// Returns the secrets of which the cluster keeps the value that it has, unless another one is given.
    pub fn kept_secrets(&self) -> Vec<&str> {
        let open = self.questions.iter().filter(|it| !self.is_unanswered(it));
        open.map(|it| it.text.as_str()).collect()
    }

    /// Tells whether the answer to a question is nowhere, as far as a plan tells.
    pub fn is_unanswered(&self, question: &SecretQuestion) -> bool {
        let unanswered = self.plan().map(|plan| &plan.unanswered);
        unanswered.is_some_and(|all| all.contains(question))
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
