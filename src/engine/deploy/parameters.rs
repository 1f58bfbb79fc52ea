//! Parameters that the instance was deployed with and that nobody set this time: each goes back to what the definition says, which
//! is told before it happens.

use crate::cluster::Cluster;
use crate::engine::deploy::DeployRequest;
use crate::engine::history;
use crate::engine::record::Record;
use crate::failure::Failure;

/// Returns a sentence for each parameter of the current revision that would go back to its default.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn dropped(
    cluster: &Cluster,
    request: &DeployRequest,
    record: &Record,
) -> Result<Vec<String>, Failure> {
    let is_same = record.definition() == Some(request.name.as_str());
    let (Some(number), Some(definition), true) =
        (record.revision(), request.definition.service(), is_same)
    else {
        return Ok(Vec::new());
    };
    let kept = match history::kept_revision(cluster, &request.instance(), number).await {
        Ok(kept) => kept,
        Err(failure) if failure.is_unanswered() => return Err(failure),
        // What cannot be read tells nothing, and keeps nobody from deploying anew.
        Err(_) => return Ok(Vec::new()),
    };
    let sentences = kept.revision.parameters.iter().filter_map(|(name, had)| {
        if request.parameters.contains_key(name) {
            return None;
        }
        match definition.parameters.get(name) {
            Some(now) if now == had => None,
            Some(now) => Some(format!(
                "r{number} had {name}={had}; without --set {name} it is {now}"
            )),
            None => Some(format!(
                "r{number} had {name}={had}, and the definition has no such parameter any more"
            )),
        }
    });
    Ok(sentences.collect())
}
