//! The real program on a real terminal: what a person sees, what every way out leaves behind.
//!
//! A pseudo-terminal is read by a thread into a screen. Tests press keys and wait until the screen shows what is claimed;
//! nothing waits for time to pass. The kubeconfig names a port where nobody listens, unless a test says otherwise.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

#[path = "pty/live.rs"]
mod live;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

#[path = "pty/pictures.rs"]
mod pictures;

const DEFINITION: &str = "name: Web\ncontainers:\n  - name: main\n    image: nginx:1.27\n";
/// How long anything may take; far more than it does.
const WITHIN: Duration = Duration::from_secs(20);

/// A home of its own, with a catalogue that holds the definition `web`.
struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(home.catalogue()).unwrap();
        fs::write(home.catalogue().join("web.yaml"), DEFINITION).unwrap();
        let kubeconfig = "{apiVersion: v1, kind: Config, current-context: nowhere, \
             clusters: [{name: nowhere, cluster: {server: 'https://127.0.0.1:1'}}], \
             users: [{name: me, user: {token: t}}], \
             contexts: [{name: nowhere, context: {cluster: nowhere, user: me, namespace: team-a}}]}";
        fs::write(home.path("kubeconfig"), kubeconfig).unwrap();
        // Somebody who has been here before; the keys are in the last line.
        let state = home.state();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&state)
            .unwrap();
        let seen = bowline::app::HINTS.map(|(_, name, _)| name);
        fs::write(state.join("hints"), seen.join("\n") + "\n").unwrap();
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(state.join("hints"), private).unwrap();
        home
    }

    fn state(&self) -> PathBuf {
        self.path("home/.local/state/bowline")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn catalogue(&self) -> PathBuf {
        self.path("catalogue")
    }

    fn command(&self, program: &Path, args: &[&str]) -> CommandBuilder {
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.env_clear();
        for (name, value) in [
            ("HOME", self.path("home")),
            ("KUBECONFIG", self.path("kubeconfig")),
            ("TERM", "xterm-256color".into()),
            ("LANG", "C.UTF-8".into()),
            ("PATH", "/usr/bin:/bin".into()),
        ] {
            command.env(name, value);
        }
        command.cwd(self.dir.path());
        command
    }

    /// Starts the dashboard at 80x24.
    fn start(&self) -> Terminal {
        self.start_with(&[])
    }

    fn start_with(&self, args: &[&str]) -> Terminal {
        let catalogue = self.catalogue();
        let mut all = vec!["--catalogue", catalogue.to_str().unwrap()];
        all.extend(args);
        let program = Path::new(env!("CARGO_BIN_EXE_bowline"));
        Terminal::run(self.command(program, &all))
    }

    /// Starts the dashboard with the definition of web in its editor.
    fn edit(&self) -> Terminal {
        let mut terminal = self.start();
        terminal.until("web");
        terminal.press("e");
        terminal.until("image: nginx:1.27");
        terminal
    }

    /// Tells whether a draft of web's definition that holds a text is on disk.
    fn has_draft(&self, text: &str) -> bool {
        fn holds(dir: &Path, text: &str) -> bool {
            let Ok(entries) = fs::read_dir(dir) else {
                return false;
            };
            entries.flatten().any(|entry| {
                let path = entry.path();
                // A file that is still being written is no draft yet.
                let is_draft = path.extension().is_some_and(|ending| ending == "yaml");
                holds(&path, text)
                    || is_draft && fs::read_to_string(&path).is_ok_and(|t| t.contains(text))
            })
        }
        holds(&self.path("home"), text)
    }
}

/// What the reading thread and the test share.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    /// Whether the reading thread is to close the terminal with what it reads next.
    is_over: bool,
}

struct Terminal {
    master: Box<dyn MasterPty + Send>,
    /// The other side, held so that its modes can be looked at after the program.
    _slave: Box<dyn portable_pty::SlavePty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    modes_before: String,
}

fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

impl Terminal {
    fn run(command: CommandBuilder) -> Self {
        Self::run_sized(command, (80, 24))
    }

    fn run_sized(command: CommandBuilder, (columns, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let modes_before = modes(pair.master.as_ref());
        let parser = vt100::Parser::new(cells(rows), cells(columns), 0);
        let seen = Seen {
            parser,
            bytes: Vec::new(),
            is_over: false,
        };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let (shared, mut reader) = (Arc::clone(&seen), pair.master.try_clone_reader().unwrap());
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                let n = reader.read(&mut buffer).unwrap_or(0);
                let mut seen = shared.0.lock().unwrap();
                seen.parser.process(&buffer[..n]);
                seen.bytes.extend_from_slice(&buffer[..n]);
                shared.1.notify_all();
                if n == 0 || seen.is_over {
                    return;
                }
            }
        });
        let child = pair.slave.spawn_command(command).unwrap();
        Self {
            keyboard: pair.master.take_writer().unwrap(),
            master: pair.master,
            _slave: pair.slave,
            child,
            seen,
            modes_before,
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    fn text(&self) -> String {
        self.seen.0.lock().unwrap().parser.screen().contents()
    }

    /// Waits until the screen is as a test claims.
    fn until_screen(&self, claim: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + WITHIN;
        let mut seen = self.seen.0.lock().unwrap();
        while !holds(seen.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let text = seen.parser.screen().contents();
            assert!(!left.is_zero(), "never seen: {claim}\n{text}");
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    fn until(&self, text: &str) {
        self.until_screen(text, |screen| screen.contents().contains(text));
    }

    fn resize(&self, columns: u16, rows: u16) {
        let mut seen = self.seen.0.lock().unwrap();
        seen.parser
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        drop(seen);
        self.master.resize(size(columns, rows)).unwrap();
    }

    fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    fn exit_code(&mut self) -> u32 {
        let deadline = Instant::now() + WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "still running\n{}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asserts that the program ended so and left the terminal as it was.
    fn assert_ended(&mut self, code: u32) {
        assert_eq!(self.exit_code(), code, "{}", self.text());
        self.until_screen("the screen of before", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
        assert_eq!(modes(self.master.as_ref()), self.modes_before);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Whatever a failed test leaves.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn modes(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

#[test]
fn starts_without_a_server_shows_what_it_has_and_leaves_the_terminal_as_it_was() {
    let home = Home::new();
    let mut terminal = home.start();
    terminal.until("web");
    terminal.until("Connection refused");
    assert_ne!(modes(terminal.master.as_ref()), terminal.modes_before);
    terminal.press("q");
    terminal.assert_ended(0);
}

/// The main job, from a template to nothing left, in the cluster inside the process.
#[test]
fn whole_story_is_told_by_keyboard() {
    let home = Home::new();
    let mut terminal = home.start_with(&["--sandbox"]);
    terminal.until("● live");
    terminal.press("n");
    terminal.until("New definition from");
    terminal.press("\r");
    terminal.until("Name of the definition");
    terminal.press("site\r");
    terminal.until("site.yaml");
    terminal.until("no problems");
    // To the end of the text; a fault is shown while it is typed, and gone with undo.
    terminal.press("\x1b[1;5F\x1b[200~volume: []\n\x1b[201~");
    terminal.until("1 error");
    terminal.until("did you mean `volumes`?");
    terminal.press("\x12");
    terminal.until("Not possible: the definition has errors");
    terminal.press("\x15");
    terminal.until("no problems");
    terminal.press("\x1b[200~config: {LEVEL: info}\n\x1b[201~");
    terminal.until("LEVEL");
    terminal.press("\x12");
    terminal.until("Plan: site r1");
    terminal.until("create  ConfigMap/site-config");
    terminal.press("\r");
    terminal.until("Apply site?");
    terminal.press("\r");
    terminal.until("Done.");
    terminal.until("● Ready");
    // What leaves the definition is pruned.
    terminal.press("\x1b");
    terminal.until("site.yaml");
    terminal.press("\x15");
    terminal.until_screen("the text without config", |s| {
        !s.contents().contains("LEVEL")
    });
    terminal.press("\x12");
    terminal.until("Plan: site r2");
    terminal.until("delete  ConfigMap/site-config  it left the definition");
    terminal.press("\r");
    terminal.until("Apply site?");
    terminal.press("\r");
    terminal.until("delete ConfigMap/site-config");
    terminal.until("Done.");
    terminal.press("\x1b");
    terminal.until("site.yaml");
    terminal.press("\x1b");
    terminal.until("▸ site");
    terminal.press("1");
    terminal.until("Running");
    terminal.press("x");
    terminal.until("Teardown: site");
    terminal.until("Deployment/site ");
    terminal.press("x");
    terminal.until("Take down site?");
    terminal.press("j\r");
    terminal.until("Done.");
    terminal.press("\x1b");
    terminal.until("in the catalogue, not deployed");
    terminal.press("q");
    terminal.assert_ended(0);
}

/// Waits for the plan that knows the secret: the one before stands behind the question, and says that it has none.
fn until_planned(terminal: &Terminal) {
    terminal.until_screen("the plan with the secret", |screen| {
        let text = screen.contents();
        text.contains("create  Secret/shop-secret") && !text.contains("refused")
    });
}

/// What there is to do with a service that runs, from its secret to its return from the trash.
#[test]
fn life_of_a_service_is_led_by_keyboard() {
    let home = Home::new();
    let text = "containers:\n  - name: main\n    image: nginx:1.27\n    env:\n      \
                - {name: TOKEN, fromSecret: token}\nsecrets:\n  token: {prompt: \"Token\"}\n";
    fs::write(home.catalogue().join("shop.yaml"), text).unwrap();
    let mut terminal = home.start_with(&["--sandbox"]);
    terminal.until("● live");
    terminal.press("/shop\r");
    terminal.until("▸ shop");
    // The secret is typed into a field that does not show it.
    terminal.press("a");
    terminal.until("It is not shown.");
    terminal.press("hunter2");
    terminal.until("> *******");
    terminal.press("\r");
    until_planned(&terminal);
    terminal.press("\r");
    terminal.until("Apply shop  to sandbox ▸ default");
    terminal.press("\r");
    terminal.until("Deploy of shop: done.");
    // One more replica, then new pods.
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("+");
    terminal.until("1 to 2 replicas");
    terminal.press("\r");
    terminal.until("Scale shop to 2?");
    terminal.press("\r");
    terminal.until("Scale of shop: done.");
    terminal.press("\x1b");
    terminal.until("▸ shop");
    terminal.press("r");
    terminal.until("restart of 2 replicas");
    terminal.press("\r\r");
    terminal.until("Restart of shop: done.");
    terminal.press("\x1b");
    terminal.until("▸ shop");
    // Logs of both pods, and only some of their lines.
    terminal.press("l");
    terminal.until("main: ready");
    terminal.press("/start.*1\\.27\r");
    terminal.until("match /start");
    terminal.press("\x13");
    terminal.until("Save the log");
    terminal.press("\r");
    terminal.until("Saved /");
    let saved = fs::read_to_string(home.path("shop.log")).unwrap();
    assert!(
        saved
            .lines()
            .all(|line| line.contains("starting (nginx:1.27)"))
    );
    terminal.press("\x1b");
    terminal.until("┌ Services");
    // Another revision, and back to the first.
    let newer = text.replace("1.27", "1.28");
    fs::write(home.catalogue().join("shop.yaml"), newer).unwrap();
    terminal.press("a");
    terminal.until("It is not shown.");
    terminal.press("\r");
    terminal.until("image: nginx:1.28");
    terminal.press("\r");
    terminal.until("Apply shop?");
    terminal.press("\r");
    terminal.until("Deploy of shop: done.");
    terminal.press("\x1b");
    terminal.until("▸ shop");
    terminal.press("7");
    terminal.until("r2  current");
    terminal.press("\t");
    terminal.until("what it changed");
    terminal.press("\r");
    terminal.until("shop: r1 to r2");
    terminal.until("+     image: nginx:1.28");
    terminal.press("\x1b");
    terminal.until("what it changed");
    terminal.press("ju");
    terminal.until("back to r1, as a new revision");
    terminal.until("It is not shown.");
    terminal.press("\r");
    terminal.until("update  Deployment/shop");
    terminal.press("\r");
    terminal.until("Roll shop back to r1  in sandbox ▸ default");
    terminal.press("\r");
    terminal.until("Rollback of shop: done.");
    terminal.press("\x1b");
    terminal.until("r3  current");
    // Down, and out of the trash again.
    terminal.press("x");
    terminal.until("Teardown: shop");
    terminal.until("ConfigMap/bowline-shop ");
    terminal.press("xj\r");
    terminal.until("Teardown of shop: done. z puts it back.");
    terminal.press("U");
    terminal.until("default r3, taken down");
    terminal.press("\r");
    terminal.until("Put back: shop");
    terminal.until("It is not shown.");
    terminal.press("hunter3\r");
    until_planned(&terminal);
    terminal.press("\r");
    terminal.until("Put shop back  to sandbox ▸ default");
    terminal.press("\r");
    terminal.until("Restore of shop: done.");
    // All of it as commands, and the secret nowhere.
    terminal.press("\x1b");
    terminal.until("Teardown of shop in default");
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("@");
    for command in [
        "deploy shop",
        "scale shop 2",
        "restart shop",
        "logs shop -f",
        "rollback shop --to 1",
        "restore shop",
    ] {
        terminal.until(&format!("bowline --sandbox -n default {command}"));
    }
    let seen = terminal.seen.0.lock().unwrap();
    let bytes = String::from_utf8_lossy(&seen.bytes).into_owned();
    drop(seen);
    assert!(!bytes.contains("hunter"));
    terminal.press("q");
    terminal.assert_ended(0);
}

/// Several services at once, what is under way, what others changed, and taking things back.
#[test]
fn several_services_are_led_at_once_and_deeds_are_taken_back() {
    let home = Home::new();
    let text = "replicas: 1\ncontainers:\n  - name: main\n    image: nginx:1.27\n";
    for name in ["zz-one", "zz-two"] {
        fs::write(home.catalogue().join(format!("{name}.yaml")), text).unwrap();
    }
    let mut terminal = home.start_with(&["--sandbox"]);
    terminal.until("● live");
    terminal.press("/zz-\r");
    terminal.until("▸ zz-one");
    terminal.press("  a");
    terminal.until("Plan: 2 services");
    terminal.until_screen("both are planned", |screen| {
        screen.contents().matches("1 to create").count() == 2
    });
    terminal.press("a");
    terminal.until("Apply zz-one, zz-two?");
    terminal.press("y");
    terminal.until_screen("both are done", |screen| {
        screen.contents().matches("Done.").count() == 2
    });
    terminal.press("\x1b");
    terminal.until("▸ zz-two");
    terminal.press("P");
    terminal.until_screen("both are listed", |screen| {
        screen.contents().matches("took").count() == 2
    });
    terminal.press("\r");
    terminal.until("Progress");
    terminal.press("\x1b");
    terminal.until("┌ Operations");
    terminal.press("\x1b");
    terminal.until("▸ zz-two");
    terminal.press("k");
    terminal.until("▸ zz-one");
    // What is not as the definition says comes into it, and goes again.
    terminal.press("+");
    terminal.until("1 to 2 replicas");
    terminal.press("\ry");
    terminal.until("Scale of zz-one: done.");
    terminal.press("\x1b");
    terminal.until("▸ zz-one");
    terminal.press("Y");
    terminal.until("+ replicas: 2");
    terminal.press("\r");
    terminal.until("Write this into zz-one?");
    terminal.press("y");
    terminal.until("z takes it back.");
    let file = home.catalogue().join("zz-one.yaml");
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        text.replace("replicas: 1", "replicas: 2")
    );
    terminal.press("z");
    terminal.until("zz-one is as it was before the pull.");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    terminal.press("I");
    terminal.until("It has no routes.");
    terminal.press("\x1b");
    terminal.until("▸ zz-one");
    // Down, and back by the key that is told.
    terminal.press("x");
    terminal.until("ConfigMap/bowline-zz-one ");
    terminal.press("xy");
    terminal.until("Teardown of zz-one: done. z puts it back.");
    terminal.press("z");
    terminal.until("Put back: zz-one");
    terminal.until("create  Deployment/zz-one");
    terminal.press("\r");
    terminal.until("Put zz-one back?");
    terminal.press("y");
    terminal.until("Restore of zz-one: done.");
    terminal.press("\x1b");
    terminal.until("Teardown of zz-one in default");
    terminal.press("\x1b");
    terminal.until("┌ Services");
    // What somebody else writes into the catalogue is seen without a key.
    fs::write(home.catalogue().join("zz-new.yaml"), text).unwrap();
    terminal.until("zz-new");
    terminal.press("q");
    terminal.assert_ended(0);
}

/// A server that takes connections and says nothing holds nobody up.
#[test]
fn silent_cluster_is_left_for_another_without_waiting() {
    let home = Home::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap();
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&accepted);
    std::thread::spawn(move || {
        for stream in silent.incoming().flatten() {
            kept.lock().unwrap().push(stream);
        }
    });
    let kubeconfig = format!(
        "{{apiVersion: v1, kind: Config, current-context: silent, \
          clusters: [{{name: silent, cluster: {{server: 'http://{at}'}}}}, \
                     {{name: other, cluster: {{server: 'http://{at}'}}}}], \
          users: [{{name: me, user: {{}}}}], \
          contexts: [{{name: silent, context: {{cluster: silent, user: me, namespace: team-a}}}}, \
                     {{name: other, context: {{cluster: other, user: me, namespace: team-b}}}}]}}"
    );
    fs::write(home.path("kubeconfig"), kubeconfig).unwrap();
    let mut terminal = home.start();
    terminal.until("bowline  silent ▸ team-a");
    terminal.until("connecting");
    let begun = Instant::now();
    // Keys are answered all the time.
    terminal.press("c");
    terminal.until("team-b");
    terminal.press("other\r");
    terminal.until("bowline  other ▸ team-b");
    terminal.press("N");
    terminal.until("another namespace");
    terminal.press("all\r");
    terminal.until("bowline  other ▸ all namespaces");
    terminal.press("c");
    terminal.until("team-a");
    terminal.press("silent\r");
    terminal.until("bowline  silent ▸ team-a");
    // A deadline of the network is ten seconds: none was waited for.
    assert!(begun.elapsed() < Duration::from_secs(8));
    assert!(!accepted.lock().unwrap().is_empty());
    terminal.press("q");
    terminal.assert_ended(0);
}

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
fn faults_are_shown_as_they_are_typed_and_paste_is_one_step() {
    let home = Home::new();
    let mut terminal = home.edit();
    terminal.until("no problems");
    terminal.press("\x1b[200~replicas: many\nvolumeMount: []\n\x1b[201~");
    terminal.until("2 errors");
    terminal.until("`replicas` must be a whole number");
    terminal.press("\x15");
    terminal.until("no problems");
    terminal.press("replicas: 2\r");
    terminal.until("(modified)");
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
    terminal.until_screen("a frame of 119x24", |screen| {
        let corner = screen.cell(22, 118).map(|cell| cell.contents().to_owned());
        corner.as_deref() == Some("┘")
    });
    terminal.press("q");
    terminal.assert_ended(0);
}

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
fn unsaved_typing_survives_a_signal_and_is_offered_again() {
    let home = Home::new();
    let mut terminal = home.edit();
    terminal.press("# typed just now\r");
    terminal.until("(modified)");
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
    terminal.press("# typed before\r");
    terminal.until("(modified)");
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
fn terminal_that_is_gone_ends_the_program() {
    let home = Home::new();
    let terminal = home.edit();
    ends_when_hung_up(terminal, &home);
}

/// Types into an open editor, closes the terminal, and looks for the end of the program and for what was typed.
fn ends_when_hung_up(mut terminal: Terminal, home: &Home) {
    terminal.press("# hung up\r");
    terminal.until("(modified)");
    let mut child = std::mem::replace(&mut terminal.child, Box::new(Gone));
    // All ends of this side are closed, as an SSH session that drops closes them.
    terminal.seen.0.lock().unwrap().is_over = true;
    let pid = child.process_id().unwrap().to_string();
    drop(terminal);
    // Told that it goes on after a stop, the program draws, and the reading thread wakes for the last time.
    let told = Command::new("kill").args(["-s", "CONT", &pid]).status();
    assert!(told.unwrap().success());
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

/// Set for the process that [`panic_leaves_the_terminal_as_it_was`] starts: where its catalogue and state are.
const PANICKING: &str = "BOWLINE_TEST_PANICKING";

/// Not a test by itself: the dashboard beside something that panics on its thread.
#[test]
fn dashboard_beside_a_panic() {
    let Some(dir) = std::env::var_os(PANICKING).map(PathBuf::from) else {
        return;
    };
    use bowline::catalogue::{Catalogue, drafts::Drafts};
    let _log = bowline::log::start(&dir.join("home")).unwrap();
    let start = bowline::runtime::Start {
        settings: Default::default(),
        catalogue: Catalogue::at(dir.join("catalogue")),
        drafts: Drafts::of(&dir.join("home"), &dir.join("catalogue")),
        trash: bowline::catalogue::trash::Trash::of(&dir.join("home"), true),
        connect: Arc::new(|_| Box::pin(std::future::pending())),
        contexts: Arc::new(|| Ok(Vec::new())),
        context: None,
        is_sandbox: false,
        open: Some("web".parse().unwrap()),
        holder: "somebody".to_owned(),
        theme: Default::default(),
        keymap: Default::default(),
        cache: std::path::PathBuf::from("/nonexistent"),
        faults: Vec::new(),
        state: None,
    };
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
    let args = ["--exact", "dashboard_beside_a_panic", "--nocapture"];
    let mut command = home.command(&this, &args);
    command.env(PANICKING, home.dir.path());
    command.env("TOKEN", "c4n4ry");
    command.env("BOWLINE_LOG", "trace");
    let mut terminal = Terminal::run(command);
    terminal.until("image: nginx:1.27");
    terminal.press("# typed just now\r");
    terminal.until("(modified)");
    fs::write(home.path("now"), "").unwrap();
    assert_eq!(terminal.exit_code(), 101);
    terminal.until("something broke down at tests/pty.rs");
    let said = terminal.text();
    terminal.assert_ended(101);
    assert!(home.has_draft("# typed just now"));
    let log = fs::read_dir(home.path("home/log")).unwrap();
    let log: String = log
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert!(
        log.contains("something broke down at tests/pty.rs"),
        "{log}"
    );
    for told in [said, log] {
        assert!(!told.contains("c4n4ry"), "{told}");
    }
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
    terminal.press("# typed here\r");
    terminal.until("(modified)");
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
    terminal.press("# typed here\r");
    terminal.until("(modified)");
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

#[test]
fn signals_while_another_editor_has_the_terminal_lose_nothing() {
    let home = Home::new();
    let mut terminal = edit_with(&home, "echo edits; while sleep 0.1; do :; done\n");
    terminal.press("# typed here\r");
    terminal.until("(modified)");
    terminal.press("\x05");
    terminal.until("edits");
    // Neither is for the dashboard: the other program has the keyboard.
    terminal.signal("INT");
    terminal.signal("QUIT");
    terminal.signal("TERM");
    assert_eq!(terminal.exit_code(), 128 + 15);
    assert!(home.has_draft("# typed here"));
}

#[test]
fn file_changed_by_somebody_else_is_merged_and_only_then_saved() {
    let home = Home::new();
    let mut terminal = home.edit();
    terminal.press("# mine\r");
    terminal.until("(modified)");
    let theirs = DEFINITION.replace("1.27", "1.28");
    fs::write(home.catalogue().join("web.yaml"), &theirs).unwrap();
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

// What is survived of the terminal and the process: docs/reliability.md.

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
    terminal.until_screen("a frame of 80x24", |screen| {
        let corner = screen.cell(22, 79).map(|cell| cell.contents().to_owned());
        corner.as_deref() == Some("┘") && screen.contents().contains("Services")
    });
    terminal.press("q");
    terminal.assert_ended(0);
}

/// As `nohup` starts it: the signal never comes, and only the terminal itself is gone.
#[test]
fn terminal_that_is_gone_ends_the_program_though_the_signal_is_ignored() {
    let home = Home::new();
    let catalogue = home.catalogue();
    let script = format!(
        "trap '' HUP; exec '{}' --catalogue '{}'",
        env!("CARGO_BIN_EXE_bowline"),
        catalogue.display()
    );
    let mut terminal = Terminal::run(home.command(Path::new("/bin/sh"), &["-c", &script]));
    terminal.until("web");
    terminal.press("e");
    terminal.until("image: nginx:1.27");
    ends_when_hung_up(terminal, &home);
}

/// A terminal whose other side does not read: stopped with ^s, a lid that is closed.
#[test]
fn terminal_that_does_not_read_does_not_hold_up_the_end() {
    let home = Home::new();
    let mut terminal = home.edit();
    terminal.press("# not drawn any more\r");
    terminal.until("(modified)");
    // The reading thread ends with what it reads next; from then on nobody does.
    terminal.seen.0.lock().unwrap().is_over = true;
    for n in 0..40 {
        terminal
            .master
            .resize(size(100 + n % 2 * 50, 40 + n % 2 * 10))
            .unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    let began = Instant::now();
    terminal.signal("TERM");
    assert_eq!(terminal.exit_code(), 128 + 15);
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    assert!(home.has_draft("# not drawn any more"));
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

#[test]
fn two_sessions_that_save_the_same_definition_lose_nothing() {
    let home = Home::new();
    let (mut first, mut second) = (home.edit(), home.edit());
    first.press("# first\r");
    first.until("(modified)");
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
    let catalogue = home.catalogue();
    // Blocks of 512 bytes; a signal would end the program where it is not ignored.
    let script = format!(
        "trap '' XFSZ; ulimit -f 2; exec '{}' --catalogue '{}' 2>/dev/null",
        env!("CARGO_BIN_EXE_bowline"),
        catalogue.display()
    );
    let mut terminal = Terminal::run(home.command(Path::new("/bin/sh"), &["-c", &script]));
    terminal.until("web");
    terminal.press("e");
    terminal.until("image: nginx:1.27");
    terminal.press("# typed\r");
    terminal.until("(modified)");
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
    assert_eq!(
        files
            .iter()
            .filter(|name| name.to_string_lossy().contains("tmp"))
            .count(),
        0
    );
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
    terminal.press("# typed\r");
    terminal.until("(modified)");
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
    terminal.until("web");
    terminal.press("e");
    terminal.until("image: nginx:1.27");
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
    for _ in 0..60 {
        fast.press("j");
        slow.press("j");
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
    let selected = |screen: &vt100::Screen| {
        let text = screen.contents();
        text.lines()
            .find(|line| line.contains("▸ ") && !line.contains("bowline"))
            .map(|line| line.chars().take(20).collect::<String>())
    };
    fast.until_screen("the last row", |screen| selected(screen).is_some());
    let last = selected(fast.seen.0.lock().unwrap().parser.screen());
    slow.until_screen("the same row", |screen| selected(screen) == last);
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
