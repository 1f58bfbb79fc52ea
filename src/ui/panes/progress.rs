//! The progress of operations: each step as it is reported, and how they ended.

use ratatui::layout::Rect;

use crate::app::panes::progress::ProgressPane;
use crate::app::{Geometry, Model, Operation, StepLine, StepState};
use crate::engine::operation;
use crate::engine::progress::Outcome;
use crate::service::age;
use crate::service::health::State;
use crate::service::summary::InstanceKey;
use crate::ui::canvas::Canvas;

use super::{Line, draw_lines, note_change, within_margins, wrapped_pieces};

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    pane: &ProgressPane,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let operations = pane.ops.iter().filter_map(|op| model.operations.get(op));
    let operations: Vec<&Operation> = operations.collect();
    let ids: Vec<_> = operations
        .iter()
        .map(|it| it.instance.id.as_str())
        .collect();
    let name = format!("Progress: {}", ids.join(", "));
    let inside = within_margins(canvas.frame(area, &[(&name, theme.strong)], true));
    let mut lines: Vec<Line> = Vec::new();
    for operation in operations {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        geometry.starts.push(lines.len());
        let of_operation = lines_of(canvas, model, operation).into_iter();
        lines.extend(of_operation.flat_map(|line| wrapped_pieces(line, inside.width.into())));
        if operation.is_running() {
            let age = age::since(operation.started, model.now);
            note_change(geometry, model.now.checked_add(age::until_change(age)).ok());
        }
    }
    let top = pane.top_of(&geometry.starts);
    draw_lines(canvas, inside, (model, &lines, top), geometry);
}

fn lines_of(canvas: &Canvas<'_>, model: &Model, operation: &Operation) -> Vec<Line> {
    let theme = canvas.theme;
    let verb = operation.kind.name();
    let until = operation.ended.unwrap_or(model.now);
    let lasted = age::show(age::since(operation.started, until));
    let InstanceKey { id, namespace } = &operation.instance;
    let title = format!("{verb} of {id} in {} ▸ {namespace}", operation.context);
    let stops = match operation.is_running() && operation.is_stopping {
        true => "  stops after this step",
        false => "",
    };
    let mut lines = vec![vec![
        (title, theme.strong),
        (format!("  {lasted}"), theme.dim),
        (stops.to_owned(), theme.partly),
    ]];
    lines.extend(
        operation
            .steps
            .iter()
            .map(|line| line_of_step(canvas, line, operation.is_running())),
    );
    if let Some(waiting) = &operation.waiting {
        lines.push(vec![(
            format!("  {} {waiting}", theme.symbols.partly),
            theme.partly,
        )]);
    }
    if let Some(outcome) = &operation.outcome {
        lines.extend(lines_of_outcome(canvas, outcome));
    }
    // What is waited for says the same.
    if operation.waiting.is_none() && !is_outdated(model, operation) {
        lines.extend(line_of_health(canvas, model, operation));
    }
    lines
}

/// Tells whether another operation was begun on the instance since: how it is doing now is what came of that one.
fn is_outdated(model: &Model, operation: &Operation) -> bool {
    model.operations.values().any(|other| {
        other.is_of(&operation.context, &operation.instance) && other.started > operation.started
    })
}

fn line_of_step(canvas: &Canvas<'_>, line: &StepLine, is_running: bool) -> Line {
    let theme = canvas.theme;
    let symbols = &theme.symbols;
    let what = line.step.to_string();
    match &line.state {
        StepState::Running if !is_running => {
            vec![(
                format!("  {} {what}: not finished", symbols.empty),
                theme.dim,
            )]
        }
        StepState::Running => vec![(format!("  {} {what} …", symbols.partly), theme.partly)],
        StepState::Done(note) => {
            let note = note
                .as_deref()
                .map_or_else(String::new, |note| format!("  {note}"));
            vec![
                (format!("  {} ", symbols.good), theme.good),
                (what, theme.text),
                (note, theme.dim),
            ]
        }
        StepState::Failed(failure) => {
            vec![(
                format!("  {} {what}: {}", symbols.bad, failure.summary),
                theme.bad,
            )]
        }
        StepState::NotTried(why) => vec![(
            format!("  {} {what}: not tried, {why}", symbols.empty),
            theme.dim,
        )],
    }
}

fn lines_of_outcome(canvas: &Canvas<'_>, outcome: &Outcome) -> Vec<Line> {
    let theme = canvas.theme;
    if outcome.is_complete() {
        return vec![vec![(format!("{} Done.", theme.symbols.good), theme.good)]];
    }
    if operation::is_not_begun(outcome) {
        let nothing = format!("{} Nothing was changed.", theme.symbols.bad);
        return vec![vec![(nothing, theme.bad)]];
    }
    let next = match operation::is_lost(outcome) {
        true => "Somebody else went on with it: look before the same again.",
        false => "The same again finishes it.",
    };
    let sums = format!(
        "{} {} done, {} failed, {} not tried. {next}",
        theme.symbols.bad,
        outcome.done.len(),
        outcome.failed.len(),
        outcome.not_tried.len()
    );
    let style = if outcome.failed.is_empty() {
        theme.partly
    } else {
        theme.bad
    };
    let mut lines = Vec::new();
    if !outcome.failed.is_empty() || !outcome.not_tried.is_empty() {
        lines.push(vec![(sums, style)]);
    }
    let pending = outcome
        .pending
        .iter()
        .map(|pending| vec![(format!("{} {pending}", theme.symbols.partly), theme.partly)]);
    lines.extend(pending);
    lines
}

/// How the instance is doing now, as it is watched: after a deploy one sees it become ready.
fn line_of_health(canvas: &Canvas<'_>, model: &Model, operation: &Operation) -> Option<Line> {
    // One of the same name in another context is another instance.
    let is_here = operation.context == model.session.context;
    let instance = model.fleet.get(&operation.instance).filter(|_| is_here)?;
    let (sign, style) = canvas.theme.state(instance.state());
    let reason = instance
        .health()
        .reason
        .as_deref()
        .map_or_else(String::new, |reason| format!(": {reason}"));
    let pods = match instance.state() {
        State::Saved | State::Terminating | State::Unknown => String::new(),
        State::Ready | State::Rolling | State::Failing | State::Interrupted | State::Stopped => {
            match instance.workloads().is_empty() {
                true => String::new(),
                false => format!("  {}/{} ready", instance.ready(), instance.wanted()),
            }
        }
    };
    Some(vec![
        (format!("{sign} {}{reason}", instance.state()), style),
        (pods, canvas.theme.text),
    ])
}
