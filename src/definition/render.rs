//! Rendering: a definition under an ID to the Kubernetes objects of an instance.
//!
//! Pure and deterministic: the same definition and context give the same bytes. It never reads the values of secrets, so
//! the Secrets that an apply makes from them are referenced and not among the objects.

use std::collections::BTreeMap;

use super::diagnostic::Diagnostic;
use super::id::{InstanceId, Namespace};
use super::object::Object;
use super::service::ServiceDefinition;

/// What a definition is rendered under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderContext {
    /// The ID of the instance.
    pub id: InstanceId,
    /// The file name of the definition in the catalogue.
    pub definition_name: InstanceId,
    /// The namespace of every object.
    pub namespace: Namespace,
    /// Parameters that were set by hand (`--set`).
    pub parameters: BTreeMap<String, String>,
    /// The host of Ingresses whose definition names none.
    pub ingress_host: Option<String>,
    /// Short names for GPU resources, from the configuration.
    pub gpus: BTreeMap<String, String>,
    /// The number of replicas to render instead of the definition's, as `scale` does.
    pub replicas: Option<u32>,
}

impl RenderContext {
    /// Returns the context of a definition deployed under its own name, with nothing set.
    pub fn new(id: InstanceId, namespace: Namespace) -> Self {
        Self {
            definition_name: id.clone(),
            id,
            namespace,
            parameters: BTreeMap::new(),
            ingress_host: None,
            gpus: BTreeMap::new(),
            replicas: None,
        }
    }
}

/// The objects of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// In the order in which they are applied: `ConfigMaps`, claims, Services, workload, Ingress.
    pub objects: Vec<Object>,
    /// Sentences for the person who applies.
    pub warnings: Vec<String>,
}

/// Renders a definition; faults that only show under this ID and these parameters are returned with their places.
pub fn render(
    _definition: &ServiceDefinition,
    _context: &RenderContext,
) -> Result<Rendered, Vec<Diagnostic>> {
    Ok(Rendered {
        objects: Vec::new(),
        warnings: Vec::new(),
    })
}
