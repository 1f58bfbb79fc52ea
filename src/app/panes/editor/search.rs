//! The search line of the editor: what is searched, and what it is replaced with.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::app::input::Input;
use crate::editor::Command;

/// What is searched while it is typed.
#[derive(Debug, Clone, Default)]
pub struct SearchLine {
    /// What is searched.
    pub query: Input,
    /// What stands in its place afterwards; none while nothing is to be replaced.
    pub replacement: Option<Input>,
    /// Whether keys go to the replacement.
    pub is_replacing: bool,
    /// Whether what is searched is a regular expression.
    pub is_expression: bool,
    /// Whether what is searched was taken from the text: what is typed first takes its place.
    is_taken: bool,
}

impl SearchLine {
    /// Returns the line of a search that was begun with a text.
    pub(in crate::app) fn new(query: &str, replaces: bool) -> Self {
        Self {
            query: Input::with_text(query),
            replacement: replaces.then(Input::default),
            is_replacing: false,
            is_expression: false,
            is_taken: !query.is_empty(),
        }
    }

    /// Takes a key; returns what it asks of the editor.
    pub(in crate::app) fn on_key(&mut self, key: KeyEvent) -> Option<Command> {
        let is_alt = key.modifiers == KeyModifiers::ALT;
        let is_plain = (key.modifiers - KeyModifiers::SHIFT).is_empty();
        let is_taken = std::mem::take(&mut self.is_taken);
        if is_taken && is_plain && matches!(key.code, KeyCode::Char(_)) {
            self.query = Input::default();
        }
        match key.code {
            // What was replaced stays, and so does the cursor.
            KeyCode::Esc if self.is_replacing => Some(Command::SearchAccept),
            KeyCode::Esc => Some(Command::SearchCancel),
            KeyCode::Enter | KeyCode::Char('a') if is_alt => {
                let with = self.replacement.as_ref()?;
                Some(Command::ReplaceMatches(with.text().to_owned()))
            }
            KeyCode::Char('x') if is_alt => {
                self.is_expression ^= true;
                Some(Command::SearchExpression(self.is_expression))
            }
            KeyCode::Enter => Some(match self.replacement.as_ref() {
                Some(with) if self.is_replacing => Command::ReplaceMatch(with.text().to_owned()),
                _ => Command::SearchAccept,
            }),
            KeyCode::Tab | KeyCode::BackTab => {
                self.replacement.get_or_insert_default();
                self.is_replacing ^= true;
                None
            }
            KeyCode::Down | KeyCode::F(3) => Some(Command::FindNext),
            KeyCode::Up => Some(Command::FindPrevious),
            _ => match self.input().on_key(key) {
                true => self.typed(),
                false => None,
            },
        }
    }

    /// Takes a text that was pasted; returns what it asks of the editor.
    ///
    /// # Errors
    /// There is no room for it, as the sentence says.
    pub(in crate::app) fn paste(&mut self, text: &str) -> Result<Option<Command>, String> {
        let replaces = std::mem::take(&mut self.is_taken) && !self.is_replacing;
        let mut input = match replaces {
            true => Input::default(),
            false => self.input().clone(),
        };
        input.paste(text)?;
        *self.input() = input;
        Ok(self.typed())
    }

    fn input(&mut self) -> &mut Input {
        match &mut self.replacement {
            Some(replacement) if self.is_replacing => replacement,
            _ => &mut self.query,
        }
    }

    fn typed(&self) -> Option<Command> {
        let query = self.query.text().to_owned();
        (!self.is_replacing).then_some(Command::SearchQuery(query))
    }
}
