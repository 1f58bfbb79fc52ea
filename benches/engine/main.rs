//! Measures plans, applies, teardowns and lists of the real program beside kubectl, on one real control plane:
//! `cargo bench --bench engine`, or with what runs already, `cargo bench --bench engine -- --kubeconfig FILE`.
//!
//! Both do the same to the same 200 objects, in turns, each in a namespace of its own; a figure is the ratio of a pair. Nothing
//! here fails for being slow. The list is measured where `scale` left its 10,000 pods, or with `--fleet`, which makes them.

#[expect(
    dead_code,
    reason = "only the instances are needed here, not what changes in them"
)]
#[path = "../scale/fleet.rs"]
mod fleet;
mod pairs;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bowline_control_plane::{ControlPlane, User};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use tempfile::TempDir;

use crate::pairs::{Pairs, Run};

/// kubectl takes minutes for a round of changes, and seconds for a list.
const N_ROUNDS_OF_CHANGES: usize = 3;
const N_ROUNDS_OF_LISTS: usize = 7;
const N_CONFIG_MAPS: usize = 100;
const N_SERVICES: usize = 60;
const N_DEPLOYMENTS: usize = 40;
/// Whose objects are whose.
const OURS: &str = "bench-bowline";
const THEIRS: &str = "bench-kubectl";

#[tokio::main]
async fn main() -> Result<()> {
    pairs::print_machine()?;
    if let Some(kubeconfig) = argument("--kubeconfig").flatten() {
        return measure(&PathBuf::from(kubeconfig)).await;
    }
    let control_plane = tokio::task::spawn_blocking(ControlPlane::start)
        .await?
        .context("starting the control plane")?;
    measure(&control_plane.kubeconfig(User::Admin)).await
}

/// Returns what follows a flag; cargo adds arguments of its own.
fn argument(flag: &str) -> Option<Option<OsString>> {
    let mut args = std::env::args_os();
    args.find(|arg| arg == flag)?;
    Some(args.next())
}

/// Where the two find what they work on.
struct Bench {
    kubeconfig: PathBuf,
    home: TempDir,
}

impl Bench {
    fn bowline(&self, args: &[&str]) -> Run {
        let run = Run::new(Path::new(env!("CARGO_BIN_EXE_bowline")), self.home.path());
        run.args(args).env("KUBECONFIG", &self.kubeconfig)
    }

    fn kubectl(&self, args: &[&str]) -> Run {
        let kubectl = std::env::var_os("KUBECTL").unwrap_or_else(|| "kubectl".into());
        let run = Run::new(Path::new(&kubectl), self.home.path());
        run.args(args).env("KUBECONFIG", &self.kubeconfig)
    }

    fn write(&self, name: &str, text: &str) -> Result<String> {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(self.home.path()))?;
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    }
}

async fn measure(kubeconfig: &Path) -> Result<()> {
    let bench = Bench {
        kubeconfig: kubeconfig.to_path_buf(),
        home: tempfile::tempdir()?,
    };
    for namespace in [OURS, THEIRS] {
        // It may be there from the last time.
        let _ = bench.kubectl(&["create", "namespace", namespace]).end();
    }
    changes(&bench)?;
    let client = client(kubeconfig).await?;
    if !fleet::exists(&client).await? {
        if argument("--fleet").is_none() {
            let why = "NOT MEASURED: no 10,000 pods are there; --fleet makes them";
            return pairs::line("the list", why);
        }
        fleet::create(&client).await?;
    }
    list(&bench)
}

/// Applies, plans and takes down the same objects, in turns.
fn changes(bench: &Bench) -> Result<()> {
    let first = bench.write("many.yaml", &objects("1.27", "info"))?;
    // A definition is named by its file: under another name it would replace the first one.
    let second = bench.write("changed/many.yaml", &objects("1.28", "debug"))?;
    let [
        mut applies,
        mut plans,
        mut server_side_plans,
        mut updates,
        mut teardowns,
    ] = std::array::from_fn(|_| Pairs::new());
    let ours = |verb: &[&str], file: &str, rest: &[&str]| {
        let source = ["-f", file, "--id", "many", "-n", OURS];
        bench.bowline(&[verb, &source, rest].concat())
    };
    let theirs = |verb: &[&str], file: &str| {
        let source = ["-f", file, "-n", THEIRS];
        bench.kubectl(&[verb, &source].concat())
    };
    let deploy = |file| ours(&["deploy"], file, &["-y", "--wait=false"]);
    let apply = |file| theirs(&["apply", "--server-side"], file);
    let diff = || ours(&["diff"], &second, &[]);
    for round in 0..N_ROUNDS_OF_CHANGES {
        let pairs = [
            (deploy(&first), apply(&first), 0),
            (diff(), theirs(&["diff"], &second), 1),
            (diff(), theirs(&["diff", "--server-side"], &second), 1),
            (deploy(&second), apply(&second), 0),
            (
                bench.bowline(&["delete", "many", "-n", OURS, "-y"]),
                theirs(&["delete"], &second),
                0,
            ),
        ];
        let into = [
            &mut applies,
            &mut plans,
            &mut server_side_plans,
            &mut updates,
            &mut teardowns,
        ];
        for ((ours, theirs, code), pairs) in pairs.into_iter().zip(into) {
            // Who goes first changes from round to round.
            let (ours, theirs) = match round % 2 {
                0 => {
                    let ours = ours.end_with(code)?;
                    (ours, theirs.end_with(code)?)
                }
                _ => {
                    let theirs = theirs.end_with(code)?;
                    (ours.end_with(code)?, theirs)
                }
            };
            pairs.add(ours, theirs);
        }
    }
    plans.print("plan of 200 changed objects / kubectl diff")?;
    server_side_plans.print("plan of 200 changed objects / kubectl diff --server-side")?;
    applies.print("first apply of 200 objects / kubectl apply --server-side")?;
    updates.print("second apply, all 200 change / kubectl apply --server-side")?;
    teardowns.print("teardown of 200 objects / kubectl delete")
}

fn list(bench: &Bench) -> Result<()> {
    let mut lists = Pairs::new();
    for round in 0..=N_ROUNDS_OF_LISTS {
        let ours = bench.bowline(&["ls", "-n", fleet::NAMESPACE]).end_with(0)?;
        let theirs = bench.kubectl(&["get", "pods", "-A"]).end_with(0)?;
        // The first round only warms up.
        if round > 0 {
            lists.add(ours, theirs);
        }
    }
    lists.print("list of 500 instances / kubectl get pods -A")
}

async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Returns the manifests: all of them change with the words.
fn objects(tag: &str, level: &str) -> String {
    let mut text = String::new();
    for n in 0..N_CONFIG_MAPS {
        let _ = write!(
            text,
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config-{n}}}\ndata: {{LEVEL: {level}, NUMBER: \"{n}\"}}\n---\n"
        );
    }
    for n in 0..N_SERVICES {
        let _ = write!(
            text,
            "apiVersion: v1\nkind: Service\nmetadata: {{name: service-{n}, annotations: {{level: {level}}}}}\n\
             spec: {{selector: {{app: app-{n}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}\n---\n"
        );
    }
    for n in 0..N_DEPLOYMENTS {
        let _ = write!(
            text,
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-{n}}}\n\
             spec:\n  replicas: 1\n  selector: {{matchLabels: {{app: app-{n}}}}}\n  template:\n    \
             metadata: {{labels: {{app: app-{n}}}}}\n    spec:\n      containers:\n        \
             - {{name: main, image: \"nginx:{tag}\", resources: {{requests: {{cpu: 10m, memory: 16Mi}}}}}}\n---\n"
        );
    }
    // A last mark would begin one more document.
    text.truncate(text.trim_end_matches("---\n").len());
    text
}
