//! Whether a pod fits a node, how well, and the words for why it fits none.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::controllers::kind::Kind;
use crate::controllers::object::{annotation, controller_of, flag, items, name, text};
use crate::controllers::pods::{is_finished, meets_terms, tolerates, wants_node};
use crate::controllers::view::View;
use crate::quantity::milli;

use super::{Claims, SELECTED_NODE};

/// Amounts by resource name, in thousandths.
pub(super) type Amounts = BTreeMap<String, i128>;

/// Why a node will not do: the reasons, and whether evicting other pods could change that.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
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
pub(super) type Score = (usize, i128, String);

/// Returns how good a node is for a pod, or why it will not do.
pub(super) fn fit(
    view: &View,
    pod: &Value,
    wanted: &Amounts,
    node: &Value,
    claims: &Claims<'_>,
) -> Result<Score, Refusal> {
    let cordoned = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    if flag(node, "/spec/unschedulable") && !tolerates(pod, &cordoned) {
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
    let is_there = |volume: &&Value| {
        let terms = volume.pointer("/spec/nodeAffinity/required/nodeSelectorTerms");
        meets_terms(terms, node)
    };
    if !claims.volumes.iter().all(is_there) {
        let reason = "node(s) didn't match PersistentVolume's node affinity";
        return Err(Refusal::for_good(reason));
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
pub(super) fn explain(refusals: &[Refusal]) -> String {
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
pub(super) fn requests_of(pod: &Value) -> Amounts {
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
