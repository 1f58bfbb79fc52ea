//! Operations that are asked to stop.

use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::popup::Choice;
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::app::update::operations::show_progress;
use crate::app::update::tests::begin_restart;
use crate::engine::progress::{Outcome, Progress, Step};

/// The restart of web, whose progress is in front.
fn restarting() -> (Stage, OpId) {
    let mut stage = Stage::with_services();
    let op = begin_restart(&mut stage);
    show_progress(&mut stage.model, vec![op]);
    stage.take_effects();
    (stage, op)
}

fn is_in_progress(stage: &Stage) -> bool {
    matches!(stage.model.screens.last(), Some(Screen::Progress(_)))
}

#[test]
fn who_leaves_what_is_being_written_says_what_becomes_of_it() {
    let (mut stage, op) = restarting();
    stage.press("esc");
    let choices: Vec<Choice> = stage
        .menu()
        .items
        .iter()
        .map(|it| it.choice.clone())
        .collect();
    let stop = Choice::StopOperations(vec![op]);
    assert_eq!(choices, [Choice::LeaveRunning, stop, Choice::Cancel]);
    stage.press("esc");
    assert!(is_in_progress(&stage));
    stage.press("esc enter");
    assert!(stage.model.screens.is_empty());
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn what_runs_is_asked_to_stop_once_and_tells_what_was_left() {
    let (mut stage, op) = restarting();
    stage.press("x");
    assert_eq!(stage.menu().title, "Stop the restart of web?");
    stage.press("y");
    assert_eq!(stage.take_effects(), [Effect::StopOperation { op }]);
    stage.press("x");
    assert_eq!(
        stage.told(),
        Some("Not possible: it stops after this step already.")
    );
    let step = Step::Apply(stage::object("Deployment", "web"));
    let outcome = Outcome {
        done: vec![Step::Claim],
        not_tried: vec![(step, "stopped before it, as was asked".to_owned())],
        ..Outcome::default()
    };
    stage.send(Msg::Finished { op, outcome });
    assert_eq!(
        stage.told(),
        Some("Restart of web: stopped, 1 done, 1 not tried. The same again finishes it.")
    );
    // What has ended is left without a question.
    stage.press("esc");
    assert!(stage.model.screens.is_empty() && stage.model.popup.is_none());
}

#[test]
fn mere_wait_is_left_at_once_and_ended_at_once() {
    let (mut stage, op) = restarting();
    let progress = Progress::Started(Step::Ready);
    stage.send(Msg::Progressed { op, progress });
    stage.press("x");
    assert_eq!(stage.take_effects(), [Effect::StopOperation { op }]);
    assert!(stage.model.popup.is_none());
    stage.press("esc");
    assert!(stage.model.screens.is_empty());
}

#[test]
fn operation_is_stopped_from_the_list_too() {
    let (mut stage, op) = restarting();
    stage.model.screens.clear();
    stage.press("P x y");
    assert_eq!(stage.take_effects(), [Effect::StopOperation { op }]);
    let outcome = Outcome::default();
    stage.send(Msg::Finished { op, outcome });
    stage.press("x");
    assert_eq!(stage.told(), Some("Not possible: nothing runs."));
}
