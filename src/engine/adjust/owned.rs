//! What a manager applied of a live object, by its managed fields: applied again as it is, it changes nothing. Pure.
//!
//! So a workload can be applied with another number although nobody has its definition, its secrets or its parameters at hand.

use serde_json::{Map, Value, json};

use crate::definition::id::InstanceId;
use crate::definition::object::Object;
use crate::engine::plan::FieldConflict;
use crate::engine::rehearse::seen;
use crate::service::managed::is_own_manager;

/// Where the number of replicas stands.
pub(in crate::engine) const REPLICAS: &str = ".spec.replicas";

/// Returns what `manager` applied, as it stands in the object now; none if it applied nothing.
pub(super) fn applied_by(live: &Object, manager: &str) -> Option<Object> {
    let fields = applied_fields(live, manager)?;
    let mut json = extract(&live.json, fields);
    let metadata = &live.json["metadata"];
    json["apiVersion"] = live.json["apiVersion"].clone();
    json["kind"] = live.json["kind"].clone();
    // The uid and the version that were seen: the apply is refused if it is another object, or another state of it.
    for key in ["name", "namespace", "uid", "resourceVersion"] {
        json["metadata"][key] = metadata[key].clone();
    }
    Object::from_json(json)
}

/// Tells whether `manager` applied the number of replicas.
pub(in crate::engine) fn applies_replicas(live: &Object, manager: &str) -> bool {
    applied_fields(live, manager).is_some_and(owns_replicas)
}

/// Returns the conflicts that setting another number of replicas has with managers that are not the instance's own, as a
/// server would name them: whoever sets it without applying would take it from them in silence.
pub(super) fn foreign_scalers(live: &Object, id: &InstanceId) -> Vec<FieldConflict> {
    let owning = entries(live).filter(|entry| {
        let manager = entry["manager"].as_str().unwrap_or_default();
        entry["subresource"] != "status"
            && entry["fieldsV1"].as_object().is_some_and(owns_replicas)
            && !is_own_manager(manager, id)
    });
    owning
        .map(|entry| FieldConflict {
            key: live.key.clone(),
            field: REPLICAS.to_owned(),
            message: conflict_with(entry),
            seen: seen(live, REPLICAS),
        })
        .collect()
}

/// Says with whom there is a conflict, in the words of servers.
fn conflict_with(entry: &Value) -> String {
    let text = |key: &str| entry[key].as_str().unwrap_or_default();
    let mut message = format!("conflict with {:?}", text("manager"));
    if !text("subresource").is_empty() {
        message.push_str(&format!(" with subresource {:?}", text("subresource")));
    }
    if entry["operation"] != "Apply" {
        message.push_str(&format!(" using {}", text("apiVersion")));
    }
    message
}

fn owns_replicas(fields: &Map<String, Value>) -> bool {
    fields
        .get("f:spec")
        .is_some_and(|spec| spec.get("f:replicas").is_some())
}

fn entries(live: &Object) -> impl Iterator<Item = &Value> {
    let entries = live.json["metadata"]["managedFields"].as_array();
    entries.into_iter().flatten()
}

pub(in crate::engine) fn applied_fields<'a>(
    live: &'a Object,
    manager: &str,
) -> Option<&'a Map<String, Value>> {
    let is_it = |entry: &&Value| {
        entry["manager"] == manager
            && entry["operation"] == "Apply"
            && entry["subresource"].as_str().unwrap_or_default().is_empty()
    };
    entries(live).find(is_it)?["fieldsV1"].as_object()
}

/// Returns the part of a value that a set of fields names. A set without members names the whole value.
fn extract(value: &Value, fields: &Map<String, Value>) -> Value {
    let mut members = fields.iter().filter(|(name, _)| *name != ".").peekable();
    if members.peek().is_none() {
        return value.clone();
    }
    match value {
        Value::Object(map) => {
            let kept = members.filter_map(|(name, of_member)| {
                let name = name.strip_prefix("f:")?;
                Some((name.to_owned(), extract_member(map.get(name)?, of_member)))
            });
            Value::Object(kept.collect())
        }
        Value::Array(items) => {
            let members: Vec<_> = members.collect();
            let kept = items.iter().filter_map(|item| {
                let (_, of_item) = members.iter().find(|(name, _)| is_named(item, name))?;
                Some(extract_member(item, of_item))
            });
            Value::Array(kept.collect())
        }
        scalar => scalar.clone(),
    }
}

fn extract_member(value: &Value, fields: &Value) -> Value {
    match fields.as_object() {
        Some(fields) => extract(value, fields),
        None => value.clone(),
    }
}

/// Tells whether an item of a list is the one that a member of a set names: by its keys, or by its value.
fn is_named(item: &Value, name: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    if let Some(keys) = name.strip_prefix("k:") {
        let keys = parse(keys);
        return keys
            .as_object()
            .is_some_and(|keys| keys.iter().all(|(key, value)| item.get(key) == Some(value)));
    }
    name.strip_prefix("v:")
        .is_some_and(|value| parse(value) == *item && *item != json!(null))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Object {
        let fields = json!({
            "f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {"v:\"ours\"": {}}},
            "f:spec": {
                "f:replicas": {},
                "f:selector": {},
                "f:template": {"f:spec": {"f:containers": {
                    "k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {}, "f:ports": {
                        "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}},
                    }},
                }}},
            },
        });
        let json = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "web", "namespace": "team-a", "uid": "u", "resourceVersion": "7", "generation": 3,
                "labels": {"app": "web", "theirs": "x"},
                "finalizers": ["theirs", "ours"],
                "managedFields": [
                    {"manager": "bowline/web", "operation": "Update", "fieldsV1": {}},
                    {"manager": "bowline/web", "operation": "Apply", "fieldsV1": fields},
                    {"manager": "kubectl", "operation": "Update", "subresource": "scale", "apiVersion": "apps/v1",
                     "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                    {"manager": "other", "operation": "Update", "subresource": "status",
                     "fieldsV1": {"f:status": {}}},
                ],
            },
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"spec": {
                    "restartPolicy": "Always",
                    "containers": [
                        {"name": "sidecar", "image": "theirs:1"},
                        {"name": "web", "image": "nginx:1", "imagePullPolicy": "Always", "ports": [
                            {"containerPort": 80, "protocol": "TCP"},
                            {"containerPort": 81, "protocol": "TCP"},
                        ]},
                    ],
                }},
            },
            "status": {"replicas": 2},
        });
        Object::from_json(json).unwrap()
    }

    #[test]
    fn what_was_applied_is_what_the_manager_owns_and_nothing_else() {
        let applied = applied_by(&live(), "bowline/web").unwrap();
        let expected = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": "web", "namespace": "team-a", "uid": "u", "resourceVersion": "7",
                "labels": {"app": "web"},
                "finalizers": ["ours"],
            },
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"spec": {"containers": [
                    {"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}]},
                ]}},
            },
        });
        assert_eq!(applied.json, expected);
        assert_eq!(applied_by(&live(), "bowline/api"), None);
    }

    #[test]
    fn it_is_known_who_set_the_number() {
        assert!(applies_replicas(&live(), "bowline/web"));
        assert!(!applies_replicas(&live(), "kubectl"));
        let foreign = foreign_scalers(&live(), &"web".parse().unwrap());
        let conflict = FieldConflict {
            key: live().key,
            field: ".spec.replicas".to_owned(),
            message: "conflict with \"kubectl\" with subresource \"scale\" using apps/v1"
                .to_owned(),
            seen: seen(&live(), REPLICAS),
        };
        assert_eq!(foreign, [conflict]);
        assert!(foreign_scalers(&live(), &"api".parse().unwrap()).len() > 1);
    }
}
