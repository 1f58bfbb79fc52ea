//! Logs of an instance as one stream of values: what there is in the order of time, then what comes as it comes.
//!
//! Each container has a reader that holds its place by the times of its lines, so a stream that breaks goes on where it
//! broke. Readers wait for whoever takes the events, so however slow that is, memory stays bounded.

mod mark;
mod pieces;
mod reader;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::Cluster;
use super::discovery::is_url_word;
use crate::definition::id::Namespace;
use crate::service::log::{LogEvent, LogLine, LogQuery, LogSource, Standing};
use crate::service::summary::{InstanceKey, Pod};
use crate::service::watch::{LinkState, WatchEvent, apply_delta};
use mark::Mark;
use reader::{Out, Reader};

/// Events that wait to be taken.
const BUFFER: usize = 16;
/// Lines of one container that wait for those of the others.
const READ_AHEAD: usize = 4;

/// What reading brings. Dropping it ends the reading.
#[derive(Debug)]
#[must_use = "dropping the stream ends the reading"]
pub struct LogStream {
    events: mpsc::Receiver<LogEvent>,
    task: AbortHandle,
}

impl LogStream {
    /// Returns the next event; none after the last.
    pub async fn next(&mut self) -> Option<LogEvent> {
        self.events.recv().await
    }
}

impl Drop for LogStream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Which container of which pod: a name may come back with another pod.
type Place = (String, Arc<LogSource>);

/// How far a log was read, and the run of which that was all.
type Progress = (Mark, Option<u32>);

/// How far each log was read that was there at the beginning; none of one that was too many.
type Marks = BTreeMap<Place, Option<Progress>>;

/// The reading of an instance's logs.
struct Reading {
    cluster: Cluster,
    instance: InstanceKey,
    query: LogQuery,
    begun: Instant,
    out: Out,
}

impl Cluster {
    /// Reads the logs of some pods once, with at most `max_streams` at once, their lines in the order of time. Must be called
    /// within a runtime.
    pub fn read_logs(
        &self,
        instance: &InstanceKey,
        pods: Vec<Pod>,
        query: LogQuery,
        max_streams: usize,
    ) -> LogStream {
        self.stream(instance, query, async move |reading| {
            reading.past(&pods, max_streams, true).await;
        })
    }

    /// Reads the logs of some pods, then follows those of all pods of the instance, with at most `max_streams` at once:
    /// pods that come are joined. Must be called within a runtime.
    pub fn follow_logs(
        &self,
        instance: &InstanceKey,
        pods: Vec<Pod>,
        query: LogQuery,
        max_streams: usize,
    ) -> LogStream {
        self.stream(instance, query, async move |reading| {
            let marks = reading.past(&pods, max_streams, false).await;
            reading.onwards(marks, max_streams).await;
        })
    }

    fn stream<F>(
        &self,
        instance: &InstanceKey,
        query: LogQuery,
        work: impl FnOnce(Reading) -> F,
    ) -> LogStream
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (out, events) = mpsc::channel(BUFFER);
        let reading = Reading {
            cluster: self.clone(),
            instance: instance.clone(),
            query,
            begun: Instant::now(),
            out,
        };
        let task = tokio::spawn(work(reading)).abort_handle();
        LogStream { events, task }
    }
}

impl Reading {
    fn reader(&self, source: &Arc<LogSource>, (mark, finished): Progress) -> Reader {
        Reader {
            cluster: self.cluster.clone(),
            namespace: self.namespace().clone(),
            source: source.clone(),
            query: self.query.clone(),
            begun: self.begun,
            mark,
            finished,
        }
    }

    fn namespace(&self) -> &Namespace {
        &self.instance.namespace
    }

    /// Reads what there is, in the order of time. What is not read is said if this `is_all`.
    async fn past(&self, pods: &[Pod], max_streams: usize, is_all: bool) -> Marks {
        let mut running = JoinSet::new();
        let mut heads = Vec::new();
        let mut left = Marks::new();
        let mut first_left = None;
        for pod in pods.iter().filter(|pod| is_url_word(&pod.name)) {
            for (source, standing) in self.query.sources(pod, self.namespace()) {
                let ended = match standing {
                    Standing::Nothing(why) | Standing::Never(why) => {
                        if is_all {
                            drop(self.out.send(LogEvent::Silent { source, why }).await);
                        }
                        continue;
                    }
                    Standing::Running(_) => None,
                    Standing::Ended(run) | Standing::Over(run) => Some(run),
                };
                let place = (pod.uid.clone(), source.clone());
                if running.len() >= max_streams {
                    first_left.get_or_insert(source);
                    left.insert(place, None);
                    continue;
                }
                let (lines, head) = mpsc::channel(READ_AHEAD);
                heads.push(Head::new(head));
                let reader = self.reader(&source, Progress::default());
                running.spawn(async move { (place, reader.read(ended, lines).await) });
            }
        }
        if is_all && let Some(source) = first_left {
            let why = left_out(left.len(), "read", max_streams);
            drop(self.out.send(LogEvent::Silent { source, why }).await);
        }
        self.merge(heads).await;
        let read = running.join_all().await.into_iter();
        left.extend(read.map(|(place, reader)| (place, Some((reader.mark, reader.finished)))));
        left
    }

    /// Passes on what readers bring, always the earliest line.
    async fn merge(&self, mut heads: Vec<Head>) {
        loop {
            for head in &mut heads {
                head.fill(&self.out).await;
            }
            heads.retain(|head| head.line.is_some());
            let earliest = heads.iter_mut().min_by_key(|head| head.at);
            let Some(line) = earliest.and_then(|head| head.line.take()) else {
                return;
            };
            if self.out.send(LogEvent::Line(line)).await.is_err() {
                return;
            }
        }
    }

    /// Follows all logs of the instance as its pods come and go.
    async fn onwards(self, mut marks: Marks, max_streams: usize) {
        let (sender, mut events) = mpsc::unbounded_channel();
        let elsewhere = self.cluster.elsewhere(&self.instance).await;
        let places: Vec<InstanceKey> = std::iter::once(self.instance.clone())
            .chain(elsewhere)
            .collect();
        let watch = |(at, place): (usize, &InstanceKey)| {
            let sender = sender.clone();
            let sink = move |event| drop(sender.send((at, event)));
            self.cluster.watch_pods(place, sink)
        };
        let _watches: Vec<_> = places.iter().enumerate().map(watch).collect();
        let mut pods: Vec<Vec<Pod>> = vec![Vec::new(); places.len()];
        let mut followed: BTreeMap<Place, watch::Sender<Option<Standing>>> = BTreeMap::new();
        let mut running = JoinSet::new();
        let mut is_full = false;
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some((at, WatchEvent::Pods(deltas))) => {
                        deltas
                            .into_iter()
                            .for_each(|delta| apply_delta(&mut pods[at], delta));
                    }
                    Some((_, WatchEvent::Link { state, .. })) => {
                        self.pass_on(state).await;
                        continue;
                    }
                    Some(_) => continue,
                    None => return,
                },
                // There is room for another one.
                Some(_) = running.join_next() => {}
            }
            let mut standings = self.standings(&pods, &followed);
            followed.retain(|place, told| {
                let standing = standings.remove(place);
                let is_there = standing.is_some();
                told.send_if_modified(|known| {
                    let is_news = *known != standing;
                    *known = standing;
                    is_news
                });
                is_there
            });
            while running.try_join_next().is_some() {}
            // What was read is gone on with before others are begun.
            let mut standings: Vec<_> = standings.into_iter().collect();
            standings.sort_by_key(|(place, _)| !matches!(marks.get(place), Some(Some(_))));
            let (mut first_left, mut n_left) = (None, 0);
            for (place, standing) in standings {
                let is_through = is_through(&standing, marks.get(&place));
                if !is_through && running.len() >= max_streams {
                    first_left.get_or_insert(place.1);
                    n_left += 1;
                    continue;
                }
                let progress = marks.remove(&place);
                // What was there at the beginning is read as far back as is wanted; what came since, from its beginning.
                let has_past = progress == Some(None);
                let reader = self.reader(&place.1, progress.flatten().unwrap_or_default());
                let (told, standing) = watch::channel(Some(standing));
                if !is_through {
                    running.spawn(reader.follow(has_past, standing, self.out.clone()));
                }
                followed.insert(place, told);
            }
            if let Some(source) = first_left
                && !std::mem::replace(&mut is_full, true)
            {
                let why = left_out(n_left, "followed", max_streams);
                drop(self.out.send(LogEvent::Silent { source, why }).await);
            }
            is_full &= running.len() >= max_streams;
        }
    }

    /// Returns how each container does whose log is wanted. What is followed stays so: an init container that is done
    /// matters no more, but what it said last does.
    fn standings(
        &self,
        pods: &[Vec<Pod>],
        followed: &BTreeMap<Place, watch::Sender<Option<Standing>>>,
    ) -> BTreeMap<Place, Standing> {
        let mut standings = BTreeMap::new();
        let is_wanted =
            |pod: &&Pod| is_url_word(&pod.name) && self.query.is_of(pod, self.namespace());
        for pod in pods.iter().flatten().filter(is_wanted) {
            for container in &pod.containers {
                let place = (
                    pod.uid.clone(),
                    Arc::new(pod.source(container, self.namespace())),
                );
                if self.query.wants(container) || followed.contains_key(&place) {
                    standings.insert(place, self.query.standing(pod, container));
                }
            }
        }
        standings
    }

    async fn pass_on(&self, state: LinkState) {
        let source = None;
        let event = match state {
            LinkState::Connecting => return,
            LinkState::Live => LogEvent::Back { source },
            LinkState::Retrying { failure, .. } => LogEvent::Lost { source, failure },
            LinkState::Forbidden(failure) => LogEvent::Failed { source, failure },
        };
        drop(self.out.send(event).await);
    }
}

/// Tells whether a log was read to its end already, and nothing can follow.
fn is_through(standing: &Standing, progress: Option<&Option<Progress>>) -> bool {
    let finished = progress
        .copied()
        .flatten()
        .and_then(|(_, finished)| finished);
    matches!(standing, Standing::Over(run) if finished == Some(*run))
}

/// Says of the first of some containers that all of them are left out.
fn left_out(n_left: usize, done: &str, max_streams: usize) -> String {
    let others = match max_streams {
        1 => "another one is".to_owned(),
        n => format!("{n} others are"),
    };
    let more = match n_left {
        1 => String::new(),
        2 => "nor is 1 more, ".to_owned(),
        n => format!("nor are {} more, ", n - 1),
    };
    format!("is not {done}, {more}as {others}")
}

/// The next line of one container.
struct Head {
    lines: mpsc::Receiver<LogEvent>,
    line: Option<LogLine>,
    /// The time of that line, or of the last one that bore a time.
    at: Option<jiff::Timestamp>,
}

impl Head {
    fn new(lines: mpsc::Receiver<LogEvent>) -> Self {
        Self {
            lines,
            line: None,
            at: None,
        }
    }

    /// Waits for a line where there is none; what is no line is passed on.
    async fn fill(&mut self, out: &Out) {
        while self.line.is_none() {
            match self.lines.recv().await {
                Some(LogEvent::Line(line)) => {
                    self.at = self.at.max(line.at);
                    self.line = Some(line);
                }
                Some(other) => drop(out.send(other).await),
                None => return,
            }
        }
    }
}
