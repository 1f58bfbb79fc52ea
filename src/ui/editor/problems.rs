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
        let row = sentence(editor, problem);
        let room = usize::from(y.width.saturating_sub(2));
        buf.set_stringn(
            y.x.saturating_add(2),
            y.y,
            text::truncate_cells(&row, room),
            room,
            styles.text,
        );
        if here == Some(idx) {
            buf.set_style(y, Modifier::REVERSED);
        }
    }
}

fn sentence(editor: &Editor, problem: &Problem) -> String {
    let place = editor.position_of_byte(problem.bytes.start);
    let message = text::clean(&problem.diagnostic.message);
    let mut row = format!("{}:{}  {message}", place.line, place.column);
    if let Some(fix) = &problem.diagnostic.fix {
        row.push_str("  ");
        row.push_str(&text::clean(&fix.title));
    }
    row
}
