//! What the pods of an instance say about its health, whether they are known by their printed row or in full.

use jiff::Timestamp;

use super::{GraceClock, InstanceView, Pods, SCHEDULING_GRACE, sentence};
use crate::service::pod_name;
use crate::service::summary::{Event, Pod, PodRow, WorkloadKind};

/// Reasons from which a container or pod does not come back by waiting a moment.
const BROKEN: [&str; 24] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "InvalidImageName",
    "ImageInspectError",
    "RegistryUnavailable",
    "SignatureValidationFailed",
    "CreateContainerConfigError",
    "CreateContainerError",
    "PreCreateHookError",
    "PreStartHookError",
    "PostStartHookError",
    "RunContainerError",
    "CreatePodSandboxError",
    "ContainerCannotRun",
    "StartError",
    "Error",
    "OOMKilled",
    "DeadlineExceeded",
    "Evicted",
    "UnexpectedAdmissionError",
    "NodeAffinity",
    "Failed",
];

/// Reasons that carry a value behind a colon or a resource's name.
const BROKEN_PREFIXES: [&str; 3] = ["ExitCode:", "Signal:", "OutOf"];

/// Reasons that no waiting changes: the pod itself is wrong.
const HOPELESS: [&str; 2] = ["InvalidImageName", "ErrImageNeverPull"];

/// Tells whether a pod's STATUS, as kubectl prints it, says that the pod does not get ready by itself.
pub fn is_broken(status: &str) -> bool {
    let reason = without_init(status);
    BROKEN.contains(&reason)
        || BROKEN_PREFIXES
            .iter()
            .any(|prefix| reason.starts_with(prefix))
}

fn without_init(status: &str) -> &str {
    status.strip_prefix("Init:").unwrap_or(status)
}

/// Tells whether one of the newest pods can never run. Older ones may be about to be replaced.
pub(super) fn are_hopeless(pods: Pods<'_>) -> bool {
    let is_hopeless = |status: &str| HOPELESS.contains(&without_init(status));
    match pods {
        Pods::Rows(rows) => {
            let newest = newest(pods);
            let mut newest = rows.iter().filter(|row| Some(row.created) == newest);
            newest.any(|row| is_hopeless(&row.status))
        }
        Pods::Full(pods) => {
            let staying = || pods.iter().filter(|pod| pod.deletion.is_none());
            let newest = staying().map(|pod| pod.created).max();
            let mut newest = staying().filter(|pod| Some(pod.created) == newest);
            newest.any(|pod| pod.reason.as_deref().is_some_and(is_hopeless))
        }
    }
}

/// Reasons of pods that ended for good, where the phase is not known.
const ENDED: [&str; 5] = [
    "Evicted",
    "NodeAffinity",
    "UnexpectedAdmissionError",
    "DeadlineExceeded",
    "Failed",
];

/// Tells whether a pod is the remains of one that was replaced: a `ReplicaSet` puts another in the place of one that ended
/// and leaves it to lie there. A `StatefulSet` needs the name, so that nothing takes its place before it is gone.
fn is_replaced(name: &str, has_ended: bool) -> bool {
    let owner = || pod_name::owner(name);
    has_ended && owner().is_some_and(|(kind, _)| kind == WorkloadKind::Deployment)
}

fn is_replaced_row(row: &PodRow) -> bool {
    let has_ended = ENDED.contains(&row.status.as_str()) || row.status.starts_with("OutOf");
    is_replaced(&row.name, has_ended)
}

/// Returns the sentence of the first pod that is broken.
pub(super) fn broken(pods: Pods<'_>) -> Option<String> {
    match pods {
        Pods::Rows(rows) => rows
            .iter()
            .find(|row| is_broken(&row.status) && !is_replaced_row(row))
            .map(|row| format!("{}: pod {}", row.status, row.name)),
        Pods::Full(pods) => pods
            .iter()
            .filter(|pod| pod.deletion.is_none() && !is_replaced(&pod.name, pod.phase == "Failed"))
            .find_map(|pod| {
                let reason = pod.reason.as_deref().filter(|reason| is_broken(reason))?;
                Some(pod_sentence(pod, reason))
            }),
    }
}

fn pod_sentence(pod: &Pod, reason: &str) -> String {
    match pod.message.as_deref().map(sentence) {
        Some(message) if !message.is_empty() => format!("{reason}: pod {}: {message}", pod.name),
        _ => format!("{reason}: pod {}", pod.name),
    }
}

/// Returns the sentence of the first pod that no node takes, once that has lasted.
pub(super) fn unschedulable(view: &InstanceView<'_>, clock: &mut GraceClock) -> Option<String> {
    match view.pods {
        Pods::Rows(rows) => {
            let mut waiting = rows.iter().filter(|row| waits_for_node(row));
            let row = waiting.find(|row| clock.is_over(row.created, SCHEDULING_GRACE))?;
            Some(unschedulable_sentence(
                &row.name,
                scheduler_says(view.events, &row.name),
            ))
        }
        Pods::Full(pods) => {
            let pod = pods
                .iter()
                .filter(|pod| pod.deletion.is_none())
                .find(|pod| {
                    pod.unschedulable_since
                        .is_some_and(|since| clock.is_over(since, SCHEDULING_GRACE))
                })?;
            Some(unschedulable_sentence(&pod.name, pod.message.as_deref()))
        }
    }
}

fn unschedulable_sentence(pod: &str, message: Option<&str>) -> String {
    match message.map(sentence) {
        Some(message) if !message.is_empty() => format!("Unschedulable: pod {pod}: {message}"),
        _ => format!("Unschedulable: no node takes pod {pod}"),
    }
}

fn scheduler_says<'a>(events: &'a [Event], pod: &str) -> Option<&'a str> {
    let event = events
        .iter()
        .filter(|event| event.object_kind == "Pod" && event.object_name == pod)
        .filter(|event| event.reason == "FailedScheduling")
        .max_by_key(|event| event.last_seen)?;
    Some(&event.message)
}

/// Tells whether a printed pod has no node yet.
pub fn waits_for_node(row: &PodRow) -> bool {
    !row.is_scheduled && row.status == "Pending"
}

/// Returns when the newest pod was created.
pub(super) fn newest(pods: Pods<'_>) -> Option<Timestamp> {
    match pods {
        Pods::Rows(rows) => rows.iter().map(|row| row.created).max(),
        Pods::Full(pods) => pods.iter().map(|pod| pod.created).max(),
    }
}
