//! What a deploy begins from, and the plan of it that is reviewed.

use std::collections::BTreeMap;
use std::sync::Arc;

use ropey::Rope;

use crate::catalogue::trash::TrashItem;
use crate::definition::id::{InstanceId, Namespace};
use crate::engine::plan::DeployPlan;
use crate::engine::remedy::Remedies;
use crate::engine::restore::RestorePlan;
use crate::engine::rollback::{HangingPod, RollbackPlan};
use crate::secret::{SecretQuestion, SecretValue};
use crate::service::summary::InstanceKey;

/// What a deploy begins from.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploySource {
    /// Where the text comes from.
    pub origin: Origin,
    /// Whether fields that others own are left to them.
    pub yields: bool,
    /// What was agreed to beyond a plain deploy.
    pub remedies: Remedies,
    /// What a person answered when asked for secrets.
    pub answers: SecretAnswers,
    /// Values of the definition's parameters.
    pub parameters: BTreeMap<String, String>,
    /// Why it is deployed, kept with the revision.
    pub message: Option<String>,
    /// Whether it is taken over at once from somebody else who is at it.
    pub takes_over: bool,
}

/// Where a text that is deployed comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// A definition of the catalogue.
    Definition(DefinitionOrigin),
    /// A revision that is kept in the cluster: a rollback.
    Revision {
        /// Of which instance.
        instance: InstanceKey,
        /// Its number; none is the last that was finished before what is there now.
        to: Option<u32>,
    },
    /// What was taken down on this machine: a restore.
    Trash(Arc<TrashItem>),
    /// What an operation that was left half done is to come to.
    Noted(InstanceKey),
}

/// A definition that is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionOrigin {
    /// The definition's name in the catalogue.
    pub name: InstanceId,
    /// The ID to deploy under.
    pub id: InstanceId,
    /// The namespace that is worked in; the definition's own wins.
    pub namespace: Option<Namespace>,
    /// The text as it was seen; none reads the catalogue's.
    pub text: Option<Rope>,
}

/// Values of secrets that a person typed, by the question that was asked. They are blanked when they go.
pub type SecretAnswers = BTreeMap<SecretQuestion, SecretValue>;

impl DeploySource {
    /// Returns a source of which nothing else is known yet.
    pub fn of(origin: Origin) -> Self {
        Self {
            origin,
            yields: false,
            remedies: Remedies::default(),
            answers: SecretAnswers::new(),
            parameters: BTreeMap::new(),
            message: None,
            takes_over: false,
        }
    }

    /// Returns the ID that is deployed under.
    pub fn id(&self) -> &InstanceId {
        match &self.origin {
            Origin::Definition(definition) => &definition.id,
            Origin::Revision { instance, .. } | Origin::Noted(instance) => &instance.id,
            Origin::Trash(item) => &item.id,
        }
    }

    /// Returns the namespace that is deployed to, as far as it is known before it is planned.
    pub fn namespace(&self) -> Option<&Namespace> {
        match &self.origin {
            Origin::Definition(definition) => definition.namespace.as_ref(),
            Origin::Revision { instance, .. } | Origin::Noted(instance) => {
                Some(&instance.namespace)
            }
            Origin::Trash(item) => Some(&item.namespace),
        }
    }

    /// Returns the definition of the catalogue that is deployed, where it is one.
    pub fn definition(&self) -> Option<&DefinitionOrigin> {
        match &self.origin {
            Origin::Definition(definition) => Some(definition),
            Origin::Revision { .. } | Origin::Trash(_) | Origin::Noted(_) => None,
        }
    }
}

/// A plan that deploys something, as shown for review.
#[derive(Debug, Clone, PartialEq)]
pub enum ReviewedPlan {
    /// Of a definition.
    Deploy(DeployPlan),
    /// Of an earlier revision.
    Rollback(RollbackPlan),
    /// Of what was taken down.
    Restore(RestorePlan),
}

impl ReviewedPlan {
    /// Returns what deploying would do.
    pub fn deploy(&self) -> &DeployPlan {
        match self {
            Self::Deploy(plan) => plan,
            Self::Rollback(rollback) => &rollback.deploy,
            Self::Restore(restore) => &restore.deploy,
        }
    }

    /// Returns the pods that hang on the revision that is left, and are deleted.
    pub fn hanging(&self) -> &[HangingPod] {
        match self {
            Self::Rollback(rollback) => &rollback.hanging,
            Self::Deploy(_) | Self::Restore(_) => &[],
        }
    }

    /// Tells whether what it changes is protected.
    pub fn is_protected(&self) -> bool {
        match self {
            Self::Rollback(rollback) => rollback.caution.is_protected(),
            Self::Deploy(_) | Self::Restore(_) => false,
        }
    }

    /// Tells whether running it would change nothing.
    pub fn is_noop(&self) -> bool {
        match self {
            Self::Rollback(rollback) => rollback.is_noop(),
            Self::Deploy(plan) => plan.is_noop(),
            Self::Restore(restore) => restore.deploy.is_noop(),
        }
    }
}

impl From<DeployPlan> for ReviewedPlan {
    fn from(plan: DeployPlan) -> Self {
        Self::Deploy(plan)
    }
}
