//! Everything about one instance that is open: full pods, events, objects, beside what the fleet knows.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::health::{self, Health, InstanceView, Pods};
use super::summary::{Claim, Event, InstanceKey, ObjectRow, Pod, Record, Workload};
use super::watch::{Delta, LinkState, Topic, WatchEvent, apply_delta};
use crate::failure::Failure;

/// Most events that are kept; the oldest go first.
const MAX_EVENTS: usize = 1000;

/// What is known of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    key: InstanceKey,
    record: Option<Record>,
    workloads: Vec<Workload>,
    claims: Vec<Claim>,
    pods: Vec<Pod>,
    events: Vec<Event>,
    objects: Vec<ObjectRow>,
    links: BTreeMap<Topic, LinkState>,
}

impl Detail {
    /// Returns a detail of which nothing is known yet.
    pub fn new(key: InstanceKey) -> Self {
        Self {
            key,
            record: None,
            workloads: Vec::new(),
            claims: Vec::new(),
            pods: Vec::new(),
            events: Vec::new(),
            objects: Vec::new(),
            links: BTreeMap::new(),
        }
    }

    /// Takes in what a watch of this instance reports.
    pub fn apply(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Workloads(kind, deltas) => {
                for delta in deltas {
                    match delta {
                        Delta::Reset(all) => {
                            self.workloads.retain(|workload| workload.kind != kind);
                            self.workloads.extend(all);
                        }
                        Delta::Applied(workload) => {
                            self.workloads
                                .retain(|known| known.kind != kind || known.name != workload.name);
                            self.workloads.push(workload);
                        }
                        Delta::Removed(key) => self
                            .workloads
                            .retain(|known| known.kind != kind || known.name != key.name),
                    }
                }
                self.workloads
                    .sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
            }
            WatchEvent::Claims(deltas) => {
                apply_all(&mut self.claims, deltas);
                self.claims.sort_by(|a, b| a.name.cmp(&b.name));
            }
            WatchEvent::Records(deltas) => {
                let mut records: Vec<_> = self.record.take().into_iter().collect();
                apply_all(&mut records, deltas);
                self.record = records.pop();
            }
            WatchEvent::Pods(deltas) => {
                apply_all(&mut self.pods, deltas);
                self.pods.sort_by(|a, b| a.name.cmp(&b.name));
            }
            WatchEvent::Events(deltas) => {
                apply_all(&mut self.events, deltas);
                self.events.sort_by_key(|event| event.last_seen);
                let surplus = self.events.len().saturating_sub(MAX_EVENTS);
                self.events.drain(..surplus);
            }
            WatchEvent::Objects(kind, deltas) => {
                for delta in deltas {
                    self.take_object(&kind, delta);
                }
                self.objects.sort_by(|a, b| a.key.cmp(&b.key));
            }
            WatchEvent::Link { topic, state } => {
                self.links.insert(topic, state);
            }
            // The full pods say more.
            WatchEvent::PodRows(..) => {}
        }
    }

    fn take_object(
        &mut self,
        kind: &crate::definition::object::GroupKind,
        delta: Delta<ObjectRow>,
    ) {
        let is_of_kind = |row: &ObjectRow| row.key.kind == kind.kind && row.key.group == kind.group;
        match delta {
            Delta::Reset(all) => {
                self.objects.retain(|row| !is_of_kind(row));
                self.objects.extend(all);
            }
            Delta::Applied(row) => {
                self.objects
                    .retain(|known| !is_of_kind(known) || known.key.name != row.key.name);
                self.objects.push(row);
            }
            Delta::Removed(key) => self
                .objects
                .retain(|known| !is_of_kind(known) || known.key.name != key.name),
        }
    }

    /// Returns which instance it is.
    pub fn key(&self) -> &InstanceKey {
        &self.key
    }

    /// Returns its record.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Returns its Deployments and StatefulSets.
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

    /// Returns how a watch is doing; `Connecting` until it says so.
    pub fn link(&self, topic: &Topic) -> &LinkState {
        self.links.get(topic).unwrap_or(&LinkState::Connecting)
    }

    /// Returns what this user may not watch, with the server's reason.
    pub fn forbidden(&self) -> impl Iterator<Item = (&Topic, &Failure)> {
        self.links.iter().filter_map(|(topic, state)| match state {
            LinkState::Forbidden(failure) => Some((topic, failure)),
            _ => None,
        })
    }

    /// Tells whether all watches have reported everything there is once, or may not.
    pub fn is_complete(&self) -> bool {
        !self.links.is_empty()
            && self.links.values().all(|state| match state {
                LinkState::Live | LinkState::Forbidden(_) => true,
                LinkState::Retrying { data_age, .. } => data_age.is_some(),
                LinkState::Connecting => false,
            })
    }

    /// Tells whether nothing of the instance is there any more.
    pub fn is_gone(&self) -> bool {
        self.record.is_none() && self.workloads.is_empty() && self.pods.is_empty()
    }

    /// Returns how it is doing, with the reasons that only full pods and events give.
    pub fn health(&self, now: Timestamp) -> Health {
        health::health(&self.view(), now)
    }

    /// Returns what is known, for [`health::assess`].
    pub fn view(&self) -> InstanceView<'_> {
        InstanceView {
            record: self.record.as_ref(),
            workloads: &self.workloads,
            claims: &self.claims,
            pods: Pods::Full(&self.pods),
            events: &self.events,
            unknown: None,
        }
    }
}

fn apply_all<T: super::watch::Keyed>(items: &mut Vec<T>, deltas: Vec<Delta<T>>) {
    for delta in deltas {
        apply_delta(items, delta);
    }
}
