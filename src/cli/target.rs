//! What a command or the dashboard connects to: a context of the kubeconfig, or a rehearsal.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::app::ContextEntry;
use crate::cluster::{self, Cluster, ConnectOptions, ContextSummary};
use crate::definition::id::Namespace;
use crate::failure::{Failure, FailureKind};
use crate::rehearsal::{self, Rehearsal, RehearsalOptions};

/// The cluster that a session works with. Cheap to clone; clones share a rehearsal.
#[derive(Clone)]
pub enum Target {
    /// A cluster of the kubeconfig, or the one that this runs in.
    Remote(Box<ConnectOptions>),
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
            Self::Remote(options) => Self::Remote(Box::new(ConnectOptions {
                interactive_login: false,
                ..*options
            })),
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
                Ok(rehearsal.cluster().guarded(options.guard))
            }
        }
    }

    /// Returns why a write is not in the audit log, where one is not.
    pub fn unaudited(&self) -> Option<&str> {
        match self {
            Self::Remote(options) => options.audit.as_ref()?.lacking(),
            Self::Rehearsal(..) => None,
        }
    }

    /// Logs in where a credential plugin may ask the person something; none where nothing can be asked.
    pub async fn log_in(&self) -> Option<Result<Cluster, Failure>> {
        match self {
            Self::Remote(options) if options.interactive_login => {
                cluster::connect::asks_for_login(options).then_some(())?;
                Some(self.connect().await)
            }
            _ => None,
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
                    ..ConnectOptions::clone(options)
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

    /// Returns the namespace of the context that would be connected to, as far as the kubeconfig tells it by itself.
    pub fn namespace_of_context(&self) -> Option<Namespace> {
        let Self::Remote(options) = self else {
            return None;
        };
        let mut contexts = self.summaries().ok()?.into_iter();
        let chosen = contexts.find(|it| match &options.context {
            Some(wanted) => it.name == *wanted,
            None => it.is_current,
        });
        chosen?.namespace?.parse().ok()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::id::Namespace;

    const KUBECONFIG: &str = "
current-context: dev
contexts:
  - {name: dev, context: {cluster: c, user: u, namespace: of-dev}}
  - {name: prod, context: {cluster: c, user: u, namespace: of-prod}}
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
";

    /// Where one works after a session that began with `asked` went to a context.
    async fn check(asked: (Option<&str>, Option<&str>), context: Option<&str>, expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kubeconfig");
        std::fs::write(&file, KUBECONFIG).unwrap();
        let target = Target::Remote(Box::new(ConnectOptions {
            kubeconfig: Some(file),
            context: asked.0.map(str::to_owned),
            namespace: asked
                .1
                .map(|namespace| namespace.parse::<Namespace>().unwrap()),
            ..ConnectOptions::default()
        }));
        let cluster = target.connect_to(context.map(str::to_owned)).await.unwrap();
        let place = format!("{} {}", cluster.identity().context, cluster.namespace());
        assert_eq!(place, expected);
    }

    #[tokio::test]
    async fn the_namespace_that_was_asked_for_holds_for_the_first_context_alone() {
        check((None, None), None, "dev of-dev").await;
        check((None, Some("mine")), None, "dev mine").await;
        check((None, Some("mine")), Some("dev"), "dev mine").await;
        check((None, Some("mine")), Some("prod"), "prod of-prod").await;
        check((Some("prod"), Some("mine")), Some("prod"), "prod mine").await;
        check((Some("prod"), Some("mine")), Some("dev"), "dev of-dev").await;
    }

    #[tokio::test]
    async fn what_cannot_be_connected_to_is_refused_beforehand() {
        let check = |text: Option<&str>, context: Option<&str>| {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("kubeconfig");
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            let target = Target::Remote(Box::new(ConnectOptions {
                kubeconfig: Some(file),
                context: context.map(str::to_owned),
                ..ConnectOptions::default()
            }));
            target.check().map_err(|failure| failure.summary)
        };
        assert_eq!(check(Some(KUBECONFIG), None), Ok(()));
        assert_eq!(check(Some(KUBECONFIG), Some("prod")), Ok(()));
        // A context can be chosen later.
        assert_eq!(check(Some("contexts: []\n"), None), Ok(()));
        let refusal = check(Some(KUBECONFIG), Some("test")).unwrap_err();
        assert!(
            refusal.contains("dev") && refusal.contains("prod"),
            "{refusal}"
        );
        assert!(check(Some("contexts: ["), None).is_err());
        assert!(check(None, None).is_err());
    }
}
