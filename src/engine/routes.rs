//! The routes of instances computed again from what is there: their Ingresses as the current revision makes them under the
//! settings of now, and none that leads nowhere.
//!
//! No revision comes of it, and nothing but Ingresses is written. A route that works is never taken away: an Ingress is deleted
//! only if it is ours and the revision does not make it, or if not one of the ports that it routes to is there.

mod backing;
mod planning;
mod running;

use crate::definition::object::Object;
use crate::failure::{Failure, FailureKind};
use crate::service::protection::Caution;
use crate::service::summary::InstanceKey;

use super::operation::Meeting;
use super::plan::{Change, FieldConflict, PlannedObject};

pub use super::again::Surroundings;
pub use planning::plan_routes;
pub use running::run_routes;

/// The word that the record's operation bears.
pub const OPERATION: &str = "update-ingress";
const GROUP: &str = "networking.k8s.io";

/// What would become of the routes of an instance, as shown for review.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutePlan {
    /// The instance.
    pub instance: InstanceKey,
    /// The current revision, of which the routes are made.
    pub revision: Option<u32>,
    /// Whether no deploy of it came to its end yet, as after an adoption: nobody knows its routes.
    pub is_undeployed: bool,
    /// The host of the settings under which they are made.
    pub ingress_host: Option<String>,
    /// Why the typed ID is needed whatever the flags say.
    pub caution: Caution,
    /// Its Ingresses, with those that are as they should be.
    pub routes: Vec<PlannedRoute>,
    /// Fields that other managers own, and that are taken only where that is wanted.
    pub conflicts: Vec<FieldConflict>,
    /// What the person should know.
    pub warnings: Vec<String>,
    /// Reasons why it cannot run at all; empty when it can.
    pub refusals: Vec<Failure>,
}

/// An Ingress of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedRoute {
    /// What would become of it.
    pub object: PlannedObject,
    /// What is applied; none where it is deleted.
    pub(super) wanted: Option<Object>,
    /// Whether the revision makes it: then it is deleted only if it still leads nowhere.
    pub(super) is_rendered: bool,
}

impl RoutePlan {
    /// Tells whether running it would change nothing.
    pub fn is_noop(&self) -> bool {
        self.changes().next().is_none()
    }

    /// Returns why it cannot run: its refusals, and its conflicts unless they are taken.
    pub fn obstacles(&self, takes_conflicts: bool) -> Vec<Failure> {
        let conflicts = self.conflicts.iter().filter(|_| !takes_conflicts);
        let conflicts = conflicts.map(|met| Failure {
            detail: "--force-conflicts takes it back".to_owned(),
            ..Failure::new(
                FailureKind::Conflict,
                format!("{} {}: {}", met.key, met.field, met.message),
            )
        });
        self.refusals.iter().cloned().chain(conflicts).collect()
    }

    /// Returns the routes that are changed.
    pub fn changes(&self) -> impl Iterator<Item = &PlannedRoute> {
        let routes = self.routes.iter();
        routes.filter(|route| route.object.change != Change::Unchanged)
    }
}

/// How a plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteOptions {
    /// Who does it: user, host and process.
    pub holder: String,
    /// Whether the conflicts of the plan are taken.
    pub takes_conflicts: bool,
    /// What to do where another such operation is noted.
    pub meeting: Meeting,
}

#[cfg(test)]
impl PlannedRoute {
    /// Returns a route as a plan would show it.
    pub(crate) fn shown(object: PlannedObject) -> Self {
        Self {
            object,
            wanted: None,
            is_rendered: true,
        }
    }
}
