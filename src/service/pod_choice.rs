//! Which pod and which container are meant where somebody names an instance: the one that does best. Pure.

use super::summary::{Container, ContainerState, InstanceKey, Pod};
use crate::definition::id::Namespace;
use crate::failure::{Failure, FailureKind};
use crate::text;

/// Returns what a pod is called among those of an instance: its name, and its namespace before that where it is another one.
pub fn label(pod: &Pod, own: &Namespace) -> String {
    let namespace = &pod.instance.namespace;
    match namespace == own {
        true => pod.name.clone(),
        false => format!("{namespace}/{}", pod.name),
    }
}

/// Returns the namespace and the name of the pod that is called so.
pub fn place<'l>(label: &'l str, own: &Namespace) -> (Namespace, &'l str) {
    let elsewhere = label
        .split_once('/')
        .and_then(|(namespace, name)| Some((namespace.parse().ok()?, name)));
    elsewhere.unwrap_or_else(|| (own.clone(), label))
}

/// Returns the pod that is called so, else the one that does best: in the instance's own namespace before others, ready before
/// running, the oldest first, so that the same one is chosen again.
///
/// # Errors
/// There is none, or none runs: the text says how they do.
pub fn running<'p>(
    pods: &'p [Pod],
    named: Option<&str>,
    of: &InstanceKey,
) -> Result<&'p Pod, Failure> {
    if let Some(named) = named {
        let found = pods.iter().find(|pod| is_called(pod, named, &of.namespace));
        return found.ok_or_else(|| no_such_pod(pods, named, of));
    }
    best(pods, &of.namespace).ok_or_else(|| none_runs(pods, of))
}

/// Tells whether a pod is called so; its name alone will do where that is in the instance's own namespace.
pub fn is_called(pod: &Pod, label: &str, own: &Namespace) -> bool {
    let (namespace, name) = place(label, own);
    pod.name == name && pod.instance.namespace == namespace
}

/// Returns the pod that does best among those that run and stay.
pub fn best<'p>(pods: &'p [Pod], own: &Namespace) -> Option<&'p Pod> {
    let candidates = pods.iter().filter(|pod| runs(pod));
    let is_away = |pod: &Pod| pod.instance.namespace != *own;
    candidates.min_by_key(|pod| (is_away(pod), !is_ready(pod), pod.created, &pod.name))
}

/// Tells whether a pod runs and is not being deleted.
pub fn runs(pod: &Pod) -> bool {
    let is_running = |it: &Container| it.state == ContainerState::Running;
    pod.deletion.is_none()
        && pod.phase == "Running"
        && pod.containers.iter().any(|it| !it.init && is_running(it))
}

/// Tells whether all containers of a pod are ready.
pub fn is_ready(pod: &Pod) -> bool {
    let mut containers = pod.containers.iter().filter(|it| !it.init);
    runs(pod) && containers.all(|it| it.ready)
}

/// Returns the container of that name, else the first that is no init container.
///
/// # Errors
/// There is none of that name, or it does not run.
pub fn container<'p>(pod: &'p Pod, named: Option<&str>) -> Result<&'p str, Failure> {
    let mut containers = pod.containers.iter();
    let found = match named {
        Some(named) => containers.find(|it| it.name == named),
        None => containers.find(|it| !it.init),
    };
    let Some(found) = found else {
        let names: Vec<_> = pod.containers.iter().map(|it| it.name.as_str()).collect();
        let names = text::clean(&names.join(", ")).into_owned();
        let what = named.map_or_else(String::new, |named| format!(" {}", text::clean(named)));
        let summary = format!(
            "pod {} has no container{what}; there are: {names}",
            pod.name
        );
        return Err(Failure::new(FailureKind::NotFound, summary));
    };
    let why = match &found.state {
        ContainerState::Running => return Ok(&found.name),
        ContainerState::Waiting { reason, .. } => format!("is waiting: {reason}"),
        ContainerState::Terminated { reason, exit_code } => {
            format!("has ended: {reason}, exit code {exit_code}")
        }
    };
    let summary = format!("container {} of pod {} {why}", found.name, pod.name);
    Err(Failure::new(FailureKind::NotFound, summary))
}

fn no_such_pod(pods: &[Pod], named: &str, of: &InstanceKey) -> Failure {
    let id = &of.id;
    let names = pods.iter().map(|pod| label(pod, &of.namespace));
    let names: Vec<_> = names.collect();
    let there = match names.is_empty() {
        true => "it has no pods".to_owned(),
        false => format!("there are: {}", names.join(", ")),
    };
    let summary = format!("{id} has no pod {}; {there}", text::clean(named));
    Failure::new(FailureKind::NotFound, summary)
}

fn none_runs(pods: &[Pod], of: &InstanceKey) -> Failure {
    let id = &of.id;
    let Some(first) = pods.first() else {
        let summary = format!("{id} has no pods");
        return Failure::new(FailureKind::NotFound, summary);
    };
    let how = match (&first.deletion, &first.reason) {
        (Some(_), _) => "is being deleted".to_owned(),
        (None, Some(reason)) => format!("is {}: {reason}", first.phase),
        (None, None) => format!("is {}", first.phase),
    };
    let summary = format!("no pod of {id} runs: {} {how}", first.name);
    Failure::new(FailureKind::NotFound, summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_says_where_a_pod_is_if_that_is_elsewhere() {
        let own: Namespace = "team-a".parse().unwrap();
        let check = |label: &str, namespace: &str, name: &str| {
            let (found, rest) = place(label, &own);
            assert_eq!((found.as_str(), rest), (namespace, name), "{label}");
        };
        check("web-0", "team-a", "web-0");
        check("team-b/web-0", "team-b", "web-0");
        // What is no namespace is no place: no such pod is found then.
        check("Team B/web-0", "team-a", "Team B/web-0");
    }
}
