//! What this user may do in a namespace, in the coarse: enough to say beforehand what cannot be done there. Each plan asks exactly.

use std::collections::BTreeSet;

use super::preflight;
use crate::cluster::{Access, Cluster};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::failure::Failure;
use crate::service::rights::Rights;

/// Asks what this user may do in a namespace: one review.
///
/// # Errors
/// The server does not answer.
pub async fn rights(cluster: &Cluster, namespace: &Namespace) -> Result<Rights, Failure> {
    let access = |verb, group, kind| Access {
        verb,
        kind: GroupKind::new(group, kind),
        subresource: None,
        namespace: Some(namespace.to_string()),
    };
    // Records are ConfigMaps: every operation notes itself in one.
    let notes = access("patch", "", "ConfigMap");
    let takes_down = access("delete", "", "ConfigMap");
    let routes = access("patch", "networking.k8s.io", "Ingress");
    let wanted = BTreeSet::from([notes.clone(), takes_down.clone(), routes.clone()]);
    let missing = preflight::forbidden(cluster, wanted).await?;
    let may = |access| !missing.contains(access);
    Ok(Rights {
        may_operate: may(&notes),
        may_take_down: may(&takes_down),
        may_route: may(&routes),
    })
}
