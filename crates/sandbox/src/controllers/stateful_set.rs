//! StatefulSets: pods with names that last, made, replaced and let go in order of their ordinals.
//!
//! [`super::revisions`] keeps the history of templates, [`claims`] the volumes of each ordinal, [`pods`] makes a pod of a
//! revision, [`status`] counts. The order below is the real controller's, and so are its limits: while an ordinal is
//! not ready, an `OrderedReady` set touches no other, which is why one that hangs on a broken template stays stuck
//! after the template was mended, until the stuck pod is deleted.

use jiff::Timestamp;
use serde_json::Value;

use super::kind::Kind;
use super::object::{count, int, is_deleting, label, name, namespace, text};
use super::ownership::{adoptions, claim};
use super::pods::{Availability, BURST, availability, is_finished};
use super::view::{Key, View};
use super::write::{Decision, Note, Write};

use super::revisions::Revisions;

mod claims;
mod pods;
mod status;

#[cfg(test)]
mod tests;

/// Who StatefulSet events come from.
pub const COMPONENT: &str = "statefulset-controller";

pub use super::revisions::REVISION_HASH;

/// Decides what one StatefulSet needs.
pub fn reconcile(view: &View, key: &Key, now: Timestamp) -> Decision {
    let Some(set) = view.get(Kind::StatefulSet, key) else {
        return Decision::nothing();
    };
    let claimed = claim(view, Kind::Pod, set, |pod| {
        pods::ordinal(set, pod).is_some()
    });
    if !claimed.writes.is_empty() {
        return Decision::of(claimed.writes);
    }
    let adoptions = adoptions(view, Kind::ControllerRevision, set);
    if !adoptions.is_empty() {
        return Decision::of(adoptions);
    }
    let revisions = Revisions::of(view, set);
    if !revisions.writes.is_empty() {
        return Decision::of(revisions.writes);
    }
    let turn = Turn {
        view,
        set,
        revisions: &revisions,
        now,
    };
    let mut decision = Decision::nothing();
    if !is_deleting(set) {
        turn.steer(&claimed.owned, &mut decision);
    }
    decision
        .writes
        .extend(status::report(set, &revisions, &claimed.owned, now));
    if decision.writes.is_empty() && !is_deleting(set) {
        decision.writes = revisions.prune(set, &claimed.owned);
    }
    decision
}

/// Decides what to say when a pod or claim of the set could not be made.
pub fn refused(view: &View, key: &Key, object: &Value, reason: &str) -> Vec<Write> {
    let Some(set) = view.get(Kind::StatefulSet, key) else {
        return Vec::new();
    };
    let of_pod = |pod: &str, why: &str| {
        format!(
            "Create Pod {pod} in StatefulSet {} failed error: {why}",
            name(set)
        )
    };
    let made = name(object);
    let messages = match text(object, "/kind") {
        "Pod" => vec![of_pod(made, reason)],
        "PersistentVolumeClaim" => {
            let Some(pod) = claims::pod_of(set, made) else {
                return Vec::new();
            };
            let of = name(set);
            vec![
                format!(
                    "Create Claim {made} for Pod {pod} in StatefulSet {of} failed error: {reason}"
                ),
                of_pod(&pod, &format!("failed to create PVC {made}: {reason}")),
            ]
        }
        _ => return Vec::new(),
    };
    let say = |message| Write::Event(Note::warning(COMPONENT, set, "FailedCreate", message));
    messages.into_iter().map(say).collect()
}

/// One look at one set.
struct Turn<'a> {
    view: &'a View,
    set: &'a Value,
    revisions: &'a Revisions<'a>,
    now: Timestamp,
}

impl<'a> Turn<'a> {
    /// Makes, mends, condemns and replaces pods, as far as this turn may go.
    fn steer(&self, owned: &[&'a Value], decision: &mut Decision) {
        let start = count(self.set, "/spec/ordinals/start");
        let wanted = int(self.set, "/spec/replicas").unwrap_or(1);
        let at = |ordinal: i64| {
            owned
                .iter()
                .copied()
                .find(|pod| pods::ordinal(self.set, pod) == Some(ordinal))
        };
        let range = start..start.saturating_add(wanted);
        let mut n_missing = 0;
        let slots: Vec<(i64, Option<&Value>)> = (range.clone())
            .map(|ordinal| (ordinal, at(ordinal)))
            .take_while(|(_, pod)| {
                n_missing += usize::from(pod.is_none());
                n_missing <= BURST
            })
            .collect();
        let in_range = |ordinal: i64| range.contains(&ordinal);
        let mut condemned: Vec<(i64, &Value)> = owned
            .iter()
            .filter_map(|pod| Some((pods::ordinal(self.set, pod)?, *pod)))
            .filter(|(ordinal, _)| !in_range(*ordinal))
            .collect();
        condemned.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
        let is_ordered = text(self.set, "/spec/podManagementPolicy") != "Parallel";

        for (ordinal, pod) in &slots {
            if self.process_replica(*ordinal, *pod, is_ordered, decision) && is_ordered {
                return;
            }
        }
        for (ordinal, pod) in &condemned {
            decision.writes.extend(claims::fix_owners(
                self.view, self.set, pod, *ordinal, false,
            ));
        }
        let first_unavailable = self.first_unavailable(&slots, &condemned);
        for (_, pod) in &condemned {
            if self.process_condemned(pod, first_unavailable, is_ordered, decision) && is_ordered {
                return;
            }
        }
        if text(self.set, "/spec/updateStrategy/type") != "OnDelete" {
            self.replace_outdated(&slots, decision);
        }
    }

    /// Brings one ordinal forward; returns whether an ordered set waits for it.
    fn process_replica(
        &self,
        ordinal: i64,
        pod: Option<&Value>,
        is_ordered: bool,
        decision: &mut Decision,
    ) -> bool {
        let Some(pod) = pod else {
            decision.writes.extend(self.create(ordinal));
            return true;
        };
        if is_finished(pod) {
            if !is_deleting(pod) {
                decision.writes.extend(self.delete(pod));
            }
            return true;
        }
        if text(pod, "/status/phase") == "Pending" {
            decision
                .writes
                .extend(claims::create_missing(self.view, self.set, pod, ordinal));
            decision
                .writes
                .extend(claims::fix_owners(self.view, self.set, pod, ordinal, true));
        }
        if is_ordered && (is_deleting(pod) || !self.is_available(pod, decision)) {
            return true;
        }
        decision.writes.extend(pods::fix_identity(self.set, pod));
        decision
            .writes
            .extend(claims::fix_owners(self.view, self.set, pod, ordinal, true));
        false
    }

    /// Lets one surplus pod go, highest ordinal first; returns whether an ordered set waits.
    fn process_condemned(
        &self,
        pod: &Value,
        first_unavailable: Option<&Value>,
        is_ordered: bool,
        decision: &mut Decision,
    ) -> bool {
        if is_deleting(pod) {
            return true;
        }
        let is_first_unavailable = first_unavailable.is_some_and(|first| name(first) == name(pod));
        if is_ordered && !self.is_available(pod, decision) && !is_first_unavailable {
            return true;
        }
        decision.writes.extend(self.delete(pod));
        true
    }

    /// Replaces pods of other revisions, highest ordinal first, one after the other.
    fn replace_outdated(&self, slots: &[(i64, Option<&Value>)], decision: &mut Decision) {
        let partition = count(self.set, "/spec/updateStrategy/rollingUpdate/partition");
        let first = count(self.set, "/spec/ordinals/start") + partition;
        for (_, pod) in slots.iter().rev().filter(|(ordinal, _)| *ordinal >= first) {
            let Some(pod) = pod else { return };
            if label(pod, REVISION_HASH) != Some(self.revisions.update_name()) && !is_deleting(pod)
            {
                decision.writes.extend(self.delete(pod));
                return;
            }
            if is_deleting(pod) || !self.is_available(pod, decision) {
                return;
            }
        }
    }

    fn create(&self, ordinal: i64) -> Vec<Write> {
        let start = count(self.set, "/spec/ordinals/start");
        let partition = count(self.set, "/spec/updateStrategy/rollingUpdate/partition");
        let is_rolling = text(self.set, "/spec/updateStrategy/type") != "OnDelete";
        let (template, revision) = if is_rolling && ordinal < start + partition {
            self.revisions.current()
        } else {
            self.revisions.update()
        };
        let pod = pods::build(self.set, template, revision, ordinal);
        if claims::is_stale(self.view, self.set, &pod, ordinal) {
            return Vec::new();
        }
        let mut writes = claims::create_missing(self.view, self.set, &pod, ordinal);
        writes.extend(claims::fix_owners(self.view, self.set, &pod, ordinal, true));
        let message = format!(
            "Create Pod {} in StatefulSet {} successful",
            name(&pod),
            name(self.set)
        );
        writes.push(Write::Create(pod));
        writes.push(Write::Event(Note::normal(
            COMPONENT,
            self.set,
            "SuccessfulCreate",
            message,
        )));
        writes
    }

    fn delete(&self, pod: &Value) -> [Write; 2] {
        let message = format!(
            "Delete Pod {} in StatefulSet {} successful",
            name(pod),
            name(self.set)
        );
        let note = Note::normal(COMPONENT, self.set, "SuccessfulDelete", message);
        [Write::delete(Kind::Pod, pod), Write::Event(note)]
    }

    fn is_available(&self, pod: &Value, decision: &mut Decision) -> bool {
        if text(pod, "/status/phase") != "Running" {
            return false;
        }
        match availability(pod, count(self.set, "/spec/minReadySeconds"), self.now) {
            Availability::Available => true,
            Availability::NotReady => false,
            Availability::From(at) => {
                decision.wake(at);
                false
            }
        }
    }

    fn first_unavailable(
        &self,
        slots: &[(i64, Option<&'a Value>)],
        condemned: &[(i64, &'a Value)],
    ) -> Option<&'a Value> {
        let mut ignored = Decision::nothing();
        let replicas = slots.iter().filter_map(|(_, pod)| *pod);
        let rest = condemned.iter().rev().map(|(_, pod)| *pod);
        replicas
            .chain(rest)
            .find(|pod| is_deleting(pod) || !self.is_available(pod, &mut ignored))
    }
}

/// Returns the sets of the namespace that may want to hear of a claim called `claim`.
pub fn wanting_claim<'a>(view: &'a View, claim: &'a Value) -> impl Iterator<Item = Key> + 'a {
    view.list(Kind::StatefulSet, namespace(claim))
        .filter(move |set| claims::is_template_claim(set, name(claim)))
        .map(Key::of)
}
