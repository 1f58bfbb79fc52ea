//! Claims: templates of a `StatefulSet`, and claims that all replicas share.

use serde_json::{Value, json};

use super::metadata::Renderer;
use crate::definition::naming;
use crate::definition::object::Object;
use crate::definition::service::{ClaimSpec, VolumeSource};

impl Renderer<'_> {
    /// The claims that stand on their own.
    pub(super) fn claims(&self) -> Vec<Object> {
        self.sized_volumes(true)
            .map(|(name, claim)| {
                let claim_name = naming::shared_claim(&self.context.id, name);
                self.object(
                    "v1",
                    "PersistentVolumeClaim",
                    &claim_name,
                    json!({"spec": claim_spec(claim)}),
                )
            })
            .collect()
    }

    /// The templates from which a `StatefulSet` makes claims.
    pub(super) fn claim_templates(&self) -> Vec<Value> {
        self.sized_volumes(false)
            .map(|(name, claim)| {
                json!({
                    "metadata": {"name": name, "labels": self.selector()},
                    "spec": claim_spec(claim),
                })
            })
            .collect()
    }

    /// Tells whether pods of two revisions cannot run at once because one claim cannot be held by both.
    pub(super) fn has_exclusive_claim(&self) -> bool {
        self.sized_volumes(true)
            .any(|(_, claim)| claim.access_mode.is_exclusive())
    }

    fn sized_volumes(&self, is_shared: bool) -> impl Iterator<Item = (&str, &ClaimSpec)> {
        self.definition
            .volumes
            .iter()
            .filter_map(move |volume| match &volume.source {
                VolumeSource::Claim(claim) if self.definition.is_shared(volume) == is_shared => {
                    Some((volume.name.as_str(), claim))
                }
                _ => None,
            })
    }
}

fn claim_spec(claim: &ClaimSpec) -> Value {
    let mut spec = json!({
        "accessModes": [claim.access_mode.as_str()],
        "resources": {"requests": {"storage": claim.size}},
    });
    if let Some(class) = &claim.storage_class {
        spec["storageClassName"] = json!(class);
    }
    spec
}
