//! All claims of the scope, those that nothing uses first, and what can be done with those.

use ratatui::layout::{Position, Rect};

use crate::app::{Geometry, Model, SessionLink};
use crate::service::watch::{LinkState, Scope, Topic};
use crate::ui::canvas::Canvas;
use crate::ui::table;

use super::{foot, note_change};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, geometry: &mut Geometry) {
    let theme = canvas.theme;
    let place = scope_of(canvas, model);
    let inside = canvas.frame(
        area,
        &[("Claims", theme.strong), (&place, theme.text)],
        true,
    );
    let rows = &model.claims.table;
    let inside = draw_foot(canvas, inside, model);
    let drawn = table::draw_filtered(canvas, inside, rows, model.now, true);
    note_change(geometry, drawn.next_age);
    geometry.list_height = drawn.height;
    if rows.n_all() == 0 && inside.height > 1 {
        let at = Position {
            x: inside.x + 2,
            y: inside.y + 1,
        };
        let may_list = !model
            .fleet
            .forbidden()
            .any(|(topic, _)| *topic == Topic::Claims);
        let sentence = match (may_list, model.fleet.is_complete()) {
            (false, _) => "You may not list claims.",
            (true, true) if unread(model).is_none() => "There are none.",
            (true, _) => "Looking …",
        };
        canvas.text(at, inside.width.saturating_sub(3), sentence, theme.dim);
    }
}

/// Says below what can be done with the selected row, and what is not shown. Returns what room is left.
fn draw_foot(canvas: &mut Canvas<'_>, inside: Rect, model: &Model) -> Rect {
    let theme = canvas.theme;
    let forbidden = model.fleet.retained_forbidden();
    let forbidden =
        forbidden.map(|_| "You may not list volumes: which were retained is not shown.");
    let unseen = forbidden.or_else(|| unread(model));
    let unseen = unseen.map(|sentence| (sentence.to_owned(), theme.dim));
    let advice = model.claims.advice(&model.fleet);
    let advice = advice.map(|sentence| (sentence, theme.text));
    let mut room = inside;
    for (sentence, style) in unseen.into_iter().chain(advice) {
        room = foot(canvas, room, &sentence, style);
    }
    room
}

/// Says that it is not known yet, or not any more, which volumes were retained.
fn unread(model: &Model) -> Option<&'static str> {
    match model.fleet.retained_link() {
        Some(LinkState::Live | LinkState::Forbidden(_)) => None,
        Some(LinkState::Retrying {
            data_age: Some(_), ..
        }) => Some("Which volumes were retained may be another by now: the connection is lost."),
        Some(LinkState::Retrying { data_age: None, .. }) => {
            Some("Which volumes were retained is not known: the connection is lost.")
        }
        None if model.session.link != SessionLink::Connected => {
            Some("Which volumes were retained is not known: not connected.")
        }
        Some(LinkState::Connecting) | None => Some("Reading which volumes were retained …"),
    }
}

/// Returns the place that a view is of, for its title.
pub(super) fn scope_of(canvas: &Canvas<'_>, model: &Model) -> String {
    let scope = match &model.session.scope {
        Some(Scope::Namespace(namespace)) => namespace.to_string(),
        Some(Scope::All) => "all namespaces".to_owned(),
        None => String::new(),
    };
    let (dot, into) = (canvas.theme.symbols.dot, canvas.theme.symbols.into);
    format!(" {dot} {} {into} {scope}", model.session.context)
}
