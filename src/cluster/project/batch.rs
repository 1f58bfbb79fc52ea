//! DaemonSets, Jobs and CronJobs as [`Workload`]s, beside their rows: each counts in words of its own.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::workload::{Condition, Template, UpdateStrategy, uncounted};
use super::{Meta, Project, clean, count, or_default};
use crate::cluster::kinds::Resource;
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
    #[serde(deserialize_with = "or_default")]
    update_strategy: UpdateStrategy,
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
    /// Pods that a Job runs; a `CronJob` names its Jobs here.
    #[serde(deserialize_with = "number")]
    active: i64,
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
        if metadata.controller().is_some() {
            return None;
        }
        let mut kinds = WorkloadKind::NAMED.into_iter();
        let kind = kinds.find(|it| resource.kind == it.as_str())?;
        let workload = Workload {
            is_suspended: spec.suspend == Some(true),
            blocked: failure(status.conditions),
            ..uncounted(metadata, kind)?
        };
        Some(match kind {
            WorkloadKind::DaemonSet => Workload {
                observed_generation: status.observed_generation,
                wanted: count(status.desired_number_scheduled),
                replicas: count(status.current_number_scheduled),
                updated: count(status.updated_number_scheduled),
                held_back: spec.update_strategy.held_back(),
                ready: count(status.number_ready),
                available: count(status.number_available),
                images: spec.template.images(),
                ..workload
            },
            // Runs that succeeded, of those that are wanted. Without a number one is enough.
            WorkloadKind::Job => {
                let wanted = spec.completions.unwrap_or(1);
                let done = count(status.succeeded.min(wanted));
                let wanted = count(wanted);
                Workload {
                    wanted,
                    // What runs is counted as all: how many run at once is the Job's affair. None may be a trouble.
                    replicas: if status.active > 0 { wanted } else { done },
                    updated: wanted,
                    ready: done,
                    available: done,
                    images: spec.template.images(),
                    ..workload
                }
            }
            // It runs nothing itself.
            _ => Workload {
                images: spec.job_template.spec.template.images(),
                ..workload
            },
        })
    }
}

/// Reads a number, and nothing else as none.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_i64().unwrap_or(0))
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
