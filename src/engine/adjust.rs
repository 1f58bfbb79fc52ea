//! Small changes of what runs, without a new revision: the number of replicas, and a restart of the pods.
//!
//! A later deploy neither fights with them nor forgets them silently: a restart belongs to a field manager of its own, as does
//! the number where the definition leaves it open; where the definition sets it, the deploy's plan shows what it would set back.

mod autoscalers;
mod claims;
pub(super) mod owned;
mod planning;
mod running;
mod workload;

use jiff::Timestamp;

use super::operation::Meeting;
use super::plan::{self, FieldConflict, untaken};
use crate::definition::object::ObjectKey;
use crate::failure::Failure;
use crate::service::protection::Caution;
use crate::service::summary::InstanceKey;

pub use planning::plan_adjustment;
pub(super) use planning::plan_rest;
pub(super) use planning::{is_idle, is_idle_but_for};
pub use running::run_adjustment;
pub use workload::WorkloadName;

pub use crate::definition::service::MAX_REPLICAS;

/// What is to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Adjustment {
    /// The number of replicas; 0 stops the instance.
    Scale(u32),
    /// New pods in the place of the old ones, as a rollout makes them.
    Restart,
}

/// What an adjustment would do, as shown for review.
#[derive(Debug, Clone, PartialEq)]
pub struct AdjustPlan {
    /// The instance.
    pub instance: InstanceKey,
    /// What was asked for.
    pub adjustment: Adjustment,
    /// The workload that was chosen, where one was.
    pub only: Option<WorkloadName>,
    /// The workloads of which one must be chosen; empty where nothing is asked.
    pub choices: Vec<WorkloadChoice>,
    /// Why the typed ID is needed whatever the flags say.
    pub caution: Caution,
    /// How many claims go with the pods that are not wanted any more; the warnings name them.
    pub n_lost: usize,
    /// The workloads that would be changed; those that are as wanted already are left out.
    pub workloads: Vec<PlannedWorkload>,
    /// The numbers of replicas that other managers own, and that are taken only where that is wanted.
    pub conflicts: Vec<FieldConflict>,
    /// The workloads that are left to them.
    pub yielded: Vec<FieldConflict>,
    /// What the person should know: what a later deploy would set back, claims that are used again.
    pub warnings: Vec<String>,
    /// Reasons why it cannot run at all; empty when it can.
    pub refusals: Vec<Failure>,
    /// The time that a restart which is gone on with was marked with; none for one that begins.
    pub begun: Option<Timestamp>,
}

/// A workload that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadChoice {
    /// How it is named.
    pub name: WorkloadName,
    /// The replicas that it wants so far.
    pub replicas: u32,
}

/// A workload that would be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedWorkload {
    /// What identifies it.
    pub key: ObjectKey,
    /// Uid of what was seen: nothing else is changed.
    pub uid: String,
    /// The replicas that it wants so far.
    pub replicas: u32,
    /// How it is changed.
    pub means: Means,
}

/// How a workload is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Means {
    /// The definition sets the number: what it applied is applied again with another one.
    Apply,
    /// The definition leaves the number open: it is set by the scale subresource.
    Scale,
    /// The annotation of the pod template by which kubectl restarts, too.
    Annotate,
}

/// Returns a number of replicas in words.
pub fn n_replicas(n: u32) -> String {
    match n {
        1 => "1 replica".to_owned(),
        n => format!("{n} replicas"),
    }
}

impl AdjustPlan {
    /// Returns the plan before anything was looked at.
    pub(super) fn new(
        instance: &InstanceKey,
        adjustment: Adjustment,
        only: Option<&WorkloadName>,
        begun: Option<Timestamp>,
    ) -> Self {
        Self {
            instance: instance.clone(),
            adjustment,
            only: only.cloned(),
            choices: Vec::new(),
            caution: Caution::None,
            n_lost: 0,
            workloads: Vec::new(),
            conflicts: Vec::new(),
            yielded: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
            begun,
        }
    }

    /// Returns the plan of what could not be planned, for one reason.
    pub fn refused(
        instance: &InstanceKey,
        adjustment: Adjustment,
        only: Option<&WorkloadName>,
        why: Failure,
    ) -> Self {
        Self {
            refusals: vec![why],
            ..Self::new(instance, adjustment, only, None)
        }
    }

    /// Tells whether running it would change nothing.
    pub fn is_noop(&self) -> bool {
        self.workloads.is_empty()
    }

    /// Says how much data it may destroy, where it does.
    pub fn loss(&self) -> Option<String> {
        plan::loss(self.n_lost, "claim")
    }

    /// Returns why it cannot run: its refusals, and its conflicts unless they are taken.
    pub fn obstacles(&self, takes_conflicts: bool) -> Vec<Failure> {
        let conflicts = self.conflicts.iter().filter(|_| !takes_conflicts);
        let refusals = self.refusals.iter().cloned();
        refusals.chain(conflicts.map(untaken)).collect()
    }

    /// Returns the plan that leaves to others what is theirs: their workloads stay as they are.
    pub fn yielding(mut self) -> Self {
        let conflicts = std::mem::take(&mut self.conflicts);
        self.workloads
            .retain(|workload| !conflicts.iter().any(|met| met.key == workload.key));
        self.yielded.extend(conflicts);
        self
    }
}

impl Adjustment {
    /// Returns the word that the record's operation bears.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Scale(_) => "scale",
            Self::Restart => "restart",
        }
    }
}

/// How a plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdjustOptions {
    /// Who does it: user, host and process.
    pub holder: String,
    /// The time that a restart is marked with, unless it was begun before.
    pub at: Timestamp,
    /// What to do where another such operation is noted.
    pub meeting: Meeting,
    /// Whether the conflicts of the plan are taken.
    pub takes_conflicts: bool,
}
