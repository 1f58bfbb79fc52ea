//! Routes computed again: planned for all that is marked at once, shown, confirmed, run.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::operation::OperationKind;
use crate::app::panes::routes::RoutesPane;
use crate::app::popup::{Choice, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::app::screen::Screen;
use crate::definition::id::InstanceId;
use crate::engine::routes::RoutePlan;
use crate::failure::Failure;

use super::operations::{Run, places_of, run_all};
use super::resuming;
use crate::service::protection::Caution;

/// Plans the routes of what is marked or selected.
pub(super) fn show(model: &mut Model) -> Vec<Effect> {
    let keys = model.deployed_targets();
    let op = model.next_op();
    let pane = RoutesPane::new(op, keys.clone());
    model.screens.push(Screen::Routes(Box::new(pane)));
    vec![Effect::PlanRoutes { op, keys }]
}

/// Asks for the plans in front once more.
pub(super) fn replan(model: &mut Model) -> Vec<Effect> {
    let op = model.next_op();
    match model.screens.last_mut() {
        Some(Screen::Routes(pane)) => {
            let (keys, resumed) = (pane.keys.clone(), pane.resumed);
            **pane = RoutesPane {
                resumed,
                ..RoutesPane::new(op, keys.clone())
            };
            match (resumed, keys.as_slice()) {
                (Some(_), [key, ..]) => vec![resuming::plan(op, key)],
                _ => vec![Effect::PlanRoutes { op, keys }],
            }
        }
        _ => Vec::new(),
    }
}

pub(super) fn on_planned(
    model: &mut Model,
    op: OpId,
    result: Result<Vec<RoutePlan>, Failure>,
) -> Vec<Effect> {
    let pane = model.screens.iter_mut().find_map(|screen| match screen {
        Screen::Routes(pane) if pane.op == op => Some(pane),
        _ => None,
    });
    if let Some(pane) = pane {
        pane.plans = Some(result);
    }
    Vec::new()
}

/// Asks once more before the routes are made: for the IDs of what is protected, else with a menu.
pub(super) fn confirm(model: &mut Model) {
    let Some(Screen::Routes(pane)) = model.screens.last() else {
        return;
    };
    let is_agreed = pane.resumed.is_some_and(|it| it.takes_conflicts);
    if is_agreed || !pane.has_conflicts() {
        model.popup = Some(question(model, pane, is_agreed));
        return;
    }
    let place = places_of(model, pane.runnable(true).map(|plan| &plan.instance));
    let mut items = Vec::new();
    if pane.runnable(false).next().is_some() {
        items.push(MenuItem::new(
            "Change what is free",
            format!("in {place}, and leave what belongs to others"),
            Choice::ConfirmRoutes(false),
        ));
    }
    items.insert(0, MenuItem::cancel());
    items.push(MenuItem::new(
        "Take the fields over, and change all",
        format!("in {place}, as shown"),
        Choice::ConfirmRoutes(true),
    ));
    let text = vec!["Fields of some routes belong to others, as shown.".to_owned()];
    model.popup = Some(Popup::Menu(Menu::new("Change routes?", text, items)));
}

/// Asks for the IDs of what is protected once it is chosen what becomes of the fields of others, else begins.
pub(super) fn confirm_with(model: &mut Model, takes_conflicts: bool) -> Vec<Effect> {
    let Some(Screen::Routes(pane)) = model.screens.last() else {
        return Vec::new();
    };
    if pane.ids_to_type(takes_conflicts).is_empty() {
        return run(model, takes_conflicts);
    }
    model.popup = Some(question(model, pane, takes_conflicts));
    Vec::new()
}

fn question(model: &Model, pane: &RoutesPane, takes_conflicts: bool) -> Popup {
    let plans: Vec<&RoutePlan> = pane.runnable(takes_conflicts).collect();
    let ids: Vec<&str> = plans.iter().map(|it| it.instance.id.as_str()).collect();
    let place = places_of(model, plans.iter().map(|it| &it.instance));
    let deed = match pane.resumed {
        Some(_) => format!("Finish the change of the routes of {}", ids.join(", ")),
        None => format!("Change the routes of {}", ids.join(", ")),
    };
    let title = format!("{deed}?");
    let to_type = pane.ids_to_type(takes_conflicts);
    if to_type.is_empty() {
        let run = MenuItem::new(
            deed,
            format!("in {place}"),
            Choice::RunRoutes(takes_conflicts),
        );
        return Popup::Menu(Menu::confirm(title, Vec::new(), run));
    }
    let typed: Vec<_> = to_type.iter().map(InstanceId::as_str).collect();
    let caution = Caution::of_all(plans.iter().map(|plan| plan.caution));
    let mut text = vec![format!("In {place}.")];
    text.extend(caution.sentence("It"));
    text.push(format!("Type {} to go on:", typed.join(" ")));
    let kind = PromptKind::TypedRoutes {
        ids: to_type,
        force_conflicts: takes_conflicts,
    };
    Popup::Prompt(Prompt::new(kind, title, text))
}

/// Starts what nothing stands against.
pub(super) fn run(model: &mut Model, force_conflicts: bool) -> Vec<Effect> {
    let Some(Screen::Routes(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let resumed = pane.resumed;
    let takes_over = resumed.is_some_and(|it| it.takes_over);
    let runs = pane.runnable(force_conflicts).cloned().map(|plan| {
        let what = match resumed {
            Some(resumed) => resumed.command(plan.instance.id.as_str(), plan.caution.wants_id()),
            None => command(&plan, force_conflicts),
        };
        Run {
            kind: OperationKind::Routes,
            instance: plan.instance.clone(),
            what,
            lost: String::new(),
            effect: move |op| Effect::RunRoutes {
                op,
                plan: Box::new(plan),
                force_conflicts,
                takes_over,
            },
        }
    });
    let runs = runs.collect();
    run_all(model, runs)
}

fn command(plan: &RoutePlan, force_conflicts: bool) -> String {
    let id = &plan.instance.id;
    let mut command = format!("update-ingress {id}");
    if force_conflicts && !plan.conflicts.is_empty() {
        command.push_str(" --force-conflicts");
    }
    if plan.caution.wants_id() {
        command.push_str(&format!(" --confirm {id}"));
    }
    command
}
