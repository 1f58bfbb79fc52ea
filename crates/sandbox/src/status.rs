//! Errors as the API speaks them: a `Status` with code, reason, message and details.
//!
//! Every refusal in this crate is one of these values, so that HTTP clients and in-process callers read the same words.

use serde_json::{Map, Value, json};

/// A refusal by the API, as it is sent to clients.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason (`NotFound`, `Conflict`, …); empty where the real server gives none.
    pub reason: &'static str,
    /// What was refused and why.
    pub message: String,
    /// Name, group, kind and causes, where there are any.
    pub details: Map<String, Value>,
    /// Where a real server would answer plain text instead of a Status document.
    pub plain: bool,
}

/// One cause among the details of a [`Status`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Machine-readable reason (`FieldValueInvalid`, `FieldManagerConflict`, …).
    pub reason: &'static str,
    /// What is wrong.
    pub message: String,
    /// Path of the field.
    pub field: String,
}

impl Cause {
    fn to_value(&self) -> Value {
        let mut cause = json!({"reason": self.reason, "message": self.message});
        if !self.field.is_empty() {
            cause["field"] = json!(self.field);
        }
        cause
    }
}

impl Status {
    /// Returns a refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Status {
            code,
            reason,
            message: message.into(),
            details: Map::new(),
            plain: false,
        }
    }

    /// Adds the object it is about: resource (or kind) and name.
    #[must_use]
    pub fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                self.details.insert(key.into(), json!(value));
            }
        }
        self
    }

    /// Adds causes.
    #[must_use]
    pub fn because(mut self, causes: &[Cause]) -> Self {
        if !causes.is_empty() {
            self.details.insert(
                "causes".into(),
                causes.iter().map(Cause::to_value).collect(),
            );
        }
        self
    }

    /// Returns 404 for a missing object; `resource` is `pods` or `deployments.apps`.
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let shown = qualified(group, resource);
        Status::new(404, "NotFound", format!("{shown} \"{name}\" not found"))
            .about(group, resource, name)
    }

    /// Returns the plain-text 404 of a path that is not served.
    pub fn no_such_path() -> Self {
        Status {
            plain: true,
            ..Status::new(404, "NotFound", "404 page not found")
        }
    }

    /// Returns 409 for a create of what exists.
    pub fn already_exists(group: &str, resource: &str, name: &str) -> Self {
        let shown = qualified(group, resource);
        Status::new(
            409,
            "AlreadyExists",
            format!("{shown} \"{name}\" already exists"),
        )
        .about(group, resource, name)
    }

    /// Returns 409 for a lost race or a failed precondition.
    pub fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let shown = qualified(group, resource);
        Status::new(
            409,
            "Conflict",
            format!("Operation cannot be fulfilled on {shown} \"{name}\": {why}"),
        )
        .about(group, resource, name)
    }

    /// Returns the 409 of a stale resourceVersion.
    pub fn stale(group: &str, resource: &str, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Status::conflict(group, resource, name, why)
    }

    /// Returns 422 with one cause a field.
    pub fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let shown = qualified(group, kind);
        let errors: Vec<String> = causes
            .iter()
            .map(|c| format!("{}: {}", c.field, c.message))
            .collect();
        let errors = match errors.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        Status::new(
            422,
            "Invalid",
            format!("{shown} \"{name}\" is invalid: {errors}"),
        )
        .about(group, kind, name)
        .because(causes)
    }

    /// Returns 403; `user` may not do what `what` says.
    pub fn forbidden(group: &str, resource: &str, name: &str, why: &str) -> Self {
        let shown = qualified(group, resource);
        let subject = if name.is_empty() {
            format!("{shown} is")
        } else {
            format!("{shown} \"{name}\" is")
        };
        Status::new(403, "Forbidden", format!("{subject} forbidden: {why}"))
            .about(group, resource, name)
    }

    /// Returns 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Status::new(400, "BadRequest", message)
    }

    /// Returns the 410 that makes a watcher list again.
    pub fn expired(message: impl Into<String>) -> Self {
        Status::new(410, "Expired", message)
    }

    /// Returns 405.
    pub fn method_not_allowed() -> Self {
        Status::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    /// Returns the document that is sent.
    pub fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if !self.details.is_empty() {
            status["details"] = Value::Object(self.details.clone());
        }
        status
    }
}

/// Returns `deployments.apps` or `pods`.
pub fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() {
        resource.to_owned()
    } else {
        format!("{resource}.{group}")
    }
}
