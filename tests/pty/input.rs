//! What comes from the terminal: keys, pastes, the mouse, and answers that nobody asked for.

use std::fs;

use crate::driver::{DEFINITION, Home, Terminal};

#[test]
fn escape_sequences_of_keys_are_understood() {
    let home = Home::new();
    fs::write(home.catalogue().join("db.yaml"), DEFINITION).unwrap();
    let mut terminal = home.start();
    terminal.until("▸ db");
    // Down, F1, escape alone, the tab of the definition.
    terminal.press("\x1b[B");
    terminal.until("▸ web");
    terminal.press("\x1bOP");
    terminal.until("Open what is selected");
    terminal.press("\x1b");
    terminal.until_screen("help is closed", |screen| {
        !screen.contents().contains("Open what is selected")
    });
    terminal.press("6");
    terminal.until("image: nginx:1.27");
    // ^c ends the program too.
    terminal.press("\x03");
    terminal.assert_ended(0);
}

#[test]
fn bound_keys_hold_and_faults_in_the_settings_are_told() {
    let home = Home::new();
    let settings = "[keys]\nquit = \"Q\"\nhelp = \"q\"\n[theme]\nbad = \"redish\"\n";
    fs::write(home.path("settings.toml"), settings).unwrap();
    let mut terminal = home.start_with(&["--config", "settings.toml"]);
    terminal.until("settings.toml:5: ");
    terminal.press("\x1b");
    terminal.until_screen("no menu of faults", |screen| {
        !screen.contents().contains("settings.toml:5: ")
    });
    terminal.press("q");
    terminal.until("Open what is selected");
    terminal.press("\x1b");
    terminal.until_screen("no help", |screen| {
        !screen.contents().contains("Open what is selected")
    });
    terminal.press("Q");
    terminal.assert_ended(0);
}

/// What the terminal answers to questions that were never asked, the mouse of another program, focus.
#[test]
fn answers_and_reports_that_nobody_asked_for_are_no_keys() {
    let home = Home::new();
    let mut terminal = home.edit();
    for junk in [
        "\x1b[?62;22c",
        "\x1b[12;40R",
        "\x1b[I",
        "\x1b[O",
        "\x1b[<0;10;10M",
        "\x1b[<64;10;10M",
        "\x1b[M !!",
        "\x1b[99;99;99~",
    ] {
        terminal.press(junk);
    }
    terminal.press("# after\r");
    terminal.until("# after");
    terminal.press("\x13");
    terminal.until("Saved web.");
    let saved = fs::read_to_string(home.catalogue().join("web.yaml")).unwrap();
    assert_eq!(saved, format!("# after\n{DEFINITION}"));
}

/// A paste is what the terminal says is one; a mark of its end within it ends it, and what follows is typed, never obeyed.
#[test]
fn mark_within_a_paste_runs_no_command() {
    let home = Home::new();
    let mut terminal = home.edit();
    terminal.until_screen("that pastes are to be marked", |screen| {
        screen.bracketed_paste()
    });
    terminal.press("\x1b[200~# one\x1b[201~q\x1b[201~x\r");
    terminal.until("# oneqx");
    terminal.until("(modified)");
    // Outside of the editor a paste is nothing at all.
    terminal.press("\x13");
    terminal.until("Saved web.");
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("\x1b[200~nqx\r\x1b[201~");
    terminal.press("?");
    terminal.until("Open what is selected");
    terminal.press("\x1b");
    terminal.until_screen("help is closed", |screen| {
        !screen.contents().contains("Open what is selected")
    });
    terminal.press("q");
    terminal.assert_ended(0);
}

#[test]
fn mouse_is_taken_where_it_is_wanted_and_given_back() {
    let home = Home::new();
    fs::write(home.catalogue().join("db.yaml"), DEFINITION).unwrap();
    fs::write(home.path("settings.toml"), "[ui]\nmouse = true\n").unwrap();
    let mut terminal = home.start_with(&["--config", "settings.toml"]);
    terminal.until("▸ db");
    let mode = |terminal: &Terminal| {
        let seen = terminal.seen.0.lock().unwrap();
        seen.parser.screen().mouse_protocol_mode()
    };
    assert_eq!(mode(&terminal), vt100::MouseProtocolMode::PressRelease);
    // The row of web, by its place on the screen.
    let text = terminal.text();
    let row = text
        .lines()
        .position(|line| line.contains(" web "))
        .unwrap()
        + 1;
    terminal.press(&format!("\x1b[<0;6;{row}M\x1b[<0;6;{row}m"));
    terminal.until("▸ web");
    terminal.press("q");
    terminal.assert_ended(0);
    assert_eq!(mode(&terminal), vt100::MouseProtocolMode::None);
    // Who does not want it keeps the terminal's own selection.
    let terminal = home.start();
    terminal.until("▸ db");
    assert_eq!(mode(&terminal), vt100::MouseProtocolMode::None);
}

#[test]
fn first_steps_are_told_once() {
    let home = Home::new();
    fs::remove_file(home.state().join("hints")).unwrap();
    let mut terminal = home.start();
    terminal.until("First steps: ? shows every key");
    terminal.press("jkj");
    terminal.until("? help");
    terminal.press("q");
    terminal.assert_ended(0);
    let mut terminal = home.start();
    terminal.until("▸ web");
    terminal.until("? help");
    assert!(!terminal.text().contains("First steps"));
    terminal.press("q");
    terminal.assert_ended(0);
}
