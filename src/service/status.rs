//! The status of an instance as `status -o json` and `ls -o json` print it.

use jiff::Timestamp;
use serde::Serialize;

use super::address::Address;
use super::detail::Detail;
use super::drift::{Drift, ObjectChange};
use super::health::{self, Health, State};
use super::images;
use super::instance::Instance;
use super::operation::Operation;
use super::summary::{self, Claim, Container, ContainerState, Pod, Record, Workload};

/// The status of an instance.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// The ID.
    pub id: String,
    /// The namespace.
    pub namespace: String,
    /// The definition's name in the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The state.
    pub state: State,
    /// Why it is in that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How the catalogue, what was applied and the live objects compare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// The revision that is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Pods wanted.
    pub replicas: u32,
    /// Pods of the wanted revision.
    pub current_replicas: u32,
    /// Pods that are ready.
    pub ready_replicas: u32,
    /// Restarts of all containers.
    pub restarts: u32,
    /// Images of the containers, each once.
    pub images: Vec<String>,
    /// When it was first applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether teardown needs the typed ID.
    pub protected: bool,
    /// What others changed in its objects; left out where only the overview was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<ObjectChange>>,
    /// The operation under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Where it is reached, the best address first; left out where that was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<Address>>,
    /// Its pods; left out where only the overview was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pods: Option<Vec<PodStatus>>,
    /// Its claims.
    pub volumes: Vec<VolumeStatus>,
}

/// The status of a pod.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    /// Name.
    pub name: String,
    /// `status.phase`.
    pub phase: String,
    /// Whether all its containers are ready.
    pub ready: bool,
    /// The most telling reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The sentence that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Its node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Restarts of its containers.
    pub restarts: u32,
    /// When it was created.
    pub created: Timestamp,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Its containers.
    pub containers: Vec<ContainerStatus>,
    /// Its init containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub init_containers: Vec<ContainerStatus>,
}

/// The status of a container.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStatus {
    /// Name.
    pub name: String,
    /// Image.
    pub image: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it has started.
    pub started: bool,
    /// Restarts.
    pub restarts: u32,
    /// `waiting`, `running` or `terminated`.
    pub state: &'static str,
    /// Why it waits or was terminated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The kubelet's sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Exit code, once terminated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

/// The status of a claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeStatus {
    /// Name of the claim.
    pub name: String,
    /// `Pending`, `Bound` or `Lost`.
    pub phase: String,
    /// Capacity, once bound.
    pub capacity: Option<String>,
    /// Size asked for.
    pub requested: String,
    /// Storage class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// The PersistentVolume, once bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<String>,
    /// Access modes, shortened.
    pub access_modes: Vec<&'static str>,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Why it has no volume, or less than it asks for, where that was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Returns the status of an instance of the overview: without its pods, of which only printed rows are known.
pub fn of_instance(instance: &Instance) -> InstanceStatus {
    let key = (
        instance.key().namespace.as_str(),
        instance.key().id.as_str(),
    );
    let (workloads, claims) = (instance.workloads(), instance.claims());
    InstanceStatus {
        drift: instance.drift(),
        restarts: instance.pods().restarts,
        ..common(key, instance.record(), workloads, claims, instance.health())
    }
}

/// Returns the status of an instance with its pods. Drift is the fleet's to tell, which knows the catalogue.
pub fn of_detail(detail: &Detail, drift: Option<Drift>, now: Timestamp) -> InstanceStatus {
    let key = (detail.key().namespace.as_str(), detail.key().id.as_str());
    let (workloads, claims) = (detail.workloads(), detail.claims());
    let pods: Vec<_> = detail.pods().iter().map(pod_status).collect();
    InstanceStatus {
        drift,
        restarts: pods.iter().map(|pod| pod.restarts).sum(),
        pods: Some(pods),
        addresses: Some(detail.addresses(None)),
        volumes: claims.iter().map(|claim| told_of(claim, detail)).collect(),
        ..common(key, detail.record(), workloads, claims, &detail.health(now))
    }
}

/// Returns the status of a definition that is not deployed, with the claims that an earlier instance of its name left.
pub fn of_saved<'a>(
    namespace: &str,
    name: &str,
    image: Option<&str>,
    kept: impl Iterator<Item = &'a Claim>,
) -> InstanceStatus {
    InstanceStatus {
        definition: Some(name.to_owned()),
        images: image.map(str::to_owned).into_iter().collect(),
        volumes: kept.map(volume_status).collect(),
        ..common(
            (namespace, name),
            None,
            &[],
            &[],
            &Health::plain(State::Saved),
        )
    }
}

fn common(
    (namespace, id): (&str, &str),
    record: Option<&Record>,
    workloads: &[Workload],
    claims: &[Claim],
    health: &Health,
) -> InstanceStatus {
    let sum = |of: fn(&Workload) -> u32| summary::counted(workloads).map(of).sum();
    let created = record.map(|record| record.created);
    InstanceStatus {
        id: id.to_owned(),
        namespace: namespace.to_owned(),
        definition: record.map(|record| record.definition.to_string()),
        display_name: record.and_then(|record| record.display_name.clone()),
        state: health.state,
        reason: health.reason.clone(),
        drift: None,
        revision: record.and_then(|record| record.revision),
        replicas: sum(|workload| workload.wanted),
        current_replicas: sum(|workload| workload.updated),
        ready_replicas: sum(|workload| workload.ready),
        restarts: 0,
        images: images::distinct(workloads.iter().flat_map(|workload| &workload.images))
            .cloned()
            .collect(),
        created: created.or_else(|| workloads.iter().map(|workload| workload.created).min()),
        expires: record.and_then(|record| record.expires),
        protected: record.is_some_and(|record| record.is_protected),
        changes: None,
        addresses: None,
        operation: record.and_then(|record| record.operation.clone()),
        pods: None,
        volumes: claims.iter().map(volume_status).collect(),
    }
}

fn pod_status(pod: &Pod) -> PodStatus {
    let of_kind = |init: bool| {
        let containers = pod.containers.iter().filter(|c| c.init == init);
        containers.map(container_status).collect::<Vec<_>>()
    };
    let containers = of_kind(false);
    PodStatus {
        name: pod.name.clone(),
        phase: pod.phase.clone(),
        ready: !containers.is_empty() && containers.iter().all(|container| container.ready),
        reason: pod.reason.clone(),
        message: pod.message.clone(),
        node: pod.node.clone(),
        restarts: pod.containers.iter().map(|c| c.restarts).sum(),
        created: pod.created,
        terminating: pod.deletion.is_some(),
        containers,
        init_containers: of_kind(true),
    }
}

fn container_status(container: &Container) -> ContainerStatus {
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let (state, reason, message, exit_code) = match &container.state {
        ContainerState::Waiting { reason, message } => {
            ("waiting", some(reason), some(message), None)
        }
        ContainerState::Running => ("running", None, None, None),
        ContainerState::Terminated { reason, exit_code } => {
            ("terminated", some(reason), None, Some(*exit_code))
        }
    };
    ContainerStatus {
        name: container.name.clone(),
        image: container.image.clone(),
        ready: container.ready,
        started: container.started,
        restarts: container.restarts,
        state,
        reason,
        message,
        exit_code,
    }
}

fn told_of(claim: &Claim, detail: &Detail) -> VolumeStatus {
    VolumeStatus {
        reason: health::remark_on_claim(claim, detail.events(), None),
        ..volume_status(claim)
    }
}

fn volume_status(claim: &Claim) -> VolumeStatus {
    VolumeStatus {
        name: claim.name.clone(),
        phase: claim.phase.clone(),
        capacity: claim.capacity.clone(),
        requested: claim.requested.clone(),
        storage_class: claim.storage_class.clone(),
        volume: claim.volume.clone(),
        access_modes: claim.access_modes.clone(),
        terminating: claim.deletion.is_some(),
        reason: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::definition::object::GroupKind;
    use crate::service::summary::{Event, InstanceKey, WorkloadKind};
    use crate::service::watch::{Delta, WatchEvent};

    fn time() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn key() -> InstanceKey {
        InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "db".parse().unwrap(),
        }
    }

    fn workload() -> Workload {
        Workload {
            instance: key(),
            kind: WorkloadKind::StatefulSet,
            name: "db".to_owned(),
            uid: "w".to_owned(),
            created: time(),
            deletion: None,
            generation: 1,
            observed_generation: 1,
            wanted: 2,
            replicas: 2,
            updated: 1,
            held_back: 0,
            ready: 2,
            available: 2,
            images: vec!["postgres:16".to_owned()],
            revision: None,
            has_deadline: false,
            blocked: None,
            is_suspended: false,
            owned: None,
            has_foreign: false,
        }
    }

    fn pod() -> Pod {
        Pod {
            instance: key(),
            name: "db-0".to_owned(),
            uid: "p".to_owned(),
            created: time(),
            deletion: None,
            phase: "Running".to_owned(),
            reason: None,
            message: None,
            node: Some("node-1".to_owned()),
            revision: None,
            unschedulable_since: None,
            ready_changed: None,
            containers: vec![Container {
                name: "db".to_owned(),
                init: false,
                image: "postgres:16".to_owned(),
                ready: true,
                started: true,
                restarts: 3,
                state: ContainerState::Running,
                last_end: None,
                requests: Default::default(),
                limits: Default::default(),
            }],
        }
    }

    fn claim() -> Claim {
        Claim {
            instance: key(),
            name: "data-db-0".to_owned(),
            uid: "c".to_owned(),
            created: time(),
            deletion: None,
            phase: "Bound".to_owned(),
            requested: "1Gi".to_owned(),
            capacity: Some("2Gi".to_owned()),
            storage_class: None,
            volume: Some("pv-1".to_owned()),
            access_modes: vec!["RWO"],
            growth: None,
            is_member: false,
        }
    }

    #[test]
    fn a_claim_says_why_it_has_not_what_it_asks_for() {
        let mut detail = Detail::new(key());
        let small = Claim {
            capacity: Some("1Gi".to_owned()),
            requested: "2Gi".to_owned(),
            ..claim()
        };
        let pending = Claim {
            name: "data-db-1".to_owned(),
            phase: "Pending".to_owned(),
            capacity: None,
            ..claim()
        };
        let claims = vec![Delta::Reset(vec![small, pending])];
        detail.apply(WatchEvent::Claims(claims), time());
        let event = Event {
            namespace: key().namespace,
            name: "e".to_owned(),
            object_kind: "PersistentVolumeClaim".to_owned(),
            object_name: "data-db-1".to_owned(),
            object_uid: "c".to_owned(),
            is_warning: false,
            reason: "WaitForFirstConsumer".to_owned(),
            message: "waiting for first consumer to be created before binding".to_owned(),
            count: 1,
            last_seen: time(),
            source: "test".to_owned(),
        };
        detail.apply(WatchEvent::Events(vec![Delta::Applied(event)]), time());
        let status = of_detail(&detail, None, time());
        let reasons: Vec<_> = status
            .volumes
            .iter()
            .map(|it| it.reason.as_deref())
            .collect();
        assert_eq!(
            reasons,
            [
                Some(
                    "claim data-db-0 has 1Gi of the 2Gi that it asks for, and nobody tells that they grow it"
                ),
                Some("it waits for a pod that uses it"),
            ]
        );
    }

    #[test]
    fn status_has_what_scripts_read() {
        let mut detail = Detail::new(key());
        let kind = WorkloadKind::StatefulSet;
        detail.apply(
            WatchEvent::Workloads(kind, vec![Delta::Reset(vec![workload()])]),
            time(),
        );
        detail.apply(WatchEvent::Pods(vec![Delta::Applied(pod())]), time());
        detail.apply(WatchEvent::Claims(vec![Delta::Applied(claim())]), time());
        let status = of_detail(&detail, Some(Drift::InSync), time());
        let container = json!({
            "name": "db", "image": "postgres:16", "ready": true, "started": true, "restarts": 3, "state": "running",
        });
        let pod = json!({
            "name": "db-0", "phase": "Running", "ready": true, "node": "node-1", "restarts": 3,
            "created": "2026-01-01T00:00:00Z", "terminating": false, "containers": [container],
        });
        let volume = json!({
            "name": "data-db-0", "phase": "Bound", "capacity": "2Gi", "requested": "1Gi", "volume": "pv-1",
            "accessModes": ["RWO"], "terminating": false,
        });
        let expected = json!({
            "id": "db", "namespace": "team-a", "state": "Rolling", "reason": "StatefulSet/db: 1 of 2 pods updated",
            "drift": "in-sync", "replicas": 2, "currentReplicas": 1, "readyReplicas": 2, "restarts": 3,
            "images": ["postgres:16"], "created": "2026-01-01T00:00:00Z", "protected": false, "addresses": [],
            "pods": [pod], "volumes": [volume],
        });
        assert_eq!(serde_json::to_value(status).unwrap(), expected);
    }

    #[test]
    fn detail_forgets_what_is_gone_kind_by_kind() {
        let mut detail = Detail::new(key());
        let deployment = Workload {
            kind: WorkloadKind::Deployment,
            ..workload()
        };
        detail.apply(
            WatchEvent::Workloads(WorkloadKind::Deployment, vec![Delta::Applied(deployment)]),
            time(),
        );
        detail.apply(
            WatchEvent::Workloads(WorkloadKind::StatefulSet, vec![Delta::Applied(workload())]),
            time(),
        );
        detail.apply(
            WatchEvent::Workloads(WorkloadKind::StatefulSet, vec![Delta::Reset(Vec::new())]),
            time(),
        );
        let kinds: Vec<_> = detail
            .workloads()
            .iter()
            .map(|workload| workload.kind)
            .collect();
        assert_eq!(kinds, [WorkloadKind::Deployment]);
        // A streamed list may tell of a pod twice.
        detail.apply(
            WatchEvent::Pods(vec![Delta::Reset(vec![pod(), pod()])]),
            time(),
        );
        assert_eq!(detail.pods().len(), 1);
        detail.apply(
            WatchEvent::Objects(GroupKind::new("", "Secret"), vec![Delta::Reset(Vec::new())]),
            time(),
        );
        assert!(!detail.is_gone());
    }
}
