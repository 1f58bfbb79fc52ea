//! Logs that are read: many lines become one message, and those are at most ten a second, however much is said.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use crate::app::{Msg, OpId};
use crate::cluster::{Cluster, LogStream};
use crate::failure::{Failure, FailureKind};
use crate::service::log::{LogEvent, LogQuery};
use crate::service::summary::InstanceKey;

use super::Runner;

/// Containers that are followed at once.
const MAX_STREAMS: usize = 32;
/// Between the first attempts to begin.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Between later ones.
const LAST_RETRY: Duration = Duration::from_secs(30);
/// Between messages.
const APART: Duration = Duration::from_millis(100);
/// Most events of a message: faster logs are read more slowly than they are written.
const MAX_EVENTS: usize = 2000;

impl Runner {
    pub(super) fn read_logs(&mut self, op: OpId, key: Option<InstanceKey>, query: LogQuery) {
        self.logs = None;
        let Some(key) = key else {
            return;
        };
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        let task = tokio::spawn(async move {
            let say = |event: LogEvent, is_over: bool| {
                let events = vec![event];
                drop(messages.send(Msg::Logged {
                    op,
                    events,
                    is_over,
                }));
            };
            let source = None;
            let begun = async { begin_at_last(&cluster?, &key, &query, |it| say(it, false)).await };
            match begun.await {
                Ok(stream) => pass_on(stream, op, &messages).await,
                Err(failure) => say(LogEvent::Failed { source, failure }, true),
            }
        });
        self.logs = Some(AbortOnDropHandle::new(task));
    }
}

/// Begins to read, again and again while the server cannot be reached: whoever looks at a log waits for it.
async fn begin_at_last(
    cluster: &Cluster,
    key: &InstanceKey,
    query: &LogQuery,
    say: impl Fn(LogEvent),
) -> Result<LogStream, Failure> {
    let (mut wait, mut is_lost) = (FIRST_RETRY, false);
    let source = None;
    let pods = loop {
        match cluster.all_pods(key).await {
            Ok(pods) => break pods,
            Err(failure) if failure.kind == FailureKind::Unreachable => {
                say(LogEvent::Lost {
                    source: None,
                    failure,
                });
                is_lost = true;
                sleep(wait).await;
                wait = LAST_RETRY.min(wait * 2);
            }
            Err(failure) => return Err(failure),
        }
    };
    if is_lost {
        say(LogEvent::Back { source });
    }
    Ok(match query.previous {
        true => cluster.read_logs(key, pods, query.clone(), MAX_STREAMS),
        false => cluster.follow_logs(key, pods, query.clone(), MAX_STREAMS),
    })
}

/// Where events come from.
trait Source {
    /// Returns the next event; none after the last.
    fn next(&mut self) -> impl Future<Output = Option<LogEvent>> + Send;
}

impl Source for LogStream {
    async fn next(&mut self) -> Option<LogEvent> {
        Self::next(self).await
    }
}

/// Passes on what comes until nothing more does, in as few messages as may be.
async fn pass_on(mut source: impl Source, op: OpId, messages: &UnboundedSender<Msg>) {
    let mut is_over = false;
    while !is_over {
        let Some(first) = source.next().await else {
            break;
        };
        let until = Instant::now() + APART;
        let mut events = vec![first];
        while events.len() < MAX_EVENTS {
            match timeout_at(until, source.next()).await {
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::*;
    use crate::service::log::{LogLine, LogSource};

    fn said(n: usize) -> LogEvent {
        let source = Arc::new(LogSource {
            pod: "web-0".to_owned(),
            container: "main".to_owned(),
        });
        LogEvent::Line(LogLine {
            source,
            at: None,
            text: n.to_string(),
        })
    }

    /// Says all at once.
    struct Flood(std::ops::Range<usize>);

    impl Source for Flood {
        async fn next(&mut self) -> Option<LogEvent> {
            self.0.next().map(said)
        }
    }

    /// Returns how many events each message bore, and when it came.
    async fn passed(n: usize) -> Vec<(usize, Duration, bool)> {
        let began = Instant::now();
        let (messages, mut told) = mpsc::unbounded_channel();
        let flood = Flood(0..n);
        let mut passed = Vec::new();
        let collect = async {
            while let Some(Msg::Logged {
                events, is_over, ..
            }) = told.recv().await
            {
                passed.push((events.len(), began.elapsed(), is_over));
                if is_over {
                    return;
                }
            }
        };
        tokio::join!(pass_on(flood, OpId(1), &messages), collect);
        passed
    }

    #[tokio::test(start_paused = true)]
    async fn flood_of_lines_comes_in_few_messages_and_not_more_than_ten_a_second() {
        let passed = passed(5000).await;
        let counts: Vec<_> = passed.iter().map(|(n, _, over)| (*n, *over)).collect();
        assert_eq!(counts, [(2000, false), (2000, false), (1000, true)]);
        for (idx, (_, at, _)) in passed.iter().enumerate() {
            assert!(*at >= APART * u32::try_from(idx).unwrap(), "{passed:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn end_is_told_where_nothing_was_said() {
        let passed = passed(0).await;
        assert!(matches!(passed[..], [(0, _, true)]), "{passed:?}");
    }
}
