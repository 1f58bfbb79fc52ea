//! Definitions: YAML text to a checked [`Definition`] with faults and their places, and a definition under an ID to Kubernetes
//! objects.
//!
//! Pure: no I/O, no clock. The same input gives the same bytes.

pub mod check;
pub mod diagnostic;
pub(crate) mod field_path;
pub mod id;
pub(crate) mod lists;
pub mod manifest;
pub mod naming;
pub mod object;
pub mod order;
pub mod places;
pub mod policy;
pub mod render;
pub mod service;
pub mod template;
pub mod yaml;

use std::collections::BTreeMap;

pub(crate) use check::nearest;
use id::Namespace;
use manifest::ManifestSet;
use service::ServiceDefinition;

/// A definition that was checked: what a text of the catalogue is.
#[derive(Debug, Clone, PartialEq)]
pub enum Definition {
    /// A compact service definition: `containers` at the top.
    Service(Box<ServiceDefinition>),
    /// Kubernetes objects of any kind.
    Manifests(ManifestSet),
}

impl Definition {
    /// Returns the same as read from this text.
    fn with_source(self, text: &str) -> Self {
        match self {
            Self::Service(service) => Self::Service(Box::new(service.with_source(text))),
            Self::Manifests(manifests) => Self::Manifests(manifests.with_source(text)),
        }
    }

    /// Returns the service definition, if it is one.
    pub fn service(&self) -> Option<&ServiceDefinition> {
        match self {
            Self::Service(service) => Some(service),
            Self::Manifests(_) => None,
        }
    }

    /// Returns the manifests, if it is some.
    pub fn manifests(&self) -> Option<&ManifestSet> {
        match self {
            Self::Service(_) => None,
            Self::Manifests(manifests) => Some(manifests),
        }
    }

    /// Returns the namespace that it is for; none where it is for the session's.
    pub fn namespace(&self) -> Option<Namespace> {
        match self {
            Self::Service(service) => service.namespace.clone(),
            Self::Manifests(manifests) => manifests.namespace(),
        }
    }

    /// Returns the uid of `kube-system` of the only cluster that it may be deployed to.
    pub fn cluster(&self) -> Option<&str> {
        self.service()?.cluster.as_deref()
    }

    /// Returns the image of its first container.
    pub fn image(&self) -> Option<&str> {
        match self {
            Self::Service(service) => Some(&service.containers.first()?.image),
            Self::Manifests(manifests) => manifests.image(),
        }
    }

    /// Returns its display name.
    pub fn display_name(&self) -> Option<&str> {
        self.service()?.display_name.as_deref()
    }

    /// Returns how long an instance lives, as it is written.
    pub fn expires(&self) -> Option<&str> {
        let life = self.service()?.expires.as_ref()?;
        Some(&life.text)
    }

    /// Tells whether a teardown needs the typed ID everywhere.
    pub fn is_protected(&self) -> bool {
        match self {
            Self::Service(service) => service.protected,
            Self::Manifests(manifests) => manifests.is_protected(),
        }
    }

    /// Returns the labels by which selectors choose an instance of it.
    pub fn labels(&self) -> BTreeMap<String, String> {
        match self {
            Self::Service(service) => service.labels.clone(),
            Self::Manifests(manifests) => manifests.common_labels(),
        }
    }
}
