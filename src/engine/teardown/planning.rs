//! The plan of a teardown: list everything that bears the instance's labels, and say what happens to it.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};

use crate::cluster::{Access, Cluster, Selector};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::engine::fate::{self, Policies, Scene};
use crate::engine::metadata::Metadata;
use crate::engine::operation;
use crate::engine::plan::{Fate, FateRow, TeardownPlan, VolumeChoice};
use crate::engine::preflight;
use crate::engine::record::{self, Record};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

/// Requests that are sent at once.
const AT_ONCE: usize = 4;
/// Kinds that are looked at whatever the record says: those that bowline makes, and what controllers make of them.
const KNOWN: [(&str, &str); 11] = [
    ("", "ConfigMap"),
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
    ("", "Secret"),
    ("", "Service"),
    ("apps", "ControllerRevision"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "Ingress"),
];
const CLAIM: &str = "PersistentVolumeClaim";

/// Plans a teardown: the fate of every object that bears the instance's labels.
///
/// # Errors
/// The cluster cannot be reached, or does not let the objects be listed.
pub async fn plan_teardown(
    cluster: &Cluster,
    instance: &InstanceKey,
    volumes: VolumeChoice,
) -> Result<TeardownPlan, Failure> {
    let mut plan = TeardownPlan {
        instance: instance.clone(),
        volumes,
        is_protected: false,
        rows: Vec::new(),
        warnings: Vec::new(),
        refusals: Vec::new(),
    };
    let record = match record::read(cluster, instance).await {
        Ok(record) => record,
        // A ConfigMap of that name that is no record of ours is left alone; the labels say what is.
        Err(failure) if failure.kind == FailureKind::Refused => {
            plan.warnings.push(failure.summary);
            None
        }
        Err(failure) => return Err(failure),
    };
    if let Some(operation) = record.as_ref().and_then(Record::operation) {
        plan.warnings.push(operation::describe(operation));
    }
    plan.is_protected = record.as_ref().is_some_and(Record::is_protected);
    let found = find(cluster, instance, record.as_ref(), &mut plan.warnings).await?;
    plan.is_protected |= found.iter().any(is_protected);
    let policies = policies(cluster, &found, volumes, &mut plan.warnings).await?;
    let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
    let scene = Scene {
        id: &instance.id,
        set: &set,
        volumes,
        record_uid: record.as_ref().map(Record::uid),
    };
    plan.rows = fate::rows(&scene, &found, &policies);
    let missing = preflight::forbidden(cluster, accesses(&plan, &found)).await?;
    let namespace = instance.namespace.as_str();
    plan.refusals
        .extend(preflight::forbidden_refusal(&missing, namespace));
    Ok(plan)
}

/// Lists what bears the instance's labels: claims in full, the rest by metadata.
async fn find(
    cluster: &Cluster,
    instance: &InstanceKey,
    record: Option<&Record>,
    warnings: &mut Vec<String>,
) -> Result<Vec<Object>, Failure> {
    let mut kinds: BTreeSet<GroupKind> = KNOWN
        .iter()
        .map(|(group, kind)| GroupKind::new(group, kind))
        .collect();
    kinds.extend(record.map(Record::kinds).unwrap_or_default());
    let selector = Selector::instance(&instance.id);
    let selector = &selector;
    let lists = stream::iter(kinds)
        .map(|kind| async move {
            let namespace = Some(&instance.namespace);
            let listed = if kind.kind == CLAIM {
                cluster.list(&kind, namespace, selector).await
            } else {
                cluster.list_metadata(&kind, namespace, selector).await
            };
            (kind, listed)
        })
        .buffered(AT_ONCE);
    let lists: Vec<(GroupKind, Result<Vec<Object>, Failure>)> = lists.collect().await;
    let mut found = Vec::new();
    let mut first_refusal = None;
    for (kind, listed) in lists {
        match listed {
            Ok(objects) => found.extend(objects),
            // NB: a kind that is not served any more has no objects either.
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) if failure.kind == FailureKind::Forbidden => {
                let kind = &kind.kind;
                warnings.push(format!(
                    "this user may not list {kind} objects: any that there are stay"
                ));
                first_refusal.get_or_insert(failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    match first_refusal {
        Some(failure) if found.is_empty() => Err(failure),
        _ => Ok(found),
    }
}

fn is_protected(object: &Object) -> bool {
    Metadata::of(object).annotation(naming::ANNOTATION_PROTECTED) == Some("true")
}

/// Reads the reclaim policies of the claims' volumes, where they matter and may be read.
async fn policies(
    cluster: &Cluster,
    found: &[Object],
    volumes: VolumeChoice,
    warnings: &mut Vec<String>,
) -> Result<Policies, Failure> {
    let mut policies = Policies::new();
    let names: BTreeSet<&str> = found
        .iter()
        .filter(|object| object.key.kind == CLAIM)
        .filter_map(|claim| claim.json.pointer("/spec/volumeName")?.as_str())
        .filter(|name| !name.is_empty())
        .collect();
    for name in names {
        let policy = match cluster.get(&volume_key(name)).await {
            Ok(volume) => volume.and_then(|volume| {
                let policy = volume.json.pointer("/spec/persistentVolumeReclaimPolicy")?;
                policy.as_str().map(str::to_owned)
            }),
            Err(failure) if failure.kind == FailureKind::Forbidden => {
                if volumes == VolumeChoice::Delete {
                    warnings.push(
                        "this user may not read volumes: nobody can say what happens to the data"
                            .to_owned(),
                    );
                }
                break;
            }
            Err(failure) => return Err(failure),
        };
        policies.insert(name.to_owned(), policy);
    }
    Ok(policies)
}

fn volume_key(name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "PersistentVolume".to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}

/// Returns what carrying out the table needs.
fn accesses(plan: &TeardownPlan, found: &[Object]) -> BTreeSet<Access> {
    let mut accesses = BTreeSet::new();
    let mut want = |verb, row: &FateRow| {
        accesses.insert(Access {
            verb,
            kind: GroupKind::of(&row.key),
            namespace: Some(plan.instance.namespace.to_string()),
        });
    };
    let is_record = |row: &FateRow| row.key.name == naming::record(&plan.instance.id);
    for row in &plan.rows {
        let object = found
            .iter()
            .find(|object| object.uid() == Some(row.uid.as_str()));
        let is_member = object
            .is_some_and(|object| Metadata::of(object).label(naming::LABEL_PART_OF).is_some());
        match &row.fate {
            Fate::Deleted => want("delete", row),
            Fate::Kept(_) if is_member => want("patch", row),
            Fate::Kept(_) | Fate::GarbageCollected(_) | Fate::Left(_) => {}
        }
        if matches!(row.fate, Fate::Deleted) && is_record(row) {
            want("patch", row);
        }
    }
    accesses
}
