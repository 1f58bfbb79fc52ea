//! Which key asks for which action, as a value made from the table of actions.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::action::{Action, ActionSpec, SPECS};
use super::place::Place;
use crate::editor::{COMMANDS, Command, CommandSpec};

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
            // Terminals say that shift was held with tab in two ways.
            KeyCode::BackTab => Self {
                code: KeyCode::Tab,
                modifiers: modifiers | KeyModifiers::SHIFT,
            },
            code => Self { code, modifiers },
        }
    }

    fn without_shift(self) -> Self {
        Self {
            modifiers: self.modifiers - KeyModifiers::SHIFT,
            ..self
        }
    }
}

impl Key {
    /// Returns the key of a character.
    pub fn char(c: char) -> Self {
        Self {
            code: KeyCode::Char(c),
            modifiers: KeyModifiers::NONE,
        }
    }
}

/// Why a text names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no key: write j, G, ^d, alt-x, enter, esc, tab, space, up, pgdn, home, F8, shift-F8"
)]
pub struct KeyError(String);

const NAMES: [(&str, KeyCode); 15] = [
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
    ("ins", KeyCode::Insert),
    ("backspace", KeyCode::Backspace),
];

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (mut modifiers, mut name) = (KeyModifiers::NONE, text);
        for (sign, modifier) in [
            ("^", KeyModifiers::CONTROL),
            ("alt-", KeyModifiers::ALT),
            ("shift-", KeyModifiers::SHIFT),
        ] {
            if let Some(rest) = name.strip_prefix(sign).filter(|rest| !rest.is_empty()) {
                (modifiers, name) = (modifiers | modifier, rest);
            }
        }
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

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Action(Action),
    /// The command of the editor at this place of the table.
    Command(usize),
}

/// An action or a command of the editor that the user's bindings leave no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Its name.
    pub of: &'static str,
    /// The key that it has by default.
    pub key: Key,
    /// What that key is bound to.
    pub by: &'static str,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, key, by } = self;
        write!(
            f,
            "{key} is that of {by} now, which leaves {of} no key: give it one, or [] where it needs none"
        )
    }
}

/// Keys and their actions, by place; and the keys of the editor's commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    meanings: HashMap<(Place, Key), Meaning>,
    keys: HashMap<(Place, Action), Vec<Key>>,
    command_keys: HashMap<usize, Vec<Key>>,
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
            meanings: HashMap::new(),
            keys: HashMap::new(),
            command_keys: HashMap::new(),
        };
        for spec in SPECS {
            for key in bindings.of(spec.id).unwrap_or_default() {
                keymap.bind(spec, *key);
            }
        }
        for (idx, spec) in COMMANDS.iter().enumerate() {
            for key in bindings.of(spec.id).unwrap_or_default() {
                keymap.bind_command(idx, *key, true);
            }
        }
        for spec in SPECS.iter().filter(|spec| bindings.of(spec.id).is_none()) {
            for key in spec.keys.iter().filter_map(|key| key.parse().ok()) {
                keymap.bind(spec, key);
            }
        }
        let by_default = COMMANDS.iter().enumerate();
        for (idx, spec) in by_default.filter(|(_, spec)| bindings.of(spec.id).is_none()) {
            for key in spec.keys.iter().filter_map(|key| key.parse().ok()) {
                keymap.bind_command(idx, key, true);
            }
            for key in spec.aliases.iter().filter_map(|key| key.parse().ok()) {
                keymap.bind_command(idx, key, false);
            }
        }
        keymap
    }

    /// Returns which actions and commands have no key left at a place, as all that they had by default were bound to others.
    pub fn losses(bindings: &Bindings) -> Vec<Loss> {
        let (by_default, keymap) = (Self::default(), Self::new(bindings));
        let mut losses = Vec::new();
        for spec in SPECS.iter().filter(|spec| bindings.of(spec.id).is_none()) {
            let lost = spec.places.iter().find_map(|&place| {
                let had = by_default.keys(place, spec.action).first()?;
                let has_none = keymap.keys(place, spec.action).is_empty();
                has_none.then_some((place, *had))
            });
            losses.extend(lost.and_then(|lost| keymap.loss(spec.id, lost)));
        }
        for (idx, spec) in COMMANDS.iter().enumerate() {
            let had = by_default
                .command_keys
                .get(&idx)
                .and_then(|keys| keys.first());
            let has_none = !keymap.command_keys.contains_key(&idx);
            if let (Some(key), true, None) = (had, has_none, bindings.of(spec.id)) {
                losses.extend(keymap.loss(spec.id, (Place::Editor, *key)));
            }
        }
        losses
    }

    fn loss(&self, of: &'static str, (place, key): (Place, Key)) -> Option<Loss> {
        let by = match self.meanings.get(&(place, key))? {
            Meaning::Action(action) => SPECS
                .iter()
                .find(|spec| spec.action == *action && spec.places.contains(&place))
                .map(|spec| spec.id),
            Meaning::Command(idx) => COMMANDS.get(*idx).map(|spec| spec.id),
        }?;
        Some(Loss { of, key, by })
    }

    /// Gives a key to an action wherever no other one has it yet.
    fn bind(&mut self, spec: &ActionSpec, key: Key) {
        for &place in spec.places {
            if let Entry::Vacant(free) = self.meanings.entry((place, key)) {
                free.insert(Meaning::Action(spec.action));
                self.keys.entry((place, spec.action)).or_default().push(key);
            }
        }
    }

    /// Gives a key to a command of the editor, unless something else has it there.
    fn bind_command(&mut self, idx: usize, key: Key, is_shown: bool) {
        if let Entry::Vacant(free) = self.meanings.entry((Place::Editor, key)) {
            free.insert(Meaning::Command(idx));
            if is_shown {
                self.command_keys.entry(idx).or_default().push(key);
            }
        }
    }

    /// Returns what a key asks for at a place.
    pub fn action(&self, place: Place, event: KeyEvent) -> Option<Action> {
        match self.meanings.get(&(place, Key::of(event)))? {
            Meaning::Action(action) => Some(*action),
            Meaning::Command(_) => None,
        }
    }

    /// Returns the command of a key while text is edited; what no key means is typed.
    pub fn command(&self, event: KeyEvent) -> Option<Command> {
        // The system's own shortcuts type nothing.
        let systems = KeyModifiers::SUPER | KeyModifiers::HYPER | KeyModifiers::META;
        if event.kind == KeyEventKind::Release || event.modifiers.intersects(systems) {
            return None;
        }
        if let KeyCode::Char(c) = event.code {
            let has = |modifier| event.modifiers.contains(modifier);
            // AltGr arrives as both modifiers in some terminals and types characters.
            if has(KeyModifiers::CONTROL) == has(KeyModifiers::ALT) {
                return Some(Command::Insert(c.to_string()));
            }
        }
        let key = Key::of(event);
        if let Some(command) = self.command_of(key) {
            return Some(command.clone());
        }
        if !key.modifiers.contains(KeyModifiers::SHIFT) {
            return None;
        }
        Some(match self.command_of(key.without_shift())? {
            Command::Move { motion, .. } => Command::Move {
                motion: *motion,
                extend: true,
            },
            command => command.clone(),
        })
    }

    fn command_of(&self, key: Key) -> Option<&'static Command> {
        match self.meanings.get(&(Place::Editor, key))? {
            Meaning::Command(idx) => COMMANDS.get(*idx).map(|spec| &spec.command),
            Meaning::Action(_) => None,
        }
    }

    /// Returns the commands of the editor with their keys, in the order of their table.
    pub fn commands(&self) -> impl Iterator<Item = (&'static CommandSpec, &[Key])> {
        COMMANDS.iter().enumerate().map(|(idx, spec)| {
            let keys = self.command_keys.get(&idx);
            (spec, keys.map_or(&[][..], Vec::as_slice))
        })
    }

    /// Returns the key of an action that a sentence names; none where the settings leave it none there.
    pub fn first_key(&self, place: Place, action: Action) -> Option<Key> {
        self.keys(place, action).first().copied()
    }

    /// Returns the key of a command of the editor that a sentence names.
    pub fn first_key_of(&self, command: &Command) -> Option<Key> {
        let mut commands = self.commands();
        let (_, keys) = commands.find(|(spec, _)| spec.command == *command)?;
        keys.first().copied()
    }

    /// Returns the keys of an action at a place.
    pub fn keys(&self, place: Place, action: Action) -> &[Key] {
        self.keys.get(&(place, action)).map_or(&[], Vec::as_slice)
    }
}

/// Returns a text that goes on with what keys do, as far as there are such keys; else as it is.
pub fn with_ways<'a>(
    text: &str,
    between: &str,
    ways: impl IntoIterator<Item = (Option<Key>, &'a str)>,
    end: &str,
) -> String {
    let ways = ways.into_iter();
    let ways = ways.filter_map(|(key, what)| Some(format!("{} {what}", key?)));
    let ways: Vec<String> = ways.collect();
    match ways.is_empty() {
        true => text.to_owned(),
        false => format!("{text}{between}{}{end}", ways.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::Motion;

    #[test]
    fn keys_are_written_as_they_are_read() {
        for text in [
            "j",
            "G",
            "^d",
            "^",
            "enter",
            "space",
            "F8",
            "shift-F8",
            "alt-x",
            "pgdn",
            "?",
            "^shift-left",
            "backspace",
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
    fn what_lost_its_only_key_is_named() {
        let check = |text: &str, expected: Option<(&str, &str, &str)>| {
            let losses = Keymap::losses(&toml::from_str(text).unwrap());
            let losses: Vec<_> = losses
                .iter()
                .map(|loss| (loss.of, loss.key.to_string(), loss.by))
                .collect();
            let expected = expected.map(|(of, key, by)| (of, key.to_owned(), by));
            assert_eq!(losses, expected.into_iter().collect::<Vec<_>>());
        };
        check("", None);
        check("teardown = \"i\"", Some(("apply-as", "i", "teardown")));
        // Whoever wants it so needs not be told.
        check("teardown = \"i\"\napply-as = []", None);
        check("teardown = \"i\"\napply-as = \"x\"", None);
        check("save = \"^u\"", Some(("undo", "^u", "save")));
    }

    fn typed(keymap: &Keymap, code: KeyCode, modifiers: KeyModifiers) -> Option<Command> {
        keymap.command(KeyEvent::new(code, modifiers))
    }

    fn check(code: KeyCode, modifiers: KeyModifiers, expected: Option<Command>) {
        let keymap = Keymap::default();
        assert_eq!(
            typed(&keymap, code, modifiers),
            expected,
            "{code:?} {modifiers:?}"
        );
    }

    #[test]
    fn characters_are_typed() {
        let insert = |text: &str| Some(Command::Insert(text.into()));
        check(KeyCode::Char('q'), KeyModifiers::NONE, insert("q"));
        check(KeyCode::Char('Q'), KeyModifiers::SHIFT, insert("Q"));
        let alt_gr = KeyModifiers::CONTROL | KeyModifiers::ALT;
        check(KeyCode::Char('@'), alt_gr, insert("@"));
        let mut released = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
        released.kind = KeyEventKind::Release;
        assert_eq!(Keymap::default().command(released), None);
    }

    #[test]
    fn shift_extends_a_motion_and_changes_no_other_command() {
        let shift = KeyModifiers::SHIFT;
        let go = |motion, extend| Some(Command::Move { motion, extend });
        check(
            KeyCode::Right,
            shift | KeyModifiers::CONTROL,
            go(Motion::WordRight, true),
        );
        check(
            KeyCode::Home,
            KeyModifiers::NONE,
            go(Motion::LineStart, false),
        );
        check(KeyCode::Enter, shift, Some(Command::Newline));
        check(KeyCode::BackTab, shift, Some(Command::Outdent));
        check(KeyCode::F(3), shift, Some(Command::FindPrevious));
        check(KeyCode::Up, KeyModifiers::ALT, Some(Command::MoveLinesUp));
        check(
            KeyCode::Char('7'),
            KeyModifiers::CONTROL,
            Some(Command::ToggleComment),
        );
    }

    #[test]
    fn keys_of_the_program_are_left_to_it() {
        for c in ['s', 'r', 'e', 'f', 'g', 'z', 'q'] {
            check(KeyCode::Char(c), KeyModifiers::CONTROL, None);
        }
        check(KeyCode::Char('c'), KeyModifiers::SUPER, None);
        check(KeyCode::Esc, KeyModifiers::NONE, None);
        check(KeyCode::F(1), KeyModifiers::NONE, None);
    }

    #[test]
    fn commands_of_the_editor_have_keys_that_no_action_has_there() {
        for (spec, keys) in Keymap::default().commands() {
            assert_eq!(keys.len(), spec.keys.len(), "{}", spec.id);
        }
    }

    #[test]
    fn command_of_the_editor_can_be_bound_anew() {
        let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
        let keymap =
            Keymap::new(&toml::from_str("undo = \"^s\"\nsave = \"^o\"\nredo = []").unwrap());
        assert_eq!(keymap.command(control('s')), Some(Command::Undo));
        assert_eq!(keymap.action(Place::Editor, control('s')), None);
        assert_eq!(
            keymap.action(Place::Editor, control('o')),
            Some(Action::Save)
        );
        for c in ['u', 'y'] {
            assert_eq!(keymap.command(control(c)), None, "{c}");
        }
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
