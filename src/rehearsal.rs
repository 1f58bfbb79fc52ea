//! Rehearsals: bowline against the cluster inside this process, with example services already running.
//!
//! The one place where the program meets the sandbox: everything above gets a [`Cluster`] and does not know. The examples
//! are deployed by the engine, on a clock that starts in the past, and what happened since is played before anybody looks.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bowline_sandbox::{Clock, Sandbox, SandboxOptions, ShiftedClock};

use crate::catalogue::{Catalogue, CatalogueError};
use crate::cluster::{Cluster, Identity};
use crate::config::Settings;
use crate::definition::check::{CheckContext, SchemaSource, check};
use crate::definition::id::{InstanceId, Namespace};
use crate::engine::deploy::{DeployRequest, RunOptions, plan_deploy, run_deploy};
use crate::engine::progress::Outcome;
use crate::engine::remedy::Remedies;
use crate::failure::{Failure, FailureKind};
use crate::guard::Guard;
use crate::secret::SecretValues;

/// Name of the context, the cluster and its only user.
pub const NAME: &str = "sandbox";

/// An example: name, text, and how long it has been running; one without an age is saved only.
struct Example {
    name: &'static str,
    text: &'static str,
    age: Option<Duration>,
}

macro_rules! example {
    ($name:literal, $minutes:expr) => {
        Example {
            name: $name,
            text: include_str!(concat!("../assets/examples/", $name, ".yaml")),
            age: $minutes,
        }
    };
}

const fn minutes(n: u64) -> Option<Duration> {
    Some(Duration::from_secs(n * 60))
}

/// The oldest first.
const EXAMPLES: [Example; 5] = [
    example!("orders-db", minutes(12 * 24 * 60)),
    example!("web", minutes(3 * 24 * 60)),
    example!("ml-resnet", minutes(5 * 60)),
    example!("billing", minutes(21)),
    example!("notebook", None),
];

/// What a rehearsal is set up with.
#[derive(Debug, Clone)]
pub struct RehearsalOptions {
    /// The settings.
    pub settings: Settings,
    /// The namespace to work in.
    pub namespace: Option<Namespace>,
    /// Who works: user, host and process.
    pub holder: String,
    /// Where the cluster's state is kept; a state that is there comes back in place of the examples.
    pub state_file: Option<PathBuf>,
    /// Whether the example services run.
    pub has_examples: bool,
    /// What holds there.
    pub guard: Guard,
}

/// A running rehearsal; its cluster ends with it.
#[derive(Debug)]
pub struct Rehearsal {
    cluster: Cluster,
    sandbox: Sandbox,
}

impl Rehearsal {
    /// Returns the connection to its cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Returns the cluster itself, to be served to other programs.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}

/// Writes the example definitions into a catalogue that is not there yet; one that is stays as it is.
///
/// # Errors
/// The catalogue cannot be written.
pub fn write_examples(catalogue: &Catalogue) -> Result<(), CatalogueError> {
    if catalogue.dir().exists() {
        return Ok(());
    }
    // All or none: who is cut short would leave fewer of them for ever, and two may begin at once.
    let dir = catalogue.dir();
    let mut beside = dir.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = Catalogue::at(beside);
    drop(fs::remove_dir_all(beside.dir()));
    let written = EXAMPLES.iter().try_for_each(|example| {
        let created = beside.create(&name_of(example), example.text);
        created.map(drop)
    });
    let moved = written.and_then(|()| {
        fs::rename(beside.dir(), dir).map_err(|reason| CatalogueError::Directory {
            action: "make",
            dir: dir.to_owned(),
            reason,
        })
    });
    if moved.is_err() {
        drop(fs::remove_dir_all(beside.dir()));
    }
    // Another one may have been faster.
    moved.or_else(|error| if dir.exists() { Ok(()) } else { Err(error) })
}

/// Starts a cluster inside this process, with the example services running in it where that is wanted.
///
/// # Errors
/// The state cannot be read, or an example cannot be deployed.
pub async fn start(options: &RehearsalOptions) -> Result<Rehearsal, Failure> {
    let comes_back = options
        .state_file
        .as_ref()
        .is_some_and(|file| file.exists());
    let oldest = EXAMPLES.iter().filter_map(|example| example.age).max();
    let past = oldest.filter(|_| options.has_examples && !comes_back);
    let clock = past.map(ShiftedClock::behind);
    let sandbox = Sandbox::start(SandboxOptions {
        state_file: options.state_file.clone(),
        clock: clock.clone().map_or(Clock::Real, Clock::Shifted),
        ..SandboxOptions::default()
    })
    .await
    .map_err(|e| Failure::new(FailureKind::Disk, e.to_string()))?;
    let identity = Identity {
        context: NAME.to_owned(),
        cluster: NAME.to_owned(),
        server: String::new(),
        user: "admin".to_owned(),
        is_insecure: false,
        has_context: false,
    };
    let namespace = options.namespace.clone().unwrap_or_default();
    let cluster = Cluster::new(sandbox.client("admin"), identity, namespace)
        .with_policy(options.settings.policy.clone());
    let rehearsal = Rehearsal { cluster, sandbox };
    if let Some(clock) = clock {
        rehearsal.play(&clock, options).await?;
    }
    Ok(rehearsal)
}

impl Rehearsal {
    /// Deploys the examples one after the other and lets the time between them pass.
    async fn play(&self, clock: &ShiftedClock, options: &RehearsalOptions) -> Result<(), Failure> {
        for example in &EXAMPLES {
            let Some(age) = example.age else { continue };
            let lag = Duration::try_from(clock.lag()).unwrap_or_default();
            self.sandbox.play(clock, lag.saturating_sub(age)).await;
            deploy(&self.cluster, example, options).await?;
        }
        self.sandbox.play(clock, Duration::MAX).await;
        Ok(())
    }
}

async fn deploy(
    cluster: &Cluster,
    example: &Example,
    options: &RehearsalOptions,
) -> Result<(), Failure> {
    // The examples live in one namespace, wherever one works.
    let namespace = Namespace::default();
    let name = name_of(example);
    let context = CheckContext {
        gpus: options.settings.gpus.clone(),
        id: Some(name.clone()),
        namespace: Some(namespace.clone()),
        parameters: BTreeMap::new(),
        policy: options.settings.policy.clone(),
        schemas: SchemaSource::default(),
    };
    let checked = check(example.text, &context);
    // Settings have a part in it, such as what GPUs are called.
    let faults = checked.diagnostics.iter().map(|it| it.message.clone());
    let faults = faults.collect::<Vec<_>>().join("; ");
    let definition = checked.definition.ok_or_else(|| {
        let summary = format!("the example {name} cannot be deployed: {faults}");
        Failure::new(FailureKind::Invalid, summary)
    })?;
    let request = DeployRequest {
        definition,
        text: example.text.to_owned(),
        id: name.clone(),
        name,
        namespace,
        parameters: BTreeMap::new(),
        ingress_host: options.settings.ingress.host.clone(),
        gpus: options.settings.gpus.clone(),
        secrets: SecretValues::default(),
        yields: false,
        remedies: Remedies::default(),
        message: None,
        holder: options.holder.clone(),
    };
    let plan = plan_deploy(cluster, &request).await?;
    let outcome = run_deploy(cluster, &request, &plan, RunOptions::default(), &|_| {}).await;
    into_result(example, outcome)
}

fn into_result(example: &Example, outcome: Outcome) -> Result<(), Failure> {
    if outcome.is_complete() {
        return Ok(());
    }
    let why = outcome
        .failed
        .into_iter()
        .next()
        .map(|(_, failure)| failure);
    Err(why.unwrap_or_else(|| {
        Failure::new(
            FailureKind::Refused,
            format!("the example {} could not be deployed", example.name),
        )
    }))
}

fn name_of(example: &Example) -> InstanceId {
    example.name.parse().expect("the examples' names are IDs")
}
