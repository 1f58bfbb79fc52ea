//! Questions before something is changed: asked on the terminal, or answered beforehand with flags.

use super::{UsageError, output};
use crate::definition::id::InstanceId;
use crate::failure::{Failure, FailureKind};
use crate::service::protection::Caution;

/// Refuses to begin what would have to ask where nobody can be asked, so that a script never hangs or guesses.
///
/// # Errors
/// There is no terminal, and the answer was not given by a flag.
pub(super) fn require_answer(is_given: bool, flag: &str) -> anyhow::Result<()> {
    if is_given || output::can_ask() {
        return Ok(());
    }
    let sentence = format!("there is no terminal to ask whether to go on: answer with {flag}");
    Err(UsageError(sentence).into())
}

/// Asks whether to go on. What comes by a pipe is no answer, as nobody was asked.
///
/// # Errors
/// There is no terminal, or it cannot be read.
pub(super) fn go_on(question: &str) -> anyhow::Result<bool> {
    require_answer(false, "--yes")?;
    let answer = output::ask(&format!("{question} [y/N]"))?;
    Ok(answer.is_some_and(|answer| matches!(answer.to_lowercase().as_str(), "y" | "yes")))
}

/// Asks for a word, which cannot be typed by habit.
///
/// # Errors
/// There is no terminal, or it cannot be read.
pub(super) fn typed(question: &str, wanted: &str) -> anyhow::Result<bool> {
    require_answer(false, &format!("--confirm {wanted}"))?;
    let answer = output::ask(question)?;
    Ok(answer.is_some_and(|answer| answer == wanted))
}

/// How an ID was typed.
pub(super) enum Typed {
    Right,
    /// Nothing was typed: this one is left.
    Left,
    Wrong,
}

/// Asks for the ID of an instance; of one among several an empty answer leaves that one.
///
/// # Errors
/// The terminal cannot be read.
pub(super) fn typed_of(question: &str, id: &InstanceId, is_alone: bool) -> anyhow::Result<Typed> {
    let hint = match is_alone {
        true => "",
        false => " (nothing leaves it as it is)",
    };
    let question = format!("{}{hint}:", question.trim_end_matches(':'));
    Ok(match output::ask(&question)?.as_deref() {
        Some(answer) if answer == id.as_str() => Typed::Right,
        Some("") if !is_alone => Typed::Left,
        Some(_) | None => Typed::Wrong,
    })
}

/// Tells that `--confirm` names the ID that is meant.
///
/// # Errors
/// It names another one: nobody knows which of the two is the mistake.
pub(super) fn same(
    confirmed: &InstanceId,
    meant: &InstanceId,
    done: &str,
) -> Result<bool, UsageError> {
    match confirmed == meant {
        true => Ok(true),
        false => Err(UsageError(format!(
            "--confirm says {confirmed}, and it is {meant} that would be {done}"
        ))),
    }
}

/// Refuses IDs of `--confirm` that are not among those that were named, or chosen where none was named.
///
/// # Errors
/// One of them is not: nobody knows which of the two is the mistake.
pub(super) fn are_named<'a>(
    confirmed: &[InstanceId],
    named: impl IntoIterator<Item = &'a InstanceId>,
    done: &str,
) -> Result<(), UsageError> {
    let named: Vec<&str> = named.into_iter().map(InstanceId::as_str).collect();
    let mut others = confirmed.iter().filter(|id| !named.contains(&id.as_str()));
    let (Some(other), false) = (others.next(), named.is_empty()) else {
        return Ok(());
    };
    let verb = if named.len() == 1 { "is" } else { "are" };
    let named = named.join(", ");
    Err(UsageError(format!(
        "--confirm says {other}, and it {verb} {named} that would be {done}"
    )))
}

/// Returns the refusal of a change that `--yes` is not enough for, or that is not asked about where data is lost.
pub(super) fn wants_id(id: &str, caution: Caution) -> Failure {
    let summary = match caution.reason(id) {
        Some(why) => format!("{why}: repeat its ID with --confirm {id}"),
        None => format!("{id} loses data: answer with --yes, or repeat its ID with --confirm {id}"),
    };
    Failure::new(FailureKind::Refused, summary)
}

/// Returns how a question begins that an ID answers: with why, or with nothing.
pub(super) fn warned(id: &str, caution: Caution) -> String {
    let why = caution.sentence(id);
    why.map_or_else(String::new, |why| format!("{why} "))
}

/// Returns the refusal of a teardown with which objects of others go: `--yes` speaks for one's own.
pub(super) fn strangers(id: &str, told: &str) -> Failure {
    let told = told.trim_end_matches('.');
    let summary = format!("{told}: repeat the ID with --confirm {id}");
    Failure::new(FailureKind::Refused, summary)
}

/// Returns the refusal of a deploy over an instance of another definition, for which `--yes` is not enough: an ID that was mistaken
/// would cost what runs under it.
pub(super) fn replaces(id: &str, other: &str) -> Failure {
    let summary = format!(
        "{id} is an instance of {other}, whose objects this definition would replace: repeat its ID with --confirm {id}, or \
         choose another with --id"
    );
    Failure::new(FailureKind::Refused, summary)
}
