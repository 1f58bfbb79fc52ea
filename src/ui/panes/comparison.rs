//! What differs between two revisions.

use ratatui::layout::Rect;

use crate::app::panes::comparison::ComparisonPane;
use crate::app::{Geometry, Model};
use crate::ui::canvas::Canvas;

use super::review::diff_line;
use super::{Line, draw_lines, within_margins};

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    pane: &ComparisonPane,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let name = format!("{}: r{} to r{}", pane.key.id, pane.from, pane.to);
    let (dot, into) = (theme.symbols.dot, theme.symbols.into);
    let place = format!(
        " {dot} {} {into} {}",
        model.session.context, pane.key.namespace
    );
    let inside = canvas.frame(area, &[(&name, theme.strong), (&place, theme.text)], true);
    let inside = within_margins(inside);
    geometry.list_height = inside.height.into();
    let at = inside.as_position();
    match &pane.result {
        None => drop(canvas.text(at, inside.width, "Reading both …", theme.dim)),
        Some(Err(failure)) => drop(canvas.wrapped(inside, &failure.summary, theme.bad)),
        Some(Ok(comparison)) if comparison.is_empty() => {
            canvas.text(at, inside.width, "No difference.", theme.dim);
        }
        Some(Ok(_)) => {
            let lines = pane.lines().map(|line| diff_line(theme, line));
            let lines: Vec<Line> = lines.collect();
            draw_lines(canvas, inside, (model, &lines, pane.scroll), geometry);
        }
    }
}
