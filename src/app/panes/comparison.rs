//! What differs between two revisions of an instance.

use crate::app::msg::OpId;
use crate::engine::history::Comparison;
use crate::engine::plan::DiffLine;
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

/// What differs between two revisions.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonPane {
    /// The comparison that was asked for last: earlier answers are stale.
    pub op: OpId,
    /// Of which instance.
    pub key: InstanceKey,
    /// The revision that the old lines are of.
    pub from: u32,
    /// The revision that the new lines are of.
    pub to: u32,
    /// What differs, or why that cannot be told; none of both while the cluster is asked.
    pub result: Option<Result<Comparison, Failure>>,
    /// The first line that is shown.
    pub scroll: usize,
}

impl ComparisonPane {
    /// Returns a pane that awaits what differs.
    pub fn new(op: OpId, key: InstanceKey, (from, to): (u32, u32)) -> Self {
        Self {
            op,
            key,
            from,
            to,
            result: None,
            scroll: 0,
        }
    }

    /// Returns the lines that differ: of the parameters first, then of the text.
    pub fn lines(&self) -> impl Iterator<Item = &DiffLine> {
        let comparison = self.result.as_ref().and_then(|result| result.as_ref().ok());
        comparison
            .into_iter()
            .flat_map(|comparison| comparison.parameters.iter().chain(&comparison.text))
    }
}
