//! A server for tests: a closure that answers each request, in front of a real client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use kube::client::Body;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::{Cluster, Identity};
use crate::definition::id::Namespace;

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: Instant,
    pub method: Method,
    /// Path and query.
    pub uri: String,
    pub body: String,
}

impl Seen {
    pub fn is_watch(&self) -> bool {
        self.uri.contains("watch=1")
    }

    pub fn is_streamed_list(&self) -> bool {
        self.uri.contains("sendInitialEvents=true")
    }

    /// The `resourceVersion` in the query.
    pub fn resumes_from(&self) -> Option<&str> {
        let (_, rest) = self.uri.split_once("&resourceVersion=")?;
        rest.split('&').next()
    }
}

/// A piece of an answer's body.
#[derive(Debug, Clone)]
pub enum Piece {
    Bytes(Vec<u8>),
    Pause(Duration),
    /// Nothing comes any more, and the connection stays open.
    Silence,
    /// Nothing comes until the test adds a permit.
    Gate(Arc<Semaphore>),
    /// The connection breaks.
    Break,
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        pieces: Vec<Piece>,
    },
    /// An answer that begins after so long.
    Late(Duration, Box<Reply>),
    /// No answer at all.
    Silence,
    /// The connection is refused.
    Refused,
}

impl Reply {
    pub fn json(status: u16, body: impl ToString) -> Self {
        Self::pieces(status, vec![Piece::Bytes(body.to_string().into_bytes())])
    }

    pub fn pieces(status: u16, pieces: Vec<Piece>) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            pieces,
        }
    }

    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }

    pub fn status(code: u16, message: &str) -> Self {
        let body = serde_json::json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code,
        });
        Self::json(code, body)
    }
}

/// What the server saw.
pub type Log = Arc<Mutex<Vec<Seen>>>;

/// Returns a cluster whose server is a closure.
pub fn cluster(answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> (Cluster, Log) {
    named("", answer)
}

/// Returns the cluster of a context, whose server is a closure.
pub fn named(
    context: &str,
    answer: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Cluster, Log) {
    let log = Log::default();
    let (seen, answer) = (log.clone(), Arc::new(answer));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (seen, answer) = (seen.clone(), answer.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let request = Seen {
                at: Instant::now(),
                method: parts.method,
                uri: parts.uri.to_string(),
                body: String::from_utf8_lossy(&body).into_owned(),
            };
            seen.lock().unwrap().push(request.clone());
            respond(answer(&request)).await
        }
    });
    let client = kube::Client::new(service, "default");
    let identity = Identity {
        context: context.to_owned(),
        ..Identity::default()
    };
    (Cluster::new(client, identity, Namespace::default()), log)
}

async fn respond(reply: Reply) -> Result<Response<BoxedBody>, std::io::Error> {
    match reply {
        Reply::Late(delay, reply) => {
            tokio::time::sleep(delay).await;
            Box::pin(respond(*reply)).await
        }
        Reply::Silence => std::future::pending().await,
        Reply::Refused => Err(std::io::ErrorKind::ConnectionRefused.into()),
        Reply::Answer {
            status,
            headers,
            pieces,
        } => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            Ok(response.body(body(pieces)).unwrap())
        }
    }
}

type BoxedBody = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

fn body(pieces: Vec<Piece>) -> BoxedBody {
    let frames = stream::unfold(pieces.into_iter(), |mut pieces| async move {
        loop {
            match pieces.next()? {
                Piece::Bytes(bytes) => return Some((Ok(Frame::data(bytes.into())), pieces)),
                Piece::Pause(duration) => tokio::time::sleep(duration).await,
                Piece::Silence => std::future::pending().await,
                Piece::Gate(gate) => drop(gate.acquire().await),
                Piece::Break => {
                    return Some((Err(std::io::ErrorKind::ConnectionReset.into()), pieces));
                }
            }
        }
    });
    StreamBody::new(frames).boxed_unsync()
}
