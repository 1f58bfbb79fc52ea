//! Taking away what left the definition, and the pods that hang, once all that comes is there.

use super::{Run, may_begin};
use crate::cluster::Propagation;
use crate::engine::apply;
use crate::engine::deploy::storage;
use crate::engine::journal::Journal;
use crate::engine::operation;
use crate::engine::plan::{Change, PlannedObject};
use crate::engine::progress::Step;
use crate::engine::rollback::{self, HangingPod};
use crate::failure::Failure;

impl Run<'_> {
    pub(super) async fn prune_all(&self, stop: &mut Option<String>, journal: &mut Journal<'_>) {
        for planned in &self.plan.objects {
            let step = match planned.change {
                Change::Delete => Step::Delete(planned.key.clone()),
                Change::Keep => Step::Keep(planned.key.clone()),
                Change::Create | Change::Update | Change::Unchanged | Change::Recreate => continue,
            };
            let sentence = format!("prune {}", planned.key);
            if !may_begin(self.lease, &step, &sentence, stop, journal).await {
                continue;
            }
            journal.started(&step);
            let uid = planned.live_uid.as_deref().unwrap_or_default();
            let result = if planned.change == Change::Delete {
                self.prune(planned, uid, journal).await
            } else {
                apply::release(self.cluster, &self.manager, &planned.key, uid).await
            };
            match result {
                Ok(()) => journal.done(step, None),
                Err(failure) => fail(step, failure, stop, journal),
            }
        }
    }

    /// Deletes what left. What a `StatefulSet` would take along is let go of right before, so that nothing of it changes where
    /// the deploy does not come so far.
    async fn prune(
        &self,
        planned: &PlannedObject,
        uid: &str,
        journal: &mut Journal<'_>,
    ) -> Result<(), Failure> {
        if planned.key.kind == storage::SET {
            self.storage().keep_claims_of(planned, journal).await?;
        }
        apply::delete(self.cluster, &planned.key, uid, Propagation::Foreground).await?;
        Ok(())
    }

    /// Deletes the pods that hang on the revision that is left.
    pub(super) async fn free_all(&self, stop: &mut Option<String>, journal: &mut Journal<'_>) {
        for pod in self.variant.hanging {
            let step = Step::Delete(pod.key.clone());
            let sentence = format!("delete {}, which hangs", pod.key);
            if !may_begin(self.lease, &step, &sentence, stop, journal).await {
                continue;
            }
            if let Err(failure) = self.free(pod, journal).await {
                fail(step, failure, stop, journal);
            }
        }
    }

    async fn free(&self, pod: &HangingPod, journal: &mut Journal<'_>) -> Result<(), Failure> {
        if let Some(why) = rollback::spared(self.cluster, pod, journal).await? {
            journal.done(Step::Keep(pod.key.clone()), Some(why.to_owned()));
            return Ok(());
        }
        let step = Step::Delete(pod.key.clone());
        journal.started(&step);
        apply::delete(self.cluster, &pod.key, &pod.uid, Propagation::Background).await?;
        journal.done(step, None);
        Ok(())
    }
}

/// Tells of a failure, after some of which nothing more is tried.
fn fail(step: Step, failure: Failure, stop: &mut Option<String>, journal: &mut Journal<'_>) {
    if let Some(why) = operation::ends_all(&failure) {
        *stop = Some(why.to_owned());
    }
    journal.failed(step, failure);
}
