//! The editor's screen: the text, and its problems below.

mod assist;
mod preview;

use ratatui::layout::{Position, Rect};

use crate::app::hits::Hit;
use crate::app::panes::editor::{EditorPane, EditorPhase};
use crate::app::{Geometry, Model};
use crate::definition::id::Namespace;
use crate::service::summary::InstanceKey;
use crate::ui::canvas::Canvas;
use crate::ui::editor::{draw_editor, draw_problems, problems_height};

/// Most problems that are shown at once.
const MAX_PROBLEMS: u16 = 6;

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (model, pane): (&Model, &EditorPane),
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let (area, beside) = preview::divided(area, pane);
    let name = format!("{}.yaml", pane.name);
    let of = of_instance(pane, model.session.namespace());
    let modified = if pane.unsaved().is_some() {
        " (modified)"
    } else {
        ""
    };
    let changed = if pane.is_changed_on_disk {
        " (changed on disk)"
    } else {
        ""
    };
    let inside = canvas.frame(
        area,
        &[
            (&name, theme.strong),
            (&of, theme.text),
            (modified, theme.partly),
            (changed, theme.bad),
        ],
        true,
    );
    let editor = match &pane.phase {
        EditorPhase::Open(open) => &open.editor,
        EditorPhase::Opening => {
            canvas.text(inside.as_position(), inside.width, " Reading …", theme.dim);
            return;
        }
        EditorPhase::Failed(failure) => {
            let area = Rect {
                x: inside.x + 1,
                width: inside.width - 2,
                ..inside
            };
            canvas.wrapped(area, &failure.summary, theme.bad);
            return;
        }
    };
    let n_problems = u16::try_from(problems_height(editor, inside.width)).unwrap_or(u16::MAX);
    let problems_height = n_problems.min(MAX_PROBLEMS).min(inside.height / 3);
    let line = inside.bottom() - problems_height - 1;
    let text_area = Rect {
        height: line - inside.y,
        ..inside
    };
    let drawn = draw_editor(canvas.buf, text_area, editor, &theme.editor);
    geometry.editor = Some((drawn.height, drawn.width));
    let n_cells = u16::try_from(drawn.width).unwrap_or(text_area.width);
    let text = Rect {
        x: text_area.right().saturating_sub(n_cells),
        width: n_cells,
        ..text_area
    };
    canvas.hit(text, Hit::Text);
    geometry.list_height = drawn.height;
    canvas.cursor = drawn.cursor.filter(|_| pane.search.is_none());
    draw_problem_line(canvas, area, line, pane);
    let problems = Rect {
        y: line + 1,
        height: problems_height,
        ..inside
    };
    draw_problems(canvas.buf, problems, editor, &theme.editor);
    if let Some(beside) = beside {
        geometry.difference = preview::draw(canvas, beside, model, pane);
    }
    if let (Some(assist), Some(cursor)) = (&pane.assist, drawn.cursor) {
        assist::draw(canvas, inside, cursor, assist);
    }
}

/// Says whose definition it is, where that is not what the name and the header say already.
fn of_instance(pane: &EditorPane, here: Option<&Namespace>) -> String {
    let Some(InstanceKey { id, namespace }) = &pane.instance else {
        return String::new();
    };
    let of = match *id == pane.name {
        true => String::new(),
        false => format!(" of {id}"),
    };
    match here == Some(namespace) {
        true => of,
        false => format!("{of} in {namespace}"),
    }
}

/// Draws the line above the problems: how many there are, and where the cursor is.
fn draw_problem_line(canvas: &mut Canvas<'_>, area: Rect, y: u16, pane: &EditorPane) {
    let theme = canvas.theme;
    let (n_errors, n_warnings) = pane.counts();
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let (sign, words, style) = match (n_errors, n_warnings) {
        (0, 0) if pane.is_checking() => (theme.symbols.empty, "checking".to_owned(), theme.dim),
        (0, 0) => (theme.symbols.good, "no problems".to_owned(), theme.good),
        (0, n) => (theme.symbols.warning, plural(n, "warning"), theme.partly),
        (n, 0) => (theme.symbols.bad, plural(n, "error"), theme.bad),
        (n, m) => (
            theme.symbols.bad,
            format!("{}, {}", plural(n, "error"), plural(m, "warning")),
            theme.bad,
        ),
    };
    canvas.across(
        area,
        y,
        &[(sign, style), (" ", style), (&words, style)],
        true,
    );
    if let Some(editor) = pane.editor() {
        let cursor = editor.cursor();
        let place = format!(" {}:{} ", cursor.line, cursor.column);
        let width = u16::try_from(place.len()).unwrap_or(0);
        let x = area.right().saturating_sub(width + 2);
        canvas.text(Position { x, y }, width, &place, theme.dim);
    }
}
