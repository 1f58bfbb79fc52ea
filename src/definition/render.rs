//! Rendering: a definition under an ID to the Kubernetes objects of an instance.
//!
//! Pure and deterministic: the same definition and context give the same bytes. It never reads the values of secrets: the
//! Secrets of an instance are among the objects only where the context brings what is in them.

mod config;
mod ingress;
mod manifests;
mod metadata;
mod pod;
mod secrets;
mod service;
mod storage;
mod workload;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::Definition;
use super::check::{CheckContext, SchemaSource, check_for_render};
use super::diagnostic::Diagnostic;
use super::id::{InstanceId, Namespace};
use super::manifest::Scopes;
use super::object::Object;
use super::policy::Policy;
use super::service::{PullSecret, ServiceDefinition};
use metadata::Renderer;
pub use secrets::SecretContent;
pub(super) use service::service_port_names;

/// What a definition is rendered under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderContext {
    /// The ID of the instance.
    pub id: InstanceId,
    /// The file name of the definition in the catalogue.
    pub definition_name: InstanceId,
    /// The namespace of the instance, whatever the definition says. Only manifests may name others.
    pub namespace: Namespace,
    /// Parameters that were set by hand (`--set`).
    pub parameters: BTreeMap<String, String>,
    /// The host of Ingresses whose definition names none.
    pub ingress_host: Option<String>,
    /// Short names for GPU resources, from the configuration.
    pub gpus: BTreeMap<String, String>,
    /// The number of replicas to render instead of the definition's, as `scale` does.
    pub replicas: Option<u32>,
    /// The Secrets of the instance, where their values are known.
    pub secrets: Vec<SecretContent>,
    /// Which kinds of manifests live in namespaces, where a cluster was asked.
    pub scopes: Scopes,
    /// What manifests may touch beside the instance's namespace.
    pub policy: Policy,
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
            secrets: Vec::new(),
            scopes: Scopes::default(),
            policy: Policy::default(),
        }
    }
}

/// The objects of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// In the order in which they are applied: what is referred to comes before what refers to it.
    pub objects: Vec<Object>,
    /// Sentences for the person who applies.
    pub warnings: Vec<String>,
}

/// Renders a definition.
///
/// # Errors
/// Faults that show only under this context, with their places.
pub fn render(
    definition: &Definition,
    context: &RenderContext,
) -> Result<Rendered, Vec<Diagnostic>> {
    match definition {
        Definition::Service(service) => render_service(service, context),
        Definition::Manifests(set) => manifests::render(set, context),
    }
}

/// Renders a service definition. Its text is read anew under this ID, namespace and these parameters; faults that show only
/// then are returned with their places.
fn render_service(
    definition: &ServiceDefinition,
    context: &RenderContext,
) -> Result<Rendered, Vec<Diagnostic>> {
    let check_context = CheckContext {
        gpus: context.gpus.clone(),
        id: Some(context.id.clone()),
        namespace: None,
        parameters: context.parameters.clone(),
        policy: context.policy.clone(),
        schemas: SchemaSource::default(),
    };
    let checked = check_for_render(
        definition.source(),
        &check_context,
        &context.namespace,
        context.replicas,
    );
    let Some(Definition::Service(definition)) = checked.definition else {
        return Err(checked.diagnostics);
    };
    let renderer = Renderer::new(&definition, context);
    let mut objects = renderer.config_maps();
    objects.extend(renderer.secrets());
    objects.extend(renderer.claims());
    objects.extend(renderer.services());
    objects.push(renderer.workload());
    objects.extend(renderer.ingress());
    Ok(Rendered {
        objects,
        warnings: renderer.warnings(),
    })
}

impl Renderer<'_> {
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let id = &self.context.id;
        let is_missing = |name: &str| !self.context.secrets.iter().any(|one| one.name == name);
        let name = super::naming::secret(id);
        if !self.definition.secrets.is_empty() && is_missing(&name) {
            warnings.push(format!(
                "Secret {name} is referenced but not shown: its values are read when applying"
            ));
        }
        let name = super::naming::pull_secret(id);
        let has_credentials = matches!(
            self.definition.pull_secret,
            Some(PullSecret::Credentials { .. })
        );
        if has_credentials && is_missing(&name) {
            warnings.push(format!(
                "Secret {name} is referenced but not shown: its password is read when applying"
            ));
        }
        if self.definition.exposure.is_some() && self.host().is_none() {
            warnings.push(format!(
                "Ingress {id} has no host and answers on every host of the cluster: set exposed_hostname, or ingress.host in the \
                 configuration"
            ));
        }
        warnings
    }
}
