//! The services list.

use ratatui::layout::{Position, Rect};

use crate::app::panes::services::Labelled;
use crate::app::{Action, Geometry, Model, SessionLink};
use crate::failure::FailureKind;
use crate::service::fleet::Connection;
use crate::service::watch::{Scope, Topic};
use crate::text;
use crate::ui::canvas::Canvas;
use crate::ui::table;

use super::note_change;

/// Most rows that trouble takes where the title has no room for it.
const MAX_TROUBLE: u16 = 3;

/// Draws the frame with its title: the filter, how many are marked, what is wrong with the connection.
pub fn draw_framed(canvas: &mut Canvas<'_>, area: Rect, model: &Model, is_focused: bool) -> Rect {
    let theme = canvas.theme;
    let table = &model.services.table;
    let mut words = String::new();
    if !model.services.filter_text.is_empty() {
        let passing = match model.services.labelled() {
            Some(Labelled::Asked) => "asking who has these labels".to_owned(),
            Some(Labelled::Typed | Labelled::Known(_) | Labelled::Unanswered(_)) | None => {
                format!("{} of {}", table.rows().len(), model.services.n_all)
            }
        };
        words.push_str(&format!(" /{} {passing}", model.services.filter_text));
    }
    if !table.marks().is_empty() {
        words.push_str(&format!(
            " {} {} marked",
            theme.symbols.dot,
            table.marks().len()
        ));
    }
    let trouble = trouble(model).map_or_else(String::new, |trouble| {
        format!(" {} {trouble}", theme.symbols.dot)
    });
    let style = if is_focused { theme.strong } else { theme.text };
    canvas.frame(
        area,
        &[
            ("Services", style),
            (&words, theme.partly),
            (&trouble, theme.bad),
        ],
        is_focused,
    )
}

/// Returns what is wrong with the connection or with what this user may see.
fn trouble(model: &Model) -> Option<String> {
    if let SessionLink::Offline { failure, .. } = &model.session.link {
        return Some(failure.summary.clone());
    }
    if let Connection::Retrying {
        failure, data_from, ..
    } = model.fleet.connection()
    {
        let is_never_seen = data_from.is_none() && failure.kind == FailureKind::Unreachable;
        if !(is_never_seen && model.session.has_context) {
            return Some(failure.summary);
        }
        // Who begins with a cluster that is not there wants to know which, and how to come to another.
        let told = format!("Cluster {}: {}", model.session.cluster, failure.summary);
        let ways = [(Action::Context, "chooses another context")];
        return Some(model.with_ways(&told, "; ", &ways, ""));
    }
    let (topic, failure) = model.fleet.forbidden().next()?;
    Some(match model.session.scope {
        _ if *topic == Topic::Elsewhere => failure.summary.clone(),
        Some(Scope::All) => {
            format!("no permission to watch {topic} in all namespaces: choose one")
        }
        _ => format!("no permission to watch {topic}"),
    })
}

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    is_focused: bool,
    geometry: &mut Geometry,
) {
    let used = draw_long_trouble(canvas, area, model);
    let area = Rect {
        y: area.y + used,
        height: area.height - used,
        ..area
    };
    let table = &model.services.table;
    let drawn = table::draw_table(canvas, area, table, model.now, is_focused);
    geometry.list_height = drawn.height;
    note_change(geometry, drawn.next_age);
    if !model.is_live() {
        let rows = Rect {
            y: area.y + 1,
            height: area.height.saturating_sub(1),
            ..area
        };
        canvas.paint(rows, canvas.theme.dim);
    }
    if table.rows().len() == 0 {
        let sentence = empty_sentence(model);
        let at = Position {
            x: area.x + 2,
            y: area.y + 1,
        };
        canvas.text(
            at,
            area.width.saturating_sub(3),
            &sentence,
            canvas.theme.dim,
        );
    }
}

/// Draws what is wrong above the rows, where the title has no room for it; returns the rows that it took.
fn draw_long_trouble(canvas: &mut Canvas<'_>, area: Rect, model: &Model) -> u16 {
    let Some(trouble) = trouble(model) else {
        return 0;
    };
    // The title holds the pane's name before, and two signs of the frame.
    if text::cells(&trouble) + 14 <= usize::from(area.width) {
        return 0;
    }
    let room = Rect {
        x: area.x + 2,
        width: area.width.saturating_sub(3),
        height: MAX_TROUBLE.min(area.height / 2),
        ..area
    };
    canvas.wrapped(room, &trouble, canvas.theme.bad)
}

fn empty_sentence(model: &Model) -> String {
    if let Some(Labelled::Unanswered(why)) = model.services.labelled() {
        return format!("Who has these labels is not known: {why}");
    }
    if model.services.n_all > 0 {
        let way = [(Action::Back, "takes it off")];
        return model.with_ways("Nothing passes the filter.", " ", &way, ".");
    }
    match model.session.link {
        SessionLink::Connected if model.fleet.is_complete() => {
            let way = [(Action::New, "writes a definition from a template")];
            model.with_ways("Nothing is deployed here.", " ", &way, ".")
        }
        SessionLink::Connected | SessionLink::Connecting => "Looking …".to_owned(),
        SessionLink::Offline { .. } => {
            let way = [(Action::New, "writes one")];
            let told = "No cluster to ask. Definitions can be written meanwhile";
            model.with_ways(told, ": ", &way, "") + "."
        }
    }
}
