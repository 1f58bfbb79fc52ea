//! Search for a text or a regular expression: small letters match capitals too, a capital in the query makes it exact.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

/// Counting matches ends here; nobody reads a larger number.
const MAX_COUNTED: usize = 9_999;

/// A search that was started and not yet forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    query: String,
    is_exact: bool,
    /// The expression, where it is one; without a value it is not complete.
    expression: Option<Option<Expression>>,
    /// How many matches there are and which one the cursor is at, for the last move.
    found: Found,
    /// The cursor and the scroll before the search, while it is being typed.
    pub(super) origin: Option<usize>,
}

/// An expression that is ready to be searched.
#[derive(Debug, Clone)]
struct Expression(Regex);

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Expression {}

impl Expression {
    fn new(query: &str, is_exact: bool) -> Option<Self> {
        let expression = RegexBuilder::new(query)
            .multi_line(true)
            .crlf(true)
            .case_insensitive(!is_exact)
            .build();
        expression.ok().map(Self)
    }

    /// Returns the first match from a byte on that is not empty.
    fn find(&self, text: &str, from: usize) -> Option<Range<usize>> {
        let mut at = from;
        loop {
            let found = self.0.find_at(text, at)?;
            if !found.is_empty() {
                return Some(found.range());
            }
            at = found.end() + text[found.end()..].chars().next()?.len_utf8();
        }
    }
}

/// Which of how many matches the cursor is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    /// The number of the match at the cursor, from 1; 0 for none.
    pub index: usize,
    /// How many matches there are; counting stops at 9,999.
    pub count: usize,
}

/// Tells whether the case of letters matters to whoever wrote this to search for it: where one of them is a capital.
pub fn is_exact(query: &str, is_expression: bool) -> bool {
    // What is escaped in an expression is no letter: `\S`.
    let mut before = ' ';
    query.chars().any(|c| {
        let is_letter = !(is_expression && std::mem::replace(&mut before, c) == '\\');
        c.is_uppercase() && is_letter
    })
}

impl Search {
    pub(super) fn new(query: String, is_expression: bool, origin: Option<usize>) -> Self {
        let is_exact = is_exact(&query, is_expression);
        Self {
            expression: is_expression.then(|| Expression::new(&query, is_exact)),
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

    /// Tells whether the query is a regular expression.
    pub fn is_expression(&self) -> bool {
        self.expression.is_some()
    }

    /// Tells whether the query is a regular expression that is not complete.
    pub fn is_broken(&self) -> bool {
        self.expression == Some(None)
    }

    /// Returns what a match becomes: groups of an expression (`$1`) stand for what they matched.
    pub(super) fn replacement(&self, text: &str, found: &Range<usize>, with: &str) -> String {
        let Some(Some(Expression(expression))) = &self.expression else {
            return with.to_owned();
        };
        let groups = expression.captures_at(text, found.start);
        let mut replacement = String::new();
        match groups {
            Some(groups) => groups.expand(with, &mut replacement),
            None => replacement.push_str(with),
        }
        replacement
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
        if let Some(expression) = &self.expression {
            return expression.as_ref()?.find(text, from);
        }
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
        check_as(query, false, line, expected);
    }

    fn check_as(query: &str, is_expression: bool, line: &str, expected: &[Range<usize>]) {
        let search = Search::new(query.into(), is_expression, None);
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
    fn expression_matches_what_is_not_empty() {
        let check = |query, text, expected| check_as(query, true, text, expected);
        check("n[a-z]+:", "nginx:1 Node:2", &[0..6, 8..13]);
        check("^b*", "a\nbb\nb", &[2..4, 5..6]);
        check("\\S+$", "Ab\ncd", &[0..2, 3..5]);
        check("N", "nNN", &[1..2, 2..3]);
        check("x*", "äxbx", &[2..3, 4..5]);
        check("(", "(", &[]);
        assert!(Search::new("(".into(), true, None).is_broken());
        assert!(!Search::new("(".into(), false, None).is_broken());
    }

    #[test]
    fn groups_stand_for_what_they_matched() {
        let text = "image: nginx:1.27";
        let search = Search::new("nginx:(\\d+)".into(), true, None);
        assert_eq!(search.replacement(text, &(7..14), "web:$1-$1"), "web:1-1");
        let plain = Search::new("nginx".into(), false, None);
        assert_eq!(plain.replacement(text, &(7..12), "$1"), "$1");
    }

    #[test]
    fn matches_are_found_round_both_ends() {
        let text = "a1\nb\na2 a3\n";
        let search = Search::new("a".into(), false, None);
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
        assert_eq!(
            Search::new("x".into(), false, None).find_before(text, 3),
            None
        );
    }
}
