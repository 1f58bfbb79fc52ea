//! Secrets that only a person knows: asked for on the terminal, once each, where the cluster has no value to keep or where that
//! is wished. Nothing of what is typed is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::args::Applying;
use super::output;
use crate::definition::Definition;
use crate::engine::plan::DeployPlan;
use crate::failure::Failure;
use crate::secret::{SecretValue, SecretValues};

/// Who is asked, and for what.
#[derive(Default)]
pub(super) struct Asker {
    may_ask: bool,
    asks_all: bool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Questions whose answers a plan lacked.
    lacking: BTreeSet<String>,
    /// What was answered; none where nobody could be asked.
    answers: BTreeMap<String, Option<SecretValue>>,
}

impl Asker {
    /// Returns one that asks for nothing that the cluster has, unless the flags want that.
    pub fn of(applying: &Applying, is_dry_run: bool) -> Self {
        Self {
            may_ask: !is_dry_run,
            asks_all: applying.ask_secrets,
            ..Self::default()
        }
    }

    /// Returns one that asks for nothing.
    pub fn silent() -> Self {
        Self::default()
    }

    /// Reads the values of a definition's secrets, whose files are named from `beside`.
    ///
    /// # Errors
    /// A file is there and cannot be read, or the terminal cannot.
    pub fn read(&self, definition: &Definition, beside: &Path) -> Result<SecretValues, Failure> {
        let mut known = self.known();
        SecretValues::read(definition, beside, &mut |question| {
            let is_lacking = known.lacking.contains(question);
            if !self.may_ask || !(self.asks_all || is_lacking) {
                return Ok(None);
            }
            if let Some(answer) = known.answers.get(question) {
                return Ok(answer.clone());
            }
            let hint = match is_lacking {
                true => "",
                false => " (empty keeps what is there)",
            };
            let answer = output::ask_secret(question, hint)?;
            known.answers.insert(question.to_owned(), answer.clone());
            Ok(answer)
        })
    }

    /// Tells whether a plan lacks what can be asked for now: then it is made anew.
    pub fn takes_up(&self, plan: &DeployPlan) -> bool {
        self.may_ask && output::can_ask() && self.known().takes_up(&plan.unanswered)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Takes what a plan lacks; tells whether there is anything that was not asked for yet.
    fn takes_up(&mut self, unanswered: &[String]) -> bool {
        let answers = &self.answers;
        let open = unanswered.iter().filter(|it| !answers.contains_key(*it));
        let n_before = self.lacking.len();
        self.lacking.extend(open.cloned());
        self.lacking.len() > n_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plan_lacks_is_taken_up_once_and_not_what_was_answered() {
        let mut known = Known::default();
        known.answers.insert("Salt".to_owned(), None);
        let lacks = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(!known.takes_up(&lacks(&["Salt"])));
        assert!(known.takes_up(&lacks(&["Salt", "Token"])));
        assert!(!known.takes_up(&lacks(&["Token"])));
        assert_eq!(known.lacking, BTreeSet::from(["Token".to_owned()]));
    }
}
