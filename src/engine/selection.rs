//! Which instances a label selector chooses: by the labels of their records, judged by the server.
//!
//! A record bears the labels of its definition as they were last applied, the ID and the definition's name.

use crate::cluster::{Cluster, LabelSelector, Selector};
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object};
use crate::engine::metadata::Metadata;
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

/// Returns the instances whose labels meet a selector, of a namespace or of all, sorted.
///
/// # Errors
/// The records cannot be listed.
pub async fn select(
    cluster: &Cluster,
    namespace: Option<&Namespace>,
    selector: &LabelSelector,
) -> Result<Vec<InstanceKey>, Failure> {
    let kind = GroupKind::new("", "ConfigMap");
    let selector = Selector::records_with(selector);
    let records = cluster.list_metadata(&kind, namespace, &selector).await?;
    let mut chosen: Vec<InstanceKey> = records.iter().filter_map(instance).collect();
    chosen.sort();
    Ok(chosen)
}

/// Returns all instances of a namespace, sorted.
///
/// # Errors
/// The records cannot be listed.
pub async fn all(cluster: &Cluster, namespace: &Namespace) -> Result<Vec<InstanceKey>, Failure> {
    whose(cluster, namespace, |_| true).await
}

/// Returns the instances of a namespace on which an operation is noted, sorted.
///
/// # Errors
/// The records cannot be listed.
pub async fn under_way(
    cluster: &Cluster,
    namespace: &Namespace,
) -> Result<Vec<InstanceKey>, Failure> {
    let notes = |record: Metadata<'_>| record.annotation(naming::ANNOTATION_OPERATION).is_some();
    whose(cluster, namespace, notes).await
}

async fn whose(
    cluster: &Cluster,
    namespace: &Namespace,
    is_meant: impl Fn(Metadata<'_>) -> bool,
) -> Result<Vec<InstanceKey>, Failure> {
    let kind = GroupKind::new("", "ConfigMap");
    let selector = Selector::records();
    let records = cluster.list_metadata(&kind, Some(namespace), &selector);
    let records = records.await?;
    let meant = records
        .iter()
        .filter(|record| is_meant(Metadata::of(record)));
    let mut all: Vec<InstanceKey> = meant.filter_map(instance).collect();
    all.sort();
    Ok(all)
}

/// Returns whose record it is; none if it only bears the labels of one.
pub(super) fn instance(record: &Object) -> Option<InstanceKey> {
    let id: InstanceId = Metadata::of(record)
        .label(naming::LABEL_INSTANCE)?
        .parse()
        .ok()?;
    let namespace = record.key.namespace.as_deref()?.parse().ok()?;
    (record.key.name == naming::record(&id)).then_some(InstanceKey { namespace, id })
}
