//! The handle of a running sandbox: options in, clients, a served port and the store out.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use tokio::task::AbortHandle;

use crate::clock::{Clock, ShiftedClock};
use crate::controllers::seeds;
use crate::keep::StateFile;
use crate::machinery::{Machinery, Rest};
use crate::rbac::User;
use crate::serve::{self, ServeError, Served};
use crate::server::Server;
use crate::status::Status;
use crate::store::Store;
use crate::upgrade;

/// Namespaces of every cluster.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// How to start a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Where the state is loaded from and kept; nowhere if unset. `.NAME.lock` beside it tells other sandboxes that it is kept; it
    /// stays when the sandbox ends, as another one may wait for it already.
    pub state_file: Option<PathBuf>,
    /// The clock of the whole cluster.
    pub clock: Clock,
    /// Namespaces that exist from the start, beside those of every cluster.
    pub namespaces: Vec<String>,
    /// Who may ask for what; the first is the one of the served kubeconfig.
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

/// Why a sandbox could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The state file could not be read or is not one.
    #[error("reading the sandbox' state from {}: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        reason: String,
    },
    /// The state file could not be written.
    #[error("writing the sandbox' state to {}", path.display())]
    Unsaved {
        /// The file.
        path: PathBuf,
        /// What was wrong.
        #[source]
        source: std::io::Error,
    },
    /// What every cluster has could not be put in.
    #[error("furnishing the sandbox")]
    Seeds(#[source] Status),
}

/// A running sandbox; a cheap handle. Dropping the last one stops all its tasks.
#[derive(Debug, Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Server,
    rest: Arc<Rest>,
    users: Vec<Arc<User>>,
    state_file: Option<Arc<StateFile>>,
    /// Keeps other sandboxes from the state file.
    _held: Option<File>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Sandbox {
    /// Starts a sandbox in the present runtime.
    ///
    /// # Errors
    /// The state file cannot be read, is none, or is kept by another sandbox.
    pub async fn start(options: SandboxOptions) -> Result<Sandbox, SandboxError> {
        let store = Store::new(options.clock, options.watch_history);
        let state_file = options.state_file.map(StateFile::at).map(Arc::new);
        let held = match &state_file {
            Some(file) => file.hold()?,
            None => None,
        };
        if let Some(file) = &state_file {
            file.load(&store)?;
        }
        furnish(&store, &options.namespaces).map_err(SandboxError::Seeds)?;
        let machinery = Machinery::new(store.clone());
        let rest = machinery.rest();
        let mut tasks = vec![tokio::spawn(machinery.run()).abort_handle()];
        if let Some(file) = state_file.clone() {
            tasks.push(tokio::spawn(file.keep_up(store.clone())).abort_handle());
        }
        let users = options
            .users
            .into_iter()
            .map(|user| with_token(&store, user))
            .collect();
        let server = Server { store };
        Ok(Sandbox {
            shared: Arc::new(Shared {
                server,
                rest,
                users,
                state_file,
                _held: held,
                tasks,
            }),
        })
    }

    /// Returns the store, for controllers and tests.
    pub fn store(&self) -> &Store {
        &self.shared.server.store
    }

    /// Returns the users, with their tokens.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.shared.users.iter().map(AsRef::as_ref)
    }

    /// Returns a client of `user`, who may do nothing if the sandbox does not know them.
    pub fn client(&self, user: &str) -> kube::Client {
        let known = self
            .shared
            .users
            .iter()
            .find(|known| known.name == user)
            .cloned();
        let user = known.unwrap_or_else(|| Arc::new(User::without_rights(user)));
        // The client keeps the sandbox alive.
        let sandbox = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let (sandbox, user) = (sandbox.clone(), user.clone());
            async move {
                let server = &sandbox.shared.server;
                let answer = match upgrade::is_wanted(request.headers()) {
                    true => upgrade::answer_in_process(&sandbox, user, request).await,
                    false => server.answer(user, request).await,
                };
                Ok::<_, std::convert::Infallible>(answer)
            }
        });
        kube::Client::new(service, "default")
    }

    /// Writes the state to its file now, where it has one; otherwise that happens some time after each change.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> Result<(), SandboxError> {
        let Some(file) = &self.shared.state_file else {
            return Ok(());
        };
        file.save(self.store())
            .map_err(|source| SandboxError::Unsaved {
                path: file.path().to_owned(),
                source,
            })
    }

    /// Waits until the cluster has done everything that is to be done by now.
    pub async fn settle(&self) {
        self.shared.rest.wait(self.store()).await;
    }

    /// Lets time pass: moves `clock`, which must be the sandbox' own, forward by `span` with a stop wherever something is due.
    pub async fn play(&self, clock: &ShiftedClock, span: Duration) {
        let span = SignedDuration::try_from(span)
            .unwrap_or(SignedDuration::MAX)
            .min(clock.lag());
        let end = self.store().now() + span;
        loop {
            let due = self.shared.rest.wait(self.store()).await;
            let now = self.store().now();
            let stop = due.map_or(end, |due| due.min(end));
            if let Ok(leap) = Duration::try_from(stop.duration_since(now)) {
                clock.advance(leap);
            }
            if stop == end {
                return self.settle().await;
            }
        }
    }

    /// Serves the sandbox over TLS on an address, loopback for choice: whoever knows a user's token may ask.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn serve(&self, address: SocketAddr) -> Result<Served, ServeError> {
        serve::serve(self.clone(), address).await
    }

    pub(crate) fn server(&self) -> &Server {
        &self.shared.server
    }

    /// Returns the user who shows this token.
    pub(crate) fn user_with_token(&self, token: &str) -> Option<Arc<User>> {
        // By digest: how long a comparison takes tells nothing of the token.
        let shown = Sha256::digest(token);
        self.shared
            .users
            .iter()
            .find(|user| Sha256::digest(&user.token) == shown)
            .cloned()
    }
}

fn furnish(store: &Store, namespaces: &[String]) -> Result<(), Status> {
    for name in NAMESPACES
        .into_iter()
        .chain(namespaces.iter().map(String::as_str))
    {
        if store.get("Namespace", "", name).is_none() {
            let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            store.create("kube-apiserver", namespace)?;
        }
    }
    seeds::plant(store)
}

fn with_token(store: &Store, user: User) -> Arc<User> {
    let token = if user.token.is_empty() {
        store.lock().random.token()
    } else {
        user.token
    };
    Arc::new(User { token, ..user })
}
