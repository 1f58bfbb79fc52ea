//! Requests: reads that may be repeated within their deadline, writes that are sent once.

use std::time::Duration;

use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::discovery::is_url_word;
use super::kinds::Resource;
use super::project::Project;
use super::watch::decode::{Decode, Objects};
use super::{Cluster, Selector, reply};
use crate::definition::id::{Namespace, is_dns_label};
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};

/// Objects of a list's page.
const PAGE: usize = 500;
/// How often a list is begun again because its snapshot expired between two pages; then it is read without pages.
const MAX_EXPIRED: usize = 2;
/// Largest answer that is read whole, in bytes: a page of the largest objects a server stores.
const MAX_ANSWER: usize = 512 * 1024 * 1024;
/// How often a read is tried within its deadline.
const MAX_TRIES: u32 = 3;
/// Wait before the second try; doubled for the third.
const RETRY_AFTER: Duration = Duration::from_millis(200);
const JSON: &str = "application/json";
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
}

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deleted {
    /// It does not exist, or not any more.
    Gone,
    /// It stays until its finalizers, grace period or dependents are through.
    Accepted,
}

/// A request, before it is sent.
pub(super) struct Ask<'a> {
    /// What is being done to what, for failures: `list pods of team-a`.
    pub doing: &'a str,
    pub method: Method,
    pub path_and_query: String,
    pub accept: &'static str,
    pub body: Option<(&'static str, Vec<u8>)>,
}

/// An answer with its body read whole.
pub(super) struct Answer {
    pub status: StatusCode,
    pub warnings: Vec<String>,
    pub body: Vec<u8>,
    retry_after: Option<Duration>,
}

impl Cluster {
    /// Reads an object; none if it does not exist.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline.
    pub async fn get(&self, key: &ObjectKey) -> Result<Option<Object>, Failure> {
        let doing = format!("read {key}");
        let answer = self
            .read(&doing, self.object_path(key, None).await?, JSON)
            .await?;
        match answer.status {
            StatusCode::OK => Ok(Some(object(&doing, &answer.body)?)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(reply::failure(&doing, status, &answer.body)),
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

    /// Reads a list page by page. `decode` returns a page's items and the token of the next page.
    pub(super) async fn read_pages<T>(
        &self,
        doing: &str,
        path: &str,
        query: &str,
        accept: &'static str,
        mut decode: impl FnMut(&[u8]) -> Result<(Vec<T>, Option<String>), Failure>,
    ) -> Result<Vec<T>, Failure> {
        let (mut items, mut token, mut n_expired) = (Vec::new(), None::<String>, 0);
        loop {
            let mut query = query.to_owned();
            if n_expired <= MAX_EXPIRED {
                query.push_str(&format!("&limit={PAGE}"));
            }
            if let Some(token) = &token {
                query.push_str(&format!("&{}", form_urlencoded(&[("continue", token)])));
            }
            let answer = self.read(doing, format!("{path}?{query}"), accept).await?;
            if answer.status == StatusCode::GONE && token.is_some() {
                // The snapshot behind the pages expired: begin again, as one list must be one snapshot.
                (items, token) = (Vec::new(), None);
                n_expired += 1;
                continue;
            }
            if answer.status != StatusCode::OK {
                return Err(reply::failure(doing, answer.status, &answer.body));
            }
            let (page, next) = decode(&answer.body)?;
            items.extend(page);
            match next {
                Some(next) if !next.is_empty() => token = Some(next),
                _ => return Ok(items),
            }
        }
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
        let query = form_urlencoded(&[
            ("fieldManager", field_manager),
            ("fieldValidation", "Strict"),
        ]);
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
        let answer = self.send(ask).await?;
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
        let answer = self
            .send(Ask {
                doing,
                method,
                path_and_query,
                accept: JSON,
                body: Some(body),
            })
            .await?;
        if !answer.status.is_success() {
            return Err(reply::failure(doing, answer.status, &answer.body));
        }
        Ok(Written {
            object: object(doing, &answer.body)?,
            warnings: answer.warnings,
        })
    }

    /// Posts a body that changes nothing on the server and returns the answer: reviews.
    pub(super) async fn ask_review(
        &self,
        doing: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, Failure> {
        let body = Some((JSON, body.to_string().into_bytes()));
        let ask = Ask {
            doing,
            method: Method::POST,
            path_and_query: path.to_owned(),
            accept: JSON,
            body,
        };
        let answer = self.send(ask).await?;
        if !answer.status.is_success() {
            return Err(reply::failure(doing, answer.status, &answer.body));
        }
        parse(doing, &answer.body)
    }

    /// Reads one page of a list straight into summaries.
    pub(super) async fn read_items<P: Project>(
        &self,
        doing: &str,
        path_and_query: String,
        resource: &'static Resource,
    ) -> Result<Vec<P::Item>, Failure> {
        let answer = self.read(doing, path_and_query, JSON).await?;
        if answer.status != StatusCode::OK {
            return Err(reply::failure(doing, answer.status, &answer.body));
        }
        let page = Objects::<P>::of(resource).page(&answer.body);
        Ok(page.map_err(|_| unreadable(doing))?.items)
    }

    /// Sends a read, again while the deadline allows it and the failure may pass.
    pub(super) async fn read(
        &self,
        doing: &str,
        path_and_query: String,
        accept: &'static str,
    ) -> Result<Answer, Failure> {
        let deadline = Instant::now() + self.deadline;
        let mut wait = RETRY_AFTER;
        for attempt in 1.. {
            let ask = Ask {
                doing,
                method: Method::GET,
                path_and_query: path_and_query.clone(),
                accept,
                body: None,
            };
            let result = self.send_until(ask, deadline).await;
            let (may_pass, asked_wait) = match &result {
                Ok(answer) => (is_passing(answer.status), answer.retry_after),
                Err(failure) => (failure.kind == FailureKind::Unreachable, None),
            };
            let next = Instant::now() + asked_wait.unwrap_or(wait);
            if !may_pass || attempt == MAX_TRIES || next >= deadline {
                return result;
            }
            tokio::time::sleep_until(next).await;
            wait *= 2;
        }
        unreachable!("the last attempt returns")
    }

    /// Sends a request once.
    pub(super) async fn send(&self, ask: Ask<'_>) -> Result<Answer, Failure> {
        let deadline = Instant::now() + self.deadline;
        self.send_until(ask, deadline).await
    }

    async fn send_until(&self, ask: Ask<'_>, deadline: Instant) -> Result<Answer, Failure> {
        let doing = ask.doing;
        match tokio::time::timeout_at(deadline, self.exchange(ask)).await {
            Ok(result) => result,
            Err(_) => {
                let seconds = self.deadline.as_secs();
                let summary =
                    format!("cannot {doing}: no answer from the server within {seconds} s");
                Err(Failure::new(FailureKind::Unreachable, summary))
            }
        }
    }

    async fn exchange(&self, ask: Ask<'_>) -> Result<Answer, Failure> {
        let _permit = self
            .in_flight
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let doing = ask.doing;
        let response = self.client.send(ask.into_request()?).await;
        let response = response.map_err(|error| reply::transport_failure(doing, &error))?;
        let (parts, body) = response.into_parts();
        let collected = Limited::new(body, MAX_ANSWER).collect().await;
        let body = collected.map_err(|error| {
            Failure::new(
                FailureKind::Unreachable,
                format!("cannot {doing}: the answer broke off: {error}"),
            )
        })?;
        Ok(Answer {
            status: parts.status,
            warnings: reply::warnings(&parts.headers),
            body: body.to_bytes().to_vec(),
            retry_after: retry_after(&parts.headers),
        })
    }
}

impl Ask<'_> {
    /// Returns the request for the client.
    pub fn into_request(self) -> Result<http::Request<Body>, Failure> {
        let mut builder = http::Request::builder()
            .method(self.method)
            .uri(self.path_and_query)
            .header(header::ACCEPT, self.accept);
        let body = match self.body {
            Some((content_type, body)) => {
                builder = builder.header(header::CONTENT_TYPE, content_type);
                Body::from(body)
            }
            None => Body::empty(),
        };
        builder.body(body).map_err(|error| {
            let summary = format!("cannot {}: {error}", self.doing);
            Failure::new(FailureKind::Invalid, summary)
        })
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Reads `Retry-After` in seconds; a date or anything else is ignored.
pub(super) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

/// Names reach URLs unescaped, so what could leave its place in the path is refused.
fn check_name(key: &ObjectKey) -> Result<(), Failure> {
    const MAX_SUBDOMAIN: usize = 253;
    let is_subdomain = key.name.len() <= MAX_SUBDOMAIN
        && key
            .name
            .split('.')
            .all(|label| is_dns_label(label, MAX_SUBDOMAIN));
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

fn object(doing: &str, body: &[u8]) -> Result<Object, Failure> {
    Object::from_json(parse(doing, body)?).ok_or_else(|| unreadable(doing))
}

fn parse(doing: &str, body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|_| unreadable(doing))
}

/// The body is left out: it may hold secrets.
pub(super) fn unreadable(doing: &str) -> Failure {
    Failure::new(
        FailureKind::Unreachable,
        format!("cannot {doing}: the server's answer is no Kubernetes object"),
    )
}

/// Returns `key=value` pairs for a query, values percent-encoded.
pub(super) fn form_urlencoded(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        text.bytes()
            .map(|b| {
                if keep(b) {
                    char::from(b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect()
    };
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| format!("{key}={}", encode(value)))
        .collect();
    pairs.join("&")
}
