//! Which change concerns which controller.
//!
//! A change of one object makes work for the controllers that read it: its own, its owner's, those that wait for it.
//! Naming too many is harmless, for a look that finds nothing to do writes nothing; naming too few would leave somebody
//! waiting for ever.

use serde_json::Value;

use super::kind::Kind;
use super::object::{
    controller_of, is_deleting, is_selected_by, items, label, name, namespace, text,
};
use super::pods::{is_finished, is_ready};
use super::view::{Key, View};
use super::{kubelet, scheduler, services, stateful_set};
use crate::quota::{is_bounded_in_time, is_reallocated};

/// The controllers, in the order in which a burst of work is best done: what others wait for comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    /// Namespaces.
    Namespace,
    /// Volumes.
    Volume,
    /// Claims.
    Claim,
    /// Deployments.
    Deployment,
    /// ReplicaSets.
    ReplicaSet,
    /// StatefulSets.
    StatefulSet,
    /// DaemonSets.
    DaemonSet,
    /// CronJobs.
    CronJob,
    /// Jobs.
    Job,
    /// The scheduler.
    Scheduler,
    /// The kubelets.
    Kubelet,
    /// Services.
    Service,
    /// Quotas, last: what is in a namespace is counted when nobody has anything to do there.
    Quota,
}

impl Controller {
    /// Returns the field manager under which it writes.
    pub fn manager(self) -> &'static str {
        match self {
            Controller::Scheduler => "kube-scheduler",
            Controller::Kubelet => "kubelet",
            _ => "kube-controller-manager",
        }
    }
}

/// A controller and the object it should look at.
pub type Task = (Controller, Key);

/// Returns whom the change of one object concerns; `view` is the cluster after it.
pub fn tasks(view: &View, kind: Kind, before: Option<&Value>, after: Option<&Value>) -> Vec<Task> {
    let Some(object) = after.or(before) else {
        return Vec::new();
    };
    let own = |controller| vec![(controller, Key::of(object))];
    match kind {
        Kind::Namespace => own(Controller::Namespace),
        Kind::Deployment => own(Controller::Deployment),
        Kind::StatefulSet => own(Controller::StatefulSet),
        Kind::DaemonSet => own(Controller::DaemonSet),
        Kind::CronJob => own(Controller::CronJob),
        Kind::Job => {
            let mut tasks = own(Controller::Job);
            tasks.extend(owners(
                view,
                before,
                after,
                Kind::CronJob,
                Controller::CronJob,
            ));
            tasks
        }
        Kind::Service => own(Controller::Service),
        Kind::ReplicaSet => {
            let mut tasks = own(Controller::ReplicaSet);
            tasks.extend(owners(
                view,
                before,
                after,
                Kind::Deployment,
                Controller::Deployment,
            ));
            tasks
        }
        Kind::ControllerRevision => {
            let of = |kind, controller| owners(view, before, after, kind, controller);
            let mut tasks = of(Kind::StatefulSet, Controller::StatefulSet);
            tasks.extend(of(Kind::DaemonSet, Controller::DaemonSet));
            tasks
        }
        Kind::Pod => pod_tasks(view, before, after),
        Kind::PersistentVolumeClaim => claim_tasks(view, before, object),
        Kind::PersistentVolume => volume_tasks(view, before, object),
        Kind::StorageClass => {
            let claims = view
                .all(Kind::PersistentVolumeClaim)
                .map(|claim| (Controller::Claim, Key::of(claim)));
            claims.chain(unplaced(view)).collect()
        }
        Kind::Node => {
            let daemons = view.all(Kind::DaemonSet);
            let daemons = daemons.map(|set| (Controller::DaemonSet, Key::of(set)));
            unplaced(view).chain(daemons).collect()
        }
        Kind::ConfigMap | Kind::Secret => source_tasks(view, object),
        Kind::ServiceAccount => vec![(Controller::Namespace, Key::new("", namespace(object)))],
        Kind::Endpoints => own(Controller::Service),
        Kind::EndpointSlice => label(object, "kubernetes.io/service-name")
            .map(|service| (Controller::Service, Key::new(namespace(object), service)))
            .into_iter()
            .collect(),
        // What concerns quotas is told by `counting`.
        Kind::Event | Kind::ResourceQuota => Vec::new(),
    }
}

/// Returns the work for the owners of an object, past and present, or for those who might adopt it.
fn owners(
    view: &View,
    before: Option<&Value>,
    after: Option<&Value>,
    kind: Kind,
    controller: Controller,
) -> Vec<Task> {
    let named = [before, after].into_iter().flatten().filter_map(|object| {
        let owner = controller_of(object).filter(|owner| text(owner, "/kind") == kind.kind())?;
        Some((
            controller,
            Key::new(namespace(object), text(owner, "/name")),
        ))
    });
    let mut tasks: Vec<Task> = named.collect();
    if let Some(orphan) = after.filter(|object| controller_of(object).is_none()) {
        let adopters = view
            .list(kind, namespace(orphan))
            .filter(|owner| is_selected_by(orphan, owner));
        tasks.extend(adopters.map(|owner| (controller, Key::of(owner))));
    }
    tasks.dedup();
    tasks
}

fn pod_tasks(view: &View, before: Option<&Value>, after: Option<&Value>) -> Vec<Task> {
    let Some(pod) = after.or(before) else {
        return Vec::new();
    };
    let mut tasks = vec![(Controller::Kubelet, Key::of(pod))];
    tasks.extend(owners(
        view,
        before,
        after,
        Kind::ReplicaSet,
        Controller::ReplicaSet,
    ));
    tasks.extend(owners(
        view,
        before,
        after,
        Kind::StatefulSet,
        Controller::StatefulSet,
    ));
    for (kind, controller) in [
        (Kind::DaemonSet, Controller::DaemonSet),
        (Kind::Job, Controller::Job),
    ] {
        tasks.extend(owners(view, before, after, kind, controller));
    }
    if after.is_some_and(scheduler::is_waiting) {
        tasks.push((Controller::Scheduler, Key::of(pod)));
    }
    if before.map(services::standing) != after.map(services::standing) {
        for state in [before, after].into_iter().flatten() {
            tasks.extend(services::selecting(view, state).map(|key| (Controller::Service, key)));
        }
    }
    let occupies = |pod: &Value| !is_finished(pod) && !text(pod, "/spec/nodeName").is_empty();
    let (did, does) = (before.is_some_and(occupies), after.is_some_and(occupies));
    if did && !does {
        tasks.extend(unplaced(view));
    }
    if did != does || before.is_none() || after.is_none() {
        let claims = items(pod, "/spec/volumes")
            .iter()
            .map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
        let key = |claim: &str| (Controller::Claim, Key::new(namespace(pod), claim));
        tasks.extend(claims.filter(|claim| !claim.is_empty()).map(key));
    }
    // A Deployment that recreates waits for the last pod of its old sets.
    if let (Some(before), None) = (before, after)
        && let Some(set) =
            controller_of(before).filter(|owner| text(owner, "/kind") == "ReplicaSet")
        && let Some(set) = view.find(Kind::ReplicaSet, namespace(before), text(set, "/name"))
        && let Some(deployment) = controller_of(set)
    {
        tasks.push((
            Controller::Deployment,
            Key::new(namespace(before), text(deployment, "/name")),
        ));
    }
    tasks
}

fn claim_tasks(view: &View, before: Option<&Value>, claim: &Value) -> Vec<Task> {
    let mut tasks = vec![(Controller::Claim, Key::of(claim))];
    for state in before.into_iter().chain([claim]) {
        let volume = text(state, "/spec/volumeName");
        if !volume.is_empty() {
            tasks.push((Controller::Volume, Key::new("", volume)));
        }
    }
    tasks
        .extend(stateful_set::wanting_claim(view, claim).map(|key| (Controller::StatefulSet, key)));
    let users = view
        .list(Kind::Pod, namespace(claim))
        .filter(|pod| super::claims::uses(pod, name(claim)));
    tasks.extend(
        users
            .filter(|pod| scheduler::is_waiting(pod))
            .map(|pod| (Controller::Scheduler, Key::of(pod))),
    );
    tasks
}

fn volume_tasks(view: &View, before: Option<&Value>, volume: &Value) -> Vec<Task> {
    let mut tasks = vec![(Controller::Volume, Key::of(volume))];
    for state in before.into_iter().chain([volume]) {
        let claim = text(state, "/spec/claimRef/name");
        if !claim.is_empty() {
            tasks.push((
                Controller::Claim,
                Key::new(text(state, "/spec/claimRef/namespace"), claim),
            ));
        }
    }
    let unbound = view
        .all(Kind::PersistentVolumeClaim)
        .filter(|claim| text(claim, "/status/phase") != "Bound");
    tasks.extend(unbound.map(|claim| (Controller::Claim, Key::of(claim))));
    tasks
}

/// A ConfigMap or Secret matters to pods that wait for it, and to the namespace that has it furnished.
fn source_tasks(view: &View, source: &Value) -> Vec<Task> {
    let waits = |pod: &&Value| !is_ready(pod) && !is_finished(pod) && kubelet::names(pod, source);
    let waiting = view.list(Kind::Pod, namespace(source)).filter(waits);
    let mut tasks: Vec<Task> = waiting
        .map(|pod| (Controller::Kubelet, Key::of(pod)))
        .collect();
    if name(source) == "kube-root-ca.crt" {
        tasks.push((Controller::Namespace, Key::new("", namespace(source))));
    }
    tasks
}

fn unplaced(view: &View) -> impl Iterator<Item = Task> + '_ {
    let waiting = view.all(Kind::Pod).filter(|pod| scheduler::is_waiting(pod));
    waiting.map(|pod| (Controller::Scheduler, Key::of(pod)))
}

/// Returns the work of a namespace that goes, when anything in it changed.
pub fn emptying(view: &View, namespace: &str) -> Option<Task> {
    let key = Key::new("", namespace);
    view.get(Kind::Namespace, &key)
        .is_some_and(is_deleting)
        .then_some((Controller::Namespace, key))
}

/// Returns the work of the quotas of a namespace when something in it may have become free, and of one that is new or
/// limits otherwise. What needs more was charged when it was written.
pub fn counting(view: &View, before: Option<&Value>, after: Option<&Value>) -> Vec<Task> {
    let Some(object) = after.or(before) else {
        return Vec::new();
    };
    let task = |quota: &Value| (Controller::Quota, Key::of(quota));
    let is_core = text(object, "/apiVersion") == "v1";
    let kind = text(object, "/kind");
    let frees = match (before, after) {
        (Some(before), Some(after)) => match kind {
            _ if !is_core => false,
            "ResourceQuota" if before.get("spec") != after.get("spec") => return vec![task(after)],
            "Pod" => {
                is_finished(before) != is_finished(after)
                    || is_bounded_in_time(before) != is_bounded_in_time(after)
            }
            "Service" => text(before, "/spec/type") != text(after, "/spec/type"),
            "PersistentVolumeClaim" => is_reallocated(before, after),
            _ => false,
        },
        (None, Some(quota)) if is_core && kind == "ResourceQuota" => return vec![task(quota)],
        (_, after) => after.is_none() && kind != "Event",
    };
    if !frees {
        return Vec::new();
    }
    let quotas = view.list(Kind::ResourceQuota, namespace(object));
    quotas.map(task).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, node: &str, phase: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "n", "name": name, "labels": {"app": "web"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "uid": "rs", "controller": true}]},
            "spec": {"nodeName": node, "volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]},
            "status": {"phase": phase}})
    }

    #[test]
    fn a_pod_that_ends_concerns_its_set_its_service_its_claim_and_whoever_waits_for_room() {
        let view = View::from_objects([
            pod("waiting", "", "Pending"),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "n", "name": "svc"},
                "spec": {"selector": {"app": "web"}}}),
        ]);
        let (before, after) = (
            pod("web-1-a", "node-1", "Running"),
            pod("web-1-a", "node-1", "Failed"),
        );
        let mut tasks = tasks(&view, Kind::Pod, Some(&before), Some(&after));
        tasks.sort();
        tasks.dedup();
        let key = |name| Key::new("n", name);
        assert_eq!(
            tasks,
            [
                (Controller::Claim, key("data")),
                (Controller::ReplicaSet, key("web-1")),
                (Controller::Scheduler, key("waiting")),
                (Controller::Kubelet, key("web-1-a")),
                (Controller::Service, key("svc")),
            ]
        );
    }

    #[test]
    fn only_a_namespace_that_goes_hears_of_its_content() {
        let namespace = |name, deletion: Value| {
            json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "deletionTimestamp": deletion}})
        };
        let view = View::from_objects([
            namespace("stays", Value::Null),
            namespace("goes", json!("2026-01-01T00:00:00Z")),
        ]);
        assert_eq!(emptying(&view, "stays"), None);
        assert_eq!(
            emptying(&view, "goes"),
            Some((Controller::Namespace, Key::new("", "goes")))
        );
    }
}
