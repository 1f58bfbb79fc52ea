//! The detail of the selected row: what it is, its tabs, the rows of the tab in front.

use ratatui::layout::{Position, Rect};

use crate::app::hits::Hit;
use crate::app::panes::detail::Tab;
use crate::app::panes::services::{RowKey, WhatRuns, what_runs};
use crate::app::table::Value;
use crate::app::{Action, Geometry, Model};
use crate::definition::id::InstanceId;
use crate::service::detail::Detail;
use crate::service::health::{Health, State};
use crate::service::summary::{Record, WorkloadKind};
use crate::service::watch::{LinkState, Scope, Topic};
use crate::text;
use crate::ui::canvas::{Canvas, Piece, wrap};
use crate::ui::{editor, table};

use super::{changes, history, logs, note_change, pods};

/// Rows that the reason takes where the title has no room for it; a quarter of the room where that is more.
const MIN_REASON: u16 = 3;

/// Draws the frame of the detail that stands alone.
pub fn draw_framed(canvas: &mut Canvas<'_>, area: Rect, model: &Model) -> Rect {
    let title = Title::of(canvas, model);
    canvas.frame(area, &title.pieces(canvas), true)
}

/// Draws the line between list and detail.
pub fn draw_title(canvas: &mut Canvas<'_>, area: Rect, y: u16, model: &Model, is_focused: bool) {
    let title = Title::of(canvas, model);
    canvas.across(area, y, &title.pieces(canvas), is_focused);
}

/// What the detail is of, and how that is doing.
struct Title {
    name: String,
    health: Option<Health>,
    rest: String,
}

impl Title {
    fn of(canvas: &Canvas<'_>, model: &Model) -> Self {
        let dot = canvas.theme.symbols.dot;
        match model.services.table.selected() {
            None => Self {
                name: "Detail".to_owned(),
                health: None,
                rest: String::new(),
            },
            Some(RowKey::Saved(name)) => Self {
                name: name.to_string(),
                health: None,
                rest: match what_runs(&model.fleet) {
                    WhatRuns::Known => {
                        let scope = model.session.scope.as_ref();
                        let entry = model.catalogue.entry(name);
                        let place = entry.and_then(|it| it.named_elsewhere(scope));
                        match (place, scope) {
                            (Some(place), Some(Scope::Namespace(_))) => {
                                format!(" {dot} in the catalogue, for namespace {place}")
                            }
                            _ => format!(" {dot} in the catalogue, not deployed"),
                        }
                    }
                    WhatRuns::NotYetKnown | WhatRuns::Forbidden => {
                        format!(" {dot} in the catalogue")
                    }
                },
            },
            Some(RowKey::Kept(key)) => Self {
                name: key.id.to_string(),
                health: None,
                rest: format!(" {dot} not deployed, its claims were kept"),
            },
            Some(RowKey::Instance(key)) => {
                let instance = model.fleet.get(key);
                let detail = model
                    .selected_detail()
                    .filter(|detail| detail.is_complete());
                let health = instance.map(|instance| match detail {
                    // The fleet knows whether the data is stale, and saw longer whether an operation goes on; the detail
                    // knows more of the pods.
                    Some(detail)
                        if !matches!(instance.state(), State::Unknown | State::Interrupted) =>
                    {
                        detail.health(model.now)
                    }
                    _ => instance.health().clone(),
                });
                let record = instance.and_then(|instance| instance.record());
                let is_told = health.as_ref().map(|it| it.state) == Some(State::Interrupted);
                let mut rest = record.map_or_else(String::new, |it| about(model, it, is_told, dot));
                if let Some(extent) = model.detail_pane.changes.extent() {
                    rest.push_str(&format!(" {dot} changed since applied: {extent}"));
                }
                Self {
                    name: key.id.to_string(),
                    health: health.map(|health| without_own_name(health, &key.id)),
                    rest,
                }
            }
        }
    }

    fn pieces<'t>(&'t self, canvas: &Canvas<'t>) -> Vec<Piece<'t>> {
        let theme = canvas.theme;
        let mut pieces = vec![(self.name.as_str(), theme.strong)];
        if let Some(health) = &self.health {
            let (sign, style) = theme.state(health.state);
            pieces.extend([
                (" ", style),
                (sign, style),
                (" ", style),
                (health.state.as_str(), style),
            ]);
            if let Some(reason) = &health.reason {
                pieces.extend([(": ", style), (reason.as_str(), style)]);
            }
        }
        pieces.push((self.rest.as_str(), theme.partly));
        pieces
    }
}

/// Returns what a record says that a person should know: its operation where that is not told already, its protection, its end.
fn about(model: &Model, record: &Record, is_operation_told: bool, dot: &str) -> String {
    let operation = record.operation.as_ref().filter(|_| !is_operation_told);
    let operation = operation.map(|operation| {
        let (what, progress) = (operation.what(), operation.progress());
        format!("{what}, {progress} (by {})", operation.holder)
    });
    let protected = model.protects(record).then(|| "protected".to_owned());
    let expires = record.expires.map(|at| {
        let at = at.strftime("%Y-%m-%d %H:%MZ");
        format!("expires {at}")
    });
    let parts = [operation, protected, expires].into_iter().flatten();
    parts.map(|part| format!(" {dot} {part}")).collect()
}

/// Leaves the workload out of a reason where it is the one that the title names already: there is little room.
fn without_own_name(mut health: Health, id: &InstanceId) -> Health {
    let shorter = health.reason.as_deref().and_then(|reason| {
        let mut own = WorkloadKind::ALL
            .map(|kind| format!("{kind}/{id}: "))
            .into_iter();
        own.find_map(|name| reason.strip_prefix(&name).map(str::to_owned))
    });
    health.reason = shorter.or(health.reason);
    health
}

/// Draws the tabs and what is in the one in front.
pub fn draw_tab(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    is_focused: bool,
    geometry: &mut Geometry,
) {
    if area.height == 0 {
        return;
    }
    draw_tabs(canvas, Rect { height: 1, ..area }, model);
    let below = Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    };
    let used = draw_long_reason(canvas, below, model);
    let inside = Rect {
        y: below.y + used,
        height: below.height - used,
        ..below
    };
    let Some(rows) = model.detail_pane.table() else {
        return match model.detail_pane.tab {
            Tab::Logs => logs::draw(canvas, inside, model, is_focused, geometry),
            Tab::History => history::draw(canvas, inside, model, is_focused, geometry),
            _ => draw_definition(canvas, inside, model, is_focused, geometry),
        };
    };
    let used = match model.detail_pane.tab {
        Tab::Objects => changes::draw_above_objects(canvas, inside, model, geometry),
        Tab::Events => draw_concerned(canvas, inside, model),
        _ => 0,
    };
    let inside = Rect {
        y: inside.y + used,
        height: inside.height - used,
        ..inside
    };
    let below =
        pods::draw_below(canvas, inside, model, geometry) + draw_event_below(canvas, inside, model);
    let inside = Rect {
        height: inside.height - below,
        ..inside
    };
    let drawn = table::draw_filtered(canvas, inside, rows, model.now, is_focused);
    note_change(geometry, drawn.next_age);
    if is_focused {
        geometry.list_height = drawn.height;
    }
    if is_stale(model) {
        let rows = Rect {
            y: inside.y + 1,
            height: inside.height.saturating_sub(1),
            ..inside
        };
        canvas.paint(rows, canvas.theme.dim);
    }
    if rows.n_all() == 0 && inside.height > 1 {
        let sentence = empty_sentence(model);
        let at = Position {
            x: inside.x + 2,
            y: inside.y + 1,
        };
        canvas.text(
            at,
            inside.width.saturating_sub(3),
            &sentence,
            canvas.theme.dim,
        );
    }
}

/// Draws whose events alone are shown, if that is so; returns the rows that it took.
fn draw_concerned(canvas: &mut Canvas<'_>, area: Rect, model: &Model) -> u16 {
    let Some(of) = &model.detail_pane.events_of else {
        return 0;
    };
    if area.height < 3 {
        return 0;
    }
    let at = Position {
        x: area.x + 2,
        y: area.y,
    };
    let dot = canvas.theme.symbols.dot;
    let only = format!("only of {}/{}", of.kind, of.name);
    let way = [(Action::ShowTab(Tab::Events), "shows all")];
    let sentence = model.with_ways(&only, &format!(" {dot} "), &way, "");
    canvas.text(
        at,
        area.width.saturating_sub(3),
        &sentence,
        canvas.theme.partly,
    );
    1
}

/// Draws the selected event at the bottom, where its row has no room for all of it; returns the rows that it took.
fn draw_event_below(canvas: &mut Canvas<'_>, area: Rect, model: &Model) -> u16 {
    let events = &model.detail_pane.events;
    if model.detail_pane.tab != Tab::Events || !table::is_last_cut(events, area.width) {
        return 0;
    }
    let Some(Value::Text(message) | Value::Bad(message)) =
        events.selected_row().and_then(|row| row.cells.last())
    else {
        return 0;
    };
    let width = area.width.saturating_sub(3);
    let n_lines = wrap(&text::clean(message), width.into()).len();
    let height = u16::try_from(n_lines)
        .unwrap_or(u16::MAX)
        .min(area.height / 3);
    if height == 0 {
        return 0;
    }
    let room = Rect {
        x: area.x + 2,
        y: area.bottom() - height,
        width,
        height,
    };
    canvas.wrapped(room, message, canvas.theme.text) + 1
}

/// Draws why the instance is not well, where the title has no room for it; returns the rows that it took.
fn draw_long_reason(canvas: &mut Canvas<'_>, area: Rect, model: &Model) -> u16 {
    let title = Title::of(canvas, model);
    let pieces = title.pieces(canvas);
    let width: usize = pieces.iter().map(|(text, _)| text::cells(text)).sum();
    let Some(health) = title.health.as_ref() else {
        return 0;
    };
    let Some(reason) = health.reason.as_deref() else {
        return 0;
    };
    if width + 2 <= usize::from(area.width) {
        return 0;
    }
    let style = canvas.theme.state(health.state).1;
    let room = Rect {
        x: area.x + 2,
        width: area.width.saturating_sub(3),
        height: MIN_REASON.max(area.height / 4).min(area.height / 3),
        ..area
    };
    canvas.wrapped(room, reason, style)
}

/// Tells whether what is shown may have changed since: the watch of the tab in front does not report.
fn is_stale(model: &Model) -> bool {
    let link = model
        .selected_detail()
        .zip(topic(model.detail_pane.tab))
        .map(|(detail, topic)| detail.link(&topic));
    matches!(link, Some(LinkState::Retrying { .. })) || !model.is_live()
}

fn draw_tabs(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let theme = canvas.theme;
    let mut x = area.x + 1;
    for tab in tabs_from(area.width.saturating_sub(1), model.detail_pane.tab) {
        let (key, title) = tab.title();
        let is_front = tab == model.detail_pane.tab;
        let (key_style, style) = if is_front {
            (theme.key, theme.strong)
        } else {
            (theme.dim, theme.dim)
        };
        // Without colours the tab in front is told by its brackets.
        let (open, close) = if is_front { ("[", "]") } else { (" ", " ") };
        let key = key.to_string();
        let width = area.right().saturating_sub(x);
        let used = canvas.line(
            Position { x, y: area.y },
            width,
            &[
                (open, style),
                (&key, key_style),
                (" ", style),
                (title, style),
                (close, style),
            ],
        );
        let place = Rect {
            x,
            width: used,
            height: 1,
            ..area
        };
        canvas.hit(place, Hit::Tab(tab));
        x += used;
    }
}

/// Returns the tabs from the first one on from which the one in front fits in.
fn tabs_from(width: u16, front: Tab) -> impl Iterator<Item = Tab> {
    // A bracket or blank on either side, the key, and a blank behind it.
    let n_cells = |tab: &Tab| 4 + tab.title().1.len();
    let up_to_front = |first: usize| {
        let last = Tab::ALL.iter().position(|tab| *tab == front)?;
        Some(Tab::ALL.get(first..=last)?.iter().map(n_cells).sum())
    };
    let fits = |first: &usize| up_to_front(*first).is_none_or(|used: usize| used <= width.into());
    let first = (0..Tab::ALL.len()).find(fits).unwrap_or_default();
    Tab::ALL.into_iter().skip(first)
}

fn empty_sentence(model: &Model) -> String {
    match model.services.table.selected() {
        None => String::new(),
        Some(RowKey::Kept(_)) => {
            let ways = [
                (
                    Action::ShowTab(Tab::Volumes),
                    "shows the claims that were kept",
                ),
                (Action::Teardown, "deletes them"),
            ];
            model.with_ways("Not deployed.", " ", &ways, ".")
        }
        Some(RowKey::Saved(_)) if what_runs(&model.fleet) != WhatRuns::Known => {
            "Whether it is deployed is not known.".to_owned()
        }
        Some(RowKey::Saved(_)) => {
            let ways = [
                (Action::Apply, "plans the deploy"),
                (Action::Edit, "edits the definition"),
            ];
            model.with_ways("Not deployed.", " ", &ways, ".")
        }
        Some(RowKey::Instance(_)) => match model.selected_detail() {
            None => "Looking …".to_owned(),
            Some(detail) => match topic(model.detail_pane.tab).map(|topic| detail.link(&topic)) {
                Some(LinkState::Connecting) => "Looking …".to_owned(),
                Some(LinkState::Retrying { failure, .. } | LinkState::Forbidden(failure)) => {
                    failure.summary.clone()
                }
                // What was adopted and not deployed since has pods with the labels of whoever made them.
                Some(LinkState::Live) | None
                    if model.detail_pane.tab == Tab::Pods && has_ready_pods(detail) =>
                {
                    let ways = [(Action::Apply, "plans the deploy that puts them on")];
                    model.with_ways("Its pods do not bear its labels yet", ": ", &ways, ".")
                }
                Some(LinkState::Live) | None => "None.".to_owned(),
            },
        },
    }
}

/// Tells whether its workloads count pods that are ready.
fn has_ready_pods(detail: &Detail) -> bool {
    detail.workloads().iter().any(|workload| workload.ready > 0)
}

fn topic(tab: Tab) -> Option<Topic> {
    match tab {
        Tab::Pods => Some(Topic::Pods),
        Tab::Volumes => Some(Topic::Claims),
        Tab::Events => Some(Topic::Events),
        Tab::Logs | Tab::Objects | Tab::Definition | Tab::History => None,
    }
}

fn draw_definition(
    canvas: &mut Canvas<'_>,
    area: Rect,
    model: &Model,
    is_focused: bool,
    geometry: &mut Geometry,
) {
    let at = Position {
        x: area.x + 2,
        y: area.y,
    };
    let width = area.width.saturating_sub(3);
    let Some(shown) = &model.detail_pane.definition else {
        canvas.text(
            at,
            width,
            "Its definition is not in this catalogue.",
            canvas.theme.dim,
        );
        return;
    };
    match &shown.text {
        None => {
            canvas.text(at, width, "Reading …", canvas.theme.dim);
        }
        Some(Err(failure)) => {
            canvas.text(at, width, &failure.summary, canvas.theme.bad);
        }
        Some(Ok(text)) => {
            let drawn = editor::draw_editor(canvas.buf, area, text, &canvas.theme.editor);
            geometry.definition = Some((drawn.height, drawn.width));
            if is_focused {
                geometry.list_height = drawn.height;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::health::State;

    #[test]
    fn reason_does_not_name_what_the_title_names() {
        let check = |reason: &str, expected: &str| {
            let health = Health {
                state: State::Failing,
                reason: Some(reason.to_owned()),
                is_final: false,
            };
            let shown = without_own_name(health, &"web".parse().unwrap());
            assert_eq!(shown.reason.as_deref(), Some(expected));
        };
        check("Deployment/web: 1 of 3 pods ready", "1 of 3 pods ready");
        check("StatefulSet/web: paused", "paused");
        check("Deployment/web-api: paused", "Deployment/web-api: paused");
        check("CrashLoopBackOff: pod web-0", "CrashLoopBackOff: pod web-0");
    }
}
