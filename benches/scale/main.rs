//! Measures the whole program at scale: `cargo bench --bench scale`, or on a control plane that runs already, where the
//! instances are kept for the next time, `cargo bench --bench scale -- --kubeconfig FILE`.
//!
//! It starts a real control plane (`tests/control-plane/build` first), fills one namespace with 500 instances of 20 pods, and
//! drives the real binary in a terminal of 200×50. Nothing here fails for being slow: it prints figures with what they were
//! measured on. Absolute figures move from machine to machine; the download of the same pods in the same run is the yardstick.

mod figures;
mod fleet;
#[allow(dead_code)] // Shared with the measure of logs.
mod program;
mod yardstick;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use bowline_control_plane::{ControlPlane, User};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};

use crate::figures::{Report, Spread, mb, ms};
use crate::program::{Program, Setting};

/// How often start and download are measured, in turns.
const N_ROUNDS: usize = 5;
const N_KEYS: usize = 200;
const N_CHANGES: usize = 40;
const IDLE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<()> {
    let report = Report::start()?;
    report.unless_failed("--version", version(&report))?;
    report.unless_failed("first frame of the sandbox", sandbox(&report))?;

    if let Some(kubeconfig) = kubeconfig_of_args() {
        return at_scale(&report, &kubeconfig).await;
    }
    let control_plane = tokio::task::spawn_blocking(ControlPlane::start)
        .await?
        .context("starting the control plane")?;
    at_scale(&report, &control_plane.kubeconfig(User::Admin)).await
}

/// Returns the file behind `--kubeconfig`; cargo adds arguments of its own.
fn kubeconfig_of_args() -> Option<PathBuf> {
    let mut args = std::env::args_os();
    args.find(|arg| arg == "--kubeconfig")?;
    args.next().map(PathBuf::from)
}

async fn at_scale(report: &Report, kubeconfig: &Path) -> Result<()> {
    let client = client(kubeconfig).await?;
    if !fleet::exists(&client).await? {
        report.note(&format!(
            "creating {} instances of {} pods",
            fleet::N_INSTANCES,
            fleet::N_PODS_EACH
        ))?;
        let took = fleet::create(&client).await?;
        report.line(
            "creation of all pods until ready",
            &format!("{:.0} s", took.as_secs_f64()),
        )?;
    }

    let setting = Setting::fleet(kubeconfig, fleet::NAMESPACE)?;
    for round in 1..=N_ROUNDS {
        report.note(&format!("round {round}"))?;
        let download = yardstick::download(&client).await?;
        report.line(
            "the pods as compact JSON",
            &format!("{} in {}", mb(download.n_bytes), ms(download.took)),
        )?;
        let outcome =
            run_program(report, &client, &setting, download.took, round == N_ROUNDS).await;
        report.unless_failed("the program", outcome)?;
    }
    Ok(())
}

async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Measures the program from its start to its end; at length if `whole`.
async fn run_program(
    report: &Report,
    client: &Client,
    setting: &Setting,
    download: Duration,
    whole: bool,
) -> Result<()> {
    let program = Program::start(setting)?;
    let shown = program.wait_for(fleet::all_are_shown)?;
    let share = shown.as_secs_f64() / download.as_secs_f64();
    report.line(
        "start to all right ready counts",
        &format!("{}, {share:.2} of the download", ms(shown)),
    )?;
    program.settle();
    report.line("processor time until at rest", &ms(program.cpu_time()?))?;
    if whole {
        measure_running(report, client, &program).await?;
    }
    report.line("peak memory", &mb(program.peak_memory()?))?;
    program.quit()
}

fn version(report: &Report) -> Result<()> {
    let times = Spread::of(
        (0..20)
            .map(|_| program::time_of_version())
            .collect::<Result<Vec<_>>>()?,
    );
    report.line(
        "--version",
        &format!(
            "median {}, worst {}",
            ms(times.percentile(50)),
            ms(times.worst())
        ),
    )
}

fn sandbox(report: &Report) -> Result<()> {
    let setting = Setting::sandbox()?;
    let mut times = Vec::new();
    for _ in 0..5 {
        let program = Program::start(&setting)?;
        times.push(program.wait_for(|screen| {
            screen.alternate_screen() && !screen.contents().trim().is_empty()
        })?);
        program.quit()?;
    }
    let times = Spread::of(times);
    report.line(
        "first frame of the sandbox",
        &format!(
            "median {}, worst {}",
            ms(times.percentile(50)),
            ms(times.worst())
        ),
    )
}

/// What can be measured of a program that shows everything: at rest, under keys, under changes.
async fn measure_running(report: &Report, client: &Client, program: &Program) -> Result<()> {
    program.settle();
    let before = (program.cpu_time()?, program.n_bytes());
    let frames = program.frames_during(IDLE);
    let (cpu, n_bytes) = (program.cpu_time()? - before.0, program.n_bytes() - before.1);
    report.line(
        &format!("{} s while nothing changes", IDLE.as_secs()),
        &format!(
            "{:.2} % of a core; {n_bytes} bytes to the terminal in {} frames, {} of which changed nothing but ages",
            100.0 * cpu.as_secs_f64() / IDLE.as_secs_f64(),
            frames.len(),
            frames.iter().filter(|changes_ages| **changes_ages).count()
        ),
    )?;

    let mut times = Vec::new();
    for key_idx in 0..N_KEYS {
        let key = if key_idx < N_KEYS / 2 { "j" } else { "k" };
        times.push(program.press(key)?.took);
    }
    let times = Spread::of(times);
    report.line(
        "a key to the changed screen",
        &format!(
            "p50 {}, p99 {}",
            ms(times.percentile(50)),
            ms(times.percentile(99))
        ),
    )?;

    let mut pod = fleet::ChangingPod::of_first_instance(client).await?;
    let mut restarts = Vec::new();
    let mut toggles = Vec::new();
    for _ in 0..N_CHANGES {
        program.settle();
        let watching = program.watch_next_burst();
        pod.restart().await?;
        restarts.push(watching.finish()?);
    }
    for _ in 0..N_CHANGES {
        program.settle();
        let watching = program.watch_next_burst();
        pod.toggle().await?;
        toggles.push(watching.finish()?);
    }
    report.changes("a restarted pod to the screen", restarts)?;
    report.changes("an unready pod and its service", toggles)
}
