//! The operations under way: listed, followed.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::panes::operations::OperationKey;
use crate::app::panes::services::RowKey;
use crate::app::screen::Screen;

use super::cluster;
use super::operations::progress_of;

/// Lists them.
pub(super) fn show(model: &mut Model) -> Vec<Effect> {
    model.operations_pane.table.release();
    model.screens.push(Screen::Operations);
    model.is_stale = true;
    Vec::new()
}

/// Follows the selected one: step by step where it was started here, else by its instance.
pub(super) fn watch(model: &mut Model) -> Vec<Effect> {
    match model.operations_pane.table.selected().cloned() {
        None => Vec::new(),
        Some(OperationKey::Own(op)) => {
            model.screens.push(progress_of(vec![op]));
            Vec::new()
        }
        Some(OperationKey::Noted(key)) => {
            model.is_stale |= model.services.set_filter("");
            model.settle();
            model.services.table.select(&RowKey::Instance(key));
            model.services.table.hold();
            model.screens.push(Screen::Detail);
            cluster::follow_selection(model)
        }
    }
}
