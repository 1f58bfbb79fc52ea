//! Which objects a workload controls: those that name it, and orphans that its selector finds.
//!
//! An orphan is adopted by writing the reference; what no longer matches is let go. Both are writes of their own,
//! and the workload is looked at again when they are done.

use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{
    controller_of, controller_reference, is_deleting, is_selected_by, items, namespace, text, uid,
};
use super::view::View;
use super::write::Write;

/// The objects of one kind that a workload controls, and the writes that make it so.
#[derive(Debug, Default)]
pub struct Claim<'a> {
    /// What the workload controls now.
    pub owned: Vec<&'a Value>,
    /// Adoptions and releases still to be written.
    pub writes: Vec<Write>,
}

/// Returns what `owner` controls among the objects of `kind` in its namespace. Adoption needs `is_kin` besides the
/// selector: a StatefulSet only takes pods that bear one of its names.
pub fn claim<'a>(
    view: &'a View,
    kind: Kind,
    owner: &'a Value,
    is_kin: impl Fn(&Value) -> bool,
) -> Claim<'a> {
    let mut claim = Claim::default();
    for object in view.list(kind, namespace(owner)) {
        let matches = is_selected_by(object, owner) && is_kin(object);
        match controller_of(object) {
            Some(controller) if text(controller, "/uid") != uid(owner) => {}
            Some(_) if matches => claim.owned.push(object),
            Some(_) if is_deleting(owner) => {}
            Some(_) => claim.writes.push(release(object, owner)),
            None if matches && !is_deleting(owner) && !is_deleting(object) => {
                claim.writes.push(adopt(object, owner))
            }
            None => {}
        }
    }
    claim
}

/// Returns the adoptions of objects of `kind` that nobody controls and that the owner's selector finds. What does not match any
/// more is kept all the same, as a history is.
pub fn adoptions(view: &View, kind: Kind, owner: &Value) -> Vec<Write> {
    if is_deleting(owner) {
        return Vec::new();
    }
    let is_orphan = |object: &&Value| {
        controller_of(object).is_none() && !is_deleting(object) && is_selected_by(object, owner)
    };
    view.list(kind, namespace(owner))
        .filter(is_orphan)
        .map(|orphan| adopt(orphan, owner))
        .collect()
}

fn adopt(object: &Value, owner: &Value) -> Write {
    Write::update(object, |object| {
        let mut owners = items(object, "/metadata/ownerReferences").to_vec();
        owners.retain(|reference| text(reference, "/uid") != uid(owner));
        owners.push(controller_reference(owner));
        object["metadata"]["ownerReferences"] = json!(owners);
    })
}

fn release(object: &Value, owner: &Value) -> Write {
    Write::update(object, |object| {
        let mut owners = items(object, "/metadata/ownerReferences").to_vec();
        owners.retain(|reference| text(reference, "/uid") != uid(owner));
        object["metadata"]["ownerReferences"] = json!(owners);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, app: &str, owners: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "n", "name": name, "labels": {"app": app}, "ownerReferences": owners}})
    }

    #[test]
    fn orphans_are_adopted_and_strays_released() {
        let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"namespace": "n", "name": "web", "uid": "1"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}});
        let ours = controller_reference(&owner);
        let theirs = json!({"uid": "2", "controller": true});
        let view = View::from_objects([
            pod("mine", "web", json!([ours])),
            pod("orphan", "web", json!([])),
            pod("stray", "db", json!([ours])),
            pod("taken", "web", json!([theirs])),
        ]);
        let claim = claim(&view, Kind::Pod, &owner, |_| true);
        assert_eq!(claim.owned, vec![&pod("mine", "web", json!([ours]))]);
        assert_eq!(
            claim.writes,
            vec![
                Write::Update(pod("orphan", "web", json!([ours]))),
                Write::Update(pod("stray", "db", json!([])))
            ]
        );
    }
}
