//! A stage for tests: the controllers on a plain set of objects and a clock that the test moves.
//!
//! The stage does the least that the API does with a write (identity, version, generation, finalizers, grace, owners),
//! so that stories about controllers need neither store nor runtime.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::engine::Engine;
use super::kind::Kind;
use super::namespaces::Remaining;
use super::object::{after, is_deleting, items, name, namespace, seconds, text, uid};
use super::view::Key;
use super::write::{Note, Write};

/// The controllers and their world.
pub struct Stage {
    engine: Engine,
    objects: BTreeMap<(Kind, Key), Arc<Value>>,
    now: Timestamp,
    version: u64,
    notes: Vec<Note>,
    logs: Vec<String>,
}

impl Stage {
    /// Returns a stage with the seeded cluster and the namespace `n`.
    pub fn new() -> Stage {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut stage = Stage {
            engine: Engine::default(),
            objects: BTreeMap::new(),
            now,
            version: 0,
            notes: Vec::new(),
            logs: Vec::new(),
        };
        for object in super::seeds::objects(now) {
            stage.create(object);
        }
        stage.create(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"},
            "spec": {"finalizers": ["kubernetes"]}}),
        );
        stage.settle();
        stage
    }

    /// Creates an object.
    pub fn create(&mut self, mut object: Value) -> String {
        self.version += 1;
        let kind = kind_of(&object);
        object["metadata"]["uid"] = json!(format!("uid-{}", self.version));
        object["metadata"]["generation"] = json!(1);
        object["metadata"]["creationTimestamp"] = json!(seconds(self.now));
        let id = uid(&object).to_owned();
        assert!(
            !self.objects.contains_key(&(kind, Key::of(&object))),
            "{} is there",
            name(&object)
        );
        self.put(kind, object);
        id
    }

    /// Changes an object, as a person does.
    pub fn edit(&mut self, kind: Kind, name: &str, change: impl FnOnce(&mut Value)) {
        let mut object = self.get(kind, name);
        let before = object["spec"].clone();
        change(&mut object);
        if object["spec"] != before {
            object["metadata"]["generation"] =
                json!(object["metadata"]["generation"].as_i64().unwrap() + 1);
        }
        self.put(kind, object);
    }

    /// Deletes an object, as a person does.
    pub fn delete(&mut self, kind: Kind, name: &str) {
        let object = self.get(kind, name);
        self.begin_deletion(kind, object);
    }

    /// Returns an object of the namespace `n`, or a cluster-scoped one.
    pub fn get(&self, kind: Kind, name: &str) -> Value {
        self.find(kind, name)
            .unwrap_or_else(|| panic!("no {kind:?} {name}"))
    }

    /// Returns the same if it is there.
    pub fn find(&self, kind: Kind, name: &str) -> Option<Value> {
        let get = |namespace| self.objects.get(&(kind, Key::new(namespace, name)));
        get("n")
            .or_else(|| get(""))
            .map(|object| object.as_ref().clone())
    }

    /// Returns all objects of a kind.
    pub fn all(&self, kind: Kind) -> Vec<Value> {
        self.objects
            .iter()
            .filter(|((found, _), _)| *found == kind)
            .map(|(_, object)| object.as_ref().clone())
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
        let told = |note: Note| {
            format!(
                "{} {}: {}",
                note.reason,
                text(&note.involved, "/name"),
                note.message
            )
        };
        self.notes.drain(..).map(told).collect()
    }

    /// Returns the log lines since the last call.
    pub fn logs(&mut self) -> Vec<String> {
        std::mem::take(&mut self.logs)
    }

    /// Lets the controllers do what is to be done now.
    pub fn settle(&mut self) {
        self.engine.begin_turn(self.now);
        while let Some(task) = self.engine.next_task(self.now) {
            let objects = self.objects.clone();
            let decision = self
                .engine
                .decide(&task, self.now, |namespace| remaining(&objects, namespace));
            for write in decision.writes {
                if !self.carry_out(&write) {
                    self.engine.outdated(&task);
                    break;
                }
            }
        }
    }

    /// Moves the clock, with a stop wherever something is due.
    pub fn advance(&mut self, milliseconds: i64) {
        let end = after(self.now, milliseconds);
        self.settle();
        while let Some(due) = self.engine.next_due().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    /// Returns whether the cluster is at rest for good: nothing is due.
    pub fn is_at_rest(&self) -> bool {
        self.engine.next_due().is_none()
    }

    fn put(&mut self, kind: Kind, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let key = Key::of(&object);
        if is_deleting(&object)
            && items(&object, "/metadata/finalizers").is_empty()
            && !is_graceful(kind, &object)
        {
            return self.take(kind, &key);
        }
        let object = Arc::new(object);
        let before = self.objects.insert((kind, key), object.clone());
        self.engine.absorb(before.as_deref(), Some(object));
    }

    fn take(&mut self, kind: Kind, key: &Key) {
        let Some(gone) = self.objects.remove(&(kind, key.clone())) else {
            return;
        };
        self.engine.absorb(Some(&gone), None);
        let owned = |object: &&Arc<Value>| {
            items(object, "/metadata/ownerReferences")
                .iter()
                .any(|owner| text(owner, "/uid") == uid(&gone))
        };
        let dependents: Vec<Value> = self
            .objects
            .values()
            .filter(owned)
            .map(|object| object.as_ref().clone())
            .collect();
        for dependent in dependents {
            self.begin_deletion(kind_of(&dependent), dependent);
        }
    }

    fn begin_deletion(&mut self, kind: Kind, mut object: Value) {
        if is_deleting(&object) {
            return;
        }
        object["metadata"]["deletionTimestamp"] = json!(seconds(self.now));
        if kind == Kind::Pod {
            let grace = if text(&object, "/spec/nodeName").is_empty() {
                0
            } else {
                30
            };
            object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
        }
        self.put(kind, object);
    }

    /// Carries a write out; returns whether the object was as the writer thought.
    fn carry_out(&mut self, write: &Write) -> bool {
        match write {
            Write::Create(object) => drop(self.create(object.clone())),
            Write::Update(object) => {
                let kind = kind_of(object);
                let Some(current) = self.objects.get(&(kind, Key::of(object))) else {
                    return false;
                };
                if current["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"] {
                    return false;
                }
                let mut object = object.clone();
                if object["spec"] != current["spec"] {
                    object["metadata"]["generation"] =
                        json!(current["metadata"]["generation"].as_i64().unwrap() + 1);
                }
                object["status"] = current["status"].clone();
                self.put(kind, object);
            }
            Write::Status {
                kind,
                key,
                uid: id,
                status,
            } => {
                let Some(current) = self
                    .objects
                    .get(&(*kind, key.clone()))
                    .filter(|current| uid(current) == id)
                else {
                    return false;
                };
                let mut object = current.as_ref().clone();
                object["status"] = status.clone();
                self.put(*kind, object);
            }
            Write::Bind { key, node, .. } => {
                let mut pod = self.objects[&(Kind::Pod, key.clone())].as_ref().clone();
                pod["spec"]["nodeName"] = json!(node);
                self.put(Kind::Pod, pod);
            }
            Write::Delete {
                kind,
                key,
                uid: id,
                grace_seconds,
            } => {
                let found = self
                    .objects
                    .get(&(*kind, key.clone()))
                    .filter(|found| uid(found) == id);
                let Some(mut object) = found.map(|found| found.as_ref().clone()) else {
                    return false;
                };
                if *grace_seconds == Some(0) {
                    object["metadata"]["deletionTimestamp"] = json!(seconds(self.now));
                    object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
                    self.put(*kind, object);
                } else {
                    self.begin_deletion(*kind, object);
                }
            }
            Write::DeleteContents { namespace: within } => {
                let here: Vec<Value> = self
                    .objects
                    .values()
                    .filter(|object| namespace(object) == within)
                    .map(|o| o.as_ref().clone())
                    .collect();
                for object in here {
                    self.begin_deletion(kind_of(&object), object);
                }
            }
            Write::Finalize { name } => self.take(Kind::Namespace, &Key::new("", name)),
            Write::Event(note) => self.notes.push(note.clone()),
            Write::Log { line, .. } => self.logs.push(line.clone()),
        }
        true
    }
}

fn kind_of(object: &Value) -> Kind {
    Kind::from_names(text(object, "/apiVersion"), text(object, "/kind")).unwrap()
}

fn is_graceful(kind: Kind, object: &Value) -> bool {
    let finalizers = kind == Kind::Namespace;
    finalizers
        || kind == Kind::Pod
            && object.pointer("/metadata/deletionGracePeriodSeconds") != Some(&json!(0))
}

fn remaining(objects: &BTreeMap<(Kind, Key), Arc<Value>>, namespace: &str) -> Vec<Remaining> {
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    for (kind, _) in objects.keys().filter(|(_, key)| key.namespace == namespace) {
        *counts.entry(*kind).or_default() += 1;
    }
    let count = |(kind, count): (Kind, usize)| Remaining {
        resource: format!("{kind:?}"),
        count,
        finalizers: Vec::new(),
    };
    counts.into_iter().map(count).collect()
}
