//! The picture of a model: each view draws values and changes none.
//!
//! [`draw_with_hits`] draws the whole screen and returns what moving and waking need to know of it. Texts are cut and cleaned where
//! they are drawn; sorting and filtering were done before.

mod canvas;
pub mod editor;
mod panes;
pub mod picture;
mod table;
pub(crate) mod theme;

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::app::hits::{Hit, Hits};
use crate::app::{Action, Focus, Geometry, Model, Place, Screen};

use canvas::Canvas;
pub use theme::{ColorLevel, Look, Theme, ThemeSettings};

pub use crate::app::MIN_SIZE;

/// Draws the dashboard into a buffer; returns also where the cursor belongs.
pub fn draw_buffer(
    buf: &mut Buffer,
    area: Rect,
    model: &Model,
    theme: &Theme,
) -> (Geometry, Option<Position>) {
    let mut hits = Hits::default();
    draw_with_hits(buf, area, (model, theme), &mut hits)
}

/// Draws the dashboard into a buffer, and tells also what is where.
pub fn draw_with_hits(
    buf: &mut Buffer,
    area: Rect,
    (model, theme): (&Model, &Theme),
    hits: &mut Hits,
) -> (Geometry, Option<Position>) {
    let mut canvas = Canvas {
        buf,
        theme,
        cursor: None,
        hits,
    };
    let mut geometry = Geometry::default();
    canvas.clear(area);
    if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
        draw_too_small(&mut canvas, area, model);
        return (geometry, None);
    }
    let body = Rect {
        y: area.y + 1,
        height: area.height - 2,
        ..area
    };
    panes::header::draw(
        &mut canvas,
        Rect { height: 1, ..area },
        model,
        &mut geometry,
    );
    match model.screens.last() {
        None => draw_main(&mut canvas, body, model, &mut geometry),
        Some(Screen::Detail) => {
            let inside = panes::detail::draw_framed(&mut canvas, body, model);
            panes::detail::draw_tab(&mut canvas, inside, model, true, &mut geometry);
        }
        Some(Screen::Editor(pane)) => {
            panes::editor::draw(&mut canvas, body, (model, pane), &mut geometry)
        }
        Some(Screen::Review(pane)) => {
            panes::review::draw(&mut canvas, body, model, pane, &mut geometry)
        }
        Some(Screen::Teardown(pane)) => {
            panes::teardown::draw(&mut canvas, body, model, pane, &mut geometry)
        }
        Some(Screen::Adjust(pane)) => {
            panes::adjust::draw(&mut canvas, body, model, pane, &mut geometry)
        }
        Some(Screen::Adopt(pane)) => {
            panes::adopt::draw(&mut canvas, body, model, pane, &mut geometry)
        }
        Some(Screen::Bulk(pane)) => {
            panes::bulk::draw(&mut canvas, body, model, pane, &mut geometry)
        }
        Some(Screen::Routes(pane)) => {
            panes::routes::draw(&mut canvas, body, model, pane, &mut geometry)
        }
        Some(Screen::Pull(pane)) => {
            panes::pull::draw(&mut canvas, body, model, pane, &mut geometry)
        }
        Some(Screen::Comparison(pane)) => {
            panes::comparison::draw(&mut canvas, body, model, pane, &mut geometry)
        }
        Some(Screen::Merge(pane)) => {
            panes::merge::draw(&mut canvas, body, model, pane, &mut geometry)
        }
        Some(Screen::Changes { scroll }) => {
            panes::changes::draw(&mut canvas, body, model, *scroll, &mut geometry)
        }
        Some(Screen::Nodes) => panes::nodes::draw(&mut canvas, body, model, &mut geometry),
        Some(Screen::Forwards) => panes::forwards::draw(&mut canvas, body, model, &mut geometry),
        Some(Screen::Claims) => panes::claims::draw(&mut canvas, body, model, &mut geometry),
        Some(Screen::Operations) => {
            panes::operations::draw(&mut canvas, body, model, &mut geometry)
        }
        Some(Screen::Progress(pane)) => {
            panes::progress::draw(&mut canvas, body, model, pane, &mut geometry)
        }
        Some(Screen::Log { selected }) => {
            panes::log::draw(&mut canvas, body, model, *selected, &mut geometry)
        }
    }
    let last = Rect {
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    // What is behind a popup takes no click.
    if model.popup.is_some() {
        canvas.hits.clear();
    }
    panes::footer::draw(&mut canvas, last, model);
    if let Some(popup) = &model.popup {
        canvas.cursor = None;
        panes::popup::draw(&mut canvas, body, model, popup, &mut geometry);
    }
    (geometry, canvas.cursor)
}

/// Says how much room a picture needs, and what keeps the program from being left meanwhile.
fn draw_too_small(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let theme = canvas.theme;
    let needs = format!("{}x{}", MIN_SIZE.0, MIN_SIZE.1);
    let here = format!("{}x{}", area.width, area.height);
    let Some(asked) = model.asked_before_quit() else {
        let sentence = format!("bowline needs {needs}; here {here}");
        canvas.text(area.as_position(), area.width, &sentence, theme.text);
        return;
    };
    let quit = model.keymap.keys(Place::Services, Action::Quit);
    let key = quit
        .first()
        .map_or_else(String::new, |key| format!("{key} "));
    let sentence = format!("{asked}: {key}asks from {needs} on; here {here}");
    canvas.wrapped(area, &sentence, theme.bad);
}

/// Draws the services list with the detail of the selected row below.
fn draw_main(canvas: &mut Canvas<'_>, area: Rect, model: &Model, geometry: &mut Geometry) {
    let n_rows = u16::try_from(model.services.table.rows().len()).unwrap_or(u16::MAX);
    let half = area.height / 2;
    let list_height = n_rows
        .saturating_add(2)
        .clamp(half.min(7), half.max(area.height * 3 / 5));
    let is_list = model.focus == Focus::Services;
    let inside = panes::services::draw_framed(canvas, area, model, is_list);
    let list = Rect {
        height: list_height.min(inside.height),
        ..inside
    };
    canvas.hit(list, Hit::Part(Focus::Services));
    panes::services::draw(canvas, list, model, is_list, geometry);
    let line = list.bottom();
    if line + 2 >= area.bottom() {
        return;
    }
    panes::detail::draw_title(canvas, area, line, model, !is_list);
    let detail = Rect {
        y: line + 1,
        height: area.bottom() - line - 2,
        ..inside
    };
    canvas.hit(detail, Hit::Part(Focus::Detail));
    panes::detail::draw_tab(canvas, detail, model, !is_list, geometry);
}
