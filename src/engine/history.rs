//! The history of an instance: the revisions that are kept, what each of them keeps, and what differs between two.
//!
//! Only read here. A revision that somebody damaged is named with what is wrong with it, and hides no other one.

use std::collections::BTreeMap;

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

impl History {
    /// Returns the number of the newest revision that is kept from before the current one.
    pub fn previous(&self) -> Option<u32> {
        let numbers = self.revisions.iter().map(|revision| revision.number);
        last_before(numbers, self.current?)
    }
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
    Ok(History {
        instance: instance.clone(),
        current: record.as_ref().and_then(Record::revision),
        revisions: known.iter().filter_map(of_known).collect(),
    })
}

/// Returns the number of the newest revision that is kept from before the current one.
///
/// # Errors
/// There is none, or it cannot be read.
pub(super) async fn previous(cluster: &Cluster, instance: &InstanceKey) -> Result<u32, Failure> {
    let current = current(cluster, instance).await?;
    let kind = GroupKind::new("", "ConfigMap");
    let selector = Selector::instance(&instance.id);
    let namespace = Some(&instance.namespace);
    let config_maps = cluster.list_metadata(&kind, namespace, &selector).await?;
    let known = revision::among(&config_maps, instance);
    let numbers = known.iter().map(|known| known.number);
    last_before(numbers, current).ok_or_else(|| {
        let summary =
            format!("no revision of {instance} from before r{current}, the current one, is kept");
        Failure::new(FailureKind::NotFound, summary)
    })
}

/// Returns the highest number below another; the numbers rise.
fn last_before(numbers: impl DoubleEndedIterator<Item = u32>, current: u32) -> Option<u32> {
    numbers.rev().find(|number| *number < current)
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
    let record = record::read(cluster, instance).await?;
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
        cause: annotation(naming::ANNOTATION_CHANGE_CAUSE).map(cleaned),
        parameters: parameters.unwrap_or_default(),
        damage,
    };
    (revision, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(numbers: &[u32], current: Option<u32>) -> History {
        let revision = |number: &u32| Revision {
            number: *number,
            definition: None,
            applied_at: None,
            applied_by: None,
            cause: None,
            parameters: BTreeMap::new(),
            damage: None,
        };
        History {
            instance: InstanceKey {
                namespace: "team-a".parse().unwrap(),
                id: "web".parse().unwrap(),
            },
            current,
            revisions: numbers.iter().map(revision).collect(),
        }
    }

    fn check(numbers: &[u32], current: Option<u32>, expected: Option<u32>) {
        assert_eq!(history(numbers, current).previous(), expected);
    }

    #[test]
    fn the_previous_revision_is_the_last_that_is_kept_before_the_current_one() {
        check(&[1, 2, 3], Some(3), Some(2));
        // Revision 4 belongs to a deploy that was interrupted.
        check(&[1, 3, 4], Some(3), Some(1));
        check(&[3], Some(3), None);
        check(&[1], None, None);
    }
}
