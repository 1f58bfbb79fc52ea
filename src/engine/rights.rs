//! What this user may do in a namespace, in the coarse: enough to say beforehand what cannot be done there. Each plan asks exactly.

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
        name: None,
    };
    // Records are ConfigMaps: every operation notes itself in one.
    let notes = access("patch", "", "ConfigMap");
    let takes_down = access("delete", "", "ConfigMap");
    let routes = access("patch", "networking.k8s.io", "Ingress");
    // A right to objects of certain names is one: whose they are is for the plan to say.
    let allowed = cluster.can_to_some(&[notes, takes_down, routes]).await?;
    let may = |nth: usize| allowed.get(nth) == Some(&true);
    Ok(Rights {
        may_operate: may(0),
        may_take_down: may(1),
        may_route: may(2),
    })
}
