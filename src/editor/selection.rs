//! The cursor and the range it has selected, in characters of the text.

use std::ops::Range;

/// Where the cursor is (`head`) and where the selection began (`anchor`); without a selection both are one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection {
    /// The end that stays.
    pub anchor: usize,
    /// The end that moves: the cursor.
    pub head: usize,
}

impl Selection {
    /// Returns a cursor without a selection.
    pub fn at(place: usize) -> Self {
        Self {
            anchor: place,
            head: place,
        }
    }

    /// Returns what is selected, from the smaller to the larger end.
    pub fn range(self) -> Range<usize> {
        self.anchor.min(self.head)..self.anchor.max(self.head)
    }

    /// Tells whether nothing is selected.
    pub fn is_empty(self) -> bool {
        self.anchor == self.head
    }
}
