//! Reading and writing objects: each write is one request, which is never sent again.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::discovery::is_url_word;
use super::kinds::Resource;
use super::request::{Ask, JSON, form_urlencoded, parse, unreadable};
use super::{Cluster, Selector, reply};
use crate::definition::id::{Namespace, is_dns_label};
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};

/// The group whose names may hold more than those of other objects.
const FREE_NAMES: &str = "rbac.authorization.k8s.io";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// How an object is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyOptions {
    /// The field manager: `bowline/<id>`.
    pub field_manager: String,
    /// Ask for the verdict only.
    pub dry_run: bool,
    /// Take fields that other managers own.
    pub force: bool,
}

/// What a write left on the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The object as the server answered it.
    pub object: Object,
    /// Texts of `Warning` headers.
    pub warnings: Vec<String>,
}

/// What happens to the dependents of a deleted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Propagation {
    /// Dependents first; the object stays until they are gone.
    Foreground,
    /// The object at once, dependents after it.
    Background,
    /// The object alone: dependents stay, without an owner.
    Orphan,
}

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deleted {
    /// It does not exist, or not any more.
    Gone,
    /// It stays until its finalizers, grace period or dependents are through.
    Accepted,
}

impl Cluster {
    /// Reads an object; none if it does not exist.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline.
    pub async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, Failure> {
        let doing = format!("read {key}");
        let found = self.get_as(&doing, key, JSON).await?;
        found.map(|json| object(&doing, json)).transpose()
    }

    /// Reads like [`Cluster::get`], metadata only.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline.
    pub async fn get_metadata(&self, key: &ObjectKey) -> Result<Option<Object>, Failure> {
        let doing = format!("read {key}");
        let Some(mut json) = self.get_as(&doing, key, METADATA).await? else {
            return Ok(None);
        };
        let fields = json.as_object_mut().ok_or_else(|| unreadable(&doing))?;
        // What it is of stands in the question alone.
        fields.insert("apiVersion".to_owned(), key.api_version().into());
        fields.insert("kind".to_owned(), key.kind.as_str().into());
        object(&doing, json).map(Some)
    }

    async fn get_as(
        &self,
        doing: &str,
        key: &ObjectKey,
        accept: &'static str,
    ) -> Result<Option<Value>, Failure> {
        let path = self.object_path(key, None).await?;
        let answer = self.read(doing, path, accept).await?;
        match answer.status {
            StatusCode::OK => parse(doing, &answer.body).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(reply::failure(doing, status, &answer.body)),
        }
    }

    /// Lists the objects of a kind that a label selector finds, in a namespace or in all.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline.
    pub async fn list(
        &self,
        kind: &GroupKind,
        namespace: Option<&Namespace>,
        selector: &Selector,
    ) -> Result<Vec<Object>, Failure> {
        self.list_as(kind, namespace, selector, JSON).await
    }

    /// Lists like [`Cluster::list`], metadata only.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline.
    pub async fn list_metadata(
        &self,
        kind: &GroupKind,
        namespace: Option<&Namespace>,
        selector: &Selector,
    ) -> Result<Vec<Object>, Failure> {
        self.list_as(kind, namespace, selector, METADATA_LIST).await
    }

    async fn list_as(
        &self,
        kind: &GroupKind,
        namespace: Option<&Namespace>,
        selector: &Selector,
        accept: &'static str,
    ) -> Result<Vec<Object>, Failure> {
        let resource = self.resource(kind).await?;
        let doing = format!("list {}", resource.plural);
        let path = resource.path(namespace.map(Namespace::as_str));
        let query = form_urlencoded(&[("labelSelector", selector.as_str())]);
        self.read_pages(&doing, &path, &query, accept, |body| {
            let mut page: Value = parse(&doing, body)?;
            let next = page.pointer("/metadata/continue").and_then(Value::as_str);
            let next = next.map(str::to_owned);
            Ok((items(&mut page, &resource), next))
        })
        .await
    }

    /// Applies an object by server-side apply with strict validation.
    ///
    /// # Errors
    /// The server refuses it, or nobody knows whether it was done: then the kind is `Unreachable`, and the caller must look
    /// before it sends anything again.
    pub async fn apply(&self, object: &Object, options: &ApplyOptions) -> Result<Written, Failure> {
        let mut query = vec![
            ("fieldManager", options.field_manager.as_str()),
            ("fieldValidation", "Strict"),
        ];
        if options.force {
            query.push(("force", "true"));
        }
        if options.dry_run {
            query.push(("dryRun", "All"));
        }
        let doing = format!("apply {}", object.key);
        let path = self.object_path(&object.key, None).await?;
        let body = (
            "application/apply-patch+yaml",
            object.json.to_string().into_bytes(),
        );
        self.write(
            &doing,
            Method::PATCH,
            format!("{path}?{}", form_urlencoded(&query)),
            body,
        )
        .await
    }

    /// Creates an object.
    ///
    /// # Errors
    /// It exists (`Conflict`), or as [`Cluster::apply`].
    pub async fn create(
        &self,
        object: &Object,
        field_manager: &str,
        dry_run: bool,
    ) -> Result<Written, Failure> {
        check_name(&object.key)?;
        let resource = self.resource(&GroupKind::of(&object.key)).await?;
        let resource = resource.at_version(&object.key.version);
        let mut query = vec![
            ("fieldManager", field_manager),
            ("fieldValidation", "Strict"),
        ];
        if dry_run {
            query.push(("dryRun", "All"));
        }
        let path = resource.path(object.key.namespace.as_deref());
        let body = (JSON, object.json.to_string().into_bytes());
        let doing = format!("create {}", object.key);
        self.write(
            &doing,
            Method::POST,
            format!("{path}?{}", form_urlencoded(&query)),
            body,
        )
        .await
    }

    /// Changes an object by a JSON merge patch (RFC 7396), of the object itself or of a subresource.
    ///
    /// # Errors
    /// As [`Cluster::apply`]; a stale `resourceVersion` in the patch is a `Conflict`.
    pub async fn merge_patch(
        &self,
        key: &ObjectKey,
        patch: &Value,
        field_manager: &str,
        subresource: Option<&str>,
    ) -> Result<Written, Failure> {
        let path = self.object_path(key, subresource).await?;
        self.send_merge_patch(key, path, patch, field_manager, &[])
            .await
    }

    /// Asks what a JSON merge patch of an object would do, without doing it.
    ///
    /// # Errors
    /// As [`Cluster::merge_patch`].
    pub async fn rehearse_merge_patch(
        &self,
        key: &ObjectKey,
        patch: &Value,
        field_manager: &str,
    ) -> Result<Written, Failure> {
        let path = self.object_path(key, None).await?;
        let dry_run = [("dryRun", "All")];
        self.send_merge_patch(key, path, patch, field_manager, &dry_run)
            .await
    }

    async fn send_merge_patch(
        &self,
        key: &ObjectKey,
        path: String,
        patch: &Value,
        field_manager: &str,
        more: &[(&str, &str)],
    ) -> Result<Written, Failure> {
        let mut query = vec![
            ("fieldManager", field_manager),
            ("fieldValidation", "Strict"),
        ];
        query.extend(more);
        let query = form_urlencoded(&query);
        let body = (
            "application/merge-patch+json",
            patch.to_string().into_bytes(),
        );
        self.write(
            &format!("change {key}"),
            Method::PATCH,
            format!("{path}?{query}"),
            body,
        )
        .await
    }

    /// Deletes an object if it still is the one of that uid.
    ///
    /// # Errors
    /// Another object bears the name now (`Conflict`), the server refuses, or has not answered after the deadline.
    pub async fn delete(
        &self,
        key: &ObjectKey,
        uid: &str,
        propagation: Propagation,
    ) -> Result<Deleted, Failure> {
        let policy = match propagation {
            Propagation::Foreground => "Foreground",
            Propagation::Background => "Background",
            Propagation::Orphan => "Orphan",
        };
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": policy,
        });
        let doing = format!("delete {key}");
        let ask = Ask {
            doing: &doing,
            method: Method::DELETE,
            path_and_query: self.object_path(key, None).await?,
            accept: JSON,
            body: Some((JSON, options.to_string().into_bytes())),
        };
        let answer = self.send_write(ask, Some(uid)).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(Deleted::Gone),
            // A Status says that it is gone, the object itself that it stays for a while.
            StatusCode::OK | StatusCode::ACCEPTED => {
                let body: Value = parse(&doing, &answer.body)?;
                let is_status = body.get("kind").and_then(Value::as_str) == Some("Status");
                Ok(if is_status {
                    Deleted::Gone
                } else {
                    Deleted::Accepted
                })
            }
            status => Err(reply::failure(&doing, status, &answer.body)),
        }
    }

    /// Changes an object by a JSON patch (RFC 6902): a list of operations.
    ///
    /// # Errors
    /// As [`Cluster::apply`]; a `test` that does not hold is `Invalid`.
    pub async fn json_patch(
        &self,
        key: &ObjectKey,
        patch: &json_patch::Patch,
        field_manager: &str,
    ) -> Result<Written, Failure> {
        let path = self.object_path(key, None).await?;
        let doing = format!("change {key}");
        let patch = serde_json::to_vec(patch).map_err(|error| {
            Failure::new(FailureKind::Invalid, format!("cannot {doing}: {error}"))
        })?;
        let query = form_urlencoded(&[
            ("fieldManager", field_manager),
            ("fieldValidation", "Strict"),
        ]);
        let body = ("application/json-patch+json", patch);
        self.write(&doing, Method::PATCH, format!("{path}?{query}"), body)
            .await
    }

    async fn object_path(
        &self,
        key: &ObjectKey,
        subresource: Option<&str>,
    ) -> Result<String, Failure> {
        check_name(key)?;
        let resource = self.resource(&GroupKind::of(key)).await?;
        let resource = resource.at_version(&key.version);
        let path = format!("{}/{}", resource.path(key.namespace.as_deref()), key.name);
        Ok(subresource.map_or(path.clone(), |subresource| format!("{path}/{subresource}")))
    }

    async fn write(
        &self,
        doing: &str,
        method: Method,
        path_and_query: String,
        body: (&'static str, Vec<u8>),
    ) -> Result<Written, Failure> {
        let ask = Ask {
            doing,
            method,
            path_and_query,
            accept: JSON,
            body: Some(body),
        };
        let answer = self.send_write(ask, None).await?;
        if !answer.status.is_success() {
            return Err(reply::failure(doing, answer.status, &answer.body));
        }
        Ok(Written {
            object: object(doing, parse(doing, &answer.body)?)?,
            warnings: answer.warnings,
        })
    }
}

/// Names reach URLs unescaped, so what could leave its place in the path is refused.
fn check_name(key: &ObjectKey) -> Result<(), Failure> {
    const MAX_SUBDOMAIN: usize = 253;
    let is_subdomain = key.name.len() <= MAX_SUBDOMAIN
        && (key
            .name
            .split('.')
            .all(|label| is_dns_label(label, MAX_SUBDOMAIN))
            || key.group == FREE_NAMES && is_path_segment(&key.name));
    let namespace = key.namespace.as_deref();
    let wrong = if !is_subdomain {
        &key.name
    } else if namespace.is_some_and(|namespace| !is_dns_label(namespace, 63)) {
        namespace.unwrap_or_default()
    } else if !is_url_word(&key.version) {
        &key.version
    } else {
        return Ok(());
    };
    // Quoted as code, and short: it may be anything.
    let shown: String = wrong.chars().take(80).collect();
    let summary = format!(
        "{shown:?} is no name that can stand in a request for {}",
        key.kind
    );
    Err(Failure::new(FailureKind::Invalid, summary))
}

/// Tells whether a name of a role can stand in a path: roles may be called `system:reader`.
fn is_path_segment(name: &str) -> bool {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':' | b'_');
    !matches!(name, "" | "." | "..") && name.bytes().all(is_legal)
}

/// Takes the objects out of a list.
fn items(list: &mut Value, resource: &Resource) -> Vec<Object> {
    let Some(Value::Array(items)) = list.get_mut("items").map(Value::take) else {
        return Vec::new();
    };
    let objects = items.into_iter().filter_map(|mut item| {
        // Items of a typed list bear neither; those of a metadata list bear the wrong ones.
        let map = item.as_object_mut()?;
        map.insert("apiVersion".to_owned(), resource.api_version().into());
        map.insert("kind".to_owned(), resource.kind.as_ref().into());
        Object::from_json(item)
    });
    objects.collect()
}

fn object(doing: &str, json: Value) -> Result<Object, Failure> {
    Object::from_json(json).ok_or_else(|| unreadable(doing))
}
