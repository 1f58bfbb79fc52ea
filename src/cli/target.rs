//! What a command or the dashboard connects to: a context of the kubeconfig, or a rehearsal.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::app::ContextEntry;
use crate::cluster::{self, Cluster, ConnectOptions, ContextSummary};
use crate::failure::{Failure, FailureKind};
use crate::rehearsal::{self, Rehearsal, RehearsalOptions};

/// The cluster that a session works with. Cheap to clone; clones share a rehearsal.
#[derive(Clone)]
pub enum Target {
    /// A cluster of the kubeconfig, or the one that this runs in.
    Remote(ConnectOptions),
    /// The cluster inside this process.
    Rehearsal(Arc<RehearsalOptions>, Arc<OnceCell<Rehearsal>>),
}

impl Target {
    /// Returns a rehearsal, which starts with the first connection.
    pub fn rehearsal(options: RehearsalOptions) -> Self {
        Self::Rehearsal(Arc::new(options), Arc::default())
    }

    /// Returns the same target where no credential plugin may ask the person: the screen is the dashboard's.
    pub fn without_questions(self) -> Self {
        match self {
            Self::Remote(options) => Self::Remote(ConnectOptions {
                interactive_login: false,
                ..options
            }),
            rehearsal @ Self::Rehearsal(..) => rehearsal,
        }
    }

    /// Connects to what the session began with.
    ///
    /// # Errors
    /// The kubeconfig is missing or malformed, the login failed, or the rehearsal cannot start.
    pub async fn connect(&self) -> Result<Cluster, Failure> {
        match self {
            Self::Remote(options) => cluster::connect(options).await,
            Self::Rehearsal(options, running) => {
                let rehearsal = running
                    .get_or_try_init(|| rehearsal::start(options))
                    .await?;
                Ok(rehearsal.cluster().clone())
            }
        }
    }

    /// Connects to a context by name, in its own namespace where it is another than the session's.
    ///
    /// # Errors
    /// As [`Target::connect`].
    pub async fn connect_to(&self, context: Option<String>) -> Result<Cluster, Failure> {
        match self {
            Self::Remote(options) if context.is_some() && context != options.context => {
                let is_current = self.current_context()? == context && options.context.is_none();
                let namespace = options.namespace.clone().filter(|_| is_current);
                let options = ConnectOptions {
                    context,
                    namespace,
                    ..options.clone()
                };
                cluster::connect(&options).await
            }
            _ => self.connect().await,
        }
    }

    /// Lists the contexts that can be chosen.
    ///
    /// # Errors
    /// A kubeconfig is missing or malformed.
    pub fn contexts(&self) -> Result<Vec<ContextEntry>, Failure> {
        let entry = |context: ContextSummary| ContextEntry {
            name: context.name,
            cluster: context.cluster,
            namespace: context.namespace,
        };
        Ok(self.summaries()?.into_iter().map(entry).collect())
    }

    /// Refuses a kubeconfig that cannot be read and a context that is not there, before a screen is taken for it.
    ///
    /// # Errors
    /// What is wrong, with the file and what there is instead.
    pub fn check(&self) -> Result<(), Failure> {
        let Self::Remote(options) = self else {
            return Ok(());
        };
        match cluster::connect::check(options) {
            // Definitions can be written before there is a cluster for them.
            Err(failure) if failure.kind == FailureKind::NotFound && options.context.is_none() => {
                Ok(())
            }
            checked => checked,
        }
    }

    fn current_context(&self) -> Result<Option<String>, Failure> {
        let mut contexts = self.summaries()?.into_iter();
        Ok(contexts
            .find(|context| context.is_current)
            .map(|context| context.name))
    }

    fn summaries(&self) -> Result<Vec<ContextSummary>, Failure> {
        match self {
            Self::Remote(options) => cluster::contexts(options),
            Self::Rehearsal(..) => Ok(Vec::new()),
        }
    }
}
