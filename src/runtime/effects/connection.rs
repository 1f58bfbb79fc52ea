//! The connection to a cluster, the watches that hang on it, and what there is to connect to.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::app::{Epoch, Msg, Question};
use crate::cluster::{Cluster, GroupKind, Selector};
use crate::definition::id::Namespace;
use crate::engine::whereabouts::cluster_uid;
use crate::failure::Failure;
use crate::service::summary::InstanceKey;
use crate::service::watch::Scope;

use super::{Runner, usage};

/// How long until a cluster that did not answer is asked again what has to be known of it.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How long an instance is looked at until events are asked for. Of ten thousand in a namespace, a server needs half a
/// second of a processor for each such look: who walks through a list asks for none.
const EVENTS_AFTER: Duration = Duration::from_millis(600);

impl Runner {
    pub(super) fn connect(&mut self, epoch: Epoch, context: Option<String>, after: Duration) {
        // Nothing of the cluster before may be shown under the new one's name.
        (self.overview, self.instance, self.logs) = (None, None, None);
        (self.changes, self.preview, self.usage) = (None, None, None);
        (self.protection, self.rights) = (None, None);
        self.connection = epoch;
        self.untold = usage::Untold::default();
        self.uid = Arc::default();
        *self.cluster.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let (connect, slot, messages) = (
            self.start.connect.clone(),
            self.cluster.clone(),
            self.messages.clone(),
        );
        let uid = self.uid.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let mut connected = None;
            let msg = match connect(context).await {
                Ok(cluster) => {
                    connected = Some(cluster.clone());
                    let identity = cluster.identity();
                    let msg = Msg::Connected {
                        epoch,
                        context: identity.context.clone(),
                        cluster: identity.cluster.clone(),
                        namespace: cluster.namespace().clone(),
                        has_context: identity.has_context,
                        is_insecure: identity.is_insecure,
                        guard: cluster.guard(),
                    };
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((epoch, cluster));
                    msg
                }
                Err(failure) => Msg::ConnectFailed { epoch, failure },
            };
            drop(messages.send(msg));
            if let Some(cluster) = connected {
                let told = until_answered(|| cluster_uid(&cluster)).await;
                // It is set here alone.
                drop(uid.set(told.clone()));
                drop(messages.send(Msg::ClusterIdentified { epoch, uid: told }));
            }
        });
        self.connecting = Some(AbortOnDropHandle::new(task));
    }

    pub(super) fn watch_overview(&mut self, epoch: Epoch, scope: Scope) {
        self.overview = None;
        let Ok(cluster) = self.cluster() else {
            return;
        };
        self.ask_protection(epoch, cluster.clone(), scope.clone());
        let messages = self.messages.clone();
        let sink = move |event| drop(messages.send(Msg::Overview { epoch, event }));
        self.overview = Some(cluster.watch_overview(scope, sink));
    }

    pub(super) fn watch_retained(&mut self, epoch: Epoch, scope: Option<Scope>) {
        self.retained = None;
        let (Ok(cluster), Some(scope)) = (self.cluster(), scope) else {
            return;
        };
        let messages = self.messages.clone();
        let sink = move |event| drop(messages.send(Msg::Overview { epoch, event }));
        self.retained = Some(cluster.watch_retained(&scope, sink));
    }

    pub(super) fn watch_instance(&mut self, epoch: Epoch, key: Option<InstanceKey>) {
        self.instance = None;
        let (Ok(cluster), Some(key)) = (self.cluster(), key) else {
            return;
        };
        let (messages, of) = (self.messages.clone(), key.clone());
        let sink = move |event| {
            drop(messages.send(Msg::InstanceEvent {
                epoch,
                key: of.clone(),
                event,
            }))
        };
        self.instance = Some(cluster.watch_instance(&key, EVENTS_AFTER, sink));
    }

    pub(super) fn list_namespaces(&mut self, epoch: Epoch) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        self.read(Question::Namespaces, async move {
            let result = match cluster {
                Ok(cluster) => namespaces_of(&cluster).await,
                Err(failure) => Err(failure),
            };
            drop(messages.send(Msg::NamespacesListed { epoch, result }));
        });
    }

    pub(super) fn list_contexts(&self) {
        let (contexts, messages) = (self.start.contexts.clone(), self.messages.clone());
        self.disk
            .run(move || drop(messages.send(Msg::ContextsListed(contexts()))));
    }
}

/// Asks until there is an answer.
pub(super) async fn until_answered<T, A>(ask: impl Fn() -> A) -> T
where
    A: Future<Output = Result<T, Failure>>,
{
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(_) => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}

async fn namespaces_of(cluster: &Cluster) -> Result<Vec<Namespace>, Failure> {
    let kind = GroupKind::new("", "Namespace");
    let objects = cluster
        .list_metadata(&kind, None, &Selector::everything())
        .await?;
    let mut namespaces: Vec<Namespace> = objects
        .iter()
        .filter_map(|object| object.key.name.parse().ok())
        .collect();
    namespaces.sort();
    Ok(namespaces)
}
