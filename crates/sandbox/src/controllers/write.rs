//! What a reconcile decided: writes as values, compared whole by tests and carried out by the driver.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::object::{name, namespace, text, uid};
use super::view::Key;

/// The outcome of one reconcile.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decision {
    /// What to write, in order. The first write that fails ends the turn; the object is looked at again.
    pub writes: Vec<Write>,
    /// When to look again though nothing changed.
    pub wake_at: Option<Timestamp>,
}

impl Decision {
    /// Returns the decision to do nothing.
    pub fn nothing() -> Decision {
        Decision::default()
    }

    /// Returns a decision of these writes.
    pub fn of(writes: Vec<Write>) -> Decision {
        Decision {
            writes,
            wake_at: None,
        }
    }

    /// Adds a time to look again; the earliest counts.
    pub fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Adds a write.
    pub fn write(&mut self, write: Write) {
        self.writes.push(write);
    }
}

/// One write to the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Creates an object.
    Create(Value),
    /// Replaces metadata and spec; refused if the object changed since it was read.
    Update(Value),
    /// Replaces the status of the object that has this uid.
    Status {
        /// The object's kind.
        kind: Kind,
        /// The object's name.
        key: Key,
        /// The object's identity.
        uid: String,
        /// The whole new status.
        status: Value,
    },
    /// Binds a pod to a node: the scheduler's own way of writing `spec.nodeName`.
    Bind {
        /// The pod.
        key: Key,
        /// The pod's identity.
        uid: String,
        /// The node.
        node: String,
    },
    /// Deletes the object that has this uid.
    Delete {
        /// The object's kind.
        kind: Kind,
        /// The object's name.
        key: Key,
        /// The object's identity.
        uid: String,
        /// `Some(0)` removes a pod at once; `None` leaves its own grace period.
        grace_seconds: Option<i64>,
    },
    /// Deletes everything in a namespace that is not on its way out yet.
    DeleteContents {
        /// The namespace.
        namespace: String,
    },
    /// Takes `kubernetes` off a namespace's spec, after which it goes.
    Finalize {
        /// The namespace.
        name: String,
    },
    /// Counts what is used of a quota; the store does it in one go, so that nothing is written meanwhile.
    Recount {
        /// The quota.
        key: Key,
    },
    /// Records an event; repeats of one are counted.
    Event(Note),
    /// Writes a line that a container said.
    Log {
        /// The pod.
        key: Key,
        /// The container.
        container: String,
        /// The ID of this run of it.
        run: String,
        /// The line without its end.
        line: String,
    },
}

impl Write {
    /// Returns the write of a new status of `object`.
    pub fn status(kind: Kind, object: &Value, status: Value) -> Write {
        Write::Status {
            kind,
            key: Key::of(object),
            uid: uid(object).to_owned(),
            status,
        }
    }

    /// Returns the deletion of `object` with its own grace period.
    pub fn delete(kind: Kind, object: &Value) -> Write {
        Write::Delete {
            kind,
            key: Key::of(object),
            uid: uid(object).to_owned(),
            grace_seconds: None,
        }
    }

    /// Returns the update that leaves `object` as `change` makes it.
    pub fn update(object: &Value, change: impl FnOnce(&mut Value)) -> Write {
        let mut changed = object.clone();
        change(&mut changed);
        Write::Update(changed)
    }
}

/// How an event reads: its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Something went its way.
    Normal,
    /// Something went wrong.
    Warning,
}

impl Weight {
    /// Returns the API's word.
    pub fn word(self) -> &'static str {
        match self {
            Weight::Normal => "Normal",
            Weight::Warning => "Warning",
        }
    }
}

/// An event to be recorded about an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The reference to the object, as `involvedObject` holds it.
    pub involved: Value,
    /// Who says so, as `source.component` names it.
    pub component: &'static str,
    /// The node that says so, for the kubelet's events.
    pub host: Option<String>,
    /// What was being done, for the scheduler's events only.
    pub action: Option<&'static str>,
    /// The weight.
    pub weight: Weight,
    /// The reason, one word.
    pub reason: &'static str,
    /// The message.
    pub message: String,
}

impl Note {
    /// Returns a `Normal` event about `object`.
    pub fn normal(
        component: &'static str,
        object: &Value,
        reason: &'static str,
        message: String,
    ) -> Note {
        let involved = reference(object);
        Note {
            involved,
            component,
            host: None,
            action: None,
            weight: Weight::Normal,
            reason,
            message,
        }
    }

    /// Returns a `Warning` event about `object`.
    pub fn warning(
        component: &'static str,
        object: &Value,
        reason: &'static str,
        message: String,
    ) -> Note {
        Note {
            weight: Weight::Warning,
            ..Note::normal(component, object, reason, message)
        }
    }

    /// Returns the event about one field of its object.
    pub fn about_field(mut self, field_path: &str) -> Note {
        self.involved["fieldPath"] = field_path.into();
        self
    }

    /// Returns the event as said by the kubelet of `node`.
    pub fn on_host(mut self, node: &str) -> Note {
        self.host = Some(node.to_owned());
        self
    }

    /// Returns the event in the scheduler's newer form, which names an action.
    pub fn doing(mut self, action: &'static str) -> Note {
        self.action = Some(action);
        self
    }
}

/// Returns the reference by which events and claims point to `object`.
pub fn reference(object: &Value) -> Value {
    let mut reference = Map::new();
    reference.insert("apiVersion".to_owned(), json!(text(object, "/apiVersion")));
    reference.insert("kind".to_owned(), json!(text(object, "/kind")));
    reference.insert("name".to_owned(), json!(name(object)));
    if !namespace(object).is_empty() {
        reference.insert("namespace".to_owned(), json!(namespace(object)));
    }
    reference.insert(
        "resourceVersion".to_owned(),
        json!(text(object, "/metadata/resourceVersion")),
    );
    reference.insert("uid".to_owned(), json!(uid(object)));
    Value::Object(reference)
}
