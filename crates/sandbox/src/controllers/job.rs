//! Jobs: run pods until enough of them succeeded, give up when too many failed.
//!
//! A pod is held by a finalizer until its end is counted: its uid is first written into `uncountedTerminatedPods`, then the
//! finalizer goes, then the number grows. So none is counted twice or missed, whoever deletes it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{
    after, condition_is_true, controller_of, count, flag, has_finalizer, int, is_deleting, items,
    name, text, time, uid,
};
use super::ownership::claim;
use super::pods::{is_active, is_finished};
use super::view::{Key, View};
use super::write::{Decision, Note, Write};

use tally::Tally;

mod pods;
mod status;
mod tally;

/// Who Job events come from.
pub const COMPONENT: &str = "job-controller";

/// The finalizer that holds a pod until it is counted.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";

/// How long after the first failure another pod is made; it doubles with each.
const BACK_OFF_MS: i64 = 10_000;
/// The longest of these waits.
const LONGEST_BACK_OFF_MS: i64 = 600_000;

/// What comes of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// Enough pods succeeded.
    Complete,
    /// It gives up.
    Failed { reason: String, message: String },
}

/// Decides what one Job needs.
pub fn reconcile(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(job) = view.get(Kind::Job, key) else {
        return Decision::of(free(orphans(view, key)));
    };
    if is_deleting(job) {
        return Decision::of(free(view.controlled(Kind::Pod, job)));
    }
    if is_over(job) {
        let mut decision = Decision::of(free(view.controlled(Kind::Pod, job)));
        expire(job, now, &mut decision);
        return decision;
    }
    let claimed = claim(view, Kind::Pod, job, |_| true);
    if !claimed.writes.is_empty() {
        return Decision::of(claimed.writes);
    }
    let mut turn = Turn {
        view,
        job,
        tally: Tally::of(job, &claimed.owned),
        active: claimed
            .owned
            .iter()
            .copied()
            .filter(|pod| is_active(pod))
            .collect(),
        pods: claimed.owned,
        now,
        decision: Decision::nothing(),
    };
    turn.run();
    turn.decision
}

/// Tells whether a Job has ended, well or badly.
pub fn is_over(job: &Value) -> bool {
    condition_is_true(job, "Complete") || condition_is_true(job, "Failed")
}

/// Decides what to say when a pod of the Job could not be made.
pub fn refused(view: &View, key: &Key, reason: &str) -> Vec<Write> {
    let job = view.get(Kind::Job, key);
    let said = |job| {
        let message = format!("Error creating: {reason}");
        Write::Event(Note::warning(COMPONENT, job, "FailedCreate", message))
    };
    job.map(said).into_iter().collect()
}

/// Takes the finalizer off pods.
fn free<'a>(pods: impl Iterator<Item = &'a Value>) -> Vec<Write> {
    pods.filter(|pod| has_finalizer(pod, TRACKING))
        .map(freed)
        .collect()
}

fn freed(pod: &Value) -> Write {
    Write::update(pod, |pod| {
        let mut finalizers = items(pod, "/metadata/finalizers").to_vec();
        finalizers.retain(|held| held != TRACKING);
        match finalizers.is_empty() {
            true => drop(
                pod["metadata"]
                    .as_object_mut()
                    .map(|it| it.remove("finalizers")),
            ),
            false => pod["metadata"]["finalizers"] = json!(finalizers),
        }
    })
}

/// Returns what a Job that is gone has left.
fn orphans<'a>(view: &'a View, key: &'a Key) -> impl Iterator<Item = &'a Value> {
    let is_its = |pod: &&Value| {
        controller_of(pod)
            .is_some_and(|owner| text(owner, "/kind") == "Job" && text(owner, "/name") == key.name)
    };
    view.list(Kind::Pod, &key.namespace).filter(is_its)
}

/// Deletes a Job that has ended, once its time is over.
fn expire(job: &Value, now: Timestamp, decision: &mut Decision) {
    let Some(ttl) = int(job, "/spec/ttlSecondsAfterFinished") else {
        return;
    };
    let ends = items(job, "/status/conditions").iter();
    let ends = ends.filter(|it| matches!(text(it, "/type"), "Complete" | "Failed"));
    let ended = ends.filter_map(|it| time(it, "/lastTransitionTime")).max();
    let due = after(ended.unwrap_or(now), ttl.saturating_mul(1000));
    match due <= now {
        true => decision.write(Write::delete(Kind::Job, job)),
        false => decision.wake(due),
    }
}

/// One look at one Job that runs.
struct Turn<'a> {
    view: &'a View,
    job: &'a Value,
    pods: Vec<&'a Value>,
    active: Vec<&'a Value>,
    tally: Tally<'a>,
    now: Timestamp,
    decision: Decision,
}

impl Turn<'_> {
    fn run(&mut self) {
        let is_suspended = flag(self.job, "/spec/suspend");
        let verdict = self.verdict();
        let manage = match (&verdict, is_suspended) {
            (Some(_), _) => self.end_pods(false),
            (None, true) => self.end_pods(true),
            (None, false) => self.manage(),
        };
        let status = self.status(verdict.as_ref(), is_suspended);
        if self.job.get("status") != Some(&status) {
            self.decision
                .write(Write::status(Kind::Job, self.job, status));
        }
        let counted = self.pods.iter().copied();
        let counted = counted.filter(|pod| self.tally.holds(uid(pod)));
        self.decision.writes.extend(free(counted));
        self.decision.writes.extend(manage);
    }

    /// Returns what comes of the Job, if that is settled.
    fn verdict(&mut self) -> Option<Verdict> {
        let job = self.job;
        let conditions = items(job, "/status/conditions").iter();
        let mut targets = conditions.filter(|it| text(it, "/type") == "FailureTarget");
        if let Some(target) = targets.next() {
            return Some(failed(text(target, "/reason"), text(target, "/message")));
        }
        if condition_is_true(job, "SuccessCriteriaMet") {
            return Some(Verdict::Complete);
        }
        if self.tally.n_failed() > int(job, "/spec/backoffLimit").unwrap_or(6)
            || self.has_restarted_too_often()
        {
            let message = "Job has reached the specified backoff limit";
            return Some(failed("BackoffLimitExceeded", message));
        }
        if self.is_past_deadline() {
            let message = "Job was active longer than specified deadline";
            return Some(failed("DeadlineExceeded", message));
        }
        let n_succeeded = self.tally.n_succeeded();
        let is_complete = match int(job, "/spec/completions") {
            Some(wanted) => n_succeeded >= wanted,
            None => n_succeeded > 0 && self.active.is_empty(),
        };
        is_complete.then_some(Verdict::Complete)
    }

    fn is_past_deadline(&mut self) -> bool {
        let limit = int(self.job, "/spec/activeDeadlineSeconds");
        let started = time(self.job, "/status/startTime");
        let (Some(limit), Some(started)) = (limit, started) else {
            return false;
        };
        if flag(self.job, "/spec/suspend") {
            return false;
        }
        let end = after(started, limit.saturating_mul(1000));
        if end > self.now {
            self.decision.wake(end);
        }
        end <= self.now
    }

    /// Tells whether containers that start again in their pods have done so more often than failures are allowed.
    fn has_restarted_too_often(&self) -> bool {
        if text(self.job, "/spec/template/spec/restartPolicy") != "OnFailure" {
            return false;
        }
        let restarts = |pod: &&Value| -> i64 {
            ["/status/initContainerStatuses", "/status/containerStatuses"]
                .iter()
                .flat_map(|list| items(pod, list))
                .map(|status| count(status, "/restartCount"))
                .sum()
        };
        let n_restarts: i64 = self.active.iter().map(restarts).sum();
        match int(self.job, "/spec/backoffLimit").unwrap_or(6) {
            0 => n_restarts > 0,
            limit => n_restarts >= limit,
        }
    }

    /// Ends the pods that run. Those of a Job that was suspended are not counted as failures.
    fn end_pods(&self, is_uncounted: bool) -> Vec<Write> {
        let mut writes = match is_uncounted {
            true => free(self.active.iter().copied()),
            false => Vec::new(),
        };
        for pod in &self.active {
            writes.extend(self.deletion(pod));
        }
        writes
    }

    fn deletion(&self, pod: &Value) -> [Write; 2] {
        let message = format!("Deleted pod: {}", name(pod));
        let note = Note::normal(COMPONENT, self.job, "SuccessfulDelete", message);
        [Write::delete(Kind::Pod, pod), Write::Event(note)]
    }

    /// Makes as many pods as may run at a time and are still needed, or ends those that are too many.
    fn manage(&mut self) -> Vec<Write> {
        let parallelism = int(self.job, "/spec/parallelism").unwrap_or(1);
        let n_active = self.active.len() as i64;
        let wanted = match int(self.job, "/spec/completions") {
            Some(completions) => parallelism.min(completions - self.tally.n_succeeded()),
            // Once one has succeeded, the others finish and no new ones begin.
            None if self.tally.n_succeeded() > 0 => n_active,
            None => parallelism,
        };
        let surplus = usize::try_from(n_active - wanted).unwrap_or_default();
        if surplus > 0 {
            let mut doomed = self.active.clone();
            doomed.sort_by_key(|pod| super::pods::is_ready(pod));
            doomed.truncate(surplus);
            let mut writes = free(doomed.iter().copied());
            for pod in doomed {
                writes.extend(self.deletion(pod));
            }
            return writes;
        }
        let missing = usize::try_from(wanted - n_active).unwrap_or_default();
        if missing == 0 {
            return Vec::new();
        }
        if let Some(due) = self.backs_off_until().filter(|due| *due > self.now) {
            self.decision.wake(due);
            return Vec::new();
        }
        pods::new_pods(
            self.view,
            self.job,
            &self.active,
            &self.tally,
            missing,
            self.now,
        )
    }

    /// Returns until when no pod is made after failures in a row.
    fn backs_off_until(&self) -> Option<Timestamp> {
        let ended = |pod: &&Value| is_finished(pod) || is_deleting(pod);
        let mut ends: Vec<(Timestamp, bool)> = self
            .pods
            .iter()
            .copied()
            .filter(ended)
            .map(|pod| {
                (
                    ended_at(pod, self.now),
                    text(pod, "/status/phase") == "Succeeded",
                )
            })
            .collect();
        ends.sort();
        let failures = ends.iter().rev().take_while(|(_, is_good)| !is_good);
        let n_failures = i64::try_from(failures.count()).unwrap_or(i64::MAX);
        let (last, _) = ends.last().filter(|_| n_failures > 0)?;
        let wait = BACK_OFF_MS << (n_failures - 1).min(16);
        Some(after(*last, wait.min(LONGEST_BACK_OFF_MS)))
    }
}

fn failed(reason: &str, message: &str) -> Verdict {
    Verdict::Failed {
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

fn ended_at(pod: &Value, now: Timestamp) -> Timestamp {
    let statuses = items(pod, "/status/containerStatuses").iter();
    let ends = statuses.filter_map(|status| time(status, "/state/terminated/finishedAt"));
    ends.max()
        .or_else(|| time(pod, "/metadata/deletionTimestamp"))
        .unwrap_or(now)
        .min(now)
}

#[cfg(test)]
mod tests;
