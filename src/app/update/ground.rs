//! What the edited text is compared with in the cluster: looked at anew where somebody changed it meanwhile, which is told.

use crate::app::action::Action;
use crate::app::model::Model;
use crate::app::operation::Operation;
use crate::app::panes::editor::Ground;
use crate::app::place::Place;
use crate::service::drift::Drift;

use super::merging;

/// Compares anew where the instance of the definition that is edited is not what it was.
pub(super) fn follow(model: &mut Model) {
    if model.editor().is_none() {
        return;
    }
    let key = merging::live_instance(model).ok();
    let instance = key.as_ref().and_then(|key| model.fleet.get(key));
    let ground = instance.map(Ground::of).unwrap_or_default();
    let drift = instance.and_then(|it| it.drift());
    let is_changed = matches!(drift, Some(Drift::Changed | Drift::EditedAndChanged));
    let mut own = model.operations.values();
    // What an operation of ours does is told by itself.
    let context = &model.session.context;
    let is_of = |own: &Operation| key.as_ref().is_some_and(|key| own.is_of(context, key));
    let is_own = own.any(|own| is_of(own) && own.is_writing());
    let is_in_front = model.place() == Place::Editor;
    let clock = model.clock;
    let Some(pane) = model.editor_mut() else {
        return;
    };
    if pane.stand_on(ground, clock) && is_changed && !is_own && is_in_front {
        let name = pane.name.clone();
        let way = model.hint(Action::TakeLive, "merges that into the text");
        model.tell(format!("{name} was changed in the cluster.{way}"));
    }
}
