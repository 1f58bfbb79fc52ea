//! The ports that are forwarded, with what went through them.

use ratatui::layout::{Position, Rect};

use crate::app::panes::forwards::ForwardState;
use crate::app::{Action, Geometry, Model, Place, with_ways};
use crate::ui::canvas::Canvas;
use crate::ui::table;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, geometry: &mut Geometry) {
    let theme = canvas.theme;
    let title = [("Forwards", theme.strong)];
    let inside = canvas.frame(area, &title, true);
    let rows = &model.forwards.table;
    // Why the selected one is not well stands below.
    let trouble = model.forwards.selected().and_then(|it| match &it.state {
        ForwardState::Lost(failure) | ForwardState::Forbidden(failure) => Some(failure),
        _ => it.last_failure.as_ref(),
    });
    let below = if trouble.is_some() { 2 } else { 0 };
    let list = Rect {
        height: inside.height.saturating_sub(below),
        ..inside
    };
    let drawn = table::draw_filtered(canvas, list, rows, model.now, true);
    geometry.list_height = drawn.height;
    let at = |y: u16| Position { x: inside.x + 2, y };
    let width = inside.width.saturating_sub(3);
    if rows.n_all() == 0 && inside.height > 1 {
        let key = model.keymap.first_key(Place::Services, Action::Forward);
        let way = (key, "on a service forwards one of its ports");
        let sentence = with_ways("Nothing is forwarded.", " ", [way], ".");
        canvas.text(at(inside.y + 1), width, &sentence, theme.dim);
    }
    if let Some(failure) = trouble {
        let room = Rect {
            x: inside.x + 2,
            y: list.bottom(),
            width,
            height: below.min(inside.height),
        };
        canvas.wrapped(room, &failure.summary, theme.bad);
    }
}
