//! Whether an action can be performed now, and if not why.

pub(super) mod shells;

use std::borrow::Cow;

use crate::engine::progress::Outcome;
use crate::engine::teardown::VOLUME_RELEASE;
use crate::engine::{adopt, routes};
use crate::service::health::State;
use crate::service::operation::Operation;
use crate::service::rights::PodRights;
use crate::service::summary::InstanceKey;

use super::action::Action;
use super::model::Model;
use super::msg::OpId;
use super::operation::{Operation as Own, OperationKind};
use super::panes::detail::Tab;
use super::panes::operations::OperationKey;
use super::panes::review::{Held, ReviewPane, ReviewPhase};
use super::panes::services::{WhatRuns, what_runs};
use super::panes::teardown::ALL_IS_KEPT;
use super::place::Place;
use super::screen::Screen;
use super::session::SessionLink;
use super::undo::Undo;

/// Tells whether an action can be performed now, and if not why: a sentence for the footer, the menu and the palette.
///
/// # Errors
/// The reason.
pub fn availability(action: Action, model: &Model) -> Result<(), Cow<'static, str>> {
    if action.writes() {
        needs_writable(model)?;
        needs_right(action, model)?;
    }
    let possible = match action {
        Action::Edit => match model.screens.last() {
            Some(Screen::Review(pane)) => of_catalogue(pane),
            _ => model.definition_of_selection().map(drop),
        },
        Action::Difference if model.place() == Place::History => {
            model.detail_pane.history.compared(true).map(drop)
        }
        Action::Compare => model.detail_pane.history.compared(false).map(drop),
        Action::Difference if model.place() == Place::Bulk => needs_connection(model),
        Action::Apply if model.services.table.marks().len() > 1 => {
            needs_connection(model)?;
            let rows = model.target_rows();
            let mut definitions = rows.into_iter().map(|row| model.definition_of(row));
            match definitions.any(|definition| definition.is_ok()) {
                true => Ok(()),
                false => Err("none of their definitions is in this catalogue"),
            }
        }
        Action::Apply | Action::ApplyAs | Action::Difference => {
            needs_connection(model)?;
            model.definition_of(model.one_target()?).map(drop)
        }
        Action::Undo => match model.undo.last() {
            None => Err("nothing was taken down or pulled in this session"),
            Some(Undo::Pull { .. }) => Ok(()),
            Some(Undo::Teardown { context, .. }) => {
                needs_writable(model)?;
                needs_connection(model)?;
                match *context == model.session.context {
                    true => Ok(()),
                    false => Err("the last teardown was in another context: go back to that one"),
                }
            }
        },
        Action::Prune => {
            needs_connection(model)?;
            match model.expired().is_empty() {
                true => Err("nothing that may be taken down has outlived its time"),
                false => Ok(()),
            }
        }
        Action::UpdateRoutes => {
            needs_connection(model)?;
            match model.deployed_targets().is_empty() {
                true => Err(nothing_deployed(model)),
                false => Ok(()),
            }
        }
        Action::Import => {
            needs_connection(model)?;
            match model.session.namespace() {
                None => Err("all namespaces are shown: choose one"),
                Some(_) => Ok(()),
            }
        }
        Action::Pull => {
            if model.place() == Place::Progress {
                scaled(model)?;
            }
            needs_connection(model)?;
            needs_deployed_target(model)?;
            model.definition_of(model.one_target()?).map(drop)
        }
        Action::Teardown => {
            needs_connection(model)?;
            if model.teardown_targets().is_empty() {
                Err(nothing_deployed(model))
            } else {
                Ok(())
            }
        }
        Action::ScaleUp | Action::ScaleDown | Action::Scale | Action::Restart => adjustable(model),
        Action::Rollback => rollbackable(model),
        Action::TakeOver if model.place() == Place::Progress => {
            super::update::listening(model).map(drop)
        }
        Action::Resume | Action::TakeOver => {
            needs_connection(model)?;
            resumable(model).map(drop)
        }
        Action::Adopt => adoptable(model),
        Action::Agree => match model.screens.last() {
            Some(Screen::Review(pane)) if !pane.open_offers().is_empty() => Ok(()),
            _ => Err("the plan offers nothing"),
        },
        Action::Restore | Action::Namespace | Action::Nodes => needs_connection(model),
        Action::Release => {
            needs_connection(model)?;
            match model.claims.selected_left() {
                Some(_) => Ok(()),
                None if model.is_selection_empty() => Err("no claim is selected"),
                None => Err("it is in use: take its instance down first"),
            }
        }
        Action::Logs | Action::PreviousLogs | Action::Changes => {
            needs_connection(model)?;
            needs_deployed(model)
        }
        Action::Concerned => return concerned(model),
        Action::Forward => {
            needs_connection(model)?;
            needs_deployed(model)?;
            needs_no_pod_filtered_away(model)?;
            match rights(model) {
                Some(rights) if !rights.may_forward => {
                    Err("you may not get and create pods/portforward here")
                }
                Some(_) | None => Ok(()),
            }
        }
        Action::Stop => return super::update::stoppable(model).map(drop),
        Action::Secrets => match model.screens.last() {
            Some(Screen::Review(pane)) if pane.plan().is_none() => Err("the plan is not there yet"),
            Some(Screen::Review(pane)) if pane.askable().next().is_some() => Ok(()),
            _ => Err("it asks for no secret"),
        },
        Action::Message => match model.screens.last() {
            Some(Screen::Review(pane)) if pane.changes_nothing() => Err("nothing would change"),
            _ => Ok(()),
        },
        Action::Values => match model.screens.last() {
            Some(Screen::Review(pane)) => {
                of_catalogue(pane)?;
                match pane.plan() {
                    Some(plan) if plan.parameters.is_empty() => {
                        Err("the definition has no parameters")
                    }
                    Some(_) | None => Ok(()),
                }
            }
            _ => Ok(()),
        },
        Action::StopForward if model.is_selection_empty() => {
            Err(match model.forwards.table.n_all() {
                0 => "nothing is forwarded",
                _ => "no forward passes the filter",
            })
        }
        Action::Shell => shell_can_be_had(model),
        Action::PodLogs => {
            needs_connection(model)?;
            return selected_pod(model);
        }
        Action::Matches | Action::NextMatch | Action::PreviousMatch
            if model.place() == Place::Logs && model.detail_pane.logs.filter.is_none() =>
        {
            let way = (Action::Filter, "asks for an expression");
            return Err(model.unless("nothing is filtered", &[way]));
        }
        Action::NextMatch | Action::PreviousMatch
            if model.place() != Place::Logs && model.search.pattern.is_none() =>
        {
            let way = (Action::Search, "asks for it");
            return Err(model.unless("nothing is looked for", &[way]));
        }
        Action::Left | Action::Right
            if model.place() == Place::Detail && model.detail_pane.tab != Tab::Definition =>
        {
            let way = (Action::ShowTab(Tab::Definition), "shows it");
            return Err(model.unless("only a definition has long lines to go along", &[way]));
        }
        Action::Left | Action::Right
            if model.place() == Place::Logs && model.detail_pane.logs.wraps =>
        {
            let way = (Action::Wrap, "cuts them");
            return Err(model.unless("long lines are wrapped", &[way]));
        }
        Action::SaveLog if model.detail_pane.logs.n_shown() == 0 => Err("no line is shown"),
        Action::ClearMarks if model.n_marks() == 0 => Err("nothing is marked"),
        Action::Mark | Action::Copy | Action::Open | Action::Watch
            if model.is_selection_empty() =>
        {
            Err("nothing is selected")
        }
        Action::TakeLive => {
            needs_connection(model)?;
            super::update::live_instance(model).map(drop)
        }
        Action::EditElsewhere => match model.editor() {
            // Once that is done the editor may be left, and nobody would take what comes back.
            Some(pane) if pane.saving.is_some() || pane.saving_as.is_some() => {
                Err("it is being saved")
            }
            Some(pane) if pane.editor().is_some() => Ok(()),
            _ => Err("the definition is not read yet"),
        },
        Action::Context if model.session.is_sandbox => {
            Err("the sandbox is the only cluster of this session")
        }
        Action::Confirm => return confirmable(model),
        Action::Review => return reviewable(model),
        Action::Fold if model.detail_pane.tab != Tab::Objects => {
            let way = (Action::ShowTab(Tab::Objects), "shows them");
            return Err(model.unless("only objects are folded", &[way]));
        }
        Action::Fold if !model.detail_pane.objects.is_foldable() => Err("nothing is below it"),
        Action::Open if matches!(model.screens.last(), Some(Screen::Detail)) => {
            Err("it is on the whole screen already")
        }
        Action::Filter if model.place() == Place::Detail && model.detail_pane.table().is_none() => {
            let way = (Action::Edit, "opens its text, which can be searched");
            return Err(model.unless("it has no rows to filter", &[way]));
        }
        Action::Sort | Action::ReverseSort
            if model.place() == Place::Detail && model.detail_pane.table().is_none() =>
        {
            Err("it has no columns to sort by")
        }
        Action::ShowTab(_) if model.services.table.selected().is_none() => {
            Err("nothing is selected")
        }
        Action::Down
        | Action::Up
        | Action::Top
        | Action::Bottom
        | Action::PageDown
        | Action::PageUp
        | Action::HalfPageDown
        | Action::HalfPageUp
        | Action::ScrollDown
        | Action::ScrollUp
        | Action::Open
        | Action::Back
        | Action::NextMatch
        | Action::PreviousMatch
        | Action::NextPane
        | Action::ShowTab(_)
        | Action::Fold
        | Action::New
        | Action::Mark
        | Action::ClearMarks
        | Action::Filter
        | Action::Sort
        | Action::ReverseSort
        | Action::Copy
        | Action::ChooseVolumes
        | Action::Replan
        | Action::Follow
        | Action::Wrap
        | Action::Timestamps
        | Action::Forwards
        | Action::StopForward
        | Action::LogSince
        | Action::LogsOf
        | Action::Matches
        | Action::Left
        | Action::Right
        | Action::SaveLog
        | Action::Save
        | Action::Search
        | Action::Replace
        | Action::Complete
        | Action::TogglePreview
        | Action::TakeMine
        | Action::TakeTheirs
        | Action::TakeBoth
        | Action::ByHand
        | Action::NextProblem
        | Action::PreviousProblem
        | Action::Context
        | Action::Claims
        | Action::Operations
        | Action::Watch
        | Action::Log
        | Action::Menu
        | Action::Palette
        | Action::Help
        | Action::Refresh
        | Action::Suspend
        | Action::Quit => Ok(()),
    };
    Ok(possible?)
}

/// Tells whether an action has a meaning for what is in front: what has none is not offered at all.
pub fn has_meaning(action: Action, model: &Model) -> bool {
    let pane = match model.screens.last() {
        Some(Screen::Progress(pane)) => pane,
        Some(Screen::Detail) => return action != Action::Open,
        _ => return true,
    };
    let is_of = |kind: OperationKind| {
        let mut ops = pane.ops.iter().filter_map(|op| model.operations.get(op));
        ops.any(|op| op.kind == kind)
    };
    match action {
        Action::Pull => is_of(OperationKind::Scale),
        Action::Restore | Action::Undo => is_of(OperationKind::Teardown),
        Action::TakeOver => super::update::listening(model).is_ok(),
        _ => true,
    }
}

/// Returns the operation of the selected instance that can be gone on with, and on which instance it is.
///
/// # Errors
/// Why there is none.
pub(super) fn resumable(model: &Model) -> Result<(InstanceKey, Operation), &'static str> {
    let (nothing, own) = match (model.place(), model.operations_pane.table.selected()) {
        (Place::Operations, Some(OperationKey::Own(op))) => {
            ("nothing is under way here", model.operations.get(op))
        }
        (Place::Operations, None) if model.operations_pane.table.n_all() > 0 => {
            return Err("no operation passes the filter");
        }
        (Place::Operations, _) => ("nothing is under way here", None),
        _ => (nothing_deployed(model), None),
    };
    if own.is_some_and(|own| own.context != model.session.context) {
        return Err("it was begun in another context: go back to that one");
    }
    let key = model.instance_in_front().ok_or(nothing)?;
    let mut all = model.operations.values();
    let context = &model.session.context;
    if all.any(|own| own.is_of(context, key) && own.is_writing()) {
        return Err("it was begun here, and goes on");
    }
    let instance = model.fleet.get(key);
    let record = instance.and_then(|instance| instance.record());
    let noted = record.and_then(|record| record.operation.clone());
    let noted = noted.ok_or_else(|| match own {
        Some(own) if own.is_running() => "it has written everything, and waits",
        Some(own) if own.outcome.as_ref().is_some_and(Outcome::is_complete) => "it is done",
        Some(_) => "it left no note to go on from: the same again finishes it",
        None => "nothing is under way here",
    })?;
    let aim = &noted.aim;
    let is_enough = match noted.kind.as_str() {
        "teardown" | "release" | VOLUME_RELEASE | routes::OPERATION => true,
        "deploy" | "restore" => aim.revision.is_some(),
        "rollback" => aim.back_to.is_some(),
        "scale" => aim.replicas.is_some(),
        "restart" => aim.restarted_at.is_some(),
        adopt::OPERATION => !aim.handed.is_empty(),
        _ => false,
    };
    match is_enough {
        true => Ok((key.clone(), noted)),
        false => Err("it cannot be resumed from its note: begin it again"),
    }
}

pub(super) fn needs_connection(model: &Model) -> Result<(), &'static str> {
    match model.session.link {
        SessionLink::Connected => Ok(()),
        SessionLink::Connecting => Err("not connected yet"),
        SessionLink::Offline { .. } => Err("offline: no cluster to ask"),
    }
}

/// Returns the rights in the namespace of the selected instance, where they are known.
fn rights(model: &Model) -> Option<PodRights> {
    let key = model.selected_instance()?;
    *model.rights.get(&key.namespace)?
}

/// What a scale set is taken into the definition once it is done.
fn scaled(model: &Model) -> Result<(), &'static str> {
    let Some(Screen::Progress(pane)) = model.screens.last() else {
        return Err("no operation is in front");
    };
    let is_it = |op: &Own| {
        let is_selected = model.selected_instance() == Some(&op.instance);
        let is_here = op.context == model.session.context && is_selected;
        op.kind == OperationKind::Scale && is_here && !op.is_running()
    };
    let mut ops = pane.ops.iter().filter_map(|op| model.operations.get(op));
    match ops.any(is_it) {
        true => Ok(()),
        false => Err("no scale of what is selected is done"),
    }
}

fn concerned(model: &Model) -> Result<(), Cow<'static, str>> {
    let pane = &model.detail_pane;
    let selected = match pane.tab {
        Tab::Pods => pane.pods.selected(),
        Tab::Volumes => pane.volumes.selected(),
        Tab::Events => pane.events.selected(),
        Tab::Objects if model.chosen_object().is_some() => return Ok(()),
        Tab::Logs | Tab::Objects | Tab::Definition | Tab::History => {
            let ways = [
                (Action::ShowTab(Tab::Pods), "shows pods"),
                (Action::ShowTab(Tab::Volumes), "claims"),
                (Action::ShowTab(Tab::Events), "events"),
            ];
            return Err(model.unless("events are told of pods and claims here", &ways));
        }
    };
    Ok(selected.map(drop).ok_or("nothing is selected")?)
}

/// Why nothing is written anywhere.
const READ_ONLY: &str = "read-only: --read-only or [contexts] of the settings says so";

/// Tells whether an action is refused as nothing may be written at all.
pub fn is_guarded(action: Action, model: &Model) -> bool {
    let is_read_only = model.session.guard.is_read_only;
    is_read_only && availability(action, model) == Err(READ_ONLY.into())
}

fn needs_no_guard(model: &Model) -> Result<(), &'static str> {
    match model.session.guard.is_read_only {
        true => Err(READ_ONLY),
        false => Ok(()),
    }
}

/// Nothing is planned that could not be carried out.
fn needs_writable(model: &Model) -> Result<(), &'static str> {
    needs_no_guard(model)?;
    match model.session.rights.may_operate {
        true => Ok(()),
        false => Err("you may not change ConfigMaps here, where operations are noted"),
    }
}

fn needs_right(action: Action, model: &Model) -> Result<(), &'static str> {
    let rights = model.session.rights;
    match action {
        Action::Teardown | Action::Prune if !rights.may_take_down => {
            Err("you may not delete ConfigMaps here, as the last of a teardown is one")
        }
        Action::UpdateRoutes if !rights.may_route => Err("you may not change Ingresses here"),
        _ => Ok(()),
    }
}

fn needs_deployed(model: &Model) -> Result<(), &'static str> {
    match model.selected_instance() {
        Some(key) if model.is_deployed(key) => Ok(()),
        _ => Err(nothing_deployed(model)),
    }
}

fn needs_deployed_target(model: &Model) -> Result<(), &'static str> {
    model.one_target()?;
    let target = model.deployed_target();
    target.map(drop).ok_or_else(|| nothing_deployed(model))
}

/// Says why nothing is to be had here that only an instance has.
fn nothing_deployed(model: &Model) -> &'static str {
    match what_runs(&model.fleet) {
        WhatRuns::Known => "nothing is deployed here",
        WhatRuns::NotYetKnown => "it is not known yet what is deployed here",
        WhatRuns::Forbidden => "you may not see what is deployed here",
    }
}

fn shell_can_be_had(model: &Model) -> Result<(), &'static str> {
    needs_connection(model)?;
    // Nobody knows what is written in a shell.
    needs_no_guard(model)?;
    needs_deployed(model)?;
    needs_no_pod_filtered_away(model)?;
    if rights(model).is_some_and(|rights| !rights.may_exec) {
        return Err("you may not get and create pods/exec here");
    }
    match shells::places(model) {
        Some(places) if places.is_empty() => Err("no container of it runs"),
        Some(_) | None => Ok(()),
    }
}

/// Whoever narrowed the pods until none was left means none of those that are hidden.
fn needs_no_pod_filtered_away(model: &Model) -> Result<(), &'static str> {
    let pods = &model.detail_pane.pods;
    let is_there = model.place() == Place::Detail && model.detail_pane.tab == Tab::Pods;
    match is_there && pods.selected().is_none() && pods.n_all() > 0 {
        true => Err("no pod passes the filter"),
        false => Ok(()),
    }
}

fn selected_pod(model: &Model) -> Result<(), Cow<'static, str>> {
    if model.chosen_pod().is_some() {
        return Ok(());
    }
    if model.detail_pane.tab != Tab::Pods {
        let way = (Action::ShowTab(Tab::Pods), "shows them");
        return Err(model.unless("no pod is selected", &[way]));
    }
    needs_no_pod_filtered_away(model)?;
    Err("it has no pods".into())
}

fn of_catalogue(pane: &ReviewPane) -> Result<(), &'static str> {
    match pane.source.definition() {
        Some(_) => Ok(()),
        None => Err("what is planned is no definition of the catalogue"),
    }
}

fn adjustable(model: &Model) -> Result<(), &'static str> {
    needs_connection(model)?;
    if matches!(model.screens.last(), Some(Screen::Adjust(pane)) if !pane.is_scale()) {
        return Err("it is a restart that is planned");
    }
    if matches!(model.screens.last(), Some(Screen::Adjust(pane)) if pane.resumed.is_some()) {
        return Err("it goes on as it was begun");
    }
    if model.deployed_targets().is_empty() {
        return Err(nothing_deployed(model));
    }
    Ok(())
}

fn rollbackable(model: &Model) -> Result<(), &'static str> {
    needs_connection(model)?;
    needs_deployed_target(model)?;
    if model.place() == Place::History {
        return model.detail_pane.history.target().map(drop);
    }
    Ok(())
}

fn adoptable(model: &Model) -> Result<(), &'static str> {
    needs_connection(model)?;
    if let Some(Screen::Review(pane)) = model.screens.last() {
        return match pane.plan() {
            Some(plan) if plan.is_adoptable => of_catalogue(pane),
            _ => Err("nothing is refused because of its owner"),
        };
    }
    model.definition_of(model.one_target()?).map(drop)
}

fn confirmable(model: &Model) -> Result<(), Cow<'static, str>> {
    needs_same_cluster(model)?;
    // A pull and a merge write to this machine alone.
    if !matches!(
        model.screens.last(),
        Some(Screen::Pull(_) | Screen::Merge(_))
    ) {
        needs_writable(model)?;
    }
    let possible = match model.screens.last() {
        Some(Screen::Review(review)) => match &review.phase {
            ReviewPhase::Planning => Err("the plan is not there yet"),
            ReviewPhase::Failed(_) => Err("there is no plan: plan anew"),
            // What a person answers may change what is refused, and what would change.
            ReviewPhase::Planned(_) if !review.secrets(Held::Nowhere).is_empty() => Ok(()),
            ReviewPhase::Planned(plan) if !plan.deploy().refusals.is_empty() => {
                Err("refused: see the reasons above")
            }
            ReviewPhase::Planned(_) if review.changes_nothing() => Err("nothing would change"),
            ReviewPhase::Planned(_) => Ok(()),
        },
        Some(Screen::Teardown(pane)) => match pane.confirmable() {
            Err(ALL_IS_KEPT) => {
                let way = (Action::ChooseVolumes, "deletes the claims");
                return Err(model.unless(ALL_IS_KEPT, &[way]));
            }
            confirmable => confirmable,
        },
        Some(Screen::Adjust(pane)) => pane.confirmable(),
        Some(Screen::Adopt(pane)) => pane.confirmable(),
        Some(Screen::Merge(pane)) if pane.merge.n_undecided() > 0 => {
            let ways = [
                (Action::TakeMine, "mine"),
                (Action::TakeTheirs, "theirs"),
                (Action::TakeBoth, "both"),
                (Action::ByHand, "by hand"),
            ];
            return Err(model.unless("choose first", &ways));
        }
        Some(Screen::Merge(_)) => Ok(()),
        Some(Screen::Bulk(pane)) => pane.confirmable(),
        Some(Screen::Routes(pane)) => pane.confirmable(),
        Some(Screen::Pull(pane)) => pane.confirmable(),
        _ => Err("there is nothing to confirm"),
    };
    Ok(possible?)
}

/// A plan that was made on an earlier connection may be one of another cluster.
fn needs_same_cluster(model: &Model) -> Result<(), &'static str> {
    let planned: Vec<OpId> = match model.screens.last() {
        Some(Screen::Review(pane)) => vec![pane.op],
        Some(Screen::Teardown(pane)) => vec![pane.op],
        Some(Screen::Adjust(pane)) => vec![pane.op],
        Some(Screen::Adopt(pane)) => vec![pane.op],
        Some(Screen::Routes(pane)) => vec![pane.op],
        Some(Screen::Pull(pane)) => vec![pane.op],
        Some(Screen::Bulk(pane)) => pane.items.iter().map(|item| item.op).collect(),
        _ => Vec::new(),
    };
    match planned.into_iter().all(|op| model.session.has_asked(op)) {
        true => Ok(()),
        false => Err("it was planned on an earlier connection: plan anew"),
    }
}

fn reviewable(model: &Model) -> Result<(), Cow<'static, str>> {
    needs_connection(model)?;
    let Some(Screen::Editor(pane)) = model.screens.last() else {
        return Err("no definition is being edited".into());
    };
    if pane.editor().is_none() {
        return Err("the definition is not read yet".into());
    }
    // What the server refuses may be agreed to there, or be true no more.
    if pane.has_own_errors() {
        let way = (Action::NextProblem, "goes to them");
        return Err(model.unless("the definition has errors", &[way]));
    }
    Ok(())
}

impl Model {
    /// Returns why something cannot be done, with what keys would change that.
    pub(super) fn unless(&self, why: &'static str, ways: &[(Action, &str)]) -> Cow<'static, str> {
        self.with_ways(why, ": ", ways, "").into()
    }

    /// Tells whether there is nothing that an action could be about.
    fn is_selection_empty(&self) -> bool {
        match self.place() {
            Place::Services | Place::Detail | Place::Logs => {
                self.services.table.selected().is_none()
            }
            Place::History => self.detail_pane.history.table.selected().is_none(),
            Place::Claims => self.claims.table.selected().is_none(),
            Place::Forwards => self.forwards.table.selected().is_none(),
            Place::Operations => self.operations_pane.table.selected().is_none(),
            Place::Log => self.log.is_empty(),
            Place::Editor
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
            | Place::Nodes
            | Place::Progress => false,
        }
    }

    /// Returns how many rows are marked where the keys go.
    fn n_marks(&self) -> usize {
        match self.place() {
            Place::History => self.detail_pane.history.table.marks().len(),
            _ => self.services.table.marks().len(),
        }
    }

    /// Tells whether an instance runs.
    pub(super) fn is_deployed(&self, key: &InstanceKey) -> bool {
        self.fleet
            .get(key)
            .is_some_and(|instance| instance.state() != State::Saved)
    }
}
