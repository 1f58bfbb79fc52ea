//! Carrying out a fate table: keep what is to be kept first, then delete in order, then wait until it is gone.

use std::time::Duration;

use tokio::time::Instant;

use super::TeardownOptions;
use crate::cluster::{Cluster, Deleted, Propagation};
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, ObjectKey};
use crate::definition::order;
use crate::engine::apply;
use crate::engine::batch;
use crate::engine::deploy::Report;
use crate::engine::gone::{self, Held};
use crate::engine::journal::Journal;
use crate::engine::metadata::Metadata;
use crate::engine::operation::{self, Intent, Lease, NOT_HELD, STOPPED, Shown, UNREACHABLE};
use crate::engine::plan::{Fate, FateRow, TeardownPlan, TeardownScope};
use crate::engine::progress::{Outcome, Step};
use crate::engine::prune;
use crate::engine::record::Change;
use crate::engine::retention::{self, Leaver};
use crate::engine::volumes;
use crate::failure::{Failure, FailureKind};
use crate::service::operation::Aim;

/// A clock cannot be set to any time at all.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The operation that releases retained volumes.
pub const VOLUME_RELEASE: &str = "volume release";

/// Carries out a fate table that was shown. It goes on past failures; a second run finishes what was left.
pub async fn run_teardown(
    cluster: &Cluster,
    plan: &TeardownPlan,
    options: &TeardownOptions,
    report: Report<'_>,
) -> Outcome {
    let mut journal = Journal::new(report);
    if let Some(refusal) = plan.refusals.first() {
        return not_begun(journal, plan, refusal.clone());
    }
    if !plan.rows.iter().any(is_deleted) {
        return journal.into_outcome();
    }
    let intent = Intent {
        kind: match plan.scope {
            TeardownScope::Instance => "teardown",
            TeardownScope::KeptClaims => "release",
            TeardownScope::RetainedVolumes => VOLUME_RELEASE,
        },
        instance: &plan.instance,
        holder: &options.holder,
        aim: Aim {
            volumes: Some(plan.volumes.as_str().to_owned()),
            named: plan.named.iter().cloned().collect(),
            ..Aim::default()
        },
        n_steps: n_steps(plan),
        meeting: options.meeting,
        shown: match plan.record_version.as_deref() {
            Some(seen) => Shown::Record(seen),
            None => Shown::Nothing,
        },
    };
    journal.started(&Step::Claim);
    let lease = match operation::claim(cluster, &intent, None, &mut journal).await {
        Ok(lease) => lease,
        Err(failure) => return not_begun(journal, plan, failure),
    };
    if let Some(lease) = &lease
        && lease.replaced() != plan.record_version.as_deref()
    {
        // It was changed in the moment between the last look and the claim.
        let _ = lease.end(Change::default()).await;
        return not_begun(journal, plan, operation::changed(&plan.instance, None));
    }
    journal.done(Step::Claim, None);
    let run = Run {
        cluster,
        plan,
        lease: lease.as_ref(),
        manager: naming::field_manager(&plan.instance.id),
        deadline: options
            .wait
            .map(|wait| Instant::now() + wait.min(LONGEST_WAIT)),
        stop: None,
        accepted: Vec::new(),
        held: Vec::new(),
    };
    match &lease {
        Some(lease) => lease.beating(run.carry_out(&mut journal)).await,
        None => run.carry_out(&mut journal).await,
    }
    journal.into_outcome()
}

/// Returns how often the operation is claimed again: at most once for each claim that is kept and each volume, once for each
/// batch, and once for the record.
fn n_steps(plan: &TeardownPlan) -> usize {
    let is_kept = |row: &&FateRow| row.claim.is_some() && matches!(row.fate, Fate::Kept(_));
    let n_kept = plan.rows.iter().filter(is_kept).count();
    let n_batches = |is_wanted: &dyn Fn(&FateRow) -> bool| {
        let rows = plan.rows.iter();
        let rows = rows.filter(|row| is_deleted(row) && is_wanted(row));
        batch::batches(rows, |row| &row.key).len()
    };
    let is_claim = |row: &FateRow| row.key.kind == CLAIM;
    let is_last = |row: &FateRow| is_record(plan, row);
    let is_other = |row: &FateRow| !is_workload(row) && !is_claim(row) && !is_last(row);
    let n_deleted = n_batches(&is_workload) + n_batches(&is_claim) + n_batches(&is_other);
    n_kept + plan.retentions.len() + n_deleted + n_batches(&is_last)
}

fn is_deleted(row: &FateRow) -> bool {
    row.fate == Fate::Deleted
}

fn is_record(plan: &TeardownPlan, row: &FateRow) -> bool {
    row.key.kind == "ConfigMap" && row.key.name == naming::record(&plan.instance.id)
}

fn not_begun(journal: Journal<'_>, plan: &TeardownPlan, failure: Failure) -> Outcome {
    let retained = plan.retentions.iter();
    let retained = retained.map(|planned| Step::Retain(planned.volume.clone()));
    let deleted = plan.rows.iter().filter(|row| is_deleted(row));
    let deleted = deleted.map(|row| Step::Delete(row.key.clone()));
    journal.not_begun(failure, retained.chain(deleted))
}

fn is_workload(row: &FateRow) -> bool {
    order::is_workload(&GroupKind::of(&row.key)) || row.key.kind == "Pod"
}

fn goes_first(row: &FateRow) -> bool {
    prune::goes_first(&row.key)
}

fn goes_last(row: &FateRow) -> bool {
    prune::goes_last(&row.key)
}

struct Run<'a> {
    cluster: &'a Cluster,
    plan: &'a TeardownPlan,
    lease: Option<&'a Lease<'a>>,
    manager: String,
    /// Until when everything should be gone; none does not wait.
    deadline: Option<Instant>,
    /// Why nothing more is tried.
    stop: Option<String>,
    /// Objects whose deletion was accepted and that are there still.
    accepted: Vec<(ObjectKey, String)>,
    /// What holds those that were waited for.
    held: Vec<Held>,
}

impl Run<'_> {
    async fn carry_out(mut self, journal: &mut Journal<'_>) {
        self.keep_claims(journal).await;
        self.retain_volumes(journal).await;
        self.delete_all(goes_first, journal).await;
        self.settle(journal).await;
        self.stop_behind_held();
        self.delete_all(is_workload, journal).await;
        self.settle(journal).await;
        let pods_left = self.pods_left(journal).await;
        self.heed();
        match pods_left {
            // A claim in use would only hang in deletion; its pods go first.
            Some(_) if self.stop.is_some() => {
                self.delete_all(|row| row.key.kind == CLAIM, journal).await;
            }
            Some(why) => self.leave_claims(&why, journal),
            None => self.delete_all(|row| row.key.kind == CLAIM, journal).await,
        }
        let plan = self.plan;
        let is_other = |row: &FateRow| {
            let is_done = goes_first(row) || is_workload(row) || row.key.kind == CLAIM;
            !is_done && !goes_last(row) && !is_record(plan, row)
        };
        self.delete_all(is_other, journal).await;
        self.settle(journal).await;
        if plan
            .rows
            .iter()
            .any(|row| is_deleted(row) && goes_last(row))
        {
            self.delete_all(goes_last, journal).await;
            self.settle(journal).await;
        }
        self.delete_record(journal).await;
        if self.deadline.is_none() {
            self.note_what_is_left(journal).await;
        }
        for held in &self.held {
            journal.pending(held.to_string());
        }
    }

    /// Takes in that somebody asked to stop, where nothing else ended it before.
    fn heed(&mut self) {
        if self.stop.is_none() && self.cluster.stop().is_asked() {
            self.stop = Some(STOPPED.to_owned());
        }
    }

    /// What is held by those who run in the workloads would be held for ever without them.
    fn stop_behind_held(&mut self) {
        self.heed();
        if let (None, Some(held)) = (&self.stop, self.held.first()) {
            self.stop = Some(format!(
                "{held}, and what runs here may have to let go of it"
            ));
        }
    }

    /// Sees to it that claims which stay outlive the workload, and that no prune finds them later.
    async fn keep_claims(&mut self, journal: &mut Journal<'_>) {
        self.heed();
        if self.stop.is_some() {
            return;
        }
        if let Err((set, failure)) = self.retain(journal).await {
            journal.failed(Step::Keep(set), failure);
            self.stop = Some("the claims could not be made to stay".to_owned());
            return;
        }
        let rows = self.plan.rows.iter();
        for row in rows.filter(|row| row.key.kind == CLAIM && matches!(row.fate, Fate::Kept(_))) {
            let step = Step::Keep(row.key.clone());
            match self.keep_one(row).await {
                Ok(true) => journal.done(step, None),
                Ok(false) => {}
                Err(failure) => {
                    journal.failed(step, failure);
                    self.stop = Some("the claims could not be made to stay".to_owned());
                }
            }
        }
    }

    /// Sets volumes to Retain: where that fails, nothing is deleted that would take them along.
    async fn retain_volumes(&mut self, journal: &mut Journal<'_>) {
        for planned in &self.plan.retentions {
            let step = Step::Retain(planned.volume.clone());
            self.heed();
            if let Some(why) = &self.stop {
                journal.not_tried(step, why);
                continue;
            }
            journal.started(&step);
            if let Err(failure) = self.hold(&format!("retain {}", planned.volume)).await {
                journal.failed(step, failure);
                self.stop = Some(NOT_HELD.to_owned());
                continue;
            }
            match volumes::retain(self.cluster, &self.plan.instance, planned).await {
                Ok(was_needed) => {
                    let remark = (!was_needed).then(|| "it was so already".to_owned());
                    journal.done(step, remark);
                }
                Err(failure) => {
                    journal.failed(step, failure);
                    self.stop = Some("not all volumes could be set to Retain".to_owned());
                }
            }
        }
    }

    /// Takes a claim out of the set. Returns whether that was needed.
    async fn keep_one(&self, row: &FateRow) -> Result<bool, Failure> {
        let live = self.cluster.get(&row.key).await?;
        let Some(live) = live.filter(|live| Metadata::of(live).uid() == row.uid) else {
            let summary = format!("{} was deleted or made again meanwhile", row.key);
            return Err(Failure::new(FailureKind::Conflict, summary));
        };
        let metadata = Metadata::of(&live);
        for owner in metadata.owners() {
            let mut going = self.plan.rows.iter().filter(|row| row.goes());
            if let Some(going) = going.find(|row| row.uid == owner.uid) {
                let summary = format!("{} would go with {}, which owns it", row.key, going.key);
                return Err(Failure::new(FailureKind::Conflict, summary));
            }
        }
        if metadata.label(naming::LABEL_PART_OF).is_none() {
            return Ok(false);
        }
        self.hold(&format!("keep {}", row.key)).await?;
        apply::release(self.cluster, &self.manager, &row.key, &row.uid).await?;
        Ok(true)
    }

    /// Sets the claim retention of StatefulSets that go to Retain, and waits until their claims have no owner any more. Returns
    /// the set of which that fails.
    async fn retain(&self, journal: &mut Journal<'_>) -> Result<(), (ObjectKey, Failure)> {
        for row in self.plan.rows.iter().filter(|row| row.leaves_claims) {
            let set = Leaver {
                instance: &self.plan.instance,
                key: &row.key,
                uid: &row.uid,
            };
            let kept = retention::keep_claims(self.cluster, set, self.lease, journal).await;
            kept.map_err(|failure| (row.key.clone(), failure))?;
        }
        Ok(())
    }

    /// Claims the operation again for a step, where there is one.
    async fn hold(&self, sentence: &str) -> Result<(), Failure> {
        match self.lease {
            Some(lease) => lease.step(sentence).await,
            None => Ok(()),
        }
    }

    /// Asks for the deletion of the rows that `is_wanted` picks, in their order.
    async fn delete_all(
        &mut self,
        is_wanted: impl Fn(&FateRow) -> bool,
        journal: &mut Journal<'_>,
    ) {
        let plan = self.plan;
        let rows = plan
            .rows
            .iter()
            .filter(|row| is_deleted(row) && is_wanted(row));
        for batch in batch::batches(rows, |row| &row.key) {
            let steps = batch.iter().map(|row| Step::Delete(row.key.clone()));
            self.heed();
            if let Some(why) = &self.stop {
                steps.for_each(|step| journal.not_tried(step, why));
                continue;
            }
            steps.for_each(|step| journal.started(&step));
            self.delete_batch(batch.into_iter().cloned().collect(), journal)
                .await;
        }
    }

    async fn delete_batch(&mut self, batch: Vec<FateRow>, journal: &mut Journal<'_>) {
        let sentence = batch::sentence("delete", batch.iter().map(|row| &row.key));
        if let Err(failure) = self.hold(&sentence).await {
            let mut steps = batch.into_iter().map(|row| Step::Delete(row.key));
            if let Some(first) = steps.next() {
                journal.failed(first, failure);
            }
            steps.for_each(|step| journal.not_tried(step, NOT_HELD));
            self.stop = Some(NOT_HELD.to_owned());
            return;
        }
        let (cluster, plan, lease) = (self.cluster, self.plan, self.lease);
        let mut rows = batch.clone().into_iter();
        batch::run(
            batch,
            |row| async move {
                if let Some(lease) = lease {
                    lease.hold().await?;
                }
                let mut releases = plan.releases.iter();
                match releases.find(|it| it.of.uid == row.uid) {
                    Some(release) => volumes::release(cluster, &plan.instance, release).await,
                    None => {
                        apply::delete(cluster, &row.key, &row.uid, Propagation::Foreground).await
                    }
                }
            },
            |result| {
                result
                    .as_ref()
                    .is_err_and(|it| operation::ends_all(it).is_some())
            },
            |result| {
                let row = rows.next().expect("each is told once");
                let step = Step::Delete(row.key.clone());
                match result {
                    Some(Ok(Deleted::Gone)) => journal.done(step, None),
                    Some(Ok(Deleted::Accepted)) => {
                        journal.done(step, None);
                        self.accepted.push((row.key, row.uid));
                    }
                    Some(Err(failure)) => {
                        let why = operation::ends_all(&failure).map(str::to_owned);
                        self.stop = why.or(self.stop.take());
                        journal.failed(step, failure);
                    }
                    None => journal.not_tried(step, self.stop.as_deref().unwrap_or(UNREACHABLE)),
                }
            },
        )
        .await;
    }

    /// Waits until what was accepted is gone, where one waits at all.
    async fn settle(&mut self, journal: &mut Journal<'_>) {
        let Some(deadline) = self.deadline else {
            return;
        };
        let accepted = std::mem::take(&mut self.accepted);
        if accepted.is_empty() {
            return;
        }
        match gone::wait(
            self.cluster,
            &accepted,
            Some(&self.plan.instance.id),
            (deadline, self.cluster.stop()),
            journal,
        )
        .await
        {
            Ok(held) => {
                for (key, uid) in accepted {
                    if held.iter().any(|held| held.key == key) {
                        self.accepted.push((key, uid));
                    } else {
                        journal.done(Step::Gone(key), None);
                    }
                }
                self.held = held;
            }
            Err(failure) => {
                for (key, uid) in accepted {
                    journal.failed(Step::Gone(key.clone()), failure.clone());
                    self.accepted.push((key, uid));
                }
                self.stop = Some("nobody can say what is gone".to_owned());
            }
        }
    }

    /// Returns why claims cannot be deleted yet: pods hold them.
    async fn pods_left(&self, journal: &mut Journal<'_>) -> Option<String> {
        let has_claims = self
            .plan
            .rows
            .iter()
            .any(|row| is_deleted(row) && row.key.kind == CLAIM);
        let deadline = self.deadline?;
        if !has_claims || self.stop.is_some() {
            return None;
        }
        // A pod that somebody started by hand under the same labels is theirs, and so is what it does with a claim.
        let going: Vec<(ObjectKey, String)> = self
            .plan
            .rows
            .iter()
            .filter(|row| row.key.kind == "Pod" && matches!(row.fate, Fate::GarbageCollected(_)))
            .map(|row| (row.key.clone(), row.uid.clone()))
            .collect();
        match gone::wait(
            self.cluster,
            &going,
            Some(&self.plan.instance.id),
            (deadline, self.cluster.stop()),
            journal,
        )
        .await
        {
            Ok(held) => held.first().map(|held| format!("{held}, and may use it")),
            Err(failure) => Some(failure.summary),
        }
    }

    fn leave_claims(&self, why: &str, journal: &mut Journal<'_>) {
        let rows = self.plan.rows.iter().filter(|row| is_deleted(row));
        for row in rows.filter(|row| row.key.kind == CLAIM) {
            journal.not_tried(Step::Delete(row.key.clone()), why);
        }
    }

    /// Deletes the record once nothing else is left to be done; until then it leads the next run to what is left.
    async fn delete_record(&mut self, journal: &mut Journal<'_>) {
        let plan = self.plan;
        let Some(row) = plan
            .rows
            .iter()
            .find(|row| is_deleted(row) && is_record(plan, row))
        else {
            // Without the note, what is left of it would pass for the whole instance.
            return match plan.leaves_instance() {
                true => self.leave(journal).await,
                false => self.end_lease().await,
            };
        };
        if self.stop.is_some() || !journal.is_clean() || !self.held.is_empty() {
            let why = self.stop.as_deref().unwrap_or("not everything is gone");
            journal.not_tried(Step::Record, why);
            return self.leave(journal).await;
        }
        journal.started(&Step::Record);
        if let Err(failure) = self.hold("delete the record").await {
            journal.failed(Step::Record, failure);
            return;
        }
        match apply::delete(self.cluster, &row.key, &row.uid, Propagation::Foreground).await {
            Ok(deleted) => {
                if let Some(lease) = self.lease {
                    lease.bury().await;
                }
                journal.done(Step::Record, None);
                if deleted == Deleted::Accepted {
                    self.accepted.push((row.key.clone(), row.uid.clone()));
                    self.settle(journal).await;
                }
            }
            Err(failure) => journal.failed(Step::Record, failure),
        }
    }

    /// Leaves the record with the note of what is left to be done, and by whom; without one where nothing was begun, by this run
    /// or by one before.
    async fn leave(&self, journal: &Journal<'_>) {
        if !journal.has_done_more_than_claim() && !self.plan.is_noted {
            return self.end_lease().await;
        }
        if let Some(lease) = self.lease {
            // If this fails, the operation stands still, and whoever comes next takes it over.
            let waited = self.held.first();
            let waited = waited.map(|held| format!("stopped waiting for {}", held.key));
            // What stopped before its end goes on with whoever comes next, who may do as much as this one.
            let is_to_its_end = waited.is_none() && self.stop.is_none() && journal.is_clean();
            let why = waited.or_else(|| self.why_record_stays());
            let _ = match why {
                Some(why) if is_to_its_end && self.plan.is_barred => {
                    lease.leave_to_others(why).await
                }
                why => lease.rest(why).await,
            };
        }
    }

    /// Says why the record stays, where that was planned.
    fn why_record_stays(&self) -> Option<String> {
        let mut rows = self.plan.rows.iter();
        let record = rows.find(|row| is_record(self.plan, row))?;
        match &record.fate {
            Fate::Left(why) => Some(why.clone()),
            Fate::Deleted | Fate::Kept(_) | Fate::GarbageCollected(_) => None,
        }
    }

    /// Ends the operation and leaves the record.
    async fn end_lease(&self) {
        if let Some(lease) = self.lease {
            // If this fails, the operation stands still, and whoever comes next takes it over.
            let _ = lease.end(Change::default()).await;
        }
    }

    async fn note_what_is_left(&self, journal: &mut Journal<'_>) {
        let left =
            match gone::look(self.cluster, &self.accepted, Some(&self.plan.instance.id)).await {
                Ok(held) => held.iter().map(ToString::to_string).collect(),
                Err(failure) => vec![failure.summary],
            };
        for sentence in left {
            journal.pending(sentence);
        }
    }
}
