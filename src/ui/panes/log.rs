//! The command log: what was done here, each as a command that does the same.

use ratatui::layout::{Position, Rect};

use crate::app::{Geometry, LogEntry, Model};
use crate::service::age;
use crate::ui::canvas::Canvas;
use crate::ui::table::first_row;

use super::note_change;

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
        canvas.line(
            Position { x: inside.x, y },
            inside.width,
            &[
                (cursor, theme.strong),
                (&past, theme.dim),
                (sign, style),
                ("  ", style),
                (&entry.command, theme.text),
            ],
        );
        if idx == selected {
            canvas.paint(
                Rect {
                    y,
                    height: 1,
                    ..inside
                },
                theme.selected,
            );
        }
    }
}

fn outcome(
    canvas: &Canvas<'_>,
    model: &Model,
    entry: &LogEntry,
) -> (&'static str, ratatui::style::Style) {
    let theme = canvas.theme;
    let Some(operation) = entry.op.and_then(|op| model.operations.get(&op)) else {
        return (" ", theme.text);
    };
    match &operation.outcome {
        None => (theme.symbols.partly, theme.partly),
        Some(outcome) if outcome.is_complete() => (theme.symbols.good, theme.good),
        Some(_) => (theme.symbols.bad, theme.bad),
    }
}
