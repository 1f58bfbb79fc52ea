//! A deploy: planned, reviewed, confirmed, run, ended.

use crate::app::effect::{DefinitionOrigin, DeploySource, Effect, Origin};
use crate::app::msg::{Msg, OpId};
use crate::app::operation::StepState;
use crate::app::popup::{Choice, Popup};
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::engine::plan::{DeployPlan, FieldConflict};
use crate::engine::progress::{Outcome, Progress, Step};
use crate::failure::{Failure, FailureKind};

fn source(name: &str) -> DeploySource {
    DeploySource::of(Origin::Definition(DefinitionOrigin {
        name: name.parse().unwrap(),
        id: name.parse().unwrap(),
        namespace: Some("team-a".parse().unwrap()),
        text: None,
    }))
}

/// The plan for web is asked for; returns with which number.
fn planning() -> (Stage, OpId) {
    let mut stage = Stage::with_services();
    stage.press("G a");
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { op, source: asked }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(*asked, source("web"));
    (stage, *op)
}

fn reviewing(plan: DeployPlan) -> Stage {
    let (mut stage, op) = planning();
    stage.send(Msg::DeployPlanned {
        op,
        result: Ok(Box::new(plan.into())),
    });
    stage
}

fn running() -> (Stage, OpId) {
    let mut stage = reviewing(stage::deploy_plan("web"));
    stage.press("enter enter");
    let effects = stage.take_effects();
    let [Effect::RunDeploy { op, .. }] = effects[..] else {
        panic!("{effects:?}");
    };
    (stage, op)
}

fn choices(stage: &Stage) -> Vec<Choice> {
    match &stage.model.popup {
        Some(Popup::Menu(menu)) => menu.items.iter().map(|item| item.choice.clone()).collect(),
        other => panic!("no menu: {other:?}"),
    }
}

#[test]
fn plan_that_was_shown_is_carried_out_after_one_more_question() {
    let plan = stage::deploy_plan("web");
    let mut stage = reviewing(plan.clone());
    stage.press("enter");
    assert_eq!(stage.take_effects(), []);
    assert_eq!(choices(&stage), [Choice::RunDeploy, Choice::Cancel]);
    stage.press("enter");
    let run = Effect::RunDeploy {
        op: OpId(2),
        source: source("web"),
        plan: Box::new(plan.into()),
        force_conflicts: false,
    };
    assert_eq!(stage.take_effects(), [run]);
    let commands: Vec<_> = stage
        .model
        .log
        .iter()
        .map(|entry| entry.command.as_str())
        .collect();
    assert_eq!(
        commands,
        ["bowline --context kind-dev -n team-a deploy web"]
    );
}

/// Fingers that look for something type a word, and enter behind it.
#[test]
fn a_word_that_is_typed_into_the_question_carries_nothing_out() {
    for word in ["image", "msg", "G"] {
        let mut stage = reviewing(stage::deploy_plan("web"));
        stage.press("enter");
        stage.type_text(word).press("enter");
        assert_eq!(stage.take_effects(), [], "{word}");
        assert!(stage.model.log.is_empty(), "{word}");
    }
    // The keys that move in it go on to.
    let mut stage = reviewing(stage::deploy_plan("web"));
    stage.press("enter j k enter");
    assert_eq!(stage.take_effects().len(), 1);
}

#[test]
fn commands_of_the_log_go_to_the_same_cluster() {
    let check = |is_sandbox: bool, context: &str, expected: &str| {
        let mut stage = reviewing(stage::deploy_plan("web"));
        stage.model.session.is_sandbox = is_sandbox;
        context.clone_into(&mut stage.model.session.context);
        stage.press("enter enter");
        assert_eq!(stage.model.log[0].command, expected);
    };
    check(true, "sandbox", "bowline --sandbox -n team-a deploy web");
    check(
        false,
        "o'neil prod",
        r"bowline --context 'o'\''neil prod' -n team-a deploy web",
    );
}

#[test]
fn deploy_to_a_server_that_is_not_verified_wants_the_id_typed() {
    let mut stage = reviewing(stage::deploy_plan("web"));
    stage.model.session.is_insecure = true;
    stage.press("enter enter");
    assert_eq!(stage.take_effects(), []);
    stage.send(Msg::Paste("web".to_owned()));
    stage.press("enter");
    assert_eq!(stage.take_effects(), []);
    stage.type_text("web").press("enter");
    let effects = stage.take_effects();
    assert!(
        matches!(
            &effects[..],
            [Effect::RunDeploy {
                force_conflicts: false,
                ..
            }]
        ),
        "{effects:?}"
    );
}

#[test]
fn esc_and_cancel_write_nothing() {
    let mut stage = reviewing(stage::deploy_plan("web"));
    stage.press("enter esc");
    assert!(matches!(
        stage.model.screens.last(),
        Some(Screen::Review(_))
    ));
    stage.press("enter j enter");
    assert!(matches!(
        stage.model.screens.last(),
        Some(Screen::Review(_))
    ));
    stage.press("esc");
    assert!(stage.model.screens.is_empty());
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn fields_of_others_are_taken_only_where_that_is_chosen() {
    let conflict = FieldConflict {
        key: stage::object("Deployment", "web"),
        field: ".spec.replicas".to_owned(),
        message: "conflict with kubectl".to_owned(),
        seen: None,
    };
    let plan = DeployPlan {
        conflicts: vec![conflict],
        ..stage::deploy_plan("web")
    };
    let mut stage = reviewing(plan.clone());
    stage.press("enter");
    // The first of the list, which enter chooses, changes nothing.
    let all = [Choice::Cancel, Choice::RunDeployForced, Choice::Yield];
    assert_eq!(choices(&stage), all);
    stage.press("j enter");
    let run = Effect::RunDeploy {
        op: OpId(2),
        source: source("web"),
        plan: Box::new(plan.into()),
        force_conflicts: true,
    };
    assert_eq!(stage.take_effects(), [run]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a deploy web --force-conflicts")
    );
}

#[test]
fn fields_of_others_are_left_to_them_and_planned_for_again() {
    let conflict = FieldConflict {
        key: stage::object("Deployment", "web"),
        field: ".spec.replicas".to_owned(),
        message: "conflict with kubectl".to_owned(),
        seen: None,
    };
    let mut stage = reviewing(DeployPlan {
        conflicts: vec![conflict],
        ..stage::deploy_plan("web")
    });
    stage.press("enter j j enter");
    let yielding = DeploySource {
        yields: true,
        ..source("web")
    };
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { op, source }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(*source, yielding);
    let plan = Box::new(stage::deploy_plan("web").into());
    stage.send(Msg::DeployPlanned {
        op: *op,
        result: Ok(plan),
    });
    stage.press("enter enter");
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a deploy web --yield-conflicts")
    );
}

#[test]
fn difference_stands_in_the_log_as_a_command() {
    let mut stage = Stage::with_services();
    stage.press("G D");
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a diff web")
    );
}

#[test]
fn refused_plan_cannot_be_confirmed() {
    let refusal = Failure::new(FailureKind::Forbidden, "web is owned by Helm");
    let plan = DeployPlan {
        refusals: vec![refusal],
        ..stage::deploy_plan("web")
    };
    let mut stage = reviewing(plan);
    stage.press("enter");
    assert!(stage.model.popup.is_none());
    assert_eq!(
        stage.told(),
        Some("Not possible: refused: see the reasons above.")
    );
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn plan_that_is_not_there_yet_cannot_be_confirmed() {
    let (mut stage, op) = planning();
    stage.press("enter");
    assert_eq!(
        stage.told(),
        Some("Not possible: the plan is not there yet.")
    );
    let failure = Failure::new(FailureKind::Invalid, "web has 2 errors");
    stage.send(Msg::DeployPlanned {
        op,
        result: Err(failure),
    });
    stage.press("enter");
    assert_eq!(
        stage.told(),
        Some("Not possible: there is no plan: plan anew.")
    );
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn stale_plan_is_dropped() {
    let (mut stage, op) = planning();
    stage.press("r");
    let again = Effect::PlanDeploy {
        op: OpId(op.0 + 1),
        source: source("web"),
    };
    assert_eq!(stage.take_effects(), [again]);
    stage.send(Msg::DeployPlanned {
        op,
        result: Ok(Box::new(stage::deploy_plan("web").into())),
    });
    let Some(Screen::Review(pane)) = stage.model.screens.last() else {
        panic!("no review");
    };
    assert_eq!(pane.plan(), None);
}

#[test]
fn definition_under_review_is_edited_with_its_key() {
    let (mut stage, op) = planning();
    let failure = Failure::new(FailureKind::Invalid, "web has 2 errors");
    stage.send(Msg::DeployPlanned {
        op,
        result: Err(failure),
    });
    stage.press("e");
    let open = Effect::OpenDefinition {
        editor: OpId(2),
        name: "web".parse().unwrap(),
    };
    assert_eq!(stage.take_effects(), [open]);
    assert!(matches!(stage.model.screens[..], [Screen::Editor(_)]));
}

#[test]
fn steps_are_shown_as_they_are_reported() {
    let (mut stage, op) = running();
    let apply = Step::Apply(stage::object("Deployment", "web"));
    let failure = Failure::new(FailureKind::Forbidden, "forbidden");
    for progress in [
        Progress::Started(Step::Claim),
        Progress::Done(Step::Claim, None),
        Progress::Started(apply.clone()),
        Progress::Waiting("something".to_owned()),
        Progress::Failed(apply.clone(), failure.clone()),
        Progress::NotTried(Step::Record, "no".to_owned()),
    ] {
        stage.send(Msg::Progressed { op, progress });
    }
    let operation = &stage.model.operations[&op];
    let steps: Vec<_> = operation
        .steps
        .iter()
        .map(|line| (line.step.clone(), line.state.clone()))
        .collect();
    let expected = [
        (Step::Claim, StepState::Done(None)),
        (apply, StepState::Failed(failure)),
        (Step::Record, StepState::NotTried("no".to_owned())),
    ];
    assert_eq!(steps, expected);
    assert_eq!(operation.waiting, None);
    assert!(operation.is_running());
}

#[test]
fn reports_of_an_unknown_operation_are_dropped() {
    let (mut stage, op) = running();
    let before = stage.model.operations.clone();
    let op = OpId(op.0 + 7);
    stage.send(Msg::Progressed {
        op,
        progress: Progress::Started(Step::Claim),
    });
    stage.send(Msg::Finished {
        op,
        outcome: Outcome::default(),
    });
    assert_eq!(stage.model.operations, before);
    assert_eq!(stage.told(), None);
}

#[test]
fn end_of_an_operation_is_told_wherever_the_user_is() {
    let failed = Failure::new(FailureKind::Forbidden, "forbidden");
    let whole = Outcome {
        done: vec![Step::Claim],
        ..Outcome::default()
    };
    let partly = Outcome {
        failed: vec![(Step::Claim, failed)],
        ..Outcome::default()
    };
    let outdated = Failure::new(
        FailureKind::Conflict,
        "team-a/web was changed after it was planned: plan again",
    );
    let refused = Outcome {
        failed: vec![(Step::Claim, outdated)],
        ..Outcome::default()
    };
    let pending = Outcome {
        pending: vec!["1 of 3 pods".to_owned()],
        ..Outcome::default()
    };
    for (outcome, sentence, is_error) in [
        (whole, "Deploy of web: done.", false),
        (partly, "Deploy of web: 1 failed.", true),
        (
            refused,
            "Deploy of web: not begun, nothing was changed.",
            true,
        ),
        (pending, "Deploy of web: accepted, not finished yet.", true),
    ] {
        let (mut stage, op) = running();
        stage.press("esc");
        assert_eq!(stage.model.n_running(), 1);
        stage.send(Msg::Finished { op, outcome });
        let status = stage.model.status.as_ref().unwrap();
        assert_eq!(
            (status.text.as_str(), status.is_error),
            (sentence, is_error)
        );
        assert_eq!(stage.model.n_running(), 0);
    }
}

#[test]
fn quitting_while_something_runs_is_asked_about() {
    let (mut stage, _) = running();
    stage.press("q");
    assert_eq!(stage.take_effects(), []);
    assert_eq!(choices(&stage), [Choice::Cancel, Choice::QuitAnyway]);
    stage.press("enter q j enter");
    assert_eq!(stage.take_effects(), [Effect::Quit]);
}

#[test]
fn quitting_while_only_readiness_is_waited_for_is_not_asked_about() {
    let (mut stage, op) = running();
    for progress in [
        Progress::Started(Step::Record),
        Progress::Done(Step::Record, None),
        Progress::Started(Step::Ready),
        Progress::Waiting("2 of 3 pods are ready".to_owned()),
    ] {
        stage.send(Msg::Progressed { op, progress });
    }
    assert_eq!(stage.model.n_running(), 1);
    stage.press("q");
    assert_eq!(stage.take_effects(), [Effect::Quit]);
}

#[test]
fn several_marked_rows_are_compared_one_at_a_time() {
    let mut stage = Stage::with_services();
    stage.press("space space D");
    let sentence = "Not possible: several rows are marked: plans are reviewed one at a time.";
    assert_eq!(stage.told(), Some(sentence));
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn difference_is_paged_by_its_own_rows() {
    let mut stage = reviewing(stage::deploy_plan("web"));
    let n_lines = |stage: &Stage| match stage.model.screens.last() {
        Some(Screen::Review(pane)) => pane.scroll,
        other => panic!("{other:?}"),
    };
    stage.model.geometry.list_height = 2;
    stage.model.geometry.difference = 6;
    for (keys, n) in [("J", 3), ("K", 0), ("pgdn", 5), ("^b", 0)] {
        stage.press(keys);
        assert_eq!(n_lines(&stage), n, "{keys}");
    }
}

#[test]
fn id_is_typed_for_the_definition_that_it_was_asked_of() {
    let mut stage = Stage::with_services();
    stage.press("G i");
    stage.model.services.table.move_by(-1);
    stage.press("enter");
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { source, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    let origin = source.definition().unwrap();
    assert_eq!((origin.name.as_str(), origin.id.as_str()), ("web", "web-2"));
}
