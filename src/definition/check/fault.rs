//! Collecting faults: bounded in number, sorted by place at the end.

use std::collections::HashSet;
use std::ops::Range;

use crate::definition::diagnostic::{Diagnostic, Fix, Position, Severity, Span};
use crate::definition::yaml::SyntaxFault;

/// Most faults that are kept: nobody reads more, and hostile text could make millions.
const MAX_FAULTS: usize = 500;

/// A place that a fault can be pinned to after the nodes were read.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) span: Span,
    pub(crate) path: String,
}

impl Spot {
    /// Returns the place of faults that concern the text as a whole.
    pub(crate) fn of_text() -> Self {
        let start = Position { line: 1, column: 1 };
        Self {
            span: Span {
                start,
                end: start,
                bytes: 0..0,
            },
            path: String::new(),
        }
    }
}

/// The faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    list: Vec<Diagnostic>,
    n_dropped: usize,
    /// Whether an error was among those dropped: it forbids deploying all the same.
    has_dropped_error: bool,
}

impl Faults {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.is_full() {
            self.drop_one(diagnostic.severity);
        } else {
            self.list.push(diagnostic);
        }
    }

    pub(crate) fn add(
        &mut self,
        severity: Severity,
        spot: Spot,
        message: String,
        fix: Option<Fix>,
    ) {
        self.push(Diagnostic {
            severity,
            path: spot.path,
            span: spot.span,
            message,
            fix,
        });
    }

    pub(crate) fn add_syntax(&mut self, fault: SyntaxFault) {
        self.push(Diagnostic {
            severity: Severity::Error,
            path: String::new(),
            span: fault.span,
            message: fault.message,
            fix: fault.fix,
        });
    }

    /// Takes in the faults that another reading of the same text found, those that are known already left out.
    pub(crate) fn absorb(&mut self, other: Self) {
        let known: HashSet<(Range<usize>, String)> = self
            .list
            .iter()
            .map(|known| (known.span.bytes.clone(), known.message.clone()))
            .collect();
        for fault in other.list {
            if !known.contains(&(fault.span.bytes.clone(), fault.message.clone())) {
                self.push(fault);
            }
        }
        self.n_dropped += other.n_dropped;
        self.has_dropped_error |= other.has_dropped_error;
    }

    /// Counts a fault that is not even put into words, because there are too many.
    pub(crate) fn drop_one(&mut self, severity: Severity) {
        self.n_dropped += 1;
        self.has_dropped_error |= severity == Severity::Error;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MAX_FAULTS
    }

    /// Leaves only the faults that `keep` wants.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.list.retain(keep);
    }

    /// Returns the faults by place; errors before warnings of one place.
    pub(crate) fn into_sorted(mut self) -> Vec<Diagnostic> {
        let place = |d: &Diagnostic| (d.span.bytes.start, d.severity, d.span.bytes.end);
        self.list.sort_by_key(place);
        if self.n_dropped > 0
            && let Some(last) = self.list.last().cloned()
        {
            self.list.push(Diagnostic {
                severity: if self.has_dropped_error {
                    Severity::Error
                } else {
                    Severity::Warning
                },
                path: String::new(),
                message: format!(
                    "{} more faults are not shown; mend those above first",
                    self.n_dropped
                ),
                fix: None,
                ..last
            });
        }
        self.list
    }
}
