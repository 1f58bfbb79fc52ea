//! Search for a text within lines: small letters match capitals too, a capital in the query makes it exact.

use std::borrow::Cow;
use std::ops::Range;

use ropey::Rope;

use super::motion::line_without_end;

/// Counting matches ends here; nobody reads a larger number.
const MAX_COUNTED: usize = 9_999;

/// A search that was started and not yet forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    query: String,
    is_exact: bool,
    /// How many matches there are and which one the cursor is at, for the last move.
    found: Found,
    /// The cursor and the scroll before the search, while it is being typed.
    pub(super) origin: Option<usize>,
}

/// Which of how many matches the cursor is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// The number of the match at the cursor, from 1; 0 for none.
    pub index: usize,
    /// How many matches there are; counting stops at 9,999.
    pub count: usize,
}

impl Search {
    pub(super) fn new(query: String, origin: Option<usize>) -> Self {
        let is_exact = query.chars().any(char::is_uppercase);
        Self {
            query,
            is_exact,
            found: Found::default(),
            origin,
        }
    }

    /// Returns what is searched.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Tells whether the query is still being typed.
    pub fn is_open(&self) -> bool {
        self.origin.is_some()
    }

    /// Returns which of how many matches the cursor came to last.
    pub fn found(&self) -> Found {
        self.found
    }

    /// Returns the bytes of a line that match, from left to right.
    pub fn matches_in<'a>(&'a self, line: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let range = self.find_in(line, from)?;
            from = range.end;
            Some(range)
        })
    }

    /// Returns the first match at or after a character, as characters; round the end if `wraps`.
    pub(super) fn find_from(&self, rope: &Rope, at: usize, wraps: bool) -> Option<Range<usize>> {
        let start_line = rope.char_to_line(at);
        let column = at - rope.line_to_char(start_line);
        let n_lines = rope.len_lines();
        let first = in_line(rope, start_line, |text| {
            self.find_in(text, byte_of(text, column))
        });
        first.or_else(|| {
            let n_more = if wraps {
                n_lines
            } else {
                n_lines - start_line - 1
            };
            (1..=n_more).find_map(|n| {
                in_line(rope, (start_line + n) % n_lines, |text| {
                    self.find_in(text, 0)
                })
            })
        })
    }

    /// Returns the last match that starts before a character, as characters; round the start.
    pub(super) fn find_before(&self, rope: &Rope, at: usize) -> Option<Range<usize>> {
        let start_line = rope.char_to_line(at);
        let column = at - rope.line_to_char(start_line);
        let n_lines = rope.len_lines();
        let first = in_line(rope, start_line, |text| {
            let before = byte_of(text, column);
            self.matches_in(text)
                .take_while(|range| range.start < before)
                .last()
        });
        first.or_else(|| {
            (1..=n_lines).find_map(|n| {
                in_line(rope, (start_line + n_lines - n) % n_lines, |text| {
                    self.matches_in(text).last()
                })
            })
        })
    }

    /// Remembers how many matches there are, and which of them starts at the character `at`.
    pub(super) fn count(&mut self, rope: &Rope, at: Option<usize>) {
        self.found = self.counted(rope, at);
    }

    fn counted(&self, rope: &Rope, at: Option<usize>) -> Found {
        let mut found = Found::default();
        if self.query.is_empty() {
            return found;
        }
        let place = at.map(|at| {
            let line = rope.char_to_line(at);
            (line, at - rope.line_to_char(line))
        });
        for (line_idx, line) in rope.lines().enumerate() {
            let text: Cow<'_, str> = line_without_end(line).into();
            for range in self.matches_in(&text) {
                found.count += 1;
                if place.is_some_and(|(line, column)| {
                    line == line_idx && byte_of(&text, column) == range.start
                }) {
                    found.index = found.count;
                }
                if found.count == MAX_COUNTED {
                    return found;
                }
            }
        }
        found
    }

    fn find_in(&self, line: &str, from: usize) -> Option<Range<usize>> {
        if self.query.is_empty() {
            return None;
        }
        let rest = line.get(from..)?;
        if self.is_exact {
            let start = from + rest.find(&self.query)?;
            return Some(start..start + self.query.len());
        }
        if self.query.is_ascii() {
            let query = self.query.as_bytes();
            let at = rest
                .as_bytes()
                .windows(query.len())
                .position(|window| window.eq_ignore_ascii_case(query))?;
            return Some(from + at..from + at + query.len());
        }
        rest.char_indices().find_map(|(at, _)| {
            let len = folded_prefix(&rest[at..], &self.query)?;
            Some(from + at..from + at + len)
        })
    }
}

/// Returns how many bytes at the start of `text` are `query`, letter case aside.
fn folded_prefix(text: &str, query: &str) -> Option<usize> {
    let mut text_chars = text.char_indices();
    for wanted in query.chars() {
        let (_, c) = text_chars.next()?;
        if c != wanted && !c.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(text_chars.next().map_or(text.len(), |(at, _)| at))
}

/// Runs a search on one line and gives its answer in characters of the text.
fn in_line(
    rope: &Rope,
    line: usize,
    find: impl FnOnce(&str) -> Option<Range<usize>>,
) -> Option<Range<usize>> {
    let text: Cow<'_, str> = line_without_end(rope.line(line)).into();
    let range = find(&text)?;
    let start = rope.line_to_char(line) + text[..range.start].chars().count();
    Some(start..start + text[range].chars().count())
}

fn byte_of(text: &str, column: usize) -> usize {
    text.char_indices()
        .nth(column)
        .map_or(text.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, line: &str, expected: &[Range<usize>]) {
        let search = Search::new(query.into(), None);
        assert_eq!(
            search.matches_in(line).collect::<Vec<_>>(),
            expected,
            "{query:?} in {line:?}"
        );
    }

    #[test]
    fn a_capital_makes_the_search_exact() {
        check("web", "web Web WEB", &[0..3, 4..7, 8..11]);
        check("Web", "web Web Web", &[4..7, 8..11]);
        check("ä", "Ä ä a", &[0..2, 3..5]);
        check("", "web", &[]);
        check("aa", "aaaa", &[0..2, 2..4]);
    }

    #[test]
    fn matches_are_found_round_both_ends() {
        let rope = Rope::from_str("a1\nb\na2 a3\n");
        let search = Search::new("a".into(), None);
        assert_eq!(search.find_from(&rope, 0, true), Some(0..1));
        assert_eq!(search.find_from(&rope, 1, true), Some(5..6));
        assert_eq!(search.find_from(&rope, 9, true), Some(0..1));
        assert_eq!(search.find_from(&rope, 9, false), None);
        assert_eq!(search.find_before(&rope, 8), Some(5..6));
        assert_eq!(search.find_before(&rope, 0), Some(8..9));
    }
}
