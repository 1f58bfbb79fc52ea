//! Secrets that only a person knows: asked for on the terminal, once each, where the cluster has no value to keep or where that
//! is wished. Nothing of what is typed is shown.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::args::Applying;
use super::{UsageError, output};
use crate::definition::Definition;
use crate::engine::plan::DeployPlan;
use crate::failure::Failure;
use crate::secret::{SecretQuestion, SecretValue, SecretValues};

/// Who is asked, and for what.
pub(super) struct Asker {
    /// Where the files of secrets are named from.
    beside: PathBuf,
    may_ask: bool,
    asks_all: bool,
    force_conflicts: bool,
    known: Mutex<Known>,
}

/// What came of asking so far.
#[derive(Default)]
struct Known {
    /// What the last plan lacked; none before there was one, when it is too early to ask.
    lacking: Option<Vec<SecretQuestion>>,
    /// What was answered: nothing keeps what the cluster has.
    answers: BTreeMap<SecretQuestion, Option<SecretValue>>,
}

impl Asker {
    /// Returns one that asks for nothing that the cluster has, unless the flags want that.
    ///
    /// # Errors
    /// The flags want a person to be asked, and there is no terminal.
    pub fn of(applying: &Applying, is_dry_run: bool, beside: PathBuf) -> Result<Self, UsageError> {
        let (may_ask, asks_all) = (!is_dry_run && output::can_ask(), applying.ask_secrets);
        if asks_all && !is_dry_run && !may_ask {
            let sentence = "--ask-secrets asks on a terminal, and there is none";
            return Err(UsageError(sentence.to_owned()));
        }
        Ok(Self {
            beside,
            may_ask,
            asks_all,
            force_conflicts: applying.force_conflicts,
            known: Mutex::default(),
        })
    }

    /// Returns one that asks for nothing.
    pub fn silent(beside: PathBuf) -> Self {
        Self {
            beside,
            may_ask: false,
            asks_all: false,
            force_conflicts: false,
            known: Mutex::default(),
        }
    }

    /// Makes a plan; and once more, with what is asked for in between, where that is all that it lacks.
    ///
    /// # Errors
    /// The plan's own.
    pub async fn plan<P>(
        &self,
        make: impl AsyncFn() -> Result<P, Failure>,
        deploy: impl Fn(&P) -> Option<&DeployPlan>,
    ) -> Result<P, Failure> {
        let plan = make().await?;
        match deploy(&plan).is_some_and(|plan| self.takes_up(plan)) {
            true => make().await,
            false => Ok(plan),
        }
    }

    /// Reads the values of a definition's secrets.
    ///
    /// # Errors
    /// A file is there and cannot be read, or the terminal cannot.
    pub fn read(&self, definition: &Definition) -> Result<SecretValues, Failure> {
        let mut known = self.known();
        SecretValues::read(definition, &self.beside, &mut |question| {
            if let Some(answer) = known.answers.get(question) {
                return Ok(answer.clone());
            }
            let lacking = known.lacking.as_ref();
            let is_lacking = lacking.is_some_and(|all| all.contains(question));
            let hint = match is_lacking {
                true => "",
                false if self.asks_all && lacking.is_some() => " (empty keeps what is there)",
                false => return Ok(None),
            };
            let answer = output::ask_secret(&question.text, hint)?;
            known.answers.insert(question.clone(), answer.clone());
            Ok(answer)
        })
    }

    /// Tells whether there is something to be asked for by now.
    fn takes_up(&self, plan: &DeployPlan) -> bool {
        let is_stuck = plan.has_open_conflicts() && !self.force_conflicts;
        let would_run = plan.lacks_only_answers() && !is_stuck;
        self.may_ask && would_run && self.known().takes_up(&plan.unanswered, self.asks_all)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Takes what a plan lacks; tells whether there is anything that was not asked for yet.
    fn takes_up(&mut self, unanswered: &[SecretQuestion], asks_all: bool) -> bool {
        let is_first = self.lacking.replace(unanswered.to_vec()).is_none();
        let mut open = unanswered.iter();
        (asks_all && is_first) || open.any(|it| !self.answers.contains_key(it))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plan_lacks_is_taken_up_and_not_what_was_answered() {
        let question = |key: &str| SecretQuestion {
            key: Some(key.to_owned()),
            text: "Password".to_owned(),
        };
        let (salt, token) = (question("salt"), question("token"));
        let mut known = Known::default();
        known.answers.insert(salt.clone(), None);
        assert!(!known.takes_up(std::slice::from_ref(&salt), false));
        assert!(known.takes_up(&[salt, token.clone()], false));
        known.answers.insert(token.clone(), None);
        assert!(!known.takes_up(&[token], false));
    }

    #[test]
    fn all_are_asked_for_once_where_that_is_wished() {
        let mut known = Known::default();
        assert!(known.takes_up(&[], true));
        assert!(!known.takes_up(&[], true));
    }
}
