//! What the claims of an instance say about its health, and why a claim has no volume.

use std::time::Duration;

use super::{GraceClock, InstanceView, claim_label, sentence, words};
use crate::service::claim_growth::growing;
use crate::service::summary::{Claim, Event};

/// How long a claim that something speaks against may be unbound.
const REFUSED_CLAIM_GRACE: Duration = Duration::from_secs(10);
/// How long a claim that nothing speaks against may be unbound: storage can take minutes to come.
const CLAIM_GRACE: Duration = Duration::from_secs(120);

/// Returns the sentence of the first claim that has no volume though it should.
pub(super) fn unbound(view: &InstanceView<'_>, clock: &mut GraceClock) -> Option<String> {
    let mut claims = view.claims.iter().filter(|claim| claim.deletion.is_none());
    claims.find_map(|claim| match claim.phase.as_str() {
        "Bound" => None,
        "Lost" => Some(format!("{} lost its volume", claim_label(claim))),
        _ => pending_claim(claim, view.events, clock),
    })
}

fn pending_claim(claim: &Claim, events: &[Event], clock: &mut GraceClock) -> Option<String> {
    let label = claim_label(claim);
    let (grace, sentence) = match why(claim, events) {
        // Then the pod says what is wrong.
        Some(Why {
            cause: Cause::WaitsForPod,
            ..
        }) => return None,
        Some(Why {
            cause: Cause::Refused,
            words,
        }) => (
            REFUSED_CLAIM_GRACE,
            format!("{label} is not bound: {words}"),
        ),
        Some(Why {
            cause: Cause::TakesLong,
            words,
        }) => (CLAIM_GRACE, format!("{label} is not bound: {words}")),
        None => (CLAIM_GRACE, format!("{label} is not bound")),
    };
    clock.is_over(claim.created, grace).then_some(sentence)
}

/// Says which claim a pod that has no node waits for, and why that one has no volume: one of its own, or else the first of the
/// instance.
pub(super) fn awaited(view: &InstanceView<'_>, pod: &str) -> Option<String> {
    let is_pending = |claim: &&Claim| claim.deletion.is_none() && claim.phase == "Pending";
    let is_own = |claim: &&Claim| {
        let stem = claim.name.strip_suffix(pod);
        stem.is_some_and(|stem| stem.ends_with('-'))
    };
    let pending = || view.claims.iter().filter(is_pending);
    let claim = pending().find(is_own).or_else(|| pending().next())?;
    let mut said = claim_label(claim);
    if let Some(class) = &claim.storage_class {
        said.push_str(&format!(" of class {class}"));
    }
    said.push_str(" is not bound");
    // That it waits for the pod says nothing: the pod waits for it.
    if let Some(why) = why(claim, view.events).filter(|why| why.cause != Cause::WaitsForPod) {
        said.push_str(&format!(": {}", why.words));
    }
    Some(said)
}

/// Returns in words what there is to say of a claim: why it has no volume, or that it has less than it asks for.
pub fn remark_on_claim(
    claim: &Claim,
    events: &[Event],
    classes: Option<&[StorageClass]>,
) -> Option<String> {
    match claim.phase.as_str() {
        "Bound" => growing(claim).map(|growing| growing.sentence().to_owned()),
        _ => why_unbound(claim, events, classes),
    }
}

/// A storage class, as far as it says why a claim waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageClass {
    /// Name.
    pub name: String,
    /// Who makes its volumes.
    pub provisioner: String,
    /// Whether claims that name no class are of this one.
    pub is_default: bool,
    /// Whether a claim waits until a pod uses it.
    pub waits_for_consumer: bool,
}

/// Returns in words why a claim has no volume: by what was said of it, else by its class, where classes are known.
fn why_unbound(
    claim: &Claim,
    events: &[Event],
    classes: Option<&[StorageClass]>,
) -> Option<String> {
    let by_class = || by_class(claim, classes?);
    match why(claim, events) {
        // The pod waits for the claim, too: that of a class which makes none ends with a volume that somebody makes.
        Some(why) if why.cause == Cause::WaitsForPod && makes_none(claim, classes) => by_class(),
        Some(why) => Some(why.words),
        None => by_class(),
    }
}

fn class_of<'c>(claim: &Claim, classes: &'c [StorageClass]) -> Option<&'c StorageClass> {
    classes.iter().find(|class| match &claim.storage_class {
        Some(name) => class.name == *name,
        None => class.is_default,
    })
}

fn makes_none(claim: &Claim, classes: Option<&[StorageClass]>) -> bool {
    let class = classes.and_then(|classes| class_of(claim, classes));
    class.is_some_and(|class| class.provisioner == NO_PROVISIONER)
}

fn by_class(claim: &Claim, classes: &[StorageClass]) -> Option<String> {
    let Some(class) = class_of(claim, classes) else {
        return Some(match &claim.storage_class {
            Some(name) => format!("there is no class {name}"),
            None => NO_CLASS.to_owned(),
        });
    };
    Some(match class {
        StorageClass {
            provisioner, name, ..
        } if provisioner == NO_PROVISIONER => no_volume_of(name),
        class if class.waits_for_consumer => WAITS.to_owned(),
        StorageClass {
            provisioner, name, ..
        } => {
            format!(
                "provisioner {provisioner} of class {name} has made no volume yet: does it run?"
            )
        }
    })
}

const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
const NO_CLASS: &str = "it names no class, there is no default one, and no free volume fits";
const WAITS: &str = "it waits for a pod that uses it";

fn no_volume_of(class: &str) -> String {
    format!("class {class} makes no volumes itself, and no free one fits: somebody has to make one")
}

/// What is behind a claim that is not bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// It is bound once a pod that uses it has a node.
    WaitsForPod,
    /// It cannot be bound as things are.
    Refused,
    /// Somebody is at it, or should be.
    TakesLong,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Why {
    cause: Cause,
    words: String,
}

/// Returns why a claim is not bound, by the last event about it.
fn why(claim: &Claim, events: &[Event]) -> Option<Why> {
    let explains = |event: &&Event| {
        event.object_kind == "PersistentVolumeClaim"
            && event.object_name == claim.name
            && event.namespace == claim.instance.namespace
            && (event.object_uid.is_empty() || event.object_uid == claim.uid)
    };
    let event = events
        .iter()
        .filter(explains)
        .max_by_key(|event| event.last_seen)?;
    let message = sentence(&event.message);
    let (cause, words) = match event.reason.as_str() {
        "WaitForFirstConsumer" => (Cause::WaitsForPod, WAITS.to_owned()),
        "WaitForPodScheduled" => (Cause::WaitsForPod, waits_for_pod(message)),
        "ExternalProvisioning" => (Cause::TakesLong, waits_for_provisioner(message)),
        "FailedBinding" => (Cause::Refused, no_volume(claim, message)),
        "ProvisioningFailed" => (Cause::Refused, provisioning(claim, message)),
        "VolumeMismatch" => (
            Cause::Refused,
            format!("the volume that is meant for it does not fit: {message}"),
        ),
        _ if event.is_warning => (Cause::Refused, message.to_owned()),
        _ => (Cause::TakesLong, message.to_owned()),
    };
    Some(Why { cause, words })
}

fn waits_for_pod(message: &str) -> String {
    let pod = message
        .strip_prefix("waiting for pod ")
        .and_then(|rest| rest.strip_suffix(" to be scheduled"));
    match pod {
        Some(pod) => format!("it waits until pod {pod} has a node"),
        None => message.to_owned(),
    }
}

fn waits_for_provisioner(message: &str) -> String {
    let quoted = |quote: char| message.split(quote).nth(1).filter(|name| !name.is_empty());
    match quoted('\'').or_else(|| quoted('"')) {
        Some(provisioner) => {
            format!("provisioner {provisioner} has made no volume yet: does it run?")
        }
        None => message.to_owned(),
    }
}

fn no_volume(claim: &Claim, message: &str) -> String {
    match &claim.storage_class {
        _ if !message.starts_with("no persistent volumes available") => message.to_owned(),
        Some(class) => no_volume_of(class),
        None => NO_CLASS.to_owned(),
    }
}

fn provisioning(claim: &Claim, message: &str) -> String {
    if message.contains("storageclass.storage.k8s.io") && message.ends_with("not found") {
        let named = claim.storage_class.as_deref();
        let class = named.or_else(|| message.split('"').nth(1));
        return format!("there is no class {}", class.unwrap_or("of that name"));
    }
    let said = words::without_rpc(message);
    let lower = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|words| lower.contains(words));
    if has(&["quota", "resourceexhausted", "resource_exhausted"]) {
        format!("the quota for storage is used up: {said}")
    } else if has(&["topology", "zone"]) {
        format!("there is no zone that suits it: {said}")
    } else {
        format!("its provisioner failed: {said}")
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn claim(class: Option<&str>) -> Claim {
        Claim {
            instance: crate::service::summary::InstanceKey {
                namespace: "team-a".parse().unwrap(),
                id: "db".parse().unwrap(),
            },
            name: "data-db-0".to_owned(),
            uid: "c".to_owned(),
            created: Timestamp::UNIX_EPOCH,
            deletion: None,
            phase: "Pending".to_owned(),
            requested: "1Gi".to_owned(),
            capacity: None,
            storage_class: class.map(str::to_owned),
            volume: None,
            access_modes: Vec::new(),
            growth: None,
            is_member: false,
        }
    }

    const LOCAL: &str =
        "class local makes no volumes itself, and no free one fits: somebody has to make one";

    fn event(reason: &str, message: &str) -> Event {
        Event {
            namespace: "team-a".parse().unwrap(),
            name: "e".to_owned(),
            object_kind: "PersistentVolumeClaim".to_owned(),
            object_name: "data-db-0".to_owned(),
            object_uid: "c".to_owned(),
            is_warning: reason == "ProvisioningFailed",
            reason: reason.to_owned(),
            message: message.to_owned(),
            count: 1,
            last_seen: Timestamp::UNIX_EPOCH,
            source: "s".to_owned(),
        }
    }

    fn check(class: Option<&str>, reason: &str, message: &str, cause: Cause, words: &str) {
        let event = event(reason, message);
        let words = words.to_owned();
        assert_eq!(why(&claim(class), &[event]), Some(Why { cause, words }));
    }

    #[test]
    fn each_reason_of_a_pending_claim_has_its_words() {
        let failed = "ProvisioningFailed";
        check(
            Some("fast"),
            failed,
            "storageclass.storage.k8s.io \"fast\" not found",
            Cause::Refused,
            "there is no class fast",
        );
        check(
            Some("fast"),
            failed,
            "failed to provision volume with StorageClass \"fast\": rpc error: code = ResourceExhausted desc = out of disks",
            Cause::Refused,
            "the quota for storage is used up: out of disks",
        );
        check(
            Some("fast"),
            failed,
            "failed to provision volume with StorageClass \"fast\": error generating accessibility requirements: no topology",
            Cause::Refused,
            "there is no zone that suits it: failed to provision volume with StorageClass \"fast\": error generating \
             accessibility requirements: no topology",
        );
        check(
            Some("fast"),
            failed,
            "failed to provision volume with StorageClass \"fast\": rpc error: code = Internal desc = disk on fire.",
            Cause::Refused,
            "its provisioner failed: disk on fire",
        );
        let none = "no persistent volumes available for this claim and no storage class is set";
        check(None, "FailedBinding", none, Cause::Refused, NO_CLASS);
        check(
            Some("local"),
            "FailedBinding",
            none,
            Cause::Refused,
            "class local makes no volumes itself, and no free one fits: somebody has to make one",
        );
        check(
            None,
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
            Cause::WaitsForPod,
            WAITS,
        );
        check(
            None,
            "WaitForPodScheduled",
            "waiting for pod db-0 to be scheduled",
            Cause::WaitsForPod,
            "it waits until pod db-0 has a node",
        );
        check(
            None,
            "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually",
            Cause::TakesLong,
            "provisioner ebs.csi.aws.com has made no volume yet: does it run?",
        );
    }

    #[test]
    fn where_nothing_was_said_the_class_tells() {
        let class = |name: &str, provisioner: &str, waits_for_consumer| StorageClass {
            name: name.to_owned(),
            provisioner: provisioner.to_owned(),
            is_default: name == "standard",
            waits_for_consumer,
        };
        let classes = [
            class("standard", "p.io", false),
            class("late", "p.io", true),
            class("local", NO_PROVISIONER, true),
        ];
        let check =
            |name: Option<&str>, classes: Option<&[StorageClass]>, expected: Option<&str>| {
                let found = why_unbound(&claim(name), &[], classes);
                assert_eq!(found.as_deref(), expected, "{name:?}");
            };
        check(Some("fast"), Some(&classes), Some("there is no class fast"));
        check(Some("late"), Some(&classes), Some(WAITS));
        check(Some("local"), Some(&classes), Some(LOCAL));
        let waits = event(
            "WaitForPodScheduled",
            "waiting for pod db-0 to be scheduled",
        );
        let told = |name: &str| {
            why_unbound(
                &claim(Some(name)),
                std::slice::from_ref(&waits),
                Some(&classes),
            )
        };
        assert_eq!(told("local").as_deref(), Some(LOCAL));
        assert_eq!(
            told("late").as_deref(),
            Some("it waits until pod db-0 has a node")
        );
        let standard = "provisioner p.io of class standard has made no volume yet: does it run?";
        check(None, Some(&classes), Some(standard));
        check(None, Some(&classes[1..]), Some(NO_CLASS));
        check(None, None, None);
    }
}
