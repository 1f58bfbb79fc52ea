//! Objects that are no workload: custom resources, pods of nobody. They say themselves how they
//! are doing.

use super::{Health, InstanceView, Pods, State, pods};
use crate::service::summary::{ObjectRow, Pod};

/// Returns why the instance cannot become ready, as one of its objects says.
pub(super) fn failed(view: &InstanceView<'_>) -> Option<Health> {
    let said = view.objects.iter().find_map(|row| {
        let standing = row.standing.as_ref().filter(|it| it.has_failed)?;
        Some(sentence(row, &standing.reason))
    });
    if let Some(reason) = said {
        return Some(Health {
            is_final: true,
            ..Health::because(State::Failing, reason)
        });
    }
    let mut bare = bare_pods(view);
    if let Some((row, _)) = bare.find(|(_, pod)| pod.phase == "Failed") {
        return Some(Health {
            is_final: true,
            ..Health::because(State::Failing, sentence(row, "it failed"))
        });
    }
    let (_, broken) = bare_pods(view).find(|(_, pod)| is_broken(pod))?;
    let reason = pods::broken(Pods::Full(std::slice::from_ref(broken)), &|_| false)?;
    Some(Health::because(State::Failing, reason))
}

/// Returns what the instance waits for.
pub(super) fn awaited(view: &InstanceView<'_>) -> Option<String> {
    let said = view.objects.iter().find_map(|row| {
        let standing = row.standing.as_ref().filter(|it| !it.is_ready)?;
        Some(sentence(row, &standing.reason))
    });
    said.or_else(|| {
        let (row, pod) = bare_pods(view).find(|(_, pod)| !is_settled(pod))?;
        Some(sentence(row, &format!("it is {}", pod.phase)))
    })
}

/// Returns the pods that no workload makes.
fn bare_pods<'a>(view: &InstanceView<'a>) -> impl Iterator<Item = (&'a ObjectRow, &'a Pod)> {
    let pods = match view.pods {
        Pods::Full(pods) => pods,
        Pods::Rows(_) => &[],
    };
    let is_bare =
        |row: &&ObjectRow| row.key.kind == "Pod" && row.is_member() && row.owner.is_none();
    let bare = view.objects.iter().filter(is_bare);
    bare.filter_map(move |row| {
        let pod = pods.iter().find(|pod| pod.uid == row.uid)?;
        Some((row, pod))
    })
}

fn is_broken(pod: &Pod) -> bool {
    pods::broken(Pods::Full(std::slice::from_ref(pod)), &|_| false).is_some()
}

fn is_settled(pod: &Pod) -> bool {
    let mut lasting = pod.containers.iter().filter(|container| !container.init);
    pod.phase == "Succeeded" || pod.phase == "Running" && lasting.all(|container| container.ready)
}

fn sentence(row: &ObjectRow, reason: &str) -> String {
    format!("{}: {reason}", row.key)
}
