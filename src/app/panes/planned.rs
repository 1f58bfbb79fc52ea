//! Plans of several instances, which are asked for together and come one by one.

use crate::failure::Failure;
use crate::service::summary::InstanceKey;

/// The plan for one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned<P, W = ()> {
    /// Which instance.
    pub key: InstanceKey,
    /// What is wanted of it.
    pub wanted: W,
    /// Its plan, or why there is none; none of both while the cluster is asked.
    pub plan: Option<Result<Box<P>, Failure>>,
}

/// The plans of several instances, in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Plans<P, W = ()>(Vec<Planned<P, W>>);

impl<P, W> Plans<P, W> {
    /// Returns plans that are awaited.
    pub fn new(wanted: impl IntoIterator<Item = (InstanceKey, W)>) -> Self {
        let planned = wanted.into_iter().map(|(key, wanted)| Planned {
            key,
            wanted,
            plan: None,
        });
        Self(planned.collect())
    }

    /// Returns what is known of each instance.
    pub fn iter(&self) -> std::slice::Iter<'_, Planned<P, W>> {
        self.0.iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Planned<P, W>> {
        self.0.iter_mut()
    }

    /// Tells whether there are several instances.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Returns the plans that are there.
    pub fn ready(&self) -> impl Iterator<Item = &P> {
        self.0.iter().filter_map(|planned| match &planned.plan {
            Some(Ok(plan)) => Some(plan.as_ref()),
            Some(Err(_)) | None => None,
        })
    }

    /// Returns of how many there is no plan, or one that something stands against.
    pub fn n_left(&self, is_refused: impl Fn(&P) -> bool) -> usize {
        self.0.len() - self.ready().filter(|plan| !is_refused(plan)).count()
    }

    /// Tells whether the cluster is still asked for one of them.
    pub fn are_awaited(&self) -> bool {
        self.0.iter().any(|planned| planned.plan.is_none())
    }

    /// Tells whether one of them could not be made.
    pub fn has_failed(&self) -> bool {
        let mut planned = self.0.iter();
        planned.any(|planned| matches!(planned.plan, Some(Err(_))))
    }

    pub(in crate::app) fn on_planned(
        &mut self,
        key: &InstanceKey,
        result: Result<Box<P>, Failure>,
    ) {
        if let Some(planned) = self.0.iter_mut().find(|planned| planned.key == *key) {
            planned.plan = Some(result);
        }
    }

    /// Forgets the plans, as new ones are asked for.
    pub(super) fn forget(&mut self) {
        for planned in &mut self.0 {
            planned.plan = None;
        }
    }
}
