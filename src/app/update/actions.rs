//! What each action does.

use crate::app::action::{Action, Place};
use crate::app::availability::availability;
use crate::app::effect::Effect;
use crate::app::input::Input;
use crate::app::model::{Focus, Model, Screen};
use crate::app::panes::detail::Tab;
use crate::app::panes::editor::AfterSave;
use crate::app::panes::forwards::Forward;
use crate::app::panes::logs::Whose;
use crate::app::panes::services::RowKey;
use crate::app::popup::Popup;
use crate::app::table::{Table, Value};
use crate::editor::merge::{Decision, Side};
use crate::editor::{Command, Motion};

use super::{
    adjustments, adoption, assist, bulk, changes, cluster, concerned, definitions, forwards,
    history, imports, keys, logs, merging, nodes, operations, popups, pulls, resuming, reviews,
    routes, shells, stopping, teardowns, undo, waiting, watching, wording,
};

/// Performs an action, or says why it cannot be.
pub(super) fn perform(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Err(why) = availability(action, model) {
        model.decline(format!("Not possible: {why}."));
        return Vec::new();
    }
    match action {
        Action::Down => move_by(model, 1),
        Action::Up => move_by(model, -1),
        Action::Top => move_by(model, isize::MIN / 2),
        Action::Bottom => move_by(model, isize::MAX / 2),
        Action::HalfPageDown => move_by(model, half_page(model)),
        Action::HalfPageUp => move_by(model, -half_page(model)),
        Action::ScrollDown => scroll_by(model, half_page(model)),
        Action::ScrollUp => scroll_by(model, -half_page(model)),
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
        Action::Apply if model.services.table.marks().len() > 1 => bulk::show(model),
        Action::Apply => reviews::review_selected(model, false),
        Action::ApplyAs => reviews::ask_id(model),
        Action::Difference if model.place() == Place::History => history::compare(model, true),
        Action::Difference if model.place() == Place::Bulk => bulk::review_one(model),
        Action::Difference => reviews::review_selected(model, true),
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
            logs::shift(model, action == Action::Right);
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
                _ => {
                    let present = Input::with_text(&model.services.filter_text);
                    model.services.filter = Some(present);
                    model.services.selected_before = model.services.table.selected().cloned();
                }
            }
            Vec::new()
        }
        Action::Sort => sort(model, false),
        Action::ReverseSort => sort(model, true),
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
        Action::Values => {
            wording::ask_values(model);
            Vec::new()
        }
        Action::Save => save(model),
        Action::Review => operations::save_and_review(model),
        Action::Search | Action::Replace => {
            let now = model.clock;
            if let Some(pane) = model.editor_mut() {
                pane.start_search(action == Action::Replace, now);
            }
            Vec::new()
        }
        Action::NextProblem => keys::editor_command(model, Command::NextProblem),
        Action::PreviousProblem => keys::editor_command(model, Command::PreviousProblem),
        Action::Context => popups::ask_context(model),
        Action::Namespace => popups::ask_namespace(model),
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
        Action::Menu => popups::open_menu(model),
        Action::Palette => popups::open_palette(model),
        Action::Complete => assist::complete(model),
        Action::TogglePreview => {
            let is_seen = model.geometry.preview;
            if let Some(pane) = model.editor_mut() {
                pane.preview.toggle(is_seen > 0);
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

fn half_page(model: &Model) -> isize {
    isize::try_from(model.geometry.list_height / 2)
        .unwrap_or(1)
        .max(1)
}

pub(super) fn move_by(model: &mut Model, rows: isize) -> Vec<Effect> {
    match model.place() {
        Place::Services => {
            model.services.sought = None;
            model.services.table.move_by(rows);
            cluster::follow_selection(model)
        }
        Place::Detail | Place::Logs | Place::History => {
            move_in_detail(model, rows);
            Vec::new()
        }
        Place::Claims => {
            model.claims.table.move_by(rows);
            Vec::new()
        }
        Place::Forwards => {
            model.forwards.table.move_by(rows);
            Vec::new()
        }
        Place::Nodes => {
            model.nodes.table.move_by(rows);
            Vec::new()
        }
        Place::Operations => {
            model.operations_pane.table.move_by(rows);
            Vec::new()
        }
        Place::Review => {
            if let Some(Screen::Review(pane)) = model.screens.last_mut() {
                pane.move_by(rows);
            }
            Vec::new()
        }
        Place::Bulk => {
            if let Some(Screen::Bulk(pane)) = model.screens.last_mut() {
                pane.move_by(rows);
            }
            Vec::new()
        }
        Place::Merge => {
            let height = model.geometry.list_height;
            if let Some(Screen::Merge(pane)) = model.screens.last_mut() {
                pane.move_by(rows, height);
            }
            Vec::new()
        }
        Place::Teardown
        | Place::Adjust
        | Place::Adopt
        | Place::Routes
        | Place::Pull
        | Place::Comparison
        | Place::Changes => scroll_by(model, rows),
        Place::Log => {
            let last = model.log.len().saturating_sub(1);
            if let Some(Screen::Log { selected }) = model.screens.last_mut() {
                *selected = selected.saturating_add_signed(rows).min(last);
            }
            Vec::new()
        }
        Place::Progress => scroll_by(model, rows),
        Place::Editor => Vec::new(),
    }
}

fn move_in_detail(model: &mut Model, rows: isize) {
    match model.detail_pane.tab {
        Tab::Logs => return logs::move_by(model, rows),
        Tab::History => return model.detail_pane.history.table.move_by(rows),
        Tab::Pods | Tab::Volumes | Tab::Events | Tab::Objects | Tab::Definition => {}
    }
    if let Some(table) = model.detail_pane.table_mut() {
        table.move_by(rows);
        return;
    }
    let n_lines = rows.unsigned_abs();
    let motion = match (rows < 0, n_lines > 10_000) {
        (true, true) => Motion::TextStart,
        (false, true) => Motion::TextEnd,
        (true, false) => Motion::Up,
        (false, false) => Motion::Down,
    };
    model
        .detail_pane
        .scroll_definition(motion, if n_lines > 10_000 { 1 } else { n_lines });
}

/// Scrolls what scrolls, and moves by rows where there are only rows.
pub(super) fn scroll_or_move_by(model: &mut Model, rows: isize) -> Vec<Effect> {
    match model.place() {
        Place::Review | Place::Merge => scroll_by(model, rows),
        _ => move_by(model, rows),
    }
}

fn scroll_by(model: &mut Model, lines: isize) -> Vec<Effect> {
    match model.screens.last_mut() {
        Some(Screen::Review(pane)) => pane.scroll_by(lines),
        Some(Screen::Teardown(pane)) => {
            let last = pane
                .ready()
                .map(|plan| plan.rows.len() + 2)
                .sum::<usize>()
                .saturating_sub(1);
            pane.scroll = pane.scroll.saturating_add_signed(lines).min(last);
        }
        // How far these go is known once they are drawn.
        Some(Screen::Adjust(pane)) => pane.scroll = pane.scroll.saturating_add_signed(lines),
        Some(Screen::Adopt(pane)) => pane.scroll = pane.scroll.saturating_add_signed(lines),
        Some(Screen::Routes(pane)) => pane.scroll = pane.scroll.saturating_add_signed(lines),
        Some(Screen::Pull(pane)) => pane.scroll = pane.scroll.saturating_add_signed(lines),
        Some(Screen::Bulk(pane)) => pane.move_by(lines),
        Some(Screen::Changes { scroll }) => *scroll = scroll.saturating_add_signed(lines),
        Some(Screen::Comparison(pane)) => pane.scroll_by(lines),
        Some(Screen::Merge(pane)) => pane.scroll_by(lines),
        Some(Screen::Claims) => model.claims.table.move_by(lines),
        Some(Screen::Forwards) => model.forwards.table.move_by(lines),
        Some(Screen::Nodes) => model.nodes.table.move_by(lines),
        Some(Screen::Operations) => model.operations_pane.table.move_by(lines),
        Some(Screen::Detail) => move_in_detail(model, lines),
        None if model.focus == Focus::Detail => move_in_detail(model, lines),
        None => {
            model.services.table.move_by(lines);
            return cluster::follow_selection(model);
        }
        Some(Screen::Log { .. }) => return move_by(model, lines),
        Some(Screen::Progress { n_below, .. }) => {
            *n_below = n_below.saturating_add_signed(lines.saturating_neg());
        }
        Some(Screen::Editor(pane)) => {
            let page = isize::try_from(model.geometry.preview / 2).unwrap_or(1);
            pane.preview.scroll_by(lines.signum() * page.max(1));
        }
    }
    Vec::new()
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
            Ok(name) => definitions::edit(model, name),
            Err(_) => Vec::new(),
        };
    };
    let Some(definition) = pane.source.definition() else {
        return Vec::new();
    };
    let name = definition.name.clone();
    model.screens.pop();
    match model.screens.last() {
        Some(Screen::Editor(_)) => Vec::new(),
        _ => definitions::edit(model, name),
    }
}

/// Closes what is in front; on the first screen it gives the focus back, then takes marks and filter off.
fn back(model: &mut Model) -> Vec<Effect> {
    if let Some(effects) = waiting::give_up(model) {
        return effects;
    }
    if stopping::ask_before_leaving(model) {
        return Vec::new();
    }
    match model.screens.last() {
        Some(Screen::Editor(_)) => definitions::ask_to_leave(model),
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

fn sort(model: &mut Model, is_reversal: bool) -> Vec<Effect> {
    match model.place() {
        Place::Services => sort_table(&mut model.services.table, is_reversal),
        Place::Detail => {
            if let Some(table) = model.detail_pane.table_mut() {
                sort_table(table, is_reversal);
            }
        }
        Place::History => sort_table(&mut model.detail_pane.history.table, is_reversal),
        Place::Claims => sort_table(&mut model.claims.table, is_reversal),
        Place::Forwards => sort_table(&mut model.forwards.table, is_reversal),
        Place::Nodes => sort_table(&mut model.nodes.table, is_reversal),
        Place::Operations => sort_table(&mut model.operations_pane.table, is_reversal),
        Place::Editor
        | Place::Logs
        | Place::Review
        | Place::Teardown
        | Place::Adjust
        | Place::Adopt
        | Place::Bulk
        | Place::Routes
        | Place::Pull
        | Place::Comparison
        | Place::Merge
        | Place::Changes
        | Place::Progress
        | Place::Log => {}
    }
    Vec::new()
}

fn sort_table<K: Clone + Ord>(table: &mut Table<K>, is_reversal: bool) {
    if is_reversal {
        table.reverse();
    } else {
        table.sort_by_next();
    }
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
    model.tell(format!("Copied: {text}"));
    vec![Effect::Copy(text)]
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
