//! Deleting: preconditions, grace, finalizers, propagation.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::resources::Resource;
use crate::status::Status;
use crate::store::{Inner, Propagation};
use crate::time::seconds;
use crate::write::is_released;

/// How a deletion is to be done.
#[derive(Debug, Clone, Default)]
pub struct DeleteOptions {
    /// Seconds that a pod has to end; its own choice if unset.
    pub grace_seconds: Option<i64>,
    /// What becomes of dependents; the kind's own choice if unset.
    pub propagation: Option<Propagation>,
    /// The uid that the object must have.
    pub uid: Option<String>,
    /// The resourceVersion that the object must have.
    pub resource_version: Option<String>,
    /// Whether nothing is stored.
    pub dry_run: bool,
}

/// What a deletion came to.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// The object in its last or present state.
    pub object: Arc<Value>,
    /// Whether it is gone.
    pub is_gone: bool,
}

impl Inner {
    /// Deletes an object, or marks it as terminating where something holds it.
    pub(crate) fn delete(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
        now: Timestamp,
    ) -> Result<Deletion, Status> {
        let key = (namespace.to_owned(), name.to_owned());
        let missing = || Status::not_found(&resource.group, &resource.plural, name);
        let live = self
            .table(resource)
            .and_then(|table| table.get(&key))
            .cloned()
            .ok_or_else(missing)?;
        check_preconditions(resource, name, &live, options)?;
        let mut object = (*live).clone();
        set_finalizers(&mut object, options.propagation);
        mark(resource, &mut object, options, now);
        if options.dry_run {
            let is_gone = is_released(resource, &object);
            return Ok(Deletion {
                object: Arc::new(object),
                is_gone,
            });
        }
        if is_released(resource, &object) {
            let object = self.remove(resource, Arc::new(object));
            return Ok(Deletion {
                object,
                is_gone: true,
            });
        }
        if object == *live {
            return Ok(Deletion {
                object: live,
                is_gone: false,
            });
        }
        let object = self.put(resource, Some(live), object);
        Ok(Deletion {
            object,
            is_gone: false,
        })
    }
}

fn check_preconditions(
    resource: &Resource,
    name: &str,
    live: &Value,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let refuse = |why: String| {
        Err(Status::conflict(
            &resource.group,
            &resource.plural,
            name,
            &why,
        ))
    };
    let metadata = &live["metadata"];
    if let Some(uid) = &options.uid
        && metadata["uid"] != **uid
    {
        let record = metadata["uid"].as_str().unwrap_or_default();
        return refuse(format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({record}). The object might have been \
             deleted and then recreated"
        ));
    }
    if let Some(version) = &options.resource_version
        && metadata["resourceVersion"] != **version
    {
        let record = metadata["resourceVersion"].as_str().unwrap_or_default();
        return refuse(format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({record}). \
             The object might have been modified"
        ));
    }
    Ok(())
}

/// The garbage collector takes its finalizer away once the dependents are dealt with.
fn set_finalizers(object: &mut Value, propagation: Option<Propagation>) {
    let Some(propagation) = propagation else {
        return;
    };
    let wanted = match propagation {
        Propagation::Foreground => Some("foregroundDeletion"),
        Propagation::Orphan => Some("orphan"),
        Propagation::Background => None,
    };
    let list = object["metadata"]["finalizers"].as_array();
    let mut finalizers: Vec<Value> = list.into_iter().flatten().cloned().collect();
    finalizers.retain(|f| {
        (f != "foregroundDeletion" && f != "orphan") || wanted.is_some_and(|wanted| f == wanted)
    });
    if let Some(wanted) = wanted
        && !finalizers.iter().any(|f| f == wanted)
    {
        finalizers.push(json!(wanted));
    }
    match object["metadata"].as_object_mut() {
        Some(metadata) if finalizers.is_empty() => drop(metadata.remove("finalizers")),
        Some(metadata) => drop(metadata.insert("finalizers".into(), json!(finalizers))),
        None => {}
    }
}

fn mark(resource: &Resource, object: &mut Value, options: &DeleteOptions, now: Timestamp) {
    let grace = if resource.kind == "Pod" {
        pod_grace(object, options.grace_seconds)
    } else {
        0
    };
    let was_marked = !object["metadata"]["deletionTimestamp"].is_null();
    if was_marked {
        // Grace can be shortened, never prolonged.
        let left = object["metadata"]["deletionGracePeriodSeconds"]
            .as_i64()
            .unwrap_or(0);
        if grace >= left || (resource.kind == "Pod" && options.grace_seconds.is_none()) {
            return;
        }
    }
    let until = now
        .saturating_add(SignedDuration::from_secs(grace))
        .unwrap_or(now);
    object["metadata"]["deletionTimestamp"] = json!(seconds(until));
    object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
    if let Some(generation) = object["metadata"]["generation"]
        .as_i64()
        .filter(|_| !was_marked)
    {
        object["metadata"]["generation"] = json!(generation + 1);
    }
    if resource.kind == "Namespace" && resource.group.is_empty() {
        object["status"]["phase"] = json!("Terminating");
    }
}

/// A pod that never ran on a node, or has ended, needs no time to end.
fn pod_grace(pod: &Value, asked: Option<i64>) -> i64 {
    let is_scheduled = pod["spec"]["nodeName"]
        .as_str()
        .is_some_and(|node| !node.is_empty());
    let has_ended = matches!(
        pod["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    );
    if !is_scheduled || has_ended {
        return 0;
    }
    asked
        .or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64())
        .unwrap_or(30)
        .max(0)
}
