//! The objects of the cluster, and the one lock round them.
//!
//! HTTP requests and controllers meet here. Everything is synchronous and short: a reader gets an `Arc` of an object, a
//! writer passes the whole way of a real write (defaults, validation, managed fields, revision) under the lock, and every
//! change is told to subscribers in order. Nothing in here waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::custom;
use crate::delete::{DeleteOptions, Deletion};
use crate::keep::Dump;
use crate::logs::{Line, Logs};
use crate::random::Random;
use crate::resources::{Registry, Resource, split_api_version};
use crate::status::Status;
use crate::write::{WriteOptions, Writer, Written};

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It came into being.
    Added,
    /// It was changed.
    Modified,
    /// It is gone; the change holds its last state.
    Deleted,
}

/// One change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// The revision of the whole store that this change made.
    pub revision: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The kind of object.
    pub resource: Arc<Resource>,
    /// The object after the change (its last state, when deleted).
    pub object: Arc<Value>,
    /// The object before the change.
    pub previous: Option<Arc<Value>>,
}

/// What becomes of the dependents of a deleted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    /// The object goes at once, its dependents afterwards.
    #[default]
    Background,
    /// The object stays, terminating, until its blocking dependents are gone.
    Foreground,
    /// The dependents stay and lose their owner reference.
    Orphan,
}

/// How many changes a subscriber can be behind before it loses some.
const BACKLOG: usize = 8192;

/// The store; a cheap handle.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    logs: Arc<Logs>,
    clock: Clock,
}

/// The objects of a kind by namespace and name.
pub(crate) type ObjectsByName = BTreeMap<(String, String), Arc<Value>>;

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) registry: Registry,
    /// By group and plural.
    pub(crate) objects: BTreeMap<(String, String), ObjectsByName>,
    pub(crate) revision: u64,
    /// The last changes, oldest first.
    pub(crate) history: VecDeque<Arc<Change>>,
    history_limit: usize,
    /// Changes up to this revision have been forgotten.
    pub(crate) forgotten: u64,
    pub(crate) random: Random,
    pub(crate) changes: broadcast::Sender<Arc<Change>>,
    logs: Arc<Logs>,
}

impl Store {
    /// Returns an empty store that keeps the last `watch_history` changes for watches to resume from.
    pub fn new(clock: Clock, watch_history: usize) -> Self {
        let (changes, _) = broadcast::channel(BACKLOG);
        let inner = Inner {
            registry: Registry::default(),
            objects: BTreeMap::new(),
            revision: 1,
            history: VecDeque::new(),
            history_limit: watch_history,
            forgotten: 1,
            random: Random::default(),
            changes,
            logs: Arc::default(),
        };
        let logs = inner.logs.clone();
        Store {
            shared: Arc::new(Shared {
                inner: Mutex::new(inner),
                logs,
                clock,
            }),
        }
    }

    /// Returns the present time by the sandbox' clock.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// Returns the sandbox' clock, for waiting.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Returns all changes from now on, in order. A receiver that lags loses some and must list again.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Change>> {
        self.lock().changes.subscribe()
    }

    /// Returns the revision of the last change.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Returns one object; `namespace` is empty for cluster-scoped kinds. `kind` may be `Kind.group`.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let inner = self.lock();
        let resource = inner.registry.by_kind(kind)?;
        inner
            .table(resource)?
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    /// Returns all objects of a kind, of one namespace or of all, ordered by namespace and name.
    pub fn list(&self, kind: &str, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let inner = self.lock();
        let Some(table) = inner.registry.by_kind(kind).and_then(|r| inner.table(r)) else {
            return Vec::new();
        };
        table
            .iter()
            .filter(|((ns, _), _)| namespace.is_none_or(|n| n == ns))
            .map(|(_, o)| o.clone())
            .collect()
    }

    /// Returns the objects of a kind whose controlling owner has the given uid.
    pub fn controlled_by(&self, kind: &str, namespace: &str, uid: &str) -> Vec<Arc<Value>> {
        let controls = |o: &Value| {
            o["metadata"]["ownerReferences"]
                .as_array()
                .is_some_and(|refs| {
                    refs.iter()
                        .any(|r| r["uid"] == uid && r["controller"] == true)
                })
        };
        self.list(kind, Some(namespace))
            .into_iter()
            .filter(|o| controls(o))
            .collect()
    }

    /// Creates an object as `manager` (`kube-controller-manager`, `kubelet`, …).
    pub fn create(&self, manager: &str, object: Value) -> Result<Arc<Value>, Status> {
        let mut inner = self.lock();
        let (api_version, kind) = (
            object["apiVersion"].as_str(),
            object["kind"].as_str().unwrap_or_default(),
        );
        let group = api_version
            .and_then(|v| v.split_once('/'))
            .map_or("", |(group, _)| group);
        let resource = inner
            .registry
            .by_group_kind(group, kind)
            .cloned()
            .ok_or_else(Status::no_such_path)?;
        let namespace = object["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let writer = self.writer(&mut inner, resource, &namespace, WriteOptions::of(manager));
        writer.create(object).map(|written| written.object)
    }

    /// Changes an object (everything but its status) as `manager`.
    pub fn update(
        &self,
        manager: &str,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Arc<Value>, Status> {
        self.change(WriteOptions::of(manager), kind, namespace, name, change)
    }

    /// Changes the status of an object as `manager`; all else that `change` touches is put back.
    /// Writing what is there already makes no new revision.
    pub fn update_status(
        &self,
        manager: &str,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Arc<Value>, Status> {
        self.change(
            WriteOptions::status_of(manager),
            kind,
            namespace,
            name,
            change,
        )
    }

    fn change(
        &self,
        options: WriteOptions,
        kind: &str,
        namespace: &str,
        name: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Arc<Value>, Status> {
        let mut inner = self.lock();
        let resource = inner
            .registry
            .by_kind(kind)
            .cloned()
            .ok_or_else(Status::no_such_path)?;
        let writer = self.writer(&mut inner, resource, namespace, options);
        let written = writer.update(name, |live| {
            let mut object = live.clone();
            change(&mut object);
            Ok(object)
        })?;
        Ok(written.object)
    }

    /// Asks for the deletion of an object, as `kubectl delete` does: finalizers and a pod's grace period hold it.
    pub fn delete(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        propagation: Propagation,
    ) -> Result<Arc<Value>, Status> {
        let options = DeleteOptions {
            propagation: Some(propagation),
            ..DeleteOptions::default()
        };
        self.delete_with(kind, namespace, name, &options)
            .map(|deletion| deletion.object)
    }

    /// Deletes an object without grace, as the kubelet does with a pod whose containers have ended. Finalizers still hold it.
    pub fn delete_now(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Value>, Status> {
        let options = DeleteOptions {
            grace_seconds: Some(0),
            ..DeleteOptions::default()
        };
        self.delete_with(kind, namespace, name, &options)
            .map(|deletion| deletion.object)
    }

    fn delete_with(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deletion, Status> {
        let mut inner = self.lock();
        let resource = inner
            .registry
            .by_kind(kind)
            .cloned()
            .ok_or_else(Status::no_such_path)?;
        inner.delete(&resource, namespace, name, options, self.now())
    }

    /// Appends a line to the log of a container: namespace, pod and name. `run` is the ID of the run that said it, if known.
    pub fn append_log(&self, container: (&str, &str, &str), run: Option<&str>, line: &str) {
        self.shared.logs.append(
            container,
            Line {
                at: self.now(),
                run: run.map(str::to_owned),
                text: line.to_owned(),
            },
        );
    }

    /// Returns the revision and all objects, definitions of custom kinds first.
    pub(crate) fn dump(&self) -> Dump {
        let inner = self.lock();
        let place = (
            String::from("apiextensions.k8s.io"),
            String::from("customresourcedefinitions"),
        );
        let definitions = inner
            .objects
            .get(&place)
            .into_iter()
            .flat_map(|table| table.values());
        let others = inner
            .objects
            .iter()
            .filter(|(at, _)| **at != place)
            .flat_map(|(_, table)| table.values());
        (inner.revision, definitions.chain(others).cloned().collect())
    }

    /// Puts objects of an earlier run into an empty store as they were; returns the kind of one that is not served.
    pub(crate) fn restore(&self, revision: u64, objects: &[Value]) -> Option<String> {
        let mut inner = self.lock();
        for object in objects {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
            let group = split_api_version(&api_version).0;
            let Some(resource) = inner.registry.by_group_kind(group, &kind).cloned() else {
                return Some(kind);
            };
            custom::serve(&mut inner.registry, &resource, object);
            let table = inner
                .objects
                .entry((resource.group.clone(), resource.plural.clone()))
                .or_default();
            table.insert(key_of(object), Arc::new(object.clone()));
        }
        inner.revision = revision;
        inner.forgotten = revision;
        None
    }

    pub(crate) fn logs(&self) -> &Logs {
        &self.shared.logs
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic of one request must not take the cluster down: each write replaces whole values.
        self.shared
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a write to a kind in a namespace.
    pub(crate) fn writer<'a>(
        &self,
        inner: &'a mut Inner,
        resource: Arc<Resource>,
        namespace: &str,
        options: WriteOptions,
    ) -> Writer<'a> {
        let namespace = namespace.to_owned();
        Writer {
            inner,
            resource,
            namespace,
            now: self.now(),
            options,
            warnings: Vec::new(),
        }
    }

    /// Does one write under the lock.
    pub(crate) fn write(
        &self,
        resource: Arc<Resource>,
        namespace: &str,
        options: WriteOptions,
        write: impl FnOnce(Writer<'_>) -> Result<Written, Status>,
    ) -> Result<Written, Status> {
        let mut inner = self.lock();
        write(self.writer(&mut inner, resource, namespace, options))
    }
}

impl Inner {
    pub(crate) fn table(&self, resource: &Resource) -> Option<&ObjectsByName> {
        self.objects
            .get(&(resource.group.clone(), resource.plural.clone()))
    }

    /// Stores an object as the next revision and tells of it.
    pub(crate) fn put(
        &mut self,
        resource: &Arc<Resource>,
        previous: Option<Arc<Value>>,
        mut object: Value,
    ) -> Arc<Value> {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let object = Arc::new(object);
        let table = self
            .objects
            .entry((resource.group.clone(), resource.plural.clone()))
            .or_default();
        table.insert(key_of(&object), object.clone());
        let kind = if previous.is_some() {
            ChangeKind::Modified
        } else {
            ChangeKind::Added
        };
        self.tell(kind, resource, object.clone(), previous);
        custom::serve(&mut self.registry, resource, &object);
        object
    }

    /// Takes an object out and tells of it; `last` is its last state.
    pub(crate) fn remove(&mut self, resource: &Arc<Resource>, last: Arc<Value>) -> Arc<Value> {
        self.remove_declared(resource, &last);
        self.revision += 1;
        let mut object = (*last).clone();
        object["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        let object = Arc::new(object);
        let place = (resource.group.clone(), resource.plural.clone());
        let previous = self
            .objects
            .get_mut(&place)
            .and_then(|table| table.remove(&key_of(&object)));
        self.tell(ChangeKind::Deleted, resource, object.clone(), previous);
        if resource.kind == "Pod" {
            let (namespace, name) = key_of(&object);
            self.logs.forget(&namespace, &name);
        }
        object
    }

    /// Removes the objects of the kind that a definition declares, and stops serving it.
    fn remove_declared(&mut self, resource: &Resource, definition: &Value) {
        let Some(kind) = custom::withdraw(&mut self.registry, resource, definition) else {
            return;
        };
        let objects = self
            .table(&kind)
            .into_iter()
            .flat_map(|table| table.values());
        for object in objects.cloned().collect::<Vec<_>>() {
            self.remove(&kind, object);
        }
    }

    /// Returns the objects of a kind as they were at a revision, which must not be forgotten.
    pub(crate) fn table_at(&self, resource: &Resource, revision: u64) -> ObjectsByName {
        let mut table = self.table(resource).cloned().unwrap_or_default();
        let is_of_kind = |change: &&Arc<Change>| {
            (&change.resource.group, &change.resource.plural) == (&resource.group, &resource.plural)
        };
        let newer = self.history.iter().rev();
        let newer = newer.take_while(|change| change.revision > revision);
        for change in newer.filter(is_of_kind) {
            let key = key_of(&change.object);
            match change.previous.clone() {
                Some(previous) => table.insert(key, previous),
                None => table.remove(&key),
            };
        }
        table
    }

    fn tell(
        &mut self,
        kind: ChangeKind,
        resource: &Arc<Resource>,
        object: Arc<Value>,
        previous: Option<Arc<Value>>,
    ) {
        let change = Change {
            revision: self.revision,
            kind,
            resource: resource.clone(),
            object,
            previous,
        };
        let change = Arc::new(change);
        self.history.push_back(change.clone());
        if self.history.len() > self.history_limit
            && let Some(oldest) = self.history.pop_front()
        {
            self.forgotten = oldest.revision;
        }
        // Nobody may be listening.
        let _ = self.changes.send(change);
    }
}

fn key_of(object: &Value) -> (String, String) {
    let text = |key: &str| {
        object["metadata"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (text("namespace"), text("name"))
}
