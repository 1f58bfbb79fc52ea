//! An instance as it runs: what is known of its record, workloads, claims and pods, and what follows from that.

use jiff::Timestamp;

use super::drift::Drift;
use super::health::{self, Assessment, Health, InstanceView, Pods, Shortage, State};
use super::operation::{Heard, Operation};
use super::summary::{self, Claim, Event, InstanceKey, Pod, PodRow, Record, Workload};
use super::{images, quantity};

/// What the pods of an instance add up to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodCounts {
    /// Pods there are.
    pub total: u32,
    /// Pods all of whose containers are ready.
    pub ready: u32,
    /// Restarts of all containers.
    pub restarts: u32,
    /// The most telling STATUS that is neither `Running` nor `Completed`, with the pod's name.
    pub worst: Option<(String, String)>,
}

/// What the claims of an instance add up to: `10Gi 2/2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeCounts {
    /// Sizes added up: capacity where bound, else what was asked for.
    pub size: String,
    /// Claims that are bound.
    pub bound: u32,
    /// Claims there are.
    pub total: u32,
}

/// A deployed instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    key: InstanceKey,
    pub(super) record: Option<Record>,
    pub(super) workloads: Vec<Workload>,
    pub(super) claims: Vec<Claim>,
    /// Sorted by name.
    pub(super) rows: Vec<PodRow>,
    pub(super) events: Vec<Event>,
    /// The operation that the record notes, as it was heard of last.
    pub(super) heard: Option<Heard>,
    /// Since when its workloads that are short of pods are so, as far as somebody looked on.
    shortages: Vec<Shortage>,
    pods: PodCounts,
    assessment: Assessment,
    drift: Option<Drift>,
}

impl Instance {
    pub(super) fn new(key: InstanceKey) -> Self {
        let health = Health::plain(State::Unknown);
        Self {
            key,
            record: None,
            workloads: Vec::new(),
            claims: Vec::new(),
            rows: Vec::new(),
            events: Vec::new(),
            heard: None,
            shortages: Vec::new(),
            pods: PodCounts::default(),
            assessment: Assessment {
                health,
                look_again: None,
            },
            drift: None,
        }
    }

    /// Returns what identifies it.
    pub fn key(&self) -> &InstanceKey {
        &self.key
    }

    /// Returns its record; none where somebody deleted it, or where it may not be read.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Returns the operation that its record notes.
    pub fn operation(&self) -> Option<&Operation> {
        self.record.as_ref()?.operation.as_ref()
    }

    /// Returns its workloads.
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// Returns its claims.
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// Returns its pods as the server prints them, sorted by name.
    pub fn pod_rows(&self) -> &[PodRow] {
        &self.rows
    }

    /// Returns what its pods add up to.
    pub fn pods(&self) -> &PodCounts {
        &self.pods
    }

    /// Returns how it is doing.
    pub fn health(&self) -> &Health {
        &self.assessment.health
    }

    /// Returns its state.
    pub fn state(&self) -> State {
        self.assessment.health.state
    }

    /// Returns how the catalogue's definition, what was applied and the workloads compare; none where nobody can say.
    pub fn drift(&self) -> Option<Drift> {
        self.drift
    }

    /// Returns how many pods are wanted.
    pub fn wanted(&self) -> u32 {
        summary::counted(&self.workloads)
            .map(|workload| workload.wanted)
            .sum()
    }

    /// Returns how many pods are ready, as the workloads' controllers count them.
    pub fn ready(&self) -> u32 {
        summary::counted(&self.workloads)
            .map(|workload| workload.ready)
            .sum()
    }

    /// Returns what its claims add up to; none without claims.
    pub fn volumes(&self) -> Option<VolumeCounts> {
        if self.claims.is_empty() {
            return None;
        }
        let size_of = |claim: &Claim| {
            let size = claim.capacity.as_deref().unwrap_or(&claim.requested);
            quantity::bytes(size).unwrap_or(0)
        };
        let bound = self.claims.iter().filter(|claim| claim.phase == "Bound");
        let total = self
            .claims
            .iter()
            .map(size_of)
            .fold(0, u128::saturating_add);
        Some(VolumeCounts {
            size: quantity::show_bytes(total),
            bound: u32::try_from(bound.count()).unwrap_or(u32::MAX),
            total: u32::try_from(self.claims.len()).unwrap_or(u32::MAX),
        })
    }

    /// Returns the images of its containers in short.
    pub fn images(&self) -> Option<String> {
        let images = self.workloads.iter().flat_map(|workload| &workload.images);
        images::in_short(images)
    }

    /// Returns the number of the revision that is applied.
    pub fn revision(&self) -> Option<u32> {
        self.record.as_ref()?.revision
    }

    /// Returns when it was first applied.
    pub fn created(&self) -> Option<Timestamp> {
        let of_workloads = || self.workloads.iter().map(|workload| workload.created).min();
        self.record
            .as_ref()
            .map(|record| record.created)
            .or_else(of_workloads)
    }

    /// Returns when it expires, where it does.
    pub fn expires(&self) -> Option<Timestamp> {
        self.record.as_ref()?.expires
    }

    /// Tells whether it runs or should run; claims that a teardown kept are no instance any more.
    pub fn is_deployed(&self) -> bool {
        self.record.is_some() || !self.workloads.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.is_deployed() && self.claims.is_empty() && self.rows.is_empty()
    }

    pub(super) fn look_again(&self) -> Option<Timestamp> {
        self.assessment.look_again
    }

    /// Takes its record as it is now.
    pub(super) fn put_record(&mut self, record: Record, now: Timestamp) {
        self.heard = Heard::next(self.heard.take(), record.operation.as_ref(), now);
        self.record = Some(record);
    }

    /// Computes again what follows from the parts; `hears` tells whether what changes is told now. Returns whether anything
    /// did change.
    pub(super) fn recompute(
        &mut self,
        drift: Option<Drift>,
        (unknown, hears): (Option<&str>, bool),
        now: Timestamp,
    ) -> bool {
        let pods = count(&self.rows);
        let short = self.workloads.iter();
        let short = short.filter_map(|it| Shortage::of(it, &self.shortages, now));
        self.shortages = short.collect();
        let assessment = health::assess(
            &InstanceView {
                record: self.record.as_ref(),
                workloads: &self.workloads,
                claims: &self.claims,
                pods: Pods::Rows(&self.rows),
                events: &self.events,
                objects: &[],
                shortages: &self.shortages,
                // Where no news come, no beats do.
                heard: self.heard.as_ref().map(Heard::since).filter(|_| hears),
                unknown,
            },
            now,
        );
        let changed =
            pods != self.pods || assessment.health != self.assessment.health || drift != self.drift;
        (self.pods, self.assessment, self.drift) = (pods, assessment, drift);
        changed
    }

    /// Tells whether it may stand still for too long without anybody having looked on for that long.
    pub(super) fn may_have_stalled(&self, now: Timestamp) -> bool {
        let stalled = |it: &Workload| health::may_have_stalled(it, &self.rows, now);
        self.state() == State::Rolling && self.workloads.iter().any(stalled)
    }

    /// Takes from all its pods in full since when its workloads are short of them.
    pub(super) fn date_shortages(&mut self, pods: &[Pod]) {
        for shortage in &mut self.shortages {
            let workload = self.workloads.iter().find(|it| shortage.is_of(it));
            let since = workload.and_then(|it| health::settled_since(it, pods));
            shortage.since = since.unwrap_or(shortage.since);
        }
    }

    pub(super) fn put_row(&mut self, row: PodRow) {
        match self
            .rows
            .binary_search_by(|known| known.name.as_str().cmp(&row.name))
        {
            Ok(idx) => self.rows[idx] = row,
            Err(idx) => {
                // Doubling would leave a third of the room unused, in every instance of thousands of pods.
                if self.rows.len() == self.rows.capacity() {
                    self.rows.reserve_exact((self.rows.len() / 4).max(4));
                }
                self.rows.insert(idx, row);
            }
        }
    }

    pub(super) fn remove_row(&mut self, name: &str) -> bool {
        let found = self
            .rows
            .binary_search_by(|known| known.name.as_str().cmp(name));
        found.map(|idx| self.rows.remove(idx)).is_ok()
    }
}

fn count(rows: &[PodRow]) -> PodCounts {
    let mut counts = PodCounts::default();
    let mut worst: Option<(u8, &PodRow)> = None;
    for row in rows {
        counts.total += 1;
        counts.ready += u32::from(row.containers > 0 && row.ready >= row.containers);
        counts.restarts = counts.restarts.saturating_add(row.restarts);
        let weight = weight(row);
        if weight > worst.map_or(0, |(weight, _)| weight) {
            worst = Some((weight, row));
        }
    }
    counts.worst = worst.map(|(_, row)| (row.status.clone(), row.name.clone()));
    counts
}

/// How much a row's STATUS is worth telling.
fn weight(row: &PodRow) -> u8 {
    match row.status.as_str() {
        "Running" | "Completed" => 0,
        status if health::is_broken(status) => 3,
        "Terminating" => 1,
        _ => 2,
    }
}
