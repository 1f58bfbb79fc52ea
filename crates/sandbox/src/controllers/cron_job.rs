//! CronJobs: make a Job whenever the schedule says so, and clear the old ones away.
//!
//! Of several times that were missed only the latest is made up for, as far as the starting deadline allows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::job::is_over;
use super::kind::Kind;
use super::object::{
    after, condition_is_true, controller_reference, flag, int, is_deleting, items, map, name,
    namespace, seconds, text, time, uid,
};
use super::view::{Key, View};
use super::write::{Decision, Note, Write, reference};

use schedule::Schedule;

pub mod schedule;

/// Who CronJob events come from.
pub const COMPONENT: &str = "cronjob-controller";

/// The annotation with the time for which a Job was made.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// From so many missed times on something is wrong with the clock or the deadline.
const TOO_MANY: usize = 100;

/// Decides what one CronJob needs.
pub fn reconcile(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(cron) = view.get(Kind::CronJob, key) else {
        return Decision::nothing();
    };
    let jobs: Vec<&Value> = view.controlled(Kind::Job, cron).collect();
    let mut turn = Turn {
        view,
        cron,
        active: jobs.iter().copied().filter(|job| !is_over(job)).collect(),
        jobs,
        status: map(cron, "/status").cloned().unwrap_or_default(),
        now,
        decision: Decision::nothing(),
    };
    turn.note_ends();
    turn.clear_history();
    if !is_deleting(cron) && !flag(cron, "/spec/suspend") {
        turn.start_what_is_due();
    }
    turn.finish()
}

/// Decides what to say when a Job could not be made.
pub fn refused(view: &View, key: &Key, reason: &str) -> Vec<Write> {
    let cron = view.get(Kind::CronJob, key);
    let said = |cron| {
        let message = format!("Error creating job: {reason}");
        Write::Event(Note::warning(COMPONENT, cron, "FailedCreate", message))
    };
    cron.map(said).into_iter().collect()
}

/// One look at one CronJob.
struct Turn<'a> {
    view: &'a View,
    cron: &'a Value,
    jobs: Vec<&'a Value>,
    active: Vec<&'a Value>,
    status: Map<String, Value>,
    now: Timestamp,
    decision: Decision,
}

impl Turn<'_> {
    fn say(&mut self, reason: &'static str, message: String) {
        let note = Note::normal(COMPONENT, self.cron, reason, message);
        self.decision.write(Write::Event(note));
    }

    fn warn(&mut self, reason: &'static str, message: String) {
        let note = Note::warning(COMPONENT, self.cron, reason, message);
        self.decision.write(Write::Event(note));
    }

    /// Notes which of the Jobs that ran have ended.
    fn note_ends(&mut self) {
        let by_uid: BTreeMap<&str, &Value> = self.jobs.iter().map(|job| (uid(job), *job)).collect();
        for known in items(self.cron, "/status/active") {
            match by_uid.get(text(known, "/uid")) {
                Some(job) if is_over(job) => {
                    let end = match condition_is_true(job, "Complete") {
                        true => "Complete",
                        false => "Failed",
                    };
                    let message = format!("Saw completed job: {}, condition: {end}", name(job));
                    self.say("SawCompletedJob", message);
                }
                Some(_) => {}
                None => {
                    let message = format!("Active job went missing: {}", text(known, "/name"));
                    self.say("MissingJob", message);
                }
            }
        }
        let ends = self
            .jobs
            .iter()
            .filter_map(|job| time(job, "/status/completionTime"));
        let known = self
            .status
            .get("lastSuccessfulTime")
            .and_then(Value::as_str);
        let known: Option<Timestamp> = known.and_then(|known| known.parse().ok());
        if let Some(last) = ends.max().max(known) {
            self.status
                .insert("lastSuccessfulTime".to_owned(), json!(seconds(last)));
        }
    }

    /// Deletes the oldest of the Jobs that ended, as many as are too many.
    fn clear_history(&mut self) {
        for (condition, limit) in [
            ("Complete", "successfulJobsHistoryLimit"),
            ("Failed", "failedJobsHistoryLimit"),
        ] {
            let Some(limit) = int(self.cron, &format!("/spec/{limit}")) else {
                continue;
            };
            let ended = |job: &&Value| condition_is_true(job, condition) && !is_deleting(job);
            let mut ended: Vec<&Value> = self.jobs.iter().copied().filter(ended).collect();
            ended.sort_by_key(|job| (time(job, "/status/startTime"), name(job)));
            let surplus = ended
                .len()
                .saturating_sub(usize::try_from(limit).unwrap_or_default());
            for job in ended.into_iter().take(surplus) {
                self.delete(job);
            }
        }
    }

    fn delete(&mut self, job: &Value) {
        self.decision.write(Write::delete(Kind::Job, job));
        self.say("SuccessfulDelete", format!("Deleted job {}", name(job)));
    }

    fn start_what_is_due(&mut self) {
        let zone = text(self.cron, "/spec/timeZone");
        let zone = match zone {
            "" => Ok(TimeZone::UTC),
            zone => TimeZone::get(zone).map_err(|_| zone),
        };
        let zone = match zone {
            Ok(zone) => zone,
            Err(zone) => {
                let message = format!("invalid timeZone: {zone:?}: unknown time zone {zone}");
                return self.warn("UnknownTimeZone", message);
            }
        };
        let schedule = text(self.cron, "/spec/schedule");
        let schedule = match Schedule::parse(schedule) {
            Ok(schedule) => schedule,
            Err(why) => {
                let message = format!("unparseable schedule: {schedule:?} : {why}");
                return self.warn("UnparseableSchedule", message);
            }
        };
        if let Some(next) = schedule.next_after(self.now, &zone) {
            self.decision.wake(next);
        }
        if let Some(due) = self.latest_due(&schedule, &zone) {
            self.start(due);
        }
    }

    /// Returns the latest time that has come and for which no Job was made.
    fn latest_due(&mut self, schedule: &Schedule, zone: &TimeZone) -> Option<Timestamp> {
        let last = time(self.cron, "/status/lastScheduleTime");
        let mut from = last.or_else(|| time(self.cron, "/metadata/creationTimestamp"))?;
        let deadline = int(self.cron, "/spec/startingDeadlineSeconds");
        if let Some(deadline) = deadline {
            from = from.max(after(self.now, -deadline.saturating_mul(1000)));
        }
        let (mut due, mut n_missed) = (None, 0);
        while let Some(next) = schedule
            .next_after(from, zone)
            .filter(|next| *next <= self.now)
        {
            (due, from) = (Some(next), next);
            n_missed += 1;
        }
        if n_missed > TOO_MANY {
            let message = format!(
                "too many missed start times: {n_missed}. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            );
            self.warn("TooManyMissedTimes", message);
        }
        due
    }

    fn start(&mut self, due: Timestamp) {
        let job = self.job_for(due);
        if self
            .view
            .find(Kind::Job, namespace(self.cron), name(&job))
            .is_some()
        {
            return;
        }
        let policy = text(self.cron, "/spec/concurrencyPolicy");
        if policy == "Forbid" && !self.active.is_empty() {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            return self.say("JobAlreadyActive", message.to_owned());
        }
        if policy == "Replace" {
            for job in std::mem::take(&mut self.active) {
                if !is_deleting(job) {
                    self.delete(job);
                }
            }
        }
        let message = format!("Created job {}", name(&job));
        self.decision.write(Write::Create(job));
        self.say("SuccessfulCreate", message);
        self.status
            .insert("lastScheduleTime".to_owned(), json!(seconds(due)));
    }

    fn job_for(&self, due: Timestamp) -> Value {
        let template = &self.cron["spec"]["jobTemplate"];
        let mut metadata = json!({
            "name": format!("{}-{}", name(self.cron), due.as_second() / 60),
            "namespace": namespace(self.cron),
            "annotations": {SCHEDULED: seconds(due)},
            "ownerReferences": [controller_reference(self.cron)],
        });
        for (key, value) in map(template, "/metadata/annotations").into_iter().flatten() {
            metadata["annotations"][key.as_str()] = value.clone();
        }
        if let Some(labels) = template.pointer("/metadata/labels") {
            metadata["labels"] = labels.clone();
        }
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]})
    }

    /// Writes the status, if it changed.
    fn finish(mut self) -> Decision {
        let active: Vec<Value> = self.active.iter().map(|job| reference(job)).collect();
        match active.is_empty() {
            true => drop(self.status.remove("active")),
            false => drop(self.status.insert("active".to_owned(), json!(active))),
        }
        let without_versions = |status: Option<&Map<String, Value>>| {
            let mut status = json!(status);
            let refs = status.get_mut("active").and_then(Value::as_array_mut);
            for active in refs.into_iter().flatten() {
                active["resourceVersion"] = Value::Null;
            }
            status
        };
        // A Job that changes while it runs is still the same one.
        if without_versions(Some(&self.status)) != without_versions(map(self.cron, "/status")) {
            let status = Value::Object(std::mem::take(&mut self.status));
            self.decision
                .write(Write::status(Kind::CronJob, self.cron, status));
        }
        self.decision
    }
}

#[cfg(test)]
mod tests;
