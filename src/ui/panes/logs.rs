//! The logs' tab: how the reading does, then the lines, each with its pod in a colour of its own.

mod stretch;

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::panes::logs::{Line, LogState, LogsPane, Whose};
use crate::app::{Action, Geometry, Model};
use crate::service::age;
use crate::text;
use crate::ui::canvas::{Canvas, Piece};
use crate::ui::theme::Theme;

use stretch::Stretch;

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
    draw_state(canvas, at, width, model);
    let inside = Rect {
        x: at.x,
        y: area.y + 1,
        width,
        height: area.height - 1,
    };
    if is_focused {
        geometry.list_height = inside.height.into();
    }
    let drawn = draw_lines(canvas, inside, pane);
    geometry.logs = drawn.lines;
    (geometry.log_overhang, geometry.log_room) = (drawn.overhang, drawn.room);
    if pane.n_shown() == 0 && inside.height > 0 {
        canvas.text(
            inside.as_position(),
            width,
            &empty_sentence(model),
            canvas.theme.dim,
        );
    }
}

fn empty_sentence(model: &Model) -> String {
    let pane = &model.detail_pane.logs;
    match (&pane.state, pane.ring.is_empty()) {
        (_, false) => "No line matches.".to_owned(),
        (LogState::Over, true) => "There is nothing to read.".to_owned(),
        (LogState::Reading | LogState::Lost(_), true) if pane.since.is_some() => {
            let way = [(Action::LogSince, "chooses another")];
            model.with_ways("Nothing was said in that time", "; ", &way, "") + "."
        }
        (LogState::Reading | LogState::Lost(_), true) => "Nothing was said yet.".to_owned(),
    }
}

/// Draws a line about the log: what is read, whether it goes on, what is left out.
fn draw_state(canvas: &mut Canvas<'_>, at: Position, width: u16, model: &Model) {
    let (theme, pane) = (canvas.theme, &model.detail_pane.logs);
    let dot = theme.symbols.dot;
    let (state, style) = match &pane.state {
        LogState::Lost(failure) => (format!("broke off: {failure}"), theme.bad),
        _ if !pane.is_following() => {
            let way = [(Action::Follow, "follows")];
            let state = model.with_ways("stopped here", ", ", &way, "");
            (state, theme.partly)
        }
        LogState::Over => ("all that there is".to_owned(), theme.dim),
        LogState::Reading => ("following".to_owned(), theme.good),
    };
    let mut rest = String::new();
    let mut say = |what: &str| rest.push_str(&format!(" {dot} {what}"));
    if pane.is_previous {
        say("previous runs");
    }
    match &pane.whose {
        Whose::All => {}
        Whose::Pod(name) | Whose::Container(name) => say(&format!("only of {name}")),
    }
    if let Some(since) = pane.since {
        say(&format!("since {}", age::show(since)));
    }
    if let Some(filter) = &pane.filter {
        let at = pane.match_at();
        let at = at.map_or_else(String::new, |at| format!(", at {}", at + 1));
        say(&match (pane.shows_others, pane.n_matches()) {
            (true, 1) => format!("/{filter}/ marked in 1 line{at}"),
            (true, n) => format!("/{filter}/ marked in {n} lines{at}"),
            (false, n) => format!("{n} match /{filter}/{at}"),
        });
    }
    if pane.wraps {
        say("wrapped");
    } else if pane.shift > 0 {
        say(&format!("from column {}", pane.shift + 1));
    }
    let n_lines = match (pane.n_shown(), pane.ring.len()) {
        // How many pass a filter is said before.
        (shown, n) if shown < n && pane.filter.is_none() => format!("{shown} of {n} lines"),
        (_, 1) => "1 line".to_owned(),
        (_, n) => format!("{n} lines"),
    };
    say(&match pane.ring.n_dropped() {
        0 => n_lines,
        n => format!("{n_lines}, {n} before them dropped"),
    });
    canvas.line(at, width, &[(&state, style), (&rest, theme.dim)]);
}

/// What there was of lines.
struct Drawn {
    /// The first that was drawn, and how many there was room for.
    lines: (usize, usize),
    /// How many cells of the longest are beyond the right border.
    overhang: usize,
    /// How many cells of each are in sight.
    room: usize,
}

/// Draws as many lines as there is room for.
fn draw_lines(canvas: &mut Canvas<'_>, area: Rect, pane: &LogsPane) -> Drawn {
    let top = pane.top().unwrap_or_else(|| newest(canvas, pane, area));
    let (mut y, mut idx, mut overhang) = (area.y, top, 0);
    let mut room = usize::from(area.width);
    while y < area.bottom() {
        let Some(line) = pane.shown(idx) else {
            break;
        };
        let below = Rect {
            y,
            height: area.bottom() - y,
            ..area
        };
        let n_rows = if pane.wraps {
            draw_wrapped(canvas, below, pane, line)
        } else {
            let cut = draw_cut(canvas, below, pane, line);
            (overhang, room) = (overhang.max(cut.overhang), room.min(cut.room));
            1
        };
        if pane.line_at() == Some(idx) {
            let height = n_rows.min(below.height);
            canvas.paint(Rect { height, ..below }, canvas.theme.selected);
        }
        y = y.saturating_add(n_rows);
        idx += 1;
    }
    // Where lines go on below there is room for fewer, but no fewer than one.
    let n_drawn = if pane.wraps {
        idx - top
    } else {
        area.height.into()
    };
    Drawn {
        lines: (top, n_drawn.max(1)),
        overhang,
        room,
    }
}

/// Returns the first line of those that fill an area up to the newest.
fn newest(canvas: &Canvas<'_>, pane: &LogsPane, area: Rect) -> usize {
    let mut room = usize::from(area.height);
    let mut top = pane.n_shown();
    while let Some(line) = top.checked_sub(1).and_then(|idx| pane.shown(idx)) {
        let n_rows = match pane.wraps {
            true => rows_of(canvas, pane, line, area.width).len(),
            false => 1,
        };
        if n_rows > room {
            break;
        }
        room -= n_rows;
        top -= 1;
    }
    // A line longer than the whole room is seen from its beginning.
    top.min(pane.n_shown().saturating_sub(1))
}

/// Returns who said a line, and when where that is wanted.
fn prefix(canvas: &Canvas<'_>, pane: &LogsPane, line: &Line) -> Stretch {
    let at = line.at.filter(|_| pane.has_timestamps);
    let at = at.map_or_else(String::new, |at| {
        format!("{} ", at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
    });
    let pod = short_name(&line.source.pod);
    let prefix = match pane.containers().len() > 1 {
        true => format!("{pod}/{} {at}", line.source.container),
        false => format!("{pod} {at}"),
    };
    let style = style_of(canvas.theme, line.colour);
    (text::clean(&prefix).into_owned(), style)
}

/// Returns what tells a pod from its siblings: the name of a long one is cut to its last part.
fn short_name(pod: &str) -> String {
    match pod.rsplit_once('-') {
        Some((before, last)) if before.len() > MAX_NAME => format!("…{last}"),
        _ => pod.to_owned(),
    }
}

/// What there was of a line on one row.
struct Cut {
    /// How many cells of it are beyond the right border.
    overhang: usize,
    /// How many there was room for.
    room: usize,
}

/// Draws a line on one row, moved sideways.
fn draw_cut(canvas: &mut Canvas<'_>, area: Rect, pane: &LogsPane, line: &Line) -> Cut {
    let (name, style) = prefix(canvas, pane, line);
    let used = canvas.text(area.as_position(), area.width, &name, style);
    let body = stretch::of_line(line, pane.filter.as_ref(), canvas.theme);
    let body = stretch::without_first(body, pane.shift);
    let at = Position {
        x: area.x + used,
        ..area.as_position()
    };
    let width = area.width.saturating_sub(used);
    draw_stretches(canvas, at, width, &body);
    let overhang = stretch::cells(&body).saturating_sub(width.into());
    if overhang > 0 && width > 0 {
        // That something is missing is seen even where it begins another stretch.
        let last = Position {
            x: at.x + width - 1,
            ..at
        };
        canvas.text(last, 1, canvas.theme.symbols.cut, canvas.theme.dim);
    }
    Cut {
        overhang,
        room: width.into(),
    }
}

/// Draws a line on as many rows as it needs and there are; returns how many it needs.
fn draw_wrapped(canvas: &mut Canvas<'_>, area: Rect, pane: &LogsPane, line: &Line) -> u16 {
    let rows = rows_of(canvas, pane, line, area.width);
    for (y, row) in (area.y..area.bottom()).zip(&rows) {
        let at = Position { x: area.x, y };
        draw_stretches(canvas, at, area.width, row);
    }
    u16::try_from(rows.len()).unwrap_or(u16::MAX)
}

fn rows_of(canvas: &Canvas<'_>, pane: &LogsPane, line: &Line, width: u16) -> Vec<Vec<Stretch>> {
    let mut all = vec![prefix(canvas, pane, line)];
    all.extend(stretch::of_line(line, pane.filter.as_ref(), canvas.theme));
    stretch::rows(all, width.into())
}

fn draw_stretches(canvas: &mut Canvas<'_>, at: Position, width: u16, stretches: &[Stretch]) {
    let pieces: Vec<Piece<'_>> = stretches
        .iter()
        .map(|(text, style)| (text.as_str(), *style))
        .collect();
    canvas.line(at, width, &pieces);
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
}
