//! What applying the edited text would change: beside the text where there is room, else below it when that is asked for.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::Model;
use crate::app::panes::editor::preview::{MAX_SENTENCE, Row};
use crate::app::panes::editor::{EditorPane, EditorPhase};
use crate::engine::plan::{Change, PlannedObject};
use crate::engine::preview::Against;
use crate::text;
use crate::ui::canvas::{Canvas, wrap};
use crate::ui::panes::more_below;
use crate::ui::panes::review::{draw_diff_line, sign_of};

/// From this width on it stands beside the text by itself.
const WIDE: u16 = 120;
/// The text keeps at least so many columns beside it.
const MIN_TEXT: u16 = 60;
/// And at least so many rows above it.
const MIN_ROWS: u16 = 6;

/// Returns the area of the text, and that of the difference where it is shown.
pub(super) fn divided(area: Rect, pane: &EditorPane) -> (Rect, Option<Rect>) {
    let is_open = matches!(pane.phase, EditorPhase::Open(_));
    let is_wide = area.width >= WIDE;
    if !is_open || !pane.preview.is_wanted.unwrap_or(is_wide) {
        return (area, None);
    }
    if is_wide {
        let width = (area.width * 2 / 5).min(area.width - MIN_TEXT);
        let text = Rect {
            width: area.width - width,
            ..area
        };
        let beside = Rect {
            x: text.right(),
            width,
            ..area
        };
        return (text, Some(beside));
    }
    let height = (area.height / 2).min(area.height.saturating_sub(MIN_ROWS));
    let text = Rect {
        height: area.height - height,
        ..area
    };
    let below = Rect {
        y: text.bottom(),
        height,
        ..area
    };
    (text, Some(below))
}

/// Draws it; returns how many rows there are for it.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, pane: &EditorPane) -> usize {
    let theme = canvas.theme;
    let preview = &pane.preview;
    let found = preview.found.as_ref();
    let is_behind = pane
        .editor()
        .is_some_and(|editor| preview.is_behind(editor.revision()));
    let is_before_errors = is_behind && found.is_some() && pane.has_own_errors();
    let against = match found.and_then(|found| found.result.as_deref().ok()) {
        _ if is_before_errors => " as it was before the errors",
        None => "",
        Some(found) => &told_against(found.against),
    };
    // What is cut short is being found; with errors nothing is.
    let behind = match is_behind && found.is_some() && !is_before_errors {
        true => format!(" {}", theme.symbols.cut),
        false => String::new(),
    };
    let title = [
        ("Difference", theme.strong),
        (against, theme.text),
        (behind.as_str(), theme.dim),
    ];
    let inside = canvas.frame(area, &title, false);
    let inside = Rect {
        x: inside.x + 1,
        width: inside.width.saturating_sub(2),
        ..inside
    };
    if found.is_none() {
        canvas.wrapped(inside, why_nothing(pane), theme.dim);
        return inside.height.into();
    }
    draw_rows(canvas, inside, (model, pane), is_behind);
    inside.height.into()
}

/// Says what a text was compared with, behind the word for what came of it.
fn told_against(against: Against) -> String {
    match against {
        Against::DryRun => " by the server's dry run".to_owned(),
        Against::Live => " from the live objects, computed here".to_owned(),
        Against::Applied { revision, at } => {
            let at = at.strftime("%Y-%m-%d %H:%MZ");
            format!(" from r{revision} of {at}")
        }
        Against::Saved => " from what is saved".to_owned(),
    }
}

/// Says why nothing was found yet.
fn why_nothing(pane: &EditorPane) -> &'static str {
    if pane.has_own_errors() {
        "It is compared once it has no errors."
    } else if pane.preview.is_asking() {
        "Finding what it would change …"
    } else {
        "It is compared after a pause in typing."
    }
}

fn draw_rows(
    canvas: &mut Canvas<'_>,
    inside: Rect,
    (model, pane): (&Model, &EditorPane),
    is_behind: bool,
) {
    let preview = &pane.preview;
    let mut y = inside.y;
    let mut rows = preview.rows().skip(preview.scroll).peekable();
    if preview.scroll == 0 && preview.rows().all(|row| matches!(row, Row::Kept(_))) {
        let theme = canvas.theme;
        // What is behind the text promises nothing of it.
        let style = if is_behind { theme.dim } else { theme.good };
        let sign = theme.symbols.good;
        let at = Position {
            y,
            ..inside.as_position()
        };
        canvas.line(
            at,
            inside.width,
            &[(sign, style), (" Nothing would change.", style)],
        );
        y += 1;
    }
    while y < inside.bottom() {
        let Some(row) = rows.next() else {
            return;
        };
        let room = Rect {
            y,
            height: inside.bottom() - y,
            ..inside
        };
        y += draw_row(canvas, room, row);
    }
    if rows.peek().is_some() {
        let n_below = preview.rows().count().saturating_sub(preview.scroll);
        let n_below = n_below.saturating_sub(usize::from(inside.height));
        let more = more_below(model, n_below.max(1));
        let at = Position {
            x: inside.x,
            y: inside.bottom(),
        };
        canvas.text(at, inside.width, &more, canvas.theme.dim);
    }
}

/// Draws a row; returns how many lines it took.
fn draw_row(canvas: &mut Canvas<'_>, room: Rect, row: Row<'_>) -> u16 {
    let theme = canvas.theme;
    let symbols = &theme.symbols;
    let at = room.as_position();
    match row {
        Row::Refusal(told) => sentence(canvas, room, (symbols.bad, told), theme.bad),
        Row::Warning(told) => sentence(canvas, room, (symbols.warning, told), theme.partly),
        Row::Conflict(conflict) => {
            let told = format!("{} {}: {}", conflict.key, conflict.field, conflict.message);
            sentence(canvas, room, (symbols.warning, &told), theme.partly)
        }
        Row::Offer(told) => sentence(canvas, room, ("?", told), theme.key),
        Row::Object(object) => draw_object(canvas, room, object),
        Row::Line(line) => {
            draw_diff_line(canvas, at, room.width, line);
            1
        }
        Row::Kept(n) => {
            let plural = if n == 1 {
                "object stays as it is"
            } else {
                "objects stay as they are"
            };
            canvas.text(at, room.width, &format!("= {n} {plural}"), theme.dim);
            1
        }
    }
}

/// Draws an object and what is to be known of it: below where it has no room beside. Returns how many lines it took.
fn draw_object(canvas: &mut Canvas<'_>, room: Rect, object: &PlannedObject) -> u16 {
    let (at, width) = (room.as_position(), room.width);
    let theme = canvas.theme;
    let (sign, word, style) = sign_of(theme, object.change);
    let word = match object.change {
        Change::Update => String::new(),
        _ => format!(" {word}"),
    };
    let key = format!(" {}", object.key);
    let note = object
        .note
        .as_deref()
        .map_or_else(String::new, |note| format!("  {note}"));
    let n_cells: usize = [sign, &word, &key, &note].map(text::cells).iter().sum();
    let is_below = n_cells > usize::from(width) && !note.is_empty() && room.height > 1;
    let beside = if is_below { "" } else { note.as_str() };
    let pieces = [
        (sign, style),
        (word.as_str(), style),
        (key.as_str(), theme.strong),
        (beside, theme.dim),
    ];
    canvas.line(at, width, &pieces);
    if !is_below {
        return 1;
    }
    let below = Rect {
        y: room.y + 1,
        height: room.height - 1,
        ..room
    };
    1 + sentence(canvas, below, (" ", note.trim_start()), theme.dim)
}

fn sentence(canvas: &mut Canvas<'_>, room: Rect, (sign, told): (&str, &str), style: Style) -> u16 {
    let width = room.width.saturating_sub(2);
    canvas.text(room.as_position(), 2, sign, style);
    let n_lines = wrap(&crate::text::clean(told), width.into())
        .len()
        .min(MAX_SENTENCE);
    let area = Rect {
        x: room.x + 2,
        width,
        height: room.height.min(u16::try_from(n_lines).unwrap_or(1)),
        ..room
    };
    canvas.wrapped(area, told, style)
}
