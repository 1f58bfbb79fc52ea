//! What containers have said, and go on saying.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::controllers::chatter;
use crate::logs::Line;
use crate::request::Target;
use crate::status::Status;
use crate::store::Store;

use super::{Answer, Ask, Server, streaming, text};

/// Lines that are written at once.
const MOST_AT_ONCE: usize = 500;
/// A follower does not look more often than this for what is said now and then.
const GULP_MS: i64 = 20;

/// A reader of one container's log.
#[derive(Debug)]
struct Reader {
    store: Store,
    namespace: String,
    pod: String,
    /// Of the pod: another may bear its name later.
    uid: Value,
    container: String,
    has_stamps: bool,
    /// Earlier lines are not wanted.
    since: Timestamp,
    /// The run of the container that is wanted.
    run: Run,
    /// How many lines on record are read.
    n_read: usize,
    /// Up to when it is worked out what the container says now and then.
    heard_until: Timestamp,
    pending: VecDeque<Line>,
}

pub(super) fn answer(server: &Server, ask: &Ask, target: &Target) -> Result<Answer, Status> {
    ask.must("get", target)?;
    let (namespace, pod) = (
        target.namespace.clone().unwrap_or_default(),
        target.name.clone().unwrap_or_default(),
    );
    let object = server
        .store
        .get("Pod", &namespace, &pod)
        .ok_or_else(|| Status::not_found("", "pods", &pod))?;
    let container = chosen_container(&object, ask.query.get("container"))?;
    check_started(&object, &pod, &container)?;
    let run = run(&object, &container, ask.query.flag("previous")).ok_or_else(|| {
        Status::bad_request(format!(
            "previous terminated container \"{container}\" in pod \"{pod}\" not found"
        ))
    })?;
    let now = server.store.now();
    let since = since(ask, now)?;
    let mut reader = Reader {
        store: server.store.clone(),
        namespace,
        pod,
        uid: object["metadata"]["uid"].clone(),
        container,
        has_stamps: ask.query.flag("timestamps"),
        since,
        n_read: 0,
        // An earlier run says nothing any more.
        heard_until: if run.is_over() {
            now
        } else {
            just_before(since)
        },
        run,
        pending: VecDeque::new(),
    };
    reader.read(now);
    if let Some(most) = ask.query.number("tailLines")? {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let n_dropped = reader.pending.len().saturating_sub(most);
        reader.pending.drain(..n_dropped);
    }
    if ask.query.flag("follow") {
        return Ok(streaming(
            "text/plain",
            stream::unfold(reader, |mut reader| async {
                let bytes = reader.next().await?;
                Some((bytes, reader))
            }),
        ));
    }
    let lines: String = reader
        .pending
        .iter()
        .map(|line| reader.written(line))
        .collect();
    Ok(text(StatusCode::OK, &lines))
}

fn since(ask: &Ask, now: Timestamp) -> Result<Timestamp, Status> {
    if let Some(seconds) = ask.query.number("sinceSeconds")? {
        let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        return Ok(now.saturating_sub(seconds).unwrap_or(Timestamp::MIN));
    }
    let Some(time) = ask.query.get("sinceTime") else {
        return Ok(Timestamp::MIN);
    };
    time.parse()
        .map_err(|_| Status::bad_request(format!("sinceTime: Invalid value: \"{time}\"")))
}

fn just_before(instant: Timestamp) -> Timestamp {
    instant
        .saturating_sub(SignedDuration::from_nanos(1))
        .unwrap_or(Timestamp::MIN)
}

pub(super) fn chosen_container(pod: &Value, asked: Option<&str>) -> Result<String, Status> {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let names: Vec<&str> = ["initContainers", "containers"]
        .into_iter()
        .flat_map(|list| pod["spec"][list].as_array().into_iter().flatten())
        .filter_map(|container| container["name"].as_str())
        .collect();
    match asked {
        Some(asked) if names.contains(&asked) => Ok(asked.to_owned()),
        Some(asked) => Err(Status::bad_request(format!(
            "container {asked} is not valid for pod {name}"
        ))),
        None if names.len() == 1 => Ok(names[0].to_owned()),
        None => Err(Status::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            names.join(" ")
        ))),
    }
}

pub(super) fn status_of<'p>(pod: &'p Value, container: &str) -> Option<&'p Value> {
    ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|list| pod["status"][list].as_array().into_iter().flatten())
        .find(|status| status["name"] == container)
}

fn restarts(pod: &Value, container: &str) -> i64 {
    let status = status_of(pod, container);
    status.map_or(0, |status| status["restartCount"].as_i64().unwrap_or(0))
}

fn check_started(pod: &Value, name: &str, container: &str) -> Result<(), Status> {
    let refuse = |why: &str| {
        Err(Status::bad_request(format!(
            "container \"{container}\" in pod \"{name}\" is waiting to start: {why}"
        )))
    };
    let Some(status) = status_of(pod, container) else {
        return refuse("ContainerCreating");
    };
    let has_run = restarts(pod, container) > 0 || status["state"].get("waiting").is_none();
    match status["state"]["waiting"]["reason"].as_str() {
        Some("ImagePullBackOff" | "ErrImagePull") => refuse("trying and failing to pull image"),
        Some(reason) if !has_run => refuse(reason),
        _ => Ok(()),
    }
}

/// A run of a container.
#[derive(Debug)]
struct Run {
    /// The container's ID, which every run has of its own.
    id: Option<String>,
    /// When it was, to the second.
    time: Range<Timestamp>,
}

impl Run {
    /// Tells whether it said a line.
    fn said(&self, line: &Line) -> bool {
        let is_same = match (&self.id, &line.run) {
            (Some(id), Some(run)) => id == run,
            _ => true,
        };
        is_same && self.time.contains(&line.at)
    }

    fn is_over(&self) -> bool {
        self.time.end < Timestamp::MAX
    }
}

/// Returns how a container ran last, or before that; none if it did not.
fn run(pod: &Value, container: &str, is_previous: bool) -> Option<Run> {
    let status = status_of(pod, container)?;
    let last = status.pointer("/lastState/terminated");
    let (state, running) = (&status["state"], status.pointer("/state/running"));
    let ended = match is_previous {
        true => Some(last?),
        false => state
            .get("terminated")
            .or(last.filter(|_| running.is_none())),
    };
    let second = |of: &Value, field: &str| of[field].as_str()?.parse::<Timestamp>().ok();
    let Some(ended) = ended else {
        let begin = running.and_then(|running| second(running, "startedAt"));
        return Some(Run {
            id: status["containerID"].as_str().map(str::to_owned),
            time: begin.unwrap_or(Timestamp::MIN)..Timestamp::MAX,
        });
    };
    // Both are told to the second, with what is below it cut off.
    let end = second(ended, "finishedAt")?.saturating_add(SignedDuration::from_secs(1));
    Some(Run {
        id: ended["containerID"].as_str().map(str::to_owned),
        time: second(ended, "startedAt")?..end.unwrap_or(Timestamp::MAX),
    })
}

impl Reader {
    /// Takes in what was said up to `until`.
    fn read(&mut self, until: Timestamp) {
        let place = (
            self.namespace.as_str(),
            self.pod.as_str(),
            self.container.as_str(),
        );
        let (mut lines, n_read) = self.store.logs().from(place, self.n_read);
        self.n_read = n_read;
        lines.retain(|line| line.at >= self.since && self.run.said(line));
        while let Some((at, text)) = self
            .next_chatter(self.heard_until, until)
            .filter(|(at, _)| *at <= until)
        {
            let run = None;
            lines.push(Line { at, run, text });
            self.heard_until = at;
        }
        self.heard_until = self.heard_until.max(until);
        lines.sort_by_key(|line| line.at);
        self.pending.extend(lines);
    }

    /// Returns the pod, unless it is gone.
    fn pod(&self) -> Option<Arc<Value>> {
        let pod = self.store.get("Pod", &self.namespace, &self.pod)?;
        (pod["metadata"]["uid"] == self.uid).then_some(pod)
    }

    fn next_chatter(&self, last: Timestamp, now: Timestamp) -> Option<(Timestamp, String)> {
        chatter::next_line(&*self.pod()?, &self.container, last, now)
    }

    async fn next(&mut self) -> Option<Bytes> {
        let mut appended = self.store.logs().subscribe();
        let mut changes = self.store.subscribe();
        loop {
            // What ended is looked for before the last lines are, which are on record when the end is.
            let pod = self.pod();
            let now = self.store.now();
            if pod.is_some() {
                self.read(now);
            }
            if !self.pending.is_empty() {
                return Some(self.taken().into());
            }
            let status = pod.as_ref().and_then(|pod| status_of(pod, &self.container));
            status?["state"].get("running")?;
            let due = self.next_chatter(now, now);
            // Who says thousands of lines a second is heard in gulps.
            let gulp = SignedDuration::from_millis(GULP_MS);
            let earliest = now.saturating_add(gulp).unwrap_or(now);
            let due = due.map(|(at, _)| at.max(earliest));
            let clock = self.store.clock().clone();
            tokio::select! {
                () = clock.sleep_until_due(due) => {}
                _ = appended.changed() => {}
                _ = changes.recv() => {}
            }
        }
    }

    /// Returns what is to be written, at most so many lines.
    fn taken(&mut self) -> String {
        let n_lines = self.pending.len().min(MOST_AT_ONCE);
        let lines: Vec<Line> = self.pending.drain(..n_lines).collect();
        lines.iter().map(|line| self.written(line)).collect()
    }

    fn written(&self, line: &Line) -> String {
        if self.has_stamps {
            format!("{} {}\n", line.at, line.text)
        } else {
            format!("{}\n", line.text)
        }
    }
}
