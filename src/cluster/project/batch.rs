//! DaemonSets, Jobs and CronJobs as [`Workload`]s, beside their rows: each counts in words of its own.

use serde::Deserialize;

use super::workload::{Condition, Template};
use super::{Meta, Project, clean, count, or_default};
use crate::cluster::kinds::Resource;
use crate::definition::naming;
use crate::service::summary::{Blocked, Workload, WorkloadKind};

/// A DaemonSet, a Job or a CronJob: no two of their counts share a name with another meaning.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct BatchObject {
    metadata: Meta,
    spec: Spec,
    #[serde(deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    template: Template,
    job_template: JobTemplate,
    completions: Option<i64>,
    suspend: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JobTemplate {
    spec: JobSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JobSpec {
    template: Template,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: i64,
    desired_number_scheduled: i64,
    current_number_scheduled: i64,
    updated_number_scheduled: i64,
    number_ready: i64,
    number_available: i64,
    succeeded: i64,
    #[serde(deserialize_with = "or_default")]
    conditions: Vec<Condition>,
}

impl Project for BatchObject {
    type Item = Workload;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    /// What a CronJob made is not what the instance is made of: the next one is made all the same.
    fn into_item(self, resource: &Resource) -> Option<Workload> {
        let Self {
            metadata,
            spec,
            status,
        } = self;
        let mut kinds = WorkloadKind::NAMED.into_iter();
        let kind = kinds.find(|it| resource.kind == it.as_str())?;
        let instance = metadata.instance()?;
        let managed = &metadata.managed_fields;
        let counts = counts(kind, &spec, &status, metadata.generation);
        let template = match kind {
            WorkloadKind::CronJob => spec.job_template.spec.template,
            _ => spec.template,
        };
        if metadata.controller().is_some() {
            return None;
        }
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
            observed_generation: counts.observed_generation,
            wanted: count(counts.wanted),
            replicas: count(counts.replicas),
            updated: count(counts.updated),
            ready: count(counts.ready),
            available: count(counts.available),
            images: template.images(),
            revision: None,
            is_suspended: spec.suspend == Some(true),
            blocked: failure(status.conditions),
        })
    }
}

struct Counts {
    observed_generation: i64,
    wanted: i64,
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
}

fn counts(kind: WorkloadKind, spec: &Spec, status: &Status, generation: i64) -> Counts {
    match kind {
        WorkloadKind::DaemonSet => Counts {
            observed_generation: status.observed_generation,
            wanted: status.desired_number_scheduled,
            replicas: status.current_number_scheduled,
            updated: status.updated_number_scheduled,
            ready: status.number_ready,
            available: status.number_available,
        },
        // Runs that succeeded, of those that are wanted. Without a number one is enough; NB: neither has a generation seen.
        WorkloadKind::Job => {
            let wanted = spec.completions.unwrap_or(1);
            let done = status.succeeded.min(wanted);
            Counts {
                observed_generation: generation,
                wanted,
                replicas: wanted,
                updated: wanted,
                ready: done,
                available: done,
            }
        }
        // It runs nothing itself.
        _ => Counts {
            observed_generation: generation,
            wanted: 0,
            replicas: 0,
            updated: 0,
            ready: 0,
            available: 0,
        },
    }
}

/// Returns why a Job gave up.
fn failure(conditions: Vec<Condition>) -> Option<Blocked> {
    let mut conditions = conditions.into_iter();
    let failed = conditions.find(|it| it.r#type == "Failed" && it.status == "True")?;
    Some(Blocked {
        reason: clean(failed.reason),
        message: clean(failed.message),
        has_given_up: true,
    })
}
