//! Rollbacks: a kept revision, deployed again as a new one, and the pods that hang on the revision that is left.
//!
//! The text and the parameters that were kept are checked anew and planned as any deploy is. The pods go before the new
//! revision becomes the current one, so that a run that was interrupted finds the same target again.

mod hanging;

use std::collections::BTreeMap;

use super::deploy::{DeployRequest, Report, RunOptions, Variant, plan_deploy, run_variant};
use super::history::{self, KeptRevision};
use super::plan::{DeployPlan, Outcome};
use super::preflight::refused;
use crate::cluster::Cluster;
use crate::definition::check::{CheckContext, check};
use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::definition::object::ObjectKey;
use crate::definition::service::ServiceDefinition;
use crate::failure::{Failure, FailureKind};
use crate::secret::SecretValues;
use crate::service::summary::InstanceKey;

pub(super) use hanging::spared;

/// Reads the values of a definition's secrets from where it says that they are: no revision keeps them.
pub type ReadSecrets<'a> =
    &'a (dyn Fn(&ServiceDefinition) -> Result<SecretValues, Failure> + Send + Sync);

/// What is to be rolled back, to where and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackRequest {
    /// The instance.
    pub instance: InstanceKey,
    /// The revision to go back to; the one before the current one without it.
    pub to: Option<u32>,
    /// The host of Ingresses whose definition names none.
    pub ingress_host: Option<String>,
    /// Short names for GPU resources.
    pub gpus: BTreeMap<String, String>,
    /// Whether fields that others own are left to them.
    pub yields: bool,
    /// Why; `rollback to rN` without it.
    pub message: Option<String>,
    /// Who rolls back: user, host and process.
    pub holder: String,
}

/// What a rollback would do, as shown for review.
#[derive(Debug, Clone, PartialEq)]
pub struct RollbackPlan {
    /// The revision that it goes back to.
    pub target: u32,
    /// What that revision keeps, as it is deployed again.
    pub request: DeployRequest,
    /// What deploying it would do.
    pub deploy: DeployPlan,
    /// Pods that hang on the revision that is left, and are deleted.
    pub hanging: Vec<HangingPod>,
}

/// A pod that is not ready, of a `StatefulSet` that waits for it before it would ever replace it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HangingPod {
    /// What identifies it.
    pub key: ObjectKey,
    /// Its uid, sent as the precondition of its deletion.
    pub uid: String,
    /// Why it is not ready, where it says so.
    pub reason: Option<String>,
    /// The `StatefulSet` that it belongs to.
    pub(super) set: ObjectKey,
    pub(super) set_uid: String,
}

impl RollbackPlan {
    /// Tells whether running it would change nothing.
    pub fn is_noop(&self) -> bool {
        self.deploy.is_noop() && self.hanging.is_empty()
    }
}

/// Plans a rollback: what deploying the kept revision would do to each object, and which pods hang.
///
/// # Errors
/// There is no such revision, it is damaged, it is no legal definition any more, or the cluster cannot be reached.
pub async fn plan_rollback(
    cluster: &Cluster,
    wish: &RollbackRequest,
    read_secrets: ReadSecrets<'_>,
) -> Result<RollbackPlan, Failure> {
    let target = match wish.to {
        Some(target) => target,
        None => history::previous(cluster, &wish.instance).await?,
    };
    let kept = history::kept_revision(cluster, &wish.instance, target).await?;
    let request = request(wish, kept, read_secrets)?;
    let mut deploy = plan_deploy(cluster, &request).await?;
    let hanging = hanging::find(cluster, &mut deploy).await?;
    Ok(RollbackPlan {
        target,
        request,
        deploy,
        hanging,
    })
}

/// Carries out a rollback that was shown. It goes on past failures with what does not depend on them; a second run finishes
/// what was left.
pub async fn run_rollback(
    cluster: &Cluster,
    plan: &RollbackPlan,
    options: RunOptions,
    report: Report<'_>,
) -> Outcome {
    let variant = Variant {
        kind: "rollback",
        hanging: &plan.hanging,
    };
    run_variant(
        cluster,
        &plan.request,
        &plan.deploy,
        options,
        variant,
        report,
    )
    .await
}

/// Checks what a revision keeps, and makes of it what is deployed.
fn request(
    wish: &RollbackRequest,
    kept: KeptRevision,
    read_secrets: ReadSecrets<'_>,
) -> Result<DeployRequest, Failure> {
    let (id, namespace) = (&wish.instance.id, &wish.instance.namespace);
    let KeptRevision { revision, text } = kept;
    let context = CheckContext {
        gpus: wish.gpus.clone(),
        id: Some(id.clone()),
        namespace: Some(namespace.clone()),
        parameters: revision.parameters.clone(),
    };
    let checked = check(&text, &context);
    let what = format!("revision {} of {}", revision.number, wish.instance);
    let Some(definition) = checked.definition else {
        return Err(faulty(&what, &checked.diagnostics));
    };
    if let Some(other) = definition.namespace.as_ref().filter(|it| *it != namespace) {
        return Err(refused(format!("{what} is for the namespace {other}")));
    }
    let cause = format!("rollback to r{}", revision.number);
    Ok(DeployRequest {
        secrets: read_secrets(&definition)?,
        definition,
        text,
        name: revision.definition.unwrap_or_else(|| id.clone()),
        id: id.clone(),
        namespace: namespace.clone(),
        parameters: revision.parameters,
        ingress_host: wish.ingress_host.clone(),
        gpus: wish.gpus.clone(),
        yields: wish.yields,
        message: Some(wish.message.clone().unwrap_or(cause)),
        holder: wish.holder.clone(),
    })
}

/// Says why a text that was deployed once is refused now: the rules or the settings have changed since.
pub(super) fn faulty(what: &str, faults: &[Diagnostic]) -> Failure {
    let errors = faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error);
    let lines: Vec<String> = errors
        .map(|fault| {
            let start = fault.span.start;
            format!("{}:{}: {}", start.line, start.column, fault.message)
        })
        .collect();
    Failure {
        detail: lines.join("\n"),
        ..Failure::new(
            FailureKind::Invalid,
            format!("{what} is no definition that could be deployed now"),
        )
    }
}
