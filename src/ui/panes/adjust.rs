//! The plan of a scale or a restart: each workload with what becomes of it.

use ratatui::layout::Rect;

use crate::app::panes::adjust::{AdjustPane, WantedAdjustment};
use crate::app::panes::planned::Planned;
use crate::app::{Action, Geometry, Model, Place};
use crate::engine::adjust::{AdjustPlan, Adjustment, n_replicas};
use crate::engine::plan::FieldConflict;
use crate::service::advice;
use crate::ui::canvas::Canvas;

use super::{Line, draw_lines, within_margins, wrapped};

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    pane: &AdjustPane,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let ids: Vec<_> = pane.plans.iter().map(|it| it.key.id.as_str()).collect();
    let verb = if pane.is_scale() { "Scale" } else { "Restart" };
    let name = format!("{verb}: {}", ids.join(", "));
    let place = format!(" {} {}", theme.symbols.dot, model.session.context);
    let inside = canvas.frame(area, &[(&name, theme.strong), (&place, theme.text)], true);
    let inside = within_margins(inside);
    let lines: Vec<Line> = pane
        .plans
        .iter()
        .flat_map(|planned| lines_of(canvas, model, planned, inside.width.into()))
        .collect();
    draw_lines(canvas, inside, (model, &lines, pane.scroll), geometry);
}

fn lines_of(
    canvas: &Canvas<'_>,
    model: &Model,
    planned: &Planned<AdjustPlan, WantedAdjustment>,
    width: usize,
) -> Vec<Line> {
    let theme = canvas.theme;
    let wanted = match planned.wanted.adjustment {
        Adjustment::Scale(to) => format!("  to {to}"),
        Adjustment::Restart => String::new(),
    };
    let mut lines = vec![vec![
        (planned.key.to_string(), theme.strong),
        (wanted, theme.text),
    ]];
    match &planned.plan {
        None => lines.push(vec![("  Asking the cluster …".to_owned(), theme.dim)]),
        Some(Err(failure)) => {
            let sentence = format!("{} {}", theme.symbols.bad, failure.summary);
            lines.extend(wrapped(&sentence, width, theme.bad));
        }
        Some(Ok(plan)) => lines.extend(lines_of_plan(canvas, model, plan, width)),
    }
    lines
}

fn lines_of_plan(canvas: &Canvas<'_>, model: &Model, plan: &AdjustPlan, width: usize) -> Vec<Line> {
    let (theme, symbols) = (canvas.theme, &canvas.theme.symbols);
    let mut lines = Vec::new();
    for failure in &plan.refusals {
        let sentence = format!("{} refused: {}", symbols.bad, failure.summary);
        lines.extend(wrapped(&sentence, width, theme.bad));
    }
    if let [_, ..] = plan.choices.as_slice() {
        let sentence = "  Enter chooses one of them.".to_owned();
        lines.push(vec![(sentence, theme.text)]);
    }
    for workload in &plan.workloads {
        let from = workload.replicas;
        let what = match plan.adjustment {
            Adjustment::Scale(to) => format!("{from} to {}", n_replicas(to)),
            Adjustment::Restart => format!("restart of {}", n_replicas(from)),
        };
        lines.push(vec![
            ("  ~ ".to_owned(), theme.partly),
            (workload.key.to_string(), theme.text),
            (format!("  {what}"), theme.partly),
        ]);
    }
    for (conflicts, what) in [
        (&plan.conflicts, "conflict"),
        (&plan.yielded, "left to its owner"),
    ] {
        for conflict in conflicts {
            let FieldConflict {
                key,
                field,
                message,
                ..
            } = conflict;
            let sentence = format!("{} {what}: {key} {field}: {message}", symbols.warning);
            lines.extend(wrapped(&sentence, width, theme.partly));
        }
    }
    if plan.is_noop() && plan.refusals.is_empty() && plan.yielded.is_empty() {
        let sentence = match plan.adjustment {
            Adjustment::Scale(to) => {
                format!("  {} It has {} already.", symbols.good, n_replicas(to))
            }
            Adjustment::Restart => format!("  {} There is nothing to restart.", symbols.good),
        };
        lines.push(vec![(sentence, theme.good)]);
    }
    for warning in &plan.warnings {
        // Here it is a key that does it, once it is done.
        let command = advice::command("pull", &plan.instance);
        let warning = match model.keymap.keys(Place::Progress, Action::Pull) {
            [key, ..] => warning.replace(&command, &format!("{key} after it")),
            [] => warning.clone(),
        };
        let sentence = format!("{} {warning}", symbols.warning);
        lines.extend(wrapped(&sentence, width, theme.partly));
    }
    if let Some(why) = plan.caution.word() {
        let sentence = format!("{} {why}: its ID must be typed", symbols.warning);
        lines.push(vec![(sentence, theme.partly)]);
    }
    lines
}
