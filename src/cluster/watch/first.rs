//! What comes first: workloads tell the ready counts, so pods are asked for when those have answered, and do not compete
//! with them for the link and the server.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::machine::Sink;
use crate::service::summary::WorkloadKind;
use crate::service::watch::{LinkState, Topic, WatchEvent};

/// Returns a sink that listens to what passes, and what ends when the watches of all kinds of workloads have answered,
/// be it that they may not or cannot.
pub(super) fn tap(sink: Sink) -> (Sink, impl Future<Output = ()> + Send + 'static) {
    let answered = Arc::new(Notify::new());
    let awaited = Mutex::new(BTreeSet::from(WorkloadKind::RENDERED));
    let answers = Arc::clone(&answered);
    let tapped: Sink = Arc::new(move |event| {
        let answer = match &event {
            WatchEvent::Link {
                topic: Topic::Workloads(kind),
                state,
            } if *state != LinkState::Connecting => Some(*kind),
            _ => None,
        };
        sink(event);
        if let Some(kind) = answer {
            let mut awaited = awaited.lock().unwrap_or_else(PoisonError::into_inner);
            awaited.remove(&kind);
            if awaited.is_empty() {
                answers.notify_one();
            }
        }
    });
    (tapped, async move { answered.notified().await })
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::failure::{Failure, FailureKind};

    #[test]
    fn all_workloads_are_awaited_whatever_their_answer_is() {
        let (sink, answered) = tap(Arc::new(|_| {}));
        let mut answered = std::pin::pin!(answered);
        let mut check = |topic, state, is_over| {
            sink(WatchEvent::Link { topic, state });
            assert_eq!((&mut answered).now_or_never().is_some(), is_over);
        };
        let refusal = Failure::new(FailureKind::Forbidden, "no");
        let [deployments, sets] = WorkloadKind::RENDERED.map(Topic::Workloads);
        check(deployments.clone(), LinkState::Connecting, false);
        check(deployments.clone(), LinkState::Live, false);
        check(deployments, LinkState::Live, false);
        check(Topic::Claims, LinkState::Live, false);
        check(sets.clone(), LinkState::Connecting, false);
        check(sets, LinkState::Forbidden(refusal), true);
    }
}
