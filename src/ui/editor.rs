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
use crate::editor::highlight::{self, Token};
use crate::editor::layout::{self, Glyph};
use crate::editor::{Editor, Viewport};

mod problems;
mod styles;

pub use problems::draw_problems;
pub use styles::EditorStyles;

/// Line numbers have at least so many digits' room, so that the text does not jump at the tenth line.
const MIN_DIGITS: usize = 3;
/// Narrower than this beside the line numbers, the text gets their room.
const MIN_TEXT_WIDTH: usize = 16;
/// More faults of one line are not told apart.
const MAX_FAULTS_PER_LINE: usize = 64;

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
    let viewport = editor
        .viewport()
        .showing(cursor, editor.n_lines(), (height, width));
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

/// The styles of one line: ranges of bytes in ascending order, asked from left to right.
struct Layers {
    tokens: Ranges,
    faults: Vec<(Range<usize>, Style)>,
    matches: Ranges,
    selection: Ranges,
    end: Style,
}

impl Layers {
    fn of_line(
        editor: &Editor,
        line_idx: usize,
        text: &str,
        tokens: Vec<(Range<usize>, Token)>,
        styles: &EditorStyles,
    ) -> Self {
        let line = editor.line_bytes(line_idx);
        let faults = faults_of(editor, &line, styles);
        let selection = selection_of(editor, &line);
        let matches = editor
            .search()
            .map(|search| search.matches_in(text).collect::<Vec<_>>())
            .unwrap_or_default();
        let mut end = styles.text;
        for (_, style) in faults.iter().filter(|(range, _)| range.end > text.len()) {
            end = end.patch(*style);
        }
        if selection
            .as_ref()
            .is_some_and(|range| range.end > text.len())
        {
            end = end.patch(styles.selection);
        }
        Self {
            tokens: Ranges::new(
                tokens
                    .into_iter()
                    .map(|(range, token)| (range, styles.token(token))),
            ),
            faults,
            matches: Ranges::new(
                matches
                    .into_iter()
                    .map(|range| (range, styles.search_match)),
            ),
            selection: Ranges::new(selection.map(|range| (range, styles.selection))),
            end,
        }
    }

    fn style_at(&mut self, byte: usize) -> Style {
        let mut style = self.tokens.at(byte).unwrap_or_default();
        for (_, fault) in self
            .faults
            .iter()
            .filter(|(range, _)| range.contains(&byte))
        {
            style = style.patch(*fault);
        }
        // The match at the cursor is selected, and must look different from the others.
        let matched = self.matches.at(byte);
        style.patch(self.selection.at(byte).or(matched).unwrap_or_default())
    }

    fn style_at_end(&self) -> Style {
        self.end
    }
}

/// Returns the faults of a line as bytes of it, errors last so that they win. An empty range marks one character.
fn faults_of(
    editor: &Editor,
    line: &Range<usize>,
    styles: &EditorStyles,
) -> Vec<(Range<usize>, Style)> {
    let mut faults: Vec<_> = editor
        .problems()
        .iter()
        .filter(|problem| {
            problem.bytes.start <= line.end
                && problem.bytes.end.max(problem.bytes.start + 1) > line.start
        })
        .take(MAX_FAULTS_PER_LINE)
        .map(|problem| {
            let start = problem.bytes.start.max(line.start) - line.start;
            // A fault that goes on in the next line does not mark the line's end.
            let end = if problem.bytes.end > line.end {
                line.len()
            } else {
                problem.bytes.end.max(line.start) - line.start
            };
            (start..end.max(start + 1), problem.diagnostic.severity)
        })
        .collect();
    faults.sort_by_key(|(_, severity)| std::cmp::Reverse(*severity));
    faults
        .into_iter()
        .map(|(range, severity)| (range, styles.fault(severity)))
        .collect()
}

/// Returns what is selected of a line, as bytes of it; its end counts as one more.
fn selection_of(editor: &Editor, line: &Range<usize>) -> Option<Range<usize>> {
    let selection = editor.selection();
    if selection.is_empty() {
        return None;
    }
    let Range { start, end } = selection.range();
    let (start, end) = (
        editor.rope().char_to_byte(start),
        editor.rope().char_to_byte(end),
    );
    let goes_on = usize::from(end > line.end);
    (start <= line.end && end > line.start || line.contains(&start))
        .then(|| start.max(line.start) - line.start..end.min(line.end) - line.start + goes_on)
}

/// Ranges with a style each that do not overlap, in ascending order.
struct Ranges {
    rest: std::iter::Peekable<std::vec::IntoIter<(Range<usize>, Style)>>,
}

impl Ranges {
    fn new(ranges: impl IntoIterator<Item = (Range<usize>, Style)>) -> Self {
        Self {
            rest: ranges
                .into_iter()
                .collect::<Vec<_>>()
                .into_iter()
                .peekable(),
        }
    }

    /// Returns the style at a byte; bytes must be asked in ascending order.
    fn at(&mut self, byte: usize) -> Option<Style> {
        while self.rest.next_if(|(range, _)| range.end <= byte).is_some() {}
        self.rest
            .peek()
            .filter(|(range, _)| range.start <= byte)
            .map(|(_, style)| *style)
    }
}

#[cfg(test)]
mod tests;
