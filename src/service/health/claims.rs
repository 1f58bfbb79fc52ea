//! What the claims of an instance say about its health.

use std::time::Duration;

use super::{GraceClock, InstanceView, claim_label, sentence};
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
    let explains = |event: &&Event| {
        event.object_kind == "PersistentVolumeClaim"
            && event.object_name == claim.name
            && (event.object_uid.is_empty() || event.object_uid == claim.uid)
    };
    let why = events
        .iter()
        .filter(explains)
        .max_by_key(|event| event.last_seen);
    // `WaitForFirstConsumer` waits for a pod to be scheduled: then the pod says what is wrong.
    let waits_for_pod = |event: &Event| {
        matches!(
            event.reason.as_str(),
            "WaitForFirstConsumer" | "WaitForPodScheduled"
        )
    };
    match why {
        Some(event) if waits_for_pod(event) => None,
        Some(event) if event.is_warning || event.reason == "FailedBinding" => {
            clock.is_over(claim.created, REFUSED_CLAIM_GRACE).then(|| {
                format!(
                    "{} is not bound: {}",
                    claim_label(claim),
                    sentence(&event.message)
                )
            })
        }
        Some(event) => clock.is_over(claim.created, CLAIM_GRACE).then(|| {
            format!(
                "{} is not bound: {}",
                claim_label(claim),
                sentence(&event.message)
            )
        }),
        None => clock
            .is_over(claim.created, CLAIM_GRACE)
            .then(|| format!("{} is not bound", claim_label(claim))),
    }
}
