//! Menus: a list to choose from, by its keys, by moving in it, or narrowed by typing.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::app::filter::FuzzyMatcher;
use crate::app::input::Input;
use crate::app::keymap::Key;

use super::{Answer, Choice, is_plain, paged};

/// A line of a menu.
#[derive(Debug, Clone, PartialEq)]
pub struct MenuItem {
    /// What is chosen.
    pub label: String,
    /// What is said beside it.
    pub detail: String,
    /// What it is called otherwise: typing that finds it too.
    pub name: &'static str,
    /// What people of other tools call it, as words: typing those finds it too.
    pub aliases: &'static str,
    /// Why it cannot be chosen now.
    pub why_not: Option<String>,
    /// The key that chooses it at once.
    pub key: Option<Key>,
    /// What choosing it does.
    pub choice: Choice,
}

impl MenuItem {
    /// Returns an item that can be chosen.
    pub fn new(label: impl Into<String>, detail: impl Into<String>, choice: Choice) -> Self {
        Self {
            label: label.into(),
            detail: detail.into(),
            name: "",
            aliases: "",
            why_not: None,
            key: None,
            choice,
        }
    }

    /// Returns the item that only closes the menu, as `n` does too.
    pub fn cancel() -> Self {
        Self::new("Cancel", "", Choice::Cancel).on('n')
    }

    /// Returns how far what it is called is from what was typed, in lower case: 0 where it is called so, 1 where a name
    /// begins so.
    fn unlikeness(&self, typed: &str) -> u8 {
        let names = || self.aliases.split(' ').chain([self.name]);
        if typed.is_empty() || !names().any(|name| name.starts_with(typed)) {
            2
        } else {
            u8::from(!names().any(|name| name == typed))
        }
    }

    /// Returns the item, chosen at once by a character too.
    pub fn on(self, c: char) -> Self {
        Self {
            key: Some(Key::char(c)),
            ..self
        }
    }
}

/// A list to choose from, with the sentences that the choice is about.
#[derive(Debug, Clone)]
pub struct Menu {
    /// Its title.
    pub title: String,
    /// What is to be known before choosing.
    pub text: Vec<String>,
    /// All items.
    pub items: Vec<MenuItem>,
    /// What was typed to narrow the list; none where it cannot be narrowed.
    pub query: Option<Input>,
    /// Indices of the items that match, the best first.
    pub shown: Vec<usize>,
    /// Which of those is selected.
    pub selected: usize,
}

impl Menu {
    /// Returns a short menu.
    pub fn new(title: impl Into<String>, text: Vec<String>, items: Vec<MenuItem>) -> Self {
        let shown = (0..items.len()).collect();
        Self {
            title: title.into(),
            text,
            items,
            query: None,
            shown,
            selected: 0,
        }
    }

    /// Returns a question that `enter` or `y` answers with the deed.
    pub fn confirm(title: impl Into<String>, text: Vec<String>, deed: MenuItem) -> Self {
        Self::new(title, text, vec![deed.on('y'), MenuItem::cancel()])
    }

    /// Returns a question that `y` answers with the deed, and `enter` with nothing.
    pub fn confirm_grave(title: impl Into<String>, text: Vec<String>, deed: MenuItem) -> Self {
        Self::new(title, text, vec![MenuItem::cancel(), deed.on('y')])
    }

    /// Returns a menu that is narrowed by typing.
    pub fn searchable(title: impl Into<String>, items: Vec<MenuItem>) -> Self {
        Self {
            query: Some(Input::default()),
            ..Self::new(title, Vec::new(), items)
        }
    }

    /// Tells whether `y` and `n` answer it.
    pub fn is_confirmation(&self) -> bool {
        let has = |c| self.items.iter().any(|item| item.key == Some(Key::char(c)));
        self.query.is_none() && self.items.len() == 2 && has('y') && has('n')
    }

    /// Tells whether it is neither narrowed by typing nor a question.
    fn is_list(&self) -> bool {
        self.query.is_none() && !self.is_confirmation()
    }

    /// Lets `enter` answer with nothing: who types a word into a question did not mean it, nor the `enter` behind the word.
    fn select_cancel(&mut self) {
        let is_cancel = |idx: &usize| self.items[*idx].choice == Choice::Cancel;
        self.selected = self.shown.iter().position(is_cancel).unwrap_or(0);
    }

    /// Returns the selected item.
    pub fn selected(&self) -> Option<&MenuItem> {
        self.items.get(*self.shown.get(self.selected)?)
    }

    /// Takes another list, as one that was awaited; what was typed stays, and so does the selection on what it was moved to,
    /// wherever that stands now.
    pub fn set_items(&mut self, items: Vec<MenuItem>) {
        let selected = self.selected().filter(|_| self.selected > 0);
        let selected = selected.map(|item| item.choice.clone());
        self.items = items;
        self.narrow();
        let is_it = |idx: &usize| Some(&self.items[*idx].choice) == selected.as_ref();
        self.selected = self.shown.iter().position(is_it).unwrap_or(0);
    }

    pub(super) fn narrow(&mut self) {
        let query = self.query.as_ref().map_or("", Input::text);
        let texts: Vec<String> = self
            .items
            .iter()
            .map(|item| {
                let MenuItem { name, aliases, .. } = item;
                format!("{name} {aliases} {} {}", item.label, item.detail)
            })
            .collect();
        self.shown = FuzzyMatcher::default().rank(query, texts.iter().map(String::as_str));
        // What is called so comes before what has the letters somewhere in a sentence: enter chooses the first.
        let typed = query.trim().to_lowercase();
        self.shown
            .sort_by_key(|idx| self.items[*idx].unlikeness(&typed));
        self.selected = 0;
    }

    /// Takes a key, with how many items are in sight; returns what was chosen, or that the menu is to be closed.
    pub(super) fn on_key(&mut self, key: KeyEvent, height: usize) -> Answer {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let last = self.shown.len().saturating_sub(1);
        // What narrows a list is edited with ^u.
        let is_edited = self.query.is_some() && key.code == KeyCode::Char('u');
        if let Some(rows) = paged(key, height).filter(|_| !is_edited) {
            self.selected = self.selected.saturating_add_signed(rows).min(last);
            return Answer::Nothing;
        }
        match key.code {
            KeyCode::Esc => return Answer::Close,
            KeyCode::Char('c' | 'g') if control => return Answer::Close,
            KeyCode::Enter if is_plain(key) => return answer_of(self.selected()),
            KeyCode::Up | KeyCode::BackTab => self.selected = self.selected.saturating_sub(1),
            KeyCode::Char('p' | 'k') if control => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => self.selected = last.min(self.selected + 1),
            KeyCode::Char('n' | 'j') if control => self.selected = last.min(self.selected + 1),
            KeyCode::Home => self.selected = 0,
            KeyCode::End => self.selected = last,
            KeyCode::Char('g') if self.is_list() => self.selected = 0,
            KeyCode::Char('G') if self.is_list() => self.selected = last,
            KeyCode::Char('k') if self.query.is_none() => {
                self.selected = self.selected.saturating_sub(1)
            }
            KeyCode::Char('j') if self.query.is_none() => {
                self.selected = last.min(self.selected + 1)
            }
            KeyCode::Char('q') if self.query.is_none() => return Answer::Close,
            _ if self.query.is_none() => {
                let pressed = Key::of(key);
                let mut items = self.items.iter();
                let chosen = items.find(|item| item.key == Some(pressed));
                if chosen.is_none()
                    && self.is_confirmation()
                    && matches!(key.code, KeyCode::Char(_))
                {
                    self.select_cancel();
                    return Answer::Nothing;
                }
                return answer_of(chosen);
            }
            _ => {
                if let Some(query) = &mut self.query
                    && query.on_key(key)
                {
                    self.narrow();
                }
            }
        }
        Answer::Nothing
    }
}

fn answer_of(item: Option<&MenuItem>) -> Answer {
    match item {
        Some(MenuItem {
            why_not: Some(why), ..
        }) => Answer::Refuse(why.clone()),
        Some(item) => Answer::Choose(item.choice.clone()),
        None => Answer::Nothing,
    }
}
