//! The plans of several deploys: what each would change, and why one is left.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::hits::Hit;
use crate::app::panes::bulk::{BulkItem, BulkPane};
use crate::app::{Geometry, Model};
use crate::engine::plan::sums;
use crate::text;
use crate::ui::canvas::{Canvas, wrap};
use crate::ui::table::first_row;

use super::within_margins;

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    pane: &BulkPane,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let name = format!("Plan: {} services", pane.items.len());
    let place = format!(" {} {}", theme.symbols.dot, model.session.context);
    let inside = canvas.frame(area, &[(&name, theme.strong), (&place, theme.text)], true);
    let inside = within_margins(inside);
    let names = pane.names();
    let widths = names.iter().map(|name| text::cells(name));
    let width = widths.max().unwrap_or(0).min(40);
    let inside = draw_reason(canvas, inside, pane);
    geometry.list_height = inside.height.into();
    let top = first_row(pane.selected, pane.items.len(), inside.height.into());
    let items = pane.items.iter().zip(&names).enumerate().skip(top);
    for (y, (idx, (item, name))) in (inside.y..inside.bottom()).zip(items) {
        let is_selected = idx == pane.selected;
        let cursor = if is_selected {
            theme.symbols.cursor
        } else {
            " "
        };
        let (sign, style, sentence) = standing(canvas, item);
        let name = format!("{name:width$}  ");
        let pieces = [
            (cursor, theme.strong),
            (" ", theme.text),
            (name.as_str(), theme.strong),
            (sign, style),
            (" ", style),
            (sentence.as_str(), style),
        ];
        canvas.line(Position { x: inside.x, y }, inside.width, &pieces);
        let row = Rect {
            y,
            height: 1,
            ..inside
        };
        canvas.hit(row, Hit::Nth(idx));
        if is_selected {
            canvas.paint(row, theme.selected);
        }
    }
}

/// Draws why the selected one is left, in full, below the others; returns what is left of the room.
fn draw_reason(canvas: &mut Canvas<'_>, inside: Rect, pane: &BulkPane) -> Rect {
    let selected = pane.items.get(pane.selected);
    let planned = selected.filter(|item| item.plan.is_some());
    let Some(why) = planned.and_then(BulkItem::why_left) else {
        return inside;
    };
    let room = u16::try_from(wrap(&why, inside.width.into()).len()).unwrap_or(u16::MAX);
    let height = room.min(inside.height / 2);
    let below = Rect {
        y: inside.bottom() - height,
        height,
        ..inside
    };
    canvas.wrapped(below, &why, canvas.theme.partly);
    Rect {
        height: inside.height - height,
        ..inside
    }
}

fn standing(canvas: &Canvas<'_>, item: &BulkItem) -> (&'static str, Style, String) {
    let (theme, symbols) = (canvas.theme, &canvas.theme.symbols);
    if item.plan.is_none() {
        let sentence = "asking the cluster what would change …".to_owned();
        return (symbols.partly, theme.dim, sentence);
    }
    match (item.why_left(), item.ready()) {
        (Some(why), Some(plan)) if plan.is_noop() => (symbols.good, theme.good, why),
        (Some(why), _) => (symbols.bad, theme.bad, why),
        (None, Some(plan)) => (
            symbols.partly,
            theme.text,
            sums(plan.deploy(), plan.hanging().len()),
        ),
        (None, None) => (symbols.empty, theme.dim, String::new()),
    }
}
