//! The habits of a text, which edits keep to.

use ropey::Rope;

use super::indent;

/// A file may start with it; it is no part of the first line.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The habits of a text, seen when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Habits {
    pub(super) line_end: &'static str,
    pub(super) indent: usize,
    pub(super) has_byte_order_mark: bool,
}

impl Habits {
    pub(super) fn of(rope: &Rope) -> Self {
        let first = rope.line(0).to_string();
        Self {
            line_end: if first.ends_with("\r\n") {
                "\r\n"
            } else {
                "\n"
            },
            indent: indent::unit_of(rope),
            has_byte_order_mark: rope.get_char(0) == Some(BYTE_ORDER_MARK),
        }
    }
}
