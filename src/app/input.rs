//! One-line inputs: filter, palette, prompts, typed confirmations. The only place that knows the text area behind them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_textarea::{CursorMove, Input as AreaInput, Key as AreaKey, TextArea};

/// Longest text that a paste may make: what is not meant for a line is mostly longer.
const MAX_CHARS: usize = 10_000;

/// A line of text with a cursor.
#[derive(Debug, Clone, Default)]
pub struct Input {
    area: TextArea<'static>,
    /// Whether the text is only proposed: typing replaces it, and any other key takes it.
    is_proposed: bool,
}

impl Input {
    /// Returns an input that holds a text, with the cursor at its end.
    pub fn with_text(text: &str) -> Self {
        let mut input = Self::default();
        input.area.insert_str(one_line(text));
        input
    }

    /// Returns an input with a text that is proposed: whoever types writes another one in its place.
    pub fn proposing(text: &str) -> Self {
        Self {
            is_proposed: true,
            ..Self::with_text(text)
        }
    }

    /// Tells whether the text is only proposed.
    pub fn is_proposed(&self) -> bool {
        self.is_proposed
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        self.area.lines().first().map_or("", String::as_str)
    }

    /// Returns the characters before the cursor.
    pub fn before_cursor(&self) -> &str {
        let text = self.text();
        let end = text
            .char_indices()
            .nth(self.area.cursor().1)
            .map_or(text.len(), |(at, _)| at);
        &text[..end]
    }

    /// Types a key; tells whether the key was one of editing.
    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let was_proposed = std::mem::take(&mut self.is_proposed);
        match (key.code, control != alt) {
            (KeyCode::Char(c), false) => {
                if was_proposed {
                    *self = Self::default();
                }
                if !c.is_control() {
                    self.press(AreaKey::Char(c));
                }
            }
            (KeyCode::Char('u'), true) if control => {
                self.area.delete_line_by_head();
            }
            (KeyCode::Char('w' | 'h'), true) if control => {
                self.area.delete_word();
            }
            (KeyCode::Char('a'), true) if control => self.area.move_cursor(CursorMove::Head),
            (KeyCode::Char('e'), true) if control => self.area.move_cursor(CursorMove::End),
            (KeyCode::Left, true) => self.area.move_cursor(CursorMove::WordBack),
            (KeyCode::Right, true) => self.area.move_cursor(CursorMove::WordForward),
            (KeyCode::Left, false) => self.area.move_cursor(CursorMove::Back),
            (KeyCode::Right, false) => self.area.move_cursor(CursorMove::Forward),
            (KeyCode::Home, _) => self.area.move_cursor(CursorMove::Head),
            (KeyCode::End, _) => self.area.move_cursor(CursorMove::End),
            (KeyCode::Backspace, true) => {
                self.area.delete_word();
            }
            (KeyCode::Backspace, false) => self.press(AreaKey::Backspace),
            (KeyCode::Delete, _) => self.press(AreaKey::Delete),
            _ => return false,
        }
        true
    }

    /// Pastes a text as one line, without control characters: all of it, since nobody would see that the end is missing.
    ///
    /// # Errors
    /// It is too long, as the sentence says; nothing of it is taken.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        let line = one_line(text);
        let present = match self.is_proposed {
            true => 0,
            false => self.text().chars().count(),
        };
        if present + line.chars().count() > MAX_CHARS {
            return Err(format!("this line takes at most {MAX_CHARS} characters"));
        }
        if std::mem::take(&mut self.is_proposed) {
            *self = Self::default();
        }
        self.area.insert_str(line);
        Ok(())
    }

    fn press(&mut self, key: AreaKey) {
        self.area.input_without_shortcuts(AreaInput {
            key,
            ..AreaInput::default()
        });
    }
}

/// Returns a text as one line, without control characters.
fn one_line(text: &str) -> String {
    text.trim_end_matches(['\n', '\r'])
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(start: &str, keys: &[(KeyCode, KeyModifiers)], expected: (&str, &str)) {
        let mut input = Input::with_text(start);
        for (code, modifiers) in keys {
            input.on_key(KeyEvent::new(*code, *modifiers));
        }
        assert_eq!((input.text(), input.before_cursor()), expected);
    }

    #[test]
    fn what_is_proposed_is_replaced_by_typing_and_kept_by_moving() {
        let check = |code: KeyCode, expected: &str| {
            let mut input = Input::proposing("3");
            input.on_key(KeyEvent::new(code, KeyModifiers::NONE));
            input.on_key(KeyEvent::new(KeyCode::Char('2'), KeyModifiers::NONE));
            assert_eq!(input.text(), expected, "{code:?}");
        };
        check(KeyCode::Char('1'), "12");
        check(KeyCode::End, "32");
        check(KeyCode::Home, "23");
        check(KeyCode::Backspace, "2");
        let mut input = Input::proposing("3");
        input.paste("14").unwrap();
        assert_eq!(input.text(), "14");
    }

    #[test]
    fn a_line_is_edited_with_the_keys_of_a_shell() {
        let none = KeyModifiers::NONE;
        let control = KeyModifiers::CONTROL;
        check("ab", &[(KeyCode::Char('c'), none)], ("abc", "abc"));
        check("ab cd", &[(KeyCode::Char('w'), control)], ("ab ", "ab "));
        check("ab cd", &[(KeyCode::Char('u'), control)], ("", ""));
        check("aé", &[(KeyCode::Left, none)], ("aé", "a"));
        check(
            "ab",
            &[(KeyCode::Home, none), (KeyCode::Delete, none)],
            ("b", ""),
        );
    }

    #[test]
    fn pasted_lines_become_one_of_bounded_length() {
        let mut input = Input::default();
        input.paste("a\nb\u{1b}[2J\n").unwrap();
        assert_eq!(input.text(), "a b [2J");
        input.paste(&"x".repeat(MAX_CHARS - 7)).unwrap();
        assert_eq!(input.text().chars().count(), MAX_CHARS);
    }

    #[test]
    fn nothing_is_cut() {
        // What does not fit is not taken in part, and leaves what is there.
        let mut input = Input::proposing("3");
        input.paste(&"x".repeat(MAX_CHARS + 1)).unwrap_err();
        assert_eq!((input.text(), input.is_proposed()), ("3", true));
        let long = "x".repeat(MAX_CHARS + 1);
        let mut input = Input::with_text(&long);
        input.on_key(KeyEvent::new(KeyCode::Char('y'), KeyModifiers::NONE));
        assert_eq!(input.text(), long + "y");
    }
}
