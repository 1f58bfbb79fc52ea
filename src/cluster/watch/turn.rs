//! What one stream of a watch has brought: part of a list, or changes.

use crate::service::watch::Delta;

/// What one stream has brought.
pub(super) struct Turn<T> {
    pub phase: Phase<T>,
    /// Changes that are not reported yet.
    pub batch: Vec<Delta<T>>,
    pub brought_something: bool,
    /// Whether a list was completed in this stream.
    pub has_listed: bool,
}

/// What the lines of a stream are part of.
pub(super) enum Phase<T> {
    /// The first list of all: it is reported as it comes, since there is nothing to replace.
    FirstList,
    /// A later list: kept back until it is complete, so that what is shown is never blanked.
    Staging(Vec<Delta<T>>),
    /// Changes.
    Following,
}

impl<T> Turn<T> {
    pub fn new(phase: Phase<T>) -> Self {
        Self {
            phase,
            batch: Vec::new(),
            brought_something: false,
            has_listed: false,
        }
    }

    pub fn is_following(&self) -> bool {
        matches!(self.phase, Phase::Following)
    }

    pub fn add(&mut self, delta: Delta<T>) {
        match &mut self.phase {
            Phase::Staging(staged) => staged.push(delta),
            Phase::FirstList | Phase::Following => self.batch.push(delta),
        }
    }
}
