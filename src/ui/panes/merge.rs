//! Two texts that became of one: what each side made of it, and what is taken.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::hits::Hit;
use crate::app::panes::merge::{MergeLine, MergePane, MergeWith};
use crate::app::{Geometry, Model};
use crate::editor::merge::{Change, Decision, Hunk, Side};
use crate::text;
use crate::ui::canvas::Canvas;

use super::{more_below, within_margins};

/// Cells of what is said before a line.
const LABEL: usize = 9;

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    pane: &MergePane,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let dot = theme.symbols.dot;
    let name = format!("Merge {}", pane.name);
    let with = match &pane.with {
        MergeWith::File(_) => format!(" {dot} with the file as somebody else left it"),
        MergeWith::Live(_) => format!(" {dot} with what others changed in the cluster"),
    };
    let state = match pane.merge.n_undecided() {
        0 => format!(" {dot} all decided"),
        1 => format!(" {dot} 1 to choose"),
        n => format!(" {dot} {n} to choose"),
    };
    let title = [
        (name.as_str(), theme.strong),
        (with.as_str(), theme.text),
        (state.as_str(), theme.partly),
    ];
    let inside = within_margins(canvas.frame(area, &title, true));
    let inside = draw_left(canvas, inside, pane);
    let lines = pane.lines();
    geometry.list_height = inside.height.into();
    let rows_of = |line: &MergeLine<'_>| chunks(line, inside.width).len();
    let mut room = usize::from(inside.height);
    let fits = |line: &&MergeLine<'_>| {
        let rest = room.checked_sub(rows_of(line));
        room = rest.unwrap_or_default();
        rest.is_some()
    };
    let n_last = lines.iter().rev().take_while(fits).count();
    geometry.n_beyond = lines.len().saturating_sub(n_last.max(1));
    let top = pane.scroll.min(geometry.n_beyond);
    let (mut y, mut n_below) = (inside.y, lines.len() - top);
    let mut hunk = None;
    for (at, line) in lines.iter().enumerate() {
        hunk = match line {
            MergeLine::Head(nth, _) => Some(*nth),
            MergeLine::Was(_) | MergeLine::Of(..) => hunk,
            MergeLine::Same(_) | MergeLine::Fold(_) => None,
        };
        if at < top {
            continue;
        }
        if y == inside.bottom() {
            break;
        }
        let room = Rect {
            y,
            height: inside.bottom() - y,
            ..inside
        };
        let n_rows = draw_line(canvas, room, line, pane);
        if let Some(nth) = hunk {
            let height = n_rows;
            canvas.hit(Rect { height, ..room }, Hit::Nth(nth));
        }
        y += n_rows;
        n_below -= 1;
    }
    if n_below > 0 {
        let at = Position {
            x: inside.x + 1,
            y: inside.bottom(),
        };
        canvas.text(at, inside.width, &more_below(model, n_below), theme.dim);
    }
}

/// Says what a definition cannot say of the live objects; returns the room that is left.
fn draw_left(canvas: &mut Canvas<'_>, inside: Rect, pane: &MergePane) -> Rect {
    let MergeWith::Live(left) = &pane.with else {
        return inside;
    };
    let theme = canvas.theme;
    let n_shown = left.len().min(usize::from(inside.height / 4));
    let mut y = inside.y;
    for (nth, sentence) in left.iter().take(n_shown).enumerate() {
        let n_more = left.len() - n_shown;
        let sentence = match nth + 1 == n_shown && n_more > 0 {
            true => format!("Not in the text: {sentence} (and {n_more} more)"),
            false => format!("Not in the text: {sentence}"),
        };
        canvas.text(
            Position { x: inside.x, y },
            inside.width,
            &sentence,
            theme.partly,
        );
        y += 1;
    }
    Rect {
        y,
        height: inside.bottom() - y,
        ..inside
    }
}

/// Returns the rows that the text of a line takes: what differs is shown whole, or nobody could choose.
fn chunks(line: &MergeLine<'_>, width: u16) -> Vec<String> {
    // Indentation by tabs keeps its room.
    let cleaned =
        |line: &str| text::clean_multiline(line.trim_end_matches(['\n', '\r'])).into_owned();
    let whole = match line {
        MergeLine::Was(line) | MergeLine::Of(_, line, _) => cleaned(line),
        MergeLine::Same(line) => return vec![cleaned(line)],
        MergeLine::Head(..) | MergeLine::Fold(_) => return vec![String::new()],
    };
    let room = usize::from(width).saturating_sub(LABEL + 2).max(1);
    let (mut chunk, mut rest) = text::split_cells(&whole, room);
    let mut chunks = vec![chunk.to_owned()];
    while !rest.is_empty() {
        (chunk, rest) = text::split_cells(rest, room);
        chunks.push(chunk.to_owned());
    }
    chunks
}

/// Draws a line into as many rows as it takes and there are; returns how many.
fn draw_line(canvas: &mut Canvas<'_>, area: Rect, line: &MergeLine<'_>, pane: &MergePane) -> u16 {
    let (at, width) = (area.as_position(), area.width);
    let theme = canvas.theme;
    let (mut label, style) = match line {
        MergeLine::Head(nth, hunk) => {
            let is_selected = *nth == pane.selected;
            let (mark, style) = match (is_selected, hunk.decision) {
                (true, _) => (theme.symbols.into, theme.strong),
                (false, None) => (" ", theme.partly),
                (false, Some(_)) => (" ", theme.dim),
            };
            let sentence = told(hunk, &pane.with);
            canvas.line(
                at,
                width,
                &[(mark, style), (" ", style), (&sentence, style)],
            );
            return 1;
        }
        MergeLine::Fold(n) => {
            let sentence = format!("           {n} lines that are the same");
            canvas.text(at, width, &sentence, theme.dim);
            return 1;
        }
        MergeLine::Same(_) => ("", theme.dim),
        MergeLine::Was(_) => ("- was", theme.removed),
        MergeLine::Of(side, _, is_taken) => {
            let label = match (side, is_taken) {
                (Side::Mine, Some(true)) => "+ mine",
                (Side::Theirs, Some(true)) => "+ theirs",
                (Side::Mine, _) => "  mine",
                (Side::Theirs, _) => "  theirs",
            };
            let style = match is_taken {
                Some(true) => theme.added,
                Some(false) => theme.dim,
                None => theme.text,
            };
            (label, style)
        }
    };
    let mut y = area.y;
    for chunk in chunks(line, width) {
        if y == area.bottom() {
            break;
        }
        draw_text_line(canvas, Position { y, ..at }, width, (label, &chunk), style);
        (y, label) = (y + 1, "");
    }
    y - area.y
}

fn draw_text_line(
    canvas: &mut Canvas<'_>,
    at: Position,
    width: u16,
    (label, content): (&str, &str),
    style: Style,
) {
    let label = format!("{label:<LABEL$}{} ", canvas.theme.symbols.frame[1]);
    canvas.line(at, width, &[(&label, canvas.theme.dim), (content, style)]);
}

/// Says who changed a hunk, and what becomes of it.
fn told(hunk: &Hunk, with: &MergeWith) -> String {
    let they = match with {
        MergeWith::File(_) => "somebody else",
        MergeWith::Live(_) => "others, in the cluster,",
    };
    let who = match hunk.change {
        Change::By(Side::Mine) => return "you changed it: taken".to_owned(),
        Change::Alike => return "both changed it alike: taken".to_owned(),
        Change::By(Side::Theirs) => format!("{they} changed it"),
        Change::Conflict if hunk.base.is_empty() && !hunk.mine.is_empty() => {
            "both have something else here".to_owned()
        }
        Change::Conflict => "both changed it".to_owned(),
    };
    let fate = match hunk.decision {
        None => "choose",
        Some(Decision::Take(Side::Mine)) if hunk.change == Change::Conflict => "mine is taken",
        Some(Decision::Take(Side::Mine)) => "left as it was",
        Some(Decision::Take(Side::Theirs)) if hunk.change == Change::Conflict => "theirs is taken",
        Some(Decision::Take(Side::Theirs)) => "taken",
        Some(Decision::Both) => "both are taken, mine first",
        Some(Decision::ByHand) => "both stay between marks, to be edited",
    };
    format!("{who}: {fate}")
}
