//! Which instances a command is about: those that are named, or those that a selector chooses.

use super::output;
use super::session::Session;
use crate::cluster::{Cluster, LabelSelector};
use crate::definition::id::InstanceId;
use crate::engine::selection::select;
use crate::service::summary::InstanceKey;

/// Returns the instances in the order in which they were named, each once. A selector chooses in the namespace that is worked
/// in, and says so where it chooses nothing.
///
/// # Errors
/// The records cannot be listed.
pub(super) async fn instances(
    session: &Session,
    cluster: &Cluster,
    ids: &[InstanceId],
    selector: Option<&LabelSelector>,
) -> anyhow::Result<Vec<InstanceKey>> {
    let Some(selector) = selector else {
        let mut named: Vec<InstanceKey> = Vec::with_capacity(ids.len());
        for id in ids {
            let instance = session.instance(cluster, id);
            if !named.contains(&instance) {
                named.push(instance);
            }
        }
        return Ok(named);
    };
    let namespace = cluster.namespace();
    let chosen = select(cluster, Some(namespace), selector).await?;
    if chosen.is_empty() {
        output::say(format!(
            "no instance in namespace {namespace} has labels that meet {selector}"
        ));
    }
    Ok(chosen)
}
