//! An overview of all namespaces for somebody who may not list in all of them: what is refused is watched in each namespace
//! that this user knows of, and it is said that others are not shown.
//!
//! The watch of everything goes on asking once a minute; as soon as it is allowed, it takes over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::decode::Decode;
use super::machine::{Sink, Subject, Watch};
use super::{Place, Running, batch_of, claims_of, records_of, workloads_of};
use crate::cluster::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::WorkloadKind;
use crate::service::watch::{Delta, ItemKey, LinkState, Topic, WatchEvent};

/// Most namespaces that are watched one by one: each costs a connection a kind.
const MAX_NAMESPACES: usize = 16;

/// What may not be watched in all namespaces at once.
#[derive(Default)]
pub(super) struct Refused {
    topics: Mutex<BTreeMap<Topic, Refusal>>,
    news: Notify,
}

#[derive(Debug, Clone)]
struct Refusal {
    failure: Failure,
    /// How often what was shown of everything was taken back, the namespaces' with it.
    n_cleared: u32,
}

impl Refused {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Topic, Refusal>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, topic: &Topic, failure: &Failure) {
        let mut topics = self.lock();
        let refusal = topics.entry(topic.clone()).or_insert_with(|| Refusal {
            failure: failure.clone(),
            n_cleared: 0,
        });
        refusal.failure = failure.clone();
        self.news.notify_one();
    }

    fn allow(&self, topic: &Topic) {
        if self.lock().remove(topic).is_some() {
            self.news.notify_one();
        }
    }

    fn clear(&self, topic: &Topic) {
        if let Some(refusal) = self.lock().get_mut(topic) {
            refusal.n_cleared += 1;
            self.news.notify_one();
        }
    }
}

/// Returns a sink that takes note of what is refused, instead of passing that on.
pub(super) fn tap(sink: Sink) -> (Sink, Arc<Refused>) {
    let refused = Arc::new(Refused::default());
    let noted = Arc::clone(&refused);
    let tapped: Sink = Arc::new(move |event| {
        match &event {
            WatchEvent::Link { topic, state } => match state {
                LinkState::Forbidden(failure) => return noted.refuse(topic, failure),
                _ => noted.allow(topic),
            },
            WatchEvent::Workloads(kind, _) => noted.clear(&Topic::Workloads(*kind)),
            WatchEvent::Claims(_) => noted.clear(&Topic::Claims),
            WatchEvent::Records(_) => noted.clear(&Topic::Records),
            _ => {}
        }
        sink(event);
    });
    (tapped, refused)
}

/// Watches what is refused in all namespaces in those that this user knows of.
pub(super) async fn run(cluster: Cluster, refused: Arc<Refused>, sink: Sink) {
    let mut known: Option<Vec<Namespace>> = None;
    let (mut backoff, mut retry_at) = (Backoff::default(), None);
    let mut told = None;
    let mut tell = |state: LinkState| {
        if told.as_ref() != Some(&state) {
            told = Some(state.clone());
            let topic = Topic::Elsewhere;
            sink(WatchEvent::Link { topic, state });
        }
    };
    let mut running: BTreeMap<Topic, (u32, JoinSet<()>)> = BTreeMap::new();
    loop {
        tokio::select! {
            () = refused.news.notified() => {}
            () = until(retry_at) => retry_at = None,
        }
        let topics = refused.lock().clone();
        running.retain(|topic, (n_cleared, _)| {
            let refusal = topics.get(topic);
            refusal.is_some_and(|refusal| refusal.n_cleared == *n_cleared)
        });
        let Some(Refusal { failure, .. }) = topics.values().next() else {
            retry_at = None;
            tell(LinkState::Live);
            continue;
        };
        if retry_at.is_some() {
            continue;
        }
        if known.is_none() {
            match known_namespaces(&cluster).await {
                Ok(mut namespaces) => {
                    namespaces.truncate(MAX_NAMESPACES);
                    known = Some(namespaces);
                }
                Err(failure) => {
                    let next_attempt_in = backoff.after_failure(Duration::ZERO);
                    retry_at = Some(Instant::now() + next_attempt_in);
                    tell(LinkState::Retrying {
                        failure,
                        next_attempt_in,
                        data_age: None,
                    });
                    continue;
                }
            }
        }
        let namespaces = known.as_deref().unwrap_or_default();
        tell(LinkState::Forbidden(elsewhere(namespaces, failure)));
        for (topic, refusal) in topics {
            running.entry(topic.clone()).or_insert_with(|| {
                (
                    refusal.n_cleared,
                    watch(&cluster, &topic, namespaces, &sink),
                )
            });
        }
    }
}

/// Waits until a moment; for ever without one.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Returns the namespaces there are, or the one that is worked in for somebody who may not list them.
///
/// # Errors
/// The server does not answer, or fails: then nobody knows how many there are.
pub(in crate::cluster) async fn known_namespaces(
    cluster: &Cluster,
) -> Result<Vec<Namespace>, Failure> {
    let kind = GroupKind::new("", "Namespace");
    let own = cluster.namespace().clone();
    let listed = cluster
        .list_metadata(&kind, None, &Selector::everything())
        .await;
    let objects = match listed {
        Ok(objects) => objects,
        Err(failure) if failure.kind == FailureKind::Forbidden => return Ok(vec![own]),
        Err(failure) => return Err(failure),
    };
    let mut names: Vec<Namespace> = objects
        .iter()
        .filter_map(|object| object.key.name.parse().ok())
        .collect();
    // The one that is worked in is never left out where only some of them are looked at.
    names.sort_by_key(|name| *name != own);
    Ok(names)
}

/// Puts together what was listed once in each of some namespaces, as a watch of all of them would tell it.
pub(in crate::cluster) fn merged(
    lists: Vec<(Option<Namespace>, Vec<WatchEvent>)>,
    unseen: Failure,
) -> Vec<WatchEvent> {
    let mut events = vec![WatchEvent::Link {
        topic: Topic::Elsewhere,
        state: LinkState::Forbidden(unseen),
    }];
    let mut states: BTreeMap<Topic, LinkState> = BTreeMap::new();
    for event in lists.into_iter().flat_map(|(_, events)| events) {
        match event {
            // Where one namespace may be listed, what may not be in others is told above.
            WatchEvent::Link { topic, state } => match states.get(&topic) {
                Some(LinkState::Live) => {}
                _ => drop(states.insert(topic, state)),
            },
            WatchEvent::Workloads(kind, deltas) => {
                events.push(WatchEvent::Workloads(kind, singly(deltas)));
            }
            WatchEvent::Claims(deltas) => events.push(WatchEvent::Claims(singly(deltas))),
            WatchEvent::Records(deltas) => events.push(WatchEvent::Records(singly(deltas))),
            other => events.push(other),
        }
    }
    let links = states.into_iter();
    events.extend(links.map(|(topic, state)| WatchEvent::Link { topic, state }));
    events
}

/// Makes of whole lists what adds to others.
fn singly<T>(deltas: Vec<Delta<T>>) -> Vec<Delta<T>> {
    let deltas = deltas.into_iter();
    deltas
        .flat_map(|delta| match delta {
            Delta::Reset(all) => all.into_iter().map(Delta::Applied).collect(),
            one => vec![one],
        })
        .collect()
}

/// Says that no other namespaces are shown than some.
pub(in crate::cluster) fn elsewhere(shown: &[Namespace], failure: &Failure) -> Failure {
    let shown: Vec<&str> = shown.iter().map(Namespace::as_str).collect();
    let summary = format!(
        "no permission to list in all namespaces, so that no others are shown than {}",
        shown.join(", ")
    );
    Failure {
        detail: failure.summary.clone(),
        ..Failure::new(FailureKind::Forbidden, summary)
    }
}

fn watch(cluster: &Cluster, topic: &Topic, namespaces: &[Namespace], sink: &Sink) -> JoinSet<()> {
    let merged = Arc::new(Mutex::new(Merged {
        topic: topic.clone(),
        states: namespaces
            .iter()
            .map(|name| (name.clone(), LinkState::Connecting))
            .collect(),
        told: None,
    }));
    let mut watches = JoinSet::new();
    for namespace in namespaces {
        let sink = within(namespace.clone(), Arc::clone(&merged), sink.clone());
        watches.extend(watch_of(cluster, topic, namespace, sink));
    }
    watches
}

fn watch_of(
    cluster: &Cluster,
    topic: &Topic,
    namespace: &Namespace,
    sink: Sink,
) -> Option<Running> {
    let managed = Place::new(Some(namespace), &Selector::managed());
    match topic {
        Topic::Records => {
            let records = Place::new(Some(namespace), &Selector::records());
            Some(follow(cluster, records_of(&records), sink))
        }
        Topic::Workloads(kind) if WorkloadKind::NAMED.contains(kind) => {
            Some(follow(cluster, batch_of(&managed, *kind), sink))
        }
        Topic::Workloads(kind) => Some(follow(cluster, workloads_of(&managed, *kind), sink)),
        Topic::Claims => Some(follow(cluster, claims_of(&managed), sink)),
        Topic::PodRows(_)
        | Topic::Pods
        | Topic::Events
        | Topic::Objects(_)
        | Topic::Retained
        | Topic::Elsewhere
        | Topic::In(..) => None,
    }
}

fn follow<D: Decode>(cluster: &Cluster, subject: Subject<D>, sink: Sink) -> Running {
    Box::pin(Watch::new(cluster.clone(), subject, sink).run())
}

/// How the watches of one topic are doing in all namespaces.
struct Merged {
    topic: Topic,
    states: BTreeMap<Namespace, LinkState>,
    told: Option<LinkState>,
}

impl Merged {
    /// Takes in a state, and returns what is to be told of all together.
    fn set(&mut self, namespace: &Namespace, state: LinkState) -> Option<WatchEvent> {
        self.states.insert(namespace.clone(), state);
        let gravest = self.states.values().max_by_key(|state| match state {
            // Where all are refused, nothing is shown; where some are, the others are.
            LinkState::Forbidden(_) => 0,
            LinkState::Live => 1,
            LinkState::Retrying { .. } => 2,
            LinkState::Connecting => 3,
        });
        let state = gravest
            .filter(|state| self.told.as_ref() != Some(*state))?
            .clone();
        self.told = Some(state.clone());
        Some(WatchEvent::Link {
            topic: self.topic.clone(),
            state,
        })
    }
}

/// Returns a sink for what is watched in one namespace: a whole list there replaces nothing of the others.
fn within(namespace: Namespace, merged: Arc<Mutex<Merged>>, sink: Sink) -> Sink {
    let known: Mutex<BTreeSet<String>> = Mutex::default();
    Arc::new(move |event| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let event = match event {
            WatchEvent::Link { state, .. } => {
                let mut merged = merged.lock().unwrap_or_else(PoisonError::into_inner);
                merged.set(&namespace, state)
            }
            WatchEvent::Workloads(kind, deltas) => {
                let deltas = local(&namespace, &mut known, deltas, |item| &item.name);
                Some(WatchEvent::Workloads(kind, deltas))
            }
            WatchEvent::Claims(deltas) => {
                let deltas = local(&namespace, &mut known, deltas, |item| &item.name);
                Some(WatchEvent::Claims(deltas))
            }
            WatchEvent::Records(deltas) => {
                let deltas = local(&namespace, &mut known, deltas, |item| &item.name);
                Some(WatchEvent::Records(deltas))
            }
            other => Some(other),
        };
        if let Some(event) = event {
            sink(event);
        }
    })
}

/// Makes single changes of a whole list.
fn local<T>(
    namespace: &Namespace,
    known: &mut BTreeSet<String>,
    deltas: Vec<Delta<T>>,
    name: impl Fn(&T) -> &String,
) -> Vec<Delta<T>> {
    let mut single = Vec::new();
    for delta in deltas {
        match delta {
            Delta::Reset(all) => {
                let names: BTreeSet<String> = all.iter().map(|item| name(item).clone()).collect();
                let gone = known.difference(&names).map(|name| ItemKey {
                    namespace: namespace.clone(),
                    name: name.clone(),
                });
                single.extend(gone.map(Delta::Removed));
                single.extend(all.into_iter().map(Delta::Applied));
                *known = names;
            }
            Delta::Applied(item) => {
                known.insert(name(&item).clone());
                single.push(Delta::Applied(item));
            }
            Delta::Removed(key) => {
                known.remove(&key.name);
                single.push(Delta::Removed(key));
            }
        }
    }
    single
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_one_namespace_takes_away_what_is_not_in_it_any_more() {
        let namespace: Namespace = "team-a".parse().unwrap();
        let mut known = BTreeSet::new();
        let mut told = |deltas: Vec<Delta<String>>| local(&namespace, &mut known, deltas, |it| it);
        let applied = |name: &str| Delta::Applied(name.to_owned());
        let removed = |name: &str| {
            Delta::Removed(ItemKey {
                namespace: namespace.clone(),
                name: name.to_owned(),
            })
        };
        let list = |names: [&str; 2]| vec![Delta::Reset(names.map(str::to_owned).to_vec())];
        assert_eq!(told(list(["a", "b"])), [applied("a"), applied("b")]);
        let single = vec![applied("c"), removed("a")];
        assert_eq!(told(single.clone()), single);
        let expected = [removed("c"), applied("b"), applied("d")];
        assert_eq!(told(list(["b", "d"])), expected);
    }
}
