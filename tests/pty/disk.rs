//! A disk that cannot be written, files that others must not read, names that are no text.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::driver::{DEFINITION, Home, Terminal};

/// A state directory that is none: everything works but what is kept there, and that is said.
#[test]
fn state_that_cannot_be_kept_is_told_and_keeps_nobody_from_work() {
    let home = Home::new();
    fs::remove_dir_all(home.state()).unwrap();
    fs::write(home.state(), "no directory").unwrap();
    let mut terminal = home.edit();
    terminal.press("# typed\r");
    terminal.until("Unsaved edits are not kept:");
    terminal.press("\x13");
    terminal.until("Saved web.");
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("q");
    terminal.assert_ended(0);
}

/// No file can grow: the text stays in the editor, the file as it was, and the error is named.
#[test]
fn disk_without_room_loses_neither_the_text_nor_the_file() {
    let home = Home::new();
    let big = format!("{DEFINITION}# {}\n", "x".repeat(4000));
    fs::write(home.catalogue().join("web.yaml"), &big).unwrap();
    // Blocks of 512 bytes; a signal would end the program where it is not ignored.
    let script = r#"trap '' XFSZ; ulimit -f 2; exec "$@" 2>/dev/null"#;
    let mut terminal = home.start_in_script(script);
    terminal.edit_web();
    terminal.type_line("# typed");
    terminal.press("\x13");
    terminal.until("cannot write");
    terminal.until("# typed");
    terminal.until("(modified)");
    assert_eq!(
        fs::read_to_string(home.catalogue().join("web.yaml")).unwrap(),
        big
    );
    terminal.press("\x1b");
    terminal.until("Leave without saving");
    terminal.press("jj\r");
    terminal.until("┌ Services");
    terminal.press("q");
    terminal.assert_ended(0);
    let files: Vec<_> = fs::read_dir(home.catalogue())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    let is_left_over = |name: &std::ffi::OsString| name.to_string_lossy().contains("tmp");
    assert!(!files.iter().any(is_left_over), "{files:?}");
}

#[test]
fn what_is_kept_is_for_its_user_alone_whatever_the_umask() {
    let home = Home::new();
    let catalogue = home.path("home/.local/share/bowline/catalogue");
    let script = format!(
        "umask 000; exec '{}' edit web",
        env!("CARGO_BIN_EXE_bowline")
    );
    fs::create_dir_all(&catalogue).unwrap();
    fs::write(catalogue.join("web.yaml"), DEFINITION).unwrap();
    let mut command = home.command(Path::new("/bin/sh"), &["-c", &script]);
    command.env("EDITOR", "true");
    let mut terminal = Terminal::run(command);
    terminal.until("image: nginx:1.27");
    terminal.type_line("# typed");
    terminal.press("\x05");
    terminal.until("The text is as it was");
    terminal.signal("TERM");
    terminal.assert_ended(128 + 15);
    assert!(home.has_draft("# typed"));
    let mut kept = Vec::new();
    let mut dirs = vec![home.path("home/.local/state")];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mode = metadata.permissions().mode() & 0o777;
            // A log is made as the umask says, in a directory that is closed.
            let is_log = path.parent().is_some_and(|dir| dir.ends_with("log"));
            assert!(
                mode & 0o077 == 0 || is_log,
                "{} has {mode:o}",
                path.display()
            );
            if metadata.is_dir() {
                dirs.push(path.clone());
            }
            kept.push(path);
        }
    }
    assert!(kept.len() > 3, "{kept:?}");
}

#[test]
fn names_that_are_not_utf8_are_told_and_end_nothing() {
    use std::os::unix::ffi::OsStrExt;
    let home = Home::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.yaml");
    fs::write(home.catalogue().join(name), DEFINITION).unwrap();
    let mut command = home.command(
        Path::new(env!("CARGO_BIN_EXE_bowline")),
        &["--catalogue", "catalogue"],
    );
    command.env("BOWLINE_NAMESPACE", "team-a");
    command.env("EDITOR", std::ffi::OsStr::from_bytes(b"\xff"));
    let mut terminal = Terminal::run(command);
    terminal.edit_web();
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("q");
    terminal.assert_ended(0);
    let refused = Command::new(env!("CARGO_BIN_EXE_bowline"))
        .env("HOME", home.path("home"))
        .arg(std::ffi::OsStr::from_bytes(b"\xff\xfe"))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
}
