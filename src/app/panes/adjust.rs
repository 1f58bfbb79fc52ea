//! The plan of a scale or a restart, of one or several instances.

use crate::app::msg::OpId;
use crate::app::panes::planned::Plans;
use crate::app::panes::resumed::Resumed;
use crate::definition::id::InstanceId;
use crate::engine::adjust::{AdjustPlan, Adjustment, MAX_REPLICAS, WorkloadChoice, WorkloadName};
use crate::service::summary::InstanceKey;

/// What is wanted of one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedAdjustment {
    /// What is to be changed.
    pub adjustment: Adjustment,
    /// By how many replicas, where a difference was asked for and not a number.
    pub by: Option<i32>,
    /// The one workload that is meant, where one was chosen.
    pub only: Option<WorkloadName>,
}

/// The plan of a scale or a restart.
#[derive(Debug, Clone, PartialEq)]
pub struct AdjustPane {
    /// The plans that were asked for last: earlier answers are stale.
    pub op: OpId,
    /// The plans.
    pub plans: Plans<AdjustPlan, WantedAdjustment>,
    /// How it goes on, where it was begun before.
    pub resumed: Option<Resumed>,
    /// The first line that is shown.
    pub scroll: usize,
}

impl AdjustPane {
    /// Returns a pane that awaits its plans.
    pub fn new(op: OpId, wanted: Vec<(InstanceKey, Adjustment)>, by: Option<i32>) -> Self {
        let wanted = wanted.into_iter().map(|(key, adjustment)| {
            let only = None;
            let wanted = WantedAdjustment {
                adjustment,
                by,
                only,
            };
            (key, wanted)
        });
        Self {
            op,
            plans: Plans::new(wanted),
            resumed: None,
            scroll: 0,
        }
    }

    /// Returns a pane of what was begun before, and goes on.
    pub fn resume(
        op: OpId,
        (key, adjustment): (InstanceKey, Adjustment),
        only: Option<WorkloadName>,
        resumed: Resumed,
    ) -> Self {
        let mut pane = Self::new(op, vec![(key, adjustment)], None);
        for planned in pane.plans.iter_mut() {
            planned.wanted.only.clone_from(&only);
        }
        Self {
            resumed: Some(resumed),
            ..pane
        }
    }

    /// Returns the plans that change something and that nothing stands against: what is refused keeps no other.
    pub fn runnable(&self) -> impl Iterator<Item = &AdjustPlan> {
        self.plans
            .ready()
            .filter(|plan| !plan.is_noop() && plan.refusals.is_empty())
    }

    /// Returns how many are left, for the reasons that are shown.
    pub fn n_left(&self) -> usize {
        self.plans.n_left(|plan| !plan.refusals.is_empty())
    }

    /// Tells whether numbers of replicas are changed, not pods restarted.
    pub fn is_scale(&self) -> bool {
        let mut wanted = self.plans.iter().map(|planned| planned.wanted.adjustment);
        wanted.any(|it| matches!(it, Adjustment::Scale(_)))
    }

    /// Tells whether it can be confirmed.
    ///
    /// # Errors
    /// Why not.
    pub fn confirmable(&self) -> Result<(), &'static str> {
        if self.plans.are_awaited() {
            return Err("the plan is not there yet");
        }
        if self.open_choice().is_some() || self.runnable().next().is_some() {
            return Ok(());
        }
        if self.plans.ready().any(|plan| !plan.refusals.is_empty()) {
            return Err("refused: see the reasons above");
        }
        if self.plans.has_failed() {
            return Err("there is no plan: plan anew");
        }
        Err("nothing would change")
    }

    /// Returns the first plan that asks for one of several workloads.
    pub fn open_choice(&self) -> Option<&AdjustPlan> {
        self.plans.ready().find(|plan| !plan.choices.is_empty())
    }

    /// Returns how many fields of others would be written.
    pub fn n_conflicts(&self) -> usize {
        self.runnable().map(|plan| plan.conflicts.len()).sum()
    }

    /// Means one workload of an instance. A difference is then one to its own number.
    pub(in crate::app) fn choose(&mut self, key: &InstanceKey, choice: WorkloadChoice) {
        let planned = self.plans.iter_mut().find(|planned| planned.key == *key);
        let Some(wanted) = planned.map(|planned| &mut planned.wanted) else {
            return;
        };
        if let Some(by) = wanted.by.filter(|_| wanted.only.is_none()) {
            wanted.adjustment = Adjustment::Scale(stepped(choice.replicas, by));
        }
        wanted.only = Some(choice.name);
    }

    /// Leaves to others what is theirs.
    pub(in crate::app) fn yield_to_others(&mut self) {
        for planned in self.plans.iter_mut() {
            if let Some(Ok(plan)) = planned.plan.take() {
                planned.plan = Some(Ok(Box::new(plan.yielding())));
            }
        }
    }

    /// Returns the IDs that must be typed: those of protected instances, and of those that lose data.
    pub fn ids_to_type(&self) -> Vec<InstanceId> {
        self.runnable()
            .filter(|plan| plan.caution.wants_id() || plan.n_lost > 0)
            .map(|plan| plan.instance.id.clone())
            .collect()
    }

    /// Wants so many replicas more of each; tells whether that changes anything.
    pub(in crate::app) fn step(&mut self, by: i32) -> bool {
        let mut is_changed = false;
        for wanted in self.plans.iter_mut().map(|planned| &mut planned.wanted) {
            if let Adjustment::Scale(replicas) = &mut wanted.adjustment {
                let next = stepped(*replicas, by);
                is_changed |= next != *replicas;
                *replicas = next;
                wanted.by = wanted.by.map(|so_far| so_far.saturating_add(by));
            }
        }
        is_changed
    }

    /// Wants so many replicas of each.
    pub(in crate::app) fn set(&mut self, replicas: u32) {
        for planned in self.plans.iter_mut() {
            planned.wanted.adjustment = Adjustment::Scale(replicas);
            planned.wanted.by = None;
        }
    }

    /// Takes what was begun before as what is wanted of each.
    pub(in crate::app) fn resume_with(&mut self, adjustment: Adjustment, takes_conflicts: bool) {
        if let Some(resumed) = &mut self.resumed {
            resumed.takes_conflicts = takes_conflicts;
        }
        for planned in self.plans.iter_mut() {
            planned.wanted.adjustment = adjustment;
        }
    }

    /// Forgets the plans, as new ones are asked for.
    pub(in crate::app) fn restart(&mut self, op: OpId) {
        self.op = op;
        self.plans.forget();
    }
}

/// Returns a number of replicas some steps on, within what is allowed.
pub fn stepped(replicas: u32, by: i32) -> u32 {
    replicas.saturating_add_signed(by).min(MAX_REPLICAS)
}
