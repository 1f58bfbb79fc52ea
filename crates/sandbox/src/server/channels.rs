//! Several streams on one WebSocket, as `v4.channel.k8s.io` and `v5.channel.k8s.io` have them: the first byte of a message
//! is the channel.

use std::sync::PoisonError;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use http::{HeaderName, HeaderValue, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::{Answer, Ask, text};
use crate::status::Status;

/// Messages on the way in each direction.
const BUFFER: usize = 16;
/// How long the client may take to close its side.
const CLOSES_WITHIN: Duration = Duration::from_secs(5);

/// The streams of one session.
#[derive(Debug)]
pub(super) struct Channels {
    /// What the client sends; it ends with the connection.
    pub(super) incoming: mpsc::Receiver<(u8, Bytes)>,
    /// What the client gets; the connection is closed when all senders are gone.
    pub(super) outgoing: mpsc::Sender<(u8, Bytes)>,
}

/// Answers a request for streams of one of these protocols; `session` gets them once the connection has changed.
pub(super) fn open<F>(
    ask: &Ask,
    protocols: &[&'static str],
    session: impl FnOnce(Channels) -> F + Send + 'static,
) -> Result<Answer, Status>
where
    F: Future<Output = ()> + Send + 'static,
{
    let protocol = chosen(ask, protocols)?;
    let key = ask.header(header::SEC_WEBSOCKET_KEY);
    let upgrade = ask.upgrade.lock();
    let upgrade = upgrade.unwrap_or_else(PoisonError::into_inner).take();
    let Some(upgrade) = upgrade.filter(|_| !key.is_empty()) else {
        return Err(needs_upgrade());
    };
    let accepted = derive_accept_key(key.as_bytes());
    tokio::spawn(converse(upgrade, session));
    let mut answer = text(StatusCode::SWITCHING_PROTOCOLS, "");
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().insert(name, value);
        }
    };
    set(header::UPGRADE, "websocket");
    set(header::CONNECTION, "Upgrade");
    set(header::SEC_WEBSOCKET_ACCEPT, &accepted);
    set(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    answer.headers_mut().remove(header::CONTENT_TYPE);
    Ok(answer)
}

/// Returns the first protocol of ours that the client speaks.
fn chosen(ask: &Ask, protocols: &[&'static str]) -> Result<&'static str, Status> {
    if !ask
        .header(header::UPGRADE)
        .eq_ignore_ascii_case("websocket")
    {
        return Err(needs_upgrade());
    }
    let offered = ask.header(header::SEC_WEBSOCKET_PROTOCOL);
    let offered: Vec<&str> = offered.split(',').map(str::trim).collect();
    let mut known = protocols.iter();
    let found = known.find(|protocol| offered.contains(protocol));
    found.copied().ok_or_else(|| {
        Status::bad_request(format!(
            "unable to upgrade: unsupported protocols {offered:?}, the sandbox speaks {protocols:?}"
        ))
    })
}

fn needs_upgrade() -> Status {
    Status::bad_request("Upgrade request required")
}

async fn converse<F>(upgrade: OnUpgrade, session: impl FnOnce(Channels) -> F)
where
    F: Future<Output = ()>,
{
    let connection = match upgrade.await {
        Ok(connection) => connection,
        Err(error) => return tracing::debug!(%error, "a connection was not handed over"),
    };
    let socket =
        WebSocketStream::from_raw_socket(TokioIo::new(connection), Role::Server, None).await;
    let (to, incoming) = mpsc::channel(BUFFER);
    let (outgoing, from) = mpsc::channel(BUFFER);
    let session = session(Channels { incoming, outgoing });
    futures::join!(pump(socket, to, from), session);
}

async fn pump(
    socket: WebSocketStream<TokioIo<Upgraded>>,
    to: mpsc::Sender<(u8, Bytes)>,
    mut from: mpsc::Receiver<(u8, Bytes)>,
) {
    let (mut sink, mut stream) = socket.split();
    let reading = async move {
        while let Some(Ok(message)) = stream.next().await {
            match message {
                // What nobody takes any more is read and dropped, so that the end comes through.
                Message::Binary(mut bytes) if !bytes.is_empty() => {
                    let channel = bytes.split_to(1)[0];
                    drop(to.send((channel, bytes)).await);
                }
                Message::Close(_) => return,
                _ => {}
            }
        }
    };
    let writing = async {
        while let Some((channel, bytes)) = from.recv().await {
            let mut message = BytesMut::with_capacity(bytes.len() + 1);
            message.put_u8(channel);
            message.put(bytes);
            if sink.send(Message::Binary(message.freeze())).await.is_err() {
                return;
            }
        }
        let end = CloseFrame {
            code: CloseCode::Normal,
            reason: Utf8Bytes::default(),
        };
        drop(sink.send(Message::Close(Some(end))).await);
    };
    tokio::pin!(reading);
    tokio::select! {
        () = &mut reading => {}
        () = writing => drop(tokio::time::timeout(CLOSES_WITHIN, reading).await),
    }
}
