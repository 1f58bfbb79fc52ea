//! A stage for tests: the controllers and the garbage collector on a store of their own, and a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

use crate::clock::{Clock, ManualClock};
use crate::machinery::Machinery;
use crate::store::{Change, ChangeKind, Propagation, Store};

use super::driver::qualified;
use super::kind::Kind;
use super::object::{name, namespace, text, uid};
use super::seeds;

/// The controllers and their world.
pub struct Stage {
    store: Store,
    clock: ManualClock,
    machinery: Machinery,
    changes: Receiver<Arc<Change>>,
    log_read_until: Timestamp,
}

impl Stage {
    /// Returns a stage with the seeded cluster and the namespace `n`.
    pub fn new() -> Stage {
        let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
        let store = Store::new(Clock::Manual(clock.clone()), 65_536);
        seeds::plant(&store).unwrap();
        let mut stage = Stage {
            machinery: Machinery::new(store.clone()),
            changes: store.subscribe(),
            log_read_until: Timestamp::MIN,
            store,
            clock,
        };
        stage.create(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}));
        stage.settle();
        stage
    }

    /// Creates an object; returns its uid.
    pub fn create(&mut self, object: Value) -> String {
        uid(&self.store.create("kubectl", object).unwrap()).to_owned()
    }

    /// Changes an object, as a person does.
    pub fn edit(&mut self, kind: Kind, name: &str, change: impl FnOnce(&mut Value)) {
        let within = namespace(&self.get(kind, name)).to_owned();
        self.store
            .update("kubectl", &qualified(kind), &within, name, change)
            .unwrap();
    }

    /// Deletes an object, as a person does.
    pub fn delete(&mut self, kind: Kind, name: &str) {
        let within = namespace(&self.get(kind, name)).to_owned();
        self.store
            .delete(&qualified(kind), &within, name, Propagation::Background)
            .unwrap();
    }

    /// Returns an object of the namespace `n`, or a cluster-scoped one.
    pub fn get(&self, kind: Kind, name: &str) -> Value {
        self.find(kind, name)
            .unwrap_or_else(|| panic!("no {kind:?} {name}"))
    }

    /// Returns the same if it is there.
    pub fn find(&self, kind: Kind, name: &str) -> Option<Value> {
        let get = |namespace| self.store.get(&qualified(kind), namespace, name);
        get("n")
            .or_else(|| get(""))
            .map(|object| object.as_ref().clone())
    }

    /// Returns all objects of a kind.
    pub fn all(&self, kind: Kind) -> Vec<Value> {
        let all = self.store.list(&qualified(kind), None);
        all.into_iter()
            .map(|object| object.as_ref().clone())
            .collect()
    }

    /// Returns the values at `pointer` of all objects of a kind, by name.
    pub fn each(&self, kind: Kind, pointer: &str) -> Vec<Value> {
        self.all(kind)
            .iter()
            .map(|object| object.pointer(pointer).cloned().unwrap_or_default())
            .collect()
    }

    /// Returns the events said since the last call, as `reason object: message`.
    pub fn events(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        while let Ok(change) = self.changes.try_recv() {
            let event = &change.object;
            if text(event, "/kind") == "Event" && change.kind != ChangeKind::Deleted {
                let about = text(event, "/involvedObject/name");
                said.push(format!(
                    "{} {about}: {}",
                    text(event, "/reason"),
                    text(event, "/message")
                ));
            }
        }
        said
    }

    /// Returns the log lines since the last call.
    pub fn logs(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for pod in self.all(Kind::Pod) {
            for container in super::object::items(&pod, "/spec/containers") {
                let place = (namespace(&pod), name(&pod), name_of(container));
                let (all, _) = self.store.logs().from(place, 0);
                let until = self.log_read_until;
                lines.extend(all.into_iter().filter(|line| line.at > until));
            }
        }
        self.log_read_until = self.store.now();
        lines.into_iter().map(|line| line.text).collect()
    }

    /// Lets the controllers do what is to be done now; returns when something is due next.
    pub fn settle(&mut self) -> Option<Timestamp> {
        self.machinery.turn()
    }

    /// Moves the clock, with a stop wherever something is due.
    pub fn advance(&mut self, milliseconds: i64) {
        let end = super::object::after(self.store.now(), milliseconds);
        while let Some(due) = self.settle().filter(|due| *due <= end) {
            self.move_to(due);
        }
        self.move_to(end);
        self.settle();
    }

    fn move_to(&mut self, time: Timestamp) {
        if let Ok(by) = Duration::try_from(time.duration_since(self.store.now())) {
            self.clock.advance(by);
        }
    }

    /// Returns whether the cluster is at rest for good: nothing is due.
    pub fn is_at_rest(&mut self) -> bool {
        self.settle().is_none()
    }
}

fn name_of(container: &Value) -> &str {
    text(container, "/name")
}
