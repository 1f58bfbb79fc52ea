//! The handle of a running sandbox: options in, clients, a served port and the store out.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::{Request, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use crate::clock::Clock;
use crate::controllers::driver::Controllers;
use crate::controllers::seeds;
use crate::garbage::Collector;
use crate::keep;
use crate::rbac::User;
use crate::server::{Server, unauthorized};
use crate::status::Status;
use crate::store::Store;

/// Namespaces of every cluster.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// How to start a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Where the state is loaded from and kept; nowhere if unset.
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

/// Why a sandbox could not be started or served.
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
    /// What every cluster has could not be put in.
    #[error("furnishing the sandbox")]
    Seeds(#[source] Status),
    /// The port could not be listened on.
    #[error("listening on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What was wrong.
        #[source]
        source: std::io::Error,
    },
}

/// A running sandbox; a cheap handle. Dropping the last one stops all its tasks and writes its state.
#[derive(Debug, Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: Server,
    users: Vec<Arc<User>>,
    state_file: Option<PathBuf>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        if let Some(path) = &self.state_file
            && let Err(e) = keep::save(&self.server.store, path)
        {
            tracing::warn!(error = %e, "the sandbox' state could not be written");
        }
    }
}

impl Sandbox {
    /// Starts a sandbox in the present runtime.
    ///
    /// # Errors
    /// The state file cannot be read, or is none.
    pub async fn start(options: SandboxOptions) -> Result<Sandbox, SandboxError> {
        let store = Store::new(options.clock, options.watch_history);
        if let Some(path) = &options.state_file {
            keep::load(&store, path)?;
        }
        furnish(&store, &options.namespaces).map_err(SandboxError::Seeds)?;
        let mut tasks = vec![
            tokio::spawn(Controllers::new(store.clone()).run()).abort_handle(),
            tokio::spawn(Collector::new(store.clone()).run()).abort_handle(),
        ];
        if let Some(path) = options.state_file.clone() {
            tasks.push(tokio::spawn(keep::run(store.clone(), path)).abort_handle());
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
                users,
                state_file: options.state_file,
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
                Ok::<_, std::convert::Infallible>(sandbox.shared.server.answer(user, request).await)
            }
        });
        kube::Client::new(service, "default")
    }

    /// Serves the sandbox on an address, loopback for choice: whoever knows a user's token may ask.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn serve(&self, address: SocketAddr) -> Result<Served, SandboxError> {
        let fail = |source| SandboxError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(fail)?;
        let address = listener.local_addr().map_err(fail)?;
        let task = tokio::spawn(accept(
            listener,
            self.shared.server.clone(),
            self.shared.users.clone(),
        ))
        .abort_handle();
        Ok(Served {
            address,
            task,
            _sandbox: self.clone(),
        })
    }
}

/// A sandbox that is served; dropping it closes the port and all connections.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    task: AbortHandle,
    _sandbox: Sandbox,
}

impl Served {
    /// Returns the address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
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

async fn accept(listener: TcpListener, server: Server, users: Vec<Arc<User>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that failed to come about is its client's concern.
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                connections.spawn(serve_connection(TokioIo::new(stream), server.clone(), users.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_connection(
    io: TokioIo<tokio::net::TcpStream>,
    server: Server,
    users: Vec<Arc<User>>,
) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (server, user) = (server.clone(), user_of(&users, &request));
        async move {
            let answer = match user {
                Some(user) => server.answer(user, request).await,
                None => unauthorized(),
            };
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(io, service);
    if let Err(e) = connection.await {
        tracing::debug!(error = %e, "a connection to the sandbox broke");
    }
}

fn user_of<B>(users: &[Arc<User>], request: &Request<B>) -> Option<Arc<User>> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let token = value.strip_prefix("Bearer ")?.trim();
    users.iter().find(|user| user.token == token).cloned()
}
