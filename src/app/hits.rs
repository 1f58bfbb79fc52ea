//! What is where on the screen, for those who point at it: drawing tells, and a click or the wheel asks.

use super::action::Action;
use super::panes::detail::Tab;
use super::screen::Focus;
use super::table::RowMark;

/// A part of the screen, in cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The first column.
    pub x: u16,
    /// The first row.
    pub y: u16,
    /// How many columns.
    pub width: u16,
    /// How many rows.
    pub height: u16,
}

/// What a part of the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// A part that scrolls: the list or the detail below it.
    Part(Focus),
    /// A row of a table. Rows may move between the picture and the click, so it bears no place.
    Row(RowMark),
    /// The title of a column of a table.
    Column(usize),
    /// A row of what is shown once and does not move: its place among all.
    Nth(usize),
    /// The title of a tab.
    Tab(Tab),
    /// A key with its word.
    Action(Action),
    /// An item of the menu: which of those that are shown.
    Item(usize),
    /// The key that closes what stands over the screen, and does nothing else.
    Close,
    /// The text of the editor.
    Text,
}

/// All of it, the foremost last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hits(Vec<(Place, Hit)>);

impl Hits {
    /// Adds a part; what was added before it is behind it.
    pub fn add(&mut self, place: Place, hit: Hit) {
        self.0.push((place, hit));
    }

    /// Forgets everything: something stands over the whole screen.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Forgets what moves with the selection, and keeps the parts of the screen.
    pub fn keep_parts(&mut self) {
        self.0.retain(|(_, hit)| matches!(hit, Hit::Part(_)));
    }

    /// Returns what is at a cell that some part was found for, and where that part is.
    pub fn find<T>(
        &self,
        (x, y): (u16, u16),
        wanted: impl Fn(Hit) -> Option<T>,
    ) -> Option<(Place, T)> {
        let holds = |place: &Place| {
            (place.x..place.x.saturating_add(place.width)).contains(&x)
                && (place.y..place.y.saturating_add(place.height)).contains(&y)
        };
        let parts = self.0.iter().rev().filter(|(place, _)| holds(place));
        parts
            .filter_map(|(place, hit)| Some((*place, wanted(*hit)?)))
            .next()
    }
}
