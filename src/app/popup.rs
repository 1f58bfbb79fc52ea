//! What stands over a screen and takes all keys: menus (the palette too), prompts, help.

mod choice;
mod menu;
mod prompt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::screen::{half_page_of, page_of};
use crate::secret::{SecretQuestion, SecretValue};

use super::msg::OpId;

pub use choice::{Choice, Consequence, ForwardTarget, ImportBy};
pub use menu::{Menu, MenuItem};
pub use prompt::{Prompt, PromptKind, SecretPrompt};

/// What stands over a screen.
#[derive(Debug, Clone)]
pub enum Popup {
    /// A menu.
    Menu(Menu),
    /// A prompt.
    Prompt(Prompt),
    /// A prompt for a secret.
    Secret(SecretPrompt),
    /// The keys, from this line on.
    Help {
        /// The first line that is shown.
        top: usize,
    },
}

/// What a popup makes of a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// It took the key.
    Nothing,
    /// It is to be closed.
    Close,
    /// Something was chosen.
    Choose(Choice),
    /// What was chosen cannot be done, for this reason.
    Refuse(String),
    /// A text was typed.
    Typed(PromptKind, String),
    /// A secret was typed.
    Told {
        /// The review that asked.
        op: OpId,
        /// What was asked.
        question: SecretQuestion,
        /// The answer.
        value: SecretValue,
    },
}

/// The question of any prompt for a secret.
const A_SECRET: &str = "a secret";

impl Popup {
    /// Returns its title, how much it says and which items it shows: another outline is another picture to point at.
    pub(super) fn outline(&self) -> (String, usize, Vec<usize>) {
        match self {
            Self::Menu(menu) => (menu.title.clone(), menu.text.len(), menu.shown.clone()),
            Self::Prompt(prompt) => (prompt.title.clone(), prompt.text.len(), Vec::new()),
            Self::Secret(prompt) => (prompt.question.text.clone(), 0, Vec::new()),
            Self::Help { .. } => Default::default(),
        }
    }

    /// Returns its title where an answer is more than a way on, which nobody means who has not seen the question: of prompts
    /// too, and of that for a secret, which comes with the plan and would take what is typed for something else.
    pub fn question(&self) -> Option<&str> {
        match self {
            Self::Menu(menu) => {
                let acts = |item: &MenuItem| item.choice.consequence() != Consequence::LeadsOn;
                menu.items.iter().any(acts).then_some(&menu.title)
            }
            Self::Prompt(prompt) => Some(&prompt.title),
            // One behind another is typed ahead, as it was known that they come.
            Self::Secret(_) => Some(A_SECRET),
            Self::Help { .. } => None,
        }
    }

    /// Tells whether what is typed before it is seen may stand in it: fingers that know it are faster than a slow link, and it
    /// is seen before it is answered.
    pub fn takes_typing_ahead(&self) -> bool {
        matches!(self, Self::Prompt(prompt) if !prompt.kind.carries_out())
    }

    /// Takes a key; `height` is how many rows of a menu or the help are in sight.
    pub(super) fn on_key(&mut self, key: KeyEvent, height: usize) -> Answer {
        match self {
            Self::Menu(menu) => menu.on_key(key, height),
            Self::Prompt(prompt) => prompt.on_key(key),
            Self::Secret(prompt) => prompt.on_key(key),
            Self::Help { top } => on_help_key(top, key, height),
        }
    }

    /// Takes what was pasted.
    ///
    /// # Errors
    /// There is no room for it, as the sentence says.
    pub(super) fn on_paste(&mut self, text: &str) -> Result<(), String> {
        match self {
            Self::Menu(menu) => {
                if let Some(query) = &mut menu.query {
                    query.paste(text)?;
                    menu.narrow();
                }
                Ok(())
            }
            // A confirmation is typed, never pasted.
            Self::Prompt(prompt) if prompt.kind.carries_out() => Ok(()),
            Self::Prompt(prompt) => prompt.input.paste(text),
            Self::Secret(prompt) => prompt.input.paste(text),
            Self::Help { .. } => Ok(()),
        }
    }
}

/// Tells whether a key is pressed alone: what answers a question has no other meaning with control or alt.
fn is_plain(key: KeyEvent) -> bool {
    !(key.modifiers).intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
}

/// Returns how many rows a key moves by that goes a page or half of one, where it does; a line of a page stays in sight.
fn paged(key: KeyEvent, height: usize) -> Option<isize> {
    let (page, half) = (page_of(height), half_page_of(height));
    let is_control = key.modifiers == KeyModifiers::CONTROL;
    Some(match key.code {
        KeyCode::PageDown => page,
        KeyCode::PageUp => -page,
        KeyCode::Char('f') if is_control => page,
        KeyCode::Char('b') if is_control => -page,
        KeyCode::Char('d') if is_control => half,
        KeyCode::Char('u') if is_control => -half,
        _ => return None,
    })
}

fn on_help_key(top: &mut usize, key: KeyEvent, height: usize) -> Answer {
    let rows = paged(key, height).or(match key.code {
        KeyCode::Down | KeyCode::Char('j') => Some(1),
        KeyCode::Up | KeyCode::Char('k') => Some(-1),
        KeyCode::Char(' ') => Some(page_of(height)),
        KeyCode::Char('d') => Some(half_page_of(height)),
        KeyCode::Char('u') => Some(-half_page_of(height)),
        _ => None,
    });
    if let Some(rows) = rows {
        *top = top.saturating_add_signed(rows);
        return Answer::Nothing;
    }
    match key.code {
        KeyCode::Home | KeyCode::Char('g') => *top = 0,
        // What is beyond the end is taken back once it is known how many lines there are.
        KeyCode::End | KeyCode::Char('G') => *top = usize::MAX / 2,
        KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?' | 'c') | KeyCode::F(1) => {
            return Answer::Close;
        }
        _ => {}
    }
    Answer::Nothing
}
