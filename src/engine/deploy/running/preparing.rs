//! Making again what a plan was made of, from what was asked for: what is not what was shown is not carried out.

use crate::cluster::Cluster;
use crate::definition::id::Namespace;
use crate::definition::object::{Object, ObjectKey};
use crate::definition::render::Rendered;
use crate::engine::deploy::{DeployRequest, storage};
use crate::engine::plan::{Change, DeployPlan, PlannedObject};
use crate::engine::preflight::refused;
use crate::engine::record::Extent;
use crate::engine::rendering::rendered;
use crate::engine::revision::Snapshot;
use crate::engine::secrets;
use crate::failure::{Failure, FailureKind};

/// What is needed to carry out a plan, made again from what was asked for.
pub(super) struct Prepared {
    pub(super) rendered: Rendered,
    pub(super) snapshot: Snapshot,
}

impl Prepared {
    pub(super) fn extent(&self, own: &Namespace) -> Extent {
        Extent::of(&self.rendered.objects, own)
    }

    pub(super) fn object(&self, key: &ObjectKey) -> Option<&Object> {
        self.rendered
            .objects
            .iter()
            .find(|object| object.key == *key)
    }
}

pub(super) async fn prepare(
    cluster: &Cluster,
    request: &DeployRequest,
    plan: &DeployPlan,
) -> Result<Prepared, Failure> {
    let composed = secrets::compose(cluster, request).await?;
    let revision = composed.revision();
    if let Some(key) = composed.hidden.first() {
        let summary = format!("this user may not read {key}");
        return Err(Failure::new(FailureKind::Forbidden, summary));
    }
    if let Some(refusal) = composed.refusals.into_iter().next() {
        return Err(refusal);
    }
    let snapshot = Snapshot::pack(&request.text, &request.parameters)?;
    let is_what_was_shown =
        snapshot.text_hash() == plan.text_hash && request.instance() == plan.instance;
    let mut rendered = rendered(cluster, request, composed.secrets)
        .await?
        .map_err(|_| refused("the definition has faults"))?;
    storage::hold(&mut rendered.objects, &plan.storage);
    let planned = plan.objects.iter().filter(|object| is_made(object));
    let is_complete = rendered
        .objects
        .iter()
        .all(|object| planned.clone().any(|planned| planned.key == object.key));
    if !is_what_was_shown || !is_complete {
        return Err(refused(
            "the definition is not the one that was planned: plan again",
        ));
    }
    if revision != plan.secret_revision {
        return Err(refused(
            "the values of its secrets were changed after it was planned: plan again",
        ));
    }
    Ok(Prepared { rendered, snapshot })
}

/// Tells whether the definition makes this object, as far as a plan says.
fn is_made(object: &PlannedObject) -> bool {
    !matches!(object.change, Change::Delete | Change::Keep)
}
