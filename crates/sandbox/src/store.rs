//! The objects of the cluster, and the one lock round them.
//!
//! HTTP requests and controllers meet here. Everything is synchronous and short: a reader gets an `Arc` of an object, a
//! writer passes the whole way of a real write (defaults, validation, managed fields, revision) under the lock, and every
//! change is told to subscribers in order. Nothing in here waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::resources::{Registry, Resource};
use crate::status::Status;

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

/// The store; a cheap handle.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    changes: broadcast::Sender<Arc<Change>>,
    clock: Clock,
}

pub(crate) type ObjectsByName = BTreeMap<(String, String), Arc<Value>>;

/// What the lock guards.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) registry: Registry,
    pub(crate) objects: BTreeMap<(String, String), ObjectsByName>,
    pub(crate) revision: u64,
    pub(crate) history: VecDeque<Arc<Change>>,
    pub(crate) history_limit: usize,
}

impl Store {
    /// Returns an empty store that keeps the last `watch_history` changes for watches to resume from.
    pub fn new(clock: Clock, watch_history: usize) -> Self {
        let inner = Inner {
            history_limit: watch_history,
            revision: 1,
            ..Inner::default()
        };
        let (changes, _) = broadcast::channel(4096);
        Store {
            shared: Arc::new(Shared {
                inner: Mutex::new(inner),
                changes,
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
        self.shared.changes.subscribe()
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
        let _ = (manager, object);
        Err(Status::new(501, "", "not yet"))
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
        let _ = (manager, kind, namespace, name, change);
        Err(Status::new(501, "", "not yet"))
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
        let _ = (manager, kind, namespace, name, change);
        Err(Status::new(501, "", "not yet"))
    }

    /// Asks for the deletion of an object, as `kubectl delete` does: finalizers and a pod's grace period hold it.
    pub fn delete(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        propagation: Propagation,
    ) -> Result<Arc<Value>, Status> {
        let _ = (kind, namespace, name, propagation);
        Err(Status::new(501, "", "not yet"))
    }

    /// Deletes an object without grace, as the kubelet does with a pod whose containers have ended. Finalizers still hold it.
    pub fn delete_now(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Value>, Status> {
        let _ = (kind, namespace, name);
        Err(Status::new(501, "", "not yet"))
    }

    /// Appends a line to the log of a container.
    pub fn append_log(&self, namespace: &str, pod: &str, container: &str, line: &str) {
        let _ = (namespace, pod, container, line);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic of one request must not take the cluster down: each write replaces whole values.
        self.shared
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    pub(crate) fn table(&self, resource: &Resource) -> Option<&ObjectsByName> {
        self.objects
            .get(&(resource.group.clone(), resource.plural.clone()))
    }
}
