//! What somebody left half done: its operation is planned from what stands in the cluster, and shown like one of ours.

use crate::app::availability::{needs_connection, resumable};
use crate::app::effect::{DeploySource, Effect, Origin};
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::operation::OperationKind;
use crate::app::panes::adjust::AdjustPane;
use crate::app::panes::adopt::AdoptPane;
use crate::app::panes::resumed::Resumed;
use crate::app::panes::routes::RoutesPane;
use crate::app::panes::teardown::TeardownPane;
use crate::app::popup::{Choice, Menu, MenuItem, Popup};
use crate::app::screen::Screen;
use crate::engine::adjust::Adjustment;
use crate::engine::plan::{TeardownScope, VolumeChoice};
use crate::engine::resume::{ClearPlan, ResumePlan};
use crate::engine::teardown::VOLUME_RELEASE;
use crate::engine::{adopt, routes};
use crate::failure::{Failure, FailureKind};
use crate::service::operation::Operation;
use crate::service::summary::InstanceKey;

use super::operations::{begin, show_progress};
use super::{reviews, teardowns};

/// Plans what finishes the operation of the selected instance.
pub(super) fn resume(model: &mut Model, takes_over: bool) -> Vec<Effect> {
    let Ok((instance, noted)) = resumable(model) else {
        return Vec::new();
    };
    let source = || DeploySource {
        takes_over,
        ..DeploySource::of(Origin::Noted(instance.clone()))
    };
    let resumed = Resumed {
        takes_over,
        takes_conflicts: false,
    };
    let screen = match noted.kind.as_str() {
        "teardown" | "release" | VOLUME_RELEASE => {
            return take_down(model, (instance, noted), takes_over);
        }
        "scale" | "restart" => {
            let op = model.next_op();
            let only = noted.aim.workload.as_deref().map(str::parse);
            let only = only.and_then(Result::ok);
            let wanted = (instance.clone(), adjustment(&noted));
            let pane = AdjustPane::resume(op, wanted, only, resumed);
            Screen::Adjust(Box::new(pane))
        }
        routes::OPERATION => Screen::Routes(Box::new(RoutesPane {
            resumed: Some(resumed),
            ..RoutesPane::new(model.next_op(), vec![instance.clone()])
        })),
        adopt::OPERATION => Screen::Adopt(Box::new(AdoptPane::new(model.next_op(), source()))),
        _ => return reviews::review(model, source()),
    };
    let op = op_of(&screen);
    model.screens.push(screen);
    op.map(|op| plan(op, &instance)).into_iter().collect()
}

fn take_down(
    model: &mut Model,
    (instance, noted): (InstanceKey, Operation),
    takes_over: bool,
) -> Vec<Effect> {
    let op = model.next_op();
    let volumes = noted.aim.volumes.as_deref().and_then(VolumeChoice::of);
    let named = noted.aim.named.iter().cloned().collect();
    let pane = match noted.kind.as_str() {
        "release" => TeardownPane::release(op, instance, TeardownScope::KeptClaims, named),
        VOLUME_RELEASE => {
            TeardownPane::release(op, instance, TeardownScope::RetainedVolumes, named)
        }
        _ => TeardownPane::new(op, vec![instance]),
    };
    let pane = TeardownPane {
        volumes: volumes.unwrap_or(pane.volumes),
        takes_over,
        ..pane
    };
    let effects = teardowns::plan_all(&pane);
    model.screens.push(Screen::Teardown(Box::new(pane)));
    effects
}

fn adjustment(noted: &Operation) -> Adjustment {
    match (noted.kind.as_str(), noted.aim.replicas) {
        ("scale", Some(to)) => Adjustment::Scale(to),
        _ => Adjustment::Restart,
    }
}

/// Asks for what finishes the operation of an instance.
pub(super) fn plan(op: OpId, instance: &InstanceKey) -> Effect {
    Effect::PlanRest {
        op,
        key: instance.clone(),
    }
}

/// Shows what is left to be done where it was asked for; asks whether the note may go where that is nothing.
pub(super) fn on_planned(
    model: &mut Model,
    op: OpId,
    key: &InstanceKey,
    result: Result<Box<ResumePlan>, Failure>,
) -> Vec<Effect> {
    let mut screens = model.screens.iter();
    let asked = screens.position(|screen| op_of(screen) == Some(op));
    let Some(asked) = asked else {
        return Vec::new();
    };
    match result.map(|plan| *plan) {
        Ok(ResumePlan::Clear(plan)) => {
            let screen = model.screens.remove(asked);
            ask_to_clear(model, op, plan, takes_over(&screen));
        }
        result => fill(&mut model.screens[asked], key, result),
    }
    Vec::new()
}

/// Returns the number that a screen asked with for what finishes an operation; none where it shows something else.
fn op_of(screen: &Screen) -> Option<OpId> {
    match screen {
        Screen::Adjust(pane) => pane.resumed.map(|_| pane.op),
        Screen::Routes(pane) => pane.resumed.map(|_| pane.op),
        Screen::Adopt(pane) => Some(pane.op),
        Screen::Review(pane) => Some(pane.op),
        _ => None,
    }
}

fn takes_over(screen: &Screen) -> bool {
    let resumed = match screen {
        Screen::Adjust(pane) => pane.resumed,
        Screen::Routes(pane) => pane.resumed,
        Screen::Adopt(pane) => return pane.source.takes_over,
        Screen::Review(pane) => return pane.source.takes_over,
        _ => None,
    };
    resumed.is_some_and(|it| it.takes_over)
}

fn fill(screen: &mut Screen, key: &InstanceKey, result: Result<ResumePlan, Failure>) {
    let other = || {
        let summary = "another operation is noted by now: go back, and resume that one";
        Failure::new(FailureKind::Conflict, summary)
    };
    match (screen, result) {
        (
            Screen::Adjust(pane),
            Ok(ResumePlan::Adjust {
                plan,
                takes_conflicts,
            }),
        ) => {
            pane.resume_with(plan.adjustment, takes_conflicts);
            pane.plans.on_planned(key, Ok(plan));
        }
        (
            Screen::Routes(pane),
            Ok(ResumePlan::Routes {
                plan,
                takes_conflicts,
            }),
        ) => {
            if let Some(resumed) = &mut pane.resumed {
                resumed.takes_conflicts = takes_conflicts;
            }
            pane.plans = Some(Ok(vec![*plan]));
        }
        (Screen::Adopt(pane), Ok(ResumePlan::Adopt(plan))) => pane.plan = Some(Ok(plan)),
        (Screen::Adjust(pane), result) => {
            pane.plans
                .on_planned(key, Err(result.err().unwrap_or_else(other)));
        }
        (Screen::Routes(pane), result) => {
            pane.plans = Some(Err(result.err().unwrap_or_else(other)));
        }
        (Screen::Adopt(pane), result) => {
            pane.plan = Some(Err(result.err().unwrap_or_else(other)));
        }
        _ => {}
    }
}

fn ask_to_clear(model: &mut Model, op: OpId, plan: Box<ClearPlan>, takes_over: bool) {
    let (id, what) = (plan.instance.id.clone(), plan.operation.what());
    let sentence = format!("Nothing is left half done: {}.", plan.why);
    if model.popup.is_some() {
        model.tell(sentence);
        return;
    }
    let title = format!("The {what} of {id}");
    let run = MenuItem::new(
        "Take its note away",
        format!("by {}", plan.operation.holder),
        Choice::RunClear(op, plan, takes_over),
    );
    model.popup = Some(Popup::Menu(Menu::confirm(title, vec![sentence], run)));
}

/// Takes the note away, unless the connection became another one while that was asked.
pub(super) fn clear(
    model: &mut Model,
    asked: OpId,
    plan: Box<ClearPlan>,
    takes_over: bool,
) -> Vec<Effect> {
    let is_same = match model.session.has_asked(asked) {
        true => Ok(()),
        false => Err("it was planned on an earlier connection: resume it anew"),
    };
    if let Err(why) = needs_connection(model).and(is_same) {
        model.decline(format!("Not possible: {why}."));
        return Vec::new();
    }
    let resumed = Resumed {
        takes_over,
        takes_conflicts: false,
    };
    let instance = plan.instance.clone();
    let what = resumed.command(instance.id.as_str(), false);
    let op = begin(model, OperationKind::Clear, instance, &what);
    show_progress(model, vec![op]);
    vec![Effect::RunClear {
        op,
        plan,
        takes_over,
    }]
}
