//! Scaling and restarting: planned for all that is marked at once, shown, confirmed, run.

use std::collections::BTreeSet;

use crate::app::effect::Effect;
use crate::app::input::Input;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::operation::OperationKind;
use crate::app::panes::adjust::{AdjustPane, stepped};
use crate::app::popup::{Choice, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::app::screen::Screen;
use crate::definition::id::InstanceId;
use crate::engine::adjust::{AdjustPlan, Adjustment, MAX_REPLICAS, WorkloadChoice, n_replicas};
use crate::failure::Failure;
use crate::service::protection::Caution;
use crate::service::summary::InstanceKey;

use super::operations::{Run, left_sentence, places_of, run_all};
use super::resuming;
use super::reviews::lower_first;

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
    show(model, wanted, Some(by))
}

/// Asks for the number of replicas.
pub(super) fn ask_replicas(model: &mut Model) {
    let wanted: Vec<(InstanceKey, Option<u32>)> = match model.screens.last() {
        Some(Screen::Adjust(pane)) => {
            let number = |adjustment| match adjustment {
                Adjustment::Scale(to) => Some(to),
                Adjustment::Restart => None,
            };
            let plans = pane.plans.iter();
            plans
                .map(|planned| (planned.key.clone(), number(planned.wanted.adjustment)))
                .collect()
        }
        _ => {
            let present = |key: &InstanceKey| model.fleet.get(key).map(|it| it.wanted());
            let keys = model.deployed_targets().into_iter();
            keys.map(|key| (key.clone(), present(&key))).collect()
        }
    };
    let names: Vec<_> = wanted.iter().map(|(key, _)| key.id.as_str()).collect();
    let text = vec![format!("Replicas of {}; 0 stops it.", names.join(", "))];
    let keys = wanted.iter().map(|(key, _)| key.clone()).collect();
    let mut prompt = Prompt::new(PromptKind::Replicas(keys), "Scale", text);
    let numbers: BTreeSet<Option<u32>> = wanted.iter().map(|(_, number)| *number).collect();
    if let (1, Some(Some(number))) = (numbers.len(), numbers.first()) {
        prompt.input = Input::proposing(&number.to_string());
    }
    model.popup = Some(Popup::Prompt(prompt));
}

/// Plans the number of replicas that was typed, of what it was asked of.
pub(super) fn scale_to(
    model: &mut Model,
    keys: Vec<InstanceKey>,
    text: &str,
) -> Result<Vec<Effect>, String> {
    let replicas = text.parse::<u32>().ok().filter(|n| *n <= MAX_REPLICAS);
    let replicas = replicas.ok_or_else(|| format!("that is no number from 0 to {MAX_REPLICAS}"))?;
    model.popup = None;
    if let Some(Screen::Adjust(pane)) = model.screens.last_mut() {
        pane.set(replicas);
        return Ok(replan(model));
    }
    let wanted = keys
        .into_iter()
        .map(|key| (key, Adjustment::Scale(replicas)));
    let wanted = wanted.collect();
    Ok(show(model, wanted, None))
}

/// Plans a restart of what is marked or selected.
pub(super) fn restart(model: &mut Model) -> Vec<Effect> {
    let targets = model.deployed_targets().into_iter();
    let wanted = targets.map(|key| (key, Adjustment::Restart)).collect();
    show(model, wanted, None)
}

fn show(model: &mut Model, wanted: Vec<(InstanceKey, Adjustment)>, by: Option<i32>) -> Vec<Effect> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let op = model.next_op();
    let pane = AdjustPane::new(op, wanted, by);
    let effects = plan_all(&pane);
    model.screens.push(Screen::Adjust(Box::new(pane)));
    effects
}

fn plan_all(pane: &AdjustPane) -> Vec<Effect> {
    let plans = pane.plans.iter().map(|planned| Effect::PlanAdjustment {
        op: pane.op,
        key: planned.key.clone(),
        adjustment: planned.wanted.adjustment,
        only: planned.wanted.only.clone(),
    });
    plans.collect()
}

/// Asks for the plans in front once more.
pub(super) fn replan(model: &mut Model) -> Vec<Effect> {
    let op = model.next_op();
    match model.screens.last_mut() {
        Some(Screen::Adjust(pane)) => {
            pane.restart(op);
            match (pane.resumed, pane.plans.iter().next()) {
                (Some(_), Some(planned)) => vec![resuming::plan(op, &planned.key)],
                _ => plan_all(pane),
            }
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
        pane.plans.on_planned(key, result);
    }
    Vec::new()
}

/// Asks once more before the plans in front are carried out: for the IDs of what is protected, else with a menu. Before that
/// it is asked which workload is meant, where an instance has several.
pub(super) fn confirm(model: &mut Model) {
    let Some(Screen::Adjust(pane)) = model.screens.last() else {
        return;
    };
    if let Some(plan) = pane.open_choice() {
        model.popup = Some(Popup::Menu(which_workload(plan)));
        return;
    }
    let runnable: Vec<&AdjustPlan> = pane.runnable().collect();
    let ids: Vec<_> = runnable
        .iter()
        .map(|plan| plan.instance.id.as_str())
        .collect();
    let place = places_of(model, runnable.iter().map(|plan| &plan.instance));
    let deed = match runnable.first().map(|plan| plan.adjustment) {
        Some(adjustment) if pane.resumed.is_some() => {
            format!("Finish the {} of {}", adjustment.verb(), ids.join(", "))
        }
        Some(Adjustment::Scale(to)) if has_one_number(&runnable) => {
            format!("Scale {} to {to}", ids.join(", "))
        }
        Some(Adjustment::Scale(_)) => format!("Scale {}", ids.join(", ")),
        Some(Adjustment::Restart) | None => format!("Restart {}", ids.join(", ")),
    };
    let title = format!("{deed}?");
    let to_type = pane.ids_to_type();
    let mut text: Vec<String> = left_sentence(pane.n_left()).into_iter().collect();
    let n_conflicts = pane.n_conflicts();
    let is_agreed = pane.resumed.is_some_and(|it| it.takes_conflicts);
    if is_agreed {
        text.push("Taking what belongs to others was agreed to when it was begun.".to_owned());
    }
    let taken = (n_conflicts > 0 && !is_agreed).then(|| match n_conflicts {
        1 => "The number belongs to somebody else, as shown".to_owned(),
        n => format!("{n} numbers belong to others, as shown"),
    });
    let place = format!("in {place}");
    model.popup = Some(match (to_type.is_empty(), taken) {
        (true, None) => {
            let run = MenuItem::new(deed, place, Choice::RunAdjustments);
            Popup::Menu(match runnable.iter().any(|plan| takes_away(plan)) {
                true => Menu::confirm_grave(title, text, run),
                false => Menu::confirm(title, text, run),
            })
        }
        (true, Some(taken)) => {
            let items = vec![
                MenuItem::cancel(),
                MenuItem::new(
                    format!("Take over and {}", lower_first(&deed)),
                    place,
                    Choice::RunAdjustmentsForced,
                ),
                MenuItem::new(
                    "Leave as it is",
                    "what others own",
                    Choice::YieldAdjustments,
                ),
            ];
            text.push(format!("{taken}."));
            Popup::Menu(Menu::new(title, text, items))
        }
        (false, taken) => {
            let typed: Vec<_> = to_type.iter().map(InstanceId::as_str).collect();
            let takes_conflicts = taken.is_some();
            text.insert(0, format!("I{}.", &place[1..]));
            let caution = Caution::of_all(runnable.iter().map(|plan| plan.caution));
            text.extend(caution.sentence("It"));
            text.extend(runnable.iter().filter_map(|plan| plan.loss()));
            text.extend(taken.map(|taken| format!("{taken}, and is taken over.")));
            text.push(format!("Type {} to go on:", typed.join(" ")));
            let kind = PromptKind::TypedAdjust {
                ids: to_type,
                takes_conflicts,
            };
            Popup::Prompt(Prompt::new(kind, title, text))
        }
    });
}

fn which_workload(plan: &AdjustPlan) -> Menu {
    let items = plan.choices.iter().map(|choice| {
        let chosen = Choice::Workload(plan.instance.clone(), choice.clone());
        let n = n_replicas(choice.replicas);
        MenuItem::new(choice.name.to_string(), n, chosen)
    });
    let items = items.chain([MenuItem::new("Cancel", "", Choice::Cancel)]);
    let title = format!("Which workload of {}?", plan.instance.id);
    Menu::new(title, Vec::new(), items.collect())
}

/// Plans anew for one workload of an instance.
pub(super) fn choose(model: &mut Model, key: &InstanceKey, choice: WorkloadChoice) -> Vec<Effect> {
    match model.screens.last_mut() {
        Some(Screen::Adjust(pane)) => {
            pane.choose(key, choice);
            replan(model)
        }
        _ => Vec::new(),
    }
}

/// Leaves to others what is theirs, in the plans in front.
pub(super) fn yield_to_others(model: &mut Model) {
    if let Some(Screen::Adjust(pane)) = model.screens.last_mut() {
        pane.yield_to_others();
    }
}

/// Tells whether there are fewer pods after it.
fn takes_away(plan: &AdjustPlan) -> bool {
    let Adjustment::Scale(to) = plan.adjustment else {
        return false;
    };
    plan.workloads.iter().any(|workload| to < workload.replicas)
}

fn has_one_number(plans: &[&AdjustPlan]) -> bool {
    plans
        .windows(2)
        .all(|two| two[0].adjustment == two[1].adjustment)
}

/// Starts what the plans in front would change.
pub(super) fn run(model: &mut Model, takes_conflicts: bool) -> Vec<Effect> {
    let Some(Screen::Adjust(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let resumed = pane.resumed;
    let takes_conflicts = takes_conflicts || resumed.is_some_and(|it| it.takes_conflicts);
    let takes_over = resumed.is_some_and(|it| it.takes_over);
    let runs = pane.runnable().cloned().map(|plan| {
        let (kind, mut what) = command(&plan, takes_conflicts);
        if let Some(resumed) = resumed {
            what = resumed.command(plan.instance.id.as_str(), needs_id(&plan));
        }
        Run {
            kind,
            instance: plan.instance.clone(),
            what,
            lost: String::new(),
            effect: move |op| Effect::RunAdjustment {
                op,
                plan: Box::new(plan),
                takes_conflicts,
                takes_over,
            },
        }
    });
    let runs = runs.collect();
    run_all(model, runs)
}

fn needs_id(plan: &AdjustPlan) -> bool {
    plan.caution.wants_id() || plan.n_lost > 0
}

fn command(plan: &AdjustPlan, takes_conflicts: bool) -> (OperationKind, String) {
    let id = &plan.instance.id;
    let mut flags = String::new();
    if let Some(only) = &plan.only {
        flags.push_str(&format!(" --workload {only}"));
    }
    if takes_conflicts && !plan.conflicts.is_empty() {
        flags.push_str(" --force-conflicts");
    }
    if needs_id(plan) {
        flags.push_str(&format!(" --confirm {id}"));
    }
    match plan.adjustment {
        Adjustment::Scale(to) => (OperationKind::Scale, format!("scale {id} {to}{flags}")),
        Adjustment::Restart => (OperationKind::Restart, format!("restart {id}{flags}")),
    }
}
