//! The catalogue and the editor: opening, saving, drafts.

use std::path::Path;

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::keymap::with_ways;
use crate::app::model::Model;
use crate::app::msg::{CatalogueListing, OpId, OpenedDefinition, Returned, SaveAnswer};
use crate::app::panes::editor::{AfterSave, EditorPane, EditorPhase, Reread};
use crate::app::place::Place;
use crate::app::popup::{Choice, Menu, MenuItem, Popup};
use crate::app::screen::Screen;
use crate::catalogue::Digest;
use crate::definition::diagnostic::Diagnostic;
use crate::definition::id::InstanceId;
use crate::editor::{Command, Revision};
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

use super::{cluster, merging, reviews};

pub(super) fn on_listed(
    model: &mut Model,
    result: Result<CatalogueListing, Failure>,
) -> Vec<Effect> {
    let shown = model.detail_pane.definition.as_ref();
    let name = shown.map(|shown| shown.name.clone());
    let hash = |model: &Model| {
        let entry = model.catalogue.entry(name.as_ref()?)?;
        Some(entry.hash.clone())
    };
    let before = hash(model);
    match result {
        Ok(listing) => {
            model.catalogue.dir = listing.dir;
            model.catalogue.entries = listing.entries;
            model.catalogue.refused = listing.refused;
            model.catalogue.failure = None;
            if model.screens.is_empty() && model.status.is_none() && !listing.drafts.is_empty() {
                let names: Vec<_> = listing.drafts.iter().map(InstanceId::as_str).collect();
                model.tell(format!(
                    "Unsaved edits of an earlier session: {}. Edit it to go on with them.",
                    names.join(", ")
                ));
            }
        }
        Err(failure) => {
            model.complain(failure.summary.clone());
            model.catalogue.failure = Some(failure);
        }
    }
    let definitions: Vec<_> = model
        .catalogue
        .entries
        .iter()
        .map(|entry| (entry.name.clone(), entry.hash.clone()))
        .collect();
    model.fleet.set_definitions(definitions, model.now);
    model.is_stale = true;
    let mut effects = cluster::follow_selection(model);
    // What the Definition tab shows stays in sight until its other text is there.
    let shown = model.detail_pane.definition.as_ref();
    let is_same = shown.map(|shown| &shown.name) == name.as_ref();
    let is_failed = shown.is_some_and(|shown| matches!(shown.text, Some(Err(_))));
    if let Some(name) = name.clone().filter(|_| is_same)
        && (is_failed || hash(model) != before)
    {
        effects.push(Effect::ShowDefinition { name });
    }
    effects
}

/// Opens a definition in the editor, as that of the instance whose row it is opened from.
pub(super) fn edit(
    model: &mut Model,
    name: InstanceId,
    instance: Option<InstanceKey>,
) -> Vec<Effect> {
    let editor = model.next_op();
    let what = format!("edit {name}");
    let of_instance = instance.as_ref().map(|key| &key.namespace);
    let command = model.command_of(of_instance, &what);
    model.record(command, None);
    model.screens.push(Screen::Editor(Box::new(EditorPane::new(
        editor,
        name.clone(),
        instance,
    ))));
    vec![Effect::OpenDefinition { editor, name }]
}

pub(super) fn on_opened(
    model: &mut Model,
    editor: OpId,
    result: Result<OpenedDefinition, Failure>,
) -> Vec<Effect> {
    let now = model.clock;
    let namespace = model.session.namespace().cloned();
    let schemas = model.knowledge.known().documents.clone();
    let Some(pane) = model.editor_mut().filter(|pane| pane.id == editor) else {
        return Vec::new();
    };
    match (&pane.phase, result) {
        (EditorPhase::Open(_), Ok(opened)) if pane.reread == Reread::Merge => {
            merging::on_theirs(model, opened);
            Vec::new()
        }
        (EditorPhase::Open(_), Err(failure)) if pane.reread == Reread::Merge => {
            merging::on_no_theirs(model, failure);
            Vec::new()
        }
        (EditorPhase::Open(_), Ok(opened)) => {
            pane.take_theirs(opened, now);
            let effects = pane.on_tick(now, namespace.as_ref(), &schemas);
            let undo = model.keymap.first_key_of(&Command::Undo);
            let undo = (undo, "brings back what was typed");
            model.tell(with_ways("The file as it is on disk.", " ", [undo], "."));
            effects
        }
        (EditorPhase::Open(_), Err(failure)) => {
            model.complain(failure.summary);
            Vec::new()
        }
        (EditorPhase::Opening | EditorPhase::Failed(_), result) => {
            pane.on_opened(result, now);
            pane.on_tick(now, namespace.as_ref(), &schemas)
        }
    }
}

/// Asks what becomes of unsaved edits of an earlier session, as soon as nothing else is in front of their editor.
pub(super) fn ask_of_draft(model: &mut Model) {
    if let Some(Screen::Editor(pane)) = model.screens.last()
        && pane.draft.is_some()
        && model.popup.is_none()
    {
        model.popup = Some(Popup::Menu(draft_menu(pane.id)));
    }
}

/// Tells whether a popup asks what becomes of unsaved edits.
pub(super) fn asks_of_draft(popup: &Popup) -> bool {
    let decides = |item: &MenuItem| matches!(item.choice, Choice::RecoverDraft(_));
    matches!(popup, Popup::Menu(menu) if menu.items.iter().any(decides))
}

fn draft_menu(editor: OpId) -> Menu {
    Menu::new(
        "Unsaved edits",
        vec!["An earlier session ended before these edits were saved.".to_owned()],
        vec![
            MenuItem::new(
                "Go on with them",
                "undo brings back the file as it is",
                Choice::RecoverDraft(editor),
            ),
            MenuItem::new(
                "Leave them for later",
                "they are offered again",
                Choice::LeaveEditor,
            ),
            MenuItem::new(
                "Give them up",
                "they are removed",
                Choice::DiscardDraft(editor),
            ),
        ],
    )
}

pub(super) fn on_created(
    model: &mut Model,
    name: &InstanceId,
    result: Result<(), Failure>,
) -> Vec<Effect> {
    let copied_from = model
        .editor_mut()
        .filter(|pane| {
            pane.saving_as
                .as_ref()
                .is_some_and(|(copy, _)| copy == name)
        })
        .map(|pane| {
            let place = pane.instance.as_ref().map(|it| it.namespace.clone());
            (pane.name.clone(), place, pane.on_created(name))
        });
    if let Err(failure) = result {
        model.complain(failure.summary);
        return Vec::new();
    }
    let mut effects = Vec::new();
    // A copy goes where the text that it was copied from would have gone.
    let mut instance = None;
    match copied_from {
        Some((_, _, false)) => {
            model.tell(format!("Kept as {name}, without what was typed since."));
            return vec![Effect::ListCatalogue];
        }
        Some((original, namespace, true)) => {
            let id = name.clone();
            instance = namespace.map(|namespace| InstanceKey { namespace, id });
            leave(model);
            effects.push(Effect::DiscardDraft { name: original });
        }
        None => {}
    }
    model.services.sought = Some(name.clone());
    effects.push(Effect::ListCatalogue);
    effects.extend(edit(model, name.clone(), instance));
    effects
}

pub(super) fn on_saved(
    model: &mut Model,
    editor: OpId,
    revision: Revision,
    answer: SaveAnswer,
) -> Vec<Effect> {
    let now = model.clock;
    let Some(pane) = model.editor_mut().filter(|pane| pane.id == editor) else {
        return vec![Effect::ListCatalogue];
    };
    let name = pane.name.clone();
    match answer {
        SaveAnswer::Saved(digest) => {
            let after = pane.on_saved(revision, digest, now);
            let is_modified = pane.unsaved().is_some();
            let n_errors = pane.errors_of_saved(revision);
            let mut effects = vec![Effect::ListCatalogue];
            if !is_modified {
                effects.push(Effect::DiscardDraft { name: name.clone() });
            }
            match after {
                // Errors that are found later are told then.
                AfterSave::Stay => model.tell(saved_sentence(&name, n_errors.unwrap_or_default())),
                AfterSave::Leave if is_modified => {
                    model.tell(format!("Saved {name}, without what was typed since."));
                }
                AfterSave::Leave => {
                    model.tell(match n_errors {
                        Some(n_errors) => saved_sentence(&name, n_errors),
                        None => format!("Saved {name}, not checked yet."),
                    });
                    leave(model);
                }
                AfterSave::Review => effects.extend(reviews::review_edited(model)),
            }
            if let Some(Screen::Editor(pane)) = model.screens.last_mut() {
                effects.extend(pane.save_again());
            }
            effects
        }
        SaveAnswer::Changed => {
            pane.on_not_saved();
            pane.is_changed_on_disk = true;
            let mut effects: Vec<Effect> = pane.keep_draft().into_iter().collect();
            model.popup = Some(Popup::Menu(changed_menu(editor, &name)));
            // What is there now decides which names are free.
            effects.push(Effect::ListCatalogue);
            effects
        }
        SaveAnswer::Failed(failure) => {
            pane.on_not_saved();
            model.complain(failure.summary);
            Vec::new()
        }
    }
}

fn saved_sentence(name: &InstanceId, n_errors: usize) -> String {
    match n_errors {
        0 => format!("Saved {name}."),
        1 => format!("Saved {name}, with 1 error."),
        n => format!("Saved {name}, with {n} errors."),
    }
}

/// Takes the answer of a check. Errors of what was saved meanwhile are told with it.
pub(super) fn on_checked(
    model: &mut Model,
    editor: OpId,
    revision: Revision,
    faults: Vec<Diagnostic>,
) {
    let now = model.clock;
    let Some(pane) = model.editor_mut().filter(|pane| pane.id == editor) else {
        return;
    };
    pane.on_checked(revision, faults, now);
    let name = pane.name.clone();
    let late = pane.late_errors(revision);
    // Trouble that nobody has read yet stays: the errors stand below the text, too.
    let is_free = model.status.as_ref().is_none_or(|it| !it.is_error);
    if let Some(n_errors) = late.filter(|_| is_free) {
        model.tell(saved_sentence(&name, n_errors));
    }
}

pub(super) fn changed_menu(editor: OpId, name: &InstanceId) -> Menu {
    Menu::new(
        format!("{name} was changed on disk"),
        vec![
            "Somebody else changed the file since it was read. Nothing was overwritten.".to_owned(),
        ],
        vec![
            MenuItem::new(
                "Merge both",
                "shows what each side changed; nothing is saved yet",
                Choice::MergeTheirs(editor),
            ),
            MenuItem::new(
                "Go on editing",
                "what was typed is kept as a draft",
                Choice::Cancel,
            ),
            MenuItem::new(
                "Keep mine under another name",
                "a new definition",
                Choice::SaveAsNew(editor),
            ),
            MenuItem::new(
                "Take the file as it is now",
                "undo brings back what was typed",
                Choice::TakeTheirs(editor),
            ),
        ],
    )
}

pub(super) fn on_draft_kept(
    model: &mut Model,
    editor: OpId,
    base: &Digest,
    result: Result<bool, Failure>,
) -> Vec<Effect> {
    let now = model.clock;
    let pane = model.editor_mut().filter(|pane| pane.id == editor);
    match result {
        Ok(is_changed) => {
            // A save of ones own changes the file too, and then the edits begin from another.
            let is_news = |pane: &&mut EditorPane| {
                let is_same = pane.open().is_some_and(|open| open.base().digest == *base);
                is_changed && is_same && !pane.is_changed_on_disk
            };
            if let Some(pane) = pane.filter(is_news) {
                pane.is_changed_on_disk = true;
                let told = format!("Somebody else changed {} on disk", pane.name);
                let save = model.keymap.first_key(Place::Editor, Action::Save);
                let way = (save, "offers to merge");
                let told = with_ways(&told, ": ", [way], "");
                model.complain(format!("{told}; nothing is overwritten."));
            }
        }
        Err(failure) => {
            if let Some(pane) = pane {
                pane.on_draft_failed(now);
            }
            model.complain(format!("Unsaved edits are not kept: {}", failure.summary));
        }
    }
    Vec::new()
}

/// Hands the text to the editor of the user's own choice.
pub(super) fn edit_elsewhere(model: &mut Model) -> Vec<Effect> {
    let Some(pane) = model.editor_mut() else {
        return Vec::new();
    };
    let Some(text) = pane.editor().map(|editor| editor.snapshot().0) else {
        return Vec::new();
    };
    pane.assist = None;
    let (editor, name) = (pane.id, pane.name.clone());
    // Until it comes back, what was typed here is safe.
    let mut effects: Vec<Effect> = pane.keep_draft().into_iter().collect();
    effects.push(Effect::EditElsewhere { editor, name, text });
    effects
}

/// Takes what another editor left, as one step. What cannot be taken stays where it is, and it is told where.
pub(super) fn on_edited_elsewhere(
    model: &mut Model,
    editor: OpId,
    result: Result<Option<Returned>, Failure>,
) -> Vec<Effect> {
    let now = model.clock;
    let pane = model.editor_mut().filter(|pane| pane.id == editor);
    match (result, pane) {
        (Ok(Some(Returned { text, path })), Some(pane)) => {
            if pane.replace(text, now) {
                let undo = model.keymap.first_key_of(&Command::Undo);
                let ways = [
                    (model.first_key(Action::Save), "saves"),
                    (undo, "takes it back"),
                ];
                let told = with_ways("Taken over, not saved yet", ": ", ways, "");
                model.tell(format!("{told}."));
                return vec![Effect::DiscardHandout { path }];
            }
            let why = "It is larger than a definition may be: nothing was taken.";
            tell_kept(model, why, &where_kept(&path));
        }
        (Ok(Some(Returned { path, .. })), None) => {
            let why = "The definition is not being edited any more: nothing was taken.";
            tell_kept(model, why, &where_kept(&path));
        }
        (Ok(None), Some(_)) => model.tell(
            "The text is as it was. An editor that opens a window needs its flag to wait, such as --wait.",
        ),
        (Ok(None), None) => {}
        (Err(failure), _) if failure.detail.is_empty() => model.complain(failure.summary),
        (Err(failure), _) => tell_kept(model, &failure.summary, &failure.detail),
    }
    Vec::new()
}

fn where_kept(path: &Path) -> String {
    let told = format!("What came back is kept for three days: {}", path.display());
    crate::text::clean(&told).into_owned()
}

/// Tells where a text lies that was not taken: in a box, for a path is longer than the last line.
fn tell_kept(model: &mut Model, why: &str, kept: &str) {
    if model.popup.is_some() {
        // A question is not taken away from whoever reads it.
        model.complain(format!("{kept} ({why})"));
        return;
    }
    model.complain(why);
    model.popup = Some(Popup::Menu(Menu::new(
        "Not taken",
        [vec![why.to_owned()], in_lines(kept)].concat(),
        vec![MenuItem::new("Go on", "", Choice::Cancel)],
    )));
}

/// Breaks what ends with a path into lines. A box breaks no words, and a path is one.
fn in_lines(text: &str) -> Vec<String> {
    const CELLS: usize = 70;
    let (mut lines, mut line) = (Vec::new(), String::new());
    for part in text.split_inclusive([' ', '/']) {
        let cells = crate::text::cells(&line) + crate::text::cells(part);
        if !line.is_empty() && cells > CELLS {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(part);
    }
    lines.push(line);
    lines
}

/// Asks before an editor with unsaved edits is left.
pub(super) fn ask_to_leave(model: &mut Model) -> Vec<Effect> {
    if model.editor().is_none_or(|pane| pane.unsaved().is_none()) {
        let effect = model.editor_mut().and_then(EditorPane::drop_draft);
        leave(model);
        return effect.into_iter().collect();
    }
    let n_errors = model.editor().map_or(0, |pane| pane.counts().0);
    let save = match n_errors {
        0 => MenuItem::new("Save and leave", "", Choice::SaveAndLeave),
        1 => MenuItem::new("Save and leave", "with its error", Choice::SaveAndLeave),
        n => MenuItem::new(
            "Save and leave",
            format!("with its {n} errors"),
            Choice::SaveAndLeave,
        ),
    };
    let stay = MenuItem::new("Go on editing", "", Choice::Cancel);
    // What is broken is not saved by pressing enter once too often.
    let [first, second] = if n_errors == 0 {
        [save, stay]
    } else {
        [stay, save]
    };
    let items = vec![
        first,
        second,
        MenuItem::new(
            "Leave without saving",
            "what was typed is given up",
            Choice::DiscardAndLeave,
        ),
    ];
    model.popup = Some(Popup::Menu(Menu::new("Not saved", Vec::new(), items)));
    Vec::new()
}

/// Leaves the editor, with what stands before it, such as a merge of its text.
pub(super) fn leave(model: &mut Model) {
    let is_editor = |screen: &Screen| matches!(screen, Screen::Editor(_));
    if let Some(at) = model.screens.iter().rposition(is_editor) {
        model.screens.truncate(at);
    }
    model.detail_pane.definition = None;
    model.is_stale = true;
}
