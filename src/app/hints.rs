//! First steps: a sentence in the last line where somebody is for the first time, until a few keys are pressed.
//!
//! Which were seen is kept on this machine; none is shown twice.

use std::collections::BTreeSet;

use super::action::Action;
use super::keymap::{Keymap, with_ways};
use super::place::Place;

/// Keys that a hint stays for.
const FOR_KEYS: u8 = 3;

/// A hint: where, the name that is kept of it, what is said, and what keys do there.
pub type Hint = (
    Place,
    &'static str,
    &'static str,
    &'static [(Action, &'static str)],
);

/// All hints.
pub const HINTS: [Hint; 6] = [
    (
        Place::Services,
        "services",
        "",
        &[
            (Action::Help, "shows every key"),
            (Action::Palette, "finds any action"),
            (Action::Menu, "lists what can be done"),
        ],
    ),
    (
        Place::Editor,
        "editor",
        "",
        &[
            (Action::Save, "saves"),
            (Action::Review, "plans the deploy"),
            (Action::Help, "tells of the field"),
            (Action::Back, "leaves"),
        ],
    ),
    (
        Place::Review,
        "review",
        "nothing is changed yet; ",
        &[
            (Action::Confirm, "asks once more"),
            (Action::Back, "leaves it"),
        ],
    ),
    (
        Place::Teardown,
        "teardown",
        "nothing is deleted yet; ",
        &[(Action::ChooseVolumes, "chooses what becomes of the data")],
    ),
    (
        Place::Logs,
        "logs",
        "",
        &[
            (Action::Filter, "filters"),
            (Action::Follow, "follows"),
            (Action::PreviousLogs, "shows the runs before"),
            (Action::SaveLog, "saves the lines"),
        ],
    ),
    (
        Place::History,
        "history",
        "",
        &[
            (Action::Compare, "shows what a revision changed"),
            (Action::Rollback, "plans to go back to it"),
        ],
    ),
];

/// Which hints were seen, and which is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hints {
    /// None where they are not wanted.
    seen: Option<BTreeSet<String>>,
    shown: Option<(&'static str, u8)>,
}

impl Hints {
    /// Returns the hints for somebody who has seen these.
    pub fn seen(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            seen: Some(names.into_iter().collect()),
            shown: None,
        }
    }

    /// Returns the sentence for a place with the keys that it has there, where it is new.
    pub fn at(&self, place: Place, keymap: &Keymap) -> Option<String> {
        let seen = self.seen.as_ref()?;
        let (_, name, what, ways) = HINTS.iter().find(|(of, ..)| *of == place)?;
        let ways = ways.iter();
        let keys = ways.map(|(action, what)| (keymap.first_key(place, *action), *what));
        let sentence = || with_ways("First steps: ", what, keys, "");
        (!seen.contains(*name)).then(sentence)
    }

    /// Takes that a key was pressed at a place; returns the name of a hint that was read by that.
    pub(super) fn on_key(&mut self, place: Place) -> Option<&'static str> {
        let (_, name, ..) = HINTS.iter().find(|(of, ..)| *of == place)?;
        let seen = self.seen.as_mut().filter(|seen| !seen.contains(*name))?;
        let n_keys = match self.shown {
            Some((shown, n_keys)) if shown == *name => n_keys + 1,
            _ => 1,
        };
        self.shown = Some((name, n_keys));
        if n_keys < FOR_KEYS {
            return None;
        }
        seen.insert((*name).to_owned());
        Some(name)
    }
}
