//! Pods as the claims that they mount.

use serde::Deserialize;

use super::{Meta, Project, clean, or_default};
use crate::cluster::kinds::Resource;
use crate::service::claim_use::PodMounts;

/// A pod, as far as its claims go.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct MountsObject {
    metadata: Meta,
    #[serde(deserialize_with = "or_default")]
    spec: Spec,
    #[serde(deserialize_with = "or_default")]
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    volumes: Vec<Volume>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Volume {
    name: String,
    persistent_volume_claim: Option<ClaimSource>,
    /// A claim that is the pod's own.
    ephemeral: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ClaimSource {
    claim_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    phase: String,
}

impl Project for MountsObject {
    type Item = PodMounts;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    /// Whoever the pod belongs to: what holds a claim need not be of the claim's instance.
    fn into_item(self, _: &Resource) -> Option<PodMounts> {
        let pod = clean(self.metadata.name);
        let claim = |volume: Volume| match volume {
            Volume {
                persistent_volume_claim: Some(source),
                ..
            } => Some(clean(source.claim_name)),
            Volume {
                ephemeral: Some(_), ..
            } => Some(format!("{pod}-{}", clean(volume.name))),
            _ => None,
        };
        let claims: Vec<String> = self.spec.volumes.into_iter().filter_map(claim).collect();
        if claims.is_empty() {
            return None;
        }
        Some(PodMounts {
            namespace: self.metadata.namespace.parse().ok()?,
            claims,
            has_ended: matches!(self.status.phase.as_str(), "Succeeded" | "Failed"),
            pod,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::kinds;

    fn check(volumes: Value, phase: &str, expected: Option<(&[&str], bool)>) {
        let pod = json!({"metadata": {"name": "web-0", "namespace": "team-a"},
            "spec": {"volumes": volumes}, "status": {"phase": phase}});
        let pod: MountsObject = serde_json::from_value(pod).unwrap();
        let item = pod.into_item(kinds::known("", "Pod"));
        let found = item.map(|item| (item.claims, item.has_ended));
        let expected = expected.map(|(claims, has_ended)| {
            let claims: Vec<String> = claims.iter().map(|&name| name.to_owned()).collect();
            (claims, has_ended)
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_pod_holds_the_claims_that_it_mounts_until_it_has_ended() {
        let data = json!([
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
            {"name": "own", "ephemeral": {}},
            {"name": "tmp", "emptyDir": {}},
        ]);
        let claims = ["data-web-0", "web-0-own"];
        check(data.clone(), "Running", Some((&claims, false)));
        check(data, "Succeeded", Some((&claims, true)));
        check(json!([{"name": "tmp", "emptyDir": {}}]), "Running", None);
        check(Value::Null, "Pending", None);
    }
}
