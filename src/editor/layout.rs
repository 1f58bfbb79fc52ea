//! How the characters of one line fill cells of the screen: the only place where columns become cells and back.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

use crate::text;

/// Tabs are no indentation in YAML; they are drawn as wide as in most editors.
const TAB_STOP: usize = 4;

/// One grapheme of a line and the cells it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glyph<'a> {
    /// Its first byte in the line.
    pub byte: usize,
    /// Its first cell, from the start of the line.
    pub cell: usize,
    /// How many cells it takes, at least one.
    pub width: usize,
    /// What is drawn there: safe on a terminal, as wide as `width`.
    pub shown: Cow<'a, str>,
    /// Whether a mark is drawn in place of something that has no picture.
    pub is_mark: bool,
}

/// Walks a line (without its end) grapheme by grapheme.
pub fn glyphs(line: &str) -> impl Iterator<Item = Glyph<'_>> {
    let mut cell = 0;
    line.grapheme_indices(true).map(move |(byte, grapheme)| {
        let (shown, width, is_mark) = shown(grapheme, cell);
        let glyph = Glyph {
            byte,
            cell,
            width,
            shown,
            is_mark,
        };
        cell += width;
        glyph
    })
}

/// Returns what is drawn for a grapheme that starts at `cell`, how many cells that takes, and whether it is a mark.
fn shown(grapheme: &str, cell: usize) -> (Cow<'_, str>, usize, bool) {
    if grapheme == "\t" {
        let width = TAB_STOP - cell % TAB_STOP;
        return (
            Cow::Owned(format!("→{}", " ".repeat(width - 1))),
            width,
            true,
        );
    }
    if let Some(c) = only_char(grapheme) {
        match (text::mark_for(c), c.width()) {
            (Some(mark), _) => return (Cow::Owned(mark.to_string()), 1, true),
            // Most characters of any script need no more than this.
            (None, Some(width)) if width > 0 => return (Cow::Borrowed(grapheme), width, false),
            // A combining mark with nothing before it gets a carrier, or it would join the cell to its left.
            _ => return (Cow::Owned(format!("\u{25cc}{c}")), 1, true),
        }
    }
    let cleaned = text::clean(grapheme);
    match text::cells(&cleaned) {
        0 => (Cow::Owned(format!("\u{25cc}{cleaned}")), 1, true),
        width => {
            let is_mark = matches!(cleaned, Cow::Owned(_));
            (cleaned, width, is_mark)
        }
    }
}

fn only_char(grapheme: &str) -> Option<char> {
    let mut chars = grapheme.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// Tells whether every byte of a line is one character in one cell.
pub fn is_plain(line: &str) -> bool {
    line.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// Returns the cell where the character number `column` (from 0) of a line starts.
pub fn cell_of(line: &str, column: usize) -> usize {
    if is_plain(line) {
        return column.min(line.len());
    }
    let byte = line
        .char_indices()
        .nth(column)
        .map_or(line.len(), |(byte, _)| byte);
    let mut end = 0;
    for glyph in glyphs(line) {
        if glyph.byte >= byte {
            return glyph.cell;
        }
        end = glyph.cell + glyph.width;
    }
    end
}

/// Returns the character number of the grapheme that covers a cell of a line, or that of its end.
pub fn column_at(line: &str, cell: usize) -> usize {
    if is_plain(line) {
        return cell.min(line.len());
    }
    let byte = glyphs(line)
        .find(|glyph| glyph.cell + glyph.width > cell)
        .map_or(line.len(), |glyph| glyph.byte);
    line[..byte].chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_cells_are_each_others_inverse() {
        for (line, column, cell) in [
            ("plain", 3, 3),
            ("plain", 9, 5),
            ("日本語", 2, 4),
            ("e\u{301}x", 2, 1),
            ("👩\u{200d}💻x", 3, 2),
            ("\tx", 1, 4),
            ("ab\tx", 3, 4),
            ("a\u{202e}b", 2, 2),
            ("a\u{1b}b", 2, 2),
        ] {
            assert_eq!(cell_of(line, column), cell, "{line:?}");
            assert_eq!(
                column_at(line, cell),
                column.min(line.chars().count()),
                "{line:?}"
            );
        }
    }

    #[test]
    fn a_cell_inside_a_wide_grapheme_means_its_start() {
        assert_eq!(column_at("日本語", 3), 1);
        assert_eq!(column_at("\tx", 2), 0);
    }

    #[test]
    fn nothing_unsafe_is_shown() {
        let shown: String = glyphs("a\tb\u{202e}\u{1b}[31m\u{301}")
            .map(|glyph| glyph.shown.into_owned())
            .collect();
        assert_eq!(shown, "a→  b\u{fffd}␛[31m\u{301}");
    }
}
