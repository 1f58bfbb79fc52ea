//! Measures the logs view under a flood: `cargo bench --bench logs`, `-- --seconds N` for another time than a minute.
//!
//! It drives the real binary in a terminal of 200×50 with a sandbox in which one container says 5,000 lines a second, and
//! presses a key that changes the picture four times a second. The sandbox works in the same process: its part is in every
//! figure. Nothing here fails for being slow: it prints figures with what they were measured on.

#[path = "../scale/figures.rs"]
#[allow(dead_code)] // Shared with the other measures.
mod figures;
#[path = "../scale/program.rs"]
#[allow(dead_code)] // The same.
mod program;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::figures::{Report, Spread, mb, ms};
use crate::program::{Program, Setting};

const DEFINITION: &str = "containers:\n  - name: main\n    image: app:chatty\n";
/// Between keys.
const PAUSE: Duration = Duration::from_millis(250);
/// How often memory is looked at.
const N_LOOKS: u32 = 6;

fn main() -> Result<()> {
    let report = Report::start()?;
    let time = seconds_of_args().unwrap_or(Duration::from_secs(60));
    let setting = Setting::sandbox_with("flood", DEFINITION)?;
    let program = Program::start(&setting)?;
    open_logs(&program)?;
    measure(&report, &program, time)?;
    report.line(
        "peak memory, the sandbox included",
        &mb(program.peak_memory()?),
    )?;
    program.quit()
}

/// Returns the number behind `--seconds`; cargo adds arguments of its own.
fn seconds_of_args() -> Option<Duration> {
    let mut args = std::env::args();
    args.find(|arg| arg == "--seconds")?;
    args.next()?.parse().ok().map(Duration::from_secs)
}

/// Deploys what floods and opens its logs; returns once lines were dropped, so that memory is what it stays.
fn open_logs(program: &Program) -> Result<()> {
    let shows = |text: &'static str| move |screen: &vt100::Screen| screen.contents().contains(text);
    program.wait_for(shows("● live"))?;
    for (keys, then) in [
        ("/flood\r", "▸ flood"),
        ("a", "create  Deployment/flood"),
        ("\r", "Apply flood?"),
        ("\r", "Deploy of flood: done."),
        ("\x1b", "▸ flood"),
        ("l", "before them dropped"),
    ] {
        program.type_until(keys, shows(then))?;
    }
    Ok(())
}

fn measure(report: &Report, program: &Program, time: Duration) -> Result<()> {
    let began = Instant::now();
    let (n_before, cpu_before) = (n_dropped(program)?, program.cpu_time()?);
    let (mut times, mut memory) = (Vec::new(), vec![program.present_memory()?]);
    let mut is_wrapped = false;
    while began.elapsed() < time {
        is_wrapped ^= true;
        let is_shown = |screen: &vt100::Screen| screen.contents().contains("wrapped") == is_wrapped;
        times.push(program.type_until("w", is_shown)?);
        if began.elapsed() >= time * u32::try_from(memory.len())? / N_LOOKS {
            memory.push(program.present_memory()?);
        }
        std::thread::sleep(PAUSE);
    }
    let took = began.elapsed().as_secs_f64();
    let n_lines = n_dropped(program)?.saturating_sub(n_before);
    report.line("lines a second", &format!("{:.0}", n_lines as f64 / took))?;
    let times = Spread::of(times);
    let (middle, most) = (times.percentile(50), times.percentile(99));
    report.line(
        "a key to the changed screen",
        &format!(
            "p50 {}, p99 {}, worst {}",
            ms(middle),
            ms(most),
            ms(times.worst())
        ),
    )?;
    let memory: Vec<_> = memory.into_iter().map(mb).collect();
    report.line("memory in the course of time", &memory.join(", "))?;
    let cpu = (program.cpu_time()? - cpu_before).as_secs_f64();
    report.line(
        "processor, the sandbox included",
        &format!("{:.0} % of a core", 100.0 * cpu / took),
    )
}

/// Returns how many lines went, as the view says.
fn n_dropped(program: &Program) -> Result<u64> {
    let text = program.text();
    let before = text.split(" before them dropped").next();
    let number = before.and_then(|before| before.rsplit(' ').next());
    number
        .and_then(|number| number.parse().ok())
        .context("the view does not say how many lines were dropped")
}
