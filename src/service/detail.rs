//! Everything about one instance that is open: full pods, events, objects, beside what the fleet knows.

mod elsewhere;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::address::{self, Address, Route};
use super::connection::{self, Link};
use super::drift;
use super::health::{self, Health, InstanceView, Pods};
use super::operation::Heard;
use super::summary::{Claim, Event, InstanceKey, ObjectRow, Pod, Record, Workload};
use super::watch::{Delta, Keyed, LinkState, RouteKind, Topic, WatchEvent, apply_delta};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::failure::Failure;

/// Most events that are kept; the oldest go first.
const MAX_EVENTS: usize = 1000;

/// What is known of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    key: InstanceKey,
    record: Option<Record>,
    heard: Option<Heard>,
    workloads: Vec<Workload>,
    claims: Vec<Claim>,
    pods: Vec<Pod>,
    events: Vec<Event>,
    objects: Vec<ObjectRow>,
    services: Vec<Route>,
    ingresses: Vec<Route>,
    links: BTreeMap<Topic, Link>,
    /// What bears its ID in the namespaces where another instance's things may be among it.
    shared: BTreeMap<Namespace, Detail>,
}

impl Detail {
    /// Returns a detail of which nothing is known yet.
    pub fn new(key: InstanceKey) -> Self {
        Self {
            key,
            record: None,
            heard: None,
            workloads: Vec::new(),
            claims: Vec::new(),
            pods: Vec::new(),
            events: Vec::new(),
            objects: Vec::new(),
            services: Vec::new(),
            ingresses: Vec::new(),
            links: BTreeMap::new(),
            shared: BTreeMap::new(),
        }
    }

    /// Takes in what a watch of this instance reports.
    pub fn apply(&mut self, event: WatchEvent, now: Timestamp) {
        match event {
            WatchEvent::Elsewhere(namespace, event) => match *event {
                // The record is in the instance's own namespace alone.
                WatchEvent::Records(_) | WatchEvent::Elsewhere(..) => {}
                event => self.take_in_shared(&namespace, event, now),
            },
            event @ (WatchEvent::Records(_) | WatchEvent::Link { .. }) => {
                let own = self.key.namespace.clone();
                self.take_in(&own, event, now);
            }
            event => self.take_in_at_home(event, now),
        }
    }

    /// Takes in what is reported of the instance's own namespace.
    fn take_in_at_home(&mut self, event: WatchEvent, now: Timestamp) {
        let own = self.key.namespace.clone();
        if self.shared.contains_key(&own) {
            return self.take_in_shared(&own, event, now);
        }
        let may_bring_guests = matches!(event, WatchEvent::Objects(..));
        self.take_in(&own, event, now);
        if may_bring_guests && self.has_guests() {
            self.part_from_guests();
        }
    }

    /// Takes in what is reported of one namespace.
    fn take_in(&mut self, namespace: &Namespace, event: WatchEvent, now: Timestamp) {
        match event {
            WatchEvent::Workloads(kind, deltas) => {
                let is_meant = |workload: &Workload| workload.kind == kind;
                change(&mut self.workloads, namespace, is_meant, deltas);
                self.sort_workloads();
            }
            WatchEvent::Claims(deltas) => {
                change(&mut self.claims, namespace, |_| true, deltas);
                self.claims.sort_by(|a, b| a.name.cmp(&b.name));
            }
            WatchEvent::Records(deltas) => {
                let mut records: Vec<_> = self.record.take().into_iter().collect();
                apply_all(&mut records, deltas);
                self.record = records.pop();
                let noted = self.record.as_ref().and_then(|it| it.operation.as_ref());
                self.heard = Heard::next(self.heard.take(), noted, now);
            }
            WatchEvent::Pods(deltas) => {
                change(&mut self.pods, namespace, |_| true, deltas);
                self.pods.sort_by(|a, b| a.name.cmp(&b.name));
            }
            WatchEvent::Events(deltas) => {
                change(&mut self.events, namespace, |_| true, deltas);
                self.sort_events();
            }
            WatchEvent::Objects(kind, deltas) => {
                let is_of_kind = |row: &ObjectRow| GroupKind::of(&row.key) == kind;
                change(&mut self.objects, namespace, is_of_kind, deltas);
                self.objects.sort_by(|a, b| a.key.cmp(&b.key));
            }
            WatchEvent::Routes(RouteKind::Service, deltas) => {
                change(&mut self.services, namespace, |_| true, deltas);
            }
            WatchEvent::Routes(RouteKind::Ingress, deltas) => {
                change(&mut self.ingresses, namespace, |_| true, deltas);
            }
            WatchEvent::Link { topic, state } => {
                self.links.insert(topic, Link::new(state, now));
            }
            // The full pods say more.
            WatchEvent::PodRows(..) | WatchEvent::Elsewhere(..) => {}
            // They are of what was, and of another view.
            WatchEvent::Retained(_) => {}
        }
    }

    fn sort(&mut self) {
        self.sort_workloads();
        self.claims.sort_by(|a, b| a.name.cmp(&b.name));
        self.pods.sort_by(|a, b| a.name.cmp(&b.name));
        self.objects.sort_by(|a, b| a.key.cmp(&b.key));
        self.sort_events();
    }

    fn sort_workloads(&mut self) {
        self.workloads.sort_by(|a, b| {
            let place = |it: &Workload| it.instance.namespace.clone();
            (a.kind, &a.name, place(a)).cmp(&(b.kind, &b.name, place(b)))
        });
    }

    fn sort_events(&mut self) {
        self.events.sort_by_key(|event| event.last_seen);
        let surplus = self.events.len().saturating_sub(MAX_EVENTS);
        self.events.drain(..surplus);
    }

    /// Returns which instance it is.
    pub fn key(&self) -> &InstanceKey {
        &self.key
    }

    /// Returns its record.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Returns its workloads.
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// Returns its claims, sorted by name.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Returns its pods, sorted by name.
    pub fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// Returns the events of its objects, the newest last.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Returns the objects that bear its labels, sorted by kind and name.
    pub fn objects(&self) -> &[ObjectRow] {
        &self.objects
    }

    /// Returns where it is reached, the best address first. `node` is the address of any node.
    pub fn addresses(&self, node: Option<&str>) -> Vec<Address> {
        address::addresses(self.ingresses.iter().chain(&self.services), node)
    }

    /// Returns how a watch is doing; `Connecting` until it says so.
    pub fn link(&self, topic: &Topic) -> &LinkState {
        let link = self.links.get(topic);
        link.map_or(&LinkState::Connecting, Link::state)
    }

    /// Returns how each watch is doing that has said so.
    pub fn links(&self) -> impl Iterator<Item = (&Topic, &LinkState)> {
        self.links.iter().map(|(topic, link)| (topic, link.state()))
    }

    /// Returns what this user may not watch, with the server's reason.
    pub fn forbidden(&self) -> impl Iterator<Item = (&Topic, &Failure)> {
        self.links
            .iter()
            .filter_map(|(topic, link)| Some((topic, link.forbidden()?)))
    }

    /// Tells whether all watches have reported everything there is once, or may not.
    pub fn is_complete(&self) -> bool {
        !self.links.is_empty() && self.links.values().all(Link::has_reported)
    }

    /// Tells whether nothing of the instance is there any more.
    pub fn is_gone(&self) -> bool {
        self.record.is_none() && self.workloads.is_empty() && self.pods.is_empty()
    }

    /// Returns how it is doing, with the reasons that only full pods and events give.
    pub fn health(&self, now: Timestamp) -> Health {
        let unknown = self.unknown(now);
        let view = InstanceView {
            record: self.record.as_ref(),
            workloads: &self.workloads,
            claims: &self.claims,
            pods: Pods::Full(&self.pods),
            events: &self.events,
            objects: &self.objects,
            shortages: &[],
            // Where no news come, no beats do.
            heard: self.heard.as_ref().map(Heard::since).filter(|_| {
                let link = self.links.get(&Topic::Records);
                connection::hears(link)
            }),
            unknown: unknown.as_deref(),
        };
        health::health(&view, now)
    }

    /// Judges its operation by the beat that the holder wrote: for who looks once, and sees no change.
    pub fn judge_by_beats(&mut self) {
        self.heard = self.heard.take().map(Heard::by_its_beat);
    }

    /// Tells whether somebody changed its objects, by who set their fields; none where nobody can say.
    pub fn is_changed(&self) -> Option<bool> {
        let is_listed = |kind| connection::is_listed(&self.links, &Topic::Workloads(kind));
        let of_workloads = drift::is_changed(self.record(), &self.workloads, is_listed)?;
        Some(of_workloads || drift::has_foreign(&self.objects))
    }

    /// Returns why nothing can be said, if that is so.
    fn unknown(&self, now: Timestamp) -> Option<String> {
        let telling = self.links.iter().filter(|(topic, _)| topic.tells_health());
        connection::staleness(telling.map(|(_, link)| link), now)
            .or_else(|| connection::hidden(self.record(), self.workloads(), &self.links))
    }
}

/// Changes those items of a list that are in a namespace and meant: a whole list replaces nothing else.
fn change<T: Keyed>(
    items: &mut Vec<T>,
    namespace: &Namespace,
    is_meant: impl Fn(&T) -> bool,
    deltas: Vec<Delta<T>>,
) {
    let is_here = |item: &T| item.namespace() == namespace && is_meant(item);
    let (mut here, rest) = std::mem::take(items).into_iter().partition(is_here);
    apply_all(&mut here, deltas);
    *items = rest;
    items.extend(here);
}

fn apply_all<T: Keyed>(items: &mut Vec<T>, deltas: Vec<Delta<T>>) {
    for delta in deltas {
        apply_delta(items, delta);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::failure::FailureKind;
    use crate::service::health::State;
    use crate::service::summary::WorkloadKind;

    fn now() -> Timestamp {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }

    fn key() -> InstanceKey {
        InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "web".parse().unwrap(),
        }
    }

    fn record() -> Record {
        Record {
            uid: "r".to_owned(),
            created: now(),
            ..Record::bare(key())
        }
    }

    fn link(topic: Topic, state: LinkState) -> WatchEvent {
        WatchEvent::Link { topic, state }
    }

    fn check(detail: &Detail, now: Timestamp, state: State, reason: Option<&str>) {
        let health = detail.health(now);
        assert_eq!((health.state, health.reason.as_deref()), (state, reason));
    }

    #[test]
    fn hidden_workload_is_unknown_not_missing() {
        let mut detail = Detail::new(key());
        detail.apply(WatchEvent::Records(vec![Delta::Applied(record())]), now());
        let missing = "the workload is missing: somebody deleted it";
        check(&detail, now(), State::Failing, Some(missing));
        let refusal = Failure::new(FailureKind::Forbidden, "you may not");
        let deployments = Topic::Workloads(WorkloadKind::Deployment);
        detail.apply(link(deployments, LinkState::Forbidden(refusal)), now());
        check(&detail, now(), State::Unknown, Some("you may not"));
    }

    #[test]
    fn old_data_is_no_longer_believed_after_a_while() {
        let mut detail = Detail::new(key());
        let runs_nothing = Record {
            applied: Vec::new(),
            has_workload: false,
            ..record()
        };
        detail.apply(
            WatchEvent::Records(vec![Delta::Applied(runs_nothing)]),
            now(),
        );
        let retrying = LinkState::Retrying {
            failure: Failure::new(FailureKind::Unreachable, "connection refused"),
            next_attempt_in: Duration::from_secs(4),
            data_age: Some(Duration::from_secs(20)),
        };
        detail.apply(link(Topic::Events, retrying.clone()), now());
        let later = |seconds| now() + Duration::from_secs(seconds);
        check(&detail, later(40), State::Ready, None);
        detail.apply(link(Topic::Records, retrying), now());
        check(&detail, later(39), State::Ready, None);
        let why = "no news from the cluster: connection refused";
        check(&detail, later(40), State::Unknown, Some(why));
        detail.apply(link(Topic::Records, LinkState::Live), later(50));
        check(&detail, later(50), State::Ready, None);
    }
}
