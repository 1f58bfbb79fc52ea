//! Measures the dashboard in a storm of changes: `cargo bench --bench storm`, or with the pods that `scale` left,
//! `cargo bench --bench storm -- --kubeconfig FILE`; `-- --seconds N` for another time than a minute, `-- --rate N` for
//! another number of changes a second than 1,000.
//!
//! The real binary runs in a terminal of 200×50 on a real control plane with 500 instances of 20 pods. A relay adds the
//! changes to the server's own, each of another pod, and keys move the selection four times a second. The rate that was
//! reached is printed. Between them keys go to a program that only echoes: what those take is the machine's own part, on
//! which the relay, the server and the program share the processors. Nothing here fails for being slow.

#[path = "../scale/figures.rs"]
#[allow(dead_code)] // Shared with the other measures.
mod figures;
#[path = "../scale/fleet.rs"]
#[allow(dead_code)] // The same.
mod fleet;
#[path = "../scale/program.rs"]
#[allow(dead_code)] // The same.
mod program;
mod relay;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bowline_control_plane::{ControlPlane, User};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use tokio::task::spawn_blocking;

use crate::figures::{Report, Spread, mb, ms};
use crate::program::{Program, Setting};
use crate::relay::Storm;

/// Between keys.
const PAUSE: Duration = Duration::from_millis(250);

#[tokio::main]
async fn main() -> Result<()> {
    let report = Report::start()?;
    if let Some(kubeconfig) = argument("--kubeconfig") {
        return measure(report, &PathBuf::from(kubeconfig)).await;
    }
    let control_plane = spawn_blocking(ControlPlane::start)
        .await?
        .context("starting the control plane")?;
    measure(report, &control_plane.kubeconfig(User::Admin)).await
}

/// Returns what follows a flag; cargo adds arguments of its own.
fn argument(flag: &str) -> Option<String> {
    let mut args = std::env::args();
    args.find(|arg| arg == flag)?;
    args.next()
}

fn number(flag: &str) -> Option<u64> {
    argument(flag)?.parse().ok()
}

async fn measure(report: Report, kubeconfig: &Path) -> Result<()> {
    let options = KubeConfigOptions::default();
    let config = Kubeconfig::read_from(kubeconfig)?;
    let client = Client::try_from(Config::from_custom_kubeconfig(config, &options).await?)?;
    if !fleet::exists(&client).await? {
        report.note("creating the pods")?;
        fleet::create(&client).await?;
    }
    let home = tempfile::tempdir()?;
    let storm = Storm::ready(client, number("--rate").unwrap_or(1_000), home.path()).await?;
    let setting = Setting::fleet(storm.kubeconfig(), fleet::NAMESPACE)?;
    let time = Duration::from_secs(number("--seconds").unwrap_or(60));
    spawn_blocking(move || -> Result<()> {
        let program = Program::start(&setting)?;
        program.wait_for(fleet::all_are_shown)?;
        program.settle();
        storm.begin();
        run(&report, &program, &storm, time)?;
        drop(storm);
        report.line("peak memory", &mb(program.peak_memory()?))?;
        program.quit()
    })
    .await?
}

fn run(report: &Report, program: &Program, storm: &Storm, time: Duration) -> Result<()> {
    let echo = Program::echo()?;
    let before = restarts(program)?;
    let memory = program.present_memory()?;
    let began = Instant::now();
    let (cpu, n_bytes, n_changes) = (program.cpu_time()?, program.n_bytes(), storm.n_changes());
    let (mut times, mut echoes) = (Vec::new(), Vec::new());
    let mut selected = 1;
    while began.elapsed() < time {
        // Down twenty rows and up again, so that the list does not scroll.
        let is_down = times.len() / 20 % 2 == 0;
        selected = if is_down { selected + 1 } else { selected - 1 };
        let mark = format!("▸ service-{selected:03}");
        let is_shown = |screen: &vt100::Screen| screen.contents().contains(&mark);
        times.push(program.type_until(if is_down { "j" } else { "k" }, is_shown)?);
        std::thread::sleep(PAUSE / 2);
        echoes.push(echo.press("x")?.took);
        std::thread::sleep(PAUSE / 2);
    }
    let took = began.elapsed().as_secs_f64();
    let a_second = |n: u64| n as f64 / took;
    let (cpu, n_bytes) = (program.cpu_time()? - cpu, program.n_bytes() - n_bytes);
    let n_changes = storm.n_changes() - n_changes;
    // A storm of which nothing is seen measures nothing.
    ensure!(
        restarts(program)? != before,
        "no change was shown: {before}"
    );
    report.line("changes a second", &format!("{:.0}", a_second(n_changes)))?;
    report.line("a key to the changed screen", &told(times))?;
    report.line("a key to its echo by another program", &told(echoes))?;
    let rate = a_second(n_bytes) / 1e3;
    report.line("to the terminal", &format!("{rate:.1} KB/s"))?;
    let share = 100.0 * cpu.as_secs_f64() / took;
    let each = cpu.as_secs_f64() * 1e6 / n_changes.max(1) as f64;
    report.line(
        "processor",
        &format!("{share:.0} % of a core, {each:.0} µs a change"),
    )?;
    let now = program.present_memory()?;
    report.line(
        "memory before and after",
        &format!("{}, {}", mb(memory), mb(now)),
    )
}

/// Returns how often the pods of an instance have restarted, as the list shows it.
fn restarts(program: &Program) -> Result<String> {
    let text = program.text();
    let line = |what: &str| text.lines().find(|line| line.contains(what));
    let (head, row) = line("RESTARTS")
        .zip(line(" service-020 "))
        .context("no list is shown")?;
    let (before, _) = head.split_once("RESTARTS").unwrap_or_default();
    let cell = row
        .chars()
        .skip(before.chars().count())
        .take("RESTARTS".len());
    Ok(cell.collect::<String>().trim().to_owned())
}

fn told(times: Vec<Duration>) -> String {
    let times = Spread::of(times);
    let [middle, most, worst] = [50, 99, 100].map(|percent| ms(times.percentile(percent)));
    format!("p50 {middle}, p99 {most}, worst {worst}")
}
