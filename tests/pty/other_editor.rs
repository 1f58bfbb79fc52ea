//! Another editor, of one's own choice, that has the terminal for a while.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::driver::{DEFINITION, Home, Terminal, WITHIN};

/// Tells whether a process is more than an entry that nobody has asked for yet.
fn is_running(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

/// A script of the test in the place of an editor.
fn editor_of(home: &Home, script: &str) -> String {
    let path = home.path("my editor");
    fs::write(&path, script).unwrap();
    format!("sh '{}' --flag", path.display())
}

fn edit_with(home: &Home, script: &str) -> Terminal {
    let catalogue = home.catalogue();
    let args = ["--catalogue", catalogue.to_str().unwrap(), "edit", "web"];
    let mut command = home.command(Path::new(env!("CARGO_BIN_EXE_bowline")), &args);
    command.env("VISUAL", editor_of(home, script));
    let terminal = Terminal::run(command);
    terminal.until("image: nginx:1.27");
    terminal
}

#[test]
fn editor_of_ones_own_gets_the_text_the_terminal_and_every_key() {
    let home = Home::new();
    let script = "[ \"$1\" = --flag ] || exit 9\nstty -a | grep -q ' icanon' || exit 8\n\
                  printf 'your line? '; read line; echo \"# $line\" >> \"$2\"\n\
                  ls -ld \"$(dirname \"$2\")\" \"$2\" | cut -c1-10 > modes\n";
    let mut terminal = edit_with(&home, script);
    terminal.type_line("# typed here");
    for (n, line) in [(1, "typed there"), (2, "and again")] {
        terminal.press("\x05");
        terminal.until_screen("the editor's own screen", |screen| {
            let n_asked = screen.contents().matches("your line?").count();
            !screen.alternate_screen() && n_asked == n
        });
        // Keys of the dashboard are no keys now.
        terminal.press(&format!("{line}\r"));
        terminal.until_screen("the dashboard again", |screen| {
            screen.alternate_screen() && screen.contents().contains(&format!("# {line}"))
        });
        terminal.until("Taken over");
    }
    let modes = fs::read_to_string(home.path("modes")).unwrap();
    assert_eq!(
        modes.split_whitespace().collect::<Vec<_>>(),
        ["drwx------", "-rw-------"]
    );
    // One step of undo for each.
    terminal.press("\x15");
    terminal.until_screen("one step less", |screen| {
        let text = screen.contents();
        !text.contains("# and again") && text.contains("# typed there")
    });
    terminal.press("\x13");
    terminal.until("Saved web.");
    let saved = fs::read_to_string(home.catalogue().join("web.yaml")).unwrap();
    assert_eq!(saved, format!("# typed here\n{DEFINITION}# typed there\n"));
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn editor_of_ones_own_that_fails_is_told_and_what_it_left_stays() {
    let home = Home::new();
    let mut terminal = edit_with(&home, "echo typed there > \"$2\"; exit 3\n");
    terminal.type_line("# typed here");
    terminal.press("\x05");
    terminal.until("exit code 3");
    terminal.until("kept for three days");
    // The path is longer than a line.
    let told: String = terminal.text().split(['│', '\n']).map(str::trim).collect();
    assert!(told.contains("/handed-out-"), "{told}");
    assert!(home.has_draft("typed there"));
    terminal.press("\r");
    terminal.until("# typed here");
    terminal.signal("HUP");
    terminal.assert_ended(129);
    assert!(home.has_draft("# typed here"));
}

/// As vi does: it has keys as they are typed, reports of the mouse and no cursor, and is killed with them.
#[test]
fn editor_that_is_killed_leaves_no_modes_behind() {
    let home = Home::new();
    let script = "stty raw -echo; printf '\\033[?1000h\\033[?25l'; kill -9 $$\n";
    let mut terminal = edit_with(&home, script);
    terminal.press("\x05");
    terminal.until("signal 9");
    terminal.until_screen("the cursor, and no reports of the mouse", |screen| {
        let mouse = screen.mouse_protocol_mode();
        !screen.hide_cursor() && mouse == vt100::MouseProtocolMode::None
    });
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn signals_while_another_editor_has_the_terminal_lose_nothing() {
    let home = Home::new();
    let mut terminal = edit_with(
        &home,
        "echo $$ > pid; echo edits; while sleep 0.1; do :; done\n",
    );
    terminal.type_line("# typed here");
    terminal.press("\x05");
    terminal.until("edits");
    // Neither is for the dashboard: the other program has the keyboard.
    terminal.signal("INT");
    terminal.signal("QUIT");
    terminal.signal("TERM");
    assert_eq!(terminal.exit_code(), 128 + 15);
    assert!(home.has_draft("# typed here"));
    // It does not outlive the program, with the terminal in its hand.
    let pid = fs::read_to_string(home.path("pid")).unwrap();
    let deadline = Instant::now() + WITHIN;
    while is_running(pid.trim()) {
        assert!(Instant::now() < deadline, "the editor outlives the program");
        std::thread::sleep(Duration::from_millis(10));
    }
}
