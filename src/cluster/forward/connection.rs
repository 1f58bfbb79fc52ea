//! One connection from this machine to a port of a pod.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::cluster::discovery::is_url_word;
use crate::cluster::socket::{Received, Socket, pings};
use crate::cluster::{Cluster, kinds};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;
use crate::text;

use super::Counters;

const DATA: u8 = 0;
const ERROR: u8 = 1;
/// Bytes of a piece.
const PIECE: usize = 32 * 1024;
/// How long a connection waits for a pod.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts to reach the same pod.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// How long the pod may take for an answer once this side has said all.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
/// How long the pod may be quiet after it answered a side that has said all.
///
/// NB: a client that is gone and one that only has said all look the same, until something is written to them.
const QUIET_AFTER_ANSWER: Duration = Duration::from_secs(5);
/// A connection on which not even a sign of life came back for so long is gone.
const LONGEST_QUIET: Duration = Duration::from_secs(60);
/// So many bytes fit into any pipe: a pod that does not read them does not keep the server from giving signs of life.
const HARMLESS: usize = 4096;

/// Where connections of one listener go.
pub(super) struct Way {
    pub cluster: Cluster,
    pub instance: InstanceKey,
    pub remote: u16,
    pub target: watch::Receiver<Option<Arc<str>>>,
    pub counters: Arc<Counters>,
}

impl Way {
    /// Leads a connection to a pod and passes bytes on until one of both is through. `opened` is called once the pod is
    /// reached.
    pub async fn lead(&self, stream: TcpStream, opened: impl Fn()) -> Result<(), Failure> {
        // Small pieces go at once, as they do without this in between.
        let _ = stream.set_nodelay(true);
        let (pod, socket) = self.reach().await?;
        opened();
        pass_on(stream, socket, &self.counters, &self.doing(&pod)).await
    }

    fn doing(&self, pod: &str) -> String {
        format!("forward to port {} of pod {pod}", self.remote)
    }

    /// Connects to the pod that is chosen; to another one where that is gone meanwhile.
    async fn reach(&self) -> Result<(Arc<str>, Socket), Failure> {
        let deadline = Instant::now() + PATIENCE;
        let mut target = self.target.clone();
        loop {
            let chosen = async { target.wait_for(Option::is_some).await.map(|it| it.clone()) };
            let Ok(Ok(Some(pod))) = tokio::time::timeout_at(deadline, chosen).await else {
                let id = &self.instance.id;
                let summary = format!("no pod of {id} was ready within {} s", PATIENCE.as_secs());
                return Err(Failure::new(FailureKind::Unreachable, summary));
            };
            let failure = match self.open(&pod).await {
                Ok(socket) => return Ok((pod, socket)),
                Err(failure) => failure,
            };
            let may_pass = !failure.is_denied();
            if !may_pass || Instant::now() + AGAIN_AFTER >= deadline {
                let place = (&self.instance.namespace, &*pod);
                return Err(self.cluster.told("portforward", place, failure).await);
            }
            drop(timeout(AGAIN_AFTER, target.changed()).await);
        }
    }

    /// NB: opening reads nothing and writes nothing in the pod, so that it may be tried again.
    async fn open(&self, pod: &str) -> Result<Socket, Failure> {
        let doing = self.doing(pod);
        if !is_url_word(pod) {
            let summary = format!("cannot {doing}: that is no name of a pod");
            return Err(Failure::new(FailureKind::Forbidden, summary));
        }
        let pods = kinds::known("", "Pod").path(Some(self.instance.namespace.as_str()));
        let path = format!("{pods}/{pod}/portforward?ports={}", self.remote);
        self.cluster.open_socket(&doing, path).await
    }
}

/// Passes bytes on in both directions.
///
/// NB: the protocol cannot say that one side has said all and still listens. So the connection stays for a while then: long
/// where an answer is outstanding, short where it came.
async fn pass_on(
    stream: TcpStream,
    socket: Socket,
    counters: &Counters,
    doing: &str,
) -> Result<(), Failure> {
    let Socket {
        mut to, mut from, ..
    } = socket;
    let (mut reader, mut writer) = stream.into_split();
    let (sent, standing) = watch::channel(Standing::default());
    let outwards = async {
        let mut piece = vec![0; PIECE];
        let mut pings = pings();
        let mut has_more = true;
        loop {
            let is_sent = tokio::select! {
                _ = pings.tick() => to.ping().await,
                read = reader.read(&mut piece), if has_more => match read {
                    Ok(len @ 1..) => {
                        sent.send_modify(|standing| standing.n_unanswered += len);
                        counters.n_sent.fetch_add(len as u64, Ordering::Relaxed);
                        to.send(DATA, &piece[..len]).await
                    }
                    Ok(0) | Err(_) => {
                        has_more = false;
                        sent.send_modify(|standing| standing.is_over = true);
                        Ok(())
                    }
                },
            };
            if is_sent.is_err() {
                // The other direction says why.
                std::future::pending::<()>().await;
            }
        }
    };
    let inwards = inwards(&mut from, &mut writer, (&sent, standing), counters, doing);
    let end = tokio::select! {
        end = inwards => end,
        () = outwards => Ok(()),
    };
    to.close().await;
    // A reset would lose what is still on its way to the reader.
    let _ = writer.shutdown().await;
    end
}

/// How far this side has got.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// Bytes that were sent since the pod last said something.
    n_unanswered: usize,
    /// Whether this side has said all.
    is_over: bool,
}

async fn inwards(
    from: &mut crate::cluster::socket::SocketStream,
    writer: &mut tokio::net::tcp::OwnedWriteHalf,
    (sent, mut standing): (&watch::Sender<Standing>, watch::Receiver<Standing>),
    counters: &Counters,
    doing: &str,
) -> Result<(), Failure> {
    let mut has_begun = [false; 2];
    // Since when this side has said all and nothing came.
    let mut quiet_since = Instant::now();
    // Since when not even a sign of life came.
    let mut silent_since = Instant::now();
    loop {
        let Standing {
            n_unanswered,
            is_over,
        } = *standing.borrow_and_update();
        let patience = match (is_over, n_unanswered) {
            (false, _) => None,
            (true, 1..) => Some(ANSWERS_WITHIN),
            (true, 0) => Some(QUIET_AFTER_ANSWER),
        };
        let give_up = async {
            match patience {
                Some(patience) => sleep_until(quiet_since + patience).await,
                None => std::future::pending().await,
            }
        };
        let received = tokio::select! {
            received = from.next() => received,
            () = give_up => return Ok(()),
            // What the pod does not read may stand before the questions.
            () = sleep_until(silent_since + LONGEST_QUIET), if n_unanswered <= HARMLESS => {
                Received::Broken("the server is silent".to_owned())
            }
            changed = standing.changed() => match changed {
                Ok(()) => {
                    quiet_since = Instant::now();
                    continue;
                }
                Err(_) => return Ok(()),
            },
        };
        match received {
            Received::Bytes(channel @ (DATA | ERROR), bytes) => {
                silent_since = Instant::now();
                // Each channel begins with the number of the port.
                if !std::mem::replace(&mut has_begun[usize::from(channel)], true) {
                    continue;
                }
                if channel == ERROR {
                    let why = text::clean(&String::from_utf8_lossy(&bytes)).into_owned();
                    return Err(Failure::new(
                        FailureKind::Unreachable,
                        format!("cannot {doing}: {why}"),
                    ));
                }
                sent.send_if_modified(|standing| {
                    standing.n_unanswered = 0;
                    false
                });
                quiet_since = Instant::now();
                let n_received = bytes.len() as u64;
                counters.n_received.fetch_add(n_received, Ordering::Relaxed);
                if writer.write_all(&bytes).await.is_err() {
                    // Nobody reads any more.
                    return Ok(());
                }
                // Meanwhile nobody listened.
                silent_since = Instant::now();
            }
            Received::Bytes(..) | Received::Alive => silent_since = Instant::now(),
            Received::Closed => return Ok(()),
            Received::Broken(why) => {
                let summary = format!("cannot go on to {doing}: the connection broke off: {why}");
                return Err(Failure::new(FailureKind::Unreachable, summary));
            }
        }
    }
}
