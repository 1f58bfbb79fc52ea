//! What was applied, kept on this machine once it is: the engine, which writes it to a cluster, and the catalogue, which keeps
//! texts, brought together for the command line and the dashboard.

use jiff::Timestamp;

use crate::catalogue::applied::{Applied, AppliedTexts};
use crate::cluster::Cluster;
use crate::engine::deploy::DeployRequest;
use crate::engine::plan::{DeployPlan, TeardownPlan, TeardownScope};
use crate::engine::progress::Outcome;

/// Keeps the text of a deploy that came to its end. It is only ever compared with: one that cannot be kept fails nothing.
pub async fn keep_applied(
    cluster: &Cluster,
    texts: &AppliedTexts,
    (request, plan): (&DeployRequest, &DeployPlan),
    outcome: &Outcome,
) {
    if !outcome.is_complete() {
        return;
    }
    let applied = Applied {
        id: request.id.clone(),
        namespace: request.namespace.clone(),
        server: cluster.identity().server.clone(),
        definition: request.name.clone(),
        revision: plan.revision,
        at: Timestamp::now(),
        parameters: request.parameters.clone(),
        text: request.text.clone(),
    };
    on_disk(texts, move |texts| {
        if let Err(error) = texts.keep(&applied) {
            tracing::warn!("what was applied is not kept: {error}");
        }
    })
    .await;
}

/// Forgets the text of an instance that was taken down.
pub async fn forget_applied(
    cluster: &Cluster,
    texts: &AppliedTexts,
    plan: &TeardownPlan,
    outcome: &Outcome,
) {
    if plan.scope != TeardownScope::Instance || !outcome.is_complete() {
        return;
    }
    let (server, instance) = (cluster.identity().server.clone(), plan.instance.clone());
    on_disk(texts, move |texts| {
        texts.forget(&server, &instance.namespace, &instance.id);
    })
    .await;
}

async fn on_disk(texts: &AppliedTexts, job: impl FnOnce(&AppliedTexts) + Send + 'static) {
    let texts = texts.clone();
    // It breaks down only with the program.
    drop(tokio::task::spawn_blocking(move || job(&texts)).await);
}
