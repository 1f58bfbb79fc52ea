//! The faults that a checker found, kept in place while the text goes on changing.

use std::ops::Range;

use crate::definition::diagnostic::Diagnostic;

use super::edit::Touched;

/// A fault and where it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The fault as the checker told it; its span is that of the checked text.
    pub diagnostic: Diagnostic,
    /// Where it stands in the present text.
    pub bytes: Range<usize>,
}

/// The problems of a text in order of their places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Problems {
    all: Vec<Problem>,
}

impl Problems {
    pub(super) fn new(diagnostics: Vec<Diagnostic>, n_bytes: usize) -> Self {
        let mut all: Vec<_> = diagnostics
            .into_iter()
            .map(|diagnostic| {
                let Range { start, end } = diagnostic.span.bytes;
                let start = start.min(n_bytes);
                Problem {
                    bytes: start..end.clamp(start, n_bytes),
                    diagnostic,
                }
            })
            .collect();
        all.sort_by_key(|problem| {
            (
                problem.bytes.start,
                problem.diagnostic.severity,
                problem.bytes.end,
            )
        });
        Self { all }
    }

    pub(super) fn all(&self) -> &[Problem] {
        &self.all
    }

    /// Moves every problem with the text.
    pub(super) fn follow(&mut self, touched: Touched) {
        for problem in &mut self.all {
            problem.bytes = follow(&problem.bytes, touched);
        }
    }

    /// Returns the next problem that starts after a byte, else the first of all.
    pub(super) fn after(&self, byte: usize) -> Option<&Problem> {
        self.all
            .iter()
            .find(|problem| problem.bytes.start > byte)
            .or(self.all.first())
    }

    /// Returns the last problem that starts before a byte, else the last of all.
    pub(super) fn before(&self, byte: usize) -> Option<&Problem> {
        self.all
            .iter()
            .rev()
            .find(|problem| problem.bytes.start < byte)
            .or(self.all.last())
    }

    /// Returns the problem that a byte of a line is about: the one it is in, else the worst of the line.
    pub(super) fn at(&self, byte: usize, line: Range<usize>) -> Option<&Problem> {
        let covers = |problem: &&Problem| problem.bytes.start <= byte && byte <= problem.bytes.end;
        self.all
            .iter()
            .filter(covers)
            .min_by_key(|problem| (problem.diagnostic.severity, problem.bytes.len()))
            .or_else(|| {
                self.on(line)
                    .min_by_key(|problem| problem.diagnostic.severity)
            })
    }

    /// Returns the problems that start in a range of bytes, its end included.
    fn on(&self, line: Range<usize>) -> impl Iterator<Item = &Problem> {
        self.all
            .iter()
            .filter(move |problem| (line.start..=line.end).contains(&problem.bytes.start))
    }
}

fn follow(bytes: &Range<usize>, touched: Touched) -> Range<usize> {
    let removed_end = touched.start + touched.removed;
    let start = match bytes.start {
        start if start >= removed_end => start - touched.removed + touched.inserted,
        start => start.min(touched.start),
    };
    let end = match bytes.end {
        // What is typed right after a range is not part of it, unless that removed some of it.
        end if end <= touched.start => end,
        end if end >= removed_end => end - touched.removed + touched.inserted,
        _ => touched.start + touched.inserted,
    };
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        bytes: Range<usize>,
        (start, removed, inserted): (usize, usize, usize),
        expected: Range<usize>,
    ) {
        let touched = Touched {
            line: 0,
            start,
            removed,
            inserted,
        };
        assert_eq!(
            follow(&bytes, touched),
            expected,
            "{bytes:?} after {touched:?}"
        );
    }

    #[test]
    fn ranges_follow_the_text() {
        check(4..8, (0, 0, 3), 7..11);
        check(4..8, (4, 0, 3), 7..11);
        check(4..8, (6, 0, 3), 4..11);
        check(4..8, (8, 0, 3), 4..8);
        check(4..8, (9, 0, 3), 4..8);
        check(4..8, (0, 2, 0), 2..6);
        check(4..8, (2, 4, 1), 2..5);
        check(4..8, (6, 4, 1), 4..7);
        check(4..8, (2, 9, 0), 2..2);
        check(4..8, (5, 2, 0), 4..6);
    }
}
