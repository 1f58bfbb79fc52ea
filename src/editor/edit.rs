//! An edit as a value with an inverse: taking a step back is applying one.

use ropey::Rope;

/// The replacement of one range. Places are in characters of the text at the moment it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) at: usize,
    pub(super) removed: String,
    pub(super) inserted: String,
}

impl Change {
    /// Returns the change that puts `inserted` in place of the characters from `start` to `end`.
    pub(super) fn replace(
        rope: &Rope,
        start: usize,
        end: usize,
        inserted: impl Into<String>,
    ) -> Self {
        Self {
            at: start,
            removed: rope.slice(start..end).to_string(),
            inserted: inserted.into(),
        }
    }

    /// Returns the change that takes this one back.
    fn inverse(&self) -> Self {
        Self {
            at: self.at,
            removed: self.inserted.clone(),
            inserted: self.removed.clone(),
        }
    }

    /// Tells whether applying it would leave the text as it is.
    pub(super) fn is_nothing(&self) -> bool {
        self.removed == self.inserted
    }

    /// Changes the text, and tells which bytes were touched.
    pub(super) fn apply(&self, rope: &mut Rope) -> Touched {
        let touched = Touched {
            line: rope.char_to_line(self.at),
            start: rope.char_to_byte(self.at),
            removed: self.removed.len(),
            inserted: self.inserted.len(),
        };
        let n_removed = self.removed.chars().count();
        if n_removed > 0 {
            rope.remove(self.at..self.at + n_removed);
        }
        if !self.inserted.is_empty() {
            rope.insert(self.at, &self.inserted);
        }
        touched
    }

    /// Returns where a place of the text before the change is after it.
    pub(super) fn map(&self, place: usize) -> usize {
        let end = self.at + self.removed.chars().count();
        let n_inserted = self.inserted.chars().count();
        if place < self.at {
            place
        } else if place >= end {
            place - end + self.at + n_inserted
        } else {
            self.at + n_inserted.min(place - self.at)
        }
    }

    pub(super) fn n_bytes(&self) -> usize {
        self.removed.len() + self.inserted.len()
    }
}

/// What a change did, in bytes: enough to move every place that was known by byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Touched {
    /// The first line touched, from 0.
    pub(super) line: usize,
    pub(super) start: usize,
    pub(super) removed: usize,
    pub(super) inserted: usize,
}

/// Changes that belong together, each in terms of the text that the one before it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Edit {
    pub(super) changes: Vec<Change>,
}

impl Edit {
    /// Returns the edit that takes this one back.
    pub(super) fn inverse(&self) -> Self {
        Self {
            changes: self.changes.iter().rev().map(Change::inverse).collect(),
        }
    }

    /// Returns by how many bytes the text grows.
    pub(super) fn growth(&self) -> isize {
        self.changes
            .iter()
            .map(|change| change.inserted.len() as isize - change.removed.len() as isize)
            .sum()
    }

    pub(super) fn n_bytes(&self) -> usize {
        self.changes.iter().map(Change::n_bytes).sum()
    }
}

impl From<Change> for Edit {
    fn from(change: Change) -> Self {
        Self {
            changes: vec![change],
        }
    }
}

impl FromIterator<Change> for Edit {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        Self {
            changes: changes
                .into_iter()
                .filter(|change| !change.is_nothing())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_and_its_inverse_cancel_out() {
        let before = "one\ntwo\nthree\n";
        let mut rope = Rope::from_str(before);
        let first = Change::replace(&rope, 4, 7, "zwei und mehr");
        let edit = Edit {
            changes: vec![
                first,
                Change {
                    at: 0,
                    removed: "one".into(),
                    inserted: String::new(),
                },
            ],
        };
        for change in &edit.changes {
            change.apply(&mut rope);
        }
        assert_eq!(rope, "\nzwei und mehr\nthree\n");
        for change in &edit.inverse().changes {
            change.apply(&mut rope);
        }
        assert_eq!(rope, before);
    }

    #[test]
    fn places_move_with_the_text() {
        let change = Change {
            at: 4,
            removed: "two".into(),
            inserted: "zw".into(),
        };
        for (before, after) in [(0, 0), (3, 3), (4, 4), (5, 5), (6, 6), (7, 6), (9, 8)] {
            assert_eq!(change.map(before), after, "{before}");
        }
    }
}
