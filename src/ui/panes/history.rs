//! The history's tab: revisions, the newest first.

use ratatui::layout::Position;
use ratatui::layout::Rect;

use crate::app::{Geometry, Model};
use crate::ui::canvas::Canvas;
use crate::ui::table;

use super::note_change;

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    is_focused: bool,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let pane = &model.detail_pane.history;
    let at = Position {
        x: area.x + 2,
        y: area.y,
    };
    let width = area.width.saturating_sub(3);
    let Some(key) = model.selected_instance() else {
        canvas.text(at, width, "Not deployed: it has no history.", theme.dim);
        return;
    };
    let is_of_selected = pane.of.as_ref().is_some_and(|of| of.key == *key);
    match pane.result.as_ref().filter(|_| is_of_selected) {
        None => drop(canvas.text(at, width, "Looking …", theme.dim)),
        Some(Err(failure)) => drop(canvas.text(at, width, &failure.summary, theme.bad)),
        Some(Ok(history)) if history.revisions.is_empty() => {
            canvas.text(at, width, "No revision is kept.", theme.dim);
        }
        Some(Ok(_)) => {
            let drawn = table::draw_filtered(canvas, area, &pane.table, model.now, is_focused);
            note_change(geometry, drawn.next_age);
            if is_focused {
                geometry.list_height = drawn.height;
            }
        }
    }
}
