//! Objects of the kinds that only the record names: custom ones, and all that no service definition makes.
//!
//! Which they are is known once the record is, and a kind may be defined by the instance itself: it is looked for until it
//! is served.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Place;
use super::decode::Parts;
use super::machine::{Sink, Subject, Watch};
use crate::cluster::kinds::Resource;
use crate::cluster::{Cluster, Selector};
use crate::definition::object::GroupKind;
use crate::failure::FailureKind;
use crate::service::summary::{InstanceKey, Record};
use crate::service::watch::{Delta, LinkState, Topic, WatchEvent};

/// How long until a kind is looked for again that is not served.
const AGAIN: Duration = Duration::from_secs(5);

/// The kinds that records named.
#[derive(Default)]
pub(super) struct Named {
    kinds: Mutex<BTreeSet<GroupKind>>,
    news: Notify,
}

impl Named {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<GroupKind>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of the kinds of a record; returns those that are new.
    fn note(&self, record: &Record) -> Vec<GroupKind> {
        let mut kinds = self.lock();
        let news = record.other_kinds.iter();
        let news: Vec<GroupKind> = news
            .filter(|kind| kinds.insert((*kind).clone()))
            .cloned()
            .collect();
        if !news.is_empty() {
            self.news.notify_one();
        }
        news
    }
}

/// Returns a sink that takes note of kinds before it passes events on.
pub(super) fn tap(sink: Sink) -> (Sink, Arc<Named>) {
    let named = Arc::new(Named::default());
    let noted = named.clone();
    let tapped: Sink = Arc::new(move |event| {
        if let WatchEvent::Records(deltas) = &event {
            let records = deltas.iter().flat_map(|delta| match delta {
                Delta::Reset(all) => all.as_slice(),
                Delta::Applied(record) => std::slice::from_ref(record),
                Delta::Removed(_) => &[],
            });
            // Told before the record, so that nothing looks complete without them.
            for kind in records.flat_map(|record| noted.note(record)) {
                sink(WatchEvent::Link {
                    topic: Topic::Objects(kind),
                    state: LinkState::Connecting,
                });
            }
        }
        sink(event);
    });
    (tapped, named)
}

/// Watches the objects of every kind that is named.
pub(super) async fn run(cluster: Cluster, instance: InstanceKey, named: Arc<Named>, sink: Sink) {
    let mut watched = BTreeSet::new();
    let mut watches = JoinSet::new();
    loop {
        let kinds = named.lock().clone();
        for kind in kinds {
            if watched.insert(kind.clone()) {
                let (cluster, instance, sink) = (cluster.clone(), instance.clone(), sink.clone());
                watches.spawn(watch(cluster, instance, kind, sink));
            }
        }
        named.news.notified().await;
    }
}

async fn watch(cluster: Cluster, instance: InstanceKey, kind: GroupKind, sink: Sink) {
    let topic = || Topic::Objects(kind.clone());
    loop {
        match cluster.resource(&kind).await {
            Ok(resource) => {
                let subject = subject(&resource, &instance);
                return Watch::new(cluster, subject, sink).run().await;
            }
            Err(failure) if failure.kind == FailureKind::NotFound => {
                // Of a kind that is not served nothing is there.
                sink(WatchEvent::Objects(
                    kind.clone(),
                    vec![Delta::Reset(Vec::new())],
                ));
                let state = LinkState::Live;
                sink(WatchEvent::Link {
                    topic: topic(),
                    state,
                });
            }
            Err(failure) => sink(WatchEvent::Link {
                topic: topic(),
                state: LinkState::Retrying {
                    failure,
                    next_attempt_in: AGAIN,
                    data_age: None,
                },
            }),
        }
        sleep(AGAIN).await;
    }
}

/// Returns what is asked about the objects of a kind.
pub(in crate::cluster) fn subject(resource: &Resource, instance: &InstanceKey) -> Subject<Parts> {
    let place = Place::new(Some(&instance.namespace), &Selector::instance(&instance.id));
    let kind = GroupKind::new(&resource.group, &resource.kind);
    let of = kind.clone();
    let emit = Box::new(move |deltas| vec![WatchEvent::Objects(of.clone(), deltas)]);
    let decode = Parts::of(resource.clone(), instance.clone());
    place.subject(Topic::Objects(kind), resource, decode, emit)
}
