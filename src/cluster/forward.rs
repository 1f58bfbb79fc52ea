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
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Cluster;
use crate::failure::{Failure, FailureKind};
use crate::service::pod_choice;
use crate::service::summary::Pod;
use crate::service::watch::{LinkState, WatchEvent, apply_delta};
use connection::Way;

pub use crate::service::forward::{ForwardEvent, ForwardRequest, Forwarded, PortSpec, Traffic};

/// Events that wait to be taken.
const BUFFER: usize = 64;
/// Between two attempts to take a connection, after one that failed.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Ports that are forwarded. Dropping this closes the listeners and all connections.
#[derive(Debug)]
#[must_use = "dropping it ends the forwarding"]
pub struct Forwards {
    ports: Vec<Forwarded>,
    events: mpsc::Receiver<ForwardEvent>,
    counters: Arc<Counters>,
    _tasks: JoinSet<()>,
}

/// What is counted of all connections together.
#[derive(Debug, Default)]
struct Counters {
    n_open: AtomicU64,
    n_connections: AtomicU64,
    n_sent: AtomicU64,
    n_received: AtomicU64,
}

impl Counters {
    fn traffic(&self) -> Traffic {
        let [n_open, n_connections, n_sent, n_received] = [
            &self.n_open,
            &self.n_connections,
            &self.n_sent,
            &self.n_received,
        ]
        .map(|counter| counter.load(Ordering::Relaxed));
        Traffic {
            n_open,
            n_connections,
            n_sent,
            n_received,
        }
    }
}

/// Counts a connection for as long as it is held.
struct Open(Arc<Counters>);

impl Open {
    fn count(counters: &Arc<Counters>) -> Self {
        counters.n_open.fetch_add(1, Ordering::Relaxed);
        counters.n_connections.fetch_add(1, Ordering::Relaxed);
        Self(counters.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.n_open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Forwards {
    /// Returns the listeners.
    pub fn ports(&self) -> &[Forwarded] {
        &self.ports
    }

    /// Returns what went through so far.
    pub fn traffic(&self) -> Traffic {
        self.counters.traffic()
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
        let request = &self.led(request).await?;
        let remotes = self.remote_ports(request).await?;
        let pods = self.pods(&request.instance).await?;
        if let Some(named) = &request.pod {
            pod_choice::running(&pods, Some(named), &request.instance)?;
        }
        let namespace = &request.instance.namespace;
        let best = || pod_choice::best(&pods, namespace).map(|pod| pod.name.as_str());
        let pod = request.pod.as_deref().or_else(best);
        self.check_may_connect("portforward", namespace, pod)
            .await?;
        let (listeners, ports) = listen_all(request, &remotes).await?;
        let (events, taken) = mpsc::channel(BUFFER);
        let (chosen, target) = watch::channel(None);
        let mut tasks = JoinSet::new();
        let counters = Arc::<Counters>::default();
        for (listener, port) in listeners.into_iter().zip(&ports) {
            let way = Way {
                cluster: self.clone(),
                instance: request.instance.clone(),
                remote: port.remote,
                target: target.clone(),
                counters: counters.clone(),
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
            counters,
            _tasks: tasks,
        })
    }
}

impl Cluster {
    /// Returns what a forward is of where its pods are: one is named in another namespace, or all are there.
    async fn led(&self, request: &ForwardRequest) -> Result<ForwardRequest, Failure> {
        let of = &request.instance;
        let is_away = request.pod.as_ref().is_some_and(|pod| pod.contains('/'));
        if !is_away && (request.pod.is_some() || !self.pods(of).await?.is_empty()) {
            return Ok(request.clone());
        }
        let pods = self.all_pods(of).await?;
        if pods.is_empty() {
            return Ok(request.clone());
        }
        let pod = pod_choice::running(&pods, request.pod.as_deref(), of)?;
        Ok(ForwardRequest {
            instance: pod.instance.clone(),
            pod: request.pod.as_ref().map(|_| pod.name.clone()),
            ..request.clone()
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
                let open = Open::count(&way.counters);
                connections.spawn(async move {
                    let _open = open;
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
        let own = &self.request.instance.namespace;
        let best = pod_choice::best(&pods, own).map(|pod| Arc::from(pod.name.as_str()));
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
