//! An overview of all namespaces watches printed pods where instances are: rows do not name their namespace.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::machine::Sink;
use super::noted::Noted;
use crate::cluster::Cluster;
use crate::definition::id::Namespace;
use crate::service::summary::InstanceKey;
use crate::service::watch::{Delta, LinkState, Topic, WatchEvent};

/// Most namespaces whose pods are watched: each costs a connection. Beyond, workloads tell the ready counts alone.
const MAX_NAMESPACES: usize = 64;

/// The namespaces in which instances were seen.
pub(super) type Seen = Noted<BTreeSet<Namespace>>;

/// Returns the known namespaces with those of what is reported; none where that names no other.
fn grown<T>(
    known: &BTreeSet<Namespace>,
    deltas: &[Delta<T>],
    instance: impl Fn(&T) -> &InstanceKey,
) -> Option<BTreeSet<Namespace>> {
    let items = deltas.iter().flat_map(|delta| match delta {
        Delta::Reset(all) => all.as_slice(),
        Delta::Applied(item) => std::slice::from_ref(item),
        Delta::Removed(_) => &[],
    });
    let namespaces = items.map(|item| &instance(item).namespace);
    let news: BTreeSet<_> = namespaces.filter(|it| !known.contains(*it)).collect();
    let room = MAX_NAMESPACES.saturating_sub(known.len());
    let news = news.into_iter().take(room).cloned();
    let all: BTreeSet<_> = known.iter().cloned().chain(news).collect();
    (all.len() > known.len()).then_some(all)
}

/// Returns a sink that takes note of namespaces before it passes events on.
pub(super) fn tap(sink: Sink) -> (Sink, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let noted = seen.clone();
    let tapped: Sink = Arc::new(move |event| {
        // Told before what is in it, so that nothing looks complete without its pods.
        let tell = |before: &BTreeSet<Namespace>, after: &BTreeSet<Namespace>| {
            for namespace in after.difference(before) {
                sink(WatchEvent::Link {
                    topic: Topic::PodRows(namespace.clone()),
                    state: LinkState::Connecting,
                });
            }
        };
        match &event {
            WatchEvent::Workloads(_, deltas) => {
                noted.note(|known| grown(known, deltas, |item| &item.instance), tell);
            }
            WatchEvent::Records(deltas) => {
                noted.note(|known| grown(known, deltas, |item| &item.instance), tell);
            }
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
        for namespace in &*seen.all() {
            if watched.insert(namespace.clone()) {
                watches.spawn(cluster.printed_pods(namespace, &sink).run());
            }
        }
        seen.news().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

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
