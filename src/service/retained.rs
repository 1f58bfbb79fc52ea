//! Volumes that teardowns retained: what is left of claims that are gone, with the data. Pure.
//!
//! They bear labels of the instance that they are from, by which a deploy of it finds them and somebody can release them.

use jiff::Timestamp;
use serde_json::Value;

use super::summary::InstanceKey;
use crate::definition::naming;
use crate::text;

/// A volume that a teardown set to Retain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedVolume {
    /// The instance that it is from.
    pub instance: InstanceKey,
    /// Name of the claim that it was bound to.
    pub claim: String,
    /// Name of the volume.
    pub volume: String,
    /// Its size.
    pub size: String,
    /// `Released`, `Available` where it is free for its claim already, `Failed` where its storage could not be freed, or `Bound`
    /// once a claim has it again.
    pub phase: String,
    /// Its class.
    pub storage_class: Option<String>,
    /// What becomes of its storage where it is released, as things are.
    pub reclaim_policy: Option<String>,
    /// What its policy was before it was retained, where that is known.
    pub former_policy: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// Whether it is being deleted.
    pub is_going: bool,
}

impl RetainedVolume {
    /// Reads a volume by its JSON; none if its labels do not say that it was retained.
    pub fn of(volume: &Value) -> Option<Self> {
        let text = |pointer: &str| {
            let text = volume.pointer(pointer).and_then(Value::as_str);
            text::clean(text.unwrap_or_default()).into_owned()
        };
        let some = |pointer: &str| Some(text(pointer)).filter(|text| !text.is_empty());
        let metadata = &volume["metadata"];
        let label = |key: &str| metadata["labels"][key].as_str();
        if label(naming::LABEL_MANAGED_BY) != Some(naming::MANAGED_BY) {
            return None;
        }
        let former = metadata["annotations"][naming::ANNOTATION_RECLAIM_POLICY].as_str();
        Some(Self {
            instance: InstanceKey {
                namespace: label(naming::LABEL_VOLUME_NAMESPACE)?.parse().ok()?,
                id: label(naming::LABEL_INSTANCE)?.parse().ok()?,
            },
            claim: text("/spec/claimRef/name"),
            volume: text("/metadata/name"),
            size: text("/spec/capacity/storage"),
            phase: text("/status/phase"),
            storage_class: some("/spec/storageClassName"),
            reclaim_policy: some("/spec/persistentVolumeReclaimPolicy"),
            former_policy: former.map(|it| text::clean(it).into_owned()),
            created: text("/metadata/creationTimestamp")
                .parse()
                .unwrap_or_default(),
            is_going: metadata["deletionTimestamp"].is_string(),
        })
    }

    /// Tells whether no claim holds it.
    pub fn is_unclaimed(&self) -> bool {
        matches!(self.phase.as_str(), "Released" | "Available" | "Failed")
    }

    /// Tells whether its storage goes with it where it is released: as its policy said before it was retained.
    pub fn goes_with_data(&self) -> bool {
        [&self.former_policy, &self.reclaim_policy]
            .into_iter()
            .any(|policy| policy.as_deref() == Some(naming::RECLAIM_DELETE))
    }

    /// Returns the word for how it is.
    pub fn state(&self) -> &'static str {
        match (self.is_going, self.phase.as_str()) {
            (true, _) => "Terminating",
            (false, "Failed") => "Failed",
            (false, _) => "Retained",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn volume() -> Value {
        json!({
            "metadata": {
                "name": "pv-1", "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "db",
                    "bowline.dev/namespace": "team-a", "bowline.dev/claim": "data-db-0"},
                "annotations": {"bowline.dev/reclaim-policy": "Delete"},
            },
            "spec": {"capacity": {"storage": "1Gi"}, "storageClassName": "fast",
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": {"namespace": "team-a", "name": "data-db-0", "uid": "c"}},
            "status": {"phase": "Released"},
        })
    }

    #[test]
    fn labels_say_from_what_a_volume_was_retained() {
        let read = RetainedVolume::of(&volume()).unwrap();
        assert_eq!(
            read,
            RetainedVolume {
                instance: InstanceKey {
                    namespace: "team-a".parse().unwrap(),
                    id: "db".parse().unwrap(),
                },
                claim: "data-db-0".to_owned(),
                volume: "pv-1".to_owned(),
                size: "1Gi".to_owned(),
                phase: "Released".to_owned(),
                storage_class: Some("fast".to_owned()),
                reclaim_policy: Some("Retain".to_owned()),
                former_policy: Some("Delete".to_owned()),
                created: "2026-01-01T00:00:00Z".parse().unwrap(),
                is_going: false,
            }
        );
        assert!(read.is_unclaimed() && read.goes_with_data());
    }

    #[test]
    fn what_is_bound_or_not_ours_is_not_left_over() {
        let with = |pointer: &str, value: &str| {
            let mut volume = volume();
            *volume.pointer_mut(pointer).unwrap() = json!(value);
            RetainedVolume::of(&volume)
        };
        assert!(!with("/status/phase", "Bound").unwrap().is_unclaimed());
        let label = "/metadata/labels/app.kubernetes.io~1managed-by";
        assert_eq!(with(label, "Helm"), None);
        let label = "/metadata/labels/app.kubernetes.io~1instance";
        assert_eq!(with(label, "Not An ID"), None);
        let former = "/metadata/annotations/bowline.dev~1reclaim-policy";
        assert!(!with(former, "Retain").unwrap().goes_with_data());
    }
}
