//! What is used, asked for again and again while somebody looks at it: one request at a time, none where nobody measures.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::app::panes::usage::UsageOf;
use crate::app::{Msg, OpId};
use crate::cluster::Cluster;
use crate::failure::{Failure, FailureKind};

use super::Runner;

/// Between two looks at pods: metrics are measured every 15 s, as a rule.
const PODS_EVERY: Duration = Duration::from_secs(10);
/// Between two looks at claims, which the kubelets measure once a minute.
const CLAIMS_EVERY: Duration = Duration::from_secs(30);

impl Runner {
    pub(super) fn read_nodes(&self, op: OpId) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        tokio::spawn(async move {
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
        let messages = self.messages.clone();
        let task = tokio::spawn(async move { look(&cluster, op, &of, &messages).await });
        self.usage = Some(AbortOnDropHandle::new(task));
    }
}

async fn look(cluster: &Cluster, op: OpId, of: &UsageOf, messages: &UnboundedSender<Msg>) {
    loop {
        let (msg, again) = match of {
            UsageOf::Pods(key) => {
                let result = cluster.pod_usage(key).await;
                let again = may_pass(result.as_ref().err()).then_some(PODS_EVERY);
                (Msg::PodUsageRead { op, result }, again)
            }
            UsageOf::Claims(key, nodes) => {
                let asked = async {
                    let may = cluster.may_ask_kubelets().await?;
                    may.then_some(()).ok_or_else(not_allowed)?;
                    cluster.claim_usage(&key.namespace, nodes).await
                };
                let result = asked.await;
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
    failure.is_none_or(|failure| failure.kind == FailureKind::Unreachable)
}

fn not_allowed() -> Failure {
    let summary = "this user may not ask the kubelets: get nodes/proxy";
    Failure::new(FailureKind::Forbidden, summary)
}
