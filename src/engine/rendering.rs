//! Rendering what was asked for under what this cluster is: manifests need to know which of their kinds live in namespaces.

use std::collections::BTreeSet;

use super::deploy::DeployRequest;
use crate::cluster::{Cluster, Served};
use crate::definition::Definition;
use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::definition::manifest::{Manifest, ManifestSet, Scopes};
use crate::definition::object::GroupKind;
use crate::definition::render::{RenderContext, Rendered, SecretContent, render};
use crate::failure::{Failure, FailureKind};

/// Renders what was asked for; the inner error is what is wrong with it.
///
/// # Errors
/// The cluster cannot be asked for its kinds.
pub(super) async fn rendered(
    cluster: &Cluster,
    request: &DeployRequest,
    secrets: Vec<SecretContent>,
) -> Result<Result<Rendered, Vec<Failure>>, Failure> {
    let context = match context(cluster, request, secrets).await? {
        Ok(context) => context,
        Err(faults) => return Ok(Err(faults)),
    };
    let rendered = render(&request.definition, &context);
    Ok(rendered.map_err(|faults| faults.iter().map(of_fault).collect()))
}

/// Returns what it is rendered under here; the inner error is what this cluster does not serve.
///
/// # Errors
/// The cluster cannot be asked for its kinds.
pub(super) async fn context(
    cluster: &Cluster,
    request: &DeployRequest,
    secrets: Vec<SecretContent>,
) -> Result<Result<RenderContext, Vec<Failure>>, Failure> {
    let mut context = request.render_context(secrets);
    context.policy = cluster.policy().clone();
    if let Definition::Manifests(set) = &request.definition {
        let served = cluster.served(&wanted(set)).await?;
        let faults = not_served(set, &served);
        if !faults.is_empty() {
            return Ok(Err(faults.iter().map(of_fault).collect()));
        }
        context.scopes = scopes(set, &served);
    }
    Ok(Ok(context))
}

/// Returns a fault for each object of a text whose kind the cluster does not serve and the text does not define.
///
/// # Errors
/// The cluster cannot be asked for its kinds.
pub(super) async fn unserved(
    cluster: &Cluster,
    set: &ManifestSet,
) -> Result<Vec<Diagnostic>, Failure> {
    let served = cluster.served(&wanted(set)).await?;
    Ok(not_served(set, &served))
}

fn wanted(set: &ManifestSet) -> BTreeSet<(GroupKind, String)> {
    let defined = set.defined_kinds();
    let kinds = set.manifests.iter().map(|manifest| {
        let key = &manifest.object.key;
        (GroupKind::of(key), key.version.clone())
    });
    kinds.filter(|(kind, _)| !defined.knows(kind)).collect()
}

fn scopes(set: &ManifestSet, served: &Served) -> Scopes {
    let mut scopes = Scopes::default();
    for (kind, version) in wanted(set) {
        if let Some(resource) = served.find(&kind, &version) {
            scopes.insert(kind, resource.is_namespaced);
        }
    }
    scopes
}

/// Returns a fault for each object whose kind the cluster does not serve and the text does not define.
fn not_served(set: &ManifestSet, served: &Served) -> Vec<Diagnostic> {
    let defined = set.defined_kinds();
    let is_known = |manifest: &&Manifest| {
        let key = &manifest.object.key;
        let kind = GroupKind::of(key);
        served.find(&kind, &key.version).is_some() || defined.knows(&kind)
    };
    let unknown = set.manifests.iter().filter(|manifest| !is_known(manifest));
    unknown
        .map(|manifest| {
            let key = &manifest.object.key;
            Diagnostic {
                severity: Severity::Error,
                path: "kind".to_owned(),
                span: manifest.span.clone(),
                message: served.explain(&GroupKind::of(key), &key.version),
                fix: None,
            }
        })
        .collect()
}

/// Returns a fault as a refusal that names its place.
pub(super) fn of_fault(fault: &Diagnostic) -> Failure {
    let start = fault.span.start;
    let summary = format!("line {}: {}", start.line, fault.message);
    Failure::new(FailureKind::Invalid, summary)
}
