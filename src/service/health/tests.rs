use super::*;
use crate::definition::object::ObjectKey;
use crate::service::operation::Operation;
use crate::service::summary::{
    Blocked, Container, ContainerEnd, ContainerState, Deletion, InstanceKey, ObjectRow, Record,
    Standing,
};

fn time(text: &str) -> Timestamp {
    format!("2026-01-01T{text}Z").parse().unwrap()
}

/// Everything was made at noon, and is looked at a minute later.
fn noon() -> Timestamp {
    time("12:00:00")
}

fn key() -> InstanceKey {
    InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: "web".parse().unwrap(),
    }
}

/// A workload of three pods that are all there.
fn workload(kind: WorkloadKind) -> Workload {
    Workload {
        instance: key(),
        kind,
        name: "web".to_owned(),
        uid: "w1".to_owned(),
        created: noon(),
        deletion: None,
        generation: 2,
        observed_generation: 2,
        wanted: 3,
        replicas: 3,
        updated: 3,
        held_back: 0,
        ready: 3,
        available: 3,
        images: vec!["nginx".to_owned()],
        revision: None,
        has_deadline: false,
        blocked: None,
        is_suspended: false,
        owned: None,
        has_foreign: false,
    }
}

fn deployment() -> Workload {
    workload(WorkloadKind::Deployment)
}

fn row(name: &str, status: &str) -> PodRow {
    PodRow {
        name: name.to_owned(),
        ready: u32::from(status == "Running"),
        containers: 1,
        status: status.to_owned(),
        restarts: 0,
        created: noon(),
        is_scheduled: status != "Pending",
    }
}

fn claim(phase: &str) -> Claim {
    Claim {
        instance: key(),
        name: "data-web-0".to_owned(),
        uid: "c1".to_owned(),
        created: noon(),
        deletion: None,
        phase: phase.to_owned(),
        requested: "1Gi".to_owned(),
        capacity: None,
        storage_class: None,
        volume: None,
        access_modes: vec!["RWO"],
        growth: None,
        is_member: false,
    }
}

fn event(kind: &str, name: &str, reason: &str, message: &str) -> Event {
    Event {
        namespace: key().namespace,
        name: format!("{name}.1"),
        object_kind: kind.to_owned(),
        object_name: name.to_owned(),
        object_uid: String::new(),
        is_warning: reason != "WaitForFirstConsumer" && reason != "ExternalProvisioning",
        reason: reason.to_owned(),
        message: message.to_owned(),
        count: 1,
        last_seen: noon(),
        source: "test".to_owned(),
    }
}

fn record() -> Record {
    Record {
        uid: "r1".to_owned(),
        created: noon(),
        ..Record::bare(key())
    }
}

fn deletion(finalizers: &[&str]) -> Option<Deletion> {
    Some(Deletion {
        since: noon(),
        finalizers: finalizers.iter().map(ToString::to_string).collect(),
    })
}

fn operation(kind: &str) -> Option<Operation> {
    Some(Operation {
        kind: kind.to_owned(),
        step: "deleting Deployment/web".to_owned(),
        holder: "jane@bastion".to_owned(),
        heartbeat: noon(),
        ..Operation::default()
    })
}

/// What is known, owned.
#[derive(Default, Clone)]
struct Known {
    record: Option<Record>,
    workloads: Vec<Workload>,
    claims: Vec<Claim>,
    rows: Vec<PodRow>,
    events: Vec<Event>,
    objects: Vec<ObjectRow>,
    shortages: Vec<Shortage>,
    heard: Option<Timestamp>,
    unknown: Option<&'static str>,
}

impl Known {
    fn view(&self) -> InstanceView<'_> {
        InstanceView {
            record: self.record.as_ref(),
            workloads: &self.workloads,
            claims: &self.claims,
            pods: Pods::Rows(&self.rows),
            events: &self.events,
            objects: &self.objects,
            shortages: &self.shortages,
            heard: self.heard,
            unknown: self.unknown,
        }
    }
}

fn of(workload: Workload) -> Known {
    Known {
        workloads: vec![workload],
        ..Known::default()
    }
}

fn check_at(known: &Known, now: &str, state: State, reason: &str) {
    let health = health(&known.view(), time(now));
    let told = (health.state, health.reason.as_deref().unwrap_or_default());
    assert_eq!(told, (state, reason));
}

fn check(known: &Known, state: State, reason: &str) {
    check_at(known, "12:01:00", state, reason);
}

#[test]
fn ready_when_all_that_is_wanted_is_there() {
    check(&of(deployment()), State::Ready, "");
    // An evicted pod that was replaced long ago is no trouble any more.
    let known = Known {
        rows: vec![row("web-1", "Evicted")],
        ..of(deployment())
    };
    check(&known, State::Ready, "");
}

#[test]
fn rolling_names_what_is_short() {
    let with = |change: fn(&mut Workload)| {
        let mut workload = deployment();
        change(&mut workload);
        of(workload)
    };
    check(
        &with(|w| w.generation = 3),
        State::Rolling,
        "Deployment/web has a change that its controller has not seen yet",
    );
    check(
        &with(|w| w.updated = 1),
        State::Rolling,
        "Deployment/web: 1 of 3 pods updated",
    );
    check(
        &with(|w| w.replicas = 4),
        State::Rolling,
        "Deployment/web: 1 pod to go",
    );
    check(
        &with(|w| (w.ready, w.available) = (2, 2)),
        State::Rolling,
        "Deployment/web: 2 of 3 pods ready",
    );
    // Ready, but not for long enough yet.
    check(
        &with(|w| w.available = 0),
        State::Rolling,
        "Deployment/web: 0 of 3 pods ready",
    );
}

#[test]
fn pods_that_the_strategy_holds_back_are_not_awaited() {
    let with = |updated: u32, held_back: u32| {
        of(Workload {
            updated,
            held_back,
            ..workload(WorkloadKind::StatefulSet)
        })
    };
    check(&with(1, 2), State::Ready, "");
    check(&with(0, u32::MAX), State::Ready, "");
    check(
        &with(0, 1),
        State::Rolling,
        "StatefulSet/web: 0 of 2 pods updated",
    );
}

fn short(kind: WorkloadKind) -> Workload {
    Workload {
        ready: 2,
        available: 2,
        ..workload(kind)
    }
}

fn shortage(kind: WorkloadKind, since: Timestamp) -> Shortage {
    Shortage::of(&short(kind), &[], since).unwrap()
}

#[test]
fn broken_pod_makes_it_fail_while_something_is_short() {
    for status in [
        "ImagePullBackOff",
        "ErrImagePull",
        "CrashLoopBackOff",
        "Init:CrashLoopBackOff",
        "Init:ImagePullBackOff",
        "CreateContainerConfigError",
        "OOMKilled",
        "Error",
        "Init:ExitCode:3",
        "Signal:9",
        "OutOfcpu",
    ] {
        let known = Known {
            rows: vec![row("web-0", "Running"), row("web-1", status)],
            ..of(short(WorkloadKind::StatefulSet))
        };
        check(&known, State::Failing, &format!("{status}: pod web-1"));
    }
    for status in [
        "Running",
        "ContainerCreating",
        "PodInitializing",
        "Init:0/2",
        "Terminating",
        "Completed",
        "NotReady",
    ] {
        let known = Known {
            rows: vec![row("web-1", status)],
            ..of(short(WorkloadKind::StatefulSet))
        };
        check(&known, State::Rolling, "StatefulSet/web: 2 of 3 pods ready");
    }
}

#[test]
fn broken_rollout_fails_though_the_old_pods_serve() {
    let workload = Workload {
        updated: 1,
        replicas: 4,
        ..deployment()
    };
    let known = Known {
        rows: vec![row("web-1", "ImagePullBackOff")],
        ..of(workload)
    };
    check(&known, State::Failing, "ImagePullBackOff: pod web-1");
}

fn pod(name: &str, reason: &str) -> Pod {
    Pod {
        instance: key(),
        name: name.to_owned(),
        uid: "p1".to_owned(),
        created: noon(),
        deletion: None,
        phase: "Pending".to_owned(),
        reason: Some(reason.to_owned()),
        message: None,
        node: None,
        revision: None,
        unschedulable_since: None,
        ready_changed: None,
        containers: vec![Container {
            name: "web".to_owned(),
            init: false,
            image: "web:oops".to_owned(),
            ready: false,
            started: false,
            restarts: 0,
            state: ContainerState::Running,
            last_end: None,
            requests: Default::default(),
            limits: Default::default(),
        }],
    }
}

/// Judges by full pods, a minute later.
fn by_pods(workload: Workload, pods: &[Pod]) -> Health {
    let known = of(workload);
    let view = InstanceView {
        pods: Pods::Full(pods),
        ..known.view()
    };
    health(&view, time("12:01:00"))
}

#[test]
fn remains_of_a_pod_that_was_replaced_are_no_trouble_of_a_rollout() {
    let rolling = "Deployment/web: 2 of 3 pods ready";
    for status in [
        "Evicted",
        "OutOfcpu",
        "OutOfpods",
        "NodeAffinity",
        "UnexpectedAdmissionError",
        "DeadlineExceeded",
        "Failed",
    ] {
        let of_deployment = Known {
            rows: vec![row("web-6d9c9c5b8-x2w4p", status)],
            ..of(short(WorkloadKind::Deployment))
        };
        check(&of_deployment, State::Rolling, rolling);
        // The controller of a StatefulSet deletes it first; until then nothing takes its place.
        let of_set = Known {
            rows: vec![row("web-0", status)],
            ..of(short(WorkloadKind::StatefulSet))
        };
        check(&of_set, State::Failing, &format!("{status}: pod web-0"));
    }
    let remains = Pod {
        phase: "Failed".to_owned(),
        ..pod("web-6d9c9c5b8-x2w4p", "Error")
    };
    let crashed = pod("web-6d9c9c5b8-24567", "Error");
    let reason = |pods: &[Pod]| by_pods(short(WorkloadKind::Deployment), pods).reason;
    assert_eq!(
        reason(std::slice::from_ref(&remains)).as_deref(),
        Some(rolling)
    );
    let expected = Some("Error: pod web-6d9c9c5b8-24567");
    assert_eq!(reason(&[remains, crashed]).as_deref(), expected);
}

#[test]
fn full_pod_adds_the_kubelets_sentence() {
    let pod = Pod {
        message: Some("registry has no web:oops.".to_owned()),
        ..pod("web-1", "ImagePullBackOff")
    };
    let judge = |pod: Pod, now: &str| {
        let known = of(short(WorkloadKind::Deployment));
        let pods = [pod];
        let view = InstanceView {
            pods: Pods::Full(&pods),
            ..known.view()
        };
        health(&view, time(now)).reason.unwrap()
    };
    assert_eq!(
        judge(pod.clone(), "12:01:00"),
        "ImagePullBackOff: pod web-1: registry has no web:oops"
    );
    let refused = Pod {
        reason: Some("Unschedulable".to_owned()),
        message: Some("0/3 nodes are available.".to_owned()),
        unschedulable_since: Some(noon()),
        ..pod
    };
    assert_eq!(
        judge(refused.clone(), "12:00:09"),
        "Deployment/web: 2 of 3 pods ready"
    );
    assert_eq!(
        judge(refused, "12:00:10"),
        "Unschedulable: pod web-1: 0/3 nodes are available"
    );
}

#[test]
fn pod_without_node_fails_after_a_grace_period() {
    let mut known = Known {
        rows: vec![row("web-0", "Pending")],
        ..of(short(WorkloadKind::StatefulSet))
    };
    check_at(
        &known,
        "12:00:09",
        State::Rolling,
        "StatefulSet/web: 2 of 3 pods ready",
    );
    check_at(
        &known,
        "12:00:10",
        State::Failing,
        "Unschedulable: no node takes pod web-0",
    );
    known.events = vec![event(
        "Pod",
        "web-0",
        "FailedScheduling",
        "0/3 nodes are available: too little memory.",
    )];
    check_at(
        &known,
        "12:00:10",
        State::Failing,
        "Unschedulable: pod web-0: 0/3 nodes are available: too little memory",
    );
    let assessment = assess(&known.view(), time("12:00:05"));
    assert_eq!(assessment.look_again, Some(time("12:00:10")));
}

#[test]
fn a_pod_that_waits_for_a_claim_says_why_that_one_has_no_volume() {
    let says = |message: &str| event("Pod", "web-0", "FailedScheduling", message);
    let told =
        |reason: &str, message: &str| event("PersistentVolumeClaim", "data-web-0", reason, message);
    let check_with = |claims: &[Claim], events: &[Event], expected: &str| {
        let known = Known {
            rows: vec![row("web-0", "Pending")],
            claims: claims.to_vec(),
            events: events.to_vec(),
            ..of(short(WorkloadKind::StatefulSet))
        };
        let expected = format!("Unschedulable: pod web-0: {expected}");
        check_at(&known, "12:00:10", State::Failing, &expected);
    };
    let unbound =
        "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found";
    let none = "0/3 nodes are available: 3 node(s) didn't find available persistent volumes to bind. no new claims to \
                deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
    let waits = "Waiting for a volume to be created either by the external provisioner 'disks.example.com' or manually by \
                 the system administrator.";
    let of_class = Claim {
        storage_class: Some("fast".to_owned()),
        ..claim("Pending")
    };
    let other = Claim {
        name: "a-web-1".to_owned(),
        ..claim("Pending")
    };
    check_with(&[], &[says(unbound)], "its claim has no volume yet");
    let claims = [other, of_class];
    check_with(
        &claims,
        &[says(unbound), told("ExternalProvisioning", waits)],
        "claim data-web-0 of class fast is not bound: provisioner disks.example.com has made no volume yet: does it run?",
    );
    check_with(
        &claims,
        &[
            says(none),
            told(
                "WaitForPodScheduled",
                "waiting for pod web-0 to be scheduled",
            ),
        ],
        "none of 3 nodes fits: 3 no volume to bind; claim data-web-0 of class fast is not bound; a volume of its class must be \
         free on a node that takes the pod",
    );
}

#[test]
fn unbound_claim_fails_after_a_grace_period_with_why() {
    let mut known = Known {
        claims: vec![claim("Pending")],
        ..of(short(WorkloadKind::StatefulSet))
    };
    let rolling = "StatefulSet/web: 2 of 3 pods ready";
    check_at(&known, "12:01:59", State::Rolling, rolling);
    check_at(
        &known,
        "12:02:00",
        State::Failing,
        "claim data-web-0 is not bound",
    );
    let claim_event = |reason: &str, message: &str| {
        vec![event(
            "PersistentVolumeClaim",
            "data-web-0",
            reason,
            message,
        )]
    };
    let message = "storageclass.storage.k8s.io \"fast\" not found";
    known.events = claim_event("ProvisioningFailed", message);
    check_at(&known, "12:00:09", State::Rolling, rolling);
    let failing = "claim data-web-0 is not bound: there is no class fast";
    check_at(&known, "12:00:10", State::Failing, failing);
    // A claim that waits for its pod says nothing by itself.
    known.events = claim_event("WaitForFirstConsumer", "waiting for first consumer");
    check_at(&known, "12:05:00", State::Rolling, rolling);
    known.events = claim_event("ExternalProvisioning", "waiting for a volume to be created");
    check_at(&known, "12:01:00", State::Rolling, rolling);
    // Somebody else's claim of that name, deleted since.
    known.events[0].object_uid = "other".to_owned();
    check_at(
        &known,
        "12:02:00",
        State::Failing,
        "claim data-web-0 is not bound",
    );
    known.claims = vec![claim("Lost")];
    check_at(
        &known,
        "12:00:00",
        State::Failing,
        "claim data-web-0 lost its volume",
    );
    known.claims = vec![claim("Bound")];
    check_at(&known, "12:05:00", State::Rolling, rolling);
}

#[test]
fn conditions_and_events_of_the_controller_count() {
    let blocked = Workload {
        blocked: Some(Blocked {
            reason: "ProgressDeadlineExceeded".to_owned(),
            message: "ReplicaSet \"web-1\" has timed out progressing.".to_owned(),
            has_given_up: true,
        }),
        ..short(WorkloadKind::Deployment)
    };
    check(
        &of(blocked),
        State::Failing,
        "Deployment/web: ProgressDeadlineExceeded: ReplicaSet \"web-1\" has timed out progressing",
    );
    let without_pods = Workload {
        replicas: 0,
        ready: 0,
        available: 0,
        updated: 0,
        ..workload(WorkloadKind::StatefulSet)
    };
    let known = Known {
        events: vec![event(
            "StatefulSet",
            "web",
            "FailedCreate",
            "exceeded quota: pods",
        )],
        ..of(without_pods)
    };
    check(
        &known,
        State::Failing,
        "StatefulSet/web cannot create pods: exceeded quota: pods",
    );
}

#[test]
fn pods_of_one_workload_say_nothing_of_another() {
    let set = Workload {
        name: "db".to_owned(),
        replicas: 0,
        ready: 0,
        ..workload(WorkloadKind::StatefulSet)
    };
    let newer = PodRow {
        created: time("12:00:30"),
        ..row("web-6d9c9c5b8-x2w4p", "Running")
    };
    let message = "exceeded quota: pods";
    let known = Known {
        workloads: vec![short(WorkloadKind::Deployment), set.clone()],
        rows: vec![newer.clone()],
        events: vec![event("StatefulSet", "db", "FailedCreate", message)],
        ..of(deployment())
    };
    let expected = "StatefulSet/db cannot create pods: exceeded quota: pods";
    check(&known, State::Failing, expected);
    // One of its own came after it was said.
    let mended = Known {
        rows: vec![PodRow {
            name: "db-0".to_owned(),
            ..newer.clone()
        }],
        ..known
    };
    assert_eq!(health(&mended.view(), noon()).state, State::Rolling);

    let stuck = Known {
        workloads: vec![Workload {
            replicas: 3,
            ready: 2,
            ..set
        }],
        rows: vec![row("db-0", "Running"), newer],
        shortages: vec![Shortage {
            name: "db".to_owned(),
            ..shortage(WorkloadKind::StatefulSet, noon())
        }],
        ..of(deployment())
    };
    let expected = "StatefulSet/db: no progress for 10 minutes, 2 of 3 pods ready";
    check_at(&stuck, "12:10:00", State::Failing, expected);
}

#[test]
fn only_what_cannot_mend_itself_is_final() {
    let check = |workload: &Workload, pods: &[Pod], expected: bool| {
        let health = by_pods(workload.clone(), pods);
        assert_eq!(health.is_final, expected, "{health:?}");
    };
    let short = short(WorkloadKind::Deployment);
    let blocked = |reason: &str, has_given_up| Workload {
        blocked: Some(Blocked {
            reason: reason.to_owned(),
            message: "ProgressDeadlineExceeded, InvalidImageName".to_owned(),
            has_given_up,
        }),
        ..short.clone()
    };
    let late = blocked("ProgressDeadlineExceeded", true);
    check(&late, &[], true);
    check(&late, &[pod("web-1", "CrashLoopBackOff")], true);
    check(&blocked("FailedCreate", true), &[], true);
    check(&blocked("FailedCreate", false), &[], false);
    let changed = Workload {
        generation: 3,
        ..late
    };
    check(&changed, &[pod("web-1", "CrashLoopBackOff")], false);
    for reason in ["InvalidImageName", "Init:ErrImageNeverPull"] {
        check(&short, &[pod("web-1", reason)], true);
    }
    let talkative = Pod {
        message: Some("back-off: InvalidImageName".to_owned()),
        ..pod("web-1", "ImagePullBackOff")
    };
    check(&short, &[talkative], false);
}

#[test]
fn pod_of_an_earlier_change_is_not_final() {
    let wrong = pod("web-1", "InvalidImageName");
    let newer = Pod {
        created: time("12:00:30"),
        ..pod("web-2", "ContainerCreating")
    };
    let leaving = Pod {
        deletion: deletion(&[]),
        ..newer.clone()
    };
    let unseen = Workload {
        generation: 3,
        ..short(WorkloadKind::Deployment)
    };
    let begun = Workload {
        updated: 0,
        ..short(WorkloadKind::Deployment)
    };
    for (workload, pods, expected) in [
        (
            &short(WorkloadKind::Deployment),
            vec![wrong.clone(), newer],
            false,
        ),
        (
            &short(WorkloadKind::Deployment),
            vec![wrong.clone(), leaving],
            true,
        ),
        (&unseen, vec![wrong.clone()], false),
        (&begun, vec![wrong], false),
    ] {
        let health = by_pods(workload.clone(), &pods);
        assert_eq!((health.state, health.is_final), (State::Failing, expected));
    }
}

#[test]
fn pods_that_get_nowhere_fail_in_the_end() {
    let known = Known {
        rows: vec![row("web-0", "Running")],
        shortages: vec![shortage(WorkloadKind::StatefulSet, noon())],
        ..of(short(WorkloadKind::StatefulSet))
    };
    check_at(
        &known,
        "12:09:59",
        State::Rolling,
        "StatefulSet/web: 2 of 3 pods ready",
    );
    let expected = "StatefulSet/web: no progress for 10 minutes, 2 of 3 pods ready";
    check_at(&known, "12:10:00", State::Failing, expected);
}

#[test]
fn pods_that_became_unready_just_now_have_their_time_however_old_they_are() {
    let rolling = "StatefulSet/web: 2 of 3 pods ready";
    let failing = "StatefulSet/web: no progress for 10 minutes, 2 of 3 pods ready";
    let known = Known {
        rows: vec![row("web-0", "Running")],
        shortages: vec![shortage(WorkloadKind::StatefulSet, time("15:00:00"))],
        ..of(short(WorkloadKind::StatefulSet))
    };
    check_at(&known, "15:09:59", State::Rolling, rolling);
    check_at(&known, "15:10:00", State::Failing, failing);
    let seen_once = Known {
        shortages: vec![],
        ..known.clone()
    };
    check_at(&seen_once, "15:10:00", State::Rolling, rolling);

    let unready = Pod {
        ready_changed: Some(time("15:00:00")),
        ..pod("web-0", "")
    };
    let judge = |pods: &[Pod], now: &str| {
        let view = InstanceView {
            pods: Pods::Full(pods),
            shortages: &[],
            ..known.view()
        };
        health(&view, time(now)).reason.unwrap()
    };
    let pods = [pod("web-1", ""), unready];
    assert_eq!(judge(&pods, "15:09:59"), rolling);
    assert_eq!(judge(&pods, "15:10:00"), failing);
}

#[test]
fn deadline_of_a_controller_counts_before_ours() {
    let known = Known {
        rows: vec![row("web-5d9c6b7f4-x2w4p", "Running")],
        shortages: vec![shortage(WorkloadKind::Deployment, noon())],
        ..of(short(WorkloadKind::Deployment))
    };
    let expected = "Deployment/web: no progress for 10 minutes, 2 of 3 pods ready";
    check_at(&known, "12:10:00", State::Failing, expected);
    let mut rolling = known;
    rolling.workloads[0].has_deadline = true;
    let expected = "Deployment/web: 2 of 3 pods ready";
    check_at(&rolling, "12:30:00", State::Rolling, expected);
}

#[test]
fn stopped_when_nothing_is_wanted_and_nothing_left() {
    let stopping = Workload {
        wanted: 0,
        replicas: 2,
        ready: 2,
        available: 2,
        updated: 2,
        ..deployment()
    };
    let known = Known {
        rows: vec![row("web-1", "Error")],
        ..of(stopping.clone())
    };
    check(&known, State::Rolling, "Deployment/web: 2 pods to go");
    let stopped = Workload {
        replicas: 0,
        ready: 0,
        available: 0,
        updated: 0,
        ..stopping
    };
    check(&of(stopped), State::Stopped, "");
}

#[test]
fn terminating_names_what_holds() {
    let going = |finalizers: &[&str]| Workload {
        deletion: deletion(finalizers),
        ..deployment()
    };
    check(
        &of(going(&[])),
        State::Terminating,
        "Deployment/web is being deleted",
    );
    check(
        &of(going(&["foregroundDeletion"])),
        State::Terminating,
        "Deployment/web is being deleted",
    );
    check(
        &of(going(&["example.com/hold", "orphan"])),
        State::Terminating,
        "Deployment/web is held by example.com/hold",
    );
    let held_claim = Claim {
        deletion: deletion(&["kubernetes.io/pvc-protection"]),
        ..claim("Bound")
    };
    let tearing_down = Record {
        operation: operation("teardown"),
        ..record()
    };
    let known = Known {
        record: Some(tearing_down),
        claims: vec![held_claim.clone()],
        ..Known::default()
    };
    check(
        &known,
        State::Terminating,
        "claim data-web-0 is held by kubernetes.io/pvc-protection",
    );
    let known = Known {
        claims: Vec::new(),
        ..known
    };
    check(
        &known,
        State::Terminating,
        "teardown: deleting Deployment/web",
    );
    // What left the definition does not end the instance either, and how it was doing says nothing of the rest.
    let pruned = Workload {
        name: "old".to_owned(),
        blocked: Some(Blocked {
            reason: "ProgressDeadlineExceeded".to_owned(),
            message: "ReplicaSet \"old-1\" has timed out progressing.".to_owned(),
            has_given_up: true,
        }),
        ..going(&[])
    };
    let known = |workloads, record| Known {
        record: Some(record),
        workloads,
        ..Known::default()
    };
    let leaving = "Deployment/old is being deleted";
    let two = known(vec![pruned.clone(), deployment()], record());
    check(&two, State::Rolling, leaving);
    let runs_nothing = Record {
        revision: Some(2),
        has_workload: false,
        ..record()
    };
    check(&known(vec![pruned], runs_nothing), State::Rolling, leaving);
    // A claim that is deleted under a running workload does not end the instance.
    let known = Known {
        claims: vec![held_claim],
        ..of(deployment())
    };
    check(&known, State::Ready, "");
}

#[test]
fn instance_without_workload_is_judged_by_its_record() {
    let with = |change: fn(&mut Record)| {
        let mut record = record();
        change(&mut record);
        Known {
            record: Some(record),
            ..Known::default()
        }
    };
    check(
        &with(|_| {}),
        State::Failing,
        "the workload is missing: somebody deleted it",
    );
    check(&with(|r| r.has_workload = false), State::Ready, "");
    check(
        &with(|r| r.revision = None),
        State::Failing,
        "no deploy of it was completed yet",
    );
    // What was adopted is as it is, before any deploy.
    check(
        &with(|r| {
            (r.revision, r.is_adopted) = (None, true);
            r.has_workload = false;
        }),
        State::Ready,
        "",
    );
    check(
        &with(|r| (r.revision, r.is_adopted) = (None, true)),
        State::Failing,
        "the workload is missing: somebody deleted it",
    );
    check(
        &with(|r| r.operation = operation("deploy")),
        State::Rolling,
        "deploy: deleting Deployment/web",
    );
}

#[test]
fn operation_that_stands_still_is_told_before_how_the_rest_is_doing() {
    let noted = |known: Known, heard: &str| Known {
        record: Some(Record {
            operation: operation("deploy"),
            ..record()
        }),
        heard: Some(time(heard)),
        ..known
    };
    let still = "deploy by jane@bastion stands still at deleting Deployment/web";
    // Looked at at 12:01:00.
    check(&noted(of(deployment()), "12:00:49"), State::Ready, "");
    check(
        &noted(of(deployment()), "12:00:48"),
        State::Interrupted,
        still,
    );
    let broken = Known {
        rows: vec![row("web-1", "ImagePullBackOff")],
        ..of(short(WorkloadKind::Deployment))
    };
    let reason = format!("{still}; Failing: ImagePullBackOff: pod web-1");
    check(&noted(broken, "12:00:00"), State::Interrupted, &reason);
    check(
        &noted(Known::default(), "12:00:00"),
        State::Interrupted,
        still,
    );
    // Where no news come, silence says nothing; who let go of it has said so.
    let unheard = |rests| {
        let mut known = noted(of(deployment()), "12:00:00");
        known.heard = None;
        let operation = known.record.as_mut().and_then(|it| it.operation.as_mut());
        operation.unwrap().rests = rests;
        known
    };
    check(&unheard(false), State::Ready, "");
    check(&unheard(true), State::Interrupted, still);
    let unknown = Known {
        unknown: Some("no news from the cluster"),
        ..of(deployment())
    };
    check(
        &noted(unknown, "12:00:00"),
        State::Unknown,
        "no news from the cluster",
    );
    let waits = noted(of(deployment()), "12:00:55");
    let again = assess(&waits.view(), time("12:01:00")).look_again;
    assert_eq!(again, Some(time("12:01:07")));
}

#[test]
fn nothing_is_claimed_of_what_is_not_known() {
    let known = Known {
        unknown: Some("no news from the cluster"),
        ..of(deployment())
    };
    check(&known, State::Unknown, "no news from the cluster");
}

#[test]
fn objects_of_other_kinds_say_themselves_how_they_are_doing() {
    let row = |kind: &str, standing: Standing| ObjectRow {
        instance: record().instance,
        key: ObjectKey {
            group: "e.com".to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: Some("team-a".to_owned()),
            name: "x".to_owned(),
        },
        uid: kind.to_owned(),
        created: time("12:00:00"),
        deletion: None,
        set: Some("applyset-x-v1".to_owned()),
        owner: None,
        has_foreign: false,
        standing: Some(standing),
    };
    let of = |objects: Vec<ObjectRow>| Known {
        record: Some(Record {
            has_workload: false,
            ..record()
        }),
        objects,
        ..Known::default()
    };
    let ready = row("Role", Standing::ready());
    check(&of(vec![ready.clone()]), State::Ready, "");
    let awaited = row("Certificate", Standing::awaited("issuing"));
    let two = vec![ready, awaited];
    check(&of(two.clone()), State::Rolling, "Certificate/x: issuing");
    // The worst wins, and what has given up is not waited for.
    let failed = row("Job", Standing::failed("BackoffLimitExceeded"));
    let three = of([two, vec![failed]].concat());
    check(&three, State::Failing, "Job/x: BackoffLimitExceeded");
    assert!(health(&three.view(), time("12:01:00")).is_final);
}

fn waiting(reason: &str) -> ContainerState {
    ContainerState::Waiting {
        reason: reason.to_owned(),
        message: String::new(),
    }
}

#[test]
fn each_reason_of_a_pod_that_does_not_run_is_told_in_words() {
    let check = |pod: Pod, expected: &str| {
        let health = by_pods(short(WorkloadKind::StatefulSet), &[pod]);
        assert_eq!(health.reason.as_deref(), Some(expected));
    };
    let with = |reason: &str, message: &str, container: Container| Pod {
        message: Some(message.to_owned()).filter(|message| !message.is_empty()),
        containers: vec![container],
        ..pod("web-0", reason)
    };
    let container = |state| Container {
        state,
        ..pod("web-0", "").containers.remove(0)
    };
    let ended = |reason: &str, exit_code, message: Option<&str>| {
        Some(ContainerEnd {
            reason: reason.to_owned(),
            exit_code,
            message: message.map(str::to_owned),
        })
    };
    let crashed = Container {
        restarts: 5,
        last_end: ended("Error", 1, Some("no database at db:5432.")),
        ..container(waiting("CrashLoopBackOff"))
    };
    check(
        with(
            "CrashLoopBackOff",
            "back-off 5m0s restarting failed container",
            crashed.clone(),
        ),
        "CrashLoopBackOff: pod web-0: container web exited with code 1, 5 restarts: no database at db:5432",
    );
    let killed = Container {
        restarts: 1,
        last_end: ended("OOMKilled", 137, None),
        ..container(waiting("CrashLoopBackOff"))
    };
    check(
        with("CrashLoopBackOff", "back-off", killed),
        "CrashLoopBackOff: pod web-0: container web exited with code 137 (OOMKilled), 1 restart",
    );
    let init = Container {
        name: "migrate".to_owned(),
        init: true,
        ..crashed
    };
    check(
        with("Init:CrashLoopBackOff", "back-off", init),
        "Init:CrashLoopBackOff: pod web-0: init container migrate exited with code 1, 5 restarts: no database at db:5432",
    );
    let over = ContainerState::Terminated {
        reason: "Error".to_owned(),
        exit_code: 3,
    };
    check(
        with("Error", "", container(over)),
        "Error: pod web-0: container web exited with code 3",
    );
    // What never ran has no end: the kubelet's sentence says what is missing.
    let config = "configmap \"web-config\" not found";
    check(
        with(
            "CreateContainerConfigError",
            config,
            container(waiting("CreateContainerConfigError")),
        ),
        "CreateContainerConfigError: pod web-0: configmap \"web-config\" not found",
    );
}

#[test]
fn volumes_that_cannot_be_mounted_are_told_by_events() {
    let starting = Pod {
        reason: Some("ContainerCreating".to_owned()),
        node: Some("node-1".to_owned()),
        containers: vec![Container {
            state: waiting("ContainerCreating"),
            ..pod("web-0", "").containers.remove(0)
        }],
        ..pod("web-0", "")
    };
    let message = "MountVolume.SetUp failed for volume \"conf\" : secret \"web-tls\" not found";
    let known = Known {
        events: vec![event("Pod", "web-0", "FailedMount", message)],
        ..of(short(WorkloadKind::StatefulSet))
    };
    let judge = |pods: Pods<'_>, events: &[Event], now: &str| {
        let view = InstanceView {
            pods,
            events,
            ..known.view()
        };
        health(&view, time(now)).reason.unwrap()
    };
    let rolling = "StatefulSet/web: 2 of 3 pods ready";
    let failing =
        "FailedMount: pod web-0: volume conf cannot be mounted: secret \"web-tls\" not found";
    let pods = [starting];
    let rows = [PodRow {
        is_scheduled: true,
        ..row("web-0", "ContainerCreating")
    }];
    for pods in [Pods::Full(&pods), Pods::Rows(&rows)] {
        assert_eq!(judge(pods, &known.events, "12:00:19"), rolling);
        assert_eq!(judge(pods, &known.events, "12:00:20"), failing);
        // Of the pod before it, which bore the same name.
        let mut old = known.events.clone();
        old[0].last_seen = time("11:00:00");
        assert_eq!(judge(pods, &old, "12:00:20"), rolling);
    }
}

#[test]
fn a_quota_that_is_used_up_is_told_of_either_kind_of_workload() {
    let said = "pods \"web-0\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=2, limited: pods=2";
    let words = "quota team is used up: pods: 2 of 2 used, 1 more asked for";
    let blocked = Workload {
        blocked: Some(Blocked {
            reason: "FailedCreate".to_owned(),
            message: said.to_owned(),
            has_given_up: false,
        }),
        ..short(WorkloadKind::Deployment)
    };
    check(
        &of(blocked),
        State::Failing,
        &format!("Deployment/web cannot create pods: {words}"),
    );
    let without_pods = Workload {
        replicas: 0,
        ready: 0,
        ..short(WorkloadKind::StatefulSet)
    };
    let message = format!("create Pod web-0 in StatefulSet web failed error: {said}");
    let known = Known {
        events: vec![event("StatefulSet", "web", "FailedCreate", &message)],
        ..of(without_pods)
    };
    check(
        &known,
        State::Failing,
        &format!("StatefulSet/web cannot create pods: {words}"),
    );
    for kind in [WorkloadKind::DaemonSet, WorkloadKind::Job] {
        let known = Known {
            events: vec![event(kind.as_str(), "web", "FailedCreate", said)],
            ..of(Workload {
                replicas: 0,
                ready: 0,
                ..short(kind)
            })
        };
        let expected = format!("{kind}/web cannot create pods: {words}");
        check(&known, State::Failing, &expected);
        // A pod came after it was said.
        let later = Known {
            rows: vec![PodRow {
                created: time("12:00:01"),
                ..row("web-x2b4z", "Running")
            }],
            ..known
        };
        assert_eq!(
            health(&later.view(), time("12:01:00")).state,
            State::Rolling
        );
    }
}

/// Two of three runs have succeeded.
fn job() -> Workload {
    short(WorkloadKind::Job)
}

fn job_without_pods() -> Workload {
    Workload {
        replicas: 2,
        ..job()
    }
}

#[test]
fn job_runs_until_enough_succeeded_or_it_gives_up() {
    check(&of(job()), State::Rolling, "Job/web: 2 of 3 runs completed");
    let with = |rows: Vec<PodRow>| Known { rows, ..of(job()) };
    // A run that failed is followed by another; what cannot run at all is told.
    let failed = with(vec![row("web-x2b4z", "Error"), row("web-4c6dz", "Running")]);
    check(&failed, State::Rolling, "Job/web: 2 of 3 runs completed");
    let broken = with(vec![row("web-x2b4z", "ImagePullBackOff")]);
    check(&broken, State::Failing, "ImagePullBackOff: pod web-x2b4z");
    // However long a run takes.
    check_at(
        &failed,
        "23:00:00",
        State::Rolling,
        "Job/web: 2 of 3 runs completed",
    );
    let given_up = of(Workload {
        blocked: Some(Blocked {
            reason: "BackoffLimitExceeded".to_owned(),
            message: "Job has reached the specified backoff limit".to_owned(),
            has_given_up: true,
        }),
        ..job()
    });
    let why = "Job/web: BackoffLimitExceeded: Job has reached the specified backoff limit";
    check(&given_up, State::Failing, why);
    assert!(health(&given_up.view(), noon()).is_final);
    // Nobody asks for ever why it has no pods.
    assert!(lacks_pods(&job_without_pods()));
    assert!(!lacks_pods(&Workload {
        blocked: given_up.workloads[0].blocked.clone(),
        ..job_without_pods()
    }));
    check(&of(workload(WorkloadKind::Job)), State::Ready, "");
    let suspended = Workload {
        is_suspended: true,
        ..job()
    };
    check(&of(suspended), State::Stopped, "");
}

#[test]
fn cron_job_is_ready_unless_it_is_suspended_or_its_pods_cannot_run() {
    let cron = || Workload {
        wanted: 0,
        replicas: 0,
        updated: 0,
        ready: 0,
        available: 0,
        ..workload(WorkloadKind::CronJob)
    };
    check(&of(cron()), State::Ready, "");
    let with = |status: &str| Known {
        rows: vec![row("web-29453760-x2b4z", status)],
        ..of(cron())
    };
    check(&with("Error"), State::Ready, "");
    let why = "CreateContainerConfigError: pod web-29453760-x2b4z";
    check(&with("CreateContainerConfigError"), State::Failing, why);
    let suspended = Workload {
        is_suspended: true,
        ..cron()
    };
    check(&of(suspended), State::Stopped, "");
}

#[test]
fn daemon_set_is_judged_by_the_nodes_that_it_is_for() {
    let two_of_three = of(short(WorkloadKind::DaemonSet));
    check(
        &two_of_three,
        State::Rolling,
        "DaemonSet/web: 2 of 3 pods ready",
    );
    check(&of(workload(WorkloadKind::DaemonSet)), State::Ready, "");
}
