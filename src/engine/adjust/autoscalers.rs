//! The autoscalers of a workload: whatever number is set, they set it again.
//!
//! Fields do not always tell: a server does not note who scales a number that nobody owned. So they are looked for themselves.

use serde_json::Value;

use crate::cluster::{Cluster, Selector};
use crate::definition::object::{GroupKind, Object};
use crate::failure::Failure;

/// Says which autoscalers target a workload, and what they will do about a number.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn warnings(
    cluster: &Cluster,
    live: &Object,
    to: u32,
) -> Result<Vec<String>, Failure> {
    let kind = GroupKind::new("autoscaling", "HorizontalPodAutoscaler");
    let namespace = live.key.namespace.as_ref();
    let namespace = namespace.and_then(|namespace| namespace.parse().ok());
    let listed = cluster
        .list(&kind, namespace.as_ref(), &Selector::everything())
        .await;
    let autoscalers = match listed {
        Ok(autoscalers) => autoscalers,
        Err(failure) if failure.is_unanswered() => return Err(failure),
        // Whoever may not look for them, or has none, is not kept from scaling.
        Err(_) => return Ok(Vec::new()),
    };
    let targeting = autoscalers.iter().filter(|it| targets(it, live));
    Ok(targeting.map(|it| warning(it, live, to)).collect())
}

fn targets(autoscaler: &Object, live: &Object) -> bool {
    let target = &autoscaler.json["spec"]["scaleTargetRef"];
    let api_version = target["apiVersion"].as_str().unwrap_or_default();
    target["kind"] == live.key.kind
        && target["name"] == live.key.name
        && api_version.split('/').next() == Some(&live.key.group)
}

fn warning(autoscaler: &Object, live: &Object, to: u32) -> String {
    let number = |value: &Value| value.as_u64();
    let spec = &autoscaler.json["spec"];
    let min = number(&spec["minReplicas"]).unwrap_or(1);
    let range = match number(&spec["maxReplicas"]) {
        Some(max) => format!("from {min} to {max}"),
        None => format!("from {min} on"),
    };
    let sets = format!(
        "{} sets the replicas of {} ({range})",
        autoscaler.key, live.key
    );
    match to {
        0 => format!("{sets}: it stands still while there are 0"),
        to => format!("{sets}: it will set another number than {to} again as it sees fit"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(json: Value) -> Object {
        Object::from_json(json).unwrap()
    }

    fn autoscaler(api_version: &str, kind: &str, name: &str) -> Object {
        object(json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
            "spec": {"maxReplicas": 5,
                     "scaleTargetRef": {"apiVersion": api_version, "kind": kind, "name": name}},
        }))
    }

    #[test]
    fn the_autoscalers_of_a_workload_are_named() {
        let web =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}});
        let web = object(web);
        let its = autoscaler("apps/v1", "Deployment", "web");
        assert!(targets(&its, &web));
        for other in [
            autoscaler("apps/v1", "StatefulSet", "web"),
            autoscaler("apps/v1", "Deployment", "api"),
            autoscaler("example.com/v1", "Deployment", "web"),
        ] {
            assert!(!targets(&other, &web));
        }
        assert_eq!(
            warning(&its, &web, 7),
            "HorizontalPodAutoscaler/web sets the replicas of Deployment/web (from 1 to 5): it will set another number than 7 \
             again as it sees fit"
        );
        assert!(warning(&its, &web, 0).ends_with("it stands still while there are 0"));
    }
}
