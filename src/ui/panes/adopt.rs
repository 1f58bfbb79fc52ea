//! The plan of an adoption: each object with its owner and the managers whose fields it has.

use ratatui::layout::Rect;

use crate::app::panes::adopt::AdoptPane;
use crate::app::{Geometry, Model};
use crate::engine::adopt::AdoptPlan;
use crate::ui::canvas::Canvas;

use super::{Line, draw_lines, of_failure, within_margins, wrapped};

/// Before what is said of an object.
const INDENT: &str = "    ";

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    pane: &AdoptPane,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let name = format!("Adopt for {}", pane.source.id());
    let namespace = pane.ready().map(|plan| &plan.instance.namespace);
    let place = namespace.map_or_else(String::new, |namespace| {
        let (dot, into) = (theme.symbols.dot, theme.symbols.into);
        format!(" {dot} {} {into} {namespace}", model.session.context)
    });
    let inside = canvas.frame(area, &[(&name, theme.strong), (&place, theme.text)], true);
    let inside = within_margins(inside);
    let width = inside.width.into();
    let lines = match &pane.plan {
        None => vec![vec![(
            "Looking for what is there already …".to_owned(),
            theme.dim,
        )]],
        Some(Err(failure)) => of_failure(failure, width, theme),
        Some(Ok(plan)) => lines_of(canvas, plan, width),
    };
    draw_lines(canvas, inside, (model, &lines, pane.scroll), geometry);
}

fn lines_of(canvas: &Canvas<'_>, plan: &AdoptPlan, width: usize) -> Vec<Line> {
    let theme = canvas.theme;
    let mut lines = Vec::new();
    for failure in &plan.refusals {
        let sentence = format!("{} refused: {}", theme.symbols.bad, failure.summary);
        lines.extend(wrapped(&sentence, width, theme.bad));
    }
    if plan.rows.is_empty() && plan.refusals.is_empty() {
        let sentence = "Nothing to adopt: what is there is its own, or not there.";
        lines.push(vec![(sentence.to_owned(), theme.good)]);
    }
    for row in &plan.rows {
        lines.push(vec![
            ("~ ".to_owned(), theme.partly),
            (row.key.to_string(), theme.text),
        ]);
        let whose = wrapped(
            &row.belonging(),
            width.saturating_sub(INDENT.len()),
            theme.partly,
        );
        lines.extend(whose.into_iter().map(|mut line| {
            line.insert(0, (INDENT.to_owned(), theme.text));
            line
        }));
    }
    for warning in &plan.warnings {
        let sentence = format!("{} {warning}", theme.symbols.warning);
        lines.extend(wrapped(&sentence, width, theme.partly));
    }
    lines
}
