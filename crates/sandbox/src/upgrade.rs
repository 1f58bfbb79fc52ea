//! Connections that become another protocol, in process: exec and port-forward need a connection, which an in-process
//! client does not have, so that one is made of a pipe for each of them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;

use crate::rbac::User;
use crate::sandbox::Sandbox;
use crate::server::{AnswerBody, plain};

/// Bytes on the way in each direction.
const PIPE: usize = 64 * 1024;

/// Tells whether a request asks for another protocol.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
}

/// Answers a request over a connection of its own, which the answer hands over where the protocol changes.
pub(crate) async fn answer_in_process<B>(
    sandbox: &Sandbox,
    user: Arc<User>,
    request: Request<B>,
) -> Response<AnswerBody> {
    match exchange(sandbox, user, request).await {
        Ok(answer) => answer,
        Err(error) => plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the connection in process broke: {error}"),
        ),
    }
}

async fn exchange<B>(
    sandbox: &Sandbox,
    user: Arc<User>,
    request: Request<B>,
) -> hyper::Result<Response<AnswerBody>> {
    let (near, far) = tokio::io::duplex(PIPE);
    let sandbox = sandbox.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (sandbox, user) = (sandbox.clone(), user.clone());
        async move { Ok::<_, std::convert::Infallible>(sandbox.server().answer(user, request).await) }
    });
    let serving = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(far), service)
        .with_upgrades();
    tokio::spawn(serving);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(near)).await?;
    tokio::spawn(connection.with_upgrades());
    // Such a request has no body.
    let (head, _) = request.into_parts();
    let request = Request::from_parts(head, Empty::<Bytes>::new());
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = match head.status {
        StatusCode::SWITCHING_PROTOCOLS => Bytes::new(),
        _ => body.collect().await?.to_bytes(),
    };
    let body = http_body_util::Full::new(body).boxed_unsync();
    Ok(Response::from_parts(head, body))
}
