//! Volumes that were retained, watched while all claims are in front and no longer.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::screen::Screen;
use crate::app::session::SessionLink;

/// Watches retained volumes while the view of all claims is open.
pub(super) fn follow(model: &mut Model) -> Option<Effect> {
    let is_connected = model.session.link == SessionLink::Connected;
    let is_open = is_connected && model.screens.iter().any(|it| matches!(it, Screen::Claims));
    let epoch = model.session.epoch;
    let wanted = is_open.then_some(epoch);
    if model.claims.watched == wanted {
        return None;
    }
    model.claims.watched = wanted;
    model.fleet.forget_retained();
    model.is_stale = true;
    let scope = wanted.and(model.session.scope.clone());
    Some(Effect::WatchRetained { epoch, scope })
}
