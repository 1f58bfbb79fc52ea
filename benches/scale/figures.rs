//! Figures in a readable form, with the machine that they were measured on.

use std::fs;
use std::io::Write;
use std::time::Duration;

use anyhow::Result;

use crate::program::Burst;

/// Measured times, sorted.
pub(crate) struct Spread(Vec<Duration>);

impl Spread {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Spread(times)
    }

    /// Returns the time that this share of all, in percent, did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0[rank - 1]
    }

    pub(crate) fn worst(&self) -> Duration {
        self.percentile(100)
    }
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

pub(crate) fn mb(n_bytes: u64) -> String {
    format!("{:.1} MB", n_bytes as f64 / 1e6)
}

/// Lines on standard output, written as they are known.
pub(crate) struct Report;

impl Report {
    /// Writes what all figures were measured on.
    pub(crate) fn start() -> Result<Self> {
        let report = Report;
        let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu_info
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        let n_cores = std::thread::available_parallelism().map_or(0, usize::from);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let profile = if cfg!(debug_assertions) {
            "a build without optimisation"
        } else {
            "a release build"
        };
        report.note(&format!(
            "{n_cores} cores of {}, Linux {}, {profile} of {}, load {}",
            model.unwrap_or("an unknown processor"),
            kernel.trim(),
            mb(fs::metadata(env!("CARGO_BIN_EXE_bowline"))?.len()),
            fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .split(' ')
                .next()
                .unwrap_or_default(),
        ))?;
        Ok(report)
    }

    /// Says which figure could not be measured, and why; the others still are.
    pub(crate) fn unless_failed(&self, what: &str, outcome: Result<()>) -> Result<()> {
        match outcome {
            Ok(()) => Ok(()),
            Err(error) => self.line(what, &format!("NOT MEASURED: {error:#}")),
        }
    }

    /// Writes how long changes took to the screen, and how many bytes each sent to the terminal.
    pub(crate) fn changes(&self, what: &str, bursts: Vec<Burst>) -> Result<()> {
        let times = Spread::of(bursts.iter().map(|burst| burst.took).collect());
        let mut sizes: Vec<u64> = bursts.iter().map(|burst| burst.n_bytes).collect();
        sizes.sort_unstable();
        self.line(
            what,
            &format!(
                "p50 {}, p99 {}; {} bytes in the middle, {} at most",
                ms(times.percentile(50)),
                ms(times.percentile(99)),
                sizes[sizes.len() / 2],
                sizes[sizes.len() - 1]
            ),
        )
    }

    pub(crate) fn note(&self, text: &str) -> Result<()> {
        writeln!(std::io::stdout(), "-- {text}")?;
        Ok(())
    }

    pub(crate) fn line(&self, what: &str, figure: &str) -> Result<()> {
        writeln!(std::io::stdout(), "{what:<36} {figure}")?;
        Ok(())
    }
}
