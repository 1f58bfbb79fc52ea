//! Claims that live sets made, by their names: whatever their labels say.

use std::collections::BTreeMap;

use super::lasting;
use crate::cluster::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::object::{CLAIM, GroupKind, Object};
use crate::failure::{Failure, FailureKind};

/// Returns the metadata of the claims that are there of these sets, each with the set that made it: one list a namespace. Where
/// claims may not be listed none are found.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn look<'s>(
    cluster: &Cluster,
    sets: Vec<&'s Object>,
) -> Result<Vec<(&'s Object, Object)>, Failure> {
    let mut by_namespace: BTreeMap<Namespace, Vec<&Object>> = BTreeMap::new();
    for set in sets {
        let namespace = set.key.namespace.as_deref().and_then(|it| it.parse().ok());
        if let Some(namespace) = namespace {
            by_namespace.entry(namespace).or_default().push(set);
        }
    }
    let (kind, everything) = (GroupKind::new("", CLAIM), Selector::everything());
    let mut found = Vec::new();
    for (namespace, sets) in by_namespace {
        let listed = cluster.list_metadata(&kind, Some(&namespace), &everything);
        let claims = match listed.await {
            Err(failure) if failure.kind == FailureKind::Forbidden => continue,
            claims => claims?,
        };
        let made = claims.into_iter().filter_map(|claim| {
            let mut makers = sets.iter().copied();
            let set = makers.find(|set| lasting::template_of(&claim.key, set).is_some())?;
            Some((set, claim))
        });
        found.extend(made);
    }
    Ok(found)
}
