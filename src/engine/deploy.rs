//! Deploys: what is asked for, the plan, and carrying it out.

mod parameters;
mod planning;
mod running;
mod storage;
mod unchangeable;

use std::collections::BTreeMap;
use std::time::Duration;

use super::operation::Meeting;
use super::progress::Progress;
use super::remedy::Remedies;
use crate::definition::Definition;
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::render::{RenderContext, SecretContent};
use crate::secret::SecretValues;
use crate::service::summary::InstanceKey;

pub(super) use planning::COMPUTED_HERE;
pub(super) use planning::{plan_again, plan_back, plan_preview};
pub use planning::{plan_deploy, plan_difference};
pub use running::run_deploy;
pub(super) use running::{Variant, run_variant};

/// Hears of each fact while an operation runs.
pub type Report<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// What is to be deployed, where and by whom.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployRequest {
    /// The definition, checked.
    pub definition: Definition,
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
    /// Values of secrets, as far as they were found.
    pub secrets: SecretValues,
    /// Whether fields that others own are left to them.
    pub yields: bool,
    /// What was agreed to beyond a plain deploy.
    pub remedies: Remedies,
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
    /// What to do where somebody else's operation is noted.
    pub meeting: Meeting,
    /// How long what is being deleted is waited for; none for as long as its pods may take to end, and what is made anew never
    /// for less.
    pub gone_within: Option<Duration>,
}

impl DeployRequest {
    /// Returns the instance that it makes or changes.
    pub fn instance(&self) -> InstanceKey {
        InstanceKey {
            namespace: self.namespace.clone(),
            id: self.id.clone(),
        }
    }

    pub(super) fn render_context(&self, secrets: Vec<SecretContent>) -> RenderContext {
        RenderContext {
            definition_name: self.name.clone(),
            parameters: self.parameters.clone(),
            ingress_host: self.ingress_host.clone(),
            gpus: self.gpus.clone(),
            secrets,
            ..RenderContext::new(self.id.clone(), self.namespace.clone())
        }
    }
}
