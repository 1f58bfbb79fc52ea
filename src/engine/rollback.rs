//! Rollbacks: a kept revision, deployed again as a new one, and the pods that hang on the revision that is left.
//!
//! The text and the parameters that were kept are checked anew and planned as any deploy is. The pods go before the new
//! revision becomes the current one, so that a run that was interrupted finds the same target again.

mod hanging;

use std::collections::BTreeSet;

use super::again::{self, Former};
pub use super::again::{ReadSecrets, Surroundings};
use super::deploy::{DeployRequest, Report, RunOptions, Variant, plan_again, run_variant};
use super::history;
use super::plan::{Change, DeployPlan, PlannedObject};
use super::progress::Outcome;
use super::protection;
use super::record::{self, Record};
use crate::cluster::Cluster;
use crate::definition::object::ObjectKey;
use crate::failure::Failure;
use crate::service::protection::Caution;
use crate::service::summary::InstanceKey;

pub(super) use hanging::spared;

/// What is to be rolled back, to where and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackRequest {
    /// The instance.
    pub instance: InstanceKey,
    /// The revision to go back to; without it the last that was finished before what is there now.
    pub to: Option<u32>,
    /// Who rolls back, and under which settings.
    pub surroundings: Surroundings,
}

/// What a rollback would do, as shown for review.
#[derive(Debug, Clone, PartialEq)]
pub struct RollbackPlan {
    /// The revision that it goes back to.
    pub target: u32,
    /// What that revision keeps, as it is deployed again.
    pub request: DeployRequest,
    /// What deploying it would do.
    pub deploy: DeployPlan,
    /// Pods that hang on the revision that is left, and are deleted.
    pub hanging: Vec<HangingPod>,
    /// Why the typed ID is needed whatever the flags say.
    pub caution: Caution,
}

/// A pod that is not ready, of a `StatefulSet` that waits for it before it would ever replace it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HangingPod {
    /// What identifies it.
    pub key: ObjectKey,
    /// Its uid, sent as the precondition of its deletion.
    pub uid: String,
    /// Why it is not ready, where it says so.
    pub reason: Option<String>,
    /// The `StatefulSet` that it belongs to.
    pub(super) set: ObjectKey,
    pub(super) set_uid: String,
}

impl RollbackPlan {
    /// Tells whether running it would change nothing.
    pub fn is_noop(&self) -> bool {
        self.deploy.is_noop() && self.hanging.is_empty()
    }
}

/// Plans a rollback: what deploying the kept revision would do to each object, and which pods hang.
///
/// # Errors
/// There is no such revision, it is damaged, it is no legal definition any more, or the cluster cannot be reached.
pub async fn plan_rollback(
    cluster: &Cluster,
    wish: &RollbackRequest,
    read_secrets: ReadSecrets<'_>,
) -> Result<RollbackPlan, Failure> {
    let target = match wish.to {
        Some(target) => target,
        None => history::previous(cluster, &wish.instance).await?,
    };
    let kept = history::kept_revision(cluster, &wish.instance, target).await?;
    let former = Former {
        what: format!("revision {target} of {}", wish.instance),
        instance: wish.instance.clone(),
        name: kept.revision.definition,
        text: kept.text,
        parameters: kept.revision.parameters,
    };
    let cause = format!("rollback to r{target}");
    let mut request = again::request(
        former,
        &wish.surroundings,
        cluster.policy(),
        cause,
        read_secrets,
    )?;
    // Who goes back asks for no new passwords: whatever this shell's variables hold.
    request.secrets.keeps_live = !wish.surroundings.remedies.rotate_secrets;
    let mut deploy = plan_again(cluster, &request).await?;
    let hanging = hanging::find(cluster, &mut deploy).await?;
    let record = record::read(cluster, &wish.instance).await?;
    let mut caution = Caution::of_server(cluster.identity().is_insecure);
    caution.protect_if(
        record.as_ref().is_some_and(Record::is_protected)
            || protection::is_any(cluster, places(&deploy, &hanging)).await?,
    );
    let mut plan = RollbackPlan {
        target,
        request,
        deploy,
        hanging,
        caution,
    };
    plan.say_secrets();
    plan.leave_alone(record.as_ref());
    Ok(plan)
}

/// Returns the namespaces in which it changes something, its own among them.
fn places<'a>(deploy: &'a DeployPlan, hanging: &'a [HangingPod]) -> BTreeSet<&'a str> {
    let changed = deploy.objects.iter();
    let changed = changed.filter(|object| object.change != Change::Unchanged);
    let keys = changed.map(|object| &object.key);
    let keys = keys.chain(hanging.iter().map(|pod| &pod.key));
    let others = keys.filter_map(|key| key.namespace.as_deref());
    others.chain([deploy.instance.namespace.as_str()]).collect()
}

impl RollbackPlan {
    /// Says that values of secrets stay as they are, where they were ever changed.
    fn say_secrets(&mut self) {
        if self.deploy.secret_revision.is_some_and(|number| number > 1) {
            let warning = "the values of its secrets are not rolled back: no revision keeps them";
            self.deploy.warnings.push(warning.to_owned());
        }
    }

    /// Makes no revision of a rollback that leaves all to others that it would change.
    fn leave_alone(&mut self, record: Option<&Record>) {
        let deploy = &mut self.deploy;
        let current = record.filter(|record| record.operation().is_none());
        let Some(current) = current.and_then(Record::revision) else {
            return;
        };
        let stays =
            |object: &PlannedObject| object.change == Change::Unchanged && object.note.is_none();
        let is_left = !deploy.yielded.is_empty()
            && deploy.refusals.is_empty()
            && deploy.storage.is_empty()
            && deploy.objects.iter().all(stays);
        if is_left {
            deploy.is_record_exact = true;
            deploy.revision = current;
            deploy.warnings.push(format!(
                "nothing is rolled back: all that r{} has otherwise belongs to others, and is left to them",
                self.target
            ));
        }
    }
}

/// Carries out a rollback that was shown. It goes on past failures with what does not depend on them; a second run finishes
/// what was left.
pub async fn run_rollback(
    cluster: &Cluster,
    plan: &RollbackPlan,
    options: RunOptions,
    report: Report<'_>,
) -> Outcome {
    let variant = Variant {
        kind: "rollback",
        back_to: Some(plan.target),
        hanging: &plan.hanging,
    };
    let (request, plan) = (&plan.request, &plan.deploy);
    run_variant(cluster, request, plan, options, variant, report).await
}
