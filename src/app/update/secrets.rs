//! Secrets that only a person knows: asked for where the cluster has none to keep, or where a person wants to give others; then
//! what needs them is planned anew with the answers.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::popup::{Popup, SecretPrompt};
use crate::app::screen::Screen;
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
        ask_missing(model);
    }
}

/// Asks for every secret of the review in front that a person can give.
pub(super) fn ask_all(model: &mut Model) {
    ask(model, true);
}

/// Asks for what the plan in front has no value of; tells whether there is any.
pub(super) fn ask_missing(model: &mut Model) -> bool {
    ask(model, false)
}

fn ask(model: &mut Model, asks_all: bool) -> bool {
    if let Some(Screen::Review(pane)) = model.screens.last_mut() {
        pane.begin_round(asks_all);
    }
    ask_next(model)
}

/// Asks for the next secret of the round; tells whether there is one.
fn ask_next(model: &mut Model) -> bool {
    let Some(Screen::Review(pane)) = model.screens.last() else {
        return false;
    };
    let Some(question) = pane.asked() else {
        return false;
    };
    let prompt = SecretPrompt::new(pane.op, question.clone(), pane.held(question));
    model.popup = Some(Popup::Secret(prompt));
    true
}

/// Takes what was typed. After the last question the plan is made anew with what was answered.
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
    pane.answer(question, value);
    if ask_next(model) {
        return Vec::new();
    }
    let is_answered = match model.screens.last_mut() {
        Some(Screen::Review(pane)) => pane.end_round(),
        _ => false,
    };
    match is_answered {
        true => reviews::replan(model),
        false => Vec::new(),
    }
}
