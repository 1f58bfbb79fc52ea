//! The command log: what was done here, each as a command that does the same.

use std::borrow::Cow;

use ratatui::layout::{Position, Rect};

use crate::app::hits::Hit;
use crate::app::{Geometry, LogEntry, Model};
use crate::service::age;
use crate::text;
use crate::ui::canvas::{Canvas, wrap};
use crate::ui::table::first_row;

use super::note_change;

/// Cells of a line before its command.
const BEFORE_COMMAND: usize = 13;

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    selected: usize,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let inside = canvas.frame(area, &[("Commands", theme.strong)], true);
    geometry.list_height = inside.height.into();
    if model.log.is_empty() {
        canvas.text(
            inside.as_position(),
            inside.width,
            " Nothing was done yet.",
            theme.dim,
        );
        return;
    }
    let command = model.log.iter().rev().nth(selected);
    let command = command.map_or("", |entry| &entry.command);
    let inside = Rect {
        height: inside.height - draw_whole(canvas, inside, command),
        ..inside
    };
    geometry.list_height = inside.height.into();
    let top = first_row(selected, model.log.len(), inside.height.into());
    let entries = model.log.iter().rev().enumerate().skip(top);
    for (y, (idx, entry)) in (inside.y..inside.bottom()).zip(entries) {
        let past = age::since(entry.at, model.now);
        note_change(
            geometry,
            model.now.checked_add(age::until_change(past)).ok(),
        );
        let cursor = if idx == selected {
            theme.symbols.cursor
        } else {
            " "
        };
        let (sign, style) = outcome(canvas, model, entry);
        let past = format!(" {:>6}  ", age::show(past));
        let shown = shown(model, &entry.command, inside.width.into());
        canvas.line(
            Position { x: inside.x, y },
            inside.width,
            &[
                (cursor, theme.strong),
                (&past, theme.dim),
                (sign, style),
                ("  ", style),
                (&shown, theme.text),
            ],
        );
        let row = Rect {
            y,
            height: 1,
            ..inside
        };
        canvas.hit(row, Hit::Nth(idx));
        if idx == selected {
            canvas.paint(row, theme.selected);
        }
    }
}

/// Returns what is shown of a command on its line: where that has no room, without what all commands of the session begin
/// with, which tells none from another.
fn shown<'c>(model: &Model, command: &'c str, width: usize) -> Cow<'c, str> {
    if text::cells(&text::clean(command)) + BEFORE_COMMAND <= width {
        return Cow::Borrowed(command);
    }
    let session = &model.session;
    let mut beginnings = [session.program(), session.invocation.program(None)].into_iter();
    // A word of it has its end there: one context is named like the beginning of another.
    let own = beginnings.find_map(|beginning| {
        let own = command.strip_prefix(&beginning)?;
        own.starts_with(' ').then_some(own)
    });
    own.map_or(Cow::Borrowed(command), |own| Cow::Owned(format!("…{own}")))
}

/// Draws a command below the others where its line has no room for it; returns the rows that it took.
fn draw_whole(canvas: &mut Canvas<'_>, inside: Rect, command: &str) -> u16 {
    let clean = text::clean(command);
    if text::cells(&clean) + BEFORE_COMMAND <= usize::from(inside.width) {
        return 0;
    }
    let room = Rect {
        x: inside.x + 1,
        width: inside.width.saturating_sub(2),
        ..inside
    };
    let n_lines = wrap(&clean, room.width.into()).len();
    let height = u16::try_from(n_lines)
        .unwrap_or(u16::MAX)
        .min(inside.height / 3);
    if height == 0 {
        return 0;
    }
    let y = inside.bottom() - height;
    canvas.wrapped(Rect { y, height, ..room }, command, canvas.theme.text);
    height + 1
}

fn outcome(
    canvas: &Canvas<'_>,
    model: &Model,
    entry: &LogEntry,
) -> (&'static str, ratatui::style::Style) {
    let theme = canvas.theme;
    if entry.is_failed {
        return (theme.symbols.bad, theme.bad);
    }
    let Some(operation) = entry.op.and_then(|op| model.operations.get(&op)) else {
        return (" ", theme.text);
    };
    match &operation.outcome {
        None => (theme.symbols.partly, theme.partly),
        Some(outcome) if outcome.is_complete() => (theme.symbols.good, theme.good),
        Some(_) => (theme.symbols.bad, theme.bad),
    }
}
