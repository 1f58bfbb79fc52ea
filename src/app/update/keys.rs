//! Keys and pastes: to the popup, to an input, to the editor, or by the key map to an action.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::keymap::{Key, with_ways};
use crate::app::model::Model;
use crate::app::panes::editor::EditorPane;
use crate::app::panes::editor::assist::Typed;
use crate::app::place::Place;
use crate::app::screen::Screen;
use crate::editor::{Command, Editor, Outcome};

use super::{actions, assist, cluster, filtering, logs, popups, searching};

pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    if key.kind == KeyEventKind::Release {
        return Vec::new();
    }
    model.settle();
    // What was told is read by now; trouble that came by itself stays until its time is over.
    if model.status.as_ref().is_some_and(|status| status.is_answer) {
        model.status = None;
    }
    // From the first key on the selection is the user's.
    model.services.table.hold();
    // ^z suspends from everywhere, as in a shell.
    if key.code == KeyCode::Char('z') && key.modifiers == KeyModifiers::CONTROL {
        return vec![Effect::Suspend];
    }
    // Nobody goes on with what is not in sight, but everybody can leave whom nothing has to be asked.
    if !model.is_seen() {
        return match model.keymap.action(Place::Services, key) {
            Some(Action::Quit) if model.asked_before_quit().is_none() => {
                actions::perform(model, Action::Quit)
            }
            _ => Vec::new(),
        };
    }
    if model.popup.is_some() {
        return popups::on_key(model, key);
    }
    if model.services.filter.is_some() && model.place() == Place::Services {
        return on_filter_key(model, key);
    }
    if model.detail_pane.logs.filter_input.is_some() && model.place() == Place::Logs {
        return logs::on_filter_key(model, key);
    }
    if model.search.input.is_some() {
        return searching::on_key(model, key);
    }
    if model.row_filter.is_some() {
        return filtering::on_key(model, key);
    }
    let action = model.keymap.action(model.place(), key);
    if let Some(effects) = assist::on_key(model, key, action) {
        return effects;
    }
    if let Some(Screen::Editor(pane)) = model.screens.last()
        && (pane.search.is_some() || action.is_none())
    {
        return on_editor_key(model, key);
    }
    match action {
        Some(action) => actions::perform(model, action),
        None => {
            let pressed = Key::of(key);
            let of_detail = model.place_of_detail();
            let is_below =
                model.place() == Place::Services && model.keymap.action(of_detail, key).is_some();
            let to_detail = model.keymap.keys(Place::Services, Action::NextPane);
            model.decline(match to_detail.first().filter(|_| is_below) {
                Some(tab) => format!("{pressed} is a key of the part below: {tab} goes there."),
                None => {
                    let told = format!("{pressed} is no key here");
                    let way = (Action::Help, "shows those that are");
                    format!("{}.", model.with_ways(&told, ": ", &[way], ""))
                }
            });
            Vec::new()
        }
    }
}

fn on_editor_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let now = model.clock;
    if let Some(pane) = model.editor_mut()
        && pane.search.is_some()
    {
        let outcome = pane.on_search_key(key, now);
        return after_search(model, outcome);
    }
    match model.keymap.command(key) {
        Some(command) => editor_command(model, command),
        None => Vec::new(),
    }
}

/// Tells what a key of the search line came to.
fn after_search(model: &mut Model, outcome: Outcome) -> Vec<Effect> {
    if let Some(notice) = outcome.notice {
        model.tell(notice.to_string());
    }
    let is_outrun = model.editor_mut().is_some_and(EditorPane::take_outrun);
    is_outrun
        .then_some(Effect::StopPreview)
        .into_iter()
        .collect()
}

/// Carries out a command of the editor in front.
pub(super) fn editor_command(model: &mut Model, command: Command) -> Vec<Effect> {
    let now = model.clock;
    let typed = Typed::by(&command);
    let has_blanks = matches!(&command, Command::Complete { blanks, .. } if !blanks.is_empty());
    let Some(pane) = model.editor_mut() else {
        return Vec::new();
    };
    let before = pane.assist.take();
    let goes_on = command == Command::Indent && pane.editor().is_some_and(Editor::is_filling);
    let outcome = pane.apply(command, now);
    if let Some(typed) = typed.filter(|_| outcome.changed) {
        assist::follow_typing(model, before, typed);
    } else if goes_on && !outcome.changed {
        // The next blank wants a value, as the first one did.
        assist::follow_typing(model, before, Typed::Item { is_open: true });
    }
    if let Some(notice) = outcome.notice {
        model.tell(notice.to_string());
    } else if has_blanks {
        tell_ways_of_blanks(model);
    }
    let is_outrun = model.editor_mut().is_some_and(EditorPane::take_outrun);
    let stop = is_outrun.then_some(Effect::StopPreview);
    let copy = outcome
        .clipboard
        .and_then(|text| actions::to_clipboard(model, text, "Kept in this editor only"));
    stop.into_iter().chain(copy).collect()
}

/// Says which keys lead through blanks, as far as there are any.
fn tell_ways_of_blanks(model: &mut Model) {
    let has_list = model.editor().is_some_and(|pane| pane.assist.is_some());
    let next = match has_list {
        true => "takes what is selected, then goes to the next blank",
        false => "goes to the next blank",
    };
    let ways = [
        (model.keymap.first_key_of(&Command::Indent), next),
        (model.first_key(Action::Back), "ends filling in"),
    ];
    let told = with_ways("", "", ways, ".");
    if !told.is_empty() {
        model.tell(told);
    }
}

fn on_filter_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(input) = &mut model.services.filter else {
        return Vec::new();
    };
    match key.code {
        KeyCode::Esc => {
            model.services.filter = None;
            model.is_stale |= model.services.set_filter("");
            model.settle();
            // Typing it led the selection about.
            if let Some(key) = model.services.selected_before.take() {
                model.services.table.select(&key);
            }
        }
        KeyCode::Enter => {
            model.services.filter = None;
            let mut effects: Vec<Effect> = cluster::ask_labels(model).into_iter().collect();
            effects.extend(cluster::follow_selection(model));
            return effects;
        }
        KeyCode::Up => model.services.table.move_by(-1),
        KeyCode::Down => model.services.table.move_by(1),
        _ => {
            if input.on_key(key) {
                let text = input.text().to_owned();
                model.is_stale |= model.services.set_filter(&text);
            }
        }
    }
    cluster::follow_selection(model)
}

pub(super) fn on_paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if !model.is_seen() {
        return Vec::new();
    }
    paste(model, text).unwrap_or_else(|why| {
        model.decline(format!("Not pasted: {why}."));
        Vec::new()
    })
}

fn paste(model: &mut Model, text: &str) -> Result<Vec<Effect>, String> {
    if let Some(popup) = &mut model.popup {
        popup.on_paste(text)?;
        return Ok(Vec::new());
    }
    if model.place() == Place::Services && model.services.filter.is_some() {
        if let Some(input) = &mut model.services.filter {
            input.paste(text)?;
            let text = input.text().to_owned();
            model.is_stale |= model.services.set_filter(&text);
        }
        return Ok(cluster::follow_selection(model));
    }
    filtering::paste(model, text)?;
    searching::paste(model, text)?;
    if model.place() == Place::Logs {
        logs::paste_into_filter(model, text)?;
    }
    if model.place() != Place::Editor {
        return Ok(Vec::new());
    }
    let now = model.clock;
    if let Some(pane) = model.editor_mut()
        && let Some(search) = &mut pane.search
    {
        let command = search.paste(text)?;
        let outcome = command.map(|command| pane.apply(command, now));
        return Ok(after_search(model, outcome.unwrap_or_default()));
    }
    Ok(editor_command(model, Command::Paste(text.to_owned())))
}
