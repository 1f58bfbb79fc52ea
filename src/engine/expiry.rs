//! Which instances have outlived what their definitions allow, counted from the first apply: the age of the record.

use jiff::Timestamp;

use super::metadata::Metadata;
use super::selection;
use crate::cluster::{Cluster, Selector};
use crate::definition::check::parse_duration;
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object};
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

/// An instance whose time is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The instance.
    pub instance: InstanceKey,
    /// When its time was over.
    pub at: Timestamp,
}

/// Returns the instances whose time is over, of a namespace or of all that may be looked into, the longest expired first; and
/// what of all is not. `now` is asked once the records are there: no earlier is the server's clock known.
///
/// # Errors
/// The records cannot be listed.
pub async fn expired(
    cluster: &Cluster,
    namespace: Option<&Namespace>,
    now: impl FnOnce() -> Timestamp,
) -> Result<(Vec<Expired>, Option<Failure>), Failure> {
    let across = cluster.across(namespace, |cluster, namespace| async move {
        let kind = GroupKind::new("", "ConfigMap");
        let selector = Selector::records();
        cluster
            .list_metadata(&kind, namespace.as_ref(), &selector)
            .await
    });
    let mut records = across.await?;
    let unseen = records.unseen.take();
    let now = now();
    let mut expired: Vec<Expired> = records
        .into_answers()
        .flatten()
        .filter_map(|record| {
            let instance = selection::instance(&record)?;
            let at = end_of(&record)?;
            (at <= now).then_some(Expired { instance, at })
        })
        .collect();
    expired.sort_by(|a, b| (a.at, &a.instance).cmp(&(b.at, &b.instance)));
    Ok((expired, unseen))
}

/// Returns when the time of a record's instance is over; none if it lives as long as it is wanted.
fn end_of(record: &Object) -> Option<Timestamp> {
    let lifetime = Metadata::of(record).annotation(naming::ANNOTATION_EXPIRES)?;
    let created = record.json["metadata"]["creationTimestamp"].as_str()?;
    let created: Timestamp = created.parse().ok()?;
    created.checked_add(parse_duration(lifetime)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::mock::{self, Reply};

    /// A machine that is fast takes nothing down that has time left.
    #[tokio::test]
    async fn the_servers_clock_says_what_has_expired() {
        let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "items": [{
            "metadata": {
                "name": "bowline-web", "namespace": "team-a", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web"},
                "annotations": {"bowline.dev/expires": "8h"},
            },
        }]});
        for (date, expected) in [
            ("Thu, 01 Jan 2026 07:59:00 GMT", 0),
            ("Thu, 01 Jan 2026 08:01:00 GMT", 1),
        ] {
            let body = list.clone();
            let (cluster, _) =
                mock::cluster(move |_| Reply::json(200, &body).with_header("date", date));
            let namespace = "team-a".parse().unwrap();
            let found = expired(&cluster, Some(&namespace), || cluster.now()).await;
            assert_eq!(found.unwrap().0.len(), expected, "{date}");
        }
    }

    fn check(created: &str, lifetime: Option<&str>, expected: Option<&str>) {
        let record = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": "bowline-web", "creationTimestamp": created,
                "annotations": {"bowline.dev/expires": lifetime},
            },
        });
        let end = end_of(&Object::from_json(record).unwrap());
        assert_eq!(end.map(|end| end.to_string()).as_deref(), expected);
    }

    #[test]
    fn time_counts_from_the_first_apply() {
        let created = "2026-01-01T20:00:00Z";
        check(created, Some("8h"), Some("2026-01-02T04:00:00Z"));
        check(created, Some("90s"), Some("2026-01-01T20:01:30Z"));
        check(created, None, None);
        // What nobody can read lets nothing be taken down.
        check(created, Some("soon"), None);
        check("yesterday", Some("8h"), None);
    }
}
