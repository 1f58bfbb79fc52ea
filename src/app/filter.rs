//! Filters of lists: fuzzy words, `state:` for the state, `label:` for labels.

use nucleo_matcher::pattern::{Atom, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// A filter as it was typed, made ready.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    states: Vec<String>,
    pattern: Option<Pattern>,
}

impl Filter {
    /// Reads a filter: words that must all occur fuzzily, `!word` for one that must not, and `state:failing` for the beginning of a state's name.
    pub fn parse(text: &str) -> Self {
        let (mut states, mut words) = (Vec::new(), Vec::new());
        for word in text.split_whitespace() {
            match word.strip_prefix("state:") {
                Some(state) => states.push(state.to_lowercase()),
                None => words.push(word),
            }
        }
        let pattern = (!words.is_empty())
            .then(|| Pattern::parse(&words.join(" "), CaseMatching::Smart, Normalization::Smart));
        Self { states, pattern }
    }

    /// Tells whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty() && self.pattern.is_none()
    }

    /// Tells whether a row passes, by its state's name and its texts: all words must occur in one of them, and what is not wanted
    /// in none.
    pub fn matches<'t>(
        &self,
        matcher: &mut FuzzyMatcher,
        state: Option<&str>,
        texts: impl Iterator<Item = &'t str>,
    ) -> bool {
        let has_state = |wanted: &String| {
            state.is_some_and(|state| state.to_lowercase().starts_with(wanted.as_str()))
        };
        if !self.states.is_empty() && !self.states.iter().any(has_state) {
            return false;
        }
        let words = self.pattern.iter().flat_map(|pattern| &pattern.atoms);
        let (unwanted, wanted): (Vec<&Atom>, Vec<&Atom>) = words.partition(|word| word.negative);
        let texts: Vec<&str> = texts.collect();
        let mut has =
            |words: &[&Atom], text: &&str| words.iter().all(|it| matcher.passes(it, text));
        (wanted.is_empty() || texts.iter().any(|text| has(&wanted, text)))
            && texts.iter().all(|text| has(&unwanted, text))
    }
}

/// Takes a filter apart into its words and the labels that it wants: all that stands behind `label:`, as
/// `label:tier=web` or `label:tier in (web,db),!legacy`. Who has them is the server's to say.
pub fn without_labels(text: &str) -> (&str, Option<&str>) {
    let begins = |at: &usize| text[..*at].is_empty() || text[..*at].ends_with(' ');
    let mut places = text.match_indices("label:").map(|(at, _)| at);
    match places.find(begins) {
        Some(at) => (&text[..at], Some(text[at + "label:".len()..].trim())),
        None => (text, None),
    }
}

/// The working memory of fuzzy matching.
#[derive(Debug)]
pub struct FuzzyMatcher {
    matcher: Matcher,
    buffer: Vec<char>,
}

impl Default for FuzzyMatcher {
    fn default() -> Self {
        Self {
            matcher: Matcher::new(Config::DEFAULT),
            buffer: Vec::new(),
        }
    }
}

impl FuzzyMatcher {
    fn passes(&mut self, word: &Atom, text: &str) -> bool {
        let haystack = Utf32Str::new(text, &mut self.buffer);
        word.score(haystack, &mut self.matcher).is_some()
    }

    fn score_of(&mut self, pattern: &Pattern, text: &str) -> Option<u32> {
        let haystack = Utf32Str::new(text, &mut self.buffer);
        pattern.score(haystack, &mut self.matcher)
    }

    /// Returns the indices of the texts that match a query, the best first; all in order where nothing is asked.
    pub fn rank<'t>(&mut self, query: &str, texts: impl Iterator<Item = &'t str>) -> Vec<usize> {
        if query.trim().is_empty() {
            return (0..texts.count()).collect();
        }
        let pattern = Pattern::parse(query, CaseMatching::Smart, Normalization::Smart);
        let mut found: Vec<(u32, usize)> = texts
            .enumerate()
            .filter_map(|(idx, text)| Some((self.score_of(&pattern, text)?, idx)))
            .collect();
        found.sort_by_key(|&(score, idx)| (std::cmp::Reverse(score), idx));
        found.into_iter().map(|(_, idx)| idx).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_match_fuzzily_and_states_by_their_beginning() {
        let check = |filter: &str, state: &str, texts: &[&str], expected: bool| {
            let passes = Filter::parse(filter).matches(
                &mut FuzzyMatcher::default(),
                Some(state),
                texts.iter().copied(),
            );
            assert_eq!(passes, expected, "{filter:?}");
        };
        let texts = ["orders-db", "postgres:16"];
        check("", "Ready", &texts, true);
        check("odb", "Ready", &texts, true);
        check("pg16", "Ready", &texts, true);
        check("zzz", "Ready", &texts, false);
        check("state:fail", "Failing", &texts, true);
        check("state:fail", "Ready", &texts, false);
        check("state:fail odb", "Failing", &texts, true);
        check("state:ready state:fail", "Failing", &texts, true);
        check("!orders", "Ready", &texts, false);
        check("!zzz", "Ready", &texts, true);
        check("!16 odb", "Ready", &texts, false);
        // Words of one row must not be gathered from several of its texts.
        check("db 16", "Ready", &texts, false);
    }

    #[test]
    fn labels_are_all_that_stands_behind_their_word() {
        let check = |text, expected| assert_eq!(without_labels(text), expected);
        check("web state:ready", ("web state:ready", None));
        check("label:tier=web", ("", Some("tier=web")));
        check(
            "db label:tier in (web,db)",
            ("db ", Some("tier in (web,db)")),
        );
        check("mylabel:x", ("mylabel:x", None));
        check("label:", ("", Some("")));
    }

    #[test]
    fn the_best_match_comes_first() {
        let texts = ["tear down", "deploy", "edit definition"];
        let rank = |query: &str| FuzzyMatcher::default().rank(query, texts.into_iter());
        assert_eq!(rank(""), [0, 1, 2]);
        assert_eq!(rank("edit"), [2]);
        assert!(rank("qqq").is_empty());
    }
}
