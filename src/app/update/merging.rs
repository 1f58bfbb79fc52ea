//! Merging: the file or the live objects became others while the text was edited, and both are brought together.

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::keymap::with_ways;
use crate::app::model::Model;
use crate::app::msg::{LiveTexts, OpId, OpenedDefinition};
use crate::app::panes::editor::Reread;
use crate::app::panes::merge::{MergePane, MergeWith};
use crate::app::screen::Screen;
use crate::catalogue::drafts::Base;
use crate::definition::id::InstanceId;
use crate::editor::Command;
use crate::editor::merge::{Decision, MARKS, Merge};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

/// Reads the file anew, to be merged with what was typed.
pub(super) fn read_theirs(model: &mut Model, editor: OpId, reread: Reread) -> Vec<Effect> {
    let Some(pane) = model.editor_mut().filter(|pane| pane.id == editor) else {
        return Vec::new();
    };
    pane.reread = reread;
    let name = pane.name.clone();
    vec![Effect::OpenDefinition { editor, name }]
}

/// Takes the file as somebody else left it, to be merged with what was typed.
pub(super) fn on_theirs(model: &mut Model, opened: OpenedDefinition) {
    let now = model.clock;
    let Some(pane) = model.editor_mut() else {
        return;
    };
    let Some(open) = pane.open() else {
        return;
    };
    let before = open.base().text.as_ref().map(ToString::to_string);
    let mine = open.editor.text();
    let merge = Merge::new(before.as_deref(), &mine, &opened.text);
    let base = Base {
        text: Some(opened.text.as_str().into()),
        digest: opened.digest,
    };
    if merge.has_theirs() {
        let with = MergeWith::File(base);
        let screen = MergePane::new(pane.id, pane.name.clone(), with, merge);
        model.screens.push(Screen::Merge(Box::new(screen)));
    } else {
        pane.merge(mine, Some(base), now);
        let told = "The file has nothing that this text does not have";
        let way = (Action::Save, "saves it");
        let told = model.with_ways(told, ": ", &[way], "");
        model.tell(format!("{told}."));
    }
}

/// Says why the file could not be read to be merged.
pub(super) fn on_no_theirs(model: &mut Model, failure: Failure) {
    match failure.kind {
        FailureKind::NotFound => {
            let way = "and another name, or the same, keep what was typed";
            let way = model.hint(Action::Save, way);
            model.complain(format!("Somebody removed the file meanwhile.{way}"));
        }
        _ => model.complain(failure.summary),
    }
}

/// Asks for what others changed in the live objects of the definition that is edited.
pub(super) fn read_live(model: &mut Model) -> Vec<Effect> {
    let key = match live_instance(model) {
        Ok(key) => key,
        Err(why) => {
            model.decline(format!("Not possible: {why}."));
            return Vec::new();
        }
    };
    let Some(pane) = model.editor() else {
        return Vec::new();
    };
    let (editor, name) = (pane.id, pane.name.clone());
    model.tell(format!("Reading what others changed in {} …", key.id));
    vec![Effect::ReadLive { editor, name, key }]
}

/// Returns the instance of the definition that is edited: the one that it was opened from, the selected one, or else the only
/// one.
///
/// # Errors
/// None runs, or several do.
pub(in crate::app) fn live_instance(model: &Model) -> Result<InstanceKey, &'static str> {
    let pane = model.editor().ok_or("no definition is being edited")?;
    let name = &pane.name;
    let is_of = |key: &&InstanceKey| model.is_deployed(key) && definition_of(model, key) == *name;
    let mut likely = pane.instance.iter().chain(model.selected_instance());
    if let Some(key) = likely.find(is_of) {
        return Ok(key.clone());
    }
    let instances = model.fleet.instances();
    let all: Vec<&InstanceKey> = instances
        .map(|instance| instance.key())
        .filter(is_of)
        .collect();
    match all.as_slice() {
        [] => Err("no instance of it runs here"),
        [key] => Ok((*key).clone()),
        [..] => Err("several instances of it run: select one in the list first"),
    }
}

fn definition_of(model: &Model, key: &InstanceKey) -> InstanceId {
    let record = model.fleet.get(key).and_then(|instance| instance.record());
    record.map_or_else(|| key.id.clone(), |record| record.definition.clone())
}

pub(super) fn on_live(
    model: &mut Model,
    editor: OpId,
    result: Result<LiveTexts, Failure>,
) -> Vec<Effect> {
    // Whoever went on to something else is not called back.
    let Some(Screen::Editor(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let (true, Some(text)) = (pane.id == editor, pane.editor()) else {
        return Vec::new();
    };
    let texts = match result {
        Ok(texts) => texts,
        Err(failure) => {
            model.complain(failure.summary);
            return Vec::new();
        }
    };
    let merge = Merge::new(Some(&texts.applied), &text.text(), &texts.live);
    if merge.has_theirs() {
        // It is not being read any more.
        model.status = None;
        let with = MergeWith::Live(texts.left);
        let screen = MergePane::new(editor, pane.name.clone(), with, merge);
        model.screens.push(Screen::Merge(Box::new(screen)));
        return Vec::new();
    }
    match texts.left.first() {
        Some(left) => model.complain(format!("Nothing that the text could say: {left}.")),
        None => model.tell("The text says already what is in the cluster."),
    }
    Vec::new()
}

pub(super) fn decide(model: &mut Model, decision: Decision) -> Vec<Effect> {
    let height = model.geometry.list_height;
    if let Some(Screen::Merge(pane)) = model.screens.last_mut() {
        pane.decide(decision, height);
    }
    Vec::new()
}

/// Puts the merged text into the editor, as one step.
pub(super) fn take(model: &mut Model) -> Vec<Effect> {
    let now = model.clock;
    let Some(Screen::Merge(merged)) = model.screens.last() else {
        return Vec::new();
    };
    let Some(text) = merged.merge.text() else {
        return Vec::new();
    };
    let n_by_hand = merged.n_by_hand();
    let base = match &merged.with {
        MergeWith::File(base) => Some(base.clone()),
        MergeWith::Live(_) => None,
    };
    model.screens.pop();
    let Some(pane) = model.editor_mut() else {
        return Vec::new();
    };
    if !pane.merge(text, base, now) {
        model.complain("Both together are larger than a definition may be: nothing was taken.");
        return Vec::new();
    }
    if n_by_hand > 0 {
        pane.go_to(MARKS[0], now);
    }
    let save = (model.first_key(Action::Save), "saves it");
    let undo = model.keymap.first_key_of(&Command::Undo);
    let undo = (undo, "takes the merge back");
    if n_by_hand > 0 {
        let [from, .., to] = MARKS;
        let told = format!("{n_by_hand} to be edited by hand, between {from} and {to}.");
        model.complain(with_ways(&told, " ", [undo], "."));
    } else {
        model.tell(with_ways("Merged.", " ", [save, undo], "."));
    }
    Vec::new()
}
