//! Drives the controllers on a store: keeps their view in step with it and carries out what they decide.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use crate::store::{Change, ChangeKind, Store};

use super::engine::Engine;
use super::kind::Kind;
use super::namespaces::Remaining;
use super::object::{items, text};
use super::routes::Task;
use super::view::Key;
use super::write::Write;

use hands::{Failure, Hands};

pub(super) use hands::qualified;

mod hands;

/// The controllers of one store.
#[derive(Debug)]
pub struct Controllers {
    store: Store,
    changes: Receiver<Arc<Change>>,
    engine: Engine,
    hands: Hands,
}

impl Controllers {
    /// Returns the controllers of `store`, which have seen what is in it and done nothing yet.
    pub fn new(store: Store) -> Controllers {
        let changes = store.subscribe();
        let mut controllers = Controllers {
            hands: Hands::new(store.clone()),
            store,
            changes,
            engine: Engine::default(),
        };
        controllers.look_round();
        controllers
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
            self.hands.events.forget(&Key::of(&change.object));
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
            match self.hands.carry_out(manager, &write, now) {
                Ok(()) => {}
                Err(Failure::Outdated) => return self.engine.outdated(task),
                Err(Failure::Refused(reason)) => {
                    self.drain();
                    for said in self.engine.refused(task, &write, &reason, now) {
                        // What is said about a refusal is not worth a refusal of its own.
                        let _ = self.hands.carry_out(manager, &said, now);
                    }
                    return;
                }
            }
        }
        self.engine.succeeded(task);
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
