//! Two programs run in turns, and the ratio of each pair: what slows the machine down slows both.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often the peak of a program's memory is read while it runs.
const LOOK: Duration = Duration::from_millis(2);

/// A program that is to be run.
pub(crate) struct Run(Command);

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    seconds: f64,
    /// Most memory that it ever had resident, in bytes.
    peak: u64,
    code: i32,
}

impl Run {
    /// Runs a program in a home of its own, so that nothing of this machine's user gets in.
    pub(crate) fn new(program: &Path, home: &Path) -> Self {
        let mut command = Command::new(program);
        command.env("HOME", home).current_dir(home);
        for variable in [
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "XDG_CACHE_HOME",
        ] {
            command.env_remove(variable);
        }
        Self(command)
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.0.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &Path) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it to its end; what it prints is read and thrown away.
    pub(crate) fn end(mut self) -> Result<Cost> {
        let command = self.0.stdin(Stdio::null()).stdout(Stdio::piped());
        let start = Instant::now();
        let mut child = command.stderr(Stdio::null()).spawn()?;
        let mut stdout = child.stdout.take().context("it has an output")?;
        let reader = std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        let code = loop {
            if let Some(code) = child.try_wait()? {
                break code.code().unwrap_or(-1);
            }
            peak = peak_of(&status).unwrap_or(peak);
            std::thread::sleep(LOOK);
        };
        let seconds = start.elapsed().as_secs_f64();
        drop(reader.join());
        Ok(Cost {
            seconds,
            peak,
            code,
        })
    }

    /// Runs it to its end, which must have this exit code.
    pub(crate) fn end_with(self, code: i32) -> Result<Cost> {
        let shown = format!("{:?}", self.0);
        let cost = self.end()?;
        if cost.code != code {
            bail!("{shown} ended with {} instead of {code}", cost.code);
        }
        Ok(cost)
    }
}

fn peak_of(status: &str) -> Option<u64> {
    let mut text = String::new();
    fs::File::open(status)
        .ok()?
        .read_to_string(&mut text)
        .ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024)
}

/// Runs in turns.
pub(crate) struct Pairs(Vec<(Cost, Cost)>);

impl Pairs {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, ours: Cost, theirs: Cost) {
        self.0.push((ours, theirs));
    }

    /// Prints the middle of the times, of the ratios pair by pair, and of the memory.
    pub(crate) fn print(&self, what: &str) -> Result<()> {
        let of = |figure: &dyn Fn(&(Cost, Cost)) -> f64| -> [f64; 3] {
            let mut figures: Vec<f64> = self.0.iter().map(figure).collect();
            figures.sort_unstable_by(f64::total_cmp);
            let last = figures.len() - 1;
            [figures[0], figures[last / 2], figures[last]]
        };
        let [_, ours, _] = of(&|(ours, _)| ours.seconds);
        let [_, theirs, _] = of(&|(_, theirs)| theirs.seconds);
        let [least, ratio, most] = of(&|(ours, theirs)| ours.seconds / theirs.seconds);
        let [_, our_peak, _] = of(&|(ours, _)| ours.peak as f64 / 1e6);
        let [_, their_peak, _] = of(&|(_, theirs)| theirs.peak as f64 / 1e6);
        line(
            what,
            &format!(
                "{ratio:.2} ({least:.2} to {most:.2}): {ours:.2} s / {theirs:.2} s; memory {:.2}: {our_peak:.0} MB / \
                 {their_peak:.0} MB",
                our_peak / their_peak
            ),
        )
    }
}

pub(crate) fn line(what: &str, figure: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{what:<58} {figure}")?;
    Ok(())
}

/// Prints what all figures are measured on.
pub(crate) fn print_machine() -> Result<()> {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let n_cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let model = model.unwrap_or("an unknown processor");
    writeln!(
        std::io::stdout(),
        "-- {n_cores} cores of {model}, load {load}"
    )?;
    Ok(())
}
