//! `bowline port-forward`: ports of this machine that lead to the pods of an instance, until interrupted.

use std::net::IpAddr;

use super::args::PortForward;
use super::session::Session;
use super::{Exit, missing, operate, output, signals};
use crate::cluster::{Cluster, ForwardEvent, ForwardRequest, Forwards};
use crate::text;

pub fn run(args: &PortForward, session: &Session) -> anyhow::Result<Exit> {
    operate::on_cluster(session, async |cluster| {
        tokio::select! {
            exit = forward(args, session, &cluster) => exit,
            number = signals::next_signal() => Ok(Exit::Signal(number?)),
        }
    })
}

async fn forward(args: &PortForward, session: &Session, cluster: &Cluster) -> anyhow::Result<Exit> {
    let instance = session.instance(cluster, &args.id);
    let addresses: Vec<IpAddr> = args.addresses.iter().flatten().copied().collect();
    let request = ForwardRequest {
        instance,
        pod: args.pod.clone(),
        addresses,
        ports: args.ports.clone(),
    };
    let mut forwards = match cluster.forward(&request).await {
        Ok(forwards) => forwards,
        Err(failure) => {
            let instance = &request.instance;
            return match missing::explains(session, cluster, instance, &failure).await? {
                true => Ok(Exit::Failed),
                false => Err(failure.into()),
            };
        }
    };
    announce(&forwards)?;
    let mut told = Told::default();
    while let Some(event) = forwards.next().await {
        told.say(event, args);
    }
    Ok(Exit::Failed)
}

fn announce(forwards: &Forwards) -> anyhow::Result<()> {
    let mut is_open = false;
    for port in forwards.ports() {
        output::print(&format!(
            "Forwarding from {} -> {}\n",
            port.local, port.remote
        ))?;
        is_open |= !port.local.ip().is_loopback();
    }
    if is_open {
        output::say("warning: whoever reaches this machine reaches these ports");
    }
    Ok(())
}

/// What was said so far.
#[derive(Debug, Default)]
struct Told {
    has_pod: bool,
    outage: operate::Outage,
}

impl Told {
    fn say(&mut self, event: ForwardEvent, args: &PortForward) {
        let sentence = match event {
            ForwardEvent::Pod(pod) => {
                let verb = match std::mem::replace(&mut self.has_pod, true) {
                    true => "connections go on",
                    false => "connections go",
                };
                format!("{verb} to pod {pod}")
            }
            ForwardEvent::NoPod => {
                self.has_pod = true;
                format!("no pod of {} is ready: connections wait for one", args.id)
            }
            ForwardEvent::Opened { local } => format!("Handling connection for {}", local.port()),
            ForwardEvent::Failed { local, failure } => {
                let detail = match failure.detail.is_empty() {
                    true => String::new(),
                    false => format!(" ({})", failure.detail),
                };
                format!("error: connection to {local}: {failure}{detail}")
            }
            ForwardEvent::Lost(failure) => return self.outage.say_lost(&failure),
            ForwardEvent::Back => return self.outage.say_back(),
            ForwardEvent::Forbidden(failure) => format!("warning: {failure}"),
        };
        output::say(text::clean(&sentence));
    }
}
