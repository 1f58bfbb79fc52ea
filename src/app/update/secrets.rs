//! Secrets that only a person knows: asked for while what needs them is planned, and planned anew with the answers.

use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::app::msg::OpId;
use crate::app::popup::{Popup, SecretPrompt};
use crate::secret::SecretValue;

use super::{bulk, reviews};

/// Takes what a person is to be asked for; where the review in front is to be carried out, asks at once.
pub(super) fn on_wanted(model: &mut Model, op: OpId, questions: Vec<String>) -> Vec<Effect> {
    let Some(pane) = reviews::pane_of(model, op) else {
        if let Some(item) = bulk::item_of(model, op) {
            item.questions = questions;
        }
        return Vec::new();
    };
    pane.questions = questions;
    let asks = !pane.is_difference;
    let is_in_front = matches!(model.screens.last(), Some(Screen::Review(pane)) if pane.op == op);
    if asks && is_in_front && model.popup.is_none() {
        ask_next(model);
    }
    Vec::new()
}

/// Asks for the next secret of the review in front; tells whether there is one.
pub(super) fn ask_next(model: &mut Model) -> bool {
    let Some(Screen::Review(pane)) = model.screens.last() else {
        return false;
    };
    let Some(question) = pane.next_question() else {
        return false;
    };
    let prompt = SecretPrompt::new(pane.op, question);
    model.popup = Some(Popup::Secret(prompt));
    true
}

/// Takes an answer. Nothing typed keeps the value that is in the cluster. After the last one the plan is made anew with what
/// was answered.
pub(super) fn on_answer(
    model: &mut Model,
    op: OpId,
    question: String,
    value: SecretValue,
) -> Vec<Effect> {
    model.popup = None;
    let Some(pane) = reviews::pane_of(model, op) else {
        return Vec::new();
    };
    pane.questions.retain(|open| *open != question);
    pane.source.answers.insert(question, value);
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
