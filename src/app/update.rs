//! Routes what happened to what it concerns; each arm is one function.

mod actions;
mod adjustments;
mod adoption;
mod assist;
mod bulk;
mod changes;
mod cluster;
mod concerned;
mod contexts;
mod definitions;
mod ended;
mod filtering;
mod forwards;
mod ground;
mod history;
mod imports;
mod keys;
mod listening;
mod logs;
mod merging;
mod mouse;
mod moving;
mod nodes;
mod objects;
mod operations;
mod palette;
mod popups;
mod pulls;
mod resuming;
mod retained;
mod reviews;
mod rights;
mod routes;
mod searching;
mod secrets;
mod shells;
mod stopping;
mod teardowns;
#[cfg(test)]
mod tests;
mod undo;
mod usage;
mod waiting;
mod watching;
mod wording;

use std::time::Duration;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::definition::id::InstanceId;

use super::effect::Effect;
use super::model::Model;
use super::msg::Msg;
use super::place::Place;
use super::popup::Popup;
use super::screen::Screen;
use super::search::TextSearch;

pub(in crate::app) use listening::listening;
pub(in crate::app) use merging::live_instance;
pub(in crate::app) use objects::due as objects_due;
pub(in crate::app) use stopping::stoppable;
pub(in crate::app) use waiting::can_give_up;

/// Begins: connects, lists the catalogue, and opens a definition where one is named.
pub fn begin(model: &mut Model, open: Option<InstanceId>) -> Vec<Effect> {
    let context = model.session.wanted_context.clone();
    let mut effects = cluster::connect(model, context);
    effects.push(Effect::ListCatalogue);
    if let Some(name) = open {
        model.services.sought = Some(name.clone());
        effects.extend(definitions::edit(model, name, None));
    }
    waiting::follow(model, effects)
}

/// Follows the selection after it may have moved, by a key or with its row. To be called before drawing.
pub fn follow_selection(model: &mut Model) -> Vec<Effect> {
    let effects = cluster::follow_selection(model);
    waiting::follow(model, effects)
}

/// Takes something that happened; returns what should be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    // Whoever points at a picture means what is in it, and neither a row that a key led to nor a question that came since.
    if let Msg::Key(_) = msg {
        model.hits.keep_parts();
    }
    let before = model.popup.as_ref().map(Popup::outline);
    let in_front = |model: &Model| (model.screens.len(), model.place(), model.detail_pane.tab);
    let front = in_front(model);
    model.waits.end(&msg);
    let is_ground = matches!(msg, Msg::Overview { .. } | Msg::DefinitionOpened { .. });
    let mut effects = route(model, msg);
    if is_ground {
        ground::follow(model);
    }
    effects.extend(retained::follow(model));
    logs::follow_view(model);
    listening::follow(model, &mut effects);
    // What was looked for was looked for in the text that was in front, and rows are filtered where they are.
    if in_front(model) != front {
        model.search = TextSearch::default();
        model.row_filter = None;
    }
    filtering::follow(model);
    definitions::ask_of_draft(model);
    if model.popup.as_ref().map(Popup::outline) != before {
        model.hits.clear();
    }
    waiting::follow(model, effects)
}

fn route(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Tick { now, clock } => on_tick(model, now, clock),
        Msg::Key(key) => {
            let hint = model.hints.on_key(model.place());
            let mut effects = keys::on_key(model, key);
            effects.extend(hint.map(Effect::RememberHint));
            effects
        }
        // Nobody points at what is not in sight.
        Msg::Mouse(_) if !model.is_seen() => Vec::new(),
        Msg::Mouse(event) => mouse::on_mouse(model, event),
        // It may be a secret, and is not left lying about.
        Msg::Paste(text) => keys::on_paste(model, &Zeroizing::new(text)),
        Msg::Resized { columns, rows } => {
            model.size = (columns, rows);
            Vec::new()
        }
        Msg::Resumed => vec![Effect::Redraw],
        Msg::TaskFailed(sentence) => {
            model.complain(sentence);
            Vec::new()
        }
        Msg::Connected {
            epoch,
            context,
            cluster,
            namespace,
            has_context,
            is_insecure,
            guard,
        } => {
            if epoch == model.session.epoch {
                model.session.has_context = has_context;
            }
            let held = (is_insecure, guard);
            cluster::on_connected(model, epoch, (context, cluster), namespace, held)
        }
        Msg::ClusterIdentified { epoch, uid } => cluster::on_identified(model, epoch, uid),
        Msg::ConnectFailed { epoch, failure } => cluster::on_connect_failed(model, epoch, failure),
        Msg::Overview { epoch, event } => cluster::on_overview(model, epoch, event),
        Msg::InstanceEvent { epoch, key, event } => {
            cluster::on_instance_event(model, epoch, &key, event)
        }
        Msg::Learnt { epoch, learnt } => {
            if epoch == model.session.epoch {
                let now = model.clock;
                let is_more = !learnt.documents.is_empty();
                model.knowledge.take(learnt);
                if let Some(pane) = model.editor_mut().filter(|_| is_more) {
                    pane.check_again(now);
                }
            }
            Vec::new()
        }
        Msg::NamespacesListed { epoch, result } => contexts::on_namespaces(model, epoch, result),
        Msg::WriteRightsTold { epoch, rights } => {
            if epoch == model.session.epoch {
                model.session.rights = rights;
            }
            Vec::new()
        }
        Msg::ProtectionTold { epoch, protection } => {
            if epoch == model.session.epoch {
                model.session.protection = Some(protection);
            }
            Vec::new()
        }
        Msg::LabelsSelected { op, result } => cluster::on_labels_selected(model, op, result),
        Msg::ContextsListed(result) => contexts::on_contexts(model, result),
        Msg::CatalogueListed(result) => definitions::on_listed(model, result),
        Msg::DefinitionShown { name, result } => {
            model.detail_pane.show_definition(&name, result);
            Vec::new()
        }
        Msg::DefinitionOpened { editor, result } => definitions::on_opened(model, editor, result),
        Msg::DefinitionCreated { name, result } => definitions::on_created(model, &name, result),
        Msg::Checked {
            editor,
            revision,
            diagnostics,
        } => {
            definitions::on_checked(model, editor, revision, diagnostics);
            assist::learn(model)
        }
        Msg::Previewed {
            editor,
            revision,
            result,
        } => {
            let now = model.clock;
            if let Some(pane) = model.editor_mut().filter(|pane| pane.id == editor) {
                pane.on_previewed(revision, result, now);
            }
            Vec::new()
        }
        Msg::Saved {
            editor,
            revision,
            answer,
        } => definitions::on_saved(model, editor, revision, answer),
        Msg::DraftKept {
            editor,
            revision: _,
            base,
            result,
        } => definitions::on_draft_kept(model, editor, &base, result),
        Msg::EditedElsewhere { editor, result } => {
            definitions::on_edited_elsewhere(model, editor, result)
        }
        Msg::LiveRead { editor, result } => merging::on_live(model, editor, result),
        Msg::PullPlanned { op, result } => pulls::on_planned(model, op, result),
        Msg::DefinitionWritten { op, name, answer } => pulls::on_written(model, op, &name, answer),
        Msg::Imported { op, name, result } => imports::on_imported(model, op, name, result),
        Msg::CatalogueChanged => vec![Effect::ListCatalogue],
        Msg::DeployPlanned { op, result } => reviews::on_planned(model, op, result),
        Msg::SecretsWanted { op, questions } => secrets::on_wanted(model, op, questions),
        Msg::TeardownPlanned { op, key, result } => teardowns::on_planned(model, op, &key, result),
        Msg::AdjustmentPlanned { op, key, result } => {
            adjustments::on_planned(model, op, &key, result)
        }
        Msg::AdoptPlanned { op, result } => adoption::on_planned(model, op, result),
        Msg::RoutesPlanned { op, result } => routes::on_planned(model, op, result),
        Msg::RestPlanned { op, key, result } => resuming::on_planned(model, op, &key, result),
        Msg::Progressed { op, progress } => {
            if let Some(operation) = model.operations.get_mut(&op) {
                operation.on_progress(progress);
            }
            Vec::new()
        }
        Msg::Finished { op, outcome } => ended::on_finished(model, op, outcome),
        Msg::HistoryRead { op, result } => {
            model.detail_pane.history.on_read(op, result);
            Vec::new()
        }
        Msg::ChangesRead { op, result } => {
            model.detail_pane.changes.on_read(op, result);
            Vec::new()
        }
        Msg::ObjectsPrinted {
            op,
            objects,
            remarks,
        } => {
            model.is_stale |= model.detail_pane.objects.on_printed(op, (objects, remarks));
            Vec::new()
        }
        Msg::RevisionsCompared { op, result } => history::on_compared(model, op, result),
        Msg::TrashListed { epoch, items } => reviews::on_trash(model, epoch, items),
        Msg::PodUsageRead { op, result } => usage::on_pods(model, op, result),
        Msg::ClaimUsageRead { op, result } => usage::on_claims(model, op, result),
        Msg::RightsTold {
            epoch,
            namespace,
            result,
        } => rights::on_told(model, epoch, namespace, result),
        Msg::NodesRead { op, result } => nodes::on_read(model, op, result),
        Msg::PortsListed { op, result } => forwards::on_listed(model, op, result),
        Msg::ForwardBegan { op, result } => forwards::on_began(model, op, result),
        Msg::Forwarding { op, event, traffic } => forwards::on_event(model, op, event, traffic),
        Msg::ShellOpened { op, result } => shells::on_opened(model, op, result),
        Msg::ShellEnded {
            op,
            is_used,
            result,
        } => shells::on_ended(model, op, is_used, result),
        Msg::Logged {
            op,
            events,
            is_over,
        } => logs::on_logged(model, op, events, is_over),
        Msg::LogSaved { path, result } => logs::on_saved(model, &path, result),
    }
}

fn on_tick(model: &mut Model, now: Timestamp, clock: Duration) -> Vec<Effect> {
    (model.now, model.clock) = (now, clock);
    if model
        .status
        .as_ref()
        .is_some_and(|status| status.until <= clock)
    {
        model.status = None;
    }
    if model.fleet.next_refresh().is_some_and(|at| at <= now) && model.fleet.refresh(now) {
        model.is_stale = true;
    }
    if matches!(model.screens.last(), Some(Screen::Operations)) {
        model.is_stale = true;
    }
    let mut effects = cluster::on_tick(model);
    let namespace = model.session.namespace().cloned();
    let schemas = model.knowledge.known().documents.clone();
    let is_connected = model.is_live();
    let is_in_front = model.place() == Place::Editor;
    if let Some(pane) = model.editor_mut() {
        effects.extend(pane.on_tick(clock, namespace.as_ref(), &schemas));
        if pane.take_outrun() {
            effects.push(Effect::StopPreview);
        }
        if is_in_front {
            let place = (namespace.as_ref(), &schemas);
            effects.extend(pane.ask_preview(is_connected, place, clock));
        }
    }
    effects
}
