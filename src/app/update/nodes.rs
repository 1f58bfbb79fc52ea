//! The nodes, read when somebody looks at them.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::screen::Screen;
use crate::failure::Failure;
use crate::service::capacity::NodeCapacity;

/// Shows the nodes.
pub(super) fn show(model: &mut Model) -> Vec<Effect> {
    if !matches!(model.screens.last(), Some(Screen::Nodes)) {
        model.screens.push(Screen::Nodes);
    }
    read(model)
}

/// Reads them anew.
pub(super) fn read(model: &mut Model) -> Vec<Effect> {
    let op = model.next_op();
    model.nodes.ask(op);
    vec![Effect::ReadNodes { op }]
}

pub(super) fn on_read(
    model: &mut Model,
    op: OpId,
    result: Result<Vec<NodeCapacity>, Failure>,
) -> Vec<Effect> {
    if model.nodes.op == op {
        model.nodes.on_read(result, model.now);
    }
    Vec::new()
}
