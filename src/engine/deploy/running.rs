//! Carrying out the plan of a deploy, under the operation that the record holds.

mod applied;
mod applying;
mod leaving;
mod preparing;

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::storage::{self, StorageRun};
use super::{DeployRequest, Report, RunOptions};
use crate::cluster::{Cluster, Propagation};
use crate::definition::naming;
use crate::definition::object::{GroupKind, ObjectKey};
use crate::engine::agreed;
use crate::engine::apply;
use crate::engine::batch;
use crate::engine::gone;
use crate::engine::journal::Journal;
use crate::engine::metadata::{Metadata, core_key};
use crate::engine::operation::{self, Intent, Lease, Meeting, NOT_HELD, Opening, Shown};
use crate::engine::outage::Outages;
use crate::engine::plan::{Change, DeployPlan, FieldConflict, PlannedObject};
use crate::engine::progress::{Outcome, Step};
use crate::engine::record::{self, Authorship, Change as RecordChange, Facts};
use crate::engine::revision::{self, Finished, Identity};
use crate::engine::rollback::HangingPod;
use crate::failure::{Failure, FailureKind};
use crate::service::advice;
use crate::service::drift::AppliedWorkload;
use crate::service::operation::Aim;
use preparing::{Prepared, prepare};

/// Carries out a plan that was shown. It goes on past failures with what does not depend on them; running a new plan
/// finishes what was left.
pub async fn run_deploy(
    cluster: &Cluster,
    request: &DeployRequest,
    plan: &DeployPlan,
    options: RunOptions,
    report: Report<'_>,
) -> Outcome {
    let variant = Variant::of("deploy");
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

impl Variant<'_> {
    /// Returns an operation that goes on to a new revision and frees no pods.
    pub fn of(kind: &'static str) -> Self {
        Self {
            kind,
            back_to: None,
            hanging: &[],
        }
    }
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
    let asked = options.gone_within.unwrap_or(gone::OUTAGE);
    let cluster = &cluster.riding_out(asked.min(gone::OUTAGE));
    let outages = Outages::of(cluster, report);
    let report = |progress| outages.pass_on(progress);
    // NB: boxed, for the stacks of threads are small.
    let work = Box::pin(run(cluster, request, plan, options, variant, &report));
    outages.told_during(work).await
}

async fn run(
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
    // Nobody's deploy fails for a server that does not say who they are.
    let (prepared, user) = tokio::join!(prepare(cluster, request, plan), cluster.known_as());
    let prepared = match prepared {
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
        n_steps: n_steps(plan, variant),
        meeting: options.meeting,
        shown: match (options.meeting, plan.record_version.as_deref()) {
            // Whoever is taken over goes on until its next step.
            (Meeting::TakeOver, _) => Shown::Anything,
            (_, Some(seen)) => Shown::Record(seen),
            (_, None) => Shown::Nothing,
        },
    };
    let opening = Opening {
        definition: request.name.as_str(),
        extent: prepared.extent(&request.namespace),
        seen: plan.record_uid.as_deref(),
        is_adopted: false,
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
        gone_within: options.gone_within,
        manager: naming::field_manager(&request.id),
        user: user.ok().flatten(),
        applied: Mutex::default(),
        unmade: Mutex::default(),
    };
    lease.beating(run.carry_out(&mut journal)).await;
    journal.into_outcome()
}

/// Returns how often the operation is claimed again at most: for the revision, each batch, each object that goes, once more for
/// a set that goes, whose claims are let go of first, and twice more for what is made anew: likewise, and it is written once
/// the old one is gone.
fn n_steps(plan: &DeployPlan, variant: Variant<'_>) -> usize {
    let has_left = |planned: &&PlannedObject| match planned.change {
        Change::Delete | Change::Keep => true,
        Change::Create | Change::Update | Change::Unchanged | Change::Recreate => false,
    };
    let n_left = plan.objects.iter().filter(has_left).count();
    let is_set_that_goes =
        |it: &&PlannedObject| it.change == Change::Delete && it.key.kind == storage::SET;
    let n_sets = plan.objects.iter().filter(is_set_that_goes).count();
    let n_stored = plan.storage.binds.len() + plan.storage.growths.len();
    let is_anew = |planned: &&PlannedObject| planned.change == Change::Recreate;
    let n_anew = plan.objects.iter().filter(is_anew).count();
    1 + n_stored + 2 * n_anew + to_apply(plan).len() + n_left + n_sets + variant.hanging.len()
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
        Change::Unchanged | Change::Keep => None,
    }
}

struct Run<'a> {
    cluster: &'a Cluster,
    request: &'a DeployRequest,
    plan: &'a DeployPlan,
    variant: Variant<'a>,
    prepared: Prepared,
    lease: &'a Lease<'a>,
    /// How long an old object is waited for; none for as long as its kind may take.
    gone_within: Option<Duration>,
    manager: String,
    /// As whom the server knows who deploys.
    user: Option<String>,
    /// What was applied of workloads so far.
    applied: Mutex<Vec<AppliedWorkload>>,
    /// What was deleted to be made anew, and is not there again.
    unmade: Mutex<Vec<ObjectKey>>,
}

impl Run<'_> {
    async fn carry_out(&self, journal: &mut Journal<'_>) {
        let authorship = Authorship {
            cause: self.request.message.clone(),
            rollback_to: self.variant.back_to,
            holder: self.request.holder.clone(),
            user: self.user.clone(),
            at: Timestamp::now(),
        };
        if self.plan.is_unchanged() {
            // Everything is written, and the record says so; only pods hang, or an operation was noted that came to no end.
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
            return self.sign(metadata, &object.key, authorship).await;
        }
        let summary = format!(
            "{} is there with another text or other parameters: somebody deployed meanwhile, plan again",
            object.key
        );
        Err(Failure::new(FailureKind::Conflict, summary))
    }

    /// Says on a revision that was left who finishes it: only what it keeps can never be changed. Why it was begun stays
    /// where nobody says it anew.
    async fn sign(
        &self,
        left: Metadata<'_>,
        key: &ObjectKey,
        authorship: &Authorship,
    ) -> Result<(), Failure> {
        let mut annotations = authorship.annotations();
        if authorship.cause.is_none() {
            annotations.remove(naming::ANNOTATION_CHANGE_CAUSE);
        }
        let patch = json!({"metadata": {"uid": left.uid(), "annotations": annotations}});
        let signed = self.cluster.merge_patch(key, &patch, &self.manager, None);
        signed.await.map(drop)
    }

    fn storage(&self) -> StorageRun<'_> {
        StorageRun {
            cluster: self.cluster,
            plan: self.plan,
            lease: self.lease,
        }
    }

    /// Makes the record exact and ends the operation; after a failure it only ends it, and the set stays as wide as it is. What
    /// is to be made anew and is not there leaves it standing: nobody else would know how it was.
    async fn conclude(
        &self,
        stop: Option<String>,
        authorship: &Authorship,
        journal: &mut Journal<'_>,
    ) {
        if let Some(why) = stop {
            let unmade = self.unmade().first().cloned();
            if let Some(key) = unmade {
                let command = advice::command("resume", &self.plan.instance);
                let why = format!("{why}; {command} makes {key} anew");
                journal.not_tried(Step::Record, why);
                return;
            }
            journal.not_tried(Step::Record, why);
            // Without a note what a run before left half done would pass for the whole.
            self.lease.give_up(self.plan.is_noted).await;
            return;
        }
        journal.started(&Step::Record);
        // NB: boxed, as the futures of a deploy are large.
        let ended = match Box::pin(self.last_change(authorship)).await {
            Ok(change) => self.lease.end(change).await,
            Err(failure) => Err(failure),
        };
        match ended {
            Ok(()) => journal.done(Step::Record, None),
            Err(failure) => journal.failed(Step::Record, failure),
        }
    }

    /// Returns what makes the record exact.
    async fn last_change(&self, authorship: &Authorship) -> Result<RecordChange, Failure> {
        let before = record::read(self.cluster, &self.plan.instance).await?;
        let extent = self.prepared.extent(&self.request.namespace);
        let extent = extent.and(&self.plan.unseen());
        let facts = Facts::of(self.request, self.plan.revision, extent);
        self.forget_old_revisions(&facts.finished(before.as_ref()))
            .await;
        let mut change = facts.final_change(authorship, before.as_ref());
        let key = naming::ANNOTATION_APPLIED_FIELDS.to_owned();
        change.annotations.insert(key, json!(self.applied().await?));
        Ok(change)
    }

    /// Old revisions that cannot be deleted now are deleted by a later deploy.
    async fn forget_old_revisions(&self, finished: &Finished) {
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
        for old in revision::too_old(&known, self.plan.revision, finished) {
            let name = naming::revision(&self.request.id, old.number.into());
            let key = core_key("ConfigMap", self.request.namespace.as_str(), &name);
            let _ = apply::delete(self.cluster, &key, &old.uid, Propagation::Background).await;
        }
    }
}

/// Notes in the record what is done next, unless nothing more is tried; returns whether it may be.
pub(super) async fn may_begin(
    lease: &Lease<'_>,
    step: &Step,
    sentence: &str,
    stop: &mut Option<String>,
    journal: &mut Journal<'_>,
) -> bool {
    heed(lease, stop);
    if let Some(why) = &*stop {
        journal.not_tried(step.clone(), why);
        return false;
    }
    if let Err(failure) = lease.step(sentence).await {
        journal.failed(step.clone(), failure);
        *stop = Some(NOT_HELD.to_owned());
        return false;
    }
    true
}

/// Takes in that somebody asked to stop, where nothing else ended it before.
pub(super) fn heed(lease: &Lease<'_>, stop: &mut Option<String>) {
    if stop.is_none() {
        *stop = lease.stopped().map(str::to_owned);
    }
}
