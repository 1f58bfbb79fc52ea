//! First steps: a sentence in the last line where somebody is for the first time, until a few keys are pressed.
//!
//! Which were seen is kept on this machine; none is shown twice.

use std::collections::BTreeSet;

use super::place::Place;

/// Keys that a hint stays for.
const FOR_KEYS: u8 = 3;

/// The hints: where, the name that is kept of one, and what is said.
pub const HINTS: [(Place, &str, &str); 6] = [
    (
        Place::Services,
        "services",
        "First steps: ? shows every key, : finds any action, m lists what can be done",
    ),
    (
        Place::Editor,
        "editor",
        "First steps: ^s saves, ^r plans the deploy, F1 tells of the field, esc leaves",
    ),
    (
        Place::Review,
        "review",
        "First steps: nothing is changed yet; enter asks once more, esc leaves it",
    ),
    (
        Place::Teardown,
        "teardown",
        "First steps: nothing is deleted yet; v chooses what becomes of the data",
    ),
    (
        Place::Logs,
        "logs",
        "First steps: / filters, f follows, p shows the runs before, ^s saves the lines",
    ),
    (
        Place::History,
        "history",
        "First steps: enter shows what a revision changed, u plans to go back to it",
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

    /// Returns the sentence for a place, where it is new.
    pub fn at(&self, place: Place) -> Option<&'static str> {
        let seen = self.seen.as_ref()?;
        let (_, name, sentence) = HINTS.iter().find(|(of, ..)| *of == place)?;
        (!seen.contains(*name)).then_some(*sentence)
    }

    /// Takes that a key was pressed at a place; returns the name of a hint that was read by that.
    pub(super) fn on_key(&mut self, place: Place) -> Option<&'static str> {
        let (_, name, _) = HINTS.iter().find(|(of, ..)| *of == place)?;
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
