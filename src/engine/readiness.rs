//! Whether an object of any kind is well, by what its status says. Pure.

use serde_json::Value;

use crate::definition::object::Object;

/// How an object is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Its status says that it is well.
    Ready,
    /// It is not, and why.
    NotReady(String),
    /// It has no status that would tell: it is there.
    Plain,
}

/// Conditions that say `True` where all is well, the most telling first.
const CONDITIONS: [&str; 4] = ["Ready", "Available", "Established", "Complete"];

/// Returns how an object is doing.
pub fn readiness(object: &Object) -> Readiness {
    let json = &object.json;
    if json["metadata"]["deletionTimestamp"].is_string() {
        return not_ready("it is being deleted");
    }
    let generation = json["metadata"]["generation"].as_i64();
    let observed = json["status"]["observedGeneration"].as_i64();
    if let (Some(generation), Some(observed)) = (generation, observed)
        && observed < generation
    {
        return not_ready("its controller has not seen the last change");
    }
    match (object.key.group.as_str(), object.key.kind.as_str()) {
        ("apps", "Deployment" | "StatefulSet" | "ReplicaSet") => {
            let wanted = json["spec"]["replicas"].as_i64().unwrap_or(1);
            counted(json, wanted, "readyReplicas")
        }
        ("apps", "DaemonSet") => {
            let wanted = json["status"]["desiredNumberScheduled"].as_i64();
            counted(json, wanted.unwrap_or(0), "numberReady")
        }
        ("", "PersistentVolumeClaim") => phase(json, &["Bound"]),
        ("", "Pod") if json["status"]["phase"] == "Succeeded" => Readiness::Ready,
        ("batch", "Job") => job(json),
        _ => by_conditions(json),
    }
}

fn counted(json: &Value, wanted: i64, field: &str) -> Readiness {
    if let Some(stalled) = condition(json, "Progressing").filter(|it| it["status"] == "False") {
        return not_ready(sentence(stalled));
    }
    let ready = json["status"][field].as_i64().unwrap_or(0);
    match ready >= wanted {
        true => Readiness::Ready,
        false => not_ready(format!("{ready}/{wanted} ready")),
    }
}

fn phase(json: &Value, good: &[&str]) -> Readiness {
    match json["status"]["phase"].as_str() {
        Some(phase) if good.contains(&phase) => Readiness::Ready,
        Some(phase) => not_ready(phase),
        None => not_ready("it has no status yet"),
    }
}

fn job(json: &Value) -> Readiness {
    match condition(json, "Failed").filter(|it| it["status"] == "True") {
        Some(failed) => not_ready(sentence(failed)),
        None if condition(json, "Complete").is_some_and(|it| it["status"] == "True") => {
            Readiness::Ready
        }
        None => not_ready("it runs"),
    }
}

fn by_conditions(json: &Value) -> Readiness {
    let told = CONDITIONS.iter().find_map(|name| condition(json, name));
    match told {
        None => Readiness::Plain,
        Some(told) if told["status"] == "True" => Readiness::Ready,
        Some(told) => not_ready(sentence(told)),
    }
}

fn condition<'j>(json: &'j Value, name: &str) -> Option<&'j Value> {
    let mut conditions = json["status"]["conditions"].as_array()?.iter();
    conditions.find(|condition| condition["type"] == name)
}

/// Says what a condition says: its message, else its reason, else its name.
fn sentence(condition: &Value) -> String {
    let texts = ["message", "reason"].map(|key| condition[key].as_str().unwrap_or_default());
    let said = texts.into_iter().find(|text| !text.is_empty());
    let name = condition["type"].as_str().unwrap_or_default();
    said.map_or_else(|| format!("not {name}"), str::to_owned)
}

fn not_ready(why: impl Into<String>) -> Readiness {
    Readiness::NotReady(why.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(api_version: &str, kind: &str, rest: Value, expected: Readiness) {
        let mut json = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", "generation": 2}});
        for (key, value) in rest.as_object().unwrap() {
            json[key] = value.clone();
        }
        assert_eq!(
            readiness(&Object::from_json(json).unwrap()),
            expected,
            "{kind} {rest}"
        );
    }

    #[test]
    fn statuses_tell_how_objects_are() {
        let no = |why: &str| Readiness::NotReady(why.to_owned());
        check("v1", "ConfigMap", json!({}), Readiness::Plain);
        check(
            "apps/v1",
            "Deployment",
            json!({"spec": {"replicas": 2}, "status": {"readyReplicas": 1}}),
            no("1/2 ready"),
        );
        check(
            "apps/v1",
            "Deployment",
            json!({"spec": {"replicas": 0}, "status": {}}),
            Readiness::Ready,
        );
        check(
            "apps/v1",
            "Deployment",
            json!({"spec": {"replicas": 1}, "status": {"observedGeneration": 1, "readyReplicas": 1}}),
            no("its controller has not seen the last change"),
        );
        check(
            "apps/v1",
            "DaemonSet",
            json!({"status": {"desiredNumberScheduled": 3, "numberReady": 3}}),
            Readiness::Ready,
        );
        check(
            "v1",
            "PersistentVolumeClaim",
            json!({"status": {"phase": "Pending"}}),
            no("Pending"),
        );
        check(
            "batch/v1",
            "Job",
            json!({"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "Limit"}]}}),
            no("Limit"),
        );
        check(
            "x.io/v1",
            "Gizmo",
            json!({"status": {"conditions": [{"type": "Ready", "status": "False", "message": "no"}]}}),
            no("no"),
        );
        check(
            "x.io/v1",
            "Gizmo",
            json!({"status": {"conditions": "odd"}}),
            Readiness::Plain,
        );
    }
}
