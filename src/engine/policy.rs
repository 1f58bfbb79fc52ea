//! What an operation may touch outside of the instance's namespace, which only the configuration can allow. Pure.

use crate::definition::id::Namespace;
use crate::definition::object::ObjectKey;
use crate::definition::policy::Policy;

/// Returns why an object may not be touched; none if it may.
pub(super) fn out_of_policy(policy: &Policy, own: &Namespace, key: &ObjectKey) -> Option<String> {
    match &key.namespace {
        None if policy.allow_cluster_scoped => None,
        None => {
            Some("it is in no namespace, and [policy] allow_cluster_scoped is not set".to_owned())
        }
        Some(namespace) if policy.allows_namespace(own, namespace) => None,
        Some(namespace) => Some(format!(
            "it is in namespace {namespace}, which is not among [policy] allow_namespaces"
        )),
    }
}
