use jiff::Timestamp;

use super::*;
use crate::service::log::LogLine;

fn said(pod: &str, text: &str) -> LogEvent {
    let source = Arc::new(LogSource {
        pod: pod.to_owned(),
        container: "main".to_owned(),
    });
    LogEvent::Line(LogLine {
        source,
        at: Some(Timestamp::UNIX_EPOCH),
        text: text.to_owned(),
    })
}

fn pane(lines: &[&str]) -> LogsPane {
    let mut pane = LogsPane::default();
    pane.on_events(
        lines.iter().map(|line| said("web-0", line)).collect(),
        false,
    );
    pane
}

fn texts(pane: &LogsPane) -> Vec<&str> {
    let lines = (0..pane.n_shown()).filter_map(|idx| pane.shown(idx));
    lines.map(|line| line.text.as_str()).collect()
}

#[test]
fn filter_chooses_among_what_came_and_what_comes() {
    let mut pane = pane(&["GET /", "error: no", "GET /x"]);
    pane.set_filter(Some(Regex::new("(?i)ERR|x").unwrap()));
    assert_eq!(texts(&pane), ["error: no", "GET /x"]);
    pane.on_events(vec![said("web-1", "GET /y"), said("web-1", "ERROR")], false);
    assert_eq!(texts(&pane), ["error: no", "GET /x", "ERROR"]);
    pane.set_filter(None);
    assert_eq!(pane.n_shown(), 5);
}

#[test]
fn what_is_looked_at_stays_in_place_while_lines_come() {
    let mut pane = pane(&["0", "1", "2", "3", "4", "5"]);
    let drawn = (3, 3);
    pane.move_by(-2, drawn);
    assert_eq!(pane.top(), Some(1));
    pane.on_events(vec![said("web-0", "6")], false);
    assert_eq!((pane.top(), pane.is_following()), (Some(1), false));
    // Past the end the newest are followed again.
    pane.move_by(1, (1, 3));
    assert_eq!(pane.top(), Some(2));
    pane.move_by(9, (2, 3));
    assert!(pane.is_following());
    pane.toggle_following((4, 3));
    assert_eq!(pane.top(), Some(4));
    pane.toggle_following((4, 3));
    assert!(pane.is_following());
}

#[test]
fn each_pod_has_a_colour_of_its_own() {
    let mut pane = pane(&["a"]);
    pane.on_events(vec![said("web-1", "b"), said("web-0", "c")], false);
    let colours: Vec<_> = (0..3).map(|idx| pane.shown(idx).unwrap().colour).collect();
    assert_eq!(colours, [0, 1, 0]);
}

#[test]
fn what_is_saved_is_what_is_shown() {
    let mut pane = pane(&["GET /", "\u{1b}[31merror\u{1b}[0m"]);
    pane.set_filter(Some(Regex::new("error").unwrap()));
    assert_eq!(pane.to_text(), "web-0/main error\n");
    pane.has_timestamps = true;
    assert_eq!(pane.to_text(), "web-0/main 1970-01-01T00:00:00Z error\n");
}

#[test]
fn what_is_noticed_in_reading_matches_nothing() {
    let mut pane = pane(&["GET /", "error: no"]);
    let source = Arc::new(LogSource {
        pod: "web-0".to_owned(),
        container: "main".to_owned(),
    });
    let why = "no previous run".to_owned();
    let silent = LogEvent::Silent { source, why };
    pane.on_events(vec![silent.clone()], false);
    pane.set_filter(Some(Regex::new("error").unwrap()));
    assert_eq!((pane.n_shown(), pane.n_matches()), (2, 1));
    pane.on_events(vec![silent, said("web-0", "error: again")], false);
    assert_eq!((pane.n_shown(), pane.n_matches()), (4, 2));
}

#[test]
fn matches_are_gone_through_round_the_ends_and_what_came_is_counted() {
    let texts: Vec<String> = (0..40).map(|n| format!("line {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut pane = pane(&texts);
    assert!(!pane.go_to_match(true, (30, 10), 80));
    pane.shows_others = true;
    pane.set_filter(Some(Regex::new("5$").unwrap()));
    // The newest ten are in sight: among these it begins.
    let mut go = |is_forward| {
        let top = pane.top().unwrap_or(30);
        assert!(pane.go_to_match(is_forward, (top, 10), 80));
        (
            pane.line_at().unwrap(),
            pane.match_at().unwrap(),
            pane.top().unwrap(),
        )
    };
    assert_eq!(go(true), (35, 3, 30));
    assert_eq!(go(false), (25, 2, 20));
    assert_eq!(go(false), (15, 1, 10));
    assert_eq!(go(false), (5, 0, 0));
    assert_eq!(go(false), (35, 3, 30));
    assert_eq!(go(true), (5, 0, 0));
    // What is out of sight is not gone on from.
    pane.move_by(21, (0, 10));
    assert!(pane.go_to_match(true, (21, 10), 80));
    assert_eq!((pane.line_at(), pane.top()), (Some(25), Some(21)));
    pane.on_events(vec![said("web-0", "line 45")], false);
    assert_eq!((pane.match_at(), pane.n_matches()), (Some(2), 5));
    // Where others are hidden each line is one.
    pane.toggle_others();
    assert_eq!((pane.line_at(), pane.n_shown()), (Some(2), 5));
    pane.set_filter(None);
    assert_eq!((pane.match_at(), pane.n_matches()), (None, 0));
}

#[test]
fn what_matches_far_right_is_brought_into_sight() {
    let far = format!("{}needle{}", "x".repeat(100), "y".repeat(100));
    let mut pane = pane(&[&far, "needle"]);
    pane.set_filter(Some(Regex::new("needle").unwrap()));
    pane.go_to_match(true, (0, 2), 40);
    assert_eq!(pane.shift, 82);
    pane.go_to_match(true, (0, 2), 40);
    assert_eq!((pane.line_at(), pane.shift), (Some(1), 0));
    pane.wraps = true;
    pane.go_to_match(true, (0, 2), 40);
    assert_eq!((pane.line_at(), pane.shift), (Some(0), 0));
}
