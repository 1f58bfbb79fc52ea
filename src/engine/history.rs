//! The history of an instance: the revisions that are kept, what each of them keeps, and what differs between two.
//!
//! Only read here. A revision that somebody damaged is named with what is wrong with it, and hides no other one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::difference;
use super::metadata::{Metadata, core_key};
use super::plan::DiffLine;
use super::record::{self, Record};
use super::revision::{self, Known};
use crate::cluster::{Cluster, Selector};
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;
use crate::text;

/// The revisions of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The instance.
    pub instance: InstanceKey,
    /// Number of the current revision; none before the first deploy came to its end.
    pub current: Option<u32>,
    /// What is kept, the oldest first.
    pub revisions: Vec<Revision>,
    /// Those of them that never became the current one.
    pub unfinished: BTreeSet<u32>,
}

/// What a revision is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionState {
    /// It cannot be read.
    Damaged,
    /// It is what was applied last.
    Current,
    /// It never became the current one.
    Unfinished,
    /// It was applied, and replaced.
    Replaced,
}

impl History {
    /// Returns what one of the revisions is.
    pub fn state(&self, revision: &Revision) -> RevisionState {
        if revision.damage.is_some() {
            RevisionState::Damaged
        } else if self.current == Some(revision.number) {
            RevisionState::Current
        } else if self.unfinished.contains(&revision.number) {
            RevisionState::Unfinished
        } else {
            RevisionState::Replaced
        }
    }
}

/// A revision that is kept, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its number.
    pub number: u32,
    /// Name of the definition in the catalogue.
    pub definition: Option<InstanceId>,
    /// When it was applied, by the clock of the one who did.
    pub applied_at: Option<Timestamp>,
    /// Who applied it: user, host and process.
    pub applied_by: Option<String>,
    /// As whom the server knew them.
    pub applied_as: Option<String>,
    /// Why.
    pub cause: Option<String>,
    /// Parameters that were set by hand.
    pub parameters: BTreeMap<String, String>,
    /// What is wrong with what it keeps.
    pub damage: Option<String>,
}

/// A revision with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRevision {
    /// All but the text.
    pub revision: Revision,
    /// The definition's text as it was applied, byte for byte.
    pub text: String,
}

/// What differs between two revisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// The revision that the old lines are of.
    pub from: u32,
    /// The revision that the new lines are of.
    pub to: u32,
    /// The difference of the texts.
    pub text: Vec<DiffLine>,
    /// The difference of the parameters that were set by hand, each as `KEY=VALUE`.
    pub parameters: Vec<DiffLine>,
}

impl Comparison {
    /// Tells whether the two are the same.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.parameters.is_empty()
    }
}

/// Lists the revisions that are kept of an instance.
///
/// # Errors
/// Nothing of the instance is there, or it cannot be read.
pub async fn history(cluster: &Cluster, instance: &InstanceKey) -> Result<History, Failure> {
    let record = record::read(cluster, instance).await?;
    let kind = GroupKind::new("", "ConfigMap");
    let selector = Selector::instance(&instance.id);
    let config_maps = cluster
        .list(&kind, Some(&instance.namespace), &selector)
        .await?;
    let known = revision::among(&config_maps, instance);
    if record.is_none() && known.is_empty() {
        return Err(instance.not_there());
    }
    let of_known = |known: &Known| {
        let name = naming::revision(&instance.id, known.number.into());
        let object = config_maps.iter().find(|object| object.key.name == name)?;
        Some(summary(object, known.number).0)
    };
    let numbers = known.iter().map(|known| known.number);
    Ok(History {
        instance: instance.clone(),
        current: record.as_ref().and_then(Record::revision),
        revisions: known.iter().filter_map(of_known).collect(),
        unfinished: numbers
            .filter(|it| !is_finished(record.as_ref(), *it))
            .collect(),
    })
}

/// Tells whether a revision became the current one.
fn is_finished(record: Option<&Record>, number: u32) -> bool {
    record.is_some_and(|record| {
        let is_behind = record.revision().is_none_or(|current| number > current);
        !is_behind && record.finished().has(number)
    })
}

/// Returns the number of the revision that a rollback goes back to by itself: where it was going already if one was begun, else
/// the last that was finished before what is there now.
///
/// # Errors
/// There is none, or it cannot be read.
pub(super) async fn previous(cluster: &Cluster, instance: &InstanceKey) -> Result<u32, Failure> {
    let record = record::read(cluster, instance).await?;
    let current = current_of(record.as_ref(), instance)?;
    let kind = GroupKind::new("", "ConfigMap");
    let selector = Selector::instance(&instance.id);
    let namespace = Some(&instance.namespace);
    let config_maps = cluster.list_metadata(&kind, namespace, &selector).await?;
    let known = revision::among(&config_maps, instance);
    let noted = record.as_ref().and_then(Record::noted);
    if let Some(begun) = noted.and_then(|it| it.aim.back_to)
        && known.iter().any(|known| known.number == begun)
    {
        return Ok(begun);
    }
    let target = |number: u32| {
        let name = naming::revision(&instance.id, number.into());
        let object = config_maps.iter().find(|object| object.key.name == name)?;
        let target = Metadata::of(object).annotation(naming::ANNOTATION_ROLLBACK_TO);
        target?.parse().ok()
    };
    // One behind the current one is what is there now, as far as it came.
    let is_candidate =
        |known: &&Known| known.number > current || is_finished(record.as_ref(), known.number);
    let kept: Vec<_> = known
        .iter()
        .filter(is_candidate)
        .map(|known| (known.number, target(known.number)))
        .collect();
    let before = record.as_ref().and_then(|it| it.finished().before(current));
    last_finished(&kept, current, before).ok_or_else(|| {
        let summary =
            format!("no revision of {instance} from before r{current}, the current one, is kept");
        Failure::new(FailureKind::NotFound, summary)
    })
}

/// Returns the last revision that was finished before what is there, of the numbers that are kept, which rise, each with where
/// it goes back to. `before` is what was the current one before; an earlier program did not note it.
///
/// A revision behind the current one was never finished: what is there is of it, and the current one is what was before. If it
/// is of a rollback, that goes where it was going.
fn last_finished(kept: &[(u32, Option<u32>)], current: u32, before: Option<u32>) -> Option<u32> {
    let mut numbers = kept.iter().map(|(number, _)| *number);
    let is_kept = |wanted: &u32| kept.iter().any(|(number, _)| number == wanted);
    let unfinished = kept.last().filter(|(number, _)| *number > current);
    match unfinished {
        Some((_, Some(target))) if is_kept(target) => Some(*target),
        Some((_, None)) if is_kept(&current) => Some(current),
        _ => numbers.rfind(|it| *it < current && before.is_none_or(|before| *it <= before)),
    }
}

/// Reads a revision with its text.
///
/// # Errors
/// It is not kept, it is damaged, or it cannot be read.
pub async fn kept_revision(
    cluster: &Cluster,
    instance: &InstanceKey,
    number: u32,
) -> Result<KeptRevision, Failure> {
    let name = naming::revision(&instance.id, number.into());
    let key = core_key("ConfigMap", instance.namespace.as_str(), &name);
    let Some(object) = cluster.get(&key).await? else {
        if record::read(cluster, instance).await?.is_none() {
            return Err(instance.not_there());
        }
        let summary = format!("revision {number} of {instance} is not kept");
        return Err(Failure::new(FailureKind::NotFound, summary));
    };
    if revision::among([&object], instance).is_empty() {
        let summary = format!("{key} is no revision of {instance}: it bears none of its labels");
        return Err(Failure::new(FailureKind::Refused, summary));
    }
    match summary(&object, number) {
        (revision, Some(text)) => Ok(KeptRevision { revision, text }),
        (revision, None) => {
            let damage = revision.damage.unwrap_or_default();
            let summary = format!("revision {number} of {instance} is damaged: {damage}");
            Err(Failure::new(FailureKind::Invalid, summary))
        }
    }
}

/// Compares two revisions; without `to`, with the current one.
///
/// # Errors
/// One of them is not kept, is damaged or cannot be read.
pub async fn compare(
    cluster: &Cluster,
    instance: &InstanceKey,
    from: u32,
    to: Option<u32>,
) -> Result<Comparison, Failure> {
    let to = match to {
        Some(to) => to,
        None => current(cluster, instance).await?,
    };
    let old = kept_revision(cluster, instance, from).await?;
    let new = kept_revision(cluster, instance, to).await?;
    let [old_set, new_set] = [&old, &new].map(|kept| parameter_lines(&kept.revision.parameters));
    Ok(Comparison {
        from,
        to,
        text: difference::lines(&old.text, &new.text),
        parameters: difference::lines(&old_set, &new_set),
    })
}

async fn current(cluster: &Cluster, instance: &InstanceKey) -> Result<u32, Failure> {
    current_of(record::read(cluster, instance).await?.as_ref(), instance)
}

fn current_of(record: Option<&Record>, instance: &InstanceKey) -> Result<u32, Failure> {
    let record = record.ok_or_else(|| instance.not_there())?;
    record.revision().ok_or_else(|| {
        let summary =
            format!("{instance} has no current revision: no deploy of it came to its end");
        Failure::new(FailureKind::NotFound, summary)
    })
}

fn parameter_lines(parameters: &BTreeMap<String, String>) -> String {
    let lines = parameters.iter();
    lines
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect()
}

/// Returns what is said of a revision, and its text where that is whole.
fn summary(object: &Object, number: u32) -> (Revision, Option<String>) {
    let metadata = Metadata::of(object);
    let annotation = |name| metadata.annotation(name);
    let cleaned = |text: &str| text::clean(text).into_owned();
    let (content, damage) = match revision::unpack(object) {
        Ok(content) => (Some(content), None),
        Err(damage) => (None, Some(cleaned(&damage))),
    };
    let (text, parameters) = content
        .map(|content| (content.text, content.parameters))
        .unzip();
    let revision = Revision {
        number,
        definition: metadata
            .label(naming::LABEL_NAME)
            .and_then(|name| name.parse().ok()),
        applied_at: annotation(naming::ANNOTATION_APPLIED_AT).and_then(|at| at.parse().ok()),
        applied_by: annotation(naming::ANNOTATION_APPLIED_BY).map(cleaned),
        applied_as: annotation(naming::ANNOTATION_APPLIED_AS).map(cleaned),
        cause: annotation(naming::ANNOTATION_CHANGE_CAUSE).map(cleaned),
        parameters: parameters.unwrap_or_default(),
        damage,
    };
    (revision, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kept: &[u32], current: u32, before: Option<u32>, expected: Option<u32>) {
        let kept: Vec<_> = kept.iter().map(|it| (*it, None)).collect();
        assert_eq!(last_finished(&kept, current, before), expected);
    }

    #[test]
    fn a_rollback_goes_to_the_last_that_was_finished_before_what_is_there() {
        check(&[1, 2, 3], 3, Some(2), Some(2));
        // Revision 4 is of a deploy that was interrupted: what is there is of it.
        check(&[1, 3, 4], 3, Some(1), Some(3));
        check(&[3], 3, None, None);
        // It was never finished, and another was since.
        check(&[2, 3, 4, 5], 5, Some(3), Some(3));
        check(&[2, 4, 5], 5, Some(3), Some(2));
        check(&[4, 5], 5, Some(3), None);
        // An earlier program did not note which one was before.
        check(&[1, 2, 3], 3, None, Some(2));
    }

    #[test]
    fn a_rollback_that_was_interrupted_finds_its_target_again() {
        let begun = [(1, None), (2, None), (3, None), (4, Some(1))];
        assert_eq!(last_finished(&begun, 3, Some(2)), Some(1));
        // The same after it came to its end.
        assert_eq!(last_finished(&begun, 4, Some(3)), Some(3));
        // Its target is not kept any more.
        assert_eq!(last_finished(&begun[1..], 3, Some(2)), Some(2));
    }
}
