//! The plans of routes: each Ingress with what becomes of it, and why.

use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::app::panes::routes::RoutesPane;
use crate::app::{Geometry, Model};
use crate::engine::plan::{Change, PlannedObject};
use crate::engine::routes::RoutePlan;
use crate::ui::canvas::Canvas;

use super::pull::diff_lines;
use super::{Line, draw_lines, of_failure, within_margins, wrapped};

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    pane: &RoutesPane,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let ids: Vec<_> = pane.keys.iter().map(|key| key.id.as_str()).collect();
    let name = format!("Routes: {}", ids.join(", "));
    let place = format!(" {} {}", theme.symbols.dot, model.session.context);
    let inside = canvas.frame(area, &[(&name, theme.strong), (&place, theme.text)], true);
    let inside = within_margins(inside);
    let width = inside.width.into();
    let lines = match &pane.plans {
        None => vec![vec![("Asking the cluster …".to_owned(), theme.dim)]],
        Some(Err(failure)) => of_failure(failure, width, theme),
        Some(Ok(plans)) => {
            let plans = plans.iter();
            plans
                .flat_map(|plan| lines_of(canvas, plan, width))
                .collect()
        }
    };
    draw_lines(canvas, inside, (model, &lines, pane.scroll), geometry);
}

fn lines_of(canvas: &Canvas<'_>, plan: &RoutePlan, width: usize) -> Vec<Line> {
    let (theme, symbols) = (canvas.theme, &canvas.theme.symbols);
    let mut lines = vec![vec![(plan.instance.to_string(), theme.strong)]];
    let mut say = |sentence: String, style: Style| lines.extend(wrapped(&sentence, width, style));
    for failure in &plan.refusals {
        let sentence = format!("{} refused: {}", symbols.bad, failure.summary);
        say(sentence, theme.bad);
    }
    for conflict in &plan.conflicts {
        let (key, field, message) = (&conflict.key, &conflict.field, &conflict.message);
        let sentence = format!("{} {key} {field}: {message}", symbols.warning);
        say(sentence, theme.partly);
    }
    for warning in &plan.warnings {
        say(format!("{} {warning}", symbols.warning), theme.partly);
    }
    if let (Some(why), false) = (plan.caution.word(), plan.is_noop()) {
        let sentence = format!("{} {why}: its ID must be typed", symbols.warning);
        say(sentence, theme.partly);
    }
    if plan.is_noop() && plan.refusals.is_empty() {
        let sentence = match plan.routes.is_empty() {
            true => "It has no routes.",
            false => "Its routes are as they should be.",
        };
        say(format!("  {} {sentence}", symbols.good), theme.good);
    }
    for route in plan.changes() {
        lines.extend(lines_of_object(canvas, &route.object, width));
    }
    lines
}

fn lines_of_object(canvas: &Canvas<'_>, object: &PlannedObject, width: usize) -> Vec<Line> {
    let theme = canvas.theme;
    let (sign, style) = match object.change {
        Change::Create => ("+ ", theme.added),
        Change::Update | Change::Recreate => ("~ ", theme.partly),
        Change::Delete => ("- ", theme.removed),
        Change::Unchanged | Change::Keep => ("  ", theme.text),
    };
    let mut lines = vec![vec![
        (sign.to_owned(), style),
        (object.key.to_string(), theme.text),
    ]];
    if let Some(note) = &object.note {
        lines.extend(wrapped(&format!("  {note}"), width, theme.dim));
    }
    if object.change != Change::Delete {
        lines.extend(diff_lines(canvas, &object.difference));
    }
    lines
}
