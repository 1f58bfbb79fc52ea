//! The scheduler: finds a node for each pod, or says why none will do, in the real scheduler's words.
//!
//! Claims first: a missing claim or an unbound one of an immediate class keeps the pod waiting; those that wait for
//! their first consumer are told the chosen node and waited for. Preemption is judged for the message but never done.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kind::Kind;
use super::object::{
    annotation, condition, controller_of, flag, is_deleting, items, name, namespace, text, uid,
};
use super::pods::{is_finished, tolerates, wants_node, with_condition};
use super::quantity::milli;
use super::view::{Key, View};
use super::write::{Decision, Note, Write};

/// Who scheduling events come from.
pub const COMPONENT: &str = "default-scheduler";

/// The annotation by which a claim learns on which node its first consumer will run.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Amounts by resource name, in thousandths.
type Amounts = BTreeMap<String, i128>;

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

/// Why a node will not do: the reasons, and whether evicting other pods could change that.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    reasons: Vec<String>,
    is_curable: bool,
}

impl Refusal {
    fn for_good(reason: &str) -> Refusal {
        Refusal {
            reasons: vec![reason.to_owned()],
            is_curable: false,
        }
    }
}

/// How good a place is; the least is the best: few pods of the same workload, then little in use.
type Score = (usize, i128, String);

fn fit(
    view: &View,
    pod: &Value,
    wanted: &Amounts,
    node: &Value,
    claims: &Claims<'_>,
) -> Result<Score, Refusal> {
    if flag(node, "/spec/unschedulable") {
        return Err(Refusal::for_good("node(s) were unschedulable"));
    }
    let repels = |taint: &&Value| {
        matches!(text(taint, "/effect"), "NoSchedule" | "NoExecute") && !tolerates(pod, taint)
    };
    if items(node, "/spec/taints")
        .iter()
        .any(|taint| repels(&taint))
    {
        return Err(Refusal::for_good("node(s) had untolerated taint(s)"));
    }
    if !wants_node(pod, node) {
        return Err(Refusal::for_good(
            "node(s) didn't match Pod's node affinity/selector",
        ));
    }
    let elsewhere = |claim: &&Value| {
        annotation(claim, SELECTED_NODE).is_some_and(|chosen| chosen != name(node))
    };
    if claims.unbound.iter().any(elsewhere) {
        return Err(Refusal::for_good(
            "node(s) didn't find available persistent volumes to bind",
        ));
    }
    let here: Vec<&Value> = view
        .all(Kind::Pod)
        .filter(|other| text(other, "/spec/nodeName") == name(node) && !is_finished(other))
        .collect();
    let used = here
        .iter()
        .map(|other| requests_of(other))
        .fold(Amounts::new(), add);
    let capacity = amounts(node.pointer("/status/allocatable"));
    check_room(wanted, &used, &capacity, here.len())?;
    if claims.is_taken {
        let reason = "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already \
                      in-use by another pod";
        return Err(Refusal {
            reasons: vec![reason.to_owned()],
            is_curable: true,
        });
    }
    let owner = controller_of(pod).map(|owner| text(owner, "/uid"));
    let siblings = here
        .iter()
        .filter(|other| controller_of(other).map(|owner| text(owner, "/uid")) == owner)
        .count();
    let load = |resource: &str| {
        let total = capacity.get(resource).copied().unwrap_or_default().max(1);
        used.get(resource).copied().unwrap_or_default() * 1000 / total
    };
    // A node with accelerators is left to those who ask for them, as long as another one will do.
    let spares_gpu = capacity
        .keys()
        .any(|resource| is_extended(resource) && !wanted.contains_key(resource));
    let crowding = if spares_gpu {
        10_000
    } else {
        load("cpu") + load("memory")
    };
    Ok((siblings, crowding, name(node).to_owned()))
}

fn is_extended(resource: &str) -> bool {
    resource.contains('/')
}

fn check_room(
    wanted: &Amounts,
    used: &Amounts,
    capacity: &Amounts,
    n_pods: usize,
) -> Result<(), Refusal> {
    let mut reasons = Vec::new();
    let mut is_curable = true;
    let pods_allowed = capacity.get("pods").copied().unwrap_or_default() / 1000;
    if n_pods as i128 >= pods_allowed {
        reasons.push("Too many pods".to_owned());
    }
    for (resource, amount) in wanted.iter().filter(|(_, amount)| **amount > 0) {
        let total = capacity.get(resource).copied().unwrap_or_default();
        if used.get(resource).copied().unwrap_or_default() + amount > total {
            reasons.push(format!("Insufficient {resource}"));
            is_curable &= *amount <= total;
        }
    }
    if reasons.is_empty() {
        Ok(())
    } else {
        Err(Refusal {
            reasons,
            is_curable,
        })
    }
}

/// Returns the message that sums up why no node will do.
fn explain(refusals: &[Refusal]) -> String {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for reason in refusals.iter().flat_map(|refusal| &refusal.reasons) {
        *reasons.entry(reason).or_default() += 1;
    }
    let curable = refusals.iter().filter(|refusal| refusal.is_curable).count();
    let mut verdicts = BTreeMap::new();
    verdicts.insert("No preemption victims found for incoming pod", curable);
    verdicts.insert(
        "Preemption is not helpful for scheduling",
        refusals.len() - curable,
    );
    let list = |counts: BTreeMap<&str, usize>| {
        let counted = counts.iter().filter(|(_, n)| **n > 0);
        let mut parts: Vec<String> = counted.map(|(reason, n)| format!("{n} {reason}")).collect();
        parts.sort();
        parts.join(", ")
    };
    let n = refusals.len();
    let (reasons, verdicts) = (list(reasons), list(verdicts));
    format!(
        "0/{n} nodes are available: {reasons}. no new claims to deallocate, preemption: 0/{n} nodes are available: \
         {verdicts}."
    )
}

/// Returns what a pod asks for: its containers together, or its largest init container where that is more.
fn requests_of(pod: &Value) -> Amounts {
    let of_container = |container: &Value| {
        let mut asked = amounts(container.pointer("/resources/limits"));
        asked.extend(amounts(container.pointer("/resources/requests")));
        asked
    };
    let mut together = items(pod, "/spec/containers")
        .iter()
        .map(of_container)
        .fold(Amounts::new(), add);
    for (resource, amount) in items(pod, "/spec/initContainers")
        .iter()
        .flat_map(of_container)
    {
        let most = together.entry(resource).or_default();
        *most = amount.max(*most);
    }
    together
}

fn amounts(quantities: Option<&Value>) -> Amounts {
    let quantities = quantities.and_then(Value::as_object).into_iter().flatten();
    let read = |quantity: &Value| match quantity {
        Value::String(text) => milli(text),
        number => number.as_i64().map(|whole| i128::from(whole) * 1000),
    };
    quantities
        .filter_map(|(resource, quantity)| Some((resource.clone(), read(quantity)?)))
        .collect()
}

fn add(mut sum: Amounts, more: Amounts) -> Amounts {
    for (resource, amount) in more {
        *sum.entry(resource).or_default() += amount;
    }
    sum
}

#[cfg(test)]
mod tests;
