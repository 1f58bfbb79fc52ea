//! The operations under way in the scope, and those that were started here.

use ratatui::layout::{Position, Rect};

use crate::app::{Geometry, Model};
use crate::ui::canvas::Canvas;
use crate::ui::table;

use super::claims::scope_of;
use super::note_change;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, geometry: &mut Geometry) {
    let theme = canvas.theme;
    let place = scope_of(canvas, model);
    let title = [("Operations", theme.strong), (&place, theme.text)];
    let inside = canvas.frame(area, &title, true);
    let rows = &model.operations_pane.table;
    let drawn = table::draw_filtered(canvas, inside, rows, model.now, true);
    note_change(geometry, drawn.next_age);
    geometry.list_height = drawn.height;
    if rows.n_all() == 0 && inside.height > 1 {
        let at = Position {
            x: inside.x + 2,
            y: inside.y + 1,
        };
        let sentence = match model.fleet.is_complete() {
            true => "Nothing is under way, and nothing was started here.",
            false => "Looking …",
        };
        canvas.text(at, inside.width.saturating_sub(3), sentence, theme.dim);
    }
}
