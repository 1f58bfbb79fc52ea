//! Namespaces: furnished when they appear, emptied before they go.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{is_deleting, items, name, seconds, text};
use super::view::{Key, View};
use super::write::{Decision, Write};

/// What is left of one kind in a namespace that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remaining {
    /// The resource, with its group where it has one: `pods.`, `deployments.apps`.
    pub resource: String,
    /// How many objects.
    pub count: usize,
    /// The finalizers among them, with how many objects bear each.
    pub finalizers: Vec<(String, usize)>,
}

/// Decides what one namespace needs. `remaining` is what is in it, of every kind there is.
pub fn reconcile(view: &View, key: &Key, remaining: &[Remaining], now: Timestamp) -> Decision {
    let Some(namespace) = view.get(Kind::Namespace, key) else {
        return Decision::nothing();
    };
    if is_deleting(namespace) {
        empty(namespace, remaining, now)
    } else {
        Decision::of(furnish(view, namespace))
    }
}

/// Returns the objects that every namespace has.
fn furnish(view: &View, namespace: &Value) -> Vec<Write> {
    let namespace = name(namespace);
    let mut writes = Vec::new();
    if view
        .find(Kind::ServiceAccount, namespace, "default")
        .is_none()
    {
        writes.push(Write::Create(json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace},
        })));
    }
    if view
        .find(Kind::ConfigMap, namespace, "kube-root-ca.crt")
        .is_none()
    {
        let note = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such \
                    as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across \
                    distributions of Kubernetes clusters.";
        writes.push(Write::Create(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "kube-root-ca.crt",
                "namespace": namespace,
                "annotations": {"kubernetes.io/description": note},
            },
            "data": {"ca.crt": ""},
        })));
    }
    writes
}

fn empty(namespace: &Value, remaining: &[Remaining], now: Timestamp) -> Decision {
    if remaining.is_empty() {
        let has_finalizer = items(namespace, "/spec/finalizers")
            .iter()
            .any(|held| held == "kubernetes");
        let finalize = Write::Finalize {
            name: name(namespace).to_owned(),
        };
        return Decision::of(if has_finalizer {
            vec![finalize]
        } else {
            Vec::new()
        });
    }
    let mut status = namespace
        .get("status")
        .cloned()
        .unwrap_or_else(|| json!({}));
    status["phase"] = json!("Terminating");
    status["conditions"] = json!(conditions(namespace, remaining, now));
    let mut writes = Vec::new();
    if namespace.get("status") != Some(&status) {
        writes.push(Write::status(Kind::Namespace, namespace, status));
    }
    writes.push(Write::DeleteContents {
        namespace: name(namespace).to_owned(),
    });
    Decision::of(writes)
}

fn conditions(namespace: &Value, remaining: &[Remaining], now: Timestamp) -> Vec<Value> {
    let content = remaining
        .iter()
        .map(|left| format!("{} has {} resource instances", left.resource, left.count))
        .collect::<Vec<_>>()
        .join(", ");
    let mut held: Vec<(&str, usize)> = Vec::new();
    for (finalizer, n) in remaining.iter().flat_map(|left| &left.finalizers) {
        match held.iter_mut().find(|(known, _)| known == finalizer) {
            Some((_, total)) => *total += n,
            None => held.push((finalizer, *n)),
        }
    }
    let finalizers = held
        .iter()
        .map(|(finalizer, n)| format!("{finalizer} in {n} resource instances"))
        .collect::<Vec<_>>()
        .join(", ");
    let good = |kind: &str, reason: &str, message: &str| {
        (
            kind.to_owned(),
            "False",
            reason.to_owned(),
            message.to_owned(),
        )
    };
    let facts = [
        good(
            "NamespaceDeletionDiscoveryFailure",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        good(
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        good(
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        (
            "NamespaceContentRemaining".to_owned(),
            "True",
            "SomeResourcesRemain".to_owned(),
            format!("Some resources are remaining: {content}"),
        ),
        if finalizers.is_empty() {
            good(
                "NamespaceFinalizersRemaining",
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished",
            )
        } else {
            let message =
                format!("Some content in the namespace has finalizers remaining: {finalizers}");
            (
                "NamespaceFinalizersRemaining".to_owned(),
                "True",
                "SomeFinalizersRemain".to_owned(),
                message,
            )
        },
    ];
    facts
        .into_iter()
        .map(|(kind, status, reason, message)| {
            let before = items(namespace, "/status/conditions").iter().find(|before| text(before, "/type") == kind);
            let since = before
                .filter(|before| text(before, "/status") == status)
                .map_or_else(|| seconds(now), |before| text(before, "/lastTransitionTime").to_owned());
            json!({"lastTransitionTime": since, "message": message, "reason": reason, "status": status, "type": kind})
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_goes_says_what_is_left_and_goes_when_nothing_is() {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "n", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Terminating"}});
        let view = View::from_objects([namespace]);
        let key = Key::new("", "n");
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let left = Remaining {
            resource: "pods.".to_owned(),
            count: 2,
            finalizers: vec![("example.com/hold".to_owned(), 1)],
        };
        let decision = reconcile(&view, &key, &[left], now);
        let [Write::Status { status, .. }, Write::DeleteContents { .. }] =
            decision.writes.as_slice()
        else {
            panic!("{decision:?}")
        };
        let messages: Vec<&str> = items(status, "/conditions")
            .iter()
            .map(|condition| text(condition, "/message"))
            .skip(3)
            .collect();
        assert_eq!(
            messages,
            [
                "Some resources are remaining: pods. has 2 resource instances",
                "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
            ]
        );
        assert_eq!(
            reconcile(&view, &key, &[], now).writes,
            vec![Write::Finalize {
                name: "n".to_owned()
            }]
        );
    }
}
