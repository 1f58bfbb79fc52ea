//! An overview of all namespaces watches printed pods where instances are: rows do not name their namespace.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::machine::Sink;
use crate::cluster::Cluster;
use crate::definition::id::Namespace;
use crate::service::summary::InstanceKey;
use crate::service::watch::{Delta, LinkState, Topic, WatchEvent};

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

    /// Takes note of a namespace; returns whether its pods are to be watched from now on.
    fn note(&self, namespace: &Namespace) -> bool {
        let mut namespaces = self.lock();
        let is_news = namespaces.len() < MAX_NAMESPACES && namespaces.insert(namespace.clone());
        if is_news {
            self.news.notify_one();
        }
        is_news
    }

    /// Returns the namespaces that were not seen before.
    fn note_all<T>(
        &self,
        deltas: &[Delta<T>],
        instance: impl Fn(&T) -> &InstanceKey,
    ) -> Vec<Namespace> {
        let items = deltas.iter().flat_map(|delta| match delta {
            Delta::Reset(all) => all.as_slice(),
            Delta::Applied(item) => std::slice::from_ref(item),
            Delta::Removed(_) => &[],
        });
        let namespaces = items.map(|item| &instance(item).namespace);
        let news = namespaces.filter(|namespace| self.note(namespace));
        news.cloned().collect()
    }
}

/// Returns a sink that takes note of namespaces before it passes events on.
pub(super) fn tap(sink: Sink) -> (Sink, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let noted = seen.clone();
    let tapped: Sink = Arc::new(move |event| {
        let news = match &event {
            WatchEvent::Workloads(_, deltas) => noted.note_all(deltas, |item| &item.instance),
            WatchEvent::Records(deltas) => noted.note_all(deltas, |item| &item.instance),
            _ => Vec::new(),
        };
        // Told before what is in it, so that nothing looks complete without its pods.
        for namespace in news {
            sink(WatchEvent::Link {
                topic: Topic::PodRows(namespace),
                state: LinkState::Connecting,
            });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::summary::Claim;

    #[test]
    fn pods_of_a_namespace_are_awaited_before_what_runs_there_is_told() {
        let told: Arc<Mutex<Vec<WatchEvent>>> = Arc::default();
        let into = Arc::clone(&told);
        let (sink, _) = tap(Arc::new(move |event| into.lock().unwrap().push(event)));
        let record = record("team-a", "web");
        let records = WatchEvent::Records(vec![Delta::Reset(vec![record.clone(), record])]);
        let none = WatchEvent::Claims(Vec::<Delta<Claim>>::new());
        for event in [&records, &records, &none] {
            sink(event.clone());
        }
        let link = WatchEvent::Link {
            topic: Topic::PodRows("team-a".parse().unwrap()),
            state: LinkState::Connecting,
        };
        let expected = [link, records.clone(), records, none];
        assert_eq!(*told.lock().unwrap(), expected);
    }

    fn record(namespace: &str, id: &str) -> crate::service::summary::Record {
        let instance = InstanceKey {
            namespace: namespace.parse().unwrap(),
            id: id.parse().unwrap(),
        };
        crate::service::summary::Record {
            revision: None,
            ..crate::service::summary::Record::bare(instance)
        }
    }
}
