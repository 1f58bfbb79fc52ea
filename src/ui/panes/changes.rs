//! What of the selected instance is not as it was applied: whole on a screen of its own, in brief above its objects.

use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use crate::app::{Action, Geometry, Model};
use crate::service::age;
use crate::service::drift::{Changes, Drift, FieldChange, ObjectChange, Presence, short_value};
use crate::text;
use crate::ui::canvas::Canvas;

use super::{Line, draw_lines, note_change, within_margins, wrapped};

/// Before what is said of a field on lines of its own.
const INDENT: &str = "    ";
/// Between a field and what became of it.
const GAP: &str = "  ";
/// Rows of objects, with their titles, that are left below what others changed.
const MIN_OBJECTS: u16 = 3;

/// Draws all of it.
pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    scroll: usize,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let selected = model.selected_instance();
    let name = selected.map_or_else(String::new, |key| key.id.to_string());
    let place = selected.map_or_else(String::new, |key| {
        let (dot, into) = (theme.symbols.dot, theme.symbols.into);
        let context = &model.session.context;
        format!(
            " {dot} {context} {into} {}: changed since it was applied",
            key.namespace
        )
    });
    let inside = canvas.frame(area, &[(&name, theme.strong), (&place, theme.text)], true);
    let inside = within_margins(inside);
    let width = inside.width.into();
    let lines = match model.detail_pane.changes.result() {
        None => wrapped(why_nothing(model), width, theme.dim),
        Some(Err(failure)) => wrapped(&failure.summary, width, theme.bad),
        Some(Ok(changes)) => {
            note_ages(geometry, changes, model.now);
            whole(canvas, changes, width, model)
        }
    };
    draw_lines(canvas, inside, (model, &lines, scroll), geometry);
}

/// Draws as much as there is room for above the objects; returns the rows that it took.
pub fn draw_above_objects(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    geometry: &mut Geometry,
) -> u16 {
    let Some(changes) = model.detail_pane.changes.found() else {
        return 0;
    };
    let room = Rect {
        x: area.x + 2,
        width: area.width.saturating_sub(3),
        height: (area.height / 2).min(area.height.saturating_sub(MIN_OBJECTS)),
        ..area
    };
    let extent = model.detail_pane.changes.extent().unwrap_or_default();
    let title = format!("Changed since it was applied: {extent}");
    let mut lines = vec![vec![(title, canvas.theme.partly)]];
    lines.extend(fields(canvas, changes, room.width.into(), model.now));
    let n_shown = match usize::from(room.height) {
        height if lines.len() <= height => lines.len(),
        // The last row says how much is missing.
        height => height.saturating_sub(1),
    };
    note_ages(geometry, changes, model.now);
    let mut y = room.y;
    for line in &lines[..n_shown] {
        let pieces: Vec<_> = line
            .iter()
            .map(|(text, style)| (text.as_str(), *style))
            .collect();
        canvas.line(Position { x: room.x, y }, room.width, &pieces);
        y += 1;
    }
    if n_shown < lines.len() && room.height > 0 {
        let style = canvas.theme.dim;
        let more = format!("{} more lines", lines.len() - n_shown);
        let more = model.with_ways(&more, ": ", &[(Action::Changes, "shows all")], "");
        canvas.text(Position { x: room.x, y }, room.width, &more, style);
        y += 1;
    }
    y - room.y
}

fn why_nothing(model: &Model) -> &'static str {
    let record = model.selected_detail().and_then(|detail| detail.record());
    match (model.selected_instance(), record) {
        (None, _) => "Nothing is deployed here.",
        (Some(_), Some(record)) if record.operation.is_some() => {
            "An operation is under way: its objects are compared when it is over."
        }
        (Some(_), _) => "Comparing with what was applied …",
    }
}

fn whole(canvas: &Canvas<'_>, changes: &Changes, width: usize, model: &Model) -> Vec<Line> {
    let theme = canvas.theme;
    let mut lines = fields(canvas, changes, width, model.now);
    if changes.is_empty() && changes.remarks.is_empty() {
        let sentence = "All objects are as they were applied.";
        lines.push(vec![(sentence.to_owned(), theme.good)]);
    }
    for remark in &changes.remarks {
        lines.extend(wrapped(remark, width, theme.partly));
    }
    if !changes.is_empty() {
        // What the definition says by now may be just this, as after a pull.
        let is_edited = selected_drift(model) == Some(Drift::EditedAndChanged);
        let deploy = match is_edited {
            true => "plans the deploy of the definition, which was edited since it was applied",
            false => "plans the deploy that puts it back",
        };
        let ways = [
            (Action::Pull, "pulls this into the definition"),
            (Action::Apply, deploy),
        ];
        lines.push(Vec::new());
        let sentence = model.with_ways("", "", &ways, ".");
        lines.extend(wrapped(&sentence, width, theme.dim));
    }
    lines
}

fn selected_drift(model: &Model) -> Option<Drift> {
    model.fleet.get(model.selected_instance()?)?.drift()
}

fn fields(canvas: &Canvas<'_>, changes: &Changes, width: usize, now: Timestamp) -> Vec<Line> {
    let objects = changes.objects.iter();
    objects
        .flat_map(|object| of_object(canvas, object, width, now))
        .collect()
}

fn of_object(
    canvas: &Canvas<'_>,
    object: &ObjectChange,
    width: usize,
    now: Timestamp,
) -> Vec<Line> {
    let theme = canvas.theme;
    let name = text::clean(&object.key.to_string()).into_owned();
    let whole = match object.presence {
        Presence::There => None,
        Presence::Missing => Some(" was deleted"),
        Presence::Terminating => Some(" is being deleted"),
    };
    let whole = whole.map(|what| vec![(name.clone(), theme.strong), (what.to_owned(), theme.bad)]);
    let fields = object.fields.iter();
    let fields = fields.flat_map(|field| of_field(canvas, &name, field, (width, now)));
    whole.into_iter().chain(fields).collect()
}

/// Returns one line where there is room for it, else where it is on one and what it became below.
fn of_field(
    canvas: &Canvas<'_>,
    object: &str,
    field: &FieldChange,
    (width, now): (usize, Timestamp),
) -> Vec<Line> {
    let theme = canvas.theme;
    let path = text::clean(&field.path.to_string()).into_owned();
    let (was, is) = (field.wanted.as_ref(), field.live.as_ref());
    let was = was.map_or_else(|| "not set".to_owned(), short_value);
    let is = is.map_or_else(|| "removed".to_owned(), short_value);
    let became = format!("{was} → {is}");
    let (mut whose, at) = field.setters();
    if let Some(at) = at {
        whose.push_str(&format!(" {}", age::show(age::since(at, now))));
    }
    let whose = text::clean(&whose).into_owned();
    let place = vec![
        (object.to_owned(), theme.strong),
        (format!(" {path}"), theme.text),
    ];
    let change = [(became, theme.partly), (format!("{GAP}{whose}"), theme.dim)];
    let cells = |line: &[(String, _)]| {
        line.iter()
            .map(|(text, _)| text::cells(text))
            .sum::<usize>()
    };
    if cells(&place) + GAP.len() + cells(&change) <= width {
        let gap = (GAP.to_owned(), theme.text);
        return vec![place.into_iter().chain([gap]).chain(change).collect()];
    }
    let indent = (INDENT.to_owned(), theme.text);
    vec![place, [indent].into_iter().chain(change).collect()]
}

/// Takes when the first of the ages changes its text.
fn note_ages(geometry: &mut Geometry, changes: &Changes, now: Timestamp) {
    let fields = changes.objects.iter().flat_map(|object| &object.fields);
    for at in fields.filter_map(|field| field.setters().1) {
        let until = age::until_change(age::since(at, now));
        note_change(geometry, now.checked_add(until).ok());
    }
}
