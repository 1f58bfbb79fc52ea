//! Objects of the kinds that only the record names: custom ones, and all that no service definition makes.
//!
//! Which they are is known once the record is, and a kind may be defined by the instance itself: it is looked for until it
//! is served. The record also names the namespaces beside the instance's own in which it has objects: everything is watched
//! there, too.

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
use crate::cluster::project::MAX_ELSEWHERE;
use crate::cluster::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::failure::FailureKind;
use crate::service::summary::{InstanceKey, Record, WorkloadKind};
use crate::service::watch::{Delta, LinkState, Topic, WatchEvent};

/// How long until a kind is looked for again that is not served, at first, and at most: each look is one at all that is served.
const AGAIN: Duration = Duration::from_secs(5);
const AGAIN_AT_MOST: Duration = Duration::from_secs(120);

/// What records named.
#[derive(Default)]
pub(super) struct Named {
    all: Mutex<All>,
    news: Notify,
}

/// Kinds that nothing else watches, and namespaces beside the instance's own.
#[derive(Debug, Clone, Default)]
struct All {
    kinds: BTreeSet<GroupKind>,
    elsewhere: BTreeSet<Namespace>,
}

impl Named {
    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what a record names; returns the topics that are new.
    fn note(&self, record: &Record) -> Vec<Topic> {
        let mut all = self.lock();
        let before = all.clone();
        all.kinds.extend(record.other_kinds.iter().cloned());
        // A record that is changed again and again must not open watches without end.
        for namespace in &record.elsewhere {
            if all.elsewhere.len() < MAX_ELSEWHERE {
                all.elsewhere.insert(namespace.clone());
            }
        }
        let known = topics(&before);
        let news: Vec<Topic> = topics(&all)
            .into_iter()
            .filter(|topic| !known.contains(topic))
            .collect();
        if !news.is_empty() {
            self.news.notify_one();
        }
        news
    }
}

/// Returns what is watched because of what was named.
fn topics(all: &All) -> BTreeSet<Topic> {
    let kinds = || all.kinds.iter().cloned().map(Topic::Objects);
    // Among its ConfigMaps is the record of another instance, by which what is there is told apart.
    let maps = Topic::Objects(GroupKind::new("", "ConfigMap"));
    let there = all.elsewhere.iter().flat_map(|namespace| {
        let topics = super::TOPICS_ELSEWHERE.into_iter().chain([maps.clone()]);
        let topics = topics.chain(kinds());
        topics.map(|topic| Topic::In(namespace.clone(), Box::new(topic)))
    });
    kinds().chain(there).collect()
}

/// Returns a sink that takes note of kinds and namespaces before it passes events on.
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
            for topic in records.flat_map(|record| noted.note(record)) {
                let state = LinkState::Connecting;
                sink(match topic {
                    Topic::In(namespace, topic) => {
                        let link = WatchEvent::Link {
                            topic: *topic,
                            state,
                        };
                        WatchEvent::Elsewhere(namespace, Box::new(link))
                    }
                    topic => WatchEvent::Link { topic, state },
                });
            }
        }
        sink(event);
    });
    (tapped, named)
}

/// Returns a sink for what is watched in a namespace beside the instance's own.
fn within(namespace: &Namespace, sink: &Sink) -> Sink {
    let (namespace, sink) = (namespace.clone(), sink.clone());
    Arc::new(move |event| sink(WatchEvent::Elsewhere(namespace.clone(), Box::new(event))))
}

/// Watches the objects of every kind that is named, and everything in every namespace that is.
pub(super) async fn run(
    cluster: Cluster,
    instance: InstanceKey,
    named: Arc<Named>,
    events_after: Duration,
    sink: Sink,
) {
    let (mut watched, mut opened) = (BTreeSet::new(), BTreeSet::new());
    let mut watches = JoinSet::new();
    loop {
        let All { kinds, elsewhere } = named.lock().clone();
        for namespace in &elsewhere {
            if opened.insert(namespace.clone()) {
                let there = within(namespace, &sink);
                let all = cluster.watches_elsewhere(&instance, namespace, events_after, &there);
                all.into_iter().for_each(|watch| drop(watches.spawn(watch)));
            }
        }
        let places = std::iter::once(None).chain(elsewhere.iter().map(Some));
        for (place, kind) in places.flat_map(|place| kinds.iter().map(move |kind| (place, kind))) {
            if watched.insert((place.cloned(), kind.clone())) {
                let sink = place.map_or_else(|| sink.clone(), |place| within(place, &sink));
                let namespace = place.unwrap_or(&instance.namespace).clone();
                let (cluster, instance) = (cluster.clone(), instance.clone());
                watches.spawn(watch(cluster, instance, namespace, kind.clone(), sink));
            }
        }
        named.news.notified().await;
    }
}

async fn watch(
    cluster: Cluster,
    instance: InstanceKey,
    namespace: Namespace,
    kind: GroupKind,
    sink: Sink,
) {
    let topic = || Topic::Objects(kind.clone());
    if let Some(kind) = WorkloadKind::of(&kind) {
        let place = Place::new(Some(&namespace), &Selector::instance(&instance.id));
        return Watch::new(cluster, super::open_batch(&place, kind), sink)
            .run()
            .await;
    }
    let mut again = AGAIN;
    loop {
        match cluster.resource(&kind).await {
            // What is in no namespace is seen from the instance's own.
            Ok(resource) if resource.is_namespaced || namespace == instance.namespace => {
                let subject = subject(&resource, &instance, &namespace);
                return Watch::new(cluster, subject, sink).run().await;
            }
            Ok(_) => {
                let state = LinkState::Live;
                return sink(WatchEvent::Link {
                    topic: topic(),
                    state,
                });
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
                    next_attempt_in: again,
                    data_age: None,
                },
            }),
        }
        sleep(again).await;
        again = (again * 2).min(AGAIN_AT_MOST);
    }
}

/// Returns what is asked about the objects of a kind in a namespace.
pub(in crate::cluster) fn subject(
    resource: &Resource,
    instance: &InstanceKey,
    namespace: &Namespace,
) -> Subject<Parts> {
    let place = Place::new(Some(namespace), &Selector::instance(&instance.id));
    let kind = GroupKind::new(&resource.group, &resource.kind);
    let of = kind.clone();
    let emit = Box::new(move |deltas| vec![WatchEvent::Objects(of.clone(), deltas)]);
    let decode = Parts::of(resource.clone(), instance, namespace);
    place.subject(Topic::Objects(kind), resource, decode, emit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(elsewhere: &[String]) -> Record {
        let instance = InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "web".parse().unwrap(),
        };
        Record {
            elsewhere: elsewhere.iter().map(|it| it.parse().unwrap()).collect(),
            ..Record::bare(instance)
        }
    }

    #[test]
    fn a_record_that_names_ever_other_namespaces_opens_a_bounded_number_of_watches() {
        let named = Named::default();
        for n_changes in 0..MAX_ELSEWHERE * 3 {
            named.note(&record(&[format!("team-{n_changes}")]));
        }
        assert_eq!(named.lock().elsewhere.len(), MAX_ELSEWHERE);
    }
}
