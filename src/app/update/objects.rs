//! The objects of the selected instance as the server prints them: asked for while their tab is in front.

use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::panes::detail::Tab;
use crate::app::panes::objects::ObjectsPane;
use crate::app::session::SessionLink;

/// Asks for them where that is due.
pub(super) fn follow(model: &mut Model) -> Vec<Effect> {
    let is_due = due(model).is_some_and(|at| at <= model.clock);
    let Some(detail) = model.selected_detail().filter(|_| is_due) else {
        return Vec::new();
    };
    let (key, kinds) = (detail.key().clone(), ObjectsPane::kinds(detail));
    let (op, now) = (model.next_op(), model.clock);
    model.detail_pane.objects.ask(op, now);
    vec![Effect::PrintObjects { op, key, kinds }]
}

/// Returns when they are to be asked for, while they are looked at.
pub(in crate::app) fn due(model: &Model) -> Option<Duration> {
    let is_connected = model.session.link == SessionLink::Connected;
    if model.detail_pane.tab != Tab::Objects || !is_connected {
        return None;
    }
    let detail = model.selected_detail()?;
    detail
        .is_complete()
        .then(|| model.detail_pane.objects.due())?
}
