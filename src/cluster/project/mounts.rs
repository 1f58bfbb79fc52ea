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
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "or_default")]
    node_name: String,
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
            has_node: !self.spec.node_name.is_empty(),
            pod,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::kinds;

    fn check(spec: Value, phase: &str, expected: Option<(&[&str], bool, bool)>) {
        let pod = json!({"metadata": {"name": "web-0", "namespace": "team-a"},
            "spec": spec, "status": {"phase": phase}});
        let pod: MountsObject = serde_json::from_value(pod).unwrap();
        let item = pod.into_item(kinds::known("", "Pod"));
        let found = item.map(|item| (item.claims, item.has_node, item.has_ended));
        let expected = expected.map(|(claims, has_node, has_ended)| {
            let claims: Vec<String> = claims.iter().map(|&name| name.to_owned()).collect();
            (claims, has_node, has_ended)
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_pod_is_read_with_the_claims_that_it_mounts_and_whether_it_has_a_node_and_has_ended() {
        let volumes = json!([
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
            {"name": "own", "ephemeral": {}},
            {"name": "tmp", "emptyDir": {}},
        ]);
        let claims = ["data-web-0", "web-0-own"];
        let placed = json!({"volumes": volumes, "nodeName": "node-1"});
        check(placed.clone(), "Running", Some((&claims, true, false)));
        check(placed, "Succeeded", Some((&claims, true, true)));
        let unplaced = json!({"volumes": volumes, "nodeName": null});
        check(unplaced, "Pending", Some((&claims, false, false)));
        let claimless = json!({"volumes": [{"name": "tmp", "emptyDir": {}}]});
        check(claimless, "Running", None);
        check(json!({"volumes": null}), "Pending", None);
    }
}
