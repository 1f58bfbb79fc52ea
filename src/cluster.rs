//! The one seam to Kubernetes: a [`Cluster`] asks, writes and watches over a `kube::Client`, whatever stands behind it.
//!
//! Every request has a deadline; reads may be repeated within it, writes never are. Answers become objects, small summaries
//! or a [`Failure`]; bodies are never logged, since they may hold secrets.

mod access;
mod across;
mod capacity;
mod clock;
pub mod connect;
mod discovery;
mod exec;
mod forward;
mod kinds;
mod label_selector;
mod logs;
mod memory;
#[cfg(test)]
pub(crate) mod mock;
mod objects;
mod openapi;
mod patience;
mod printed;
mod project;
mod reach;
mod reply;
mod request;
#[cfg(test)]
mod request_tests;
mod selector;
mod snapshot;
mod socket;
mod stop;
mod unreachable;
mod usage;
mod version;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::audit::Audit;
use crate::definition::id::Namespace;
use crate::definition::policy::Policy;
use crate::failure::{Failure, FailureKind};
use crate::guard::Guard;

pub use crate::definition::object::GroupKind;
pub use access::Access;
pub use connect::{
    Agreements, ConnectOptions, ContextSummary, DirectCluster, ExecPolicy, Given, connect, contexts,
};
pub use discovery::Served;
pub use exec::{ExecInput, ExecOutput, ExecRequest, ExecSession, SHELL};
pub use forward::{ForwardEvent, ForwardRequest, Forwards, PortSpec, Traffic};
pub use kinds::Resource;
pub use label_selector::{LabelSelector, SelectorError};
pub use logs::LogStream;
pub use objects::{ApplyOptions, Deleted, Propagation, Written};
pub use openapi::{OpenApiIndex, SchemaCache};
pub use patience::Outages;
pub use printed::{Printed, PrintedColumn, PrintedRow};
pub use selector::Selector;
pub use stop::{Stop, TakeOver};
pub use watch::WatchHandle;

/// Requests in flight at once beside watches: an ordinary user's share of the server is small.
const MAX_IN_FLIGHT: usize = 4;
/// How long a request may take, answer included.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);

/// Whom one talks to and as whom, for headers, prompts and the command log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Name of the kubeconfig's context.
    pub context: String,
    /// Name of its cluster.
    pub cluster: String,
    /// URL of the API server.
    pub server: String,
    /// Name of its user.
    pub user: String,
    /// Whether the server's certificate is not verified.
    pub is_insecure: bool,
    /// Whether a context of a kubeconfig names it: not a server that is named by itself, nor the one that this runs in.
    pub has_context: bool,
}

/// A connection to a cluster, as one user, with the namespace that is worked in. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    identity: Arc<Identity>,
    namespace: Namespace,
    in_flight: Arc<Semaphore>,
    /// Turns of watches that are opened again.
    reopening: Arc<Semaphore>,
    discovered: Arc<discovery::Discovered>,
    clock: Arc<clock::ServerClock>,
    reach: Arc<reach::Reach>,
    deadline: Duration,
    /// For how long reads go on where nothing answers; none where they are given up after some tries.
    patience: Option<patience::Patience>,
    policy: Arc<Policy>,
    audit: Option<Arc<Audit>>,
    guard: Guard,
    /// What was answered in one look; none where every question is asked.
    memory: Option<Arc<memory::Memory>>,
    /// Whether plans are only looked at.
    only_plans: bool,
    stop: Stop,
}

impl Cluster {
    /// Returns the cluster behind a client. The client must not retry by itself: retries are decided here.
    pub fn new(client: kube::Client, identity: Identity, namespace: Namespace) -> Self {
        Self {
            client,
            identity: Arc::new(identity),
            namespace,
            in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            reopening: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            discovered: Arc::default(),
            clock: Arc::default(),
            reach: Arc::default(),
            deadline: REQUEST_DEADLINE,
            patience: None,
            policy: Arc::default(),
            audit: None,
            guard: Guard::default(),
            memory: None,
            only_plans: false,
            stop: Stop::default(),
        }
    }

    /// Returns whom one talks to and as whom.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the time by the server's clock, by which times in objects are; by ours as long as the server told none.
    pub fn now(&self) -> Timestamp {
        self.clock.at(Timestamp::now())
    }

    /// Has watches that wait for their next try after an outage try at once.
    pub fn try_watches(&self) {
        self.reach.try_now();
    }

    /// Returns the namespace that is worked in.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Returns the same connection working in another namespace.
    #[cfg(test)]
    pub fn with_namespace(&self, namespace: Namespace) -> Self {
        Self {
            namespace,
            ..self.clone()
        }
    }

    /// Returns what holds here.
    pub fn guard(&self) -> Guard {
        self.guard
    }

    /// Returns the same connection where something else holds.
    pub fn guarded(&self, guard: Guard) -> Self {
        Self {
            guard,
            ..self.clone()
        }
    }

    /// Returns the same connection for plans that are only looked at, if they are: a rehearsal writes nothing, so that a
    /// read-only context is no reason against it. What writes is refused there all the same.
    pub fn for_plans_only(&self, only_plans: bool) -> Self {
        Self {
            only_plans,
            ..self.clone()
        }
    }

    /// Returns why what is planned here may not be carried out, if that is so.
    pub fn bars_running(&self) -> Option<Failure> {
        self.read_only().filter(|_| !self.only_plans)
    }

    /// Returns why nothing may be written here, if that is so.
    pub fn read_only(&self) -> Option<Failure> {
        self.guard.is_read_only.then(|| {
            let context = &self.identity.context;
            let summary = format!(
                "{context} is read-only: --read-only or [contexts] of the settings says so"
            );
            Failure::new(FailureKind::Refused, summary)
        })
    }

    /// Returns the wish that an operation looks at before each of its steps.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Returns the same connection for an operation that heeds this wish.
    pub fn heeding(&self, stop: Stop) -> Self {
        Self {
            stop,
            ..self.clone()
        }
    }

    /// Returns the same connection for an operation that rides out an outage of so long: its reads are tried again until then,
    /// and tell what became of a write that was not answered.
    pub fn riding_out(&self, outage: Duration) -> Self {
        Self {
            patience: Some(patience::Patience::of(outage)),
            ..self.clone()
        }
    }

    /// Returns the same connection for what rides out an outage by itself.
    pub fn without_patience(&self) -> Self {
        Self {
            patience: None,
            ..self.clone()
        }
    }

    /// Returns what tells until when an outage is ridden out, and none once it is over; of a connection without patience nothing.
    pub fn outages(&self) -> Outages {
        let outages = self.patience.as_ref().map(patience::Patience::outages);
        outages.unwrap_or_default()
    }

    /// Tells whether the last request got no answer.
    pub fn is_silent(&self) -> bool {
        self.reach.silent_since().is_some()
    }

    /// Returns what manifests may touch beside their own namespace.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Returns the same connection under another policy.
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self {
            policy: Arc::new(policy),
            ..self.clone()
        }
    }

    /// Returns the same connection with a file that takes a line for each write.
    pub fn audited(&self, audit: Option<Arc<Audit>>) -> Self {
        Self {
            audit,
            ..self.clone()
        }
    }

    /// Returns the same connection for one look, in which nothing is asked for twice. Not for what waits or changes anything.
    pub fn for_one_look(&self) -> Self {
        Self {
            memory: Some(Arc::default()),
            ..self.clone()
        }
    }

    /// Returns the same connection with another deadline for each request.
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self {
            deadline,
            ..self.clone()
        }
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("identity", &self.identity)
            .field("namespace", &self.namespace)
            .finish()
    }
}
