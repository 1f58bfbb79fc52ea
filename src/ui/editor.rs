//! The picture of an editor: line numbers, marks of faults, colours, selection, matches, and where the cursor is.
//!
//! Only visible lines are walked, and of long lines only what is in sight is drawn. Every layer of style (syntax, faults,
//! matches, selection) is a sorted list of byte ranges, merged while a line is drawn. Nothing here changes the editor:
//! the size that its scrolling needs is returned.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::definition::diagnostic::Severity;
use crate::editor::highlight;
use crate::editor::layout::{self, Glyph};
use crate::editor::{Editor, Viewport};

mod layers;
mod problems;
mod styles;

pub use problems::{draw_problems, problems_height};
pub use styles::EditorStyles;

use layers::Layers;

/// Line numbers have at least so many digits' room, so that the text does not jump at the tenth line.
const MIN_DIGITS: usize = 3;
/// Narrower than this beside the line numbers, the text gets their room.
const MIN_TEXT_WIDTH: usize = 16;

/// What drawing an editor tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditorDrawn {
    /// Where the terminal's cursor belongs.
    pub cursor: Option<Position>,
    /// The height of the text area, for [`Editor::ensure_visible`].
    pub height: usize,
    /// The width of the text area, line numbers aside.
    pub width: usize,
}

/// Draws an editor into an area.
pub fn draw_editor(
    buf: &mut Buffer,
    area: Rect,
    editor: &Editor,
    styles: &EditorStyles,
) -> EditorDrawn {
    let area = area.intersection(buf.area);
    for position in area.positions() {
        buf[position].reset();
    }
    buf.set_style(area, styles.text);
    let gutter = gutter_width(editor.n_lines(), area.width.into());
    let text_area = Rect {
        x: area.x + gutter,
        width: area.width - gutter,
        ..area
    };
    let (height, width) = (usize::from(area.height), usize::from(text_area.width));
    let mut drawn = EditorDrawn {
        cursor: None,
        height,
        width,
    };
    if text_area.is_empty() {
        return drawn;
    }
    let cursor = editor.cursor_cell();
    let viewport = editor.viewport_of((height, width));
    draw_lines(buf, text_area, editor, viewport, styles);
    if gutter > 0 {
        draw_gutter(
            buf,
            Rect {
                width: gutter,
                ..area
            },
            editor,
            viewport,
            styles,
        );
    }
    drawn.cursor = cursor_position(text_area, cursor, viewport);
    drawn
}

/// Returns the cells that a mark, the line number and a space take, or 0 where there is no room for them.
fn gutter_width(n_lines: usize, width: usize) -> u16 {
    let digits = (n_lines.max(1).ilog10() as usize + 1).max(MIN_DIGITS);
    let gutter = digits + 2;
    if width >= gutter + MIN_TEXT_WIDTH {
        u16::try_from(gutter).unwrap_or_default()
    } else {
        0
    }
}

fn cursor_position(
    area: Rect,
    (line, cell): (usize, usize),
    viewport: Viewport,
) -> Option<Position> {
    let row = line
        .checked_sub(viewport.top)
        .filter(|&row| row < viewport.height)?;
    let column = cell
        .checked_sub(viewport.left)
        .filter(|&column| column < viewport.width)?;
    Some(Position {
        x: area.x + u16::try_from(column).ok()?,
        y: area.y + u16::try_from(row).ok()?,
    })
}

fn visible_lines(editor: &Editor, viewport: Viewport) -> Range<usize> {
    viewport.top..(viewport.top + viewport.height).min(editor.n_lines())
}

fn draw_gutter(
    buf: &mut Buffer,
    area: Rect,
    editor: &Editor,
    viewport: Viewport,
    styles: &EditorStyles,
) {
    let lines = visible_lines(editor, viewport);
    let cursor_line = editor.cursor().line - 1;
    let digits = usize::from(area.width) - 2;
    for (y, line) in (area.y..).zip(lines.clone()) {
        let style = if line == cursor_line {
            styles.current_line_number
        } else {
            styles.line_number
        };
        buf.set_string(area.x + 1, y, format!("{:>digits$}", line + 1), style);
        if viewport.left > 0 {
            // Something lies to the left of what is shown.
            buf.set_string(area.right() - 1, y, styles.scrolled_mark(), style);
        }
    }
    for (line, severity) in faulty_lines(editor, lines.clone()) {
        let (mark, style) = styles.fault_mark(severity);
        let row = u16::try_from(line - lines.start).unwrap_or_default();
        buf.set_string(area.x, area.y + row, mark, style);
    }
}

/// Returns the visible lines in which a fault starts, the worst fault of a line last.
fn faulty_lines(editor: &Editor, lines: Range<usize>) -> Vec<(usize, Severity)> {
    let bytes = editor.rope().line_to_byte(lines.start)..editor.rope().line_to_byte(lines.end);
    let is_last = lines.end == editor.n_lines();
    let mut faulty: Vec<_> = editor
        .problems()
        .iter()
        .filter(|problem| {
            bytes.contains(&problem.bytes.start) || (is_last && problem.bytes.start == bytes.end)
        })
        .map(|problem| {
            (
                editor.rope().byte_to_line(problem.bytes.start),
                problem.diagnostic.severity,
            )
        })
        .collect();
    faulty.sort_by_key(|&(line, severity)| (line, std::cmp::Reverse(severity)));
    faulty
}

fn draw_lines(
    buf: &mut Buffer,
    area: Rect,
    editor: &Editor,
    viewport: Viewport,
    styles: &EditorStyles,
) {
    let mut state = editor.line_state(viewport.top);
    for (y, line_idx) in (area.y..).zip(visible_lines(editor, viewport)) {
        let text = editor.line(line_idx);
        let (tokens, next) = highlight::tokens(&text, state);
        state = next;
        let layers = Layers::of_line(editor, line_idx, &text, tokens, styles);
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        draw_line(buf, row, &text, viewport.left, layers, styles);
    }
}

fn draw_line(
    buf: &mut Buffer,
    row: Rect,
    text: &str,
    left: usize,
    mut layers: Layers,
    styles: &EditorStyles,
) {
    let right = left + usize::from(row.width);
    let x_of = |cell: usize| row.x + u16::try_from(cell - left).unwrap_or_default();
    let end = if layout::is_plain(text) {
        let visible = text.get(left..text.len().min(right)).unwrap_or_default();
        for (cell, c) in (left..).zip(visible.chars()) {
            buf[(x_of(cell), row.y)]
                .set_char(c)
                .set_style(layers.style_at(cell));
        }
        text.len()
    } else {
        let mut end = 0;
        for glyph in layout::glyphs(text) {
            end = glyph.cell + glyph.width;
            if glyph.cell >= right {
                break;
            }
            if end > left {
                let style = layers.style_at(glyph.byte);
                let style = if glyph.is_mark {
                    style.patch(styles.hidden)
                } else {
                    style
                };
                draw_glyph(buf, row, &glyph, left..right, style);
            }
        }
        end
    };
    // The cell after the line stands for its end: selected, or where something is missing.
    if (left..right).contains(&end) {
        buf[(x_of(end), row.y)].set_style(layers.style_at_end());
    }
}

/// Draws a glyph of which at least a part is in sight; one that is cut by an edge leaves its cells empty.
fn draw_glyph(buf: &mut Buffer, row: Rect, glyph: &Glyph<'_>, visible: Range<usize>, style: Style) {
    let cells = glyph.cell.max(visible.start)..(glyph.cell + glyph.width).min(visible.end);
    let x = row.x + u16::try_from(cells.start - visible.start).unwrap_or_default();
    if cells.len() == glyph.width {
        buf.set_stringn(x, row.y, &glyph.shown, glyph.width, style);
    }
    // After the text, since a wide glyph resets the cells it covers.
    let width = u16::try_from(cells.len()).unwrap_or_default();
    buf.set_style(
        Rect {
            x,
            y: row.y,
            width,
            height: 1,
        },
        style,
    );
}

#[cfg(test)]
mod tests;
