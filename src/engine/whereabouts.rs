//! Which cluster it is, whatever it is called: the uid of the namespace `kube-system`, which no other cluster has.

use super::metadata::{Metadata, cluster_key};
use crate::cluster::Cluster;
use crate::failure::{Failure, FailureKind};

/// The namespace that every cluster has from its beginning to its end.
const NAMESPACE: &str = "kube-system";

/// Returns the uid of a cluster; none where this user may not read it, or where there is nothing to tell by.
///
/// # Errors
/// The cluster cannot be reached.
pub async fn cluster_uid(cluster: &Cluster) -> Result<Option<String>, Failure> {
    match cluster.get(&cluster_key("Namespace", NAMESPACE)).await {
        Ok(found) => Ok(found.map(|found| Metadata::of(&found).uid().to_owned())),
        Err(failure) if failure.kind == FailureKind::Forbidden => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Refuses where the cluster is another one than the one that was shown: behind one address there may be several, one after
/// the other.
///
/// # Errors
/// It is another one, or nobody can say any more, or it cannot be reached.
pub async fn same_cluster(cluster: &Cluster, shown: Option<&str>) -> Result<(), Failure> {
    let Some(shown) = shown else {
        return Ok(());
    };
    let name = &cluster.identity().context;
    let summary = match cluster_uid(cluster).await? {
        Some(uid) if uid == shown => return Ok(()),
        Some(uid) => format!(
            "{name} is another cluster now ({NAMESPACE} is {uid}) than the one that this was planned on ({shown})"
        ),
        None => format!(
            "nobody can say any more whether {name} is the cluster that this was planned on ({shown})"
        ),
    };
    Err(Failure {
        detail: "nothing was written: plan anew".to_owned(),
        ..Failure::new(FailureKind::Refused, summary)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::mock::{self, Reply};

    /// Returns what a write meets where this was shown and the cluster says that now.
    async fn check(shown: Option<&str>, now: Option<&'static str>, is_refused: bool) {
        let (cluster, _) = mock::cluster(move |_| match now {
            Some(uid) => Reply::json(
                200,
                json!({
                    "apiVersion": "v1", "kind": "Namespace",
                    "metadata": {"name": "kube-system", "uid": uid},
                }),
            ),
            None => Reply::status(403, "forbidden"),
        });
        let met = same_cluster(&cluster, shown).await;
        let kind = met.err().map(|failure| failure.kind);
        assert_eq!(
            kind,
            is_refused.then_some(FailureKind::Refused),
            "{shown:?} {now:?}"
        );
    }

    #[tokio::test]
    async fn nothing_is_written_where_the_cluster_is_another_one() {
        check(Some("5f0c"), Some("5f0c"), false).await;
        check(Some("5f0c"), Some("77e1"), true).await;
        check(Some("5f0c"), None, true).await;
        // Who could never say goes on: it is a guard against slips.
        check(None, Some("77e1"), false).await;
        check(None, None, false).await;
    }
}
