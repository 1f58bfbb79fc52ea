//! Plans and operations: asked for, shown, confirmed, run, ended.

use crate::app::effect::{DeploySource, Effect};
use crate::app::model::{Model, Screen};
use crate::app::msg::OpId;
use crate::app::operation::{Operation, OperationKind};
use crate::app::panes::review::ReviewPane;
use crate::app::panes::services::RowKey;
use crate::app::panes::teardown::TeardownPane;
use crate::app::popup::{Choice, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::definition::id::InstanceId;
use crate::engine::plan::{Change, DeployPlan, Outcome, TeardownPlan, VolumeChoice};
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

use super::definitions;

/// Plans the deploy of the selected row for review.
pub(super) fn review_selected(model: &mut Model, name: InstanceId) -> Vec<Effect> {
    let (id, namespace) = match model.services.table.selected() {
        Some(RowKey::Instance(key) | RowKey::Kept(key)) => {
            (key.id.clone(), Some(key.namespace.clone()))
        }
        Some(RowKey::Saved(_)) | None => (name.clone(), model.session.namespace().cloned()),
    };
    review(
        model,
        DeploySource {
            name,
            id,
            namespace,
            text: None,
            yields: false,
        },
    )
}

/// Plans the deploy of the text that is edited, as it is.
pub(super) fn review_edited(model: &mut Model) -> Vec<Effect> {
    let namespace = model.session.namespace().cloned();
    let Some(pane) = model.editor() else {
        return Vec::new();
    };
    let Some(editor) = pane.editor() else {
        return Vec::new();
    };
    let (name, text) = (pane.name.clone(), editor.snapshot().0);
    review(
        model,
        DeploySource {
            id: name.clone(),
            name,
            namespace,
            text: Some(text),
            yields: false,
        },
    )
}

fn review(model: &mut Model, source: DeploySource) -> Vec<Effect> {
    let op = model.next_op();
    model.screens.push(Screen::Review(Box::new(ReviewPane::new(
        op,
        source.clone(),
    ))));
    vec![Effect::PlanDeploy { op, source }]
}

/// Asks for the plan in front once more.
pub(super) fn replan(model: &mut Model) -> Vec<Effect> {
    let op = model.next_op();
    match model.screens.last_mut() {
        Some(Screen::Review(pane)) => {
            **pane = ReviewPane::new(op, pane.source.clone());
            vec![Effect::PlanDeploy {
                op,
                source: pane.source.clone(),
            }]
        }
        Some(Screen::Teardown(pane)) => {
            pane.restart(op);
            plan_teardowns(pane)
        }
        _ => Vec::new(),
    }
}

/// Asks for the plan in front once more, with the fields that others own left to them.
pub(super) fn yield_fields(model: &mut Model) -> Vec<Effect> {
    if let Some(Screen::Review(pane)) = model.screens.last_mut() {
        pane.source.yields = true;
    }
    replan(model)
}

/// Shows the fate of everything that the marked instances, or the selected one, consist of.
pub(super) fn show_fate(model: &mut Model) -> Vec<Effect> {
    let keys = model.teardown_targets();
    let op = model.next_op();
    let pane = TeardownPane::new(op, keys);
    let effects = plan_teardowns(&pane);
    model.screens.push(Screen::Teardown(Box::new(pane)));
    effects
}

fn plan_teardowns(pane: &TeardownPane) -> Vec<Effect> {
    let (op, volumes) = (pane.op, pane.volumes);
    let plan = |key: &InstanceKey| Effect::PlanTeardown {
        op,
        key: key.clone(),
        volumes,
    };
    pane.plans
        .iter()
        .map(|planned| plan(&planned.key))
        .collect()
}

/// Goes on to the next choice for the claims: keep them, delete them, delete them and retain their volumes.
pub(super) fn toggle_volumes(model: &mut Model) -> Vec<Effect> {
    if let Some(Screen::Teardown(pane)) = model.screens.last_mut() {
        pane.volumes = match pane.volumes {
            VolumeChoice::Keep => VolumeChoice::Delete,
            VolumeChoice::Delete => VolumeChoice::Retain,
            VolumeChoice::Retain => VolumeChoice::Keep,
        };
    }
    replan(model)
}

pub(super) fn on_deploy_planned(
    model: &mut Model,
    op: OpId,
    result: Result<Box<DeployPlan>, Failure>,
) -> Vec<Effect> {
    let pane = model.screens.iter_mut().find_map(|screen| match screen {
        Screen::Review(pane) if pane.op == op => Some(pane),
        _ => None,
    });
    if let Some(pane) = pane {
        pane.on_planned(result);
    }
    Vec::new()
}

pub(super) fn on_teardown_planned(
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
        pane.on_planned(key, result);
    }
    Vec::new()
}

/// Asks once more before what is shown is done.
pub(super) fn confirm(model: &mut Model) {
    let popup = match model.screens.last() {
        Some(Screen::Review(pane)) => pane.plan().map(|plan| deploy_question(model, plan)),
        Some(Screen::Teardown(pane)) => Some(teardown_question(model, pane)),
        _ => None,
    };
    model.popup = popup;
}

fn place_of(model: &Model, key: &InstanceKey) -> String {
    format!("{} ▸ {}", model.session.context, key.namespace)
}

/// Where nobody knows who the server is the ID is typed; else a menu.
fn deploy_question(model: &Model, plan: &DeployPlan) -> Popup {
    let menu = deploy_menu(model, plan);
    if !model.session.is_insecure {
        return Popup::Menu(menu);
    }
    let id = plan.instance.id.clone();
    let mut text = menu.text;
    text.push("The server's certificate is not verified: it may be another server.".to_owned());
    text.push(format!("To {}.", place_of(model, &plan.instance)));
    let taking = if plan.conflicts.is_empty() {
        String::new()
    } else {
        " and take these fields over".to_owned()
    };
    text.push(format!("Type {id} to apply it{taking}:"));
    let kind = PromptKind::TypedDeploy {
        id,
        force_conflicts: !plan.conflicts.is_empty(),
    };
    Popup::Prompt(Prompt::new(kind, menu.title, text))
}

fn deploy_menu(model: &Model, plan: &DeployPlan) -> Menu {
    let n = |change| {
        plan.objects
            .iter()
            .filter(|object| object.change == change)
            .count()
    };
    let (id, place) = (&plan.instance.id, place_of(model, &plan.instance));
    let recreated = match n(Change::Recreate) {
        0 => String::new(),
        n => format!("{n} to recreate, "),
    };
    let sums = format!(
        "{} to create, {} to update, {recreated}{} to delete, {} unchanged",
        n(Change::Create),
        n(Change::Update),
        n(Change::Delete),
        n(Change::Keep)
    );
    let mut text = vec![sums];
    let first = if plan.conflicts.is_empty() {
        MenuItem::new(
            format!("Apply {id}"),
            format!("to {place}"),
            Choice::RunDeploy,
        )
    } else {
        let n_fields = plan.conflicts.len();
        let (belong, these) = match n_fields {
            1 => ("1 field belongs".to_owned(), "this field".to_owned()),
            n => (format!("{n} fields belong"), format!("these {n} fields")),
        };
        text.push(format!("{belong} to others, as shown."));
        MenuItem::new(
            format!("Take {these} over and apply {id}"),
            format!("to {place}"),
            Choice::RunDeployForced,
        )
    };
    let cancel = MenuItem::new("Cancel", "", Choice::Cancel);
    let is_forced = first.choice == Choice::RunDeployForced;
    let items = if is_forced {
        let yielding = MenuItem::new(
            "Leave them to their owners",
            "and plan again",
            Choice::Yield,
        );
        vec![cancel, first, yielding]
    } else {
        vec![first, cancel]
    };
    Menu::new(format!("Apply {id}?"), text, items)
}

/// Where data may be lost or an instance is protected the IDs are typed; else a menu that begins on Cancel.
fn teardown_question(model: &Model, pane: &TeardownPane) -> Popup {
    let names: Vec<_> = pane
        .plans
        .iter()
        .map(|planned| planned.key.id.to_string())
        .collect();
    let place = pane
        .plans
        .first()
        .map_or_else(String::new, |planned| place_of(model, &planned.key));
    let title = format!("Take down {}?", names.join(", "));
    let ids = pane.ids_to_type();
    if ids.is_empty() {
        let items = vec![
            MenuItem::new("Cancel", "", Choice::Cancel),
            MenuItem::new(
                format!("Take down {}", names.join(", ")),
                format!("from {place}"),
                Choice::RunTeardown,
            ),
        ];
        let has_claims = pane
            .ready()
            .flat_map(|plan| &plan.rows)
            .any(|row| row.claim.is_some());
        let text = if has_claims {
            match pane.volumes {
                VolumeChoice::Retain => "Claims are deleted; their volumes and data are retained.",
                VolumeChoice::Keep | VolumeChoice::Delete => "Claims and their data are kept.",
            }
        } else {
            "There are no claims."
        };
        return Popup::Menu(Menu::new(title, vec![text.to_owned()], items));
    }
    let n_lost = pane
        .ready()
        .flat_map(|plan| &plan.rows)
        .filter(|row| crate::app::panes::teardown::destroys_data(row))
        .count();
    let mut text = vec![format!("From {place}.")];
    if n_lost > 0 {
        let claims = if n_lost == 1 { "claim" } else { "claims" };
        text.push(format!(
            "The data of {n_lost} {claims} is destroyed and cannot be had back."
        ));
    }
    if pane.ready().any(|plan| plan.is_protected) {
        text.push("It is protected.".to_owned());
    }
    let typed: Vec<_> = ids.iter().map(InstanceId::as_str).collect();
    text.push(format!("Type {} to go on:", typed.join(" ")));
    Popup::Prompt(Prompt::new(PromptKind::TypedIds(ids), title, text))
}

/// Starts the deploy that is reviewed.
pub(super) fn run_deploy(model: &mut Model, force_conflicts: bool) -> Vec<Effect> {
    let op = model.next_op();
    let Some(Screen::Review(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let (source, Some(plan)) = (pane.source.clone(), pane.plan().cloned()) else {
        return Vec::new();
    };
    let key = plan.instance.clone();
    model.screens.pop();
    model.screens.push(Screen::Progress {
        ops: vec![op],
        n_below: 0,
    });
    model.operations.insert(
        op,
        Operation::new(OperationKind::Deploy, key.clone(), model.now),
    );
    let force = match (force_conflicts, source.yields) {
        (true, _) => " --force-conflicts",
        (false, true) => " --yield-conflicts",
        (false, false) => "",
    };
    let id = if source.id == source.name {
        String::new()
    } else {
        format!(" --id {}", source.id)
    };
    let what = format!("deploy {}{id}{force}", source.name);
    model.record(model.command_line(&key.namespace, &what), Some(op));
    vec![Effect::RunDeploy {
        op,
        source,
        plan: Box::new(plan),
        force_conflicts,
    }]
}

/// Starts the teardowns that are shown.
pub(super) fn run_teardown(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Teardown(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let plans: Vec<TeardownPlan> = pane.ready().cloned().collect();
    model.screens.pop();
    let (mut ops, mut effects) = (Vec::new(), Vec::new());
    for plan in plans {
        let op = model.next_op();
        let key = plan.instance.clone();
        let volumes = match plan.volumes {
            VolumeChoice::Keep => "",
            VolumeChoice::Delete => " --volumes delete",
            VolumeChoice::Retain => " --volumes retain",
        };
        let confirm = if plan.is_protected {
            format!(" --confirm {}", key.id)
        } else {
            String::new()
        };
        let what = format!("delete {}{volumes}{confirm}", key.id);
        model.record(model.command_line(&key.namespace, &what), Some(op));
        model
            .operations
            .insert(op, Operation::new(OperationKind::Teardown, key, model.now));
        effects.push(Effect::RunTeardown {
            op,
            plan: Box::new(plan),
        });
        ops.push(op);
    }
    model.services.table.clear_marks();
    model.screens.push(Screen::Progress { ops, n_below: 0 });
    effects
}

pub(super) fn on_finished(model: &mut Model, op: OpId, outcome: Outcome) -> Vec<Effect> {
    let now = model.now;
    let Some(operation) = model.operations.get_mut(&op) else {
        return Vec::new();
    };
    let (id, is_complete, n_failed) = (
        operation.instance.id.clone(),
        outcome.is_complete(),
        outcome.failed.len(),
    );
    let verb = match operation.kind {
        OperationKind::Deploy => "Deploy",
        OperationKind::Teardown => "Teardown",
    };
    operation.on_finished(outcome, now);
    if is_complete {
        model.tell(format!("{verb} of {id}: done."));
    } else if n_failed > 0 {
        model.complain(format!("{verb} of {id}: {n_failed} failed."));
    } else {
        model.complain(format!("{verb} of {id}: accepted, not finished yet."));
    }
    Vec::new()
}

/// Saves what is edited first, where it is not saved, then plans its deploy.
pub(super) fn save_and_review(model: &mut Model) -> Vec<Effect> {
    let is_modified = model.editor().is_some_and(|pane| pane.unsaved().is_some());
    if !is_modified {
        return review_edited(model);
    }
    let effect = model
        .editor_mut()
        .and_then(|pane| pane.save(crate::app::panes::editor::AfterSave::Review));
    effect.into_iter().collect()
}

/// Ends the program, after a question where something runs or is not saved.
pub(super) fn quit(model: &mut Model) -> Vec<Effect> {
    let n_running = model.n_running();
    let is_unsaved = model.editor().is_some_and(|pane| pane.unsaved().is_some());
    if is_unsaved {
        definitions::ask_to_leave(model);
        return Vec::new();
    }
    if n_running == 0 {
        return vec![Effect::Quit];
    }
    let text = vec![
        format!("{n_running} running. What was sent is finished; the rest waits until"),
        "the same command is given again.".to_owned(),
    ];
    let items = vec![
        MenuItem::new("Stay", "", Choice::Cancel),
        MenuItem::new("Quit", "", Choice::QuitAnyway),
    ];
    model.popup = Some(Popup::Menu(Menu::new("An operation runs", text, items)));
    Vec::new()
}
