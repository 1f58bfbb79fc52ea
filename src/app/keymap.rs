//! Which key asks for which action, as a value made from the table of actions.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Action, ActionSpec, Place, SPECS};

mod bindings;

pub use bindings::Bindings;

/// A key with its modifiers, written `j`, `G`, `^d`, `enter`, `F8`, `shift-F8`, `alt-x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Key {
    /// Returns the key of an event: of a character shift is part of the character itself.
    pub fn of(event: KeyEvent) -> Self {
        let known = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        let modifiers = event.modifiers & known;
        match event.code {
            KeyCode::Char(c) => Self {
                code: KeyCode::Char(if modifiers.contains(KeyModifiers::CONTROL) {
                    c.to_ascii_lowercase()
                } else {
                    c
                }),
                modifiers: modifiers - KeyModifiers::SHIFT,
            },
            code => Self { code, modifiers },
        }
    }
}

/// Why a text names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no key: write j, G, ^d, alt-x, enter, esc, tab, space, up, pgdn, home, F8, shift-F8"
)]
pub struct KeyError(String);

const NAMES: [(&str, KeyCode); 13] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("del", KeyCode::Delete),
];

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (modifiers, name) = [
            ("^", KeyModifiers::CONTROL),
            ("alt-", KeyModifiers::ALT),
            ("shift-", KeyModifiers::SHIFT),
        ]
        .into_iter()
        .find_map(|(sign, modifier)| {
            Some((
                modifier,
                text.strip_prefix(sign).filter(|rest| !rest.is_empty())?,
            ))
        })
        .unwrap_or((KeyModifiers::NONE, text));
        let mut chars = name.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) => Some(KeyCode::Char(c)),
            (Some('F'), Some(_)) => name[1..].parse().ok().map(KeyCode::F),
            _ => NAMES
                .iter()
                .find(|(known, _)| *known == name)
                .map(|&(_, code)| code),
        };
        code.map(|code| Self { code, modifiers })
            .ok_or_else(|| KeyError(text.to_owned()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            f.write_str("^")?;
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            f.write_str("alt-")?;
        }
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            f.write_str("shift-")?;
        }
        match NAMES.iter().find(|(_, code)| *code == self.code) {
            Some((name, _)) => f.write_str(name),
            None => match self.code {
                KeyCode::Char(c) => write!(f, "{c}"),
                KeyCode::F(n) => write!(f, "F{n}"),
                code => write!(f, "{code}"),
            },
        }
    }
}

/// Keys and their actions, by place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    actions: HashMap<(Place, Key), Action>,
    keys: HashMap<(Place, Action), Vec<Key>>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::new(&Bindings::default())
    }
}

impl Keymap {
    /// Returns the keys of the table of actions, with those that the user bound in their place. A key that the user bound
    /// is taken from the actions that have it by default at the same place.
    pub fn new(bindings: &Bindings) -> Self {
        let mut keymap = Self {
            actions: HashMap::new(),
            keys: HashMap::new(),
        };
        for spec in SPECS {
            for key in bindings.of(spec).unwrap_or_default() {
                keymap.bind(spec, *key);
            }
        }
        for spec in SPECS.iter().filter(|spec| bindings.of(spec).is_none()) {
            for key in spec.keys.iter().filter_map(|key| key.parse().ok()) {
                keymap.bind(spec, key);
            }
        }
        keymap
    }

    /// Gives a key to an action wherever no other one has it yet.
    fn bind(&mut self, spec: &ActionSpec, key: Key) {
        for &place in spec.places {
            if let Entry::Vacant(free) = self.actions.entry((place, key)) {
                free.insert(spec.action);
                self.keys.entry((place, spec.action)).or_default().push(key);
            }
        }
    }

    /// Returns what a key asks for at a place.
    pub fn action(&self, place: Place, event: KeyEvent) -> Option<Action> {
        self.actions.get(&(place, Key::of(event))).copied()
    }

    /// Returns the keys of an action at a place.
    pub fn keys(&self, place: Place, action: Action) -> &[Key] {
        self.keys.get(&(place, action)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_they_are_read() {
        for text in [
            "j", "G", "^d", "^", "enter", "space", "F8", "shift-F8", "alt-x", "pgdn", "?",
        ] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        for text in ["", "nokey", "Fx"] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_bound_key_is_taken_from_what_had_it_there() {
        let keymap = Keymap::new(&toml::from_str("quit = \"x\"\nnew = []").unwrap());
        let at =
            |place, c| keymap.action(place, KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        assert_eq!(at(Place::Services, 'x'), Some(Action::Quit));
        assert_eq!(at(Place::Services, 'q'), None);
        assert_eq!(at(Place::Services, 'n'), None);
        assert_eq!(keymap.keys(Place::Services, Action::Teardown), []);
        assert_eq!(
            keymap.keys(Place::Services, Action::Quit),
            ["x".parse().unwrap()]
        );
    }

    #[test]
    fn shift_of_a_character_is_the_character() {
        let event = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(
            Keymap::default().action(Place::Services, event),
            Some(Action::Bottom)
        );
    }
}
