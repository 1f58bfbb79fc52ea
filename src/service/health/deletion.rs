//! What says that an instance is being deleted, and what holds it.

use super::{InstanceView, claim_label, label};
use crate::service::summary::{Deletion, Record, Workload};

/// Finalizers by which the garbage collector only orders its work: they hold nothing by themselves.
const ORDERING_FINALIZERS: [&str; 2] = ["foregroundDeletion", "orphan"];

/// Returns what says that the instance is being deleted, if it is: not so where only a workload goes that left the definition.
pub(super) fn terminating(view: &InstanceView<'_>) -> Option<String> {
    let operation = view.record.and_then(|record| record.operation.as_ref());
    let teardown = operation.filter(|operation| operation.kind == "teardown");
    let workloads_go =
        !view.workloads.is_empty() && view.workloads.iter().all(|w| w.deletion.is_some());
    let is_whole = |record: &Record| {
        record.deletion.is_some() || teardown.is_some() || workloads_go && record.has_workload
    };
    if !view.record.is_none_or(is_whole) {
        return None;
    }
    // A claim that is deleted under a running workload does not end the instance.
    let claims = view
        .claims
        .iter()
        .filter(|_| teardown.is_some() || workloads_go);
    let records = view.record.into_iter();
    let going: Vec<(String, &Deletion)> = (view.workloads.iter())
        .filter_map(|workload| Some((label(workload), workload.deletion.as_ref()?)))
        .chain(records.filter_map(|record| {
            Some((
                format!("ConfigMap/{}", record.name),
                record.deletion.as_ref()?,
            ))
        }))
        .chain(claims.filter_map(|claim| Some((claim_label(claim), claim.deletion.as_ref()?))))
        .collect();
    let held = going
        .iter()
        .find_map(|(object, deletion)| holding_sentence(object, deletion));
    held.or_else(|| Some(format!("teardown: {}", teardown?.step)))
        .or_else(|| going.first().map(|(object, _)| going_sentence(object)))
}

/// Returns what a workload is still on the way to that is being deleted.
pub(super) fn leaving(workload: &Workload) -> Option<String> {
    let (object, deletion) = (label(workload), workload.deletion.as_ref()?);
    Some(holding_sentence(&object, deletion).unwrap_or_else(|| going_sentence(&object)))
}

fn going_sentence(object: &str) -> String {
    format!("{object} is being deleted")
}

fn holding_sentence(object: &str, deletion: &Deletion) -> Option<String> {
    let finalizers: Vec<_> = deletion
        .finalizers
        .iter()
        .map(String::as_str)
        .filter(|finalizer| !ORDERING_FINALIZERS.contains(finalizer))
        .collect();
    (!finalizers.is_empty()).then(|| format!("{object} is held by {}", finalizers.join(", ")))
}
