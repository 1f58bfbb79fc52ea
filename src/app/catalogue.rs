//! What is known of the catalogue.

use std::path::PathBuf;

use crate::definition::id::{InstanceId, Namespace};
use crate::failure::Failure;
use crate::service::watch::Scope;

/// A definition of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Its name.
    pub name: InstanceId,
    /// SHA-256 of its text, in hex.
    pub hash: String,
    /// The image of its first container, where it is readable.
    pub image: Option<String>,
    /// The namespace that it names, where it is readable and names one.
    pub namespace: Option<Namespace>,
}

impl CatalogueEntry {
    /// Returns the namespace that it names, where a scope is not that namespace alone: it may run there, out of sight.
    pub fn named_elsewhere(&self, scope: Option<&Scope>) -> Option<&Namespace> {
        let shown = scope.and_then(Scope::namespace);
        self.namespace.as_ref().filter(|named| shown != Some(named))
    }
}

/// What is known of the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogueState {
    /// Where it is, once it was listed.
    pub dir: Option<PathBuf>,
    /// The definitions, sorted by name.
    pub entries: Vec<CatalogueEntry>,
    /// Files that are refused, with the reason.
    pub refused: Vec<(String, String)>,
    /// Why it could not be listed.
    pub failure: Option<Failure>,
}

impl CatalogueState {
    /// Returns what is known of a definition.
    pub fn entry(&self, name: &InstanceId) -> Option<&CatalogueEntry> {
        self.entries.iter().find(|entry| entry.name == *name)
    }
}
