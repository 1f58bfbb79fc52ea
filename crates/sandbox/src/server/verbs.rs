//! Single objects: get, create, update, patch, delete, and the subresources `status` and `scale`.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::delete::DeleteOptions;
use crate::patch;
use crate::request::{Media, Target};
use crate::resources::Resource;
use crate::status::{Cause, Status};
use crate::store::Propagation;
use crate::write::{FieldValidation, WriteOptions, Written};

use super::list::Selection;
use super::table::Printer;
use super::{Answer, Ask, Server, json};

/// Kinds whose deletion answers the object although it is gone.
const ANSWERED_WHEN_GONE: &[&str] = &[
    "Pod",
    "Service",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "ServiceAccount",
];

pub(super) fn get(
    server: &Server,
    ask: &Ask,
    target: &Target,
    name: &str,
) -> Result<Answer, Status> {
    ask.must("get", target)?;
    let object = find(server, target, name)?;
    Ok(show(server, ask, target, StatusCode::OK, &object))
}

fn find(server: &Server, target: &Target, name: &str) -> Result<Arc<Value>, Status> {
    let resource = &target.resource;
    let key = (
        target.namespace.clone().unwrap_or_default(),
        name.to_owned(),
    );
    let inner = server.store.lock();
    let object = inner
        .table(resource)
        .and_then(|table| table.get(&key))
        .cloned();
    object.ok_or_else(|| Status::not_found(&resource.group, &resource.plural, name))
}

fn is_scale(target: &Target) -> bool {
    target.subresource.as_deref() == Some("scale")
}

fn show(server: &Server, ask: &Ask, target: &Target, code: StatusCode, object: &Value) -> Answer {
    if is_scale(target) {
        return json(code, &scale_of(object));
    }
    let object = &*target.resource.in_version(object);
    let printer = Printer::of(&server.store, &target.resource);
    json(
        code,
        &ask.shape().object(&printer, object, server.store.now()),
    )
}

pub(super) fn create(server: &Server, ask: &Ask, target: &Target) -> Result<Answer, Status> {
    ask.must("create", target)?;
    let object = ask.object()?;
    let options = write_options(ask, target)?;
    let namespace = target.namespace.clone().unwrap_or_default();
    let written = server
        .store
        .write(target.resource.clone(), &namespace, options, |writer| {
            writer.create(object)
        })?;
    Ok(answer_written(server, ask, target, &written))
}

pub(super) fn replace(
    server: &Server,
    ask: &Ask,
    target: &Target,
    name: &str,
) -> Result<Answer, Status> {
    ask.must("update", target)?;
    let given = ask.object()?;
    update(server, ask, target, name, |live| {
        if is_scale(target) {
            scaled(live, &given)
        } else {
            Ok(given)
        }
    })
}

pub(super) fn patch(
    server: &Server,
    ask: &Ask,
    target: &Target,
    name: &str,
) -> Result<Answer, Status> {
    ask.must("patch", target)?;
    let media = ask.media()?;
    let patch = ask.value()?;
    if media == Media::ApplyPatch {
        return apply(server, ask, target, name, patch);
    }
    let resource = target.resource.clone();
    let patched = |document: &Value| match media {
        Media::JsonPatch => patch::json(document, patch),
        Media::MergePatch => Ok(patch::merge(document, &patch)),
        Media::StrategicMergePatch if !resource.custom => match resource.typed() {
            Some(of) => patch::strategic(of, document, &patch),
            None => Ok(patch::merge(document, &patch)),
        },
        _ => Err(Status::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, \
             application/merge-patch+json, application/apply-patch+yaml",
        )),
    };
    update(server, ask, target, name, |live| {
        if is_scale(target) {
            scaled(live, &patched(&scale_of(live))?)
        } else {
            patched(live)
        }
    })
}

fn update(
    server: &Server,
    ask: &Ask,
    target: &Target,
    name: &str,
    change: impl FnOnce(&Value) -> Result<Value, Status>,
) -> Result<Answer, Status> {
    let options = write_options(ask, target)?;
    let namespace = target.namespace.clone().unwrap_or_default();
    let written = server
        .store
        .write(target.resource.clone(), &namespace, options, |writer| {
            writer.update(name, change)
        })?;
    Ok(answer_written(server, ask, target, &written))
}

fn apply(
    server: &Server,
    ask: &Ask,
    target: &Target,
    name: &str,
    applied: Value,
) -> Result<Answer, Status> {
    let options = write_options(ask, target)?;
    if ask.query.get("fieldManager").is_none() {
        let cause = Cause {
            reason: "FieldValueRequired",
            message: "Required value: is required for apply patch".into(),
            field: "fieldManager".into(),
        };
        return Err(Status::invalid("meta.k8s.io", "PatchOptions", "", &[cause]));
    }
    if find(server, target, name).is_err() {
        // Applying what is not there creates it, and needs the right to.
        ask.must("create", target)?;
    }
    let namespace = target.namespace.clone().unwrap_or_default();
    let force = ask.query.flag("force");
    let written = server
        .store
        .write(target.resource.clone(), &namespace, options, |writer| {
            writer.apply(name, applied, force)
        })?;
    Ok(answer_written(server, ask, target, &written))
}

fn answer_written(server: &Server, ask: &Ask, target: &Target, written: &Written) -> Answer {
    let code = if written.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut answer = show(server, ask, target, code, &written.object);
    for warning in &written.warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            answer.headers_mut().append(header::WARNING, value);
        }
    }
    answer
}

fn write_options(ask: &Ask, target: &Target) -> Result<WriteOptions, Status> {
    let agent = ask
        .header(header::USER_AGENT)
        .split('/')
        .next()
        .unwrap_or_default();
    let manager = ask
        .query
        .get("fieldManager")
        .unwrap_or(if agent.is_empty() { "unknown" } else { agent });
    let field_validation = match ask.query.get("fieldValidation") {
        Some("Ignore") => FieldValidation::Ignore,
        Some("Strict") => FieldValidation::Strict,
        None | Some("Warn") => FieldValidation::Warn,
        Some(other) => {
            let message = format!(
                "fieldValidation: Unsupported value: \"{other}\": supported values: \"Ignore\", \"Warn\", \"Strict\""
            );
            return Err(Status::new(422, "Invalid", message));
        }
    };
    Ok(WriteOptions {
        manager: manager.to_owned(),
        subresource: target.subresource.clone().unwrap_or_default(),
        dry_run: is_dry_run(ask, &Value::Null)?,
        field_validation,
    })
}

fn is_dry_run(ask: &Ask, options: &Value) -> Result<bool, Status> {
    let in_body = options["dryRun"]
        .as_array()
        .and_then(|list| list.first())
        .and_then(Value::as_str);
    match ask.query.get("dryRun").or(in_body) {
        None => Ok(false),
        Some("All") => Ok(true),
        Some(other) => {
            let message =
                format!("dryRun: Unsupported value: \"{other}\": supported values: \"All\"");
            Err(Status::new(422, "Invalid", message))
        }
    }
}

/// Returns the `Scale` of a workload.
fn scale_of(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let selector = object["spec"]["selector"]["matchLabels"].as_object();
    let terms: Vec<String> = selector
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": object["spec"]["replicas"]},
        "status": {"replicas": object["status"]["replicas"].as_i64().unwrap_or(0), "selector": terms.join(",")},
    })
}

/// Returns the workload as `scale` wants it.
fn scaled(live: &Value, scale: &Value) -> Result<Value, Status> {
    let replicas = match &scale["spec"]["replicas"] {
        Value::Null => 0,
        replicas => replicas
            .as_i64()
            .filter(|replicas| *replicas >= 0)
            .ok_or_else(|| {
                Status::bad_request(format!("spec.replicas: Invalid value: {replicas}"))
            })?,
    };
    let mut object = live.clone();
    object["spec"]["replicas"] = json!(replicas);
    if let Some(version) = scale["metadata"]["resourceVersion"]
        .as_str()
        .filter(|version| !version.is_empty())
    {
        object["metadata"]["resourceVersion"] = json!(version);
    }
    Ok(object)
}

pub(super) fn delete(
    server: &Server,
    ask: &Ask,
    target: &Target,
    name: &str,
) -> Result<Answer, Status> {
    ask.must("delete", target)?;
    let options = delete_options(ask)?;
    let namespace = target.namespace.clone().unwrap_or_default();
    let resource = &target.resource;
    let now = server.store.now();
    let deletion = server
        .store
        .lock()
        .delete(resource, &namespace, name, &options, now)?;
    if !deletion.is_gone || ANSWERED_WHEN_GONE.contains(&resource.kind.as_str()) {
        return Ok(json(StatusCode::OK, &deletion.object));
    }
    Ok(json(StatusCode::OK, &gone(resource, &deletion.object)))
}

fn gone(resource: &Resource, object: &Value) -> Value {
    let mut details = json!({"name": object["metadata"]["name"], "kind": resource.plural, "uid": object["metadata"]["uid"]});
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

pub(super) fn delete_collection(
    server: &Server,
    ask: &Ask,
    target: &Target,
) -> Result<Answer, Status> {
    ask.must("deletecollection", target)?;
    let options = delete_options(ask)?;
    let selection = Selection::of(&ask.query, target)?;
    let resource = &target.resource;
    let now = server.store.now();
    let mut inner = server.store.lock();
    let chosen: Vec<Arc<Value>> = inner
        .table(resource)
        .into_iter()
        .flat_map(|table| table.values())
        .filter(|object| selection.matches(object))
        .cloned()
        .collect();
    for object in &chosen {
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
        inner.delete(resource, text("namespace"), text("name"), &options, now)?;
    }
    let metadata = json!({"resourceVersion": inner.revision.to_string()});
    drop(inner);
    let printer = Printer::of(&server.store, resource);
    let objects = chosen.iter().map(AsRef::as_ref);
    Ok(json(
        StatusCode::OK,
        &ask.shape().list(resource, &printer, metadata, objects, now),
    ))
}

fn delete_options(ask: &Ask) -> Result<DeleteOptions, Status> {
    let body = if ask.body.is_empty() {
        Value::Null
    } else {
        ask.value()?
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let policy = text(&body["propagationPolicy"])
        .or_else(|| ask.query.get("propagationPolicy").map(str::to_owned));
    let orphans = body["orphanDependents"].as_bool();
    let propagation = match (policy.as_deref(), orphans) {
        (Some("Background"), _) | (None, Some(false)) => Some(Propagation::Background),
        (Some("Foreground"), _) => Some(Propagation::Foreground),
        (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
        (None, None) => None,
        (Some(other), _) => {
            let message = format!(
                "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"{other}\""
            );
            return Err(Status::new(422, "Invalid", message));
        }
    };
    let grace = body["gracePeriodSeconds"].as_i64();
    let asked = ask
        .query
        .number("gracePeriodSeconds")?
        .and_then(|seconds| i64::try_from(seconds).ok());
    Ok(DeleteOptions {
        grace_seconds: grace.or(asked),
        propagation,
        uid: text(&body["preconditions"]["uid"]),
        resource_version: text(&body["preconditions"]["resourceVersion"]),
        dry_run: is_dry_run(ask, &body)?,
    })
}
