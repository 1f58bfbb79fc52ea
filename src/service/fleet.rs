//! All instances of a scope, kept up to date by watch events: one changed pod touches one instance.

mod apply;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::connection::{self, Link};
use super::drift::{self, Drift};
use super::health::State;
use super::instance::Instance;
use super::operation::Heard;
use super::pod_name;
use super::retained::RetainedVolume;
use super::summary::{Claim, InstanceKey, Pod, PodRow, WorkloadKind};
use super::watch::{LinkState, Topic, WatchEvent};
use crate::definition::id::{InstanceId, Namespace};
use crate::failure::Failure;

pub use super::connection::Connection;

/// How many instances are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateCounts {
    /// All that are deployed.
    pub total: usize,
    /// `Ready`.
    pub ready: usize,
    /// `Rolling`.
    pub rolling: usize,
    /// `Failing`.
    pub failing: usize,
    /// `Interrupted`.
    pub interrupted: usize,
    /// `Stopped`.
    pub stopped: usize,
    /// `Terminating`.
    pub terminating: usize,
    /// `Unknown`.
    pub unknown: usize,
}

/// The instances of a scope.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    instances: BTreeMap<InstanceKey, Instance>,
    /// Pods whose workload is not known: it comes later, or went before them.
    strays: HashMap<Namespace, BTreeMap<String, PodRow>>,
    /// Instances of workloads that are not named by their ID.
    aliases: HashMap<(Namespace, WorkloadKind, String), InstanceId>,
    /// Instances of DaemonSets, Jobs and CronJobs, whose pods bear names of another form.
    named: HashMap<(Namespace, WorkloadKind, String), InstanceId>,
    /// The instance that holds each workload and claim, by the object's namespace, kind and name.
    holders: HashMap<(Namespace, &'static str, String), InstanceId>,
    links: BTreeMap<Topic, Link>,
    /// Volumes that teardowns retained, where somebody looks at them.
    retained: Vec<RetainedVolume>,
    retained_link: Option<Link>,
    /// SHA-256 of the catalogue's definitions, by name.
    definitions: BTreeMap<InstanceId, String>,
}

impl Fleet {
    /// Returns a fleet of which nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what a watch reports. Returns whether anything that is shown may have changed.
    pub fn apply(&mut self, event: WatchEvent, now: Timestamp) -> bool {
        let mut dirty = BTreeSet::new();
        let has_changed = self.take_in(event, &mut dirty, now);
        self.recompute(dirty, now) || has_changed
    }

    /// Takes the catalogue's definitions, each with the SHA-256 of its text in hex, for the drift.
    pub fn set_definitions(
        &mut self,
        definitions: impl IntoIterator<Item = (InstanceId, String)>,
        now: Timestamp,
    ) {
        self.definitions = definitions.into_iter().collect();
        let all = self.instances.keys().cloned().collect();
        self.recompute(all, now);
    }

    /// Looks again at instances whose grace periods are over. Returns whether anything changed.
    pub fn refresh(&mut self, now: Timestamp) -> bool {
        let is_due = |instance: &&Instance| instance.look_again().is_some_and(|due| due <= now);
        let mut due: BTreeSet<_> = self
            .instances
            .values()
            .filter(is_due)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|i| i.key().clone())
            .collect();
        if connection::crosses_staleness(&mut self.links, now) {
            due.extend(self.instances.keys().cloned());
        }
        self.recompute(due, now)
    }

    /// Judges operations by the beats that their holders wrote: for who looks once, and sees no change.
    pub fn judge_by_beats(&mut self, now: Timestamp) {
        let noted = self.instances.values_mut().filter(|it| it.heard.is_some());
        let mut dirty = BTreeSet::new();
        for instance in noted {
            instance.heard = instance.heard.take().map(Heard::by_its_beat);
            dirty.insert(instance.key().clone());
        }
        self.recompute(dirty, now);
    }

    /// Returns the instances that may get nowhere for too long: who looks once sees that only in their pods.
    pub fn may_have_stalled(&self, now: Timestamp) -> impl Iterator<Item = &InstanceKey> {
        let stalled = self.instances().filter(move |it| it.may_have_stalled(now));
        stalled.map(Instance::key)
    }

    /// Takes all pods of an instance in full, which tell since when it gets nowhere.
    pub fn date_shortages(&mut self, key: &InstanceKey, pods: &[Pod], now: Timestamp) {
        if let Some(instance) = self.instances.get_mut(key) {
            instance.date_shortages(pods);
            self.recompute(BTreeSet::from([key.clone()]), now);
        }
    }

    /// Returns when [`Fleet::refresh`] can change something though no event comes.
    pub fn next_refresh(&self) -> Option<Timestamp> {
        let of_instances = self.instances.values().filter_map(Instance::look_again);
        let of_links = self.links.values().filter_map(Link::stale_at);
        of_instances.chain(of_links).min()
    }

    /// Returns the deployed instances, sorted by namespace and ID.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances
            .values()
            .filter(|instance| instance.is_deployed())
    }

    /// Returns an instance.
    pub fn get(&self, key: &InstanceKey) -> Option<&Instance> {
        self.instances
            .get(key)
            .filter(|instance| instance.is_deployed())
    }

    /// Returns all claims, those that a teardown kept included, sorted by instance.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.instances
            .values()
            .flat_map(|instance| instance.claims())
    }

    /// Returns the claims whose instance is not deployed any more.
    pub fn kept_claims(&self) -> impl Iterator<Item = &Claim> {
        let kept = self.instances.values().filter(|i| !i.is_deployed());
        kept.flat_map(|instance| instance.claims())
    }

    /// Returns the volumes that teardowns retained and that no claim holds, where they are watched.
    pub fn retained(&self) -> impl Iterator<Item = &RetainedVolume> {
        self.retained.iter().filter(|it| it.is_unclaimed())
    }

    /// Returns why this user may not see which volumes were retained, if that is so.
    pub fn retained_forbidden(&self) -> Option<&Failure> {
        self.retained_link.as_ref()?.forbidden()
    }

    /// Returns how reading which volumes were retained does; none where it has not begun.
    pub fn retained_link(&self) -> Option<&LinkState> {
        self.retained_link.as_ref().map(Link::state)
    }

    /// Forgets the volumes that teardowns retained: nobody looks at them any more.
    pub fn forget_retained(&mut self) {
        self.retained.clear();
        self.retained_link = None;
    }

    /// Returns the definitions of the catalogue from which nothing is deployed in this scope, sorted.
    pub fn saved(&self) -> impl Iterator<Item = &InstanceId> {
        let deployed: BTreeSet<&InstanceId> = self
            .instances()
            .map(|instance| match instance.record() {
                Some(record) => &record.definition,
                None => &instance.key().id,
            })
            .collect();
        self.definitions
            .keys()
            .filter(move |name| !deployed.contains(name))
    }

    /// Returns how many instances are in which state.
    pub fn counts(&self) -> StateCounts {
        let mut counts = StateCounts::default();
        for instance in self.instances() {
            counts.total += 1;
            match instance.state() {
                State::Ready => counts.ready += 1,
                State::Rolling => counts.rolling += 1,
                State::Failing => counts.failing += 1,
                State::Interrupted => counts.interrupted += 1,
                State::Stopped => counts.stopped += 1,
                State::Terminating => counts.terminating += 1,
                State::Unknown => counts.unknown += 1,
                // Only definitions are saved, never instances.
                State::Saved => {}
            }
        }
        counts
    }

    /// Tells whether what is noted in records is told as it changes, so that silence means something.
    pub fn hears(&self) -> bool {
        connection::hears(self.links.get(&Topic::Records))
    }

    /// Returns how the connection is doing, all watches taken together.
    pub fn connection(&self) -> Connection {
        connection::of(self.links.values())
    }

    /// Returns what this user may not watch, with the server's reason.
    pub fn forbidden(&self) -> impl Iterator<Item = (&Topic, &Failure)> {
        self.links
            .iter()
            .filter_map(|(topic, link)| Some((topic, link.forbidden()?)))
    }

    /// Tells whether all watches have reported everything there is once, or may not. Each says that it was begun before
    /// anything comes that it should complete; what is not watched is not awaited.
    pub fn is_complete(&self) -> bool {
        !self.links.is_empty() && self.links.values().all(Link::has_reported)
    }

    fn recompute(&mut self, dirty: BTreeSet<InstanceKey>, now: Timestamp) -> bool {
        let unknown = connection::staleness(self.links.values(), now);
        let hears = self.hears();
        let mut has_changed = false;
        for key in dirty {
            let Some(instance) = self.instances.get_mut(&key) else {
                continue;
            };
            if instance.is_empty() {
                self.instances.remove(&key);
                has_changed = true;
                continue;
            }
            let drift = drift_of(instance, &self.definitions, &self.links);
            let hidden =
                || connection::hidden(instance.record(), instance.workloads(), &self.links);
            let unknown = unknown.clone().or_else(hidden);
            has_changed |= instance.recompute(drift, (unknown.as_deref(), hears), now);
        }
        has_changed
    }

    /// Returns the instance whose workload makes pods of such a name.
    fn instance_of_pod(&self, namespace: &Namespace, pod: &str) -> Option<InstanceKey> {
        let named = || self.instance_of_named(namespace, pod);
        named().or_else(|| self.instance_of_replica(namespace, pod))
    }

    /// Returns the instance whose DaemonSet, Job or CronJob makes pods of such a name.
    fn instance_of_named(&self, namespace: &Namespace, pod: &str) -> Option<InstanceKey> {
        if self.named.is_empty() {
            return None;
        }
        let base = pod_name::of_generated(pod)?;
        let find = |kind, name: &str| self.named.get(&(namespace.clone(), kind, name.to_owned()));
        let numbered = || base.rsplit_once('-').map(|(name, _)| name);
        let id = find(WorkloadKind::DaemonSet, base)
            .or_else(|| find(WorkloadKind::Job, base))
            .or_else(|| find(WorkloadKind::CronJob, pod_name::of_scheduled(base)?))
            .or_else(|| find(WorkloadKind::Job, numbered()?))?;
        Some(InstanceKey {
            namespace: namespace.clone(),
            id: id.clone(),
        })
    }

    /// Returns the instance whose Deployment or StatefulSet does.
    fn instance_of_replica(&self, namespace: &Namespace, pod: &str) -> Option<InstanceKey> {
        let (kind, workload) = pod_name::owner(pod)?;
        let of_id = || {
            let id: InstanceId = workload.parse().ok()?;
            let key = InstanceKey {
                namespace: namespace.clone(),
                id,
            };
            let instance = self.instances.get(&key)?;
            instance.is_deployed().then_some(key)
        };
        if self.aliases.is_empty() {
            return of_id();
        }
        let alias = (namespace.clone(), kind, workload.to_owned());
        let of_alias = self.aliases.get(&alias).map(|id| InstanceKey {
            namespace: namespace.clone(),
            id: id.clone(),
        });
        of_alias.or_else(of_id)
    }
}

fn drift_of(
    instance: &Instance,
    definitions: &BTreeMap<InstanceId, String>,
    links: &BTreeMap<Topic, Link>,
) -> Option<Drift> {
    let record = instance.record();
    let is_edited = record.and_then(|record| {
        let applied = record.definition_hash.as_ref()?;
        Some(applied != definitions.get(&record.definition)?)
    });
    let is_listed = |kind| connection::is_listed(links, &Topic::Workloads(kind));
    let is_changed = drift::is_changed(record, instance.workloads(), is_listed);
    Drift::of(is_edited, is_changed)
}

#[cfg(test)]
mod tests;
