//! What is waited for: told once it lasts, given up with the key that goes back.

use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::stage::{self, Stage};
use crate::app::waits::Question;
use crate::engine::history::History;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::WorkloadKind;
use crate::service::watch::{Delta, WatchEvent};

/// Returns what is said to be waited for, for how long, and whether the key that goes back gives it up.
fn lasting(stage: &Stage) -> Option<(String, u32, bool)> {
    let model = &stage.model;
    let (wait, _) = model.waits.lasting(model.clock)?;
    let seconds = wait.seconds(model.clock);
    Some((wait.what.clone(), seconds, model.can_give_up(wait)))
}

fn millis(stage: &mut Stage, millis: u64) {
    stage.wait(Duration::from_millis(millis));
}

/// A plan for web that the cluster takes its time for.
fn planning() -> (Stage, OpId) {
    let mut stage = Stage::with_services();
    stage.press("G a");
    let effects = stage.take_all_effects();
    let [Effect::PlanDeploy { op, .. }] = effects[..] else {
        panic!("{effects:?}");
    };
    (stage, op)
}

#[test]
fn only_what_lasts_is_said_to_be_waited_for_and_for_how_long() {
    let (mut stage, op) = planning();
    millis(&mut stage, 400);
    assert_eq!(lasting(&stage), None);
    // It is drawn when it begins to last, and each second from there.
    assert!(stage.model.next_wake() <= Some(Duration::from_millis(100)));
    millis(&mut stage, 100);
    let what = || "Planning the deploy of web".to_owned();
    assert_eq!(lasting(&stage), Some((what(), 0, true)));
    assert!(stage.model.next_wake() <= Some(Duration::from_millis(500)));
    millis(&mut stage, 2600);
    assert_eq!(lasting(&stage), Some((what(), 3, true)));
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    stage.send(Msg::DeployPlanned { op, result });
    assert_eq!(lasting(&stage), None);
}

#[test]
fn plan_that_is_left_is_asked_no_further() {
    let (mut stage, op) = planning();
    stage.press("esc");
    let given_up = Effect::GiveUp(Question::Numbered(op));
    assert_eq!(stage.take_all_effects(), [given_up]);
    assert!(stage.model.screens.is_empty());
    // One that is there costs nothing to leave.
    let (mut stage, op) = planning();
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("esc");
    assert_eq!(stage.take_all_effects(), []);
}

#[test]
fn plan_that_is_made_anew_takes_the_place_of_the_one_before() {
    let (mut stage, op) = planning();
    stage.press("r");
    let effects = stage.take_all_effects();
    let [Effect::PlanDeploy { op: anew, .. }, Effect::GiveUp(before)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(*before, Question::Numbered(op));
    assert_ne!(*anew, op);
}

#[test]
fn what_has_no_screen_is_given_up_once_it_lasts_and_says_so() {
    let mut stage = Stage::with_services();
    stage.rest();
    stage.press("7");
    stage.follow();
    let effects = stage.take_all_effects();
    let op = effects.iter().find_map(|effect| match effect {
        Effect::ReadHistory { op, .. } => Some(*op),
        _ => None,
    });
    let op = op.unwrap();
    millis(&mut stage, 600);
    let what = "Reading the history of orders-db".to_owned();
    let (told, _, is_given_up) = lasting(&stage).unwrap();
    assert!(told.starts_with("Reading the history of "), "{told} {what}");
    assert!(is_given_up);
    stage.take_all_effects();
    stage.press("esc");
    let given_up = Effect::GiveUp(Question::Numbered(op));
    assert_eq!(stage.take_all_effects(), [given_up]);
    let told = stage.model.detail_pane.history.result.as_ref().unwrap();
    let told = &told.as_ref().unwrap_err().summary;
    assert!(told.ends_with(": given up"), "{told}");
    // It is not asked again by itself, but by whoever comes back to it.
    stage.follow();
    assert_eq!(stage.take_all_effects(), []);
    stage.press("7");
    stage.follow();
    let effects = stage.take_all_effects();
    assert!(
        matches!(effects[..], [Effect::ReadHistory { .. }]),
        "{effects:?}"
    );
}

#[test]
fn menu_that_is_closed_awaits_nothing() {
    let mut stage = Stage::with_services();
    stage.press("N");
    stage.take_all_effects();
    millis(&mut stage, 700);
    let what = "Listing the namespaces".to_owned();
    assert_eq!(lasting(&stage), Some((what, 0, true)));
    stage.press("esc");
    let given_up = Effect::GiveUp(Question::Namespaces);
    assert_eq!(stage.take_all_effects(), [given_up]);
    assert_eq!(lasting(&stage), None);
}

#[test]
fn key_that_goes_back_from_a_screen_goes_back_from_that_alone() {
    let mut stage = Stage::with_services();
    stage.press("7");
    stage.rest();
    stage.press("@");
    millis(&mut stage, 700);
    stage.take_all_effects();
    if let Some((_, _, is_given_up)) = lasting(&stage) {
        assert!(!is_given_up);
    }
    stage.press("esc");
    assert!(stage.model.screens.is_empty());
    assert!(
        stage
            .take_effects()
            .iter()
            .all(|effect| !matches!(effect, Effect::GiveUp(_))),
        "the history is still awaited"
    );
}

#[test]
fn write_is_never_given_up() {
    let mut stage = Stage::with_services();
    stage.press("n enter").type_text("fresh").press("enter");
    let effects = stage.take_all_effects();
    assert!(matches!(effects[..], [Effect::CreateDefinition { .. }]));
    millis(&mut stage, 900);
    let what = "Writing fresh".to_owned();
    assert_eq!(lasting(&stage), Some((what.clone(), 0, false)));
    stage.press("esc");
    assert_eq!(stage.take_all_effects(), []);
    assert_eq!(lasting(&stage), Some((what, 0, false)));
    let result = Err(Failure::new(FailureKind::Disk, "no room"));
    stage.send(Msg::DefinitionCreated {
        name: "fresh".parse().unwrap(),
        result,
    });
    assert_eq!(lasting(&stage), None);
}

#[test]
fn answer_that_comes_late_is_nobodys() {
    let mut stage = Stage::with_services();
    stage.rest();
    stage.press("7");
    stage.follow();
    let history = |op| Msg::HistoryRead {
        op,
        result: Ok::<History, Failure>(stage::history("web", &[1], Some(1))),
    };
    stage.send(history(OpId(99)));
    assert!(stage.model.detail_pane.history.result.is_none());
}

#[test]
fn comparison_that_is_looked_at_is_waited_for() {
    let mut stage = Stage::with_services();
    stage.press("G").rest();
    for event in [
        stage::records_with(&[("web", 7)]),
        WatchEvent::Workloads(
            WorkloadKind::Deployment,
            vec![Delta::Applied(stage::live_workload("web", 1, false))],
        ),
    ] {
        let (epoch, key) = (stage.epoch(), stage::key("web"));
        stage.send(Msg::InstanceEvent { epoch, key, event });
    }
    stage.press("tab d");
    millis(&mut stage, 1500);
    let what = "Comparing web with what was applied".to_owned();
    assert_eq!(lasting(&stage), Some((what, 1, true)));
    stage.press("esc");
    assert_eq!(lasting(&stage), None);
}
