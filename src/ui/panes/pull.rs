//! The plan of a pull: the difference of the definition's text, then what is not pulled and why.

use ratatui::layout::Rect;

use crate::app::panes::pull::PullPane;
use crate::app::{Geometry, Model, PlannedPull};
use crate::engine::plan::{DiffLine, DiffSide};
use crate::ui::canvas::Canvas;

use super::{Line, draw_lines, of_failure, within_margins, wrapped};

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    pane: &PullPane,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let (dot, into) = (theme.symbols.dot, theme.symbols.into);
    let name = format!("Pull: {}", pane.key.id);
    let (context, namespace) = (&model.session.context, &pane.key.namespace);
    let place = format!(" {dot} {context} {into} {namespace}");
    let inside = canvas.frame(area, &[(&name, theme.strong), (&place, theme.text)], true);
    let inside = within_margins(inside);
    let width = inside.width.into();
    let lines = match &pane.plan {
        None => vec![vec![(
            "Comparing with what was applied …".to_owned(),
            theme.dim,
        )]],
        Some(Err(failure)) => of_failure(failure, width, theme),
        Some(Ok(planned)) => lines_of(canvas, planned, width),
    };
    draw_lines(canvas, inside, (model, &lines, pane.scroll), geometry);
}

fn lines_of(canvas: &Canvas<'_>, planned: &PlannedPull, width: usize) -> Vec<Line> {
    let (theme, symbols) = (canvas.theme, &canvas.theme.symbols);
    let plan = &planned.plan;
    let name = &plan.name;
    let mut lines = Vec::new();
    if plan.is_noop() {
        let sentence = match plan.left.is_empty() {
            true => format!("{} {}.", symbols.good, plan.nothing_to_pull()),
            false => format!(
                "{} Nothing of it can be pulled into {name}.",
                symbols.warning
            ),
        };
        lines.extend(wrapped(&sentence, width, theme.text));
    } else {
        let sentence = format!("{name} will say it as it is in the cluster:");
        lines.extend(wrapped(&sentence, width, theme.text));
        lines.extend(diff_lines(canvas, &plan.difference));
    }
    for remark in &plan.remarks {
        let sentence = format!("{} {remark}", symbols.warning);
        lines.extend(wrapped(&sentence, width, theme.partly));
    }
    for left in &plan.left {
        let field = left.field.as_ref();
        let field = field.map_or_else(String::new, |field| format!(" {field}"));
        let sentence = format!("not pulled: {}{field}: {}", left.key, left.why);
        lines.extend(wrapped(&sentence, width, theme.partly));
    }
    lines
}

/// Returns the lines of a difference with their signs.
pub(super) fn diff_lines(canvas: &Canvas<'_>, difference: &[DiffLine]) -> Vec<Line> {
    let theme = canvas.theme;
    let line = |line: &DiffLine| {
        let (sign, style) = match line.side {
            DiffSide::Old => ("- ", theme.removed),
            DiffSide::New => ("+ ", theme.added),
            DiffSide::Both => ("  ", theme.text),
            DiffSide::Gap => ("  … ", theme.dim),
        };
        vec![(format!("  {sign}{}", line.text), style)]
    };
    difference.iter().map(line).collect()
}
