//! Checking a text by the schemas of the cluster that it is for: custom kinds too, each fault with its place.
//!
//! Only documents of the groups and versions that the text names are asked for, and those that are kept on disk are not. What
//! the cluster does not tell is checked by the schemas that are built in. Nothing is written.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{StreamExt, stream};

use super::rendering;
use crate::cluster::{Cluster, SchemaCache};
use crate::definition::Definition;
use crate::definition::check::{CheckContext, Checked, SchemaSource, check};
use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::failure::Failure;
use crate::schema::ClusterSchemas;

/// How many documents are asked for at once.
const AT_ONCE: usize = 4;

/// A text that was checked by a cluster's schemas.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedOnline {
    /// What was found.
    pub checked: Checked,
    /// Says that schemas could not be read, so that the built-in ones held.
    pub remark: Option<String>,
}

/// Checks a text by the schemas of the cluster, where it is one that schemas check.
pub async fn check_online(
    cluster: &Cluster,
    text: &str,
    context: CheckContext,
    cache: Option<&SchemaCache>,
) -> CheckedOnline {
    let checked = check(text, &context);
    if checked.api_versions.is_empty() {
        return CheckedOnline {
            checked,
            remark: None,
        };
    }
    let (schemas, failure) = fetch(cluster, &checked.api_versions, cache).await;
    let unserved = unserved(cluster, checked.definition.as_ref()).await;
    let remark = failure.map(|failure| {
        format!(
            "the schemas of the cluster cannot be read, and those that are built in were used: {}",
            failure.summary
        )
    });
    let checked = match schemas.is_empty() {
        true => checked,
        false => check(
            text,
            &CheckContext {
                schemas: SchemaSource::Cluster(schemas),
                ..context
            },
        ),
    };
    CheckedOnline {
        checked: refusing(checked, unserved),
        remark,
    }
}

/// Returns a fault for each object whose kind the cluster does not serve; none where it cannot say, which whoever plans is told.
async fn unserved(cluster: &Cluster, definition: Option<&Definition>) -> Vec<Diagnostic> {
    match definition.and_then(Definition::manifests) {
        Some(set) => rendering::unserved(cluster, set).await.unwrap_or_default(),
        None => Vec::new(),
    }
}

/// Puts faults of kinds in the place of the doubts that a check without the cluster's word had about them.
fn refusing(mut checked: Checked, faults: Vec<Diagnostic>) -> Checked {
    if faults.is_empty() {
        return checked;
    }
    let set = checked.definition.take();
    let manifests = set.iter().filter_map(Definition::manifests);
    let objects = manifests.flat_map(|set| &set.manifests);
    let begins: BTreeSet<usize> = objects.map(|it| it.span.start.line).collect();
    let is_unserved = |line: usize| {
        let begin = begins.range(..=line).next_back();
        faults
            .iter()
            .any(|fault| Some(&fault.span.start.line) == begin)
    };
    let is_doubt = |it: &Diagnostic| {
        let is_of_kind = it.path.ends_with("kind") || it.path.ends_with("apiVersion");
        it.severity == Severity::Warning && is_of_kind && is_unserved(it.span.start.line)
    };
    checked.diagnostics.retain(|it| !is_doubt(it));
    checked.diagnostics.extend(faults);
    let place = |it: &Diagnostic| (it.span.start.line, it.span.start.column);
    checked.diagnostics.sort_by_key(place);
    checked
}

/// Returns the documents that the cluster has of these groups and versions, and the first failure to read one.
async fn fetch(
    cluster: &Cluster,
    api_versions: &BTreeSet<String>,
    cache: Option<&SchemaCache>,
) -> (ClusterSchemas, Option<Failure>) {
    let index = match cluster.open_api().await {
        Ok(index) => index,
        Err(failure) => return (ClusterSchemas::default(), Some(failure)),
    };
    let index = &index;
    // Owned, so that what awaits this can be spawned.
    let api_versions: Vec<String> = api_versions.iter().cloned().collect();
    let answers = stream::iter(api_versions).map(|api_version| async move {
        let document = cluster.schemas(index, &api_version, cache).await?;
        Ok(document.map(|document| (api_version, Arc::new(document))))
    });
    let answers: Vec<Result<_, Failure>> = answers.buffered(AT_ONCE).collect().await;
    let mut failure = None;
    let mut schemas = ClusterSchemas::default();
    for answer in answers {
        match answer {
            Ok(document) => schemas.extend(document),
            Err(one) => drop(failure.get_or_insert(one)),
        }
    }
    (schemas, failure)
}
