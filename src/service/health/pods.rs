//! What the pods of an instance say about its health, whether they are known by their printed row or in full.

use jiff::Timestamp;

use super::{
    GraceClock, InstanceView, MOUNT_GRACE, Pods, SCHEDULING_GRACE, claims, sentence, words,
};
use crate::service::pod_name;
use crate::service::summary::{
    Container, ContainerState, Event, Pod, PodRow, Workload, WorkloadKind,
};

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
            let newest = rows.iter().map(|row| row.created).max();
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

/// What a container ended with, as STATUS tells it of a pod that does not start it again.
const RUN_ENDED: [&str; 4] = ["Error", "OOMKilled", "ContainerCannotRun", "StartError"];

fn has_run_ended(row: &PodRow) -> bool {
    let status = row.status.as_str();
    let has_code = || status.starts_with("ExitCode:") || status.starts_with("Signal:");
    RUN_ENDED.contains(&status) || ENDED.contains(&status) || has_code()
}

/// Returns the sentence of the first pod that is broken. Of those that are runs of a Job only what cannot run is.
pub(super) fn broken(pods: Pods<'_>, is_run: &dyn Fn(&str) -> bool) -> Option<String> {
    match pods {
        Pods::Rows(rows) => rows
            .iter()
            .find(|row| {
                is_broken(&row.status)
                    && !is_replaced_row(row)
                    && !(has_run_ended(row) && is_run(&row.name))
            })
            .map(|row| format!("{}: pod {}", row.status, row.name)),
        Pods::Full(pods) => pods
            .iter()
            .filter(|pod| pod.deletion.is_none() && !is_replaced(&pod.name, pod.phase == "Failed"))
            .filter(|pod| pod.phase != "Failed" || !is_run(&pod.name))
            .find_map(|pod| {
                let reason = pod.reason.as_deref().filter(|reason| is_broken(reason))?;
                Some(pod_sentence(pod, reason))
            }),
    }
}

fn pod_sentence(pod: &Pod, reason: &str) -> String {
    match culprit(pod, reason).or_else(|| message_of(pod)) {
        Some(why) => format!("{reason}: pod {}: {why}", pod.name),
        None => format!("{reason}: pod {}", pod.name),
    }
}

fn message_of(pod: &Pod) -> Option<String> {
    let message = sentence(pod.message.as_deref()?);
    (!message.is_empty()).then(|| message.to_owned())
}

/// Returns how the container ended that a pod's reason is about; none where it did not run.
fn culprit(pod: &Pod, reason: &str) -> Option<String> {
    let wanted = without_init(reason);
    let is_init = reason != wanted;
    let is_it = |container: &&Container| {
        let told = match &container.state {
            ContainerState::Waiting { reason, .. } => reason == wanted,
            ContainerState::Terminated { exit_code, .. } => *exit_code != 0,
            ContainerState::Running => false,
        };
        container.init == is_init && told
    };
    let container = pod.containers.iter().find(is_it)?;
    let (end, code, message) = match (&container.state, &container.last_end) {
        (ContainerState::Terminated { reason, exit_code }, _) => {
            (reason.as_str(), *exit_code, pod.message.as_deref())
        }
        (_, Some(end)) => (end.reason.as_str(), end.exit_code, end.message.as_deref()),
        _ => return None,
    };
    let kind = if is_init {
        "init container"
    } else {
        "container"
    };
    let mut why = format!("{kind} {} exited with code {code}", container.name);
    if !matches!(end, "" | "Error") {
        why.push_str(&format!(" ({end})"));
    }
    if container.restarts > 0 {
        let times = super::plural(container.restarts, "restart");
        why.push_str(&format!(", {} {times}", container.restarts));
    }
    // What it wrote last stands last.
    let last = message.and_then(|message| {
        message
            .lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty())
    });
    if let Some(last) = last {
        why.push_str(&format!(": {}", sentence(last)));
    }
    Some(why)
}

/// Returns the sentence of the first pod that no node takes, once that has lasted.
pub(super) fn unschedulable(view: &InstanceView<'_>, clock: &mut GraceClock) -> Option<String> {
    match view.pods {
        Pods::Rows(rows) => {
            let mut waiting = rows.iter().filter(|row| waits_for_node(row));
            let row = waiting.find(|row| clock.is_over(row.created, SCHEDULING_GRACE))?;
            let says = scheduler_says(view.events, &row.name);
            Some(unschedulable_sentence(view, &row.name, says))
        }
        Pods::Full(pods) => {
            let pod = pods
                .iter()
                .filter(|pod| pod.deletion.is_none())
                .find(|pod| {
                    pod.unschedulable_since
                        .is_some_and(|since| clock.is_over(since, SCHEDULING_GRACE))
                })?;
            let says = pod.message.as_deref();
            Some(unschedulable_sentence(view, &pod.name, says))
        }
    }
}

fn unschedulable_sentence(view: &InstanceView<'_>, pod: &str, message: Option<&str>) -> String {
    match message.map(sentence) {
        Some(message) if !message.is_empty() => {
            let claim = claims::awaited(view, pod);
            let why = words::scheduling_with(message, claim);
            format!("Unschedulable: pod {pod}: {why}")
        }
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

/// Returns the sentence of the first pod whose volumes cannot be mounted, once that has lasted.
pub(super) fn unmounted(view: &InstanceView<'_>, clock: &mut GraceClock) -> Option<String> {
    let told = |name: &str, uid: Option<&str>, since: Timestamp| {
        let is_its = |event: &&Event| {
            event.object_kind == "Pod"
                && event.object_name == name
                && uid.is_none_or(|uid| event.object_uid.is_empty() || event.object_uid == uid)
                && MOUNT_REASONS.contains(&event.reason.as_str())
                // A pod of a StatefulSet bears the name of the one before it.
                && event.last_seen >= since
        };
        let event = view.events.iter().filter(is_its);
        let event = event.max_by_key(|event| event.last_seen)?;
        Some(format!(
            "{}: pod {name}: {}",
            event.reason,
            words::mount(&event.message)
        ))
    };
    match view.pods {
        Pods::Rows(rows) => rows
            .iter()
            .filter(|row| waits_for_volumes(row))
            .filter_map(|row| Some((row.created, told(&row.name, None, row.created)?)))
            .find_map(|(since, sentence)| clock.is_over(since, MOUNT_GRACE).then_some(sentence)),
        Pods::Full(pods) => pods
            .iter()
            .filter(|pod| pod.deletion.is_none() && pod.node.is_some() && is_starting(pod))
            .filter_map(|pod| Some((pod.created, told(&pod.name, Some(&pod.uid), pod.created)?)))
            .find_map(|(since, sentence)| clock.is_over(since, MOUNT_GRACE).then_some(sentence)),
    }
}

/// Reasons of events about volumes that a pod waits for.
const MOUNT_REASONS: [&str; 4] = [
    "FailedMount",
    "FailedAttachVolume",
    "FailedMapVolume",
    "FailedBinding",
];

/// Tells whether no container of a pod has run yet.
fn is_starting(pod: &Pod) -> bool {
    let waits = |container: &Container| {
        matches!(&container.state, ContainerState::Waiting { reason, .. }
            if matches!(reason.as_str(), "" | "ContainerCreating" | "PodInitializing"))
    };
    pod.phase == "Pending" && pod.containers.iter().all(waits)
}

/// Tells whether a printed pod has a node and nothing of it runs yet, as it is while its volumes are mounted.
pub fn waits_for_volumes(row: &PodRow) -> bool {
    row.is_scheduled
        && (matches!(row.status.as_str(), "ContainerCreating" | "PodInitializing")
            || row.status.starts_with("Init:0/"))
}

/// Tells whether a printed pod has no node yet.
pub fn waits_for_node(row: &PodRow) -> bool {
    !row.is_scheduled && row.status == "Pending"
}

/// Returns when the newest pod of a workload was created: what others are told by theirs says nothing of it.
pub(super) fn newest(pods: Pods<'_>, workload: &Workload) -> Option<Timestamp> {
    let is_its = |pod: &str| pod_name::is_made_by(pod, workload.kind, &workload.name);
    match pods {
        Pods::Rows(rows) => {
            let its = rows.iter().filter(|row| is_its(&row.name));
            its.map(|row| row.created).max()
        }
        Pods::Full(pods) => {
            let its = pods.iter().filter(|pod| is_its(&pod.name));
            its.map(|pod| pod.created).max()
        }
    }
}

/// Returns since when none of a workload's pods became ready or unready. How old they are does not tell it: a pod that ran for
/// days may have become unready just now.
pub(super) fn still_since(view: &InstanceView<'_>, workload: &Workload) -> Option<Timestamp> {
    match view.pods {
        Pods::Rows(_) => {
            let newest = newest(view.pods, workload)?;
            let shortage = view.shortages.iter().find(|it| it.is_of(workload))?;
            Some(newest.max(shortage.since))
        }
        Pods::Full(pods) => settled_since(workload, pods),
    }
}

/// Returns since when none of a workload's pods became ready or unready, by all of them in full; none where none is there.
pub fn settled_since(workload: &Workload, pods: &[Pod]) -> Option<Timestamp> {
    let is_its = |pod: &&Pod| pod_name::is_made_by(&pod.name, workload.kind, &workload.name);
    let its = pods.iter().filter(is_its);
    let changed = its.filter_map(|pod| pod.ready_changed);
    changed.chain([newest(Pods::Full(pods), workload)?]).max()
}
