//! One container as a machine of states on the clock: pulled, started, ready, ended, backed off, started again.
//!
//! Each state knows when it is over; the next begins at that instant, so that a clock that leaps leaves the same history
//! as one that creeps. Delays between failures are the real kubelet's (ten seconds, doubling, five minutes at most).

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::controllers::object::{after, count, items, name, namespace, text, time, uid};
use crate::controllers::view::{Key, View};
use crate::controllers::write::{Decision, Note, Weight, Write};

use super::image::{Image, hex_of};
use super::pace::{
    CRASH_AFTER_MS, FAULT_SHOWN_MS, INIT_MS, JOB_MS, START_MS, back_off_s, go_duration_ms,
};
use super::{COMPONENT, config};

mod shown;

/// What a container sees of its surroundings while it moves, and where it writes.
pub struct Scene<'a> {
    /// The cluster.
    pub view: &'a View,
    /// The pod.
    pub pod: &'a Value,
    /// The present.
    pub now: Timestamp,
    /// The images that nodes have.
    pub pulled: &'a mut BTreeSet<(String, String)>,
    /// What the turn writes.
    pub decision: &'a mut Decision,
}

/// One container of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerRun {
    /// Its name.
    pub name: String,
    image: Image,
    role: Role,
    policy: Policy,
    state: State,
    /// How its latest process ended.
    ended: Option<Ended>,
    /// How the one before ended.
    ended_before: Option<Ended>,
    restarts: i64,
    failed_pulls: u32,
    config_fault: Option<String>,
}

/// What a container is to its pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It is what the pod is for.
    Main,
    /// It ends before the next one starts.
    Init,
    /// It starts before the next one and stays.
    Sidecar,
}

/// When an ended container starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Always,
    OnFailure,
    Never,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    /// It has not had its turn.
    Waiting,
    Pulling {
        since: Timestamp,
        until: Timestamp,
    },
    /// The pull failed; this shows as the error itself until then.
    PullFailed {
        until: Timestamp,
    },
    PullBackedOff {
        until: Timestamp,
    },
    /// Its environment needs what is not there.
    Unconfigured,
    Starting {
        until: Timestamp,
    },
    Running {
        since: Timestamp,
        started_at: Timestamp,
        ready_at: Timestamp,
        ends_at: Option<Timestamp>,
    },
    /// It ended; where it is to start again, this shows until then.
    Ended {
        until: Option<Timestamp>,
    },
    BackedOff {
        until: Timestamp,
        wait_s: i64,
    },
}

/// The end of one process.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    exit_code: i64,
    started_at: Timestamp,
    finished_at: Timestamp,
    container_id: String,
}

impl ContainerRun {
    /// Begins a container, or goes on where its status says that an earlier kubelet left it.
    pub fn recall(pod: &Value, spec: &Value, status: Option<&Value>) -> ContainerRun {
        let is_init = items(pod, "/spec/initContainers").contains(spec);
        let role = match (is_init, text(spec, "/restartPolicy")) {
            (false, _) => Role::Main,
            (true, "Always") => Role::Sidecar,
            (true, _) => Role::Init,
        };
        let policy = match (role, text(pod, "/spec/restartPolicy")) {
            (Role::Sidecar, _) => Policy::Always,
            (_, "Never") => Policy::Never,
            (Role::Init, _) | (Role::Main, "OnFailure") => Policy::OnFailure,
            (Role::Main, _) => Policy::Always,
        };
        let mut run = ContainerRun {
            name: text(spec, "/name").to_owned(),
            image: Image::new(text(spec, "/image")),
            role,
            policy,
            state: State::Waiting,
            ended: status.and_then(|status| Ended::read(status.pointer("/lastState/terminated")?)),
            ended_before: None,
            restarts: status.map_or(0, |status| count(status, "/restartCount")),
            failed_pulls: 0,
            config_fault: None,
        };
        if let Some(since) = status.and_then(|status| time(status, "/state/running/startedAt")) {
            run.state = State::Running {
                since,
                started_at: since,
                ready_at: since,
                ends_at: run.ends_at(since),
            };
        } else if let Some(ended) =
            status.and_then(|status| Ended::read(status.pointer("/state/terminated")?))
        {
            run.ended = Some(ended);
            run.state = State::Ended { until: None };
        }
        run
    }

    /// Returns whether a process runs.
    pub fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Returns whether its image's tag says that it is slow.
    pub fn is_slow(&self) -> bool {
        self.image.is_slow()
    }

    /// Returns whether it has started, as its startup probe sees it.
    pub fn is_started(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Running { started_at, .. } if started_at <= now)
    }

    /// Returns whether it is ready, as its readiness probe sees it.
    pub fn is_ready(&self, now: Timestamp) -> bool {
        match self.role {
            Role::Init => self.has_succeeded(),
            _ => matches!(self.state, State::Running { ready_at, .. } if ready_at <= now),
        }
    }

    /// Returns whether it ended well, for good.
    pub fn has_succeeded(&self) -> bool {
        matches!(self.state, State::Ended { until: None }) && self.exit_code() == 0
    }

    /// Returns whether it ended badly, for good.
    pub fn has_failed(&self) -> bool {
        matches!(self.state, State::Ended { until: None }) && self.exit_code() != 0
    }

    /// Returns whether it waits for its very first process.
    pub fn was_never_started(&self) -> bool {
        !self.is_running() && self.ended.is_none()
    }

    /// Returns whether, as an init container, it makes way for the next one.
    pub fn lets_next_start(&self) -> bool {
        match self.role {
            Role::Sidecar => self.is_running(),
            _ => self.has_succeeded(),
        }
    }

    fn exit_code(&self) -> i64 {
        self.ended.as_ref().map_or(0, |ended| ended.exit_code)
    }

    /// Moves on as far as the clock has come, and asks to be called when the next step is due.
    pub fn advance(&mut self, spec: &Value, scene: &mut Scene<'_>) {
        while let Some(next) = self.next_state(spec, scene) {
            self.state = next;
        }
        if let Some(due) = self.due(scene.now) {
            scene.decision.wake(due);
        }
    }

    /// Ends the process because the pod goes.
    pub fn stop(&mut self, pod: &Value, now: Timestamp) {
        if let State::Running { since, .. } = self.state {
            self.end_process(pod, 0, since, now);
            self.state = State::Ended { until: None };
        }
    }

    fn end_process(&mut self, pod: &Value, exit_code: i64, since: Timestamp, at: Timestamp) {
        self.ended_before = self.ended.take();
        let container_id = self.container_id(pod);
        self.ended = Some(Ended {
            exit_code,
            started_at: since,
            finished_at: at,
            container_id,
        });
    }

    /// Returns the instant at which something about it changes by itself.
    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        let candidates = match self.state {
            State::Waiting | State::Unconfigured => [None, None, None],
            State::Pulling { until, .. }
            | State::PullFailed { until }
            | State::PullBackedOff { until }
            | State::Starting { until }
            | State::BackedOff { until, .. } => [Some(until), None, None],
            State::Ended { until } => [until, None, None],
            State::Running {
                started_at,
                ready_at,
                ends_at,
                ..
            } => [Some(started_at), Some(ready_at), ends_at],
        };
        candidates
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    fn next_state(&mut self, spec: &Value, scene: &mut Scene<'_>) -> Option<State> {
        let now = scene.now;
        match self.state.clone() {
            State::Waiting => Some(self.begin_pull(spec, scene, now)),
            State::Pulling { since, until } if until <= now => {
                Some(self.end_pull(spec, scene, since, until))
            }
            State::PullFailed { until } if until <= now => Some(self.back_off_pull(scene, until)),
            State::PullBackedOff { until } if until <= now => {
                Some(self.begin_pull(spec, scene, until))
            }
            State::Unconfigured => {
                let next = self.configure(spec, scene, now);
                (next != State::Unconfigured).then_some(next)
            }
            State::Starting { until } if until <= now => Some(self.start(spec, scene, until)),
            State::Running {
                since,
                ends_at: Some(ends_at),
                ..
            } if ends_at <= now => Some(self.end(scene, since, ends_at)),
            State::Ended { until: Some(until) } if until <= now => {
                Some(self.back_off(spec, scene, until))
            }
            State::BackedOff { until, .. } if until <= now => {
                Some(self.restart(spec, scene, until))
            }
            _ => None,
        }
    }

    fn begin_pull(&mut self, spec: &Value, scene: &mut Scene<'_>, at: Timestamp) -> State {
        let node = text(scene.pod, "/spec/nodeName").to_owned();
        let policy = text(spec, "/imagePullPolicy");
        let wants_pull = policy == "Always" || policy.is_empty() && self.image.is_latest();
        if scene.pulled.contains(&(node, self.image.name.clone())) && !wants_pull {
            let message = format!(
                "Container image \"{}\" already present on machine and can be accessed by the pod",
                self.image.name
            );
            self.tell(scene, Weight::Normal, "Pulled", message);
            return self.configure(spec, scene, at);
        }
        self.tell(
            scene,
            Weight::Normal,
            "Pulling",
            format!("Pulling image \"{}\"", self.image.name),
        );
        State::Pulling {
            since: at,
            until: after(at, self.image.pull_ms(uid(scene.pod))),
        }
    }

    fn end_pull(
        &mut self,
        spec: &Value,
        scene: &mut Scene<'_>,
        since: Timestamp,
        at: Timestamp,
    ) -> State {
        if self.image.is_missing() {
            let message = format!(
                "Failed to pull image \"{}\": {}",
                self.image.name,
                self.image.pull_error()
            );
            self.tell(scene, Weight::Warning, "Failed", message);
            self.tell(
                scene,
                Weight::Warning,
                "Failed",
                "Error: ErrImagePull".to_owned(),
            );
            self.failed_pulls += 1;
            return State::PullFailed {
                until: after(at, FAULT_SHOWN_MS),
            };
        }
        let node = text(scene.pod, "/spec/nodeName").to_owned();
        scene.pulled.insert((node, self.image.name.clone()));
        let took = go_duration_ms(at.duration_since(since).as_millis());
        let message = format!(
            "Successfully pulled image \"{}\" in {took} ({took} including waiting). Image size: {} bytes.",
            self.image.name,
            self.image.size()
        );
        self.tell(scene, Weight::Normal, "Pulled", message);
        self.configure(spec, scene, at)
    }

    fn back_off_pull(&mut self, scene: &mut Scene<'_>, at: Timestamp) -> State {
        self.tell(
            scene,
            Weight::Normal,
            "BackOff",
            format!("Back-off pulling image \"{}\"", self.image.name),
        );
        self.tell(
            scene,
            Weight::Warning,
            "Failed",
            "Error: ImagePullBackOff".to_owned(),
        );
        let wait_s = back_off_s(self.failed_pulls);
        State::PullBackedOff {
            until: after(at, wait_s * 1000 - FAULT_SHOWN_MS),
        }
    }

    fn configure(&mut self, spec: &Value, scene: &mut Scene<'_>, at: Timestamp) -> State {
        let Some(fault) = config::missing_value(scene.view, scene.pod, spec) else {
            self.config_fault = None;
            return State::Starting {
                until: after(at, START_MS),
            };
        };
        if self.config_fault.as_ref() != Some(&fault) {
            self.tell(scene, Weight::Warning, "Failed", format!("Error: {fault}"));
            self.config_fault = Some(fault);
        }
        State::Unconfigured
    }

    fn start(&mut self, spec: &Value, scene: &mut Scene<'_>, at: Timestamp) -> State {
        self.tell(
            scene,
            Weight::Normal,
            "Created",
            "Container created".to_owned(),
        );
        self.tell(
            scene,
            Weight::Normal,
            "Started",
            "Container started".to_owned(),
        );
        for line in super::logs::at_start(&self.image.name, &self.name, spec, at) {
            self.log(scene, line);
        }
        let delay = |probe: &str| count(spec, &format!("/{probe}/initialDelaySeconds")) * 1000;
        let has = |probe: &str| spec.get(probe).is_some();
        let slowness = if self.is_slow() { 2_500 } else { 0 };
        let until_started = if has("startupProbe") {
            delay("startupProbe") + 150 + slowness
        } else {
            0
        };
        let until_ready = if has("readinessProbe") {
            delay("readinessProbe") + 150 + slowness
        } else {
            until_started
        };
        let started_at = after(at, until_started);
        let ready_at = after(at, until_ready.max(until_started));
        State::Running {
            since: at,
            started_at,
            ready_at,
            ends_at: self.ends_at(at),
        }
    }

    fn ends_at(&self, since: Timestamp) -> Option<Timestamp> {
        let runs_ms = match (self.image.is_crashing(), self.role, self.policy) {
            (true, _, _) => CRASH_AFTER_MS,
            (false, Role::Init, _) if self.is_slow() => INIT_MS * 8,
            (false, Role::Init, _) => INIT_MS,
            (false, _, Policy::Always) => return None,
            (false, _, _) if self.is_slow() => JOB_MS * 8,
            (false, _, _) => JOB_MS,
        };
        Some(after(since, runs_ms))
    }

    fn end(&mut self, scene: &mut Scene<'_>, since: Timestamp, at: Timestamp) -> State {
        let exit_code = i64::from(self.image.is_crashing());
        if exit_code != 0 {
            for line in super::logs::at_crash(at) {
                self.log(scene, line);
            }
        }
        self.end_process(scene.pod, exit_code, since, at);
        let starts_again = match self.policy {
            Policy::Always => true,
            Policy::OnFailure => exit_code != 0,
            Policy::Never => false,
        };
        State::Ended {
            until: starts_again.then(|| after(at, FAULT_SHOWN_MS)),
        }
    }

    fn back_off(&mut self, spec: &Value, scene: &mut Scene<'_>, at: Timestamp) -> State {
        // The first end is followed by a start at once, as no back-off has begun yet.
        let Ok(n_waits @ 1..) = u32::try_from(self.restarts) else {
            return self.restart(spec, scene, at);
        };
        let pod = scene.pod;
        let message = format!(
            "Back-off restarting failed container {} in pod {}_{}({})",
            self.name,
            name(pod),
            namespace(pod),
            uid(pod)
        );
        self.tell(scene, Weight::Warning, "BackOff", message);
        let wait_s = back_off_s(n_waits);
        State::BackedOff {
            until: after(at, wait_s * 1000 - FAULT_SHOWN_MS),
            wait_s,
        }
    }

    fn restart(&mut self, spec: &Value, scene: &mut Scene<'_>, at: Timestamp) -> State {
        self.restarts += 1;
        self.begin_pull(spec, scene, at)
    }

    fn tell(&self, scene: &mut Scene<'_>, weight: Weight, reason: &'static str, message: String) {
        let note = Note {
            weight,
            ..Note::normal(COMPONENT, scene.pod, reason, message)
        };
        let field = if self.role == Role::Main {
            "spec.containers"
        } else {
            "spec.initContainers"
        };
        scene
            .decision
            .write(Write::Event(self.address(note, scene.pod, field)));
    }

    /// Returns the note as said by the pod's node about this container.
    pub fn address(&self, note: Note, pod: &Value, field: &str) -> Note {
        note.about_field(&format!("{field}{{{}}}", self.name))
            .on_host(text(pod, "/spec/nodeName"))
    }

    fn log(&self, scene: &mut Scene<'_>, line: String) {
        scene.decision.write(Write::Log {
            key: Key::of(scene.pod),
            container: self.name.clone(),
            run: self.container_id(scene.pod),
            line,
        });
    }

    fn container_id(&self, pod: &Value) -> String {
        format!(
            "containerd://{}",
            hex_of(&format!("{} {} {}", uid(pod), self.name, self.restarts))
        )
    }
}
