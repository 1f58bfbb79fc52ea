//! Writing what a plan creates and changes, batch by batch: what does not depend on a failure goes on.

use futures::FutureExt;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Run, heed, to_apply};
use crate::cluster::{Propagation, Stop, Written};
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::definition::order;
use crate::engine::apply::{self, Target};
use crate::engine::batch;
use crate::engine::blame;
use crate::engine::gone;
use crate::engine::journal::Journal;
use crate::engine::kinds;
use crate::engine::metadata::Metadata;
use crate::engine::operation::{self, NOT_HELD, STOPPED, UNREACHABLE};
use crate::engine::plan::{Change, FieldConflict, PlannedObject};
use crate::engine::progress::Step;
use crate::engine::rehearse::without;
use crate::engine::replicas;
use crate::failure::{Failure, FailureKind};

/// How long an object that is being deleted is waited for before it is made again, beside what its pods may take to end.
const DELETION_DEADLINE: Duration = Duration::from_secs(60);

impl Run<'_> {
    pub(super) async fn apply_all(&self, stop: &mut Option<String>, journal: &mut Journal<'_>) {
        let mut failed: Vec<ObjectKey> = Vec::new();
        for batch in to_apply(self.plan) {
            heed(self.lease, stop);
            let mut ready = Vec::with_capacity(batch.len());
            for planned in batch {
                let step = Step::Apply(planned.key.clone());
                if let Some(why) = &*stop {
                    journal.not_tried(step, why);
                } else if let Some(needed) = self.needed_by(&planned.key, &failed) {
                    journal.not_tried(step, format!("it needs {needed}"));
                    failed.push(planned.key.clone());
                } else {
                    journal.started(&step);
                    ready.push(planned.clone());
                }
            }
            if let Err(failure) = self.wait_for_kind(&ready, journal).await {
                for planned in ready.drain(..) {
                    journal.failed(Step::Apply(planned.key.clone()), failure.clone());
                    failed.push(planned.key);
                }
            }
            if !ready.is_empty() {
                *stop = self.apply_batch(ready, &mut failed, journal).await;
            }
        }
    }

    fn needed_by<'f>(&self, key: &ObjectKey, failed: &'f [ObjectKey]) -> Option<&'f ObjectKey> {
        let definition = kinds::definition_of(key, &self.prepared.rendered.objects);
        let is_definition = |failed: &&ObjectKey| definition.is_some_and(|it| it.key == **failed);
        let defining = failed.iter().find(is_definition);
        defining.or_else(|| needed(key, failed))
    }

    /// Waits until the kind of a batch is served, where it comes with the definition.
    async fn wait_for_kind(
        &self,
        batch: &[PlannedObject],
        journal: &mut Journal<'_>,
    ) -> Result<(), Failure> {
        let Some(first) = batch.first() else {
            return Ok(());
        };
        match kinds::definition_of(&first.key, &self.prepared.rendered.objects) {
            None => Ok(()),
            Some(definition) => {
                kinds::wait_until_served(self.cluster, &definition.key, &first.key, journal).await
            }
        }
    }

    /// Writes a batch. Returns why nothing more may be tried, and adds what failed to the others.
    async fn apply_batch(
        &self,
        batch: Vec<PlannedObject>,
        failed: &mut Vec<ObjectKey>,
        journal: &mut Journal<'_>,
    ) -> Option<String> {
        let sentence = batch::sentence("apply", batch.iter().map(|planned| &planned.key));
        if let Err(failure) = self.lease.step(&sentence).await {
            let mut steps = batch.into_iter().map(|planned| Step::Apply(planned.key));
            journal.failed(steps.next()?, failure);
            steps.for_each(|step| journal.not_tried(step, NOT_HELD));
            return Some(NOT_HELD.to_owned());
        }
        let (mut stop, mut going) = (None, Vec::new());
        let mut planned = batch.clone().into_iter();
        batch::run(
            batch,
            |planned| self.apply_one(planned),
            |result| result.as_ref().is_err_and(Unwritten::ends_all),
            |result| {
                let planned = planned.next().expect("each is told once");
                if let Some(Err(Unwritten::ItGoes)) = result {
                    going.push(planned);
                    return;
                }
                let why = stop.take();
                stop = note(result, planned.key, why.as_deref(), failed, journal).or(why);
            },
        )
        .await;
        for planned in going {
            let result = match stop {
                None => Some(self.apply_after_deletion(planned.clone(), journal).await),
                Some(_) => None,
            };
            stop = note(result, planned.key, stop.as_deref(), failed, journal).or(stop);
        }
        stop
    }

    async fn apply_one(&self, planned: PlannedObject) -> Result<Vec<String>, Unwritten> {
        self.lease.hold().await.map_err(Unwritten::Failed)?;
        if planned.change == Change::Recreate {
            self.remove(&planned).await.map_err(Unwritten::Failed)?;
            return Err(Unwritten::ItGoes);
        }
        let wanted = self
            .prepared
            .object(&planned.key)
            .expect("what is planned was compared with what is rendered");
        let is_of = |conflict: &&FieldConflict| conflict.key == planned.key;
        let taken = self.plan.conflicts.iter().filter(is_of);
        let taken: Vec<FieldConflict> = taken.cloned().collect();
        let yielded = self.plan.yielded.iter().filter(is_of);
        let yielded: Vec<FieldConflict> = yielded.cloned().collect();
        let wanted = without(wanted, &yielded);
        let target = planned
            .live_uid
            .as_deref()
            .map_or(Target::Absent, Target::Seen);
        let written = match target {
            Target::Absent => self.make(&wanted).await,
            Target::Seen(uid) => self.change(&wanted, uid, &taken).await,
        };
        match written {
            Ok(written) => {
                self.note_applied(&written.object);
                Ok(written.warnings)
            }
            Err(failure) if failure.kind == FailureKind::Conflict && target == Target::Absent => {
                let live = self.cluster.get(&planned.key).await;
                // What was in the way may have gone in between, if anything was.
                let was_there = !apply::is_outdated(&failure);
                let goes = |live: Option<Object>| {
                    live.map_or(was_there, |it| Metadata::of(&it).is_being_deleted())
                };
                Err(match live.map(goes) {
                    Ok(true) => Unwritten::ItGoes,
                    _ => Unwritten::Failed(failure),
                })
            }
            Err(failure) => {
                let located = blame::located(failure, &self.request.text, &wanted);
                Err(Unwritten::Failed(located))
            }
        }
    }

    /// Makes what is not there. One that takes over a number of replicas has it from the first moment on, and lets go of it
    /// then, as the definition leaves it open.
    async fn make(&self, wanted: &Object) -> Result<Written, Failure> {
        let kept = self.plan.kept_replicas(&wanted.key);
        let whole = replicas::with_kept(wanted, kept);
        let absent = (Target::Absent, &[][..]);
        let made = self.apply(&whole, absent).await?;
        if kept.is_none() {
            return Ok(made);
        }
        let uid = Metadata::of(&made.object).uid();
        let Written { object, .. } = self.change(wanted, uid, &[]).await?;
        Ok(Written { object, ..made })
    }

    async fn change(
        &self,
        wanted: &Object,
        uid: &str,
        taken: &[FieldConflict],
    ) -> Result<Written, Failure> {
        replicas::hand_over(self.cluster, &self.request.id, wanted, uid).await?;
        self.apply(wanted, (Target::Seen(uid), taken)).await
    }

    async fn apply(
        &self,
        wanted: &Object,
        onto: (Target<'_>, &[FieldConflict]),
    ) -> Result<Written, Failure> {
        let hold = || self.lease.hold().boxed();
        apply::apply(self.cluster, &hold, &self.manager, wanted, onto).await
    }

    /// Writes what was found in the way of being deleted, once that is gone.
    async fn apply_after_deletion(
        &self,
        planned: PlannedObject,
        journal: &mut Journal<'_>,
    ) -> Result<Vec<String>, Unwritten> {
        let waited = self.wait_for_deletion(&planned, journal).await;
        waited.map_err(Unwritten::Failed)?;
        // The wait may have been long.
        let sentence = format!("apply {}", planned.key);
        let held = self.lease.step(&sentence).await;
        held.map_err(Unwritten::Failed)?;
        let (key, is_made_anew) = (planned.key.clone(), planned.change == Change::Recreate);
        let planned = PlannedObject {
            change: Change::Create,
            live_uid: None,
            ..planned
        };
        let mut warnings = self.apply_one(planned).await?;
        if is_made_anew {
            self.unmade().retain(|it| *it != key);
            warnings.insert(0, "made anew".to_owned());
        }
        Ok(warnings)
    }

    /// Deletes what is made anew: with its pods, or alone where these go on running.
    async fn remove(&self, planned: &PlannedObject) -> Result<(), Failure> {
        let uid = planned.live_uid.as_deref().unwrap_or_default();
        let is_orphaned = self.plan.storage.orphaned.contains(&planned.key);
        let propagation = match is_orphaned {
            true => Propagation::Orphan,
            false => Propagation::Foreground,
        };
        let deleted = apply::delete(self.cluster, &planned.key, uid, propagation).await;
        // One that got no answer may have arrived.
        let may_go = deleted.as_ref().map_or_else(may_have_arrived, |_| true);
        if may_go {
            self.unmade().push(planned.key.clone());
        }
        deleted.map(drop)
    }

    pub(super) fn unmade(&self) -> MutexGuard<'_, Vec<ObjectKey>> {
        self.unmade.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object that is being deleted is waited for, never written to: the change would vanish with it.
    async fn wait_for_deletion(
        &self,
        planned: &PlannedObject,
        journal: &mut Journal<'_>,
    ) -> Result<(), Failure> {
        let key = &planned.key;
        let live = self.cluster.get(key).await?;
        let Some(old) = live.filter(|live| Metadata::of(live).is_being_deleted()) else {
            return Ok(());
        };
        let target = (key.clone(), Metadata::of(&old).uid().to_owned());
        let usual = usual_time(&old);
        // Nothing may end between what is deleted to be made anew and its making.
        let within = match (planned.change, self.gone_within) {
            (Change::Recreate, Some(asked)) => asked.max(usual),
            (_, asked) => asked.unwrap_or(usual),
        };
        let begun = Instant::now();
        let deadline = begun.checked_add(within);
        let deadline = deadline.unwrap_or(begun + DELETION_DEADLINE);
        // What is made anew is made, once the old one goes: it is waited for to the end.
        let stop = match planned.change {
            Change::Recreate => &Stop::default(),
            _ => self.cluster.stop(),
        };
        let held = gone::wait(self.cluster, &[target], None, (deadline, stop), journal).await?;
        match held.first() {
            None => Ok(()),
            Some(_) if stop.is_asked() => Err(Failure::new(FailureKind::Refused, STOPPED)),
            Some(held) => Err(Failure::new(
                FailureKind::Conflict,
                format!("the old one is still there: {held}"),
            )),
        }
    }
}

/// Returns how long an object may take to go with its pods, which have a time of their own to end.
fn usual_time(old: &Object) -> Duration {
    let grace = &old.json["spec"]["template"]["spec"]["terminationGracePeriodSeconds"];
    let grace = Duration::from_secs(grace.as_u64().unwrap_or(0));
    DELETION_DEADLINE.saturating_add(grace)
}

/// Why an object is not written.
enum Unwritten {
    /// An object of that name is being deleted: nothing was written to it.
    ItGoes,
    Failed(Failure),
}

impl Unwritten {
    /// Tells whether nothing else can be written either.
    fn ends_all(&self) -> bool {
        matches!(self, Self::Failed(failure) if operation::ends_all(failure).is_some())
    }
}

/// Tells what became of an object; none stands for one that was not tried, as nothing is after `stop`. Returns why nothing
/// more may be tried.
fn note(
    result: Option<Result<Vec<String>, Unwritten>>,
    key: ObjectKey,
    stop: Option<&str>,
    failed: &mut Vec<ObjectKey>,
    journal: &mut Journal<'_>,
) -> Option<String> {
    let step = Step::Apply(key.clone());
    let failure = match result {
        Some(Ok(warnings)) => {
            let remark = (!warnings.is_empty()).then(|| warnings.join("; "));
            journal.done(step, remark);
            return None;
        }
        Some(Err(Unwritten::Failed(failure))) => failure,
        Some(Err(Unwritten::ItGoes)) => {
            let summary = format!("{key} is being deleted once more");
            Failure::new(FailureKind::Conflict, summary)
        }
        None => {
            journal.not_tried(step, stop.unwrap_or(UNREACHABLE));
            return None;
        }
    };
    if operation::is_stopped(&failure) {
        journal.not_tried(step, STOPPED);
        return Some(STOPPED.to_owned());
    }
    let stop = operation::ends_all(&failure).map(str::to_owned);
    journal.failed(step, failure);
    failed.push(key);
    stop
}

/// Tells whether nobody knows if a write was done.
fn may_have_arrived(failure: &Failure) -> bool {
    failure.kind == FailureKind::Unreachable
}

/// Returns an object that failed and without which this one cannot do.
fn needed<'a>(key: &ObjectKey, failed: &'a [ObjectKey]) -> Option<&'a ObjectKey> {
    let runs_pods = order::is_workload(&GroupKind::of(key)) || key.kind == "Pod";
    let needs: &[&str] = match key.kind.as_str() {
        "Ingress" => &["Service"],
        _ if runs_pods => &[
            "ConfigMap",
            "Secret",
            "PersistentVolumeClaim",
            "ServiceAccount",
        ],
        _ => &[],
    };
    let is_home = |failed: &ObjectKey| {
        failed.kind == "Namespace" && key.namespace.as_ref() == Some(&failed.name)
    };
    failed
        .iter()
        .find(|failed| needs.contains(&failed.kind.as_str()) || is_home(failed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::metadata::core_key;

    fn key(kind: &str, name: &str) -> ObjectKey {
        let group = match kind {
            "Deployment" => "apps",
            "Ingress" => "networking.k8s.io",
            _ => "",
        };
        ObjectKey {
            group: group.to_owned(),
            ..core_key(kind, "team-a", name)
        }
    }

    #[test]
    fn what_does_not_depend_on_a_failure_goes_on() {
        let config = [key("ConfigMap", "web-config")];
        let service = [key("Service", "web")];
        assert_eq!(needed(&key("Deployment", "web"), &config), Some(&config[0]));
        assert_eq!(needed(&key("Ingress", "web"), &config), None);
        assert_eq!(needed(&key("Ingress", "web"), &service), Some(&service[0]));
        assert_eq!(needed(&key("Service", "web"), &config), None);
    }
}
