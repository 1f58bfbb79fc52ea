//! Which objects a workload controls: those that name it, and orphans that its selector finds.
//!
//! An orphan is adopted by writing the reference; what no longer matches is let go. Both are writes of their own,
//! and the workload is looked at again when they are done.

use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{
    controller_reference, is_deleting, is_selected_by, items, namespace, text, uid,
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
    let matches = |object: &Value| is_selected_by(object, owner) && is_kin(object);
    let mut claim = Claim::default();
    for object in view.controlled(kind, owner) {
        if matches(object) {
            claim.owned.push(object);
        } else if !is_deleting(owner) {
            claim.writes.push(release(object, owner));
        }
    }
    if !is_deleting(owner) {
        let found = view.orphans(kind, namespace(owner));
        let found = found.filter(|orphan| !is_deleting(orphan) && matches(orphan));
        claim
            .writes
            .extend(found.map(|orphan| adopt(orphan, owner)));
    }
    claim
}

/// Returns the adoptions of objects of `kind` that nobody controls and that the owner's selector finds. What does not match any
/// more is kept all the same, as a history is.
pub fn adoptions(view: &View, kind: Kind, owner: &Value) -> Vec<Write> {
    if is_deleting(owner) {
        return Vec::new();
    }
    view.orphans(kind, namespace(owner))
        .filter(|orphan| !is_deleting(orphan) && is_selected_by(orphan, owner))
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
                Write::Update(pod("stray", "db", json!([]))),
                Write::Update(pod("orphan", "web", json!([ours]))),
            ]
        );
    }
}
