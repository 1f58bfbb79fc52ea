//! How the pods of an older template give way: as many nodes at a time as may be without, or with a second pod first.

use jiff::Timestamp;
use serde_json::Value;

use crate::controllers::object::{is_deleting, label, text};
use crate::controllers::pods::{Availability, is_finished};
use crate::controllers::revisions::REVISION_HASH;
use crate::controllers::write::Write;

use super::Turn;

/// What a node has of the newest template and of an older one.
struct Here<'a> {
    node: &'a str,
    new: Option<&'a Value>,
    old: Option<&'a Value>,
}

impl<'a> Turn<'a> {
    /// Returns the replacements that may be begun now.
    pub(super) fn roll(&self, wake_at: &mut Option<Timestamp>) -> Vec<Write> {
        if text(self.set, "/spec/updateStrategy/type") == "OnDelete" {
            return Vec::new();
        }
        let nodes: Vec<Here<'_>> = self.wanted().collect();
        let (surge, unavailable) = self.limits(nodes.len());
        match surge {
            0 => self.replace(&nodes, unavailable.max(1), wake_at),
            surge => self.surge(&nodes, surge, wake_at),
        }
    }

    fn wanted(&self) -> impl Iterator<Item = Here<'_>> {
        let nodes = self
            .nodes
            .iter()
            .filter(|(node, _)| self.belongs(node).should_run);
        nodes.map(|(node, pods)| {
            let alive = || pods.iter().copied().filter(|pod| !is_finished(pod));
            let is_new = |pod: &&Value| label(pod, REVISION_HASH) == Some(&self.hash);
            Here {
                node,
                new: alive().find(is_new),
                old: alive().find(|pod| !is_new(pod)),
            }
        })
    }

    /// Returns how many nodes may have two pods, and how many none.
    fn limits(&self, n_nodes: usize) -> (usize, usize) {
        let limit = |field: &str, default: usize| {
            let pointer = format!("/spec/updateStrategy/rollingUpdate/{field}");
            match self.set.pointer(&pointer) {
                Some(Value::Number(n)) => n.as_u64().unwrap_or_default() as usize,
                Some(Value::String(text)) => {
                    let percent: usize = text.trim_end_matches('%').parse().unwrap_or_default();
                    (n_nodes * percent).div_ceil(100)
                }
                _ => default,
            }
        };
        (limit("maxSurge", 0), limit("maxUnavailable", 1))
    }

    fn is_up(&self, pod: &Value, wake_at: &mut Option<Timestamp>) -> bool {
        match self.is_available(pod) {
            Availability::Available => true,
            Availability::NotReady => false,
            Availability::From(at) => {
                *wake_at = Some(wake_at.map_or(at, |earlier| earlier.min(at)));
                false
            }
        }
    }

    /// Takes old pods away; those that serve nobody first, and of the others no more than may be missing.
    fn replace(
        &self,
        nodes: &[Here<'_>],
        most: usize,
        wake_at: &mut Option<Timestamp>,
    ) -> Vec<Write> {
        let (mut n_missing, mut writes, mut serving) = (0, Vec::new(), Vec::new());
        for here in nodes {
            match (here.new, here.old) {
                (Some(new), _) => n_missing += usize::from(!self.is_up(new, wake_at)),
                (None, Some(old)) if self.is_up(old, wake_at) => serving.push(old),
                (None, old) => {
                    n_missing += 1;
                    let old = old.filter(|old| !is_deleting(old));
                    writes.extend(old.into_iter().flat_map(|old| self.delete(old)));
                }
            }
        }
        let begun = serving.into_iter().take(most.saturating_sub(n_missing));
        writes.extend(begun.flat_map(|old| self.delete(old)));
        writes
    }

    /// Puts new pods beside old ones, which go once the new ones are up.
    fn surge(
        &self,
        nodes: &[Here<'_>],
        most: usize,
        wake_at: &mut Option<Timestamp>,
    ) -> Vec<Write> {
        let (mut n_doubled, mut writes, mut waiting) = (0, Vec::new(), Vec::new());
        for here in nodes {
            match (here.new, here.old) {
                (Some(new), Some(old)) if self.is_up(new, wake_at) => {
                    let old = Some(old).filter(|old| !is_deleting(old));
                    writes.extend(old.into_iter().flat_map(|old| self.delete(old)));
                }
                (Some(_), Some(_)) => n_doubled += 1,
                (None, Some(_)) => waiting.push(here.node),
                (_, None) => {}
            }
        }
        let begun = waiting.into_iter().take(most.saturating_sub(n_doubled));
        writes.extend(begun.flat_map(|node| self.create(node)));
        writes
    }
}
