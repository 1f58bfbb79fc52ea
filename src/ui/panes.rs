//! The pictures of the parts of the screen, one file each.

pub(super) mod adjust;
pub(super) mod adopt;
pub(super) mod bulk;
pub(super) mod changes;
pub(super) mod claims;
pub(super) mod comparison;
pub(super) mod detail;
pub(super) mod editor;
pub(super) mod footer;
pub(super) mod forwards;
mod found;
pub(super) mod header;
mod help;
mod history;
pub(super) mod log;
mod logs;
pub(super) mod merge;
pub(super) mod nodes;
pub(super) mod operations;
mod pods;
pub(super) mod popup;
pub(super) mod progress;
pub(super) mod pull;
pub(super) mod review;
pub(super) mod routes;
pub(super) mod services;
pub(super) mod teardown;

use jiff::Timestamp;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::{Action, Geometry, Model};
use crate::failure::Failure;
use crate::text;

use super::canvas::{self, Canvas, wrap};
use super::theme::Theme;

/// Pieces of a line in their styles.
type Line = Vec<(String, Style)>;

/// Returns a sentence as lines of a width.
fn wrapped(sentence: &str, width: usize, style: Style) -> Vec<Line> {
    let lines = wrap(&text::clean(sentence), width);
    lines.into_iter().map(|line| vec![(line, style)]).collect()
}

/// Returns a line of pieces as lines of a width; those after the first are indented further.
fn wrapped_pieces(line: Line, width: usize) -> Vec<Line> {
    let clean = |(piece, style): (String, Style)| (text::clean(&piece).into_owned(), style);
    let line: Line = line.into_iter().map(clean).collect();
    if line
        .iter()
        .map(|(piece, _)| text::cells(piece))
        .sum::<usize>()
        <= width
    {
        return vec![line];
    }
    let indent = line.first().map_or(0, |(piece, _)| {
        (piece.len() - piece.trim_start_matches(' ').len() + 2).min(width / 2)
    });
    let (mut lines, mut used) = (vec![Line::new()], 0);
    let words = line.iter().flat_map(|(piece, style)| {
        let words = piece.split_inclusive(' ');
        words.map(|word| (word, *style))
    });
    for (mut word, style) in words {
        while !word.is_empty() {
            let room = width.saturating_sub(used);
            let is_first = lines.len() == 1 && used == 0 || used == indent && lines.len() > 1;
            let needs = text::cells(word.trim_end_matches(' '));
            if needs > room && !is_first {
                lines.push(vec![(" ".repeat(indent), style)]);
                used = indent;
                continue;
            }
            let (head, rest) = match text::cells(word) > room {
                // A word that no line has room for is broken.
                true if needs > room => text::split_cells(word, room),
                // Only the space after it has none.
                true => (word.trim_end_matches(' '), ""),
                false => (word, ""),
            };
            if let Some(last) = lines.last_mut() {
                last.push((head.to_owned(), style));
            }
            used += text::cells(head);
            word = rest;
        }
    }
    lines
}

/// Returns why there is no plan to show.
fn of_failure(failure: &Failure, width: usize, theme: &Theme) -> Vec<Line> {
    let mut lines = wrapped(&failure.summary, width, theme.bad);
    let detail = failure.detail.lines();
    lines.extend(detail.flat_map(|line| wrapped(line, width, theme.text)));
    lines
}

/// Says how many lines of a difference are below, and which key leads there: beside a text that is typed in not that of its
/// own pages.
fn more_below(model: &Model, n: usize) -> String {
    let key = key_of(model, Action::PageDown).or_else(|| key_of(model, Action::ScrollDown));
    canvas::more(n, key.as_deref())
}

/// Returns the name of the key that does something here, where there is one.
fn key_of(model: &Model, action: Action) -> Option<String> {
    model.first_key(action).map(|key| key.to_string())
}

/// Most rows that a sentence takes at the foot of a list.
const MAX_FOOT: usize = 3;

/// Draws a sentence at the foot of a list, where that keeps a few rows; returns what room is left.
fn foot(canvas: &mut Canvas<'_>, inside: Rect, sentence: &str, style: Style) -> Rect {
    let width = inside.width.saturating_sub(3);
    let n_lines = wrap(&text::clean(sentence), width.into()).len();
    let height = u16::try_from(n_lines.min(MAX_FOOT)).unwrap_or(0);
    if inside.height < height + 3 {
        return inside;
    }
    let room = Rect {
        height: inside.height - height,
        ..inside
    };
    let rows = Rect {
        x: inside.x + 2,
        y: room.bottom(),
        width,
        height,
    };
    canvas.wrapped(rows, sentence, style);
    room
}

/// Draws the lines of a text, from one of them on or from where a search leads, and says how many are below; tells moving
/// where that is.
fn draw_lines(
    canvas: &mut Canvas<'_>,
    inside: Rect,
    (model, lines, top): (&Model, &[Line], usize),
    geometry: &mut Geometry,
) {
    let height = usize::from(inside.height);
    geometry.list_height = height;
    geometry.n_lines = lines.len();
    let pattern = model.search.pattern.as_ref();
    let marked = pattern.map(|pattern| found::marked(lines, pattern, canvas.theme.found));
    let (lines, matching) = match &marked {
        Some((lines, matching)) => (lines.as_slice(), matching.as_slice()),
        None => (lines, &[][..]),
    };
    let found = model.search.find(matching, top, (lines.len(), height));
    geometry.found = Some(found);
    let n_below = draw_rows(canvas, inside, lines, found.top);
    canvas.n_more(inside, n_below, key_of(model, Action::Down).as_deref());
    if let Some(pattern) = pattern {
        found::draw(canvas, inside, pattern, (matching, found));
    }
}

/// Draws as many lines as there is room for, from one of them on or from where the last fill it; returns how many are below.
fn draw_rows(canvas: &mut Canvas<'_>, inside: Rect, lines: &[Line], top: usize) -> usize {
    let n_beyond = lines.len().saturating_sub(inside.height.into());
    let top = top.min(n_beyond);
    for (y, line) in (inside.y..inside.bottom()).zip(lines.iter().skip(top)) {
        let pieces: Vec<_> = line
            .iter()
            .map(|(text, style)| (text.as_str(), *style))
            .collect();
        canvas.line(Position { x: inside.x, y }, inside.width, &pieces);
    }
    n_beyond - top
}

/// Returns what is inside a frame, without a margin left and right.
fn within_margins(inside: Rect) -> Rect {
    Rect {
        x: inside.x + 1,
        width: inside.width.saturating_sub(2),
        ..inside
    }
}

/// Takes that something on the screen changes its text at a time.
fn note_change(geometry: &mut Geometry, at: Option<Timestamp>) {
    geometry.next_age = match (geometry.next_age, at) {
        (Some(known), Some(at)) => Some(known.min(at)),
        (known, at) => known.or(at),
    };
}
