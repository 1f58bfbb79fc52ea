//! Objects of the kinds that only the record names: custom ones, and all that no service definition makes.
//!
//! Which they are is known once the record is, and a kind may be defined by the instance itself: it is looked for until it
//! is served. The record also names the namespaces beside the instance's own in which it has objects: everything is watched
//! there, too.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::Place;
use super::backoff::Backoff;
use super::decode::Parts;
use super::machine::{Rest, Sink, Subject, Watch};
use super::noted::Noted;
use crate::cluster::kinds::Resource;
use crate::cluster::project::MAX_ELSEWHERE;
use crate::cluster::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::failure::FailureKind;
use crate::service::summary::{InstanceKey, Record, WorkloadKind};
use crate::service::watch::{Delta, LinkState, Topic, WatchEvent};

/// How long until a kind is looked for again that is not served, at first, and at most: each look is one at all that is served.
/// Any change of the record begins anew with the first, since a deploy may have brought the kind.
const AGAIN: Duration = Duration::from_secs(5);
const AGAIN_AT_MOST: Duration = Duration::from_secs(120);

/// What records named.
#[derive(Default)]
pub(super) struct Named {
    all: Noted<All>,
    /// The last record, without the beats of its operation.
    record: watch::Sender<Option<Record>>,
}

/// Kinds that nothing else watches, and namespaces beside the instance's own.
#[derive(Debug, Clone, Default, PartialEq)]
struct All {
    kinds: BTreeSet<GroupKind>,
    elsewhere: BTreeSet<Namespace>,
}

impl Named {
    /// Takes note of what a record names, and tells the topics that are new.
    fn note(&self, record: &Record, tell: impl FnMut(Topic)) {
        let mut unbeaten = record.clone();
        if let Some(operation) = &mut unbeaten.operation {
            operation.heartbeat = Timestamp::UNIX_EPOCH;
        }
        self.record.send_if_modified(|latest| {
            let is_change = latest.as_ref() != Some(&unbeaten);
            *latest = Some(unbeaten);
            is_change
        });
        let grown = |known: &All| {
            let mut all = known.clone();
            all.kinds.extend(record.other_kinds.iter().cloned());
            // A record that is changed again and again must not open watches without end.
            for namespace in &record.elsewhere {
                if all.elsewhere.len() < MAX_ELSEWHERE {
                    all.elsewhere.insert(namespace.clone());
                }
            }
            (all != *known).then_some(all)
        };
        self.all.note(grown, |before, after| {
            let known = topics(before);
            let news = topics(after).into_iter();
            news.filter(|topic| !known.contains(topic)).for_each(tell);
        });
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
            let tell = |topic| {
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
            };
            records.for_each(|record| noted.note(record, tell));
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
        let all = named.all.all();
        let All { kinds, elsewhere } = &*all;
        for namespace in elsewhere {
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
                let record = named.record.subscribe();
                watches.spawn(follow(
                    cluster,
                    instance,
                    namespace,
                    kind.clone(),
                    record,
                    sink,
                ));
            }
        }
        named.all.news().await;
    }
}

async fn follow(
    cluster: Cluster,
    instance: InstanceKey,
    namespace: Namespace,
    kind: GroupKind,
    mut record: watch::Receiver<Option<Record>>,
    sink: Sink,
) {
    let topic = || Topic::Objects(kind.clone());
    if let Some(kind) = WorkloadKind::of(&kind) {
        let place = Place::new(Some(&namespace), &Selector::instance(&instance.id));
        return Watch::new(cluster, super::open_batch(&place, kind), sink)
            .run()
            .await;
    }
    let (mut again, mut backoff) = (AGAIN, Backoff::default());
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
                backoff.reset();
                again = match timeout(again, record.changed()).await {
                    Ok(Ok(())) => AGAIN,
                    // Nobody tells of records any more.
                    Ok(Err(_)) => return,
                    Err(_) => (again * 2).min(AGAIN_AT_MOST),
                };
            }
            Err(failure) => {
                let next_attempt_in = backoff.after_failure(Duration::ZERO);
                let rest = Rest {
                    until: Instant::now() + next_attempt_in,
                    is_outage: failure.kind == FailureKind::Unreachable,
                };
                sink(WatchEvent::Link {
                    topic: topic(),
                    state: LinkState::Retrying {
                        failure,
                        next_attempt_in,
                        data_age: None,
                    },
                });
                rest.over(&cluster.reach).await;
            }
        }
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
    use std::sync::Mutex;

    use serde_json::json;
    use tokio::time::sleep;

    use super::*;
    use crate::cluster::mock::{self, Log, Reply};
    use crate::service::operation::{Aim, Operation};

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
            named.note(&record(&[format!("team-{n_changes}")]), drop);
        }
        assert_eq!(named.all.all().elsewhere.len(), MAX_ELSEWHERE);
    }

    type Told = Arc<Mutex<Vec<WatchEvent>>>;

    /// Follows the widgets of an instance, whose kind is told by what answers for the groups.
    fn follow_widgets(
        apis: impl Fn() -> Reply + Send + Sync + 'static,
    ) -> (Arc<Named>, JoinSet<()>, Told, Log) {
        let (cluster, log) = mock::cluster(move |seen| match &*seen.uri {
            "/api" => Reply::json(200, json!({"kind": "APIGroupDiscoveryList", "items": []})),
            "/apis" => apis(),
            _ => Reply::Silence,
        });
        let (named, told) = (Arc::new(Named::default()), Told::default());
        let into = Arc::clone(&told);
        let sink: Sink = Arc::new(move |event| into.lock().unwrap().push(event));
        let InstanceKey { namespace, id } = record(&[]).instance;
        named.note(&record(&[]), drop);
        let mut watches = JoinSet::new();
        watches.spawn(follow(
            cluster,
            InstanceKey {
                namespace: namespace.clone(),
                id,
            },
            namespace,
            GroupKind::new("example.com", "Widget"),
            named.record.subscribe(),
            sink,
        ));
        (named, watches, told, log)
    }

    fn groups(kinds: &[&str]) -> Reply {
        let resources = kinds.iter().map(|kind| {
            let plural = format!("{}s", kind.to_lowercase());
            json!({"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced"})
        });
        let versions = json!([{"version": "v1", "resources": resources.collect::<Vec<_>>()}]);
        let group = json!({"metadata": {"name": "example.com"}, "versions": versions});
        let list = json!({"kind": "APIGroupDiscoveryList", "items": [group]});
        Reply::json(200, list)
    }

    /// A beat of an operation is no change.
    #[tokio::test(start_paused = true)]
    async fn a_kind_that_is_not_served_is_looked_for_as_soon_as_the_record_changes() {
        let is_served = Arc::new(Mutex::new(false));
        let serves = Arc::clone(&is_served);
        let (named, _watches, _, log) = follow_widgets(move || match *serves.lock().unwrap() {
            true => groups(&["Widget"]),
            false => groups(&[]),
        });
        let n_looks = || {
            let log = log.lock().unwrap();
            log.iter().filter(|seen| seen.uri == "/apis").count()
        };
        let is_watched = || {
            let log = log.lock().unwrap();
            log.iter().any(|seen| seen.uri.contains("/widgets?"))
        };
        let beat = |seconds: i64| Record {
            operation: Some(Operation {
                kind: "deploy".to_owned(),
                step: "apply Deployment/web".to_owned(),
                holder: "ann@bastion/42".to_owned(),
                heartbeat: Timestamp::from_second(seconds).unwrap(),
                started: None,
                number: None,
                of: None,
                rests: false,
                barred: false,
                aim: Aim::default(),
            }),
            ..record(&[])
        };
        named.note(&beat(0), drop);
        sleep(Duration::from_secs(400)).await;
        let n_before = n_looks();
        assert!((5..=9).contains(&n_before), "{n_before}");
        for seconds in 1..10 {
            named.note(&beat(seconds), drop);
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(n_looks(), n_before);
        *is_served.lock().unwrap() = true;
        named.note(&record(&[]), drop);
        sleep(AGAIN + Duration::from_secs(1)).await;
        assert!(is_watched());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_tell_its_kinds_is_asked_at_least_every_thirty_seconds() {
        let (_named, _watches, told, _) =
            follow_widgets(|| Reply::json(500, json!({"kind": "Status", "code": 500})));
        sleep(Duration::from_secs(600)).await;
        let told = told.lock().unwrap();
        let waits = told.iter().map(|event| match event {
            WatchEvent::Link {
                state:
                    LinkState::Retrying {
                        next_attempt_in, ..
                    },
                ..
            } => *next_attempt_in,
            event => panic!("{event:?}"),
        });
        let waits: BTreeSet<Duration> = waits.collect();
        assert!(
            *waits.last().unwrap() <= Duration::from_secs(30),
            "{waits:?}"
        );
        assert!(
            *waits.last().unwrap() > Duration::from_secs(15),
            "{waits:?}"
        );
        assert!(waits.len() > 10, "they spread: {waits:?}");
    }
}
