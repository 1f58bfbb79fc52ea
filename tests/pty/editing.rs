//! The editor: faults, drafts, and files that others change.

use std::fs;
use std::time::{Duration, Instant};

use crate::driver::{DEFINITION, Home, WITHIN};

#[test]
fn faults_are_shown_as_they_are_typed_and_paste_is_one_step() {
    let home = Home::new();
    let mut terminal = home.edit();
    terminal.until("no problems");
    terminal.press("\x1b[200~replicas: many\nvolumeMount: []\n\x1b[201~");
    terminal.until("2 errors");
    terminal.until("`replicas` must be a whole number");
    terminal.press("\x15");
    terminal.until("no problems");
    terminal.type_line("replicas: 2");
    terminal.press("\x13");
    terminal.until("Saved web.");
    let saved = fs::read_to_string(home.catalogue().join("web.yaml")).unwrap();
    assert_eq!(saved, format!("replicas: 2\n{DEFINITION}"));
    terminal.press("\x1b");
    terminal.until("Services");
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn unsaved_typing_survives_a_signal_and_is_offered_again() {
    let home = Home::new();
    let mut terminal = home.edit();
    terminal.type_line("# typed just now");
    terminal.signal("HUP");
    terminal.assert_ended(129);
    assert!(home.has_draft("# typed just now"));
    let mut terminal = home.start();
    terminal.until("Unsaved edits of an earlier session: web");
    terminal.press("e");
    terminal.until("Go on with them");
    terminal.press("\r");
    terminal.until("# typed just now");
    terminal.press("\x13");
    terminal.until("Saved web.");
    terminal.press("\x1b");
    terminal.until("Services");
    terminal.press("q");
    terminal.assert_ended(0);
    // What was saved needs no draft.
    assert!(!home.has_draft("# typed just now"));
}

#[test]
fn unsaved_typing_survives_a_kill() {
    let home = Home::new();
    let mut terminal = home.edit();
    terminal.type_line("# typed before");
    let deadline = Instant::now() + WITHIN;
    while !home.has_draft("# typed before") {
        assert!(Instant::now() < deadline, "no draft was kept");
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal.signal("KILL");
    terminal.exit_code();
    let mut terminal = home.start();
    terminal.until("web");
    terminal.press("e");
    terminal.until("Go on with them");
    terminal.press("\r");
    terminal.until("# typed before");
}

#[test]
fn file_changed_by_somebody_else_is_merged_and_only_then_saved() {
    let home = Home::new();
    let mut terminal = home.edit();
    let theirs = DEFINITION.replace("1.27", "1.28");
    fs::write(home.catalogue().join("web.yaml"), &theirs).unwrap();
    terminal.type_line("# mine");
    // It is told as soon as what was typed is kept.
    terminal.until("^s offers to merge");
    terminal.press("\x13");
    terminal.until("Merge both");
    terminal.press("\r");
    terminal.until("somebody else changed it: taken");
    terminal.press("\r");
    terminal.until("Merged.");
    let path = home.catalogue().join("web.yaml");
    assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
    terminal.press("\x13");
    terminal.until("Saved web.");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        format!("# mine\n{theirs}")
    );
}

#[test]
fn two_sessions_that_save_the_same_definition_lose_nothing() {
    let home = Home::new();
    let (mut first, mut second) = (home.edit(), home.edit());
    first.type_line("# first");
    second.press("\x1b[1;5F# second\r");
    second.until("(modified)");
    first.press("\x13");
    first.until("Saved web.");
    second.press("\x13");
    second.until("Merge both");
    second.press("\r");
    second.until("somebody else changed it: taken");
    second.press("\r");
    second.until("Merged.");
    second.press("\x13");
    second.until("Saved web.");
    let saved = fs::read_to_string(home.catalogue().join("web.yaml")).unwrap();
    assert_eq!(saved, format!("# first\n{DEFINITION}# second\n"));
}
