//! What happened in an operation: each fact is told at once and kept for the outcome.

use std::fmt::Display;

use super::deploy::Report;
use super::operation::{NOT_BEGUN, STOPPED, is_stopped};
use super::progress::{Outcome, Progress, Step};
use crate::failure::Failure;

/// Tells and keeps the facts of one operation.
pub(super) struct Journal<'a> {
    report: Report<'a>,
    outcome: Outcome,
    last_wait: Option<String>,
}

impl<'a> Journal<'a> {
    pub fn new(report: Report<'a>) -> Self {
        Self {
            report,
            outcome: Outcome::default(),
            last_wait: None,
        }
    }

    pub fn started(&mut self, step: &Step) {
        self.last_wait = None;
        (self.report)(Progress::Started(step.clone()));
    }

    pub fn done(&mut self, step: Step, remark: Option<String>) {
        self.last_wait = None;
        (self.report)(Progress::Done(step.clone(), remark));
        self.outcome.done.push(step);
    }

    pub fn failed(&mut self, step: Step, failure: Failure) {
        self.last_wait = None;
        (self.report)(Progress::Failed(step.clone(), failure.clone()));
        self.outcome.failed.push((step, failure));
    }

    /// Tells how a step ended that was begun: done with a remark, or failed.
    pub fn ended(&mut self, step: Step, done: Result<Option<String>, Failure>) {
        match done {
            Ok(remark) => self.done(step, remark),
            Err(failure) => self.failed(step, failure),
        }
    }

    pub fn not_tried(&mut self, step: Step, why: impl Display) {
        self.last_wait = None;
        (self.report)(Progress::NotTried(step.clone(), why.to_string()));
        self.outcome.not_tried.push((step, why.to_string()));
    }

    /// Says for what one waits, once for each sentence.
    pub fn waiting(&mut self, sentence: &str) {
        if self.last_wait.as_deref() != Some(sentence) {
            (self.report)(Progress::Waiting(sentence.to_owned()));
            self.last_wait = Some(sentence.to_owned());
        }
    }

    /// Says whose sign of life one waits for.
    pub fn listening(&mut self, sentence: &str) {
        (self.report)(Progress::Listening(sentence.to_owned()));
        self.last_wait = None;
    }

    pub fn pending(&mut self, sentence: String) {
        self.outcome.pending.push(sentence);
    }

    /// Tells whether nothing failed and nothing was left out so far.
    pub fn is_clean(&self) -> bool {
        self.outcome.is_complete()
    }

    /// Tells whether anything was changed so far beside the record's note of the operation.
    pub fn has_done_more_than_claim(&self) -> bool {
        self.outcome.done.iter().any(|step| *step != Step::Claim)
    }

    /// Tells that the operation could not be claimed, so that none of its steps was tried.
    pub fn not_begun(mut self, failure: Failure, steps: impl IntoIterator<Item = Step>) -> Outcome {
        let why = match is_stopped(&failure) {
            true => STOPPED,
            false => NOT_BEGUN,
        };
        match is_stopped(&failure) {
            true => self.not_tried(Step::Claim, STOPPED),
            false => self.failed(Step::Claim, failure),
        }
        for step in steps {
            self.not_tried(step, why);
        }
        self.into_outcome()
    }

    pub fn into_outcome(self) -> Outcome {
        self.outcome
    }
}
