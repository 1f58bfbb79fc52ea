//! Teardowns: the fate table, and carrying it out.

use std::time::Duration;

use super::deploy::Report;
use super::plan::{Outcome, TeardownPlan, VolumeChoice};
use crate::cluster::Cluster;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

/// How a teardown is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeardownOptions {
    /// How long to wait until everything is gone; none only asks for the deletions.
    pub wait: Option<Duration>,
    /// Who tears down: user, host and process.
    pub holder: String,
}

/// Plans a teardown: the fate of every object that bears the instance's labels.
///
/// # Errors
/// The cluster cannot be reached, or does not let the objects be listed.
pub async fn plan_teardown(
    _cluster: &Cluster,
    _instance: &InstanceKey,
    _volumes: VolumeChoice,
) -> Result<TeardownPlan, Failure> {
    Err(Failure::new(
        FailureKind::Refused,
        "cannot plan a teardown yet",
    ))
}

/// Carries out a fate table that was shown. It goes on past failures; a second run finishes what was left.
pub async fn run_teardown(
    _cluster: &Cluster,
    _plan: &TeardownPlan,
    _options: &TeardownOptions,
    _report: Report<'_>,
) -> Outcome {
    Outcome::default()
}
