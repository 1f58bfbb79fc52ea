//! Which key asks for which command while text is edited.
//!
//! Keys of the program around the editor (save, review, help, the search prompt, suspend) answer `None`: they are actions.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::command::{Command, Motion};

/// The keys and what they do, for the help screen.
pub const KEY_HELP: &[(&str, &str)] = &[
    ("arrows home end pgup pgdn", "move; with shift, select"),
    ("^left ^right", "move by words"),
    ("^home ^end", "to the start, to the end of the text"),
    ("^a", "select everything"),
    ("^x ^c ^v", "cut, copy, paste the selection or the line"),
    ("^u ^y", "undo, redo"),
    ("tab shift-tab", "indent, outdent; the selected lines too"),
    ("^w alt-d", "delete the word before, after"),
    ("^/", "comment the lines, or take the comment off"),
    ("alt-up alt-down", "move the lines"),
    ("F3 ^n", "next match"),
    ("shift-F3 ^p", "match before"),
    ("F8 shift-F8", "next problem, problem before"),
    (
        "alt-enter",
        "mend the problem at the cursor as the checker offers",
    ),
];

/// Returns the command of a key, or `None` for a key that the editor leaves to others.
pub fn command_for_key(key: KeyEvent) -> Option<Command> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    // The system's own shortcuts type nothing.
    if key
        .modifiers
        .intersects(KeyModifiers::SUPER | KeyModifiers::HYPER | KeyModifiers::META)
    {
        return None;
    }
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        // AltGr arrives as both modifiers in some terminals and types characters.
        KeyCode::Char(c) if control != alt => chord(c, control),
        KeyCode::Char(c) => Some(Command::Insert(c.to_string())),
        code => motion(code, control, alt)
            .map(|motion| Command::Move {
                motion,
                extend: key.modifiers.contains(KeyModifiers::SHIFT),
            })
            .or_else(|| editing(code, key.modifiers)),
    }
}

fn chord(c: char, control: bool) -> Option<Command> {
    match (c.to_ascii_lowercase(), control) {
        ('a', true) => Some(Command::SelectAll),
        ('c', true) => Some(Command::Copy),
        ('x', true) => Some(Command::Cut),
        ('v', true) => Some(Command::PasteClipboard),
        // ^z suspends the program, as in a shell.
        ('u', true) => Some(Command::Undo),
        ('y', true) => Some(Command::Redo),
        // NB: many terminals send shift with F3 as `CSI 1;2 R`, which is read as the answer to a cursor query and lost.
        ('n', true) => Some(Command::FindNext),
        ('p', true) => Some(Command::FindPrevious),
        // Terminals without the enhanced protocol send ^h for control with backspace.
        ('w' | 'h', true) => Some(Command::DeleteWordBack),
        ('d', false) => Some(Command::DeleteWordForward),
        // And ^/ comes as the byte 0x1f, which is read as ^7.
        ('/' | '_' | '7', true) => Some(Command::ToggleComment),
        ('b', false) => Some(Command::Move {
            motion: Motion::WordLeft,
            extend: false,
        }),
        ('f', false) => Some(Command::Move {
            motion: Motion::WordRight,
            extend: false,
        }),
        _ => None,
    }
}

fn motion(code: KeyCode, control: bool, alt: bool) -> Option<Motion> {
    match code {
        KeyCode::Left if control || alt => Some(Motion::WordLeft),
        KeyCode::Right if control || alt => Some(Motion::WordRight),
        KeyCode::Home if control => Some(Motion::TextStart),
        KeyCode::End if control => Some(Motion::TextEnd),
        KeyCode::Left => Some(Motion::Left),
        KeyCode::Right => Some(Motion::Right),
        KeyCode::Up if !alt => Some(Motion::Up),
        KeyCode::Down if !alt => Some(Motion::Down),
        KeyCode::PageUp => Some(Motion::PageUp),
        KeyCode::PageDown => Some(Motion::PageDown),
        KeyCode::Home => Some(Motion::LineStart),
        KeyCode::End => Some(Motion::LineEnd),
        _ => None,
    }
}

fn editing(code: KeyCode, modifiers: KeyModifiers) -> Option<Command> {
    let shift = modifiers.contains(KeyModifiers::SHIFT);
    let by_word = modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match code {
        KeyCode::Enter if modifiers.contains(KeyModifiers::ALT) => Some(Command::Mend),
        KeyCode::Enter => Some(Command::Newline),
        KeyCode::BackTab => Some(Command::Outdent),
        KeyCode::Tab if shift => Some(Command::Outdent),
        KeyCode::Tab => Some(Command::Indent),
        KeyCode::Backspace if by_word => Some(Command::DeleteWordBack),
        KeyCode::Backspace => Some(Command::Backspace),
        KeyCode::Delete if by_word => Some(Command::DeleteWordForward),
        KeyCode::Delete if shift => Some(Command::Cut),
        KeyCode::Delete => Some(Command::Delete),
        KeyCode::Insert if shift => Some(Command::PasteClipboard),
        KeyCode::Insert if modifiers.contains(KeyModifiers::CONTROL) => Some(Command::Copy),
        KeyCode::Up => Some(Command::MoveLinesUp),
        KeyCode::Down => Some(Command::MoveLinesDown),
        KeyCode::F(3) if shift => Some(Command::FindPrevious),
        KeyCode::F(3) => Some(Command::FindNext),
        KeyCode::F(8) if shift => Some(Command::PreviousProblem),
        KeyCode::F(8) => Some(Command::NextProblem),
        // Terminals that count on report shift with F3 and F8 as F15 and F20.
        KeyCode::F(15) => Some(Command::FindPrevious),
        KeyCode::F(20) => Some(Command::PreviousProblem),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: KeyCode, modifiers: KeyModifiers, expected: Option<Command>) {
        assert_eq!(
            command_for_key(KeyEvent::new(code, modifiers)),
            expected,
            "{code:?} {modifiers:?}"
        );
    }

    #[test]
    fn characters_are_typed() {
        check(
            KeyCode::Char('q'),
            KeyModifiers::NONE,
            Some(Command::Insert("q".into())),
        );
        check(
            KeyCode::Char('Q'),
            KeyModifiers::SHIFT,
            Some(Command::Insert("Q".into())),
        );
        check(
            KeyCode::Char('@'),
            KeyModifiers::CONTROL | KeyModifiers::ALT,
            Some(Command::Insert("@".into())),
        );
    }

    #[test]
    fn shift_extends_a_motion() {
        check(
            KeyCode::Right,
            KeyModifiers::SHIFT | KeyModifiers::CONTROL,
            Some(Command::Move {
                motion: Motion::WordRight,
                extend: true,
            }),
        );
        check(
            KeyCode::Home,
            KeyModifiers::NONE,
            Some(Command::Move {
                motion: Motion::LineStart,
                extend: false,
            }),
        );
    }

    #[test]
    fn alt_moves_lines_and_mends() {
        check(KeyCode::Up, KeyModifiers::ALT, Some(Command::MoveLinesUp));
        check(KeyCode::Enter, KeyModifiers::ALT, Some(Command::Mend));
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

    /// Reads a key as the help writes it.
    fn key(name: &str) -> KeyEvent {
        let (name, control) = name
            .strip_prefix('^')
            .map_or((name, false), |rest| (rest, true));
        let (name, alt) = name
            .strip_prefix("alt-")
            .map_or((name, false), |rest| (rest, true));
        let (name, shift) = name
            .strip_prefix("shift-")
            .map_or((name, false), |rest| (rest, true));
        let code = match name {
            "arrows" | "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "home" => KeyCode::Home,
            "end" => KeyCode::End,
            "pgup" => KeyCode::PageUp,
            "pgdn" => KeyCode::PageDown,
            "tab" if shift => KeyCode::BackTab,
            "tab" => KeyCode::Tab,
            "enter" => KeyCode::Enter,
            "F3" => KeyCode::F(3),
            "F8" => KeyCode::F(8),
            _ => KeyCode::Char(name.parse().unwrap()),
        };
        let modifiers = [
            (control, KeyModifiers::CONTROL),
            (alt, KeyModifiers::ALT),
            (shift, KeyModifiers::SHIFT),
        ];
        KeyEvent::new(
            code,
            modifiers
                .into_iter()
                .filter(|(is_on, _)| *is_on)
                .map(|(_, modifier)| modifier)
                .collect(),
        )
    }

    #[test]
    fn every_key_of_the_help_has_a_command_of_its_own() {
        let names = KEY_HELP
            .iter()
            .flat_map(|(keys, _)| keys.split([' ', ',']).filter(|key| !key.is_empty()));
        let commands: Vec<_> = names
            .map(|name| command_for_key(key(name)).unwrap_or_else(|| panic!("{name}")))
            .collect();
        for (idx, command) in commands.iter().enumerate() {
            let n_same = commands.iter().filter(|other| *other == command).count();
            let has_two_keys = matches!(command, Command::FindNext | Command::FindPrevious);
            assert_eq!(n_same, 1 + usize::from(has_two_keys), "{idx}: {command:?}");
        }
    }

    #[test]
    fn releases_type_nothing() {
        let mut key = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(command_for_key(key), None);
    }
}
