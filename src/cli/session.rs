//! What a command works with: settings with flags laid over them, paths, the catalogue, and on demand a cluster.

use std::path::PathBuf;
use std::sync::Arc;

use super::UsageError;
use super::args::Global;
use super::direct;
use super::target::Target;
use super::{confirm, output};
use crate::app::CatalogueEntry;
use crate::audit::Audit;
use crate::catalogue::Catalogue;
use crate::catalogue::applied::AppliedTexts;
use crate::catalogue::drafts::Drafts;
use crate::catalogue::trash::Trash;
use crate::cluster::{Agreements, Cluster, ConnectOptions, ExecPolicy};
use crate::config::{self, Loaded, Part, Paths, Plugins, Settings};
use crate::definition::Definition;
use crate::definition::check::{CheckContext, SchemaSource, check};
use crate::definition::id::{InstanceId, Namespace};
use crate::failure::Failure;
use crate::rehearsal::{self, RehearsalOptions};
use crate::runtime::listing_of;
use crate::service::summary::InstanceKey;
use crate::text;

/// The surroundings of one command.
pub struct Session {
    pub global: Global,
    pub settings: Settings,
    pub paths: Paths,
    pub catalogue: Catalogue,
    pub target: Target,
    /// What of the settings does not hold: the default does, and the dashboard tells it first.
    pub faults: Vec<String>,
    /// What of the settings holds, but leaves an action no key.
    pub losses: Vec<String>,
}

impl Session {
    /// Reads the settings and finds the catalogue. Faults in keys and colours are no concern of a command.
    ///
    /// # Errors
    /// The flags contradict each other, no home directory is known, the settings file has a fault in what decides how and
    /// where work is done, or the examples of a rehearsal cannot be written.
    pub fn open(global: Global) -> anyhow::Result<Self> {
        let (paths, loaded) = load(&global)?;
        let weighty = loaded
            .faults
            .into_iter()
            .find(|(part, _)| *part != Part::Looks);
        match weighty {
            Some((_, fault)) => Err(fault.into()),
            None => Self::of(global, paths, loaded.settings),
        }
    }

    /// Does the same for the dashboard, which starts with the default of what is faulty and says so.
    ///
    /// # Errors
    /// The same, but of faulty settings only those that decide where work is done.
    pub fn open_with_faults(global: Global) -> anyhow::Result<Self> {
        let (paths, loaded) = load(&global)?;
        let session = Self::of(global, paths, loaded.settings)?;
        if !loaded.faults.is_empty() {
            tracing::warn!(faults = ?loaded.faults, "settings with faults");
        }
        let faults = loaded.faults.iter().map(|(_, fault)| fault.to_string());
        Ok(Self {
            faults: faults.collect(),
            losses: loaded.losses.iter().map(Failure::to_string).collect(),
            ..session
        })
    }

    /// Finds the catalogue and the target of settings that were read.
    ///
    /// # Errors
    /// The flags contradict each other, or the examples of a rehearsal cannot be written.
    pub fn of(global: Global, paths: Paths, settings: Settings) -> anyhow::Result<Self> {
        check_flags(&global)?;
        let catalogue = Catalogue::at(catalogue_dir(&global, &settings, &paths));
        if global.sandbox {
            rehearsal::write_examples(&catalogue)?;
        }
        let target = target(&global, &settings, &paths);
        check_login(&global, &target)?;
        Ok(Self {
            global,
            settings,
            paths,
            catalogue,
            target,
            faults: Vec::new(),
            losses: Vec::new(),
        })
    }

    /// Connects to the cluster that flags and settings name. Nothing is asked of it yet.
    ///
    /// # Errors
    /// The kubeconfig is missing or malformed, or the login failed.
    pub async fn connect(&self) -> Result<Cluster, Failure> {
        self.target.connect().await
    }

    /// Returns the definitions of the catalogue as lists show them. Those that cannot be read are said, and hide nothing else.
    pub fn definitions(&self) -> Vec<CatalogueEntry> {
        match listing_of(&self.catalogue) {
            Ok(listing) => {
                for (file, reason) in &listing.refused {
                    let sentence = format!("warning: {file} is no definition: {reason}");
                    output::say(text::clean(&sentence));
                }
                listing.entries
            }
            Err(failure) => {
                output::say(text::clean(&format!("warning: {failure}")));
                Vec::new()
            }
        }
    }

    /// Returns the instance of an ID: in the namespace that was asked for, else in the one that the definition of that name
    /// goes to, else in the one that is worked in.
    pub fn instance(&self, cluster: &Cluster, id: &InstanceId) -> InstanceKey {
        let asked = self.global.namespace.clone();
        let namespace = asked.or_else(|| self.own_namespace(id));
        InstanceKey {
            namespace: namespace.unwrap_or_else(|| cluster.namespace().clone()),
            id: id.clone(),
        }
    }

    /// Returns the namespace that a definition names; none where it names none or has faults.
    pub(super) fn own_namespace(&self, name: &InstanceId) -> Option<Namespace> {
        let text = self.catalogue.read(name).ok()?.text;
        let context = self.check_context(Some(name.clone()), &[]);
        check(&text, &context).definition?.namespace()
    }

    /// Returns who works: user, host and process.
    pub fn holder(&self) -> String {
        holder()
    }

    /// Returns the drafts of the catalogue.
    pub fn drafts(&self) -> Drafts {
        Drafts::of(&self.paths.state, self.catalogue.dir())
    }

    /// Returns the trash of this machine.
    pub fn trash(&self) -> Trash {
        Trash::of(&self.paths.state, self.global.sandbox)
    }

    /// Returns what was applied from this machine.
    pub fn applied(&self) -> AppliedTexts {
        AppliedTexts::of(&self.paths.state, self.global.sandbox)
    }

    /// Returns the context of flags, environment or settings; none leaves it to the kubeconfig.
    pub fn wanted_context(&self) -> Option<String> {
        wanted_context(&self.global, &self.settings)
    }

    /// Returns what a definition is checked under when it would be deployed as `id`.
    pub fn check_context(&self, id: Option<InstanceId>, set: &[(String, String)]) -> CheckContext {
        CheckContext {
            gpus: self.settings.gpus.clone(),
            id,
            namespace: self.wanted_namespace().cloned(),
            parameters: set.iter().cloned().collect(),
            policy: self.settings.policy.clone(),
            schemas: SchemaSource::default(),
        }
    }

    /// Returns the namespace that a definition is rendered for when no cluster is asked: that to which it would be deployed.
    pub fn offline_namespace(&self, definition: &Definition) -> Namespace {
        let own = definition.namespace();
        own.or_else(|| self.wanted_namespace().cloned())
            .or_else(|| self.target.namespace_of_context())
            .unwrap_or_default()
    }

    /// Refuses a definition that names another namespace than the command line.
    ///
    /// # Errors
    /// Just then.
    pub fn check_namespace(&self, definition: &Definition, shown: &str) -> Result<(), UsageError> {
        match (definition.namespace(), &self.global.namespace) {
            (Some(own), Some(asked)) if own != *asked => Err(UsageError(format!(
                "{shown} says namespace {own}, the command line {asked}: leave one of them out"
            ))),
            _ => Ok(()),
        }
    }

    /// Returns the namespace of flags, environment or settings; none leaves it to the context.
    pub fn wanted_namespace(&self) -> Option<&Namespace> {
        wanted_namespace(&self.global, &self.settings)
    }
}

fn load(global: &Global) -> anyhow::Result<(Paths, Loaded)> {
    let paths = Paths::of_user()?;
    let loaded = match &global.config {
        Some(file) => Settings::load(file, true)?,
        None => Settings::load(&paths.config_file, false)?,
    };
    Ok((paths, loaded))
}

/// Refuses flags that name a cluster beside the one that brings its own.
fn check_flags(global: &Global) -> Result<(), UsageError> {
    let named = [
        ("--kubeconfig", global.kubeconfig.is_some()),
        ("--server", global.server.is_some()),
        ("--as", global.as_user.is_some()),
    ];
    match named
        .iter()
        .find(|(_, is_given)| *is_given && global.sandbox)
    {
        Some((flag, _)) => Err(UsageError(format!(
            "--sandbox is a cluster of its own: leave {flag} out"
        ))),
        None => Ok(()),
    }
}

/// Refuses flags that say how to log in to a server that is not named.
fn check_login(global: &Global, target: &Target) -> Result<(), UsageError> {
    let files = [
        ("certificate_authority", &global.certificate_authority),
        ("client_certificate", &global.client_certificate),
        ("client_key", &global.client_key),
        ("token_file", &global.token_file),
    ];
    let is_given =
        |id: &str, file: &Option<_>| file.is_some() && !global.login_of_environment.contains(&id);
    let given = files.iter().find(|(id, file)| is_given(id, file));
    let given = given.map(|(id, _)| format!("--{}", id.replace('_', "-")));
    match (given, target) {
        (Some(flag), Target::Remote(options)) if options.direct.is_none() => {
            Err(UsageError(format!(
                "{flag} belongs to a server that is named without a kubeconfig: give --server, or cluster.server in the settings"
            )))
        }
        _ => Ok(()),
    }
}

fn wanted_context(global: &Global, settings: &Settings) -> Option<String> {
    let wanted = global.context.as_ref().or(settings.context.as_ref());
    wanted.filter(|_| !global.sandbox).cloned()
}

fn wanted_namespace<'a>(global: &'a Global, settings: &'a Settings) -> Option<&'a Namespace> {
    // The settings speak of real clusters; what is asked for by hand counts for a rehearsal too.
    let of_settings = settings.namespace.as_ref().filter(|_| !global.sandbox);
    global.namespace.as_ref().or(of_settings)
}

fn target(global: &Global, settings: &Settings, paths: &Paths) -> Target {
    let namespace = wanted_namespace(global, settings).cloned();
    if global.sandbox {
        return Target::rehearsal(RehearsalOptions {
            settings: settings.clone(),
            namespace,
            holder: holder(),
            state_file: None,
            has_examples: true,
            guard: settings.guards(global.read_only).of(rehearsal::NAME),
        });
    }
    let direct = direct::cluster(global, settings, paths);
    Target::Remote(Box::new(ConnectOptions {
        kubeconfig: global.kubeconfig.clone(),
        // A context of the settings is one of a kubeconfig.
        context: wanted_context(global, settings).filter(|_| direct.is_none()),
        direct,
        namespace,
        as_user: global.as_user.clone(),
        as_groups: global.as_groups.clone(),
        interactive_login: output::can_ask(),
        exec_policy: exec_policy(settings, paths),
        policy: settings.policy.clone(),
        audit: Some(Arc::new(Audit::of(&paths.state, holder()))),
        guards: settings.guards(global.read_only),
    }))
}

fn exec_policy(settings: &Settings, paths: &Paths) -> ExecPolicy {
    let allowed = settings.login.allowed.clone();
    match settings.login.plugins {
        Plugins::All => ExecPolicy::All,
        Plugins::Listed => ExecPolicy::Only(allowed),
        Plugins::Ask => {
            let file = paths.state.join("plugins");
            let ask = |question: &str| confirm::go_on(question).unwrap_or(false);
            ExecPolicy::Ask(allowed, Agreements { file, ask })
        }
    }
}

/// Returns where definitions are: by flag or environment, by the settings, or where they are by default. A rehearsal has a
/// catalogue of its own, so that its examples never mix with what the person really runs.
pub(super) fn catalogue_dir(global: &Global, settings: &Settings, paths: &Paths) -> PathBuf {
    let default = if global.sandbox {
        &paths.sandbox_catalogue
    } else {
        &paths.catalogue
    };
    let from_settings = settings.catalogue.as_deref().filter(|_| !global.sandbox);
    let from_settings = from_settings.map(|dir| config::settled(dir, global.config_file(paths)));
    global
        .catalogue
        .clone()
        .or(from_settings)
        .unwrap_or_else(|| default.clone())
}

/// Names who works, for those who find an operation of theirs: user, host and process.
fn holder() -> String {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| {
        let user = std::env::var(name).ok();
        user.filter(|user| !user.is_empty())
    });
    let user = named.unwrap_or_else(|| format!("uid-{}", rustix::process::getuid().as_raw()));
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy();
    format!("{user}@{host}/{}", std::process::id())
}
