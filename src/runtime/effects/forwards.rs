//! Forwarded ports: begun once, reported on while something happens, ended when they are stopped or the program ends.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use crate::app::{Msg, OpId, Question};
use crate::cluster::{Forwards, Traffic};
use crate::service::forward::ForwardRequest;
use crate::service::summary::InstanceKey;

use super::Runner;

/// How often it is told what goes through connections that are open.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Runner {
    pub(super) fn list_ports(&mut self, op: OpId, key: InstanceKey) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        self.read(Question::Numbered(op), async move {
            let listed = async { cluster?.offered_ports(&key).await };
            let result = listed.await;
            drop(messages.send(Msg::PortsListed { op, result }));
        });
    }

    pub(super) fn forward(&mut self, op: OpId, request: ForwardRequest) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        let task = tokio::spawn(async move {
            let begun = async { cluster?.forward(&request).await };
            match begun.await {
                Ok(forwards) => {
                    let result = Ok(forwards.ports().to_vec());
                    drop(messages.send(Msg::ForwardBegan { op, result }));
                    report(forwards, op, &messages).await;
                }
                Err(failure) => {
                    let result = Err(failure);
                    drop(messages.send(Msg::ForwardBegan { op, result }));
                }
            }
        });
        self.forwards.insert(op, AbortOnDropHandle::new(task));
    }

    pub(super) fn stop_forward(&mut self, op: OpId) {
        self.forwards.remove(&op);
    }
}

/// Tells what happens, and what goes through while something may.
async fn report(mut forwards: Forwards, op: OpId, messages: &UnboundedSender<Msg>) {
    let mut told = Traffic::default();
    loop {
        let event = tokio::select! {
            event = forwards.next() => match event {
                Some(event) => Some(event),
                None => return,
            },
            () = sleep(LOOK_EVERY), if told.n_open > 0 => None,
        };
        let traffic = forwards.traffic();
        if event.is_none() && traffic == told {
            continue;
        }
        told = traffic;
        if messages
            .send(Msg::Forwarding { op, event, traffic })
            .is_err()
        {
            return;
        }
    }
}
