//! Scaling and restarting: planned for all that is marked at once, shown, confirmed, run.

use crate::app::effect::Effect;
use crate::app::model::{Model, Screen};
use crate::app::msg::OpId;
use crate::app::operation::OperationKind;
use crate::app::panes::adjust::{AdjustPane, stepped};
use crate::app::popup::{Choice, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::definition::id::InstanceId;
use crate::engine::adjust::{AdjustPlan, Adjustment, MAX_REPLICAS};
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

use super::operations::{begin, places_of};

/// Plans so many replicas more, of what is marked or selected, or of what is planned already.
pub(super) fn scale_by(model: &mut Model, by: i32) -> Vec<Effect> {
    if let Some(Screen::Adjust(pane)) = model.screens.last_mut() {
        return match pane.step(by) {
            true => replan(model),
            false => Vec::new(),
        };
    }
    let targets = model.deployed_targets().into_iter();
    let wanted = targets.map(|key| {
        let present = model
            .fleet
            .get(&key)
            .map_or(0, |instance| instance.wanted());
        (key, Adjustment::Scale(stepped(present, by)))
    });
    let wanted = wanted.collect();
    show(model, wanted)
}

/// Asks for the number of replicas.
pub(super) fn ask_replicas(model: &mut Model) {
    let names: Vec<String> = match model.screens.last() {
        Some(Screen::Adjust(pane)) => {
            let keys = pane.plans.iter().map(|planned| &planned.key);
            keys.map(|key| key.id.to_string()).collect()
        }
        _ => {
            let keys = model.deployed_targets().into_iter();
            keys.map(|key| key.id.to_string()).collect()
        }
    };
    let text = vec![format!("Replicas of {}; 0 stops it.", names.join(", "))];
    let prompt = Prompt::new(PromptKind::Replicas, "Scale", text);
    model.popup = Some(Popup::Prompt(prompt));
}

/// Plans the number of replicas that was typed.
pub(super) fn scale_to(model: &mut Model, text: &str) -> Result<Vec<Effect>, String> {
    let replicas = text.parse::<u32>().ok().filter(|n| *n <= MAX_REPLICAS);
    let replicas = replicas.ok_or_else(|| format!("that is no number from 0 to {MAX_REPLICAS}"))?;
    model.popup = None;
    if let Some(Screen::Adjust(pane)) = model.screens.last_mut() {
        pane.set(replicas);
        return Ok(replan(model));
    }
    let targets = model.deployed_targets().into_iter();
    let wanted = targets.map(|key| (key, Adjustment::Scale(replicas)));
    let wanted = wanted.collect();
    Ok(show(model, wanted))
}

/// Plans a restart of what is marked or selected.
pub(super) fn restart(model: &mut Model) -> Vec<Effect> {
    let targets = model.deployed_targets().into_iter();
    let wanted = targets.map(|key| (key, Adjustment::Restart)).collect();
    show(model, wanted)
}

fn show(model: &mut Model, wanted: Vec<(InstanceKey, Adjustment)>) -> Vec<Effect> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let op = model.next_op();
    let pane = AdjustPane::new(op, wanted);
    let effects = plan_all(&pane);
    model.screens.push(Screen::Adjust(Box::new(pane)));
    effects
}

fn plan_all(pane: &AdjustPane) -> Vec<Effect> {
    let plans = pane.plans.iter().map(|planned| Effect::PlanAdjustment {
        op: pane.op,
        key: planned.key.clone(),
        adjustment: planned.adjustment,
    });
    plans.collect()
}

/// Asks for the plans in front once more.
pub(super) fn replan(model: &mut Model) -> Vec<Effect> {
    let op = model.next_op();
    match model.screens.last_mut() {
        Some(Screen::Adjust(pane)) => {
            pane.restart(op);
            plan_all(pane)
        }
        _ => Vec::new(),
    }
}

pub(super) fn on_planned(
    model: &mut Model,
    op: OpId,
    key: &InstanceKey,
    result: Result<Box<AdjustPlan>, Failure>,
) -> Vec<Effect> {
    let pane = model.screens.iter_mut().find_map(|screen| match screen {
        Screen::Adjust(pane) if pane.op == op => Some(pane),
        _ => None,
    });
    if let Some(pane) = pane {
        pane.on_planned(key, result);
    }
    Vec::new()
}

/// Asks once more before the plans in front are carried out: for the IDs of what is protected, else with a menu.
pub(super) fn confirm(model: &mut Model) {
    let Some(Screen::Adjust(pane)) = model.screens.last() else {
        return;
    };
    let changing: Vec<&AdjustPlan> = pane.changing().collect();
    let ids: Vec<_> = changing
        .iter()
        .map(|plan| plan.instance.id.as_str())
        .collect();
    let place = places_of(model, changing.iter().map(|plan| &plan.instance));
    let deed = match changing.first().map(|plan| plan.adjustment) {
        Some(Adjustment::Scale(to)) if has_one_number(&changing) => {
            format!("Scale {} to {to}", ids.join(", "))
        }
        Some(Adjustment::Scale(_)) => format!("Scale {}", ids.join(", ")),
        Some(Adjustment::Restart) | None => format!("Restart {}", ids.join(", ")),
    };
    let title = format!("{deed}?");
    let to_type = pane.ids_to_type();
    model.popup = Some(if to_type.is_empty() {
        let items = vec![
            MenuItem::new(deed, format!("in {place}"), Choice::RunAdjustments),
            MenuItem::new("Cancel", "", Choice::Cancel),
        ];
        Popup::Menu(Menu::new(title, Vec::new(), items))
    } else {
        let typed: Vec<_> = to_type.iter().map(InstanceId::as_str).collect();
        let text = vec![
            format!("In {place}."),
            "It is protected.".to_owned(),
            format!("Type {} to go on:", typed.join(" ")),
        ];
        Popup::Prompt(Prompt::new(PromptKind::TypedAdjust(to_type), title, text))
    });
}

fn has_one_number(plans: &[&AdjustPlan]) -> bool {
    plans
        .windows(2)
        .all(|two| two[0].adjustment == two[1].adjustment)
}

/// Starts what the plans in front would change.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Adjust(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let plans: Vec<AdjustPlan> = pane.changing().cloned().collect();
    model.screens.pop();
    let (mut ops, mut effects) = (Vec::new(), Vec::new());
    for plan in plans {
        let (kind, what) = command(&plan);
        let op = begin(model, kind, plan.instance.clone(), &what);
        ops.push(op);
        effects.push(Effect::RunAdjustment {
            op,
            plan: Box::new(plan),
        });
    }
    model.services.table.clear_marks();
    model.screens.push(Screen::Progress { ops, n_below: 0 });
    effects
}

fn command(plan: &AdjustPlan) -> (OperationKind, String) {
    let id = &plan.instance.id;
    let confirm = match plan.is_protected {
        true => format!(" --confirm {id}"),
        false => String::new(),
    };
    match plan.adjustment {
        Adjustment::Scale(to) => (OperationKind::Scale, format!("scale {id} {to}{confirm}")),
        Adjustment::Restart => (OperationKind::Restart, format!("restart {id}{confirm}")),
    }
}
