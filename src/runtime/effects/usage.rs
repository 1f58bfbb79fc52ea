//! What is used, asked for again and again while somebody looks at it: one request at a time, none where nobody measures.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::app::panes::usage::UsageOf;
use crate::app::{Msg, OpId, Question};
use crate::cluster::Cluster;
use crate::failure::{Failure, FailureKind};

use super::Runner;

/// Between two looks at pods: metrics are measured every 15 s, as a rule.
const PODS_EVERY: Duration = Duration::from_secs(10);
/// For how long it is taken as given that nobody measures here, or tells this user.
const AS_GIVEN: Duration = Duration::from_secs(600);
/// Between two looks at claims, which the kubelets measure once a minute.
const CLAIMS_EVERY: Duration = Duration::from_secs(30);
const NOT_ALLOWED: &str = "this user may not ask the kubelets: get nodes/proxy";

/// What nobody tells on a connection, and since when that is known: each instance that is selected would ask again.
#[derive(Debug, Clone, Default)]
pub(super) struct Untold(Arc<Mutex<BTreeMap<Measured, (Instant, Failure)>>>);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Measured {
    Pods,
    Claims,
}

impl Untold {
    /// Asks, unless it is known that nobody tells.
    async fn ask<T>(
        &self,
        what: Measured,
        asking: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&what).cloned();
        if let Some((_, failure)) = known.filter(|(since, _)| since.elapsed() < AS_GIVEN) {
            return Err(failure);
        }
        let result = asking.await;
        let failure = result.as_ref().err();
        // Of pods it may be another answer in another namespace what is forbidden.
        let is_so_everywhere = |failure: &&Failure| match what {
            Measured::Pods => failure.kind == FailureKind::NotFound,
            Measured::Claims => failure.summary == NOT_ALLOWED,
        };
        match failure.filter(is_so_everywhere) {
            Some(failure) => drop(lock().insert(what, (Instant::now(), failure.clone()))),
            None => drop(lock().remove(&what)),
        }
        result
    }
}

impl Runner {
    pub(super) fn read_nodes(&mut self, op: OpId) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        self.read(Question::Numbered(op), async move {
            let read = async { cluster?.node_capacities().await };
            let result = read.await;
            drop(messages.send(Msg::NodesRead { op, result }));
        });
    }

    pub(super) fn watch_usage(&mut self, op: OpId, of: Option<UsageOf>) {
        self.usage = None;
        let (Ok(cluster), Some(of)) = (self.cluster(), of) else {
            return;
        };
        let (messages, untold) = (self.messages.clone(), self.untold.clone());
        let task = tokio::spawn(async move { look((&cluster, &untold), op, &of, &messages).await });
        self.usage = Some(AbortOnDropHandle::new(task));
    }
}

async fn look(
    (cluster, untold): (&Cluster, &Untold),
    op: OpId,
    of: &UsageOf,
    messages: &UnboundedSender<Msg>,
) {
    loop {
        let (msg, again) = match of {
            UsageOf::Pods(key) => {
                let result = untold.ask(Measured::Pods, cluster.pod_usage(key)).await;
                let again = may_pass(result.as_ref().err()).then_some(PODS_EVERY);
                (Msg::PodUsageRead { op, result }, again)
            }
            UsageOf::Claims(key, nodes) => {
                let asked = async {
                    let may = cluster.may_ask_kubelets().await?;
                    may.then_some(()).ok_or_else(not_allowed)?;
                    cluster.claim_usage(&key.namespace, nodes).await
                };
                let result = untold.ask(Measured::Claims, asked).await;
                let again = may_pass(result.as_ref().err()).then_some(CLAIMS_EVERY);
                (Msg::ClaimUsageRead { op, result }, again)
            }
        };
        if messages.send(msg).is_err() {
            return;
        }
        let Some(again) = again else {
            return;
        };
        sleep(again).await;
    }
}

fn may_pass(failure: Option<&Failure>) -> bool {
    failure.is_none_or(Failure::is_unanswered)
}

fn not_allowed() -> Failure {
    Failure::new(FailureKind::Forbidden, NOT_ALLOWED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_nobody_tells_is_asked_once_and_seldom_again() {
        let untold = Untold::default();
        let asked = std::cell::Cell::new(0);
        let ask = async |kind: FailureKind| {
            let asking = async {
                asked.set(asked.get() + 1);
                Err::<(), _>(Failure::new(kind, "no"))
            };
            untold.ask(Measured::Pods, asking).await.unwrap_err().kind
        };
        // What may pass, or be otherwise in another namespace, is asked each time.
        for kind in [FailureKind::Unreachable, FailureKind::Forbidden] {
            assert_eq!(ask(kind).await, kind);
        }
        for _ in 0..3 {
            assert_eq!(ask(FailureKind::NotFound).await, FailureKind::NotFound);
        }
        assert_eq!(asked.get(), 3);
        sleep(AS_GIVEN).await;
        ask(FailureKind::NotFound).await;
        assert_eq!(asked.get(), 4);
    }
}
