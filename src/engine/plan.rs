//! Plans as values: what an operation would do to each object, and what it reports while it does it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use super::operation;
use super::record::{Extent, Record};
use super::remedy::{Offer, StoragePlan};
use crate::definition::naming;
use crate::definition::object::{GroupKind, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::secret::SecretQuestion;
use crate::service::summary::InstanceKey;

/// What would happen to an object in a deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// It does not exist yet.
    Create,
    /// It exists and differs.
    Update,
    /// It exists as wanted.
    Unchanged,
    /// It is a claim that left the definition: it is kept with its data.
    Keep,
    /// It is deleted and made anew: what differs can never be changed in place.
    Recreate,
    /// It left the definition and is pruned.
    Delete,
}

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DiffLine {
    /// Where the line stands.
    pub side: DiffSide,
    /// The line without its sign; values of Secrets are masked.
    pub text: String,
}

/// Where a [`DiffLine`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiffSide {
    /// In both.
    Both,
    /// Only in the live object: it goes.
    Old,
    /// Only in the wanted object: it comes.
    New,
    /// Stands for lines left out between hunks.
    Gap,
}

/// One object of a deploy's plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedObject {
    /// What identifies it.
    pub key: ObjectKey,
    /// What would happen.
    pub change: Change,
    /// Uid of the live object that was seen.
    pub live_uid: Option<String>,
    /// The difference, as unified lines; empty for what stays.
    pub difference: Vec<DiffLine>,
    /// One remark for the person who reviews: why it is kept, what it makes restart.
    pub note: Option<String>,
}

/// A field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldConflict {
    /// The object.
    pub key: ObjectKey,
    /// Path of the field.
    pub field: String,
    /// The server's sentence, which names the manager.
    pub message: String,
    /// Digest of the value that was there: what is agreed to is to lose that one, and no other. None where the value cannot
    /// be told.
    pub seen: Option<String>,
}

/// Returns why a conflict that is met may not be taken over, though `shown` may; none where it was shown as it is.
pub(super) fn unshown(met: &FieldConflict, shown: &[FieldConflict]) -> Option<Failure> {
    if shown.contains(met) {
        return None;
    }
    let FieldConflict {
        key,
        field,
        message,
        ..
    } = met;
    let is_same_field =
        |it: &FieldConflict| (&it.key, &it.field, &it.message) == (key, field, message);
    let summary = match shown.iter().any(is_same_field) {
        true => {
            format!("{key} has another value now than was shown: {field}: {message}: plan again")
        }
        false => format!("{key} has a conflict that was not shown: {field}: {message}"),
    };
    Some(Failure::new(FailureKind::Conflict, summary))
}

/// Returns the refusal to write a field that another manager owns and that nobody said to take.
pub(super) fn untaken(conflict: &FieldConflict) -> Failure {
    let FieldConflict {
        key,
        field,
        message,
        ..
    } = conflict;
    Failure {
        detail: "--force-conflicts takes it over, --yield-conflicts leaves it".to_owned(),
        ..Failure::new(FailureKind::Conflict, format!("{key} {field}: {message}"))
    }
}

/// What a deploy would do, as shown for review.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployPlan {
    /// The instance.
    pub instance: InstanceKey,
    /// The revision that this apply would become; the current one when nothing changes.
    pub revision: u32,
    /// The objects in the order of writing, pruned ones last.
    pub objects: Vec<PlannedObject>,
    /// What the person should know: the server's warnings, a viewer's local difference.
    pub warnings: Vec<String>,
    /// Fields that others own; while there are any, running needs them to be forced explicitly.
    pub conflicts: Vec<FieldConflict>,
    /// Whether taking exactly those fields was agreed to already, by the one who began what is gone on with.
    pub takes_conflicts: bool,
    /// Fields that others own and that are left to them.
    pub yielded: Vec<FieldConflict>,
    /// Name of the other definition that the instance is of so far, and whose objects this one replaces.
    pub replaces: Option<String>,
    /// Reasons why it cannot run at all; empty when it can.
    pub refusals: Vec<Failure>,
    /// Questions that nobody answered and whose values the cluster has not either; for each there is a refusal.
    pub unanswered: Vec<SecretQuestion>,
    /// Questions that nobody answered and whose values stay as the cluster has them.
    pub kept_answers: Vec<SecretQuestion>,
    /// What could be agreed to so that it can run, or so that it does more; empty where nothing is asked.
    pub offers: Vec<Offer>,
    /// What it does to claims and volumes beside the objects.
    pub storage: StoragePlan,
    /// Whether the record says already what it would say afterwards; not so where the text alone changed, or where an
    /// earlier deploy was interrupted.
    pub is_record_exact: bool,
    /// Kinds of the set that could not be listed: what left the definition may be among them, so the set goes on naming them.
    pub unlisted: BTreeSet<GroupKind>,
    /// Namespaces beside the instance's own in which members stay, likewise.
    pub unlisted_namespaces: BTreeSet<String>,
    /// How often the values of its Secret have changed with this deploy; none without any. Values that changed since the plan
    /// was made were never shown to change.
    pub secret_revision: Option<u32>,
    /// Parameters of the definition, with the values that it gives them itself.
    pub parameters: BTreeMap<String, String>,
    /// SHA-256 of the text that was planned, in hex: exactly what was shown is applied.
    pub text_hash: String,
}

impl DeployPlan {
    /// Returns where members may be that the plan does not deal with.
    pub(super) fn unseen(&self) -> Extent {
        Extent {
            kinds: self.unlisted.clone(),
            namespaces: self.unlisted_namespaces.clone(),
        }
    }

    /// Tells whether it could run but for values that a person can be asked for.
    pub fn lacks_only_answers(&self) -> bool {
        self.refusals.len() == self.unanswered.len()
    }

    /// Tells whether it must be agreed to that fields of others are taken.
    pub fn has_open_conflicts(&self) -> bool {
        !self.conflicts.is_empty() && !self.takes_conflicts
    }

    /// Tells whether running it would change nothing.
    pub fn is_noop(&self) -> bool {
        self.is_record_exact
            && self.storage.is_empty()
            && self
                .objects
                .iter()
                .all(|object| object.change == Change::Unchanged)
    }
}

/// What to do with the claims of an instance at teardown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VolumeChoice {
    /// Keep the claims and their data.
    #[default]
    Keep,
    /// Delete the claims; what happens to the data is the volume's reclaim policy.
    Delete,
    /// Set the volumes to Retain, then delete the claims: the data stays in volumes that nobody has claimed.
    Retain,
}

/// What a teardown takes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TeardownScope {
    /// The whole instance.
    #[default]
    Instance,
    /// Only claims that are kept: those that nothing uses.
    KeptClaims,
    /// Only volumes that were retained and that no claim holds.
    RetainedVolumes,
}

impl TeardownScope {
    /// Returns what is done, as a noun before `of` the instance.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instance => "teardown",
            Self::KeptClaims => "release of kept claims",
            Self::RetainedVolumes => "release of retained volumes",
        }
    }
}

/// A volume that is set to Retain before its claim is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlannedRetention {
    /// The volume.
    pub volume: ObjectKey,
    /// Its uid.
    pub uid: String,
    /// The claim that it is bound to.
    pub claim: ObjectKey,
    /// Uid of that claim.
    pub claim_uid: String,
}

/// A retained volume that is released.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlannedRelease {
    /// The volume, and the claim that it was bound to.
    pub of: PlannedRetention,
    /// Whether it goes back to the policy that deletes its storage with it; else it is deleted, and the storage stays.
    pub is_reclaimed: bool,
}

/// What will happen to an object in a teardown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Deleted by bowline.
    Deleted,
    /// Kept, with who decided so.
    Kept(String),
    /// Goes with its owner, named as `Kind/name`.
    GarbageCollected(String),
    /// Left alone, with the reason: it bears the label but is not ours.
    Left(String),
}

/// What happens to the data of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataFate {
    /// The volume is deleted with the claim.
    Destroyed,
    /// The data stays.
    Retained,
    /// Volumes may not be read, so nobody can say.
    Unknown,
}

/// A claim, or a volume that was retained of one, in the fate table, with what is at stake.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimFate {
    /// Capacity, or the size asked for while unbound.
    pub size: String,
    /// Name of the volume, once bound.
    pub volume: Option<String>,
    /// Set for volumes: the claim that it was retained from.
    pub retained_from: Option<String>,
    /// Reclaim policy of the volume, where it may be read.
    pub reclaim_policy: Option<String>,
    /// What happens to the data.
    pub data: DataFate,
}

/// A row of the fate table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FateRow {
    /// The object.
    pub key: ObjectKey,
    /// Its uid, sent as the precondition of its deletion.
    pub uid: String,
    /// What will happen to it.
    pub fate: Fate,
    /// Set for claims, and for volumes that were retained.
    pub claim: Option<ClaimFate>,
}

impl FateRow {
    /// Tells whether it goes.
    pub fn goes(&self) -> bool {
        matches!(self.fate, Fate::Deleted | Fate::GarbageCollected(_))
    }

    /// Tells whether values go that nothing else keeps: those of a Secret stand in no definition, revision or trash.
    pub fn destroys_values(&self) -> bool {
        self.goes() && self.key.kind == "Secret" && self.key.group.is_empty()
    }

    /// Tells whether it loses data; data that nobody can say anything about counts as lost.
    pub fn destroys_data(&self) -> bool {
        self.goes()
            && self
                .claim
                .as_ref()
                .is_some_and(|claim| claim.data != DataFate::Retained)
    }
}

/// What a teardown would do, as shown for confirmation: the fate table.
#[derive(Debug, Clone, PartialEq)]
pub struct TeardownPlan {
    /// The instance.
    pub instance: InstanceKey,
    /// What happens to claims.
    pub volumes: VolumeChoice,
    /// What is taken down.
    pub scope: TeardownScope,
    /// Volumes that are set to Retain before anything is deleted.
    pub retentions: Vec<PlannedRetention>,
    /// Retained volumes that are released.
    pub releases: Vec<PlannedRelease>,
    /// The retained volumes that were named, where not all of the instance are meant.
    pub named: BTreeSet<String>,
    /// What tells whether the record that was seen is still the same; none without one. What was deployed since was never
    /// shown.
    pub record_version: Option<String>,
    /// Whether the typed ID is needed whatever the flags say.
    pub is_protected: bool,
    /// How many objects that are not of this instance are known to go along; the warnings name them.
    pub n_strangers: usize,
    /// Every object that was found, in the order of deletion.
    pub rows: Vec<FateRow>,
    /// What the person should know: what could not be listed or read.
    pub warnings: Vec<String>,
    /// Reasons why it cannot run at all; empty when it can.
    pub refusals: Vec<Failure>,
}

impl TeardownPlan {
    /// Returns the plan before anything was looked at.
    pub(super) fn new(instance: &InstanceKey, volumes: VolumeChoice) -> Self {
        Self {
            instance: instance.clone(),
            volumes,
            scope: TeardownScope::Instance,
            retentions: Vec::new(),
            releases: Vec::new(),
            named: BTreeSet::new(),
            record_version: None,
            is_protected: false,
            n_strangers: 0,
            rows: Vec::new(),
            warnings: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Returns the plan of what could not be planned, for one reason.
    pub fn refused(instance: &InstanceKey, volumes: VolumeChoice, why: Failure) -> Self {
        Self {
            refusals: vec![why],
            ..Self::new(instance, volumes)
        }
    }

    /// Returns what running it does, as an order before the instance: `Take down`, `Release volume pvc-1 of`.
    pub fn order(&self) -> String {
        let mut named = self.named.iter();
        match (self.scope, named.next(), named.len()) {
            (TeardownScope::Instance, ..) => "Take down".to_owned(),
            (TeardownScope::KeptClaims, ..) => "Release the kept claims of".to_owned(),
            (TeardownScope::RetainedVolumes, None, _) => {
                "Release the retained volumes of".to_owned()
            }
            (TeardownScope::RetainedVolumes, Some(volume), 0) => {
                format!("Release volume {volume} of")
            }
            (TeardownScope::RetainedVolumes, ..) => {
                format!("Release {} of the retained volumes of", self.named.len())
            }
        }
    }

    /// Says how many objects go that are not of this instance, where any do.
    pub fn strangers(&self) -> Option<String> {
        match self.n_strangers {
            0 => None,
            1 => Some("1 object that is not of this instance goes along.".to_owned()),
            n => Some(format!(
                "{n} objects that are not of this instance go along."
            )),
        }
    }

    /// Tells whether the record stays, since not all of its set goes: the instance is there afterwards.
    pub fn leaves_instance(&self) -> bool {
        let record = naming::record(&self.instance.id);
        self.rows.iter().any(|row| {
            row.key.kind == "ConfigMap"
                && row.key.name == record
                && matches!(row.fate, Fate::Left(_))
        })
    }

    /// Takes in what the record says: its version, its protection, the operation that runs.
    pub(super) fn observe(&mut self, record: Option<&Record>, now: Timestamp) {
        let Some(record) = record else {
            return;
        };
        self.warnings.extend(operation::noted(record, now));
        self.is_protected |= record.is_protected();
        self.record_version = Some(record.seen());
    }
}

/// A fact about a running operation, in the order in which they happen.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// A step has begun.
    Started(Step),
    /// A step is done; the text says what was found or done, where that is worth a word.
    Done(Step, Option<String>),
    /// A step failed; the operation goes on with what does not depend on it.
    Failed(Step, Failure),
    /// A step was not tried, with the reason.
    NotTried(Step, String),
    /// A wait goes on: one sentence that says for what.
    Waiting(String),
    /// Whoever holds the instance is given time to show that they live: one sentence that says who, and until when.
    Listening(String),
}

/// A step of a running operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Claiming the operation in the record.
    Claim,
    /// Writing the revision.
    Revision(u32),
    /// Handing an object over to the instance.
    Adopt(ObjectKey),
    /// Setting a volume to Retain.
    Retain(ObjectKey),
    /// Freeing a retained volume for the claim that it was bound to before.
    Bind(ObjectKey),
    /// Asking for more storage for a claim.
    Grow(ObjectKey),
    /// Writing an object.
    Apply(ObjectKey),
    /// Deleting an object.
    Delete(ObjectKey),
    /// Keeping an object: taking it out of the set.
    Keep(ObjectKey),
    /// Making the record exact, or deleting it.
    Record,
    /// Waiting until the instance is ready.
    Ready,
    /// Waiting until an object is gone.
    Gone(ObjectKey),
}

impl Step {
    /// Says what was done.
    pub fn done(&self) -> String {
        match self {
            Self::Claim => "operation claimed".to_owned(),
            Self::Revision(number) => format!("revision {number} written"),
            Self::Adopt(key) => format!("{key} adopted"),
            Self::Retain(key) => format!("{key} set to Retain"),
            Self::Bind(key) => format!("{key} free for its claim"),
            Self::Grow(key) => format!("{key} asks for more"),
            Self::Apply(key) => format!("{key} applied"),
            Self::Delete(key) => format!("{key} deleted"),
            Self::Keep(key) => format!("{key} kept"),
            Self::Record => "record settled".to_owned(),
            Self::Ready => "ready".to_owned(),
            Self::Gone(key) => format!("{key} gone"),
        }
    }
}

impl fmt::Display for Step {
    /// Says what is to be done.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim => f.write_str("claim the operation"),
            Self::Revision(number) => write!(f, "write revision {number}"),
            Self::Adopt(key) => write!(f, "adopt {key}"),
            Self::Retain(key) => write!(f, "set {key} to Retain"),
            Self::Bind(key) => write!(f, "free {key} for its claim"),
            Self::Grow(key) => write!(f, "grow {key}"),
            Self::Apply(key) => write!(f, "apply {key}"),
            Self::Delete(key) => write!(f, "delete {key}"),
            Self::Keep(key) => write!(f, "keep {key}"),
            Self::Record => f.write_str("settle the record"),
            Self::Ready => f.write_str("wait until it is ready"),
            Self::Gone(key) => write!(f, "wait until {key} is gone"),
        }
    }
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Steps that were done.
    pub done: Vec<Step>,
    /// Steps that failed, with why.
    pub failed: Vec<(Step, Failure)>,
    /// Steps that were not tried, with why.
    pub not_tried: Vec<(Step, String)>,
    /// What was accepted and is not finished yet: objects that finalizers hold, or an instance that is not ready, with why.
    pub pending: Vec<String>,
}

impl VolumeChoice {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Delete, Self::Retain];

    /// Returns the word for it, as records, flags and settings write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Delete => "delete",
            Self::Retain => "retain",
        }
    }

    /// Returns the choice of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }
}

impl Outcome {
    /// Takes in how a later part of the same operation ended.
    pub fn absorb(&mut self, later: Self) {
        self.done.extend(later.done);
        self.failed.extend(later.failed);
        self.not_tried.extend(later.not_tried);
        self.pending.extend(later.pending);
    }

    /// Tells whether everything was done and nothing is pending.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.not_tried.is_empty() && self.pending.is_empty()
    }
}

/// Returns what a plan does to how many objects, in words; `n_pods` are deleted beside those of the definition.
pub fn sums(plan: &DeployPlan, n_pods: usize) -> String {
    let n = |change| {
        let objects = plan.objects.iter();
        objects.filter(|object| object.change == change).count()
    };
    let recreated = match n(Change::Recreate) {
        0 => String::new(),
        n => format!("{n} to recreate, "),
    };
    format!(
        "{} to create, {} to update, {recreated}{} to delete, {} unchanged",
        n(Change::Create),
        n(Change::Update),
        n(Change::Delete) + n_pods,
        n(Change::Unchanged) + n(Change::Keep)
    )
}
