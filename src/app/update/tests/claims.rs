//! All claims of the scope: listed as the watches tell, those that nothing uses released.

use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::popup::Popup;
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::app::table::Value;
use crate::engine::plan::{TeardownScope, VolumeChoice};
use crate::service::watch::{Delta, WatchEvent};

fn claims() -> WatchEvent {
    WatchEvent::Claims(vec![Delta::Reset(vec![
        stage::claim("orders-db", "2Gi"),
        stage::claim("gone", "7Gi"),
    ])])
}

fn rows(stage: &Stage) -> Vec<(String, Value)> {
    let rows = stage.model.claims.table.rows();
    rows.map(|row| (row.key.0.id.to_string(), row.cells[2].clone()))
        .collect()
}

#[test]
fn claims_that_nothing_uses_come_first_and_rows_follow_the_watch() {
    let mut stage = Stage::with_services();
    stage.press("C");
    let used = ("orders-db".to_owned(), Value::Text("used".to_owned()));
    assert_eq!(rows(&stage), std::slice::from_ref(&used));
    stage.overview(vec![claims()]);
    stage.model.settle();
    let kept = ("gone".to_owned(), Value::Text("kept".to_owned()));
    assert_eq!(rows(&stage), [kept, used]);
}

#[test]
fn kept_claims_are_released_after_their_fate_was_shown_and_the_id_typed() {
    let mut stage = Stage::with_services();
    stage.overview(vec![claims()]);
    stage.press("C");
    stage.take_effects();
    stage.press("x");
    let plan = |volumes| Effect::PlanTeardown {
        op: OpId(1),
        key: stage::key("gone"),
        scope: TeardownScope::KeptClaims,
        volumes,
        named: Default::default(),
    };
    assert_eq!(stage.take_effects(), [plan(VolumeChoice::Delete)]);
    let mut shown = stage::teardown_plan("gone", VolumeChoice::Delete);
    shown.rows.retain(|row| row.claim.is_some());
    shown.scope = TeardownScope::KeptClaims;
    stage.send(Msg::TeardownPlanned {
        op: OpId(1),
        key: stage::key("gone"),
        result: Ok(Box::new(shown.clone())),
    });
    stage.press("x enter");
    assert_eq!(stage.take_effects(), []);
    stage.type_text("gone");
    stage.press("enter");
    let run = Effect::RunTeardown {
        op: OpId(2),
        plan: Box::new(shown),
        takes_over: false,
    };
    assert_eq!(stage.take_effects(), [run]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a delete gone --kept")
    );
}

#[test]
fn claims_that_change_behind_another_view_are_seen_on_the_way_back() {
    let mut stage = Stage::with_services();
    stage.overview(vec![claims()]);
    stage.press("C x");
    assert!(matches!(stage.model.screens[..], [_, Screen::Teardown(_)]));
    let left = vec![stage::claim("orders-db", "2Gi")];
    stage.overview(vec![WatchEvent::Claims(vec![Delta::Reset(left)])]);
    stage.model.settle();
    stage.press("esc");
    let used = ("orders-db".to_owned(), Value::Text("used".to_owned()));
    assert_eq!(rows(&stage), [used]);
}

#[test]
fn claim_in_use_is_not_released() {
    let mut stage = Stage::with_services();
    stage.press("C");
    stage.take_effects();
    stage.press("x");
    assert!(matches!(stage.model.screens[..], [Screen::Claims]));
    assert_eq!(stage.take_effects(), []);
    let told = stage.model.status.as_ref().map(|it| it.text.as_str());
    let sentence = "Not possible: it is in use: take its instance down first.";
    assert_eq!(told, Some(sentence));
}

#[test]
fn retained_volumes_are_watched_while_the_view_is_open_and_released_from_it() {
    let mut stage = Stage::with_services();
    let epoch = stage.epoch();
    let watched = |scope| Effect::WatchRetained { epoch, scope };
    stage.press("C");
    let scope = stage.model.session.scope.clone();
    assert!(scope.is_some());
    assert_eq!(stage.take_effects(), [watched(scope)]);
    let left = stage::retained("gone", "7Gi");
    let mut again = stage::retained("orders-db", "2Gi");
    again.phase = "Bound".to_owned();
    stage.overview(vec![WatchEvent::Retained(vec![Delta::Reset(vec![
        left, again,
    ])])]);
    stage.model.settle();
    let cell = |of: &str| Value::Text(of.to_owned());
    assert_eq!(
        rows(&stage),
        [
            ("gone".to_owned(), cell("retained")),
            ("orders-db".to_owned(), cell("used"))
        ]
    );
    stage.press("g");
    let advice = stage.model.claims.advice(&stage.model.fleet);
    let sentence =
        "A deploy of gone offers to bind it again to claim data-gone-0; a release deletes it.";
    assert_eq!(advice.as_deref(), Some(sentence));
    stage.press("x");
    let planned = Effect::PlanTeardown {
        op: OpId(1),
        key: stage::key("gone"),
        scope: TeardownScope::RetainedVolumes,
        volumes: VolumeChoice::Delete,
        named: ["pvc-of-gone".to_owned()].into(),
    };
    assert_eq!(stage.take_effects(), [planned]);
    stage.press("esc esc");
    assert_eq!(stage.take_effects(), [watched(None)]);
    assert_eq!(stage.model.fleet.retained().count(), 0);
}

#[test]
fn a_volume_is_released_alone_and_the_command_names_it() {
    let mut stage = Stage::with_services();
    stage.press("C");
    let left = vec![stage::retained("gone", "7Gi")];
    stage.overview(vec![WatchEvent::Retained(vec![Delta::Reset(left)])]);
    stage.model.settle();
    stage.press("g x");
    let mut shown = stage::teardown_plan("gone", VolumeChoice::Delete);
    shown.scope = TeardownScope::RetainedVolumes;
    shown.named = ["pvc-of-gone".to_owned()].into();
    stage.send(Msg::TeardownPlanned {
        op: OpId(1),
        key: stage::key("gone"),
        result: Ok(Box::new(shown)),
    });
    stage.press("x");
    let title = match &stage.model.popup {
        Some(Popup::Prompt(prompt)) => prompt.title.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(title, "Release volume pvc-of-gone of gone?");
    stage.type_text("gone");
    stage.press("enter");
    let expected =
        "bowline --context kind-dev -n team-a delete gone --retained --volume pvc-of-gone";
    assert_eq!(stage.last_command(), Some(expected));
}
