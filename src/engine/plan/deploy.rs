//! What a deploy would do: each object with its difference, the fields of others, and what could be agreed to.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::object::{GroupKind, ObjectKey};
use crate::engine::record::Extent;
use crate::engine::remedy::{Offer, StoragePlan};
use crate::failure::{Failure, FailureKind};
use crate::secret::SecretQuestion;
use crate::service::operation::KeptReplicas;
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
pub(in crate::engine) fn unshown(met: &FieldConflict, shown: &[FieldConflict]) -> Option<Failure> {
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
pub(in crate::engine) fn untaken(conflict: &FieldConflict) -> Failure {
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
    /// Uid of the record that was seen; none without one, or where it was going already. What was taken down since is not
    /// deployed by a plan of what it was.
    pub record_uid: Option<String>,
    /// What tells whether that record is still the same; none without one.
    pub record_version: Option<String>,
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
    /// Whether an adoption mends one of them, or what a difference only warns of.
    pub is_adoptable: bool,
    /// Questions that nobody answered and whose values the cluster has not either; for each there is a refusal.
    pub unanswered: Vec<SecretQuestion>,
    /// Questions that nobody answered and whose values stay as the cluster has them.
    pub kept_answers: Vec<SecretQuestion>,
    /// What could be agreed to so that it can run, or so that it does more; empty where nothing is asked.
    pub offers: Vec<Offer>,
    /// What it does to claims and volumes beside the objects.
    pub storage: StoragePlan,
    /// Numbers of replicas that what is made takes over from what it takes the place of.
    pub kept_replicas: Vec<KeptReplicas>,
    /// Whether the record says already what it would say afterwards, but for an operation that is noted; not so where the
    /// text alone changed, or where an earlier deploy was interrupted.
    pub is_record_exact: bool,
    /// Whether an operation is noted in the record: running it takes the note away, once nobody goes on with that.
    pub is_noted: bool,
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
    pub(in crate::engine) fn unseen(&self) -> Extent {
        Extent {
            kinds: self.unlisted.clone(),
            namespaces: self.unlisted_namespaces.clone(),
        }
    }

    /// Returns the number of replicas that an object takes over.
    pub(in crate::engine) fn kept_replicas(&self, key: &ObjectKey) -> Option<&KeptReplicas> {
        self.kept_replicas.iter().find(|it| it.key == *key)
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
        self.is_unchanged() && !self.is_noted
    }

    /// Tells whether running it would write nothing that the definition says.
    pub fn is_unchanged(&self) -> bool {
        self.is_record_exact && self.leaves_objects()
    }

    /// Tells whether it would leave all objects as they are.
    pub fn leaves_objects(&self) -> bool {
        let stays = |object: &PlannedObject| object.change == Change::Unchanged;
        self.storage.is_empty() && self.objects.iter().all(stays)
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
