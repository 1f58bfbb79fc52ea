//! Summaries of live objects: only what panes and health need, made by `cluster` as the bytes arrive, so that ten thousand
//! pods stay small in memory. Texts are sanitised when a summary is made.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::drift::AppliedWorkload;
use super::usage::Amounts;
use crate::definition::id::{InstanceId, Namespace};
#[cfg(test)]
use crate::definition::naming;
use crate::definition::object::{GroupKind, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::operation::Operation;

/// What identifies an instance: its namespace and its ID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceKey {
    /// The namespace.
    pub namespace: Namespace,
    /// The ID.
    pub id: InstanceId,
}

impl InstanceKey {
    /// Returns the failure of what needs the instance where it is not there.
    pub fn not_there(&self) -> Failure {
        let Self { id, namespace } = self;
        let summary = format!("there is no instance {id} in namespace {namespace}");
        Failure::new(FailureKind::NotFound, summary)
    }
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.id)
    }
}

/// That an object is being deleted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Deletion {
    /// When deletion was asked for; of a pod, when the time is over that it was given to end.
    pub since: Timestamp,
    /// The finalizers that still hold the object.
    pub finalizers: Vec<String>,
}

/// Which kind runs the pods of an instance, or has them run: one that a definition is rendered to, or another of a manifest's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `batch/v1` Job.
    Job,
    /// `batch/v1` CronJob.
    CronJob,
}

impl WorkloadKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
    ];
    /// Those that service definitions make, see [`RenderedWorkload`](crate::definition::service::RenderedWorkload); they are
    /// always read.
    pub const RENDERED: [Self; 2] = [Self::Deployment, Self::StatefulSet];
    /// Those that only manifests make; they are read where a record names them.
    pub const NAMED: [Self; 3] = [Self::DaemonSet, Self::Job, Self::CronJob];

    /// Returns the one that a group and kind are.
    pub fn of(kind: &GroupKind) -> Option<Self> {
        let is_it = |it: &Self| kind.group == it.group() && kind.kind == it.as_str();
        Self::ALL.into_iter().find(is_it)
    }

    /// Returns the kind's group.
    pub fn group(self) -> &'static str {
        match self {
            Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps",
            Self::Job | Self::CronJob => "batch",
        }
    }

    /// Tells whether it runs pods for good, in a number that is wanted.
    pub fn is_lasting(self) -> bool {
        matches!(self, Self::Deployment | Self::StatefulSet | Self::DaemonSet)
    }

    /// Returns the kind's name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A workload of an instance. Of a Job the numbers are those of its runs: those that succeeded are ready. A CronJob has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// The instance it belongs to.
    pub instance: InstanceKey,
    /// Its kind.
    pub kind: WorkloadKind,
    /// Name of the object.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// Set while it is being deleted.
    pub deletion: Option<Deletion>,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`.
    pub observed_generation: i64,
    /// `spec.replicas`, 1 when unset.
    pub wanted: u32,
    /// `status.replicas`.
    pub replicas: u32,
    /// `status.updatedReplicas`: pods of the wanted revision.
    pub updated: u32,
    /// How many pods its update strategy leaves at the revision that they have: the partition of a StatefulSet, and any number
    /// where only whoever deletes a pod replaces it.
    pub held_back: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `status.availableReplicas`.
    pub available: u32,
    /// Images of the containers, in order.
    pub images: Vec<String>,
    /// `status.updateRevision` of a StatefulSet: the revision that its pods should have.
    pub revision: Option<String>,
    /// Whether its controller is at a rollout that it gives up itself when its own deadline for that is over.
    pub has_deadline: bool,
    /// Message of the condition that says the workload cannot go on: progress deadline exceeded, or replica failure.
    pub blocked: Option<Blocked>,
    /// `spec.suspend` of a Job or CronJob.
    pub is_suspended: bool,
    /// Digest of the fields that bowline applied and that are still as it applied them.
    pub owned: Option<u64>,
    /// Whether others set fields of its spec that bowline did not apply, or not so.
    pub has_foreign: bool,
}

impl Workload {
    /// Returns how many pods its controller brings to the wanted revision.
    pub fn to_update(&self) -> u32 {
        self.wanted.saturating_sub(self.held_back)
    }
}

/// Returns the workloads whose numbers say how many are ready: those that last, and Jobs where nothing else runs.
pub fn counted(workloads: &[Workload]) -> impl Iterator<Item = &Workload> {
    let has_lasting = workloads.iter().any(|it| it.kind.is_lasting());
    workloads
        .iter()
        .filter(move |it| it.kind.is_lasting() || !has_lasting)
}

/// A workload condition that says it cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Reason of the condition: `ProgressDeadlineExceeded`, `FailedCreate`.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// Whether the controller has given up, whichever condition is the one that is told.
    pub has_given_up: bool,
}

/// A pod as the server's own Table prints it: enough for the services list, at some 100 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRow {
    /// Name, cut at 63 characters by the server.
    pub name: String,
    /// Ready containers.
    pub ready: u32,
    /// All containers.
    pub containers: u32,
    /// kubectl's STATUS: a phase or a reason, such as `CrashLoopBackOff`.
    pub status: String,
    /// Restarts of all containers.
    pub restarts: u32,
    /// When it was created, to the precision of the age that the server printed.
    pub created: Timestamp,
    /// Whether it has a node.
    pub is_scheduled: bool,
}

/// A pod of the selected instance, in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// The instance it belongs to.
    pub instance: InstanceKey,
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// Set while it is being deleted.
    pub deletion: Option<Deletion>,
    /// `status.phase`.
    pub phase: String,
    /// The most telling reason, as kubectl's STATUS column chooses it (`ImagePullBackOff`, `Unschedulable`, `Completed`).
    pub reason: Option<String>,
    /// The sentence that belongs to the reason.
    pub message: Option<String>,
    /// Node it runs on.
    pub node: Option<String>,
    /// Pod template hash or controller revision hash.
    pub revision: Option<String>,
    /// When the `PodScheduled` condition became false; judged only after a grace period.
    pub unschedulable_since: Option<Timestamp>,
    /// When its `Ready` condition last changed.
    pub ready_changed: Option<Timestamp>,
    /// Init containers, then containers, in order.
    pub containers: Vec<Container>,
}

/// A container of a [`Pod`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Name.
    pub name: String,
    /// Whether it is an init container.
    pub init: bool,
    /// Image of the spec.
    pub image: String,
    /// `ready`.
    pub ready: bool,
    /// `started`.
    pub started: bool,
    /// `restartCount`.
    pub restarts: u32,
    /// `waiting`, `running` or `terminated`, with reason and message where there are any.
    pub state: ContainerState,
    /// How the run before the present one ended.
    pub last_end: Option<ContainerEnd>,
    /// What it asks for.
    pub requests: Amounts,
    /// What it may have.
    pub limits: Amounts,
}

/// How a run of a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEnd {
    /// Such as `Error`, `OOMKilled`.
    pub reason: String,
    /// Exit code.
    pub exit_code: i32,
    /// What it wrote last, where it was told to say so.
    pub message: Option<String>,
}

/// What a container is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerState {
    /// Not running yet, with the reason.
    Waiting {
        /// Such as `ContainerCreating`, `CrashLoopBackOff`.
        reason: String,
        /// The kubelet's sentence.
        message: String,
    },
    /// Running.
    Running,
    /// Ended.
    Terminated {
        /// Such as `Completed`, `Error`, `OOMKilled`.
        reason: String,
        /// Exit code.
        exit_code: i32,
    },
}

/// A PersistentVolumeClaim of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The instance it belongs to.
    pub instance: InstanceKey,
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// Set while it is being deleted.
    pub deletion: Option<Deletion>,
    /// `status.phase`: `Pending`, `Bound`, `Lost`.
    pub phase: String,
    /// Size asked for, as written (`2Gi`).
    pub requested: String,
    /// `status.capacity.storage`, once bound.
    pub capacity: Option<String>,
    /// Storage class; none when unset.
    pub storage_class: Option<String>,
    /// Name of the PersistentVolume, once bound.
    pub volume: Option<String>,
    /// Access modes, as kubectl shortens them (`RWO`, `ROX`, `RWX`, `RWOP`).
    pub access_modes: Vec<&'static str>,
    /// What is told of its growth; none while nobody is at it.
    pub growth: Option<Growth>,
    /// Whether it is a member of a set: a part of what runs, as long as it was not taken out of it.
    pub is_member: bool,
}

/// What the conditions of a claim tell of its growth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Growth {
    /// Its volume is being made larger.
    Volume,
    /// Its volume is larger; the file system on it is, once a pod mounts it.
    FileSystem,
    /// It failed, and is tried again.
    Failed(String),
}

/// An event that concerns an object of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Namespace of the event and of the object concerned.
    pub namespace: Namespace,
    /// Name of the event object: its key in the watch.
    pub name: String,
    /// Kind of the object concerned.
    pub object_kind: String,
    /// Name of the object concerned.
    pub object_name: String,
    /// Uid of the object concerned; empty if the event has none.
    pub object_uid: String,
    /// Whether its type is `Warning`.
    pub is_warning: bool,
    /// Reason.
    pub reason: String,
    /// Message.
    pub message: String,
    /// Times seen.
    pub count: u32,
    /// When last seen.
    pub last_seen: Timestamp,
    /// The component that reported it.
    pub source: String,
}

/// Any object that bears the instance's labels, by its metadata only: a row of the Objects tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    /// The instance it belongs to.
    pub instance: InstanceKey,
    /// What identifies it.
    pub key: ObjectKey,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// Set while it is being deleted.
    pub deletion: Option<Deletion>,
    /// The set that its `part-of` label names.
    pub set: Option<String>,
    /// Owner that controls it, as `Kind/name`.
    pub owner: Option<String>,
    /// Whether others set fields of its content that bowline did not apply, or not so.
    pub has_foreign: bool,
    /// How it is doing, for kinds that are read for nothing else.
    pub standing: Option<Standing>,
}

impl ObjectRow {
    /// Tells whether it is a member of a set.
    pub fn is_member(&self) -> bool {
        self.set.is_some()
    }
}

/// How an object is doing, as far as it says so itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is as wanted.
    pub is_ready: bool,
    /// Whether it cannot get there any more.
    pub has_failed: bool,
    /// What it says.
    pub reason: String,
}

impl Standing {
    /// Returns that of an object that is as wanted.
    pub fn ready() -> Self {
        Self {
            is_ready: true,
            has_failed: false,
            reason: String::new(),
        }
    }

    /// Returns that of an object that is on its way.
    pub fn awaited(reason: impl Into<String>) -> Self {
        Self {
            is_ready: false,
            has_failed: false,
            reason: reason.into(),
        }
    }

    /// Returns that of an object that has given up.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self {
            is_ready: false,
            has_failed: true,
            reason: reason.into(),
        }
    }
}

/// The record of an instance, from the metadata of its ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The instance.
    pub instance: InstanceKey,
    /// `metadata.uid`.
    pub uid: String,
    /// Name of the `ConfigMap`.
    pub name: String,
    /// `metadata.creationTimestamp`: the first apply, from which `expires` counts.
    pub created: Timestamp,
    /// Set while it is being deleted.
    pub deletion: Option<Deletion>,
    /// Name of the definition in the catalogue.
    pub definition: InstanceId,
    /// Display name, where the definition gives one.
    pub display_name: Option<String>,
    /// The current revision; none before the first apply was completed.
    pub revision: Option<u32>,
    /// SHA-256 of the applied definition's text, in hex; compared with the catalogue for drift.
    pub definition_hash: Option<String>,
    /// What the last apply left of the workloads.
    pub applied: Vec<AppliedWorkload>,
    /// Whether the set holds a workload that stays, so that one should be there. A Job may go once it is over.
    pub has_workload: bool,
    /// Kinds of the set that are watched for no other reason.
    pub other_kinds: Vec<GroupKind>,
    /// Namespaces beside its own in which objects of the set are.
    pub elsewhere: Vec<Namespace>,
    /// Whether it was made for objects that were there already: they are what they are before any deploy.
    pub is_adopted: bool,
    /// Whether teardown needs the typed ID.
    pub is_protected: bool,
    /// When the instance expires.
    pub expires: Option<Timestamp>,
    /// The operation under way.
    pub operation: Option<Operation>,
}

#[cfg(test)]
impl Record {
    /// The record of a first deploy that says no more than it must, for tests.
    pub(crate) fn bare(instance: InstanceKey) -> Self {
        let id = instance.id.clone();
        Self {
            uid: format!("r-{id}"),
            name: naming::record(&id),
            created: Timestamp::UNIX_EPOCH,
            deletion: None,
            definition: id,
            display_name: None,
            revision: Some(1),
            definition_hash: None,
            applied: Vec::new(),
            has_workload: true,
            other_kinds: Vec::new(),
            elsewhere: Vec::new(),
            is_adopted: false,
            is_protected: false,
            expires: None,
            operation: None,
            instance,
        }
    }
}
