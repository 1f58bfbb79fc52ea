//! What containers have said, kept in memory and bounded.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

/// How many lines of a container are kept.
const MOST_LINES: usize = 5000;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was said.
    pub at: Timestamp,
    /// The text, without the end of the line.
    pub text: String,
}

type ByContainer = HashMap<(String, String, String), VecDeque<Line>>;

/// The lines of all containers.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    lines: Mutex<ByContainer>,
    appended: watch::Sender<u64>,
}

impl Logs {
    /// Appends a line to the log of a container: namespace, pod and name.
    pub(crate) fn append(&self, (namespace, pod, container): (&str, &str, &str), line: Line) {
        {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (namespace.to_owned(), pod.to_owned(), container.to_owned());
            let log = lines.entry(key).or_default();
            if log.len() == MOST_LINES {
                log.pop_front();
            }
            log.push_back(line);
        }
        self.appended.send_modify(|n| *n += 1);
    }

    /// Returns the lines of a container after an instant.
    pub(crate) fn after(
        &self,
        (namespace, pod, container): (&str, &str, &str),
        last: Timestamp,
    ) -> Vec<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let log = lines.get(&(namespace.to_owned(), pod.to_owned(), container.to_owned()));
        log.into_iter()
            .flatten()
            .filter(|line| line.at > last)
            .cloned()
            .collect()
    }

    /// Forgets the containers of a pod.
    pub(crate) fn forget(&self, namespace: &str, pod: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|(ns, name, _), _| ns != namespace || name != pod);
    }

    /// Returns a receiver that wakes at every line.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }
}
