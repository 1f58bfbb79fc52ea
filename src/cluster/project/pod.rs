//! Pods as [`Pod`]s.

use jiff::Timestamp;
use serde::Deserialize;

use super::pod_status;
use super::{Meta, Project, Quantity, clean, clean_some, count, or_default};
use crate::cluster::kinds::Resource;
use crate::service::quantity;
use crate::service::summary::{Container, ContainerEnd, ContainerState, Pod};
use crate::service::usage::Amounts;

/// A pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct PodObject {
    pub metadata: Meta,
    pub spec: Spec,
    #[serde(deserialize_with = "or_default")]
    pub status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cluster) struct Spec {
    node_name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub init_containers: Vec<ContainerSpec>,
    #[serde(deserialize_with = "or_default")]
    pub containers: Vec<ContainerSpec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cluster) struct ContainerSpec {
    pub name: String,
    image: String,
    /// `Always` makes an init container a sidecar.
    pub restart_policy: Option<String>,
    #[serde(deserialize_with = "or_default")]
    resources: Resources,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resources {
    #[serde(deserialize_with = "or_default")]
    requests: Quantities,
    #[serde(deserialize_with = "or_default")]
    limits: Quantities,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Quantities {
    cpu: Option<Quantity>,
    memory: Option<Quantity>,
}

impl Quantities {
    fn amounts(&self) -> Amounts {
        let bytes = |text: &str| u64::try_from(quantity::bytes(text)?).ok();
        Amounts {
            cpu: self.cpu.as_ref().and_then(|it| quantity::nanocores(&it.0)),
            memory: self.memory.as_ref().and_then(|it| bytes(&it.0)),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cluster) struct Status {
    pub phase: String,
    pub reason: String,
    pub message: String,
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
    #[serde(deserialize_with = "or_default")]
    pub init_container_statuses: Vec<ContainerStatus>,
    #[serde(deserialize_with = "or_default")]
    pub container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cluster) struct Condition {
    pub r#type: String,
    pub status: String,
    pub reason: String,
    pub message: String,
    pub last_transition_time: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cluster) struct ContainerStatus {
    pub name: String,
    pub ready: bool,
    pub started: Option<bool>,
    restart_count: i64,
    #[serde(deserialize_with = "or_default")]
    pub state: State,
    #[serde(deserialize_with = "or_default")]
    last_state: State,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct State {
    pub waiting: Option<Stopped>,
    pub running: Option<serde::de::IgnoredAny>,
    pub terminated: Option<Stopped>,
}

/// A state with a reason.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cluster) struct Stopped {
    pub reason: String,
    pub message: String,
    pub exit_code: i32,
    pub signal: i32,
}

impl Project for PodObject {
    type Item = Pod;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_item(self, _: &Resource) -> Option<Pod> {
        let instance = self.metadata.instance()?;
        let told = pod_status::of(&self);
        let unschedulable = pod_status::unschedulable(&self.status);
        let ready_changed = pod_status::ready_changed(&self.status);
        let Self {
            metadata,
            spec,
            status,
        } = self;
        let Status {
            mut init_container_statuses,
            mut container_statuses,
            ..
        } = status;
        let init = spec.init_containers.into_iter();
        let main = spec.containers.into_iter();
        let containers = init
            .map(|container| summary(container, true, &mut init_container_statuses))
            .chain(main.map(|container| summary(container, false, &mut container_statuses)))
            .collect();
        let labels = metadata.labels_revision();
        Some(Pod {
            instance,
            created: metadata.created(),
            deletion: metadata.deletion(),
            name: metadata.name,
            uid: metadata.uid,
            phase: clean(status.phase),
            reason: clean_some(told.reason),
            message: clean_some(told.message),
            node: clean_some(spec.node_name),
            revision: clean_some(labels),
            unschedulable_since: unschedulable,
            ready_changed,
            containers,
        })
    }
}

impl Meta {
    fn labels_revision(&self) -> Option<String> {
        let labels = &self.labels;
        let hash = labels.pod_template_hash.as_ref();
        hash.or(labels.controller_revision_hash.as_ref()).cloned()
    }
}

fn summary(container: ContainerSpec, init: bool, statuses: &mut Vec<ContainerStatus>) -> Container {
    let idx = statuses.iter().position(|s| s.name == container.name);
    let status = idx.map(|idx| statuses.swap_remove(idx)).unwrap_or_default();
    let is_running = status.state.running.is_some();
    Container {
        name: clean(container.name),
        init,
        image: clean(container.image),
        ready: status.ready,
        started: status.started.unwrap_or(is_running),
        restarts: count(status.restart_count),
        state: state(status.state),
        last_end: status.last_state.terminated.map(|end| ContainerEnd {
            reason: clean(end.reason),
            exit_code: end.exit_code,
            message: last_line(&end.message),
        }),
        requests: container.resources.requests.amounts(),
        limits: container.resources.limits.amounts(),
    }
}

/// Returns the last line of what a container left, cleaned by itself: cleaning puts everything on one line.
fn last_line(message: &str) -> Option<String> {
    let mut lines = message.lines().map(str::trim);
    let last = lines.rfind(|line| !line.is_empty())?;
    Some(clean(last.to_owned()))
}

fn state(state: State) -> ContainerState {
    match state {
        State {
            running: Some(_), ..
        } => ContainerState::Running,
        State {
            terminated: Some(end),
            ..
        } => ContainerState::Terminated {
            reason: clean(end.reason),
            exit_code: end.exit_code,
        },
        State { waiting, .. } => {
            let waiting = waiting.unwrap_or_default();
            ContainerState::Waiting {
                reason: clean(waiting.reason),
                message: clean(waiting.message),
            }
        }
    }
}
