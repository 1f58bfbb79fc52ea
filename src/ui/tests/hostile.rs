//! Whatever a cluster, a file or a log holds: no view draws anything that drives a terminal or pretends to be something else.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use rustix::time::{ClockId, clock_gettime};

use crate::app::stage::{self, Stage};
use crate::app::{Msg, OpId, OpenedDefinition, SaveAnswer};
use crate::catalogue::Digest;
use crate::failure::{Failure, FailureKind};
use crate::service::log::{LogEvent, LogLine, LogSource};
use crate::service::summary::{Blocked, WorkloadKind};
use crate::service::watch::{Delta, WatchEvent};
use crate::text;
use crate::ui::{ColorLevel, Theme, ThemeSettings, draw_buffer};

/// Tells whether a terminal would obey a character, or a person be misled by it.
fn is_harmful(c: char) -> bool {
    let turns =
        matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let hides = matches!(
        c,
        '\u{200b}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' | '\u{2028}' | '\u{2029}'
    );
    c.is_control() || turns || hides
}

/// Texts as an attacker writes them, among those that people write.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("\u{1b}[2J".to_owned()),
        Just("\u{1b}]52;c;aGk=\u{7}".to_owned()),
        Just("\u{1b}P$q\u{1b}\\".to_owned()),
        Just("\u{9b}31m".to_owned()),
        Just("\r\u{8}\n\t\0".to_owned()),
        Just("\u{202e}\u{2066}\u{200b}\u{e0041}".to_owned()),
        Just("e\u{301}".repeat(3)),
        Just("o".to_owned() + &"\u{301}".repeat(200)),
        Just("日本語👩‍👩‍👧‍👦".to_owned()),
        Just("שלום مرحبا".to_owned()),
        "[ -~]{0,12}",
        any::<String>(),
    ];
    proptest::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

/// Services of which everything says what it is given to say.
fn services(text: &str) -> Stage {
    let mut stage = Stage::with_services();
    let namespace = stage::key("web").namespace;
    let mut workload = stage::workload("web", (1, 3), text, stage::now());
    workload.blocked = Some(Blocked {
        reason: text.to_owned(),
        message: text.to_owned(),
        has_given_up: true,
    });
    let row = stage::pod_row(text, 0, text, 1);
    stage.overview(vec![
        WatchEvent::Workloads(WorkloadKind::Deployment, vec![Delta::Applied(workload)]),
        WatchEvent::PodRows(namespace, vec![Delta::Applied(row)]),
    ]);
    stage.rest();
    let refused = vec![(text.to_owned(), text.to_owned())];
    stage.model.catalogue.refused = refused;
    stage
}

/// A stage for each view in turn, with the text wherever there is room for one.
fn views(text: &str) -> Vec<Stage> {
    let mut stages = Vec::new();
    for keys in [
        "1", "2", "3", "5", "?", ":", "m", "C", "x", "N", "@", "n enter", "/ a",
    ] {
        let mut stage = services(text);
        stage.press(keys);
        stages.push(stage);
    }
    let failure = || Failure::new(FailureKind::Invalid, text);
    let mut stage = services(text);
    let epoch = stage.epoch();
    let failure = failure();
    stage.send(Msg::ConnectFailed { epoch, failure });
    stages.push(stage);
    let mut stage = services(text);
    stage.send(Msg::TaskFailed(text.to_owned()));
    stages.push(stage);
    stages.push(edited(text, false));
    stages.push(edited(text, true));
    stages.push(logs(text));
    stages
}

fn opened(text: &str) -> OpenedDefinition {
    OpenedDefinition {
        text: text.to_owned(),
        digest: Digest::of(text.as_bytes()),
        draft: None,
    }
}

/// The text in the editor; and merged with another.
fn edited(text: &str, is_merged: bool) -> Stage {
    let mut stage = services(text);
    stage.press("e");
    let editor = stage.model.editor().unwrap().id;
    let result = Ok(opened(&format!("a: 1\n{text}\n")));
    stage.send(Msg::DefinitionOpened { editor, result });
    if is_merged {
        stage.type_text("x").press("^s");
        let pane = stage.model.editor().unwrap();
        let revision = pane.editor().unwrap().revision();
        let answer = SaveAnswer::Changed;
        stage.send(Msg::Saved {
            editor,
            revision,
            answer,
        });
        stage.press("enter");
        let result = Ok(opened(&format!("b: 2\n{text}{text}\n")));
        stage.send(Msg::DefinitionOpened { editor, result });
    }
    stage
}

fn logs(text: &str) -> Stage {
    let mut stage = services(text);
    stage.press("l");
    let op = OpId(stage.model.last_op());
    let source = Arc::new(LogSource {
        pod: text.to_owned(),
        container: text.to_owned(),
    });
    let line = LogEvent::Line(LogLine {
        source: Arc::clone(&source),
        at: None,
        text: text.to_owned(),
    });
    let failed = LogEvent::Failed {
        source: Some(source),
        failure: Failure::new(FailureKind::Invalid, text),
    };
    let events = vec![line, failed];
    let is_over = false;
    stage.send(Msg::Logged {
        op,
        events,
        is_over,
    });
    stage
}

fn assert_harmless(stage: &mut Stage, size: (u16, u16), theme: &Theme) {
    stage.model.size = size;
    stage.model.settle();
    let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    let area = buf.area;
    draw_buffer(&mut buf, area, &stage.model, theme);
    for (n, cell) in buf.content().iter().enumerate() {
        let symbol = cell.symbol();
        assert!(!symbol.chars().any(is_harmful), "{symbol:?}");
        assert!(symbol.chars().count() <= 24, "{symbol:?}");
        // A wide letter with a mark that has a place of its own takes three: they are free, and on the same row.
        let n_cells = text::cells(symbol);
        assert!(
            n % usize::from(size.0) + n_cells <= usize::from(size.0),
            "{symbol:?}"
        );
        let covered = buf
            .content()
            .iter()
            .skip(n + 1)
            .take(n_cells.saturating_sub(1));
        assert!(
            covered.into_iter().all(|cell| cell.symbol() == " "),
            "{symbol:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_view_draws_what_a_terminal_obeys(text in any_text()) {
        let plain = Theme::new(&ThemeSettings::default(), ColorLevel::None, true);
        for mut stage in views(&text) {
            assert_harmless(&mut stage, (80, 24), &Theme::default());
            assert_harmless(&mut stage, (41, 11), &plain);
        }
    }
}

/// Returns what this thread has used of a processor, which others that want it too do not add to.
fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(used).unwrap()
}

/// A megabyte in one place, or a name of the widest letters, costs no more than the row that it stands in.
#[test]
fn what_is_huge_costs_a_row_and_no_more() {
    let huge = "x".repeat(1 << 20);
    let wide = "\u{ff37}".repeat(253);
    for text in [huge.as_str(), wide.as_str()] {
        for mut stage in views(text) {
            stage.model.settle();
            assert_harmless(&mut stage, (160, 50), &Theme::default());
            let began = processor_time();
            assert_harmless(&mut stage, (160, 50), &Theme::default());
            let took = processor_time() - began;
            // Far more than it takes; what grows with the text a hundredfold would not pass.
            assert!(took < Duration::from_secs(3), "{took:?}");
        }
    }
}
