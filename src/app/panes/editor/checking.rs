//! Faults of the text: what the check finds, and what the server refuses, each where it stands by now.

use std::time::Duration;

use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::editor::{Editor, Problem, Revision};
use crate::failure::Failure;

use super::EditorPane;

/// A pause in typing after which the text is checked.
pub(super) const AFTER: Duration = Duration::from_millis(50);

/// What a check found.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    revision: Option<Revision>,
    faults: Vec<Diagnostic>,
}

impl Own {
    pub(super) fn has_errors(&self) -> bool {
        let is_error = |fault: &Diagnostic| fault.severity == Severity::Error;
        self.faults.iter().any(is_error)
    }
}

impl EditorPane {
    /// Returns how many errors and warnings are known.
    pub fn counts(&self) -> (usize, usize) {
        let problems = self.editor().map_or(&[][..], Editor::problems);
        let n_errors = problems
            .iter()
            .filter(|problem| problem.diagnostic.severity == Severity::Error)
            .count();
        (n_errors, problems.len() - n_errors)
    }

    /// Tells whether the text as it stands was checked and has errors, whatever a server says of it.
    pub fn has_own_errors(&self) -> bool {
        self.is_checked() && self.own.has_errors()
    }

    /// Returns how many errors a text has that was just saved; none where that is only known once its check is over.
    pub(in crate::app) fn errors_of_saved(&mut self, saved: Revision) -> Option<usize> {
        let is_known = self.own.revision == Some(saved);
        self.saved_unchecked = (!is_known).then_some(saved);
        is_known.then(|| self.counts().0)
    }

    /// Returns the errors of a text whose check is over, where it was saved before they were known.
    pub(in crate::app) fn late_errors(&mut self, checked: Revision) -> Option<usize> {
        let is_it = |saved: &mut Revision| *saved == checked;
        self.saved_unchecked.take_if(is_it)?;
        let is_known = self.own.revision == Some(checked);
        Some(self.counts().0).filter(|n_errors| is_known && *n_errors > 0)
    }

    pub(super) fn is_checked(&self) -> bool {
        self.editor()
            .is_some_and(|editor| self.own.revision == Some(editor.revision()))
    }

    /// Tells whether faults are being looked for.
    pub fn is_checking(&self) -> bool {
        self.check_at.is_some() || self.checking.is_some()
    }

    /// Has the text checked again, by more than it was.
    pub(in crate::app) fn check_again(&mut self, now: Duration) {
        self.check_at = Some(now);
    }

    /// Takes the answer of a check; a text that changed meanwhile is checked again.
    pub(in crate::app) fn on_checked(
        &mut self,
        revision: Revision,
        diagnostics: Vec<Diagnostic>,
        now: Duration,
    ) {
        if self.checking == Some(revision) {
            self.checking = None;
        }
        if self.editor().map(Editor::revision) == Some(revision) {
            self.own = Own {
                revision: Some(revision),
                faults: diagnostics,
            };
            self.mark_faults();
        } else if self.check_at.is_none() && self.checking.is_none() {
            self.check_at = Some(now);
        }
    }

    /// Marks what the check found and what the server says, in the text as it stands.
    pub(super) fn mark_faults(&mut self) {
        let Some(revision) = self.own.revision else {
            return;
        };
        // What the server refused of another text is not true of this one.
        self.planned.take_if(|(planned, _)| *planned != revision);
        let mut faults = self.own.faults.clone();
        for fault in self.server_faults(revision) {
            let is_told = |known: &Diagnostic| {
                known.span.bytes == fault.span.bytes && known.message.starts_with(&fault.message)
            };
            if !faults.iter().any(is_told) {
                faults.push(fault);
            }
        }
        if let Some(open) = self.open_mut() {
            open.editor.set_diagnostics(revision, faults);
        }
    }

    /// Returns what the server says of the text; of one that it outran as far as the lines concerned are the same.
    fn server_faults(&self, revision: Revision) -> Vec<Diagnostic> {
        let mut faults: Vec<Diagnostic> = Vec::new();
        let refused = self.planned.iter().flat_map(|(_, refused)| refused);
        let found = self.preview.found.as_ref();
        let Some((of, Ok(preview))) = found.map(|found| (found.revision, &found.result)) else {
            return refused.cloned().collect();
        };
        if of == revision {
            faults.extend(preview.faults.iter().cloned());
        } else if !self.own.has_errors() {
            // They stay where they were seen until the next answer, so that the list below does not jump with every key.
            let problems = self.editor().map_or(&[][..], Editor::problems).iter();
            let still = problems.filter(|problem| {
                preview
                    .faults
                    .iter()
                    .any(|fault| is_same(fault, &problem.diagnostic))
            });
            faults.extend(still.filter_map(moved));
        }
        faults.extend(refused.cloned());
        faults
    }

    /// Remembers which text is planned.
    pub(in crate::app) fn on_planning(&mut self) {
        self.planned = self.editor().map(|editor| (editor.revision(), Vec::new()));
    }

    /// Takes what the server refuses of the text that was planned, or that it refuses nothing any more; it is marked where it
    /// stands, unless that changed since.
    pub(in crate::app) fn on_refused(&mut self, refusals: &[Failure], now: Duration) {
        let revision = self.editor().map(Editor::revision);
        let Some((planned, refused)) = &mut self.planned else {
            return;
        };
        let faults: Vec<Diagnostic> = refusals.iter().flat_map(Failure::faults).collect();
        if Some(*planned) == revision && *refused != faults {
            *refused = faults;
            self.check_again(now);
        }
    }
}

/// Tells whether two faults are one, wherever they stand.
fn is_same(one: &Diagnostic, other: &Diagnostic) -> bool {
    (&one.path, &one.message) == (&other.path, &other.message)
}

/// Returns a fault where it stands now; none where its own words were changed.
fn moved(problem: &Problem) -> Option<Diagnostic> {
    let mut fault = problem.diagnostic.clone();
    let is_whole = fault.span.bytes.len() == problem.bytes.len();
    fault.span.bytes = problem.bytes.clone();
    is_whole.then_some(fault)
}
