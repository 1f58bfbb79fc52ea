//! What the editor completes from, and what of it was asked for already.

use std::collections::{BTreeMap, BTreeSet};

use crate::completion::{Known, Named};
use crate::definition::id::Namespace;
use crate::schema::ClusterSchemas;

use super::effect::Effect;
use super::msg::Epoch;

/// What a cluster told of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learnt {
    /// Names of what is there.
    pub names: BTreeMap<Named, Vec<String>>,
    /// Schemas by group and version.
    pub documents: ClusterSchemas,
}

/// What is known, of the present connection.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    known: Known,
    epoch: Epoch,
    /// The namespace whose names were asked for.
    namespace: Option<Namespace>,
    /// The groups and versions whose schemas were asked for.
    api_versions: BTreeSet<String>,
}

impl Knowledge {
    /// Returns what is known.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Takes the short names of GPU resources.
    pub fn set_gpus(&mut self, gpus: Vec<String>) {
        self.known.gpus = gpus;
    }

    /// Takes what a cluster told.
    pub(super) fn take(&mut self, learnt: Learnt) {
        if !learnt.names.is_empty() {
            self.known.names = learnt.names;
        }
        self.known.documents.extend(learnt.documents);
    }

    /// Returns the effect that asks for what is not known and was not asked for; another connection makes all of it new.
    pub(super) fn ask(
        &mut self,
        epoch: Epoch,
        namespace: Option<Namespace>,
        api_versions: BTreeSet<String>,
    ) -> Option<Effect> {
        if epoch != self.epoch {
            let gpus = std::mem::take(&mut self.known.gpus);
            *self = Self {
                epoch,
                ..Self::default()
            };
            self.known.gpus = gpus;
        }
        let namespace = namespace.filter(|it| self.namespace.as_ref() != Some(it));
        if let Some(namespace) = &namespace {
            self.namespace = Some(namespace.clone());
        }
        let new: Vec<String> = api_versions
            .difference(&self.api_versions)
            .cloned()
            .collect();
        self.api_versions.extend(new.iter().cloned());
        (namespace.is_some() || !new.is_empty()).then_some(Effect::Learn {
            epoch,
            namespace,
            api_versions: new,
        })
    }
}
