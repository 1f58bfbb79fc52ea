//! Which claims are in use, and which are kept though nothing uses them. Pure.
//!
//! A claim is kept if no pod mounts it, no workload of its instance would, and it is no part of the instance any more: a teardown
//! left it, or it left the definition.
//! What a `StatefulSet` that was scaled down would take again is idle, not kept.

use std::fmt;

use serde::Serialize;

use super::summary::Claim;
use crate::definition::id::Namespace;

/// What becomes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimState {
    /// A pod mounts it.
    InUse,
    /// No pod mounts it, but a workload would, one that is stopped, scaled down, or about to start; or it is a part of its
    /// instance, whatever there may come to use it.
    Idle,
    /// Nothing uses it, and nothing that runs would.
    Kept,
    /// It has no volume yet.
    Pending,
    /// Its volume is gone.
    Lost,
    /// It is being deleted.
    Terminating,
}

impl ClaimState {
    /// Returns the state's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InUse => "InUse",
            Self::Idle => "Idle",
            Self::Kept => "Kept",
            Self::Pending => "Pending",
            Self::Lost => "Lost",
            Self::Terminating => "Terminating",
        }
    }
}

impl fmt::Display for ClaimState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The claims that a pod mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodMounts {
    /// Namespace of the pod.
    pub namespace: Namespace,
    /// Name of the pod.
    pub pod: String,
    /// Names of the claims.
    pub claims: Vec<String>,
    /// Whether it has ended for good, so that it uses nothing any more.
    pub has_ended: bool,
    /// Whether it was given a node.
    pub has_node: bool,
}

impl PodMounts {
    /// Tells whether it mounts a claim of its namespace, and may use it still.
    pub fn uses(&self, claim: &str) -> bool {
        !self.has_ended && self.mounts(claim)
    }

    /// Tells whether a claim of its namespace that is being deleted is not gone before it is: the server asks whether it has a
    /// node and mounts the claim, and not whether it has ended.
    pub fn holds(&self, claim: &str) -> bool {
        self.has_node && self.mounts(claim)
    }

    /// Tells whether it is to start once it has a node, which it never has without a claim of its namespace.
    pub fn waits_with(&self, claim: &str) -> bool {
        !self.has_node && self.uses(claim)
    }

    fn mounts(&self, claim: &str) -> bool {
        self.claims.iter().any(|it| it == claim)
    }
}

/// The claims that a workload's pods mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadClaims {
    /// Namespace of the workload.
    pub namespace: Namespace,
    /// Name of the workload.
    pub name: String,
    /// Names of claims in its pod template.
    pub claims: Vec<String>,
    /// Names of its claim templates.
    pub templates: Vec<String>,
}

impl WorkloadClaims {
    /// Tells whether its pods mount a claim, or would if there were more of them.
    pub fn wants(&self, namespace: &Namespace, claim: &str) -> bool {
        *namespace == self.namespace
            && (self.claims.iter().any(|name| name == claim) || self.has_template_of(claim))
    }

    fn has_template_of(&self, claim: &str) -> bool {
        let Some((stem, ordinal)) = claim.rsplit_once('-') else {
            return false;
        };
        let is_number = !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit());
        let volume = stem
            .strip_suffix(self.name.as_str())
            .and_then(|stem| stem.strip_suffix('-'));
        is_number && volume.is_some_and(|volume| self.templates.iter().any(|name| name == volume))
    }
}

/// Returns the pods that mount a claim, by name.
pub fn used_by(claim: &Claim, pods: &[PodMounts]) -> Vec<String> {
    let mounts =
        |pod: &&PodMounts| pod.namespace == claim.instance.namespace && pod.uses(&claim.name);
    let mut names: Vec<String> = pods.iter().filter(mounts).map(|p| p.pod.clone()).collect();
    names.sort();
    names
}

/// Returns what becomes of a claim that these pods mount.
pub fn state(claim: &Claim, used_by: &[String], workloads: &[WorkloadClaims]) -> ClaimState {
    let is_wanted = || {
        let namespace = &claim.instance.namespace;
        claim.is_member || workloads.iter().any(|it| it.wants(namespace, &claim.name))
    };
    match claim.phase.as_str() {
        _ if claim.deletion.is_some() => ClaimState::Terminating,
        "Lost" => ClaimState::Lost,
        phase if phase != "Bound" && (!used_by.is_empty() || is_wanted()) => ClaimState::Pending,
        _ if !used_by.is_empty() => ClaimState::InUse,
        _ if is_wanted() => ClaimState::Idle,
        // Unbound or not: nothing would ever use it again by itself.
        _ => ClaimState::Kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::summary::{Deletion, InstanceKey};

    fn claim(name: &str, phase: &str) -> Claim {
        Claim {
            instance: InstanceKey {
                namespace: "team-a".parse().unwrap(),
                id: "db".parse().unwrap(),
            },
            name: name.to_owned(),
            uid: "c".to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            deletion: None,
            phase: phase.to_owned(),
            requested: "1Gi".to_owned(),
            capacity: None,
            storage_class: None,
            volume: None,
            access_modes: Vec::new(),
            growth: None,
            is_member: false,
        }
    }

    fn pod(namespace: &str, claim: &str, has_ended: bool) -> PodMounts {
        PodMounts {
            namespace: namespace.parse().unwrap(),
            pod: "db-0".to_owned(),
            claims: vec![claim.to_owned()],
            has_ended,
            has_node: true,
        }
    }

    fn check(claim: Claim, pods: &[PodMounts], expected: ClaimState) {
        let workload = WorkloadClaims {
            namespace: "team-a".parse().unwrap(),
            name: "db".to_owned(),
            claims: vec!["db-data-shared".to_owned()],
            templates: vec!["data".to_owned()],
        };
        let users = used_by(&claim, pods);
        assert_eq!(state(&claim, &users, &[workload]), expected, "{claim:?}");
    }

    #[test]
    fn a_claim_is_kept_if_nothing_uses_it_and_nothing_would() {
        let mounted = [pod("team-a", "data-db-0", false)];
        check(claim("data-db-0", "Bound"), &mounted, ClaimState::InUse);
        check(claim("data-db-0", "Bound"), &[], ClaimState::Idle);
        check(claim("data-db-7", "Bound"), &mounted, ClaimState::Idle);
        check(claim("db-data-shared", "Bound"), &[], ClaimState::Idle);
        check(claim("old-db-0", "Bound"), &mounted, ClaimState::Kept);
        check(claim("data-other-0", "Bound"), &[], ClaimState::Kept);
        check(claim("old-db-0", "Pending"), &[], ClaimState::Kept);
    }

    #[test]
    fn a_part_of_an_instance_is_never_kept() {
        let member = |phase| Claim {
            is_member: true,
            ..claim("backups", phase)
        };
        check(member("Bound"), &[], ClaimState::Idle);
        check(member("Pending"), &[], ClaimState::Pending);
        check(claim("backups", "Bound"), &[], ClaimState::Kept);
    }

    #[test]
    fn pods_elsewhere_and_those_that_ended_use_nothing() {
        let pods = [
            pod("team-b", "old-db-0", false),
            pod("team-a", "old-db-0", true),
        ];
        check(claim("old-db-0", "Bound"), &pods, ClaimState::Kept);
        // Somebody else's pod does.
        let pods = [pod("team-a", "old-db-0", false)];
        check(claim("old-db-0", "Bound"), &pods, ClaimState::InUse);
    }

    #[test]
    fn what_is_on_its_way_says_so() {
        check(claim("data-db-0", "Pending"), &[], ClaimState::Pending);
        check(claim("data-db-0", "Lost"), &[], ClaimState::Lost);
        let mut going = claim("data-db-0", "Bound");
        going.deletion = Some(Deletion {
            since: jiff::Timestamp::UNIX_EPOCH,
            finalizers: Vec::new(),
        });
        check(going, &[], ClaimState::Terminating);
    }
}
