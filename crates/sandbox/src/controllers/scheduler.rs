//! The scheduler: finds a node for each pod, or says why none will do, in the real scheduler's words.
//!
//! Claims first: a missing claim or an unbound one of an immediate class keeps the pod waiting; those that wait for
//! their first consumer are told the chosen node and waited for. Preemption is judged for the message but never done.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{annotation, condition, is_deleting, items, name, namespace, text, uid};
use super::pods::{is_finished, with_condition};
use super::view::{Key, View};
use super::write::{Decision, Note, Write};

use fit::{explain, fit, requests_of};

mod fit;

/// Who scheduling events come from.
pub const COMPONENT: &str = "default-scheduler";

/// The annotation by which a claim learns on which node its first consumer will run.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Returns whether the scheduler has still to find a node for `pod`.
pub fn is_waiting(pod: &Value) -> bool {
    text(pod, "/spec/nodeName").is_empty()
        && !is_deleting(pod)
        && !is_finished(pod)
        && matches!(text(pod, "/spec/schedulerName"), "" | COMPONENT)
}

/// Decides where one pod runs.
pub fn reconcile(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(pod) = view.get(Kind::Pod, key).filter(|pod| is_waiting(pod)) else {
        return Decision::nothing();
    };
    let nodes: Vec<&Value> = view.all(Kind::Node).collect();
    let claims = match Claims::of(view, pod) {
        Ok(claims) => claims,
        Err(why) if !nodes.is_empty() => {
            let message = format!("0/{} nodes are available: {why}. not found", nodes.len());
            return refuse(pod, message, now);
        }
        Err(_) => Claims::default(),
    };
    if nodes.is_empty() {
        return refuse(pod, "no nodes available to schedule pods".to_owned(), now);
    }
    let wanted = requests_of(pod);
    let (mut fitting, mut refusals) = (Vec::new(), Vec::new());
    for node in &nodes {
        match fit(view, pod, &wanted, node, &claims) {
            Ok(score) => fitting.push((score, *node)),
            Err(refusal) => refusals.push(refusal),
        }
    }
    let best = fitting
        .into_iter()
        .min_by(|(one, _), (other, _)| one.cmp(other));
    let Some((_, node)) = best else {
        return refuse(pod, explain(&refusals), now);
    };
    if claims.unbound.is_empty() {
        return bind(pod, node, now);
    }
    // The claims are bound first; their change brings the pod back here.
    let to_tell = claims
        .unbound
        .iter()
        .filter(|claim| annotation(claim, SELECTED_NODE).is_none());
    let tell = |claim: &&Value| {
        Write::update(claim, |claim| {
            claim["metadata"]["annotations"][SELECTED_NODE] = json!(name(node))
        })
    };
    Decision::of(to_tell.map(tell).collect())
}

fn bind(pod: &Value, node: &Value, now: Timestamp) -> Decision {
    let conditions = with_condition(
        items(pod, "/status/conditions"),
        "PodScheduled",
        true,
        json!({}),
        now,
    );
    let mut status = pod.get("status").cloned().unwrap_or_else(|| json!({}));
    status["phase"] = json!("Pending");
    status["conditions"] = json!(conditions);
    let message = format!(
        "Successfully assigned {}/{} to {}",
        namespace(pod),
        name(pod),
        name(node)
    );
    Decision::of(vec![
        Write::Bind {
            key: Key::of(pod),
            uid: uid(pod).to_owned(),
            node: name(node).to_owned(),
        },
        Write::status(Kind::Pod, pod, status),
        Write::Event(Note::normal(COMPONENT, pod, "Scheduled", message).doing("Binding")),
    ])
}

/// Says why a pod finds no node, once for each reason.
fn refuse(pod: &Value, message: String, now: Timestamp) -> Decision {
    let told = condition(pod, "PodScheduled").map(|condition| text(condition, "/message"));
    if told == Some(&message) {
        return Decision::nothing();
    }
    let extra = json!({
        "message": message,
        "observedGeneration": pod.pointer("/metadata/generation").cloned().unwrap_or_else(|| json!(1)),
        "reason": "Unschedulable",
    });
    let conditions = with_condition(
        items(pod, "/status/conditions"),
        "PodScheduled",
        false,
        extra,
        now,
    );
    let mut status = pod.get("status").cloned().unwrap_or_else(|| json!({}));
    status["phase"] = json!("Pending");
    status["conditions"] = json!(conditions);
    Decision::of(vec![
        Write::status(Kind::Pod, pod, status),
        Write::Event(
            Note::warning(COMPONENT, pod, "FailedScheduling", message).doing("Scheduling"),
        ),
    ])
}

/// The claims of a pod that matter for its place.
#[derive(Debug, Default)]
struct Claims<'a> {
    /// Those that wait for the pod's place before they are bound.
    unbound: Vec<&'a Value>,
    /// The volumes of those that are bound: each may be tied to some nodes.
    volumes: Vec<&'a Value>,
    /// Whether a claim that only one pod may use is used by another.
    is_taken: bool,
}

impl<'a> Claims<'a> {
    fn of(view: &'a View, pod: &Value) -> Result<Claims<'a>, String> {
        let mut claims = Claims::default();
        let mut has_unbound_immediate = false;
        for volume in items(pod, "/spec/volumes") {
            let claim_name = text(volume, "/persistentVolumeClaim/claimName");
            if claim_name.is_empty() {
                continue;
            }
            let found = view.find(Kind::PersistentVolumeClaim, namespace(pod), claim_name);
            let claim =
                found.ok_or_else(|| format!("persistentvolumeclaim \"{claim_name}\" not found"))?;
            if is_deleting(claim) {
                return Err(format!(
                    "persistentvolumeclaim \"{claim_name}\" is being deleted"
                ));
            }
            if text(claim, "/status/phase") == "Lost" {
                let volume = text(claim, "/spec/volumeName");
                return Err(format!(
                    "persistentvolumeclaim \"{claim_name}\" bound to non-existent persistentvolume \"{volume}\""
                ));
            }
            if text(claim, "/status/phase") != "Bound" {
                if waits_for_consumer(view, claim) {
                    claims.unbound.push(claim);
                } else {
                    has_unbound_immediate = true;
                }
            } else {
                let volume = text(claim, "/spec/volumeName");
                claims
                    .volumes
                    .extend(view.find(Kind::PersistentVolume, "", volume));
            }
            let is_exclusive = items(claim, "/spec/accessModes")
                .iter()
                .any(|mode| mode == "ReadWriteOncePod");
            claims.is_taken |= is_exclusive && is_used_by_another(view, claim, pod);
        }
        if has_unbound_immediate {
            return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
        Ok(claims)
    }
}

/// Returns whether a claim is only bound once a pod that uses it has a place.
pub fn waits_for_consumer(view: &View, claim: &Value) -> bool {
    view.find(
        Kind::StorageClass,
        "",
        text(claim, "/spec/storageClassName"),
    )
    .is_some_and(|class| text(class, "/volumeBindingMode") == "WaitForFirstConsumer")
}

fn is_used_by_another(view: &View, claim: &Value, pod: &Value) -> bool {
    let uses = |other: &Value| {
        items(other, "/spec/volumes")
            .iter()
            .any(|volume| text(volume, "/persistentVolumeClaim/claimName") == name(claim))
    };
    view.list(Kind::Pod, namespace(claim)).any(|other| {
        name(other) != name(pod)
            && !text(other, "/spec/nodeName").is_empty()
            && !is_finished(other)
            && uses(other)
    })
}

#[cfg(test)]
mod tests;
