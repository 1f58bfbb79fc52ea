//! Deploys: the plan, and carrying it out.

use std::collections::BTreeMap;

use super::plan::{DeployPlan, Outcome, Progress};
use crate::cluster::Cluster;
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::service::ServiceDefinition;
use crate::failure::{Failure, FailureKind};

/// Hears of each fact while an operation runs.
pub type Report<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// What is to be deployed, where and by whom.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployRequest {
    /// The definition, checked.
    pub definition: ServiceDefinition,
    /// Its text as it stands in the catalogue; kept in the revision.
    pub text: String,
    /// The definition's file name in the catalogue.
    pub name: InstanceId,
    /// The ID of the instance.
    pub id: InstanceId,
    /// The namespace of every object.
    pub namespace: Namespace,
    /// Parameters that were set by hand.
    pub parameters: BTreeMap<String, String>,
    /// The host of Ingresses whose definition names none.
    pub ingress_host: Option<String>,
    /// Short names for GPU resources.
    pub gpus: BTreeMap<String, String>,
    /// Why, in the words of the one who deploys.
    pub message: Option<String>,
    /// Who deploys: user, host and process.
    pub holder: String,
}

/// How a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunOptions {
    /// Take exactly the fields that the plan shows as owned by others.
    pub force_conflicts: bool,
}

/// Plans a deploy: what it would do to each object, and why it could not.
///
/// # Errors
/// The cluster cannot be reached, or does not let the objects be read.
pub async fn plan_deploy(
    _cluster: &Cluster,
    _request: &DeployRequest,
) -> Result<DeployPlan, Failure> {
    Err(Failure::new(
        FailureKind::Refused,
        "cannot plan a deploy yet",
    ))
}

/// Carries out a plan that was shown. It goes on past failures with what does not depend on them; running a new plan
/// finishes what was left.
pub async fn run_deploy(
    _cluster: &Cluster,
    _request: &DeployRequest,
    _plan: &DeployPlan,
    _options: RunOptions,
    _report: Report<'_>,
) -> Outcome {
    Outcome::default()
}
