//! What is waited for: noted as it is asked, given up by the key that goes back or with what asked for it.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::popup::Popup;
use crate::app::screen::Screen;
use crate::app::waits::{Question, Wait};

use super::{contexts, reviews};

/// Notes what effects ask, and gives up what nobody looks at any more.
pub(super) fn follow(model: &mut Model, mut effects: Vec<Effect>) -> Vec<Effect> {
    // What others changed is compared by itself too: then nobody waits for it.
    let is_looked_at = matches!(model.screens.last(), Some(Screen::Changes { .. }));
    let is_asked = |effect: &&Effect| is_looked_at || !matches!(effect, Effect::ReadChanges { .. });
    for effect in effects.iter().filter(is_asked) {
        model.waits.begin(effect, model.clock);
    }
    if model.waits.is_empty() {
        return effects;
    }
    let mut waits = std::mem::take(&mut model.waits);
    let forsaken = waits.forsake(|question| is_awaited(model, question));
    model.waits = waits;
    effects.extend(forsaken.into_iter().map(Effect::GiveUp));
    effects
}

/// Gives up what has been waited for for a moment, where the key that goes back is about that; none where it is not.
pub(super) fn give_up(model: &mut Model) -> Option<Vec<Effect>> {
    if !goes_back_to_nothing(model) {
        return None;
    }
    let (question, msg) = model.waits.give_up(model.clock)?;
    if question == Question::Trash {
        model.returning.clear();
        model.status = None;
    }
    let mut effects = msg.map_or_else(Vec::new, |msg| super::route(model, msg));
    effects.push(Effect::GiveUp(question));
    Some(effects)
}

/// Tells whether the key that goes back gives up a wait where the keys go now.
pub(in crate::app) fn can_give_up(model: &Model, wait: &Wait) -> bool {
    if model.popup.is_some() {
        return is_of_popup(model, &wait.question);
    }
    if wait.is_loose() {
        return goes_back_to_nothing(model);
    }
    let is_in_front = || match &wait.question {
        Question::Numbered(op) | Question::Of(op, _) => {
            let front = model.screens.last();
            front.is_some_and(|screen| ops_of(model, screen).contains(op))
        }
        _ => false,
    };
    wait.has_pane() && is_in_front()
}

/// Tells whether a question goes with the popup in front.
fn is_of_popup(model: &Model, question: &Question) -> bool {
    let is_listed =
        |title: &str| matches!(&model.popup, Some(Popup::Menu(menu)) if menu.title == title);
    match question {
        Question::Namespaces => is_listed(contexts::NAMESPACES),
        Question::Contexts => is_listed(contexts::CONTEXTS),
        Question::Trash => is_listed(reviews::TRASH),
        Question::Numbered(op) => {
            let ports = model.forwards.asked.as_ref();
            ports.is_some_and(|(asked, _)| asked == op) && model.popup.is_some()
        }
        _ => false,
    }
}

/// Tells whether no screen is in front that the key would close instead.
fn goes_back_to_nothing(model: &Model) -> bool {
    matches!(
        model.screens.last(),
        None | Some(Screen::Detail | Screen::Editor(_))
    )
}

/// Tells whether somebody still looks for the answer to a question.
fn is_awaited(model: &Model, question: &Question) -> bool {
    match question {
        Question::Numbered(op) | Question::Of(op, _) => {
            let mut screens = model.screens.iter();
            screens.any(|screen| ops_of(model, screen).contains(op))
                || is_of_popup(model, question)
                || model.importing == Some(*op)
                || model.services.asks_labels(*op)
                || model.detail_pane.history.op == *op
        }
        Question::Live(editor) => model.editor().is_some_and(|pane| pane.id == *editor),
        Question::Namespaces | Question::Contexts => is_of_popup(model, question),
        Question::Trash => !model.returning.is_empty() || is_of_popup(model, question),
        Question::Definition(_) | Question::Save(_) | Question::Creation | Question::LogFile => {
            true
        }
    }
}

/// Returns the numbers under which a screen awaits answers.
fn ops_of(model: &Model, screen: &Screen) -> Vec<OpId> {
    match screen {
        Screen::Review(pane) => vec![pane.op],
        Screen::Teardown(pane) => vec![pane.op],
        Screen::Adjust(pane) => vec![pane.op],
        Screen::Adopt(pane) => vec![pane.op],
        Screen::Routes(pane) => vec![pane.op],
        Screen::Pull(pane) => vec![pane.op],
        Screen::Bulk(pane) => pane.items.iter().map(|item| item.op).collect(),
        Screen::Comparison(pane) => vec![pane.op],
        Screen::Nodes => vec![model.nodes.op],
        Screen::Changes { .. } => vec![model.detail_pane.changes.op()],
        Screen::Detail
        | Screen::Editor(_)
        | Screen::Merge(_)
        | Screen::Claims
        | Screen::Forwards
        | Screen::Operations
        | Screen::Progress(_)
        | Screen::Log { .. } => Vec::new(),
    }
}
