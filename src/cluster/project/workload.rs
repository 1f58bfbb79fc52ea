//! Deployments and StatefulSets as [`Workload`]s.

use serde::Deserialize;

use super::{Meta, Project, clean, clean_some, count, or_default};
use crate::cluster::kinds::Resource;
use crate::definition::naming;
use crate::service::summary::{Blocked, Workload, WorkloadKind};

/// A Deployment or a StatefulSet, whose fields are alike.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct WorkloadObject {
    metadata: Meta,
    spec: Spec,
    #[serde(deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    replicas: Option<i64>,
    template: Template,
    #[serde(deserialize_with = "or_default")]
    update_strategy: UpdateStrategy,
}

/// How a StatefulSet or a DaemonSet replaces its pods.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct UpdateStrategy {
    r#type: String,
    #[serde(deserialize_with = "or_default")]
    rolling_update: RollingUpdate,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RollingUpdate {
    partition: Option<i64>,
}

impl UpdateStrategy {
    /// Returns how many pods it leaves at the revision that they have.
    pub(super) fn held_back(&self) -> u32 {
        match self.r#type.as_str() {
            "OnDelete" => u32::MAX,
            _ => count(self.rolling_update.partition.unwrap_or(0)),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    spec: PodSpec,
}

impl Template {
    /// Returns the images of its containers, in order.
    pub(super) fn images(self) -> Vec<String> {
        let containers = self.spec.containers.into_iter();
        containers.map(|container| clean(container.image)).collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PodSpec {
    #[serde(deserialize_with = "or_default")]
    containers: Vec<Container>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Container {
    image: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: i64,
    replicas: i64,
    updated_replicas: i64,
    current_replicas: i64,
    ready_replicas: i64,
    available_replicas: i64,
    update_revision: Option<String>,
    current_revision: Option<String>,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<Condition>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    pub r#type: String,
    pub status: String,
    pub reason: String,
    pub message: String,
}

impl Project for WorkloadObject {
    type Item = Workload;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_item(self, resource: &Resource) -> Option<Workload> {
        let Self {
            metadata,
            spec,
            status,
        } = self;
        let kind = match resource.kind.as_ref() {
            "StatefulSet" => WorkloadKind::StatefulSet,
            _ => WorkloadKind::Deployment,
        };
        let updated = updated(kind, &status);
        Some(Workload {
            observed_generation: status.observed_generation,
            wanted: count(spec.replicas.unwrap_or(1)),
            replicas: count(status.replicas),
            updated: count(updated),
            held_back: spec.update_strategy.held_back(),
            ready: count(status.ready_replicas),
            available: count(status.available_replicas),
            images: spec.template.images(),
            revision: clean_some(status.update_revision),
            has_deadline: status.conditions.iter().any(has_deadline),
            blocked: blocked(status.conditions),
            ..uncounted(metadata, kind)?
        })
    }
}

/// Returns what the metadata says of a workload: whose it is, and nothing of its pods. Its generation counts as seen.
pub(super) fn uncounted(metadata: Meta, kind: WorkloadKind) -> Option<Workload> {
    let instance = metadata.instance()?;
    let managed = &metadata.managed_fields;
    Some(Workload {
        owned: managed.applied(&naming::field_manager(&instance.id)),
        has_foreign: managed.has_foreign(&instance.id),
        instance,
        kind,
        created: metadata.created(),
        deletion: metadata.deletion(),
        name: metadata.name,
        uid: metadata.uid,
        generation: metadata.generation,
        observed_generation: metadata.generation,
        wanted: 0,
        replicas: 0,
        updated: 0,
        held_back: 0,
        ready: 0,
        available: 0,
        images: Vec::new(),
        revision: None,
        is_suspended: false,
        has_deadline: false,
        blocked: None,
    })
}

/// NB: a StatefulSet leaves `updatedReplicas` out where no update is under way: then all are of the one revision.
fn updated(kind: WorkloadKind, status: &Status) -> i64 {
    let is_settled = kind == WorkloadKind::StatefulSet
        && status.updated_replicas == 0
        && status.update_revision.is_some()
        && status.update_revision == status.current_revision;
    if is_settled {
        status.current_replicas
    } else {
        status.updated_replicas
    }
}

/// Returns what the first condition that does says against going on.
fn blocked(conditions: Vec<Condition>) -> Option<Blocked> {
    let has_given_up = conditions.iter().any(has_given_up);
    let is_against = |condition: &Condition| {
        let is_failure = condition.r#type == "ReplicaFailure" && condition.status == "True";
        is_failure || self::has_given_up(condition)
    };
    let condition = conditions.into_iter().find(is_against)?;
    Some(Blocked {
        reason: clean(condition.reason),
        message: clean(condition.message),
        has_given_up,
    })
}

/// NB: once a rollout is complete, a Deployment says so for good, whatever becomes of its pods.
fn has_deadline(condition: &Condition) -> bool {
    (condition.r#type.as_str(), condition.status.as_str()) == ("Progressing", "True")
        && condition.reason != "NewReplicaSetAvailable"
}

fn has_given_up(condition: &Condition) -> bool {
    (condition.r#type.as_str(), condition.status.as_str()) == ("Progressing", "False")
        && condition.reason == "ProgressDeadlineExceeded"
}
