//! What a DaemonSet says of itself.

use serde_json::{Map, Value};

use crate::controllers::kind::Kind;
use crate::controllers::object::{count, label, map, put_count};
use crate::controllers::pods::{Availability, is_ready};
use crate::controllers::revisions::REVISION_HASH;
use crate::controllers::write::{Decision, Write};

use super::Turn;

impl Turn<'_> {
    /// Adds the write of the status, if it changed, and when a pod becomes available by age.
    pub(super) fn report(&self, decision: &mut Decision) {
        let (mut wanted, mut there, mut astray, mut ready) = (0, 0, 0, 0);
        let (mut updated, mut available) = (0, 0);
        for (node, pods) in &self.nodes {
            let first = pods.first();
            if !self.belongs(node).should_run {
                astray += i64::from(first.is_some());
                continue;
            }
            wanted += 1;
            let Some(pod) = first else { continue };
            there += 1;
            updated += i64::from(label(pod, REVISION_HASH) == Some(&self.hash));
            ready += i64::from(is_ready(pod));
            match self.is_available(pod) {
                Availability::Available => available += 1,
                Availability::From(at) => decision.wake(at),
                Availability::NotReady => {}
            }
        }
        let before = map(self.set, "/status").cloned().unwrap_or_default();
        let mut status: Map<String, Value> = before.clone();
        for (field, n) in [
            ("currentNumberScheduled", there),
            ("desiredNumberScheduled", wanted),
            ("numberMisscheduled", astray),
            ("numberReady", ready),
        ] {
            status.insert(field.to_owned(), n.into());
        }
        put_count(&mut status, "updatedNumberScheduled", updated);
        put_count(&mut status, "numberAvailable", available);
        put_count(&mut status, "numberUnavailable", wanted - available);
        let generation = count(self.set, "/metadata/generation");
        put_count(&mut status, "observedGeneration", generation);
        if status != before {
            let status = Value::Object(status);
            decision.write(Write::status(Kind::DaemonSet, self.set, status));
        }
    }
}
