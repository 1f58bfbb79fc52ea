//! The numbers of replicas that workloads take over which are not there yet: from one of another kind that left the definition
//! for them, from one that an operation deleted which was cut off before it made it anew, or from the one that was taken down
//! and is put back.

use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::engine::live::Live;
use crate::engine::metadata::Metadata;
use crate::engine::preflight::Survey;
use crate::engine::prune::{Leaving, leaving};
use crate::engine::record::Record;
use crate::engine::replicas;
use crate::failure::{Failure, FailureKind};
use crate::service::operation::KeptReplicas;
use crate::service::summary::InstanceKey;

use super::Planner;

impl Planner<'_> {
    /// Returns the numbers that workloads are made with which are not there.
    ///
    /// # Errors
    /// The cluster cannot be reached.
    pub(super) async fn kept_replicas(
        &self,
        survey: &Survey,
    ) -> Result<Vec<KeptReplicas>, Failure> {
        let InstanceKey { namespace, id } = &self.request.instance();
        let set = naming::instance_applyset_id(id, namespace);
        let leaving = leaving(survey.objects(), &self.names(), id, &set);
        let mut kept = self.numbers();
        let is_there = |key: &ObjectKey| survey.find(key).is_some_and(|seen| !is_going(seen));
        kept.retain(|it| !is_there(&it.key));
        for wanted in &self.rendered.objects {
            if is_there(&wanted.key) || kept.iter().any(|it| it.key == wanted.key) {
                continue;
            }
            let predecessor = leaving.iter().find_map(|leaving| match leaving {
                Leaving::Deleted(object) => {
                    takes_place(&wanted.key, &object.key).then_some(*object)
                }
                Leaving::Kept(_) | Leaving::NotOurs(_) => None,
            });
            if let Some(predecessor) = predecessor {
                let whole = self.whole(predecessor, &Live::default()).await?;
                kept.extend(whole.and_then(|live| replicas::kept(&live, wanted)));
            }
        }
        Ok(kept)
    }

    /// Returns the numbers that are known without a look: of an operation that was cut off, or of what was taken down.
    pub(super) fn numbers(&self) -> Vec<KeptReplicas> {
        let noted = self.record.and_then(Record::noted);
        let noted = noted.map_or_else(Vec::new, |operation| operation.aim.kept);
        let number = |wanted: &Object| {
            let begun = noted.iter().find(|it| it.key == wanted.key);
            let is_open = wanted.json["spec"]["replicas"].is_null();
            let mut former = self.former.iter();
            let former = former.find(|it| is_same(&it.key, &wanted.key));
            let put_back = || replicas::kept(former?, wanted);
            begun.filter(|_| is_open).cloned().or_else(put_back)
        };
        self.rendered.objects.iter().filter_map(number).collect()
    }

    /// Returns the objects as they are made: with the numbers that they take over.
    pub(super) fn made(&self, kept: &[KeptReplicas]) -> Vec<Object> {
        let objects = self.rendered.objects.iter();
        let kept = |key: &ObjectKey| kept.iter().find(|it| it.key == *key);
        objects
            .map(|it| replicas::with_kept(it, kept(&it.key)))
            .collect()
    }

    /// Returns a live object in full; none where it is gone or may not be read.
    pub(super) async fn whole(
        &self,
        seen: &Object,
        live: &Live,
    ) -> Result<Option<Object>, Failure> {
        if let Some(listed) = live.get(&seen.key) {
            return Ok(Some(listed.clone()));
        }
        match self.cluster.get(&seen.key).await {
            Err(failure) if failure.kind == FailureKind::Forbidden => Ok(None),
            found => found,
        }
    }
}

fn is_going(seen: &Object) -> bool {
    Metadata::of(seen).is_being_deleted()
}

/// Tells whether two keys are of one object, whatever version it was read in.
fn is_same(a: &ObjectKey, b: &ObjectKey) -> bool {
    a.kind == b.kind && takes_place(a, b)
}

/// Tells whether an object takes the place of another one of the same group: a workload whose kind changes keeps its name.
fn takes_place(new: &ObjectKey, old: &ObjectKey) -> bool {
    (&new.group, &new.namespace, &new.name) == (&old.group, &old.namespace, &old.name)
}
