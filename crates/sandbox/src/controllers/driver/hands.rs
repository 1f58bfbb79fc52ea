//! Carries the controllers' writes out on the store.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::controllers::events::{Entry, EventBook, count_again};
use crate::controllers::kind::Kind;
use crate::controllers::object::{is_deleting, name, namespace, text, uid};
use crate::controllers::view::Key;
use crate::controllers::write::{Note, Write};
use crate::quota::recount;
use crate::status::Status;
use crate::store::{Propagation, Store};

/// Why a write was not carried out.
pub enum Failure {
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

/// The store, and what must be remembered to write to it well.
#[derive(Debug)]
pub struct Hands {
    store: Store,
    /// The events written so far.
    pub events: EventBook,
}

impl Hands {
    /// Returns hands for `store`.
    pub fn new(store: Store) -> Hands {
        Hands {
            store,
            events: EventBook::default(),
        }
    }

    /// Carries one write out as `manager`.
    pub fn carry_out(
        &mut self,
        manager: &str,
        write: &Write,
        now: Timestamp,
    ) -> Result<(), Failure> {
        match write {
            Write::Create(object) => {
                // A namespace that is not there is a refusal here, not an object that went.
                let created = self.store.create(manager, object.clone());
                created
                    .map(drop)
                    .map_err(|status| Failure::Refused(status.message))
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
            Write::Recount { key } => {
                recount(&self.store, manager, &key.namespace, &key.name);
                Ok(())
            }
            Write::Event(note) => self.record(note, now),
            Write::Log {
                key,
                container,
                run,
                line,
            } => {
                let place = (
                    key.namespace.as_str(),
                    key.name.as_str(),
                    container.as_str(),
                );
                self.store.append_log(place, Some(run), line);
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
pub fn qualified(kind: Kind) -> String {
    match kind.group() {
        "" => kind.kind().to_owned(),
        group => format!("{}.{group}", kind.kind()),
    }
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
