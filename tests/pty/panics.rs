//! A panic beside the dashboard: what is left of the terminal, the text and the log.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bowline::catalogue::{Catalogue, drafts::Drafts};

use crate::driver::{Home, Terminal};

/// Set for the process that the test below starts: where its catalogue and state are.
const PANICKING: &str = "BOWLINE_TEST_PANICKING";

/// Returns what the dashboard needs to edit web in a directory, without any cluster.
pub fn start_in(dir: &Path) -> bowline::runtime::Start {
    bowline::runtime::Start {
        settings: Default::default(),
        catalogue: Catalogue::at(dir.join("catalogue")),
        drafts: Drafts::of(&dir.join("home"), &dir.join("catalogue")),
        trash: bowline::catalogue::trash::Trash::of(&dir.join("home"), true),
        applied: bowline::catalogue::applied::AppliedTexts::of(&dir.join("home"), true),
        connect: Arc::new(|_| Box::pin(std::future::pending())),
        contexts: Arc::new(|| Ok(Vec::new())),
        context: None,
        is_sandbox: false,
        invocation: Default::default(),
        open: Some("web".parse().unwrap()),
        holder: "somebody".to_owned(),
        theme: Default::default(),
        keymap: Default::default(),
        cache: PathBuf::from("/nonexistent"),
        namespace: None,
        faults: Vec::new(),
        state: None,
    }
}

/// Not a test by itself: the dashboard beside something that panics on its thread.
#[test]
fn dashboard_beside_a_panic() {
    let Some(dir) = std::env::var_os(PANICKING).map(PathBuf::from) else {
        return;
    };
    let _log = bowline::log::start(&dir.join("home")).unwrap();
    let start = start_in(&dir);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let panics = async {
        while !dir.join("now").exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What a panic says may quote anything.
        let secret = std::env::var("TOKEN").unwrap();
        let beside = std::thread::spawn({
            let secret = secret.clone();
            move || assert!(secret.is_empty(), "{secret}")
        });
        drop(beside.join());
        panic!("on purpose: {secret}");
    };
    runtime.block_on(async {
        tokio::select! {
            ended = bowline::runtime::run(start) => drop(ended),
            () = panics => {}
        }
    });
}

#[test]
fn panic_leaves_the_terminal_as_it_was_and_keeps_what_was_typed() {
    let home = Home::new();
    let this = std::env::current_exe().unwrap();
    let args = ["--exact", "panics::dashboard_beside_a_panic", "--nocapture"];
    let mut command = home.command(&this, &args);
    command.env(PANICKING, home.dir.path());
    command.env("TOKEN", "c4n4ry");
    command.env("BOWLINE_LOG", "trace");
    let mut terminal = Terminal::run(command);
    terminal.until("image: nginx:1.27");
    terminal.type_line("# typed just now");
    fs::write(home.path("now"), "").unwrap();
    assert_eq!(terminal.exit_code(), 101);
    terminal.until("something broke down at tests/pty/panics.rs");
    let said = terminal.text();
    terminal.assert_ended(101);
    assert!(home.has_draft("# typed just now"));
    let log = fs::read_dir(home.path("home/log")).unwrap();
    let log: String = log
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert!(
        log.contains("something broke down at tests/pty/panics.rs"),
        "{log}"
    );
    for told in [said, log] {
        assert!(!told.contains("c4n4ry"), "{told}");
    }
}
