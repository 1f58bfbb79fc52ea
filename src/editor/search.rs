//! Search for a text: small letters match capitals too, a capital in the query makes it exact.

use std::ops::Range;

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

    /// Returns the bytes of a text that match, from left to right.
    pub fn matches_in<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let range = self.find_in(text, from)?;
            from = range.end;
            Some(range)
        })
    }

    /// Returns the first match at or after a byte, else the first of all.
    pub(super) fn find_from(&self, text: &str, at: usize) -> Option<Range<usize>> {
        self.find_in(text, at).or_else(|| self.find_in(text, 0))
    }

    /// Returns the last match that starts before a byte, else the last of all.
    pub(super) fn find_before(&self, text: &str, at: usize) -> Option<Range<usize>> {
        let mut last = None;
        for range in self.matches_in(text) {
            if range.start >= at
                && last
                    .as_ref()
                    .is_some_and(|last: &Range<usize>| last.start < at)
            {
                break;
            }
            last = Some(range);
        }
        last
    }

    /// Remembers how many matches there are, and which of them starts at the byte `at`, where the last move found one.
    pub(super) fn count(&mut self, text: &str, at: Option<usize>) {
        self.found = Found::default();
        if at.is_none() {
            return;
        }
        let mut found = Found::default();
        for range in self.matches_in(text).take(MAX_COUNTED) {
            found.count += 1;
            if at == Some(range.start) {
                found.index = found.count;
            }
        }
        self.found = found;
    }

    fn find_in(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let rest = text.get(from..)?;
        let first = self.query.chars().next()?;
        if self.is_exact {
            let start = from + rest.find(&self.query)?;
            return Some(start..start + self.query.len());
        }
        if self.query.is_ascii() {
            let at = find_ignoring_case(rest.as_bytes(), self.query.as_bytes())?;
            return Some(from + at..from + at + self.query.len());
        }
        rest.char_indices()
            .filter(|&(_, c)| c == first || c.to_lowercase().eq(first.to_lowercase()))
            .find_map(|(at, _)| {
                let len = folded_prefix(&rest[at..], &self.query)?;
                Some(from + at..from + at + len)
            })
    }
}

fn find_ignoring_case(text: &[u8], query: &[u8]) -> Option<usize> {
    let (&first, rest) = query.split_first()?;
    let (small, large) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    let last_start = text.len().checked_sub(query.len())?;
    let is_match = |at: usize| text[at + 1..at + query.len()].eq_ignore_ascii_case(rest);
    // The first byte is compared by itself, which is what makes the walk over a long text fast.
    let mut starts = text[..=last_start]
        .iter()
        .enumerate()
        .filter(|&(_, &b)| b == small || b == large);
    starts.find(|&(at, _)| is_match(at)).map(|(at, _)| at)
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
        let text = "a1\nb\na2 a3\n";
        let search = Search::new("a".into(), None);
        for (at, expected) in [(0, 0), (1, 5), (5, 5), (6, 8), (9, 0)] {
            assert_eq!(
                search.find_from(text, at),
                Some(expected..expected + 1),
                "from {at}"
            );
        }
        for (at, expected) in [(9, 8), (8, 5), (5, 0), (0, 8)] {
            assert_eq!(
                search.find_before(text, at),
                Some(expected..expected + 1),
                "before {at}"
            );
        }
        assert_eq!(Search::new("x".into(), None).find_before(text, 3), None);
    }
}
