//! Secrets that only a person knows: asked for where the cluster has none to keep, or where a person wants to give others; then
//! what needs them is planned anew with the answers.

use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::app::msg::OpId;
use crate::app::popup::{Popup, SecretPrompt};
use crate::secret::{SecretQuestion, SecretValue};

use super::reviews;

/// Takes what a person can be asked for. Which of that has to be asked, the plan tells.
pub(super) fn on_wanted(
    model: &mut Model,
    op: OpId,
    questions: Vec<SecretQuestion>,
) -> Vec<Effect> {
    if let Some(pane) = reviews::pane_of(model, op) {
        pane.questions = questions;
    }
    Vec::new()
}

/// Asks at once for what the plan that came has no value of, where it is in front to be carried out.
pub(super) fn on_planned(model: &mut Model, op: OpId) {
    let is_meant = matches!(model.screens.last(), Some(Screen::Review(pane)) if pane.op == op && !pane.is_difference);
    if is_meant && model.popup.is_none() {
        ask_next(model);
    }
}

/// Asks for every secret of the review in front that a person can give.
pub(super) fn ask_all(model: &mut Model) {
    if let Some(Screen::Review(pane)) = model.screens.last_mut() {
        pane.asks_all = true;
    }
    ask_next(model);
}

/// Asks for the next secret of the review in front; tells whether there is one.
pub(super) fn ask_next(model: &mut Model) -> bool {
    let Some(Screen::Review(pane)) = model.screens.last() else {
        return false;
    };
    let Some(question) = pane.next_question() else {
        return false;
    };
    let is_kept = !pane.is_unanswered(question);
    let prompt = SecretPrompt::new(pane.op, question.clone(), is_kept);
    model.popup = Some(Popup::Secret(prompt));
    true
}

/// Takes an answer. Nothing typed keeps the value that is in the cluster. After the last one the plan is made anew with what
/// was answered.
pub(super) fn on_answer(
    model: &mut Model,
    op: OpId,
    question: SecretQuestion,
    value: SecretValue,
) -> Vec<Effect> {
    model.popup = None;
    let Some(pane) = reviews::pane_of(model, op) else {
        return Vec::new();
    };
    pane.questions.retain(|open| *open != question);
    pane.source.answers.insert(question, value);
    pane.asks_all &= !pane.questions.is_empty();
    if ask_next(model) {
        return Vec::new();
    }
    let is_any_given = match model.screens.last() {
        Some(Screen::Review(pane)) => {
            let mut answers = pane.source.answers.values();
            answers.any(|value| !value.expose().is_empty())
        }
        _ => false,
    };
    if is_any_given {
        reviews::replan(model)
    } else {
        Vec::new()
    }
}
