//! The mouse, for those who want it: a click selects, a click on what is selected goes on, the wheel scrolls.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::hits::{self, Hit, Hits};
use crate::app::model::Model;
use crate::app::place::Place;
use crate::app::popup::Popup;
use crate::app::screen::Screen;
use crate::app::table::RowMark;
use crate::editor::{Command, Motion, layout};

use super::{actions, keys, moving};

/// Rows that a step of the wheel goes.
const STEP: isize = 3;

pub(super) fn on_mouse(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    let at = (event.column, event.row);
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => click(model, at),
        MouseEventKind::ScrollUp => scroll(model, at, -STEP),
        MouseEventKind::ScrollDown => scroll(model, at, STEP),
        _ => Vec::new(),
    }
}

fn click(model: &mut Model, at: (u16, u16)) -> Vec<Effect> {
    // What a click did is not in the picture yet: the next one waits for the next picture.
    let hits = std::mem::take(&mut model.hits);
    let found = hits.find(at, Some);
    if model.popup.is_some() && matches!(found, Some((_, Hit::Close))) {
        return press(model, KeyCode::Esc);
    }
    if let Some(Popup::Menu(menu)) = &mut model.popup {
        let Some((_, Hit::Item(item))) = found else {
            return Vec::new();
        };
        if menu.selected == item {
            return press(model, KeyCode::Enter);
        }
        menu.selected = item;
        return Vec::new();
    }
    if model.popup.is_some() {
        return Vec::new();
    }
    match found {
        Some((_, Hit::Row(row))) => {
            let had_focus = model.focus;
            focus(model, &hits, at);
            match going_on(model, row).filter(|_| had_focus == model.focus) {
                Some(action) => actions::perform(model, action),
                None => moving::select(model, row),
            }
        }
        Some((_, Hit::Column(column))) => {
            focus(model, &hits, at);
            if let Some(table) = model.table_mut() {
                table.sort_by(column);
            }
            Vec::new()
        }
        Some((_, Hit::Nth(nth))) => moving::select_nth(model, nth),
        Some((_, Hit::Tab(tab))) => actions::perform(model, Action::ShowTab(tab)),
        Some((_, Hit::Action(action))) => actions::perform(model, action),
        Some((place, Hit::Text)) => go_to(model, place, at),
        Some((_, Hit::Part(_))) => {
            focus(model, &hits, at);
            Vec::new()
        }
        Some((_, Hit::Item(_) | Hit::Close)) | None => Vec::new(),
    }
}

fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    keys::on_key(model, KeyEvent::new(code, KeyModifiers::NONE))
}

/// Returns what a click does on the row that is selected already: what shows more of it.
fn going_on(model: &mut Model, row: RowMark) -> Option<Action> {
    let action = match model.place() {
        Place::Services => Action::Open,
        // On the whole screen it is open already.
        Place::Detail if model.screens.is_empty() => Action::Open,
        Place::Operations => Action::Watch,
        _ => return None,
    };
    model.table_mut()?.is_selected(row).then_some(action)
}

/// Gives the keys to the part that is pointed at.
fn focus(model: &mut Model, hits: &Hits, at: (u16, u16)) {
    let part = hits.find(at, |hit| match hit {
        Hit::Part(focus) => Some(focus),
        _ => None,
    });
    if let (Some((_, part)), true) = (part, model.screens.is_empty()) {
        model.focus = part;
    }
}

/// Puts the cursor of the editor where it is pointed at.
fn go_to(model: &mut Model, place: hits::Place, (x, y): (u16, u16)) -> Vec<Effect> {
    let Some(editor) = model.editor().and_then(|pane| pane.editor()) else {
        return Vec::new();
    };
    let viewport = editor.viewport();
    let line = viewport.top + usize::from(y - place.y);
    let line = line.min(editor.n_lines().saturating_sub(1));
    let cell = viewport.left + usize::from(x - place.x);
    let text = editor.line(line);
    let column = layout::column_at(&text, cell);
    let n_bytes: usize = text.chars().take(column).map(char::len_utf8).sum();
    let motion = Motion::Byte(editor.line_bytes(line).start + n_bytes);
    let extend = false;
    keys::editor_command(model, Command::Move { motion, extend })
}

fn scroll(model: &mut Model, at: (u16, u16), rows: isize) -> Vec<Effect> {
    match &mut model.popup {
        Some(Popup::Menu(menu)) => {
            let last = menu.shown.len().saturating_sub(1);
            menu.selected = menu.selected.saturating_add_signed(rows.signum()).min(last);
            return Vec::new();
        }
        Some(Popup::Help { top }) => {
            *top = top.saturating_add_signed(rows);
            return Vec::new();
        }
        Some(_) => return Vec::new(),
        None => {}
    }
    if let Some(Screen::Editor(_)) = model.screens.last() {
        let motion = if rows < 0 { Motion::Up } else { Motion::Down };
        for _ in 0..rows.unsigned_abs() {
            let extend = false;
            keys::editor_command(model, Command::Move { motion, extend });
        }
        return Vec::new();
    }
    // What moves under the pointer is clicked on once it was drawn; the parts stay where they are.
    model.hits.keep_parts();
    let hits = std::mem::take(&mut model.hits);
    focus(model, &hits, at);
    model.hits = hits;
    moving::scroll_by(model, rows)
}
