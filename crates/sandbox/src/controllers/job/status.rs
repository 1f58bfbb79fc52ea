//! What a Job says of itself.

use serde_json::{Map, Value, json};

use crate::controllers::object::{
    condition, condition_is_true, is_deleting, items, map, put_count, seconds, text,
};
use crate::controllers::pods::{is_finished, is_ready};
use crate::controllers::write::{Note, Write};

use super::tally::write_indexes;
use super::{COMPONENT, Turn, Verdict};

const REACHED: (&str, &str) = (
    "CompletionsReached",
    "Reached expected number of succeeded pods",
);

impl Turn<'_> {
    /// Returns the whole status, and says what changes with it.
    pub(super) fn status(&mut self, verdict: Option<&Verdict>, is_suspended: bool) -> Value {
        let mut status = map(self.job, "/status").cloned().unwrap_or_default();
        let is_leaving = |pod: &&&Value| is_deleting(pod) && !is_finished(pod);
        let n_leaving = self.pods.iter().filter(is_leaving).count();
        let n_ready = self.active.iter().filter(|pod| is_ready(pod)).count();
        put_count(&mut status, "active", self.active.len() as i64);
        put_count(&mut status, "succeeded", self.counted_successes());
        put_count(&mut status, "failed", self.tally.failed);
        status.insert("ready".to_owned(), n_ready.into());
        status.insert("terminating".to_owned(), n_leaving.into());
        status.insert("uncountedTerminatedPods".to_owned(), self.uncounted());
        if let Some(indexes) = self.tally.indexes.as_ref().filter(|it| !it.is_empty()) {
            let indexes = write_indexes(indexes);
            status.insert("completedIndexes".to_owned(), json!(indexes));
        }
        self.note_suspension(&mut status, is_suspended);
        if let Some(verdict) = verdict {
            self.aim(&mut status, verdict);
            if self.active.is_empty() && n_leaving == 0 && self.tally.is_settled() {
                self.finish(&mut status, verdict);
            }
        }
        Value::Object(status)
    }

    fn counted_successes(&self) -> i64 {
        match &self.tally.indexes {
            Some(indexes) => indexes.len() as i64,
            None => self.tally.succeeded,
        }
    }

    fn uncounted(&self) -> Value {
        let mut uncounted = Map::new();
        for (key, uids) in [
            ("succeeded", &self.tally.uncounted_succeeded),
            ("failed", &self.tally.uncounted_failed),
        ] {
            if !uids.is_empty() {
                uncounted.insert(key.to_owned(), json!(uids));
            }
        }
        Value::Object(uncounted)
    }

    /// Notes when the Job began, and whether it stands still.
    fn note_suspension(&mut self, status: &mut Map<String, Value>, is_suspended: bool) {
        let was_suspended = condition_is_true(self.job, "Suspended");
        if is_suspended {
            status.remove("startTime");
            if !was_suspended {
                self.set(
                    status,
                    "Suspended",
                    "True",
                    ("JobSuspended", "Job suspended"),
                );
                self.say("Suspended", "Job suspended");
            }
            return;
        }
        if was_suspended {
            self.set(status, "Suspended", "False", ("JobResumed", "Job resumed"));
            self.say("Resumed", "Job resumed");
        }
        if !status.contains_key("startTime") {
            status.insert("startTime".to_owned(), json!(seconds(self.now)));
        }
    }

    /// Notes what the Job is about to come to.
    fn aim(&self, status: &mut Map<String, Value>, verdict: &Verdict) {
        match verdict {
            Verdict::Complete => self.set(status, "SuccessCriteriaMet", "True", REACHED),
            Verdict::Failed { reason, message } => {
                self.set(status, "FailureTarget", "True", (reason, message));
            }
        }
    }

    fn finish(&mut self, status: &mut Map<String, Value>, verdict: &Verdict) {
        match verdict {
            Verdict::Complete => {
                self.set(status, "Complete", "True", REACHED);
                status.insert("completionTime".to_owned(), json!(seconds(self.now)));
                self.say("Completed", "Job completed");
            }
            Verdict::Failed { reason, message } => {
                self.set(status, "Failed", "True", (reason, message));
                let reason = match reason.as_str() {
                    "DeadlineExceeded" => "DeadlineExceeded",
                    _ => "BackoffLimitExceeded",
                };
                let note = Note::warning(COMPONENT, self.job, reason, message.clone());
                self.decision.write(Write::Event(note));
            }
        }
    }

    fn say(&mut self, reason: &'static str, message: &str) {
        let note = Note::normal(COMPONENT, self.job, reason, message.to_owned());
        self.decision.write(Write::Event(note));
    }

    fn set(
        &self,
        status: &mut Map<String, Value>,
        kind: &str,
        word: &str,
        (reason, message): (&str, &str),
    ) {
        let same = |it: &&Value| text(it, "/status") == word;
        if condition(self.job, kind).filter(same).is_some() {
            return;
        }
        let now = seconds(self.now);
        let set = json!({"lastProbeTime": now, "lastTransitionTime": now, "message": message,
            "reason": reason, "status": word, "type": kind});
        let known = Value::Object(status.clone());
        let mut conditions = items(&known, "/conditions").to_vec();
        conditions.retain(|it| text(it, "/type") != kind);
        conditions.push(set);
        status.insert("conditions".to_owned(), json!(conditions));
    }
}
