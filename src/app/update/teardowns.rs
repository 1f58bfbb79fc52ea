//! Teardowns: the fate table, what happens to claims, the confirmation, the run.

use crate::app::availability::needs_connection;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::operation::OperationKind;
use crate::app::panes::services::{RowKey, WhatRuns, what_runs};
use crate::app::panes::teardown::TeardownPane;
use crate::app::popup::{Choice, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::app::screen::Screen;
use crate::definition::id::InstanceId;
use crate::engine::plan::{FateRow, TeardownPlan, TeardownScope, VolumeChoice};
use crate::failure::Failure;
use crate::service::protection::Caution;
use crate::service::summary::InstanceKey;

use super::operations::{Run, left_sentence, places_of, run_all};

/// Shows the fate of everything that the marked instances, or the selected one, consist of.
pub(super) fn show_fate(model: &mut Model) -> Vec<Effect> {
    let keys = model.teardown_targets();
    let op = model.next_op();
    let pane = TeardownPane::new(op, keys);
    let effects = plan_all(&pane);
    model.screens.push(Screen::Teardown(Box::new(pane)));
    effects
}

pub(super) fn plan_all(pane: &TeardownPane) -> Vec<Effect> {
    let (op, scope, volumes) = (pane.op, pane.scope, pane.volumes);
    let plan = |key: &InstanceKey| Effect::PlanTeardown {
        op,
        key: key.clone(),
        scope,
        volumes,
        named: pane.named.clone(),
    };
    pane.plans
        .iter()
        .map(|planned| plan(&planned.key))
        .collect()
}

/// Shows the fate of all that has outlived its time.
pub(super) fn show_expired(model: &mut Model) -> Vec<Effect> {
    let keys = model.expired();
    let op = model.next_op();
    let pane = TeardownPane::new(op, keys);
    let effects = plan_all(&pane);
    model.screens.push(Screen::Teardown(Box::new(pane)));
    effects
}

/// Shows what becomes of what was left: the kept claims of the instance of the selected row, or the retained volume of the row.
pub(super) fn show_release(model: &mut Model) -> Vec<Effect> {
    let Some((key, scope)) = model.claims.selected_left() else {
        return Vec::new();
    };
    let key = key.clone();
    let named = match scope {
        TeardownScope::RetainedVolumes => model.claims.table.selected().map(|(_, it)| it.clone()),
        TeardownScope::Instance | TeardownScope::KeptClaims => None,
    };
    let named = named.into_iter().collect();
    let pane = TeardownPane::release(model.next_op(), key, scope, named);
    let effects = plan_all(&pane);
    model.screens.push(Screen::Teardown(Box::new(pane)));
    effects
}

/// Asks for the plans in front once more.
pub(super) fn replan(model: &mut Model) -> Vec<Effect> {
    let op = model.next_op();
    match model.screens.last_mut() {
        Some(Screen::Teardown(pane)) => {
            pane.restart(op);
            plan_all(pane)
        }
        _ => Vec::new(),
    }
}

/// Asks what is to happen to claims and their data.
pub(super) fn ask_volumes(model: &mut Model) {
    let Some(Screen::Teardown(pane)) = model.screens.last() else {
        return;
    };
    let present = pane.volumes;
    let item = |choice: &VolumeChoice| {
        let detail = meaning(pane.scope, *choice).to_owned();
        MenuItem::new(choice.as_str(), detail, Choice::Volumes(*choice))
    };
    // What is kept already is not kept once more by a release.
    let choices = match pane.scope {
        TeardownScope::Instance => &VolumeChoice::ALL[..],
        TeardownScope::KeptClaims | TeardownScope::RetainedVolumes => {
            &[VolumeChoice::Delete, VolumeChoice::Retain]
        }
    };
    let items = choices.iter().map(item).collect();
    let title = match pane.scope {
        TeardownScope::RetainedVolumes => "Volumes and their data",
        TeardownScope::Instance | TeardownScope::KeptClaims => "Claims and their data",
    };
    let mut menu = Menu::new(title, Vec::new(), items);
    let mut choices = choices.iter();
    menu.selected = choices.position(|choice| *choice == present).unwrap_or(0);
    model.popup = Some(Popup::Menu(menu));
}

/// Returns what a choice means for claims and data.
fn meaning(scope: TeardownScope, choice: VolumeChoice) -> &'static str {
    match choice {
        VolumeChoice::Delete if scope == TeardownScope::RetainedVolumes => {
            "the volumes go; their data as the reclaim policy said before"
        }
        VolumeChoice::Retain if scope == TeardownScope::RetainedVolumes => {
            "the volumes go; their storage stays, with the data"
        }
        VolumeChoice::Keep => "the claims stay, and a deploy of the ID binds them again",
        VolumeChoice::Delete => "the claims go; their data as the reclaim policy says",
        VolumeChoice::Retain => "the claims go; their volumes stay, with the data",
    }
}

/// Plans the teardown with another choice for the claims.
pub(super) fn choose_volumes(model: &mut Model, volumes: VolumeChoice) -> Vec<Effect> {
    match model.screens.last_mut() {
        Some(Screen::Teardown(pane)) if pane.volumes != volumes => pane.volumes = volumes,
        _ => return Vec::new(),
    }
    replan(model)
}

pub(super) fn on_planned(
    model: &mut Model,
    op: OpId,
    key: &InstanceKey,
    result: Result<Box<TeardownPlan>, Failure>,
) -> Vec<Effect> {
    let pane = model.screens.iter_mut().find_map(|screen| match screen {
        Screen::Teardown(pane) if pane.op == op => Some(pane),
        _ => None,
    });
    if let Some(pane) = pane {
        pane.plans.on_planned(key, result);
    }
    Vec::new()
}

/// Asks once more before the fate that is shown is brought about.
pub(super) fn confirm(model: &mut Model) {
    if let Some(Screen::Teardown(pane)) = model.screens.last() {
        model.popup = Some(question(model, pane));
    }
}

/// Where data may be lost or an instance is protected the IDs are typed; else a menu that begins on Cancel.
fn question(model: &Model, pane: &TeardownPane) -> Popup {
    let names: Vec<_> = pane
        .runnable()
        .map(|plan| plan.instance.id.to_string())
        .collect();
    let place = places_of(model, pane.runnable().map(|plan| &plan.instance));
    let left = left_sentence(pane.n_left());
    let of_what = match pane.scope {
        TeardownScope::Instance | TeardownScope::KeptClaims => "claim",
        TeardownScope::RetainedVolumes => "volume",
    };
    let deed = pane.runnable().next().map(TeardownPlan::order);
    let deed = deed.unwrap_or_default();
    let title = format!("{deed} {}?", names.join(", "));
    let ids = pane.ids_to_type();
    if ids.is_empty() {
        let deed = MenuItem::new(
            format!("{deed} {}", names.join(", ")),
            format!("from {place}"),
            Choice::RunTeardown,
        );
        let rows = pane.runnable().flat_map(|plan| &plan.rows);
        let claims: Vec<&FateRow> = rows.filter(|row| row.claim.is_some()).collect();
        // What is chosen does not tell: the claims of volumes that are retained anyway go without any loss.
        let text = if claims.is_empty() {
            "There are no claims."
        } else if pane.scope == TeardownScope::RetainedVolumes {
            "The volumes are deleted; their storage and data stay."
        } else if claims.iter().any(|row| row.goes()) {
            "Claims are deleted; their volumes and data are retained."
        } else {
            "Claims and their data are kept."
        };
        let text = std::iter::once(text.to_owned()).chain(lost_values(pane));
        let text = text.chain(left);
        return Popup::Menu(Menu::confirm_grave(title, text.collect(), deed));
    }
    let n_lost = pane
        .runnable()
        .flat_map(|plan| &plan.rows)
        .filter(|row| crate::app::panes::teardown::destroys_data(row))
        .count();
    let mut text = vec![format!("From {place}.")];
    if n_lost > 0 {
        let plural = if n_lost == 1 { "" } else { "s" };
        text.push(format!(
            "The data of {n_lost} {of_what}{plural} is destroyed and cannot be had back."
        ));
    }
    text.extend(lost_values(pane));
    text.extend(pane.runnable().filter_map(TeardownPlan::strangers));
    let caution = Caution::of_all(pane.runnable().map(|plan| plan.caution));
    text.extend(caution.sentence("It"));
    text.extend(left);
    let typed: Vec<_> = ids.iter().map(InstanceId::as_str).collect();
    text.push(format!("Type {} to go on:", typed.join(" ")));
    Popup::Prompt(Prompt::new(PromptKind::TypedIds(ids), title, text))
}

/// Says how many Secrets go with values that nothing else keeps; none where none does.
fn lost_values(pane: &TeardownPane) -> Option<String> {
    let rows = pane.runnable().flat_map(|plan| &plan.rows);
    let n_lost = rows.filter(|row| row.destroys_values()).count();
    let of_what = match n_lost {
        0 => return None,
        1 => "1 Secret".to_owned(),
        n => format!("{n} Secrets"),
    };
    Some(format!(
        "The values of {of_what} are destroyed; no copy is kept of them."
    ))
}

/// Starts the teardowns that are shown.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Teardown(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let takes_over = pane.takes_over;
    let runs = pane.runnable().cloned().map(|plan| {
        let mut what = command(&plan);
        if takes_over {
            what.push_str(" --take-over");
        }
        Run {
            kind: match plan.scope {
                TeardownScope::Instance => OperationKind::Teardown,
                TeardownScope::KeptClaims | TeardownScope::RetainedVolumes => {
                    OperationKind::Release
                }
            },
            instance: plan.instance.clone(),
            what,
            lost: plan.lost_for_good(),
            effect: move |op| Effect::RunTeardown {
                op,
                plan: Box::new(plan),
                takes_over,
            },
        }
    });
    let runs = runs.collect();
    run_all(model, runs)
}

fn command(plan: &TeardownPlan) -> String {
    let id = &plan.instance.id;
    let (what, default) = match plan.scope {
        TeardownScope::Instance => ("", VolumeChoice::Keep),
        TeardownScope::KeptClaims => (" --kept", VolumeChoice::Delete),
        TeardownScope::RetainedVolumes => (" --retained", VolumeChoice::Delete),
    };
    let named: String = plan
        .named
        .iter()
        .map(|it| format!(" --volume {it}"))
        .collect();
    let volumes = match plan.volumes {
        choice if choice == default => String::new(),
        choice => format!(" --volumes {}", choice.as_str()),
    };
    let confirm = if plan.caution.wants_id() {
        format!(" --confirm {id}")
    } else {
        String::new()
    };
    format!("delete {id}{what}{named}{volumes}{confirm}")
}

/// Returns the file of the definition that is selected, where it is known that nothing of it runs here.
pub(super) fn undeployed_file(model: &Model) -> Option<String> {
    let RowKey::Saved(name) = model.services.table.selected()? else {
        return None;
    };
    let entry = model.catalogue.entry(name)?;
    let scope = model.session.scope.as_ref();
    let is_known = needs_connection(model).is_ok() && what_runs(&model.fleet) == WhatRuns::Known;
    if !is_known || entry.named_elsewhere(scope).is_some() {
        return None;
    }
    let path = model.catalogue.dir.as_ref()?.join(format!("{name}.yaml"));
    Some(crate::text::clean(&path.display().to_string()).into_owned())
}
