//! The real binary in a terminal of 200×50, and what can be seen of it from outside.

use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_bowline");
const N_ROWS: u16 = 50;
const N_COLUMNS: u16 = 200;

/// What is not there by then does not come.
const DEADLINE: Duration = Duration::from_secs(60);
/// Output with no pause as long as this is one frame.
const PAUSE: Duration = Duration::from_millis(25);
/// A program that was silent as long as this is at rest.
const REST: Duration = Duration::from_millis(500);

/// How the program is started.
pub(crate) struct Setting {
    args: Vec<String>,
    kubeconfig: Option<PathBuf>,
    /// Home of its settings, catalogue and drafts.
    home: TempDir,
}

impl Setting {
    pub(crate) fn fleet(kubeconfig: &Path, namespace: &str) -> Result<Self> {
        Ok(Setting {
            args: vec!["-n".into(), namespace.into()],
            kubeconfig: Some(kubeconfig.to_path_buf()),
            home: tempfile::tempdir()?,
        })
    }

    pub(crate) fn sandbox() -> Result<Self> {
        Ok(Setting {
            args: vec!["--sandbox".into()],
            kubeconfig: None,
            home: tempfile::tempdir()?,
        })
    }

    /// The sandbox, with one definition in the catalogue.
    pub(crate) fn sandbox_with(name: &str, text: &str) -> Result<Self> {
        let mut setting = Self::sandbox()?;
        // Named, since a rehearsal has another catalogue than what is real.
        let catalogue = setting.home.path().join("catalogue");
        let flag = ["--catalogue".to_owned(), catalogue.display().to_string()];
        setting.args.extend(flag);
        fs::create_dir_all(&catalogue)?;
        fs::write(catalogue.join(format!("{name}.yaml")), text)?;
        Ok(setting)
    }

    fn command(&self) -> CommandBuilder {
        let mut command = CommandBuilder::new(BINARY);
        command.args(&self.args);
        command.env("TERM", "xterm-256color");
        command.env("HOME", self.home.path());
        for variable in [
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "XDG_CACHE_HOME",
            "KUBECONFIG",
        ] {
            command.env_remove(variable);
        }
        if let Some(kubeconfig) = &self.kubeconfig {
            command.env("KUBECONFIG", kubeconfig);
        }
        command
    }
}

pub(crate) fn time_of_version() -> Result<Duration> {
    let start = Instant::now();
    let status = Command::new(BINARY)
        .arg("--version")
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        bail!("--version ended with {status}");
    }
    Ok(start.elapsed())
}

/// What the terminal has received.
struct Terminal {
    parser: vt100::Parser,
    n_bytes: u64,
    /// When output arrived last.
    last: Option<Instant>,
    has_ended: bool,
}

/// One frame as it arrived: from what caused it to its last byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Burst {
    pub took: Duration,
    pub n_bytes: u64,
}

type Shared = Arc<(Mutex<Terminal>, Condvar)>;
type Writer = Arc<Mutex<Box<dyn Write + Send>>>;

/// A running program.
pub(crate) struct Program {
    started: Instant,
    child: Mutex<Box<dyn Child + Send + Sync>>,
    _master: Box<dyn MasterPty + Send>,
    writer: Writer,
    terminal: Shared,
}

impl Program {
    pub(crate) fn start(setting: &Setting) -> Result<Self> {
        Self::run(setting.command())
    }

    /// Starts what answers each key with that key and does nothing else: what it takes, any program would.
    pub(crate) fn echo() -> Result<Self> {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", "stty raw -echo && printf ready && exec cat"]);
        let program = Self::run(command)?;
        program.wait_for(|screen| screen.contents().contains("ready"))?;
        Ok(program)
    }

    fn run(command: CommandBuilder) -> Result<Self> {
        let size = PtySize {
            rows: N_ROWS,
            cols: N_COLUMNS,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size)?;
        let reader = pair.master.try_clone_reader()?;
        let writer = Arc::new(Mutex::new(pair.master.take_writer()?));
        let non_zero = |n| NonZeroU16::new(n).expect("not zero");
        let terminal = Arc::new((
            Mutex::new(Terminal {
                parser: vt100::Parser::new(non_zero(N_ROWS), non_zero(N_COLUMNS), 0),
                n_bytes: 0,
                last: None,
                has_ended: false,
            }),
            Condvar::new(),
        ));
        let started = Instant::now();
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let (shared, answers) = (terminal.clone(), writer.clone());
        std::thread::spawn(move || receive(reader, &shared, &answers));
        Ok(Program {
            started,
            child: Mutex::new(child),
            _master: pair.master,
            writer,
            terminal,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Terminal> {
        self.terminal.0.lock().expect("the receiver does not panic")
    }

    /// Waits until the screen is as wanted, and returns how long after the start it was.
    pub(crate) fn wait_for(&self, is_wanted: impl Fn(&vt100::Screen) -> bool) -> Result<Duration> {
        let mut terminal = self.lock();
        let deadline = Instant::now() + DEADLINE;
        loop {
            if is_wanted(terminal.parser.screen()) {
                let last = terminal.last.unwrap_or_else(Instant::now);
                return Ok(last - self.started);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || terminal.has_ended {
                bail!(
                    "the screen never showed what was waited for:\n{}",
                    terminal.parser.screen().contents()
                );
            }
            terminal = self
                .terminal
                .1
                .wait_timeout(terminal, left)
                .expect("the receiver does not panic")
                .0;
        }
    }

    /// Waits until the program has been silent for a while.
    pub(crate) fn settle(&self) {
        let mut n_bytes = self.n_bytes();
        loop {
            std::thread::sleep(REST);
            let now = self.n_bytes();
            if now == n_bytes {
                return;
            }
            n_bytes = now;
        }
    }

    pub(crate) fn n_bytes(&self) -> u64 {
        self.lock().n_bytes
    }

    /// Types keys, whatever comes of it.
    pub(crate) fn type_keys(&self, keys: &str) -> Result<()> {
        let mut writer = self.writer.lock().expect("nobody panics");
        Ok(writer.write_all(keys.as_bytes())?)
    }

    /// Types keys and returns how long it takes until the screen is as wanted, whatever else changes on it.
    pub(crate) fn type_until(
        &self,
        keys: &str,
        is_wanted: impl Fn(&vt100::Screen) -> bool,
    ) -> Result<Duration> {
        let typed = self.started.elapsed();
        self.type_keys(keys)?;
        Ok(self.wait_for(is_wanted)?.saturating_sub(typed))
    }

    /// Returns what stands on the screen.
    pub(crate) fn text(&self) -> String {
        self.lock().parser.screen().contents()
    }

    /// Presses a key and returns the frame that answers it.
    pub(crate) fn press(&self, key: &str) -> Result<Burst> {
        let next = self.watch_next_burst();
        self.writer
            .lock()
            .expect("nobody panics")
            .write_all(key.as_bytes())?;
        next.finish()
    }

    /// Starts the clock for the next frame.
    pub(crate) fn watch_next_burst(&self) -> NextBurst<'_> {
        NextBurst {
            program: self,
            start: Instant::now(),
            n_bytes: self.n_bytes(),
        }
    }

    /// Returns the frames that arrive during a time in which nobody does anything: each tells whether it changed nothing but
    /// ages.
    pub(crate) fn frames_during(&self, time: Duration) -> Vec<bool> {
        let end = Instant::now() + time;
        let mut frames = Vec::new();
        let mut before = self.lock().parser.screen().contents();
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            if self.watch_next_burst().within(left).is_some() {
                let after = self.lock().parser.screen().contents();
                frames.push(before != after && without_ages(&before) == without_ages(&after));
                before = after;
            }
        }
        frames
    }

    fn process_id(&self) -> Result<u32> {
        self.child
            .lock()
            .expect("nobody panics")
            .process_id()
            .context("the program has no process")
    }

    /// Returns the time that all threads have had on a processor.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let mut total = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process_id()?))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            total += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// Returns the most memory that the program ever had resident, in bytes.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    /// Returns the memory that the program has resident, in bytes.
    pub(crate) fn present_memory(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    fn memory(&self, what: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process_id()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix(what));
        let kib: u64 = line
            .context("the system does not say")?
            .trim()
            .trim_end_matches(" kB")
            .parse()?;
        Ok(kib * 1024)
    }

    /// Quits as a person does; kills what does not go.
    pub(crate) fn quit(&self) -> Result<()> {
        self.writer.lock().expect("nobody panics").write_all(b"q")?;
        let terminal = self.lock();
        let (terminal, _) = self
            .terminal
            .1
            .wait_timeout_while(terminal, Duration::from_secs(5), |terminal| {
                !terminal.has_ended
            })
            .map_err(|_| anyhow!("the receiver panicked"))?;
        drop(terminal);
        let mut child = self.child.lock().expect("nobody panics");
        if child.try_wait()?.is_none() {
            let _ = child.kill();
        }
        child.wait()?;
        Ok(())
    }
}

/// The clock for a frame that has not come yet.
pub(crate) struct NextBurst<'a> {
    program: &'a Program,
    start: Instant,
    n_bytes: u64,
}

impl NextBurst<'_> {
    /// Returns the frame; an error if none comes.
    pub(crate) fn finish(self) -> Result<Burst> {
        self.within(Duration::from_secs(5))
            .context("the screen did not change")
    }

    fn within(self, limit: Duration) -> Option<Burst> {
        let (lock, changed) = &*self.program.terminal;
        let terminal = lock.lock().expect("the receiver does not panic");
        let is_same = |terminal: &mut Terminal| terminal.n_bytes == self.n_bytes;
        let (mut terminal, outcome) = changed
            .wait_timeout_while(terminal, limit, is_same)
            .expect("the same");
        if outcome.timed_out() {
            return None;
        }
        // The frame is over when nothing came for a while.
        loop {
            let n_bytes = terminal.n_bytes;
            let is_same = |terminal: &mut Terminal| terminal.n_bytes == n_bytes;
            let (next, outcome) = changed
                .wait_timeout_while(terminal, PAUSE, is_same)
                .expect("the same");
            terminal = next;
            if outcome.timed_out() {
                return Some(Burst {
                    took: terminal.last? - self.start,
                    n_bytes: n_bytes - self.n_bytes,
                });
            }
        }
    }
}

/// Returns the words of a screen but for ages: `45s`, `3m20s`.
fn without_ages(screen: &str) -> Vec<&str> {
    let is_age = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_digit())
            && word.ends_with(['s', 'm', 'h', 'd', 'y'])
            && word
                .chars()
                .all(|c| c.is_ascii_digit() || "smhdy".contains(c))
    };
    screen
        .split_whitespace()
        .filter(|word| !is_age(word))
        .collect()
}

/// Takes what the program writes, and answers as terminals do when they are asked what they are.
fn receive(mut reader: Box<dyn Read + Send>, shared: &Shared, answers: &Writer) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = reader.read(&mut buffer).unwrap_or(0);
        let chunk = &buffer[..n];
        let mut terminal = shared.0.lock().expect("nobody panics");
        terminal.last = Some(Instant::now());
        terminal.n_bytes += n as u64;
        terminal.parser.process(chunk);
        terminal.has_ended = n == 0;
        shared.1.notify_all();
        drop(terminal);
        if n == 0 {
            return;
        }
        for (question, answer) in [("\x1b[c", "\x1b[?62;22c"), ("\x1b[6n", "\x1b[1;1R")] {
            if chunk
                .windows(question.len())
                .any(|window| window == question.as_bytes())
            {
                let _ = answers
                    .lock()
                    .expect("nobody panics")
                    .write_all(answer.as_bytes());
            }
        }
    }
}
