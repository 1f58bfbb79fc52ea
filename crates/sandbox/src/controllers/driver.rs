//! Runs the controllers on a store: keeps their view in step with it, carries out what they decide, sleeps in between.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::status::Status;
use crate::store::{Change, ChangeKind, Propagation, Store};

use super::engine::Engine;
use super::events::{Entry, EventBook, count_again};
use super::kind::Kind;
use super::namespaces::Remaining;
use super::object::{is_deleting, items, name, namespace, text, uid};
use super::routes::Task;
use super::view::Key;
use super::write::{Note, Write};

/// The controllers of one store.
#[derive(Debug)]
pub struct Controllers {
    store: Store,
    changes: Receiver<Arc<Change>>,
    engine: Engine,
    events: EventBook,
}

/// Why a write was not carried out.
enum Failure {
    /// The object changed since it was looked at, or is gone.
    Outdated,
    /// The store refused it.
    Refused(String),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        match status.code {
            404 => Failure::Outdated,
            _ => Failure::Refused(status.message),
        }
    }
}

impl Controllers {
    /// Returns the controllers of `store`, which have seen what is in it and done nothing yet.
    pub fn new(store: Store) -> Controllers {
        let changes = store.subscribe();
        let mut controllers = Controllers {
            store,
            changes,
            engine: Engine::default(),
            events: EventBook::default(),
        };
        controllers.look_round();
        controllers
    }

    /// Runs until its task is aborted; at rest it waits for a change or a due time, nothing else.
    pub async fn run(mut self) {
        loop {
            let due = self.turn();
            let clock = self.store.clock().clone();
            let wait = async {
                match due {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => {}
                change = self.changes.recv() => match change {
                    Ok(change) => self.take_in(&change),
                    Err(RecvError::Lagged(_)) => self.look_round(),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    /// Does everything that is to be done by now; returns when something is due next.
    ///
    /// What was due earlier is done as of the time at which it was due: a clock that leaps leaves the same history as
    /// one that creeps.
    pub fn turn(&mut self) -> Option<Timestamp> {
        let now = self.store.now();
        while let Some(due) = self.engine.next_due().filter(|due| *due <= now) {
            self.work_as_of(due);
        }
        self.work_as_of(now);
        self.engine.next_due()
    }

    /// Does what is due and queued at `now`, and all that follows from it at once.
    fn work_as_of(&mut self, now: Timestamp) {
        self.engine.begin_turn(now);
        loop {
            self.drain();
            let Some(task) = self.engine.next_task(now) else {
                return;
            };
            let store = &self.store;
            let decision = self
                .engine
                .decide(&task, now, |namespace| remaining(store, namespace));
            self.carry_out_all(&task, decision.writes, now);
        }
    }

    /// Takes in the changes that wait.
    fn drain(&mut self) {
        loop {
            match self.changes.try_recv() {
                Ok(change) => self.take_in(&change),
                Err(TryRecvError::Lagged(_)) => self.look_round(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn take_in(&mut self, change: &Change) {
        let is_gone = change.kind == ChangeKind::Deleted;
        if is_gone && text(&change.object, "/kind") == "Event" {
            self.events.forget(&Key::of(&change.object));
        }
        let before = if is_gone {
            Some(change.object.as_ref())
        } else {
            change.previous.as_deref()
        };
        self.engine
            .absorb(before, (!is_gone).then(|| change.object.clone()));
    }

    /// Lists everything anew: at the start, and when changes were missed.
    fn look_round(&mut self) {
        self.changes = self.store.subscribe();
        self.engine.forget_objects();
        for kind in Kind::ALL {
            for object in self.store.list(&qualified(kind), None) {
                self.engine.absorb(None, Some(object));
            }
        }
    }

    fn carry_out_all(&mut self, task: &Task, writes: Vec<Write>, now: Timestamp) {
        let manager = task.0.manager();
        for write in writes {
            match self.carry_out(manager, &write, now) {
                Ok(()) => {}
                Err(Failure::Outdated) => return self.engine.outdated(task),
                Err(Failure::Refused(reason)) => {
                    self.drain();
                    for said in self.engine.refused(task, &write, &reason, now) {
                        // What is said about a refusal is not worth a refusal of its own.
                        let _ = self.carry_out(manager, &said, now);
                    }
                    return;
                }
            }
        }
        self.engine.succeeded(task);
    }

    fn carry_out(&mut self, manager: &str, write: &Write, now: Timestamp) -> Result<(), Failure> {
        match write {
            Write::Create(object) => {
                self.store.create(manager, object.clone())?;
                Ok(())
            }
            Write::Update(object) => self.update(manager, object),
            Write::Status {
                kind,
                key,
                uid,
                status,
            } => self.set_status(manager, *kind, key, uid, status),
            Write::Bind { key, uid, node } => self.bind(manager, key, uid, node),
            Write::Delete {
                kind,
                key,
                uid,
                grace_seconds,
            } => self.delete(*kind, key, uid, *grace_seconds),
            Write::DeleteContents { namespace } => {
                delete_contents(&self.store, namespace);
                Ok(())
            }
            Write::Finalize { name } => self.finalize(manager, name),
            Write::Event(note) => self.record(note, now),
            Write::Log {
                key,
                container,
                line,
            } => {
                self.store
                    .append_log(&key.namespace, &key.name, container, line);
                Ok(())
            }
        }
    }

    fn update(&self, manager: &str, object: &Value) -> Result<(), Failure> {
        let kind = Kind::from_names(text(object, "/apiVersion"), text(object, "/kind"));
        let kind = qualified(kind.expect("controllers only update kinds that they know"));
        let mut is_current = false;
        self.store
            .update(manager, &kind, namespace(object), name(object), |current| {
                is_current =
                    current["metadata"]["resourceVersion"] == object["metadata"]["resourceVersion"];
                if is_current {
                    *current = object.clone();
                }
            })?;
        if is_current {
            Ok(())
        } else {
            Err(Failure::Outdated)
        }
    }

    fn set_status(
        &self,
        manager: &str,
        kind: Kind,
        key: &Key,
        wanted: &str,
        status: &Value,
    ) -> Result<(), Failure> {
        let mut is_current = false;
        self.store.update_status(
            manager,
            &qualified(kind),
            &key.namespace,
            &key.name,
            |current| {
                is_current = uid(current) == wanted;
                if is_current {
                    current["status"] = status.clone();
                }
            },
        )?;
        if is_current {
            Ok(())
        } else {
            Err(Failure::Outdated)
        }
    }

    fn bind(&self, manager: &str, key: &Key, wanted: &str, node: &str) -> Result<(), Failure> {
        let mut is_current = false;
        self.store
            .update(manager, "Pod", &key.namespace, &key.name, |pod| {
                is_current = uid(pod) == wanted && text(pod, "/spec/nodeName").is_empty();
                if is_current {
                    pod["spec"]["nodeName"] = json!(node);
                }
            })?;
        if is_current {
            Ok(())
        } else {
            Err(Failure::Outdated)
        }
    }

    fn delete(
        &self,
        kind: Kind,
        key: &Key,
        wanted: &str,
        grace_seconds: Option<i64>,
    ) -> Result<(), Failure> {
        let kind = qualified(kind);
        let found = self.store.get(&kind, &key.namespace, &key.name);
        if found.is_none_or(|found| uid(&found) != wanted) {
            return Err(Failure::Outdated);
        }
        match grace_seconds {
            Some(0) => self.store.delete_now(&kind, &key.namespace, &key.name)?,
            _ => self
                .store
                .delete(&kind, &key.namespace, &key.name, Propagation::Background)?,
        };
        Ok(())
    }

    fn finalize(&self, manager: &str, name: &str) -> Result<(), Failure> {
        self.store
            .update(manager, "Namespace", "", name, |namespace| {
                namespace["spec"]["finalizers"] = json!([])
            })?;
        Ok(())
    }

    fn record(&mut self, note: &Note, now: Timestamp) -> Result<(), Failure> {
        for key in self.events.expire(now) {
            let _ = self
                .store
                .delete("Event", &key.namespace, &key.name, Propagation::Background);
        }
        match self.events.enter(note, now) {
            Entry::Create(event) => {
                let key = Key::of(&event);
                if self.store.create(note.component, event).is_err() {
                    // An event is never worth failing for: its namespace may be on its way out.
                    self.events.forget(&key);
                }
            }
            Entry::Count(key) => {
                let counted = self.store.update(
                    note.component,
                    "Event",
                    &key.namespace,
                    &key.name,
                    |event| count_again(event, now),
                );
                if counted.is_err() {
                    self.events.forget(&key);
                }
            }
        }
        Ok(())
    }
}

/// Returns a kind's name with its group, as the store tells kinds of one name apart.
fn qualified(kind: Kind) -> String {
    match kind.group() {
        "" => kind.kind().to_owned(),
        group => format!("{}.{group}", kind.kind()),
    }
}

/// Returns what is in a namespace, of every kind that the store serves.
fn remaining(store: &Store, namespace: &str) -> Vec<Remaining> {
    let inner = store.lock();
    let mut remaining = Vec::new();
    for ((group, plural), objects) in &inner.objects {
        let here: Vec<&Arc<Value>> = objects
            .iter()
            .filter(|((within, _), _)| within == namespace)
            .map(|(_, object)| object)
            .collect();
        if here.is_empty() || namespace.is_empty() {
            continue;
        }
        let mut finalizers: Vec<(String, usize)> = Vec::new();
        for finalizer in here
            .iter()
            .flat_map(|object| items(object, "/metadata/finalizers"))
            .filter_map(Value::as_str)
        {
            match finalizers.iter_mut().find(|(known, _)| known == finalizer) {
                Some((_, n)) => *n += 1,
                None => finalizers.push((finalizer.to_owned(), 1)),
            }
        }
        remaining.push(Remaining {
            resource: format!("{plural}.{group}"),
            count: here.len(),
            finalizers,
        });
    }
    remaining
}

/// Asks for the deletion of everything in a namespace.
fn delete_contents(store: &Store, namespace: &str) {
    let doomed: Vec<(String, String)> = {
        let inner = store.lock();
        let here = inner.objects.values().flat_map(|objects| objects.iter());
        here.filter(|((within, _), object)| within == namespace && !is_deleting(object))
            .map(|(_, object)| (store_kind(object), name(object).to_owned()))
            .collect()
    };
    for (kind, name) in doomed {
        // Somebody else may have been faster.
        let _ = store.delete(&kind, namespace, &name, Propagation::Background);
    }
}

fn store_kind(object: &Value) -> String {
    let kind = text(object, "/kind");
    match text(object, "/apiVersion").split_once('/') {
        Some((group, _)) => format!("{kind}.{group}"),
        None => kind.to_owned(),
    }
}
