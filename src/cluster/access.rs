//! Permissions: what this user may do, asked before the first write of an operation.

use futures::StreamExt;
use futures::stream;
use serde_json::{Value, json};

use super::kinds;
use super::{Cluster, MAX_IN_FLIGHT};
use crate::definition::object::GroupKind;
use crate::failure::Failure;

const REVIEW: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// Something that a user may or may not do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// `get`, `list`, `watch`, `create`, `patch`, `delete`.
    pub verb: &'static str,
    /// To which kind.
    pub kind: GroupKind,
    /// In which namespace; none for cluster-scoped kinds.
    pub namespace: Option<String>,
}

impl Cluster {
    /// Tells for each access whether the server allows it, in the same order (`SelfSubjectAccessReview`).
    ///
    /// # Errors
    /// The server refuses the review itself, or has not answered after the deadline.
    pub async fn can(&self, accesses: &[Access]) -> Result<Vec<bool>, Failure> {
        let reviews = stream::iter(accesses)
            .map(|access| self.may(access))
            .buffered(MAX_IN_FLIGHT);
        reviews.collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn may(&self, access: &Access) -> Result<bool, Failure> {
        let resource = kinds::resource(&access.kind.group, &access.kind.kind)?;
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": access.verb,
                "group": resource.group,
                "resource": resource.plural,
                "namespace": access.namespace.as_deref().unwrap_or_default(),
            }},
        });
        let answer = self
            .ask_review("ask for permissions", REVIEW, &review)
            .await?;
        Ok(answer
            .pointer("/status/allowed")
            .and_then(Value::as_bool)
            .unwrap_or(false))
    }
}
