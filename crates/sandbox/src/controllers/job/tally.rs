//! How many pods of a Job have ended well or badly, as its status counts them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::controllers::object::{
    annotation, count, has_finalizer, is_deleting, items, label, text, uid,
};

use super::TRACKING;

/// The annotation and label that number a pod of an indexed Job.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The counts of a Job, and the pods whose end is on record and still held.
#[derive(Debug, Default)]
pub struct Tally<'a> {
    /// Counted for good.
    pub succeeded: i64,
    /// Counted for good.
    pub failed: i64,
    /// Uids on record as succeeded.
    pub uncounted_succeeded: BTreeSet<&'a str>,
    /// Uids on record as failed.
    pub uncounted_failed: BTreeSet<&'a str>,
    /// The numbers that have succeeded, of an indexed Job.
    pub indexes: Option<BTreeSet<i64>>,
}

impl<'a> Tally<'a> {
    /// Goes on from what the status says, by what the pods are now.
    pub fn of(job: &'a Value, pods: &[&'a Value]) -> Tally<'a> {
        let held: BTreeMap<&str, &Value> = pods
            .iter()
            .filter(|pod| has_finalizer(pod, TRACKING))
            .map(|pod| (uid(pod), *pod))
            .collect();
        let mut tally = Tally {
            succeeded: count(job, "/status/succeeded"),
            failed: count(job, "/status/failed"),
            indexes: is_indexed(job).then(|| read_indexes(text(job, "/status/completedIndexes"))),
            ..Tally::default()
        };
        let recorded = |list: &str| {
            let uids = items(job, &format!("/status/uncountedTerminatedPods/{list}"));
            uids.iter().filter_map(Value::as_str)
        };
        for uid in recorded("succeeded") {
            match held.contains_key(uid) {
                true => drop(tally.uncounted_succeeded.insert(uid)),
                false => tally.succeeded += 1,
            }
        }
        for uid in recorded("failed") {
            match held.contains_key(uid) {
                true => drop(tally.uncounted_failed.insert(uid)),
                false => tally.failed += 1,
            }
        }
        for (uid, pod) in held {
            let phase = text(pod, "/status/phase");
            if phase == "Succeeded" {
                tally.take_success(uid, pod);
            } else if phase == "Failed" || is_deleting(pod) {
                tally.uncounted_failed.insert(uid);
            }
        }
        tally
    }

    fn take_success(&mut self, uid: &'a str, pod: &Value) {
        if self.uncounted_failed.contains(uid) {
            return;
        }
        self.uncounted_succeeded.insert(uid);
        if let (Some(indexes), Some(index)) = (&mut self.indexes, index_of(pod)) {
            indexes.insert(index);
        }
    }

    /// Returns how many have succeeded, those on record included.
    pub fn n_succeeded(&self) -> i64 {
        match &self.indexes {
            Some(indexes) => indexes.len() as i64,
            None => self.succeeded + self.uncounted_succeeded.len() as i64,
        }
    }

    /// Returns how many have failed, those on record included.
    pub fn n_failed(&self) -> i64 {
        self.failed + self.uncounted_failed.len() as i64
    }

    /// Tells whether the end of the pod with this uid is on record and not counted yet.
    pub fn holds(&self, uid: &str) -> bool {
        self.uncounted_succeeded.contains(uid) || self.uncounted_failed.contains(uid)
    }

    /// Tells whether all that is on record is counted.
    pub fn is_settled(&self) -> bool {
        self.uncounted_succeeded.is_empty() && self.uncounted_failed.is_empty()
    }
}

/// Tells whether the pods of a Job are numbered.
pub fn is_indexed(job: &Value) -> bool {
    text(job, "/spec/completionMode") == "Indexed"
}

/// Returns the number of a pod of an indexed Job.
pub fn index_of(pod: &Value) -> Option<i64> {
    let index = annotation(pod, INDEX).or_else(|| label(pod, INDEX))?;
    index.parse().ok()
}

/// Reads `0-2,5`.
fn read_indexes(text: &str) -> BTreeSet<i64> {
    let parts = text.split(',').filter_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<i64>().ok()?..=last.parse::<i64>().ok()?)
    });
    parts.flatten().collect()
}

/// Writes `0-2,5`.
pub fn write_indexes(indexes: &BTreeSet<i64>) -> String {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => ranges.push((*index, *index)),
        }
    }
    let shown = ranges.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    });
    shown.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_written_as_ranges() {
        for text in ["", "3", "0,1", "0-2", "0-2,5,7,8,10-12"] {
            assert_eq!(write_indexes(&read_indexes(text)), text);
        }
    }
}
