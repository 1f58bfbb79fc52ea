//! The review of a deploy: what would happen to each object, the difference of the selected one, what speaks against it.

use std::collections::VecDeque;

use crate::app::effect::{DeploySource, ReviewedPlan, SecretAnswers};
use crate::app::msg::OpId;
use crate::engine::plan::DeployPlan;
use crate::engine::remedy::Offer;
use crate::failure::Failure;
use crate::secret::{SecretQuestion, SecretValue};

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

/// What the cluster has where a person could be asked, as far as a plan tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// A value, which is kept unless another one is given.
    Kept,
    /// Nothing: it has to be answered.
    Nowhere,
    /// Nobody looked, or may look.
    Unknown,
    /// It does not matter: the plan was made with an answer, which stays unless another one is given.
    Answered,
}

/// A round of questions: what is still to be asked, and what was answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::app) struct Round {
    open: VecDeque<SecretQuestion>,
    given: SecretAnswers,
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
    /// Which of them are being asked for.
    round: Round,
    /// Which object is selected.
    pub selected: usize,
    /// The first line that is shown of what is to be known before the objects.
    pub notices: usize,
    /// The first line that is shown of its difference, or of why there is no plan.
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
            round: Round::default(),
            selected: 0,
            notices: 0,
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

    /// Returns what the cluster has in place of an answer.
    pub fn held(&self, question: &SecretQuestion) -> Held {
        match self.plan() {
            _ if self.source.answers.contains_key(question) => Held::Answered,
            Some(plan) if plan.unanswered.contains(question) => Held::Nowhere,
            Some(plan) if plan.kept_answers.contains(question) => Held::Kept,
            Some(_) | None => Held::Unknown,
        }
    }

    /// Returns the secrets that a person may be asked for and of which the cluster has this.
    pub fn secrets(&self, held: Held) -> Vec<&str> {
        let of = self.questions.iter().filter(|it| self.held(it) == held);
        of.map(|it| it.text.as_str()).collect()
    }

    /// Returns what a person can be asked for, what was answered already too: it may have been mistyped.
    pub(in crate::app) fn askable(&self) -> impl Iterator<Item = &SecretQuestion> {
        let answered = self.source.answers.keys();
        let answered = answered.filter(|it| !self.questions.contains(it));
        answered.chain(&self.questions)
    }

    /// Begins to ask: for what is nowhere, or for everything.
    pub(in crate::app) fn begin_round(&mut self, asks_all: bool) {
        let is_wanted = |it: &&SecretQuestion| asks_all || self.held(it) == Held::Nowhere;
        let open = self.askable().filter(is_wanted).cloned().collect();
        // What was answered in a round that was left counts no more: nothing was planned with it.
        self.round = Round {
            open,
            given: SecretAnswers::new(),
        };
    }

    /// Returns what is asked now; none once all was.
    pub(in crate::app) fn asked(&self) -> Option<&SecretQuestion> {
        self.round.open.front()
    }

    /// Takes what was typed. Nothing typed is no answer: the cluster keeps what it has, and what is nowhere is asked for again.
    pub(in crate::app) fn answer(&mut self, question: SecretQuestion, value: SecretValue) {
        self.round.open.retain(|open| *open != question);
        if !value.expose().is_empty() {
            self.round.given.insert(question, value);
        }
    }

    /// Ends a round; tells whether anything was answered, which the plan then is to be made with.
    pub(in crate::app) fn end_round(&mut self) -> bool {
        let given = std::mem::take(&mut self.round).given;
        let is_any = !given.is_empty();
        self.source.answers.extend(given);
        is_any
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
        (self.notices, self.scroll) = (0, 0);
    }

    pub(in crate::app) fn move_by(&mut self, rows: isize) {
        let Some(plan) = self.plan() else {
            self.scroll = self.scroll.saturating_add_signed(rows);
            return;
        };
        let last = plan.objects.len().saturating_sub(1);
        let selected = self.selected.saturating_add_signed(rows).min(last);
        if selected != self.selected {
            (self.selected, self.scroll) = (selected, 0);
        }
    }

    /// Scrolls what is to be known before the objects, and once its end is in sight the difference; back the other way. How far
    /// the difference goes is known once it is drawn. `drawn` is what drawing told of the first.
    pub(in crate::app) fn scroll_by(&mut self, lines: isize, drawn: (usize, usize)) {
        let (n_rows, n_beyond) = drawn;
        let is_first = match lines > 0 {
            true => self.notices < n_beyond,
            false => self.scroll == 0,
        };
        if !is_first {
            self.scroll = self.scroll.saturating_add_signed(lines);
            return;
        }
        // A line stays in sight: the last row says beside its text how much is below.
        let step = isize::try_from(n_rows.saturating_sub(1)).map_or(1, |step| step.max(1));
        let notices = self.notices.saturating_add_signed(lines.clamp(-step, step));
        self.notices = notices.min(n_beyond);
    }
}
