//! The requests of a run that change something, numbered in their order, so that it can be killed at each of them.

use std::collections::BTreeMap;

use http::{Method, Uri};
use serde_json::Value;

/// Where a record says what is done to its instance.
pub(crate) const OPERATION: &str = "/metadata/annotations/bowline.dev~1operation";

/// Counts the writes of a run.
#[derive(Default)]
pub(crate) struct Writes {
    count: usize,
    /// What the last write to a record said of its operation, by the record's path.
    noted: BTreeMap<String, Value>,
}

impl Writes {
    /// Returns the number of a request; none if it changes nothing, as a read, a dry run or a question for permissions, and
    /// none for a heartbeat: how many there are depends on how fast the machine is.
    pub(crate) fn number(&mut self, method: &Method, uri: &Uri, body: &[u8]) -> Option<usize> {
        let is_rehearsal = uri.query().unwrap_or_default().contains("dryRun");
        let is_question = uri.path().contains("/selfsubject");
        if method == Method::GET || is_rehearsal || is_question || self.is_beat(uri.path(), body) {
            return None;
        }
        self.count += 1;
        Some(self.count - 1)
    }

    /// Tells whether nothing but the time differs from what was noted before.
    fn is_beat(&mut self, path: &str, body: &[u8]) -> bool {
        let Some(operation) = operation_in(body) else {
            return false;
        };
        match self.noted.insert(path.to_owned(), operation.clone()) {
            Some(before) => before != operation && without_time(before) == without_time(operation),
            None => false,
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

fn operation_in(body: &[u8]) -> Option<Value> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = body.pointer(OPERATION)?.as_str()?;
    serde_json::from_str(text).ok()
}

fn without_time(mut operation: Value) -> Value {
    operation["heartbeat"] = Value::Null;
    operation
}
