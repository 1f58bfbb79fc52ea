//! A field for a secret: what is typed is counted on the screen, never shown, and blanked when it goes.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use zeroize::Zeroizing;

use crate::secret::{MAX_BYTES, SecretValue};

/// What is typed so far. The room for all that a Secret holds is taken at once: a text that grows leaves copies behind.
pub struct SecretInput(Zeroizing<String>);

impl SecretInput {
    /// Returns how many characters were typed.
    pub fn n_chars(&self) -> usize {
        self.0.chars().count()
    }

    /// Returns what was typed.
    pub fn value(&self) -> SecretValue {
        SecretValue::new(self.0.as_bytes())
    }

    /// Types a key; tells whether the key was one of editing.
    pub fn on_key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('u' | 'w') if control && !alt => self.0.clear(),
            KeyCode::Char(c) if control == alt && !c.is_control() => {
                // More than there is room for is pasted, if it comes at all.
                if self.room() >= c.len_utf8() {
                    self.0.push(c);
                }
            }
            KeyCode::Backspace => drop(self.0.pop()),
            _ => return false,
        }
        true
    }

    /// Takes a text that was pasted, without the end of its last line: all of it, since nobody would see that the end is
    /// missing.
    ///
    /// # Errors
    /// It is too long, as the sentence says; nothing of it is taken.
    pub fn paste(&mut self, text: &str) -> Result<(), String> {
        let text = text.trim_end_matches(['\n', '\r']);
        if text.len() > self.room() {
            return Err(format!("a secret takes at most {MAX_BYTES} bytes"));
        }
        self.0.push_str(text);
        Ok(())
    }

    fn room(&self) -> usize {
        MAX_BYTES - self.0.len()
    }
}

impl Default for SecretInput {
    fn default() -> Self {
        Self(Zeroizing::new(String::with_capacity(MAX_BYTES)))
    }
}

impl Clone for SecretInput {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.0.push_str(&self.0);
        copy
    }
}

impl fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(input: &mut SecretInput, code: KeyCode, modifiers: KeyModifiers) -> bool {
        input.on_key(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn it_takes_keys_and_pastes_and_shows_neither() {
        let mut input = SecretInput::default();
        for c in ['h', 'ü'] {
            press(&mut input, KeyCode::Char(c), KeyModifiers::NONE);
        }
        input.paste("nter\n2\n").unwrap();
        press(&mut input, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(input.value(), SecretValue::new("hünter\n"));
        assert_eq!(input.n_chars(), 7);
        assert!(!format!("{input:?} {:?}", input.clone()).contains("nter"));
        assert!(press(&mut input, KeyCode::Char('u'), KeyModifiers::CONTROL));
        assert_eq!(input.n_chars(), 0);
        assert!(!press(&mut input, KeyCode::Enter, KeyModifiers::NONE));
    }

    #[test]
    fn it_never_grows_beyond_the_room_that_it_took() {
        let mut input = SecretInput::default();
        let room = input.0.capacity();
        input.paste(&"x".repeat(MAX_BYTES)).unwrap();
        // What does not fit is not taken in part.
        input.paste("xy").unwrap_err();
        press(&mut input, KeyCode::Char('x'), KeyModifiers::NONE);
        assert_eq!((input.n_chars(), input.0.capacity()), (MAX_BYTES, room));
    }
}
