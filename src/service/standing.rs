//! How an object of any kind is doing, by what its status says. Pure, and the only reader of that: of the objects of instances
//! and of the members of other tools' sets. Texts are sanitised here.

use serde_json::Value;

use super::summary::Standing;
use crate::text;

/// Conditions that say `True` where all is well, the most telling first.
const GOOD: [&str; 4] = ["Ready", "Available", "Established", "Complete"];
/// Conditions that say `True` where it will not become well by itself.
const BAD: [&str; 2] = ["Stalled", "Failed"];

/// The parts of an object that tell how it is doing.
#[derive(Debug, Clone, Copy)]
pub struct Told<'o> {
    /// The group of its kind, empty for the core.
    pub group: &'o str,
    /// Its kind.
    pub kind: &'o str,
    /// `metadata.generation`; 0 where it has none.
    pub generation: i64,
    /// `spec`.
    pub spec: &'o Value,
    /// `status`.
    pub status: &'o Value,
}

/// Returns how an object is doing; none where it has no status that would tell, so that it is there and that is all.
pub fn standing(object: &Told<'_>) -> Option<Standing> {
    let observed = object.status["observedGeneration"].as_i64();
    if observed.is_some_and(|observed| observed < object.generation) {
        return Some(Standing::awaited(
            "it has a change that its controller has not seen yet",
        ));
    }
    match (object.group, object.kind) {
        ("apps", "DaemonSet") => Some(object.daemon_set()),
        ("apps", "Deployment" | "StatefulSet" | "ReplicaSet") | ("", "ReplicationController") => {
            Some(object.replicas())
        }
        ("batch", "Job") => Some(object.job()),
        ("", "PersistentVolumeClaim") => Some(object.claim()),
        ("", "Pod") if object.status["phase"] == "Succeeded" => Some(Standing::ready()),
        _ => object.by_conditions(),
    }
}

impl Told<'_> {
    fn daemon_set(&self) -> Standing {
        let Some(wanted) = self.count("desiredNumberScheduled") else {
            return Standing::awaited("its controller has not seen it yet");
        };
        let updated = self.count("updatedNumberScheduled").unwrap_or(0);
        let ready = self.count("numberReady").unwrap_or(0);
        // Only whoever deletes a pod replaces it then.
        let is_held_back = self.spec["updateStrategy"]["type"] == "OnDelete";
        if updated < wanted && !is_held_back {
            Standing::awaited(format!("{updated} of {wanted} pods updated"))
        } else if ready < wanted {
            Standing::awaited(format!("{ready} of {wanted} pods ready"))
        } else {
            Standing::ready()
        }
    }

    fn replicas(&self) -> Standing {
        if let Some(stalled) = self.condition("Progressing", "False") {
            return Standing::awaited(says(stalled));
        }
        let wanted = self.spec["replicas"].as_u64().unwrap_or(1);
        let ready = self.count("readyReplicas").unwrap_or(0);
        match ready < wanted {
            true => Standing::awaited(format!("{ready} of {wanted} pods ready")),
            false => Standing::ready(),
        }
    }

    fn job(&self) -> Standing {
        if let Some(failed) = self.condition("Failed", "True") {
            return Standing::failed(says(failed));
        }
        if self.condition("Complete", "True").is_some() || self.spec["suspend"] == true {
            return Standing::ready();
        }
        let wanted = self.spec["completions"].as_u64().unwrap_or(1);
        let done = self.count("succeeded").unwrap_or(0);
        Standing::awaited(format!("{done} of {wanted} runs completed"))
    }

    fn claim(&self) -> Standing {
        match self.status["phase"].as_str() {
            Some("Bound") => Standing::ready(),
            Some(phase) => Standing::awaited(format!("it is {}", text::clean(phase))),
            None => Standing::awaited("it has no status yet"),
        }
    }

    /// By what most controllers of custom kinds say.
    fn by_conditions(&self) -> Option<Standing> {
        let bad = BAD.iter().find_map(|kind| self.condition(kind, "True"));
        if let Some(condition) = bad {
            return Some(Standing::failed(says(condition)));
        }
        let told = GOOD.iter().find_map(|kind| self.any_condition(kind))?;
        match told["status"] == "True" {
            true => Some(Standing::ready()),
            false => Some(Standing::awaited(says(told))),
        }
    }

    fn count(&self, key: &str) -> Option<u64> {
        self.status[key].as_u64()
    }

    fn any_condition(&self, kind: &str) -> Option<&Value> {
        let conditions = self.status["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        conditions.find(|condition| condition["type"] == kind)
    }

    fn condition(&self, kind: &str, status: &str) -> Option<&Value> {
        self.any_condition(kind)
            .filter(|condition| condition["status"] == status)
    }
}

/// Returns reason and message of a condition, else that it does not hold.
fn says(condition: &Value) -> String {
    let text = |key: &str| text::clean(condition[key].as_str().unwrap_or_default()).into_owned();
    let parts = [text("reason"), text("message")];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    match parts.is_empty() {
        true => format!("it is not {} yet", text("type")),
        false => parts.join(": ").trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: &str, json: Value, expected: Option<Standing>) {
        let (group, kind) = kind.split_once('/').unwrap_or(("", kind));
        let told = Told {
            group,
            kind,
            generation: json["metadata"]["generation"].as_i64().unwrap_or(0),
            spec: &json["spec"],
            status: &json["status"],
        };
        assert_eq!(standing(&told), expected, "{kind} {json}");
    }

    fn awaited(why: &str) -> Option<Standing> {
        Some(Standing::awaited(why))
    }

    fn condition(kind: &str, status: &str, more: &Value) -> Value {
        let mut condition = json!({"type": kind, "status": status});
        for (key, value) in more.as_object().unwrap() {
            condition[key] = value.clone();
        }
        json!({"status": {"conditions": [condition]}})
    }

    #[test]
    fn workloads_are_judged_by_their_pods() {
        let ready = || Some(Standing::ready());
        let daemon_set = |updated: u32, ready: u32| json!({"status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": updated, "numberReady": ready}});
        check("apps/DaemonSet", daemon_set(3, 3), ready());
        check(
            "apps/DaemonSet",
            daemon_set(3, 2),
            awaited("2 of 3 pods ready"),
        );
        check(
            "apps/DaemonSet",
            daemon_set(1, 3),
            awaited("1 of 3 pods updated"),
        );
        let mut held_back = daemon_set(1, 3);
        held_back["spec"] = json!({"updateStrategy": {"type": "OnDelete"}});
        check("apps/DaemonSet", held_back, ready());
        check(
            "apps/DaemonSet",
            json!({}),
            awaited("its controller has not seen it yet"),
        );
        for kind in [
            "apps/Deployment",
            "apps/StatefulSet",
            "apps/ReplicaSet",
            "ReplicationController",
        ] {
            let half = json!({"spec": {"replicas": 2}, "status": {"readyReplicas": 1}});
            check(kind, half, awaited("1 of 2 pods ready"));
            check(
                kind,
                json!({"spec": {"replicas": 0}, "status": {}}),
                ready(),
            );
        }
        let unseen = json!({"metadata": {"generation": 2}, "spec": {"replicas": 1},
            "status": {"observedGeneration": 1, "readyReplicas": 1}});
        check(
            "apps/Deployment",
            unseen,
            awaited("it has a change that its controller has not seen yet"),
        );
        let stalled = condition(
            "Progressing",
            "False",
            &json!({"reason": "ProgressDeadlineExceeded"}),
        );
        check(
            "apps/Deployment",
            stalled,
            awaited("ProgressDeadlineExceeded"),
        );
    }

    #[test]
    fn jobs_and_claims_are_judged_by_how_far_they_are() {
        let ready = || Some(Standing::ready());
        check(
            "batch/Job",
            json!({"spec": {"completions": 2}}),
            awaited("0 of 2 runs completed"),
        );
        check("batch/Job", json!({"spec": {"suspend": true}}), ready());
        check(
            "batch/Job",
            condition("Complete", "True", &json!({})),
            ready(),
        );
        let failed = json!({"reason": "BackoffLimitExceeded", "message": "it reached the limit."});
        let expected = Standing::failed("BackoffLimitExceeded: it reached the limit");
        check(
            "batch/Job",
            condition("Failed", "True", &failed),
            Some(expected),
        );
        check("batch/CronJob", json!({"status": {}}), None);
        let claim = |phase: &str| json!({"status": {"phase": phase}});
        check("PersistentVolumeClaim", claim("Bound"), ready());
        check(
            "PersistentVolumeClaim",
            claim("Pending"),
            awaited("it is Pending"),
        );
        check(
            "PersistentVolumeClaim",
            json!({}),
            awaited("it has no status yet"),
        );
        check("Pod", claim("Succeeded"), ready());
    }

    #[test]
    fn other_kinds_are_judged_by_their_conditions() {
        check("ConfigMap", json!({}), None);
        check("x.io/Gizmo", json!({"status": {"conditions": "odd"}}), None);
        let message = json!({"message": "issuing\u{1b}[2J"});
        check(
            "x.io/Gizmo",
            condition("Ready", "False", &message),
            awaited("issuing␛"),
        );
        check(
            "x.io/Gizmo",
            condition("Available", "Unknown", &json!({})),
            awaited("it is not Available yet"),
        );
        check(
            "x.io/Gizmo",
            condition("Complete", "True", &json!({})),
            Some(Standing::ready()),
        );
        let stalled = condition("Stalled", "True", &json!({"reason": "NoRepo"}));
        check("x.io/Gizmo", stalled, Some(Standing::failed("NoRepo")));
    }
}
