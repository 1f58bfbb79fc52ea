//! Resuming: what an operation left half done is planned again from what stands in the cluster, by any client, and finished.
//!
//! A deploy has its text in the revision that is not current yet; a rollback names its target, a teardown its choice for the
//! claims, a scale its number, and each what was agreed to when it was begun. Nothing else is carried over from the one that
//! began it: what is there is looked at anew, and shown.

use super::adjust::{AdjustPlan, Adjustment, WorkloadName, plan_rest};
use super::adopt::{self, AdoptPlan};
use super::again::{self, Former};
pub use super::again::{ReadSecrets, Surroundings};
use super::agreed;
use super::claims::plan_release;
use super::deploy::{DeployRequest, Report, RunOptions, plan_again};
use super::history;
use super::journal::Journal;
use super::operation::{self, Intent, Shown};
use super::plan::{DeployPlan, Fate, FateRow, TeardownPlan, TeardownScope, VolumeChoice};
use super::preflight::refused;
use super::progress::{Outcome, Step};
use super::record::{self, Change, Record};
use super::remedy::Remedy;
use super::retained::plan_volume_release;
use super::rollback::{RollbackPlan, RollbackRequest, plan_rollback};
use super::routes::{self, RoutePlan, plan_routes};
use super::teardown::{VOLUME_RELEASE, plan_teardown};
use crate::cluster::Cluster;
use crate::definition::naming;
use crate::failure::{Failure, FailureKind};
use crate::service::operation::{Aim, Operation};
use crate::service::summary::InstanceKey;

/// Why only the note is taken away, where everything else was done.
const IS_DONE: &str = "all of it was done already";

/// What is to be resumed, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeRequest {
    /// The instance.
    pub instance: InstanceKey,
    /// Who resumes it, and under which settings.
    pub surroundings: Surroundings,
}

/// What finishes an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum ResumePlan {
    /// The revision that was written is deployed.
    Deploy {
        /// What it keeps, as it is deployed.
        request: Box<DeployRequest>,
        /// What is left to be done.
        plan: Box<DeployPlan>,
    },
    /// The rollback goes on.
    Rollback(Box<RollbackPlan>),
    /// The teardown goes on.
    Teardown(Box<TeardownPlan>),
    /// The scale or the restart goes on.
    Adjust {
        /// What is left to be done.
        plan: Box<AdjustPlan>,
        /// Whether the numbers of others that it shows were taken when it was begun.
        takes_conflicts: bool,
    },
    /// The change of its routes goes on.
    Routes {
        /// What is left to be done.
        plan: Box<RoutePlan>,
        /// Whether the fields of others that it shows were taken when it was begun.
        takes_conflicts: bool,
    },
    /// The objects that are still to be handed over are.
    Adopt(Box<AdoptPlan>),
    /// Nothing is left half done: only the note of it is taken away.
    Clear(Box<ClearPlan>),
}

impl ResumePlan {
    /// Returns the plan of the deploy that goes on; none where something else does.
    pub fn deploy(&self) -> Option<&DeployPlan> {
        match self {
            Self::Deploy { plan, .. } => Some(plan),
            Self::Rollback(plan) => Some(&plan.deploy),
            Self::Teardown(_)
            | Self::Adjust { .. }
            | Self::Routes { .. }
            | Self::Adopt(_)
            | Self::Clear(_) => None,
        }
    }
}

/// A note that is taken away, since nothing is left to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearPlan {
    /// The instance.
    pub instance: InstanceKey,
    /// What is noted.
    pub operation: Operation,
    /// Why nothing is left to be done, and what to do for the rest.
    pub why: String,
}

/// Plans what finishes the operation that is noted on an instance.
///
/// # Errors
/// None is noted, it cannot be resumed from what is there, or the cluster cannot be reached.
pub async fn plan_resume(
    cluster: &Cluster,
    wish: &ResumeRequest,
    read_secrets: ReadSecrets<'_>,
) -> Result<ResumePlan, Failure> {
    let instance = &wish.instance;
    let record = record::read(cluster, instance).await?;
    let Some(record) = record.filter(|record| record.operation().is_some()) else {
        let summary = format!("nothing is under way on {instance}: there is nothing to resume");
        return Err(Failure::new(FailureKind::NotFound, summary));
    };
    let operation = record.noted().ok_or_else(|| {
        refused(format!(
            "what is noted on {instance} cannot be read: deploy it again, or take it down"
        ))
    })?;
    let resuming = Resuming {
        cluster,
        wish,
        record: &record,
        read_secrets,
    };
    resuming.plan(operation).await
}

struct Resuming<'a> {
    cluster: &'a Cluster,
    wish: &'a ResumeRequest,
    record: &'a Record,
    read_secrets: ReadSecrets<'a>,
}

impl Resuming<'_> {
    async fn plan(&self, operation: Operation) -> Result<ResumePlan, Failure> {
        let Aim {
            revision,
            back_to,
            volumes,
            ..
        } = &operation.aim;
        match (operation.kind.as_str(), revision, back_to) {
            ("deploy" | "restore", Some(number), _) => {
                let number = *number;
                self.deploy(operation, number).await
            }
            ("rollback", Some(_), Some(target)) => {
                let wish = RollbackRequest {
                    instance: self.wish.instance.clone(),
                    to: Some(*target),
                    surroundings: agreed::surroundings(&operation.aim, &self.wish.surroundings),
                };
                let mut plan = plan_rollback(self.cluster, &wish, self.read_secrets).await?;
                agreed::go_on(&operation.aim, &mut plan.deploy);
                // Whether it takes other values was decided when it was begun.
                let offers = &mut plan.deploy.offers;
                offers.retain(|it| it.remedy != Remedy::RotateSecrets);
                Ok(ResumePlan::Rollback(Box::new(plan)))
            }
            ("teardown" | "release" | VOLUME_RELEASE, ..) => {
                let choice = volumes.as_deref().map(VolumeChoice::of);
                let Some(choice) = choice.unwrap_or(Some(VolumeChoice::Keep)) else {
                    return Err(self.unknown(&operation));
                };
                let instance = &self.wish.instance;
                let plan = match operation.kind.as_str() {
                    "release" => plan_release(self.cluster, instance, choice).await?,
                    VOLUME_RELEASE => {
                        let named = operation.aim.named.iter().cloned().collect();
                        let mut plan =
                            plan_volume_release(self.cluster, instance, choice, &named).await?;
                        // All that was named is gone: that is what it was to come to.
                        plan.refusals.retain(|it| it.kind != FailureKind::NotFound);
                        plan
                    }
                    _ => plan_teardown(self.cluster, instance, choice).await?,
                };
                // A release keeps the record: where nothing is left to go, the note would stay for ever.
                let is_over = plan.rows.iter().all(|row| row.fate != Fate::Deleted);
                let is_release = plan.scope != TeardownScope::Instance;
                if is_release
                    && plan.refusals.is_empty()
                    && let Some(why) = why_over(&[], is_over, &staying(&plan))
                {
                    return Ok(self.clear(operation, why));
                }
                Ok(ResumePlan::Teardown(Box::new(plan)))
            }
            // NB: boxed, so that the futures of plans do not all add up.
            ("scale" | "restart", ..) => Box::pin(self.adjust(operation)).await,
            (routes::OPERATION, ..) => Box::pin(self.routes(operation)).await,
            (adopt::OPERATION, ..) => Box::pin(self.adoption(operation)).await,
            _ => Err(self.unknown(&operation)),
        }
    }

    /// Plans what is left of a scale or a restart.
    async fn adjust(&self, operation: Operation) -> Result<ResumePlan, Failure> {
        let Aim {
            replicas,
            restarted_at,
            workload,
            ..
        } = &operation.aim;
        let adjustment = match (operation.kind.as_str(), replicas, restarted_at) {
            ("scale", Some(to), _) => Adjustment::Scale(*to),
            ("restart", _, Some(_)) => Adjustment::Restart,
            _ => {
                let why = format!(
                    "each workload was changed or was not: the same {} again does the rest",
                    operation.kind
                );
                return Ok(self.clear(operation, why));
            }
        };
        let instance = &self.wish.instance;
        let only = match workload.as_deref().map(str::parse::<WorkloadName>) {
            Some(Err(_)) => return Err(self.unknown(&operation)),
            Some(Ok(only)) => Some(only),
            None => None,
        };
        let begun = *restarted_at;
        let plan = plan_rest(self.cluster, instance, adjustment, only.as_ref(), begun).await?;
        if let Some(why) = why_over(&plan.refusals, plan.is_noop(), &[]) {
            return Ok(self.clear(operation, why));
        }
        let takes_conflicts = agreed::is_taken(&operation.aim, &plan.conflicts);
        Ok(ResumePlan::Adjust {
            plan: Box::new(plan),
            takes_conflicts,
        })
    }

    /// Plans what is left of a change of routes.
    async fn routes(&self, operation: Operation) -> Result<ResumePlan, Failure> {
        let instances = std::slice::from_ref(&self.wish.instance);
        let surroundings = agreed::surroundings(&operation.aim, &self.wish.surroundings);
        let plans = plan_routes(self.cluster, instances, &surroundings).await?;
        let Some(plan) = plans.into_iter().next() else {
            return Err(self.unknown(&operation));
        };
        if let Some(why) = why_over(&plan.refusals, plan.is_noop(), &[]) {
            return Ok(self.clear(operation, why));
        }
        let takes_conflicts = agreed::is_taken(&operation.aim, &plan.conflicts);
        Ok(ResumePlan::Routes {
            plan: Box::new(plan),
            takes_conflicts,
        })
    }

    /// Plans what is left of an adoption.
    async fn adoption(&self, operation: Operation) -> Result<ResumePlan, Failure> {
        let Aim {
            definition, handed, ..
        } = &operation.aim;
        let name = definition.as_deref().map(str::parse);
        let (Some(Ok(name)), [_, ..]) = (name, handed.as_slice()) else {
            return Err(self.unknown(&operation));
        };
        let plan = adopt::plan_rest(self.cluster, &self.wish.instance, name, handed).await?;
        if let Some(why) = why_over(&plan.refusals, plan.is_noop(), &plan.warnings) {
            return Ok(self.clear(operation, why));
        }
        Ok(ResumePlan::Adopt(Box::new(plan)))
    }

    /// Returns the refusal of an operation that says too little, as one of another version may.
    fn unknown(&self, operation: &Operation) -> Failure {
        let (what, instance) = (operation.what(), &self.wish.instance);
        refused(format!(
            "a {what} of {instance} cannot be resumed from its note: give the command again that began it"
        ))
    }

    fn clear(&self, operation: Operation, why: String) -> ResumePlan {
        ResumePlan::Clear(Box::new(ClearPlan {
            instance: self.wish.instance.clone(),
            operation,
            why,
        }))
    }

    /// Plans the deploy of what the revision keeps.
    async fn deploy(&self, operation: Operation, number: u32) -> Result<ResumePlan, Failure> {
        let instance = &self.wish.instance;
        let kept = match history::kept_revision(self.cluster, instance, number).await {
            // The text comes first: without it nothing else was written either.
            Err(failure) if failure.kind == FailureKind::NotFound => {
                return self.not_begun(operation).await;
            }
            kept => kept?,
        };
        let cause = kept.revision.cause.clone();
        let former = Former {
            what: format!("revision {number} of {instance}"),
            instance: instance.clone(),
            name: kept.revision.definition,
            text: kept.text,
            parameters: kept.revision.parameters,
        };
        let mut request = again::request(
            former,
            &agreed::surroundings(&operation.aim, &self.wish.surroundings),
            self.cluster.policy(),
            String::new(),
            self.read_secrets,
        )?;
        if self.wish.surroundings.message.is_none() {
            request.message = cause;
        }
        let mut plan = plan_again(self.cluster, &request).await?;
        agreed::go_on(&operation.aim, &mut plan);
        Ok(ResumePlan::Deploy {
            request: Box::new(request),
            plan: Box::new(plan),
        })
    }

    /// Nothing was written but the note. Where nothing was deployed before, the record goes with it.
    async fn not_begun(&self, operation: Operation) -> Result<ResumePlan, Failure> {
        let instance = &self.wish.instance;
        if self.record.revision().is_some() {
            let why = "nothing was written yet, not even its text: deploy the definition again";
            return Ok(self.clear(operation, why.to_owned()));
        }
        let plan = plan_teardown(self.cluster, instance, VolumeChoice::Keep).await?;
        let record = naming::record(&instance.id);
        let is_bare = plan
            .rows
            .iter()
            .all(|row| row.key.name == record || row.fate != Fate::Deleted);
        if is_bare {
            return Ok(ResumePlan::Teardown(Box::new(plan)));
        }
        Err(refused(format!(
            "the text of the {} of {instance} is not kept: deploy the definition again, or take it down",
            operation.what()
        )))
    }
}

/// Returns why nothing is left to be done, or can be done any more; none where something is. `remarks` say of what is left why
/// it stays.
fn why_over(refusals: &[Failure], is_noop: bool, remarks: &[String]) -> Option<String> {
    match refusals.first() {
        Some(refusal) => Some(format!("the rest of it cannot be done any more: {refusal}")),
        None if !is_noop => None,
        None if remarks.is_empty() => Some(IS_DONE.to_owned()),
        None => Some(remarks.join("; ")),
    }
}

/// Says of what a teardown leaves why it does.
fn staying(plan: &TeardownPlan) -> Vec<String> {
    let why = |row: &FateRow| match &row.fate {
        Fate::Kept(why) | Fate::Left(why) => Some(format!("{} stays: {why}", row.key)),
        Fate::Deleted | Fate::GarbageCollected(_) => None,
    };
    plan.rows.iter().filter_map(why).collect()
}

/// Takes a note away.
pub async fn run_clear(
    cluster: &Cluster,
    plan: &ClearPlan,
    options: RunOptions,
    holder: &str,
    report: Report<'_>,
) -> Outcome {
    let mut journal = Journal::new(report);
    let intent = Intent {
        kind: "resume",
        instance: &plan.instance,
        holder,
        aim: Aim::default(),
        n_steps: 0,
        meeting: options.meeting,
        shown: Shown::Operation(&plan.operation),
    };
    journal.started(&Step::Claim);
    let lease = match operation::claim(cluster, &intent, None, &mut journal).await {
        Ok(lease) => lease,
        Err(failure) => {
            journal.failed(Step::Claim, failure);
            return journal.into_outcome();
        }
    };
    journal.done(Step::Claim, None);
    // Where the record is gone, the note is gone with it.
    let ended = match lease {
        Some(lease) => lease.end(Change::default()).await,
        None => Ok(()),
    };
    journal.ended(Step::Record, ended.map(|()| None));
    journal.into_outcome()
}
