//! What others changed: compared when it is seen or asked for, one comparison at a time, dropped with the selection.

use crate::app::Place;
use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::stage::{self, Stage, changes, live_workload};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::{InstanceKey, ObjectRow, WorkloadKind};
use crate::service::watch::{Delta, WatchEvent};

/// Returns what was asked for since this was looked at last.
fn asked(stage: &mut Stage) -> Vec<(OpId, Option<InstanceKey>)> {
    stage.follow();
    let effects = stage.take_effects().into_iter();
    effects
        .filter_map(|effect| match effect {
            Effect::ReadChanges { op, key } => Some((op, key)),
            _ => None,
        })
        .collect()
}

fn asked_of_web(stage: &mut Stage) -> OpId {
    match &asked(stage)[..] {
        [(op, Some(key))] if *key == stage::key("web") => *op,
        other => panic!("{other:?}"),
    }
}

/// The detail of web is watched, its Deployment as it was applied or with fields of others.
fn watching(is_changed: bool) -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G").rest();
    report(&mut stage, stage::records_with(&[("web", 7)]));
    edit(&mut stage, 1, is_changed);
    stage
}

fn report(stage: &mut Stage, event: WatchEvent) {
    stage.send(Msg::InstanceEvent {
        epoch: stage.epoch(),
        key: stage::key("web"),
        event,
    });
}

fn edit(stage: &mut Stage, generation: i64, has_foreign: bool) {
    let workload = live_workload("web", generation, has_foreign);
    let kind = WorkloadKind::Deployment;
    report(
        stage,
        WatchEvent::Workloads(kind, vec![Delta::Applied(workload)]),
    );
}

fn service(stage: &mut Stage, change: impl FnOnce(&mut ObjectRow)) {
    let detail = stage.model.selected_detail().unwrap();
    let mut rows = detail.objects().iter();
    let row = rows.find(|row| row.key.kind == "Service");
    let mut row = row.cloned().unwrap();
    change(&mut row);
    let kind = crate::definition::object::GroupKind::of(&row.key);
    report(stage, WatchEvent::Objects(kind, vec![Delta::Applied(row)]));
}

fn extent(stage: &Stage) -> Option<String> {
    stage.model.detail_pane.changes.extent()
}

#[test]
fn what_is_as_applied_is_not_compared_until_it_is_changed() {
    let mut stage = watching(false);
    assert_eq!(asked(&mut stage), []);
    service(&mut stage, |_| {});
    assert_eq!(asked(&mut stage), []);
    edit(&mut stage, 2, true);
    let op = asked_of_web(&mut stage);
    assert_eq!(asked(&mut stage), [], "it is asked for once");
    stage.send(Msg::ChangesRead {
        op,
        result: Ok(changes("web")),
    });
    assert_eq!(
        extent(&stage).as_deref(),
        Some("2 fields, 1 object deleted")
    );
    stage.wait(std::time::Duration::from_secs(3600));
    assert_eq!(asked(&mut stage), [], "time alone asks for nothing");
}

#[test]
fn changes_of_other_objects_are_seen_too() {
    let mut stage = watching(false);
    service(&mut stage, |row| row.has_foreign = true);
    asked_of_web(&mut stage);
}

#[test]
fn what_happens_while_it_is_compared_leads_to_one_more_comparison() {
    let mut stage = watching(true);
    let first = asked_of_web(&mut stage);
    edit(&mut stage, 2, true);
    service(&mut stage, |_| {});
    assert_eq!(asked(&mut stage), []);
    stage.send(Msg::ChangesRead {
        op: first,
        result: Ok(changes("web")),
    });
    let second = asked_of_web(&mut stage);
    assert_ne!(first, second);
    let failure = Failure::new(FailureKind::Unreachable, "timeout");
    stage.send(Msg::ChangesRead {
        op: second,
        result: Err(failure),
    });
    assert_eq!(extent(&stage), None);
    assert_eq!(
        asked(&mut stage),
        [],
        "what failed is not tried again by itself"
    );
}

#[test]
fn reports_of_pods_and_of_what_controllers_made_compare_nothing() {
    let mut stage = watching(true);
    let op = asked_of_web(&mut stage);
    stage.send(Msg::ChangesRead {
        op,
        result: Ok(changes("web")),
    });
    let mut rolling = live_workload("web", 1, true);
    (rolling.ready, rolling.observed_generation) = (0, 0);
    let kind = WorkloadKind::Deployment;
    report(
        &mut stage,
        WatchEvent::Workloads(kind, vec![Delta::Applied(rolling)]),
    );
    service(&mut stage, |row| row.owner = Some("Service/web".to_owned()));
    assert_eq!(asked(&mut stage), []);
    service(&mut stage, |row| row.owner = None);
    asked_of_web(&mut stage);
}

#[test]
fn what_is_set_back_is_shown_no_more() {
    let mut stage = watching(true);
    let op = asked_of_web(&mut stage);
    stage.send(Msg::ChangesRead {
        op,
        result: Ok(changes("web")),
    });
    edit(&mut stage, 2, false);
    assert_eq!(asked(&mut stage), []);
    assert_eq!(extent(&stage), None);
    edit(&mut stage, 3, true);
    asked_of_web(&mut stage);
}

#[test]
fn comparison_is_dropped_when_the_selection_moves() {
    let mut stage = watching(true);
    let op = asked_of_web(&mut stage);
    stage.press("k");
    let given_up = asked(&mut stage);
    assert!(matches!(given_up[..], [(_, None)]), "{given_up:?}");
    stage.send(Msg::ChangesRead {
        op,
        result: Ok(changes("web")),
    });
    assert_eq!(extent(&stage), None);
}

#[test]
fn somebody_who_asks_is_shown_what_no_flag_tells_of() {
    let mut stage = watching(false);
    stage.press("d");
    assert_eq!(stage.model.place(), Place::Changes);
    let op = asked_of_web(&mut stage);
    stage.send(Msg::ChangesRead {
        op,
        result: Ok(changes("web")),
    });
    assert_eq!(
        extent(&stage).as_deref(),
        Some("2 fields, 1 object deleted")
    );
    stage.press("r");
    assert_ne!(asked_of_web(&mut stage), op);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a status web")
    );
}

/// What was begun by itself is waited for by whoever looks at it.
#[test]
fn comparison_that_runs_already_is_waited_for_where_it_is_looked_at() {
    let mut stage = watching(true);
    asked_of_web(&mut stage);
    let lasting = |stage: &Stage| stage.model.waits.lasting(stage.model.clock).is_some();
    stage.wait(std::time::Duration::from_secs(1));
    assert!(!lasting(&stage));
    stage.press("d");
    assert_eq!(asked(&mut stage), []);
    stage.wait(std::time::Duration::from_secs(1));
    assert!(lasting(&stage));
}
