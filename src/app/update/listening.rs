//! Operations that wait for a sign of life of whoever holds their instance: taken over at once where a person says so, and
//! where the holder was seen to stand still already.

use jiff::Timestamp;

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::operation::Operation;
use crate::app::popup::{Choice, Menu, MenuItem, Popup};
use crate::app::screen::Screen;
use crate::service::summary::InstanceKey;

/// What a command says that takes over.
const TAKE_OVER: &str = " --take-over";

/// Returns the operations in front that wait for who holds their instances.
///
/// # Errors
/// There are none, with the reason.
pub(in crate::app) fn listening(model: &Model) -> Result<Vec<OpId>, &'static str> {
    let Some(Screen::Progress(pane)) = model.screens.last() else {
        return Err("no operation is in front");
    };
    let listens = |op: &&OpId| model.operations.get(op).is_some_and(|it| it.is_listening);
    let ops: Vec<OpId> = pane.ops.iter().filter(listens).copied().collect();
    match ops.is_empty() {
        true => Err("it waits for nobody"),
        false => Ok(ops),
    }
}

/// Asks once more before operations in front are taken over from who may live.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    let Ok(ops) = listening(model) else {
        return Vec::new();
    };
    let waiting = |op: &OpId| model.operations.get(op)?.waiting.clone();
    let mut text: Vec<String> = ops.iter().filter_map(waiting).collect();
    text.push("A holder that lives stops before its next step.".to_owned());
    let run = MenuItem::new("Take over now", "", Choice::TakeOver(ops));
    let menu = Menu::confirm("Is its holder gone?".to_owned(), text, run);
    model.popup = Some(Popup::Menu(menu));
    Vec::new()
}

/// Takes operations over, as far as they still wait.
pub(super) fn take_over(model: &mut Model, ops: Vec<OpId>) -> Vec<Effect> {
    let listens = |op: &OpId| model.operations.get(op).is_some_and(|it| it.is_listening);
    let ops: Vec<OpId> = ops.into_iter().filter(listens).collect();
    for op in &ops {
        let mut log = model.log.iter_mut().rev();
        // It may wait for another one by now, and says so already.
        let entry = log.find(|entry| entry.op == Some(*op));
        if let Some(entry) = entry.filter(|it| !it.command.ends_with(TAKE_OVER)) {
            entry.command.push_str(TAKE_OVER);
        }
    }
    let effect = |op| Effect::TakeOver {
        op,
        silent_since: None,
    };
    ops.into_iter().map(effect).collect()
}

/// Returns the last beat of who holds an instance, where it was seen to stand still for long enough. The server's clock says
/// nothing of that: it goes by the last answer, and servers behind one address differ.
pub(super) fn silent_since(model: &Model, key: &InstanceKey) -> Option<Timestamp> {
    let noted = model.operations_pane.still(key, model.clock)?;
    Some(noted.heartbeat)
}

/// Lets what was begun just now not wait again for who was seen to stand still.
pub(super) fn follow(model: &mut Model, effects: &mut Vec<Effect>) {
    let begun = |(op, operation): (&OpId, &mut Operation)| {
        let silent_since = operation.silent_since.take();
        silent_since.map(|beat| Effect::TakeOver {
            op: *op,
            silent_since: Some(beat),
        })
    };
    effects.extend(model.operations.iter_mut().filter_map(begun));
}
