//! Snapshots of the views that show what the engine answers: history, logs, scales, adoptions, claims, secrets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{LARGE, SMALL, Theme, check, draw, draw_buffer, services};
use crate::app::stage::{self, Stage};
use crate::app::{Effect, LogEntry, Msg, OpId, ReviewedPlan, Screen};
use crate::engine::adjust::Adjustment;
use crate::engine::adopt::{AdoptPlan, AdoptRow};
use crate::engine::history::Comparison;
use crate::engine::plan::{DeployPlan, DiffLine, DiffSide};
use crate::engine::remedy::{Offer, Remedy};
use crate::failure::{Failure, FailureKind};
use crate::service::capacity::{Asked, Devices, Node, capacities};
use crate::service::forward::{ForwardEvent, Forwarded, Traffic};
use crate::service::log::{LogEvent, LogLine, LogSource};
use crate::service::protection::Caution;
use crate::service::summary::{Event, WorkloadKind};
use crate::service::usage::{Amounts, PodUsage};
use crate::service::watch::{Delta, LinkState, Topic, WatchEvent};

/// The last thing that was asked for.
pub(super) fn last_op(stage: &Stage) -> OpId {
    OpId(stage.model.last_op())
}

fn with_history() -> Stage {
    let mut stage = services();
    stage.press("G").rest();
    stage.press("tab 7");
    stage.follow();
    let mut history = stage::history("web", &[4, 5, 6, 7, 8], Some(7));
    history.revisions[1].damage = Some("its text is cut off".to_owned());
    history.revisions[2].parameters = [("size".to_owned(), "large".to_owned())].into();
    let op = last_op(&stage);
    let result = Ok(history);
    stage.send(Msg::HistoryRead { op, result });
    stage
}

#[test]
fn history_of_an_instance() {
    check("history", &mut with_history());
}

#[test]
fn what_a_revision_changed() {
    let mut stage = with_history();
    stage.press("j enter");
    let line = |side, text: &str| DiffLine {
        side,
        text: text.to_owned(),
    };
    let op = last_op(&stage);
    let result = Ok(Comparison {
        from: 6,
        to: 7,
        text: vec![
            line(DiffSide::Both, "containers:"),
            line(DiffSide::Old, "    image: nginx:1.26"),
            line(DiffSide::New, "    image: nginx:1.27"),
            line(DiffSide::Gap, "9 lines"),
        ],
        parameters: vec![line(DiffSide::Old, "size=large")],
    });
    stage.send(Msg::RevisionsCompared { op, result });
    check("comparison", &mut stage);
}

#[test]
fn comparison_scrolls_until_its_end_is_in_sight() {
    let mut stage = with_history();
    stage.press("j enter");
    let op = last_op(&stage);
    let line = |n: u32| DiffLine {
        side: DiffSide::New,
        text: format!("line {n} of them"),
    };
    let result = Ok(Comparison {
        from: 6,
        to: 7,
        text: (1..=60).map(line).collect(),
        parameters: Vec::new(),
    });
    stage.send(Msg::RevisionsCompared { op, result });
    for _ in 0..30 {
        look(&mut stage);
        stage.press("J");
    }
    let picture = look(&mut stage);
    // Of 24 rows two are the frame's, and one each the header's and the footer's.
    let shown: Vec<_> = picture
        .lines()
        .filter(|it| it.contains("of them"))
        .collect();
    assert_eq!(shown.len(), 20, "{picture}");
    assert!(shown[19].contains("line 60 of them"), "{picture}");
    stage.press("k");
    assert!(look(&mut stage).contains("line 40 of them"));
}

#[test]
fn faults_of_the_settings_are_all_told_and_the_selected_one_whole() {
    let mut stage = services();
    let allowed =
        "expected one of `name`, `namespace`, `state`, `age`, `restarts`, `memory`, `processor`";
    let fault = |line: u32| {
        format!("/home/ann/.config/bowline/config.toml:{line}: unknown `{line}x`, {allowed}")
    };
    stage.model.tell_faults((1..=20).map(fault).collect());
    let mut seen = String::new();
    for _ in 1..=20 {
        let picture = look(&mut stage);
        let inside = picture.lines().map(|line| line.trim_matches([' ', '│']));
        seen.extend(inside.flat_map(|line| [line, " "]));
        stage.press("j");
    }
    for line in 1..=20 {
        let whole = format!("config.toml:{line}: unknown `{line}x`, {allowed}");
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            squeezed(&seen).contains(&squeezed(&whole)),
            "{whole} is not in {seen}"
        );
    }
    stage.press("enter");
    assert!(stage.model.popup.is_none());
}

/// Draws at the small size, and lets moving know of it as the loop does.
pub(super) fn look(stage: &mut Stage) -> String {
    super::plans::look(stage, SMALL)
}

#[test]
fn rollback_under_review_says_where_to_and_what_hangs() {
    let mut stage = with_history();
    stage.press("j j u");
    let op = last_op(&stage);
    let plan = ReviewedPlan::Rollback(stage::rollback_plan("web", 6));
    let result = Ok(Box::new(plan));
    stage.send(Msg::DeployPlanned { op, result });
    check("rollback", &mut stage);
}

/// Others changed the instance that is selected, and that is known.
fn with_changes() -> Stage {
    let mut stage = services();
    stage.press("G").rest();
    stage.press("tab 5");
    let workload = stage::live_workload("web", 2, true);
    let kind = WorkloadKind::Deployment;
    for event in [
        stage::records_with(&[("web", 7)]),
        WatchEvent::Workloads(kind, vec![Delta::Applied(workload)]),
    ] {
        let (epoch, key) = (stage.epoch(), stage::key("web"));
        stage.send(Msg::InstanceEvent { epoch, key, event });
    }
    stage.follow();
    let op = last_op(&stage);
    let result = Ok(stage::changes("web"));
    stage.send(Msg::ChangesRead { op, result });
    stage
}

#[test]
fn what_others_changed_stands_above_the_objects_and_on_a_screen_of_its_own() {
    let mut stage = with_changes();
    check("objects_changed", &mut stage);
    stage.press("d");
    stage.follow();
    check("changes", &mut stage);
}

fn said(pod: &str, text: &str) -> LogEvent {
    let source = Arc::new(LogSource {
        pod: pod.to_owned(),
        container: "main".to_owned(),
    });
    LogEvent::Line(LogLine {
        source,
        at: Some(stage::now()),
        text: text.to_owned(),
    })
}

fn with_logs() -> Stage {
    let mut stage = services();
    stage.press("G").rest();
    stage.press("l");
    let op = last_op(&stage);
    let mut events = vec![
        said(
            "web-6d9c9c5b8-4bqzd",
            "\u{1b}[32mINFO\u{1b}[0m listening on :80",
        ),
        said(
            "web-6d9c9c5b8-7ckvn",
            "GET /index.html?with=a&very=long&query=that&does=not&fit=into&one=line 200",
        ),
        said(
            "web-6d9c9c5b8-4bqzd",
            "ERROR \u{202e}hidden\u{7} upstream timed out",
        ),
    ];
    events.push(LogEvent::Silent {
        source: Arc::new(LogSource {
            pod: "web-6d9c9c5b8-xt2hm".to_owned(),
            container: "main".to_owned(),
        }),
        why: "has not started: ImagePullBackOff".to_owned(),
    });
    stage.send(Msg::Logged {
        op,
        events,
        is_over: false,
    });
    stage
}

#[test]
fn logs_of_an_instance() {
    check("logs", &mut with_logs());
    let mut stage = with_logs();
    stage.press("w t /").type_text("ERR|GET");
    check("logs_filtered", &mut stage);
    stage.type_text("(");
    for size in [SMALL, LARGE] {
        assert!(draw(&stage.model, size).contains("unclosed group"));
    }
}

fn log(stage: &mut Stage, command: String) {
    stage.model.log.push(LogEntry {
        at: stage.model.now,
        command,
        op: None,
        is_failed: false,
        log_of: None,
    });
}

/// One context is named like the beginning of another.
#[test]
fn command_of_another_context_is_not_taken_for_one_of_this() {
    let mut stage = Stage::with_services();
    stage.model.session.context = "prod".to_owned();
    let command = format!(
        "bowline --context prod-eu -n team-a deploy {}",
        "w".repeat(40)
    );
    log(&mut stage, command);
    stage.press("@");
    let drawn = draw(&stage.model, SMALL);
    assert!(drawn.contains("… --context prod-eu -n team-a"), "{drawn}");
}

#[test]
fn command_that_is_longer_than_its_line_is_told_whole_below() {
    let mut stage = Stage::with_services();
    let program = stage.model.session.program();
    let words: Vec<String> = (0..12).map(|n| format!("--set key{n}=value{n}")).collect();
    let command = format!("{program} -n team-a deploy web {}", words.join(" "));
    for command in [command, "bowline ls".to_owned()] {
        log(&mut stage, command);
    }
    stage.press("@");
    let drawn = draw(&stage.model, SMALL);
    assert!(!drawn.contains("key11=value11"), "{drawn}");
    // What tells it from others is seen.
    assert!(
        drawn.contains("… -n team-a deploy web --set key0"),
        "{drawn}"
    );
    stage.press("j");
    let drawn = draw(&stage.model, SMALL);
    assert!(drawn.contains("key0=value0"), "{drawn}");
    assert!(drawn.contains("key11=value11"), "{drawn}");
    // Where there is no room, the list has it.
    for size in [(80, 3), (40, 10)] {
        draw(&stage.model, size);
    }
}

#[test]
fn logs_are_drawn_at_any_size() {
    let mut stage = with_logs();
    stage.press("w");
    for keys in ["g", "G", "k", "f"] {
        stage.press(keys);
        for size in [(40, 10), (41, 11), (80, 10), (300, 12)] {
            draw(&stage.model, size);
        }
    }
}

#[test]
fn logs_are_moved_sideways_and_chosen() {
    let mut stage = with_logs();
    let mut buf = Buffer::empty(Rect::new(0, 0, SMALL.0, SMALL.1));
    let area = buf.area;
    let (geometry, _) = draw_buffer(&mut buf, area, &stage.model, &Theme::default());
    stage.model.set_geometry(geometry);
    stage.press("l /").type_text("query").press("enter v");
    check("logs_sideways", &mut stage);
    stage.press("o");
    check("logs_of", &mut stage);
}

#[test]
fn forwards_say_how_they_do() {
    let mut stage = services();
    stage.press("G").rest();
    check_forwards(&mut stage);
}

fn check_forwards(stage: &mut Stage) {
    stage.press("F");
    for size in [SMALL, LARGE] {
        assert!(draw(&stage.model, size).contains("Nothing is forwarded."));
    }
    stage
        .press("esc f enter")
        .type_text("8080:80")
        .press("enter");
    let op = last_op(stage);
    let local = "127.0.0.1:8080".parse().unwrap();
    let result = Ok(vec![Forwarded { local, remote: 80 }]);
    stage.send(Msg::ForwardBegan { op, result });
    let traffic = Traffic {
        n_open: 1,
        n_connections: 17,
        n_sent: 2048,
        n_received: 3 << 20,
    };
    for event in [
        ForwardEvent::Pod("web-6d9c9c5b8-4bqzd".to_owned()),
        ForwardEvent::Failed {
            local,
            failure: Failure::new(
                FailureKind::Unreachable,
                "cannot forward to port 80 of pod web-6d9c9c5b8-4bqzd: connection refused",
            ),
        },
    ] {
        let event = Some(event);
        stage.send(Msg::Forwarding { op, event, traffic });
    }
    stage.press("F");
    check("forwards", stage);
}

#[test]
fn what_a_pod_uses_stands_below_the_pods() {
    let mut stage = services();
    stage.press("j j j").rest();
    stage.follow();
    let op = stage.model.detail_pane.usage.op;
    for (second, cpu, memory) in [(0, 20, 100), (15, 480, 120), (30, 250, 200)] {
        let usage = PodUsage {
            pod: "orders-db-6d9c9c5b8-x2x7p".to_owned(),
            at: jiff::Timestamp::from_second(second).ok(),
            cpu: cpu * 1_000_000,
            memory: memory << 20,
        };
        let result = Ok(vec![usage]);
        stage.send(Msg::PodUsageRead { op, result });
    }
    check("usage", &mut stage);
    stage.press("tab enter");
    check("usage_alone", &mut stage);
    // Where nobody measures it is said, quietly.
    let failure = Failure::new(FailureKind::NotFound, "404");
    let mut stage = services();
    stage.follow();
    let op = stage.model.detail_pane.usage.op;
    let result = Err(failure);
    stage.send(Msg::PodUsageRead { op, result });
    check("usage_absent", &mut stage);
}

#[test]
fn nodes_say_what_is_left_of_them() {
    let mut stage = services();
    stage.press("W");
    let op = last_op(&stage);
    let devices = |n: u64| Devices::from([("nvidia.com/gpu".to_owned(), n)]);
    let node = |name: &str, n_gpus: u64, is_ready: bool| Node {
        name: name.to_owned(),
        is_ready,
        is_cordoned: !is_ready,
        allocatable: Amounts {
            cpu: Some(8_000_000_000),
            memory: Some(32 << 30),
        },
        max_pods: 110,
        devices: if n_gpus > 0 {
            devices(n_gpus)
        } else {
            Devices::new()
        },
    };
    let asked = Asked {
        node: "gpu-1".to_owned(),
        amounts: Amounts {
            cpu: Some(3_500_000_000),
            memory: Some(24 << 30),
        },
        devices: devices(3),
    };
    let nodes = vec![node("gpu-1", 8, true), node("node-2", 0, false)];
    let result = Ok(capacities(nodes, Some(vec![asked])));
    stage.send(Msg::NodesRead { op, result });
    check("nodes", &mut stage);
}

#[test]
fn scale_of_several_says_what_becomes_of_each() {
    let mut stage = services();
    stage.press("space space +");
    let Some(Screen::Adjust(pane)) = stage.model.screens.last() else {
        panic!("no plan is in front");
    };
    let op = pane.op;
    let mut billing = stage::adjust_plan("billing", 1, Adjustment::Scale(2));
    billing.warnings =
        vec!["the definition sets replicas to 1: the next deploy sets it back".to_owned()];
    billing.caution = Caution::Protected;
    let mut resnet = stage::adjust_plan("ml-resnet", 2, Adjustment::Scale(3));
    resnet.refusals = vec![Failure::new(
        FailureKind::Forbidden,
        "you may not patch deployments/scale",
    )];
    for plan in [billing, resnet] {
        let key = plan.instance.clone();
        let result = Ok(Box::new(plan));
        stage.send(Msg::AdjustmentPlanned { op, key, result });
    }
    check("scale", &mut stage);
}

#[test]
fn adoption_names_the_owners() {
    let mut stage = services();
    stage.press("G A");
    let op = last_op(&stage);
    let row = |kind, owner: Option<&str>| AdoptRow {
        key: stage::object(kind, "web"),
        uid: "u".to_owned(),
        owner: owner.map(str::to_owned),
        managers: BTreeSet::from(["kubectl-client-side-apply".to_owned()]),
        shared: BTreeSet::new(),
        is_claim: false,
    };
    let result = Ok(Box::new(AdoptPlan {
        instance: stage::key("web"),
        name: "web".parse().unwrap(),
        rows: vec![
            row("Service", Some("the Helm release shop")),
            row("Deployment", None),
        ],
        warnings: Vec::new(),
        refusals: Vec::new(),
    }));
    stage.send(Msg::AdoptPlanned { op, result });
    check("adopt", &mut stage);
    stage.press("enter");
    check("adopt_typed", &mut stage);
}

#[test]
fn claims_of_the_scope() {
    let mut stage = services();
    let claims = vec![
        stage::claim("orders-db", "2Gi"),
        stage::claim("gone", "7Gi"),
    ];
    stage.overview(vec![WatchEvent::Claims(vec![Delta::Reset(claims)])]);
    stage.press("C");
    let retained = vec![stage::retained("ledger", "5Gi")];
    let live = WatchEvent::Link {
        topic: Topic::Retained,
        state: LinkState::Live,
    };
    let retained = WatchEvent::Retained(vec![Delta::Reset(retained)]);
    stage.overview(vec![retained, live]);
    check("claims", &mut stage);
}

/// A sentence over the faults that takes more rows on a narrow terminal leaves them theirs.
#[test]
fn a_single_short_fault_of_the_settings_is_seen() {
    let mut stage = services();
    stage
        .model
        .tell_faults(vec!["config.toml:8: no key".to_owned()]);
    for size in [SMALL, LARGE] {
        let picture = draw(&stage.model, size);
        assert!(picture.contains("config.toml:8: no key"), "{picture}");
    }
}

/// What can be done with a row is told whole on a narrow terminal too.
#[test]
fn advice_below_the_claims_is_not_cut() {
    let mut stage = services();
    stage.press("C");
    let retained = vec![stage::retained("ledger", "5Gi")];
    stage.overview(vec![WatchEvent::Retained(vec![Delta::Reset(retained)])]);
    stage.model.settle();
    stage.press("g");
    let picture = draw(&stage.model, SMALL);
    assert!(picture.contains("A deploy of ledger offers"), "{picture}");
    assert!(picture.contains("deletes it."), "{picture}");
}

#[test]
fn what_is_not_known_of_retained_volumes_is_said_below_the_claims() {
    let mut stage = services();
    stage.press("C");
    let says = |stage: &mut Stage, what: &str| {
        stage.model.settle();
        let picture = draw(&stage.model, SMALL);
        assert!(picture.contains(what), "{what} is not in {picture}");
    };
    says(&mut stage, "Reading which volumes were retained");
    let link = |data_age: Option<Duration>| WatchEvent::Link {
        topic: Topic::Retained,
        state: LinkState::Retrying {
            failure: Failure::new(FailureKind::Unreachable, "connection refused"),
            next_attempt_in: Duration::from_secs(4),
            data_age,
        },
    };
    stage.overview(vec![link(None)]);
    says(&mut stage, "is not known: the connection is lost");
    stage.overview(vec![link(Some(Duration::from_secs(3)))]);
    says(&mut stage, "may be another by now");
}

#[test]
fn claims_that_may_not_be_listed_are_not_called_absent() {
    let mut stage = Stage::empty();
    stage.connected();
    let failure = Failure::new(FailureKind::Forbidden, "claims is forbidden");
    stage.overview(vec![WatchEvent::Link {
        topic: Topic::Claims,
        state: LinkState::Forbidden(failure),
    }]);
    stage.press("C");
    let picture = draw(&stage.model, SMALL);
    assert!(picture.contains("You may not list claims."), "{picture}");
    assert!(!picture.contains("There are none."), "{picture}");
}

#[test]
fn secret_is_asked_for_and_not_shown() {
    let mut stage = services();
    stage.press("G a");
    let op = last_op(&stage);
    stage.send(Msg::SecretsWanted {
        op,
        questions: vec![stage::secret_question("Token of the registry")],
    });
    let mut unknown = Stage {
        model: stage.model.clone(),
        effects: Vec::new(),
    };
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    unknown.send(Msg::DeployPlanned { op, result });
    let sentence = "not known whether the cluster has it: Token of the registry (s asks)";
    assert!(draw(&unknown.model, SMALL).contains(sentence));
    let plan = DeployPlan {
        kept_answers: vec![stage::secret_question("Token of the registry")],
        ..stage::deploy_plan("web")
    };
    let result = Ok(Box::new(plan.into()));
    stage.send(Msg::DeployPlanned { op, result });
    let kept = "kept as the cluster has it: Token of the registry (s asks)";
    assert!(draw(&stage.model, SMALL).contains(kept));
    stage.press("s");
    stage.type_text("hunter2");
    check("secret", &mut stage);
    assert!(!draw(&stage.model, LARGE).contains("hunter2"));
}

#[test]
fn volumes_are_chosen_from_a_list() {
    let mut stage = services();
    stage.press("j j j x v");
    check("volumes", &mut stage);
}

/// What a refusal says for the command line is not said once more for the dashboard, and nothing of an offer is cut.
#[test]
fn offer_is_told_once_and_whole() {
    let mut stage = services();
    stage.press("G a");
    let mut plan = stage::deploy_plan("web");
    let offer = Offer {
        remedy: Remedy::Recreate,
        sentence: "deletes StatefulSet/web and makes it anew: its pods are replaced, claims and their data stay as they are"
            .to_owned(),
    };
    let mut refusal = Failure::new(
        FailureKind::Invalid,
        "StatefulSet/web cannot be changed in place",
    );
    refusal.detail = offer.to_string();
    (plan.refusals, plan.offers) = (vec![refusal], vec![offer]);
    let op = last_op(&stage);
    let result = Ok(Box::new(plan.into()));
    stage.send(Msg::DeployPlanned { op, result });
    for size in [SMALL, LARGE] {
        let picture = draw(&stage.model, size);
        let n_told = picture.matches("deletes StatefulSet/web").count();
        assert_eq!(n_told, 1, "{picture}");
        assert!(picture.contains("o recreate: deletes"), "{picture}");
    }
    stage.press("o");
    check("offer_long", &mut stage);
}

#[test]
fn faults_of_a_definition_are_told_whole() {
    let mut stage = services();
    stage.press("G a");
    let op = last_op(&stage);
    let mut failure = Failure::new(FailureKind::Invalid, "web has 1 error: edit it");
    failure.detail = "8:1  `volumeMount` is not a key here; allowed are name, namespace, replicas, workload and the others \
                      that the documentation lists"
        .to_owned();
    stage.send(Msg::DeployPlanned {
        op,
        result: Err(failure),
    });
    let picture = draw(&stage.model, SMALL);
    assert!(picture.contains("documentation lists"), "{picture}");
}

/// What the rows are sorted by is in sight on the narrowest screen too.
#[test]
fn sorted_column_is_in_sight() {
    let mut stage = services();
    for title in [
        "STATE", "READY", "RESTARTS", "VOLUMES", "IMAGE", "REV", "DRIFT", "EXPIRES", "AGE",
    ] {
        stage.press("o");
        stage.model.settle();
        let picture = draw(&stage.model, SMALL);
        let titles = picture.lines().nth(2).unwrap();
        assert!(titles.contains(&format!("{title}↑")), "{titles}");
        assert!(titles.contains("ID ") && titles.contains("AGE"), "{titles}");
    }
}

#[test]
fn nothing_is_cut_where_there_is_room() {
    let mut stage = services();
    let long = "registry.example.com/team/billing-service-with-a-long-name:1.27";
    let workload = stage::workload("billing", (1, 1), long, stage::now());
    stage.overview(vec![WatchEvent::Workloads(
        WorkloadKind::Deployment,
        vec![Delta::Reset(vec![workload])],
    )]);
    stage.model.settle();
    assert!(draw(&stage.model, LARGE).contains(long));
    assert!(!draw(&stage.model, SMALL).contains(long));
}

#[test]
fn event_that_its_row_has_no_room_for_is_told_whole_below() {
    let mut stage = services();
    stage.press("G").rest();
    stage.press("3");
    let message = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found in any of the nodes";
    let event = Event {
        namespace: "team-a".parse().unwrap(),
        name: "web.1".to_owned(),
        object_kind: "Deployment".to_owned(),
        object_name: "web".to_owned(),
        object_uid: "w-web".to_owned(),
        is_warning: true,
        reason: "FailedScheduling".to_owned(),
        message: message.to_owned(),
        count: 1,
        last_seen: stage::now(),
        source: "scheduler".to_owned(),
    };
    let (epoch, key) = (stage.epoch(), stage::key("web"));
    let event = WatchEvent::Events(vec![Delta::Reset(vec![event])]);
    stage.send(Msg::InstanceEvent { epoch, key, event });
    stage.model.settle();
    let text = |size| {
        let picture = draw(&stage.model, size);
        let words: Vec<_> = picture.split_whitespace().collect();
        words.join(" ").replace("│ │ ", "")
    };
    assert!(text(SMALL).contains(message), "{}", text(SMALL));
    // Where the row tells it all, it stands there alone.
    assert_eq!(text((220, 50)).matches(message).count(), 1);
}

/// As those of a Deployment that was adopted, until it is deployed.
#[test]
fn pods_that_are_ready_and_bear_other_labels_are_not_told_as_none() {
    let mut stage = services();
    stage.press("G").rest();
    let mut told_of_pods = |ready: u32| {
        let mut workload = stage::live_workload("web", 2, true);
        workload.ready = ready;
        let workloads = vec![Delta::Reset(vec![workload])];
        for event in [
            WatchEvent::Pods(vec![Delta::Reset(Vec::new())]),
            WatchEvent::Workloads(WorkloadKind::Deployment, workloads),
        ] {
            let (epoch, key) = (stage.epoch(), stage::key("web"));
            stage.send(Msg::InstanceEvent { epoch, key, event });
        }
        stage.model.settle();
        draw(&stage.model, SMALL)
    };
    let sentence = "Its pods do not bear its labels yet: a plans the deploy that puts them on.";
    let picture = told_of_pods(2);
    assert!(picture.contains(sentence), "{picture}");
    let picture = told_of_pods(0);
    assert!(
        picture.contains("│  None.") && !picture.contains("labels"),
        "{picture}"
    );
}

#[test]
fn long_menu_says_how_much_is_below() {
    let mut stage = services();
    stage.press("m");
    let picture = draw(&stage.model, SMALL);
    assert!(picture.contains(" more: j "), "{picture}");
    stage.press("G");
    let picture = draw(&stage.model, SMALL);
    assert!(!picture.contains(" more: j "), "{picture}");
}

#[test]
fn each_fault_of_the_settings_is_read_whole() {
    let mut stage = services();
    let fault = |n: usize| {
        format!(
            "/home/somebody/.config/bowline/config.toml:{n}: unknown field `colour`, expected one of `color`, `symbols`, \
             `mouse`, `max_bytes_per_second`, `hints` last{n}"
        )
    };
    stage.model.tell_faults((1..=2).map(fault).collect());
    let picture = draw(&stage.model, SMALL);
    for n in 1..=2 {
        assert!(picture.contains(&format!("config.toml:{n}:")), "{picture}");
        assert!(picture.contains(&format!("last{n}")), "{picture}");
    }
    assert!(!picture.contains('…'), "{picture}");
    // More than there is room for are scrolled to.
    stage.model.popup = None;
    stage.model.tell_faults((1..=20).map(fault).collect());
    let picture = draw(&stage.model, SMALL);
    assert!(picture.contains(" more: j "), "{picture}");
    stage.press("G");
    let picture = draw(&stage.model, SMALL);
    assert!(picture.contains("last20"), "{picture}");
    assert!(!picture.contains(" more: j "), "{picture}");
}

/// A box is as high as its sentences need, however they break.
#[test]
fn boxes_hold_their_sentences() {
    let mut stage = services();
    stage.press("G a");
    let op = last_op(&stage);
    let path = "/very/long/path".repeat(8);
    stage.send(Msg::SecretsWanted {
        op,
        questions: vec![stage::secret_question(&format!(
            "Token of {path} and what else is to be known of it"
        ))],
    });
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("s");
    let picture = draw(&stage.model, SMALL);
    let inside = |line: &str| {
        line.split('│')
            .find(|it| it.contains(|c| c != ' '))
            .map(str::to_owned)
    };
    let text: String = picture.lines().filter_map(inside).collect();
    let text: String = text.split(' ').collect();
    assert!(text.contains(&path), "{picture}");
    assert!(text.contains("tobeknownofit"), "{picture}");
    assert!(picture.contains("> "), "{picture}");
}

#[test]
fn what_a_plan_offers_is_agreed_to_and_planned_anew() {
    let mut stage = services();
    stage.press("G a");
    stage.take_effects();
    let mut plan = stage::deploy_plan("web");
    plan.offers = vec![Offer {
        remedy: Remedy::GrowVolumes,
        sentence: "grows 2 claims from 1Gi to 2Gi".to_owned(),
    }];
    let op = last_op(&stage);
    let result = Ok(Box::new(plan.into()));
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("o");
    check("offer", &mut stage);
    stage.press("enter");
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { source, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(source.remedies.grow_volumes);
}

#[test]
fn action_that_cannot_be_done_says_why_in_full() {
    let mut stage = services();
    stage.press("j j :").type_text("restart");
    let sentence = "Not now: nothing is deployed here.";
    for size in [SMALL, LARGE] {
        let text = draw(&stage.model, size);
        assert!(text.contains(sentence), "{text}");
    }
}

#[test]
fn help_is_scrolled_to_its_end_and_back() {
    let mut stage = services();
    let see = |stage: &mut Stage| {
        let mut buf = Buffer::empty(Rect::new(0, 0, SMALL.0, SMALL.1));
        let area = buf.area;
        let (geometry, _) = draw_buffer(&mut buf, area, &stage.model, &Theme::default());
        stage.model.set_geometry(geometry);
        draw(&stage.model, SMALL)
    };
    stage.press("? G");
    let text = see(&mut stage);
    assert!(text.contains("Leave the editor"), "{text}");
    assert!(!text.contains("more: j"), "{text}");
    stage.press("k");
    let text = see(&mut stage);
    assert!(text.contains("1 more: j"), "{text}");
    stage.press("home");
    assert!(draw(&stage.model, SMALL).contains("Open what is selected"));
}

#[test]
fn routes_say_what_becomes_of_each() {
    let mut stage = services();
    stage.press("G k space space I");
    let mut refused = stage::route_plan("orders-db");
    refused.routes.clear();
    refused.refusals = vec![Failure::new(
        FailureKind::Refused,
        "Ingress/orders-db is not changed: it belongs to the Helm release shop",
    )];
    let mut plan = stage::route_plan("web");
    plan.warnings = vec!["Ingress/web routes to Service/gone too, which is not there".to_owned()];
    let op = last_op(&stage);
    let result = Ok(vec![refused, plan]);
    stage.send(Msg::RoutesPlanned { op, result });
    check("routes", &mut stage);
}

#[test]
fn pull_shows_the_difference_of_the_text_and_what_is_left() {
    let mut stage = services();
    stage.press("G Y");
    let op = last_op(&stage);
    let result = Ok(Box::new(stage::planned_pull("web")));
    stage.send(Msg::PullPlanned { op, result });
    check("pull", &mut stage);
    stage.press("enter");
    check("pull_confirmation", &mut stage);
}

/// What is below the last row is told with the key that the settings bind.
#[test]
fn lines_below_are_told_with_the_key_that_leads_there() {
    let mut stage = services();
    stage.press("G Y");
    let op = last_op(&stage);
    let mut pull = stage::planned_pull("web");
    let left = pull.plan.left[0].clone();
    pull.plan.left = vec![left; 9];
    let result = Ok(Box::new(pull));
    stage.send(Msg::PullPlanned { op, result });
    for (settings, expected) in [
        ("", " more: j "),
        ("down = \"v\"", " more: v "),
        ("down = []", " more ─"),
    ] {
        stage.bind(settings);
        let picture = draw(&stage.model, (40, 10));
        assert!(picture.contains(expected), "{picture}");
    }
}

#[test]
fn several_deploys_are_planned_a_line_each() {
    let mut stage = services();
    stage.press("space space space space space a");
    let [billing, orders, web, notebook] =
        [3, 2, 1, 0].map(|back| OpId(stage.model.last_op() - back));
    let mut answer = |op, result| stage.send(Msg::DeployPlanned { op, result });
    answer(billing, Ok(Box::new(stage::deploy_plan("billing").into())));
    let mut refused = stage::deploy_plan("orders-db");
    refused.refusals = vec![Failure::new(
        FailureKind::Refused,
        "StatefulSet/orders-db: spec.selector can never be changed",
    )];
    answer(orders, Ok(Box::new(refused.into())));
    let mut same = stage::deploy_plan("web");
    same.objects.truncate(1);
    answer(web, Ok(Box::new(same.into())));
    let _ = notebook;
    check("bulk", &mut stage);
}

#[test]
fn operations_under_way_are_listed_with_who_works_on_what() {
    use crate::service::operation::Operation;
    let mut stage = services();
    let noted = |kind: &str, step: &str, holder: &str, started: u64| Operation {
        kind: kind.to_owned(),
        step: step.to_owned(),
        holder: holder.to_owned(),
        heartbeat: stage::now() - std::time::Duration::from_secs(2),
        started: Some(stage::now() - std::time::Duration::from_secs(started)),
        number: Some(2),
        of: Some(6),
        ..Operation::default()
    };
    let deploy = noted("deploy", "apply Deployment/billing", "ann@bastion/42", 40);
    stage.noted("billing", deploy);
    let teardown = noted(
        "teardown",
        "delete StatefulSet/orders-db",
        "bob@laptop/7",
        90,
    );
    stage.noted("orders-db", teardown);
    stage.press("P");
    check("operations", &mut stage);
}
