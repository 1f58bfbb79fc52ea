//! The logs' tab: how the reading does, then the lines, each with its pod in a colour of its own.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::panes::logs::{Line, LogState, LogsPane};
use crate::app::{Geometry, Model};
use crate::text;
use crate::ui::canvas::Canvas;
use crate::ui::theme::Theme;

/// Longest name before the last part of a pod's that is shown.
const MAX_NAME: usize = 12;

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    is_focused: bool,
    geometry: &mut Geometry,
) {
    if area.height == 0 {
        return;
    }
    let pane = &model.detail_pane.logs;
    let at = Position {
        x: area.x + 2,
        y: area.y,
    };
    let width = area.width.saturating_sub(3);
    let Some(key) = model.selected_instance() else {
        canvas.text(
            at,
            width,
            "Not deployed: nothing says anything.",
            canvas.theme.dim,
        );
        return;
    };
    if pane.of.as_ref() != Some(key) {
        canvas.text(at, width, "Looking …", canvas.theme.dim);
        return;
    }
    draw_state(canvas, at, width, pane);
    let inside = Rect {
        x: at.x,
        y: area.y + 1,
        width,
        height: area.height - 1,
    };
    if is_focused {
        geometry.list_height = inside.height.into();
    }
    geometry.logs = draw_lines(canvas, inside, pane);
    if pane.n_shown() == 0 && inside.height > 0 {
        canvas.text(
            inside.as_position(),
            width,
            empty_sentence(pane),
            canvas.theme.dim,
        );
    }
}

fn empty_sentence(pane: &LogsPane) -> &'static str {
    match (&pane.state, pane.ring.is_empty()) {
        (_, false) => "No line matches.",
        (LogState::Over, true) => "There is nothing to read.",
        (LogState::Reading | LogState::Lost(_), true) => "Nothing was said yet.",
    }
}

/// Draws a line about the log: what is read, whether it goes on, what is left out.
fn draw_state(canvas: &mut Canvas<'_>, at: Position, width: u16, pane: &LogsPane) {
    let theme = canvas.theme;
    let dot = theme.symbols.dot;
    let (state, style) = match &pane.state {
        LogState::Lost(failure) => (format!("broke off: {failure}"), theme.bad),
        _ if !pane.is_following() => ("stopped here, f follows".to_owned(), theme.partly),
        LogState::Over => ("all that there is".to_owned(), theme.dim),
        LogState::Reading => ("following".to_owned(), theme.good),
    };
    let mut rest = String::new();
    let mut say = |what: &str| rest.push_str(&format!(" {dot} {what}"));
    if pane.is_previous {
        say("previous runs");
    }
    say(&match pane.ring.len() {
        1 => "1 line".to_owned(),
        n => format!("{n} lines"),
    });
    if pane.ring.n_dropped() > 0 {
        say(&format!("{} earlier ones dropped", pane.ring.n_dropped()));
    }
    if let Some(filter) = &pane.filter {
        say(&format!("{} match /{filter}/", pane.n_shown()));
    }
    if pane.wraps {
        say("wrapped");
    }
    canvas.line(at, width, &[(&state, style), (&rest, theme.dim)]);
}

/// Draws as many lines as there is room for; returns the first of them, and how many there were.
fn draw_lines(canvas: &mut Canvas<'_>, area: Rect, pane: &LogsPane) -> (usize, usize) {
    let room = usize::from(area.height);
    let top = pane.top().unwrap_or_else(|| newest(pane, area));
    let (mut y, mut idx) = (area.y, top);
    while y < area.bottom() {
        let Some(line) = pane.shown(idx) else {
            break;
        };
        let rows = rows_of(pane, line, area.width);
        let below = Rect {
            y,
            height: area.bottom() - y,
            ..area
        };
        draw_line(canvas, below, pane, line);
        y = y.saturating_add(rows);
        idx += 1;
    }
    // Where lines go on below there is room for fewer, but no fewer than one.
    let n_drawn = if pane.wraps { idx - top } else { room };
    (top, n_drawn.max(1))
}

/// Returns the first line of those that fill an area up to the newest.
fn newest(pane: &LogsPane, area: Rect) -> usize {
    let mut room = area.height;
    let mut top = pane.n_shown();
    while let Some(line) = top.checked_sub(1).and_then(|idx| pane.shown(idx)) {
        let rows = rows_of(pane, line, area.width);
        if rows > room {
            break;
        }
        room -= rows;
        top -= 1;
    }
    // A line longer than the whole room is seen from its beginning.
    top.min(pane.n_shown().saturating_sub(1))
}

fn rows_of(pane: &LogsPane, line: &Line, width: u16) -> u16 {
    if !pane.wraps {
        return 1;
    }
    let cells = text::cells(&whole(pane, line)).max(1);
    u16::try_from(cells.div_ceil(usize::from(width.max(1)))).unwrap_or(u16::MAX)
}

fn prefix(pane: &LogsPane, line: &Line) -> String {
    let at = line.at.filter(|_| pane.has_timestamps);
    let at = at.map_or_else(String::new, |at| {
        format!("{} ", at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
    });
    let pod = short_name(&line.source.pod);
    match pane.has_containers() {
        true => format!("{pod}/{} {at}", line.source.container),
        false => format!("{pod} {at}"),
    }
}

/// Returns what tells a pod from its siblings: the name of a long one is cut to its last part.
fn short_name(pod: &str) -> String {
    match pod.rsplit_once('-') {
        Some((before, last)) if before.len() > MAX_NAME => format!("…{last}"),
        _ => pod.to_owned(),
    }
}

/// Returns what a line shows, its pod included.
fn whole(pane: &LogsPane, line: &Line) -> String {
    text::clean(&format!("{}{}", prefix(pane, line), line.text)).into_owned()
}

fn draw_line(canvas: &mut Canvas<'_>, area: Rect, pane: &LogsPane, line: &Line) {
    let theme = canvas.theme;
    let style = style_of(theme, line.colour);
    let body = if line.is_notice {
        theme.partly
    } else {
        theme.text
    };
    let prefix = text::clean(&prefix(pane, line)).into_owned();
    if !pane.wraps {
        let pieces = [(prefix.as_str(), style), (line.text.as_str(), body)];
        canvas.line(area.as_position(), area.width, &pieces);
        return;
    }
    let all = whole(pane, line);
    let mut rest = all.as_str();
    for y in area.y..area.bottom() {
        let (row, below) = split_at_cells(rest, area.width.into());
        canvas.text(Position { x: area.x, y }, area.width, row, body);
        rest = below;
        if rest.is_empty() {
            break;
        }
    }
    let room = u16::try_from(text::cells(&prefix)).unwrap_or(u16::MAX);
    let first = Rect {
        width: room.min(area.width),
        height: 1,
        ..area
    };
    canvas.paint(first, style);
}

/// Splits a cleaned text where a row of so many cells is full.
fn split_at_cells(line: &str, width: usize) -> (&str, &str) {
    use unicode_segmentation::UnicodeSegmentation;
    let mut used = 0;
    for (at, grapheme) in line.grapheme_indices(true) {
        used += text::cells(grapheme);
        if used > width && at > 0 {
            return line.split_at(at);
        }
    }
    (line, "")
}

/// Returns the colour of a pod: in turn, and red is left to what is wrong.
fn style_of(theme: &Theme, idx: usize) -> Style {
    theme.pods[idx % theme.pods.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_of_pods_are_cut_to_what_tells_them_apart() {
        let check = |pod: &str, expected: &str| assert_eq!(short_name(pod), expected);
        check("db-0", "db-0");
        check("web-6d9c9c5b8-4bqzd", "…4bqzd");
        check("a-very-long-name-for-a-set-12", "…12");
        check("", "");
    }

    #[test]
    fn rows_are_filled_and_wide_characters_stay_whole() {
        let check = |line: &str, width, expected: (&str, &str)| {
            assert_eq!(split_at_cells(line, width), expected);
        };
        check("abcdef", 4, ("abcd", "ef"));
        check("abc", 4, ("abc", ""));
        check("日本語", 5, ("日本", "語"));
        check("日", 1, ("日", ""));
    }
}
