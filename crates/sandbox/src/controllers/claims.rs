//! Claims: bound to a volume that is free, or to one made for them; held while a pod uses them; grown on demand.
//!
//! Making and growing a volume take a moment, so this controller remembers when it began; it also remembers what it
//! said last of each claim, so that an event is not told again for every look.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{
    after, annotation, flag, has_finalizer, is_deleting, items, name, namespace, seconds, text, uid,
};
use super::pods::is_finished;
use super::scheduler::{SELECTED_NODE, waits_for_consumer};
use super::view::{Key, View};
use super::write::{Decision, Note, Weight, Write};
use crate::quantity::milli;

use binding::{
    BIND_COMPLETED, best_match, bind, has_claim_ref, is_reserved_for, new_volume, pending_status,
};

mod binding;

/// Who claim events come from.
pub const COMPONENT: &str = "persistentvolume-controller";
/// The finalizer that holds a claim while a pod uses it.
pub const PROTECTION: &str = "kubernetes.io/pvc-protection";
/// The annotation with the provisioner that a claim waits for, under its two names.
const PROVISIONERS: [&str; 2] = [
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
];
/// The annotation of the class that stands in where a claim names none.
const IS_DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// How long making a volume takes.
const PROVISION_MS: i64 = 350;
/// How long growing one takes.
const GROW_MS: i64 = 1_200;

/// The memory of the claims' controller.
#[derive(Debug, Default)]
pub struct Claims {
    provisioning_since: HashMap<String, Timestamp>,
    growing_since: HashMap<String, Timestamp>,
    told: HashMap<String, String>,
}

impl Claims {
    /// Decides what one claim needs.
    pub fn reconcile(&mut self, view: &View, key: &Key, now: Timestamp) -> Decision {
        let Some(claim) = view.get(Kind::PersistentVolumeClaim, key) else {
            return Decision::nothing();
        };
        if is_deleting(claim) {
            self.forget(claim);
            let may_go = has_finalizer(claim, PROTECTION) && !is_in_use(view, claim);
            return Decision::of(if may_go {
                vec![without_finalizer(claim, PROTECTION)]
            } else {
                Vec::new()
            });
        }
        if !has_finalizer(claim, PROTECTION) {
            return Decision::of(vec![Write::update(claim, |claim| {
                let mut held = items(claim, "/metadata/finalizers").to_vec();
                held.push(json!(PROTECTION));
                claim["metadata"]["finalizers"] = json!(held);
            })]);
        }
        match text(claim, "/spec/volumeName") {
            "" => self.find_volume(view, claim, now),
            volume => self.keep_bound(view, claim, volume, now),
        }
    }

    fn forget(&mut self, claim: &Value) {
        self.provisioning_since.remove(uid(claim));
        self.growing_since.remove(uid(claim));
        self.told.remove(uid(claim));
    }

    fn find_volume(&mut self, view: &View, claim: &Value, now: Timestamp) -> Decision {
        if claim
            .pointer("/spec/storageClassName")
            .is_none_or(Value::is_null)
            && let Some(class) = default_class(view)
        {
            return Decision::of(vec![Write::update(claim, |claim| {
                claim["spec"]["storageClassName"] = json!(name(class));
            })]);
        }
        let must_wait =
            waits_for_consumer(view, claim) && annotation(claim, SELECTED_NODE).is_none();
        if let Some(volume) = best_match(view, claim, must_wait) {
            self.forget(claim);
            return Decision::of(bind(claim, volume, now));
        }
        let mut decision = Decision::of(pending_status(claim));
        if must_wait {
            let (reason, message) = match unplaced_pod(view, claim) {
                None => (
                    "WaitForFirstConsumer",
                    "waiting for first consumer to be created before binding".to_owned(),
                ),
                Some(pod) => (
                    "WaitForPodScheduled",
                    format!("waiting for pod {} to be scheduled", name(pod)),
                ),
            };
            self.tell(&mut decision, claim, Weight::Normal, reason, message);
            return decision;
        }
        self.provision(view, claim, now, &mut decision);
        decision
    }

    fn provision(&mut self, view: &View, claim: &Value, now: Timestamp, decision: &mut Decision) {
        let class_name = text(claim, "/spec/storageClassName");
        if class_name.is_empty() {
            let message =
                "no persistent volumes available for this claim and no storage class is set"
                    .to_owned();
            return self.tell(decision, claim, Weight::Normal, "FailedBinding", message);
        }
        let Some(class) = view.find(Kind::StorageClass, "", class_name) else {
            let message = format!("storageclass.storage.k8s.io \"{class_name}\" not found");
            return self.tell(
                decision,
                claim,
                Weight::Warning,
                "ProvisioningFailed",
                message,
            );
        };
        let provisioner = text(class, "/provisioner");
        if provisioner == "kubernetes.io/no-provisioner" {
            let message =
                "no persistent volumes available for this claim and no storage class is set"
                    .to_owned();
            return self.tell(decision, claim, Weight::Normal, "FailedBinding", message);
        }
        if annotation(claim, PROVISIONERS[1]) != Some(provisioner) {
            return decision.write(Write::update(claim, |claim| {
                for key in PROVISIONERS {
                    claim["metadata"]["annotations"][key] = json!(provisioner);
                }
            }));
        }
        let since = *self
            .provisioning_since
            .entry(uid(claim).to_owned())
            .or_insert(now);
        let done_at = after(since, PROVISION_MS);
        if done_at > now {
            let message = format!(
                "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the \
                 system administrator. If volume creation is delayed, please verify that the provisioner is running and \
                 correctly registered."
            );
            self.tell(
                decision,
                claim,
                Weight::Normal,
                "ExternalProvisioning",
                message,
            );
            return decision.wake(done_at);
        }
        let volume = new_volume(claim, class);
        let message = format!("Successfully provisioned volume {}", name(&volume));
        decision.write(Write::Create(volume));
        decision.write(Write::Event(Note::normal(
            "csi-provisioner",
            claim,
            "ProvisioningSucceeded",
            message,
        )));
    }

    fn keep_bound(
        &mut self,
        view: &View,
        claim: &Value,
        volume_name: &str,
        now: Timestamp,
    ) -> Decision {
        let Some(volume) = view.find(Kind::PersistentVolume, "", volume_name) else {
            let mut decision = Decision::nothing();
            if annotation(claim, BIND_COMPLETED).is_none() {
                decision.writes = pending_status(claim);
                return decision;
            }
            if text(claim, "/status/phase") != "Lost" {
                let mut status = claim["status"].clone();
                status["phase"] = json!("Lost");
                decision.write(Write::status(Kind::PersistentVolumeClaim, claim, status));
                let message =
                    "Bound claim has lost its PersistentVolume. Any data on the volume is lost!"
                        .to_owned();
                self.tell(&mut decision, claim, Weight::Warning, "ClaimLost", message);
            }
            return decision;
        };
        let holder = text(volume, "/spec/claimRef/uid");
        if !holder.is_empty() && holder != uid(claim)
            || !is_reserved_for(volume, claim) && has_claim_ref(volume)
        {
            let mut decision = Decision::of(pending_status(claim));
            let message = format!("volume \"{volume_name}\" already bound to a different claim.");
            self.tell(
                &mut decision,
                claim,
                Weight::Warning,
                "FailedBinding",
                message,
            );
            return decision;
        }
        let binding = bind(claim, volume, now);
        if !binding.is_empty() {
            return Decision::of(binding);
        }
        self.grow(view, claim, volume, now)
    }

    /// Grows the volume of a claim that asks for more than it has, where its class allows it.
    fn grow(&mut self, view: &View, claim: &Value, volume: &Value, now: Timestamp) -> Decision {
        let wanted = text(claim, "/spec/resources/requests/storage");
        let granted = text(claim, "/status/capacity/storage");
        let class = view.find(
            Kind::StorageClass,
            "",
            text(claim, "/spec/storageClassName"),
        );
        let may_grow = class.is_some_and(|class| flag(class, "/allowVolumeExpansion"));
        if !may_grow || milli(wanted) <= milli(granted) {
            self.growing_since.remove(uid(claim));
            return Decision::nothing();
        }
        let mut decision = Decision::nothing();
        let since = *self
            .growing_since
            .entry(uid(claim).to_owned())
            .or_insert(now);
        let done_at = after(since, GROW_MS);
        let mut status = claim["status"].clone();
        if done_at > now {
            status["conditions"] = json!([{
                "lastProbeTime": null,
                "lastTransitionTime": seconds(since),
                "status": "True",
                "type": "Resizing",
            }]);
            let message = format!("External resizer is resizing volume {}", name(volume));
            if status != claim["status"] {
                decision.write(Write::status(Kind::PersistentVolumeClaim, claim, status));
                decision.write(Write::Event(Note::normal(
                    "volume_expand",
                    claim,
                    "Resizing",
                    message,
                )));
            }
            decision.wake(done_at);
            return decision;
        }
        status["capacity"]["storage"] = json!(wanted);
        if let Some(status) = status.as_object_mut() {
            status.remove("conditions");
        }
        decision.write(Write::update(volume, |volume| {
            volume["spec"]["capacity"]["storage"] = json!(wanted)
        }));
        decision.write(Write::status(Kind::PersistentVolumeClaim, claim, status));
        let message = format!(
            "MountVolume.NodeExpandVolume succeeded for volume \"{}\"",
            name(volume)
        );
        decision.write(Write::Event(Note::normal(
            "kubelet",
            claim,
            "FileSystemResizeSuccessful",
            message,
        )));
        decision
    }

    /// Adds an event unless the same was the last that was said of the claim.
    fn tell(
        &mut self,
        decision: &mut Decision,
        claim: &Value,
        weight: Weight,
        reason: &'static str,
        message: String,
    ) {
        if self
            .told
            .insert(uid(claim).to_owned(), message.clone())
            .as_ref()
            != Some(&message)
        {
            let note = Note::normal(COMPONENT, claim, reason, message);
            decision.write(Write::Event(Note { weight, ..note }));
        }
    }
}

/// Returns the update that takes a finalizer off.
pub fn without_finalizer(object: &Value, finalizer: &str) -> Write {
    Write::update(object, |object| {
        let mut held = items(object, "/metadata/finalizers").to_vec();
        held.retain(|other| other != finalizer);
        object["metadata"]["finalizers"] = json!(held);
    })
}

/// Returns whether a pod that has a place uses the claim.
///
/// NB: one that has finished holds it as well, until the pod is deleted (kubernetes/kubernetes#120756).
fn is_in_use(view: &View, claim: &Value) -> bool {
    view.list(Kind::Pod, namespace(claim))
        .any(|pod| !text(pod, "/spec/nodeName").is_empty() && uses(pod, name(claim)))
}

/// Returns whether a pod mounts the claim called `claim`.
pub fn uses(pod: &Value, claim: &str) -> bool {
    items(pod, "/spec/volumes")
        .iter()
        .any(|volume| text(volume, "/persistentVolumeClaim/claimName") == claim)
}

fn unplaced_pod<'a>(view: &'a View, claim: &'a Value) -> Option<&'a Value> {
    let waits = |pod: &&Value| text(pod, "/spec/nodeName").is_empty() && !is_finished(pod);
    view.list(Kind::Pod, namespace(claim))
        .find(|pod| waits(pod) && uses(pod, name(claim)))
}

fn default_class(view: &View) -> Option<&Value> {
    view.all(Kind::StorageClass)
        .find(|class| annotation(class, IS_DEFAULT_CLASS) == Some("true"))
}

#[cfg(test)]
mod tests;
