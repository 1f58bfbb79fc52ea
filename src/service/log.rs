//! What the containers of an instance say: which logs are wanted, which of them there are, and what reading them brings.
//!
//! Plain data and choices; `cluster` reads. NB: lines are as the container wrote them, for searching and for JSON: whoever
//! shows one cleans it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::pod_choice;
use super::summary::{Container, ContainerState, Pod};
use crate::definition::id::Namespace;
use crate::failure::Failure;

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogQuery {
    /// Names of containers; all that matter if none is named.
    pub containers: Vec<String>,
    /// What the only pod is called that is read; none reads all.
    pub pod: Option<String>,
    /// The run before the present one.
    pub previous: bool,
    /// Nothing older than this.
    pub since: Option<Duration>,
    /// Nothing older than this moment.
    pub since_time: Option<Timestamp>,
    /// At most so many of the latest lines of each container.
    pub tail: Option<u64>,
}

/// A container of a pod, by names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogSource {
    /// The pod, with its namespace before it where that is not the instance's own.
    pub pod: String,
    /// The container.
    pub container: String,
}

impl fmt::Display for LogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pod, self.container)
    }
}

/// One line of a log, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Who said it.
    pub source: Arc<LogSource>,
    /// When, by the clock of the node; none where the node does not say.
    pub at: Option<Timestamp>,
    /// The text without its line end. It may hold anything.
    pub text: String,
}

/// What reading logs brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEvent {
    /// A line.
    Line(LogLine),
    /// There is nothing to read of a container, and why.
    Silent {
        /// The container.
        source: Arc<LogSource>,
        /// A sentence without its subject: `has not started: ImagePullBackOff`.
        why: String,
    },
    /// Reading a log failed for good.
    Failed {
        /// The container; none where the pods themselves cannot be watched.
        source: Option<Arc<LogSource>>,
        /// Why.
        failure: Failure,
    },
    /// Reading broke off; it goes on by itself, from where it broke off.
    Lost {
        /// The container; none where it is the watch of the pods.
        source: Option<Arc<LogSource>>,
        /// Why.
        failure: Failure,
    },
    /// What was lost goes on.
    Back {
        /// The container; none where it is the watch of the pods.
        source: Option<Arc<LogSource>>,
    },
}

/// What there is to read of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nothing, and why.
    Nothing(String),
    /// A run that goes on, by how often the container was restarted before it.
    Running(u32),
    /// A run that is over; another may follow.
    Ended(u32),
    /// The last run, which is over: its pod has ended.
    Over(u32),
    /// Nothing, and why, and there never will be: its pod has ended.
    Never(String),
}

impl LogQuery {
    /// Tells whether logs of a pod are wanted at all. One of the name may come again, as those of a StatefulSet do.
    pub fn is_of(&self, pod: &Pod, own: &Namespace) -> bool {
        let is_called = |label: &String| pod_choice::is_called(pod, label, own);
        self.pod.as_ref().is_none_or(is_called)
    }

    /// Tells whether the log of a container is wanted. Where none is named, an init container matters while it works and
    /// when it fails: then its pod waits for it.
    pub fn wants(&self, container: &Container) -> bool {
        if !self.containers.is_empty() {
            return self.containers.contains(&container.name);
        }
        if !container.init {
            return true;
        }
        match &container.state {
            ContainerState::Running => true,
            ContainerState::Terminated { exit_code, .. } => *exit_code != 0,
            ContainerState::Waiting { reason, .. } => {
                container.restarts > 0 || !matches!(reason.as_str(), "" | "PodInitializing")
            }
        }
    }

    /// Returns what there is to read of a container.
    pub fn standing(&self, pod: &Pod, container: &Container) -> Standing {
        let has_ended = matches!(pod.phase.as_str(), "Succeeded" | "Failed");
        match self.standing_now(pod, container) {
            Standing::Ended(run) if has_ended => Standing::Over(run),
            Standing::Nothing(why) if has_ended => Standing::Never(why),
            standing => standing,
        }
    }

    fn standing_now(&self, pod: &Pod, container: &Container) -> Standing {
        let run = container.restarts;
        if self.previous {
            return match run {
                0 => Standing::Nothing("has no previous run".to_owned()),
                _ => Standing::Ended(run),
            };
        }
        match &container.state {
            ContainerState::Running => Standing::Running(run),
            ContainerState::Terminated { .. } => Standing::Ended(run),
            ContainerState::Waiting { reason, .. } if run > 0 || reason == "CrashLoopBackOff" => {
                Standing::Ended(run)
            }
            ContainerState::Waiting { reason, message } => {
                Standing::Nothing(not_started(pod, reason, message))
            }
        }
    }

    /// Returns the containers of a pod whose logs are wanted, with what there is to read of each.
    pub fn sources<'p>(
        &'p self,
        pod: &'p Pod,
        own: &'p Namespace,
    ) -> impl Iterator<Item = (Arc<LogSource>, Standing)> + 'p {
        let is_wanted = self.is_of(pod, own);
        let containers = pod.containers.iter().filter(move |_| is_wanted);
        let wanted = containers.filter(|it| self.wants(it));
        wanted.map(|container| {
            let source = Arc::new(pod.source(container, own));
            (source, self.standing(pod, container))
        })
    }
}

impl Pod {
    /// Returns what names one of its containers.
    pub fn source(&self, container: &Container, own: &Namespace) -> LogSource {
        LogSource {
            pod: pod_choice::label(self, own),
            container: container.name.clone(),
        }
    }
}

/// Says why a container has not started: what it waits for itself, else what its pod waits for.
fn not_started(pod: &Pod, reason: &str, message: &str) -> String {
    let of_pod = pod.reason.as_deref().unwrap_or(&pod.phase);
    let (reason, message) = match reason {
        "" => (of_pod, pod.message.as_deref().unwrap_or_default()),
        reason => (reason, message),
    };
    let parts = ["has not started", reason, message];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(reason: &str) -> ContainerState {
        ContainerState::Waiting {
            reason: reason.to_owned(),
            message: String::new(),
        }
    }

    fn ended(exit_code: i32) -> ContainerState {
        ContainerState::Terminated {
            reason: String::new(),
            exit_code,
        }
    }

    fn container(name: &str, init: bool, restarts: u32, state: ContainerState) -> Container {
        Container {
            name: name.to_owned(),
            init,
            image: "i".to_owned(),
            ready: false,
            started: false,
            restarts,
            state,
            last_end: None,
            requests: Default::default(),
            limits: Default::default(),
        }
    }

    fn pod(containers: Vec<Container>) -> Pod {
        Pod {
            instance: crate::service::summary::InstanceKey {
                namespace: "team-a".parse().unwrap(),
                id: "web".parse().unwrap(),
            },
            name: "web-0".to_owned(),
            uid: "u".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            deletion: None,
            phase: "Pending".to_owned(),
            reason: Some("Unschedulable".to_owned()),
            message: Some("no node has a GPU".to_owned()),
            node: None,
            revision: None,
            unschedulable_since: None,
            ready_changed: None,
            containers,
        }
    }

    fn names(query: &LogQuery, pod: &Pod) -> Vec<String> {
        let own = &pod.instance.namespace;
        let sources = query.sources(pod, own);
        sources
            .map(|(source, _)| source.container.clone())
            .collect()
    }

    #[test]
    fn init_containers_matter_while_they_hold_their_pod() {
        let pod = pod(vec![
            container("done", true, 0, ended(0)),
            container("failed", true, 0, ended(1)),
            container("works", true, 0, ContainerState::Running),
            container("loops", true, 2, waiting("CrashLoopBackOff")),
            container("unpulled", true, 0, waiting("ImagePullBackOff")),
            container("later", true, 0, waiting("PodInitializing")),
            container("main", false, 0, waiting("PodInitializing")),
        ]);
        let all = names(&LogQuery::default(), &pod);
        assert_eq!(all, ["failed", "works", "loops", "unpulled", "main"]);
        let named = LogQuery {
            containers: vec!["main".to_owned(), "done".to_owned()],
            ..LogQuery::default()
        };
        assert_eq!(names(&named, &pod), ["done", "main"]);
        let of_pod = |pod: &str| LogQuery {
            pod: Some(pod.to_owned()),
            ..named.clone()
        };
        assert_eq!(names(&of_pod(&pod.name), &pod), ["done", "main"]);
        assert_eq!(names(&of_pod("another"), &pod), [""; 0]);
    }

    #[test]
    fn what_there_is_to_read_follows_the_state() {
        let check = |previous: bool, restarts: u32, state: ContainerState, expected: Standing| {
            let pod = pod(vec![container("main", false, restarts, state)]);
            let query = LogQuery {
                previous,
                ..LogQuery::default()
            };
            assert_eq!(query.standing(&pod, &pod.containers[0]), expected);
        };
        let nothing = |why: &str| Standing::Nothing(why.to_owned());
        check(false, 1, ContainerState::Running, Standing::Running(1));
        check(false, 1, waiting("CrashLoopBackOff"), Standing::Ended(1));
        check(false, 0, ended(1), Standing::Ended(0));
        check(
            false,
            0,
            waiting("ContainerCreating"),
            nothing("has not started: ContainerCreating"),
        );
        check(
            false,
            0,
            waiting(""),
            nothing("has not started: Unschedulable: no node has a GPU"),
        );
        check(
            true,
            0,
            ContainerState::Running,
            nothing("has no previous run"),
        );
        check(true, 3, ContainerState::Running, Standing::Ended(3));
    }

    #[test]
    fn nothing_more_comes_of_a_pod_that_has_ended() {
        let pod = Pod {
            phase: "Failed".to_owned(),
            reason: Some("Evicted".to_owned()),
            message: None,
            ..pod(vec![
                container("ran", false, 2, ended(1)),
                container("waited", false, 0, waiting("")),
            ])
        };
        let query = LogQuery::default();
        let standings = pod.containers.iter().map(|it| query.standing(&pod, it));
        let never = Standing::Never("has not started: Evicted".to_owned());
        assert_eq!(standings.collect::<Vec<_>>(), [Standing::Over(2), never]);
    }
}
