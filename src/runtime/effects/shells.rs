//! Shells in containers: opened here, held until the loop has the terminal ready for them.

use std::sync::PoisonError;

use tokio_util::task::AbortOnDropHandle;

use crate::app::{Epoch, Msg, OpId, ShellPlace};
use crate::cluster::{Cluster, ExecRequest, ExecSession, SHELL};
use crate::definition::id::Namespace;
use crate::failure::Failure;
use crate::service::pod_choice;
use crate::service::summary::InstanceKey;

use super::Runner;

impl Runner {
    pub(super) fn ask_rights(&self, epoch: Epoch, namespace: Namespace) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        tokio::spawn(async move {
            let asked = async { cluster?.pod_rights(&namespace).await };
            let result = asked.await;
            drop(messages.send(Msg::RightsTold {
                epoch,
                namespace,
                result,
            }));
        });
    }

    pub(super) fn open_shell(&mut self, op: OpId, key: InstanceKey, place: Option<ShellPlace>) {
        let (cluster, messages) = (self.cluster(), self.messages.clone());
        let slot = self.shell.clone();
        let task = tokio::spawn(async move {
            let opened = async { open(&cluster?, &key, place).await };
            let result = opened.await.map(|(place, session)| {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((op, session));
                place
            });
            drop(messages.send(Msg::ShellOpened { op, result }));
        });
        self.opening = Some(AbortOnDropHandle::new(task));
    }

    /// Returns the shell that was opened under a number; one that is dropped ends.
    pub fn take_shell(&mut self, op: OpId) -> Option<ExecSession> {
        let mut slot = self.shell.lock().unwrap_or_else(PoisonError::into_inner);
        slot.take_if(|(of, _)| *of == op)
            .map(|(_, session)| session)
    }
}

async fn open(
    cluster: &Cluster,
    key: &InstanceKey,
    place: Option<ShellPlace>,
) -> Result<(ShellPlace, ExecSession), Failure> {
    let place = match place {
        Some(place) => place,
        None => {
            let (pod, container) = cluster.exec_place(key, None, None).await?;
            let key = key.clone();
            ShellPlace {
                key,
                pod,
                container,
            }
        }
    };
    let (namespace, pod) = pod_choice::place(&place.pod, &place.key.namespace);
    let request = ExecRequest {
        namespace,
        pod: pod.to_owned(),
        container: place.container.clone(),
        command: SHELL.map(str::to_owned).into(),
        has_stdin: true,
        is_tty: true,
    };
    let session = cluster.exec(&request).await?;
    Ok((place, session))
}
