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
    /// The ID of the run of the container that said it; none if it is any one's. Times do not tell runs apart: one may end
    /// and the next begin within the second to which a status names them.
    pub run: Option<String>,
    /// The text, without the end of the line.
    pub text: String,
}

/// The lines of one container that are still kept, and how many were before them.
#[derive(Debug, Default)]
struct Log {
    lines: VecDeque<Line>,
    n_dropped: usize,
}

type ByContainer = HashMap<(String, String, String), Log>;

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
            if log.lines.len() == MOST_LINES {
                log.lines.pop_front();
                log.n_dropped += 1;
            }
            log.lines.push_back(line);
        }
        self.appended.send_modify(|n| *n += 1);
    }

    /// Returns the lines of a container from the nth on that are still kept, and the number of the next one.
    pub(crate) fn from(
        &self,
        (namespace, pod, container): (&str, &str, &str),
        nth: usize,
    ) -> (Vec<Line>, usize) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (namespace.to_owned(), pod.to_owned(), container.to_owned());
        let Some(log) = lines.get(&key) else {
            return (Vec::new(), nth);
        };
        let n_known = nth.saturating_sub(log.n_dropped);
        let new = log.lines.iter().skip(n_known).cloned().collect();
        (new, log.n_dropped + log.lines.len())
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

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: (&str, &str, &str) = ("n", "web", "main");

    fn say(logs: &Logs, n: usize) {
        for _ in 0..n {
            let at = Timestamp::UNIX_EPOCH;
            let text = "a line".to_owned();
            let run = None;
            logs.append(MAIN, Line { at, run, text });
        }
    }

    #[test]
    fn each_line_is_told_once_though_all_were_said_at_once() {
        let logs = Logs::default();
        say(&logs, 2);
        let (first, next) = logs.from(MAIN, 0);
        say(&logs, 3);
        let (then, last) = logs.from(MAIN, next);
        assert_eq!((first.len(), then.len(), last), (2, 3, 5));
        assert_eq!(logs.from(MAIN, last), (Vec::new(), 5));
    }

    #[test]
    fn a_log_keeps_its_last_lines_and_goes_with_its_pod() {
        let logs = Logs::default();
        say(&logs, MOST_LINES + 7);
        let (kept, next) = logs.from(MAIN, 3);
        assert_eq!((kept.len(), next), (MOST_LINES, MOST_LINES + 7));
        logs.forget("n", "web");
        assert_eq!(logs.from(MAIN, 0), (Vec::new(), 0));
    }
}
