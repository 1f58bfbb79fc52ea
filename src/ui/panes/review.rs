//! The review of a deploy: what speaks against it, the objects, the difference of the selected one.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::hits::Hit;
use crate::app::panes::review::{Held, ReviewPane, ReviewPhase};
use crate::app::search::Found;
use crate::app::{Action, Geometry, Model, Origin, ReviewedPlan};
use crate::engine::plan::{Change, DeployPlan, DiffLine, DiffSide, PlannedObject};
use crate::text;
use crate::ui::canvas::Canvas;
use crate::ui::table::first_row;
use crate::ui::theme::Theme;

use super::{Line, draw_lines, draw_rows, found, more_below, of_failure, within_margins, wrapped};

pub fn draw(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    pane: &ReviewPane,
    geometry: &mut Geometry,
) {
    let theme = canvas.theme;
    let verb = match &pane.source.origin {
        Origin::Definition(_) => "Plan",
        Origin::Revision { .. } => "Rollback",
        Origin::Trash(_) => "Put back",
        Origin::Noted(_) => "Resume",
    };
    let name = format!("{verb}: {}", pane.source.id());
    let target = match pane.plan() {
        Some(plan) => {
            format!(
                " r{} {} {} {}",
                plan.revision, theme.symbols.dot, model.session.context, theme.symbols.into
            ) + &format!(" {}", plan.instance.namespace)
        }
        None => String::new(),
    };
    let inside = canvas.frame(area, &[(&name, theme.strong), (&target, theme.text)], true);
    let inside = within_margins(inside);
    match &pane.phase {
        ReviewPhase::Planning => {
            canvas.text(
                inside.as_position(),
                inside.width,
                "Asking the cluster what would change …",
                theme.dim,
            );
        }
        ReviewPhase::Failed(failure) => {
            let width = inside.width.into();
            let mut lines = of_failure(failure, width, theme);
            let causes = failure.causes.iter();
            let causes = causes.map(|cause| format!("{}: {}", cause.field, cause.message));
            lines.extend(causes.flat_map(|cause| wrapped(&cause, width, theme.text)));
            draw_lines(canvas, inside, (model, &lines, pane.scroll), geometry);
            geometry.n_beyond = geometry.n_lines.saturating_sub(geometry.list_height);
            geometry.difference = geometry.list_height;
        }
        ReviewPhase::Planned(reviewed) => {
            draw_plan(canvas, (area, inside), reviewed, (model, pane), geometry);
        }
    }
}

fn draw_plan(
    canvas: &mut Canvas<'_>,
    (frame, inside): (Rect, Rect),
    reviewed: &ReviewedPlan,
    (model, pane): (&Model, &ReviewPane),
    geometry: &mut Geometry,
) {
    let plan = reviewed.deploy();
    let mut notices = notices(canvas, reviewed, model);
    notices.extend(optional_secrets(model, pane, canvas.theme));
    notices.extend(said(canvas.theme, pane));
    let y = draw_notices(canvas, inside, (model, &notices, pane.notices), geometry);
    let n_objects = u16::try_from(plan.objects.len()).unwrap_or(u16::MAX);
    let room = inside.bottom().saturating_sub(y);
    let list = Rect {
        y,
        height: n_objects.min((room / 2).max(3)).min(room),
        ..inside
    };
    draw_objects(canvas, list, plan, pane.selected);
    geometry.list_height = list.height.into();
    let line = list.bottom();
    let Some(object) = plan
        .objects
        .get(pane.selected)
        .filter(|_| line + 1 < inside.bottom())
    else {
        return;
    };
    let title = object.key.seen_from(plan.instance.namespace.as_str());
    canvas.across(frame, line, &[(&title, canvas.theme.strong)], true);
    let mut below = Rect {
        y: line + 1,
        height: inside.bottom() - line - 1,
        ..inside
    };
    if is_note_cut(object, &title, list.width) {
        let note = object.note.as_deref().unwrap_or_default();
        let n_rows = canvas.wrapped(below, note, canvas.theme.dim);
        (below.y, below.height) = (below.y + n_rows, below.height - n_rows);
    }
    geometry.difference = below.height.into();
    geometry.n_beyond = object.difference.len().saturating_sub(below.height.into());
    let scroll = pane.scroll.min(geometry.n_beyond);
    geometry.found = draw_difference(canvas, below, (object, scroll), model);
}

/// Draws what is to be known before the objects, from one of its lines on; returns the row below.
fn draw_notices(
    canvas: &mut Canvas<'_>,
    inside: Rect,
    (model, notices, top): (&Model, &[(String, Style)], usize),
    geometry: &mut Geometry,
) -> u16 {
    let lines = notices.iter();
    let lines = lines.flat_map(|(sentence, style)| wrapped(sentence, inside.width.into(), *style));
    let lines: Vec<Line> = lines.collect();
    let room = (inside.height / 3).max(3).min(inside.height);
    let height = u16::try_from(lines.len()).map_or(room, |n_lines| n_lines.min(room));
    let part = Rect { height, ..inside };
    let n_beyond = lines.len().saturating_sub(height.into());
    geometry.notices = (height.into(), n_beyond);
    let n_below = draw_rows(canvas, part, &lines, top);
    draw_more(canvas, part, model, n_below);
    part.bottom()
}

/// Says in the last row of a part how many lines it has no room for.
fn draw_more(canvas: &mut Canvas<'_>, part: Rect, model: &Model, n_below: usize) {
    if n_below == 0 || part.height < 2 {
        return;
    }
    let more = more_below(model, n_below);
    let width = u16::try_from(more.len()).unwrap_or(0);
    let at = Position {
        x: part.right().saturating_sub(width),
        y: part.bottom() - 1,
    };
    canvas.text(at, width, &more, canvas.theme.dim);
}

/// Returns what was said with it: why, and with which values.
fn said(theme: &Theme, pane: &ReviewPane) -> Vec<(String, Style)> {
    let source = &pane.source;
    let why = source.message.iter().map(|why| format!("why: {why}"));
    let values = source.parameters.iter();
    let values = values.map(|(key, value)| format!("with {key}={value}"));
    why.chain(values).map(|it| (it, theme.text)).collect()
}

/// Says which secrets a person may give that the plan does not lack, and how.
fn optional_secrets(model: &Model, pane: &ReviewPane, theme: &Theme) -> Vec<(String, Style)> {
    let key = model.first_key(Action::Secrets);
    let way = key.map_or_else(String::new, |key| format!(" ({key} asks)"));
    let of = |held, what: &str| {
        let secrets = pane.secrets(held).join(", ");
        (!secrets.is_empty()).then(|| (format!("{what}: {secrets}{way}"), theme.dim))
    };
    let kept = of(Held::Kept, "= kept as the cluster has it");
    let unknown = of(Held::Unknown, "? not known whether the cluster has it");
    kept.into_iter().chain(unknown).collect()
}

/// Returns what is to be known before the objects: refusals first.
fn notices(canvas: &Canvas<'_>, reviewed: &ReviewedPlan, model: &Model) -> Vec<(String, Style)> {
    let theme = canvas.theme;
    let symbols = &theme.symbols;
    let plan = reviewed.deploy();
    let mut notices = Vec::new();
    if let ReviewedPlan::Rollback(rollback) = reviewed {
        let sentence = format!("back to r{}, as a new revision", rollback.target);
        notices.push((sentence, theme.text));
    }
    for failure in &plan.refusals {
        notices.push((
            format!("{} refused: {}", symbols.bad, failure.summary),
            theme.bad,
        ));
        // What is offered is told below, with the key that agrees to it.
        let is_offer = |line: &str| plan.offers.iter().any(|offer| offer.to_string() == line);
        for line in failure.detail.lines().filter(|line| !is_offer(line)) {
            notices.push((format!("  {line}"), theme.text));
        }
        for cause in &failure.causes {
            if let Some(place) = &cause.place {
                let (line, path) = (place.span.start.line, &place.path);
                let what = match failure.summary.ends_with(&cause.message) {
                    true => String::new(),
                    false => format!(": {}", cause.message),
                };
                notices.push((format!("  line {line}, {path}{what}"), theme.text));
            }
        }
    }
    for conflict in &plan.conflicts {
        let sentence = format!(
            "{} {} {}: {}",
            symbols.warning, conflict.key, conflict.field, conflict.message
        );
        notices.push((sentence, theme.partly));
    }
    for yielded in &plan.yielded {
        let sentence = format!("left to its owner: {} {}", yielded.key, yielded.field);
        notices.push((sentence, theme.dim));
    }
    for warning in &plan.warnings {
        notices.push((format!("{} {warning}", symbols.warning), theme.partly));
    }
    for offer in &plan.offers {
        let key = model.first_key(Action::Agree);
        let key = key.map_or_else(String::new, |key| format!("{key} "));
        let sentence = format!("{key}{}: {}", offer.remedy.word(), offer.sentence);
        notices.push((sentence, theme.key));
    }
    for growth in &plan.storage.growths {
        let (claim, from, to) = (&growth.claim, &growth.from, &growth.to);
        notices.push((format!("~ {claim} grows from {from} to {to}"), theme.partly));
    }
    for bind in &plan.storage.binds {
        let (volume, claim, size) = (&bind.volume, &bind.claim, &bind.size);
        let sentence = format!("~ {volume} ({size}) is bound again by {claim}");
        notices.push((sentence, theme.partly));
    }
    for pod in reviewed.hanging() {
        let why = pod
            .reason
            .as_deref()
            .map_or_else(String::new, |why| format!(": {why}"));
        let sentence = format!(
            "- {} hangs on the present revision and is deleted{why}",
            pod.key
        );
        notices.push((sentence, theme.removed));
    }
    if reviewed.is_noop() && plan.refusals.is_empty() {
        notices.push((
            format!("{} Nothing would change.", symbols.good),
            theme.good,
        ));
    }
    notices
}

/// Cells of cursor, sign and word before the key of an object.
const BEFORE_KEY: usize = 12;

fn draw_objects(canvas: &mut Canvas<'_>, area: Rect, plan: &DeployPlan, selected: usize) {
    let theme = canvas.theme;
    let top = first_row(selected, plan.objects.len(), area.height.into());
    for (y, (idx, object)) in (area.y..area.bottom()).zip(plan.objects.iter().enumerate().skip(top))
    {
        let (sign, word, style) = sign_of(theme, object.change);
        let key = object.key.seen_from(plan.instance.namespace.as_str());
        let note = object.note.as_deref().unwrap_or_default();
        let cursor = if idx == selected {
            theme.symbols.cursor
        } else {
            " "
        };
        let word = format!(" {word:<7} ");
        canvas.line(
            Position { x: area.x, y },
            area.width,
            &[
                (cursor, theme.strong),
                (" ", style),
                (sign, style),
                (&word, style),
                (&key, theme.text),
                ("  ", theme.text),
                (note, theme.dim),
            ],
        );
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        canvas.hit(row, Hit::Nth(idx));
        if idx == selected {
            canvas.paint(row, theme.selected);
        }
    }
}

/// Tells whether the row of an object has no room for all of its note.
fn is_note_cut(object: &PlannedObject, key: &str, width: u16) -> bool {
    let note = object.note.as_deref().unwrap_or_default();
    let before = BEFORE_KEY + text::cells(key) + 2;
    !note.is_empty() && before + text::cells(&text::clean(note)) > usize::from(width)
}

/// Returns the sign, the word and the style of what would happen to an object.
pub(super) fn sign_of(theme: &Theme, change: Change) -> (&'static str, &'static str, Style) {
    match change {
        Change::Create => ("+", "create", theme.added),
        Change::Update => ("~", "update", theme.partly),
        Change::Unchanged | Change::Keep => ("=", "keep", theme.dim),
        Change::Recreate => ("!", "recreate", theme.removed),
        Change::Delete => ("-", "delete", theme.removed),
    }
}

fn draw_difference(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (object, scroll): (&PlannedObject, usize),
    model: &Model,
) -> Option<Found> {
    let theme = canvas.theme;
    if object.difference.is_empty() {
        canvas.text(area.as_position(), area.width, "No difference.", theme.dim);
    }
    let Some(pattern) = &model.search.pattern else {
        for (y, line) in (area.y..area.bottom()).zip(object.difference.iter().skip(scroll)) {
            draw_diff_line(canvas, Position { x: area.x, y }, area.width, line);
        }
        let n_below = object.difference.len();
        let n_below = n_below.saturating_sub(scroll + usize::from(area.height));
        draw_more(canvas, area, model, n_below);
        return None;
    };
    let lines = object.difference.iter().map(|line| diff_line(theme, line));
    let lines: Vec<Line> = lines.collect();
    let (lines, matching) = found::marked(&lines, pattern, theme.found);
    let room = (lines.len(), area.height.into());
    let found = model.search.find(&matching, scroll, room);
    let n_below = draw_rows(canvas, area, &lines, found.top);
    draw_more(canvas, area, model, n_below);
    found::draw(canvas, area, pattern, (&matching, found));
    Some(found)
}

/// Draws a line of a difference with its sign.
pub(super) fn draw_diff_line(canvas: &mut Canvas<'_>, at: Position, width: u16, line: &DiffLine) {
    let line = diff_line(canvas.theme, line);
    let pieces: Vec<_> = line
        .iter()
        .map(|(text, style)| (text.as_str(), *style))
        .collect();
    canvas.line(at, width, &pieces);
}

/// Returns a line of a difference with its sign.
pub(super) fn diff_line(theme: &Theme, line: &DiffLine) -> Line {
    let DiffLine { side, text } = line;
    let (sign, style) = match side {
        DiffSide::Both => (" ", theme.text),
        DiffSide::Old => ("-", theme.removed),
        DiffSide::New => ("+", theme.added),
        DiffSide::Gap => (theme.symbols.gap, theme.dim),
    };
    vec![(format!("{sign} "), style), (text.clone(), style)]
}
