//! Logs that are read: many lines become one message, and those are at most ten a second, however much is said.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use crate::app::{Msg, OpId};
use crate::cluster::{Cluster, LogStream};
use crate::failure::Failure;
use crate::service::log::{LogEvent, LogQuery};
use crate::service::summary::InstanceKey;

use super::Runner;

/// Lines of each container that are read of what was said before.
const TAIL: u64 = 1000;
/// Containers that are followed at once.
const MAX_STREAMS: usize = 32;
/// Between messages.
const APART: Duration = Duration::from_millis(100);
/// Most events of a message: faster logs are read more slowly than they are written.
const MAX_EVENTS: usize = 2000;

impl Runner {
    pub(super) fn read_logs(&mut self, op: OpId, key: Option<InstanceKey>, is_previous: bool) {
        self.logs = None;
        let Some(key) = key else {
            return;
        };
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        let task = tokio::spawn(async move {
            let begun = async { begin(&cluster?, &key, is_previous).await };
            match begun.await {
                Ok(stream) => pass_on(stream, op, &messages).await,
                Err(failure) => {
                    let source = None;
                    let events = vec![LogEvent::Failed { source, failure }];
                    let is_over = true;
                    drop(messages.send(Msg::Logged {
                        op,
                        events,
                        is_over,
                    }));
                }
            }
        });
        self.logs = Some(AbortOnDropHandle::new(task));
    }
}

async fn begin(cluster: &Cluster, key: &InstanceKey, previous: bool) -> Result<LogStream, Failure> {
    let query = LogQuery {
        previous,
        tail: Some(TAIL),
        ..LogQuery::default()
    };
    let pods = cluster.pods(key).await?;
    Ok(match previous {
        true => cluster.read_logs(key, pods, query),
        false => cluster.follow_logs(key, pods, query, MAX_STREAMS),
    })
}

async fn pass_on(mut stream: LogStream, op: OpId, messages: &UnboundedSender<Msg>) {
    let mut is_over = false;
    while !is_over {
        let Some(first) = stream.next().await else {
            break;
        };
        let until = Instant::now() + APART;
        let mut events = vec![first];
        while events.len() < MAX_EVENTS {
            match timeout_at(until, stream.next()).await {
                Ok(Some(event)) => events.push(event),
                Ok(None) => {
                    is_over = true;
                    break;
                }
                Err(_) => break,
            }
        }
        let sent = messages.send(Msg::Logged {
            op,
            events,
            is_over,
        });
        if sent.is_err() || is_over {
            return;
        }
        sleep_until(until).await;
    }
    let (events, is_over) = (Vec::new(), true);
    drop(messages.send(Msg::Logged {
        op,
        events,
        is_over,
    }));
}
