//! Operations: begun; and what is asked before one begins or the program ends.

use std::collections::BTreeSet;

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::operation::{Operation, OperationKind};
use crate::app::panes::editor::{AfterSave, EditorPane};
use crate::app::panes::progress::ProgressPane;
use crate::app::popup::{Choice, Menu, MenuItem, Popup};
use crate::app::screen::Screen;
use crate::service::summary::InstanceKey;

use super::{
    adjustments, adoption, bulk, changes, definitions, history, listening, nodes, pulls, reviews,
    routes, teardowns,
};

/// Asks for what is in front once more.
pub(super) fn replan(model: &mut Model) -> Vec<Effect> {
    match model.screens.last() {
        Some(Screen::Review(_)) => reviews::replan(model),
        Some(Screen::Teardown(_)) => teardowns::replan(model),
        Some(Screen::Adjust(_)) => adjustments::replan(model),
        Some(Screen::Adopt(_)) => adoption::replan(model),
        Some(Screen::Comparison(_)) => history::recompare(model),
        Some(Screen::Changes { .. }) => changes::look_anew(model),
        Some(Screen::Nodes) => nodes::read(model),
        Some(Screen::Bulk(_)) => bulk::replan(model),
        Some(Screen::Routes(_)) => routes::replan(model),
        Some(Screen::Pull(_)) => pulls::replan(model),
        Some(
            Screen::Detail
            | Screen::Editor(_)
            | Screen::Merge(_)
            | Screen::Operations
            | Screen::Progress(_)
            | Screen::Log { .. }
            | Screen::Claims
            | Screen::Forwards,
        )
        | None => Vec::new(),
    }
}

/// Asks once more before what is shown is done.
pub(super) fn confirm(model: &mut Model) {
    match model.screens.last() {
        Some(Screen::Review(_)) => reviews::confirm(model),
        Some(Screen::Teardown(_)) => teardowns::confirm(model),
        Some(Screen::Adjust(_)) => adjustments::confirm(model),
        Some(Screen::Adopt(_)) => adoption::confirm(model),
        Some(Screen::Bulk(_)) => bulk::confirm(model),
        Some(Screen::Routes(_)) => routes::confirm(model),
        Some(Screen::Pull(_)) => pulls::confirm(model),
        Some(
            Screen::Detail
            | Screen::Editor(_)
            | Screen::Merge(_)
            | Screen::Operations
            | Screen::Progress(_)
            | Screen::Log { .. }
            | Screen::Claims
            | Screen::Forwards
            | Screen::Nodes
            | Screen::Comparison(_)
            | Screen::Changes { .. },
        )
        | None => {}
    }
}

/// Returns where an instance is, as every confirmation names it.
pub(super) fn place_of(model: &Model, key: &InstanceKey) -> String {
    format!("{} ▸ {}", model.session.context, key.namespace)
}

/// Returns where instances are, each namespace once.
pub(super) fn places_of<'k>(model: &Model, keys: impl Iterator<Item = &'k InstanceKey>) -> String {
    let namespaces: BTreeSet<&str> = keys.map(|key| key.namespace.as_str()).collect();
    let namespaces: Vec<_> = namespaces.into_iter().collect();
    format!("{} ▸ {}", model.session.context, namespaces.join(", "))
}

/// Says that some of several are left out of what is asked about; none where all are asked about.
pub(super) fn left_sentence(n_left: usize) -> Option<String> {
    match n_left {
        0 => None,
        1 => Some("1 is left, for the reason that is shown.".to_owned()),
        n => Some(format!("{n} are left, for the reasons that are shown.")),
    }
}

/// Shows how operations go on that were begun, in place of the plan of them; marks have done their work. Several are one deed.
pub(super) fn show_progress(model: &mut Model, ops: Vec<OpId>) {
    model.services.table.clear_marks();
    if let [first, _, ..] = ops[..] {
        for op in &ops {
            if let Some(operation) = model.operations.get_mut(op) {
                operation.deed = Some(first);
            }
        }
    }
    push_progress(model, ops);
}

/// Shows how operations go on before what is in front.
pub(super) fn push_progress(model: &mut Model, ops: Vec<OpId>) {
    // From what is over one goes on, as from a teardown to its return: nobody comes back to it. What failed is come back to,
    // unless it is this that is begun anew.
    let begun: Vec<_> = ops
        .iter()
        .filter_map(|op| model.operations.get(op))
        .collect();
    let is_done_with = |op: &OpId| {
        model.operations.get(op).is_none_or(|it| {
            let is_anew = || begun.iter().any(|new| new.is_of(&it.context, &it.instance));
            let outcome = it.outcome.as_ref();
            outcome.is_some_and(|outcome| outcome.failed.is_empty() || is_anew())
        })
    };
    if matches!(model.screens.last(), Some(Screen::Progress(pane)) if pane.ops.iter().all(is_done_with))
    {
        model.screens.pop();
    }
    model.screens.push(progress_of(ops));
}

/// Returns the screen that shows how operations go on.
pub(super) fn progress_of(ops: Vec<OpId>) -> Screen {
    Screen::Progress(Box::new(ProgressPane::new(ops)))
}

/// What is begun of a plan in front.
pub(super) struct Run<E> {
    pub(super) kind: OperationKind,
    pub(super) instance: InstanceKey,
    /// The command that does the same.
    pub(super) what: String,
    /// What no return brings back, as the sentence of that goes on.
    pub(super) lost: String,
    /// Returns the effect that carries the plan out.
    pub(super) effect: E,
}

/// Begins all that the plans in front would do, and shows how it goes on in their place.
pub(super) fn run_all<E: FnOnce(OpId) -> Effect>(
    model: &mut Model,
    runs: Vec<Run<E>>,
) -> Vec<Effect> {
    model.screens.pop();
    let (mut ops, mut effects) = (Vec::new(), Vec::new());
    for run in runs {
        let op = begin(model, run.kind, run.instance, &run.what);
        if let Some(operation) = model.operations.get_mut(&op) {
            operation.lost = run.lost;
        }
        ops.push(op);
        effects.push((run.effect)(op));
    }
    show_progress(model, ops);
    effects
}

/// Notes an operation as begun, with the command that does the same in its namespace.
pub(super) fn begin(
    model: &mut Model,
    kind: OperationKind,
    instance: InstanceKey,
    what: &str,
) -> OpId {
    let place = (model.session.context.clone(), instance.clone());
    // What came of the one before is read by whoever begins another of the same; other trouble may have come this moment.
    model
        .status
        .take_if(|status| !status.is_error || status.came_of.contains(&place));
    let op = model.next_op();
    model.record(model.command_line(&instance.namespace, what), Some(op));
    let operation = Operation {
        silent_since: listening::silent_since(model, &instance),
        ..Operation::new(kind, place, model.now)
    };
    model.operations.insert(op, operation);
    op
}

/// Saves what is edited first, where it is not saved, then plans its deploy.
pub(super) fn save_and_review(model: &mut Model) -> Vec<Effect> {
    let is_modified = model.editor().is_some_and(|pane| pane.unsaved().is_some());
    if !is_modified {
        return reviews::review_edited(model);
    }
    let effect = model
        .editor_mut()
        .and_then(|pane| pane.save(AfterSave::Review));
    effect.into_iter().collect()
}

/// Ends the program, after a question where something runs or is not saved.
pub(super) fn quit(model: &mut Model) -> Vec<Effect> {
    let n_running = model.n_writing();
    let is_unsaved = model.editor().is_some_and(|pane| pane.unsaved().is_some());
    if is_unsaved {
        return definitions::ask_to_leave(model);
    }
    let drop_draft = model.editor_mut().and_then(EditorPane::drop_draft);
    let mut effects: Vec<Effect> = drop_draft.into_iter().collect();
    if n_running == 0 {
        effects.push(Effect::Quit);
        return effects;
    }
    let text = vec![
        format!("{n_running} running. What was sent is finished; the rest waits until"),
        "the same command is given again.".to_owned(),
    ];
    let items = vec![
        MenuItem::new("Stay", "", Choice::Cancel),
        MenuItem::new("Quit", "", Choice::QuitAnyway),
    ];
    model.popup = Some(Popup::Menu(Menu::new("An operation runs", text, items)));
    effects
}
