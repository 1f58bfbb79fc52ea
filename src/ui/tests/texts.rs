//! Texts that are read: one stays where one is in them, and finds what one looks for.

use super::services;
use super::views::{last_op, look};
use crate::app::stage::{self, Stage};
use crate::app::{Msg, Screen};
use crate::engine::adjust::Adjustment;
use crate::engine::plan::{DiffLine, DiffSide};
use crate::engine::progress::{Progress, Step};

/// A deploy goes on in front.
fn deploying() -> Stage {
    let mut stage = services();
    stage.press("G a");
    let (op, result) = (
        last_op(&stage),
        Ok(Box::new(stage::deploy_plan("web").into())),
    );
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("enter enter");
    assert!(matches!(
        stage.model.screens.last(),
        Some(Screen::Progress(_))
    ));
    stage
}

/// So many more objects are applied.
fn apply(stage: &mut Stage, numbers: std::ops::Range<usize>) {
    let op = *stage.model.operations.keys().next().unwrap();
    for n in numbers {
        let step = Step::Apply(stage::object("Service", &format!("step{n:02}")));
        let progress = Progress::Done(step, None);
        stage.send(Msg::Progressed { op, progress });
    }
}

#[test]
fn progress_is_followed_at_its_end_and_stays_where_one_looks_at_earlier_steps() {
    let mut stage = deploying();
    apply(&mut stage, 0..40);
    assert!(look(&mut stage).contains("step39"));
    stage.press("k k k");
    let before = look(&mut stage);
    assert!(
        before.contains("step37") && !before.contains("step38"),
        "{before}"
    );
    apply(&mut stage, 40..50);
    let after = look(&mut stage);
    assert!(
        after.contains("step37") && !after.contains("step38"),
        "{after}"
    );
    assert!(after.contains("13 more: j"), "{after}");
    stage.press("G");
    assert!(look(&mut stage).contains("step49"));
    apply(&mut stage, 50..60);
    assert!(look(&mut stage).contains("step59"));
    stage.press("g");
    assert!(look(&mut stage).contains("step00"));
    stage.press("^f");
    assert!(!look(&mut stage).contains("step00"));
}

#[test]
fn text_is_searched_as_it_is_typed_and_left_as_it_was() {
    let mut stage = deploying();
    apply(&mut stage, 0..60);
    look(&mut stage);
    stage.press("g");
    look(&mut stage);
    stage.press("/").type_text("step[35]5");
    let found = look(&mut stage);
    assert!(
        found.contains("step35") && !found.contains("step00"),
        "{found}"
    );
    assert!(found.contains("/step[35]5/ 1 of 2"), "{found}");
    assert!(
        found.lines().last().unwrap().contains("/step[35]5"),
        "{found}"
    );
    stage.press("enter n");
    let found = look(&mut stage);
    assert!(
        found.contains("step55") && found.contains("2 of 2"),
        "{found}"
    );
    // After the last comes the first, and the other way round.
    stage.press("n");
    assert!(look(&mut stage).contains("1 of 2"));
    stage.press("N");
    assert!(look(&mut stage).contains("2 of 2"));
    stage.press("esc");
    let found = look(&mut stage);
    assert!(
        found.contains("step55") && !found.contains("of 2"),
        "{found}"
    );
    // What is given up while it is typed leaves one where one was.
    stage.press("/").type_text("step00").press("esc");
    assert!(look(&mut stage).contains("step55"));
    stage.press("/").type_text("nowhere");
    assert!(look(&mut stage).contains("/nowhere/ no match"));
    stage.type_text("(");
    let last = look(&mut stage).lines().last().unwrap().to_owned();
    assert!(last.contains("unclosed group"), "{last}");
    stage.press("esc n");
    let why = "Not possible: nothing is looked for: / asks for it.";
    assert_eq!(stage.told(), Some(why));
}

#[test]
fn what_is_followed_is_followed_again_after_a_search_that_was_given_up() {
    let mut stage = deploying();
    apply(&mut stage, 0..60);
    look(&mut stage);
    stage.press("/").type_text("step0");
    apply(&mut stage, 60..80);
    look(&mut stage);
    stage.press("esc");
    assert!(look(&mut stage).contains("step79"));
    apply(&mut stage, 80..90);
    assert!(look(&mut stage).contains("step89"));
}

#[test]
fn keys_that_are_typed_before_the_next_picture_are_not_lost_to_a_search() {
    let mut stage = deploying();
    apply(&mut stage, 0..60);
    look(&mut stage);
    stage.press("g /").type_text("step.5").press("enter n n");
    let found = look(&mut stage);
    assert!(
        found.contains("step25") && found.contains("3 of 6"),
        "{found}"
    );
}

#[test]
fn what_was_looked_for_in_a_plan_is_not_looked_for_in_its_progress() {
    let mut stage = services();
    stage.press("+");
    let plan = stage::adjust_plan("billing", 1, Adjustment::Scale(2));
    let (op, key) = (last_op(&stage), stage::key("billing"));
    let result = Ok(Box::new(plan));
    stage.send(Msg::AdjustmentPlanned { op, key, result });
    stage.press("/").type_text("billing").press("enter");
    assert!(look(&mut stage).contains("/billing/"));
    stage.press("enter y");
    let progress = look(&mut stage);
    assert!(progress.contains("Progress: billing"), "{progress}");
    assert!(!progress.contains("/billing/"), "{progress}");
}

/// The difference of the selected object is a text that is only read, too.
#[test]
fn difference_of_a_plan_is_searched() {
    let mut stage = services();
    stage.press("G a");
    let mut plan = stage::deploy_plan("web");
    let line = |n: usize| DiffLine {
        side: DiffSide::New,
        text: format!("line{n:02}"),
    };
    plan.objects[0].difference = (0..60).map(line).collect();
    let (op, result) = (last_op(&stage), Ok(Box::new(plan.into())));
    stage.send(Msg::DeployPlanned { op, result });
    let before = look(&mut stage);
    assert!(before.contains("line00"), "{before}");
    stage.press("/").type_text("line[35]5").press("enter");
    let found = look(&mut stage);
    assert!(
        found.contains("line35") && !found.contains("line00"),
        "{found}"
    );
    assert!(found.contains("/line[35]5/ 1 of 2"), "{found}");
    stage.press("n");
    let found = look(&mut stage);
    assert!(
        found.contains("line55") && found.contains("2 of 2"),
        "{found}"
    );
    // Of another object nothing matches, and nothing is carried out by a word that was typed.
    stage.press("j");
    let found = look(&mut stage);
    assert!(found.contains("no match"), "{found}");
    stage.press("esc");
    assert!(!look(&mut stage).contains("no match"));
    assert!(matches!(
        stage.model.screens.last(),
        Some(Screen::Review(_))
    ));
    assert!(stage.model.operations.is_empty());
}
