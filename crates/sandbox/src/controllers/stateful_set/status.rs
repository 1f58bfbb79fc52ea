//! What a StatefulSet says of itself.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::controllers::kind::Kind;
use crate::controllers::object::{count, int, is_deleting, label, map, put_count, text};
use crate::controllers::pods::{Availability, availability, is_ready};
use crate::controllers::write::Write;

use super::REVISION_HASH;
use crate::controllers::revisions::Revisions;

/// Returns the write of the status, if it changed.
pub fn report(
    set: &Value,
    revisions: &Revisions<'_>,
    pods: &[&Value],
    now: Timestamp,
) -> Option<Write> {
    let min_ready_seconds = count(set, "/spec/minReadySeconds");
    let wanted = int(set, "/spec/replicas").unwrap_or(1);
    let (update, mut current) = (revisions.update_name(), revisions.current().1);
    let of_revision = |revision: &str| {
        let is_of =
            |pod: &&&Value| !is_deleting(pod) && label(pod, REVISION_HASH) == Some(revision);
        pods.iter().filter(is_of).count() as i64
    };
    let ready: Vec<&&Value> = pods
        .iter()
        .filter(|pod| text(pod, "/status/phase") == "Running" && is_ready(pod))
        .collect();
    let is_available =
        |pod: &&&&Value| availability(pod, min_ready_seconds, now) == Availability::Available;
    let available = ready.iter().filter(is_available).count();
    let replicas = pods.len() as i64;
    let updated_replicas = of_revision(update);
    let mut current_replicas = of_revision(current);
    let is_rolling = text(set, "/spec/updateStrategy/type") != "OnDelete";
    if is_rolling
        && updated_replicas == wanted
        && ready.len() as i64 == wanted
        && replicas == wanted
    {
        current_replicas = updated_replicas;
        current = update;
    }
    let before = map(set, "/status").cloned().unwrap_or_default();
    let mut status: Map<String, Value> = before.clone();
    put_count(
        &mut status,
        "observedGeneration",
        count(set, "/metadata/generation"),
    );
    status.insert("replicas".to_owned(), json!(replicas));
    put_count(&mut status, "readyReplicas", ready.len() as i64);
    status.insert("availableReplicas".to_owned(), json!(available));
    put_count(&mut status, "currentReplicas", current_replicas);
    put_count(&mut status, "updatedReplicas", updated_replicas);
    status.insert("currentRevision".to_owned(), json!(current));
    status.insert("updateRevision".to_owned(), json!(update));
    status.insert(
        "collisionCount".to_owned(),
        json!(count(set, "/status/collisionCount")),
    );
    (status != before).then(|| Write::status(Kind::StatefulSet, set, Value::Object(status)))
}
