//! What the API shows of a container: its state, its last end, its counts.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::controllers::object::{count, name, namespace, seconds, text, time, uid};

use super::super::pace::go_duration_s;
use super::{ContainerRun, Ended, Role, State};

impl ContainerRun {
    /// Returns the container's status as the API shows it.
    pub fn status(&self, pod: &Value, spec: &Value, now: Timestamp) -> Value {
        let mut status = Map::new();
        let has_process = self.is_running() || self.ended.is_some();
        let image = if has_process {
            self.image.full_name()
        } else {
            self.image.name.clone()
        };
        status.insert("name".to_owned(), json!(self.name));
        status.insert("image".to_owned(), json!(image));
        status.insert(
            "imageID".to_owned(),
            json!(if has_process {
                self.image.id()
            } else {
                String::new()
            }),
        );
        status.insert("ready".to_owned(), json!(self.is_ready(now)));
        status.insert("started".to_owned(), json!(self.is_started(now)));
        status.insert("restartCount".to_owned(), json!(self.restarts));
        status.insert("state".to_owned(), self.shown_state(pod));
        let shows_end = self.shows_end();
        let last = if shows_end {
            &self.ended_before
        } else {
            &self.ended
        };
        status.insert(
            "lastState".to_owned(),
            last.as_ref().map_or_else(|| json!({}), Ended::show),
        );
        if self.is_running() {
            status.insert("containerID".to_owned(), json!(self.container_id(pod)));
        } else if let Some(ended) = &self.ended {
            status.insert("containerID".to_owned(), json!(ended.container_id));
        }
        if let Some(resources) = spec.get("resources") {
            status.insert("resources".to_owned(), resources.clone());
        }
        Value::Object(status)
    }

    /// Returns whether its latest end still shows as its state: until the next process is there, or a back-off.
    fn shows_end(&self) -> bool {
        let is_between = matches!(
            self.state,
            State::Ended { .. } | State::Starting { .. } | State::Pulling { .. }
        );
        is_between && self.ended.is_some()
    }

    fn shown_state(&self, pod: &Value) -> Value {
        let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
        let because = |reason: &str, message: String| json!({"waiting": {"message": message, "reason": reason}});
        match &self.state {
            State::Pulling { .. } | State::PullBackedOff { .. } if self.failed_pulls > 0 => {
                because(
                    "ImagePullBackOff",
                    format!(
                        "Back-off pulling image \"{}\": ErrImagePull: {}",
                        self.image.name,
                        self.image.pull_error()
                    ),
                )
            }
            State::PullFailed { .. } => because("ErrImagePull", self.image.pull_error()),
            State::Unconfigured => because(
                "CreateContainerConfigError",
                self.config_fault.clone().unwrap_or_default(),
            ),
            State::Running { since, .. } => json!({"running": {"startedAt": seconds(*since)}}),
            State::BackedOff { wait_s, .. } => because(
                "CrashLoopBackOff",
                format!(
                    "back-off {} restarting failed container={} pod={}_{}({})",
                    go_duration_s(*wait_s),
                    self.name,
                    name(pod),
                    namespace(pod),
                    uid(pod)
                ),
            ),
            _ if self.shows_end() => self.ended.as_ref().map_or_else(|| json!({}), Ended::show),
            _ if self.role != Role::Main || pod.pointer("/spec/initContainers/0").is_some() => {
                waiting("PodInitializing")
            }
            _ => waiting("ContainerCreating"),
        }
    }
}

impl Ended {
    pub(super) fn show(&self) -> Value {
        json!({"terminated": {
            "containerID": self.container_id,
            "exitCode": self.exit_code,
            "finishedAt": seconds(self.finished_at),
            "reason": if self.exit_code == 0 { "Completed" } else { "Error" },
            "startedAt": seconds(self.started_at),
        }})
    }

    /// Returns the end that a status tells of.
    pub(super) fn read(terminated: &Value) -> Option<Ended> {
        Some(Ended {
            exit_code: count(terminated, "/exitCode"),
            started_at: time(terminated, "/startedAt")?,
            finished_at: time(terminated, "/finishedAt")?,
            container_id: text(terminated, "/containerID").to_owned(),
        })
    }
}
