//! An overview of all namespaces watches printed pods where instances are: rows do not name their namespace.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::machine::Sink;
use crate::cluster::Cluster;
use crate::definition::id::Namespace;
use crate::service::summary::InstanceKey;
use crate::service::watch::{Delta, WatchEvent};

/// Most namespaces whose pods are watched: each costs a connection. Beyond, workloads tell the ready counts alone.
const MAX_NAMESPACES: usize = 64;

/// The namespaces in which instances were seen.
#[derive(Default)]
pub(super) struct Seen {
    namespaces: Mutex<BTreeSet<Namespace>>,
    news: Notify,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<Namespace>> {
        self.namespaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, instance: &InstanceKey) {
        let mut namespaces = self.lock();
        if namespaces.len() < MAX_NAMESPACES && !namespaces.contains(&instance.namespace) {
            namespaces.insert(instance.namespace.clone());
            self.news.notify_one();
        }
    }

    fn note_all<T>(&self, deltas: &[Delta<T>], instance: impl Fn(&T) -> &InstanceKey) {
        for delta in deltas {
            match delta {
                Delta::Reset(all) => all.iter().for_each(|item| self.note(instance(item))),
                Delta::Applied(item) => self.note(instance(item)),
                Delta::Removed(_) => {}
            }
        }
    }
}

/// Returns a sink that takes note of namespaces before it passes events on.
pub(super) fn tap(sink: Sink) -> (Sink, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let noted = seen.clone();
    let tapped: Sink = Arc::new(move |event| {
        match &event {
            WatchEvent::Workloads(_, deltas) => noted.note_all(deltas, |item| &item.instance),
            WatchEvent::Records(deltas) => noted.note_all(deltas, |item| &item.instance),
            _ => {}
        }
        sink(event);
    });
    (tapped, seen)
}

/// Watches printed pods in every namespace that is seen.
pub(super) async fn run(cluster: Cluster, seen: Arc<Seen>, sink: Sink) {
    let mut watched = BTreeSet::new();
    let mut watches = JoinSet::new();
    loop {
        let namespaces = seen.lock().clone();
        for namespace in namespaces {
            if watched.insert(namespace.clone()) {
                watches.spawn(cluster.printed_pods(&namespace, &sink).run());
            }
        }
        seen.news.notified().await;
    }
}
