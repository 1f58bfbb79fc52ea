//! What a person may agree to beyond a plain deploy: making anew what can never be changed, growing storage, binding volumes
//! again that were retained. Values only.
//!
//! Nothing of it happens unasked: a plan offers it, and a request that bears it is planned anew.

use std::fmt;

use crate::definition::object::ObjectKey;

/// What was agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Remedies {
    /// Objects whose fields can never be changed are deleted and made anew; claims stay.
    pub recreate: bool,
    /// Claims and their templates grow together to the size that the definition says.
    pub grow_volumes: bool,
    /// Volumes that a teardown retained are bound again.
    pub bind_retained: bool,
    /// Those of them that cannot be bound are passed over: what was begun, or is put back, does not fail for them.
    pub pass_over: bool,
    /// Values of secrets that a rollback finds changed where they come from are taken; else those in the cluster stay.
    pub rotate_secrets: bool,
    /// Sizes that grew since what is deployed again was written stay as they are: claims never shrink.
    pub hold_sizes: bool,
}

/// One thing that can be agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remedy {
    /// See [`Remedies::grow_volumes`].
    GrowVolumes,
    /// See [`Remedies::recreate`].
    Recreate,
    /// See [`Remedies::bind_retained`].
    BindRetained,
    /// See [`Remedies::rotate_secrets`].
    RotateSecrets,
}

/// What becomes of volumes that a teardown retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binding {
    /// They are only offered.
    Offered,
    /// All of them are bound, or nothing is done.
    All,
    /// Those are bound that can be.
    WhatFits,
}

/// Something that a plan offers, with what it would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What can be agreed to.
    pub remedy: Remedy,
    /// What it would do, as a sentence without its end.
    pub sentence: String,
}

impl Remedies {
    /// Returns what becomes of volumes that a teardown retained.
    pub(super) fn binding(self) -> Binding {
        match (self.bind_retained, self.pass_over) {
            (false, _) => Binding::Offered,
            (true, false) => Binding::All,
            (true, true) => Binding::WhatFits,
        }
    }

    /// Tells whether something was agreed to.
    pub fn has(self, remedy: Remedy) -> bool {
        match remedy {
            Remedy::Recreate => self.recreate,
            Remedy::GrowVolumes => self.grow_volumes,
            Remedy::BindRetained => self.bind_retained,
            Remedy::RotateSecrets => self.rotate_secrets,
        }
    }

    /// Returns the same with one thing more agreed to.
    pub fn with(mut self, remedy: Remedy) -> Self {
        match remedy {
            Remedy::Recreate => self.recreate = true,
            Remedy::GrowVolumes => self.grow_volumes = true,
            Remedy::BindRetained => self.bind_retained = true,
            Remedy::RotateSecrets => self.rotate_secrets = true,
        }
        self
    }
}

impl Remedy {
    /// All that can be agreed to.
    pub const ALL: [Self; 4] = [
        Self::GrowVolumes,
        Self::Recreate,
        Self::BindRetained,
        Self::RotateSecrets,
    ];

    /// Returns the flag of the command line that agrees to it.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Recreate => "--recreate",
            Self::GrowVolumes => "--grow-volumes",
            Self::BindRetained => "--bind-retained",
            Self::RotateSecrets => "--rotate-secrets",
        }
    }

    /// Returns it in words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Recreate => "recreate",
            Self::GrowVolumes => "grow volumes",
            Self::BindRetained => "bind retained",
            Self::RotateSecrets => "rotate secrets",
        }
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.remedy.flag(), self.sentence)
    }
}

/// What a deploy does to claims and volumes beside the objects of the definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoragePlan {
    /// Retained volumes that are bound again.
    pub binds: Vec<PlannedBind>,
    /// Claims that grow.
    pub growths: Vec<PlannedGrowth>,
    /// Workloads that are made anew while their pods go on running.
    pub orphaned: Vec<ObjectKey>,
    /// Sizes that stay larger than the definition says, because claims never shrink.
    pub held: Vec<HeldSize>,
    /// Labels of claim templates that stay, because templates never change.
    pub held_labels: Vec<HeldLabels>,
    /// Names of claims that are made with new and empty volumes, as far as claims may be listed.
    pub fresh: Vec<String>,
}

/// A retained volume that is freed for the claim that it was bound to before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlannedBind {
    /// The volume.
    pub volume: ObjectKey,
    /// Its uid.
    pub uid: String,
    /// Namespace of the claim that will bind it.
    pub namespace: String,
    /// Name of the claim that will bind it.
    pub claim: String,
    /// Its size.
    pub size: String,
}

/// A claim that asks for more storage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlannedGrowth {
    /// The claim.
    pub claim: ObjectKey,
    /// Its uid.
    pub uid: String,
    /// What it asks for so far.
    pub from: String,
    /// What it will ask for.
    pub to: String,
}

/// A size that stays as it is although the definition says less.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeldSize {
    /// The object that bears it: a `StatefulSet` with a template, or a claim.
    pub key: ObjectKey,
    /// Name of the template; none for a claim.
    pub template: Option<String>,
    /// The size that stays.
    pub size: String,
}

/// Labels of a claim template that stay as they are although those of the instance are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeldLabels {
    /// The `StatefulSet`.
    pub key: ObjectKey,
    /// Name of the template.
    pub template: String,
    /// The labels that stay; none where there is none.
    pub labels: Vec<(String, Option<String>)>,
}

impl StoragePlan {
    /// Takes in what is done for another object.
    pub fn absorb(&mut self, other: Self) {
        self.binds.extend(other.binds);
        self.growths.extend(other.growths);
        self.orphaned.extend(other.orphaned);
        self.held.extend(other.held);
        self.held_labels.extend(other.held_labels);
        self.fresh.extend(other.fresh);
    }

    /// Tells whether it does nothing.
    pub fn is_empty(&self) -> bool {
        self.binds.is_empty() && self.growths.is_empty()
    }
}
