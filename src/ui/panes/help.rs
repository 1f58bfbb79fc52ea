//! The keys, made from the table of actions: those of the view behind first, then those of everywhere, then the other views'.

use ratatui::layout::{Position, Rect};

use crate::app::{ActionSpec, Geometry, Model, Place, SPECS, has_meaning};
use crate::text::{self, bytes};
use crate::ui::canvas::{Canvas, wrap};

use super::popup::{open, rows};

/// Views in the order in which a person meets them.
const VIEWS: [(Place, &str); 21] = [
    (Place::Services, "Services"),
    (Place::Detail, "Detail"),
    (Place::Logs, "Logs"),
    (Place::History, "History"),
    (Place::Review, "Review of a plan"),
    (Place::Teardown, "Teardown"),
    (Place::Adjust, "Scale and restart"),
    (Place::Adopt, "Adoption"),
    (Place::Bulk, "Several deploys"),
    (Place::Routes, "Routes"),
    (Place::Pull, "Pull"),
    (Place::Comparison, "Comparison of revisions"),
    (Place::Merge, "Merge"),
    (Place::Changes, "What others changed"),
    (Place::Claims, "Claims"),
    (Place::Forwards, "Forwards"),
    (Place::Nodes, "Nodes"),
    (Place::Operations, "Operations"),
    (Place::Progress, "Progress"),
    (Place::Log, "Commands"),
    (Place::Editor, "Editor"),
];

/// A line of the help: a title without keys, or keys with what they do.
struct Line {
    keys: String,
    what: &'static str,
}

/// Draws the help from a line on.
pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    top: usize,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let lines = lines(model);
    let widest = |part: fn(&Line) -> &str| {
        let cells = lines.iter().map(|line| text::cells(part(line)));
        cells.max().unwrap_or(0)
    };
    let (key_width, what_width) = (widest(|line| &line.keys), widest(|line| line.what));
    let room = usize::from(area.width.saturating_sub(6));
    let key_width = key_width.min(room / 2);
    let what_room = room.saturating_sub(key_width + 2).min(what_width);
    let drawn: Vec<(String, String, bool)> = lines
        .iter()
        .flat_map(|line| rows_of(line, (key_width, what_room), room))
        .collect();
    let size = (
        rows(key_width + what_width + 6),
        rows(drawn.len()).saturating_add(2),
    );
    let inside = open(canvas, area, size, &title(model));
    (geometry.list_height, geometry.n_lines) = (inside.height.into(), drawn.len());
    geometry.popup_height = inside.height.into();
    let top = top.min(drawn.len().saturating_sub(inside.height.into()));
    for (y, (keys, what, is_title)) in (inside.y..inside.bottom()).zip(drawn.iter().skip(top)) {
        let at = Position { x: inside.x, y };
        let style = if *is_title { theme.strong } else { theme.text };
        canvas.line(at, inside.width, &[(keys, theme.key), (what, style)]);
    }
    let n_below = drawn.len().saturating_sub(top + usize::from(inside.height));
    canvas.n_more(inside, n_below, Some("j"));
}

/// Returns the rows of a line: its keys, what they do, and whether it is a title. Where there is no room for a sentence it
/// goes on below, and many keys stand above theirs.
fn rows_of(
    line: &Line,
    (key_width, what_room): (usize, usize),
    room: usize,
) -> Vec<(String, String, bool)> {
    if line.keys.is_empty() {
        let titles = wrap(line.what, room).into_iter();
        return titles.map(|title| (String::new(), title, true)).collect();
    }
    let is_above = text::cells(&line.keys) > key_width;
    let above = wrap(&line.keys, room).into_iter().filter(|_| is_above);
    let mut rows: Vec<_> = above.map(|keys| (keys, String::new(), false)).collect();
    let mut keys = if is_above { "" } else { line.keys.as_str() };
    for what in wrap(line.what, what_room) {
        rows.push((format!("{keys:>key_width$}  "), what, false));
        keys = "";
    }
    rows
}

/// Returns the title: with what this session costs the link, once anything went over it.
fn title(model: &Model) -> String {
    let traffic = &model.traffic;
    if traffic.total == 0 {
        return "Keys".to_owned();
    }
    let (total, recent, peak) = (
        bytes(traffic.total),
        bytes(traffic.recent),
        bytes(traffic.peak),
    );
    let allowed = traffic.budget.map_or_else(String::new, |budget| {
        format!(" of {}/s allowed", bytes(budget.into()))
    });
    format!("Keys, link: {recent}/s{allowed}, {peak}/s at most, {total} in all")
}

fn lines(model: &Model) -> Vec<Line> {
    let place = model.place();
    let mut told: Vec<&str> = Vec::new();
    let mut lines = section(model, place, &mut told, |spec| !is_everywhere(spec));
    if place == Place::Editor {
        lines.extend(of_editor(model));
    }
    let everywhere = section(model, place, &mut told, is_everywhere);
    lines.extend(titled("Everywhere", everywhere));
    for (view, title) in VIEWS {
        let more = section(model, view, &mut told, |spec| !is_everywhere(spec));
        lines.extend(titled(title, more));
    }
    lines
}

/// Returns the lines of the editor's commands; those that belong together are one.
fn of_editor(model: &Model) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (spec, keys) in model.keymap.commands() {
        let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
        let keys = keys.join(" ");
        match lines.last_mut().filter(|line| line.what == spec.sentence) {
            Some(line) => line.keys = format!("{} {keys}", line.keys),
            None => lines.push(Line {
                keys,
                what: spec.sentence,
            }),
        }
    }
    lines
}

fn is_everywhere(spec: &ActionSpec) -> bool {
    spec.places.len() + 1 >= VIEWS.len()
}

/// Returns the lines of a view that were not told yet; of the one in front without what has no meaning there.
fn section(
    model: &Model,
    place: Place,
    told: &mut Vec<&str>,
    is_wanted: impl Fn(&ActionSpec) -> bool,
) -> Vec<Line> {
    let mut lines = Vec::new();
    for spec in SPECS {
        if spec.places.contains(&place) && is_wanted(spec) && !told.contains(&spec.id) {
            told.push(spec.id);
            if place == model.place() && !has_meaning(spec.action, model) {
                continue;
            }
            let keys = model.keymap.keys(place, spec.action).iter();
            let keys: Vec<_> = keys.map(ToString::to_string).collect();
            // What has no key of its own is found in the palette.
            let keys = match keys.is_empty() {
                true => ":".to_owned(),
                false => keys.join(" "),
            };
            lines.push(Line {
                keys,
                what: spec.sentence,
            });
        }
    }
    lines
}

fn titled(title: &'static str, mut lines: Vec<Line>) -> Vec<Line> {
    if !lines.is_empty() {
        let keys = String::new();
        lines.insert(0, Line { keys, what: title });
    }
    lines
}
