//! The way of every write: read, default, admit, validate, record who owns what, charge quotas, store, tell.
//!
//! Requests and controllers come this way alike, each with its own field manager. All of it happens under the store's
//! lock and none of it waits. Nothing is stored unless every step agreed; a dry-run takes every step but the storing.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::apply::managed::{self, Apply, Author};
use crate::apply::typed::faults;
use crate::canonical::canonicalise;
use crate::decode::decode;
use crate::quota::Charge;
use crate::request::check_object;
use crate::resources::Resource;
use crate::status::{Cause, Status};
use crate::store::Inner;
use crate::time::seconds;
use crate::{admit, defaults, quota, validate};

/// What is done about undeclared fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// They are dropped silently.
    Ignore,
    /// They are dropped with a warning.
    #[default]
    Warn,
    /// The write is refused.
    Strict,
}

/// How a write is to be done.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// The field manager.
    pub manager: String,
    /// The subresource that is written to; empty for the object itself.
    pub subresource: String,
    /// Whether nothing is stored.
    pub dry_run: bool,
    /// What is done about undeclared fields.
    pub field_validation: FieldValidation,
}

impl WriteOptions {
    /// Returns the options of a plain write by `manager`.
    pub fn of(manager: &str) -> Self {
        WriteOptions {
            manager: manager.to_owned(),
            field_validation: FieldValidation::Ignore,
            ..Default::default()
        }
    }

    /// Returns the options of a status write by `manager`.
    pub fn status_of(manager: &str) -> Self {
        WriteOptions {
            subresource: "status".into(),
            ..WriteOptions::of(manager)
        }
    }

    fn author(&self, resource: &Resource, now: Timestamp) -> Author {
        Author {
            manager: self.manager.clone(),
            subresource: self.subresource.clone(),
            api_version: resource.api_version(),
            now,
        }
    }
}

/// What a write made.
#[derive(Debug, Clone)]
pub struct Written {
    /// The object as it is now; its last state where the write took away what held a terminating object.
    pub object: Arc<Value>,
    /// Whether it was created.
    pub is_new: bool,
    /// What the client should be told beside.
    pub warnings: Vec<String>,
}

/// A write to one object of one kind.
pub(crate) struct Writer<'a> {
    pub(crate) inner: &'a mut Inner,
    pub(crate) resource: Arc<Resource>,
    pub(crate) namespace: String,
    pub(crate) now: Timestamp,
    pub(crate) options: WriteOptions,
    pub(crate) warnings: Vec<String>,
}

impl Writer<'_> {
    /// Creates `object`.
    pub(crate) fn create(mut self, object: Value) -> Result<Written, Status> {
        let mut object = self.read(object)?;
        self.check_type(&object)?;
        self.check_namespace(&mut object)?;
        self.name(&mut object)?;
        // What a client says of the server's own fields at creation is not kept.
        for key in [
            "resourceVersion",
            "uid",
            "creationTimestamp",
            "generation",
            "deletionTimestamp",
            "selfLink",
        ] {
            remove_metadata(&mut object, key);
        }
        remove_metadata(&mut object, "managedFields");
        self.furnish(&mut object);
        // What admission adds is nobody's.
        self.own(None, &mut object);
        admit::on_create(self.inner, &self.resource, &mut object)?;
        validate::create(&self.resource, &object)?;
        self.keep(None, object, true)
    }

    /// Changes the object called `name` into what `change` makes of it.
    pub(crate) fn update(
        mut self,
        name: &str,
        change: impl FnOnce(&Value) -> Result<Value, Status>,
    ) -> Result<Written, Status> {
        let live = self.existing(name).ok_or_else(|| self.not_found(name))?;
        let object = change(&live)?;
        let object = self.read(object)?;
        self.check_type(&object)?;
        self.replace(name, &live, object, false)
    }

    /// Applies `applied` to the object called `name`, which need not be there.
    pub(crate) fn apply(self, name: &str, applied: Value, force: bool) -> Result<Written, Status> {
        check_object(&applied)?;
        self.check_type(&applied)?;
        let mut applied = applied;
        self.check_namespace(&mut applied)?;
        let given = text(&applied, "name");
        if !given.is_empty() && given != name {
            return Err(self.name_mismatch(&given, name));
        }
        if applied["metadata"]
            .get("managedFields")
            .is_some_and(|list| !list.is_null())
        {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        applied["metadata"]["name"] = json!(name);
        let existing = self.existing(name);
        let uid = text(&applied, "uid");
        if existing.is_none() && !uid.is_empty() {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            return Err(Status::conflict(
                &self.resource.group,
                &self.resource.plural,
                name,
                &why,
            ));
        }
        if existing.is_none() && !self.options.subresource.is_empty() {
            return Err(self.not_found(name));
        }
        if existing.is_none() {
            self.check_namespace_lives(name)?;
        }
        self.check_schema(&applied)?;
        strip_nulls(&mut applied);
        let wanted_version = text(&applied, "resourceVersion");
        let empty = json!({
            "apiVersion": self.resource.api_version(), "kind": self.resource.kind, "metadata": {"name": name},
        });
        let live = existing.clone().unwrap_or_else(|| Arc::new(empty));
        if existing.is_some()
            && !wanted_version.is_empty()
            && wanted_version != text(&live, "resourceVersion")
        {
            return Err(Status::stale(
                &self.resource.group,
                &self.resource.plural,
                name,
            ));
        }
        remove_metadata(&mut applied, "resourceVersion");
        let author = self.options.author(&self.resource, self.now);
        let resource = self.resource.clone();
        let of = resource.typed().ok_or_else(Status::no_such_path)?;
        let request = Apply {
            live: &live,
            applied: &applied,
            author: &author,
            force,
            has_status: resource.has_subresource("status"),
        };
        let mut object = managed::apply(of, request)?;
        strip_nulls(&mut object);
        // NB: values are compared as they were written, so that another manager's `1000m` conflicts with what is stored as `1`.
        canonicalise(of, &mut object).map_err(|why| self.unconvertible(name, &why))?;
        match existing {
            Some(live) => self.replace(name, &live, object, true),
            None => self.create_applied(object),
        }
    }

    fn create_applied(mut self, mut object: Value) -> Result<Written, Status> {
        self.name(&mut object)?;
        for key in [
            "uid",
            "creationTimestamp",
            "generation",
            "deletionTimestamp",
        ] {
            remove_metadata(&mut object, key);
        }
        self.furnish(&mut object);
        admit::on_create(self.inner, &self.resource, &mut object)?;
        validate::create(&self.resource, &object)?;
        self.keep(None, object, true)
    }

    /// Puts `object` in the place of `live`. An applied object has its managers already.
    fn replace(
        mut self,
        name: &str,
        live: &Arc<Value>,
        mut object: Value,
        is_applied: bool,
    ) -> Result<Written, Status> {
        let given = text(&object, "name");
        if !given.is_empty() && given != name {
            return Err(self.name_mismatch(&given, name));
        }
        self.check_namespace(&mut object)?;
        let version = text(&object, "resourceVersion");
        if !version.is_empty() && version != text(live, "resourceVersion") {
            return Err(Status::stale(
                &self.resource.group,
                &self.resource.plural,
                name,
            ));
        }
        self.check_uid(name, live, &object)?;
        self.restore_server_fields(live, &mut object);
        self.restore_other_half(live, &mut object);
        defaults::apply(&self.resource, &mut object);
        if !is_applied {
            self.own(Some(live), &mut object);
        }
        admit::on_update(self.inner, &self.resource, live, &mut object)?;
        validate::update(&self.resource, live, &object, &self.options.subresource)?;
        if !live["metadata"]["deletionTimestamp"].is_null() && is_applied {
            let warning = "Detected changes to resource \"".to_owned()
                + name
                + "\" which is currently being deleted.";
            self.warnings.push(warning);
        }
        if is_same(live, &object) {
            let object = live.clone();
            return Ok(Written {
                object,
                is_new: false,
                warnings: self.warnings,
            });
        }
        self.count_generation(live, &mut object);
        self.keep(Some(live.clone()), object, false)
    }

    fn existing(&self, name: &str) -> Option<Arc<Value>> {
        let table = self.inner.table(&self.resource)?;
        let stored = table.get(&(self.namespace.clone(), name.to_owned()))?;
        Some(match self.resource.in_version(stored) {
            Cow::Borrowed(_) => stored.clone(),
            Cow::Owned(converted) => Arc::new(converted),
        })
    }

    fn check_name_is_free(&self, object: &Value) -> Result<(), Status> {
        let Resource { group, plural, .. } = &*self.resource;
        let name = text(object, "name");
        match self.existing(&name) {
            None => Ok(()),
            Some(_) => Err(Status::already_exists(group, plural, &name)),
        }
    }

    fn not_found(&self, name: &str) -> Status {
        Status::not_found(&self.resource.group, &self.resource.plural, name)
    }

    fn name_mismatch(&self, given: &str, name: &str) -> Status {
        Status::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        ))
    }

    /// Reads a body by its schema; what `Strict` refuses, `Warn` tells.
    fn read(&mut self, object: Value) -> Result<Value, Status> {
        check_object(&object)?;
        let resource = self.resource.clone();
        let Some(of) = resource.typed() else {
            return Ok(object);
        };
        let (mut object, findings) = decode(of, object);
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        let kind = &resource.kind;
        let complain = |what: String| {
            Status::bad_request(format!(
                "{kind} in version \"{}\" cannot be handled as a {kind}: {what}",
                resource.version
            ))
        };
        if let Some(wrong) = findings.wrong {
            return Err(complain(wrong));
        }
        canonicalise(of, &mut object).map_err(complain)?;
        let unknown: Vec<String> = findings
            .unknown
            .iter()
            .map(|path| format!("unknown field \"{path}\""))
            .collect();
        match self.options.field_validation {
            FieldValidation::Strict if !unknown.is_empty() => {
                return Err(complain(format!(
                    "strict decoding error: {}",
                    unknown.join(", ")
                )));
            }
            FieldValidation::Warn => self.warnings.extend(unknown),
            _ => {}
        }
        Ok(object)
    }

    fn check_type(&self, object: &Value) -> Result<(), Status> {
        let (version, kind) = (self.resource.api_version(), &self.resource.kind);
        let says =
            |key: &str, wanted: &str| object[key].as_str().is_none_or(|given| given == wanted);
        if says("apiVersion", &version) && says("kind", kind) {
            return Ok(());
        }
        let given = object["kind"].as_str().unwrap_or_default();
        let given_version = object["apiVersion"].as_str().unwrap_or_default();
        Err(Status::bad_request(format!(
            "{given} in version \"{given_version}\" cannot be handled as a {kind}: no kind \"{given}\" is registered for \
             version \"{given_version}\""
        )))
    }

    /// An applied object must fit its schema whole; the real server answers 500 to this, and so does this one.
    fn check_schema(&self, applied: &Value) -> Result<(), Status> {
        let Some(of) = self.resource.typed() else {
            return Ok(());
        };
        let faults = faults(of, applied);
        let text_of = match faults.as_slice() {
            [] => return Ok(()),
            [one] => one.clone(),
            many => format!("errors:\n  {}", many.join("\n  ")),
        };
        let name = text(applied, "name");
        let group_version = self.resource.api_version();
        let message = format!(
            "failed to create typed patch object ({}/{name}; {group_version}, Kind={}): {text_of}",
            self.namespace, self.resource.kind
        );
        Err(Status::new(500, "", message))
    }

    /// The real server answers 500 to this as well.
    fn unconvertible(&self, name: &str, why: &str) -> Status {
        let Resource {
            group,
            version,
            kind,
            ..
        } = &*self.resource;
        let what = format!("{group}/{version}, Kind={kind}");
        let message = format!(
            "failed to convert new object ({}/{name}; {what}) to proper version: unable to convert unstructured object to \
             {what}: {why}",
            self.namespace
        );
        Status::new(500, "", message)
    }

    fn check_namespace(&self, object: &mut Value) -> Result<(), Status> {
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        let given = text(object, "namespace");
        if !given.is_empty() && given != self.namespace {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        if self.resource.namespaced {
            object["metadata"]["namespace"] = json!(self.namespace);
        } else {
            remove_metadata(object, "namespace");
        }
        object["apiVersion"] = json!(self.resource.api_version());
        object["kind"] = json!(self.resource.kind);
        Ok(())
    }

    /// Refuses new objects in a namespace that is not there or goes.
    fn check_namespace_lives(&self, name: &str) -> Result<(), Status> {
        if !self.resource.namespaced {
            return Ok(());
        }
        let namespaces = self
            .inner
            .objects
            .get(&(String::new(), "namespaces".to_owned()));
        let found = namespaces.and_then(|all| all.get(&(String::new(), self.namespace.clone())));
        let namespace =
            found.ok_or_else(|| Status::not_found("", "namespaces", &self.namespace))?;
        if namespace["metadata"]["deletionTimestamp"].is_null() {
            return Ok(());
        }
        let why = format!(
            "unable to create new content in namespace {} because it is being terminated",
            self.namespace
        );
        Err(
            Status::forbidden(&self.resource.group, &self.resource.plural, name, &why).because(&[
                Cause {
                    reason: "NamespaceTerminating",
                    message: format!("namespace {} is being terminated", self.namespace),
                    field: "metadata.namespace".into(),
                },
            ]),
        )
    }

    fn name(&mut self, object: &mut Value) -> Result<(), Status> {
        let prefix = text(object, "generateName");
        if text(object, "name").is_empty() && !prefix.is_empty() {
            let most = 63 - 5;
            let prefix: String = prefix.chars().take(most).collect();
            object["metadata"]["name"] =
                json!(format!("{prefix}{}", self.inner.random.name_suffix()));
        }
        let name = text(object, "name");
        if name.is_empty() {
            let cause = Cause {
                reason: "FieldValueRequired",
                message: "Required value: name or generateName is required".into(),
                field: "metadata.name".into(),
            };
            return Err(Status::invalid(
                &self.resource.group,
                &self.resource.kind,
                "",
                &[cause],
            ));
        }
        self.check_namespace_lives(&name)
    }

    /// Gives a new object what the server gives each of its kind.
    fn furnish(&mut self, object: &mut Value) {
        let uid = self.inner.random.uid();
        object["metadata"]["uid"] = json!(uid);
        object["metadata"]["creationTimestamp"] = json!(seconds(self.now));
        if has_generation(&self.resource) {
            object["metadata"]["generation"] = json!(1);
        }
        defaults::status_at_creation(&self.resource, object);
        defaults::apply(&self.resource, object);
    }

    fn own(&self, live: Option<&Value>, object: &mut Value) {
        let author = self.options.author(&self.resource, self.now);
        let has_status = self.resource.has_subresource("status");
        if let Some(of) = self.resource.typed() {
            managed::track_update(of, live, object, &author, has_status);
        }
    }

    fn check_uid(&self, name: &str, live: &Value, object: &Value) -> Result<(), Status> {
        let (given, uid) = (text(object, "uid"), text(live, "uid"));
        if given.is_empty() || given == uid {
            return Ok(());
        }
        let cause = Cause {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: \"{given}\": field is immutable"),
            field: "metadata.uid".into(),
        };
        Err(Status::invalid(
            &self.resource.group,
            &self.resource.kind,
            name,
            &[cause],
        ))
    }

    fn restore_server_fields(&self, live: &Value, object: &mut Value) {
        let server_made = [
            "name",
            "uid",
            "creationTimestamp",
            "resourceVersion",
            "generation",
            "deletionTimestamp",
            "generateName",
        ];
        for key in server_made
            .into_iter()
            .chain(["deletionGracePeriodSeconds"])
        {
            match live["metadata"].get(key) {
                Some(value) => object["metadata"][key] = value.clone(),
                None => remove_metadata(object, key),
            }
        }
    }

    /// A write to the object leaves its status alone, a write to the status leaves all else alone.
    fn restore_other_half(&self, live: &Value, object: &mut Value) {
        match self.options.subresource.as_str() {
            "status" => {
                let status = object.get("status").cloned();
                let managers = object["metadata"].get("managedFields").cloned();
                *object = live.clone();
                set_or_remove(object, "status", status);
                if let Some(managers) = managers {
                    object["metadata"]["managedFields"] = managers;
                }
            }
            "" if self.resource.has_subresource("status") => {
                set_or_remove(object, "status", live.get("status").cloned());
            }
            _ => {}
        }
    }

    fn count_generation(&self, live: &Value, object: &mut Value) {
        if !has_generation(&self.resource) || self.options.subresource == "status" {
            return;
        }
        let wanted = |object: &Value| {
            let mut object = object.clone();
            object["metadata"] = Value::Null;
            object["status"] = Value::Null;
            object
        };
        if wanted(live) != wanted(object) {
            let generation = live["metadata"]["generation"].as_i64().unwrap_or(1);
            object["metadata"]["generation"] = json!(generation + 1);
        }
    }

    /// Stores an object. That its name is taken is known last of all, as the storage alone knows it.
    fn keep(
        self,
        live: Option<Arc<Value>>,
        object: Value,
        is_new: bool,
    ) -> Result<Written, Status> {
        let charge = Charge {
            resource: &self.resource,
            namespace: &self.namespace,
            live: live.as_deref(),
            object: &object,
            options: &self.options,
            now: self.now,
        };
        let charges = quota::admit(self.inner, &charge)?;
        if live.is_none() {
            self.check_name_is_free(&object)?;
        }
        quota::charge(self.inner, charges, &self.options, self.now)?;
        let Writer {
            inner,
            resource,
            options,
            warnings,
            ..
        } = self;
        if options.dry_run {
            return Ok(Written {
                object: Arc::new(object),
                is_new,
                warnings,
            });
        }
        let is_released = live.is_some() && is_released(&resource, &object);
        let object = if is_released {
            inner.remove(&resource, Arc::new(object))
        } else {
            inner.put(&resource, live, object)
        };
        Ok(Written {
            object,
            is_new,
            warnings,
        })
    }
}

/// Returns whether nothing holds a terminating object any more.
pub(crate) fn is_released(resource: &Resource, object: &Value) -> bool {
    let is_empty = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    let metadata = &object["metadata"];
    let is_namespace = resource.kind == "Namespace" && resource.group.is_empty();
    !metadata["deletionTimestamp"].is_null()
        && is_empty(&metadata["finalizers"])
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && (!is_namespace || is_empty(&object["spec"]["finalizers"]))
}

fn is_same(live: &Value, object: &Value) -> bool {
    // Who wrote last, and when, is no change by itself.
    let bare = |object: &Value| {
        let mut object = object.clone();
        for entry in object["metadata"]["managedFields"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            entry["time"] = Value::Null;
        }
        object
    };
    live == object || bare(live) == bare(object)
}

/// Kinds whose `generation` counts changes of what is wanted.
fn has_generation(resource: &Resource) -> bool {
    resource.custom
        || resource.kind == "Pod"
        || (!resource.group.is_empty() && resource.has_subresource("status"))
}

fn set_or_remove(object: &mut Value, key: &str, value: Option<Value>) {
    match (value, object.as_object_mut()) {
        (Some(value), Some(map)) => drop(map.insert(key.into(), value)),
        (None, Some(map)) => drop(map.remove(key)),
        _ => {}
    }
}

fn remove_metadata(object: &mut Value, key: &str) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove(key);
    }
}

fn text(object: &Value, key: &str) -> String {
    object["metadata"][key]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}
