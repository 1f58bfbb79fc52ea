//! The logs of an instance: read while they are in front, filtered, saved.

use std::path::PathBuf;
use std::sync::Arc;

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::panes::detail::Tab;
use crate::app::popup::Popup;
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::app::update::actions::perform;
use crate::app::{Geometry, Place};
use crate::failure::{Failure, FailureKind};
use crate::service::log::{LogEvent, LogLine, LogSource};

fn said(text: &str) -> LogEvent {
    let source = Arc::new(LogSource {
        pod: "web-0".to_owned(),
        container: "main".to_owned(),
    });
    LogEvent::Line(LogLine {
        source,
        at: None,
        text: text.to_owned(),
    })
}

fn hear(stage: &mut Stage, op: OpId, texts: &[&str]) {
    let events = texts.iter().map(|text| said(text)).collect();
    stage.send(Msg::Logged {
        op,
        events,
        is_over: false,
    });
}

fn shown(stage: &Stage) -> Vec<&str> {
    let pane = &stage.model.detail_pane.logs;
    let lines = (0..pane.n_shown()).filter_map(|idx| pane.shown(idx));
    lines.map(|line| line.text.as_str()).collect()
}

fn read(effects: Vec<Effect>) -> Vec<(OpId, Option<crate::service::summary::InstanceKey>, bool)> {
    let reads = effects.into_iter().filter_map(|effect| match effect {
        Effect::ReadLogs { op, key, query } => Some((op, key, query.previous)),
        _ => None,
    });
    reads.collect()
}

/// The logs of web are on the whole screen.
fn reading() -> (Stage, OpId) {
    let mut stage = Stage::with_services();
    stage.press("G").rest();
    stage.take_effects();
    stage.press("l");
    let effects = read(stage.take_effects());
    let [(op, key, false)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(*key, Some(stage::key("web")));
    assert!(matches!(stage.model.screens[..], [Screen::Detail]));
    assert_eq!(stage.model.place(), Place::Logs);
    let op = *op;
    (stage, op)
}

#[test]
fn logs_are_read_while_they_are_in_front_and_late_lines_are_dropped() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["one", "two"]);
    assert_eq!(shown(&stage), ["one", "two"]);
    stage.press("1");
    let [(next, None, _)] = read(stage.take_effects())[..] else {
        panic!("it is read on");
    };
    hear(&mut stage, op, &["three"]);
    assert_eq!(shown(&stage), [] as [&str; 0]);
    assert!(next > op);
}

#[test]
fn runs_before_take_the_place_of_the_present_ones() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["now"]);
    stage.press("p");
    let effects = read(stage.take_effects());
    let [(before, Some(_), true)] = effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(shown(&stage), [] as [&str; 0]);
    hear(&mut stage, before, &["before"]);
    assert_eq!(shown(&stage), ["before"]);
    stage.press("p");
    assert!(matches!(
        read(stage.take_effects())[..],
        [(_, Some(_), false)]
    ));
}

#[test]
fn runs_before_are_read_of_one_that_is_not_watched_yet() {
    let mut stage = Stage::with_services();
    stage.press("G p");
    assert_eq!(read(stage.take_effects()), []);
    stage.rest();
    stage.follow();
    let effects = read(stage.take_effects());
    assert!(matches!(effects[..], [(_, Some(_), true)]), "{effects:?}");
    // Only of that one.
    stage.press("esc k").rest();
    stage.follow();
    let effects = read(stage.take_effects());
    assert!(
        matches!(effects[..], [.., (_, Some(_), false)]),
        "{effects:?}"
    );
}

#[test]
fn filter_is_an_expression_and_a_faulty_one_changes_nothing() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["GET /", "error 1", "error 2"]);
    stage.press("/").type_text("error");
    assert_eq!(shown(&stage), ["error 1", "error 2"]);
    stage.type_text("(");
    let pane = &stage.model.detail_pane.logs;
    assert_eq!(pane.filter_error.as_deref(), Some("unclosed group"));
    assert_eq!(shown(&stage), ["error 1", "error 2"]);
    // Enter does not take what is no expression.
    stage.press("enter");
    assert!(stage.model.detail_pane.logs.filter_input.is_some());
    stage.type_text("2)").press("enter");
    assert_eq!(shown(&stage), [] as [&str; 0]);
    stage.press("/ esc");
    assert_eq!(shown(&stage).len(), 3);
}

#[test]
fn looking_back_stops_following_and_the_end_follows_again() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["0", "1", "2", "3", "4"]);
    stage.model.set_geometry(Geometry {
        logs: (3, 2),
        list_height: 2,
        ..Geometry::default()
    });
    stage.press("k");
    let top = |stage: &Stage| stage.model.detail_pane.logs.top();
    assert_eq!(top(&stage), Some(2));
    hear(&mut stage, op, &["5"]);
    assert_eq!(top(&stage), Some(2));
    stage.press("g");
    assert_eq!(top(&stage), Some(0));
    stage.press("G");
    assert_eq!(top(&stage), None);
    stage.press("f");
    assert_eq!(top(&stage), Some(3));
}

#[test]
fn lines_that_are_shown_are_saved_under_the_name_that_is_typed() {
    let (mut stage, op) = reading();
    stage.press("^s");
    assert!(stage.model.popup.is_none(), "nothing to save");
    hear(&mut stage, op, &["one", "two"]);
    stage.press("/").type_text("two").press("enter");
    stage.press("^s enter");
    let save = Effect::SaveLog {
        path: PathBuf::from("web-20260101T120000Z.log"),
        text: "web-0/main two\n".to_owned(),
    };
    assert_eq!(stage.take_effects(), [save]);
    stage.send(Msg::LogSaved {
        path: PathBuf::from("web.log"),
        result: Ok(()),
    });
    let status = stage.model.status.as_ref();
    assert_eq!(
        status.map(|status| status.text.as_str()),
        Some("Saved web.log.")
    );
}

#[test]
fn name_that_a_log_cannot_be_saved_under_is_asked_for_again() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["one"]);
    stage.press("^s enter").take_effects();
    let why = "/tmp/web.log exists already: choose another name";
    stage.send(Msg::LogSaved {
        path: PathBuf::from("/tmp/web.log"),
        result: Err(Failure::new(FailureKind::Disk, why)),
    });
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert_eq!(prompt.input.text(), "/tmp/web.log");
    assert_eq!(prompt.error.as_deref(), Some(why));
}

#[test]
fn other_times_are_read_anew() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["old"]);
    stage.press("S j j enter");
    let effects = stage.take_effects();
    let [
        Effect::ReadLogs {
            op: next, query, ..
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert!(*next > op);
    assert_eq!(query.since, Some(std::time::Duration::from_secs(300)));
    assert_eq!(shown(&stage), [] as [&str; 0]);
    let command = stage.last_command().unwrap();
    assert!(command.ends_with(" logs web -f --since 5m"), "{command}");
    // The runs before are read from the same time on.
    stage.press("p");
    let effects = stage.take_effects();
    let [Effect::ReadLogs { query, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(query.previous && query.since.is_some());
}

#[test]
fn lines_of_one_pod_are_chosen_among_those_that_came_and_come() {
    let (mut stage, op) = reading();
    let of = |pod: &str, text: &str| {
        let source = Arc::new(LogSource {
            pod: pod.to_owned(),
            container: "main".to_owned(),
        });
        LogEvent::Line(LogLine {
            source,
            at: None,
            text: text.to_owned(),
        })
    };
    let hear_of = |stage: &mut Stage, pods: &[&str]| {
        let events = pods.iter().map(|pod| of(pod, pod)).collect();
        let is_over = false;
        stage.send(Msg::Logged {
            op,
            events,
            is_over,
        });
    };
    hear_of(&mut stage, &["web-0", "web-1", "web-0"]);
    stage.press("o").type_text("web-1").press("enter");
    assert_eq!(shown(&stage), ["web-1"]);
    hear_of(&mut stage, &["web-1", "web-2"]);
    assert_eq!(shown(&stage), ["web-1", "web-1"]);
    stage.press("o").type_text("all").press("enter");
    assert_eq!(shown(&stage).len(), 5);
}

#[test]
fn selected_pod_is_heard_alone() {
    let mut stage = Stage::with_services();
    stage.press("G").rest();
    let pod = stage.model.detail_pane.pods.selected().cloned().unwrap();
    stage.take_effects();
    stage.press("tab L");
    let effects = read(stage.take_effects());
    let [(op, Some(_), false)] = effects[..] else {
        panic!("{effects:?}");
    };
    hear(&mut stage, op, &["of another"]);
    assert_eq!(shown(&stage), [] as [&str; 0]);
    let pane = &stage.model.detail_pane.logs;
    assert_eq!(pane.whose, crate::app::panes::logs::Whose::Pod(pod.clone()));
    let command = stage.last_command().unwrap();
    assert!(
        command.ends_with(&format!(" logs web -f --tail 1000 --pod {pod}")),
        "{command}"
    );
    // Another instance is heard whole.
    stage.press("esc esc k").rest();
    stage.follow();
    let pane = &stage.model.detail_pane.logs;
    assert_eq!(pane.whose, crate::app::panes::logs::Whose::All);
}

#[test]
fn lines_that_do_not_match_can_be_kept() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["GET /", "error 1", "GET /x"]);
    stage.press("v");
    assert!(stage.model.status.as_ref().unwrap().text.contains("/ asks"));
    stage.press("/").type_text("error").press("enter v");
    assert_eq!(shown(&stage).len(), 3);
    stage.press("v");
    assert_eq!(shown(&stage), ["error 1"]);
}

#[test]
fn long_lines_are_moved_sideways_as_far_as_they_go() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["x"]);
    let shift = |stage: &mut Stage, keys: &str, log_overhang: usize| {
        stage.model.set_geometry(Geometry {
            log_overhang,
            ..Geometry::default()
        });
        stage.press(keys);
        stage.model.detail_pane.logs.shift
    };
    assert_eq!(shift(&mut stage, "l", 20), 16);
    assert_eq!(shift(&mut stage, "l", 4), 20);
    assert_eq!(shift(&mut stage, "l", 0), 20);
    assert_eq!(shift(&mut stage, "h", 0), 4);
    assert_eq!(shift(&mut stage, "h", 16), 0);
}

#[test]
fn going_back_takes_the_filter_off_first() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["GET /", "error 1"]);
    stage.press("/").type_text("error").press("enter esc");
    assert_eq!(stage.model.place(), Place::Logs);
    assert_eq!(shown(&stage).len(), 2);
    stage.press("esc");
    assert_eq!(stage.model.place(), Place::Services);
    stage.press("l");
    assert_eq!(shown(&stage).len(), 2);
}

#[test]
fn filter_that_is_typed_goes_with_the_log_that_it_is_for() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["GET /", "error 1"]);
    stage.press("/").type_text("err");
    // As a click on another tab does.
    perform(&mut stage.model, Action::ShowTab(Tab::Pods));
    perform(&mut stage.model, Action::ShowTab(Tab::Logs));
    assert!(stage.model.detail_pane.logs.filter.is_none());
    assert!(stage.model.detail_pane.logs.filter_input.is_none());
}

#[test]
fn command_is_that_of_what_is_shown_as_it_changes() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["GET /", "error 1"]);
    let told = |stage: &Stage| {
        let command = stage.last_command().unwrap();
        let (_, command) = command.split_once(" logs web ").unwrap();
        (command.to_owned(), stage.model.log.len())
    };
    assert_eq!(told(&stage), ("-f --tail 1000".to_owned(), 1));
    for (keys, expected) in [
        ("/ e r | G enter", "-f --tail 1000 --grep 'er|G'"),
        ("t", "-f --tail 1000 --grep 'er|G' --timestamps"),
        ("p", "-p --tail 1000 --grep 'er|G' --timestamps"),
        // Where matches are only marked all lines are shown.
        ("v", "-p --tail 1000 --timestamps"),
        ("S j j enter", "-p --since 5m --timestamps"),
        ("t", "-p --since 5m"),
        ("v p", "-f --since 5m --grep 'er|G'"),
        ("esc", "-f --since 5m"),
    ] {
        stage.press(keys);
        assert_eq!(told(&stage), (expected.to_owned(), 1), "{keys}");
    }
    // Between others it is told anew.
    stage.model.record("bowline ls".to_owned(), None);
    stage.press("t");
    assert_eq!(told(&stage), ("-f --since 5m --timestamps".to_owned(), 3));
    // What is shown of the next one is that one's.
    stage.press("esc k").rest();
    stage.follow();
    assert_eq!(stage.model.log.len(), 3);
    stage.press("l");
    let command = stage.last_command().unwrap();
    assert!(
        !command.contains(" web ") && command.ends_with("--since 5m --timestamps"),
        "{command}"
    );
    assert_eq!(stage.model.log.len(), 4);
}

#[test]
fn matches_have_keys_once_something_is_filtered() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["GET /", "error 1", "error 2"]);
    stage.press("n");
    let told = |stage: &Stage| stage.model.status.as_ref().map(|it| it.text.clone());
    assert_eq!(
        told(&stage).as_deref(),
        Some("Not possible: nothing is filtered: / asks for an expression.")
    );
    stage.press("/").type_text("error").press("enter v");
    let at = |stage: &mut Stage, keys: &str| {
        stage.model.set_geometry(Geometry {
            logs: (0, 3),
            ..Geometry::default()
        });
        stage.press(keys);
        stage.model.detail_pane.logs.match_at()
    };
    assert_eq!(at(&mut stage, "n"), Some(0));
    assert_eq!(at(&mut stage, "n"), Some(1));
    assert_eq!(at(&mut stage, "N"), Some(0));
    stage.press("/ x enter n");
    assert_eq!(told(&stage).as_deref(), Some("No line matches."));
}

#[test]
fn log_that_is_opened_anew_is_followed_again() {
    let (mut stage, op) = reading();
    hear(&mut stage, op, &["one", "two"]);
    stage.press("f");
    assert!(!stage.model.detail_pane.logs.is_following());
    stage.press("esc l");
    assert!(stage.model.detail_pane.logs.is_following());
}
