//! The kubelets of all nodes: they play each pod's containers from the pull of its images to its end.
//!
//! No container runs. Each is a small machine of states ([`container`]) that moves on the clock; what its image's tag
//! says decides how it fares ([`image`]). The kubelet remembers those machines between turns, as a real one does; the
//! pod's status ([`status`]) is told from them alone.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::Value;

use super::kind::Kind;
use super::object::{after, int, is_deleting, items, name, named, text, uid};
use super::pods::is_finished;
use super::view::{Key, View};
use super::write::{Decision, Note, Write};

pub use config::names;
use container::{ContainerRun, Scene};
pub use status::host_ip;

mod config;
mod container;
pub mod image;
mod logs;
mod pace;
mod status;

#[cfg(test)]
mod tests;

/// Who a kubelet's events come from.
pub const COMPONENT: &str = "kubelet";

/// How long the pod's network takes to come up.
const SANDBOX_MS: i64 = 90;
/// How long containers take to stop when asked to.
const STOP_MS: i64 = 450;
/// The same for images whose tag says that they are slow.
const SLOW_STOP_MS: i64 = 3_000;

/// The kubelets' memory.
#[derive(Debug, Default)]
pub struct Kubelet {
    runs: HashMap<Key, PodRun>,
    /// The images that each node has pulled.
    pulled: BTreeSet<(String, String)>,
}

/// What the kubelet remembers of one pod.
#[derive(Debug)]
pub struct PodRun {
    uid: String,
    seen_at: Timestamp,
    ip: Option<String>,
    mounts_told: Option<String>,
    stops_at: Option<Timestamp>,
    init: Vec<ContainerRun>,
    main: Vec<ContainerRun>,
}

impl Kubelet {
    /// Returns the pods that it remembers.
    pub fn remembered(&self) -> Vec<Key> {
        self.runs.keys().cloned().collect()
    }

    /// Decides what the kubelet of a pod's node does next.
    pub fn reconcile(&mut self, view: &View, key: &Key, now: Timestamp) -> Decision {
        let Some(pod) = view.get(Kind::Pod, key) else {
            self.runs.remove(key);
            return Decision::nothing();
        };
        if self.runs.get(key).is_some_and(|run| run.uid != uid(pod)) {
            self.runs.remove(key);
        }
        if is_deleting(pod) && is_held(pod) {
            return Decision::nothing();
        }
        let is_placed = !text(pod, "/spec/nodeName").is_empty();
        if is_deleting(pod) && (!is_placed || is_finished(pod)) {
            self.runs.remove(key);
            return Decision::of(vec![removal(pod)]);
        }
        if !is_placed || is_finished(pod) {
            return Decision::nothing();
        }
        let mut run = self
            .runs
            .remove(key)
            .unwrap_or_else(|| PodRun::recall(pod, now));
        let mut decision = Decision::nothing();
        if is_deleting(pod) {
            run.stop(pod, now, &mut decision);
        } else {
            self.play(&mut run, view, pod, now, &mut decision);
        }
        let status = status::of_pod(pod, &run, now);
        if pod.get("status") != Some(&status) {
            // The status goes before the events that it explains and before the pod's removal, but after the last words:
            // who follows a log leaves when the container has ended.
            decision
                .writes
                .sort_by_key(|write| !matches!(write, Write::Log { .. }));
            let n_lines = decision
                .writes
                .partition_point(|write| matches!(write, Write::Log { .. }));
            decision
                .writes
                .insert(n_lines, Write::status(Kind::Pod, pod, status));
        }
        if run.stops_at.is_some_and(|at| at <= now) {
            decision.write(removal(pod));
        } else {
            self.runs.insert(key.clone(), run);
        }
        decision
    }

    /// Moves a pod's containers as far as the clock has come.
    fn play(
        &mut self,
        run: &mut PodRun,
        view: &View,
        pod: &Value,
        now: Timestamp,
        decision: &mut Decision,
    ) {
        let network_at = after(run.seen_at, SANDBOX_MS);
        if network_at > now {
            return decision.wake(network_at);
        }
        if let Some(missing) = config::missing_mount(view, pod) {
            // Nothing starts before its files are there; their arrival calls the pod again.
            if run.mounts_told.as_ref() != Some(&missing) {
                decision.write(warn(pod, "FailedMount", missing.clone()));
                run.mounts_told = Some(missing);
            }
            return;
        }
        if run.ip.is_none() {
            run.ip = Some(self.free_ip(view, pod));
        }
        let mut scene = Scene {
            view,
            pod,
            now,
            pulled: &mut self.pulled,
            decision,
        };
        for (idx, container) in run.init.iter_mut().enumerate() {
            container.advance(&items(pod, "/spec/initContainers")[idx], &mut scene);
            if !container.lets_next_start() {
                return;
            }
        }
        for (idx, container) in run.main.iter_mut().enumerate() {
            container.advance(&items(pod, "/spec/containers")[idx], &mut scene);
        }
    }

    /// Returns an address of the node's range that no other pod has.
    fn free_ip(&self, view: &View, pod: &Value) -> String {
        let node = text(pod, "/spec/nodeName");
        let node_idx = view
            .all(Kind::Node)
            .position(|known| name(known) == node)
            .unwrap_or_default();
        let taken: BTreeSet<&str> = self
            .runs
            .values()
            .filter_map(|run| run.ip.as_deref())
            .chain(
                view.all(Kind::Pod)
                    .map(|other| text(other, "/status/podIP")),
            )
            .collect();
        let address = |host: usize| format!("10.244.{node_idx}.{host}");
        (2..255)
            .map(address)
            .find(|ip| !taken.contains(ip.as_str()))
            .unwrap_or_else(|| address(255))
    }
}

impl PodRun {
    /// Begins to play a pod, or goes on where its status says that an earlier kubelet left it.
    fn recall(pod: &Value, now: Timestamp) -> PodRun {
        let recall_all = |field: &str, statuses: &str| {
            let known = items(pod, &format!("/status/{statuses}"));
            items(pod, &format!("/spec/{field}"))
                .iter()
                .map(|container| {
                    ContainerRun::recall(pod, container, named(known, text(container, "/name")))
                })
                .collect()
        };
        let ip = text(pod, "/status/podIP");
        PodRun {
            uid: uid(pod).to_owned(),
            seen_at: now,
            ip: (!ip.is_empty()).then(|| ip.to_owned()),
            mounts_told: None,
            stops_at: None,
            init: recall_all("initContainers", "initContainerStatuses"),
            main: recall_all("containers", "containerStatuses"),
        }
    }

    /// Stops the containers: says so at once, and is done when they had their time.
    fn stop(&mut self, pod: &Value, now: Timestamp, decision: &mut Decision) {
        if self.stops_at.is_none() {
            let grace = int(pod, "/metadata/deletionGracePeriodSeconds")
                .unwrap_or(30)
                .max(0);
            let is_slow = self.main.iter().any(|container| container.is_slow());
            let has_running = self
                .main
                .iter()
                .chain(&self.init)
                .any(|container| container.is_running());
            let needed = match (has_running, is_slow) {
                (false, _) => 0,
                (true, false) => STOP_MS,
                (true, true) => SLOW_STOP_MS,
            };
            self.stops_at = Some(after(now, needed.min(grace * 1000)));
            for container in self.main.iter().filter(|container| container.is_running()) {
                let message = format!("Stopping container {}", container.name);
                let note = Note::normal(COMPONENT, pod, "Killing", message);
                decision.write(Write::Event(container.address(
                    note,
                    pod,
                    "spec.containers",
                )));
            }
        }
        let stops_at = self.stops_at.unwrap_or(now);
        if stops_at > now {
            return decision.wake(stops_at);
        }
        for container in self.main.iter_mut().chain(&mut self.init) {
            container.stop(pod, now);
        }
    }
}

/// Returns whether the kubelet has done its part of a pod's end and finalizers keep what is left.
fn is_held(pod: &Value) -> bool {
    let is_over = int(pod, "/metadata/deletionGracePeriodSeconds") == Some(0);
    is_over && !items(pod, "/metadata/finalizers").is_empty()
}

fn removal(pod: &Value) -> Write {
    Write::Delete {
        kind: Kind::Pod,
        key: Key::of(pod),
        uid: uid(pod).to_owned(),
        grace_seconds: Some(0),
    }
}

fn warn(pod: &Value, reason: &'static str, message: String) -> Write {
    Write::Event(
        Note::warning(COMPONENT, pod, reason, message).on_host(text(pod, "/spec/nodeName")),
    )
}
