//! Moving about in what is in front: among its rows, or over its lines.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::panes::detail::Tab;
use crate::app::place::Place;
use crate::app::screen::{Focus, Screen, half_page_of, page_of};
use crate::app::table::RowMark;

use super::{cluster, logs};

/// Returns how far half a page of the rows goes.
pub(super) fn half_page(model: &Model) -> isize {
    half_page_of(n_rows(model))
}

/// Returns how far half a page goes of what scrolls: of the difference, where one is shown beside rows or a text.
pub(super) fn half_scroll(model: &Model) -> isize {
    half_page_of(n_scrolled(model))
}

/// Moves by so many pages: over the difference, where one is shown beside rows; a line stays in sight.
pub(super) fn page_by(model: &mut Model, pages: isize) -> Vec<Effect> {
    match model.screens.last() {
        Some(Screen::Review(_) | Screen::Merge(_)) => {
            scroll_by(model, pages * page_of(n_scrolled(model)))
        }
        _ => move_by(model, pages * page_of(n_rows(model))),
    }
}

/// Returns how many rows of what is moved in are in sight.
fn n_rows(model: &Model) -> usize {
    match model.place() {
        // Lines that go on below are fewer than rows.
        Place::Logs => model.geometry.logs.1,
        _ => model.geometry.list_height,
    }
}

/// Returns how many rows of what scrolls are in sight.
fn n_scrolled(model: &Model) -> usize {
    match model.screens.last() {
        Some(Screen::Review(_) | Screen::Editor(_)) => model.geometry.difference,
        _ => n_rows(model),
    }
}

/// Moves the selection, or what there is instead.
pub(super) fn move_by(model: &mut Model, rows: isize) -> Vec<Effect> {
    let height = model.geometry.list_height;
    match model.screens.last_mut() {
        // These have rows and lines, which move apart.
        Some(Screen::Review(pane)) => {
            pane.move_by(rows);
            model.search.forget_place();
        }
        Some(Screen::Merge(pane)) => pane.move_by(rows, height),
        Some(Screen::Editor(_)) => {}
        _ => return scroll_by(model, rows),
    }
    Vec::new()
}

/// Scrolls the lines of what is in front; where there are only rows, moves among these.
pub(super) fn scroll_by(model: &mut Model, lines: isize) -> Vec<Effect> {
    if let Some(table) = model.table_mut() {
        table.move_by(lines);
        return on_selected(model);
    }
    let (notices, difference) = (model.geometry.notices, model.geometry.difference);
    if let Some(Screen::Review(pane)) = model.screens.last_mut() {
        pane.scroll_by(lines, notices);
        model.search.forget_place();
        return Vec::new();
    }
    if let Some(top) = model.text_top_mut() {
        *top = top.saturating_add_signed(lines);
        model.search.forget_place();
        return Vec::new();
    }
    match model.screens.last_mut() {
        None | Some(Screen::Detail) => scroll_detail(model, lines),
        Some(Screen::Bulk(pane)) => pane.move_by(lines),
        Some(Screen::Merge(pane)) => pane.scroll_by(lines),
        Some(Screen::Log { selected }) => {
            let last = model.log.len().saturating_sub(1);
            *selected = selected.saturating_add_signed(lines).min(last);
        }
        Some(Screen::Editor(pane)) => pane.preview.scroll_by(lines, difference),
        // All of these is a table, or a text that was scrolled above.
        Some(
            Screen::Claims
            | Screen::Forwards
            | Screen::Nodes
            | Screen::Operations
            | Screen::Teardown(_)
            | Screen::Adjust(_)
            | Screen::Adopt(_)
            | Screen::Routes(_)
            | Screen::Pull(_)
            | Screen::Comparison(_)
            | Screen::Changes { .. }
            | Screen::Progress(_)
            | Screen::Review(_),
        ) => {}
    }
    Vec::new()
}

/// Scrolls what is below the services as if keys went there; what is in front where nothing is below it.
pub(super) fn scroll_lower_part(model: &mut Model, lines: isize) -> Vec<Effect> {
    if model.place() != Place::Services {
        return scroll_by(model, lines);
    }
    let focus = std::mem::replace(&mut model.focus, Focus::Detail);
    let effects = scroll_by(model, lines);
    model.focus = focus;
    effects
}

/// Scrolls a tab of the detail that has no rows.
fn scroll_detail(model: &mut Model, lines: isize) {
    match model.detail_pane.tab {
        Tab::Logs => logs::move_by(model, lines),
        _ => model.detail_pane.scroll_definition(lines),
    }
}

/// Selects the row that was pointed at.
pub(super) fn select(model: &mut Model, row: RowMark) -> Vec<Effect> {
    let Some(table) = model.table_mut() else {
        return Vec::new();
    };
    table.select_marked(row);
    on_selected(model)
}

/// Selects the row that was pointed at, of what has rows and is no table.
pub(super) fn select_nth(model: &mut Model, nth: usize) -> Vec<Effect> {
    let height = model.geometry.list_height;
    if let Some(Screen::Merge(pane)) = model.screens.last_mut() {
        pane.select(nth, height);
        return Vec::new();
    }
    let selected = match model.screens.last() {
        Some(Screen::Review(pane)) => pane.selected,
        Some(Screen::Bulk(pane)) => pane.selected,
        Some(Screen::Log { selected }) => *selected,
        _ => return Vec::new(),
    };
    let distance = |n: usize| isize::try_from(n).unwrap_or(isize::MAX);
    move_by(model, distance(nth) - distance(selected))
}

/// Reacts to a selection by hand: what else is shown of a service follows it.
fn on_selected(model: &mut Model) -> Vec<Effect> {
    if model.place() != Place::Services {
        return Vec::new();
    }
    model.services.sought = None;
    cluster::follow_selection(model)
}
