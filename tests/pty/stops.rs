//! Suspended, or stopped from outside, and continued.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::driver::{Home, WITHIN, modes};

#[test]
fn suspended_program_gives_the_terminal_back_and_comes_again() {
    let home = Home::new();
    let mut terminal = home.start();
    terminal.until("web");
    for way in ["key", "signal"] {
        match way {
            "key" => terminal.press("\x1a"),
            _ => terminal.signal("TSTP"),
        }
        terminal.until_screen("the shell's screen", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor()
        });
        let pid = terminal.pid().to_string();
        let is_stopped = || {
            let listed = Command::new("ps")
                .args(["-o", "stat=", "-p", &pid])
                .output()
                .unwrap();
            listed.stdout.starts_with(b"T")
        };
        let deadline = Instant::now() + WITHIN;
        while !is_stopped() {
            assert!(Instant::now() < deadline, "not stopped by {way}");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(modes(terminal.master.as_ref()), terminal.modes_before);
        terminal.signal("CONT");
        terminal.until_screen("the dashboard again", |screen| {
            screen.alternate_screen() && screen.contents().contains("Services")
        });
        terminal.press("2");
        terminal.until("[2 Volumes]");
        terminal.press("1");
        terminal.until("[1 Pods]");
    }
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn program_stopped_from_outside_takes_the_keys_again() {
    let home = Home::new();
    let mut terminal = home.start();
    terminal.until("web");
    let raw = modes(terminal.master.as_ref());
    terminal.signal("STOP");
    // As a shell does that gets the terminal then.
    const SHELL: [&str; 5] = ["icanon", "echo", "isig", "icrnl", "opost"];
    let tty = terminal.master.tty_name().unwrap();
    let set = Command::new("stty").arg("-F").arg(tty).args(SHELL).status();
    assert!(set.unwrap().success());
    assert_ne!(modes(terminal.master.as_ref()), raw);
    terminal.signal("CONT");
    let deadline = Instant::now() + WITHIN;
    while modes(terminal.master.as_ref()) != raw {
        assert!(Instant::now() < deadline, "the keys are not taken again");
        std::thread::sleep(Duration::from_millis(10));
    }
    terminal.press("2");
    terminal.until("[2 Volumes]");
    terminal.press("q");
    terminal.assert_ended(0);
}
