//! Why a command did not do what it was called for, as data: whoever asks for JSON gets a document on standard output however
//! early the command ends. Where it printed one, that one tells.

use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::{Exit, UsageError, output, plan_json};
use crate::failure::{Failure, FailureKind};

/// What was said so far.
static SAID: Mutex<Vec<Failure>> = Mutex::new(Vec::new());

/// Keeps what was said to the person for the end of the program.
pub(super) fn note(failure: &Failure) {
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    said.push(failure.clone());
}

/// Drops what was noted of an attempt that another one follows.
pub(super) fn forget() {
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    said.clear();
}

/// Prints what was noted, unless there was nothing, or the command printed something by itself.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn print_noted() -> anyhow::Result<()> {
    let said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.is_empty() || output::has_printed() {
        return Ok(());
    }
    let refusals: Vec<_> = said.iter().map(plan_json::of_failure).collect();
    // One line, as it may be among the objects of a stream.
    let document = json!({"refusals": refusals});
    Ok(output::print_last(&output::json_line(&document)?)?)
}

/// Returns an error as it is noted.
pub(super) fn of_error(error: &anyhow::Error) -> Failure {
    match error.downcast_ref::<Failure>() {
        Some(failure) => failure.clone(),
        None if error.is::<UsageError>() => Failure::new(FailureKind::Usage, error.to_string()),
        None => Failure::new(FailureKind::Invalid, format!("{error:#}")),
    }
}

/// Ends a command whose question could not be put to anybody: the plan that is printed as data has why among its refusals, and
/// the error is told as ever.
///
/// # Errors
/// That one, or standard output cannot be written.
pub(super) fn end<P>(
    error: anyhow::Error,
    mut plan: P,
    refuse: impl FnOnce(&mut P, Failure),
    print: impl FnOnce(&P) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    refuse(&mut plan, of_error(&error));
    print(&plan)?;
    Err(error)
}
