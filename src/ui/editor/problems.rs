//! The list of problems below an editor; the one at the cursor is marked and always in sight.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::EditorStyles;
use crate::editor::{Editor, Problem};
use crate::text;

/// Draws one line for each problem: mark, place, sentence, and the change that mends it.
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
    for (y, (idx, problem)) in area.rows().zip(problems.iter().enumerate().skip(top)) {
        let (mark, style) = styles.fault_mark(problem.diagnostic.severity);
        buf.set_stringn(y.x, y.y, mark, y.width.into(), style);
        let room = usize::from(y.width.saturating_sub(2));
        let row = sentence(editor, problem, room);
        buf.set_stringn(y.x.saturating_add(2), y.y, row, room, styles.text);
        if here == Some(idx) {
            buf.set_style(y, Modifier::REVERSED);
        }
    }
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
    let left = room.saturating_sub(text::cells(&fix) + 2).max(room / 3);
    let row = format!("{}  {fix}", text::truncate_cells(&row, left));
    text::truncate_cells(&row, room).into_owned()
}
