//! Requests in, answers out: what a client meets, in process or on a port, without caring which.
//!
//! A request is taken apart once ([`Ask`]), looked at for permission, and handed to the part that answers it. Lists, watches
//! and single objects are written in the form that the client accepts ([`shape::Shape`]).

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::upgrade::OnUpgrade;
use serde_json::Value;

use crate::rbac::User;
use crate::request::{self, Media, Query, Target, unescape};
use crate::resources::{self, REVIEWS};
use crate::status::Status;
use crate::store::Store;

use shape::Shape;

mod channels;
mod discovery;
mod exec;
mod forward;
mod list;
mod logs;
mod metrics;
mod openapi;
mod reviews;
mod shape;
mod table;
mod verbs;
mod watch;

/// The largest body that is read.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// The body of an answer: whole, or a stream that goes on.
pub(crate) type AnswerBody =
    http_body_util::combinators::UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// Answers requests to one store.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) store: Store,
}

/// A request, taken apart.
#[derive(Debug)]
struct Ask {
    method: Method,
    segments: Vec<String>,
    query: Query,
    headers: HeaderMap,
    body: Bytes,
    user: Arc<User>,
    /// The connection itself, where the client wants to speak another protocol on it.
    upgrade: Mutex<Option<OnUpgrade>>,
}

impl Ask {
    fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    fn accept(&self) -> &str {
        self.header(header::ACCEPT)
    }

    fn shape(&self) -> Shape {
        Shape::negotiate(self.accept(), &self.query)
    }

    /// Returns the body, JSON or YAML. Protobuf, which a few typed clients send, is refused with 415.
    fn value(&self) -> Result<Value, Status> {
        self.media()?;
        request::parse_body(&self.body)
    }

    /// Returns the body of a request that is about an object.
    fn object(&self) -> Result<Value, Status> {
        let value = self.value()?;
        request::check_object(&value)?;
        Ok(value)
    }

    fn media(&self) -> Result<Media, Status> {
        Media::parse(self.header(header::CONTENT_TYPE))
    }

    /// Refuses what the user may not do.
    fn must(&self, verb: &str, target: &Target) -> Result<(), Status> {
        let resource = target.rule_name();
        let namespace = target.namespace.as_deref();
        // The rights to a namespace itself may be given within it.
        let within = match (target.resource.plural.as_str(), &target.name) {
            ("namespaces", Some(name)) if target.resource.group.is_empty() => Some(name.as_str()),
            _ => namespace,
        };
        let group = &target.resource.group;
        if self.user.may(verb, group, &resource, within) {
            return Ok(());
        }
        let place = match namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let why = format!(
            "User \"{}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {place}",
            self.user.name
        );
        let name = target.name.as_deref().unwrap_or_default();
        Err(Status::forbidden(
            group,
            &target.resource.plural,
            name,
            &why,
        ))
    }
}

type Answer = Response<AnswerBody>;

impl Server {
    /// Answers one request of `user`.
    pub(crate) async fn answer<B>(&self, user: Arc<User>, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (mut head, body) = request.into_parts();
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(e) if e.is::<LengthLimitError>() => return refuse(&too_large()),
            Err(e) => {
                return refuse(&Status::bad_request(format!(
                    "the body cannot be read: {e}"
                )));
            }
        };
        let segments = head
            .uri
            .path()
            .split('/')
            .filter(|segment| !segment.is_empty());
        let ask = Ask {
            segments: segments.map(|segment| unescape(segment, false)).collect(),
            query: Query::parse(head.uri.query().unwrap_or_default()),
            method: head.method,
            headers: head.headers,
            body,
            user,
            upgrade: Mutex::new(head.extensions.remove()),
        };
        self.route(&ask).unwrap_or_else(|status| refuse(&status))
    }

    fn route(&self, ask: &Ask) -> Result<Answer, Status> {
        let words: Vec<&str> = ask.segments.iter().map(String::as_str).collect();
        let (group, version, rest) = match words.as_slice() {
            ["healthz" | "livez" | "readyz", ..] => return Ok(text(StatusCode::OK, "ok")),
            ["version"] => return Ok(json(StatusCode::OK, &discovery::version())),
            ["api"] => return Ok(discovery::core(self, ask)),
            ["apis"] => return Ok(discovery::groups(self, ask)),
            ["api", version] => return discovery::group_version(self, "", version),
            ["apis", group] => return discovery::group(self, group),
            ["apis", group, version] => return discovery::group_version(self, group, version),
            ["openapi", "v3"] => return Ok(openapi::index(self)),
            ["openapi", "v3", "api", version] => return openapi::document(self, "", version),
            ["openapi", "v3", "apis", group, version] => {
                return openapi::document(self, group, version);
            }
            ["api", "v1", "nodes", node, "proxy", "stats", "summary"]
                if ask.method == Method::GET =>
            {
                return metrics::summary(self, ask, node);
            }
            [
                "apis",
                "metrics.k8s.io",
                "v1beta1",
                "namespaces",
                namespace,
                "pods",
            ] if ask.method == Method::GET => {
                return metrics::pods(self, ask, namespace);
            }
            ["api", version, ..] => ("", *version, &ask.segments[2..]),
            ["apis", group, version, ..] => (*group, *version, &ask.segments[3..]),
            _ => return Err(Status::no_such_path()),
        };
        let mut reviews = REVIEWS.iter().filter(|(of, ..)| *of == group).peekable();
        if reviews.peek().is_some() {
            return match reviews.find(|(_, plural, _)| *rest == [*plural]) {
                Some((_, plural, _)) => reviews::answer(ask, plural),
                None => Err(Status::no_such_path()),
            };
        }
        let target = request::target(&self.store.lock().registry, group, version, rest);
        self.verb(ask, &target.ok_or_else(Status::no_such_path)?)
    }

    fn verb(&self, ask: &Ask, target: &Target) -> Result<Answer, Status> {
        if let Some(subresource) = &target.subresource {
            if !target.resource.has_subresource(subresource) {
                return Err(Status::no_such_path());
            }
            if !resources::methods_of(subresource).contains(&ask.method.as_str()) {
                return Err(Status::method_not_allowed());
            }
        }
        match (&ask.method, &target.name) {
            (&Method::GET, None) if ask.query.flag("watch") => watch::answer(self, ask, target),
            (&Method::GET, None) => list::answer(self, ask, target),
            (&Method::GET, Some(_)) if target.subresource.as_deref() == Some("log") => {
                logs::answer(self, ask, target)
            }
            (_, Some(_)) if target.subresource.as_deref() == Some("exec") => {
                exec::answer(self, ask, target)
            }
            (_, Some(_)) if target.subresource.as_deref() == Some("portforward") => {
                forward::answer(self, ask, target)
            }
            (&Method::GET, Some(name)) => verbs::get(self, ask, target, name),
            (&Method::POST, None) => verbs::create(self, ask, target),
            (&Method::PUT, Some(name)) => verbs::replace(self, ask, target, name),
            (&Method::PATCH, Some(name)) => verbs::patch(self, ask, target, name),
            (&Method::DELETE, Some(name)) => verbs::delete(self, ask, target, name),
            (&Method::DELETE, None) => verbs::delete_collection(self, ask, target),
            _ => Err(Status::method_not_allowed()),
        }
    }
}

fn too_large() -> Status {
    Status::new(
        413,
        "RequestEntityTooLarge",
        format!("Request entity too large: limit is {BODY_LIMIT}"),
    )
}

/// Returns the 401 of a request without a known token.
pub(crate) fn unauthorized() -> Answer {
    refuse(&Status::new(401, "Unauthorized", "Unauthorized"))
}

fn refuse(status: &Status) -> Answer {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.plain {
        text(code, &format!("{}\n", status.message))
    } else {
        json(code, &status.to_value())
    }
}

fn json(code: StatusCode, value: &Value) -> Answer {
    whole(code, "application/json", value.to_string().into())
}

fn text(code: StatusCode, text: &str) -> Answer {
    whole(code, "text/plain; charset=utf-8", text.to_owned().into())
}

/// Returns an answer that is a text.
pub(crate) fn plain(code: StatusCode, sentence: &str) -> Answer {
    text(code, sentence)
}

fn whole(code: StatusCode, content_type: &'static str, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(bytes).boxed_unsync());
    *answer.status_mut() = code;
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    answer
}

/// Returns an answer whose body goes on for as long as the stream does.
fn streaming(
    content_type: &'static str,
    chunks: impl futures::Stream<Item = Bytes> + Send + 'static,
) -> Answer {
    use futures::StreamExt;
    let frames = chunks.map(|bytes| Ok(http_body::Frame::data(bytes)));
    let mut answer = Response::new(http_body_util::StreamBody::new(frames).boxed_unsync());
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    answer
}
