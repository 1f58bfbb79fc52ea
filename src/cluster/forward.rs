//! Forwarded ports: listeners on this machine whose connections go to a pod of an instance, and to another one once that is
//! gone.
//!
//! Listeners stay for as long as the [`Forwards`] are held; what goes wrong with one connection ends no other.

mod connection;
mod ports;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Cluster;
use crate::failure::{Failure, FailureKind};
use crate::service::pod_choice;
use crate::service::summary::{InstanceKey, Pod};
use crate::service::watch::{LinkState, WatchEvent, apply_delta};
use connection::Way;

pub use ports::{PortSpec, RemotePort};

/// Events that wait to be taken.
const BUFFER: usize = 64;
/// Between two attempts to take a connection, after one that failed.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// What is forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardRequest {
    /// The instance whose pods are reached.
    pub instance: InstanceKey,
    /// Only this pod of it; else whichever is ready.
    pub pod: Option<String>,
    /// Addresses of this machine to listen on; none means this machine only.
    pub addresses: Vec<IpAddr>,
    /// The ports.
    pub ports: Vec<PortSpec>,
}

/// A listener, and the port of the pod that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forwarded {
    /// Where it listens.
    pub local: SocketAddr,
    /// The pod's port.
    pub remote: u16,
}

/// What happens while ports are forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForwardEvent {
    /// Connections go to this pod now.
    Pod(String),
    /// There is no pod that they could go to: they wait.
    NoPod,
    /// A connection came and was led to a pod.
    Opened {
        /// Where it came in.
        local: SocketAddr,
    },
    /// One connection failed.
    Failed {
        /// Where it came in.
        local: SocketAddr,
        /// Why.
        failure: Failure,
    },
    /// The watch of the pods was lost, and is tried again.
    Lost(Failure),
    /// It is back.
    Back,
    /// Pods may not be watched any more.
    Forbidden(Failure),
}

/// Ports that are forwarded. Dropping this closes the listeners and all connections.
#[derive(Debug)]
#[must_use = "dropping it ends the forwarding"]
pub struct Forwards {
    ports: Vec<Forwarded>,
    events: mpsc::Receiver<ForwardEvent>,
    _tasks: JoinSet<()>,
}

impl Forwards {
    /// Returns the listeners.
    pub fn ports(&self) -> &[Forwarded] {
        &self.ports
    }

    /// Returns what happens next.
    pub async fn next(&mut self) -> Option<ForwardEvent> {
        self.events.recv().await
    }
}

impl Cluster {
    /// Begins to forward ports. Must be called within a runtime.
    ///
    /// # Errors
    /// An address cannot be listened on, a port is not there by that name, or pods may not be read.
    pub async fn forward(&self, request: &ForwardRequest) -> Result<Forwards, Failure> {
        let remotes = self.remote_ports(request).await?;
        let pods = self.pods(&request.instance).await?;
        if let Some(named) = &request.pod {
            pod_choice::running(&pods, Some(named), &request.instance.id)?;
        }
        let (listeners, ports) = listen_all(request, &remotes).await?;
        let (events, taken) = mpsc::channel(BUFFER);
        let (chosen, target) = watch::channel(None);
        let mut tasks = JoinSet::new();
        for (listener, port) in listeners.into_iter().zip(&ports) {
            let way = Way {
                cluster: self.clone(),
                instance: request.instance.clone(),
                remote: port.remote,
                target: target.clone(),
            };
            tasks.spawn(accept(listener, *port, Arc::new(way), events.clone()));
        }
        let choosing = Choosing {
            cluster: self.clone(),
            request: request.clone(),
            chosen,
            events,
        };
        tasks.spawn(choosing.run(pods));
        Ok(Forwards {
            ports,
            events: taken,
            _tasks: tasks,
        })
    }
}

async fn listen_all(
    request: &ForwardRequest,
    remotes: &[u16],
) -> Result<(Vec<TcpListener>, Vec<Forwarded>), Failure> {
    let (mut listeners, mut ports) = (Vec::new(), Vec::new());
    for (spec, remote) in request.ports.iter().zip(remotes) {
        let local = spec.local.unwrap_or(*remote);
        for listener in listen(&request.addresses, local).await? {
            let local = listener.local_addr().map_err(|error| {
                Failure::new(FailureKind::Disk, format!("cannot listen: {error}"))
            })?;
            ports.push(Forwarded {
                local,
                remote: *remote,
            });
            listeners.push(listener);
        }
    }
    Ok((listeners, ports))
}

/// Listens on a port of each address; where none is named, on this machine only, by IPv6 too where there is some.
async fn listen(addresses: &[IpAddr], port: u16) -> Result<Vec<TcpListener>, Failure> {
    if addresses.is_empty() {
        let first = bind(Ipv4Addr::LOCALHOST.into(), port).await?;
        let port = first.local_addr().map_or(port, |address| address.port());
        let second = bind(Ipv6Addr::LOCALHOST.into(), port).await.ok();
        return Ok(std::iter::once(first).chain(second).collect());
    }
    let mut listeners: Vec<TcpListener> = Vec::new();
    for address in addresses {
        // A port that was chosen freely is the same on all addresses.
        let port = match listeners.first().and_then(|first| first.local_addr().ok()) {
            Some(first) if port == 0 => first.port(),
            _ => port,
        };
        listeners.push(bind(*address, port).await?);
    }
    Ok(listeners)
}

async fn bind(address: IpAddr, port: u16) -> Result<TcpListener, Failure> {
    let address = SocketAddr::new(address, port);
    TcpListener::bind(address).await.map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => ": choose another port, or a free one with :REMOTE",
            std::io::ErrorKind::PermissionDenied => {
                ": ports below 1024 need rights, choose one above"
            }
            _ => "",
        };
        let summary = format!("cannot listen on {address}: {error}{hint}");
        Failure::new(FailureKind::Disk, summary)
    })
}

async fn accept(
    listener: TcpListener,
    port: Forwarded,
    way: Arc<Way>,
    events: mpsc::Sender<ForwardEvent>,
) {
    let mut connections = JoinSet::new();
    let local = port.local;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Where the system has no descriptor left the next attempt would fail as fast.
                    tokio::time::sleep(AFTER_FAILURE).await;
                    continue;
                };
                let (way, events) = (way.clone(), events.clone());
                connections.spawn(async move {
                    let opened = || drop(events.try_send(ForwardEvent::Opened { local }));
                    if let Err(failure) = way.lead(stream, opened).await {
                        drop(events.send(ForwardEvent::Failed { local, failure }).await);
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// The choice of the pod, for as long as ports are forwarded.
struct Choosing {
    cluster: Cluster,
    request: ForwardRequest,
    chosen: watch::Sender<Option<Arc<str>>>,
    events: mpsc::Sender<ForwardEvent>,
}

impl Choosing {
    async fn run(self, mut pods: Vec<Pod>) {
        let (sender, mut changes) = mpsc::unbounded_channel();
        let sink = move |event| drop(sender.send(event));
        let _watch = self.cluster.watch_pods(&self.request.instance, sink);
        let mut told = None;
        loop {
            self.choose(&pods, &mut told).await;
            match changes.recv().await {
                None => return,
                Some(WatchEvent::Pods(deltas)) => {
                    let apply = |delta| apply_delta(&mut pods, delta);
                    deltas.into_iter().for_each(apply);
                }
                Some(WatchEvent::Link { state, .. }) => self.pass_on(state).await,
                Some(_) => {}
            }
        }
    }

    /// Keeps the pod that is chosen for as long as it is ready, else takes the best.
    async fn choose(&self, pods: &[Pod], told: &mut Option<Option<Arc<str>>>) {
        let wanted = |pod: &&Pod| {
            let named = self.request.pod.as_ref();
            named.is_none_or(|named| pod.name == *named)
        };
        let present = self.chosen.borrow().clone();
        let mut pods: Vec<Pod> = pods.iter().filter(wanted).cloned().collect();
        let is_present = |pod: &Pod| present.as_deref() == Some(&*pod.name);
        if pods
            .iter()
            .any(|pod| is_present(pod) && pod_choice::is_ready(pod))
        {
            pods.retain(is_present);
        }
        let best = pod_choice::best(&pods).map(|pod| Arc::from(pod.name.as_str()));
        self.chosen.send_if_modified(|chosen| {
            let is_news = *chosen != best;
            chosen.clone_from(&best);
            is_news
        });
        if told.as_ref() != Some(&best) {
            *told = Some(best.clone());
            let event = best.map_or(ForwardEvent::NoPod, |pod| {
                ForwardEvent::Pod(pod.to_string())
            });
            drop(self.events.send(event).await);
        }
    }

    async fn pass_on(&self, state: LinkState) {
        let event = match state {
            LinkState::Connecting => return,
            LinkState::Live => ForwardEvent::Back,
            LinkState::Retrying { failure, .. } => ForwardEvent::Lost(failure),
            LinkState::Forbidden(failure) => ForwardEvent::Forbidden(failure),
        };
        drop(self.events.send(event).await);
    }
}
