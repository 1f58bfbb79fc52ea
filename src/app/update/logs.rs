//! The logs of the selected instance: read while their tab is chosen, moved in, filtered, saved.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use regex::Regex;

use crate::app::effect::Effect;
use crate::app::input::Input;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::panes::detail::Tab;
use crate::app::panes::logs::{LogView, SPANS, Whose};
use crate::app::place::Place;
use crate::app::popup::{Choice, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::app::screen::Screen;
use crate::app::search::expression;
use crate::failure::Failure;
use crate::service::log::LogEvent;
use crate::service::pod_choice;
use crate::service::summary::InstanceKey;

use super::cluster;

/// Reads the logs of the instance that is watched while their tab is chosen. A screen before it does not end that: what is said
/// meanwhile is there once it is closed.
pub(super) fn follow(model: &mut Model) -> Vec<Effect> {
    let is_chosen = model.detail_pane.tab == Tab::Logs;
    let detail = model.selected_detail().filter(|_| is_chosen);
    let of = detail.map(|detail| detail.key().clone());
    if model.detail_pane.logs.of == of {
        return Vec::new();
    }
    begin(model, of)
}

fn begin(model: &mut Model, of: Option<InstanceKey>) -> Vec<Effect> {
    let op = model.next_op();
    let pane = &mut model.detail_pane.logs;
    pane.begin(op, of.clone());
    vec![Effect::ReadLogs {
        op,
        key: of,
        query: pane.query(),
    }]
}

/// Shows the logs of the selected instance on the whole screen.
pub(super) fn open(model: &mut Model, is_previous: bool, whose: Whose) -> Vec<Effect> {
    model.detail_pane.tab = Tab::Logs;
    if !matches!(model.screens.last(), Some(Screen::Detail)) {
        model.screens.push(Screen::Detail);
    }
    let is_read = model.detail_pane.logs.of.as_ref() == model.selected_instance();
    if let Some(key) = model.selected_instance().cloned() {
        let present = model.detail_pane.logs.view();
        let view = LogView {
            is_previous,
            whose: whose.clone(),
            // That of another log goes with it.
            filter: present.filter.filter(|_| is_read),
            ..present
        };
        record(model, &key, &view);
    }
    if is_read {
        model.detail_pane.logs.set_whose(whose.clone());
        model.detail_pane.logs.follow();
    }
    if is_read && model.detail_pane.logs.is_previous != is_previous {
        return toggle_previous(model);
    }
    if !is_read {
        // Of one that is not watched yet the reading begins once it is.
        model.detail_pane.logs.wants_previous = is_previous;
        model.detail_pane.logs.wants_whose = whose;
    }
    cluster::follow_selection(model)
}

/// Shows the logs of the pod that is selected among those of the instance, on the whole screen.
pub(super) fn open_of_pod(model: &mut Model) -> Vec<Effect> {
    let Some(pod) = model.chosen_pod() else {
        return Vec::new();
    };
    open(model, false, Whose::Pod(pod))
}

/// Asks from when on lines are to be read.
pub(super) fn ask_since(model: &mut Model) {
    let present = model.detail_pane.logs.since;
    let mark = |since| if since == present { "(present)" } else { "" };
    let newest = MenuItem::new(
        "the newest lines of each container",
        mark(None),
        Choice::LogSince(None),
    );
    let spans = SPANS.iter().map(|(span, name, _)| {
        let since = Some(*span);
        MenuItem::new(*name, mark(since), Choice::LogSince(since))
    });
    let items = std::iter::once(newest).chain(spans).collect();
    model.popup = Some(Popup::Menu(Menu::new("Read", Vec::new(), items)));
}

/// Reads anew, from another time on.
pub(super) fn read_since(model: &mut Model, since: Option<Duration>) -> Vec<Effect> {
    let pane = &mut model.detail_pane.logs;
    pane.since = since;
    let Some(of) = pane.of.clone() else {
        return Vec::new();
    };
    begin(model, Some(of))
}

/// Writes the command that prints what is shown of a log: anew as that changes.
fn record(model: &mut Model, of: &InstanceKey, view: &LogView) {
    let command = model.command_line(&of.namespace, &view.command(&of.id));
    model.record_view(of, command);
}

/// Follows what is shown of the log with its command, once something of it was changed.
pub(super) fn follow_view(model: &mut Model) {
    let pane = &mut model.detail_pane.logs;
    let Some(of) = pane.of.clone() else {
        return;
    };
    let view = pane.view();
    let before = pane.told.replace(view.clone());
    if before.is_some_and(|before| before != view) {
        record(model, &of, &view);
    }
}

/// Asks whose lines are to be shown.
pub(super) fn ask_whose(model: &mut Model) {
    let pane = &model.detail_pane.logs;
    let item = |label: String, detail: &str, whose: Whose| {
        let detail = match whose == pane.whose {
            true => format!("{detail} (present)"),
            false => detail.to_owned(),
        };
        MenuItem::new(label, detail.trim(), Choice::LogsOf(whose))
    };
    let mut items = vec![item("all".to_owned(), "", Whose::All)];
    let mut pods: Vec<String> = pane.pods().to_vec();
    if let Some(detail) = model.selected_detail() {
        pods.extend(
            detail
                .pods()
                .iter()
                .map(|pod| pod_choice::label(pod, &detail.key().namespace)),
        );
    }
    pods.sort();
    pods.dedup();
    pods.retain(|pod| !pod.is_empty());
    let pods = pods.into_iter();
    items.extend(pods.map(|pod| item(pod.clone(), "pod", Whose::Pod(pod))));
    if pane.containers().len() > 1 {
        let named = pane.containers().iter().filter(|name| !name.is_empty());
        items.extend(
            named.map(|name| item(name.clone(), "container", Whose::Container(name.clone()))),
        );
    }
    model.popup = Some(Popup::Menu(Menu::searchable("Lines of", items)));
}

/// Reads the runs before the present ones, or the present ones again.
pub(super) fn toggle_previous(model: &mut Model) -> Vec<Effect> {
    let pane = &mut model.detail_pane.logs;
    let Some(of) = pane.of.clone() else {
        return Vec::new();
    };
    pane.is_previous = !pane.is_previous;
    begin(model, Some(of))
}

pub(super) fn on_logged(
    model: &mut Model,
    op: OpId,
    events: Vec<LogEvent>,
    is_over: bool,
) -> Vec<Effect> {
    let pane = &mut model.detail_pane.logs;
    if pane.op == op {
        pane.on_events(events, is_over);
    }
    Vec::new()
}

pub(super) fn shift(model: &mut Model, is_right: bool) {
    let overhang = model.geometry.log_overhang;
    model.detail_pane.logs.shift_by(is_right, overhang);
}

pub(super) fn move_by(model: &mut Model, lines: isize) {
    let drawn = model.geometry.logs;
    model.detail_pane.logs.move_by(lines, drawn);
}

/// Goes to the next line that matches, or to the one before.
pub(super) fn go_to_match(model: &mut Model, is_forward: bool) {
    let (drawn, room) = (model.geometry.logs, model.geometry.log_room);
    let pane = &mut model.detail_pane.logs;
    if !pane.go_to_match(is_forward, drawn, room) {
        model.tell("No line matches.");
    }
}

/// Begins typing a filter; what holds so far is there to be changed.
pub(super) fn ask_filter(model: &mut Model) {
    let pane = &mut model.detail_pane.logs;
    let present = pane.filter.as_ref().map_or("", Regex::as_str);
    pane.filter_input = Some(Input::with_text(present));
}

pub(super) fn on_filter_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let pane = &mut model.detail_pane.logs;
    let Some(input) = &mut pane.filter_input else {
        return Vec::new();
    };
    match key.code {
        KeyCode::Esc => {
            pane.filter_input = None;
            pane.set_filter(None);
        }
        KeyCode::Enter if pane.filter_error.is_none() => pane.filter_input = None,
        _ => {
            if input.on_key(key) {
                take_filter(model);
            }
        }
    }
    Vec::new()
}

pub(super) fn paste_into_filter(model: &mut Model, text: &str) -> Result<(), String> {
    if let Some(input) = &mut model.detail_pane.logs.filter_input {
        input.paste(text)?;
        take_filter(model);
    }
    Ok(())
}

/// Filters by what is typed so far; while that is no expression the filter before holds.
fn take_filter(model: &mut Model) {
    let pane = &mut model.detail_pane.logs;
    let text = pane.filter_input.as_ref().map_or("", Input::text);
    match expression(text) {
        Ok(filter) => pane.set_filter(filter),
        Err(why) => pane.filter_error = Some(why),
    }
}

/// Asks for the file that the lines are written to.
pub(super) fn ask_file(model: &mut Model) {
    let Some(of) = &model.detail_pane.logs.of else {
        return;
    };
    let n = model.detail_pane.logs.n_shown();
    let text = vec![format!("A new file for the {n} lines that are shown:")];
    let mut prompt = Prompt::new(PromptKind::SaveLog, "Save the log", text);
    // The second save of a day finds a name that is free too.
    let at = model.now.strftime("%Y%m%dT%H%M%SZ");
    prompt.input = Input::with_text(&format!("{}-{at}.log", of.id));
    model.popup = Some(Popup::Prompt(prompt));
}

/// Writes the lines that are shown to the file that was typed.
pub(super) fn save(model: &mut Model, name: &str) -> Result<Vec<Effect>, String> {
    if name.is_empty() {
        return Err("a file needs a name".to_owned());
    }
    model.popup = None;
    let text = model.detail_pane.logs.to_text();
    let path = PathBuf::from(name);
    Ok(vec![Effect::SaveLog { path, text }])
}

pub(super) fn on_saved(
    model: &mut Model,
    path: &std::path::Path,
    result: Result<(), Failure>,
) -> Vec<Effect> {
    match result {
        Ok(()) => model.tell(format!("Saved {}.", path.display())),
        // Another name is what it mostly takes.
        Err(failure) if model.popup.is_none() && model.place() == Place::Logs => {
            ask_file(model);
            if let Some(Popup::Prompt(prompt)) = &mut model.popup {
                prompt.input = Input::with_text(&path.to_string_lossy());
                prompt.error = Some(failure.summary);
            }
        }
        Err(failure) => model.complain(failure.summary),
    }
    Vec::new()
}
