//! Into the trash before it is taken down, and out of it again: the engine, which reads instances and puts them back, and the
//! catalogue's trash, which keeps them, brought together for the command line and the dashboard.

use jiff::Timestamp;

use crate::catalogue::trash::{Trash, TrashItem};
use crate::cluster::Cluster;
use crate::engine::plan::{Fate, FateRow, TeardownPlan, TeardownScope};
use crate::engine::restore::{Remains, RestoreRequest, Surroundings, remains};
use crate::failure::{Failure, FailureKind};
use crate::service::advice;
use crate::service::summary::InstanceKey;

/// Puts what a teardown would lose into the trash. Returns whether there was anything that could be put back later.
///
/// # Errors
/// It cannot be read or kept: then nothing should be taken down.
pub async fn keep_in_trash(
    cluster: &Cluster,
    plan: &TeardownPlan,
    trash: &Trash,
) -> Result<bool, Failure> {
    let goes = |row: &FateRow| row.fate == Fate::Deleted;
    // What is only claims or volumes could not be put back from what a trash holds, and the instance may well be there.
    if plan.scope != TeardownScope::Instance {
        return Ok(false);
    }
    if !plan.refusals.is_empty() || !plan.rows.iter().any(goes) {
        return Ok(false);
    }
    let without = advice::command("delete --no-trash", &plan.instance);
    let unkept = |failure: Failure| Failure {
        summary: format!(
            "nothing is deleted, for no copy can be kept: {failure}; {without} does without"
        ),
        ..failure
    };
    let remains = match remains(cluster, plan).await {
        Err(failure) if failure.is_unanswered() => return Err(failure),
        remains => remains.map_err(unkept)?,
    };
    let Some(remains) = remains else {
        return Ok(false);
    };
    let (item, trash) = (item(cluster, remains), trash.clone());
    let kept = tokio::task::spawn_blocking(move || trash.put(&item).map_err(Failure::from)).await;
    let kept = kept.unwrap_or_else(|_| {
        let summary = "writing to the trash broke down";
        Err(Failure::new(FailureKind::Disk, summary))
    });
    kept.map(|()| true).map_err(unkept)
}

/// Returns what is asked of the engine to put back what is kept.
pub fn restore_request(item: &TrashItem, surroundings: Surroundings) -> RestoreRequest {
    RestoreRequest {
        instance: InstanceKey {
            namespace: item.namespace.clone(),
            id: item.id.clone(),
        },
        revision: item.revision,
        definition: item.definition.clone(),
        text: item.text.clone(),
        parameters: item.parameters.clone(),
        objects: item.objects.clone(),
        surroundings,
    }
}

fn item(cluster: &Cluster, remains: Remains) -> TrashItem {
    let identity = cluster.identity();
    TrashItem {
        id: remains.instance.id,
        namespace: remains.instance.namespace,
        server: identity.server.clone(),
        context: identity.context.clone(),
        taken_down: Timestamp::now(),
        record_uid: remains.record_uid,
        revision: remains.revision,
        definition: remains.definition,
        parameters: remains.parameters,
        text: remains.text,
        objects: remains.objects,
    }
}
