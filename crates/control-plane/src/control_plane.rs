//! Starting a control plane, and clients of it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use futures::FutureExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::binaries::{Binaries, NotBuilt};
use crate::credentials::{CLIENT_CERTIFICATE, CLIENT_KEY, Credentials};
use crate::processes::ProcessGroup;
use crate::servers::{self, Ports};
use crate::{seed, stages};

/// How long a start may take, on a machine that is busy with a build.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// How often a start is tried when another process took one of its ports.
const N_ATTEMPTS: usize = 3;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// May do everything.
    Admin,
    /// Has the role `view` in every namespace: reads what a namespace holds, but no secrets, nodes or volumes.
    Viewer,
    /// Has no role at all.
    Nobody,
}

impl User {
    /// All users.
    pub const ALL: [User; 3] = [User::Admin, User::Viewer, User::Nobody];

    /// Returns the name, as it stands in refusals.
    pub fn name(self) -> &'static str {
        match self {
            User::Admin => "admin",
            User::Viewer => "viewer",
            User::Nobody => "nobody",
        }
    }

    pub(crate) fn token(self) -> String {
        format!("{}-token", self.name())
    }
}

/// A running control plane. Dropping it, or ending the process in any way, takes its processes and its directory away.
#[derive(Debug)]
pub struct ControlPlane {
    server: String,
    directory: PathBuf,
    processes: ProcessGroup,
}

/// Why a control plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The executables are missing.
    #[error(transparent)]
    NotBuilt(#[from] NotBuilt),
    /// Its directory could not be written.
    #[error("writing the directory of the control plane")]
    Directory(#[source] io::Error),
    /// A key or certificate could not be made.
    #[error("making certificates")]
    Certificate(#[from] rcgen::Error),
    /// An executable could not be started.
    #[error("starting {name}")]
    Spawn {
        /// The executable.
        name: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A server ended by itself.
    #[error("{name} ended with {status}; its last words:\n{log}")]
    Ended {
        /// The server.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// It was not ready in time.
    #[error(
        "the control plane was not ready within {deadline:?}; the API server's last words:\n{log}"
    )]
    Late {
        /// The time that it had.
        deadline: Duration,
        /// The end of the API server's log.
        log: String,
    },
    /// Nodes, storage class or roles were refused.
    #[error("creating nodes, storage class and roles")]
    Seed(#[source] Box<kube::Error>),
    /// A kubeconfig that was just written could not be used.
    #[error("reading a kubeconfig of the control plane")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
}

impl ControlPlane {
    /// Starts a control plane from the executables that [`Binaries::find`] finds, and returns when it takes pods.
    pub fn start() -> Result<Self, StartError> {
        Self::start_from(&Binaries::find()?)
    }

    /// Starts a control plane from these executables. Blocks for a few seconds; may be called inside a runtime.
    pub fn start_from(binaries: &Binaries) -> Result<Self, StartError> {
        let mut attempt = 1;
        loop {
            match Self::try_start(binaries) {
                Err(StartError::Ended { log, .. })
                    if attempt < N_ATTEMPTS && log.contains("address already in use") =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn try_start(binaries: &Binaries) -> Result<Self, StartError> {
        let directory = tempfile::Builder::new()
            .prefix("control-plane-")
            .tempdir()
            .map_err(StartError::Directory)?
            .keep(); // From here on the process group owns it.
        let processes = ProcessGroup::new(&directory).map_err(|source| StartError::Spawn {
            name: "bash",
            source,
        })?;
        let ports = Ports::free();
        let mut control_plane = ControlPlane {
            server: format!("https://127.0.0.1:{}", ports.api),
            directory,
            processes,
        };
        control_plane.run_servers(binaries, ports)?;
        Ok(control_plane)
    }

    fn run_servers(&mut self, binaries: &Binaries, ports: Ports) -> Result<(), StartError> {
        let directory = self.directory.clone();
        let credentials = Credentials::write(&directory)?;
        for user in User::ALL {
            credentials.write_kubeconfig(user, &self.server)?;
        }
        let kubeconfig = self.kubeconfig(User::Admin);
        let node_config = directory.join("kwok.yaml");
        let pod_log = directory.join("pod.log");
        fs::write(&node_config, stages::config(&pod_log)).map_err(StartError::Directory)?;
        fs::write(
            &pod_log,
            "2026-01-01T00:00:00.000000000Z stdout F hello from a simulated node\n",
        )
        .map_err(StartError::Directory)?;

        let deadline = Instant::now() + START_DEADLINE;
        self.spawn("etcd", servers::etcd(binaries, &directory, ports))?;
        let etcd = Config::new(ports.etcd_url().parse().expect("an address with a port"));
        self.wait(deadline, etcd, give_it_a_past)?;
        self.spawn(
            "kube-apiserver",
            servers::api_server(binaries, &credentials, ports),
        )?;
        let admin = self.config(User::Admin)?;
        self.wait(deadline, admin.clone(), ready)?;
        self.spawn(
            "kube-controller-manager",
            servers::controller_manager(binaries, &credentials, &kubeconfig, ports),
        )?;
        self.spawn(
            "kube-scheduler",
            servers::scheduler(binaries, &kubeconfig, ports),
        )?;
        self.spawn(
            "kwok",
            servers::nodes(binaries, &credentials, &kubeconfig, &node_config, ports),
        )?;
        self.wait(deadline, admin, |client| async move {
            seed::seed(&client).await.map_err(Box::new)
        })
    }

    fn spawn(&mut self, name: &'static str, mut command: Command) -> Result<(), StartError> {
        let log = File::create(self.log_path(name)).map_err(StartError::Directory)?;
        let also = log.try_clone().map_err(StartError::Directory)?;
        self.processes
            .spawn(
                name,
                command
                    .current_dir(&self.directory)
                    .stdout(also)
                    .stderr(log),
            )
            .map_err(|source| StartError::Spawn { name, source })
    }

    /// Runs `job` with a client until it is done, a server ends or the time is up.
    fn wait<F, Fut>(&mut self, deadline: Instant, config: Config, job: F) -> Result<(), StartError>
    where
        F: FnOnce(Client) -> Fut + Send,
        Fut: Future<Output = Result<(), Box<kube::Error>>>,
    {
        // A thread of its own: the caller may be inside a runtime, where blocking on another is refused.
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()
                        .map_err(StartError::Directory)?
                        .block_on(self.wait_async(deadline, config, job))
                })
                .join()
                .expect("waiting does not panic")
        })
    }

    async fn wait_async<F, Fut>(
        &mut self,
        deadline: Instant,
        config: Config,
        job: F,
    ) -> Result<(), StartError>
    where
        F: FnOnce(Client) -> Fut,
        Fut: Future<Output = Result<(), Box<kube::Error>>>,
    {
        let client = client(config)?;
        let job = job(client);
        tokio::pin!(job);
        loop {
            let tick = tokio::time::sleep(Duration::from_millis(100));
            tokio::select! {
                outcome = &mut job => return outcome.map_err(StartError::Seed),
                () = tick => self.check_servers(deadline)?,
            }
        }
    }

    fn check_servers(&mut self, deadline: Instant) -> Result<(), StartError> {
        if let Some((name, status)) = self.processes.ended() {
            let name = name.to_owned();
            let log = self.log_tail(&name);
            return Err(StartError::Ended { name, status, log });
        }
        if Instant::now() > deadline {
            let log = self.log_tail("kube-apiserver");
            return Err(StartError::Late {
                deadline: START_DEADLINE,
                log,
            });
        }
        Ok(())
    }

    /// Returns the address of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Returns the directory with the logs and kubeconfigs.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the path of a user's kubeconfig.
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        self.directory.join(format!("{}.kubeconfig", user.name()))
    }

    /// Returns the paths of the administrator's certificate and of its key, which the server takes as it takes the token.
    pub fn client_certificate(&self) -> [PathBuf; 2] {
        [CLIENT_CERTIFICATE, CLIENT_KEY].map(|name| self.directory.join(name))
    }

    /// Returns a client for the present runtime. It repeats nothing by itself.
    pub fn client(&self, user: User) -> Result<Client, StartError> {
        client(self.config(user)?)
    }

    fn config(&self, user: User) -> Result<Config, StartError> {
        // Asynchronous in kube for the sake of other kinds of credentials; ours has nothing to wait for.
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig(user))?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .now_or_never()
            .expect("nothing to wait for")?;
        config.proxy_url = None;
        Ok(config)
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.log"))
    }

    fn log_tail(&self, name: &str) -> String {
        const N_LINES: usize = 20;
        let log = fs::read(self.log_path(name)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(N_LINES)..].join("\n")
    }
}

fn client(mut config: Config) -> Result<Client, StartError> {
    config.default_retry = false;
    Client::try_from(config).map_err(|error| StartError::Seed(Box::new(error)))
}

/// Writes something into the empty etcd, as soon as it answers: a cluster in use has resource versions that are too old to
/// watch from, and so version 1 is one.
async fn give_it_a_past(client: Client) -> Result<(), Box<kube::Error>> {
    loop {
        let request = http::Request::post("/v3/kv/put")
            .body(br#"{"key": "cGFzdA==", "value": "MQ=="}"#.to_vec());
        if client
            .request_text(request.expect("a constant request"))
            .await
            .is_ok()
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Waits until the API server calls itself ready; refused connections are part of waiting.
async fn ready(client: Client) -> Result<(), Box<kube::Error>> {
    loop {
        let request = http::Request::get("/readyz")
            .body(Vec::new())
            .expect("a constant request");
        if client
            .request_text(request)
            .await
            .is_ok_and(|text| text == "ok")
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
