//! Carrying out the plan of a deploy, under the operation that the record holds.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::storage::{self, StorageRun};
use super::{DeployRequest, Report, RunOptions};
use crate::cluster::{Cluster, Propagation, Stop};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::definition::order;
use crate::definition::render::Rendered;
use crate::engine::agreed;
use crate::engine::apply::{self, Target};
use crate::engine::batch;
use crate::engine::blame;
use crate::engine::gone;
use crate::engine::journal::Journal;
use crate::engine::kinds;
use crate::engine::metadata::{Metadata, core_key};
use crate::engine::operation::{self, Intent, Lease, NOT_HELD, Opening};
use crate::engine::plan::{Change, DeployPlan, FieldConflict, Outcome, PlannedObject, Step};
use crate::engine::preflight::refused;
use crate::engine::record::{self, Authorship, Change as RecordChange, Extent, Facts};
use crate::engine::rehearse::without;
use crate::engine::rendering::rendered;
use crate::engine::replicas;
use crate::engine::revision::{self, Identity, Snapshot};
use crate::engine::rollback::{self, HangingPod};
use crate::engine::secrets;
use crate::failure::{Failure, FailureKind};
use crate::service::drift::{self, AppliedWorkload};
use crate::service::managed::ManagedFields;
use crate::service::operation::Aim;
use crate::service::summary::WorkloadKind;

/// How long an object that is being deleted is waited for before it is made again.
const DELETION_DEADLINE: Duration = Duration::from_secs(60);
const UNREACHABLE: &str = "the server could not be reached";

/// Carries out a plan that was shown. It goes on past failures with what does not depend on them; running a new plan
/// finishes what was left.
pub async fn run_deploy(
    cluster: &Cluster,
    request: &DeployRequest,
    plan: &DeployPlan,
    options: RunOptions,
    report: Report<'_>,
) -> Outcome {
    let variant = Variant {
        kind: "deploy",
        back_to: None,
        hanging: &[],
    };
    run_variant(cluster, request, plan, options, variant, report).await
}

/// What sets one operation that carries out a deploy's plan apart from another.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Variant<'a> {
    /// What it is called in the record.
    pub kind: &'static str,
    /// The revision that it goes back to.
    pub back_to: Option<u32>,
    /// Pods that are deleted once everything is written.
    pub hanging: &'a [HangingPod],
}

/// Carries out a plan as one of the operations that deploy.
pub(in crate::engine) async fn run_variant(
    cluster: &Cluster,
    request: &DeployRequest,
    plan: &DeployPlan,
    options: RunOptions,
    variant: Variant<'_>,
    report: Report<'_>,
) -> Outcome {
    let mut journal = Journal::new(report);
    if let Err(failure) = may_run(plan, options) {
        return not_begun(journal, plan, variant, failure);
    }
    if plan.is_noop() && variant.hanging.is_empty() {
        return journal.into_outcome();
    }
    let prepared = match prepare(cluster, request, plan).await {
        Ok(prepared) => prepared,
        Err(failure) => return not_begun(journal, plan, variant, failure),
    };
    let instance = request.instance();
    let intent = Intent {
        kind: variant.kind,
        instance: &instance,
        holder: &request.holder,
        aim: Aim {
            revision: Some(plan.revision),
            back_to: variant.back_to,
            ..agreed::noted(request, plan)
        },
        n_steps: n_steps(plan, &prepared, variant),
        meeting: options.meeting,
    };
    let opening = Opening {
        definition: request.name.as_str(),
        extent: prepared.extent(&request.namespace),
    };
    journal.started(&Step::Claim);
    let lease = match operation::claim(cluster, &intent, Some(&opening), &mut journal).await {
        Ok(lease) => lease.expect("a deploy has an opening, so that there is a record"),
        Err(failure) => return not_begun(journal, plan, variant, failure),
    };
    journal.done(Step::Claim, None);
    let run = Run {
        cluster,
        request,
        plan,
        variant,
        prepared,
        lease: &lease,
        manager: naming::field_manager(&request.id),
        applied: Mutex::default(),
    };
    lease.beating(run.carry_out(&mut journal)).await;
    journal.into_outcome()
}

/// Returns how often the operation is claimed again at most: for the revision, each batch, each object that goes, and what is
/// made anew twice more: its claims are let go of first, and it is written once the old one is gone.
fn n_steps(plan: &DeployPlan, prepared: &Prepared, variant: Variant<'_>) -> usize {
    let has_left = |planned: &&PlannedObject| match planned.change {
        Change::Delete => true,
        Change::Keep => prepared.object(&planned.key).is_none(),
        Change::Create | Change::Update | Change::Recreate => false,
    };
    let n_left = plan.objects.iter().filter(has_left).count();
    let storage = plan.storage.binds.len() + plan.storage.growths.len();
    let is_anew = |planned: &&PlannedObject| planned.change == Change::Recreate;
    let n_anew = plan.objects.iter().filter(is_anew).count();
    1 + storage + 2 * n_anew + to_apply(plan).len() + n_left + variant.hanging.len()
}

/// Returns what is written, in batches.
fn to_apply(plan: &DeployPlan) -> Vec<Vec<&PlannedObject>> {
    let is_written = |object: &&PlannedObject| {
        matches!(
            object.change,
            Change::Create | Change::Update | Change::Recreate
        )
    };
    batch::batches(plan.objects.iter().filter(is_written), |object| &object.key)
}

/// What is needed to carry out a plan, made again from what was asked for.
struct Prepared {
    rendered: Rendered,
    snapshot: Snapshot,
}

impl Prepared {
    fn extent(&self, own: &Namespace) -> Extent {
        Extent::of(&self.rendered.objects, own)
    }

    fn object(&self, key: &ObjectKey) -> Option<&Object> {
        self.rendered
            .objects
            .iter()
            .find(|object| object.key == *key)
    }
}

fn may_run(plan: &DeployPlan, options: RunOptions) -> Result<(), Failure> {
    if let Some(refusal) = plan.refusals.first() {
        return Err(refusal.clone());
    }
    if !options.force_conflicts
        && !plan.takes_conflicts
        && let Some(conflict) = plan.conflicts.first()
    {
        let FieldConflict {
            key,
            field,
            message,
            ..
        } = conflict;
        let summary = format!("{key} {field} belongs to another manager: {message}");
        return Err(Failure::new(FailureKind::Conflict, summary));
    }
    Ok(())
}

async fn prepare(
    cluster: &Cluster,
    request: &DeployRequest,
    plan: &DeployPlan,
) -> Result<Prepared, Failure> {
    let composed = secrets::compose(cluster, request).await?;
    let revision = composed.revision();
    if let Some(key) = composed.hidden.first() {
        let summary = format!("this user may not read {key}");
        return Err(Failure::new(FailureKind::Forbidden, summary));
    }
    if let Some(refusal) = composed.refusals.into_iter().next() {
        return Err(refusal);
    }
    let snapshot = Snapshot::pack(&request.text, &request.parameters)?;
    let is_what_was_shown =
        snapshot.text_hash() == plan.text_hash && request.instance() == plan.instance;
    let mut rendered = rendered(cluster, request, composed.secrets)
        .await?
        .map_err(|_| refused("the definition has faults"))?;
    storage::hold_sizes(&mut rendered.objects, &plan.storage);
    let planned = plan.objects.iter().filter(|object| is_made(object));
    let is_complete = rendered
        .objects
        .iter()
        .all(|object| planned.clone().any(|planned| planned.key == object.key));
    if !is_what_was_shown || !is_complete {
        return Err(refused(
            "the definition is not the one that was planned: plan again",
        ));
    }
    if revision != plan.secret_revision {
        return Err(refused(
            "the values of its secrets were changed after it was planned: plan again",
        ));
    }
    Ok(Prepared { rendered, snapshot })
}

/// Tells whether the definition makes this object, as far as a plan says.
fn is_made(object: &PlannedObject) -> bool {
    object.change != Change::Delete
}

fn not_begun(
    journal: Journal<'_>,
    plan: &DeployPlan,
    variant: Variant<'_>,
    failure: Failure,
) -> Outcome {
    let pods = variant.hanging.iter();
    let pods = pods.map(|pod| Step::Delete(pod.key.clone()));
    let objects = plan.objects.iter().filter_map(step_of);
    let steps = storage::steps(&plan.storage).chain(objects).chain(pods);
    journal.not_begun(failure, steps)
}

/// Returns the step that a planned object takes; none if it stays as it is.
fn step_of(object: &PlannedObject) -> Option<Step> {
    match object.change {
        Change::Create | Change::Update | Change::Recreate => Some(Step::Apply(object.key.clone())),
        Change::Delete => Some(Step::Delete(object.key.clone())),
        Change::Keep => None,
    }
}

struct Run<'a> {
    cluster: &'a Cluster,
    request: &'a DeployRequest,
    plan: &'a DeployPlan,
    variant: Variant<'a>,
    prepared: Prepared,
    lease: &'a Lease<'a>,
    manager: String,
    /// What was applied of workloads so far.
    applied: Mutex<Vec<AppliedWorkload>>,
}

fn workload_kind(key: &ObjectKey) -> Option<WorkloadKind> {
    let mut kinds = WorkloadKind::RENDERED.into_iter();
    kinds.find(|kind| key.group == "apps" && key.kind == kind.as_str())
}

impl Run<'_> {
    async fn carry_out(&self, journal: &mut Journal<'_>) {
        let authorship = Authorship {
            cause: self.request.message.clone(),
            holder: self.request.holder.clone(),
            at: Timestamp::now(),
        };
        if self.plan.is_noop() {
            // Everything is written, and the record says so; only pods hang.
            self.free_all(&mut None, journal).await;
            // If this fails, the operation stands still, and whoever comes next takes it over.
            let _ = self.lease.end(RecordChange::default()).await;
            return;
        }
        let mut stop = self.write_revision(&authorship, journal).await.err();
        self.storage().prepare(&mut stop, journal).await;
        self.apply_all(&mut stop, journal).await;
        if stop.is_none() && !journal.is_clean() {
            // Nothing goes before what comes in its place is there.
            stop = Some("not all objects could be applied".to_owned());
        }
        self.prune_all(&mut stop, journal).await;
        if stop.is_none() && !journal.is_clean() {
            stop = Some("not all that left the definition is gone".to_owned());
        }
        self.free_all(&mut stop, journal).await;
        if stop.is_none() && !journal.is_clean() {
            stop = Some("not all pods that hang could be deleted".to_owned());
        }
        self.conclude(stop, &authorship, journal).await;
    }

    /// Writes the text before anything else, so that whoever finishes an interrupted deploy has it.
    async fn write_revision(
        &self,
        authorship: &Authorship,
        journal: &mut Journal<'_>,
    ) -> Result<(), String> {
        let step = Step::Revision(self.plan.revision);
        journal.started(&step);
        let sentence = format!("write revision {}", self.plan.revision);
        let result = match self.lease.step(&sentence).await {
            Ok(()) => self.create_revision(authorship).await,
            Err(failure) => Err(failure),
        };
        match result {
            Ok(()) => {
                journal.done(step, None);
                Ok(())
            }
            Err(failure) => {
                journal.failed(step, failure);
                Err("the revision could not be written".to_owned())
            }
        }
    }

    async fn create_revision(&self, authorship: &Authorship) -> Result<(), Failure> {
        let object = self.prepared.snapshot.object(
            &self.plan.instance,
            self.request.name.as_str(),
            self.plan.revision,
            self.lease.record_uid(),
            authorship,
        );
        let Err(failure) = self.cluster.create(&object, &self.manager, false).await else {
            return Ok(());
        };
        if !matches!(
            failure.kind,
            FailureKind::Conflict | FailureKind::Unreachable
        ) {
            return Err(failure);
        }
        // There already: an interrupted deploy of this text left it, or it arrived although no answer came.
        let live = self.cluster.get(&object.key).await;
        let Some(live) = live.map_err(|_| failure.clone())? else {
            return match failure.kind {
                FailureKind::Unreachable => self
                    .cluster
                    .create(&object, &self.manager, false)
                    .await
                    .map(|_| ()),
                _ => Err(failure),
            };
        };
        let metadata = Metadata::of(&live);
        let is_of_record = metadata
            .owners()
            .iter()
            .any(|owner| owner.uid == self.lease.record_uid());
        let is_same = Identity::of(metadata).as_ref() == Some(self.prepared.snapshot.identity());
        if is_same && is_of_record {
            return Ok(());
        }
        let summary = format!(
            "{} is there with another text or other parameters: somebody deployed meanwhile, plan again",
            object.key
        );
        Err(Failure::new(FailureKind::Conflict, summary))
    }

    async fn apply_all(&self, stop: &mut Option<String>, journal: &mut Journal<'_>) {
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
                stop = note(result, planned.key, failed, journal).or(stop.take());
            },
        )
        .await;
        for planned in going {
            let result = match stop {
                None => Some(self.apply_after_deletion(planned.clone(), journal).await),
                Some(_) => None,
            };
            stop = note(result, planned.key, failed, journal).or(stop);
        }
        stop
    }

    async fn apply_one(&self, planned: PlannedObject) -> Result<Vec<String>, Unwritten> {
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
        if let Target::Seen(uid) = target {
            let handed = replicas::hand_over(self.cluster, &self.request.id, &wanted, uid).await;
            handed.map_err(Unwritten::Failed)?;
        }
        match apply::apply(self.cluster, &self.manager, &wanted, target, &taken).await {
            Ok(written) => {
                self.note_applied(&written.object);
                Ok(written.warnings)
            }
            Err(failure) if failure.kind == FailureKind::Conflict && target == Target::Absent => {
                let live = self.cluster.get(&planned.key).await;
                let goes = |live: Object| Metadata::of(&live).is_being_deleted();
                Err(match live.map(|live| live.is_some_and(goes)) {
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

    /// Writes what was found in the way of being deleted, once that is gone.
    async fn apply_after_deletion(
        &self,
        planned: PlannedObject,
        journal: &mut Journal<'_>,
    ) -> Result<Vec<String>, Unwritten> {
        let waited = self.wait_for_deletion(&planned.key, journal).await;
        waited.map_err(Unwritten::Failed)?;
        // The wait may have been long.
        let sentence = format!("apply {}", planned.key);
        let held = self.lease.step(&sentence).await;
        held.map_err(Unwritten::Failed)?;
        let is_made_anew = planned.change == Change::Recreate;
        let planned = PlannedObject {
            change: Change::Create,
            live_uid: None,
            ..planned
        };
        let mut warnings = self.apply_one(planned).await?;
        if is_made_anew {
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
        apply::delete(self.cluster, &planned.key, uid, propagation).await?;
        Ok(())
    }

    fn storage(&self) -> StorageRun<'_> {
        StorageRun {
            cluster: self.cluster,
            plan: self.plan,
            lease: self.lease,
        }
    }

    /// Notes what an apply left of a workload, for the record.
    fn note_applied(&self, live: &Object) {
        let own = self.request.namespace.as_str();
        let Some(kind) =
            workload_kind(&live.key).filter(|_| live.key.namespace.as_deref() == Some(own))
        else {
            return;
        };
        let managed = ManagedFields::deserialize(&live.json["metadata"]["managedFields"]);
        let fields = managed
            .ok()
            .and_then(|managed| managed.applied(&self.manager));
        let wanted = self.prepared.object(&live.key);
        let replicas = wanted.and_then(|wanted| wanted.json["spec"]["replicas"].as_u64());
        let applied = fields.map(|fields| AppliedWorkload {
            kind,
            name: live.key.name.clone(),
            fields,
            replicas: replicas.and_then(|number| u32::try_from(number).ok()),
        });
        let mut all = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(applied);
    }

    /// Returns what the record says of the workloads: as they were written now, or are because nothing was to be written.
    async fn applied(&self) -> Result<String, Failure> {
        for planned in &self.plan.objects {
            let is_kept = planned.change == Change::Keep;
            if is_kept
                && workload_kind(&planned.key).is_some()
                && let Some(live) = self.cluster.get(&planned.key).await?
            {
                self.note_applied(&live);
            }
        }
        let all = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(drift::to_annotation(&all))
    }

    /// An object that is being deleted is waited for, never written to: the change would vanish with it.
    async fn wait_for_deletion(
        &self,
        key: &ObjectKey,
        journal: &mut Journal<'_>,
    ) -> Result<(), Failure> {
        let live = self.cluster.get(key).await?;
        let Some(old) = live.filter(|live| Metadata::of(live).is_being_deleted()) else {
            return Ok(());
        };
        let target = (key.clone(), Metadata::of(&old).uid().to_owned());
        let deadline = Instant::now() + DELETION_DEADLINE;
        // What is made anew is made, once the old one goes: it is waited for to the end.
        let until = (deadline, &Stop::default());
        let held = gone::wait(self.cluster, &[target], None, until, journal).await?;
        match held.first() {
            None => Ok(()),
            Some(held) => Err(Failure::new(
                FailureKind::Conflict,
                format!("the old one is still there: {held}"),
            )),
        }
    }

    async fn prune_all(&self, stop: &mut Option<String>, journal: &mut Journal<'_>) {
        for planned in &self.plan.objects {
            let step = match planned.change {
                Change::Delete => Step::Delete(planned.key.clone()),
                Change::Keep if self.prepared.object(&planned.key).is_none() => {
                    Step::Keep(planned.key.clone())
                }
                _ => continue,
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
    async fn free_all(&self, stop: &mut Option<String>, journal: &mut Journal<'_>) {
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

    /// Makes the record exact and ends the operation; after a failure it only ends it, and the set stays as wide as it is.
    async fn conclude(
        &self,
        stop: Option<String>,
        authorship: &Authorship,
        journal: &mut Journal<'_>,
    ) {
        if let Some(why) = stop {
            journal.not_tried(Step::Record, why);
            // If this fails too, the operation stands still, and whoever comes next takes it over.
            let _ = self.lease.end(RecordChange::default()).await;
            return;
        }
        journal.started(&Step::Record);
        self.forget_old_revisions().await;
        let extent = self.prepared.extent(&self.request.namespace);
        let extent = extent.and(&self.plan.unseen());
        let facts = Facts::of(self.request, self.plan.revision, extent);
        let before = record::read(self.cluster, &self.plan.instance).await;
        let ended = match before {
            Ok(before) => match self.applied().await {
                Ok(applied) => {
                    let mut change = facts.final_change(authorship, before.as_ref());
                    let key = naming::ANNOTATION_APPLIED_FIELDS.to_owned();
                    change.annotations.insert(key, json!(applied));
                    self.lease.end(change).await
                }
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        match ended {
            Ok(()) => journal.done(Step::Record, None),
            Err(failure) => journal.failed(Step::Record, failure),
        }
    }

    /// Old revisions that cannot be deleted now are deleted by a later deploy.
    async fn forget_old_revisions(&self) {
        let kind = GroupKind::new("", "ConfigMap");
        let selector = crate::cluster::Selector::instance(&self.request.id);
        let namespace = Some(&self.request.namespace);
        let Ok(live) = self
            .cluster
            .list_metadata(&kind, namespace, &selector)
            .await
        else {
            return;
        };
        let known = revision::among(&live, &self.plan.instance);
        for old in revision::too_old(&known, self.plan.revision) {
            let name = naming::revision(&self.request.id, old.number.into());
            let key = core_key("ConfigMap", self.request.namespace.as_str(), &name);
            let _ = apply::delete(self.cluster, &key, &old.uid, Propagation::Background).await;
        }
    }
}

/// Takes in that somebody asked to stop, where nothing else ended it before.
pub(super) fn heed(lease: &Lease<'_>, stop: &mut Option<String>) {
    if stop.is_none() {
        *stop = lease.stopped().map(str::to_owned);
    }
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
        matches!(self, Self::Failed(failure) if failure.kind == FailureKind::Unreachable)
    }
}

/// Tells what became of an object; none stands for one that was not tried. Returns why nothing more may be tried.
fn note(
    result: Option<Result<Vec<String>, Unwritten>>,
    key: ObjectKey,
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
            journal.not_tried(step, UNREACHABLE);
            return None;
        }
    };
    let stop = (failure.kind == FailureKind::Unreachable).then(|| UNREACHABLE.to_owned());
    journal.failed(step, failure);
    failed.push(key);
    stop
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
