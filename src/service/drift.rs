//! Drift: whether the catalogue's definition is what was applied, and whether the live objects still are. Pure.
//!
//! An overview judges the live objects by their workloads, which it watches anyhow: who owns their fields tells of every
//! change without a request more (see [`managed`](super::managed)). Services, Ingresses, ConfigMaps and Secrets are no part of an
//! overview; they are judged the same way where an instance is open, by the metadata that is watched of all its objects, and
//! field by field with their values by [`drift`](crate::engine::drift) when somebody asks. While an operation runs nothing is
//! judged: the objects are on their way.

mod changes;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::summary::{ObjectRow, Record, Workload, WorkloadKind};

pub use changes::{
    Changes, FieldChange, FieldPath, MASK, ObjectChange, Presence, Setter, Step, short_value,
};

/// How the catalogue's definition, the applied revision and the live objects compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drift {
    /// They are the same.
    InSync,
    /// The catalogue's differs from what was applied.
    Edited,
    /// Somebody changed the live objects.
    Changed,
    /// Both.
    #[serde(rename = "edited+changed")]
    EditedAndChanged,
}

impl Drift {
    /// Takes both comparisons together, none standing for what is not known; none where nothing can be claimed.
    pub fn of(is_edited: Option<bool>, is_changed: Option<bool>) -> Option<Self> {
        match (is_edited, is_changed) {
            (Some(true), Some(true)) => Some(Self::EditedAndChanged),
            (_, Some(true)) => Some(Self::Changed),
            (Some(true), _) => Some(Self::Edited),
            (Some(false), _) => Some(Self::InSync),
            (None, _) => None,
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InSync => "in sync",
            Self::Edited => "edited",
            Self::Changed => "changed",
            Self::EditedAndChanged => "edited+changed",
        })
    }
}

/// What the last apply left of a workload in the instance's own namespace, as the record keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedWorkload {
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its name.
    pub name: String,
    /// Digest of the fields that were applied; see [`ManagedFields::applied`](super::managed::ManagedFields::applied).
    pub fields: u64,
    /// The number of replicas that was applied; none where the definition leaves it open.
    pub replicas: Option<u32>,
}

/// An [`AppliedWorkload`] as the annotation has it, under its kind and name.
#[derive(Serialize, Deserialize)]
struct Kept {
    fields: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<u32>,
}

/// Writes what was applied as the record's annotation.
pub fn to_annotation(applied: &[AppliedWorkload]) -> String {
    let kept = applied.iter().map(|one| {
        let kept = Kept {
            fields: format!("{:016x}", one.fields),
            replicas: one.replicas,
        };
        (format!("{}/{}", one.kind, one.name), kept)
    });
    let kept: BTreeMap<String, Kept> = kept.collect();
    serde_json::to_string(&kept).expect("texts and numbers can always be written as JSON")
}

/// Reads the record's annotation; what is not as we write it is left out.
pub fn from_annotation(text: &str) -> Vec<AppliedWorkload> {
    let kept: BTreeMap<String, Kept> = serde_json::from_str(text).unwrap_or_default();
    let read = |(key, kept): (String, Kept)| {
        let (kind, name) = key.split_once('/')?;
        Some(AppliedWorkload {
            kind: WorkloadKind::RENDERED
                .into_iter()
                .find(|it| it.as_str() == kind)?,
            name: name.to_owned(),
            fields: u64::from_str_radix(&kept.fields, 16).ok()?,
            replicas: kept.replicas,
        })
    };
    kept.into_iter().filter_map(read).collect()
}

/// Tells whether somebody changed the workloads of an instance; none where nobody can say. `is_listed` tells whether all
/// workloads of a kind are known, so that one which is not among them was deleted.
pub fn is_changed(
    record: Option<&Record>,
    workloads: &[Workload],
    is_listed: impl Fn(WorkloadKind) -> bool,
) -> Option<bool> {
    let record = record.filter(|it| it.operation.is_none() && it.deletion.is_none())?;
    record.revision?;
    let is_as_applied = |applied: &AppliedWorkload| {
        let mut workloads = workloads.iter();
        let is_it = |it: &&Workload| {
            it.kind == applied.kind && it.name == applied.name && it.instance == record.instance
        };
        let Some(live) = workloads.find(is_it) else {
            return !is_listed(applied.kind);
        };
        live.owned == Some(applied.fields)
            && applied
                .replicas
                .is_none_or(|replicas| replicas == live.wanted)
    };
    let has_foreign = workloads.iter().any(|live| live.has_foreign);
    Some(has_foreign || !record.applied.iter().all(is_as_applied))
}

/// Tells whether others set fields of any object of the set. What a controller makes of one bears its labels, those of the set
/// included, and is all its maker's.
pub fn has_foreign(objects: &[ObjectRow]) -> bool {
    let is_of_set = |row: &&ObjectRow| row.is_member() && row.owner.is_none();
    objects.iter().filter(is_of_set).any(|row| row.has_foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_comparisons_make_one_word() {
        let check = |is_edited, is_changed, expected: Option<&str>| {
            let drift = Drift::of(is_edited, is_changed);
            assert_eq!(drift.map(|it| it.to_string()).as_deref(), expected);
        };
        check(Some(false), Some(false), Some("in sync"));
        check(Some(true), Some(false), Some("edited"));
        check(Some(false), Some(true), Some("changed"));
        check(Some(true), Some(true), Some("edited+changed"));
        // The definition is on another machine, or the objects are on their way.
        check(None, Some(true), Some("changed"));
        check(None, Some(false), None);
        check(Some(false), None, Some("in sync"));
        check(Some(true), None, Some("edited"));
    }

    #[test]
    fn what_was_applied_is_read_as_it_was_written() {
        let applied = [
            AppliedWorkload {
                kind: WorkloadKind::Deployment,
                name: "web".to_owned(),
                fields: 0x58ab,
                replicas: Some(2),
            },
            AppliedWorkload {
                kind: WorkloadKind::StatefulSet,
                name: "db".to_owned(),
                fields: u64::MAX,
                replicas: None,
            },
        ];
        let text = to_annotation(&applied);
        let expected = r#"{"Deployment/web":{"fields":"00000000000058ab","replicas":2},"StatefulSet/db":{"fields":"ffffffffffffffff"}}"#;
        assert_eq!(text, expected);
        assert_eq!(from_annotation(&text), applied);
        for odd in [
            "",
            "[]",
            r#"{"web":{"fields":"1"}}"#,
            r#"{"Job/x":{"fields":"1"}}"#,
            r#"{"Deployment/x":{"fields":"?"}}"#,
        ] {
            assert_eq!(from_annotation(odd), []);
        }
    }
}
