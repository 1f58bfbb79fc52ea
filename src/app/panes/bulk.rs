//! The plans of several deploys or returns: one line each, and what keeps one from being carried out keeps no other.

use std::collections::BTreeSet;

use crate::app::effect::{DeploySource, Origin, ReviewedPlan};
use crate::app::msg::OpId;
use crate::definition::id::Namespace;
use crate::failure::Failure;

/// The plan of one of several deploys.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkItem {
    /// The plan that was asked for last: earlier answers are stale.
    pub op: OpId,
    /// What is deployed.
    pub source: DeploySource,
    /// Its plan, or why there is none; none of both while the cluster is asked.
    pub plan: Option<Result<Box<ReviewedPlan>, Failure>>,
}

impl BulkItem {
    /// Returns an item that awaits its plan.
    pub fn new(op: OpId, source: DeploySource) -> Self {
        Self {
            op,
            source,
            plan: None,
        }
    }

    /// Returns its plan, once it is there.
    pub fn ready(&self) -> Option<&ReviewedPlan> {
        match &self.plan {
            Some(Ok(plan)) => Some(plan),
            Some(Err(_)) | None => None,
        }
    }

    fn namespace(&self) -> Option<&Namespace> {
        match self.ready() {
            Some(plan) => Some(&plan.deploy().instance.namespace),
            None => self.source.namespace(),
        }
    }

    /// Returns why it is not carried out with the others; none where it is.
    pub fn why_left(&self) -> Option<String> {
        let plan = match &self.plan {
            None => return Some("the plan is not there yet".to_owned()),
            Some(Err(failure)) => return Some(failure.summary.clone()),
            Some(Ok(plan)) => plan,
        };
        let deploy = plan.deploy();
        if !deploy.unanswered.is_empty() {
            let alone = match self.source.origin {
                Origin::Trash(_) => "put it back alone",
                _ => "apply it alone",
            };
            return Some(format!("it asks for a secret: {alone}"));
        }
        if let Some(refusal) = deploy.refusals.first() {
            return Some(format!("refused: {}", refusal.summary));
        }
        if !deploy.conflicts.is_empty() {
            return Some("fields of it belong to others: review it alone".to_owned());
        }
        plan.is_noop().then(|| "nothing would change".to_owned())
    }
}

/// The plans of several deploys.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkPane {
    /// The plans.
    pub items: Vec<BulkItem>,
    /// Which of them is selected.
    pub selected: usize,
}

impl BulkPane {
    /// Returns a pane that awaits its plans.
    pub fn new(items: Vec<BulkItem>) -> Self {
        Self { items, selected: 0 }
    }

    /// Returns what each is called: where they are of more than one namespace, with its own.
    pub fn names(&self) -> Vec<String> {
        let namespaces: BTreeSet<_> = self.items.iter().filter_map(BulkItem::namespace).collect();
        let name = |item: &BulkItem| match item.namespace() {
            Some(namespace) if namespaces.len() > 1 => format!("{namespace}/{}", item.source.id()),
            _ => item.source.id().to_string(),
        };
        self.items.iter().map(name).collect()
    }

    /// Returns the plans that are carried out.
    pub fn runnable(&self) -> impl Iterator<Item = (&BulkItem, &ReviewedPlan)> {
        let items = self.items.iter().filter(|item| item.why_left().is_none());
        items.filter_map(|item| Some((item, item.ready()?)))
    }

    /// Tells whether it can be confirmed.
    ///
    /// # Errors
    /// Why not.
    pub fn confirmable(&self) -> Result<(), &'static str> {
        if self.items.iter().any(|item| item.plan.is_none()) {
            return Err("the plans are not there yet");
        }
        match self.runnable().next() {
            Some(_) => Ok(()),
            None => Err("none of them can be carried out: see the reasons above"),
        }
    }

    pub(in crate::app) fn move_by(&mut self, rows: isize) {
        let last = self.items.len().saturating_sub(1);
        self.selected = self.selected.saturating_add_signed(rows).min(last);
    }
}
