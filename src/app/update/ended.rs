//! What comes of operations: told of each, told of several that were one deed together, noted where it can be taken back.

use std::collections::BTreeSet;

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::operation::{Operation, OperationKind};
use crate::app::screen::Screen;
use crate::engine::operation::is_not_begun;
use crate::engine::progress::{Outcome, Step};
use crate::failure::Failure;

use super::reviews;

/// What came of something, in words.
struct Told {
    sentence: String,
    is_trouble: bool,
}

pub(super) fn on_finished(model: &mut Model, op: OpId, outcome: Outcome) -> Vec<Effect> {
    let now = model.now;
    let Some(operation) = model.operations.get_mut(&op) else {
        return Vec::new();
    };
    let went = outcome.done.iter().any(|step| *step != Step::Claim);
    let failed = outcome.failed.iter();
    let failures: Vec<Failure> = failed.map(|(_, failure)| failure.clone()).collect();
    operation.on_finished(outcome, now);
    let operation = operation.clone();
    let (instance, kind) = (operation.instance.clone(), operation.kind);
    let is_here = operation.context == model.session.context;
    if kind == OperationKind::Deploy && is_here {
        reviews::mark_refused(model, &instance, &failures);
        let clock = model.clock;
        if let Some(pane) = reviews::edited_as(model, &instance) {
            pane.preview.on_other_ground(clock);
        }
    }
    // Whatever of it went is in the trash; where nothing did, it was no deed.
    if kind == OperationKind::Teardown && went {
        let deed = operation.deed.unwrap_or(op);
        model
            .undo
            .push_teardown(deed, operation.context.clone(), instance);
    }
    tell(model, op, &operation);
    Vec::new()
}

fn tell(model: &mut Model, op: OpId, operation: &Operation) {
    let is_of_deed = |it: &&Operation| operation.deed.is_some() && it.deed == operation.deed;
    let deed: Vec<_> = model.operations.values().filter(is_of_deed).collect();
    let (told, of) = match deed.is_empty() || deed.iter().any(|it| it.is_running()) {
        true => (of_one(model, operation), vec![operation]),
        false => (of_several(model, &deed), deed),
    };
    // Trouble is made old by another try of what it is about, not of what went well beside it.
    let is_meant = |it: &&&Operation| !told.is_trouble || !matches!(came_to(it), End::Done);
    let place = |it: &&Operation| (it.context.clone(), it.instance.clone());
    let came_of: Vec<_> = of.iter().filter(is_meant).map(place).collect();
    // Where the steps are in sight they tell it too, and the next key makes it old.
    let is_in_sight =
        matches!(model.screens.last(), Some(Screen::Progress(pane)) if pane.ops.contains(&op));
    match (told.is_trouble, is_in_sight) {
        (false, _) => model.tell(told.sentence),
        (true, true) => model.decline(told.sentence),
        (true, false) => model.complain(told.sentence),
    }
    if let Some(status) = &mut model.status {
        status.came_of = came_of;
    }
}

fn of_one(model: &Model, operation: &Operation) -> Told {
    let (name, id) = (operation.kind.name(), &operation.instance.id);
    let (what, is_trouble) = match came_to(operation) {
        End::Stopped { n_done, n_left } => (
            format!("stopped, {n_done} done, {n_left} not tried. The same again finishes it."),
            false,
        ),
        End::NotBegun => ("not begun, nothing was changed.".to_owned(), true),
        End::Failed { n_failed } => (format!("{n_failed} failed."), true),
        End::Unfinished => ("accepted, not finished yet.".to_owned(), true),
        End::Done => {
            let is_here = operation.context == model.session.context;
            let next = next_step(model, operation).filter(|_| is_here);
            (format!("done.{}", next.unwrap_or_default()), false)
        }
    };
    Told {
        sentence: format!("{name} of {id}: {what}"),
        is_trouble,
    }
}

/// Counts what came of several that were begun together, all of which are over.
fn of_several(model: &Model, deed: &[&Operation]) -> Told {
    let n_all = deed.len();
    let count = |is_it: fn(&End) -> bool| deed.iter().filter(|it| is_it(&came_to(it))).count();
    let n_done = count(|end| matches!(end, End::Done));
    let n_failed = count(|end| matches!(end, End::Failed { .. } | End::NotBegun));
    let n_unfinished = count(|end| matches!(end, End::Unfinished));
    let n_stopped = n_all - n_done - n_failed - n_unfinished;
    let Some(first) = deed.first() else {
        return Told {
            sentence: String::new(),
            is_trouble: false,
        };
    };
    let names = first.kind.plural();
    if n_done == n_all {
        let is_here = first.context == model.session.context;
        let sentence = match first.kind {
            OperationKind::Teardown if is_here => {
                let back = format!("puts them back{}", lost_of(deed));
                let ways = [(Action::Undo, back.as_str())];
                model.with_ways(&format!("{n_all} taken down"), "; ", &ways, ".")
            }
            _ => format!("{n_all} {names}: done."),
        };
        return Told {
            sentence,
            is_trouble: false,
        };
    }
    let parts = [
        (n_done, "done"),
        (n_failed, "failed"),
        (n_unfinished, "not finished yet"),
        (n_stopped, "stopped"),
    ];
    let parts = parts.iter().filter(|(n, _)| *n > 0);
    let parts: Vec<_> = parts.map(|(n, what)| format!("{n} {what}")).collect();
    Told {
        sentence: format!("{n_all} {names}: {}.", parts.join(", ")),
        is_trouble: n_failed + n_unfinished > 0,
    }
}

/// How an operation ended.
enum End {
    Done,
    NotBegun,
    Failed { n_failed: usize },
    Unfinished,
    Stopped { n_done: usize, n_left: usize },
}

fn came_to(operation: &Operation) -> End {
    let Some(outcome) = &operation.outcome else {
        return End::Unfinished;
    };
    let (n_done, n_left) = (outcome.done.len(), outcome.not_tried.len());
    match outcome.failed.len() {
        0 if operation.is_stopping && n_left > 0 => End::Stopped { n_done, n_left },
        _ if is_not_begun(outcome) => End::NotBegun,
        0 if outcome.is_complete() => End::Done,
        0 => End::Unfinished,
        n_failed => End::Failed { n_failed },
    }
}

/// Returns what is worth doing where an operation was done, as a sentence that follows; none where that is nothing.
fn next_step(model: &Model, operation: &Operation) -> Option<String> {
    match operation.kind {
        OperationKind::Teardown => {
            let back = format!("puts it back{}", operation.lost);
            Some(model.hint(Action::Undo, &back))
        }
        OperationKind::Adoption => Some(" Plan its deploy anew.".to_owned()),
        OperationKind::Deploy
        | OperationKind::Rollback
        | OperationKind::Restore
        | OperationKind::Scale
        | OperationKind::Restart
        | OperationKind::Routes
        | OperationKind::Release
        | OperationKind::Clear => None,
    }
}

/// Returns what does not come back of several, each said once.
fn lost_of(deed: &[&Operation]) -> String {
    let each: BTreeSet<&str> = deed.iter().map(|it| it.lost.as_str()).collect();
    // One that loses more says what another one loses, too.
    let is_said = |lost: &str| each.iter().any(|it| *it != lost && it.contains(lost));
    each.iter().filter(|lost| !is_said(lost)).copied().collect()
}
