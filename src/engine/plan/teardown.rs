//! What a teardown or a release would do: the fate table.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::definition::naming;
use crate::definition::object::ObjectKey;
use crate::engine::operation;
use crate::engine::record::Record;
use crate::failure::Failure;
use crate::service::protection::Caution;
use crate::service::summary::InstanceKey;

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
    /// There is none: the claim never got a volume.
    Nothing,
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
    /// Whether it goes while claims that it made stay: it is kept from taking them along before anything is deleted.
    pub leaves_claims: bool,
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
                .is_some_and(|claim| matches!(claim.data, DataFate::Destroyed | DataFate::Unknown))
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
    /// Whether an operation was noted that came to no end: one that comes to none either leaves its own note.
    pub is_noted: bool,
    /// Whether something of the set stays that this user may not delete or not even list: somebody who may finishes it.
    pub is_barred: bool,
    /// Why the typed ID is needed whatever the flags say.
    pub caution: Caution,
    /// How many objects that are not of this instance are known to go along; the warnings name them.
    pub n_strangers: usize,
    /// Whether there may be more of them, which this user may not list.
    pub hides_strangers: bool,
    /// Every object that was found, in the order of deletion.
    pub rows: Vec<FateRow>,
    /// What the person should know: what could not be listed or read.
    pub warnings: Vec<String>,
    /// Reasons why it cannot run at all; empty when it can.
    pub refusals: Vec<Failure>,
}

/// Says of how many claims or volumes the data may be destroyed, where of any.
pub fn loss(n: usize, of_what: &str) -> Option<String> {
    match n {
        0 => None,
        1 => Some(format!("The data of 1 {of_what} may be destroyed.")),
        n => Some(format!("The data of {n} {of_what}s may be destroyed.")),
    }
}

impl TeardownPlan {
    /// Says what does not come back with what is put back after it, as that sentence goes on; nothing where all does.
    pub fn lost_for_good(&self) -> String {
        let has = |is_so: fn(&FateRow) -> bool| self.rows.iter().any(is_so);
        let data = match has(FateRow::destroys_data) {
            true => ", with empty volumes in place of those that are destroyed",
            false => "",
        };
        let values = match has(FateRow::destroys_values) {
            true => "; the values of its secrets are kept nowhere and must be given again",
            false => "",
        };
        format!("{data}{values}")
    }

    /// Returns the plan before anything was looked at.
    pub(in crate::engine) fn new(instance: &InstanceKey, volumes: VolumeChoice) -> Self {
        Self {
            instance: instance.clone(),
            volumes,
            scope: TeardownScope::Instance,
            retentions: Vec::new(),
            releases: Vec::new(),
            named: BTreeSet::new(),
            record_version: None,
            is_noted: false,
            is_barred: false,
            caution: Caution::None,
            n_strangers: 0,
            hides_strangers: false,
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

    /// Says how many objects go that are not of this instance, where any do or may.
    pub fn strangers(&self) -> Option<String> {
        match self.n_strangers {
            0 if self.hides_strangers => Some(
                "Objects that are not of this instance may go along: this user may not list them."
                    .to_owned(),
            ),
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
    pub(in crate::engine) fn observe(&mut self, record: Option<&Record>, now: Timestamp) {
        let Some(record) = record else {
            return;
        };
        self.warnings.extend(operation::noted(record, now));
        self.caution.protect_if(record.is_protected());
        self.record_version = Some(record.seen());
        self.is_noted = record.operation().is_some();
    }
}
