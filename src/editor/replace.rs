//! Replacing what a search finds: one match after another, or all as one step.

use std::ops::Range;
use std::time::Duration;

use super::edit::{Change, Edit};
use super::history::EditKind;
use super::outcome::notice;
use super::selection::Selection;
use super::{Editor, MAX_BYTES, Notice, Outcome};

/// More matches are replaced as one change from the first to the last, so that a long text costs no more than one walk.
const MAX_CHANGES: usize = 500;

impl Editor {
    pub(super) fn replace_match(&mut self, with: &str, now: Duration) -> Outcome {
        let Some(search) = &self.search else {
            return notice(Notice::NothingSearched);
        };
        let text = self.text();
        let selected = self.selection.range();
        let found = search.find_from(&text, self.rope.char_to_byte(selected.start));
        // Where the cursor is at no match, it goes to one first: nobody has seen yet what would be replaced.
        let Some(found) = found.filter(|it| self.selection_of(it.clone()).range() == selected)
        else {
            return self.find_next();
        };
        let replacement = search.replacement(&text, &found, with);
        let replacement = self.with_own_line_ends(&replacement).into_owned();
        let (start, end) = (
            self.rope.byte_to_char(found.start),
            self.rope.byte_to_char(found.end),
        );
        let cursor = Selection::at(start + replacement.chars().count());
        let change = Change::replace(&self.rope, start, end, replacement);
        let outcome = self.commit(change, Some(cursor), EditKind::Whole, now);
        if outcome.notice.is_some() {
            return outcome;
        }
        let found = self.find_next();
        Outcome {
            notice: found.notice.map(|_| Notice::Replaced(1)),
            ..found
        }
    }

    pub(super) fn replace_matches(&mut self, with: &str, now: Duration) -> Outcome {
        let Some(search) = &self.search else {
            return notice(Notice::NothingSearched);
        };
        let text = self.text();
        let matches: Vec<Range<usize>> = search.matches_in(&text).collect();
        let (Some(first), Some(last)) = (matches.first(), matches.last()) else {
            return notice(Notice::NotFound);
        };
        let all = first.start..last.end;
        let mut replaced = Vec::with_capacity(matches.len());
        let mut n_bytes = 0;
        for found in &matches {
            let replacement = search.replacement(&text, found, with);
            let replacement = self.with_own_line_ends(&replacement).into_owned();
            n_bytes += replacement.len();
            // What is put in is in the text then: there is no room for it, however much goes.
            if n_bytes > MAX_BYTES {
                return notice(Notice::TooLarge);
            }
            replaced.push((found, replacement));
        }
        let replaced = replaced.into_iter();
        let char_of = |byte| self.rope.byte_to_char(byte);
        let edit: Edit = if matches.len() <= MAX_CHANGES {
            // From the end on, so that each is in terms of the text that those before it leave.
            replaced
                .rev()
                .map(|(found, new)| {
                    Change::replace(&self.rope, char_of(found.start), char_of(found.end), new)
                })
                .collect()
        } else {
            let (mut new, mut at) = (String::with_capacity(all.len()), all.start);
            for (found, replacement) in replaced {
                new.push_str(&text[at..found.start]);
                new.push_str(&replacement);
                at = found.end;
            }
            Change::replace(&self.rope, char_of(all.start), char_of(all.end), new).into()
        };
        let n = matches.len();
        let outcome = self.commit(edit, None, EditKind::Whole, now);
        self.selection = Selection::at(self.selection.head);
        if let Some(search) = &mut self.search {
            search.count("", None);
        }
        Outcome {
            notice: outcome.notice.or(Some(Notice::Replaced(n))),
            ..outcome
        }
    }
}
