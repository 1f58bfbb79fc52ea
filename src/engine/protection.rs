//! Where all that runs is protected: read once for a list or a page, so that both say what every plan will.

use std::collections::BTreeSet;

use super::metadata::Metadata;
use super::preflight;
use crate::cluster::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::protection::Protection;
use crate::service::watch::Scope;

/// Returns where in a scope all is protected; nothing where this user may not read it.
///
/// # Errors
/// The cluster cannot be reached.
pub async fn protection(cluster: &Cluster, scope: &Scope) -> Result<Protection, Failure> {
    match scope {
        Scope::Namespace(namespace) => of_namespaces(cluster, &[namespace.clone()].into()).await,
        Scope::All => Ok(everywhere(cluster).await?.unwrap_or_default()),
    }
}

/// Returns which of some namespaces are protected: one list where they are several, as far as they may be listed.
///
/// # Errors
/// The cluster cannot be reached.
pub async fn of_namespaces(
    cluster: &Cluster,
    namespaces: &BTreeSet<Namespace>,
) -> Result<Protection, Failure> {
    if namespaces.len() > 1
        && let Some(known) = everywhere(cluster).await?
    {
        return Ok(known);
    }
    let mut covered = Vec::new();
    for namespace in namespaces {
        if preflight::is_protected(cluster, namespace.as_str()).await? {
            covered.push(namespace.to_string());
        }
    }
    Ok(Protection::of(covered))
}

/// Tells whether one of the places in which something is written is protected.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn is_any(cluster: &Cluster, places: BTreeSet<&str>) -> Result<bool, Failure> {
    for place in places {
        if preflight::is_protected(cluster, place).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads all namespaces; none where this user may not list them.
async fn everywhere(cluster: &Cluster) -> Result<Option<Protection>, Failure> {
    if cluster.guard().is_protected {
        return Ok(Some(Protection::everywhere()));
    }
    let kind = GroupKind::new("", "Namespace");
    let all = Selector::everything();
    match cluster.list_metadata(&kind, None, &all).await {
        Ok(all) => {
            let covered = all.into_iter().filter(says_so);
            Ok(Some(Protection::of(covered.map(|it| it.key.name))))
        }
        Err(failure) if failure.kind == FailureKind::Forbidden => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Tells whether a namespace says that all that is in it is protected.
pub(super) fn says_so(namespace: &Object) -> bool {
    Metadata::of(namespace).annotation(naming::ANNOTATION_PROTECTED) == Some("true")
}

/// Tells whether a namespace that is there says so.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn of_namespace(
    cluster: &Cluster,
    namespace: &ObjectKey,
) -> Result<bool, Failure> {
    match cluster.get(namespace).await {
        Ok(live) => Ok(live.as_ref().is_some_and(says_so)),
        // Who may not read it is not held up by what it says: that is a guard against slips, not against people.
        Err(failure) if failure.kind == FailureKind::Forbidden => Ok(false),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::mock::{self, Reply};

    #[tokio::test]
    async fn who_is_not_known_to_the_server_learns_nothing_of_protection() {
        let check = async |code: u16, expected: Result<bool, FailureKind>| {
            let (cluster, _) = mock::cluster(move |_| Reply::status(code, "no"));
            let namespace = crate::engine::metadata::cluster_key("Namespace", "default");
            let told = of_namespace(&cluster, &namespace).await;
            assert_eq!(told.map_err(|failure| failure.kind), expected, "{code}");
        };
        check(403, Ok(false)).await;
        check(401, Err(FailureKind::Login)).await;
        check(404, Ok(false)).await;
    }
}
