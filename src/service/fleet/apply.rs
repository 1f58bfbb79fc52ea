//! Taking watch events into a fleet: which instance each change concerns.
//!
//! Every step is idempotent, so that duplicates, unknown deletions and repeated lists all end in what the server has.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Fleet, Instance};
use crate::definition::id::Namespace;
use crate::definition::object::CLAIM;
use crate::service::connection::Link;
use crate::service::summary::{Claim, Event, InstanceKey, PodRow, Record, Workload, WorkloadKind};
use crate::service::watch::{Delta, ItemKey, Keyed, Topic, WatchEvent, apply_delta};

/// Most events that are kept of an instance: the newest of each object, and what a burst of objects may bring.
const MAX_EVENTS: usize = 50;

type Dirty = BTreeSet<InstanceKey>;

impl Fleet {
    /// Returns whether something changed beyond what a look at the dirty instances tells.
    pub(super) fn take_in(&mut self, event: WatchEvent, dirty: &mut Dirty, now: Timestamp) -> bool {
        match event {
            WatchEvent::Workloads(kind, deltas) => self.take_workloads(kind, deltas, dirty),
            WatchEvent::PodRows(namespace, deltas) => {
                for delta in deltas {
                    self.take_pod_row(&namespace, delta, dirty);
                }
                // Rows show in counts and health only, which tell by themselves whether they changed.
                return false;
            }
            WatchEvent::Claims(deltas) => self.take_claims(deltas, dirty),
            WatchEvent::Retained(deltas) => {
                for delta in deltas {
                    apply_delta(&mut self.retained, delta);
                }
            }
            WatchEvent::Records(deltas) => self.take_records(deltas, dirty, now),
            WatchEvent::Events(deltas) => {
                for delta in deltas {
                    self.take_event(delta, dirty);
                }
                return false;
            }
            // No instance is less known for what is not known of volumes that are left over.
            WatchEvent::Link {
                topic: Topic::Retained,
                state,
            } => self.retained_link = Some(Link::new(state, now)),
            WatchEvent::Link { topic, state } => {
                self.links.insert(topic, Link::new(state, now));
                dirty.extend(self.instances.keys().cloned());
            }
            // They concern one instance that is open, not the fleet.
            WatchEvent::Pods(_)
            | WatchEvent::Objects(..)
            | WatchEvent::Routes(..)
            | WatchEvent::Elsewhere(..) => return false,
        }
        true
    }

    fn instance(&mut self, key: &InstanceKey) -> &mut Instance {
        if !self.instances.contains_key(key) {
            self.instances
                .insert(key.clone(), Instance::new(key.clone()));
        }
        self.instances
            .get_mut(key)
            .expect("the instance was just inserted")
    }

    /// Removes what `is_gone` picks from every instance of a namespace, or of all.
    fn remove<T>(
        &mut self,
        namespace: Option<&Namespace>,
        dirty: &mut Dirty,
        items: impl Fn(&mut Instance) -> &mut Vec<T>,
        is_gone: impl Fn(&T) -> bool,
    ) {
        for (key, instance) in &mut self.instances {
            if namespace.is_some_and(|namespace| *namespace != key.namespace) {
                continue;
            }
            let items = items(instance);
            let before = items.len();
            items.retain(|item| !is_gone(item));
            if items.len() != before {
                dirty.insert(key.clone());
            }
        }
    }

    /// Notes that an instance holds an object, and returns the other one that held it before: its label may name another
    /// instance than then.
    fn hold(
        &mut self,
        holder: &InstanceKey,
        kind: &'static str,
        name: &str,
    ) -> Option<InstanceKey> {
        let object = (holder.namespace.clone(), kind, name.to_owned());
        let id = self.holders.insert(object, holder.id.clone())?;
        let namespace = holder.namespace.clone();
        (id != holder.id).then_some(InstanceKey { namespace, id })
    }

    /// Notes that an object is gone, and returns the instance that held it.
    fn let_go(&mut self, object: &ItemKey, kind: &'static str) -> Option<InstanceKey> {
        let namespace = object.namespace.clone();
        let object = (namespace.clone(), kind, object.name.clone());
        let id = self.holders.remove(&object)?;
        Some(InstanceKey { namespace, id })
    }

    /// Removes what `is_gone` picks from one instance.
    fn remove_from<T>(
        &mut self,
        holder: &InstanceKey,
        dirty: &mut Dirty,
        items: impl Fn(&mut Instance) -> &mut Vec<T>,
        is_gone: impl Fn(&T) -> bool,
    ) {
        if let Some(instance) = self.instances.get_mut(holder) {
            items(instance).retain(|item| !is_gone(item));
            dirty.insert(holder.clone());
        }
    }

    fn take_workloads(
        &mut self,
        kind: WorkloadKind,
        deltas: Vec<Delta<Workload>>,
        dirty: &mut Dirty,
    ) {
        let mut may_claim_strays = BTreeSet::new();
        for delta in deltas {
            match delta {
                Delta::Reset(all) => {
                    self.aliases.retain(|(_, of_kind, _), _| *of_kind != kind);
                    self.named.retain(|(_, of_kind, _), _| *of_kind != kind);
                    self.holders.retain(|(_, of, _), _| *of != kind.as_str());
                    self.remove(None, dirty, |i| &mut i.workloads, |w| w.kind == kind);
                    for workload in all {
                        may_claim_strays.insert(workload.instance.namespace.clone());
                        self.put_workload(workload, dirty);
                    }
                }
                Delta::Applied(workload) => {
                    may_claim_strays.insert(workload.instance.namespace.clone());
                    self.put_workload(workload, dirty);
                }
                Delta::Removed(key) => {
                    let alias = (key.namespace.clone(), kind, key.name.clone());
                    self.aliases.remove(&alias);
                    self.named.remove(&alias);
                    let is_gone = |w: &Workload| w.kind == kind && w.has_key(&key);
                    if let Some(holder) = self.let_go(&key, kind.as_str()) {
                        self.remove_from(&holder, dirty, |i| &mut i.workloads, is_gone);
                    }
                }
            }
        }
        for namespace in may_claim_strays {
            self.claim_strays(&namespace, dirty);
        }
    }

    fn put_workload(&mut self, workload: Workload, dirty: &mut Dirty) {
        let key = workload.instance.clone();
        let is_named = WorkloadKind::NAMED.contains(&workload.kind);
        if is_named || workload.name != key.id.as_str() {
            let alias = (key.namespace.clone(), workload.kind, workload.name.clone());
            let aliases = match is_named {
                true => &mut self.named,
                false => &mut self.aliases,
            };
            aliases.insert(alias, key.id.clone());
        }
        let same = |known: &Workload| known.kind == workload.kind && known.is_same(&workload);
        if let Some(before) = self.hold(&key, workload.kind.as_str(), &workload.name) {
            self.remove_from(&before, dirty, |i| &mut i.workloads, same);
        }
        let workloads = &mut self.instance(&key).workloads;
        match workloads.iter_mut().find(|w| same(w)) {
            Some(known) => *known = workload,
            None => workloads.push(workload),
        }
        dirty.insert(key);
    }

    fn take_pod_row(&mut self, namespace: &Namespace, delta: Delta<PodRow>, dirty: &mut Dirty) {
        match delta {
            Delta::Reset(rows) => {
                self.strays.remove(namespace);
                self.remove(Some(namespace), dirty, |i| &mut i.rows, |_| true);
                for row in rows {
                    self.put_row(namespace, row, dirty);
                }
            }
            Delta::Applied(row) => self.put_row(namespace, row, dirty),
            Delta::Removed(key) => self.remove_row(&key, dirty),
        }
    }

    fn put_row(&mut self, namespace: &Namespace, row: PodRow, dirty: &mut Dirty) {
        match self.instance_of_pod(namespace, &row.name) {
            Some(key) => {
                self.instance(&key).put_row(row);
                dirty.insert(key);
            }
            None => {
                let strays = self.strays.entry(namespace.clone()).or_default();
                strays.insert(row.name.clone(), row);
            }
        }
    }

    fn remove_row(&mut self, key: &ItemKey, dirty: &mut Dirty) {
        if let Some(strays) = self.strays.get_mut(&key.namespace) {
            strays.remove(&key.name);
        }
        if let Some(owner) = self.instance_of_pod(&key.namespace, &key.name)
            && self.instance(&owner).remove_row(&key.name)
        {
            dirty.insert(owner);
            return;
        }
        // Its workload went before it: then it still is where it was.
        let is_gone = |row: &PodRow| row.name == key.name;
        self.remove(Some(&key.namespace), dirty, |i| &mut i.rows, is_gone);
    }

    fn claim_strays(&mut self, namespace: &Namespace, dirty: &mut Dirty) {
        let Some(strays) = self.strays.remove(namespace) else {
            return;
        };
        for row in strays.into_values() {
            self.put_row(namespace, row, dirty);
        }
    }

    fn take_claims(&mut self, deltas: Vec<Delta<Claim>>, dirty: &mut Dirty) {
        for delta in deltas {
            match delta {
                Delta::Reset(all) => {
                    self.holders.retain(|(_, of, _), _| *of != CLAIM);
                    self.remove(None, dirty, |i| &mut i.claims, |_| true);
                    for claim in all {
                        self.put_claim(claim, dirty);
                    }
                }
                Delta::Applied(claim) => self.put_claim(claim, dirty),
                Delta::Removed(key) => {
                    let is_gone = |claim: &Claim| claim.has_key(&key);
                    if let Some(holder) = self.let_go(&key, CLAIM) {
                        self.remove_from(&holder, dirty, |i| &mut i.claims, is_gone);
                    }
                }
            }
        }
    }

    fn put_claim(&mut self, claim: Claim, dirty: &mut Dirty) {
        let key = claim.instance.clone();
        let same = |known: &Claim| known.is_same(&claim);
        if let Some(before) = self.hold(&key, CLAIM, &claim.name) {
            self.remove_from(&before, dirty, |i| &mut i.claims, same);
        }
        let claims = &mut self.instance(&key).claims;
        match claims.iter_mut().find(|c| same(c)) {
            Some(known) => *known = claim,
            None => {
                let idx = claims.partition_point(|known| known.name < claim.name);
                claims.insert(idx, claim);
            }
        }
        dirty.insert(key);
    }

    fn take_records(&mut self, deltas: Vec<Delta<Record>>, dirty: &mut Dirty, now: Timestamp) {
        let mut may_claim_strays = BTreeSet::new();
        for delta in deltas {
            match delta {
                Delta::Reset(all) => {
                    for (key, instance) in &mut self.instances {
                        if instance.record.take().is_some() {
                            dirty.insert(key.clone());
                        }
                    }
                    for record in all {
                        may_claim_strays.insert(record.instance.namespace.clone());
                        self.put_record(record, dirty, now);
                    }
                }
                Delta::Applied(record) => {
                    may_claim_strays.insert(record.instance.namespace.clone());
                    self.put_record(record, dirty, now);
                }
                Delta::Removed(key) => {
                    for (of, instance) in &mut self.instances {
                        if instance.record.as_ref().is_some_and(|r| r.has_key(&key)) {
                            instance.record = None;
                            dirty.insert(of.clone());
                        }
                    }
                }
            }
        }
        for namespace in may_claim_strays {
            self.claim_strays(&namespace, dirty);
        }
    }

    fn put_record(&mut self, record: Record, dirty: &mut Dirty, now: Timestamp) {
        let key = record.instance.clone();
        self.instance(&key).put_record(record, now);
        dirty.insert(key);
    }

    /// Keeps the newest event of each object and reason that belongs to a known instance.
    fn take_event(&mut self, delta: Delta<Event>, dirty: &mut Dirty) {
        match delta {
            Delta::Reset(all) => {
                self.remove(None, dirty, |i| &mut i.events, |_| true);
                for event in all {
                    self.take_event(Delta::Applied(event), dirty);
                }
            }
            Delta::Applied(event) => {
                let Some(key) = self.instance_of_event(&event) else {
                    return;
                };
                let events = &mut self.instance(&key).events;
                let about_same = |known: &Event| {
                    known.object_kind == event.object_kind
                        && known.object_name == event.object_name
                        && known.reason == event.reason
                };
                events.retain(|known| !about_same(known));
                if events.len() >= MAX_EVENTS {
                    events.remove(0);
                }
                events.push(event);
                dirty.insert(key);
            }
            Delta::Removed(key) => {
                let is_gone = |event: &Event| event.has_key(&key);
                self.remove(Some(&key.namespace), dirty, |i| &mut i.events, is_gone);
            }
        }
    }

    fn instance_of_event(&self, event: &Event) -> Option<InstanceKey> {
        if event.object_kind == "Pod" {
            return self.instance_of_pod(&event.namespace, &event.object_name);
        }
        let kind = match event.object_kind.as_str() {
            CLAIM => CLAIM,
            kind => {
                let mut kinds = WorkloadKind::ALL.into_iter().map(WorkloadKind::as_str);
                kinds.find(|it| *it == kind)?
            }
        };
        let namespace = event.namespace.clone();
        let object = (namespace.clone(), kind, event.object_name.clone());
        let id = self.holders.get(&object)?.clone();
        Some(InstanceKey { namespace, id })
    }
}
