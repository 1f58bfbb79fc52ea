//! Scaling and restarting: planned at once for all that is marked, shown, confirmed, run.

use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::popup::{Choice, Popup, PromptKind};
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::engine::adjust::{AdjustPlan, Adjustment, WorkloadChoice};
use crate::engine::plan::FieldConflict;
use crate::failure::{Failure, FailureKind};
use crate::service::protection::Caution;

fn plan(op: u64, id: &str, adjustment: Adjustment) -> Effect {
    Effect::PlanAdjustment {
        op: OpId(op),
        key: stage::key(id),
        adjustment,
        only: None,
    }
}

fn run(op: u64, plan: AdjustPlan) -> Effect {
    Effect::RunAdjustment {
        op: OpId(op),
        plan: Box::new(plan),
        takes_conflicts: false,
        takes_over: false,
    }
}

fn planned(stage: &mut Stage, plan: AdjustPlan) {
    let Some(Screen::Adjust(pane)) = stage.model.screens.last() else {
        panic!("no plan is in front");
    };
    let (op, key) = (pane.op, plan.instance.clone());
    let result = Ok(Box::new(plan));
    stage.send(Msg::AdjustmentPlanned { op, key, result });
}

#[test]
fn one_replica_more_is_planned_confirmed_and_run() {
    let mut stage = Stage::with_services();
    stage.press("G +");
    assert_eq!(stage.take_effects(), [plan(1, "web", Adjustment::Scale(4))]);
    stage.press("enter");
    assert_eq!(
        stage.told(),
        Some("Not possible: the plan is not there yet.")
    );
    // Pressed again it is one more; the plan of before is stale.
    stage.press("+");
    assert_eq!(stage.take_effects(), [plan(2, "web", Adjustment::Scale(5))]);
    let shown = stage::adjust_plan("web", 3, Adjustment::Scale(5));
    stage.send(Msg::AdjustmentPlanned {
        op: OpId(1),
        key: stage::key("web"),
        result: Ok(Box::new(stage::adjust_plan("web", 3, Adjustment::Scale(4)))),
    });
    planned(&mut stage, shown.clone());
    stage.press("enter");
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert_eq!(menu.title, "Scale web to 5?");
    assert_eq!(menu.items[0].choice, Choice::RunAdjustments);
    assert_eq!(menu.items[0].detail, "in kind-dev ▸ team-a");
    stage.press("enter");
    assert_eq!(stage.take_effects(), [run(3, shown)]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a scale web 5")
    );
    assert!(matches!(stage.model.screens[..], [Screen::Progress(_)]));
}

#[test]
fn logged_command_says_what_the_session_was_begun_with() {
    let check = |has_context: bool, expected: &str| {
        let mut stage = Stage::with_services();
        stage.model.session.has_context = has_context;
        stage.model.session.invocation.flags = ["--as", "o'brien"].map(str::to_owned).to_vec();
        stage.press("G d");
        assert_eq!(stage.last_command(), Some(expected));
    };
    check(
        true,
        r"bowline --context kind-dev --as 'o'\''brien' -n team-a status web",
    );
    check(false, r"bowline --as 'o'\''brien' -n team-a status web");
}

#[test]
fn number_is_typed_and_checked() {
    let mut stage = Stage::with_services();
    stage.press("G =").type_text("1001");
    stage.press("enter");
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert_eq!(
        prompt.error.as_deref(),
        Some("that is no number from 0 to 1000")
    );
    assert_eq!(stage.take_effects(), []);
    stage.press("^u").type_text("0");
    stage.press("enter");
    assert_eq!(stage.take_effects(), [plan(1, "web", Adjustment::Scale(0))]);
    assert!(stage.model.popup.is_none());
}

/// Whatever becomes of its row while the number is typed.
#[test]
fn number_is_that_of_what_it_was_asked_of() {
    let mut stage = Stage::with_services();
    stage.press("G =");
    stage.model.services.table.move_by(-1);
    stage.press("^u").type_text("3").press("enter");
    assert_eq!(stage.take_effects(), [plan(1, "web", Adjustment::Scale(3))]);
}

#[test]
fn all_that_is_marked_is_restarted_after_one_question_and_what_changes_nothing_is_left_out() {
    let mut stage = Stage::with_services();
    // The row of the definition that is not deployed is marked too, and is none of these.
    stage.press("space space space r");
    let restart = Adjustment::Restart;
    assert_eq!(
        stage.take_effects(),
        [plan(1, "billing", restart), plan(1, "ml-resnet", restart)]
    );
    let billing = stage::adjust_plan("billing", 1, restart);
    let mut resnet = stage::adjust_plan("ml-resnet", 2, restart);
    resnet.workloads.clear();
    planned(&mut stage, billing.clone());
    planned(&mut stage, resnet);
    stage.press("enter enter");
    assert_eq!(stage.take_effects(), [run(2, billing)]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a restart billing")
    );
    assert!(stage.model.services.table.marks().is_empty());
}

#[test]
fn what_is_refused_is_left_and_keeps_no_other_from_being_restarted() {
    let mut stage = Stage::with_services();
    stage.press("space space r");
    stage.take_effects();
    let restart = Adjustment::Restart;
    let mut billing = stage::adjust_plan("billing", 1, restart);
    billing.refusals = vec![Failure::new(FailureKind::Refused, "billing is busy")];
    let resnet = stage::adjust_plan("ml-resnet", 2, restart);
    planned(&mut stage, billing);
    planned(&mut stage, resnet.clone());
    stage.press("enter");
    assert_eq!(stage.menu().title, "Restart ml-resnet?");
    let left = "1 is left, for the reason that is shown.";
    assert_eq!(stage.menu().text, [left]);
    stage.press("y");
    assert_eq!(stage.take_effects(), [run(2, resnet)]);

    // One of which nobody can say what it would do is left too; where all are, nothing can be confirmed.
    let mut stage = Stage::with_services();
    stage.press("space space r");
    stage.take_effects();
    for id in ["billing", "ml-resnet"] {
        stage.send(Msg::AdjustmentPlanned {
            op: OpId(1),
            key: stage::key(id),
            result: Err(Failure::new(FailureKind::Forbidden, "not here")),
        });
    }
    stage.press("enter");
    assert_eq!(
        stage.told(),
        Some("Not possible: there is no plan: plan anew.")
    );
}

#[test]
fn protected_one_takes_its_id_typed() {
    let mut stage = Stage::with_services();
    stage.press("G -");
    stage.take_effects();
    let mut shown = stage::adjust_plan("web", 3, Adjustment::Scale(2));
    shown.caution = Caution::Protected;
    planned(&mut stage, shown.clone());
    stage.press("enter enter");
    assert_eq!(stage.take_effects(), []);
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    let kind = PromptKind::TypedAdjust {
        ids: vec!["web".parse().unwrap()],
        takes_conflicts: false,
    };
    assert_eq!(prompt.kind, kind);
    assert!(prompt.text.contains(&"In kind-dev ▸ team-a.".to_owned()));
    stage.type_text("web");
    stage.press("enter");
    assert_eq!(stage.take_effects(), [run(2, shown)]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a scale web 2 --confirm web")
    );
}

#[test]
fn one_that_loses_data_takes_its_id_typed() {
    let mut stage = Stage::with_services();
    stage.press("G -");
    stage.take_effects();
    let mut shown = stage::adjust_plan("web", 3, Adjustment::Scale(1));
    shown.n_lost = 2;
    planned(&mut stage, shown.clone());
    stage.press("enter enter");
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    let expected = [
        "In kind-dev ▸ team-a.",
        "The data of 2 claims may be destroyed.",
        "Type web to go on:",
    ];
    assert_eq!(prompt.text, expected);
    stage.type_text("web");
    stage.press("enter");
    assert_eq!(stage.take_effects(), [run(2, shown)]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a scale web 1 --confirm web")
    );
}

#[test]
fn nothing_below_none_and_nothing_where_nothing_runs() {
    let mut stage = Stage::with_services();
    stage.press("j j +");
    assert_eq!(
        stage.told(),
        Some("Not possible: nothing is deployed here.")
    );
    stage.press("k k -");
    assert_eq!(
        stage.take_effects(),
        [plan(1, "billing", Adjustment::Scale(0))]
    );
    stage.press("-");
    assert_eq!(stage.take_effects(), []);
    planned(
        &mut stage,
        stage::adjust_plan("billing", 1, Adjustment::Scale(0)),
    );
    stage.press("r");
    assert_eq!(
        stage.take_effects(),
        [plan(2, "billing", Adjustment::Scale(0))]
    );
}

/// A plan that somebody else's number stands against.
fn contested(id: &str) -> AdjustPlan {
    let mut plan = stage::adjust_plan(id, 3, Adjustment::Scale(4));
    plan.conflicts = vec![FieldConflict {
        key: plan.workloads[0].key.clone(),
        field: ".spec.replicas".to_owned(),
        message: "conflict with \"kubectl\" using apps/v1".to_owned(),
        seen: None,
    }];
    plan
}

#[test]
fn number_of_others_is_taken_left_or_cancelled() {
    let mut stage = Stage::with_services();
    stage.press("G +");
    stage.take_effects();
    planned(&mut stage, contested("web"));
    stage.press("enter");
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    let labels: Vec<&str> = menu.items.iter().map(|item| item.label.as_str()).collect();
    assert_eq!(
        labels,
        ["Cancel", "Take over and scale web to 4", "Leave as it is"]
    );
    assert_eq!(
        menu.text,
        ["The number belongs to somebody else, as shown."]
    );
    stage.press("j enter");
    let taken = Effect::RunAdjustment {
        op: OpId(2),
        plan: Box::new(contested("web")),
        takes_conflicts: true,
        takes_over: false,
    };
    assert_eq!(stage.take_effects(), [taken]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a scale web 4 --force-conflicts")
    );

    let mut stage = Stage::with_services();
    stage.press("G +");
    stage.take_effects();
    planned(&mut stage, contested("web"));
    stage.press("enter j j enter enter");
    assert_eq!(stage.take_effects(), []);
    assert_eq!(stage.told(), Some("Not possible: nothing would change."));
}

#[test]
fn one_of_several_workloads_is_chosen_and_counted_from_its_own_number() {
    let mut stage = Stage::with_services();
    stage.press("G +");
    stage.take_effects();
    let choice = |name: &str, replicas| WorkloadChoice {
        name: name.parse().unwrap(),
        replicas,
    };
    let mut open = stage::adjust_plan("web", 3, Adjustment::Scale(4));
    open.workloads.clear();
    open.choices = vec![choice("deployment/front", 1), choice("sts/back", 2)];
    planned(&mut stage, open);
    stage.press("enter");
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert_eq!(menu.title, "Which workload of web?");
    stage.press("j enter");
    let chosen = Effect::PlanAdjustment {
        op: OpId(2),
        key: stage::key("web"),
        adjustment: Adjustment::Scale(3),
        only: Some("statefulset/back".parse().unwrap()),
    };
    assert_eq!(stage.take_effects(), [chosen]);
}
