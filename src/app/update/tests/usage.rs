//! What is used, and what was said: looked at while it is in front, joined to what it concerns.

use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::panes::detail::Tab;
use crate::app::panes::usage::{UsageOf, UsageState};
use crate::app::place::Place;
use crate::app::stage::{self, Stage};
use crate::app::table::Value;
use crate::failure::{Failure, FailureKind};
use crate::service::usage::{ClaimUsage, PodUsage};

fn looks(stage: &mut Stage) -> Vec<(OpId, Option<UsageOf>)> {
    let looks = stage.take_effects().into_iter();
    let looks = looks.filter_map(|effect| match effect {
        Effect::WatchUsage { op, of } => Some((op, of)),
        _ => None,
    });
    looks.collect()
}

/// The pods of `orders-db` are in front, and looked at.
fn looking() -> (Stage, OpId) {
    let mut stage = Stage::with_services();
    stage.press("j j j").rest();
    stage.follow();
    let looks = looks(&mut stage);
    let [(op, Some(UsageOf::Pods(key)))] = &looks[..] else {
        panic!("{looks:?}");
    };
    assert_eq!(*key, stage::key("orders-db"));
    let op = *op;
    (stage, op)
}

fn usage(pod: &str, second: i64, cpu: u64) -> PodUsage {
    PodUsage {
        pod: pod.to_owned(),
        at: jiff::Timestamp::from_second(second).ok(),
        cpu,
        memory: 3 << 20,
    }
}

const POD: &str = "orders-db-6d9c9c5b8-x2x7p";

#[test]
fn usage_is_looked_at_while_its_tab_is_in_front() {
    let (mut stage, op) = looking();
    // The same is not asked for twice.
    stage.follow();
    assert_eq!(looks(&mut stage), []);
    let result = Ok(vec![usage(POD, 1, 1_500_000)]);
    stage.send(Msg::PodUsageRead { op, result });
    stage.model.settle();
    let row = stage.model.detail_pane.pods.selected_row().unwrap();
    let has = |value: &Value| row.cells.contains(value);
    assert!(has(&Value::Number(1_500_000, "2m".to_owned())), "{row:?}");
    assert!(has(&Value::Number(3 << 20, "3Mi".to_owned())), "{row:?}");
    stage.press("3");
    let looks_now = looks(&mut stage);
    assert!(matches!(looks_now[..], [(_, None)]), "{looks_now:?}");
    // What comes late is dropped.
    let result = Ok(vec![usage(POD, 2, 9)]);
    stage.send(Msg::PodUsageRead { op, result });
    assert_eq!(stage.model.detail_pane.usage.pod(POD).unwrap().len(), 1);
    stage.press("1");
    assert!(matches!(looks(&mut stage)[..], [(_, Some(_))]));
    // Another screen stops it, and the figures are there when it is left.
    stage.press("@");
    stage.follow();
    assert!(matches!(looks(&mut stage)[..], [(_, None)]));
    assert_eq!(stage.model.detail_pane.usage.pod(POD).unwrap().len(), 1);
}

#[test]
fn measurement_that_is_told_twice_counts_once() {
    let (mut stage, op) = looking();
    for (second, cpu) in [(1, 10), (1, 10), (16, 20)] {
        let result = Ok(vec![usage(POD, second, cpu)]);
        stage.send(Msg::PodUsageRead { op, result });
    }
    let samples = stage.model.detail_pane.usage.pod(POD).unwrap();
    let cpu: Vec<u64> = samples.iter().map(|sample| sample.cpu).collect();
    assert_eq!(cpu, [10, 20]);
}

#[test]
fn what_nobody_measures_is_absent_with_a_reason() {
    let check = |kind: FailureKind, expected: UsageState| {
        let (mut stage, op) = looking();
        let result = Err(Failure::new(kind, "no"));
        stage.send(Msg::PodUsageRead { op, result });
        assert_eq!(stage.model.detail_pane.usage.state, expected);
        assert!(stage.model.status.is_none(), "nobody asked for it");
    };
    let not_served = "metrics.k8s.io is not served here".to_owned();
    check(FailureKind::NotFound, UsageState::Absent(not_served));
    check(FailureKind::Forbidden, UsageState::Absent("no".to_owned()));
    let lost = Failure::new(FailureKind::Unreachable, "no");
    check(FailureKind::Unreachable, UsageState::Lost(lost));
}

#[test]
fn claims_are_asked_for_at_the_nodes_of_the_pods() {
    let (mut stage, _) = looking();
    stage.press("2");
    let asked = looks(&mut stage);
    let [(op, Some(UsageOf::Claims(key, nodes)))] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(
        (key, &nodes[..]),
        (&stage::key("orders-db"), &["node-1".to_owned()][..])
    );
    let claim = ClaimUsage {
        claim: "data-orders-db-0".to_owned(),
        used: 1 << 30,
        capacity: 2 << 30,
    };
    let result = Ok(vec![claim]);
    stage.send(Msg::ClaimUsageRead { op: *op, result });
    stage.model.settle();
    let row = stage.model.detail_pane.volumes.selected_row().unwrap();
    let used = Value::Number(1 << 30, "1Gi 50%".to_owned());
    assert!(row.cells.contains(&used), "{row:?}");
}

#[test]
fn events_lead_to_what_they_concern_and_back() {
    let (mut stage, _) = looking();
    stage.press("tab v");
    let pane = &stage.model.detail_pane;
    assert_eq!(pane.tab, Tab::Events);
    assert_eq!(pane.events.rows().len(), 1);
    stage.press("v");
    let pane = &stage.model.detail_pane;
    assert_eq!(
        (pane.tab, pane.pods.selected().map(String::as_str)),
        (Tab::Pods, Some(POD))
    );
    // Those of a claim are none, and 3 shows all.
    stage.press("2 v");
    assert_eq!(stage.model.detail_pane.events.rows().len(), 0);
    stage.press("3");
    assert_eq!(stage.model.detail_pane.events.rows().len(), 1);
    // So does the key that goes back, before it leaves the events.
    stage.press("2 v esc");
    let pane = &stage.model.detail_pane;
    assert_eq!((pane.tab, pane.events.rows().len()), (Tab::Events, 1));
    assert_eq!(stage.model.place(), Place::Detail);
    stage.press("6 v");
    let status = stage.model.status.as_ref().unwrap();
    assert!(status.text.contains("events are told of pods and claims"));
}

/// Names are the same in both clusters.
#[test]
fn figures_of_another_cluster_are_none_of_this_one() {
    let (mut stage, op) = looking();
    let result = Ok(vec![usage(POD, 1, 1_500_000)]);
    stage.send(Msg::PodUsageRead { op, result });
    super::super::cluster::connect(&mut stage.model, Some("prod".to_owned()));
    assert!(stage.model.detail_pane.usage.pod(POD).is_none());
    // What was still told of the former one is stale.
    let result = Ok(vec![usage(POD, 2, 9)]);
    stage.send(Msg::PodUsageRead { op, result });
    stage.connected_to("prod");
    stage.overview(stage::overview());
    stage.model.settle();
    stage.take_effects();
    stage.press("j j j").rest();
    stage.follow();
    let looks = looks(&mut stage);
    assert!(
        matches!(looks.last(), Some((_, Some(UsageOf::Pods(_))))),
        "{looks:?}"
    );
    assert!(stage.model.detail_pane.usage.pod(POD).is_none());
}

#[test]
fn figures_are_not_shown_as_of_now_while_they_are_not_told() {
    for kind in [FailureKind::Unreachable, FailureKind::Forbidden] {
        let (mut stage, op) = looking();
        let result = Ok(vec![usage(POD, 1, 1_500_000)]);
        stage.send(Msg::PodUsageRead { op, result });
        let result = Err(Failure::new(kind, "no"));
        stage.send(Msg::PodUsageRead { op, result });
        assert!(stage.model.detail_pane.usage.pod(POD).is_none());
        let result = Ok(vec![usage(POD, 2, 9)]);
        stage.send(Msg::PodUsageRead { op, result });
        let samples = stage.model.detail_pane.usage.pod(POD).unwrap();
        assert_eq!(samples.len(), 2, "how it went before is known still");
    }
}
