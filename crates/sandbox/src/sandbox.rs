//! The handle of a running sandbox: options in, clients and the store out.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use crate::rbac::User;
use crate::store::Store;

/// How to start a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Where the state is loaded from and kept; nowhere if unset.
    pub state_file: Option<PathBuf>,
    /// The clock of the whole cluster.
    pub clock: Clock,
    /// Namespaces that exist from the start, beside those of every cluster.
    pub namespaces: Vec<String>,
    /// Who may ask for what; the first is the one of [`Sandbox::client`].
    pub users: Vec<User>,
    /// How many changes a watch can be behind before it must list again.
    pub watch_history: usize,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        SandboxOptions {
            state_file: None,
            clock: Clock::Real,
            namespaces: Vec::new(),
            users: vec![User::admin("admin")],
            watch_history: 4096,
        }
    }
}

/// Why a sandbox could not be started or served.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The state file could not be read or is not one.
    #[error("reading the sandbox state from {path}: {reason}")]
    State {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        reason: String,
    },
}

/// A running sandbox; a cheap handle. Dropping the last one stops all its tasks.
#[derive(Debug, Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: Store,
}

impl Sandbox {
    /// Starts a sandbox in the present runtime.
    pub async fn start(options: SandboxOptions) -> Result<Sandbox, SandboxError> {
        let store = Store::new(options.clock, options.watch_history);
        Ok(Sandbox {
            shared: Arc::new(Shared { store }),
        })
    }

    /// Returns the store, for controllers and tests.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }
}
