//! The plans of routes that are computed again, of one or several instances.

use crate::app::msg::OpId;
use crate::app::panes::resumed::Resumed;
use crate::definition::id::InstanceId;
use crate::engine::routes::RoutePlan;
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

/// The plans of routes.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutesPane {
    /// The plans that were asked for last: earlier answers are stale.
    pub op: OpId,
    /// Whose routes.
    pub keys: Vec<InstanceKey>,
    /// The plans, or why there are none; none of both while the cluster is asked.
    pub plans: Option<Result<Vec<RoutePlan>, Failure>>,
    /// How it goes on, where it was begun before.
    pub resumed: Option<Resumed>,
    /// The first line that is shown.
    pub scroll: usize,
}

impl RoutesPane {
    /// Returns a pane that awaits its plans.
    pub fn new(op: OpId, keys: Vec<InstanceKey>) -> Self {
        Self {
            op,
            keys,
            plans: None,
            resumed: None,
            scroll: 0,
        }
    }

    /// Returns the plans, once they are there.
    pub fn ready(&self) -> &[RoutePlan] {
        match &self.plans {
            Some(Ok(plans)) => plans,
            Some(Err(_)) | None => &[],
        }
    }

    /// Returns the plans that change something and that nothing stands against.
    pub fn runnable(&self, takes_conflicts: bool) -> impl Iterator<Item = &RoutePlan> {
        let plans = self.ready().iter();
        plans.filter(move |plan| !plan.is_noop() && plan.obstacles(takes_conflicts).is_empty())
    }

    /// Tells whether fields that others own stand against one of them.
    pub fn has_conflicts(&self) -> bool {
        self.ready().iter().any(|plan| !plan.conflicts.is_empty())
    }

    /// Tells whether it can be confirmed: what keeps one instance from being changed keeps no other.
    ///
    /// # Errors
    /// Why not.
    pub fn confirmable(&self) -> Result<(), &'static str> {
        match &self.plans {
            None => Err("the plan is not there yet"),
            Some(Err(_)) => Err("there is no plan: plan anew"),
            Some(Ok(_)) if self.runnable(true).next().is_some() => Ok(()),
            Some(Ok(plans)) if plans.iter().any(|plan| !plan.refusals.is_empty()) => {
                Err("refused: see the reasons above")
            }
            Some(Ok(_)) => Err("nothing would change"),
        }
    }

    /// Returns the IDs that must be typed: those of protected instances.
    pub fn ids_to_type(&self, takes_conflicts: bool) -> Vec<InstanceId> {
        self.runnable(takes_conflicts)
            .filter(|plan| plan.caution.wants_id())
            .map(|plan| plan.instance.id.clone())
            .collect()
    }
}
