//! The history of an instance: read, compared, rolled back to.

use crate::app::availability::availability;
use crate::app::effect::{DeploySource, Effect, Origin, ReviewedPlan};
use crate::app::msg::{Msg, OpId};
use crate::app::popup::{Choice, Popup};
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::app::{Action, Place};
use crate::engine::history::Comparison;
use crate::engine::plan::{DiffLine, DiffSide};
use crate::failure::{Failure, FailureKind};
use crate::service::protection::Caution;

fn read_history(effects: Vec<Effect>) -> Option<OpId> {
    let asked: Vec<_> = effects
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::ReadHistory { op, key } => Some((op, key)),
            _ => None,
        })
        .collect();
    match &asked[..] {
        [] => None,
        [(op, key)] => {
            assert_eq!(*key, stage::key("web"));
            Some(*op)
        }
        more => panic!("{more:?}"),
    }
}

/// The history of web is in front, its revisions 5 to 7 of which the last is current.
fn showing() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G").rest();
    stage.press("tab 7");
    stage.follow();
    let op = read_history(stage.take_effects()).unwrap();
    let result = Ok(stage::history("web", &[5, 6, 7], Some(7)));
    stage.send(Msg::HistoryRead { op, result });
    assert_eq!(stage.model.place(), Place::History);
    stage
}

fn compared(stage: &mut Stage, keys: &str) -> (u32, u32) {
    stage.press(keys);
    match &stage.take_effects()[..] {
        [Effect::CompareRevisions { key, from, to, .. }] => {
            assert_eq!(*key, stage::key("web"));
            (*from, *to)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn history_is_read_once_its_instance_is_watched_and_again_when_it_changes() {
    let mut stage = Stage::with_services();
    stage.press("7 G");
    stage.follow();
    assert_eq!(read_history(stage.take_effects()), None);
    stage.rest();
    stage.follow();
    let op = read_history(stage.take_effects()).unwrap();
    stage.follow();
    assert_eq!(read_history(stage.take_effects()), None);
    let result = Ok(stage::history("web", &[6, 7], Some(7)));
    stage.send(Msg::HistoryRead { op, result });
    stage.overview(vec![stage::records_with(&[("web", 8)])]);
    stage.follow();
    let again = read_history(stage.take_effects()).unwrap();
    // The answer to the first question comes too late now.
    let failure = Failure::new(FailureKind::Unreachable, "timeout");
    stage.send(Msg::HistoryRead {
        op,
        result: Err(failure),
    });
    assert!(stage.model.detail_pane.history.history().is_some());
    let result = Ok(stage::history("web", &[7, 8], Some(8)));
    stage.send(Msg::HistoryRead { op: again, result });
    let selected = stage.model.detail_pane.history.table.selected();
    assert_eq!(selected, Some(&8), "the newest comes first");
}

#[test]
fn revision_is_compared_with_the_one_before_or_with_the_current_one() {
    let mut stage = showing();
    assert_eq!(compared(&mut stage, "enter"), (6, 7));
    // Of the current one only the one before makes sense.
    assert_eq!(compared(&mut stage, "esc D"), (6, 7));
    assert_eq!(compared(&mut stage, "esc j j D"), (5, 7));
    stage.press("esc enter");
    assert_eq!(stage.take_effects(), []);
    let why = availability(Action::Compare, &stage.model);
    assert_eq!(why, Err("no revision from before it is kept".into()));
}

#[test]
fn two_marked_revisions_are_compared() {
    let mut stage = showing();
    assert_eq!(compared(&mut stage, "space j space enter"), (5, 7));
    let Some(Screen::Comparison(pane)) = stage.model.screens.last() else {
        panic!("no comparison");
    };
    let op = pane.op;
    let line = |side, text: &str| DiffLine {
        side,
        text: text.to_owned(),
    };
    let result = Ok(Comparison {
        from: 5,
        to: 7,
        text: vec![line(DiffSide::New, "replicas: 2")],
        parameters: vec![line(DiffSide::Old, "size=small")],
    });
    stage.send(Msg::RevisionsCompared { op, result });
    let Some(Screen::Comparison(pane)) = stage.model.screens.last() else {
        panic!("no comparison");
    };
    let lines: Vec<_> = pane.lines().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["size=small", "replicas: 2"]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a diff web --revision 5 --to 7")
    );
}

#[test]
fn rollback_goes_to_the_selected_revision_after_its_plan_and_a_question() {
    let mut stage = showing();
    let why = availability(Action::Rollback, &stage.model);
    assert_eq!(
        why,
        Err("it is the current revision: select an earlier one".into())
    );
    stage.press("j u");
    let source = DeploySource::of(Origin::Revision {
        instance: stage::key("web"),
        to: Some(6),
    });
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { op, source: asked }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(*asked, source);
    let plan = ReviewedPlan::Rollback(stage::rollback_plan("web", 6));
    let result = Ok(Box::new(plan.clone()));
    stage.send(Msg::DeployPlanned { op: *op, result });
    stage.press("enter");
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert_eq!(menu.title, "Roll web back to r6?");
    assert_eq!(menu.items[0].choice, Choice::RunDeploy);
    assert_eq!(menu.items[0].detail, "in kind-dev ▸ team-a");
    stage.press("enter");
    let op = OpId(stage.model.last_op);
    let run = Effect::RunDeploy {
        op,
        source,
        plan: Box::new(plan),
        force_conflicts: false,
    };
    assert_eq!(stage.take_effects(), [run]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a rollback web --to 6")
    );
}

#[test]
fn rollback_of_what_is_protected_takes_its_id_typed() {
    let mut stage = showing();
    stage.press("j u");
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { op, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    let mut plan = stage::rollback_plan("web", 6);
    plan.caution = Caution::Protected;
    let result = Ok(Box::new(ReviewedPlan::Rollback(plan)));
    stage.send(Msg::DeployPlanned { op: *op, result });
    stage.press("enter enter");
    assert_eq!(stage.take_effects(), []);
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    for line in [
        "It is protected.",
        "In kind-dev ▸ team-a.",
        "Type web to roll web back to r6:",
    ] {
        assert!(prompt.text.contains(&line.to_owned()), "{:?}", prompt.text);
    }
    stage.type_text("web");
    stage.press("enter");
    assert!(matches!(
        stage.take_effects()[..],
        [Effect::RunDeploy { .. }]
    ));
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a rollback web --to 6 --confirm web")
    );
}

#[test]
fn rollback_from_the_list_goes_to_the_revision_before() {
    let mut stage = Stage::with_services();
    stage.press("G u");
    let source = DeploySource::of(Origin::Revision {
        instance: stage::key("web"),
        to: None,
    });
    let op = OpId(stage.model.last_op);
    assert_eq!(stage.take_effects(), [Effect::PlanDeploy { op, source }]);
}
