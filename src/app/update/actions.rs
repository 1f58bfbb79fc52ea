//! What each action does.

use crate::app::action::Action;
use crate::app::availability::availability;
use crate::app::effect::Effect;
use crate::app::input::Input;
use crate::app::model::Model;
use crate::app::panes::detail::Tab;
use crate::app::panes::editor::AfterSave;
use crate::app::panes::forwards::Forward;
use crate::app::panes::logs::Whose;
use crate::app::panes::services::RowKey;
use crate::app::place::Place;
use crate::app::popup::Popup;
use crate::app::screen::{Focus, Screen};
use crate::app::table::Value;
use crate::editor::Command;
use crate::editor::merge::{Decision, Side};
use crate::service::summary::InstanceKey;
use crate::text::bytes;

use super::{
    adjustments, adoption, assist, bulk, changes, cluster, concerned, contexts, definitions,
    filtering, forwards, history, imports, keys, listening, logs, merging, moving, nodes,
    operations, palette, popups, pulls, resuming, reviews, routes, searching, secrets, shells,
    stopping, teardowns, undo, waiting, watching, wording,
};

/// Most bytes that go to the terminal's clipboard: many terminals drop a longer sequence without a word, and all of it is
/// written before the next picture.
const MAX_COPIED: usize = 64 * 1024;
/// Seconds of a slow link that a copy takes at most: nothing is drawn meanwhile.
const MAX_SECONDS: usize = 2;
/// From how many bytes on a copy tells its size.
const TOLD_FROM: usize = 1000;

/// Performs an action, or says why it cannot be.
pub(super) fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Err(why) = availability(action, model) {
        let file = match action {
            Action::Teardown => teardowns::undeployed_file(model),
            _ => None,
        };
        let file = file.map_or_else(String::new, |path| {
            format!(" Its definition, the file {path}, stays.")
        });
        model.decline(format!("Not possible: {why}.{file}"));
        return Vec::new();
    }
    match action {
        Action::Down => moving::move_by(model, 1),
        Action::Up => moving::move_by(model, -1),
        Action::Top => moving::move_by(model, isize::MIN / 2),
        Action::Bottom => moving::move_by(model, isize::MAX / 2),
        Action::PageDown => moving::page_by(model, 1),
        Action::PageUp => moving::page_by(model, -1),
        Action::HalfPageDown => moving::move_by(model, moving::half_page(model)),
        Action::HalfPageUp => moving::move_by(model, -moving::half_page(model)),
        Action::ScrollDown => moving::scroll_lower_part(model, moving::half_scroll(model)),
        Action::ScrollUp => moving::scroll_lower_part(model, -moving::half_scroll(model)),
        Action::Open => open(model),
        Action::Back => back(model),
        Action::NextPane => {
            model.focus = match model.focus {
                Focus::Services => Focus::Detail,
                Focus::Detail => Focus::Services,
            };
            Vec::new()
        }
        Action::ShowTab(tab) => {
            model.detail_pane.tab = tab;
            if tab == Tab::History {
                model.detail_pane.history.read_anew();
            }
            if model
                .detail_pane
                .events_of
                .take_if(|_| tab == Tab::Events)
                .is_some()
            {
                model.is_stale = true;
            }
            cluster::follow_selection(model)
        }
        Action::Fold => {
            model.detail_pane.objects.fold();
            model.is_stale = true;
            Vec::new()
        }
        Action::New => popups::ask_template(model),
        Action::Edit => edit(model),
        Action::Apply if model.services.table.marks().len() > 1 => bulk::show_marked(model),
        Action::Apply => reviews::review_target(model, false),
        Action::ApplyAs => reviews::ask_id(model),
        Action::Difference if model.place() == Place::History => history::compare(model, true),
        Action::Difference if model.place() == Place::Bulk => bulk::review_one(model),
        Action::Difference => reviews::review_target(model, true),
        Action::Compare => history::compare(model, false),
        Action::Changes => changes::show(model),
        Action::Pull => pulls::show(model),
        Action::Teardown => teardowns::show_fate(model),
        Action::Release => teardowns::show_release(model),
        Action::ScaleUp => adjustments::scale_by(model, 1),
        Action::ScaleDown => adjustments::scale_by(model, -1),
        Action::Scale => {
            adjustments::ask_replicas(model);
            Vec::new()
        }
        Action::Restart => adjustments::restart(model),
        Action::Rollback => {
            let history = &model.detail_pane.history;
            let is_chosen = model.place() == Place::History;
            let to = is_chosen.then(|| history.target().ok()).flatten();
            reviews::review_rollback(model, to)
        }
        Action::Resume => resuming::resume(model, false),
        Action::TakeOver if model.place() == Place::Progress => listening::ask(model),
        Action::TakeOver => resuming::resume(model, true),
        Action::Restore => reviews::ask_what_to_restore(model),
        Action::Undo => undo::undo(model),
        Action::Prune => teardowns::show_expired(model),
        Action::UpdateRoutes => routes::show(model),
        Action::Import => imports::ask(model),
        Action::Adopt => adoption::show(model),
        Action::Agree => {
            reviews::ask_to_agree(model);
            Vec::new()
        }
        Action::Logs => logs::open(model, false, Whose::All),
        Action::PreviousLogs if model.place() == Place::Logs => logs::toggle_previous(model),
        Action::PreviousLogs => logs::open(model, true, Whose::All),
        Action::Follow => {
            let drawn = model.geometry.logs;
            model.detail_pane.logs.toggle_following(drawn);
            Vec::new()
        }
        Action::Wrap => {
            model.detail_pane.logs.wraps ^= true;
            Vec::new()
        }
        Action::Timestamps => {
            model.detail_pane.logs.has_timestamps ^= true;
            Vec::new()
        }
        Action::Forward => forwards::ask_port(model),
        Action::Forwards => forwards::show(model),
        Action::Nodes => nodes::show(model),
        Action::StopForward => forwards::stop(model),
        Action::Concerned => concerned::go(model),
        Action::Shell => shells::open(model),
        Action::PodLogs => logs::open_of_pod(model),
        Action::LogSince => {
            logs::ask_since(model);
            Vec::new()
        }
        Action::LogsOf => {
            logs::ask_whose(model);
            Vec::new()
        }
        Action::Matches => {
            model.detail_pane.logs.toggle_others();
            Vec::new()
        }
        Action::Left | Action::Right => {
            let is_right = action == Action::Right;
            match model.place() {
                Place::Logs => logs::shift(model, is_right),
                _ => model.detail_pane.shift_definition(is_right),
            }
            Vec::new()
        }
        Action::SaveLog => {
            logs::ask_file(model);
            Vec::new()
        }
        Action::Mark => mark(model),
        Action::ClearMarks => {
            match model.place() {
                Place::History => model.detail_pane.history.table.clear_marks(),
                _ => model.services.table.clear_marks(),
            }
            Vec::new()
        }
        Action::Filter => {
            match model.place() {
                Place::Logs => logs::ask_filter(model),
                place if place != Place::Services => filtering::ask(model),
                _ => {
                    let present = Input::with_text(&model.services.filter_text);
                    model.services.filter = Some(present);
                    model.services.selected_before = model.services.table.selected().cloned();
                }
            }
            Vec::new()
        }
        Action::Sort => {
            if let Some(table) = model.table_mut() {
                table.sort_by_next();
            }
            Vec::new()
        }
        Action::ReverseSort => {
            if let Some(table) = model.table_mut() {
                table.reverse();
            }
            Vec::new()
        }
        Action::Copy => copy(model),
        Action::TakeMine => merging::decide(model, Decision::Take(Side::Mine)),
        Action::TakeTheirs => merging::decide(model, Decision::Take(Side::Theirs)),
        Action::TakeBoth => merging::decide(model, Decision::Both),
        Action::ByHand => merging::decide(model, Decision::ByHand),
        Action::EditElsewhere => definitions::edit_elsewhere(model),
        Action::TakeLive => merging::read_live(model),
        Action::Confirm if model.place() == Place::Merge => merging::take(model),
        Action::Confirm => {
            operations::confirm(model);
            Vec::new()
        }
        Action::ChooseVolumes => {
            teardowns::ask_volumes(model);
            Vec::new()
        }
        Action::Replan => operations::replan(model),
        Action::Message => {
            wording::ask_message(model);
            Vec::new()
        }
        Action::Secrets => {
            secrets::ask_all(model);
            Vec::new()
        }
        Action::Values => {
            wording::ask_values(model);
            Vec::new()
        }
        Action::Save => save(model),
        Action::Review => operations::save_and_review(model),
        Action::Search if model.place() != Place::Editor => searching::ask(model),
        Action::NextMatch | Action::PreviousMatch if model.place() == Place::Logs => {
            logs::go_to_match(model, action == Action::NextMatch);
            Vec::new()
        }
        Action::NextMatch => searching::go(model, 1),
        Action::PreviousMatch => searching::go(model, -1),
        Action::Search | Action::Replace => {
            let now = model.clock;
            if let Some(pane) = model.editor_mut() {
                pane.start_search(action == Action::Replace, now);
            }
            Vec::new()
        }
        Action::NextProblem => keys::editor_command(model, Command::NextProblem),
        Action::PreviousProblem => keys::editor_command(model, Command::PreviousProblem),
        Action::Context => contexts::ask_context(model),
        Action::Namespace => contexts::ask_namespace(model),
        Action::Claims => {
            model.screens.push(Screen::Claims);
            model.is_stale = true;
            Vec::new()
        }
        Action::Operations => watching::show(model),
        Action::Watch => watching::watch(model),
        Action::Stop => stopping::ask(model),
        Action::Log => {
            model.screens.push(Screen::Log { selected: 0 });
            Vec::new()
        }
        Action::Menu => palette::open_menu(model),
        Action::Palette => palette::open_palette(model),
        Action::Complete => assist::complete(model),
        Action::TogglePreview => {
            let is_seen = model.geometry.difference > 0;
            if let Some(pane) = model.editor_mut() {
                pane.preview.toggle(is_seen);
            }
            Vec::new()
        }
        Action::Help if assist::tell_of_field(model) => Vec::new(),
        Action::Help => {
            model.popup = Some(Popup::Help { top: 0 });
            Vec::new()
        }
        Action::Refresh => {
            let mut effects = vec![Effect::Redraw, Effect::ListCatalogue];
            effects.extend(cluster::try_now(model));
            effects.extend(cluster::ask_labels(model));
            effects
        }
        Action::Suspend => vec![Effect::Suspend],
        Action::Quit => operations::quit(model),
    }
}

fn mark(model: &mut Model) -> Vec<Effect> {
    if model.place() == Place::History {
        model.detail_pane.history.table.toggle_mark();
        return Vec::new();
    }
    model.services.table.toggle_mark();
    cluster::follow_selection(model)
}

fn open(model: &mut Model) -> Vec<Effect> {
    if !matches!(model.screens.last(), Some(Screen::Detail)) {
        if model.selected_instance().is_none() {
            model.detail_pane.tab = Tab::Definition;
        }
        model.screens.push(Screen::Detail);
    }
    cluster::follow_selection(model)
}

/// Opens the definition that is selected, or reviewed; a review of what is being edited goes back there.
fn edit(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Review(pane)) = model.screens.last() else {
        return match model.definition_of_selection() {
            Ok(name) => {
                let selected = model.services.table.selected();
                let instance = selected.and_then(RowKey::instance).cloned();
                definitions::edit(model, name, instance)
            }
            Err(_) => Vec::new(),
        };
    };
    let Some(definition) = pane.source.definition() else {
        return Vec::new();
    };
    let (name, id) = (definition.name.clone(), definition.id.clone());
    let namespace = definition.namespace.clone();
    model.screens.pop();
    match model.screens.last() {
        Some(Screen::Editor(_)) => Vec::new(),
        _ => {
            let instance = namespace.map(|namespace| InstanceKey { namespace, id });
            definitions::edit(model, name, instance)
        }
    }
}

/// Closes what is in front, after the filter of rows or of a log was taken off; on the first screen it gives the focus back, then takes
/// marks and filter off.
fn back(model: &mut Model) -> Vec<Effect> {
    if let Some(effects) = waiting::give_up(model) {
        return effects;
    }
    if searching::give_up(model) {
        return Vec::new();
    }
    if model.place() != Place::Services && filtering::take_off(model) {
        return Vec::new();
    }
    if stopping::ask_before_leaving(model) {
        return Vec::new();
    }
    let is_among_events = model.place() == Place::Detail && model.detail_pane.tab == Tab::Events;
    if is_among_events && model.detail_pane.events_of.take().is_some() {
        model.is_stale = true;
        return Vec::new();
    }
    if model.place() == Place::Logs && model.detail_pane.logs.filter.is_some() {
        model.detail_pane.logs.set_filter(None);
        return Vec::new();
    }
    if let Some(Screen::Editor(pane)) = model.screens.last_mut()
        && pane.end_filling()
    {
        return Vec::new();
    }
    match model.screens.last() {
        Some(Screen::Editor(_)) => return definitions::ask_to_leave(model),
        Some(_) => {
            model.screens.pop();
        }
        None if model.focus == Focus::Detail => model.focus = Focus::Services,
        None if !model.services.filter_text.is_empty() => {
            model.is_stale |= model.services.set_filter("");
            return cluster::follow_selection(model);
        }
        None => {
            model.status = None;
            model.services.table.clear_marks();
        }
    }
    Vec::new()
}

fn copy(model: &mut Model) -> Vec<Effect> {
    let text = match model.screens.last() {
        Some(Screen::Log { selected }) => model
            .log
            .iter()
            .rev()
            .nth(*selected)
            .map(|entry| entry.command.clone()),
        Some(Screen::Claims) => model.claims.table.selected().map(|(_, name)| name.clone()),
        Some(Screen::Forwards) => model.forwards.selected().and_then(Forward::url),
        _ if model.place() == Place::Detail => selected_name(model),
        _ if model.place() == Place::History => {
            let selected = model.detail_pane.history.table.selected();
            selected.map(|number| format!("r{number}"))
        }
        _ => {
            let selected = model.services.table.selected();
            selected.map(|key| url_of(model, key).unwrap_or_else(|| key.id().to_string()))
        }
    };
    let Some(text) = text else {
        model.decline("Not possible: there is nothing to copy.");
        return Vec::new();
    };
    let told = match text.lines().count() {
        0 | 1 => text.clone(),
        n_lines => format!("{n_lines} lines, {}", bytes(text.len() as u64)),
    };
    let copy = to_clipboard(model, text, "Not possible");
    if copy.is_some() {
        model.tell(format!("Copied: {told}"));
    }
    copy.into_iter().collect()
}

/// Returns the effect that puts a text on the terminal's clipboard; none for one that is too long, and says so after what
/// that means.
pub(super) fn to_clipboard(model: &mut Model, text: String, otherwise: &str) -> Option<Effect> {
    let size = bytes(text.len() as u64);
    if text.len() > MAX_COPIED {
        let sentence = "the terminal's clipboard takes at most 64 KiB";
        model.decline(format!("{otherwise}: {sentence}.{}", where_it_is(model)));
        return None;
    }
    // It is sent in Base64.
    let n_sent = text.len().div_ceil(3) * 4;
    let budget = model.traffic.budget.and_then(|it| usize::try_from(it).ok());
    if let Some(budget) = budget.filter(|budget| n_sent > budget * MAX_SECONDS) {
        let seconds = n_sent / budget;
        let allowed = bytes(budget as u64);
        let sentence = format!("its {size} would hold this link, of {allowed}/s, for {seconds}s");
        model.decline(format!("{otherwise}: {sentence}.{}", where_it_is(model)));
        return None;
    }
    if text.len() >= TOLD_FROM {
        model.tell(format!("Copied {size}."));
    }
    Some(Effect::Copy(text))
}

/// Says where the text that is shown is to be found, where it is that of a file.
fn where_it_is(model: &Model) -> String {
    let shown = model.detail_pane.definition.as_ref();
    let shown = shown
        .filter(|_| model.place() == Place::Detail && model.detail_pane.tab == Tab::Definition);
    let dir = model.catalogue.dir.as_ref();
    let path = shown
        .zip(dir)
        .map(|(it, dir)| dir.join(format!("{}.yaml", it.name)));
    path.map_or_else(String::new, |path| {
        format!(" It is the file {}.", path.display())
    })
}

/// Returns where an instance is opened from outside, as far as its detail tells.
fn url_of(model: &Model, selected: &RowKey) -> Option<String> {
    let detail = model.detail.as_ref()?;
    let is_its = matches!(selected, RowKey::Instance(key) if key == detail.key());
    let addresses = detail.addresses(None).into_iter();
    addresses
        .filter(|it| is_its && it.is_usable())
        .map(|it| it.address)
        .next()
}

/// Returns the name of what is selected in the tab in front; of the definition its text.
fn selected_name(model: &Model) -> Option<String> {
    let column = if model.detail_pane.tab == Tab::Objects {
        1
    } else {
        0
    };
    match model.detail_pane.table() {
        Some(table) if model.detail_pane.tab == Tab::Events => {
            table.selected_row().and_then(|row| match row.cells.last() {
                Some(Value::Text(message)) => Some(message.clone()),
                _ => None,
            })
        }
        Some(table) => match table.selected_row()?.cells.get(column)? {
            Value::Text(name) => Some(name.clone()),
            _ => None,
        },
        None => match &model.detail_pane.definition.as_ref()?.text {
            Some(Ok(editor)) => Some(editor.text()),
            _ => None,
        },
    }
}

fn save(model: &mut Model) -> Vec<Effect> {
    let Some(pane) = model.editor_mut() else {
        return Vec::new();
    };
    if pane.unsaved().is_none() && !pane.is_changed_on_disk {
        model.tell("Nothing to save.");
        return Vec::new();
    }
    pane.save(AfterSave::Stay).into_iter().collect()
}
