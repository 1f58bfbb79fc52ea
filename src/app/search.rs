//! The search in a text that is only read: what is looked for, and the line with the match that was gone to. Where that is
//! depends on how the text is broken into lines, so it is found while these are drawn.

use crossterm::event::{KeyCode, KeyEvent};
use regex::{Regex, RegexBuilder};

use super::input::Input;
use crate::editor::is_exact;

/// Rows that stay in sight above a match that is gone to.
const CONTEXT: usize = 3;

/// Returns what is looked for; nothing where nothing was typed.
///
/// # Errors
/// Why a text is no regular expression.
pub fn expression(text: &str) -> Result<Option<Regex>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    Regex::new(text).map(Some).map_err(|error| {
        let sentence = error.to_string();
        let last = sentence.lines().last().unwrap_or_default();
        last.trim_start_matches("error: ").to_owned()
    })
}

/// Returns an expression that heeds the case of letters where one of them is a capital, as in the editor.
fn as_in_the_editor(pattern: Regex) -> Regex {
    if is_exact(pattern.as_str(), true) {
        return pattern;
    }
    let mut any_case = RegexBuilder::new(pattern.as_str());
    any_case.case_insensitive(true).build().unwrap_or(pattern)
}

/// What is looked for in the text in front.
#[derive(Debug, Clone, Default)]
pub struct TextSearch {
    /// What is typed, while it is.
    pub input: Option<Input>,
    /// What is looked for.
    pub pattern: Option<Regex>,
    /// Why what is typed is no expression.
    pub error: Option<String>,
    /// The line that was shown first before it was typed.
    from: usize,
    /// The line of the match that was gone to; none where one moved on since.
    at: Option<usize>,
    /// How many matches the next picture goes on, or back.
    steps: isize,
}

/// Where one is in a text as it is drawn, and where a search led there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The line to be shown first.
    pub top: usize,
    /// The line that the end is in sight from.
    pub last_top: usize,
    /// The line of the match that was gone to.
    pub at: Option<usize>,
}

/// What a key came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    /// The text is shown from this line on, and the first match after it is gone to.
    From(usize),
    /// Nothing else.
    Nothing,
}

impl TextSearch {
    /// Begins to look for something; what was looked for is there to be changed.
    pub(super) fn begin(&mut self, top: usize) {
        let present = self.pattern.as_ref().map_or("", Regex::as_str);
        self.input = Some(Input::proposing(present));
        self.from = top;
    }

    /// Takes a key while it is typed.
    pub(super) fn on_key(&mut self, key: KeyEvent) -> Typed {
        let Some(input) = &mut self.input else {
            return Typed::Nothing;
        };
        match key.code {
            KeyCode::Esc => {
                let from = self.from;
                *self = Self::default();
                Typed::From(from)
            }
            KeyCode::Enter if self.error.is_none() => {
                self.input = None;
                Typed::Nothing
            }
            _ if input.on_key(key) => self.take(),
            _ => Typed::Nothing,
        }
    }

    /// Takes what is pasted while it is typed.
    pub(super) fn paste(&mut self, text: &str) -> Result<Typed, String> {
        let Some(input) = &mut self.input else {
            return Ok(Typed::Nothing);
        };
        input.paste(text)?;
        Ok(self.take())
    }

    /// Looks for what is typed so far; while that is no expression what was looked for before is.
    fn take(&mut self) -> Typed {
        let text = self.input.as_ref().map_or("", Input::text);
        match expression(text) {
            Ok(pattern) => (self.pattern, self.error) = (pattern.map(as_in_the_editor), None),
            Err(why) => self.error = Some(why),
        }
        (self.at, self.steps) = (None, 1);
        Typed::From(self.from)
    }

    /// Goes so many matches on, or back.
    pub(super) fn go(&mut self, steps: isize) {
        self.steps += steps;
    }

    /// Takes that one moved on by hand: the next match is that after the first line in sight.
    pub(super) fn forget_place(&mut self) {
        (self.at, self.steps) = (None, 0);
    }

    pub(super) fn on_drawn(&mut self, at: Option<usize>) {
        (self.at, self.steps) = (at, 0);
    }

    /// Returns where it leads among the lines that match, from a first line in sight on, where there is room for so many of
    /// all; after the last match comes the first.
    pub fn find(&self, matching: &[usize], top: usize, (n_lines, height): (usize, usize)) -> Found {
        let last_top = n_lines.saturating_sub(height);
        let top = top.min(last_top);
        let after = matching.partition_point(|line| *line < self.at.unwrap_or(top));
        let is_on_match = self.at.is_some_and(|at| matching.get(after) == Some(&at));
        let steps = match is_on_match || self.steps <= 0 {
            true => self.steps,
            false => self.steps - 1,
        };
        let nth = isize::try_from(after).unwrap_or(0) + steps;
        let nth = isize::try_from(matching.len())
            .ok()
            .and_then(|n| nth.checked_rem_euclid(n))
            .and_then(|nth| usize::try_from(nth).ok());
        let at = match self.steps {
            0 => self.at.filter(|_| is_on_match),
            _ => nth.and_then(|nth| matching.get(nth)).copied(),
        };
        let is_out_of_sight = |at: &usize| !(top..top.saturating_add(height)).contains(at);
        let gone = at.filter(|at| self.steps != 0 && is_out_of_sight(at));
        Found {
            top: gone.map_or(top, |at| {
                at.saturating_sub(CONTEXT.min(height / 2)).min(last_top)
            }),
            last_top,
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(at: Option<usize>, steps: isize, top: usize) -> (usize, Option<usize>) {
        let search = TextSearch {
            at,
            steps,
            ..TextSearch::default()
        };
        let found = search.find(&[4, 6, 30], top, (40, 10));
        (found.top, found.at)
    }

    #[test]
    fn next_match_is_that_after_the_one_before_or_after_the_first_line_in_sight() {
        assert_eq!(found(None, 0, 5), (5, None));
        assert_eq!(found(None, 1, 0), (0, Some(4)));
        assert_eq!(found(None, 1, 5), (5, Some(6)));
        assert_eq!(found(Some(6), 1, 5), (27, Some(30)));
        assert_eq!(found(Some(4), 2, 0), (27, Some(30)));
        assert_eq!(found(Some(30), -1, 27), (3, Some(6)));
        assert_eq!(found(None, -1, 5), (1, Some(4)));
        // Round the ends.
        assert_eq!(found(Some(30), 1, 27), (1, Some(4)));
        assert_eq!(found(Some(4), -1, 0), (27, Some(30)));
        // The line of the match before is another one by now.
        assert_eq!(found(Some(5), 1, 0), (0, Some(6)));
    }

    #[test]
    fn where_nothing_matches_one_stays() {
        let search = TextSearch {
            steps: 1,
            ..TextSearch::default()
        };
        let expected = Found {
            top: 7,
            last_top: 10,
            at: None,
        };
        assert_eq!(search.find(&[], 7, (20, 10)), expected);
    }

    #[test]
    fn case_matters_where_a_capital_is_looked_for() {
        let finds = |pattern: &str, text: &str| {
            as_in_the_editor(Regex::new(pattern).unwrap()).is_match(text)
        };
        assert!(finds("claim", "PersistentVolumeClaim/data"));
        assert!(!finds("Claim", "claims"));
        assert!(finds(r"\Sclaim", "aCLAIM"));
    }

    #[test]
    fn what_is_no_expression_says_why() {
        assert!(expression("").unwrap().is_none());
        assert!(expression("a.c").unwrap().unwrap().is_match("abc"));
        assert!(expression("a(").unwrap_err().contains("unclosed"));
    }
}
