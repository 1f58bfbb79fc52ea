//! The dashboard at work: the terminal, the event loop, and the effects carried out.
//!
//! [`run`] owns the terminal from its first byte to its last. One loop takes every message from one queue, folds many into
//! one turn, and draws only when something changed; it never waits for the network, the disk, or a terminal that does not
//! read. Signals are taken by a thread of their own, which ends the program even when the loop cannot.

mod applied;
mod disk;
mod effects;
mod encoder;
mod event_loop;
mod external;
mod hints;
mod keyboard;
mod last_words;
mod looks;
mod multiplexer;
mod raw;
mod screen;
mod shell;
mod signals;
mod snapshot;
mod terminal;
mod traffic;
mod trash;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::app::{ContextEntry, Invocation, Keymap};
use crate::catalogue::Catalogue;
use crate::catalogue::applied::AppliedTexts;
use crate::catalogue::drafts::Drafts;
use crate::catalogue::trash::Trash;
use crate::cluster::Cluster;
use crate::config::Settings;
use crate::definition::check::CheckContext;
use crate::definition::id::{InstanceId, Namespace};
use crate::failure::Failure;
use crate::ui::Theme;

pub use applied::{forget_applied, keep_applied};
pub use effects::listing_of;
pub use looks::{looks, prints_colours, theme};
pub use raw::RawMode;
pub use shell::tell_size;
pub use snapshot::snapshot;
pub use traffic::{LastSession, last_session};
pub use trash::{keep_in_trash, restore_request};

/// Makes a connection to a context; none is the one that the session began with.
pub type Connector =
    Arc<dyn Fn(Option<String>) -> BoxFuture<'static, Result<Cluster, Failure>> + Send + Sync>;

/// Lists the contexts that can be chosen.
pub type ContextLister = Arc<dyn Fn() -> Result<Vec<ContextEntry>, Failure> + Send + Sync>;

/// What a dashboard begins with.
#[derive(Clone)]
pub struct Start {
    /// The settings.
    pub settings: Settings,
    /// The catalogue.
    pub catalogue: Catalogue,
    /// Its drafts.
    pub drafts: Drafts,
    /// Where what is taken down is kept.
    pub trash: Trash,
    /// Where what was applied is kept.
    pub applied: AppliedTexts,
    /// How to connect.
    pub connect: Connector,
    /// How to list contexts.
    pub contexts: ContextLister,
    /// The context that was asked for by name.
    pub context: Option<String>,
    /// Whether it is the cluster inside this process.
    pub is_sandbox: bool,
    /// How the session was begun, for the commands of the log.
    pub invocation: Invocation,
    /// The definition to open in the editor at once.
    pub open: Option<InstanceId>,
    /// Who works: user, host and process.
    pub holder: String,
    /// How it looks.
    pub theme: Theme,
    /// Which key does what.
    pub keymap: Keymap,
    /// Where schemas of clusters are kept.
    pub cache: PathBuf,
    /// What of the settings does not hold: the user is told first.
    pub faults: Vec<String>,
    /// The namespace that was asked for.
    pub namespace: Option<Namespace>,
    /// Where it is kept on this machine which first hints were seen; none shows none.
    pub state: Option<PathBuf>,
}

impl Start {
    /// Returns what a definition is checked under, before it is known which.
    fn check_context(&self) -> CheckContext {
        CheckContext {
            gpus: self.settings.gpus.clone(),
            policy: self.settings.policy.clone(),
            ..CheckContext::default()
        }
    }
}

#[cfg(test)]
impl Start {
    /// Returns what a dashboard of a test begins with, which keeps its files in a directory.
    fn in_dir(dir: &std::path::Path, connect: Connector) -> Self {
        let context = |name: &str| ContextEntry {
            name: name.to_owned(),
            cluster: name.to_owned(),
            namespace: None,
        };
        let contexts = ["dev", "prod"].map(context);
        let catalogue = Catalogue::at(dir.join("catalogue"));
        Self {
            settings: Settings::default(),
            drafts: Drafts::of(&dir.join("state"), catalogue.dir()),
            catalogue,
            trash: Trash::of(dir, true),
            applied: AppliedTexts::of(dir, true),
            connect,
            contexts: Arc::new(move || Ok(contexts.clone().into())),
            context: None,
            is_sandbox: false,
            invocation: Invocation::default(),
            open: None,
            holder: "ann@host/1".to_owned(),
            theme: Theme::default(),
            keymap: Keymap::default(),
            cache: PathBuf::from("/nonexistent"),
            faults: Vec::new(),
            namespace: None,
            state: None,
        }
    }
}

/// How the dashboard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The user quit.
    Quit,
    /// A signal of this number ended it.
    Signal(u8),
}

/// Why a dashboard cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Input or output is no terminal, or one that cannot place its cursor.
    #[error(
        "the dashboard needs a terminal: {0}; `bowline snapshot` draws it once, `bowline ls` lists services"
    )]
    NoTerminal(&'static str),
    /// The terminal could not be set up.
    #[error("setting up the terminal: {0}")]
    Terminal(#[source] io::Error),
}

/// Shows the dashboard until the user quits or a signal ends it. Must be awaited on the thread that may block no other.
///
/// # Errors
/// There is no terminal that it could be shown on.
pub async fn run(start: Start) -> Result<Ended, RuntimeError> {
    terminal::require()?;
    event_loop::run(start).await
}
