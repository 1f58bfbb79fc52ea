//! Watches: what is there and what changes, as a stream of events.
//!
//! A watch begins with what it missed since the revision it names, or with a list of what there is, and goes on until the
//! client leaves, its time is up, or it lags so far behind that changes are forgotten: then its last event is a 410.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use crate::request::Target;
use crate::resources::Resource;
use crate::status::Status;
use crate::store::{Change, ChangeKind, Store};

use super::list::Selection;
use super::shape::Shape;
use super::table::Printer;
use super::{Answer, Ask, Server, streaming};

/// How often a client that wants bookmarks gets one.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// How long a watch lasts if the client does not say.
const LONGEST: Duration = Duration::from_secs(3600);

#[derive(Debug)]
struct Watch {
    store: Store,
    resource: Arc<Resource>,
    selection: Selection,
    shape: Shape,
    printer: Printer,
    changes: Receiver<Arc<Change>>,
    /// Changes up to this revision have been told.
    revision: u64,
    pending: VecDeque<Bytes>,
    has_begun: bool,
    has_ended: bool,
    wants_bookmarks: bool,
    next_bookmark: Instant,
    deadline: Instant,
}

pub(super) fn answer(server: &Server, ask: &Ask, target: &Target) -> Result<Answer, Status> {
    let selection = Selection::of(&ask.query, target)?;
    let named = Target {
        name: selection.name().map(str::to_owned),
        ..target.clone()
    };
    ask.must("watch", &named)?;
    let since = match ask.query.get("resourceVersion") {
        None | Some("" | "0") => None,
        Some(text) => Some(text.parse().map_err(|_| {
            Status::bad_request(format!("Invalid value for resourceVersion: {text}"))
        })?),
    };
    let sends_initial = ask
        .query
        .get("sendInitialEvents")
        .is_some_and(|value| value == "true");
    if sends_initial && ask.query.get("resourceVersionMatch") != Some("NotOlderThan") {
        let message = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires \
                       setting resourceVersionMatch to NotOlderThan";
        return Err(Status::new(422, "Invalid", message));
    }
    let lasts = ask
        .query
        .number("timeoutSeconds")?
        .map_or(LONGEST, Duration::from_secs)
        .min(LONGEST);
    let printer = Printer::of(&server.store, &target.resource);
    let now = Instant::now();
    let inner = server.store.lock();
    let mut watch = Watch {
        store: server.store.clone(),
        resource: target.resource.clone(),
        selection,
        shape: ask.shape(),
        printer,
        changes: inner.changes.subscribe(),
        revision: inner.revision,
        pending: VecDeque::new(),
        has_begun: false,
        has_ended: false,
        wants_bookmarks: ask.query.flag("allowWatchBookmarks"),
        next_bookmark: now + BOOKMARK_EVERY,
        deadline: now + lasts,
    };
    let forgotten = inner.forgotten;
    // Under the lock only what is to be told is gathered; it is written after.
    match since {
        Some(since) if since < forgotten => {
            drop(inner);
            watch.expire(since, forgotten);
        }
        Some(since) if !sends_initial => {
            let missed = inner.history.iter();
            let missed: Vec<Arc<Change>> = missed
                .filter(|change| change.revision > since)
                .cloned()
                .collect();
            drop(inner);
            missed.iter().for_each(|change| watch.take_in(change));
        }
        _ => {
            let table = inner.table(&target.resource).into_iter();
            let listed: Vec<Arc<Value>> = table.flat_map(|table| table.values().cloned()).collect();
            drop(inner);
            for object in listed {
                if watch.selection.matches(&object) {
                    watch.say("ADDED", &object);
                }
            }
            if sends_initial && watch.wants_bookmarks {
                watch.bookmark(true);
            }
        }
    }
    Ok(streaming(
        "application/json",
        stream::unfold(watch, |mut watch| async {
            let bytes = watch.next().await?;
            Some((bytes, watch))
        }),
    ))
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.pending.pop_front() {
                return Some(bytes);
            }
            if self.has_ended {
                return None;
            }
            tokio::select! {
                change = self.changes.recv() => match change {
                    Ok(change) if change.revision > self.revision => {
                        self.revision = change.revision;
                        self.take_in(&change);
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => {
                        let forgotten = self.store.lock().forgotten;
                        self.expire(self.revision, forgotten);
                    }
                    Err(RecvError::Closed) => return None,
                },
                () = sleep_until(self.next_bookmark), if self.wants_bookmarks => {
                    self.next_bookmark += BOOKMARK_EVERY;
                    self.bookmark(false);
                }
                () = sleep_until(self.deadline) => return None,
            }
        }
    }

    fn take_in(&mut self, change: &Change) {
        if change.resource.group != self.resource.group
            || change.resource.plural != self.resource.plural
        {
            return;
        }
        let was_selected = change
            .previous
            .as_ref()
            .is_some_and(|previous| self.selection.matches(previous));
        let is_selected =
            change.kind != ChangeKind::Deleted && self.selection.matches(&change.object);
        match (was_selected, is_selected) {
            (false, true) => self.say("ADDED", &change.object),
            (true, true) => self.say("MODIFIED", &change.object),
            (true, false) if change.kind == ChangeKind::Deleted => {
                self.say("DELETED", &change.object)
            }
            (true, false) => {
                // To this watcher it is gone: it is told the last state that it could see.
                let mut last = change.previous.as_deref().cloned().unwrap_or_default();
                last["metadata"]["resourceVersion"] = json!(change.revision.to_string());
                self.say("DELETED", &last);
            }
            (false, false) => {}
        }
    }

    fn say(&mut self, kind: &str, object: &Value) {
        let object = self.resource.in_version(object);
        let shaped = self
            .shape
            .event(&self.printer, &object, !self.has_begun, self.store.now());
        self.push(kind, shaped);
    }

    fn bookmark(&mut self, ends_list: bool) {
        let mut metadata =
            json!({"resourceVersion": self.revision.to_string(), "creationTimestamp": null});
        if ends_list {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let bookmark = json!({"kind": self.resource.kind, "apiVersion": self.resource.api_version(), "metadata": metadata});
        let shaped = self
            .shape
            .bookmark(&self.printer, bookmark, !self.has_begun);
        self.push("BOOKMARK", shaped);
    }

    fn expire(&mut self, since: u64, forgotten: u64) {
        let status = Status::expired(format!("too old resource version: {since} ({forgotten})"));
        self.push("ERROR", status.to_value());
        self.has_ended = true;
    }

    fn push(&mut self, kind: &str, object: Value) {
        self.has_begun = true;
        let mut line = json!({"type": kind, "object": object}).to_string();
        line.push('\n');
        self.pending.push_back(line.into());
    }
}
