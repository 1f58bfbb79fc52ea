//! All claims of the scope, those that nothing uses first, and what can be done with those.

use ratatui::layout::{Position, Rect};

use crate::app::{Geometry, Model};
use crate::service::watch::Scope;
use crate::ui::canvas::Canvas;
use crate::ui::table;

use super::note_change;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, geometry: &mut Geometry) {
    let theme = canvas.theme;
    let place = scope_of(canvas, model);
    let inside = canvas.frame(
        area,
        &[("Claims", theme.strong), (&place, theme.text)],
        true,
    );
    let rows = &model.claims.table;
    let inside = draw_foot(canvas, inside, model);
    let drawn = table::draw_table(canvas, inside, rows, model.now, true);
    note_change(geometry, drawn.next_age);
    geometry.list_height = drawn.height;
    if rows.rows().len() == 0 && inside.height > 1 {
        let at = Position {
            x: inside.x + 2,
            y: inside.y + 1,
        };
        let sentence = if model.fleet.is_complete() {
            "There are none."
        } else {
            "Looking …"
        };
        canvas.text(at, inside.width.saturating_sub(3), sentence, theme.dim);
    }
}

/// Says below what can be done with the selected row, and what is not shown. Returns what room is left.
fn draw_foot(canvas: &mut Canvas<'_>, inside: Rect, model: &Model) -> Rect {
    let theme = canvas.theme;
    let forbidden = model.fleet.retained_forbidden().map(|_| {
        let sentence = "You may not list volumes: which were retained is not shown.";
        (sentence.to_owned(), theme.dim)
    });
    let advice = model.claims.advice(&model.fleet);
    let advice = advice.map(|sentence| (sentence, theme.text));
    let mut room = inside;
    for (sentence, style) in forbidden.into_iter().chain(advice) {
        if room.height < 4 {
            break;
        }
        room.height -= 1;
        let at = Position {
            x: room.x + 2,
            y: room.bottom(),
        };
        canvas.text(at, room.width.saturating_sub(3), &sentence, style);
    }
    room
}

/// Returns the place that a view is of, for its title.
pub(super) fn scope_of(canvas: &Canvas<'_>, model: &Model) -> String {
    let scope = match &model.session.scope {
        Some(Scope::Namespace(namespace)) => namespace.to_string(),
        Some(Scope::All) => "all namespaces".to_owned(),
        None => String::new(),
    };
    let (dot, into) = (canvas.theme.symbols.dot, canvas.theme.symbols.into);
    format!(" {dot} {} {into} {scope}", model.session.context)
}
