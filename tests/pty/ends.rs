//! Ways out that nobody chose: signals, a terminal that is gone, one that does not read.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use portable_pty::Child;

use crate::driver::{Home, Terminal, WITHIN, size};

#[test]
fn signals_end_the_program_and_the_terminal_is_as_it_was() {
    let home = Home::new();
    for (signal, number) in [("TERM", 15), ("HUP", 1), ("INT", 2), ("QUIT", 3)] {
        let mut terminal = home.start();
        terminal.until("web");
        terminal.signal(signal);
        terminal.assert_ended(128 + number);
    }
}

#[test]
fn terminal_that_is_gone_ends_the_program() {
    let home = Home::new();
    let terminal = home.edit();
    ends_when_hung_up(terminal, &home);
}

/// As `nohup` starts it in a session of its own: the signal never comes, and only the terminal itself is gone.
#[test]
fn terminal_that_is_gone_ends_the_program_though_no_signal_comes() {
    let home = Home::new();
    let mut terminal = home.start_in_script(r#"trap '' HUP; exec setsid -w "$@""#);
    terminal.edit_web();
    ends_when_hung_up(terminal, &home);
}

/// Types into an open editor, closes the terminal, and looks for the end of the program and for what was typed.
fn ends_when_hung_up(mut terminal: Terminal, home: &Home) {
    terminal.type_line("# hung up");
    assert_ends_when_hung_up(terminal, home);
}

/// Closes the terminal, and looks for the end of the program and for what was typed.
pub fn assert_ends_when_hung_up(mut terminal: Terminal, home: &Home) {
    let mut child = std::mem::replace(&mut terminal.child, Box::new(Gone));
    hang_up(terminal);
    let deadline = Instant::now() + WITHIN;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the program outlives its terminal");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(home.has_draft("# hung up"));
}

/// Closes all ends of this side, as an SSH session that drops closes them.
fn hang_up(terminal: Terminal) {
    terminal.seen.0.lock().unwrap().is_over = true;
    // What is written on it wakes the reading thread for the last time.
    let tty = terminal.master.tty_name().unwrap();
    let mut tty = fs::File::options().write(true).open(tty).unwrap();
    tty.write_all(b".").unwrap();
}

/// Stands where a child was that a test took out.
#[derive(Debug)]
struct Gone;

impl portable_pty::ChildKiller for Gone {
    fn kill(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn clone_killer(&self) -> Box<dyn portable_pty::ChildKiller + Send + Sync> {
        Box::new(Gone)
    }
}

impl Child for Gone {
    fn try_wait(&mut self) -> std::io::Result<Option<portable_pty::ExitStatus>> {
        Ok(None)
    }

    fn wait(&mut self) -> std::io::Result<portable_pty::ExitStatus> {
        Ok(portable_pty::ExitStatus::with_exit_code(0))
    }

    fn process_id(&self) -> Option<u32> {
        None
    }
}

/// Has as much drawn as the terminal takes while nobody reads.
fn fill(terminal: &Terminal) {
    // The reading thread ends with what it reads next; from then on nobody does.
    terminal.seen.0.lock().unwrap().is_over = true;
    for n in 0..40 {
        terminal
            .master
            .resize(size(100 + n % 2 * 50, 40 + n % 2 * 10))
            .unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A terminal whose other side does not read: stopped with ^s, a lid that is closed.
#[test]
fn terminal_that_does_not_read_does_not_hold_up_the_end() {
    let home = Home::new();
    let mut terminal = home.edit();
    terminal.type_line("# not drawn any more");
    fill(&terminal);
    terminal.signal("TERM");
    assert_eq!(terminal.exit_code(), 128 + 15);
    assert!(home.has_draft("# not drawn any more"));
    // By a key as well, where no signal's deadline ends the program.
    let mut terminal = home.start();
    terminal.until("web");
    fill(&terminal);
    terminal.press("q");
    assert_eq!(terminal.exit_code(), 0);
}
