//! Running the program in a home of its own: arguments in, exit code and both outputs out.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Once, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tempfile::TempDir;

/// A run that is not done by then hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// A service that becomes ready.
pub(crate) const WEB: &str = "\
containers:
  - name: nginx
    image: nginx:1.27
    ports: [{name: http, port: 80}]
replicas: 1
";

/// A service with a volume.
pub(crate) const DB: &str = "\
containers:
  - name: postgres
    image: postgres:16
    ports: [{name: sql, port: 5432}]
    volumeMounts: [{name: data, mountPath: /data}]
volumes:
  - {name: data, size: 1Gi}
replicas: 1
";

/// Where one user's files are, and nobody else's.
pub(crate) struct Home {
    dir: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn catalogue(&self) -> PathBuf {
        self.path().join("data/bowline/catalogue")
    }

    /// Writes a file below the home and returns its path.
    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Saves a definition in the catalogue.
    pub(crate) fn save(&self, name: &str, text: &str) -> PathBuf {
        self.write(&format!("data/bowline/catalogue/{name}.yaml"), text)
    }

    /// Returns every file below the home with what is in it; the lock of a catalogue says who was last, and nothing else.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut dirs = vec![self.path().to_owned()];
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else if !path.ends_with(".bowline.lock") {
                    let bytes = std::fs::read(&path).unwrap();
                    files.insert(path, bytes);
                }
            }
        }
        files
    }

    /// The environment that the program gets: nothing of the one that the tests run in.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let below = |dir: &str| self.path().join(dir).display().to_string();
        [
            ("HOME", below("")),
            ("XDG_CONFIG_HOME", below("config")),
            ("XDG_DATA_HOME", below("data")),
            ("XDG_STATE_HOME", below("state")),
            ("LANG", "C.UTF-8".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("USER", "tester".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    pub(crate) fn bowline(&self, args: &[&str]) -> Run {
        let mut command = Command::new(PROGRAM);
        command.args(args).env_clear().envs(self.environment());
        command.current_dir(self.path());
        Run {
            command,
            input: String::new(),
        }
    }
}

/// The binary under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_bowline");

/// A run that is being prepared.
pub(crate) struct Run {
    command: Command,
    input: String,
}

impl Run {
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn input(mut self, text: &str) -> Self {
        text.clone_into(&mut self.input);
        self
    }

    /// Lets it be where the memory of a crash is written, as far as this machine allows.
    #[cfg(target_os = "linux")]
    pub(crate) fn where_crashes_are_written(self) -> Self {
        self.behind("ulimit -S -c \"$(ulimit -H -c)\"")
    }

    /// Runs it as `nohup` does: hang-ups are ignored from the start.
    pub(crate) fn behind_nohup(self) -> Self {
        self.behind("trap '' HUP")
    }

    /// Lets a shell do something before it becomes the program.
    fn behind(self, first: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        let script = format!("{first}; exec \"$@\"");
        command.args(["-c", &script, "sh", PROGRAM]);
        command.args(self.command.get_args()).env_clear();
        let given = self.command.get_envs();
        command.envs(given.filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.command.get_current_dir().unwrap());
        Self { command, ..self }
    }

    /// Runs the program to its end.
    pub(crate) fn end(mut self) -> Ended {
        let shown = format!("{:?}", self.command.get_args().collect::<Vec<_>>());
        let mut child = self.spawn();
        let mut stdin = child.stdin.take().unwrap();
        // A program that does not read its input closes it early.
        let _ = stdin.write_all(self.input.as_bytes());
        drop(stdin);
        let watched = Watched::new(&child);
        let output = child.wait_with_output().unwrap();
        watched.end();
        Ended {
            shown,
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the program with a standard output that nobody reads any more, and returns its exit code and standard error.
    pub(crate) fn end_unread(mut self) -> (Option<i32>, String) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        self.command.stdin(Stdio::null()).stdout(writer);
        let output = self.command.stderr(Stdio::piped()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), stderr)
    }

    /// Starts the program and reads its standard output as it comes.
    pub(crate) fn follow(mut self) -> Followed {
        let mut child = self.spawn();
        drop(child.stdin.take());
        let watched = Watched::new(&child);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Followed {
            child,
            stdout,
            _watched: watched,
        }
    }

    fn spawn(&mut self) -> Child {
        heed_signals();
        self.command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// Lets programs heed the signals that these tests ignore, as behind `nohup`: what is ignored is handed on by exec(2), what is
/// caught is not.
fn heed_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            if mask.unwrap_or_default() >> (signal - 1) & 1 == 1 {
                signal_hook::flag::register(signal, Arc::default()).unwrap();
            }
        }
    });
}

/// Ends a program that hangs, so that its test fails instead of hanging too.
struct Watched(mpsc::Sender<()>);

impl Watched {
    fn new(child: &Child) -> Self {
        let pid = Pid::from_child(child);
        let (over, is_over) = mpsc::channel();
        thread::spawn(move || {
            if is_over.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Self(over)
    }

    fn end(self) {
        drop(self.0);
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    shown: String,
    code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Tells whether it says that what it did is accepted and not finished.
    pub(crate) fn is_pending(&self) -> bool {
        self.code == Some(4)
    }

    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.code,
            Some(expected),
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.shown,
            self.stdout,
            self.stderr
        );
        self
    }

    pub(crate) fn has_code(&self, expected: i32) -> bool {
        self.code == Some(expected)
    }

    #[track_caller]
    pub(crate) fn stdout(self, expected: &str) -> Self {
        assert_eq!(self.stdout, expected, "{}\n{}", self.shown, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn stderr_has(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "{}: {part:?} is not in:\n{}",
                self.shown,
                self.stderr
            );
        }
        self
    }

    #[track_caller]
    pub(crate) fn stdout_has(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(
                self.stdout.contains(part),
                "{}: {part:?} is not in:\n{}",
                self.shown,
                self.stdout
            );
        }
        self
    }

    /// Reads the standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}\n{}", self.shown, self.stdout))
    }
}

/// A program that streams.
pub(crate) struct Followed {
    child: Child,
    stdout: BufReader<ChildStdout>,
    _watched: Watched,
}

impl Followed {
    /// Reads lines until one has `part`, and returns it.
    #[track_caller]
    pub(crate) fn line_with(&mut self, part: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line).unwrap() == 0 {
                let mut stderr = String::new();
                let mut pipe = self.child.stderr.take().unwrap();
                let _ = pipe.read_to_string(&mut stderr);
                panic!("it ended without {part:?}:\n{seen}\n{stderr}");
            }
            if line.contains(part) {
                return line;
            }
            seen.push_str(&line);
        }
    }

    /// Reads what is said beside the data until a line has `part`.
    #[track_caller]
    pub(crate) fn prose_with(&mut self, part: &str) {
        let pipe = self.child.stderr.as_mut().unwrap();
        let mut seen = Vec::new();
        let mut byte = [0];
        while !String::from_utf8_lossy(&seen).contains(part) {
            // Byte by byte, so that nothing is taken from whoever reads on.
            assert_eq!(
                pipe.read(&mut byte).unwrap(),
                1,
                "{}",
                String::from_utf8_lossy(&seen)
            );
            seen.push(byte[0]);
        }
    }

    /// Returns the most bytes that the system would write of its memory if it crashed.
    #[cfg(target_os = "linux")]
    pub(crate) fn core_limit(&self) -> Option<u64> {
        let pid = Pid::from_child(&self.child);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero()));
        let limits = limits.unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core"))?;
        line.split_whitespace().nth(4)?.parse().ok()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end and returns the exit code with the standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = Vec::new();
        self.stdout.read_to_end(&mut rest).unwrap();
        let mut stderr = String::new();
        let mut pipe = self.child.stderr.take().unwrap();
        pipe.read_to_string(&mut stderr).unwrap();
        let code = self.child.wait().unwrap().code();
        (code, stderr)
    }
}

impl Drop for Followed {
    /// Nothing that serves for ever outlives its test.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
