//! What can be done: the menu of what is in front, and the palette of all.

use std::borrow::Cow;

use crate::app::action::{Action, ActionSpec, SPECS};
use crate::app::availability::{availability, has_meaning};
use crate::app::effect::Effect;
use crate::app::keymap::Key;
use crate::app::model::Model;
use crate::app::panes::detail::Tab;
use crate::app::place::Place;
use crate::app::popup::{Choice, Menu, MenuItem, Popup};

/// What kubectl, k9s, helm and editors call an action, apart from its own name.
const ALIASES: [(Action, &str); 18] = [
    (Action::Teardown, "delete destroy remove rm uninstall kill"),
    (Action::Apply, "deploy install upgrade"),
    (Action::Namespace, "ns namespaces"),
    (Action::Context, "ctx contexts cluster"),
    (Action::ShowTab(Tab::Pods), "po"),
    (Action::ShowTab(Tab::Events), "ev"),
    (Action::Claims, "pvc pv"),
    (Action::Nodes, "no top"),
    (Action::Forward, "pf port-forward"),
    (Action::Shell, "exec ssh"),
    (Action::Open, "describe"),
    (Action::Difference, "diff"),
    (Action::Changes, "drift"),
    (Action::Restart, "rollout"),
    (Action::Rollback, "revert"),
    (Action::New, "create add"),
    (Action::Refresh, "reload redraw"),
    (Action::Quit, "q q! exit"),
];

/// Lists all that can be done with what is in front; the key of an action chooses it here too.
pub(super) fn open_menu(model: &mut Model) -> Vec<Effect> {
    let items = items_of(model, |spec| spec.action.is_deed());
    let title = match (model.place(), model.services.table.selected()) {
        (Place::Services | Place::Detail | Place::Logs | Place::History, Some(key)) => {
            key.id().to_string()
        }
        _ => "Actions".to_owned(),
    };
    model.popup = Some(Popup::Menu(Menu::new(title, Vec::new(), items)));
    Vec::new()
}

pub(super) fn open_palette(model: &mut Model) -> Vec<Effect> {
    let items = items_of(model, |spec| spec.action != Action::Palette);
    model.popup = Some(Popup::Menu(Menu::searchable("Command", items)));
    Vec::new()
}

fn items_of(model: &Model, is_wanted: impl Fn(&ActionSpec) -> bool) -> Vec<MenuItem> {
    let place = model.place();
    SPECS
        .iter()
        .filter(|spec| spec.places.contains(&place) && is_wanted(spec))
        .filter(|spec| has_meaning(spec.action, model))
        .map(|spec| {
            let keys = model.keymap.keys(place, spec.action);
            // Keys with a name, such as enter, move and choose in a menu.
            let is_plain = |key: &&Key| key.to_string().chars().count() == 1;
            let key = keys.iter().find(is_plain).or(keys.first()).copied();
            MenuItem {
                label: spec.sentence.to_owned(),
                detail: key.map_or_else(String::new, |key| key.to_string()),
                name: spec.id,
                aliases: ALIASES
                    .iter()
                    .find(|(action, _)| *action == spec.action)
                    .map_or("", |(_, aliases)| aliases),
                why_not: availability(spec.action, model).err().map(Cow::into_owned),
                key,
                choice: Choice::Action(spec.action),
            }
        })
        .collect()
}
