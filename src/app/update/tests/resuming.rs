//! What somebody left half done, and gone on with here.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use crate::app::action::Action;
use crate::app::availability::availability;
use crate::app::effect::{DeploySource, Effect, Origin};
use crate::app::msg::{Msg, OpId};
use crate::app::stage::{self, Stage};
use crate::app::update::actions::perform;
use crate::app::update::tests::begin_restart;
use crate::engine::adjust::{AdjustPlan, Adjustment};
use crate::engine::adopt::{AdoptPlan, AdoptRow};
use crate::engine::plan::{FieldConflict, TeardownScope, VolumeChoice};
use crate::engine::progress::{Progress, Step};
use crate::engine::resume::{ClearPlan, ResumePlan};
use crate::failure::{Failure, FailureKind};
use crate::service::operation::{ABANDONED_AFTER, Aim, Handed, Operation};
use crate::service::watch::{Delta, LinkState, Topic, WatchEvent};

/// Notes an operation on orders-db, which is selected.
fn noted(kind: &str, aim: Aim) -> Stage {
    let mut stage = Stage::with_services();
    stage.press("j j j");
    let instance = stage.model.fleet.get(&stage::key("orders-db"));
    let mut record = instance.unwrap().record().unwrap().clone();
    record.operation = Some(Operation {
        kind: kind.to_owned(),
        step: "begins".to_owned(),
        holder: "ann@bastion/7".to_owned(),
        aim,
        ..Operation::default()
    });
    stage.overview(vec![WatchEvent::Records(vec![Delta::Applied(record)])]);
    stage.take_effects();
    stage
}

fn why_not(stage: &Stage) -> Option<Cow<'static, str>> {
    availability(Action::Resume, &stage.model).err()
}

#[test]
fn a_deploy_goes_on_with_what_its_revision_keeps() {
    let aim = Aim {
        revision: Some(3),
        ..Aim::default()
    };
    let mut stage = noted("deploy", aim);
    for (action, takes_over) in [(Action::Resume, false), (Action::TakeOver, true)] {
        let source = DeploySource {
            takes_over,
            ..DeploySource::of(Origin::Noted(stage::key("orders-db")))
        };
        let effects = perform(&mut stage.model, action);
        let [Effect::PlanDeploy { source: asked, .. }] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        assert_eq!(*asked, source);
        stage.press("esc");
    }
}

#[test]
fn a_teardown_goes_on_with_the_choice_that_was_made() {
    let aim = Aim {
        volumes: Some("retain".to_owned()),
        ..Aim::default()
    };
    let mut stage = noted("teardown", aim);
    let effects = perform(&mut stage.model, Action::TakeOver);
    let plan = Effect::PlanTeardown {
        op: OpId(1),
        key: stage::key("orders-db"),
        scope: TeardownScope::Instance,
        volumes: VolumeChoice::Retain,
        named: Default::default(),
    };
    assert_eq!(effects, [plan]);
}

/// Answers what was asked for with a number.
fn answer(stage: &mut Stage, op: u64, plan: ResumePlan) {
    stage.send(Msg::RestPlanned {
        op: OpId(op),
        key: stage::key("orders-db"),
        result: Ok(Box::new(plan)),
    });
}

fn asked(op: u64) -> Effect {
    Effect::PlanRest {
        op: OpId(op),
        key: stage::key("orders-db"),
    }
}

fn scale_to_four() -> Stage {
    noted(
        "scale",
        Aim {
            replicas: Some(4),
            ..Aim::default()
        },
    )
}

#[test]
fn a_scale_goes_on_in_place_as_it_was_begun() {
    let mut stage = scale_to_four();
    assert_eq!(perform(&mut stage.model, Action::TakeOver), [asked(1)]);
    // Its number was chosen by whoever began it.
    assert_eq!(
        availability(Action::ScaleUp, &stage.model),
        Err("it goes on as it was begun".into())
    );
    let mut plan = stage::adjust_plan("orders-db", 1, Adjustment::Scale(4));
    plan.conflicts = vec![FieldConflict {
        key: plan.workloads[0].key.clone(),
        field: ".spec.replicas".to_owned(),
        message: "conflict with \"kubectl\"".to_owned(),
        seen: None,
    }];
    let shown = Box::new(plan.clone());
    answer(
        &mut stage,
        1,
        ResumePlan::Adjust {
            plan: shown.clone(),
            takes_conflicts: true,
        },
    );
    stage.press("enter");
    assert_eq!(stage.menu().title, "Finish the scale of orders-db?");
    let agreed = "Taking what belongs to others was agreed to when it was begun.";
    assert_eq!(stage.menu().text, [agreed]);
    stage.press("y");
    let run = Effect::RunAdjustment {
        op: OpId(2),
        plan: shown,
        takes_conflicts: true,
        takes_over: true,
    };
    assert_eq!(stage.take_effects(), [run]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a resume orders-db --take-over")
    );
}

#[test]
fn who_was_seen_to_stand_still_is_not_waited_for_again() {
    let mut stage = scale_to_four();
    stage.wait(ABANDONED_AFTER);
    stage.take_effects();
    perform(&mut stage.model, Action::Resume);
    let plan = Box::new(stage::adjust_plan("orders-db", 1, Adjustment::Scale(4)));
    let rest = ResumePlan::Adjust {
        plan: plan.clone(),
        takes_conflicts: false,
    };
    answer(&mut stage, 1, rest);
    stage.press("enter y");
    let run = Effect::RunAdjustment {
        op: OpId(2),
        plan,
        takes_conflicts: false,
        takes_over: false,
    };
    let not_again = Effect::TakeOver {
        op: OpId(2),
        silent_since: Some(jiff::Timestamp::UNIX_EPOCH),
    };
    assert_eq!(stage.take_effects(), [run, not_again]);
}

/// Finishes what was left half done, and returns whose silence is not waited for again.
fn resumed(stage: &mut Stage) -> Option<jiff::Timestamp> {
    perform(&mut stage.model, Action::Resume);
    let rest = ResumePlan::Adjust {
        plan: Box::new(stage::adjust_plan("orders-db", 1, Adjustment::Scale(4))),
        takes_conflicts: false,
    };
    answer(stage, 1, rest);
    stage.press("enter y");
    let effects = stage.take_effects();
    effects.iter().find_map(|effect| match effect {
        Effect::TakeOver { silent_since, .. } => *silent_since,
        _ => None,
    })
}

/// API servers behind one address, of which one is a minute ahead: its answer sets the clock that ages are told by.
#[test]
fn nobody_stands_still_for_a_clock_that_jumps() {
    let mut stage = scale_to_four();
    let (now, clock) = (stage.model.now + ABANDONED_AFTER * 5, stage.model.clock);
    stage.send(Msg::Tick { now, clock });
    stage.take_effects();
    assert_eq!(resumed(&mut stage), None);
}

#[test]
fn nobody_stands_still_who_could_not_be_heard() {
    let mut stage = scale_to_four();
    let topic = Topic::Records;
    let lost = LinkState::Retrying {
        failure: Failure::new(FailureKind::Unreachable, "connection refused"),
        next_attempt_in: ABANDONED_AFTER,
        data_age: Some(Duration::ZERO),
    };
    let link = |state| {
        vec![WatchEvent::Link {
            topic: topic.clone(),
            state,
        }]
    };
    stage.overview(link(lost));
    stage.wait(ABANDONED_AFTER * 2);
    stage.overview(link(LinkState::Live));
    stage.take_effects();
    assert_eq!(resumed(&mut stage), None);
}

#[test]
fn who_is_waited_for_can_be_taken_over_while_that_is_waited_for() {
    let mut stage = Stage::with_services();
    let op = begin_restart(&mut stage);
    stage.press("P enter T");
    assert_eq!(stage.told(), Some("Not possible: it waits for nobody."));
    let sentence = "waits until 12:00:12Z for a beat of ann@bastion/7";
    let progress = Progress::Listening(sentence.to_owned());
    stage.send(Msg::Progressed { op, progress });
    stage.press("T");
    assert_eq!(stage.menu().text[0], sentence);
    stage.press("y");
    let over = Effect::TakeOver {
        op,
        silent_since: None,
    };
    assert_eq!(stage.take_effects(), [over]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a restart web --take-over")
    );
    // Nothing is written yet, so that going back asks nothing.
    stage.press("esc");
    assert!(stage.model.popup.is_none());
    stage.press("enter");
    // Somebody else may have come before it; the command says it once.
    stage.press("T y");
    stage.take_effects();
    let n_said = stage.last_command().unwrap().matches("--take-over").count();
    assert_eq!(n_said, 1);
    let claimed = Progress::Done(Step::Claim, None);
    stage.send(Msg::Progressed {
        op,
        progress: claimed,
    });
    stage.press("T");
    assert_eq!(stage.told(), Some("Not possible: it waits for nobody."));
}

#[test]
fn a_restart_is_planned_anew_as_what_it_goes_on_with() {
    let aim = Aim {
        restarted_at: Some(jiff::Timestamp::UNIX_EPOCH),
        ..Aim::default()
    };
    let mut stage = noted("restart", aim);
    assert_eq!(perform(&mut stage.model, Action::Resume), [asked(1)]);
    let plan = stage::adjust_plan("orders-db", 1, Adjustment::Restart);
    let rest = |plan: &AdjustPlan| ResumePlan::Adjust {
        plan: Box::new(plan.clone()),
        takes_conflicts: false,
    };
    answer(&mut stage, 1, rest(&plan));
    stage.press("r");
    assert_eq!(stage.take_effects(), [asked(2)]);
    // The answer of before is stale.
    answer(&mut stage, 1, rest(&plan));
    stage.press("enter");
    assert!(stage.model.popup.is_none());
    answer(&mut stage, 2, rest(&plan));
    stage.press("enter y");
    let run = Effect::RunAdjustment {
        op: OpId(3),
        plan: Box::new(plan),
        takes_conflicts: false,
        takes_over: false,
    };
    assert_eq!(stage.take_effects(), [run]);
}

#[test]
fn routes_go_on_in_place() {
    let mut stage = noted("update-ingress", Aim::default());
    assert_eq!(perform(&mut stage.model, Action::Resume), [asked(1)]);
    let plan = Box::new(stage::route_plan("orders-db"));
    let rest = ResumePlan::Routes {
        plan: plan.clone(),
        takes_conflicts: false,
    };
    answer(&mut stage, 1, rest);
    stage.press("enter y");
    let run = Effect::RunRoutes {
        op: OpId(2),
        plan,
        force_conflicts: false,
        takes_over: false,
    };
    assert_eq!(stage.take_effects(), [run]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a resume orders-db")
    );
}

#[test]
fn an_adoption_goes_on_in_place_after_its_id() {
    let key = stage::object("Service", "orders-db");
    let aim = Aim {
        handed: vec![Handed {
            key: key.clone(),
            shown: "0123456789abcdef".to_owned(),
            is_claim: false,
        }],
        ..Aim::default()
    };
    let mut stage = noted("adoption", aim);
    assert_eq!(perform(&mut stage.model, Action::TakeOver), [asked(1)]);
    let plan = Box::new(AdoptPlan {
        instance: stage::key("orders-db"),
        name: "orders-db".parse().unwrap(),
        rows: vec![AdoptRow {
            key,
            uid: "u1".to_owned(),
            owner: Some("the Helm release shop".to_owned()),
            managers: BTreeSet::new(),
            shared: BTreeSet::new(),
            is_claim: false,
        }],
        warnings: Vec::new(),
        refusals: Vec::new(),
    });
    answer(&mut stage, 1, ResumePlan::Adopt(plan.clone()));
    stage.press("enter").type_text("orders-db").press("enter");
    let run = Effect::RunAdopt {
        op: OpId(2),
        plan,
        takes_over: true,
    };
    assert_eq!(stage.take_effects(), [run]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a resume orders-db --take-over")
    );
}

#[test]
fn the_note_of_what_is_over_is_taken_away_after_a_question() {
    let mut stage = scale_to_four();
    perform(&mut stage.model, Action::Resume);
    let plan = Box::new(ClearPlan {
        instance: stage::key("orders-db"),
        operation: Operation {
            kind: "scale".to_owned(),
            holder: "ann@bastion/7".to_owned(),
            ..Operation::default()
        },
        why: "all of it was done already".to_owned(),
    });
    answer(&mut stage, 1, ResumePlan::Clear(plan.clone()));
    assert_eq!(stage.take_effects(), []);
    assert!(stage.model.screens.is_empty());
    assert_eq!(
        stage.menu().text,
        ["Nothing is left half done: all of it was done already."]
    );
    stage.press("y");
    let clear = Effect::RunClear {
        op: OpId(2),
        plan,
        takes_over: false,
    };
    assert_eq!(stage.take_effects(), [clear]);
}

#[test]
fn another_operation_by_now_is_not_carried_out_as_the_one_that_was_asked_for() {
    let mut stage = scale_to_four();
    perform(&mut stage.model, Action::Resume);
    let teardown = stage::teardown_plan("orders-db", VolumeChoice::Delete);
    answer(&mut stage, 1, ResumePlan::Teardown(Box::new(teardown)));
    stage.press("enter");
    assert_eq!(
        stage.told(),
        Some("Not possible: there is no plan: plan anew.")
    );
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn a_release_goes_on_with_the_choice_that_was_made() {
    let aim = Aim {
        volumes: Some("retain".to_owned()),
        ..Aim::default()
    };
    let mut stage = noted("release", aim);
    let plan = Effect::PlanTeardown {
        op: OpId(1),
        key: stage::key("orders-db"),
        scope: TeardownScope::KeptClaims,
        volumes: VolumeChoice::Retain,
        named: Default::default(),
    };
    assert_eq!(perform(&mut stage.model, Action::Resume), [plan]);
}

#[test]
fn what_cannot_be_resumed_says_why() {
    let mut stage = Stage::with_services();
    stage.press("j j j");
    assert_eq!(why_not(&stage), Some("nothing is under way here".into()));
    // An earlier program noted less.
    let why = "it cannot be resumed from its note: begin it again";
    for kind in [
        "deploy",
        "rollback",
        "scale",
        "restart",
        "adoption",
        "transmute",
    ] {
        let stage = noted(kind, Aim::default());
        assert_eq!(why_not(&stage), Some(why.into()), "{kind}");
    }
}
