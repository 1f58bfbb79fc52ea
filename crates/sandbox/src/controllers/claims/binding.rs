//! How a claim and a volume find each other: which one suits, and the writes that make them point at each other.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::controllers::kind::Kind;
use crate::controllers::object::{
    annotation, is_deleting, items, map, name, namespace, seconds, text, uid,
};
use crate::controllers::view::View;
use crate::controllers::volumes;
use crate::controllers::write::{Write, reference};
use crate::quantity::milli;
use crate::selector::selects;

/// The annotation that says that claim and volume found each other.
pub(super) const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// The annotation that says that the controller, not a person, put them together.
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";

/// Returns whether a volume's claimRef names anybody.
pub(super) fn has_claim_ref(volume: &Value) -> bool {
    volume
        .pointer("/spec/claimRef")
        .is_some_and(Value::is_object)
}

/// Returns whether a volume's claimRef names the claim, be it by name alone.
pub(super) fn is_reserved_for(volume: &Value, claim: &Value) -> bool {
    let holder = text(volume, "/spec/claimRef/uid");
    text(volume, "/spec/claimRef/name") == name(claim)
        && text(volume, "/spec/claimRef/namespace") == namespace(claim)
        && (holder.is_empty() || holder == uid(claim))
}

/// Returns the volume that suits a claim best: one reserved for it, else the smallest free one that is large enough.
pub(super) fn best_match<'a>(
    view: &'a View,
    claim: &Value,
    reserved_only: bool,
) -> Option<&'a Value> {
    let suits = |volume: &&Value| {
        let has_modes = items(claim, "/spec/accessModes")
            .iter()
            .all(|mode| items(volume, "/spec/accessModes").contains(mode));
        let same_class =
            text(volume, "/spec/storageClassName") == text(claim, "/spec/storageClassName");
        let selected = claim
            .pointer("/spec/selector")
            .is_none_or(|selector| selects(Some(selector), map(volume, "/metadata/labels")));
        let is_large_enough = milli(text(volume, "/spec/capacity/storage"))
            >= milli(text(claim, "/spec/resources/requests/storage"));
        !is_deleting(volume) && has_modes && same_class && selected && is_large_enough
    };
    let reserved = view
        .all(Kind::PersistentVolume)
        .filter(suits)
        .find(|volume| is_reserved_for(volume, claim));
    if reserved.is_some() || reserved_only {
        return reserved;
    }
    view.all(Kind::PersistentVolume)
        .filter(suits)
        .filter(|volume| {
            !has_claim_ref(volume)
                && matches!(text(volume, "/status/phase"), "" | "Pending" | "Available")
        })
        .min_by_key(|volume| milli(text(volume, "/spec/capacity/storage")))
}

/// Returns the writes that make claim and volume point at each other; none if they do.
pub(super) fn bind(claim: &Value, volume: &Value, now: Timestamp) -> Vec<Write> {
    let mut writes = Vec::new();
    if text(volume, "/spec/claimRef/uid") != uid(claim) {
        writes.push(Write::update(volume, |volume| {
            if !has_claim_ref(volume) {
                volume["metadata"]["annotations"][BOUND_BY_CONTROLLER] = json!("yes");
            }
            volume["spec"]["claimRef"] = reference(claim);
        }));
    }
    if text(volume, "/status/phase") != "Bound" {
        let status = json!({"phase": "Bound", "lastPhaseTransitionTime": seconds(now)});
        writes.push(Write::status(Kind::PersistentVolume, volume, status));
    }
    let is_named = text(claim, "/spec/volumeName") == name(volume);
    if !is_named || annotation(claim, BIND_COMPLETED).is_none() {
        writes.push(Write::update(claim, |claim| {
            claim["metadata"]["annotations"][BIND_COMPLETED] = json!("yes");
            if !is_named {
                claim["metadata"]["annotations"][BOUND_BY_CONTROLLER] = json!("yes");
                claim["spec"]["volumeName"] = json!(name(volume));
            }
        }));
    }
    if text(claim, "/status/phase") != "Bound" {
        let status = json!({
            "accessModes": volume["spec"]["accessModes"],
            "capacity": volume["spec"]["capacity"],
            "phase": "Bound",
        });
        writes.push(Write::status(Kind::PersistentVolumeClaim, claim, status));
    }
    writes
}

/// Returns the write that tells that a claim waits, unless that is told.
pub(super) fn pending_status(claim: &Value) -> Vec<Write> {
    let is_told = matches!(text(claim, "/status/phase"), "Pending" | "Lost");
    if is_told {
        Vec::new()
    } else {
        vec![Write::status(
            Kind::PersistentVolumeClaim,
            claim,
            json!({"phase": "Pending"}),
        )]
    }
}

/// Returns the volume that a class makes for a claim.
pub(super) fn new_volume(claim: &Value, class: &Value) -> Value {
    let volume_name = format!("pvc-{}", uid(claim));
    let provisioner = text(class, "/provisioner");
    let mut spec: Map<String, Value> = Map::new();
    spec.insert(
        "accessModes".to_owned(),
        claim["spec"]["accessModes"].clone(),
    );
    spec.insert(
        "capacity".to_owned(),
        json!({"storage": text(claim, "/spec/resources/requests/storage")}),
    );
    spec.insert("claimRef".to_owned(), reference(claim));
    spec.insert(
        "csi".to_owned(),
        json!({"driver": provisioner, "volumeHandle": volume_name}),
    );
    let policy = match text(class, "/reclaimPolicy") {
        "" => "Delete",
        policy => policy,
    };
    spec.insert("persistentVolumeReclaimPolicy".to_owned(), json!(policy));
    spec.insert("storageClassName".to_owned(), json!(name(class)));
    spec.insert(
        "volumeMode".to_owned(),
        claim
            .pointer("/spec/volumeMode")
            .cloned()
            .unwrap_or_else(|| json!("Filesystem")),
    );
    json!({
        "apiVersion": Kind::PersistentVolume.api_version(),
        "kind": Kind::PersistentVolume.kind(),
        "metadata": {
            "name": volume_name,
            "annotations": {"pv.kubernetes.io/provisioned-by": provisioner},
            "finalizers": [volumes::PROTECTION],
        },
        "spec": spec,
    })
}
