//! The list of problems below an editor; the one at the cursor is marked and always in sight.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::EditorStyles;
use crate::editor::{Editor, Problem};
use crate::text;
use crate::ui::canvas::wrap;

/// Most lines of the problem at the cursor.
const MAX_LINES: usize = 3;

/// Returns how many lines all problems take: one each, and of the one at the cursor the whole sentence.
pub fn problems_height(editor: &Editor, width: u16) -> usize {
    let more = editor
        .problem_here()
        .map_or(0, |problem| lines_here(editor, problem, width).len() - 1);
    editor.problems().len() + more
}

/// Draws one line for each problem: mark, place, sentence, and the change that mends it. The one at the cursor is told whole.
pub fn draw_problems(buf: &mut Buffer, area: Rect, editor: &Editor, styles: &EditorStyles) {
    let area = area.intersection(buf.area);
    let (problems, height) = (editor.problems(), usize::from(area.height));
    let here = editor.problem_here().and_then(|here| {
        problems
            .iter()
            .position(|problem| std::ptr::eq(problem, here))
    });
    // The list has no scroll of its own: it shows the problem at the cursor, or what comes after the cursor.
    let current = here.unwrap_or_else(|| {
        problems
            .partition_point(|problem| problem.bytes.start < editor.cursor_byte())
            .min(problems.len().saturating_sub(1))
    });
    let top = current
        .saturating_sub(height / 2)
        .min(problems.len().saturating_sub(height));
    let lines = problems
        .iter()
        .enumerate()
        .skip(top)
        .flat_map(|(idx, problem)| {
            let lines = if here == Some(idx) {
                lines_here(editor, problem, area.width)
            } else {
                vec![sentence(editor, problem, room(area.width))]
            };
            let (mark, style) = styles.fault_mark(problem.diagnostic.severity);
            lines.into_iter().enumerate().map(move |(n, line)| {
                let mark = if n == 0 { mark } else { " " };
                (mark, style, line, here == Some(idx))
            })
        });
    for (y, (mark, style, line, is_here)) in area.rows().zip(lines) {
        buf.set_stringn(y.x, y.y, mark, y.width.into(), style);
        buf.set_stringn(y.x.saturating_add(2), y.y, line, room(y.width), styles.text);
        if is_here {
            buf.set_style(y, Modifier::REVERSED);
        }
    }
}

/// Returns the cells for a sentence beside its mark.
fn room(width: u16) -> usize {
    usize::from(width.saturating_sub(2))
}

fn lines_here(editor: &Editor, problem: &Problem, width: u16) -> Vec<String> {
    let whole = sentence(editor, problem, usize::MAX);
    let mut lines = wrap(&whole, room(width));
    if lines.len() > MAX_LINES {
        let rest = lines.split_off(MAX_LINES - 1).join(" ");
        lines.push(text::truncate_cells(&rest, room(width)).into_owned());
    }
    lines
}

/// Returns place, message and fix; where there is no room for all, the message is cut and not the fix.
fn sentence(editor: &Editor, problem: &Problem, room: usize) -> String {
    let place = editor.position_of_byte(problem.bytes.start);
    let message = text::clean(&problem.diagnostic.message);
    let row = format!("{}:{}  {message}", place.line, place.column);
    let Some(fix) = &problem.diagnostic.fix else {
        return text::truncate_cells(&row, room).into_owned();
    };
    let fix = text::clean(&fix.title);
    // Many a message ends in what mends it; said twice it would only push the rest out of sight.
    let row = row
        .strip_suffix(fix.as_ref())
        .map_or(row.as_str(), |before| before.trim_end_matches([';', ' ']));
    let left = room.saturating_sub(text::cells(&fix) + 2).max(room / 3);
    let row = format!("{}  {fix}", text::truncate_cells(row, left));
    text::truncate_cells(&row, room).into_owned()
}
