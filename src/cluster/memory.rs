//! Answers that are kept for one look at the cluster: what several parts of it ask for alike is asked for once.
//!
//! For what only looks, and looks once: whoever waits, or looks again because something was in the way, must get a new answer.
//! So whatever changes something, or rehearses it, makes all of it forgotten.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::request::Answer;
use crate::failure::Failure;

/// What is asked for, and in which form.
type Question = (String, &'static str);

/// The answers of one look.
#[derive(Default)]
pub(super) struct Memory {
    answers: Mutex<HashMap<Question, Arc<OnceCell<Answer>>>>,
}

impl Memory {
    /// Returns the answer to a question, which is asked if it was not yet. Two that ask at once share one answer; a failure is
    /// nobody's.
    pub async fn answer(
        &self,
        question: Question,
        ask: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        let cell = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.entry(question).or_default().clone()
        };
        cell.get_or_try_init(|| ask).await.cloned()
    }

    /// Forgets everything: it may not be so any more.
    pub fn forget(&self) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.clear();
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The answers may hold secrets.
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}
