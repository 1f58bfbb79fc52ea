//! Whose a live object is, by the marks that deployers leave on what they made. Pure.
//!
//! Labels alone never make an object ours to delete: they are copied easily. What is deleted also bears the field manager
//! of the instance.

use super::metadata::Metadata;
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::Object;

/// Says of a live object that only its labels are an instance's.
pub(super) const COPIED: &str = "it bears the labels, but bowline did not write it";

/// Whose an object is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// This instance's.
    Ours,
    /// Somebody else's, named as the end of a sentence: `belongs to …`.
    Other(String),
    /// It bears nobody's mark.
    Nobody,
}

/// Returns whose an object is. `set` is the ID of the instance's `ApplySet`.
pub(super) fn owner(object: &Object, id: &InstanceId, set: &str) -> Owner {
    let metadata = Metadata::of(object);
    if let Some(other) = deployer(metadata) {
        return Owner::Other(other);
    }
    if let Some(other) = other_set(metadata, set) {
        return Owner::Other(match other_instance(metadata, id) {
            Some(instance) => format!("instance {instance}"),
            None => format!("the ApplySet {other}"),
        });
    }
    match (
        metadata.label(naming::LABEL_MANAGED_BY),
        metadata.label(naming::LABEL_INSTANCE),
    ) {
        (Some(naming::MANAGED_BY), Some(instance)) if instance == id.as_str() => Owner::Ours,
        (Some(naming::MANAGED_BY), Some(instance)) => Owner::Other(format!("instance {instance}")),
        (Some(manager), _) if manager != naming::MANAGED_BY => Owner::Other(manager.to_owned()),
        _ => match metadata.owners().first() {
            Some(owner) => Owner::Other(format!("{}/{}", owner.kind, owner.name)),
            None => Owner::Nobody,
        },
    }
}

fn other_set<'a>(metadata: Metadata<'a>, set: &str) -> Option<&'a str> {
    let of = metadata.label(naming::LABEL_PART_OF)?;
    (of != set).then_some(of)
}

/// The ID of a set tells a person nothing, where an instance of ours can be named.
fn other_instance<'a>(metadata: Metadata<'a>, id: &InstanceId) -> Option<&'a str> {
    let is_bowlines = metadata.label(naming::LABEL_MANAGED_BY) == Some(naming::MANAGED_BY);
    let instance = metadata.label(naming::LABEL_INSTANCE)?;
    (is_bowlines && instance != id.as_str()).then_some(instance)
}

/// Returns the ID of the `ApplySet` that an object belongs to, where nothing but that ID names its owner.
pub(super) fn foreign_set<'a>(object: &'a Object, id: &InstanceId, set: &str) -> Option<&'a str> {
    let metadata = Metadata::of(object);
    if deployer(metadata).is_some() || other_instance(metadata, id).is_some() {
        return None;
    }
    other_set(metadata, set)
}

fn deployer(metadata: Metadata<'_>) -> Option<String> {
    let marked = naming::OWNER_MARKS.iter().find_map(|&(key, what)| {
        let name = metadata.label(key).or_else(|| metadata.annotation(key))?;
        if key == naming::LABEL_KAPP {
            return Some(format!("the {what} of label {key}={name}"));
        }
        // Argo CD's tracking ID goes on behind the application's name.
        let name = name.split(':').next().unwrap_or(name);
        // Flux has one controller for all namespaces.
        let place = key
            .strip_suffix("/name")
            .map(|tool| format!("{tool}/namespace"));
        let place = place.and_then(|key| metadata.label(&key));
        let place = place.map_or_else(String::new, |place| format!("{place}/"));
        Some(format!("{what} {place}{name}"))
    });
    marked.or_else(|| tracked_by_label(metadata))
}

/// Returns the application of Argo CD that an object bears no mark of but the label that instances of ours bear too.
fn tracked_by_label(metadata: Metadata<'_>) -> Option<String> {
    let is_ours = metadata.label(naming::LABEL_MANAGED_BY) == Some(naming::MANAGED_BY);
    let mut managers = naming::ARGO_MANAGERS.iter();
    let is_argos = !is_ours && managers.any(|it| metadata.has_manager(it));
    let name = metadata
        .label(naming::LABEL_INSTANCE)
        .filter(|_| is_argos)?;
    Some(format!("Argo CD application {name}"))
}

/// Tells whether the instance wrote this object: its labels say so, and its field manager owns fields of it.
pub(super) fn is_written_by_us(object: &Object, id: &InstanceId, set: &str) -> bool {
    owner(object, id, set) == Owner::Ours
        && Metadata::of(object).has_manager(&naming::field_manager(id))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SET: &str = "applyset-ours-v1";

    fn check(metadata: Value, expected: Owner) {
        let mut json = json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata});
        json["metadata"]["name"] = json!("web");
        let object = Object::from_json(json).unwrap();
        assert_eq!(owner(&object, &"web".parse().unwrap(), SET), expected);
    }

    fn other(text: &str) -> Owner {
        Owner::Other(text.to_owned())
    }

    #[test]
    fn marks_say_whose_an_object_is() {
        let ours =
            json!({"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web"});
        check(json!({"labels": ours}), Owner::Ours);
        check(json!({}), Owner::Nobody);
        let api =
            json!({"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "api"});
        check(json!({"labels": api}), other("instance api"));
        let helm =
            json!({"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "web"});
        check(
            json!({"labels": helm, "annotations": {"meta.helm.sh/release-name": "shop"}}),
            other("Helm release shop"),
        );
        check(json!({"labels": helm}), other("Helm"));
        let argo = json!({"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:team/web"});
        check(
            json!({"labels": ours, "annotations": argo}),
            other("Argo CD application shop"),
        );
        check(
            json!({"labels": {"kapp.k14s.io/app": "1234"}}),
            other("the kapp application of label kapp.k14s.io/app=1234"),
        );
        check(
            json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}),
            other("Flux kustomization apps"),
        );
        let flux = json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
        check(
            json!({"labels": flux}),
            other("Flux kustomization flux-system/apps"),
        );
        let owned = json!([{"apiVersion": "v1", "kind": "Widget", "name": "w", "uid": "1"}]);
        check(json!({"ownerReferences": owned}), other("Widget/w"));
    }

    #[test]
    fn what_argo_cd_tracks_by_the_label_of_all_is_known_by_its_manager() {
        let tracked = |managed_by: Value, manager: &str| {
            let labels = json!({"app.kubernetes.io/managed-by": managed_by, "app.kubernetes.io/instance": "shop"});
            json!({"labels": labels, "managedFields": [{"manager": "kubectl"}, {"manager": manager}]})
        };
        for manager in naming::ARGO_MANAGERS {
            let argo = other("Argo CD application shop");
            check(tracked(Value::Null, manager), argo.clone());
            check(tracked(json!("Helm"), manager), argo);
            check(tracked(json!("bowline"), manager), other("instance shop"));
        }
        check(tracked(Value::Null, "somebody"), Owner::Nobody);
    }

    #[test]
    fn a_member_of_another_set_is_not_ours_whatever_else_it_bears() {
        let taken = json!({"labels": {
            "app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web",
            "applyset.kubernetes.io/part-of": "applyset-theirs-v1",
        }});
        check(taken, other("the ApplySet applyset-theirs-v1"));
    }

    #[test]
    fn a_set_is_named_only_where_nothing_else_names_the_owner() {
        let check = |labels: Value, expected: Option<&str>| {
            let json = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": labels}});
            let object = Object::from_json(json).unwrap();
            let found = foreign_set(&object, &"web".parse().unwrap(), SET);
            assert_eq!(found, expected, "{labels}");
        };
        let part_of = naming::LABEL_PART_OF;
        let theirs = "applyset-theirs-v1";
        check(json!({part_of: theirs}), Some(theirs));
        check(json!({part_of: SET}), None);
        check(json!({}), None);
        check(json!({part_of: theirs, "kapp.k14s.io/app": "1"}), None);
        let api = json!({part_of: theirs, "app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "api"});
        check(api, None);
    }
}
