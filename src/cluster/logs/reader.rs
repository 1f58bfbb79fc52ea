//! One container's log: read to its end, or followed for as long as its pod is there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use kube::client::Body;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::mark::Mark;
use super::pieces::{Pieces, Stamped};
use crate::cluster::request::{Ask, form_urlencoded};
use crate::cluster::watch::backoff::Backoff;
use crate::cluster::{Cluster, kinds, reply};
use crate::definition::id::Namespace;
use crate::failure::{Failure, FailureKind};
use crate::service::log::{LogEvent, LogLine, LogQuery, LogSource, Standing};
use crate::service::pod_choice;

/// A connection that was quiet for so long is made anew: it may be dead, and a log that goes on loses nothing by it.
const LONGEST_QUIET: Duration = Duration::from_secs(60);
/// How often a log that is not followed is gone on with after it broke off.
const MAX_TRIES: u32 = 3;
/// Wait before the second try; doubled for the third.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// How long the log of a pod that is gone may still come.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// How long one waits to hear of the end of a container whose log has ended.
const PATIENCE: Duration = Duration::from_secs(1);
/// A container that has not started by then is told of; most start sooner.
const LONG_WAIT: Duration = Duration::from_secs(5);
/// Largest refusal that is read.
const MAX_REFUSAL: usize = 64 * 1024;

/// Where events go. Whoever does not take them holds the reading up, so that nothing grows.
pub(super) type Out = mpsc::Sender<LogEvent>;

/// The reading of one container's log.
pub(super) struct Reader {
    pub cluster: Cluster,
    /// The instance's own namespace; the pod may be in another one.
    pub namespace: Namespace,
    pub source: Arc<LogSource>,
    pub query: LogQuery,
    /// When `query.since` was counted from.
    pub begun: Instant,
    pub mark: Mark,
    /// The run whose log was read to its end.
    pub finished: Option<u32>,
}

/// How reading ended that did not fail.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The server ended it.
    Ended,
    /// Nothing came for long.
    Quiet,
    /// Nobody listens any more.
    Unheard,
}

/// What a stretch of reading is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    /// What there is.
    Past,
    /// What comes too; `is_last` where the container has ended.
    Onwards { is_last: bool },
}

impl Reader {
    /// Reads what there is and returns how far that was. `ended` is the run, where its end is known.
    pub async fn read(mut self, ended: Option<u32>, out: Out) -> Self {
        let mut wait = RETRY_AFTER;
        for attempt in 1..=MAX_TRIES {
            let Err(failure) = self.pour(Stretch::Past, &out).await else {
                self.finished = ended;
                break;
            };
            let may_pass = failure.kind == FailureKind::Unreachable;
            if !may_pass || attempt == MAX_TRIES {
                drop(out.send(self.told(failure)).await);
                break;
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self
    }

    /// Follows the log through every run of its container, after reading what there is of it if it `has_past`, and ends when
    /// there can be no other run. `standing` says how the container is doing; none when the pod is gone.
    pub async fn follow(
        self,
        has_past: bool,
        standing: watch::Receiver<Option<Standing>>,
        out: Out,
    ) {
        let gone = gone(standing.clone());
        let follow = async move {
            let ended = match *standing.borrow() {
                Some(Standing::Ended(run) | Standing::Over(run)) => Some(run),
                _ => None,
            };
            let reader = match has_past {
                true => self.read(ended, out.clone()).await,
                false => self,
            };
            reader.follow_runs(standing, out).await;
        };
        tokio::select! {
            () = follow => {}
            () = gone => {}
        }
    }

    async fn follow_runs(mut self, mut standing: watch::Receiver<Option<Standing>>, out: Out) {
        let mut backoff = Backoff::default();
        let mut said = BTreeSet::new();
        let mut is_lost = false;
        loop {
            let now = standing.borrow_and_update().clone();
            let stretch = match now {
                None => return,
                Some(Standing::Nothing(why)) => {
                    match timeout(LONG_WAIT, standing.changed()).await {
                        Ok(Ok(())) => continue,
                        Ok(Err(_)) => return,
                        Err(_) => self.say_once(why, &mut said, &out).await,
                    }
                    None
                }
                Some(Standing::Never(why)) => return self.say_once(why, &mut said, &out).await,
                Some(Standing::Over(run)) if self.finished == Some(run) => return,
                Some(Standing::Ended(run)) if self.finished == Some(run) => None,
                Some(Standing::Ended(run) | Standing::Over(run)) => Some((run, true)),
                Some(Standing::Running(run)) => Some((run, false)),
            };
            let Some((run, is_last)) = stretch else {
                if standing.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let (started, mark) = (Instant::now(), self.mark);
            let poured = self.pour(Stretch::Onwards { is_last }, &out).await;
            if is_lost && (poured.is_ok() || self.mark != mark) {
                is_lost = false;
                let source = Some(self.source.clone());
                drop(out.send(LogEvent::Back { source }).await);
            }
            let wait = match poured {
                Ok(End::Unheard) => return,
                Ok(End::Quiet) => continue,
                // A run whose end was known before its log was read has nothing more to say.
                Ok(End::Ended) if is_last => {
                    self.finished = Some(run);
                    continue;
                }
                Ok(End::Ended) if self.mark != mark => PATIENCE,
                Ok(End::Ended) => backoff.after_failure(started.elapsed()).max(PATIENCE),
                Err(failure) if failure.kind == FailureKind::Unreachable => {
                    // The first may be a server that shuts down in good order; then another one is there at once.
                    let wait = backoff.after_failure(started.elapsed());
                    if backoff.n_failures() > 1 && !std::mem::replace(&mut is_lost, true) {
                        let source = Some(self.source.clone());
                        drop(out.send(LogEvent::Lost { source, failure }).await);
                    }
                    wait
                }
                // It does not run yet, or not any more: its pod's watch says so sooner or later.
                Err(failure) if !failure.is_denied() => {
                    backoff.after_failure(started.elapsed()).max(PATIENCE)
                }
                Err(failure) => {
                    drop(out.send(self.told(failure)).await);
                    return;
                }
            };
            // Whatever becomes known of the container meanwhile is looked at again.
            if let Ok(Err(_)) = timeout(wait, standing.changed()).await {
                return;
            }
        }
    }

    async fn say_once(&self, why: String, said: &mut BTreeSet<String>, out: &Out) {
        if said.insert(why.clone()) {
            let source = self.source.clone();
            drop(out.send(LogEvent::Silent { source, why }).await);
        }
    }

    fn told(&self, failure: Failure) -> LogEvent {
        LogEvent::Failed {
            source: Some(self.source.clone()),
            failure,
        }
    }

    /// Reads on from the mark.
    async fn pour(&mut self, stretch: Stretch, out: &Out) -> Result<End, Failure> {
        let doing = format!("read the log of {}", self.source);
        let quiet = match stretch {
            Stretch::Past => self.cluster.deadline,
            Stretch::Onwards { .. } => LONGEST_QUIET,
        };
        let silent = || match stretch {
            Stretch::Past => {
                let seconds = quiet.as_secs();
                let summary =
                    format!("cannot {doing}: no answer from the server within {seconds} s");
                Err(Failure::new(FailureKind::Unreachable, summary))
            }
            Stretch::Onwards { .. } => Ok(End::Quiet),
        };
        // NB: the answer to a log that is followed may begin with its first line only.
        let Ok(opened) = timeout(quiet, self.open(stretch, &doing)).await else {
            return silent();
        };
        let mut body = opened?;
        let (mut pieces, mut again) = (Pieces::default(), self.mark.again());
        loop {
            let Ok(frame) = timeout(quiet, body.frame()).await else {
                return silent();
            };
            let (lines, is_end) = match frame {
                Some(Ok(frame)) => (pieces.feed(&frame.into_data().unwrap_or_default()), false),
                Some(Err(error)) => {
                    let error = crate::text::clean(&error.to_string()).into_owned();
                    let summary = format!("cannot {doing}: the answer broke off: {error}");
                    return Err(Failure::new(FailureKind::Unreachable, summary));
                }
                // The rest of a line that is still being written comes whole when reading goes on.
                None if stretch == (Stretch::Onwards { is_last: false }) => return Ok(End::Ended),
                None => (pieces.end().into_iter().collect(), true),
            };
            for line in lines {
                if again.was_read(line.0) {
                    continue;
                }
                self.mark.pass(line.0);
                let is_wanted = stretch != Stretch::Past || self.query.tail != Some(0);
                if is_wanted && !self.send(line, out).await {
                    return Ok(End::Unheard);
                }
            }
            if is_end {
                return Ok(End::Ended);
            }
        }
    }

    /// Opens the log where reading goes on.
    async fn open(&self, stretch: Stretch, doing: &str) -> Result<Body, Failure> {
        let (namespace, pod) = pod_choice::place(&self.source.pod, &self.namespace);
        let pods = kinds::known("", "Pod").path(Some(namespace.as_str()));
        let ask = Ask {
            doing,
            method: Method::GET,
            path_and_query: format!("{pods}/{pod}/log?{}", self.wanted(stretch)),
            accept: "application/json, */*",
            body: None,
        };
        let response = self.cluster.client.send(ask.into_request()?).await;
        let response = response.map_err(|error| reply::transport_failure(doing, &error))?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response.into_body());
        }
        let body = Limited::new(response.into_body(), MAX_REFUSAL).collect();
        let body = match timeout(self.cluster.deadline, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            _ => bytes::Bytes::new(),
        };
        Err(reply::failure(doing, status, &body))
    }

    /// Returns the query that asks for what is wanted beyond the mark.
    fn wanted(&self, stretch: Stretch) -> String {
        let mut pairs = vec![
            ("container", self.source.container.clone()),
            ("timestamps", "true".to_owned()),
        ];
        if self.query.previous {
            pairs.push(("previous", "true".to_owned()));
        }
        if matches!(stretch, Stretch::Onwards { .. }) {
            pairs.push(("follow", "true".to_owned()));
        }
        if let Some(second) = self.mark.second() {
            pairs.push(("sinceTime", second.to_string()));
        } else {
            if let Some(since) = self.query.since {
                // Servers take whole seconds, one at least.
                let since = since + self.begun.elapsed() + Duration::from_millis(999);
                pairs.push(("sinceSeconds", since.as_secs().max(1).to_string()));
            } else if let Some(moment) = self.query.since_time {
                // Servers take whole seconds, and give what is not older.
                let second = Timestamp::from_second(moment.as_second()).unwrap_or(moment);
                pairs.push(("sinceTime", second.to_string()));
            }
            if let (Some(tail), Stretch::Past) = (self.query.tail, stretch) {
                // The last line tells from where to go on, though it is not wanted.
                pairs.push(("tailLines", tail.max(1).to_string()));
            }
        }
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        form_urlencoded(&pairs)
    }

    /// Gives a line out and tells whether anybody listens.
    async fn send(&self, (at, text): Stamped, out: &Out) -> bool {
        let source = self.source.clone();
        out.send(LogEvent::Line(LogLine { source, at, text }))
            .await
            .is_ok()
    }
}

/// Waits until a pod has been gone for a while.
async fn gone(mut standing: watch::Receiver<Option<Standing>>) {
    // An end of the one who tells is as good as the end of the pod.
    let _ = standing.wait_for(Option::is_none).await;
    tokio::time::sleep(LAST_WORDS).await;
}
