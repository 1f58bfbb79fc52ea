//! The objects of an instance: a tree, printed by the server while it is looked at.

use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::panes::logs::Whose;
use crate::app::stage::{self, Stage};
use crate::app::table::Value;
use crate::definition::object::GroupKind;
use crate::service::printed::PrintedObject;
use crate::service::watch::{Delta, WatchEvent};

/// Shows the objects of the selected instance, billing.
fn looking() -> Stage {
    let mut stage = Stage::with_services();
    stage.rest();
    stage.press("5 tab");
    stage.follow();
    stage
}

fn asked(stage: &mut Stage) -> Vec<OpId> {
    let effects = stage.take_effects().into_iter();
    let asked = effects.filter_map(|effect| match effect {
        Effect::PrintObjects { op, key, kinds } => {
            assert_eq!(key, stage::key("billing"));
            assert!(kinds.contains(&GroupKind::new("apps", "Deployment")));
            Some(op)
        }
        _ => None,
    });
    asked.collect()
}

fn answer(stage: &mut Stage, op: OpId, name: &str) {
    let printed = |kind: GroupKind, namespace: Option<&str>, name: &str| PrintedObject {
        kind,
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        facts: vec![("READY".to_owned(), "0/1".to_owned())],
    };
    let deployment = GroupKind::new("apps", "Deployment");
    let gizmo = GroupKind::new("example.com", "Gizmo");
    stage.send(Msg::ObjectsPrinted {
        op,
        objects: vec![
            printed(deployment, Some("team-a"), name),
            printed(gizmo, Some("team-b"), "g1"),
        ],
        remarks: Vec::new(),
    });
    stage.model.settle();
}

/// Returns kind, name and what is printed of each row.
fn rows(stage: &Stage) -> Vec<[String; 3]> {
    let text = |value: &Value| match value {
        Value::Text(text) | Value::Bad(text) | Value::Number(_, text) => text.clone(),
        _ => String::new(),
    };
    let rows = stage.model.detail_pane.objects.table.rows();
    rows.map(|row| [0, 1, 6].map(|idx| text(&row.cells[idx])))
        .collect()
}

fn row(cells: [&str; 3]) -> [String; 3] {
    cells.map(str::to_owned)
}

#[test]
fn objects_stand_below_their_owners_and_are_folded() {
    let mut stage = looking();
    let op = asked(&mut stage)[0];
    answer(&mut stage, op, "billing");
    let whole = [
        row(["- ConfigMap", "bowline-billing", ""]),
        row(["  - Deployment", "billing", "READY 0/1"]),
        row(["    - ReplicaSet", "billing-6d9c9c5b8", ""]),
        row(["      Pod", "billing-6d9c9c5b8-x2x7p", ""]),
        row(["  Service", "billing", ""]),
        row(["  Gizmo", "g1", "READY 0/1"]),
        row(["  + Revisions", "2 kept", ""]),
    ];
    assert_eq!(rows(&stage), whole);
    stage.press("j space");
    let mut folded = whole.to_vec();
    folded[1][0] = "  + Deployment".to_owned();
    folded.drain(2..4);
    assert_eq!(rows(&stage), folded);
    stage.press("space");
    assert_eq!(rows(&stage), whole);
    stage.press("G space");
    assert_eq!(rows(&stage).len(), whole.len() + 2);
    stage.press("g j j j space");
    let why = "Not possible: nothing is below it.";
    assert_eq!(stage.told(), Some(why));
}

#[test]
fn what_is_reported_of_an_object_stands_beside_it() {
    let stage = looking();
    let table = &stage.model.detail_pane.objects.table;
    let pod = table
        .rows()
        .find(|row| row.key.starts_with("/Pod/"))
        .unwrap();
    let expected = [
        Value::Bad("ImagePullBackOff".to_owned()),
        Value::Bad("Failed x4".to_owned()),
    ];
    assert_eq!(pod.cells[2..4], expected);
}

#[test]
fn objects_are_printed_only_while_they_are_looked_at_and_never_without_a_pause() {
    let mut stage = Stage::with_services();
    stage.rest();
    stage.follow();
    assert_eq!(asked(&mut stage), []);
    stage.press("5");
    stage.follow();
    let first = asked(&mut stage)[0];
    // What was reported meanwhile leads to one more question, after the answer and a pause.
    let changed = stage::live_workload("billing", 2, false);
    let event = WatchEvent::Workloads(changed.kind, vec![Delta::Applied(changed)]);
    stage.send(Msg::InstanceEvent {
        epoch: stage.epoch(),
        key: stage::key("billing"),
        event,
    });
    stage.follow();
    assert_eq!(asked(&mut stage), []);
    answer(&mut stage, first, "billing");
    stage.follow();
    assert_eq!(asked(&mut stage), []);
    assert!(
        stage
            .model
            .next_wake()
            .is_some_and(|it| it <= Duration::from_secs(3))
    );
    stage.wait(Duration::from_secs(3));
    stage.follow();
    let second = asked(&mut stage)[0];
    // The answer of before is stale now.
    answer(&mut stage, first, "other");
    assert_eq!(
        rows(&stage)[1],
        row(["  - Deployment", "billing", "READY 0/1"])
    );
    answer(&mut stage, second, "other");
    assert_eq!(rows(&stage)[1], row(["  - Deployment", "billing", ""]));
    stage.wait(Duration::from_secs(60));
    stage.follow();
    assert_eq!(asked(&mut stage), []);
}

#[test]
fn a_pod_among_the_objects_has_its_logs_and_its_events() {
    let selecting = |kind: &str| {
        let mut stage = looking();
        let table = &mut stage.model.detail_pane.objects.table;
        let keys: Vec<_> = table.rows().map(|row| row.key.clone()).collect();
        let is_it = |key: &&String| key.contains(&format!("/{kind}/"));
        let key = keys.iter().find(is_it).unwrap().clone();
        table.select(&key);
        (stage, key)
    };
    let (mut stage, key) = selecting("Pod");
    stage.press("L");
    let pod = key.rsplit('/').next().unwrap().to_owned();
    assert_eq!(stage.model.detail_pane.logs.whose, Whose::Pod(pod));
    // One of the same name in another namespace is another one.
    let (mut stage, key) = selecting("Pod");
    let table = &mut stage.model.detail_pane.objects.table;
    let mut rows: Vec<_> = table.rows().cloned().collect();
    let elsewhere = key.replace("/Pod/", "/Pod/elsewhere/");
    rows.iter_mut().find(|row| row.key == key).unwrap().key = elsewhere.clone();
    table.set_rows(rows);
    assert!(table.select(&elsewhere));
    let label = elsewhere.strip_prefix("/Pod/").unwrap();
    assert_eq!(stage.model.chosen_pod().as_deref(), Some(label));
    let (mut stage, key) = selecting("Deployment");
    stage.press("v");
    let events_of = stage.model.detail_pane.events_of.clone().unwrap();
    assert_eq!(events_of.kind, "Deployment");
    assert!(key.ends_with(&format!("/{}", events_of.name)));
}
