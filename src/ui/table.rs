//! The picture of a table: as many columns as there is room for, the selected row in sight, ages as of now.

use std::borrow::Cow;
use std::hash::Hash;
use std::time::Duration;

use jiff::Timestamp;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::hits::Hit;
use crate::app::table::{Row, RowMark, Table, Value};
use crate::service::age;
use crate::text;

use super::canvas::Canvas;

/// Between columns.
const GAP: u16 = 2;
/// For the signs of selection and mark.
const MARGIN: u16 = 2;
/// A text column is not made narrower than this.
const MIN_WIDTH: u16 = 8;
/// Names are made shorter down to this before the last of the columns is left out that could be.
const LONG_NAME: u16 = 28;
/// A last column of sentences, which is never left out, is cut to this before others are.
const SENTENCE_WIDTH: u16 = 56;
/// Ages are never wider.
const AGE_WIDTH: usize = 6;
/// States but `Terminating` are never wider: a service that becomes unwell does not move the columns of all others.
const STATE_WIDTH: u16 = 9;

/// What drawing a table told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TableDrawn {
    /// Rows that there is room for.
    pub height: usize,
    /// When the first of the ages in sight changes its text.
    pub next_age: Option<Timestamp>,
}

/// Draws a table with its titles, and in the last row what its rows are filtered by.
pub(super) fn draw_filtered<K: Clone + Ord + Hash>(
    canvas: &mut Canvas<'_>,
    area: Rect,
    table: &Table<K>,
    now: Timestamp,
    is_focused: bool,
) -> TableDrawn {
    // The titles and a row come first.
    if table.filter().is_empty() || area.height < 3 {
        return draw_table(canvas, area, table, now, is_focused);
    }
    let list = Rect {
        height: area.height - 1,
        ..area
    };
    let drawn = draw_table(canvas, list, table, now, is_focused);
    let at = Position {
        x: area.x + MARGIN,
        y: list.bottom(),
    };
    let (n_shown, n_all) = (table.rows().len(), table.n_all());
    let told = format!("/{} {n_shown} of {n_all}", table.filter());
    canvas.text(
        at,
        area.width.saturating_sub(MARGIN),
        &told,
        canvas.theme.key,
    );
    drawn
}

/// Draws a table with its titles.
pub(super) fn draw_table<K: Clone + Ord + Hash>(
    canvas: &mut Canvas<'_>,
    area: Rect,
    table: &Table<K>,
    now: Timestamp,
    is_focused: bool,
) -> TableDrawn {
    let height = usize::from(area.height.saturating_sub(1));
    let mut drawn = TableDrawn {
        height,
        next_age: None,
    };
    if area.height == 0 {
        return drawn;
    }
    let columns = choose_columns(table, area.width.saturating_sub(MARGIN));
    draw_titles(canvas, area, table, &columns);
    let selected = table.selected_idx();
    let top = first_row(selected.unwrap_or(0), table.rows().len(), height);
    for (y, (idx, row)) in (area.y + 1..area.bottom()).zip(table.rows().enumerate().skip(top)) {
        let area = Rect {
            y,
            height: 1,
            ..area
        };
        let is_selected = selected == Some(idx);
        canvas.hit(area, Hit::Row(RowMark::of(&row.key)));
        let is_marked = table.marks().contains(&row.key);
        draw_row(
            canvas,
            area,
            (row, &columns),
            (is_selected, is_marked, is_focused),
            (now, &mut drawn),
        );
    }
    drawn
}

/// Keeps the selected row in the middle where there are rows enough on both sides.
pub(super) fn first_row(selected: usize, n_rows: usize, height: usize) -> usize {
    selected
        .saturating_sub(height / 2)
        .min(n_rows.saturating_sub(height))
}

/// A column that is drawn: its index, its width, whether it is aligned right.
struct Chosen {
    idx: usize,
    width: u16,
    is_right: bool,
}

fn choose_columns<K: Clone + Ord>(table: &Table<K>, room: u16) -> Vec<Chosen> {
    let columns = table.columns();
    let mut widths: Vec<u16> = columns
        .iter()
        .map(|column| cells_of(column.title) + 1)
        .collect();
    let mut is_empty = vec![true; columns.len()];
    for row in table.rows() {
        for (idx, value) in row.cells.iter().enumerate().take(columns.len()) {
            is_empty[idx] &= *value == Value::Missing;
            widths[idx] = widths[idx].max(width_of(value));
        }
    }
    // A column that is only there in some views, such as NAMESPACE, costs nothing in the others.
    let mut chosen: Vec<usize> = (0..columns.len())
        .filter(|&idx| !(columns[idx].is_optional && is_empty[idx]))
        .collect();
    let wanted = widths.clone();
    for &idx in &chosen {
        widths[idx] = widths[idx].min(columns[idx].max);
    }
    // What the rows are sorted by is in sight, and no wider than it has to be.
    let sorted = table.sort().column;
    let rank = |idx: usize| match idx == sorted {
        true => 0,
        false => columns[idx].rank,
    };
    let total = |chosen: &[usize], widths: &[u16]| {
        chosen
            .iter()
            .map(|&idx| widths[idx] + GAP)
            .sum::<u16>()
            .saturating_sub(GAP)
    };
    while total(&chosen, &widths) > room {
        if columns[sorted].rank > 0 && chosen.contains(&sorted) && widths[sorted] > 3 * MIN_WIDTH {
            widths[sorted] -= 1;
            continue;
        }
        // The last to go stays where a long name can be told by its beginning.
        let long = chosen.iter().copied().max_by_key(|&idx| widths[idx]);
        let is_last_to_go = chosen.iter().all(|&idx| rank(idx) <= 1);
        if let Some(idx) = long.filter(|&idx| rank(idx) == 0 && widths[idx] > LONG_NAME)
            && is_last_to_go
            && chosen.iter().any(|&idx| rank(idx) == 1)
        {
            widths[idx] -= 1;
            continue;
        }
        let worst = chosen
            .iter()
            .copied()
            .filter(|&idx| rank(idx) > 0)
            .max_by_key(|&idx| rank(idx));
        // The last column may be cut a good deal before it is left out: it holds sentences.
        let last = chosen.last().copied();
        let sentence = last.filter(|&idx| rank(idx) == 0 && columns[idx].max > 2 * SENTENCE_WIDTH);
        if let Some(idx) = sentence.filter(|&idx| widths[idx] > SENTENCE_WIDTH) {
            widths[idx] -= 1;
            continue;
        }
        match worst {
            Some(idx) if Some(idx) == last && widths[idx] > 3 * MIN_WIDTH => widths[idx] -= 1,
            Some(idx) => chosen.retain(|&other| other != idx),
            None => {
                let widest = chosen.iter().copied().max_by_key(|&idx| widths[idx]);
                match widest {
                    Some(idx) if widths[idx] > MIN_WIDTH => widths[idx] -= 1,
                    _ => break,
                }
            }
        }
    }
    // Where there is room left, nothing needs to be cut.
    for &idx in &chosen {
        let left = room.saturating_sub(total(&chosen, &widths));
        let missing = wanted[idx].saturating_sub(widths[idx]);
        widths[idx] += missing.min(left);
    }
    chosen
        .into_iter()
        .map(|idx| Chosen {
            idx,
            width: widths[idx],
            is_right: columns[idx].is_right,
        })
        .collect()
}

/// Tells whether the last value of the selected row cannot be read whole at a width.
pub(super) fn is_last_cut<K: Clone + Ord>(table: &Table<K>, width: u16) -> bool {
    let last = table.columns().len().saturating_sub(1);
    let Some(value) = table.selected_row().and_then(|row| row.cells.get(last)) else {
        return false;
    };
    let columns = choose_columns(table, width.saturating_sub(MARGIN));
    let room = columns.iter().find(|column| column.idx == last);
    room.is_none_or(|column| column.width < width_of(value))
}

fn cells_of(text: &str) -> u16 {
    u16::try_from(text::cells(text)).unwrap_or(u16::MAX)
}

fn width_of(value: &Value) -> u16 {
    match value {
        Value::Text(text) | Value::Bad(text) | Value::Number(_, text) => cells_of(text),
        Value::Age(_) | Value::Until(_) => AGE_WIDTH as u16,
        Value::State(state) => (cells_of(state.as_str()) + 2).max(STATE_WIDTH),
        Value::Missing => 1,
    }
}

fn draw_titles<K: Clone + Ord>(
    canvas: &mut Canvas<'_>,
    area: Rect,
    table: &Table<K>,
    columns: &[Chosen],
) {
    let (sort, theme) = (table.sort(), canvas.theme);
    let mut x = area.x + MARGIN;
    for column in columns {
        let title = table.columns()[column.idx].title;
        let sign = if sort.column == column.idx {
            theme.symbols.sorts[usize::from(sort.is_descending)]
        } else {
            ""
        };
        let title = format!("{title}{sign}");
        let room = area.right().saturating_sub(x);
        let place = Rect::new(x, area.y, column.width.min(room), 1);
        canvas.hit(place, Hit::Column(column.idx));
        put(
            canvas,
            Position { x, y: area.y },
            column.width.min(room),
            (&title, theme.title),
            column.is_right,
        );
        x += column.width + GAP;
    }
}

fn put(
    canvas: &mut Canvas<'_>,
    at: Position,
    width: u16,
    (text, style): (&str, Style),
    is_right: bool,
) {
    let indent = if is_right {
        width.saturating_sub(cells_of(text))
    } else {
        0
    };
    canvas.text(
        Position {
            x: at.x + indent,
            y: at.y,
        },
        width - indent,
        text,
        style,
    );
}

fn draw_row<K>(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (row, columns): (&Row<K>, &[Chosen]),
    (is_selected, is_marked, is_focused): (bool, bool, bool),
    (now, drawn): (Timestamp, &mut TableDrawn),
) {
    let theme = canvas.theme;
    let mut x = area.x + MARGIN;
    for column in columns {
        let value = row.cells.get(column.idx).unwrap_or(&Value::Missing);
        let (text, style) = show(canvas, value, now, drawn);
        let room = area.right().saturating_sub(x);
        put(
            canvas,
            Position { x, y: area.y },
            column.width.min(room),
            (&text, style),
            column.is_right,
        );
        x += column.width + GAP;
    }
    if is_selected {
        let style = if is_focused {
            theme.selected
        } else {
            theme.selected_unfocused
        };
        canvas.paint(area, style);
        canvas.text(
            Position {
                x: area.x,
                y: area.y,
            },
            1,
            theme.symbols.cursor,
            theme.strong.patch(style),
        );
    }
    if is_marked {
        canvas.text(
            Position {
                x: area.x + 1,
                y: area.y,
            },
            1,
            theme.symbols.mark,
            theme.strong,
        );
    }
}

fn show<'v>(
    canvas: &Canvas<'_>,
    value: &'v Value,
    now: Timestamp,
    drawn: &mut TableDrawn,
) -> (Cow<'v, str>, Style) {
    let theme = canvas.theme;
    match value {
        Value::Text(text) | Value::Number(_, text) => (Cow::Borrowed(text.as_str()), theme.text),
        Value::Bad(text) => (Cow::Borrowed(text.as_str()), theme.partly),
        Value::Missing => (Cow::Borrowed(theme.symbols.missing), theme.dim),
        Value::State(state) => {
            let (sign, style) = theme.state(*state);
            (Cow::Owned(format!("{sign} {state}")), style)
        }
        Value::Age(from) => {
            let age = age::since(*from, now);
            drawn.note(now, age::until_change(age));
            (Cow::Owned(age::show(age)), theme.text)
        }
        Value::Until(at) => {
            let left = age::since(now, *at);
            if left.is_zero() {
                return (Cow::Borrowed("over"), theme.bad);
            }
            drawn.note(now, until_less(left));
            (Cow::Owned(age::show(left)), theme.text)
        }
    }
}

/// Returns how long the text of a time that is left stays as it is.
fn until_less(left: Duration) -> Duration {
    let unit: u64 = if left.as_secs() < 600 { 1 } else { 60 };
    Duration::from_millis(
        u64::try_from(left.as_millis() % u128::from(unit * 1000)).unwrap_or(0) + 1,
    )
}

impl TableDrawn {
    /// Takes that a text changes after a while.
    pub fn note(&mut self, now: Timestamp, after: Duration) {
        let at = now.checked_add(after).ok();
        self.next_age = match (self.next_age, at) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, at) => known.or(at),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::table::{Column, Sort};

    const COLUMNS: &[Column] = &[
        Column::text("LAST SEEN", 0, 10),
        Column::text("TYPE", 2, 8),
        Column::text("OBJECT", 1, 50),
        Column::text("MESSAGE", 0, 400),
    ];

    #[test]
    fn sentences_are_cut_before_columns_are_left_out_while_enough_of_them_is_left() {
        let mut table = Table::new(COLUMNS, Sort::default());
        let cell = |n: usize| Value::Text("x".repeat(n));
        table.set_rows(vec![Row {
            key: "a",
            cells: vec![cell(5), cell(7), cell(30), cell(130)],
        }]);
        let check = |room: u16, expected: &[(&str, u16)]| {
            let chosen = choose_columns(&table, room);
            let widths: Vec<_> = chosen
                .iter()
                .map(|column| (COLUMNS[column.idx].title, column.width))
                .collect();
            assert_eq!(widths, expected, "{room}");
        };
        let (seen, of_type, object) = (("LAST SEEN", 10), ("TYPE", 7), ("OBJECT", 30));
        check(200, &[seen, of_type, object, ("MESSAGE", 130)]);
        check(158, &[seen, of_type, object, ("MESSAGE", 105)]);
        check(109, &[seen, of_type, object, ("MESSAGE", 56)]);
        check(108, &[seen, object, ("MESSAGE", 64)]);
        check(78, &[seen, object, ("MESSAGE", 34)]);
    }
}
