//! The fate table: what a teardown does to every object and every volume, before anything is confirmed.

use crate::app::msg::OpId;
use crate::definition::id::InstanceId;
use crate::engine::plan::{Fate, FateRow, TeardownPlan, TeardownScope, VolumeChoice};
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

/// The plan of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedTeardown {
    /// Which instance.
    pub key: InstanceKey,
    /// Its plan, or why there is none; none of both while the cluster is asked.
    pub plan: Option<Result<Box<TeardownPlan>, Failure>>,
}

/// The fate table of one or several instances.
#[derive(Debug, Clone, PartialEq)]
pub struct TeardownPane {
    /// The plans that were asked for last: earlier answers are stale.
    pub op: OpId,
    /// What is taken down.
    pub scope: TeardownScope,
    /// What happens to claims.
    pub volumes: VolumeChoice,
    /// Whether it is taken over at once from somebody else who is at it.
    pub takes_over: bool,
    /// The plans.
    pub plans: Vec<PlannedTeardown>,
    /// The first line that is shown.
    pub scroll: usize,
}

impl TeardownPane {
    /// Returns a table that awaits its plans.
    pub fn new(op: OpId, keys: Vec<InstanceKey>) -> Self {
        let plans = keys
            .into_iter()
            .map(|key| PlannedTeardown { key, plan: None })
            .collect();
        Self {
            op,
            scope: TeardownScope::Instance,
            volumes: VolumeChoice::default(),
            takes_over: false,
            plans,
            scroll: 0,
        }
    }

    /// Returns a table of what becomes of what was left of an instance.
    pub fn release(op: OpId, key: InstanceKey, scope: TeardownScope) -> Self {
        Self {
            scope,
            volumes: VolumeChoice::Delete,
            ..Self::new(op, vec![key])
        }
    }

    /// Returns the plans that are there.
    pub fn ready(&self) -> impl Iterator<Item = &TeardownPlan> {
        self.plans.iter().filter_map(|planned| match &planned.plan {
            Some(Ok(plan)) => Some(plan.as_ref()),
            Some(Err(_)) | None => None,
        })
    }

    /// Returns the plans that take something down and that nothing stands against: what is refused keeps no other.
    pub fn runnable(&self) -> impl Iterator<Item = &TeardownPlan> {
        let is_kept = |row: &FateRow| matches!(row.fate, Fate::Kept(_) | Fate::Left(_));
        self.ready()
            .filter(move |plan| plan.refusals.is_empty() && !plan.rows.iter().all(is_kept))
    }

    /// Returns how many are left, for the reasons that are shown.
    pub fn n_left(&self) -> usize {
        let is_left = |planned: &&PlannedTeardown| match &planned.plan {
            Some(Ok(plan)) => !plan.refusals.is_empty(),
            Some(Err(_)) | None => true,
        };
        self.plans.iter().filter(is_left).count()
    }

    /// Tells whether it can be confirmed.
    ///
    /// # Errors
    /// Why not.
    pub fn confirmable(&self) -> Result<(), &'static str> {
        if self.plans.iter().any(|planned| planned.plan.is_none()) {
            return Err("the fate of every object is not known yet");
        }
        if self.runnable().next().is_some() {
            return Ok(());
        }
        if self
            .plans
            .iter()
            .any(|planned| matches!(planned.plan, Some(Err(_))))
        {
            return Err("there is no plan: plan anew");
        }
        if self.ready().any(|plan| !plan.refusals.is_empty()) {
            return Err("refused: see the reasons above");
        }
        if self.ready().all(|plan| plan.rows.is_empty()) {
            return Err("nothing of it is there any more");
        }
        Err(match self.scope {
            TeardownScope::Instance => "all that is there is kept: v deletes the claims",
            TeardownScope::KeptClaims | TeardownScope::RetainedVolumes => {
                "nothing of it can be released: see why above"
            }
        })
    }

    /// Returns the IDs that must be typed: those of protected instances, and of those whose data may be lost.
    pub fn ids_to_type(&self) -> Vec<InstanceId> {
        self.runnable()
            .filter(|plan| plan.is_protected || plan.rows.iter().any(destroys_data))
            .map(|plan| plan.instance.id.clone())
            .collect()
    }

    pub(in crate::app) fn on_planned(
        &mut self,
        key: &InstanceKey,
        result: Result<Box<TeardownPlan>, Failure>,
    ) {
        if let Some(planned) = self.plans.iter_mut().find(|planned| planned.key == *key) {
            planned.plan = Some(result);
        }
    }

    /// Forgets the plans, as new ones are asked for.
    pub(in crate::app) fn restart(&mut self, op: OpId) {
        self.op = op;
        for planned in &mut self.plans {
            planned.plan = None;
        }
    }
}

/// Tells whether a row loses data; data that nobody can say anything about counts as lost.
pub fn destroys_data(row: &FateRow) -> bool {
    row.destroys_data()
}
