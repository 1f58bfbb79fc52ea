//! Objects of any other kind that an instance is made of: their rows, with how each is doing as far as it says so itself.

use serde::Deserialize;
use serde_json::Value;

use super::{Meta, clean};
use crate::cluster::kinds::Resource;
use crate::definition::object::ObjectKey;
use crate::service::summary::{InstanceKey, ObjectRow, Standing};

/// An object of any kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct PartObject {
    pub metadata: Meta,
    spec: Value,
    status: Value,
}

impl PartObject {
    /// Returns its row, if it is a member of the set.
    pub fn into_row(
        self,
        resource: &Resource,
        instance: &InstanceKey,
        set: &str,
    ) -> Option<ObjectRow> {
        let metadata = &self.metadata;
        let is_member = metadata.labels.part_of.as_deref() == Some(set);
        let is_here = metadata.namespace == instance.namespace.as_str();
        // What is in no namespace may be another instance's of the same ID.
        if !is_member && !is_here {
            return None;
        }
        Some(ObjectRow {
            key: ObjectKey {
                group: resource.group.to_string(),
                version: resource.version.to_string(),
                kind: resource.kind.to_string(),
                namespace: Some(metadata.namespace.clone()).filter(|it| !it.is_empty()),
                name: metadata.name.clone(),
            },
            instance: instance.clone(),
            uid: metadata.uid.clone(),
            created: metadata.created(),
            deletion: metadata.deletion(),
            is_member,
            owner: metadata.controller(),
            has_foreign: metadata.managed_fields.has_foreign(&instance.id),
            standing: Some(self.standing(&resource.kind)),
        })
    }

    fn standing(&self, kind: &str) -> Standing {
        let observed = self.status["observedGeneration"].as_i64();
        if observed.is_some_and(|observed| observed < self.metadata.generation) {
            return Standing::awaited("it has a change that its controller has not seen yet");
        }
        match kind {
            "DaemonSet" => self.daemon_set(),
            "Job" => self.job(),
            "CronJob" => Standing::ready(),
            "ReplicaSet" | "ReplicationController" => self.replica_set(),
            _ => self.by_conditions(),
        }
    }

    fn daemon_set(&self) -> Standing {
        let Some(wanted) = self.count("desiredNumberScheduled") else {
            return Standing::awaited("its controller has not seen it yet");
        };
        let updated = self.count("updatedNumberScheduled").unwrap_or(0);
        let ready = self.count("numberReady").unwrap_or(0);
        if updated < wanted {
            Standing::awaited(format!("{updated} of {wanted} pods updated"))
        } else if ready < wanted {
            Standing::awaited(format!("{ready} of {wanted} pods ready"))
        } else {
            Standing::ready()
        }
    }

    fn job(&self) -> Standing {
        if let Some(failed) = self.condition("Failed", "True") {
            return Standing::failed(says(failed));
        }
        if self.condition("Complete", "True").is_some() {
            return Standing::ready();
        }
        if self.spec["suspend"] == true {
            return Standing::ready();
        }
        let wanted = self.spec["completions"].as_u64().unwrap_or(1);
        let done = self.count("succeeded").unwrap_or(0);
        Standing::awaited(format!("{done} of {wanted} runs completed"))
    }

    fn replica_set(&self) -> Standing {
        let wanted = self.spec["replicas"].as_u64().unwrap_or(1);
        let ready = self.count("readyReplicas").unwrap_or(0);
        if ready < wanted {
            return Standing::awaited(format!("{ready} of {wanted} pods ready"));
        }
        Standing::ready()
    }

    /// By what most controllers of custom kinds say; an object that says nothing is there, and that is all.
    fn by_conditions(&self) -> Standing {
        for kind in ["Stalled", "Failed"] {
            if let Some(condition) = self.condition(kind, "True") {
                return Standing::failed(says(condition));
            }
        }
        for kind in ["Ready", "Available", "Established"] {
            let Some(condition) = self.any_condition(kind) else {
                continue;
            };
            if condition["status"] == "True" {
                return Standing::ready();
            }
            let said = says(condition);
            return Standing::awaited(match said.is_empty() {
                true => format!("it is not {kind} yet"),
                false => said,
            });
        }
        Standing::ready()
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

/// Returns reason and message of a condition, cleaned.
fn says(condition: &Value) -> String {
    let text = |key: &str| clean(condition[key].as_str().unwrap_or_default().to_owned());
    let parts = [text("reason"), text("message")];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(": ").trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: &str, json: Value, expected: Standing) {
        let part: PartObject = serde_json::from_value(json).unwrap();
        assert_eq!(part.standing(kind), expected, "{kind}");
    }

    #[test]
    fn each_kind_is_judged_by_what_it_says() {
        let ready = Standing::ready;
        let awaited = Standing::awaited;
        check("Role", json!({}), ready());
        check(
            "DaemonSet",
            json!({"status": {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 2}}),
            awaited("2 of 3 pods ready"),
        );
        check(
            "Job",
            json!({"spec": {"completions": 2}}),
            awaited("0 of 2 runs completed"),
        );
        let failed = json!({"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "it reached the limit."});
        check(
            "Job",
            json!({"status": {"conditions": [failed]}}),
            Standing::failed("BackoffLimitExceeded: it reached the limit"),
        );
        let complete = json!({"type": "Complete", "status": "True"});
        check(
            "Job",
            json!({"status": {"conditions": [complete]}}),
            ready(),
        );
        let not_ready = json!({"type": "Ready", "status": "False", "message": "issuing\u{1b}[2J"});
        check(
            "Certificate",
            json!({"status": {"conditions": [not_ready]}}),
            awaited("issuing␛"),
        );
        check(
            "Certificate",
            json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}}),
            awaited("it has a change that its controller has not seen yet"),
        );
        let stalled = json!({"type": "Stalled", "status": "True", "reason": "NoRepo"});
        check(
            "HelmRelease",
            json!({"status": {"conditions": [stalled]}}),
            Standing::failed("NoRepo"),
        );
    }
}
