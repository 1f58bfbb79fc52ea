//! Volumes: free, bound, released; reclaimed as their policy says; held while bound.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::claims::{COMPONENT, without_finalizer};
use super::kind::Kind;
use super::object::{
    after, annotation, has_finalizer, is_deleting, items, name, seconds, text, uid,
};
use super::view::{Key, View};
use super::write::{Decision, Note, Write};

/// The finalizer that holds a volume while it is bound.
pub const PROTECTION: &str = "kubernetes.io/pv-protection";

/// After how long a volume that could not be freed is tried again.
const RETRY_MS: i64 = 15_000;

/// What a volume's claimRef says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// Nobody, or a name that no claim has taken up yet.
    Nobody,
    /// A claim that is there.
    Claim,
    /// A claim that is gone.
    Gone,
}

/// Decides what one volume needs.
pub fn reconcile(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(volume) = view.get(Kind::PersistentVolume, key) else {
        return Decision::nothing();
    };
    let holder = holder(view, volume);
    if is_deleting(volume) {
        let may_go = holder != Holder::Claim && has_finalizer(volume, PROTECTION);
        return Decision::of(if may_go {
            vec![without_finalizer(volume, PROTECTION)]
        } else {
            Vec::new()
        });
    }
    if !has_finalizer(volume, PROTECTION) {
        return Decision::of(vec![Write::update(volume, |volume| {
            let mut held = items(volume, "/metadata/finalizers").to_vec();
            held.push(json!(PROTECTION));
            volume["metadata"]["finalizers"] = json!(held);
        })]);
    }
    let phase = match holder {
        Holder::Nobody => "Available",
        Holder::Claim => "Bound",
        Holder::Gone => "Released",
    };
    let mut writes = Vec::new();
    let is_failed = holder == Holder::Gone && text(volume, "/status/phase") == "Failed";
    if text(volume, "/status/phase") != phase && !is_failed {
        let status = json!({"phase": phase, "lastPhaseTransitionTime": seconds(now)});
        writes.push(Write::status(Kind::PersistentVolume, volume, status));
    }
    if holder == Holder::Gone && text(volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" {
        return reclaim(view, volume, writes, now);
    }
    Decision::of(writes)
}

/// Frees the storage of a volume and deletes it. One that cannot be freed has failed, and is tried again later.
fn reclaim(view: &View, volume: &Value, mut writes: Vec<Write>, now: Timestamp) -> Decision {
    let provisioner = annotation(volume, "pv.kubernetes.io/provisioned-by");
    let is_known = |provisioner: &str| {
        let mut classes = view.all(Kind::StorageClass);
        classes.any(|class| text(class, "/provisioner") == provisioner)
    };
    if !provisioner.is_none_or(is_known) {
        // It is for somebody who is not there.
        return Decision::of(writes);
    }
    let path = text(volume, "/spec/hostPath/path");
    if path.is_empty() || path.contains("/tmp/") {
        writes.push(Write::delete(Kind::PersistentVolume, volume));
        return Decision::of(writes);
    }
    let why = format!("host_path deleter only supports /tmp/.+ but received provided {path}");
    let mut decision = Decision::of(writes);
    if text(volume, "/status/phase") != "Failed" {
        let status =
            json!({"phase": "Failed", "message": why, "lastPhaseTransitionTime": seconds(now)});
        decision.write(Write::status(Kind::PersistentVolume, volume, status));
        let note = Note::warning(COMPONENT, volume, "VolumeFailedDelete", why);
        decision.write(Write::Event(note));
    }
    decision.wake(after(now, RETRY_MS));
    decision
}

fn holder(view: &View, volume: &Value) -> Holder {
    let holder = text(volume, "/spec/claimRef/uid");
    if holder.is_empty() {
        return Holder::Nobody;
    }
    let namespace = text(volume, "/spec/claimRef/namespace");
    let claim = view.find(
        Kind::PersistentVolumeClaim,
        namespace,
        text(volume, "/spec/claimRef/name"),
    );
    match claim.filter(|claim| uid(claim) == holder) {
        Some(claim)
            if matches!(text(claim, "/spec/volumeName"), "")
                || text(claim, "/spec/volumeName") == name(volume) =>
        {
            Holder::Claim
        }
        _ => Holder::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(claim_uid: &str, policy: &str, phase: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": "v", "uid": "pv", "finalizers": [PROTECTION]},
            "spec": {"claimRef": {"namespace": "n", "name": "c", "uid": claim_uid},
                "persistentVolumeReclaimPolicy": policy},
            "status": {"phase": phase}})
    }

    fn check(volume: Value, expected: &[(&str, bool)]) {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"namespace": "n", "name": "c", "uid": "here"}, "spec": {"volumeName": "v"}});
        let view = View::from_objects([volume, claim]);
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let decision = reconcile(&view, &Key::new("", "v"), now);
        let told: Vec<(&str, bool)> = decision
            .writes
            .iter()
            .map(|write| match write {
                Write::Status { status, .. } => (text(status, "/phase"), false),
                Write::Delete { .. } => ("", true),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_volume_follows_its_claim_and_its_policy() {
        check(volume("here", "Delete", "Pending"), &[("Bound", false)]);
        check(volume("here", "Delete", "Bound"), &[]);
        check(volume("gone", "Retain", "Bound"), &[("Released", false)]);
        check(volume("gone", "Retain", "Released"), &[]);
        check(
            volume("gone", "Delete", "Bound"),
            &[("Released", false), ("", true)],
        );
        check(volume("", "Retain", "Released"), &[("Available", false)]);
    }

    #[test]
    fn a_volume_that_cannot_be_freed_has_failed_and_says_why() {
        let mut unfit = volume("gone", "Delete", "Released");
        unfit["spec"]["hostPath"] = json!({"path": "/srv/data"});
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let look = |volume: &Value| {
            let view = View::from_objects([volume.clone()]);
            reconcile(&view, &Key::new("", "v"), now)
        };
        let decision = look(&unfit);
        let [Write::Status { status, .. }, Write::Event(note)] = decision.writes.as_slice() else {
            panic!("{decision:?}")
        };
        let why = "host_path deleter only supports /tmp/.+ but received provided /srv/data";
        assert_eq!(
            (text(status, "/phase"), text(status, "/message")),
            ("Failed", why)
        );
        assert_eq!(
            (note.reason, note.message.as_str()),
            ("VolumeFailedDelete", why)
        );
        assert!(decision.wake_at.is_some());
        unfit["status"]["phase"] = json!("Failed");
        assert_eq!(look(&unfit).writes, []);
        // What another made is another's to free.
        unfit["metadata"]["annotations"] =
            json!({"pv.kubernetes.io/provisioned-by": "example.com/disks"});
        unfit["status"]["phase"] = json!("Released");
        assert_eq!(look(&unfit).writes, []);
    }
}
