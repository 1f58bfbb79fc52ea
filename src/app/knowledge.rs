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
    /// The namespace that names were asked of; none where only schemas were.
    pub namespace: Option<Namespace>,
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

    /// Takes what a cluster told; names of a namespace as long as they are still wanted.
    pub(super) fn take(&mut self, learnt: Learnt) {
        if learnt.namespace.is_some() && learnt.namespace == self.namespace {
            self.known.names = learnt.names;
        }
        self.known.documents.extend(learnt.documents);
    }

    /// Forgets what a cluster told: another one is worked with.
    pub(super) fn forget(&mut self) {
        let gpus = std::mem::take(&mut self.known.gpus);
        *self = Self::default();
        self.known.gpus = gpus;
    }

    /// Returns the effect that asks for what is not known and was not asked for; another connection makes all of it new.
    pub(super) fn ask(
        &mut self,
        epoch: Epoch,
        namespace: Option<Namespace>,
        api_versions: BTreeSet<String>,
    ) -> Option<Effect> {
        if epoch != self.epoch {
            self.forget();
            self.epoch = epoch;
        }
        let namespace = namespace.filter(|it| self.namespace.as_ref() != Some(it));
        if let Some(namespace) = &namespace {
            self.namespace = Some(namespace.clone());
            self.known.names.retain(|named, _| !named.is_namespaced());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_namespace_that_was_asked_for_last() {
        let mut knowledge = Knowledge::default();
        let learn = |knowledge: &mut Knowledge, of: &str| {
            let namespace = Some(of.parse().unwrap());
            let names = [
                (Named::Secret, vec![format!("of-{of}")]),
                (Named::StorageClass, vec!["fast".to_owned()]),
            ];
            knowledge.take(Learnt {
                namespace,
                names: names.into(),
                documents: ClusterSchemas::default(),
            });
        };
        let ask = |knowledge: &mut Knowledge, of: &str| {
            let namespace = Some(of.parse().unwrap());
            knowledge
                .ask(Epoch(1), namespace, BTreeSet::new())
                .is_some()
        };
        let secrets = |knowledge: &Knowledge| knowledge.known().names.get(&Named::Secret).cloned();
        assert!(ask(&mut knowledge, "team-a"));
        learn(&mut knowledge, "team-a");
        assert_eq!(secrets(&knowledge), Some(vec!["of-team-a".to_owned()]));
        // Until the next one answers, none of the former is offered, and then no late answer takes its place.
        assert!(ask(&mut knowledge, "team-b"));
        assert_eq!(secrets(&knowledge), None);
        assert!(knowledge.known().names.contains_key(&Named::StorageClass));
        learn(&mut knowledge, "team-b");
        learn(&mut knowledge, "team-a");
        assert_eq!(secrets(&knowledge), Some(vec!["of-team-b".to_owned()]));
        // Another cluster has none of it.
        knowledge.forget();
        assert!(knowledge.known().names.is_empty());
        assert!(ask(&mut knowledge, "team-b"));
    }
}
