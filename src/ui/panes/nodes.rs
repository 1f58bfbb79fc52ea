//! The nodes, with what is asked for of what they have.

use ratatui::layout::{Position, Rect};

use crate::app::{Geometry, Model};
use crate::service::age;
use crate::ui::canvas::Canvas;
use crate::ui::table;

use super::{foot, note_change};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, geometry: &mut Geometry) {
    let (theme, pane) = (canvas.theme, &model.nodes);
    let dot = theme.symbols.dot;
    let what = match pane.is_partial {
        true => "what they have; what is asked for is not yours to see",
        false => "what is asked for, of what they have",
    };
    // They are read once: nobody tells when they change.
    let age = pane.read_at.map(|at| age::since(at, model.now));
    let read = match (pane.is_asked, age) {
        (true, _) => format!(" {dot} reading …"),
        (false, Some(age)) => format!(" {dot} read {} ago", age::show(age)),
        (false, None) => String::new(),
    };
    let rest = format!(" {dot} {} {dot} {what}", model.session.context);
    let title = [
        ("Nodes", theme.strong),
        (read.as_str(), theme.text),
        (rest.as_str(), theme.text),
    ];
    let inside = canvas.frame(area, &title, true);
    let inside = match &pane.failure {
        Some(failure) if !pane.is_asked => foot(canvas, inside, &failure.summary, theme.bad),
        Some(_) | None => inside,
    };
    let mut drawn = table::draw_filtered(canvas, inside, &pane.table, model.now, true);
    if let Some(age) = age {
        drawn.note(model.now, age::until_change(age));
    }
    geometry.list_height = drawn.height;
    note_change(geometry, drawn.next_age);
    let sentence = match (pane.is_asked, &pane.failure) {
        (true, _) => "Looking …",
        (false, None) => "There are none.",
        (false, Some(_)) => return,
    };
    if pane.table.n_all() == 0 && inside.height > 1 {
        let at = Position {
            x: inside.x + 2,
            y: inside.y + 1,
        };
        canvas.text(at, inside.width.saturating_sub(3), sentence, theme.dim);
    }
}
