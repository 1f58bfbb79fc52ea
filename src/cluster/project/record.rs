//! ConfigMaps that are records, by their metadata alone, as [`Record`]s.

use serde::Deserialize;

use super::{Meta, Project, clean, clean_some};
use crate::cluster::kinds::Resource;
use crate::cluster::watch::is_watched;
use crate::definition::check::parse_duration;
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::GroupKind;
use crate::service::drift::from_annotation;
use crate::service::operation::{Aim, Operation};
use crate::service::summary::{InstanceKey, Record, WorkloadKind};

/// Most namespaces beside its own in which objects of an instance are looked for: each costs a connection a kind.
pub(in crate::cluster) const MAX_ELSEWHERE: usize = 8;

/// The metadata of a record's ConfigMap.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct RecordObject {
    metadata: Meta,
}

impl Project for RecordObject {
    type Item = Record;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_item(self, _: &Resource) -> Option<Record> {
        record(self.metadata)
    }
}

/// Returns the record that a ConfigMap is; none if it is another one that bears the instance's labels.
pub(super) fn record(metadata: Meta) -> Option<Record> {
    let instance = metadata.instance()?;
    let is_record =
        metadata.labels.applyset_id.is_some() && metadata.name == naming::record(&instance.id);
    if !is_record {
        return None;
    }
    let (created, deletion) = (metadata.created(), metadata.deletion());
    let (labels, annotations) = (metadata.labels, metadata.annotations);
    let definition = labels.name.and_then(|name| name.parse().ok());
    let lifetime = annotations.expires.as_deref().and_then(parse_duration);
    let kinds = annotations.kinds.unwrap_or_default();
    let is_workload = |kind: &str| {
        let (kind, group) = kind.trim().split_once('.').unwrap_or((kind, ""));
        let kind = WorkloadKind::of(&GroupKind::new(group, kind));
        kind.is_some_and(|kind| kind != WorkloadKind::Job)
    };
    Some(Record {
        uid: metadata.uid,
        name: metadata.name,
        created,
        deletion,
        definition: definition.unwrap_or_else(|| instance.id.clone()),
        display_name: clean_some(annotations.display_name),
        revision: annotations.revision.and_then(|text| text.parse().ok()),
        definition_hash: clean_some(annotations.definition_hash),
        applied: annotations
            .applied
            .as_deref()
            .map(from_annotation)
            .unwrap_or_default(),
        has_workload: kinds.split(',').any(is_workload),
        other_kinds: other_kinds(&kinds),
        elsewhere: elsewhere(annotations.namespaces.as_deref(), &instance),
        is_adopted: annotations.adopted.as_deref() == Some("true"),
        is_protected: annotations.protected.as_deref() == Some("true"),
        expires: lifetime.and_then(|lifetime| created.checked_add(lifetime).ok()),
        operation: annotations.operation.as_deref().and_then(operation),
        instance,
    })
}

/// Returns the namespaces that a record names beside its own.
fn elsewhere(names: Option<&str>, instance: &InstanceKey) -> Vec<Namespace> {
    let names = names.unwrap_or_default().split(',');
    let others = names.filter_map(|name| name.trim().parse().ok());
    others
        .filter(|other| *other != instance.namespace)
        .take(MAX_ELSEWHERE)
        .collect()
}

/// Returns the kinds of a set that are neither watched for what they are nor listed among the objects anyway.
fn other_kinds(kinds: &str) -> Vec<GroupKind> {
    let kinds = kinds.split(',').map(str::trim).filter(|it| !it.is_empty());
    kinds
        .map(|kind| {
            let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
            GroupKind::new(group, kind)
        })
        .filter(|kind| !is_watched(kind))
        .collect()
}

fn operation(json: &str) -> Option<Operation> {
    let operation: Operation = serde_json::from_str(json).ok()?;
    Some(Operation {
        kind: clean(operation.kind),
        step: clean(operation.step),
        holder: clean(operation.holder),
        aim: Aim {
            volumes: clean_some(operation.aim.volumes),
            workload: clean_some(operation.aim.workload),
            agreed: operation.aim.agreed.into_iter().map(clean).collect(),
            ..operation.aim
        },
        heartbeat: operation.heartbeat,
        started: operation.started,
        number: operation.number,
        of: operation.of,
        rests: operation.rests,
        barred: operation.barred,
    })
}
