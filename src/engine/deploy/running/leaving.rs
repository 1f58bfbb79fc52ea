//! Taking away what left the definition, and the pods that hang, once all that comes is there.

use super::{Run, heed};
use crate::cluster::Propagation;
use crate::engine::apply;
use crate::engine::journal::Journal;
use crate::engine::operation::{NOT_HELD, UNREACHABLE};
use crate::engine::plan::{Change, Step};
use crate::engine::rollback::{self, HangingPod};
use crate::failure::{Failure, FailureKind};

impl Run<'_> {
    pub(super) async fn prune_all(&self, stop: &mut Option<String>, journal: &mut Journal<'_>) {
        for planned in &self.plan.objects {
            let step = match planned.change {
                Change::Delete => Step::Delete(planned.key.clone()),
                Change::Keep => Step::Keep(planned.key.clone()),
                Change::Create | Change::Update | Change::Unchanged | Change::Recreate => continue,
            };
            heed(self.lease, stop);
            if let Some(why) = &*stop {
                journal.not_tried(step, why);
                continue;
            }
            journal.started(&step);
            let uid = planned.live_uid.as_deref().unwrap_or_default();
            if let Err(failure) = self.lease.step(&format!("prune {}", planned.key)).await {
                journal.failed(step, failure);
                *stop = Some(NOT_HELD.to_owned());
                continue;
            }
            let result = if planned.change == Change::Delete {
                apply::delete(self.cluster, &planned.key, uid, Propagation::Foreground)
                    .await
                    .map(|_| ())
            } else {
                apply::release(self.cluster, &self.manager, &planned.key, uid).await
            };
            match result {
                Ok(()) => journal.done(step, None),
                Err(failure) => {
                    if failure.kind == FailureKind::Unreachable {
                        *stop = Some(UNREACHABLE.to_owned());
                    }
                    journal.failed(step, failure);
                }
            }
        }
    }

    /// Deletes the pods that hang on the revision that is left.
    pub(super) async fn free_all(&self, stop: &mut Option<String>, journal: &mut Journal<'_>) {
        for pod in self.variant.hanging {
            let step = Step::Delete(pod.key.clone());
            heed(self.lease, stop);
            if let Some(why) = &*stop {
                journal.not_tried(step, why);
                continue;
            }
            let sentence = format!("delete {}, which hangs", pod.key);
            if let Err(failure) = self.lease.step(&sentence).await {
                journal.failed(step, failure);
                *stop = Some(NOT_HELD.to_owned());
                continue;
            }
            if let Err(failure) = self.free(pod, journal).await {
                if failure.kind == FailureKind::Unreachable {
                    *stop = Some(UNREACHABLE.to_owned());
                }
                journal.failed(step, failure);
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
