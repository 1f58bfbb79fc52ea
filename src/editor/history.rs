//! Steps that can be taken back and done again, grouped as a person thinks of them.
//!
//! Typing grows one step until a word, a line or a thought ends: at the start of a word, at anything but typing, at a
//! cursor that moved, and after a pause.

use std::time::Duration;

use super::edit::Edit;
use super::selection::Selection;

/// Typing again after this long is a new step.
const PAUSE: Duration = Duration::from_secs(2);
/// Old steps are forgotten when all together hold more text than this.
const MAX_BYTES: usize = 64 << 20;

/// What sort of edit it was: only some sorts grow together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EditKind {
    /// A character typed.
    Typing {
        /// Whether it is the first of a word.
        starts_word: bool,
    },
    /// A grapheme deleted, back or on.
    Erasing,
    /// Anything else: a step of its own.
    Whole,
}

/// One step: the edit and the selections around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) edit: Edit,
    pub(super) before: Selection,
    pub(super) after: Selection,
    id: u64,
}

/// The last step while it may still grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Open {
    kind: EditKind,
    at: Duration,
}

/// The steps done and the steps taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct History {
    done: Vec<Step>,
    undone: Vec<Step>,
    open: Option<Open>,
    next_id: u64,
    n_bytes: usize,
    /// The state that the oldest remembered step starts from.
    base: u64,
}

impl History {
    /// Remembers an edit that was just made.
    pub(super) fn record(
        &mut self,
        edit: Edit,
        kind: EditKind,
        selections: (Selection, Selection),
        now: Duration,
    ) {
        let n_lost: usize = self.undone.drain(..).map(|step| step.edit.n_bytes()).sum();
        self.n_bytes = (self.n_bytes + edit.n_bytes()).saturating_sub(n_lost);
        let (before, after) = selections;
        let grows = self.open.is_some_and(|open| continues(open, kind, now));
        match self.done.last_mut() {
            Some(step) if grows && step.after == before => {
                append(&mut step.edit, edit);
                step.after = after;
            }
            _ => {
                self.next_id += 1;
                self.done.push(Step {
                    edit,
                    before,
                    after,
                    id: self.next_id,
                });
            }
        }
        self.open = (kind != EditKind::Whole).then_some(Open { kind, at: now });
        self.forget_oldest();
    }

    /// Ends the step that was growing.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Takes the last step back: returns it, to be applied inversely.
    pub(super) fn undo(&mut self) -> Option<&Step> {
        self.close();
        let step = self.done.pop()?;
        self.undone.push(step);
        self.undone.last()
    }

    /// Does the step again that was taken back last: returns it, to be applied.
    pub(super) fn redo(&mut self) -> Option<&Step> {
        self.close();
        let step = self.undone.pop()?;
        self.done.push(step);
        self.done.last()
    }

    /// Returns a number for the present text: the same number is the same text, after undo and redo too.
    pub(super) fn state(&self) -> u64 {
        self.done.last().map_or(self.base, |step| step.id)
    }

    /// Tells whether the present text grew out of a state, or is it.
    pub(super) fn holds(&self, state: u64) -> bool {
        state <= self.base || self.done.iter().any(|step| step.id == state)
    }

    fn forget_oldest(&mut self) {
        let mut n_forgotten = 0;
        while self.n_bytes > MAX_BYTES && n_forgotten + 1 < self.done.len() {
            self.n_bytes = self
                .n_bytes
                .saturating_sub(self.done[n_forgotten].edit.n_bytes());
            n_forgotten += 1;
        }
        if let Some(last) = self.done.drain(..n_forgotten).next_back() {
            self.base = last.id;
        }
    }
}

fn continues(open: Open, kind: EditKind, now: Duration) -> bool {
    let in_time = now.saturating_sub(open.at) < PAUSE;
    in_time
        && match (open.kind, kind) {
            (EditKind::Typing { .. }, EditKind::Typing { starts_word }) => !starts_word,
            (EditKind::Erasing, EditKind::Erasing) => true,
            _ => false,
        }
}

/// Adds an edit to a step; characters typed one after the other become one change.
fn append(to: &mut Edit, more: Edit) {
    for change in more.changes {
        match to.changes.last_mut() {
            Some(last)
                if change.removed.is_empty()
                    && change.at == last.at + last.inserted.chars().count() =>
            {
                last.inserted.push_str(&change.inserted);
            }
            _ => to.changes.push(change),
        }
    }
}
