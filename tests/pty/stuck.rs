//! A loop that is stuck for good: the threads beside it still end the program and keep what was typed.

use std::path::{Path, PathBuf};

use crate::driver::{Home, Terminal};
use crate::ends::assert_ends_when_hung_up;
use crate::panics::start_in;

/// Set for the process that the tests below start: where its catalogue and state are.
const STUCK: &str = "BOWLINE_TEST_STUCK";

/// Not a test by itself: the dashboard on a thread that never comes back from something else.
#[test]
fn dashboard_that_gets_stuck() {
    let Some(dir) = std::env::var_os(STUCK).map(PathBuf::from) else {
        return;
    };
    let start = start_in(&dir);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let gets_stuck = async {
        while !dir.join("now").exists() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        std::fs::write(dir.join("stuck"), "").unwrap();
        loop {
            std::thread::park();
        }
    };
    runtime.block_on(async {
        tokio::select! {
            ended = bowline::runtime::run(start) => drop(ended),
            () = gets_stuck => {}
        }
    });
}

/// Starts it, types into its editor, and has it stuck.
fn stuck(home: &Home, before: &str, typed: &str) -> Terminal {
    let this = std::env::current_exe().unwrap();
    let script = format!(
        "{before} '{}' --exact stuck::dashboard_that_gets_stuck --nocapture",
        this.display()
    );
    let mut command = home.command(Path::new("/bin/sh"), &["-c", &script]);
    command.env(STUCK, home.dir.path());
    let mut terminal = Terminal::run(command);
    terminal.until("image: nginx:1.27");
    terminal.type_line(typed);
    std::fs::write(home.path("now"), "").unwrap();
    home.until_there("stuck");
    terminal
}

#[test]
fn loop_that_is_stuck_is_ended_by_a_signal_and_what_was_typed_is_kept() {
    let home = Home::new();
    let mut terminal = stuck(&home, "exec", "# typed just now");
    terminal.signal("TERM");
    terminal.assert_ended(128 + 15);
    assert!(home.has_draft("# typed just now"));
}

#[test]
fn loop_that_is_stuck_is_ended_when_the_terminal_is_gone_though_no_signal_comes() {
    let home = Home::new();
    let terminal = stuck(&home, "trap '' HUP; exec setsid -w", "# hung up");
    assert_ends_when_hung_up(terminal, &home);
}
