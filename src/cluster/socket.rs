//! WebSockets to the API server: several streams on one connection, the first byte of a message naming the channel.

use std::pin::Pin;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{Sink, SinkExt, StreamExt};
use http::{Request, StatusCode};
use kube::client::UpgradeConnectionError;
use serde_json::json;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Cluster, reply};
use crate::failure::{Failure, FailureKind};

/// How often a sign of life is given, so that nobody on the way takes a quiet connection for a dead one.
const PING_EVERY: Duration = Duration::from_secs(10);

/// A connection with its channels.
pub(super) struct Socket {
    pub to: SocketSink,
    pub from: SocketStream,
    /// Whether a channel can be ended without the others (`v5.channel.k8s.io`).
    pub can_end_channels: bool,
}

/// The way to the server.
pub(super) struct SocketSink(Pin<Box<dyn Sink<Message, Error = Error> + Send>>);

/// The way from the server.
pub(super) struct SocketStream(BoxStream<'static, Result<Message, Error>>);

impl Cluster {
    /// Opens a connection. It is asked for once: whatever it begins on the other side is not begun twice.
    pub(super) async fn open_socket(
        &self,
        doing: &str,
        path_and_query: String,
    ) -> Result<Socket, Failure> {
        let request = Request::get(path_and_query).body(Vec::new());
        let request = request.map_err(|error| {
            Failure::new(FailureKind::Invalid, format!("cannot {doing}: {error}"))
        })?;
        let Ok(opened) = timeout(self.deadline, self.client.connect(request)).await else {
            let seconds = self.deadline.as_secs();
            let summary = format!("cannot {doing}: no answer from the server within {seconds} s");
            return Err(Failure::new(FailureKind::Unreachable, summary));
        };
        let connection = opened.map_err(|error| refusal(doing, &error))?;
        let can_end_channels = connection.supports_stream_close();
        let (to, from) = connection.into_stream().split();
        Ok(Socket {
            to: SocketSink(Box::pin(to)),
            from: SocketStream(from.boxed()),
            can_end_channels,
        })
    }
}

fn refusal(doing: &str, error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => {
            let code = StatusCode::from_u16(status.code);
            let mut body = serde_json::to_value(status).unwrap_or_default();
            // The client's own type has lost what it is.
            body["kind"] = json!("Status");
            reply::failure(
                doing,
                code.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                body.to_string().as_bytes(),
            )
        }
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(code)) => {
            let summary = format!(
                "cannot {doing}: the server, or a proxy before it, lets no connection become a WebSocket ({code})"
            );
            Failure::new(FailureKind::Unreachable, summary)
        }
        error => reply::transport_failure(doing, error),
    }
}

impl SocketSink {
    /// Sends bytes on a channel; waits while the other side takes none.
    pub(super) async fn send(&mut self, channel: u8, bytes: &[u8]) -> Result<(), Error> {
        let mut message = BytesMut::with_capacity(bytes.len() + 1);
        message.put_u8(channel);
        message.put_slice(bytes);
        self.0.send(Message::Binary(message.freeze())).await
    }

    /// Gives a sign of life.
    pub(super) async fn ping(&mut self) -> Result<(), Error> {
        self.0.send(Message::Ping(Bytes::new())).await
    }

    /// Says that nothing more will come.
    pub(super) async fn close(&mut self) {
        // A connection that is gone is closed enough.
        let _ = self.0.send(Message::Close(None)).await;
    }
}

/// What comes from the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// Bytes of a channel.
    Bytes(u8, Bytes),
    /// A sign of life.
    Alive,
    /// The server closed the connection in good order.
    Closed,
    /// The connection broke off.
    Broken(String),
}

impl SocketStream {
    /// Returns what comes next.
    pub(super) async fn next(&mut self) -> Received {
        match self.0.next().await {
            Some(Ok(Message::Binary(mut bytes))) if !bytes.is_empty() => {
                let channel = bytes.split_to(1)[0];
                Received::Bytes(channel, bytes)
            }
            Some(Ok(Message::Close(_))) | None => Received::Closed,
            Some(Ok(_)) => Received::Alive,
            Some(Err(error)) => {
                Received::Broken(crate::text::clean(&error.to_string()).into_owned())
            }
        }
    }
}

/// Returns the times at which signs of life are due.
pub(super) fn pings() -> tokio::time::Interval {
    let mut pings = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    pings
}
