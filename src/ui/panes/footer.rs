//! The last line: what is being typed, what was told, or which keys do what. What was told takes rows above it where one
//! has no room for it.

use ratatui::layout::{Position, Rect};

use crate::app::hits::Hit;
use crate::app::input::Input;
use crate::app::panes::editor::EditorPane;
use crate::app::panes::editor::search::SearchLine;
use crate::app::{
    Action, Model, Place, Popup, SPECS, Screen, Status, availability, has_meaning, is_guarded,
    of_tab,
};
use crate::text;
use crate::ui::canvas::{Canvas, wrap};

use super::popup::{self, rows};

/// Most rows that what was told takes.
const MAX_TOLD: u16 = 3;
/// What stands between what is searched and what replaces it.
const WITH: &str = " with: ";

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let at = Position {
        x: area.x + 1,
        y: area.y,
    };
    let width = area.width.saturating_sub(2);
    if model.popup.is_none() && draw_inputs(canvas, at, width, model) {
        return;
    }
    let used = draw_wait(canvas, at, width, model);
    let (at, width) = (
        Position {
            x: at.x + used,
            ..at
        },
        width.saturating_sub(used),
    );
    let mut room = Rect {
        x: at.x,
        width,
        ..area
    };
    // Nobody guesses the keys of what is in front: what was told has what they leave of the line.
    if let Some(popup) = &model.popup {
        let used = draw_popup_hints(canvas, at, width, popup);
        room.x += used;
        room.width -= used;
    } else if model.status.is_none() {
        draw_hints(canvas, at, width, model);
    }
    if let Some(status) = &model.status {
        match model.failed_since() {
            None => draw_told(canvas, area, room, (&status.text, status.is_error)),
            Some(since) => {
                let told = format!("{} {since}.", status.text);
                draw_told(canvas, area, room, (&told, true));
            }
        }
    }
}

/// Draws what was told: into what is left of the last line where it has room there, else over rows that end with it.
fn draw_told(canvas: &mut Canvas<'_>, last: Rect, room: Rect, (told, is_error): (&str, bool)) {
    let theme = canvas.theme;
    let (sign, style) = match is_error {
        true => (theme.symbols.warning, theme.bad),
        false => (theme.symbols.good, theme.good),
    };
    let indent = 2;
    let needs = text::cells(&text::clean(told)) + usize::from(indent);
    if needs <= usize::from(room.width) {
        let pieces = [(sign, style), (" ", style), (told, style)];
        canvas.line(room.as_position(), room.width, &pieces);
        return;
    }
    // Beside what is waited for, or the keys of what is in front, nothing else has room.
    let bottom = last.bottom() - u16::from(room.x > last.x + 1);
    let width = last.width.saturating_sub(2 + indent);
    let n_lines = wrap(&text::clean(told), width.into()).len();
    let n_rows = u16::try_from(n_lines).unwrap_or(MAX_TOLD).min(MAX_TOLD);
    let rows = Rect {
        y: bottom.saturating_sub(n_rows),
        height: n_rows,
        ..last
    };
    canvas.clear(rows);
    let at = Position {
        x: rows.x + 1,
        y: rows.y,
    };
    canvas.text(at, 1, sign, style);
    let words = Rect {
        x: at.x + indent,
        width,
        ..rows
    };
    canvas.wrapped(words, told, style);
}

/// Draws what is waited for, once that has lasted for a moment; returns how many cells it took.
fn draw_wait(canvas: &mut Canvas<'_>, at: Position, width: u16, model: &Model) -> u16 {
    let theme = canvas.theme;
    let Some((wait, n_others)) = model.waits.lasting(model.clock) else {
        return 0;
    };
    let others = match n_others {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let lasted = wait.seconds(model.clock);
    let what = format!("{} {}{others} {lasted}s", theme.symbols.partly, wait.what);
    let mut used = canvas.text(at, width, &what, theme.partly);
    if model.can_give_up(wait) {
        let x = at.x + used;
        let back = model.keymap.keys(model.place(), Action::Back);
        let key = match (&model.popup, back.first()) {
            (None, Some(key)) => key.to_string(),
            _ => "esc".to_owned(),
        };
        let pieces = [
            ("  ", theme.text),
            (&key, theme.key),
            (" gives up", theme.text),
        ];
        used += canvas.line(Position { x, ..at }, width.saturating_sub(used), &pieces);
    }
    (used + 2).min(width)
}

/// Draws what is being typed into the last line; tells whether something is.
fn draw_inputs(canvas: &mut Canvas<'_>, at: Position, width: u16, model: &Model) -> bool {
    let theme = canvas.theme;
    if let (Place::Services, Some(input)) = (model.place(), &model.services.filter) {
        canvas.text(at, 1, "/", theme.key);
        canvas.input(
            Position { x: at.x + 1, ..at },
            width.saturating_sub(1),
            input,
        );
        return true;
    }
    if let Some(Screen::Editor(pane)) = model.screens.last()
        && let Some(line) = &pane.search
    {
        draw_search(canvas, at, width, (pane, line), model.status.as_ref());
        return true;
    }
    let logs = &model.detail_pane.logs;
    let (input, error) = match (&model.search.input, &model.row_filter) {
        (Some(input), _) => (Some(input), &model.search.error),
        (None, Some(filter)) => (Some(&filter.input), &None),
        (None, None) => {
            let input = logs.filter_input.as_ref();
            let input = input.filter(|_| model.place() == Place::Logs);
            (input, &logs.filter_error)
        }
    };
    let Some(input) = input else {
        return false;
    };
    canvas.text(at, 1, "/", theme.key);
    let room = width.saturating_sub(1);
    canvas.input(Position { x: at.x + 1, ..at }, room, input);
    if let Some(error) = error {
        let used = u16::try_from(text::cells(input.text()) + 4).unwrap_or(width);
        let at = Position {
            x: at.x + used.min(width),
            ..at
        };
        canvas.text(at, width.saturating_sub(used), error, theme.bad);
    }
    true
}

/// Draws what is searched, and what it is replaced with; the cursor is in the one that keys go to.
fn draw_search(
    canvas: &mut Canvas<'_>,
    at: Position,
    width: u16,
    (pane, line): (&EditorPane, &SearchLine),
    told: Option<&Status>,
) {
    let theme = canvas.theme;
    let search = pane.editor().and_then(|editor| editor.search());
    let word = match line.is_expression {
        true => "expression",
        false => "search",
    };
    let label = match search.map(|search| (search.found(), search.is_broken())) {
        None => format!("{word}: "),
        Some((_, true)) => format!("{word} {}: ", theme.symbols.bad),
        Some((found, false)) => format!("{word} {}/{}: ", found.index, found.count),
    };
    let hints = match (line.is_replacing, &line.replacement) {
        (true, _) => "enter this one  alt-a all  esc done",
        (false, Some(_)) => "tab to what replaces it  alt-a all  alt-x expression",
        (false, None) => "tab replace  alt-x expression",
    };
    let (hints, style) = match told {
        None => (hints, theme.dim),
        Some(told) if told.is_error => (told.text.as_str(), theme.bad),
        Some(told) => (told.text.as_str(), theme.good),
    };
    let n_cells = u16::try_from(text::cells(&text::clean(hints))).unwrap_or(width);
    let room = width.saturating_sub(n_cells.saturating_add(2));
    let label_cells = text::cells(&label);
    let cells = |input: &Input| text::cells(&text::clean(input.text())) + 1;
    let of_query = rows(label_cells + cells(&line.query));
    let of_replacement = line
        .replacement
        .as_ref()
        .map_or(0, |input| rows(WITH.len() + cells(input)));
    // What is typed stays in sight rather than what could be pressed.
    let is_cut = told.is_none() && room < of_query.saturating_add(of_replacement);
    let room = match is_cut || room < width / 2 {
        true => width,
        false => {
            let x = at.x + room + 2;
            canvas.text(Position { x, ..at }, width - room - 2, hints, style);
            room
        }
    };
    let query_room = match &line.replacement {
        Some(_) => of_query
            .min(room.saturating_sub(of_replacement))
            .max(room / 2),
        None => room,
    };
    let used = canvas.text(at, query_room, &label, theme.key);
    let after_label = Position {
        x: at.x + used,
        ..at
    };
    canvas.input(after_label, query_room.saturating_sub(used), &line.query);
    let Some(replacement) = &line.replacement else {
        return;
    };
    let cursor = canvas.cursor;
    let x = at.x + query_room;
    let used = canvas.text(Position { x, ..at }, room - query_room, WITH, theme.key);
    let x = x + used;
    canvas.input(
        Position { x, ..at },
        room.saturating_sub(query_room + used),
        replacement,
    );
    if !line.is_replacing {
        canvas.cursor = cursor;
    }
}

/// Draws the keys of what is in front; returns how many cells they took.
fn draw_popup_hints(canvas: &mut Canvas<'_>, at: Position, width: u16, popup: &Popup) -> u16 {
    let theme = canvas.theme;
    let mut used = 0;
    for (key, word) in popup::hints(popup) {
        let at = Position {
            x: at.x + used,
            ..at
        };
        let pieces = [(*key, theme.key), (" ", theme.text), (*word, theme.text)];
        let n_cells = canvas.line(at, width.saturating_sub(used), &pieces);
        // Both leave what is asked undone. A click on the others might write something.
        if matches!(*key, "esc" | "n") {
            canvas.hit(Rect::new(at.x, at.y, n_cells, 1), Hit::Close);
        }
        used += n_cells + 2;
    }
    used.min(width)
}

/// Draws keys with a word each; those that cannot be used now are left out, or dimmed where they come and go as one moves
/// or types, and are the first to go where there is no room. Help,
/// menu, what goes on and, where something is to go back to, the way back are always among them. What is about the row
/// that is selected comes before what is about its service.
fn draw_hints(canvas: &mut Canvas<'_>, at: Position, width: u16, model: &Model) {
    let (theme, place) = (canvas.theme, model.place());
    if let Some(sentence) = model.hints.at(place, &model.keymap) {
        canvas.text(at, width, &sentence, theme.partly);
        return;
    }
    let own = match place {
        Place::Detail => of_tab(model.detail_pane.tab),
        _ => &[],
    };
    let own_at = |action: Action| own.iter().position(|(it, _)| *it == action);
    let mut hints: Vec<(String, &str, bool, Action)> = SPECS
        .iter()
        .filter(|spec| spec.places.contains(&place))
        .filter(|spec| !spec.word.is_empty() || own_at(spec.action).is_some())
        .filter(|spec| has_meaning(spec.action, model))
        .filter_map(|spec| {
            let key = model.keymap.keys(place, spec.action).first()?.to_string();
            let is_available = availability(spec.action, model).is_ok();
            // Nothing offers to go on that cannot, nor what is refused whatever is selected.
            let is_left_out = spec.action == Action::Confirm
                || !is_unsteady(place)
                || is_guarded(spec.action, model);
            if is_left_out && !is_available && spec.action != Action::Help {
                return None;
            }
            let is_available = is_available || spec.action == Action::Help;
            let word = match (spec.action, model.screens.last()) {
                (Action::Confirm, Some(Screen::Teardown(pane))) if pane.releases() => "release",
                _ => own_at(spec.action).map_or(spec.word, |at| own[at].1),
            };
            Some((key, word, is_available, spec.action))
        })
        .collect();
    hints.sort_by_key(|hint| own_at(hint.3).unwrap_or(own.len()));
    let width_of =
        |hint: &(String, &str, bool, Action)| text::cells(&hint.0) + 1 + text::cells(hint.1) + 2;
    while hints.iter().map(width_of).sum::<usize>() > usize::from(width) + 2 {
        let can_go = |hint: &(String, &str, bool, Action)| match hint.3 {
            Action::Help | Action::Menu | Action::Confirm => false,
            Action::Back => place == Place::Services,
            _ => true,
        };
        // In the list they stay where they are while the selection moves.
        let is_idle = |hint: &(String, &str, bool, Action)| {
            // What is new is begun in the list.
            let is_aside = !hint.2 || hint.3 == Action::New;
            can_go(hint) && is_aside && place != Place::Services && own_at(hint.3).is_none()
        };
        let idle = hints.iter().rposition(is_idle);
        let Some(at) = idle.or_else(|| hints.iter().rposition(can_go)) else {
            break;
        };
        hints.remove(at);
    }
    let mut used = 0;
    for (key, word, is_available, action) in &hints {
        let (key_style, style) = if *is_available {
            (theme.key, theme.text)
        } else {
            (theme.dim, theme.dim)
        };
        let at = Position {
            x: at.x + used,
            y: at.y,
        };
        let n_cells = canvas.line(
            at,
            width.saturating_sub(used),
            &[(key, key_style), (" ", style), (word, style)],
        );
        canvas.hit(Rect::new(at.x, at.y, n_cells, 1), Hit::Action(*action));
        used += n_cells + 2;
    }
}

/// Tells whether what is possible at a place changes with every row that one goes over, or with what is typed.
fn is_unsteady(place: Place) -> bool {
    match place {
        Place::Services
        | Place::Detail
        | Place::Logs
        | Place::History
        | Place::Claims
        | Place::Forwards
        | Place::Nodes
        | Place::Operations
        | Place::Log
        | Place::Editor => true,
        Place::Review
        | Place::Teardown
        | Place::Adjust
        | Place::Adopt
        | Place::Bulk
        | Place::Routes
        | Place::Pull
        | Place::Comparison
        | Place::Merge
        | Place::Changes
        | Place::Progress => false,
    }
}
