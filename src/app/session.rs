//! Which cluster is worked with, and how far the connection to it is made.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::definition::id::Namespace;
use crate::failure::Failure;
use crate::guard::Guard;
use crate::service::protection::{Caution, Protection};
use crate::service::rights::Rights;
use crate::service::watch::Scope;

use super::invocation::Invocation;
use super::msg::{Epoch, OpId};

/// How far the connection is made; how its watches are doing is the fleet's to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionLink {
    /// Credentials are being got.
    Connecting,
    /// The watches run.
    Connected,
    /// It could not even be tried.
    Offline {
        /// Why.
        failure: Failure,
        /// When it is tried again.
        retry_at: Timestamp,
    },
}

/// Which cluster is worked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Number of the connection.
    pub epoch: Epoch,
    /// The context that was asked for; none is the current one.
    pub wanted_context: Option<String>,
    /// Name of the context, once known.
    pub context: String,
    /// Whether commands name the cluster by that; not where the server is named by itself, or is the one that this runs in.
    pub has_context: bool,
    /// Name of the cluster, once known.
    pub cluster: String,
    /// Which cluster it is, whatever its name: the uid of `kube-system`, once known.
    pub uid: Option<String>,
    /// What is shown of it, once known.
    pub scope: Option<Scope>,
    /// How far the connection is made.
    pub link: SessionLink,
    /// How many attempts failed in a row.
    pub n_failed: u32,
    /// Whether it is the cluster inside this process.
    pub is_sandbox: bool,
    /// Whether the server's certificate is not verified.
    pub is_insecure: bool,
    /// What holds there beyond what the server allows.
    pub guard: Guard,
    /// What this user may do in the namespace that is shown.
    pub rights: Rights,
    /// How it was begun.
    pub invocation: Invocation,
    /// The namespace that was asked for when the session began, which is told once another context has another.
    pub asked_namespace: Option<Namespace>,
    /// The namespaces that there were when they were listed last; none where they were not, or may not be.
    pub namespaces: Option<BTreeSet<Namespace>>,
    /// Where all that is shown is protected, once that is known.
    pub protection: Option<Protection>,
    /// The number that was given last before this connection: what was planned with it, or a smaller one, was planned elsewhere.
    pub(super) since: u64,
    /// The number of the connection; that of what is shown of it is another once the namespace is.
    pub(super) connection: Epoch,
}

impl Session {
    /// Returns the session at the start: nothing is known yet.
    pub(super) fn new(is_sandbox: bool, wanted_context: Option<String>) -> Self {
        Self {
            epoch: Epoch::default(),
            context: wanted_context.clone().unwrap_or_default(),
            wanted_context,
            has_context: true,
            cluster: String::new(),
            uid: None,
            scope: None,
            link: SessionLink::Connecting,
            n_failed: 0,
            is_sandbox,
            is_insecure: false,
            guard: Guard::default(),
            rights: Rights::default(),
            invocation: Invocation::default(),
            asked_namespace: None,
            namespaces: None,
            protection: None,
            since: 0,
            connection: Epoch::default(),
        }
    }

    /// Returns the namespace that is worked in; none while all are shown or none is known.
    pub fn namespace(&self) -> Option<&Namespace> {
        self.scope.as_ref().and_then(Scope::namespace)
    }

    /// Returns why IDs are typed before anything is deployed or rolled back, if that is so.
    pub fn asks_for_ids(&self) -> Option<String> {
        let of_server = Caution::of_server(self.is_insecure);
        let of_settings = || "The settings protect this context.".to_owned();
        let of_guard = self.guard.is_protected.then(of_settings);
        of_server.sentence("It").or(of_guard)
    }

    /// Returns how commands begin that are about this cluster.
    pub fn program(&self) -> String {
        let context = self.has_context.then_some(self.context.as_str());
        self.invocation.program(context)
    }

    /// Tells whether something was asked of the present connection.
    pub fn has_asked(&self, op: OpId) -> bool {
        op.0 > self.since
    }

    /// Returns when a connection that could not be tried is tried again.
    pub fn next_retry(&self) -> Option<Timestamp> {
        match &self.link {
            SessionLink::Offline { retry_at, .. } => Some(*retry_at),
            SessionLink::Connecting | SessionLink::Connected => None,
        }
    }
}
