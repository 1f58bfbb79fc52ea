use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::failure::FailureKind;
use crate::service::drift::AppliedWorkload;
use crate::service::instance::PodCounts;
use crate::service::operation::Operation;
use crate::service::summary::{Record, Workload};
use crate::service::watch::{Delta, ItemKey, LinkState};

fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn later(seconds: u64) -> Timestamp {
    now() + Duration::from_secs(seconds)
}

fn key(id: &str) -> InstanceKey {
    InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: id.parse().unwrap(),
    }
}

fn item(name: &str) -> ItemKey {
    ItemKey {
        namespace: "team-a".parse().unwrap(),
        name: name.to_owned(),
    }
}

fn workload(id: &str, ready: u32) -> Workload {
    Workload {
        instance: key(id),
        kind: WorkloadKind::StatefulSet,
        name: id.to_owned(),
        uid: id.to_owned(),
        created: now(),
        deletion: None,
        generation: 1,
        observed_generation: 1,
        wanted: 2,
        replicas: 2,
        updated: 2,
        held_back: 0,
        ready,
        available: ready,
        images: vec!["nginx:1.27".to_owned()],
        revision: None,
        has_deadline: false,
        blocked: None,
        is_suspended: false,
        owned: None,
        has_foreign: false,
    }
}

fn record(id: &str, hash: &str) -> Record {
    Record {
        created: now(),
        definition: "shop".parse().unwrap(),
        revision: Some(7),
        definition_hash: Some(hash.to_owned()),
        ..Record::bare(key(id))
    }
}

fn row(name: &str, status: &str) -> PodRow {
    PodRow {
        name: name.to_owned(),
        ready: u32::from(status == "Running"),
        containers: 1,
        status: status.to_owned(),
        restarts: 1,
        created: now(),
        is_scheduled: true,
    }
}

fn claim(name: &str) -> Claim {
    Claim {
        instance: key("db"),
        name: name.to_owned(),
        uid: "c".to_owned(),
        created: now(),
        deletion: None,
        phase: "Bound".to_owned(),
        requested: "1Gi".to_owned(),
        capacity: Some("2Gi".to_owned()),
        storage_class: None,
        volume: None,
        access_modes: vec!["RWO"],
        growth: None,
        is_member: false,
    }
}

fn workloads(deltas: Vec<Delta<Workload>>) -> WatchEvent {
    WatchEvent::Workloads(WorkloadKind::StatefulSet, deltas)
}

fn rows(deltas: Vec<Delta<PodRow>>) -> WatchEvent {
    WatchEvent::PodRows("team-a".parse().unwrap(), deltas)
}

fn fleet(events: Vec<WatchEvent>) -> Fleet {
    let mut fleet = Fleet::new();
    for event in events {
        fleet.apply(event, now());
    }
    fleet
}

/// Each instance as `id state ready/wanted pods`.
fn shown(fleet: &Fleet) -> Vec<String> {
    let show = |instance: &Instance| {
        let (id, state) = (&instance.key().id, instance.state());
        format!(
            "{id} {state} {}/{} {}",
            instance.ready(),
            instance.wanted(),
            instance.pods().total
        )
    };
    fleet.instances().map(show).collect()
}

#[test]
fn pods_find_their_instance_whichever_comes_first() {
    let pods = rows(vec![
        Delta::Applied(row("db-1", "Running")),
        Delta::Applied(row("db-0", "CrashLoopBackOff")),
        Delta::Applied(row("other-0", "Running")),
    ]);
    let sets = workloads(vec![Delta::Applied(workload("db", 1))]);
    for events in [vec![pods.clone(), sets.clone()], vec![sets, pods]] {
        let fleet = fleet(events);
        assert_eq!(shown(&fleet), ["db Failing 1/2 2"]);
        let expected = PodCounts {
            total: 2,
            ready: 1,
            restarts: 2,
            worst: Some(("CrashLoopBackOff".to_owned(), "db-0".to_owned())),
        };
        assert_eq!(fleet.get(&key("db")).unwrap().pods(), &expected);
    }
}

#[test]
fn workload_that_is_not_named_by_its_id_still_owns_its_pods() {
    let renamed = Workload {
        name: "engine".to_owned(),
        ..workload("shop", 2)
    };
    let fleet = fleet(vec![
        workloads(vec![Delta::Applied(renamed)]),
        rows(vec![Delta::Applied(row("engine-0", "Running"))]),
    ]);
    assert_eq!(shown(&fleet), ["shop Ready 2/2 1"]);
}

#[test]
fn list_replaces_what_was_there_for_its_kind_only() {
    let deployment = Workload {
        kind: WorkloadKind::Deployment,
        ..workload("web", 2)
    };
    let mut fleet = fleet(vec![
        workloads(vec![
            Delta::Applied(workload("a", 2)),
            Delta::Applied(workload("b", 2)),
        ]),
        WatchEvent::Workloads(WorkloadKind::Deployment, vec![Delta::Applied(deployment)]),
    ]);
    fleet.apply(
        workloads(vec![Delta::Reset(vec![workload("b", 1), workload("c", 2)])]),
        now(),
    );
    assert_eq!(
        shown(&fleet),
        ["b Rolling 1/2 0", "c Ready 2/2 0", "web Ready 2/2 0"]
    );
    // Nothing that is not there can go.
    fleet.apply(
        workloads(vec![
            Delta::Removed(item("web")),
            Delta::Removed(item("ghost")),
        ]),
        now(),
    );
    assert_eq!(shown(&fleet).len(), 3);
}

#[test]
fn claims_outlive_their_instance_apart_from_it() {
    let claim = claim("data-db-0");
    let second = Claim {
        name: "data-db-1".to_owned(),
        phase: "Pending".to_owned(),
        capacity: None,
        ..claim.clone()
    };
    let mut fleet = fleet(vec![
        workloads(vec![Delta::Applied(workload("db", 2))]),
        WatchEvent::Claims(vec![Delta::Applied(second), Delta::Applied(claim)]),
    ]);
    let volumes = fleet.get(&key("db")).unwrap().volumes().unwrap();
    assert_eq!(
        (volumes.size.as_str(), volumes.bound, volumes.total),
        ("3Gi", 1, 2)
    );
    fleet.apply(workloads(vec![Delta::Removed(item("db"))]), now());
    assert_eq!(fleet.instances().count(), 0);
    let kept: Vec<_> = fleet
        .kept_claims()
        .map(|claim| claim.name.as_str())
        .collect();
    assert_eq!(kept, ["data-db-0", "data-db-1"]);
}

#[test]
fn drift_compares_the_catalogue_with_what_was_applied() {
    let mut fleet = fleet(vec![WatchEvent::Records(vec![
        Delta::Applied(record("one", "aa")),
        Delta::Applied(record("two", "bb")),
    ])]);
    let drift = |fleet: &Fleet| fleet.instances().map(Instance::drift).collect::<Vec<_>>();
    assert_eq!(drift(&fleet), [None, None]);
    let definitions = [("shop", "aa"), ("blog", "cc")]
        .map(|(name, hash)| (name.parse().unwrap(), hash.to_owned()));
    fleet.set_definitions(definitions, now());
    assert_eq!(drift(&fleet), [Some(Drift::InSync), Some(Drift::Edited)]);
    let saved: Vec<_> = fleet.saved().map(InstanceId::as_str).collect();
    assert_eq!(saved, ["blog"]);
}

#[test]
fn live_objects_that_are_not_as_applied_are_changed() {
    let applied = AppliedWorkload {
        kind: WorkloadKind::StatefulSet,
        name: "db".to_owned(),
        fields: 7,
        replicas: Some(2),
    };
    let as_applied = Workload {
        owned: Some(7),
        ..workload("db", 2)
    };
    let check = |live: Option<Workload>, record: Record, expected: Drift| {
        let mut fleet = fleet(vec![
            WatchEvent::Records(vec![Delta::Applied(record)]),
            workloads(vec![Delta::Reset(live.into_iter().collect())]),
        ]);
        fleet.set_definitions([("shop".parse().unwrap(), "aa".to_owned())], now());
        let drift = |fleet: &Fleet| fleet.get(&key("db")).and_then(Instance::drift);
        // A list that has not come yet tells of nothing missing.
        let is_missing = drift(&fleet) == Some(Drift::InSync) && expected != Drift::InSync;
        assert_eq!(
            is_missing,
            fleet.get(&key("db")).unwrap().workloads().is_empty()
        );
        let topic = Topic::Workloads(WorkloadKind::StatefulSet);
        let state = LinkState::Live;
        fleet.apply(WatchEvent::Link { topic, state }, now());
        assert_eq!(drift(&fleet), Some(expected));
    };
    let record = |hash: &str| Record {
        applied: vec![applied.clone()],
        ..record("db", hash)
    };
    check(Some(as_applied.clone()), record("aa"), Drift::InSync);
    let foreign = Workload {
        has_foreign: true,
        ..as_applied.clone()
    };
    check(Some(foreign.clone()), record("aa"), Drift::Changed);
    check(Some(foreign), record("bb"), Drift::EditedAndChanged);
    let lost = Workload {
        owned: Some(6),
        ..as_applied.clone()
    };
    check(Some(lost.clone()), record("aa"), Drift::Changed);
    let scaled = Workload {
        wanted: 3,
        ..as_applied.clone()
    };
    check(Some(scaled.clone()), record("aa"), Drift::Changed);
    check(None, record("aa"), Drift::Changed);
    // Where the number is open, a scale changes nothing.
    let open = AppliedWorkload {
        replicas: None,
        ..applied.clone()
    };
    let open = Record {
        applied: vec![open],
        ..record("aa")
    };
    check(Some(scaled), open, Drift::InSync);
    // Objects are on their way while an operation runs.
    let running = Record {
        operation: Some(Operation {
            kind: "deploy".to_owned(),
            step: "apply".to_owned(),
            holder: "jane".to_owned(),
            heartbeat: now(),
            ..Operation::default()
        }),
        ..record("aa")
    };
    check(Some(lost), running, Drift::InSync);
}

#[test]
fn only_what_shows_counts_as_a_change() {
    let mut fleet = fleet(vec![workloads(vec![Delta::Applied(workload("db", 2))])]);
    let pod = |status: &str, age: u64| {
        rows(vec![Delta::Applied(PodRow {
            created: now() - Duration::from_secs(age),
            ..row("db-0", status)
        })])
    };
    assert!(fleet.apply(pod("Running", 5), now()));
    assert!(
        !fleet.apply(pod("Running", 6), now()),
        "an age told anew is no change"
    );
    assert!(fleet.apply(pod("Terminating", 6), now()));
}

#[test]
fn grace_periods_end_without_an_event() {
    let unscheduled = PodRow {
        is_scheduled: false,
        ..row("db-0", "Pending")
    };
    let mut fleet = fleet(vec![
        workloads(vec![Delta::Applied(workload("db", 1))]),
        rows(vec![Delta::Applied(unscheduled)]),
    ]);
    assert_eq!(shown(&fleet), ["db Rolling 1/2 1"]);
    assert_eq!(fleet.next_refresh(), Some(later(10)));
    assert!(!fleet.refresh(later(9)));
    assert!(fleet.refresh(later(10)));
    assert_eq!(shown(&fleet), ["db Failing 1/2 1"]);
}

fn link(state: LinkState) -> WatchEvent {
    WatchEvent::Link {
        topic: Topic::Workloads(WorkloadKind::StatefulSet),
        state,
    }
}

fn failure() -> Failure {
    Failure::new(
        FailureKind::Unreachable,
        "cannot watch statefulsets: connection refused",
    )
}

#[test]
fn old_data_is_shown_with_its_age_and_then_no_longer_believed() {
    let mut fleet = fleet(vec![
        workloads(vec![Delta::Applied(workload("db", 2))]),
        link(LinkState::Live),
    ]);
    assert_eq!(fleet.connection(), Connection::Live);
    let retrying = LinkState::Retrying {
        failure: failure(),
        next_attempt_in: Duration::from_secs(4),
        data_age: Some(Duration::from_secs(12)),
    };
    fleet.apply(link(retrying), now());
    let expected = Connection::Retrying {
        failure: failure(),
        next_attempt: later(4),
        data_from: Some(now() - Duration::from_secs(12)),
    };
    assert_eq!(fleet.connection(), expected);
    assert_eq!(shown(&fleet), ["db Ready 2/2 0"]);
    assert_eq!(fleet.next_refresh(), Some(later(48)));
    assert!(fleet.refresh(later(48)));
    assert_eq!(shown(&fleet), ["db Unknown 2/2 0"]);
    fleet.apply(link(LinkState::Live), later(50));
    assert_eq!(shown(&fleet), ["db Ready 2/2 0"]);
}

#[test]
fn hidden_workload_is_unknown_not_missing() {
    let mut fleet = fleet(vec![WatchEvent::Records(vec![Delta::Applied(record(
        "db", "aa",
    ))])]);
    assert_eq!(shown(&fleet), ["db Failing 0/0 0"]);
    fleet.apply(link(LinkState::Forbidden(failure())), now());
    assert_eq!(shown(&fleet), ["db Unknown 0/0 0"]);
    assert_eq!(fleet.forbidden().count(), 1);
}

#[test]
fn fleet_is_complete_when_every_watch_that_was_begun_has_answered() {
    let pods = |state| WatchEvent::Link {
        topic: Topic::PodRows("team-a".parse().unwrap()),
        state,
    };
    // Told before the data: whoever watches pods says so first.
    let mut fleet = fleet(vec![
        pods(LinkState::Connecting),
        WatchEvent::Records(vec![Delta::Applied(record("db", "aa"))]),
        link(LinkState::Live),
    ]);
    assert!(!fleet.is_complete(), "its pods are awaited");
    fleet.apply(pods(LinkState::Live), now());
    assert!(fleet.is_complete());
    assert!(!Fleet::new().is_complete(), "nothing was begun");
}

#[test]
fn fleet_is_complete_without_pods_of_namespaces_that_are_not_watched() {
    let mut elsewhere = claim("data-old-0");
    elsewhere.instance.namespace = "kept".parse().unwrap();
    let beyond = Workload {
        instance: InstanceKey {
            namespace: "the-65th".parse().unwrap(),
            id: "web".parse().unwrap(),
        },
        ..workload("web", 2)
    };
    let fleet = fleet(vec![
        workloads(vec![Delta::Applied(beyond)]),
        WatchEvent::Claims(vec![Delta::Applied(elsewhere)]),
        link(LinkState::Live),
    ]);
    assert!(fleet.is_complete());
}

#[test]
fn states_are_counted() {
    let fleet = fleet(vec![workloads(vec![
        Delta::Applied(workload("a", 2)),
        Delta::Applied(workload("b", 1)),
        Delta::Applied(Workload {
            wanted: 0,
            replicas: 0,
            ..workload("c", 0)
        }),
    ])]);
    let expected = StateCounts {
        total: 3,
        ready: 1,
        rolling: 1,
        stopped: 1,
        ..StateCounts::default()
    };
    assert_eq!(fleet.counts(), expected);
}

/// The record of an instance with an operation, whose holder wrote a beat at a second past noon.
fn noted(id: &str, beat: u64) -> Record {
    Record {
        operation: Some(Operation {
            kind: "deploy".to_owned(),
            step: "begins".to_owned(),
            holder: "ann@bastion/7".to_owned(),
            heartbeat: later(beat),
            ..Operation::default()
        }),
        ..record(id, "h1")
    }
}

fn state(fleet: &Fleet) -> State {
    fleet.get(&key("a")).unwrap().state()
}

#[test]
fn operation_that_stands_still_shows_in_the_state_until_it_goes_on() {
    let workloads = workloads(vec![Delta::Applied(workload("a", 2))]);
    let mut fleet = fleet(vec![workloads]);
    // By the holder's clock it was hours ago: another's clock says nothing.
    let put = |record| WatchEvent::Records(vec![Delta::Applied(record)]);
    fleet.apply(put(noted("a", 0)), later(7200));
    assert_eq!(state(&fleet), State::Ready);
    assert_eq!(fleet.next_refresh(), Some(later(7212)));
    assert!(fleet.refresh(later(7212)));
    assert_eq!(state(&fleet), State::Interrupted);
    // A list made anew brings nothing new of it.
    let all = WatchEvent::Records(vec![Delta::Reset(vec![noted("a", 0)])]);
    fleet.apply(all, later(7220));
    assert_eq!(state(&fleet), State::Interrupted);
    fleet.apply(put(noted("a", 3)), later(7221));
    assert_eq!(state(&fleet), State::Ready);
    fleet.refresh(later(7240));
    assert_eq!(fleet.counts().interrupted, 1);
    fleet.apply(put(record("a", "h1")), later(7241));
    assert_eq!(state(&fleet), State::Ready);
}

#[test]
fn nobody_is_said_to_stand_still_while_no_news_come() {
    let workloads = workloads(vec![Delta::Applied(workload("a", 2))]);
    let mut fleet = fleet(vec![workloads]);
    let put = WatchEvent::Records(vec![Delta::Applied(noted("a", 0))]);
    fleet.apply(put, now());
    let link = |state| WatchEvent::Link {
        topic: Topic::Records,
        state,
    };
    let retrying = LinkState::Retrying {
        failure: Failure::new(FailureKind::Unreachable, "connection refused"),
        next_attempt_in: Duration::from_secs(4),
        data_age: Some(Duration::ZERO),
    };
    fleet.apply(link(retrying), later(5));
    fleet.refresh(later(20));
    assert_eq!(state(&fleet), State::Ready);
    fleet.apply(link(LinkState::Live), later(21));
    assert_eq!(state(&fleet), State::Interrupted);
}

#[test]
fn what_changes_hands_is_found_with_whoever_holds_it_last() {
    let of = |id: &str| Workload {
        name: "shared".to_owned(),
        uid: "shared".to_owned(),
        ..workload(id, 2)
    };
    let put = |id: &str| workloads(vec![Delta::Applied(of(id))]);
    let mut fleet = fleet((0..500).map(|n| put(&format!("a{n}"))).collect());
    assert_eq!(shown(&fleet), ["a499 Ready 2/2 0"]);
    let listed = vec![of("b"), workload("a", 2)];
    fleet.apply(workloads(vec![Delta::Reset(listed)]), now());
    assert_eq!(shown(&fleet), ["a Ready 2/2 0", "b Ready 2/2 0"]);
    fleet.apply(put("a"), now());
    assert_eq!(shown(&fleet), ["a Ready 4/4 0"]);
    fleet.apply(workloads(vec![Delta::Removed(item("shared"))]), now());
    assert_eq!(shown(&fleet), ["a Ready 2/2 0"]);
    // It is gone for whoever held it before, too.
    fleet.apply(workloads(vec![Delta::Removed(item("shared"))]), now());
    assert_eq!(shown(&fleet), ["a Ready 2/2 0"]);
}

#[test]
fn a_workload_that_gets_nowhere_is_not_excused_by_another_that_does() {
    let other = |ready| Workload {
        name: "other".to_owned(),
        uid: "other".to_owned(),
        ..workload("a", ready)
    };
    let put = |workload| workloads(vec![Delta::Applied(workload)]);
    let rows = rows(vec![Delta::Reset(vec![row("a-0", "Running")])]);
    let mut fleet = fleet(vec![put(workload("a", 1)), put(other(1)), rows]);
    for minute in 1..=9 {
        fleet.apply(put(other(minute % 2 + 1)), later(u64::from(minute) * 60));
    }
    assert_eq!(state(&fleet), State::Rolling);
    assert!(fleet.refresh(later(600)));
    assert_eq!(state(&fleet), State::Failing);
}

#[test]
fn who_looks_once_judges_by_the_beat_with_some_seconds_for_the_clocks() {
    let check = |looked: u64, expected: State| {
        let workloads = workloads(vec![Delta::Applied(workload("a", 2))]);
        let mut fleet = fleet(vec![workloads]);
        let put = WatchEvent::Records(vec![Delta::Applied(noted("a", 0))]);
        fleet.apply(put, later(looked));
        fleet.judge_by_beats(later(looked));
        assert_eq!(state(&fleet), expected, "{looked}");
    };
    check(0, State::Ready);
    check(26, State::Ready);
    check(27, State::Interrupted);
}

/// A change in a random story of two namespaces' worth of names.
#[derive(Debug, Clone)]
enum Change {
    Set(&'static str, u32),
    Unset(&'static str),
    Pod(&'static str, u32),
    Unpod(&'static str, u32),
}

fn change() -> impl Strategy<Value = Change> {
    let id = || proptest::sample::select(vec!["a", "b", "a-b"]);
    prop_oneof![
        (id(), 0..3u32).prop_map(|(id, ready)| Change::Set(id, ready)),
        id().prop_map(Change::Unset),
        (id(), 0..3u32).prop_map(|(id, n)| Change::Pod(id, n)),
        (id(), 0..3u32).prop_map(|(id, n)| Change::Unpod(id, n)),
    ]
}

proptest! {
    /// In whatever order workloads and pods come and go, what is shown is what a fresh list would show.
    #[test]
    fn fleet_equals_one_that_was_listed_afresh(changes in proptest::collection::vec(change(), 0..40)) {
        let mut fleet = Fleet::new();
        let (mut sets, mut pods) = (BTreeMap::new(), BTreeMap::new());
        for change in changes {
            let event = match change {
                Change::Set(id, ready) => {
                    sets.insert(id, ready);
                    workloads(vec![Delta::Applied(workload(id, ready))])
                }
                Change::Unset(id) => {
                    sets.remove(id);
                    workloads(vec![Delta::Removed(item(id))])
                }
                Change::Pod(id, n) => {
                    let name = format!("{id}-{n}");
                    pods.insert(name.clone(), ());
                    rows(vec![Delta::Applied(row(&name, "Running"))])
                }
                Change::Unpod(id, n) => {
                    let name = format!("{id}-{n}");
                    pods.remove(&name);
                    rows(vec![Delta::Removed(item(&name))])
                }
            };
            fleet.apply(event, now());
        }
        let all_sets = sets.iter().map(|(id, ready)| workload(id, *ready)).collect();
        let all_pods = pods.keys().map(|name| row(name, "Running")).collect();
        let mut fresh = Fleet::new();
        fresh.apply(workloads(vec![Delta::Reset(all_sets)]), now());
        fresh.apply(rows(vec![Delta::Reset(all_pods)]), now());
        prop_assert_eq!(shown(&fleet), shown(&fresh));
    }
}

#[test]
fn pods_of_daemons_and_runs_find_their_instance() {
    let of = |kind, name: &str, id| Workload {
        kind,
        name: name.to_owned(),
        ..workload(id, 1)
    };
    let told = |kind, name, id| {
        let workload = of(kind, name, id);
        WatchEvent::Workloads(kind, vec![Delta::Reset(vec![workload])])
    };
    let mut fleet = fleet(vec![
        rows(vec![
            Delta::Applied(row("agent-x2b4z", "CrashLoopBackOff")),
            Delta::Applied(row("load-x2b4z", "Error")),
            Delta::Applied(row("tick-29453760-x2b4z", "Running")),
        ]),
        told(WorkloadKind::DaemonSet, "agent", "logs"),
        told(WorkloadKind::Job, "load", "load"),
        told(WorkloadKind::CronJob, "tick", "nightly"),
    ]);
    let expected = [
        "load Rolling 1/2 1",
        "logs Failing 1/2 1",
        "nightly Rolling 1/2 1",
    ];
    assert_eq!(shown(&fleet), expected);
    fleet.apply(told(WorkloadKind::DaemonSet, "other", "logs"), now());
    fleet.apply(rows(vec![Delta::Removed(item("agent-x2b4z"))]), now());
    assert!(shown(&fleet)[1].ends_with(" 0"));
}

/// Jobs count where nothing else runs: a migration beside a service is no part of its replicas.
#[test]
fn runs_are_counted_where_nothing_lasts() {
    let job = Workload {
        kind: WorkloadKind::Job,
        name: "migrate".to_owned(),
        ..workload("db", 1)
    };
    let job = WatchEvent::Workloads(WorkloadKind::Job, vec![Delta::Reset(vec![job])]);
    let mut fleet = fleet(vec![job]);
    assert_eq!(shown(&fleet), ["db Rolling 1/2 0"]);
    let set = Workload {
        wanted: 5,
        ..workload("db", 2)
    };
    fleet.apply(workloads(vec![Delta::Reset(vec![set])]), now());
    assert_eq!(shown(&fleet), ["db Rolling 2/5 0"]);
}
