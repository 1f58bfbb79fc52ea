//! What stands beside the cursor of the editor: asked for, followed while one types, given its keys.

use crossterm::event::KeyEvent;

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::panes::editor::assist::{self, Answer, Assist, Typed};
use crate::app::place::Place;
use crate::app::screen::Screen;
use crate::app::session::SessionLink;

use crate::completion;
use crate::editor::Command;

use super::keys;

/// Gives a key to what stands beside the cursor of the editor; none where it is not for that.
pub(super) fn on_key(
    model: &mut Model,
    key: KeyEvent,
    action: Option<Action>,
) -> Option<Vec<Effect>> {
    // What is told of a field goes on to the keys when its own key is pressed once more.
    if !matches!(model.screens.last(), Some(Screen::Editor(_))) || action == Some(Action::Help) {
        return None;
    }
    let leads_on = model.keymap.command(key) == Some(Command::Indent);
    let pane = model.editor_mut()?;
    match assist::on_key(&mut pane.assist, key, leads_on) {
        Answer::NotMine => None,
        Answer::Taken => Some(Vec::new()),
        Answer::Write(command) => Some(keys::editor_command(model, command)),
    }
}

/// Shows what could be written as one types.
pub(super) fn follow_typing(model: &mut Model, before: Option<Assist>, typed: Typed) {
    let known = model.knowledge.known();
    let how = (typed, model.completes_unasked);
    let assist = model
        .editor()
        .and_then(|pane| assist::after_typing(pane.editor()?, before, how, known));
    if let Some(pane) = model.editor_mut() {
        pane.assist = assist;
    }
}

/// Lists what could be written at the cursor.
pub(super) fn complete(model: &mut Model) -> Vec<Effect> {
    let list = model
        .editor()
        .and_then(|pane| assist::asked(pane.editor()?, model.knowledge.known()));
    if list.is_none() {
        model.tell("Nothing is known that could be written here.");
    }
    if let Some(pane) = model.editor_mut() {
        pane.assist = list;
    }
    Vec::new()
}

/// Tells of the field at the cursor of the editor; returns false where that is done already, or nothing is known.
pub(super) fn tell_of_field(model: &mut Model) -> bool {
    if model.place() != Place::Editor {
        return false;
    }
    let known = model.knowledge.known();
    let field = model.editor().and_then(|pane| {
        let is_told = matches!(pane.assist, Some(Assist::Field(_)));
        assist::field(pane.editor()?, pane.assist.as_ref(), known).filter(|_| !is_told)
    });
    let is_new = field.is_some();
    if let Some(pane) = model.editor_mut() {
        pane.assist = field;
    }
    is_new
}

/// Asks for what the text in the editor is completed from, as far as that was not asked for yet.
pub(super) fn learn(model: &mut Model) -> Vec<Effect> {
    if model.session.link != SessionLink::Connected {
        return Vec::new();
    }
    let (epoch, session) = (model.session.epoch, model.session.namespace());
    let pane = model.editor();
    let namespace = pane.and_then(|pane| pane.namespace(session)).cloned();
    let versions = model
        .editor()
        .and_then(|pane| pane.editor())
        .map(|editor| completion::api_versions(editor.rope()));
    let wanted = versions.and_then(|versions| model.knowledge.ask(epoch, namespace, versions));
    wanted.into_iter().collect()
}
