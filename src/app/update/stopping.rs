//! Operations that are asked to stop: between two of their steps, never in the midst of one.

use std::borrow::Cow;

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::operation::Operation;
use crate::app::panes::operations::OperationKey;
use crate::app::popup::{Choice, Menu, MenuItem, Popup};
use crate::app::screen::Screen;

/// Returns the operations in front that run and were not asked to stop yet.
///
/// # Errors
/// There are none, with the reason.
pub(in crate::app) fn stoppable(model: &Model) -> Result<Vec<OpId>, Cow<'static, str>> {
    let ops = match model.screens.last() {
        Some(Screen::Progress(pane)) => pane.ops.clone(),
        Some(Screen::Operations) => match model.operations_pane.table.selected() {
            Some(OperationKey::Own(op)) => vec![*op],
            Some(OperationKey::Noted(_)) => {
                let way = (Action::TakeOver, "takes it over");
                return Err(model.unless("it was begun elsewhere", &[way]));
            }
            None => return Err("nothing is selected".into()),
        },
        _ => return Err("no operation is in front".into()),
    };
    let of = |op: &OpId| model.operations.get(op).filter(|it| it.is_running());
    if !ops.iter().any(|op| of(op).is_some()) {
        return Err("nothing runs".into());
    }
    let is_open = |op: &OpId| of(op).is_some_and(|it| !it.is_stopping);
    let open: Vec<OpId> = ops.into_iter().filter(is_open).collect();
    match open.is_empty() {
        true => Err("it stops after this step already".into()),
        false => Ok(open),
    }
}

fn operations<'m>(model: &'m Model, ops: &[OpId]) -> Vec<&'m Operation> {
    ops.iter()
        .filter_map(|op| model.operations.get(op))
        .collect()
}

/// Asks once more before operations are stopped that have something to write still; a mere wait ends at once.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    let Ok(ops) = stoppable(model) else {
        return Vec::new();
    };
    if !operations(model, &ops).iter().any(|it| it.is_writing()) {
        return stop(model, ops);
    }
    let title = format!("Stop {}?", named(model, &ops));
    let menu = Menu::confirm(title, remarks(), deed(ops));
    model.popup = Some(Popup::Menu(menu));
    Vec::new()
}

/// Asks what becomes of what is still being written, before its progress is left; tells whether there is a question.
pub(super) fn ask_before_leaving(model: &mut Model) -> bool {
    if !matches!(model.screens.last(), Some(Screen::Progress(_))) {
        return false;
    }
    let Ok(ops) = stoppable(model) else {
        return false;
    };
    if !operations(model, &ops).iter().any(|it| it.is_writing()) {
        return false;
    }
    let title = format!("{} goes on", upper_first(&named(model, &ops)));
    let items = vec![
        MenuItem::new(
            "Leave it running",
            "the list shows how it does",
            Choice::LeaveRunning,
        ),
        deed(ops).on('x'),
        MenuItem::new("Stay here", "", Choice::Cancel),
    ];
    model.popup = Some(Popup::Menu(Menu::new(title, remarks(), items)));
    true
}

fn remarks() -> Vec<String> {
    vec![
        "What is being written is finished first; what comes after it is not tried.".to_owned(),
        "The same again finishes it later.".to_owned(),
    ]
}

fn deed(ops: Vec<OpId>) -> MenuItem {
    MenuItem::new("Stop it after this step", "", Choice::StopOperations(ops))
}

/// Names operations as a sentence goes on: the deploy of web.
fn named(model: &Model, ops: &[OpId]) -> String {
    match operations(model, ops)[..] {
        [one] => format!(
            "the {} of {}",
            one.kind.name().to_lowercase(),
            one.instance.id
        ),
        ref all => format!("the {} operations", all.len()),
    }
}

fn upper_first(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_uppercase(), chars.as_str())
    })
}

/// Asks operations to stop, as far as they still run.
pub(super) fn stop(model: &mut Model, ops: Vec<OpId>) -> Vec<Effect> {
    let mut effects = Vec::new();
    for op in ops {
        let running = model.operations.get_mut(&op).filter(|it| it.is_running());
        if let Some(operation) = running {
            operation.is_stopping = true;
            effects.push(Effect::StopOperation { op });
        }
    }
    if !effects.is_empty() {
        model.tell("It stops after this step.");
    }
    effects
}
