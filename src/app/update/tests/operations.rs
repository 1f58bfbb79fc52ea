//! The operations under way, whoever began them; and the teardown of what has outlived its time.

use std::time::Duration;

use crate::app::effect::{DeploySource, Effect, Origin};
use crate::app::msg::{Msg, OpId};
use crate::app::operation::OperationKind;
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::app::table::Value;
use crate::app::update::cluster;
use crate::app::update::operations::{begin, show_progress};
use crate::app::update::tests::begin_restart;
use crate::engine::plan::{TeardownScope, VolumeChoice};
use crate::engine::progress::{Outcome, Step};
use crate::failure::{Failure, FailureKind};
use crate::service::health::State;
use crate::service::operation::{Aim, Operation};
use crate::service::protection::Protection;

fn deploy() -> Operation {
    Operation {
        aim: Aim {
            revision: Some(3),
            ..Aim::default()
        },
        ..stage::half_done()
    }
}

/// Returns ID, operation, state, step and holder of each row.
fn rows(stage: &mut Stage) -> Vec<Vec<String>> {
    stage.model.settle();
    let text = |value: &Value| match value {
        Value::Text(text) | Value::Number(_, text) => text.clone(),
        _ => String::new(),
    };
    let rows = stage.model.operations_pane.table.rows();
    rows.map(|row| row.cells[..5].iter().map(text).collect())
        .collect()
}

fn row(cells: [&str; 5]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

#[test]
fn operations_of_all_are_listed_and_one_without_a_beat_is_seen_to_stand_still() {
    let mut stage = Stage::with_services();
    let op = begin(
        &mut stage.model,
        OperationKind::Scale,
        stage::key("web"),
        "scale web 2",
    );
    stage.noted("orders-db", deploy());
    stage.press("P");
    let noted = |state: &str| {
        row([
            "orders-db",
            "deploy of r3",
            state,
            "step 2 of 5: apply Deployment/orders-db",
            "ann@bastion/7",
        ])
    };
    let own = |state: &str, step: &str| row(["web", "scale", state, step, "here"]);
    assert_eq!(rows(&mut stage), [noted("runs"), own("runs here", "")]);
    stage.wait(Duration::from_secs(8));
    let beat = Operation {
        heartbeat: stage.model.now,
        ..deploy()
    };
    stage.noted("orders-db", beat);
    stage.wait(Duration::from_secs(8));
    assert_eq!(rows(&mut stage)[0], noted("runs"));
    stage.wait(Duration::from_secs(4));
    assert_eq!(rows(&mut stage)[0], noted("stands still"));
    let outcome = Outcome::default();
    stage.send(Msg::Finished { op, outcome });
    stage.wait(Duration::from_secs(1));
    assert_eq!(rows(&mut stage)[1], own("done", "took 20s"));
}

#[test]
fn nothing_is_resumed_where_nothing_is_listed() {
    let mut stage = Stage::with_services();
    stage.press("P R");
    let why = "Not possible: nothing is under way here.";
    assert_eq!(stage.told(), Some(why));
}

#[test]
fn operations_that_are_over_are_listed_with_the_last_one_first() {
    let mut stage = Stage::with_services();
    let ops = ["web", "orders-db", "billing"].map(|id| {
        let kind = OperationKind::Restart;
        begin(&mut stage.model, kind, stage::key(id), "restart")
    });
    for op in ops {
        let outcome = Outcome::default();
        stage.send(Msg::Finished { op, outcome });
    }
    stage.press("P");
    let ids: Vec<_> = rows(&mut stage)
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    assert_eq!(ids, ["billing", "orders-db", "web"]);
}

#[test]
fn operation_is_resumed_taken_over_or_followed_from_the_list() {
    let mut stage = Stage::with_services();
    stage.noted("orders-db", deploy());
    // Something else is selected among the services.
    stage.press("G P T");
    let source = DeploySource {
        takes_over: true,
        ..DeploySource::of(Origin::Noted(stage::key("orders-db")))
    };
    let op = OpId(1);
    assert_eq!(stage.take_effects(), [Effect::PlanDeploy { op, source }]);
    stage.press("esc enter");
    assert!(matches!(
        stage.model.screens[..],
        [Screen::Operations, Screen::Detail]
    ));
    let selected = stage.model.selected_instance();
    assert_eq!(selected, Some(&stage::key("orders-db")));
    // Back leads to the list that it was chosen from.
    stage.press("esc");
    assert!(matches!(stage.model.screens[..], [Screen::Operations]));
}

#[test]
fn operation_that_stands_still_is_found_by_the_state_of_its_service() {
    let mut stage = Stage::with_services();
    stage.noted("orders-db", deploy());
    stage.press("/").type_text("state:interr").press("enter");
    let shown = |stage: &mut Stage| {
        stage.model.settle();
        let rows = stage.model.services.table.rows();
        rows.map(|row| (row.key.id().to_string(), row.cells[1].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(shown(&mut stage), []);
    stage.wait(Duration::from_secs(12));
    let interrupted = Value::State(State::Interrupted);
    assert_eq!(shown(&mut stage), [("orders-db".to_owned(), interrupted)]);
}

#[test]
fn own_operation_is_followed_step_by_step() {
    let mut stage = Stage::with_services();
    let op = begin_restart(&mut stage);
    stage.press("P enter");
    let Some(Screen::Progress(pane)) = stage.model.screens.last() else {
        panic!("{:?}", stage.model.screens);
    };
    assert_eq!(pane.ops, [op]);
}

#[test]
fn nothing_of_a_protected_namespace_is_taken_down_for_having_outlived_its_time() {
    let mut stage = Stage::with_services();
    stage.wait(Duration::from_secs(6 * 3600));
    let epoch = stage.epoch();
    let protection = Protection::of(["team-a".to_owned()]);
    stage.send(Msg::ProtectionTold { epoch, protection });
    stage.take_effects();
    stage.press("X");
    assert_eq!(stage.take_effects(), []);
    // What was told before the connection was lost may be another answer now.
    stage.connected();
    assert_eq!(stage.model.session.protection, None);
}

#[test]
fn what_has_outlived_its_time_is_taken_down_together_but_what_is_protected() {
    let mut stage = Stage::with_services();
    stage.press("X");
    let why = "Not possible: nothing that may be taken down has outlived its time.";
    assert_eq!(stage.told(), Some(why));
    // ml-resnet expires in six hours.
    stage.wait(Duration::from_secs(6 * 3600));
    stage.take_effects();
    stage.press("X");
    let plan = Effect::PlanTeardown {
        op: OpId(1),
        key: stage::key("ml-resnet"),
        scope: TeardownScope::Instance,
        volumes: VolumeChoice::Keep,
        named: Default::default(),
    };
    assert_eq!(stage.take_effects(), [plan]);
}

#[test]
fn operations_of_another_context_say_so_and_are_none_of_this_one() {
    let mut stage = Stage::with_services();
    begin_restart(&mut stage);
    let last_cells = |stage: &Stage| {
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            _ => String::new(),
        };
        let rows = stage.model.operations_pane.table.rows();
        rows.map(|row| {
            row.cells[6..]
                .iter()
                .map(text)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect::<Vec<_>>()
    };
    stage.press("P");
    assert_eq!(last_cells(&stage), ["  "]);
    stage.press("esc");
    cluster::connect(&mut stage.model, Some("prod".to_owned()));
    stage.connected_to("prod");
    stage.overview(stage::overview());
    stage.noted("web", deploy());
    stage.press("P");
    // The note of the instance of the same name is not taken for that one.
    let expected = [" team-a prod", " team-a kind-dev"];
    assert_eq!(last_cells(&stage), expected);
    stage.press("G");
    assert_eq!(stage.model.instance_in_front(), None);
}

#[test]
fn own_operation_that_cannot_be_taken_over_says_why() {
    let mut stage = Stage::with_services();
    let op = begin_restart(&mut stage);
    let why = |stage: &mut Stage| {
        stage.press("P T");
        let told = stage.told().map(str::to_owned);
        stage.press("esc");
        told.unwrap()
    };
    let goes_on = "Not possible: it was begun here, and goes on.";
    assert_eq!(why(&mut stage), goes_on);
    let outcome = Outcome {
        not_tried: vec![(Step::Record, "it was stopped".to_owned())],
        ..Outcome::default()
    };
    stage.send(Msg::Finished { op, outcome });
    let noteless = "Not possible: it left no note to go on from: the same again finishes it.";
    assert_eq!(why(&mut stage), noteless);
    let outcome = Outcome::default();
    stage.send(Msg::Finished { op, outcome });
    assert_eq!(why(&mut stage), "Not possible: it is done.");
    cluster::connect(&mut stage.model, Some("prod".to_owned()));
    stage.connected_to("prod");
    stage.overview(stage::overview());
    let elsewhere = "Not possible: it was begun in another context: go back to that one.";
    assert_eq!(why(&mut stage), elsewhere);
}

#[test]
fn progress_offers_only_what_has_a_meaning_for_its_operations() {
    let offered = |kind: OperationKind| {
        let mut stage = Stage::with_services();
        let op = begin(&mut stage.model, kind, stage::key("web"), "command");
        show_progress(&mut stage.model, vec![op]);
        let outcome = Outcome::default();
        stage.send(Msg::Finished { op, outcome });
        stage.press("m");
        let items = stage.menu().items.iter();
        let names: Vec<&str> = items.map(|item| item.name).collect();
        ["pull-number", "restore", "undo-last", "take-over-now"].map(|it| names.contains(&it))
    };
    assert_eq!(offered(OperationKind::Deploy), [false; 4]);
    assert_eq!(offered(OperationKind::Scale), [true, false, false, false]);
    assert_eq!(offered(OperationKind::Teardown), [false, true, true, false]);
}

#[test]
fn what_came_of_an_operation_goes_with_the_next_one() {
    let mut stage = Stage::with_services();
    let failed = |stage: &mut Stage| {
        let op = begin_restart(stage);
        let outcome = Outcome {
            failed: vec![(
                Step::Claim,
                Failure::new(FailureKind::Forbidden, "forbidden"),
            )],
            ..Outcome::default()
        };
        (op, outcome)
    };
    let (op, outcome) = failed(&mut stage);
    stage.send(Msg::Finished { op, outcome });
    assert_eq!(stage.told(), Some("Restart of web: 1 failed."));
    // Nobody saw it yet who works at something else.
    stage.press("j");
    assert_eq!(stage.told(), Some("Restart of web: 1 failed."));
    let (op, outcome) = failed(&mut stage);
    assert_eq!(stage.told(), None);
    // Where its steps are in sight the next key makes it old.
    show_progress(&mut stage.model, vec![op]);
    stage.send(Msg::Finished { op, outcome });
    assert_eq!(stage.told(), Some("Restart of web: 1 failed."));
    stage.press("k");
    assert_eq!(stage.told(), None);
}

/// One of its name in another context is another instance.
#[test]
fn what_came_of_an_operation_elsewhere_stays_until_it_is_read() {
    let mut stage = Stage::with_services();
    let op = begin_restart(&mut stage);
    cluster::connect(&mut stage.model, Some("prod".to_owned()));
    stage.connected_to("prod");
    let failure = Failure::new(FailureKind::Forbidden, "forbidden");
    let outcome = Outcome {
        failed: vec![(Step::Claim, failure)],
        ..Outcome::default()
    };
    stage.send(Msg::Finished { op, outcome });
    begin_restart(&mut stage);
    assert_eq!(stage.told(), Some("Restart of web: 1 failed."));
}

/// Its page is come back to, unless it is begun anew itself.
#[test]
fn what_failed_is_not_left_for_what_is_begun_from_it() {
    let check = |failed: &str, n_pages: usize| {
        let mut stage = Stage::with_services();
        let ops = ["billing", "orders-db"].map(|id| {
            let kind = OperationKind::Restart;
            begin(&mut stage.model, kind, stage::key(id), "restart")
        });
        show_progress(&mut stage.model, ops.to_vec());
        for op in ops {
            let is_it = stage.model.operations[&op].instance.id.as_str() == failed;
            let failure = Failure::new(FailureKind::Forbidden, "forbidden");
            let failed = is_it.then_some((Step::Claim, failure));
            let outcome = Outcome {
                failed: failed.into_iter().collect(),
                ..Outcome::default()
            };
            stage.send(Msg::Finished { op, outcome });
        }
        let kind = OperationKind::Restart;
        let next = begin(&mut stage.model, kind, stage::key("billing"), "restart");
        show_progress(&mut stage.model, vec![next]);
        assert_eq!(stage.model.screens.len(), n_pages, "{failed}");
    };
    check("", 1);
    check("billing", 1);
    check("orders-db", 2);
}

#[test]
fn several_that_were_begun_together_are_counted_at_their_end() {
    let mut stage = Stage::with_services();
    let ops = ["web", "orders-db"].map(|id| {
        let kind = OperationKind::Deploy;
        begin(&mut stage.model, kind, stage::key(id), "deploy")
    });
    show_progress(&mut stage.model, ops.to_vec());
    for (op, told) in ops
        .into_iter()
        .zip(["Deploy of web: done.", "2 deploys: done."])
    {
        let outcome = Outcome::default();
        stage.send(Msg::Finished { op, outcome });
        assert_eq!(stage.told(), Some(told));
    }
    assert_eq!(stage.model.failed_since(), None);
}

/// What was ready for a moment is not said to be done and nothing else.
#[test]
fn what_fails_by_now_is_told_beside_what_is_done() {
    let mut stage = Stage::with_services();
    let kind = OperationKind::Deploy;
    let op = begin(&mut stage.model, kind, stage::key("billing"), "deploy");
    let outcome = Outcome::default();
    stage.send(Msg::Finished { op, outcome });
    assert_eq!(stage.told(), Some("Deploy of billing: done."));
    let since = stage.model.failed_since().unwrap();
    assert!(since.starts_with("billing fails by now: "), "{since}");
}

/// Its pods are being replaced, which is what it was begun for.
#[test]
fn what_is_still_being_deployed_does_not_fail_by_now() {
    let mut stage = Stage::with_services();
    let ops = ["web", "billing"].map(|id| {
        let kind = OperationKind::Deploy;
        begin(&mut stage.model, kind, stage::key(id), "deploy")
    });
    show_progress(&mut stage.model, ops.to_vec());
    let [web, billing] = ops;
    let outcome = Outcome::default();
    stage.send(Msg::Finished { op: web, outcome });
    assert_eq!(stage.told(), Some("Deploy of web: done."));
    assert_eq!(stage.model.failed_since(), None);
    // What is begun of the one that is done leaves the trouble of the other to be read.
    stage.press("esc");
    let failure = Failure::new(FailureKind::Forbidden, "forbidden");
    let outcome = Outcome {
        failed: vec![(Step::Claim, failure)],
        ..Outcome::default()
    };
    let op = billing;
    stage.send(Msg::Finished { op, outcome });
    let told = Some("2 deploys: 1 done, 1 failed.");
    assert_eq!(stage.told(), told);
    let kind = OperationKind::Restart;
    begin(&mut stage.model, kind, stage::key("web"), "restart web");
    assert_eq!(stage.told(), told);
}

#[test]
fn trouble_that_nobody_has_read_outlasts_the_beginning_of_an_operation() {
    let mut stage = Stage::with_services();
    let trouble = "Unsaved edits are not kept: no space left on device.";
    stage.model.complain(trouble);
    begin_restart(&mut stage);
    assert_eq!(stage.told(), Some(trouble));
}

#[test]
fn log_and_operations_are_a_key_away_from_progress() {
    let mut stage = Stage::with_services();
    let op = begin_restart(&mut stage);
    show_progress(&mut stage.model, vec![op]);
    stage.press("@");
    assert!(matches!(
        stage.model.screens.last(),
        Some(Screen::Log { .. })
    ));
    stage.press("esc P");
    assert!(matches!(
        stage.model.screens.last(),
        Some(Screen::Operations)
    ));
    stage.press("esc");
    assert!(matches!(
        stage.model.screens.last(),
        Some(Screen::Progress(_))
    ));
}

#[test]
fn what_is_over_is_left_for_what_is_begun_from_it() {
    let mut stage = Stage::with_services();
    let first = begin_restart(&mut stage);
    show_progress(&mut stage.model, vec![first]);
    // What still runs stays below.
    let second = begin_restart(&mut stage);
    show_progress(&mut stage.model, vec![second]);
    assert_eq!(stage.model.screens.len(), 2);
    let outcome = Outcome::default();
    stage.send(Msg::Finished {
        op: second,
        outcome,
    });
    let third = begin_restart(&mut stage);
    show_progress(&mut stage.model, vec![third]);
    let shown = stage.model.screens.iter().map(|screen| match screen {
        Screen::Progress(pane) => pane.ops.clone(),
        _ => Vec::new(),
    });
    assert_eq!(shown.collect::<Vec<_>>(), [vec![first], vec![third]]);
}
