//! What controllers, schedulers and kubelets say, in words that a person can act on. Pure.
//!
//! Each reads one known form of message; what has another form is passed on as it is, for a wrong word is worse than a long one.

use super::sentence;

/// Returns why no node takes a pod, by the scheduler's message.
fn scheduling(message: &str) -> String {
    let message = sentence(message);
    nodes(message)
        .or_else(|| claims_of_pod(message))
        .unwrap_or_else(|| message.to_owned())
}

/// Reads `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {x: y}. preemption: …`.
fn nodes(message: &str) -> Option<String> {
    let (counts, rest) = message.split_once(" nodes are available: ")?;
    let total: u32 = counts.strip_prefix("0/")?.parse().ok()?;
    let end = [". preemption", ". no new claims", ", preemption"]
        .iter()
        .filter_map(|tail| rest.find(tail))
        .min();
    let rest = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
    if let Some(words) = claims_of_pod(rest) {
        return Some(words);
    }
    let reasons: Option<Vec<String>> = rest.split(", ").map(node_reason).collect();
    let reasons = reasons?.join(", ");
    Some(match total {
        1 => format!("the only node does not fit: {reasons}"),
        n => format!("none of {n} nodes fits: {reasons}"),
    })
}

/// Says what to do where volumes are what keeps a pod from the nodes: they do not move.
fn remedy(reasons: &str) -> Option<&'static str> {
    if reasons.contains(ELSEWHERE) || reasons.contains(OTHER_ZONE) {
        return Some(
            "make room where its volume is, or, if the data may go, let it have a new claim",
        );
    }
    reasons
        .contains(NO_FREE_VOLUME)
        .then_some("a volume of its class must be free on a node that takes the pod")
}

/// What is said of a node that a volume cannot be reached from.
const ELSEWHERE: &str = "its volume is in another zone or on another node";
/// What is said of a node in a zone that a volume is not in.
const OTHER_ZONE: &str = "its volume is in another zone";

fn node_reason(item: &str) -> Option<String> {
    let (count, reason) = item.split_once(' ')?;
    let _: u32 = count.parse().ok()?;
    let reason = reason.trim_start_matches("node(s) ");
    let words = if let Some(resource) = reason.strip_prefix("Insufficient ") {
        format!("too little {resource}")
    } else if let Some(taint) = reason.strip_prefix("had untolerated taint ") {
        format!("taint {taint} is not tolerated")
    } else {
        match reason {
            // Before Kubernetes 1.35 it had the first of these words.
            "had volume node affinity conflict" | "didn't match PersistentVolume's node affinity" => {
                ELSEWHERE
            }
            "had no available volume zone" => OTHER_ZONE,
            "did not have enough free storage" => "too little storage for its volume",
            "unavailable due to one or more pvc(s) bound to non-existent pv(s)" => {
                "the volume of its claim is gone"
            }
            "unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod" => {
                "another pod uses its claim, which is for one alone"
            }
            "had untolerated taint(s)" | "had taints that the pod didn't tolerate" => {
                "taints are not tolerated"
            }
            "didn't satisfy existing pods anti-affinity rules" => {
                "the anti-affinity of other pods keeps it away"
            }
            "exceed max volume count" => "no more volumes can be attached",
            "didn't match Pod's node affinity/selector" => {
                "node selector or affinity does not match"
            }
            "didn't match pod affinity rules" => "pod affinity does not match",
            "didn't match pod anti-affinity rules" => "pod anti-affinity keeps it away",
            "didn't match pod topology spread constraints" => "it must be spread over more places",
            "didn't have free ports for the requested pod ports" => "its port is taken",
            "didn't find available persistent volumes to bind" => NO_FREE_VOLUME,
            "were unschedulable" => "closed to new pods",
            "Too many pods" => "no room for another pod",
            other => other,
        }
        .to_owned()
    };
    Some(format!("{count} {words}"))
}

/// What is said of a pod whose claim is not bound.
const NO_VOLUME_YET: &str = "its claim has no volume yet";

/// Returns why no node takes a pod, with the claim that it waits for and why that one has no volume, where the scheduler's
/// message leaves that out, and with what to do where that is known.
pub(super) fn scheduling_with(message: &str, claim: Option<String>) -> String {
    let mut words = scheduling(message);
    let remedy = remedy(&words);
    match claim {
        Some(claim) if words == NO_VOLUME_YET => words = claim,
        Some(claim) if words.contains(NO_FREE_VOLUME) => words.push_str(&format!("; {claim}")),
        _ => {}
    }
    match remedy {
        Some(remedy) => format!("{words}; {remedy}"),
        None => words,
    }
}

/// What is said of a node on which no volume can be had.
const NO_FREE_VOLUME: &str = "no volume to bind";

fn claims_of_pod(message: &str) -> Option<String> {
    if message.contains("pod has unbound immediate PersistentVolumeClaims") {
        return Some(NO_VOLUME_YET.to_owned());
    }
    let rest = message.split_once("persistentvolumeclaim \"")?.1;
    let (claim, what) = rest.split_once('"')?;
    // Newer schedulers add what their attempts at preemption came to: `not found. not found`.
    let what = what.split('.').next().unwrap_or_default();
    match what.trim() {
        "not found" => Some(format!("claim {claim} does not exist")),
        "is being deleted" => Some(format!("claim {claim} is being deleted")),
        _ => None,
    }
}

/// Returns why an object could not be created, by the server's message: above all a quota that is used up.
pub(super) fn creation(message: &str) -> String {
    let message = sentence(message);
    let claim = message
        .split_once("Create Claim ")
        .or_else(|| message.split_once("create Claim "))
        .or_else(|| message.split_once("failed to create PVC "))
        .and_then(|(_, rest)| rest.split([' ', ':']).next());
    let why = quota(message).unwrap_or_else(|| {
        // The controller's own words before it say what is said already.
        let (_, why) = message
            .rsplit_once(" failed error: ")
            .unwrap_or(("", message));
        let why = why.strip_prefix("Error creating: ").unwrap_or(why);
        admission(why).unwrap_or_else(|| why.to_owned())
    });
    match claim {
        Some(claim) => format!("claim {claim}: {why}"),
        None => why,
    }
}

/// Reads what admission says of a pod that names something that is not there, or that its namespace does not allow.
fn admission(message: &str) -> Option<String> {
    let (_, why) = message.split_once(" is forbidden: ")?;
    if let Some(rest) = why.strip_prefix("no PriorityClass with name ") {
        let class = rest.strip_suffix(" was found")?;
        return Some(format!("there is no PriorityClass {class}"));
    }
    if let Some(rest) = why.strip_prefix("pod rejected: RuntimeClass \"") {
        let class = rest.strip_suffix("\" not found")?;
        return Some(format!("there is no RuntimeClass {class}"));
    }
    if let Some(rest) = why.strip_prefix("error looking up service account ") {
        let (account, what) = rest.split_once(": ")?;
        let (_, name) = account.split_once('/')?;
        return (what == format!("serviceaccount \"{name}\" not found"))
            .then(|| format!("there is no ServiceAccount {name}"));
    }
    let rest = why.strip_prefix("violates PodSecurity \"")?;
    let (level, what) = rest.split_once("\": ")?;
    Some(format!(
        "its namespace allows only pods of the security level {level}: {what}"
    ))
}

/// Reads `… exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2`, and `failed quota: q: must specify …`.
fn quota(message: &str) -> Option<String> {
    if let Some((_, rest)) = message.split_once("failed quota: ") {
        let (quota, what) = rest.split_once(": must specify ")?;
        return Some(format!("quota {quota} wants {what} to be set"));
    }
    let (_, rest) = message.split_once("exceeded quota: ")?;
    let (quota, rest) = rest.split_once(", requested: ")?;
    let (requested, rest) = rest.split_once(", used: ")?;
    let (used, limited) = rest.split_once(", limited: ")?;
    let amount = |list: &str, resource: &str| {
        let mut pairs = list
            .split(',')
            .filter_map(|pair| pair.trim().split_once('='));
        let found = pairs.find(|(name, _)| *name == resource);
        found.map(|(_, amount)| amount.to_owned())
    };
    let parts: Option<Vec<String>> = requested
        .split(',')
        .map(|pair| {
            let (resource, wanted) = pair.trim().split_once('=')?;
            let (used, limit) = (amount(used, resource)?, amount(limited, resource)?);
            Some(format!(
                "{resource}: {used} of {limit} used, {wanted} more asked for"
            ))
        })
        .collect();
    let is_left = |pair: &str| {
        let Some((resource, _)) = pair.trim().split_once('=') else {
            return false;
        };
        amount(used, resource) != amount(limited, resource)
    };
    // What is asked for may be more than there is left, and even than there is at all.
    let what = match requested.split(',').all(is_left) {
        true => "leaves too little",
        false => "is used up",
    };
    Some(format!("quota {quota} {what}: {}", parts?.join("; ")))
}

/// Returns why a volume is not mounted, by the kubelet's or the attacher's message.
pub(super) fn mount(message: &str) -> String {
    let message = sentence(message);
    volume_failed(message)
        .or_else(|| mounts_late(message))
        .or_else(|| attached_elsewhere(message))
        .unwrap_or_else(|| message.to_owned())
}

/// Reads `MountVolume.SetUp failed for volume "conf" : configmap "x" not found`, and the like of `AttachVolume.Attach`.
fn volume_failed(message: &str) -> Option<String> {
    let (what, rest) = message.split_once(" failed for volume \"")?;
    let (volume, why) = rest.split_once('"')?;
    let why = without_rpc(why.trim_start_matches([' ', ':']));
    let verb = match what.starts_with("Attach") {
        true => "attached",
        false => "mounted",
    };
    Some(format!("volume {volume} cannot be {verb}: {why}"))
}

fn mounts_late(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("unmounted volumes=[")?;
    let (volumes, _) = rest.split_once(']')?;
    let why = match message.rsplit_once(": ") {
        Some((_, why)) if !why.contains("timed out") && !why.contains("deadline exceeded") => why,
        _ => "it takes too long",
    };
    Some(format!(
        "volume {} is not mounted: {why}",
        volumes.replace(' ', ", ")
    ))
}

fn attached_elsewhere(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("Multi-Attach error for volume \"")?;
    let (volume, why) = rest.split_once('"')?;
    let why = why.trim();
    let user = why.strip_prefix("Volume is already used by pod(s) ");
    Some(match user {
        Some(user) => {
            format!("volume {volume} is attached to another node, where pod {user} uses it")
        }
        None => format!("volume {volume} is attached to another node"),
    })
}

/// Returns what a remote procedure said in the end, without its codes.
pub(super) fn without_rpc(message: &str) -> &str {
    let (_, description) = message.rsplit_once(" desc = ").unwrap_or(("", message));
    sentence(description)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheduler_says_what_each_node_lacks() {
        let check =
            |message: &str, expected: &str| assert_eq!(scheduling_with(message, None), expected);
        check(
            "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {a: b}. preemption: 0/3 nodes are \
             available: 3 Preemption is not helpful for scheduling.",
            "none of 3 nodes fits: 1 too little cpu, 2 taint {a: b} is not tolerated",
        );
        check(
            "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: 0/1 nodes are \
             available: 1 No preemption victims found for incoming pod.",
            "the only node does not fit: 1 too little nvidia.com/gpu",
        );
        check(
            "0/2 nodes are available: 1 node(s) had volume node affinity conflict, 1 node(s) were unschedulable.",
            "none of 2 nodes fits: 1 its volume is in another zone or on another node, 1 closed to new pods; make room where its \
             volume is, or, if the data may go, let it have a new claim",
        );
        check(
            "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) had untolerated taint(s).",
            "none of 2 nodes fits: 1 its volume is in another zone or on another node, 1 taints are not tolerated; make room \
             where its volume is, or, if the data may go, let it have a new claim",
        );
        check(
            "0/1 nodes are available: 1 node(s) had no available volume zone. preemption: 0/1 nodes are available: 1 Preemption \
             is not helpful for scheduling.",
            "the only node does not fit: 1 its volume is in another zone; make room where its volume is, or, if the data may go, \
             let it have a new claim",
        );
        check(
            "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.",
            "none of 2 nodes fits: 2 no volume to bind; a volume of its class must be free on a node that takes the pod",
        );
        check(
            "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/2 nodes are available",
            "its claim has no volume yet",
        );
        check(
            "persistentvolumeclaim \"data-db-0\" not found",
            "claim data-db-0 does not exist",
        );
        check(
            "0/3 nodes are available: persistentvolumeclaim \"data-db-0\" not found. not found",
            "claim data-db-0 does not exist",
        );
        check(
            "0/3 nodes are available: something new.",
            "0/3 nodes are available: something new",
        );
    }

    #[test]
    fn a_quota_says_what_is_used_and_asked_for() {
        let check = |message: &str, expected: &str| assert_eq!(creation(message), expected);
        check(
            "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden: exceeded quota: team, requested: \
             pods=1,requests.cpu=2, used: pods=2,requests.cpu=3, limited: pods=2,requests.cpu=4",
            "quota team is used up: pods: 2 of 2 used, 1 more asked for; requests.cpu: 3 of 4 used, 2 more asked for",
        );
        check(
            "create Claim data-db-0 for Pod db-0 in StatefulSet db failed error: failed to create PVC data-db-0: \
             persistentvolumeclaims \"data-db-0\" is forbidden: exceeded quota: team, requested: requests.storage=1Gi, used: \
             requests.storage=5Gi, limited: requests.storage=5Gi",
            "claim data-db-0: quota team is used up: requests.storage: 5Gi of 5Gi used, 1Gi more asked for",
        );
        check(
            "persistentvolumeclaims \"data-db-0\" is forbidden: exceeded quota: q, requested: requests.storage=2Gi, used: \
             requests.storage=0, limited: requests.storage=1Gi",
            "quota q leaves too little: requests.storage: 0 of 1Gi used, 2Gi more asked for",
        );
        for message in [
            "Create Claim data-db-0 for Pod db-0 in StatefulSet db failed error: persistentvolumeclaims \"data-db-0\" is \
             forbidden: exceeded quota: team, requested: persistentvolumeclaims=1, used: persistentvolumeclaims=2, \
             limited: persistentvolumeclaims=2",
            "Create Pod db-0 in StatefulSet db failed error: failed to create PVC data-db-0: persistentvolumeclaims \
             \"data-db-0\" is forbidden: exceeded quota: team, requested: persistentvolumeclaims=1, used: \
             persistentvolumeclaims=2, limited: persistentvolumeclaims=2",
        ] {
            check(
                message,
                "claim data-db-0: quota team is used up: persistentvolumeclaims: 2 of 2 used, 1 more asked for",
            );
        }
        check(
            "pods \"web-1\" is forbidden: failed quota: team: must specify limits.cpu for: web",
            "quota team wants limits.cpu for: web to be set",
        );
        check(
            "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden: violates PodSecurity",
            "pods \"db-0\" is forbidden: violates PodSecurity",
        );
        check(
            "Error creating: pods \"web-x\" is forbidden: no PriorityClass with name high was found",
            "there is no PriorityClass high",
        );
        check(
            "pods \"web-x\" is forbidden: pod rejected: RuntimeClass \"gvisor\" not found",
            "there is no RuntimeClass gvisor",
        );
        check(
            "pods \"web-\" is forbidden: error looking up service account team/robot: serviceaccount \"robot\" not found",
            "there is no ServiceAccount robot",
        );
        check(
            "pods \"web-x\" is forbidden: violates PodSecurity \"restricted:latest\": privileged (container \"a\" must not)",
            "its namespace allows only pods of the security level restricted:latest: privileged (container \"a\" must not)",
        );
        check("exceeded quota: pods", "exceeded quota: pods");
    }

    #[test]
    fn a_mount_says_which_volume_and_why() {
        let check = |message: &str, expected: &str| assert_eq!(mount(message), expected);
        check(
            "MountVolume.SetUp failed for volume \"conf\" : configmap \"web-conf\" not found",
            "volume conf cannot be mounted: configmap \"web-conf\" not found",
        );
        check(
            "AttachVolume.Attach failed for volume \"pvc-1\" : rpc error: code = Internal desc = no such disk.",
            "volume pvc-1 cannot be attached: no such disk",
        );
        check(
            "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process \
             volumes=[]: timed out waiting for the condition",
            "volume data is not mounted: it takes too long",
        );
        check(
            "Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) web-0",
            "volume pvc-1 is attached to another node, where pod web-0 uses it",
        );
        check("something new.", "something new");
    }
}
