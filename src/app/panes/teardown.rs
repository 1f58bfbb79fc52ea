//! The fate table: what a teardown does to every object and every volume, before anything is confirmed.

use std::collections::BTreeSet;

use crate::app::msg::OpId;
use crate::app::panes::planned::Plans;
use crate::definition::id::InstanceId;
use crate::engine::plan::{Fate, FateRow, TeardownPlan, TeardownScope, VolumeChoice};
use crate::service::summary::InstanceKey;

/// Why a teardown takes nothing down that could: its claims are chosen to stay.
pub const ALL_IS_KEPT: &str = "all that is there is kept";

/// The fate table of one or several instances.
#[derive(Debug, Clone, PartialEq)]
pub struct TeardownPane {
    /// The plans that were asked for last: earlier answers are stale.
    pub op: OpId,
    /// What is taken down.
    pub scope: TeardownScope,
    /// What happens to claims.
    pub volumes: VolumeChoice,
    /// The retained volumes that are released, where not all of the instance are.
    pub named: BTreeSet<String>,
    /// Whether it is taken over at once from somebody else who is at it.
    pub takes_over: bool,
    /// The plans.
    pub plans: Plans<TeardownPlan>,
    /// The first line that is shown.
    pub scroll: usize,
}

impl TeardownPane {
    /// Returns a table that awaits its plans.
    pub fn new(op: OpId, keys: Vec<InstanceKey>) -> Self {
        let plans = Plans::new(keys.into_iter().map(|key| (key, ())));
        Self {
            op,
            scope: TeardownScope::Instance,
            volumes: VolumeChoice::default(),
            named: BTreeSet::new(),
            takes_over: false,
            plans,
            scroll: 0,
        }
    }

    /// Returns a table of what becomes of what was left of an instance: of the volumes that are named alone, if any are.
    pub fn release(
        op: OpId,
        key: InstanceKey,
        scope: TeardownScope,
        named: BTreeSet<String>,
    ) -> Self {
        Self {
            scope,
            volumes: VolumeChoice::Delete,
            named,
            ..Self::new(op, vec![key])
        }
    }

    /// Tells whether only what was left of an instance is released.
    pub fn releases(&self) -> bool {
        self.scope != TeardownScope::Instance
    }

    /// Returns the plans that take something down and that nothing stands against: what is refused keeps no other.
    pub fn runnable(&self) -> impl Iterator<Item = &TeardownPlan> {
        let is_kept = |row: &FateRow| matches!(row.fate, Fate::Kept(_) | Fate::Left(_));
        self.plans
            .ready()
            .filter(move |plan| plan.refusals.is_empty() && !plan.rows.iter().all(is_kept))
    }

    /// Returns how many are left, for the reasons that are shown.
    pub fn n_left(&self) -> usize {
        self.plans.n_left(|plan| !plan.refusals.is_empty())
    }

    /// Tells whether it can be confirmed.
    ///
    /// # Errors
    /// Why not.
    pub fn confirmable(&self) -> Result<(), &'static str> {
        if self.plans.are_awaited() {
            return Err("the fate of every object is not known yet");
        }
        if self.runnable().next().is_some() {
            return Ok(());
        }
        if self.plans.has_failed() {
            return Err("there is no plan: plan anew");
        }
        if self.plans.ready().any(|plan| !plan.refusals.is_empty()) {
            return Err("refused: see the reasons above");
        }
        if self.plans.ready().all(|plan| plan.rows.is_empty()) {
            return Err("nothing of it is there any more");
        }
        Err(match self.scope {
            TeardownScope::Instance => ALL_IS_KEPT,
            TeardownScope::KeptClaims | TeardownScope::RetainedVolumes => {
                "nothing of it can be released: see why above"
            }
        })
    }

    /// Returns the IDs that must be typed: those of protected instances, and of those whose data may be lost.
    pub fn ids_to_type(&self) -> Vec<InstanceId> {
        self.runnable()
            .filter(|plan| {
                plan.caution.wants_id()
                    || plan.strangers().is_some()
                    || plan.rows.iter().any(destroys_data)
            })
            .map(|plan| plan.instance.id.clone())
            .collect()
    }

    /// Forgets the plans, as new ones are asked for.
    pub(in crate::app) fn restart(&mut self, op: OpId) {
        self.op = op;
        self.plans.forget();
    }
}

/// Tells whether a row loses data; data that nobody can say anything about counts as lost.
pub fn destroys_data(row: &FateRow) -> bool {
    row.destroys_data()
}
