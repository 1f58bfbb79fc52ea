//! The driver: a home of one's own, the program on a terminal, keys that are pressed and a screen that is waited for.
//!
//! A wait ends when the screen shows what is claimed, or fails at a deadline that is far off. Time passes only between keys or
//! sizes that are to come one by one.

use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// What most tests edit.
pub const DEFINITION: &str = "name: Web\ncontainers:\n  - name: main\n    image: nginx:1.27\n";
/// How long anything may take; far more than it does.
pub const WITHIN: Duration = Duration::from_secs(20);

/// A home of its own, with a catalogue that holds the definition `web`.
pub struct Home {
    pub dir: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
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
        let seen = bowline::app::HINTS.map(|(_, name, ..)| name);
        fs::write(state.join("hints"), seen.join("\n") + "\n").unwrap();
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(state.join("hints"), private).unwrap();
        home
    }

    pub fn state(&self) -> PathBuf {
        self.path("home/.local/state/bowline")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn catalogue(&self) -> PathBuf {
        self.path("catalogue")
    }

    pub fn command(&self, program: &Path, args: &[&str]) -> CommandBuilder {
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
    pub fn start(&self) -> Terminal {
        self.start_with(&[])
    }

    pub fn start_with(&self, args: &[&str]) -> Terminal {
        let catalogue = self.catalogue();
        let mut all = vec!["--catalogue", catalogue.to_str().unwrap()];
        all.extend(args);
        let program = Path::new(env!("CARGO_BIN_EXE_bowline"));
        Terminal::run(self.command(program, &all))
    }

    /// Starts the dashboard from a script of the shell, whose `"$@"` is the program with its arguments.
    pub fn start_in_script(&self, script: &str) -> Terminal {
        let catalogue = self.catalogue();
        let (program, catalogue) = (env!("CARGO_BIN_EXE_bowline"), catalogue.to_str().unwrap());
        let args = ["-c", script, "sh", program, "--catalogue", catalogue];
        Terminal::run(self.command(Path::new("/bin/sh"), &args))
    }

    /// Starts the dashboard with the definition of web in its editor.
    pub fn edit(&self) -> Terminal {
        let mut terminal = self.start();
        terminal.edit_web();
        terminal
    }

    /// Waits until a file is there.
    pub fn until_there(&self, name: &str) {
        let deadline = Instant::now() + WITHIN;
        while !self.path(name).exists() {
            assert!(Instant::now() < deadline, "{name} never comes");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Tells whether a draft of web's definition that holds a text is on disk.
    pub fn has_draft(&self, text: &str) -> bool {
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
pub struct Seen {
    pub parser: vt100::Parser,
    pub bytes: Vec<u8>,
    /// Whether the reading thread is to close the terminal with what it reads next.
    pub is_over: bool,
}

/// The program, the terminal that it runs on, and what is seen there.
pub struct Terminal {
    pub master: Box<dyn MasterPty + Send>,
    /// The other side, held so that its modes can be looked at after the program.
    _slave: Box<dyn portable_pty::SlavePty + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    pub seen: Arc<(Mutex<Seen>, Condvar)>,
    pub modes_before: String,
}

fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

pub fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

impl Terminal {
    pub fn run(command: CommandBuilder) -> Self {
        Self::run_sized(command, (80, 24))
    }

    pub fn run_sized(command: CommandBuilder, (columns, rows): (u16, u16)) -> Self {
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

    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Types a line into the editor, and waits until it stands there: that the text is modified is told by its first key.
    pub fn type_line(&mut self, line: &str) {
        self.press(&format!("{line}\r"));
        self.until(line);
    }

    pub fn text(&self) -> String {
        self.seen.0.lock().unwrap().parser.screen().contents()
    }

    /// Waits until the screen is as a test claims.
    pub fn until_screen(&self, claim: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + WITHIN;
        let mut seen = self.seen.0.lock().unwrap();
        while !holds(seen.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let text = seen.parser.screen().contents();
            assert!(!left.is_zero(), "never seen: {claim}\n{text}");
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    pub fn until(&self, text: &str) {
        self.until_screen(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the frame of the panes ends at the last of so many columns, in 24 rows.
    pub fn until_framed(&self, columns: u16) {
        self.until_screen(&format!("a frame of {columns}x24"), |screen| {
            let corner = screen.cell(22, columns - 1);
            corner.is_some_and(|cell| cell.contents() == "┘")
        });
    }

    /// Waits until a text stands so many times on the screen.
    pub fn until_times(&self, text: &str, n_times: usize) {
        self.until_screen(&format!("{text} {n_times} times"), |screen| {
            screen.contents().matches(text).count() == n_times
        });
    }

    /// Opens the definition of web in its editor, from the services.
    pub fn edit_web(&mut self) {
        self.until("web");
        self.press("e");
        self.until("image: nginx:1.27");
    }

    /// Scales what is selected and runs once to two replicas.
    pub fn scale_to_two(&mut self, id: &str) {
        self.press("+");
        self.until("1 to 2 replicas");
        self.press("\r");
        self.until(&format!("Scale {id} to 2?"));
        self.press("y");
        self.until(&format!("Scale of {id}: done."));
        self.press("\x1b");
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let mut seen = self.seen.0.lock().unwrap();
        seen.parser
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        drop(seen);
        self.master.resize(size(columns, rows)).unwrap();
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    pub fn exit_code(&mut self) -> u32 {
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
    pub fn assert_ended(&mut self, code: u32) {
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

/// The modes of a terminal, to be compared.
pub fn modes(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios().unwrap())
}
