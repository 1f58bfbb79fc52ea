//! The part of a deploy that is about storage: volumes are bound again and claims grow before any object is written, and claims
//! are kept from going with a `StatefulSet` that is made anew or left the definition.

use crate::cluster::Cluster;
use crate::definition::object::Object;
use crate::engine::journal::Journal;
use crate::engine::operation::Lease;
use crate::engine::plan::{Change, DeployPlan, PlannedObject};
use crate::engine::progress::Step;
use crate::engine::remedy::StoragePlan;
use crate::engine::retention::{self, Leaver};
use crate::engine::{binding, frozen, growth};
use crate::failure::Failure;

use super::running::{heed, may_begin};

/// The kind whose objects may take claims along.
pub(super) const SET: &str = "StatefulSet";

/// Carries out the storage part of a plan.
pub(super) struct StorageRun<'a> {
    pub cluster: &'a Cluster,
    pub plan: &'a DeployPlan,
    pub lease: &'a Lease<'a>,
}

impl StorageRun<'_> {
    /// Does what has to be done before objects are written. A failure stops them: a claim without its volume would get an empty
    /// one, and a workload that is made anew could take its claims along.
    pub async fn prepare(&self, stop: &mut Option<String>, journal: &mut Journal<'_>) {
        let StoragePlan { binds, growths, .. } = &self.plan.storage;
        for bind in binds {
            let step = Step::Bind(bind.volume.clone());
            let sentence = format!("free {} for claim {}", bind.volume, bind.claim);
            if may_begin(self.lease, &step, &sentence, stop, journal).await {
                journal.started(&step);
                let freed = binding::free(self.cluster, &self.plan.instance, bind, journal).await;
                let why = "not all volumes could be bound again";
                end(step, freed, why, stop, journal);
            }
        }
        for growth in growths {
            let step = Step::Grow(growth.claim.clone());
            let sentence = format!("grow {}", growth.claim);
            if may_begin(self.lease, &step, &sentence, stop, journal).await {
                journal.started(&step);
                let grown = growth::grow(self.cluster, &self.plan.instance, growth).await;
                end(step, grown, "not all claims could grow", stop, journal);
            }
        }
        self.keep_claims(stop, journal).await;
    }

    async fn keep_claims(&self, stop: &mut Option<String>, journal: &mut Journal<'_>) {
        let sets = self
            .plan
            .objects
            .iter()
            .filter(|object| object.change == Change::Recreate && object.key.kind == SET);
        for set in sets {
            heed(self.lease, stop);
            if stop.is_some() {
                return;
            }
            if let Err(failure) = self.keep_claims_of(set, journal).await {
                journal.failed(Step::Keep(set.key.clone()), failure);
                *stop = Some("the claims could not be made to stay".to_owned());
            }
        }
    }

    /// Lets a `StatefulSet` that is about to be deleted let go of its claims.
    pub async fn keep_claims_of(
        &self,
        set: &PlannedObject,
        journal: &mut Journal<'_>,
    ) -> Result<(), Failure> {
        let leaver = Leaver {
            instance: &self.plan.instance,
            key: &set.key,
            uid: set.live_uid.as_deref().unwrap_or_default(),
        };
        retention::keep_claims(self.cluster, leaver, Some(self.lease), journal).await
    }
}

fn end(
    step: Step,
    result: Result<(), Failure>,
    why: &str,
    stop: &mut Option<String>,
    journal: &mut Journal<'_>,
) {
    match result {
        Ok(()) => journal.done(step, None),
        Err(failure) => {
            journal.failed(step, failure);
            *stop = Some(why.to_owned());
        }
    }
}

/// Returns the steps that a plan takes for storage.
pub(super) fn steps(plan: &StoragePlan) -> impl Iterator<Item = Step> {
    let binds = plan.binds.iter().map(|it| Step::Bind(it.volume.clone()));
    let growths = plan.growths.iter().map(|it| Step::Grow(it.claim.clone()));
    binds.chain(growths)
}

/// Gives rendered objects the sizes and labels that stay as they are, as the plan showed them.
pub(super) fn hold(objects: &mut [Object], plan: &StoragePlan) {
    for held in &plan.held {
        let object = objects.iter_mut().find(|object| object.key == held.key);
        if let Some(object) = object {
            *object = frozen::with_size(object, held.template.as_deref(), &held.size);
        }
    }
    for held in &plan.held_labels {
        let object = objects.iter_mut().find(|object| object.key == held.key);
        if let Some(object) = object {
            *object = frozen::with_labels(object, std::slice::from_ref(held));
        }
    }
}
