//! Definitions that nobody edits: what others changed is pulled into them, running sets of objects become one.

use std::sync::Arc;

use crate::app::{ImportedDefinition, Msg, OpId, PlannedPull, Question, SaveAnswer};
use crate::catalogue::{CatalogueError, Digest};
use crate::cluster::Cluster;
use crate::definition::check::check;
use crate::definition::diagnostic::Severity;
use crate::definition::id::{InstanceId, Namespace};
use crate::engine::import::{ImportRequest, Origin, import};
use crate::engine::pull::{definition_of, plan_pull};
use crate::failure::Failure;
use crate::runtime::Start;
use crate::service::summary::InstanceKey;

use super::Runner;
use super::deploys::{Agreed, blocking, surroundings};

impl Runner {
    pub(super) fn write_definition(
        &self,
        op: OpId,
        name: InstanceId,
        (text, base): (String, Digest),
    ) {
        let (catalogue, messages) = (self.start.catalogue.clone(), self.messages.clone());
        self.disk.run(move || {
            let answer = match catalogue.save(&name, &text, &base) {
                Ok(digest) => SaveAnswer::Saved(digest),
                Err(CatalogueError::Changed { .. }) => SaveAnswer::Changed,
                Err(error) => SaveAnswer::Failed(error.into()),
            };
            drop(messages.send(Msg::DefinitionWritten { op, name, answer }));
        });
    }

    pub(super) fn plan_pull(&mut self, op: OpId, key: InstanceKey) {
        let (start, cluster, messages) =
            (self.start.clone(), self.cluster(), self.messages.clone());
        self.read(Question::Numbered(op), async move {
            let plan = async { pull(&cluster?, &start, &key).await };
            let result = plan.await.map(Box::new);
            drop(messages.send(Msg::PullPlanned { op, result }));
        });
    }

    pub(super) fn import(
        &mut self,
        op: OpId,
        origin: Origin,
        (namespace, name): (Namespace, InstanceId),
    ) {
        let (start, cluster, messages) =
            (self.start.clone(), self.cluster(), self.messages.clone());
        self.read(Question::Numbered(op), async move {
            let request = ImportRequest {
                origin,
                namespace,
                name: name.clone(),
                policy: start.settings.policy.clone(),
                keeps_node_ports: false,
            };
            let imported = async { imported(&cluster?, &start, &request).await };
            let result = imported.await.map(Arc::new);
            drop(messages.send(Msg::Imported { op, name, result }));
        });
    }
}

async fn pull(
    cluster: &Cluster,
    start: &Start,
    instance: &InstanceKey,
) -> Result<PlannedPull, Failure> {
    let name = definition_of(cluster, instance).await?;
    let (catalogue, of) = (start.catalogue.clone(), name.clone());
    let saved = blocking(move || Ok(catalogue.read(&of)?)).await?;
    let surroundings = surroundings(start, Agreed::default());
    let plan = plan_pull(cluster, instance, &name, &saved.text, &surroundings).await?;
    Ok(PlannedPull {
        plan,
        former: saved.text,
        base: saved.digest,
    })
}

async fn imported(
    cluster: &Cluster,
    start: &Start,
    request: &ImportRequest,
) -> Result<ImportedDefinition, Failure> {
    let found = import(cluster, request).await?;
    let text = found.text(&request.heading());
    let mut context = start.check_context();
    context.id = Some(request.name.clone());
    blocking(move || {
        let faults = check(&text, &context).diagnostics;
        let errors = faults.iter().filter(|it| it.severity == Severity::Error);
        Ok(ImportedDefinition {
            n_errors: errors.count(),
            found,
            text,
        })
    })
    .await
}
