//! What goes to the terminal: its size, its colours, how much it is, and that nothing of it is obeyed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::driver::{DEFINITION, Home, Terminal, size};

#[test]
fn size_of_the_terminal_is_followed() {
    let home = Home::new();
    let mut terminal = home.start();
    terminal.until("web");
    terminal.resize(160, 50);
    terminal.until_screen("a frame of 160x50", |screen| {
        let corner = screen.cell(48, 159).map(|cell| cell.contents().to_owned());
        corner.as_deref() == Some("┘")
    });
    terminal.resize(30, 6);
    terminal.until("bowline needs 40x10");
    terminal.resize(80, 24);
    terminal.until("Services");
    for columns in 81..120 {
        terminal.resize(columns, 24);
    }
    terminal.until_framed(119);
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn terminal_of_any_size_and_many_sizes_at_once_are_survived() {
    let home = Home::new();
    let mut terminal = home.start();
    terminal.until("web");
    for (columns, rows) in [(1, 1), (20, 5), (1000, 500), (0, 0), (1, 500)] {
        terminal.master.resize(size(columns, rows)).unwrap();
        terminal.press("jk");
    }
    for n in 0..500 {
        terminal
            .master
            .resize(size(40 + n % 100, 10 + n % 30))
            .unwrap();
    }
    terminal.resize(80, 24);
    terminal.until_framed(80);
    terminal.until("Services");
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn size_that_changes_while_the_program_starts_is_followed() {
    let home = Home::new();
    for columns in 81..101 {
        let terminal = home.start();
        terminal.until_screen("a screen of its own", vt100::Screen::alternate_screen);
        terminal.resize(columns, 24);
        terminal.until_framed(columns);
    }
}

/// What waits for the rest of a sequence learns of no size.
#[test]
fn size_is_followed_behind_a_sequence_that_means_nothing() {
    let home = Home::new();
    let mut terminal = home.start();
    terminal.until("web · in the catalogue");
    terminal.press("\x1b[99;99;99~");
    // Read by now, as it came before the key.
    terminal.press("?");
    terminal.until("Keys");
    terminal.press("\x1b[99;99;99~");
    for columns in [100, 90, 100] {
        terminal.resize(columns, 24);
        terminal.until_framed(columns);
    }
}

/// The signal that tells of a size and a key reach the program at once.
#[test]
fn no_key_waits_for_the_next_when_the_size_changes_with_it() {
    let home = Home::new();
    let mut terminal = home.start();
    terminal.until("web · in the catalogue");
    for n in 0..200 {
        let (key, tab) = [("2", "[2 Volumes]"), ("1", "[1 Pods]")][n % 2];
        let columns = [81, 80][n % 2];
        if n % 4 < 2 {
            terminal.resize(columns, 24);
            terminal.press(key);
        } else {
            terminal.press(key);
            terminal.resize(columns, 24);
        }
        terminal.until_framed(columns);
        terminal.until(tab);
    }
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn terminal_that_cannot_place_its_cursor_is_refused() {
    let home = Home::new();
    for term in ["dumb", ""] {
        let mut command = home.command(Path::new(env!("CARGO_BIN_EXE_bowline")), &[]);
        command.env("TERM", term);
        let mut terminal = Terminal::run(command);
        assert_eq!(terminal.exit_code(), 2);
        terminal.until("bowline snapshot");
        terminal.until("bowline ls");
        assert!(!terminal.text().contains('\u{1b}'));
    }
}

/// With one of the two sides a file, whichever.
#[test]
fn half_a_terminal_is_refused() {
    let home = Home::new();
    for (redirected, sentence) in [
        ("< /dev/null", "standard input is none"),
        ("> out", "standard output is none"),
    ] {
        let script = format!("exec '{}' {redirected}", env!("CARGO_BIN_EXE_bowline"));
        let mut terminal = Terminal::run(home.command(Path::new("/bin/sh"), &["-c", &script]));
        assert_eq!(terminal.exit_code(), 2);
        terminal.until(sentence);
    }
    assert_eq!(fs::read_to_string(home.path("out")).unwrap(), "");
}

/// Neither what stands in a definition nor what a server says is obeyed by the terminal.
#[test]
fn escape_sequences_in_data_are_shown_and_not_obeyed() {
    let home = Home::new();
    let hostile = format!("# \u{1b}]0;pwned\u{7}\u{9b}2J\u{202e}evil\n{DEFINITION}");
    fs::write(home.catalogue().join("web.yaml"), hostile).unwrap();
    let mut terminal = home.start();
    terminal.until("web");
    terminal.press("6");
    terminal.until("evil");
    terminal.press("q");
    terminal.assert_ended(0);
    let seen = terminal.seen.0.lock().unwrap();
    let text = String::from_utf8_lossy(&seen.bytes);
    for sequence in ["\u{1b}]", "\u{9b}", "\u{202e}", "\u{7}"] {
        assert!(
            !text.contains(sequence),
            "{sequence:?} reached the terminal"
        );
    }
}

#[test]
fn colours_and_signs_follow_the_environment() {
    let home = Home::new();
    let mut command = home.command(
        Path::new(env!("CARGO_BIN_EXE_bowline")),
        &["--catalogue", "catalogue"],
    );
    command.env("NO_COLOR", "1");
    command.env("LANG", "C");
    let mut terminal = Terminal::run(command);
    terminal.until("> web");
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
    {
        let seen = terminal.seen.0.lock().unwrap();
        let screen = seen.parser.screen();
        let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
        for (row, column) in cells {
            let cell = screen.cell(row, column).unwrap();
            let colours = (cell.fgcolor(), cell.bgcolor());
            assert_eq!(colours, (vt100::Color::Default, vt100::Color::Default));
        }
    }
    terminal.press("q");
    terminal.assert_ended(0);
}

/// Everything that is written, over a session that visits the views: no question, and no sequence that is not known.
#[test]
fn nothing_is_asked_of_the_terminal_and_only_known_sequences_are_written() {
    let home = Home::new();
    let mut terminal = home.start_with(&["--sandbox"]);
    terminal.until("● live");
    for (keys, text) in [
        ("2", "[2 Volumes]"),
        ("3", "[3 Events]"),
        ("5", "[5 Objects]"),
        ("?", "Keys"),
        ("\x1b", ""),
        (":", "> "),
        ("\x1b", ""),
        ("l", "[4 Logs]"),
        ("\x1b", "┌ Services"),
        ("G", "▸ web"),
        ("e", "containers:"),
    ] {
        terminal.press(keys);
        terminal.until(text);
        // A key right behind an escape is one with alt: what was open must be seen to go first.
        terminal.until_screen("what was open is closed", |screen| {
            let text = screen.contents();
            !keys.starts_with('\x1b') || !text.contains("Keys, link") && !text.contains("> ")
        });
    }
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("y");
    terminal.until("Copied:");
    terminal.press("q");
    terminal.assert_ended(0);
    let seen = terminal.seen.0.lock().unwrap();
    let text = String::from_utf8(seen.bytes.clone()).unwrap();
    for sequence in text.split('\x1b').skip(1) {
        let is_known = match sequence.as_bytes() {
            // Moves, erases, colours, and modes that are set and taken back.
            [b'[', rest @ ..] => {
                let end = rest.iter().position(|byte| (0x40..0x7f).contains(byte));
                let end = end.unwrap_or_else(|| panic!("without an end: {sequence:?}"));
                matches!(rest[end], b'H' | b'G' | b'X' | b'J' | b'm' | b'h' | b'l')
            }
            // What is copied, on a key.
            [b']', b'5', b'2', b';', b'c', b';', ..] => true,
            _ => false,
        };
        assert!(is_known, "{sequence:?}");
    }
    let is_asked = |question: &str| text.contains(question);
    assert!(!is_asked("52;c;?"), "the clipboard is never read");
}

/// Two kilobytes a second, and a list that is moved through: fewer frames, and at the end what a fast link shows.
#[test]
fn slow_link_gets_fewer_frames_and_the_same_picture() {
    let home = Home::new();
    for n in 0..6 {
        fs::write(
            home.catalogue().join(format!("service-{n:02}.yaml")),
            DEFINITION,
        )
        .unwrap();
    }
    let mut fast = home.start_with(&["--sandbox"]);
    let mut slow = home.start_with(&["--sandbox", "--max-bytes-per-second", "2000"]);
    for terminal in [&mut fast, &mut slow] {
        terminal.until("● live");
        terminal.until("service-05");
    }
    let n_bytes = |terminal: &Terminal| terminal.seen.0.lock().unwrap().bytes.len();
    let (began, before) = (Instant::now(), n_bytes(&slow));
    // Each of them changes most of the screen.
    for keys in ["2", "3", "5", "1"].repeat(15) {
        fast.press(keys);
        slow.press(keys);
        std::thread::sleep(Duration::from_millis(20));
    }
    slow.press("?");
    slow.until("of 2.0 KB/s allowed");
    let allowed = 2000.0 * (began.elapsed().as_secs_f64() + 1.0);
    let whole_frame = 8000.0;
    let n_sent = n_bytes(&slow) - before;
    assert!(
        (n_sent as f64) < allowed + whole_frame,
        "{n_sent} of {allowed}"
    );
    slow.press("\x1b");
    slow.until_screen("help is closed", |screen| {
        !screen.contents().contains("of 2.0 KB/s allowed")
    });
    for terminal in [&mut fast, &mut slow] {
        terminal.press("G");
        terminal.until("▸ web");
        terminal.until("[1 Pods]");
    }
    slow.press("q");
    slow.assert_ended(0);
    let report = Command::new(env!("CARGO_BIN_EXE_bowline"))
        .args(["--sandbox", "doctor"])
        .env("HOME", home.path("home"))
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(report.contains("Last session"), "{report}");
}
