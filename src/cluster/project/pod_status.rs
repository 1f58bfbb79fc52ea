//! The most telling reason of a pod, chosen as the server chooses kubectl's STATUS column, with the sentence that goes with it.

use jiff::Timestamp;

use super::pod::{ContainerSpec, ContainerStatus, PodObject, Status, Stopped};

/// What a pod says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The reason; none where the phase says it all.
    pub reason: Option<String>,
    /// The sentence.
    pub message: Option<String>,
}

impl Told {
    fn new(reason: impl Into<String>, message: &str) -> Self {
        Self {
            reason: Some(reason.into()),
            message: Some(message.to_owned()),
        }
    }
}

/// Returns what a pod says of itself.
pub(super) fn of(pod: &PodObject) -> Told {
    let status = &pod.status;
    if pod.metadata.deletion_timestamp.is_some() {
        return Told::new(
            if status.reason == "NodeLost" {
                "Unknown"
            } else {
                "Terminating"
            },
            &status.message,
        );
    }
    let told = initialising(pod)
        .or_else(|| containers(status))
        .unwrap_or_else(|| whole(status));
    // The phase says it all, but for a pod that finds no node.
    match told.reason {
        Some(reason) if reason == status.phase => unscheduled(status).unwrap_or_default(),
        None => unscheduled(status).unwrap_or_default(),
        Some(_) => told,
    }
}

/// Returns since when a pod has been refused by the scheduler.
pub(super) fn unschedulable(status: &Status) -> Option<Timestamp> {
    let refused = |condition: &&super::pod::Condition| {
        condition.r#type == "PodScheduled"
            && condition.status == "False"
            && condition.reason == "Unschedulable"
    };
    let condition = status.conditions.iter().find(refused)?;
    condition.last_transition_time
}

/// Returns when a pod last became ready or unready.
pub(super) fn ready_changed(status: &Status) -> Option<Timestamp> {
    let mut conditions = status.conditions.iter();
    conditions
        .find(|it| it.r#type == "Ready")?
        .last_transition_time
}

fn unscheduled(status: &Status) -> Option<Told> {
    let condition = status
        .conditions
        .iter()
        .find(|condition| condition.r#type == "PodScheduled" && condition.status == "False")?;
    (!condition.reason.is_empty()).then(|| Told::new(condition.reason.as_str(), &condition.message))
}

fn whole(status: &Status) -> Told {
    if status.reason.is_empty() {
        Told::default()
    } else {
        Told::new(status.reason.as_str(), &status.message)
    }
}

/// Returns which init container the pod is at; none if they are through.
fn initialising(pod: &PodObject) -> Option<Told> {
    let specs = &pod.spec.init_containers;
    let statuses = pod.status.init_container_statuses.iter().enumerate();
    statuses.into_iter().find_map(|(idx, status)| {
        let is_sidecar = |spec: &ContainerSpec| {
            spec.name == status.name && spec.restart_policy.as_deref() == Some("Always")
        };
        let is_started_sidecar = status.started == Some(true) && specs.iter().any(is_sidecar);
        match &status.state {
            state
                if state
                    .terminated
                    .as_ref()
                    .is_some_and(|end| end.exit_code == 0) =>
            {
                None
            }
            _ if is_started_sidecar => None,
            state => Some(if let Some(end) = &state.terminated {
                Told::new(format!("Init:{}", end_reason(end)), &end.message)
            } else if let Some(waiting) = waiting(status).filter(|w| w.reason != "PodInitializing")
            {
                Told::new(format!("Init:{}", waiting.reason), &waiting.message)
            } else {
                Told::new(format!("Init:{idx}/{}", specs.len()), "")
            }),
        }
    })
}

/// Returns what the first container with something to tell tells.
fn containers(status: &Status) -> Option<Told> {
    let told = status.container_statuses.iter().find_map(|container| {
        if let Some(waiting) = waiting(container) {
            return Some(Told::new(waiting.reason.as_str(), &waiting.message));
        }
        let end = container.state.terminated.as_ref()?;
        Some(Told::new(end_reason(end), &end.message))
    })?;
    let has_running = status
        .container_statuses
        .iter()
        .any(|container| container.ready && container.state.running.is_some());
    if told.reason.as_deref() == Some("Completed") && has_running {
        let is_ready = |condition: &super::pod::Condition| {
            condition.r#type == "Ready" && condition.status == "True"
        };
        let is_ready = status.conditions.iter().any(is_ready);
        return Some(Told::new(if is_ready { "Running" } else { "NotReady" }, ""));
    }
    Some(told)
}

fn waiting(container: &ContainerStatus) -> Option<&Stopped> {
    let waiting = container.state.waiting.as_ref();
    waiting.filter(|waiting| !waiting.reason.is_empty())
}

fn end_reason(end: &Stopped) -> String {
    match end {
        end if !end.reason.is_empty() => end.reason.clone(),
        end if end.signal != 0 => format!("Signal:{}", end.signal),
        end => format!("ExitCode:{}", end.exit_code),
    }
}
