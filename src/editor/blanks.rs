//! Places that are still to be filled in of an item of a list that was written: they move with the text, and end once the last
//! one was come to or the cursor is elsewhere.

use ropey::Rope;

use super::edit::Change;

/// What is to be filled in; places are in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blanks {
    /// Where the item begins.
    start: usize,
    /// In order; never none.
    places: Vec<usize>,
}

impl Blanks {
    /// Returns the places of an item that begins at `start`; none where there are none.
    pub(super) fn new(start: usize, places: Vec<usize>) -> Option<Self> {
        (!places.is_empty()).then_some(Self { start, places })
    }

    /// Moves with the text.
    pub(super) fn follow(&mut self, change: &Change) {
        self.start = change.map(self.start);
        for place in &mut self.places {
            *place = change.map(*place);
        }
    }

    /// Returns the first place behind the cursor. It and those before it are filled in now, or left.
    pub(super) fn next(&mut self, cursor: usize) -> Option<usize> {
        let at = self.places.iter().position(|place| *place > cursor)?;
        self.places.drain(..=at).next_back()
    }

    /// Tells whether nothing is left to be filled in from where the cursor is.
    pub(super) fn is_left(&self, rope: &Rope, cursor: usize) -> bool {
        let line = |place: usize| rope.char_to_line(place.min(rope.len_chars()));
        self.places
            .last()
            .is_none_or(|last| cursor < self.start || line(cursor) > line(*last))
    }
}
