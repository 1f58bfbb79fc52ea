//! The box beside the cursor of the editor: what could be written, or what is known of the field.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::panes::editor::assist::{Assist, List};
use crate::completion::FieldHelp;
use crate::text;
use crate::ui::canvas::Canvas;
use crate::ui::table::first_row;

/// Most items in sight.
const MAX_ROWS: u16 = 8;
/// Width of the text beside a list, and of what is told of a field.
const TEXT_WIDTH: u16 = 50;
/// Most lines of the text of a field.
const MAX_TEXT_ROWS: u16 = 12;
/// Narrower texts are not worth their room.
const MIN_TEXT_WIDTH: u16 = 24;

/// Draws it below the cursor, or above where there is more room.
pub(super) fn draw(canvas: &mut Canvas<'_>, area: Rect, cursor: Position, assist: &Assist) {
    match assist {
        Assist::List(list) => draw_list(canvas, area, cursor, list),
        Assist::Field(field) => draw_field(canvas, area, cursor, &field.help),
    }
}

/// Returns a box of a size beside the cursor that is within an area; none where there is no room.
fn beside(area: Rect, cursor: Position, (width, height): (u16, u16)) -> Option<Rect> {
    let below = area.bottom().saturating_sub(cursor.y + 1);
    let above = cursor.y.saturating_sub(area.y);
    let is_below = below >= height || below >= above;
    let height = height.min(if is_below { below } else { above });
    let width = width.min(area.width);
    (height >= 3 && width >= 8).then(|| Rect {
        x: cursor.x.min(area.right() - width).max(area.x),
        y: if is_below {
            cursor.y + 1
        } else {
            cursor.y - height
        },
        width,
        height,
    })
}

fn cells(text: &str) -> u16 {
    u16::try_from(text::cells(text)).unwrap_or(u16::MAX)
}

fn draw_list(canvas: &mut Canvas<'_>, area: Rect, cursor: Position, list: &List) {
    let theme = canvas.theme;
    let items = &list.found.items;
    let widest = |part: fn(&crate::completion::Item) -> &str| {
        items
            .iter()
            .map(|item| cells(part(item)))
            .max()
            .unwrap_or(0)
    };
    let label_width = widest(|item| &item.label).min(area.width / 2);
    let type_width = widest(|item| &item.type_name).min(24);
    let n_rows = u16::try_from(items.len()).unwrap_or(u16::MAX).min(MAX_ROWS);
    let width = label_width.saturating_add(type_width).saturating_add(6);
    let Some(found) = beside(area, cursor, (width, n_rows + 2)) else {
        return;
    };
    canvas.clear(found);
    let inside = canvas.frame(found, &[], true);
    let selected = list.selected.unwrap_or(0);
    let top = first_row(selected, items.len(), inside.height.into());
    for (y, (n, item)) in (inside.y..inside.bottom()).zip(items.iter().enumerate().skip(top)) {
        let row = Rect {
            y,
            height: 1,
            ..inside
        };
        let label = match item.is_required {
            true => theme.strong,
            false => theme.text,
        };
        let gap = " ".repeat(usize::from(
            label_width.saturating_sub(cells(&item.label)) + 1,
        ));
        canvas.line(
            Position { x: inside.x + 1, y },
            inside.width.saturating_sub(2),
            &[
                (&item.label, label),
                (&gap, theme.text),
                (&item.type_name, theme.dim),
            ],
        );
        if list.selected == Some(n) {
            canvas.paint(row, theme.selected);
        }
    }
    let n_below = items.len().saturating_sub(top + usize::from(inside.height));
    if n_below > 0 {
        let more = format!(" {n_below} more ");
        let at = Position {
            x: inside.x + 1,
            y: inside.bottom(),
        };
        canvas.text(at, inside.width.saturating_sub(2), &more, theme.dim);
    }
    if let Some(sentence) = list.shown().and_then(|item| item.text.as_deref()) {
        draw_beside(canvas, area, found, sentence);
    }
}

/// Draws a text to the right of a box, or to the left where there is more room.
fn draw_beside(canvas: &mut Canvas<'_>, area: Rect, list: Rect, sentence: &str) {
    let right = area.right().saturating_sub(list.right());
    let left = list.x.saturating_sub(area.x);
    let room = right.max(left).min(TEXT_WIDTH);
    if room < MIN_TEXT_WIDTH {
        return;
    }
    let x = match right >= left {
        true => list.right(),
        false => list.x - room,
    };
    let lines = lines_of(sentence, room.saturating_sub(4));
    let height = (lines.len() as u16 + 2).min(MAX_TEXT_ROWS);
    let y = list.y.min(area.bottom().saturating_sub(height)).max(area.y);
    let place = Rect {
        x,
        y,
        width: room,
        height: height.min(area.bottom() - y),
    };
    canvas.clear(place);
    let inside = canvas.frame(place, &[], false);
    draw_lines(canvas, inside, &lines, canvas.theme.text);
}

fn draw_field(canvas: &mut Canvas<'_>, area: Rect, cursor: Position, field: &FieldHelp) {
    let theme = canvas.theme;
    let width = TEXT_WIDTH.max(cells(&field.path) + 6).min(area.width);
    let mut facts = Vec::new();
    if !field.allowed.is_empty() {
        facts.push(format!("Allowed: {}", field.allowed.join(", ")));
    }
    facts.extend(
        field
            .default
            .as_ref()
            .map(|default| format!("Default: {default}")),
    );
    let lines = lines_of(&field.text, width.saturating_sub(4));
    let facts: Vec<String> = facts
        .iter()
        .flat_map(|fact| lines_of(fact, width.saturating_sub(4)))
        .collect();
    let n_rows = lines.len().saturating_add(facts.len() + 1) as u16;
    let Some(place) = beside(area, cursor, (width, n_rows.min(MAX_TEXT_ROWS) + 2)) else {
        return;
    };
    canvas.clear(place);
    let title = match field.path.as_str() {
        "" => "The text as a whole",
        path => path,
    };
    let inside = canvas.frame(place, &[(title, theme.strong)], true);
    let at = Position {
        x: inside.x + 1,
        y: inside.y,
    };
    canvas.text(
        at,
        inside.width.saturating_sub(2),
        &field.type_name,
        theme.dim,
    );
    let n_facts = (facts.len() as u16).min(inside.height.saturating_sub(1));
    let body = Rect {
        y: inside.y + 1,
        height: inside.height.saturating_sub(1 + n_facts),
        ..inside
    };
    draw_lines(canvas, body, &lines, theme.text);
    let facts_area = Rect {
        y: body.bottom(),
        height: n_facts,
        ..inside
    };
    draw_lines(canvas, facts_area, &facts, theme.key);
}

/// Returns a text of several paragraphs as lines of a width.
fn lines_of(text: &str, width: u16) -> Vec<String> {
    let text = text::clean_multiline(text);
    text.lines()
        .flat_map(|line| crate::ui::canvas::wrap(line, width.into()))
        .collect()
}

/// Draws lines; that some have no room is seen at the end of the last.
fn draw_lines(canvas: &mut Canvas<'_>, area: Rect, lines: &[String], style: Style) {
    let width = area.width.saturating_sub(2);
    for (n, (y, line)) in (area.y..area.bottom()).zip(lines).enumerate() {
        let is_cut = y + 1 == area.bottom() && n + 1 < lines.len();
        let line = match is_cut {
            true => &format!("{line} {}", canvas.theme.symbols.cut),
            false => line,
        };
        canvas.text(Position { x: area.x + 1, y }, width, line, style);
    }
}
